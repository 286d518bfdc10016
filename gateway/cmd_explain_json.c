/* SPDX-License-Identifier: BSD-2-Clause */
/* What was found out, for programs. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_explain.h"
#include "util/domain.h"
#include "util/jtree.h"

#define TEXT_MAX 4096u /* ours: of what is no UTF-8, as it is shown */

/* A peer's words may be no UTF-8. */
static void
put(json_t *o, const char *key, const char *value)
{
	json_t *v = json_string(value);

	if (v == NULL) {
		char *printed = span_print(NULL, span_str(value), TEXT_MAX);

		v = json_string(printed);
		talloc_free(printed);
	}
	jtree_put(o, key, v);
}

/* ---- what hosts come to ---- */

static json_t *
certificate_json(const struct tls_info *tls)
{
	char text[CLOCK_TEXT_BYTES], pin[PIN_TEXT_BYTES];
	struct pin key = { .kind = PIN_SPKI }, whole = { .kind = PIN_CERT };
	json_t *o;

	if (!tls->has_certificate)
		return json_null();
	memcpy(key.sha256, tls->spki_sha256, sizeof(key.sha256));
	memcpy(whole.sha256, tls->cert_sha256, sizeof(whole.sha256));
	o = need(json_object());
	put(o, "names", tls->names);
	put(o, "issuer", tls->issuer);
	put(o, "expires", wall_rfc3339(tls->not_after, text));
	put(o, "key", pin_text(&key, pin));
	put(o, "certificate", pin_text(&whole, pin));
	return o;
}

static json_t *
tls_json(const struct tls_info *tls)
{
	json_t *o;

	if (tls == NULL)
		return json_null();
	o = need(json_object());
	put(o, "protocol", tls->protocol);
	put(o, "cipher", tls->cipher);
	put(o, "group", tls->group);
	put(o, "server-name", tls->sni);
	put(o, "grade", tls->grade);
	put(o, "matched", tls->matched);
	put(o, "error", tls->error);
	put(o, "result-type", tls->result_type);
	jtree_put(o, "certificate", certificate_json(tls));
	return o;
}

static json_t *
records_json(const struct explain_look *l)
{
	json_t *list = need(json_array());

	for (size_t i = 0; i < l->h->tlsa_count; i++) {
		char *text = tlsa_text(NULL, &l->h->tlsa[i]);

		jtree_append(list,
		    need(json_pack("{s:s, s:b}", "record", text, "matched",
			(int)explain_tlsa_matched(l, &l->h->tlsa[i]))));
		talloc_free(text);
	}
	return list;
}

static json_t *
look_json(const struct explain_look *l)
{
	char addr[NETADDR_TEXT_BYTES];
	json_t *o, *list;

	if (l->h == NULL)
		return json_null();
	o = need(json_object());
	put(o, "outcome", explain_end_name(l));
	put(o, "required", level_name(l->h->required));
	put(o, "method", method_name(l->h->method));
	put(o, "failure", failure_name(l->r.failure));
	put(o, "why", l->skipped ? l->h->why : l->r.why);
	put(o, "address",
	    l->r.addr.family == NETADDR_NONE ?
		"" :
		netaddr_text_port(&l->r.addr, addr));
	put(o, "reached", evidence_reached_name(l->r.reached));
	put(o, "rung", rung_name(l->r.rung));
	jtree_put(o, "starttls", json_boolean(l->r.starttls));
	jtree_put(o, "requiretls", json_boolean(l->r.requiretls));
	jtree_put(o, "waived", list = need(json_array()));
	for (unsigned w = 0; w < WAIVER_COUNT; w++)
		if ((l->waived & 1u << w) != 0)
			jtree_append(list,
			    json_string(waiver_name((enum waiver)w)));
	jtree_put(o, "tls", tls_json(l->r.tls));
	jtree_put(o, "tlsa", records_json(l));
	return o;
}

static json_t *
host_json(const struct explain *x, const struct plan_host *h)
{
	json_t *o = need(json_object()), *list;
	char addr[NETADDR_TEXT_BYTES], pin[PIN_TEXT_BYTES];

	put(o, "host", h->name);
	jtree_put(o, "preference", json_integer(h->preference));
	jtree_put(o, "skip", json_boolean(h->skip));
	put(o, "required", level_name(h->required));
	put(o, "method", method_name(h->method));
	jtree_put(o, "also-pkix-sts", json_boolean(h->also_pkix_sts));
	put(o, "also-local", method_name(h->also_local));
	put(o, "method-rule", plan_method_rule(h));
	put(o, "min-tls", min_tls_name(h->min_tls));
	put(o, "client-certificate-rule", h->identity);
	put(o, "route", h->route);
	jtree_put(o, "alternate", json_boolean(h->alternate));
	jtree_put(o, "pins", list = json_array());
	for (size_t i = 0; i < h->pin_count; i++)
		jtree_append(list, json_string(pin_text(&h->pin[i], pin)));
	jtree_put(o, "requiretls", json_boolean(h->requiretls));
	jtree_put(o, "conclusive", json_boolean(h->conclusive));
	jtree_put(o, "decided-by", json_integer((int)h->won));
	put(o, "section", explain_section(h));
	put(o, "row", h->row);
	put(o, "why", h->why);
	put(o, "dane", dane_state_name(h->dane));
	jtree_put(o, "half-dane", json_boolean(h->half_dane));
	put(o, "tlsa-base", h->tlsa_base);
	jtree_put(o, "sts-mx-match", json_boolean(h->sts_mx_match));
	put(o, "rule", h->rule);
	put(o, "rule-line", explain_rule_line(x, h->rule));
	put(o, "exception", h->exception);
	put(o, "exception-line", explain_exception_line(x, h->exception));
	jtree_put(o, "plaintext-forbidden",
	    json_boolean(h->plaintext.forbidden));
	jtree_put(o, "plaintext-after-ms", json_integer(h->plaintext.after_ms));
	jtree_put(o, "plaintext-limit", json_integer(h->plaintext.limit));
	jtree_put(o, "waives", list = json_array());
	for (unsigned w = 0; w < WAIVER_COUNT; w++)
		if ((h->in.waives & 1u << w) != 0)
			jtree_append(list,
			    json_string(waiver_name((enum waiver)w)));
	jtree_put(o, "names", list = json_array());
	for (size_t i = 0; i < h->ref_count; i++)
		jtree_append(list, json_string(h->ref[i]));
	jtree_put(o, "tlsa", list = json_array());
	for (size_t i = 0; i < h->tlsa_count; i++) {
		char *text = tlsa_text(NULL, &h->tlsa[i]);

		jtree_append(list, json_string(text));
		talloc_free(text);
	}
	jtree_put(o, "addresses", list = json_array());
	for (size_t i = 0; i < h->addr_count; i++)
		jtree_append(list,
		    json_string(netaddr_text_port(&h->addr[i], addr)));
	return o;
}

static json_t *
trail_json(const struct plan *plan)
{
	json_t *list = need(json_array());

	for (size_t i = 0; i < plan->trail_count; i++) {
		const struct plan_trail *t = &plan->trail[i];
		json_t *o = need(json_object());

		put(o, "what", t->what);
		put(o, "security", dns_security_name(t->security));
		put(o, "outcome", dns_outcome_name(t->outcome));
		jtree_put(o, "ttl", json_integer(t->ttl_s));
		put(o, "text", t->text);
		jtree_append(list, o);
	}
	return list;
}

static json_t *
sts_json(const struct sts_fact *s)
{
	json_t *o = need(json_object());
	char text[CLOCK_TEXT_BYTES];

	put(o, "state", sts_state_name(s->state));
	jtree_put(o, "stale", json_boolean(s->stale));
	put(o, "id", s->id);
	put(o, "fetched",
	    s->fetched.ms == 0 ? "" : wall_rfc3339(s->fetched, text));
	put(o, "expires",
	    s->fetched.ms == 0 ? "" : wall_rfc3339(s->expires, text));
	put(o, "why", s->why);
	return o;
}

static json_t *
memory_json(const struct explain *x, const struct plan_host *h)
{
	json_t *list = need(json_array());
	char addr[NETADDR_TEXT_BYTES];

	for (uint32_t i = 0; i < x->memory.count; i++) {
		const struct wire_memory_entry *e = &x->memory.entry[i];

		if (domain_eq(e->host, h->name))
			jtree_append(list,
			    need(json_pack("{s:s, s:s, s:s, s:s, s:I}",
				"address", netaddr_text_port(&e->addr, addr),
				"begins-with", rung_name(e->rung), "failure",
				failure_name(e->failure), "why", e->why,
				"left-ms", (json_int_t)e->left_ms)));
	}
	return list;
}

static void
put_looks(const struct explain *x, size_t i, json_t *host)
{
	if (x->look == NULL)
		return;
	jtree_put(host, "probe", look_json(&x->look[i].now));
	jtree_put(host, "probe-without-exception",
	    look_json(&x->look[i].without));
}

void
explain_dump(const struct explain *x)
{
	const struct plan *plan = x->plan;
	static const char *const verdicts[] = { "deliver", "defer", "bounce" };
	json_t *o = need(json_object()), *hosts = need(json_array());
	char text[CLOCK_TEXT_BYTES];

	put(o, "domain", plan->domain);
	put(o, "source", x->alone == NULL ? "gateway" : "command");
	put(o, "source-why", x->alone == NULL ? "" : x->alone);
	jtree_put(o, "interference", json_boolean(x->interference));
	jtree_put(o, "configuration-differs",
	    json_boolean(explain_conf_differs(x)));
	put(o, "made", wall_rfc3339(plan->made, text));
	put(o, "class", class_name(plan->mclass));
	put(o, "marks", plan->marks);
	put(o, "marks-assumed", x->marks.assumed);
	jtree_put(o, "resolver-validates", json_boolean(x->validating));
	put(o, "verdict", verdicts[plan->verdict]);
	if (plan->verdict != PLAN_DELIVER) {
		put(o, "status", plan->status);
		put(o, "why", plan->why);
	}
	jtree_put(o, "mx-secure", json_boolean(plan->mx_secure));
	jtree_put(o, "implicit-mx", json_boolean(plan->implicit_mx));
	put(o, "unmet", unmet_name(plan->unmet));
	jtree_put(o, "sts", sts_json(&plan->sts));
	for (size_t i = 0; i < plan->host_count; i++)
		if (explain_is_wanted(x, &plan->host[i])) {
			json_t *host = host_json(x, &plan->host[i]);

			jtree_put(host, "remembered",
			    memory_json(x, &plan->host[i]));
			put_looks(x, i, host);
			jtree_append(hosts, host);
		}
	jtree_put(o, "hosts", hosts);
	jtree_put(o, "lookups", trail_json(plan));
	put(o, "valid-until", wall_rfc3339(plan->valid_until, text));
	cmd_print_json(o, JSON_INDENT(2));
}
