/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lookups - ask a socketmap what next hops require, as Postfix does, and check
 * that each answer is to the question it stands behind.
 *
 *	lookups --connect ADDR:PORT --lookups N [--hops H] [--connections C]
 *	    [--leave-every L] [--timeout S] [--json]
 *
 * C connections run side by side, each one question after the other.  They
 * ask for [mx.dI.bench.post], I from 1 to H at random, under a floor that
 * makes the answer name that host and no other.  After each L-th question
 * the connection is closed before its answer has come, and made anew.
 *
 * Measured is the time from a question to its answer.  Exit status 0: all
 * were answered, each with its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "util/netstring.h"

#define MAX_LOOKUPS     100000000u /* ours: 4 bytes of memory each */
#define MAX_CONNECTIONS 10000u     /* ours */
#define MAX_HOPS        1000000u   /* ours */
#define TEXT_BYTES      200u       /* a question, or the answer to it */

struct lookups;

struct asker {
	struct lookups *all;
	int fd;
	uint64_t hop; /* that was asked about */
	int64_t asked_us;
	uint8_t in[TEXT_BYTES];
	size_t in_n;
};

struct lookups {
	struct netaddr server;
	uint64_t count, hops, connections, leave_every;
	int64_t timeout_us;
	bool json;

	TALLOC_CTX *mem;
	int epoll;
	uint64_t random;
	uint32_t *latency_us;
	uint64_t asked, answered, left, wrong;
	int64_t begun_us, last_us;
	bool failed;
};

static void
complain(struct asker *a, const char *what)
{
	fprintf(stderr, "lookups: hop %llu: %s\n", (unsigned long long)a->hop,
	    what);
	a->all->failed = true;
}

static uint64_t
random_below(struct lookups *l, uint64_t n)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return l->random % n;
}

static void
connect_asker(struct asker *a)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = a };
	struct sockaddr_storage to;
	socklen_t to_n = netaddr_to_sockaddr(&a->all->server, &to);
	int on = 1;

	a->in_n = 0;
	a->fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (a->fd < 0 || connect(a->fd, (struct sockaddr *)&to, to_n) != 0 ||
	    fcntl(a->fd, F_SETFL, O_NONBLOCK) != 0 ||
	    epoll_ctl(a->all->epoll, EPOLL_CTL_ADD, a->fd, &e) != 0) {
		complain(a, "cannot connect");
		return;
	}
	setsockopt(a->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* ---- questions and answers ---- */

static void
send_question(struct asker *a)
{
	char text[TEXT_BYTES];
	struct sbuf b;

	a->hop = random_below(a->all, a->all->hops) + 1;
	snprintf(text, sizeof(text), "policy [mx.d%llu.bench.post]",
	    (unsigned long long)a->hop);
	sbuf_init(&b, a->all->mem, TEXT_BYTES);
	netstring_add(&b, span_str(text));
	a->asked_us = bench_now_us();
	a->all->asked++;
	if (write(a->fd, b.p, b.n) != (ssize_t)b.n)
		complain(a, "the server takes no question");
	sbuf_free(&b);
}

static void
ask(struct asker *a)
{
	struct lookups *l = a->all;

	send_question(a);
	while (!l->failed && l->leave_every > 0 &&
	       l->asked % l->leave_every == 0) {
		l->left++;
		close(a->fd);
		connect_asker(a);
		if (!l->failed)
			send_question(a);
	}
}

static void
take_answer(struct asker *a, struct span answer)
{
	struct lookups *l = a->all;
	char want[TEXT_BYTES], shown[TEXT_BYTES];

	l->last_us = bench_now_us();
	l->latency_us[l->answered++] = (uint32_t)(l->last_us - a->asked_us);
	snprintf(want, sizeof(want),
	    "OK secure match=mx.d%llu.bench.post servername=hostname",
	    (unsigned long long)a->hop);
	if (span_eq(answer, want))
		return;
	l->wrong++;
	span_print_to(answer, shown, sizeof(shown));
	complain(a, shown);
}

static void
readable(struct asker *a)
{
	ssize_t n = read(a->fd, a->in + a->in_n, sizeof(a->in) - a->in_n);
	struct span in, answer;
	enum status st;

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			complain(a, "the server closed");
		return;
	}
	a->in_n += (size_t)n;
	in = span_of(a->in, a->in_n);
	st = netstring_take(&in, TEXT_BYTES, &answer);
	if (st == ST_TEMP && a->in_n < sizeof(a->in))
		return;
	if (st != ST_OK || in.n > 0) {
		complain(a, "this is not one answer");
		return;
	}
	take_answer(a, answer);
	a->in_n = 0;
	if (a->all->answered < a->all->count && !a->all->failed)
		ask(a);
}

/* ---- the run ---- */

static bool
run(struct lookups *l, struct asker *askers)
{
	struct epoll_event events[BENCH_EVENTS];
	int64_t end_us = bench_now_us() + l->timeout_us;

	l->begun_us = bench_now_us();
	for (uint64_t i = 0; i < l->connections && !l->failed; i++) {
		connect_asker(&askers[i]);
		if (!l->failed)
			ask(&askers[i]);
	}
	while (l->answered < l->count && !l->failed) {
		int n = epoll_wait(l->epoll, events, BENCH_EVENTS, 1000);

		for (int i = 0; i < n && l->answered < l->count && !l->failed;
		     i++)
			readable(events[i].data.ptr);
		if (bench_now_us() > end_us) {
			fprintf(stderr, "lookups: time is up\n");
			return false;
		}
	}
	return !l->failed;
}

static double
percentile_ms(const struct lookups *l, uint64_t percent)
{
	return l->latency_us[(l->answered - 1) * percent / 100] / 1e3;
}

static void
report(const struct lookups *l)
{
	double s = (double)(l->last_us - l->begun_us) / 1e6;
	double rate = s > 0 ? (double)l->answered / s : 0;

	bench_sort(l->latency_us, l->answered);
	if (!l->json) {
		printf("%llu answers (%llu not waited for, %llu wrong) in "
		       "%.3f s: %.0f a second; after %.3f ms (p50), %.3f ms "
		       "(p99)\n",
		    (unsigned long long)l->answered,
		    (unsigned long long)l->left, (unsigned long long)l->wrong,
		    s, rate, percentile_ms(l, 50), percentile_ms(l, 99));
		return;
	}
	printf("{\"lookups\": %llu, \"left\": %llu, \"wrong\": %llu, "
	       "\"seconds\": %.6f, \"rate\": %.1f, \"p50_ms\": %.3f, "
	       "\"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
	    (unsigned long long)l->answered, (unsigned long long)l->left,
	    (unsigned long long)l->wrong, s, rate, percentile_ms(l, 50),
	    percentile_ms(l, 99), percentile_ms(l, 100));
}

static void
usage(void)
{
	fputs("usage: lookups --connect ADDR:PORT --lookups N [--hops H]\n"
	      "\t[--connections C] [--leave-every L] [--timeout S] [--json]\n",
	    stderr);
	exit(2);
}

static void
read_options(struct lookups *l, int argc, char **argv)
{
	static const struct option options[] = {
		{ "connect", required_argument, NULL, 'c' },
		{ "lookups", required_argument, NULL, 'n' },
		{ "hops", required_argument, NULL, 'h' },
		{ "connections", required_argument, NULL, 'p' },
		{ "leave-every", required_argument, NULL, 'l' },
		{ "timeout", required_argument, NULL, 't' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (opt == 'c')
			l->server = bench_address(optarg);
		else if (opt == 'n')
			l->count = bench_number(optarg, MAX_LOOKUPS);
		else if (opt == 'h')
			l->hops = bench_number(optarg, MAX_HOPS);
		else if (opt == 'p')
			l->connections = bench_number(optarg, MAX_CONNECTIONS);
		else if (opt == 'l')
			l->leave_every = bench_number(optarg, MAX_LOOKUPS);
		else if (opt == 't')
			l->timeout_us = (int64_t)bench_number(optarg, 86400) *
					1000000;
		else if (opt == 'j')
			l->json = true;
		else
			usage();
	if (optind != argc || l->server.family == NETADDR_NONE ||
	    l->count == 0 || l->leave_every == 1)
		usage();
}

int
main(int argc, char **argv)
{
	struct lookups lookups = {
		.hops = 1,
		.connections = 20,
		.timeout_us = 600000000,
		.random = 88172645463325252u,
	};
	struct asker *askers;
	bool ok;

	status_init();
	read_options(&lookups, argc, argv);
	bench_raise_files();
	lookups.mem = need(talloc_new(NULL));
	lookups.latency_us = need(talloc_zero_array(lookups.mem, uint32_t,
	    (unsigned)lookups.count));
	askers = need(talloc_zero_array(lookups.mem, struct asker,
	    (unsigned)lookups.connections));
	for (uint64_t i = 0; i < lookups.connections; i++)
		askers[i].all = &lookups;
	lookups.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (lookups.epoll < 0)
		panic("no epoll");
	ok = run(&lookups, askers);
	if (lookups.answered > 0)
		report(&lookups);
	close(lookups.epoll);
	talloc_free(lookups.mem);
	return ok ? 0 : 1;
}
