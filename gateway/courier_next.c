/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which host of the plan is next for the job at hand, and what becomes of
 * its recipients when none is left.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/courier_internal.h"
#include "policy/waive.h"

#define NO_HOST UINT32_MAX

/* ---- why none could be used ---- */

/* What the plan says of a host that it does not use. */
static enum failure
skip_failure(const struct plan_host *h)
{
	bool tlsa_only = h->in.error_is_tlsa_only;

	if (h->won == DECIDE_CLASS)
		return FAILURE_REQUIRETLS;
	if (h->won != DECIDE_PUBLISHED) /* what it lacks must be known */
		return h->dane == DANE_D5_ERROR ? FAILURE_TLSA_LOOKUP :
						  FAILURE_RULE;
	if (h->dane == DANE_D5_ERROR && !tlsa_only)
		return FAILURE_DNS;
	if (h->in.sts == STS_ST_UNKNOWN && h->in.sts_unknown_defers)
		return FAILURE_STS_LOOKUP;
	if (h->dane == DANE_D5_ERROR)
		return FAILURE_TLSA_LOOKUP;
	return FAILURE_STS_MX;
}

/* A skip stands above all levels; what it is for is a verified peer. */
static enum level
required_of(const struct plan_host *h)
{
	if (h == NULL)
		return LEVEL_PLAIN;
	if (!h->skip)
		return h->required;
	return failure_is_policy(skip_failure(h)) ? LEVEL_VERIFY : LEVEL_PLAIN;
}

static char *
why_of(TALLOC_CTX *mem, const struct plan_host *h, const char *text)
{
	if (h == NULL)
		return need(talloc_strdup(mem, text));
	if (h->skip)
		return need(talloc_asprintf(mem, "%s: %.300s", h->name, text));
	if (h->method == METHOD_NONE)
		return need(talloc_asprintf(mem, "%s: required %s: %.200s",
		    h->name, level_name(h->required), text));
	return need(talloc_asprintf(mem, "%s: required %s by %s: %.200s",
	    h->name, level_name(h->required), method_name(h->method), text));
}

void
slot_note_failure(struct slot *s, const struct plan_host *h, const char *status,
    enum failure failure, const char *text)
{
	if (s->worst_status[0] != '\0' &&
	    !verdict_says_more(status, s->worst_status))
		return;
	talloc_free(s->worst_host);
	talloc_free(s->worst_why);
	s->worst_host = need(talloc_strdup(s, h == NULL ? "" : h->name));
	s->worst_why = why_of(s, h, text);
	s->worst_required = required_of(h);
	s->worst_failure = failure;
	snprintf(s->worst_status, sizeof(s->worst_status), "%s", status);
}

/* TLSRPT's word for it (RFC 8460 4.3.2). */
static const char *
skip_result_type(const struct plan_host *h, enum failure failure)
{
	switch (failure) {
	case FAILURE_STS_MX:
		return "validation-failure";
	case FAILURE_TLSA_LOOKUP:
	case FAILURE_DNS:
		return "dnssec-invalid";
	case FAILURE_RULE:
		return h->in.override == OVERRIDE_DANE_ONLY ? "dane-required" :
							      "";
	case FAILURE_NONE:
	case FAILURE_UNREACHABLE:
	case FAILURE_REPLY:
	case FAILURE_NO_STARTTLS:
	case FAILURE_TLS:
	case FAILURE_LEGACY_TLS:
	case FAILURE_CERTIFICATE:
	case FAILURE_TLSA_MISMATCH:
	case FAILURE_STS_LOOKUP:
	case FAILURE_REQUIRETLS:
	case FAILURE_PLAINTEXT:
	case FAILURE_PIN_MISMATCH:
		break;
	}
	return "";
}

/* STS-37: a host that may not be used is not even connected to. */
static void
tell_skipped(struct slot *s, unsigned i)
{
	const struct plan_host *h = slot_host_at(s, i);
	const struct attempt a = {
		.host = h,
		.outcome = EVIDENCE_POLICY_SKIP,
		.text = h->why,
		.failure = skip_failure(h),
		.result_type = skip_result_type(h, skip_failure(h)),
	};

	if (s->host[i].told)
		return;
	s->host[i].told = true;
	record_attempt(s, &a);
	tally_skipped(s, h);
	slot_note_failure(s, h,
	    a.failure == FAILURE_DNS ? STATUS_DNS : STATUS_TLS, a.failure,
	    h->why);
}

/* ---- which host ---- */

/* Of the domain itself: neither for when those cannot be reached, nor for
 * when they fall short. */
static bool
is_own(const struct plan_host *h)
{
	return !h->fallback && !h->alternate;
}

/*
 * A fallback relay is for hosts that cannot be reached.  One that falls short
 * of what is required, or has answered, is no reason to go around it.
 */
static bool
is_fallback_due(const struct slot *s)
{
	for (size_t i = 0; i < s->plan->host_count; i++)
		if (is_own(&s->plan->host[i]) && !s->host[i].is_over &&
		    (slot_host_at(s, i)->skip ||
			s->host[i].state != HOST_DEAD ||
			s->host[i].failure != FAILURE_UNREACHABLE))
			return false;
	return true;
}

/*
 * Did this host fall short of what is required, by what is known of it?  Not
 * one that could not be reached or asked, nor for want of an answer of DNS,
 * nor of a policy that only the cache still has.
 */
static bool
fell_short(const struct slot *s, size_t i)
{
	const struct plan_host *h = slot_host_at(s, i);
	const struct slot_host *sh = &s->host[i];
	bool by_sts = h->method == METHOD_PKIX_STS || h->also_pkix_sts;

	if (waive_is_over(s, i))
		return false;
	if (h->skip)
		return skip_failure(h) == FAILURE_RULE ||
		       (skip_failure(h) == FAILURE_STS_MX &&
			   !s->plan->sts.stale);
	return sh->state == HOST_DEAD && failure_is_policy(sh->failure) &&
	       !sh->may_pass && !(by_sts && s->plan->sts.stale);
}

/* Did each host of the domain?  Those over host-limit were not asked. */
static bool
is_unmet(const struct slot *s)
{
	size_t own = 0;

	for (size_t i = 0; i < s->plan->host_count; i++)
		if (is_own(&s->plan->host[i])) {
			if (!fell_short(s, i))
				return false;
			own++;
		}
	return own > 0;
}

/* Is it one that would be asked as things stand? */
static bool
is_due(const struct slot *s, size_t i)
{
	const struct plan_host *h = &s->plan->host[i];

	return is_own(h) || (h->fallback && is_fallback_due(s)) ||
	       (h->alternate && is_unmet(s));
}

static bool
usable(const struct slot *s, const struct job *j, size_t i)
{
	return !slot_host_at(s, i)->skip && !s->host[i].is_over &&
	       s->host[i].state != HOST_DEAD && !waive_is_over(s, i) &&
	       !host_set_has(&j->tried, i) && is_due(s, i);
}

/* One past the last host of the same preference. */
static size_t
group_end(const struct slot *s, size_t at)
{
	uint16_t preference = s->plan->host[at].preference;

	while (at < s->plan->host_count &&
	       s->plan->host[at].preference == preference)
		at++;
	return at;
}

/* As it is, or as it was a while ago; one of which something is waived from
 * the start counts as one of which it was. */
static enum host_state
state_of(const struct slot *s, unsigned i)
{
	if (s->host[i].state != HOST_OPEN)
		return s->host[i].state;
	if (rung_is_clear(s, i))
		return HOST_CLEAR_ONLY;
	return waive_lowers(&slot_host_at(s, i)->in) ? HOST_WAIVED : HOST_OPEN;
}

static uint32_t
host_in_state(struct slot *s, const struct job *j, size_t at, size_t end,
    enum host_state state)
{
	for (size_t i = at; i < end; i++) {
		if (s->host[i].is_over || !is_due(s, i))
			continue;
		if (slot_host_at(s, i)->skip)
			tell_skipped(s, (unsigned)i);
		else if (waive_is_over(s, i)) /* also within an attempt */
			slot_note_failure(s, slot_host_at(s, i), STATUS_TLS,
			    FAILURE_RULE,
			    "the exception that it needs has expired");
		if (usable(s, j, i) && state_of(s, (unsigned)i) == state)
			return (uint32_t)i;
	}
	return NO_HOST;
}

/*
 * In order of preference; within one, all that may meet what is required
 * before those of which something is waived, and all that may offer TLS before
 * those known to go in clear.  Security never reorders preferences (DANE-10).
 */
static uint32_t
next_host(struct slot *s, const struct job *j)
{
	uint32_t i = NO_HOST;
	size_t end;

	for (size_t at = 0; at < s->plan->host_count && i == NO_HOST;
	     at = end) {
		end = group_end(s, at);
		i = host_in_state(s, j, at, end, HOST_OPEN);
		if (i == NO_HOST)
			i = host_in_state(s, j, at, end, HOST_WAIVED);
		if (i == NO_HOST)
			i = host_in_state(s, j, at, end, HOST_CLEAR_ONLY);
	}
	return i;
}

bool
slot_tls_elsewhere(const struct slot *s, const struct job *j, unsigned host)
{
	uint16_t preference = s->plan->host[host].preference;

	for (size_t i = 0; i < s->plan->host_count; i++)
		if (i != host && usable(s, j, i) &&
		    s->plan->host[i].preference == preference &&
		    s->host[i].state == HOST_OPEN &&
		    !rung_is_clear(s, (unsigned)i))
			return true;
	return false;
}

/* true: look again, for it is not to be used for this job. */
static bool
go_to_host(struct slot *s, struct job *j, unsigned i)
{
	const char *why = clear_refused(s, slot_host_at(s, i));

	j->begun = true;
	/* TLS was asked for within this attempt, for this job or another. */
	if (why != NULL && s->host[i].state == HOST_CLEAR_ONLY) {
		clear_hold(s, i, why);
		return true;
	}
	if (s->conn != NULL && s->conn->host == i && pool_may_serve(s->conn))
		conn_use(s->conn, s, i);
	else if (s->conn != NULL)
		conn_release(s->conn);
	if (s->conn == NULL) {
		waive_forget(s, i);
		(void)pool_take(s, i);
	}
	if (s->conn != NULL && why != NULL && !stream_is_tls(s->conn->stream))
		conn_release(s->conn); /* perhaps it has TLS by now */
	if (s->conn != NULL) {
		s->state = SLOT_MAILING;
		mail_go_on(s);
		return false;
	}
	s->state = SLOT_CONNECTING;
	conn_open(s, i);
	return false;
}

/* ---- no host is left ---- */

/*
 * Has every host said that it never takes this, or any, mail?  Not where
 * the plan names none: then nobody knows what they would say.  A fallback
 * that is not due is not asked.
 */
static bool
no_host_takes(const struct slot *s, const struct crcpt *r)
{
	size_t asked = 0;

	if (s->plan == NULL)
		return false;
	for (size_t i = 0; i < s->plan->host_count; i++) {
		if (s->host[i].is_over || !is_due(s, i))
			continue;
		if (!s->host[i].no_mail && !host_set_has(&r->unfit, i))
			return false;
		asked++;
	}
	return asked > 0;
}

/* REQUIRETLS: may the message be returned, for no host will do (RTLS-20)? */
static struct verdict
class_verdict(const struct slot *s)
{
	enum verdict_end end[PLAN_MAX_HOSTS];
	size_t n = 0;

	for (size_t i = 0; i < s->plan->host_count; i++)
		if (is_due(s, i))
			end[n++] = s->plan->host[i].skip &&
					   s->plan->host[i].conclusive ?
				       END_NO_TLS :
				       s->host[i].end;
	return verdict_of_hosts(s->mclass, end, n);
}

/* What each host lacks (RTLS-46); each recipient of the job is told. */
static const char *
all_reasons(const struct job *j, const struct slot *s)
{
	size_t share = COURIER_ALL_REASONS_BYTES / j->w.rcpt_count;
	size_t room = share < COURIER_REASONS_BYTES ? share :
						      COURIER_REASONS_BYTES;
	char *all = need(talloc_strdup(j, ""));

	for (size_t i = 0; i < s->plan->host_count && strlen(all) < room; i++) {
		const struct plan_host *h = slot_host_at(s, i);

		all = need(talloc_asprintf_append(all, "%s%s: %.200s",
		    i == 0 ? "" : "; ", h->name,
		    h->skip                ? h->why :
		    s->host[i].why != NULL ? s->host[i].why :
					     "not tried"));
	}
	if (strlen(all) > room)
		all[room] = '\0';
	return all;
}

static bool
some_host_spoke(const struct job *j)
{
	for (uint32_t i = 0; i < j->w.rcpt_count; i++)
		if (j->rcpt[i].place == RCPT_SETTLED ||
		    j->rcpt[i].status[0] != '\0')
			return true;
	return false;
}

/* Those of whom some host spoke. */
static void
settle_spoken(struct slot *s, struct job *j)
{
	for (uint32_t i = 0; i < j->w.rcpt_count; i++) {
		struct crcpt *r = &j->rcpt[i];

		if (r->place == RCPT_SETTLED || r->status[0] == '\0')
			continue;
		r->place = RCPT_SETTLED;
		r->result = no_host_takes(s, r) && !r->soft ? RESULT_BOUNCED :
							      RESULT_DEFERRED;
		if (r->result == RESULT_DEFERRED)
			r->status[0] = '4'; /* another host may take it */
	}
}

/* The rest waits for TLS. */
static void
say_held(struct job *j)
{
	say_rest(j, &(const struct rest){
			.result = RESULT_DEFERRED,
			.status = STATUS_TLS,
			.required = LEVEL_MAY,
			.failure = FAILURE_PLAINTEXT,
			.why = j->held_why,
		    });
}

static void
settle_exhausted(struct slot *s, struct job *j)
{
	bool no_mail = no_host_takes(s, &(const struct crcpt){ 0 });

	settle_spoken(s, j);
	if (j->held_why != NULL) {
		say_held(j);
		return;
	}
	say_rest(j, &(const struct rest){
			.result = no_mail ? RESULT_BOUNCED : RESULT_DEFERRED,
			.status = no_mail ? STATUS_NO_MAIL : s->worst_status,
			.required = s->worst_required,
			.failure = s->worst_failure,
			.why = s->worst_why,
		    });
}

/* Back off from the destination; its jobs return as they were. */
static void
slot_fail(struct slot *s)
{
	struct job *j;

	invariant(s->worst_status[0] == '4');
	report_slot_failed(s);
	while ((j = slot_job(s)) != NULL) {
		TAILQ_REMOVE(&s->jobs, j, link);
		talloc_free(j);
	}
	slot_free(s);
}

/*
 * For want of a host: of the message where some host has had a say on it,
 * else of the destination.  false: the slot is gone.
 */
static bool
give_up(struct slot *s, struct job *j, bool no_mail)
{
	/* What may not go in clear waits alone: an older one perhaps may. */
	if (!no_mail && !s->orphan && j->held_why == NULL &&
	    !some_host_spoke(j)) {
		slot_fail(s);
		return false;
	}
	settle_exhausted(s, j);
	report_outcome(s, j);
	return true;
}

/* All is said of each host, and it is no. */
static void
settle_for_class(struct slot *s, struct job *j, const char *status)
{
	say_rest(j, &(const struct rest){
			.result = RESULT_BOUNCED,
			.status = status,
			.required = s->worst_required,
			.failure = s->worst_failure,
			.why = all_reasons(j, s),
		    });
	report_outcome(s, j);
}

/* No host met what is required, and the operator has said what then. */
static void
settle_for_rule(struct slot *s, struct job *j, enum wire_result result,
    const char *status)
{
	settle_spoken(s, j);
	say_rest(j, &(const struct rest){
			.result = result,
			.status = status,
			.required = s->worst_required,
			.failure = s->worst_failure,
			.why = all_reasons(j, s),
		    });
	report_outcome(s, j);
}

/* false: it waits, as everything does of which nothing is said. */
static bool
act_on_unmet(struct slot *s, struct job *j)
{
	if (!is_unmet(s))
		return false;
	switch (s->plan->unmet) {
	case UNMET_DEFER:
	case UNMET_ROUTE: /* nor could the alternate hosts be used */
		return false;
	case UNMET_HOLD:
		settle_for_rule(s, j, RESULT_HELD, STATUS_TLS);
		return true;
	case UNMET_BOUNCE:
		settle_for_rule(s, j, RESULT_BOUNCED, STATUS_UNMET);
		return true;
	}
	return false; /* not reached: the switch names every action */
}

static bool
exhausted(struct slot *s, struct job *j)
{
	struct verdict v = class_verdict(s);

	if (v.step == STEP_BOUNCE) {
		settle_for_class(s, j, v.status);
		return true;
	}
	if (act_on_unmet(s, j))
		return true;
	if (s->worst_status[0] == '\0')
		slot_note_failure(s, NULL, STATUS_NO_ANSWER,
		    FAILURE_UNREACHABLE, "no host could be used");
	return give_up(s, j, no_host_takes(s, &(const struct crcpt){ 0 }));
}

/* The domain has nowhere to send to.  false: the slot is gone. */
static bool
no_route(struct slot *s, struct job *j)
{
	const struct plan *plan = s->plan;
	const struct attempt a = {
		.outcome = EVIDENCE_NO_ROUTE,
		.text = plan->why,
		.failure = FAILURE_DNS,
	};

	record_attempt(s, &a);
	tally_skipped(s, NULL);
	if (plan->verdict == PLAN_BOUNCE) {
		say_rest(j, &(const struct rest){
				.result = RESULT_BOUNCED,
				.status = plan->status,
				.failure = FAILURE_DNS,
				.why = plan->why,
			    });
		report_outcome(s, j);
		return true;
	}
	slot_note_failure(s, NULL, plan->status, FAILURE_DNS, plan->why);
	return give_up(s, j, false);
}

/* ---- what is next ---- */

/* Would another plan help: to a host, or over what one fell short of? */
static bool
is_worth_a_plan(const struct slot *s, uint32_t host)
{
	if (host != NO_HOST)
		return true;
	for (size_t i = 0; i < s->plan->host_count; i++)
		if ((!s->host[i].is_over && waive_is_over(s, i)) ||
		    (s->host[i].state == HOST_DEAD &&
			failure_is_policy(s->host[i].failure)))
			return true;
	return false;
}

/* Is no host left, or one alone that is used for want of what is required? */
static bool
is_last_resort(const struct slot *s, uint32_t host)
{
	return host == NO_HOST || s->plan->host[host].alternate;
}

/*
 * Does a host fall short of the MTA-STS policy that is cached?  It may have
 * been replaced: RFC 8461 5.1 has that looked at before mail is given up, or
 * goes another way for it, and it is done in each attempt, once.
 */
static bool
is_policy_in_doubt(const struct slot *s, const struct job *j)
{
	if (j->anew || s->plan->sts.state != STS_ST_ENFORCE)
		return false;
	for (size_t i = 0; i < s->plan->host_count; i++) {
		const struct plan_host *h = &s->plan->host[i];

		if (s->host[i].is_over)
			continue;
		if (h->skip ?
			skip_failure(h) == FAILURE_STS_MX :
			s->host[i].state == HOST_DEAD &&
			    failure_is_policy(s->host[i].failure) &&
			    (h->method == METHOD_PKIX_STS || h->also_pkix_sts))
			return true;
	}
	return false;
}

/* To the host that is next.  true: look again, as in step(). */
static bool
go_on(struct slot *s, struct job *j)
{
	uint32_t host;

	if (slot_time_is_up(s))
		return exhausted(s, j);
	waive_forget_all(s);
	host = next_host(s, j);
	if (!slot_plan_is_over(s) || !is_worth_a_plan(s, host)) {
		s->plan_is_new = false;
		if (is_last_resort(s, host) && is_policy_in_doubt(s, j)) {
			slot_plan_anew(s);
			return false;
		}
		if (host == NO_HOST)
			return exhausted(s, j);
		return go_to_host(s, j, host);
	}
	/* Facts that change all the time are not followed for ever. */
	if (++j->plans_ended > s->c->env.conf->smtp_hosts)
		return exhausted(s, j);
	slot_plan(s);
	return false;
}

/* It was in the hands of a keeper that is no more: the next one has it. */
bool
slot_content_is_gone(const struct slot *s)
{
	const struct job *j = slot_job(s);

	return s->orphan && !j->w.has_body && j->w.size_bytes > 0;
}

/*
 * What fell short for one message is asked again for the next, which may be
 * days later where the slot lasts: what a host lacks, its operator mends.
 */
static void
ask_again(struct slot *s)
{
	for (size_t i = 0; i < s->plan->host_count; i++) {
		struct slot_host *sh = &s->host[i];

		sh->told = false;
		if (sh->state != HOST_DEAD || !failure_is_policy(sh->failure))
			continue;
		talloc_free((void *)(uintptr_t)sh->why);
		sh->why = NULL;
		sh->state = HOST_OPEN;
		sh->end = END_UNDECIDED;
	}
	slot_forget_failure(s);
}

/* true: look again; the slot may be gone when it is false. */
static bool
step(struct slot *s)
{
	struct job *j = slot_job(s);

	if (j == NULL) {
		if (s->ending)
			slot_gone(s);
		else if (s->conn != NULL && s->conn->phase == CONN_TALKING)
			conn_idle(s->conn);
		return false;
	}
	if (!j->begun && (s->c->draining || slot_time_is_up(s))) {
		report_untried(s, j);
		return true;
	}
	if (slot_content_is_gone(s)) {
		settle_spoken(s, j);
		report_untried(s, j);
		return true;
	}
	if (s->overdue)
		return give_up(s, j, false);
	if (s->plan == NULL || (!j->begun && slot_plan_is_over(s))) {
		slot_plan(s);
		return false;
	}
	if (s->plan->verdict != PLAN_DELIVER) {
		s->plan_is_new = false;
		return no_route(s, j);
	}
	if (!j->begun && is_unmet(s))
		ask_again(s);
	return go_on(s, j);
}

void
slot_run(struct slot *s)
{
	while (s->state == SLOT_IDLE && step(s))
		continue;
}
