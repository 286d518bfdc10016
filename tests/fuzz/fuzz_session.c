/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client's whole session with the whole gateway on the replay harness:
 * each line of the input is sent with CRLF, but for those that begin with
 * "!", which move the world:
 *
 *	!raw TEXT	send TEXT as it is
 *	!lf		send a bare LF
 *	!new		leave without a word, and connect again
 *	!run N		let N·100 ms go by
 *	!kill ROLE	as by SIGKILL, between two steps
 *	!peer TEXT	the receiving server answers MAIL, RCPT, the dot, … so
 *
 * However it goes: what was answered "queued" is in the end delivered or
 * reported back, and the evidence of it verifies (INV-14).
 */
#include <stdio.h>
#include <string.h>

#include "report/evidence.h"
#include "tests/replay/world.h"

#define MAX_OPS      400u /* ours: lines of one input */
#define MAX_ACKED    64u
#define SESSION_SINK (8u << 20)
#define STEP_MS      50
#define LIFETIME_MS  3600000 /* over all lifetimes set below */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct play {
	struct world *w;
	struct peer *receiver;
	struct stream *stream; /* NULL: not connected */
	struct sbuf in;        /* replies, by line */
	struct sbuf out;
	int64_t acked[MAX_ACKED];
	size_t acked_count;
	bool ended;
};

/* ---- the client ---- */

static void ready(void *arg, unsigned events);

static void
flush(struct play *p)
{
	unsigned events = SOCK_READABLE;

	while (p->out.n > 0 && !p->ended) {
		struct iovec iov = { p->out.p, p->out.n };
		size_t sent = 0;
		enum io io = stream_send(p->stream, &iov, 1, &sent);

		if (io != IO_OK) {
			p->ended = io != IO_AGAIN;
			break;
		}
		sbuf_consume(&p->out, sent);
	}
	if (p->out.n > 0)
		events |= SOCK_WRITABLE;
	if (!p->ended)
		stream_watch(p->stream, events, ready, p);
}

/* "250 2.0.0 queued as ID" */
static void
take_line(struct play *p, struct span line)
{
	static const char queued[] = "250 2.0.0 queued as ";
	int64_t id;

	invariant(line.n >= 5 && line.p[line.n - 1] == '\r');
	for (size_t i = 0; i + 1 < line.n; i++)
		invariant(ascii_isprint(line.p[i]));
	if (!span_starts(line, queued))
		return;
	invariant(queue_id_parse(span_sub(line, sizeof(queued) - 1, line.n - 1),
		      &id) == ST_OK);
	if (p->acked_count < MAX_ACKED)
		p->acked[p->acked_count++] = id;
}

static void
ready(void *arg, unsigned events)
{
	struct play *p = arg;
	struct span rest, line;
	uint8_t buf[4096];
	enum io io = IO_AGAIN;
	size_t got = 0;

	if (events & SOCK_READABLE) {
		io = stream_recv(p->stream, buf, sizeof(buf), &got);
		sbuf_add(&p->in, buf, got);
	}
	rest = sbuf_view(&p->in);
	while (span_cut(rest, '\n', &line, &rest))
		take_line(p, line);
	sbuf_consume(&p->in, p->in.n - rest.n);
	if (io == IO_EOF || io == IO_FAILED) {
		p->ended = true;
		stream_watch(p->stream, 0, NULL, NULL);
		return;
	}
	flush(p);
}

static void
connect_client(struct play *p)
{
	const struct netaddr at = world_intake_addr();
	struct diag why = { 0 };
	struct net *net = sim_net(p->w->sim);
	struct sock *sock;

	TALLOC_FREE(p->stream);
	sbuf_reset(&p->in);
	sbuf_reset(&p->out);
	p->ended = false;
	sock = net_connect(p->w, net, &at, &why);
	invariant(sock != NULL);
	p->stream = stream_new(p->w, net, sock);
	flush(p);
	sim_run(p->w->sim, STEP_MS, NULL, NULL);
}

static void
send_bytes(struct play *p, struct span a, const char *end)
{
	sbuf_span(&p->out, a);
	sbuf_str(&p->out, end);
	if (!p->ended)
		flush(p);
	sim_run(p->w->sim, STEP_MS, NULL, NULL);
}

/* ---- the world ---- */

static struct peer *
add_domain(struct world *w, const char *domain, uint8_t number)
{
	const uint8_t ip[4] = { 198, 51, 100, number };
	const struct netaddr at = netaddr_ip4(ip, 25);
	char host[64], mx[80], a[32];
	const char *mx_data = mx, *a_data = a;
	struct peer *p;

	snprintf(host, sizeof(host), "mx.%s", domain);
	snprintf(mx, sizeof(mx), "10 %s.", host);
	snprintf(a, sizeof(a), "198.51.100.%u", number);
	sim_dns_set(w->sim, domain, DNS_MX, SIM_INSECURE, 300, &mx_data, 1);
	sim_dns_set(w->sim, host, DNS_A, SIM_INSECURE, 300, &a_data, 1);
	p = peer_new(w, w->sim, host, &at);
	p->script.starttls = STARTTLS_ABSENT;
	return p;
}

static void
set_up(struct play *p)
{
	struct world *w = p->w = world_new(NULL);

	sbuf_init(&p->in, w, SESSION_SINK);
	sbuf_init(&p->out, w, SESSION_SINK);
	w->log.level = LOG_LEVEL_WARN;
	strmap_put(w->options, "queue.first-retry", (char[]){ "\"1m\"" });
	strmap_put(w->options, "queue.lifetime", (char[]){ "\"10m\"" });
	strmap_put(w->options, "queue.report-lifetime", (char[]){ "\"10m\"" });
	strmap_put(w->options, "intake.message-size-limit",
	    (char[]){ "\"100K\"" });
	sim_dns_default(w->sim, SIM_INSECURE);
	p->receiver = add_domain(w, "d.example", 1);
	(void)add_domain(w, "s.example", 2);
	world_start(w);
	sim_run(w->sim, 1000, NULL, NULL);
	connect_client(p);
}

/* The word goes to where its first letter says; else all is well again. */
static void
script(struct play *p, struct span text)
{
	struct peer_script *s = &p->receiver->script;
	struct span words = span_sub(text, 2, 60);
	const char *reply;

	for (size_t i = 0; i < words.n; i++)
		if (!ascii_isprint(words.p[i]))
			return;
	reply = span_dup(p->w, words);
	s->mail = s->rcpt = s->data = s->dot = "";
	s->drop_after_dot = s->drop_in_data = false;
	if (span_starts(text, "m"))
		s->mail = reply;
	else if (span_starts(text, "r"))
		s->rcpt = reply;
	else if (span_starts(text, "d"))
		s->data = reply;
	else if (span_starts(text, "."))
		s->dot = reply;
	s->drop_after_dot = span_starts(text, "x");
	s->drop_in_data = span_starts(text, "y");
}

static void
move(struct play *p, struct span op)
{
	static const char *const roles[] = { "keeper", "courier", "advisor",
		"intake" };
	struct span word = SPAN_NONE, arg = SPAN_NONE;
	uint32_t n = 0;
	int role;

	if (!span_cut(op, ' ', &word, &arg))
		word = op;
	if (span_eq(word, "raw")) {
		send_bytes(p, arg, "");
	} else if (span_eq(word, "lf")) {
		send_bytes(p, SPAN_NONE, "\n");
	} else if (span_eq(word, "new")) {
		connect_client(p);
	} else if (span_eq(word, "peer")) {
		script(p, arg);
	} else if (span_eq(word, "run")) {
		if (span_u32(arg, 36000, &n) == ST_OK)
			sim_run(p->w->sim, (int64_t)n * 100, NULL, NULL);
	} else if (span_eq(word, "kill")) {
		role = span_index(arg, roles, COUNT_OF(roles));
		if (role >= 0)
			world_kill(p->w, roles[role]);
	}
}

/* ---- the reckoning ---- */

struct count {
	uint64_t n;
	uint64_t seq;
	uint8_t hash[32];
};

static bool
count_row(void *arg, const struct store_queue_row *q)
{
	struct count *c = arg;

	(void)q;
	c->n++;
	return true;
}

static bool
check_record(void *arg, const struct store_evidence *rec)
{
	struct count *c = arg;
	uint8_t hash[32];

	evidence_link(c->hash, rec->seq, rec->body, hash);
	invariant(rec->seq == ++c->seq && memcmp(hash, rec->hash, 32) == 0);
	memcpy(c->hash, hash, 32);
	return true;
}

static bool
count_record(void *arg, const struct store_evidence *rec)
{
	struct count *c = arg;

	(void)rec;
	c->n++;
	return true;
}

static void
reckon(struct play *p)
{
	struct store_evidence_query all = { .domain = NULL };
	struct store *store = world_store(p->w, p->w);
	struct diag why = { 0 };
	struct count queued = { 0 }, chain = { 0 };

	invariant(store_queue_each(store, count_row, &queued, &why) == ST_OK);
	invariant(queued.n == 0);
	invariant(store_evidence_each(store, &all, check_record, &chain,
		      &why) == ST_OK);
	for (size_t i = 0; i < p->acked_count; i++) {
		struct store_evidence_query one = { .message = p->acked[i] };
		struct count records = { 0 };

		invariant(store_evidence_each(store, &one, count_record,
			      &records, &why) == ST_OK);
		invariant(records.n > 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size), line;
	struct play p = { 0 };

	status_init();
	set_up(&p);
	for (unsigned i = 0; i < MAX_OPS && span_line(&rest, &line); i++) {
		if (span_starts(line, "!"))
			move(&p, span_sub(line, 1, line.n));
		else
			send_bytes(&p, line, "\r\n");
	}
	TALLOC_FREE(p.stream);
	script(&p, SPAN_LIT("well"));
	sim_run(p.w->sim, LIFETIME_MS, NULL, NULL);
	reckon(&p);
	talloc_free(p.w);
	return 0;
}
