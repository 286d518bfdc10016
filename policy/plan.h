/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan - the immutable answer for a destination (recipient domain, message
 * class, marks): the MX hosts in order, each with addresses, required level,
 * method, reference names and TLSA set, and the row of the decision table
 * that won.
 *
 * The planner names what it must know next; whoever drives it supplies the
 * answers and asks again.  The gateway's advisor and `tierpost explain` are
 * two drivers of this one code path.  Pure: no I/O; `now` and a random seed
 * come in.
 *
 *	p = planner_new(mem, conf, &destination, now, seed);
 *	while ((plan = planner_plan(p)) == NULL)
 *		for each planner_need(p, i): look up, planner_supply_*(p, ...)
 */
#ifndef POLICY_PLAN_H
#define POLICY_PLAN_H

#include "dane/tlsa.h"
#include "policy/conf.h"
#include "policy/decide.h"
#include "policy/fact.h"
#include "policy/level.h"

/* DNS-32; fallbacks; alternates */
#define PLAN_MAX_HOSTS       (DNS_MAX_MX + 2 * CONF_MAX_HOPS)
#define PLAN_MAX_ADDRESSES   32u /* per host, both families */
#define PLAN_MAX_REFS        8u /* TLSA base, N, CNAME-expanded N; or a rule's */
#define PLAN_MAX_TRAIL       640u       /* ours: lookups of one plan */
#define PLAN_MAX_BYTES       (1u << 20) /* packed */
#define PLAN_TLSA_TEXT_BYTES 4096u      /* ours: of one host */

enum plan_verdict {
	PLAN_DELIVER, /* hosts is not empty; each may still be skip */
	PLAN_DEFER,   /* a lookup failed that hides where to send (DANE-03) */
	PLAN_BOUNCE,  /* NXDOMAIN, null MX, no address at all, loop */
};

/* Names that a certificate may have, most wanted first. */
struct plan_refs {
	const char *name[PLAN_MAX_REFS];
	size_t count;
};

struct plan_host {
	const char *name; /* as in the MX record: H */
	uint16_t preference;
	struct netaddr *addr; /* port set; families interleaved (SMTP-31) */
	size_t addr_count;
	enum dane_state dane;
	bool half_dane;      /* D1 or D2 reached through an insecure MX */
	struct decide_in in; /* exactly what decide() was given (INV-15) */
	bool skip;
	enum level required;
	enum method method;
	bool also_pkix_sts;
	/* As in struct decide_out: beside method, by a rule. */
	enum method also_local;
	/*
	 * Of METHOD_PIN and METHOD_CA, as method or beside it, the rule that
	 * says so, which has the authorities; else "".  Where an exception is
	 * in force also when they may but come to count, see if_local.
	 */
	const char *method_rule;
	struct pin *pin; /* METHOD_PIN: one of these */
	size_t pin_count;
	/* also_local PKIX_LOCAL or CA: names of which it has one. */
	const char *local_ref[PLAN_MAX_REFS];
	size_t local_ref_count;
	const char *identity; /* rule whose client certificate it is shown,
			       * when it asks and has met all; or "" */
	enum min_tls min_tls;
	bool legacy_tls; /* TLS 1.0 and 1.1 will do as well */
	bool requiretls; /* EHLO inside TLS must offer REQUIRETLS, and MAIL
			  * carries it: CLASS_REQUIRETLS (RFC 8689 4.2.1) */
	/*
	 * Of a skip in CLASS_REQUIRETLS: this host is known not to do, so that
	 * mail may be returned when none does (RTLS-21).  Else it may be
	 * another time.
	 */
	bool conclusive;
	enum decide_rule won;  /* rule that gave the answer */
	const char *tlsa_base; /* "" without TLSA; SNI is this, else name */
	const char *ref[PLAN_MAX_REFS]; /* reference names, most wanted first */
	size_t ref_count;
	/* Where an exception is in force: of methods that may come to count
	 * without it, or by what it waives. */
	struct plan_refs if_dane, if_local;
	/* There likewise: what identity and min_tls are from encrypt on. */
	const char *if_identity;
	enum min_tls if_min_tls;
	struct tlsa *tlsa; /* usable records only */
	size_t tlsa_count;
	/*
	 * All that were found, as tlsa_whole(), in order of the text: usable or
	 * not; for reports.  As many as PLAN_TLSA_TEXT_BYTES have room for.
	 */
	const char **tlsa_text;
	size_t tlsa_text_count;
	const char *dane_why; /* D2: which field of a record; D5: which lookup,
			       * and how it failed; else "" or NULL */
	bool sts_mx_match;
	/*
	 * Of a route: its name, else "".  named: the operator named the host,
	 * no MX record did.  fallback: for when none before it could be
	 * reached.  alternate: for when each host that is neither fell short
	 * of what is required.  login: the route has a user, whose password
	 * goes to this host.
	 */
	const char *route;
	bool named;
	bool fallback;
	bool alternate;
	bool login;
	bool implicit_tls; /* TLS from the first byte */
	/* At MAY, when TLS is not to be had: */
	struct conf_plaintext plaintext;
	const char *row;       /* decision row */
	const char *rule;      /* name of the rule in force, or "" */
	const char *exception; /* name of the exception in force, or "" */
	/* its audit, else "" and 0: hosts may have different ones */
	const char *approver;
	const char *reason;
	struct wall exception_expires;
	const char *why; /* for people: what is required and why */
};

/* One lookup, kept for explain and for the evidence (INV-15, DNS-35). */
struct plan_trail {
	const char *what; /* "TLSA _25._tcp.mx.example", "POLICY …" */
	enum dns_security security;
	enum dns_outcome outcome;
	uint32_t ttl_s;
	const char *text; /* records in short, or the reason of a failure */
};

struct plan {
	const char *domain; /* N, canonical; of a next hop: hop_text() */
	bool hop;           /* asked of a next hop, see planner_new_hop() */
	/* Whose MX records and policy count: domain, or that of its route. */
	const char *next_hop;
	enum msg_class mclass;
	const char *marks; /* of the mail that it is for */
	enum plan_verdict verdict;
	const char *status;      /* "4.4.3", "5.1.2": when not PLAN_DELIVER */
	const char *why;         /* for people: when not PLAN_DELIVER */
	uint8_t conf_digest[32]; /* of the configuration it follows */
	struct wall made;
	struct wall valid_until; /* when the first input expires */
	bool mx_secure;
	bool implicit_mx;
	enum unmet unmet; /* what if no host meets what is required */
	struct sts_fact sts;
	struct plan_host *host; /* in order of use: preference, ties shuffled */
	size_t host_count;
	struct plan_trail *trail;
	size_t trail_count;
	/* Of the first exception that a host uses, for people: */
	const char *approver;
	const char *reason;
	struct wall exception_expires;
};

enum need_kind {
	NEED_DNS, /* ask name/type */
	NEED_STS, /* discover and fetch the MTA-STS policy of name */
};

struct plan_need {
	uint32_t id;
	enum need_kind kind;
	const char *name; /* borrowed from the planner */
	enum dns_type type;
};

/*
 * A host of the plan under another input that policy/waive makes of its own:
 * what is required then.  In mem; what both have in common is borrowed.
 */
struct plan_host *plan_host_as(TALLOC_CTX *mem, const struct plan *plan,
    const struct plan_host *h, const struct decide_in *in);

/* Whose pins or authorities count as things stand; "": they do not. */
const char *plan_method_rule(const struct plan_host *h);

struct planner; /* opaque; lives in the mem given at birth */

/*
 * to->domain: the recipient domain N, canonical; an address literal is given
 * in RFC 5321 form "[192.0.2.1]" and gets local policy only (DANE-12).
 * The port of conf (smtp.port), or of the domain's route, goes into TLSA names
 * and addresses.
 */
struct planner *planner_new(TALLOC_CTX *mem, const struct conf *conf,
    const struct dest_key *to, struct wall now, uint64_t seed);

/*
 * For those who have decided where mail goes, and ask what is required there:
 * no route of a recipient domain counts, nor is anything left out because
 * this gateway would not connect to it.  A host that a route of ours leads
 * to must meet what that route requires.
 */
struct planner *planner_new_hop(TALLOC_CTX *mem, const struct conf *conf,
    const struct conf_hop *hop, struct wall now, uint64_t seed);

/* Needs that have not been answered yet, in order of asking. */
size_t planner_need_count(const struct planner *p);
struct plan_need planner_need(const struct planner *p, size_t i);

/* Answer a need by its id.  Copies what it keeps. */
void planner_supply_dns(struct planner *p, uint32_t id,
    const struct dns_answer *answer);
void planner_supply_sts(struct planner *p, uint32_t id,
    const struct sts_fact *fact);

/*
 * The plan once no need is left, else NULL.  Lives in the planner until
 * plan_copy() or planner's context is freed.
 */
const struct plan *planner_plan(struct planner *p);

/*
 * Has the plan ended at now?  Also when it was made in what is now the
 * future: the clock was put back, and nobody knows for how long it would
 * serve.
 */
bool plan_is_over(const struct plan *plan, struct wall now);
/* The same of what rests on a plan with these times. */
bool plan_life_is_over(struct wall made, struct wall valid_until,
    struct wall now);

/* Deep copy into one new talloc context in mem. */
struct plan *plan_copy(TALLOC_CTX *mem, const struct plan *plan);

/* What it is the plan of; borrowed. */
struct dest_key plan_key(const struct plan *plan);

void pack_plan(struct sbuf *b, const struct plan *plan);
/*
 * NULL with *why set when the bytes are not a plan within the limits, or one
 * whose levels do not follow from its own facts by decide().
 */
struct plan *unpack_plan(TALLOC_CTX *mem, struct unpack *u, struct diag *why);

#endif
