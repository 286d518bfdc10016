/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool/queue_filter.h"

#include <string.h>

#include "util/domain.h"

static const char *const state_names[QUEUE_STATE_COUNT] = {
	[QUEUE_NEW] = "new",
	[QUEUE_DUE] = "due",
	[QUEUE_DEFERRED] = "deferred",
	[QUEUE_HELD] = "held",
};

const char *
queue_state_name(enum queue_state state)
{
	return state_names[state];
}

struct wall
queue_next_attempt(const struct store_queue_row *row)
{
	return row->rcpt.next.ms > row->dest.due.ms ? row->rcpt.next :
						      row->dest.due;
}

enum queue_state
queue_state_of(const struct store_queue_row *row, struct wall now)
{
	if (row->rcpt.next.ms == STORE_HELD.ms)
		return QUEUE_HELD;
	if (row->rcpt.attempts == 0 && row->dest.failures == 0)
		return QUEUE_NEW;
	return queue_next_attempt(row).ms > now.ms ? QUEUE_DEFERRED : QUEUE_DUE;
}

const char *
queue_last_reason(const struct store_queue_row *row)
{
	return row->dest.failures > 0 ? row->dest.last : row->rcpt.last;
}

/* ---- patterns ---- */

static bool
same_letter(char a, char b)
{
	return ascii_lower((uint8_t)a) == ascii_lower((uint8_t)b);
}

/*
 * Every "*" takes as little as it can; where that fails later, the last one
 * takes a byte more.  No earlier one needs to.
 */
bool
queue_pattern_match(const char *pattern, const char *text)
{
	const char *star = NULL, *from = text;

	while (*text != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			from = text;
		} else if (*pattern != '\0' && same_letter(*pattern, *text)) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static bool
contains(const char *text, const char *part)
{
	size_t n = strlen(text), m = strlen(part);

	for (size_t at = 0; at + m <= n; at++) {
		size_t i = 0;

		while (i < m && same_letter(text[at + i], part[i]))
			i++;
		if (i == m)
			return true;
	}
	return false;
}

/* ---- filters ---- */

bool
queue_filter_is_empty(const struct queue_filter *f)
{
	return f->id_count == 0 && *f->sender == '\0' &&
	       *f->recipient == '\0' && *f->domain == '\0' &&
	       *f->reason == '\0' && f->older_ms == 0 && f->newer_ms == 0 &&
	       !f->has_state;
}

static bool
has_id(const struct queue_filter *f, int64_t id)
{
	size_t low = 0, high = f->id_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (f->id[middle] == id)
			return true;
		if (f->id[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static bool
sender_matches(const char *pattern, const char *sender)
{
	if (strcmp(pattern, "<>") == 0)
		return *sender == '\0';
	return queue_pattern_match(pattern, sender);
}

bool
queue_filter_match(const struct queue_filter *f,
    const struct store_queue_row *row, struct wall now)
{
	int64_t age_ms = now.ms - row->message.received.ms;

	return (f->id_count == 0 || has_id(f, row->rcpt.message)) &&
	       (*f->sender == '\0' ||
		   sender_matches(f->sender, row->message.sender)) &&
	       (*f->recipient == '\0' ||
		   queue_pattern_match(f->recipient, row->rcpt.address)) &&
	       (*f->domain == '\0' ||
		   domain_in_scope(f->domain, row->dest.domain)) &&
	       (*f->reason == '\0' ||
		   contains(queue_last_reason(row), f->reason)) &&
	       (f->older_ms == 0 || age_ms >= f->older_ms) &&
	       (f->newer_ms == 0 || age_ms <= f->newer_ms) &&
	       (!f->has_state || queue_state_of(row, now) == f->state);
}

/* ---- on the wire ---- */

void
queue_filter_pack(struct sbuf *b, const struct queue_filter *f)
{
	pack_u32(b, (uint32_t)f->id_count);
	for (size_t i = 0; i < f->id_count; i++)
		pack_i64(b, f->id[i]);
	pack_str(b, f->sender);
	pack_str(b, f->recipient);
	pack_str(b, f->domain);
	pack_str(b, f->reason);
	pack_i64(b, f->older_ms);
	pack_i64(b, f->newer_ms);
	pack_bool(b, f->has_state);
	pack_u8(b, (uint8_t)f->state);
}

static const char *
unpack_text(struct unpack *u, TALLOC_CTX *mem)
{
	const char *text = unpack_str(u, mem);

	if (strlen(text) > QUEUE_FILTER_TEXT_BYTES)
		u->failed = true;
	return text;
}

void
queue_filter_unpack(struct unpack *u, TALLOC_CTX *mem, struct queue_filter *f)
{
	uint32_t count = unpack_count(u, QUEUE_FILTER_IDS, 8);
	int64_t *id = need(talloc_array(mem, int64_t, count + 1));

	for (uint32_t i = 0; i < count; i++) {
		id[i] = unpack_i64(u);
		if (id[i] <= (i > 0 ? id[i - 1] : 0) ||
		    id[i] > STORE_MAX_MESSAGE_ID)
			u->failed = true;
	}
	*f = (struct queue_filter){ .id = id, .id_count = count };
	f->sender = unpack_text(u, mem);
	f->recipient = unpack_text(u, mem);
	f->domain = unpack_text(u, mem);
	f->reason = unpack_text(u, mem);
	f->older_ms = unpack_i64(u);
	f->newer_ms = unpack_i64(u);
	if (f->older_ms < 0 || f->newer_ms < 0)
		u->failed = true;
	f->has_state = unpack_bool(u);
	f->state = (enum queue_state)unpack_enum(u, QUEUE_STATE_COUNT);
}
