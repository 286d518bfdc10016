/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pin - a certificate or key that the operator names by its digest: the peer
 * must present it, and nothing else is asked of it, no chain, name or date.
 */
#ifndef POLICY_PIN_H
#define POLICY_PIN_H

#include "util/pack.h"

#define PIN_TEXT_BYTES 78u /* "spki-sha256:", 64 digits, NUL; some spare */

/* What is digested.  Stored and sent between processes: never renumber. */
enum pin_kind {
	PIN_SPKI, /* the key, as in TLSA selector 1: it outlives a renewal */
	PIN_CERT, /* the whole certificate */
};
#define PIN_KIND_COUNT 2u

struct pin {
	enum pin_kind kind;
	uint8_t sha256[32];
};

/*
 * "spki-sha256:" or "cert-sha256:" and the digest: 64 hexadecimal digits,
 * which may stand in pairs parted by ":", or 44 characters of base64.
 */
MUST_CHECK enum status pin_parse(struct span a, struct pin *out,
    struct diag *why);
/* As it is parsed, in hexadecimal digits. */
const char *pin_text(const struct pin *pin, char out[PIN_TEXT_BYTES]);

void pack_pin(struct sbuf *b, const struct pin *pin);
void unpack_pin(struct unpack *u, struct pin *pin);

#endif
