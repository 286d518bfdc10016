/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load - hand messages to an SMTP server as fast as it takes them.
 *
 *	load --connect ADDR:PORT --messages N [--size BYTES] [--sessions S]
 *	    [--domains D] [--per-session M] [--ledger NAME] [--timeout S]
 *	    [--json]
 *
 * S sessions in clear text run side by side, each one message after the
 * other, M of them on a connection.  Recipients are user@dI.bench.post with
 * I from 1 to D in turn; message I carries "X-Ledger: NAME-I".  BYTES is the
 * whole message, header and body.
 *
 * Measured is the time from MAIL to the 250 after the dot.  MAIL, RCPT and
 * DATA go out together (RFC 2920).  A refusal ends the run: a server that is
 * not taking mail cannot be measured.  Exit status 0: all were accepted.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define REPLY_BYTES   4096u      /* ours: one EHLO reply and more */
#define HEAD_BYTES    512u       /* ours: commands, or header fields */
#define MAX_MESSAGES  10000000u  /* ours: 4 bytes of memory each */
#define MAX_SIZE      1000000000 /* ours */
#define MAX_SESSIONS  10000u     /* ours */
#define MIN_SIZE      HEAD_BYTES /* what the header may need */
#define LINE_BYTES    74u        /* of the body, with its CRLF */
#define DOT_BYTES     3u         /* ".\r\n", no part of the message */
#define PER_SESSION   100u
#define ENVELOPE_LAST 3u /* replies to MAIL, RCPT and DATA */

enum state {
	S_GREETING, /* connected or connecting */
	S_EHLO,     /* EHLO sent */
	S_ENVELOPE, /* MAIL, RCPT and DATA sent */
	S_CONTENT,  /* the message and its dot sent */
	S_QUIT,     /* QUIT sent */
	S_IDLE,     /* no connection and no message left */
};

/* The reply that is good news in each state. */
static const unsigned wanted[] = {
	[S_GREETING] = 220,
	[S_EHLO] = 250,
	[S_ENVELOPE] = 250,
	[S_CONTENT] = 250,
	[S_QUIT] = 221,
};

struct load;

struct session {
	struct load *load;
	int fd;
	enum state state;
	uint64_t done; /* messages on this connection */
	uint64_t message;
	unsigned replies; /* of the envelope */
	int64_t mail_us;
	uint8_t in[REPLY_BYTES];
	size_t in_n;
	char head[HEAD_BYTES];
	struct iovec out[2]; /* head, then body; what is left of them */
	bool wants_write;
};

struct load {
	struct netaddr server;
	uint64_t messages, sessions, domains, per_session, size;
	const char *ledger;
	int64_t timeout_us;
	bool json;

	int epoll;
	char *body; /* enough for any message; ends with CRLF "." CRLF */
	size_t body_n;
	uint32_t *latency_us;
	uint64_t begun, accepted, connections;
	int64_t begun_us, first_us, last_us;
	bool failed;
};

static void connect_session(struct session *s);

static void
complain(struct session *s, const char *what)
{
	fprintf(stderr, "load: message %llu: %s\n",
	    (unsigned long long)s->message, what);
	s->load->failed = true;
}

/* ---- output ---- */

static void
watch(struct session *s, bool write)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = s };

	if (write == s->wants_write)
		return;
	s->wants_write = write;
	if (write)
		e.events |= EPOLLOUT;
	epoll_ctl(s->load->epoll, EPOLL_CTL_MOD, s->fd, &e);
}

static void
flush(struct session *s)
{
	while (s->out[0].iov_len + s->out[1].iov_len > 0) {
		ssize_t n = writev(s->fd, s->out, 2);

		if (n < 0) {
			if (errno != EAGAIN)
				complain(s, "the server closed");
			watch(s, true);
			return;
		}
		for (int i = 0; i < 2; i++) {
			size_t part = (size_t)n < s->out[i].iov_len ?
					  (size_t)n :
					  s->out[i].iov_len;

			s->out[i].iov_base = (char *)s->out[i].iov_base + part;
			s->out[i].iov_len -= part;
			n -= (ssize_t)part;
		}
	}
	watch(s, false);
}

/* What is in head, and the last body_n bytes of the body. */
static void
send_head(struct session *s, int head_n, size_t body_n)
{
	invariant(head_n > 0 && (size_t)head_n < sizeof(s->head));
	s->out[0] = (struct iovec){ s->head, (size_t)head_n };
	s->out[1] = (struct iovec){ s->load->body + s->load->body_n - body_n,
		body_n };
	flush(s);
}

/* ---- one session ---- */

static void
send_quit(struct session *s)
{
	s->state = S_QUIT;
	send_head(s, snprintf(s->head, sizeof(s->head), "QUIT\r\n"), 0);
}

static void
send_envelope(struct session *s)
{
	struct load *l = s->load;

	if (l->begun == l->messages || s->done == l->per_session) {
		send_quit(s);
		return;
	}
	s->message = l->begun++;
	s->replies = 0;
	s->state = S_ENVELOPE;
	s->mail_us = bench_now_us();
	if (l->begun_us == 0)
		l->begun_us = s->mail_us;
	send_head(s,
	    snprintf(s->head, sizeof(s->head),
		"MAIL FROM:<sender@client.bench.post>\r\n"
		"RCPT TO:<user@d%llu.bench.post>\r\nDATA\r\n",
		(unsigned long long)(s->message % l->domains + 1)),
	    0);
}

static void
send_content(struct session *s)
{
	struct load *l = s->load;
	int n = snprintf(s->head, sizeof(s->head),
	    "From: <sender@client.bench.post>\r\n"
	    "To: <user@d%llu.bench.post>\r\n"
	    "Subject: message %llu\r\n"
	    "Date: Tue, 24 Nov 2026 08:00:00 +0000\r\n"
	    "Message-ID: <%llu.%s@client.bench.post>\r\n"
	    "X-Ledger: %s-%llu\r\n\r\n",
	    (unsigned long long)(s->message % l->domains + 1),
	    (unsigned long long)s->message, (unsigned long long)s->message,
	    l->ledger, l->ledger, (unsigned long long)s->message);

	invariant(n > 0 && (size_t)n < MIN_SIZE - 1);
	/* A body cut between CR and LF would begin with a bare LF. */
	if (l->body[l->body_n - (l->size - (size_t)n + DOT_BYTES)] == '\n')
		s->head[n++] = 'x';
	s->state = S_CONTENT;
	send_head(s, n, l->size - (size_t)n + DOT_BYTES);
}

static void
accepted(struct session *s)
{
	struct load *l = s->load;

	l->last_us = bench_now_us();
	if (l->accepted == 0)
		l->first_us = l->last_us;
	l->latency_us[l->accepted++] = (uint32_t)(l->last_us - s->mail_us);
	s->done++;
	send_envelope(s);
}

static void
end_session(struct session *s)
{
	struct load *l = s->load;

	close(s->fd);
	s->fd = -1;
	s->state = S_IDLE;
	if (l->begun < l->messages)
		connect_session(s);
}

static void
good_reply(struct session *s)
{
	switch (s->state) {
	case S_GREETING:
		s->state = S_EHLO;
		send_head(s,
		    snprintf(s->head, sizeof(s->head),
			"EHLO load.bench.post\r\n"),
		    0);
		break;
	case S_EHLO:
		send_envelope(s);
		break;
	case S_ENVELOPE:
		if (++s->replies == ENVELOPE_LAST)
			send_content(s);
		break;
	case S_CONTENT:
		accepted(s);
		break;
	case S_QUIT:
		end_session(s);
		break;
	case S_IDLE:
		break;
	}
}

static void
reply_line(struct session *s, struct span line)
{
	unsigned want = wanted[s->state];
	char text[8];

	if (s->state == S_ENVELOPE && s->replies == ENVELOPE_LAST - 1)
		want = 354;
	snprintf(text, sizeof(text), "%u", want);
	if (!span_starts(line, text)) {
		char shown[256];

		span_print_to(line, shown, sizeof(shown));
		complain(s, shown);
	} else if (line.n < 4 || line.p[3] != '-') {
		good_reply(s);
	}
}

/* Whole lines of what has come. */
static void
take_replies(struct session *s)
{
	struct span rest = span_of(s->in, s->in_n), line;

	while (span_find(rest, '\n', 0) < rest.n && s->state != S_IDLE &&
	       !s->load->failed && span_line(&rest, &line))
		reply_line(s, line);
	if (rest.n == sizeof(s->in))
		complain(s, "a reply line without an end");
	if (rest.n > 0)
		memmove(s->in, rest.p, rest.n);
	s->in_n = rest.n;
}

static void
readable(struct session *s)
{
	ssize_t n = read(s->fd, s->in + s->in_n, sizeof(s->in) - s->in_n);

	if (n > 0) {
		s->in_n += (size_t)n;
		take_replies(s);
	} else if (n == 0 || errno != EAGAIN) {
		if (s->state == S_QUIT)
			end_session(s);
		else
			complain(s, "the server closed");
	}
}

static void
connect_session(struct session *s)
{
	struct load *l = s->load;
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = s };
	struct sockaddr_storage to;
	socklen_t to_n = netaddr_to_sockaddr(&l->server, &to);
	int on = 1;

	s->state = S_GREETING;
	s->done = 0;
	s->in_n = 0;
	s->wants_write = false;
	s->fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (s->fd < 0 ||
	    (connect(s->fd, (struct sockaddr *)&to, to_n) != 0 &&
		errno != EINPROGRESS) ||
	    epoll_ctl(l->epoll, EPOLL_CTL_ADD, s->fd, &e) != 0) {
		complain(s, "cannot connect");
		return;
	}
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	l->connections++;
}

/* ---- the run ---- */

static void
make_body(TALLOC_CTX *mem, struct load *l)
{
	size_t n = l->size + LINE_BYTES + 5;

	l->body = need(talloc_size(mem, n));
	l->body_n = n;
	/* Lines are counted from the end, where the message has its CRLF. */
	memset(l->body, 'x', n);
	memcpy(l->body + n - 5, "\r\n.\r\n", 5);
	for (size_t at = n - 5; at > LINE_BYTES; at -= LINE_BYTES)
		memcpy(l->body + at - LINE_BYTES, "\r\n", 2);
}

static bool
run(struct load *l, struct session *sessions)
{
	struct epoll_event events[BENCH_EVENTS];
	int64_t end_us = bench_now_us() + l->timeout_us;

	for (uint64_t i = 0; i < l->sessions; i++)
		connect_session(&sessions[i]);
	while (l->accepted < l->messages && !l->failed) {
		int n = epoll_wait(l->epoll, events, BENCH_EVENTS, 1000);

		for (int i = 0; i < n && !l->failed; i++) {
			struct session *s = events[i].data.ptr;

			if (events[i].events & EPOLLOUT)
				flush(s);
			if (events[i].events & ~(uint32_t)EPOLLOUT)
				readable(s);
		}
		if (bench_now_us() > end_us) {
			fprintf(stderr, "load: time is up\n");
			return false;
		}
	}
	return !l->failed;
}

static double
percentile_ms(const struct load *l, uint64_t percent)
{
	return l->latency_us[(l->accepted - 1) * percent / 100] / 1e3;
}

static void
report(const struct load *l)
{
	double s = (double)(l->last_us - l->begun_us) / 1e6;
	double rate = s > 0 ? (double)l->accepted / s : 0;

	bench_sort(l->latency_us, l->accepted);
	if (!l->json) {
		printf("%llu messages of %llu bytes in %.3f s: %.0f a second; "
		       "250 after %.2f ms (p50), %.2f ms (p99)\n",
		    (unsigned long long)l->accepted,
		    (unsigned long long)l->size, s, rate, percentile_ms(l, 50),
		    percentile_ms(l, 99));
		return;
	}
	printf("{\"messages\": %llu, \"size\": %llu, \"connections\": %llu, "
	       "\"seconds\": %.6f, \"rate\": %.1f, \"accept_p50_ms\": %.3f, "
	       "\"accept_p99_ms\": %.3f, \"accept_max_ms\": %.3f, "
	       "\"begun_us\": %lld, \"first_us\": %lld, \"last_us\": %lld}\n",
	    (unsigned long long)l->accepted, (unsigned long long)l->size,
	    (unsigned long long)l->connections, s, rate, percentile_ms(l, 50),
	    percentile_ms(l, 99), percentile_ms(l, 100), (long long)l->begun_us,
	    (long long)l->first_us, (long long)l->last_us);
}

static void
usage(void)
{
	fputs("usage: load --connect ADDR:PORT --messages N [--size BYTES]\n"
	      "\t[--sessions S] [--domains D] [--per-session M]\n"
	      "\t[--ledger NAME] [--timeout S] [--json]\n",
	    stderr);
	exit(2);
}

static void
read_options(struct load *l, int argc, char **argv)
{
	static const struct option options[] = {
		{ "connect", required_argument, NULL, 'c' },
		{ "messages", required_argument, NULL, 'n' },
		{ "size", required_argument, NULL, 's' },
		{ "sessions", required_argument, NULL, 'p' },
		{ "domains", required_argument, NULL, 'd' },
		{ "per-session", required_argument, NULL, 'm' },
		{ "ledger", required_argument, NULL, 'l' },
		{ "timeout", required_argument, NULL, 't' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (opt == 'c')
			l->server = bench_address(optarg);
		else if (opt == 'n')
			l->messages = bench_number(optarg, MAX_MESSAGES);
		else if (opt == 's')
			l->size = bench_number(optarg, MAX_SIZE);
		else if (opt == 'p')
			l->sessions = bench_number(optarg, MAX_SESSIONS);
		else if (opt == 'd')
			l->domains = bench_number(optarg, MAX_MESSAGES);
		else if (opt == 'm')
			l->per_session = bench_number(optarg, MAX_MESSAGES);
		else if (opt == 'l')
			l->ledger = optarg;
		else if (opt == 't')
			l->timeout_us = (int64_t)bench_number(optarg, 86400) *
					1000000;
		else if (opt == 'j')
			l->json = true;
		else
			usage();
	if (optind != argc || l->server.family == NETADDR_NONE ||
	    l->messages == 0 || l->size < MIN_SIZE || strlen(l->ledger) > 64)
		usage();
}

int
main(int argc, char **argv)
{
	struct load load = {
		.size = 4096,
		.sessions = 20,
		.domains = 1,
		.per_session = PER_SESSION,
		.ledger = "load",
		.timeout_us = 600000000,
	};
	struct session *sessions;
	TALLOC_CTX *mem;
	bool ok;

	status_init();
	read_options(&load, argc, argv);
	bench_raise_files();
	if (load.sessions > load.messages)
		load.sessions = load.messages;
	mem = need(talloc_new(NULL));
	make_body(mem, &load);
	load.latency_us = need(talloc_zero_array(mem, uint32_t,
	    (unsigned)load.messages));
	sessions = need(talloc_zero_array(mem, struct session,
	    (unsigned)load.sessions));
	for (uint64_t i = 0; i < load.sessions; i++)
		sessions[i].load = &load;
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (load.epoll < 0)
		panic("no epoll");
	ok = run(&load, sessions);
	if (load.accepted > 0)
		report(&load);
	close(load.epoll);
	talloc_free(mem);
	return ok ? 0 : 1;
}
