/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_staple - the OCSP answer that a server sends along (RFC 6066 8).  One
 * that says "revoked" is honoured; whether it is fresh does not matter for
 * that.  Nothing is fetched, and one that is missing or proves nothing is
 * as none: whoever has a stolen key would leave it out (STS-43).
 */
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "net/tls_internal.h"

#define STAPLE_MAX_BYTES 65536 /* ours: an answer has some 2 KiB */

/* Is this answer about leaf?  In whichever digest the responder chose. */
static bool
is_about(OCSP_SINGLERESP *one, X509 *leaf, X509 *issuer)
{
	OCSP_CERTID *id = (OCSP_CERTID *)(uintptr_t)
	    OCSP_SINGLERESP_get0_id(one);
	ASN1_OBJECT *digest = NULL;
	OCSP_CERTID *own;
	const EVP_MD *md;
	bool same;

	if (OCSP_id_get0_info(NULL, &digest, NULL, NULL, id) != 1 ||
	    (md = EVP_get_digestbyobj(digest)) == NULL ||
	    (own = OCSP_cert_to_id(md, leaf, issuer)) == NULL)
		return false;
	same = OCSP_id_cmp(own, id) == 0;
	OCSP_CERTID_free(own);
	return same;
}

static bool
says_revoked(OCSP_BASICRESP *basic, X509 *leaf, X509 *issuer)
{
	for (int i = 0; i < OCSP_resp_count(basic); i++) {
		OCSP_SINGLERESP *one = OCSP_resp_get0(basic, i);

		if (OCSP_single_get0_status(one, NULL, NULL, NULL, NULL) ==
			V_OCSP_CERTSTATUS_REVOKED &&
		    is_about(one, leaf, issuer))
			return true;
	}
	return false;
}

static OCSP_BASICRESP *
basic_of(SSL *ssl)
{
	const unsigned char *der = NULL;
	long n = SSL_get_tlsext_status_ocsp_resp(ssl, &der);
	OCSP_RESPONSE *r;
	OCSP_BASICRESP *basic = NULL;

	if (n <= 0 || n > STAPLE_MAX_BYTES)
		return NULL;
	r = d2i_OCSP_RESPONSE(NULL, &der, n);
	if (r != NULL &&
	    OCSP_response_status(r) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
		basic = OCSP_response_get1_basic(r);
	OCSP_RESPONSE_free(r);
	return basic;
}

bool
tls_staple_revokes(SSL *ssl, STACK_OF(X509) * chain, X509_STORE *store)
{
	OCSP_BASICRESP *basic = basic_of(ssl);
	bool revoked;

	revoked = basic != NULL && sk_X509_num(chain) > 1 &&
		  says_revoked(basic, sk_X509_value(chain, 0),
		      sk_X509_value(chain, 1)) &&
		  OCSP_basic_verify(basic, chain, store, 0) > 0;
	OCSP_BASICRESP_free(basic);
	ERR_clear_error();
	return revoked;
}
