/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS reports that others wrote: documents, gzip, mail, and what is none. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "report/tlsrpt.h"
#include "report/tlsrpt_read.h"

static TALLOC_CTX *mem;
static struct diag why;
static struct tlsrpt_doc doc;

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

static enum status
read_text(const char *s)
{
	return tlsrpt_read(mem, span_str(s), &doc, &why);
}

#define HEAD                                                                   \
	"{\"organization-name\":\"Reporter\",\"date-range\":{"                 \
	"\"start-datetime\":\"2026-11-23T00:00:00Z\","                         \
	"\"end-datetime\":\"2026-11-23T23:59:59Z\"},"                          \
	"\"contact-info\":\"a@b.example\",\"report-id\":\"id@b.example\","

START_TEST(a_document_of_appendix_b_is_read)
{
	/* RFC 8460 appendix B, with its scalar mx-host */
	ck_assert_int_eq(
	    read_text(HEAD
		"\"policies\":[{\"policy\":{\"policy-type\":\"sts\","
		"\"policy-string\":[\"version: STSv1\",\"mode: testing\"],"
		"\"policy-domain\":\"company-y.example\","
		"\"mx-host\":\"*.mail.company-y.example\"},\"summary\":{"
		"\"total-successful-session-count\":5326,"
		"\"total-failure-session-count\":303},\"failure-details\":["
		"{\"result-type\":\"certificate-expired\","
		"\"sending-mta-ip\":\"2001:db8:abcd:0012::1\","
		"\"receiving-mx-hostname\":\"mx1.mail.company-y.example\","
		"\"failed-session-count\":100},"
		"{\"result-type\":\"starttls-not-supported\","
		"\"sending-mta-ip\":\"2001:db8:abcd:0013::1\","
		"\"receiving-mx-hostname\":\"mx2.mail.company-y.example\","
		"\"receiving-ip\":\"203.0.113.56\","
		"\"failed-session-count\":200,\"additional-information\":"
		"\"https://reports.company-x.example/report_info\"}]}]}"),
	    ST_OK);
	ck_assert_str_eq(doc.id, "id@b.example");
	ck_assert_uint_eq(doc.policy_count, 1);
	ck_assert_str_eq(doc.policy[0].type, "sts");
	ck_assert_uint_eq(doc.policy[0].success, 5326);
	ck_assert_uint_eq(doc.policy[0].failure, 303);
	ck_assert_uint_eq(doc.policy[0].detail_count, 2);
	ck_assert_str_eq(doc.policy[0].detail[1].result,
	    "starttls-not-supported");
	ck_assert_uint_eq(doc.policy[0].detail[1].count, 200);
	ck_assert_str_eq(doc.policy[0].detail[0].receiving_ip, "");
}
END_TEST

START_TEST(what_reporters_write_otherwise_is_understood)
{
	ck_assert_int_eq(read_text("\xef\xbb\xbf{\"report-id\":\"x\","
				   "\"date-range\":{"
				   "\"start-datetime\":\"2026-11-23T00:00:00\","
				   "\"end-datetime\":\"2026-11-23 "
				   "23:59:59.000+00:00\"},"
				   "\"policies\":{\"policy\":{\"policy-type\":"
				   "\"no-policy-found\"},\"summary\":{"
				   "\"total-successful-session-count\":\"12\","
				   "\"total-failure-session-count\":-1},"
				   "\"failure-details\":{\"result-type\":"
				   "\"something-new\"}}}"),
	    ST_OK);
	ck_assert_int_eq(doc.end.ms - doc.begin.ms, 86399000);
	ck_assert_uint_eq(doc.policy[0].success, 12);
	ck_assert_uint_eq(doc.policy[0].failure, 0);
	ck_assert_str_eq(doc.policy[0].detail[0].result, "something-new");
	ck_assert_str_eq(doc.organization, "");
}
END_TEST

START_TEST(what_is_no_report_is_refused_with_a_reason)
{
	static const struct {
		const char *text, *why;
	} t[] = {
		{ "", "not JSON" },
		{ "[]", "not a JSON object" },
		{ "{\"report-id\":\"x\"}", "not a time" },
		{ HEAD "\"x\":1}", "no policies" },
		{ HEAD "\"policies\":[1]}", "no policy" },
		{ HEAD "\"policies\":[]}", "no policies" },
		{ "{\"date-range\":{}}", "report-id" },
		{ "\x1f\x8b\x08garbage", "gzip" },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		ck_assert_msg(read_text(t[i].text) == ST_SYNTAX, "%s",
		    t[i].text);
		ck_assert_msg(strstr(why.text, t[i].why) != NULL, "%s",
		    why.text);
	}
}
END_TEST

static struct span
zipped(struct span s)
{
	struct sbuf b;

	sbuf_init(&b, mem, TLSRPT_MAX_BYTES);
	ck_assert(tlsrpt_gzip(s, &b));
	return sbuf_view(&b);
}

START_TEST(a_gzip_that_grows_without_end_is_let_go)
{
	size_t n = TLSRPT_READ_JSON_BYTES / 2 + 1;
	char *blanks = talloc_size(mem, n);
	uint8_t *out = talloc_size(mem, 1u << 20);
	z_stream z = { .avail_in = 0 };

	memset(blanks, ' ', n);
	ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 9,
			     Z_DEFAULT_STRATEGY),
	    Z_OK);
	z.next_out = out;
	z.avail_out = 1u << 20;
	for (unsigned i = 0; i < 2; i++) {
		z.next_in = (Bytef *)blanks;
		z.avail_in = (uInt)n;
		deflate(&z, i == 0 ? Z_NO_FLUSH : Z_FINISH);
	}
	ck_assert_int_eq(tlsrpt_read(mem, span_of(out, z.total_out), &doc,
			     &why),
	    ST_LIMIT);
	ck_assert_ptr_nonnull(strstr(why.text, "when unpacked"));
	/* cut off before that, it is damaged */
	ck_assert_int_eq(tlsrpt_read(mem, span_of(out, 200), &doc, &why),
	    ST_SYNTAX);
	deflateEnd(&z);
}
END_TEST

START_TEST(nested_json_does_not_go_deep)
{
	char *deep = talloc_zero_size(mem, 100001);

	memset(deep, '[', 100000);
	ck_assert_int_eq(read_text(deep), ST_SYNTAX);
}
END_TEST

START_TEST(text_of_reporters_is_one_short_line)
{
	char longer[2 * TLSRPT_READ_TEXT_BYTES];

	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	ck_assert_int_eq(read_text(talloc_asprintf(mem,
			     HEAD "\"policies\":[{\"policy\":{"
				  "\"policy-type\":\"a\\u0000b\\r\\nc\\u2028\","
				  "\"policy-domain\":\"%s\"}}]}",
			     longer)),
	    ST_OK);
	ck_assert_str_eq(doc.policy[0].type, "a?b??c?");
	ck_assert_uint_lt(strlen(doc.policy[0].domain), TLSRPT_READ_TEXT_BYTES);
}
END_TEST

START_TEST(counts_of_what_a_document_holds_are_bounded)
{
	struct sbuf b;

	sbuf_init(&b, mem, 1u << 20);
	sbuf_str(&b, HEAD "\"policies\":[");
	for (unsigned i = 0; i <= TLSRPT_READ_POLICIES; i++)
		sbuf_str(&b, i > 0 ? ",{\"policy\":{}}" : "{\"policy\":{}}");
	sbuf_str(&b, "]}");
	ck_assert_int_eq(tlsrpt_read(mem, sbuf_view(&b), &doc, &why), ST_LIMIT);
}
END_TEST

/* ---- mail ---- */

/* What we send is what we read: the writer's mail through the reader. */
START_TEST(our_own_mail_is_read_back)
{
	static const struct tlsrpt_from from = { "Org", "t@gw.example",
		"gw.example" };
	struct tlsrpt *r = tlsrpt_new(mem, &from, "d.example",
	    (struct wall){ 1795478400000 }, SPAN_LIT("salt"));
	struct tlsrpt_tally t = { .count = TLSRPT_SUCCESS,
		.policy = { .type = TLSRPT_NO_POLICY, .domain = "d.example" } };
	struct sbuf json, mail;
	struct span document;

	tlsrpt_add(r, &t, 9);
	sbuf_init(&json, mem, TLSRPT_MAX_BYTES);
	sbuf_init(&mail, mem, TLSRPT_MAX_BYTES);
	ck_assert(tlsrpt_json(r, &json));
	tlsrpt_mail(r, "rua@d.example", (struct wall){ 1795564800000 },
	    zipped(sbuf_view(&json)), &mail);
	ck_assert_int_eq(tlsrpt_read_mail(mem, sbuf_view(&mail), &document,
			     &why),
	    ST_OK);
	ck_assert_int_eq(tlsrpt_read(mem, document, &doc, &why), ST_OK);
	ck_assert_str_eq(doc.id, r->id);
	ck_assert_uint_eq(doc.policy[0].success, 9);
}
END_TEST

START_TEST(the_document_is_found_in_whatever_part)
{
	static const struct {
		const char *mail;
		enum status st;
		const char *document;
	} t[] = {
		{ "Content-Type: application/tlsrpt+json\r\n\r\n{}\r\n", ST_OK,
		    "{}\r\n" },
		{ "Content-Type:\n\tmultipart/report; boundary=x\n\n--x\n"
		  "Content-Type: text/plain\n\nhi\n--x\nContent-Type:\n"
		  " application/tlsrpt+gzip\ncontent-transfer-encoding: "
		  "BASE64\n\ne3\n0=\n--x--\n",
		    ST_OK, "{}" },
		{ "A: b\n\n--o\nContent-Type: multipart/mixed\n\n--i\n"
		  "Content-Type: application/tlsrpt+json; x=y\n"
		  "Content-Transfer-Encoding: quoted-printable\n\n"
		  "{=22a=\nb=22}=3\n--i--\n",
		    ST_OK, "{\"ab\"}=3\r\n" },
		{ "A: b\n\ntext\n", ST_NOTFOUND, NULL },
		{ "", ST_NOTFOUND, NULL },
		{ "Content-Type: application/tlsrpt+gzip\n"
		  "Content-Transfer-Encoding: base64\n\n!!!!\n",
		    ST_SYNTAX, NULL },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		struct span document = SPAN_NONE;

		ck_assert_int_eq(tlsrpt_read_mail(mem, span_str(t[i].mail),
				     &document, &why),
		    t[i].st);
		if (t[i].document != NULL)
			ck_assert_msg(span_eq(document, t[i].document),
			    "%zu: %s", i, span_print(mem, document, 200));
	}
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		a_document_of_appendix_b_is_read,
		what_reporters_write_otherwise_is_understood,
		what_is_no_report_is_refused_with_a_reason,
		a_gzip_that_grows_without_end_is_let_go,
		nested_json_does_not_go_deep,
		text_of_reporters_is_one_short_line,
		counts_of_what_a_document_holds_are_bounded,
		our_own_mail_is_read_back,
		the_document_is_found_in_whatever_part,
	};
	Suite *s = suite_create("tlsrpt_read");
	TCase *tc = tcase_create("tlsrpt_read");
	SRunner *r;
	int failed;

	status_init();
	tcase_add_checked_fixture(tc, setup, teardown);
	for (size_t i = 0; i < COUNT_OF(tests); i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
