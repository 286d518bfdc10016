/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Alarms and numbers of the keeper: what raises and ends them, how the
 * notifier is told, what a command and the console are shown.
 */
#include "report/metrics.h"
#include "tests/keeper.h"

#define DAY      (24 * HOUR)
#define START_MS INT64_C(1795508513000)

static struct peer *
new_notifier(void)
{
	struct sock *theirs;
	struct peer *p = peer_new(&theirs);

	keeper_attach_notifier(k, theirs);
	run(1);
	return p;
}

/* "on store-log text", of the next that the notifier is told; "": nothing. */
static const char *
next_told(struct peer *p)
{
	const struct frame *f = next_frame(p, WIRE_ALARM_TELL);
	struct alarm one;

	if (f == NULL)
		return "";
	ck_assert_int_eq(wire_unpack_alarm(mem, f->payload, &one, &why), ST_OK);
	return talloc_asprintf(mem, "%s %s%s%s", one.active ? "on" : "off",
	    alarm_name(one.kind), *one.object == '\0' ? "" : " ", one.object);
}

static void
say_told(struct peer *p, const char *text)
{
	pack_str(&out, text);
	say(p, WIRE_ALARM_TOLD);
	run(1);
}

/* Those active, as a command is shown them: names, a blank behind each. */
static const char *
listed(void)
{
	struct sock *theirs;
	struct peer *p = peer_new(&theirs);
	char *names = talloc_strdup(mem, "");
	const struct frame *f;
	struct alarm one;

	keeper_attach_admin(k, theirs);
	say(p, WIRE_ALARMS_WANT);
	run(1);
	while ((f = next_frame(p, WIRE_ALARM_ACTIVE)) != NULL) {
		ck_assert_int_eq(wire_unpack_alarm(mem, f->payload, &one, &why),
		    ST_OK);
		names = talloc_asprintf_append(names, "%s ",
		    alarm_name(one.kind));
	}
	ck_assert_uint_eq(count_frames(p, WIRE_ALARMS_END), 1);
	TALLOC_FREE(p->chan);
	run(1);
	return names;
}

static void
take(enum alarm_kind kind, const char *object, bool active)
{
	const struct alarm one = {
		.kind = kind, .object = object, .text = "t", .active = active
	};
	struct sbuf b;

	sbuf_init(&b, mem, 4096);
	alarm_pack(&b, &one);
	ck_assert_int_eq(keeper_take_alarm(k, sbuf_view(&b), &why), ST_OK);
}

static void
begin(void)
{
	conf.alarms_command_count = 1;
	conf.alarms_interval_ms = 10000;
	conf.alarms_timeout_ms = 30000;
	start(0);
	run(1);
}

/* ---- telling ---- */

START_TEST(an_alarm_is_logged_listed_and_told_once_and_so_is_its_end)
{
	struct peer *p;

	begin();
	ck_assert_str_eq(listed(), "");
	take(ALARM_CERTIFICATE, "/etc/cert.pem", true);
	take(ALARM_CERTIFICATE, "/etc/cert.pem", true);
	ck_assert(logged("warn keeper alarm alarm=certificate-expires "
			 "object=/etc/cert.pem text=t"));
	ck_assert_str_eq(listed(), "certificate-expires ");
	p = new_notifier();
	ck_assert_str_eq(next_told(p), "on certificate-expires /etc/cert.pem");
	say_told(p, "");
	ck_assert_str_eq(next_told(p), "");
	take(ALARM_CERTIFICATE, "/etc/cert.pem", false);
	ck_assert(logged("alarm-over alarm=certificate-expires"));
	ck_assert_str_eq(listed(), "");
	run(10000);
	ck_assert_str_eq(next_told(p), "off certificate-expires /etc/cert.pem");
}
END_TEST

START_TEST(alarms_are_told_one_at_a_time_with_a_rest_between_them)
{
	struct peer *p;

	begin();
	take(ALARM_CERTIFICATE, "one", true);
	take(ALARM_CERTIFICATE, "two", true);
	take(ALARM_RESOLVER, "", true);
	p = new_notifier();
	ck_assert_str_eq(next_told(p), "on resolver-not-validating");
	run(HOUR);
	ck_assert_str_eq(next_told(p), "");
	say_told(p, "");
	ck_assert_str_eq(next_told(p), "");
	run(9000);
	ck_assert_str_eq(next_told(p), "");
	run(1001);
	ck_assert_str_eq(next_told(p), "on certificate-expires one");
}
END_TEST

START_TEST(a_command_that_fails_is_an_alarm_and_is_tried_three_times)
{
	struct peer *p;

	begin();
	take(ALARM_RESOLVER, "", true);
	p = new_notifier();
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_str_eq(next_told(p), "on resolver-not-validating");
		say_told(p, "it ended with status 1");
		run(60000);
	}
	ck_assert_str_eq(next_told(p), "");
	ck_assert(logged("error keeper alarm-not-told text=\"it ended with"));
	ck_assert_str_eq(listed(), "resolver-not-validating alarm-command ");
	take(ALARM_CLOCK, "", true);
	ck_assert_str_eq(next_told(p), "");
	run(1);
	ck_assert_str_eq(next_told(p), "on clock-wrong");
	say_told(p, "");
	ck_assert_str_eq(listed(), "resolver-not-validating clock-wrong ");
}
END_TEST

START_TEST(a_notifier_that_went_amid_telling_is_told_again_afresh)
{
	struct peer *p;

	begin();
	take(ALARM_RESOLVER, "", true);
	p = new_notifier();
	ck_assert_str_eq(next_told(p), "on resolver-not-validating");
	TALLOC_FREE(p->chan);
	run(1);
	p = new_notifier();
	ck_assert_str_eq(next_told(p), "on resolver-not-validating");
}
END_TEST

START_TEST(nobody_is_told_once_the_command_was_taken_away)
{
	struct conf other;
	struct peer *p;

	begin();
	p = new_notifier();
	other = conf;
	other.alarms_command_count = 0;
	keeper_reload(k, &other);
	take(ALARM_RESOLVER, "", true);
	run(HOUR);
	ck_assert_str_eq(next_told(p), "");
	keeper_reload(k, &conf);
	run(1);
	ck_assert_str_eq(next_told(p), "on resolver-not-validating");
}
END_TEST

START_TEST(a_notifier_that_answers_unasked_is_cut_off)
{
	struct peer *p;

	begin();
	p = new_notifier();
	say_told(p, "");
	ck_assert(p->closed);
}
END_TEST

/* ---- what raises them ---- */

START_TEST(clear_text_that_no_exception_allows_is_an_alarm_for_a_day)
{
	struct peer *intake, *courier;
	struct wire_job j;
	int64_t id;

	conf.alarms_interval_ms = 10000;
	start(1);
	intake = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(intake);
	submit(intake, id, "r.example");
	run(1);
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(1);
	ck_assert(
	    logged("alarm=clear-text text=\"r.example at mx.r.example\""));
	ck_assert_str_eq(listed(), "clear-text ");
	run(DAY + 1);
	ck_assert_str_eq(listed(), "");
}
END_TEST

static struct conf_exception list[1];
static const char *domains[1] = { "r.example" };

START_TEST(an_exception_that_ends_is_an_alarm_until_it_is_removed)
{
	struct conf other;

	list[0] = (struct conf_exception){ .name = "old",
		.domains = domains,
		.domain_count = 1,
		.allow = LEVEL_PLAIN,
		.reason = "r",
		.approver = "sec@gw.example.org",
		.ticket = "",
		.revoked_by = "",
		.revoked_reason = "",
		.until = { START_MS + 3 * DAY },
		.expires = { START_MS + 3 * DAY },
		.where = "t:1",
		.file = "" };
	conf.exception = list;
	conf.exception_count = 1;
	conf.exception_warn_ms = 2 * DAY;
	begin();
	run(HOUR);
	ck_assert_str_eq(listed(), "");
	run(2 * DAY);
	ck_assert_str_eq(listed(), "exception-expiring ");
	run(DAY);
	ck_assert_str_eq(listed(), "exception-expired ");
	other = conf;
	other.exception_count = 0;
	keeper_reload(k, &other);
	ck_assert_str_eq(listed(), "");
}
END_TEST

START_TEST(mail_that_waits_for_what_is_required_is_an_alarm_from_a_number_on)
{
	struct peer *intake, *courier;
	int64_t id;

	conf.alarms_policy_failures = 2;
	start(1);
	intake = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(intake);
	submit(intake, id, "dead.example");
	run(1);
	tell_failed_by(courier, 1, must_job(courier).slot, FAILURE_STS_MX,
	    "4.7.5", "no host is in the policy");
	run(MINUTE);
	ck_assert_str_eq(listed(), "");
	submit(intake, id + 1, "dead.example");
	run(MINUTE);
	ck_assert_str_eq(listed(), "policy-failures ");
	ck_assert(logged("text=\"2 recipients wait\""));
}
END_TEST

START_TEST(a_store_that_breaks_is_an_alarm_until_it_is_in_use_again)
{
	struct peer *intake;
	int64_t id;

	start(0);
	intake = new_intake(0);
	id = take_ids(intake);
	failing = FAIL_SYNC;
	submit(intake, id, "r.example");
	run(1);
	ck_assert(logged("alarm=store-failed"));
	failing = FAIL_NONE;
	run(MINUTE);
	ck_assert(logged("alarm-over alarm=store-failed"));
	ck_assert_str_eq(listed(), "");
}
END_TEST

START_TEST(a_disk_without_room_is_two_alarms)
{
	start(0);
	run(MINUTE);
	ck_assert_str_eq(listed(), "");
	conf.queue_reserve_bytes = UINT64_MAX / 2;
	keeper_reload(k, &conf);
	run(2 * MINUTE);
	ck_assert_str_eq(listed(), "disk-full disk-low ");
	conf.queue_reserve_bytes = 1;
	keeper_reload(k, &conf);
	run(2 * MINUTE);
	ck_assert_str_eq(listed(), "");
}
END_TEST

/* ---- numbers ---- */

static struct peer *console;

static void
new_console(void)
{
	struct sock *theirs;

	console = peer_new(&theirs);
	keeper_attach_console(k, theirs);
}

static const struct metrics *
numbers(void)
{
	struct metrics *m = talloc_zero(mem, struct metrics);
	struct unpack u;

	say(console, WIRE_METRICS_WANT);
	run(1);
	u = unpack_from(must_frame(console, WIRE_METRICS));
	for (unsigned i = 0; i < METRIC_VALUES; i++)
		m->v[i] = unpack_u64(&u);
	ck_assert_int_eq(unpack_done(&u), ST_OK);
	return m;
}

START_TEST(numbers_follow_a_message_from_its_acceptance_to_its_end)
{
	struct peer *intake, *courier;
	const struct metrics *m;
	struct wire_job j;
	int64_t id;

	start(1);
	new_console();
	intake = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(intake);
	submit(intake, id, "r.example");
	run(1);
	j = must_job(courier);
	m = numbers();
	ck_assert_uint_eq(m->v[METRIC_ACCEPTED], 1);
	ck_assert_uint_eq(m->v[METRIC_QUEUE + METRIC_QUEUE_IN_WORK], 1);
	ck_assert_uint_eq(m->v[METRIC_QUEUE + METRIC_QUEUE_WAITING], 0);
	ck_assert_uint_eq(m->v[METRIC_DESTINATIONS], 1);
	ck_assert_uint_gt(m->v[METRIC_FREE], 0);
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(1);
	m = numbers();
	ck_assert_uint_eq(m->v[METRIC_QUEUE + METRIC_QUEUE_IN_WORK], 0);
	ck_assert_uint_eq(m->v[METRIC_RESULTS + METRIC_DELIVERED], 1);
	ck_assert_uint_eq(m->v[METRIC_RECORDS], 1);
	ck_assert_uint_eq(m->v[METRIC_ALARMS + ALARM_CLEAR_TEXT], 1);
	ck_assert_uint_gt(m->v[METRIC_COMMITS], 0);
}
END_TEST

static void
send_count(struct peer *p, unsigned at, uint64_t value)
{
	pack_u16(&out, (uint16_t)at);
	pack_u64(&out, value);
	say(p, WIRE_COUNTS);
	run(1);
}

START_TEST(counts_of_intakes_add_up_and_their_gauges_are_as_they_are)
{
	struct peer *a, *b;

	start(0);
	new_console();
	a = new_intake(0);
	b = new_intake(1);
	send_count(a, METRIC_SESSIONS, 3);
	send_count(b, METRIC_SESSIONS, 4);
	send_count(a, METRIC_SESSIONS_OPEN, 2);
	send_count(b, METRIC_SESSIONS_OPEN, 5);
	send_count(b, METRIC_SESSIONS_OPEN, 1);
	ck_assert_uint_eq(numbers()->v[METRIC_SESSIONS], 7);
	ck_assert_uint_eq(numbers()->v[METRIC_SESSIONS_OPEN], 3);
	TALLOC_FREE(b->chan);
	run(1);
	ck_assert_uint_eq(numbers()->v[METRIC_SESSIONS_OPEN], 2);
}
END_TEST

START_TEST(an_intake_that_counts_what_is_not_its_own_is_cut_off)
{
	static const unsigned not_its[] = { METRIC_ACCEPTED, METRIC_ANSWERS,
		METRIC_ALARMS, METRIC_VALUES, 65535 };

	start(0);
	new_console();
	for (size_t i = 0; i < COUNT_OF(not_its); i++) {
		struct peer *p = new_intake(0);

		send_count(p, not_its[i], 9);
		ck_assert(p->closed);
	}
	ck_assert_uint_eq(numbers()->v[METRIC_ACCEPTED], 0);
}
END_TEST

static void
add_tests(TCase *t)
{
	tcase_add_test(t,
	    an_alarm_is_logged_listed_and_told_once_and_so_is_its_end);
	tcase_add_test(t,
	    alarms_are_told_one_at_a_time_with_a_rest_between_them);
	tcase_add_test(t,
	    a_command_that_fails_is_an_alarm_and_is_tried_three_times);
	tcase_add_test(t,
	    a_notifier_that_went_amid_telling_is_told_again_afresh);
	tcase_add_test(t, nobody_is_told_once_the_command_was_taken_away);
	tcase_add_test(t, a_notifier_that_answers_unasked_is_cut_off);
	tcase_add_test(t,
	    clear_text_that_no_exception_allows_is_an_alarm_for_a_day);
	tcase_add_test(t,
	    an_exception_that_ends_is_an_alarm_until_it_is_removed);
	tcase_add_test(t,
	    mail_that_waits_for_what_is_required_is_an_alarm_from_a_number_on);
	tcase_add_test(t,
	    a_store_that_breaks_is_an_alarm_until_it_is_in_use_again);
	tcase_add_test(t, a_disk_without_room_is_two_alarms);
	tcase_add_test(t,
	    numbers_follow_a_message_from_its_acceptance_to_its_end);
	tcase_add_test(t,
	    counts_of_intakes_add_up_and_their_gauges_are_as_they_are);
	tcase_add_test(t, an_intake_that_counts_what_is_not_its_own_is_cut_off);
}

int
main(void)
{
	return keeper_run("keeper_alarm", add_tests);
}
