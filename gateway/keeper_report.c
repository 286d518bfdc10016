/* SPDX-License-Identifier: BSD-2-Clause */
/* Reports to senders (RFC 3461 5.2, RFC 5321 6.1), and records of what was
 * done without an attempt. */
#include <string.h>

#include "gateway/keeper_internal.h"
#include "smtp/address.h"

#define OWN_IDS 64u /* taken at once for reports */

/* ---- reports ---- */

enum status
keeper_own_id(struct keeper *k, int64_t *id, struct diag *why)
{
	enum status st;

	if (k->own_id == k->own_end) {
		st = store_take_ids(k->store, OWN_IDS, &k->own_id, why);
		if (st != ST_OK)
			return st;
		k->own_end = k->own_id + (int64_t)OWN_IDS;
	}
	*id = k->own_id++;
	return ST_OK;
}

/* Its first bytes, as many as a report can use; *complete: that is all. */
static struct span
original_of(struct keeper *k, const struct store_message *m, bool *complete)
{
	const struct sched_msg *known = sched_msg_get(k->sched, m->id);
	struct diag ignored;
	struct span piece;
	struct sbuf all;

	*complete = true;
	if (known != NULL && known->body.n > 0)
		return known->body;
	sbuf_init(&all, k->tmp, DSN_MAX_BYTES + STORE_CHUNK_MAX_BYTES);
	for (uint32_t seq = 0; all.n < DSN_MAX_BYTES; seq++) {
		if (store_chunk_get(k->store, k->tmp, m->id, seq, &piece,
			&ignored) != ST_OK)
			break; /* no more, or the commit will tell */
		sbuf_span(&all, piece);
	}
	*complete = all.n == m->size_bytes;
	return sbuf_view(&all);
}

/*
 * It is as normal mail (RFC 8689 5: not to be lost for want of REQUIRETLS),
 * or as optional about TLS as the field says that it takes over.  What rules
 * say of the original they say of a report that holds all of it.
 */
static struct arrival *
arrival_of(struct keeper *k, int64_t id, const struct address *to,
    struct sbuf *text, const struct dsn_form *form,
    const struct store_message *about)
{
	struct arrival *a = need(talloc_zero(k->tmp, struct arrival));
	struct wall now = keeper_wall(k);
	struct wall expires = wall_after(now,
	    k->env.conf->queue_report_lifetime_ms);

	a->m = (struct store_message){
		.id = id,
		.sender = "",
		.size_bytes = text->n,
		.flags = MESSAGE_REPORT |
			 (form->is_8bit ? (uint32_t)MESSAGE_8BIT : 0) |
			 (form->smtputf8 ? (uint32_t)MESSAGE_SMTPUTF8 : 0),
		.mclass = about->mclass == CLASS_TLS_OPTIONAL ? about->mclass :
								CLASS_NORMAL,
		.marks = form->whole ? about->marks : "",
		.received = now,
		.expires = expires,
		.look = lifetime_first_look(k, now, expires),
		.client = "",
		.account = "",
		.envid = "",
	};
	a->rcpt_count = 1;
	a->rcpt = need(talloc_zero_array(a, struct arrival_rcpt, 1));
	a->rcpt[0] = (struct arrival_rcpt){
		.address = to->text,
		.domain = to->domain,
		.notify = DSN_NEVER, /* RFC 3461 6.1 */
		.orcpt = "",
	};
	a->body = text->p;
	return a;
}

void
report_log(struct keeper *k, const struct arrival *a)
{
	static const char *const actions[DSN_KIND_COUNT] = {
		[DSN_KIND_FAILED] = "failed",
		[DSN_KIND_DELAYED] = "delayed",
		[DSN_KIND_RELAYED] = "relayed",
	};
	struct logline l = logline_begin(k->env.log, LOG_LEVEL_INFO, "report");
	char text[QUEUE_ID_BYTES];

	logline_str(&l, "id", queue_id_text(a->m.id, text));
	logline_str(&l, "action", actions[a->kind]);
	logline_str(&l, "about", a->about);
	logline_str(&l, "to", a->rcpt[0].address);
	logline_end(&l);
}

/* The sender as a recipient; false where there is none to be told:
 * SMTP-55, no report about a report. */
static bool
addressee(struct keeper *k, const struct store_message *m, const char *about,
    struct address *out)
{
	struct diag why = { 0 };

	if (*m->sender == '\0')
		return false;
	if (address_parse_mailbox(k->tmp, span_str(m->sender), out, &why) ==
	    ST_OK)
		return true;
	log_text(k->env.log, LOG_LEVEL_WARN, "report-impossible",
	    "%s: sender: %s", about, why.text);
	return false;
}

/* ST_LIMIT: more than a report may have. */
static enum status
write_text(struct keeper *k, const struct store_message *m, struct dsn *d,
    struct sbuf *text, struct dsn_form *form)
{
	char about[QUEUE_ID_BYTES];

	d->reporting_mta = k->env.conf->hostname;
	/* RFC 3461 6.1: of a person who looks after this host */
	d->from = need(talloc_asprintf(k->tmp, "postmaster@%s",
	    k->env.conf->hostname));
	d->queue_id = queue_id_text(m->id, about);
	d->to = m->sender;
	d->now = keeper_wall(k);
	d->arrival = m->received;
	d->envid = m->envid;
	d->ret = m->ret;
	d->smtputf8 = (m->flags & MESSAGE_SMTPUTF8) != 0;
	d->requiretls = m->mclass == CLASS_REQUIRETLS;
	d->tls_required_no = m->mclass == CLASS_TLS_OPTIONAL;
	d->original = original_of(k, m, &d->complete);
	net_random(k->env.net, d->random, sizeof(d->random));
	sbuf_init(text, k->tmp, DSN_MAX_BYTES);
	return dsn_write(d, text, form);
}

enum status
report_write(struct keeper *k, const struct store_message *m,
    enum dsn_kind kind, const struct dsn_rcpt *rcpt, size_t count,
    struct diag *why)
{
	char about[QUEUE_ID_BYTES];
	struct dsn d = { .kind = kind, .rcpt = rcpt, .rcpt_count = count };
	struct dsn_form form = { 0 };
	struct address to;
	struct arrival *a;
	struct sbuf text;
	int64_t id = 0;
	enum status st;

	queue_id_text(m->id, about);
	if (count == 0 || !addressee(k, m, about, &to))
		return ST_OK;
	if (write_text(k, m, &d, &text, &form) != ST_OK) {
		log_text(k->env.log, LOG_LEVEL_ERROR, "report-impossible",
		    "%s: over the size of a report", about);
		return ST_OK;
	}
	st = keeper_own_id(k, &id, why);
	if (st != ST_OK)
		return st;
	a = arrival_of(k, id, &to, &text, &form, m);
	a->about = need(talloc_strdup(a, about));
	a->kind = kind;
	st = submit_arrive(k, a, false, why);
	if (st == ST_OK)
		st = store_chunk_add(k->store, id, 0, sbuf_view(&text), why);
	return st;
}

/* ---- records ---- */

enum status
keeper_prove_own(struct keeper *k, const struct keeper_proof *p,
    struct diag *why)
{
	struct sbuf personal, body;
	char id[QUEUE_ID_BYTES];
	struct evidence e = {
		.time = keeper_wall(k),
		.queue_id = p->message == 0 ? "" :
					      queue_id_text(p->message, id),
		.sender = p->sender,
		.rcpt = p->rcpt,
		.rcpt_count = p->rcpt_count,
		.domain = p->domain,
		.marks = p->marks,
		.skip = true, /* no host: this decided nothing */
		.required = p->required,
		.why = p->why,
		.outcome = p->outcome,
		.reached = REACHED_NOTHING,
	};
	const struct store_evidence columns = {
		.time = e.time,
		.domain = e.domain,
		.outcome = (uint8_t)e.outcome,
		.reached = REACHED_NOTHING,
		.message = p->message,
	};
	struct wire_evidence packed;

	memcpy(e.conf_digest, k->env.conf->digest, sizeof(e.conf_digest));
	sbuf_init(&personal, k->tmp, EVIDENCE_MAX_BYTES);
	sbuf_init(&body, k->tmp, EVIDENCE_MAX_BYTES);
	evidence_pack(&e, &personal, &body);
	packed = (struct wire_evidence){ sbuf_view(&personal),
		sbuf_view(&body) };
	return keeper_prove(k, &columns, &packed, why);
}
