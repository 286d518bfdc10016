/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection: a request, its reply, the next.  What comes meanwhile
 * waits in the socket.
 *
 *	READING --request, known--> READING
 *	READING --request, not known--> WAITING --answer, time is up--> READING
 *	any --reply not taken--> WRITING --taken--> READING
 */
#include "gateway/mapper_internal.h"

#include "util/netstring.h"

#define READ_BYTES 4096u
#define IN_BYTES   (SOCKETMAP_REQUEST_BYTES + NETSTRING_FRAME_BYTES)

static void work(struct mapper_client *c);

static int
client_destroy(struct mapper_client *c)
{
	mapper_leave(c);
	TAILQ_REMOVE(&c->m->clients, c, link);
	c->m->client_count--;
	return 0;
}

void
mapper_client_wait(struct mapper_client *c, int64_t ms)
{
	net_timer_set(c->timer, mono_after(net_now(c->m->env.net), ms));
}

/* Something was finished; a byte now and then does not count. */
static void
be_patient(struct mapper_client *c)
{
	mapper_client_wait(c, c->m->env.conf->mapper_idle_ms);
}

/* ---- replies ---- */

/* False: the connection is gone. */
static bool
flush(struct mapper_client *c)
{
	bool any = c->out.n > 0;

	while (c->out.n > 0) {
		const struct iovec iov = { c->out.p, c->out.n };
		size_t sent;
		enum io io = sock_send(c->sock, &iov, 1, &sent);

		if (io == IO_AGAIN)
			return true;
		if (io != IO_OK) {
			talloc_free(c);
			return false;
		}
		sbuf_consume(&c->out, sent);
	}
	if (c->ending) {
		talloc_free(c);
		return false;
	}
	if (any && c->waits == NULL)
		be_patient(c);
	return true;
}

/* Has it as much unread as it may? */
static bool
is_slow(const struct mapper_client *c)
{
	return c->out.n >
	       MAPPER_OUT_BYTES - SOCKETMAP_REPLY_BYTES - NETSTRING_FRAME_BYTES;
}

static void
go_on(void *arg)
{
	struct mapper_client *c = arg;

	c->later = NULL; /* it frees itself */
	work(c);
}

/* Later, for whoever tells it goes through a list of those who wait. */
void
mapper_client_tell(struct mapper_client *c, const struct postfix_answer *answer)
{
	socketmap_reply(&c->out, c->map, answer, net_wall(c->m->env.net));
	c->later = net_later(c, c->m->env.net, go_on, c);
}

/* ---- requests ---- */

static void
refuse(struct mapper_client *c, const char *why)
{
	socketmap_reply_perm(&c->out, why);
}

static void
answer(struct mapper_client *c, struct span request)
{
	TALLOC_CTX *tmp = need(talloc_new(c));
	const struct conf *conf = c->m->env.conf;
	const struct postfix_answer *known = NULL;
	struct socketmap_request r;
	struct diag why = { 0 };

	if (socketmap_request(tmp, request, (uint16_t)conf->smtp_port, &r,
		&why) != ST_OK) {
		refuse(c, why.text);
	} else if (r.parent) {
		socketmap_reply_notfound(&c->out);
	} else {
		c->map = r.map;
		if (mapper_ask(c, &r.hop, &known) != ST_OK)
			socketmap_reply_temp(&c->out,
			    "too many questions are under way");
		else if (known != NULL)
			socketmap_reply(&c->out, c->map, known,
			    net_wall(c->m->env.net));
	}
	talloc_free(tmp);
}

/* What is no request ends the connection: where the next begins is lost. */
static void
break_off(struct mapper_client *c, enum status st)
{
	if (st == ST_LIMIT)
		refuse(c, "the request is too long");
	c->ending = true;
}

/* Those that are whole, one after the other; false: there is none now. */
static bool
take_requests(struct mapper_client *c)
{
	struct span in = sbuf_view(&c->in), request;
	enum status st = ST_OK;
	bool any = false;

	while (c->waits == NULL && !is_slow(c) && !c->ending) {
		st = netstring_take(&in, SOCKETMAP_REQUEST_BYTES, &request);
		if (st == ST_OK)
			answer(c, request);
		else if (st != ST_TEMP)
			break_off(c, st);
		else
			break;
		any = true;
	}
	sbuf_consume(&c->in, c->in.n - in.n);
	return any;
}

/* ---- the socket ---- */

/* False: the connection is gone. */
static bool
receive(struct mapper_client *c)
{
	uint8_t *at;
	size_t got;
	enum io io;

	at = sbuf_reserve(&c->in, READ_BYTES);
	invariant(at != NULL);
	io = sock_recv(c->sock, at, READ_BYTES, &got);
	sbuf_commit(&c->in, got);
	if (io == IO_OK || io == IO_AGAIN)
		return true;
	talloc_free(c);
	return false;
}

static void
ready(void *arg, unsigned events)
{
	struct mapper_client *c = arg;

	if ((events & SOCK_READABLE) && !receive(c))
		return;
	work(c);
}

/* Who waits is listened to as well, so that his end is seen. */
static void
watch(struct mapper_client *c)
{
	unsigned events = 0;

	if (c->out.n > 0)
		events |= SOCK_WRITABLE;
	else if (c->in.n <= IN_BYTES)
		events |= SOCK_READABLE;
	sock_watch(c->sock, events, ready, c);
}

/* Until it waits for an answer, for the other side to read, or to ask. */
static void
work(struct mapper_client *c)
{
	bool any;

	TALLOC_FREE(c->later);
	do {
		any = take_requests(c);
		if (!flush(c))
			return;
	} while (any && c->out.n == 0);
	watch(c);
}

/* ---- life ---- */

static void
time_is_up(void *arg)
{
	struct mapper_client *c = arg;

	if (c->waits == NULL) {
		talloc_free(c);
		return;
	}
	mapper_leave(c);
	socketmap_reply_temp(&c->out, c->m->advisor == NULL ?
					  "nobody decides now" :
					  "the lookups take too long");
	work(c);
}

void
mapper_client_new(struct mapper *m, struct sock *s)
{
	struct mapper_client *c = need(talloc_zero(m, struct mapper_client));

	c->m = m;
	c->sock = talloc_steal(c, s);
	sbuf_init(&c->in, c, IN_BYTES + READ_BYTES + 1);
	sbuf_init(&c->out, c, MAPPER_OUT_BYTES);
	c->timer = net_timer_new(c, m->env.net, time_is_up, c);
	TAILQ_INSERT_TAIL(&m->clients, c, link);
	m->client_count++;
	talloc_set_destructor(c, client_destroy);
	be_patient(c);
	watch(c);
}
