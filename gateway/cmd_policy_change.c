/* SPDX-License-Identifier: BSD-2-Clause */
/* Refreshing and forgetting: the running gateway is asked, over its socket
 * in state-dir, of one domain after the other. */
#include <jansson.h>
#include <stdio.h>

#include "gateway/cmd_policy.h"
#include "gateway/control.h"
#include "net/chan.h"
#include "util/jtree.h"

struct change {
	TALLOC_CTX *mem;
	struct net *net;
	struct chan *chan;
	const struct policy_args *args;
	enum policy_verb verb;
	size_t at; /* the domain that is asked for */
	json_t *rows;
	int status;
};

static void
ask(struct change *c)
{
	const struct wire_policy_ask w = {
		.verb = c->verb,
		.domain = c->args->domain[c->at],
		.by = c->args->by,
		.reason = c->args->reason,
	};
	struct sbuf b;

	sbuf_init(&b, c->mem, CHAN_FRAME_MAX_BYTES);
	wire_pack_policy_ask(&b, &w);
	chan_send_span(c->chan, WIRE_POLICY_ASK, sbuf_view(&b));
	sbuf_free(&b);
}

static const char *
outcome(const struct change *c, const struct wire_policy_answer *a)
{
	switch (c->verb) {
	case POLICY_REFRESH:
		return a->done ? "fetched" : "not fetched";
	case POLICY_FORGET:
		return a->done ? "forgotten" : "no policy is cached";
	}
	return ""; /* not reached: the switch names every verb */
}

static void
print_json(struct change *c, const struct wire_policy_answer *a)
{
	char fetched[CLOCK_TEXT_BYTES], until[CLOCK_TEXT_BYTES];

	jtree_append(c->rows,
	    json_pack("{s:s, s:b, s:s, s:b, s:s, s:s, s:s, s:s}", "domain",
		c->args->domain[c->at], "done", (int)a->done, "state",
		sts_state_name(a->state), "stale", (int)a->stale, "id", a->id,
		"fetched",
		a->fetched.ms == 0 ? "" : wall_rfc3339(a->fetched, fetched),
		"expires",
		a->expires.ms == 0 ? "" : wall_rfc3339(a->expires, until),
		"why", a->why));
}

static void
print_text(const struct change *c, const struct wire_policy_answer *a)
{
	char until[CLOCK_TEXT_BYTES];

	printf("%s: %s", c->args->domain[c->at], outcome(c, a));
	if (c->verb == POLICY_REFRESH)
		printf("; %s%s", sts_state_name(a->state),
		    a->stale ? " (of an earlier fetch)" : "");
	if (a->expires.ms != 0)
		printf(", id %s, until %s", a->id,
		    wall_rfc3339(a->expires, until));
	if (*a->why != '\0')
		printf(": %s", a->why);
	putchar('\n');
}

static enum status
answer_came(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct change *c = arg;
	struct wire_policy_answer a;

	if (type != WIRE_POLICY_ANSWER ||
	    wire_unpack_policy_answer(c->mem, payload, &a, why) != ST_OK)
		return diag_set(why, ST_SYNTAX, "frame of type %u",
		    (unsigned)type);
	if (c->rows != NULL)
		print_json(c, &a);
	else
		print_text(c, &a);
	if (!a.done)
		c->status = EXIT_NO;
	if (++c->at < c->args->domain_count)
		ask(c);
	else
		net_real_stop(c->net);
	return ST_OK;
}

static void
gone(void *arg, const char *why)
{
	struct change *c = arg;

	(void)why;
	c->chan = NULL;
	net_real_stop(c->net);
	if (c->at == c->args->domain_count)
		return; /* all was told */
	c->status = EXIT_TRY_LATER;
	fprintf(stderr, "tierpost: the gateway stopped before it was done; "
			"what it told is done\n");
}

static const struct chan_ops ops = { .frame = answer_came, .closed = gone };

int
policy_change(TALLOC_CTX *mem, const struct conf *conf,
    const struct policy_args *args, enum policy_verb verb)
{
	struct log *log = log_stderr(mem, LOG_LEVEL_ERROR, "policy");
	struct change c = { .mem = mem,
		.args = args,
		.verb = verb,
		.rows = args->json ? need(json_array()) : NULL,
		.status = EXIT_DONE };
	int fd = cmd_connect(conf);

	if (fd < 0)
		return EXIT_TRY_LATER;
	c.net = net_real_new(mem, log);
	c.chan = chan_new(mem, c.net, net_real_sock(mem, c.net, fd), &ops, &c);
	ask(&c);
	net_real_run(c.net);
	if (c.rows != NULL)
		cmd_print_json(c.rows, JSON_INDENT(2));
	return c.status;
}
