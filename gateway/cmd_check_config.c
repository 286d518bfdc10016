/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_check_config - `tierpost check-config`. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_util.h"

static int
usage(void)
{
	fprintf(stderr,
	    "usage: tierpost check-config [-c FILE] [--effective] [--json]\n"
	    "       tierpost check-config --options[=man]\n");
	return EXIT_USAGE;
}

static void
dump(const struct conf_mistakes *m, bool ok)
{
	json_t *o = need(json_object()), *list = need(json_array());
	size_t n = m->count < CONF_MAX_MISTAKES ? m->count : CONF_MAX_MISTAKES;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(m->text[i]));
	json_object_set_new(o, "ok", json_boolean(ok));
	json_object_set_new(o, "mistakes", list);
	json_dumpf(o, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(o);
}

static int
check_json(TALLOC_CTX *mem, const char *path)
{
	struct conf_mistakes m = { .mem = mem };
	bool ok = conf_read_file(mem, path, cmd_wall_now(), true, &m) != NULL;

	dump(&m, ok);
	return ok ? EXIT_DONE : EXIT_CONFIG;
}

static int
check(TALLOC_CTX *mem, const char *path, bool effective)
{
	struct conf *conf = cmd_read_conf(mem, path, true);

	if (conf == NULL)
		return EXIT_CONFIG;
	if (effective)
		fputs(conf_print(mem, conf), stdout);
	else
		printf("%s: no mistakes; %zu listeners, %zu rules, %zu "
		       "exceptions\n", path, conf->listen_count,
		    conf->rule_count, conf->exception_count);
	return EXIT_DONE;
}

int
cmd_check_config(int argc, char **argv)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	const char *path = CMD_DEFAULT_CONF;
	bool json = false, effective = false, options = false, man = false;
	int status = EXIT_DONE;

	for (int i = 1; i < argc && status == EXIT_DONE; i++)
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "--effective") == 0)
			effective = true;
		else if (strcmp(argv[i], "--options") == 0)
			options = true;
		else if (strcmp(argv[i], "--options=man") == 0)
			options = man = true;
		else if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
			path = argv[++i];
		else
			status = usage();
	if (status == EXIT_DONE && options)
		conf_print_options(stdout, man);
	else if (status == EXIT_DONE)
		status = json ? check_json(mem, path)
			      : check(mem, path, effective);
	talloc_free(mem);
	return status;
}
