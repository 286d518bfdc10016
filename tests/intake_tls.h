/* SPDX-License-Identifier: BSD-2-Clause */
/* intake_tls - TLS of the clients of an intake under test. */
#ifndef TESTS_INTAKE_TLS_H
#define TESTS_INTAKE_TLS_H

#include "tests/certs.h"
#include "tests/intake.h"

static inline void
offer_tls(void)
{
	const struct cert *leaf = cert_leaf(mem, "DNS:gw.example.org", NULL);
	struct tls_server *tls;
	struct diag why;

	ck_assert_msg(tls_server_new(mem, cert_pem(mem, &leaf, 1),
			  cert_key_pem(mem, leaf), &tls, &why) == ST_OK,
	    "%s", why.text);
	intake_set_tls(in, tls);
}

struct tls_side {
	SSL_CTX *ctx;
	SSL *ssl;
};

static inline struct tls_side
handshake(struct client *c)
{
	struct tls_side t = { SSL_CTX_new(TLS_client_method()), NULL };
	unsigned turns = 0;

	t.ssl = SSL_new(t.ctx);
	SSL_set_fd(t.ssl, c->fd);
	while (SSL_connect(t.ssl) != 1) {
		pump_for(turns++);
	}
	return t;
}

static inline void
tls_free(struct tls_side *t)
{
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
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

#endif
