/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * process - one role in a process of its own: takes configuration,
 * channels and listeners from the master over descriptor 3 and runs the
 * role on the real loop until the master says stop or has gone.
 */
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "gateway/cmd_util.h"
#include "gateway/control.h"
#include "gateway/evidence_key.h"
#include "gateway/roles.h"

#define MAX_EARLY_CHANNELS 256u /* before START: couriers and intakes */
#define OWN_DESCRIPTORS    128u /* of an intake: listeners, channels, spares */

struct process {
	enum role role;
	uint32_t index;
	struct net *net;
	struct log *log;
	struct conf *conf;
	/* pieces of what KEY completes; in pem */
	TALLOC_CTX *pem;
	struct span client_ca, cert;
	struct tls_server *tls;    /* or NULL */
	struct span secrets;       /* a talloc object of its own */
	struct span trust;         /* likewise, until START */
	struct span material;      /* likewise */
	struct span report_keys;   /* likewise */
	struct accounts *accounts; /* or NULL */
	struct net_watch *watch;
	bool started;
	int status;
	struct {
		enum role role;
		uint32_t index;
		int fd;
	} early[MAX_EARLY_CHANNELS];
	size_t early_count;
	/* the one of this process */
	struct keeper *keeper;
	struct advisor *advisor;
	struct courier *courier;
	struct intake *intake;
	struct mapper *mapper;
	struct collector *collector;
};

static void
end(struct process *p, int status)
{
	p->status = status;
	net_real_stop(p->net);
}

/* ---- what the master hands over ---- */

static enum status
read_blob(int fd, TALLOC_CTX *mem, struct span *out, struct diag *why)
{
	enum status st = net_real_memfd_read(mem, fd, CONTROL_BLOB_MAX_BYTES,
	    out, why);

	close(fd);
	return st;
}

static enum status
read_conf(struct process *p, int fd, struct conf **conf, struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(p));
	struct conf_mistakes mistakes = { .mem = tmp };
	struct span text;
	enum status st = read_blob(fd, tmp, &text, why);

	if (st == ST_OK) {
		*conf = conf_read_text(p, "configuration of the master",
		    span_dup(tmp, text), net_wall(p->net), false, &mistakes);
		if (*conf == NULL)
			st = diag_set(why, ST_SYNTAX, "%s",
			    mistakes.count > 0 ? mistakes.text[0] :
						 "configuration");
	}
	talloc_free(tmp);
	return st;
}

static enum status
take_conf(struct process *p, int fd, struct diag *why)
{
	struct conf *conf, *old = p->conf;
	enum status st = read_conf(p, fd, &conf, why);

	if (st != ST_OK)
		return st;
	invariant(conf != NULL);
	p->conf = conf;
	p->log->level = conf->log_level;
	if (p->keeper != NULL)
		keeper_reload(p->keeper, conf);
	if (p->advisor != NULL)
		advisor_reload(p->advisor, conf);
	if (p->courier != NULL)
		courier_reload(p->courier, conf);
	if (p->intake != NULL)
		intake_reload(p->intake, conf);
	if (p->mapper != NULL)
		mapper_reload(p->mapper, conf);
	if (p->collector != NULL)
		collector_reload(p->collector, conf);
	talloc_free(old);
	return ST_OK;
}

/* The first of the three that make a tls_server. */
static enum status
take_client_ca(struct process *p, int fd, struct diag *why)
{
	talloc_free(p->pem);
	p->pem = need(talloc_new(p));
	p->cert = SPAN_NONE;
	return read_blob(fd, p->pem, &p->client_ca, why);
}

static enum status
make_tls(struct process *p, struct span key, struct tls_server **out,
    struct diag *why)
{
	enum status st;

	*out = NULL;
	if (p->cert.n == 0)
		return ST_OK;
	st = tls_server_new(p, p->cert, key, out, why);
	if (st == ST_OK && p->client_ca.n > 0)
		st = tls_server_trust(*out, p->client_ca, why);
	return st;
}

static enum status
take_key(struct process *p, int fd, struct diag *why)
{
	struct tls_server *old = p->tls, *tls = NULL;
	struct span key;
	enum status st = read_blob(fd, p->pem, &key, why);

	if (st == ST_OK)
		st = make_tls(p, key, &tls, why);
	if (st != ST_OK)
		return st;
	TALLOC_FREE(p->pem);
	p->tls = tls;
	if (p->intake != NULL)
		intake_set_tls(p->intake, tls);
	talloc_free(old); /* what runs on it holds it by itself */
	return ST_OK;
}

static enum status
take_accounts(struct process *p, int fd, struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(p));
	struct conf_mistakes mistakes = { .mem = tmp };
	struct accounts *old = p->accounts, *accounts = NULL;
	struct span text;
	enum status st = read_blob(fd, tmp, &text, why);

	if (st == ST_OK && text.n > 0)
		accounts = accounts_parse(p, "accounts of the master", text,
		    &mistakes);
	if (mistakes.count > 0)
		st = diag_set(why, ST_SYNTAX, "%s", mistakes.text[0]);
	talloc_free(tmp);
	if (st != ST_OK)
		return st;
	p->accounts = accounts;
	if (p->intake != NULL)
		intake_set_accounts(p->intake, accounts);
	talloc_free(old);
	return ST_OK;
}

/* Passwords of routes: kept as they came, for a courier that starts. */
static enum status
take_secrets(struct process *p, int fd, struct diag *why)
{
	struct span old = p->secrets;
	enum status st = read_blob(fd, p, &p->secrets, why);

	if (st == ST_OK && p->courier != NULL)
		st = courier_set_secrets(p->courier, p->secrets, why);
	if (old.n > 0)
		talloc_free((void *)(uintptr_t)old.p);
	return st;
}

static enum status
take_trust(struct process *p, int fd, struct diag *why)
{
	struct span trust;
	enum status st = read_blob(fd, p, &trust, why);

	if (st != ST_OK)
		return st;
	if (!p->started) {
		p->trust = trust;
		return ST_OK;
	}
	if (p->courier != NULL)
		st = courier_set_trust(p->courier, trust, why);
	else if (p->advisor != NULL)
		st = net_real_https_trust(p->net, trust, why);
	talloc_free((void *)(uintptr_t)trust.p);
	return st;
}

/* Files of rules, likewise. */
static enum status
take_material(struct process *p, int fd, struct diag *why)
{
	struct span old = p->material;
	enum status st = read_blob(fd, p, &p->material, why);

	if (st == ST_OK && p->courier != NULL)
		st = courier_set_material(p->courier, p->material, why);
	if (old.n > 0)
		talloc_free((void *)(uintptr_t)old.p);
	return st;
}

/* Likewise, for a keeper. */
static enum status
take_report_keys(struct process *p, int fd, struct diag *why)
{
	struct span old = p->report_keys;
	enum status st = read_blob(fd, p, &p->report_keys, why);

	if (st == ST_OK && p->keeper != NULL)
		st = keeper_set_report_keys(p->keeper, p->report_keys, why);
	if (old.n > 0)
		talloc_free((void *)(uintptr_t)old.p);
	return st;
}

static void
attach(struct process *p, enum role other, uint32_t index, int fd)
{
	struct sock *s = net_real_sock(p, p->net, fd);

	if (p->keeper != NULL && other == ROLE_INTAKE)
		keeper_attach_intake(p->keeper, index, s);
	else if (p->keeper != NULL && other == ROLE_COURIER)
		keeper_attach_courier(p->keeper, index, s);
	else if (p->keeper != NULL && other == ROLE_ADVISOR)
		keeper_attach_advisor(p->keeper, s);
	else if (p->keeper != NULL && other == ROLE_COLLECTOR)
		keeper_attach_collector(p->keeper, s);
	else if (p->collector != NULL && other == ROLE_KEEPER)
		collector_attach_keeper(p->collector, s);
	else if (p->advisor != NULL && other == ROLE_KEEPER)
		advisor_attach_keeper(p->advisor, s);
	else if (p->advisor != NULL && other == ROLE_COURIER)
		advisor_attach_courier(p->advisor, index, s);
	else if (p->advisor != NULL && other == ROLE_MAPPER)
		advisor_attach_mapper(p->advisor, s);
	else if (p->mapper != NULL && other == ROLE_ADVISOR)
		mapper_attach_advisor(p->mapper, s);
	else if (p->courier != NULL && other == ROLE_KEEPER)
		courier_attach_keeper(p->courier, s);
	else if (p->courier != NULL && other == ROLE_ADVISOR)
		courier_attach_advisor(p->courier, s);
	else if (p->intake != NULL && other == ROLE_KEEPER)
		intake_attach_keeper(p->intake, s);
	else
		talloc_free(s);
}

static enum status
take_channel(struct process *p, const struct control *c, struct diag *why)
{
	if (p->started) {
		attach(p, c->role, c->number, c->fd);
		return ST_OK;
	}
	if (p->early_count == MAX_EARLY_CHANNELS) {
		close(c->fd);
		return diag_set(why, ST_LIMIT, "over %u channels",
		    MAX_EARLY_CHANNELS);
	}
	p->early[p->early_count].role = c->role;
	p->early[p->early_count].index = c->number;
	p->early[p->early_count++].fd = c->fd;
	return ST_OK;
}

/* ---- channels that broke ---- */

static void
ask_for_channel(void *arg, enum role other)
{
	const struct process *p = arg;
	const struct control lost = {
		.type = CONTROL_LOST, .role = other, .fd = -1
	};
	struct diag why = { 0 };

	if (control_send(CONTROL_FD, &lost, &why) != ST_OK)
		log_text(p->log, LOG_LEVEL_WARN, "no-channel", "%s", why.text);
}

static void
ended(void *arg)
{
	end(arg, EXIT_TRY_LATER);
}

static void
give_up(void *arg)
{
	struct process *p = arg;

	if (p->courier != NULL)
		courier_drain(p->courier, ended, p);
	else if (p->intake != NULL)
		intake_drain(p->intake, ended, p);
	else
		ended(p);
}

static const struct role_links links = {
	.ask = ask_for_channel,
	.give_up = give_up,
};

/* ---- start ---- */

static enum status
start_advisor(struct process *p, const struct role_env *env, struct diag *why)
{
	const struct conf *conf = p->conf;
	const struct net_real_dns dns = {
		.trust_anchor = conf->resolver_trust_anchor,
		.anchor_state = cmd_anchor_state(p, conf),
		.root_hints = conf->resolver_root_hints,
		.option = conf->resolver_option,
		.option_count = conf->resolver_option_count,
		.timeout_ms = conf->resolver_timeout_ms,
		.query_limit = conf->resolver_queries,
	};
	enum status st = net_real_dns(p->net, &dns, why);

	if (st == ST_OK)
		st = net_real_https_of(p->net, p->trust, why);
	if (st != ST_OK)
		return st;
	p->advisor = advisor_new(p, env);
	advisor_links(p->advisor, &links, p);
	return ST_OK;
}

static enum status
start_courier(struct process *p, const struct role_env *env, struct diag *why)
{
	struct tls_client *tls;
	enum status st = tls_client_of(p, p->trust, &tls, why);

	if (st != ST_OK)
		return st;
	p->courier = courier_new(p, env, tls);
	courier_links(p->courier, &links, p);
	st = courier_set_secrets(p->courier, p->secrets, why);
	if (st == ST_OK)
		st = courier_set_material(p->courier, p->material, why);
	return st;
}

/* How many sessions can have one. */
static uint32_t
free_descriptors(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 ||
	    files.rlim_cur >= UINT32_MAX)
		return UINT32_MAX;
	return files.rlim_cur > 2 * OWN_DESCRIPTORS ?
		   (uint32_t)files.rlim_cur - OWN_DESCRIPTORS :
		   OWN_DESCRIPTORS;
}

/* Looked up now: a role that runs opens no file. */
static void
tell_own_user(struct keeper *k)
{
	const struct passwd *pw = getpwuid(geteuid());

	if (pw != NULL)
		keeper_own_user(k, geteuid(), pw->pw_name);
}

static enum status
start_keeper(struct process *p, const struct role_env *env,
    uint32_t courier_count, struct diag *why)
{
	struct checkpoint_key *key;
	enum status st = evidence_key_open(p, p->conf, &key, why);

	if (st == ST_OK)
		st = keeper_new(p, env, cmd_store_spec(p, p->conf),
		    courier_count, &p->keeper, why);
	if (st != ST_OK)
		return st;
	tell_own_user(p->keeper);
	keeper_set_key(p->keeper, key);
	return keeper_set_report_keys(p->keeper, p->report_keys, why);
}

static enum status
start_role(struct process *p, uint32_t courier_count, struct diag *why)
{
	const struct role_env env = { p->net, p->log, p->conf };

	switch (p->role) {
	case ROLE_KEEPER:
		return start_keeper(p, &env, courier_count, why);
	case ROLE_ADVISOR:
		return start_advisor(p, &env, why);
	case ROLE_COURIER:
		return start_courier(p, &env, why);
	case ROLE_INTAKE:
		p->intake = intake_new(p, &env);
		intake_links(p->intake, &links, p);
		intake_set_tls(p->intake, p->tls);
		intake_set_accounts(p->intake, p->accounts);
		intake_limit_connections(p->intake, free_descriptors());
		return ST_OK;
	case ROLE_MAPPER:
		p->mapper = mapper_new(p, &env);
		mapper_links(p->mapper, &links, p);
		return ST_OK;
	case ROLE_COLLECTOR:
		p->collector = collector_new(p, &env);
		collector_links(p->collector, &links, p);
		return ST_OK;
	}
	return ST_UNSUPP; /* not reached: the switch names every role */
}

static enum status
start(struct process *p, uint32_t courier_count, struct diag *why)
{
	const struct control ready = { .type = CONTROL_READY, .fd = -1 };
	enum status st;

	if (p->conf == NULL || p->started)
		return diag_set(why, ST_SYNTAX, "START out of order");
	st = start_role(p, courier_count, why);
	if (st != ST_OK)
		return st;
	p->started = true;
	if (p->trust.n > 0)
		talloc_free((void *)(uintptr_t)p->trust.p);
	p->trust = SPAN_NONE;
	for (size_t i = 0; i < p->early_count; i++)
		attach(p, p->early[i].role, p->early[i].index, p->early[i].fd);
	p->early_count = 0;
	return control_send(CONTROL_FD, &ready, why);
}

/* ---- end ---- */

static void
drained(void *arg)
{
	struct process *p = arg;

	/* The keeper goes last, when the master says STOP. */
	if (p->role != ROLE_KEEPER)
		end(p, EXIT_DONE);
}

static void
drain(struct process *p)
{
	if (p->keeper != NULL)
		keeper_drain(p->keeper, drained, p);
	if (p->courier != NULL)
		courier_drain(p->courier, drained, p);
	if (p->intake != NULL)
		intake_drain(p->intake, drained, p);
}

static enum status
take_listener(struct process *p, const struct control *c, struct diag *why)
{
	struct listener *l = net_real_listener(p, p->net, c->fd);

	if (p->keeper != NULL)
		keeper_add_listener(p->keeper, l);
	else if (p->intake != NULL && c->number < p->conf->listen_count)
		intake_add_listener(p->intake, c->number, l);
	else if (p->mapper != NULL && c->number < p->conf->socketmap_count)
		mapper_add_listener(p->mapper, c->number, l);
	else
		return diag_set(why, ST_SYNTAX, "stray listener");
	return ST_OK;
}

static enum status
obey(struct process *p, const struct control *c, struct diag *why)
{
	switch (c->type) {
	case CONTROL_CONF:
		return take_conf(p, c->fd, why);
	case CONTROL_CLIENT_CA:
		return take_client_ca(p, c->fd, why);
	case CONTROL_CERT:
		return read_blob(c->fd, p->pem, &p->cert, why);
	case CONTROL_TRUST:
		return take_trust(p, c->fd, why);
	case CONTROL_SECRETS:
		return take_secrets(p, c->fd, why);
	case CONTROL_MATERIAL:
		return take_material(p, c->fd, why);
	case CONTROL_REPORT_KEYS:
		return take_report_keys(p, c->fd, why);
	case CONTROL_ACCOUNTS:
		return take_accounts(p, c->fd, why);
	case CONTROL_KEY:
		return take_key(p, c->fd, why);
	case CONTROL_CHANNEL:
		return take_channel(p, c, why);
	case CONTROL_START:
		return start(p, c->number, why);
	case CONTROL_LISTENER:
		return take_listener(p, c, why);
	case CONTROL_DRAIN:
		drain(p);
		return ST_OK;
	case CONTROL_STOP:
		end(p, EXIT_DONE);
		return ST_OK;
	case CONTROL_READY:
	case CONTROL_LOST:
		break;
	}
	return diag_set(why, ST_SYNTAX, "control message %u is not for a role",
	    (unsigned)c->type);
}

static void
control_readable(void *arg)
{
	struct process *p = arg;
	struct diag why = { 0 };
	struct control c;
	enum status st;

	while ((st = control_recv(CONTROL_FD, &c, &why)) == ST_OK) {
		st = obey(p, &c, &why);
		if (st != ST_OK)
			break;
	}
	if (st == ST_TEMP)
		return;
	if (st == ST_CLOSED) {
		end(p, EXIT_TRY_LATER); /* the master has gone */
		return;
	}
	log_text(p->log, LOG_LEVEL_ERROR, "cannot-go-on", "%s", why.text);
	end(p, p->started ? EXIT_TRY_LATER : EXIT_CONFIG);
}

/* The loop decides when to stop; a terminal's ^C goes to the master. */
static void
set_up_process(void)
{
	struct rlimit files;

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	tzset(); /* before anything asks for /etc/localtime */
}

int
cmd_role(int argc, char **argv)
{
	struct process *p = need(talloc_zero(NULL, struct process));
	uint64_t index;
	char *name;
	int status;

	if (argc != 3 || role_parse(span_str(argv[1]), &p->role) != ST_OK ||
	    span_u64(span_str(argv[2]), UINT32_MAX, &index) != ST_OK) {
		fprintf(stderr, "tierpost role: started by the master only\n");
		return EXIT_USAGE;
	}
	p->index = (uint32_t)index;
	set_up_process();
	name = need(talloc_asprintf(p, "%s/%u", argv[1], p->index));
	p->log = log_stderr(p, LOG_LEVEL_INFO, name);
	p->net = net_real_new(p, p->log);
	p->watch = net_real_watch(p, p->net, CONTROL_FD, control_readable, p);
	net_real_run(p->net);
	status = p->status;
	talloc_free(p);
	return status;
}
