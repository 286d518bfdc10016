/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/compliance.h"

#include <inttypes.h>
#include <string.h>

#include "report/compliance_tables.h"
#include "report/lists.h"
#include "util/sha256.h"

/* ---- the self-test ---- */

static const char *
text_of(TALLOC_CTX *mem, const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s == NULL ? NULL : need(talloc_strdup(mem, s));
}

static bool
read_case(TALLOC_CTX *mem, const json_t *o, struct compliance_case *c)
{
	const json_t *passed = json_object_get(o, "passed");

	c->name = text_of(mem, o, "name");
	c->about = text_of(mem, o, "about");
	c->must_be = text_of(mem, o, "must-be");
	c->section = text_of(mem, o, "section");
	c->passed = json_is_true(passed);
	return c->name != NULL && c->about != NULL && c->must_be != NULL &&
	       c->section != NULL && json_is_boolean(passed);
}

enum status
compliance_selftest_read(TALLOC_CTX *mem, const json_t *result,
    struct compliance_selftest *out, struct diag *why)
{
	const json_t *tests = json_object_get(result, "tests");
	const json_t *chain = json_object_get(result, "chain");
	struct compliance_selftest t = { .run = true,
		.time = text_of(mem, result, "time"),
		.version = text_of(mem, result, "version"),
		.configuration = text_of(mem, result, "configuration"),
		.chain = json_is_true(chain),
		.count = json_array_size(tests) };

	if (t.count == 0 || t.time == NULL || t.version == NULL ||
	    t.configuration == NULL || !json_is_boolean(chain))
		return diag_set(why, ST_SYNTAX,
		    "not what tierpost selftest --json writes");
	t.item = need(talloc_zero_array(mem, struct compliance_case,
	    (unsigned)t.count));
	for (size_t i = 0; i < t.count; i++) {
		if (!read_case(mem, json_array_get(tests, i), &t.item[i]))
			return diag_set(why, ST_SYNTAX,
			    "test %zu of it is not as tierpost selftest "
			    "--json writes it",
			    i + 1);
		t.passed_count += t.item[i].passed;
	}
	t.passed = t.chain && t.passed_count == t.count;
	*out = t;
	return ST_OK;
}

/* ---- tables ---- */

uint64_t
compliance_rules(TALLOC_CTX *mem, const struct compliance *c,
    enum table_form form, uint64_t max, struct sbuf *out)
{
	static const struct table_column columns[] = {
		{ "name", "rule", 20, false, false },
		{ "require", "requires", 20, false, false },
		{ "domains", "domains", 0, false, false },
	};
	struct table t;

	table_begin(&t, out, form, columns, COUNT_OF(columns));
	for (size_t i = 0; i < c->conf->rule_count && i < max; i++) {
		const struct conf_rule *r = &c->conf->rule[i];
		char *scope = list_scope(mem, r->domains, r->domain_count);

		table_text(&t, r->name);
		table_text(&t, override_name(r->require));
		table_text(&t, scope);
		talloc_free(scope);
	}
	table_end(&t);
	return c->conf->rule_count > max ? c->conf->rule_count - max : 0;
}

void
compliance_trusts(const struct compliance *c, enum table_form form,
    struct sbuf *out)
{
	static const struct table_column columns[] = {
		{ "for", "for", 20, false, false },
		{ "path", "file", 40, false, false },
		{ "content", "content", 40, false, false },
		{ "sha256", "SHA-256 of the file", 64, false, false },
		{ "error", "error", 0, false, false },
	};
	struct table t;

	table_begin(&t, out, form, columns, COUNT_OF(columns));
	for (size_t i = 0; i < c->trust_count; i++) {
		table_text(&t, c->trust[i].what);
		table_text(&t, c->trust[i].path);
		table_text(&t, c->trust[i].content);
		table_text(&t, c->trust[i].sha256);
		table_text(&t, c->trust[i].error);
	}
	table_end(&t);
}

void
compliance_cases(const struct compliance *c, enum table_form form,
    struct sbuf *out)
{
	static const struct table_column columns[] = {
		{ "name", "case", 24, false, false },
		{ "result", "result", 6, false, false },
		{ "about", "what is wrong with the domain", 48, false, false },
		{ "must-be", "what must become of it", 32, false, false },
		{ "section", "asked for by", 0, false, false },
	};
	struct table t;

	table_begin(&t, out, form, columns, COUNT_OF(columns));
	for (size_t i = 0; i < c->selftest.count; i++) {
		const struct compliance_case *k = &c->selftest.item[i];

		table_text(&t, k->name);
		table_text(&t, k->passed ? "pass" : "FAIL");
		table_text(&t, k->about);
		table_text(&t, k->must_be);
		table_text(&t, k->section);
	}
	table_end(&t);
}

/* ---- for programs ---- */

static void
key(struct sbuf *out, const char *name)
{
	table_json_string(out, name);
	sbuf_str(out, ": ");
}

static void
put_text(struct sbuf *out, const char *name, const char *value)
{
	key(out, name);
	table_json_string(out, value == NULL ? "" : value);
	sbuf_str(out, ",\n");
}

static void
put_count(struct sbuf *out, const char *name, uint64_t n)
{
	key(out, name);
	sbuf_printf(out, "%" PRIu64 ",\n", n);
}

static void
put_flag(struct sbuf *out, const char *name, bool value)
{
	key(out, name);
	sbuf_str(out, value ? "true,\n" : "false,\n");
}

static void
put_time(struct sbuf *out, const char *name, struct wall t)
{
	char text[CLOCK_TEXT_BYTES];

	put_text(out, name, t.ms == 0 ? "" : wall_rfc3339(t, text));
}

static void
put_chain(struct sbuf *out, const struct compliance_chain *h)
{
	char hex[2 * EVIDENCE_HASH_BYTES + 1];

	hex_encode(span_of(h->hash, sizeof(h->hash)), hex);
	sbuf_str(out, "\"chain\": {\n");
	put_flag(out, "verified", h->verified);
	put_text(out, "broken", h->broken);
	put_count(out, "first", h->first_seq);
	put_count(out, "last", h->last_seq);
	put_text(out, "hash", hex);
	put_count(out, "checkpoints", h->checkpoints);
	put_time(out, "checkpoint-time", h->checkpoint_time);
	put_count(out, "checkpoint-number", h->checkpoint_seq);
	put_count(out, "addresses-removed", h->addresses_removed);
	put_time(out, "oldest-address", h->oldest_address);
	key(out, "records");
	sbuf_printf(out, "%" PRIu64 "},\n", h->records);
}

static void
put_points(TALLOC_CTX *mem, const struct compliance *c, const struct regime *r,
    struct sbuf *out)
{
	key(out, r == c->regime ? "points" : r->name);
	sbuf_str(out, "[\n");
	for (size_t i = 0; i < r->points; i++) {
		const struct regime_point *p = &r->point[i];
		struct verdict v = regime_judge(mem, p, c);

		sbuf_str(out, "{");
		put_text(out, "where", p->ref);
		put_text(out, "asks", p->asks);
		put_flag(out, "to-be-confirmed", p->to_confirm);
		put_text(out, "verdict", verdict_name(v.kind));
		key(out, "evidence");
		table_json_string(out, v.text);
		sbuf_str(out, i + 1 == r->points ? "}\n" : "},\n");
	}
	sbuf_str(out, "],\n");
}

static void
put_lists(const struct figures *f, struct sbuf *out)
{
	struct summary_line line[SUMMARY_LINES];

	summary_of(f, line);
	sbuf_str(out, "\"figures\": {\n");
	for (size_t i = 0; i < SUMMARY_LINES; i++) {
		key(out, line[i].name);
		sbuf_printf(out, "%" PRIu64 "%s", line[i].count,
		    i + 1 == SUMMARY_LINES ? "},\n" : ",\n");
	}
	for (size_t i = 0; i < LIST_COUNT; i++) {
		key(out, lists[i].name);
		(void)list_write((enum list_id)i, f, TABLE_JSON, UINT64_MAX,
		    out);
		sbuf_str(out, ",\n");
	}
}

static void
put_selftest(const struct compliance *c, struct sbuf *out)
{
	const struct compliance_selftest *t = &c->selftest;

	if (!t->run) {
		sbuf_str(out, "\"selftest\": null,\n");
		return;
	}
	sbuf_str(out, "\"selftest\": {\n");
	put_text(out, "time", t->time);
	put_text(out, "version", t->version);
	put_text(out, "configuration", t->configuration);
	put_flag(out, "passed", t->passed);
	put_flag(out, "chain", t->chain);
	key(out, "tests");
	compliance_cases(c, TABLE_JSON, out);
	sbuf_str(out, "},\n");
}

void
compliance_json(TALLOC_CTX *mem, const struct compliance *c, struct sbuf *out)
{
	char hex[2 * SHA256_BYTES + 1];

	hex_encode(span_of(c->conf->digest, SHA256_BYTES), hex);
	sbuf_str(out, "{\n");
	put_text(out, "regime", c->regime->name);
	put_text(out, "title", c->regime->title);
	put_text(out, "hostname", c->conf->hostname);
	put_text(out, "period", c->period);
	put_time(out, "since", c->since);
	put_time(out, "until", c->until);
	put_time(out, "made", c->now);
	put_text(out, "version", c->version);
	put_text(out, "configuration", hex);
	put_count(out, "first", c->f->first_seq);
	put_count(out, "last", c->f->last_seq);
	put_flag(out, "damaged", c->damaged);
	put_chain(out, &c->chain);
	put_points(mem, c, c->regime, out);
	put_points(mem, c, &regime_common, out);
	put_lists(c->f, out);
	put_selftest(c, out);
	key(out, "rules");
	(void)compliance_rules(mem, c, TABLE_JSON, UINT64_MAX, out);
	sbuf_str(out, ",\n");
	key(out, "trust");
	compliance_trusts(c, TABLE_JSON, out);
	sbuf_str(out, "\n}\n");
}
