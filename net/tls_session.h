/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_session - TLS sessions of the client that may be resumed, by key.
 *
 * Resumption itself verifies nothing, so the key stands for everything that
 * was required when the session was made, and tls_judge() verifies the chain
 * that came with it anew (TLS-31, TLS-32).  Kept in memory only: the chain
 * is lost in the serialised form.
 */
#ifndef NET_TLS_SESSION_H
#define NET_TLS_SESSION_H

#include <openssl/ssl.h>

#include "net/tls.h"

#define TLS_SESSIONS         512u /* ours: each with its chain, some 10 KiB */
#define TLS_SESSIONS_PER_KEY 8u   /* ours: a server sends what it likes */
#define TLS_SESSION_LIFE_MS  3600000 /* ours: since the full handshake */

/* A talloc object. */
struct tls_sessions;
struct tls_sessions *tls_sessions_new(TALLOC_CTX *mem);

/*
 * Keep a session until `until`, or TLS_SESSION_LIFE_MS after born, the time
 * of the full handshake it goes back to.  Takes it over.
 */
void tls_sessions_put(struct tls_sessions *cache, const uint8_t *key,
    SSL_SESSION *session, struct wall born, struct wall until);
/*
 * One that may be offered now, and its birth; the caller frees it.  NULL:
 * none.  A ticket of TLS 1.3 serves once (RFC 8446 C.4, TLS-34).
 */
SSL_SESSION *tls_sessions_take(struct tls_sessions *cache, const uint8_t *key,
    struct wall now, struct wall *born);
/* Forget those of a key, or all. */
void tls_sessions_drop(struct tls_sessions *cache, const uint8_t *key);
void tls_sessions_clear(struct tls_sessions *cache);

#endif
