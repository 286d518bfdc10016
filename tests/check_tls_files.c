/* SPDX-License-Identifier: BSD-2-Clause */
/* Anchors, certificates and keys as they are read; see tests/handshake.h. */
#include "tests/handshake.h"

/* ---- contexts ---- */

START_TEST(tls_client_needs_readable_anchors)
{
	struct tls_client *c;
	struct diag why = { 0 };

	ck_assert_int_eq(tls_client_new(mem, "/nonexistent/ca.pem", &c, &why),
	    ST_IO);
	ck_assert_ptr_nonnull(strstr(why.text, "/nonexistent/ca.pem"));
	ck_assert_int_eq(tls_client_new(mem, "/dev/null", &c, &why), ST_IO);
}
END_TEST

START_TEST(tls_server_needs_a_certificate_and_its_key)
{
	const struct cert *a = cert_leaf(mem, "DNS:" BASE, NULL);
	const struct cert *b = cert_leaf(mem, "DNS:" BASE, NULL);
	struct span chain = cert_pem(mem, &a, 1);
	struct tls_server *s;
	struct diag why = { 0 };

	ck_assert_int_eq(tls_server_new(mem, chain, cert_key_pem(mem, a), &s,
			     &why),
	    ST_OK);
	ck_assert_int_eq(tls_server_new(mem, chain, cert_key_pem(mem, b), &s,
			     &why),
	    ST_IO);
	ck_assert_int_eq(tls_server_new(mem, SPAN_LIT("junk"),
			     cert_key_pem(mem, a), &s, &why),
	    ST_IO);
	ck_assert_int_eq(tls_server_new(mem, chain, SPAN_LIT(""), &s, &why),
	    ST_IO);
}
END_TEST

static struct span
joined(struct span a, struct span b)
{
	struct sbuf out;

	sbuf_init(&out, mem, 65536);
	sbuf_span(&out, a);
	sbuf_span(&out, b);
	return sbuf_view(&out);
}

/* With its first line of data damaged. */
static struct span
damaged(struct span pem)
{
	uint8_t *p = need(talloc_memdup(mem, pem.p, (unsigned)pem.n));
	size_t at = span_find(pem, '\n', 0) + 1;

	memset(p + at, '!', 4);
	return span_of(p, pem.n);
}

/* Else a chain would be short, or a key of the wrong kind be all there is. */
START_TEST(a_pem_file_that_is_damaged_further_down_is_refused)
{
	const struct cert *ca = cert_ca(mem, "CA", NULL);
	const struct cert *a = cert_leaf(mem, "DNS:" BASE, ca);
	struct span leaf = cert_pem(mem, &a, 1), above = cert_pem(mem, &ca, 1);
	struct span key = cert_key_pem(mem, a);
	struct span other = cert_key_pem(mem, ca);
	struct tls_server *s;
	struct tls_client *c;
	struct diag why = { 0 };
	bool changed;

	ck_assert_int_eq(tls_server_new(mem, joined(leaf, damaged(above)), key,
			     &s, &why),
	    ST_IO);
	ck_assert_int_eq(tls_server_new(mem, leaf, joined(key, damaged(other)),
			     &s, &why),
	    ST_IO);
	ck_assert_int_eq(tls_server_new(mem, leaf, key, &s, &why), ST_OK);
	ck_assert_int_eq(tls_server_trust(s, joined(above, damaged(leaf)),
			     &why),
	    ST_IO);
	ck_assert_int_eq(tls_client_of(mem, joined(above, damaged(leaf)), &c,
			     &why),
	    ST_IO);
	ck_assert_int_eq(tls_client_trust(client, SPAN_LIT(""), &changed, &why),
	    ST_IO);
	ck_assert_int_eq(tls_client_trust(client, above, &changed, &why),
	    ST_OK);
	ck_assert(changed);
}
END_TEST

/* OpenSSL would ask for it at the terminal, and wait. */
START_TEST(a_key_with_a_passphrase_is_refused_without_asking)
{
	const struct cert *a = cert_leaf(mem, "DNS:" BASE, NULL);
	BIO *bio = BIO_new(BIO_s_mem());
	struct tls_server *s;
	struct diag why = { 0 };
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	ck_assert_int_ge(master, 0);
	ck_assert(grantpt(master) == 0 && unlockpt(master) == 0);
	(void)setsid();
	ck_assert_int_ge(open(ptsname(master), O_RDWR), 0); /* its terminal */
	ck_assert_int_eq(PEM_write_bio_PKCS8PrivateKey(bio, a->key,
			     EVP_aes_128_cbc(), "secret", 6, NULL, NULL),
	    1);
	ck_assert_int_eq(tls_server_new(mem, cert_pem(mem, &a, 1),
			     cert_bio_span(mem, bio), &s, &why),
	    ST_IO);
	ck_assert_ptr_nonnull(strstr(why.text, "TLS key"));
	close(master);
}
END_TEST

START_TEST(tls_server_takes_a_certificate_of_each_kind)
{
	const struct cert_spec soon = { .san = "DNS:" BASE,
		.from_s = -CERTS_DAY_S,
		.to_s = 7 * CERTS_DAY_S,
		.rsa_bits = 2048 };
	const struct cert *ca = cert_ca(mem, "CA", NULL);
	const struct cert *ec = cert_leaf(mem, "DNS:" BASE, ca);
	const struct cert *rsa = cert_make(mem, &soon, NULL);
	const struct cert *both[] = { ec, ca, rsa }, *late[] = { ca, ec };
	char *keys = talloc_asprintf(mem, "%s%s",
	    span_dup(mem, cert_key_pem(mem, rsa)),
	    span_dup(mem, cert_key_pem(mem, ec)));
	struct tls_server *s;
	struct diag why = { 0 };
	struct wall at = { (int64_t)time(NULL) * 1000 };

	ck_assert_msg(tls_server_new(mem, cert_pem(mem, both, 3),
			  span_str(keys), &s, &why) == ST_OK,
	    "%s", why.text);
	ck_assert_int_gt(tls_server_not_after(s).ms, at.ms);
	ck_assert_int_lt(tls_server_not_after(s).ms,
	    wall_after(at, 8 * CERTS_DAY_S * 1000).ms);
	ck_assert_int_eq(tls_server_new(mem, cert_pem(mem, late, 2),
			     cert_key_pem(mem, ec), &s, &why),
	    ST_IO);
	ck_assert_int_eq(tls_server_new(mem, cert_pem(mem, both, 2),
			     span_str(keys), &s, &why),
	    ST_IO);
	ck_assert_ptr_nonnull(strstr(why.text, "number 1 has no certificate"));
}
END_TEST

/* The first would silently be gone, and its chain sent with the second. */
START_TEST(tls_server_takes_one_certificate_of_a_kind)
{
	const struct cert *ca = cert_ca(mem, "CA", NULL);
	const struct cert *a = cert_leaf(mem, "DNS:" BASE, ca);
	const struct cert *b = cert_leaf(mem, "DNS:" BASE, ca);
	const struct cert *two[] = { a, ca, b, ca }, *twice[] = { a, a, ca };
	struct span keys = joined(cert_key_pem(mem, a), cert_key_pem(mem, b));
	struct tls_server *s;
	struct diag why = { 0 };

	ck_assert_int_eq(tls_server_new(mem, cert_pem(mem, two, 4), keys, &s,
			     &why),
	    ST_IO);
	ck_assert_ptr_nonnull(strstr(why.text, "a second one of kind EC"));
	ck_assert_int_eq(tls_server_new(mem, cert_pem(mem, twice, 3),
			     cert_key_pem(mem, a), &s, &why),
	    ST_OK);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("tls_files");
	TCase *t = tcase_create("contexts");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, tls_client_needs_readable_anchors);
	tcase_add_test(t, tls_server_needs_a_certificate_and_its_key);
	tcase_add_test(t, a_pem_file_that_is_damaged_further_down_is_refused);
	tcase_add_test(t, a_key_with_a_passphrase_is_refused_without_asking);
	tcase_add_test(t, tls_server_takes_a_certificate_of_each_kind);
	tcase_add_test(t, tls_server_takes_one_certificate_of_a_kind);
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
