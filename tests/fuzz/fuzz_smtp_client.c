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
	.reply_bytes = 4096,
	.bdat = true };

static const struct client_mail_rcpt rcpt[] = {
	{ .address = "a@d.example",
	    .notify = DSN_FAILURE,
	    .orcpt = "rfc822;a+2B@d.example" },
	{ .address = "b\r\nDATA@d.example" },
	{ .address = "\"c d\"@d.example" },
};

static const struct client_login login = {
	.mechanisms = EHLO_AUTH_PLAIN | EHLO_AUTH_LOGIN | EHLO_AUTH_EXTERNAL,
	.user = "user",
	.password = "secret",
};

/* The content, in parts that cut a CRLF and stand before a dot. */
static const char *const parts[] = { ".a\r", "\n..\r\n", ".", "", "\r\n" };
static const char content[] = ".a\r\n..\r\n.\r\n";

struct play {
	struct client *client;
	struct mono now;
	enum client_tls want;
	bool go_clear;
	bool tls;
	size_t at_once;
	unsigned mails;
	unsigned part;    /* of the content, next */
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

/* Each chunk is as long as it says, and they give the content in order. */
static void
check_chunks(const struct play *p)
{
	struct span rest = sbuf_view(&p->wire), line, size, sent;
	uint64_t n = 0;
	size_t at = 0;

	while (span_has(rest, '\n') && span_line(&rest, &line)) {
		if (span_starts(line, "MAIL "))
			at = 0;
		if (!span_starts(line, "BDAT "))
			continue;
		size = span_sub(line, 5, span_find(line, ' ', 5));
		invariant(span_u64(size, sizeof(content) - 1, &n) == ST_OK);
		sent = span_sub(rest, 0, n);
		invariant(at + n < sizeof(content) &&
			  span_eq_span(sent, span_of(content + at, sent.n)));
		rest = span_sub(rest, sent.n, rest.n);
		at += n;
		invariant(!span_ends(line, " LAST") ||
			  at == sizeof(content) - 1);
	}
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
	check_chunks(p);
	while (!p->tls && span_line(&rest, &line)) {
		invariant(!span_starts(line, "AUTH"));
		invariant(p->want != CLIENT_TLS_REQUIRED ||
			  is_start_of(line, "EHLO gw.example.org\r") ||
			  is_start_of(line, "STARTTLS\r") ||
			  is_start_of(line, "QUIT\r"));
	}
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
		.ret = DSN_RET_FULL,
		.envid = "id+2B",
		.requiretls = p->tls && p->mails == 2,
		.auth_null = true,
		.rcpt = rcpt,
		.rcpt_count = COUNT_OF(rcpt) };
	struct diag why;

	if (client_ehlo(p->client).auth != 0 && p->tls &&
	    !client_authenticated(p->client)) {
		client_auth(p->client, p->now, &login);
		return;
	}
	p->part = 0;
	if (p->mails++ == MAX_MAILS ||
	    client_fits(p->client, &m) != CLIENT_FITS ||
	    client_room(p->client, rcpt, COUNT_OF(rcpt)) < COUNT_OF(rcpt))
		client_quit(p->client, p->now);
	else
		invariant(client_mail(p->client, p->now, &m, &why) == ST_OK);
}

static void
give_part(struct play *p)
{
	const char *part = parts[p->part++];

	client_body(p->client, p->now, span_str(part),
	    p->part == COUNT_OF(parts));
}

/* A reply before all of the content has left delivers nothing. */
static void
check_result(const struct play *p)
{
	struct client_result r = client_result(p->client);
	struct span wire = sbuf_view(&p->wire);

	invariant(client_rcpt(p->client, 1)->state == CLIENT_RCPT_UNFIT);
	if (r.at == CLIENT_S_DOT && r.reply.code < 300)
		invariant(p->part == COUNT_OF(parts) &&
			  (span_ends(wire, "\r\n.\r\n") ||
			      span_ends(wire, " LAST\r\n\r\n")));
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
		give_part(p);
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
