/* SPDX-License-Identifier: BSD-2-Clause */
/* The server machine: content by DATA. */
#include "smtp/unstuff.h"
#include "tests/server_session.h"

START_TEST(smtp_04_stuffed_dots_are_removed_byte_for_byte)
{
	static const struct {
		const char *wire;
		const char *content;
	} cases[] = {
		{ ".\r\n", "" },
		{ "..\r\n.\r\n", ".\r\n" },
		{ "...\r\n.\r\n", "..\r\n" },
		{ ".a\r\n.\r\n", "a\r\n" },
		{ "a.\r\n.\r\n", "a.\r\n" },
		{ "a\r\n..\r\n..b\r\n\r\n.\r\n", "a\r\n.\r\n.b\r\n\r\n" },
		{ "\r\n.\r\n", "\r\n" },
		{ " .\r\n.\r\n", " .\r\n" },
		{ "a\r\n..\r\n.\r\n", "a\r\n.\r\n" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		for (size_t cut = 0; cut <= strlen(cases[i].wire); cut++) {
			fresh_session();
			open_data();
			feed(cases[i].wire, cut);
			feed_str(cases[i].wire + cut);
			ck_assert_uint_eq(message_count, 1);
			ck_assert(span_eq(message[0].content,
			    cases[i].content));
		}
}
END_TEST

START_TEST(smtp_05_no_crlf_is_added_or_lost)
{
	struct sbuf wire, body;

	sbuf_init(&wire, mem, 1u << 20);
	sbuf_init(&body, mem, 1u << 20);
	for (int i = 0; i < 3000; i++) {
		sbuf_printf(&wire, "%s%d %0*d\r\n", i % 7 == 0 ? ".." : "", i,
		    i % 100 + 1, i);
		sbuf_printf(&body, "%s%d %0*d\r\n", i % 7 == 0 ? "." : "", i,
		    i % 100 + 1, i);
	}
	sbuf_str(&wire, ".\r\n");
	open_data();
	feed(wire.p, wire.n);
	for (size_t step = 1; step < 200; step += 13) {
		feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
		for (size_t at = 0; at < wire.n; at += step)
			feed(wire.p + at,
			    wire.n - at < step ? wire.n - at : step);
		ck_assert_uint_gt(message_count, 1);
		ck_assert(span_eq_span(message[(message_count - 1) %
					       KEPT_MESSAGES]
					   .content,
		    sbuf_view(&body)));
	}
	ck_assert(span_eq_span(message[0].content, sbuf_view(&body)) ||
		  message_count > KEPT_MESSAGES);
}
END_TEST

START_TEST(smtp_02_bare_cr_or_lf_in_content_is_refused_after_its_end)
{
	static const char *const bodies[] = { "a\nb\r\n", "a\rb\r\n", "\n\r\n",
		"\ra\r\n", "a\r\r\n", "a\n\r\n", ".\n\r\n", "..\n\r\n",
		".\ra\r\n", "a\r\n\n\r\n", "a\r\n.\r\r\n" };

	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		fresh_session();
		open_data();
		said();
		feed_str(bodies[i]);
		ck_assert_str_eq(said(), "");
		ck_assert_uint_eq(forgotten, 1);
		feed_str("MAIL FROM:<evil@x>\r\n.\r\nNOOP\r\n");
		ck_assert_str_eq(said(),
		    "550 5.6.0 bare CR or LF in message\r\n250 2.0.0 ok\r\n");
		ck_assert_uint_eq(message_count, 0);
		ck_assert(!server_in_transaction(srv));
	}
}
END_TEST

START_TEST(smtp_01_only_crlf_dot_crlf_ends_a_message)
{
	static const char *const ends[] = { "\n.\n", "\n.\r\n", "\r\n.\n",
		"\r.\r", "\r\n.\r", "\r.\r\n", "\n\n.\n\n", "\r\n.\r\r\n",
		"\r\n\0.\r\n", "\r\n.\0\r\n" };
	static const char
	    smuggled[] = "MAIL FROM:<evil@x>\r\n"
			 "RCPT TO:<victim@y>\r\nDATA\r\nevil\r\n.\r\n";

	for (size_t i = 0; i < COUNT_OF(ends); i++)
		for (int by_byte = 0; by_byte < 2; by_byte++) {
			size_t n = strlen(ends[i]);

			if (n == 2 && i >= 8)
				n = 6;
			fresh_session();
			open_data();
			said();
			feed_str("first");
			if (by_byte) {
				feed_by_byte(ends[i], n);
				feed_by_byte(smuggled, sizeof(smuggled) - 1);
			} else {
				feed(ends[i], n);
				feed(smuggled, sizeof(smuggled) - 1);
			}
			ck_assert_uint_le(message_count, 1);
			ck_assert_str_eq(codes(),
			    message_count == 1 ? "250" : "550");
			ck_assert(!server_in_content(srv));
		}
}
END_TEST

/*
 * A slow reader of RFC 5321 4.1.1.4: where content ends (after the first
 * CRLF "." CRLF, the CRLF of DATA counting) and whether what precedes has a
 * stray CR or LF.  0: no end.
 */
static size_t
slow_end(const uint8_t *p, size_t n, bool *stray)
{
	for (size_t i = 0; i + 3 <= n; i++)
		if ((i == 0 ||
			(i >= 2 && p[i - 2] == '\r' && p[i - 1] == '\n')) &&
		    p[i] == '.' && p[i + 1] == '\r' && p[i + 2] == '\n') {
			*stray = false;
			for (size_t k = 0; k < i; k++)
				if ((p[k] == '\r' && p[k + 1] != '\n') ||
				    (p[k] == '\n' &&
					(k == 0 || p[k - 1] != '\r')))
					*stray = true;
			return i + 3;
		}
	return 0;
}

/* Through the reader alone, cut at one place. */
static void
check_unstuff(const uint8_t *p, size_t n, size_t cut, size_t end, bool stray)
{
	struct unstuff u = unstuff_start(1000);
	struct span part[2] = { span_of(p, cut), span_of(p + cut, n - cut) };
	struct span out;
	size_t left;

	for (int i = 0; i < 2; i++)
		while (unstuff_step(&u, &part[i], &out))
			continue;
	left = part[0].n + part[1].n;
	must((u.at == UNSTUFF_AT_END) == (end != 0));
	if (end == 0)
		return;
	must(n - left == end);
	must(((u.faults & UNSTUFF_BARE) != 0) == stray);
}

static void
check_mix(const uint8_t *p, size_t n)
{
	bool stray = false;
	size_t end = slow_end(p, n, &stray);

	must(end != 0);
	for (size_t cut = 0; cut <= n; cut++)
		check_unstuff(p, n, cut, end, stray);
	for (int by_byte = 0; by_byte < 2; by_byte++) {
		sbuf_reset(&transcript);
		message_count = 0;
		feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
		sbuf_reset(&transcript);
		if (by_byte)
			feed_by_byte(p, end);
		else
			feed(p, end);
		must(!server_in_transaction(srv));
		must(message_count == (stray ? 0 : 1));
		must(span_starts(sbuf_view(&transcript),
		    stray ? "550 5.6.0" : "250 2.0.0"));
		talloc_free(message_count > 0 ? message[0].sender : NULL);
		talloc_free(message_count > 0 ? message[0].rcpts : NULL);
	}
}

/*
 * B1.1: all mixes of {CR, LF, CRLF, NUL, "."} up to five long, a dot put in
 * at each place, smuggled commands behind; whole, by byte and at every cut.
 */
START_TEST(b1_1_all_mixes_of_cr_lf_nul_and_dot)
{
	static const struct span tokens[] = { { (const uint8_t *)"\r", 1 },
		{ (const uint8_t *)"\n", 1 }, { (const uint8_t *)"\r\n", 2 },
		{ (const uint8_t *)"\0", 1 }, { (const uint8_t *)".", 1 } };
	static const char tail[] = "MAIL FROM:<evil@x>\r\n.\r\n";
	size_t mixes = 0;
	struct sbuf b;

	conf.errors = UINT32_MAX;
	hello();
	sbuf_init(&b, mem, 256);
	for (unsigned n = 0, count = 1; n <= 5; n++, count *= 5)
		for (unsigned mix = 0; mix < count; mix++)
			for (unsigned dot = 0; dot <= n; dot++) {
				unsigned left = mix;

				sbuf_reset(&b);
				sbuf_str(&b, "ab");
				for (unsigned i = 0; i < n; i++) {
					if (i == dot)
						sbuf_u8(&b, '.');
					sbuf_span(&b, tokens[left % 5]);
					left /= 5;
				}
				if (dot == n)
					sbuf_u8(&b, '.');
				sbuf_str(&b, tail);
				check_mix(b.p, b.n);
				mixes++;
			}
	ck_assert_uint_eq(mixes,
	    1 + 5 * 2 + 25 * 3 + 125 * 4 + 625 * 5 + 3125 * 6);
}
END_TEST

START_TEST(smtp_07_lines_up_to_the_limit_and_over)
{
	char *line = talloc_zero_array(mem, char, 1100);

	memset(line, 'x', 1000);
	memcpy(line + 998, "\r\n\0", 3);
	open_data();
	feed_str(line);
	feed_str(talloc_asprintf(mem, "..%s", line + 1));
	said();
	feed_str(".\r\n");
	ck_assert_str_eq(codes(), "250");
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	said();
	memset(line, 'x', 1000);
	memcpy(line + 999, "\r\n\0", 3);
	feed_by_byte(line, strlen(line));
	ck_assert_uint_eq(forgotten, 1);
	feed_str(".\r\nNOOP\r\n");
	ck_assert_str_eq(said(), "552 5.6.0 line of message too long\r\n"
				 "250 2.0.0 ok\r\n");
}
END_TEST

START_TEST(c4_an_endless_line_of_content_is_never_held)
{
	char block[4096];
	size_t before, fed;

	conf.message_bytes = 1u << 20;
	open_data();
	memset(block, 'x', sizeof(block));
	feed(block, sizeof(block));
	before = talloc_total_size(srv);
	for (fed = sizeof(block); !closed && fed < 64u << 20;
	     fed += sizeof(block)) {
		feed(block, sizeof(block));
		ck_assert_uint_eq(input.n, 0);
		ck_assert_uint_le(talloc_total_size(srv), before + 1024);
	}
	ck_assert(closed);
	ck_assert_uint_le(fed, 3u << 20);
	ck_assert_uint_eq(forgotten, 1);
}
END_TEST

static void
feed_content(size_t bytes)
{
	for (size_t i = 0; i < bytes / 64; i++)
		feed_str("..x--------------------------------------"
			 "---------------------\r\n");
	feed_str(".\r\n");
}

START_TEST(c6_size_limit_is_exact_to_the_byte)
{
	/* feed_content(n) sends lines of 63 bytes after unstuffing */
	conf.message_bytes = 63 * 1100;
	open_data();
	said();
	feed_content(64 * 1100);
	ck_assert_str_eq(codes(), "250");
	ck_assert_uint_eq(message[0].content.n, conf.message_bytes);
	conf.message_bytes = 63 * 1100 - 1;
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	said();
	feed_content(64 * 1100);
	ck_assert_str_eq(said(), "552 5.3.4 message too big\r\n");
	ck_assert_uint_eq(message_count, 1);
	ck_assert_uint_eq(forgotten, 1);
}
END_TEST

START_TEST(c6_a_size_declared_too_small_does_not_matter)
{
	hello();
	feed_str("MAIL FROM:<a@b> SIZE=1\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	feed_content(64 * 100);
	ck_assert_uint_eq(message_count, 1);
}
END_TEST

START_TEST(a_transaction_keeps_the_limits_it_began_with)
{
	open_data();
	conf.message_bytes = 64;
	conf.text_line_bytes = 1;
	conf.received = 0;
	said();
	feed_str("Received: x\r\n");
	feed_content(6400);
	ck_assert_str_eq(codes(), "250");
	check_said("MAIL FROM:<a@b> SIZE=65\r\n", "552 5.3.4");
}
END_TEST

START_TEST(eight_bit_content_is_noticed)
{
	open_data();
	feed_str("plain\r\n.\r\n");
	ck_assert(!message[0].has_8bit);
	for (size_t at = 0; at < 20; at++) {
		char text[] = "0123456789abcdefghij\r\n.\r\n";

		text[at] = (char)0xe4;
		feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
		feed_str(text);
		ck_assert(message[(message_count - 1) % KEPT_MESSAGES]
			      .has_8bit);
	}
}
END_TEST

static void
send_with_received(unsigned count)
{
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	for (unsigned i = 0; i < count; i++)
		feed_str(i % 2 ? "Received: from x\r\n\tby y\r\n" :
				 "RECEIVED : z\r\n");
	feed_str("X-Received: no\r\nReceive: no\r\nSubject: Received: no\r\n"
		 " Received: no\r\n\r\nReceived: in body\r\n");
	said();
	feed_str(".\r\n");
}

START_TEST(smtp_19_the_hundred_and_first_received_is_a_loop)
{
	hello();
	send_with_received(100);
	ck_assert_str_eq(codes(), "250");
	send_with_received(101);
	ck_assert_str_eq(said(), "554 5.4.6 too many hops\r\n");
	ck_assert_uint_eq(message_count, 1);
}
END_TEST

/* Also where a line of the header section is stuffed, by mistake or not. */
START_TEST(smtp_18_a_submission_may_add_fields_at_every_cut)
{
	static const struct {
		const char *wire, *header, *body;
	} cases[] = {
		{ ".\r\n", "", "" },
		{ "\r\n.\r\n", "", "\r\n" },
		{ "A: b\r\n.\r\n", "A: b\r\n", "" },
		{ "A: b\r\nLong-Name: c\r\n d\r\n\r\nbody\r\n.\r\n",
		    "A: b\r\nLong-Name: c\r\n d\r\n", "\r\nbody\r\n" },
		{ "A: b\r\n..c: d\r\n\r\n..\r\n.\r\n", "A: b\r\n.c: d\r\n",
		    "\r\n.\r\n" },
		{ "A: b\r\n..\r\n.\r\n", "A: b\r\n", ".\r\n" },
		{ "..\r\nA: b\r\n.\r\n", "", ".\r\nA: b\r\n" },
		{ "no header\r\n\r\n.\r\n", "", "no header\r\n\r\n" },
	};

	hello();
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		for (size_t cut = 0; cut <= strlen(cases[i].wire); cut++) {
			const struct message *m = &message[0];

			message_count = 0;
			feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
			feed_str("DATA\r\n");
			feed(cases[i].wire, cut);
			feed_str(cases[i].wire + cut);
			ck_assert_uint_eq(message_count, 1);
			ck_assert(span_eq(span_sub(m->content, 0,
					      m->header_bytes),
			    cases[i].header));
			ck_assert(span_eq(span_sub(m->content, m->header_bytes,
					      m->content.n),
			    cases[i].body));
		}
}
END_TEST

START_TEST(smtp_18_content_is_not_inspected)
{
	static const char text[] = "no header at all\r\n\r\n\r\n \t\r\n";

	open_data();
	feed_str(text);
	feed_str(".\r\n");
	ck_assert_uint_eq(message_count, 1);
	ck_assert(span_eq(message[0].content, text));
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		smtp_04_stuffed_dots_are_removed_byte_for_byte,
		smtp_05_no_crlf_is_added_or_lost,
		smtp_02_bare_cr_or_lf_in_content_is_refused_after_its_end,
		smtp_01_only_crlf_dot_crlf_ends_a_message,
		b1_1_all_mixes_of_cr_lf_nul_and_dot,
		smtp_07_lines_up_to_the_limit_and_over,
		c4_an_endless_line_of_content_is_never_held,
		c6_size_limit_is_exact_to_the_byte,
		c6_a_size_declared_too_small_does_not_matter,
		a_transaction_keeps_the_limits_it_began_with,
		eight_bit_content_is_noticed,
		smtp_19_the_hundred_and_first_received_is_a_loop,
		smtp_18_a_submission_may_add_fields_at_every_cut,
		smtp_18_content_is_not_inspected,
	};

	return run_session_tests("smtp_server_content", tests, COUNT_OF(tests));
}
