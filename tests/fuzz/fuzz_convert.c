/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first byte says how the rest is cut into pieces, and whether its lines
 * end in LF alone, which then stands for CRLF.  However it is cut,
 * the same comes out: in 7 bits, and of what was in 7 bits all, unless it
 * was said to be encoded.
 */
#include "smtp/convert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status
run(TALLOC_CTX *mem, struct span all, size_t piece, enum convert_mode mode,
    struct sbuf *out)
{
	struct convert *c = convert_new(mem, mode);
	struct diag why = { 0 };
	enum status st = ST_OK;
	size_t before;

	sbuf_init(out, mem, SIZE_MAX);
	while (all.n > 0 && st == ST_OK) {
		struct span part = span_sub(all, 0, piece);

		before = out->n;
		st = convert_feed(c, part, out, &why);
		invariant(out->n - before <= CONVERT_OUT_BYTES(part.n));
		all = span_sub(all, part.n, all.n);
	}
	before = out->n;
	if (st == ST_OK)
		st = convert_end(c, out, &why);
	invariant(out->n - before <= CONVERT_OUT_BYTES(0));
	invariant(st == ST_OK || st == ST_SYNTAX || st == ST_POLICY);
	invariant(mode == CONVERT_WHOLE || st != ST_POLICY);
	return st;
}

static struct span
with_crlf(TALLOC_CTX *mem, struct span a)
{
	struct sbuf b;

	sbuf_init(&b, mem, SIZE_MAX);
	for (size_t i = 0; i < a.n; i++) {
		if (a.p[i] == '\n')
			sbuf_u8(&b, '\r');
		sbuf_u8(&b, a.p[i]);
	}
	return sbuf_view(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span all = span_sub(span_of(data, size), 1, size);
	TALLOC_CTX *mem = talloc_new(NULL);
	size_t piece = size > 0 ? data[0] % 16 + 1u : 1;

	if (size > 0 && data[0] >= 0x80)
		all = with_crlf(mem, all);
	for (enum convert_mode m = CONVERT_WHOLE; m <= CONVERT_LOSSY; m++) {
		struct sbuf whole, cut, again;
		enum status st = run(mem, all, all.n + 1, m, &whole);

		invariant(run(mem, all, piece, m, &cut) == st);
		if (st != ST_OK)
			continue;
		invariant(span_is_ascii(sbuf_view(&whole)));
		invariant(span_eq_span(sbuf_view(&whole), sbuf_view(&cut)));
		/* What is converted stays so. */
		invariant(run(mem, sbuf_view(&whole), whole.n + 1, m, &again) ==
			  ST_OK);
		invariant(span_eq_span(sbuf_view(&whole), sbuf_view(&again)));
	}
	talloc_free(mem);
	return 0;
}
