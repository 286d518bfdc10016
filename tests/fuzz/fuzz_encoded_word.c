/* SPDX-License-Identifier: BSD-2-Clause */
/* What is decoded is a line of UTF-8 with one blank between words. */
#include "smtp/encoded_word.h"
#include "util/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t out[256];
	size_t n = 0;

	if (!encoded_word_decode(span_of(data, size), out, sizeof(out), &n))
		return 0;
	invariant(n <= sizeof(out) && utf8_is_line(span_of(out, n)));
	for (size_t i = 0; i < n; i++)
		invariant(out[i] != ' ' ||
			  (i > 0 && i + 1 < n && out[i - 1] != ' '));
	return 0;
}
