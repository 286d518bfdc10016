/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * console - answers GET /metrics by HTTP (RFC 9110, 9112) with numbers of
 * the keeper.  It reads one request of a connection, whatever version it
 * says it is, answers and closes: there is nothing else to speak of.
 *
 *	READING --request--> ASKING --numbers, no keeper--> WRITING --> (gone)
 *	READING --not ours, too long--> WRITING
 *	any --CONSOLE_PATIENCE_MS--> (gone)
 */
#include <sys/queue.h>

#include "gateway/rejoin.h"
#include "gateway/wire.h"
#include "net/chan.h"
#include "report/metrics.h"

#define CONSOLE_REQUEST_BYTES 8192u   /* B3.14: its head; a body is not read */
#define CONSOLE_PATIENCE_MS   10000   /* B3.14: of a whole connection */
#define CONSOLE_CLIENTS       32u     /* ours: at a time */
#define CONSOLE_ANSWER_BYTES  262144u /* ours: five times the text */
#define CONSOLE_READ_BYTES    1024u

struct client {
	TAILQ_ENTRY(client) link;
	struct console *c;
	struct sock *sock;
	struct sbuf in, out;
	struct net_timer *timer;
	bool head;   /* HEAD: no body */
	bool asking; /* waits for the keeper */
};

struct point {
	struct console *c;
	size_t index;
	struct listener *listener;
};

struct console {
	struct role_env env;
	struct chan *keeper; /* or NULL */
	struct rejoin *rejoin;
	bool asked; /* the keeper, and it has not answered */
	struct point *point[CONF_MAX_METRICS];
	TAILQ_HEAD(, client) clients;
	uint32_t client_count;
};

static void ready(void *arg, unsigned events);

/* ---- answers ---- */

static int
client_destroy(struct client *cl)
{
	TAILQ_REMOVE(&cl->c->clients, cl, link);
	cl->c->client_count--;
	return 0;
}

/* Send what the socket takes; the connection may be gone then. */
static void
flush(struct client *cl)
{
	while (cl->out.n > 0) {
		const struct iovec iov = { cl->out.p, cl->out.n };
		size_t sent;
		enum io io = sock_send(cl->sock, &iov, 1, &sent);

		if (io == IO_AGAIN) {
			sock_watch(cl->sock, SOCK_WRITABLE, ready, cl);
			return;
		}
		if (io != IO_OK)
			break;
		sbuf_consume(&cl->out, sent);
	}
	talloc_free(cl);
}

static void
answer(struct client *cl, const char *status, const char *extra,
    struct span body)
{
	cl->asking = false;
	sbuf_printf(&cl->out,
	    "HTTP/1.0 %s\r\n"
	    "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
	    "Content-Length: %zu\r\n"
	    "Cache-Control: no-store\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "%sConnection: close\r\n\r\n",
	    status, body.n, extra);
	if (!cl->head)
		sbuf_span(&cl->out, body);
	invariant(!sbuf_failed(&cl->out));
	flush(cl);
}

static void
refuse(struct client *cl, const char *status, const char *extra)
{
	char text[80];
	int n = snprintf(text, sizeof(text), "%s\n", status);

	answer(cl, status, extra, span_of(text, (size_t)n));
}

/* Those that wait; each answer frees its client, or leaves it to write. */
static struct client *
next_asking(const struct console *c)
{
	struct client *cl;

	TAILQ_FOREACH(cl, &c->clients, link)
		if (cl->asking)
			return cl;
	return NULL;
}

static void
refuse_all(struct console *c)
{
	struct client *cl;

	c->asked = false;
	while ((cl = next_asking(c)) != NULL)
		refuse(cl, "503 Service Unavailable", "Retry-After: 10\r\n");
}

/* ---- requests ---- */

static void
ask(struct client *cl)
{
	struct console *c = cl->c;

	if (c->keeper == NULL) {
		refuse(cl, "503 Service Unavailable", "Retry-After: 10\r\n");
		return;
	}
	cl->asking = true;
	sock_watch(cl->sock, 0, ready, cl);
	if (c->asked)
		return; /* the answer is for all who wait */
	c->asked = true;
	chan_send_span(c->keeper, WIRE_METRICS_WANT, SPAN_NONE);
}

static bool
is_metrics(struct span target)
{
	struct span path = target, query;

	(void)span_cut(target, '?', &path, &query);
	return span_eq(path, "/metrics");
}

/* The first line is all that counts: no field changes what is shown. */
static void
take_request(struct client *cl, struct span head)
{
	struct span line, method, target, version;

	if (!span_line(&head, &line) ||
	    !span_cut(line, ' ', &method, &target) ||
	    !span_cut(target, ' ', &target, &version) ||
	    !span_starts(version, "HTTP/1.")) {
		refuse(cl, "400 Bad Request", "");
		return;
	}
	cl->head = span_eq(method, "HEAD");
	if (!cl->head && !span_eq(method, "GET"))
		refuse(cl, "405 Method Not Allowed", "Allow: GET, HEAD\r\n");
	else if (!is_metrics(target))
		refuse(cl, "404 Not Found", "");
	else
		ask(cl);
}

/* Where the head ends, with its last empty line; 0: not yet. */
static size_t
head_end(struct span in)
{
	size_t at = 0;

	while ((at = span_find(in, '\n', at)) < in.n) {
		struct span rest = span_sub(in, ++at, in.n);

		if (span_starts(rest, "\n"))
			return at + 1;
		if (span_starts(rest, "\r\n"))
			return at + 2;
	}
	return 0;
}

/* ---- the socket ---- */

static void
receive(struct client *cl)
{
	uint8_t *at = sbuf_reserve(&cl->in, CONSOLE_READ_BYTES);
	size_t got, end;
	enum io io;

	invariant(at != NULL);
	io = sock_recv(cl->sock, at, CONSOLE_READ_BYTES, &got);
	sbuf_commit(&cl->in, got);
	if (io == IO_AGAIN)
		return;
	if (io != IO_OK) {
		talloc_free(cl);
		return;
	}
	end = head_end(sbuf_view(&cl->in));
	if (end > CONSOLE_REQUEST_BYTES ||
	    (end == 0 && cl->in.n > CONSOLE_REQUEST_BYTES))
		refuse(cl, "431 Request Header Fields Too Large", "");
	else if (end > 0)
		take_request(cl, span_sub(sbuf_view(&cl->in), 0, end));
}

static void
ready(void *arg, unsigned events)
{
	struct client *cl = arg;

	if (cl->out.n > 0)
		flush(cl);
	else if (events & SOCK_READABLE)
		receive(cl);
}

static void
time_is_up(void *arg)
{
	talloc_free(arg);
}

static void
client_new(struct console *c, struct sock *s)
{
	struct client *cl = need(talloc_zero(c, struct client));

	cl->c = c;
	cl->sock = talloc_steal(cl, s);
	sbuf_init(&cl->in, cl, CONSOLE_REQUEST_BYTES + CONSOLE_READ_BYTES + 1);
	sbuf_init(&cl->out, cl, CONSOLE_ANSWER_BYTES);
	cl->timer = net_timer_new(cl, c->env.net, time_is_up, cl);
	net_timer_set(cl->timer,
	    mono_after(net_now(c->env.net), CONSOLE_PATIENCE_MS));
	TAILQ_INSERT_TAIL(&c->clients, cl, link);
	c->client_count++;
	talloc_set_destructor(cl, client_destroy);
	sock_watch(cl->sock, SOCK_READABLE, ready, cl);
}

/* ---- connections ---- */

static void
turn_away(const struct console *c, const struct sock *s, const char *why)
{
	struct logline l = logline_begin(c->env.log, LOG_LEVEL_WARN,
	    "console-refused");
	char text[NETADDR_TEXT_BYTES];

	if (sock_peer(s)->family != NETADDR_NONE)
		logline_str(&l, "client", netaddr_text(sock_peer(s), text));
	logline_str(&l, "why", why);
	logline_end(&l);
}

static void
accepted(void *arg, struct sock *s)
{
	const struct point *p = arg;
	struct console *c = p->c;
	const struct conf *conf = c->env.conf;
	const char *why = NULL;

	if (p->index >= conf->metrics_count ||
	    !conf_point_allows(&conf->metrics[p->index], sock_peer(s)))
		why = "not from a network in allow";
	else if (c->client_count >= CONSOLE_CLIENTS)
		why = "too many connections";
	if (why == NULL) {
		client_new(c, s);
		return;
	}
	turn_away(c, s, why);
	talloc_free(s);
}

static void
not_accepted(void *arg, struct sock *s)
{
	const struct point *p = arg;

	turn_away(p->c, s, "no descriptor is left");
}

void
console_add_listener(struct console *c, size_t which, struct listener *l)
{
	struct point *p;

	invariant(which < CONF_MAX_METRICS && c->point[which] == NULL);
	p = c->point[which] = need(talloc_zero(c, struct point));
	p->c = c;
	p->index = which;
	p->listener = talloc_steal(p, l);
	listener_on_full(l, not_accepted);
	listener_start(l, c, accepted, p);
}

/* ---- the keeper ---- */

static enum status
take_numbers(struct console *c, struct span payload, struct diag *why)
{
	struct unpack u = unpack_from(payload);
	struct metrics m;
	struct client *cl;
	struct sbuf text;

	for (unsigned i = 0; i < METRIC_VALUES; i++)
		m.v[i] = unpack_u64(&u);
	if (unpack_done(&u) != ST_OK)
		return diag_set(why, ST_SYNTAX, "not the numbers");
	sbuf_init(&text, c, CONSOLE_ANSWER_BYTES / 2);
	metrics_print(&text, &m, TIERPOST_VERSION);
	invariant(!sbuf_failed(&text));
	c->asked = false;
	while ((cl = next_asking(c)) != NULL)
		answer(cl, "200 OK", "", sbuf_view(&text));
	sbuf_free(&text);
	return ST_OK;
}

static enum status
keeper_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct console *c = arg;

	if (type != WIRE_METRICS || !c->asked)
		return diag_set(why, ST_SYNTAX, "unexpected frame %u", type);
	return take_numbers(c, payload, why);
}

static void
keeper_closed(void *arg, const char *why)
{
	struct console *c = arg;

	log_text(c->env.log, LOG_LEVEL_INFO, "channel-closed", "keeper: %s",
	    why);
	TALLOC_FREE(c->keeper);
	refuse_all(c);
	rejoin_lost(c->rejoin);
}

static const struct chan_ops keeper_ops = {
	.frame = keeper_frame,
	.closed = keeper_closed,
};

void
console_attach_keeper(struct console *c, struct sock *s)
{
	TALLOC_FREE(c->keeper);
	refuse_all(c);
	c->keeper = chan_new(c, c->env.net, s, &keeper_ops, c);
	rejoin_found(c->rejoin);
}

/* ---- life ---- */

/* Clients first: they stand in its list. */
static int
console_destroy(struct console *c)
{
	struct client *cl;

	while ((cl = TAILQ_FIRST(&c->clients)) != NULL)
		talloc_free(cl);
	return 0;
}

struct console *
console_new(TALLOC_CTX *mem, const struct role_env *env)
{
	struct console *c = need(talloc_zero(mem, struct console));

	c->env = *env;
	c->rejoin = rejoin_new(c, env, ROLE_KEEPER);
	TAILQ_INIT(&c->clients);
	talloc_set_destructor(c, console_destroy);
	return c;
}

void
console_links(struct console *c, const struct role_links *links, void *arg)
{
	rejoin_by(c->rejoin, links, arg);
}

void
console_reload(struct console *c, const struct conf *conf)
{
	c->env.conf = conf;
}
