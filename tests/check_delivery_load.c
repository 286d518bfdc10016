/* SPDX-License-Identifier: BSD-2-Clause */
/* Envelopes and contents at their limits, from the client to the servers. */
#include "tests/gateway_world.h"

#define BODY_HEAD "Subject: x\r\n\r\n"

/* A message of exactly n bytes with its CRLFs, in lines of 62. */
static char *
body_of(size_t n)
{
	char *s = need(talloc_size(w, n + 1));
	size_t at = sizeof(BODY_HEAD) - 1;

	memcpy(s, BODY_HEAD, at);
	while (at < n) {
		size_t line = n - at < 2 * 64 ? n - at : 64;

		memset(s + at, 'x', line);
		memcpy(s + at + line - 2, "\r\n", 2);
		at += line;
	}
	s[n] = '\0';
	return s;
}

/* ---- C6 ---- */

START_TEST(c6_a_message_at_the_limit_arrives_whole_and_one_byte_more_is_refused)
{
	static const char *const rcpt = "u@d.example";
	const size_t limit = 64u << 10;
	struct peer *p = add_domain("d.example");
	const char *at_limit;
	struct span got;

	set("intake.message-size-limit", "\"64K\"");
	start();
	at_limit = body_of(limit);
	ck_assert_uint_eq(submit_list(&rcpt, 1, at_limit), 250);
	ck_assert_uint_eq(submit_list(&rcpt, 1, body_of(limit + 1)), 552);
	pass(MINUTE);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(p->mail_count, 1);
	got = p->mail[0].body;
	ck_assert(span_starts(got, "Received: "));
	ck_assert(span_ends(got, at_limit));
}
END_TEST

static size_t most;

static bool
watch_courier(void *arg)
{
	size_t now = talloc_total_size(w->courier);

	(void)arg;
	if (now > most)
		most = now;
	return false;
}

/* What the courier has in memory while it sends n bytes. */
static size_t
memory_for(size_t n)
{
	static const char *const rcpt = "u@d.example";

	most = 0;
	ck_assert_uint_eq(submit_list(&rcpt, 1, body_of(n)), 250);
	sim_run(w->sim, MINUTE, watch_courier, NULL);
	ck_assert_uint_eq(queued(), 0);
	return most;
}

START_TEST(c6_what_a_courier_holds_does_not_grow_with_the_message)
{
	struct peer *p = add_domain("d.example");
	size_t small, large;

	start();
	small = memory_for(4u << 20);
	large = memory_for(16u << 20);
	ck_assert_uint_eq(p->mail_count, 2);
	ck_assert_uint_gt(p->mail[1].body.n, 16u << 20);
	ck_assert_msg(large < small + (64u << 10), "%zu and %zu bytes", small,
	    large);
	ck_assert_uint_lt(large, 1u << 20);
}
END_TEST

/* A server's SIZE is believed when it forbids, not when it allows. */
START_TEST(c6_a_server_that_lies_about_its_size_loses_nothing)
{
	struct peer *less = add_domain("less.example");
	struct peer *more = add_domain("more.example");
	struct peer *odd = add_domain("odd.example");

	less->script.size = "10";
	more->script.size = "99999999999999999999999999";
	odd->script.size = "-1";
	more->script.dot = "552 5.3.4 too big after all";
	start();
	submit_to("u@less.example");
	submit_to("u@more.example");
	submit_to("u@odd.example");
	pass(MINUTE);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(reports_about("u@less.example"), 1);
	ck_assert_uint_eq(reports_about("u@more.example"), 1);
	ck_assert_uint_eq(less->mail_count, 0);
	ck_assert_uint_eq(odd->mail_count, 1);
}
END_TEST

/* ---- C5 ---- */

#define RECIPIENTS 50000u

static const char **
many_recipients(unsigned count, const char *domain)
{
	const char **rcpt = need(talloc_array(w, const char *, count));

	for (unsigned i = 0; i < count; i++)
		rcpt[i] = text("u%u@%s", i, domain);
	return rcpt;
}

START_TEST(c5_of_fifty_thousand_recipients_the_limit_is_taken)
{
	struct peer *p = add_domain("d.example");
	unsigned code, taken = 0;

	set("smtp.recipient-limit", "1000");
	start();
	code = submit_list(many_recipients(RECIPIENTS, "d.example"), RECIPIENTS,
	    BODY_HEAD "x\r\n");
	pass(MINUTE);
	for (size_t i = 0; i < p->mail_count; i++)
		for (const char *s = p->mail[i].rcpts; *s != '\0'; s++)
			taken += *s == '@';
	ck_assert_uint_eq(code, 250);
	ck_assert_uint_eq(taken, 1000);
	ck_assert_uint_eq(queued(), 0);
}
END_TEST

START_TEST(c5_fifty_thousand_recipients_get_one_copy_each)
{
	struct peer *p = add_domain("d.example");
	unsigned taken = 0;

	set("intake.recipient-limit", "50000");
	set("smtp.recipient-limit", "1000");
	start();
	ck_assert_uint_eq(submit_list(many_recipients(RECIPIENTS, "d.example"),
			      RECIPIENTS, BODY_HEAD "x\r\n"),
	    250);
	pass(5 * MINUTE);
	for (size_t i = 0; i < p->mail_count; i++)
		for (const char *s = p->mail[i].rcpts; *s != '\0'; s++)
			taken += *s == '@';
	ck_assert_uint_eq(taken, RECIPIENTS);
	ck_assert_uint_eq(queued(), 0);
}
END_TEST

#define DOMAINS 10000u
#define SILENT  (DOMAINS / 5) /* looked up in vain, for 30 s each */

START_TEST(c5_ten_thousand_domains_of_one_message_block_no_other)
{
	const char **rcpt = need(talloc_array(w, const char *, DOMAINS));
	struct peer *good = add_domain("good.example");
	struct peer *shared = add_host("mx.shared.example");

	set("intake.recipient-limit", "50000");
	for (unsigned i = 0; i < DOMAINS; i++) {
		const char *domain = text("d%u.example", i);

		rcpt[i] = text("u@%s", domain);
		say_dns(domain, DNS_MX, i < SILENT ? SIM_SILENT : SIM_INSECURE,
		    "10 mx.shared.example.");
	}
	start();
	submit_to("u@good.example");
	pass(1000);
	ck_assert_uint_eq(good->mail_count, 1);
	ck_assert_uint_eq(submit_list(rcpt, DOMAINS, BODY_HEAD "x\r\n"), 250);
	for (unsigned i = 0; i < 20; i++) {
		submit_to("u@good.example");
		pass(1000);
		ck_assert_msg(good->mail_count == 2 + i, "message %u waits", i);
	}
	pass(MINUTE);
	ck_assert_uint_eq(shared->mail_count, DOMAINS - SILENT);
	ck_assert_uint_eq(queued(), SILENT);
}
END_TEST

int
main(void)
{
	const TTest *const t[] = {
		c6_a_message_at_the_limit_arrives_whole_and_one_byte_more_is_refused,
		c6_what_a_courier_holds_does_not_grow_with_the_message,
		c6_a_server_that_lies_about_its_size_loses_nothing,
		c5_of_fifty_thousand_recipients_the_limit_is_taken,
		c5_fifty_thousand_recipients_get_one_copy_each,
		c5_ten_thousand_domains_of_one_message_block_no_other,
	};

	status_init();
	return run_all("delivery_load", world_setup, t, COUNT_OF(t));
}
