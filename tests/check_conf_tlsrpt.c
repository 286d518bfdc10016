/* SPDX-License-Identifier: BSD-2-Clause */
/* tlsrpt.*: who reports, what signs, and what is wrong with it. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "policy/conf.h"

static TALLOC_CTX *mem;
static struct conf_mistakes mistakes;

static void
setup(void)
{
	mem = talloc_new(NULL);
	mistakes = (struct conf_mistakes){ .mem = mem };
}

static void
teardown(void)
{
	talloc_free(mem);
}

/* What stands in the group is on line 2. */
static struct conf *
read_group(const char *options)
{
	const struct wall now = { INT64_C(1795478400000) };

	return conf_read_text(mem, "t",
	    talloc_asprintf(mem,
		"hostname = \"gw.example.org\"; listen = ( { address = "
		"\"127.0.0.1:2525\"; allow = [\"127.0.0.0/8\"]; } );\n"
		"tlsrpt = { %s };",
		options),
	    now, true, &mistakes);
}

static struct conf *
read_good(const char *options)
{
	struct conf *conf = read_group(options);

	ck_assert_msg(conf != NULL, "%s",
	    mistakes.count > 0 ? mistakes.text[0] : "");
	return conf;
}

START_TEST(what_is_not_given_follows_from_the_rest)
{
	const struct conf *c = read_good("enable = true;");

	ck_assert_str_eq(c->tlsrpt_contact, "postmaster@gw.example.org");
	ck_assert_str_eq(c->tlsrpt_sender, "postmaster@gw.example.org");
	ck_assert_str_eq(c->tlsrpt_organization, "gw.example.org");
	ck_assert_str_eq(c->tlsrpt_dkim_domain, "gw.example.org");
	c = read_good("enable = true; contact = \"tls@B\303\274cher.example\";"
		      "organization = \"B\303\274cher\";");
	ck_assert_str_eq(c->tlsrpt_contact, "tls@xn--bcher-kva.example");
	ck_assert_str_eq(c->tlsrpt_sender, "tls@xn--bcher-kva.example");
	ck_assert_str_eq(c->tlsrpt_dkim_domain, "xn--bcher-kva.example");
	ck_assert_str_eq(c->tlsrpt_organization, "B\303\274cher");
	c = read_good("");
	ck_assert(!c->tlsrpt_enable);
	ck_assert_str_eq(c->tlsrpt_contact, "");
}
END_TEST

/* A role reads what the master printed. */
START_TEST(what_was_read_is_printed_and_read_again)
{
	const struct conf *c = read_good(
	    "enable = true; contact = \"t@example.org\";"
	    "dkim-domain = \"example.org\"; dkim-rsa-selector = \"r1\";"
	    "dkim-rsa-key = \"/etc/r1.pem\"; delay = \"1h\";"
	    "spread = \"2h\"; retry = \"5m\"; success-only = false;"
	    "https-verify = true; archive = false; keep = \"60d\";");
	struct conf *back = conf_read_text(mem, "t", conf_print(mem, c),
	    (struct wall){ INT64_C(1795478400000) }, true, &mistakes);

	ck_assert_ptr_nonnull(back);
	ck_assert_str_eq(back->tlsrpt_contact, "t@example.org");
	ck_assert_str_eq(back->tlsrpt_rsa_selector, "r1");
	ck_assert_str_eq(back->tlsrpt_rsa_key, "/etc/r1.pem");
	ck_assert_int_eq(back->tlsrpt_delay_ms, 3600000);
	ck_assert(!back->tlsrpt_success_only && back->tlsrpt_https_verify &&
		  !back->tlsrpt_archive);
	ck_assert_mem_eq(back->digest, c->digest, sizeof(c->digest));
}
END_TEST

/* RPT-32: d= is that of From, or above it, so that DMARC finds them one. */
START_TEST(rpt_32_the_signing_domain_is_aligned_with_that_of_the_contact)
{
	static const struct {
		const char *signer;
		bool good;
	} all[] = {
		{ "mail.example.org", true },
		{ "example.org", true },
		{ "org", true },
		{ "other.example.org", false },
		{ "a.mail.example.org", false },
		{ "ample.org", false },
		{ "example.com", false },
		{ "..", false },
	};

	for (size_t i = 0; i < COUNT_OF(all); i++) {
		const char *text = talloc_asprintf(mem,
		    "enable = true; contact = \"t@mail.example.org\";"
		    "dkim-domain = \"%s\";",
		    all[i].signer);

		mistakes = (struct conf_mistakes){ .mem = mem };
		ck_assert_msg((read_group(text) != NULL) == all[i].good, "%s",
		    all[i].signer);
	}
}
END_TEST

START_TEST(mistakes_are_told_with_their_line_and_what_to_do)
{
	static const struct {
		const char *options, *says;
	} all[] = {
		{ "contact = \"nobody\";", "tlsrpt.contact" },
		{ "contact = \"t@[192.0.2.1]\";", "a mail address in ASCII" },
		{ "contact = \"t@example\";", "with a full domain" },
		{ "contact = \"m\303\274@example.org\";", "in ASCII" },
		{ "contact = \"\\\"a b\\\"@example.org\";", "tlsrpt.contact" },
		{ "sender = \"@example.org\";", "tlsrpt.sender" },
		{ "dkim-rsa-key = \"k.pem\";",
		    "is set without tlsrpt.dkim-rsa-selector" },
		{ "dkim-ed25519-selector = \"s\";",
		    "is set without tlsrpt.dkim-ed25519-key" },
		{ "dkim-rsa-key = \"k.pem\"; dkim-rsa-selector = \"a..b\";",
		    "letters, digits" },
		{ "dkim-rsa-key = \"k\"; dkim-rsa-selector = \"A\";"
		  "dkim-ed25519-key = \"k\"; dkim-ed25519-selector = \"a\";",
		    "one name has one key" },
		{ "keep = \"1d\";", "tlsrpt.keep" },
	};

	for (size_t i = 0; i < COUNT_OF(all); i++) {
		mistakes = (struct conf_mistakes){ .mem = mem };
		ck_assert_msg(read_group(all[i].options) == NULL, "%s",
		    all[i].options);
		ck_assert_uint_ge(mistakes.count, 1);
		ck_assert_msg(strstr(mistakes.text[0], all[i].says) != NULL,
		    "%s: %s", all[i].options, mistakes.text[0]);
		ck_assert_ptr_nonnull(strstr(mistakes.text[0], "t:2"));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf_tlsrpt");
	TCase *tc = tcase_create("conf_tlsrpt");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_is_not_given_follows_from_the_rest);
	tcase_add_test(tc, what_was_read_is_printed_and_read_again);
	tcase_add_test(tc,
	    rpt_32_the_signing_domain_is_aligned_with_that_of_the_contact);
	tcase_add_test(tc, mistakes_are_told_with_their_line_and_what_to_do);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
