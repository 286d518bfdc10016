/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/smtp_client.h"

START_TEST(smtp_46_size_is_told_where_it_is_offered)
{
	struct client_mail m = one(1000, false);
	struct diag why = { 0 };

	ready("250-mx\r\n250 SIZE 1000\r\n");
	ck_assert_int_eq(client_fits(client, &m), CLIENT_FITS);
	ck_assert_int_eq(client_mail(client, now, &m, &why), ST_OK);
	run();
	expect_sent("MAIL FROM:<s@x.example> SIZE=1000\r\n");
}
END_TEST

START_TEST(smtp_46_message_over_the_limit_does_not_fit)
{
	struct client_mail m = one(1001, false);

	ready("250-mx\r\n250 SIZE 1000\r\n");
	ck_assert_int_eq(client_fits(client, &m), CLIENT_TOO_BIG);
	ready("250-mx\r\n250 SIZE 0\r\n");
	ck_assert_int_eq(client_fits(client, &m), CLIENT_FITS);
	ready(EHLO_PLAIN);
	ck_assert_int_eq(client_fits(client, &m), CLIENT_FITS);
}
END_TEST

START_TEST(smtp_47_8bit_content_needs_8bitmime_and_says_so)
{
	struct client_mail m = one(10, true);
	struct diag why = { 0 };

	ready(EHLO_PLAIN);
	ck_assert_int_eq(client_fits(client, &m), CLIENT_NEEDS_8BIT);
	ready("250-mx\r\n250 8BITMIME\r\n");
	ck_assert_int_eq(client_fits(client, &m), CLIENT_FITS);
	ck_assert_int_eq(client_mail(client, now, &m, &why), ST_OK);
	run();
	expect_sent("MAIL FROM:<s@x.example> BODY=8BITMIME\r\n");
	ready("250-mx\r\n250 8BITMIME\r\n");
	mail_to(1); /* 7-bit: the parameter is not needed */
	run();
	expect_sent("MAIL FROM:<s@x.example>\r\n");
}
END_TEST

START_TEST(smtp_49_smtputf8_is_said_where_it_is_needed_and_offered)
{
	static const struct client_mail_rcpt rcpt = {
		.address = "\xc3\xbc@d.example"
	};
	struct client_mail m = one(10, true);

	m.smtputf8 = true;
	m.sender = "\xc3\xa4@x.example";
	m.rcpt = &rcpt;
	ready("250-mx\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n");
	ck_assert_int_eq(client_fits(client, &m), CLIENT_FITS);
	mail_of(&m);
	run();
	expect_sent("MAIL FROM:<\xc3\xa4@x.example> BODY=8BITMIME SMTPUTF8"
		    "\r\n");
	hear("250 ok\r\n");
	expect_sent("RCPT TO:<\xc3\xbc@d.example>\r\n");
	ready("250-mx\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n");
	mail_to(1); /* RFC 6531 3.4: not where nothing needs it */
	run();
	expect_sent("MAIL FROM:<s@x.example>\r\n");
}
END_TEST

/* RFC 6531 3.1: SMTPUTF8 without 8BITMIME is none. */
START_TEST(smtp_49_what_needs_smtputf8_does_not_fit_elsewhere)
{
	static const char *const ehlo[] = { EHLO_PLAIN,
		"250-mx\r\n250 8BITMIME\r\n", "250-mx\r\n250 SMTPUTF8\r\n" };
	struct client_mail m = one(10, false);

	m.smtputf8 = true;
	for (size_t i = 0; i < COUNT_OF(ehlo); i++) {
		ready(ehlo[i]);
		m.header_utf8 = false;
		ck_assert_int_eq(client_fits(client, &m), CLIENT_NEEDS_UTF8);
		m.header_utf8 = true;
		ck_assert_int_eq(client_fits(client, &m),
		    CLIENT_NEEDS_UTF8_HEADER);
	}
}
END_TEST

START_TEST(smtp_49_b1_9_utf8_address_is_unfit_where_smtputf8_is_not_said)
{
	static const struct client_mail_rcpt rcpt[] = { { .address = "a@d" },
		{ .address = "\xc3\xbc@d.example" } };
	struct client_mail m = one(10, false);
	struct diag why = { 0 };

	m.rcpt = rcpt;
	m.rcpt_count = 2;
	ready("250-mx\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n");
	mail_of(&m);
	ck_assert_int_eq(client_rcpt(client, 1)->state, CLIENT_RCPT_UNFIT);
	m.sender = "\xc3\xbc@d.example";
	ready("250-mx\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n");
	ck_assert_int_eq(client_mail(client, now, &m, &why), ST_SYNTAX);
}
END_TEST

static struct client_mail
with_dsn(void)
{
	static const struct client_mail_rcpt rcpt[] = {
		{ .address = "A.b@d.example",
		    .notify = DSN_SUCCESS | DSN_DELAY,
		    .orcpt = "rfc822;A.B+2Bc@D.example" },
		{ .address = "b@d.example", .notify = DSN_NEVER },
		{ .address = "c@d.example", .orcpt = "X-y;Z" },
		{ .address = "d@d.example" },
	};
	struct client_mail m = one(10, false);

	m.ret = DSN_RET_HDRS;
	m.envid = "QqQ+2Bxyz";
	m.rcpt = rcpt;
	m.rcpt_count = COUNT_OF(rcpt);
	return m;
}

START_TEST(smtp_60_dsn_parameters_are_passed_on_as_they_came)
{
	struct client_mail m = with_dsn();

	ready("250-mx\r\n250-PIPELINING\r\n250 DSN\r\n");
	mail_of(&m);
	run();
	expect_sent("MAIL FROM:<s@x.example> RET=HDRS ENVID=QqQ+2Bxyz\r\n"
		    "RCPT TO:<A.b@d.example> NOTIFY=SUCCESS,DELAY"
		    " ORCPT=rfc822;A.B+2Bc@D.example\r\n"
		    "RCPT TO:<b@d.example> NOTIFY=NEVER\r\n"
		    "RCPT TO:<c@d.example> ORCPT=X-y;Z\r\n"
		    "RCPT TO:<d@d.example>\r\n"
		    "DATA\r\n");
	ck_assert(client_result(client).dsn);
	ready("250-mx\r\n250 DSN\r\n");
	mail_to(1); /* none is added */
	run();
	expect_sent("MAIL FROM:<s@x.example>\r\n");
	ck_assert(client_result(client).dsn);
}
END_TEST

START_TEST(smtp_61_without_dsn_none_of_its_parameters_is_sent)
{
	struct client_mail m = with_dsn();

	m.rcpt_count = 1;
	ready(EHLO_PIPE);
	mail_of(&m);
	run();
	expect_sent("MAIL FROM:<s@x.example>\r\nRCPT TO:<A.b@d.example>\r\n"
		    "DATA\r\n");
	ck_assert(!client_result(client).dsn);
}
END_TEST

START_TEST(smtp_53_dsn_parameters_that_could_inject_do_not_leave)
{
	static const char *const orcpts[] = { "rfc822;a b", "rfc822;a\r\nDATA",
		"rfc822", ";a", "rfc822;a=b", "rfc822;a+2", "rfc822;\xc3\xbc" };
	struct client_mail_rcpt rcpt = { .address = "a@d.example" };
	struct client_mail m = one(10, false);
	struct diag why = { 0 };

	m.rcpt = &rcpt;
	for (size_t i = 0; i < COUNT_OF(orcpts); i++) {
		rcpt.orcpt = orcpts[i];
		ready("250-mx\r\n250 DSN\r\n");
		ck_assert_int_eq(client_mail(client, now, &m, &why), ST_SYNTAX);
		ck_assert_int_eq(client_rcpt(client, 0)->state,
		    CLIENT_RCPT_UNFIT);
	}
	m.rcpt = three;
	m.envid = "a> SIZE=1";
	ck_assert_int_eq(client_mail(client, now, &m, &why), ST_SYNTAX);
	ck_assert_int_eq(run(), CLIENT_READY);
	expect_sent("");
}
END_TEST

/* With all that may be in one the longest command still has its room. */
START_TEST(smtp_60_the_longest_commands_leave_whole)
{
	char address[CLIENT_ADDRESS_BYTES + 1];
	char orcpt[ENVELOPE_ORCPT_BYTES + 1], envid[ENVELOPE_ENVID_BYTES + 1];
	struct client_mail_rcpt rcpt = { .address = address,
		.notify = DSN_SUCCESS | DSN_FAILURE | DSN_DELAY,
		.orcpt = orcpt };
	struct client_mail m = one(UINT64_MAX / 2, true);

	memset(address, 'a', CLIENT_ADDRESS_BYTES);
	memset(orcpt, 'o', ENVELOPE_ORCPT_BYTES);
	memset(envid, 'e', ENVELOPE_ENVID_BYTES);
	address[CLIENT_ADDRESS_BYTES] = orcpt[ENVELOPE_ORCPT_BYTES] = '\0';
	envid[ENVELOPE_ENVID_BYTES] = '\0';
	address[64] = '@';
	orcpt[6] = ';';
	m.sender = address;
	m.envid = envid;
	m.ret = DSN_RET_FULL;
	m.smtputf8 = m.requiretls = true;
	m.rcpt = &rcpt;
	ready_tls("250-mx\r\n250-SIZE\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
		  "250-REQUIRETLS\r\n250-PIPELINING\r\n250 DSN\r\n");
	mail_of(&m);
	run();
	for (struct span rest = sbuf_view(&wire), line;
	     span_line(&rest, &line);)
		ck_assert_uint_lt(line.n + 2, CLIENT_COMMAND_BYTES);
	ck_assert(span_ends(sbuf_view(&wire), "\r\nDATA\r\n"));
}
END_TEST

START_TEST(rtls_16_requiretls_counts_only_in_the_reply_inside_tls)
{
	struct client_mail m = one(10, false);

	m.requiretls = true;
	ready("250-mx\r\n250 REQUIRETLS\r\n");
	ck_assert_int_eq(client_fits(client, &m), CLIENT_NEEDS_REQUIRETLS);
	begin(CLIENT_TLS_REQUIRED);
	hear("220 mx\r\n");
	hear("250-mx\r\n250-REQUIRETLS\r\n250 STARTTLS\r\n");
	hear("220 go\r\n");
	client_tls_started(client, now);
	run();
	ck_assert_int_eq(hear(EHLO_PLAIN), CLIENT_READY);
	ck_assert_int_eq(client_fits(client, &m), CLIENT_NEEDS_REQUIRETLS);
	ready_tls("250-mx\r\n250 REQUIRETLS\r\n");
	ck_assert_int_eq(client_fits(client, &m), CLIENT_FITS);
}
END_TEST

START_TEST(rtls_17_mail_carries_requiretls_where_it_is_asked_for)
{
	struct client_mail m = one(10, false);

	m.requiretls = true;
	ready_tls("250-mx\r\n250 REQUIRETLS\r\n");
	mail_of(&m);
	run();
	expect_sent("MAIL FROM:<s@x.example> REQUIRETLS\r\n");
	ready_tls("250-mx\r\n250 REQUIRETLS\r\n");
	mail_to(1);
	run();
	expect_sent("MAIL FROM:<s@x.example>\r\n");
}
END_TEST

/* ---- limits ---- */

/* One transaction with the first n of them, to its end. */
static void
deliver(const struct client_mail_rcpt *rcpt, size_t n)
{
	struct client_mail m = one(10, false);

	m.rcpt = rcpt;
	m.rcpt_count = n;
	mail_of(&m);
	run();
	hear("250 ok\r\n");
	for (size_t i = 0; i < n; i++)
		hear("250 ok\r\n");
	ck_assert_int_eq(hear("354 go\r\n"), CLIENT_BODY);
	send_content("x\r\n");
	ck_assert_int_eq(hear("250 ok\r\n"), CLIENT_MAIL_DONE);
	ck_assert_int_eq(run(), CLIENT_READY);
}

#define PIPE_AND(limits) "250-mx\r\n250-PIPELINING\r\n250 LIMITS " limits "\r\n"

START_TEST(smtp_51_limits_of_the_server_divide_the_recipients)
{
	static const struct client_mail_rcpt five[] = { { .address = "a@d" },
		{ .address = "b@d" }, { .address = "c@d" },
		{ .address = "d@d" }, { .address = "e@d" } };
	static const size_t want[] = { 2, 2, 1 };
	size_t at = 0, sessions = 0;

	while (at < COUNT_OF(five)) {
		size_t n;

		ready(PIPE_AND("RCPTMAX=2 MAILMAX=1"));
		n = client_room(client, five + at, COUNT_OF(five) - at);
		ck_assert_uint_eq(n, want[sessions++]);
		deliver(five + at, n);
		at += n;
		ck_assert_uint_eq(client_room(client, five, 1), 0);
	}
	ck_assert_uint_eq(sessions, COUNT_OF(want));
}
END_TEST

START_TEST(smtp_51_domains_are_counted_over_the_session)
{
	static const struct client_mail_rcpt list[] = {
		{ .address = "a@d.example" }, { .address = "b@D.EXAMPLE" },
		{ .address = "\"x@y\"@d.example" },
		{ .address = "a@e.example" }, { .address = "b@e.example" },
		{ .address = "a@f.example" }
	};

	ready(PIPE_AND("RCPTDOMAINMAX=2"));
	ck_assert_uint_eq(client_room(client, list, 6), 5);
	deliver(list, 2);
	ck_assert_uint_eq(client_room(client, list, 6), 5);
	ck_assert_uint_eq(client_room(client, list + 5, 1), 1);
	deliver(list + 5, 1);
	ck_assert_uint_eq(client_room(client, list, 6), 3);
	ck_assert_uint_eq(client_room(client, list + 3, 3), 0);
	ck_assert_uint_eq(client_room(client, list + 5, 1), 1);
}
END_TEST

START_TEST(smtp_51_without_limits_there_is_room_for_all)
{
	ready(EHLO_PIPE);
	for (int i = 0; i < 3; i++)
		deliver(three, 3);
	ck_assert_uint_eq(client_room(client, three, 3), 3);
	ready(PIPE_AND("RCPTDOMAINMAX=999999"));
	for (unsigned i = 0; i < 2 * CLIENT_DOMAINS; i++) {
		struct client_mail_rcpt r = { .address = talloc_asprintf(mem,
						  "a@d%u.example", i) };

		/* What we remember is bounded, whatever the server says. */
		ck_assert_uint_eq(client_room(client, &r, 1),
		    i < CLIENT_DOMAINS ? 1 : 0);
		deliver(&r, 1);
	}
}
END_TEST

/* ---- arguments ---- */

static const struct {
	const char *address;
	bool ok;
} addresses[] = {
	{ "a@d.example", true },
	{ "A.b+c=d@d.example", true },
	{ "\"a b\"@d.example", true },
	{ "\"a>b\"@d.example", true },
	{ "\"a\\\"b\"@d.example", true },
	{ "u@[IPv6:2001:db8::1]", true },
	{ "postmaster@d.example", true },
	{ "\"a\r\nRCPT TO:<x@y>\"@d", false },
	{ "a\n@d", false },
	{ "a\r@d", false },
	{ "a\t@d", false },
	{ "a\x7f@d", false },
	{ "a\x01@d", false },
	{ "\xc3\xbc@d", false },
	{ "a>@d", false },
	{ "a> SIZE=1<@d", false },
	{ "a b@d", false },
	{ "\"a@d", false },
	{ "\"a\\\"@d", false },
	{ "a\\@d", false },
};

START_TEST(smtp_53_b1_9_the_writer_refuses_what_could_inject)
{
	struct sbuf b;

	sbuf_init(&b, mem, 1000);
	ck_assert_msg((client_put_path(&b, addresses[_i].address, false) ==
			  ST_OK) == addresses[_i].ok,
	    "%s", addresses[_i].address);
	if (addresses[_i].ok)
		ck_assert_uint_eq(b.n, strlen(addresses[_i].address) + 2);
	else
		ck_assert_uint_eq(b.n, 0);
}
END_TEST

/* Fit, where SMTPUTF8 is in force. */
static const struct {
	const char *address;
	bool ok;
} utf8_addresses[] = {
	{ "\xc3\xbc@d", true },
	{ "\"\xc3\xbc \\\xc3\xbc\"@d", true },
	{ "a@b\xc3\xbc"
	  "cher.example",
	    true },
	{ "\xf0\x9f\x93\xa7@d", true },
	{ "\xc3@d", false },
	{ "\xfc@d", false },
	{ "\xc0\x8d\xc0\x8a@d", false },
	{ "\xe0\x80\x8d@d", false },
	{ "\xed\xa0\x80@d", false },
	{ "\xf4\x90\x80\x80@d", false },
	{ "\xc2\x85@d", false },
	{ "\xc2\x80@d", false },
	{ "\"\\\xc2\x85\"@d", false },
	{ "\xe2\x80\xa8@d", false },
	{ "\xe2\x80\xa9@d", false },
	{ "\xc3\xbc\r\nDATA@d", false },
	{ "\xc3\xbc> <@d", false },
};

START_TEST(smtp_49_b1_9_in_utf8_nothing_that_could_end_a_line_leaves)
{
	struct sbuf b;

	sbuf_init(&b, mem, 1000);
	ck_assert_int_eq(client_put_path(&b, utf8_addresses[_i].address,
			     true) == ST_OK,
	    utf8_addresses[_i].ok);
	ck_assert_int_eq(client_put_path(&b, utf8_addresses[_i].address, false),
	    ST_SYNTAX);
	ck_assert_uint_eq(b.n,
	    utf8_addresses[_i].ok ? strlen(utf8_addresses[_i].address) + 2 : 0);
}
END_TEST

START_TEST(smtp_53_bad_recipient_is_left_out_and_told)
{
	static const struct client_mail_rcpt rcpt[] = {
		{ .address = "x\r\nDATA@d" }, { .address = "b@d.example" },
		{ .address = "y>@d" }
	};
	const struct client_mail m = {
		.sender = "s@x.example", .rcpt = rcpt, .rcpt_count = 3
	};
	struct diag why = { 0 };

	ready(EHLO_PIPE);
	ck_assert_int_eq(client_mail(client, now, &m, &why), ST_OK);
	run();
	expect_sent("MAIL FROM:<s@x.example>\r\nRCPT TO:<b@d.example>\r\n"
		    "DATA\r\n");
	ck_assert_int_eq(hear("250 a\r\n250 b\r\n354 c\r\n"), CLIENT_BODY);
	ck_assert_int_eq(client_rcpt(client, 0)->state, CLIENT_RCPT_UNFIT);
	ck_assert_int_eq(client_rcpt(client, 1)->state, CLIENT_RCPT_ACCEPTED);
	ck_assert_int_eq(client_rcpt(client, 2)->state, CLIENT_RCPT_UNFIT);
}
END_TEST

START_TEST(smtp_53_bad_sender_writes_nothing)
{
	struct client_mail m = one(1, false);
	struct diag why = { 0 };

	m.sender = "s\r\nRCPT TO:<x@y>@x";
	ready(EHLO_PIPE);
	ck_assert_int_eq(client_mail(client, now, &m, &why), ST_SYNTAX);
	ck_assert_int_eq(run(), CLIENT_READY);
	expect_sent("");
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, smtp_46_size_is_told_where_it_is_offered);
	tcase_add_test(t, smtp_46_message_over_the_limit_does_not_fit);
	tcase_add_test(t, smtp_47_8bit_content_needs_8bitmime_and_says_so);
	tcase_add_loop_test(t,
	    smtp_53_b1_9_the_writer_refuses_what_could_inject, 0,
	    (int)COUNT_OF(addresses));
	tcase_add_test(t, smtp_53_bad_recipient_is_left_out_and_told);
	tcase_add_test(t, smtp_53_bad_sender_writes_nothing);
	tcase_add_test(t,
	    smtp_49_smtputf8_is_said_where_it_is_needed_and_offered);
	tcase_add_test(t, smtp_49_what_needs_smtputf8_does_not_fit_elsewhere);
	tcase_add_test(t,
	    smtp_49_b1_9_utf8_address_is_unfit_where_smtputf8_is_not_said);
	tcase_add_test(t, smtp_60_dsn_parameters_are_passed_on_as_they_came);
	tcase_add_test(t, smtp_61_without_dsn_none_of_its_parameters_is_sent);
	tcase_add_test(t,
	    smtp_53_dsn_parameters_that_could_inject_do_not_leave);
	tcase_add_test(t, smtp_60_the_longest_commands_leave_whole);
	tcase_add_test(t,
	    rtls_16_requiretls_counts_only_in_the_reply_inside_tls);
	tcase_add_test(t,
	    rtls_17_mail_carries_requiretls_where_it_is_asked_for);
	tcase_add_test(t, smtp_51_limits_of_the_server_divide_the_recipients);
	tcase_add_test(t, smtp_51_domains_are_counted_over_the_session);
	tcase_add_test(t, smtp_51_without_limits_there_is_room_for_all);
	tcase_add_loop_test(t,
	    smtp_49_b1_9_in_utf8_nothing_that_could_end_a_line_leaves, 0,
	    (int)COUNT_OF(utf8_addresses));
}

int
main(void)
{
	return client_suite("smtp_client_extensions", add);
}
