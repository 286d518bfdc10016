/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/evidence_text.h"

#include <inttypes.h>
#include <string.h>

#include "util/jtree.h"
#include "util/sha256.h"

#define NAME_WIDTH  29    /* of the longest field, for people */
#define CLEAN_BYTES 1024u /* ours: of a text as it is shown; cut */

void
evidence_print_heading(FILE *to)
{
	fprintf(to, "%6s  %-20s  %-24s  %-24s  %-9s  %-13s  %s\n", "number",
	    "time", "domain", "host", "required", "reached", "outcome");
}

void
evidence_print_line(FILE *to, uint64_t seq, const struct evidence *e)
{
	char when[CLOCK_TEXT_BYTES];
	char domain[CLEAN_BYTES], host[CLEAN_BYTES];

	span_print_to(span_str(e->domain), domain, sizeof(domain));
	span_print_to(span_str(e->host), host, sizeof(host));
	fprintf(to, "%6" PRIu64 "  %-20s  %-24s  %-24s  %-9s  %-13s  %s\n", seq,
	    wall_rfc3339(e->time, when), domain, *host == '\0' ? "-" : host,
	    e->skip ? "skip" : level_name(e->required),
	    evidence_reached_name(e->reached),
	    evidence_outcome_name(e->outcome));
}

/* The fields as (name, value) pairs of text: one list for both forms. */
struct put {
	json_t *json; /* or NULL: print */
	FILE *to;
};

static void
put_str(const struct put *p, const char *name, const char *value)
{
	char clean[CLEAN_BYTES];

	span_print_to(span_str(value), clean, sizeof(clean));
	if (p->json != NULL)
		jtree_put(p->json, name, json_string(clean));
	else if (*clean != '\0')
		fprintf(p->to, "%-*s %s\n", NAME_WIDTH, name, clean);
}

static void
put_bool(const struct put *p, const char *name, bool value)
{
	if (p->json != NULL)
		jtree_put(p->json, name, json_boolean(value));
	else
		fprintf(p->to, "%-*s %s\n", NAME_WIDTH, name,
		    value ? "yes" : "no");
}

static void
put_int(const struct put *p, const char *name, int64_t value)
{
	if (p->json != NULL)
		jtree_put(p->json, name, json_integer(value));
	else
		fprintf(p->to, "%-*s %" PRId64 "\n", NAME_WIDTH, name, value);
}

static void
put_time(const struct put *p, const char *name, struct wall t)
{
	char text[CLOCK_TEXT_BYTES];

	put_str(p, name, t.ms == 0 ? "" : wall_rfc3339(t, text));
}

static void
put_hex(const struct put *p, const char *name, const uint8_t digest[32])
{
	char hex[65];

	hex_encode(span_of(digest, 32), hex);
	put_str(p, name, hex);
}

static void
put_personal(const struct put *p, const struct evidence *e)
{
	put_str(p, "queue-id", e->queue_id);
	put_str(p, "sender", e->sender);
	if (p->json == NULL) {
		for (size_t i = 0; i < e->rcpt_count; i++)
			put_str(p, "recipient", e->rcpt[i]);
		return;
	}
	json_t *list = need(json_array());
	for (size_t i = 0; i < e->rcpt_count; i++) {
		char clean[CLEAN_BYTES];

		span_print_to(span_str(e->rcpt[i]), clean, sizeof(clean));
		jtree_append(list, json_string(clean));
	}
	jtree_put(p->json, "recipients", list);
}

/* Their names, with blanks between them. */
static void
put_waivers(const struct put *p, const char *name, unsigned set)
{
	char text[160] = "";
	size_t n = 0;

	for (unsigned w = 0; w < WAIVER_COUNT; w++)
		if ((set & 1u << w) != 0)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
			    "%s%s", n == 0 ? "" : " ",
			    waiver_name((enum waiver)w));
	put_str(p, name, text);
}

static void
put_inputs(const struct put *p, const struct evidence *e)
{
	put_str(p, "dane", dane_state_name(e->in.dane));
	put_bool(p, "mx-secure", e->in.mx_secure);
	put_bool(p, "half-dane", e->half_dane);
	put_bool(p, "tlsa-error-only", e->in.error_is_tlsa_only);
	put_str(p, "tlsa-base", e->tlsa_base);
	put_str(p, "sts", sts_state_name(e->in.sts));
	put_bool(p, "sts-stale", e->sts_stale);
	put_bool(p, "sts-mx-match", e->in.sts_mx_match);
	put_str(p, "sts-id", e->sts_id);
	put_time(p, "sts-fetched", e->sts_fetched);
	put_int(p, "sts-age-s",
	    e->sts_fetched.ms == 0 ? 0 :
				     (e->time.ms - e->sts_fetched.ms) / 1000);
	put_str(p, "sts-result-type", sts_result_name(e->sts_result));
	put_bool(p, "knob-dane-and-sts", e->in.dane_and_sts_both);
	put_bool(p, "knob-sts-unknown-defers", e->in.sts_unknown_defers);
	put_str(p, "class", class_name(e->in.mclass));
	put_str(p, "marks", e->marks);
	put_str(p, "override", override_name(e->in.override));
	put_bool(p, "waiver", e->in.waiver);
	put_waivers(p, "waives", e->in.waives);
	put_waivers(p, "waived", decide(&e->in).waived);
	put_str(p, "local-default", level_name(e->in.local));
	put_str(p, "floor", level_name(e->in.floor));
	put_bool(p, "never-plaintext", e->in.never_plaintext);
	put_bool(p, "knob-requiretls-testing", e->in.requiretls_testing);
	put_bool(p, "knob-tls-required-beats-floor", e->in.tls_no_beats_floor);
	put_str(p, "verify-by", verify_by_name(e->in.verify_by));
	put_str(p, "rule", e->rule);
	put_str(p, "exception", e->exception);
	put_str(p, "exception-reason", e->exc_reason);
	put_str(p, "exception-approver", e->exc_approver);
	put_time(p, "exception-expires", e->exc_expires);
	put_str(p, "route", e->route);
	put_bool(p, "alternate", e->alternate);
	put_str(p, "unmet", unmet_name(e->unmet));
	put_hex(p, "configuration", e->conf_digest);
	put_str(p, "dns", e->dns);
}

static void
put_events(const struct put *p, const struct evidence *e)
{
	put_bool(p, "skip", e->skip);
	put_str(p, "required", level_name(e->required));
	put_str(p, "method", method_name(e->method));
	put_bool(p, "also-pkix-sts", e->also_pkix_sts);
	put_str(p, "also-local", method_name(e->also_local));
	put_str(p, "method-rule", e->method_rule);
	put_str(p, "min-tls", min_tls_name(e->min_tls));
	put_str(p, "row", e->row);
	put_str(p, "why", e->why);
	put_str(p, "outcome", evidence_outcome_name(e->outcome));
	put_str(p, "reached", evidence_reached_name(e->reached));
	put_bool(p, "plaintext", evidence_is_plaintext(e));
	put_str(p, "protocol", e->protocol);
	put_str(p, "cipher", e->cipher);
	put_str(p, "group", e->group);
	put_str(p, "sni", e->sni);
	put_str(p, "matched", e->matched);
	put_str(p, "grade", e->grade);
	put_hex(p, "spki-sha256", e->spki_sha256);
	put_str(p, "issuer", e->issuer);
	put_time(p, "not-after", e->not_after);
	put_str(p, "identity", e->identity);
	put_bool(p, "resumed", e->resumed);
	put_bool(p, "reused", e->reused);
	put_str(p, "rung", rung_name(e->rung));
	put_bool(p, "recalled", e->recalled);
	put_bool(p, "clear-retry", e->clear_retry);
	put_bool(p, "chunked", e->chunked);
	put_bool(p, "dsn-passed", e->dsn_passed);
	put_int(p, "reply-code", e->reply_code);
	put_str(p, "reply", e->reply);
	put_str(p, "result-type", e->result_type);
	put_str(p, "failure", failure_name(e->failure));
}

static void
put_all(const struct put *p, uint64_t seq,
    const uint8_t hash[EVIDENCE_HASH_BYTES], const struct evidence *e)
{
	char addr[NETADDR_TEXT_BYTES];

	put_int(p, "number", (int64_t)seq);
	put_hex(p, "hash", hash);
	put_time(p, "time", e->time);
	put_personal(p, e);
	put_str(p, "domain", e->domain);
	put_str(p, "host", e->host);
	put_str(p, "address",
	    e->addr.family == NETADDR_NONE ? "" :
					     netaddr_text_port(&e->addr, addr));
	put_inputs(p, e);
	put_events(p, e);
}

void
evidence_print_whole(FILE *to, uint64_t seq,
    const uint8_t hash[EVIDENCE_HASH_BYTES], const struct evidence *e)
{
	const struct put p = { .to = to };

	put_all(&p, seq, hash, e);
}

json_t *
evidence_json(uint64_t seq, const uint8_t hash[EVIDENCE_HASH_BYTES],
    const struct evidence *e)
{
	const struct put p = { .json = need(json_object()) };

	put_all(&p, seq, hash, e);
	return p.json;
}

/* ---- events ---- */

void
chain_event_print_line(FILE *to, uint64_t seq, const struct chain_event *e)
{
	char when[CLOCK_TEXT_BYTES];
	char subject[CLEAN_BYTES];

	span_print_to(span_str(e->subject), subject, sizeof(subject));
	fprintf(to, "%6" PRIu64 "  %-20s  event %s%s%s\n", seq,
	    wall_rfc3339(e->time, when), chain_event_kind_name(e->kind),
	    *subject == '\0' ? "" : " ", subject);
}

/* Under its name, or "detail-" and its name where a field is called so. */
static void
put_detail(const struct put *p, const struct event_detail *d)
{
	static const char *const fields[] = { "number", "hash", "time", "event",
		"subject", "configuration" };
	char name[CLEAN_BYTES];
	bool taken = false;

	for (size_t i = 0; i < COUNT_OF(fields); i++)
		taken |= strcmp(d->name, fields[i]) == 0;
	snprintf(name, sizeof(name), "%s%s", taken ? "detail-" : "", d->name);
	put_str(p, name, d->value);
}

static void
put_event(const struct put *p, uint64_t seq,
    const uint8_t hash[EVIDENCE_HASH_BYTES], const struct chain_event *e)
{
	put_int(p, "number", (int64_t)seq);
	put_hex(p, "hash", hash);
	put_time(p, "time", e->time);
	put_str(p, "event", chain_event_kind_name(e->kind));
	put_str(p, "subject", e->subject);
	put_hex(p, "configuration", e->conf_digest);
	for (size_t i = 0; i < e->detail_count; i++)
		put_detail(p, &e->detail[i]);
}

void
chain_event_print_whole(FILE *to, uint64_t seq,
    const uint8_t hash[EVIDENCE_HASH_BYTES], const struct chain_event *e)
{
	const struct put p = { .to = to };

	put_event(&p, seq, hash, e);
}

json_t *
chain_event_json(uint64_t seq, const uint8_t hash[EVIDENCE_HASH_BYTES],
    const struct chain_event *e)
{
	const struct put p = { .json = need(json_object()) };

	put_event(&p, seq, hash, e);
	return p.json;
}
