/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/pin.h"

#include <stdio.h>
#include <string.h>

#include "util/base64.h"
#include "util/sha256.h"

#define BASE64_BYTES 44u /* of a digest */
#define PAIRS_BYTES  95u /* "ab:cd:..." */

static const char *const prefixes[PIN_KIND_COUNT] = {
	[PIN_SPKI] = "spki-sha256:",
	[PIN_CERT] = "cert-sha256:",
};

/* As `openssl x509 -fingerprint` writes it. */
static enum status
from_pairs(struct span a, uint8_t *out)
{
	for (size_t i = 0; i < SHA256_BYTES; i++) {
		if (i > 0 && a.p[3 * i - 1] != ':')
			return ST_SYNTAX;
		if (hex_decode(span_sub(a, 3 * i, 3 * i + 2), &out[i], 1) !=
		    ST_OK)
			return ST_SYNTAX;
	}
	return ST_OK;
}

static enum status
from_base64(struct span a, uint8_t *out)
{
	uint8_t data[BASE64_DECODED_BYTES(BASE64_BYTES)];
	size_t n;

	if (base64_decode(a, data, &n) != ST_OK || n != SHA256_BYTES)
		return ST_SYNTAX;
	memcpy(out, data, SHA256_BYTES);
	return ST_OK;
}

static enum status
take_digest(struct span a, uint8_t *out)
{
	if (a.n == 2 * SHA256_BYTES)
		return hex_decode(a, out, SHA256_BYTES);
	if (a.n == PAIRS_BYTES)
		return from_pairs(a, out);
	return a.n == BASE64_BYTES ? from_base64(a, out) : ST_SYNTAX;
}

enum status
pin_parse(struct span a, struct pin *out, struct diag *why)
{
	for (unsigned k = 0; k < PIN_KIND_COUNT; k++) {
		size_t n = strlen(prefixes[k]);

		if (!span_istarts(a, prefixes[k]))
			continue;
		out->kind = (enum pin_kind)k;
		if (take_digest(span_sub(a, n, a.n), out->sha256) == ST_OK)
			return ST_OK;
		return diag_fail(why, ST_SYNTAX,
		    "64 hexadecimal digits, or a SHA-256 digest in base64, "
		    "are expected behind the colon",
		    a);
	}
	return diag_fail(why, ST_SYNTAX,
	    "\"spki-sha256:\" or \"cert-sha256:\" is expected before the "
	    "digest",
	    a);
}

const char *
pin_text(const struct pin *pin, char out[PIN_TEXT_BYTES])
{
	char hex[2 * SHA256_BYTES + 1];

	hex_encode(span_of(pin->sha256, sizeof(pin->sha256)), hex);
	snprintf(out, PIN_TEXT_BYTES, "%s%s", prefixes[pin->kind], hex);
	return out;
}

void
pack_pin(struct sbuf *b, const struct pin *pin)
{
	pack_u8(b, (uint8_t)pin->kind);
	sbuf_add(b, pin->sha256, sizeof(pin->sha256));
}

void
unpack_pin(struct unpack *u, struct pin *pin)
{
	pin->kind = (enum pin_kind)unpack_enum(u, PIN_KIND_COUNT);
	for (size_t i = 0; i < sizeof(pin->sha256); i++)
		pin->sha256[i] = unpack_u8(u);
}
