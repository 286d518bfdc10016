/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * evidence - the record of one attempt, its canonical bytes, and the hash
 * chain over all of them.  doc/evidence.md gives the encoding byte by byte.
 *
 * A record has two parts: the body, which holds everything about the
 * decision and the connection but no address of a person, and the personal
 * part (sender, recipients, queue id), of which the body holds only the
 * SHA-256.  So addresses can be removed after their retention time and the
 * chain still verifies.
 */
#ifndef REPORT_EVIDENCE_H
#define REPORT_EVIDENCE_H

#include "policy/failure.h"
#include "policy/plan.h"

#define EVIDENCE_VERSION    3u /* of a body; 1 and 2, with less, are read */
#define EVIDENCE_PERSONAL   1u /* version of a personal part */
#define EVIDENCE_HASH_BYTES 32u
#define EVIDENCE_MAX_RCPTS  1000u
#define EVIDENCE_MAX_BYTES  (256u << 10) /* either part, packed */
#define EVIDENCE_TEXT_BYTES 512u         /* ours: of a server's reply */

enum evidence_outcome {
	EVIDENCE_DELIVERED,   /* 2yz to the end of data, for these recipients */
	EVIDENCE_DEFERRED,    /* 4yz to a command */
	EVIDENCE_REJECTED,    /* 5yz to a command */
	EVIDENCE_UNREACHABLE, /* no connection, or lost before a verdict */
	EVIDENCE_TLS_FAILED,  /* STARTTLS or authentication: not sent */
	EVIDENCE_POLICY_SKIP, /* the host was not even connected to */
	EVIDENCE_NO_ROUTE,    /* DNS: nowhere to send; domain as a whole */
	EVIDENCE_UNKNOWN,     /* connection lost after the end of data */
	EVIDENCE_EXPIRED,     /* given up: lifetime ended */
	EVIDENCE_DELETED,     /* by the operator; the sender may know */
	EVIDENCE_REDIRECTED,  /* by the operator, to another recipient */
	EVIDENCE_POLICY_FORGOTTEN, /* MTA-STS, by the operator; no message */
	EVIDENCE_RECEIVED,         /* by this gateway itself: a TLS report */
};
#define EVIDENCE_OUTCOME_COUNT 13u

enum evidence_reached {
	REACHED_NOTHING, /* no mail transaction took place */
	REACHED_PLAIN,
	REACHED_TLS,           /* unauthenticated */
	REACHED_AUTHENTICATED, /* peer proved, MX name not securely found */
	REACHED_VERIFIED,
};
#define REACHED_COUNT 5u

struct evidence {
	struct wall time;
	/* ---- personal part ---- */
	const char *queue_id;
	const char *sender; /* "" is the null reverse-path */
	const char **rcpt;
	size_t rcpt_count;
	/* ---- body ---- */
	const char *domain;  /* N */
	const char *host;    /* H; "" when no host was at stake */
	struct netaddr addr; /* family NONE when not connected */
	/* inputs of the decision */
	struct decide_in in; /* as decide() was given it: INV-15 */
	bool half_dane;
	const char *tlsa_base;
	bool sts_stale;
	const char *sts_id;
	struct wall sts_fetched;
	const char *marks;          /* of the mail: policy/marks.h */
	enum sts_result sts_result; /* TLSRPT: why it could not be had */
	const char *rule;
	const char *exception;
	const char *exc_reason;
	const char *exc_approver;
	struct wall exc_expires; /* 0 when none */
	const char *route;       /* by which it went, or "" */
	bool alternate;          /* of a route for what is unmet */
	enum unmet unmet;        /* what if nothing meets the requirement */
	uint8_t conf_digest[32];
	const char *dns; /* the lookups: "MX example=secure; …" */
	/* the decision */
	bool skip;
	enum level required;
	enum method method;
	bool also_pkix_sts;
	enum method also_local;  /* a rule's, beside method */
	const char *method_rule; /* whose pins or authorities count, or "" */
	enum min_tls min_tls;
	const char *row;
	const char *why;
	/* what happened */
	enum evidence_outcome outcome;
	enum evidence_reached reached;
	const char *protocol;
	const char *cipher;
	const char *group;
	const char *sni;
	const char *matched;
	const char *grade;
	uint8_t spki_sha256[32];
	const char *issuer;
	struct wall not_after;
	const char *identity; /* rule whose client certificate was shown */
	bool resumed;
	bool reused;         /* connection had served before */
	bool clear_retry;    /* TLS had failed on this host before, just now or
			      * within smtp.tls-failure-lifetime */
	bool chunked;        /* content went by BDAT (RFC 3030) */
	bool dsn_passed;     /* the host has taken over reports (RFC 3461) */
	uint16_t reply_code; /* 0: none */
	const char *reply;   /* peer text, cut; not printable by promise */
	const char *result_type; /* TLSRPT, or "" */
	enum failure failure;    /* of what did not end well */
	enum rung rung;          /* on which the host was connected to; NONE:
				  * it was not, or that is not on record */
	bool recalled; /* begun with there, as TLS had failed for other mail */
};

/* Canonical bytes of the two parts, into empty buffers. */
void evidence_pack(const struct evidence *e, struct sbuf *personal,
    struct sbuf *body);
/*
 * Back; strings live in mem.  personal may be SPAN_NONE (removed): then its
 * fields are "" and 0.  ST_SYNTAX: not canonical, or the body's digest is
 * not that of personal.
 */
MUST_CHECK enum status evidence_unpack(TALLOC_CTX *mem, struct span personal,
    struct span body, struct evidence *e, struct diag *why);

/*
 * The link: SHA-256("tierpost evidence 1" LF || previous hash || u64 seq ||
 * body).  seq counts from 1; the previous hash of record 1 is 32 zeros.
 */
void evidence_link(const uint8_t prev[EVIDENCE_HASH_BYTES], uint64_t seq,
    struct span body, uint8_t out[EVIDENCE_HASH_BYTES]);

const char *evidence_outcome_name(enum evidence_outcome o);
const char *evidence_reached_name(enum evidence_reached r);

/* Does this record tell of content that left in clear? */
bool evidence_is_plaintext(const struct evidence *e);
/* Of content that left in a TLS too old for any but that rung? */
bool evidence_is_legacy(const struct evidence *e);

#endif
