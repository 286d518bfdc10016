/* SPDX-License-Identifier: BSD-2-Clause */
/* intake_tls - TLS of the clients of an intake under test. */
#ifndef TESTS_INTAKE_TLS_H
#define TESTS_INTAKE_TLS_H

#include "tests/certs.h"
#include "tests/intake.h"

/* Certificates that an authority here signs are vouched for. */
static inline void
offer_tls_trusting(const struct cert *authority)
{
	const struct cert *leaf = cert_leaf(mem, "DNS:gw.example.org", NULL);
	struct tls_server *tls;
	struct diag why;

	ck_assert_msg(tls_server_new(mem, cert_pem(mem, &leaf, 1),
			  cert_key_pem(mem, leaf), &tls, &why) == ST_OK,
	    "%s", why.text);
	if (authority != NULL)
		ck_assert_int_eq(tls_server_trust(tls,
				     cert_pem(mem, &authority, 1), &why),
		    ST_OK);
	intake_set_tls(in, tls);
}

static inline void
offer_tls(void)
{
	offer_tls_trusting(NULL);
}

struct tls_side {
	SSL_CTX *ctx;
	SSL *ssl;
};

static inline int
tls_free(struct tls_side *t)
{
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	return 0;
}

/* With a certificate of the client's own; or NULL. */
static inline struct tls_side
handshake_as(struct client *c, const struct cert *cert)
{
	struct tls_side t = { SSL_CTX_new(TLS_client_method()), NULL };
	struct tls_side *held = need(talloc(mem, struct tls_side));
	unsigned turns = 0;

	if (cert != NULL) {
		SSL_CTX_use_certificate(t.ctx, cert->x);
		SSL_CTX_use_PrivateKey(t.ctx, cert->key);
	}
	t.ssl = SSL_new(t.ctx);
	*held = t; /* to be freed with the test's memory */
	talloc_set_destructor(held, tls_free);
	SSL_set_fd(t.ssl, c->fd);
	while (SSL_connect(t.ssl) != 1) {
		pump_for(turns++);
	}
	return t;
}

static inline struct tls_side
handshake(struct client *c)
{
	return handshake_as(c, NULL);
}

static inline void
tls_ask(struct client *c, struct tls_side *t, const char *text,
    const char *start)
{
	const char *got;

	if (text[0] != '\0')
		ck_assert_int_gt(SSL_write(t->ssl, text, (int)strlen(text)), 0);
	for (unsigned i = 0; whole_reply(c) == 0; i++) {
		int n = SSL_read(t->ssl, c->in + c->n, 4096);

		if (n > 0)
			c->n += (size_t)n;
		else
			pump_for(i);
	}
	got = reply(c);
	ck_assert_msg(strncmp(got, start, strlen(start)) == 0,
	    "\"%s\" expected, got \"%s\"", start, got);
}

/* Wait for the end of the connection. */
static inline void
tls_expect_end(struct client *c, struct tls_side *t)
{
	char byte;
	int n = -1;

	for (unsigned i = 0; n <= 0; i++) {
		n = SSL_read(t->ssl, &byte, 1);
		if (n <= 0 && SSL_get_error(t->ssl, n) != SSL_ERROR_WANT_READ)
			return;
		pump_for(i);
	}
	ck_abort_msg("%zu bytes instead of the end", c->n + 1);
}

static inline void
tls_say(struct tls_side *t, const char *text)
{
	ck_assert_int_gt(SSL_write(t->ssl, text, (int)strlen(text)), 0);
}

static inline void
tls_expect_silence(struct client *c, struct tls_side *t)
{
	settle();
	ck_assert_int_le(SSL_read(t->ssl, c->in, 1), 0);
	ck_assert_int_eq(SSL_get_error(t->ssl, -1), SSL_ERROR_WANT_READ);
}

/* A client that has gone through STARTTLS and said EHLO. */
static inline struct client *
secured_as(struct tls_side *t, const struct cert *cert)
{
	struct client *c = greeted();

	ask(c, "STARTTLS\r\n", "220 2.0.0");
	*t = handshake_as(c, cert);
	tls_ask(c, t, "EHLO client.example\r\n", "250-gw.example.org");
	return c;
}

static inline struct client *
secured(struct tls_side *t)
{
	return secured_as(t, NULL);
}

#endif
