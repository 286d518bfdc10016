/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/interference.h"

#include <string.h>
#include <sys/queue.h>

#include "util/domain.h"
#include "util/strmap.h"

/* In which list a site is. */
enum standing {
	KNOWN, /* had TLS, not seen lately; the oldest first */
	GOOD,  /* seen with TLS within the window; the oldest first */
	LOST,  /* without; by the first time, the oldest first */
};
#define STANDING_COUNT 3u

struct site {
	TAILQ_ENTRY(site) link;
	enum standing standing;
	struct wall since; /* LOST: the first time, else the last */
	const char *name;
};
TAILQ_HEAD(sites, site);

struct interference {
	struct interference_limits limits;
	struct strmap *by_name;
	struct sites list[STANDING_COUNT];
	uint32_t count[STANDING_COUNT];
	bool alarm;
};

struct interference *
interference_new(TALLOC_CTX *mem, const struct interference_limits *limits)
{
	struct interference *f = need(talloc_zero(mem, struct interference));

	f->limits = *limits;
	f->by_name = strmap_new(f);
	for (size_t i = 0; i < STANDING_COUNT; i++)
		TAILQ_INIT(&f->list[i]);
	return f;
}

void
interference_set(struct interference *f,
    const struct interference_limits *limits)
{
	f->limits = *limits;
}

/* ---- sites ---- */

static void
leave(struct interference *f, struct site *s)
{
	TAILQ_REMOVE(&f->list[s->standing], s, link);
	f->count[s->standing]--;
}

static void
enter(struct interference *f, struct site *s, enum standing standing,
    struct wall now)
{
	s->standing = standing;
	s->since = now;
	TAILQ_INSERT_TAIL(&f->list[standing], s, link);
	f->count[standing]++;
}

static void
forget(struct interference *f, struct site *s)
{
	leave(f, s);
	strmap_del(f->by_name, s->name);
	talloc_free(s);
}

/* The parent of a name of three labels or more, else all of it. */
static const char *
site_name(const char *host)
{
	const char *dot;

	if (domain_is_address(span_str(host)))
		return host;
	dot = strchr(host, '.');
	return dot == NULL || strchr(dot + 1, '.') == NULL ? host : dot + 1;
}

static void
make_room(struct interference *f)
{
	for (size_t i = 0; i < STANDING_COUNT; i++)
		if (strmap_count(f->by_name) == INTERFERENCE_SITES &&
		    !TAILQ_EMPTY(&f->list[i]))
			forget(f, TAILQ_FIRST(&f->list[i]));
}

static struct site *
add(struct interference *f, const char *name)
{
	struct site *s;

	make_room(f);
	s = need(talloc_zero(f, struct site));
	s->name = need(talloc_strdup(s, name));
	strmap_put(f->by_name, s->name, s);
	return s;
}

void
interference_note(struct interference *f, const char *host,
    enum interference_seen seen, struct wall now)
{
	const char *name = site_name(host);
	struct site *s = strmap_get(f->by_name, name);

	switch (seen) {
	case SEEN_NOTHING:
		return;
	case SEEN_TLS:
		if (s == NULL)
			s = add(f, name);
		else
			leave(f, s);
		enter(f, s, GOOD, now);
		return;
	case SEEN_LOST: /* of one that never had it nothing was lost */
		if (s == NULL || s->standing == LOST)
			return;
		leave(f, s);
		enter(f, s, LOST, now);
		return;
	}
}

/* ---- alarm ---- */

static bool
is_over(const struct site *s, int64_t ms, struct wall now)
{
	/* A clock that was set back must not keep it for ever. */
	return now.ms < s->since.ms ||
	       wall_reached(now, wall_after(s->since, ms));
}

static void
age(struct interference *f, struct wall now)
{
	int64_t lost_ms = f->alarm ? INTERFERENCE_LOST_MS : f->limits.window_ms;
	struct site *s;

	while ((s = TAILQ_FIRST(&f->list[GOOD])) != NULL &&
	       is_over(s, f->limits.window_ms, now)) {
		struct wall since = s->since;

		leave(f, s);
		enter(f, s, KNOWN, since);
	}
	while ((s = TAILQ_FIRST(&f->list[LOST])) != NULL &&
	       is_over(s, lost_ms, now))
		forget(f, s);
}

/* Is at least 1/part of what the limits say lost? */
static bool
is_lost(const struct interference *f, uint32_t part)
{
	uint64_t lost = f->count[LOST], asked = interference_asked(f);

	return f->limits.hosts > 0 && lost > 0 &&
	       lost * part >= f->limits.hosts &&
	       lost * part * 100 >= asked * f->limits.share;
}

bool
interference_look(struct interference *f, struct wall now)
{
	age(f, now);
	f->alarm = is_lost(f, f->alarm ? 2 : 1);
	return f->alarm;
}

uint32_t
interference_lost(const struct interference *f)
{
	return f->count[LOST];
}

uint32_t
interference_asked(const struct interference *f)
{
	return f->count[LOST] + f->count[GOOD];
}
