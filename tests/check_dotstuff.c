/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/dotstuff.h"
#include "smtp/unstuff.h"
#include "util/sbuf.h"

static TALLOC_CTX *mem;

static void
setup(void)
{
	mem = talloc_new(NULL);
}

static void
teardown(void)
{
	talloc_free(mem);
}

/*
 * Content in parts of at most cut bytes, pieces of room at a time.  ST_OK:
 * all that goes over the wire is in *wire, and no piece has a bare CR or LF
 * when put behind the one before.
 */
static enum status
stuff(struct span content, size_t cut, size_t room, struct sbuf *wire)
{
	struct dotstuff d = dotstuff_start();
	struct span piece[8], part, end;
	size_t count;

	ck_assert_uint_le(room, COUNT_OF(piece));
	sbuf_init(wire, mem, 1u << 20);
	while (content.n > 0) {
		part = span_sub(content, 0, cut);
		content = span_sub(content, part.n, content.n);
		while (part.n > 0) {
			if (dotstuff_step(&d, &part, piece, room, &count) !=
			    ST_OK)
				return ST_SYNTAX;
			ck_assert_uint_le(count, room);
			for (size_t i = 0; i < count; i++)
				sbuf_span(wire, piece[i]);
		}
	}
	if (dotstuff_end(&d, &end) != ST_OK)
		return ST_SYNTAX;
	sbuf_span(wire, end);
	return ST_OK;
}

static void
expect(struct span content, const char *wire)
{
	struct sbuf got;

	for (size_t cut = 1; cut <= content.n + 1; cut++)
		for (size_t room = DOTSTUFF_ROOM; room <= 8; room++) {
			ck_assert_int_eq(stuff(content, cut, room, &got),
			    ST_OK);
			ck_assert_msg(span_eq(sbuf_view(&got), wire),
			    "cut %zu: got \"%s\"", cut, sbuf_cstr(&got));
		}
}

START_TEST(smtp_04_leading_dots_are_doubled_at_every_cut)
{
	expect(SPAN_LIT(".\r\n"), "..\r\n.\r\n");
	expect(SPAN_LIT("..\r\n.a\r\n"), "...\r\n..a\r\n.\r\n");
	expect(SPAN_LIT("a.b\r\n.\r\n.\r\n"), "a.b\r\n..\r\n..\r\n.\r\n");
	expect(SPAN_LIT("x\r\n\r\n.y."), "x\r\n\r\n..y.\r\n.\r\n");
	expect(SPAN_LIT("."), "..\r\n.\r\n");
}
END_TEST

START_TEST(smtp_05_last_line_gets_exactly_one_crlf)
{
	expect(SPAN_LIT("a"), "a\r\n.\r\n");
	expect(SPAN_LIT("a\r\n"), "a\r\n.\r\n");
	expect(SPAN_LIT("a\r\n\r\n"), "a\r\n\r\n.\r\n");
	expect(SPAN_LIT(""), ".\r\n");
}
END_TEST

/* All strings of up to five of these bytes: B1.2's stray line ends. */
START_TEST(smtp_03_b1_2_no_bare_cr_or_lf_ever_leaves)
{
	static const char bytes[] = "\r\n.a";
	struct sbuf wire;
	char text[6];

	for (unsigned n = 0; n < 4096; n++) {
		size_t len = 0;
		unsigned rest = n;
		bool clean = true;

		for (; len < 6; len++, rest /= 4)
			text[len] = bytes[rest % 4];
		for (size_t i = 0; i < len; i++) {
			if (text[i] == '\r')
				clean &= i + 1 < len && text[i + 1] == '\n';
			if (text[i] == '\n')
				clean &= i > 0 && text[i - 1] == '\r';
		}
		for (size_t cut = 1; cut <= len; cut++)
			ck_assert_int_eq(stuff(span_of(text, len), cut,
					     DOTSTUFF_ROOM, &wire),
			    clean ? ST_OK : ST_SYNTAX);
		sbuf_free(&wire);
	}
}
END_TEST

/* Even where the content turns out bad later, what was given is clean. */
START_TEST(smtp_03_pieces_before_a_bare_cr_end_in_no_cr)
{
	struct dotstuff d = dotstuff_start();
	struct span in = SPAN_LIT("abc\r"), piece[4];
	size_t count;

	ck_assert_int_eq(dotstuff_step(&d, &in, piece, 4, &count), ST_OK);
	ck_assert_uint_eq(count, 1);
	ck_assert(span_eq(piece[0], "abc"));
	in = SPAN_LIT("def");
	ck_assert_int_eq(dotstuff_step(&d, &in, piece, 4, &count), ST_SYNTAX);
	ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(smtp_04_what_was_stuffed_is_unstuffed_to_the_same_bytes)
{
	static const char alphabet[] = "ab.\r";
	uint32_t seed = 1;
	struct sbuf content, wire, back;
	struct unstuff u;
	struct span in, out;

	sbuf_init(&content, mem, 100000);
	for (unsigned i = 0; i < 20000; i++) {
		char ch;

		seed = seed * 1664525u + 1013904223u;
		ch = alphabet[seed >> 30];
		sbuf_str(&content, ch == '\r' ? "\r\n" : "");
		if (ch != '\r')
			sbuf_u8(&content, (uint8_t)ch);
	}
	sbuf_str(&content, "\r\n");
	ck_assert_int_eq(stuff(sbuf_view(&content), 977, 8, &wire), ST_OK);
	sbuf_init(&back, mem, 100000);
	u = unstuff_start(100000);
	in = sbuf_view(&wire);
	while (unstuff_step(&u, &in, &out))
		sbuf_span(&back, out);
	sbuf_span(&back, out);
	ck_assert_int_eq(u.at, UNSTUFF_AT_END);
	ck_assert_uint_eq(in.n, 0);
	ck_assert(span_eq_span(sbuf_view(&back), sbuf_view(&content)));
}
END_TEST

/* Content in two chunks; *ends_in_cr: one of them does, as it is sent. */
static enum status
chunk(struct span content, size_t cut, struct sbuf *wire, bool *ends_in_cr)
{
	struct dotstuff d = dotstuff_start();
	struct span piece[DOTSTUFF_CHUNK_PIECES];
	size_t count;

	*ends_in_cr = false;
	sbuf_init(wire, mem, 1000);
	for (int i = 0; i < 2; i++) {
		struct span part = i == 0 ? span_sub(content, 0, cut) :
					    span_sub(content, cut, content.n);

		if (dotstuff_chunk(&d, part, i == 1, piece, &count) != ST_OK)
			return ST_SYNTAX;
		ck_assert_uint_le(count, DOTSTUFF_CHUNK_PIECES);
		for (size_t k = 0; k < count; k++)
			sbuf_span(wire, piece[k]);
		*ends_in_cr |= span_ends(sbuf_view(wire), "\r");
	}
	return ST_OK;
}

/* All of six bytes, at each cut: as it was, with its last CRLF. */
START_TEST(smtp_03_smtp_05_smtp_48_chunks_hold_what_was_given_and_whole_crlf)
{
	static const char bytes[] = { '\r', '\n', '.', 'a' };

	for (unsigned n = 0; n < 7 * 4096; n++) {
		char text[9];
		size_t len = n / 4096;
		unsigned rest = n % 4096;
		bool clean = true, ends_in_cr;
		struct sbuf wire;

		for (size_t i = 0; i < len; i++, rest /= 4)
			text[i] = bytes[rest % 4];
		if (rest > 0)
			continue;
		for (size_t i = 0; i < len; i++) {
			if (text[i] == '\r')
				clean &= i + 1 < len && text[i + 1] == '\n';
			if (text[i] == '\n')
				clean &= i > 0 && text[i - 1] == '\r';
		}
		for (size_t cut = 0; cut <= len; cut++) {
			enum status st = chunk(span_of(text, len), cut, &wire,
			    &ends_in_cr);

			ck_assert_int_eq(st, clean ? ST_OK : ST_SYNTAX);
			ck_assert(!ends_in_cr);
			if (len == 0 || text[len - 1] == '\n')
				text[len] = '\0';
			else
				memcpy(text + len, "\r\n", 3);
			if (clean)
				ck_assert_str_eq(sbuf_cstr(&wire), text);
			sbuf_free(&wire);
		}
	}
}
END_TEST

START_TEST(clean_content_is_one_piece)
{
	struct dotstuff d = dotstuff_start();
	struct span in = SPAN_LIT("Subject: x\r\n\r\nline\r\nline\r\n");
	struct span all = in, piece[4];
	size_t count;

	ck_assert_int_eq(dotstuff_step(&d, &in, piece, 4, &count), ST_OK);
	ck_assert_uint_eq(count, 1);
	ck_assert_ptr_eq(piece[0].p, all.p); /* not copied */
	ck_assert_uint_eq(piece[0].n, all.n);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("dotstuff");
	TCase *t = tcase_create("dotstuff");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, smtp_04_leading_dots_are_doubled_at_every_cut);
	tcase_add_test(t, smtp_05_last_line_gets_exactly_one_crlf);
	tcase_add_test(t, smtp_03_b1_2_no_bare_cr_or_lf_ever_leaves);
	tcase_add_test(t, smtp_03_pieces_before_a_bare_cr_end_in_no_cr);
	tcase_add_test(t,
	    smtp_04_what_was_stuffed_is_unstuffed_to_the_same_bytes);
	tcase_add_test(t,
	    smtp_03_smtp_05_smtp_48_chunks_hold_what_was_given_and_whole_crlf);
	tcase_add_test(t, clean_content_is_one_piece);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
