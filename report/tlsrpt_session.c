/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/tlsrpt_session.h"

/* Of one policy, as it comes to be known. */
struct entry {
	const struct tlsrpt_session *s;
	const struct tlsrpt_policy *policy;
	struct tlsrpt_tallies *out;
	bool failed;
};

bool
tlsrpt_class_counts(enum msg_class mclass)
{
	switch (mclass) {
	case CLASS_NORMAL:
	case CLASS_REQUIRETLS:
		return true;
	case CLASS_TLS_OPTIONAL:
	case CLASS_TLS_REPORT:
		break;
	}
	return false;
}

/* An address literal has no record that could ask for reports. */
static bool
is_domain(const char *name)
{
	return *name != '\0' && *name != '[';
}

static struct tlsrpt_tally *
add(const struct entry *e, enum tlsrpt_count count)
{
	struct tlsrpt_tally *t;

	invariant(e->out->count < TLSRPT_SESSION_TALLIES);
	t = &e->out->tally[e->out->count++];
	*t = (struct tlsrpt_tally){ .count = count, .policy = *e->policy };
	return t;
}

static void
fail(struct entry *e, enum tlsrpt_result result, const char *reason)
{
	const struct tlsrpt_session *s = e->s;

	if (!e->failed)
		(void)add(e, TLSRPT_FAILURE);
	e->failed = true;
	add(e, TLSRPT_DETAIL)->detail = (struct tlsrpt_detail){
		.result = result,
		.sending = s->sending,
		.mx = s->mx,
		.helo = s->helo,
		.receiving = s->receiving,
		.reason = reason,
	};
}

/* Without TLS no policy is met.  true: that is what happened. */
static bool
fail_without_tls(struct entry *e)
{
	switch (e->s->event) {
	case TLSRPT_SKIPPED:
		return true;
	case TLSRPT_NO_STARTTLS:
		fail(e, TLSRPT_STARTTLS_NOT_SUPPORTED, e->s->reason);
		return true;
	case TLSRPT_NO_HANDSHAKE:
		fail(e, TLSRPT_VALIDATION_FAILURE, e->s->reason);
		return true;
	case TLSRPT_UP:
		break;
	}
	return false;
}

/* What was not looked at is neither a success nor a failure. */
static void
judge(struct entry *e, const struct tlsrpt_proof *proof)
{
	if (fail_without_tls(e) || !proof->known)
		return;
	if (!proof->good)
		fail(e, proof->result, proof->reason);
	else if (!e->failed)
		(void)add(e, TLSRPT_SUCCESS);
}

/* ---- DANE ---- */

static bool
tally_tlsa(const struct tlsrpt_session *s, struct tlsrpt_tallies *out)
{
	struct tlsrpt_policy policy = {
		.type = TLSRPT_TLSA,
		.domain = *s->tlsa_base != '\0' ? s->tlsa_base : s->mx,
		.string_count = s->tlsa_count,
	};
	struct entry e = { s, &policy, out, false };

	for (size_t i = 0; i < s->tlsa_count; i++)
		policy.string[i] = s->tlsa[i];
	switch (s->dane) {
	case DANE_D1_USABLE:
		judge(&e, &s->by_dane);
		return true;
	case DANE_D2_UNUSABLE: /* encryption is all that is left of it */
		fail(&e, TLSRPT_TLSA_INVALID, s->dane_reason);
		(void)fail_without_tls(&e);
		return true;
	case DANE_D5_ERROR:
		if (s->event != TLSRPT_SKIPPED)
			return false; /* it was waived */
		fail(&e, TLSRPT_DNSSEC_INVALID, s->dane_reason);
		return true;
	case DANE_D3_NONE:
	case DANE_D4_INSECURE:
		break;
	}
	return false;
}

/* ---- MTA-STS ---- */

static struct tlsrpt_policy
sts_policy_of(const struct tlsrpt_session *s)
{
	struct tlsrpt_policy policy = { .type = TLSRPT_STS,
		.domain = s->domain };

	for (; policy.string_count < s->sts_line_count; policy.string_count++)
		policy.string[policy.string_count] = s->sts_line
							 [policy.string_count];
	for (; policy.mx_count < s->sts_mx_count; policy.mx_count++)
		policy.mx[policy.mx_count] = s->sts_mx[policy.mx_count];
	return policy;
}

static bool
tally_sts(const struct tlsrpt_session *s, struct tlsrpt_tallies *out)
{
	const struct tlsrpt_policy policy = sts_policy_of(s);
	struct entry e = { s, &policy, out, false };

	if (s->sts != STS_ST_ENFORCE && s->sts != STS_ST_TESTING)
		return false;
	if (!s->sts_mx_match && *s->mx != '\0')
		fail(&e, TLSRPT_VALIDATION_FAILURE, "sts-mx-mismatch");
	judge(&e, &s->by_pkix);
	return true;
}

/* ---- neither ---- */

static void
tally_no_policy(const struct tlsrpt_session *s, struct tlsrpt_tallies *out)
{
	const struct tlsrpt_policy policy = { .type = TLSRPT_NO_POLICY,
		.domain = s->domain };
	struct entry e = { s, &policy, out, false };

	if (s->event == TLSRPT_SKIPPED && s->dane_required)
		fail(&e, TLSRPT_DANE_REQUIRED, "");
	else if (!fail_without_tls(&e))
		(void)add(&e, TLSRPT_SUCCESS);
}

void
tlsrpt_session_tally(const struct tlsrpt_session *s, struct tlsrpt_tallies *out)
{
	bool by_tlsa, by_sts;

	out->count = 0;
	if (!tlsrpt_class_counts(s->mclass) || !is_domain(s->domain))
		return;
	by_tlsa = tally_tlsa(s, out);
	by_sts = tally_sts(s, out);
	if (!by_tlsa && (!by_sts || s->dane_required))
		tally_no_policy(s, out);
}

static enum tlsrpt_result
fetch_result(enum sts_result result)
{
	switch (result) {
	case STS_RESULT_INVALID:
		return TLSRPT_STS_POLICY_INVALID;
	case STS_RESULT_WEBPKI:
		return TLSRPT_STS_WEBPKI_INVALID;
	case STS_RESULT_FETCH:
	case STS_RESULT_NONE: /* not reached: then nothing is told */
		break;
	}
	return TLSRPT_STS_POLICY_FETCH_ERROR;
}

void
tlsrpt_session_fetch(const struct tlsrpt_session *s, struct tlsrpt_tallies *out)
{
	const struct tlsrpt_policy policy = sts_policy_of(s);
	const struct entry e = { s, &policy, out, false };

	out->count = 0;
	if (!tlsrpt_class_counts(s->mclass) || !is_domain(s->domain) ||
	    s->sts_result == STS_RESULT_NONE)
		return;
	add(&e, TLSRPT_DETAIL)->detail = (struct tlsrpt_detail){
		.result = fetch_result(s->sts_result),
		.mx = "",
		.helo = "",
		.reason = s->sts_reason,
	};
}

/* ---- out of a plan ---- */

static void
take_lines(TALLOC_CTX *mem, const char *text, struct tlsrpt_session *s)
{
	struct span rest = span_str(text), line;

	while (s->sts_line_count < TLSRPT_MAX_STRINGS &&
	       span_line(&rest, &line))
		s->sts_line[s->sts_line_count++] = need(talloc_strndup(mem,
		    (const char *)line.p, line.n));
}

static void
take_sts(TALLOC_CTX *mem, const struct plan *plan, struct tlsrpt_session *s)
{
	const struct sts_fact *f = &plan->sts;

	s->sts = f->state;
	s->sts_result = f->result;
	s->sts_reason = f->why;
	if (f->state != STS_ST_ENFORCE && f->state != STS_ST_TESTING)
		return;
	take_lines(mem, f->policy.text, s);
	s->sts_mx = f->policy.mx;
	s->sts_mx_count = f->policy.mx_count;
}

static void
take_host(const struct plan_host *h, struct tlsrpt_session *s)
{
	s->mx = h->name;
	s->dane = h->dane;
	s->tlsa_base = h->tlsa_base;
	s->dane_reason = h->dane_why;
	for (; s->tlsa_count < h->tlsa_text_count; s->tlsa_count++)
		s->tlsa[s->tlsa_count] = h->tlsa_text[s->tlsa_count];
	s->sts_mx_match = h->sts_mx_match;
	s->dane_required = h->skip && h->won != DECIDE_PUBLISHED &&
			   h->in.override == OVERRIDE_DANE_ONLY &&
			   h->dane != DANE_D5_ERROR;
}

/* Why the hosts are not known, where DNSSEC is the reason. */
static void
take_no_host(const struct plan *plan, struct tlsrpt_session *s)
{
	s->dane = DANE_D4_INSECURE;
	s->tlsa_base = s->domain;
	if (plan->verdict != PLAN_DEFER)
		return;
	for (size_t i = 0; i < plan->trail_count; i++) {
		if (plan->trail[i].security != DNS_BOGUS)
			continue;
		s->dane = DANE_D5_ERROR;
		s->dane_reason = plan->trail[i].text;
	}
}

void
tlsrpt_session_of_plan(TALLOC_CTX *mem, const struct plan *plan,
    const struct plan_host *h, struct tlsrpt_session *s)
{
	*s = (struct tlsrpt_session){
		.domain = h != NULL && h->named ? h->name : plan->next_hop,
		.mclass = plan->mclass,
		.dane_reason = "",
		.tlsa_base = "",
		.sts_reason = "",
		.event = TLSRPT_SKIPPED,
		.reason = "",
		.by_dane = { .reason = "" },
		.by_pkix = { .reason = "" },
		.mx = "",
		.helo = "",
	};
	if (h == NULL || !h->named)
		take_sts(mem, plan, s);
	if (h != NULL)
		take_host(h, s);
	else
		take_no_host(plan, s);
}
