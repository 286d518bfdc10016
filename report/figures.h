/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * figures - what the evidence of a period comes to: counts and lists that
 * reports are made of.  Records are added one at a time, in order; nothing of
 * the personal part is kept.  Pure.
 */
#ifndef REPORT_FIGURES_H
#define REPORT_FIGURES_H

#include "report/evidence.h"
#include "util/strmap.h"

/* Ours: a longer list is cut, and said to be; its counts stay true. */
#define FIGURES_MAX_LIST 100000u
#define FIGURES_MAX_DAYS 3700u

/* Of one day, domain or whatever: transactions by what was reached. */
struct figures_count {
	uint64_t delivered[REACHED_COUNT];
	uint64_t blocked; /* attempts that met no requirement */
	uint64_t failed;  /* of other reasons: network, replies, DNS */
};

struct figures_day {
	struct wall day; /* its first millisecond, UTC */
	struct figures_count count;
};

struct figures_domain {
	const char *domain;
	struct figures_count count;
	/* as the last record that had a host says: */
	enum dane_state dane;
	enum sts_state sts;
	enum level required;
	const char *protocol;
	struct wall first, last;
};

struct figures_exception {
	const char *name, *reason, *approver;
	struct wall expires;
	struct wall first, last;
	uint64_t uses;      /* attempts that relied on it */
	uint64_t delivered; /* of them */
	uint64_t plaintext; /* of them, in clear */
};

/* Of a domain, for one class of failure. */
struct figures_blocked {
	const char *domain;
	enum failure failure;
	const char *host, *why; /* of the last */
	enum level required;
	struct wall first, last;
	uint64_t attempts;
	uint64_t given_up; /* messages returned or expired */
};

struct figures_certificate {
	const char *host;
	uint8_t spki_sha256[32];
	const char *issuer, *matched, *grade;
	struct wall not_after;
	struct wall first, last;
	uint64_t uses;
};

/* A transaction that went without TLS, or to a peer that proved nothing. */
struct figures_weak {
	uint64_t seq;
	struct wall time;
	const char *domain, *host;
	enum evidence_outcome outcome;
	enum level required;
	bool plaintext;
	const char *why, *rule;
	const char *exception, *reason, *approver; /* or "" */
};

struct figures_list {
	void **item; /* talloc array, of the kind the field says */
	size_t count;
	uint64_t left_out;
};

struct figures {
	struct wall since, until; /* as asked; 0: no bound */
	uint64_t records;
	uint64_t first_seq, last_seq;
	struct wall first, last; /* of the records */
	struct figures_count total;
	uint64_t deliveries[LEVEL_COUNT][REACHED_COUNT]; /* required, reached */
	uint64_t plaintext;       /* content in clear, whatever came of it */
	uint64_t unauthenticated; /* delivered by TLS to who proved nothing */
	uint64_t by_failure[FAILURE_COUNT];
	uint64_t confs; /* different configurations, by their digests */
	struct figures_list days;         /* figures_day, in order */
	struct figures_list domains;      /* figures_domain, by name */
	struct figures_list exceptions;   /* figures_exception, by name */
	struct figures_list blocked;      /* figures_blocked */
	struct figures_list certificates; /* figures_certificate */
	struct figures_list plain_list;   /* figures_weak, in order */
	struct figures_list weak_list;    /* figures_weak, in order */
	struct strmap *protocols, *ciphers, *groups, *rows; /* uint64_t */
	struct figures_index *index;
};

struct figures *figures_new(TALLOC_CTX *mem, struct wall since,
    struct wall until);
/* Add a record; its strings are copied. */
void figures_add(struct figures *f, uint64_t seq, const struct evidence *e);
/* Put the lists that are by name in their order; after the last record. */
void figures_end(struct figures *f);

/* Does it tell of mail that a requirement kept from going out? */
bool figures_is_blocked(const struct evidence *e);
uint64_t figures_delivered(const struct figures_count *c); /* of all kinds */
/* A count of one of the maps. */
uint64_t figures_value(const void *value);

#endif
