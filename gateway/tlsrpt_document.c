/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/tlsrpt_document.h"

#include <inttypes.h>
#include <string.h>

#include "util/pack.h"

struct adding {
	struct tlsrpt *r;
	uint64_t count;
	enum status st; /* of the first that is none */
	struct diag *why;
};

static void
add(void *arg, const struct store_tally *t)
{
	struct adding *a = arg;
	struct tlsrpt_tally tally;

	if (a->st == ST_OK)
		a->st = tlsrpt_tally_unpack(a->r, t->key, &tally, a->why);
	if (a->st != ST_OK)
		return;
	tlsrpt_add(a->r, &tally, t->count);
	a->count++;
}

static struct tlsrpt_from
from_of(const struct conf *conf)
{
	const char *at = strrchr(conf->tlsrpt_contact, '@');

	return (struct tlsrpt_from){
		.organization = conf->tlsrpt_organization,
		.contact = conf->tlsrpt_contact,
		.submitter = at == NULL ? conf->hostname : at + 1,
	};
}

static enum status
add_all(TALLOC_CTX *mem, const struct conf *conf, struct store *s,
    const struct tlsrpt_of *of, size_t details, struct tlsrpt_document *out,
    struct diag *why)
{
	const struct tlsrpt_from from = from_of(conf);
	struct adding a = { .why = why };
	struct sbuf salt;
	enum status st;

	sbuf_init(&salt, mem, sizeof(of->salt));
	pack_i64(&salt, of->salt);
	a.r = out->report = tlsrpt_new(mem, &from, of->domain, of->day,
	    sbuf_view(&salt));
	a.r->detail_limit = details;
	st = store_tally_each(s, of->day, of->domain, add, &a, why);
	if (st != ST_OK || a.st != ST_OK)
		return st != ST_OK ? st : a.st;
	if (a.count == 0)
		return diag_set(why, ST_NOTFOUND,
		    "%s: there are no results of that day", of->domain);
	out->success = out->failure = 0;
	for (size_t i = 0; i < a.r->sum_count; i++) {
		out->success += a.r->sum[i].success;
		out->failure += a.r->sum[i].failure;
	}
	return ST_OK;
}

/* false: more than is sent. */
static bool
write_out(TALLOC_CTX *mem, struct tlsrpt_document *d)
{
	struct sbuf json, gzip;

	sbuf_init(&json, mem, TLSRPT_MAX_BYTES);
	sbuf_init(&gzip, mem, TLSRPT_MAX_BYTES);
	if (!tlsrpt_json(d->report, &json) ||
	    !tlsrpt_gzip(sbuf_view(&json), &gzip) || gzip.n > TLSRPT_SEND_BYTES)
		return false;
	d->json = sbuf_view(&json);
	d->gzip = sbuf_view(&gzip);
	return true;
}

/* Where all of it is too large, with fewer details: sums stay true. */
enum status
tlsrpt_document_make(TALLOC_CTX *mem, const struct conf *conf, struct store *s,
    const struct tlsrpt_of *of, struct tlsrpt_document *out, struct diag *why)
{
	static const size_t details[] = { TLSRPT_MAX_DETAILS, 256, 0 };

	for (size_t i = 0; i < COUNT_OF(details); i++) {
		TALLOC_CTX *try = need(talloc_new(mem));
		enum status st = add_all(try, conf, s, of, details[i], out,
		    why);

		if (st == ST_OK && write_out(try, out))
			return ST_OK;
		talloc_free(try);
		if (st != ST_OK)
			return st;
	}
	return diag_set(why, ST_LIMIT,
	    "%s: what it publishes is more than a report of %u bytes holds",
	    of->domain, TLSRPT_SEND_BYTES);
}
