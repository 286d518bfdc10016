/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan_internal - what the files of the planner share; for policy/plan*.c
 * alone.
 *
 *	plan.c        needs out, answers in
 *	plan_route.c  MX answer -> hosts in order
 *	plan_host.c   addresses -> TLSA base names -> D of one host
 *	plan_make.c   all facts -> decisions, verdict, life of the plan
 *	plan_self.c   hosts that are this gateway by their address
 *	plan_waive.c  a host under what an exception waives, or without it
 *	plan_trail.c  lookups as text
 *	plan_pack.c   a finished plan as bytes
 */
#ifndef POLICY_PLAN_INTERNAL_H
#define POLICY_PLAN_INTERNAL_H

#include "policy/plan_self.h"

#define PLAN_MAX_BASES 2u /* expanded name, then the host's (DANE-15) */

/* What a need was asked for. */
enum plan_purpose {
	FOR_MX,
	FOR_STS,
	FOR_ADDRESS, /* A and AAAA */
	FOR_CNAME,   /* DANE-17 */
	FOR_TLSA,
};

struct plan_asked {
	struct plan_need need;
	enum plan_purpose purpose;
	size_t host; /* index of the draft; host purposes */
	bool answered;
	struct plan_trail trail; /* once answered */
};

/*
 *	WAITS --asked--> OPEN --no address--> GONE
 *	                   \----------------> KEPT
 */
enum draft_state {
	DRAFT_WAITS, /* of too little preference to be asked about yet */
	DRAFT_OPEN,  /* lookups are under way */
	DRAFT_GONE,  /* proven to have no address that may be used */
	DRAFT_KEPT,  /* will be in the plan, if only to be skipped */
};

/* One MX host while its facts come in. */
struct plan_draft {
	const char *name;
	uint16_t preference;
	uint16_t port;
	const struct conf_route *route; /* or NULL */
	bool named;                     /* in the route, not by an MX record */
	size_t order;                   /* in the packet */
	enum draft_state state;
	unsigned open; /* address lookups */
	/* Addresses, all those that the scope rules allow: */
	struct netaddr *addr;
	size_t addr_count;
	bool has_data;        /* a family answered with addresses */
	bool secure;          /* ... of the family that governs (DANE-07) */
	bool aliased;         /* ... came by a CNAME */
	const char *expanded; /* ... at this name */
	bool missing;         /* NXDOMAIN */
	bool loops;           /* an address was left out as loopback */
	bool filtered;        /* ... as private or unusable */
	bool is_self;         /* an address is this gateway's own */
	/* DANE: */
	const char *base[PLAN_MAX_BASES]; /* candidates, in order */
	size_t base_count, base_next;
	enum dane_state dane;
	bool tlsa_failed;    /* the only error is one of DANE's own lookups */
	const char *failure; /* as plan_host.dane_why, from before D is known */
	const char *tlsa_base;
	struct tlsa *tlsa;
	size_t tlsa_count;
	const char **tlsa_text;
	size_t tlsa_text_count;
};

struct planner {
	const struct conf *conf;
	const struct conf_route *route;     /* instead of the domain's hosts */
	const struct conf_route *fallback;  /* or after them; or NULL */
	const struct conf_route *alternate; /* when they fall short; or NULL */
	const char *next_hop; /* whose MX records and policy count */
	uint16_t port;
	const struct plan_self *self; /* or NULL */
	uint64_t random;
	struct plan *plan; /* in the making; a child of the planner */
	struct plan_asked *asked;
	size_t asked_count, open;
	struct plan_draft *draft;       /* in order of use */
	size_t draft_count, draft_next; /* next that WAITS */
	size_t in_hand;                 /* OPEN or KEPT, and not named */
	const char *expanded; /* next hop at the end of its CNAMEs (DANE-40) */
	bool loops;           /* an MX record names "localhost" */
	bool finished;
};

/* ---- plan.c ---- */

/* Note a need; name lives as long as the planner. */
void plan_ask(struct planner *p, enum plan_purpose purpose, size_t host,
    const char *name, enum dns_type type);
/* The MTA-STS policy of the next hop, if it can have one. */
void plan_ask_policy(struct planner *p);
/* Of the same seed the same numbers: splitmix64. */
uint64_t plan_random(struct planner *p);
/* No answer to rely on: never data, never absence (INV-02). */
bool plan_failed(const struct dns_answer *a);

/* ---- plan_route.c ---- */

/* Room for count hosts, none there yet. */
void plan_make_drafts(struct planner *p, size_t count);
struct plan_draft *plan_add_draft(struct planner *p, const char *name,
    uint16_t preference);
/* There is nothing to deliver to: status, and why for people. */
void plan_give_up(struct planner *p, enum plan_verdict verdict,
    const char *status, const char *why);
void plan_take_mx(struct planner *p, const struct dns_answer *a);
/* Hosts for when those of the domain cannot be used. */
void plan_add_last(struct planner *p);
/* Where the operator wants mail to go: to a domain's hosts, or to these. */
void plan_begin_hops(struct planner *p, const struct conf_hop *hop,
    size_t count);
/* Of the routes that lead to hop the one that requires most, or NULL. */
const struct conf_route *plan_route_to(const struct conf *conf,
    const struct conf_hop *hop);
/* Is the name of this host beyond doubt: named, or from secure MX records? */
bool plan_name_is_secure(const struct planner *p, const struct plan_draft *d);

/* ---- plan_host.c ---- */

/* Ask about hosts, in order, as many as smtp.host-limit allows. */
void plan_begin_hosts(struct planner *p);
void plan_take_address(struct planner *p, size_t host,
    const struct dns_answer *a);
void plan_take_cname(struct planner *p, size_t host,
    const struct dns_answer *a);
void plan_take_tlsa(struct planner *p, size_t host, const struct dns_answer *a);
/* Keep addr, with the port, if the scope rules allow it (DNS-23). */
void plan_add_address(struct planner *p, struct plan_draft *d,
    const struct netaddr *addr);

/* ---- plan_self.c ---- */

/* The best host is this gateway: there is nothing to deliver to. */
void plan_give_up_loop(struct planner *p);
/*
 * Where a host's address is ours, it and all that is not preferred to it
 * goes (SMTP-29); gives up when nothing is left.
 */
void plan_cut_self(struct planner *p);

/* ---- plan_make.c ---- */

/*
 * Is a host that is skipped known not to do?  Not while the domain's policy
 * comes from the cache because what it says now could not be learnt.
 */
bool plan_conclusive(const struct plan *plan, const struct decide_out *out);

/* Every fact is there: fill in p->plan. */
void plan_finish(struct planner *p);

/* ---- plan_trail.c ---- */

struct plan_trail plan_trail_dns(TALLOC_CTX *mem, const struct dns_answer *a);
struct plan_trail plan_trail_sts(TALLOC_CTX *mem, const char *domain,
    const struct sts_fact *f);

#endif
