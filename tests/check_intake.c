/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An intake on the real loop, with real clients on loopback; the test plays
 * the keeper, and its clock is stepped by hand.
 */
#include "gateway/roles.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/intake_internal.h"
#include "gateway/wire.h"
#include "net/chan.h"
#include "net/net_impl.h"
#include "net/net_real.h"
#include "smtp/received.h"

#define PUMPS_QUICK     200u
#define PUMPS_MAX       20000u /* turns of the loop before a wait has failed */
#define MAX_SUBMISSIONS 64u
#define FIRST_ID        5000

static TALLOC_CTX *mem;
static struct conf conf;
static struct conf_listen listens[2];
static struct netprefix loopback;
static struct net *real;
static struct intake *in;
static uint16_t port[2];

/* ---- a net whose clock stands still ---- */

struct test_timer {
	struct net_timer timer;
	LIST_ENTRY(test_timer) link;
	struct mono at;
	bool set;
	void (*fire)(void *arg);
	void *arg;
};

static struct net stepped;
static struct net_ops stepped_ops;
static LIST_HEAD(, test_timer) timers;
static struct mono now;

static struct mono
step_now(const struct net *net)
{
	(void)net;
	return now;
}

static struct wall
step_wall(const struct net *net)
{
	(void)net;
	return (struct wall){ INT64_C(1795508513000) + now.ms };
}

static void
step_random(struct net *net, void *buf, size_t n)
{
	(void)net;
	net_random(real, buf, n);
}

static int
forget_timer(struct test_timer *t)
{
	LIST_REMOVE(t, link);
	return 0;
}

static struct net_timer *
step_timer_new(TALLOC_CTX *ctx, struct net *net, void (*fire)(void *arg),
    void *arg)
{
	struct test_timer *t = need(talloc_zero(ctx, struct test_timer));

	t->timer.ops = net->ops;
	t->fire = fire;
	t->arg = arg;
	LIST_INSERT_HEAD(&timers, t, link);
	talloc_set_destructor(t, forget_timer);
	return &t->timer;
}

static void
step_timer_set(struct net_timer *timer, struct mono at)
{
	struct test_timer *t = (struct test_timer *)timer;

	t->at = at;
	t->set = true;
}

static void
step_timer_clear(struct net_timer *timer)
{
	((struct test_timer *)timer)->set = false;
}

static struct net_later *
step_later(TALLOC_CTX *ctx, struct net *net, void (*fire)(void *arg), void *arg)
{
	(void)net;
	return net_later(ctx, real, fire, arg);
}

static void
stop_loop(void *arg)
{
	net_real_stop(arg);
}

/* One turn of the loop, with what is ready now. */
static void
pump(void)
{
	TALLOC_CTX *tmp = talloc_new(mem);

	(void)net_later(tmp, real, stop_loop, real);
	net_real_run(real);
	talloc_free(tmp);
}

/* The same, and the kernel is given a little time. */
static void
pump_slowly(void)
{
	TALLOC_CTX *tmp = talloc_new(mem);
	struct net_timer *t = net_timer_new(tmp, real, stop_loop, real);

	net_timer_set(t, mono_after(net_now(real), 1));
	net_real_run(real);
	talloc_free(tmp);
}

/* Turn number i of a wait. */
static void
pump_for(unsigned i)
{
	if (i > PUMPS_MAX)
		ck_abort_msg("waited in vain");
	if (i < PUMPS_QUICK)
		pump();
	else
		pump_slowly();
}

/* Long enough for whatever is on its way. */
static void
settle(void)
{
	for (int i = 0; i < 20; i++)
		pump();
	pump_slowly();
}

static struct test_timer *
due_timer(void)
{
	struct test_timer *t, *first = NULL;

	LIST_FOREACH(t, &timers, link)
		if (t->set && mono_reached(now, t->at) &&
		    (first == NULL || t->at.ms < first->at.ms))
			first = t;
	return first;
}

static void
advance(int64_t ms)
{
	struct test_timer *t;

	settle();
	now = mono_after(now, ms);
	while ((t = due_timer()) != NULL) {
		t->set = false;
		t->fire(t->arg);
	}
	settle();
}

/* ---- the keeper ---- */

struct submission {
	struct wire_open open;
	struct sbuf body; /* only while keep_bodies */
	uint64_t body_bytes;
	uint64_t end_bytes;
	uint32_t chunks;
	uint32_t uncredited;
	bool has_8bit;
	bool ended;
	bool aborted;
	bool queried;
};

static struct {
	struct chan *chan;
	TALLOC_CTX *mem;
	struct submission sub[MAX_SUBMISSIONS];
	size_t sub_count;
	unsigned ids_wanted;
	unsigned batches;
	int64_t next_id;
	bool closed;
	/* what it does by itself */
	bool gives_ids;
	bool gives_credit;
	bool gives_verdict;
	bool keeps_bodies;
} keeper;

static struct submission *
sub_of(uint32_t session)
{
	for (size_t i = keeper.sub_count; i-- > 0;)
		if (keeper.sub[i].open.session == session)
			return &keeper.sub[i];
	panic("no submission %u", session);
}

static void
send_ids(void)
{
	struct sbuf b;

	sbuf_init(&b, mem, 64);
	pack_i64(&b, keeper.next_id);
	pack_u32(&b, WIRE_ID_BLOCK);
	chan_send_span(keeper.chan, WIRE_IDS, sbuf_view(&b));
	keeper.next_id += WIRE_ID_BLOCK;
	sbuf_free(&b);
}

static void
send_credit(struct submission *s)
{
	struct sbuf b;

	sbuf_init(&b, mem, 64);
	pack_u32(&b, s->open.session);
	pack_u32(&b, s->uncredited);
	chan_send_span(keeper.chan, WIRE_SUBMIT_CREDIT, sbuf_view(&b));
	s->uncredited = 0;
	sbuf_free(&b);
}

static void
send_done(const struct submission *s, enum wire_verdict verdict)
{
	struct wire_done d = { s->open.session, s->open.message, verdict, "" };
	struct sbuf b;

	sbuf_init(&b, mem, 256);
	wire_pack_done(&b, &d);
	chan_send_span(keeper.chan, WIRE_SUBMIT_DONE, sbuf_view(&b));
	sbuf_free(&b);
}

static void
send_room(bool room)
{
	struct sbuf b;

	sbuf_init(&b, mem, 8);
	pack_bool(&b, room);
	chan_send_span(keeper.chan, WIRE_ROOM, sbuf_view(&b));
	sbuf_free(&b);
}

static void
take_open(struct span payload)
{
	struct submission *s = &keeper.sub[keeper.sub_count % MAX_SUBMISSIONS];
	struct diag why;

	ck_assert_uint_lt(keeper.sub_count, MAX_SUBMISSIONS);
	*s = (struct submission){ 0 };
	ck_assert_int_eq(wire_unpack_open(mem, payload, &s->open, &why), ST_OK);
	sbuf_init(&s->body, mem, 1u << 20);
	keeper.sub_count++;
}

static void
take_chunk(struct unpack *u)
{
	struct submission *s = sub_of(unpack_u32(u));
	uint32_t seq = unpack_u32(u);
	struct span bytes = unpack_bytes(u);

	if (unpack_done(u) != ST_OK || seq != s->chunks || bytes.n == 0 ||
	    bytes.n > WIRE_CHUNK_BYTES || s->ended || s->aborted)
		ck_abort_msg("bad chunk");
	s->chunks++;
	s->body_bytes += bytes.n;
	s->uncredited += (uint32_t)bytes.n;
	if (s->uncredited > WIRE_WINDOW_BYTES)
		ck_abort_msg("window of %u passed", WIRE_WINDOW_BYTES);
	if (keeper.keeps_bodies)
		sbuf_span(&s->body, bytes);
	if (keeper.gives_credit)
		send_credit(s);
}

static void
take_end(struct span payload)
{
	struct diag why = { 0 };
	struct submission *s;
	struct wire_end e;

	ck_assert_int_eq(wire_unpack_end(payload, &e, &why), ST_OK);
	s = sub_of(e.session);
	s->end_bytes = e.size_bytes;
	s->has_8bit = e.flags & MESSAGE_8BIT;
	s->ended = true;
	ck_assert_uint_eq(s->end_bytes, s->body_bytes);
	if (keeper.gives_verdict)
		send_done(s, VERDICT_QUEUED);
}

static void
take_query(struct unpack *u)
{
	struct submission *s = sub_of(unpack_u32(u));

	ck_assert_int_eq(unpack_i64(u), s->open.message);
	ck_assert_int_eq(unpack_done(u), ST_OK);
	s->queried = true;
}

static enum status
keeper_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct unpack u = unpack_from(payload);

	(void)arg;
	(void)why;
	switch (type) {
	case WIRE_IDS_WANT:
		keeper.ids_wanted++;
		if (keeper.gives_ids)
			send_ids();
		return ST_OK;
	case WIRE_SUBMIT_OPEN:
		take_open(payload);
		return ST_OK;
	case WIRE_SUBMIT_CHUNK:
		take_chunk(&u);
		return ST_OK;
	case WIRE_SUBMIT_END:
		take_end(payload);
		return ST_OK;
	case WIRE_SUBMIT_ABORT:
		sub_of(unpack_u32(&u))->aborted = true;
		return ST_OK;
	case WIRE_SUBMIT_QUERY:
		take_query(&u);
		return ST_OK;
	}
	ck_abort_msg("frame of type %u", type);
	return ST_SYNTAX;
}

static void
keeper_batch(void *arg)
{
	(void)arg;
	keeper.batches++;
}

static void
keeper_closed(void *arg, const char *why)
{
	(void)arg;
	(void)why;
	keeper.closed = true;
}

static const struct chan_ops keeper_ops = {
	.frame = keeper_frame,
	.batch = keeper_batch,
	.closed = keeper_closed,
};

static void
keeper_start(void)
{
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	keeper.mem = talloc_new(mem);
	keeper.closed = false;
	keeper.chan = chan_new(keeper.mem, real,
	    net_real_sock(keeper.mem, real, fd[0]), &keeper_ops, NULL);
	intake_attach_keeper(in, net_real_sock(mem, real, fd[1]));
	settle();
}

static void
keeper_die(void)
{
	TALLOC_FREE(keeper.mem);
	keeper.chan = NULL;
	settle();
}

/* ---- a client ---- */

struct client {
	int fd;
	char in[65536];
	size_t n;
	bool ended; /* EOF or reset */
};

static struct client *
client_at(unsigned listen)
{
	struct client *c = need(talloc_zero(mem, struct client));
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(port[listen]),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	const int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_ge(c->fd, 0);
	ck_assert_int_eq(setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on,
			     sizeof(on)),
	    0);
	ck_assert_int_eq(connect(c->fd, (struct sockaddr *)&to, sizeof(to)), 0);
	ck_assert_int_eq(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
	return c;
}

static void
client_close(struct client *c)
{
	close(c->fd);
	c->fd = -1;
	settle();
}

static void
client_read(struct client *c)
{
	ssize_t n;

	while (c->n < sizeof(c->in) - 1 &&
	       (n = recv(c->fd, c->in + c->n, sizeof(c->in) - 1 - c->n, 0)) !=
		   0) {
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0)
			break;
		c->n += (size_t)n;
	}
	if (c->n < sizeof(c->in) - 1)
		c->ended = true;
}

/* Send what the socket takes now; returns how much. */
static size_t
client_send(struct client *c, const void *p, size_t n)
{
	ssize_t sent = send(c->fd, p, n, MSG_NOSIGNAL);

	return sent < 0 ? 0 : (size_t)sent;
}

static void
say_bytes(struct client *c, const char *p, size_t n)
{
	unsigned turns = 0;

	while (n > 0) {
		size_t sent = client_send(c, p, n);

		p += sent;
		n -= sent;
		if (sent == 0) {
			pump_for(turns++);
		}
	}
}

static void
say(struct client *c, const char *text)
{
	say_bytes(c, text, strlen(text));
}

/* Length of the first whole reply of what was received; 0: none yet. */
static size_t
whole_reply(const struct client *c)
{
	struct span rest = span_of(c->in, c->n), line;

	while (span_cut(rest, '\n', &line, &rest))
		if (line.n > 3 && line.p[3] == ' ')
			return c->n - rest.n;
	return 0;
}

/* Wait for one reply; the connection's end makes it "". */
static const char *
reply(struct client *c)
{
	char *text;
	size_t n;

	for (unsigned i = 0; (n = whole_reply(c)) == 0 && !c->ended; i++) {
		pump_for(i);
		client_read(c);
	}
	text = talloc_strndup(mem, c->in, n);
	memmove(c->in, c->in + n, c->n - n);
	c->n -= n;
	return text;
}

static void
expect(struct client *c, const char *start)
{
	const char *got = reply(c);

	ck_assert_msg(strncmp(got, start, strlen(start)) == 0,
	    "\"%s\" expected, got \"%s\"", start, got);
}

static void
expect_silence(struct client *c)
{
	settle();
	client_read(c);
	ck_assert_uint_eq(c->n, 0);
	ck_assert(!c->ended);
}

static void
expect_end(struct client *c)
{
	ck_assert_str_eq(reply(c), "");
	ck_assert(c->ended);
}

static void
ask(struct client *c, const char *text, const char *start)
{
	say(c, text);
	expect(c, start);
}

static struct client *
greeted(void)
{
	struct client *c = client_at(0);

	expect(c, "220 gw.example.org ESMTP");
	ask(c, "EHLO client.example\r\n", "250-gw.example.org\r\n");
	return c;
}

static void
envelope(struct client *c)
{
	ask(c, "MAIL FROM:<a@b.example>\r\n", "250 2.1.0");
	ask(c, "RCPT TO:<c@d.example>\r\n", "250 2.1.5");
	ask(c, "DATA\r\n", "354 ");
}

static void
wait_for_subs(size_t count)
{
	for (unsigned i = 0; keeper.sub_count < count; i++) {
		pump_for(i);
	}
}

/* Text of n bytes, in lines of 50. */
static char *
lines_of(size_t n)
{
	char *text = need(talloc_array(mem, char, (unsigned)n + 1));

	memset(text, 'x', n);
	for (size_t i = 49; i < n; i += 50) {
		text[i - 1] = '\r';
		text[i] = '\n';
	}
	text[n] = '\0';
	return text;
}

/* ---- fixture ---- */

static void
log_nothing(void *arg, enum log_level level, struct span line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static struct log quiet = {
	.level = LOG_LEVEL_DEBUG,
	.role = "intake",
	.write = log_nothing,
};

static void
add_listener(unsigned index)
{
	struct netaddr addr = netaddr_ip4((const uint8_t[]){ 127, 0, 0, 1 }, 0);
	struct diag why;
	struct listener *l;
	int fd = net_real_bind(&addr, &why);

	ck_assert_msg(fd >= 0, "%s", why.text);
	l = net_real_listener(mem, real, fd);
	port[index] = listener_local(l)->port;
	intake_add_listener(in, index, l);
}

static void
set_up_stepped_net(void)
{
	now = (struct mono){ 1000 };
	LIST_INIT(&timers);
	stepped_ops = *real->ops;
	stepped_ops.now = step_now;
	stepped_ops.wall = step_wall;
	stepped_ops.random = step_random;
	stepped_ops.timer_new = step_timer_new;
	stepped_ops.timer_set = step_timer_set;
	stepped_ops.timer_clear = step_timer_clear;
	stepped_ops.later = step_later;
	stepped.ops = &stepped_ops;
}

static void
set_up(void)
{
	struct role_env env = { &stepped, &quiet, &conf };

	signal(SIGPIPE, SIG_IGN);
	mem = talloc_new(NULL);
	ck_assert_int_eq(netprefix_parse(SPAN_LIT("127.0.0.0/8"), &loopback),
	    ST_OK);
	listens[0] = (struct conf_listen){
		.tls = LISTEN_TLS_OFFER, .allow = &loopback, .allow_count = 1
	};
	listens[1] = (struct conf_listen){ .tls = LISTEN_TLS_OFF };
	conf = (struct conf){
		.hostname = "gw.example.org",
		.intake_message_bytes = 100u << 20,
		.intake_recipients = 1000,
		.intake_command_bytes = 2048,
		.intake_text_line_bytes = 1000,
		.intake_idle_ms = 300000,
		.intake_connections = 2000,
		.intake_client_connections = 2000,
		.intake_errors = 20,
		.intake_received = 100,
		.drain_timeout_ms = 30000,
		.listen = listens,
		.listen_count = 2,
	};
	real = net_real_new(mem, &quiet);
	set_up_stepped_net();
	in = intake_new(mem, &env);
	add_listener(0);
	add_listener(1);
	memset(&keeper, 0, sizeof(keeper));
	keeper.next_id = FIRST_ID;
	keeper.gives_ids = keeper.gives_credit = keeper.gives_verdict = true;
	keeper.keeps_bodies = true;
	keeper_start();
}

static void
tear_down(void)
{
	talloc_free(mem);
}

/* ---- one message ---- */

START_TEST(smtp_17_a_small_message_is_handed_over_in_one_turn)
{
	char id[QUEUE_ID_BYTES];
	struct client *c = greeted();
	struct submission *s = &keeper.sub[0];
	unsigned before;

	ask(c, "MAIL FROM:<a@b.example> SIZE=99 BODY=8BITMIME\r\n", "250");
	ask(c, "RCPT TO:<C.c@D.example>\r\n", "250");
	ask(c, "DATA\r\n", "354");
	settle();
	before = keeper.batches;
	ck_assert_uint_eq(keeper.sub_count, 0);
	say(c, "Subject: x\r\n\r\n..dot\r\n.\r\n");
	expect(c, talloc_asprintf(mem, "250 2.0.0 queued as %s\r\n",
		      queue_id_text(FIRST_ID, id)));
	ck_assert_uint_eq(keeper.batches, before + 1);
	ck_assert_uint_eq(keeper.sub_count, 1);
	ck_assert_uint_eq(s->chunks, 1);
	ck_assert_int_eq(s->open.message, FIRST_ID);
	ck_assert_str_eq(s->open.sender, "a@b.example");
	ck_assert_str_eq(s->open.client, "127.0.0.1");
	ck_assert_uint_eq(s->open.size_bytes, 99);
	ck_assert_uint_eq(s->open.flags, MESSAGE_8BIT);
	ck_assert_uint_eq(s->open.rcpt_count, 1);
	ck_assert_str_eq(s->open.rcpt[0].address, "C.c@d.example");
	ck_assert_str_eq(s->open.rcpt[0].domain, "d.example");
	ck_assert(!s->has_8bit);
	ck_assert_str_eq(sbuf_cstr(&s->body),
	    talloc_asprintf(mem,
		"Received: from client.example ([127.0.0.1])\r\n"
		"\tby gw.example.org with ESMTP\r\n"
		"\tid %s for <C.c@d.example>;\r\n"
		"\tTue, 24 Nov 2026 08:21:54 +0000\r\n"
		"Subject: x\r\n\r\n.dot\r\n",
		id));
}
END_TEST

START_TEST(smtp_17_two_recipients_leave_out_for)
{
	struct client *c = client_at(0);

	expect(c, "220");
	ask(c, "HELO c.example\r\n", "250");
	say(c, "MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	expect(c, "250 2.1.0");
	expect(c, "250 2.1.5");
	expect(c, "250 2.1.5");
	expect(c, "354");
	ask(c, "\xe4\r\n.\r\n", "250 2.0.0");
	ck_assert_uint_eq(keeper.sub[0].open.rcpt_count, 2);
	ck_assert_str_eq(keeper.sub[0].open.sender, "");
	ck_assert(keeper.sub[0].has_8bit);
	ck_assert_ptr_null(strstr(sbuf_cstr(&keeper.sub[0].body), " for "));
	ck_assert_ptr_nonnull(strstr(sbuf_cstr(&keeper.sub[0].body),
	    "with SMTP\r\n"));
}
END_TEST

START_TEST(smtp_48_a_message_in_chunks_reaches_the_keeper)
{
	struct client *c = greeted();
	struct submission *s = &keeper.sub[0];

	ask(c, "MAIL FROM:<a@b.example>\r\n", "250");
	ask(c, "RCPT TO:<c@d.example>\r\n", "250");
	say(c, "BDAT 14\r\nSubject: x\r\n\r\nBDAT 5 LAST\r\n.\r\nabNOOP\r\n");
	expect(c, "250 2.0.0 14 octets received\r\n");
	wait_for_subs(1);
	settle();
	ck_assert(s->ended);
	ck_assert_ptr_nonnull(strstr(sbuf_cstr(&s->body),
	    "\r\nSubject: x\r\n\r\n.\r\nab\r\n"));
	ask(c, "", "250 2.0.0 queued");
	ask(c, "", "250 2.0.0 ok");
}
END_TEST

/* Names that a full chunk cuts come back whole, and the chunk holds them. */
START_TEST(smtp_05_a_long_header_section_is_whole_at_the_keeper)
{
	struct client *c = greeted();
	struct sbuf text;

	sbuf_init(&text, mem, 1u << 20);
	for (int i = 0; i < 2000; i++)
		sbuf_printf(&text, "X-%0*d: %d\r\n", 100 + i % 7, i, i);
	sbuf_str(&text, "\r\nbody\r\n");
	envelope(c);
	say(c, sbuf_cstr(&text));
	ask(c, ".\r\n", "250 2.0.0");
	ck_assert(span_ends(sbuf_view(&keeper.sub[0].body), sbuf_cstr(&text)));
}
END_TEST

START_TEST(b1_4_a_message_left_between_chunks_is_aborted)
{
	char *block = lines_of(200000);
	struct client *c = greeted();

	ask(c, "MAIL FROM:<a@b.example>\r\n", "250");
	ask(c, "RCPT TO:<c@d.example>\r\n", "250");
	say(c, talloc_asprintf(mem, "BDAT %zu\r\n", strlen(block)));
	say(c, block);
	expect(c, talloc_asprintf(mem, "250 2.0.0 %zu octets received\r\n",
		      strlen(block)));
	ck_assert_uint_eq(keeper.sub_count, 1);
	ask(c, "RSET\r\n", "250");
	settle();
	ck_assert(keeper.sub[0].aborted);
	ck_assert(!keeper.sub[0].ended);
}
END_TEST

START_TEST(smtp_16_250_comes_only_after_the_keeper_has_queued)
{
	struct client *c = greeted();

	keeper.gives_verdict = false;
	envelope(c);
	say(c, "x\r\n.\r\n");
	wait_for_subs(1);
	expect_silence(c);
	ck_assert(keeper.sub[0].ended);
	send_done(&keeper.sub[0], VERDICT_QUEUED);
	expect(c, "250 2.0.0 queued as");
}
END_TEST

START_TEST(smtp_16_refusals_of_the_keeper_are_told)
{
	struct client *c = greeted();

	keeper.gives_verdict = false;
	envelope(c);
	say(c, "x\r\n.\r\n");
	wait_for_subs(1);
	settle();
	send_done(&keeper.sub[0], VERDICT_TRY_LATER);
	expect(c, "451 4.3.0");
	envelope(c);
	say(c, "x\r\n.\r\n");
	wait_for_subs(2);
	settle();
	send_done(&keeper.sub[1], VERDICT_NO_SPACE);
	expect(c, "452 4.3.1");
	ask(c, "DATA\r\n", "503");
}
END_TEST

START_TEST(c7_a_refusal_in_mid_stream_is_told_at_the_end)
{
	char *block = lines_of(100000);
	struct client *c = greeted();

	envelope(c);
	say(c, block);
	wait_for_subs(1);
	send_done(&keeper.sub[0], VERDICT_NO_SPACE);
	expect_silence(c);
	say(c, block);
	ask(c, ".\r\n", "452 4.3.1");
	ck_assert(!keeper.sub[0].ended);
	envelope(c);
	ask(c, "x\r\n.\r\n", "250");
}
END_TEST

START_TEST(smtp_25_pipelining_octet_by_octet)
{
	static const char text[] =
	    "EHLO c.example\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
	    "Subject: x\r\n\r\n..\r\n.\r\nRSET\r\nQUIT\r\n";
	struct client *c = client_at(0);

	expect(c, "220");
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		say_bytes(c, text + i, 1);
		if (text[i] == '\n')
			settle();
	}
	expect(c, "250-");
	expect(c, "250 2.1.0");
	expect(c, "250 2.1.5");
	expect(c, "354");
	expect(c, "250 2.0.0 queued");
	expect(c, "250 2.0.0");
	expect(c, "221");
	expect_end(c);
}
END_TEST

START_TEST(smtp_25_commands_behind_the_content_wait_for_its_verdict)
{
	struct client *c = greeted();

	keeper.gives_verdict = false;
	envelope(c);
	say(c, "x\r\n.\r\nMAIL FROM:<e@f>\r\nNOOP\r\nFOO\r\n");
	wait_for_subs(1);
	expect_silence(c);
	send_done(&keeper.sub[0], VERDICT_QUEUED);
	expect(c, "250 2.0.0 queued");
	expect(c, "250 2.1.0");
	expect(c, "250 2.0.0");
	expect(c, "500");
}
END_TEST

START_TEST(smtp_26_talking_before_the_greeting_is_cut)
{
	struct client *c = client_at(0);

	say(c, "EHLO c.example\r\n");
	expect(c, "554 5.5.0");
	expect_end(c);
}
END_TEST

START_TEST(smtp_02_a_bare_lf_reaches_no_keeper)
{
	struct client *c = greeted();

	envelope(c);
	ask(c, "a\nb\r\n.\r\n", "550 5.6.0");
	ck_assert_uint_eq(keeper.sub_count, 0);
	envelope(c);
	ask(c, "x\r\n.\r\n", "250");
	ck_assert_uint_eq(keeper.sub_count, 1);
}
END_TEST

START_TEST(a_message_given_up_by_its_client_is_aborted)
{
	char *block = lines_of(200000);
	struct client *c = greeted();

	envelope(c);
	say(c, block);
	wait_for_subs(1);
	client_close(c);
	ck_assert(keeper.sub[0].aborted);
	ck_assert(!keeper.sub[0].ended);
}
END_TEST

START_TEST(c6_a_message_over_the_limit_is_aborted_and_refused)
{
	struct client *c;
	char line[51];

	memset(line, 'x', 48);
	memcpy(line + 48, "\r\n", 3);
	conf.intake_message_bytes = 100000;
	intake_reload(in, &conf);
	c = greeted();
	ask(c, "MAIL FROM:<a@b> SIZE=100001\r\n", "552 5.3.4");
	envelope(c);
	for (int i = 0; i < 2001; i++)
		say(c, line);
	ask(c, ".\r\n", "552 5.3.4");
	settle();
	ck_assert(keeper.sub[0].aborted);
	envelope(c);
	for (int i = 0; i < 2000; i++)
		say(c, line);
	ask(c, ".\r\n", "250 2.0.0");
}
END_TEST

/* ---- memory ---- */

#define STREAMS      20u
#define STREAM_BYTES (50u << 20)

static void
stream_some(struct client *c, size_t *left, const char *block, size_t n)
{
	size_t at = (STREAM_BYTES - *left) % n;
	size_t want = n - at < *left ? n - at : *left;

	*left -= client_send(c, block + at, want);
}

START_TEST(c6_twenty_messages_of_50_mib_cost_a_window_each)
{
	/* a window is also in the channel's queue, which grows by doubling */
	const size_t bound = STREAMS * (WIRE_CHUNK_BYTES + INTAKE_READ_BYTES +
					   2 * WIRE_WINDOW_BYTES);
	struct client *c[STREAMS];
	size_t left[STREAMS], before, most = 0, open = STREAMS;
	const size_t n = 64 * 1024;
	char *block = talloc_array(mem, char, (unsigned)n);

	for (size_t i = 0; i < n; i += 64) {
		memset(block + i, 'a' + (int)(i / 64 % 26), 62);
		memcpy(block + i + 62, "\r\n", 2);
	}
	keeper.keeps_bodies = false;
	for (unsigned i = 0; i < STREAMS; i++) {
		c[i] = greeted();
		envelope(c[i]);
		left[i] = STREAM_BYTES;
	}
	before = talloc_total_size(in);
	while (open > 0) {
		open = 0;
		for (unsigned i = 0; i < STREAMS; i++) {
			if (left[i] > 0)
				stream_some(c[i], &left[i], block, n);
			open += left[i] > 0;
		}
		pump();
		if (talloc_total_size(in) > most)
			most = talloc_total_size(in);
	}
	ck_assert_uint_le(most, before + bound);
	for (unsigned i = 0; i < STREAMS; i++)
		ask(c[i], ".\r\n", "250 2.0.0");
	for (unsigned i = 0; i < STREAMS; i++) {
		ck_assert_uint_gt(keeper.sub[i].end_bytes, STREAM_BYTES);
		ck_assert_uint_lt(keeper.sub[i].end_bytes,
		    STREAM_BYTES + RECEIVED_MAX_BYTES);
	}
}
END_TEST

START_TEST(without_credit_the_window_is_not_passed)
{
	char *block = lines_of(65550);
	struct client *c = greeted();
	size_t before = 0, at = 0;

	keeper.gives_credit = false;
	envelope(c);
	for (int i = 0; i < 2000; i++) {
		at = (at + client_send(c, block + at, 65550 - at)) % 65550;
		pump();
		if (i == 1000)
			before = talloc_total_size(in);
	}
	ck_assert_uint_eq(talloc_total_size(in), before);
	ck_assert_uint_eq(keeper.sub[0].uncredited, WIRE_WINDOW_BYTES);
	send_credit(&keeper.sub[0]);
	settle();
	ck_assert_uint_eq(keeper.sub[0].uncredited, WIRE_WINDOW_BYTES);
	ck_assert_uint_eq(keeper.sub[0].body_bytes, 2 * WIRE_WINDOW_BYTES);
}
END_TEST

START_TEST(c1_an_idle_session_costs_less_than_three_kib)
{
	size_t before, after;

	for (int i = 0; i < 50; i++) { /* grow what is shared */
		struct client *c = greeted();

		envelope(c);
		ask(c, "x\r\n.\r\n", "250");
		keeper.sub_count = 0;
		client_close(c);
	}
	before = talloc_total_size(in);
	for (int i = 0; i < 50; i++) {
		struct client *c = greeted();

		envelope(c);
		ask(c, "x\r\n.\r\n", "250");
		keeper.sub_count = 0;
	}
	settle();
	after = talloc_total_size(in);
	ck_assert_uint_lt(after - before, 50 * 3072);
}
END_TEST

/* ---- the keeper goes away ---- */

START_TEST(a_keeper_that_dies_in_mid_stream_means_451_at_the_end)
{
	char *block = lines_of(200000);
	struct client *c = greeted(), *d = greeted();

	envelope(c);
	envelope(d);
	say(c, block);
	wait_for_subs(1);
	settle();
	keeper_die();
	expect_silence(c);
	say(c, block);
	ask(c, ".\r\n", "451 4.3.0");
	ask(d, "x\r\n.\r\n", "451 4.3.0");
	ask(c, "MAIL FROM:<a@b>\r\n", "451 4.3.0");
	keeper_start();
	envelope(c);
	ask(c, "x\r\n.\r\n", "250");
	ck_assert(!keeper.sub[0].ended);
}
END_TEST

START_TEST(a_keeper_that_dies_without_credit_frees_its_clients)
{
	char *block = lines_of(300000);
	struct client *c = greeted();

	keeper.gives_credit = false;
	envelope(c);
	say(c, block);
	settle();
	ck_assert_uint_eq(keeper.sub[0].uncredited, WIRE_WINDOW_BYTES);
	keeper_die();
	ask(c, ".\r\n", "451 4.3.0");
}
END_TEST

START_TEST(an_unanswered_message_is_asked_about_again)
{
	struct client *c = greeted(), *d = greeted();

	keeper.gives_verdict = false;
	envelope(c);
	envelope(d);
	say(c, "x\r\n.\r\n");
	wait_for_subs(1);
	say(d, "y\r\n.\r\n");
	wait_for_subs(2);
	settle();
	keeper_die();
	expect_silence(c);
	advance(INTAKE_KEEPER_AWAY_MS - 1);
	keeper_start();
	ck_assert(keeper.sub[0].queried && keeper.sub[1].queried);
	keeper_die();
	keeper.sub[0].queried = false;
	keeper_start();
	ck_assert(keeper.sub[0].queried);
	send_done(&keeper.sub[0], VERDICT_QUEUED);
	send_done(&keeper.sub[1], VERDICT_TRY_LATER);
	expect(c, "250 2.0.0 queued");
	expect(d, "451 4.3.0");
}
END_TEST

/* Neither 250 nor 451 would be known to be true. */
START_TEST(an_outcome_never_known_closes_without_a_reply)
{
	struct client *c = greeted(), *d = greeted();

	keeper.gives_verdict = false;
	envelope(c);
	envelope(d);
	say(c, "x\r\n.\r\n");
	wait_for_subs(1);
	settle();
	keeper_die();
	expect_silence(c);
	advance(INTAKE_KEEPER_AWAY_MS);
	expect_end(c);
	keeper_start();
	ask(d, "y\r\n.\r\n", "451");
	envelope(d);
	say(d, "x\r\n.\r\n");
	wait_for_subs(2);
	settle();
	advance(INTAKE_VERDICT_MS);
	expect_end(d);
	/* too late, and for no one: harmless */
	send_done(&keeper.sub[1], VERDICT_QUEUED);
	settle();
	ck_assert(!keeper.closed);
}
END_TEST

START_TEST(without_a_keeper_connections_get_421)
{
	struct client *c;

	keeper_die();
	c = client_at(0);
	expect(c, "421 4.3.2");
	expect_end(c);
	keeper_start();
	greeted();
}
END_TEST

START_TEST(c7_no_room_means_452_to_mail)
{
	struct client *c = greeted();

	send_room(false);
	settle();
	ask(c, "MAIL FROM:<a@b>\r\n", "452 4.3.1");
	send_room(true);
	settle();
	envelope(c);
	ask(c, "x\r\n.\r\n", "250");
}
END_TEST

START_TEST(ids_are_asked_for_when_half_a_block_is_used)
{
	struct client *c = greeted();
	char id[QUEUE_ID_BYTES];

	ck_assert_uint_eq(keeper.ids_wanted, 1);
	for (unsigned i = 0; i < WIRE_ID_BLOCK + 10; i++) {
		keeper.sub_count = 0;
		say(c, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
		expect(c, "250");
		expect(c, "250");
		expect(c, "354");
		ask(c, ".\r\n",
		    talloc_asprintf(mem, "250 2.0.0 queued as %s",
			queue_id_text(FIRST_ID + i, id)));
		if (i < WIRE_ID_BLOCK / 2)
			ck_assert_uint_eq(keeper.ids_wanted, 1);
	}
	ck_assert_uint_eq(keeper.ids_wanted, 2);
}
END_TEST

START_TEST(data_waits_while_there_are_no_ids)
{
	struct client *c, *d;

	keeper_die();
	keeper.gives_ids = false;
	keeper_start();
	c = greeted();
	d = greeted();
	say(c, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	say(d, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	expect(c, "250");
	expect(c, "250");
	expect(d, "250");
	expect(d, "250");
	expect_silence(c);
	send_ids();
	expect(c, "354");
	expect(d, "354");
	ask(c, ".\r\n", "250");
}
END_TEST

START_TEST(data_without_ids_fails_when_the_keeper_dies)
{
	struct client *c;

	keeper_die();
	keeper.gives_ids = false;
	keeper_start();
	c = greeted();
	say(c, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	expect(c, "250");
	expect(c, "250");
	expect_silence(c);
	keeper_die();
	expect(c, "451 4.3.0");
	ask(c, "NOOP\r\n", "250");
}
END_TEST

/* B3.12: whatever a keeper gone mad says, the channel closes and no more. */
START_TEST(b3_12_frames_that_make_no_sense_close_the_channel)
{
	static const struct {
		uint8_t type;
		const char *payload;
		size_t n;
	} bad[] = {
		{ WIRE_IDS, "", 0 },
		{ WIRE_IDS, "\0\0\0\0\0\0\0\1\0\0\0\1", 12 }, /* not asked */
		{ WIRE_SUBMIT_CREDIT, "\0\0\0\1", 4 },
		{ WIRE_SUBMIT_DONE, "\0\0\0\1", 4 },
		{ WIRE_ROOM, "\2", 1 },
		{ WIRE_SUBMIT_OPEN, "", 0 },
		{ 200, "", 0 },
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct client *c = greeted();

		chan_send_span(keeper.chan, bad[i].type,
		    span_of(bad[i].payload, bad[i].n));
		settle();
		ck_assert(keeper.closed);
		ask(c, "MAIL FROM:<a@b>\r\n", "451 4.3.0");
		keeper_die();
		keeper_start();
		envelope(c);
		ask(c, ".\r\n", "250");
	}
}
END_TEST

START_TEST(b3_12_credit_never_given_out_closes_the_channel)
{
	struct client *c = greeted();
	struct submission wrong;

	keeper.gives_verdict = false;
	envelope(c);
	say(c, "x\r\n.\r\n");
	wait_for_subs(1);
	settle();
	wrong = keeper.sub[0];
	wrong.uncredited = 1u << 20;
	send_credit(&wrong);
	settle();
	ck_assert(keeper.closed);
}
END_TEST

/* ---- limits ---- */

START_TEST(smtp_13_only_listed_networks_may_relay)
{
	struct client *c = client_at(1);

	expect(c, "220");
	ask(c, "EHLO c.example\r\n", "250");
	ask(c, "MAIL FROM:<a@b>\r\n", "250");
	ask(c, "RCPT TO:<c@d.example>\r\n",
	    "550 5.7.1 relaying denied: <c@d.example>");
	ask(c, "RCPT TO:<postmaster>\r\n", "550 5.7.1");
	ask(c, "DATA\r\n", "503");
	ask(c, "RCPT TO:<@gw.example.org:c@d.example>\r\n", "550 5.7.1");
	ask(c, "RCPT TO:<\"c@gw.example.org\"@d.example>\r\n", "550 5.7.1");
	ask(c, "RCPT TO:<c%d.example@gw.example.org>\r\n", "550 5.7.1");
}
END_TEST

START_TEST(c3_over_the_connection_limit_421_and_it_recovers)
{
	struct client *c[3];

	conf.intake_connections = 2;
	intake_reload(in, &conf);
	c[0] = greeted();
	c[1] = greeted();
	for (int i = 0; i < 50; i++) {
		c[2] = client_at(0);
		expect(c[2], "421 4.3.2");
		expect_end(c[2]);
		client_close(c[2]);
	}
	client_close(c[0]);
	greeted();
}
END_TEST

START_TEST(c3_over_the_limit_of_one_client_421)
{
	struct client *c[2];

	conf.intake_client_connections = 1;
	intake_reload(in, &conf);
	c[0] = greeted();
	c[1] = client_at(0);
	expect(c[1], "421 4.7.0");
	expect_end(c[1]);
	client_close(c[0]);
	greeted();
}
END_TEST

START_TEST(smtp_20_a_silent_client_has_its_five_minutes)
{
	struct client *c = greeted();

	advance(299000);
	expect_silence(c);
	ask(c, "NOOP\r\n", "250");
	advance(299999);
	expect_silence(c);
	advance(1);
	expect(c, "421 4.4.2");
	expect_end(c);
}
END_TEST

/* C2: the deadline is for a whole command, not for a byte. */
START_TEST(c2_bytes_one_by_one_do_not_prolong_a_command)
{
	struct client *c = greeted();

	for (int i = 0; i < 33; i++) {
		say(c, "N");
		advance(9000);
		expect_silence(c);
	}
	say(c, "N");
	advance(9000);
	expect(c, "421 4.4.2");
	expect_end(c);
}
END_TEST

START_TEST(c2_bytes_one_by_one_do_not_prolong_content)
{
	struct client *c = greeted();

	envelope(c);
	for (int i = 0; i < 33; i++) {
		say(c, "x\r\n");
		advance(9000);
		expect_silence(c);
	}
	say(c, "x\r\n");
	advance(9000);
	expect(c, "421 4.4.2");
	expect_end(c);
	ck_assert_uint_eq(keeper.sub_count, 0);
}
END_TEST

START_TEST(c2_a_block_of_content_prolongs_it)
{
	char *block = lines_of(70000);
	struct client *c = greeted();

	envelope(c);
	for (int i = 0; i < 5; i++) {
		say(c, block);
		advance(250000);
		expect_silence(c);
	}
	ask(c, ".\r\n", "250");
}
END_TEST

START_TEST(c2_with_few_connections_left_all_must_hurry)
{
	struct client *c[9];

	conf.intake_connections = 10;
	intake_reload(in, &conf);
	for (int i = 0; i < 8; i++)
		c[i] = greeted();
	advance(INTAKE_STRESS_IDLE_MS);
	expect_silence(c[0]);
	c[8] = greeted();
	advance(INTAKE_STRESS_IDLE_MS);
	for (int i = 0; i < 9; i++) {
		expect(c[i], "421 4.4.2");
		expect_end(c[i]);
	}
	c[0] = greeted();
	advance(INTAKE_STRESS_IDLE_MS);
	expect_silence(c[0]);
}
END_TEST

START_TEST(c2_a_client_that_does_not_read_is_dropped)
{
	struct client *c = greeted();
	size_t before = talloc_total_size(in);
	char noops[60001] = "";

	for (int i = 0; i < 10000; i++)
		memcpy(noops + i * 6, "NOOP\r\n", 7);
	for (int i = 0; i < 3000; i++) {
		client_send(c, noops, 60000);
		pump();
	}
	ck_assert_uint_le(talloc_total_size(in),
	    before + INTAKE_READ_BYTES + 2 * SERVER_OUTPUT_BYTES + 4096);
	ck_assert_uint_eq(in->session_count, 1);
	advance(300000);
	advance(INTAKE_CLOSE_MS);
	ck_assert_uint_eq(in->session_count, 0);
}
END_TEST

START_TEST(c5_an_envelope_always_fits_its_frame)
{
	struct client *c;
	char local[241];
	unsigned ok = 0, over = 0;
	const char *got;

	conf.intake_recipients = 50000;
	intake_reload(in, &conf);
	c = greeted();
	memset(local, 'x', 240);
	local[240] = '\0';
	ask(c, "MAIL FROM:<a@b>\r\n", "250");
	while (over == 0) {
		struct sbuf b;

		sbuf_init(&b, mem, 1u << 20);
		for (int i = 0; i < 100; i++)
			sbuf_printf(&b, "RCPT TO:<%s@d%d.example>\r\n", local,
			    i % 10);
		say_bytes(c, (const char *)b.p, b.n);
		sbuf_free(&b);
		for (int i = 0; i < 100; i++) {
			got = reply(c);
			ok += strncmp(got, "250 2.1.5", 9) == 0;
			over += strncmp(got, "452 4.5.3", 9) == 0;
		}
	}
	ask(c, "DATA\r\n", "354");
	ask(c, ".\r\n", "250");
	ck_assert_uint_eq(keeper.sub[0].open.rcpt_count, ok);
	ck_assert_uint_gt(ok, 7000);
}
END_TEST

/* ---- reload and drain ---- */

START_TEST(a_reload_is_for_new_transactions)
{
	struct client *c = greeted();
	struct conf other;

	envelope(c);
	other = conf;
	other.intake_message_bytes = 65536;
	other.hostname = "new.example.org";
	other.listen_count = 1;
	intake_reload(in, &other);
	memset(&conf, 0xff, sizeof(conf)); /* no longer ours to look at */
	say(c, "Subject: x\r\n\r\n");
	for (int i = 0; i < 2000; i++)
		say(c, "01234567890123456789012345678901234567890123\r\n");
	ask(c, ".\r\n", "250");
	ask(c, "MAIL FROM:<a@b> SIZE=65537\r\n", "552");
	ask(c, "EHLO c\r\n", "250-new.example.org");
}
END_TEST

START_TEST(a_network_taken_from_the_list_may_relay_no_more)
{
	struct client *c = greeted();

	ask(c, "MAIL FROM:<a@b>\r\n", "250");
	ask(c, "RCPT TO:<c@d>\r\n", "250");
	listens[0].allow_count = 0;
	intake_reload(in, &conf);
	ask(c, "RCPT TO:<e@f>\r\n", "550 5.7.1");
}
END_TEST

static bool drained;

static void
note_drained(void *arg)
{
	ck_assert_ptr_eq(arg, &drained);
	drained = true;
}

START_TEST(smtp_20_draining_says_421_to_the_idle_and_lets_data_finish)
{
	struct client *idle = greeted(), *half = greeted(), *busy = greeted();
	struct client *late = greeted();

	drained = false;
	keeper.gives_verdict = false;
	ask(half, "MAIL FROM:<a@b>\r\n", "250");
	envelope(busy);
	envelope(late);
	say(busy, "x\r\n.\r\n");
	wait_for_subs(1);
	intake_drain(in, note_drained, &drained);
	expect(idle, "421 4.3.2");
	expect_end(idle);
	expect(half, "421 4.3.2");
	expect_end(half);
	expect_silence(busy);
	expect_silence(late);
	ck_assert(!drained);
	send_done(&keeper.sub[0], VERDICT_QUEUED);
	expect(busy, "250 2.0.0 queued");
	expect(busy, "421 4.3.2");
	expect_end(busy);
	ck_assert(!drained);
	say(late, "x\r\n.\r\n");
	wait_for_subs(2);
	settle();
	send_done(&keeper.sub[1], VERDICT_QUEUED);
	expect(late, "250 2.0.0 queued");
	expect(late, "421 4.3.2");
	expect_end(late);
	settle();
	ck_assert(drained);
}
END_TEST

START_TEST(smtp_20_draining_ends_at_its_timeout)
{
	struct client *c = greeted(), *d = greeted();

	drained = false;
	keeper.gives_verdict = false;
	envelope(c);
	envelope(d);
	say(c, "x\r\n.\r\n");
	wait_for_subs(1);
	intake_drain(in, note_drained, &drained);
	advance(29999);
	ck_assert(!drained);
	advance(1);
	ck_assert(drained);
	expect_end(c); /* outcome unknown: no reply */
	expect(d, "421 4.3.2");
	expect_end(d);
}
END_TEST

START_TEST(draining_with_nothing_to_do_is_told_later)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(port[0]),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	drained = false;
	intake_drain(in, note_drained, &drained);
	ck_assert(!drained);
	settle();
	ck_assert(drained);
	ck_assert_int_ne(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	close(fd);
}
END_TEST

/* ---- TLS ---- */

static void
make_certificate(struct span *chain, struct span *key)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	BIO *c = BIO_new(BIO_s_mem()), *k = BIO_new(BIO_s_mem());
	char *p;
	long n;

	ck_assert_ptr_nonnull(pkey);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, pkey);
	ck_assert_int_gt(X509_sign(x, pkey, EVP_sha256()), 0);
	ck_assert_int_eq(PEM_write_bio_X509(c, x), 1);
	ck_assert_int_eq(PEM_write_bio_PrivateKey(k, pkey, NULL, NULL, 0, NULL,
			     NULL),
	    1);
	n = BIO_get_mem_data(c, &p);
	*chain = span_copy(mem, span_of(p, (size_t)n));
	n = BIO_get_mem_data(k, &p);
	*key = span_copy(mem, span_of(p, (size_t)n));
	BIO_free(c);
	BIO_free(k);
	X509_free(x);
	EVP_PKEY_free(pkey);
}

static void
offer_tls(void)
{
	struct tls_server *tls;
	struct span chain, key;
	struct diag why;

	make_certificate(&chain, &key);
	ck_assert_msg(tls_server_new(mem, chain, key, &tls, &why) == ST_OK,
	    "%s", why.text);
	intake_set_tls(in, tls);
}

struct tls_side {
	SSL_CTX *ctx;
	SSL *ssl;
};

static struct tls_side
handshake(struct client *c)
{
	struct tls_side t = { SSL_CTX_new(TLS_client_method()), NULL };
	unsigned turns = 0;

	t.ssl = SSL_new(t.ctx);
	SSL_set_fd(t.ssl, c->fd);
	while (SSL_connect(t.ssl) != 1) {
		pump_for(turns++);
	}
	return t;
}

static void
tls_free(struct tls_side *t)
{
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
}

static void
tls_ask(struct client *c, struct tls_side *t, const char *text,
    const char *start)
{
	const char *got;

	if (text[0] != '\0')
		ck_assert_int_gt(SSL_write(t->ssl, text, (int)strlen(text)), 0);
	for (unsigned i = 0; whole_reply(c) == 0; i++) {
		int n = SSL_read(t->ssl, c->in + c->n, 4096);

		if (n > 0)
			c->n += (size_t)n;
		else
			pump_for(i);
	}
	got = reply(c);
	ck_assert_msg(strncmp(got, start, strlen(start)) == 0,
	    "\"%s\" expected, got \"%s\"", start, got);
}

START_TEST(tls_40_mail_over_tls_is_marked_esmtps)
{
	struct client *c;
	struct tls_side t;
	const char *body;

	offer_tls();
	c = greeted();
	ask(c, "STARTTLS\r\n", "220 2.0.0");
	t = handshake(c);
	tls_ask(c, &t, "MAIL FROM:<a@b>\r\n", "503");
	tls_ask(c, &t, "EHLO c.example\r\n", "250-gw");
	tls_ask(c, &t, "STARTTLS\r\n", "503");
	tls_ask(c, &t, "MAIL FROM:<a@b>\r\n", "250");
	tls_ask(c, &t, "RCPT TO:<c@d>\r\n", "250");
	tls_ask(c, &t, "DATA\r\n", "354");
	tls_ask(c, &t, "x\r\n.\r\n", "250 2.0.0 queued");
	body = sbuf_cstr(&keeper.sub[0].body);
	ck_assert_ptr_nonnull(strstr(body, "with ESMTPS (TLSv1.3)\r\n"));
	ck_assert_ptr_nonnull(strstr(body, "\r\n\ttls TLS_"));
	tls_ask(c, &t, "QUIT\r\n", "221");
	tls_free(&t);
}
END_TEST

START_TEST(tls_21_454_without_a_certificate)
{
	struct client *c = client_at(0);

	expect(c, "220");
	say(c, "EHLO c\r\n");
	ck_assert_ptr_null(strstr(reply(c), "STARTTLS"));
	ask(c, "STARTTLS\r\n", "454 4.7.0");
	offer_tls();
	say(c, "EHLO c\r\n");
	ck_assert_ptr_nonnull(strstr(reply(c), "STARTTLS"));
}
END_TEST

START_TEST(b1_3_mail_behind_starttls_is_not_run_after_tls)
{
	static const char text[] = "STARTTLS\r\nMAIL FROM:<x@y>\r\n";

	offer_tls();
	for (size_t cut = 1; cut < sizeof(text); cut += 3) {
		struct client *c = greeted();

		/* both pieces are there before the loop turns again */
		say_bytes(c, text, cut);
		say_bytes(c, text + cut, sizeof(text) - 1 - cut);
		expect(c, "554 5.5.0");
		expect_end(c);
	}
}
END_TEST

START_TEST(tls_42_a_silent_handshake_is_ended)
{
	struct client *c;

	offer_tls();
	c = greeted();
	ask(c, "STARTTLS\r\n", "220");
	advance(INTAKE_HANDSHAKE_MS - 1);
	expect_silence(c);
	advance(1);
	expect_end(c);
}
END_TEST

START_TEST(a_failed_handshake_ends_the_session)
{
	struct client *c;

	offer_tls();
	c = greeted();
	ask(c, "STARTTLS\r\n", "220");
	say(c, "EHLO this.is.no.tls\r\n");
	for (unsigned i = 0; in->session_count > 0; i++) {
		pump_for(i);
	}
}
END_TEST

/* B1.5: close_notify in content, then clear bytes. */
START_TEST(b1_5_nothing_is_read_in_clear_after_tls)
{
	struct client *c;
	struct tls_side t;

	offer_tls();
	c = greeted();
	ask(c, "STARTTLS\r\n", "220");
	t = handshake(c);
	tls_ask(c, &t, "EHLO c.example\r\n", "250-gw");
	tls_ask(c, &t, "MAIL FROM:<a@b>\r\n", "250");
	tls_ask(c, &t, "RCPT TO:<c@d>\r\n", "250");
	tls_ask(c, &t, "DATA\r\n", "354");
	ck_assert_int_gt(SSL_write(t.ssl, "half", 4), 0);
	SSL_shutdown(t.ssl);
	client_send(c, "\r\n.\r\nMAIL FROM:<a@b>\r\n", 23);
	for (unsigned i = 0; in->session_count > 0; i++) {
		pump_for(i);
	}
	ck_assert_uint_eq(keeper.sub_count, 0);
	tls_free(&t);
}
END_TEST

START_TEST(tls_20_a_listener_that_requires_tls)
{
	struct client *c;
	struct tls_side t;

	listens[0].tls = LISTEN_TLS_REQUIRE;
	offer_tls();
	c = greeted();
	ask(c, "MAIL FROM:<a@b>\r\n", "530 5.7.0");
	ask(c, "NOOP\r\n", "250");
	ask(c, "STARTTLS\r\n", "220");
	t = handshake(c);
	tls_ask(c, &t, "EHLO c.example\r\n", "250-gw");
	tls_ask(c, &t, "MAIL FROM:<a@b>\r\n", "250");
	tls_free(&t);
}
END_TEST

/* ---- main ---- */

static TCase *
message_case(void)
{
	TCase *tc = tcase_create("messages");

	tcase_add_test(tc, smtp_17_a_small_message_is_handed_over_in_one_turn);
	tcase_add_test(tc, smtp_17_two_recipients_leave_out_for);
	tcase_add_test(tc, smtp_48_a_message_in_chunks_reaches_the_keeper);
	tcase_add_test(tc,
	    smtp_05_a_long_header_section_is_whole_at_the_keeper);
	tcase_add_test(tc, b1_4_a_message_left_between_chunks_is_aborted);
	tcase_add_test(tc, smtp_16_250_comes_only_after_the_keeper_has_queued);
	tcase_add_test(tc, smtp_16_refusals_of_the_keeper_are_told);
	tcase_add_test(tc, c7_a_refusal_in_mid_stream_is_told_at_the_end);
	tcase_add_test(tc, smtp_25_pipelining_octet_by_octet);
	tcase_add_test(tc,
	    smtp_25_commands_behind_the_content_wait_for_its_verdict);
	tcase_add_test(tc, smtp_26_talking_before_the_greeting_is_cut);
	tcase_add_test(tc, smtp_02_a_bare_lf_reaches_no_keeper);
	tcase_add_test(tc, a_message_given_up_by_its_client_is_aborted);
	tcase_add_test(tc, c6_a_message_over_the_limit_is_aborted_and_refused);
	tcase_add_test(tc, c6_twenty_messages_of_50_mib_cost_a_window_each);
	tcase_add_test(tc, without_credit_the_window_is_not_passed);
	tcase_add_test(tc, c1_an_idle_session_costs_less_than_three_kib);
	return tc;
}

static TCase *
keeper_case(void)
{
	TCase *tc = tcase_create("keeper");

	tcase_add_test(tc,
	    a_keeper_that_dies_in_mid_stream_means_451_at_the_end);
	tcase_add_test(tc, a_keeper_that_dies_without_credit_frees_its_clients);
	tcase_add_test(tc, an_unanswered_message_is_asked_about_again);
	tcase_add_test(tc, an_outcome_never_known_closes_without_a_reply);
	tcase_add_test(tc, without_a_keeper_connections_get_421);
	tcase_add_test(tc, c7_no_room_means_452_to_mail);
	tcase_add_test(tc, ids_are_asked_for_when_half_a_block_is_used);
	tcase_add_test(tc, data_waits_while_there_are_no_ids);
	tcase_add_test(tc, data_without_ids_fails_when_the_keeper_dies);
	tcase_add_test(tc, b3_12_frames_that_make_no_sense_close_the_channel);
	tcase_add_test(tc, b3_12_credit_never_given_out_closes_the_channel);
	return tc;
}

static TCase *
limit_case(void)
{
	TCase *tc = tcase_create("limits");

	tcase_add_test(tc, smtp_13_only_listed_networks_may_relay);
	tcase_add_test(tc, c3_over_the_connection_limit_421_and_it_recovers);
	tcase_add_test(tc, c3_over_the_limit_of_one_client_421);
	tcase_add_test(tc, smtp_20_a_silent_client_has_its_five_minutes);
	tcase_add_test(tc, c2_bytes_one_by_one_do_not_prolong_a_command);
	tcase_add_test(tc, c2_bytes_one_by_one_do_not_prolong_content);
	tcase_add_test(tc, c2_a_block_of_content_prolongs_it);
	tcase_add_test(tc, c2_with_few_connections_left_all_must_hurry);
	tcase_add_test(tc, c2_a_client_that_does_not_read_is_dropped);
	tcase_add_test(tc, c5_an_envelope_always_fits_its_frame);
	tcase_add_test(tc, a_reload_is_for_new_transactions);
	tcase_add_test(tc, a_network_taken_from_the_list_may_relay_no_more);
	tcase_add_test(tc,
	    smtp_20_draining_says_421_to_the_idle_and_lets_data_finish);
	tcase_add_test(tc, smtp_20_draining_ends_at_its_timeout);
	tcase_add_test(tc, draining_with_nothing_to_do_is_told_later);
	return tc;
}

static TCase *
tls_case(void)
{
	TCase *tc = tcase_create("tls");

	tcase_add_test(tc, tls_40_mail_over_tls_is_marked_esmtps);
	tcase_add_test(tc, tls_21_454_without_a_certificate);
	tcase_add_test(tc, b1_3_mail_behind_starttls_is_not_run_after_tls);
	tcase_add_test(tc, tls_42_a_silent_handshake_is_ended);
	tcase_add_test(tc, a_failed_handshake_ends_the_session);
	tcase_add_test(tc, b1_5_nothing_is_read_in_clear_after_tls);
	tcase_add_test(tc, tls_20_a_listener_that_requires_tls);
	return tc;
}

int
main(void)
{
	Suite *s = suite_create("intake");
	TCase *cases[] = { message_case(), keeper_case(), limit_case(),
		tls_case() };
	SRunner *sr;
	int failed;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		tcase_add_checked_fixture(cases[i], set_up, tear_down);
		tcase_set_timeout(cases[i], 120);
		suite_add_tcase(s, cases[i]);
	}
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
