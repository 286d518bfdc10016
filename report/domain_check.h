/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * domain_check - what is wrong with a domain that receives mail, as a sender
 * sees it: facts in, findings out (domain_check.def).  Pure: whoever looks
 * (gateway/domain_look, gateway/domain_hosts) brings facts and the time.
 */
#ifndef REPORT_DOMAIN_CHECK_H
#define REPORT_DOMAIN_CHECK_H

#include "dane/chain.h"
#include "mtasts/sts_cache.h"
#include "policy/plan.h"

#define DOMAIN_MAX_HOSTS        20u  /* ours: MX hosts that are looked at */
#define DOMAIN_HOST_ADDRESSES   8u   /* ours: addresses of each */
#define DOMAIN_MAX_FINDINGS     512u /* ours: further ones are left out */
#define DOMAIN_OBJECT_MAX_BYTES 272u /* a name with "_25._tcp." */
#define DOMAIN_DETAIL_MAX_BYTES 500u
#define DOMAIN_STS_WEEK_S       604800u
#define DOMAIN_TTL_LONG_S       86400u

enum domain_severity {
	DOMAIN_ERROR,
	DOMAIN_UNKNOWN, /* it could not be looked at */
	DOMAIN_WARNING,
	DOMAIN_NOTE,
};
#define DOMAIN_SEVERITY_COUNT 4u

enum domain_by { DOMAIN_LOOKUP, DOMAIN_CONNECTION };

enum domain_kind {
#define DOMAIN_CHECK(tag, name, severity, by, section, what, todo) DOMAIN_##tag,
#include "report/domain_check.def"
#undef DOMAIN_CHECK
	DOMAIN_KIND_COUNT
};

/* What is known of each kind beforehand. */
struct domain_kind_text {
	const char *name;
	enum domain_severity severity;
	enum domain_by by;
	const char *section; /* "RFC 7672 2.2" */
	const char *what;    /* one sentence */
	const char *todo;    /* one sentence */
};
const struct domain_kind_text *domain_kind_text(enum domain_kind kind);
const char *domain_severity_name(enum domain_severity s); /* "error", … */

struct domain_finding {
	enum domain_kind kind;
	const char *object; /* the domain, host or record that it is about */
	const char *detail; /* what was seen; printable, or "" */
};

/* In order of finding; no two of one kind, object and detail. */
struct domain_findings {
	TALLOC_CTX *mem;
	struct domain_finding *at;
	uint32_t count;
	uint32_t counts[DOMAIN_SEVERITY_COUNT];
};

void domain_findings_init(struct domain_findings *f, TALLOC_CTX *mem);
/* Text of others is made printable, and cut. */
void domain_find(struct domain_findings *f, enum domain_kind kind,
    const char *object, const char *detail, ...) PRINTF(4, 5);
void domain_findings_add(struct domain_findings *f,
    const struct domain_findings *more);
/* The worst first; of one severity as they were found. */
void domain_findings_sort(struct domain_findings *f);

/* Are they the same, but for the detail? */
bool domain_finding_eq(const struct domain_finding *a,
    const struct domain_finding *b);
/*
 * A finding of an earlier check that is not among the new ones: may it be
 * there still, because what shows it could not be looked at?
 */
bool domain_finding_may_stand(const struct domain_finding *old,
    const struct domain_findings *now);

void domain_findings_pack(struct sbuf *b, const struct domain_findings *f);
/* Into *out, made in mem; u fails on what is not within the limits. */
void domain_findings_unpack(struct unpack *u, TALLOC_CTX *mem,
    struct domain_findings *out);

/* ---- what lookups show ---- */

struct domain_host_records {
	const char *host;
	const struct dns_answer *a, *aaaa;
	const char *tlsa_name;         /* "_25._tcp.mx.example" */
	const struct dns_answer *tlsa; /* NULL: the addresses are not known */
};

struct domain_fetch {
	bool tried;
	bool ok; /* a complete response; look at status */
	int status;
	const char *media;
	struct span body;
	bool tls_failed;
	bool too_large;
	const char *why; /* not ok */
};

/* All borrowed for the call. */
struct domain_records {
	const char *domain;
	const struct dns_answer *mx;
	struct domain_host_records host[DOMAIN_MAX_HOSTS];
	size_t host_count;
	const struct dns_answer *sts, *tlsrpt; /* TXT */
	bool sts_host_found;      /* the policy host has a usable address */
	const char *sts_host_why; /* else */
	struct domain_fetch fetch;
	const struct sts_entry *cached; /* or NULL */
};

void domain_check_records(const struct domain_records *r,
    struct domain_findings *out);
/* What protects the domain, by the plan of a sender without rules. */
void domain_check_plan(const struct plan *plan, struct domain_findings *out);

/* ---- what connections show ---- */

enum domain_reach {
	DOMAIN_REACH_TLS,     /* a handshake ended, well or badly */
	DOMAIN_REACH_PLAIN,   /* STARTTLS is not offered */
	DOMAIN_REACH_LEGACY,  /* only old TLS */
	DOMAIN_REACH_NO_TLS,  /* the handshake fails for another reason */
	DOMAIN_REACH_REFUSED, /* it takes no mail now */
	DOMAIN_REACH_NOTHING, /* no connection */
};

struct domain_look {
	struct netaddr addr;
	enum domain_reach reach;
	enum failure failure; /* of what is required; NONE: it is met */
	const char *why;
	struct chain_certs chain; /* what it presented */
	bool trusted; /* by public authorities, names and dates aside */
	bool lacks_issuer;
	const char *trust_error;
};

struct domain_host {
	const struct plan_host *h;
	struct domain_look look[DOMAIN_HOST_ADDRESSES];
	size_t look_count;
};

/* All borrowed for the call. */
struct domain_hosts {
	const struct plan *plan;
	struct wall now;
	int64_t expiry_ms; /* "soon", before a certificate expires */
	uint16_t port;     /* in the names of TLSA records */
	const struct domain_host *host;
	size_t host_count;
};

void domain_check_hosts(const struct domain_hosts *hosts,
    struct domain_findings *out);

#endif
