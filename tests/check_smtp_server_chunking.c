/* SPDX-License-Identifier: BSD-2-Clause */
/* The server machine: content by BDAT, RFC 3030. */
#include "smtp/unstuff.h"
#include "tests/server_session.h"

/* "BDAT n[ LAST]" and the octets, which may be any. */
static void
add_chunk(struct sbuf *b, struct span octets, bool last)
{
	sbuf_printf(b, "BDAT %zu%s\r\n", octets.n, last ? " LAST" : "");
	sbuf_span(b, octets);
}

static void
feed_chunk(struct span octets, bool last)
{
	struct sbuf b;

	sbuf_init(&b, mem, octets.n + 64);
	add_chunk(&b, octets, last);
	feed(b.p, b.n);
	sbuf_free(&b);
}

START_TEST(smtp_48_chunks_make_one_message_in_a_pipeline)
{
	greet();
	said();
	feed_str("EHLO c.example\r\n");
	ck_assert_ptr_nonnull(strstr(said(), "250-CHUNKING\r\n"));
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"
		 "BDAT 13\r\nSubject: x\r\n\rBDAT 0\r\nBDAT 4\r\n\nab\r"
		 "bdat 6 last\r\n\ncd\r\n.MAIL FROM:<e@f>\r\n");
	ck_assert_str_eq(said(), "250 2.1.0 sender ok\r\n"
				 "250 2.1.5 recipient ok\r\n"
				 "250 2.0.0 13 octets received\r\n"
				 "250 2.0.0 0 octets received\r\n"
				 "250 2.0.0 4 octets received\r\n"
				 "250 2.0.0 queued as ID\r\n"
				 "250 2.1.0 sender ok\r\n");
	ck_assert_uint_eq(message_count, 1);
	ck_assert(span_eq(message[0].content,
	    "Subject: x\r\n\r\nab\r\ncd\r\n.\r\n"));
	ck_assert_uint_eq(message[0].header_bytes, 12);
}
END_TEST

/* At each octet: two chunks, cut there, and two reads, cut there. */
START_TEST(smtp_48_a_chunk_may_end_anywhere)
{
	static const char text[] = "Subject: x\r\n\r\n.\r\n..\r\n.a\r\n\r\n";
	struct span all = span_str(text);

	hello();
	for (size_t cut = 0; cut <= all.n; cut++)
		for (size_t read = 0; read < 80; read++) {
			struct sbuf b;

			sbuf_init(&b, mem, 256);
			sbuf_str(&b, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
			add_chunk(&b, span_sub(all, 0, cut), false);
			add_chunk(&b, span_sub(all, cut, all.n), true);
			message_count = 0;
			feed(b.p, read);
			feed(b.p + read, b.n - read);
			sbuf_free(&b);
			must(message_count == 1);
			must(span_eq(message[0].content, text));
			must(message[0].header_bytes == 12);
		}
}
END_TEST

START_TEST(smtp_48_bdat_0_last_ends_a_message)
{
	open_mail();
	check_said("BDAT 0 LAST\r\n", "250 2.0.0 queued");
	ck_assert_uint_eq(message_count, 1);
	ck_assert_uint_eq(message[0].content.n, 0);
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	feed_chunk(SPAN_LIT("x\r\n"), false);
	check_said("BDAT 0 LAST\r\n", "250 2.0.0 queued");
	ck_assert(span_eq(message[1].content, "x\r\n"));
}
END_TEST

/* RFC 3030 2: the receiver "MUST accept and discard the associated message
 * data before sending the appropriate 5XX or 4XX code". */
START_TEST(smtp_48_out_of_order_is_503_and_its_octets_are_no_commands)
{
	static const char octets[] = "QUIT\r\nMAIL FROM:<x@y>\r\n";

	greet();
	said();
	feed_chunk(span_str(octets), true);
	ck_assert_str_eq(said(), "503 5.5.1 send MAIL first\r\n");
	feed_str("EHLO c.example\r\n");
	said();
	feed_chunk(span_str(octets), false);
	ck_assert_str_eq(said(), "503 5.5.1 send MAIL first\r\n");
	feed_str("MAIL FROM:<a@b>\r\n");
	said();
	feed_str("BDAT 25\r\n");
	feed_by_byte(octets, 24);
	ck_assert_str_eq(said(), "");
	feed_str("\nRCPT TO:<c@d>\r\n");
	ck_assert_str_eq(said(), "503 5.5.1 no valid recipients\r\n"
				 "250 2.1.5 recipient ok\r\n");
	feed_chunk(SPAN_LIT("x\r\n"), true);
	feed_chunk(span_str(octets), true); /* behind LAST */
	ck_assert_str_eq(codes(), "250 503");
	ck_assert_uint_eq(message_count, 1);
	ck_assert(!closed);
}
END_TEST

/* RFC 3030 2: "DATA and BDAT commands cannot be used in the same
 * transaction." */
START_TEST(smtp_48_data_and_bdat_do_not_mix)
{
	open_mail();
	feed_chunk(SPAN_LIT("a\r\n"), false);
	check_said("DATA\r\n", "503 5.5.1");
	check_said("RCPT TO:<e@f>\r\n", "503 5.5.1");
	check_said("MAIL FROM:<e@f>\r\n", "503 5.5.1");
	check_said("NOOP\r\n", "250 2.0.0");
	feed_chunk(SPAN_LIT("b\r\n"), true);
	ck_assert_uint_eq(message_count, 1);
	ck_assert(span_eq(message[0].content, "a\r\nb\r\n"));
	ck_assert_str_eq(message[0].rcpts, "c@d.example");
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	said();
	feed_str("BDAT 3 LAST\r\n.\r\n");
	ck_assert_str_eq(codes(), "250");
	ck_assert(span_eq(message[1].content, "BDAT 3 LAST\r\n"));
}
END_TEST

START_TEST(smtp_48_a_failed_chunk_fails_the_transaction)
{
	struct sbuf b;

	sbuf_init(&b, mem, 1024);
	open_mail();
	feed_chunk(SPAN_LIT("good\r\n"), false);
	said();
	add_chunk(&b, SPAN_LIT("bare\nLF\r\nQUIT\r\n"), false);
	add_chunk(&b, SPAN_LIT("QUIT\r\n"), false);
	add_chunk(&b, SPAN_LIT("QUIT\r\n"), true);
	feed(b.p, b.n);
	ck_assert_str_eq(said(), "550 5.6.0 bare CR or LF in message\r\n"
				 "503 5.5.1 send MAIL first\r\n"
				 "503 5.5.1 send MAIL first\r\n");
	ck_assert_uint_eq(forgotten, 1);
	ck_assert_uint_eq(message_count, 0);
	check_said("RCPT TO:<e@f>\r\n", "503 5.5.1");
	check_said("DATA\r\n", "503 5.5.1");
	feed_str("MAIL FROM:<e@f>\r\nRCPT TO:<g@h>\r\n");
	feed_chunk(SPAN_LIT("x\r\n"), true);
	ck_assert_uint_eq(message_count, 1);
	ck_assert_str_eq(message[0].rcpts, "g@h");
}
END_TEST

START_TEST(smtp_48_the_owner_may_refuse_the_first_chunk_or_the_message)
{
	open_mail();
	said();
	answer_data = "451 4.3.0 later";
	feed_str("BDAT 6\r\nQUIT\r");
	ck_assert_str_eq(said(), "");
	feed_str("\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n");
	ck_assert_str_eq(codes(), "451 503 250");
	answer_data = NULL;
	answer_end = "452 4.3.1 no room";
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	said();
	feed_chunk(SPAN_LIT("x\r\n"), true);
	ck_assert_str_eq(codes(), "452");
	ck_assert(!server_in_transaction(srv));
	ck_assert_uint_eq(forgotten, 0);
}
END_TEST

START_TEST(b1_4_what_came_is_forgotten_when_a_transaction_is_left)
{
	static const char *const leave[] = { "RSET\r\n", "EHLO c\r\n",
		"HELO c\r\n", "STARTTLS\r\n" };

	for (size_t i = 0; i < COUNT_OF(leave); i++) {
		fresh_session();
		open_mail();
		feed_chunk(SPAN_LIT("secret\r\n"), false);
		ck_assert_uint_eq(forgotten, 0);
		feed_str(leave[i]);
		ck_assert_uint_eq(forgotten, 1);
		ck_assert(!server_in_transaction(srv));
		if (starting_tls)
			continue;
		feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
		feed_chunk(SPAN_LIT("x\r\n"), true);
		ck_assert_uint_eq(message_count, 1);
		ck_assert(span_eq(message[0].content, "x\r\n"));
	}
}
END_TEST

START_TEST(smtp_05_a_missing_last_crlf_is_added)
{
	static const struct {
		const char *octets, *content;
		size_t header_bytes;
	} cases[] = {
		{ "x", "x\r\n", 0 },
		{ ".", ".\r\n", 0 },
		{ "\r\nx", "\r\nx\r\n", 0 },
		{ "\r\n", "\r\n", 0 },
		{ "A: b", "A: b\r\n", 6 },
		{ "A: b\r\n", "A: b\r\n", 6 },
		{ "A: b\r\n c", "A: b\r\n c\r\n", 10 },
		{ "A: b\r\nc", "A: b\r\nc\r\n", 6 },
		{ "A: b\r\n\r\nc", "A: b\r\n\r\nc\r\n", 6 },
		{ "A: b\r\n\r\nc\r\n", "A: b\r\n\r\nc\r\n", 6 },
	};

	hello();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct span all = span_str(cases[i].octets);

		for (size_t cut = 0; cut <= all.n; cut++)
			for (int by_byte = 0; by_byte < 2; by_byte++) {
				struct sbuf b;

				sbuf_init(&b, mem, 128);
				add_chunk(&b, span_sub(all, 0, cut), false);
				add_chunk(&b, span_sub(all, cut, all.n), true);
				message_count = 0;
				feed_str("MAIL FROM:<a@b>\r\n"
					 "RCPT TO:<c@d>\r\n");
				if (by_byte)
					feed_by_byte(b.p, b.n);
				else
					feed(b.p, b.n);
				ck_assert_uint_eq(message_count, 1);
				ck_assert(span_eq(message[0].content,
				    cases[i].content));
				ck_assert_uint_eq(message[0].header_bytes,
				    cases[i].header_bytes);
			}
	}
}
END_TEST

START_TEST(c6_an_added_crlf_counts_for_the_size)
{
	conf.message_bytes = 1000;
	open_mail();
	said();
	feed_chunk(span_of(memset(talloc_size(mem, 999), 'x', 999), 999), true);
	ck_assert_str_eq(said(), "552 5.6.0 line of message too long\r\n");
	for (unsigned over = 0; over < 2; over++) {
		struct sbuf b;

		sbuf_init(&b, mem, 2048);
		for (int i = 0; i < 99; i++)
			sbuf_str(&b, "01234567\r\n");
		sbuf_str(&b, over ? "012345678" : "01234567");
		feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
		said();
		feed_chunk(sbuf_view(&b), true);
		ck_assert_str_eq(codes(), over ? "552" : "250");
	}
}
END_TEST

START_TEST(smtp_02_bare_cr_or_lf_is_refused_in_chunks_too)
{
	static const char *const bodies[] = { "a\nb\r\n", "a\rb\r\n", "\n\r\n",
		"\ra\r\n", "a\r\r\n", "a\n\r\n", ".\n\r\n", "\r", "a\r", "\n",
		"a\r\n\r", "a\r\n.\r" };

	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		struct span all = span_str(bodies[i]);

		for (size_t cut = 0; cut < all.n; cut++) {
			struct sbuf b;

			fresh_session();
			open_mail();
			said();
			sbuf_init(&b, mem, 256);
			add_chunk(&b, span_sub(all, 0, cut), false);
			add_chunk(&b, span_sub(all, cut, all.n), true);
			sbuf_str(&b, "NOOP\r\n");
			feed(b.p, b.n);
			ck_assert_ptr_nonnull(strstr(said(), "550 5.6.0"));
			ck_assert_uint_eq(message_count, 0);
			ck_assert_uint_eq(forgotten, 1);
			ck_assert(!closed);
		}
	}
}
END_TEST

START_TEST(smtp_07_lines_of_chunks_have_the_same_limit)
{
	char *line = talloc_zero_array(mem, char, 1100);

	memset(line, '.', 1000);
	memcpy(line + 998, "\r\n\0", 3);
	open_mail();
	said();
	feed_chunk(span_str(line), true);
	ck_assert_str_eq(codes(), "250");
	ck_assert_uint_eq(message[0].content.n, 1000);
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	said();
	memset(line, 'x', 1000);
	memcpy(line + 999, "\r\n\0", 3);
	feed_chunk(span_sub(span_str(line), 0, 500), false);
	feed_chunk(span_sub(span_str(line), 500, 1001), true);
	ck_assert_str_eq(said(), "250 2.0.0 500 octets received\r\n"
				 "552 5.6.0 line of message too long\r\n");
}
END_TEST

START_TEST(smtp_19_hops_are_counted_in_chunks)
{
	struct sbuf b;

	sbuf_init(&b, mem, 1u << 16);
	for (int i = 0; i < 101; i++)
		sbuf_str(&b, "Received: from x\r\n\tby y\r\n");
	open_mail();
	said();
	feed_chunk(sbuf_view(&b), true);
	ck_assert_str_eq(said(), "554 5.4.6 too many hops\r\n");
}
END_TEST

/* BODY=BINARYMIME belongs to an extension that is not offered. */
START_TEST(smtp_48_binarymime_is_not_taken)
{
	hello();
	check_said("MAIL FROM:<a@b> BODY=BINARYMIME\r\n", "501 5.5.4");
	ck_assert(!server_in_transaction(srv));
}
END_TEST

START_TEST(tls_20_a_chunk_refused_in_clear_is_swallowed)
{
	conf.tls_required = true;
	hello();
	said();
	feed_chunk(SPAN_LIT("QUIT\r\nSTARTTLS\r\n"), true);
	ck_assert_str_eq(said(), "530 5.7.0 send STARTTLS first\r\n");
	ck_assert(!closed && !starting_tls);
}
END_TEST

/* How much follows is not known: nothing of it may be read as commands. */
START_TEST(smtp_48_a_bdat_that_cannot_be_read_ends_the_session)
{
	static const char *const bad[] = { "BDAT\r\n", "BDAT x\r\n",
		"BDAT -1\r\n", "BDAT 1x\r\n", "BDAT 5 LASTS\r\n",
		"BDAT 5 LAST LAST\r\n", "BDAT LAST\r\n",
		"BDAT 123456789012345678901\r\n", "  bdat 5\rLAST\r\n",
		"BDAT 0x10\r\n" };
	char *line = talloc_zero_array(mem, char, 4096);

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		fresh_session();
		open_mail();
		check_cut(bad[i], "50");
		feed_str("NOOP\r\n");
		ck_assert_str_eq(said(), "");
	}
	memset(line, '0', 3000);
	memcpy(line, "BDAT ", 5);
	fresh_session();
	open_mail();
	check_cut(line, "500 5.5.2");
}
END_TEST

/* As check_smtp_server_content's: what counts is that a stray is found. */
static bool
has_stray(struct span a)
{
	for (size_t i = 0; i < a.n; i++)
		if ((a.p[i] == '\r' && (i + 1 == a.n || a.p[i + 1] != '\n')) ||
		    (a.p[i] == '\n' && (i == 0 || a.p[i - 1] != '\r')))
			return true;
	return false;
}

static void
check_mix(struct span a)
{
	bool stray = has_stray(a);
	struct sbuf b;

	sbuf_init(&b, mem, 256);
	for (size_t cut = 0; cut <= a.n; cut++) {
		message_count = 0;
		sbuf_reset(&b);
		sbuf_str(&b, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
		add_chunk(&b, span_sub(a, 0, cut), false);
		add_chunk(&b, span_sub(a, cut, a.n), true);
		feed(b.p, b.n);
		sbuf_reset(&transcript);
		must(!server_in_transaction(srv));
		must(message_count == (stray ? 0 : 1));
		if (stray)
			continue;
		must(span_eq_span(span_sub(message[0].content, 0, a.n), a));
		talloc_free(message[0].sender);
		talloc_free(message[0].rcpts);
	}
	sbuf_free(&b);
}

/*
 * B1.1: all mixes of {CR, LF, CRLF, NUL, "."} up to five long, a dot put in
 * at each place, commands behind; two chunks, cut at every place.
 */
START_TEST(b1_1_all_mixes_of_cr_lf_nul_and_dot_in_chunks)
{
	static const struct span tokens[] = { { (const uint8_t *)"\r", 1 },
		{ (const uint8_t *)"\n", 1 }, { (const uint8_t *)"\r\n", 2 },
		{ (const uint8_t *)"\0", 1 }, { (const uint8_t *)".", 1 } };
	struct sbuf b;

	conf.errors = UINT32_MAX;
	hello();
	sbuf_init(&b, mem, 256);
	for (unsigned n = 0, count = 1; n <= 5; n++, count *= 5)
		for (unsigned mix = 0; mix < count; mix++)
			for (unsigned dot = 0; dot <= n; dot++) {
				unsigned left = mix;

				sbuf_reset(&b);
				sbuf_str(&b, "a");
				for (unsigned i = 0; i < n; i++) {
					if (i == dot)
						sbuf_u8(&b, '.');
					sbuf_span(&b, tokens[left % 5]);
					left /= 5;
				}
				if (dot == n)
					sbuf_u8(&b, '.');
				sbuf_str(&b, "QUIT\r\n");
				check_mix(sbuf_view(&b));
			}
}
END_TEST

/* B1.5: a session that ends within a chunk ends there, at every octet. */
START_TEST(b1_5_a_chunk_cut_off_is_no_message_and_nothing_follows)
{
	static const char text[] = "BDAT 6\r\nab\r\ncdBDAT 4 LAST\r\ne\r\nf";

	for (size_t cut = 0; cut <= strlen(text); cut++) {
		bool whole = cut == strlen(text);

		fresh_session();
		open_mail();
		feed(text, cut);
		ck_assert_uint_eq(message_count, whole);
		said();
		server_bye(srv, "421 4.3.2 going down");
		feed_str(text + cut);
		feed_str("MAIL FROM:<x@y>\r\nBDAT 1 LAST\r\nx");
		ck_assert_str_eq(said(), "421 4.3.2 going down\r\n");
		ck_assert(closed);
		ck_assert_uint_eq(message_count, whole);
	}
}
END_TEST

START_TEST(b1_6_sizes_do_not_overflow)
{
	static const char *const sizes[] = { "1048577", "4294967295",
		"4294967296", "9223372036854775807", "9223372036854775808",
		"9999999999999999999", "18446744073709551615",
		"18446744073709551616" };

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		char *line = talloc_asprintf(mem, "BDAT %s LAST\r\n", sizes[i]);

		fresh_session();
		open_mail();
		check_cut(line, "5");
		fresh_session();
		open_mail();
		feed_chunk(SPAN_LIT("abc\r\n"), false);
		check_cut(line, "5");
		fresh_session();
		hello();
		check_cut(line, "50");
	}
}
END_TEST

START_TEST(b1_6_a_size_over_the_limit_by_one_is_refused_and_swallowed)
{
	struct sbuf b;

	conf.message_bytes = 1000;
	sbuf_init(&b, mem, 4096);
	for (int i = 0; i < 101; i++)
		sbuf_str(&b, "01234567\r\n");
	open_mail();
	said();
	feed_chunk(span_sub(sbuf_view(&b), 0, 1000), true);
	ck_assert_str_eq(codes(), "250");
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	said();
	feed_chunk(span_sub(sbuf_view(&b), 0, 990), false);
	feed_chunk(SPAN_LIT("012345678\r\n"), true);
	feed_str("NOOP\r\n");
	ck_assert_str_eq(said(), "250 2.0.0 990 octets received\r\n"
				 "552 5.3.4 message too big\r\n"
				 "250 2.0.0 ok\r\n");
	ck_assert_uint_eq(message_count, 1);
	ck_assert_uint_eq(forgotten, 1);
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	check_cut("BDAT 1001 LAST\r\n", "552 5.3.4"); /* not swallowed */
}
END_TEST

START_TEST(b1_6_without_last_there_is_no_message)
{
	open_mail();
	for (int i = 0; i < 100; i++)
		feed_chunk(SPAN_LIT("x\r\n"), false);
	ck_assert_uint_eq(message_count, 0);
	feed_str("QUIT\r\n");
	ck_assert(closed);
	ck_assert_uint_eq(message_count, 0);
}
END_TEST

START_TEST(b1_6_a_million_chunks_of_one_octet_are_cut_off)
{
	size_t before, sent = 0;

	open_mail();
	before = talloc_total_size(mem);
	while (!closed && sent < 1000000) {
		feed_str("BDAT 1\r\nx");
		sent++;
		sbuf_reset(&transcript);
	}
	ck_assert(closed);
	ck_assert_uint_eq(sent, SERVER_SMALL_CHUNKS + 1);
	ck_assert_uint_le(talloc_total_size(mem), before + (1u << 20));
	fresh_session();
	hello();
	for (sent = 0; !closed && sent < 1000000; sent++)
		feed_str("BDAT 0\r\n"); /* no transaction: errors */
	ck_assert_uint_eq(sent, conf.errors);
}
END_TEST

START_TEST(b1_6_chunks_of_a_fair_size_have_no_budget)
{
	char *line = talloc_zero_array(mem, char, SERVER_SMALL_CHUNK_BYTES + 1);

	memset(line, 'x', SERVER_SMALL_CHUNK_BYTES);
	memcpy(line + SERVER_SMALL_CHUNK_BYTES - 2, "\r\n", 2);
	open_mail();
	for (unsigned i = 0; i < SERVER_SMALL_CHUNKS + 10; i++)
		feed_chunk(span_of(line, SERVER_SMALL_CHUNK_BYTES), false);
	feed_str("BDAT 0 LAST\r\n");
	ck_assert_uint_eq(message_count, 1);
}
END_TEST

START_TEST(c6_fifty_mib_by_bdat_in_constant_memory)
{
	const uint64_t total = 50u << 20;
	char *block = talloc_array(mem, char, 65536);
	size_t before = 0;

	for (size_t i = 0; i < 65536; i += 64)
		memcpy(block + i,
		    "..x------------------------------------------"
		    "-----------------\r\n",
		    64);
	conf.message_bytes = total;
	open_mail();
	keeps_content = false;
	said();
	feed_str(talloc_asprintf(mem, "BDAT %llu\r\n",
	    (unsigned long long)total / 2));
	for (uint64_t at = 0; at < total / 2; at += 65536) {
		feed(block, 65536);
		if (at == 0)
			before = talloc_total_size(srv);
		ck_assert_uint_eq(input.n, 0);
		ck_assert_uint_le(talloc_total_size(srv), before + 1024);
	}
	for (uint64_t at = 0; at < total / 2; at += 65536) {
		bool last = at + 65536 == total / 2;

		feed_str(last ? "BDAT 65536 LAST\r\n" : "BDAT 65536\r\n");
		feed(block, 65536);
		ck_assert_uint_le(talloc_total_size(srv), before + 4096);
	}
	ck_assert(!closed);
	ck_assert_uint_eq(content_count, total);
	ck_assert_uint_eq(message_count, 1);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		smtp_48_chunks_make_one_message_in_a_pipeline,
		smtp_48_a_chunk_may_end_anywhere,
		smtp_48_bdat_0_last_ends_a_message,
		smtp_48_out_of_order_is_503_and_its_octets_are_no_commands,
		smtp_48_data_and_bdat_do_not_mix,
		smtp_48_a_failed_chunk_fails_the_transaction,
		smtp_48_the_owner_may_refuse_the_first_chunk_or_the_message,
		b1_4_what_came_is_forgotten_when_a_transaction_is_left,
		smtp_05_a_missing_last_crlf_is_added,
		c6_an_added_crlf_counts_for_the_size,
		smtp_02_bare_cr_or_lf_is_refused_in_chunks_too,
		smtp_07_lines_of_chunks_have_the_same_limit,
		smtp_19_hops_are_counted_in_chunks,
		smtp_48_binarymime_is_not_taken,
		tls_20_a_chunk_refused_in_clear_is_swallowed,
		smtp_48_a_bdat_that_cannot_be_read_ends_the_session,
		b1_1_all_mixes_of_cr_lf_nul_and_dot_in_chunks,
		b1_5_a_chunk_cut_off_is_no_message_and_nothing_follows,
		b1_6_sizes_do_not_overflow,
		b1_6_a_size_over_the_limit_by_one_is_refused_and_swallowed,
		b1_6_without_last_there_is_no_message,
		b1_6_a_million_chunks_of_one_octet_are_cut_off,
		b1_6_chunks_of_a_fair_size_have_no_budget,
		c6_fifty_mib_by_bdat_in_constant_memory,
	};

	return run_session_tests("smtp_server_chunking", tests,
	    COUNT_OF(tests));
}
