/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration and its table of options as text. */
#include <inttypes.h>
#include <string.h>

#include "policy/conf_internal.h"

/* ---- the effective configuration ---- */

/* Options of one group stand together in the table. */
static void
print_options(struct sbuf *b, TALLOC_CTX *tmp, const struct conf *conf)
{
	const char *open = "";

	for (size_t i = 0; i < conf_option_count(); i++) {
		const struct conf_option *o = conf_option_at(i);
		struct span group = SPAN_NONE, name = span_str(o->path);

		(void)span_cut(span_str(o->path), '.', &group, &name);
		if (!span_eq(group, open)) {
			if (*open != '\0')
				sbuf_str(b, "};\n");
			open = span_dup(tmp, group);
			if (group.n > 0)
				sbuf_printf(b, "%s = {\n", open);
		}
		sbuf_printf(b, "%s%.*s = %s;\n", group.n > 0 ? "\t" : "",
		    (int)name.n, (const char *)name.p,
		    conf_option_text(tmp, conf, o));
		/* The one list inside a group goes with the group's first. */
		if (strcmp(o->path, "resolver.trust-anchor") == 0) {
			sbuf_str(b, "\toption = (");
			for (size_t k = 0; k < conf->resolver_option_count;
			     k++)
				sbuf_printf(b, "%s%s", k == 0 ? " " : ", ",
				    conf_escape(tmp,
					conf->resolver_option[k]));
			sbuf_str(b, " );\n");
		}
	}
	if (*open != '\0')
		sbuf_str(b, "};\n");
}

static void
print_texts(struct sbuf *b, TALLOC_CTX *tmp, const char *key,
    const char *const *text, size_t count)
{
	if (count == 0)
		return;
	sbuf_printf(b, " %s = (", key);
	for (size_t i = 0; i < count; i++)
		sbuf_printf(b, "%s%s", i == 0 ? "" : ", ",
		    conf_escape(tmp, text[i]));
	sbuf_str(b, ");");
}

static void
print_text(struct sbuf *b, TALLOC_CTX *tmp, const char *key, const char *text)
{
	if (*text != '\0')
		sbuf_printf(b, " %s = %s;", key, conf_escape(tmp, text));
}

static void
print_listen(struct sbuf *b, const struct conf *conf)
{
	char text[NETADDR_TEXT_BYTES];

	sbuf_str(b, "listen = (");
	for (size_t i = 0; i < conf->listen_count; i++) {
		const struct conf_listen *l = &conf->listen[i];

		sbuf_printf(b, "%s\n\t{ address = \"%s\"; role = \"relay\"; "
			       "tls = \"%s\"; allow = (", i == 0 ? "" : ",",
		    netaddr_text_port(&l->addr, text),
		    conf_listen_tls_word(l->tls));
		for (size_t k = 0; k < l->allow_count; k++)
			sbuf_printf(b, "%s\"%s/%u\"", k == 0 ? "" : ", ",
			    netaddr_text(&l->allow[k].addr, text),
			    l->allow[k].bits);
		sbuf_str(b, "); }");
	}
	sbuf_str(b, " );\n");
}

static void
print_rules(struct sbuf *b, TALLOC_CTX *tmp, const struct conf *conf)
{
	sbuf_str(b, "rules = (");
	for (size_t i = 0; i < conf->rule_count; i++) {
		const struct conf_rule *r = &conf->rule[i];

		sbuf_printf(b, "%s\n\t{", i == 0 ? "" : ",");
		print_text(b, tmp, "name", r->name);
		print_texts(b, tmp, "domains", r->domains, r->domain_count);
		print_text(b, tmp, "require", conf_require_word(r->require));
		print_texts(b, tmp, "names", r->names, r->name_count);
		sbuf_str(b, " }");
	}
	sbuf_str(b, " );\n");
}

static void
print_exceptions(struct sbuf *b, TALLOC_CTX *tmp, const struct conf *conf)
{
	char text[CLOCK_TEXT_BYTES];

	sbuf_str(b, "exceptions = (");
	for (size_t i = 0; i < conf->exception_count; i++) {
		const struct conf_exception *e = &conf->exception[i];

		sbuf_printf(b, "%s\n\t{", i == 0 ? "" : ",");
		print_text(b, tmp, "name", e->name);
		print_texts(b, tmp, "domains", e->domains, e->domain_count);
		print_texts(b, tmp, "mx", e->mx, e->mx_count);
		print_text(b, tmp, "allow", level_name(e->allow));
		print_text(b, tmp, "reason", e->reason);
		print_text(b, tmp, "approver", e->approver);
		print_text(b, tmp, "ticket", e->ticket);
		print_text(b, tmp, "expires", wall_rfc3339(e->expires, text));
		sbuf_str(b, " }");
	}
	sbuf_str(b, " );\n");
}

char *
conf_print(TALLOC_CTX *mem, const struct conf *conf)
{
	TALLOC_CTX *tmp = need(talloc_new(mem));
	struct sbuf b;
	char *text;

	sbuf_init(&b, tmp, CONF_MAX_BYTES);
	print_options(&b, tmp, conf);
	print_listen(&b, conf);
	print_rules(&b, tmp, conf);
	print_exceptions(&b, tmp, conf);
	invariant(!sbuf_failed(&b));
	text = need(talloc_strdup(mem, sbuf_cstr(&b)));
	talloc_free(tmp);
	return text;
}

/* ---- the table of options ---- */

/* What kind of value, with its bounds or words. */
static void
print_kind(FILE *out, const struct conf_option *o)
{
	switch (o->kind) {
	case CONF_STRING:
		fputs("text", out);
		return;
	case CONF_PATH:
		fputs("file name", out);
		return;
	case CONF_FLAG:
		fputs("true or false", out);
		return;
	case CONF_COUNT:
		fprintf(out, "number, %s to %s", o->min, o->max);
		return;
	case CONF_SIZE:
		fprintf(out, "size, %s to %s", o->min, o->max);
		return;
	case CONF_TIME:
		fprintf(out, "time, %s to %s", o->min, o->max);
		return;
	case CONF_CHOICE:
		for (const char *c = o->words; *c != '\0'; c++)
			if (*c == '|')
				fputs(" or ", out);
			else
				fputc(*c, out);
		return;
	}
}

static void
print_option(FILE *out, const struct conf_option *o)
{
	fprintf(out, "%s\n    ", o->path);
	print_kind(out, o);
	fprintf(out, "; default %s; %s\n    %s\n",
	    *o->def == '\0' ? "\"\"" : o->def,
	    o->now ? "SIGHUP applies it" : "needs a restart", o->doc);
}

/* A sentence a line, as mdoc wants it. */
static void
print_sentences(FILE *out, const char *doc)
{
	for (const char *c = doc; *c != '\0'; c++)
		fputc(c[0] == ' ' && c != doc && c[-1] == '.' ? '\n' : *c,
		    out);
}

static void
print_mdoc(FILE *out, const struct conf_option *o)
{
	fprintf(out, ".It Cm %s\n", o->path);
	print_sentences(out, o->doc);
	fputs("\n.br\n(", out);
	print_kind(out, o);
	fprintf(out, "; default\n.Dq %s ;\n%s)\n", o->def,
	    o->now ? "applied by\n.Dv SIGHUP" : "applied at start");
}

static void
print_list(FILE *out, const struct conf_list *l, bool man)
{
	if (man) {
		fprintf(out, ".It Cm %s\n", l->path);
		print_sentences(out, l->doc);
		fprintf(out, "\nKeys of each %s:\n.Bl -tag -width Ds\n",
		    l->one);
	} else
		fprintf(out, "%s\n    %s\n    Keys of each %s:\n", l->path,
		    l->doc, l->one);
	for (size_t i = 0; i < l->field_count; i++) {
		const struct conf_field *f = &l->field[i];

		if (man) {
			fprintf(out, ".It Cm %s%s\n", f->name,
			    f->needed ? " Pq needed" : "");
			print_sentences(out, f->doc);
			fputc('\n', out);
		} else
			fprintf(out, "      %s%s: %s\n", f->name,
			    f->needed ? " (needed)" : "", f->doc);
	}
	if (man)
		fputs(".El\n", out);
}

void
conf_print_options(FILE *out, bool man)
{
	if (man)
		fputs(".Bl -tag -width Ds\n", out);
	for (size_t i = 0; i < conf_option_count(); i++)
		if (man)
			print_mdoc(out, conf_option_at(i));
		else
			print_option(out, conf_option_at(i));
	if (man) {
		fprintf(out, ".It Cm %s\n", conf_resolver_option.name);
		print_sentences(out, conf_resolver_option.doc);
		fputc('\n', out);
	} else
		fprintf(out, "%s\n    %s\n", conf_resolver_option.name,
		    conf_resolver_option.doc);
	for (size_t i = 0; i < CONF_LIST_COUNT; i++)
		print_list(out, &conf_lists[i], man);
	if (man)
		fputs(".El\n", out);
}

/* ---- reload ---- */

void
conf_reload_notes(const struct conf *old, const struct conf *conf,
    struct conf_mistakes *notes)
{
	TALLOC_CTX *tmp = need(talloc_new(notes->mem));

	notes->count = 0;
	notes->text = need(talloc_zero_array(notes->mem, const char *,
	    (unsigned)conf_option_count() + 1));
	for (size_t i = 0; i < conf_option_count(); i++) {
		const struct conf_option *o = conf_option_at(i);

		if (!o->now && strcmp(conf_option_text(tmp, old, o),
				   conf_option_text(tmp, conf, o)) != 0)
			notes->text[notes->count++] = need(talloc_asprintf(
			    notes->mem, "%s: applied at the next start",
			    o->path));
	}
	talloc_free(tmp);
}
