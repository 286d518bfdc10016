/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/ladder.h"

static const char *const names[RUNG_COUNT] = {
	[RUNG_HYBRID] = "hybrid",
	[RUNG_MODERN] = "modern",
	[RUNG_LEGACY] = "legacy",
	[RUNG_CLEAR] = "clear",
	[RUNG_NONE] = "none",
};

const char *
rung_name(enum rung rung)
{
	return names[rung];
}

enum rung
ladder_top(const struct ladder *l)
{
	return l->hybrid ? RUNG_HYBRID : RUNG_MODERN;
}

/* By the knob where nothing is required alone. */
static bool
allows_legacy(const struct ladder *l)
{
	return l->min_tls == MIN_TLS_1_2 &&
	       ((l->oldest != OLDEST_TLS_1_2 && l->required <= LEVEL_MAY) ||
		   (l->legacy_waived && l->required <= LEVEL_VERIFY));
}

bool
ladder_allows(const struct ladder *l, enum rung rung)
{
	switch (rung) {
	case RUNG_HYBRID:
		return l->hybrid;
	case RUNG_MODERN:
	case RUNG_NONE:
		return true;
	case RUNG_LEGACY:
		return allows_legacy(l);
	case RUNG_CLEAR:
		return l->required <= LEVEL_MAY && !l->implicit;
	}
	return false; /* not reached: the switch names every rung */
}

enum rung
ladder_begin(const struct ladder *l, enum rung remembered)
{
	enum rung top = ladder_top(l);

	if (l->required > LEVEL_MAY || remembered == RUNG_NONE ||
	    !ladder_allows(l, remembered))
		return top;
	return remembered > top ? remembered : top;
}

/*
 * Legacy TLS is of use only to a peer that has said, by an alert or by its
 * own hello, that it has nothing newer; not after a connection that broke,
 * which anyone on the way can bring about.
 */
static bool
leads_to(enum rung rung, enum failure failure)
{
	switch (rung) {
	case RUNG_MODERN:
		return failure == FAILURE_TLS || failure == FAILURE_LEGACY_TLS;
	case RUNG_LEGACY:
		return failure == FAILURE_LEGACY_TLS;
	case RUNG_HYBRID:
	case RUNG_CLEAR:
	case RUNG_NONE:
		break;
	}
	return true;
}

enum rung
ladder_next(const struct ladder *l, enum rung at, enum failure failure)
{
	for (unsigned r = (unsigned)at + 1; r < RUNG_NONE; r++)
		if (ladder_allows(l, (enum rung)r) &&
		    leads_to((enum rung)r, failure))
			return (enum rung)r;
	return RUNG_NONE;
}

enum oldest_tls
ladder_oldest(const struct ladder *l)
{
	return l->legacy_waived ? OLDEST_TLS_1_0 : l->oldest;
}
