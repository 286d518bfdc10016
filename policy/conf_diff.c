/* SPDX-License-Identifier: BSD-2-Clause */
/* What differs between two configurations, setting by setting. */
#include <string.h>

#include "policy/conf_internal.h"

struct changes {
	TALLOC_CTX *mem;
	const char **text;
	size_t count;
};

static void
add(struct changes *c, char *text)
{
	c->text = need(talloc_realloc(c->mem, c->text, const char *,
	    (unsigned)c->count + 1));
	c->text[c->count++] = text;
}

/* ---- options ---- */

static void
compare_options(struct changes *c, const struct conf *old,
    const struct conf *conf)
{
	TALLOC_CTX *tmp = need(talloc_new(c->mem));

	for (size_t i = 0; i < conf_option_count(); i++) {
		const struct conf_option *o = conf_option_at(i);
		const char *was = conf_option_text(tmp, old, o);
		const char *is = conf_option_text(tmp, conf, o);

		if (strcmp(was, is) != 0)
			add(c, need(talloc_asprintf(c->mem, "%s: %s, was %s",
				   o->path, is, was)));
	}
	talloc_free(tmp);
}

/* ---- lists of texts ---- */

static bool
same_texts(const char *const *a, size_t a_count, const char *const *b,
    size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

static bool
same_bind(const struct conf *a, const struct conf *b)
{
	if (a->smtp_bind_count != b->smtp_bind_count)
		return false;
	for (size_t i = 0; i < a->smtp_bind_count; i++)
		if (!netaddr_eq(&a->smtp_bind[i], &b->smtp_bind[i]))
			return false;
	return true;
}

static void
compare_texts(struct changes *c, const struct conf *old,
    const struct conf *conf)
{
	if (!same_texts(old->resolver_option, old->resolver_option_count,
		conf->resolver_option, conf->resolver_option_count))
		add(c, need(talloc_asprintf(c->mem, "%s: changed",
			   conf_resolver_option.name)));
	if (!same_texts(old->alarms_command, old->alarms_command_count,
		conf->alarms_command, conf->alarms_command_count))
		add(c, need(talloc_asprintf(c->mem, "%s: changed",
			   conf_alarms_command.name)));
	if (!same_texts(old->tlsrpt_receive, old->tlsrpt_receive_count,
		conf->tlsrpt_receive, conf->tlsrpt_receive_count))
		add(c, need(talloc_asprintf(c->mem, "%s: changed",
			   conf_tlsrpt_receive.name)));
	if (!same_bind(old, conf))
		add(c, need(talloc_asprintf(c->mem, "%s: changed",
			   conf_smtp_bind.name)));
}

/* ---- lists of groups ---- */

/*
 * Entries as conf_print() writes them, a line each: what is compared is then
 * what the roles are given.  By list and first key, which names an entry.
 */
struct entries {
	struct strmap *line; /* by "rules \"strict\"" */
	TALLOC_CTX *mem;
};

static bool
is_list_head(struct span line, struct span *name)
{
	struct span rest;

	return span_cut(line, ' ', name, &rest) && span_starts(rest, "= (") &&
	       name->p[0] != '\t';
}

/* Its first text, quotes and all. */
static struct span
label_of(struct span line)
{
	size_t from = span_find(line, '"', 0), to = from + 1;

	while (to < line.n && line.p[to] != '"')
		to += line.p[to] == '\\' ? 2u : 1u;
	return span_sub(line, from, to + 1);
}

static struct entries
entries_of(TALLOC_CTX *mem, const struct conf *conf)
{
	struct entries e = { strmap_new(mem), mem };
	struct span text = span_str(conf_print(mem, conf));
	struct span line, list = SPAN_NONE, head;

	while (span_line(&text, &line)) {
		if (is_list_head(line, &head))
			list = head;
		if (list.n == 0 || !span_starts(line, "\t{ "))
			continue;
		line = span_sub(line, 0, span_find(line, '}', 0));
		head = label_of(line);
		strmap_put(e.line,
		    need(talloc_asprintf(mem, "%.*s %.*s", (int)list.n,
			(const char *)list.p, (int)head.n,
			(const char *)head.p)),
		    span_dup(mem, line));
	}
	return e;
}

struct comparing {
	struct changes *c;
	struct strmap *other;
	bool forward; /* what is there, against what was; else what went */
};

static int
compare_entry(void *arg, const char *key, void *value)
{
	struct comparing *x = arg;
	const char *other = strmap_get(x->other, key);
	const char *what = NULL;

	if (other == NULL)
		what = x->forward ? "added" : "removed";
	else if (x->forward && strcmp(other, value) != 0)
		what = "changed";
	if (what != NULL)
		add(x->c,
		    need(talloc_asprintf(x->c->mem, "%s: %s", key, what)));
	return 0;
}

static void
compare_entries(struct changes *c, const struct conf *old,
    const struct conf *conf)
{
	TALLOC_CTX *tmp = need(talloc_new(c->mem));
	struct entries was = entries_of(tmp, old), is = entries_of(tmp, conf);
	struct comparing forward = { c, was.line, true };
	struct comparing back = { c, is.line, false };

	strmap_each(is.line, compare_entry, &forward);
	strmap_each(was.line, compare_entry, &back);
	talloc_free(tmp);
}

/* ---- the interface ---- */

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **
conf_changes(TALLOC_CTX *mem, const struct conf *old, const struct conf *conf,
    size_t *count)
{
	struct changes c = { .mem = mem };

	compare_options(&c, old, conf);
	compare_texts(&c, old, conf);
	compare_entries(&c, old, conf);
	if (c.count > 0)
		qsort(c.text, c.count, sizeof(*c.text), by_text);
	*count = c.count;
	return c.text;
}
