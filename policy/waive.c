/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/waive.h"

#define BIT(waiver) (1u << (waiver))

struct decide_in
waive_none(const struct decide_in *in)
{
	struct decide_in none = *in;

	if (!in->waiver)
		return none;
	none.override = OVERRIDE_NONE;
	none.waiver = false;
	none.waives = none.failed = 0;
	if (in->local > none.floor)
		none.floor = in->local;
	none.local = LEVEL_PLAIN;
	if (in->local_by != VERIFY_BY_ANY)
		none.verify_by = in->local_by;
	none.local_by = VERIFY_BY_ANY;
	none.local_newer_tls = false;
	return none;
}

/* The level first; at the same one, less that is proved by it.  Where clear
 * text would do, old TLS takes nothing away. */
static bool
is_weaker(const struct decide_out *a, const struct decide_out *than)
{
	if (a->skip || than->skip)
		return than->skip && !a->skip;
	if (a->required != than->required)
		return a->required < than->required;
	return a->method != than->method ||
	       (than->also_pkix_sts && !a->also_pkix_sts) ||
	       (than->also_local != METHOD_NONE &&
		   a->also_local != than->also_local) ||
	       (a->legacy_tls && !than->legacy_tls &&
		   a->required >= LEVEL_ENCRYPT);
}

bool
waive_lowers(const struct decide_in *in)
{
	struct decide_in none;
	struct decide_out with, without;

	if (!in->waiver)
		return false;
	none = waive_none(in);
	with = decide(in);
	without = decide(&none);
	return is_weaker(&with, &without) ||
	       (in->local_newer_tls && !without.skip &&
		   without.required >= LEVEL_ENCRYPT);
}

static bool
helps(const struct decide_in *in, enum waiver w, struct decide_in *next)
{
	struct decide_in lowered = *in;
	struct decide_out out, was = decide(in);

	lowered.failed |= (uint8_t)BIT(w);
	out = decide(&lowered);
	if ((in->failed & BIT(w)) != 0 || !is_weaker(&out, &was))
		return false;
	*next = lowered;
	return true;
}

/* The waiver that is for this failure and no other; or WAIVE_PLAIN. */
static enum waiver
narrowest(enum failure failure)
{
	switch (failure) {
	case FAILURE_TLSA_MISMATCH:
		return WAIVE_TLSA_MISMATCH;
	case FAILURE_NO_STARTTLS:
		return WAIVE_NO_STARTTLS;
	case FAILURE_CERTIFICATE:
		return WAIVE_CERTIFICATE;
	case FAILURE_LEGACY_TLS:
		return WAIVE_LEGACY_TLS;
	case FAILURE_NONE:
	case FAILURE_DNS:
	case FAILURE_UNREACHABLE:
	case FAILURE_REPLY:
	case FAILURE_TLS:
	case FAILURE_TLSA_LOOKUP: /* decided before */
	case FAILURE_STS_MX:
	case FAILURE_STS_LOOKUP:
	case FAILURE_REQUIRETLS:
	case FAILURE_RULE:
	case FAILURE_PIN_MISMATCH: /* no failure lowers what a rule pins */
	case FAILURE_PLAINTEXT:    /* what may go in clear, and waits */
		break;
	}
	return WAIVE_PLAIN;
}

bool
waive_next(const struct decide_in *in, enum failure failure,
    struct decide_in *next)
{
	enum waiver w = narrowest(failure);

	if (in->override != OVERRIDE_WAIVES || !in->waiver)
		return false;
	if (w == WAIVE_PLAIN && failure != FAILURE_TLS)
		return false;
	return helps(in, w, next) ||
	       (w != WAIVE_PLAIN && helps(in, WAIVE_PLAIN, next));
}

struct decide_in
waive_with_starttls(const struct decide_in *in)
{
	struct decide_in with = *in;

	with.failed &= (uint8_t)~BIT(WAIVE_NO_STARTTLS);
	return with;
}
