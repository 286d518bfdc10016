/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan_seeds - plans of all shapes, packed as they are packed today: what the
 * fuzz targets that read a plan begin from.
 *
 *	plan_seeds DIRECTORY	makes DIRECTORY/plan, DIRECTORY/socketmap
 */
#include "tests/fuzz/seeds.h"
#include "tests/plan.h"

static const char *root;

static struct span
packed(const struct plan *plan, bool tag)
{
	struct sbuf b;

	sbuf_init(&b, mem, SEED_BYTES);
	if (tag)
		sbuf_u8(&b, 'P'); /* fuzz_socketmap: a plan follows */
	pack_plan(&b, plan);
	ck_assert(!sbuf_failed(&b));
	return sbuf_view(&b);
}

/* One that is taken, for both targets. */
static void
seed_good(const char *name, const struct plan *plan)
{
	struct span bytes = packed(plan, false);
	struct unpack u = unpack_from(bytes);
	struct diag why = { 0 };

	ck_assert_msg(unpack_plan(mem, &u, &why) != NULL, "%s: %s", name,
	    why.text);
	seed_write(root, "plan", name, bytes);
	seed_write(root, "socketmap", name, packed(plan, true));
}

/* One that would be taken but for one thing. */
static void
seed_bad(const char *name, const struct plan *plan)
{
	struct span bytes = packed(plan, false);
	struct unpack u = unpack_from(bytes);
	struct diag why = { 0 };

	ck_assert_msg(unpack_plan(mem, &u, &why) == NULL, "%s", name);
	seed_write(root, "plan", name, bytes);
}

/* The plan of what is scripted now, and of the same as a next hop. */
static void
seed_both(const char *name)
{
	seed_good(name, plan_n());
	seed_good(need(talloc_asprintf(mem, "%s-hop", name)), plan_for_hop(N));
}

static void
seed_dane(void)
{
	struct plan broken;
	struct plan_host host[2];

	signed_hosts();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	say(DNS_TLSA, TLSA2, SECURE, "2 0 1 bb");
	seed_both("dane");
	broken = *plan_n();
	ck_assert_uint_eq(broken.host_count, COUNT_OF(host));
	memcpy(host, broken.host, sizeof(host));
	broken.host = host;
	host[1].tlsa_count = 0;
	seed_bad("no-records", &broken);
	enforce("*.example.org");
	say(DNS_TLSA, TLSA2, SECURE, "nodata");
	seed_both("dane-and-policy");
	conf.dane_and_sts = DANE_AND_STS;
	seed_both("dane-with-policy");
}

static void
seed_half_dane(void)
{
	unsigned_host();
	say(DNS_A, MX1, SECURE, "192.0.2.1");
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 ab, 3 0 1 01");
	seed_both("half-dane");
	enforce(MX1);
	seed_both("half-dane-and-policy");
}

static void
seed_policy(void)
{
	unsigned_host();
	enforce(MX1);
	seed_both("policy");
	enforce(MX2);
	seed_both("outside-policy");
	sts = (struct sts_fact){
		.state = STS_ST_UNKNOWN, .id = "", .why = "SERVFAIL"
	};
	seed_both("policy-unknown");
}

static void
seed_failures(void)
{
	signed_host();
	say(DNS_TLSA, TLSA1, BOGUS, "fail");
	seed_both("skip");
	say(DNS_MX, N, ERROR, "fail");
	seed_both("defer");
	say(DNS_MX, N, SECURE, "0 .");
	seed_both("bounce");
}

static void
seed_overrides(void)
{
	signed_hosts();
	with_exception(false);
	seed_both("exception");
	conf.exception_count = 0;
	with_rule(OVERRIDE_REQUIRE_VERIFIED, 2);
	seed_both("rule");
	mclass = CLASS_REQUIRETLS;
	seed_good("requiretls", plan_n());
	mclass = CLASS_TLS_OPTIONAL;
	seed_good("tls-optional", plan_n());
}

/* An address that is written as one of the other family. */
static void
seed_mapped_address(struct plan_host *h)
{
	struct netaddr mapped = h->addr[0];

	memset(mapped.ip, 0, sizeof(mapped.ip));
	memset(mapped.ip + 10, 0xff, 2);
	memcpy(mapped.ip + 12, h->addr[0].ip, 4);
	mapped.family = NETADDR_IP6;
	h->addr = need(talloc_memdup(mem, &mapped, sizeof(mapped)));
	h->addr_count = 1;
}

static void
seed_hosts(void)
{
	struct plan_host host;
	struct plan odd;

	say(DNS_A, MX1, SECURE, "192.0.2.1");
	say(DNS_TLSA, "_587._tcp." MX1, SECURE, "3 1 1 aa");
	seed_good("named-host", plan_for_hop("[" MX1 "]:587"));
	seed_good("address", plan_for_hop("[192.0.2.1]:26"));
	odd = *plan_for_hop("[" MX1 "]");
	host = odd.host[0];
	odd.host = &host;
	seed_mapped_address(&host);
	seed_write(root, "plan", "mapped-address", packed(&odd, false));
}

START_TEST(plan_seeds_are_written_as_plans_are_packed_today)
{
	static void (*const seeds[])(void) = { seed_dane, seed_half_dane,
		seed_policy, seed_failures, seed_overrides, seed_hosts };

	for (size_t i = 0; i < COUNT_OF(seeds); i++) {
		if (i > 0)
			setup();
		seeds[i]();
		if (i + 1 < COUNT_OF(seeds))
			teardown();
	}
}
END_TEST

int
main(int argc, char **argv)
{
	const TTest *const tests[] = {
		plan_seeds_are_written_as_plans_are_packed_today,
	};

	if (argc != 2) {
		fprintf(stderr, "usage: plan_seeds DIRECTORY\n");
		return EXIT_FAILURE;
	}
	root = argv[1];
	seed_folder(root, "");
	seed_folder(root, "plan");
	seed_folder(root, "socketmap");
	return run_tests("plan_seeds", tests, COUNT_OF(tests));
}
