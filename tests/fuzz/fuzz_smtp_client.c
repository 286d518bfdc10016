/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hostile server.  First octet: how TLS is wanted (0 never, 1 wanted, 2
 * required), whether to go on in clear (4), how much leaves at a time.
 * Then pieces: a length and so many octets that the server says; 255: time
 * is up; 254: the connection is lost.
 */
#include "smtp/client.h"

#define MAX_MAILS 3u
#define TIME_UP   255u
#define LOST      254u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct client_conf conf = { .hostname = "gw.example.org",
	.greeting_ms = 10,
	.command_ms = 20,
	.data_ms = 30,
	.block_ms = 40,
	.dot_ms = 50,
	.transaction_ms = 500,
	.quit_ms = 60,
	.reply_bytes = 4096 };

static const char *const rcpt[] = { "a@d.example", "b\r\nDATA@d.example",
	"\"c d\"@d.example" };

struct play {
	struct client *client;
	struct mono now;
	enum client_tls want;
	bool go_clear;
	bool tls;
	size_t at_once;
	unsigned mails;
	struct sbuf wire; /* since TLS began */
	struct sbuf in;
};

/* The last line may not have left as a whole. */
static bool
is_start_of(struct span line, const char *command)
{
	struct span whole = span_str(command);

	return span_eq_span(line, span_sub(whole, 0, line.n));
}

/* CR and LF only as CRLF; in clear, where TLS is required, hardly a word. */
static void
check_wire(const struct play *p)
{
	struct span rest = sbuf_view(&p->wire), line;

	for (size_t i = 0; i < rest.n; i++) {
		if (rest.p[i] == '\n')
			invariant(i > 0 && rest.p[i - 1] == '\r');
		if (rest.p[i] == '\r' && i + 1 < rest.n)
			invariant(rest.p[i + 1] == '\n');
	}
	if (p->want != CLIENT_TLS_REQUIRED || p->tls)
		return;
	while (span_line(&rest, &line))
		invariant(is_start_of(line, "EHLO gw.example.org\r") ||
			  is_start_of(line, "STARTTLS\r") ||
			  is_start_of(line, "QUIT\r"));
}

static bool
transmit(struct play *p)
{
	struct iovec iov[4];
	int n = client_output(p->client, iov, 4);
	size_t left = p->at_once, sent = 0;

	for (int i = 0; i < n && left > 0; i++) {
		size_t part = iov[i].iov_len < left ? iov[i].iov_len : left;

		sbuf_add(&p->wire, iov[i].iov_base, part);
		sent += part;
		left -= part;
	}
	if (sent > 0)
		client_sent(p->client, p->now, sent);
	return sent > 0;
}

static void
begin_mail(struct play *p)
{
	struct client_mail m = { .sender = p->mails == 1 ? "" : "s@x.example",
		.size_bytes = 20,
		.has_8bit = p->mails == 2,
		.rcpt = rcpt,
		.rcpt_count = COUNT_OF(rcpt) };
	struct diag why;

	if (p->mails++ == MAX_MAILS ||
	    client_fits(p->client, &m) != CLIENT_FITS)
		client_quit(p->client, p->now);
	else
		invariant(client_mail(p->client, p->now, &m, &why) == ST_OK);
}

/* A reply before the dot has left delivers nothing. */
static void
check_result(const struct play *p)
{
	struct client_result r = client_result(p->client);

	invariant(client_rcpt(p->client, 1)->state == CLIENT_RCPT_UNFIT);
	if (r.at == CLIENT_S_DOT && r.reply.code < 300)
		invariant(p->wire.n >= 5 &&
			  span_ends(sbuf_view(&p->wire), "\r\n.\r\n"));
}

/* true: step again. */
static bool
act(struct play *p, enum client_action action)
{
	switch (action) {
	case CLIENT_WAIT:
		return transmit(p);
	case CLIENT_START_TLS:
		check_wire(p);
		sbuf_reset(&p->wire);
		p->tls = true;
		client_tls_started(p->client, p->now);
		return true;
	case CLIENT_NO_TLS:
		invariant(p->want != CLIENT_TLS_REQUIRED);
		if (p->go_clear)
			client_go_clear(p->client);
		else
			client_quit(p->client, p->now);
		return true;
	case CLIENT_READY:
		begin_mail(p);
		return true;
	case CLIENT_BODY:
		client_body(p->client, p->now, SPAN_LIT(".a\r\n..\r\n"), true);
		return true;
	case CLIENT_MAIL_DONE:
		check_result(p);
		return true;
	case CLIENT_FAILED:
		client_quit(p->client, p->now);
		return true;
	case CLIENT_DONE:
		break;
	}
	return false;
}

static void
run(struct play *p)
{
	enum client_action action;

	do {
		struct span in = sbuf_view(&p->in);

		action = client_step(p->client, p->now, &in);
		sbuf_consume(&p->in, p->in.n - in.n);
	} while (act(p, action));
}

static struct play
begin(TALLOC_CTX *mem, uint8_t how)
{
	struct play p = { .now = { 1000 },
		.want = (enum client_tls)(how % 3),
		.go_clear = (how & 4) != 0,
		.at_once = (how >> 3) == 0 ? SIZE_MAX : how >> 3 };

	sbuf_init(&p.wire, mem, 1u << 20);
	sbuf_init(&p.in, mem, 1u << 20);
	p.client = client_new(mem, &conf, p.want, p.now);
	return p;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct span rest = span_of(data, size), piece;
	struct play p = begin(mem, size > 0 ? data[0] : 0);

	run(&p);
	for (rest = span_sub(rest, 1, rest.n); rest.n > 0;) {
		uint8_t n = rest.p[0];

		rest = span_sub(rest, 1, rest.n);
		if (n == TIME_UP) {
			if (client_deadline(p.client).ms < MONO_NEVER.ms)
				p.now = client_deadline(p.client);
		} else if (n == LOST) {
			client_lost(p.client, "lost");
		} else {
			piece = span_sub(rest, 0, n);
			rest = span_sub(rest, piece.n, rest.n);
			sbuf_span(&p.in, piece);
		}
		run(&p);
		check_wire(&p);
	}
	talloc_free(mem);
	return 0;
}
