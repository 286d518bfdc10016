/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A keeper on a stepped clock and a real store; the test plays intakes,
 * couriers and the advisor, frame by frame.  Disk failures come from an
 * SQLite VFS that fails when told to.
 */
#include "gateway/roles.h"

#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/wire.h"
#include "net/chan.h"
#include "tests/replay/sim.h"

#define MAX_FRAMES 8192u
#define MINUTE     INT64_C(60000)
#define HOUR       (60 * MINUTE)

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

/* ---- a disk that fails when told to ---- */

enum disk_fault { FAIL_NONE, FAIL_SYNC, FAIL_WRITE, FAIL_FULL };
static enum disk_fault failing;

struct faulty {
	sqlite3_file base;
	sqlite3_file *real;
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs faulty_vfs;

#define REAL(f)    (((struct faulty *)(f))->real)
#define CALL(f, m) (REAL(f)->pMethods->m)

static int
f_close(sqlite3_file *f)
{
	int rc = CALL(f, xClose)(REAL(f));

	sqlite3_free(REAL(f));
	return rc;
}

static int
f_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return CALL(f, xRead)(REAL(f), p, n, at);
}

static int
f_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	if (failing == FAIL_FULL)
		return SQLITE_FULL;
	if (failing == FAIL_WRITE)
		return SQLITE_IOERR_WRITE;
	return CALL(f, xWrite)(REAL(f), p, n, at);
}

static int
f_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	return CALL(f, xTruncate)(REAL(f), n);
}

static int
f_sync(sqlite3_file *f, int flags)
{
	if (failing == FAIL_SYNC)
		return SQLITE_IOERR_FSYNC;
	return CALL(f, xSync)(REAL(f), flags);
}

static int
f_size(sqlite3_file *f, sqlite3_int64 *n)
{
	return CALL(f, xFileSize)(REAL(f), n);
}

static int
f_lock(sqlite3_file *f, int l)
{
	return CALL(f, xLock)(REAL(f), l);
}

static int
f_unlock(sqlite3_file *f, int l)
{
	return CALL(f, xUnlock)(REAL(f), l);
}

static int
f_check(sqlite3_file *f, int *yes)
{
	return CALL(f, xCheckReservedLock)(REAL(f), yes);
}

static int
f_control(sqlite3_file *f, int op, void *arg)
{
	return CALL(f, xFileControl)(REAL(f), op, arg);
}

static int
f_sector(sqlite3_file *f)
{
	return CALL(f, xSectorSize)(REAL(f));
}

static int
f_device(sqlite3_file *f)
{
	return CALL(f, xDeviceCharacteristics)(REAL(f));
}

static int
f_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **at)
{
	return CALL(f, xShmMap)(REAL(f), page, size, extend, at);
}

static int
f_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return CALL(f, xShmLock)(REAL(f), at, n, flags);
}

static void
f_shm_barrier(sqlite3_file *f)
{
	CALL(f, xShmBarrier)(REAL(f));
}

static int
f_shm_unmap(sqlite3_file *f, int del)
{
	return CALL(f, xShmUnmap)(REAL(f), del);
}

static const sqlite3_io_methods faulty_methods = {
	.iVersion = 2,
	.xClose = f_close,
	.xRead = f_read,
	.xWrite = f_write,
	.xTruncate = f_truncate,
	.xSync = f_sync,
	.xFileSize = f_size,
	.xLock = f_lock,
	.xUnlock = f_unlock,
	.xCheckReservedLock = f_check,
	.xFileControl = f_control,
	.xSectorSize = f_sector,
	.xDeviceCharacteristics = f_device,
	.xShmMap = f_shm_map,
	.xShmLock = f_shm_lock,
	.xShmBarrier = f_shm_barrier,
	.xShmUnmap = f_shm_unmap,
};

static int
faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
    int *got)
{
	struct faulty *mine = (struct faulty *)f;
	int rc;

	(void)vfs;
	mine->real = sqlite3_malloc(real_vfs->szOsFile);
	memset(mine->real, 0, (size_t)real_vfs->szOsFile);
	rc = real_vfs->xOpen(real_vfs, name, mine->real, flags, got);
	mine->base.pMethods = rc == SQLITE_OK ? &faulty_methods : NULL;
	if (rc != SQLITE_OK)
		sqlite3_free(mine->real);
	return rc;
}

static void
install_faulty_vfs(void)
{
	sqlite3_initialize();
	real_vfs = sqlite3_vfs_find(NULL);
	faulty_vfs = *real_vfs;
	faulty_vfs.szOsFile = (int)sizeof(struct faulty);
	faulty_vfs.zName = "faulty";
	faulty_vfs.xOpen = faulty_open;
	ck_assert_int_eq(sqlite3_vfs_register(&faulty_vfs, 1), SQLITE_OK);
}

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

static enum status
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

static void
peer_closed(void *arg, const char *text)
{
	(void)text;
	((struct peer *)arg)->closed = true;
}

static const struct chan_ops peer_ops = {
	.frame = peer_frame,
	.closed = peer_closed,
};

static struct peer *
peer_new(struct sock **theirs)
{
	struct peer *p = talloc_zero(mem, struct peer);
	struct sock *mine;

	sim_pair(mem, sim, &mine, theirs);
	p->chan = chan_new(p, net, mine, &peer_ops, p);
	return p;
}

static void
run(int64_t ms)
{
	sim_run(sim, ms, NULL, NULL);
}

static void
say(struct peer *p, uint8_t type)
{
	ck_assert(!sbuf_failed(&out));
	chan_send_span(p->chan, type, sbuf_view(&out));
	sbuf_reset(&out);
}

/* The next frame of this type not looked at yet; NULL: none. */
static const struct frame *
next_frame(struct peer *p, uint8_t type)
{
	while (p->read < p->count)
		if (p->frame[p->read++].type == type)
			return &p->frame[p->read - 1];
	return NULL;
}

/* The payload of the next frame of this type, which must be there. */
static struct span
must_frame(struct peer *p, uint8_t type)
{
	const struct frame *f = next_frame(p, type);

	ck_assert_msg(f != NULL, "no frame of type %u", type);
	return f == NULL ? SPAN_NONE : f->payload;
}

static unsigned
count_frames(const struct peer *p, uint8_t type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->count; i++)
		n += p->frame[i].type == type;
	return n;
}

/* ---- set-up ---- */

static void
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

static bool
logged(const char *text)
{
	return strstr(log_text_buf, text) != NULL;
}

static struct wall
moved_wall(const struct net *n)
{
	return wall_after((struct wall){ INT64_C(1795508513000) },
	    net_now(n).ms + wall_off);
}

static void
start(unsigned couriers)
{
	const struct role_env env = { net, &logger, &conf };

	ck_assert_msg(keeper_new(mem, &env, spec, couriers, &k, &why) == ST_OK,
	    "%s", why.text);
}

static void
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
		.queue_concurrency = 20,
		.queue_active = 20000,
		.queue_lease_ms = HOUR,
		.queue_reserve_bytes = 1u << 20,
		.smtp_recipients = 100,
	};
	sim = sim_new(mem, (struct wall){ INT64_C(1795508513000) }, 42);
	net = sim_net(sim);
	ops = *net->ops;
	ops.wall = moved_wall;
	net->ops = &ops;
	wall_off = 0;
	failing = FAIL_NONE;
	log_n = 0;
	log_text_buf[0] = '\0';
	sbuf_init(&out, mem, CHAN_FRAME_MAX_BYTES);
	install_faulty_vfs();
}

static void
remove_file(const char *suffix)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/spool.db%s", dir, suffix);
	(void)unlink(path);
}

static void
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

static struct peer *
new_intake(unsigned index)
{
	struct sock *theirs;
	struct peer *p = peer_new(&theirs);

	keeper_attach_intake(k, index, theirs);
	return p;
}

static int64_t
take_ids(struct peer *p)
{
	struct unpack u;

	say(p, WIRE_IDS_WANT);
	run(1);
	u = unpack_from(must_frame(p, WIRE_IDS));
	return unpack_i64(&u);
}

static void
send_open(struct peer *p, uint32_t session, int64_t id, const char *sender,
    const char **rcpt, const char **domain, uint32_t count)
{
	struct wire_open o = { .session = session,
		.message = id,
		.sender = sender,
		.client = "192.0.2.1",
		.account = "",
		.envid = "",
		.rcpt_count = count };

	o.rcpt = talloc_zero_array(mem, struct wire_open_rcpt, count + 1);
	for (uint32_t i = 0; i < count; i++)
		o.rcpt[i] = (struct wire_open_rcpt){
			.address = rcpt[i],
			.domain = domain[i],
			.orcpt = "",
		};
	wire_pack_open(&out, &o);
	say(p, WIRE_SUBMIT_OPEN);
}

static void
send_chunk(struct peer *p, uint32_t session, uint32_t seq, struct span data)
{
	pack_u32(&out, session);
	pack_u32(&out, seq);
	pack_bytes(&out, data);
	say(p, WIRE_SUBMIT_CHUNK);
}

static void
send_end(struct peer *p, uint32_t session, uint64_t size)
{
	const struct wire_end e = { .session = session, .size_bytes = size };

	wire_pack_end(&out, &e);
	say(p, WIRE_SUBMIT_END);
}

static const struct span small = { (const uint8_t *)"Subject: s\r\n\r\nx\r\n",
	17 };

static void
submit_from(struct peer *p, int64_t id, const char *sender, const char *rcpt,
    const char *domain)
{
	send_open(p, (uint32_t)id, id, sender, &rcpt, &domain, 1);
	send_chunk(p, (uint32_t)id, 0, small);
	send_end(p, (uint32_t)id, small.n);
}

static void
submit(struct peer *p, int64_t id, const char *domain)
{
	submit_from(p, id, "a@sender.example",
	    talloc_asprintf(mem, "b@%s", domain), domain);
}

static struct wire_done
next_done(struct peer *p)
{
	struct wire_done d;

	ck_assert_int_eq(wire_unpack_done(mem, must_frame(p, WIRE_SUBMIT_DONE),
			     &d, &why),
	    ST_OK);
	return d;
}

static bool
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

static void
send_hello(struct peer *p, uint64_t instance, uint64_t last_seq,
    struct wire_held *held, uint32_t count)
{
	struct wire_hello h = { instance, last_seq, count, held };

	wire_pack_hello(&out, &h);
	say(p, WIRE_HELLO);
}

static struct peer *
new_courier(unsigned index, uint64_t instance)
{
	struct sock *theirs;
	struct peer *p = peer_new(&theirs);

	keeper_attach_courier(k, index, theirs);
	send_hello(p, instance, 0, NULL, 0);
	run(1);
	return p;
}

static bool
next_job(struct peer *p, struct wire_job *j)
{
	const struct frame *f = next_frame(p, WIRE_JOB);

	if (f != NULL)
		ck_assert_int_eq(wire_unpack_job(mem, f->payload, j, &why),
		    ST_OK);
	return f != NULL;
}

static struct wire_job
must_job(struct peer *p)
{
	struct wire_job j;

	ck_assert(next_job(p, &j));
	return j;
}

static struct wire_evidence
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

static struct wire_rcpt_result
result(int64_t id, enum wire_result r)
{
	bool clear = r == RESULT_DELIVERED;

	return (struct wire_rcpt_result){ .id = id,
		.result = r,
		.reached = clear ? REACHED_PLAIN : REACHED_NOTHING,
		.required = LEVEL_MAY,
		.status = clear               ? "" :
			  r == RESULT_BOUNCED ? "5.1.1" :
						"4.2.0",
		.remote_mta = "mx.r.example",
		.diagnostic = clear ? "" : "450 try again",
		.why = "" };
}

/* All recipients of the job have this result. */
static void
tell(struct peer *p, uint64_t seq, const struct wire_job *j, enum wire_result r)
{
	struct wire_evidence e = proof("r.example",
	    r == RESULT_DELIVERED ? EVIDENCE_DELIVERED : EVIDENCE_DEFERRED,
	    REACHED_PLAIN);
	struct wire_outcome o = { .seq = seq,
		.slot = j->slot,
		.lease = j->lease,
		.message = j->message,
		.result_count = j->rcpt_count,
		.evidence_count = 1,
		.evidence = &e };

	o.result = talloc_array(mem, struct wire_rcpt_result, j->rcpt_count);
	for (uint32_t i = 0; i < j->rcpt_count; i++)
		o.result[i] = result(j->rcpt[i].id, r);
	wire_pack_outcome(&out, &o);
	say(p, WIRE_OUTCOME);
}

static void
tell_failed(struct peer *p, uint64_t seq, uint32_t slot)
{
	struct wire_evidence e = proof("dead.example", EVIDENCE_UNREACHABLE,
	    REACHED_NOTHING);
	struct wire_slot_failed f = { .seq = seq,
		.host = "",
		.slot = slot,
		.required = LEVEL_VERIFY,
		.status = "4.4.1",
		.why = "connection refused",
		.evidence_count = 1,
		.evidence = &e };

	wire_pack_slot_failed(&out, &f);
	say(p, WIRE_SLOT_FAILED);
}

static uint64_t
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

static void
send_idle(struct peer *p, uint32_t slot)
{
	pack_u32(&out, slot);
	say(p, WIRE_SLOT_IDLE);
}

/* ---- looking into the store ---- */

static struct store *
reader(void)
{
	struct store *s = NULL;

	ck_assert_msg(store_open(mem, spec, STORE_READER, &s, &why) == ST_OK,
	    "%s", why.text);
	return s;
}

static bool
count_row(void *arg, const struct store_queue_row *q)
{
	(void)q;
	++*(unsigned *)arg;
	return true;
}

static unsigned
queued(void)
{
	struct store *s = reader();
	unsigned n = 0;

	ck_assert_int_eq(store_queue_each(s, count_row, &n, &why), ST_OK);
	talloc_free(s);
	return n;
}

static bool
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

/* The chain verifies; its length. */
static uint64_t
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

static bool
keep_row(void *arg, const struct store_queue_row *q)
{
	struct store_queue_row *row = arg;

	*row = *q;
	row->rcpt.address = talloc_strdup(mem, q->rcpt.address);
	row->rcpt.last = talloc_strdup(mem, q->rcpt.last);
	row->message.sender = talloc_strdup(mem, q->message.sender);
	row->dest.domain = talloc_strdup(mem, q->dest.domain);
	row->dest.last = talloc_strdup(mem, q->dest.last);
	return true;
}

/* The last row of the queue. */
static struct store_queue_row
last_row(void)
{
	struct store *s = reader();
	struct store_queue_row row = { 0 };

	ck_assert_int_eq(store_queue_each(s, keep_row, &row, &why), ST_OK);
	talloc_free(s);
	return row;
}

/* ---- messages on their way in ---- */

START_TEST(a_message_is_answered_when_it_is_on_disk)
{
	struct peer *in;
	struct wire_done d;
	int64_t id;

	start(0);
	in = new_intake(0);
	id = take_ids(in);
	submit(in, id, "r.example");
	run(1);
	d = next_done(in);
	ck_assert_int_eq(d.verdict, VERDICT_QUEUED);
	ck_assert_int_eq(d.message, id);
	ck_assert_uint_eq(queued(), 1);
	ck_assert(logged("info keeper accepted id="));
	ck_assert(room_says(in));
}
END_TEST

START_TEST(all_that_came_in_one_turn_is_one_transaction)
{
	struct peer *a, *b;
	int64_t ida, idb;

	start(0);
	a = new_intake(0);
	b = new_intake(1);
	ida = take_ids(a);
	idb = take_ids(b);
	ck_assert_int_ne(ida, idb);
	for (int64_t i = 0; i < 20; i++) {
		submit(a, ida + i, "r.example");
		submit(b, idb + i, "s.example");
	}
	failing = FAIL_NONE;
	run(1);
	for (int64_t i = 0; i < 20; i++) {
		ck_assert_int_eq(next_done(a).message, ida + i);
		ck_assert_int_eq(next_done(b).message, idb + i);
	}
	ck_assert_uint_eq(queued(), 40);
}
END_TEST

static struct span
big(size_t n)
{
	uint8_t *p = talloc_size(mem, n);

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 7 + i / 251);
	return span_of(p, n);
}

START_TEST(a_large_message_comes_and_goes_in_pieces)
{
	const struct span body = big(3 * WIRE_CHUNK_BYTES + 100);
	const char *rcpt = "b@r.example", *domain = "r.example";
	struct sbuf back;
	struct peer *in, *out_to;
	struct wire_job j;
	uint32_t credit = 0;
	bool last = false;
	int64_t id;

	start(0);
	in = new_intake(0);
	id = take_ids(in);
	send_open(in, 9, id, "a@sender.example", &rcpt, &domain, 1);
	for (uint32_t i = 0; i < 4; i++) {
		struct unpack u;

		send_chunk(in, 9, i,
		    span_sub(body, i * WIRE_CHUNK_BYTES,
			(i + 1) * WIRE_CHUNK_BYTES));
		run(1);
		u = unpack_from(must_frame(in, WIRE_SUBMIT_CREDIT));
		ck_assert_uint_eq(unpack_u32(&u), 9);
		credit += unpack_u32(&u);
		ck_assert_uint_eq(queued(), 0);
	}
	ck_assert_uint_eq(credit, body.n);
	send_end(in, 9, body.n);
	run(1);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
	out_to = new_courier(0, 1);
	j = must_job(out_to);
	ck_assert(!j.has_body);
	ck_assert_uint_eq(j.size_bytes, body.n);
	sbuf_init(&back, mem, 1u << 20);
	for (uint32_t i = 0; !last; i++) {
		struct unpack u;

		pack_u32(&out, j.slot);
		pack_i64(&out, j.message);
		pack_u32(&out, i);
		say(out_to, WIRE_BODY_WANT);
		run(1);
		u = unpack_from(must_frame(out_to, WIRE_BODY));
		ck_assert_uint_eq(unpack_u32(&u), j.slot);
		ck_assert_int_eq(unpack_i64(&u), j.message);
		ck_assert_uint_eq(unpack_u32(&u), i);
		last = unpack_bool(&u);
		sbuf_span(&back, unpack_bytes(&u));
		ck_assert_int_eq(unpack_done(&u), ST_OK);
	}
	ck_assert(span_eq_span(sbuf_view(&back), body));
}
END_TEST

START_TEST(an_aborted_message_leaves_nothing)
{
	const char *rcpt = "b@r.example", *domain = "r.example";
	struct peer *in;
	struct store *s;
	struct store_message m;
	int64_t id;

	start(0);
	in = new_intake(0);
	id = take_ids(in);
	send_open(in, 1, id, "", &rcpt, &domain, 1);
	send_chunk(in, 1, 0, small);
	run(1);
	s = reader();
	ck_assert_int_eq(store_message_get(s, mem, id, &m, &why), ST_OK);
	pack_u32(&out, 1);
	say(in, WIRE_SUBMIT_ABORT);
	run(1);
	ck_assert_int_eq(store_message_get(s, mem, id, &m, &why), ST_NOTFOUND);
	/* The session's number is free again; the id is not. */
	submit(in, id + 1, "r.example");
	run(1);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
	submit(in, id, "r.example");
	run(1);
	ck_assert(in->closed);
}
END_TEST

START_TEST(what_an_intake_left_behind_unfinished_is_dropped)
{
	const char *rcpt = "b@r.example", *domain = "r.example";
	struct peer *in;
	struct store *s;
	struct store_message m;
	int64_t id;

	start(0);
	in = new_intake(0);
	id = take_ids(in);
	send_open(in, 1, id, "", &rcpt, &domain, 1);
	send_chunk(in, 1, 0, small);
	run(1);
	talloc_free(in);
	run(1);
	s = reader();
	ck_assert_int_eq(store_message_get(s, mem, id, &m, &why), ST_NOTFOUND);
	talloc_free(s);
	in = new_intake(0);
	submit(in, take_ids(in), "r.example");
	run(1);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
}
END_TEST

/* A compromised intake: each breach ends the channel and queues nothing. */
static void
breach(unsigned n)
{
	const char *rcpt = "b@r.example", *domain = "r.example";
	const char *bad = "b\r\nRCPT TO:<x@y>@r.example";
	struct peer *in = new_intake(0);
	int64_t id = take_ids(in);

	send_open(in, 1, id + (n == 0 ? WIRE_ID_BLOCK : 0), "",
	    n == 1 ? &bad : &rcpt, &domain, 1);
	if (n == 2) /* the session is in use */
		send_open(in, 1, id + 1, "", &rcpt, &domain, 1);
	if (n == 3) /* the id is */
		send_open(in, 2, id, "", &rcpt, &domain, 1);
	if (n == 4)
		send_chunk(in, 1, 1, small);
	if (n == 5)
		send_end(in, 1, 5);
	if (n == 6)
		send_chunk(in, 1, 0, SPAN_NONE);
	if (n == 7) {
		send_chunk(in, 1, 0, big(WIRE_CHUNK_BYTES));
		send_chunk(in, 1, 1, big(WIRE_CHUNK_BYTES));
		send_chunk(in, 1, 2, small); /* over the window */
	}
	if (n == 8) {
		send_chunk(in, 1, 0, small);
		send_end(in, 1, small.n);
		send_end(in, 1, small.n);
	}
	if (n == 9)
		say(in, WIRE_JOB);
	if (n == 10) {
		say(in, WIRE_IDS_WANT);
		say(in, WIRE_IDS_WANT);
	}
	run(1);
	ck_assert_msg(in->closed, "breach %u", n);
	ck_assert_uint_eq(queued(), n == 8 ? queued() : 0);
}

START_TEST(b3_12_a_hostile_intake_loses_its_channel)
{
	start(0);
	breach((unsigned)_i);
}
END_TEST

START_TEST(after_a_restart_intakes_learn_what_was_committed)
{
	struct peer *in, *courier;
	struct wire_job j;
	int64_t id;

	start(0);
	in = new_intake(0);
	id = take_ids(in);
	submit(in, id, "r.example");
	submit(in, id + 1, "r.example");
	run(1);
	/* One is delivered, and gone, before its intake asks. */
	courier = new_courier(0, 1);
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(1);
	TALLOC_FREE(k);
	start(0);
	in = new_intake(0);
	for (int64_t i = 0; i < 3; i++) {
		pack_u32(&out, 70 + (uint32_t)i);
		pack_i64(&out, id + i);
		say(in, WIRE_SUBMIT_QUERY);
	}
	run(1);
	for (uint32_t i = 0; i < 3; i++) {
		struct wire_done d = next_done(in);

		ck_assert_uint_eq(d.session, 70 + i);
		ck_assert_int_eq(d.message, id + i);
		ck_assert_int_eq(d.verdict,
		    i < 2 ? VERDICT_QUEUED : VERDICT_TRY_LATER);
	}
}
END_TEST

/* ---- messages on their way out ---- */

/* INV-14: delivered, bounced or still queued. */
START_TEST(inv_14_a_delivered_message_is_proven_and_leaves_the_queue)
{
	struct peer *in, *courier;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	ck_assert_ptr_nonnull(next_frame(courier, WIRE_SLOT));
	j = must_job(courier);
	ck_assert(j.has_body);
	ck_assert(span_eq_span(j.body, small));
	ck_assert_str_eq(j.sender, "a@sender.example");
	ck_assert_str_eq(j.rcpt[0].address, "b@r.example");
	ck_assert_uint_eq(j.rcpt[0].attempts, 0);
	ck_assert_uint_eq(queued(), 1);
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(1);
	ck_assert_uint_eq(last_ack(courier), 1);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(chain(), 1);
	/* INV-07: in clear text, and said so. */
	ck_assert(logged("warn keeper delivered id="));
	ck_assert(logged("reached=plaintext"));
	/* The idle connection is let go after a while. */
	ck_assert_uint_eq(count_frames(courier, WIRE_SLOT_END), 0);
	run(2000);
	ck_assert_uint_eq(count_frames(courier, WIRE_SLOT_END), 1);
}
END_TEST

START_TEST(smtp_57_an_outcome_told_twice_counts_once)
{
	struct peer *in, *courier;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_DELIVERED);
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(1);
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(1);
	ck_assert_uint_eq(chain(), 1);
	ck_assert_uint_eq(last_ack(courier), 1);
	ck_assert_uint_eq(count_frames(courier, WIRE_ACK), 2);
	ck_assert(!courier->closed);
}
END_TEST

START_TEST(smtp_54_deferred_mail_is_tried_again_in_its_time)
{
	struct peer *in, *courier;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	for (uint32_t n = 1; n <= 4; n++) {
		int64_t least = 5 * MINUTE * (INT64_C(1) << (n - 1));
		struct wire_job none;

		j = must_job(courier);
		ck_assert_uint_eq(j.rcpt[0].attempts, n - 1);
		tell(courier, n, &j, RESULT_DEFERRED);
		run(least / 10 * 9 - 1000);
		ck_assert(!next_job(courier, &none));
		run(least / 10 * 2 + 2000);
	}
	ck_assert_str_eq(last_row().rcpt.last, "450 try again");
	ck_assert_uint_eq(last_row().rcpt.attempts, 4);
	j = must_job(courier);
	tell(courier, 5, &j, RESULT_DELIVERED);
	run(1);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(chain(), 5);
}
END_TEST

/* SMTP-38: each recipient has a result of its own. */
START_TEST(smtp_38_results_are_kept_recipient_by_recipient)
{
	const char *rcpt[] = { "b@r.example", "c@r.example", "d@r.example",
		"e@r.example" };
	const char *domain[] = { "r.example", "r.example", "r.example",
		"r.example" };
	struct wire_outcome o = { .seq = 1 };
	struct wire_rcpt_result r[3];
	struct peer *in, *courier;
	struct wire_job j, report;
	int64_t id;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	send_open(in, 1, id, "a@sender.example", rcpt, domain, 4);
	send_chunk(in, 1, 0, small);
	send_end(in, 1, small.n);
	run(1);
	j = must_job(courier);
	ck_assert_uint_eq(j.rcpt_count, 4);
	r[0] = result(j.rcpt[0].id, RESULT_DELIVERED);
	r[1] = result(j.rcpt[1].id, RESULT_DEFERRED);
	r[2] = result(j.rcpt[2].id, RESULT_BOUNCED);
	o.lease = j.lease;
	o.slot = j.slot;
	o.message = j.message;
	o.result = r;
	o.result_count = 3;
	wire_pack_outcome(&out, &o);
	say(courier, WIRE_OUTCOME);
	run(1);
	/* c waits, e is still leased, and there is a report about d. */
	ck_assert_uint_eq(queued(), 3);
	report = must_job(courier);
	ck_assert_str_eq(report.rcpt[0].address, "a@sender.example");
	run(10 * MINUTE);
	j = must_job(courier);
	ck_assert_uint_eq(j.rcpt_count, 1);
	ck_assert_str_eq(j.rcpt[0].address, "c@r.example");
}
END_TEST

START_TEST(untried_mail_comes_again_after_a_short_pause)
{
	struct peer *in, *courier;
	struct wire_job j, none;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_UNTRIED);
	run(100);
	ck_assert(!next_job(courier, &none));
	run(500);
	j = must_job(courier);
	ck_assert_uint_eq(j.rcpt[0].attempts, 0);
}
END_TEST

START_TEST(a_courier_that_ends_loses_what_it_held)
{
	struct peer *in, *one, *two;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	one = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	(void)must_job(one);
	talloc_free(one);
	run(1);
	two = new_courier(0, 2);
	run(1000);
	j = must_job(two);
	tell(two, 1, &j, RESULT_DELIVERED);
	run(1);
	ck_assert_uint_eq(queued(), 0);
}
END_TEST

START_TEST(what_a_courier_told_just_before_its_end_counts)
{
	struct peer *in, *courier;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_DELIVERED);
	sim_run(sim, 0, NULL, NULL);
	talloc_free(courier);
	run(5000);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(chain(), 1);
}
END_TEST

START_TEST(a_lease_ends_with_its_time_and_a_late_delivery_still_counts)
{
	struct peer *in, *one, *two;
	struct wire_job j, again;

	start(2);
	in = new_intake(0);
	one = new_courier(0, 1);
	two = new_courier(1, 2);
	submit(in, take_ids(in), "r.example");
	run(1);
	if (!next_job(one, &j)) {
		struct peer *swap = one;

		one = two;
		two = swap;
		j = must_job(one);
	}
	run(HOUR + 1000);
	ck_assert(logged("lease-ended"));
	if (!next_job(two, &again))
		again = must_job(one);
	ck_assert_int_eq(again.rcpt[0].id, j.rcpt[0].id);
	ck_assert_uint_ne(again.lease, j.lease);
	/* Deferred under an ended lease means nothing, delivered does. */
	tell(one, 1, &j, RESULT_DEFERRED);
	run(1);
	ck_assert_uint_eq(last_row().rcpt.attempts, 0);
	tell(one, 2, &j, RESULT_DELIVERED);
	run(1);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(chain(), 2);
}
END_TEST

/* ---- restart ---- */

START_TEST(nothing_goes_out_before_the_couriers_said_what_they_hold)
{
	struct peer *in, *one, *two;
	struct wire_job j;

	start(2);
	in = new_intake(0);
	one = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(5000);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
	ck_assert(!next_job(one, &j));
	two = new_courier(1, 2);
	run(1);
	ck_assert(next_job(one, &j) != next_job(two, &j));
}
END_TEST

START_TEST(a_courier_that_stays_away_does_not_stop_the_queue)
{
	struct peer *in, *one;
	struct wire_job j;

	start(2);
	in = new_intake(0);
	one = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(9000);
	ck_assert(!next_job(one, &j));
	run(2000);
	ck_assert(next_job(one, &j));
	ck_assert(logged("courier-missing"));
}
END_TEST

START_TEST(smtp_57_held_leases_survive_the_keeper)
{
	struct peer *in, *courier;
	struct wire_job j, other;
	struct wire_held held;
	struct sock *theirs;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 77);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	talloc_free(in);
	talloc_free(courier);
	TALLOC_FREE(k);
	start(1);
	courier = peer_new(&theirs);
	keeper_attach_courier(k, 0, theirs);
	held = (struct wire_held){ j.lease, j.message, 1, &j.rcpt[0].id };
	send_hello(courier, 77, 1, &held, 1);
	run(30000);
	ck_assert(!next_job(courier, &other));
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(1);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(last_ack(courier), 1);
	ck_assert_uint_eq(chain(), 1);
}
END_TEST

START_TEST(c14_a_restart_between_commit_and_receipt_repeats_nothing)
{
	struct peer *in, *courier;
	struct wire_job j, other;
	struct wire_held held;
	struct sock *theirs;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 77);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_DEFERRED);
	run(1); /* committed; the receipt gets lost */
	talloc_free(courier);
	TALLOC_FREE(k);
	start(1);
	courier = peer_new(&theirs);
	keeper_attach_courier(k, 0, theirs);
	held = (struct wire_held){ j.lease, j.message, 1, &j.rcpt[0].id };
	send_hello(courier, 77, 1, &held, 1);
	tell(courier, 1, &j, RESULT_DEFERRED);
	run(1);
	ck_assert_uint_eq(last_ack(courier), 1);
	ck_assert_uint_eq(chain(), 1);
	ck_assert_uint_eq(last_row().rcpt.attempts, 1);
	/* And it is not stuck under that lease. */
	run(6 * MINUTE);
	other = must_job(courier);
	ck_assert_uint_eq(other.rcpt[0].attempts, 1);
}
END_TEST

START_TEST(a_channel_that_broke_is_taken_up_with_its_leases)
{
	struct peer *in, *courier, *again;
	struct wire_job j, other;
	struct wire_held held;
	struct sock *theirs;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 77);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	again = peer_new(&theirs);
	keeper_attach_courier(k, 0, theirs);
	held = (struct wire_held){ j.lease, j.message, 1, &j.rcpt[0].id };
	send_hello(again, 77, 0, &held, 1);
	run(5000);
	ck_assert(!next_job(again, &other));
	tell(again, 1, &j, RESULT_DELIVERED);
	run(1);
	ck_assert_uint_eq(queued(), 0);
}
END_TEST

/* RFC 3461 5.2.1: passed on "unchanged", by whichever way to a courier. */
START_TEST(smtp_60_dsn_parameters_reach_the_courier_as_they_came)
{
	struct wire_open_rcpt rcpt = { "B@r.example", "r.example",
		DSN_SUCCESS | DSN_FAILURE, "rfc822;B+2Bb@R.example" };
	struct wire_open o = { .session = 1,
		.sender = "a@sender.example",
		.client = "192.0.2.1",
		.account = "alice",
		.envid = "QQ+2B1",
		.ret = DSN_RET_FULL,
		.rcpt_count = 1,
		.rcpt = &rcpt };
	struct peer *in, *courier;
	struct wire_job j;

	start(_i == 0 ? 1 : 0);
	in = new_intake(0);
	courier = _i == 0 ? new_courier(0, 1) : NULL;
	o.message = take_ids(in);
	wire_pack_open(&out, &o);
	say(in, WIRE_SUBMIT_OPEN);
	send_chunk(in, 1, 0, small);
	send_end(in, 1, small.n);
	run(1);
	if (_i == 1) { /* from disk */
		talloc_free(in);
		TALLOC_FREE(k);
		start(1);
		courier = new_courier(0, 1);
		run(1);
	}
	j = must_job(courier);
	ck_assert_str_eq(j.envid, "QQ+2B1");
	ck_assert_int_eq(j.ret, DSN_RET_FULL);
	ck_assert_uint_eq(j.rcpt[0].notify, DSN_SUCCESS | DSN_FAILURE);
	ck_assert_str_eq(j.rcpt[0].orcpt, "rfc822;B+2Bb@R.example");
}
END_TEST

START_TEST(the_queue_is_there_again_after_a_restart)
{
	struct peer *in, *courier;
	struct wire_job j;
	unsigned n = 0;
	int64_t id;

	start(0);
	in = new_intake(0);
	id = take_ids(in);
	for (int64_t i = 0; i < 100; i++)
		submit(in, id + i, i % 2 ? "r.example" : "s.example");
	run(1);
	talloc_free(in);
	TALLOC_FREE(k);
	start(1);
	courier = new_courier(0, 1);
	for (uint64_t seq = 1; next_job(courier, &j); seq++, n++) {
		tell(courier, seq, &j, RESULT_DELIVERED);
		run(1);
	}
	ck_assert_uint_eq(n, 100);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(chain(), 100);
}
END_TEST

/* ---- destinations ---- */

START_TEST(smtp_34_a_dead_destination_costs_one_timer_and_one_probe)
{
	struct peer *in, *courier;
	struct wire_job j;
	unsigned slots;
	int64_t id;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	for (int64_t i = 0; i < 500; i++)
		submit(in, id + i, "dead.example");
	run(1);
	j = must_job(courier);
	slots = count_frames(courier, WIRE_SLOT);
	ck_assert_uint_le(slots, 4);
	for (uint32_t i = 1; i <= slots; i++)
		tell_failed(courier, i, i);
	run(1);
	ck_assert(logged("destination-deferred domain=dead.example"));
	ck_assert_uint_eq(last_row().dest.failures, 1);
	ck_assert_str_eq(last_row().dest.last, "connection refused");
	ck_assert_int_eq(last_row().dest.required, LEVEL_VERIFY);
	ck_assert_uint_eq(last_row().rcpt.attempts, 0);
	/* More mail for it does not try it; a live one is not held up. */
	courier->read = courier->count;
	submit(in, id + 500, "dead.example");
	submit(in, id + 501, "live.example");
	run(MINUTE);
	j = must_job(courier);
	ck_assert_str_eq(j.rcpt[0].address, "b@live.example");
	tell(courier, slots + 1, &j, RESULT_DELIVERED);
	ck_assert(!next_job(courier, &j));
	run(5 * MINUTE);
	/* One probe, over one connection. */
	ck_assert_uint_eq(count_frames(courier, WIRE_SLOT), slots + 2);
	tell_failed(courier, slots + 2, slots + 2);
	run(8 * MINUTE);
	ck_assert_uint_eq(last_row().dest.failures, 2);
	ck_assert_uint_eq(count_frames(courier, WIRE_SLOT), slots + 2);
}
END_TEST

START_TEST(back_off_outlives_a_restart)
{
	struct peer *in, *courier;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "dead.example");
	run(1);
	j = must_job(courier);
	tell_failed(courier, 1, j.slot);
	run(1);
	talloc_free(courier);
	talloc_free(in);
	TALLOC_FREE(k);
	run(MINUTE);
	start(1);
	courier = new_courier(0, 2);
	run(MINUTE);
	ck_assert(!next_job(courier, &j));
	run(4 * MINUTE);
	ck_assert(next_job(courier, &j));
}
END_TEST

START_TEST(more_than_the_memory_takes_is_read_from_disk_in_turn)
{
	struct peer *in, *courier;
	struct wire_job j;
	bool seen[600] = { false };
	uint64_t seq = 0;
	int64_t id;

	conf.queue_active = 100;
	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	for (int64_t i = 0; i < 600; i++) {
		submit(in, id + i, i % 3 ? "r.example" : "s.example");
		if (i % 50 == 0)
			run(1);
	}
	run(1);
	while (next_job(courier, &j)) {
		ck_assert_int_ge(j.message, id);
		ck_assert(!seen[j.message - id]);
		seen[j.message - id] = true;
		tell(courier, ++seq, &j, RESULT_DELIVERED);
		run(1);
	}
	ck_assert_uint_eq(seq, 600);
	ck_assert_uint_eq(queued(), 0);
}
END_TEST

START_TEST(jobs_on_one_connection_are_bounded_and_topped_up)
{
	struct peer *in, *courier;
	struct wire_job j;
	unsigned out_before;
	int64_t id;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	for (int64_t i = 0; i < 200; i++)
		submit(in, id + i, "r.example");
	run(1);
	out_before = count_frames(courier, WIRE_JOB);
	ck_assert_uint_eq(out_before, 4 * 8);
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(1);
	/* One place is free again, and one connection was earned. */
	ck_assert_uint_gt(count_frames(courier, WIRE_JOB), out_before);
	ck_assert_uint_le(count_frames(courier, WIRE_JOB), out_before + 9);
}
END_TEST

START_TEST(work_is_spread_over_couriers)
{
	struct peer *in, *one, *two;
	int64_t id;

	start(2);
	in = new_intake(0);
	one = new_courier(0, 1);
	two = new_courier(1, 2);
	id = take_ids(in);
	for (int64_t i = 0; i < 40; i++)
		submit(in, id + i, talloc_asprintf(mem, "d%d.example", (int)i));
	run(1);
	ck_assert_uint_eq(count_frames(one, WIRE_SLOT), 20);
	ck_assert_uint_eq(count_frames(two, WIRE_SLOT), 20);
}
END_TEST

START_TEST(a_slot_that_is_gone_gives_its_jobs_back)
{
	struct peer *in, *courier;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	send_idle(courier, j.slot);
	send_idle(courier, 999); /* unknown: crossed on the way */
	run(1000);
	ck_assert_ptr_nonnull(next_frame(courier, WIRE_SLOT));
	(void)must_job(courier);
	ck_assert(!courier->closed);
}
END_TEST

/* ---- hostile couriers ---- */

START_TEST(an_instance_number_that_is_another_courier_s_is_turned_away)
{
	struct peer *in, *courier;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 5);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(1);
	talloc_free(courier);
	courier = new_courier(0, 5); /* which made none */
	run(1);
	ck_assert(courier->closed);
}
END_TEST

START_TEST(b3_12_a_hostile_courier_loses_its_channel)
{
	struct wire_evidence bad = { SPAN_LIT("x"), SPAN_LIT("y") };
	struct wire_outcome o = {
		.seq = 1, .message = 1, .evidence = &bad, .evidence_count = 1
	};
	struct sock *theirs;
	struct peer *p;

	start(1);
	p = peer_new(&theirs);
	keeper_attach_courier(k, 0, theirs);
	if (_i > 0)
		send_hello(p, 1, 0, NULL, 0);
	if (_i == 0) { /* before its hello */
		o.evidence_count = 0;
		wire_pack_outcome(&out, &o);
		say(p, WIRE_OUTCOME);
	}
	if (_i == 1)
		send_hello(p, 1, 0, NULL, 0);
	if (_i == 2) { /* a record that is none */
		wire_pack_outcome(&out, &o);
		say(p, WIRE_OUTCOME);
	}
	if (_i == 3) { /* no number */
		o.seq = 0;
		o.evidence_count = 0;
		wire_pack_outcome(&out, &o);
		say(p, WIRE_OUTCOME);
	}
	if (_i == 4)
		say(p, WIRE_SUBMIT_OPEN);
	if (_i == 5)
		say(p, WIRE_BODY_WANT);
	run(1);
	ck_assert(p->closed);
	ck_assert_uint_eq(chain(), 0);
}
END_TEST

START_TEST(an_outcome_of_what_was_never_leased_changes_no_message)
{
	struct peer *in, *one, *two;
	struct wire_job j;

	start(2);
	in = new_intake(0);
	one = new_courier(0, 1);
	two = new_courier(1, 2);
	submit(in, take_ids(in), "r.example");
	run(1);
	if (!next_job(one, &j)) {
		two = one;
		j = must_job(two);
	}
	j.lease++;
	tell(two, 1, &j, RESULT_BOUNCED);
	run(1);
	ck_assert_uint_eq(queued(), 1);
	ck_assert(!logged("report"));
}
END_TEST

/* ---- reports and expiry ---- */

START_TEST(smtp_63_a_bounce_is_told_to_the_sender_under_a_null_path)
{
	struct peer *in, *courier;
	struct wire_job j, report;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_BOUNCED);
	run(1);
	report = must_job(courier);
	ck_assert_str_eq(report.sender, "");
	ck_assert_str_eq(report.rcpt[0].address, "a@sender.example");
	ck_assert_uint_eq(report.flags & MESSAGE_REPORT, MESSAGE_REPORT);
	ck_assert_ptr_nonnull(memmem(report.body.p, report.body.n,
	    "multipart/report", 16));
	ck_assert_ptr_nonnull(memmem(report.body.p, report.body.n,
	    "Status: 5.1.1", 13));
	ck_assert_ptr_nonnull(memmem(report.body.p, report.body.n, "Subject: s",
	    10)); /* the original's header */
	ck_assert_uint_eq(queued(), 1);
	/* SMTP-55: no report about a report. */
	tell(courier, 2, &report, RESULT_BOUNCED);
	run(1);
	ck_assert_uint_eq(queued(), 0);
}
END_TEST

START_TEST(smtp_69_one_report_lists_all_that_bounced_together)
{
	const char *rcpt[] = { "b@r.example", "c@r.example", "d@r.example" };
	const char *domain[] = { "r.example", "r.example", "r.example" };
	struct peer *in, *courier;
	struct wire_job j, report;
	struct span at;
	unsigned n = 0;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	send_open(in, 1, take_ids(in), "a@sender.example", rcpt, domain, 3);
	send_chunk(in, 1, 0, small);
	send_end(in, 1, small.n);
	run(1);
	j = must_job(courier);
	ck_assert_uint_eq(j.rcpt_count, 3);
	tell(courier, 1, &j, RESULT_BOUNCED);
	run(1);
	report = must_job(courier);
	ck_assert_uint_eq(queued(), 1);
	for (at = report.body; at.n > 0; n++) {
		const uint8_t *p = memmem(at.p, at.n, "Final-Recipient", 15);

		if (p == NULL)
			break;
		at = span_sub(at, (size_t)(p - at.p) + 1, at.n);
	}
	ck_assert_uint_eq(n, 3);
}
END_TEST

START_TEST(smtp_56_mail_with_a_null_path_is_never_answered)
{
	struct peer *in, *courier;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit_from(in, take_ids(in), "", "b@r.example", "r.example");
	run(1);
	j = must_job(courier);
	ck_assert_str_eq(j.sender, "");
	tell(courier, 1, &j, RESULT_BOUNCED);
	run(1);
	ck_assert_uint_eq(queued(), 0);
	ck_assert(!next_job(courier, &j));
}
END_TEST

/* SMTP-54, SMTP-68: bounce right after expiry with the last reason. */
START_TEST(smtp_68_expired_mail_is_given_up_with_its_last_reason)
{
	struct peer *in, *courier;
	struct wire_job j;
	uint64_t seq = 0;
	bool reported = false;

	conf.queue_lifetime_ms = 2 * HOUR;
	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	for (int i = 0; i < 30 && !reported; i++) {
		while (next_job(courier, &j) && !reported) {
			reported = *j.sender == '\0';
			if (!reported)
				tell(courier, ++seq, &j, RESULT_DEFERRED);
			run(1);
		}
		if (!reported)
			run(5 * MINUTE);
	}
	ck_assert(reported);
	ck_assert_int_ge(net_now(net).ms, 2 * HOUR);
	ck_assert_int_le(net_now(net).ms, 2 * HOUR + 5 * MINUTE);
	ck_assert(logged("info keeper expired id="));
	ck_assert_ptr_nonnull(memmem(j.body.p, j.body.n, "Status: 4.4.7", 13));
	ck_assert_ptr_nonnull(memmem(j.body.p, j.body.n, "Action: failed", 14));
	ck_assert_ptr_nonnull(memmem(j.body.p, j.body.n, "450 try again", 13));
	ck_assert_uint_eq(queued(), 1); /* the report */
	ck_assert_uint_eq(chain(), seq + 1);
}
END_TEST

START_TEST(mail_for_a_destination_that_backs_off_expires_too)
{
	struct peer *in, *courier;
	struct wire_job j;
	int64_t id;

	conf.queue_lifetime_ms = HOUR;
	conf.queue_first_retry_ms = 3 * HOUR;
	start(1);
	/* One more try for all after a start: then expiry begins. */
	run(4 * HOUR);
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	for (int64_t i = 0; i < 300; i++)
		submit(in, id + i, "dead.example");
	run(1);
	j = must_job(courier);
	for (uint32_t i = 1; i <= 4; i++)
		tell_failed(courier, i, i);
	run(59 * MINUTE);
	ck_assert_uint_eq(queued(), 300);
	courier->read = courier->count;
	run(2 * MINUTE);
	ck_assert_uint_eq(queued(), 300); /* reports, one for each */
	ck_assert_uint_eq(chain(), 4 + 300);
	j = must_job(courier);
	ck_assert_ptr_nonnull(memmem(j.body.p, j.body.n, "connection refused",
	    18));
}
END_TEST

START_TEST(leased_mail_does_not_expire_under_way)
{
	struct peer *in, *courier;
	struct wire_job j;

	conf.queue_lifetime_ms = 10 * MINUTE;
	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	run(20 * MINUTE);
	ck_assert(!logged("expired"));
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(MINUTE);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(chain(), 1);
}
END_TEST

/* C13: no mass expiry, no retry storm. */
START_TEST(c13_a_clock_that_jumps_expires_nothing_untried)
{
	struct peer *in, *courier;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_DEFERRED);
	run(1);
	wall_off = 365 * 24 * HOUR;
	run(4 * MINUTE); /* the next frame or timer sees it */
	submit(in, take_ids(in), "s.example");
	run(1);
	ck_assert(logged("clock-set"));
	ck_assert(!logged("expired"));
	ck_assert_uint_eq(queued(), 2);
	/* Back in time: what was deferred must not wait for a year. */
	wall_off = 0;
	submit(in, take_ids(in), "s.example");
	run(10 * MINUTE);
	ck_assert(!logged("expired"));
	for (unsigned i = 0; i < courier->count; i++)
		if (courier->frame[i].type == WIRE_JOB) {
			ck_assert_int_eq(wire_unpack_job(mem,
					     courier->frame[i].payload, &j,
					     &why),
			    ST_OK);
			if (j.rcpt[0].attempts == 1)
				return;
		}
	ck_abort_msg("the deferred message was not tried again");
}
END_TEST

/* ---- the MTA-STS cache ---- */

static struct sts_entry
policy(const char *domain)
{
	return (struct sts_entry){ .domain = domain,
		.has_policy = true,
		.id = "1",
		.fetched = net_wall(net),
		.policy = { .mode = STS_ENFORCE,
		    .max_age_s = 86400,
		    .mx_count = 1,
		    .mx = { "mx.example" } } };
}

static struct peer *
new_advisor(void)
{
	struct sock *theirs;
	struct peer *p = peer_new(&theirs);

	keeper_attach_advisor(k, theirs);
	run(1);
	return p;
}

START_TEST(policies_are_kept_for_the_next_advisor)
{
	struct sts_entry e = policy("a.example");
	struct peer *p;

	start(0);
	p = new_advisor();
	ck_assert_uint_eq(count_frames(p, WIRE_STS_ENTRY), 0);
	ck_assert_uint_eq(count_frames(p, WIRE_STS_LOADED), 1);
	wire_pack_sts(&out, &e);
	say(p, WIRE_STS_ENTRY);
	run(1);
	talloc_free(p);
	TALLOC_FREE(k);
	start(0);
	p = new_advisor();
	ck_assert_int_eq(wire_unpack_sts(mem, must_frame(p, WIRE_STS_ENTRY), &e,
			     &why),
	    ST_OK);
	ck_assert_str_eq(e.domain, "a.example");
	ck_assert_int_eq(e.policy.mode, STS_ENFORCE);
	ck_assert_ptr_nonnull(next_frame(p, WIRE_STS_LOADED));
}
END_TEST

static void
by_hand(const char *sql)
{
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/spool.db", dir);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

START_TEST(b2_12_a_damaged_policy_holds_mail_and_is_never_no_policy)
{
	struct sts_entry a = policy("a.example"), b = policy("b.example");
	struct sts_entry e;
	unsigned seen = 0;
	struct peer *p;

	start(0);
	p = new_advisor();
	wire_pack_sts(&out, &a);
	say(p, WIRE_STS_ENTRY);
	wire_pack_sts(&out, &b);
	say(p, WIRE_STS_ENTRY);
	run(1);
	by_hand(
	    "UPDATE sts_policy SET data = x'00' WHERE domain = 'b.example'");
	p = new_advisor();
	for (unsigned i = 0; i < p->count; i++) {
		if (p->frame[i].type != WIRE_STS_ENTRY)
			continue;
		seen++;
		ck_assert_int_eq(wire_unpack_sts(mem, p->frame[i].payload, &e,
				     &why),
		    ST_OK);
		ck_assert(e.has_policy);
		ck_assert_int_eq(e.policy.mode, STS_ENFORCE);
		ck_assert(sts_cache_live(&e, net_wall(net)));
		if (strcmp(e.domain, "b.example") != 0)
			continue;
		ck_assert(!sts_policy_matches(&e.policy, "mx.example"));
		/* A record with any id has it fetched anew. */
		ck_assert_int_eq(sts_cache_step(&e, STS_TXT_ID, "1",
				     net_wall(net), 300000),
		    STS_STEP_FETCH);
	}
	ck_assert_uint_eq(seen, 2);
	ck_assert_uint_eq(count_frames(p, WIRE_STS_LOADED), 1);
	ck_assert(logged("error keeper policy-damaged"));
}
END_TEST

START_TEST(a_hostile_advisor_loses_its_channel)
{
	struct peer *p;

	start(0);
	p = new_advisor();
	pack_str(&out, "half an entry");
	say(p, WIRE_STS_ENTRY);
	run(1);
	ck_assert(p->closed);
	p = new_advisor();
	say(p, WIRE_HELLO);
	run(1);
	ck_assert(p->closed);
}
END_TEST

/* ---- trouble with the disk ---- */

START_TEST(c7_on_a_full_disk_mail_is_refused_and_deliveries_count)
{
	struct peer *in, *courier;
	struct wire_job j;
	int64_t id;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	submit(in, id, "r.example");
	run(1);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
	j = must_job(courier);
	failing = FAIL_FULL;
	submit(in, id + 1, "r.example");
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(100);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_NO_SPACE);
	ck_assert_uint_eq(last_ack(courier), 0);
	ck_assert(!room_says(in));
	in->read = in->count;
	submit(in, id + 2, "r.example");
	run(100);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_NO_SPACE);
	/* Space comes back: all by itself, within five seconds. */
	failing = FAIL_NONE;
	run(5000);
	ck_assert_uint_eq(last_ack(courier), 1);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(chain(), 1);
	ck_assert(room_says(in));
	in->read = in->count;
	submit(in, id + 3, "r.example");
	run(100);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
	(void)must_job(courier);
}
END_TEST

START_TEST(c7_below_the_reserve_mail_is_refused_early)
{
	struct peer *in;

	conf.queue_reserve_bytes = UINT64_C(1) << 60;
	start(0);
	in = new_intake(0);
	run(1);
	ck_assert(!room_says(in));
	in->read = 0;
	submit(in, take_ids(in), "r.example");
	run(1);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_NO_SPACE);
	conf.queue_reserve_bytes = 1u << 20;
	keeper_reload(k, &conf);
	run(1);
	ck_assert(room_says(in));
}
END_TEST

/* C17: a failed write is answered by 4xx, and the store begins afresh. */
START_TEST(c17_a_failed_write_is_refused_and_the_store_opened_afresh)
{
	const char *rcpt = "b@r.example", *domain = "r.example";
	struct peer *in, *courier;
	struct wire_job j;
	struct wire_done d;
	uint64_t epoch;
	int64_t id;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	submit(in, id, "r.example");
	submit(in, id + 1, "r.example");
	send_open(in, 9, id + 9, "", &rcpt, &domain, 1);
	send_chunk(in, 9, 0, small); /* half of a message is stored */
	run(1);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
	j = must_job(courier);
	epoch = j.lease >> 32;
	failing = FAIL_WRITE;
	submit(in, id + 2, "r.example");
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(3000);
	ck_assert(logged("error keeper store-failed"));
	ck_assert_int_eq(next_done(in).message, id + 9);
	submit(in, id + 3, "r.example");
	run(100);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_TRY_LATER);
	failing = FAIL_NONE;
	run(70000);
	ck_assert(logged("store-opened"));
	d = next_done(in); /* of which nobody knew until then */
	ck_assert_int_eq(d.message, id + 2);
	ck_assert_int_eq(d.verdict, VERDICT_TRY_LATER);
	ck_assert_uint_eq(last_ack(courier), 1);
	ck_assert_uint_eq(chain(), 1);
	submit(in, id + 4, "s.example");
	run(100);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
	ck_assert_uint_eq(queued(), 2); /* the second, and the last */
	while (next_job(courier, &j))
		if (j.message == id + 4)
			break;
	ck_assert_uint_gt(j.lease >> 32, epoch);
}
END_TEST

/*
 * A commit whose sync failed is an unknown outcome: the answer waits until
 * the disk was read, and is what the disk says.
 */
START_TEST(c17_after_a_failed_sync_the_disk_decides_and_not_memory)
{
	struct peer *in, *courier;
	struct wire_job j;
	struct wire_done d[2];
	unsigned told = 0, in_queue;
	int64_t id;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	submit(in, id, "r.example");
	run(1);
	(void)next_done(in);
	j = must_job(courier);
	failing = FAIL_SYNC;
	submit(in, id + 1, "r.example");
	submit(in, id + 2, "s.example");
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(100);
	ck_assert_ptr_null(next_frame(in, WIRE_SUBMIT_DONE));
	ck_assert_uint_eq(last_ack(courier), 0);
	failing = FAIL_NONE;
	run(70000);
	d[0] = next_done(in);
	d[1] = next_done(in);
	for (unsigned i = 0; i < 2; i++)
		told += d[i].verdict == VERDICT_QUEUED;
	in_queue = queued();
	ck_assert_uint_eq(in_queue, told);
	ck_assert_uint_eq(last_ack(courier), 1);
	ck_assert_uint_eq(chain(), 1);
	/* What is queued goes out, once. */
	courier->read = 0;
	for (uint64_t seq = 2; next_job(courier, &j);) {
		if (j.message == id)
			continue;
		tell(courier, seq++, &j, RESULT_DELIVERED);
		run(1000);
	}
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(chain(), 1 + told);
}
END_TEST

START_TEST(content_that_cannot_be_read_stops_its_message_alone)
{
	struct peer *in, *courier;
	struct wire_job j;
	int64_t id;

	start(0);
	in = new_intake(0);
	id = take_ids(in);
	submit(in, id, "r.example");
	submit(in, id + 1, "r.example");
	run(1);
	talloc_free(in);
	TALLOC_FREE(k);
	by_hand("DELETE FROM chunk WHERE id IN (SELECT min(id) FROM chunk)");
	start(1);
	courier = new_courier(0, 1);
	run(1);
	j = must_job(courier);
	ck_assert_int_eq(j.message, id + 1);
	ck_assert(!next_job(courier, &j));
	ck_assert(logged("error keeper content-missing id="));
	ck_assert_uint_eq(queued(), 2);
}
END_TEST

START_TEST(an_earlier_keeper_is_fenced_by_a_later_one)
{
	struct keeper *old;
	struct peer *in, *courier;
	struct wire_job j;
	int64_t id;

	start(1);
	old = k;
	in = new_intake(0);
	id = take_ids(in);
	start(1); /* takes over; in still talks to the old one */
	submit(in, id, "r.example");
	run(1);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_TRY_LATER);
	ck_assert(logged("error keeper fenced"));
	ck_assert_uint_eq(queued(), 0);
	k = old;
	courier = new_courier(0, 1);
	run(MINUTE);
	ck_assert(!next_job(courier, &j));
}
END_TEST

/* ---- the end ---- */

static void
set_true(void *arg)
{
	*(bool *)arg = true;
}

START_TEST(draining_waits_for_what_is_out_and_hands_out_nothing_more)
{
	struct peer *in, *courier;
	bool drained = false;
	struct wire_job j;
	int64_t id;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	submit(in, id, "r.example");
	run(1);
	j = must_job(courier);
	keeper_drain(k, set_true, &drained);
	submit(in, id + 1, "s.example");
	run(10000);
	ck_assert(!drained);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(10);
	ck_assert(drained);
	ck_assert_uint_eq(last_ack(courier), 1);
	ck_assert_uint_eq(count_frames(courier, WIRE_JOB), 1);
	ck_assert_uint_eq(queued(), 1);
}
END_TEST

START_TEST(idle_destinations_and_old_numbers_are_tidied_away)
{
	struct peer *in, *courier;
	struct wire_job j;
	struct store *s;
	struct store_dest d;
	int64_t before, id;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	submit(in, id, "r.example");
	run(1);
	before = last_row().dest.id;
	j = must_job(courier);
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(2000);
	send_idle(courier, j.slot);
	run(2 * MINUTE);
	s = reader();
	/* A reader cannot make it: it is not found. */
	ck_assert_int_ne(store_dest_get(s, mem, "r.example", CLASS_NORMAL, &d,
			     &why),
	    ST_OK);
	talloc_free(s);
	submit(in, id + 1, "r.example");
	run(1);
	ck_assert_int_ge(last_row().dest.id, before);
	(void)must_job(courier);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, a_message_is_answered_when_it_is_on_disk);
	tcase_add_test(tc, all_that_came_in_one_turn_is_one_transaction);
	tcase_add_test(tc, a_large_message_comes_and_goes_in_pieces);
	tcase_add_test(tc, an_aborted_message_leaves_nothing);
	tcase_add_test(tc, what_an_intake_left_behind_unfinished_is_dropped);
	tcase_add_loop_test(tc, b3_12_a_hostile_intake_loses_its_channel, 0,
	    11);
	tcase_add_test(tc, after_a_restart_intakes_learn_what_was_committed);
	tcase_add_test(tc,
	    inv_14_a_delivered_message_is_proven_and_leaves_the_queue);
	tcase_add_test(tc, smtp_57_an_outcome_told_twice_counts_once);
	tcase_add_test(tc, smtp_54_deferred_mail_is_tried_again_in_its_time);
	tcase_add_test(tc, smtp_38_results_are_kept_recipient_by_recipient);
	tcase_add_test(tc, untried_mail_comes_again_after_a_short_pause);
	tcase_add_test(tc, a_courier_that_ends_loses_what_it_held);
	tcase_add_test(tc, what_a_courier_told_just_before_its_end_counts);
	tcase_add_test(tc,
	    a_lease_ends_with_its_time_and_a_late_delivery_still_counts);
	tcase_add_test(tc,
	    nothing_goes_out_before_the_couriers_said_what_they_hold);
	tcase_add_test(tc, a_courier_that_stays_away_does_not_stop_the_queue);
	tcase_add_test(tc, smtp_57_held_leases_survive_the_keeper);
	tcase_add_test(tc,
	    c14_a_restart_between_commit_and_receipt_repeats_nothing);
	tcase_add_test(tc, a_channel_that_broke_is_taken_up_with_its_leases);
	tcase_add_loop_test(tc,
	    smtp_60_dsn_parameters_reach_the_courier_as_they_came, 0, 2);
	tcase_add_test(tc, the_queue_is_there_again_after_a_restart);
	tcase_add_test(tc,
	    smtp_34_a_dead_destination_costs_one_timer_and_one_probe);
	tcase_add_test(tc, back_off_outlives_a_restart);
	tcase_add_test(tc,
	    more_than_the_memory_takes_is_read_from_disk_in_turn);
	tcase_add_test(tc, jobs_on_one_connection_are_bounded_and_topped_up);
	tcase_add_test(tc, work_is_spread_over_couriers);
	tcase_add_test(tc, a_slot_that_is_gone_gives_its_jobs_back);
}

static void
add_more_tests(TCase *tc)
{
	tcase_add_loop_test(tc, b3_12_a_hostile_courier_loses_its_channel, 0,
	    6);
	tcase_add_test(tc,
	    an_instance_number_that_is_another_courier_s_is_turned_away);
	tcase_add_test(tc,
	    an_outcome_of_what_was_never_leased_changes_no_message);
	tcase_add_test(tc,
	    smtp_63_a_bounce_is_told_to_the_sender_under_a_null_path);
	tcase_add_test(tc, smtp_69_one_report_lists_all_that_bounced_together);
	tcase_add_test(tc, smtp_56_mail_with_a_null_path_is_never_answered);
	tcase_add_test(tc,
	    smtp_68_expired_mail_is_given_up_with_its_last_reason);
	tcase_add_test(tc, mail_for_a_destination_that_backs_off_expires_too);
	tcase_add_test(tc, leased_mail_does_not_expire_under_way);
	tcase_add_test(tc, c13_a_clock_that_jumps_expires_nothing_untried);
	tcase_add_test(tc, policies_are_kept_for_the_next_advisor);
	tcase_add_test(tc,
	    b2_12_a_damaged_policy_holds_mail_and_is_never_no_policy);
	tcase_add_test(tc, a_hostile_advisor_loses_its_channel);
	tcase_add_test(tc,
	    c7_on_a_full_disk_mail_is_refused_and_deliveries_count);
	tcase_add_test(tc, c7_below_the_reserve_mail_is_refused_early);
	tcase_add_test(tc,
	    c17_a_failed_write_is_refused_and_the_store_opened_afresh);
	tcase_add_test(tc,
	    c17_after_a_failed_sync_the_disk_decides_and_not_memory);
	tcase_add_test(tc, content_that_cannot_be_read_stops_its_message_alone);
	tcase_add_test(tc, an_earlier_keeper_is_fenced_by_a_later_one);
	tcase_add_test(tc,
	    draining_waits_for_what_is_out_and_hands_out_nothing_more);
	tcase_add_test(tc, idle_destinations_and_old_numbers_are_tidied_away);
}

int
main(void)
{
	Suite *suite = suite_create("keeper");
	TCase *tc = tcase_create("keeper");
	SRunner *sr;
	int failed;

	status_init();
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	add_tests(tc);
	add_more_tests(tc);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
