/* SPDX-License-Identifier: BSD-2-Clause */
/* Periods, tables, pages, charts, and what is judged of a regime. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "report/compliance.h"
#include "report/html.h"
#include "report/lists.h"
#include "report/period.h"
#include "tests/report_records.h"

static TALLOC_CTX *mem;
static struct sbuf out;

static void
setup(void)
{
	mem = talloc_new(NULL);
	sbuf_init(&out, mem, TABLE_MAX_BYTES);
}

static void
teardown(void)
{
	talloc_free(mem);
}

/* ---- periods ---- */

START_TEST(a_period_is_a_year_a_quarter_or_a_month)
{
	static const struct {
		const char *text, *since, *until;
	} good[] = {
		{ "2026", "2026-01-01", "2027-01-01" },
		{ "2026-Q1", "2026-01-01", "2026-04-01" },
		{ "2026-Q4", "2026-10-01", "2027-01-01" },
		{ "2026-11", "2026-11-01", "2026-12-01" },
		{ "2026-12", "2026-12-01", "2027-01-01" },
		{ "2028-02", "2028-02-01", "2028-03-01" },
	};

	for (size_t i = 0; i < COUNT_OF(good); i++) {
		struct wall since, until;
		struct period p;

		ck_assert_int_eq(period_parse(span_str(good[i].text), &p),
		    ST_OK);
		ck_assert_int_eq(wall_parse(span_str(good[i].since), &since),
		    ST_OK);
		ck_assert_int_eq(wall_parse(span_str(good[i].until), &until),
		    ST_OK);
		ck_assert_int_eq(p.since.ms, since.ms);
		ck_assert_int_eq(p.until.ms, until.ms);
	}
}
END_TEST

START_TEST(anything_else_is_no_period)
{
	static const char *const bad[] = { "", "202", "20260", "2026-",
		"2026-1", "2026-13", "2026-00", "2026-Q0", "2026-Q5", "2026-QQ",
		"2026/11", "2026-11-", "1969", "abcd", "2026-1x", "9999-12" };

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct period p;

		ck_assert_msg(period_parse(span_str(bad[i]), &p) == ST_SYNTAX,
		    "%s", bad[i]);
	}
}
END_TEST

/* ---- tables ---- */

static const struct table_column columns[] = {
	{ "name", "name", 6, false, false },
	{ "count", "count", 5, true, false },
	{ "note", "note", 0, false, true },
};

static const char *
table(enum table_form form, const char *name, const char *note)
{
	struct table t;

	sbuf_reset(&out);
	table_begin(&t, &out, form, columns, COUNT_OF(columns));
	table_text(&t, name);
	table_count(&t, 5);
	table_text(&t, note);
	table_end(&t);
	return sbuf_cstr(&out);
}

/* RFC 4180 2: CRLF ends a record; 2.6, 2.7: quotes around, and doubled. */
START_TEST(csv_is_as_rfc_4180_has_it)
{
	ck_assert_str_eq(table(TABLE_CSV, "a,b", "say \"x\"\nno"),
	    "name,count,note\r\n\"a,b\",5,\"say \"\"x\"\"\nno\"\r\n");
	ck_assert_str_eq(table(TABLE_CSV, "plain", ""),
	    "name,count,note\r\nplain,5,\r\n");
}
END_TEST

START_TEST(csv_holds_no_formula_for_a_spreadsheet)
{
	static const char *const evil[] = { "=1+1", "+1", "-1", "@SUM(A1)",
		"\t=1" };

	for (size_t i = 0; i < COUNT_OF(evil); i++) {
		sbuf_reset(&out);
		table_csv_field(&out, evil[i]);
		ck_assert_str_eq(sbuf_cstr(&out),
		    talloc_asprintf(mem, "'%s", evil[i]));
	}
	sbuf_reset(&out);
	table_csv_field(&out, "=HYPERLINK(\"x\",\"y\")");
	ck_assert_str_eq(sbuf_cstr(&out),
	    "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"");
}
END_TEST

START_TEST(json_of_a_table_is_json_whatever_is_in_it)
{
	json_t *j = json_loads(table(TABLE_JSON, "a\"\\\n\x01", "\xff\xc3\xbc"),
	    0, NULL);
	const json_t *row = json_array_get(j, 0);

	ck_assert_ptr_nonnull(j);
	ck_assert_uint_eq(json_array_size(j), 1);
	ck_assert_str_eq(json_string_value(json_object_get(row, "name")),
	    "a\"\\\n\x01");
	ck_assert_int_eq(json_integer_value(json_object_get(row, "count")), 5);
	ck_assert_str_eq(json_string_value(json_object_get(row, "note")),
	    "\xef\xbf\xbd\xc3\xbc");
	json_decref(j);
}
END_TEST

START_TEST(a_page_leaves_out_what_is_for_programs)
{
	const char *page = table(TABLE_HTML, "<a>", "secret");

	ck_assert_ptr_nonnull(strstr(page, "<td>&lt;a&gt;</td>"));
	ck_assert_ptr_null(strstr(page, "secret"));
	ck_assert_ptr_null(strstr(page, "note"));
}
END_TEST

/* ---- pages ---- */

START_TEST(text_of_a_page_is_escaped)
{
	html_text(&out, "<script>&\"'\x1b\xff\xc3\xbc");
	ck_assert_str_eq(sbuf_cstr(&out),
	    "&lt;script&gt;&amp;&quot;&#39;\xef\xbf\xbd\xef\xbf\xbd\xc3\xbc");
}
END_TEST

START_TEST(a_page_loads_nothing_and_runs_nothing)
{
	const char *page;

	html_begin(&out, "t");
	html_end(&out);
	page = sbuf_cstr(&out);
	ck_assert_ptr_nonnull(strstr(page, "default-src 'none'"));
	ck_assert_ptr_null(strstr(page, "<script"));
	ck_assert_ptr_null(strstr(page, "http://"));
	ck_assert_ptr_null(strstr(page, "https://"));
	ck_assert_ptr_null(strstr(page, "src="));
	ck_assert_ptr_null(strstr(page, "@import"));
	ck_assert_ptr_null(strstr(page, "url("));
}
END_TEST

/* As strcspn(), without a look at all the rest of a long text. */
static size_t
until(const char *p, char a, char b)
{
	size_t n = 0;

	while (p[n] != '\0' && p[n] != a && p[n] != b)
		n++;
	return n;
}

/*
 * Well-formed as XML 1.0 has it, as far as is written here: tags nest,
 * attributes are quoted, no bare & or <.  Returns the elements.
 */
static size_t
well_formed(const char *text)
{
	const char *open[32];
	size_t depth = 0, elements = 0;

	for (const char *p = text; *p != '\0'; p++) {
		size_t n;
		const char *end;

		ck_assert(*p != '>');
		if (*p == '&')
			ck_assert(until(p, ';', ';') <= strlen("&quot;"));
		if (*p != '<')
			continue;
		if (p[1] == '/') {
			n = until(p + 2, '>', '>');
			ck_assert_uint_gt(depth, 0);
			ck_assert(strncmp(open[--depth], p + 2, n) == 0);
			p += n + 2;
			continue;
		}
		elements++;
		for (end = p; *end != '>'; end++) {
			ck_assert(*end != '\0');
			if (*end != '=')
				continue;
			ck_assert_int_eq(end[1], '"');
			end += 2 + until(end + 2, '"', '<');
			ck_assert_int_eq(*end, '"');
		}
		if (end[-1] != '/') {
			ck_assert_uint_lt(depth, COUNT_OF(open));
			open[depth++] = p + 1;
		}
		p = end;
	}
	ck_assert_uint_eq(depth, 0);
	return elements;
}

static const struct html_series series[] = { { "good & <fine>", TONE_GOOD },
	{ "bad", TONE_BAD } };

static const char *
columns_of(size_t count, uint64_t most)
{
	const char **label = talloc_array(mem, const char *, (unsigned)count);
	uint64_t *value = talloc_array(mem, uint64_t, (unsigned)(2 * count));

	for (size_t i = 0; i < count; i++) {
		label[i] = "<2026>";
		value[2 * i] = most;
		value[2 * i + 1] = i % 2;
	}
	sbuf_reset(&out);
	html_columns(&out, "\"t\"", series, 2, label, count, value);
	return sbuf_cstr(&out);
}

START_TEST(charts_of_any_number_of_columns_are_well_formed)
{
	static const size_t count[] = { 1, 2, 30, 92, 3000 };

	for (size_t i = 0; i < COUNT_OF(count); i++)
		ck_assert_uint_gt(well_formed(columns_of(count[i], 7)),
		    count[i]);
	(void)well_formed(columns_of(3, 0));
	(void)well_formed(columns_of(3, UINT64_C(1) << 60));
}
END_TEST

START_TEST(labels_of_many_columns_do_not_run_into_each_other)
{
	const char *page = columns_of(3000, 1);
	size_t labels = 0;

	while ((page = strstr(page, "text-anchor=\"middle\"")) != NULL) {
		labels++;
		page++;
	}
	ck_assert_uint_ge(labels, 2);
	ck_assert_uint_le(labels, 12);
}
END_TEST

START_TEST(shares_are_well_formed_and_nothing_without_values)
{
	const uint64_t none[2] = { 0, 0 }, some[2] = { 1, 1000000 };

	html_shares(&out, "t", series, 2, none);
	ck_assert_uint_eq(out.n, 0);
	html_shares(&out, "t", series, 2, some);
	ck_assert_uint_gt(well_formed(sbuf_cstr(&out)), 4);
}
END_TEST

/* ---- regimes ---- */

static const char *const regimes[] = { "bsi-tr-03108", "nist-800-177",
	"nl-forum", "ncsc-uk", "hipaa", "pci" };

static struct figures *f;
static struct compliance c;

static void
begin(const char *more)
{
	struct conf_mistakes mistakes = { .mem = mem };

	f = figures_new(mem, (struct wall){ NOON - DAY },
	    (struct wall){ NOON + 3 * DAY });
	c = (struct compliance){ .regime = regime_find("pci"),
		.period = "2026-11",
		.now = { NOON },
		.version = "1",
		.max_rows = 2,
		.f = f,
		.chain = { .verified = true, .broken = "" } };
	c.conf = conf_read_text(mem, "t",
	    talloc_asprintf(mem,
		"hostname = \"gw.example.org\"; listen = ( { address = "
		"\"127.0.0.1:2525\"; allow = [\"127.0.0.0/8\"]; } ); %s",
		more),
	    c.now, true, &mistakes);
	ck_assert_msg(c.conf != NULL, "%s",
	    mistakes.count > 0 ? mistakes.text[0] : "");
}

static void
take(struct evidence e)
{
	figures_add(f, f->records + 1, &e);
}

/* The verdict on what the common points ask in these words. */
static enum verdict_kind
verdict(const char *asks)
{
	for (size_t i = 0; i < regime_common.points; i++)
		if (strstr(regime_common.point[i].asks, asks) != NULL)
			return regime_judge(mem, &regime_common.point[i], &c)
			    .kind;
	ck_abort_msg("no point asks %s", asks);
	return VERDICT_OUTSIDE;
}

START_TEST(each_regime_is_found_and_each_point_judged)
{
	begin("");
	for (size_t r = 0; r < COUNT_OF(regimes); r++) {
		const struct regime *g = regime_find(regimes[r]);

		ck_assert_ptr_nonnull(g);
		ck_assert_ptr_nonnull(strstr(regime_names(), regimes[r]));
		for (size_t i = 0; i < g->points; i++) {
			struct verdict v = regime_judge(mem, &g->point[i], &c);

			ck_assert(v.text != NULL && *v.text != '\0');
			ck_assert((g->point[i].judge == NULL) ==
				  (v.kind == VERDICT_OUTSIDE));
			/* of nothing, nothing but tidiness is shown */
			ck_assert(v.kind != VERDICT_SHOWN ||
				  strstr(v.text, "No exception") != NULL ||
				  strstr(v.text, "trust anchors") != NULL);
		}
	}
	ck_assert_ptr_null(regime_find("none"));
}
END_TEST

START_TEST(a_none_is_shown_only_by_records_of_an_unbroken_chain)
{
	begin("");
	ck_assert_int_eq(verdict("unencrypted"), VERDICT_NOT_SHOWN);
	take(record("a.example", NOON));
	ck_assert_int_eq(verdict("unencrypted"), VERDICT_SHOWN);
	c.chain.verified = false;
	ck_assert_int_eq(verdict("unencrypted"), VERDICT_PARTLY);
	c.chain.verified = true;
	c.damaged = true;
	ck_assert_int_eq(verdict("unencrypted"), VERDICT_PARTLY);
}
END_TEST

START_TEST(clear_text_by_exception_is_partly_and_without_not_shown)
{
	struct evidence e = in_clear("a.example", NOON);

	begin("");
	e.exception = "x";
	take(e);
	ck_assert_int_eq(verdict("unencrypted"), VERDICT_PARTLY);
	e.exception = "";
	take(e);
	ck_assert_int_eq(verdict("unencrypted"), VERDICT_NOT_SHOWN);
	ck_assert_int_eq(verdict("not authenticated"), VERDICT_NOT_SHOWN);
	take(record("b.example", NOON));
	ck_assert_int_eq(verdict("not authenticated"), VERDICT_PARTLY);
}
END_TEST

START_TEST(a_chain_without_signed_checkpoint_is_partly_whole)
{
	begin("");
	c.chain.records = 1;
	ck_assert_int_eq(verdict("Integrity"), VERDICT_PARTLY);
	c.chain.checkpoints = 1;
	ck_assert_int_eq(verdict("Integrity"), VERDICT_SHOWN);
	c.chain.verified = false;
	ck_assert_int_eq(verdict("Integrity"), VERDICT_NOT_SHOWN);
}
END_TEST

START_TEST(a_self_test_counts_when_all_of_it_passed)
{
	static const char text[] =
	    "{\"time\":\"2026-11-24T00:00:00Z\",\"version\":\"1\","
	    "\"configuration\":\"00\",\"chain\":true,\"passed\":true,"
	    "\"tests\":[{\"name\":\"n\",\"about\":\"a\",\"must-be\":\"m\","
	    "\"section\":\"s\",\"passed\":%s}]}";
	struct diag why = { 0 };
	json_t *j;

	begin("");
	ck_assert_int_eq(verdict("Proof"), VERDICT_NOT_SHOWN);
	j = json_loads(talloc_asprintf(mem, text, "true"), 0, NULL);
	ck_assert_int_eq(compliance_selftest_read(mem, j, &c.selftest, &why),
	    ST_OK);
	json_decref(j);
	ck_assert_int_eq(verdict("Proof"), VERDICT_SHOWN);
	/* its own word for it is not taken */
	j = json_loads(talloc_asprintf(mem, text, "false"), 0, NULL);
	ck_assert_int_eq(compliance_selftest_read(mem, j, &c.selftest, &why),
	    ST_OK);
	json_decref(j);
	ck_assert_int_eq(verdict("Proof"), VERDICT_NOT_SHOWN);
	j = json_loads(talloc_asprintf(mem, text, "1"), 0, NULL);
	ck_assert_int_eq(compliance_selftest_read(mem, j, &c.selftest, &why),
	    ST_SYNTAX);
	json_decref(j);
}
END_TEST

START_TEST(the_register_has_exceptions_used_or_not)
{
	struct evidence e = in_clear("a.example", NOON);
	const char *text;

	begin("exceptions = ( { name = \"e\"; domains = [\"b.example\"]; "
	      "allow = \"plain\"; reason = \"r\"; approver = \"p\"; expires = "
	      "\"2026-12-24\"; ticket = \"T-1\"; } );");
	e.exception = "gone";
	take(e);
	list_register(f, c.conf);
	figures_end(f);
	(void)list_write(LIST_EXCEPTIONS, f, TABLE_CSV, UINT64_MAX, &out);
	text = sbuf_cstr(&out);
	ck_assert_ptr_nonnull(strstr(text, "e,b.example,plain,r,p,T-1,"));
	ck_assert_ptr_nonnull(strstr(text, "configured, not used"));
	ck_assert_ptr_nonnull(strstr(text, "no longer configured"));
}
END_TEST

START_TEST(the_report_escapes_what_records_hold)
{
	struct evidence e = kept_back("a.example", NOON);
	const char *page;
	json_t *j;

	e.why = "<img src=x onerror=alert(1)>";
	begin("");
	take(e);
	figures_end(f);
	compliance_html(mem, &c, &out);
	page = sbuf_cstr(&out);
	ck_assert_ptr_null(strstr(page, "<img"));
	ck_assert_ptr_null(strstr(page, "<script"));
	ck_assert_ptr_nonnull(strstr(page, "&lt;img src=x"));
	ck_assert_ptr_nonnull(strstr(page, "tlsa-mismatch"));
	sbuf_reset(&out);
	compliance_json(mem, &c, &out);
	j = json_loads(sbuf_cstr(&out), JSON_REJECT_DUPLICATES, NULL);
	ck_assert_ptr_nonnull(j);
	ck_assert_uint_eq(json_array_size(json_object_get(j, "blocked")), 1);
	ck_assert_uint_eq(json_array_size(json_object_get(j, "points")),
	    c.regime->points);
	json_decref(j);
}
END_TEST

START_TEST(a_page_has_so_many_rows_of_a_list_and_says_how_to_get_all)
{
	const char *page;

	begin("rules = ( { name = \"r1\"; domains = [\"x.example\"]; require = "
	      "\"verify\"; }, { name = \"r2\"; domains = [\"y.example\"]; "
	      "require = \"verify\"; }, { name = \"r3\"; domains = "
	      "[\"z.example\"]; require = \"verify\"; } );");
	c.since = f->since;
	c.until = f->until;
	for (unsigned i = 0; i < 7; i++)
		take(in_clear("a.example", NOON));
	figures_end(f);
	compliance_html(mem, &c, &out);
	page = sbuf_cstr(&out);
	ck_assert_ptr_nonnull(strstr(page, "And 5 more; all of them by "
					   "<code>tierpost report plaintext "
					   "--since 2026-10-31T12:00:00Z "
					   "--until 2026-11-04T12:00:00Z "
					   "--csv</code>"));
	ck_assert_ptr_nonnull(strstr(page, "And 1 more; all of them by "
					   "<code>tierpost check-config "
					   "--effective</code>"));
	ck_assert_ptr_null(strstr(page, "<td>r3</td>"));
	sbuf_reset(&out);
	compliance_json(mem, &c, &out);
	ck_assert_ptr_nonnull(strstr(sbuf_cstr(&out), "\"r3\""));
}
END_TEST

/* Each count that is 1 stands before a noun, which is not a plural. */
static void
assert_ones(const char *text)
{
	static const char *const many[] = { "deliveries", "attempts", "records",
		"mails", "cases", "rules", "routes", "files", "certificates",
		"exceptions", "signed checkpoints" };

	for (size_t i = 0; i < COUNT_OF(many); i++) {
		const char *wrong = talloc_asprintf(mem, " 1 %s", many[i]);

		ck_assert_msg(strstr(text, wrong) == NULL, "%s", wrong);
		wrong = talloc_asprintf(mem, ">1</b>\n%s", many[i]);
		ck_assert_msg(strstr(text, wrong) == NULL, "%s", wrong);
	}
}

START_TEST(a_report_of_one_of_each_has_no_plurals)
{
	static const char
	    result[] = "{\"time\":\"2026-11-24T00:00:00Z\",\"version\":\"1\","
		       "\"configuration\":\"00\",\"chain\":true,\"tests\":"
		       "[{\"name\":\"n\",\"about\":\"a\",\"must-be\":\"m\","
		       "\"section\":\"s\",\"passed\":true}]}";
	struct compliance_trust trust = { "DNSSEC", "/k", "00", "c", "" };
	struct evidence (*const kinds[])(const char *domain,
	    int64_t ms) = { record, in_clear, kept_back };
	json_t *j = json_loads(result, 0, NULL);
	struct diag why = { 0 };

	begin("rules = ( { name = \"r\"; domains = [\"x.example\"]; require = "
	      "\"verify\"; } );");
	take(kinds[_i]("a.example", NOON));
	figures_end(f);
	c.chain.records = c.chain.checkpoints = c.chain.addresses_removed = 1;
	c.trust = &trust;
	c.trust_count = 1;
	ck_assert_int_eq(compliance_selftest_read(mem, j, &c.selftest, &why),
	    ST_OK);
	json_decref(j);
	for (size_t r = 0; r < COUNT_OF(regimes); r++) {
		c.regime = regime_find(regimes[r]);
		sbuf_reset(&out);
		compliance_html(mem, &c, &out);
		assert_ones(sbuf_cstr(&out));
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("report");
	TCase *t = tcase_create("report");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_period_is_a_year_a_quarter_or_a_month);
	tcase_add_test(t, anything_else_is_no_period);
	tcase_add_test(t, csv_is_as_rfc_4180_has_it);
	tcase_add_test(t, csv_holds_no_formula_for_a_spreadsheet);
	tcase_add_test(t, json_of_a_table_is_json_whatever_is_in_it);
	tcase_add_test(t, a_page_leaves_out_what_is_for_programs);
	tcase_add_test(t, text_of_a_page_is_escaped);
	tcase_add_test(t, a_page_loads_nothing_and_runs_nothing);
	tcase_add_test(t, charts_of_any_number_of_columns_are_well_formed);
	tcase_add_test(t, labels_of_many_columns_do_not_run_into_each_other);
	tcase_add_test(t, shares_are_well_formed_and_nothing_without_values);
	tcase_add_test(t, each_regime_is_found_and_each_point_judged);
	tcase_add_test(t, a_none_is_shown_only_by_records_of_an_unbroken_chain);
	tcase_add_test(t,
	    clear_text_by_exception_is_partly_and_without_not_shown);
	tcase_add_test(t, a_chain_without_signed_checkpoint_is_partly_whole);
	tcase_add_test(t, a_self_test_counts_when_all_of_it_passed);
	tcase_add_test(t, the_register_has_exceptions_used_or_not);
	tcase_add_test(t, the_report_escapes_what_records_hold);
	tcase_add_test(t,
	    a_page_has_so_many_rows_of_a_list_and_says_how_to_get_all);
	tcase_add_loop_test(t, a_report_of_one_of_each_has_no_plurals, 0, 3);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
