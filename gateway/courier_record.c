/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an attempt leaves behind: an evidence record that travels with the
 * next report, and one log line.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/courier_internal.h"

/* ---- texts ---- */

/* Peer text, printable, its lines joined by blanks; in mem. */
static const char *
printable(TALLOC_CTX *mem, struct span text)
{
	char *flat = need(talloc_array(mem, char, (unsigned)text.n + 1));
	const char *out;

	for (size_t i = 0; i < text.n; i++)
		flat[i] = text.p[i] == '\n' ? ' ' : (char)text.p[i];
	out = span_print(mem, span_of(flat, text.n), EVIDENCE_TEXT_BYTES);
	talloc_free(flat);
	return out;
}

const char *
record_reply_text(TALLOC_CTX *mem, const struct client_reply *r)
{
	if (r->code == 0)
		return "";
	return need(talloc_asprintf(mem, "%u %s", r->code,
	    printable(mem, r->text)));
}

/*
 * Is a lookup about another host of the plan?  Then it is left out: the
 * record keeps what this host's decision came from.
 */
static bool
is_of_other_host(const struct plan *plan, const struct plan_host *h,
    const char *what)
{
	if (h == NULL || span_ends(span_str(what), h->name))
		return false;
	for (size_t i = 0; i < plan->host_count; i++)
		if (span_ends(span_str(what), plan->host[i].name))
			return true;
	return false;
}

static const char *
lookups(TALLOC_CTX *mem, const struct plan *plan, const struct plan_host *h)
{
	struct sbuf b;
	const char *out;

	sbuf_init(&b, mem, COURIER_DNS_BYTES);
	for (size_t i = 0; i < plan->trail_count; i++) {
		const struct plan_trail *t = &plan->trail[i];

		if (is_of_other_host(plan, h, t->what))
			continue;
		sbuf_printf(&b, "%s%s=%s", b.n > 0 ? "; " : "", t->what,
		    t->outcome == DNS_DATA || t->outcome == DNS_FAILED ?
			dns_security_name(t->security) :
			dns_outcome_name(t->outcome));
		if (t->ttl_s > 0)
			sbuf_printf(&b, " ttl %u", t->ttl_s);
	}
	out = sbuf_cstr(&b);
	return out;
}

static const char *
lookups_of(struct slot *s, TALLOC_CTX *mem, const struct plan_host *h)
{
	struct slot_host *sh = s->host;

	if (h == NULL)
		return lookups(mem, s->plan, NULL);
	for (size_t i = 0; h != slot_host_at(s, i); i++, sh++)
		invariant(i + 1 < s->plan->host_count);
	if (sh->dns == NULL)
		sh->dns = lookups(s->host, s->plan, h);
	return sh->dns;
}

/* ---- the record ---- */

static void
fill_plan(struct slot *s, TALLOC_CTX *mem, struct evidence *e,
    const struct plan_host *h)
{
	const struct plan *plan = s->plan;

	e->marks = plan->marks;
	e->unmet = plan->unmet;
	e->sts_stale = plan->sts.stale;
	e->sts_id = plan->sts.id;
	e->sts_fetched = plan->sts.fetched;
	e->sts_result = plan->sts.result;
	memcpy(e->conf_digest, plan->conf_digest, sizeof(e->conf_digest));
	e->dns = lookups_of(s, mem, h);
	if (h == NULL) {
		e->in.sts = plan->sts.state;
		e->in.mx_secure = plan->mx_secure;
		e->in.mclass = plan->mclass;
		e->why = plan->why;
		return;
	}
	e->host = h->name;
	e->in = h->in;
	e->half_dane = h->half_dane;
	e->tlsa_base = h->tlsa_base;
	e->route = h->route;
	e->alternate = h->alternate;
	e->rule = h->rule;
	e->exception = h->exception;
	if (h->exception != NULL && *h->exception != '\0') {
		e->exc_reason = h->reason;
		e->exc_approver = h->approver;
		e->exc_expires = h->exception_expires;
	}
	e->skip = h->skip;
	e->required = h->required;
	e->method = h->method;
	e->also_pkix_sts = h->also_pkix_sts;
	e->also_local = h->also_local;
	e->method_rule = plan_method_rule(h);
	e->min_tls = h->min_tls;
	e->row = h->row;
	e->why = h->why;
}

/* What was to be seen of the host, in a handshake that need not have finished.
 */
static void
fill_tried(struct evidence *e, const struct tls_info *info)
{
	e->sni = info->sni;
	memcpy(e->spki_sha256, info->spki_sha256, sizeof(e->spki_sha256));
	e->issuer = info->issuer;
	e->not_after = info->not_after;
}

static void
fill_tls(struct evidence *e, const struct tls_info *info, bool half_dane)
{
	e->protocol = info->protocol;
	e->cipher = info->cipher;
	e->group = info->group;
	e->matched = info->matched;
	/* RFC 7672 2.2.1: the name came insecurely (INV-09). */
	e->grade = half_dane && strcmp(info->grade, "verified") == 0 ?
		       "trusted" :
		       info->grade;
	e->resumed = info->resumed;
}

static void
fill_event(TALLOC_CTX *mem, struct evidence *e, const struct attempt *a)
{
	const struct stream *st = a->conn == NULL ? NULL : a->conn->stream;
	const struct tls_info *info = st == NULL ? NULL : stream_tls_info(st);

	e->outcome = a->outcome;
	e->reached = a->reached;
	e->result_type = a->result_type;
	e->failure = a->failure;
	e->chunked = a->chunked;
	e->dsn_passed = a->dsn_passed;
	if (a->reply != NULL) {
		e->reply_code = a->reply->code;
		e->reply = printable(mem, a->reply->text);
	} else {
		e->reply = a->text;
	}
	e->rung = RUNG_NONE;
	if (a->conn == NULL)
		return;
	e->addr = a->conn->addr;
	e->reused = a->conn->reused;
	e->rung = a->conn->rung;
	e->recalled = a->conn->recalled;
	e->clear_retry = a->conn->rung == RUNG_CLEAR;
	if (st != NULL && stream_tls_tried(st) != NULL)
		fill_tried(e, stream_tls_tried(st));
	if (info != NULL)
		fill_tls(e, info, e->half_dane);
	if (info != NULL && info->showed_certificate && a->host != NULL)
		e->identity = a->host->identity;
}

static void
fill_message(struct slot *s, TALLOC_CTX *mem, struct evidence *e,
    const struct attempt *a)
{
	const struct job *j = slot_job(s);
	size_t n = a->rcpt == NULL ? j->w.rcpt_count : a->rcpt_count;

	e->queue_id = queue_id_text(j->w.message,
	    need(talloc_array(mem, char, QUEUE_ID_BYTES)));
	e->sender = j->w.sender;
	e->rcpt = need(talloc_array(mem, const char *, (unsigned)n));
	e->rcpt_count = n;
	for (size_t i = 0; i < n; i++)
		e->rcpt[i] = a->rcpt == NULL ? j->w.rcpt[i].address :
					       a->rcpt[i]->w->address;
}

/* Pack e for the report to come; false: the report would be too long. */
static bool
keep(struct slot *s, const struct evidence *e)
{
	struct courier *c = s->c;
	struct packed_record *r;
	size_t bytes;

	sbuf_reset(&c->personal);
	sbuf_reset(&c->body);
	evidence_pack(e, &c->personal, &c->body);
	invariant(!sbuf_failed(&c->personal) && !sbuf_failed(&c->body));
	bytes = c->personal.n + c->body.n;
	if (s->record_count == WIRE_MAX_EVIDENCE ||
	    s->record_bytes + bytes > COURIER_RECORD_BYTES)
		return false;
	r = need(talloc_zero(s, struct packed_record));
	r->w.personal = span_copy(r, sbuf_view(&c->personal));
	r->w.body = span_copy(r, sbuf_view(&c->body));
	TAILQ_INSERT_TAIL(&s->records, r, link);
	s->record_count++;
	s->record_bytes += bytes;
	return true;
}

void
record_free_all(struct slot *s)
{
	struct packed_record *r;

	while ((r = TAILQ_FIRST(&s->records)) != NULL) {
		TAILQ_REMOVE(&s->records, r, link);
		talloc_free(r);
	}
	s->record_count = 0;
	s->record_bytes = 0;
}

/* ---- log ---- */

static void
log_attempt(const struct slot *s, const struct evidence *e)
{
	struct logline l = logline_begin(s->c->env.log,
	    evidence_is_plaintext(e) || evidence_is_legacy(e) ? LOG_LEVEL_WARN :
								LOG_LEVEL_INFO,
	    "attempt");
	char text[NETADDR_TEXT_BYTES];

	if (l.log == NULL)
		return;
	logline_str(&l, "id", e->queue_id);
	logline_str(&l, "domain", e->domain);
	logline_str(&l, "host", e->host);
	if (e->addr.family != NETADDR_NONE)
		logline_str(&l, "addr", netaddr_text_port(&e->addr, text));
	logline_str(&l, "required", e->skip ? "skip" : level_name(e->required));
	logline_str(&l, "reached", evidence_reached_name(e->reached));
	if (e->protocol != NULL)
		logline_str(&l, "tls", e->protocol);
	if (e->grade != NULL)
		logline_str(&l, "grade", e->grade);
	if (evidence_is_legacy(e))
		logline_str(&l, "rung", rung_name(e->rung));
	logline_str(&l, "outcome", evidence_outcome_name(e->outcome));
	if (e->outcome == EVIDENCE_DELIVERED && mail_converts(s))
		logline_str(&l, "content", "converted");
	if (e->in.mclass != CLASS_NORMAL)
		logline_str(&l, "class", class_name(e->in.mclass));
	if (e->marks != NULL && *e->marks != '\0')
		logline_str(&l, "marks", e->marks);
	if (e->failure != FAILURE_NONE)
		logline_str(&l, "failure", failure_name(e->failure));
	if (e->reply_code != 0)
		logline_i64(&l, "code", e->reply_code);
	logline_str(&l, "reply", e->reply);
	logline_end(&l);
}

void
record_warn_duplicate(struct slot *s, const char *why)
{
	struct logline l = logline_begin(s->c->env.log, LOG_LEVEL_WARN,
	    "may-be-duplicate");
	char id[QUEUE_ID_BYTES];

	logline_str(&l, "id", queue_id_text(slot_job(s)->w.message, id));
	logline_str(&l, "domain", s->domain);
	logline_str(&l, "host", slot_plan_host(s)->name);
	logline_str(&l, "why", why);
	logline_end(&l);
}

void
record_attempt(struct slot *s, const struct attempt *a)
{
	TALLOC_CTX *tmp = need(talloc_new(s));
	struct evidence e = {
		.time = net_wall(s->c->env.net),
		.domain = s->domain,
	};
	bool kept;

	fill_plan(s, tmp, &e, a->host);
	fill_event(tmp, &e, a);
	fill_message(s, tmp, &e, a);
	log_attempt(s, &e);
	kept = keep(s, &e);
	if (!kept) { /* rather without addresses than not at all */
		e.rcpt_count = 0;
		kept = keep(s, &e);
	}
	if (!kept)
		log_text(s->c->env.log, LOG_LEVEL_ERROR, "record-dropped",
		    "%s: more attempts than one report holds", s->domain);
	talloc_free(tmp);
}
