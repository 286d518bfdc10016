/* SPDX-License-Identifier: BSD-2-Clause */
/* Trust anchors: PEM from a file, and the store that OpenSSL makes of it. */
#include <openssl/err.h>
#include <openssl/pem.h>

#include "net/file.h"
#include "net/tls_internal.h"

BIO *
tls_bio_of(struct span a)
{
	invariant(a.n <= INT32_MAX);
	return need(BIO_new_mem_buf(a.n == 0 ? "" : (const void *)a.p,
	    (int)a.n));
}

int
tls_no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

enum status
tls_trust_file(TALLOC_CTX *mem, const char *ca_file, struct span *pem,
    struct diag *why)
{
	const char *path = *ca_file == '\0' ? TLS_SYSTEM_BUNDLE : ca_file;
	enum status st = file_read(mem, path, TLS_TRUST_BYTES, pem, why);

	if (st != ST_OK)
		return st;
	if (tls_trust_check(*pem, why) == ST_OK)
		return ST_OK;
	return diag_set(why, ST_IO, "%s: no certificates could be read from it",
	    path);
}

static bool
add_all(X509_STORE *store, STACK_OF(X509_INFO) * list)
{
	int count = 0;

	for (int i = 0; i < sk_X509_INFO_num(list); i++) {
		const X509_INFO *info = sk_X509_INFO_value(list, i);

		if (info->x509 == NULL)
			continue;
		if (X509_STORE_add_cert(store, info->x509) != 1)
			return false;
		count++;
	}
	return count > 0;
}

/* All of it, or nothing: a file that is damaged further down is no shorter
 * list of anchors. */
X509_STORE *
tls_store_new(struct span pem, struct diag *why)
{
	X509_STORE *store = need(X509_STORE_new());
	BIO *bio = tls_bio_of(pem);
	STACK_OF(X509_INFO) * list;

	list = PEM_X509_INFO_read_bio(bio, NULL, tls_no_passphrase, NULL);
	BIO_free(bio);
	if (list == NULL || !add_all(store, list)) {
		X509_STORE_free(store);
		store = NULL;
		(void)tls_failed(why, "trust anchors");
	}
	sk_X509_INFO_pop_free(list, X509_INFO_free);
	ERR_clear_error();
	return store;
}

enum status
tls_trust_check(struct span pem, struct diag *why)
{
	X509_STORE *store = tls_store_new(pem, why);

	if (store == NULL)
		return why->st;
	X509_STORE_free(store);
	return ST_OK;
}
