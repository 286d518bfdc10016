/* SPDX-License-Identifier: BSD-2-Clause */
/* The MTA-STS cache in the store. */
#include "tests/store.h"
#include "util/sha256.h"

/* ---- MTA-STS cache ---- */

static struct sts_entry
policy(const char *domain)
{
	return (struct sts_entry){
		.domain = domain,
		.has_policy = true,
		.id = "20260101",
		.fetched = { 1234 },
		.policy = { .mode = STS_ENFORCE,
		    .max_age_s = 86400,
		    .mx_count = 2,
		    .mx = { "mx.example", "*.mx.example" },
		    .text = "version: STSv1\n" },
		.failed_id = "bad",
		.failed_at = { 99 },
		.used = { 77 },
	};
}

static void
note_policy(void *arg, const struct sts_entry *e)
{
	ck_assert_str_eq(e->policy.mx[1], "*.mx.example");
	++*(unsigned *)arg;
}

static void
note_domain(void *arg, const char *domain)
{
	ck_assert_str_eq(domain, "b.example");
	++*(unsigned *)arg;
}

START_TEST(a_policy_comes_back_as_it_was_stored)
{
	struct sts_entry e = policy("a.example"), got;
	unsigned n = 0;

	begin();
	ok(store_sts_put(s, &e, &why));
	e.used.ms = 78;
	ok(store_sts_put(s, &e, &why));
	commit();
	reopen();
	ok(store_sts_get(s, mem, "a.example", &got, &why));
	ck_assert_str_eq(got.domain, "a.example");
	ck_assert(got.has_policy);
	ck_assert_str_eq(got.id, "20260101");
	ck_assert_int_eq(got.fetched.ms, 1234);
	ck_assert_int_eq(got.policy.mode, STS_ENFORCE);
	ck_assert_uint_eq(got.policy.max_age_s, 86400);
	ck_assert_uint_eq(got.policy.mx_count, 2);
	ck_assert_str_eq(got.policy.mx[0], "mx.example");
	ck_assert_str_eq(got.policy.text, "version: STSv1\n");
	ck_assert_str_eq(got.failed_id, "bad");
	ck_assert_int_eq(got.failed_at.ms, 99);
	ck_assert_int_eq(got.used.ms, 78);
	ck_assert_int_eq(store_sts_get(s, mem, "b.example", &got, &why),
	    ST_NOTFOUND);
	ok(store_sts_each(s, mem, note_policy, &n, &why));
	ck_assert_uint_eq(n, 1);
}
END_TEST

/* Of the only policy there is, without the digest. */
static struct span
stored_policy(void)
{
	char path[128];
	sqlite3 *db;
	sqlite3_stmt *q;
	struct span out;

	snprintf(path, sizeof(path), "%s/spool.db", dir);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db,
			     "SELECT substr(data, 33) FROM sts_policy", -1, &q,
			     NULL),
	    SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(q), SQLITE_ROW);
	out = span_copy(mem, span_of(sqlite3_column_blob(q, 0),
				 (size_t)sqlite3_column_bytes(q, 0)));
	sqlite3_finalize(q);
	sqlite3_close(db);
	return out;
}

/* Rows of before the policy's text was kept end before it. */
START_TEST(a_policy_that_was_stored_without_its_text_is_read)
{
	struct sts_entry e = policy("a.example"), got;
	uint8_t digest[SHA256_BYTES];
	char head[2 * SHA256_BYTES + 1];
	struct span data;
	char *hex;

	e.policy.text = "";
	begin();
	ok(store_sts_put(s, &e, &why));
	commit();
	data = stored_policy();
	data.n -= 4; /* the length of no text */
	sha256(data, digest);
	hex_encode(span_of(digest, sizeof(digest)), head);
	hex = talloc_array(mem, char, (unsigned)(2 * data.n) + 1);
	hex_encode(data, hex);
	by_hand(talloc_asprintf(mem, "UPDATE sts_policy SET data = x'%s%s'",
	    head, hex));
	ok(store_sts_get(s, mem, "a.example", &got, &why));
	ck_assert_str_eq(got.policy.text, "");
	ck_assert_int_eq(got.used.ms, e.used.ms);
	ck_assert_uint_eq(got.policy.mx_count, 2);
}
END_TEST

/* B1.12, B2.12: a corrupt cache row must never read as "no policy". */
START_TEST(b1_12_a_damaged_policy_row_is_an_error_and_never_no_policy)
{
	static const char *const damage[] = {
		"UPDATE sts_policy SET data = x'' WHERE domain = 'b.example'",
		"UPDATE sts_policy SET data = substr(data, 1, 40)"
		" WHERE domain = 'b.example'",
		"UPDATE sts_policy SET data = data || x'00'"
		" WHERE domain = 'b.example'",
		"UPDATE sts_policy SET data = (SELECT data FROM sts_policy"
		" WHERE domain = 'a.example') WHERE domain = 'b.example'",
		"UPDATE sts_policy SET data = 'text' WHERE domain = "
		"'b.example'",
	};
	struct sts_entry a = policy("a.example"), b = policy("b.example");
	struct sts_entry got;

	for (size_t i = 0; i < COUNT_OF(damage); i++) {
		unsigned good = 0, bad = 0;

		begin();
		ok(store_sts_put(s, &a, &why));
		ok(store_sts_put(s, &b, &why));
		commit();
		by_hand(damage[i]);
		ck_assert_int_eq(store_sts_get(s, mem, "b.example", &got, &why),
		    ST_SYNTAX);
		ck_assert_int_eq(store_sts_each(s, mem, note_policy, &good,
				     &why),
		    ST_SYNTAX);
		ck_assert_ptr_nonnull(strstr(why.text, "b.example"));
		ck_assert_uint_eq(good, 1);
		ok(store_sts_corrupt(s, note_domain, &bad, &why));
		ck_assert_uint_eq(bad, 1);
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *all = suite_create("store_sts");
	TCase *t = tcase_create("MTA-STS cache");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_policy_comes_back_as_it_was_stored);
	tcase_add_test(t, a_policy_that_was_stored_without_its_text_is_read);
	tcase_add_test(t,
	    b1_12_a_damaged_policy_row_is_an_error_and_never_no_policy);
	suite_add_tcase(all, t);
	return all;
}

int
main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	status_init();
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
