/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * alarm - the alarms of alarms.def and which of them are active.  Pure: no
 * I/O, no clock.
 *
 * An alarm is a state, not a message: raised a second time it only counts.
 * One of a kind may be active for several objects (a domain, an exception, a
 * file).  What somebody is to be told of is kept apart from what holds, so
 * that one which was raised and cleared unsaid is never told:
 *
 *	quiet --raise--> active, untold --told--> active
 *	active, untold --clear, lapse--> (gone)
 *	active --clear, lapse--> over, untold --told--> (gone)
 *	over, untold --raise--> active
 */
#ifndef REPORT_ALARM_H
#define REPORT_ALARM_H

#include <talloc.h>

#include "util/clock.h"
#include "util/logline.h"
#include "util/pack.h"

/* Ours: active of one kind; further objects count under ALARM_OTHERS. */
#define ALARM_OBJECTS      100u
#define ALARM_OTHERS       "(others)"
#define ALARM_OBJECT_BYTES 255u /* a domain, or the end of a path; cut */
#define ALARM_TEXT_BYTES   512u /* ours; cut */

/* Sent between processes. */
enum alarm_kind {
#define ALARM(id, name, level, key, lapse, advice) ALARM_##id,
#include "report/alarms.def"
#undef ALARM
	ALARM_KINDS
};

const char *alarm_name(enum alarm_kind kind);
enum log_level alarm_level(enum alarm_kind kind);
const char *alarm_severity(enum alarm_kind kind); /* "error", "warning" */
const char *alarm_key(enum alarm_kind kind);
const char *alarm_advice(enum alarm_kind kind);

/* Texts are printable ASCII, whatever they were raised with. */
struct alarm {
	enum alarm_kind kind;
	const char *object; /* "": it has none */
	const char *text;   /* of the last time */
	struct wall since;
	struct wall last;
	uint64_t count; /* times it was raised since then */
	bool active;
};

struct alarms; /* those known; a talloc object */
struct alarms *alarms_new(TALLOC_CTX *mem);

/* Where it goes: true when it was not active before.  Texts are copied. */
bool alarms_raise(struct alarms *a, enum alarm_kind kind, const char *object,
    const char *text, struct wall now);
/* True when it was active. */
bool alarms_clear(struct alarms *a, enum alarm_kind kind, const char *object);
bool alarms_active(const struct alarms *a, enum alarm_kind kind,
    const char *object);
/* Active ones of the kind, each object counted. */
uint32_t alarms_count(const struct alarms *a, enum alarm_kind kind);

/* One whose time has come to end by itself; NULL: none.  Clear it. */
const struct alarm *alarms_lapsed(const struct alarms *a, struct wall now);
/* When the next one does; WALL_NEVER. */
struct wall alarms_next_lapse(const struct alarms *a);

/* Active ones, those of the gravest level first, then the oldest; each returns
 * false to stop. */
void alarms_each(const struct alarms *a,
    bool (*each)(void *arg, const struct alarm *one), void *arg);

/*
 * What somebody is to be told of next, in the same order; NULL: nothing.
 * ALARM_COMMAND is never: it is about the telling.  Borrowed until the next
 * call that changes anything.
 */
const struct alarm *alarms_untold(const struct alarms *a);
/* It was told as it was then: kind and object, and whether it was active. */
void alarms_told(struct alarms *a, enum alarm_kind kind, const char *object,
    bool active);

/* Between processes; text of the strings lives in mem. */
void alarm_pack(struct sbuf *b, const struct alarm *one);
MUST_CHECK enum status alarm_unpack(TALLOC_CTX *mem, struct unpack *u,
    struct alarm *out, struct diag *why);

#endif
