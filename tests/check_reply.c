/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/reply.h"

#define CAP_BYTES 65536u

static TALLOC_CTX *mem;
static struct reply_reader reader;
static struct reply reply;
static struct diag why;
static struct span rest;

static void
setup(void)
{
	mem = talloc_new(NULL);
	reply_reader_init(&reader, mem, CAP_BYTES);
	why = (struct diag){ 0 };
}

static void
teardown(void)
{
	talloc_free(mem);
}

static enum status
read_span(struct span in)
{
	rest = in;
	return reply_read(&reader, &rest, &reply, &why);
}

static enum status
read_str(const char *text)
{
	return read_span(span_str(text));
}

static struct ehlo
ehlo_of(const char *text)
{
	ck_assert_int_eq(read_str(text), ST_OK);
	return ehlo_parse(&reply);
}

START_TEST(smtp_08_reply_of_one_line)
{
	ck_assert_int_eq(read_str("250 2.1.0 fine\r\n354"), ST_OK);
	ck_assert_uint_eq(reply.code, 250);
	ck_assert_uint_eq(reply.line_count, 1);
	ck_assert_str_eq(reply.enhanced, "2.1.0");
	ck_assert(span_eq(reply.text, "2.1.0 fine"));
	ck_assert(span_eq(rest, "354"));
}
END_TEST

START_TEST(smtp_08_reply_of_many_lines_is_joined)
{
	ck_assert_int_eq(read_str("250-a\r\n250-\r\n250 b\r\n"), ST_OK);
	ck_assert_uint_eq(reply.line_count, 3);
	ck_assert(span_eq(reply.text, "a\n\nb"));
	ck_assert_uint_eq(rest.n, 0);
}
END_TEST

START_TEST(smtp_08_reply_may_be_a_bare_code)
{
	ck_assert_int_eq(read_str("250\r\n"), ST_OK);
	ck_assert_uint_eq(reply.code, 250);
	ck_assert_uint_eq(reply.text.n, 0);
	ck_assert_int_eq(read_str("299 x\r\n"), ST_OK);
	ck_assert_uint_eq(reply.code, 299);
}
END_TEST

START_TEST(smtp_08_reply_is_read_octet_by_octet)
{
	static const char text[] = "250-first\r\n250 second\r\n";
	struct sbuf in;

	sbuf_init(&in, mem, 100);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		enum status st;

		sbuf_u8(&in, (uint8_t)text[i]);
		st = read_span(sbuf_view(&in));
		sbuf_consume(&in, in.n - rest.n);
		ck_assert_int_eq(st, i + 2 == sizeof(text) ? ST_OK : ST_TEMP);
	}
	ck_assert(span_eq(reply.text, "first\nsecond"));
}
END_TEST

START_TEST(smtp_08_reader_forgets_one_reply_before_the_next)
{
	ck_assert_int_eq(read_str("550-no\r\n550 5.1.1 user\r\n"), ST_OK);
	ck_assert_int_eq(read_str("250 ok\r\n"), ST_OK);
	ck_assert_uint_eq(reply.code, 250);
	ck_assert_str_eq(reply.enhanced, "");
	ck_assert(span_eq(reply.text, "ok"));
}
END_TEST

static const struct {
	const char *name;
	const char *text;
} broken[] = {
	{ "code changes", "250-a\r\n550 b\r\n" },
	{ "first digit 6", "600 x\r\n" },
	{ "first digit 1", "100 x\r\n" },
	{ "one character", "2\r\n" },
	{ "empty line", "\r\n" },
	{ "no blank", "250x\r\n" },
	{ "letters", "2a0 x\r\n" },
	{ "other protocol", "HTTP/1.1 400 Bad Request\r\n" },
};

START_TEST(smtp_08_b2_3_what_is_no_reply_is_refused)
{
	ck_assert_msg(read_str(broken[_i].text) == ST_SYNTAX, "%s",
	    broken[_i].name);
	ck_assert_int_eq(why.st, ST_SYNTAX);
}
END_TEST

START_TEST(b2_3_reply_line_has_a_limit)
{
	char *line = talloc_array(mem, char, REPLY_LINE_MAX_BYTES + 10);

	memset(line, 'x', REPLY_LINE_MAX_BYTES + 10);
	memcpy(line, "250 ", 4);
	line[REPLY_LINE_MAX_BYTES - 1] = '\n';
	ck_assert_int_eq(read_span(span_of(line, REPLY_LINE_MAX_BYTES)), ST_OK);
	line[REPLY_LINE_MAX_BYTES - 1] = 'x';
	ck_assert_int_eq(read_span(span_of(line, REPLY_LINE_MAX_BYTES - 1)),
	    ST_TEMP);
	ck_assert_int_eq(read_span(span_of(line, REPLY_LINE_MAX_BYTES)),
	    ST_LIMIT);
}
END_TEST

START_TEST(b2_3_endless_reply_is_cut_off)
{
	enum status st = ST_TEMP;
	size_t lines = 0;

	for (; st == ST_TEMP && lines < 1000000; lines++)
		st = read_str("250-\r\n");
	ck_assert_int_eq(st, ST_LIMIT);
	ck_assert_uint_eq(lines, REPLY_MAX_LINES + 1);
	ck_assert_uint_le(reader.text.room, CAP_BYTES);
}
END_TEST

START_TEST(b2_3_reply_as_a_whole_has_a_limit)
{
	char line[1002] = "250-";
	enum status st = ST_TEMP;
	size_t bytes = 0;

	memset(line + 4, 'y', sizeof(line) - 6);
	line[sizeof(line) - 2] = '\n';
	for (; st == ST_TEMP; bytes += sizeof(line) - 1)
		st = read_str(line);
	ck_assert_int_eq(st, ST_LIMIT);
	ck_assert_uint_le(bytes, CAP_BYTES + 2 * sizeof(line));
	ck_assert_uint_le(reader.text.room, CAP_BYTES);
}
END_TEST

START_TEST(b2_3_nul_in_a_reply_is_data)
{
	ck_assert_int_eq(read_span(SPAN_LIT("550 a\0b\r\n")), ST_OK);
	ck_assert_uint_eq(reply.text.n, 3);
}
END_TEST

static const struct {
	const char *text;
	const char *enhanced;
} codes[] = {
	{ "550 5.1.1 no user\r\n", "5.1.1" },
	{ "550 5.1.1\r\n", "5.1.1" },
	{ "550-5.7.26 a\r\n550 5.7.26 b\r\n", "5.7.26" },
	{ "550 4.1.1 no user\r\n", "" },
	{ "450 5.1.1 no user\r\n", "" },
	{ "550 5.1.1000 no\r\n", "" },
	{ "550 5.1 no\r\n", "" },
	{ "550 5..1 no\r\n", "" },
	{ "550 5.1.1x no\r\n", "" },
	{ "550 no user 5.1.1\r\n", "" },
	{ "250 2.123.456 x\r\n", "2.123.456" },
};

START_TEST(smtp_68_enhanced_code_counts_only_when_its_class_agrees)
{
	ck_assert_int_eq(read_str(codes[_i].text), ST_OK);
	ck_assert_str_eq(reply.enhanced, codes[_i].enhanced);
}
END_TEST

START_TEST(ehlo_keywords_are_found_in_any_case)
{
	struct ehlo e = ehlo_of("250-mx.example\r\n250-starttls\r\n"
				"250-PIPELINING\r\n250-8BitMime\r\n"
				"250-SIZE 1000\r\n250 ENHANCEDSTATUSCODES\r\n");

	ck_assert_uint_eq(e.ext, EHLO_STARTTLS | EHLO_PIPELINING |
				     EHLO_8BITMIME | EHLO_SIZE |
				     EHLO_ENHANCEDSTATUSCODES);
	ck_assert_uint_eq(e.size_limit, 1000);
}
END_TEST

START_TEST(ehlo_first_line_is_the_servers_name)
{
	ck_assert_uint_eq(ehlo_of("250-STARTTLS\r\n250 HELP\r\n").ext, 0);
	ck_assert_uint_eq(ehlo_of("250 PIPELINING\r\n").ext, 0);
}
END_TEST

START_TEST(ehlo_skips_what_is_malformed_or_unknown)
{
	struct ehlo e = ehlo_of("250-mx\r\n250-STARTTLSX\r\n250-XXXXXXXA\r\n"
				"250-SIZE abc\r\n250-SIZE -1\r\n250-\r\n"
				"250 AUTH=LOGIN\r\n");

	ck_assert_uint_eq(e.ext, 0);
	ck_assert_uint_eq(e.size_limit, 0);
}
END_TEST

START_TEST(smtp_46_ehlo_size_without_limit_or_0_tells_none)
{
	ck_assert_uint_eq(ehlo_of("250-mx\r\n250 SIZE\r\n").ext, EHLO_SIZE);
	ck_assert_uint_eq(ehlo_of("250-mx\r\n250 SIZE 0\r\n").size_limit, 0);
	ck_assert_uint_eq(ehlo_of("250-mx\r\n250 SIZE 0\r\n").ext, EHLO_SIZE);
}
END_TEST

START_TEST(ehlo_tells_the_extensions_of_a_relay)
{
	ck_assert_uint_eq(ehlo_of("250-mx\r\n250-chunking\r\n250-SmtpUtf8\r\n"
				  "250-DSN\r\n250 REQUIRETLS\r\n")
			      .ext,
	    EHLO_CHUNKING | EHLO_SMTPUTF8 | EHLO_DSN | EHLO_REQUIRETLS);
}
END_TEST

START_TEST(smtp_52_ehlo_mechanisms_are_whole_words)
{
	ck_assert_uint_eq(
	    ehlo_of("250-mx\r\n250 AUTH cram-md5  plain LOGIN\r\n").auth,
	    EHLO_AUTH_PLAIN | EHLO_AUTH_LOGIN);
	ck_assert_uint_eq(
	    ehlo_of("250-mx\r\n250-AUTH EXTERNAL\r\n250 AUTH PLAIN\r\n").auth,
	    EHLO_AUTH_EXTERNAL | EHLO_AUTH_PLAIN);
	ck_assert_uint_eq(
	    ehlo_of("250-mx\r\n250-AUTH=PLAIN\r\n250 AUTH PLAIN-CB XPLAIN\r\n")
		.auth,
	    0);
	ck_assert_uint_eq(ehlo_of("250-AUTH PLAIN\r\n250 AUTH\r\n").auth, 0);
}
END_TEST

static const struct {
	const char *line;
	uint32_t mail, rcpt, domain;
} limits[] = {
	{ "LIMITS MAILMAX=1 RCPTMAX=2 RCPTDOMAINMAX=3", 1, 2, 3 },
	{ "limits rcptmax=999999", 0, 999999, 0 },
	{ "LIMITS  RCPTMAX=5  X=y MAILMAX=6 ", 6, 5, 0 },
	{ "LIMITS", 0, 0, 0 },
	{ "LIMITS RCPTMAX", 0, 0, 0 },
	{ "LIMITS RCPTMAX= MAILMAX=4", 4, 0, 0 },
	{ "LIMITS RCPTMAX=0 MAILMAX=4", 4, 0, 0 },
	{ "LIMITS RCPTMAX=01", 0, 0, 0 },
	{ "LIMITS RCPTMAX=1000000", 0, 0, 0 },
	{ "LIMITS RCPTMAX=99999999999999999999", 0, 0, 0 },
	{ "LIMITS RCPTMAX=-1", 0, 0, 0 },
	{ "LIMITS RCPTMAX=1x", 0, 0, 0 },
	{ "LIMITS RCPTMAX==1", 0, 0, 0 },
	{ "LIMITS RCPTMAXX=1 XRCPTMAX=2", 0, 0, 0 },
	{ "LIMITS RCPTMAX=7 RCPTMAX=5 RCPTMAX=9", 0, 5, 0 },
	{ "LIMITSRCPTMAX=7", 0, 0, 0 },
};

START_TEST(smtp_51_ehlo_limits_are_read_and_malformed_ones_ignored)
{
	struct ehlo e = ehlo_of(talloc_asprintf(mem, "250-mx\r\n250 %s\r\n",
	    limits[_i].line));

	ck_assert_uint_eq(e.mail_max, limits[_i].mail);
	ck_assert_uint_eq(e.rcpt_max, limits[_i].rcpt);
	ck_assert_uint_eq(e.rcpt_domain_max, limits[_i].domain);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("reply");
	TCase *t = tcase_create("reply");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, smtp_08_reply_of_one_line);
	tcase_add_test(t, smtp_08_reply_of_many_lines_is_joined);
	tcase_add_test(t, smtp_08_reply_may_be_a_bare_code);
	tcase_add_test(t, smtp_08_reply_is_read_octet_by_octet);
	tcase_add_test(t, smtp_08_reader_forgets_one_reply_before_the_next);
	tcase_add_loop_test(t, smtp_08_b2_3_what_is_no_reply_is_refused, 0,
	    (int)COUNT_OF(broken));
	tcase_add_test(t, b2_3_reply_line_has_a_limit);
	tcase_add_test(t, b2_3_endless_reply_is_cut_off);
	tcase_add_test(t, b2_3_reply_as_a_whole_has_a_limit);
	tcase_add_test(t, b2_3_nul_in_a_reply_is_data);
	tcase_add_loop_test(t,
	    smtp_68_enhanced_code_counts_only_when_its_class_agrees, 0,
	    (int)COUNT_OF(codes));
	tcase_add_test(t, ehlo_keywords_are_found_in_any_case);
	tcase_add_test(t, ehlo_first_line_is_the_servers_name);
	tcase_add_test(t, ehlo_skips_what_is_malformed_or_unknown);
	tcase_add_test(t, smtp_46_ehlo_size_without_limit_or_0_tells_none);
	tcase_add_test(t, ehlo_tells_the_extensions_of_a_relay);
	tcase_add_test(t, smtp_52_ehlo_mechanisms_are_whole_words);
	tcase_add_loop_test(t,
	    smtp_51_ehlo_limits_are_read_and_malformed_ones_ignored, 0,
	    (int)COUNT_OF(limits));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
