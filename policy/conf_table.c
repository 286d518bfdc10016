/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of options for people: plain, and as mdoc for the man page. */
#include <string.h>

#include "policy/conf_internal.h"

#define INDENT 4
#define WIDTH  76 /* plain text, without its indent */

/* ---- plain ---- */

/* Words of doc, filled into lines. */
static void
print_filled(FILE *out, int indent, const char *doc)
{
	struct span rest = span_str(doc), word = rest;
	size_t room = 0;

	for (bool more = true; more;) {
		more = span_cut(rest, ' ', &word, &rest);
		if (!more)
			word = rest;
		if (room <= word.n) {
			fprintf(out, "\n%*s", indent, "");
			room = WIDTH - (size_t)indent;
		} else {
			fputc(' ', out);
			room--;
		}
		fwrite(word.p, 1, word.n, out);
		room -= word.n < room ? word.n : room;
	}
	fputc('\n', out);
}

/* "a|b|c" as "a, b or c". */
static void
print_words(FILE *out, const char *words)
{
	struct span word = SPAN_NONE, rest = span_str(words);

	while (span_cut(rest, '|', &word, &rest))
		fprintf(out, "%.*s%s", (int)word.n, (const char *)word.p,
		    span_has(rest, '|') ? ", " : " or ");
	fprintf(out, "%.*s", (int)rest.n, (const char *)rest.p);
}

/* What kind of value, and its bounds. */
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
		fprintf(out, "number from %s to %s", o->min, o->max);
		return;
	case CONF_SIZE:
		fprintf(out, "size from %s to %s", o->min, o->max);
		return;
	case CONF_TIME:
		fprintf(out, "time from %s to %s", o->min, o->max);
		return;
	case CONF_CHOICE:
		print_words(out, o->words);
		return;
	}
}

/* What profiles give it. */
static void
print_profiles(FILE *out, const struct conf_option *o, const char *before,
    const char *between)
{
	struct span name = SPAN_NONE, rest = span_str(conf_profile_words());

	for (unsigned i = 0; i < CONF_PROFILE_COUNT; i++) {
		const char *value = conf_profile_value((enum conf_profile)i,
		    o->path);

		if (!span_cut(rest, '|', &name, &rest))
			name = rest;
		if (value == NULL)
			continue;
		fputs(before, out);
		fwrite(name.p, 1, name.n, out);
		fprintf(out, "%s%s", between, value);
	}
}

static void
print_option(FILE *out, const struct conf_option *o)
{
	fprintf(out, "%s\n%*s", o->path, INDENT, "");
	print_kind(out, o);
	if (*o->def != '\0')
		fprintf(out, "; default %s", o->def);
	print_profiles(out, o, "; with profile ", ": ");
	fprintf(out, "; applied %s", o->now ? "by SIGHUP" : "at start");
	print_filled(out, INDENT, o->doc);
}

static void
print_list(FILE *out, const struct conf_list *l)
{
	fprintf(out, "%s\n%*slist; of each %s:", l->path, INDENT, "", l->one);
	print_filled(out, INDENT, l->doc);
	for (size_t i = 0; i < l->field_count; i++) {
		const struct conf_field *f = &l->field[i];

		fprintf(out, "%*s%s%s%s", INDENT, "", f->name,
		    f->is_list ? ", a list" : "",
		    f->needed ? ", must be set" : "");
		print_filled(out, 2 * INDENT, f->doc);
	}
}

static void
print_plain(FILE *out)
{
	for (size_t i = 0; i < conf_option_count(); i++)
		print_option(out, conf_option_at(i));
	fprintf(out, "%s\n%*slist of texts; applied at start",
	    conf_resolver_option.name, INDENT, "");
	print_filled(out, INDENT, conf_resolver_option.doc);
	fprintf(out, "%s\n%*slist of texts; applied by SIGHUP",
	    conf_smtp_bind.name, INDENT, "");
	print_filled(out, INDENT, conf_smtp_bind.doc);
	fprintf(out, "%s\n%*slist of texts; applied by SIGHUP",
	    conf_own_domains.name, INDENT, "");
	print_filled(out, INDENT, conf_own_domains.doc);
	fprintf(out, "%s\n%*slist of texts; applied by SIGHUP",
	    conf_tlsrpt_receive.name, INDENT, "");
	print_filled(out, INDENT, conf_tlsrpt_receive.doc);
	for (size_t i = 0; i < CONF_LIST_COUNT; i++)
		print_list(out, &conf_lists[i]);
}

/* ---- mdoc ---- */

/* mdoc(7) wants each sentence on a line of its own. */
static void
man_doc(FILE *out, const char *doc)
{
	for (const char *c = doc; *c != '\0'; c++)
		fputc(c[0] == ' ' && c > doc && c[-1] == '.' ? '\n' : *c, out);
	fputc('\n', out);
}

/* The page is the same wherever the program is installed. */
static void
man_default(FILE *out, const char *def)
{
	struct span d = span_str(def);

	if (span_starts(d, LOCALSTATEDIR "/"))
		fprintf(out, "/var%s", def + strlen(LOCALSTATEDIR));
	else
		fputs(def, out);
}

static void
man_option(FILE *out, const struct conf_option *o)
{
	fprintf(out, ".It Cm %s\n", o->path);
	man_doc(out, o->doc);
	fputs(".br\nValue: ", out);
	print_kind(out, o);
	if (*o->def != '\0') {
		fputs("; default\n.Ql ", out);
		man_default(out, o->def);
	}
	print_profiles(out, o, " ;\nwith profile\n.Ql ", " :\n.Ql ");
	fprintf(out, "%s\napplied %s\n", *o->def == '\0' ? ";" : " ;",
	    o->now ? "by\n.Dv SIGHUP ." : "at the next start.");
}

static void
man_list(FILE *out, const struct conf_list *l)
{
	fprintf(out, ".It Cm %s\n", l->path);
	man_doc(out, l->doc);
	fputs(".Bl -tag -width Ds\n", out);
	for (size_t i = 0; i < l->field_count; i++) {
		const struct conf_field *f = &l->field[i];

		fprintf(out, ".It Cm %s%s%s\n", f->name,
		    f->is_list ? " No (list)" : "",
		    f->needed ? " No (must be set)" : "");
		man_doc(out, f->doc);
	}
	fputs(".El\n", out);
}

static void
print_man(FILE *out)
{
	fputs(".Bl -tag -width Ds\n", out);
	for (size_t i = 0; i < conf_option_count(); i++)
		man_option(out, conf_option_at(i));
	fprintf(out, ".It Cm %s\n", conf_resolver_option.name);
	man_doc(out, conf_resolver_option.doc);
	fputs(".br\nValue: list of texts; applied at the next start.\n", out);
	fprintf(out, ".It Cm %s\n", conf_smtp_bind.name);
	man_doc(out, conf_smtp_bind.doc);
	fputs(".br\nValue: list of texts; applied by SIGHUP.\n", out);
	fprintf(out, ".It Cm %s\n", conf_own_domains.name);
	man_doc(out, conf_own_domains.doc);
	fputs(".br\nValue: list of texts; applied by SIGHUP.\n", out);
	fprintf(out, ".It Cm %s\n", conf_tlsrpt_receive.name);
	man_doc(out, conf_tlsrpt_receive.doc);
	fputs(".br\nValue: list of texts; applied by SIGHUP.\n", out);
	for (size_t i = 0; i < CONF_LIST_COUNT; i++)
		man_list(out, &conf_lists[i]);
	fputs(".El\n", out);
}

void
conf_print_options(FILE *out, bool man)
{
	if (man)
		print_man(out);
	else
		print_plain(out);
}
