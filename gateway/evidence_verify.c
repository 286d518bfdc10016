/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/evidence_verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report/chain_event.h"

struct walk {
	struct evidence_verification *out;
	uint64_t expect; /* next number */
};

static void wrong(struct walk *w, const struct store_evidence *rec,
    const char *fmt, ...) PRINTF(3, 4);

static void
wrong(struct walk *w, const struct store_evidence *rec, const char *fmt, ...)
{
	va_list ap;

	w->out->good = false;
	w->out->wrong_at = rec->seq;
	va_start(ap, fmt);
	vsnprintf(w->out->why, sizeof(w->out->why), fmt, ap);
	va_end(ap);
}

/* The columns that queries go by must say what the hashed body says. */
static bool
columns_agree(const struct store_evidence *rec, const struct evidence *e)
{
	return rec->time.ms == e->time.ms &&
	       strcmp(rec->domain, e->domain) == 0 &&
	       rec->outcome == (uint8_t)e->outcome &&
	       rec->reached == (uint8_t)e->reached;
}

static void
check_content(struct walk *w, const struct store_evidence *rec)
{
	TALLOC_CTX *tmp = need(talloc_new(NULL));
	struct chain_event event;
	struct diag why = { 0 };
	struct evidence e;
	enum status st;
	bool agrees;

	if (chain_event_is(rec->body)) {
		st = chain_event_unpack(tmp, rec->body, &event, &why);
		agrees = st == ST_OK && rec->time.ms == event.time.ms;
	} else {
		st = evidence_unpack(tmp, rec->personal, rec->body, &e, &why);
		agrees = st == ST_OK && columns_agree(rec, &e);
		w->out->without_addresses += rec->personal.n == 0;
	}
	if (st != ST_OK)
		wrong(w, rec, "%s", why.text);
	else if (!agrees)
		wrong(w, rec, "its index columns differ from its content");
	talloc_free(tmp);
}

static bool
look_at(void *arg, const struct store_evidence *rec)
{
	struct walk *w = arg;
	struct evidence_verification *out = w->out;
	uint8_t hash[EVIDENCE_HASH_BYTES];

	evidence_link(out->last_hash, rec->seq, rec->body, hash);
	if (rec->seq != w->expect)
		wrong(w, rec, "record %" PRIu64 " is missing", w->expect);
	else if (memcmp(hash, rec->hash, sizeof(hash)) != 0)
		wrong(w, rec,
		    "its hash is not that of its content and predecessor");
	else
		check_content(w, rec);
	if (out->records++ == 0)
		out->first_seq = rec->seq;
	out->last_seq = rec->seq;
	memcpy(out->last_hash, rec->hash, sizeof(out->last_hash));
	w->expect = rec->seq + 1;
	return out->good;
}

enum status
evidence_verify(struct store *store, struct evidence_verification *out,
    struct diag *why)
{
	const struct store_evidence_query all = { 0 };
	struct walk w = { .out = out, .expect = 1 };

	*out = (struct evidence_verification){ .good = true };
	return store_evidence_each(store, &all, look_at, &w, why);
}
