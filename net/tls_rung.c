/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_rung - what the rungs of policy/ladder.h are in OpenSSL: the groups of
 * the modern hello, and the context of the legacy one.
 */
#include <openssl/err.h>

#include "net/tls_internal.h"

/*
 * Suites of the legacy rung: the modern ones first, then whatever the library
 * still has that encrypts and shows a certificate.  No NULL, anonymous or
 * EXPORT suite, and no RC4 (RFC 7465), at any level (TLS-04, TLS-05).
 */
#define LEGACY_CIPHERS                                                         \
	"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:DHE+AES:RSA+AES:ALL:"           \
	"!aNULL:!eNULL:!EXPORT:!RC4:!MD5:!PSK:!SRP:!DSS:@SECLEVEL=0"

/*
 * OpenSSL 3.5 sends a key share for each group with a star; before it, a
 * provider may have the group, and the star is a syntax error.
 */
static const char *const hybrid_lists[] = {
	"*X25519MLKEM768:*X25519:P-256:X448:P-384:P-521",
	"X25519MLKEM768:X25519:P-256:X448:P-384:P-521",
};

const char *
tls_hybrid_groups(SSL_CTX *ctx)
{
	const char *found = NULL;

	for (size_t i = 0; i < COUNT_OF(hybrid_lists) && found == NULL; i++)
		if (SSL_CTX_set1_groups_list(ctx,
			(char *)(uintptr_t)hybrid_lists[i]) == 1)
			found = hybrid_lists[i];
	ERR_clear_error();
	return found;
}

SSL_CTX *
tls_legacy_context(void)
{
	SSL_CTX *ctx = tls_context_new(TLS_client_method());

	/* The newest version is offered as well: no fallback (TLS-03). */
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, LEGACY_CIPHERS) != 1)
		panic("TLS defaults are not available");
	SSL_CTX_set_security_level(ctx, TLS_LEVEL_LEGACY);
	/* RFC 5746 4.1: whoever has no TLS 1.2 may well lack this too. */
	SSL_CTX_set_options(ctx, SSL_OP_LEGACY_SERVER_CONNECT);
	if (SSL_CTX_dane_enable(ctx) != 1)
		panic("OpenSSL without DANE");
	return ctx;
}

int
tls_oldest_version(enum oldest_tls oldest)
{
	switch (oldest) {
	case OLDEST_TLS_1_2:
		return TLS1_2_VERSION;
	case OLDEST_TLS_1_1:
		return TLS1_1_VERSION;
	case OLDEST_TLS_1_0:
		return TLS1_VERSION;
	}
	return TLS1_2_VERSION; /* not reached: the switch names every one */
}
