/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/cmd_util.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gateway/control.h"

struct wall
cmd_wall_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (struct wall){ ts.tv_sec * 1000 + ts.tv_nsec / 1000000 };
}

struct conf *
cmd_read_conf(TALLOC_CTX *mem, const char *path, bool strict)
{
	struct conf_mistakes mistakes = { .mem = mem };
	struct conf *conf = conf_read_file(mem, path, cmd_wall_now(), strict,
	    &mistakes);
	size_t told = mistakes.count < CONF_MAX_MISTAKES ? mistakes.count :
							   CONF_MAX_MISTAKES;

	for (size_t i = 0; i < told; i++)
		fprintf(stderr, "%s\n", mistakes.text[i]);
	if (mistakes.count > told)
		fprintf(stderr, "and %zu more\n", mistakes.count - told);
	return conf;
}

char *
cmd_store_spec(TALLOC_CTX *mem, const struct conf *conf)
{
	struct span file = SPAN_NONE, scheme;

	if (!span_cut(span_str(conf->spool), ':', &scheme, &file))
		file = span_str(conf->spool);
	if (span_starts(file, "/"))
		return need(talloc_strdup(mem, conf->spool));
	return need(talloc_asprintf(mem, "sqlite:%s/%.*s", conf->state_dir,
	    (int)file.n, (const char *)file.p));
}

static bool
become_owner(const char *dir)
{
	struct stat st;

	if (geteuid() != 0)
		return true;
	return stat(dir, &st) == 0 && setgroups(0, NULL) == 0 &&
	       setgid(st.st_gid) == 0 && setuid(st.st_uid) == 0;
}

bool
cmd_become_owner(const struct conf *conf)
{
	if (become_owner(conf->state_dir))
		return true;
	fprintf(stderr,
	    "tierpost: %s: cannot become its owner; does it exist? The "
	    "gateway makes it.\n",
	    conf->state_dir);
	return false;
}

struct store *
cmd_open_store(TALLOC_CTX *mem, const struct conf *conf)
{
	struct store *store = NULL;
	struct diag why = { 0 };

	if (!cmd_become_owner(conf))
		return NULL;
	if (store_open(mem, cmd_store_spec(mem, conf), STORE_READER, &store,
		&why) != ST_OK) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		return NULL;
	}
	return store;
}

const char *
cmd_anchor_state(TALLOC_CTX *mem, const struct conf *conf)
{
	if (!conf->resolver_anchor_updates)
		return "";
	return need(talloc_asprintf(mem, "%s/anchor", conf->state_dir));
}

void
cmd_print_json(json_t *value, size_t layout)
{
	json_dumpf(value, stdout, layout | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(value);
}

const char *
cmd_who(void)
{
	const char *name = getenv("SUDO_USER");
	const struct passwd *pw;

	if (name != NULL && *name != '\0')
		return name;
	pw = getpwuid(getuid());
	return pw != NULL ? pw->pw_name : "an operator";
}

int
cmd_connect(const struct conf *conf)
{
	struct diag why = { 0 };
	int fd = control_socket_connect(conf->state_dir, &why);

	if (fd < 0)
		fprintf(stderr,
		    "tierpost: %s\nDoes the gateway run, and is this its "
		    "user or root?\n",
		    why.text);
	return fd;
}
