/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What sessions come to in TLS reports (RFC 8460 4).  Each connection is told
 * of once, when it is known what became of TLS on it; the tallies wait at the
 * slot and travel with its next report to the keeper, be there a transaction
 * or not.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/courier_internal.h"
#include "report/tlsrpt_session.h"

/* ---- what is kept ---- */

static struct packed_tally *
find(struct slot *s, const struct wire_tally *w)
{
	struct packed_tally *p;

	TAILQ_FOREACH(p, &s->tallies, link)
		if (p->w.day.ms == w->day.ms &&
		    strcmp(p->w.domain, w->domain) == 0 &&
		    span_eq_span(p->w.key, w->key))
			return p;
	return NULL;
}

static void
keep(struct slot *s, const struct wire_tally *w)
{
	struct packed_tally *p = find(s, w);
	size_t bytes = w->key.n + strlen(w->domain);

	if (p != NULL) {
		p->w.count++;
		return;
	}
	if (s->tally_count == WIRE_MAX_TALLIES ||
	    s->tally_bytes + bytes > COURIER_TALLY_BYTES) {
		log_text(s->c->env.log, LOG_LEVEL_ERROR, "tally-dropped",
		    "%s: more TLS results than one report holds", s->domain);
		return;
	}
	p = need(talloc_zero(s, struct packed_tally));
	p->w = *w;
	p->w.domain = need(talloc_strdup(p, w->domain));
	p->w.key = span_copy(p, w->key);
	TAILQ_INSERT_TAIL(&s->tallies, p, link);
	s->tally_count++;
	s->tally_bytes += bytes;
}

static void
keep_all(struct slot *s, const char *domain, const struct tlsrpt_tallies *all)
{
	struct sbuf b;

	sbuf_init(&b, s, TLSRPT_TALLY_MAX_BYTES);
	for (size_t i = 0; i < all->count; i++) {
		struct wire_tally w = {
			.day = tlsrpt_day(net_wall(s->c->env.net)),
			.domain = domain,
			.count = 1,
		};

		sbuf_reset(&b);
		tlsrpt_tally_pack(&all->tally[i], &b);
		invariant(!sbuf_failed(&b));
		w.key = sbuf_view(&b);
		keep(s, &w);
	}
	sbuf_free(&b);
}

struct wire_tally *
tally_list(TALLOC_CTX *mem, const struct slot *s)
{
	struct wire_tally *list = need(talloc_array(mem, struct wire_tally,
	    s->tally_count + 1));
	const struct packed_tally *p;
	uint32_t n = 0;

	TAILQ_FOREACH(p, &s->tallies, link)
		list[n++] = p->w;
	return list;
}

void
tally_free_all(struct slot *s)
{
	struct packed_tally *p;

	while ((p = TAILQ_FIRST(&s->tallies)) != NULL) {
		TAILQ_REMOVE(&s->tallies, p, link);
		talloc_free(p);
	}
	s->tally_count = 0;
	s->tally_bytes = 0;
}

/* ---- what happened ---- */

/* Does anybody want to know?  Then begin with what the plan knows. */
static bool
begin(struct slot *s, TALLOC_CTX *mem, const struct plan_host *h,
    struct tlsrpt_session *session)
{
	if (!s->c->env.conf->tlsrpt_enable || !tlsrpt_class_counts(s->mclass))
		return false;
	tlsrpt_session_of_plan(mem, s->plan, h, session);
	return true;
}

void
tally_plan(struct slot *s)
{
	TALLOC_CTX *tmp = need(talloc_new(s));
	struct tlsrpt_session session;
	struct tlsrpt_tallies all;

	if (begin(s, tmp, NULL, &session)) {
		tlsrpt_session_fetch(&session, &all);
		keep_all(s, session.domain, &all);
	}
	talloc_free(tmp);
}

void
tally_skipped(struct slot *s, const struct plan_host *h)
{
	TALLOC_CTX *tmp = need(talloc_new(s));
	struct tlsrpt_session session;
	struct tlsrpt_tallies all;

	if (begin(s, tmp, h, &session)) {
		tlsrpt_session_tally(&session, &all);
		keep_all(s, session.domain, &all);
	}
	talloc_free(tmp);
}

static struct netaddr
without_port(struct netaddr a)
{
	a.port = 0;
	return a;
}

/* Of the slot's connection, as was published: whatever was waived of it. */
static const struct plan_host *
published_host(const struct slot *s)
{
	return &s->plan->host[s->conn->host];
}

/* Complete the session of the slot's connection, and count it, once. */
static void
count(struct slot *s, struct tlsrpt_session *session)
{
	struct conn *conn = s->conn;
	const struct ehlo ehlo = client_ehlo(conn->client);
	struct tlsrpt_tallies all;

	conn->tallied = true;
	session->sending = without_port(*sock_local(stream_sock(conn->stream)));
	session->receiving = without_port(conn->addr);
	session->helo = ehlo.name;
	tlsrpt_session_tally(session, &all);
	keep_all(s, session->domain, &all);
}

static void
count_failure(struct slot *s, enum tlsrpt_event event, const char *reason)
{
	TALLOC_CTX *tmp = need(talloc_new(s));
	struct tlsrpt_session session;

	if (!s->conn->tallied && begin(s, tmp, published_host(s), &session)) {
		session.event = event;
		session.reason = reason;
		count(s, &session);
	}
	talloc_free(tmp);
}

void
tally_no_starttls(struct slot *s, unsigned code)
{
	char reason[16] = "";

	if (code >= 400) /* else it was not offered */
		snprintf(reason, sizeof(reason), "%u", code);
	count_failure(s, TLSRPT_NO_STARTTLS, reason);
}

void
tally_no_handshake(struct slot *s, const char *reason)
{
	count_failure(s, TLSRPT_NO_HANDSHAKE, reason);
}

static struct tlsrpt_proof
proof_of(TALLOC_CTX *mem, const struct tls_worth *w,
    const struct tls_info *info)
{
	int result = tlsrpt_result_parse(span_str(w->result_type));
	struct tlsrpt_proof p = {
		.known = w->known,
		.good = w->good,
		.result = result < 0 ? TLSRPT_VALIDATION_FAILURE :
				       (enum tlsrpt_result)result,
		.reason = w->reason,
	};
	char expires[CLOCK_TEXT_BYTES];

	if (result == TLSRPT_CERTIFICATE_EXPIRED && info->not_after.ms != 0)
		p.reason = need(talloc_asprintf(mem, "not after %s",
		    wall_rfc3339(info->not_after, expires)));
	return p;
}

void
tally_handshake(struct slot *s, const struct tls_info *info)
{
	bool judged = *info->protocol != '\0' || info->by_dane.known ||
		      info->by_pkix.known;
	TALLOC_CTX *tmp = need(talloc_new(s));
	struct tlsrpt_session session;

	if (!judged) {
		tally_no_handshake(s, info->error);
	} else if (!s->conn->tallied &&
		   begin(s, tmp, published_host(s), &session)) {
		session.event = TLSRPT_UP;
		session.by_dane = proof_of(tmp, &info->by_dane, info);
		session.by_pkix = proof_of(tmp, &info->by_pkix, info);
		count(s, &session);
	}
	talloc_free(tmp);
}
