/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first byte says how the rest is cut into pieces and what the owner
 * answers.  Whatever comes: replies are whole printable lines, content
 * given is content counted, and what is left over stays small.
 */
#include <string.h>

#include "smtp/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
	struct server *server;
	struct sbuf held;
	uint64_t content;
	uint8_t choice;
	unsigned asked;
	bool over;
};

static const struct server_conf conf = {
	.hostname = "gw.example.org",
	.message_bytes = 4096,
	.command_bytes = 512,
	.text_line_bytes = 1000,
	.recipients = 3,
	.errors = 50,
	.received = 10,
	.starttls = true,
};

static void
drain_output(struct run *r)
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

static void
answer(struct run *r)
{
	if (r->choice & 1u << (r->asked++ % 4 + 4))
		server_refuse(r->server, "451 4.3.0 later");
	else
		server_accept(r->server, "ID");
}

static bool
act(struct run *r, struct span *in)
{
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
	case SERVER_DATA:
		r->content = 0;
		answer(r);
		return true;
	case SERVER_END:
		invariant(r->content == server_content_bytes(r->server));
		invariant(r->content <= conf.message_bytes);
		invariant(server_envelope(r->server).rcpt_count > 0);
		answer(r);
		return true;
	case SERVER_MAIL:
	case SERVER_RCPT:
		answer(r);
		return true;
	case SERVER_BODY:
		invariant(server_in_content(r->server));
		r->content += body.n;
		return true;
	case SERVER_FLUSH:
	case SERVER_REJECTED:
	case SERVER_FORGET:
	case SERVER_START_TLS:
		drain_output(r);
		return true;
	}
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct run r = { .server = server_new(mem, &conf) };
	size_t piece, at = 1;

	sbuf_init(&r.held, mem, SIZE_MAX);
	server_greet(r.server);
	r.choice = size > 0 ? data[0] : 0;
	piece = (r.choice & 15) == 15 ? size + 1 : (r.choice & 15) + 1u;
	while (!r.over && at < size) {
		size_t n = size - at < piece ? size - at : piece;
		struct span in;

		sbuf_add(&r.held, data + at, n);
		at += n;
		in = sbuf_view(&r.held);
		while (act(&r, &in))
			drain_output(&r);
		drain_output(&r);
		if (!r.over) {
			sbuf_consume(&r.held, r.held.n - in.n);
			invariant(r.held.n < conf.command_bytes);
		}
	}
	talloc_free(mem);
	return 0;
}
