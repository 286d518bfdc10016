/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DKIM signature of our reports.  That others take it for good is for
 * tests/lab/test_tlsrpt_mail.py, with a verifier that shares no code; here are
 * the records, the keys and the form.
 */
#include <check.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "report/dkim.h"
#include "util/sha256.h"

static TALLOC_CTX *mem;
static struct diag why;

static void
setup(void)
{
	mem = talloc_new(NULL);
	why = (struct diag){ 0 };
}

static void
teardown(void)
{
	talloc_free(mem);
}

static struct span
pem_of(EVP_PKEY *pkey, const char *phrase)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p;
	long n;
	struct span out;

	ck_assert_ptr_nonnull(pkey);
	ck_assert_int_eq(PEM_write_bio_PKCS8PrivateKey(bio, pkey,
			     phrase == NULL ? NULL : EVP_aes_256_cbc(), phrase,
			     phrase == NULL ? 0 : (int)strlen(phrase), NULL,
			     NULL),
	    1);
	n = BIO_get_mem_data(bio, &p);
	out = span_copy(mem, span_of(p, (size_t)n));
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	return out;
}

static struct dkim_key *
key_of(EVP_PKEY *pkey)
{
	struct dkim_key *k = NULL;
	enum status st = dkim_key_new(mem, pem_of(pkey, NULL), "gw.example",
	    "sel", &k, &why);

	ck_assert_msg(st == ST_OK, "%s", why.text);
	return k;
}

static struct dkim_key *
ed25519(void)
{
	return key_of(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
}

static const char *
signature(const struct dkim_key *key, const char *message)
{
	static const char *const fields[] = { "From", "Subject" };
	struct sbuf b;

	sbuf_init(&b, mem, DKIM_MAX_BYTES);
	dkim_sign(key, span_str(message), fields, 2,
	    (struct wall){ INT64_C(1764000000000) }, &b);
	return sbuf_cstr(&b);
}

static const char message[] = "From: <a@gw.example>\r\n"
			      "Subject: one\r\n two\r\n"
			      "X: y\r\n\r\nBody  \r\n\r\n";

START_TEST(rpt_32_the_signature_covers_the_whole_body_without_l)
{
	const char *s = signature(ed25519(), message);

	ck_assert_ptr_nonnull(strstr(s, "d=gw.example;"));
	ck_assert_ptr_nonnull(strstr(s, "a=ed25519-sha256;"));
	ck_assert_ptr_null(strstr(s, " l="));
	ck_assert_ptr_null(strstr(s, "\tl="));
	/* SHA-256 of "Body\r\n": blanks and empty lines at ends are nothing */
	ck_assert_ptr_nonnull(strstr(s,
	    "bh=x/N8/ivRfGMxF56p8/vkrTaHlPadGijHRWz0MB878Wk=;"));
}
END_TEST

START_TEST(ed25519_signs_the_hash_and_any_verifier_of_it_agrees)
{
	/* Deterministic: the same message has the same signature ... */
	struct dkim_key *k = ed25519();
	const char *one = signature(k, message);

	ck_assert_str_eq(one, signature(k, message));
	/* ... what relaxed forms do not see makes no difference ... */
	ck_assert_str_eq(one,
	    signature(k, "from:  <a@gw.example> \r\n"
			 "SUBJECT: one \r\n\ttwo\r\nX: z\r\n\r\nBody\t\r\n"));
	/* ... and every other byte does. */
	ck_assert_str_ne(one,
	    signature(k, "From: <a@gw.example>\r\n"
			 "Subject: one\r\n two\r\nX: y\r\n\r\nbody\r\n"));
	ck_assert_str_ne(one,
	    signature(k, "From: <a@gw.example>\r\n"
			 "Subject: one two!\r\nX: y\r\n\r\nBody\r\n"));
}
END_TEST

START_TEST(keys_that_no_verifier_takes_are_refused)
{
	struct dkim_key *k;
	struct span pem;

	pem = pem_of(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), NULL);
	ck_assert_int_eq(dkim_key_new(mem, pem, "d", "s", &k, &why), ST_UNSUPP);
	ck_assert_ptr_nonnull(strstr(why.text, "Ed25519"));
	pem = pem_of(EVP_RSA_gen(512), NULL);
	ck_assert_int_eq(dkim_key_new(mem, pem, "d", "s", &k, &why), ST_UNSUPP);
	pem = pem_of(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), "secret");
	ck_assert_int_eq(dkim_key_new(mem, pem, "d", "s", &k, &why), ST_SYNTAX);
	ck_assert_int_eq(dkim_key_new(mem, SPAN_LIT("no key"), "d", "s", &k,
			     &why),
	    ST_SYNTAX);
}
END_TEST

START_TEST(a_published_record_is_known_again)
{
	struct dkim_key *ed = ed25519(), *rsa = key_of(EVP_RSA_gen(1024));
	const char *record = dkim_key_record(mem, rsa, "email:tlsrpt");
	char *folded;

	ck_assert_int_eq(strncmp(record,
			     "v=DKIM1; k=rsa; s=email:tlsrpt; p=", 34),
	    0);
	ck_assert(dkim_record_matches(rsa, span_str(record)));
	ck_assert(!dkim_record_matches(ed, span_str(record)));
	folded = talloc_asprintf(mem, "%.40s \t%s ; t=s", record, record + 40);
	ck_assert(dkim_record_matches(rsa, span_str(folded)));
	ck_assert(dkim_record_matches(ed,
	    span_str(dkim_key_record(mem, ed, ""))));
	ck_assert(!dkim_record_matches(ed, SPAN_LIT("v=DKIM1; k=rsa; p=")));
	ck_assert(!dkim_record_matches(ed, SPAN_LIT("v=DKIM1; k=rsa")));
}
END_TEST

START_TEST(rpt_33_what_a_key_record_may_be_used_for)
{
	static const struct {
		const char *txt;
		bool tlsrpt, email;
	} t[] = {
		{ "v=DKIM1; p=x", true, true },
		{ "v=DKIM1; s=*; p=x", true, true },
		{ "v=DKIM1; s=tlsrpt; p=x", true, false },
		{ "v=DKIM1; s = email : tlsrpt ; p=x", true, true },
		{ "v=DKIM1; s=email; p=x", false, true },
		{ "v=DKIM1; s=other; p=x", false, false },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		struct dkim_services
		    s = dkim_record_services(span_str(t[i].txt));

		ck_assert_msg(s.tlsrpt == t[i].tlsrpt, "%s", t[i].txt);
		ck_assert_msg(s.email == t[i].email, "%s", t[i].txt);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("dkim");
	TCase *tc = tcase_create("dkim");
	SRunner *r;
	int failed;

	status_init();
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc,
	    rpt_32_the_signature_covers_the_whole_body_without_l);
	tcase_add_test(tc,
	    ed25519_signs_the_hash_and_any_verifier_of_it_agrees);
	tcase_add_test(tc, keys_that_no_verifier_takes_are_refused);
	tcase_add_test(tc, a_published_record_is_known_again);
	tcase_add_test(tc, rpt_33_what_a_key_record_may_be_used_for);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
