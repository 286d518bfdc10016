/* SPDX-License-Identifier: BSD-2-Clause */
/* What TLS is offered and negotiated; see tests/handshake.h. */
#include "tests/handshake.h"

/* ---- parameters ---- */

START_TEST(tls_01_versions_are_1_2_and_1_3)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct tls_want w = want_level(LEVEL_MAY);

	ck_assert(shake(&s, &w)->ok);
	ck_assert_str_eq(result.info.protocol, "TLSv1.3");
	s.max_version = TLS1_2_VERSION;
	ck_assert(shake(&s, &w)->ok);
	ck_assert_str_eq(result.info.protocol, "TLSv1.2");
	ck_assert_str_eq(result.info.group, "x25519");
	s.max_version = TLS1_1_VERSION;
	assert_refused(shake(&s, &w), "validation-failure");
	s.max_version = TLS1_VERSION;
	assert_refused(shake(&s, &w), "validation-failure");
}
END_TEST

START_TEST(tls_04_tls_05_forbidden_suites_are_not_negotiated)
{
	static const struct {
		const char *ciphers;
		bool ok;
	} rows[] = {
		{ "AES128-GCM-SHA256", false },         /* static RSA */
		{ "DHE-RSA-AES128-GCM-SHA256", false }, /* finite field */
		{ "NULL-SHA256:@SECLEVEL=0", false },
		{ "ADH-AES128-GCM-SHA256:@SECLEVEL=0", false },
		{ "AECDH-AES128-SHA:@SECLEVEL=0", false }, /* TLS-05, TLS-10 */
		{ "ECDHE-RSA-AES128-GCM-SHA256", true },
		{ "ECDHE-RSA-CHACHA20-POLY1305", true },
		{ "ECDHE-RSA-AES128-SHA", true },
	};
	const struct cert_spec rsa = {
		.cn = "x", .san = "DNS:" BASE, .rsa_bits = 2048
	};
	struct server s = serve(cert_make(mem, &rsa, middle), middle, NULL);

	s.max_version = TLS1_2_VERSION;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct tls_want w = want_level(LEVEL_MAY);

		s.ciphers = rows[i].ciphers;
		ck_assert_msg(shake(&s, &w)->ok == rows[i].ok, "%s",
		    rows[i].ciphers);
		if (!rows[i].ok)
			assert_refused(&result, "validation-failure");
	}
}
END_TEST

/* ---- the ClientHello itself ---- */

struct hello {
	struct span suites, compression, extensions;
};

static struct span hello_bytes;

static void
hello_came(void *arg)
{
	uint8_t buf[4096];
	ssize_t n = recv(*(int *)arg, buf, sizeof(buf), 0);

	ck_assert_int_gt(n, 0);
	hello_bytes = span_copy(mem, span_of(buf, (size_t)n));
	net_real_stop(net);
}

static uint16_t
u16_at(struct span a, size_t at)
{
	ck_assert_uint_le(at + 2, a.n);
	return (uint16_t)(a.p[at] << 8 | a.p[at + 1]);
}

static struct hello
take_hello(const struct tls_want *want)
{
	struct hello h;
	struct net_watch *watch;
	struct stream *st;
	size_t at = 5 + 4 + 2 + 32; /* record, handshake, version, random */
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	watch = net_real_watch(mem, net, fd[1], hello_came, &fd[1]);
	st = stream_new(mem, net, net_real_sock(mem, net, fd[0]));
	stream_tls_client(st, client, want, done, NULL);
	net_real_run(net);
	talloc_free(st);
	talloc_free(watch);
	close(fd[1]);
	ck_assert_uint_gt(hello_bytes.n, at);
	ck_assert_uint_eq(hello_bytes.p[0], 22);
	at += 1u + hello_bytes.p[at]; /* session id */
	h.suites = span_sub(hello_bytes, at + 2,
	    at + 2 + u16_at(hello_bytes, at));
	at += 2 + h.suites.n;
	h.compression = span_sub(hello_bytes, at + 1,
	    at + 1 + hello_bytes.p[at]);
	at += 1 + h.compression.n;
	h.extensions = span_sub(hello_bytes, at + 2,
	    at + 2 + u16_at(hello_bytes, at));
	return h;
}

static bool
offers_extension(const struct hello *h, uint16_t type, struct span *data)
{
	size_t at = 0;

	while (at + 4 <= h->extensions.n) {
		uint16_t n = u16_at(h->extensions, at + 2);

		if (u16_at(h->extensions, at) == type) {
			*data = span_sub(h->extensions, at + 4, at + 4 + n);
			return true;
		}
		at += 4u + n;
	}
	return false;
}

START_TEST(tls_07_tls_09_the_hello_offers_nothing_superfluous)
{
	static const uint16_t absent[] = {
		4,      /* truncated_hmac */
		16,     /* ALPN (TLS-09) */
		20,     /* server_certificate_type: raw keys (DANE-43) */
		35,     /* session_ticket */
		41, 42, /* pre_shared_key, early_data */
	};
	struct tlsa t = record(2, 0, 1, root);
	struct tls_want w = want_dane(&t, 1);
	struct hello h = take_hello(&w);
	struct span data;

	ck_assert_uint_eq(h.compression.n, 1);
	ck_assert_uint_eq(h.compression.p[0], 0);
	for (size_t i = 0; i < COUNT_OF(absent); i++)
		ck_assert_msg(!offers_extension(&h, absent[i], &data), "%u",
		    absent[i]);
	ck_assert(offers_extension(&h, 0, &data)); /* server_name */
	ck_assert(span_ends(data, BASE));
}
END_TEST

/* RFC 9325 3.5: renegotiation_info and extended_master_secret are sent. */
START_TEST(tls_08_the_hello_has_the_countermeasures)
{
	struct tls_want w = want_level(LEVEL_MAY);
	struct hello h = take_hello(&w);
	struct span data;
	bool scsv = false;

	for (size_t i = 0; i + 2 <= h.suites.n; i += 2)
		scsv |= u16_at(h.suites, i) == 0x00ff;
	ck_assert(scsv || offers_extension(&h, 0xff01, &data));
	ck_assert(offers_extension(&h, 23, &data));
}
END_TEST

START_TEST(tls_04_tls_05_dane_43_the_hello_lists_good_suites_only)
{
	struct tlsa t = record(2, 0, 1, root);
	struct tls_want wants[] = { want_level(LEVEL_MAY), want_pkix(),
		want_dane(&t, 1) };
	struct hello h = take_hello(&wants[_i]);
	bool aead_first = true, cbc = false;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);

	for (size_t i = 0; i + 2 <= h.suites.n; i += 2) {
		const SSL_CIPHER *c = SSL_CIPHER_find(ssl, h.suites.p + i);
		int kx;

		if (u16_at(h.suites, i) == 0x00ff) /* renegotiation SCSV */
			continue;
		ck_assert_ptr_nonnull(c);
		kx = SSL_CIPHER_get_kx_nid(c);
		ck_assert(kx == NID_kx_any || kx == NID_kx_ecdhe);
		ck_assert_int_ne(SSL_CIPHER_get_auth_nid(c), NID_auth_null);
		ck_assert_int_ne(SSL_CIPHER_get_cipher_nid(c), NID_undef);
		ck_assert_int_ge(SSL_CIPHER_get_bits(c, NULL), 128);
		cbc |= !SSL_CIPHER_is_aead(c);
		aead_first &= !cbc || !SSL_CIPHER_is_aead(c);
	}
	ck_assert(aead_first);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}
END_TEST

/* No version fallback, no memory: each hello offers the same. */
START_TEST(tls_03_the_hello_does_not_change_after_a_failure)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct tls_want w = want_level(LEVEL_MAY);
	struct hello a = take_hello(&w), b;
	struct span va, vb;

	s.max_version = TLS1_1_VERSION;
	ck_assert(!shake(&s, &w)->ok);
	b = take_hello(&w);
	ck_assert(offers_extension(&a, 43, &va));
	ck_assert(offers_extension(&b, 43, &vb));
	ck_assert(span_eq_span(va, vb));
	ck_assert(span_eq_span(a.suites, b.suites));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("tls_hello");
	TCase *t = tcase_create("parameters");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, tls_01_versions_are_1_2_and_1_3);
	tcase_add_test(t, tls_04_tls_05_forbidden_suites_are_not_negotiated);
	suite_add_tcase(s, t);

	t = tcase_create("the ClientHello itself");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, tls_07_tls_09_the_hello_offers_nothing_superfluous);
	tcase_add_test(t, tls_08_the_hello_has_the_countermeasures);
	tcase_add_loop_test(t,
	    tls_04_tls_05_dane_43_the_hello_lists_good_suites_only, 0, 3);
	tcase_add_test(t, tls_03_the_hello_does_not_change_after_a_failure);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
