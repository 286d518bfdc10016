/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * intake - an intake on the real loop, with real clients on loopback; the
 * test plays the keeper, and its clock is stepped by hand.
 */
#ifndef TESTS_INTAKE_H
#define TESTS_INTAKE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/intake_internal.h"
#include "tests/intake_keeper.h"

static struct conf conf;
static struct conf_listen listens[2];
static struct netprefix loopback;
static uint16_t port[2];

/* ---- a client ---- */

struct client {
	int fd;
	char in[65536];
	size_t n;
	bool ended; /* EOF or reset */
};

static inline struct client *
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

static inline void
client_close(struct client *c)
{
	close(c->fd);
	c->fd = -1;
	settle();
}

static inline void
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
static inline size_t
client_send(struct client *c, const void *p, size_t n)
{
	ssize_t sent = send(c->fd, p, n, MSG_NOSIGNAL);

	return sent < 0 ? 0 : (size_t)sent;
}

static inline void
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

static inline void
say(struct client *c, const char *text)
{
	say_bytes(c, text, strlen(text));
}

/* Length of the first whole reply of what was received; 0: none yet. */
static inline size_t
whole_reply(const struct client *c)
{
	struct span rest = span_of(c->in, c->n), line;

	while (span_cut(rest, '\n', &line, &rest))
		if (line.n > 3 && line.p[3] == ' ')
			return c->n - rest.n;
	return 0;
}

/* Wait for one reply; the connection's end makes it "". */
static inline const char *
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

static inline void
expect(struct client *c, const char *start)
{
	const char *got = reply(c);

	ck_assert_msg(strncmp(got, start, strlen(start)) == 0,
	    "\"%s\" expected, got \"%s\"", start, got);
}

static inline void
expect_silence(struct client *c)
{
	settle();
	client_read(c);
	ck_assert_uint_eq(c->n, 0);
	ck_assert(!c->ended);
}

static inline void
expect_end(struct client *c)
{
	ck_assert_str_eq(reply(c), "");
	ck_assert(c->ended);
}

static inline void
ask(struct client *c, const char *text, const char *start)
{
	say(c, text);
	expect(c, start);
}

static inline struct client *
greeted(void)
{
	struct client *c = client_at(0);

	expect(c, "220 gw.example.org ESMTP");
	ask(c, "EHLO client.example\r\n", "250-gw.example.org\r\n");
	return c;
}

static inline void
envelope(struct client *c)
{
	ask(c, "MAIL FROM:<a@b.example>\r\n", "250 2.1.0");
	ask(c, "RCPT TO:<c@d.example>\r\n", "250 2.1.5");
	ask(c, "DATA\r\n", "354 ");
}

static inline void
wait_for_subs(size_t count)
{
	for (unsigned i = 0; keeper.sub_count < count; i++) {
		pump_for(i);
	}
}

/* Text of n bytes, in lines of 50. */
static inline char *
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

static inline void
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

static inline void
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

static inline void
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

static inline void
tear_down(void)
{
	talloc_free(mem);
}

/* ---- main ---- */

/* Run the cases as one suite, each test in a process of its own. */
static inline int
intake_suite(const char *name, void (*fixture)(void), TCase *const *cases,
    size_t count)
{
	Suite *s = suite_create(name);
	SRunner *sr;
	int failed;

	for (size_t i = 0; i < count; i++) {
		tcase_add_checked_fixture(cases[i], fixture, tear_down);
		tcase_set_timeout(cases[i], 120);
		suite_add_tcase(s, cases[i]);
	}
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
