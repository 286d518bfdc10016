/* SPDX-License-Identifier: BSD-2-Clause */
/* domain_records - what lookups and the fetched policy of a domain show. */
#include <inttypes.h>
#include <string.h>

#include "report/domain_check.h"
#include "report/tlsrpt_txt.h"
#include "util/domain.h"

#define DIGEST_SHA1_BYTES 20u

struct sight {
	const struct domain_records *r;
	struct domain_findings *out;
	bool has_policy;
	struct sts_policy policy; /* as it is served, not as it is cached */
	char id[STS_ID_MAX_BYTES + 1];
	bool has_tlsrpt;
};

/* Is there an answer to go on?  Else it is told why not. */
static bool
has_answer(struct sight *s, const struct dns_answer *a)
{
	const char *type = dns_type_name(a->type);

	switch (a->security) {
	case DNS_SECURE:
	case DNS_INSECURE:
		return true;
	case DNS_BOGUS:
		domain_find(s->out, DOMAIN_BOGUS, a->name, "%s: %s", type,
		    a->why);
		return false;
	case DNS_ERROR:
		domain_find(s->out, DOMAIN_LOOKUP_FAILED, a->name, "%s: %s",
		    type, a->why);
		return false;
	}
	return false; /* not reached: the switch names every security */
}

/* ---- MX ---- */

static bool
has_address(const struct domain_host_records *h)
{
	return h->a->count > 0 || h->aaaa->count > 0;
}

static void
check_no_mx(struct sight *s)
{
	const struct domain_records *r = s->r;

	if (r->mx->outcome == DNS_NXDOMAIN)
		domain_find(s->out, DOMAIN_NO_DOMAIN, r->domain, "%s", "");
	else if (r->host_count == 1 && has_address(&r->host[0]))
		domain_find(s->out, DOMAIN_NO_MX, r->domain, "%s", "");
	else
		domain_find(s->out, DOMAIN_NO_HOST, r->domain, "%s", "");
}

static void
check_mx(struct sight *s)
{
	const struct dns_answer *mx = s->r->mx;
	size_t null = 0;

	if (mx->security == DNS_INSECURE)
		domain_find(s->out, DOMAIN_UNSIGNED, s->r->domain, "%s", "");
	for (size_t i = 0; i < mx->count; i++)
		null += *mx->mx[i].host == '\0';
	if (mx->outcome != DNS_DATA || mx->count == 0)
		check_no_mx(s);
	else if (null == mx->count)
		domain_find(s->out, DOMAIN_NULL_MX, s->r->domain, "%s", "");
	else if (null > 0)
		domain_find(s->out, DOMAIN_NULL_MX_MIXED, s->r->domain, "%s",
		    "");
}

/* ---- TLSA ---- */

static void
check_unfit(struct sight *s, const char *name, const struct tlsa *t)
{
	TALLOC_CTX *tmp = need(talloc_new(NULL));
	const char *text = tlsa_text(tmp, t);
	bool digest = t->matching == 1 || t->matching == 2;

	switch (t->fitness) {
	case TLSA_USABLE:
		break;
	case TLSA_UNUSABLE_USAGE:
		domain_find(s->out, DOMAIN_TLSA_USAGE, name, "%s", text);
		break;
	case TLSA_UNUSABLE_SELECTOR:
		domain_find(s->out, DOMAIN_TLSA_SELECTOR, name, "%s", text);
		break;
	case TLSA_UNUSABLE_MATCHING:
		domain_find(s->out, DOMAIN_TLSA_MATCHING, name, "%s", text);
		break;
	case TLSA_MALFORMED:
		domain_find(s->out,
		    digest && t->data.n == DIGEST_SHA1_BYTES ?
			DOMAIN_TLSA_SHA1 :
			DOMAIN_TLSA_MALFORMED,
		    name, "%s (%zu bytes)", text, t->data.n);
		break;
	}
	talloc_free(tmp);
}

static void
check_fit(struct sight *s, const char *name, const struct tlsa *t)
{
	TALLOC_CTX *tmp = need(talloc_new(NULL));
	const char *text = tlsa_text(tmp, t);

	if (t->matching == 0)
		domain_find(s->out, DOMAIN_TLSA_FULL, name, "%s", text);
	if (t->usage == TLSA_DANE_EE && t->selector == 0)
		domain_find(s->out, DOMAIN_TLSA_EE_CERT, name, "%s", text);
	talloc_free(tmp);
}

static void
check_tlsa_set(struct sight *s, const char *name, const struct dns_answer *a)
{
	size_t usable = 0, sha256 = 0, sha512 = 0, own = 0;

	for (size_t i = 0; i < a->count; i++) {
		struct tlsa t = tlsa_from_rdata(a->data[i]);

		if (t.fitness != TLSA_USABLE) {
			check_unfit(s, name, &t);
			continue;
		}
		check_fit(s, name, &t);
		usable++;
		sha256 += t.matching == 1;
		sha512 += t.matching == 2;
		own += t.usage == TLSA_DANE_EE;
	}
	if (usable == 0)
		domain_find(s->out, DOMAIN_TLSA_NONE_USABLE, name,
		    "%zu records", a->count);
	if (sha512 > 0 && sha256 == 0)
		domain_find(s->out, DOMAIN_TLSA_NO_SHA256, name, "%s", "");
	if (usable == 1 && own == 1)
		domain_find(s->out, DOMAIN_TLSA_ALONE, name, "%s", "");
	if (a->signed_ttl_s > DOMAIN_TTL_LONG_S)
		domain_find(s->out, DOMAIN_TLSA_TTL, name, "%" PRIu32 " s",
		    a->signed_ttl_s);
}

/* ---- hosts ---- */

static bool
is_secure(const struct domain_host_records *h)
{
	return h->a->security == DNS_SECURE && h->aaaa->security == DNS_SECURE;
}

static bool
has_tlsa(const struct domain_host_records *h)
{
	return h->tlsa != NULL && h->tlsa->outcome == DNS_DATA &&
	       h->tlsa->count > 0;
}

static void
check_tlsa(struct sight *s, const struct domain_host_records *h)
{
	const struct domain_records *r = s->r;
	bool mx_secure = r->mx->security == DNS_SECURE;

	if (!is_secure(h)) {
		if (has_tlsa(h))
			domain_find(s->out, DOMAIN_TLSA_UNSIGNED, h->tlsa_name,
			    "%s", "");
		else if (mx_secure)
			domain_find(s->out, DOMAIN_HOST_UNSIGNED, h->host, "%s",
			    "");
		return;
	}
	if (h->tlsa == NULL || !has_answer(s, h->tlsa))
		return;
	if (!has_tlsa(h)) {
		domain_find(s->out, DOMAIN_TLSA_MISSING, h->tlsa_name, "%s",
		    "");
		return;
	}
	if (h->tlsa->security != DNS_SECURE) {
		domain_find(s->out, DOMAIN_TLSA_UNSIGNED, h->tlsa_name, "%s",
		    "");
		return;
	}
	check_tlsa_set(s, h->tlsa_name, h->tlsa);
	if (!mx_secure)
		domain_find(s->out, DOMAIN_TLSA_HALF, h->host, "%s", "");
}

static void
check_host(struct sight *s, const struct domain_host_records *h)
{
	bool known = has_answer(s, h->a);

	known &= has_answer(s, h->aaaa);
	if (!known)
		return;
	if (s->r->mx->count > 0 && !has_address(h))
		domain_find(s->out, DOMAIN_MX_NO_ADDRESS, h->host, "%s", "");
	if (h->a->aliased || h->aaaa->aliased)
		domain_find(s->out, DOMAIN_MX_ALIAS, h->host, "an alias of %s",
		    h->a->aliased ? h->a->final_name : h->aaaa->final_name);
	if (has_address(h))
		check_tlsa(s, h);
}

static void
check_hosts(struct sight *s)
{
	const struct domain_records *r = s->r;
	size_t with = 0, without = 0;

	for (size_t i = 0; i < r->host_count; i++) {
		const struct domain_host_records *h = &r->host[i];

		check_host(s, h);
		if (h->tlsa == NULL || h->tlsa->outcome == DNS_FAILED)
			continue;
		if (is_secure(h) && has_tlsa(h))
			with++;
		else
			without++;
	}
	if (with > 0 && without > 0)
		domain_find(s->out, DOMAIN_TLSA_PARTLY, r->domain,
		    "%zu of %zu hosts have them", with, with + without);
}

/* ---- MTA-STS ---- */

/* Records that mean to be one, however well they are written. */
static size_t
count_of(const struct dns_answer *a, const char *version)
{
	size_t n = 0;

	for (size_t i = 0; i < a->count; i++)
		n += span_istarts(span_trim(a->data[i]), version);
	return n;
}

/* true: there is one to be followed. */
static bool
check_sts_record(struct sight *s)
{
	const struct dns_answer *a = s->r->sts;
	struct diag why = { 0 };
	size_t n = count_of(a, "v=STS");

	if (!has_answer(s, a))
		return false;
	if (n == 0)
		domain_find(s->out, DOMAIN_STS_MISSING, a->name, "%s", "");
	else if (sts_txt_pick(a->data, a->count, s->id, &why) == ST_OK)
		return true;
	else
		domain_find(s->out,
		    n > 1 ? DOMAIN_STS_SEVERAL : DOMAIN_STS_MALFORMED, a->name,
		    "%s", why.text);
	return false;
}

static void
check_failed_fetch(struct sight *s, const char *host)
{
	const struct domain_fetch *f = &s->r->fetch;

	domain_find(s->out,
	    f->too_large  ? DOMAIN_STS_LARGE :
	    f->tls_failed ? DOMAIN_STS_CERT :
			    DOMAIN_STS_FETCH,
	    host, "%s", f->why);
}

/* true: it is there, whatever it says. */
static bool
check_response(struct sight *s, const char *host)
{
	const struct domain_fetch *f = &s->r->fetch;

	if (!f->tried) {
		domain_find(s->out, DOMAIN_STS_NO_ADDRESS, host, "%s",
		    s->r->sts_host_why);
		return false;
	}
	if (!f->ok) {
		check_failed_fetch(s, host);
		return false;
	}
	if (f->status != 200) {
		domain_find(s->out,
		    f->status / 100 == 3 ? DOMAIN_STS_REDIRECT :
					   DOMAIN_STS_STATUS,
		    host, "status %d", f->status);
		return false;
	}
	if (strcmp(f->media, "text/plain") != 0) {
		domain_find(s->out, DOMAIN_STS_MEDIA, host, "\"%s\"", f->media);
		return false;
	}
	return true;
}

static void
check_mode(struct sight *s, const char *host)
{
	const struct sts_policy *p = &s->policy;

	switch (p->mode) {
	case STS_NONE:
		domain_find(s->out, DOMAIN_STS_MODE_NONE, host, "%s", "");
		return;
	case STS_TESTING:
		domain_find(s->out, DOMAIN_STS_MODE_TESTING, host, "%s", "");
		break;
	case STS_ENFORCE:
		if (!s->has_tlsrpt)
			domain_find(s->out, DOMAIN_STS_NO_REPORTS, s->r->domain,
			    "%s", "");
		break;
	}
	if (p->max_age_s < DOMAIN_STS_WEEK_S)
		domain_find(s->out, DOMAIN_STS_AGE_SHORT, host, "%" PRIu32 " s",
		    p->max_age_s);
	if (sts_policy_is_cut(s->r->fetch.body))
		domain_find(s->out, DOMAIN_STS_AGE_LONG, host, "over %u s",
		    STS_MAX_AGE_S);
}

static void
check_patterns(struct sight *s, const char *host)
{
	const struct domain_records *r = s->r;
	const struct sts_policy *p = &s->policy;

	if (p->mode == STS_NONE)
		return;
	for (size_t i = 0; i < r->host_count; i++)
		if (!sts_policy_matches(p, r->host[i].host))
			domain_find(s->out, DOMAIN_STS_MX_UNCOVERED,
			    r->host[i].host, "the policy of %s", host);
	for (size_t m = 0; m < p->mx_count && r->host_count > 0; m++) {
		bool used = false;

		for (size_t i = 0; i < r->host_count && !used; i++)
			used = domain_matches(p->mx[m], r->host[i].host);
		if (!used)
			domain_find(s->out, DOMAIN_STS_MX_UNUSED, host,
			    "mx: %s", p->mx[m]);
	}
}

static bool
same_policy(const struct sts_policy *a, const struct sts_policy *b)
{
	if (a->mode != b->mode || a->max_age_s != b->max_age_s ||
	    a->mx_count != b->mx_count)
		return false;
	for (size_t i = 0; i < a->mx_count; i++)
		if (strcmp(a->mx[i], b->mx[i]) != 0)
			return false;
	return true;
}

static void
check_id(struct sight *s, const char *host)
{
	const struct sts_entry *e = s->r->cached;

	if (e != NULL && e->has_policy && strcmp(e->id, s->id) == 0 &&
	    !same_policy(&e->policy, &s->policy))
		domain_find(s->out, DOMAIN_STS_SAME_ID, host, "id=%s", s->id);
}

static void
check_sts(struct sight *s, TALLOC_CTX *tmp)
{
	const char *host = need(talloc_asprintf(tmp, "mta-sts.%s",
	    s->r->domain));
	struct diag why = { 0 };

	if (!check_sts_record(s) || !check_response(s, host))
		return;
	if (sts_policy_parse(tmp, s->r->fetch.body, &s->policy, &why) !=
	    ST_OK) {
		domain_find(s->out, DOMAIN_STS_POLICY, host, "%s", why.text);
		return;
	}
	check_mode(s, host);
	check_patterns(s, host);
	check_id(s, host);
}

/* ---- TLSRPT ---- */

/* Without a destination: because it names none that is one, or none? */
static enum domain_kind
tlsrpt_fault(const struct dns_answer *a)
{
	for (size_t i = 0; i < a->count; i++) {
		struct span rest = a->data[i], field;

		if (!span_istarts(span_trim(rest), "v=TLSRPTv1;"))
			continue;
		while (span_cut(rest, ';', &field, &rest))
			if (span_starts(span_trim(rest), "rua="))
				return DOMAIN_TLSRPT_RUA;
	}
	return DOMAIN_TLSRPT_MALFORMED;
}

static void
check_tlsrpt(struct sight *s, TALLOC_CTX *tmp)
{
	const struct dns_answer *a = s->r->tlsrpt;
	size_t n = count_of(a, "v=TLSRPT");
	struct tlsrpt_record rec;
	struct diag why = { 0 };

	if (!has_answer(s, a)) {
		s->has_tlsrpt = true; /* nobody knows that it has not */
		return;
	}
	if (n == 0) {
		domain_find(s->out, DOMAIN_TLSRPT_MISSING, a->name, "%s", "");
		return;
	}
	if (tlsrpt_txt_pick(tmp, a->data, a->count, &rec, &why) != ST_OK) {
		domain_find(s->out,
		    n > 1 ? DOMAIN_TLSRPT_SEVERAL : tlsrpt_fault(a), a->name,
		    "%s", why.text);
		return;
	}
	s->has_tlsrpt = true;
	for (size_t i = 0; i < rec.rua_count; i++)
		if (rec.rua[i].scheme == TLSRPT_HTTPS)
			domain_find(s->out, DOMAIN_TLSRPT_HTTPS, a->name, "%s",
			    rec.rua[i].target);
}

/* ---- all of it ---- */

void
domain_check_records(const struct domain_records *r,
    struct domain_findings *out)
{
	TALLOC_CTX *tmp = need(talloc_new(NULL));
	struct sight s = { .r = r, .out = out };

	if (has_answer(&s, r->mx)) {
		check_mx(&s);
		check_hosts(&s);
	}
	check_tlsrpt(&s, tmp);
	check_sts(&s, tmp);
	talloc_free(tmp);
}

static bool
by_dane(const struct plan_host *h)
{
	return h->dane == DANE_D1_USABLE && h->in.mx_secure;
}

/* Nothing that counts is known of a host that a lookup failed for. */
static bool
is_known(const struct plan *plan)
{
	for (size_t i = 0; i < plan->host_count; i++)
		if (plan->host[i].dane == DANE_D5_ERROR)
			return false;
	return plan->verdict == PLAN_DELIVER && plan->host_count > 0 &&
	       plan->sts.state != STS_ST_UNKNOWN;
}

void
domain_check_plan(const struct plan *plan, struct domain_findings *out)
{
	bool sts = plan->sts.state == STS_ST_ENFORCE;
	size_t dane = 0;

	if (!is_known(plan))
		return;
	for (size_t i = 0; i < plan->host_count; i++)
		dane += by_dane(&plan->host[i]);
	if (dane == plan->host_count)
		domain_find(out, sts ? DOMAIN_BY_BOTH : DOMAIN_BY_DANE,
		    plan->domain, "%s", "");
	else if (dane > 0)
		domain_find(out, sts ? DOMAIN_BY_EACH : DOMAIN_BY_PART,
		    plan->domain, "%zu of %zu hosts by DANE", dane,
		    plan->host_count);
	else
		domain_find(out, sts ? DOMAIN_BY_STS : DOMAIN_BY_NOTHING,
		    plan->domain, "%s", "");
}
