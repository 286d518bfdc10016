/* SPDX-License-Identifier: BSD-2-Clause */
/* What signs reports: from the files to the signed mail, and what is published
 * of it. */
#include <check.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/master_files.h"
#include "gateway/tlsrpt_keys.h"
#include "report/tlsrpt.h"

static TALLOC_CTX *mem;
static char *dir;
static struct conf conf;
static struct conf_mistakes bad;
static struct diag why;

/* Takes pkey over. */
static char *
file_of(const char *name, EVP_PKEY *pkey, mode_t mode)
{
	char *path = talloc_asprintf(mem, "%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL,
			     NULL),
	    1);
	EVP_PKEY_free(pkey);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
	return path;
}

static void
set_up(void)
{
	mem = talloc_new(NULL);
	dir = talloc_strdup(mem, "/tmp/check_tlsrpt_keys.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	bad = (struct conf_mistakes){ .mem = mem };
	conf = (struct conf){
		.tlsrpt_enable = true,
		.tlsrpt_dkim_domain = "gw.example",
		.tlsrpt_rsa_selector = "r1",
		.tlsrpt_rsa_key = file_of("rsa.pem", EVP_RSA_gen(1024), 0600),
		.tlsrpt_ed25519_selector = "e1",
		.tlsrpt_ed25519_key = file_of("ed25519.pem",
		    EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), 0600),
	};
}

static void
tear_down(void)
{
	(void)unlink(talloc_asprintf(mem, "%s/rsa.pem", dir));
	(void)unlink(talloc_asprintf(mem, "%s/ed25519.pem", dir));
	(void)rmdir(dir);
	talloc_free(mem);
}

static struct tlsrpt_keys *
keys(void)
{
	struct span packed = master_report_keys(mem, &conf, &bad);
	struct tlsrpt_keys *k = NULL;

	ck_assert_msg(bad.count == 0, "%s", bad.count > 0 ? bad.text[0] : "");
	ck_assert_msg(tlsrpt_keys_unpack(mem, packed, &k, &why) == ST_OK, "%s",
	    why.text);
	return k;
}

static const char
    mail[] = "Date: d\r\nFrom: <t@gw.example>\r\nTo: <a@b>\r\nSubject: s\r\n"
	     "Message-ID: <i>\r\nTLS-Report-Domain: d.example\r\n"
	     "TLS-Report-Submitter: gw.example\r\nTLS-Required: No\r\n"
	     "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
	     "Content-Type: multipart/report\r\n\r\nbody\r\n";

START_TEST(rpt_34_each_key_signs_and_the_report_fields_are_covered)
{
	const struct tlsrpt_keys *k = keys();
	const char *text, *second;
	struct sbuf b;

	ck_assert_uint_eq(k->count, 2);
	sbuf_init(&b, mem, 1u << 16);
	tlsrpt_keys_sign(k, span_str(mail), (struct wall){ 1 }, &b);
	text = sbuf_cstr(&b);
	ck_assert_ptr_eq(strstr(text, "DKIM-Signature: "), text);
	second = strstr(text + 1, "DKIM-Signature: ");
	ck_assert_ptr_nonnull(second);
	ck_assert_ptr_null(strstr(second + 1, "DKIM-Signature: "));
	ck_assert_str_eq(text + strlen(text) - strlen(mail), mail);
	ck_assert_ptr_nonnull(strstr(text, "d=gw.example;\r\n\ts=r1"));
	ck_assert_ptr_nonnull(strstr(text, "d=gw.example;\r\n\ts=e1"));
	for (const char *s = text; s != NULL && s < text + b.n - strlen(mail);
	     s = s == text ? second : NULL) {
		const char *h = strstr(s, "h=");

		for (size_t i = 0; i < TLSRPT_SIGNED_FIELDS; i++) {
			const char *at = strcasestr(h, tlsrpt_signed_field[i]);

			ck_assert_msg(at != NULL && at < strstr(h, ";"), "%s",
			    tlsrpt_signed_field[i]);
		}
		ck_assert_ptr_null(memmem(s, strlen(s) - strlen(mail),
		    " l=", 3)); /* RPT-32 */
	}
}
END_TEST

START_TEST(without_files_there_are_no_keys)
{
	conf.tlsrpt_rsa_key = conf.tlsrpt_ed25519_key = "";
	ck_assert_uint_eq(keys()->count, 0);
}
END_TEST

START_TEST(a_file_that_others_may_read_or_that_is_no_key_is_told_of)
{
	ck_assert_int_eq(chmod(conf.tlsrpt_rsa_key, 0644), 0);
	conf.tlsrpt_ed25519_key = file_of("ed25519.pem", EVP_EC_gen("P-256"),
	    0600);
	(void)master_report_keys(mem, &conf, &bad);
	ck_assert_uint_eq(bad.count, 2);
	ck_assert_ptr_nonnull(strstr(bad.text[0], "tlsrpt.dkim-rsa-key: "));
	ck_assert_ptr_nonnull(strstr(bad.text[0], "chmod o="));
	ck_assert_ptr_nonnull(strstr(bad.text[1], "tlsrpt.dkim-ed25519-key: "));
}
END_TEST

START_TEST(b3_12_keys_that_are_none_are_refused)
{
	struct tlsrpt_keys *k = NULL;
	struct span packed = master_report_keys(mem, &conf, &bad);
	struct sbuf b;

	ck_assert_int_eq(tlsrpt_keys_unpack(mem, SPAN_LIT("x"), &k, &why),
	    ST_SYNTAX);
	ck_assert_int_eq(tlsrpt_keys_unpack(mem,
			     span_sub(packed, 0, packed.n - 1), &k, &why),
	    ST_SYNTAX);
	sbuf_init(&b, mem, 1u << 16);
	sbuf_span(&b, packed);
	sbuf_span(&b, packed);
	ck_assert_int_eq(tlsrpt_keys_unpack(mem, sbuf_view(&b), &k, &why),
	    ST_LIMIT);
	ck_assert_ptr_null(k);
}
END_TEST

START_TEST(rpt_33_a_key_for_reports_alone_on_a_mail_selector_is_warned_of)
{
	const struct tlsrpt_keys *k = keys();
	static const struct {
		const char *services, *says;
	} all[] = {
		{ "email:tlsrpt", NULL },
		{ "tlsrpt:email", NULL },
		{ "*", NULL },
		{ "", NULL },
		{ "tlsrpt", "for TLS reports alone" },
		{ "email", "does not let it sign TLS reports" },
	};

	for (size_t i = 0; i < k->count; i++) {
		const struct dkim_key *other = k->list[1 - i].key;

		for (size_t n = 0; n < COUNT_OF(all); n++) {
			const char *fault = tlsrpt_key_fault(k->list[i].key,
			    span_str(dkim_key_record(mem, k->list[i].key,
				all[n].services)));

			ck_assert_int_eq(fault == NULL, all[n].says == NULL);
			if (fault != NULL && all[n].says != NULL)
				ck_assert_ptr_nonnull(strstr(fault,
				    all[n].says));
		}
		ck_assert_ptr_nonnull(strstr(tlsrpt_key_fault(k->list[i].key,
						 span_str(dkim_key_record(mem,
						     other, ""))),
		    "another key"));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tlsrpt_keys");
	TCase *tc = tcase_create("tlsrpt_keys");
	SRunner *sr;
	int failed;

	status_init();
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc,
	    rpt_34_each_key_signs_and_the_report_fields_are_covered);
	tcase_add_test(tc, without_files_there_are_no_keys);
	tcase_add_test(tc,
	    a_file_that_others_may_read_or_that_is_no_key_is_told_of);
	tcase_add_test(tc, b3_12_keys_that_are_none_are_refused);
	tcase_add_test(tc,
	    rpt_33_a_key_for_reports_alone_on_a_mail_selector_is_warned_of);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
