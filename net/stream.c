/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream - clear bytes, or OpenSSL over a BIO that reads and writes through
 * the sock's own functions, so that it runs on any network there is.
 */
#include "net/stream.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "net/tls_internal.h"

#define GATHER_BYTES 16384u /* one TLS record's worth */

struct stream {
	struct net *net;
	struct sock *sock;
	/* one byte looked at ahead of the reader (stream_has_unread) */
	bool peeked;
	uint8_t peek;
	SSL *ssl; /* NULL: in clear */
	bool handshaking;
	bool shaken; /* the handshake is over */
	bool broken; /* no orderly close any more */
	bool asks;   /* for a certificate of the client */
	struct tls_check check;
	struct tls_info *info; /* NULL: in clear, where it is not paid for */
	void (*done)(void *arg, bool ok, const struct tls_info *info,
	    const struct diag *why);
	void *done_arg;
	enum io bio_io; /* last result of the sock below the BIO */
	/*
	 * What reading and writing wait for: TLS may have to write in order
	 * to read.  dry: what OpenSSL holds is part of a record at most.
	 */
	unsigned read_wants;
	unsigned write_wants;
	bool dry;
	unsigned watched;
	void (*ready)(void *arg, unsigned events);
	void *arg;
	bool *gone;              /* told when we are freed inside ready() */
	struct net_later *later; /* buffered bytes, or a failure to tell */
	struct diag tls_why;     /* why the handshake could not begin */
	uint8_t *gathered;
	char why[128];
};

/* ---- the BIO below OpenSSL ---- */

static int
bio_read(BIO *bio, char *buf, size_t cap, size_t *got)
{
	struct stream *st = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	*got = 0;
	if (st->peeked && cap > 0) {
		buf[0] = (char)st->peek;
		st->peeked = false;
		*got = 1;
		return 1;
	}
	st->bio_io = sock_recv(st->sock, buf, cap, got);
	if (st->bio_io == IO_OK)
		return 1;
	if (st->bio_io == IO_AGAIN)
		BIO_set_retry_read(bio);
	return 0;
}

static int
bio_write(BIO *bio, const char *buf, size_t n, size_t *sent)
{
	struct stream *st = BIO_get_data(bio);
	const struct iovec iov = { (void *)(uintptr_t)buf, n };

	BIO_clear_retry_flags(bio);
	st->bio_io = sock_send(st->sock, &iov, 1, sent);
	if (st->bio_io == IO_OK)
		return 1;
	if (st->bio_io == IO_AGAIN)
		BIO_set_retry_write(bio);
	return 0;
}

static long
bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	struct stream *st = BIO_get_data(bio);

	(void)num;
	(void)ptr;
	if (cmd == BIO_CTRL_EOF)
		return st->bio_io == IO_EOF;
	return cmd == BIO_CTRL_FLUSH;
}

static BIO *
bio_over(struct stream *st)
{
	static BIO_METHOD *method; /* a constant table, built once */
	BIO *bio;

	if (method == NULL) {
		method = need(BIO_meth_new(BIO_get_new_index() |
					       BIO_TYPE_SOURCE_SINK,
		    "sock"));
		BIO_meth_set_read_ex(method, bio_read);
		BIO_meth_set_write_ex(method, bio_write);
		BIO_meth_set_ctrl(method, bio_ctrl);
	}
	bio = need(BIO_new(method));
	BIO_set_data(bio, st);
	BIO_set_init(bio, 1);
	return bio;
}

/* ---- life ---- */

static int
stream_destroy(struct stream *st)
{
	if (st->gone != NULL)
		*st->gone = true;
	if (st->ssl == NULL)
		return 0;
	if (st->shaken && !st->broken)
		(void)SSL_shutdown(st->ssl); /* close_notify, if it fits */
	SSL_free(st->ssl);
	tls_check_release(&st->check);
	ERR_clear_error();
	return 0;
}

struct stream *
stream_new(TALLOC_CTX *mem, struct net *net, struct sock *s)
{
	struct stream *st = need(talloc_zero(mem, struct stream));

	st->net = net;
	st->sock = talloc_steal(st, s);
	st->read_wants = SOCK_READABLE;
	st->write_wants = SOCK_WRITABLE;
	talloc_set_destructor(st, stream_destroy);
	return st;
}

struct sock *
stream_sock(struct stream *st)
{
	return st->sock;
}

bool
stream_is_tls(const struct stream *st)
{
	return st->ssl != NULL && st->shaken;
}

const struct tls_info *
stream_tls_info(const struct stream *st)
{
	return stream_is_tls(st) ? st->info : NULL;
}

const struct tls_info *
stream_tls_tried(const struct stream *st)
{
	return st->ssl == NULL ? NULL : st->info;
}

void
stream_ask_certificate(struct stream *st)
{
	invariant(st->ssl == NULL);
	st->asks = true;
}

bool
stream_certificate_names(const struct stream *st, const char *name)
{
	return stream_is_tls(st) && tls_certificate_names(st->ssl, name);
}

bool
stream_tls_chain(TALLOC_CTX *mem, const struct stream *st,
    struct tls_chain *out)
{
	*out = (struct tls_chain){ .count = 0 };
	return st->ssl != NULL && tls_chain_of(mem, st->ssl, &st->check, out);
}

const char *
stream_why(const struct stream *st)
{
	return *st->why != '\0' ? st->why : sock_why(st->sock);
}

/* ---- reading and writing ---- */

/* What an SSL call that did nothing means; *wants: what it waits for. */
static enum io
ssl_result(struct stream *st, int ret, unsigned *wants)
{
	char text[100];

	switch (SSL_get_error(st->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		*wants = SOCK_READABLE;
		return IO_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		*wants = SOCK_WRITABLE;
		return IO_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return IO_EOF;
	}
	st->broken = true;
	tls_last_error(text, sizeof(text));
	if (*text == '\0' && st->bio_io == IO_FAILED)
		snprintf(text, sizeof(text), "%s", sock_why(st->sock));
	snprintf(st->why, sizeof(st->why), "%s",
	    *text == '\0' ? "connection lost" : text);
	return IO_FAILED;
}

/* After a failed handshake or a fatal error there is nothing to be had. */
static bool
usable(struct stream *st)
{
	invariant(!st->handshaking);
	if (st->shaken && !st->broken)
		return true;
	if (*st->why == '\0')
		snprintf(st->why, sizeof(st->why), "the TLS handshake failed");
	return false;
}

static enum io
tls_recv(struct stream *st, void *buf, size_t cap, size_t *got)
{
	int ret;
	enum io io;

	if (!usable(st))
		return IO_FAILED;
	ERR_clear_error();
	ret = SSL_read_ex(st->ssl, buf, cap, got);
	if (ret == 1) {
		st->read_wants = SOCK_READABLE;
		return IO_OK;
	}
	io = ssl_result(st, ret, &st->read_wants);
	st->dry = io == IO_AGAIN;
	return io;
}

enum io
stream_recv(struct stream *st, void *buf, size_t cap, size_t *got)
{
	*got = 0;
	if (st->ssl != NULL)
		return tls_recv(st, buf, cap, got);
	if (st->peeked && cap > 0) {
		*(uint8_t *)buf = st->peek;
		st->peeked = false;
		*got = 1;
		return IO_OK;
	}
	return sock_recv(st->sock, buf, cap, got);
}

bool
stream_has_unread(struct stream *st)
{
	size_t got;

	if (st->ssl != NULL) {
		/* What OpenSSL finds wrong here the next read will tell. */
		if (!usable(st))
			return false;
		ERR_clear_error();
		return SSL_peek_ex(st->ssl, &st->peek, 1, &got) == 1;
	}
	if (!st->peeked && sock_recv(st->sock, &st->peek, 1, &got) == IO_OK)
		st->peeked = true;
	return st->peeked;
}

/*
 * TLS writes one buffer: small pieces are gathered into a record.  A write
 * that would block must be repeated with the same bytes, which callers do
 * anyway: they send what has not been taken.
 */
static enum io
tls_send(struct stream *st, const struct iovec *iov, int iov_count,
    size_t *sent)
{
	const void *from = iov[0].iov_base;
	size_t n = iov[0].iov_len;
	int ret;

	if (iov_count > 1 && n < GATHER_BYTES) {
		if (st->gathered == NULL)
			st->gathered = need(talloc_size(st, GATHER_BYTES));
		n = 0;
		for (int i = 0; i < iov_count && n < GATHER_BYTES; i++) {
			size_t part = iov[i].iov_len;

			if (part > GATHER_BYTES - n)
				part = GATHER_BYTES - n;
			memcpy(st->gathered + n, iov[i].iov_base, part);
			n += part;
		}
		from = st->gathered;
	}
	if (n == 0)
		return IO_AGAIN;
	if (!usable(st))
		return IO_FAILED;
	ERR_clear_error();
	ret = SSL_write_ex(st->ssl, from, n, sent);
	if (ret != 1)
		return ssl_result(st, ret, &st->write_wants);
	st->write_wants = SOCK_WRITABLE;
	return IO_OK;
}

enum io
stream_send(struct stream *st, const struct iovec *iov, int iov_count,
    size_t *sent)
{
	*sent = 0;
	return st->ssl == NULL ? sock_send(st->sock, iov, iov_count, sent) :
				 tls_send(st, iov, iov_count, sent);
}

/* ---- readiness ---- */

static void arm(struct stream *st);

/* The callee may free us. */
static void
tell(struct stream *st, unsigned events)
{
	bool gone = false;

	if (events == 0)
		return;
	st->gone = &gone;
	st->ready(st->arg, events);
	if (gone)
		return;
	st->gone = NULL;
	arm(st); /* it may have left bytes, or TLS waits for something else */
}

static void
sock_ready(void *arg, unsigned events)
{
	struct stream *st = arg;
	unsigned told = 0;

	if (events & st->read_wants) {
		told |= SOCK_READABLE;
		st->dry = false;
	}
	if (events & st->write_wants)
		told |= SOCK_WRITABLE;
	tell(st, told & st->watched);
}

/* Bytes are there already, above the socket. */
static void
buffered(void *arg)
{
	struct stream *st = arg;

	st->later = NULL;
	tell(st, st->watched & SOCK_READABLE);
}

static bool
is_buffered(const struct stream *st)
{
	if (st->ssl == NULL)
		return st->peeked;
	return st->shaken && !st->dry && SSL_has_pending(st->ssl) == 1;
}

static void
arm(struct stream *st)
{
	unsigned events = 0;

	if (st->handshaking)
		return; /* begun by the callee of tell() */
	if (st->watched & SOCK_READABLE)
		events |= st->read_wants;
	if (st->watched & SOCK_WRITABLE)
		events |= st->write_wants;
	sock_watch(st->sock, events, sock_ready, st);
	if (st->watched & SOCK_READABLE && is_buffered(st) && st->later == NULL)
		st->later = net_later(st, st->net, buffered, st);
}

void
stream_watch(struct stream *st, unsigned events,
    void (*ready)(void *arg, unsigned events), void *arg)
{
	invariant(!st->handshaking);
	st->watched = events;
	st->ready = ready;
	st->arg = arg;
	arm(st);
}

/* ---- the handshake ---- */

static void
finish(struct stream *st, bool finished)
{
	struct diag why = { 0 };
	const char *lost = st->bio_io == IO_FAILED ? sock_why(st->sock) :
						     "connection closed";
	enum status ok = tls_judge(st->ssl, &st->check, finished, lost,
	    st->info, &why);

	if (ok == ST_OK)
		tls_check_proved(&st->check);
	st->handshaking = false;
	st->shaken = finished;
	st->broken = !finished;
	sock_watch(st->sock, 0, NULL, NULL);
	st->done(st->done_arg, ok == ST_OK, st->info, &why);
}

static void
shake(void *arg, unsigned events)
{
	struct stream *st = arg;
	int ret;

	(void)events;
	ERR_clear_error();
	ret = SSL_do_handshake(st->ssl);
	if (ret == 1) {
		finish(st, true);
		return;
	}
	switch (SSL_get_error(st->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		sock_watch(st->sock, SOCK_READABLE, shake, st);
		return;
	case SSL_ERROR_WANT_WRITE:
		sock_watch(st->sock, SOCK_WRITABLE, shake, st);
		return;
	}
	finish(st, false);
}

static void
first_shake(void *arg)
{
	struct stream *st = arg;

	st->later = NULL;
	shake(st, 0);
}

static void
could_not_begin(void *arg)
{
	struct stream *st = arg;

	st->later = NULL;
	st->handshaking = false;
	st->info->client_side = true;
	st->info->failure = FAILURE_TLS;
	span_print_to(span_str(st->tls_why.text), st->info->error,
	    sizeof(st->info->error));
	span_print_to(SPAN_LIT("validation-failure"), st->info->result_type,
	    sizeof(st->info->result_type));
	st->done(st->done_arg, false, st->info, &st->tls_why);
}

static void
begin(struct stream *st, SSL *ssl,
    void (*done)(void *arg, bool ok, const struct tls_info *info,
	const struct diag *why),
    void *arg)
{
	invariant(st->ssl == NULL && !st->handshaking);
	sock_watch(st->sock, 0, NULL, NULL);
	talloc_free(st->later);
	st->watched = 0;
	st->handshaking = true;
	st->info = need(talloc_zero(st, struct tls_info));
	st->done = done;
	st->done_arg = arg;
	st->ssl = ssl;
	if (ssl != NULL) {
		BIO *bio = bio_over(st);

		SSL_set_bio(ssl, bio, bio);
	}
	st->later = net_later(st, st->net,
	    ssl != NULL ? first_shake : could_not_begin, st);
}

void
stream_tls_client(struct stream *st, struct tls_client *tls,
    const struct tls_want *want,
    void (*done)(void *arg, bool ok, const struct tls_info *info,
	const struct diag *why),
    void *arg)
{
	begin(st,
	    tls_client_ssl(st, tls, want, net_wall(st->net), &st->check,
		&st->tls_why),
	    done, arg);
	span_print_to(span_str(want->sni), st->info->sni,
	    sizeof(st->info->sni));
}

void
stream_tls_server(struct stream *st, struct tls_server *tls,
    void (*done)(void *arg, bool ok, const struct tls_info *info,
	const struct diag *why),
    void *arg)
{
	begin(st, tls_server_ssl(tls, st->asks, &st->check), done, arg);
}
