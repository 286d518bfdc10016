/* SPDX-License-Identifier: BSD-2-Clause */
/* Received TLS reports: counted once, kept for a time, summed up. */
#include "gateway/ingest.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/faulty.h"

#define DAY_MS INT64_C(86400000)

static TALLOC_CTX *mem;
static char dir[64], path[96];
static struct received *db;
static struct diag why;
static struct ingest in;
static unsigned added, known;

static void
taken(void *arg, const struct ingest_report *r)
{
	(void)arg;
	added += !r->known;
	known += r->known;
}

static struct wall
at(const char *text)
{
	struct wall t = { 0 };

	ck_assert_int_eq(wall_parse(span_str(text), &t), ST_OK);
	return t;
}

static void
open_writer(void)
{
	ck_assert_msg(received_open(mem, path, true, &db, &why) == ST_OK, "%s",
	    why.text);
	in.db = db;
}

static void
setup(void)
{
	mem = talloc_new(NULL);
	why = (struct diag){ 0 };
	snprintf(dir, sizeof(dir), "/tmp/check_received.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/tlsrpt.db", dir);
	failing = FAIL_NONE;
	install_faulty_vfs();
	added = known = 0;
	in = (struct ingest){ .source = "test",
		.now = at("2026-11-24"),
		.keep_ms = 400 * DAY_MS,
		.taken = taken };
	open_writer();
}

static void
teardown_files(void)
{
	static const char *const suffix[] = { "", "-wal", "-shm" };

	for (size_t i = 0; i < COUNT_OF(suffix); i++) {
		char name[128];

		snprintf(name, sizeof(name), "%s%s", path, suffix[i]);
		(void)unlink(name);
	}
}

static void
teardown(void)
{
	failing = FAIL_NONE;
	talloc_free(mem);
	teardown_files();
	(void)rmdir(dir);
}

/* ---- documents ---- */

static char *
policy(const char *type, const char *domain, unsigned success, unsigned failure,
    const char *details)
{
	return talloc_asprintf(mem,
	    "{\"policy\":{\"policy-type\":\"%s\",\"policy-domain\":\"%s\"},"
	    "\"summary\":{\"total-successful-session-count\":%u,"
	    "\"total-failure-session-count\":%u},\"failure-details\":[%s]}",
	    type, domain, success, failure, details);
}

static char *
document(const char *organization, const char *id, const char *day,
    const char *policies)
{
	return talloc_asprintf(mem,
	    "{\"organization-name\":\"%s\",\"date-range\":{"
	    "\"start-datetime\":\"%sT00:00:00Z\",\"end-datetime\":"
	    "\"%sT23:59:59Z\"},\"contact-info\":\"c@x.example\","
	    "\"report-id\":\"%s\",\"policies\":[%s]}",
	    organization, day, day, id, policies);
}

static enum status
take(const char *text)
{
	return ingest_document(&in, span_str(text), &why);
}

#define DETAIL(result, mx, count)                                              \
	"{\"result-type\":\"" result "\",\"receiving-mx-hostname\":\"" mx      \
	"\",\"sending-mta-ip\":\"192.0.2.1\",\"failed-session-count\":" count  \
	"}"

/* ---- what is seen ---- */

struct line {
	char text[1024];
};

static bool
add_sum(void *arg, const struct received_sum *s)
{
	struct line *l = arg;
	size_t n = strlen(l->text);

	snprintf(l->text + n, sizeof(l->text) - n, "%s:%u/%u/%u ", s->name,
	    (unsigned)s->reports, (unsigned)s->success, (unsigned)s->failure);
	return true;
}

static const char *
sums(enum received_by by, const char *since, const char *until,
    const char *domain)
{
	const struct received_query q = {
		.since = since == NULL ? (struct wall){ 0 } : at(since),
		.until = until == NULL ? (struct wall){ 0 } : at(until),
		.domain = domain,
	};
	struct line *l = talloc_zero(mem, struct line);

	ck_assert_msg(received_sums(db, by, &q, add_sum, l, &why) == ST_OK,
	    "%s", why.text);
	return l->text;
}

static bool
add_failure(void *arg, const struct received_failure *f)
{
	struct line *l = arg;
	size_t n = strlen(l->text);

	snprintf(l->text + n, sizeof(l->text) - n, "%s %s %s %u;", f->domain,
	    f->detail.result, f->detail.mx, (unsigned)f->detail.count);
	return true;
}

static const char *
failures(void)
{
	const struct received_query q = { .domain = NULL };
	struct line *l = talloc_zero(mem, struct line);

	ck_assert_int_eq(received_failures(db, &q, add_failure, l, &why),
	    ST_OK);
	return l->text;
}

/* ---- tests ---- */

START_TEST(a_report_is_counted_once)
{
	const char *one = policy("sts", "a.example", 5, 2, "");

	ck_assert_int_eq(take(document("A", "1", "2026-11-23", one)), ST_OK);
	ck_assert_int_eq(take(document("A", "1", "2026-11-23", one)), ST_OK);
	ck_assert_uint_eq(added, 1);
	ck_assert_uint_eq(known, 1);
	ck_assert_str_eq(sums(RECEIVED_BY_DOMAIN, NULL, NULL, NULL),
	    "a.example:1/5/2 ");
	/* another id, another reporter and another domain are others */
	ck_assert_int_eq(take(document("A", "2", "2026-11-23", one)), ST_OK);
	ck_assert_int_eq(take(document("B", "1", "2026-11-23", one)), ST_OK);
	ck_assert_int_eq(take(document("A", "1", "2026-11-23",
			     policy("sts", "B.example.", 1, 1, ""))),
	    ST_OK);
	ck_assert_uint_eq(added, 4);
	ck_assert_str_eq(sums(RECEIVED_BY_DOMAIN, NULL, NULL, NULL),
	    "a.example:3/15/6 b.example:1/1/1 ");
}
END_TEST

START_TEST(a_document_about_two_domains_is_two_reports)
{
	ck_assert_int_eq(take(document("A", "1", "2026-11-23",
			     policy("sts", "a.example", 5, 2, ""))),
	    ST_OK);
	ck_assert_int_eq(take(document("A", "1", "2026-11-23",
			     talloc_asprintf(mem, "%s,%s,%s",
				 policy("sts", "a.example", 5, 2, ""),
				 policy("tlsa", "b.example", 1, 3, ""),
				 policy("tlsa", "b.example", 2, 4, "")))),
	    ST_OK);
	ck_assert_uint_eq(added, 2);
	ck_assert_uint_eq(known, 1);
	ck_assert_str_eq(sums(RECEIVED_BY_DOMAIN, NULL, NULL, NULL),
	    "b.example:1/3/7 a.example:1/5/2 ");
	ck_assert_str_eq(sums(RECEIVED_BY_POLICY, NULL, NULL, NULL),
	    "tlsa:1/3/7 sts:1/5/2 ");
}
END_TEST

START_TEST(sums_are_of_days_and_weeks_and_of_what_is_asked_for)
{
	static const char *const days[] = { "2026-11-22", "2026-11-16",
		"2026-11-23", "2026-01-01" };

	for (unsigned i = 0; i < COUNT_OF(days); i++)
		ck_assert_int_eq(take(document(i == 0 ? "A" : "B", days[i],
				     days[i],
				     policy("sts",
					 i == 3 ? "b.example" : "a.example",
					 i + 1, i, ""))),
		    ST_OK);
	ck_assert_str_eq(sums(RECEIVED_BY_DAY, NULL, NULL, NULL),
	    "2026-01-01:1/4/3 2026-11-16:1/2/1 2026-11-22:1/1/0 "
	    "2026-11-23:1/3/2 ");
	/* a week begins with its Monday */
	ck_assert_str_eq(sums(RECEIVED_BY_WEEK, NULL, NULL, NULL),
	    "2025-12-29:1/4/3 2026-11-16:2/3/1 2026-11-23:1/3/2 ");
	ck_assert_str_eq(sums(RECEIVED_BY_REPORTER, "2026-11-17", NULL, NULL),
	    "B:1/3/2 A:1/1/0 ");
	ck_assert_str_eq(sums(RECEIVED_BY_REPORTER, NULL, "2026-11-22", NULL),
	    "B:2/6/4 ");
	ck_assert_str_eq(sums(RECEIVED_BY_REPORTER, NULL, NULL, "b.example"),
	    "B:1/4/3 ");
}
END_TEST

START_TEST(equal_failures_are_told_together)
{
	ck_assert_int_eq(take(document("A", "1", "2026-11-22",
			     policy("sts", "a.example", 5, 6,
				 DETAIL("certificate-expired", "m1",
				     "2") "," DETAIL("certificate-expired",
				     "m2", "3")))),
	    ST_OK);
	ck_assert_int_eq(take(document("A", "2", "2026-11-23",
			     policy("sts", "a.example", 5, 6,
				 DETAIL("certificate-expired", "m1",
				     "4") "," DETAIL("validation-failure", "m1",
				     "1")))),
	    ST_OK);
	ck_assert_str_eq(failures(), "a.example certificate-expired m1 6;"
				     "a.example certificate-expired m2 3;"
				     "a.example validation-failure m1 1;");
	ck_assert_str_eq(sums(RECEIVED_BY_RESULT, NULL, NULL, NULL),
	    "certificate-expired:2/0/9 validation-failure:1/0/1 ");
	ck_assert_str_eq(sums(RECEIVED_BY_HOST, NULL, NULL, NULL),
	    "m1:2/0/7 m2:1/0/3 ");
}
END_TEST

START_TEST(reports_go_with_all_they_say_when_they_are_old)
{
	uint64_t count = 0;

	ck_assert_int_eq(take(document("A", "1", "2026-01-01",
			     policy("sts", "a.example", 5, 6,
				 DETAIL("certificate-expired", "m1", "2")))),
	    ST_OK);
	ck_assert_int_eq(take(document("A", "2", "2026-11-22",
			     policy("sts", "a.example", 1, 0, ""))),
	    ST_OK);
	in.keep_ms = 30 * DAY_MS;
	ck_assert_int_eq(ingest_forget(&in, &count, &why), ST_OK);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(failures(), "");
	ck_assert_str_eq(sums(RECEIVED_BY_DOMAIN, NULL, NULL, NULL),
	    "a.example:1/1/0 ");
}
END_TEST

START_TEST(days_to_come_and_days_long_past_are_refused)
{
	const char *one = policy("sts", "a.example", 5, 2, "");

	ck_assert_int_eq(take(document("A", "1", "2026-11-25", one)), ST_OK);
	ck_assert_int_eq(take(document("A", "2", "2026-11-26", one)), ST_LIMIT);
	ck_assert_ptr_nonnull(strstr(why.text, "days to come"));
	ck_assert_int_eq(take(document("A", "3", "2999-01-01", one)), ST_LIMIT);
	ck_assert_int_eq(take(document("A", "4", "2020-01-01", one)), ST_LIMIT);
	ck_assert_ptr_nonnull(strstr(why.text, "tlsrpt.received-lifetime"));
	ck_assert_uint_eq(added, 1);
}
END_TEST

/* All of a document or nothing: it is offered again. */
START_TEST(a_full_or_failing_disk_counts_nothing_by_half)
{
	char *text = document("A", "1", "2026-11-23",
	    policy("sts", "a.example", 5, 2,
		DETAIL("certificate-expired", "m1", "2")));
	static const enum disk_fault faults[] = { FAIL_FULL, FAIL_WRITE,
		FAIL_SYNC };

	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		enum status st;

		failing = faults[i];
		st = take(text);
		failing = FAIL_NONE;
		ck_assert_msg(st == ST_TEMP || st == ST_IO, "%d %s", (int)st,
		    why.text);
		TALLOC_FREE(db);
		open_writer();
		ck_assert_str_eq(failures(), "");
	}
	ck_assert_int_eq(take(text), ST_OK);
	ck_assert_uint_eq(added, 1);
	ck_assert_str_eq(failures(), "a.example certificate-expired m1 2;");
}
END_TEST

START_TEST(a_file_that_is_none_of_ours_is_refused)
{
	struct received *other = NULL;
	sqlite3 *raw = NULL;
	int fd;

	ck_assert_int_eq(received_open(mem, "/nonexistent/x", false, &other,
			     &why),
	    ST_NOTFOUND);
	ck_assert_int_eq(received_open(mem, "/nonexistent/x", true, &other,
			     &why),
	    ST_IO);
	TALLOC_FREE(db);
	teardown_files();
	ck_assert_int_eq(sqlite3_open(path, &raw), SQLITE_OK);
	/* a writer has made the file, and not yet its tables */
	ck_assert_int_eq(sqlite3_exec(raw, "PRAGMA journal_mode = WAL", NULL,
			     NULL, NULL),
	    SQLITE_OK);
	ck_assert_int_eq(received_open(mem, path, false, &other, &why),
	    ST_NOTFOUND);
	ck_assert_int_eq(sqlite3_exec(raw, "PRAGMA user_version = 2", NULL,
			     NULL, NULL),
	    SQLITE_OK);
	(void)sqlite3_close(raw);
	ck_assert_int_eq(received_open(mem, path, false, &other, &why),
	    ST_UNSUPP);
	ck_assert_int_eq(received_open(mem, path, true, &other, &why),
	    ST_UNSUPP);
	ck_assert_ptr_nonnull(strstr(why.text, "a later version"));
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	for (unsigned i = 0; i < 300; i++)
		ck_assert_int_eq(write(fd, "not a database. ", 16), 16);
	close(fd);
	ck_assert_int_eq(received_open(mem, path, true, &other, &why), ST_IO);
	ck_assert_ptr_nonnull(strstr(why.text, "move it away"));
}
END_TEST

/* RFC 8460 5.6: what stands in the document counts, not in its subject nor
 * in its file's name. */
START_TEST(rpt_46_the_document_alone_says_what_is_reported)
{
	char *mail = talloc_asprintf(mem,
	    "Subject: Report Domain: x.example Submitter: y.example"
	    " Report-ID: <z@y.example>\r\nTLS-Report-Domain: x.example\r\n"
	    "Content-Type: application/tlsrpt+json; "
	    "name=\"y.example!x.example!1!2.json\"\r\n\r\n%s\r\n",
	    document("A", "1", "2026-11-23",
		policy("sts", "a.example", 5, 2, "")));

	ck_assert_int_eq(ingest_mail(&in, span_str(mail), &why), ST_OK);
	ck_assert_str_eq(sums(RECEIVED_BY_DOMAIN, NULL, NULL, NULL),
	    "a.example:1/5/2 ");
	ck_assert_str_eq(sums(RECEIVED_BY_REPORTER, NULL, NULL, NULL),
	    "A:1/5/2 ");
}
END_TEST

/* Sums of the largest counts there may be stay sums. */
START_TEST(b3_8_large_counts_add_up)
{
	static const char one[] =
	    "{\"policy\":{\"policy-domain\":\"a.example\"},\"summary\":{"
	    "\"total-failure-session-count\":100000000000}}";

	for (unsigned i = 0; i < 200; i++)
		ck_assert_int_eq(take(document("A",
				     talloc_asprintf(mem, "%u", i),
				     "2026-11-23", one)),
		    ST_OK);
	ck_assert_ptr_nonnull(strstr(sums(RECEIVED_BY_DOMAIN, NULL, NULL, NULL),
	    "a.example:200/0/"));
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		a_report_is_counted_once,
		a_document_about_two_domains_is_two_reports,
		sums_are_of_days_and_weeks_and_of_what_is_asked_for,
		equal_failures_are_told_together,
		reports_go_with_all_they_say_when_they_are_old,
		days_to_come_and_days_long_past_are_refused,
		a_full_or_failing_disk_counts_nothing_by_half,
		a_file_that_is_none_of_ours_is_refused,
		rpt_46_the_document_alone_says_what_is_reported,
		b3_8_large_counts_add_up,
	};
	Suite *s = suite_create("tlsrpt_store");
	TCase *tc = tcase_create("tlsrpt_store");
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
