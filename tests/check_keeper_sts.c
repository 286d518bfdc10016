/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper: the MTA-STS cache. */
#include "tests/keeper.h"

static struct sts_entry
policy(const char *domain)
{
	return (struct sts_entry){ .domain = domain,
		.has_policy = true,
		.id = "1",
		.fetched = net_wall(net),
		.policy = { .mode = STS_ENFORCE,
		    .max_age_s = 86400,
		    .mx_count = 1,
		    .mx = { "mx.example" } } };
}

static struct peer *
new_advisor(void)
{
	struct sock *theirs;
	struct peer *p = peer_new(&theirs);

	keeper_attach_advisor(k, theirs);
	run(1);
	return p;
}

START_TEST(policies_are_kept_for_the_next_advisor)
{
	struct sts_entry e = policy("a.example");
	struct peer *p;

	start(0);
	p = new_advisor();
	ck_assert_uint_eq(count_frames(p, WIRE_STS_ENTRY), 0);
	ck_assert_uint_eq(count_frames(p, WIRE_STS_LOADED), 1);
	wire_pack_sts(&out, &e);
	say(p, WIRE_STS_ENTRY);
	run(1);
	talloc_free(p);
	TALLOC_FREE(k);
	start(0);
	p = new_advisor();
	ck_assert_int_eq(wire_unpack_sts(mem, must_frame(p, WIRE_STS_ENTRY), &e,
			     &why),
	    ST_OK);
	ck_assert_str_eq(e.domain, "a.example");
	ck_assert_int_eq(e.policy.mode, STS_ENFORCE);
	ck_assert_ptr_nonnull(next_frame(p, WIRE_STS_LOADED));
}
END_TEST

START_TEST(b2_12_a_damaged_policy_holds_mail_and_is_never_no_policy)
{
	struct sts_entry a = policy("a.example"), b = policy("b.example");
	struct sts_entry e;
	unsigned seen = 0;
	struct peer *p;

	start(0);
	p = new_advisor();
	wire_pack_sts(&out, &a);
	say(p, WIRE_STS_ENTRY);
	wire_pack_sts(&out, &b);
	say(p, WIRE_STS_ENTRY);
	run(1);
	by_hand(
	    "UPDATE sts_policy SET data = x'00' WHERE domain = 'b.example'");
	p = new_advisor();
	for (unsigned i = 0; i < p->count; i++) {
		if (p->frame[i].type != WIRE_STS_ENTRY)
			continue;
		seen++;
		ck_assert_int_eq(wire_unpack_sts(mem, p->frame[i].payload, &e,
				     &why),
		    ST_OK);
		ck_assert(e.has_policy);
		ck_assert_int_eq(e.policy.mode, STS_ENFORCE);
		ck_assert(sts_cache_live(&e, net_wall(net)));
		if (strcmp(e.domain, "b.example") != 0)
			continue;
		ck_assert(!sts_policy_matches(&e.policy, "mx.example"));
		/* A record with any id has it fetched anew. */
		ck_assert_int_eq(sts_cache_step(&e, STS_TXT_ID, "1",
				     net_wall(net), 300000),
		    STS_STEP_FETCH);
	}
	ck_assert_uint_eq(seen, 2);
	ck_assert_uint_eq(count_frames(p, WIRE_STS_LOADED), 1);
	ck_assert(logged("error keeper policy-damaged"));
}
END_TEST

START_TEST(a_hostile_advisor_loses_its_channel)
{
	struct peer *p;

	start(0);
	p = new_advisor();
	pack_str(&out, "half an entry");
	say(p, WIRE_STS_ENTRY);
	run(1);
	ck_assert(p->closed);
	p = new_advisor();
	say(p, WIRE_HELLO);
	run(1);
	ck_assert(p->closed);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, policies_are_kept_for_the_next_advisor);
	tcase_add_test(tc,
	    b2_12_a_damaged_policy_holds_mail_and_is_never_no_policy);
	tcase_add_test(tc, a_hostile_advisor_loses_its_channel);
}

int
main(void)
{
	return keeper_run("keeper_sts", add_tests);
}
