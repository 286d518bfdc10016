/* SPDX-License-Identifier: BSD-2-Clause */
/* report/alarm: the table, and which are active, on a clock of its own. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "report/alarm.h"

#define HOUR INT64_C(3600000)

static TALLOC_CTX *mem;
static struct alarms *a;
static struct wall now;
static struct diag why;

static void
setup(void)
{
	mem = talloc_new(NULL);
	a = alarms_new(mem);
	now.ms = INT64_C(1795508513000);
}

static void
teardown(void)
{
	talloc_free(mem);
}

static bool
raise_it(enum alarm_kind kind, const char *object)
{
	return alarms_raise(a, kind, object, "text", now);
}

/* Told as it stands now; NULL: nothing to tell. */
static const char *
tell_next(void)
{
	const struct alarm *one = alarms_untold(a);
	char *text;

	if (one == NULL)
		return "";
	text = talloc_asprintf(mem, "%s %s %s", one->active ? "on" : "off",
	    alarm_name(one->kind), one->object);
	alarms_told(a, one->kind, talloc_strdup(mem, one->object), one->active);
	return text;
}

START_TEST(every_alarm_has_a_name_of_its_own_and_says_what_to_do)
{
	for (unsigned i = 0; i < ALARM_KINDS; i++) {
		enum alarm_kind kind = (enum alarm_kind)i;
		struct span advice = span_str(alarm_advice(kind));

		ck_assert(span_ends(advice, ".") && advice.n > 40);
		ck_assert(alarm_level(kind) <= LOG_LEVEL_WARN);
		ck_assert_uint_gt(strlen(alarm_key(kind)), 0);
		for (unsigned k = 0; k < i; k++)
			ck_assert_str_ne(alarm_name(kind),
			    alarm_name((enum alarm_kind)k));
		for (const char *c = alarm_name(kind); *c != '\0'; c++)
			ck_assert(*c == '-' || (*c >= 'a' && *c <= 'z'));
	}
}
END_TEST

static bool
keep(void *arg, const struct alarm *one)
{
	*(struct alarm *)arg = *one;
	return false;
}

START_TEST(an_alarm_that_is_raised_again_counts_and_is_told_once)
{
	struct alarm one = { 0 };

	ck_assert(raise_it(ALARM_RESOLVER, ""));
	now.ms += HOUR;
	ck_assert(!alarms_raise(a, ALARM_RESOLVER, "", "later", now));
	alarms_each(a, keep, &one);
	ck_assert_uint_eq(one.count, 2);
	ck_assert_int_eq(one.last.ms - one.since.ms, HOUR);
	ck_assert_str_eq(one.text, "later");
	ck_assert_uint_eq(alarms_count(a, ALARM_RESOLVER), 1);
	ck_assert_str_eq(tell_next(), "on resolver-not-validating ");
	ck_assert_str_eq(tell_next(), "");
}
END_TEST

START_TEST(one_that_is_over_before_it_was_told_is_never_told)
{
	ck_assert(raise_it(ALARM_RESOLVER, ""));
	ck_assert(alarms_clear(a, ALARM_RESOLVER, ""));
	ck_assert(!alarms_clear(a, ALARM_RESOLVER, ""));
	ck_assert_str_eq(tell_next(), "");
}
END_TEST

START_TEST(the_end_of_one_that_was_told_is_told)
{
	raise_it(ALARM_STORE_LOG, "");
	ck_assert_str_eq(tell_next(), "on store-log ");
	alarms_clear(a, ALARM_STORE_LOG, "");
	ck_assert(!alarms_active(a, ALARM_STORE_LOG, ""));
	ck_assert_str_eq(tell_next(), "off store-log ");
	ck_assert_str_eq(tell_next(), "");
	/* And one that comes back at once was never gone. */
	raise_it(ALARM_STORE_LOG, "");
	ck_assert_str_eq(tell_next(), "on store-log ");
	alarms_clear(a, ALARM_STORE_LOG, "");
	ck_assert(raise_it(ALARM_STORE_LOG, ""));
	ck_assert_str_eq(tell_next(), "");
}
END_TEST

/* What was told meanwhile is not what holds now. */
START_TEST(one_that_changed_while_it_was_told_is_told_as_it_is_now)
{
	raise_it(ALARM_STORE_LOG, "");
	alarms_told(a, ALARM_STORE_LOG, "", true);
	alarms_clear(a, ALARM_STORE_LOG, "");
	alarms_told(a, ALARM_STORE_LOG, "", true);
	ck_assert_str_eq(tell_next(), "off store-log ");
	alarms_told(a, ALARM_STORE_LOG, "", false); /* unknown: nothing */
}
END_TEST

START_TEST(the_gravest_are_told_and_listed_first)
{
	struct alarm one = { 0 };

	raise_it(ALARM_DISK_LOW, "");
	raise_it(ALARM_CLEAR_TEXT, "");
	raise_it(ALARM_DISK_FULL, "");
	alarms_each(a, keep, &one);
	ck_assert_int_eq(one.kind, ALARM_DISK_FULL);
	ck_assert_str_eq(tell_next(), "on disk-full ");
	ck_assert_str_eq(tell_next(), "on disk-low ");
	ck_assert_str_eq(tell_next(), "on clear-text ");
}
END_TEST

START_TEST(that_the_command_fails_is_not_told_by_the_command)
{
	raise_it(ALARM_COMMAND, "");
	ck_assert_str_eq(tell_next(), "");
	ck_assert(alarms_active(a, ALARM_COMMAND, ""));
}
END_TEST

START_TEST(what_nobody_raises_again_lapses_and_what_holds_does_not)
{
	raise_it(ALARM_CLEAR_TEXT, "");
	raise_it(ALARM_CHAIN, "");
	ck_assert_int_eq(alarms_next_lapse(a).ms, now.ms + 24 * HOUR);
	ck_assert_ptr_null(alarms_lapsed(a, now));
	now.ms += 23 * HOUR;
	raise_it(ALARM_CLEAR_TEXT, "");
	now.ms += 2 * HOUR;
	ck_assert_ptr_null(alarms_lapsed(a, now));
	now.ms += 22 * HOUR;
	ck_assert_int_eq(alarms_lapsed(a, now)->kind, ALARM_CLEAR_TEXT);
	alarms_clear(a, ALARM_CLEAR_TEXT, "");
	ck_assert_ptr_null(alarms_lapsed(a, now));
	ck_assert_int_eq(alarms_next_lapse(a).ms, WALL_NEVER.ms);
}
END_TEST

START_TEST(there_is_an_end_to_the_objects_of_one_kind)
{
	char name[32];

	for (unsigned i = 0; i < 3 * ALARM_OBJECTS; i++) {
		snprintf(name, sizeof(name), "d%u.example", i);
		raise_it(ALARM_POLICY_REFRESH, name);
	}
	ck_assert_uint_eq(alarms_count(a, ALARM_POLICY_REFRESH),
	    ALARM_OBJECTS + 1);
	ck_assert(alarms_active(a, ALARM_POLICY_REFRESH, ALARM_OTHERS));
	for (unsigned i = 0; i < 3 * ALARM_OBJECTS; i++) {
		snprintf(name, sizeof(name), "d%u.example", i);
		alarms_clear(a, ALARM_POLICY_REFRESH, name);
	}
	ck_assert_uint_eq(alarms_count(a, ALARM_POLICY_REFRESH), 0);
}
END_TEST

START_TEST(what_comes_from_peers_is_printable_and_short)
{
	struct alarm one = { 0 };
	char *big = talloc_zero_size(mem, 4000);

	memset(big, 'x', 3999);
	alarms_raise(a, ALARM_POLICY_ENDED, "a\r\nb\x1b[2J\xc3\xa4", big, now);
	alarms_each(a, keep, &one);
	ck_assert_str_eq(one.object, "a??b?[2J??");
	ck_assert_uint_eq(strlen(one.text), ALARM_TEXT_BYTES);
	ck_assert(alarms_clear(a, ALARM_POLICY_ENDED, "a\r\nb\x1b[2J\xc3\xa4"));
}
END_TEST

static enum status
read_back(struct span bytes, struct alarm *out)
{
	struct unpack u = unpack_from(bytes);
	enum status st = alarm_unpack(mem, &u, out, &why);

	return st == ST_OK ? unpack_done(&u) : st;
}

START_TEST(an_alarm_is_read_back_as_it_was_packed_and_no_other_bytes_are)
{
	struct alarm one = { .kind = ALARM_CERTIFICATE,
		.object = "/etc/cert.pem",
		.text = "soon\n",
		.since = now,
		.last = now,
		.count = 3,
		.active = true };
	struct alarm got;
	struct sbuf b;

	sbuf_init(&b, mem, 4096);
	alarm_pack(&b, &one);
	ck_assert_int_eq(read_back(sbuf_view(&b), &got), ST_OK);
	ck_assert_int_eq(got.kind, one.kind);
	ck_assert_str_eq(got.object, one.object);
	ck_assert_str_eq(got.text, "soon?");
	ck_assert_uint_eq(got.count, 3);
	for (size_t n = 0; n < b.n; n++)
		ck_assert_int_eq(read_back(span_sub(sbuf_view(&b), 0, n), &got),
		    ST_SYNTAX);
	b.p[0] = ALARM_KINDS;
	ck_assert_int_eq(read_back(sbuf_view(&b), &got), ST_SYNTAX);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("alarm");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t,
	    every_alarm_has_a_name_of_its_own_and_says_what_to_do);
	tcase_add_test(t,
	    an_alarm_that_is_raised_again_counts_and_is_told_once);
	tcase_add_test(t, one_that_is_over_before_it_was_told_is_never_told);
	tcase_add_test(t, the_end_of_one_that_was_told_is_told);
	tcase_add_test(t,
	    one_that_changed_while_it_was_told_is_told_as_it_is_now);
	tcase_add_test(t, the_gravest_are_told_and_listed_first);
	tcase_add_test(t, that_the_command_fails_is_not_told_by_the_command);
	tcase_add_test(t,
	    what_nobody_raises_again_lapses_and_what_holds_does_not);
	tcase_add_test(t, there_is_an_end_to_the_objects_of_one_kind);
	tcase_add_test(t, what_comes_from_peers_is_printable_and_short);
	tcase_add_test(t,
	    an_alarm_is_read_back_as_it_was_packed_and_no_other_bytes_are);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
