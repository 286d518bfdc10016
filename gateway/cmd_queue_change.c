/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes of the queue: the keeper of the running gateway is asked, over
 * its socket in state-dir, and tells how far it got.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "gateway/cmd_queue.h"
#include "gateway/control.h"
#include "net/chan.h"

struct change {
	struct net *net;
	struct chan *chan;
	enum admin_verb verb;
	bool progress; /* a person watches */
	struct wire_admin_state state;
	bool ended;
	const char *trouble; /* or NULL */
};

static void
show_progress(const struct change *c)
{
	if (c->progress)
		fprintf(stderr, "\r%s: %" PRIu64 " of %" PRIu64 " seen%s",
		    admin_verb_name(c->verb), c->state.changed, c->state.seen,
		    c->state.done ? "\n" : "");
}

static enum status
state_came(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct change *c = arg;
	enum status st = ST_SYNTAX;

	if (type == WIRE_ADMIN_STATE)
		st = wire_unpack_admin_state(c->net, payload, &c->state, why);
	if (st != ST_OK)
		return diag_set(why, ST_SYNTAX, "frame of type %u",
		    (unsigned)type);
	show_progress(c);
	c->ended = c->state.done;
	if (c->ended)
		net_real_stop(c->net);
	return ST_OK;
}

static void
gone(void *arg, const char *why)
{
	struct change *c = arg;

	(void)why;
	c->chan = NULL;
	if (!c->ended)
		c->trouble = "the gateway stopped before it was done; what it "
			     "told is done";
	net_real_stop(c->net);
}

static const struct chan_ops ops = { .frame = state_came, .closed = gone };

static void
ask(TALLOC_CTX *mem, struct change *c, const struct queue_args *args)
{
	const struct wire_admin w = {
		.verb = c->verb,
		.by = cmd_who(),
		.reason = args->reason,
		.to = args->to,
		.notify = args->notify,
		.filter = args->filter,
	};
	struct sbuf b;

	sbuf_init(&b, mem, CHAN_FRAME_MAX_BYTES);
	wire_pack_admin(&b, &w);
	chan_send_span(c->chan, WIRE_ADMIN, sbuf_view(&b));
}

static void
print_result(const struct change *c, bool json)
{
	const struct wire_admin_state *s = &c->state;

	if (json) {
		json_t *j = need(json_pack("{s:s, s:I, s:I, s:I, s:b}", "verb",
		    admin_verb_name(c->verb), "matched", (json_int_t)s->seen,
		    "changed", (json_int_t)s->changed, "busy",
		    (json_int_t)s->busy, "complete", c->ended));

		cmd_print_json(j, 0);
		return;
	}
	printf("%" PRIu64 " %s matched, %" PRIu64 " changed (%s)\n", s->seen,
	    plural(s->seen, "recipient", "recipients"), s->changed,
	    admin_verb_name(c->verb));
	if (s->busy > 0)
		printf("%" PRIu64 " %s left, for delivery is under way: try "
		       "again\n",
		    s->busy, plural(s->busy, "was", "were"));
}

static int
result(const struct change *c, const struct queue_args *args)
{
	const char *trouble = c->ended && *c->state.why != '\0' ? c->state.why :
								  c->trouble;

	print_result(c, args->json);
	if (trouble != NULL) {
		fprintf(stderr, "tierpost: %s\n", trouble);
		return EXIT_TRY_LATER;
	}
	if (c->state.busy > 0)
		return EXIT_TRY_LATER;
	return c->state.seen > 0 ? EXIT_DONE : EXIT_NO;
}

int
queue_change(TALLOC_CTX *mem, const struct conf *conf,
    const struct queue_args *args, enum admin_verb verb)
{
	struct log *log = log_stderr(mem, LOG_LEVEL_ERROR, "queue");
	struct change c = { .verb = verb, .state = { .why = "" } };
	int fd = cmd_connect(conf);

	if (fd < 0)
		return EXIT_TRY_LATER;
	c.progress = isatty(STDERR_FILENO) == 1;
	c.net = net_real_new(mem, log);
	c.chan = chan_new(mem, c.net, net_real_sock(mem, c.net, fd), &ops, &c);
	ask(mem, &c, args);
	net_real_run(c.net);
	return result(&c, args);
}
