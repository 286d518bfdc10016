/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/sha256.h"

#include <openssl/evp.h>

void
sha256_init(struct sha256 *h)
{
	h->ctx = need(EVP_MD_CTX_new());
	if (EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1)
		panic("SHA-256 is not available");
}

void
sha256_add(struct sha256 *h, struct span a)
{
	if (EVP_DigestUpdate(h->ctx, a.p, a.n) != 1)
		panic("SHA-256 failed");
}

void
sha256_final(struct sha256 *h, uint8_t out[SHA256_BYTES])
{
	if (EVP_DigestFinal_ex(h->ctx, out, NULL) != 1)
		panic("SHA-256 failed");
	EVP_MD_CTX_free(h->ctx);
	h->ctx = NULL;
}

void
sha256(struct span a, uint8_t out[SHA256_BYTES])
{
	struct sha256 h;

	sha256_init(&h);
	sha256_add(&h, a);
	sha256_final(&h, out);
}

void
hex_encode(struct span a, char *out)
{
	static const char digit[] = "0123456789abcdef";

	for (size_t i = 0; i < a.n; i++) {
		out[2 * i] = digit[a.p[i] >> 4];
		out[2 * i + 1] = digit[a.p[i] & 15];
	}
	out[2 * a.n] = '\0';
}

static int
value_of(uint8_t c)
{
	c = ascii_lower(c);
	if (ascii_isdigit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum status
hex_decode(struct span a, uint8_t *out, size_t n)
{
	if (a.n != 2 * n)
		return ST_SYNTAX;
	for (size_t i = 0; i < n; i++) {
		int high = value_of(a.p[2 * i]), low = value_of(a.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return ST_SYNTAX;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return ST_OK;
}
