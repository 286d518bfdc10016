/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decide_walk - the inputs of decide(), also those no network can produce,
 * and properties that are asked of each; for tests alone.
 */
#ifndef TESTS_DECIDE_WALK_H
#define TESTS_DECIDE_WALK_H

#include <stdio.h>

#include "policy/decide.h"

#define WALK_FLAGS 9u
#define WALK_COUNT                                                             \
	((size_t)DANE_STATE_COUNT * STS_STATE_COUNT * OVERRIDE_COUNT *         \
	    CLASS_COUNT * LEVEL_COUNT * VERIFY_BY_COUNT * (1u << WALK_FLAGS))
#define WALK_WAIVER_SETS (1u << WAIVER_COUNT)

/* Takes one digit of base count off *n. */
static unsigned
walk_digit(size_t *n, unsigned count)
{
	unsigned d = (unsigned)(*n % count);

	*n /= count;
	return d;
}

/* splitmix64: the same ones each time. */
static uint64_t
walk_random(uint64_t n)
{
	uint64_t z = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/*
 * The n-th of WALK_COUNT.  What an exception by failures alone looks at, and
 * what decide() never does, is other with each round: for one that looks at it
 * so many combinations are asked as rounds are made, for the rest it must
 * make no difference.
 */
static struct decide_in
walk_input(size_t n, unsigned round)
{
	uint64_t r = walk_random((uint64_t)round * WALK_COUNT + n);
	size_t more = (size_t)(r >> 1);
	struct decide_in in = { 0 };

	in.error_is_tlsa_only = walk_digit(&n, 2) != 0;
	in.sts_mx_match = walk_digit(&n, 2) != 0;
	in.mx_secure = walk_digit(&n, 2) != 0;
	in.dane_and_sts_both = walk_digit(&n, 2) != 0;
	in.sts_unknown_defers = walk_digit(&n, 2) != 0;
	in.waiver = walk_digit(&n, 2) != 0;
	in.never_plaintext = walk_digit(&n, 2) != 0;
	in.requiretls_testing = walk_digit(&n, 2) != 0;
	in.tls_no_beats_floor = walk_digit(&n, 2) != 0;
	in.dane = (enum dane_state)walk_digit(&n, DANE_STATE_COUNT);
	in.sts = (enum sts_state)walk_digit(&n, STS_STATE_COUNT);
	in.mclass = (enum msg_class)walk_digit(&n, CLASS_COUNT);
	in.floor = (enum level)walk_digit(&n, LEVEL_COUNT);
	in.verify_by = (enum verify_by)walk_digit(&n, VERIFY_BY_COUNT);
	in.override = (enum override_kind)walk_digit(&n, OVERRIDE_COUNT);
	in.waives = (uint8_t)walk_digit(&more, WALK_WAIVER_SETS);
	in.failed = (uint8_t)walk_digit(&more, WALK_WAIVER_SETS);
	in.local = (enum level)walk_digit(&more, LEVEL_COUNT);
	in.local_by = (enum verify_by)walk_digit(&more, VERIFY_BY_COUNT);
	in.local_newer_tls = walk_digit(&more, 2) != 0;
	return in;
}

/* ---- properties ---- */

typedef bool walk_holds(const struct decide_in *in,
    const struct decide_out *out);

struct walk_property {
	const char *name;
	walk_holds *holds;
	size_t broken;
	struct decide_in first; /* for which it does not hold */
};

static void
walk_ask(struct walk_property *property, size_t count,
    const struct decide_in *in)
{
	const struct decide_out out = decide(in);

	for (size_t p = 0; p < count; p++)
		if (!property[p].holds(in, &out) && property[p].broken++ == 0)
			property[p].first = *in;
}

static void
walk_print(const struct decide_in *in)
{
	struct decide_out out = decide(in);

	printf("dane=%s error_is_tlsa_only=%d sts=%s sts_mx_match=%d "
	       "mx_secure=%d dane_and_sts_both=%d sts_unknown_defers=%d "
	       "override=%s waiver=%d class=%s floor=%s by=%s "
	       "never_plaintext=%d requiretls_testing=%d "
	       "tls_no_beats_floor=%d waives=0x%x failed=0x%x local=%s "
	       "local_by=%s\n",
	    dane_state_name(in->dane), in->error_is_tlsa_only,
	    sts_state_name(in->sts), in->sts_mx_match, in->mx_secure,
	    in->dane_and_sts_both, in->sts_unknown_defers,
	    override_name(in->override), in->waiver, class_name(in->mclass),
	    level_name(in->floor), verify_by_name(in->verify_by),
	    in->never_plaintext, in->requiretls_testing, in->tls_no_beats_floor,
	    in->waives, in->failed, level_name(in->local),
	    verify_by_name(in->local_by));
	printf("  %s%s by %s%s, also %s%s, waived 0x%x, rule %d\n"
	       "  row \"%s\": %s\n",
	    out.skip ? "skip " : "", level_name(out.required),
	    method_name(out.method), out.also_pkix_sts ? " and pkix-sts" : "",
	    method_name(out.also_local), out.legacy_tls ? ", old TLS" : "",
	    out.waived, (int)out.rule, out.row, out.why);
	fflush(stdout);
}

#endif
