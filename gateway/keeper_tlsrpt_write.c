/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The document of a report, and the mails that carry it: written, put into
 * the queue and noted in one transaction.
 */
#include <string.h>

#include "gateway/keeper_tlsrpt.h"
#include "smtp/address.h"

#define MAIL_BYTES (3u * TLSRPT_SEND_BYTES) /* base64, and a head */
#define NO_KEY                                                                 \
	"no key signs it, and unsigned it may not be sent (RFC 8460 3): set "  \
	"tlsrpt.dkim-rsa-key"

/* ---- mail ---- */

/*
 * It goes out whatever becomes of TLS, and nobody is told what becomes of it:
 * a report about a report would have one of its own (RFC 8460 5.3.1, 3).
 */
static struct arrival *
arrival_of(struct keeper *k, int64_t id, const struct address *to,
    struct wall until, size_t size)
{
	struct arrival *a = need(talloc_zero(k->tmp, struct arrival));
	struct wall now = keeper_wall(k);

	a->m = (struct store_message){
		.id = id,
		.sender = k->env.conf->tlsrpt_sender,
		.size_bytes = size,
		.flags = MESSAGE_REPORT,
		.mclass = CLASS_TLS_REPORT,
		.marks = "",
		.received = now,
		.expires = until,
		.look = lifetime_first_look(k, now, until),
		.client = "",
		.account = "",
		.envid = "",
	};
	a->rcpt_count = 1;
	a->rcpt = need(talloc_zero_array(a, struct arrival_rcpt, 1));
	a->rcpt[0] = (struct arrival_rcpt){
		.address = to->text,
		.domain = to->domain,
		.notify = DSN_NEVER,
		.orcpt = "",
	};
	return a;
}

static enum status
queue_mail(struct keeper *k, const struct store_report *r,
    const struct address *to, struct span text, int64_t *id, struct diag *why)
{
	enum status st = keeper_own_id(k, id, why);
	uint32_t seq = 0;

	if (st == ST_OK)
		st = submit_arrive(k, arrival_of(k, *id, to, r->until, text.n),
		    false, why);
	for (size_t at = 0; st == ST_OK && at < text.n;
	     at += STORE_CHUNK_MAX_BYTES)
		st = store_chunk_add(k->store, *id, seq++,
		    span_sub(text, at, at + STORE_CHUNK_MAX_BYTES), why);
	return st;
}

static enum status
mail(struct reporter *p, const struct store_report *r,
    const struct tlsrpt_document *d, struct store_report_to *t,
    struct diag *why)
{
	struct keeper *k = p->k;
	struct wall now = keeper_wall(k);
	struct address to;
	struct sbuf plain, whole;
	enum status st;

	if (address_parse_mailbox(k->tmp, span_str(t->target), &to, why) !=
		ST_OK ||
	    to.utf8) {
		t->end = REPORT_REFUSED;
		t->why = "not an address that mail can be sent to";
		return ST_OK;
	}
	sbuf_init(&plain, k->tmp, MAIL_BYTES);
	sbuf_init(&whole, k->tmp, MAIL_BYTES);
	tlsrpt_mail(d->report, to.text, now, d->gzip, &plain);
	tlsrpt_keys_sign(p->keys, sbuf_view(&plain), now, &whole);
	invariant(!sbuf_failed(&plain) && !sbuf_failed(&whole));
	st = queue_mail(k, r, &to, sbuf_view(&whole), &t->message, why);
	t->next = wall_after(r->until, TLSRPT_LOOK_MS);
	sbuf_free(&plain);
	return st;
}

/* ---- for whom ---- */

/* It has refused before, and rests: why, or NULL. */
static enum status
why_rests(struct keeper *k, const struct store_report *r, const char *target,
    const char **text, struct diag *why)
{
	struct store_report_bad b;
	char until[CLOCK_TEXT_BYTES];
	enum status st = store_report_bad_get(k->store, k->tmp, target, &b,
	    why);

	*text = NULL;
	if (st != ST_OK)
		return st == ST_NOTFOUND ? ST_OK : st;
	if (!r->forced && !wall_reached(keeper_wall(k), b.until))
		*text = need(talloc_asprintf(k->tmp,
		    "not tried before %s, for %u reports running could not be "
		    "delivered: %s",
		    wall_rfc3339(b.until, until), b.failures, b.why));
	return ST_OK;
}

static enum status
address_one(struct reporter *p, const struct store_report *r,
    const struct tlsrpt_document *d, struct store_report_to *t,
    struct diag *why)
{
	bool signs = p->keys != NULL && p->keys->count > 0;
	const char *rests;
	enum status st = why_rests(p->k, r, t->target, &rests, why);

	if (st != ST_OK)
		return st;
	if (rests != NULL || (t->way == REPORT_BY_MAIL && !signs)) {
		t->end = REPORT_REFUSED;
		t->why = rests != NULL ? rests : NO_KEY;
	} else if (t->way == REPORT_BY_MAIL) {
		st = mail(p, r, d, t, why);
	}
	if (st == ST_OK)
		st = store_report_to_put(p->k->store, t, why);
	if (st == ST_OK)
		tlsrpt_tell(p,
		    t->end == REPORT_OPEN ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
		    t->end == REPORT_OPEN ? "tls-report-sending" :
					    "tls-report-withheld",
		    r, t, t->why);
	return st;
}

static enum status
address_all(struct reporter *p, const struct store_report *r,
    const struct tlsrpt_document *d, const struct tlsrpt_record *to,
    struct diag *why)
{
	enum status st = store_report_to_delete(p->k->store, r->id, why);

	for (size_t i = 0; st == ST_OK && i < to->rua_count; i++) {
		struct store_report_to t = {
			.report = r->id,
			.seq = (uint32_t)i,
			.way = to->rua[i].scheme == TLSRPT_HTTPS ?
				   REPORT_BY_HTTPS :
				   REPORT_BY_MAIL,
			.target = to->rua[i].target,
			.next = keeper_wall(p->k),
			.why = "",
		};

		st = address_one(p, r, d, &t, why);
	}
	return st;
}

/* ---- the document ---- */

static bool
is_left_out(const struct keeper *k, const struct store_report *r,
    const struct tlsrpt_document *d)
{
	return !k->env.conf->tlsrpt_success_only && !r->forced &&
	       d->failure == 0 && d->report->detail_count == 0;
}

static enum status
give_up(struct reporter *p, struct store_report *r, const char *text,
    struct diag *why)
{
	r->state = REPORT_FAILED;
	r->ended = keeper_wall(p->k);
	r->why = text;
	tlsrpt_tell(p, LOG_LEVEL_ERROR, "tls-report-failed", r, NULL, text);
	return store_report_put(p->k->store, r, why);
}

static enum status
drop(struct reporter *p, const struct store_report *r, struct diag *why)
{
	enum status st = store_tally_delete(p->k->store, r->day, r->domain,
	    why);

	return st == ST_OK ? store_report_delete(p->k->store, r->id, why) : st;
}

enum status
tlsrpt_write(struct reporter *p, struct store_report *r,
    const struct tlsrpt_record *to, struct diag *why)
{
	struct keeper *k = p->k;
	const struct tlsrpt_of of = { r->domain, r->day, r->salt };
	struct diag bad = { 0 };
	struct tlsrpt_document d;
	enum status st = tlsrpt_document_make(k->tmp, k->env.conf, k->store,
	    &of, &d, &bad);

	if (st == ST_NOTFOUND || (st == ST_OK && is_left_out(k, r, &d)))
		return drop(p, r, why);
	if (st == ST_LIMIT || st == ST_SYNTAX)
		return give_up(p, r, need(talloc_strdup(k->tmp, bad.text)),
		    why);
	if (st != ST_OK) {
		*why = bad;
		return st;
	}
	r->state = REPORT_SENDING;
	r->success = d.success;
	r->failure = d.failure;
	r->report_id = d.report->id;
	r->why = "";
	st = store_report_keep(k->store, r->id, d.gzip, why);
	if (st == ST_OK)
		st = address_all(p, r, &d, to, why);
	return st == ST_OK ? tlsrpt_sum_up(p, r, why) : st;
}
