/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The response to AUTH PLAIN.  One that is taken is the only text of what it
 * stands for, and its parts are all of that.
 */
#include "tests/fuzz/server_run.h"
#include "util/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct server_conf conf = {
	.hostname = "gw.example.org",
	.message_bytes = 4096,
	.command_bytes = 512,
	.text_line_bytes = 1000,
	.recipients = 3,
	.errors = 50,
	.received = 10,
	.auth_plain = true,
};

static void
check_plain(struct run *r, struct server_auth a)
{
	struct sbuf raw, text;

	invariant(a.authcid.n > 0 && a.password.n > 0);
	sbuf_init(&raw, r->server, 3 * SERVER_AUTH_PART_BYTES + 2);
	sbuf_init(&text, r->server, SERVER_AUTH_LINE_BYTES);
	sbuf_span(&raw, a.authzid);
	sbuf_u8(&raw, 0);
	sbuf_span(&raw, a.authcid);
	sbuf_u8(&raw, 0);
	sbuf_span(&raw, a.password);
	base64_put(&text, sbuf_view(&raw));
	invariant(!sbuf_failed(&raw));
	invariant(span_eq_span(sbuf_view(&text), r->auth_text));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct run r = run_start(mem, &conf, true);

	r.auth_text = span_of(data, size);
	if (!span_has(r.auth_text, '\r') && !span_has(r.auth_text, '\n'))
		r.check_auth = check_plain;
	run_feed(&r, SPAN_LIT("EHLO c\r\n"));
	run_feed(&r, SPAN_LIT("AUTH PLAIN\r\n"));
	run_feed(&r, r.auth_text);
	if (!r.over)
		run_feed(&r, SPAN_LIT("\r\n"));
	talloc_free(mem);
	return 0;
}
