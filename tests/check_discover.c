/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/discover.h"
#include "tests/replay/sim.h"

#define MINUTE INT64_C(60000)
#define DAY    (24 * 60 * MINUTE)
#define HOST   "mta-sts.d.example"
#define POLICY                                                                 \
	"version: STSv1\nmode: enforce\nmx: mx.d.example\nmax_age: 86400\n"

static TALLOC_CTX *mem;
static struct sim *sim;
static struct log quiet;
static struct conf conf;
static struct discover *discover;
static unsigned told, dropped, entries;
static struct sts_fact fact; /* the last: its texts have gone */
static char lines[1 << 20];

static void
collect(void *arg, enum log_level level, struct span line)
{
	size_t n = strlen(lines);

	(void)arg;
	(void)level;
	snprintf(lines + n, sizeof(lines) - n, "%.*s\n", (int)line.n,
	    (const char *)line.p);
}

static bool
logged(const char *text)
{
	return strstr(lines, text) != NULL;
}

static void
changed(void *arg, const struct sts_entry *e)
{
	(void)arg;
	(void)e;
	told++;
}

static void
was_dropped(void *arg, const char *domain)
{
	(void)arg;
	(void)domain;
	dropped++;
}

static const struct policy_cache_ops ops = {
	.changed = changed,
	.dropped = was_dropped,
};

static void
set_up(void)
{
	static const char *const txt[] = { "\"v=STSv1; id=1;\"" };
	static const char *const address[] = { "203.0.113.9" };
	struct role_env env;

	mem = talloc_new(NULL);
	quiet = (struct log){
		.level = LOG_LEVEL_INFO, .role = "test", .write = collect
	};
	conf = (struct conf){
		.sts_retry_ms = 5 * MINUTE,
		.sts_refresh_ms = DAY,
		.sts_keep_idle_ms = 60 * DAY,
		.sts_fetch_ms = MINUTE,
	};
	sim = sim_new(mem, (struct wall){ INT64_C(1795508513000) }, 7);
	sim_dns_set(sim, "_mta-sts.d.example", DNS_TXT, SIM_INSECURE, 3600, txt,
	    1);
	sim_dns_set(sim, HOST, DNS_A, SIM_INSECURE, 3600, address, 1);
	sim_dns_set(sim, HOST, DNS_AAAA, SIM_INSECURE, 3600, NULL, 0);
	env = (struct role_env){ sim_net(sim), &quiet, &conf };
	discover = discover_new(mem, &env, &ops, NULL);
	discover_keep_fresh(discover);
	told = dropped = 0;
	lines[0] = '\0';
}

static void
tear_down(void)
{
	talloc_free(mem);
}

static void
have(void *arg, const struct sts_fact *f)
{
	(void)arg;
	fact = *f;
}

static enum sts_state
ask(void)
{
	fact = (struct sts_fact){ .state = STS_ST_UNKNOWN };
	(void)discover_ask(mem, discover, "d.example", have, NULL);
	sim_run(sim, 1000, NULL, NULL);
	return fact.state;
}

static void
count_one(void *arg, const struct sts_entry *e)
{
	(void)arg;
	(void)e;
	entries++;
}

static unsigned
known(void)
{
	entries = 0;
	policy_cache_each(discover_cache(discover), count_one, NULL);
	return entries;
}

START_TEST(sts_16_a_failure_without_a_policy_is_forgotten_when_it_may_be_tried)
{
	sim_https_set(sim, HOST, 0, "", "");
	ck_assert_int_eq(ask(), STS_ST_UNAVAILABLE);
	ck_assert_uint_eq(known(), 1);
	sim_run(sim, 3 * MINUTE, NULL, NULL);
	ck_assert_int_eq(ask(), STS_ST_UNAVAILABLE);
	ck_assert_uint_eq(sim_https_asked(sim, HOST), 1);
	sim_run(sim, 4 * MINUTE, NULL, NULL);
	ck_assert_uint_eq(known(), 0);
	ck_assert_uint_eq(told, 0); /* nothing to store */
	sim_https_set(sim, HOST, 200, "text/plain", POLICY);
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
}
END_TEST

START_TEST(sts_08_a_policy_is_not_forgotten_with_a_failure)
{
	sim_https_set(sim, HOST, 200, "text/plain", POLICY);
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	sim_https_set(sim, HOST, 0, "", "");
	sim_run(sim, 20 * 60 * MINUTE, NULL, NULL);
	ck_assert_uint_gt(sim_https_asked(sim, HOST), 1);
	ck_assert_uint_eq(known(), 1);
	ck_assert_uint_gt(told, 1); /* its failed refreshes are stored too */
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
}
END_TEST

/* Ended years ago; the higher the number, the longer not used. */
static void
load_ended(unsigned i)
{
	char domain[32];
	struct sts_entry e = {
		.domain = domain,
		.has_policy = true,
		.id = "1",
		.fetched = { INT64_C(1700000000000) },
		.policy = { .mode = STS_ENFORCE, .max_age_s = 86400 },
		.used = { INT64_C(1700000000000) - i },
	};

	snprintf(domain, sizeof(domain), "x%u.example", i);
	policy_cache_load(discover_cache(discover), &e);
}

static void
find_last(void *arg, const struct sts_entry *e)
{
	bool *there = arg;

	*there |= e->used.ms ==
		  INT64_C(1700000000000) - (POLICY_CACHE_MAX_ENTRIES - 1);
}

START_TEST(a_full_cache_drops_what_binds_no_more_and_was_not_used)
{
	bool there = false;

	for (unsigned i = 0; i < POLICY_CACHE_MAX_ENTRIES; i++)
		load_ended(i);
	policy_cache_each(discover_cache(discover), find_last, &there);
	ck_assert(there);
	sim_https_set(sim, HOST, 200, "text/plain", POLICY);
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	ck_assert_uint_eq(known(), POLICY_CACHE_MAX_ENTRIES);
	there = false;
	policy_cache_each(discover_cache(discover), find_last, &there);
	ck_assert(!there);
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	ck_assert_uint_eq(sim_https_asked(sim, HOST), 1);
}
END_TEST

static void
serve(const char *body)
{
	sim_https_set(sim, HOST, 200, "text/plain", body);
}

static void
serve_for_days(unsigned days, const char *mode)
{
	serve(need(talloc_asprintf(mem,
	    "version: STSv1\nmode: %s\nmx: mx.d.example\nmax_age: %u\n", mode,
	    days * 86400)));
}

static void
policy_host_dies(void)
{
	sim_https_set(sim, HOST, 0, "", "");
}

static void
set_record(const char *text, enum sim_dns how)
{
	sim_dns_set(sim, "_mta-sts.d.example", DNS_TXT, how, 60, &text,
	    text == NULL ? 0 : 1);
}

static void
run_days(unsigned n)
{
	sim_run(sim, n * DAY, NULL, NULL);
}

/* ---- refreshes ---- */

START_TEST(sts_27_one_get_a_day_without_any_mail)
{
	unsigned before;

	serve_for_days(30, "enforce");
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	before = sim_https_asked(sim, HOST);
	run_days(8);
	ck_assert_uint_ge(sim_https_asked(sim, HOST) - before, 8);
	ck_assert_uint_le(sim_https_asked(sim, HOST) - before, 10);
	policy_host_dies();
	run_days(29); /* it lives from the last of them */
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
}
END_TEST

START_TEST(a_policy_that_no_mail_uses_is_left_to_end_and_leaves_the_store)
{
	unsigned asked;

	serve_for_days(30, "enforce");
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	run_days(61);
	asked = sim_https_asked(sim, HOST);
	ck_assert_uint_ge(asked, 55);
	ck_assert_uint_eq(known(), 1);
	run_days(28);
	ck_assert_uint_eq(sim_https_asked(sim, HOST), asked);
	ck_assert_uint_eq(known(), 1); /* it still binds */
	ck_assert_uint_eq(dropped, 0);
	run_days(3);
	ck_assert_uint_eq(known(), 0);
	ck_assert_uint_eq(dropped, 1);
}
END_TEST

START_TEST(uses_are_told_to_the_store_once_a_day)
{
	unsigned at_first;

	serve_for_days(300, "enforce");
	conf.sts_refresh_ms = 300 * DAY;
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	at_first = told;
	for (unsigned i = 0; i < 50; i++)
		ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	ck_assert_uint_eq(told, at_first);
	run_days(1);
	for (unsigned i = 0; i < 50; i++)
		ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	ck_assert_uint_eq(told, at_first + 1);
}
END_TEST

START_TEST(sts_28_the_operator_hears_of_a_policy_host_that_is_down_for_two_days)
{
	serve_for_days(30, "enforce");
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	policy_host_dies();
	run_days(1);
	ck_assert(!logged("policy-refresh-failing"));
	run_days(2);
	ck_assert(logged("warn test policy-refresh-failing domain=d.example "
			 "mode=enforce id=1"));
	ck_assert(logged("days-left=2"));
	ck_assert(!logged("error test"));
	run_days(21);
	ck_assert(logged("error test policy-refresh-failing"));
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	(void)ask();
	run_days(7);
	ck_assert(logged("error test policy-ended"));
}
END_TEST

START_TEST(sts_28_silence_about_mode_none)
{
	serve_for_days(30, "none");
	ck_assert_int_eq(ask(), STS_ST_NONE);
	policy_host_dies();
	run_days(29);
	ck_assert_uint_gt(sim_https_asked(sim, HOST), 20);
	ck_assert(!logged("policy-refresh-failing"));
}
END_TEST

/* Many due at once are fetched a few at a time, and all of them. */
START_TEST(sts_27_a_thousand_due_policies_are_all_refreshed)
{
	static const char *const address[] = { "203.0.113.9" };
	char domain[32];

	for (unsigned i = 0; i < 1000; i++) {
		struct sts_entry e = {
			.domain = domain,
			.has_policy = true,
			.id = "1",
			.fetched = wall_after(net_wall(sim_net(sim)), -2 * DAY),
			.policy = { .mode = STS_ENFORCE,
			    .max_age_s = 30 * 86400,
			    .mx_count = 1,
			    .mx = { "mx.d.example" } },
			.used = net_wall(sim_net(sim)),
		};
		char host[48];

		snprintf(domain, sizeof(domain), "x%u.example", i);
		snprintf(host, sizeof(host), "mta-sts.%s", domain);
		sim_dns_set(sim, host, DNS_A, SIM_INSECURE, 3600, address, 1);
		sim_https_set(sim, host, 200, "text/plain", POLICY);
		policy_cache_load(discover_cache(discover), &e);
	}
	sim_run(sim, 3 * MINUTE, NULL, NULL);
	ck_assert_uint_eq(told, 1000);
}
END_TEST

/* ---- asking anew ---- */

static struct sts_fact
ask_anew(void)
{
	fact = (struct sts_fact){ .state = STS_ST_UNKNOWN };
	(void)discover_ask_anew(mem, discover, "d.example", have, NULL);
	sim_run(sim, 1000, NULL, NULL);
	return fact;
}

START_TEST(sts_38_a_policy_is_fetched_anew_although_its_id_is_the_same)
{
	serve_for_days(30, "enforce");
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	serve_for_days(30, "testing");
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	ck_assert_int_eq(ask_anew().state, STS_ST_TESTING);
	ck_assert_int_eq(ask(), STS_ST_TESTING);
}
END_TEST

START_TEST(sts_38_asking_anew_is_not_worth_it_within_the_delay)
{
	ck_assert(!discover_may_ask_anew(discover, "d.example"));
	serve_for_days(30, "enforce");
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	ck_assert(!discover_may_ask_anew(discover, "d.example"));
	sim_run(sim, 5 * MINUTE, NULL, NULL);
	ck_assert(discover_may_ask_anew(discover, "d.example"));
	policy_host_dies();
	ck_assert(ask_anew().stale);
	ck_assert(!discover_may_ask_anew(discover, "d.example"));
	sim_run(sim, 5 * MINUTE, NULL, NULL);
	ck_assert(discover_may_ask_anew(discover, "d.example"));
}
END_TEST

START_TEST(sts_38_a_failed_fetch_anew_leaves_the_policy_as_it_is)
{
	serve_for_days(30, "enforce");
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	policy_host_dies();
	set_record(NULL, SIM_SERVFAIL);
	ck_assert_int_eq(ask_anew().state, STS_ST_ENFORCE);
	ck_assert(fact.stale);
}
END_TEST

START_TEST(without_record_and_policy_nothing_is_fetched_anew)
{
	set_record(NULL, SIM_INSECURE);
	ck_assert_int_eq(ask_anew().state, STS_ST_ABSENT);
	ck_assert_uint_eq(sim_https_asked(sim, HOST), 0);
}
END_TEST

/* ---- the record ---- */

START_TEST(sts_04_an_alias_is_followed_for_the_record_and_not_for_the_host)
{
	static const char *const alias[] = { "_mta-sts.prov.example." };
	static const char *const txt[] = { "\"v=STSv1; id=prov;\"" };

	serve_for_days(30, "enforce");
	sim_dns_set(sim, "_mta-sts.d.example", DNS_TXT, SIM_INSECURE, 60, NULL,
	    0);
	sim_dns_set(sim, "_mta-sts.d.example", DNS_CNAME, SIM_INSECURE, 60,
	    alias, 1);
	sim_dns_set(sim, "_mta-sts.prov.example", DNS_TXT, SIM_INSECURE, 60,
	    txt, 1);
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	ck_assert_uint_eq(sim_https_asked(sim, HOST), 1);
	ck_assert_uint_eq(sim_https_asked(sim, "mta-sts.prov.example"), 0);
	ck_assert(logged("policy-fetched domain=d.example id=prov"));
}
END_TEST

START_TEST(sts_10_a_bogus_record_is_an_error_and_not_absence)
{
	set_record("\"v=STSv1; id=1;\"", SIM_BOGUS);
	serve_for_days(30, "enforce");
	ck_assert_int_eq(ask(), STS_ST_UNKNOWN);
	ck_assert_uint_eq(sim_https_asked(sim, HOST), 0);
	set_record("\"v=STSv1; id=1;\"", SIM_INSECURE);
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	set_record("\"v=STSv1; id=2;\"", SIM_BOGUS);
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	ck_assert(fact.stale);
}
END_TEST

START_TEST(b2_12_two_records_are_no_record)
{
	static const char *const two[] = { "\"v=STSv1; id=1;\"",
		"\"v=STSv1; id=2;\"" };

	serve_for_days(30, "none");
	sim_dns_set(sim, "_mta-sts.d.example", DNS_TXT, SIM_INSECURE, 60, two,
	    2);
	ck_assert_int_eq(ask(), STS_ST_ABSENT);
	ck_assert_uint_eq(sim_https_asked(sim, HOST), 0);
}
END_TEST

/* ---- what is reported ---- */

/* RFC 8461 6, RFC 8460 4.3.3: one scenario, one failure detail. */
START_TEST(sts_45_each_failed_fetch_has_one_result_type)
{
	static const struct {
		const char *name;
		int status;
		const char *media;
		const char *body;
		enum sts_result result;
	} t[] = {
		{ "refused", 0, "", "", STS_RESULT_FETCH },
		{ "certificate", -1, "", "", STS_RESULT_WEBPKI },
		{ "404", 404, "text/plain", POLICY, STS_RESULT_FETCH },
		{ "redirect", 301, "text/plain", POLICY, STS_RESULT_FETCH },
		{ "html", 200, "text/html", POLICY, STS_RESULT_INVALID },
		{ "no mx", 200, "text/plain",
		    "version: STSv1\nmode: enforce\nmax_age: 1\n",
		    STS_RESULT_INVALID },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		sim_https_set(sim, HOST, t[i].status, t[i].media, t[i].body);
		ck_assert_int_eq(ask(), STS_ST_UNAVAILABLE);
		ck_assert_msg(fact.result == t[i].result, "%s", t[i].name);
		/* And while it rests, what failed is still known. */
		ck_assert_int_eq(ask(), STS_ST_UNAVAILABLE);
		ck_assert_msg(fact.result == t[i].result, "%s", t[i].name);
		sim_run(sim, 6 * MINUTE, NULL, NULL);
	}
}
END_TEST

START_TEST(sts_45_a_record_that_went_away_is_reported_while_a_policy_is_cached)
{
	serve_for_days(30, "enforce");
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	ck_assert_int_eq(fact.result, STS_RESULT_NONE);
	set_record(NULL, SIM_INSECURE);
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	ck_assert_int_eq(fact.result, STS_RESULT_FETCH);
	set_record("\"v=STSv1; id=2;\"", SIM_INSECURE);
	sim_https_set(sim, HOST, -1, "", "");
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	ck_assert_int_eq(fact.result, STS_RESULT_WEBPKI);
}
END_TEST

START_TEST(sts_45_nothing_is_reported_of_mode_none_nor_of_no_policy)
{
	serve_for_days(30, "none");
	ck_assert_int_eq(ask(), STS_ST_NONE);
	set_record(NULL, SIM_INSECURE);
	policy_host_dies();
	ck_assert_int_eq(ask(), STS_ST_NONE);
	ck_assert(fact.stale);
	ck_assert_int_eq(fact.result, STS_RESULT_NONE);
	(void)policy_cache_forget(discover_cache(discover), "d.example");
	ck_assert_int_eq(ask(), STS_ST_ABSENT);
	ck_assert_int_eq(fact.result, STS_RESULT_NONE);
	set_record(NULL, SIM_SERVFAIL);
	ck_assert_int_eq(ask(), STS_ST_UNKNOWN);
	ck_assert_int_eq(fact.result, STS_RESULT_NONE);
}
END_TEST

/* ---- the clock ---- */

START_TEST(c13_a_clock_that_jumps_ahead_by_a_year_ends_no_policy_at_once)
{
	serve_for_days(30, "enforce");
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	policy_host_dies();
	set_record(NULL, SIM_SERVFAIL);
	sim_set_clock(sim, 365 * DAY);
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	ck_assert(wall_reached(fact.expires, net_wall(sim_net(sim))));
	sim_run(sim, 23 * 60 * MINUTE, NULL, NULL);
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	ck_assert(logged("clock-set"));
	/* Not for ever: after a day the clock is believed. */
	run_days(1);
	ck_assert_int_eq(ask(), STS_ST_UNKNOWN);
}
END_TEST

START_TEST(c13_after_a_jump_ahead_policies_are_fetched_anew)
{
	unsigned before;

	serve_for_days(30, "enforce");
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	before = sim_https_asked(sim, HOST);
	sim_set_clock(sim, 365 * DAY);
	sim_run(sim, 3 * MINUTE, NULL, NULL);
	ck_assert_uint_eq(sim_https_asked(sim, HOST), before + 1);
	policy_host_dies();
	set_record(NULL, SIM_SERVFAIL);
	run_days(20);
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
}
END_TEST

START_TEST(c13_a_failing_policy_is_not_asked_for_all_the_time_after_a_jump)
{
	unsigned before;

	serve_for_days(30, "enforce");
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	policy_host_dies();
	sim_set_clock(sim, 365 * DAY);
	before = sim_https_asked(sim, HOST);
	for (unsigned i = 0; i < 60; i++)
		ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	sim_run(sim, 59 * MINUTE, NULL, NULL);
	ck_assert_uint_le(sim_https_asked(sim, HOST) - before, 13);
}
END_TEST

START_TEST(c13_a_clock_set_back_ends_no_policy_and_stops_no_refresh_for_good)
{
	serve_for_days(30, "enforce");
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	sim_set_clock(sim, -365 * DAY);
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	/* Fetched in what is now the future: it is due at once. */
	sim_run(sim, 3 * MINUTE, NULL, NULL);
	ck_assert_uint_eq(sim_https_asked(sim, HOST), 2);
	sim_set_clock(sim, 365 * DAY);
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
}
END_TEST

/* ---- where a fetch may go ---- */

/* B3.4: every form of an address that is not of the public network. */
START_TEST(b3_4_sts_19_no_fetch_goes_to_our_own_network)
{
	static const struct {
		enum dns_type type;
		const char *address;
	} t[] = {
		{ DNS_A, "127.0.0.1" },
		{ DNS_A, "127.255.255.254" },
		{ DNS_A, "0.0.0.0" },
		{ DNS_A, "10.0.0.1" },
		{ DNS_A, "172.16.0.1" },
		{ DNS_A, "172.31.255.255" },
		{ DNS_A, "192.168.1.1" },
		{ DNS_A, "100.64.0.1" },
		{ DNS_A, "169.254.169.254" },
		{ DNS_A, "224.0.0.1" },
		{ DNS_A, "255.255.255.255" },
		{ DNS_AAAA, "::" },
		{ DNS_AAAA, "::1" },
		{ DNS_AAAA, "fe80::1" },
		{ DNS_AAAA, "fc00::1" },
		{ DNS_AAAA, "fd12:3456::1" },
		{ DNS_AAAA, "ff02::1" },
		{ DNS_AAAA, "::ffff:127.0.0.1" },
		{ DNS_AAAA, "::ffff:10.0.0.1" },
		{ DNS_AAAA, "::ffff:169.254.169.254" },
		{ DNS_AAAA, "64:ff9b::7f00:1" },
		{ DNS_AAAA, "64:ff9b::a00:1" },
		{ DNS_AAAA, "2002:7f00:1::" },
		{ DNS_AAAA, "2002:a00:1::" },
		{ DNS_AAAA, "::127.0.0.1" },
	};

	serve_for_days(30, "enforce");
	for (size_t i = 0; i < COUNT_OF(t); i++) {
		sim_dns_set(sim, HOST, DNS_A, SIM_INSECURE, 60, NULL, 0);
		sim_dns_set(sim, HOST, DNS_AAAA, SIM_INSECURE, 60, NULL, 0);
		sim_dns_set(sim, HOST, t[i].type, SIM_INSECURE, 60,
		    &t[i].address, 1);
		ck_assert_int_eq(ask(), STS_ST_UNAVAILABLE);
		ck_assert_msg(sim_https_asked(sim, HOST) == 0, "%s",
		    t[i].address);
		sim_run(sim, 6 * MINUTE, NULL, NULL);
	}
}
END_TEST

/* ---- a full cache ---- */

static void
load_in_force(unsigned i, enum sts_mode mode)
{
	char domain[32];
	struct sts_entry e = {
		.domain = domain,
		.has_policy = true,
		.id = "1",
		.fetched = net_wall(sim_net(sim)),
		.policy = { .mode = mode,
		    .max_age_s = 30 * 86400,
		    .mx_count = 1,
		    .mx = { "mx.d.example" } },
		.used = net_wall(sim_net(sim)),
	};

	snprintf(domain, sizeof(domain), "x%u.example", i);
	policy_cache_load(discover_cache(discover), &e);
}

START_TEST(inv_12_a_cache_full_of_enforced_policies_keeps_them_all)
{
	serve_for_days(30, "enforce");
	for (unsigned i = 0; i < POLICY_CACHE_MAX_ENTRIES; i++)
		load_in_force(i, STS_ENFORCE);
	/* The new one serves its attempt, and is fetched again for the next. */
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	ck_assert_uint_eq(sim_https_asked(sim, HOST), 2);
	ck_assert_uint_eq(known(), POLICY_CACHE_MAX_ENTRIES);
	ck_assert_uint_eq(dropped, 0);
	ck_assert(logged("error test policy-cache-full"));
}
END_TEST

START_TEST(inv_12_a_policy_that_asks_for_nothing_makes_room_for_one_that_does)
{
	serve_for_days(30, "enforce");
	load_in_force(0, STS_TESTING);
	load_in_force(1, STS_NONE);
	for (unsigned i = 2; i < POLICY_CACHE_MAX_ENTRIES; i++)
		load_in_force(i, STS_ENFORCE);
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	ck_assert_uint_eq(dropped, 1);
	ck_assert_ptr_null(policy_cache_get(discover_cache(discover),
	    "x1.example"));
	ck_assert_ptr_nonnull(policy_cache_get(discover_cache(discover),
	    "x0.example"));
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	ck_assert_uint_eq(sim_https_asked(sim, HOST), 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("discover");
	TCase *t = tcase_create("cache");
	SRunner *r;
	int failed;

	status_init();
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t,
	    sts_16_a_failure_without_a_policy_is_forgotten_when_it_may_be_tried);
	tcase_add_test(t, sts_08_a_policy_is_not_forgotten_with_a_failure);
	tcase_add_test(t,
	    a_full_cache_drops_what_binds_no_more_and_was_not_used);
	tcase_add_test(t, sts_27_one_get_a_day_without_any_mail);
	tcase_add_test(t,
	    a_policy_that_no_mail_uses_is_left_to_end_and_leaves_the_store);
	tcase_add_test(t, uses_are_told_to_the_store_once_a_day);
	tcase_add_test(t,
	    sts_28_the_operator_hears_of_a_policy_host_that_is_down_for_two_days);
	tcase_add_test(t, sts_28_silence_about_mode_none);
	tcase_add_test(t, sts_27_a_thousand_due_policies_are_all_refreshed);
	tcase_add_test(t,
	    sts_38_a_policy_is_fetched_anew_although_its_id_is_the_same);
	tcase_add_test(t, sts_38_asking_anew_is_not_worth_it_within_the_delay);
	tcase_add_test(t,
	    sts_38_a_failed_fetch_anew_leaves_the_policy_as_it_is);
	tcase_add_test(t, without_record_and_policy_nothing_is_fetched_anew);
	tcase_add_test(t,
	    sts_04_an_alias_is_followed_for_the_record_and_not_for_the_host);
	tcase_add_test(t, sts_10_a_bogus_record_is_an_error_and_not_absence);
	tcase_add_test(t, b2_12_two_records_are_no_record);
	tcase_add_test(t, sts_45_each_failed_fetch_has_one_result_type);
	tcase_add_test(t,
	    sts_45_a_record_that_went_away_is_reported_while_a_policy_is_cached);
	tcase_add_test(t,
	    sts_45_nothing_is_reported_of_mode_none_nor_of_no_policy);
	tcase_add_test(t,
	    c13_a_clock_that_jumps_ahead_by_a_year_ends_no_policy_at_once);
	tcase_add_test(t, c13_after_a_jump_ahead_policies_are_fetched_anew);
	tcase_add_test(t,
	    c13_a_failing_policy_is_not_asked_for_all_the_time_after_a_jump);
	tcase_add_test(t,
	    c13_a_clock_set_back_ends_no_policy_and_stops_no_refresh_for_good);
	tcase_add_test(t, b3_4_sts_19_no_fetch_goes_to_our_own_network);
	tcase_add_test(t,
	    inv_12_a_cache_full_of_enforced_policies_keeps_them_all);
	tcase_add_test(t,
	    inv_12_a_policy_that_asks_for_nothing_makes_room_for_one_that_does);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
