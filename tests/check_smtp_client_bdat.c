/* SPDX-License-Identifier: BSD-2-Clause */
/* Content by BDAT, RFC 3030. */
#include "tests/smtp_client.h"

#define EHLO_BDAT  "250-mx.example\r\n250-PIPELINING\r\n250 CHUNKING\r\n"
#define EHLO_CHUNK "250-mx.example\r\n250 CHUNKING\r\n"

/* The envelope is done: content is asked for. */
static void
to_chunks(const char *ehlo)
{
	ready(ehlo);
	mail_to(1);
	run();
	hear("250 ok\r\n");
	ck_assert_int_eq(hear("250 ok\r\n"), CLIENT_BODY);
	ck_assert_int_eq(client_state(client), CLIENT_S_CHUNK);
	sbuf_reset(&wire);
}

static enum client_action
give(const char *text, bool last)
{
	client_body(client, now, span_str(text), last);
	return run();
}

START_TEST(smtp_48_chunks_have_exact_counts_and_no_dot_is_doubled)
{
	to_chunks(EHLO_BDAT);
	ck_assert_int_eq(give(".a\r\n..\r\n", false), CLIENT_BODY);
	expect_sent("BDAT 8\r\n.a\r\n..\r\n");
	ck_assert_int_eq(give(".\r\n", true), CLIENT_WAIT);
	expect_sent("BDAT 3 LAST\r\n.\r\n");
	ck_assert_int_eq(client_state(client), CLIENT_S_DOT);
	ck_assert_int_eq(hear("250 one\r\n"), CLIENT_WAIT);
	ck_assert_int_eq(hear("250 all\r\n"), CLIENT_MAIL_DONE);
	ck_assert_int_eq(client_result(client).at, CLIENT_S_DOT);
	ck_assert(span_eq(client_result(client).reply.text, "all"));
	ck_assert_int_eq(run(), CLIENT_READY);
	expect_sent("");
}
END_TEST

START_TEST(smtp_48_bdat_is_sent_only_where_it_is_offered_and_allowed)
{
	struct client_conf without = conf;

	ready(EHLO_PIPE);
	mail_to(1);
	run();
	ck_assert(span_ends(sbuf_view(&wire), "DATA\r\n"));
	sbuf_reset(&wire);
	sbuf_reset(&in);
	without.bdat = false;
	client = client_new(mem, &without, CLIENT_TLS_NEVER, now);
	hear("220 mx\r\n");
	hear(EHLO_BDAT);
	mail_to(1);
	run();
	ck_assert(span_ends(sbuf_view(&wire), "DATA\r\n"));
	ready_tls(EHLO_BDAT);
	mail_to(1);
	run();
	ck_assert(span_ends(sbuf_view(&wire), "RCPT TO:<a@d.example>\r\n"));
}
END_TEST

/* The CR waits, so that no chunk ends in one. */
START_TEST(smtp_48_smtp_03_a_cut_within_crlf_and_before_a_dot)
{
	static const char content[] = "a\r\n.b\r\n.\r\n\r\n..";
	const size_t n = sizeof(content) - 1;

	for (size_t cut = 0; cut <= n; cut++) {
		struct sbuf want;
		size_t first = cut;

		sbuf_init(&want, mem, 1000);
		if (first > 0 && content[first - 1] == '\r')
			first--;
		if (first > 0)
			sbuf_printf(&want, "BDAT %zu\r\n%.*s", first,
			    (int)first, content);
		sbuf_printf(&want, "BDAT %zu LAST\r\n%s\r\n", n - first + 2,
		    content + first);
		to_chunks(EHLO_BDAT);
		client_body(client, now, span_of(content, cut), false);
		ck_assert_int_eq(run(), CLIENT_BODY);
		client_body(client, now, span_of(content + cut, n - cut), true);
		ck_assert_int_eq(run(), CLIENT_WAIT);
		expect_sent(sbuf_cstr(&want));
	}
}
END_TEST

START_TEST(smtp_05_by_bdat_a_missing_last_crlf_is_added_and_counted)
{
	to_chunks(EHLO_BDAT);
	give("x", true);
	expect_sent("BDAT 3 LAST\r\nx\r\n");
	to_chunks(EHLO_BDAT);
	give("x", false);
	give("", true);
	expect_sent("BDAT 1\r\nxBDAT 2 LAST\r\n\r\n");
	to_chunks(EHLO_BDAT);
	give("x\r\n", false);
	give("", true);
	expect_sent("BDAT 3\r\nx\r\nBDAT 0 LAST\r\n");
	ck_assert_int_eq(client_state(client), CLIENT_S_DOT);
	to_chunks(EHLO_BDAT);
	give("", true);
	expect_sent("BDAT 0 LAST\r\n");
	ck_assert_int_eq(client_state(client), CLIENT_S_DOT);
}
END_TEST

static const char *const smuggled[] = { "a\n.\n", "a\r\n.\n", "a\n.\r\n",
	"a\r.\r", "\n", "\r", "a\r\n\rb\r\n", "a\r\nMAIL FROM:<x@y>\n" };

START_TEST(smtp_03_b1_2_bare_cr_or_lf_leaves_in_no_chunk)
{
	to_chunks(EHLO_BDAT);
	client_body(client, now, span_str(smuggled[_i]), true);
	ck_assert_int_eq(run(), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_CONTENT, CLIENT_S_CHUNK);
	expect_sent("");
	client_quit(client, now);
	ck_assert_int_eq(run(), CLIENT_DONE);
	expect_sent("");
	to_chunks(EHLO_BDAT); /* the CR in one chunk, no LF in the next */
	give("a\r", false);
	sbuf_reset(&wire);
	ck_assert_int_eq(give("b\r\n", true), CLIENT_FAILED);
	expect_sent("");
}
END_TEST

START_TEST(smtp_48_without_pipelining_each_chunk_waits_for_its_reply)
{
	to_chunks(EHLO_CHUNK);
	ck_assert_int_eq(give("a\r\n", false), CLIENT_WAIT);
	expect_sent("BDAT 3\r\na\r\n");
	ck_assert_int_eq(client_deadline(client).ms, now.ms + conf.block_ms);
	ck_assert_int_eq(hear("250 ok\r\n"), CLIENT_BODY);
	ck_assert_int_eq(give("b\r\n", true), CLIENT_WAIT);
	ck_assert_int_eq(hear("250 ok\r\n"), CLIENT_MAIL_DONE);
}
END_TEST

START_TEST(smtp_48_with_pipelining_chunks_without_a_reply_are_bounded)
{
	to_chunks(EHLO_BDAT);
	for (unsigned i = 1; i < CLIENT_CHUNKS; i++)
		ck_assert_int_eq(give("a\r\n", false), CLIENT_BODY);
	ck_assert_int_eq(give("a\r\n", false), CLIENT_WAIT);
	ck_assert_int_eq(hear("250 ok\r\n"), CLIENT_BODY);
	ck_assert_int_eq(give("a\r\n", false), CLIENT_WAIT);
	ck_assert_int_eq(hear("250 ok\r\n250 ok\r\n"), CLIENT_BODY);
}
END_TEST

/* Content goes only where somebody is to have it. */
START_TEST(smtp_48_no_chunk_leaves_before_a_recipient_was_accepted)
{
	ready(EHLO_BDAT);
	mail_to(3);
	ck_assert_int_eq(run(), CLIENT_WAIT);
	expect_sent("MAIL FROM:<s@x.example>\r\nRCPT TO:<a@d.example>\r\n"
		    "RCPT TO:<b@d.example>\r\nRCPT TO:<c@d.example>\r\n");
	ck_assert_int_eq(hear("250 a\r\n550 b\r\n550 c\r\n"), CLIENT_WAIT);
	ck_assert_int_eq(hear("550 d\r\n"), CLIENT_MAIL_DONE);
	ck_assert_int_eq(client_result(client).at, CLIENT_S_RCPT);
	run();
	expect_sent("RSET\r\n");
	ck_assert_int_eq(hear("250 ok\r\n"), CLIENT_READY);
	mail_to(2);
	run();
	sbuf_reset(&wire);
	ck_assert_int_eq(hear("550 a\r\n503 b\r\n503 c\r\n"), CLIENT_MAIL_DONE);
	ck_assert_int_eq(client_result(client).at, CLIENT_S_MAIL);
	ck_assert_int_eq(run(), CLIENT_READY);
	expect_sent("");
	mail_to(2);
	run();
	ck_assert_int_eq(hear("250 a\r\n550 b\r\n250 c\r\n"), CLIENT_BODY);
}
END_TEST

/* ---- failures ---- */

START_TEST(smtp_48_after_a_failed_chunk_none_follows_and_rset_clears)
{
	to_chunks(EHLO_BDAT);
	give("a\r\n", false);
	ck_assert_int_eq(give("b\r\n", false), CLIENT_BODY);
	sbuf_reset(&wire);
	ck_assert_int_eq(hear("552 5.3.4 too big\r\n"), CLIENT_WAIT);
	ck_assert_int_eq(client_state(client), CLIENT_S_DRAIN);
	expect_sent("");
	/* One was under way: its reply is not that of RSET. */
	ck_assert_int_eq(hear("503 no\r\n"), CLIENT_MAIL_DONE);
	ck_assert_int_eq(client_result(client).at, CLIENT_S_CHUNK);
	ck_assert_uint_eq(client_result(client).reply.code, 552);
	ck_assert_str_eq(client_result(client).reply.enhanced, "5.3.4");
	run();
	expect_sent("RSET\r\n");
	ck_assert_int_eq(hear("250 ok\r\n"), CLIENT_READY);
	mail_to(1);
	run();
	ck_assert_int_eq(hear("250 ok\r\n250 ok\r\n"), CLIENT_BODY);
}
END_TEST

/* RFC 3030 2: the chunk at hand is completed, and no other is begun. */
START_TEST(smtp_48_a_chunk_that_was_begun_is_sent_to_its_end)
{
	to_chunks(EHLO_BDAT);
	give("a\r\n", false);
	sbuf_reset(&wire);
	client_body(client, now, SPAN_LIT("0123456789\r\n"), false);
	send_bytes = 15;
	ck_assert(transmit());
	send_bytes = 0;
	ck_assert_int_eq(hear("452 full\r\n"), CLIENT_WAIT);
	send_bytes = SIZE_MAX;
	ck_assert_int_eq(run(), CLIENT_WAIT);
	expect_sent("BDAT 12\r\n0123456789\r\n");
	ck_assert_int_eq(hear("452 full\r\n"), CLIENT_MAIL_DONE);
	ck_assert_uint_eq(client_result(client).reply.code, 452);
	run();
	expect_sent("RSET\r\n");
}
END_TEST

START_TEST(smtp_48_a_chunk_refused_after_the_last_has_left_is_final)
{
	to_chunks(EHLO_BDAT);
	give("a\r\n", false);
	ck_assert_int_eq(give("b\r\n", true), CLIENT_WAIT);
	ck_assert_int_eq(hear("552 too big\r\n"), CLIENT_WAIT);
	ck_assert_int_eq(client_state(client), CLIENT_S_DRAIN);
	ck_assert_int_eq(hear("250 ok\r\n"), CLIENT_MAIL_DONE);
	ck_assert_int_eq(client_result(client).at, CLIENT_S_CHUNK);
	ck_assert_uint_eq(client_result(client).reply.code, 552);
}
END_TEST

START_TEST(smtp_48_a_refused_last_chunk_resets)
{
	to_chunks(EHLO_BDAT);
	give("a\r\n", true);
	sbuf_reset(&wire);
	ck_assert_int_eq(hear("550 spam\r\n"), CLIENT_MAIL_DONE);
	ck_assert_int_eq(client_result(client).at, CLIENT_S_DOT);
	run();
	expect_sent("RSET\r\n");
	ck_assert_int_eq(hear("250 ok\r\n"), CLIENT_READY);
}
END_TEST

static void
within_a_chunk(void)
{
	to_chunks(EHLO_BDAT);
	client_body(client, now, SPAN_LIT("0123456789\r\n"), true);
	send_bytes = 15;
	ck_assert(transmit());
	send_bytes = 0;
	sbuf_reset(&wire);
}

/* What would be said next would be taken for the rest of the chunk. */
START_TEST(smtp_48_refused_within_a_chunk_the_session_is_left_in_silence)
{
	within_a_chunk();
	ck_assert_int_eq(hear("552 too big\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_REPLY, CLIENT_S_DRAIN);
	ck_assert_int_eq(client_result(client).at, CLIENT_S_CHUNK);
	ck_assert_uint_eq(client_result(client).reply.code, 552);
	client_quit(client, now);
	send_bytes = SIZE_MAX;
	ck_assert_int_eq(run(), CLIENT_DONE);
	expect_sent("");
}
END_TEST

START_TEST(smtp_48_a_reply_before_all_of_a_chunk_is_never_a_delivery)
{
	within_a_chunk();
	ck_assert_int_eq(hear("250 ok\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_PROTOCOL, CLIENT_S_CHUNK);
	send_bytes = SIZE_MAX;
	to_chunks(EHLO_BDAT);
	client_body(client, now, SPAN_LIT("x\r\n"), true);
	send_bytes = 4; /* "BDAT" */
	ck_assert(transmit());
	send_bytes = 0;
	ck_assert_int_eq(hear("250 ok\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_PROTOCOL, CLIENT_S_CHUNK);
	send_bytes = SIZE_MAX;
	to_chunks(EHLO_BDAT);
	ck_assert_int_eq(hear("250 ok\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_PROTOCOL, CLIENT_S_CHUNK);
	to_chunks(EHLO_BDAT);
	give("x\r\n", true);
	ck_assert_int_eq(hear("354 go\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_PROTOCOL, CLIENT_S_DOT);
}
END_TEST

START_TEST(smtp_33_421_to_a_chunk_ends_the_session)
{
	to_chunks(EHLO_BDAT);
	give("a\r\n", false);
	ck_assert_int_eq(hear("421 closing\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_REPLY, CLIENT_S_DRAIN);
	ck_assert_uint_eq(client_result(client).reply.code, 421);
	to_chunks(EHLO_BDAT); /* not "maybe delivered": a chunk was refused */
	give("a\r\n", false);
	give("b\r\n", true);
	ck_assert_int_eq(hear("421 closing\r\n"), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_REPLY, CLIENT_S_DRAIN);
	to_chunks(EHLO_BDAT);
	give("b\r\n", true);
	ck_assert_int_eq(hear("421 closing\r\n"), CLIENT_MAIL_DONE);
	ck_assert_int_eq(run(), CLIENT_FAILED);
}
END_TEST

START_TEST(smtp_41_lost_before_the_end_of_the_last_chunk_is_not_after_it)
{
	within_a_chunk();
	client_lost(client, "reset");
	ck_assert_int_eq(run(), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_LOST, CLIENT_S_CHUNK);
	send_bytes = SIZE_MAX;
	to_chunks(EHLO_BDAT);
	give("a\r\n", false);
	give("b\r\n", true);
	client_lost(client, "reset");
	ck_assert_int_eq(run(), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_LOST, CLIENT_S_DOT);
}
END_TEST

START_TEST(smtp_36_chunks_and_the_last_have_their_own_time)
{
	to_chunks(EHLO_CHUNK);
	give("a\r\n", false);
	expect_timeout(conf.block_ms, CLIENT_S_CHUNK);
	to_chunks(EHLO_BDAT);
	give("a\r\n", false);
	now.ms += conf.block_ms - 1;
	hear("250 ok\r\n"); /* progress: the time begins anew */
	expect_timeout(conf.block_ms, CLIENT_S_CHUNK);
	to_chunks(EHLO_BDAT);
	give("a\r\n", true);
	expect_timeout(conf.dot_ms, CLIENT_S_DOT);
	to_chunks(EHLO_BDAT);
	give("a\r\n", false);
	give("b\r\n", false);
	hear("552 no\r\n");
	expect_timeout(conf.block_ms, CLIENT_S_DRAIN);
	within_a_chunk();
	expect_timeout(conf.block_ms, CLIENT_S_CHUNK);
}
END_TEST

START_TEST(smtp_48_one_message_after_the_other_by_either_way)
{
	to_chunks(EHLO_BDAT);
	for (int i = 0; i < 3; i++) {
		give("x\r\n", false);
		give("y\r\n", true);
		hear("250 a\r\n");
		ck_assert_int_eq(hear("250 b\r\n"), CLIENT_MAIL_DONE);
		ck_assert_int_eq(run(), CLIENT_READY);
		mail_to(1);
		run();
		ck_assert_int_eq(hear("250 a\r\n250 b\r\n"), CLIENT_BODY);
	}
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t,
	    smtp_48_chunks_have_exact_counts_and_no_dot_is_doubled);
	tcase_add_test(t,
	    smtp_48_bdat_is_sent_only_where_it_is_offered_and_allowed);
	tcase_add_test(t, smtp_48_smtp_03_a_cut_within_crlf_and_before_a_dot);
	tcase_add_test(t,
	    smtp_05_by_bdat_a_missing_last_crlf_is_added_and_counted);
	tcase_add_loop_test(t, smtp_03_b1_2_bare_cr_or_lf_leaves_in_no_chunk, 0,
	    (int)COUNT_OF(smuggled));
	tcase_add_test(t,
	    smtp_48_without_pipelining_each_chunk_waits_for_its_reply);
	tcase_add_test(t,
	    smtp_48_with_pipelining_chunks_without_a_reply_are_bounded);
	tcase_add_test(t,
	    smtp_48_no_chunk_leaves_before_a_recipient_was_accepted);
	tcase_add_test(t,
	    smtp_48_after_a_failed_chunk_none_follows_and_rset_clears);
	tcase_add_test(t, smtp_48_a_chunk_that_was_begun_is_sent_to_its_end);
	tcase_add_test(t,
	    smtp_48_a_chunk_refused_after_the_last_has_left_is_final);
	tcase_add_test(t, smtp_48_a_refused_last_chunk_resets);
	tcase_add_test(t,
	    smtp_48_refused_within_a_chunk_the_session_is_left_in_silence);
	tcase_add_test(t,
	    smtp_48_a_reply_before_all_of_a_chunk_is_never_a_delivery);
	tcase_add_test(t, smtp_33_421_to_a_chunk_ends_the_session);
	tcase_add_test(t,
	    smtp_41_lost_before_the_end_of_the_last_chunk_is_not_after_it);
	tcase_add_test(t, smtp_36_chunks_and_the_last_have_their_own_time);
	tcase_add_test(t, smtp_48_one_message_after_the_other_by_either_way);
}

int
main(void)
{
	return client_suite("smtp_client_bdat", add);
}
