/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * collector - reads mail for tlsrpt.receive, one at a time, and counts what
 * it reports.  Bytes of strangers are unpacked and parsed here and nowhere
 * else, in a process that holds no key, no mail but this one and no
 * connection; where it dies of them, the keeper sets that mail aside.
 *
 *	idle --COLLECT--> fetching --all pieces--> (read, COLLECTED) --> idle
 */
#include <unistd.h>

#include "gateway/ingest.h"
#include "gateway/rejoin.h"
#include "gateway/wire.h"
#include "net/chan.h"
#include "report/tlsrpt_read.h"

/* Ours: what is read within bounds takes a second; then the process ends. */
#define READ_LIMIT_S     60u
#define TIDY_MS          INT64_C(86400000)
#define TIDY_FIRST_MS    60000
#define SOURCE_MAX_BYTES 400u

struct collector {
	struct role_env env;
	struct chan *keeper;
	struct rejoin *rejoin;
	struct received *db; /* NULL: it could not be opened yet */
	struct net_timer *tidy;
	/* the mail at hand; job NULL: idle */
	struct wire_collect *job;
	struct sbuf body; /* in job */
	uint32_t seq;     /* of the piece that is waited for */
	struct sbuf scratch;
};

static void
tell(struct collector *c, uint8_t type)
{
	invariant(!sbuf_failed(&c->scratch));
	if (c->keeper != NULL)
		chan_send_span(c->keeper, type, sbuf_view(&c->scratch));
}

static void
say_ready(struct collector *c)
{
	sbuf_reset(&c->scratch);
	tell(c, WIRE_COLLECT_READY);
}

static void
answer(struct collector *c, enum wire_collect_verdict verdict, const char *why)
{
	const struct wire_collected out = { c->job->lease, verdict,
		span_print(c->job, span_str(why), WIRE_COLLECT_WHY_BYTES) };

	sbuf_reset(&c->scratch);
	wire_pack_collected(&c->scratch, &out);
	tell(c, WIRE_COLLECTED);
	TALLOC_FREE(c->job);
	say_ready(c);
}

/* ---- the file ---- */

static enum status
open_db(struct collector *c, struct diag *why)
{
	char *path;
	enum status st;

	if (c->db != NULL)
		return ST_OK;
	path = ingest_path(c, c->env.conf);
	st = received_open(c, path, true, &c->db, why);
	talloc_free(path);
	return st;
}

static void
log_report(void *arg, const struct ingest_report *r)
{
	struct collector *c = arg;
	struct logline l = logline_begin(c->env.log, LOG_LEVEL_INFO,
	    r->known ? "tls-report-known" : "tls-report");
	char id[QUEUE_ID_BYTES];

	logline_str(&l, "id", queue_id_text(c->job->message, id));
	logline_str(&l, "reporter", r->organization);
	logline_str(&l, "report", r->id);
	logline_str(&l, "domain", r->domain);
	logline_i64(&l, "succeeded", (int64_t)r->success);
	logline_i64(&l, "failed", (int64_t)r->failure);
	logline_end(&l);
}

static struct ingest
ingest_of(struct collector *c, const char *source)
{
	return (struct ingest){
		.db = c->db,
		.source = source,
		.now = net_wall(c->env.net),
		.keep_ms = c->env.conf->tlsrpt_received_ms,
		.taken = log_report,
		.arg = c,
	};
}

/* Reports go for their age while none comes, too. */
static void
tidy(void *arg)
{
	struct collector *c = arg;
	struct diag why = { 0 };
	uint64_t count = 0;
	enum status st = open_db(c, &why);

	net_timer_set(c->tidy, mono_after(net_now(c->env.net), TIDY_MS));
	if (st == ST_OK) {
		const struct ingest in = ingest_of(c, "");

		st = ingest_forget(&in, &count, &why);
	}
	if (st != ST_OK)
		log_text(c->env.log, LOG_LEVEL_WARN, "tls-reports-not-written",
		    "%s", why.text);
}

/* ---- one mail ---- */

/* SIGALRM ends the process: no signal handler is set for it. */
static enum status
read_in_time(struct collector *c, struct diag *why)
{
	const char *source = span_print(c->job,
	    span_str(talloc_asprintf(c->job, "mail of <%s> from %s",
		c->job->sender, c->job->client)),
	    SOURCE_MAX_BYTES);
	const struct ingest in = ingest_of(c, source);
	enum status st;

	(void)alarm(READ_LIMIT_S);
	st = ingest_mail(&in, sbuf_view(&c->body), why);
	(void)alarm(0);
	return st;
}

static void
read_mail(struct collector *c)
{
	struct diag why = { 0 };
	enum status st = open_db(c, &why);

	if (st == ST_OK)
		st = read_in_time(c, &why);
	else
		st = ST_TEMP;
	if (st == ST_OK) {
		answer(c, COLLECT_READ, "");
	} else if (st == ST_TEMP || st == ST_IO) {
		TALLOC_FREE(c->db); /* next time from the start */
		answer(c, COLLECT_LATER, why.text);
	} else {
		answer(c, COLLECT_UNREADABLE, why.text);
	}
}

static void
want_next(struct collector *c)
{
	sbuf_reset(&c->scratch);
	pack_u64(&c->scratch, c->job->lease);
	pack_u32(&c->scratch, c->seq);
	tell(c, WIRE_COLLECT_WANT);
}

static enum status
take_job(struct collector *c, struct span payload, struct diag *why)
{
	struct wire_collect *job = need(talloc_zero(c, struct wire_collect));
	enum status st = wire_unpack_collect(job, payload, job, why);

	if (st == ST_OK && c->job != NULL)
		st = diag_set(why, ST_SYNTAX, "collect: one is at hand");
	if (st != ST_OK) {
		talloc_free(job);
		return st;
	}
	c->job = job;
	c->seq = 0;
	sbuf_init(&c->body, job, TLSRPT_READ_PACKED_BYTES);
	if (job->size_bytes > TLSRPT_READ_PACKED_BYTES)
		answer(c, COLLECT_UNREADABLE,
		    "the mail is larger than any report");
	else
		want_next(c);
	return ST_OK;
}

static enum status
take_piece(struct collector *c, struct span payload, struct diag *why)
{
	struct unpack u = unpack_from(payload);
	uint64_t lease = unpack_u64(&u);
	uint32_t seq = unpack_u32(&u);
	struct span piece = unpack_bytes(&u);

	if (unpack_done(&u) != ST_OK || c->job == NULL ||
	    lease != c->job->lease || seq != c->seq || piece.n == 0)
		return diag_set(why, ST_SYNTAX, "collect: a stray piece");
	sbuf_span(&c->body, piece);
	c->seq++;
	if (sbuf_failed(&c->body) || c->body.n > c->job->size_bytes)
		return diag_set(why, ST_SYNTAX, "collect: more than its size");
	if (c->body.n == c->job->size_bytes)
		read_mail(c);
	else
		want_next(c);
	return ST_OK;
}

/* ---- the keeper ---- */

static enum status
keeper_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	if (type == WIRE_COLLECT)
		return take_job(arg, payload, why);
	if (type == WIRE_COLLECT_PIECE)
		return take_piece(arg, payload, why);
	return diag_set(why, ST_SYNTAX, "unexpected frame %u", type);
}

static void
keeper_closed(void *arg, const char *why)
{
	struct collector *c = arg;

	log_text(c->env.log, LOG_LEVEL_INFO, "channel-closed", "keeper: %s",
	    why);
	TALLOC_FREE(c->keeper);
	TALLOC_FREE(c->job);
	rejoin_lost(c->rejoin);
}

static const struct chan_ops keeper_ops = {
	.frame = keeper_frame,
	.closed = keeper_closed,
};

void
collector_attach_keeper(struct collector *c, struct sock *s)
{
	TALLOC_FREE(c->keeper);
	TALLOC_FREE(c->job);
	c->keeper = chan_new(c, c->env.net, s, &keeper_ops, c);
	rejoin_found(c->rejoin);
	say_ready(c);
}

void
collector_links(struct collector *c, const struct role_links *links, void *arg)
{
	rejoin_by(c->rejoin, links, arg);
}

/* ---- life ---- */

struct collector *
collector_new(TALLOC_CTX *mem, const struct role_env *env)
{
	struct collector *c = need(talloc_zero(mem, struct collector));

	c->env = *env;
	c->rejoin = rejoin_new(c, env, ROLE_KEEPER);
	sbuf_init(&c->scratch, c, CHAN_FRAME_MAX_BYTES);
	c->tidy = net_timer_new(c, env->net, tidy, c);
	net_timer_set(c->tidy, mono_after(net_now(env->net), TIDY_FIRST_MS));
	return c;
}

void
collector_reload(struct collector *c, const struct conf *conf)
{
	c->env.conf = conf;
}
