/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fact - what the world answered: DNS and MTA-STS, as the plan needs it.
 *
 * A DNS answer's security is a type of its own and never becomes a bool:
 * an error must not read as "no record" nor "insecure" (INV-02).
 */
#ifndef POLICY_FACT_H
#define POLICY_FACT_H

#include "mtasts/sts_policy.h"
#include "util/clock.h"
#include "util/netaddr.h"

/* RFC 4035 4.3; indeterminate, SERVFAIL, time-out, malformed are ERROR. */
enum dns_security {
	DNS_SECURE,
	DNS_INSECURE, /* proven: a gap in the chain of trust */
	DNS_BOGUS,    /* validation failed; the data are unusable */
	DNS_ERROR,    /* no answer to rely on */
};
#define DNS_SECURITY_COUNT 4u

enum dns_outcome {
	DNS_DATA,
	DNS_NODATA,
	DNS_NXDOMAIN,
	DNS_FAILED, /* exactly when security is DNS_BOGUS or DNS_ERROR */
};

enum dns_type { /* IANA numbers */
	DNS_A = 1,
	DNS_CNAME = 5,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_TLSA = 52,
};

#define DNS_MAX_MX        100u /* DNS-32: used; a deterministic subset over it */
#define DNS_MAX_ADDRESSES 16u  /* DNS-32: per host and family */
#define DNS_MAX_TLSA      64u  /* DNS-32: over it the answer is an error */
#define DNS_MAX_TXT       64u  /* ours: strings joined per record */
#define DNS_TXT_MAX_BYTES 4096u  /* ours: one joined TXT record */
#define DNS_TTL_CAP_S     86400u /* DNS-26 */
#define DNS_NEG_TTL_CAP_S 10800u /* DNS-27 */

struct dns_mx {
	uint16_t preference;
	const char *host; /* canonical; "" for "." */
};

/*
 * One answer.  Lives in its own talloc context; strings and spans inside
 * belong to it.  Records are in the order of the packet, without duplicates.
 */
struct dns_answer {
	const char *name; /* as asked, canonical */
	enum dns_type type;
	enum dns_security security;
	enum dns_outcome outcome;
	uint32_t ttl_s; /* min(TTLs, RRSIG expiry), capped; 0 on failure */
	uint32_t signed_ttl_s;  /* as its signer published it, the longest, not
				 * capped (RFC 4034 3.1.4); 0: not signed */
	const char *final_name; /* after CNAMEs; else equals name */
	bool aliased;           /* final_name came by at least one CNAME */
	size_t count;           /* records of the type asked */
	struct dns_mx *mx;      /* DNS_MX */
	struct netaddr *addr;   /* DNS_A, DNS_AAAA; port 0 */
	struct span *data;      /* DNS_TLSA: RDATA; DNS_TXT: joined strings */
	const char *why;        /* failure: text for people; else "" */
};

const char *dns_security_name(enum dns_security s); /* "secure", ... */
const char *dns_outcome_name(enum dns_outcome o);
const char *dns_type_name(enum dns_type t);

/* State S of a domain, as in doc/policy.md. */
enum sts_state {
	STS_ST_ABSENT, /* no single valid TXT, no cache */
	STS_ST_NONE,
	STS_ST_TESTING,
	STS_ST_ENFORCE,
	STS_ST_UNAVAILABLE, /* TXT valid, fetch failed, no cache: as absent */
	STS_ST_UNKNOWN,     /* TXT lookup failed, no cache */
};
#define STS_STATE_COUNT 6u

/* What reports call a policy that could not be had (RFC 8460 4.3.3). */
enum sts_result {
	STS_RESULT_NONE,
	STS_RESULT_FETCH,   /* sts-policy-fetch-error */
	STS_RESULT_INVALID, /* sts-policy-invalid */
	STS_RESULT_WEBPKI,  /* sts-webpki-invalid */
};
#define STS_RESULT_COUNT 4u

struct sts_fact {
	enum sts_state state;
	bool stale;          /* cache served although TXT or fetch failed */
	const char *id;      /* of the TXT that goes with the policy; or "" */
	struct wall fetched; /* of the policy; 0 when there is none */
	struct wall expires; /* fetched + max_age */
	struct sts_policy policy; /* when state is NONE, TESTING, ENFORCE */
	uint32_t ttl_s;           /* of the TXT answer: when to look again */
	const char *why;          /* of absent, unavailable, unknown, stale */
	/* Of unavailable and stale, what is to be reported (RFC 8461 6): not
	 * of mode none, nor where it is not known that there is a policy. */
	enum sts_result result;
};

const char *sts_state_name(enum sts_state s);
const char *sts_result_name(enum sts_result r); /* "" for none */

#endif
