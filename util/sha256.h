/* SPDX-License-Identifier: BSD-2-Clause */
/* sha256 - SHA-256 by OpenSSL, which cannot fail here, and hex digits. */
#ifndef UTIL_SHA256_H
#define UTIL_SHA256_H

#include "util/span.h"

#define SHA256_BYTES 32u

struct sha256 {
	void *ctx; /* EVP_MD_CTX, from init to final */
};

void sha256(struct span a, uint8_t out[SHA256_BYTES]);

/* Piece by piece; final also frees. */
void sha256_init(struct sha256 *h);
void sha256_add(struct sha256 *h, struct span a);
void sha256_final(struct sha256 *h, uint8_t out[SHA256_BYTES]);

/* Lower-case digits into out, which has 2 * a.n + 1 bytes. */
void hex_encode(struct span a, char *out);
/* Digits of either case; ST_SYNTAX: not 2 * n of them. */
MUST_CHECK enum status hex_decode(struct span a, uint8_t *out, size_t n);

#endif
