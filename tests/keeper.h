/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keeper - a keeper on a stepped clock and a real store; the test plays
 * intakes, couriers and the advisor, frame by frame.
 */
#ifndef TESTS_KEEPER_H
#define TESTS_KEEPER_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/roles.h"
#include "gateway/wire.h"
#include "net/chan.h"
#include "tests/faulty.h"
#include "tests/replay/sim.h"

#define MAX_FRAMES 8192u
#define MINUTE     INT64_C(60000)
#define HOUR       (60 * MINUTE)

/* What a client asks of reports (RFC 3461). */
struct asked {
	const unsigned *notify; /* one a recipient; NULL: none gives it */
	const char *orcpt;      /* of all of them; NULL: not given */
	const char *envid;      /* NULL: not given */
	enum dsn_ret ret;
	enum msg_class mclass; /* what its header and envelope make of it */
	const char *marks;     /* NULL: none */
};

static struct asked asked;
static TALLOC_CTX *mem;
static char dir[64];
static char spec[128];
static struct conf conf;
static struct sim *sim;
static struct net *net;
static int64_t wall_off;
static struct keeper *k;
static struct diag why;
static struct sbuf out;
static char log_text_buf[1u << 20];
static size_t log_n;

/* ---- the other side of a channel ---- */

struct frame {
	uint8_t type;
	struct span payload;
};

struct peer {
	struct chan *chan;
	bool closed;
	struct frame frame[MAX_FRAMES];
	unsigned count;
	unsigned read; /* frames looked at */
};

static inline enum status
peer_frame(void *arg, uint8_t type, struct span payload, struct diag *no)
{
	struct peer *p = arg;

	(void)no;
	ck_assert_uint_lt(p->count, MAX_FRAMES);
	p->frame[p->count++] = (struct frame){ type, span_copy(mem, payload) };
	if (type == WIRE_SLOT_END) /* all its jobs were told of */
		chan_send_span(p->chan, WIRE_SLOT_IDLE, payload);
	return ST_OK;
}

static inline void
peer_closed(void *arg, const char *text)
{
	(void)text;
	((struct peer *)arg)->closed = true;
}

static const struct chan_ops peer_ops = {
	.frame = peer_frame,
	.closed = peer_closed,
};

static inline struct peer *
peer_new(struct sock **theirs)
{
	struct peer *p = talloc_zero(mem, struct peer);
	struct sock *mine;

	sim_pair(mem, sim, &mine, theirs);
	p->chan = chan_new(p, net, mine, &peer_ops, p);
	return p;
}

static inline void
run(int64_t ms)
{
	sim_run(sim, ms, NULL, NULL);
}

static inline void
say(struct peer *p, uint8_t type)
{
	ck_assert(!sbuf_failed(&out));
	chan_send_span(p->chan, type, sbuf_view(&out));
	sbuf_reset(&out);
}

/* The next frame of this type not looked at yet; NULL: none. */
static inline const struct frame *
next_frame(struct peer *p, uint8_t type)
{
	while (p->read < p->count)
		if (p->frame[p->read++].type == type)
			return &p->frame[p->read - 1];
	return NULL;
}

/* The payload of the next frame of this type, which must be there. */
static inline struct span
must_frame(struct peer *p, uint8_t type)
{
	const struct frame *f = next_frame(p, type);

	ck_assert_msg(f != NULL, "no frame of type %u", type);
	return f == NULL ? SPAN_NONE : f->payload;
}

static inline unsigned
count_frames(const struct peer *p, uint8_t type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->count; i++)
		n += p->frame[i].type == type;
	return n;
}

/* ---- set-up ---- */

static inline void
collect_log(void *arg, enum log_level level, struct span line)
{
	(void)arg;
	(void)level;
	if (line.n + 1 >= sizeof(log_text_buf) - log_n)
		return;
	memcpy(log_text_buf + log_n, line.p, line.n);
	log_n += line.n;
	log_text_buf[log_n++] = '\n';
	log_text_buf[log_n] = '\0';
}

static struct log logger = {
	.level = LOG_LEVEL_INFO,
	.role = "keeper",
	.write = collect_log,
};

static inline bool
logged(const char *text)
{
	return strstr(log_text_buf, text) != NULL;
}

static inline struct wall
moved_wall(const struct net *n)
{
	return wall_after((struct wall){ INT64_C(1795508513000) },
	    net_now(n).ms + wall_off);
}

static inline void
start(unsigned couriers)
{
	const struct role_env env = { net, &logger, &conf };

	ck_assert_msg(keeper_new(mem, &env, spec, couriers, &k, &why) == ST_OK,
	    "%s", why.text);
}

/* No text of a configuration is NULL. */
static inline void
fill_texts(void)
{
#define OPT_STRING(path, field, def, min, max, reload, doc)                    \
	if (conf.field == NULL)                                                \
		conf.field = "";
#define OPT_PATH OPT_STRING
#define OPT_FLAG(path, field, def, reload, doc)
#define OPT_COUNT(path, field, def, min, max, reload, doc)
#define OPT_SIZE   OPT_COUNT
#define OPT_TIME   OPT_COUNT
#define OPT_CHOICE OPT_COUNT
#include "policy/options.def"
#undef OPT_STRING
#undef OPT_PATH
#undef OPT_FLAG
#undef OPT_COUNT
#undef OPT_SIZE
#undef OPT_TIME
#undef OPT_CHOICE
}

static inline void
set_up(void)
{
	static struct net_ops ops;

	mem = talloc_new(NULL);
	snprintf(dir, sizeof(dir), "/tmp/check_keeper.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(spec, sizeof(spec), "sqlite:%s/spool.db", dir);
	conf = (struct conf){
		.hostname = "gw.example.org",
		.queue_first_retry_ms = 5 * MINUTE,
		.queue_max_retry_ms = 4 * HOUR,
		.queue_jitter_percent = 10,
		.queue_lifetime_ms = 5 * 24 * HOUR,
		.queue_report_lifetime_ms = 2 * 24 * HOUR,
		.queue_policy_lifetime_ms = 24 * HOUR,
		.queue_notice_ms = 4 * HOUR,
		.queue_policy_notice_ms = 2 * HOUR,
		.queue_hold_lifetime_ms = 30 * 24 * HOUR,
		.queue_concurrency = 20,
		.queue_active = 20000,
		.queue_lease_ms = HOUR,
		.queue_reserve_bytes = 1u << 20,
		.smtp_recipients = 100,
	};
	fill_texts();
	sim = sim_new(mem, (struct wall){ INT64_C(1795508513000) }, 42);
	net = sim_net(sim);
	ops = *net->ops;
	ops.wall = moved_wall;
	net->ops = &ops;
	asked = (struct asked){ 0 };
	wall_off = 0;
	failing = FAIL_NONE;
	log_n = 0;
	log_text_buf[0] = '\0';
	sbuf_init(&out, mem, CHAN_FRAME_MAX_BYTES);
	install_faulty_vfs();
}

static inline void
remove_file(const char *suffix)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/spool.db%s", dir, suffix);
	(void)unlink(path);
}

static inline void
tear_down(void)
{
	failing = FAIL_NONE;
	talloc_free(mem);
	remove_file("");
	remove_file("-wal");
	remove_file("-shm");
	remove_file("-room");
	(void)rmdir(dir);
}

/* ---- playing intake ---- */

static inline struct peer *
new_intake(unsigned index)
{
	struct sock *theirs;
	struct peer *p = peer_new(&theirs);

	keeper_attach_intake(k, index, theirs);
	return p;
}

static inline int64_t
take_ids(struct peer *p)
{
	struct unpack u;

	say(p, WIRE_IDS_WANT);
	run(1);
	u = unpack_from(must_frame(p, WIRE_IDS));
	return unpack_i64(&u);
}

static inline void
send_open(struct peer *p, uint32_t session, int64_t id, const char *sender,
    const char **rcpt, const char **domain, uint32_t count)
{
	struct wire_open o = { .session = session,
		.message = id,
		.sender = sender,
		.client = "192.0.2.1",
		.account = "",
		.envid = asked.envid == NULL ? "" : asked.envid,
		.ret = asked.ret,
		.rcpt_count = count };

	o.rcpt = talloc_zero_array(mem, struct wire_open_rcpt, count + 1);
	for (uint32_t i = 0; i < count; i++)
		o.rcpt[i] = (struct wire_open_rcpt){
			.address = rcpt[i],
			.domain = domain[i],
			.notify = asked.notify == NULL ? 0 : asked.notify[i],
			.orcpt = asked.orcpt == NULL ? "" : asked.orcpt,
		};
	wire_pack_open(&out, &o);
	say(p, WIRE_SUBMIT_OPEN);
}

static inline void
send_chunk(struct peer *p, uint32_t session, uint32_t seq, struct span data)
{
	pack_u32(&out, session);
	pack_u32(&out, seq);
	pack_bytes(&out, data);
	say(p, WIRE_SUBMIT_CHUNK);
}

static inline void
send_end(struct peer *p, uint32_t session, uint64_t size)
{
	const struct wire_end e = {
		.session = session,
		.size_bytes = size,
		.mclass = asked.mclass,
		.marks = asked.marks,
	};

	wire_pack_end(&out, &e);
	say(p, WIRE_SUBMIT_END);
}

static const struct span small = { (const uint8_t *)"Subject: s\r\n\r\nx\r\n",
	17 };

static inline void
submit_from(struct peer *p, int64_t id, const char *sender, const char *rcpt,
    const char *domain)
{
	send_open(p, (uint32_t)id, id, sender, &rcpt, &domain, 1);
	send_chunk(p, (uint32_t)id, 0, small);
	send_end(p, (uint32_t)id, small.n);
}

static inline void
submit(struct peer *p, int64_t id, const char *domain)
{
	submit_from(p, id, "a@sender.example",
	    talloc_asprintf(mem, "b@%s", domain), domain);
}

static inline struct wire_done
next_done(struct peer *p)
{
	struct wire_done d;

	ck_assert_int_eq(wire_unpack_done(mem, must_frame(p, WIRE_SUBMIT_DONE),
			     &d, &why),
	    ST_OK);
	return d;
}

static inline bool
room_says(struct peer *p)
{
	const struct frame *f, *last = NULL;

	p->read = 0;
	while ((f = next_frame(p, WIRE_ROOM)) != NULL)
		last = f;
	ck_assert_ptr_nonnull(last);
	return last->payload.p[0] == 1;
}

/* ---- playing courier ---- */

static inline void
send_hello(struct peer *p, uint64_t instance, uint64_t last_seq,
    struct wire_held *held, uint32_t count)
{
	struct wire_hello h = { instance, last_seq, count, held };

	wire_pack_hello(&out, &h);
	say(p, WIRE_HELLO);
}

static inline struct peer *
new_courier(unsigned index, uint64_t instance)
{
	struct sock *theirs;
	struct peer *p = peer_new(&theirs);

	keeper_attach_courier(k, index, theirs);
	send_hello(p, instance, 0, NULL, 0);
	run(1);
	return p;
}

static inline bool
next_job(struct peer *p, struct wire_job *j)
{
	const struct frame *f = next_frame(p, WIRE_JOB);

	if (f != NULL)
		ck_assert_int_eq(wire_unpack_job(mem, f->payload, j, &why),
		    ST_OK);
	return f != NULL;
}

static inline struct wire_job
must_job(struct peer *p)
{
	struct wire_job j;

	ck_assert(next_job(p, &j));
	return j;
}

/* What the slot of a job is of. */
static inline struct dest_key
slot_key_of(const struct peer *p, uint32_t slot)
{
	struct dest_key key = { NULL, CLASS_NORMAL, NULL };

	for (unsigned i = 0; i < p->count; i++) {
		struct unpack u = unpack_from(p->frame[i].payload);

		if (p->frame[i].type != WIRE_SLOT || unpack_u32(&u) != slot)
			continue;
		key = unpack_dest_key(&u, mem);
		ck_assert_int_eq(unpack_done(&u), ST_OK);
	}
	ck_assert_ptr_nonnull(key.domain);
	return key;
}

static inline struct wire_evidence
proof(const char *domain, enum evidence_outcome outcome,
    enum evidence_reached reached)
{
	struct sbuf *personal = talloc_zero(mem, struct sbuf);
	struct sbuf *body = talloc_zero(mem, struct sbuf);
	const char *rcpt = "b@r.example";
	struct evidence e = { .time = net_wall(net),
		.queue_id = "000000001",
		.sender = "a@sender.example",
		.rcpt = &rcpt,
		.rcpt_count = 1,
		.domain = domain,
		.host = "mx.r.example",
		.outcome = outcome,
		.reached = reached };

	sbuf_init(personal, mem, EVIDENCE_MAX_BYTES);
	sbuf_init(body, mem, EVIDENCE_MAX_BYTES);
	evidence_pack(&e, personal, body);
	return (struct wire_evidence){ sbuf_view(personal), sbuf_view(body) };
}

static inline struct wire_rcpt_result
result(int64_t id, enum wire_result r)
{
	bool clear = r == RESULT_DELIVERED;

	return (struct wire_rcpt_result){ .id = id,
		.result = r,
		.reached = clear ? REACHED_PLAIN : REACHED_NOTHING,
		.required = LEVEL_MAY,
		.failure = clear ? FAILURE_NONE : FAILURE_REPLY,
		.status = clear               ? "" :
			  r == RESULT_BOUNCED ? "5.1.1" :
						"4.2.0",
		.remote_mta = "mx.r.example",
		.diagnostic = clear ? "" : "450 try again",
		.why = "" };
}

/* The job's recipients have these results. */
static inline void
tell_results(struct peer *p, uint64_t seq, const struct wire_job *j,
    struct wire_rcpt_result *r, enum evidence_outcome outcome)
{
	struct wire_evidence e = proof("r.example", outcome, REACHED_PLAIN);
	struct wire_outcome o = { .seq = seq,
		.slot = j->slot,
		.lease = j->lease,
		.message = j->message,
		.result_count = j->rcpt_count,
		.result = r,
		.evidence_count = 1,
		.evidence = &e };

	wire_pack_outcome(&out, &o);
	say(p, WIRE_OUTCOME);
}

/* All recipients of the job have this result. */
static inline void
tell(struct peer *p, uint64_t seq, const struct wire_job *j, enum wire_result r)
{
	struct wire_rcpt_result *list = talloc_array(mem,
	    struct wire_rcpt_result, j->rcpt_count);

	for (uint32_t i = 0; i < j->rcpt_count; i++)
		list[i] = result(j->rcpt[i].id, r);
	tell_results(p, seq, j, list,
	    r == RESULT_DELIVERED ? EVIDENCE_DELIVERED : EVIDENCE_DEFERRED);
}

static inline void
tell_failed_by(struct peer *p, uint64_t seq, uint32_t slot,
    enum failure failure, const char *status, const char *text)
{
	struct wire_evidence e = proof("dead.example", EVIDENCE_UNREACHABLE,
	    REACHED_NOTHING);
	struct wire_slot_failed f = { .seq = seq,
		.host = "mx.dead.example",
		.slot = slot,
		.required = LEVEL_VERIFY,
		.failure = failure,
		.status = status,
		.why = text,
		.evidence_count = 1,
		.evidence = &e };

	wire_pack_slot_failed(&out, &f);
	say(p, WIRE_SLOT_FAILED);
}

static inline void
tell_failed(struct peer *p, uint64_t seq, uint32_t slot)
{
	tell_failed_by(p, seq, slot, FAILURE_UNREACHABLE, "4.4.1",
	    "connection refused");
}

static inline uint64_t
last_ack(struct peer *p)
{
	uint64_t seq = 0;

	for (unsigned i = 0; i < p->count; i++)
		if (p->frame[i].type == WIRE_ACK) {
			struct unpack u = unpack_from(p->frame[i].payload);

			seq = unpack_u64(&u);
		}
	return seq;
}

static inline void
send_idle(struct peer *p, uint32_t slot)
{
	pack_u32(&out, slot);
	say(p, WIRE_SLOT_IDLE);
}

/* ---- a courier that goes on by itself ---- */

/* What becomes of mail; reports are always taken. */
enum fate {
	FATE_DELIVERED,   /* to a host that passes nothing on */
	FATE_PASSED,      /* to one that knows DSN */
	FATE_BOUNCED,     /* 550 */
	FATE_PUT_OFF,     /* 450, each recipient */
	FATE_UNREACHABLE, /* the destination: no host answers */
	FATE_POLICY,      /* the destination: no host meets what is required */
	FATE_OWN_POLICY,  /* the same, as a result of each recipient */
};

/* Reports that were sent, by what they tell, and the last of each. */
struct reports {
	unsigned failed, delayed, relayed;
	struct span last_failed, last_delayed, last_relayed;
	int64_t failed_ms, delayed_ms; /* when the last came */
};

struct worker {
	struct peer *courier;
	uint64_t seq;
	enum fate fate;
	const char *passes; /* NULL, or a recipient that is delivered to */
	struct reports got;
};

static inline bool
has_text(struct span a, const char *text)
{
	return memmem(a.p, a.n, text, strlen(text)) != NULL;
}

static inline void
take_report(struct reports *got, struct span body)
{
	if (has_text(body, "Action: failed")) {
		got->failed++;
		got->last_failed = body;
		got->failed_ms = net_now(net).ms;
	} else if (has_text(body, "Action: delayed")) {
		got->delayed++;
		got->last_delayed = body;
		got->delayed_ms = net_now(net).ms;
	} else {
		ck_assert(has_text(body, "Action: relayed"));
		got->relayed++;
		got->last_relayed = body;
	}
}

static inline struct wire_rcpt_result
fated(const struct worker *w, const struct wire_job_rcpt *r)
{
	static const enum wire_result results[] = {
		[FATE_DELIVERED] = RESULT_DELIVERED,
		[FATE_PASSED] = RESULT_DELIVERED,
		[FATE_BOUNCED] = RESULT_BOUNCED,
		[FATE_PUT_OFF] = RESULT_DEFERRED,
		[FATE_UNREACHABLE] = RESULT_DEFERRED,
		[FATE_POLICY] = RESULT_DEFERRED,
		[FATE_OWN_POLICY] = RESULT_DEFERRED,
	};
	bool passes = w->passes != NULL && strcmp(w->passes, r->address) == 0;
	struct wire_rcpt_result out_to = result(r->id,
	    passes ? RESULT_DELIVERED : results[w->fate]);

	out_to.dsn_passed = w->fate == FATE_PASSED;
	if (w->fate == FATE_OWN_POLICY && !passes) {
		out_to.failure = FAILURE_NO_STARTTLS;
		out_to.status = "4.7.5";
		out_to.diagnostic = "";
		out_to.why = "mx.r.example: required encrypt: no STARTTLS";
	}
	return out_to;
}

static inline void
do_job(struct worker *w, const struct wire_job *j)
{
	struct wire_rcpt_result *r;

	if (*j->sender == '\0') {
		take_report(&w->got, j->body);
		tell(w->courier, ++w->seq, j, RESULT_DELIVERED);
		return;
	}
	if (w->fate == FATE_UNREACHABLE) {
		tell_failed(w->courier, ++w->seq, j->slot);
		return;
	}
	if (w->fate == FATE_POLICY) {
		tell_failed_by(w->courier, ++w->seq, j->slot,
		    FAILURE_CERTIFICATE, "4.7.5",
		    "mx.dead.example: required verify by dane: expired");
		return;
	}
	r = talloc_array(mem, struct wire_rcpt_result, j->rcpt_count);
	for (uint32_t i = 0; i < j->rcpt_count; i++)
		r[i] = fated(w, &j->rcpt[i]);
	tell_results(w->courier, ++w->seq, j, r, EVIDENCE_DEFERRED);
}

/* Let so much time go by, in steps of a minute. */
static inline void
work(struct worker *w, int64_t ms)
{
	for (int64_t end = net_now(net).ms + ms; net_now(net).ms < end;) {
		struct wire_job j;

		while (next_job(w->courier, &j))
			do_job(w, &j);
		run(1);
		if (w->courier->read < w->courier->count)
			continue;
		run(end - net_now(net).ms < MINUTE ? end - net_now(net).ms :
						     MINUTE);
	}
}

/* ---- looking into the store ---- */

static inline struct store *
reader(void)
{
	struct store *s = NULL;

	ck_assert_msg(store_open(mem, spec, STORE_READER, &s, &why) == ST_OK,
	    "%s", why.text);
	return s;
}

static inline bool
count_row(void *arg, const struct store_queue_row *q)
{
	(void)q;
	++*(unsigned *)arg;
	return true;
}

static inline unsigned
queued(void)
{
	struct store *s = reader();
	unsigned n = 0;

	ck_assert_int_eq(store_queue_each(s, count_row, &n, &why), ST_OK);
	talloc_free(s);
	return n;
}

static inline bool
check_link(void *arg, const struct store_evidence *e)
{
	struct store_evidence *prev = arg;
	uint8_t hash[EVIDENCE_HASH_BYTES];

	ck_assert_uint_eq(e->seq, prev->seq + 1);
	evidence_link(prev->hash, e->seq, e->body, hash);
	ck_assert_mem_eq(hash, e->hash, sizeof(hash));
	*prev = *e;
	return true;
}

static inline bool
keep_why(void *arg, const struct store_evidence *e)
{
	const char **out_to = arg;
	struct evidence read;

	if (e->outcome != EVIDENCE_EXPIRED)
		return true;
	ck_assert_int_eq(evidence_unpack(mem, e->personal, e->body, &read,
			     &why),
	    ST_OK);
	*out_to = read.why;
	return true;
}

/* Of the last record of a recipient that was given up; "" if none. */
static inline const char *
expiry_reason(void)
{
	const struct store_evidence_query all = { 0 };
	struct store *s = reader();
	const char *text = "";

	ck_assert_int_eq(store_evidence_each(s, &all, keep_why, &text, &why),
	    ST_OK);
	talloc_free(s);
	return text;
}

/* The chain verifies; its length. */
static inline uint64_t
chain(void)
{
	const struct store_evidence_query all = { 0 };
	struct store_evidence prev = { 0 };
	struct store *s = reader();

	ck_assert_int_eq(store_evidence_each(s, &all, check_link, &prev, &why),
	    ST_OK);
	talloc_free(s);
	return prev.seq;
}

static inline bool
keep_row(void *arg, const struct store_queue_row *q)
{
	struct store_queue_row *row = arg;

	*row = *q;
	row->rcpt.address = talloc_strdup(mem, q->rcpt.address);
	row->rcpt.last = talloc_strdup(mem, q->rcpt.last);
	row->message.sender = talloc_strdup(mem, q->message.sender);
	row->dest.domain = talloc_strdup(mem, q->dest.domain);
	row->dest.last = talloc_strdup(mem, q->dest.last);
	row->rcpt.status = talloc_strdup(mem, q->rcpt.status);
	row->rcpt.host = talloc_strdup(mem, q->rcpt.host);
	row->dest.status = talloc_strdup(mem, q->dest.status);
	row->dest.host = talloc_strdup(mem, q->dest.host);
	return true;
}

/* The last row of the queue. */
static inline struct store_queue_row
last_row(void)
{
	struct store *s = reader();
	struct store_queue_row row = { 0 };

	ck_assert_int_eq(store_queue_each(s, keep_row, &row, &why), ST_OK);
	talloc_free(s);
	return row;
}

/* Change the store beside the keeper. */
static inline void
by_hand(const char *sql)
{
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/spool.db", dir);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* ---- the program ---- */

static inline int
keeper_run(const char *name, void (*add_tests)(TCase *tc))
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *sr;
	int failed;

	status_init();
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
