/* SPDX-License-Identifier: BSD-2-Clause */
/* tls_chain - what a server presented, for those who look at servers. */
#include <openssl/x509v3.h>

#include "net/tls_internal.h"

static struct span
der_of(TALLOC_CTX *mem, X509 *x)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);
	struct span a = SPAN_NONE;

	if (n > 0)
		a = span_copy(mem, span_of(der, (size_t)n));
	OPENSSL_free(der);
	return a;
}

static bool
lacks_issuer(int error)
{
	return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
	       error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
	       error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

/*
 * Do the public authorities vouch for it?  Names and dates are other
 * questions, each with an answer of its own.
 */
static void
ask_public(X509 *leaf, STACK_OF(X509) * sent, X509_STORE *store,
    struct tls_chain *out)
{
	X509_STORE_CTX *ctx = need(X509_STORE_CTX_new());
	X509_VERIFY_PARAM *param;
	int error;

	if (X509_STORE_CTX_init(ctx, store, leaf, sent) != 1)
		panic("X509_STORE_CTX_init");
	X509_STORE_CTX_set_default(ctx, "ssl_server");
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_auth_level(param, TLS_LEVEL_LENIENT);
	if (X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME) != 1)
		panic("X509_VERIFY_PARAM_set_flags");
	out->trusted = X509_verify_cert(ctx) == 1;
	error = X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	if (out->trusted)
		return;
	span_print_to(span_str(X509_verify_cert_error_string(error)),
	    out->error, sizeof(out->error));
	out->lacks_issuer = lacks_issuer(error);
}

bool
tls_chain_of(TALLOC_CTX *mem, SSL *ssl, const struct tls_check *check,
    struct tls_chain *out)
{
	X509 *leaf = SSL_get0_peer_certificate(ssl);
	STACK_OF(X509) *sent = SSL_get_peer_cert_chain(ssl);

	*out = (struct tls_chain){ .count = 0 };
	if (leaf == NULL || !check->client)
		return false;
	for (int i = 0; i < sk_X509_num(sent) && out->count < TLS_CHAIN_CERTS;
	     i++)
		out->der[out->count++] = der_of(mem, sk_X509_value(sent, i));
	ask_public(leaf, sent, check->store, out);
	return true;
}
