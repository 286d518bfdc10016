/* SPDX-License-Identifier: BSD-2-Clause */
/* net_story - the loop, and a story of what happened on it. */
#ifndef TESTS_NET_STORY_H
#define TESTS_NET_STORY_H

#include <check.h>
#include <stdlib.h>

#include "tests/loop.h"

static struct sbuf story; /* what happened, in order */

static inline void
keep_line(void *arg, enum log_level level, struct span line)
{
	(void)arg;
	(void)level;
	sbuf_span(&story, line);
}

static struct log log_story = { .role = "test", .write = keep_line };

static inline void
set_up(void)
{
	mem = talloc_new(NULL);
	sbuf_init(&story, mem, 65536);
	loop_new(&log_story);
}

static inline void
tear_down(void)
{
	talloc_free(mem);
}

static inline void
assert_story(const char *text)
{
	ck_assert_msg(span_eq(sbuf_view(&story), text), "story \"%.*s\"",
	    (int)story.n, (const char *)story.p);
}

static inline void
note(void *arg)
{
	sbuf_str(&story, arg);
}

static inline void
note_and_stop(void *arg)
{
	sbuf_str(&story, arg);
	net_real_stop(net);
}

#define TEXT(s) ((void *)(uintptr_t)("" s))

#endif
