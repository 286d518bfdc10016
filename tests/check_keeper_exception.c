/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keeper and exceptions: uses counted on disk before they are granted,
 * budgets, what is told before and at their end, and probes.
 */
#include "tests/keeper.h"

#define DAY      (24 * HOUR)
#define START_MS INT64_C(1795508513000)

static struct conf_exception list[2];
static const char *domains[2];

/* "old" for r.example, 30 days from the start. */
static struct conf_exception *
with_exception(uint32_t budget)
{
	domains[0] = "r.example";
	list[0] = (struct conf_exception){
		.name = "old",
		.domains = domains,
		.domain_count = 1,
		.allow = LEVEL_PLAIN,
		.budget = budget,
		.reason = "no STARTTLS",
		.approver = "sec@gw.example.org",
		.ticket = "",
		.revoked_by = "",
		.revoked_reason = "",
		.until = { START_MS + 30 * DAY },
		.expires = { START_MS + 30 * DAY },
		.where = "t:1",
		.file = "",
	};
	conf.exception = list;
	conf.exception_count = 1;
	conf.exception_warn_ms = 14 * DAY;
	conf.exception_probe_ms = DAY;
	return &list[0];
}

static unsigned
times_logged(const char *text)
{
	const char *event = talloc_asprintf(mem, "keeper %s ", text);
	unsigned n = 0;

	for (const char *p = log_text_buf; (p = strstr(p, event)) != NULL; p++)
		n++;
	return n;
}

/* A message under way at a courier. */
static int64_t
under_way(struct peer *intake, struct peer *courier, int64_t id)
{
	submit(intake, id, "r.example");
	run(1);
	ck_assert_int_eq(must_job(courier).message, id);
	return id;
}

static uint32_t last_token;

static void
ask(struct peer *courier, int64_t message, struct wall expires)
{
	const struct wire_use w = {
		.slot = 1,
		.token = ++last_token,
		.message = message,
		.exception = "old",
		.expires = expires,
	};

	wire_pack_use(&out, &w);
	say(courier, WIRE_USE_WANT);
}

static enum wire_use_answer
answer(struct peer *courier)
{
	struct unpack u = unpack_from(must_frame(courier, WIRE_USE));
	enum wire_use_answer a;

	ck_assert_uint_eq(unpack_u32(&u), 1);
	(void)unpack_u32(&u);
	a = (enum wire_use_answer)unpack_enum(&u, WIRE_USE_COUNT);
	ck_assert_int_eq(unpack_done(&u), ST_OK);
	return a;
}

static enum wire_use_answer
use(struct peer *courier, int64_t message)
{
	ask(courier, message, list[0].expires);
	run(1);
	return answer(courier);
}

static struct store_exception
stored(void)
{
	struct store *s = reader();
	struct store_exception e = { 0 };

	ck_assert_int_eq(store_exception_get(s, mem, "old", list[0].until, &e,
			     &why),
	    ST_OK);
	talloc_free(s);
	return e;
}

/* ---- uses ---- */

START_TEST(inv_04_each_message_counts_once_and_on_disk)
{
	struct peer *in, *c;
	int64_t id;

	with_exception(0);
	start(1);
	in = new_intake(0);
	c = new_courier(0, 1);
	id = take_ids(in);
	under_way(in, c, id);
	ck_assert_int_eq(use(c, id), USE_GRANTED);
	ck_assert_uint_eq(stored().used, 1);
	ck_assert_int_ge(stored().last.ms, START_MS);
	ck_assert_int_eq(use(c, id), USE_GRANTED);
	ck_assert_uint_eq(stored().used, 1);
	under_way(in, c, id + 1);
	ck_assert_int_eq(use(c, id + 1), USE_GRANTED);
	ck_assert_uint_eq(stored().used, 2);
}
END_TEST

/* Two couriers ask within one turn for the one use that is left. */
START_TEST(inv_04_couriers_cannot_use_a_budget_beyond_its_end)
{
	struct peer *in, *c[2];
	int64_t id;
	unsigned granted = 0;

	with_exception(2);
	start(2);
	in = new_intake(0);
	c[0] = new_courier(0, 1);
	c[1] = new_courier(1, 2);
	id = take_ids(in);
	for (int i = 0; i < 6; i++)
		submit(in, id + i, "r.example");
	run(1);
	for (int i = 0; i < 6; i++)
		ask(c[i % 2], id + i, list[0].expires);
	run(1);
	for (int i = 0; i < 6; i++)
		granted += answer(c[i % 2]) == USE_GRANTED;
	ck_assert_uint_eq(granted, 2);
	ck_assert_uint_eq(stored().used, 2);
	ck_assert_uint_eq(times_logged("exception-used-up"), 1);
}
END_TEST

/* Whoever asks again for a message that was counted is not refused. */
START_TEST(inv_04_budgets_outlive_the_keeper)
{
	struct peer *in, *c;
	int64_t id;

	with_exception(1);
	start(1);
	in = new_intake(0);
	c = new_courier(0, 1);
	id = take_ids(in);
	under_way(in, c, id);
	ck_assert_int_eq(use(c, id), USE_GRANTED);
	talloc_free(in);
	talloc_free(c);
	TALLOC_FREE(k);
	start(1);
	in = new_intake(0);
	c = new_courier(0, 2);
	run(1);
	ck_assert_int_eq(must_job(c).message, id);
	ck_assert_int_eq(use(c, id), USE_GRANTED);
	id = take_ids(in);
	under_way(in, c, id);
	ck_assert_int_eq(use(c, id), USE_USED_UP);
	ck_assert_uint_eq(stored().used, 1);
}
END_TEST

/* Approved again, it is another. */
START_TEST(a_new_approval_has_a_budget_of_its_own)
{
	struct peer *in, *c;
	int64_t id;

	with_exception(1);
	start(1);
	in = new_intake(0);
	c = new_courier(0, 1);
	id = take_ids(in);
	under_way(in, c, id);
	ck_assert_int_eq(use(c, id), USE_GRANTED);
	list[0].until = list[0].expires = wall_after(list[0].until, DAY);
	keeper_reload(k, &conf);
	under_way(in, c, id + 1);
	ck_assert_int_eq(use(c, id + 1), USE_GRANTED);
	ck_assert_uint_eq(stored().used, 1);
}
END_TEST

START_TEST(inv_04_what_is_not_in_force_is_not_granted)
{
	struct peer *in, *c;
	int64_t id;

	with_exception(0);
	start(1);
	in = new_intake(0);
	c = new_courier(0, 1);
	id = take_ids(in);
	under_way(in, c, id);
	ask(c, id, wall_after(list[0].expires, 1)); /* another's end */
	run(1);
	ck_assert_int_eq(answer(c), USE_OVER);
	ck_assert_int_eq(use(c, id + 1), USE_OVER); /* not under way */
	wall_off = 30 * DAY;
	ck_assert_int_eq(use(c, id), USE_OVER);
	wall_off = 0;
	conf.exception_count = 0;
	keeper_reload(k, &conf);
	ck_assert_int_eq(use(c, id), USE_OVER);
}
END_TEST

START_TEST(inv_04_a_use_that_cannot_be_written_is_not_granted)
{
	struct peer *in, *c;
	int64_t id;

	with_exception(1);
	start(1);
	in = new_intake(0);
	c = new_courier(0, 1);
	id = take_ids(in);
	under_way(in, c, id);
	failing = _i == 0 ? FAIL_SYNC : _i == 1 ? FAIL_WRITE : FAIL_FULL;
	ask(c, id, list[0].expires);
	run(1);
	ck_assert_uint_eq(count_frames(c, WIRE_USE), 0);
	failing = FAIL_NONE;
	run(2 * MINUTE);
	ck_assert_int_eq(answer(c), USE_GRANTED);
	ck_assert_uint_eq(stored().used, 1);
}
END_TEST

START_TEST(uses_of_messages_that_have_left_are_forgotten)
{
	struct peer *in, *c;
	struct wire_job j;
	struct store *s;
	bool used = true;
	int64_t id;

	with_exception(0);
	start(1);
	in = new_intake(0);
	c = new_courier(0, 1);
	id = take_ids(in);
	submit(in, id, "r.example");
	run(1);
	j = must_job(c);
	ck_assert_int_eq(use(c, id), USE_GRANTED);
	tell(c, 1, &j, RESULT_DELIVERED);
	run(2 * MINUTE);
	s = reader();
	ck_assert_int_eq(store_exception_used(s,
			     &(struct store_exception){
				 .name = "old", .until = list[0].until },
			     id, &used, &why),
	    ST_OK);
	ck_assert(!used);
	ck_assert_uint_eq(stored().used, 1);
}
END_TEST

START_TEST(a_courier_that_has_gone_gets_no_answer)
{
	struct peer *in, *c;
	int64_t id;

	with_exception(1);
	start(1);
	in = new_intake(0);
	c = new_courier(0, 1);
	id = take_ids(in);
	under_way(in, c, id);
	ask(c, id, list[0].expires);
	TALLOC_FREE(c->chan);
	run(1);
	c = new_courier(0, 2);
	run(1000);
	ck_assert_int_eq(must_job(c).message, id);
	ck_assert_int_eq(use(c, id), USE_GRANTED);
}
END_TEST

/* ---- what is told ---- */

START_TEST(an_exception_is_warned_of_before_it_expires)
{
	with_exception(0);
	start(0);
	run(MINUTE);
	ck_assert(!logged("exception-expiring"));
	run(15 * DAY);
	ck_assert(!logged("exception-expiring"));
	run(DAY);
	ck_assert_uint_eq(times_logged("exception-expiring"), 1);
	ck_assert(logged("exception=old"));
	ck_assert(logged("approver=sec@gw.example.org"));
	run(DAY);
	ck_assert_uint_eq(times_logged("exception-expiring"), 2);
	keeper_reload(k, &conf);
	run(1);
	ck_assert_uint_eq(times_logged("exception-expiring"), 3);
}
END_TEST

START_TEST(inv_04_its_end_is_told_once)
{
	with_exception(0);
	start(0);
	run(30 * DAY - 1000);
	ck_assert(!logged("exception-expired"));
	run(2000);
	ck_assert_uint_eq(times_logged("exception-expired"), 1);
	TALLOC_FREE(k);
	start(0);
	run(3 * DAY);
	ck_assert_uint_eq(times_logged("exception-expired"), 1);
}
END_TEST

START_TEST(inv_04_one_that_is_taken_back_is_told_as_such)
{
	struct conf_exception *x = with_exception(0);

	start(0);
	run(1000);
	x->revoked = x->expires = net_wall(net);
	keeper_reload(k, &conf);
	run(1);
	ck_assert_uint_eq(times_logged("exception-revoked"), 1);
}
END_TEST

/* ---- probes ---- */

static struct wire_probe
must_probe(struct peer *courier)
{
	struct wire_probe p;

	ck_assert_int_eq(wire_unpack_probe(mem, must_frame(courier, WIRE_PROBE),
			     &p, &why),
	    ST_OK);
	return p;
}

static void
tell_probed(struct peer *courier, uint32_t token, enum store_needed needed)
{
	const struct wire_probed p = {
		.token = token,
		.needed = needed,
		.host = needed == NEEDED_YES ? "mx.r.example" : "",
		.why = "because",
	};

	wire_pack_probed(&out, &p);
	say(courier, WIRE_PROBED);
	run(1);
}

START_TEST(an_exception_in_force_is_probed_now_and_then)
{
	struct wire_probe p;
	struct peer *c;

	with_exception(0);
	start(1);
	c = new_courier(0, 1);
	run(2 * MINUTE);
	p = must_probe(c);
	ck_assert_str_eq(p.exception, "old");
	ck_assert_int_eq(p.expires.ms, list[0].expires.ms);
	ck_assert_uint_eq(p.domain_count, 1);
	ck_assert_str_eq(p.domain[0], "r.example");
	tell_probed(c, p.token, NEEDED_YES);
	ck_assert_int_eq(stored().needed, NEEDED_YES);
	ck_assert_str_eq(stored().host, "mx.r.example");
	ck_assert_str_eq(stored().why, "because");
	ck_assert_int_ge(stored().probed.ms, START_MS + 2 * MINUTE);
	ck_assert_uint_eq(stored().used, 0);
	run(DAY - 10 * MINUTE);
	ck_assert_uint_eq(count_frames(c, WIRE_PROBE), 1);
	run(20 * MINUTE);
	ck_assert_uint_eq(count_frames(c, WIRE_PROBE), 2);
	tell_probed(c, must_probe(c).token, NEEDED_NO);
	ck_assert_int_eq(stored().needed, NEEDED_NO);
	ck_assert_uint_eq(times_logged("exception-not-needed"), 1);
}
END_TEST

START_TEST(one_exception_at_a_time_is_probed)
{
	struct peer *c;

	with_exception(0);
	list[1] = list[0];
	list[1].name = "other";
	conf.exception_count = 2;
	start(1);
	c = new_courier(0, 1);
	run(10 * MINUTE);
	ck_assert_uint_eq(count_frames(c, WIRE_PROBE), 1);
	tell_probed(c, must_probe(c).token, NEEDED_UNKNOWN);
	run(2 * MINUTE);
	ck_assert_str_eq(must_probe(c).exception, "other");
}
END_TEST

START_TEST(exceptions_that_have_ended_are_not_probed)
{
	struct conf_exception *x = with_exception(1);
	struct peer *in, *c;
	int64_t id;

	if (_i == 0)
		x->expires = (struct wall){ START_MS };
	else if (_i == 1)
		conf.exception_probe_ms = 0;
	else if (_i == 2)
		domains[0] = ".r.example"; /* whose names nobody knows */
	start(1);
	in = new_intake(0);
	c = new_courier(0, 1);
	id = take_ids(in);
	if (_i == 3) { /* used up */
		under_way(in, c, id);
		ck_assert_int_eq(use(c, id), USE_GRANTED);
	}
	run(10 * MINUTE);
	ck_assert_uint_eq(count_frames(c, WIRE_PROBE), 0);
}
END_TEST

/* Not all that it is for could be looked at. */
START_TEST(a_probe_of_part_of_the_domains_proves_no_want_of_it)
{
	struct conf_exception *x = with_exception(0);
	struct peer *c;

	domains[1] = ".r.example";
	x->domain_count = 2;
	start(1);
	c = new_courier(0, 1);
	run(2 * MINUTE);
	tell_probed(c, must_probe(c).token, NEEDED_NO);
	ck_assert_int_eq(stored().needed, NEEDED_UNKNOWN);
	ck_assert(!logged("exception-not-needed"));
}
END_TEST

START_TEST(a_probe_that_kills_its_courier_is_not_repeated_at_once)
{
	struct peer *c;

	with_exception(0);
	start(1);
	c = new_courier(0, 1);
	run(2 * MINUTE);
	(void)must_probe(c);
	TALLOC_FREE(c->chan);
	run(1);
	ck_assert_int_eq(stored().needed, NEEDED_UNKNOWN);
	c = new_courier(0, 2);
	run(HOUR);
	ck_assert_uint_eq(count_frames(c, WIRE_PROBE), 0);
}
END_TEST

START_TEST(a_probe_that_is_never_answered_is_given_up)
{
	struct peer *c;

	with_exception(0);
	start(1);
	c = new_courier(0, 1);
	run(2 * MINUTE);
	(void)must_probe(c);
	run(2 * HOUR);
	ck_assert_int_eq(stored().needed, NEEDED_UNKNOWN);
	run(DAY);
	ck_assert_str_eq(must_probe(c).exception, "old");
}
END_TEST

START_TEST(answers_to_no_probe_are_passed_over)
{
	struct peer *c;
	uint32_t token;

	with_exception(0);
	start(1);
	c = new_courier(0, 1);
	tell_probed(c, 1, NEEDED_NO);
	run(2 * MINUTE);
	token = must_probe(c).token;
	tell_probed(c, token + 1, NEEDED_NO);
	ck_assert(!c->closed);
	tell_probed(c, token, NEEDED_YES);
	tell_probed(c, token, NEEDED_NO);
	ck_assert_int_eq(stored().needed, NEEDED_YES);
}
END_TEST

static void
add_tests(TCase *t)
{
	tcase_add_test(t, inv_04_each_message_counts_once_and_on_disk);
	tcase_add_test(t, inv_04_couriers_cannot_use_a_budget_beyond_its_end);
	tcase_add_test(t, inv_04_budgets_outlive_the_keeper);
	tcase_add_test(t, a_new_approval_has_a_budget_of_its_own);
	tcase_add_test(t, inv_04_what_is_not_in_force_is_not_granted);
	tcase_add_loop_test(t,
	    inv_04_a_use_that_cannot_be_written_is_not_granted, 0, 3);
	tcase_add_test(t, uses_of_messages_that_have_left_are_forgotten);
	tcase_add_test(t, a_courier_that_has_gone_gets_no_answer);
	tcase_add_test(t, an_exception_is_warned_of_before_it_expires);
	tcase_add_test(t, inv_04_its_end_is_told_once);
	tcase_add_test(t, inv_04_one_that_is_taken_back_is_told_as_such);
	tcase_add_test(t, an_exception_in_force_is_probed_now_and_then);
	tcase_add_test(t, one_exception_at_a_time_is_probed);
	tcase_add_loop_test(t, exceptions_that_have_ended_are_not_probed, 0, 4);
	tcase_add_test(t, a_probe_of_part_of_the_domains_proves_no_want_of_it);
	tcase_add_test(t,
	    a_probe_that_kills_its_courier_is_not_repeated_at_once);
	tcase_add_test(t, a_probe_that_is_never_answered_is_given_up);
	tcase_add_test(t, answers_to_no_probe_are_passed_over);
}

int
main(void)
{
	return keeper_run("keeper_exception", add_tests);
}
