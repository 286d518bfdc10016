/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS reports: the record of who wants them, tallies, the document, the mail.
 */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "report/tlsrpt.h"
#include "report/tlsrpt_txt.h"
#include "util/base64.h"

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

/* ---- the TXT record ---- */

static struct tlsrpt_record rec;

/* The destinations as one text, "-" when no report is wanted. */
static const char *
picked(const char *const *txt, size_t count)
{
	struct span s[4];
	char *out = talloc_strdup(mem, "");

	for (size_t i = 0; i < count; i++)
		s[i] = span_str(txt[i]);
	if (tlsrpt_txt_pick(mem, s, count, &rec, &why) != ST_OK)
		return "-";
	for (size_t i = 0; i < rec.rua_count; i++)
		out = talloc_asprintf_append(out, "%s%s", i > 0 ? " " : "",
		    rec.rua[i].target);
	return out;
}

static const char *
pick(const char *txt)
{
	return picked(&txt, 1);
}

START_TEST(rpt_01_exactly_one_record_of_the_version_asks_for_reports)
{
	const char *const two[] = { "v=TLSRPTv1;rua=mailto:a@b.example",
		"v=TLSRPTv1; rua=mailto:c@d.example" };
	const char *const beside[] = { "v=spf1 -all",
		"v=TLSRPTv1; rua=mailto:c@d.example;" };

	ck_assert_str_eq(pick(two[0]), "a@b.example");
	ck_assert_str_eq(picked(two, 2), "-");
	ck_assert_str_eq(picked(beside, 2), "c@d.example");
	ck_assert_str_eq(picked(beside, 1), "-");
	ck_assert_str_eq(picked(NULL, 0), "-");
	ck_assert_ptr_nonnull(strstr(why.text, "RFC 8460 3"));
}
END_TEST

START_TEST(rpt_02_blanks_are_borne_and_the_case_of_the_version_is_not)
{
	ck_assert_str_eq(pick("v=TLSRPTv1 ; rua=mailto:a@b.example"),
	    "a@b.example");
	ck_assert_str_eq(pick("v=TLSRPTv1\t;\trua = mailto:a@b.example ;"),
	    "a@b.example");
	ck_assert_str_eq(pick("v=tlsrptv1;rua=mailto:a@b.example"), "-");
	ck_assert_str_eq(pick(" v=TLSRPTv1;rua=mailto:a@b.example"), "-");
	ck_assert_str_eq(pick("v=TLSRPTv1"), "-");
}
END_TEST

START_TEST(rpt_03_destinations_are_decoded_and_other_schemes_passed_over)
{
	static const struct {
		const char *rua, *want;
	} t[] = {
		{ "mailto:a%2Cb@x.example,https://r.x.example/p,ftp://y",
		    "\"a,b\"@x.example https://r.x.example/p" },
		{ "http://r.example/", "-" },
		{ "mailto:a@x.example , https://r.example/a%2Cb%3b%21%20c",
		    "a@x.example https://r.example/a,b;!%20c" },
		{ "MAILTO:a@X.example", "a@x.example" },
		{ "mailto:a@x.example,mailto:a@x.example", "a@x.example" },
		{ "mailto:%22q%20r%22@x.example", "-" },
		{ "mailto:a%2", "-" },
		{ "mailto:a%zz@x.example", "-" },
		{ "mailto:@x.example", "-" },
		{ "mailto:a", "-" },
		{ "https://", "-" },
		{ "", "-" },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++)
		ck_assert_str_eq(pick(talloc_asprintf(mem,
				     "v=TLSRPTv1; x-ext=1; rua=%s", t[i].rua)),
		    t[i].want);
	/* a second rua field adds to the first; "junk" is no field */
	ck_assert_str_eq(pick("v=TLSRPTv1;rua=mailto:a@b.example;junk;"
			      "rua=mailto:c@b.example"),
	    "a@b.example c@b.example");
}
END_TEST

START_TEST(rpt_03_b3_9_what_a_record_may_cost_is_bounded)
{
	char *txt = talloc_strdup(mem, "v=TLSRPTv1;rua=mailto:a@b.example");
	char *longer = talloc_zero_size(mem, TLSRPT_URI_MAX_BYTES + 8);

	for (unsigned i = 0; i < 10000; i++)
		txt = talloc_asprintf_append(txt, ",https://r%u.example/", i);
	pick(txt);
	ck_assert_uint_eq(rec.rua_count, TLSRPT_MAX_RUA);
	memset(longer, 'x', TLSRPT_URI_MAX_BYTES);
	ck_assert_str_eq(pick(talloc_asprintf(mem, "v=TLSRPTv1;rua=https://%s",
			     longer)),
	    "-");
}
END_TEST

START_TEST(rpt_04_of_a_mailto_only_the_address_is_taken)
{
	ck_assert_str_eq(pick("v=TLSRPTv1;rua=mailto:a@x.example"
			      "?bcc=v@y.example%0d%0aBcc:%20w@y.example"),
	    "a@x.example");
	ck_assert_str_eq(pick("v=TLSRPTv1;rua=mailto:a%0d%0ab@x.example"), "-");
	ck_assert_str_eq(pick("v=TLSRPTv1;rua=mailto:a@x.example%0d%0aBcc:v"),
	    "-");
	ck_assert_str_eq(pick("v=TLSRPTv1;rua=mailto:a%3e@x.example%3cb"), "-");
}
END_TEST

/* ---- tallies ---- */

static struct netaddr
address(const char *text)
{
	struct netaddr a = { 0 };

	ck_assert_int_eq(netaddr_parse(span_str(text), &a), ST_OK);
	return a;
}

static struct tlsrpt_tally
sts_tally(enum tlsrpt_count count)
{
	return (struct tlsrpt_tally){ .count = count,
		.policy = { .type = TLSRPT_STS,
		    .domain = "d.example",
		    .string = { "version: STSv1", "mode: testing",
			"mx: a.d.example", "mx: *.d.example", "x-new: 1",
			"max_age: 86400" },
		    .string_count = 6,
		    .mx = { "a.d.example", "*.d.example" },
		    .mx_count = 2 },
		.detail = { .result = TLSRPT_CERTIFICATE_EXPIRED,
		    .sending = address("192.0.2.1"),
		    .mx = "a.d.example",
		    .helo = "a.d.example",
		    .receiving = address("2001:db8:0:0::1"),
		    .reason = "not valid after 2026-11-01T00:00:00Z" } };
}

static struct span
packed(const struct tlsrpt_tally *t)
{
	struct sbuf b;

	sbuf_init(&b, mem, TLSRPT_TALLY_MAX_BYTES);
	tlsrpt_tally_pack(t, &b);
	ck_assert(!sbuf_failed(&b));
	return sbuf_view(&b);
}

START_TEST(a_tally_comes_back_as_it_was)
{
	struct tlsrpt_tally t = sts_tally(TLSRPT_DETAIL), back;
	struct span a = packed(&t);

	ck_assert_int_eq(tlsrpt_tally_unpack(mem, a, &back, &why), ST_OK);
	ck_assert(tlsrpt_policy_eq(&t.policy, &back.policy));
	ck_assert(tlsrpt_detail_eq(&t.detail, &back.detail));
	ck_assert(span_eq_span(a, packed(&back)));
	for (size_t n = 0; n < a.n; n++)
		ck_assert_int_eq(tlsrpt_tally_unpack(mem, span_sub(a, 0, n),
				     &back, &why),
		    ST_SYNTAX);
}
END_TEST

START_TEST(rpt_15_exactly_the_registered_results_have_names)
{
	static const char *const all[] = { "starttls-not-supported",
		"certificate-host-mismatch", "certificate-expired",
		"certificate-not-trusted", "validation-failure", "tlsa-invalid",
		"dnssec-invalid", "dane-required", "sts-policy-fetch-error",
		"sts-policy-invalid", "sts-webpki-invalid" };

	ck_assert_uint_eq(COUNT_OF(all), TLSRPT_RESULTS);
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		ck_assert_str_eq(tlsrpt_result_name((enum tlsrpt_result)i),
		    all[i]);
		ck_assert_int_eq(tlsrpt_result_parse(span_str(all[i])), (int)i);
	}
	ck_assert_int_eq(tlsrpt_result_parse(SPAN_LIT("certificate-revoked")),
	    -1);
}
END_TEST

START_TEST(rpt_27_the_last_second_of_a_day_belongs_to_it)
{
	struct wall t, day;

	ck_assert_int_eq(wall_parse(SPAN_LIT("2026-11-24T23:59:59Z"), &t),
	    ST_OK);
	ck_assert_int_eq(wall_parse(SPAN_LIT("2026-11-24"), &day), ST_OK);
	ck_assert_int_eq(tlsrpt_day(t).ms, day.ms);
	ck_assert_int_eq(tlsrpt_day(day).ms, day.ms);
	ck_assert_int_eq(tlsrpt_day((struct wall){ t.ms + 1000 }).ms,
	    day.ms + TLSRPT_DAY_MS);
	ck_assert_int_eq(tlsrpt_day((struct wall){ -1 }).ms, -TLSRPT_DAY_MS);
}
END_TEST

/* ---- the document ---- */

static const struct tlsrpt_from from = { .organization = "Gateway \"Ltd\"",
	.contact = "tlsrpt@gw.example",
	.submitter = "gw.example" };

static struct tlsrpt *
report(const char *domain)
{
	struct wall t;

	ck_assert_int_eq(wall_parse(SPAN_LIT("2026-11-24T12:00:00Z"), &t),
	    ST_OK);
	return tlsrpt_new(mem, &from, domain, t, SPAN_LIT("salt"));
}

static struct tlsrpt *
full_report(void)
{
	struct tlsrpt *r = report("d.example");
	struct tlsrpt_tally ok = sts_tally(TLSRPT_SUCCESS),
			    bad = sts_tally(TLSRPT_FAILURE),
			    detail = sts_tally(TLSRPT_DETAIL);
	struct tlsrpt_tally tlsa = { .count = TLSRPT_FAILURE,
		.policy = { .type = TLSRPT_TLSA,
		    .domain = "mx.provider.example",
		    .string = { "3 1 1 0123456789abcdef", "2 0 1 aa" },
		    .string_count = 2 } };

	tlsrpt_add(r, &ok, 3);
	tlsrpt_add(r, &bad, 60);
	tlsrpt_add(r, &bad, 40);
	tlsrpt_add(r, &detail, 60);
	tlsrpt_add(r, &detail, 40);
	tlsrpt_add(r, &tlsa, 1);
	return r;
}

static struct span
document(const struct tlsrpt *r)
{
	struct sbuf b;

	sbuf_init(&b, mem, TLSRPT_MAX_BYTES);
	ck_assert(tlsrpt_json(r, &b));
	return sbuf_view(&b);
}

static json_t *
parsed(const struct tlsrpt *r)
{
	struct span s = document(r);
	json_error_t error;
	json_t *o = json_loadb((const char *)s.p, s.n, JSON_REJECT_DUPLICATES,
	    &error);

	ck_assert_msg(o != NULL, "%s", error.text);
	return o;
}

static const char *
text_at(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s == NULL ? "(none)" : s;
}

START_TEST(rpt_17_the_top_level_is_complete_and_policies_an_array)
{
	json_t *o = parsed(full_report()), *policies;

	ck_assert_uint_eq(json_object_size(o), 5);
	ck_assert_str_eq(text_at(o, "organization-name"), "Gateway \"Ltd\"");
	policies = json_object_get(o, "policies");
	ck_assert_uint_eq(json_array_size(policies), 2);
	json_decref(o);
	o = parsed(report("e.example"));
	ck_assert(json_is_array(json_object_get(o, "policies")));
	json_decref(o);
}
END_TEST

START_TEST(rpt_18_times_are_a_full_day_of_utc_with_their_zone)
{
	json_t *o = parsed(full_report());
	json_t *range = json_object_get(o, "date-range");

	ck_assert_str_eq(text_at(range, "start-datetime"),
	    "2026-11-24T00:00:00Z");
	ck_assert_str_eq(text_at(range, "end-datetime"),
	    "2026-11-24T23:59:59Z");
	json_decref(o);
}
END_TEST

START_TEST(rpt_19_ids_are_of_one_report_and_stay_the_same)
{
	json_t *o = parsed(full_report());
	struct tlsrpt *next = report("d.example");
	struct wall t = { next->day.ms + TLSRPT_DAY_MS };

	ck_assert_str_eq(text_at(o, "contact-info"), "tlsrpt@gw.example");
	ck_assert_str_eq(text_at(o, "report-id"), next->id);
	ck_assert_str_eq(strchr(next->id, '@'), "@gw.example");
	ck_assert_str_ne(next->id, report("e.example")->id);
	ck_assert_str_ne(next->id,
	    tlsrpt_new(mem, &from, "d.example", t, SPAN_LIT("salt"))->id);
	ck_assert_str_ne(next->id,
	    tlsrpt_new(mem, &from, "d.example", next->day, SPAN_LIT("other"))
		->id);
	json_decref(o);
}
END_TEST

START_TEST(rpt_20_rpt_21_a_policy_is_told_as_it_was_published)
{
	json_t *o = parsed(full_report());
	json_t *list = json_object_get(o, "policies");
	json_t *sts = json_object_get(json_array_get(list, 0), "policy");
	json_t *tlsa = json_object_get(json_array_get(list, 1), "policy");
	json_t *lines = json_object_get(sts, "policy-string");
	json_t *mx = json_object_get(sts, "mx-host");

	ck_assert_str_eq(text_at(sts, "policy-type"), "sts");
	ck_assert_str_eq(text_at(sts, "policy-domain"), "d.example");
	ck_assert_uint_eq(json_array_size(lines), 6);
	ck_assert_str_eq(json_string_value(json_array_get(lines, 2)),
	    "mx: a.d.example");
	ck_assert_str_eq(json_string_value(json_array_get(lines, 4)),
	    "x-new: 1");
	ck_assert_uint_eq(json_array_size(mx), 2);
	ck_assert_str_eq(json_string_value(json_array_get(mx, 1)),
	    "*.d.example");
	ck_assert_str_eq(text_at(tlsa, "policy-type"), "tlsa");
	ck_assert_str_eq(text_at(tlsa, "policy-domain"), "mx.provider.example");
	lines = json_object_get(tlsa, "policy-string");
	ck_assert_str_eq(json_string_value(json_array_get(lines, 0)),
	    "3 1 1 0123456789abcdef");
	ck_assert_uint_eq(json_array_size(lines), 2);
	ck_assert_ptr_null(json_object_get(tlsa, "mx-host"));
	json_decref(o);
}
END_TEST

START_TEST(rpt_20_without_a_policy_there_is_no_text_of_one)
{
	struct tlsrpt *r = report("d.example");
	struct tlsrpt_tally t = { .count = TLSRPT_SUCCESS,
		.policy = { .type = TLSRPT_NO_POLICY, .domain = "d.example" } };
	json_t *o, *policy;

	tlsrpt_add(r, &t, 1);
	o = parsed(r);
	policy = json_object_get(json_array_get(json_object_get(o, "policies"),
				     0),
	    "policy");
	ck_assert_str_eq(text_at(policy, "policy-type"), "no-policy-found");
	ck_assert_ptr_null(json_object_get(policy, "policy-string"));
	ck_assert_ptr_null(json_object_get(policy, "mx-host"));
	json_decref(o);
}
END_TEST

START_TEST(rpt_22_rpt_29_sums_are_integers_also_when_all_went_well)
{
	json_t *o = parsed(full_report()), *one, *sum;
	struct tlsrpt *good = report("d.example");
	struct tlsrpt_tally ok = sts_tally(TLSRPT_SUCCESS);

	one = json_array_get(json_object_get(o, "policies"), 0);
	sum = json_object_get(one, "summary");
	ck_assert_int_eq(json_integer_value(json_object_get(sum,
			     "total-successful-session-count")),
	    3);
	ck_assert_int_eq(json_integer_value(json_object_get(sum,
			     "total-failure-session-count")),
	    100);
	json_decref(o);
	tlsrpt_add(good, &ok, 7);
	o = parsed(good);
	one = json_array_get(json_object_get(o, "policies"), 0);
	sum = json_object_get(one, "summary");
	ck_assert(json_is_integer(json_object_get(sum,
	    "total-failure-session-count")));
	ck_assert_uint_eq(json_array_size(json_object_get(one,
			      "failure-details")),
	    0);
	ck_assert(json_is_array(json_object_get(one, "failure-details")));
	json_decref(o);
}
END_TEST

static json_t *
first_detail(json_t *o)
{
	json_t *one = json_array_get(json_object_get(o, "policies"), 0);

	return json_array_get(json_object_get(one, "failure-details"), 0);
}

START_TEST(rpt_23_rpt_24_equal_failures_are_one_detail)
{
	json_t *o = parsed(full_report()), *d = first_detail(o);

	ck_assert_str_eq(text_at(d, "result-type"), "certificate-expired");
	ck_assert_int_eq(json_integer_value(json_object_get(d,
			     "failed-session-count")),
	    100);
	ck_assert_str_eq(text_at(d, "sending-mta-ip"), "192.0.2.1");
	ck_assert_str_eq(text_at(d, "receiving-ip"), "2001:db8::1");
	ck_assert_str_eq(text_at(d, "receiving-mx-hostname"), "a.d.example");
	json_decref(o);
}
END_TEST

START_TEST(rpt_23_fields_without_a_value_are_left_out)
{
	struct tlsrpt *r = report("d.example");
	struct tlsrpt_tally t = sts_tally(TLSRPT_DETAIL);
	json_t *o, *d;

	t.detail = (struct tlsrpt_detail){
		.result = TLSRPT_STS_POLICY_FETCH_ERROR,
		.mx = "",
		.helo = "",
		.reason = "HTTP 500",
	};
	tlsrpt_add(r, &t, 1);
	o = parsed(r);
	d = first_detail(o);
	ck_assert_uint_eq(json_object_size(d), 3);
	ck_assert_str_eq(text_at(d, "failure-reason-code"), "HTTP 500");
	json_decref(o);
}
END_TEST

START_TEST(rpt_25_what_a_server_said_is_valid_json_whatever_it_was)
{
	struct tlsrpt *r = report("d.example");
	struct tlsrpt_tally t = sts_tally(TLSRPT_DETAIL), back;
	char longer[TLSRPT_TEXT_BYTES * 2];
	json_t *o;

	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	t.detail.helo = "a\"b\\c\x01\x7f\xff\xc3\xa9\xe2\x80\xa8";
	t.detail.reason = longer;
	ck_assert_int_eq(tlsrpt_tally_unpack(mem, packed(&t), &back, &why),
	    ST_OK);
	tlsrpt_add(r, &back, 1);
	o = parsed(r);
	ck_assert_str_eq(text_at(first_detail(o), "receiving-mx-helo"),
	    "a\"b\\c???\xc3\xa9?");
	ck_assert_uint_eq(strlen(text_at(first_detail(o),
			      "failure-reason-code")),
	    TLSRPT_TEXT_BYTES);
	json_decref(o);
}
END_TEST

START_TEST(rpt_30_another_text_of_a_policy_is_another_entry)
{
	struct tlsrpt *r = report("d.example");
	struct tlsrpt_tally t = sts_tally(TLSRPT_SUCCESS);

	tlsrpt_add(r, &t, 1);
	t.policy.string[1] = "mode: enforce";
	tlsrpt_add(r, &t, 1);
	tlsrpt_add(r, &t, 1);
	ck_assert_uint_eq(r->sum_count, 2);
	ck_assert_uint_eq(r->sum[1].success, 2);
}
END_TEST

START_TEST(what_a_report_may_hold_is_bounded_and_its_sums_stay_true)
{
	struct tlsrpt *r = report("d.example");
	struct tlsrpt_tally t = sts_tally(TLSRPT_DETAIL),
			    bad = sts_tally(TLSRPT_FAILURE);

	for (unsigned i = 0; i < TLSRPT_MAX_DETAILS + 5; i++) {
		t.detail.mx = talloc_asprintf(mem, "m%u.example", i);
		tlsrpt_add(r, &t, 1);
		tlsrpt_add(r, &bad, 1);
	}
	ck_assert(r->cut);
	ck_assert_uint_eq(r->sum[0].detail_count, TLSRPT_MAX_DETAILS);
	ck_assert_uint_eq(r->sum[0].failure, TLSRPT_MAX_DETAILS + 5);
}
END_TEST

/* ---- file and mail ---- */

static struct span
zipped(const struct tlsrpt *r)
{
	struct sbuf b;

	sbuf_init(&b, mem, TLSRPT_MAX_BYTES);
	ck_assert(tlsrpt_gzip(document(r), &b));
	return sbuf_view(&b);
}

/* Decompressed by a reader that knows gzip alone. */
static struct span
unzipped(struct span gz)
{
	z_stream z = { .avail_in = (uInt)gz.n };
	uint8_t *out = talloc_size(mem, 1u << 20);

	z.next_in = talloc_memdup(mem, gz.p, gz.n);
	z.next_out = out;
	z.avail_out = 1u << 20;
	ck_assert_int_eq(inflateInit2(&z, MAX_WBITS + 16), Z_OK);
	ck_assert_int_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
	inflateEnd(&z);
	return span_of(out, z.total_out);
}

START_TEST(rpt_38_rpt_39_rpt_46_the_file_is_named_after_the_document)
{
	struct tlsrpt *r = full_report();
	char name[TLSRPT_NAME_BYTES], want[TLSRPT_NAME_BYTES];
	struct span gz = zipped(r);

	ck_assert_uint_eq(gz.p[0], 0x1f);
	ck_assert_uint_eq(gz.p[1], 0x8b);
	ck_assert(span_eq_span(unzipped(gz), document(r)));
	snprintf(want, sizeof(want),
	    "gw.example!d.example!1795478400!1795564799!%.*s.json.gz",
	    (int)strcspn(r->id, "@"), r->id);
	ck_assert_str_eq(tlsrpt_filename(r, name), want);
}
END_TEST

static char *
mail(const struct tlsrpt *r)
{
	struct sbuf b;

	sbuf_init(&b, mem, TLSRPT_MAX_BYTES);
	tlsrpt_mail(r, "rua@d.example", (struct wall){ 1795564800000 },
	    zipped(r), &b);
	ck_assert(!sbuf_failed(&b));
	return talloc_strndup(mem, (const char *)b.p, b.n);
}

START_TEST(rpt_34_rpt_35_rpt_37_rpt_40_the_header_of_the_mail)
{
	struct tlsrpt *r = full_report();
	const char *m = mail(r);
	char *subject = talloc_asprintf(mem,
	    "Subject: Report Domain: d.example\r\n Submitter: gw.example\r\n"
	    " Report-ID: <%s>\r\n",
	    r->id);

	ck_assert_ptr_nonnull(strstr(m, subject));
	ck_assert_ptr_nonnull(strstr(m,
	    "\r\nTLS-Report-Domain: d.example\r\n"));
	ck_assert_ptr_nonnull(strstr(m,
	    "\r\nTLS-Report-Submitter: gw.example\r\n"));
	ck_assert_ptr_nonnull(strstr(m, "\r\nFrom: <tlsrpt@gw.example>\r\n"));
	ck_assert_ptr_nonnull(strstr(m, "\r\nTo: <rua@d.example>\r\n"));
	ck_assert_ptr_nonnull(strstr(m,
	    "\r\nAuto-Submitted: auto-generated\r\n"));
	ck_assert_ptr_nonnull(strstr(m, "Date: Wed, 25 Nov 2026 00:00:00 +"));
	ck_assert_ptr_nonnull(strstr(m, "\r\nMessage-ID: <"));
	ck_assert_ptr_nonnull(strstr(m, "\r\nMIME-Version: 1.0\r\n"));
}
END_TEST

START_TEST(rpt_31_the_mail_asks_not_to_be_held_up_for_want_of_tls)
{
	ck_assert_ptr_nonnull(strstr(mail(full_report()),
	    "\r\nTLS-Required: No\r\n"));
}
END_TEST

START_TEST(rpt_36_the_document_is_the_second_part_of_a_report)
{
	struct tlsrpt *r = full_report();
	char *m = mail(r), *part, *body, *end;
	uint8_t *raw;
	struct sbuf packed_lines;
	size_t n;

	ck_assert_ptr_nonnull(strstr(m,
	    "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n"));
	part = strstr(m, "Content-Type: application/tlsrpt+gzip;");
	ck_assert_ptr_nonnull(part);
	ck_assert_ptr_nonnull(strstr(part,
	    "Content-Transfer-Encoding: base64\r\n"));
	ck_assert_ptr_nonnull(strstr(part, "attachment;\r\n\tfilename=\"gw."));
	body = strstr(part, "\r\n\r\n") + 4;
	end = strstr(body, "\r\n--");
	sbuf_init(&packed_lines, mem, TLSRPT_MAX_BYTES);
	for (char *p = body; p < end; p++)
		if (*p != '\r' && *p != '\n')
			sbuf_u8(&packed_lines, (uint8_t)*p);
	raw = talloc_size(mem, BASE64_DECODED_BYTES(packed_lines.n));
	ck_assert_int_eq(base64_decode(sbuf_view(&packed_lines), raw, &n),
	    ST_OK);
	ck_assert(span_eq_span(unzipped(span_of(raw, n)), document(r)));
}
END_TEST

START_TEST(rpt_37_no_line_is_too_long_whatever_the_domains_are)
{
	char domain[254];
	struct span rest, line;
	struct tlsrpt *r;

	for (size_t i = 0; i < 253; i++)
		domain[i] = i % 50 == 49 ? '.' : 'a';
	domain[253] = '\0';
	r = tlsrpt_new(mem,
	    &(struct tlsrpt_from){
		"o", talloc_asprintf(mem, "t@%s", domain), domain },
	    domain, (struct wall){ 0 }, SPAN_LIT("s"));
	rest = span_str(mail(r));
	while (span_line(&rest, &line))
		ck_assert_uint_le(line.n, 998);
}
END_TEST

int
main(void)
{
	const TTest *const txt[] = {
		rpt_01_exactly_one_record_of_the_version_asks_for_reports,
		rpt_02_blanks_are_borne_and_the_case_of_the_version_is_not,
		rpt_03_destinations_are_decoded_and_other_schemes_passed_over,
		rpt_03_b3_9_what_a_record_may_cost_is_bounded,
		rpt_04_of_a_mailto_only_the_address_is_taken,
	};
	const TTest *const tally[] = {
		a_tally_comes_back_as_it_was,
		rpt_15_exactly_the_registered_results_have_names,
		rpt_27_the_last_second_of_a_day_belongs_to_it,
	};
	const TTest *const json[] = {
		rpt_17_the_top_level_is_complete_and_policies_an_array,
		rpt_18_times_are_a_full_day_of_utc_with_their_zone,
		rpt_19_ids_are_of_one_report_and_stay_the_same,
		rpt_20_rpt_21_a_policy_is_told_as_it_was_published,
		rpt_20_without_a_policy_there_is_no_text_of_one,
		rpt_22_rpt_29_sums_are_integers_also_when_all_went_well,
		rpt_23_rpt_24_equal_failures_are_one_detail,
		rpt_23_fields_without_a_value_are_left_out,
		rpt_25_what_a_server_said_is_valid_json_whatever_it_was,
		rpt_30_another_text_of_a_policy_is_another_entry,
		what_a_report_may_hold_is_bounded_and_its_sums_stay_true,
	};
	const TTest *const post[] = {
		rpt_38_rpt_39_rpt_46_the_file_is_named_after_the_document,
		rpt_34_rpt_35_rpt_37_rpt_40_the_header_of_the_mail,
		rpt_31_the_mail_asks_not_to_be_held_up_for_want_of_tls,
		rpt_36_the_document_is_the_second_part_of_a_report,
		rpt_37_no_line_is_too_long_whatever_the_domains_are,
	};
	const struct {
		const char *name;
		const TTest *const *test;
		size_t count;
	} all[] = {
		{ "txt", txt, COUNT_OF(txt) },
		{ "tally", tally, COUNT_OF(tally) },
		{ "json", json, COUNT_OF(json) },
		{ "mail", post, COUNT_OF(post) },
	};
	Suite *s = suite_create("tlsrpt");
	SRunner *r;
	int failed;

	status_init();
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		TCase *tc = tcase_create(all[i].name);

		tcase_add_checked_fixture(tc, setup, teardown);
		for (size_t t = 0; t < all[i].count; t++)
			tcase_add_test(tc, all[i].test[t]);
		suite_add_tcase(s, tc);
	}
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
