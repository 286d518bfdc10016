/* SPDX-License-Identifier: BSD-2-Clause */
/* A courier and what servers offer: BDAT, SMTPUTF8, DSN, LIMITS, 8BITMIME. */
#include <string.h>

#include "tests/courier_fixture.h"

#define UTF8_RCPT "\xc3\xbc@d.example"

static void
send_to_server(const struct wire_job *j, const struct server *s)
{
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	send_slot(j->slot, "d.example");
	send_job(j);
	wait_for(has_reports, 1);
}

/* ---- BDAT ---- */

/* SHA-256 of body in = out (SMTP-05): the same bytes, by either way. */
START_TEST(smtp_48_smtp_05_content_goes_by_bdat_where_it_is_offered)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, one, 1);

	conf.smtp_chunking = _i == 0;
	s->ext = "250-CHUNKING\r\n";
	send_to_server(&j, s);
	expect_delivered(REACHED_PLAIN);
	ck_assert(span_eq(s->mails[0].body, BODY));
	ck_assert_int_eq(s->mails[0].chunks > 0, _i == 0);
	ck_assert_int_eq(record(0).chunked, _i == 0);
}
END_TEST

START_TEST(smtp_48_content_that_is_pulled_goes_in_chunks)
{
	struct server *s = server_new(_i == 0 ? TLS_ABSENT : TLS_GOOD,
	    cert_for("mx.d.example"));
	struct wire_job j = job_of(1, 1, one, 1);

	s->ext = "250-CHUNKING\r\n";
	s->no_pipelining = _i == 1;
	keeper.body = big_body(500000);
	keeper.piece_bytes = 65536;
	j.has_body = false;
	j.size_bytes = keeper.body.n;
	send_to_server(&j, s);
	ck_assert_int_eq(result(0)->result, RESULT_DELIVERED);
	ck_assert_uint_ge(s->mails[0].chunks, keeper.body.n / 65536);
	ck_assert(span_eq_span(s->mails[0].body, keeper.body));
}
END_TEST

START_TEST(smtp_48_a_refused_chunk_defers_or_bounces_and_sends_no_more)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, one, 1);

	s->ext = "250-CHUNKING\r\n";
	s->chunk = _i == 0 ? "452 4.3.1 full" : "552 5.3.4 too much";
	keeper.body = big_body(500000);
	keeper.piece_bytes = 65536;
	j.has_body = false;
	j.size_bytes = keeper.body.n;
	send_to_server(&j, s);
	ck_assert_int_eq(result(0)->result,
	    _i == 0 ? RESULT_DEFERRED : RESULT_BOUNCED);
	ck_assert_str_eq(result(0)->status, _i == 0 ? "4.3.1" : "5.3.4");
	ck_assert_uint_eq(s->mail_count, 0);
	ck_assert_int_eq(record(0).reached, REACHED_PLAIN);
	ck_assert(record(0).chunked);
}
END_TEST

static const char *const unclean[] = {
	"x\r\n.\nMAIL FROM:<evil@x>\r\n",
	"x\n.\nMAIL FROM:<evil@x>\r\n",
	"x\r.\rMAIL FROM:<evil@x>\r\n",
	"x\r\n.\rMAIL FROM:<evil@x>\r\n",
	"x\r\ny\r",
};

/* RFC 5321 2.3.8: "MUST NOT transmit" bare CR or LF; by BDAT neither. */
START_TEST(smtp_03_b1_2_unclean_content_is_never_complete_by_either_way)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, one, 1);

	if (_i % 2 == 0)
		s->ext = "250-CHUNKING\r\n";
	j.body = span_str(unclean[_i / 2]);
	j.size_bytes = j.body.n;
	send_to_server(&j, s);
	ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
	ck_assert_str_eq(result(0)->status, "5.6.0");
	ck_assert_int_eq(result(0)->failure, FAILURE_NONE);
	ck_assert_uint_eq(s->mail_count, 0);
}
END_TEST

/* ---- SMTPUTF8 ---- */

START_TEST(smtp_49_ascii_needs_nothing_and_says_nothing)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, one, 1);

	j.flags = MESSAGE_SMTPUTF8;
	s->ext = _i == 0 ? NULL : "250-SMTPUTF8\r\n";
	send_to_server(&j, s);
	expect_delivered(REACHED_PLAIN);
	ck_assert_str_eq(s->mails[0].params, "");
}
END_TEST

/* What needs it: a recipient, the sender, a header field. */
static struct wire_job
utf8_job(int what)
{
	static const char *const rcpt[] = { UTF8_RCPT };
	struct wire_job j = job_of(1, 1, what == 0 ? rcpt : one, 1);

	j.flags = MESSAGE_SMTPUTF8;
	if (what == 1)
		j.sender = "\xc3\xa4@x.example";
	if (what == 2)
		j.flags |= MESSAGE_UTF8_HEADER;
	return j;
}

START_TEST(smtp_49_what_is_not_ascii_goes_with_smtputf8)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = utf8_job(_i);

	s->ext = "250-SMTPUTF8\r\n";
	send_to_server(&j, s);
	expect_delivered(REACHED_PLAIN);
	ck_assert(strstr(s->mails[0].params, "SMTPUTF8") != NULL);
	if (_i == 0)
		ck_assert_str_eq(s->mails[0].rcpts, UTF8_RCPT);
}
END_TEST

START_TEST(smtp_49_without_smtputf8_another_host_or_a_bounce)
{
	struct server *without = server_new(TLS_ABSENT, NULL);
	struct server *with = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");
	struct wire_job j = utf8_job(_i / 2);

	with->ext = "250-SMTPUTF8\r\n";
	plan_add(p, "mx1.d.example", 10, without, LEVEL_MAY);
	if (_i % 2 == 0)
		plan_add(p, "mx2.d.example", 20, with, LEVEL_MAY);
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	ck_assert_uint_eq(without->clear_mails, 0);
	if (_i % 2 == 0) {
		ck_assert_uint_eq(with->mail_count, 1);
		ck_assert_int_eq(result(0)->result, RESULT_DELIVERED);
	} else {
		ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
		ck_assert_str_eq(result(0)->status,
		    _i / 2 == 2 ? "5.6.9" : "5.6.7");
	}
}
END_TEST

/* "u@bücher.example -> u@xn--... without the parameter" */
START_TEST(smtp_49_a_domain_goes_out_in_a_labels)
{
	static const char *const rcpt[] = { "u@b\xc3\xbc"
					    "cher.example" };
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, rcpt, 1);

	j.sender = "s@b\xc3\xbc"
		   "cher.example";
	j.flags = MESSAGE_SMTPUTF8;
	send_to_server(&j, s);
	ck_assert_int_eq(result(0)->result, RESULT_DELIVERED);
	ck_assert_str_eq(s->mails[0].rcpts, "u@xn--bcher-kva.example");
	ck_assert_str_eq(s->mails[0].from, "<s@xn--bcher-kva.example>");
	ck_assert_str_eq(s->mails[0].params, "");
}
END_TEST

/* Only those who need it suffer where it is not to be had. */
START_TEST(smtp_49_recipients_that_need_nothing_are_delivered)
{
	static const char *const rcpt[] = { UTF8_RCPT, "a@d.example",
		"\xc3\xb6@d.example", "b@d.example", "\xc3\xa4@d.example" };
	bool ascii_first = _i >= 2;
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, rcpt + ascii_first, 4);

	j.flags = MESSAGE_SMTPUTF8;
	s->ext = _i % 2 == 0 ? NULL : "250-SMTPUTF8\r\n";
	s->no_8bitmime = _i % 2 == 1; /* then it counts as without */
	send_to_server(&j, s);
	ck_assert_uint_eq(s->mail_count, 1);
	ck_assert_str_eq(s->mails[0].rcpts, "a@d.example b@d.example");
	for (uint32_t i = 0; i < 4; i++) {
		bool utf8 = (i % 2 == 0) != ascii_first;

		ck_assert_int_eq(result(i)->result,
		    utf8 ? RESULT_BOUNCED : RESULT_DELIVERED);
		ck_assert_str_eq(result(i)->status, utf8 ? "5.6.7" : "");
	}
}
END_TEST

/* ---- 8BITMIME ---- */

START_TEST(smtp_47_eight_bit_content_bounces_unless_it_shall_be_sent)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, one, 1);

	conf.smtp_eight_bit = _i == 1 ? EIGHT_BIT_SEND : EIGHT_BIT_BOUNCE;
	s->no_8bitmime = _i < 2;
	j.flags = MESSAGE_8BIT;
	send_to_server(&j, s);
	ck_assert_uint_eq(s->mail_count, _i > 0);
	ck_assert_int_eq(result(0)->result,
	    _i > 0 ? RESULT_DELIVERED : RESULT_BOUNCED);
	if (_i == 0)
		ck_assert_str_eq(result(0)->status, "5.6.3");
	else
		ck_assert_str_eq(s->mails[0].params,
		    _i == 1 ? "" : "BODY=8BITMIME");
}
END_TEST

#define MIME  "Subject: x\r\nMIME-Version: 1.0\r\n"
#define EIGHT "Content-Transfer-Encoding: 8bit\r\n"
#define PLAIN "Content-Type: text/plain; charset=utf-8\r\n" EIGHT
#define SIGNED                                                                 \
	"Content-Type: multipart/signed; boundary=b\r\n\r\n"                   \
	"--b\r\n" PLAIN "\r\n\xc3\xbc\r\n"                                     \
	"--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n"

static struct wire_job
eight_bit_job(const char *body)
{
	struct wire_job j = job_of(1, 1, three, 3);

	j.flags = MESSAGE_8BIT;
	j.body = span_str(body);
	j.size_bytes = j.body.n;
	return j;
}

/* "no 8BITMIME -> no octet >127 on the wire" of the checklist; by BDAT, too. */
START_TEST(smtp_47_eight_bit_content_is_converted_where_it_is_configured)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = eight_bit_job(MIME PLAIN "\r\n\xc3\xbc\r\n");

	conf.smtp_eight_bit = EIGHT_BIT_CONVERT;
	s->no_8bitmime = true;
	s->ext = _i == 0 ? "250-SIZE\r\n" : "250-SIZE\r\n250-CHUNKING\r\n";
	send_to_server(&j, s);
	ck_assert_int_eq(result(0)->result, RESULT_DELIVERED);
	ck_assert_int_eq(s->mails[0].chunks > 0, _i == 1);
	ck_assert(span_is_ascii(s->mails[0].body));
	ck_assert(span_ends(s->mails[0].body,
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	    "=C3=BC\r\n"));
	/* It is longer than what SIZE would say. */
	ck_assert_str_eq(s->mails[0].params, "");
	ck_assert(was_logged("content=converted"));
}
END_TEST

START_TEST(smtp_47_a_host_that_takes_8_bits_gets_them_as_they_are)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = eight_bit_job(MIME SIGNED);

	conf.smtp_eight_bit = EIGHT_BIT_CONVERT;
	send_to_server(&j, s);
	ck_assert_int_eq(result(0)->result, RESULT_DELIVERED);
	ck_assert(span_eq(s->mails[0].body, MIME SIGNED));
	ck_assert_str_eq(s->mails[0].params, "BODY=8BITMIME");
	ck_assert(!was_logged("content=converted"));
}
END_TEST

/* Piece by piece, cut within characters and lines. */
START_TEST(smtp_47_content_that_is_pulled_is_converted_on_its_way)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = eight_bit_job("");
	struct span all;
	struct sbuf b;

	sbuf_init(&b, mem, 1u << 20);
	sbuf_str(&b, MIME PLAIN "\r\n");
	while (b.n < 300000)
		sbuf_str(&b, "\xc3\xbc.\r\n..\r\n");
	conf.smtp_eight_bit = EIGHT_BIT_CONVERT;
	s->no_8bitmime = true;
	s->ext = _i == 0 ? NULL : "250-CHUNKING\r\n";
	keeper.body = sbuf_view(&b);
	keeper.piece_bytes = 9973;
	j.has_body = false;
	j.size_bytes = b.n;
	send_to_server(&j, s);
	ck_assert_int_eq(result(0)->result, RESULT_DELIVERED);
	all = s->mails[0].body;
	ck_assert(span_is_ascii(all));
	ck_assert_uint_gt(all.n, b.n);
	ck_assert(span_ends(all, "=C3=BC.\r\n..\r\n"));
}
END_TEST

/*
 * Nothing of it is taken for a message, all learn why, and a host that takes
 * 8 bits has it as it is.
 */
START_TEST(smtp_47_a_signed_part_goes_elsewhere_or_bounces_and_says_why)
{
	struct server *without = server_new(TLS_ABSENT, NULL);
	struct server *with = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");
	struct wire_job j = eight_bit_job(MIME SIGNED);

	conf.smtp_eight_bit = EIGHT_BIT_CONVERT;
	conf.smtp_recipients = 2;
	without->no_8bitmime = true;
	without->ext = _i / 2 == 0 ? NULL : "250-CHUNKING\r\n";
	plan_add(p, "mx1.d.example", 10, without, LEVEL_MAY);
	if (_i % 2 == 0)
		plan_add(p, "mx2.d.example", 20, with, LEVEL_MAY);
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	ck_assert_uint_eq(without->mail_count, 0);
	ck_assert_uint_eq(without->connections, 1);
	ck_assert_uint_eq(with->mail_count, _i % 2 == 0 ? 2 : 0);
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_int_eq(result(i)->result,
		    _i % 2 == 0 ? RESULT_DELIVERED : RESULT_BOUNCED);
		if (_i % 2 == 0)
			continue;
		ck_assert_str_eq(result(i)->status, "5.6.3");
		ck_assert_str_eq(result(i)->why,
		    "the host does not take 8-bit content, and the message "
		    "cannot be converted: a signed or encrypted part has 8-bit "
		    "content");
	}
}
END_TEST

START_TEST(smtp_03_b1_2_unclean_content_is_not_encoded_away)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = eight_bit_job(MIME PLAIN "\r\n\xfc\n.\r\n");

	conf.smtp_eight_bit = EIGHT_BIT_CONVERT;
	s->no_8bitmime = true;
	send_to_server(&j, s);
	ck_assert_int_eq(result(0)->result, RESULT_BOUNCED);
	ck_assert_str_eq(result(0)->status, "5.6.0");
	ck_assert_uint_eq(s->mail_count, 0);
}
END_TEST

/* What cannot be converted of it is in question marks. */
START_TEST(smtp_47_a_report_is_converted_rather_than_lost)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = eight_bit_job(MIME SIGNED);

	conf.smtp_eight_bit = _i == 0 ? EIGHT_BIT_BOUNCE : EIGHT_BIT_CONVERT;
	s->no_8bitmime = true;
	j.sender = "";
	j.flags |= MESSAGE_REPORT;
	send_to_server(&j, s);
	ck_assert_int_eq(result(0)->result, RESULT_DELIVERED);
	ck_assert(span_is_ascii(s->mails[0].body));
	ck_assert(span_has(s->mails[0].body, '='));
}
END_TEST

/* ---- DSN ---- */

/* RFC 3461 5.2.1: "byte comparison incl. letter case" of the checklist. */
START_TEST(smtp_60_61_dsn_parameters_go_to_a_host_that_knows_them)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, three, 3);

	s->ext = _i == 0 ? "250-DSN\r\n" : NULL;
	j.envid = "QQ+2B1";
	j.ret = DSN_RET_HDRS;
	j.rcpt[0].notify = DSN_SUCCESS | DSN_DELAY;
	j.rcpt[0].orcpt = "rfc822;Bob@Example.ORG";
	j.rcpt[1].notify = DSN_NEVER;
	send_to_server(&j, s);
	ck_assert_str_eq(s->mails[0].params,
	    _i == 0 ? "RET=HDRS ENVID=QQ+2B1" : "");
	ck_assert_str_eq(s->mails[0].rcpt_params,
	    _i == 0 ? "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob@Example.ORG;"
		      "NOTIFY=NEVER;" :
		      ";;");
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_int_eq(result(i)->dsn_passed, _i == 0);
	ck_assert_int_eq(record(0).dsn_passed, _i == 0);
}
END_TEST

START_TEST(smtp_61_a_host_that_refused_has_taken_over_nothing)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, three, 2);

	s->ext = "250-DSN\r\n";
	s->rcpt = "550 5.1.1 nobody";
	s->rcpt_for = "b@d.example";
	send_to_server(&j, s);
	ck_assert(result(0)->dsn_passed);
	ck_assert(!result(1)->dsn_passed);
	s->dot = "554 5.7.1 no";
	send_one(1, 2);
	wait_for(has_reports, 2);
	ck_assert(!keeper.outcome[1].result[0].dsn_passed);
	ck_assert(!evidence_of(&keeper.outcome[1].evidence[0]).dsn_passed);
}
END_TEST

/* ---- LIMITS ---- */

START_TEST(smtp_51_limits_split_into_transactions_and_connections)
{
	static const char *const rcpt[] = { "a@d.example", "b@d.example",
		"c@d.example", "d@d.example", "e@d.example" };
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, rcpt, 5);

	s->ext = _i == 0 ? "250-LIMITS RCPTMAX=2 MAILMAX=1\r\n" :
			   "250-LIMITS RCPTMAX=2\r\n";
	send_to_server(&j, s);
	for (uint32_t i = 0; i < 5; i++)
		ck_assert_int_eq(result(i)->result, RESULT_DELIVERED);
	ck_assert_uint_eq(s->mail_count, 3);
	ck_assert_str_eq(s->mails[0].rcpts, "a@d.example b@d.example");
	ck_assert_str_eq(s->mails[2].rcpts, "e@d.example");
	ck_assert_uint_eq(s->connections, _i == 0 ? 3 : 1);
}
END_TEST

static struct server *awaited;

static bool
has_two_quits(void)
{
	return awaited->quits == 2;
}

START_TEST(smtp_51_mailmax_ends_the_reuse_of_a_connection)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	s->ext = _i == 0 ? "250-LIMITS MAILMAX=2\r\n" :
			   "250-LIMITS RCPTDOMAINMAX=1\r\n";
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_MAY);
	send_slot(1, "d.example");
	for (int64_t i = 1; i <= 4; i++)
		send_one(1, i);
	wait_for(has_reports, 4);
	ck_assert_uint_eq(s->mail_count, 4);
	ck_assert_uint_eq(s->connections, _i == 0 ? 2 : 1);
	awaited = s;
	if (_i == 0) /* it is of no use, and does not stay idle */
		run_until(has_two_quits);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_loop_test(t,
	    smtp_48_smtp_05_content_goes_by_bdat_where_it_is_offered, 0, 2);
	tcase_add_loop_test(t, smtp_48_content_that_is_pulled_goes_in_chunks, 0,
	    2);
	tcase_add_loop_test(t,
	    smtp_48_a_refused_chunk_defers_or_bounces_and_sends_no_more, 0, 2);
	tcase_add_loop_test(t,
	    smtp_03_b1_2_unclean_content_is_never_complete_by_either_way, 0,
	    2 * (int)COUNT_OF(unclean));
	tcase_add_loop_test(t, smtp_49_ascii_needs_nothing_and_says_nothing, 0,
	    2);
	tcase_add_loop_test(t, smtp_49_what_is_not_ascii_goes_with_smtputf8, 0,
	    3);
	tcase_add_loop_test(t,
	    smtp_49_without_smtputf8_another_host_or_a_bounce, 0, 6);
	tcase_add_test(t, smtp_49_a_domain_goes_out_in_a_labels);
	tcase_add_loop_test(t,
	    smtp_49_recipients_that_need_nothing_are_delivered, 0, 4);
	tcase_add_loop_test(t,
	    smtp_47_eight_bit_content_bounces_unless_it_shall_be_sent, 0, 3);
	tcase_add_loop_test(t,
	    smtp_47_eight_bit_content_is_converted_where_it_is_configured, 0,
	    2);
	tcase_add_test(t,
	    smtp_47_a_host_that_takes_8_bits_gets_them_as_they_are);
	tcase_add_loop_test(t,
	    smtp_47_content_that_is_pulled_is_converted_on_its_way, 0, 2);
	tcase_add_loop_test(t,
	    smtp_47_a_signed_part_goes_elsewhere_or_bounces_and_says_why, 0, 4);
	tcase_add_test(t, smtp_03_b1_2_unclean_content_is_not_encoded_away);
	tcase_add_loop_test(t, smtp_47_a_report_is_converted_rather_than_lost,
	    0, 2);
	tcase_add_loop_test(t,
	    smtp_60_61_dsn_parameters_go_to_a_host_that_knows_them, 0, 2);
	tcase_add_test(t, smtp_61_a_host_that_refused_has_taken_over_nothing);
	tcase_add_loop_test(t,
	    smtp_51_limits_split_into_transactions_and_connections, 0, 2);
	tcase_add_loop_test(t, smtp_51_mailmax_ends_the_reuse_of_a_connection,
	    0, 2);
}

int
main(void)
{
	return fixture_main("courier_extensions", add);
}
