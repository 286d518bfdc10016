/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was required where that is why mail did not go, and who asked for it:
 * for reports to senders.  The level and the failure are kept with the
 * recipient or the destination; the rest is in the record of the attempt,
 * which is decided once more from its inputs (INV-15).
 */
#include <string.h>

#include "gateway/keeper_internal.h"

/* ---- of one record ---- */

/* Who publishes what binds there. */
static enum dsn_source
publisher_of(const struct evidence *e, const struct decide_out *out)
{
	bool dane = e->in.dane == DANE_D1_USABLE ||
		    e->in.dane == DANE_D2_UNUSABLE ||
		    e->in.dane == DANE_D5_ERROR;

	if (out->method == METHOD_DANE ||
	    (dane && out->method != METHOD_PKIX_STS &&
		e->in.sts != STS_ST_ENFORCE))
		return DSN_SOURCE_DANE;
	return e->in.sts == STS_ST_ENFORCE || e->in.sts == STS_ST_UNKNOWN ?
		   DSN_SOURCE_STS :
		   DSN_SOURCE_NONE;
}

static enum dsn_source
asker_of(const struct evidence *e, const struct decide_out *out)
{
	if (e->in.mclass == CLASS_REQUIRETLS)
		return DSN_SOURCE_REQUIRETLS;
	switch (out->rule) {
	case DECIDE_PUBLISHED:
	case DECIDE_WAIVER:
		return publisher_of(e, out);
	case DECIDE_FLOOR:
		return DSN_SOURCE_RULE;
	case DECIDE_CLASS:
	case DECIDE_GUARD:
		break;
	}
	return DSN_SOURCE_NONE;
}

static const char *
name_of(const struct evidence *e, enum dsn_source source)
{
	switch (source) {
	case DSN_SOURCE_STS:
		return e->sts_id;
	case DSN_SOURCE_RULE:
		return *e->method_rule != '\0' ? e->method_rule : e->rule;
	case DSN_SOURCE_NONE:
	case DSN_SOURCE_DANE:
	case DSN_SOURCE_EXCEPTION:
	case DSN_SOURCE_REQUIRETLS:
		break;
	}
	return "";
}

struct required_by
required_by(TALLOC_CTX *mem, const struct evidence *e)
{
	const struct decide_out out = decide(&e->in);
	enum dsn_source source = asker_of(e, &out);

	return (struct required_by){
		.host = need(talloc_strdup(mem, e->host)),
		.failure = e->failure,
		.level = e->required,
		.method = e->method,
		.source = source,
		.name = need(talloc_strdup(mem, name_of(e, source))),
	};
}

/* ---- of several ---- */

/* host "": of any. */
static bool
is_about(const struct required_by *r, const struct required_for *f)
{
	return r->failure == f->failure && r->level == f->level &&
	       (*f->host == '\0' || strcmp(r->host, f->host) == 0);
}

const struct required_by *
required_in(const struct outcome *o, const struct required_for *f)
{
	uint32_t n = failure_is_policy(f->failure) ? outcome_proof_count(o) : 0;

	while (n-- > 0)
		if (is_about(&o->proof[n].by, f))
			return &o->proof[n].by;
	return NULL;
}

struct search {
	TALLOC_CTX *mem;
	const struct required_for *f;
	struct required_by *found;
};

static bool
take_record(void *arg, const struct store_evidence *row)
{
	struct search *s = arg;
	TALLOC_CTX *tmp = need(talloc_new(s->mem));
	struct diag why = { 0 };
	struct required_by by;
	struct evidence e;

	if (evidence_unpack(tmp, row->personal, row->body, &e, &why) == ST_OK) {
		by = required_by(tmp, &e);
		if (is_about(&by, s->f)) {
			*s->found = required_by(s->mem, &e);
			talloc_free(tmp);
			return true;
		}
	}
	talloc_free(tmp); /* one that cannot be read is told of elsewhere */
	return true;
}

enum status
required_on_record(struct keeper *k, int64_t message, const char *domain,
    const struct required_for *f, struct required_by *out, struct diag *why)
{
	const struct store_evidence_query q = { .message = message,
		.domain = domain };
	struct search s = { k->tmp, f, out };

	return store_evidence_each(k->store, &q, take_record, &s, why);
}

/* ---- in a report ---- */

struct dsn_requirement
report_requirement(const struct required_for *f, uint8_t reached,
    const struct required_by *by)
{
	const char *name = failure_name(f->failure);
	struct dsn_requirement r = { 0 };

	if (!failure_is_policy(f->failure))
		return r;
	r.level = level_name(f->level);
	r.reached = reached < REACHED_COUNT ?
			evidence_reached_name((enum evidence_reached)reached) :
			"";
	r.host = f->host;
	r.failed = name;
	r.advice = dsn_advice_find(name);
	if (by != NULL) {
		r.method = method_name(by->method);
		r.source = by->source;
		r.name = by->name;
	}
	return r;
}
