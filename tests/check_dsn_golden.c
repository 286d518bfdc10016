/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Golden files are tests/golden/dsn-*.eml; with UPDATE_GOLDEN set in the
 * environment they are written afresh, to be read before they are kept.
 * check_dsn_mime.sh has them read by parsers that are not ours.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/dsn.h"
#include "tests/dsn_rules.h"

#ifndef SRCDIR
#define SRCDIR "."
#endif

static TALLOC_CTX *mem;

static void
set_up(void)
{
	mem = talloc_new(NULL);
}

static void
tear_down(void)
{
	talloc_free(mem);
}

static const char original[] = "Received: from client.example ([192.0.2.7])\r\n"
			       "\tby gw.example.org with ESMTP\r\n"
			       "\tid 1a2b3c4d5e;\r\n"
			       "\tTue, 24 Nov 2026 08:21:53 +0000\r\n"
			       "From: Alice <alice@example.org>\r\n"
			       "To: bob@example.net\r\n"
			       "Subject: figures\r\n"
			       "Message-ID: <1@example.org>\r\n"
			       "\r\n"
			       "The figures of November are attached.\r\n";

static const char
    eight_bit_original[] = "From: Alice <alice@example.org>\r\n"
			   "To: bob@example.net\r\n"
			   "Subject: figures\r\n"
			   "Message-ID: <1@example.org>\r\n"
			   "MIME-Version: 1.0\r\n"
			   "Content-Type: text/plain; charset=utf-8\r\n"
			   "Content-Transfer-Encoding: 8bit\r\n"
			   "\r\n"
			   "Viele Gr\303\274\303\237e\r\n";

static const char utf8_original[] = "From: Alice <alice@example.org>\r\n"
				    "To: \303\274@example.net\r\n"
				    "Subject: Gr\303\274\303\237e\r\n"
				    "Message-ID: <1@example.org>\r\n"
				    "\r\n"
				    "Viele Gr\303\274\303\237e\r\n";

static const struct dsn_rcpt policy_rcpt = {
	.address = "bob@example.net",
	.status = "4.7.5",
	.why = "mx1.example.net: STARTTLS is not offered, but the MTA-STS "
	       "policy of example.net (enforce, id 20261101) requires a "
	       "verified TLS connection",
	.last_attempt = { INT64_C(1795940500000) },
	.req = {
		.level = "verify",
		.method = "pkix-sts",
		.reached = "nothing",
		.host = "mx1.example.net",
		.name = "20261101",
		.source = DSN_SOURCE_STS,
		.advice = DSN_ADVICE_STARTTLS,
	},
};

static const struct dsn_rcpt unknown_rcpt = {
	.address = "\"odd  name\"@example.com",
	.status = "5.1.1",
	.remote_mta = "mx.example.com",
	.diagnostic = "550 5.1.1 <\"odd  name\"@example.com>: no such user\n"
		      "here, see http://example.com/why",
};

static const struct dsn_rcpt utf8_rcpt = {
	.address = "\303\274@example.net",
	.orcpt = "utf-8;\\x{FC}@example.net",
	.status = "5.6.7",
	.why = "no mail server of example.net offers SMTPUTF8, which "
	       "\303\274@example.net needs",
	.req = { .host = "mx1.example.net", .advice = DSN_ADVICE_SMTPUTF8 },
};

static struct dsn
dsn_of(const struct dsn_rcpt *rcpt, size_t count)
{
	struct dsn d = {
		.kind = DSN_KIND_FAILED,
		.reporting_mta = "gw.example.org",
		.from = "postmaster@gw.example.org",
		.queue_id = "1a2b3c4d5e",
		.to = "alice@example.org",
		.now = { INT64_C(1795940513000) },
		.arrival = { INT64_C(1795508513000) },
		.rcpt = rcpt,
		.rcpt_count = count,
		.original = span_str(original),
		.complete = true,
	};

	for (size_t i = 0; i < sizeof(d.random); i++)
		d.random[i] = (uint8_t)(0xa0 + i);
	return d;
}

static void
check_golden(const struct dsn *d, const char *name)
{
	char *path = talloc_asprintf(mem, "%s/tests/golden/dsn-%s.eml", SRCDIR,
	    name);
	bool update = getenv("UPDATE_GOLDEN") != NULL;
	FILE *f = fopen(path, update ? "wb" : "rb");
	struct dsn_form form;
	const char *broken;
	struct span third;
	struct sbuf out;
	char *stored;
	size_t n;

	ck_assert_msg(f != NULL, "%s", path);
	sbuf_init(&out, mem, DSN_MAX_BYTES);
	ck_assert_int_eq(dsn_write(d, &out, &form), ST_OK);
	broken = rules_broken(sbuf_view(&out), d, &form, &third);
	ck_assert_msg(broken == NULL, "%s: %s", name, broken);
	if (update) {
		ck_assert_uint_eq(fwrite(out.p, 1, out.n, f), out.n);
		ck_assert_int_eq(fclose(f), 0);
		return;
	}
	stored = talloc_zero_array(mem, char, 2 * DSN_MAX_BYTES);
	n = fread(stored, 1, 2 * DSN_MAX_BYTES - 1, f);
	fclose(f);
	ck_assert_str_eq(sbuf_cstr(&out), stored);
	ck_assert_uint_eq(out.n, n);
}

START_TEST(smtp_64_a_policy_failure_as_stored)
{
	struct dsn d = dsn_of(&policy_rcpt, 1);

	check_golden(&d, "policy");
}
END_TEST

/* Each with what asks for it, as it would come. */
static const struct {
	const char *name;
	struct dsn_requirement req;
} advices[] = {
	{ "no-starttls",
	    { "encrypt", "none", "nothing", "mx1.example.net", "", "partners",
		DSN_SOURCE_RULE, DSN_ADVICE_STARTTLS } },
	{ "tls", { "encrypt", "none", "nothing", "mx1.example.net", "",
		     "partners", DSN_SOURCE_EXCEPTION, DSN_ADVICE_TLS } },
	{ "legacy-tls",
	    { "verify", "pkix-sts", "nothing", "mx1.example.net", "",
		"20261101", DSN_SOURCE_STS, DSN_ADVICE_LEGACY_TLS } },
	{ "certificate",
	    { "verify", "pkix-local", "encrypted", "mx1.example.net", "",
		"partners", DSN_SOURCE_RULE, DSN_ADVICE_CERTIFICATE } },
	{ "certificate-expired",
	    { "verify", "pkix-sts", "encrypted", "mx1.example.net", "",
		"20261101", DSN_SOURCE_STS, DSN_ADVICE_CERTIFICATE_EXPIRED } },
	{ "certificate-name",
	    { "verify", "pkix-sts", "encrypted", "mx1.example.net", "",
		"20261101", DSN_SOURCE_STS, DSN_ADVICE_CERTIFICATE_NAME } },
	{ "certificate-issuer",
	    { "verify", "pkix-sts", "encrypted", "mx1.example.net", "",
		"20261101", DSN_SOURCE_STS, DSN_ADVICE_CERTIFICATE_ISSUER } },
	{ "tlsa-mismatch",
	    { "verify", "dane", "encrypted", "mx1.example.net", "", "",
		DSN_SOURCE_DANE, DSN_ADVICE_TLSA_MISMATCH } },
	{ "tlsa-lookup", { "verify", "dane", "nothing", "mx1.example.net", "",
			     "", DSN_SOURCE_DANE, DSN_ADVICE_TLSA_LOOKUP } },
	{ "dane-required",
	    { "dane-only", "dane", "nothing", "mx1.example.net", "",
		"ministries", DSN_SOURCE_RULE, DSN_ADVICE_DANE_REQUIRED } },
	{ "sts-mx", { "verify", "pkix-sts", "nothing", "mx1.example.net", "",
			"20261101", DSN_SOURCE_STS, DSN_ADVICE_STS_MX } },
	{ "sts-lookup", { "verify", "none", "nothing", "", "", "",
			    DSN_SOURCE_NONE, DSN_ADVICE_STS_LOOKUP } },
	{ "requiretls",
	    { "verify", "pkix-sts", "verified", "mx1.example.net", "", "",
		DSN_SOURCE_REQUIRETLS, DSN_ADVICE_REQUIRETLS } },
	{ "rule", { "verify", "pkix-local", "plaintext", "mx1.example.net", "",
		      "partners", DSN_SOURCE_RULE, DSN_ADVICE_RULE } },
};

START_TEST(each_unmet_requirement_as_stored)
{
	struct dsn_rcpt r = policy_rcpt;
	struct dsn d = dsn_of(&r, 1);

	r.why = "";
	r.req = advices[_i].req;
	d.requiretls = r.req.source == DSN_SOURCE_REQUIRETLS;
	d.ret = d.requiretls ? DSN_RET_FULL : DSN_RET_NONE;
	if (d.requiretls)
		r.status = "5.7.30";
	check_golden(&d, talloc_asprintf(mem, "policy-%s", advices[_i].name));
}
END_TEST

START_TEST(smtp_69_all_recipients_that_failed_together_as_stored)
{
	const struct dsn_rcpt rcpt[] = { policy_rcpt, unknown_rcpt };
	struct dsn d = dsn_of(rcpt, 2);

	check_golden(&d, "two");
}
END_TEST

START_TEST(many_recipients_as_stored)
{
	static struct dsn_rcpt rcpt[130];
	struct dsn d = dsn_of(rcpt, COUNT_OF(rcpt));

	for (size_t i = 0; i < COUNT_OF(rcpt); i++)
		rcpt[i] = (struct dsn_rcpt){
			.address = talloc_asprintf(mem, "r%zu@example.net", i),
			.status = "5.2.2",
			.remote_mta = "mx1.example.net",
			.diagnostic = "552 5.2.2 mailbox full",
		};
	check_golden(&d, "many");
}
END_TEST

/* RFC 3464 2.3.9; RFC 3461 5.2.5 */
START_TEST(smtp_62_a_delay_as_stored)
{
	struct dsn_rcpt r = policy_rcpt;
	struct dsn d = dsn_of(&r, 1);

	r.will_retry_until.ms = INT64_C(1796372513000);
	r.req.advice = DSN_ADVICE_TLSA_MISMATCH;
	r.req.source = DSN_SOURCE_DANE;
	r.req.method = "dane";
	r.req.name = "";
	r.why = "";
	d.kind = DSN_KIND_DELAYED;
	d.tls_required_no = true;
	check_golden(&d, "delayed");
}
END_TEST

/* RFC 3461 5.2.2: to a host without DSN, and success was asked for. */
START_TEST(smtp_61_a_hand_over_as_stored)
{
	struct dsn_rcpt r = {
		.address = "bob@example.net",
		.orcpt = "rfc822;Bob.Miller+2Bx@example.com",
		.status = "2.0.0",
		.remote_mta = "mx1.example.net",
		.diagnostic = "250 2.0.0 queued as 4711",
		.last_attempt = { INT64_C(1795940500000) },
	};
	struct dsn d = dsn_of(&r, 1);

	d.kind = DSN_KIND_RELAYED;
	d.envid = "QQ+2B314159";
	check_golden(&d, "relayed");
}
END_TEST

START_TEST(smtp_66_the_whole_message_as_stored)
{
	struct dsn d = dsn_of(&unknown_rcpt, 1);

	d.ret = DSN_RET_FULL;
	check_golden(&d, "full");
	d.original = span_str(eight_bit_original);
	check_golden(&d, "full-8bit");
}
END_TEST

/* The originator's MX may know ASCII alone: nothing in it needs more. */
START_TEST(smtp_67_a_bounce_of_utf_8_to_an_ascii_originator_as_stored)
{
	struct dsn d = dsn_of(&utf8_rcpt, 1);

	d.smtputf8 = true;
	d.original = span_str(utf8_original);
	check_golden(&d, "utf8");
	d.ret = DSN_RET_FULL;
	check_golden(&d, "utf8-full");
}
END_TEST

START_TEST(smtp_67_a_bounce_of_utf_8_to_a_utf_8_originator_as_stored)
{
	struct dsn d = dsn_of(&utf8_rcpt, 1);

	d.smtputf8 = true;
	d.to = "\303\244lice@example.org";
	d.original = span_str(utf8_original);
	d.ret = DSN_RET_FULL;
	check_golden(&d, "utf8-path");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("dsn_golden");
	TCase *tc = tcase_create("dsn_golden");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, smtp_64_a_policy_failure_as_stored);
	tcase_add_loop_test(tc, each_unmet_requirement_as_stored, 0,
	    COUNT_OF(advices));
	tcase_add_test(tc,
	    smtp_69_all_recipients_that_failed_together_as_stored);
	tcase_add_test(tc, many_recipients_as_stored);
	tcase_add_test(tc, smtp_62_a_delay_as_stored);
	tcase_add_test(tc, smtp_61_a_hand_over_as_stored);
	tcase_add_test(tc, smtp_66_the_whole_message_as_stored);
	tcase_add_test(tc,
	    smtp_67_a_bounce_of_utf_8_to_an_ascii_originator_as_stored);
	tcase_add_test(tc,
	    smtp_67_a_bounce_of_utf_8_to_a_utf_8_originator_as_stored);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
