/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mapper - the mapper on the simulated network, with clients of it; the test
 * plays the advisor.
 */
#ifndef TESTS_MAPPER_H
#define TESTS_MAPPER_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/mapper_internal.h"
#include "policy/hop.h"
#include "tests/replay/sim.h"
#include "util/netstring.h"

#define MAX_QUESTIONS 4096u

static TALLOC_CTX *mem;
static struct sim *sim;
static struct conf conf;
static struct conf_point place;
static struct netprefix near;
static struct netaddr at;
static struct mapper *m;

/* ---- the advisor ---- */

struct question {
	uint32_t token;
	const char *hop;
	bool answered;
};

static struct chan *advisor; /* our end */
static struct question question[MAX_QUESTIONS];
static size_t question_count;
static bool advisor_gone;

static inline enum status
take_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct unpack u = unpack_from(payload);
	struct question *q = &question[question_count++];

	(void)arg;
	(void)why;
	ck_assert_uint_le(question_count, MAX_QUESTIONS);
	ck_assert_uint_eq(type, WIRE_HOP_WANT);
	q->token = unpack_u32(&u);
	q->hop = unpack_str(&u, mem);
	q->answered = false;
	ck_assert_int_eq(unpack_done(&u), ST_OK);
	return ST_OK;
}

static inline void
gone(void *arg, const char *why)
{
	(void)arg;
	(void)why;
	advisor_gone = true;
}

static const struct chan_ops advisor_side = { .frame = take_frame,
	.closed = gone };

static inline void
advisor_start(void)
{
	struct sock *ours, *theirs;

	question_count = 0;
	advisor_gone = false;
	sim_pair(mem, sim, &ours, &theirs);
	advisor = chan_new(mem, sim_net(sim), ours, &advisor_side, NULL);
	mapper_attach_advisor(m, theirs);
}

static inline void
go_on(int64_t ms)
{
	sim_run(sim, ms, NULL, NULL);
}

static inline void
advisor_die(void)
{
	TALLOC_FREE(advisor);
	go_on(0);
}

/* One host, of that name, without DNSSEC; floor: what a rule wants of it. */
static inline void
make_plan(struct plan *plan, struct plan_host *h, const char *hop,
    enum level floor)
{
	struct conf_hop to;
	struct diag why = { 0 };
	struct decide_out out;
	static struct netaddr addr;

	ck_assert_int_eq(hop_parse(mem, span_str(hop), 0, &to, &why), ST_OK);
	addr = at;
	*h = (struct plan_host){ .name = to.name,
		.addr = &addr,
		.addr_count = 1,
		.dane = DANE_D4_INSECURE,
		.named = true,
		.tlsa_base = "",
		.route = "",
		.rule = "",
		.exception = "",
		.approver = "",
		.reason = "",
		.why = "",
		.in = { .dane = DANE_D4_INSECURE,
		    .mx_secure = true,
		    .floor = floor } };
	out = decide(&h->in);
	h->required = out.required;
	h->method = out.method;
	h->row = out.row;
	if (h->method != METHOD_NONE)
		h->ref[h->ref_count++] = h->name;
	*plan = (struct plan){ .domain = hop,
		.hop = true,
		.verdict = PLAN_DELIVER,
		.status = "",
		.why = "",
		.made = net_wall(sim_net(sim)),
		.valid_until = wall_after(net_wall(sim_net(sim)), 60000),
		.mx_secure = true,
		.sts = { .id = "", .why = "" },
		.host = h,
		.host_count = 1,
		.approver = "",
		.reason = "" };
}

static inline void
send_plan(uint32_t token, const struct plan *plan)
{
	struct sbuf b;

	sbuf_init(&b, mem, PLAN_MAX_BYTES);
	pack_u32(&b, token);
	pack_plan(&b, plan);
	ck_assert(!sbuf_failed(&b));
	chan_send_span(advisor, WIRE_PLAN, sbuf_view(&b));
	sbuf_free(&b);
}

static inline void
reply_to(struct question *q, enum level floor)
{
	struct plan_host host;
	struct plan plan;

	make_plan(&plan, &host, q->hop, floor);
	send_plan(q->token, &plan);
	q->answered = true;
}

static inline struct question *
question_for(const char *hop)
{
	for (size_t i = question_count; i-- > 0;)
		if (strcmp(question[i].hop, hop) == 0)
			return &question[i];
	ck_abort_msg("%s was not asked about", hop);
}

/* ---- clients ---- */

struct client {
	struct sock *sock;
	struct sbuf in;
	bool ended;
};

static inline void
client_ready(void *arg, unsigned events)
{
	struct client *c = arg;
	uint8_t buf[65536];
	size_t got;
	enum io io;

	(void)events;
	while ((io = sock_recv(c->sock, buf, sizeof(buf), &got)) == IO_OK)
		sbuf_add(&c->in, buf, got);
	if (io == IO_AGAIN)
		return;
	c->ended = true;
	sock_watch(c->sock, 0, client_ready, c);
}

static inline struct client *
client_new(void)
{
	struct client *c = need(talloc_zero(mem, struct client));
	struct diag why = { 0 };

	c->sock = net_connect(c, sim_net(sim), &at, &why);
	ck_assert_ptr_nonnull(c->sock);
	sbuf_init(&c->in, c, 64u << 20);
	sock_watch(c->sock, SOCK_READABLE, client_ready, c);
	go_on(0);
	return c;
}

static inline void
say_bytes(struct client *c, const void *p, size_t n)
{
	const struct iovec iov = { (void *)(uintptr_t)p, n };
	size_t sent;

	ck_assert_int_eq(sock_send(c->sock, &iov, 1, &sent), IO_OK);
	ck_assert_uint_eq(sent, n);
}

static inline void
ask(struct client *c, const char *request)
{
	struct sbuf b;

	sbuf_init(&b, mem, 1u << 20);
	netstring_add(&b, span_str(request));
	say_bytes(c, b.p, b.n);
	sbuf_free(&b);
}

/* The next reply that is there; NULL: none. */
static inline const char *
reply(struct client *c)
{
	struct span in = sbuf_view(&c->in), out;
	const char *text;

	if (netstring_take(&in, SOCKETMAP_REPLY_BYTES, &out) != ST_OK)
		return NULL;
	text = span_dup(mem, out);
	sbuf_consume(&c->in, c->in.n - in.n);
	return text;
}

static inline void
expect(struct client *c, const char *want)
{
	const char *got;

	go_on(0);
	got = reply(c);
	ck_assert_msg(got != NULL && strcmp(got, want) == 0,
	    "\"%s\" expected, got \"%s\"", want, got == NULL ? "" : got);
}

static inline void
expect_nothing(struct client *c)
{
	go_on(0);
	ck_assert_uint_eq(c->in.n, 0);
	ck_assert(!c->ended);
}

static inline void
expect_end(struct client *c)
{
	go_on(0);
	ck_assert_uint_eq(c->in.n, 0);
	ck_assert(c->ended);
}

/* ---- fixture ---- */

static struct log quiet = { .level = LOG_LEVEL_ERROR, .role = "mapper" };

static inline void
log_nothing(void *arg, enum log_level level, struct span line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static inline void
set_up(void)
{
	static const uint8_t ip[4] = { 192, 0, 2, 1 };
	const struct wall start = { INT64_C(1795508513000) };
	struct role_env env;

	mem = talloc_new(NULL);
	quiet.write = log_nothing;
	quiet.level = LOG_LEVEL_DEBUG;
	sim = sim_new(mem, start, 7);
	at = netaddr_ip4(ip, 8461);
	ck_assert_int_eq(netprefix_parse(SPAN_LIT("192.0.2.0/24"), &near),
	    ST_OK);
	place = (struct conf_point){ .path = "",
		.group = "",
		.addr = at,
		.allow = &near,
		.allow_count = 1 };
	conf = (struct conf){ .hostname = "gw.example",
		.smtp_port = 25,
		.mapper_connections = 2000,
		.mapper_idle_ms = 120000,
		.mapper_answers = 20000,
		.socketmap = &place,
		.socketmap_count = 1 };
	env = (struct role_env){ sim_net(sim), &quiet, &conf };
	m = mapper_new(mem, &env);
	mapper_add_listener(m, 0, sim_listen(mem, sim, &at));
}

static inline void
tear_down(void)
{
	talloc_free(mem);
}

#endif
