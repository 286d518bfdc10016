/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool/lifetime.h"

static struct wall
earlier(struct wall a, struct wall b)
{
	return a.ms < b.ms ? a : b;
}

static struct wall
end_of(const struct lifetime_rules *rules, const struct lifetime *l,
    bool policy)
{
	if (!policy || l->held)
		return l->expires;
	return earlier(l->expires, wall_after(l->received, rules->policy_ms));
}

/* The shorter of the two where policy fails: the other goes on running. */
static struct wall
notice_of(const struct lifetime_rules *rules, const struct lifetime *l,
    bool policy)
{
	struct wall at = WALL_NEVER;

	if (!l->tell)
		return at;
	if (rules->notice_ms > 0)
		at = wall_after(l->received, rules->notice_ms);
	if (policy && rules->policy_notice_ms > 0)
		at = earlier(at,
		    wall_after(l->received, rules->policy_notice_ms));
	return at;
}

struct wall
lifetime_end(const struct lifetime_rules *rules, const struct lifetime *l)
{
	return end_of(rules, l, l->policy);
}

struct wall
lifetime_notice(const struct lifetime_rules *rules, const struct lifetime *l)
{
	return notice_of(rules, l, l->policy);
}

struct wall
lifetime_look(const struct lifetime_rules *rules, const struct lifetime *l,
    struct wall now)
{
	struct wall next = wall_after(now, LIFETIME_LOOK_MS);

	for (int policy = 0; policy < 2; policy++) {
		struct wall end = end_of(rules, l, policy == 1);
		struct wall notice = notice_of(rules, l, policy == 1);

		if (end.ms > now.ms)
			next = earlier(next, end);
		if (notice.ms > now.ms)
			next = earlier(next, notice);
	}
	return next;
}
