/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream - a sock that may turn to TLS in the middle: what SMTP sessions
 * read and write.  Works over any struct sock, also the replay harness's:
 * OpenSSL reads and writes through the sock's functions.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "net/net.h"
#include "net/tls.h"

/* A talloc object; freeing it closes (with close_notify when possible). */
struct stream;

/* Takes s over. */
struct stream *stream_new(TALLOC_CTX *mem, struct net *net, struct sock *s);

/* As sock_recv, sock_send, sock_watch; TLS's buffered bytes count as
 * readable.  With TLS, IO_EOF means close_notify; a bare end is IO_FAILED. */
enum io stream_recv(struct stream *st, void *buf, size_t cap, size_t *got);
enum io stream_send(struct stream *st, const struct iovec *iov, int iov_count,
    size_t *sent);
void stream_watch(struct stream *st, unsigned events,
    void (*ready)(void *arg, unsigned events), void *arg);
const char *stream_why(const struct stream *st);
struct sock *stream_sock(struct stream *st);
/* True when bytes wait in the socket that nobody has read (TLS-12). */
bool stream_has_unread(struct stream *st);

/*
 * Begin TLS.  done(arg, ok, info, why) is called once from the loop: ok is
 * true only when the handshake finished and all of want was proved; info is
 * what was seen (also on failure, as far as it went).  No deadline of its
 * own: the caller frees the stream when its timer fires.  No watch is
 * active afterwards.
 */
void stream_tls_client(struct stream *st, struct tls_client *tls,
    const struct tls_want *want,
    void (*done)(void *arg, bool ok, const struct tls_info *info,
	const struct diag *why),
    void *arg);
void stream_tls_server(struct stream *st, struct tls_server *tls,
    void (*done)(void *arg, bool ok, const struct tls_info *info,
	const struct diag *why),
    void *arg);

/* Before stream_tls_server(): the client is asked for a certificate.  One
 * that proves nothing, or none, does not end the handshake. */
void stream_ask_certificate(struct stream *st);
/*
 * Is the certificate of the client vouched for by an authority of
 * tls_server_trust(), and does it carry name, a host name or mail address
 * ("*": any)?
 */
bool stream_certificate_names(const struct stream *st, const char *name);

bool stream_is_tls(const struct stream *st);
/* Of the running TLS; NULL in clear. */
const struct tls_info *stream_tls_info(const struct stream *st);
/* The same, also of a handshake that is under way or did not finish, as far as
 * it went: the server name sent, and the certificate that was shown. */
const struct tls_info *stream_tls_tried(const struct stream *st);
/*
 * What the server presented, once the handshake has ended, well or badly;
 * the bytes live in mem.  false: nothing, or we are the server.
 */
bool stream_tls_chain(TALLOC_CTX *mem, const struct stream *st,
    struct tls_chain *out);

#endif
