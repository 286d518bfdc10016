/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_keeper - what the keeper costs: frames of an intake in, jobs out to
 * a courier that delivers at once, evidence and all, on a real disk.
 *
 *	bench_keeper [-n MESSAGES] [-o OPEN] [-s BYTES] [-d DOMAINS] [DIR]
 *
 * One process is the keeper; another plays intake and courier.  Printed are
 * messages a second from the first frame to the last receipt, and CPU time
 * of the keeper alone.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gateway/roles.h"
#include "gateway/wire.h"
#include "net/chan.h"
#include "net/net_real.h"

struct bench {
	struct net *net;
	struct chan *intake;
	struct chan *courier;
	uint64_t total, open_max, domains;
	struct span body;
	struct span personal, record;
	int64_t next_id, end_id;
	bool wanted;
	uint64_t sent, queued, delivered, acked;
	uint64_t seq;
	struct sbuf out;
	struct timespec begun;
};

static double
seconds(const struct timespec *t)
{
	return (double)t->tv_sec + (double)t->tv_nsec / 1e9;
}

static void
say(struct bench *b, struct chan *c, uint8_t type)
{
	if (sbuf_failed(&b->out))
		panic("frame too long");
	chan_send_span(c, type, sbuf_view(&b->out));
	sbuf_reset(&b->out);
}

/* ---- intake ---- */

static void
submit(struct bench *b)
{
	uint64_t n = b->sent++;
	char domain[32], address[64];
	struct wire_open_rcpt rcpt = { address, domain, 0, "" };
	struct wire_end end = { .session = (uint32_t)n,
		.size_bytes = b->body.n };
	struct wire_open o = { .session = (uint32_t)n,
		.message = b->next_id++,
		.sender = "sender@client.example",
		.client = "192.0.2.1",
		.account = "",
		.envid = "",
		.rcpt_count = 1,
		.rcpt = &rcpt };

	snprintf(domain, sizeof(domain), "d%u.example",
	    (unsigned)(n % b->domains));
	snprintf(address, sizeof(address), "user%u@%s", (unsigned)n, domain);
	wire_pack_open(&b->out, &o);
	say(b, b->intake, WIRE_SUBMIT_OPEN);
	for (size_t at = 0, seq = 0; at < b->body.n;
	     at += WIRE_CHUNK_BYTES, seq++) {
		pack_u32(&b->out, (uint32_t)n);
		pack_u32(&b->out, (uint32_t)seq);
		pack_bytes(&b->out,
		    span_sub(b->body, at, at + WIRE_CHUNK_BYTES));
		say(b, b->intake, WIRE_SUBMIT_CHUNK);
	}
	wire_pack_end(&b->out, &end);
	say(b, b->intake, WIRE_SUBMIT_END);
}

static void
fill(struct bench *b)
{
	while (b->sent < b->total && b->sent - b->queued < b->open_max) {
		if (b->next_id == b->end_id) {
			if (!b->wanted)
				say(b, b->intake, WIRE_IDS_WANT);
			b->wanted = true;
			return;
		}
		submit(b);
	}
}

static enum status
intake_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct bench *b = arg;
	struct unpack u = unpack_from(payload);
	TALLOC_CTX *tmp;
	struct wire_done d;

	if (type == WIRE_IDS) {
		b->next_id = unpack_i64(&u);
		b->end_id = b->next_id + unpack_u32(&u);
		b->wanted = false;
	} else if (type == WIRE_SUBMIT_DONE) {
		tmp = talloc_new(b);
		if (wire_unpack_done(tmp, payload, &d, why) != ST_OK ||
		    d.verdict != VERDICT_QUEUED)
			panic("refused: %s", d.why);
		talloc_free(tmp);
		b->queued++;
	}
	return ST_OK;
}

static void
intake_batch(void *arg)
{
	fill(arg);
}

/* ---- courier ---- */

static void
deliver(struct bench *b, const struct wire_job *j)
{
	struct wire_rcpt_result r = { .id = j->rcpt[0].id,
		.result = RESULT_DELIVERED,
		.reached = REACHED_VERIFIED,
		.required = LEVEL_VERIFY,
		.status = "",
		.remote_mta = "mx.d.example",
		.diagnostic = "",
		.why = "" };
	struct wire_evidence e = { b->personal, b->record };
	struct wire_outcome o = { .seq = ++b->seq,
		.slot = j->slot,
		.lease = j->lease,
		.message = j->message,
		.result_count = 1,
		.result = &r,
		.evidence_count = 1,
		.evidence = &e };

	if (j->rcpt_count != 1 || (j->has_body && j->body.n != b->body.n))
		panic("not the job that was handed in");
	wire_pack_outcome(&b->out, &o);
	say(b, b->courier, WIRE_OUTCOME);
	b->delivered++;
}

static void
report(const struct bench *b)
{
	struct timespec now;
	double s;

	clock_gettime(CLOCK_MONOTONIC, &now);
	s = seconds(&now) - seconds(&b->begun);
	printf("%llu messages of %zu bytes in %.2f s: %.0f a second\n",
	    (unsigned long long)b->total, b->body.n, s, (double)b->total / s);
	fflush(stdout);
}

static enum status
courier_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct bench *b = arg;
	struct unpack u = unpack_from(payload);
	TALLOC_CTX *tmp;
	struct wire_job j;

	if (type == WIRE_JOB) {
		tmp = talloc_new(b);
		if (wire_unpack_job(tmp, payload, &j, why) != ST_OK)
			panic("%s", why->text);
		deliver(b, &j);
		talloc_free(tmp);
	} else if (type == WIRE_SLOT_END) {
		chan_send_span(b->courier, WIRE_SLOT_IDLE, payload);
	} else if (type == WIRE_ACK) {
		b->acked = unpack_u64(&u);
		if (b->acked == b->total) {
			report(b);
			net_real_stop(b->net);
		}
	}
	return ST_OK;
}

static void
lost(void *arg, const char *why)
{
	(void)arg;
	panic("channel closed: %s", why);
}

static const struct chan_ops intake_ops = { intake_frame, intake_batch, lost,
	NULL };
static const struct chan_ops courier_ops = { courier_frame, NULL, lost, NULL };

static void
make_record(struct bench *b)
{
	struct sbuf *personal = talloc_zero(b, struct sbuf);
	struct sbuf *body = talloc_zero(b, struct sbuf);
	const char *rcpt = "user12345@d1.example";
	struct evidence e = { .time = net_wall(b->net),
		.queue_id = "000012345",
		.sender = "sender@client.example",
		.rcpt = &rcpt,
		.rcpt_count = 1,
		.domain = "d1.example",
		.host = "mx1.d1.example",
		.tlsa_base = "mx1.d1.example",
		.dns = "MX d1.example=secure 3600; A mx1.d1.example=secure "
		       "3600; TLSA _25._tcp.mx1.d1.example=secure 3600",
		.required = LEVEL_VERIFY,
		.method = METHOD_DANE,
		.row = "D1 x absent",
		.why = "secure TLSA records (RFC 7672)",
		.outcome = EVIDENCE_DELIVERED,
		.reached = REACHED_VERIFIED,
		.protocol = "TLSv1.3",
		.cipher = "TLS_AES_256_GCM_SHA384",
		.group = "x25519",
		.sni = "mx1.d1.example",
		.matched = "3 1 1",
		.grade = "verified",
		.issuer = "CN=Example CA",
		.reply_code = 250,
		.reply = "2.0.0 Ok: queued as 4Xc8yd2Zq9z1" };

	sbuf_init(personal, b, EVIDENCE_MAX_BYTES);
	sbuf_init(body, b, EVIDENCE_MAX_BYTES);
	evidence_pack(&e, personal, body);
	b->personal = sbuf_view(personal);
	b->record = sbuf_view(body);
}

static void
run_load(struct bench *b, int intake, int courier)
{
	struct wire_hello h = { .instance = (uint64_t)getpid() };

	b->net = net_real_new(b, NULL);
	sbuf_init(&b->out, b, CHAN_FRAME_MAX_BYTES);
	make_record(b);
	b->intake = chan_new(b, b->net, net_real_sock(b, b->net, intake),
	    &intake_ops, b);
	b->courier = chan_new(b, b->net, net_real_sock(b, b->net, courier),
	    &courier_ops, b);
	wire_pack_hello(&b->out, &h);
	say(b, b->courier, WIRE_HELLO);
	clock_gettime(CLOCK_MONOTONIC, &b->begun);
	fill(b);
	net_real_run(b->net);
}

/* ---- the keeper ---- */

static void
count_line(void *arg, enum log_level level, struct span line)
{
	(void)level;
	*(size_t *)arg += line.n;
}

static void
load_ended(void *arg)
{
	net_real_stop(arg);
}

static void
run_keeper(TALLOC_CTX *mem, const char *spec, int intake, int courier)
{
	static size_t logged;
	static struct log log = { LOG_LEVEL_INFO, "keeper", count_line,
		&logged };
	static struct conf conf = {
		.hostname = "gw.example.org",
		.queue_first_retry_ms = 300000,
		.queue_max_retry_ms = 14400000,
		.queue_jitter_percent = 10,
		.queue_lifetime_ms = 432000000,
		.queue_report_lifetime_ms = 172800000,
		.queue_policy_lifetime_ms = 86400000,
		.queue_notice_ms = 14400000,
		.queue_policy_notice_ms = 7200000,
		.queue_concurrency = 20,
		.queue_active = 20000,
		.queue_lease_ms = 3600000,
		.queue_reserve_bytes = 1u << 20,
		.smtp_recipients = 100,
	};
	struct net *net = net_real_new(mem, &log);
	const struct role_env env = { net, &log, &conf };
	struct diag why = { 0 };
	struct keeper *k;

	if (keeper_new(mem, &env, spec, 1, &k, &why) != ST_OK)
		panic("%s", why.text);
	net_real_signal(net, SIGCHLD, load_ended, net);
	keeper_attach_intake(k, 0, net_real_sock(mem, net, intake));
	keeper_attach_courier(k, 0, net_real_sock(mem, net, courier));
	net_real_run(net);
	talloc_free(k);
}

static uint64_t
number(const char *text)
{
	uint64_t n = 0;

	if (span_u64(span_str(text), 100000000, &n) != ST_OK || n == 0) {
		fprintf(stderr, "bench_keeper: %s is no number\n", text);
		exit(2);
	}
	return n;
}

int
main(int argc, char **argv)
{
	TALLOC_CTX *mem;
	struct bench *b;
	int in[2], out[2], opt, status;
	struct rusage used;
	char *spec;
	size_t bytes = 4096;
	double cpu;
	pid_t load;

	status_init();
	mem = talloc_new(NULL);
	b = talloc_zero(mem, struct bench);
	b->total = 50000;
	b->open_max = 200;
	b->domains = 10;
	while ((opt = getopt(argc, argv, "n:o:s:d:")) != -1)
		if (opt == 'n')
			b->total = number(optarg);
		else if (opt == 'o')
			b->open_max = number(optarg);
		else if (opt == 's')
			bytes = (size_t)number(optarg);
		else if (opt == 'd')
			b->domains = number(optarg);
		else
			return 2;
	spec = talloc_asprintf(mem, "sqlite:%s/bench_keeper.db",
	    optind < argc ? argv[optind] : "/tmp");
	b->body = span_of(memset(talloc_size(mem, bytes), 'x', bytes), bytes);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out) != 0)
		panic("socketpair failed");
	load = fork();
	if (load == 0) {
		close(in[1]);
		close(out[1]);
		run_load(b, in[0], out[0]);
		_exit(0);
	}
	close(in[0]);
	close(out[0]);
	run_keeper(mem, spec, in[1], out[1]);
	if (waitpid(load, &status, 0) != load || status != 0)
		return 1;
	getrusage(RUSAGE_SELF, &used);
	cpu = (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec +
	      (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
	printf("keeper: %.1f us CPU a message, %ld MiB resident at most\n",
	    cpu * 1e6 / (double)b->total, used.ru_maxrss / 1024);
	talloc_free(mem);
	return 0;
}
