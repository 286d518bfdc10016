/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of scalar options: its rows, how they are read and printed. */
#include <inttypes.h>
#include <string.h>

#include "policy/conf_internal.h"
#include "util/domain.h"

enum reload { RELOAD_START, RELOAD_NOW };

#define IS_NOW(reload) (RELOAD_##reload == RELOAD_NOW)
#define ROW(path, field, kind, def, min, max, words, reload, doc)              \
	{ path, kind, IS_NOW(reload), offsetof(struct conf, field), def, min,  \
		max, words, doc },
#define OPT_STRING(path, field, def, min, max, reload, doc)                    \
	ROW(path, field, CONF_STRING, def, #min, #max, "", reload, doc)
#define OPT_PATH(path, field, def, min, max, reload, doc)                      \
	ROW(path, field, CONF_PATH, def, #min, #max, "", reload, doc)
#define OPT_FLAG(path, field, def, reload, doc)                                \
	ROW(path, field, CONF_FLAG, #def, "", "", "", reload, doc)
#define OPT_COUNT(path, field, def, min, max, reload, doc)                     \
	ROW(path, field, CONF_COUNT, #def, #min, #max, "", reload, doc)
#define OPT_SIZE(path, field, def, min, max, reload, doc)                      \
	ROW(path, field, CONF_SIZE, def, min, max, "", reload, doc)
#define OPT_TIME(path, field, def, min, max, reload, doc)                      \
	ROW(path, field, CONF_TIME, def, min, max, "", reload, doc)
#define OPT_CHOICE(path, field, def, words, tag, reload, doc)                  \
	ROW(path, field, CONF_CHOICE, def, "", "", words, reload, doc)

static const struct conf_option options[] = {
#include "policy/options.def"
};

#undef OPT_STRING
#undef OPT_PATH
#undef OPT_FLAG
#undef OPT_COUNT
#undef OPT_SIZE
#undef OPT_TIME
#undef OPT_CHOICE

/* Fields of enum type are written as unsigned; counts stay below the cap
 * that conf_source puts on larger numbers. */
#define OPT_STRING(path, field, def, min, max, reload, doc)
#define OPT_PATH(path, field, def, min, max, reload, doc)
#define OPT_FLAG(path, field, def, reload, doc)
#define OPT_COUNT(path, field, def, min, max, reload, doc)                     \
	_Static_assert((max) < CONF_COUNT_MAX, path);
#define OPT_SIZE(path, field, def, min, max, reload, doc)
#define OPT_TIME(path, field, def, min, max, reload, doc)
#define OPT_CHOICE(path, field, def, words, tag, reload, doc)                  \
	_Static_assert(sizeof(((struct conf *)0)->field) == sizeof(unsigned),  \
	    path);
#include "policy/options.def"
#undef OPT_STRING
#undef OPT_PATH
#undef OPT_FLAG
#undef OPT_COUNT
#undef OPT_SIZE
#undef OPT_TIME
#undef OPT_CHOICE

static const struct unit {
	uint8_t letter;
	unsigned shift;
} units[] = { { 'G', 30 }, { 'M', 20 }, { 'K', 10 } };

size_t
conf_option_count(void)
{
	return COUNT_OF(options);
}

const struct conf_option *
conf_option_at(size_t i)
{
	return &options[i];
}

const struct conf_option *
conf_option_find(const char *path)
{
	for (size_t i = 0; i < COUNT_OF(options); i++)
		if (strcmp(options[i].path, path) == 0)
			return &options[i];
	return NULL;
}

bool
conf_option_group(const char *group)
{
	struct span before, after;

	for (size_t i = 0; i < COUNT_OF(options); i++)
		if (span_cut(span_str(options[i].path), '.', &before, &after) &&
		    span_eq(before, group))
			return true;
	return false;
}

unsigned
conf_option_line(const struct conf_reader *r, const char *path)
{
	const struct conf_option *o = conf_option_find(path);

	invariant(o != NULL);
	return r->option_line[o - options];
}

/* ---- fields ---- */

static void
put(struct conf *conf, const struct conf_option *o, const void *p, size_t n)
{
	memcpy((char *)conf + o->offset, p, n);
}

static void
get(const struct conf *conf, const struct conf_option *o, void *p, size_t n)
{
	memcpy(p, (const char *)conf + o->offset, n);
}

static void
put_number(struct conf *conf, const struct conf_option *o, uint64_t v)
{
	const uint32_t count = (uint32_t)v;
	const unsigned word = (unsigned)v;
	const int64_t ms = (int64_t)v;
	const bool flag = v != 0;

	switch (o->kind) {
	case CONF_FLAG:
		put(conf, o, &flag, sizeof(flag));
		return;
	case CONF_COUNT:
		put(conf, o, &count, sizeof(count));
		return;
	case CONF_SIZE:
		put(conf, o, &v, sizeof(v));
		return;
	case CONF_TIME:
		put(conf, o, &ms, sizeof(ms));
		return;
	case CONF_CHOICE:
		put(conf, o, &word, sizeof(word));
		return;
	case CONF_STRING:
	case CONF_PATH:
		break;
	}
	panic("%s is no number", o->path);
}

static void
put_string(struct conf *conf, const struct conf_option *o, const char *s)
{
	const char *copy = need(talloc_strdup(conf, s));

	put(conf, o, &copy, sizeof(copy));
}

/* ---- values as text ---- */

/* "64K"; a number alone is bytes. */
static enum status
parse_size(struct span a, uint64_t *out)
{
	unsigned shift = 0;
	uint64_t v;

	for (size_t i = 0; i < COUNT_OF(units) && shift == 0; i++)
		if (a.n > 0 && a.p[a.n - 1] == units[i].letter)
			shift = units[i].shift;
	if (shift > 0)
		a.n--;
	if (span_u64(a, UINT64_MAX >> shift, &v) != ST_OK)
		return ST_SYNTAX;
	*out = v << shift;
	return ST_OK;
}

static const char *
size_text(TALLOC_CTX *mem, uint64_t v)
{
	for (size_t i = 0; i < COUNT_OF(units); i++) {
		uint64_t unit = UINT64_C(1) << units[i].shift;

		if (v >= unit && v % unit == 0)
			return need(talloc_asprintf(mem, "%" PRIu64 "%c",
			    v / unit, units[i].letter));
	}
	return need(talloc_asprintf(mem, "%" PRIu64, v));
}

static enum status
parse_time(struct span a, uint64_t *out)
{
	int64_t ms;
	enum status st = duration_parse(a, &ms);

	if (st == ST_OK)
		*out = (uint64_t)ms;
	else if (st == ST_LIMIT) /* well-formed: over every maximum */
		*out = INT64_MAX;
	return st == ST_LIMIT ? ST_OK : st;
}

/* The index of a in "one|two|three"; ST_SYNTAX: none of them. */
static enum status
parse_word(const char *words, struct span a, uint64_t *out)
{
	struct span word = SPAN_NONE, rest = span_str(words);
	uint64_t i = 0;

	for (;; i++) {
		bool more = span_cut(rest, '|', &word, &rest);

		if (span_eq_span(more ? word : rest, a))
			break;
		if (!more)
			return ST_SYNTAX;
	}
	*out = i;
	return ST_OK;
}

static struct span
word_at(const char *words, unsigned i)
{
	struct span word = SPAN_NONE, rest = span_str(words);

	for (bool more = true; more; i--) {
		more = span_cut(rest, '|', &word, &rest);
		if (i == 0)
			return more ? word : rest;
	}
	panic("no such word in %s", words);
}

/* A value of o, from the file or from the table. */
static enum status
parse_number(const struct conf_option *o, struct span a, uint64_t *out)
{
	switch (o->kind) {
	case CONF_FLAG:
		*out = span_eq(a, "true");
		return ST_OK;
	case CONF_COUNT:
		return span_u64(a, UINT32_MAX, out);
	case CONF_SIZE:
		return parse_size(a, out);
	case CONF_TIME:
		return parse_time(a, out);
	case CONF_CHOICE:
		return parse_word(o->words, a, out);
	case CONF_STRING:
	case CONF_PATH:
		break;
	}
	panic("%s is no number", o->path);
}

/* A number that the table itself gives: of lengths, too. */
static uint64_t
bound(const struct conf_option *o, const char *text)
{
	uint64_t v = 0;
	bool length = o->kind == CONF_STRING || o->kind == CONF_PATH;
	enum status st = length ? span_u64(span_str(text), UINT32_MAX, &v) :
				  parse_number(o, span_str(text), &v);

	if (st != ST_OK)
		panic("%s: bound %s", o->path, text);
	return v;
}

void
conf_option_put(struct conf *conf, const struct conf_option *o,
    const char *text)
{
	if (o->kind == CONF_STRING || o->kind == CONF_PATH)
		put_string(conf, o, text);
	else
		put_number(conf, o, bound(o, text));
}

void
conf_options_default(struct conf *conf)
{
	for (size_t i = 0; i < COUNT_OF(options); i++)
		conf_option_put(conf, &options[i], options[i].def);
}

/* ---- reading ---- */

/* What to write, of each kind; an example follows where it is of use. */
static const char *
expected(struct conf_reader *r, const struct conf_option *o)
{
	switch (o->kind) {
	case CONF_STRING:
	case CONF_PATH:
		return "a text in quotes is expected";
	case CONF_FLAG:
		return "true or false is expected";
	case CONF_COUNT:
		return need(talloc_asprintf(r->mem,
		    "a whole number is expected, such as %s", o->def));
	case CONF_SIZE:
		return need(talloc_asprintf(r->mem,
		    "a number of bytes in quotes is expected, with K, M, G or "
		    "no unit, such as \"%s\"",
		    o->def));
	case CONF_TIME:
		return need(talloc_asprintf(r->mem,
		    "a duration in quotes is expected, in d, h, m, s or ms, "
		    "such as \"%s\"",
		    o->def));
	case CONF_CHOICE:
		return need(talloc_asprintf(r->mem,
		    "one of these in quotes is expected: %s", o->words));
	}
	panic("kind %d", (int)o->kind);
}

/* Is v, which says text in the file, within the bounds? */
static bool
check_bounds(struct conf_reader *r, const struct conf_option *o, unsigned line,
    const char *text, uint64_t v)
{
	const char *mark = o->kind == CONF_COUNT ? "" : "\"";

	if (v < bound(o, o->min))
		conf_mistake(r, line, "%s: %s is too small: at least %s%s%s",
		    o->path, text, mark, o->min, mark);
	else if (v > bound(o, o->max))
		conf_mistake(r, line, "%s: %s is too large: at most %s%s%s",
		    o->path, text, mark, o->max, mark);
	else
		return true;
	return false;
}

static bool
check_length(struct conf_reader *r, const struct conf_option *o, unsigned line,
    const char *s)
{
	size_t n = strlen(s);

	if (n > 0 && n < bound(o, o->min))
		conf_mistake(r, line, "%s: %s is too short: at least %s bytes",
		    o->path, conf_quote(r, s), o->min);
	else if (n < bound(o, o->min))
		conf_mistake(r, line, "%s: may not be empty", o->path);
	else if (n > bound(o, o->max))
		conf_mistake(r, line,
		    "%s: the text is too long: at most %s "
		    "bytes",
		    o->path, o->max);
	else
		return true;
	return false;
}

static void
read_string(struct conf_reader *r, const struct conf_option *o,
    config_setting_t *setting)
{
	const char *s = NULL;

	if (conf_take_text(r, o->path, setting, &s) &&
	    check_length(r, o, conf_line(setting), s))
		put_string(r->conf, o, s);
}

static void
read_flag(struct conf_reader *r, const struct conf_option *o,
    config_setting_t *setting)
{
	if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
		conf_mistake(r, conf_line(setting), "%s: %s", o->path,
		    expected(r, o));
	else
		put_number(r->conf, o,
		    config_setting_get_bool(setting) == CONFIG_TRUE);
}

/* Both integer types of libconfig: 20 and 20L.  Neither has wrapped: see
 * conf_source. */
static void
read_count(struct conf_reader *r, const struct conf_option *o,
    config_setting_t *setting)
{
	unsigned line = conf_line(setting);
	int type = config_setting_type(setting);
	char text[32];
	int64_t v;

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
		conf_mistake(r, line, "%s: %s", o->path, expected(r, o));
		return;
	}
	v = type == CONFIG_TYPE_INT ? config_setting_get_int(setting) :
				      config_setting_get_int64(setting);
	if (v >= CONF_COUNT_MAX) /* the file may say a larger one */
		snprintf(text, sizeof(text), "this number");
	else
		snprintf(text, sizeof(text), "%" PRId64, v);
	if (v < 0)
		conf_mistake(r, line, "%s: %s is too small: at least %s",
		    o->path, text, o->min);
	else if (check_bounds(r, o, line, text, (uint64_t)v))
		put_number(r->conf, o, (uint64_t)v);
}

static void
read_worded(struct conf_reader *r, const struct conf_option *o,
    config_setting_t *setting)
{
	unsigned line = conf_line(setting);
	const char *s = NULL;
	uint64_t v = 0;

	if (config_setting_type(setting) != CONFIG_TYPE_STRING) {
		conf_mistake(r, line, "%s: %s", o->path, expected(r, o));
		return;
	}
	if (!conf_take_text(r, o->path, setting, &s))
		return;
	if (parse_number(o, span_str(s), &v) != ST_OK)
		conf_mistake(r, line, "%s: %s: %s", o->path, conf_quote(r, s),
		    expected(r, o));
	else if (o->kind == CONF_CHOICE ||
		 check_bounds(r, o, line, conf_quote(r, s), v))
		put_number(r->conf, o, v);
}

bool
conf_option_read(struct conf_reader *r, const char *path,
    config_setting_t *setting)
{
	const struct conf_option *o = conf_option_find(path);

	if (o == NULL)
		return false;
	r->option_line[o - options] = conf_line(setting);
	switch (o->kind) {
	case CONF_STRING:
	case CONF_PATH:
		read_string(r, o, setting);
		break;
	case CONF_FLAG:
		read_flag(r, o, setting);
		break;
	case CONF_COUNT:
		read_count(r, o, setting);
		break;
	case CONF_SIZE:
	case CONF_TIME:
	case CONF_CHOICE:
		read_worded(r, o, setting);
		break;
	}
	return true;
}

/* ---- printing ---- */

static char *
number_text(TALLOC_CTX *mem, const struct conf *conf,
    const struct conf_option *o)
{
	char text[CLOCK_TEXT_BYTES];
	struct span word;
	uint32_t count;
	unsigned index;
	uint64_t size;
	int64_t ms;
	bool flag;

	switch (o->kind) {
	case CONF_FLAG:
		get(conf, o, &flag, sizeof(flag));
		return talloc_strdup(mem, flag ? "true" : "false");
	case CONF_COUNT:
		get(conf, o, &count, sizeof(count));
		return talloc_asprintf(mem, "%" PRIu32, count);
	case CONF_SIZE:
		get(conf, o, &size, sizeof(size));
		return talloc_asprintf(mem, "\"%s\"", size_text(mem, size));
	case CONF_TIME:
		get(conf, o, &ms, sizeof(ms));
		return talloc_asprintf(mem, "\"%s\"", duration_text(ms, text));
	case CONF_CHOICE:
		get(conf, o, &index, sizeof(index));
		word = word_at(o->words, index);
		return talloc_asprintf(mem, "\"%.*s\"", (int)word.n,
		    (const char *)word.p);
	case CONF_STRING:
	case CONF_PATH:
		break;
	}
	panic("%s is no number", o->path);
}

char *
conf_option_text(TALLOC_CTX *mem, const struct conf *conf,
    const struct conf_option *o)
{
	const char *s;

	if (o->kind != CONF_STRING && o->kind != CONF_PATH)
		return need(number_text(mem, conf, o));
	get(conf, o, &s, sizeof(s));
	return conf_escape(mem, s);
}
