/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_check_config - `tierpost check-config`: lists the mistakes of a
 * configuration, or shows what it comes to; and the table of all options.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_util.h"
#include "util/jtree.h"
#include "util/sha256.h"

struct check {
	const char *path;
	bool json;
	bool effective;
	bool options;
	bool man; /* the options as mdoc */
};

static int
usage(void)
{
	fprintf(stderr,
	    "usage: tierpost check-config [-c FILE] [--effective | --json]\n"
	    "       tierpost check-config --options[=man]\n");
	return EXIT_USAGE;
}

static const char *
digest_text(const struct conf *conf, char out[2 * SHA256_BYTES + 1])
{
	hex_encode(span_of(conf->digest, SHA256_BYTES), out);
	return out;
}

/* When the next exception ends; "" when there is none. */
static const char *
expiry_text(const struct conf *conf, char out[CLOCK_TEXT_BYTES])
{
	struct wall next = conf_next_expiry(conf, cmd_wall_now());

	return next.ms == WALL_NEVER.ms ? "" : wall_rfc3339(next, out);
}

/* ---- for programs ---- */

/* Names of files may be anything: bytes that are no text are escaped. */
static json_t *
text_json(TALLOC_CTX *mem, const char *text)
{
	json_t *j = json_string(text);

	if (j == NULL)
		j = json_string(span_print(mem, span_str(text),
		    4 * strlen(text) + 1));
	return j;
}

/* Of count texts the first CONF_MAX_MISTAKES are there. */
static json_t *
texts_json(TALLOC_CTX *mem, const char *const *text, size_t count)
{
	json_t *list = need(json_array());

	for (size_t i = 0; i < count && i < CONF_MAX_MISTAKES; i++)
		jtree_append(list, text_json(mem, text[i]));
	return list;
}

static void
put_conf(json_t *o, const struct conf *conf)
{
	char hex[2 * SHA256_BYTES + 1], text[CLOCK_TEXT_BYTES];

	jtree_put(o, "hostname", json_string(conf->hostname));
	jtree_put_count(o, "listeners", conf->listen_count);
	jtree_put_count(o, "rules", conf->rule_count);
	jtree_put_count(o, "exceptions", conf->exception_count);
	jtree_put_count(o, "destinations", conf->destination_count);
	jtree_put(o, "next-expiry", json_string(expiry_text(conf, text)));
	jtree_put(o, "digest", json_string(digest_text(conf, hex)));
}

static int
check_json(TALLOC_CTX *mem, const struct check *c)
{
	struct conf_mistakes m = { .mem = mem };
	const struct conf *conf = conf_read_file(mem, c->path, cmd_wall_now(),
	    true, &m);
	json_t *o = need(json_object());

	jtree_put(o, "file", text_json(mem, c->path));
	jtree_put(o, "ok", json_boolean(conf != NULL));
	if (conf != NULL)
		put_conf(o, conf);
	jtree_put_count(o, "mistake-count", m.count);
	jtree_put(o, "mistakes", texts_json(mem, m.text, m.count));
	jtree_put_count(o, "warning-count",
	    conf == NULL ? 0 : conf->warning_count);
	jtree_put(o, "warnings",
	    conf == NULL ? json_array() :
			   texts_json(mem, conf->warning, conf->warning_count));
	cmd_print_json(o, JSON_INDENT(2));
	return conf != NULL ? EXIT_DONE : EXIT_CONFIG;
}

/* ---- for people ---- */

static void
print_count(size_t n, const char *what)
{
	printf(", %zu %s%s", n, what, n == 1 ? "" : "s");
}

static void
print_summary(const struct check *c, const struct conf *conf)
{
	char hex[2 * SHA256_BYTES + 1], text[CLOCK_TEXT_BYTES];
	const char *expiry = expiry_text(conf, text);

	printf("%s: no mistakes\n%s", c->path, conf->hostname);
	print_count(conf->listen_count, "listener");
	print_count(conf->rule_count, "rule");
	print_count(conf->exception_count, "exception");
	if (*expiry != '\0')
		printf(" (the next ends %s)", expiry);
	printf("\ndigest %s\n", digest_text(conf, hex));
}

static void
print_warnings(const struct conf *conf)
{
	size_t told = conf->warning_count < CONF_MAX_MISTAKES ?
			  conf->warning_count :
			  CONF_MAX_MISTAKES;

	for (size_t i = 0; i < told; i++)
		fprintf(stderr, "warning: %s\n", conf->warning[i]);
	if (conf->warning_count > told)
		fprintf(stderr, "and %zu more warnings\n",
		    conf->warning_count - told);
}

static int
check(TALLOC_CTX *mem, const struct check *c)
{
	const struct conf *conf = cmd_read_conf(mem, c->path, true);

	if (conf == NULL)
		return EXIT_CONFIG;
	print_warnings(conf);
	if (c->effective)
		fputs(conf_print_effective(mem, conf), stdout);
	else
		print_summary(c, conf);
	return EXIT_DONE;
}

static bool
parse_arguments(int argc, char **argv, struct check *c)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--json") == 0)
			c->json = true;
		else if (strcmp(argv[i], "--effective") == 0)
			c->effective = true;
		else if (strcmp(argv[i], "--options") == 0)
			c->options = true;
		else if (strcmp(argv[i], "--options=man") == 0)
			c->options = c->man = true;
		else if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
			c->path = argv[++i];
		else
			return false;
	return !c->json || !c->effective;
}

int
cmd_check_config(int argc, char **argv)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	struct check c = { .path = CMD_DEFAULT_CONF };
	int status = EXIT_DONE;

	if (!parse_arguments(argc, argv, &c))
		status = usage();
	else if (c.options)
		conf_print_options(stdout, c.man);
	else
		status = c.json ? check_json(mem, &c) : check(mem, &c);
	talloc_free(mem);
	return status;
}
