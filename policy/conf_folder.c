/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/conf_folder.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/conf_internal.h"

#define OPTION "exceptions-dir"
#define SUFFIX ".conf"

/* ---- where it is ---- */

/* Relative to the folder of the configuration file. */
static const char *
beside(struct conf_reader *r, const char *conf_path, const char *dir)
{
	const char *slash = strrchr(conf_path, '/');

	if (*dir == '/' || slash == NULL)
		return need(talloc_strdup(r->mem, dir));
	return need(talloc_asprintf(r->mem, "%.*s/%s", (int)(slash - conf_path),
	    conf_path, dir));
}

/*
 * By its whole path, whoever reads and from where: it is part of the
 * digest.
 */
void
conf_folder_settle(struct conf_reader *r, const char *conf_path)
{
	struct conf *conf = r->conf;
	unsigned line = conf_option_line(r, OPTION);
	const char *dir = beside(r, conf_path, conf->exceptions_dir);
	char whole[PATH_MAX];
	struct diag why = { 0 };

	if (*conf->exceptions_dir == '\0')
		return;
	if (realpath(dir, whole) != NULL) {
		conf->exceptions_dir = need(talloc_strdup(conf, whole));
		return;
	}
	if (line != 0 || errno != ENOENT) {
		(void)diag_errno(&why, "%s", dir);
		conf_mistake(r, line, OPTION ": %s", why.text);
	}
	conf->exceptions_dir = "";
}

/* Who may write here lowers what is required: a file more does. */
static bool
is_guarded(struct conf_reader *r, const char *dir)
{
	struct diag why = { 0 };
	struct stat is;

	if (stat(dir, &is) != 0)
		(void)diag_errno(&why, "%s", dir);
	else if ((is.st_mode & S_IWOTH) != 0)
		(void)diag_set(&why, ST_POLICY,
		    "%s: others on the system may write to it: chmod o-w it",
		    dir);
	else
		return true;
	conf_mistake(r, conf_option_line(r, OPTION), OPTION ": %s", why.text);
	return false;
}

/* ---- its files ---- */

static int
is_of_interest(const struct dirent *d)
{
	return d->d_name[0] != '.' && strcmp(d->d_name, "README") != 0;
}

/* The same order, and so the same digest, in every locale. */
static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* NAME of NAME.conf; NULL with a mistake noted. */
static const char *
exception_name(struct conf_reader *r, const char *file)
{
	struct span a = span_str(file);
	const char *name;

	if (span_ends(a, SUFFIX)) {
		name = span_dup(r->mem, span_sub(a, 0, a.n - strlen(SUFFIX)));
		if (conf_is_name(name))
			return name;
	}
	conf_mistake(r, conf_option_line(r, OPTION),
	    "%s/%s: this is no exception: its name must be that of the "
	    "exception (letters, digits, \".\", \"_\" and \"-\") and \"" SUFFIX
	    "\"; what is something else belongs elsewhere",
	    r->conf->exceptions_dir, conf_quote(r, file));
	return NULL;
}

/* The file's name is the exception's: it need not be said again. */
static void
name_it(struct conf_reader *r, config_setting_t *root, const char *name)
{
	config_setting_t *s = config_setting_get_member(root, "name");
	const char *said = s == NULL ? NULL : config_setting_get_string(s);

	if (s == NULL) {
		s = config_setting_add(root, "name", CONFIG_TYPE_STRING);
		if (s == NULL || !config_setting_set_string(s, name))
			out_of_memory("configuration");
	} else if (said != NULL && strcmp(said, name) != 0) {
		conf_mistake(r, conf_line(s),
		    "name: %s is in the file of %s: the name of the file "
		    "counts, leave this out",
		    conf_quote(r, said), name);
	}
}

static void
parse(struct conf_reader *r, const char *name)
{
	config_t config;
	config_setting_t *root;

	config_init(&config);
	if (config_read_string(&config, conf_source_get(r->source)) !=
	    CONFIG_TRUE) {
		conf_syntax_mistake(r, &config);
	} else {
		root = config_root_setting(&config);
		name_it(r, root, name);
		conf_list_read_one(r, CONF_EXCEPTIONS, root);
	}
	config_destroy(&config);
}

static void
read_one(struct conf_reader *r, const char *name, const char *text)
{
	struct conf_source *outer = r->source;
	unsigned outer_number = r->source_number;
	const char *path = need(talloc_asprintf(r->mem, "%s/%s" SUFFIX,
	    r->conf->exceptions_dir, name));
	bool whole;

	r->source_number = ++r->source_count;
	r->of_folder = true;
	whole = text != NULL ? conf_source_text(r, path, text) :
			       conf_source_alone(r, path);
	if (whole)
		parse(r, name);
	r->of_folder = false;
	r->source = outer;
	r->source_number = outer_number;
}

static void
read_all(struct conf_reader *r, struct dirent *const *list, int n)
{
	const struct conf_draft *draft = r->draft;

	for (int i = 0; i < n; i++) {
		const char *name = exception_name(r, list[i]->d_name);

		if (name != NULL &&
		    (draft == NULL || strcmp(name, draft->name) != 0))
			read_one(r, name, NULL);
	}
	if (draft != NULL)
		read_one(r, draft->name, draft->text);
}

void
conf_folder_read(struct conf_reader *r)
{
	const char *dir = r->conf->exceptions_dir;
	struct dirent **list = NULL;
	struct diag why = { 0 };
	int n;

	if (*dir == '\0' || !is_guarded(r, dir))
		return;
	n = scandir(dir, &list, is_of_interest, by_name);
	if (n < 0) {
		(void)diag_errno(&why, "%s", dir);
		conf_mistake(r, conf_option_line(r, OPTION),
		    OPTION ": %s: its exceptions cannot be read", why.text);
		return;
	}
	read_all(r, list, n);
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
}
