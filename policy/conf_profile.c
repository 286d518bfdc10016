/* SPDX-License-Identifier: BSD-2-Clause */
/* Profiles: other defaults for the options that profiles.def names. */
#include <string.h>

#include "policy/conf_internal.h"

static const struct {
	enum conf_profile profile;
	const char *path, *value, *also;
} rows[] = {
#define PROFILE(profile, path, value, also)                                    \
	{ PROFILE_##profile, path, value, also },
#include "policy/profiles.def"
#undef PROFILE
};

const char *
conf_profile_words(void)
{
	const struct conf_option *o = conf_option_find("profile");

	return o->words;
}

/* Its row; COUNT_OF(rows): none. */
static size_t
find(enum conf_profile profile, const char *path)
{
	size_t i = 0;

	while (i < COUNT_OF(rows) &&
	       (rows[i].profile != profile || strcmp(rows[i].path, path) != 0))
		i++;
	return i;
}

const char *
conf_profile_value(enum conf_profile profile, const char *path)
{
	size_t i = find(profile, path);

	return i < COUNT_OF(rows) ? rows[i].value : NULL;
}

bool
conf_profile_allows(const struct conf *conf, const struct conf_option *o)
{
	size_t i = find(conf->profile, o->path);
	TALLOC_CTX *tmp;
	struct span a;
	bool allows;

	if (i == COUNT_OF(rows))
		return true;
	tmp = need(talloc_new(NULL));
	a = span_str(conf_option_text(tmp, conf, o));
	if (span_starts(a, "\""))
		a = span_sub(a, 1, a.n - 1);
	allows = span_eq(a, rows[i].value) || span_eq(a, rows[i].also);
	talloc_free(tmp);
	return allows;
}

void
conf_profile_apply(struct conf_reader *r)
{
	struct conf *conf = r->conf;
	size_t known = 0;

	conf->origin = need(talloc_array(conf, const char *,
	    (unsigned)conf_option_count()));
	for (size_t i = 0; i < conf_option_count(); i++) {
		const struct conf_option *o = conf_option_at(i);
		const char *value = conf_profile_value(conf->profile, o->path);
		unsigned line = conf_option_line(r, o->path);

		known += value != NULL;
		if (value != NULL && line == 0)
			conf_option_put(conf, o, value);
		conf->origin[i] = line != 0 ?
				      need(talloc_strdup(conf->origin,
					  conf_source_where(r->source, line))) :
				  value != NULL ? "profile" :
						  "default";
	}
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		known -= rows[i].profile == conf->profile;
	invariant(known == 0); /* each row is about an option, once */
}
