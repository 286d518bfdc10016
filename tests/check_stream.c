/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Streams on the real loop, over socket pairs, and over a sock of the test's
 * own that hands out one byte at a time.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net_impl.h"
#include "net/net_real.h"
#include "net/stream.h"
#include "tests/certs.h"
#include "tests/loop.h"

#define NAME "mx.example.org"

static struct tls_client *tls_client;
static struct tls_server *tls_server;

struct side {
	struct stream *stream;
	unsigned ended; /* times that the handshake's end was told */
	bool ok;
	struct tls_info info;
	struct diag why;
	struct sbuf got;
	enum io last; /* of reading */
	unsigned calls;
	size_t cap; /* bytes a read, 0: many */
	bool once;  /* read once a call, not until IO_AGAIN */
	bool frees;
	struct span out;
};

static struct side a, b;

static void
pair(struct side *x, struct side *y)
{
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	x->stream = stream_new(mem, net, net_real_sock(mem, net, fd[0]));
	y->stream = stream_new(mem, net, net_real_sock(mem, net, fd[1]));
}

static void
set_up(void)
{
	struct cert *root, *leaf;
	char path[] = "/tmp/check_stream.XXXXXX";
	struct span pem;
	struct diag why;
	int fd;

	mem = talloc_new(NULL);
	loop_new(log_none());
	root = cert_ca(mem, "Root", NULL);
	leaf = cert_leaf(mem, "DNS:" NAME, root);
	pem = cert_pem(mem, (const struct cert *const *)&root, 1);
	fd = mkstemp(path);
	ck_assert_int_eq(write(fd, pem.p, pem.n), (ssize_t)pem.n);
	close(fd);
	ck_assert_int_eq(tls_client_new(mem, path, &tls_client, &why), ST_OK);
	unlink(path);
	pem = cert_pem(mem, (const struct cert *const *)&leaf, 1);
	ck_assert_int_eq(tls_server_new(mem, pem, cert_key_pem(mem, leaf),
			     &tls_server, &why),
	    ST_OK);
	a = b = (struct side){ 0 };
	sbuf_init(&a.got, mem, 8u << 20);
	sbuf_init(&b.got, mem, 8u << 20);
	pair(&a, &b);
}

static void
tear_down(void)
{
	talloc_free(mem);
}

/* ---- reading and writing ---- */

static void
reader(void *arg, unsigned events)
{
	struct side *s = arg;
	size_t cap = s->cap == 0 ? 65536 : s->cap, got;

	ck_assert_uint_eq(events, SOCK_READABLE);
	s->calls++;
	if (s->frees) {
		TALLOC_FREE(s->stream);
		return;
	}
	do {
		uint8_t *at = sbuf_reserve(&s->got, cap);

		s->last = stream_recv(s->stream, at, cap, &got);
		ck_assert_uint_eq(s->last == IO_OK, got > 0);
		sbuf_commit(&s->got, got);
	} while (s->last == IO_OK && !s->once);
	if (s->last == IO_EOF || s->last == IO_FAILED)
		stream_watch(s->stream, 0, NULL, NULL);
}

static void
writer(void *arg, unsigned events)
{
	struct side *s = arg;

	(void)events;
	while (s->out.n > 0) {
		const struct iovec iov = { (void *)(uintptr_t)s->out.p,
			s->out.n };
		size_t sent;

		if (stream_send(s->stream, &iov, 1, &sent) != IO_OK)
			return;
		s->out = span_sub(s->out, sent, s->out.n);
	}
	stream_watch(s->stream, 0, NULL, NULL);
}

static void
say(struct side *s, const char *text)
{
	s->out = span_str(text);
	writer(s, SOCK_WRITABLE);
	ck_assert_uint_eq(s->out.n, 0);
}

static void
listen_to(struct side *s)
{
	stream_watch(s->stream, SOCK_READABLE, reader, s);
}

static void
shaken(void *arg, bool ok, const struct tls_info *info, const struct diag *why)
{
	struct side *s = arg;

	s->ended++;
	s->ok = ok;
	s->info = *info;
	s->why = *why;
	if (s->frees)
		TALLOC_FREE(s->stream);
	if (a.ended + b.ended == 2)
		net_real_stop(net);
}

static void
begin(struct side *client, struct side *server)
{
	static const char *const ref[] = { NAME };
	const struct tls_want want = { .level = LEVEL_VERIFY,
		.method = METHOD_PKIX_STS,
		.sni = NAME,
		.ref = ref,
		.ref_count = 1 };

	if (client != NULL)
		stream_tls_client(client->stream, tls_client, &want, shaken,
		    client);
	if (server != NULL)
		stream_tls_server(server->stream, tls_server, shaken, server);
}

static void
turn_to_tls(void)
{
	begin(&a, &b);
	ck_assert_uint_eq(a.ended + b.ended, 0); /* never inside the call */
	run();
	ck_assert_msg(a.ok, "%s", a.why.text);
	ck_assert_msg(b.ok, "%s", b.why.text);
}

static void
assert_got(const struct side *s, const char *text)
{
	ck_assert(span_eq(sbuf_view(&s->got), text));
}

/* ---- in clear ---- */

START_TEST(stream_passes_clear_bytes)
{
	listen_to(&b);
	say(&a, "hello");
	turns(3);
	assert_got(&b, "hello");
	ck_assert(!stream_is_tls(a.stream));
	ck_assert_ptr_null(stream_tls_info(a.stream));
	ck_assert_ptr_null(stream_tls_tried(a.stream));
	TALLOC_FREE(a.stream);
	turns(3);
	ck_assert_int_eq(b.last, IO_EOF);
}
END_TEST

START_TEST(stream_has_unread_loses_no_byte)
{
	ck_assert(!stream_has_unread(b.stream));
	say(&a, "hello");
	ck_assert(stream_has_unread(b.stream));
	ck_assert(stream_has_unread(b.stream));
	listen_to(&b);
	turns(3);
	assert_got(&b, "hello");
	ck_assert(!stream_has_unread(b.stream));
}
END_TEST

/* The only byte was looked at, so the socket itself is not readable. */
START_TEST(stream_tells_of_a_byte_looked_at)
{
	say(&a, "x");
	ck_assert(stream_has_unread(b.stream));
	listen_to(&b);
	ck_assert_uint_eq(b.calls, 0);
	turns(3);
	assert_got(&b, "x");
}
END_TEST

START_TEST(stream_tells_again_while_a_byte_waits)
{
	say(&a, "hello");
	ck_assert(stream_has_unread(b.stream));
	b.cap = 1;
	b.once = true;
	listen_to(&b);
	turns(20);
	assert_got(&b, "hello");
}
END_TEST

START_TEST(stream_may_be_freed_in_its_own_callback)
{
	b.frees = true;
	listen_to(&b);
	say(&a, "hello");
	turns(3);
	ck_assert_ptr_null(b.stream);
	ck_assert_uint_eq(b.calls, 1);
}
END_TEST

/* ---- TLS ---- */

START_TEST(stream_turns_to_tls_in_the_middle)
{
	listen_to(&b);
	say(&a, "clear");
	turns(3);
	assert_got(&b, "clear");
	sbuf_reset(&b.got);
	stream_watch(b.stream, 0, NULL, NULL);
	turn_to_tls();
	ck_assert(stream_is_tls(a.stream));
	ck_assert(!b.info.client_side);
	ck_assert_str_eq(b.info.sni, NAME);
	ck_assert_str_eq(stream_tls_info(b.stream)->protocol, "TLSv1.3");
	ck_assert_str_eq(a.info.grade, "verified");
	listen_to(&b);
	say(&a, "secret");
	turns(3);
	assert_got(&b, "secret");
}
END_TEST

START_TEST(stream_carries_megabytes_both_ways_at_once)
{
	size_t n = 4u << 20;
	uint8_t *big = talloc_size(mem, n);

	for (size_t i = 0; i < n; i++)
		big[i] = (uint8_t)(i * 2654435761u >> 13);
	turn_to_tls();
	for (int round = 0; round < 2; round++) {
		struct side *from = round == 0 ? &a : &b;
		struct side *to = round == 0 ? &b : &a;

		from->out = span_of(big, n);
		to->once = true; /* level-triggered: no byte may be left */
		to->cap = 1000;
		stream_watch(from->stream, SOCK_WRITABLE, writer, from);
		listen_to(to);
		while (to->got.n < n)
			turns(50);
		ck_assert_mem_eq(to->got.p, big, n);
		stream_watch(to->stream, 0, NULL, NULL);
	}
}
END_TEST

/* Many small pieces of one command group are one record. */
START_TEST(stream_gathers_small_pieces)
{
	struct iovec iov[3] = { { (void *)(uintptr_t) "MAIL ", 5 },
		{ (void *)(uintptr_t) "FROM:", 5 },
		{ (void *)(uintptr_t) "<>", 2 } };
	size_t sent;

	turn_to_tls();
	ck_assert_int_eq(stream_send(a.stream, iov, 3, &sent), IO_OK);
	ck_assert_uint_eq(sent, 12);
	b.once = true;
	listen_to(&b);
	turns(3);
	assert_got(&b, "MAIL FROM:<>");
	ck_assert_uint_eq(b.calls, 1);
}
END_TEST

START_TEST(tls_39_close_notify_is_an_orderly_end)
{
	turn_to_tls();
	listen_to(&b);
	TALLOC_FREE(a.stream);
	turns(5);
	ck_assert_int_eq(b.last, IO_EOF);
}
END_TEST

START_TEST(tls_39_a_bare_end_is_a_failure)
{
	turn_to_tls();
	listen_to(&b);
	sock_shutdown(stream_sock(a.stream));
	turns(5);
	ck_assert_int_eq(b.last, IO_FAILED);
	ck_assert_str_ne(stream_why(b.stream), "");
}
END_TEST

/* What the stream tells about after close_notify or an error stays so. */
START_TEST(stream_fails_again_after_a_failure)
{
	const struct iovec iov = { (void *)(uintptr_t) "x", 1 };
	char buf[8];
	size_t n;

	turn_to_tls();
	sock_shutdown(stream_sock(a.stream));
	ck_assert_int_eq(stream_recv(b.stream, buf, 8, &n), IO_FAILED);
	ck_assert_int_eq(stream_recv(b.stream, buf, 8, &n), IO_FAILED);
	ck_assert_int_eq(stream_send(b.stream, &iov, 1, &n), IO_FAILED);
	ck_assert(!stream_has_unread(b.stream));
}
END_TEST

/* ---- injection ---- */

START_TEST(tls_12_bytes_behind_the_220_are_seen)
{
	char line[9];
	size_t got;

	say(&a, "220 go\r\n250-evil\r\n");
	ck_assert_int_eq(stream_recv(b.stream, line, 8, &got), IO_OK);
	ck_assert(stream_has_unread(b.stream));
}
END_TEST

START_TEST(tls_12_injected_bytes_are_never_decrypted_text)
{
	say(&b, "250-evil\r\n250 AUTH PLAIN\r\n");
	begin(&a, NULL);
	b.ended = 1;
	run();
	ck_assert(!a.ok);
	ck_assert_str_eq(a.info.result_type, "validation-failure");
	ck_assert(!stream_is_tls(a.stream));
}
END_TEST

/* Also when the first of them was looked at before. */
START_TEST(tls_12_a_byte_looked_at_goes_into_the_handshake)
{
	say(&b, "250 evil\r\n");
	ck_assert(stream_has_unread(a.stream));
	begin(&a, NULL);
	b.ended = 1;
	run();
	ck_assert(!a.ok);
}
END_TEST

/* With TLS it is decrypted text that counts, not tickets or half records. */
START_TEST(tls_13_unread_inside_tls_is_text)
{
	char buf[8];
	size_t got;

	turn_to_tls();
	ck_assert(!stream_has_unread(a.stream));
	ck_assert(!stream_has_unread(b.stream));
	say(&a, "DATA\r\n");
	ck_assert(stream_has_unread(b.stream));
	ck_assert_int_eq(stream_recv(b.stream, buf, 8, &got), IO_OK);
	ck_assert_uint_eq(got, 6);
	ck_assert(!stream_has_unread(b.stream));
}
END_TEST

/* ---- failing handshakes ---- */

START_TEST(stream_tells_a_failed_handshake_once)
{
	static const char
	    junk[] = "EHLO client.example.org\r\nMAIL FROM:<>\r\n";

	say(&a, junk);
	begin(NULL, &b);
	a.ended = 1; /* run() ends with the one */
	run();
	ck_assert_uint_eq(b.ended, 1);
	ck_assert(!b.ok);
	ck_assert_int_ne(b.why.st, ST_OK);
	turns(5);
	ck_assert_uint_eq(b.ended, 1);
}
END_TEST

START_TEST(stream_after_a_failed_handshake_moves_nothing)
{
	const struct iovec iov = { (void *)(uintptr_t) "QUIT\r\n", 6 };
	char buf[8];
	size_t n;

	say(&a, "junk that is long enough\r\n");
	begin(NULL, &b);
	a.ended = 1;
	run();
	ck_assert_int_eq(stream_send(b.stream, &iov, 1, &n), IO_FAILED);
	ck_assert_int_eq(stream_recv(b.stream, buf, 8, &n), IO_FAILED);
	ck_assert(!stream_is_tls(b.stream));
	ck_assert_ptr_null(stream_tls_info(b.stream));
	ck_assert_ptr_nonnull(stream_tls_tried(b.stream));
	ck_assert_str_ne(stream_why(b.stream), "");
}
END_TEST

START_TEST(tls_42_a_peer_that_goes_ends_the_handshake)
{
	begin(&a, NULL);
	b.ended = 1;
	TALLOC_FREE(b.stream);
	run();
	ck_assert(!a.ok);
	ck_assert_str_eq(a.info.result_type, "validation-failure");
	ck_assert_str_ne(a.info.error, "");
}
END_TEST

START_TEST(tls_42_a_silent_peer_is_left_by_freeing_the_stream)
{
	begin(&a, NULL);
	turns(5);
	ck_assert_uint_eq(a.ended, 0);
	ck_assert_str_eq(stream_tls_tried(a.stream)->sni, NAME);
	TALLOC_FREE(a.stream);
	turns(5);
	ck_assert_uint_eq(a.ended, 0);
}
END_TEST

START_TEST(stream_may_be_freed_before_the_first_turn)
{
	begin(&a, &b);
	TALLOC_FREE(a.stream);
	TALLOC_FREE(b.stream);
	turns(5);
	ck_assert_uint_eq(a.ended + b.ended, 0);
}
END_TEST

START_TEST(stream_may_be_freed_when_the_handshake_ends)
{
	a.frees = b.frees = true;
	begin(&a, &b);
	run();
	ck_assert_ptr_null(a.stream);
	ck_assert_ptr_null(b.stream);
}
END_TEST

START_TEST(stream_may_be_freed_in_its_callback_inside_tls)
{
	turn_to_tls();
	b.frees = true;
	listen_to(&b);
	say(&a, "hello");
	turns(5);
	ck_assert_ptr_null(b.stream);
}
END_TEST

/* ---- plain OpenSSL on the other side ---- */

static SSL *raw;
static SSL_CTX *raw_ctx;
static int raw_fd;

static void
raw_go(void *arg)
{
	(void)arg;
	if (!SSL_is_init_finished(raw))
		(void)SSL_do_handshake(raw);
}

static struct net_watch *
raw_client(void)
{
	struct net_watch *w;
	int fd[2];

	talloc_free(b.stream);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	raw_fd = fd[0];
	ck_assert_int_ge(fcntl(raw_fd, F_SETFL, O_NONBLOCK), 0);
	raw_ctx = SSL_CTX_new(TLS_client_method());
	raw = SSL_new(raw_ctx);
	SSL_set_fd(raw, raw_fd);
	SSL_set_connect_state(raw);
	w = net_real_watch(mem, net, raw_fd, raw_go, NULL);
	b.stream = stream_new(mem, net, net_real_sock(mem, net, fd[1]));
	begin(NULL, &b);
	a.ended = 1;
	(void)SSL_do_handshake(raw);
	run();
	ck_assert(b.ok);
	return w;
}

static void
raw_end(struct net_watch *w)
{
	talloc_free(w);
	SSL_free(raw);
	SSL_CTX_free(raw_ctx);
	close(raw_fd);
}

/* The first bytes of a record, and no more: nothing to read, and no spin. */
START_TEST(stream_does_not_spin_on_half_a_record)
{
	BIO *held = BIO_new(BIO_s_mem());
	struct net_watch *w = raw_client();
	char *p;
	long n;

	SSL_set0_wbio(raw, held);
	ck_assert_int_eq(SSL_write(raw, "whole record", 12), 12);
	n = BIO_get_mem_data(held, &p);
	ck_assert_int_eq(send(raw_fd, p, 7, 0), 7);
	b.once = true;
	listen_to(&b);
	turns(100);
	ck_assert_uint_le(b.calls, 2);
	ck_assert_uint_eq(b.got.n, 0);
	ck_assert_int_eq(send(raw_fd, p + 7, (size_t)n - 7, 0), n - 7);
	turns(10);
	assert_got(&b, "whole record");
	raw_end(w);
}
END_TEST

START_TEST(stream_answers_a_key_update)
{
	struct net_watch *w = raw_client();
	char buf[16];

	listen_to(&b);
	ck_assert_int_eq(SSL_key_update(raw, SSL_KEY_UPDATE_REQUESTED), 1);
	ck_assert_int_eq(SSL_write(raw, "one", 3), 3);
	turns(5);
	say(&b, "two");
	turns(5);
	ck_assert_int_eq(SSL_read(raw, buf, sizeof(buf)), 3);
	listen_to(&b);
	ck_assert_int_eq(SSL_write(raw, "three", 5), 5);
	turns(5);
	assert_got(&b, "onethree");
	raw_end(w);
}
END_TEST

/* ---- over a sock that nobody made for OpenSSL ---- */

/* One byte a call, and IO_AGAIN before each. */
struct drip {
	struct sock base;
	struct drip *other;
	struct sbuf in;
	bool pause;
	unsigned watched;
	void (*ready)(void *arg, unsigned events);
	void *arg;
	struct net_later *later;
};

static void drip_watch(struct sock *s, unsigned events,
    void (*ready)(void *arg, unsigned events), void *arg);

static void
drip_tell(void *arg)
{
	struct drip *d = arg;
	unsigned events = d->watched & SOCK_WRITABLE;

	d->later = NULL;
	if (d->in.n > 0)
		events |= d->watched & SOCK_READABLE;
	if (d->watched != 0)
		d->later = net_later(d, net, drip_tell, d);
	if (events != 0)
		d->ready(d->arg, events);
}

static enum io
drip_recv(struct sock *s, void *buf, size_t cap, size_t *got)
{
	struct drip *d = (struct drip *)s;

	*got = 0;
	d->pause = !d->pause;
	if (d->pause || d->in.n == 0 || cap == 0)
		return IO_AGAIN;
	*(uint8_t *)buf = d->in.p[0];
	sbuf_consume(&d->in, 1);
	*got = 1;
	return IO_OK;
}

static enum io
drip_send(struct sock *s, const struct iovec *iov, int iov_count, size_t *sent)
{
	struct drip *d = (struct drip *)s;

	*sent = 0;
	d->pause = !d->pause;
	if (d->pause || iov_count == 0 || iov[0].iov_len == 0)
		return IO_AGAIN;
	sbuf_add(&d->other->in, iov[0].iov_base, 1);
	*sent = 1;
	return IO_OK;
}

static void
drip_watch(struct sock *s, unsigned events,
    void (*ready)(void *arg, unsigned events), void *arg)
{
	struct drip *d = (struct drip *)s;

	d->watched = events;
	d->ready = ready;
	d->arg = arg;
	if (events != 0 && d->later == NULL)
		d->later = net_later(d, net, drip_tell, d);
}

static const struct sock_ops drip_ops = {
	.recv = drip_recv, .send = drip_send, .watch = drip_watch
};

static struct drip *
drip_new(void)
{
	struct drip *d = talloc_zero(mem, struct drip);

	d->base.ops = &drip_ops;
	sbuf_init(&d->in, d, 1u << 20);
	return d;
}

START_TEST(stream_runs_over_any_sock)
{
	struct drip *x = drip_new(), *y = drip_new();

	x->other = y;
	y->other = x;
	a.stream = stream_new(mem, net, &x->base);
	b.stream = stream_new(mem, net, &y->base);
	begin(&a, &b);
	run();
	ck_assert_msg(a.ok, "%s", a.why.text);
	ck_assert(b.ok);
	a.out = SPAN_LIT("through the eye of a needle");
	stream_watch(a.stream, SOCK_WRITABLE, writer, &a);
	listen_to(&b);
	while (b.got.n < 27)
		turns(10);
	assert_got(&b, "through the eye of a needle");
	stream_watch(b.stream, 0, NULL, NULL);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("stream");
	TCase *t = tcase_create("clear");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, stream_passes_clear_bytes);
	tcase_add_test(t, stream_has_unread_loses_no_byte);
	tcase_add_test(t, stream_tells_of_a_byte_looked_at);
	tcase_add_test(t, stream_tells_again_while_a_byte_waits);
	tcase_add_test(t, stream_may_be_freed_in_its_own_callback);
	suite_add_tcase(s, t);

	t = tcase_create("tls");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, stream_turns_to_tls_in_the_middle);
	tcase_add_test(t, stream_carries_megabytes_both_ways_at_once);
	tcase_add_test(t, stream_gathers_small_pieces);
	tcase_add_test(t, tls_39_close_notify_is_an_orderly_end);
	tcase_add_test(t, tls_39_a_bare_end_is_a_failure);
	tcase_add_test(t, stream_fails_again_after_a_failure);
	tcase_add_test(t, stream_may_be_freed_in_its_callback_inside_tls);
	tcase_add_test(t, stream_does_not_spin_on_half_a_record);
	tcase_add_test(t, stream_answers_a_key_update);
	tcase_add_test(t, stream_runs_over_any_sock);
	suite_add_tcase(s, t);

	t = tcase_create("handshake");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, tls_12_bytes_behind_the_220_are_seen);
	tcase_add_test(t, tls_12_injected_bytes_are_never_decrypted_text);
	tcase_add_test(t, tls_12_a_byte_looked_at_goes_into_the_handshake);
	tcase_add_test(t, tls_13_unread_inside_tls_is_text);
	tcase_add_test(t, stream_tells_a_failed_handshake_once);
	tcase_add_test(t, stream_after_a_failed_handshake_moves_nothing);
	tcase_add_test(t, tls_42_a_peer_that_goes_ends_the_handshake);
	tcase_add_test(t, tls_42_a_silent_peer_is_left_by_freeing_the_stream);
	tcase_add_test(t, stream_may_be_freed_before_the_first_turn);
	tcase_add_test(t, stream_may_be_freed_when_the_handshake_ends);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
