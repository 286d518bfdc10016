/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/wire.h"

#include <string.h>

#include "report/tlsrpt_tally.h"
#include "util/domain.h"

static enum status
finish(const struct unpack *u, const char *what, struct diag *why)
{
	if (unpack_done(u) == ST_OK)
		return ST_OK;
	return diag_set(why, ST_SYNTAX, "%s: not a frame of this kind", what);
}

/* ---- submissions ---- */

void
wire_pack_open(struct sbuf *b, const struct wire_open *o)
{
	pack_u32(b, o->session);
	pack_i64(b, o->message);
	pack_str(b, o->sender);
	pack_str(b, o->client);
	pack_str(b, o->account);
	pack_str(b, o->envid);
	pack_u8(b, (uint8_t)o->ret);
	pack_u64(b, o->size_bytes);
	pack_u32(b, o->flags);
	pack_u32(b, o->rcpt_count);
	for (uint32_t i = 0; i < o->rcpt_count; i++) {
		pack_str(b, o->rcpt[i].address);
		pack_str(b, o->rcpt[i].domain);
		pack_u8(b, (uint8_t)o->rcpt[i].notify);
		pack_str(b, o->rcpt[i].orcpt);
	}
}

enum status
wire_unpack_open(TALLOC_CTX *mem, struct span a, struct wire_open *o,
    struct diag *why)
{
	struct unpack u = unpack_from(a);

	*o = (struct wire_open){ 0 };
	o->session = unpack_u32(&u);
	o->message = unpack_i64(&u);
	o->sender = unpack_str(&u, mem);
	o->client = unpack_str(&u, mem);
	o->account = unpack_str(&u, mem);
	o->envid = unpack_str(&u, mem);
	o->ret = (enum dsn_ret)unpack_enum(&u, DSN_RET_COUNT);
	o->size_bytes = unpack_u64(&u);
	o->flags = unpack_u32(&u);
	o->rcpt_count = unpack_count(&u, STORE_MAX_RCPTS, 13);
	o->rcpt = need(talloc_zero_array(mem, struct wire_open_rcpt,
	    o->rcpt_count + 1));
	for (uint32_t i = 0; i < o->rcpt_count; i++) {
		o->rcpt[i].address = unpack_str(&u, mem);
		o->rcpt[i].domain = unpack_str(&u, mem);
		o->rcpt[i].notify = unpack_enum(&u, DSN_NOTIFY_ALL + 1);
		o->rcpt[i].orcpt = unpack_str(&u, mem);
	}
	if (o->rcpt_count == 0 || o->message <= 0 ||
	    o->message > STORE_MAX_MESSAGE_ID)
		u.failed = true;
	return finish(&u, "open", why);
}

void
wire_pack_end(struct sbuf *b, const struct wire_end *e)
{
	pack_u32(b, e->session);
	pack_u64(b, e->size_bytes);
	pack_u32(b, e->flags);
	pack_u8(b, (uint8_t)e->mclass);
	pack_str(b, e->marks);
}

enum status
wire_unpack_end(TALLOC_CTX *mem, struct span a, struct wire_end *e,
    struct diag *why)
{
	struct unpack u = unpack_from(a);

	e->session = unpack_u32(&u);
	e->size_bytes = unpack_u64(&u);
	e->flags = unpack_u32(&u);
	e->mclass = (enum msg_class)unpack_enum(&u, CLASS_COUNT);
	e->marks = unpack_marks(&u, mem);
	return finish(&u, "end", why);
}

void
wire_pack_done(struct sbuf *b, const struct wire_done *d)
{
	pack_u32(b, d->session);
	pack_i64(b, d->message);
	pack_u8(b, (uint8_t)d->verdict);
	pack_str(b, d->why);
}

enum status
wire_unpack_done(TALLOC_CTX *mem, struct span a, struct wire_done *d,
    struct diag *why)
{
	struct unpack u = unpack_from(a);

	*d = (struct wire_done){ 0 };
	d->session = unpack_u32(&u);
	d->message = unpack_i64(&u);
	d->verdict = (enum wire_verdict)unpack_enum(&u, WIRE_VERDICT_COUNT);
	d->why = unpack_str(&u, mem);
	return finish(&u, "done", why);
}

/* ---- jobs ---- */

void
wire_pack_job(struct sbuf *b, const struct wire_job *j)
{
	pack_u32(b, j->slot);
	pack_u64(b, j->lease);
	pack_i64(b, j->message);
	pack_str(b, j->sender);
	pack_str(b, j->envid);
	pack_u8(b, (uint8_t)j->ret);
	pack_u64(b, j->size_bytes);
	pack_u32(b, j->flags);
	pack_i64(b, j->received.ms);
	pack_i64(b, j->expires.ms);
	pack_bool(b, j->clear_in_budget);
	pack_u32(b, j->rcpt_count);
	for (uint32_t i = 0; i < j->rcpt_count; i++) {
		pack_i64(b, j->rcpt[i].id);
		pack_str(b, j->rcpt[i].address);
		pack_u8(b, (uint8_t)j->rcpt[i].notify);
		pack_str(b, j->rcpt[i].orcpt);
		pack_u32(b, j->rcpt[i].attempts);
	}
	pack_bool(b, j->has_body);
	if (j->has_body)
		pack_bytes(b, j->body);
}

enum status
wire_unpack_job(TALLOC_CTX *mem, struct span a, struct wire_job *j,
    struct diag *why)
{
	struct unpack u = unpack_from(a);

	*j = (struct wire_job){ 0 };
	j->slot = unpack_u32(&u);
	j->lease = unpack_u64(&u);
	j->message = unpack_i64(&u);
	j->sender = unpack_str(&u, mem);
	j->envid = unpack_str(&u, mem);
	j->ret = (enum dsn_ret)unpack_enum(&u, DSN_RET_COUNT);
	j->size_bytes = unpack_u64(&u);
	j->flags = unpack_u32(&u);
	j->received.ms = unpack_i64(&u);
	j->expires.ms = unpack_i64(&u);
	j->clear_in_budget = unpack_bool(&u);
	j->rcpt_count = unpack_count(&u, WIRE_JOB_RCPTS, 21);
	j->rcpt = need(talloc_zero_array(mem, struct wire_job_rcpt,
	    j->rcpt_count + 1));
	for (uint32_t i = 0; i < j->rcpt_count; i++) {
		j->rcpt[i].id = unpack_i64(&u);
		j->rcpt[i].address = unpack_str(&u, mem);
		j->rcpt[i].notify = unpack_enum(&u, DSN_NOTIFY_ALL + 1);
		j->rcpt[i].orcpt = unpack_str(&u, mem);
		j->rcpt[i].attempts = unpack_u32(&u);
	}
	j->has_body = unpack_bool(&u);
	if (j->has_body)
		j->body = unpack_bytes(&u);
	if (j->rcpt_count == 0)
		u.failed = true;
	return finish(&u, "job", why);
}

/* ---- outcomes ---- */

static void
pack_evidences(struct sbuf *b, const struct wire_evidence *e, uint32_t count)
{
	pack_u32(b, count);
	for (uint32_t i = 0; i < count; i++) {
		pack_bytes(b, e[i].personal);
		pack_bytes(b, e[i].body);
	}
}

/* The spans are borrowed from the frame. */
static struct wire_evidence *
unpack_evidences(struct unpack *u, TALLOC_CTX *mem, uint32_t *count)
{
	struct wire_evidence *e;

	*count = unpack_count(u, WIRE_MAX_EVIDENCE, 8);
	e = need(talloc_zero_array(mem, struct wire_evidence, *count + 1));
	for (uint32_t i = 0; i < *count; i++) {
		e[i].personal = unpack_bytes(u);
		e[i].body = unpack_bytes(u);
		if (e[i].personal.n > EVIDENCE_MAX_BYTES ||
		    e[i].body.n > EVIDENCE_MAX_BYTES || e[i].body.n == 0)
			u->failed = true;
	}
	return e;
}

static void
pack_tallies(struct sbuf *b, const struct wire_tally *t, uint32_t count)
{
	pack_u32(b, count);
	for (uint32_t i = 0; i < count; i++) {
		pack_i64(b, t[i].day.ms);
		pack_str(b, t[i].domain);
		pack_bytes(b, t[i].key);
		pack_u32(b, t[i].count);
	}
}

/* Keys are borrowed from the frame. */
static struct wire_tally *
unpack_tallies(struct unpack *u, TALLOC_CTX *mem, uint32_t *count)
{
	struct wire_tally *t;

	*count = unpack_count(u, WIRE_MAX_TALLIES, 20);
	t = need(talloc_zero_array(mem, struct wire_tally, *count + 1));
	for (uint32_t i = 0; i < *count; i++) {
		t[i].day.ms = unpack_i64(u);
		t[i].domain = unpack_str(u, mem);
		t[i].key = unpack_bytes(u);
		t[i].count = unpack_u32(u);
		if (t[i].day.ms % TLSRPT_DAY_MS != 0 || t[i].count == 0 ||
		    *t[i].domain == '\0' ||
		    strlen(t[i].domain) > DOMAIN_MAX_BYTES)
			u->failed = true;
	}
	return t;
}

static void
pack_result(struct sbuf *b, const struct wire_rcpt_result *r)
{
	pack_i64(b, r->id);
	pack_u8(b, (uint8_t)r->result);
	pack_u8(b, r->reached);
	pack_u8(b, (uint8_t)r->required);
	pack_u8(b, (uint8_t)r->failure);
	pack_bool(b, r->dsn_passed);
	pack_str(b, r->status);
	pack_str(b, r->remote_mta);
	pack_str(b, r->diagnostic);
	pack_str(b, r->why);
}

static void
unpack_result(struct unpack *u, TALLOC_CTX *mem, struct wire_rcpt_result *r)
{
	r->id = unpack_i64(u);
	r->result = (enum wire_result)unpack_enum(u, WIRE_RESULT_COUNT);
	r->reached = unpack_enum(u, REACHED_COUNT);
	r->required = (enum level)unpack_enum(u, LEVEL_COUNT);
	r->failure = (enum failure)unpack_enum(u, FAILURE_COUNT);
	r->dsn_passed = unpack_bool(u);
	r->status = unpack_str(u, mem);
	r->remote_mta = unpack_str(u, mem);
	r->diagnostic = unpack_str(u, mem);
	r->why = unpack_str(u, mem);
}

void
wire_pack_outcome(struct sbuf *b, const struct wire_outcome *o)
{
	pack_u64(b, o->seq);
	pack_u32(b, o->slot);
	pack_u64(b, o->lease);
	pack_i64(b, o->message);
	pack_u32(b, o->result_count);
	for (uint32_t i = 0; i < o->result_count; i++)
		pack_result(b, &o->result[i]);
	pack_evidences(b, o->evidence, o->evidence_count);
	pack_tallies(b, o->tally, o->tally_count);
}

enum status
wire_unpack_outcome(TALLOC_CTX *mem, struct span a, struct wire_outcome *o,
    struct diag *why)
{
	struct unpack u = unpack_from(a);

	*o = (struct wire_outcome){ 0 };
	o->seq = unpack_u64(&u);
	o->slot = unpack_u32(&u);
	o->lease = unpack_u64(&u);
	o->message = unpack_i64(&u);
	o->result_count = unpack_count(&u, WIRE_JOB_RCPTS, 29);
	o->result = need(talloc_zero_array(mem, struct wire_rcpt_result,
	    o->result_count + 1));
	for (uint32_t i = 0; i < o->result_count; i++)
		unpack_result(&u, mem, &o->result[i]);
	o->evidence = unpack_evidences(&u, mem, &o->evidence_count);
	o->tally = unpack_tallies(&u, mem, &o->tally_count);
	return finish(&u, "outcome", why);
}

void
wire_pack_slot_failed(struct sbuf *b, const struct wire_slot_failed *f)
{
	pack_u64(b, f->seq);
	pack_u32(b, f->slot);
	pack_u8(b, (uint8_t)f->required);
	pack_u8(b, (uint8_t)f->failure);
	pack_str(b, f->host);
	pack_str(b, f->status);
	pack_str(b, f->why);
	pack_evidences(b, f->evidence, f->evidence_count);
	pack_tallies(b, f->tally, f->tally_count);
}

enum status
wire_unpack_slot_failed(TALLOC_CTX *mem, struct span a,
    struct wire_slot_failed *f, struct diag *why)
{
	struct unpack u = unpack_from(a);

	*f = (struct wire_slot_failed){ 0 };
	f->seq = unpack_u64(&u);
	f->slot = unpack_u32(&u);
	f->required = (enum level)unpack_enum(&u, LEVEL_COUNT);
	f->failure = (enum failure)unpack_enum(&u, FAILURE_COUNT);
	f->host = unpack_str(&u, mem);
	f->status = unpack_str(&u, mem);
	f->why = unpack_str(&u, mem);
	f->evidence = unpack_evidences(&u, mem, &f->evidence_count);
	f->tally = unpack_tallies(&u, mem, &f->tally_count);
	return finish(&u, "slot failed", why);
}

/* ---- couriers ---- */

void
wire_pack_hello(struct sbuf *b, const struct wire_hello *h)
{
	pack_u64(b, h->instance);
	pack_u64(b, h->last_seq);
	pack_u32(b, h->lease_count);
	for (uint32_t i = 0; i < h->lease_count; i++) {
		const struct wire_held *l = &h->held[i];

		pack_u64(b, l->lease);
		pack_i64(b, l->message);
		pack_u32(b, l->rcpt_count);
		for (uint32_t k = 0; k < l->rcpt_count; k++)
			pack_i64(b, l->rcpt[k]);
	}
}

enum status
wire_unpack_hello(TALLOC_CTX *mem, struct span a, struct wire_hello *h,
    struct diag *why)
{
	struct unpack u = unpack_from(a);

	*h = (struct wire_hello){ 0 };
	h->instance = unpack_u64(&u);
	h->last_seq = unpack_u64(&u);
	h->lease_count = unpack_count(&u, WIRE_MAX_HELD, 20);
	h->held = need(talloc_zero_array(mem, struct wire_held,
	    h->lease_count + 1));
	for (uint32_t i = 0; i < h->lease_count; i++) {
		struct wire_held *l = &h->held[i];

		l->lease = unpack_u64(&u);
		l->message = unpack_i64(&u);
		l->rcpt_count = unpack_count(&u, WIRE_JOB_RCPTS, 8);
		l->rcpt = need(talloc_zero_array(mem, int64_t,
		    l->rcpt_count + 1));
		for (uint32_t k = 0; k < l->rcpt_count; k++)
			l->rcpt[k] = unpack_i64(&u);
	}
	return finish(&u, "hello", why);
}

/* ---- MTA-STS cache entries ---- */

void
wire_pack_sts(struct sbuf *b, const struct sts_entry *e)
{
	pack_str(b, e->domain);
	pack_bool(b, e->has_policy);
	pack_str(b, e->id);
	pack_i64(b, e->fetched.ms);
	pack_u8(b, (uint8_t)e->policy.mode);
	pack_u32(b, e->policy.max_age_s);
	pack_u32(b, (uint32_t)e->policy.mx_count);
	for (size_t i = 0; i < e->policy.mx_count; i++)
		pack_str(b, e->policy.mx[i]);
	pack_str(b, e->policy.text);
	pack_str(b, e->failed_id);
	pack_i64(b, e->failed_at.ms);
	pack_i64(b, e->used.ms);
}

static void
unpack_id(struct unpack *u, char out[STS_ID_MAX_BYTES + 1])
{
	struct span id = unpack_bytes(u);

	out[0] = '\0';
	if (id.n > STS_ID_MAX_BYTES || span_has(id, 0)) {
		u->failed = true;
		return;
	}
	for (size_t i = 0; i < id.n; i++)
		out[i] = (char)id.p[i];
	out[id.n] = '\0';
}

enum status
wire_unpack_sts(TALLOC_CTX *mem, struct span a, struct sts_entry *e,
    struct diag *why)
{
	struct unpack u = unpack_from(a);

	*e = (struct sts_entry){ 0 };
	e->domain = unpack_str(&u, mem);
	e->has_policy = unpack_bool(&u);
	unpack_id(&u, e->id);
	e->fetched.ms = unpack_i64(&u);
	e->policy.mode = (enum sts_mode)unpack_enum(&u, STS_MODE_COUNT);
	e->policy.max_age_s = unpack_u32(&u);
	e->policy.mx_count = unpack_count(&u, STS_MAX_MX, 4);
	for (size_t i = 0; i < e->policy.mx_count; i++)
		e->policy.mx[i] = unpack_str(&u, mem);
	e->policy.text = unpack_str(&u, mem);
	unpack_id(&u, e->failed_id);
	e->failed_at.ms = unpack_i64(&u);
	e->used.ms = unpack_i64(&u);
	/* An enforcing policy without hosts would match nothing, silently. */
	if (e->has_policy && e->policy.mode != STS_NONE &&
	    e->policy.mx_count == 0)
		u.failed = true;
	return finish(&u, "policy entry", why);
}
