/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Golden files are tests/golden/dsn-*.eml; with UPDATE_GOLDEN set in the
 * environment they are written afresh, to be read before they are kept.
 */
#include "smtp/dsn.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef SRCDIR
#define SRCDIR "."
#endif

static TALLOC_CTX *mem;
static struct sbuf out;

static void
set_up(void)
{
	mem = talloc_new(NULL);
	sbuf_init(&out, mem, 2 * DSN_MAX_BYTES);
}

static void
tear_down(void)
{
	talloc_free(mem);
}

static const char header[] = "Received: from client.example ([192.0.2.7])\r\n"
			     "\tby gw.example.org with ESMTP\r\n"
			     "\tid 1a2b3c4d5e;\r\n"
			     "\tTue, 24 Nov 2026 08:21:53 +0000\r\n"
			     "From: Alice <alice@example.org>\r\n"
			     "To: bob@example.net\r\n"
			     "Subject: figures\r\n"
			     "Message-ID: <1@example.org>\r\n";

static const struct dsn_rcpt policy_rcpt = {
	.address = "bob@example.net",
	.status = "4.7.5",
	.remote_mta = "",
	.diagnostic = "",
	.why = "mx1.example.net: STARTTLS is not offered, but the MTA-STS "
	       "policy of example.net (enforce, id 20261101) requires a "
	       "verified TLS connection",
};

static const struct dsn_rcpt unknown_rcpt = {
	.address = "\"odd  name\"@example.com",
	.status = "5.1.1",
	.remote_mta = "mx.example.com",
	.diagnostic = "550 5.1.1 <\"odd  name\"@example.com>: no such user\n"
		      "here, see http://example.com/why",
	.why = "",
};

static struct dsn
dsn_of(const struct dsn_rcpt *rcpt, size_t count)
{
	struct dsn d = {
		.reporting_mta = "gw.example.org",
		.queue_id = "1a2b3c4d5e",
		.to = "alice@example.org",
		.now = { INT64_C(1795940513000) },
		.arrival = { INT64_C(1795508513000) },
		.rcpt = rcpt,
		.rcpt_count = count,
		.header = span_str(header),
	};

	for (size_t i = 0; i < sizeof(d.random); i++)
		d.random[i] = (uint8_t)(0xa0 + i);
	return d;
}

static const char *
written(const struct dsn *d)
{
	ck_assert_int_eq(dsn_write(d, &out), ST_OK);
	ck_assert_uint_le(out.n, DSN_MAX_BYTES);
	return sbuf_cstr(&out);
}

static void
check_golden(const struct dsn *d, const char *name)
{
	const char *text = written(d);
	char *path = talloc_asprintf(mem, "%s/tests/golden/%s", SRCDIR, name);
	bool update = getenv("UPDATE_GOLDEN") != NULL;
	FILE *f = fopen(path, update ? "wb" : "rb");
	char *stored;
	size_t n;

	ck_assert_msg(f != NULL, "%s", path);
	if (update) {
		ck_assert_uint_eq(fwrite(text, 1, out.n, f), out.n);
		ck_assert_int_eq(fclose(f), 0);
		return;
	}
	stored = talloc_zero_array(mem, char, 2 * DSN_MAX_BYTES);
	n = fread(stored, 1, 2 * DSN_MAX_BYTES - 1, f);
	fclose(f);
	ck_assert_str_eq(text, stored);
	ck_assert_uint_eq(out.n, n);
}

/* Every line: ASCII, CRLF, at most 998 bytes. */
static void
check_lines(void)
{
	struct span rest = sbuf_view(&out), line;

	ck_assert(span_ends(rest, "\r\n"));
	while (span_cut(rest, '\n', &line, &rest)) {
		ck_assert_uint_le(line.n, 999);
		ck_assert_uint_ge(line.n, 1);
		ck_assert(line.p[line.n - 1] == '\r');
		for (size_t i = 0; i + 1 < line.n; i++)
			if (!ascii_isprint(line.p[i]) && line.p[i] != '\t')
				ck_abort_msg("byte %u", line.p[i]);
	}
}

static bool
has(const char *text)
{
	return strstr(sbuf_cstr(&out), text) != NULL;
}

/* As has(), line breaks and indents apart. */
static bool
has_words(const char *text)
{
	const char *p = sbuf_cstr(&out);
	char *flat = talloc_zero_array(mem, char, (unsigned)out.n + 1);
	size_t n = 0;

	for (; *p != '\0'; p++) {
		bool blank = *p == '\r' || *p == '\n' || *p == ' ';

		if (!blank)
			flat[n++] = *p;
		else if (n > 0 && flat[n - 1] != ' ')
			flat[n++] = ' ';
	}
	return strstr(flat, text) != NULL;
}

static size_t
count_of(const char *text)
{
	const char *at = sbuf_cstr(&out);
	size_t n = 0;

	for (; (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}

START_TEST(smtp_64_a_policy_failure_as_stored)
{
	struct dsn d = dsn_of(&policy_rcpt, 1);

	check_golden(&d, "dsn-policy.eml");
	check_lines();
}
END_TEST

START_TEST(smtp_69_all_recipients_that_failed_together_as_stored)
{
	const struct dsn_rcpt rcpt[] = { policy_rcpt, unknown_rcpt };
	struct dsn d = dsn_of(rcpt, 2);

	check_golden(&d, "dsn-two.eml");
	check_lines();
}
END_TEST

START_TEST(smtp_63_addressed_to_the_sender_and_marked_as_reply)
{
	struct dsn d = dsn_of(&policy_rcpt, 1);

	written(&d);
	ck_assert(has("\r\nTo: <alice@example.org>\r\n"));
	ck_assert(has("\r\nFrom: Mail Delivery System "
		      "<postmaster@gw.example.org>\r\n"));
	ck_assert(has("\r\nAuto-Submitted: auto-replied\r\n"));
}
END_TEST

START_TEST(smtp_64_three_parts_in_order)
{
	struct dsn d = dsn_of(&policy_rcpt, 1);
	const char *text = written(&d);
	const char *first = strstr(text, "Content-Type: text/plain");
	const char *second = strstr(text,
	    "Content-Type: message/delivery-status");
	const char *third = strstr(text, "Content-Type: text/rfc822-headers");

	ck_assert(has("Content-Type: multipart/report; "
		      "report-type=delivery-status;\r\n\tboundary="));
	ck_assert_ptr_nonnull(first);
	ck_assert(second > first && third > second);
	ck_assert_ptr_nonnull(strstr(third, "\r\n\r\nReceived: from client"));
	ck_assert_uint_eq(count_of("\r\n--=_"), 4);
}
END_TEST

START_TEST(smtp_65_remote_fields_only_when_a_remote_host_spoke)
{
	struct dsn_rcpt silent = unknown_rcpt;
	struct dsn d = dsn_of(&policy_rcpt, 1);

	written(&d);
	ck_assert(has("\r\nReporting-MTA: dns; gw.example.org\r\n"));
	ck_assert(has("\r\n\r\nFinal-Recipient: rfc822; bob@example.net\r\n"
		      "Action: failed\r\nStatus: 4.7.5\r\n"));
	ck_assert(!has("Remote-MTA"));
	ck_assert(!has("Diagnostic-Code"));
	d = dsn_of(&unknown_rcpt, 1);
	written(&d);
	ck_assert(has("Final-Recipient: rfc822; \"odd  name\"@example.com"));
	ck_assert(has("\r\nRemote-MTA: dns; mx.example.com\r\n"));
	ck_assert(has("\r\nDiagnostic-Code: smtp; 550 5.1.1 "));
	silent.diagnostic = "";
	d = dsn_of(&silent, 1);
	written(&d);
	ck_assert(has("Remote-MTA"));
	ck_assert(!has("Diagnostic-Code"));
	ck_assert(!has("Will-Retry-Until"));
	ck_assert(!has("Original-Recipient"));
}
END_TEST

START_TEST(smtp_68_the_status_is_given_and_explained)
{
	static const struct {
		const char *status;
		const char *words;
	} cases[] = {
		{ "4.7.5", "must offer STARTTLS" },
		{ "5.7.5", "must offer STARTTLS" },
		{ "4.4.7", "until its time was over" },
		{ "4.4.1", "did not answer" },
		{ "4.4.3", "can see to its DNS" },
		{ "5.4.6", "loop" },
		{ "5.1.2", "after the @" },
		{ "5.1.10", "accepts no mail" },
		{ "5.3.4", "larger" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct dsn_rcpt r = policy_rcpt;
		struct dsn d = dsn_of(&r, 1);

		r.status = cases[i].status;
		written(&d);
		ck_assert(has(talloc_asprintf(mem, "\r\nStatus: %s\r\n",
		    cases[i].status)));
		ck_assert(has("\r\nAction: failed\r\n"));
		ck_assert_msg(has_words(cases[i].words), "%s: %s",
		    cases[i].status, cases[i].words);
	}
}
END_TEST

/* B3.10: nothing from outside makes a header line or a part of its own. */
START_TEST(b3_10_no_field_can_be_injected)
{
	static const char evil[] =
	    "550 x\r\nBcc: victim@example.com\r\n\r\n"
	    "--=_a0a1a2a3a4a5a6a7a8a9aaabacadaeaf00\r\n\x1b[2J\x7f\xc3\xbc";
	struct dsn_rcpt r = {
		.address = "x\r\nBcc: victim@example.com\r\n@d.example",
		.status = "5.0.0",
		.remote_mta = "mx\r\nBcc: victim@example.com",
		.diagnostic = evil,
		.why = evil,
	};
	struct dsn d = dsn_of(&r, 1);

	d.to = "a\r\nBcc: victim@example.com\r\n@d.example";
	d.queue_id = "id\r\nBcc: x";
	written(&d);
	check_lines();
	ck_assert(!has("\nBcc:"));
	ck_assert(!has("\r\n\r\n--=_a0a1a2a3a4a5a6a7a8a9aaabacadaeaf00\r\n"
		       "[2J"));
	ck_assert_uint_eq(count_of("\r\n--=_"), 4);
}
END_TEST

START_TEST(smtp_71_boundary_is_absent_from_the_original)
{
	struct dsn d = dsn_of(&policy_rcpt, 1);
	char *first, *second;

	first = talloc_strdup(mem, strstr(written(&d), "boundary=\"") + 10);
	*strchr(first, '"') = '\0';
	d.header = span_str(talloc_asprintf(mem, "Subject: --%s\r\n--%s--\r\n",
	    first, first));
	second = talloc_strdup(mem, strstr(written(&d), "boundary=\"") + 10);
	*strchr(second, '"') = '\0';
	ck_assert_str_ne(first, second);
	ck_assert_uint_eq(count_of(first), 2);
	ck_assert_uint_eq(count_of(talloc_asprintf(mem, "\r\n--%s", second)),
	    4);
}
END_TEST

START_TEST(smtp_70_one_date_one_from_and_a_message_id)
{
	static const char *const fields[] = { "Date: ", "From: ", "To: ",
		"Message-ID: ", "Subject: ", "MIME-Version: " };
	struct dsn d = dsn_of(&policy_rcpt, 1);
	struct span head;

	d.header = SPAN_NONE;
	written(&d);
	head = dsn_header_of(sbuf_view(&out), out.n);
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		struct span rest = head, line;
		unsigned n = 0;

		while (span_line(&rest, &line))
			n += span_starts(line, fields[i]);
		ck_assert_uint_eq(n, 1);
	}
	ck_assert(has("\r\nMessage-ID: <a0a1a2a3a4a5a6a7a8a9aaabacadaeaf00@"
		      "gw.example.org>\r\n"));
	ck_assert(has("Date: Sun, 29 Nov 2026 08:21:53 +0000\r\n"));
}
END_TEST

START_TEST(smtp_70_lines_are_folded_at_blanks)
{
	char *words = talloc_strdup(mem, "550 5.0.0"), *word;
	struct dsn_rcpt r = unknown_rcpt;
	struct dsn d = dsn_of(&r, 1);
	struct span rest, line;

	for (int i = 0; i < 60; i++)
		words = talloc_asprintf_append(words, " word%d", i);
	r.diagnostic = words;
	d.header = SPAN_NONE;
	written(&d);
	check_lines();
	rest = sbuf_view(&out);
	while (span_line(&rest, &line))
		ck_assert_uint_le(line.n, 78);
	word = talloc_zero_array(mem, char, 5001);
	memset(word, 'x', 5000);
	r.diagnostic = word;
	written(&d);
	check_lines();
}
END_TEST

START_TEST(eight_bit_header_fields_are_encoded)
{
	struct dsn d = dsn_of(&policy_rcpt, 1);

	d.header = SPAN_LIT("Subject: =\xe4\xf6 \r\nX: a\tb=\r\n");
	written(&d);
	check_lines();
	ck_assert(has("Content-Transfer-Encoding: quoted-printable\r\n\r\n"
		      "Subject: =3D=E4=F6=20\r\nX: a\tb=3D\r\n"));
}
END_TEST

START_TEST(over_long_header_lines_are_encoded)
{
	char *line = talloc_zero_array(mem, char, 3001);
	struct dsn d = dsn_of(&policy_rcpt, 1);

	memset(line, 'x', 3000);
	d.header = span_str(talloc_asprintf(mem, "X: %s\r\n", line));
	written(&d);
	check_lines();
	ck_assert(has("quoted-printable"));
}
END_TEST

START_TEST(a_large_header_is_cut_at_a_line_and_all_stays_small)
{
	struct dsn d = dsn_of(&policy_rcpt, 1);
	struct sbuf b;

	sbuf_init(&b, mem, 1u << 20);
	for (int i = 0; i < 10000; i++)
		sbuf_printf(&b, "X-Field: %d \xfc\r\n", i);
	d.header = sbuf_view(&b);
	written(&d);
	check_lines();
	ck_assert(has("X-Field: 100 =FC\r\n"));
	ck_assert(span_ends(sbuf_view(&out), "--\r\n"));
}
END_TEST

START_TEST(many_recipients_are_listed_as_far_as_there_is_room)
{
	static struct dsn_rcpt rcpt[1000];
	struct dsn d = dsn_of(rcpt, COUNT_OF(rcpt));
	char *text = talloc_zero_array(mem, char, 501);

	for (size_t i = 0; i < COUNT_OF(rcpt); i++) {
		rcpt[i] = policy_rcpt;
		rcpt[i].why = "";
	}
	written(&d);
	ck_assert_uint_eq(count_of("Final-Recipient"), DSN_MAX_RCPTS);
	ck_assert(has("Nor to 900 more, which are not listed."));
	for (size_t i = 0; i < 500; i++)
		text[i] = i % 10 == 9 ? ' ' : 'x';
	for (size_t i = 0; i < COUNT_OF(rcpt); i++) {
		rcpt[i].why = rcpt[i].diagnostic = text;
		rcpt[i].remote_mta = "mx.example.net";
	}
	written(&d);
	check_lines();
	ck_assert_uint_ge(count_of("Final-Recipient"), 20);
}
END_TEST

START_TEST(dsn_header_of_ends_at_the_empty_line_or_a_whole_line)
{
	ck_assert(span_eq(dsn_header_of(SPAN_LIT("A: b\r\n\r\nbody\r\n"), 100),
	    "A: b\r\n"));
	ck_assert(span_eq(dsn_header_of(SPAN_LIT("A: b\r\nC: d\r\n"), 100),
	    "A: b\r\nC: d\r\n"));
	ck_assert(span_eq(dsn_header_of(SPAN_LIT("A: b\r\nC: d\r\n"), 11),
	    "A: b\r\n"));
	ck_assert(span_eq(dsn_header_of(SPAN_LIT("A: b\r\nC: d\r\n"), 12),
	    "A: b\r\nC: d\r\n"));
	ck_assert_uint_eq(dsn_header_of(SPAN_LIT("\r\nbody"), 100).n, 0);
	ck_assert_uint_eq(dsn_header_of(SPAN_NONE, 100).n, 0);
	ck_assert_uint_eq(dsn_header_of(SPAN_LIT("A: b\r\n"), 3).n, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("dsn");
	TCase *tc = tcase_create("dsn");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, smtp_64_a_policy_failure_as_stored);
	tcase_add_test(tc,
	    smtp_69_all_recipients_that_failed_together_as_stored);
	tcase_add_test(tc, smtp_63_addressed_to_the_sender_and_marked_as_reply);
	tcase_add_test(tc, smtp_64_three_parts_in_order);
	tcase_add_test(tc, smtp_65_remote_fields_only_when_a_remote_host_spoke);
	tcase_add_test(tc, smtp_68_the_status_is_given_and_explained);
	tcase_add_test(tc, b3_10_no_field_can_be_injected);
	tcase_add_test(tc, smtp_71_boundary_is_absent_from_the_original);
	tcase_add_test(tc, smtp_70_one_date_one_from_and_a_message_id);
	tcase_add_test(tc, smtp_70_lines_are_folded_at_blanks);
	tcase_add_test(tc, eight_bit_header_fields_are_encoded);
	tcase_add_test(tc, over_long_header_lines_are_encoded);
	tcase_add_test(tc, a_large_header_is_cut_at_a_line_and_all_stays_small);
	tcase_add_test(tc, many_recipients_are_listed_as_far_as_there_is_room);
	tcase_add_test(tc,
	    dsn_header_of_ends_at_the_empty_line_or_a_whole_line);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
