/* SPDX-License-Identifier: BSD-2-Clause */
/* When mail at MAY goes in clear: what rules say, beside smtp.plaintext. */
#include <string.h>

#include "policy/conf_internal.h"

/* As the options they stand beside. */
#define MOST_AFTER_MS (INT64_C(30) * 86400000)
#define MOST_LIMIT    1000000u

static void
read_after(const struct conf_entry *e, struct conf_rule *out)
{
	const char *text = conf_entry_text(e, "plaintext-after");

	if (text == NULL)
		return;
	if (duration_parse(span_str(text), &out->plaintext_after_ms) != ST_OK ||
	    out->plaintext_after_ms > MOST_AFTER_MS)
		conf_entry_mistake(e, "plaintext-after",
		    "plaintext-after: a time of up to 30 days is expected, "
		    "such as \"4h\"");
}

static void
read_limit(const struct conf_entry *e, struct conf_rule *out)
{
	const char *text = conf_entry_text(e, "plaintext-limit");
	uint64_t n;

	if (text == NULL)
		return;
	if (span_u64(span_str(text), MOST_LIMIT, &n) != ST_OK || n == 0) {
		conf_entry_mistake(e, "plaintext-limit",
		    "plaintext-limit: a number in quotes from 1 to %u is "
		    "expected; for none at all plaintext = \"forbid\"",
		    MOST_LIMIT);
		return;
	}
	if (out->mx_count > 0)
		conf_entry_mistake(e, "plaintext-limit",
		    "plaintext-limit: it is counted by recipient domain, "
		    "before a host is known: leave out mx, or it");
	out->plaintext_limit = (uint32_t)n;
}

void
conf_plaintext_read(const struct conf_entry *e, struct conf_rule *out)
{
	const char *word = conf_entry_text(e, "plaintext");

	out->forbids_plaintext = word != NULL && strcmp(word, "forbid") == 0;
	if (word != NULL && !out->forbids_plaintext)
		conf_entry_mistake(e, "plaintext",
		    "plaintext: \"forbid\" is expected; leave it out to let "
		    "smtp.plaintext decide");
	read_after(e, out);
	read_limit(e, out);
}

bool
conf_plaintext_says(const struct conf_rule *rule)
{
	return rule->forbids_plaintext || rule->plaintext_after_ms > 0 ||
	       rule->plaintext_limit > 0;
}

/* 0 is no limit, the least strict. */
static uint32_t
stricter_limit(uint32_t a, uint32_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static struct conf_plaintext
stricter(struct conf_plaintext a, struct conf_plaintext b)
{
	return (struct conf_plaintext){
		.forbidden = a.forbidden || b.forbidden,
		.after_ms = a.after_ms > b.after_ms ? a.after_ms : b.after_ms,
		.limit = stricter_limit(a.limit, b.limit),
	};
}

struct conf_plaintext
conf_plaintext_for(const struct conf *conf, const struct conf_subject *s)
{
	struct conf_plaintext p = {
		.forbidden = conf->smtp_plaintext == PLAINTEXT_FORBID,
		.after_ms = conf->smtp_plaintext_after_ms,
		.limit = conf->smtp_plaintext_limit,
	};

	for (size_t i = 0; i < conf->rule_count; i++) {
		const struct conf_rule *r = &conf->rule[i];

		if (conf_match(r, s) != CONF_NO_MATCH)
			p = stricter(p,
			    (struct conf_plaintext){ r->forbids_plaintext,
				r->plaintext_after_ms, r->plaintext_limit });
	}
	return p;
}

struct conf_plaintext
conf_plaintext_of_host(const struct conf *conf, const struct conf_host *h)
{
	struct conf_subject s = { h->domain, h->host, h->mclass, h->marks };
	struct conf_plaintext p = conf_plaintext_for(conf, &s);
	uint32_t limit = p.limit; /* counted by recipient domain */

	s.domain = h->destination;
	if (h->route != NULL)
		p = stricter(p, conf_plaintext_for(conf, &s));
	p.limit = limit;
	return p;
}

bool
conf_plaintext_is_limited(const struct conf *conf)
{
	bool limited = conf->smtp_plaintext_limit > 0;

	for (size_t i = 0; i < conf->rule_count; i++)
		limited |= conf->rule[i].plaintext_limit > 0;
	return limited;
}
