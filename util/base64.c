/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/base64.h"

void
base64_put(struct sbuf *b, struct span a)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t at = 0; at < a.n; at += 3) {
		size_t have = a.n - at < 3 ? a.n - at : 3;
		uint32_t bits = 0;

		for (size_t i = 0; i < 3; i++)
			bits = bits << 8 | (i < have ? a.p[at + i] : 0u);
		for (size_t i = 0; i < 4; i++)
			sbuf_u8(b,
			    i > have ?
				'=' :
				(uint8_t)digits[bits >> (18 - 6 * i) & 0x3f]);
	}
}
