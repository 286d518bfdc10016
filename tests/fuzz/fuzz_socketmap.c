/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a client sends becomes requests whose hops are written in one way, or
 * ends; and what any plan comes to is one reply that Postfix can read, of one
 * level and attributes with nothing between them that a plan brought in.
 *
 *	'P' plan	or a client's bytes
 */
#include "policy/hop.h"
#include "policy/socketmap.h"
#include "util/netstring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct conf conf = { .smtp_port = 25 };

static void
check_request(TALLOC_CTX *mem, struct span a)
{
	struct socketmap_request r;
	struct conf_hop again;
	struct diag why = { 0 };
	char *text;

	if (socketmap_request(mem, a, 25, &r, &why) != ST_OK) {
		invariant(*why.text != '\0');
		return;
	}
	if (r.parent)
		return;
	text = hop_text(mem, &r.hop);
	invariant(hop_parse(mem, span_str(text), 0, &again, &why) == ST_OK);
	invariant(hop_eq(&r.hop, &again));
	invariant(span_eq(span_str(hop_text(mem, &again)), text));
}

static void
run_client(TALLOC_CTX *mem, struct span in)
{
	struct span request;
	enum status st;

	while ((st = netstring_take(&in, SOCKETMAP_REQUEST_BYTES, &request)) ==
	       ST_OK)
		check_request(mem, request);
	invariant(st == ST_TEMP || st == ST_SYNTAX || st == ST_LIMIT);
}

/* The blank-separated words of a reply, but for those in braces. */
static void
check_words(struct span text)
{
	unsigned depth = 0, words = 1;

	for (size_t i = 0; i < text.n; i++) {
		invariant(ascii_isprint(text.p[i]));
		depth += text.p[i] == '{';
		invariant(depth <= 1 && (text.p[i] != '}' || depth == 1));
		depth -= text.p[i] == '}';
		words += text.p[i] == ' ' && depth == 0;
	}
	/* level, match, servername; ttl, type, domain; two of each mx */
	invariant(depth == 0 && words <= 9 + 2 * STS_MAX_MX);
}

static void
run_plan(TALLOC_CTX *mem, struct span bytes)
{
	struct unpack u = unpack_from(bytes);
	struct diag why = { 0 };
	struct plan *plan = unpack_plan(mem, &u, &why);
	const struct conf_hop hop = { .name = "example.org", .port = 25 };
	struct postfix_answer answer;
	struct span out, in;
	struct sbuf b;

	if (plan == NULL)
		return;
	postfix_answer(mem, &conf, &hop, plan, &answer);
	for (unsigned map = 0; map < SOCKETMAP_MAP_COUNT; map++) {
		sbuf_init(&b, mem,
		    SOCKETMAP_REPLY_BYTES + NETSTRING_FRAME_BYTES);
		socketmap_reply(&b, (enum socketmap_map)map, &answer,
		    plan->made);
		invariant(!sbuf_failed(&b));
		in = sbuf_view(&b);
		invariant(netstring_take(&in, SOCKETMAP_REPLY_BYTES, &out) ==
			  ST_OK);
		invariant(in.n == 0);
		if (answer.level != POSTFIX_WAIT)
			check_words(out);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct span in = span_of(data, size);

	if (size > 0 && data[0] == 'P')
		run_plan(mem, span_sub(in, 1, size));
	else
		run_client(mem, in);
	talloc_free(mem);
	return 0;
}
