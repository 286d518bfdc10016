/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mapper - answers Postfix in the words of its smtp_tls_policy_maps.  It
 * decides nothing: plans come from the advisor, policy/postfix says what
 * they come to.
 */
#include "gateway/mapper_internal.h"

/* ---- the advisor ---- */

static enum status
advisor_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	if (type == WIRE_HOPS_OVER && payload.n == 0) {
		mapper_forget_known(arg);
		return ST_OK;
	}
	if (type != WIRE_PLAN)
		return diag_set(why, ST_SYNTAX, "unexpected frame %u", type);
	return mapper_take_plan(arg, payload, why);
}

static void
advisor_closed(void *arg, const char *why)
{
	struct mapper *m = arg;
	struct mapper_client *c;

	log_text(m->env.log, LOG_LEVEL_INFO, "channel-closed", "advisor: %s",
	    why);
	TALLOC_FREE(m->advisor);
	mapper_forget_unwanted(m);
	TAILQ_FOREACH(c, &m->clients, link)
		if (c->waits != NULL)
			mapper_client_wait(c, MAPPER_ABSENT_MS);
	rejoin_lost(m->rejoin);
}

static const struct chan_ops advisor_ops = {
	.frame = advisor_frame,
	.closed = advisor_closed,
};

void
mapper_attach_advisor(struct mapper *m, struct sock *s)
{
	TALLOC_FREE(m->advisor);
	m->advisor = chan_new(m, m->env.net, s, &advisor_ops, m);
	rejoin_found(m->rejoin);
	mapper_ask_again(m);
}

void
mapper_links(struct mapper *m, const struct role_links *links, void *arg)
{
	rejoin_by(m->rejoin, links, arg);
}

/* ---- connections ---- */

/* One in the file system has a group instead. */
static bool
may_ask(const struct mapper_point *p, const struct netaddr *client)
{
	const struct conf *conf = p->m->env.conf;
	const struct conf_socketmap *s;

	if (p->index >= conf->socketmap_count)
		return false;
	s = &conf->socketmap[p->index];
	if (*s->path != '\0')
		return true;
	if (s->allow_count == 0)
		return netaddr_scope_of(client) == NETADDR_LOOPBACK;
	for (size_t i = 0; i < s->allow_count; i++)
		if (netprefix_has(&s->allow[i], client))
			return true;
	return false;
}

static void
turn_away(const struct mapper *m, const struct sock *s, const char *why)
{
	struct logline l = logline_begin(m->env.log, LOG_LEVEL_WARN,
	    "mapper-refused");
	char text[NETADDR_TEXT_BYTES];

	if (sock_peer(s)->family != NETADDR_NONE)
		logline_str(&l, "client", netaddr_text(sock_peer(s), text));
	logline_str(&l, "why", why);
	logline_end(&l);
}

static void
accepted(void *arg, struct sock *s)
{
	const struct mapper_point *p = arg;
	struct mapper *m = p->m;
	const char *why = NULL;

	if (!may_ask(p, sock_peer(s)))
		why = "not from a network in allow";
	else if (m->client_count >= m->env.conf->mapper_connections)
		why = "too many connections";
	if (why == NULL) {
		mapper_client_new(m, s);
		return;
	}
	turn_away(m, s, why);
	talloc_free(s);
}

static void
not_accepted(void *arg, struct sock *s)
{
	const struct mapper_point *p = arg;

	turn_away(p->m, s, "no descriptor is left");
}

void
mapper_add_listener(struct mapper *m, size_t which, struct listener *l)
{
	struct mapper_point *p;

	invariant(which < CONF_MAX_SOCKETMAP && m->point[which] == NULL);
	p = m->point[which] = need(talloc_zero(m, struct mapper_point));
	p->m = m;
	p->index = which;
	p->listener = talloc_steal(p, l);
	listener_on_full(l, not_accepted);
	listener_start(l, m, accepted, p);
}

/* ---- life ---- */

/* Clients first: they stand in lists of the answers. */
static int
mapper_destroy(struct mapper *m)
{
	struct mapper_client *c;

	while ((c = TAILQ_FIRST(&m->clients)) != NULL)
		talloc_free(c);
	return 0;
}

struct mapper *
mapper_new(TALLOC_CTX *mem, const struct role_env *env)
{
	struct mapper *m = need(talloc_zero(mem, struct mapper));

	m->env = *env;
	m->rejoin = rejoin_new(m, env, ROLE_ADVISOR);
	TAILQ_INIT(&m->clients);
	mapper_answers_init(m);
	talloc_set_destructor(m, mapper_destroy);
	return m;
}

void
mapper_reload(struct mapper *m, const struct conf *conf)
{
	m->env.conf = conf;
	mapper_forget_known(m); /* they may rest on rules that are gone */
}
