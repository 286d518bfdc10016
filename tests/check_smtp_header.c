/* SPDX-License-Identifier: BSD-2-Clause */
/* Header sections, whole, in two pieces and byte by byte. */
#include "smtp/header.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "util/sbuf.h"

static TALLOC_CTX *mem;
static struct header_scan scan;
static struct sbuf given; /* of the header section */

static void
set_up(void)
{
	mem = talloc_new(NULL);
	sbuf_init(&given, mem, 1u << 20);
}

static void
tear_down(void)
{
	talloc_free(mem);
}

static void
feed(struct span piece)
{
	while (piece.n > 0 && !scan.facts.complete) {
		struct span out;
		size_t n = header_scan_feed(&scan, piece, &out);

		ck_assert(n > 0 || scan.facts.complete);
		sbuf_span(&given, out);
		piece = span_sub(piece, n, piece.n);
	}
}

/* Pieces of step bytes, the first of first. */
static void
read_all(struct span text, size_t first, size_t step)
{
	size_t at = first;

	scan = header_scan_start();
	sbuf_reset(&given);
	feed(span_sub(text, 0, first));
	for (; at < text.n; at += step)
		feed(span_sub(text, at, at + step));
	header_scan_end(&scan);
	ck_assert(scan.facts.complete);
}

static const struct {
	const char *name, *header, *body;
	struct header_facts facts;
} cases[] = {
	{ "nothing", "", "", { .separated = false } },
	{ "no header", "", "\r\nbody\r\n", { .separated = true } },
	{ "fields", "Date: x\r\nmessage-ID: <a@b>\r\n",
	    "\r\nReceived: in body\r\n",
	    { .separated = true, .has_date = true, .has_message_id = true } },
	{ "no body", "Date: x\r\n", "", { .has_date = true } },
	{ "names alike",
	    "Dat: x\r\nDates: x\r\nX-Date: x\r\nMessage-IDs: y\r\n", "\r\n",
	    { .separated = true } },
	{ "names in continuations", "A: b\r\n Date: x\r\n\tReceived: y\r\n",
	    "\r\n", { .separated = true } },
	{ "blanks before the colon",
	    "Received \t: a\r\nRECEIVED:b\r\nReceivedx: c\r\n", "\r\n",
	    { .separated = true, .received_count = 2 } },
	{ "text at once", "", "no header at all\r\n\r\nDate: x\r\n",
	    { .separated = false } },
	{ "text behind fields", "Received: a\r\n", "text\r\nDate: x\r\n\r\n",
	    { .received_count = 1 } },
	{ "a word", "", "Date", { .has_date = false } },
	{ "a name without value", "Date:", "", { .has_date = true } },
	{ "no name", "", ": x\r\n", { .separated = false } },
	{ "begins with a continuation", "", " x\r\nDate: y\r\n",
	    { .separated = false } },
	{ "mailbox line", "", "From a@b Tue Nov 24 08:21\r\nDate: x\r\n",
	    { .separated = false } },
	{ "blank within a name", "", "Date x: y\r\n", { .separated = false } },
	{ "line of blanks", "Date: x\r\n \r\nReceived: y\r\n", "\r\n",
	    { .separated = true, .has_date = true, .received_count = 1 } },
	{ "8-bit value", "Subject: \xc3\xbc\r\n", "\r\n\r\n",
	    { .separated = true, .has_8bit = true } },
	{ "8-bit continuation", "Subject: x\r\n \xc3\xbc\r\n", "\r\n",
	    { .separated = true, .has_8bit = true } },
	{ "8-bit body only", "Subject: x\r\n", "\r\n\xc3\xbc\r\n",
	    { .separated = true } },
	{ "8-bit name", "", "S\xc3\xbc: x\r\n\r\n", { .separated = false } },
};

static void
check_case(size_t i, struct span text, size_t first, size_t step)
{
	struct header_facts want = cases[i].facts;
	struct span held;

	read_all(text, first, step);
	ck_assert_msg(span_eq(sbuf_view(&given), cases[i].header),
	    "%s: %zu at %zu/%zu", cases[i].name, given.n, first, step);
	ck_assert_msg(scan.facts.separated == want.separated &&
			  scan.facts.has_date == want.has_date &&
			  scan.facts.has_message_id == want.has_message_id &&
			  scan.facts.has_8bit == want.has_8bit &&
			  scan.facts.received_count == want.received_count &&
			  scan.facts.tls_required_count == 0,
	    "%s at %zu/%zu", cases[i].name, first, step);
	/* what was held back is what comes next, and given once */
	held = header_scan_body(&scan);
	ck_assert(span_eq_span(held,
	    span_sub(span_str(cases[i].body), 0, held.n)));
	ck_assert_uint_eq(header_scan_body(&scan).n, 0);
}

START_TEST(smtp_18_the_header_section_ends_where_its_fields_do)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct span text = span_str(talloc_asprintf(mem, "%s%s",
		    cases[i].header, cases[i].body));

		for (size_t cut = 0; cut <= text.n; cut++)
			check_case(i, text, cut, text.n + 1);
		for (size_t step = 1; step < 5; step++)
			check_case(i, text, 0, step);
	}
}
END_TEST

START_TEST(smtp_19_received_fields_are_counted_at_every_cut)
{
	static const char
	    text[] = "Received: a\r\nreceived:b\r\n"
		     "Receivedx: c\r\nRECEIVED \t: d\r\n\r\nReceived: e\r\n";

	for (size_t cut = 0; cut < sizeof(text); cut++) {
		read_all(span_str(text), cut, sizeof(text));
		ck_assert_uint_eq(scan.facts.received_count, 3);
	}
}
END_TEST

/* The one valid instance, RFC 8689 3: requiretls-field with [FWS]. */
static const struct {
	const char *header;
	unsigned count;
	bool no; /* the last one */
} tls_required[] = {
	{ "TLS-Required: No\r\n", 1, true },
	{ "tls-required:no\r\n", 1, true },
	{ "TLS-REQUIRED:\tNO \t\r\n", 1, true },
	{ "TLS-Required :  nO\r\n", 1, true },
	{ "TLS-Required:\r\n No\r\n", 1, true },
	{ "TLS-Required: No\r\n \r\n", 1, true },
	{ "A: b\r\nTLS-Required: No\r\nC: d\r\n", 1, true },
	{ "TLS-Required: Yes\r\n", 1, false },
	{ "TLS-Required: None\r\n", 1, false },
	{ "TLS-Required: N\r\n o\r\n", 1, false },
	{ "TLS-Required: No No\r\n", 1, false },
	{ "TLS-Required: No\r\n x\r\n", 1, false },
	{ "TLS-Required: No (really)\r\n", 1, false },
	{ "TLS-Required: No;\r\n", 1, false },
	{ "TLS-Required: \"No\"\r\n", 1, false },
	{ "TLS-Required:\r\n", 1, false },
	{ "TLS-Required: No\r\nTLS-Required: No\r\n", 2, true },
	{ "TLS-Required: No\r\nTLS-Required: Yes\r\n", 2, false },
	{ "X-TLS-Required: No\r\n", 0, false },
	{ "TLS-Requiredx: No\r\n", 0, false },
	{ "Subject: x\r\n TLS-Required: No\r\n", 0, false },
	{ "junk\r\nTLS-Required: No\r\n", 0, false },
	{ "\r\nTLS-Required: No\r\n", 0, false },
	{ "Content-Type: message/rfc822\r\n\r\nTLS-Required: No\r\n", 0,
	    false },
};

START_TEST(rtls_30_the_field_is_read_in_the_top_level_header_only)
{
	for (size_t i = 0; i < COUNT_OF(tls_required); i++) {
		char *text = talloc_asprintf(mem, "%s\r\nTLS-Required: No\r\n",
		    tls_required[i].header);
		size_t n = strlen(text);

		for (size_t cut = 0; cut <= n; cut++) {
			read_all(span_str(text), cut, cut % 3 + 1);
			ck_assert_msg(scan.facts.tls_required_count ==
					      tls_required[i].count &&
					  scan.facts.tls_required_no ==
					      tls_required[i].no,
			    "%s at %zu", tls_required[i].header, cut);
		}
	}
}
END_TEST

START_TEST(rtls_31_exactly_one_field_that_says_no_counts)
{
	for (size_t i = 0; i < COUNT_OF(tls_required); i++) {
		struct span text = span_str(tls_required[i].header);

		read_all(text, 0, text.n + 1);
		ck_assert(header_is_tls_optional(&scan.facts) ==
			  (tls_required[i].count == 1 && tls_required[i].no));
	}
}
END_TEST

START_TEST(c4_a_name_without_end_is_no_field_and_not_held)
{
	char name[2 * HEADER_NAME_BYTES];

	memset(name, 'x', sizeof(name));
	for (size_t step = 1; step < sizeof(name); step++) {
		read_all(span_of(name, sizeof(name)), 0, step);
		ck_assert_uint_eq(given.n, 0);
		ck_assert_uint_le(header_scan_body(&scan).n, HEADER_NAME_BYTES);
	}
	name[HEADER_NAME_BYTES - 1] = ':';
	for (size_t step = 1; step < sizeof(name); step++) {
		read_all(span_of(name, sizeof(name)), 0, step);
		ck_assert_uint_eq(given.n, sizeof(name));
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("smtp_header");
	TCase *tc = tcase_create("header");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, smtp_18_the_header_section_ends_where_its_fields_do);
	tcase_add_test(tc, smtp_19_received_fields_are_counted_at_every_cut);
	tcase_add_test(tc,
	    rtls_30_the_field_is_read_in_the_top_level_header_only);
	tcase_add_test(tc, rtls_31_exactly_one_field_that_says_no_counts);
	tcase_add_test(tc, c4_a_name_without_end_is_no_field_and_not_held);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
