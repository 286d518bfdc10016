/* SPDX-License-Identifier: BSD-2-Clause */
/* `tierpost report tlsrpt send`: the running gateway is asked, over its
 * socket in state-dir. */
#include <stdio.h>

#include "gateway/cmd_tlsrpt.h"
#include "gateway/control.h"
#include "gateway/wire.h"
#include "net/chan.h"

struct order {
	TALLOC_CTX *mem;
	struct net *net;
	struct chan *chan;
	bool answered;
	bool done;
	const char *why;
};

static enum status
answer_came(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct order *o = arg;
	struct unpack u = unpack_from(payload);

	o->done = unpack_bool(&u);
	o->why = unpack_str(&u, o->mem);
	if (type != WIRE_TLSRPT_NOTED || unpack_done(&u) != ST_OK)
		return diag_set(why, ST_SYNTAX, "frame of type %u",
		    (unsigned)type);
	o->answered = true;
	net_real_stop(o->net);
	return ST_OK;
}

static void
gone(void *arg, const char *why)
{
	struct order *o = arg;

	(void)why;
	net_real_stop(o->net);
}

static const struct chan_ops ops = { .frame = answer_came, .closed = gone };

static void
ask(struct order *o, const struct tlsrpt_args *args)
{
	const struct wire_tlsrpt_send w = { args->day, args->domain,
		cmd_who() };
	struct sbuf b;

	sbuf_init(&b, o->mem, CHAN_FRAME_MAX_BYTES);
	wire_pack_tlsrpt_send(&b, &w);
	chan_send_span(o->chan, WIRE_TLSRPT_SEND, sbuf_view(&b));
}

static int
order(const struct tlsrpt_args *args)
{
	struct log *log = log_stderr(args->mem, LOG_LEVEL_ERROR, "tlsrpt");
	struct order o = { .mem = args->mem };
	int fd = cmd_connect(args->conf);

	if (fd < 0)
		return EXIT_TRY_LATER;
	o.net = net_real_new(o.mem, log);
	o.chan = chan_new(o.mem, o.net, net_real_sock(o.mem, o.net, fd), &ops,
	    &o);
	ask(&o, args);
	net_real_run(o.net);
	if (!o.answered) {
		fprintf(stderr, "tierpost: the gateway stopped before it "
				"answered\n");
		return EXIT_TRY_LATER;
	}
	if (!o.done) {
		fprintf(stderr, "tierpost: %s: %s\n", args->domain, o.why);
		return EXIT_NO;
	}
	printf("%s: it is being sent: see tierpost report tlsrpt list\n",
	    args->domain);
	return EXIT_DONE;
}

int
cmd_tlsrpt_send(int argc, char **argv)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	struct tlsrpt_args args;
	int status = tlsrpt_args_read(mem, argc, argv, TLSRPT_TAKES_ONE,
	    "DOMAIN DAY [-c FILE]", &args);

	if (status == EXIT_DONE)
		status = order(&args);
	talloc_free(mem);
	return status;
}
