/* SPDX-License-Identifier: BSD-2-Clause */
/* tls_internal - from tls.c to stream.c: the SSL of one connection. */
#ifndef NET_TLS_INTERNAL_H
#define NET_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "net/tls.h"

/* What of a want is needed after the handshake; in the stream's context. */
struct tls_check {
	bool client;
	enum level level;
	enum method method;
	bool also_pkix;
	const char *pkix_name;
	X509_STORE *store; /* borrowed from the tls_client */
	bool no_usable_tlsa; /* every record was refused by OpenSSL */
};

/*
 * A new SSL ready for its handshake; NULL with *why.  check is filled, its
 * strings live in mem.
 */
SSL *tls_client_ssl(TALLOC_CTX *mem, struct tls_client *tls,
    const struct tls_want *want, struct tls_check *check, struct diag *why);
SSL *tls_server_ssl(struct tls_server *tls, struct tls_check *check);

/*
 * Look at a handshake that ended, well or badly, and say what it proved.
 * ST_OK only when everything demanded was proved.  finished: SSL_do_handshake
 * said so.
 */
MUST_CHECK enum status tls_judge(SSL *ssl, const struct tls_check *check,
    bool finished, struct tls_info *info, struct diag *why);

/* Text of OpenSSL's last error, cleared; "" when there is none. */
void tls_last_error(char *out, size_t size);

#endif
