/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/conf.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "policy/conf_folder.h"
#include "policy/conf_internal.h"
#include "util/sha256.h"

/* ---- mistakes ---- */

void
conf_mistake(struct conf_reader *r, unsigned line, const char *fmt, ...)
{
	va_list ap;

	if (r->found_count < CONF_MAX_MISTAKES) {
		struct conf_found *f = &r->found[r->found_count];

		f->source = r->source;
		f->source_number = r->source_number;
		f->line = line;
		f->number = r->found_count;
		va_start(ap, fmt);
		f->text = need(talloc_vasprintf(r->mem, fmt, ap));
		va_end(ap);
	}
	r->found_count++;
}

static int
compare_found(const void *a, const void *b)
{
	const struct conf_found *x = a, *y = b;

	if (x->source_number != y->source_number)
		return x->source_number < y->source_number ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static void
tell_mistakes(struct conf_reader *r, struct conf_mistakes *out)
{
	size_t n = r->found_count < CONF_MAX_MISTAKES ? r->found_count :
							CONF_MAX_MISTAKES;

	out->count = r->found_count;
	out->text = NULL;
	if (n == 0)
		return;
	qsort(r->found, n, sizeof(*r->found), compare_found);
	out->text = need(talloc_array(out->mem, const char *, (unsigned)n));
	for (size_t i = 0; i < n; i++)
		out->text[i] = need(talloc_asprintf(out->mem, "%s: %s",
		    conf_source_where(r->found[i].source, r->found[i].line),
		    r->found[i].text));
}

/* ---- the tree ---- */

static void
unknown_setting(struct conf_reader *r, unsigned line, const char *path)
{
	size_t n = 0;
	const char **known = need(talloc_array(r->mem, const char *,
	    (unsigned)(conf_option_count() + CONF_LIST_COUNT +
		       CONF_TEXTS_COUNT)));

	for (size_t i = 0; i < conf_option_count(); i++)
		known[n++] = conf_option_at(i)->path;
	for (size_t i = 0; i < CONF_LIST_COUNT; i++)
		known[n++] = conf_lists[i].path;
	known[n++] = conf_resolver_option.name;
	known[n++] = conf_smtp_bind.name;
	known[n++] = conf_own_domains.name;
	known[n++] = conf_tlsrpt_receive.name;
	conf_unknown(r, line, path, known, n);
	talloc_free(known);
}

static void
read_member(struct conf_reader *r, const char *path, config_setting_t *s)
{
	if (strcmp(path, conf_resolver_option.name) == 0)
		conf_resolver_option_read(r, s);
	else if (strcmp(path, conf_smtp_bind.name) == 0)
		conf_smtp_bind_read(r, s);
	else if (strcmp(path, conf_own_domains.name) == 0)
		conf_own_domains_read(r, s);
	else if (strcmp(path, conf_tlsrpt_receive.name) == 0)
		conf_tlsrpt_receive_read(r, s);
	else if (!conf_option_read(r, path, s))
		unknown_setting(r, conf_line(s), path);
}

static void
read_group(struct conf_reader *r, config_setting_t *group)
{
	const char *name = config_setting_name(group);

	if (!config_setting_is_group(group)) {
		conf_mistake(r, conf_line(group),
		    "%s: a group is expected: %s = { ... };", name, name);
		return;
	}
	for (int i = 0; i < config_setting_length(group); i++) {
		config_setting_t *s = config_setting_get_elem(group,
		    (unsigned)i);
		char *path = need(talloc_asprintf(r->mem, "%s.%s", name,
		    config_setting_name(s)));

		read_member(r, path, s);
	}
}

static void
read_options(struct conf_reader *r, config_setting_t *root)
{
	for (int i = 0; i < config_setting_length(root); i++) {
		config_setting_t *s = config_setting_get_elem(root,
		    (unsigned)i);
		const char *name = config_setting_name(s);

		if (conf_is_list(name))
			continue;
		if (conf_option_group(name))
			read_group(r, s);
		else
			read_member(r, name, s);
	}
}

/*
 * After the options, for a listener's tls depends on them; and in the order
 * of the table, for an exception is judged by the rules.
 */
static void
read_lists(struct conf_reader *r, config_setting_t *root)
{
	for (size_t i = 0; i < CONF_LIST_COUNT; i++) {
		config_setting_t *s = config_setting_get_member(root,
		    conf_lists[i].path);

		if (s != NULL)
			conf_list_read(r, s);
		else if (i == CONF_LISTEN)
			conf_mistake(r, 0,
			    "listen is missing: say where mail is taken in, "
			    "such as listen = ( { address = "
			    "\"127.0.0.1:2525\"; allow = [\"127.0.0.0/8\"]; "
			    "} );");
	}
	conf_list_check_unmet(r, root);
}

/* libconfig's words for its first error, with what to do about it. */
static const char *
syntax_text(const config_t *config)
{
	static const struct {
		const char *said, *text;
	} texts[] = {
		{ "syntax error", "syntax error, here or just before: look "
				  "for a missing ; or , or quote or bracket" },
		{ "duplicate setting name", "this is set a second time: leave "
					    "one of them, or put a group's "
					    "settings together" },
		{ "mismatched element type in array",
		    "values of different kinds between [ and ]" },
	};
	const char *said = config_error_text(config);

	for (size_t i = 0; i < COUNT_OF(texts); i++)
		if (strcmp(said, texts[i].said) == 0)
			return texts[i].text;
	return said;
}

void
conf_syntax_mistake(struct conf_reader *r, const config_t *config)
{
	conf_mistake(r, (unsigned)config_error_line(config), "%s",
	    syntax_text(config));
}

static void
parse(struct conf_reader *r, const char *path)
{
	config_t config;

	config_init(&config);
	if (config_read_string(&config, conf_source_get(r->source)) ==
	    CONFIG_TRUE) {
		read_options(r, config_root_setting(&config));
		conf_profile_apply(r);
		conf_check(r);
		if (path != NULL)
			conf_folder_settle(r, path);
		read_lists(r, config_root_setting(&config));
		if (path != NULL)
			conf_folder_read(r);
	} else if (r->found_count == 0) {
		/* Else what the source found is the cause, better told. */
		conf_syntax_mistake(r, &config);
	}
	config_destroy(&config);
}

/* ---- reading ---- */

static struct conf_reader *
reader_new(TALLOC_CTX *mem, struct wall now)
{
	struct conf_reader *r = need(talloc_zero(mem, struct conf_reader));

	r->mem = r;
	r->now = now;
	r->conf = need(talloc_zero(r, struct conf));
	r->option_line = need(talloc_zero_array(r, unsigned,
	    (unsigned)conf_option_count()));
	r->found = need(talloc_array(r, struct conf_found, CONF_MAX_MISTAKES));
	r->scopes = strmap_new(r->mem);
	r->exceptions = strmap_new(r->mem);
	conf_options_default(r->conf);
	return r;
}

/* A text over the limit could not be read back by the roles. */
static void
set_digest(struct conf_reader *r)
{
	const char *text = conf_print_within(r->mem, r->conf, CONF_MAX_BYTES);

	if (text == NULL)
		conf_mistake(r, 0,
		    "too large, written out in full: more than "
		    "%u bytes",
		    CONF_MAX_BYTES);
	else
		sha256(span_str(text), r->conf->digest);
}

static struct conf *
finish(TALLOC_CTX *mem, struct conf_reader *r, struct conf_mistakes *mistakes)
{
	struct conf *conf = NULL;

	if (r->found_count == 0)
		set_digest(r);
	tell_mistakes(r, mistakes);
	if (r->found_count == 0) {
		conf_warn_all(r);
		conf = talloc_steal(mem, r->conf);
	}
	talloc_free(r);
	return conf;
}

static struct conf *
read_file(TALLOC_CTX *mem, const char *path, struct conf_reader *r,
    struct conf_mistakes *mistakes)
{
	r->life_is_limited = true;
	if (conf_source_file(r, path))
		parse(r, path);
	return finish(mem, r, mistakes);
}

struct conf *
conf_read_file(TALLOC_CTX *mem, const char *path, struct wall now,
    bool expired_is_mistake, struct conf_mistakes *mistakes)
{
	struct conf_reader *r = reader_new(mem, now);

	r->expired_is_mistake = expired_is_mistake;
	return read_file(mem, path, r, mistakes);
}

struct conf *
conf_read_with(TALLOC_CTX *mem, const char *path, struct wall now,
    const struct conf_draft *draft, struct conf_mistakes *mistakes)
{
	struct conf_reader *r = reader_new(mem, now);

	r->draft = draft;
	return read_file(mem, path, r, mistakes);
}

struct conf *
conf_read_text(TALLOC_CTX *mem, const char *name, const char *text,
    struct wall now, bool expired_is_mistake, struct conf_mistakes *mistakes)
{
	struct conf_reader *r = reader_new(mem, now);

	r->expired_is_mistake = expired_is_mistake;
	r->life_is_limited = expired_is_mistake;
	if (conf_source_text(r, name, text))
		parse(r, NULL);
	return finish(mem, r, mistakes);
}
