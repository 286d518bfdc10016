/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/alarm.h"

#include <string.h>
#include <sys/queue.h>

#define HOUR_MS INT64_C(3600000)

/* ---- the table ---- */

static const struct row {
	const char *name;
	enum log_level level;
	const char *key;
	int64_t lapse_ms; /* 0: not by itself */
	const char *advice;
} table[ALARM_KINDS] = {
#define ALARM(id, name, level, key, lapse, advice)                             \
	[ALARM_##id] = { name, level, key, (lapse)*HOUR_MS, advice },
#include "report/alarms.def"
#undef ALARM
};

const char *
alarm_name(enum alarm_kind kind)
{
	return table[kind].name;
}

enum log_level
alarm_level(enum alarm_kind kind)
{
	return table[kind].level;
}

const char *
alarm_severity(enum alarm_kind kind)
{
	return table[kind].level == LOG_LEVEL_ERROR ? "error" : "warning";
}

const char *
alarm_key(enum alarm_kind kind)
{
	return table[kind].key;
}

const char *
alarm_advice(enum alarm_kind kind)
{
	return table[kind].advice;
}

/* ---- those known ---- */

struct entry {
	TAILQ_ENTRY(entry) link; /* in the order of being raised */
	struct alarm a;
	bool told; /* that it is active, and not that it is over */
};

struct alarms {
	TAILQ_HEAD(, entry) all;
	uint32_t active[ALARM_KINDS];
};

struct alarms *
alarms_new(TALLOC_CTX *mem)
{
	struct alarms *a = need(talloc_zero(mem, struct alarms));

	TAILQ_INIT(&a->all);
	return a;
}

/* Of peers' bytes nothing goes further that a shell, a terminal or a log
 * could take for something else. */
static char *
plain_text(TALLOC_CTX *mem, const char *text, size_t max)
{
	char *out = need(talloc_strndup(mem, text, max));

	for (char *c = out; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return out;
}

static struct entry *
find(const struct alarms *a, enum alarm_kind kind, const char *object)
{
	struct entry *e;

	TAILQ_FOREACH(e, &a->all, link)
		if (e->a.kind == kind && strcmp(e->a.object, object) == 0)
			return e;
	return NULL;
}

static void
drop(struct alarms *a, struct entry *e)
{
	TAILQ_REMOVE(&a->all, e, link);
	talloc_free(e);
}

/* The object as it is kept: cut, plain, and one of a bounded number. */
static const char *
object_of(TALLOC_CTX *mem, const struct alarms *a, enum alarm_kind kind,
    const char *object)
{
	char *plain = plain_text(mem, object, ALARM_OBJECT_BYTES);

	if (a->active[kind] >= ALARM_OBJECTS && find(a, kind, plain) == NULL)
		return ALARM_OTHERS;
	return plain;
}

bool
alarms_raise(struct alarms *a, enum alarm_kind kind, const char *object,
    const char *text, struct wall now)
{
	TALLOC_CTX *tmp = need(talloc_new(a));
	const char *name = object_of(tmp, a, kind, object);
	struct entry *e = find(a, kind, name);
	bool news = e == NULL || !e->a.active;

	if (e == NULL) {
		e = need(talloc_zero(a, struct entry));
		e->a.kind = kind;
		e->a.object = need(talloc_strdup(e, name));
		TAILQ_INSERT_TAIL(&a->all, e, link);
	}
	if (news) {
		e->a.active = true;
		e->a.since = now;
		e->a.count = 0;
		a->active[kind]++;
	}
	talloc_free((void *)(uintptr_t)e->a.text);
	e->a.text = plain_text(e, text, ALARM_TEXT_BYTES);
	e->a.last = now;
	e->a.count++;
	talloc_free(tmp);
	return news;
}

static void
end(struct alarms *a, struct entry *e)
{
	e->a.active = false;
	a->active[e->a.kind]--;
	if (!e->told)
		drop(a, e);
}

bool
alarms_clear(struct alarms *a, enum alarm_kind kind, const char *object)
{
	TALLOC_CTX *tmp = need(talloc_new(a));
	struct entry *e = find(a, kind,
	    plain_text(tmp, object, ALARM_OBJECT_BYTES));
	bool was = e != NULL && e->a.active;

	talloc_free(tmp);
	if (!was)
		return false;
	end(a, e);
	/* Those that were not counted by name are over with the last. */
	e = a->active[kind] == 1 ? find(a, kind, ALARM_OTHERS) : NULL;
	if (e != NULL && e->a.active)
		end(a, e);
	return true;
}

bool
alarms_active(const struct alarms *a, enum alarm_kind kind, const char *object)
{
	const struct entry *e = find(a, kind, object);

	return e != NULL && e->a.active;
}

uint32_t
alarms_count(const struct alarms *a, enum alarm_kind kind)
{
	return a->active[kind];
}

/* ---- time ---- */

static struct wall
lapse_of(const struct entry *e)
{
	int64_t ms = table[e->a.kind].lapse_ms;

	return !e->a.active || ms == 0 ? WALL_NEVER : wall_after(e->a.last, ms);
}

const struct alarm *
alarms_lapsed(const struct alarms *a, struct wall now)
{
	const struct entry *e;

	TAILQ_FOREACH(e, &a->all, link)
		if (lapse_of(e).ms <= now.ms)
			return &e->a;
	return NULL;
}

struct wall
alarms_next_lapse(const struct alarms *a)
{
	struct wall next = WALL_NEVER;
	const struct entry *e;

	TAILQ_FOREACH(e, &a->all, link)
		if (lapse_of(e).ms < next.ms)
			next = lapse_of(e);
	return next;
}

/* ---- listing and telling ---- */

void
alarms_each(const struct alarms *a,
    bool (*each)(void *arg, const struct alarm *one), void *arg)
{
	const struct entry *e;

	for (enum log_level level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_WARN;
	     level++)
		TAILQ_FOREACH(e, &a->all, link)
			if (e->a.active && table[e->a.kind].level == level &&
			    !each(arg, &e->a))
				return;
}

const struct alarm *
alarms_untold(const struct alarms *a)
{
	const struct entry *e, *mild = NULL;

	TAILQ_FOREACH(e, &a->all, link) {
		if (e->told == e->a.active || e->a.kind == ALARM_COMMAND)
			continue;
		if (table[e->a.kind].level == LOG_LEVEL_ERROR)
			return &e->a;
		if (mild == NULL)
			mild = e;
	}
	return mild == NULL ? NULL : &mild->a;
}

void
alarms_told(struct alarms *a, enum alarm_kind kind, const char *object,
    bool active)
{
	struct entry *e = find(a, kind, object);

	if (e == NULL)
		return;
	e->told = active;
	if (!e->a.active && !active)
		drop(a, e);
}

/* ---- between processes ---- */

void
alarm_pack(struct sbuf *b, const struct alarm *one)
{
	pack_u8(b, (uint8_t)one->kind);
	pack_bool(b, one->active);
	pack_bytes(b, span_sub(span_str(one->object), 0, ALARM_OBJECT_BYTES));
	pack_bytes(b, span_sub(span_str(one->text), 0, ALARM_TEXT_BYTES));
	pack_i64(b, one->since.ms);
	pack_i64(b, one->last.ms);
	pack_u64(b, one->count);
}

enum status
alarm_unpack(TALLOC_CTX *mem, struct unpack *u, struct alarm *out,
    struct diag *why)
{
	struct span object, text;

	*out = (struct alarm){
		.kind = (enum alarm_kind)unpack_enum(u, ALARM_KINDS),
		.active = unpack_bool(u),
	};
	object = unpack_bytes(u);
	text = unpack_bytes(u);
	out->since.ms = unpack_i64(u);
	out->last.ms = unpack_i64(u);
	out->count = unpack_u64(u);
	if (u->failed || object.n > ALARM_OBJECT_BYTES ||
	    text.n > ALARM_TEXT_BYTES || span_has(object, 0) ||
	    span_has(text, 0))
		return diag_set(why, ST_SYNTAX, "not an alarm");
	out->object = plain_text(mem, span_dup(mem, object), object.n);
	out->text = plain_text(mem, span_dup(mem, text), text.n);
	return ST_OK;
}
