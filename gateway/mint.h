/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mint - keys and certificates made on the spot, under one private CA: for
 * peers that are there to be tried out, and never for real ones.
 */
#ifndef GATEWAY_MINT_H
#define GATEWAY_MINT_H

#include "net/tls.h"

struct cert {
	struct span chain_pem;
	struct span key_pem;
	uint8_t spki_sha256[32];
	uint8_t cert_sha256[32];
};

struct authority;

/* A new CA; ca_pem is what a trust store holds. */
struct authority *authority_new(TALLOC_CTX *mem);
struct span authority_pem(const struct authority *a);

enum cert_flaw { CERT_GOOD, CERT_SELF_SIGNED, CERT_EXPIRED };
/* names: DNS-IDs separated by commas. */
struct cert *cert_new(TALLOC_CTX *mem, struct authority *a, const char *names,
    enum cert_flaw flaw);

#endif
