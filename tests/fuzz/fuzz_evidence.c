/* SPDX-License-Identifier: BSD-2-Clause */
/* A record that is taken packs to the same bytes, and can be decided again. */
#include "gateway/evidence_verify.h"
#include "tests/fuzz/evidence_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
event(TALLOC_CTX *mem, struct span body)
{
	struct chain_event ev;
	struct diag why = { 0 };
	struct sbuf again;

	if (chain_event_unpack(mem, body, &ev, &why) != ST_OK) {
		invariant(why.text[0] != '\0');
		return;
	}
	sbuf_init(&again, mem, EVIDENCE_MAX_BYTES);
	chain_event_pack(&ev, &again);
	invariant(span_eq_span(sbuf_view(&again), body));
}

static void
attempt(TALLOC_CTX *mem, const struct evidence_input *in)
{
	struct evidence e;
	struct diag why = { 0 };
	struct sbuf personal, body;

	if (evidence_unpack(mem, in->personal, in->body, &e, &why) != ST_OK) {
		invariant(why.text[0] != '\0');
		return;
	}
	(void)evidence_replays(&e);
	/* Those of older versions are packed as the present one. */
	if (in->personal.n == 0 || in->body.p[0] != EVIDENCE_VERSION)
		return;
	sbuf_init(&personal, mem, EVIDENCE_MAX_BYTES);
	sbuf_init(&body, mem, EVIDENCE_MAX_BYTES);
	evidence_pack(&e, &personal, &body);
	invariant(span_eq_span(sbuf_view(&personal), in->personal));
	invariant(span_eq_span(sbuf_view(&body), in->body));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct evidence_input in;

	if (evidence_input(mem, data, size, &in)) {
		if (chain_event_is(in.body))
			event(mem, in.body);
		else
			attempt(mem, &in);
	}
	talloc_free(mem);
	return 0;
}
