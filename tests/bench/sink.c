/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sink - an SMTP server that takes every message and keeps none.
 *
 *	sink --listen ADDR:PORT... [--cert FILE --key FILE] [--expect N]
 *	    [--timeout S] [--record FILE]
 *
 * With a certificate it offers STARTTLS.  When N messages have arrived it
 * prints what it measured, one line of JSON, and ends with status 0 once its
 * clients have left or LINGER_US have passed; it does the same without
 * --expect on SIGTERM.  When the time is up it prints and ends with 1.
 *
 * --record appends the value of each message's X-Ledger field to FILE, one
 * line a message, written before its 250 is sent: whatever the sender may
 * take as delivered is in FILE, even if the sink is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tests/bench/bench.h"
#include "util/sbuf.h"

#define READ_BYTES   65536u
#define LINE_BYTES   2048u  /* of a line that is kept; more is only counted */
#define OUT_BYTES    65536u /* replies that wait for a slow reader */
#define MAX_SOCKETS  4096u  /* ours: listening ones */
#define MAX_EXPECT   1000000000u /* ours */
#define SIZE_LIMIT   "104857600"
#define LINGER_US    1000000
#define LEDGER_FIELD "X-Ledger:"
#define LEDGER_BYTES 128u

enum kind { K_LISTENER, K_CLIENT };

/* What an event is about; first member of what it points to. */
struct source {
	enum kind kind;
	int fd;
};

enum phase {
	P_COMMAND,
	P_HEADER, /* of a message */
	P_BODY,
};

struct client {
	struct source source;
	struct sink *sink;
	SSL *tls; /* NULL in clear */
	enum phase phase;
	uint8_t line[LINE_BYTES]; /* begun in one read, ended in another */
	size_t line_n;
	size_t line_bytes; /* of the whole line so far, kept or not */
	bool closing;      /* when the replies are out */
	bool starting;     /* STARTTLS said: a handshake follows the reply */
	char ledger[LEDGER_BYTES];
	size_t ledger_n;
	uint64_t message_bytes;
	struct sbuf out;
	bool wants_write;
};

struct sink {
	TALLOC_CTX *mem;
	struct source listeners[MAX_SOCKETS];
	size_t listener_count;
	SSL_CTX *ctx; /* NULL: no STARTTLS */
	const char *cert, *key;
	const char *record;
	int record_fd;
	uint64_t expect;
	int64_t timeout_us;

	int epoll;
	uint64_t open, connections, handshakes;
	uint64_t messages, tls_messages, bytes;
	int64_t first_accept_us, first_us, last_us;
};

static volatile sig_atomic_t stopped;

static void
on_signal(int number)
{
	(void)number;
	stopped = 1;
}

/* ---- messages ---- */

static void
say(struct client *c, const char *text)
{
	sbuf_str(&c->out, text);
}

static bool
record(struct client *c)
{
	struct sink *s = c->sink;

	if (s->record == NULL)
		return true;
	c->ledger[c->ledger_n] = '\n';
	return write(s->record_fd, c->ledger, c->ledger_n + 1) ==
	       (ssize_t)c->ledger_n + 1;
}

static void
end_message(struct client *c)
{
	struct sink *s = c->sink;

	c->phase = P_COMMAND;
	if (!record(c)) {
		say(c, "451 4.3.0 Cannot write the record\r\n");
		return;
	}
	s->messages++;
	s->tls_messages += c->tls != NULL;
	s->bytes += c->message_bytes;
	s->last_us = bench_now_us();
	if (s->messages == 1)
		s->first_us = s->last_us;
	say(c, "250 2.0.0 Taken\r\n");
}

static void
message_line(struct client *c, struct span line, size_t line_bytes)
{
	struct span value;

	if (span_eq(line, ".") && line_bytes == sizeof(".\r\n") - 1) {
		end_message(c);
		return;
	}
	c->message_bytes += line_bytes;
	if (c->phase != P_HEADER)
		return;
	if (line.n == 0) {
		c->phase = P_BODY;
	} else if (span_istarts(line, LEDGER_FIELD)) {
		value = span_sub(line, sizeof(LEDGER_FIELD) - 1, line.n);
		value = span_sub(span_trim(value), 0, LEDGER_BYTES - 1);
		memcpy(c->ledger, value.p, value.n);
		c->ledger_n = value.n;
	}
}

/* ---- commands ---- */

static void
say_hello(struct client *c)
{
	say(c, "250-sink.bench.post\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
	       "250-ENHANCEDSTATUSCODES\r\n");
	if (c->sink->ctx != NULL && c->tls == NULL)
		say(c, "250-STARTTLS\r\n");
	say(c, "250 SIZE " SIZE_LIMIT "\r\n");
}

static void
begin_message(struct client *c)
{
	c->phase = P_HEADER;
	c->ledger_n = 0;
	c->message_bytes = 0;
	say(c, "354 Go ahead\r\n");
}

static void
command_line(struct client *c, struct span line)
{
	if (span_istarts(line, "MAIL FROM:") ||
	    span_istarts(line, "RCPT TO:") || span_ieq(line, "RSET") ||
	    span_ieq(line, "NOOP")) {
		say(c, "250 2.0.0 Ok\r\n");
	} else if (span_ieq(line, "DATA")) {
		begin_message(c);
	} else if (span_istarts(line, "EHLO ")) {
		say_hello(c);
	} else if (span_istarts(line, "HELO ")) {
		say(c, "250 sink.bench.post\r\n");
	} else if (span_ieq(line, "QUIT")) {
		say(c, "221 2.0.0 Bye\r\n");
		c->closing = true;
	} else if (span_ieq(line, "STARTTLS") && c->sink->ctx != NULL &&
		   c->tls == NULL) {
		say(c, "220 2.0.0 Ready\r\n");
		c->starting = true;
	} else {
		say(c, "502 5.5.1 Not here\r\n");
	}
}

/* ---- bytes ---- */

static void
whole_line(struct client *c, struct span line, size_t line_bytes)
{
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (c->phase != P_COMMAND)
		message_line(c, line, line_bytes);
	else
		command_line(c, line);
}

static void
keep(struct client *c, struct span part)
{
	size_t n = sizeof(c->line) - c->line_n;

	if (n > part.n)
		n = part.n;
	if (n > 0)
		memcpy(c->line + c->line_n, part.p, n);
	c->line_n += n;
	c->line_bytes += part.n;
}

/*
 * Lines end in LF.  What follows STARTTLS or QUIT in one read has no meaning
 * and is dropped.
 */
static void
take(struct client *c, struct span in)
{
	while (in.n > 0 && !c->closing && !c->starting) {
		size_t end = span_find(in, '\n', 0);
		struct span line = span_sub(in, 0, end);
		size_t bytes = line.n;

		if (c->line_bytes > 0 || end == in.n) {
			keep(c, line);
			if (end == in.n)
				return;
			line = span_of(c->line, c->line_n);
			bytes = c->line_bytes;
		}
		in = span_sub(in, end + 1, in.n);
		whole_line(c, line, bytes + 1);
		c->line_n = c->line_bytes = 0;
	}
}

/* ---- connections ---- */

static void
watch(struct client *c, bool write)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

	if (write == c->wants_write)
		return;
	c->wants_write = write;
	if (write)
		e.events |= EPOLLOUT;
	epoll_ctl(c->sink->epoll, EPOLL_CTL_MOD, c->source.fd, &e);
}

static int
end_client(struct client *c)
{
	c->sink->open--;
	SSL_free(c->tls);
	close(c->source.fd);
	return 0;
}

/*
 * Bytes moved; 0: none can be now.  -1: the connection is of no more use.
 * wants_write tells which way a handshake waits.
 */
static ssize_t
tls_result(struct client *c, int n)
{
	int error;

	if (n > 0)
		return n;
	error = SSL_get_error(c->tls, n);
	if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
		ERR_clear_error(); /* or the next connection would see it */
		return -1;
	}
	watch(c, error == SSL_ERROR_WANT_WRITE);
	return 0;
}

/*
 * A sender that writes a message in two parts without TCP_NODELAY waits for
 * the ACK of the first; ours is never late.
 */
static void
acknowledge(const struct client *c)
{
	int on = 1;

	setsockopt(c->source.fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

static ssize_t
read_some(struct client *c, uint8_t *to, size_t room)
{
	ssize_t n;

	if (c->tls != NULL)
		return tls_result(c, SSL_read(c->tls, to, (int)room));
	n = read(c->source.fd, to, room);
	return n > 0 ? n : n < 0 && errno == EAGAIN ? 0 : -1;
}

static ssize_t
write_some(struct client *c)
{
	ssize_t n;

	if (c->tls != NULL)
		return tls_result(c,
		    SSL_write(c->tls, c->out.p, (int)c->out.n));
	n = write(c->source.fd, c->out.p, c->out.n);
	if (n < 0 && errno == EAGAIN) {
		watch(c, true);
		return 0;
	}
	return n;
}

/* false: the connection has ended. */
static bool
flush(struct client *c)
{
	while (c->out.n > 0) {
		ssize_t n = write_some(c);

		if (n < 0 || sbuf_failed(&c->out)) {
			talloc_free(c);
			return false;
		}
		if (n == 0)
			return true;
		sbuf_consume(&c->out, (size_t)n);
	}
	watch(c, false);
	if (c->closing) {
		talloc_free(c);
		return false;
	}
	return true;
}

static void
start_tls(struct client *c)
{
	c->starting = false;
	c->tls = SSL_new(c->sink->ctx);
	if (c->tls == NULL || SSL_set_fd(c->tls, c->source.fd) != 1)
		panic("no TLS session");
	SSL_set_accept_state(c->tls); /* the first SSL_read shakes hands */
	c->sink->handshakes++;
}

static void
client_event(struct client *c, uint32_t events)
{
	static uint8_t in[READ_BYTES];
	ssize_t n;

	if ((events & EPOLLOUT) && !flush(c))
		return;
	/* TLS may hold bytes that epoll does not know of: until none come. */
	while (c->out.n == 0) {
		if (c->starting)
			start_tls(c);
		n = read_some(c, in, sizeof(in));
		if (n < 0)
			talloc_free(c);
		if (n <= 0)
			return;
		acknowledge(c);
		take(c, span_of(in, (size_t)n));
		if (!flush(c))
			return;
		if (c->tls == NULL && !c->starting)
			return; /* epoll tells whether there is more */
	}
}

static void
accept_one(struct sink *s, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct epoll_event e = { .events = EPOLLIN };
	struct client *c;
	int on = 1;

	if (fd < 0)
		return;
	if (s->connections++ == 0)
		s->first_accept_us = bench_now_us();
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c = need(talloc_zero(s->mem, struct client));
	c->source = (struct source){ K_CLIENT, fd };
	c->sink = s;
	sbuf_init(&c->out, c, OUT_BYTES);
	s->open++;
	talloc_set_destructor(c, end_client);
	e.data.ptr = c;
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) != 0)
		panic("epoll does not take a connection");
	say(c, "220 sink.bench.post ESMTP\r\n");
	flush(c);
}

/* ---- the run ---- */

static void
report(const struct sink *s)
{
	double seconds = (double)(s->last_us - s->first_accept_us) / 1e6;

	printf("{\"messages\": %llu, \"tls_messages\": %llu, \"bytes\": %llu, "
	       "\"connections\": %llu, \"handshakes\": %llu, "
	       "\"seconds\": %.6f, \"first_accept_us\": %lld, "
	       "\"first_us\": %lld, \"last_us\": %lld}\n",
	    (unsigned long long)s->messages,
	    (unsigned long long)s->tls_messages, (unsigned long long)s->bytes,
	    (unsigned long long)s->connections,
	    (unsigned long long)s->handshakes, s->messages > 0 ? seconds : 0.0,
	    (long long)s->first_accept_us, (long long)s->first_us,
	    (long long)s->last_us);
	fflush(stdout);
}

/* Until every message is here, or a signal or the end of the time. */
static void
serve(struct sink *s)
{
	struct epoll_event events[BENCH_EVENTS];
	int64_t end_us = bench_now_us() + s->timeout_us;
	bool full = false;

	while (!stopped && bench_now_us() < end_us && !(full && s->open == 0)) {
		int n = epoll_wait(s->epoll, events, BENCH_EVENTS, 100);

		for (int i = 0; i < n; i++) {
			struct source *from = events[i].data.ptr;

			if (from->kind == K_LISTENER)
				accept_one(s, from->fd);
			else
				client_event(events[i].data.ptr,
				    events[i].events);
		}
		if (!full && s->expect > 0 && s->messages >= s->expect) {
			full = true;
			report(s);
			end_us = bench_now_us() + LINGER_US;
		}
	}
	if (!full)
		report(s);
}

static void
listen_on(struct sink *s, const char *text)
{
	struct netaddr address = bench_address(text);
	struct sockaddr_storage at;
	socklen_t at_n = netaddr_to_sockaddr(&address, &at);
	struct source *l = &s->listeners[s->listener_count];
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = l };
	int on = 1;

	if (s->listener_count++ == MAX_SOCKETS) {
		fprintf(stderr, "sink: too many addresses\n");
		exit(2);
	}
	l->kind = K_LISTENER;
	l->fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(l->fd, (struct sockaddr *)&at, at_n) != 0 ||
	    listen(l->fd, SOMAXCONN) != 0 ||
	    epoll_ctl(s->epoll, EPOLL_CTL_ADD, l->fd, &e) != 0) {
		perror(text);
		exit(1);
	}
}

static void
load_certificate(struct sink *s)
{
	if (s->cert == NULL)
		return;
	s->ctx = SSL_CTX_new(TLS_server_method());
	if (s->ctx == NULL ||
	    SSL_CTX_use_certificate_chain_file(s->ctx, s->cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(s->ctx, s->key, SSL_FILETYPE_PEM) !=
		1) {
		fprintf(stderr, "sink: cannot use %s with %s\n", s->cert,
		    s->key);
		exit(1);
	}
	SSL_CTX_set_mode(s->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static void
open_record(struct sink *s)
{
	if (s->record == NULL)
		return;
	s->record_fd = open(s->record,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (s->record_fd < 0) {
		perror(s->record);
		exit(1);
	}
}

static void
usage(void)
{
	fputs("usage: sink --listen ADDR:PORT... [--cert FILE --key FILE]\n"
	      "\t[--expect N] [--timeout S] [--record FILE]\n",
	    stderr);
	exit(2);
}

static void
read_options(struct sink *s, int argc, char **argv)
{
	static const struct option options[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "cert", required_argument, NULL, 'c' },
		{ "key", required_argument, NULL, 'k' },
		{ "expect", required_argument, NULL, 'n' },
		{ "timeout", required_argument, NULL, 't' },
		{ "record", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (opt == 'l')
			listen_on(s, optarg);
		else if (opt == 'c')
			s->cert = optarg;
		else if (opt == 'k')
			s->key = optarg;
		else if (opt == 'n')
			s->expect = bench_number(optarg, MAX_EXPECT);
		else if (opt == 't')
			s->timeout_us = (int64_t)bench_number(optarg, 86400) *
					1000000;
		else if (opt == 'r')
			s->record = optarg;
		else
			usage();
	if (optind != argc || s->listener_count == 0 ||
	    (s->cert == NULL) != (s->key == NULL))
		usage();
}

int
main(int argc, char **argv)
{
	static struct sink sink = { .timeout_us = 600000000, .record_fd = -1 };
	const struct sigaction stop = { .sa_handler = on_signal };

	status_init();
	sink.mem = need(talloc_new(NULL));
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	bench_raise_files();
	sink.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (sink.epoll < 0)
		panic("no epoll");
	read_options(&sink, argc, argv);
	load_certificate(&sink);
	open_record(&sink);
	serve(&sink);
	talloc_free(sink.mem);
	SSL_CTX_free(sink.ctx);
	return sink.expect == 0 || sink.messages >= sink.expect ? 0 : 1;
}
