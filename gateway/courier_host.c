/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of a slot when a host is ready, or cannot be used.  Where
 * TLS is required, every failure of it is the end of the host; where it is
 * not, the host may be used in clear after all others of its preference
 * were asked for TLS (TLS-16, TLS-17).
 */
#include <stdio.h>
#include <string.h>

#include "gateway/courier_internal.h"
#include "util/domain.h"

/* Content in clear because of a failure is not repeated by others. */
static bool
is_shareable(const struct slot *s)
{
	const struct conn *conn = s->conn;
	uint16_t preference = s->plan->host[conn->host].preference;

	if (slot_plan_host(s)->in.failed != 0)
		return false; /* waived for this message */
	if (stream_is_tls(conn->stream))
		return true;
	if (conn->rung == RUNG_CLEAR)
		return false;
	for (size_t i = 0; i < s->plan->host_count; i++)
		if (i != conn->host &&
		    s->plan->host[i].preference == preference)
			return false; /* the others come first */
	return true;
}

/* Look for another host, without this connection. */
static void
leave(struct slot *s)
{
	if (s->conn != NULL)
		conn_close(s->conn);
	s->state = SLOT_IDLE;
	slot_run(s);
}

static void
mark_dead(struct slot *s, const struct attempt *a, const char *status)
{
	struct slot_host *sh = &s->host[s->conn->host];
	char soft[12];

	snprintf(soft, sizeof(soft), "%s", status);
	soft[0] = '4'; /* another attempt may do better */
	record_attempt(s, a);
	sh->state = HOST_DEAD;
	sh->failure = a->failure;
	sh->why = need(talloc_strdup(s->host, a->text));
	slot_note_failure(s, a->host, soft, a->failure, a->text);
}

static void
die(struct slot *s, const struct attempt *a, const char *status)
{
	mark_dead(s, a, status);
	leave(s);
}

/* Does mail without REQUIRETLS wait that may go to this host at once? */
static bool
untagged_waits(const struct slot *s)
{
	const struct slot *o;

	TAILQ_FOREACH(o, &s->c->slots, link)
		if (o->mclass == CLASS_NORMAL && o->conn == NULL &&
		    !TAILQ_EMPTY(&o->jobs) && domain_eq(o->domain, s->domain) &&
		    strcmp(o->marks, s->marks) == 0)
			return true;
	return false;
}

/*
 * RTLS-19: before the QUIT the session may serve other mail, as what it is
 * and only where that mail demands just the same.
 */
static void
offer_to_untagged(struct slot *s)
{
	struct conn *conn = s->conn;
	const struct plan_host *h = slot_plan_host(s);

	if (h->login || !untagged_waits(s))
		return;
	pool_key_untagged(s->c, s->plan, h, conn->key);
	conn->shareable = true;
	conn_release(conn);
}

/* RTLS-16, RTLS-18: said inside TLS, or it is not this message's host. */
static void
no_requiretls(struct slot *s)
{
	s->host[s->conn->host].end = END_NO_REQUIRETLS;
	mark_dead(s,
	    &(const struct attempt){
		.host = slot_plan_host(s),
		.conn = s->conn,
		.outcome = EVIDENCE_TLS_FAILED,
		.text = "REQUIRETLS is not offered inside TLS (RFC 8689 4.2.1)",
		.failure = FAILURE_REQUIRETLS,
	    },
	    STATUS_NO_REQUIRETLS);
	offer_to_untagged(s);
	leave(s);
}

/* The password is of this route, or there is no using it. */
static void
log_in(struct slot *s)
{
	const struct plan_host *h = slot_plan_host(s);
	const struct login *l = login_for(s->c, h->route);

	if (l != NULL) {
		login_begin(s->conn, h, l);
		return;
	}
	die(s,
	    &(const struct attempt){
		.host = h,
		.conn = s->conn,
		.outcome = EVIDENCE_DEFERRED,
		.text = "the password of its route is not at hand",
		.failure = FAILURE_REPLY,
	    },
	    STATUS_AUTH);
}

/* The connection is in clear, and this message is not for that. */
static void
hold_in_clear(struct slot *s, const char *why)
{
	clear_hold(s, s->conn->host, why);
	leave(s);
}

void
host_ready(struct slot *s)
{
	if (s->state == SLOT_MAILING) {
		mail_next(s);
		return;
	}
	if (slot_plan_host(s)->requiretls && !conn_has_requiretls(s->conn)) {
		no_requiretls(s);
		return;
	}
	if (login_is_due(s->conn, slot_plan_host(s))) {
		log_in(s);
		return;
	}
	if (!stream_is_tls(s->conn->stream)) {
		const char *why = clear_refused(s, slot_plan_host(s));

		if (why != NULL) {
			hold_in_clear(s, why);
			return;
		}
	}
	TALLOC_FREE(s->conn->login);
	s->conn->shareable = is_shareable(s);
	s->state = SLOT_MAILING;
	mail_go_on(s);
}

/* By an exception, where STARTTLS is not offered; else it was refused. */
static bool
waived_no_tls(struct slot *s)
{
	struct conn *conn = s->conn;

	if ((client_ehlo(conn->client).ext & EHLO_STARTTLS) == 0)
		return true; /* told of before */
	waive_starttls_offered(conn);
	tally_no_starttls(s, client_failure(conn->client).reply.code);
	host_tls_failed(s, &(const struct tls_fault){
			       .text = "STARTTLS is offered and refused",
			       .result_type = "starttls-not-supported",
			       .failure = FAILURE_NO_STARTTLS,
			   });
	return false;
}

bool
host_no_tls(struct slot *s)
{
	unsigned host = s->conn->host;
	bool elsewhere = slot_tls_elsewhere(s, slot_job(s), host);
	const char *why = clear_refused(s, slot_plan_host(s));

	if (waive_goes_clear(s))
		return waived_no_tls(s);
	tally_no_starttls(s, client_failure(s->conn->client).reply.code);
	s->host[host].state = HOST_CLEAR_ONLY;
	if (!elsewhere && why == NULL)
		return true;
	if (why != NULL)
		hold_in_clear(s, why);
	else
		leave(s);
	return false;
}

/* ---- failures ---- */

/* TLS-28: some servers abort on a name they do not know. */
static bool
dislikes_name(const struct conn *conn, const char *text)
{
	return !conn->no_sni && strstr(text, "unrecognized name") != NULL;
}

void
host_tls_failed(struct slot *s, const struct tls_fault *fault)
{
	const struct plan_host *h = slot_plan_host(s);
	struct slot_host *sh = &s->host[s->conn->host];
	const struct client_failure f = client_failure(s->conn->client);
	const struct attempt a = {
		.host = h,
		.conn = s->conn,
		.outcome = EVIDENCE_TLS_FAILED,
		.reply = f.reply.code != 0 ? &f.reply : NULL,
		.text = fault->text,
		.result_type = fault->result_type,
		.failure = fault->failure,
	};

	if (h->required <= LEVEL_MAY && dislikes_name(s->conn, fault->text)) {
		sh->no_sni = true;
	} else if (!rung_down(s->conn, fault)) {
		if (waive_failure(s, &a)) {
			leave(s);
			return;
		}
		sh->end = fault->end;
		sh->may_pass = fault->may_pass;
		die(s, &a, STATUS_TLS);
		return;
	}
	record_attempt(s, &a);
	leave(s);
}

void
host_tls_broke(struct slot *s, const char *text)
{
	record_attempt(s, &(const struct attempt){
			      .host = slot_plan_host(s),
			      .conn = s->conn,
			      .outcome = EVIDENCE_TLS_FAILED,
			      .text = text,
			      .result_type = "validation-failure",
			      .failure = FAILURE_TLS,
			  });
	rung_cut(s->conn, text);
}

void
host_unreachable(struct slot *s)
{
	const struct attempt a = {
		.host = slot_plan_host(s),
		.conn = s->conn,
		.outcome = EVIDENCE_UNREACHABLE,
		.text = s->conn->why,
		.failure = FAILURE_UNREACHABLE,
	};

	die(s, &a, STATUS_NO_ANSWER);
}

/* Did the session fail because of TLS, or where TLS was begun? */
static bool
is_about_tls(const struct conn *conn, const struct client_failure *f)
{
	if (f->fault == CLIENT_FAULT_NO_TLS ||
	    f->fault == CLIENT_FAULT_INJECTION || f->at == CLIENT_S_STARTTLS ||
	    f->at == CLIENT_S_HANDSHAKE)
		return true;
	/* With TLS 1.3 a refusal may come after our side is done. */
	return f->at == CLIENT_S_EHLO && f->fault == CLIENT_FAULT_LOST &&
	       stream_is_tls(conn->stream);
}

static void
setup_failed(struct slot *s, const struct client_failure *f)
{
	struct verdict v = verdict_of_failure(f);
	/* Who offers no way to log in has answered as well. */
	bool answered = f->fault == CLIENT_FAULT_REPLY ||
			f->fault == CLIENT_FAULT_AUTH;
	const struct attempt a = {
		.host = slot_plan_host(s),
		.conn = s->conn,
		.outcome = !answered            ? EVIDENCE_UNREACHABLE :
			   f->reply.code >= 500 ? EVIDENCE_REJECTED :
						  EVIDENCE_DEFERRED,
		.reply = f->reply.code != 0 ? &f->reply : NULL,
		.text = f->why,
		.failure = answered ? FAILURE_REPLY : FAILURE_UNREACHABLE,
	};

	if (f->fault == CLIENT_FAULT_AUTH)
		login_refused(s, f);
	if (f->at == CLIENT_S_GREETING && f->fault == CLIENT_FAULT_TIMEOUT)
		reach_failed(s->c, &s->conn->addr);
	/* RFC 7504: it says so of all mail, now and later. */
	s->host[s->conn->host].no_mail = v.step == STEP_OTHER_HOST;
	die(s, &a, v.status);
}

/* What the session said of TLS, and how it is told. */
static void
starttls_failed(struct slot *s, const struct client_failure *f)
{
	bool refused = f->fault == CLIENT_FAULT_NO_TLS;

	if (refused || f->fault == CLIENT_FAULT_INJECTION)
		tally_no_starttls(s, f->reply.code);
	else
		tally_no_handshake(s, f->why);

	host_tls_failed(s,
	    &(const struct tls_fault){
		.text = f->why,
		.result_type = refused || f->fault == CLIENT_FAULT_INJECTION ?
				   "starttls-not-supported" :
				   "validation-failure",
		.failure = refused ? FAILURE_NO_STARTTLS : FAILURE_TLS,
		.end = verdict_end_of_failure(f),
		/* 4yz to STARTTLS, as 454; the connection broke. */
		.may_pass = f->reply.code / 100 == 4 ||
			    f->fault == CLIENT_FAULT_LOST ||
			    f->fault == CLIENT_FAULT_TIMEOUT,
	    });
}

void
host_session_failed(struct slot *s)
{
	struct conn *conn = s->conn;
	const struct client_failure f = client_failure(conn->client);

	if (s->state == SLOT_MAILING) {
		mail_failed(s, &f);
	} else if (is_about_tls(conn, &f)) {
		if (conn_retry_fresh(conn))
			return;
		starttls_failed(s, &f);
	} else if (f.at != CLIENT_S_GREETING || f.fault != CLIENT_FAULT_LOST ||
		   !conn_next_address(conn)) {
		setup_failed(s, &f);
	}
}
