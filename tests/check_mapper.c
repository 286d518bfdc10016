/* SPDX-License-Identifier: BSD-2-Clause */
/* The mapper among clients, good and hostile, and advisors that fail. */
#include "tests/mapper.h"

#define A "[a.example]:25"
#define B "[b.example]:25"

static const char
    verified_a[] = "OK secure match=a.example servername=hostname";
static const char
    verified_b[] = "OK secure match=b.example servername=hostname";

/* ---- answers ---- */

START_TEST(mapper_answers_by_the_plan_of_the_hop)
{
	struct client *c;

	advisor_start();
	c = client_new();
	ask(c, "policy [A.example]");
	expect_nothing(c);
	ck_assert_uint_eq(question_count, 1);
	ck_assert_str_eq(question[0].hop, A);
	reply_to(&question[0], LEVEL_VERIFY);
	expect(c, verified_a);
	ask(c, "tlsrpt [a.example]:25");
	expect(c, verified_a);
	ask(c, "policy .a.example");
	expect(c, "NOTFOUND ");
	ck_assert_uint_eq(question_count, 1);
}
END_TEST

START_TEST(mapper_asks_once_for_all_who_wait)
{
	struct client *c[5];

	advisor_start();
	for (size_t i = 0; i < COUNT_OF(c); i++) {
		c[i] = client_new();
		ask(c[i], "policy [a.example]");
	}
	go_on(0);
	ck_assert_uint_eq(question_count, 1);
	TALLOC_FREE(c[0]); /* who has gone keeps nobody from the answer */
	go_on(0);
	reply_to(&question[0], LEVEL_VERIFY);
	for (size_t i = 1; i < COUNT_OF(c); i++)
		expect(c[i], verified_a);
}
END_TEST

START_TEST(mapper_keeps_an_answer_until_its_facts_expire)
{
	struct client *c;

	advisor_start();
	c = client_new();
	ask(c, "policy [a.example]");
	go_on(0);
	reply_to(&question[0], LEVEL_VERIFY);
	expect(c, verified_a);
	go_on(59999);
	ask(c, "policy [a.example]");
	expect(c, verified_a);
	ck_assert_uint_eq(question_count, 1);
	go_on(1);
	ask(c, "policy [a.example]");
	expect_nothing(c);
	ck_assert_uint_eq(question_count, 2);
	reply_to(&question[1], LEVEL_PLAIN);
	expect(c, "OK may");
}
END_TEST

/* Nobody knows for how long it would serve. */
START_TEST(c13_mapper_keeps_no_answer_when_the_clock_is_put_back)
{
	struct client *c;

	advisor_start();
	c = client_new();
	ask(c, "policy [a.example]");
	go_on(0);
	reply_to(&question[0], LEVEL_PLAIN);
	expect(c, "OK may");
	sim_set_clock(sim, -3600000);
	ask(c, "policy [a.example]");
	expect_nothing(c);
	ck_assert_uint_eq(question_count, 2);
	reply_to(&question[1], LEVEL_VERIFY);
	expect(c, verified_a);
}
END_TEST

START_TEST(mapper_keeps_as_many_answers_as_it_may)
{
	struct client *c;

	conf.mapper_answers = 2;
	advisor_start();
	c = client_new();
	for (unsigned i = 0; i < 3; i++) {
		ask(c, need(talloc_asprintf(mem, "policy [h%u.example]", i)));
		go_on(0);
		reply_to(&question[i], LEVEL_PLAIN);
		expect(c, "OK may");
	}
	ask(c, "policy [h2.example]");
	expect(c, "OK may");
	ask(c, "policy [h1.example]");
	expect(c, "OK may");
	ask(c, "policy [h0.example]");
	expect_nothing(c);
	ck_assert_uint_eq(question_count, 4);
}
END_TEST

START_TEST(mapper_answers_one_connection_in_the_order_of_its_requests)
{
	struct client *c;

	advisor_start();
	c = client_new();
	ask(c, "policy [a.example]");
	ask(c, "policy .org");
	ask(c, "policy [b.example]");
	expect_nothing(c);
	ck_assert_uint_eq(question_count, 1);
	reply_to(question_for(A), LEVEL_VERIFY);
	expect(c, verified_a);
	expect(c, "NOTFOUND ");
	expect_nothing(c);
	reply_to(question_for(B), LEVEL_VERIFY);
	expect(c, verified_b);
}
END_TEST

START_TEST(mapper_forgets_its_answers_at_a_reload)
{
	static struct conf other;
	struct client *c;

	advisor_start();
	c = client_new();
	ask(c, "policy [a.example]");
	go_on(0);
	reply_to(&question[0], LEVEL_PLAIN);
	expect(c, "OK may");
	other = conf;
	other.digest[0] = 1;
	mapper_reload(m, &other);
	ask(c, "policy [a.example]");
	expect_nothing(c);
	/* Of an advisor that has not reloaded: for now, and not kept. */
	reply_to(&question[1], LEVEL_PLAIN);
	expect(c, "OK may");
	ask(c, "policy [a.example]");
	expect_nothing(c);
	ck_assert_uint_eq(question_count, 3);
}
END_TEST

/* As after `tierpost policy forget`: the next question is asked again. */
START_TEST(inv_04_mapper_forgets_its_answers_when_the_advisor_says_so)
{
	struct client *c, *d;

	advisor_start();
	c = client_new();
	d = client_new();
	ask(c, "policy [a.example]");
	go_on(0);
	reply_to(&question[0], LEVEL_PLAIN);
	expect(c, "OK may");
	ask(d, "policy [b.example]");
	go_on(0);
	chan_send_span(advisor, WIRE_HOPS_OVER, SPAN_NONE);
	go_on(0);
	ask(c, "policy [a.example]");
	expect_nothing(c);
	ck_assert_uint_eq(question_count, 3);
	/* What was asked is answered by a plan made behind the change. */
	reply_to(&question[1], LEVEL_PLAIN);
	expect(d, "OK may");
	reply_to(&question[2], LEVEL_ENCRYPT);
	expect(c, "OK encrypt");
	chan_send_span(advisor, WIRE_HOPS_OVER, SPAN_LIT("x"));
	go_on(0);
	ck_assert(advisor_gone);
}
END_TEST

/* ---- advisors ---- */

START_TEST(mapper_without_an_advisor_says_to_wait)
{
	struct client *c = client_new();

	ask(c, "policy [a.example]");
	go_on(MAPPER_ABSENT_MS - 1);
	expect_nothing(c);
	go_on(1);
	expect(c, "TEMP nobody decides now");
}
END_TEST

START_TEST(mapper_asks_a_new_advisor_what_the_old_one_did_not_answer)
{
	struct client *c, *d;

	advisor_start();
	c = client_new();
	d = client_new();
	ask(c, "policy [a.example]");
	ask(d, "policy [b.example]");
	go_on(0);
	TALLOC_FREE(d);
	go_on(0);
	advisor_die();
	go_on(MAPPER_ABSENT_MS - 1);
	advisor_start();
	go_on(0);
	ck_assert_uint_eq(question_count, 1); /* nobody waits for the other */
	go_on(MAPPER_ABSENT_MS);
	expect_nothing(c);
	reply_to(question_for(A), LEVEL_VERIFY);
	expect(c, verified_a);
}
END_TEST

START_TEST(mapper_keeps_its_answers_while_there_is_no_advisor)
{
	struct client *c;

	advisor_start();
	c = client_new();
	ask(c, "policy [a.example]");
	go_on(0);
	reply_to(&question[0], LEVEL_VERIFY);
	expect(c, verified_a);
	advisor_die();
	ask(c, "policy [a.example]");
	expect(c, verified_a);
	go_on(60000);
	ask(c, "policy [a.example]");
	go_on(MAPPER_ABSENT_MS);
	expect(c, "TEMP nobody decides now");
}
END_TEST

START_TEST(mapper_says_to_wait_when_the_lookups_take_too_long)
{
	struct client *c;

	advisor_start();
	c = client_new();
	ask(c, "policy [a.example]");
	go_on(MAPPER_WAIT_MS);
	expect(c, "TEMP the lookups take too long");
	/* They go on, and are not begun anew. */
	ask(c, "policy [a.example]");
	expect_nothing(c);
	ck_assert_uint_eq(question_count, 1);
	reply_to(&question[0], LEVEL_VERIFY);
	expect(c, verified_a);
}
END_TEST

/* The plan of one hop never serves another (CVE-2019-16791). */
START_TEST(b2_8_mapper_takes_no_plan_of_another_hop)
{
	struct plan_host host;
	struct plan plan;
	struct client *c;

	for (int i = 0; i < 4; i++) {
		advisor_start();
		c = client_new();
		ask(c, "policy [a.example]");
		go_on(0);
		make_plan(&plan, &host, i == 0 ? B : A, LEVEL_PLAIN);
		if (i == 1) { /* of the recipient domain of that name */
			plan.hop = host.named = false;
			host.in.mx_secure = plan.mx_secure = false;
		}
		if (i == 2)
			plan.mclass = host.in.mclass = CLASS_TLS_OPTIONAL;
		if (i == 3)
			host.required = LEVEL_PLAIN; /* not what decide says */
		send_plan(question_for(A)->token, &plan);
		go_on(MAPPER_ABSENT_MS);
		ck_assert_msg(advisor_gone, "%d", i);
		expect(c, "TEMP nobody decides now");
		talloc_free(c);
	}
}
END_TEST

static unsigned channels_wanted;

static void
want_channel(void *arg, enum role other)
{
	(void)arg;
	ck_assert_int_eq(other, ROLE_ADVISOR);
	channels_wanted++;
}

static void
not_given_up(void *arg)
{
	(void)arg;
	ck_abort();
}

START_TEST(mapper_asks_for_a_channel_when_no_advisor_comes)
{
	static const struct role_links links = { want_channel, not_given_up };

	channels_wanted = 0;
	mapper_links(m, &links, NULL);
	advisor_start();
	go_on(REJOIN_FIRST_MS);
	ck_assert_uint_eq(channels_wanted, 0);
	advisor_die();
	go_on(REJOIN_FIRST_MS - 1);
	ck_assert_uint_eq(channels_wanted, 0);
	go_on(1);
	ck_assert_uint_eq(channels_wanted, 1);
	advisor_start();
	go_on(REJOIN_MAX_MS);
	ck_assert_uint_eq(channels_wanted, 1);
}
END_TEST

START_TEST(mapper_ignores_an_answer_that_nobody_asked_for)
{
	struct plan_host host;
	struct plan plan;

	advisor_start();
	make_plan(&plan, &host, A, LEVEL_PLAIN);
	send_plan(77, &plan);
	go_on(0);
	ck_assert(!advisor_gone);
	ck_assert_uint_eq(strmap_count(m->answers), 0);
}
END_TEST

/* ---- clients ---- */

START_TEST(mapper_ends_what_is_no_netstring)
{
	static const char *const bad[] = { "GET / HTTP/1.0\r\n\r\n", "01:a,",
		"1:ab", "-", ":" };

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct client *c = client_new();

		say_bytes(c, bad[i], strlen(bad[i]));
		expect_end(c);
	}
	ck_assert_uint_eq(m->client_count, 0);
}
END_TEST

START_TEST(mapper_refuses_a_request_that_is_too_long_before_it_has_come)
{
	struct client *c = client_new();
	char *longest = talloc_zero_size(mem, SOCKETMAP_REQUEST_BYTES + 1);

	memset(longest, 'a', SOCKETMAP_REQUEST_BYTES);
	ask(c, longest);
	go_on(0);
	ck_assert(strncmp(reply(c), "PERM ", 5) == 0);
	expect_nothing(c);
	say_bytes(c, "10001:", 6);
	expect(c, "PERM the request is too long");
	expect_end(c);
}
END_TEST

START_TEST(mapper_refuses_what_is_no_hop_and_goes_on)
{
	struct client *c = client_new();

	ask(c, "policy u@example.org");
	go_on(0);
	ck_assert(strncmp(reply(c), "PERM ", 5) == 0);
	say_bytes(c, "6:policy,", 9);
	go_on(0);
	ck_assert(strncmp(reply(c), "PERM ", 5) == 0);
	say_bytes(c, "10:policy a\0b,", 14);
	go_on(0);
	ck_assert(strncmp(reply(c), "PERM ", 5) == 0);
	ask(c, "policy .org");
	expect(c, "NOTFOUND ");
}
END_TEST

START_TEST(mapper_takes_a_request_in_any_pieces)
{
	static const char text[] = "11:policy .org,11:policy .net,";

	for (size_t cut = 1; cut < sizeof(text) - 1; cut++) {
		struct client *c = client_new();

		say_bytes(c, text, cut);
		go_on(0);
		say_bytes(c, text + cut, sizeof(text) - 1 - cut);
		expect(c, "NOTFOUND ");
		expect(c, "NOTFOUND ");
		talloc_free(c);
	}
}
END_TEST

START_TEST(mapper_ends_a_connection_that_says_nothing_whole)
{
	struct client *c = client_new(), *busy = client_new();

	for (int i = 0; i < 12; i++) {
		say_bytes(c, i == 0 ? "99:" : "a", i == 0 ? 3 : 1);
		ask(busy, "policy .org");
		go_on(10000);
		if (i < 11)
			expect(busy, "NOTFOUND ");
	}
	expect_end(c);
	expect(busy, "NOTFOUND ");
}
END_TEST

/* Requests come, replies are not read: it stops, and in the end closes. */
START_TEST(mapper_does_not_gather_replies_for_who_does_not_read)
{
	struct client *c = client_new();
	const struct iovec iov = { (char[]){ "1:x,1:x,1:x,1:x," }, 16 };
	size_t sent, total = 0;

	sock_watch(c->sock, 0, client_ready, c);
	while (total < 16u << 20 &&
	       sock_send(c->sock, &iov, 1, &sent) == IO_OK) {
		total += sent;
		go_on(0);
	}
	ck_assert_uint_lt(total, 4u << 20);
	ck_assert_uint_eq(m->client_count, 1);
	ck_assert_uint_le(TAILQ_FIRST(&m->clients)->out.n, MAPPER_OUT_BYTES);
	go_on(conf.mapper_idle_ms);
	ck_assert_uint_eq(m->client_count, 0);
}
END_TEST

START_TEST(mapper_takes_no_connection_over_its_limit_nor_from_elsewhere)
{
	struct client *c, *d;

	conf.mapper_connections = 1;
	c = client_new();
	d = client_new();
	expect_end(d);
	expect_nothing(c);
	talloc_free(c);
	go_on(0);
	expect_nothing(client_new());
	conf.mapper_connections = 10;
	ck_assert_int_eq(netprefix_parse(SPAN_LIT("192.0.2.0/25"), &near),
	    ST_OK);
	expect_end(client_new());
	place.allow_count = 0; /* this machine alone */
	expect_end(client_new());
	place.path = "/run/policy"; /* who may open it */
	expect_nothing(client_new());
	conf.socketmap_count = 0;
	expect_end(client_new());
}
END_TEST

START_TEST(mapper_asks_about_so_many_hops_at_a_time)
{
	struct client *c;

	advisor_start();
	m->asked = MAPPER_MAX_ASKED;
	c = client_new();
	ask(c, "policy [a.example]");
	expect(c, "TEMP too many questions are under way");
	m->asked = 0;
	ask(c, "policy [a.example]");
	expect_nothing(c);
	ck_assert_uint_eq(question_count, 1);
}
END_TEST

/* ---- many at once ---- */

#define MANY  1000u
#define ROUND 20u

static uint64_t state = 88172645463325252u;

static uint64_t
random_below(uint64_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % n;
}

static void
answer_some(unsigned one_in)
{
	for (size_t i = 0; i < question_count; i++)
		if (!question[i].answered && random_below(one_in) == 0)
			reply_to(&question[i], LEVEL_VERIFY);
	go_on(0);
}

/* Every reply names the hop that its own client asked about. */
static unsigned
take_replies(struct client **c, const unsigned *asked)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MANY; i++) {
		const char *got = c[i] == NULL ? NULL : reply(c[i]);
		char want[80];

		if (got == NULL)
			continue;
		snprintf(want, sizeof(want),
		    "OK secure match=h%u.example servername=hostname",
		    asked[i]);
		ck_assert_str_eq(got, want);
		n++;
	}
	return n;
}

/*
 * A thousand wait at a time; plans come in any order, some who wait give up,
 * some advisors die on the way.
 */
START_TEST(b2_8_a_thousand_lookups_at_once_mix_up_no_answer)
{
	static struct client *c[MANY];
	static unsigned asked[MANY];
	unsigned replies = 0;

	advisor_start();
	for (unsigned round = 0; round < ROUND; round++) {
		for (unsigned i = 0; i < MANY; i++) {
			c[i] = client_new();
			asked[i] = (unsigned)random_below(2 * MANY);
			ask(c[i], need(talloc_asprintf(c[i],
				      "policy [h%u.example]", asked[i])));
		}
		go_on(0);
		for (unsigned i = 0; i < MANY; i++)
			if (random_below(4) == 0)
				TALLOC_FREE(c[i]);
		answer_some(2);
		replies += take_replies(c, asked);
		if (round % 5 == 4) {
			advisor_die();
			advisor_start();
			go_on(0);
		}
		answer_some(1);
		replies += take_replies(c, asked);
		for (unsigned i = 0; i < MANY; i++)
			TALLOC_FREE(c[i]);
		go_on(round % 3 == 2 ? 60000 : 0); /* all expire */
		question_count = 0;
	}
	ck_assert_uint_gt(replies, ROUND * MANY / 2);
	ck_assert_uint_eq(m->asked, 0);
	ck_assert_uint_eq(m->client_count, 0);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		mapper_answers_by_the_plan_of_the_hop,
		mapper_asks_once_for_all_who_wait,
		mapper_keeps_an_answer_until_its_facts_expire,
		c13_mapper_keeps_no_answer_when_the_clock_is_put_back,
		mapper_keeps_as_many_answers_as_it_may,
		mapper_answers_one_connection_in_the_order_of_its_requests,
		mapper_forgets_its_answers_at_a_reload,
		inv_04_mapper_forgets_its_answers_when_the_advisor_says_so,
		mapper_without_an_advisor_says_to_wait,
		mapper_asks_a_new_advisor_what_the_old_one_did_not_answer,
		mapper_keeps_its_answers_while_there_is_no_advisor,
		mapper_says_to_wait_when_the_lookups_take_too_long,
		b2_8_mapper_takes_no_plan_of_another_hop,
		mapper_asks_for_a_channel_when_no_advisor_comes,
		mapper_ignores_an_answer_that_nobody_asked_for,
		mapper_ends_what_is_no_netstring,
		mapper_refuses_a_request_that_is_too_long_before_it_has_come,
		mapper_refuses_what_is_no_hop_and_goes_on,
		mapper_takes_a_request_in_any_pieces,
		mapper_ends_a_connection_that_says_nothing_whole,
		mapper_does_not_gather_replies_for_who_does_not_read,
		mapper_takes_no_connection_over_its_limit_nor_from_elsewhere,
		mapper_asks_about_so_many_hops_at_a_time,
		b2_8_a_thousand_lookups_at_once_mix_up_no_answer,
	};
	Suite *s = suite_create("mapper");
	TCase *tc = tcase_create("mapper");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	for (size_t i = 0; i < COUNT_OF(tests); i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
