/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/cmd_plan.h"

#include <stdio.h>

#include "net/net_real.h"
#include "util/domain.h"

static void
write_quiet(void *arg, enum log_level level, struct span line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static void
load_entry(void *arg, const struct sts_entry *e)
{
	policy_cache_load(discover_cache(arg), e);
}

/*
 * The gateway's cache, when there is one to read: a policy that still binds
 * must show here as it does there.
 */
static void
load_cache(struct cmd_plan *p)
{
	struct store *store = cmd_open_store(p, p->env.conf);
	struct diag why = { 0 };

	if (store != NULL &&
	    store_sts_each(store, p, load_entry, p->discover, &why) != ST_OK)
		fprintf(stderr, "tierpost: %s\n", why.text);
	else if (store == NULL)
		fprintf(stderr, "tierpost: going on without the gateway's "
				"policy cache\n");
	talloc_free(store);
}

static enum status
set_up(struct cmd_plan *p, const struct conf *conf, struct diag *why)
{
	const struct net_real_dns dns = {
		.trust_anchor = conf->resolver_trust_anchor,
		.anchor_state = cmd_anchor_state(p, conf),
		.anchor_look_on = true,
		.root_hints = conf->resolver_root_hints,
		.option = conf->resolver_option,
		.option_count = conf->resolver_option_count,
		.timeout_ms = conf->resolver_timeout_ms,
		.query_limit = conf->resolver_queries,
	};
	enum status st;

	p->log = (struct log){ .level = LOG_LEVEL_ERROR,
		.role = "command",
		.write = write_quiet };
	p->env.conf = conf;
	p->env.log = &p->log;
	p->env.net = net_real_new(p, p->env.log);
	st = net_real_dns(p->env.net, &dns, why);
	if (st == ST_OK)
		st = net_real_https(p->env.net, conf->sts_ca_file, why);
	return st;
}

struct cmd_plan *
cmd_plan_new(TALLOC_CTX *mem, const struct conf *conf)
{
	struct cmd_plan *p = need(talloc_zero(mem, struct cmd_plan));
	struct diag why = { 0 };

	if (set_up(p, conf, &why) != ST_OK) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		talloc_free(p);
		return NULL;
	}
	p->discover = discover_new(p, &p->env,
	    &(const struct policy_cache_ops){ 0 }, NULL);
	p->self = supply_self(p, &p->env);
	p->health = "";
	load_cache(p);
	return p;
}

static void
tested(void *arg, const struct dns_health *h)
{
	struct cmd_plan *p = arg;

	p->validating = h->validating;
	p->health = need(talloc_strdup(p, h->text));
	p->ready(p->arg);
}

void
cmd_plan_run(struct cmd_plan *p, void (*ready)(void *arg), void *arg)
{
	p->ready = ready;
	p->arg = arg;
	net_dns_selftest(p->env.net, tested, p);
	net_real_run(p->env.net);
}

void
cmd_plan_stop(struct cmd_plan *p)
{
	net_real_stop(p->env.net);
}

void
cmd_plan_ask(struct cmd_plan *p, const struct role_env *env,
    const struct dest_key *to, void (*done)(void *arg, const struct plan *plan),
    void *arg)
{
	(void)supply_plan(p, env,
	    &(const struct supply_from){
		.discover = p->discover, .self = p->self, .anew = p->anew },
	    to, done, arg);
}

const char *
cmd_domain(TALLOC_CTX *mem, const char *text)
{
	const char *name;
	struct diag why = { 0 };

	if (domain_is_address(span_str(text)))
		return text;
	if (domain_canonical(mem, span_str(text), &name, &why) != ST_OK) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		return NULL;
	}
	return name;
}
