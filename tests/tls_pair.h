/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_pair - our side of a handshake against plain OpenSSL, in memory and
 * without a loop: what the judge says, and what the other side saw.
 */
#ifndef TESTS_TLS_PAIR_H
#define TESTS_TLS_PAIR_H

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/tls_internal.h"
#include "tests/certs.h"

#define PAIR_BUFFER_BYTES (1 << 20) /* a whole flight */
#define PAIR_TURNS        40
#define HOST              "mx.example.org"

static TALLOC_CTX *mem;
static struct tls_client *client;
static struct cert *root, *middle;

struct outcome {
	enum status st;
	struct tls_info info;
	struct diag why;
	struct tls_check check; /* as it was judged by */
};
static struct outcome out;

/* What of the last hello the server saw; filled by pair_see_hello(). */
struct seen {
	uint16_t suite[512], version[16], group[32];
	size_t suites, versions, groups;
	bool status_request, certificate_type;
};
static struct seen seen;

static inline size_t
pair_numbers(const unsigned char *p, size_t n, uint16_t *to, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i + 1 < n && count < max; i += 2)
		to[count++] = (uint16_t)(p[i] << 8 | p[i + 1]);
	return count;
}

static inline int
pair_hello(SSL *ssl, int *alert, void *arg)
{
	const unsigned char *p;
	size_t n;

	(void)alert;
	(void)arg;
	seen = (struct seen){ 0 };
	n = SSL_client_hello_get0_ciphers(ssl, &p);
	seen.suites = pair_numbers(p, n, seen.suite, COUNT_OF(seen.suite));
	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_versions, &p,
		&n) == 1)
		seen.versions = pair_numbers(p + 1, n - 1, seen.version,
		    COUNT_OF(seen.version));
	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_groups, &p,
		&n) == 1)
		seen.groups = pair_numbers(p + 2, n - 2, seen.group,
		    COUNT_OF(seen.group));
	seen.status_request = SSL_client_hello_get0_ext(ssl,
				  TLSEXT_TYPE_status_request, &p, &n) == 1;
	/* server_certificate_type, RFC 7250 */
	seen.certificate_type = SSL_client_hello_get0_ext(ssl, 20, &p, &n) == 1;
	return SSL_CLIENT_HELLO_SUCCESS;
}

/* ctx is freed. */
static inline const struct outcome *
pair_shake(SSL_CTX *ctx, const struct tls_want *want, const char *suites)
{
	BIO *mine, *theirs;
	struct wall now = { (int64_t)time(NULL) * 1000 };
	SSL *ssl, *peer = need(SSL_new(ctx));
	int ours = 0;

	out = (struct outcome){ 0 };
	ssl = tls_client_ssl(mem, client, want, now, &out.check, &out.why);
	ck_assert_ptr_nonnull(ssl);
	if (suites != NULL) {
		SSL_set_security_level(ssl, 0);
		ck_assert_int_eq(SSL_set_max_proto_version(ssl, TLS1_2_VERSION),
		    1);
		ck_assert_int_eq(SSL_set_cipher_list(ssl, suites), 1);
	}
	ck_assert_int_eq(BIO_new_bio_pair(&mine, PAIR_BUFFER_BYTES, &theirs,
			     PAIR_BUFFER_BYTES),
	    1);
	SSL_set_bio(ssl, mine, mine);
	SSL_set_bio(peer, theirs, theirs);
	SSL_set_accept_state(peer);
	SSL_CTX_set_client_hello_cb(ctx, pair_hello, NULL);
	for (int i = 0; i < PAIR_TURNS; i++) {
		ERR_clear_error();
		if (!SSL_is_init_finished(peer))
			(void)SSL_do_handshake(peer);
		ERR_clear_error();
		ours = SSL_do_handshake(ssl);
		if (ours == 1 && SSL_is_init_finished(peer))
			break;
		if (ours != 1 &&
		    SSL_get_error(ssl, ours) != SSL_ERROR_WANT_READ)
			break;
	}
	out.st = tls_judge(ssl, &out.check, ours == 1, "lost", &out.info,
	    &out.why);
	ERR_clear_error();
	tls_check_release(&out.check);
	SSL_free(ssl);
	SSL_free(peer);
	SSL_CTX_free(ctx);
	return &out;
}

static inline struct tls_want
pair_want(enum level level, enum method method)
{
	static const char *const names[] = { HOST };

	return (struct tls_want){ .rung = RUNG_MODERN,
		.level = level,
		.method = method,
		.sni = HOST,
		.ref = names,
		.ref_count = 1 };
}

static inline SSL_CTX *
pair_serve(const struct cert *leaf)
{
	return cert_server(leaf, (const struct cert *const *)&middle, 1);
}

static inline void
pair_setup(void)
{
	char path[] = "/tmp/check_tls.XXXXXX";
	struct span pem;
	struct diag why = { 0 };
	int fd = mkstemp(path);

	mem = talloc_new(NULL);
	root = cert_ca(mem, "Root", NULL);
	middle = cert_ca(mem, "Middle", root);
	pem = cert_pem(mem, (const struct cert *const *)&root, 1);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, pem.p, pem.n), (ssize_t)pem.n);
	close(fd);
	ck_assert_int_eq(tls_client_new(mem, path, &client, &why), ST_OK);
	unlink(path);
}

static inline void
pair_teardown(void)
{
	talloc_free(mem);
}

static inline int
pair_main(const char *name, void (*add)(TCase *t))
{
	Suite *s = suite_create(name);
	TCase *t = tcase_create(name);
	SRunner *r;
	int failed;

	status_init();
	suite_add_tcase(s, t);
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, pair_setup, pair_teardown);
	add(t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
