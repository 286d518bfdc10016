/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/verdict.h"

static struct client_reply
reply(uint16_t code, const char *enhanced)
{
	struct client_reply r = { .code = code };

	snprintf(r.enhanced, sizeof(r.enhanced), "%s", enhanced);
	return r;
}

static const struct {
	const char *name;
	enum client_state at;
	uint16_t code;
	const char *enhanced;
	bool after_accepted;
	enum verdict_step step;
	const char *status;
} replies[] = {
	{ "delivered", CLIENT_S_DOT, 250, "", false, STEP_DELIVERED, "2.0.0" },
	{ "delivered, own code", CLIENT_S_DOT, 250, "2.6.0", false,
	    STEP_DELIVERED, "2.6.0" },
	{ "SMTP-40 5yz is final", CLIENT_S_RCPT, 550, "5.1.1", false,
	    STEP_BOUNCE, "5.1.1" },
	{ "SMTP-68 without code", CLIENT_S_RCPT, 550, "", false, STEP_BOUNCE,
	    "5.1.1" },
	{ "SMTP-40 4yz: next host", CLIENT_S_RCPT, 450, "4.2.1", false,
	    STEP_NEXT_HOST, "4.2.1" },
	{ "unknown code by its digit", CLIENT_S_RCPT, 499, "", false,
	    STEP_NEXT_HOST, "4.0.0" },
	{ "MAIL 5yz", CLIENT_S_MAIL, 554, "5.7.1", false, STEP_BOUNCE,
	    "5.7.1" },
	{ "DATA 4yz", CLIENT_S_DATA, 451, "", false, STEP_NEXT_HOST, "4.3.0" },
	{ "dot 4yz", CLIENT_S_DOT, 452, "", false, STEP_NEXT_HOST, "4.3.1" },
	{ "SMTP-46 552 after the content", CLIENT_S_DOT, 552, "", false,
	    STEP_BOUNCE, "5.3.4" },
	{ "SMTP-46 552 to MAIL", CLIENT_S_MAIL, 552, "", false, STEP_BOUNCE,
	    "5.3.4" },
	{ "mailbox full", CLIENT_S_RCPT, 552, "", false, STEP_BOUNCE, "5.2.2" },
	{ "SMTP-39 452 after accepted ones", CLIENT_S_RCPT, 452, "", true,
	    STEP_SAME_HOST, "4.5.3" },
	{ "SMTP-39 552 after accepted ones", CLIENT_S_RCPT, 552, "5.5.3", true,
	    STEP_SAME_HOST, "4.5.3" },
	{ "452 to the first", CLIENT_S_RCPT, 452, "4.5.3", false,
	    STEP_NEXT_HOST, "4.5.3" },
	{ "SMTP-33 greeting 554", CLIENT_S_GREETING, 554, "5.7.1", false,
	    STEP_NEXT_HOST, "4.0.0" },
	{ "SMTP-33 greeting 421", CLIENT_S_GREETING, 421, "", false,
	    STEP_NEXT_HOST, "4.3.2" },
	{ "SMTP-33 greeting 521", CLIENT_S_GREETING, 521, "", false,
	    STEP_OTHER_HOST, "5.3.2" },
	{ "EHLO 5yz", CLIENT_S_EHLO, 502, "", false, STEP_NEXT_HOST, "4.5.1" },
};

START_TEST(smtp_68_replies_give_step_and_status)
{
	struct client_reply r = reply(replies[_i].code, replies[_i].enhanced);
	struct verdict v = verdict_of_reply(replies[_i].at, &r,
	    replies[_i].after_accepted);

	ck_assert_msg(v.step == replies[_i].step, "%s: step %d",
	    replies[_i].name, (int)v.step);
	ck_assert_msg(strcmp(v.status, replies[_i].status) == 0,
	    "%s: status %s", replies[_i].name, v.status);
}
END_TEST

/* Whatever the server says: what is retried is 4, what is final is 5. */
START_TEST(smtp_68_class_always_agrees_with_the_step)
{
	for (uint16_t code = 200; code < 600; code++)
		for (int at = 0; at < (int)CLIENT_STATE_COUNT; at++) {
			struct client_reply r = reply(code, "");
			struct verdict v = verdict_of_reply((enum client_state)
								at,
			    &r, code % 2 == 0);
			char want = v.step == STEP_DELIVERED ? '2' :
				    v.step == STEP_BOUNCE ||
					    v.step == STEP_OTHER_HOST ?
							       '5' :
							       '4';

			ck_assert_int_eq(v.status[0], want);
			ck_assert(v.step != STEP_DELIVERED ||
				  (at == CLIENT_S_DOT && code < 300));
		}
}
END_TEST

static const struct {
	enum client_fault fault;
	enum client_state at;
	enum verdict_step step;
	const char *status;
} failures[] = {
	{ CLIENT_FAULT_LOST, CLIENT_S_GREETING, STEP_NEXT_HOST, "4.4.2" },
	{ CLIENT_FAULT_TIMEOUT, CLIENT_S_MAIL, STEP_NEXT_HOST, "4.4.2" },
	{ CLIENT_FAULT_LOST, CLIENT_S_BODY, STEP_NEXT_HOST, "4.4.2" },
	{ CLIENT_FAULT_LOST, CLIENT_S_DOT, STEP_LATER, "4.4.2" },
	{ CLIENT_FAULT_TIMEOUT, CLIENT_S_DOT, STEP_LATER, "4.4.2" },
	{ CLIENT_FAULT_PROTOCOL, CLIENT_S_DOT, STEP_LATER, "4.4.2" },
	{ CLIENT_FAULT_PROTOCOL, CLIENT_S_DATA, STEP_NEXT_HOST, "4.5.0" },
	{ CLIENT_FAULT_NO_TLS, CLIENT_S_EHLO, STEP_NEXT_HOST, "4.7.5" },
	{ CLIENT_FAULT_INJECTION, CLIENT_S_HANDSHAKE, STEP_NEXT_HOST, "4.7.5" },
	{ CLIENT_FAULT_CONTENT, CLIENT_S_BODY, STEP_BOUNCE, "5.6.0" },
	{ CLIENT_FAULT_LOST, CLIENT_S_CHUNK, STEP_NEXT_HOST, "4.4.2" },
	{ CLIENT_FAULT_LOST, CLIENT_S_DRAIN, STEP_NEXT_HOST, "4.4.2" },
	{ CLIENT_FAULT_AUTH, CLIENT_S_AUTH, STEP_NEXT_HOST, "4.7.0" },
};

START_TEST(smtp_41_failures_give_step_and_status)
{
	struct client_failure f = { .fault = failures[_i].fault,
		.at = failures[_i].at };
	struct verdict v = verdict_of_failure(&f);

	ck_assert_int_eq(v.step, failures[_i].step);
	ck_assert_str_eq(v.status, failures[_i].status);
}
END_TEST

/* SMTP-52: our credentials are ours to mend; no 5yz to AUTH is a bounce. */
START_TEST(smtp_52_a_refused_login_never_bounces)
{
	struct client_failure f = { .fault = CLIENT_FAULT_AUTH,
		.at = CLIENT_S_AUTH,
		.reply = { .code = 535, .enhanced = "5.7.8" } };

	ck_assert_int_eq(verdict_of_failure(&f).step, STEP_NEXT_HOST);
	ck_assert_str_eq(verdict_of_failure(&f).status, "4.7.0");
}
END_TEST

static const struct {
	enum client_fit fit;
	const char *status;
} unfit[] = {
	{ CLIENT_TOO_BIG, "5.3.4" },
	{ CLIENT_NEEDS_8BIT, "5.6.3" },
	{ CLIENT_NEEDS_UTF8, "5.6.7" },
	{ CLIENT_NEEDS_UTF8_HEADER, "5.6.9" },
	{ CLIENT_NEEDS_REQUIRETLS, "5.7.30" },
};

START_TEST(smtp_46_47_49_what_does_not_fit_may_fit_another_host)
{
	struct verdict v = verdict_of_fit(unfit[_i].fit);

	ck_assert_int_eq(v.step, STEP_OTHER_HOST);
	ck_assert_str_eq(v.status, unfit[_i].status);
}
END_TEST

/* ---- rule 12: no host is left ---- */

#define ENDS(...)                                                              \
	(const enum verdict_end[])                                             \
	{                                                                      \
		__VA_ARGS__                                                    \
	}

static const struct {
	const char *name;
	enum msg_class mclass;
	const enum verdict_end *end;
	size_t count;
	enum verdict_step step;
	const char *status;
} exhausted[] = {
	{ "RTLS-20 all without keyword", CLASS_REQUIRETLS,
	    ENDS(END_NO_REQUIRETLS, END_NO_REQUIRETLS), 2, STEP_BOUNCE,
	    "5.7.30" },
	{ "RTLS-20 all without STARTTLS", CLASS_REQUIRETLS,
	    ENDS(END_NO_TLS, END_NO_TLS), 2, STEP_BOUNCE, "5.7.10" },
	{ "RTLS-46 mixed: of the last", CLASS_REQUIRETLS,
	    ENDS(END_NO_REQUIRETLS, END_NO_TLS), 2, STEP_BOUNCE, "5.7.10" },
	{ "RTLS-46 mixed, the other way", CLASS_REQUIRETLS,
	    ENDS(END_NO_TLS, END_NO_REQUIRETLS), 2, STEP_BOUNCE, "5.7.30" },
	{ "RTLS-21 one is undecided", CLASS_REQUIRETLS,
	    ENDS(END_NO_REQUIRETLS, END_UNDECIDED), 2, STEP_LATER, "4.7.5" },
	{ "RTLS-21 the first is undecided", CLASS_REQUIRETLS,
	    ENDS(END_UNDECIDED, END_NO_REQUIRETLS), 2, STEP_LATER, "4.7.5" },
	{ "no host", CLASS_REQUIRETLS, NULL, 0, STEP_LATER, "4.7.5" },
	{ "RTLS-34 all insist", CLASS_TLS_OPTIONAL,
	    ENDS(END_WANTS_TLS, END_WANTS_TLS), 2, STEP_BOUNCE, "5.7.0" },
	{ "RTLS-34 not all insist", CLASS_TLS_OPTIONAL,
	    ENDS(END_WANTS_TLS, END_UNDECIDED), 2, STEP_LATER, "4.7.5" },
	{ "INV-08 normal mail waits", CLASS_NORMAL,
	    ENDS(END_NO_TLS, END_NO_TLS), 2, STEP_LATER, "4.7.5" },
	{ "INV-08 of another class", CLASS_TLS_OPTIONAL,
	    ENDS(END_NO_TLS, END_NO_REQUIRETLS), 2, STEP_LATER, "4.7.5" },
	{ "INV-08 reports wait", CLASS_TLS_REPORT, ENDS(END_WANTS_TLS), 1,
	    STEP_LATER, "4.7.5" },
};

START_TEST(rtls_21_inv_08_only_when_each_host_was_conclusive)
{
	struct verdict v = verdict_of_hosts(exhausted[_i].mclass,
	    exhausted[_i].end, exhausted[_i].count);

	ck_assert_msg(v.step == exhausted[_i].step, "%s: step %d",
	    exhausted[_i].name, (int)v.step);
	ck_assert_msg(strcmp(v.status, exhausted[_i].status) == 0, "%s: %s",
	    exhausted[_i].name, v.status);
}
END_TEST

/* "421/454 ... leave the host undecided" */
START_TEST(rtls_21_what_ends_a_session_is_conclusive_or_not)
{
	struct client_failure f = { .fault = CLIENT_FAULT_NO_TLS,
		.at = CLIENT_S_EHLO };

	ck_assert_int_eq(verdict_end_of_failure(&f), END_NO_TLS);
	f.reply = reply(250, ""); /* to EHLO, which does not offer it */
	ck_assert_int_eq(verdict_end_of_failure(&f), END_NO_TLS);
	f.at = CLIENT_S_STARTTLS;
	f.reply = reply(454, "");
	ck_assert_int_eq(verdict_end_of_failure(&f), END_UNDECIDED);
	f.reply = reply(421, "");
	ck_assert_int_eq(verdict_end_of_failure(&f), END_UNDECIDED);
	f.reply = reply(502, "");
	ck_assert_int_eq(verdict_end_of_failure(&f), END_NO_TLS);
	f.fault = CLIENT_FAULT_INJECTION;
	ck_assert_int_eq(verdict_end_of_failure(&f), END_UNDECIDED);
	f.fault = CLIENT_FAULT_TIMEOUT;
	f.reply.code = 0;
	ck_assert_int_eq(verdict_end_of_failure(&f), END_UNDECIDED);
	f.fault = CLIENT_FAULT_REPLY;
	f.at = CLIENT_S_GREETING;
	f.reply = reply(554, "");
	ck_assert_int_eq(verdict_end_of_failure(&f), END_UNDECIDED);
}
END_TEST

START_TEST(rtls_21_a_certificate_is_conclusive_and_a_lost_handshake_not)
{
	ck_assert_int_eq(verdict_end_of_handshake(ST_POLICY), END_NO_TLS);
	ck_assert_int_eq(verdict_end_of_handshake(ST_TEMP), END_UNDECIDED);
	ck_assert_int_eq(verdict_end_of_handshake(ST_OK), END_UNDECIDED);
}
END_TEST

START_TEST(a_demand_for_tls_is_conclusive_for_tls_required_no_alone)
{
	struct client_reply r = reply(530, "5.7.0");

	ck_assert_int_eq(verdict_end_of_reply(CLASS_TLS_OPTIONAL, &r),
	    END_WANTS_TLS);
	ck_assert_int_eq(verdict_end_of_reply(CLASS_NORMAL, &r), END_UNDECIDED);
	ck_assert_int_eq(verdict_end_of_reply(CLASS_REQUIRETLS, &r),
	    END_UNDECIDED);
	r.code = 550;
	ck_assert_int_eq(verdict_end_of_reply(CLASS_TLS_OPTIONAL, &r),
	    END_UNDECIDED);
}
END_TEST

START_TEST(security_says_more_than_dns_than_words_than_silence)
{
	static const char *const order[] = { "4.4.1", "4.4.2", "4.3.2", "4.4.3",
		"4.7.5" };

	for (size_t i = 0; i < COUNT_OF(order); i++)
		for (size_t k = 0; k < COUNT_OF(order); k++)
			ck_assert_int_eq(verdict_says_more(order[i], order[k]),
			    i > k);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("verdict");
	TCase *t = tcase_create("verdict");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, smtp_68_replies_give_step_and_status, 0,
	    (int)COUNT_OF(replies));
	tcase_add_test(t, smtp_68_class_always_agrees_with_the_step);
	tcase_add_loop_test(t, smtp_41_failures_give_step_and_status, 0,
	    (int)COUNT_OF(failures));
	tcase_add_test(t, smtp_52_a_refused_login_never_bounces);
	tcase_add_loop_test(t,
	    smtp_46_47_49_what_does_not_fit_may_fit_another_host, 0,
	    (int)COUNT_OF(unfit));
	tcase_add_loop_test(t,
	    rtls_21_inv_08_only_when_each_host_was_conclusive, 0,
	    (int)COUNT_OF(exhausted));
	tcase_add_test(t, rtls_21_what_ends_a_session_is_conclusive_or_not);
	tcase_add_test(t,
	    rtls_21_a_certificate_is_conclusive_and_a_lost_handshake_not);
	tcase_add_test(t,
	    a_demand_for_tls_is_conclusive_for_tls_required_no_alone);
	tcase_add_test(t, security_says_more_than_dns_than_words_than_silence);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
