/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/discover.h"
#include "tests/replay/sim.h"

#define MINUTE INT64_C(60000)
#define HOST   "mta-sts.d.example"
#define POLICY                                                                 \
	"version: STSv1\nmode: enforce\nmx: mx.d.example\nmax_age: 86400\n"

static TALLOC_CTX *mem;
static struct sim *sim;
static struct log quiet;
static struct conf conf;
static struct discover *discover;
static unsigned told, entries;
static enum sts_state state;

static void
write_nothing(void *arg, enum log_level level, struct span line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static void
changed(void *arg, const struct sts_entry *e)
{
	(void)arg;
	(void)e;
	told++;
}

static void
set_up(void)
{
	static const char *const txt[] = { "\"v=STSv1; id=1;\"" };
	static const char *const address[] = { "203.0.113.9" };
	struct role_env env;

	mem = talloc_new(NULL);
	quiet = (struct log){
		.level = LOG_LEVEL_ERROR, .role = "test", .write = write_nothing
	};
	conf = (struct conf){
		.sts_retry_ms = 5 * MINUTE,
		.sts_refresh_ms = 24 * 60 * MINUTE,
		.sts_fetch_ms = MINUTE,
	};
	sim = sim_new(mem, (struct wall){ INT64_C(1795508513000) }, 7);
	sim_dns_set(sim, "_mta-sts.d.example", DNS_TXT, SIM_INSECURE, 3600, txt,
	    1);
	sim_dns_set(sim, HOST, DNS_A, SIM_INSECURE, 3600, address, 1);
	sim_dns_set(sim, HOST, DNS_AAAA, SIM_INSECURE, 3600, NULL, 0);
	env = (struct role_env){ sim_net(sim), &quiet, &conf };
	discover = discover_new(mem, &env, changed, NULL);
	discover_keep_fresh(discover);
	told = 0;
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
	state = f->state;
}

static enum sts_state
ask(void)
{
	state = STS_ST_UNKNOWN;
	(void)discover_ask(mem, discover, "d.example", have, NULL);
	sim_run(sim, 1000, NULL, NULL);
	return state;
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
	discover_each(discover, count_one, NULL);
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
	discover_load(discover, &e);
}

static void
find_last(void *arg, const struct sts_entry *e)
{
	bool *there = arg;

	*there |= e->used.ms ==
		  INT64_C(1700000000000) - (DISCOVER_MAX_ENTRIES - 1);
}

START_TEST(a_full_cache_drops_what_binds_no_more_and_was_not_used)
{
	bool there = false;

	for (unsigned i = 0; i < DISCOVER_MAX_ENTRIES; i++)
		load_ended(i);
	discover_each(discover, find_last, &there);
	ck_assert(there);
	sim_https_set(sim, HOST, 200, "text/plain", POLICY);
	ck_assert_int_eq(ask(), STS_ST_ENFORCE);
	ck_assert_uint_eq(known(), DISCOVER_MAX_ENTRIES);
	there = false;
	discover_each(discover, find_last, &there);
	ck_assert(!there);
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
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
