/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/cmd_reload.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "gateway/control.h"
#include "gateway/wire.h"
#include "net/chan.h"

#define ASK_AGAIN_MS 50
#define PATIENCE_MS  10000 /* ours: over any reload that succeeds */

struct reload {
	struct net *net;
	struct chan *chan;
	struct net_timer *again, *end;
	const uint8_t *want; /* the digest */
	bool done;
	bool closed;
};

static void
ask(void *arg)
{
	struct reload *r = arg;

	chan_send_span(r->chan, WIRE_CONF_WANT, SPAN_NONE);
}

static enum status
came(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct reload *r = arg;
	struct unpack u = unpack_from(payload);
	struct span digest = unpack_bytes(&u);

	if (type != WIRE_CONF || unpack_done(&u) != ST_OK || digest.n != 32)
		return diag_set(why, ST_SYNTAX, "frame of type %u",
		    (unsigned)type);
	r->done = memcmp(digest.p, r->want, digest.n) == 0;
	if (r->done)
		net_real_stop(r->net);
	else
		net_timer_set(r->again,
		    mono_after(net_now(r->net), ASK_AGAIN_MS));
	return ST_OK;
}

static void
gone(void *arg, const char *why)
{
	struct reload *r = arg;

	(void)why;
	r->chan = NULL;
	r->closed = true;
	net_real_stop(r->net);
}

static void
too_late(void *arg)
{
	struct reload *r = arg;

	net_real_stop(r->net);
}

static const struct chan_ops ops = { .frame = came, .closed = gone };

static enum reload_result
watch(TALLOC_CTX *mem, int fd, const struct conf *conf, struct diag *why)
{
	struct log *log = log_stderr(mem, LOG_LEVEL_ERROR, "reload");
	struct reload r = { .net = net_real_new(mem, log),
		.want = conf->digest };

	r.again = net_timer_new(mem, r.net, ask, &r);
	r.end = net_timer_new(mem, r.net, too_late, &r);
	net_timer_set(r.end, mono_after(net_now(r.net), PATIENCE_MS));
	r.chan = chan_new(mem, r.net, net_real_sock(mem, r.net, fd), &ops, &r);
	ask(&r);
	net_real_run(r.net);
	if (r.done)
		return RELOAD_DONE;
	(void)diag_set(why, ST_TEMP,
	    r.closed ? "it stopped meanwhile" :
		       "its log tells why (not-reloaded); or it was started "
		       "with another configuration file");
	return RELOAD_REFUSED;
}

enum reload_result
cmd_reload(TALLOC_CTX *mem, const struct conf *conf, struct diag *why)
{
	int fd = control_socket_connect(conf->state_dir, why);
	pid_t master;

	if (fd < 0)
		return why->st == ST_NOTFOUND ? RELOAD_NOBODY : RELOAD_REFUSED;
	master = control_socket_master(fd);
	if (master <= 0 || kill(master, SIGHUP) != 0) {
		(void)diag_errno(why, "SIGHUP to process %d", (int)master);
		close(fd);
		return RELOAD_REFUSED;
	}
	return watch(mem, fd, conf, why);
}
