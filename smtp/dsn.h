/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dsn - writes delivery status notifications: multipart/report of RFC 6522
 * with message/delivery-status of RFC 3464, or of RFC 6533 for an
 * internationalised original.  Pure: facts in, bytes out.
 *
 * Strings are NUL-terminated; NULL and "" both mean absent.  What comes
 * from a peer (addresses, replies, the original) may hold any byte: it is
 * cleaned and cut here.
 */
#ifndef SMTP_DSN_H
#define SMTP_DSN_H

#include "smtp/envelope.h"
#include "util/clock.h"
#include "util/sbuf.h"

#define DSN_MAX_RCPTS        100u   /* listed; the rest is counted in words */
#define DSN_MAX_BYTES        50000u /* ours: as Postfix's bounce_size_limit */
#define DSN_HEADER_MAX_BYTES 32768u /* of the original's header fields */

enum dsn_kind {
	DSN_KIND_FAILED,  /* given up; Action: failed */
	DSN_KIND_DELAYED, /* tried again; Action: delayed */
	DSN_KIND_RELAYED, /* to a host without DSN; Action: relayed */
};
#define DSN_KIND_COUNT 3u

/* Who asks for what was not met. */
enum dsn_source {
	DSN_SOURCE_NONE,
	DSN_SOURCE_DANE,       /* the recipient's domain, RFC 7672 */
	DSN_SOURCE_STS,        /* the recipient's domain, RFC 8461 */
	DSN_SOURCE_RULE,       /* a rule of this gateway */
	DSN_SOURCE_EXCEPTION,  /* one that allowed less has expired */
	DSN_SOURCE_REQUIRETLS, /* the message, RFC 8689 */
};
#define DSN_SOURCE_COUNT 6u

/* What a host lacks, and so what its postmaster can do about it. */
enum dsn_advice {
	DSN_ADVICE_NONE, /* that of the status is given, if there is one */
	DSN_ADVICE_STARTTLS,
	DSN_ADVICE_TLS,
	DSN_ADVICE_LEGACY_TLS,
	DSN_ADVICE_CERTIFICATE, /* any of the next three */
	DSN_ADVICE_CERTIFICATE_EXPIRED,
	DSN_ADVICE_CERTIFICATE_NAME,
	DSN_ADVICE_CERTIFICATE_ISSUER,
	DSN_ADVICE_TLSA_MISMATCH,
	DSN_ADVICE_TLSA_LOOKUP,
	DSN_ADVICE_DANE_REQUIRED, /* no TLSA record in signed DNS */
	DSN_ADVICE_STS_MX,
	DSN_ADVICE_STS_LOOKUP,
	DSN_ADVICE_REQUIRETLS,
	DSN_ADVICE_RULE,
	DSN_ADVICE_SMTPUTF8,
	DSN_ADVICE_PIN_MISMATCH, /* by a rule of ours */
};
#define DSN_ADVICE_COUNT 17u

/* A requirement that was not met, or why mail is still waiting. */
struct dsn_requirement {
	const char *level;   /* "encrypt", "verify", "dane-only" */
	const char *method;  /* "dane", "pkix-sts", "pkix-local", "none" */
	const char *reached; /* "nothing", "plaintext", "encrypted", ... */
	const char *host;    /* that did not meet it */
	const char *failed;  /* class of failure; absent: that of advice */
	const char *name;    /* of the rule or exception; id of the policy */
	enum dsn_source source;
	enum dsn_advice advice;
};

struct dsn_rcpt {
	const char *address;    /* as received; not "" */
	const char *orcpt;      /* ORCPT as it came: "type;xtext" */
	const char *status;     /* "4.4.7"; its class is made to fit the kind */
	const char *remote_mta; /* host that spoke */
	const char *diagnostic; /* its reply */
	const char *why;        /* for people: what happened, in one sentence */
	struct wall last_attempt;     /* 0: none was made */
	struct wall will_retry_until; /* told when delayed; 0: not told */
	struct dsn_requirement req;
};

struct dsn {
	enum dsn_kind kind;
	const char *reporting_mta; /* our host name; not "" */
	const char *from;          /* an address; absent: MAILER-DAEMON here */
	const char *to;            /* reverse-path of the original; not "" */
	const char *queue_id;
	struct wall now;
	struct wall arrival;
	uint8_t random[16]; /* boundary and Message-ID */
	const struct dsn_rcpt *rcpt;
	size_t rcpt_count; /* > 0 */
	/* ---- of the original ---- */
	const char *envid; /* ENVID as it came: xtext */
	enum dsn_ret ret;
	bool requiretls;      /* it came with REQUIRETLS */
	bool tls_required_no; /* it has "TLS-Required: No" in force */
	bool smtputf8;        /* it came with SMTPUTF8 */
	struct span original; /* its first bytes as stored, CRLF lines; more
				 than DSN_MAX_BYTES are of no use */
	bool complete;        /* original is all of it */
};

/* What the report needs on its way. */
struct dsn_form {
	bool is_8bit;  /* 8BITMIME */
	bool smtputf8; /* SMTPUTF8: its return path is not ASCII */
	bool whole;    /* all of the original is in it, not its header alone */
};

/*
 * Is one due to the sender of a message ("" null) for a recipient with these
 * NOTIFY values (0: not given)?  RFC 3461 5.2, 4.1; RFC 5321 4.5.5.
 */
bool dsn_is_due(enum dsn_kind kind, unsigned notify, const char *sender);

/* The advice for a class of failure ("no-starttls"); NONE for others. */
enum dsn_advice dsn_advice_find(const char *failed);

/*
 * The whole message with CRLF lines into out, whose cap is at least
 * DSN_MAX_BYTES.  The original comes back whole when ret asks for it in a
 * failed report, it fits and it may (RFC 8689 5); else as much of its header
 * as fits.  ST_LIMIT: over DSN_MAX_BYTES with one recipient.
 */
MUST_CHECK enum status dsn_write(const struct dsn *d, struct sbuf *out,
    struct dsn_form *form);

/* The header section of a message's first bytes: up to the empty line, at
 * most max bytes, cut at a line's end. */
struct span dsn_header_of(struct span message, size_t max);

#endif
