/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/domain_text.h"

/* "1 error, 2 notes", those there are. */
static void
add_counts(struct sbuf *b, const struct domain_findings *f)
{
	const char *before = "";

	for (unsigned s = 0; s < DOMAIN_SEVERITY_COUNT; s++) {
		uint32_t n = f->counts[s];
		bool plural = n != 1 && s != DOMAIN_UNKNOWN;

		if (n == 0)
			continue;
		sbuf_printf(b, "%s%u %s%s", before, n,
		    domain_severity_name((enum domain_severity)s),
		    plural ? "s" : "");
		before = ", ";
	}
	sbuf_str(b, *before == '\0' ? "nothing found\n" : "\n");
}

static void
add_finding(struct sbuf *b, const struct domain_finding *one)
{
	const struct domain_kind_text *t = domain_kind_text(one->kind);

	sbuf_printf(b, "\n  %-8s %s: %s\n", domain_severity_name(t->severity),
	    one->object, t->name);
	sbuf_printf(b, "           %s (%s)\n", t->what, t->section);
	if (*one->detail != '\0')
		sbuf_printf(b, "    seen   %s\n", one->detail);
	sbuf_printf(b, "    to do  %s\n", t->todo);
}

void
domain_text(struct sbuf *b, const char *domain, const struct domain_findings *f)
{
	sbuf_printf(b, "%s: ", domain);
	add_counts(b, f);
	for (uint32_t i = 0; i < f->count; i++)
		add_finding(b, &f->at[i]);
}

static json_t *
finding_json(const struct domain_finding *one)
{
	const struct domain_kind_text *t = domain_kind_text(one->kind);

	return need(json_pack("{ss ss ss ss ss ss ss}", "finding", t->name,
	    "severity", domain_severity_name(t->severity), "object",
	    one->object, "what", t->what, "seen", one->detail, "to-do", t->todo,
	    "section", t->section));
}

json_t *
domain_json(const char *domain, bool connected, const struct domain_findings *f)
{
	json_t *list = need(json_array());

	for (uint32_t i = 0; i < f->count; i++)
		json_array_append_new(list, finding_json(&f->at[i]));
	return need(json_pack("{ss sb so}", "domain", domain, "connected",
	    connected, "findings", list));
}
