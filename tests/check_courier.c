/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A courier on the real loop.  The test plays the keeper and the advisor
 * over socket pairs, and the mail servers on loopback sockets.
 */
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/roles.h"
#include "gateway/wire.h"
#include "net/chan.h"
#include "net/net_real.h"
#include "net/tls.h"
#include "smtp/unstuff.h"
#include "tests/replay/cert.h"

#define PATIENCE_MS 30000 /* a hang is a failure; nothing else is timed */
#define MAX_REPORTS 64
#define BODY        "Subject: x\r\n\r\n.dot\r\nline\r\n"

static TALLOC_CTX *mem;
static struct net *net;
static struct conf conf;
static struct sbuf logged;
static struct authority *authority;
static struct net_timer *patience;

/* ---- the loop ---- */

static bool (*reached_end)(void);

/* Each event of the test's own objects looks whether its end has come. */
static void
look(void)
{
	if (reached_end != NULL && reached_end())
		net_real_stop(net);
}

static void
out_of_patience(void *arg)
{
	(void)arg;
	fprintf(stderr, "%s\n", sbuf_cstr(&logged));
	ck_abort_msg("nothing happens any more");
}

static void
run_until(bool (*end)(void))
{
	if (end())
		return;
	reached_end = end;
	net_timer_set(patience, mono_after(net_now(net), PATIENCE_MS));
	net_real_run(net);
	net_timer_clear(patience);
	reached_end = NULL;
}

static void
log_write(void *arg, enum log_level level, struct span line)
{
	(void)arg;
	(void)level;
	sbuf_span(&logged, line);
	sbuf_u8(&logged, '\n');
}

static struct log test_log = { LOG_LEVEL_INFO, "courier/0", log_write, NULL };

static bool
was_logged(const char *text)
{
	return strstr(sbuf_cstr(&logged), text) != NULL;
}

/* ---- mail servers ---- */

enum starttls {
	TLS_GOOD,
	TLS_ABSENT,
	TLS_454,
	TLS_INJECT,  /* a reply line follows the 220 at once */
	TLS_DROP,    /* closed after the 220 */
	TLS_GARBAGE, /* 220, and then no TLS */
};

struct mail {
	const char *from;
	const char *rcpts; /* joined by blanks */
	struct span body;
	bool tls;
	const char *params; /* of MAIL */
};

struct server {
	struct listener *listener;
	struct netaddr addr;
	struct tls_server *tls;
	enum starttls starttls;
	/* replies other than the good ones */
	const char *greeting, *ehlo, *mail, *rcpt, *dot;
	const char *rcpt_for; /* rcpt is for this address only */
	const char *ext;      /* further EHLO lines, "250-SIZE 10\r\n" */
	unsigned rcpt_limit;  /* then 452; 0: none */
	bool no_pipelining;
	bool drop_after_dot;
	bool drop_at_data;   /* close instead of 354 */
	bool drop_when_idle; /* close at the MAIL of a second transaction */
	/* what was seen */
	unsigned connections, handshakes, quits, quits_in_tls, clear_mails;
	unsigned rcpts;
	struct mail mails[MAX_REPORTS];
	unsigned mail_count;
};

struct session {
	struct server *s;
	struct stream *stream;
	struct sbuf in;
	struct sbuf body;
	struct unstuff unstuff;
	bool in_data;
	bool closing;
	char *from, *rcpts, *params;
	unsigned accepted;
	unsigned transactions;
};

static void session_ready(void *arg, unsigned events);

static void
reply(struct session *x, const char *text)
{
	const struct iovec iov = { (void *)(uintptr_t)text, strlen(text) };
	size_t sent;

	/* Small enough for any socket buffer, or the peer has gone. */
	(void)stream_send(x->stream, &iov, 1, &sent);
}

static void
reply_or(struct session *x, const char *scripted, const char *good)
{
	if (scripted == NULL)
		reply(x, good);
	else
		reply(x, talloc_asprintf(x, "%s\r\n", scripted));
}

static void
say_ehlo(struct session *x)
{
	const struct server *s = x->s;
	bool tls = stream_is_tls(x->stream) || s->starttls == TLS_ABSENT;

	if (s->ehlo != NULL) {
		reply_or(x, s->ehlo, "");
		return;
	}
	reply(x,
	    talloc_asprintf(x, "250-mx\r\n%s%s%s250 8BITMIME\r\n",
		s->no_pipelining ? "" : "250-PIPELINING\r\n",
		tls ? "" : "250-STARTTLS\r\n", s->ext == NULL ? "" : s->ext));
}

static void
handshaken(void *arg, bool ok, const struct tls_info *info,
    const struct diag *why)
{
	struct session *x = arg;

	(void)info;
	(void)why;
	if (!ok) {
		talloc_free(x);
		look();
		return;
	}
	x->s->handshakes++;
	stream_watch(x->stream, SOCK_READABLE, session_ready, x);
}

/* true: the session reads on. */
static bool
start_tls(struct session *x)
{
	switch (x->s->starttls) {
	case TLS_454:
		reply(x, "454 not now\r\n");
		return true;
	case TLS_INJECT:
		reply(x, "220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n");
		return true;
	case TLS_DROP:
		reply(x, "220 go\r\n");
		x->closing = true;
		return true;
	case TLS_GARBAGE:
		reply(x, "220 go\r\n");
		x->in_data = true; /* whatever comes is not understood */
		return true;
	case TLS_ABSENT:
		reply(x, "502 what\r\n");
		return true;
	case TLS_GOOD:
		break;
	}
	reply(x, "220 go\r\n");
	sbuf_reset(&x->in);
	stream_tls_server(x->stream, x->s->tls, handshaken, x);
	return false;
}

static void
take_mail(struct session *x, struct span line)
{
	struct span path, params = SPAN_NONE;

	if (!stream_is_tls(x->stream))
		x->s->clear_mails++;
	if (x->s->drop_when_idle && x->transactions > 0) {
		x->closing = true;
		return;
	}
	x->transactions++;
	x->accepted = 0;
	path = span_sub(line, 10, line.n);
	(void)span_cut(path, ' ', &path, &params);
	x->from = span_dup(x, path);
	x->params = span_dup(x, params);
	x->rcpts = talloc_strdup(x, "");
	reply_or(x, x->s->mail, "250 ok\r\n");
}

static void
take_rcpt(struct session *x, struct span line)
{
	struct server *s = x->s;
	struct span path = span_sub(line, 9, line.n - 1);
	const char *scripted = s->rcpt;

	s->rcpts++;
	if (s->rcpt_for != NULL && !span_eq(path, s->rcpt_for))
		scripted = NULL;
	if (s->rcpt_limit > 0 && x->accepted == s->rcpt_limit)
		scripted = "452 4.5.3 too many";
	if (scripted == NULL) {
		x->rcpts = talloc_asprintf(x, "%s%s%s", x->rcpts,
		    *x->rcpts == '\0' ? "" : " ", span_dup(x, path));
		x->accepted++;
	}
	reply_or(x, scripted, "250 ok\r\n");
}

static void
take_line(struct session *x, struct span line)
{
	if (span_istarts(line, "EHLO")) {
		say_ehlo(x);
	} else if (span_istarts(line, "MAIL")) {
		take_mail(x, line);
	} else if (span_istarts(line, "RCPT")) {
		take_rcpt(x, line);
	} else if (span_istarts(line, "DATA") && x->accepted == 0) {
		reply(x, "554 no recipients\r\n");
	} else if (span_istarts(line, "DATA")) {
		x->closing = x->s->drop_at_data;
		x->in_data = true;
		x->unstuff = unstuff_start(100000);
		sbuf_reset(&x->body);
		if (!x->closing)
			reply(x, "354 go\r\n");
	} else if (span_istarts(line, "QUIT")) {
		x->s->quits++;
		x->s->quits_in_tls += stream_is_tls(x->stream);
		reply(x, "221 bye\r\n");
		x->closing = true;
	} else {
		reply(x, "250 ok\r\n");
	}
}

static void
take_end(struct session *x)
{
	struct server *s = x->s;

	x->in_data = false;
	if (s->drop_after_dot) {
		x->closing = true;
		return;
	}
	reply_or(x, s->dot, "250 2.0.0 queued as X1\r\n");
	if (s->dot != NULL)
		return;
	ck_assert_uint_lt(s->mail_count, MAX_REPORTS);
	s->mails[s->mail_count++] = (struct mail){ talloc_steal(mem, x->from),
		talloc_steal(mem, x->rcpts),
		span_copy(mem, sbuf_view(&x->body)), stream_is_tls(x->stream),
		talloc_steal(mem, x->params) };
}

static void
take_content(struct session *x)
{
	struct span in = sbuf_view(&x->in), out;
	bool more;

	if (x->s->starttls == TLS_GARBAGE) {
		reply(x, "what?\r\n");
		sbuf_reset(&x->in);
		return;
	}
	do {
		more = unstuff_step(&x->unstuff, &in, &out);
		sbuf_span(&x->body, out);
	} while (more);
	sbuf_consume(&x->in, x->in.n - in.n);
	ck_assert_uint_eq(x->unstuff.faults, 0);
	if (x->unstuff.at == UNSTUFF_AT_END)
		take_end(x);
}

/* All that can be taken; false: a handshake has begun. */
static bool
take_input(struct session *x)
{
	while (!x->closing && x->in.n > 0) {
		struct span in = sbuf_view(&x->in), line;
		size_t lf = span_find(in, '\n', 0);

		if (x->in_data) {
			take_content(x);
			if (x->in_data)
				return true;
			continue;
		}
		if (lf == in.n)
			return true;
		line = span_copy(x, span_sub(in, 0, lf - 1));
		sbuf_consume(&x->in, lf + 1);
		if (!span_istarts(line, "STARTTLS"))
			take_line(x, line);
		else if (!start_tls(x))
			return false;
	}
	return true;
}

static void
session_ready(void *arg, unsigned events)
{
	struct session *x = arg;
	uint8_t buf[16384];
	size_t got;
	enum io io = stream_recv(x->stream, buf, sizeof(buf), &got);

	(void)events;
	sbuf_add(&x->in, buf, got);
	if (io == IO_EOF || io == IO_FAILED)
		x->closing = true;
	else if (!take_input(x))
		return;
	if (x->closing)
		talloc_free(x);
	else
		stream_watch(x->stream, SOCK_READABLE, session_ready, x);
	look();
}

static void
accepted(void *arg, struct sock *sock)
{
	struct server *s = arg;
	struct session *x = talloc_zero(s, struct session);

	s->connections++;
	x->s = s;
	x->stream = stream_new(x, net, sock);
	sbuf_init(&x->in, x, 1u << 20);
	sbuf_init(&x->body, x, 1u << 20);
	reply_or(x, s->greeting, "220 mx ESMTP\r\n");
	stream_watch(x->stream, SOCK_READABLE, session_ready, x);
}

/* names: of its certificate, or NULL for none. */
static struct server *
server_new(enum starttls starttls, const struct cert *cert)
{
	static const uint8_t loopback[4] = { 127, 0, 0, 1 };
	struct server *s = talloc_zero(mem, struct server);
	struct netaddr any = netaddr_ip4(loopback, 0);
	struct diag why = { 0 };
	int fd = net_real_bind(&any, &why);

	ck_assert_msg(fd >= 0, "%s", why.text);
	s->starttls = starttls;
	if (cert != NULL)
		ck_assert_int_eq(tls_server_new(s, cert->chain_pem,
				     cert->key_pem, &s->tls, &why),
		    ST_OK);
	s->listener = net_real_listener(s, net, fd);
	s->addr = *listener_local(s->listener);
	listener_start(s->listener, s, accepted, s);
	return s;
}

static struct cert *
cert_for(const char *names)
{
	return cert_new(mem, authority, names, CERT_GOOD);
}

/* ---- keeper ---- */

static struct {
	struct chan *chan;
	struct wire_hello hello;
	unsigned hellos;
	struct wire_outcome outcome[MAX_REPORTS];
	unsigned outcomes;
	struct wire_slot_failed failed[MAX_REPORTS];
	unsigned failures;
	unsigned idles;
	uint64_t seq;
	bool acks;
	struct span body; /* given piece by piece */
	size_t piece_bytes;
	unsigned wants;
	bool gives_body;
} keeper;

static void
send_keeper(uint8_t type, struct sbuf *b)
{
	chan_send_span(keeper.chan, type, sbuf_view(b));
	sbuf_free(b);
}

static void
ack(uint64_t seq)
{
	struct sbuf b;

	sbuf_init(&b, mem, 100);
	pack_u64(&b, seq);
	send_keeper(WIRE_ACK, &b);
}

static void
give_body(struct unpack u)
{
	uint32_t slot = unpack_u32(&u);
	int64_t message = unpack_i64(&u);
	uint32_t seq = unpack_u32(&u);
	size_t from = seq * keeper.piece_bytes;
	struct sbuf b;

	ck_assert_int_eq(unpack_done(&u), ST_OK);
	keeper.wants++;
	if (!keeper.gives_body)
		return;
	ck_assert_uint_lt(from, keeper.body.n);
	sbuf_init(&b, mem, 1u << 20);
	pack_u32(&b, slot);
	pack_i64(&b, message);
	pack_u32(&b, seq);
	pack_bool(&b, from + keeper.piece_bytes >= keeper.body.n);
	pack_bytes(&b, span_sub(keeper.body, from, from + keeper.piece_bytes));
	send_keeper(WIRE_BODY, &b);
}

static enum status
keeper_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct span kept = span_copy(mem, payload);

	(void)arg;
	if (type == WIRE_HELLO) {
		keeper.hellos++;
		ck_assert_int_eq(wire_unpack_hello(mem, kept, &keeper.hello,
				     why),
		    ST_OK);
	} else if (type == WIRE_OUTCOME) {
		struct wire_outcome *o = &keeper.outcome[keeper.outcomes++];

		ck_assert_int_eq(wire_unpack_outcome(mem, kept, o, why), ST_OK);
		keeper.seq = o->seq;
	} else if (type == WIRE_SLOT_FAILED) {
		struct wire_slot_failed *f = &keeper.failed[keeper.failures++];

		ck_assert_int_eq(wire_unpack_slot_failed(mem, kept, f, why),
		    ST_OK);
		keeper.seq = f->seq;
	} else if (type == WIRE_SLOT_IDLE) {
		keeper.idles++;
	} else {
		ck_assert_uint_eq(type, WIRE_BODY_WANT);
		give_body(unpack_from(payload));
	}
	if (keeper.acks && keeper.seq > 0)
		ack(keeper.seq);
	look();
	return ST_OK;
}

static bool keeper_gone;

static void
keeper_closed(void *arg, const char *why)
{
	(void)arg;
	(void)why;
	keeper_gone = true;
	look();
}

static const struct chan_ops keeper_ops = { .frame = keeper_frame,
	.closed = keeper_closed };

/* ---- advisor ---- */

#define MAX_PLANS 8

static struct {
	struct chan *chan;
	struct plan *plan[MAX_PLANS]; /* by domain */
	unsigned plans;
	unsigned asked;
	bool silent;
	const char *lie; /* answer with this domain's plan */
} advisor;

static bool advisor_gone;

static const struct plan *
plan_of(const char *domain)
{
	for (unsigned i = 0; i < advisor.plans; i++)
		if (strcmp(advisor.plan[i]->domain, domain) == 0)
			return advisor.plan[i];
	ck_abort_msg("no plan for %s", domain);
	return NULL;
}

static enum status
advisor_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct unpack u = unpack_from(payload);
	uint32_t token = unpack_u32(&u);
	const char *domain = unpack_str(&u, mem);
	struct sbuf b;

	(void)arg;
	(void)why;
	(void)unpack_u8(&u);
	ck_assert_uint_eq(type, WIRE_PLAN_WANT);
	ck_assert_int_eq(unpack_done(&u), ST_OK);
	advisor.asked++;
	look();
	if (advisor.silent)
		return ST_OK;
	sbuf_init(&b, mem, PLAN_MAX_BYTES);
	pack_u32(&b, token);
	pack_plan(&b, plan_of(advisor.lie == NULL ? domain : advisor.lie));
	chan_send_span(advisor.chan, WIRE_PLAN, sbuf_view(&b));
	return ST_OK;
}

static void
advisor_closed(void *arg, const char *why)
{
	(void)arg;
	(void)why;
	advisor_gone = true;
	look();
}

static const struct chan_ops advisor_ops = { .frame = advisor_frame,
	.closed = advisor_closed };

static struct plan *
plan_new(const char *domain)
{
	struct plan *p = talloc_zero(mem, struct plan);

	p->domain = domain;
	p->verdict = PLAN_DELIVER;
	p->status = p->why = p->approver = p->reason = "";
	memcpy(p->conf_digest, conf.digest, sizeof(p->conf_digest));
	p->made = net_wall(net);
	p->valid_until = wall_after(p->made, 3600000);
	p->mx_secure = true;
	p->sts = (struct sts_fact){
		.state = STS_ST_ABSENT, .id = "", .why = ""
	};
	advisor.plan[advisor.plans++] = p;
	return p;
}

/* What the facts lead to: a plan that says otherwise is refused. */
static void
decided(struct plan *p, struct plan_host *h)
{
	struct decide_out out;

	h->in.mx_secure = p->mx_secure;
	h->in.sts = p->sts.state;
	h->dane = h->in.dane;
	h->sts_mx_match = h->in.sts_mx_match;
	out = decide(&h->in);
	h->skip = out.skip;
	h->required = out.required;
	h->method = out.method;
	h->also_pkix_sts = out.also_pkix_sts;
	h->row = out.row;
}

/* level: PLAIN, MAY, or ENCRYPT by a rule. */
static struct plan_host *
plan_add(struct plan *p, const char *name, uint16_t preference,
    const struct server *s, enum level level)
{
	struct plan_host *h;

	p->host = talloc_realloc(mem, p->host, struct plan_host,
	    (unsigned)p->host_count + 1);
	h = &p->host[p->host_count++];
	*h = (struct plan_host){ .name = name,
		.preference = preference,
		.tlsa_base = "",
		.rule = "",
		.exception = "",
		.why = "test" };
	h->in.dane = DANE_D3_NONE;
	h->in.override = level == LEVEL_PLAIN   ? OVERRIDE_PLAINTEXT_ALLOWED :
			 level == LEVEL_ENCRYPT ? OVERRIDE_REQUIRE_ENCRYPTED :
						  OVERRIDE_NONE;
	h->in.waiver = level == LEVEL_PLAIN;
	decided(p, h);
	ck_assert(p->sts.state == STS_ST_ENFORCE || h->required == level);
	h->addr = talloc_zero_array(mem, struct netaddr, 4);
	if (s != NULL)
		h->addr[h->addr_count++] = s->addr;
	return h;
}

/* TLSA 3 1 1 of a certificate. */
static void
require_dane(struct plan *p, struct plan_host *h, const struct cert *c)
{
	h->in.dane = DANE_D1_USABLE;
	decided(p, h);
	ck_assert_int_eq(h->method, METHOD_DANE);
	h->tlsa_base = h->name;
	h->ref[0] = h->name;
	h->ref_count = 1;
	h->tlsa = talloc_zero(mem, struct tlsa);
	*h->tlsa = (struct tlsa){ 3, 1, 1,
		span_of(c->spki_sha256, sizeof(c->spki_sha256)), TLSA_USABLE };
	h->tlsa_count = 1;
}

static void
require_sts(struct plan *p, struct plan_host *h, bool match)
{
	p->sts.state = STS_ST_ENFORCE;
	p->sts.id = "1";
	p->sts.policy = (struct sts_policy){ .mode = STS_ENFORCE,
		.max_age_s = 3600,
		.mx_count = 1,
		.mx = { "mx.d.example" } };
	h->in.sts_mx_match = match;
	decided(p, h);
	ck_assert(match ? h->method == METHOD_PKIX_STS : h->skip);
	h->ref[0] = h->name;
	h->ref_count = 1;
}

/* ---- the courier ---- */

static struct courier *courier;

static void
pair(struct sock **a, struct sock **b)
{
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	*a = net_real_sock(mem, net, fd[0]);
	*b = net_real_sock(mem, net, fd[1]);
}

static void
attach_keeper(void)
{
	struct sock *ours, *its;

	pair(&ours, &its);
	keeper.chan = chan_new(mem, net, ours, &keeper_ops, NULL);
	courier_attach_keeper(courier, its);
}

static void
attach_advisor(void)
{
	struct sock *ours, *its;

	pair(&ours, &its);
	advisor.chan = chan_new(mem, net, ours, &advisor_ops, NULL);
	courier_attach_advisor(courier, its);
}

static struct tls_client *
trusting(struct authority *a)
{
	struct span pem = authority_pem(a);
	char name[] = "/tmp/check_courier.XXXXXX";
	int fd = mkstemp(name);
	struct tls_client *tls;
	struct diag why = { 0 };

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, pem.p, pem.n), (ssize_t)pem.n);
	ck_assert_int_eq(tls_client_new(mem, name, &tls, &why), ST_OK);
	close(fd);
	unlink(name);
	return tls;
}

static void
setup(void)
{
	struct role_env env;

	mem = talloc_new(NULL);
	sbuf_init(&logged, mem, 1u << 20);
	net = net_real_new(mem, &test_log);
	patience = net_timer_new(mem, net, out_of_patience, NULL);
	authority = authority_new(mem);
	conf = (struct conf){ .hostname = "gw.example.org",
		.smtp_connect_ms = 30000,
		.smtp_greeting_ms = 30000,
		.smtp_command_ms = 30000,
		.smtp_handshake_ms = 30000,
		.smtp_data_ms = 30000,
		.smtp_block_ms = 30000,
		.smtp_dot_ms = 30000,
		.smtp_transaction_ms = 3600000,
		.smtp_quit_ms = 1000,
		.smtp_reply_bytes = 65536,
		.smtp_hosts = 20,
		.smtp_addresses = 5,
		.smtp_recipients = 100,
		.smtp_connection_messages = 1000,
		.smtp_idle_ms = 30000,
		.queue_lease_ms = 3600000 };
	memset(&keeper, 0, sizeof(keeper));
	memset(&advisor, 0, sizeof(advisor));
	keeper.acks = keeper.gives_body = true;
	keeper_gone = advisor_gone = false;
	env = (struct role_env){ net, &test_log, &conf };
	courier = courier_new(mem, &env, trusting(authority));
	attach_keeper();
	attach_advisor();
}

static void
teardown(void)
{
	talloc_free(courier);
	talloc_free(mem);
}

/* ---- requests and what comes of them ---- */

static void
send_slot(uint32_t slot, const char *domain)
{
	struct sbuf b;

	sbuf_init(&b, mem, 1000);
	pack_u32(&b, slot);
	pack_str(&b, domain);
	pack_u8(&b, CLASS_NORMAL);
	send_keeper(WIRE_SLOT, &b);
}

static void
send_slot_end(uint32_t slot)
{
	struct sbuf b;

	sbuf_init(&b, mem, 100);
	pack_u32(&b, slot);
	send_keeper(WIRE_SLOT_END, &b);
}

static struct wire_job
job_of(uint32_t slot, int64_t message, const char *const *rcpt, uint32_t n)
{
	struct wire_job j = { .slot = slot,
		.lease = (uint64_t)message,
		.message = message,
		.sender = "s@x.example",
		.envid = "",
		.rcpt_count = n,
		.has_body = true,
		.body = SPAN_LIT(BODY) };

	j.size_bytes = j.body.n;
	j.rcpt = talloc_zero_array(mem, struct wire_job_rcpt, n);
	for (uint32_t i = 0; i < n; i++)
		j.rcpt[i] = (struct wire_job_rcpt){ message << 16 | i, rcpt[i],
			0, "", 0 };
	return j;
}

static void
send_job(const struct wire_job *j)
{
	struct sbuf b;

	sbuf_init(&b, mem, CHAN_FRAME_MAX_BYTES);
	wire_pack_job(&b, j);
	send_keeper(WIRE_JOB, &b);
}

static const char *const one[] = { "a@d.example" };
static const char *const three[] = { "a@d.example", "b@d.example",
	"c@d.example" };

static void
send_one(uint32_t slot, int64_t message)
{
	struct wire_job j = job_of(slot, message, one, 1);

	send_job(&j);
}

static unsigned wanted;

static bool
has_reports(void)
{
	return keeper.outcomes + keeper.failures >= wanted;
}

static bool
has_hellos(void)
{
	return keeper.hellos >= wanted;
}

static bool
has_idles(void)
{
	return keeper.idles >= wanted;
}

static bool
has_asked(void)
{
	return advisor.asked >= wanted;
}

static void
wait_for(bool (*end)(void), unsigned count)
{
	wanted = count;
	run_until(end);
}

/* Slot 1 of d.example with one message to one recipient. */
static void
try_one(void)
{
	send_slot(1, "d.example");
	send_one(1, 1);
	wait_for(has_reports, 1);
}

static struct evidence
evidence_of(const struct wire_evidence *w)
{
	struct evidence e;
	struct diag why = { 0 };

	ck_assert_msg(evidence_unpack(mem, w->personal, w->body, &e, &why) ==
			  ST_OK,
	    "%s", why.text);
	return e;
}

/* Record i of the first outcome. */
static struct evidence
record(uint32_t i)
{
	ck_assert_uint_eq(keeper.outcomes, 1);
	ck_assert_uint_lt(i, keeper.outcome[0].evidence_count);
	return evidence_of(&keeper.outcome[0].evidence[i]);
}

static struct evidence
failure_record(uint32_t i)
{
	ck_assert_uint_eq(keeper.failures, 1);
	ck_assert_uint_lt(i, keeper.failed[0].evidence_count);
	return evidence_of(&keeper.failed[0].evidence[i]);
}

static const struct wire_rcpt_result *
result(uint32_t i)
{
	ck_assert_uint_ge(keeper.outcomes, 1);
	ck_assert_uint_lt(i, keeper.outcome[0].result_count);
	return &keeper.outcome[0].result[i];
}

static void
expect_delivered(enum evidence_reached reached)
{
	ck_assert_msg(keeper.failures == 0, "%s", keeper.failed[0].why);
	ck_assert_int_eq(result(0)->result, RESULT_DELIVERED);
	ck_assert_int_eq(result(0)->reached, reached);
	ck_assert_str_eq(result(0)->status, "");
	ck_assert_str_eq(result(0)->diagnostic, "250 2.0.0 queued as X1");
}

static void
expect_failed(const char *status)
{
	ck_assert_uint_eq(keeper.failures, 1);
	ck_assert_uint_eq(keeper.outcomes, 0);
	ck_assert_uint_eq(keeper.failed[0].slot, 1);
	ck_assert_str_eq(keeper.failed[0].status, status);
	ck_assert_str_ne(keeper.failed[0].why, "");
}

/* ---- one host ---- */

START_TEST(delivers_in_clear_where_nothing_more_is_required_and_says_so)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct evidence e;

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(s->mail_count, 1);
	ck_assert_str_eq(s->mails[0].from, "<s@x.example>");
	ck_assert_str_eq(s->mails[0].rcpts, "a@d.example");
	ck_assert(span_eq(s->mails[0].body, BODY));
	ck_assert_str_eq(result(0)->remote_mta, "mx.d.example");
	e = record(0);
	ck_assert_int_eq(e.outcome, EVIDENCE_DELIVERED);
	ck_assert_int_eq(e.reached, REACHED_PLAIN);
	ck_assert(evidence_is_plaintext(&e));
	ck_assert_str_eq(e.host, "mx.d.example");
	ck_assert_uint_eq(e.reply_code, 250);
	ck_assert(netaddr_eq(&e.addr, &s->addr));
	ck_assert_str_eq(e.rcpt[0], "a@d.example");
	ck_assert(was_logged("warn courier/0 attempt"));
	ck_assert(was_logged("reached=plaintext"));
}
END_TEST

/* Self-signed and for another name: TLS-18. */
START_TEST(tls_18_untrusted_certificate_still_encrypts_at_may)
{
	struct server *s = server_new(TLS_GOOD,
	    cert_new(mem, authority, "other.example", CERT_SELF_SIGNED));

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert(s->mails[0].tls);
	ck_assert_uint_eq(s->clear_mails, 0);
	ck_assert_str_eq(record(0).sni, "mx.d.example");
}
END_TEST

START_TEST(plain_uses_tls_when_it_is_offered)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_PLAIN);
	try_one();
	expect_delivered(REACHED_TLS);
}
END_TEST

START_TEST(dane_32_matching_key_is_verified)
{
	struct cert *c = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, c);
	struct plan *p = plan_new("d.example");

	require_dane(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY), c);
	try_one();
	expect_delivered(REACHED_VERIFIED);
	ck_assert_int_eq(record(0).method, METHOD_DANE);
	ck_assert(span_starts(span_str(record(0).matched), "TLSA 3 1 1"));
}
END_TEST

START_TEST(dane_08_inv_09_half_dane_is_authenticated_not_verified)
{
	struct cert *c = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, c);
	struct plan *p = plan_new("d.example");
	struct plan_host *h;

	p->mx_secure = false;
	h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);
	require_dane(p, h, c);
	h->half_dane = true;
	try_one();
	expect_delivered(REACHED_AUTHENTICATED);
	ck_assert_str_ne(record(0).grade, "verified");
}
END_TEST

START_TEST(dane_45_46_wrong_key_sends_nothing_and_quits_inside_tls)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));
	struct plan *p = plan_new("d.example");
	struct evidence e;

	require_dane(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY),
	    cert_for("mx.d.example"));
	try_one();
	expect_failed("4.7.5");
	ck_assert(strstr(keeper.failed[0].why, "mx.d.example") != NULL);
	ck_assert(strstr(keeper.failed[0].why, "verify by dane") != NULL);
	ck_assert_int_eq(keeper.failed[0].required, LEVEL_VERIFY);
	ck_assert_uint_eq(s->mail_count + s->clear_mails + s->rcpts, 0);
	ck_assert_uint_eq(s->connections, 1);
	e = failure_record(0);
	ck_assert_int_eq(e.outcome, EVIDENCE_TLS_FAILED);
	ck_assert_int_eq(e.reached, REACHED_NOTHING);
	ck_assert_str_ne(e.result_type, "");
}
END_TEST

START_TEST(sts_pkix_certificate_for_the_host_is_verified)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));
	struct plan *p = plan_new("d.example");

	p->mx_secure = false;
	require_sts(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY), true);
	try_one();
	expect_delivered(REACHED_VERIFIED);
	ck_assert_int_eq(record(0).method, METHOD_PKIX_STS);
	ck_assert_str_eq(record(0).sts_id, "1");
}
END_TEST

START_TEST(sts_pkix_certificate_for_another_name_is_not)
{
	struct server *s = server_new(TLS_GOOD, cert_for("other.example"));
	struct plan *p = plan_new("d.example");

	require_sts(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY), true);
	try_one();
	expect_failed("4.7.5");
	ck_assert_str_eq(failure_record(0).result_type,
	    "certificate-host-mismatch");
	ck_assert_uint_eq(s->rcpts, 0);
}
END_TEST

static const struct {
	enum starttls starttls;
	const char *result_type;
} bad_tls[] = {
	{ TLS_ABSENT, "starttls-not-supported" },
	{ TLS_454, "starttls-not-supported" },
	{ TLS_INJECT, "starttls-not-supported" },
	{ TLS_DROP, "validation-failure" },
	{ TLS_GARBAGE, "validation-failure" },
};

START_TEST(inv_06_tls_16_b2_1_b2_2_encrypt_never_goes_clear)
{
	struct server *s = server_new(bad_tls[_i].starttls, NULL);
	struct evidence e;

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_ENCRYPT);
	try_one();
	expect_failed("4.7.5");
	ck_assert_uint_eq(s->clear_mails + s->rcpts + s->mail_count, 0);
	ck_assert_uint_eq(s->connections, 1);
	e = failure_record(0);
	ck_assert_int_eq(e.outcome, EVIDENCE_TLS_FAILED);
	ck_assert_str_eq(e.result_type, bad_tls[_i].result_type);
	ck_assert(!was_logged("clear-retry"));
}
END_TEST

START_TEST(tls_16_may_goes_on_in_clear_in_the_same_session)
{
	struct server *s = server_new(bad_tls[_i].starttls, NULL);

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(s->connections, 1);
	ck_assert(!record(0).clear_retry);
}
END_TEST

START_TEST(tls_17_may_tries_once_more_in_clear_after_a_tls_failure)
{
	struct server *s = server_new(bad_tls[_i].starttls, NULL);

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(s->connections, 2);
	ck_assert_uint_eq(s->mail_count, 1);
	ck_assert_int_eq(record(0).outcome, EVIDENCE_TLS_FAILED);
	ck_assert(record(1).clear_retry);
	ck_assert(was_logged("warn courier/0 clear-retry"));
}
END_TEST

/* ---- several hosts ---- */

START_TEST(equal_preference_tls_comes_before_clear_text)
{
	struct server *clear = server_new(TLS_ABSENT, NULL);
	struct server *tls = server_new(TLS_GOOD, cert_for("mx2.d.example"));
	struct plan *p = plan_new("d.example");

	plan_add(p, "mx1.d.example", 10, clear, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 10, tls, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert_uint_eq(clear->connections, 1);
	ck_assert_uint_eq(clear->clear_mails, 0);
	ck_assert_uint_eq(tls->mail_count, 1);
}
END_TEST

START_TEST(equal_preference_comes_back_to_clear_text_in_order)
{
	struct server *one_ = server_new(TLS_454, NULL);
	struct server *two = server_new(TLS_DROP, NULL);
	struct plan *p = plan_new("d.example");

	plan_add(p, "mx1.d.example", 10, one_, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 10, two, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_str_eq(result(0)->remote_mta, "mx1.d.example");
	ck_assert_uint_eq(one_->connections, 2);
	ck_assert_uint_eq(two->mail_count, 0);
}
END_TEST

START_TEST(equal_preference_clear_text_only_where_allowed)
{
	struct server *strict = server_new(TLS_ABSENT, NULL);
	struct server *lax = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	plan_add(p, "mx1.d.example", 10, strict, LEVEL_ENCRYPT);
	plan_add(p, "mx2.d.example", 10, lax, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(strict->clear_mails, 0);
	ck_assert_uint_eq(lax->mail_count, 1);
}
END_TEST

static struct plan_host *
with_exception(struct plan_host *h, const char *name, const char *approver,
    int64_t life_ms)
{
	h->exception = name;
	h->reason = "no STARTTLS";
	h->approver = approver;
	h->exception_expires = wall_after(net_wall(net), life_ms);
	return h;
}

/* Two hosts, each under an exception of its own. */
START_TEST(inv_04_a_record_names_who_approved_the_exception_of_its_host)
{
	struct server *first = server_new(TLS_ABSENT, NULL);
	struct server *second = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");
	struct evidence e;

	first->rcpt = "450 4.2.1 later";
	p->approver = "one@gw.example";
	p->reason = "no STARTTLS";
	p->exception_expires = wall_after(p->made, 60000);
	with_exception(plan_add(p, "mx1.d.example", 10, first, LEVEL_PLAIN),
	    "first", "one@gw.example", 60000);
	with_exception(plan_add(p, "mx2.d.example", 20, second, LEVEL_PLAIN),
	    "second", "two@gw.example", 90000);
	try_one();
	expect_delivered(REACHED_PLAIN);
	e = record(1);
	ck_assert_str_eq(e.exception, "second");
	ck_assert_str_eq(e.exc_approver, "two@gw.example");
	ck_assert_int_eq(e.exc_expires.ms, p->host[1].exception_expires.ms);
}
END_TEST

/* It ends while another host is being tried. */
START_TEST(inv_04_an_exception_ends_within_an_attempt)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	with_exception(plan_add(p, "mx1.d.example", 10, s, LEVEL_PLAIN), "e",
	    "sec@gw.example", 0);
	try_one();
	expect_failed("4.7.5");
	ck_assert_uint_eq(s->connections, 0);
}
END_TEST

START_TEST(dane_10_better_preference_in_clear_beats_worse_with_tls)
{
	struct server *clear = server_new(TLS_ABSENT, NULL);
	struct cert *c = cert_for("mx2.d.example");
	struct server *dane = server_new(TLS_GOOD, c);
	struct plan *p = plan_new("d.example");

	plan_add(p, "mx1.d.example", 10, clear, LEVEL_MAY);
	require_dane(p, plan_add(p, "mx2.d.example", 20, dane, LEVEL_MAY), c);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(dane->connections, 0);
}
END_TEST

START_TEST(dane_11_one_bad_host_does_not_block_the_domain)
{
	struct server *bad = server_new(TLS_GOOD, cert_for("mx1.d.example"));
	struct server *good = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	require_dane(p, plan_add(p, "mx1.d.example", 10, bad, LEVEL_MAY),
	    cert_for("mx1.d.example"));
	plan_add(p, "mx2.d.example", 20, good, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(bad->rcpts, 0);
	ck_assert_uint_eq(keeper.outcome[0].evidence_count, 2);
	ck_assert_int_eq(record(0).outcome, EVIDENCE_TLS_FAILED);
	ck_assert_str_eq(record(0).host, "mx1.d.example");
	ck_assert_int_eq(record(1).outcome, EVIDENCE_DELIVERED);
}
END_TEST

START_TEST(sts_37_skipped_host_is_not_connected_to)
{
	struct server *skipped = server_new(TLS_GOOD,
	    cert_for("mx1.d.example"));
	struct server *good = server_new(TLS_GOOD, cert_for("mx2.d.example"));
	struct plan *p = plan_new("d.example");
	struct plan_host *h;

	h = plan_add(p, "mx1.d.example", 10, skipped, LEVEL_MAY);
	require_sts(p, h, false);
	h->why = "not in the policy";
	h = plan_add(p, "mx2.d.example", 20, good, LEVEL_MAY);
	require_sts(p, h, true);
	try_one();
	expect_delivered(REACHED_VERIFIED);
	ck_assert_uint_eq(skipped->connections, 0);
	ck_assert_int_eq(record(0).outcome, EVIDENCE_POLICY_SKIP);
	ck_assert_str_eq(record(0).why, "not in the policy");
	ck_assert(record(0).skip);
}
END_TEST

START_TEST(only_skipped_hosts_fail_the_slot_with_a_policy_status)
{
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx1.d.example", 10, NULL, LEVEL_MAY);

	require_sts(p, h, false);
	h->why = "not in the policy";
	try_one();
	expect_failed("4.7.5");
	ck_assert(strstr(keeper.failed[0].why, "not in the policy") != NULL);
}
END_TEST

START_TEST(smtp_30_next_address_is_tried_when_one_is_closed)
{
	struct server *closed = server_new(TLS_ABSENT, NULL);
	struct server *good = server_new(TLS_ABSENT, NULL);
	struct plan_host *h = plan_add(plan_new("d.example"), "mx.d.example",
	    10, closed, LEVEL_MAY);

	h->addr[h->addr_count++] = good->addr;
	TALLOC_FREE(closed->listener);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(good->mail_count, 1);
}
END_TEST

START_TEST(no_answer_fails_the_slot_4_4_1_and_policy_says_more)
{
	struct server *closed = server_new(TLS_ABSENT, NULL);
	struct server *bare = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	plan_add(p, "mx1.d.example", 10, closed, LEVEL_MAY);
	TALLOC_FREE(closed->listener);
	try_one();
	expect_failed("4.4.1");
	ck_assert_int_eq(failure_record(0).outcome, EVIDENCE_UNREACHABLE);
	plan_add(p, "mx2.d.example", 20, bare, LEVEL_ENCRYPT);
	send_slot(2, "d.example");
	send_one(2, 2);
	wait_for(has_reports, 2);
	ck_assert_str_eq(keeper.failed[1].status, "4.7.5");
	ck_assert_uint_eq(keeper.failed[1].evidence_count, 2);
}
END_TEST

START_TEST(smtp_33_refusing_greeting_goes_to_the_next_host)
{
	struct server *no = server_new(TLS_ABSENT, NULL);
	struct server *yes = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	no->greeting = "554 no";
	plan_add(p, "mx1.d.example", 10, no, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, yes, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(yes->mail_count, 1);
	ck_assert_int_eq(record(0).outcome, EVIDENCE_REJECTED);
}
END_TEST

START_TEST(smtp_33_refusing_greetings_everywhere_defer)
{
	struct server *no = server_new(TLS_ABSENT, NULL);

	no->greeting = _i == 0 ? "421 4.3.2 busy" : "554 5.7.1 no";
	plan_add(plan_new("d.example"), "mx.d.example", 10, no, LEVEL_MAY);
	try_one();
	expect_failed(_i == 0 ? "4.3.2" : "4.0.0");
}
END_TEST

START_TEST(smtp_33_521_everywhere_bounces)
{
	struct server *no = server_new(TLS_ABSENT, NULL);

	no->greeting = "521 no mail here";
	plan_add(plan_new("d.example"), "mx.d.example", 10, no, LEVEL_MAY);
	try_one();
	ck_assert_uint_eq(keeper.failures, 0);
	ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
	ck_assert_str_eq(result(0)->status, "5.3.2");
}
END_TEST

/* ---- recipients ---- */

START_TEST(smtp_38_40_each_recipient_has_its_own_fate)
{
	struct server *first = server_new(TLS_ABSENT, NULL);
	struct server *second = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");
	struct wire_job j = job_of(1, 1, three, 3);

	first->no_pipelining = _i == 1;
	first->rcpt = "450 4.2.1 later";
	first->rcpt_for = "b@d.example";
	second->rcpt = "550 5.1.1 nobody";
	plan_add(p, "mx1.d.example", 10, first, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, second, LEVEL_MAY);
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	ck_assert_str_eq(first->mails[0].rcpts, "a@d.example c@d.example");
	ck_assert_uint_eq(second->rcpts, 1);
	ck_assert_uint_eq(second->mail_count, 0);
	ck_assert_int_eq(result(0)->result, RESULT_DELIVERED);
	ck_assert_int_eq(result(1)->result, RESULT_BOUNCED);
	ck_assert_str_eq(result(1)->status, "5.1.1");
	ck_assert_str_eq(result(1)->diagnostic, "550 5.1.1 nobody");
	ck_assert_str_eq(result(1)->remote_mta, "mx2.d.example");
	ck_assert_int_eq(result(2)->result, RESULT_DELIVERED);
	ck_assert_uint_eq(keeper.outcome[0].evidence_count, 3);
	ck_assert_uint_eq(record(0).rcpt_count, 2);
	ck_assert_int_eq(record(1).outcome, EVIDENCE_DEFERRED);
	ck_assert_str_eq(record(1).rcpt[0], "b@d.example");
	ck_assert_int_eq(record(2).outcome, EVIDENCE_REJECTED);
}
END_TEST

/* Both are refused, but content left in clear for one of them only. */
START_TEST(inv_07_a_record_tells_of_clear_text_for_those_it_left_for)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, three, 2);
	unsigned clear = 0;

	s->rcpt = "550 5.1.1 nobody";
	s->rcpt_for = "a@d.example";
	s->dot = "554 5.7.1 no";
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	ck_assert_uint_eq(keeper.outcome[0].evidence_count, 2);
	for (uint32_t i = 0; i < 2; i++) {
		struct evidence e = record(i);

		ck_assert_int_eq(e.outcome, EVIDENCE_REJECTED);
		ck_assert_uint_eq(e.rcpt_count, 1);
		ck_assert_str_eq(e.rcpt[0],
		    e.reached == REACHED_PLAIN ? "b@d.example" : "a@d.example");
		ck_assert_uint_eq(e.reply_code,
		    e.reached == REACHED_PLAIN ? 554 : 550);
		clear += evidence_is_plaintext(&e);
	}
	ck_assert_uint_eq(clear, 1);
}
END_TEST

START_TEST(smtp_40_5yz_is_final_and_no_other_host_is_asked)
{
	struct server *first = server_new(TLS_ABSENT, NULL);
	struct server *second = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	first->rcpt = "550 5.1.1 nobody";
	plan_add(p, "mx1.d.example", 10, first, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, second, LEVEL_MAY);
	try_one();
	ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
	ck_assert_int_eq(result(0)->reached, REACHED_NOTHING);
	ck_assert_uint_eq(second->connections, 0);
}
END_TEST

START_TEST(smtp_38_4yz_everywhere_defers_the_message_not_the_destination)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	s->dot = "451 4.3.0 later";
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	try_one();
	ck_assert_uint_eq(keeper.failures, 0);
	ck_assert_int_eq(result(0)->result, RESULT_DEFERRED);
	ck_assert_str_eq(result(0)->status, "4.3.0");
	ck_assert_int_eq(result(0)->reached, REACHED_PLAIN);
}
END_TEST

START_TEST(smtp_39_too_many_recipients_go_in_further_transactions)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, three, 3);

	s->rcpt_limit = 1;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	ck_assert_uint_eq(s->mail_count, 3);
	ck_assert_uint_eq(s->connections, 1);
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_int_eq(result(i)->result, RESULT_DELIVERED);
	ck_assert_uint_eq(keeper.outcome[0].evidence_count, 1);
	ck_assert_uint_eq(record(0).rcpt_count, 3);
}
END_TEST

START_TEST(smtp_43_recipient_limit_splits_a_job)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, three, 3);

	conf.smtp_recipients = 2;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	ck_assert_uint_eq(s->mail_count, 2);
	ck_assert_str_eq(s->mails[0].rcpts, "a@d.example b@d.example");
	ck_assert_str_eq(s->mails[1].rcpts, "c@d.example");
}
END_TEST

START_TEST(smtp_46_too_big_goes_to_another_host_or_bounces)
{
	struct server *small = server_new(TLS_ABSENT, NULL);
	struct server *big = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	small->ext = "250-SIZE 10\r\n";
	big->ext = "250-SIZE 10000\r\n";
	plan_add(p, "mx1.d.example", 10, small, LEVEL_MAY);
	if (_i == 0)
		plan_add(p, "mx2.d.example", 20, big, LEVEL_MAY);
	try_one();
	ck_assert_uint_eq(small->clear_mails, 0);
	if (_i == 0) {
		ck_assert_int_eq(result(0)->result, RESULT_DELIVERED);
		ck_assert_str_eq(big->mails[0].params, "SIZE=26");
	} else {
		ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
		ck_assert_str_eq(result(0)->status, "5.3.4");
	}
}
END_TEST

START_TEST(smtp_46_too_big_for_one_host_waits_for_one_that_is_down)
{
	struct server *small = server_new(TLS_ABSENT, NULL);
	struct server *down = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	small->ext = "250-SIZE 10\r\n";
	plan_add(p, "mx1.d.example", 10, small, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, down, LEVEL_MAY);
	TALLOC_FREE(down->listener);
	try_one();
	ck_assert_int_eq(result(0)->result, RESULT_DEFERRED);
	ck_assert_str_eq(result(0)->status, "4.3.4");
}
END_TEST

/* ---- content ---- */

START_TEST(smtp_03_b1_2_unclean_content_bounces_and_is_never_complete)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, one, 1);

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	j.body = SPAN_LIT("x\r\n.\nMAIL FROM:<evil@x>\r\n");
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
	ck_assert_str_eq(result(0)->status, "5.6.0");
	ck_assert_uint_eq(s->mail_count, 0);
}
END_TEST

static struct span
big_body(size_t bytes)
{
	struct sbuf b;

	sbuf_init(&b, mem, bytes + 100);
	while (b.n < bytes)
		sbuf_printf(&b, ".%zu of a long message\r\n", b.n);
	return sbuf_view(&b);
}

START_TEST(body_is_pulled_piece_by_piece)
{
	struct server *s = server_new(_i == 0 ? TLS_ABSENT : TLS_GOOD,
	    cert_for("mx.d.example"));
	struct wire_job j = job_of(1, 1, one, 1);

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	keeper.body = big_body(500000);
	keeper.piece_bytes = 65536;
	j.has_body = false;
	j.size_bytes = keeper.body.n;
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	ck_assert_int_eq(result(0)->result, RESULT_DELIVERED);
	ck_assert_uint_eq(keeper.wants, keeper.body.n / 65536 + 1);
	ck_assert(span_eq_span(s->mails[0].body, keeper.body));
}
END_TEST

START_TEST(body_that_is_pulled_is_pulled_again_for_the_next_host)
{
	struct server *first = server_new(TLS_ABSENT, NULL);
	struct server *second = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");
	struct wire_job j = job_of(1, 1, one, 1);

	first->dot = "451 later";
	plan_add(p, "mx1.d.example", 10, first, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, second, LEVEL_MAY);
	keeper.body = big_body(100000);
	keeper.piece_bytes = 30000;
	j.has_body = false;
	j.size_bytes = keeper.body.n;
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	ck_assert_int_eq(result(0)->result, RESULT_DELIVERED);
	ck_assert(span_eq_span(second->mails[0].body, keeper.body));
}
END_TEST

/* ---- sessions that break ---- */

START_TEST(smtp_41_lost_after_the_dot_is_unknown_and_no_other_host_is_tried)
{
	struct server *first = server_new(TLS_ABSENT, NULL);
	struct server *second = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	first->drop_after_dot = true;
	plan_add(p, "mx1.d.example", 10, first, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, second, LEVEL_MAY);
	try_one();
	ck_assert_int_eq(result(0)->result, RESULT_DEFERRED);
	ck_assert_str_eq(result(0)->status, "4.4.2");
	ck_assert_uint_eq(second->connections, 0);
	ck_assert_int_eq(record(0).outcome, EVIDENCE_UNKNOWN);
	ck_assert_int_eq(record(0).reached, REACHED_PLAIN);
	ck_assert(was_logged("may-be-duplicate"));
}
END_TEST

START_TEST(smtp_41_lost_before_the_dot_goes_to_the_next_host)
{
	struct server *first = server_new(TLS_ABSENT, NULL);
	struct server *second = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	first->drop_at_data = true;
	plan_add(p, "mx1.d.example", 10, first, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 20, second, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(second->mail_count, 1);
	ck_assert_int_eq(record(0).outcome, EVIDENCE_UNREACHABLE);
}
END_TEST

START_TEST(kept_connection_that_was_closed_is_replaced_without_a_failure)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	s->drop_when_idle = true;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	send_slot(1, "d.example");
	send_one(1, 1);
	send_one(1, 2);
	wait_for(has_reports, 2);
	ck_assert_uint_eq(keeper.outcomes, 2);
	ck_assert_int_eq(keeper.outcome[1].result[0].result, RESULT_DELIVERED);
	ck_assert_uint_eq(keeper.outcome[1].evidence_count, 1);
	ck_assert_uint_eq(s->connections, 2);
}
END_TEST

/* ---- reuse ---- */

START_TEST(smtp_42_jobs_of_a_slot_share_a_connection_that_ends_with_quit)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	conf.smtp_idle_ms = 0;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	send_slot(1, "d.example");
	for (int64_t i = 1; i <= 5; i++)
		send_one(1, i);
	send_slot_end(1);
	wait_for(has_idles, 1);
	ck_assert_uint_eq(keeper.outcomes, 5);
	ck_assert_uint_eq(s->connections, 1);
	ck_assert_uint_eq(s->mail_count, 5);
	ck_assert(!evidence_of(&keeper.outcome[0].evidence[0]).reused);
	ck_assert(evidence_of(&keeper.outcome[4].evidence[0]).reused);
	ck_assert_uint_eq(advisor.asked, 1);
}
END_TEST

START_TEST(messages_per_connection_are_limited)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	conf.smtp_connection_messages = 2;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	send_slot(1, "d.example");
	for (int64_t i = 1; i <= 4; i++)
		send_one(1, i);
	wait_for(has_reports, 4);
	ck_assert_uint_eq(s->connections, 2);
}
END_TEST

/* One slot, one message, and the slot's end. */
static void
one_slot(uint32_t slot, const char *domain)
{
	unsigned idles = keeper.idles;

	send_slot(slot, domain);
	send_one(slot, slot);
	send_slot_end(slot);
	wait_for(has_idles, idles + 1);
}

START_TEST(pool_serves_another_slot_of_the_same_requirement)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	one_slot(1, "d.example");
	one_slot(2, "d.example");
	ck_assert_uint_eq(s->connections, 1);
	ck_assert_uint_eq(s->mail_count, 2);
}
END_TEST

/* Every order of three requirements on one host, each twice. */
START_TEST(b2_4_tls_36_inv_10_a_kept_connection_never_serves_another_level)
{
	static const char *const domains[] = { "may.example", "encrypt.example",
		"verify.example" };
	static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
		{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct cert *c = cert_for("mx.example");
	struct server *s = server_new(TLS_GOOD, c);
	struct plan *p;

	plan_add(plan_new(domains[0]), "mx.example", 10, s, LEVEL_MAY);
	plan_add(plan_new(domains[1]), "mx.example", 10, s, LEVEL_ENCRYPT);
	p = plan_new(domains[2]);
	require_dane(p, plan_add(p, "mx.example", 10, s, LEVEL_MAY), c);
	for (uint32_t i = 0; i < 6; i++)
		one_slot(i + 1, domains[orders[_i][i % 3]]);
	ck_assert_uint_eq(keeper.outcomes, 6);
	ck_assert_uint_eq(s->connections, 3);
	for (uint32_t i = 0; i < 6; i++) {
		struct evidence e = evidence_of(&keeper.outcome[i].evidence[0]);

		ck_assert_int_eq(e.outcome, EVIDENCE_DELIVERED);
		ck_assert_int_eq(e.reached,
		    orders[_i][i % 3] == 2 ? REACHED_VERIFIED : REACHED_TLS);
		ck_assert_int_eq(e.reused, i >= 3);
	}
}
END_TEST

/* The same domain: its requirement changes between two plans. */
START_TEST(b2_4_clear_connection_never_serves_a_raised_requirement)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	one_slot(1, "d.example");
	h->in.override = OVERRIDE_REQUIRE_ENCRYPTED;
	decided(p, h);
	send_slot(2, "d.example");
	send_one(2, 2);
	wait_for(has_reports, 2);
	ck_assert_uint_eq(s->connections, 2);
	ck_assert_uint_eq(s->mail_count, 1);
	ck_assert_str_eq(keeper.failed[0].status, "4.7.5");
}
END_TEST

START_TEST(dane_13_rolled_tlsa_set_gets_a_new_connection)
{
	struct cert *c = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, c);
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	require_dane(p, h, c);
	one_slot(1, "d.example");
	require_dane(p, h, cert_for("mx.d.example"));
	send_slot(2, "d.example");
	send_one(2, 2);
	wait_for(has_reports, 2);
	ck_assert_uint_eq(s->mail_count, 1);
	ck_assert_uint_eq(keeper.failures, 1);
}
END_TEST

START_TEST(dane_13_plan_that_expired_is_asked_for_again)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);
	p->valid_until = p->made;
	send_slot(1, "d.example");
	send_one(1, 1);
	wait_for(has_reports, 1);
	ck_assert_uint_eq(advisor.asked, 1);
	send_one(1, 2);
	wait_for(has_reports, 2);
	ck_assert_uint_eq(advisor.asked, 2);
	ck_assert_uint_eq(s->connections, 2); /* judged by the old one */
}
END_TEST

/* What was planned, and connected, before a reload rests on rules that may
 * be gone. */
START_TEST(inv_04_reload_ends_plans_and_connections_of_slots)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	send_slot(1, "d.example");
	send_one(1, 1);
	wait_for(has_reports, 1);
	h->in.override = OVERRIDE_NEVER_PLAINTEXT;
	decided(p, h);
	courier_reload(courier, &conf);
	send_one(1, 2);
	wait_for(has_reports, 2);
	ck_assert_uint_eq(advisor.asked, 2);
	ck_assert_uint_eq(s->mail_count, 1);
	ck_assert_uint_eq(keeper.failures, 1);
	ck_assert_str_eq(keeper.failed[0].status, "4.7.5");
}
END_TEST

/* Made before the advisor reloaded, or after and we have not yet. */
START_TEST(inv_15_plan_of_another_configuration_serves_one_job)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");

	plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);
	p->conf_digest[0] = 9;
	send_slot(1, "d.example");
	send_one(1, 1);
	wait_for(has_reports, 1);
	ck_assert_uint_eq(record(0).conf_digest[0], 9);
	send_one(1, 2);
	wait_for(has_reports, 2);
	ck_assert_uint_eq(advisor.asked, 2);
	ck_assert_uint_eq(s->mail_count, 2);
}
END_TEST

/* The same requirement, but a connection of before the reload. */
START_TEST(reload_leaves_no_connection_to_another_slot)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	send_slot(1, "d.example");
	send_one(1, 1);
	wait_for(has_reports, 1);
	courier_reload(courier, &conf);
	send_slot_end(1);
	wait_for(has_idles, 1);
	one_slot(2, "d.example");
	ck_assert_uint_eq(s->connections, 2);
}
END_TEST

START_TEST(dane_49_domains_do_not_share_a_connection)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.example"));

	plan_add(plan_new("d.example"), "mx.example", 10, s, LEVEL_MAY);
	plan_add(plan_new("e.example"), "mx.example", 10, s, LEVEL_MAY);
	one_slot(1, "d.example");
	one_slot(2, "e.example");
	ck_assert_uint_eq(s->connections, 2);
}
END_TEST

START_TEST(clear_retry_connection_serves_no_other_slot)
{
	struct server *s = server_new(TLS_DROP, NULL);

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	one_slot(1, "d.example");
	ck_assert_uint_eq(s->connections, 2);
	one_slot(2, "d.example");
	ck_assert_uint_eq(s->connections, 4);
}
END_TEST

/* ---- plans ---- */

START_TEST(dane_03_plan_that_defers_fails_the_slot)
{
	struct plan *p = plan_new("d.example");

	p->verdict = PLAN_DEFER;
	p->status = "4.4.3";
	p->why = "MX of d.example is bogus";
	try_one();
	expect_failed("4.4.3");
	ck_assert_str_eq(keeper.failed[0].why, "MX of d.example is bogus");
	ck_assert_int_eq(failure_record(0).outcome, EVIDENCE_NO_ROUTE);
}
END_TEST

START_TEST(smtp_32_plan_that_bounces_bounces_every_job)
{
	struct plan *p = plan_new("d.example");

	p->verdict = PLAN_BOUNCE;
	p->status = "5.1.10";
	p->why = "d.example takes no mail";
	send_slot(1, "d.example");
	send_one(1, 1);
	send_one(1, 2);
	wait_for(has_reports, 2);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(keeper.outcome[i].result[0].result,
		    RESULT_BOUNCED);
		ck_assert_str_eq(keeper.outcome[i].result[0].status, "5.1.10");
		ck_assert_int_eq(evidence_of(&keeper.outcome[i].evidence[0])
				     .outcome,
		    EVIDENCE_NO_ROUTE);
	}
}
END_TEST

START_TEST(new_advisor_is_asked_again)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	advisor.silent = true;
	send_slot(1, "d.example");
	send_one(1, 1);
	wait_for(has_asked, 1);
	TALLOC_FREE(advisor.chan);
	advisor.silent = false;
	attach_advisor();
	wait_for(has_reports, 1);
	expect_delivered(REACHED_PLAIN);
}
END_TEST

static bool
advisor_is_gone(void)
{
	return advisor_gone;
}

START_TEST(b2_8_plan_of_another_domain_is_refused)
{
	plan_add(plan_new("d.example"), "mx.d.example", 10, NULL, LEVEL_MAY);
	plan_add(plan_new("e.example"), "mx.e.example", 10,
	    server_new(TLS_ABSENT, NULL), LEVEL_MAY);
	advisor.lie = "e.example";
	send_slot(1, "d.example");
	send_one(1, 1);
	run_until(advisor_is_gone);
	ck_assert_uint_eq(keeper.outcomes + keeper.failures, 0);
}
END_TEST

/* ---- keepers that come and go ---- */

static void
new_keeper(void)
{
	unsigned hellos = keeper.hellos;

	TALLOC_FREE(keeper.chan);
	attach_keeper();
	wait_for(has_hellos, hellos + 1);
}

START_TEST(inv_14_unacknowledged_outcomes_are_sent_to_the_next_keeper)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	uint64_t instance;

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	keeper.acks = false;
	send_slot(1, "d.example");
	send_one(1, 1);
	send_one(1, 2);
	wait_for(has_reports, 2);
	instance = keeper.hello.instance;
	ack(1);
	send_one(1, 3); /* the courier reads in order */
	wait_for(has_reports, 3);
	new_keeper();
	ck_assert_uint_eq(keeper.hello.instance, instance);
	ck_assert_uint_eq(keeper.hello.last_seq, 3);
	ck_assert_uint_eq(keeper.hello.lease_count, 2);
	ck_assert_int_eq(keeper.hello.held[0].message, 2);
	ck_assert_int_eq(keeper.hello.held[0].rcpt[0], 2 << 16);
	wait_for(has_reports, 5);
	ck_assert_uint_eq(keeper.outcome[3].seq, 2);
	ck_assert_uint_eq(keeper.outcome[4].seq, 3);
	ck_assert_int_eq(keeper.outcome[4].result[0].result, RESULT_DELIVERED);
	ck_assert_uint_eq(s->mail_count, 3);
}
END_TEST

START_TEST(inv_14_failed_slots_are_told_to_the_next_keeper_too)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_ENCRYPT);
	keeper.acks = false;
	try_one();
	new_keeper();
	wait_for(has_reports, 2);
	ck_assert_uint_eq(keeper.failures, 2);
	ck_assert_uint_eq(keeper.failed[1].seq, keeper.failed[0].seq);
	ck_assert_uint_eq(keeper.hello.lease_count, 0);
}
END_TEST

START_TEST(jobs_not_begun_go_back_untried_when_the_keeper_goes)
{
	plan_add(plan_new("d.example"), "mx.d.example", 10, NULL, LEVEL_MAY);
	advisor.silent = true;
	send_slot(1, "d.example");
	send_one(1, 1);
	send_one(1, 2);
	wait_for(has_asked, 1);
	new_keeper();
	wait_for(has_reports, 2);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(keeper.outcome[i].result[0].result,
		    RESULT_UNTRIED);
	/* The number is the new keeper's to use. */
	send_slot(1, "d.example");
	send_one(1, 3);
	wait_for(has_asked, 2);
}
END_TEST

static struct server *awaited;

static bool
has_rcpts(void)
{
	return awaited->rcpts > 0;
}

START_TEST(inv_14_a_running_transaction_survives_its_keeper)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	awaited = s;
	send_slot(1, "d.example");
	send_one(1, 1);
	run_until(has_rcpts);
	new_keeper();
	ck_assert_uint_eq(keeper.hello.lease_count, 1);
	ck_assert_int_eq(keeper.hello.held[0].message, 1);
	wait_for(has_reports, 1);
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(keeper.outcome[0].lease, 1);
}
END_TEST

static bool
wants_body(void)
{
	return keeper.wants > 0 && has_rcpts();
}

/* INV-15: the digest of what the decision was made under. */
START_TEST(inv_15_record_after_a_reload_names_the_configuration_of_its_plan)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct conf other;
	struct evidence e;

	conf.digest[0] = 1;
	other = conf;
	other.digest[0] = 2;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	awaited = s;
	send_slot(1, "d.example");
	send_one(1, 1);
	run_until(has_rcpts);
	courier_reload(courier, &other);
	wait_for(has_reports, 1);
	e = record(0);
	ck_assert_uint_eq(e.conf_digest[0], 1);
	courier_reload(courier, &conf);
}
END_TEST

START_TEST(content_still_to_be_pulled_goes_back_untried)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, one, 1);

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	awaited = s;
	keeper.gives_body = false;
	j.has_body = false;
	send_slot(1, "d.example");
	send_job(&j);
	run_until(wants_body);
	new_keeper();
	wait_for(has_reports, 1);
	ck_assert_int_eq(result(0)->result, RESULT_UNTRIED);
	ck_assert_uint_eq(s->mail_count, 0);
}
END_TEST

static bool
keeper_is_gone(void)
{
	return keeper_gone;
}

START_TEST(hostile_frames_close_the_channel)
{
	struct sbuf b;

	sbuf_init(&b, mem, 100);
	pack_u32(&b, 7);
	send_keeper(_i == 0 ? WIRE_HELLO : _i == 1 ? WIRE_SLOT : WIRE_ACK, &b);
	run_until(keeper_is_gone);
}
END_TEST

/* ---- drain ---- */

static bool is_drained;

static void
drained(void *arg)
{
	(void)arg;
	is_drained = true;
	look();
}

static bool
was_drained(void)
{
	return is_drained;
}

START_TEST(drain_finishes_what_runs_and_gives_back_the_rest)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	awaited = s;
	is_drained = false;
	send_slot(1, "d.example");
	send_one(1, 1);
	send_one(1, 2);
	run_until(has_rcpts);
	courier_drain(courier, drained, NULL);
	run_until(was_drained);
	ck_assert_uint_eq(keeper.outcomes, 2);
	ck_assert_uint_eq(s->mail_count, 1);
	ck_assert_uint_eq(s->quits_in_tls, 1);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(keeper.outcome[i].result[0].result,
		    keeper.outcome[i].message == 1 ? RESULT_DELIVERED :
						     RESULT_UNTRIED);
}
END_TEST

static TCase *
case_of(Suite *s, const char *name)
{
	TCase *t = tcase_create(name);

	tcase_set_timeout(t, 2 * PATIENCE_MS / 1000);
	tcase_add_checked_fixture(t, setup, teardown);
	suite_add_tcase(s, t);
	return t;
}

static void
add_host(TCase *t)
{
	tcase_add_test(t,
	    delivers_in_clear_where_nothing_more_is_required_and_says_so);
	tcase_add_test(t, tls_18_untrusted_certificate_still_encrypts_at_may);
	tcase_add_test(t, plain_uses_tls_when_it_is_offered);
	tcase_add_test(t, dane_32_matching_key_is_verified);
	tcase_add_test(t,
	    dane_08_inv_09_half_dane_is_authenticated_not_verified);
	tcase_add_test(t,
	    dane_45_46_wrong_key_sends_nothing_and_quits_inside_tls);
	tcase_add_test(t, sts_pkix_certificate_for_the_host_is_verified);
	tcase_add_test(t, sts_pkix_certificate_for_another_name_is_not);
	tcase_add_loop_test(t, inv_06_tls_16_b2_1_b2_2_encrypt_never_goes_clear,
	    0, (int)COUNT_OF(bad_tls));
	tcase_add_loop_test(t, tls_16_may_goes_on_in_clear_in_the_same_session,
	    0, 2);
	tcase_add_loop_test(t,
	    tls_17_may_tries_once_more_in_clear_after_a_tls_failure, 2,
	    (int)COUNT_OF(bad_tls) - 1);
}

static void
add_hosts(TCase *t)
{
	tcase_add_test(t, equal_preference_tls_comes_before_clear_text);
	tcase_add_test(t, equal_preference_comes_back_to_clear_text_in_order);
	tcase_add_test(t, equal_preference_clear_text_only_where_allowed);
	tcase_add_test(t,
	    inv_04_a_record_names_who_approved_the_exception_of_its_host);
	tcase_add_test(t, inv_04_an_exception_ends_within_an_attempt);
	tcase_add_test(t,
	    dane_10_better_preference_in_clear_beats_worse_with_tls);
	tcase_add_test(t, dane_11_one_bad_host_does_not_block_the_domain);
	tcase_add_test(t, sts_37_skipped_host_is_not_connected_to);
	tcase_add_test(t,
	    only_skipped_hosts_fail_the_slot_with_a_policy_status);
	tcase_add_test(t, smtp_30_next_address_is_tried_when_one_is_closed);
	tcase_add_test(t, no_answer_fails_the_slot_4_4_1_and_policy_says_more);
	tcase_add_test(t, smtp_33_refusing_greeting_goes_to_the_next_host);
	tcase_add_loop_test(t, smtp_33_refusing_greetings_everywhere_defer, 0,
	    2);
	tcase_add_test(t, smtp_33_521_everywhere_bounces);
}

static void
add_mail(TCase *t)
{
	tcase_add_loop_test(t, smtp_38_40_each_recipient_has_its_own_fate, 0,
	    2);
	tcase_add_test(t,
	    inv_07_a_record_tells_of_clear_text_for_those_it_left_for);
	tcase_add_test(t, smtp_40_5yz_is_final_and_no_other_host_is_asked);
	tcase_add_test(t,
	    smtp_38_4yz_everywhere_defers_the_message_not_the_destination);
	tcase_add_test(t,
	    smtp_39_too_many_recipients_go_in_further_transactions);
	tcase_add_test(t, smtp_43_recipient_limit_splits_a_job);
	tcase_add_loop_test(t, smtp_46_too_big_goes_to_another_host_or_bounces,
	    0, 2);
	tcase_add_test(t,
	    smtp_46_too_big_for_one_host_waits_for_one_that_is_down);
	tcase_add_test(t,
	    smtp_03_b1_2_unclean_content_bounces_and_is_never_complete);
	tcase_add_loop_test(t, body_is_pulled_piece_by_piece, 0, 2);
	tcase_add_test(t,
	    body_that_is_pulled_is_pulled_again_for_the_next_host);
	tcase_add_test(t,
	    smtp_41_lost_after_the_dot_is_unknown_and_no_other_host_is_tried);
	tcase_add_test(t, smtp_41_lost_before_the_dot_goes_to_the_next_host);
	tcase_add_test(t,
	    kept_connection_that_was_closed_is_replaced_without_a_failure);
}

static void
add_reuse(TCase *t)
{
	tcase_add_test(t,
	    smtp_42_jobs_of_a_slot_share_a_connection_that_ends_with_quit);
	tcase_add_test(t, messages_per_connection_are_limited);
	tcase_add_test(t, pool_serves_another_slot_of_the_same_requirement);
	tcase_add_loop_test(t,
	    b2_4_tls_36_inv_10_a_kept_connection_never_serves_another_level, 0,
	    6);
	tcase_add_test(t,
	    b2_4_clear_connection_never_serves_a_raised_requirement);
	tcase_add_test(t, dane_13_rolled_tlsa_set_gets_a_new_connection);
	tcase_add_test(t, dane_13_plan_that_expired_is_asked_for_again);
	tcase_add_test(t, inv_04_reload_ends_plans_and_connections_of_slots);
	tcase_add_test(t, inv_15_plan_of_another_configuration_serves_one_job);
	tcase_add_test(t, reload_leaves_no_connection_to_another_slot);
	tcase_add_test(t, dane_49_domains_do_not_share_a_connection);
	tcase_add_test(t, clear_retry_connection_serves_no_other_slot);
}

static void
add_roles(TCase *t)
{
	tcase_add_test(t, dane_03_plan_that_defers_fails_the_slot);
	tcase_add_test(t, smtp_32_plan_that_bounces_bounces_every_job);
	tcase_add_test(t, new_advisor_is_asked_again);
	tcase_add_test(t, b2_8_plan_of_another_domain_is_refused);
	tcase_add_test(t,
	    inv_14_unacknowledged_outcomes_are_sent_to_the_next_keeper);
	tcase_add_test(t, inv_14_failed_slots_are_told_to_the_next_keeper_too);
	tcase_add_test(t, jobs_not_begun_go_back_untried_when_the_keeper_goes);
	tcase_add_test(t, inv_14_a_running_transaction_survives_its_keeper);
	tcase_add_test(t,
	    inv_15_record_after_a_reload_names_the_configuration_of_its_plan);
	tcase_add_test(t, content_still_to_be_pulled_goes_back_untried);
	tcase_add_loop_test(t, hostile_frames_close_the_channel, 0, 3);
	tcase_add_test(t, drain_finishes_what_runs_and_gives_back_the_rest);
}

int
main(void)
{
	Suite *s = suite_create("courier");
	SRunner *r;
	int failed;

	status_init();
	add_host(case_of(s, "host"));
	add_hosts(case_of(s, "hosts"));
	add_mail(case_of(s, "mail"));
	add_reuse(case_of(s, "reuse"));
	add_roles(case_of(s, "roles"));
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
