/* SPDX-License-Identifier: BSD-2-Clause */
/* What received reports come to. */
#include "spool/received_sqlite.h"

#define WHERE                                                                  \
	" WHERE (?1 = 0 OR r.begin >= ?1) AND (?2 = 0 OR r.begin < ?2)"        \
	" AND (?3 = '' OR r.domain = ?3) "
/* Sums stay below 2^63: RECEIVED_MAX_BYTES of rows of TLSRPT_READ_COUNT. */
#define SESSIONS(name, order)                                                  \
	"SELECT " name ", count(DISTINCT r.id), sum(p.success),"               \
	" sum(p.failure), min(r.begin), max(r.begin) FROM report r"            \
	" JOIN policy p ON p.report = r.id" WHERE "GROUP BY 1 ORDER BY " order
#define FAILURES(name)                                                         \
	"SELECT " name ", count(DISTINCT r.id), 0, sum(d.count),"              \
	" min(r.begin), max(r.begin) FROM report r"                            \
	" JOIN policy p ON p.report = r.id"                                    \
	" JOIN detail d ON d.policy = p.id" WHERE                              \
	"GROUP BY 1 ORDER BY 4 DESC, 1"
#define DAY "date(r.begin / 1000, 'unixepoch')"
/* On to Sunday, which may be the day itself, and back to its Monday. */
#define WEEK "date(r.begin / 1000, 'unixepoch', 'weekday 0', '-6 days')"

static const char *const sums[RECEIVED_BY_COUNT] = {
	[RECEIVED_BY_DOMAIN] = SESSIONS("r.domain", "4 DESC, 1"),
	[RECEIVED_BY_REPORTER] = SESSIONS("r.organization", "4 DESC, 1"),
	[RECEIVED_BY_POLICY] = SESSIONS("p.type", "4 DESC, 1"),
	[RECEIVED_BY_DAY] = SESSIONS(DAY, "1"),
	[RECEIVED_BY_WEEK] = SESSIONS(WEEK, "1"),
	[RECEIVED_BY_RESULT] = FAILURES("d.result"),
	[RECEIVED_BY_HOST] = FAILURES("d.mx"),
};

static const char failures[] =
    "SELECT r.domain, r.organization, p.type, d.result, d.sending, d.mx,"
    " d.receiving, d.reason, sum(d.count), min(r.begin), max(r.begin)"
    " FROM report r JOIN policy p ON p.report = r.id"
    " JOIN detail d ON d.policy = p.id" WHERE "GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"
    " ORDER BY 9 DESC, 11 DESC, 1, 2, 3, 4, 5, 6, 7, 8";

static const char reports[] =
    "SELECT r.organization, r.name, r.domain, r.contact, r.source, r.begin,"
    " r.end, r.arrived, sum(p.success), sum(p.failure) FROM report r"
    " JOIN policy p ON p.report = r.id" WHERE
    "GROUP BY r.id ORDER BY r.begin, r.domain, r.organization, r.name";

/* ---- one query ---- */

static enum status
each(struct received *r, const char *text, const struct received_query *q,
    bool (*row)(void *arg, sqlite3_stmt *s), void *arg, struct diag *why)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(r->db, text, -1, &s, NULL);

	if (rc == SQLITE_OK) {
		received_bind_i64(s, 1, q->since.ms);
		received_bind_i64(s, 2, q->until.ms);
		received_bind_str(s, 3, q->domain == NULL ? "" : q->domain);
		while ((rc = sqlite3_step(s)) == SQLITE_ROW)
			if (!row(arg, s))
				break;
	}
	(void)sqlite3_finalize(s);
	if (rc == SQLITE_ROW || rc == SQLITE_DONE)
		return ST_OK;
	return received_fail(r, rc, why);
}

static const char *
text_at(sqlite3_stmt *s, int at)
{
	const unsigned char *t = sqlite3_column_text(s, at);

	return t == NULL ? "" : (const char *)t;
}

static uint64_t
count_at(sqlite3_stmt *s, int at)
{
	return (uint64_t)sqlite3_column_int64(s, at);
}

static struct wall
time_at(sqlite3_stmt *s, int at)
{
	return (struct wall){ sqlite3_column_int64(s, at) };
}

/* ---- rows ---- */

struct sum_call {
	bool (*row)(void *arg, const struct received_sum *s);
	void *arg;
};

static bool
sum_row(void *arg, sqlite3_stmt *s)
{
	const struct sum_call *c = arg;
	const struct received_sum sum = {
		.name = text_at(s, 0),
		.reports = count_at(s, 1),
		.success = count_at(s, 2),
		.failure = count_at(s, 3),
		.first = time_at(s, 4),
		.last = time_at(s, 5),
	};

	return c->row(c->arg, &sum);
}

enum status
received_sums(struct received *r, enum received_by by,
    const struct received_query *q,
    bool (*row)(void *arg, const struct received_sum *s), void *arg,
    struct diag *why)
{
	struct sum_call c = { row, arg };

	return each(r, sums[by], q, sum_row, &c, why);
}

struct failure_call {
	bool (*row)(void *arg, const struct received_failure *f);
	void *arg;
};

static bool
failure_row(void *arg, sqlite3_stmt *s)
{
	const struct failure_call *c = arg;
	const struct received_failure f = {
		.domain = text_at(s, 0),
		.reporter = text_at(s, 1),
		.policy = text_at(s, 2),
		.detail = {
			.result = text_at(s, 3),
			.sending_ip = text_at(s, 4),
			.mx = text_at(s, 5),
			.receiving_ip = text_at(s, 6),
			.reason = text_at(s, 7),
			.count = count_at(s, 8),
		},
		.first = time_at(s, 9),
		.last = time_at(s, 10),
	};

	return c->row(c->arg, &f);
}

enum status
received_failures(struct received *r, const struct received_query *q,
    bool (*row)(void *arg, const struct received_failure *f), void *arg,
    struct diag *why)
{
	struct failure_call c = { row, arg };

	return each(r, failures, q, failure_row, &c, why);
}

struct report_call {
	bool (*row)(void *arg, const struct received_listed *l);
	void *arg;
};

static bool
report_row(void *arg, sqlite3_stmt *s)
{
	const struct report_call *c = arg;
	const struct received_listed l = {
		.report = {
			.organization = text_at(s, 0),
			.id = text_at(s, 1),
			.domain = text_at(s, 2),
			.contact = text_at(s, 3),
			.source = text_at(s, 4),
			.begin = time_at(s, 5),
			.end = time_at(s, 6),
			.arrived = time_at(s, 7),
		},
		.success = count_at(s, 8),
		.failure = count_at(s, 9),
	};

	return c->row(c->arg, &l);
}

enum status
received_reports(struct received *r, const struct received_query *q,
    bool (*row)(void *arg, const struct received_listed *l), void *arg,
    struct diag *why)
{
	struct report_call c = { row, arg };

	return each(r, reports, q, report_row, &c, why);
}
