/* SPDX-License-Identifier: BSD-2-Clause */
/* A courier and addresses: which it connects to, and from which. */
#include <string.h>

#include "gateway/courier_internal.h"
#include "tests/courier_fixture.h"

/* Plans of many domains, all with one host. */
static void
many_domains(const struct server *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		plan_add(plan_new(talloc_asprintf(mem, "d%u.example", i)),
		    "mx.example", 10, s, LEVEL_MAY);
}

static void
try_domain(unsigned i)
{
	send_slot(i + 1, advisor.plan[i]->domain);
	send_one(i + 1, i + 1);
	wait_for(has_reports, i + 1);
}

/* What the keeper lends the job for is over. */
static void
time_runs_out(void)
{
	slot_job(TAILQ_FIRST(&courier->slots))->until = net_now(net);
}

/* Or each address could hold up the job for as long as a greeting may. */
START_TEST(inv_14_no_further_address_is_begun_when_the_job_is_over)
{
	struct server *gone = server_new(TLS_ABSENT, NULL);
	struct server *well = server_new(TLS_ABSENT, NULL);
	struct plan_host *h = plan_add(plan_new("d.example"), "mx.d.example",
	    10, gone, LEVEL_MAY);

	h->addr[h->addr_count++] = well->addr;
	gone->drop_at_once = true;
	if (_i == 0)
		gone->at_connection = time_runs_out;
	try_one();
	ck_assert_uint_eq(gone->connections, 1);
	ck_assert_uint_eq(well->connections, _i == 0 ? 0 : 1);
	ck_assert_uint_eq(well->mail_count, _i == 0 ? 0 : 1);
}
END_TEST

START_TEST(smtp_34_many_messages_to_a_dead_host_cost_one_connection)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	many_domains(s, MAX_PLANS);
	server_shut(s);
	try_domain(0);
	expect_failed("4.4.1");
	server_open(s); /* to count who comes all the same */
	for (unsigned i = 1; i < MAX_PLANS; i++) {
		try_domain(i);
		ck_assert_str_eq(keeper.failed[i].status, "4.4.1");
		ck_assert(strstr(keeper.failed[i].why, "a moment ago") != NULL);
	}
	ck_assert_uint_eq(s->connections, 0);
}
END_TEST

/* However long it is to be remembered, a retry is a try. */
START_TEST(smtp_34_the_memory_of_a_dead_host_ends)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	if (_i == 0)
		conf.smtp_unreachable_ms = 0;
	else
		conf.queue_first_retry_ms = 1;
	many_domains(s, 2);
	server_shut(s);
	try_domain(0);
	server_open(s);
	try_domain(1);
	ck_assert_uint_eq(s->connections, 1);
	ck_assert_uint_eq(s->mail_count, 1);
}
END_TEST

START_TEST(smtp_34_an_answer_ends_the_memory)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	reach_failed(courier, &s->addr);
	ck_assert(reach_is_dead(courier, &s->addr));
	reach_answered(courier, &s->addr);
	ck_assert(!reach_is_dead(courier, &s->addr));
}
END_TEST

START_TEST(smtp_34_a_refusal_of_one_message_says_nothing_of_the_next)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	s->mail = "550 5.7.1 not you";
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	try_one();
	ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
	s->mail = NULL;
	send_one(1, 2);
	wait_for(has_reports, 2);
	ck_assert_int_eq(keeper.outcome[1].result[0].result, RESULT_DELIVERED);
	ck_assert(!reach_is_dead(courier, &s->addr));
}
END_TEST

START_TEST(smtp_34_the_memory_of_dead_hosts_is_bounded)
{
	struct netaddr a = { .family = NETADDR_IP6, .port = 25 };

	for (uint32_t i = 0; i < COURIER_DEAD + 10; i++) {
		memcpy(a.ip, &i, sizeof(i));
		reach_failed(courier, &a);
		reach_failed(courier, &a); /* counts once */
	}
	ck_assert_uint_eq(courier->dead_count, COURIER_DEAD);
	ck_assert(reach_is_dead(courier, &a));
	memset(a.ip, 0, sizeof(a.ip));
	ck_assert(!reach_is_dead(courier, &a)); /* the first */
}
END_TEST

/* Six dead addresses of one family, and the cap at five: smtp_31 of the
 * planner has put one of the other among them. */
START_TEST(smtp_31_a_dead_family_delays_and_does_not_block)
{
	static const uint8_t ip6[16] = { [15] = 1 };
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct plan_host *h = plan_add(plan_new("d.example"), "mx.d.example",
	    10, NULL, LEVEL_MAY);
	struct evidence e;

	h->addr = talloc_zero_array(mem, struct netaddr, 5);
	for (uint16_t i = 0; i < 5; i++) /* nobody listens on 1 to 5 */
		h->addr[h->addr_count++] = netaddr_ip6(ip6, (uint16_t)(i + 1));
	h->addr[1] = s->addr;
	try_one();
	expect_delivered(REACHED_PLAIN);
	e = record(0);
	ck_assert(netaddr_eq(&e.addr, &s->addr));
}
END_TEST

START_TEST(connections_come_from_the_address_of_smtp_bind)
{
	static const uint8_t ours[4] = { 127, 0, 0, 7 };
	struct server *s = server_new(TLS_ABSENT, NULL);

	conf.smtp_bind[0] = netaddr_ip4(ours, 0);
	conf.smtp_bind_count = 1;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(s->client.family, NETADDR_IP4);
	ck_assert_mem_eq(s->client.ip, ours, 4);
}
END_TEST

START_TEST(an_address_that_cannot_be_bound_defers_and_no_other_is_used)
{
	static const uint8_t foreign[4] = { 192, 0, 2, 77 };
	struct server *s = server_new(TLS_ABSENT, NULL);

	conf.smtp_bind[0] = netaddr_ip4(foreign, 0);
	conf.smtp_bind_count = 1;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	try_one();
	expect_failed("4.4.1");
	ck_assert(strstr(keeper.failed[0].why, "bind to 192.0.2.77") != NULL);
	ck_assert_uint_eq(s->connections, 0);
	ck_assert(was_logged("error courier/0 cannot-bind"));
	ck_assert(!reach_is_dead(courier, &s->addr));
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_loop_test(t,
	    inv_14_no_further_address_is_begun_when_the_job_is_over, 0, 2);
	tcase_add_test(t,
	    smtp_34_many_messages_to_a_dead_host_cost_one_connection);
	tcase_add_loop_test(t, smtp_34_the_memory_of_a_dead_host_ends, 0, 2);
	tcase_add_test(t, smtp_34_an_answer_ends_the_memory);
	tcase_add_test(t,
	    smtp_34_a_refusal_of_one_message_says_nothing_of_the_next);
	tcase_add_test(t, smtp_34_the_memory_of_dead_hosts_is_bounded);
	tcase_add_test(t, smtp_31_a_dead_family_delays_and_does_not_block);
	tcase_add_test(t, connections_come_from_the_address_of_smtp_bind);
	tcase_add_test(t,
	    an_address_that_cannot_be_bound_defers_and_no_other_is_used);
}

int
main(void)
{
	return fixture_main("courier_reach", add);
}
