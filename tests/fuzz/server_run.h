/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session of the server machine with an owner that answers as a byte of
 * the input says.  Whatever comes: replies are whole printable lines, content
 * given is content counted, the header section ends once, and what is left
 * over stays as small as was promised.
 */
#ifndef TESTS_FUZZ_SERVER_RUN_H
#define TESTS_FUZZ_SERVER_RUN_H

#include <string.h>

#include "smtp/server.h"

struct run {
	const struct server_conf *conf;
	struct server *server;
	struct sbuf held;
	uint64_t content;
	uint8_t choice; /* low half: how input is cut; high: what is refused */
	unsigned asked;
	bool header_over;
	bool over;
	void (*check_auth)(struct run *r, struct server_auth a); /* or NULL */
	struct span auth_text; /* for check_auth */
};

static inline void
run_drain(struct run *r)
{
	struct sbuf *out = server_output(r->server);
	struct span rest = sbuf_view(out), line;

	while (span_cut(rest, '\n', &line, &rest)) {
		invariant(line.n > 4 && line.p[line.n - 1] == '\r');
		for (size_t i = 0; i + 1 < line.n; i++)
			invariant(ascii_isprint(line.p[i]));
	}
	invariant(rest.n == 0);
	sbuf_reset(out);
}

static inline void
run_answer(struct run *r)
{
	if (r->choice & 1u << (r->asked++ % 4 + 4))
		server_refuse(r->server, "451 4.3.0 later");
	else
		server_accept(r->server, "ID");
}

static inline void
run_end(struct run *r)
{
	invariant(r->header_over);
	invariant(server_header(r->server)->complete);
	invariant(r->content == server_content_bytes(r->server));
	invariant(r->content <= r->conf->message_bytes);
	invariant(server_envelope(r->server).rcpt_count > 0);
	run_answer(r);
}

static inline bool
run_act(struct run *r, struct span *in)
{
	size_t before = in->n;
	struct span body;

	switch (server_step(r->server, in, &body)) {
	case SERVER_INPUT:
		return false;
	case SERVER_WAIT:
		server_tls_started(r->server);
		return true;
	case SERVER_CLOSE:
		r->over = true;
		return false;
	case SERVER_AUTH:
		if (r->check_auth != NULL)
			r->check_auth(r, server_auth(r->server));
		run_answer(r);
		return true;
	case SERVER_DATA:
		r->content = 0;
		r->header_over = false;
		run_answer(r);
		return true;
	case SERVER_END:
		run_end(r);
		return true;
	case SERVER_MAIL:
	case SERVER_RCPT:
		run_answer(r);
		return true;
	case SERVER_BODY:
		invariant(server_in_content(r->server));
		invariant(body.n > 0);
		invariant(body.n <= before || body.n <= SERVER_HELD_BYTES);
		r->content += body.n;
		return true;
	case SERVER_HEADER:
		invariant(!r->header_over);
		r->header_over = true;
		return true;
	case SERVER_FLUSH:
	case SERVER_REJECTED:
	case SERVER_FORGET:
	case SERVER_START_TLS:
		run_drain(r);
		return true;
	}
	return false;
}

static inline void
run_feed(struct run *r, struct span piece)
{
	struct span in;

	sbuf_span(&r->held, piece);
	in = sbuf_view(&r->held);
	while (run_act(r, &in))
		run_drain(r);
	run_drain(r);
	if (!r->over) {
		sbuf_consume(&r->held, r->held.n - in.n);
		invariant(r->held.n < server_line_bytes(r->conf));
	}
}

/* All of a, in pieces that the low half of choice gives the size of. */
static inline void
run_feed_all(struct run *r, struct span a)
{
	size_t size = (r->choice & 15) == 15 ? a.n + 1 : (r->choice & 15) + 1u;

	for (size_t at = 0; !r->over && at < a.n; at += size)
		run_feed(r, span_sub(a, at, at + size));
}

/* Up to the greeting. */
static inline struct run
run_start(TALLOC_CTX *mem, const struct server_conf *conf, bool tls)
{
	struct run r = { .conf = conf, .server = server_new(mem, conf) };

	sbuf_init(&r.held, mem, SIZE_MAX);
	if (tls)
		server_tls_implicit(r.server);
	server_greet(r.server);
	return r;
}

#endif
