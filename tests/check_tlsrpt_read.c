/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS reports that others wrote: documents, gzip, mail, and what is none. */
#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "report/tlsrpt.h"
#include "report/tlsrpt_bound.h"
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

/* ---- bombs (B3.8) ---- */

/* What jansson holds, and the most it ever held. */
static size_t json_bytes, json_most;

static void *
json_alloc(size_t n)
{
	size_t *p = malloc(n + 16);

	ck_assert_ptr_nonnull(p);
	p[0] = n;
	json_bytes += n + 16;
	if (json_bytes > json_most)
		json_most = json_bytes;
	return (char *)p + 16;
}

static void
json_free(void *p)
{
	size_t *at = p == NULL ? NULL : (size_t *)(void *)((char *)p - 16);

	if (at == NULL)
		return;
	json_bytes -= at[0] + 16;
	free(at);
}

#define MEMORY_BYTES (64u << 20)

static enum status
read_within_bounds(struct span bytes)
{
	TALLOC_CTX *own = talloc_new(NULL);
	enum status st;

	json_bytes = json_most = 0;
	json_set_alloc_funcs(json_alloc, json_free);
	why = (struct diag){ 0 };
	st = tlsrpt_read(own, bytes, &doc, &why);
	json_set_alloc_funcs(malloc, free);
	ck_assert_msg(json_most + talloc_total_size(own) < MEMORY_BYTES,
	    "%zu and %zu", json_most, talloc_total_size(own));
	ck_assert_uint_eq(json_bytes, 0);
	talloc_free(own);
	return st;
}

static struct span
repeated(const char *head, const char *one, size_t count, const char *tail)
{
	struct sbuf b;

	sbuf_init(&b, mem, 512u << 20);
	sbuf_str(&b, head);
	for (size_t i = 0; i < count; i++)
		sbuf_str(&b, one);
	sbuf_str(&b, tail);
	ck_assert(!sbuf_failed(&b));
	return sbuf_view(&b);
}

/* Half a megabyte that is 512 of them, and one within the ratio. */
START_TEST(b3_8_a_gzip_that_grows_without_end_is_let_go)
{
	size_t n = 255u << 20; /* talloc has no more */
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
	ck_assert_int_eq(read_within_bounds(span_of(out, z.total_out)),
	    ST_LIMIT);
	ck_assert_ptr_nonnull(strstr(why.text, "times its size when unpacked"));
	/* cut off before that, it is damaged */
	ck_assert_int_eq(tlsrpt_read(mem, span_of(out, 200), &doc, &why),
	    ST_SYNTAX);
	deflateEnd(&z);
	/* one that grows little, and is large all the same */
	for (size_t i = 0; i <= TLSRPT_READ_JSON_BYTES; i++)
		blanks[i] = "abcdefghijklmnop"[(i * 2654435761u >> 20) & 15];
	ck_assert_int_eq(read_within_bounds(zipped(span_of(blanks,
			     TLSRPT_READ_JSON_BYTES + 1))),
	    ST_LIMIT);
	ck_assert_ptr_nonnull(strstr(why.text, "bytes when unpacked"));
}
END_TEST

START_TEST(b3_8_json_that_would_grow_in_memory_is_let_go)
{
	static const struct {
		const char *head, *one;
		size_t count;
		const char *tail, *why;
	} t[] = {
		{ "", "[", 100000, "", "deep" },
		{ "", "{\"a\":", 100000, "", "deep" },
		{ "[", "{},", 1000000, "1]", "objects and arrays" },
		{ "{", "\"k\":1,", 1000000, "\"z\":1}", "values" },
		{ "[", "1,", 1000000, "1]", "values" },
		{ "{\"report-id\":\"", "xxxxxxxxxxxxxxxx", 65536, "\"}",
		    "text" },
		{ "{\"report-id\":", "99999999", 8, "}", "number" },
		{ "{\"report-id\":\"", "\\\"", 65536, "\"}", "text" },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		ck_assert_int_eq(read_within_bounds(repeated(t[i].head,
				     t[i].one, t[i].count, t[i].tail)),
		    ST_LIMIT);
		ck_assert_msg(strstr(why.text, t[i].why) != NULL, "%s",
		    why.text);
	}
}
END_TEST

START_TEST(b3_8_the_largest_report_that_is_read_stays_within_its_memory)
{
	struct span json = repeated(HEAD
	    "\"policies\":[{\"policy\":{\"policy-type\":\"sts\"},"
	    "\"failure-details\":[",
	    "{\"result-type\":\"certificate-expired\",\"sending-mta-ip\":"
	    "\"2001:db8:abcd:12:1234:1234:1234:1234\",\"receiving-ip\":"
	    "\"2001:db8:abcd:12:1234:1234:1234:1234\","
	    "\"receiving-mx-hostname\":\"mx1.mail.company-y.example\","
	    "\"failed-session-count\":1},",
	    TLSRPT_READ_DETAILS - 1, "{}]}]}");

	ck_assert_msg(read_within_bounds(json) == ST_OK, "%s", why.text);
	json = repeated("[\"", "\",\"", TLSRPT_BOUND_VALUES - 1, "\"]");
	ck_assert_int_eq(read_within_bounds(json), ST_SYNTAX);
	json = repeated("[",
	    "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\",",
	    TLSRPT_BOUND_VALUES - 1, "1]");
	ck_assert_int_eq(read_within_bounds(json), ST_LIMIT); /* its length */
}
END_TEST

START_TEST(b3_8_counts_that_are_not_believed_are_refused)
{
	static const struct {
		const char *count;
		enum status st;
	} t[] = {
		{ "100000000000", ST_OK },
		{ "100000000001", ST_LIMIT },
		{ "\"100000000001\"", ST_LIMIT },
		{ "9223372036854775807", ST_LIMIT },
		{ "9223372036854775808", ST_SYNTAX },
		{ "1e300", ST_OK }, /* no whole number: none */
		{ "-1", ST_OK },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++)
		for (unsigned detail = 0; detail < 2; detail++)
			ck_assert_msg(
			    read_text(talloc_asprintf(mem,
				HEAD "\"policies\":[{\"policy\":{},\"%s"
				     "\":%s}%s]}",
				detail ? "failure-details\":[{\"failed-session-"
					 "count" :
					 "summary\":{\"total-failure-session-"
					 "count",
				t[i].count, detail ? "]}" : "}")) == t[i].st,
			    "%s %s", t[i].count, why.text);
}
END_TEST

START_TEST(b3_8_a_gzip_in_a_gzip_is_no_report)
{
	struct span once = zipped(SPAN_LIT(HEAD "\"policies\":[{}]}"));

	ck_assert_int_eq(tlsrpt_read(mem, zipped(once), &doc, &why), ST_SYNTAX);
}
END_TEST

START_TEST(b3_8_a_mail_of_parts_without_end_is_gone_through_once)
{
	struct span document,
	    mail = repeated("A: b\n\n",
		"--x\nContent-Type: multipart/mixed; boundary=x\n\n", 10000,
		"--x\nContent-Type: application/tlsrpt+json\n\n{}\n");

	ck_assert_int_eq(tlsrpt_read_mail(mem, mail, &document, &why), ST_OK);
	ck_assert(span_eq(document, "{}\r\n"));
	mail = repeated("Content-Type: a/b; name=", ".", 1u << 20, "\n\n");
	ck_assert_int_eq(tlsrpt_read_mail(mem, mail, &document, &why),
	    ST_NOTFOUND);
}
END_TEST

START_TEST(text_of_reporters_is_one_short_line)
{
	char longer[2 * TLSRPT_READ_TEXT_BYTES];

	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	ck_assert_int_eq(
	    read_text(talloc_asprintf(mem,
		HEAD
		"\"policies\":[{\"policy\":{"
		"\"policy-type\":\"a\\u0000b\\r\\nc\\u2028\\u202e\\u001b[2J\","
		"\"policy-domain\":\"%s\"}}]}",
		longer)),
	    ST_OK);
	ck_assert_str_eq(doc.policy[0].type, "a?b??c???[2J");
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
		/* named like one: the type is another */
		{ "A: b\n\n--x\nContent-Type: application/gzip\n"
		  "Content-Disposition: attachment;\n filename=\"a.example!"
		  "b.example!1!2.JSON.gz\"\n\n{}\n--x\n"
		  "Content-Type: text/plain; name=x.json.gz.exe\n\n--x--\n",
		    ST_OK, "{}\r\n" },
		/* the type counts first */
		{ "Content-Type: application/json; name=a.json\n\n--x\n"
		  "Content-Type: application/tlsrpt+json\n\n{}\n",
		    ST_OK, "{}\r\n" },
		{ "X-A: b\n c.json\n\ntext\n", ST_NOTFOUND, NULL },
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
		b3_8_a_gzip_that_grows_without_end_is_let_go,
		b3_8_json_that_would_grow_in_memory_is_let_go,
		b3_8_the_largest_report_that_is_read_stays_within_its_memory,
		b3_8_counts_that_are_not_believed_are_refused,
		b3_8_a_gzip_in_a_gzip_is_no_report,
		b3_8_a_mail_of_parts_without_end_is_gone_through_once,
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
	tcase_set_timeout(tc, 60); /* half a gigabyte is packed */
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
