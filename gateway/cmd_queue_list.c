/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue as people see it: read from the store, beside the gateway. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/cmd_queue.h"
#include "report/evidence.h"
#include "spool/schedule.h"
#include "util/jtree.h"
#include "util/strmap.h"

#define REASON_BYTES 1024u /* printed; escaped, so longer than it is stored */

struct list {
	const struct queue_args *args;
	struct store *store;
	json_t *rows;
	uint64_t count;
	struct wall now;
	int64_t only; /* id at hand; 0: any */
	void (*row)(struct list *l, const struct store_queue_row *q);
};

/* ---- one recipient ---- */

static enum level
required(const struct store_queue_row *q)
{
	return q->dest.failures > 0 ? q->dest.required : q->rcpt.required;
}

/* Of its destination: "closed", "open" or "half-open". */
static const char *
circuit(const struct list *l, const struct store_queue_row *q)
{
	return sched_circuit(q->dest.failures,
	    wall_reached(l->now, q->dest.due));
}

static const char *
reached_of(const struct store_queue_row *q)
{
	return q->rcpt.reached < REACHED_COUNT ?
		   evidence_reached_name((enum evidence_reached)
					     q->rcpt.reached) :
		   "?";
}

/* "now", "never" or a time. */
static const char *
next_text(const struct list *l, const struct store_queue_row *q,
    char out[CLOCK_TEXT_BYTES])
{
	struct wall next = queue_next_attempt(q);

	if (next.ms == STORE_HELD.ms)
		return "never";
	return next.ms <= l->now.ms ? "now" : wall_rfc3339(next, out);
}

static json_t *
row_json(const struct list *l, const struct store_queue_row *q)
{
	char id[QUEUE_ID_BYTES], when[CLOCK_TEXT_BYTES];
	char got[CLOCK_TEXT_BYTES], until[CLOCK_TEXT_BYTES], why[REASON_BYTES];
	char notify[DSN_NOTIFY_TEXT_BYTES];
	bool all = q->dest.failures > 0;

	span_print_to(span_str(queue_last_reason(q)), why, sizeof(why));
	return need(json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:I, "
	    "s:I,"
	    " s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b}",
	    "id", queue_id_text(q->rcpt.message, id), "sender",
	    q->message.sender, "recipient", q->rcpt.address, "domain",
	    q->dest.domain, "class", class_name(q->message.mclass), "marks",
	    q->message.marks, "size", (json_int_t)q->message.size_bytes,
	    "state", queue_state_name(queue_state_of(q, l->now)), "received",
	    wall_rfc3339(q->message.received, got), "expires",
	    wall_rfc3339(q->message.expires, until), "client",
	    q->message.client, "account", q->message.account, "attempts",
	    (json_int_t)q->rcpt.attempts, "destination-failures",
	    (json_int_t)q->dest.failures, "next", next_text(l, q, when),
	    "reason", why, "required", level_name(required(q)), "reached",
	    reached_of(q), "notify", dsn_notify_text(q->rcpt.notify, notify),
	    "original-recipient", q->rcpt.orcpt, "envelope-id",
	    q->message.envid, "circuit", circuit(l, q), "failure",
	    failure_name(all ? q->dest.failure : q->rcpt.failure), "status",
	    all ? q->dest.status : q->rcpt.status, "host",
	    all ? q->dest.host : q->rcpt.host, "delay-told",
	    (int)q->rcpt.told));
}

static void
print_row(const struct list *l, const struct store_queue_row *q)
{
	char id[QUEUE_ID_BYTES], when[CLOCK_TEXT_BYTES], why[REASON_BYTES];

	printf("%-10s  %-9s  %4u  %-20s  <%s> to <%s>\n",
	    queue_id_text(q->rcpt.message, id),
	    queue_state_name(queue_state_of(q, l->now)),
	    q->rcpt.attempts + q->dest.failures, next_text(l, q, when),
	    q->message.sender, q->rcpt.address);
	span_print_to(span_str(queue_last_reason(q)), why, sizeof(why));
	if (*why != '\0')
		printf("            %s%srequired %s, reached %s: %s\n",
		    q->dest.failures > 0 ? circuit(l, q) : "",
		    q->dest.failures > 0 ? ", " : "", level_name(required(q)),
		    reached_of(q), why);
}

/* ---- rows ---- */

static bool
take_row(void *arg, const struct store_queue_row *q)
{
	struct list *l = arg;

	if (l->only != 0 && q->rcpt.message != l->only)
		return false;
	if (!queue_filter_match(&l->args->filter, q, l->now))
		return true;
	l->count++;
	l->row(l, q);
	return true;
}

/* Of ids, the queue is not gone through. */
static enum status
each(struct list *l,
    void (*row)(struct list *l, const struct store_queue_row *q),
    struct diag *why)
{
	const struct queue_filter *f = &l->args->filter;
	enum status st = ST_OK;

	l->row = row;
	l->only = 0;
	if (f->id_count == 0)
		return store_queue_each(l->store, take_row, l, why);
	for (size_t i = 0; i < f->id_count && st == ST_OK; i++) {
		int64_t last = (f->id[i] << 16) - 1;
		bool more = true;

		l->only = f->id[i];
		while (st == ST_OK && more)
			st = store_queue_page(l->store, take_row, l, &last,
			    &more, why);
	}
	return st;
}

static int
end(const struct list *l, enum status st, const struct diag *why)
{
	if (st == ST_OK)
		return l->count > 0 || l->args->filter.id_count == 0 ?
			   EXIT_DONE :
			   EXIT_NO;
	fprintf(stderr, "tierpost: %s\n", why->text);
	return EXIT_TRY_LATER;
}

static void
print_count(const struct list *l)
{
	printf("%" PRIu64 " %s in the queue\n", l->count,
	    plural(l->count, "recipient", "recipients"));
}

static bool
open_list(TALLOC_CTX *mem, const struct conf *conf,
    const struct queue_args *args, struct list *l)
{
	*l = (struct list){ .args = args, .now = cmd_wall_now() };
	l->store = cmd_open_store(mem, conf);
	return l->store != NULL;
}

/* ---- list ---- */

static void
list_row(struct list *l, const struct store_queue_row *q)
{
	if (l->args->json)
		jtree_append(l->rows, row_json(l, q));
	else
		print_row(l, q);
}

int
queue_list(TALLOC_CTX *mem, const struct conf *conf,
    const struct queue_args *args)
{
	struct diag why = { 0 };
	struct list l;
	enum status st;

	if (!open_list(mem, conf, args, &l))
		return EXIT_TRY_LATER;
	l.rows = need(json_array());
	if (!args->json)
		printf("%-10s  %-9s  %4s  %-20s  %s\n", "id", "state", "tries",
		    "next attempt", "message");
	st = each(&l, list_row, &why);
	if (st == ST_OK && args->json)
		cmd_print_json(json_incref(l.rows), JSON_INDENT(2));
	else if (st == ST_OK)
		print_count(&l);
	json_decref(l.rows);
	return end(&l, st, &why);
}

/* ---- show ---- */

static void
print_message(const struct store_message *m)
{
	char id[QUEUE_ID_BYTES], got[CLOCK_TEXT_BYTES], until[CLOCK_TEXT_BYTES];

	printf("Message     %s\n", queue_id_text(m->id, id));
	printf("From        <%s>\n", m->sender);
	printf("Received    %s from %s%s%s\n", wall_rfc3339(m->received, got),
	    *m->client == '\0' ? "this gateway" : m->client,
	    *m->account == '\0' ? "" : " as ", m->account);
	printf("Expires     %s\n", wall_rfc3339(m->expires, until));
	printf("Size        %" PRIu64 " bytes%s%s\n", m->size_bytes,
	    m->flags & MESSAGE_8BIT ? ", 8-bit" : "",
	    m->flags & MESSAGE_SMTPUTF8 ? ", SMTPUTF8" : "");
	printf("Class       %s\n", class_name(m->mclass));
	if (*m->marks != '\0')
		printf("Marks       %s\n", m->marks);
	if (*m->envid != '\0')
		printf("ENVID       %s\n", m->envid);
	if (m->ret != DSN_RET_NONE)
		printf("RET         %s\n", dsn_ret_word(m->ret));
}

static void
print_rcpt(const struct list *l, const struct store_queue_row *q)
{
	char when[CLOCK_TEXT_BYTES], why[REASON_BYTES];
	char notify[DSN_NOTIFY_TEXT_BYTES];

	printf("\nTo          <%s>\n", q->rcpt.address);
	if (*q->rcpt.orcpt != '\0')
		printf("  original  %s\n", q->rcpt.orcpt);
	if (q->rcpt.notify != 0)
		printf("  notify    %s\n",
		    dsn_notify_text(q->rcpt.notify, notify));
	printf("  state     %s, next attempt %s\n",
	    queue_state_name(queue_state_of(q, l->now)), next_text(l, q, when));
	printf("  attempts  %u of its own, %u of its destination %s in a row\n",
	    q->rcpt.attempts, q->dest.failures, q->dest.domain);
	span_print_to(span_str(queue_last_reason(q)), why, sizeof(why));
	if (*why != '\0')
		printf("  last      required %s, reached %s: %s\n",
		    level_name(required(q)), reached_of(q), why);
}

static void
show_row(struct list *l, const struct store_queue_row *q)
{
	if (l->args->json) {
		jtree_append(l->rows, row_json(l, q));
		return;
	}
	if (l->count == 1)
		print_message(&q->message);
	print_rcpt(l, q);
}

static enum status
print_content(TALLOC_CTX *mem, struct store *store, int64_t id,
    struct diag *why)
{
	struct span piece;
	enum status st;

	putchar('\n');
	for (uint32_t seq = 0;; seq++) {
		st = store_chunk_get(store, mem, id, seq, &piece, why);
		if (st != ST_OK)
			break;
		fwrite(piece.p, 1, piece.n, stdout);
	}
	return st == ST_NOTFOUND ? ST_OK : st;
}

/* One message, all of its recipients; then its content. */
static enum status
show_one(TALLOC_CTX *mem, struct list *l, const struct queue_args *one,
    struct diag *why)
{
	uint64_t before = l->count;
	char id[QUEUE_ID_BYTES];
	enum status st;

	l->count = 0;
	l->args = one;
	st = each(l, show_row, why);
	if (st == ST_OK && l->count == 0)
		fprintf(stderr, "tierpost: %s is not in the queue\n",
		    queue_id_text(one->filter.id[0], id));
	if (st == ST_OK && l->count > 0 && one->content && !one->json)
		st = print_content(mem, l->store, one->filter.id[0], why);
	l->count += before;
	return st;
}

int
queue_show(TALLOC_CTX *mem, const struct conf *conf,
    const struct queue_args *args)
{
	struct diag why = { 0 };
	enum status st = ST_OK;
	struct list l;

	if (!open_list(mem, conf, args, &l))
		return EXIT_TRY_LATER;
	l.rows = need(json_array());
	for (size_t i = 0; i < args->filter.id_count && st == ST_OK; i++) {
		struct queue_args one = *args;

		one.filter.id = &args->filter.id[i];
		one.filter.id_count = 1;
		st = show_one(mem, &l, &one, &why);
	}
	if (st == ST_OK && args->json)
		cmd_print_json(json_incref(l.rows), JSON_INDENT(2));
	json_decref(l.rows);
	return end(&l, st, &why);
}

/* ---- summary ---- */

struct group {
	const char *name;
	uint64_t recipients;
	uint64_t states[QUEUE_STATE_COUNT];
	struct wall oldest;
};

struct summary {
	struct list l; /* first: rows are handed this */
	TALLOC_CTX *mem;
	struct strmap *groups;
	struct group **group;
	size_t count;
};

static const char *
group_name(const struct summary *s, const struct store_queue_row *q)
{
	switch (s->l.args->by) {
	case BY_DOMAIN:
		return q->dest.domain;
	case BY_SENDER:
		return *q->message.sender == '\0' ? "<>" : q->message.sender;
	case BY_REASON:
		return *queue_last_reason(q) == '\0' ? "(no attempt yet)" :
						       queue_last_reason(q);
	case BY_STATE:
		return queue_state_name(queue_state_of(q, s->l.now));
	}
	return ""; /* not reached: the switch names every choice */
}

static struct group *
group_of(struct summary *s, const char *name)
{
	struct group *g = strmap_get(s->groups, name);

	if (g != NULL)
		return g;
	g = need(talloc_zero(s->mem, struct group));
	g->name = need(talloc_strdup(g, name));
	g->oldest = WALL_NEVER;
	strmap_put(s->groups, name, g);
	s->group = need(talloc_realloc(s->mem, s->group, struct group *,
	    (unsigned)s->count + 1));
	s->group[s->count++] = g;
	return g;
}

static void
summary_row(struct list *l, const struct store_queue_row *q)
{
	struct summary *s = (struct summary *)l; /* first member */
	struct group *g = group_of(s, group_name(s, q));

	g->recipients++;
	g->states[queue_state_of(q, s->l.now)]++;
	if (q->message.received.ms < g->oldest.ms)
		g->oldest = q->message.received;
}

/* Most recipients first, then by name. */
static int
by_size(const void *a, const void *b)
{
	const struct group *const *x = a, *const *y = b;

	if ((*x)->recipients != (*y)->recipients)
		return (*x)->recipients < (*y)->recipients ? 1 : -1;
	return strcmp((*x)->name, (*y)->name);
}

static json_t *
group_json(const struct group *g)
{
	char oldest[CLOCK_TEXT_BYTES], name[REASON_BYTES];

	span_print_to(span_str(g->name), name, sizeof(name));
	return need(json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:s}", "name",
	    name, "recipients", (json_int_t)g->recipients, "new",
	    (json_int_t)g->states[QUEUE_NEW], "due",
	    (json_int_t)g->states[QUEUE_DUE], "deferred",
	    (json_int_t)g->states[QUEUE_DEFERRED], "held",
	    (json_int_t)g->states[QUEUE_HELD], "oldest",
	    wall_rfc3339(g->oldest, oldest)));
}

static void
print_groups(const struct summary *s)
{
	json_t *rows = need(json_array());
	char oldest[CLOCK_TEXT_BYTES], name[REASON_BYTES];

	if (!s->l.args->json)
		printf("%10s  %8s  %8s  %8s  %8s  %-20s  %s\n", "recipients",
		    "new", "due", "deferred", "held", "oldest", "of");
	for (size_t i = 0; i < s->count; i++) {
		const struct group *g = s->group[i];

		if (s->l.args->json) {
			jtree_append(rows, group_json(g));
			continue;
		}
		span_print_to(span_str(g->name), name, sizeof(name));
		printf("%10" PRIu64 "  %8" PRIu64 "  %8" PRIu64 "  %8" PRIu64
		       "  %8" PRIu64 "  %-20s  %s\n",
		    g->recipients, g->states[QUEUE_NEW], g->states[QUEUE_DUE],
		    g->states[QUEUE_DEFERRED], g->states[QUEUE_HELD],
		    wall_rfc3339(g->oldest, oldest), name);
	}
	if (s->l.args->json)
		cmd_print_json(json_incref(rows), JSON_INDENT(2));
	else
		print_count(&s->l);
	json_decref(rows);
}

int
queue_summary(TALLOC_CTX *mem, const struct conf *conf,
    const struct queue_args *args)
{
	struct summary s = { .mem = mem, .groups = strmap_new(mem) };
	struct diag why = { 0 };
	enum status st;

	if (!open_list(mem, conf, args, &s.l))
		return EXIT_TRY_LATER;
	st = each(&s.l, summary_row, &why);
	if (st == ST_OK) {
		if (s.count > 0)
			qsort(s.group, s.count, sizeof(struct group *),
			    by_size);
		print_groups(&s);
	}
	return end(&s.l, st, &why);
}
