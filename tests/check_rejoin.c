/* SPDX-License-Identifier: BSD-2-Clause */
/* Channels that break while both their ends live. */
#include <check.h>
#include <stdlib.h>

#include "gateway/rejoin.h"
#include "net/chan.h"
#include "tests/replay/sim.h"

static TALLOC_CTX *mem;
static struct sim *sim;
static struct net *net;
static struct conf conf;
static struct courier *courier;
static struct advisor *advisor;
static struct intake *intake;
static struct mapper *mapper;
static struct chan *ours; /* our end of the channel at hand */
static bool closed;
static unsigned asked, given_up;
static int at_hand = -1; /* the end under test */

static void
log_nothing(void *arg, enum log_level level, struct span line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static struct log quiet = { .role = "test", .write = log_nothing };

static void count_ask(void *arg, enum role other);

static void
count_end(void *arg)
{
	(void)arg;
	given_up++;
}

static const struct role_links links = { count_ask, count_end };

static enum status
any_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	(void)arg;
	(void)type;
	(void)payload;
	(void)why;
	return ST_OK;
}

static void
note_closed(void *arg, const char *why)
{
	(void)arg;
	(void)why;
	closed = true;
}

static const struct chan_ops our_ops = {
	.frame = any_frame,
	.closed = note_closed,
};

static void
run(int64_t ms)
{
	sim_run(sim, ms, NULL, NULL);
}

/* ---- who is to get a channel again ---- */

static void
intake_to_keeper(struct sock *s)
{
	intake_attach_keeper(intake, s);
}

static void
courier_to_keeper(struct sock *s)
{
	courier_attach_keeper(courier, s);
}

static void
courier_to_advisor(struct sock *s)
{
	courier_attach_advisor(courier, s);
}

static void
advisor_to_keeper(struct sock *s)
{
	advisor_attach_keeper(advisor, s);
}

static void
mapper_to_advisor(struct sock *s)
{
	mapper_attach_advisor(mapper, s);
}

static void
link_mapper(void)
{
	mapper_links(mapper, &links, NULL);
}

static void
link_intake(void)
{
	intake_links(intake, &links, NULL);
}

static void
link_courier(void)
{
	courier_links(courier, &links, NULL);
}

static void
link_advisor(void)
{
	advisor_links(advisor, &links, NULL);
}

static const struct {
	void (*attach)(struct sock *s);
	void (*link)(void);
	enum role other;
} ends[] = {
	{ intake_to_keeper, link_intake, ROLE_KEEPER },
	{ courier_to_keeper, link_courier, ROLE_KEEPER },
	{ courier_to_advisor, link_courier, ROLE_ADVISOR },
	{ advisor_to_keeper, link_advisor, ROLE_KEEPER },
	{ mapper_to_advisor, link_mapper, ROLE_ADVISOR },
};
#define ENDS ((int)COUNT_OF(ends))

/* A courier asks for its other channel too. */
static void
count_ask(void *arg, enum role other)
{
	(void)arg;
	asked += other == ends[at_hand].other;
}

static void
begin(int end)
{
	if (at_hand < 0)
		ends[end].link();
	at_hand = end;
}

static void
join(int end)
{
	struct sock *mine, *its;

	begin(end);
	TALLOC_FREE(ours);
	sim_pair(mem, sim, &mine, &its);
	ours = chan_new(mem, net, mine, &our_ops, NULL);
	closed = false;
	ends[end].attach(its);
	run(1);
}

/* Something that is no frame for anybody. */
static void
breach(void)
{
	chan_send_span(ours, 255, SPAN_NONE);
	run(1);
}

static void
set_up(void)
{
	struct role_env env;

	mem = talloc_new(NULL);
	sim = sim_new(mem, (struct wall){ INT64_C(1795508513000) }, 42);
	net = sim_net(sim);
	conf = (struct conf){ .hostname = "gw.example.org",
		.drain_timeout_ms = 1000 };
	env = (struct role_env){ net, &quiet, &conf };
	courier = courier_new(mem, &env, NULL);
	advisor = advisor_new(mem, &env);
	intake = intake_new(mem, &env);
	mapper = mapper_new(mem, &env);
	ours = NULL;
	asked = given_up = 0;
	at_hand = -1;
}

static void
tear_down(void)
{
	talloc_free(mem);
}

/* ---- tests ---- */

/* Else the other end would wait for answers that never come. */
START_TEST(b3_12_a_breach_ends_a_channel_at_both_its_ends)
{
	join(_i);
	ck_assert(!closed);
	breach();
	ck_assert(closed);
}
END_TEST

START_TEST(b3_12_an_advisor_lets_go_of_a_courier_s_channel_too)
{
	struct sock *mine, *its;

	sim_pair(mem, sim, &mine, &its);
	ours = chan_new(mem, net, mine, &our_ops, NULL);
	closed = false;
	advisor_attach_courier(advisor, 0, its);
	breach();
	ck_assert(closed);
	/* And takes another. */
	TALLOC_FREE(ours);
	sim_pair(mem, sim, &mine, &its);
	ours = chan_new(mem, net, mine, &our_ops, NULL);
	closed = false;
	advisor_attach_courier(advisor, 0, its);
	run(1);
	ck_assert(!closed);
}
END_TEST

START_TEST(a_channel_that_broke_is_asked_for_until_it_is_there)
{
	join(_i);
	breach();
	run(REJOIN_FIRST_MS - 2);
	ck_assert_uint_eq(asked, 0);
	run(1);
	ck_assert_uint_eq(asked, 1);
	run(2 * REJOIN_FIRST_MS);
	ck_assert_uint_eq(asked, 2); /* and later each time, but always */
	run(INT64_C(100) * REJOIN_MAX_MS);
	ck_assert_uint_ge(asked, 100);
	join(_i);
	asked = 0;
	run(INT64_C(10) * REJOIN_MAX_MS);
	ck_assert_uint_eq(asked, 0);
	ck_assert(!closed);
	ck_assert_uint_eq(given_up, 0);
}
END_TEST

/* The master could not make one, or not hand it over. */
START_TEST(a_channel_that_never_came_is_asked_for)
{
	begin(_i);
	run(REJOIN_FIRST_MS - 1);
	ck_assert_uint_eq(asked, 0);
	run(1);
	ck_assert_uint_eq(asked, 1);
	join(_i);
	run(INT64_C(10) * REJOIN_MAX_MS);
	ck_assert_uint_eq(asked, 1);
	ck_assert(!closed);
}
END_TEST

/* The master joins it by itself. */
START_TEST(a_role_started_afresh_is_not_asked_for)
{
	for (unsigned i = 0; i < 3 * REJOIN_TRIES; i++) {
		join(_i);
		TALLOC_FREE(ours);
		run(REJOIN_FIRST_MS - 10);
	}
	ck_assert_uint_eq(asked, 0);
	ck_assert_uint_eq(given_up, 0);
}
END_TEST

START_TEST(a_channel_that_breaks_again_and_again_is_given_up)
{
	for (unsigned i = 0; i < REJOIN_TRIES; i++) {
		join(_i);
		breach();
		run(REJOIN_FIRST_MS);
		ck_assert_uint_eq(asked, i + 1);
	}
	ck_assert_uint_eq(given_up, 0);
	join(_i);
	breach();
	ck_assert_uint_eq(given_up, 1);
}
END_TEST

START_TEST(a_channel_that_breaks_now_and_then_is_not_given_up)
{
	for (unsigned i = 0; i < 3 * REJOIN_TRIES; i++) {
		join(_i);
		run(REJOIN_STEADY_MS);
		breach();
		run(REJOIN_FIRST_MS);
		ck_assert_uint_eq(asked, i + 1);
	}
	ck_assert_uint_eq(given_up, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("rejoin");
	TCase *t = tcase_create("rejoin");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, b3_12_a_breach_ends_a_channel_at_both_its_ends,
	    0, ENDS);
	tcase_add_test(t, b3_12_an_advisor_lets_go_of_a_courier_s_channel_too);
	tcase_add_loop_test(t,
	    a_channel_that_broke_is_asked_for_until_it_is_there, 0, ENDS);
	tcase_add_loop_test(t, a_channel_that_never_came_is_asked_for, 0, ENDS);
	tcase_add_loop_test(t, a_role_started_afresh_is_not_asked_for, 0, ENDS);
	tcase_add_loop_test(t,
	    a_channel_that_breaks_again_and_again_is_given_up, 0, ENDS);
	tcase_add_loop_test(t,
	    a_channel_that_breaks_now_and_then_is_not_given_up, 0, ENDS);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
