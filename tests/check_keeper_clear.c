/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper: how many go in clear, and whether something interferes. */
#include "tests/keeper.h"

#define DAY (24 * HOUR)

static struct peer *in, *courier;
static uint64_t told, instance;

static void
begin(uint32_t limit)
{
	conf.smtp_plaintext_limit = limit;
	start(1);
	in = new_intake(0);
	courier = new_courier(0, ++instance);
	told = 0;
}

static int64_t next_id;

/* A message is handed in; its job. */
static struct wire_job
one_job(void)
{
	submit(in, next_id++, "r.example");
	run(1);
	return must_job(courier);
}

static void
deliver(const struct wire_job *j)
{
	tell(courier, ++told, j, RESULT_DELIVERED); /* in clear */
	run(1);
}

/* ---- the day's number ---- */

START_TEST(no_limit_lets_all_go_in_clear)
{
	begin(0);
	next_id = take_ids(in);
	for (unsigned i = 0; i < 5; i++) {
		struct wire_job j = one_job();

		ck_assert(j.clear_in_budget);
		deliver(&j);
	}
}
END_TEST

START_TEST(so_many_a_day_may_go_in_clear_and_no_more)
{
	struct wire_job j;

	begin(2);
	next_id = take_ids(in);
	for (unsigned i = 0; i < 2; i++) {
		j = one_job();
		ck_assert(j.clear_in_budget);
		deliver(&j);
	}
	j = one_job();
	ck_assert(!j.clear_in_budget);
	deliver(&j);    /* by TLS, or by an exception */
	run(16 * HOUR); /* midnight has gone by */
	j = one_job();
	ck_assert(j.clear_in_budget);
}
END_TEST

START_TEST(a_rule_has_its_own_number)
{
	const char *domains[] = { "r.example" };
	struct conf_rule rule = { .name = "few",
		.domains = domains,
		.domain_count = 1,
		.require = OVERRIDE_MAY,
		.plaintext_limit = 1 };
	struct wire_job j;

	conf.rule = &rule;
	conf.rule_count = 1;
	begin(0);
	next_id = take_ids(in);
	j = one_job();
	ck_assert(j.clear_in_budget);
	deliver(&j);
	j = one_job();
	ck_assert(!j.clear_in_budget);
	deliver(&j);
	for (unsigned i = 0; i < 2; i++) { /* no rule, no number */
		submit(in, next_id++, "other.example");
		run(1);
		j = must_job(courier);
		ck_assert(j.clear_in_budget);
		deliver(&j);
	}
	conf.rule_count = 0;
}
END_TEST

/* Several under way hold their part, or together they would be too many. */
START_TEST(jobs_under_way_hold_their_part_of_the_number)
{
	struct wire_job a, b, c, d;

	begin(2);
	next_id = take_ids(in);
	a = one_job();
	b = one_job();
	c = one_job();
	ck_assert(a.clear_in_budget && b.clear_in_budget);
	ck_assert(!c.clear_in_budget);
	/* Put off after its content was sent: in clear all the same. */
	tell(courier, ++told, &a, RESULT_DEFERRED);
	run(1);
	deliver(&b);
	d = one_job();
	ck_assert(!d.clear_in_budget);
}
END_TEST

START_TEST(what_does_not_go_in_clear_gives_its_part_back)
{
	struct wire_evidence e = proof("r.example", EVIDENCE_DELIVERED,
	    REACHED_TLS);
	struct wire_job j;

	begin(1);
	next_id = take_ids(in);
	for (unsigned i = 0; i < 3; i++) {
		struct wire_rcpt_result r;
		struct wire_outcome o;

		j = one_job();
		ck_assert(j.clear_in_budget);
		r = result(j.rcpt[0].id, RESULT_DELIVERED);
		r.reached = REACHED_TLS;
		o = (struct wire_outcome){ .seq = ++told,
			.slot = j.slot,
			.lease = j.lease,
			.message = j.message,
			.result_count = 1,
			.result = &r,
			.evidence_count = 1,
			.evidence = &e };
		wire_pack_outcome(&out, &o);
		say(courier, WIRE_OUTCOME);
		run(1);
	}
}
END_TEST

START_TEST(the_number_outlives_the_keeper)
{
	struct wire_job j;

	begin(1);
	next_id = take_ids(in);
	j = one_job();
	deliver(&j);
	TALLOC_FREE(k);
	begin(1);
	next_id = take_ids(in);
	ck_assert(!one_job().clear_in_budget);
}
END_TEST

START_TEST(what_an_earlier_keeper_let_go_holds_its_part)
{
	struct wire_held held;
	struct wire_job j;
	struct sock *theirs;

	begin(1);
	next_id = take_ids(in);
	j = one_job();
	ck_assert(j.clear_in_budget);
	TALLOC_FREE(k);
	start(1);
	in = new_intake(0);
	courier = peer_new(&theirs);
	keeper_attach_courier(k, 0, theirs);
	held = (struct wire_held){ j.lease, j.message, 1, &j.rcpt[0].id };
	send_hello(courier, instance, 0, &held, 1);
	run(1);
	next_id = take_ids(in);
	ck_assert(!one_job().clear_in_budget);
}
END_TEST

/* ---- interference ---- */

static struct wire_evidence
seen_at(unsigned host, enum evidence_outcome outcome,
    enum evidence_reached reached)
{
	struct sbuf *personal = talloc_zero(mem, struct sbuf);
	struct sbuf *body = talloc_zero(mem, struct sbuf);
	struct evidence e = { .time = net_wall(net),
		.domain = "r.example",
		.host = talloc_asprintf(mem, "mx.h%u.example", host),
		.addr = { .family = NETADDR_IP4, .ip = { 192, 0, 2, 1 } },
		.outcome = outcome,
		.reached = reached,
		.protocol = reached >= REACHED_TLS ? "TLSv1.3" : "",
		.failure = outcome == EVIDENCE_TLS_FAILED ?
			       FAILURE_CERTIFICATE :
			       FAILURE_NONE };

	sbuf_init(personal, mem, EVIDENCE_MAX_BYTES);
	sbuf_init(body, mem, EVIDENCE_MAX_BYTES);
	evidence_pack(&e, personal, body);
	return (struct wire_evidence){ sbuf_view(personal), sbuf_view(body) };
}

/* Told with a message that is delivered. */
static void
tell_seen(unsigned from, unsigned to, enum evidence_outcome outcome,
    enum evidence_reached reached)
{
	struct wire_job j = one_job();
	struct wire_rcpt_result r = result(j.rcpt[0].id, RESULT_DELIVERED);
	struct wire_evidence e[WIRE_MAX_EVIDENCE];
	struct wire_outcome o = { .seq = ++told,
		.slot = j.slot,
		.lease = j.lease,
		.message = j.message,
		.result_count = 1,
		.result = &r,
		.evidence_count = to - from,
		.evidence = e };

	for (unsigned i = from; i < to; i++)
		e[i - from] = seen_at(i, outcome, reached);
	wire_pack_outcome(&out, &o);
	say(courier, WIRE_OUTCOME);
	run(1);
}

/* What the courier was told last: 1, 0, or -1 for nothing. */
static int
alarm_told(const struct peer *p)
{
	int said = -1;

	for (unsigned i = 0; i < p->count; i++)
		if (p->frame[i].type == WIRE_INTERFERENCE) {
			struct unpack u = unpack_from(p->frame[i].payload);

			said = unpack_bool(&u);
			ck_assert_int_eq(unpack_done(&u), ST_OK);
		}
	return said;
}

static void
begin_watch(void)
{
	conf.interference_hosts = 10;
	conf.interference_share = 50;
	conf.interference_window_ms = 15 * MINUTE;
	begin(0);
	next_id = take_ids(in);
}

START_TEST(hosts_that_lose_tls_at_once_are_an_alarm_that_ends_by_itself)
{
	struct peer *second;

	begin_watch();
	ck_assert_int_eq(alarm_told(courier), 0);
	tell_seen(0, 12, EVIDENCE_DELIVERED, REACHED_TLS);
	tell_seen(0, 5, EVIDENCE_DELIVERED, REACHED_PLAIN);
	ck_assert_int_eq(alarm_told(courier), 0);
	tell_seen(5, 10, EVIDENCE_TLS_FAILED, REACHED_NOTHING);
	ck_assert_int_eq(alarm_told(courier), 1);
	ck_assert(logged("interference lost=10"));
	second = new_courier(1, ++instance);
	ck_assert_int_eq(alarm_told(second), 1);
	tell_seen(0, 10, EVIDENCE_DELIVERED, REACHED_VERIFIED);
	ck_assert_int_eq(alarm_told(courier), 0);
	ck_assert_int_eq(alarm_told(second), 0);
	ck_assert(logged("interference-over"));
}
END_TEST

START_TEST(an_alarm_outlives_the_keeper)
{
	begin_watch();
	tell_seen(0, 10, EVIDENCE_DELIVERED, REACHED_TLS);
	tell_seen(0, 10, EVIDENCE_DELIVERED, REACHED_PLAIN);
	ck_assert_int_eq(alarm_told(courier), 1);
	TALLOC_FREE(k);
	begin(0);
	ck_assert_int_eq(alarm_told(courier), 1);
	next_id = take_ids(in);
	tell_seen(0, 10, EVIDENCE_DELIVERED, REACHED_TLS);
	ck_assert_int_eq(alarm_told(courier), 0);
}
END_TEST

START_TEST(hosts_of_legacy_systems_that_never_had_tls_raise_none)
{
	begin_watch();
	tell_seen(0, 50, EVIDENCE_DELIVERED, REACHED_PLAIN);
	tell_seen(0, 50, EVIDENCE_DELIVERED, REACHED_PLAIN);
	ck_assert_int_eq(alarm_told(courier), 0);
}
END_TEST

START_TEST(switched_off_nothing_is_looked_for)
{
	begin_watch();
	conf.interference_hosts = 0;
	keeper_reload(k, &conf);
	tell_seen(0, 20, EVIDENCE_DELIVERED, REACHED_TLS);
	tell_seen(0, 20, EVIDENCE_DELIVERED, REACHED_PLAIN);
	ck_assert_int_eq(alarm_told(courier), 0);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, no_limit_lets_all_go_in_clear);
	tcase_add_test(tc, a_rule_has_its_own_number);
	tcase_add_test(tc, so_many_a_day_may_go_in_clear_and_no_more);
	tcase_add_test(tc, jobs_under_way_hold_their_part_of_the_number);
	tcase_add_test(tc, what_does_not_go_in_clear_gives_its_part_back);
	tcase_add_test(tc, the_number_outlives_the_keeper);
	tcase_add_test(tc, what_an_earlier_keeper_let_go_holds_its_part);
	tcase_add_test(tc,
	    hosts_that_lose_tls_at_once_are_an_alarm_that_ends_by_itself);
	tcase_add_test(tc, an_alarm_outlives_the_keeper);
	tcase_add_test(tc,
	    hosts_of_legacy_systems_that_never_had_tls_raise_none);
	tcase_add_test(tc, switched_off_nothing_is_looked_for);
}

int
main(void)
{
	return keeper_run("keeper_clear", add_tests);
}
