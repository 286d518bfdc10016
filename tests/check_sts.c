/* SPDX-License-Identifier: BSD-2-Clause */
/* The MTA-STS record, the policy body and the rules of the cache. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mtasts/sts_cache.h"
#include "util/sbuf.h"

static TALLOC_CTX *mem;
static struct diag why;
static struct sts_policy pol;
static char id[STS_ID_MAX_BYTES + 1];

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

/* ---- TXT ---- */

static enum status
pick(const char *txt)
{
	struct span one = span_str(txt);

	return sts_txt_pick(&one, 1, id, &why);
}

static enum status
pick2(const char *a, const char *b)
{
	struct span two[] = { span_str(a), span_str(b) };

	return sts_txt_pick(two, 2, id, &why);
}

START_TEST(sts_06_the_id_of_a_valid_record_is_picked)
{
	static const struct {
		const char *txt, *id;
	} t[] = {
		{ "v=STSv1; id=20160831085700Z;", "20160831085700Z" },
		{ "v=STSv1;id=a", "a" },
		{ "v=STSv1; id=abc", "abc" },
		{ "v=STSv1; id=abc; ", "abc" },
		{ "v=STSv1;\tid=abc\t;\t", "abc" },
		{ "v=STSv1; x=1; id=abc; id=zzz;", "abc" },
		{ "v=STSv1; id=abc; id=not-an-id;", "abc" },
		{ "v=STSv1; id=abc; some_ext.name-1=va:lue<>/", "abc" },
		{ "v=STSv1; ID=zzz; id=abc;", "abc" },
		{ "v=STSv1; id=abc; n2345678901234567890123456789012=!~",
		    "abc" },
		{ "v=STSv1; id=12345678901234567890123456789012;",
		    "12345678901234567890123456789012" },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		ck_assert_msg(pick(t[i].txt) == ST_OK, "%s: %s", t[i].txt,
		    why.text);
		ck_assert_str_eq(id, t[i].id);
	}
}
END_TEST

START_TEST(sts_06_a_syntax_error_is_no_policy)
{
	static const char *const t[] = {
		"v=STSv1;",
		"v=STSv1; ",
		"v=STSv1; id=",
		"v=STSv1; id=;",
		"v=STSv1; id",
		"v=STSv1; id=a-b;",
		"v=STSv1; id=a b;",
		"v=STSv1; id=a_b;",
		"v=STSv1; id =abc;",
		"v=STSv1; id= abc;",
		"v=STSv1; id=123456789012345678901234567890123;",
		"v=STSv1; ID=abc;",
		"v=STSv1; x=1;",
		"v=STSv1;; id=abc;",
		"v=STSv1; id=abc;;",
		"v=STSv1; id=abc; nonsense",
		"v=STSv1; id=abc; x=",
		"v=STSv1; id=abc; =x",
		"v=STSv1; id=abc; x=a=b",
		"v=STSv1; id=abc; -x=1",
		"v=STSv1; id=abc; x!y=1",
		"v=STSv1; id=abc; x=1 2",
		"v=STSv1; id=abc; x=\x7f",
		"v=STSv1; id=abc; x=\x01",
		"v=STSv1; id=abc; x=\xc3\xa9",
		"v=STSv1; id=abc; n23456789012345678901234567890123=1",
	};

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		why.text[0] = '\0';
		ck_assert_msg(pick(t[i]) == ST_NOTFOUND, "%s", t[i]);
		ck_assert(why.text[0] != '\0');
	}
}
END_TEST

/* RFC 8461 3.1: records that do not begin with "v=STSv1;" are discarded. */
START_TEST(sts_05_records_of_other_kinds_are_discarded)
{
	static const char *const t[] = {
		"",
		"v=spf1 -all",
		"v=STSv1",
		"v=STSv1 id=abc;",
		"V=STSv1; id=abc;",
		"v=stsv1; id=abc;",
		"v=STSv2; id=abc;",
		"v=STSv10; id=abc;",
		" v=STSv1; id=abc;",
		"id=abc; v=STSv1;",
		"\"v=STSv1; id=abc;\"",
	};

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		ck_assert_msg(pick(t[i]) == ST_NOTFOUND, "%s", t[i]);
		ck_assert_msg(pick2(t[i], "v=STSv1; id=good;") == ST_OK, "%s",
		    t[i]);
		ck_assert_str_eq(id, "good");
	}
}
END_TEST

START_TEST(sts_05_anything_but_exactly_one_record_is_no_policy)
{
	ck_assert_int_eq(sts_txt_pick(NULL, 0, id, &why), ST_NOTFOUND);
	ck_assert_int_eq(pick2("v=STSv1; id=a;", "v=STSv1; id=b;"),
	    ST_NOTFOUND);
	ck_assert_int_eq(pick2("v=STSv1; id=a;", "v=STSv1; id=a;"),
	    ST_NOTFOUND);
	/* Also when the other one is broken. */
	ck_assert_int_eq(pick2("v=STSv1; id=a;", "v=STSv1; broken"),
	    ST_NOTFOUND);
}
END_TEST

START_TEST(sts_07_blanks_before_the_delimiter_count_as_version)
{
	ck_assert_int_eq(pick("v=STSv1 ; id=a"), ST_OK);
	ck_assert_str_eq(id, "a");
	ck_assert_int_eq(pick("v=STSv1\t \t; id=b"), ST_OK);
	ck_assert_str_eq(id, "b");
	ck_assert_int_eq(pick2("v=STSv1 ; id=a", "v=STSv1; id=b;"),
	    ST_NOTFOUND);
}
END_TEST

START_TEST(sts_txt_pick_bears_nul_and_high_bytes)
{
	static const uint8_t nul[] = "v=STSv1; id=a\0b;";
	static const uint8_t high[] = { 0xff, 0xfe, ';', '=' };
	struct span t[] = { span_of(nul, sizeof(nul) - 1),
		span_of(high, sizeof(high)) };

	ck_assert_int_eq(sts_txt_pick(&t[0], 1, id, &why), ST_NOTFOUND);
	ck_assert_int_eq(sts_txt_pick(&t[1], 1, id, &why), ST_NOTFOUND);
	ck_assert_int_eq(sts_txt_pick(t, 2, id, NULL), ST_NOTFOUND);
}
END_TEST

/* ---- policy ---- */

#define HEAD    "version: STSv1\n"
#define ENFORCE HEAD "mode: enforce\nmx: mx.example\n"
#define GOOD    ENFORCE "max_age: 86400\n"

static enum status
parse(const char *body)
{
	return sts_policy_parse(mem, span_str(body), &pol, &why);
}

START_TEST(sts_20_lines_end_in_lf_or_crlf)
{
	ck_assert_int_eq(parse("version: STSv1\r\nmode: enforce\r\n"
			       "mx: mail.example.com\r\nmx: *.example.net\r\n"
			       "mx: backupmx.example.com\r\n"
			       "max_age: 604800\r\n"),
	    ST_OK);
	ck_assert_int_eq(pol.mode, STS_ENFORCE);
	ck_assert_uint_eq(pol.max_age_s, 604800);
	ck_assert_uint_eq(pol.mx_count, 3);
	ck_assert_str_eq(pol.mx[0], "mail.example.com");
	ck_assert_str_eq(pol.mx[1], "*.example.net");
	ck_assert_str_eq(pol.mx[2], "backupmx.example.com");
	ck_assert_int_eq(parse(GOOD), ST_OK);
	ck_assert_int_eq(parse("version: STSv1\r\nmode: none\nmax_age: 1\r\n"),
	    ST_OK);
	/* The last line may lack its end. */
	ck_assert_int_eq(parse(ENFORCE "max_age: 1"), ST_OK);
	ck_assert_int_eq(parse(GOOD "\n\r\n"), ST_OK);
}
END_TEST

START_TEST(sts_20_blanks_after_the_colon_and_before_the_end_are_optional)
{
	ck_assert_int_eq(parse("version:STSv1 \nmode: \tenforce\t \n"
			       "mx:mx.example  \nmax_age:  \t5 \r\n"),
	    ST_OK);
	ck_assert_int_eq(pol.mode, STS_ENFORCE);
	ck_assert_uint_eq(pol.max_age_s, 5);
	ck_assert_str_eq(pol.mx[0], "mx.example");
	/* Before the colon there is none. */
	ck_assert_int_eq(parse("version : STSv1\nmode: none\nmax_age: 1\n"),
	    ST_SYNTAX);
}
END_TEST

START_TEST(sts_20_keys_version_and_mode_are_case_sensitive)
{
	static const char *const t[] = {
		"Version: STSv1\nmode: none\nmax_age: 1\n",
		"version: stsv1\nmode: none\nmax_age: 1\n",
		"version: STSv2\nmode: none\nmax_age: 1\n",
		HEAD "Mode: none\nmax_age: 1\n",
		HEAD "mode: NONE\nmax_age: 1\n",
		HEAD "mode: Enforce\nmx: mx.example\nmax_age: 1\n",
		HEAD "mode: report\nmax_age: 1\n",
		HEAD "mode:\nmax_age: 1\n",
		HEAD "mode: none\nMax_age: 1\n",
		HEAD "mode: enforce\nMX: mx.example\nmax_age: 1\n",
	};

	for (size_t i = 0; i < COUNT_OF(t); i++)
		ck_assert_msg(parse(t[i]) == ST_SYNTAX, "%s", t[i]);
}
END_TEST

START_TEST(sts_21_each_field_is_required_and_mx_unless_none)
{
	ck_assert_int_eq(parse("mode: enforce\nmx: a.example\nmax_age: 1\n"),
	    ST_SYNTAX);
	ck_assert_int_eq(parse(HEAD "mx: a.example\nmax_age: 1\n"), ST_SYNTAX);
	ck_assert_int_eq(parse(ENFORCE), ST_SYNTAX);
	ck_assert_int_eq(parse(HEAD "mode: enforce\nmax_age: 1\n"), ST_SYNTAX);
	ck_assert_int_eq(parse(HEAD "mode: testing\nmax_age: 1\n"), ST_SYNTAX);
	ck_assert_int_eq(parse(HEAD "mode: none\nmax_age: 1\n"), ST_OK);
	ck_assert_int_eq(pol.mode, STS_NONE);
	ck_assert_uint_eq(pol.mx_count, 0);
	ck_assert_int_eq(parse(""), ST_SYNTAX);
}
END_TEST

START_TEST(sts_21_a_line_without_a_colon_breaks_the_policy)
{
	why.text[0] = '\0';
	ck_assert_int_eq(parse(GOOD "<html>\n"), ST_SYNTAX);
	ck_assert_ptr_nonnull(strstr(why.text, "<html>"));
}
END_TEST

/* RFC 8461 3.2: "all entries except for the first SHALL be ignored" */
START_TEST(sts_22_the_first_of_a_repeated_key_counts)
{
	ck_assert_int_eq(parse(GOOD "mode: none\n"), ST_OK);
	ck_assert_int_eq(pol.mode, STS_ENFORCE);
	ck_assert_int_eq(parse(GOOD "max_age: 1\nmode: bad\nversion: 2\n"),
	    ST_OK);
	ck_assert_uint_eq(pol.max_age_s, 86400);
	ck_assert_int_eq(parse("version: no\n" GOOD), ST_SYNTAX);
}
END_TEST

START_TEST(sts_22_unknown_keys_are_ignored_and_order_is_free)
{
	ck_assert_int_eq(parse("foo: bar\nmax_age: 1\nmx: b.example\n"
			       "mode: testing\nx-y: \xc3\xa9\n"
			       "mx: a.example\nversion: STSv1\n"),
	    ST_OK);
	ck_assert_int_eq(pol.mode, STS_TESTING);
	ck_assert_uint_eq(pol.mx_count, 2);
	ck_assert_str_eq(pol.mx[0], "b.example");
}
END_TEST

START_TEST(sts_23_max_age_is_capped_and_not_refused)
{
	ck_assert_int_eq(parse(ENFORCE "max_age: 9999999999\n"), ST_OK);
	ck_assert_uint_eq(pol.max_age_s, STS_MAX_AGE_S);
	ck_assert_int_eq(parse(ENFORCE "max_age: 31557601\n"), ST_OK);
	ck_assert_uint_eq(pol.max_age_s, STS_MAX_AGE_S);
	ck_assert_int_eq(parse(ENFORCE "max_age: 31557600\n"), ST_OK);
	ck_assert_uint_eq(pol.max_age_s, 31557600);
	ck_assert_int_eq(parse(ENFORCE "max_age: 0000000007\n"), ST_OK);
	ck_assert_uint_eq(pol.max_age_s, 7);
	ck_assert_int_eq(parse(ENFORCE "max_age: 0\n"), ST_OK);
	ck_assert_uint_eq(pol.max_age_s, 0);
}
END_TEST

START_TEST(sts_23_max_age_is_1_to_10_digits)
{
	static const char *const t[] = { "-1", "+1", "1e3", "0x10", "1.0",
		"12345678901", "00000000000", "", "1 2", "one" };

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		char body[128];

		snprintf(body, sizeof(body), "%smax_age: %s\n", ENFORCE, t[i]);
		ck_assert_msg(parse(body) == ST_SYNTAX, "%s", t[i]);
	}
}
END_TEST

START_TEST(sts_24_an_mx_is_a_domain_or_one_star_before_it)
{
	static const char *const bad[] = { "*", "*.", "a.*.b", "a*.b", "*a.b",
		"*.*.b",
		("b\xc3\xbc"
		 "cher.example"),
		"192.0.2.1", "*.192.0.2.1", "[192.0.2.1]", "2001:db8::1", "",
		".", "a..b", ".a", "a.", "a b", "mx_1.example",
		"xn--\xc3\xbc.example" };

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		char body[128];

		snprintf(body, sizeof(body), "%smx: %s\n", GOOD, bad[i]);
		ck_assert_msg(parse(body) == ST_SYNTAX, "%s", bad[i]);
	}
	ck_assert_int_eq(parse(GOOD "mx: *.Example.COM\n"
				    "mx: xn--bcher-kva.example\n"),
	    ST_OK);
	ck_assert_str_eq(pol.mx[1], "*.example.com");
	ck_assert_str_eq(pol.mx[2], "xn--bcher-kva.example");
}
END_TEST

static char *
many_mx(unsigned n)
{
	char *body = need(talloc_strdup(mem,
	    HEAD "mode: enforce\nmax_age: 1\n"));

	for (unsigned i = 0; i < n; i++)
		body = need(talloc_asprintf_append(body, "mx: m%u.example\n",
		    i));
	return body;
}

START_TEST(sts_policy_parse_bounds_what_a_peer_costs)
{
	char *body;

	ck_assert_int_eq(parse(many_mx(STS_MAX_MX)), ST_OK);
	ck_assert_uint_eq(pol.mx_count, STS_MAX_MX);
	ck_assert_int_eq(parse(many_mx(STS_MAX_MX + 1)), ST_LIMIT);
	body = need(talloc_zero_size(mem, STS_BODY_MAX_BYTES + 1));
	memset(body, '\n', STS_BODY_MAX_BYTES + 1);
	memcpy(body, GOOD, strlen(GOOD));
	ck_assert_int_eq(sts_policy_parse(mem,
			     span_of(body, STS_BODY_MAX_BYTES), &pol, &why),
	    ST_OK);
	ck_assert_int_eq(sts_policy_parse(mem,
			     span_of(body, STS_BODY_MAX_BYTES + 1), &pol, &why),
	    ST_LIMIT);
}
END_TEST

START_TEST(sts_policy_parse_bears_nul_bytes)
{
	static const char body[] = "version: STSv1\0\nmode: none\nmax_age: 1\n";
	static const char mx[] = GOOD "mx: a\0.example\n";

	ck_assert_int_eq(sts_policy_parse(mem, span_of(body, sizeof(body) - 1),
			     &pol, &why),
	    ST_SYNTAX);
	ck_assert_int_eq(sts_policy_parse(mem, span_of(mx, sizeof(mx) - 1),
			     &pol, NULL),
	    ST_SYNTAX);
}
END_TEST

START_TEST(sts_32_a_star_matches_exactly_one_label)
{
	ck_assert_int_eq(parse(HEAD "mode: enforce\nmax_age: 1\n"
				    "mx: *.example.com\nmx: mx.example.net\n"),
	    ST_OK);
	ck_assert(sts_policy_matches(&pol, "a.example.com"));
	ck_assert(sts_policy_matches(&pol, "A.EXAMPLE.com"));
	ck_assert(sts_policy_matches(&pol, "mx.example.net"));
	ck_assert(!sts_policy_matches(&pol, "example.com"));
	ck_assert(!sts_policy_matches(&pol, "a.b.example.com"));
	ck_assert(!sts_policy_matches(&pol, "b.mx.example.net"));
	ck_assert(!sts_policy_matches(&pol, "example.net"));
	ck_assert(!sts_policy_matches(&pol, "aexample.com"));
	ck_assert(!sts_policy_matches(&pol, ".example.com"));
	ck_assert(!sts_policy_matches(&pol, ""));
}
END_TEST

START_TEST(dns_34_a_name_with_an_underscore_matches_no_pattern)
{
	ck_assert_int_eq(parse(GOOD "mx: *.example.com\n"), ST_OK);
	ck_assert(sts_policy_matches(&pol, "mx1.example.com"));
	ck_assert(!sts_policy_matches(&pol, "mx_1.example.com"));
}
END_TEST

/* RFC 8460 4.5: "each line of the policy", errors and all. */
START_TEST(rpt_21_the_lines_of_a_policy_are_kept_as_published)
{
	char *body;

	ck_assert_int_eq(parse("version: STSv1\r\nmode:  testing\r\n"
			       "x-new:\tq\xff\r\nmx: A.example\r\n\r\n"
			       "max_age: 1"),
	    ST_OK);
	ck_assert_str_eq(pol.text, "version: STSv1\nmode:  testing\n"
				   "x-new:?q?\nmx: A.example\nmax_age: 1\n");
	/* what has no room goes line by line, from there on */
	body = talloc_asprintf(mem, "%sx: %08100d\ny: %0100d\nz: 1\n", GOOD, 0,
	    0);
	ck_assert_int_eq(parse(body), ST_OK);
	ck_assert_uint_le(strlen(pol.text), STS_TEXT_MAX_BYTES);
	ck_assert_uint_gt(strlen(pol.text), 8000);
	ck_assert_ptr_null(strstr(pol.text, "z: 1"));
}
END_TEST

START_TEST(sts_policy_copy_owns_its_strings)
{
	TALLOC_CTX *a = talloc_new(NULL), *b = talloc_new(NULL);
	struct sts_policy from, to;

	ck_assert_int_eq(sts_policy_parse(a, span_str(GOOD), &from, &why),
	    ST_OK);
	sts_policy_copy(b, &from, &to);
	talloc_free(a);
	ck_assert_str_eq(to.mx[0], "mx.example");
	ck_assert_str_eq(to.text, GOOD);
	ck_assert_int_eq(to.mode, STS_ENFORCE);
	ck_assert_uint_eq(to.max_age_s, 86400);
	talloc_free(b);
	ck_assert_str_eq(sts_mode_name(STS_NONE), "none");
	ck_assert_str_eq(sts_mode_name(STS_TESTING), "testing");
	ck_assert_str_eq(sts_mode_name(STS_ENFORCE), "enforce");
}
END_TEST

/* What would be another line of a log, or of a header, is no host. */
START_TEST(b3_6_control_bytes_and_quotes_in_a_policy_refuse_it)
{
	const struct span hostile[] = {
		SPAN_LIT("mx.example\rX: y"),
		SPAN_LIT("mx.example\033[2J"),
		SPAN_LIT("mx.exa\0mple"),
		SPAN_LIT("mx\".example"),
		SPAN_LIT("mx.example\x7f"),
		SPAN_LIT("mx.\xc3\xbc.example"),
		SPAN_LIT("mx.example event=delivered"),
	};
	struct sbuf b;

	for (size_t i = 0; i < COUNT_OF(hostile); i++) {
		sbuf_init(&b, mem, 1024);
		sbuf_str(&b, "version: STSv1\nmode: enforce\nmax_age: 1\nmx: ");
		sbuf_span(&b, hostile[i]);
		sbuf_str(&b, "\n");
		ck_assert_msg(sts_policy_parse(mem, sbuf_view(&b), &pol,
				  &why) != ST_OK,
		    "%zu", i);
		/* And what is said of it is one line of plain text. */
		for (const char *c = why.text; *c != '\0'; c++)
			ck_assert_int_ge(*c, ' ');
	}
}
END_TEST

START_TEST(b3_6_ten_thousand_hosts_refuse_a_policy)
{
	struct sbuf b;

	sbuf_init(&b, mem, (size_t)1 << 20);
	sbuf_str(&b, "version: STSv1\nmode: enforce\nmax_age: 1\n");
	for (unsigned i = 0; i < 10000; i++)
		sbuf_printf(&b, "mx: mx%u.example\n", i);
	ck_assert_int_eq(sts_policy_parse(mem, sbuf_view(&b), &pol, &why),
	    ST_LIMIT);
}
END_TEST

START_TEST(b3_6_control_bytes_in_a_record_are_no_id)
{
	const struct span hostile[] = {
		SPAN_LIT("v=STSv1; id=a\rb;"),
		SPAN_LIT("v=STSv1; id=a\nb;"),
		SPAN_LIT("v=STSv1; id=a\033b;"),
		SPAN_LIT("v=STSv1; id=a\0b;"),
		SPAN_LIT("v=STSv1; id=\"a\";"),
	};

	for (size_t i = 0; i < COUNT_OF(hostile); i++) {
		ck_assert_int_ne(sts_txt_pick(&hostile[i], 1, id, &why), ST_OK);
		for (const char *c = why.text; *c != '\0'; c++)
			ck_assert_int_ge(*c, ' ');
	}
}
END_TEST

/* ---- cache ---- */

#define START  1000000000000 /* ms */
#define DELAY  300000        /* sts.retry-delay */
#define DAY_MS 86400000

static struct wall
at(int64_t s)
{
	return (struct wall){ START + 1000 * s };
}

static struct sts_entry
cached(enum sts_mode mode, uint32_t max_age_s)
{
	struct sts_policy p = { .mode = mode,
		.max_age_s = max_age_s,
		.mx_count = 1,
		.mx = { "mx.example" } };
	struct sts_entry e = { .domain = "example" };

	sts_cache_fetched(mem, &e, "one", &p, at(0));
	return e;
}

static enum sts_step
step(const struct sts_entry *e, enum sts_txt_result txt, const char *txt_id,
    int64_t s)
{
	return sts_cache_step(e, txt, txt_id, at(s), DELAY);
}

START_TEST(sts_44_first_contact_is_a_fetch)
{
	struct sts_entry nothing = { .domain = "example" };

	ck_assert_int_eq(step(NULL, STS_TXT_ID, "one", 0), STS_STEP_FETCH);
	ck_assert_int_eq(step(&nothing, STS_TXT_ID, "one", 0), STS_STEP_FETCH);
}
END_TEST

START_TEST(sts_08_inv_12_a_policy_binds_although_its_txt_is_gone)
{
	struct sts_entry e = cached(STS_ENFORCE, 1000);

	ck_assert_int_eq(step(&e, STS_TXT_ABSENT, "", 1), STS_STEP_USE_STALE);
	ck_assert_int_eq(step(&e, STS_TXT_ABSENT, "", 999), STS_STEP_USE_STALE);
	ck_assert_int_eq(step(&e, STS_TXT_ABSENT, "", 1000), STS_STEP_ABSENT);
	ck_assert_int_eq(step(NULL, STS_TXT_ABSENT, "", 0), STS_STEP_ABSENT);
}
END_TEST

START_TEST(sts_09_a_failed_txt_lookup_is_not_absence)
{
	struct sts_entry e = cached(STS_ENFORCE, 1000);

	ck_assert_int_eq(step(NULL, STS_TXT_ERROR, "", 0), STS_STEP_UNKNOWN);
	ck_assert_int_eq(step(&e, STS_TXT_ERROR, "", 999), STS_STEP_USE_STALE);
	ck_assert_int_eq(step(&e, STS_TXT_ERROR, "", 1000), STS_STEP_UNKNOWN);
}
END_TEST

START_TEST(sts_16_a_failed_id_rests_and_another_does_not)
{
	struct sts_entry e = { .domain = "example" };

	sts_cache_fetch_failed(&e, "one", at(0));
	ck_assert_int_eq(step(&e, STS_TXT_ID, "one", 0), STS_STEP_UNAVAILABLE);
	ck_assert_int_eq(step(&e, STS_TXT_ID, "one", 299),
	    STS_STEP_UNAVAILABLE);
	ck_assert_int_eq(step(&e, STS_TXT_ID, "one", 300), STS_STEP_FETCH);
	ck_assert_int_eq(step(&e, STS_TXT_ID, "two", 1), STS_STEP_FETCH);
	/* A clock put back does not make the rest longer. */
	ck_assert_int_eq(step(&e, STS_TXT_ID, "one", -1), STS_STEP_FETCH);
}
END_TEST

START_TEST(sts_17_without_a_cache_a_failed_fetch_is_unavailable)
{
	struct sts_entry e = cached(STS_ENFORCE, 10);

	sts_cache_fetch_failed(&e, "two", at(9));
	ck_assert_int_eq(step(&e, STS_TXT_ID, "two", 9), STS_STEP_USE_STALE);
	ck_assert_int_eq(step(&e, STS_TXT_ID, "two", 10), STS_STEP_UNAVAILABLE);
}
END_TEST

START_TEST(sts_18_a_failed_fetch_leaves_the_policy_as_it_is)
{
	struct sts_entry e = cached(STS_ENFORCE, 1000);

	sts_cache_fetch_failed(&e, "two", at(500));
	ck_assert(e.has_policy);
	ck_assert_str_eq(e.id, "one");
	ck_assert_int_eq(e.policy.mode, STS_ENFORCE);
	ck_assert_str_eq(e.policy.mx[0], "mx.example");
	ck_assert_int_eq(e.fetched.ms, at(0).ms);
	ck_assert_int_eq(step(&e, STS_TXT_ID, "two", 501), STS_STEP_USE_STALE);
	ck_assert_int_eq(step(&e, STS_TXT_ID, "one", 501), STS_STEP_USE_CACHE);
	ck_assert_int_eq(step(&e, STS_TXT_ID, "two", 800), STS_STEP_FETCH);
}
END_TEST

START_TEST(sts_25_max_age_0_is_never_live)
{
	struct sts_entry e = cached(STS_ENFORCE, 0);

	ck_assert(!sts_cache_live(&e, at(0)));
	ck_assert_int_eq(step(&e, STS_TXT_ID, "one", 0), STS_STEP_FETCH);
	ck_assert(!sts_cache_refresh_due(&e, at(DAY_MS / 1000), DAY_MS));
}
END_TEST

/* Seeing the id again does not extend the life; only a fetch does. */
START_TEST(sts_26_life_counts_from_the_last_fetch)
{
	struct sts_entry e = cached(STS_ENFORCE, 1000);
	struct sts_policy p = e.policy;

	ck_assert_int_eq(step(&e, STS_TXT_ID, "one", 900), STS_STEP_USE_CACHE);
	ck_assert(sts_cache_live(&e, at(999)));
	ck_assert(!sts_cache_live(&e, at(1000)));
	ck_assert_int_eq(step(&e, STS_TXT_ID, "one", 1000), STS_STEP_FETCH);
	e = cached(STS_ENFORCE, 1000);
	p.mx_count = 0;
	sts_cache_fetched(mem, &e, "one", &p, at(900));
	ck_assert(sts_cache_live(&e, at(1899)));
	ck_assert(!sts_cache_live(&e, at(1900)));
}
END_TEST

START_TEST(sts_27_a_cached_policy_is_refreshed_daily_whatever_its_mode)
{
	struct sts_entry e = cached(STS_ENFORCE, STS_MAX_AGE_S);
	struct sts_entry none = cached(STS_NONE, STS_MAX_AGE_S);
	struct sts_entry nothing = { .domain = "example" };

	ck_assert(!sts_cache_refresh_due(&e, at(86400 / 8 * 7 - 1), DAY_MS));
	ck_assert(sts_cache_refresh_due(&e, at(86400), DAY_MS));
	ck_assert(sts_cache_refresh_due(&none, at(86400), DAY_MS));
	ck_assert(!sts_cache_refresh_due(&nothing, at(86400), DAY_MS));
	ck_assert(!sts_cache_refresh_due(&e, at(STS_MAX_AGE_S), DAY_MS));
	ck_assert(!sts_cache_live(NULL, at(0)));
}
END_TEST

START_TEST(sts_27_inv_12_a_short_policy_is_refreshed_before_it_ends)
{
	struct sts_entry e = cached(STS_ENFORCE, 7200);
	struct sts_entry brief = cached(STS_ENFORCE, 400);
	struct sts_entry briefer = cached(STS_ENFORCE, 299);

	ck_assert(!sts_cache_refresh_due(&e, at(3600 / 8 * 7 - 1), DAY_MS));
	ck_assert(sts_cache_refresh_due(&e, at(3600), DAY_MS));
	ck_assert(sts_cache_refresh_due(&e, at(60), 60000));
	/* But a peer cannot have itself polled all the time. */
	ck_assert(!sts_cache_refresh_due(&brief, at(299), DAY_MS));
	ck_assert(sts_cache_refresh_due(&brief, at(300), DAY_MS));
	for (int s = 0; s < 400; s++)
		ck_assert(!sts_cache_refresh_due(&briefer, at(s), DAY_MS));
}
END_TEST

/* "spread out": fetched in one second, they are not due in one again. */
START_TEST(sts_27_refreshes_of_many_domains_are_spread_out)
{
	unsigned due_first = 0, due_half = 0;
	char domain[32];

	for (unsigned i = 0; i < 1000; i++) {
		struct sts_entry e = cached(STS_ENFORCE, STS_MAX_AGE_S);

		snprintf(domain, sizeof(domain), "d%u.example", i);
		e.domain = domain;
		due_first += sts_cache_refresh_due(&e, at(75660), DAY_MS);
		due_half += sts_cache_refresh_due(&e, at(81000), DAY_MS);
		ck_assert(sts_cache_refresh_due(&e, at(86400), DAY_MS));
	}
	ck_assert_uint_lt(due_first, 50);
	ck_assert_uint_gt(due_half, 400);
	ck_assert_uint_lt(due_half, 600);
}
END_TEST

static enum sts_alarm
alarm_at(const struct sts_entry *e, int64_t s)
{
	return sts_cache_alarm(e, at(s), DAY_MS);
}

START_TEST(sts_28_a_refresh_that_fails_for_two_days_is_told_long_before_expiry)
{
	struct sts_entry e = cached(STS_ENFORCE, 30 * 86400);

	ck_assert_int_eq(alarm_at(&e, 29 * 86400), STS_ALARM_NONE);
	sts_cache_fetch_failed(&e, "one", at(86400));
	ck_assert_int_eq(alarm_at(&e, 2 * 86400 - 1), STS_ALARM_NONE);
	ck_assert_int_eq(alarm_at(&e, 2 * 86400), STS_ALARM_WARN);
	ck_assert_int_eq(alarm_at(&e, 22 * 86400), STS_ALARM_WARN);
	ck_assert_int_eq(alarm_at(&e, 23 * 86400), STS_ALARM_ERROR);
	ck_assert_int_eq(alarm_at(&e, 30 * 86400), STS_ALARM_ENDED);
}
END_TEST

START_TEST(sts_28_a_short_policy_is_told_of_before_its_last_quarter)
{
	struct sts_entry e = cached(STS_ENFORCE, 86400);
	struct sts_entry testing = cached(STS_TESTING, 86400);

	sts_cache_fetch_failed(&e, "one", at(43200));
	sts_cache_fetch_failed(&testing, "one", at(43200));
	ck_assert_int_eq(alarm_at(&e, 64799), STS_ALARM_NONE);
	ck_assert_int_eq(alarm_at(&e, 64800), STS_ALARM_ERROR);
	/* Nothing is enforced, so nobody must hurry. */
	ck_assert_int_eq(alarm_at(&testing, 64800), STS_ALARM_WARN);
	ck_assert_int_eq(alarm_at(&testing, 86400), STS_ALARM_NONE);
}
END_TEST

START_TEST(sts_28_nothing_is_told_of_mode_none)
{
	struct sts_entry e = cached(STS_NONE, 30 * 86400);

	sts_cache_fetch_failed(&e, "one", at(86400));
	for (int day = 1; day < 40; day++)
		ck_assert_int_eq(alarm_at(&e, (int64_t)day * 86400),
		    STS_ALARM_NONE);
}
END_TEST

START_TEST(inv_12_a_policy_in_force_that_enforces_ranks_above_all_others)
{
	struct sts_entry ended = cached(STS_ENFORCE, 10);
	struct sts_entry none = cached(STS_NONE, 1000);
	struct sts_entry testing = cached(STS_TESTING, 1000);
	struct sts_entry enforce = cached(STS_ENFORCE, 1000);

	ck_assert_uint_lt(sts_cache_rank(&ended, at(100)),
	    sts_cache_rank(&none, at(100)));
	ck_assert_uint_lt(sts_cache_rank(&none, at(100)),
	    sts_cache_rank(&testing, at(100)));
	ck_assert_uint_lt(sts_cache_rank(&testing, at(100)), STS_RANK_BINDS);
	ck_assert_uint_eq(sts_cache_rank(&enforce, at(100)), STS_RANK_BINDS);
}
END_TEST

START_TEST(sts_29_any_other_id_is_fetched_also_an_older_looking_one)
{
	struct sts_entry e = cached(STS_ENFORCE, 1000);

	ck_assert_int_eq(step(&e, STS_TXT_ID, "one", 1), STS_STEP_USE_CACHE);
	ck_assert_int_eq(step(&e, STS_TXT_ID, "two", 1), STS_STEP_FETCH);
	ck_assert_int_eq(step(&e, STS_TXT_ID, "0", 1), STS_STEP_FETCH);
	ck_assert_int_eq(step(&e, STS_TXT_ID, "ONE", 1), STS_STEP_FETCH);
}
END_TEST

START_TEST(sts_31_a_fetched_none_replaces_what_was_enforced)
{
	struct sts_policy none = { .mode = STS_NONE, .max_age_s = 500 };
	struct sts_entry e = cached(STS_ENFORCE, 1000);

	sts_cache_fetch_failed(&e, "two", at(5));
	sts_cache_fetched(mem, &e, "two", &none, at(10));
	ck_assert_int_eq(e.policy.mode, STS_NONE);
	ck_assert_uint_eq(e.policy.mx_count, 0);
	ck_assert_str_eq(e.id, "two");
	ck_assert_str_eq(e.failed_id, "");
	ck_assert_int_eq(e.failed_at.ms, 0);
	ck_assert_int_eq(step(&e, STS_TXT_ID, "two", 11), STS_STEP_USE_CACHE);
	ck_assert_int_eq(step(&e, STS_TXT_ABSENT, "", 11), STS_STEP_USE_STALE);
	ck_assert(!sts_cache_live(&e, at(510)));
}
END_TEST

START_TEST(sts_cache_fetched_frees_what_it_replaces)
{
	struct sts_entry *e = need(talloc_zero(mem, struct sts_entry));
	struct sts_policy p = { .mode = STS_ENFORCE,
		.max_age_s = 1000,
		.mx_count = 2,
		.mx = { "mx.example", "*.example" } };
	size_t blocks;

	sts_cache_fetched(e, e, "one", &p, at(0));
	blocks = talloc_total_blocks(e);
	for (int i = 1; i < 100; i++)
		sts_cache_fetched(e, e, "one", &p, at(i));
	ck_assert_uint_eq(talloc_total_blocks(e), blocks);
	ck_assert_str_eq(e->policy.mx[1], "*.example");
}
END_TEST

static void
add_all(TCase *tc, const TTest *const *tests, size_t count)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tc, tests[i]);
}

int
main(void)
{
	const TTest *const txt[] = {
		sts_06_the_id_of_a_valid_record_is_picked,
		sts_06_a_syntax_error_is_no_policy,
		sts_05_records_of_other_kinds_are_discarded,
		sts_05_anything_but_exactly_one_record_is_no_policy,
		sts_07_blanks_before_the_delimiter_count_as_version,
		sts_txt_pick_bears_nul_and_high_bytes,
	};
	const TTest *const policy[] = {
		sts_20_lines_end_in_lf_or_crlf,
		sts_20_blanks_after_the_colon_and_before_the_end_are_optional,
		sts_20_keys_version_and_mode_are_case_sensitive,
		sts_21_each_field_is_required_and_mx_unless_none,
		sts_21_a_line_without_a_colon_breaks_the_policy,
		sts_22_the_first_of_a_repeated_key_counts,
		sts_22_unknown_keys_are_ignored_and_order_is_free,
		sts_23_max_age_is_capped_and_not_refused,
		sts_23_max_age_is_1_to_10_digits,
		sts_24_an_mx_is_a_domain_or_one_star_before_it,
		sts_policy_parse_bounds_what_a_peer_costs,
		sts_policy_parse_bears_nul_bytes,
		sts_32_a_star_matches_exactly_one_label,
		dns_34_a_name_with_an_underscore_matches_no_pattern,
		rpt_21_the_lines_of_a_policy_are_kept_as_published,
		sts_policy_copy_owns_its_strings,
		b3_6_control_bytes_and_quotes_in_a_policy_refuse_it,
		b3_6_ten_thousand_hosts_refuse_a_policy,
		b3_6_control_bytes_in_a_record_are_no_id,
	};
	const TTest *const cache[] = {
		sts_44_first_contact_is_a_fetch,
		sts_08_inv_12_a_policy_binds_although_its_txt_is_gone,
		sts_09_a_failed_txt_lookup_is_not_absence,
		sts_16_a_failed_id_rests_and_another_does_not,
		sts_17_without_a_cache_a_failed_fetch_is_unavailable,
		sts_18_a_failed_fetch_leaves_the_policy_as_it_is,
		sts_25_max_age_0_is_never_live,
		sts_26_life_counts_from_the_last_fetch,
		sts_27_a_cached_policy_is_refreshed_daily_whatever_its_mode,
		sts_27_inv_12_a_short_policy_is_refreshed_before_it_ends,
		sts_27_refreshes_of_many_domains_are_spread_out,
		sts_28_a_refresh_that_fails_for_two_days_is_told_long_before_expiry,
		sts_28_a_short_policy_is_told_of_before_its_last_quarter,
		sts_28_nothing_is_told_of_mode_none,
		inv_12_a_policy_in_force_that_enforces_ranks_above_all_others,
		sts_29_any_other_id_is_fetched_also_an_older_looking_one,
		sts_31_a_fetched_none_replaces_what_was_enforced,
		sts_cache_fetched_frees_what_it_replaces,
	};
	Suite *s = suite_create("sts");
	TCase *tc[] = { tcase_create("txt"), tcase_create("policy"),
		tcase_create("cache") };
	SRunner *r = srunner_create(s);
	int failed;

	add_all(tc[0], txt, COUNT_OF(txt));
	add_all(tc[1], policy, COUNT_OF(policy));
	add_all(tc[2], cache, COUNT_OF(cache));
	for (size_t i = 0; i < COUNT_OF(tc); i++)
		suite_add_tcase(s, tc[i]);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
