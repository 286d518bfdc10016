/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts of a configuration, and names in it that are not known. */
#include <string.h>

#include "policy/conf_internal.h"
#include "util/utf8.h"

bool
conf_text_ok(const char *text)
{
	struct span rest = span_str(text);
	uint32_t code = 0;

	while (rest.n > 0) {
		size_t n = utf8_read(rest, &code);

		if (n == 0 || utf8_is_control(code))
			return false;
		rest = span_sub(rest, n, rest.n);
	}
	return true;
}

const char *
conf_quote(struct conf_reader *r, const char *text)
{
	size_t n = 0, step;
	uint32_t code;

	if (!conf_text_ok(text))
		return "this text";
	while (text[n] != '\0') {
		step = utf8_read(span_str(text + n), &code);
		if (n + step > CONF_QUOTE_BYTES)
			break;
		n += step;
	}
	return need(talloc_asprintf(r->mem, "\"%.*s%s\"", (int)n, text,
	    text[n] == '\0' ? "" : "..."));
}

char *
conf_escape(TALLOC_CTX *mem, const char *text)
{
	struct sbuf b;

	sbuf_init(&b, mem, 2 * strlen(text) + 3);
	sbuf_u8(&b, '"');
	for (const char *s = text; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			sbuf_u8(&b, '\\');
		sbuf_u8(&b, (uint8_t)*s);
	}
	sbuf_u8(&b, '"');
	(void)sbuf_cstr(&b);
	return (char *)b.p;
}

bool
conf_take_text(struct conf_reader *r, const char *path,
    config_setting_t *setting, const char **out)
{
	const char *text;

	if (config_setting_type(setting) != CONFIG_TYPE_STRING) {
		conf_mistake(r, conf_line(setting),
		    "%s: a text in quotes is expected", path);
		return false;
	}
	text = config_setting_get_string(setting);
	if (!conf_text_ok(text)) {
		conf_mistake(r, conf_line(setting),
		    "%s: the text has a control character or is not UTF-8",
		    path);
		return false;
	}
	*out = text;
	return true;
}

unsigned
conf_line(const config_setting_t *setting)
{
	return config_setting_source_line(setting);
}

/* ---- names that are not known ---- */

#define NEAR_BYTES 64u /* ours: longer names are near to none */

static size_t
least(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Insertions, deletions and changes that make a of b; 0 < both lengths. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[NEAR_BYTES + 1], n = strlen(a), m = strlen(b);

	if (n > NEAR_BYTES || m > NEAR_BYTES)
		return SIZE_MAX;
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t above = row[j];

			row[j] = least(above + 1, row[j - 1] + 1,
			    diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[m];
}

static const char *
last_part(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot == NULL ? path : dot + 1;
}

/* The index of the nearest, or known_count. */
static size_t
nearest(const char *path, const char *const *known, size_t known_count)
{
	size_t best = strlen(path) / 3 < 3 ? strlen(path) / 3 : 3;
	size_t at = known_count;

	for (size_t i = 0; i < known_count; i++) {
		size_t d = distance(path, known[i]);

		if (d < best || (d == best && at == known_count)) {
			best = d;
			at = i;
		}
	}
	return at;
}

/* The right name in the wrong group. */
static size_t
same_name(const char *path, const char *const *known, size_t known_count)
{
	size_t i = 0;

	while (i < known_count &&
	       strcmp(last_part(path), last_part(known[i])) != 0)
		i++;
	return i;
}

void
conf_unknown(struct conf_reader *r, unsigned line, const char *path,
    const char *const *known, size_t known_count)
{
	size_t near = nearest(path, known, known_count);
	int cut = (int)CONF_QUOTE_BYTES;

	if (near == known_count)
		near = same_name(path, known, known_count);
	if (near == known_count)
		conf_mistake(r, line, "%.*s: there is no such setting", cut,
		    path);
	else
		conf_mistake(r, line,
		    "%.*s: there is no such setting; is %s meant?", cut, path,
		    known[near]);
}
