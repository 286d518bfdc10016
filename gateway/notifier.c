/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notifier - runs alarms.command.  Arguments are the operator's alone; what
 * happened is in the environment, in printable ASCII of bounded length.
 *
 *	idle --TELL--> running --ended, time is up--> idle, TOLD
 */
#include "gateway/rejoin.h"
#include "gateway/wire.h"
#include "net/chan.h"

#define ENV_COUNT 12u

struct notifier {
	struct role_env env;
	struct chan *keeper;
	struct rejoin *rejoin;
	TALLOC_CTX *run; /* of the program that runs; NULL: none does */
};

static void
answer(struct notifier *n, const char *why)
{
	struct sbuf b;

	if (n->keeper == NULL)
		return;
	sbuf_init(&b, n, ALARM_TEXT_BYTES + 16);
	pack_bytes(&b, span_sub(span_str(why), 0, ALARM_TEXT_BYTES));
	chan_send_span(n->keeper, WIRE_ALARM_TOLD, sbuf_view(&b));
	sbuf_free(&b);
}

static void
ended(void *arg, const char *why)
{
	struct notifier *n = arg;

	answer(n, why);
	TALLOC_FREE(n->run);
}

/* ---- what it is told ---- */

static const char *
pair(TALLOC_CTX *mem, const char *name, const char *value)
{
	return need(talloc_asprintf(mem, "TIERPOST_%s=%s", name, value));
}

static void
fill_env(const struct notifier *n, const struct alarm *one,
    const char *env[ENV_COUNT])
{
	TALLOC_CTX *mem = n->run;
	char since[CLOCK_TEXT_BYTES];
	size_t i = 0;

	env[i++] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
		   "/sbin:/bin";
	env[i++] = "LANG=C";
	env[i++] = pair(mem, "ALARM", alarm_name(one->kind));
	env[i++] = pair(mem, "STATE", one->active ? "raised" : "over");
	env[i++] = pair(mem, "SEVERITY", alarm_severity(one->kind));
	env[i++] = pair(mem, "OBJECT", one->object);
	env[i++] = pair(mem, "TEXT", one->text);
	env[i++] = pair(mem, "ADVICE", alarm_advice(one->kind));
	env[i++] = pair(mem, "SINCE", wall_rfc3339(one->since, since));
	env[i++] = pair(mem, "COUNT",
	    need(talloc_asprintf(mem, "%llu", (unsigned long long)one->count)));
	env[i++] = pair(mem, "HOST", n->env.conf->hostname);
	env[i++] = NULL;
	invariant(i == ENV_COUNT);
}

static enum status
run(struct notifier *n, struct span payload, struct diag *why)
{
	const struct conf *conf = n->env.conf;
	const char *env[ENV_COUNT], *argv[CONF_MAX_COMMAND + 1] = { NULL };
	const struct net_program program = { argv, env,
		conf->alarms_timeout_ms };
	struct alarm one;
	enum status st;

	n->run = need(talloc_new(n));
	st = wire_unpack_alarm(n->run, payload, &one, why);
	if (st != ST_OK || conf->alarms_command_count == 0) {
		TALLOC_FREE(n->run);
		if (st == ST_OK)
			answer(n, "alarms.command is not set any more");
		return st;
	}
	for (size_t i = 0; i < conf->alarms_command_count; i++)
		argv[i] = conf->alarms_command[i];
	fill_env(n, &one, env);
	(void)net_program(n->run, n->env.net, &program, ended, n);
	return ST_OK;
}

/* ---- the keeper ---- */

static enum status
keeper_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct notifier *n = arg;

	if (type != WIRE_ALARM_TELL || n->run != NULL)
		return diag_set(why, ST_SYNTAX, "unexpected frame %u", type);
	return run(n, payload, why);
}

/* What runs is ended: the next keeper tells it again. */
static void
keeper_closed(void *arg, const char *why)
{
	struct notifier *n = arg;

	log_text(n->env.log, LOG_LEVEL_INFO, "channel-closed", "keeper: %s",
	    why);
	TALLOC_FREE(n->keeper);
	TALLOC_FREE(n->run);
	rejoin_lost(n->rejoin);
}

static const struct chan_ops keeper_ops = {
	.frame = keeper_frame,
	.closed = keeper_closed,
};

void
notifier_attach_keeper(struct notifier *n, struct sock *s)
{
	TALLOC_FREE(n->run);
	TALLOC_FREE(n->keeper);
	n->keeper = chan_new(n, n->env.net, s, &keeper_ops, n);
	rejoin_found(n->rejoin);
}

/* ---- life ---- */

struct notifier *
notifier_new(TALLOC_CTX *mem, const struct role_env *env)
{
	struct notifier *n = need(talloc_zero(mem, struct notifier));

	n->env = *env;
	n->rejoin = rejoin_new(n, env, ROLE_KEEPER);
	return n;
}

void
notifier_links(struct notifier *n, const struct role_links *links, void *arg)
{
	rejoin_by(n->rejoin, links, arg);
}

void
notifier_reload(struct notifier *n, const struct conf *conf)
{
	n->env.conf = conf;
}
