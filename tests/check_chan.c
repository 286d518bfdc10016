/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Channels: two of them back to back, and one against a hostile other side
 * that writes bytes of its own into the socket.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/chan.h"
#include "net/net_real.h"
#include "tests/loop.h"
#include "util/pack.h"

struct end {
	struct chan *chan;
	struct sbuf frames; /* what came: type and payload, one a line */
	size_t frame_count;
	size_t bytes;
	unsigned batches, closed, drained;
	char why[DIAG_TEXT_BYTES];
	uint8_t refuse; /* this type */
	enum status refusal;
	bool frees_in_frame, frees_in_batch, frees_when_closed;
	bool keeps; /* payloads in frames */
	bool echoes;
};

static struct end a, b;
static int raw; /* the hostile side's descriptor */

static enum status
got_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct end *e = arg;

	e->frame_count++;
	e->bytes += payload.n;
	if (e->keeps) {
		sbuf_printf(&e->frames, "%u ", type);
		sbuf_span(&e->frames, payload);
		sbuf_u8(&e->frames, '\n');
	}
	if (e->refuse != 0 && type == e->refuse)
		return diag_set(why, e->refusal, "type %u is not for me", type);
	if (e->echoes)
		chan_send_span(e->chan, type, payload);
	if (e->frees_in_frame)
		TALLOC_FREE(e->chan);
	return ST_OK;
}

static void
got_batch(void *arg)
{
	struct end *e = arg;

	e->batches++;
	if (e->frees_in_batch)
		TALLOC_FREE(e->chan);
}

static void
got_closed(void *arg, const char *why)
{
	struct end *e = arg;

	e->closed++;
	snprintf(e->why, sizeof(e->why), "%s", why);
	if (e->frees_when_closed)
		TALLOC_FREE(e->chan);
}

static void
got_drained(void *arg)
{
	((struct end *)arg)->drained++;
}

static const struct chan_ops ops = { got_frame, got_batch, got_closed,
	got_drained };

static void
open_end(struct end *e, int fd)
{
	*e = (struct end){ .keeps = true, .refusal = ST_SYNTAX };
	sbuf_init(&e->frames, mem, 64u << 20);
	e->chan = chan_new(mem, net, net_real_sock(mem, net, fd), &ops, e);
}

static void
set_up(void)
{
	int fd[2];

	mem = talloc_new(NULL);
	loop_new(log_none());
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	raw = fd[1];
	open_end(&b, fd[0]);
}

static void
tear_down(void)
{
	talloc_free(mem);
	if (raw >= 0)
		close(raw);
}

/* Both ends are ours. */
static void
join(void)
{
	int fd[2];

	close(raw);
	raw = -1;
	talloc_free(b.chan);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	open_end(&a, fd[0]);
	open_end(&b, fd[1]);
}

static void
inject(const void *p, size_t n)
{
	ck_assert_int_eq(send(raw, p, n, 0), (ssize_t)n);
}

static void
inject_frame(uint32_t n, uint8_t version, uint8_t type, const char *payload)
{
	struct sbuf f;

	sbuf_init(&f, mem, 4096);
	pack_u32(&f, n);
	pack_u8(&f, version);
	pack_u8(&f, type);
	sbuf_str(&f, payload);
	inject(f.p, f.n);
}

static void
assert_frames(const struct end *e, const char *text)
{
	ck_assert_msg(span_eq(sbuf_view(&e->frames), text), "got \"%.*s\"",
	    (int)e->frames.n, (const char *)e->frames.p);
}

/* ---- between friends ---- */

START_TEST(chan_keeps_order_and_content)
{
	const struct iovec parts[] = { { (void *)(uintptr_t) "two", 3 },
		{ NULL, 0 }, { (void *)(uintptr_t) " parts", 6 } };

	join();
	chan_send_span(a.chan, 1, SPAN_LIT("one"));
	chan_send(a.chan, 2, parts, 3);
	chan_send_span(a.chan, 255, SPAN_NONE);
	chan_send_span(b.chan, 9, SPAN_LIT("back"));
	ck_assert_uint_eq(b.frame_count, 0);
	turns(5);
	assert_frames(&b, "1 one\n2 two parts\n255 \n");
	assert_frames(&a, "9 back\n");
	ck_assert_uint_eq(b.batches, 1);
	ck_assert_uint_eq(a.closed + b.closed, 0);
}
END_TEST

/* A datagram socket shows where one sendmsg ends. */
START_TEST(chan_sends_the_frames_of_a_turn_together)
{
	char buf[64];
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd), 0);
	talloc_free(b.chan);
	open_end(&b, fd[0]);
	chan_send_span(b.chan, 1, SPAN_LIT("a"));
	chan_send_span(b.chan, 2, SPAN_LIT("bc"));
	ck_assert_int_lt(recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT), 0);
	turns(3);
	ck_assert_int_eq(recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT), 7 + 8);
	TALLOC_FREE(b.chan);
	close(fd[1]);
}
END_TEST

START_TEST(chan_copies_what_it_sends)
{
	char text[] = "before";

	join();
	chan_send_span(a.chan, 1, span_str(text));
	memcpy(text, "after!", 6);
	turns(5);
	assert_frames(&b, "1 before\n");
}
END_TEST

START_TEST(chan_passes_the_largest_frame)
{
	size_t n = CHAN_FRAME_MAX_BYTES - 2;
	uint8_t *p = talloc_size(mem, n);

	join();
	a.keeps = b.keeps = false;
	b.echoes = true;
	memset(p, 0x5a, n);
	for (int i = 0; i < 3; i++)
		chan_send_span(a.chan, 7, span_of(p, n));
	chan_send_span(a.chan, 8, SPAN_LIT("last"));
	while (a.frame_count < 4)
		turns(10);
	ck_assert_uint_eq(b.bytes, 3 * n + 4);
	ck_assert_uint_eq(a.bytes, 3 * n + 4);
}
END_TEST

START_TEST(chan_passes_frames_of_every_size_around_a_block)
{
	uint8_t *p = talloc_size(mem, 200000);
	size_t sum = 0, count = 0;

	join();
	b.keeps = false;
	for (size_t i = 0; i < 200000; i++)
		p[i] = (uint8_t)i;
	for (size_t n = 65520; n < 65550; n++) {
		chan_send_span(a.chan, 1, span_of(p, n));
		chan_send_span(a.chan, 1, span_of(p, n * 3));
		sum += n * 4;
		count += 2;
	}
	while (b.frame_count < count)
		turns(10);
	ck_assert_uint_eq(b.bytes, sum);
	ck_assert_uint_eq(chan_queued(a.chan), 0);
}
END_TEST

START_TEST(chan_tells_when_the_queue_has_drained)
{
	uint8_t *p = talloc_zero_size(mem, 100000);

	join();
	b.keeps = false;
	chan_set_low_mark(a.chan, 200000);
	chan_send_span(a.chan, 1, span_of(p, 100000));
	turns(5);
	ck_assert_uint_eq(a.drained, 0); /* never above */
	chan_pause(b.chan, true);
	for (int i = 0; i < 30; i++)
		chan_send_span(a.chan, 1, span_of(p, 100000));
	ck_assert_uint_gt(chan_queued(a.chan), 2000000);
	turns(20);
	ck_assert_uint_eq(b.frame_count, 1); /* paused */
	ck_assert_uint_eq(a.drained, 0);
	chan_pause(b.chan, false);
	while (b.frame_count < 31)
		turns(10);
	ck_assert_uint_eq(a.drained, 1);
	ck_assert_uint_eq(chan_queued(a.chan), 0);
}
END_TEST

START_TEST(chan_end_is_told_once_and_later)
{
	join();
	TALLOC_FREE(a.chan);
	ck_assert_uint_eq(b.closed, 0);
	turns(5);
	ck_assert_uint_eq(b.closed, 1);
	ck_assert_str_ne(b.why, "");
	chan_send_span(b.chan, 1, SPAN_LIT("into the void"));
	ck_assert_uint_eq(chan_queued(b.chan), 0);
	chan_pause(b.chan, false);
	turns(5);
	ck_assert_uint_eq(b.closed, 1);
}
END_TEST

START_TEST(chan_hands_over_all_before_the_end)
{
	join();
	for (int i = 0; i < 1000; i++)
		chan_send_span(a.chan, 1, SPAN_LIT("x"));
	turns(1);
	TALLOC_FREE(a.chan);
	turns(5);
	ck_assert_uint_eq(b.frame_count, 1000);
	ck_assert_uint_eq(b.closed, 1);
}
END_TEST

static void
say_and_die(void *arg)
{
	(void)arg;
	inject_frame(3, CHAN_VERSION, 1, "g");
	inject_frame(3, CHAN_VERSION, 2, "x");
	close(raw);
	raw = -1;
}

/* Just before we write: it may have told of deliveries. */
START_TEST(chan_hands_over_what_a_dead_side_said_though_writing_fails)
{
	net_later(mem, net, say_and_die, NULL);
	b.frees_in_frame = _i == 1;
	chan_send_span(b.chan, 1, SPAN_LIT("into the void"));
	turns(5);
	ck_assert_uint_eq(b.closed, _i == 0 ? 1 : 0);
	assert_frames(&b, _i == 0 ? "1 g\n2 x\n" : "1 g\n");
}
END_TEST

/* It reads no more, and says nothing either. */
START_TEST(chan_ends_when_writing_fails)
{
	ck_assert_int_eq(shutdown(raw, SHUT_RD), 0);
	chan_send_span(b.chan, 1, SPAN_LIT("into the void"));
	turns(5);
	ck_assert_uint_eq(b.closed, 1);
	ck_assert_str_eq(b.why, "Broken pipe");
	ck_assert_uint_eq(chan_queued(b.chan), 0);
}
END_TEST

START_TEST(chan_may_be_freed_in_any_callback)
{
	join();
	b.frees_in_frame = _i == 0;
	b.frees_in_batch = _i == 1;
	b.frees_when_closed = _i == 2;
	chan_send_span(a.chan, 1, SPAN_LIT("x"));
	chan_send_span(a.chan, 1, SPAN_LIT("y"));
	turns(3);
	if (_i == 2)
		TALLOC_FREE(a.chan);
	turns(5);
	ck_assert_ptr_null(b.chan);
	ck_assert_uint_eq(b.frame_count, _i == 0 ? 1 : 2);
}
END_TEST

START_TEST(chan_may_be_freed_with_frames_queued)
{
	join();
	chan_send_span(a.chan, 1, SPAN_LIT("x"));
	TALLOC_FREE(a.chan);
	turns(5);
	ck_assert_uint_eq(b.frame_count, 0);
	ck_assert_uint_eq(a.closed, 0);
}
END_TEST

/* ---- among enemies (B3.12) ---- */

static const struct hostile {
	const char *name;
	uint32_t n;
	uint8_t version;
} hostiles[] = {
	{ "no room for version and type", 1, CHAN_VERSION },
	{ "nothing at all", 0, CHAN_VERSION },
	{ "over the limit by one", CHAN_FRAME_MAX_BYTES + 1, CHAN_VERSION },
	{ "four gigabytes", UINT32_MAX, CHAN_VERSION },
	{ "sign bit", 0x80000002u, CHAN_VERSION },
	{ "version 0", 3, 0 },
	{ "next version", 3, CHAN_VERSION + 1 },
};

START_TEST(b3_12_a_bad_header_closes_the_channel)
{
	inject_frame(3, CHAN_VERSION, 1, "g");
	inject_frame(hostiles[_i].n, hostiles[_i].version, 2, "x");
	inject_frame(3, CHAN_VERSION, 3, "g");
	turns(5);
	assert_frames(&b, "1 g\n"); /* nothing behind it is believed */
	ck_assert_msg(b.closed == 1, "%s", hostiles[_i].name);
	ck_assert_str_ne(b.why, "");
}
END_TEST

/* Whatever it is refused with, even what elsewhere means "later". */
START_TEST(b3_12_a_refused_frame_closes_the_channel)
{
	b.refuse = 2;
	b.refusal = _i == 0 ? ST_SYNTAX : ST_TEMP;
	inject_frame(3, CHAN_VERSION, 1, "g");
	inject_frame(3, CHAN_VERSION, 2, "x");
	inject_frame(3, CHAN_VERSION, 3, "g");
	turns(5);
	assert_frames(&b, "1 g\n2 x\n");
	ck_assert_uint_eq(b.closed, 1);
	ck_assert_str_eq(b.why, "type 2 is not for me");
}
END_TEST

START_TEST(b3_12_a_frame_cut_off_is_never_handed_over)
{
	inject_frame(100, CHAN_VERSION, 1, "only the beginning");
	turns(5);
	ck_assert_uint_eq(b.closed, 0);
	close(raw);
	raw = -1;
	turns(5);
	ck_assert_uint_eq(b.frame_count, 0);
	ck_assert_uint_eq(b.closed, 1);
}
END_TEST

START_TEST(b3_12_a_frame_may_come_byte_by_byte)
{
	static const uint8_t bytes[] = { 0, 0, 0, 4, CHAN_VERSION, 5, 'h', 'i',
		0, 0, 0, 2, CHAN_VERSION, 6 };

	for (size_t i = 0; i < sizeof(bytes); i++) {
		inject(&bytes[i], 1);
		turns(2);
		ck_assert_uint_eq(b.frame_count, i >= 13 ? 2 : i >= 7);
	}
	assert_frames(&b, "5 hi\n6 \n");
}
END_TEST

/* What is promised costs address space, not memory, and goes again. */
START_TEST(b3_12_a_promised_frame_is_bounded)
{
	inject_frame(CHAN_FRAME_MAX_BYTES, CHAN_VERSION, 1, "");
	turns(5);
	ck_assert_uint_le(talloc_total_size(b.chan),
	    CHAN_FRAME_MAX_BYTES + (1u << 20));
	ck_assert_uint_eq(b.closed, 0);
}
END_TEST

START_TEST(b3_12_a_peer_that_does_not_read_costs_only_the_queue)
{
	size_t n = 1u << 20;
	uint8_t *p = talloc_zero_size(mem, n);

	for (int i = 0; i < 8; i++)
		chan_send_span(b.chan, 1, span_of(p, n));
	turns(5);
	ck_assert_uint_eq(b.closed, 0);
	ck_assert_uint_le(talloc_total_size(b.chan), 9u << 20);
	TALLOC_FREE(b.chan);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("chan");
	TCase *t = tcase_create("friends");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, chan_keeps_order_and_content);
	tcase_add_test(t, chan_sends_the_frames_of_a_turn_together);
	tcase_add_test(t, chan_copies_what_it_sends);
	tcase_add_test(t, chan_passes_the_largest_frame);
	tcase_add_test(t, chan_passes_frames_of_every_size_around_a_block);
	tcase_add_test(t, chan_tells_when_the_queue_has_drained);
	tcase_add_test(t, chan_end_is_told_once_and_later);
	tcase_add_test(t, chan_hands_over_all_before_the_end);
	tcase_add_loop_test(t,
	    chan_hands_over_what_a_dead_side_said_though_writing_fails, 0, 2);
	tcase_add_test(t, chan_ends_when_writing_fails);
	tcase_add_loop_test(t, chan_may_be_freed_in_any_callback, 0, 3);
	tcase_add_test(t, chan_may_be_freed_with_frames_queued);
	suite_add_tcase(s, t);

	t = tcase_create("enemies");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, b3_12_a_bad_header_closes_the_channel, 0,
	    (int)COUNT_OF(hostiles));
	tcase_add_loop_test(t, b3_12_a_refused_frame_closes_the_channel, 0, 2);
	tcase_add_test(t, b3_12_a_frame_cut_off_is_never_handed_over);
	tcase_add_test(t, b3_12_a_frame_may_come_byte_by_byte);
	tcase_add_test(t, b3_12_a_promised_frame_is_bounded);
	tcase_add_test(t, b3_12_a_peer_that_does_not_read_costs_only_the_queue);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
