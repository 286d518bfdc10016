/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper: results of sessions, for TLS reports. */
#include "report/tlsrpt_tally.h"
#include "tests/keeper.h"

#define DAY(n) ((struct wall){ (n)*TLSRPT_DAY_MS })
#define TODAY  (tlsrpt_day(net_wall(net)).ms / TLSRPT_DAY_MS)

static struct span
key_of(enum tlsrpt_count count, const char *domain)
{
	const struct tlsrpt_tally t = { .count = count,
		.policy = { .type = TLSRPT_NO_POLICY, .domain = domain },
		.detail = { .mx = "", .helo = "", .reason = "" } };
	struct sbuf b;

	sbuf_init(&b, mem, TLSRPT_TALLY_MAX_BYTES);
	tlsrpt_tally_pack(&t, &b);
	return sbuf_view(&b);
}

/* The slot failed, and these are its results. */
static void
tell_tally(struct peer *p, uint64_t seq, struct wire_tally *t, uint32_t count)
{
	const struct wire_slot_failed f = { .seq = seq,
		.slot = 4711,
		.host = "",
		.status = "4.4.1",
		.why = "x",
		.tally = t,
		.tally_count = count };

	wire_pack_slot_failed(&out, &f);
	say(p, WIRE_SLOT_FAILED);
	run(1);
}

static void
sum(void *arg, const struct store_tally *t)
{
	*(uint64_t *)arg += t->count;
}

static uint64_t
total(struct wall day, const char *domain)
{
	struct store *s = reader();
	uint64_t n = 0;

	ck_assert_int_eq(store_tally_each(s, day, domain, sum, &n, &why),
	    ST_OK);
	talloc_free(s);
	return n;
}

START_TEST(rpt_28_results_of_all_couriers_add_up_and_survive_a_restart)
{
	struct wire_tally t[] = {
		{ DAY(TODAY), "d.example", key_of(TLSRPT_SUCCESS, "d.example"),
		    3 },
		{ DAY(TODAY), "d.example", key_of(TLSRPT_FAILURE, "d.example"),
		    1 },
		{ DAY(TODAY + 1), "d.example",
		    key_of(TLSRPT_SUCCESS, "d.example"), 10 },
		{ DAY(TODAY), "e.example", key_of(TLSRPT_SUCCESS, "e.example"),
		    100 },
	};
	struct peer *a, *b;
	struct sock *theirs;

	conf.tlsrpt_enable = true;
	start(2);
	a = new_courier(0, 1);
	b = new_courier(1, 2);
	tell_tally(a, 1, t, COUNT_OF(t));
	tell_tally(b, 1, t, 1);
	ck_assert_uint_eq(total(DAY(TODAY), "d.example"), 7);
	/* sent again, for the receipt got lost */
	talloc_free(a);
	TALLOC_FREE(k);
	start(2);
	a = peer_new(&theirs);
	keeper_attach_courier(k, 0, theirs);
	send_hello(a, 1, 1, NULL, 0);
	tell_tally(a, 1, t, COUNT_OF(t));
	tell_tally(a, 2, t, 1);
	ck_assert_uint_eq(last_ack(a), 2);
	ck_assert_uint_eq(total(DAY(TODAY), "d.example"), 10);
	ck_assert_uint_eq(total(DAY(TODAY + 1), "d.example"), 10);
	ck_assert_uint_eq(total(DAY(TODAY), "e.example"), 100);
}
END_TEST

START_TEST(b3_12_a_result_that_is_none_costs_the_courier_its_channel)
{
	const struct wire_tally bad[] = {
		{ DAY(TODAY), "d.example", SPAN_LIT("no tally"), 1 },
		{ DAY(TODAY), "d.example", key_of(TLSRPT_SUCCESS, "x"), 0 },
		{ { 1 }, "d.example", key_of(TLSRPT_SUCCESS, "x"), 1 },
		{ DAY(TODAY), "", key_of(TLSRPT_SUCCESS, "x"), 1 },
	};
	struct wire_tally t = bad[_i];
	struct peer *p;

	conf.tlsrpt_enable = true;
	start(1);
	p = new_courier(0, 1);
	tell_tally(p, 1, &t, 1);
	ck_assert_uint_eq(last_ack(p), 0);
	ck_assert_uint_eq(total(DAY(TODAY), "d.example"), 0);
}
END_TEST

START_TEST(results_that_nobody_took_end_when_their_report_would_have)
{
	struct wall day;
	struct wire_tally t = { { 0 }, "d.example",
		key_of(TLSRPT_SUCCESS, "d.example"), 1 };
	struct peer *p;

	conf.tlsrpt_enable = true;
	start(1);
	p = new_courier(0, 1);
	t.day = day = DAY(TODAY);
	tell_tally(p, 1, &t, 1);
	run(72 * HOUR);
	ck_assert_uint_eq(total(day, "d.example"), 1);
	run(24 * HOUR + 2 * MINUTE);
	ck_assert_uint_eq(total(day, "d.example"), 0);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc,
	    rpt_28_results_of_all_couriers_add_up_and_survive_a_restart);
	tcase_add_test(tc,
	    results_that_nobody_took_end_when_their_report_would_have);
	tcase_add_loop_test(tc,
	    b3_12_a_result_that_is_none_costs_the_courier_its_channel, 0, 4);
}

int
main(void)
{
	return keeper_run("keeper_tally", add_tests);
}
