/* SPDX-License-Identifier: BSD-2-Clause */
/* plan_trail - lookups as text, for explain and for the evidence. */
#include "policy/plan_internal.h"

#define TEXT_BYTES 240u /* ours: the records of one answer; then "..." */

static void
add_record(struct sbuf *b, const struct dns_answer *a, size_t i)
{
	char addr[NETADDR_TEXT_BYTES];
	struct tlsa t;

	switch (a->type) {
	case DNS_MX:
		sbuf_printf(b, "%u %s", a->mx[i].preference,
		    *a->mx[i].host == '\0' ? "." : a->mx[i].host);
		return;
	case DNS_A:
	case DNS_AAAA:
		sbuf_str(b, netaddr_text(&a->addr[i], addr));
		return;
	case DNS_TLSA:
		t = tlsa_from_rdata(a->data[i]);
		sbuf_printf(b, "%s%s", tlsa_text(b->mem, &t),
		    t.fitness == TLSA_USABLE ? "" : " (unusable)");
		return;
	case DNS_TXT:
		sbuf_str(b, span_print(b->mem, a->data[i], TEXT_BYTES));
		return;
	case DNS_CNAME: /* final_name says it */
		return;
	}
}

static const char *
records_text(TALLOC_CTX *mem, const struct dns_answer *a)
{
	TALLOC_CTX *tmp = need(talloc_new(mem));
	const char *text;
	struct sbuf b;

	sbuf_init(&b, tmp, (size_t)1 << 20);
	if (a->aliased)
		sbuf_printf(&b, "alias of %s", a->final_name);
	for (size_t i = 0; i < a->count && a->type != DNS_CNAME; i++) {
		if (b.n > 0)
			sbuf_str(&b, ", ");
		if (b.n >= TEXT_BYTES) {
			sbuf_str(&b, "...");
			break;
		}
		add_record(&b, a, i);
	}
	text = span_print(mem, sbuf_view(&b), 2 * (size_t)TEXT_BYTES);
	talloc_free(tmp);
	return text;
}

struct plan_trail
plan_trail_dns(TALLOC_CTX *mem, const struct dns_answer *a)
{
	bool failed = plan_failed(a);

	return (struct plan_trail){
		.what = need(talloc_asprintf(mem, "%s %s",
		    dns_type_name(a->type), a->name)),
		.security = a->security,
		.outcome = failed ? DNS_FAILED : a->outcome,
		.ttl_s = a->ttl_s,
		.text = failed ? need(talloc_strdup(mem, a->why)) :
				 records_text(mem, a),
	};
}

static enum dns_outcome
sts_outcome(enum sts_state s)
{
	switch (s) {
	case STS_ST_ABSENT:
		return DNS_NODATA;
	case STS_ST_NONE:
	case STS_ST_TESTING:
	case STS_ST_ENFORCE:
		return DNS_DATA;
	case STS_ST_UNAVAILABLE:
	case STS_ST_UNKNOWN:
		break;
	}
	return DNS_FAILED;
}

/* A policy comes by HTTPS: DNSSEC says nothing of it. */
struct plan_trail
plan_trail_sts(TALLOC_CTX *mem, const char *domain, const struct sts_fact *f)
{
	enum dns_outcome outcome = sts_outcome(f->state);

	return (struct plan_trail){
		.what = need(talloc_asprintf(mem, "POLICY %s", domain)),
		.security = outcome == DNS_FAILED ? DNS_ERROR : DNS_INSECURE,
		.outcome = outcome,
		.ttl_s = f->ttl_s,
		.text = need(talloc_asprintf(mem, "%s%s%s%s%s%s",
		    sts_state_name(f->state),
		    f->stale ? ", from the cache" : "",
		    *f->id == '\0' ? "" : ", id ", f->id,
		    *f->why == '\0' ? "" : ": ", f->why)),
	};
}
