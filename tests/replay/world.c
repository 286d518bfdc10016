/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/replay/world.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/control.h"

#define LOG_MAX_BYTES (16u << 20)

static void
collect(void *arg, enum log_level level, struct span line)
{
	struct world *w = arg;
	char now[CLOCK_TEXT_BYTES];
	size_t before = w->lines.n;
	struct span all;

	(void)level;
	wall_rfc3339(net_wall(sim_net(w->sim)), now);
	sbuf_printf(&w->lines, "%s ", now);
	sbuf_span(&w->lines, line);
	sbuf_u8(&w->lines, '\n');
	all = span_sub(sbuf_view(&w->lines), before, w->lines.n);
	if (getenv("REPLAY_LOG") != NULL)
		fprintf(stderr, "%.*s", (int)all.n, (const char *)all.p);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void
write_file(const char *path, struct span content)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, content.p, content.n) != (ssize_t)content.n)
		panic("cannot write %s", path);
	close(fd);
}

/* The roles have ended: the store is whole in its file. */
static void
keep_folder(const struct world *w)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/log", w->dir);
	write_file(path, sbuf_view(&w->lines));
	if (rename(w->dir, w->keep) != 0)
		panic("%s cannot become %s", w->dir, w->keep);
}

static int
world_destroy(struct world *w)
{
	TALLOC_FREE(w->intake);
	TALLOC_FREE(w->courier);
	TALLOC_FREE(w->advisor);
	TALLOC_FREE(w->keeper);
	if (w->keep != NULL)
		keep_folder(w);
	else
		nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

struct world *
world_new(TALLOC_CTX *mem)
{
	struct world *w = need(talloc_zero(mem, struct world));
	const char *tmp = getenv("TMPDIR");
	char ca[96];

	snprintf(w->dir, sizeof(w->dir), "%s/tierpost-replay-XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(w->dir) == NULL)
		panic("cannot make %s", w->dir);
	talloc_set_destructor(w, world_destroy);
	if (wall_parse(SPAN_LIT("2026-11-24T08:00:00Z"), &w->start) != ST_OK)
		panic("start time");
	w->sim = sim_new(w, w->start, 42);
	sbuf_init(&w->lines, w, LOG_MAX_BYTES);
	w->log = (struct log){ .level = LOG_LEVEL_DEBUG,
		.role = "replay",
		.write = collect,
		.arg = w };
	w->options = strmap_new(w);
	w->certs = strmap_new(w);
	w->peers = strmap_new(w);
	w->lists = need(talloc_strdup(w, ""));
	w->listen = "192.0.2.1:25";
	w->authority = authority_new(w);
	snprintf(ca, sizeof(ca), "%s/ca.pem", w->dir);
	write_file(ca, authority_pem(w->authority));
	strmap_put(w->options, "smtp.ca-file",
	    need(talloc_asprintf(w, "\"%s\"", ca)));
	return w;
}

struct netaddr
world_intake_addr(void)
{
	static const uint8_t ip[4] = { 192, 0, 2, 1 };

	return netaddr_ip4(ip, 25);
}

/* ---- configuration ---- */

struct text_call {
	char *text;
	char *group; /* that is open */
};

/* Options come in order of their names, so groups are whole. */
static int
add_option(void *arg, const char *key, void *value)
{
	struct text_call *c = arg;
	struct span group = SPAN_NONE, name = span_str(key);

	(void)span_cut(span_str(key), '.', &group, &name);
	if (!span_eq(group, c->group)) {
		if (*c->group != '\0')
			c->text = need(talloc_strdup_append(c->text, "};\n"));
		if (group.n > 0)
			c->text = need(talloc_asprintf_append(c->text,
			    "%.*s = {\n", (int)group.n, (const char *)group.p));
		c->group = span_dup(c->text, group);
	}
	c->text = need(talloc_asprintf_append(c->text, "%.*s = %s;\n",
	    (int)name.n, (const char *)name.p, (const char *)value));
	return 0;
}

static struct conf *
read_conf(struct world *w)
{
	struct conf_mistakes mistakes = { .mem = w };
	struct text_call c = { .group = need(talloc_strdup(w, "")) };
	struct conf *conf;

	c.text = need(talloc_asprintf(w,
	    "hostname = \"gw.example\"; state-dir = \"%s\";\n"
	    "listen = ( { address = \"%s\"; role = \"relay\"; "
	    "allow = [\"192.0.2.0/24\"]; tls = \"%s\" } );\n%s\n",
	    w->dir, w->listen, w->listen_cert == NULL ? "off" : "offer",
	    w->lists));
	strmap_each(w->options, add_option, &c);
	if (*c.group != '\0')
		c.text = need(talloc_strdup_append(c.text, "};\n"));
	conf = conf_read_text(w, "script", c.text, net_wall(sim_net(w->sim)),
	    false, &mistakes);
	for (size_t i = 0; i < mistakes.count; i++)
		fprintf(stderr, "%s\n", mistakes.text[i]);
	if (conf == NULL)
		panic("the script's configuration:\n%s", c.text);
	return conf;
}

/* ---- roles ---- */

static struct role_env
env_of(struct world *w, enum role role)
{
	struct log *log = &w->role_log[role];

	*log = w->log;
	log->role = need(talloc_asprintf(w, "%s/0", role_name(role)));
	return (struct role_env){ sim_net(w->sim), log, w->conf };
}

static void
start_keeper(struct world *w)
{
	const struct role_env env = env_of(w, ROLE_KEEPER);
	char *spec = need(talloc_asprintf(w, "sqlite:%s/spool.db", w->dir));
	struct diag why = { 0 };

	if (keeper_new(w, &env, spec, 1, &w->keeper, &why) != ST_OK)
		panic("keeper: %s", why.text);
	if (keeper_set_report_keys(w->keeper, w->report_keys, &why) != ST_OK)
		panic("keeper: %s", why.text);
}

static void
start_courier(struct world *w)
{
	const struct role_env env = env_of(w, ROLE_COURIER);
	struct tls_client *tls;
	struct diag why = { 0 };

	if (tls_client_new(w, w->conf->smtp_ca_file, &tls, &why) != ST_OK)
		panic("courier: %s", why.text);
	w->courier = courier_new(w, &env, tls);
}

static void
start_advisor(struct world *w)
{
	const struct role_env env = env_of(w, ROLE_ADVISOR);

	w->advisor = advisor_new(w, &env);
}

static void
start_intake(struct world *w)
{
	const struct role_env env = env_of(w, ROLE_INTAKE);
	struct netaddr at = world_intake_addr();
	struct tls_server *tls;
	struct diag why = { 0 };

	w->intake = intake_new(w, &env);
	if (w->listen_cert != NULL) {
		if (tls_server_new(w->intake, w->listen_cert->chain_pem,
			w->listen_cert->key_pem, &tls, &why) != ST_OK)
			panic("intake: %s", why.text);
		intake_set_tls(w->intake, tls);
	}
	intake_add_listener(w->intake, 0, sim_listen(w->intake, w->sim, &at));
}

static void
join_keeper_intake(struct world *w)
{
	struct sock *a, *b;

	sim_pair(w, w->sim, &a, &b);
	keeper_attach_intake(w->keeper, 0, a);
	intake_attach_keeper(w->intake, b);
}

static void
join_keeper_courier(struct world *w)
{
	struct sock *a, *b;

	sim_pair(w, w->sim, &a, &b);
	keeper_attach_courier(w->keeper, 0, a);
	courier_attach_keeper(w->courier, b);
}

static void
join_keeper_advisor(struct world *w)
{
	struct sock *a, *b;

	sim_pair(w, w->sim, &a, &b);
	keeper_attach_advisor(w->keeper, a);
	advisor_attach_keeper(w->advisor, b);
}

static void
join_advisor_courier(struct world *w)
{
	struct sock *a, *b;

	sim_pair(w, w->sim, &a, &b);
	advisor_attach_courier(w->advisor, 0, a);
	courier_attach_advisor(w->courier, b);
}

void
world_start(struct world *w)
{
	w->conf = read_conf(w);
	start_keeper(w);
	start_courier(w);
	start_advisor(w);
	start_intake(w);
	join_keeper_intake(w);
	join_keeper_courier(w);
	join_keeper_advisor(w);
	join_advisor_courier(w);
}

void
world_kill(struct world *w, const char *role)
{
	if (strcmp(role, "keeper") == 0) {
		TALLOC_FREE(w->keeper);
		start_keeper(w);
		join_keeper_intake(w);
		join_keeper_courier(w);
		join_keeper_advisor(w);
	} else if (strcmp(role, "courier") == 0) {
		TALLOC_FREE(w->courier);
		start_courier(w);
		join_keeper_courier(w);
		join_advisor_courier(w);
	} else if (strcmp(role, "advisor") == 0) {
		TALLOC_FREE(w->advisor);
		start_advisor(w);
		join_keeper_advisor(w);
		join_advisor_courier(w);
	} else if (strcmp(role, "intake") == 0) {
		TALLOC_FREE(w->intake);
		start_intake(w);
		join_keeper_intake(w);
	} else {
		panic("no role %s", role);
	}
}

void
world_reload(struct world *w)
{
	struct conf *old = w->conf;

	w->conf = read_conf(w);
	keeper_reload(w->keeper, w->conf);
	advisor_reload(w->advisor, w->conf);
	courier_reload(w->courier, w->conf);
	intake_reload(w->intake, w->conf);
	talloc_free(old);
}

struct store *
world_store(TALLOC_CTX *mem, const struct world *w)
{
	char *spec = need(talloc_asprintf(mem, "sqlite:%s/spool.db", w->dir));
	struct store *s = NULL;
	struct diag why = { 0 };

	if (store_open(mem, spec, STORE_READER, &s, &why) != ST_OK)
		panic("store: %s", why.text);
	return s;
}
