/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events of the evidence chain: what is noted in a turn, and written in its
 * transaction by keeper_chain.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/keeper_internal.h"
#include "util/sha256.h"

struct span
event_pack(struct keeper *k, TALLOC_CTX *mem, struct chain_event *e)
{
	struct sbuf b;

	e->time = keeper_wall(k);
	memcpy(e->conf_digest, k->env.conf->digest, sizeof(e->conf_digest));
	sbuf_init(&b, mem, EVIDENCE_MAX_BYTES);
	chain_event_pack(e, &b);
	invariant(!sbuf_failed(&b));
	return sbuf_view(&b);
}

void
event_note(struct keeper *k, struct chain_event *e)
{
	struct pending_event *n;

	if (k->signer.key == NULL)
		return;
	n = need(talloc_zero(k, struct pending_event));
	n->body = event_pack(k, n, e);
	n->time = e->time;
	STAILQ_INSERT_TAIL(&k->events, n, link);
	keeper_note(k);
}

/* Texts that an event about an exception borrows. */
struct exception_texts {
	char expires[CLOCK_TEXT_BYTES];
	char waives[EVENT_TEXT_BYTES];
	char budget[24], used[24];
};

static const char *
waives_text(const struct conf_exception *x, char *out, size_t size)
{
	size_t n = 0;

	*out = '\0';
	for (unsigned w = 0; w < WAIVER_COUNT; w++)
		if ((x->waives & 1u << w) != 0)
			n += (size_t)snprintf(out + n, size - n, "%s%s",
			    n > 0 ? "," : "", waiver_name((enum waiver)w));
	return out;
}

static struct chain_event
about_exception(enum chain_event_kind kind, const struct conf_exception *x,
    struct exception_texts *t)
{
	struct chain_event e = { .kind = kind, .subject = x->name };

	if (x->waives == 0)
		chain_event_add(&e, "allow", level_name(x->allow));
	chain_event_add(&e, "waives",
	    waives_text(x, t->waives, sizeof(t->waives)));
	snprintf(t->budget, sizeof(t->budget), "%" PRIu32, x->budget);
	if (x->budget > 0)
		chain_event_add(&e, "budget", t->budget);
	chain_event_add(&e, "reason", x->reason);
	chain_event_add(&e, "approver", x->approver);
	chain_event_add(&e, "ticket", x->ticket);
	chain_event_add(&e, "expires", wall_rfc3339(x->expires, t->expires));
	chain_event_add(&e, "from", x->where);
	return e;
}

static void
note_exception(struct keeper *k, enum chain_event_kind kind,
    const struct conf_exception *x)
{
	struct exception_texts t;
	struct chain_event e = about_exception(kind, x, &t);

	event_note(k, &e);
}

static bool
exception_same(const struct conf_exception *a, const struct conf_exception *b)
{
	return a->allow == b->allow && a->waives == b->waives &&
	       a->budget == b->budget && a->expires.ms == b->expires.ms &&
	       strcmp(a->reason, b->reason) == 0 &&
	       strcmp(a->approver, b->approver) == 0;
}

/* Those of conf that old has not, or has otherwise.  One that has ended is not
 * added by anything. */
static void
note_exceptions(struct keeper *k, enum chain_event_kind kind,
    const struct conf *conf, const struct conf *old)
{
	struct wall now = keeper_wall(k);

	for (size_t i = 0; i < conf->exception_count; i++) {
		const struct conf_exception *x = &conf->exception[i];
		const struct conf_exception *was = old == NULL ?
						       NULL :
						       conf_exception_named(old,
							   x->name);

		if (kind == EVENT_EXCEPTION_ADDED &&
		    wall_reached(now, x->expires))
			continue;
		if (was == NULL || !exception_same(x, was))
			note_exception(k, kind, x);
	}
}

void
event_note_expired(struct keeper *k)
{
	const struct conf *conf = k->env.conf;
	struct wall now = keeper_wall(k);

	for (size_t i = 0; i < conf->exception_count; i++) {
		const struct conf_exception *x = &conf->exception[i];

		if (x->expires.ms > k->expired_to.ms && x->expires.ms <= now.ms)
			note_exception(k, EVENT_EXCEPTION_EXPIRED, x);
	}
	k->expired_to = now;
}

/* As many as an event holds, and how many more there are. */
static void
add_changes(struct chain_event *e, TALLOC_CTX *tmp, const struct conf *old,
    const struct conf *conf)
{
	size_t count, most = EVENT_MAX_DETAILS - e->detail_count - 1;
	const char **text = conf_changes(tmp, old, conf, &count);

	for (size_t i = 0; i < count && i < most; i++)
		chain_event_add(e,
		    need(talloc_asprintf(tmp, "change-%zu", i + 1)), text[i]);
	if (count > most)
		chain_event_add(e, "further-changes",
		    need(talloc_asprintf(tmp, "%zu", count - most)));
}

void
chain_reloaded(struct keeper *k, const struct conf *old)
{
	char before[2 * SHA256_BYTES + 1];
	struct chain_event e = { .kind = EVENT_RELOADED, .subject = "" };
	TALLOC_CTX *tmp;

	if (memcmp(old->digest, k->env.conf->digest, SHA256_BYTES) == 0)
		return;
	tmp = need(talloc_new(k));
	hex_encode(span_of(old->digest, SHA256_BYTES), before);
	chain_event_add(&e, "before", before);
	add_changes(&e, tmp, old, k->env.conf);
	event_note(k, &e);
	talloc_free(tmp);
	note_exceptions(k, EVENT_EXCEPTION_GONE, old, k->env.conf);
	note_exceptions(k, EVENT_EXCEPTION_ADDED, k->env.conf, old);
	chain_arm(k);
}

void
chain_stopping(struct keeper *k)
{
	struct chain_event e = { .kind = EVENT_STOPPED, .subject = "" };

	event_note(k, &e);
}

/* Another than the one that signed last: whoever verifies must know both. */
static void
note_key(struct keeper *k, const char *hex)
{
	struct chain_event e = { .kind = EVENT_KEY, .subject = "" };
	uint8_t id[CHECKPOINT_KEY_ID_BYTES];
	char before[2 * sizeof(id) + 1], now[2 * sizeof(id) + 1];

	checkpoint_key_id(k->signer.public_key, id);
	if (k->signer.seq == 0 || memcmp(id, k->signer.key_id, sizeof(id)) == 0)
		return;
	hex_encode(span_of(k->signer.key_id, sizeof(id)), before);
	hex_encode(span_of(id, sizeof(id)), now);
	chain_event_add(&e, "before", before);
	chain_event_add(&e, "id", now);
	chain_event_add(&e, "key", hex);
	event_note(k, &e);
	keeper_alarm(k, ALARM_CHECKPOINT_KEY, now,
	    "the chain was signed by key %s before", before);
}

void
keeper_set_key(struct keeper *k, struct checkpoint_key *key)
{
	struct chain_event e = { .kind = EVENT_STARTED, .subject = "" };
	char hex[2 * CHECKPOINT_PUBLIC_BYTES + 1];

	k->signer.key = talloc_steal(k, key);
	checkpoint_key_public(key, k->signer.public_key);
	hex_encode(span_of(k->signer.public_key, CHECKPOINT_PUBLIC_BYTES), hex);
	chain_event_add(&e, "version", TIERPOST_VERSION);
	chain_event_add(&e, "key", hex);
	event_note(k, &e);
	note_key(k, hex);
	note_exceptions(k, EVENT_EXCEPTION_ADDED, k->env.conf, NULL);
	k->expired_to = keeper_wall(k);
	k->retention_due = true;
	chain_arm(k);
}

/* What came of a use or a probe, beside the log's line. */
static enum status
prove_told(struct keeper *k, const struct exception_event *told,
    struct diag *why)
{
	struct exception_texts t;
	struct pending_event n = { .time = keeper_wall(k) };
	struct chain_event e;

	switch (told->told) {
	case TOLD_USED_UP:
		e = about_exception(EVENT_EXCEPTION_USED_UP, told->x, &t);
		break;
	case TOLD_NOT_NEEDED:
		e = about_exception(EVENT_EXCEPTION_UNNEEDED, told->x, &t);
		chain_event_add(&e, "why", told->use.why);
		break;
	case TOLD_EXPIRING:
	case TOLD_EXPIRED: /* note_expired() has it */
	case TOLD_REVOKED: /* as a change of the configuration */
	case TOLD_STILL_NOT_NEEDED:
		return ST_OK;
	}
	snprintf(t.used, sizeof(t.used), "%" PRIu64, told->use.used);
	chain_event_add(&e, "used", t.used);
	n.body = event_pack(k, k->tmp, &e);
	return event_write(k, &n, why);
}

enum status
event_prove_told(struct keeper *k, struct diag *why)
{
	const struct exception_event *told;
	enum status st = ST_OK;

	if (k->signer.key == NULL)
		return ST_OK;
	STAILQ_FOREACH(told, &k->told, link)
		if (st == ST_OK)
			st = prove_told(k, told, why);
	return st;
}

/* ---- the resolver ---- */

static void
note_health(struct keeper *k, bool validating, const char *text)
{
	struct chain_event e = { .kind = validating ? EVENT_RESOLVER_WORKS :
						      EVENT_RESOLVER_FAILED,
		.subject = "" };

	chain_event_add(&e, "why", text);
	event_note(k, &e);
}

/* One detail each: the set is what counts, and which came or went. */
static void
note_anchors(struct keeper *k, TALLOC_CTX *tmp, const char *anchors)
{
	struct chain_event e = { .kind = EVENT_TRUST_ANCHOR, .subject = "" };
	struct span rest = span_str(anchors), one;

	chain_event_add(&e, "file", k->env.conf->resolver_trust_anchor);
	while (rest.n > 0 && e.detail_count < EVENT_MAX_DETAILS) {
		if (!span_cut(rest, ';', &one, &rest)) {
			one = rest;
			rest = SPAN_NONE;
		}
		chain_event_add(&e,
		    need(talloc_asprintf(tmp, "anchor-%zu", e.detail_count)),
		    span_dup(tmp, span_trim(one)));
	}
	event_note(k, &e);
}

enum status
chain_resolver(struct keeper *k, struct span payload, struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(k));
	struct unpack u = unpack_from(payload);
	bool validating = unpack_bool(&u), first = !k->resolver.known;
	const char *text = unpack_str(&u, tmp);
	const char *anchors = unpack_str(&u, tmp);
	enum status st = ST_OK;

	if (unpack_done(&u) != ST_OK ||
	    !keeper_is_plain(text, EVENT_TEXT_BYTES) ||
	    !keeper_is_plain(anchors, EVENT_MAX_BYTES))
		st = diag_set(why, ST_SYNTAX, "not the state of a resolver");
	if (st == ST_OK &&
	    (first || strcmp(k->resolver.anchors, anchors) != 0)) {
		note_anchors(k, tmp, anchors);
		talloc_free(k->resolver.anchors);
		k->resolver.anchors = need(talloc_strdup(k, anchors));
	}
	if (st == ST_OK && (first || k->resolver.validating != validating))
		note_health(k, validating, text);
	if (st == ST_OK) {
		k->resolver.validating = validating;
		k->resolver.known = true;
	}
	talloc_free(tmp);
	return st;
}
