/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * handshake - one handshake of a struct stream with a server in plain OpenSSL
 * on the other end of a socket pair, where every flaw is possible.  Times and
 * names are the real ones; nothing is timed.
 */
#ifndef TESTS_HANDSHAKE_H
#define TESTS_HANDSHAKE_H

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net_real.h"
#include "net/stream.h"
#include "net/tls_internal.h"
#include "tests/certs.h"
#include "tests/loop.h"
#include "util/sha256.h"

#define BASE       "mx.example.org"
#define DOMAIN     "example.org"
#define MAX_OTHERS 32

static struct tls_client *client;
static struct cert *root, *middle, *stranger_root;

/* ---- one handshake ---- */

struct server {
	const struct cert *leaf;
	const struct cert *other[MAX_OTHERS]; /* after the leaf */
	size_t other_count;
	int max_version; /* 0: any */
	const char *ciphers;
	bool asks_for_certificate;
	bool insists_on_certificate; /* one that it then refuses */
	SSL_CTX *kept; /* knows the sessions it gave out; or NULL */
};

struct result {
	bool ended, ok;
	struct tls_info info;
	struct diag why;
	char seen_sni[TLS_NAME_BYTES]; /* by the server; "-" when none */
	bool showed;                   /* the server was shown a certificate */
};

static SSL *server_ssl;
static struct result result;

static inline void
server_go(void *arg)
{
	const char *sni;

	(void)arg;
	(void)SSL_do_handshake(server_ssl);
	ERR_clear_error();
	sni = SSL_get_servername(server_ssl, TLSEXT_NAMETYPE_host_name);
	snprintf(result.seen_sni, sizeof(result.seen_sni), "%s",
	    sni == NULL ? "-" : sni);
	result.showed |= SSL_get0_peer_certificate(server_ssl) != NULL;
}

static inline void
done(void *arg, bool ok, const struct tls_info *info, const struct diag *why)
{
	(void)arg;
	ck_assert(!result.ended);
	result.ended = true;
	result.ok = ok;
	result.info = *info;
	result.why = *why;
	net_real_stop(net);
}

static inline int
accept_any(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	(void)ctx;
	return 1;
}

static inline int
refuse_any(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	(void)ctx;
	return 0;
}

static inline SSL_CTX *
server_context(const struct server *s)
{
	SSL_CTX *ctx = cert_server(s->leaf, s->other, s->other_count);

	if (s->max_version != 0)
		SSL_CTX_set_max_proto_version(ctx, s->max_version);
	if (s->ciphers != NULL)
		ck_assert_int_eq(SSL_CTX_set_cipher_list(ctx, s->ciphers), 1);
	if (s->asks_for_certificate)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, accept_any);
	if (s->insists_on_certificate)
		SSL_CTX_set_verify(ctx,
		    SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
		    refuse_any);
	SSL_CTX_set_dh_auto(ctx, 1);
	return ctx;
}

/* With TLS 1.3 they follow the handshake. */
static inline void
take_tickets(struct stream *st)
{
	uint8_t buf[16];
	size_t got;

	turns(4);
	ck_assert_int_eq(stream_recv(st, buf, sizeof(buf), &got), IO_AGAIN);
}

static inline const struct result *
shake(const struct server *s, const struct tls_want *want)
{
	SSL_CTX *ctx = s->kept != NULL ? s->kept : server_context(s);
	struct net_watch *watch;
	struct stream *st;
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	ck_assert_int_ge(fcntl(fd[1], F_SETFL, O_NONBLOCK), 0);
	result = (struct result){ 0 };
	server_ssl = need(SSL_new(ctx));
	SSL_set_fd(server_ssl, fd[1]);
	SSL_set_accept_state(server_ssl);
	watch = net_real_watch(mem, net, fd[1], server_go, NULL);
	st = stream_new(mem, net, net_real_sock(mem, net, fd[0]));
	stream_tls_client(st, client, want, done, NULL);
	ck_assert(!result.ended);
	run();
	ck_assert(result.ended);
	/* A handshake that failed has not been told to both yet. */
	ck_assert(!result.ok || stream_is_tls(st));
	if (s->kept != NULL && result.ok)
		take_tickets(st);
	if (s->asks_for_certificate)
		turns(4); /* what it was shown comes after our end */
	talloc_free(st);
	talloc_free(watch);
	SSL_free(server_ssl);
	if (ctx != s->kept)
		SSL_CTX_free(ctx);
	close(fd[1]);
	return &result;
}

static inline struct server
serve(const struct cert *leaf, const struct cert *a, const struct cert *b)
{
	struct server s = { .leaf = leaf };

	if (a != NULL)
		s.other[s.other_count++] = a;
	if (b != NULL)
		s.other[s.other_count++] = b;
	return s;
}

/* ---- what is wanted ---- */

static const char *const names[] = { BASE, DOMAIN };

static inline struct tls_want
want_level(enum level level)
{
	return (struct tls_want){ .level = level,
		.sni = BASE,
		.ref = names,
		.ref_count = 1,
		.pkix_name = BASE };
}

static inline struct tls_want
want_pkix(void)
{
	struct tls_want w = want_level(LEVEL_VERIFY);

	w.method = METHOD_PKIX_STS;
	return w;
}

static inline struct tls_want
want_dane(const struct tlsa *tlsa, size_t count)
{
	struct tls_want w = want_level(LEVEL_VERIFY);

	w.method = METHOD_DANE;
	w.ref_count = 2;
	w.tlsa = tlsa;
	w.tlsa_count = count;
	return w;
}

/* A record for a certificate of the test. */
static inline struct tlsa
record(uint8_t usage, uint8_t selector, uint8_t matching, const struct cert *c)
{
	struct span der = cert_der(mem, c, selector);
	uint8_t *digest = need(talloc_size(mem, EVP_MAX_MD_SIZE));
	unsigned n = 0;

	if (matching != 0) {
		EVP_Digest(der.p, der.n, digest, &n,
		    matching == 1 ? EVP_sha256() : EVP_sha512(), NULL);
		der = span_of(digest, n);
	}
	return (struct tlsa){ usage, selector, matching, der, TLSA_USABLE };
}

/* The same with one bit of it turned. */
static inline struct tlsa
wrong(struct tlsa t)
{
	struct span copy = span_copy(mem, t.data);

	((uint8_t *)(uintptr_t)copy.p)[copy.n - 1] ^= 1;
	t.data = copy;
	return t;
}

static inline const struct result *
shake_dane(const struct server *s, struct tlsa t)
{
	struct tls_want w = want_dane(&t, 1);

	return shake(s, &w);
}

static inline const struct result *
shake_pkix(const struct cert *leaf)
{
	struct server s = serve(leaf, middle, NULL);
	struct tls_want w = want_pkix();

	return shake(&s, &w);
}

static inline void
assert_proved(const struct result *r)
{
	ck_assert_msg(r->ok, "%s", r->why.text);
	ck_assert(r->info.authenticated);
	ck_assert_str_eq(r->info.grade, "verified");
	ck_assert_str_ne(r->info.matched, "");
	ck_assert_str_eq(r->info.result_type, "");
	ck_assert_int_eq(r->info.failure, FAILURE_NONE);
}

static inline void
assert_refused(const struct result *r, const char *result_type)
{
	ck_assert(!r->ok);
	ck_assert(!r->info.authenticated);
	ck_assert_str_ne(r->info.grade, "verified");
	ck_assert_str_eq(r->info.result_type, result_type);
	ck_assert_int_ne(r->why.st, ST_OK);
	ck_assert_str_ne(r->why.text, "");
	ck_assert_str_ne(r->info.error, "");
	ck_assert_int_ne(r->info.failure, FAILURE_NONE);
}

/* ---- world ---- */

static inline char *
ca_file(const struct cert *c)
{
	char *path = need(talloc_strdup(mem, "/tmp/check_tls.XXXXXX"));
	struct span pem = cert_pem(mem, (const struct cert *const *)&c, 1);
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, pem.p, pem.n), (ssize_t)pem.n);
	close(fd);
	return path;
}

static inline void
set_up(void)
{
	struct diag why;
	char *path;

	mem = talloc_new(NULL);
	loop_new(log_none());
	root = cert_ca(mem, "Root", NULL);
	middle = cert_ca(mem, "Middle", root);
	stranger_root = cert_ca(mem, "Stranger", NULL);
	path = ca_file(root);
	ck_assert_int_eq(tls_client_new(mem, path, &client, &why), ST_OK);
	unlink(path); /* opened now, never later */
}

static inline void
tear_down(void)
{
	talloc_free(mem);
}

#endif
