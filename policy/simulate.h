/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * simulate - what another configuration would have made of a decision that
 * was taken, from the facts that it was taken from.  Pure.
 */
#ifndef POLICY_SIMULATE_H
#define POLICY_SIMULATE_H

#include "policy/conf.h"
#include "policy/failure.h"

/* A decision that was taken, and what the connection came to. */
struct simulate_in {
	const char *domain;    /* N */
	const char *host;      /* H */
	const char *marks;     /* of the mail */
	const char *marks_now; /* under the other configuration; NULL: what of
				* them is known comes from marks and sender */
	const struct address *sender; /* NULL: not known */
	struct decide_in in;          /* its input, of which the facts count */
	/* skip, required, method, also_pkix_sts, also_local */
	struct decide_out was;
	enum min_tls min_tls;
	const char *method_rule; /* of old: whose pins or authorities; or "" */
	const char *route;       /* by which it went; or "" */
	enum unmet unmet;        /* what if no host meets what is required */
	bool delivered;          /* content was taken */
	enum failure failure; /* else: of what, for an exception may waive it */
	bool encrypted;       /* on the connection */
	bool is_tls_1_3;      /* ... with that */
	bool authenticated;   /* ... by was.method, and was.also_local */
	bool name_proven;     /* the host's name came securely */
	/* SHA-256 of the peer's key; NULL: not known. */
	const uint8_t *spki_sha256;
};

enum simulate_change {
	SIMULATE_SAME,
	SIMULATE_RAISED,
	SIMULATE_LOWERED,
	SIMULATE_OTHER,    /* the level as before, met in another way */
	SIMULATE_ROUTED,   /* it would go, or went, by a route: not judged */
	SIMULATE_UNJUDGED, /* rules ask what is not known of the message */
	SIMULATE_UNMET,    /* the same is required, and something else becomes
			    * of mail for which it is not met */
};
#define SIMULATE_CHANGE_COUNT 7u

/* What would become of the mail. */
enum simulate_effect {
	EFFECT_NONE,
	EFFECT_HELD,     /* it was delivered, and would not have been so */
	EFFECT_UNPROVEN, /* it was delivered by TLS; whether the peer would
			  * have passed was not tried */
	EFFECT_FREED,    /* it was not delivered, and less would be required */
};
#define SIMULATE_EFFECT_COUNT 4u

struct simulate_out {
	struct decide_out now; /* of the other configuration */
	enum min_tls min_tls;  /* likewise */
	enum simulate_change change;
	enum simulate_effect effect;
	const char *open; /* names of these rules, in mem; else "" */
	/* What becomes of mail for which it is not met, before and after; of
	 * what is neither routed nor unjudged. */
	struct conf_unmet unmet_was, unmet;
};

/*
 * old: under which the decision was taken, as far as it is known; conf:
 * another, at now.  An exception that has expired by now counts in neither.
 *
 * Of the message the record has its sender and the names of the rules that
 * it met then.  What a rule of conf asks besides is not known; where it makes
 * a difference, the decision is not judged.
 */
struct simulate_out simulate(TALLOC_CTX *mem, const struct conf *old,
    const struct conf *conf, const struct simulate_in *in, struct wall now);

/*
 * What would have become of a delivery, had at least require been asked of
 * its host.  Who was authenticated is not tried again: verify takes any proof.
 */
enum simulate_effect simulate_requirement(const struct simulate_in *in,
    enum level require);

const char *simulate_change_name(enum simulate_change c); /* "raised", ... */
const char *simulate_effect_name(enum simulate_effect e); /* "held", ... */
/* "defer", "route NAME": in mem. */
char *simulate_unmet_text(TALLOC_CTX *mem, const struct conf_unmet *u);
/* Is it another one? */
bool simulate_unmet_differs(const struct simulate_out *out);
/* "not used", "verify by dane", "encrypt with TLS 1.3", "plain": in mem. */
char *simulate_level_text(TALLOC_CTX *mem, const struct decide_out *d,
    enum min_tls min_tls);

#endif
