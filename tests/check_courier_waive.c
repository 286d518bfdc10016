/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A courier and exceptions: what is waived after which failure, that each use
 * is counted before mail goes, and what becomes of mail when it may not be.
 */
#include <openssl/ssl.h>
#include <string.h>

#include "gateway/courier_internal.h"
#include "tests/courier_fixture.h"

#define BIT(w) (1u << WAIVE_##w)

/* d.example with one host that publishes a key, its own or another's. */
static struct plan_host *
dane_host(struct server *s, const struct cert *published, unsigned waives)
{
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	require_dane(p, h, published);
	waive(p, h, waives);
	return h;
}

static bool
was_waived(void)
{
	return was_logged("waived");
}

/* ---- failure by failure ---- */

START_TEST(inv_04_a_tlsa_mismatch_that_is_waived_leaves_tls)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	dane_host(s, cert_for("mx.d.example"), BIT(TLSA_MISMATCH));
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert_uint_eq(s->connections, 2);
	ck_assert_uint_eq(s->clear_mails, 0);
	ck_assert_int_eq(record(0).failure, FAILURE_TLSA_MISMATCH);
	ck_assert_int_eq(record(0).required, LEVEL_VERIFY);
	ck_assert_int_eq(record(1).required, LEVEL_ENCRYPT);
	ck_assert_uint_eq(record(1).in.failed, BIT(TLSA_MISMATCH));
	ck_assert_str_eq(record(1).exception, "old");
	ck_assert(was_waived());
}
END_TEST

START_TEST(inv_04_what_is_not_waived_is_not_lowered)
{
	static const unsigned others[] = { BIT(NO_STARTTLS), BIT(CERTIFICATE),
		BIT(LEGACY_TLS), BIT(STS_MX), BIT(TLSA_LOOKUP) };
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	dane_host(s, cert_for("mx.d.example"), others[_i]);
	try_one();
	expect_failed("4.7.5");
	ck_assert_uint_eq(s->connections, 1);
	ck_assert_uint_eq(s->mail_count, 0);
	ck_assert_uint_eq(keeper.uses, 0);
}
END_TEST

START_TEST(inv_07_clear_text_by_a_waiver_where_starttls_is_not_offered)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	dane_host(s, cert_for("mx.d.example"), BIT(NO_STARTTLS));
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_int_eq(record(1).required, LEVEL_PLAIN);
	ck_assert_uint_eq(record(1).in.failed, BIT(NO_STARTTLS));
	ck_assert_uint_eq(keeper.uses, 1);
}
END_TEST

/* STARTTLS is offered and does not come about. */
START_TEST(inv_04_no_starttls_waives_no_other_failure_of_tls)
{
	static const enum starttls ways[] = { TLS_454, TLS_DROP, TLS_GARBAGE,
		TLS_INJECT };
	struct server *s = server_new(ways[_i],
	    ways[_i] == TLS_INJECT ? cert_for("mx.d.example") : NULL);

	dane_host(s, cert_for("mx.d.example"), BIT(NO_STARTTLS));
	try_one();
	expect_failed("4.7.5");
	ck_assert_uint_eq(s->clear_mails, 0);
}
END_TEST

/* The whole requirement counts, for the want of it was all that was waived. */
START_TEST(inv_04_starttls_that_is_offered_after_all_is_used_in_full)
{
	const struct cert *own = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, own);

	s->starttls = TLS_ABSENT;
	dane_host(s, own, BIT(NO_STARTTLS));
	send_slot(1, "d.example");
	send_one(1, 1);
	run_until(was_waived);
	s->starttls = TLS_GOOD;
	wait_for(has_reports, 1);
	expect_delivered(REACHED_VERIFIED);
	ck_assert_int_eq(record(1).required, LEVEL_VERIFY);
	ck_assert_uint_eq(record(1).in.failed, 0);
	ck_assert_uint_eq(keeper.uses, 0);
}
END_TEST

START_TEST(inv_04_plain_waives_any_failure_of_tls)
{
	static const enum starttls ways[] = { TLS_ABSENT, TLS_454, TLS_DROP };
	struct server *s = server_new(ways[_i], NULL);

	dane_host(s, cert_for("mx.d.example"), BIT(PLAIN));
	try_one();
	expect_delivered(REACHED_PLAIN);
}
END_TEST

/* The weakest that will do, not all that it would allow. */
START_TEST(inv_04_plain_stops_at_the_first_level_that_is_met)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));

	dane_host(s, cert_for("mx.d.example"), BIT(PLAIN));
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert_int_eq(record(1).required, LEVEL_ENCRYPT);
}
END_TEST

START_TEST(inv_04_a_certificate_that_is_waived_leaves_tls)
{
	struct server *s = server_new(TLS_GOOD, cert_for("other.example"));
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	require_sts(p, h, true);
	waive(p, h, BIT(CERTIFICATE));
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert_int_eq(record(0).failure, FAILURE_CERTIFICATE);
	ck_assert_int_eq(record(1).required, LEVEL_ENCRYPT);
}
END_TEST

/* It proves itself, and nobody vouches that it is the right host. */
START_TEST(inv_09_a_host_outside_of_the_policy_is_not_called_verified)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));
	struct plan *p = plan_new("d.example");
	struct plan_host *h;

	p->mx_secure = false;
	h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);
	require_sts(p, h, false);
	waive(p, h, BIT(STS_MX));
	ck_assert(!h->skip);
	try_one();
	expect_delivered(REACHED_AUTHENTICATED);
	ck_assert_uint_eq(s->connections, 1);
}
END_TEST

START_TEST(inv_04_hosts_of_equal_preference_that_need_no_waiver_come_first)
{
	const struct cert *own = cert_for("mx2.d.example");
	struct server *bad = server_new(TLS_ABSENT, NULL);
	struct server *good = server_new(TLS_GOOD, own);
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx1.d.example", 10, bad, LEVEL_MAY);

	require_dane(p, h, cert_for("mx1.d.example"));
	waive(p, h, BIT(NO_STARTTLS));
	require_dane(p, plan_add(p, "mx2.d.example", 10, good, LEVEL_MAY), own);
	try_one();
	expect_delivered(REACHED_VERIFIED);
	ck_assert_uint_eq(bad->clear_mails, 0);
}
END_TEST

/* Waived before anything was tried: the same. */
START_TEST(inv_04_a_host_that_is_lowered_by_the_plan_comes_behind)
{
	struct server *low = server_new(TLS_ABSENT, NULL);
	struct server *good = server_new(TLS_GOOD, cert_for("mx2.d.example"));
	struct plan *p = plan_new("d.example");

	plan_add(p, "mx1.d.example", 10, low, LEVEL_PLAIN);
	plan_add(p, "mx2.d.example", 10, good, LEVEL_MAY);
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert_uint_eq(low->connections, 0);
}
END_TEST

/* ---- old TLS ---- */

/* One that has nothing newer than TLS 1.0. */
static struct server *
old_server(const struct cert *own)
{
	struct server *s = server_new(TLS_GOOD, own);

	server_limit_tls(s, TLS1_VERSION, NULL);
	return s;
}

START_TEST(inv_04_tls_02_old_tls_that_is_waived_has_its_own_connection)
{
	const struct cert *own = cert_for("mx.d.example");
	struct server *s = old_server(own);
	struct evidence e;

	dane_host(s, own, BIT(LEGACY_TLS));
	try_one();
	expect_delivered(REACHED_VERIFIED);
	ck_assert_uint_eq(s->connections, 2);
	ck_assert_uint_eq(s->clear_mails, 0);
	e = record(0);
	ck_assert_int_eq(e.failure, FAILURE_LEGACY_TLS);
	ck_assert_int_eq(e.rung, RUNG_MODERN);
	e = record(1);
	ck_assert_int_eq(e.required, LEVEL_VERIFY);
	ck_assert_uint_eq(e.in.failed, BIT(LEGACY_TLS));
	ck_assert_int_eq(e.rung, RUNG_LEGACY);
	ck_assert(!e.recalled && !e.clear_retry);
	ck_assert_str_eq(e.protocol, "TLSv1");
	ck_assert(evidence_is_legacy(&e));
	ck_assert_str_eq(e.exception, "old");
	ck_assert_uint_eq(keeper.uses, 1);
	ck_assert(was_waived());
	ck_assert(was_logged("warn courier/0 attempt"));
	ck_assert(was_logged("rung=legacy"));
}
END_TEST

/* By the authorities that are trusted, whose certificates are as strong. */
START_TEST(inv_04_sts_42_old_tls_that_is_waived_proves_the_name_as_well)
{
	struct server *s = old_server(cert_for(_i == 0 ? "mx.d.example" :
							 "other.example"));
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	require_sts(p, h, true);
	waive(p, h, BIT(LEGACY_TLS));
	try_one();
	if (_i == 0)
		expect_delivered(REACHED_VERIFIED);
	else
		expect_failed("4.7.5");
	ck_assert_uint_eq(s->mail_count, _i == 0);
}
END_TEST

/* For the mail that saw it fail: the next begins where all is required. */
START_TEST(inv_04_old_tls_is_waived_for_one_message_at_a_time)
{
	const struct cert *own = cert_for("mx.d.example");
	struct server *s = old_server(own);

	conf.smtp_connection_messages = 1;
	dane_host(s, own, BIT(LEGACY_TLS));
	try_one();
	send_one(1, 2);
	wait_for(has_reports, 2);
	ck_assert_uint_eq(s->connections, 4);
	ck_assert_uint_eq(keeper.uses, 2);
	ck_assert_int_eq(evidence_of(&keeper.outcome[1].evidence[0]).rung,
	    RUNG_MODERN);
	ck_assert_int_eq(evidence_of(&keeper.outcome[1].evidence[1]).rung,
	    RUNG_LEGACY);
}
END_TEST

START_TEST(tls_02_not_where_dane_alone_will_do)
{
	const struct cert *own = cert_for("mx.d.example");
	struct server *s = old_server(own);
	struct plan_host *h = dane_host(s, own, BIT(LEGACY_TLS));

	h->in.floor = LEVEL_DANE_ONLY;
	decided(advisor.plan[0], h);
	try_one();
	expect_failed("4.7.5");
	ck_assert_uint_eq(s->connections, 1);
	ck_assert_uint_eq(s->handshakes, 0);
}
END_TEST

/* Nothing is lowered by it, so there is nothing to count. */
START_TEST(tls_02_old_tls_that_is_waived_comes_before_clear_text)
{
	struct server *s = old_server(cert_for("mx.d.example"));
	struct plan *p = plan_new("d.example");

	waive(p, plan_add(p, "mx.d.example", 10, s, LEVEL_MAY),
	    BIT(LEGACY_TLS));
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert_uint_eq(s->connections, 2);
	ck_assert_uint_eq(s->clear_mails, 0);
	ck_assert_int_eq(record(1).rung, RUNG_LEGACY);
	ck_assert_uint_eq(record(1).in.failed, 0);
	ck_assert_uint_eq(keeper.uses, 0);
	ck_assert(was_logged("legacy-retry"));
	ck_assert(!was_waived());
}
END_TEST

START_TEST(inv_04_plain_gives_an_old_host_old_tls)
{
	const struct cert *own = cert_for("mx.d.example");
	struct server *s = old_server(own);

	dane_host(s, own, BIT(PLAIN));
	try_one();
	expect_delivered(REACHED_VERIFIED);
	ck_assert_int_eq(record(1).rung, RUNG_LEGACY);
}
END_TEST

/* ---- beside the ladder ---- */

START_TEST(inv_07_clear_text_for_any_failure_of_tls_is_told_as_such)
{
	struct server *s = server_new(TLS_DROP, NULL);

	dane_host(s, cert_for("mx.d.example"), BIT(PLAIN));
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_int_eq(record(1).rung, RUNG_CLEAR);
	ck_assert(record(1).clear_retry);
	ck_assert(!record(1).recalled);
}
END_TEST

static bool
has_failed_once(void)
{
	return was_logged("failure=no-starttls");
}

/* That other mail found TLS broken there waives nothing. */
START_TEST(inv_04_what_is_remembered_of_a_host_is_no_want_of_starttls)
{
	const struct cert *own = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, own);
	struct plan_host *h;

	s->starttls = TLS_DROP;
	plan_add(plan_new("c.example"), "mx.d.example", 10, s, LEVEL_MAY);
	h = dane_host(s, own, BIT(NO_STARTTLS));
	ck_assert_int_eq(h->required, LEVEL_VERIFY);
	conf.smtp_idle_ms = 0;
	send_slot(2, "c.example");
	send_one(2, 9);
	wait_for(has_reports, 1);
	ck_assert_int_eq(record(1).rung, RUNG_CLEAR);
	s->starttls = TLS_ABSENT;
	send_slot(1, "d.example");
	send_one(1, 1);
	run_until(has_failed_once);
	s->starttls = TLS_GOOD;
	wait_for(has_reports, 2);
	ck_assert_int_eq(keeper.outcome[1].result[0].reached, REACHED_VERIFIED);
	ck_assert_uint_eq(keeper.uses, 0);
}
END_TEST

START_TEST(clear_text_that_is_waived_is_not_bound_by_its_limits)
{
	struct server *s = server_new(_i == 0 ? TLS_ABSENT : TLS_DROP, NULL);
	struct plan_host *h = dane_host(s, cert_for("mx.d.example"),
	    _i == 0 ? BIT(NO_STARTTLS) : BIT(PLAIN));
	struct wire_job j = job_of(1, 1, one, 1);

	h->plaintext.forbidden = true;
	j.clear_in_budget = false;
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	expect_delivered(REACHED_PLAIN);
}
END_TEST

/* It may have TLS: that is asked before the other goes in clear. */
START_TEST(tls_16_a_host_lowered_by_the_plan_is_asked_for_tls_first)
{
	struct server *none = server_new(TLS_ABSENT, NULL);
	struct server *low = server_new(TLS_GOOD, cert_for("mx2.d.example"));
	struct plan *p = plan_new("d.example");

	plan_add(p, "mx1.d.example", 10, none, LEVEL_MAY);
	plan_add(p, "mx2.d.example", 10, low, LEVEL_PLAIN);
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert_uint_eq(none->clear_mails, 0);
}
END_TEST

/* ---- uses ---- */

START_TEST(inv_04_mail_waits_until_its_use_is_counted)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_PLAIN);
	try_one();
	expect_delivered(REACHED_PLAIN);
	ck_assert_uint_eq(keeper.uses, 1);
	ck_assert_int_eq(keeper.use.message, 1);
	ck_assert_str_eq(keeper.use.exception, "old");
	ck_assert_int_eq(keeper.use.expires.ms,
	    advisor.plan[0]->host[0].exception_expires.ms);
}
END_TEST

/* Two transactions of one message, and a further message. */
START_TEST(inv_04_each_message_asks_once)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct wire_job j = job_of(1, 1, three, 3);

	conf.smtp_recipients = 2;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_PLAIN);
	send_slot(1, "d.example");
	send_job(&j);
	wait_for(has_reports, 1);
	ck_assert_uint_eq(s->mail_count, 2);
	ck_assert_uint_eq(keeper.uses, 1);
	send_one(1, 2);
	wait_for(has_reports, 2);
	ck_assert_uint_eq(keeper.uses, 2);
	ck_assert_uint_eq(s->connections, 1);
}
END_TEST

/* One that requires nothing less because of it uses nothing. */
START_TEST(inv_04_an_exception_that_lowers_nothing_is_not_used)
{
	struct server *s = server_new(TLS_GOOD, cert_for("mx.d.example"));
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	waive(p, h, BIT(PLAIN));
	try_one();
	expect_delivered(REACHED_TLS);
	ck_assert_uint_eq(keeper.uses, 0);
}
END_TEST

/* An exception that allows clear text, whatever is published. */
static void
allow_plain(struct plan *p, struct plan_host *h)
{
	except(p, h);
	h->if_dane = h->if_local;
	h->in.override = OVERRIDE_PLAINTEXT_ALLOWED;
	decided(p, h);
	ck_assert_int_eq(h->required, LEVEL_PLAIN);
}

START_TEST(inv_04_mail_that_may_not_use_it_is_held)
{
	struct server *s = server_new(TLS_ABSENT, NULL);
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	require_dane(p, h, cert_for("mx.d.example"));
	allow_plain(p, h);
	keeper.allows = _i == 0 ? USE_USED_UP : USE_OVER;
	try_one();
	ck_assert_uint_eq(s->mail_count, 0);
	expect_failed("4.7.5");
	ck_assert_ptr_nonnull(strstr(failure_record(0).why,
	    _i == 0 ? "exception old is used up" :
		      "exception old is not in force any more"));
	ck_assert_str_eq(failure_record(0).exception, "");
	ck_assert(was_logged("exception-refused"));
}
END_TEST

/* What its host meets without the exception is delivered. */
START_TEST(a_host_that_does_without_takes_mail_that_may_not_use_it)
{
	const struct cert *own = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, own);
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	require_dane(p, h, own);
	allow_plain(p, h);
	keeper.allows = USE_USED_UP;
	try_one();
	expect_delivered(REACHED_VERIFIED);
	ck_assert_uint_eq(s->connections, 2);
	ck_assert_uint_eq(s->clear_mails, 0);
	/* The next message may use it, and need not. */
	keeper.allows = USE_GRANTED;
	send_one(1, 2);
	wait_for(has_reports, 2);
	ck_assert_uint_eq(s->clear_mails, 0);
}
END_TEST

static bool
has_uses(void)
{
	return keeper.uses > 0;
}

START_TEST(inv_04_without_a_keeper_nothing_is_counted_and_nothing_sent)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	keeper.says_nothing_of_uses = true;
	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_PLAIN);
	send_slot(1, "d.example");
	send_one(1, 1);
	run_until(has_uses);
	TALLOC_FREE(keeper.chan);
	attach_keeper();
	wait_for(has_reports, 1);
	ck_assert_int_eq(result(0)->result, RESULT_UNTRIED);
	ck_assert_uint_eq(s->mail_count, 0);
}
END_TEST

static void
answer(uint32_t slot, uint32_t token, enum wire_use_answer a)
{
	struct sbuf b;

	sbuf_init(&b, mem, 100);
	pack_u32(&b, slot);
	pack_u32(&b, token);
	pack_u8(&b, (uint8_t)a);
	send_keeper(WIRE_USE, &b);
}

START_TEST(an_answer_that_nobody_waits_for_is_passed_over)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_PLAIN);
	keeper.says_nothing_of_uses = true;
	send_slot(1, "d.example");
	send_one(1, 1);
	run_until(has_uses);
	answer(1, keeper.use.token + 1, USE_USED_UP); /* another question's */
	answer(2, keeper.use.token, USE_USED_UP);     /* another slot's */
	answer(1, keeper.use.token, USE_GRANTED);
	answer(1, keeper.use.token, USE_OVER); /* that was answered */
	wait_for(has_reports, 1);
	expect_delivered(REACHED_PLAIN);
}
END_TEST

/* The keeper's disk was away: by now another courier may have the job. */
START_TEST(inv_14_leave_that_comes_when_the_job_is_over_begins_nothing)
{
	struct server *s = server_new(TLS_ABSENT, NULL);

	plan_add(plan_new("d.example"), "mx.d.example", 10, s, LEVEL_PLAIN);
	keeper.says_nothing_of_uses = true;
	send_slot(1, "d.example");
	send_one(1, 1);
	run_until(has_uses);
	slot_job(TAILQ_FIRST(&courier->slots))->until = net_now(net);
	answer(1, keeper.use.token, USE_GRANTED);
	wait_for(has_reports, 1);
	ck_assert_uint_eq(s->mail_count, 0);
}
END_TEST

/* The name was left out where nothing was required: for DANE it is said. */
START_TEST(dane_42_a_host_that_does_without_is_told_its_name)
{
	const struct cert *own = cert_for("mx.d.example");
	struct server *s = server_new(TLS_GOOD, own);
	struct plan *p = plan_new("d.example");
	struct plan_host *h = plan_add(p, "mx.d.example", 10, s, LEVEL_MAY);

	require_dane(p, h, own);
	except(p, h);
	h->if_dane = h->if_local;
	h->in.override = OVERRIDE_MAY;
	decided(p, h);
	server_refuse_names(s);
	keeper.allows = USE_USED_UP;
	try_one();
	expect_failed("4.7.5");
	ck_assert_uint_eq(keeper.failed[0].evidence_count, 2);
	ck_assert_int_eq(failure_record(1).required, LEVEL_VERIFY);
	ck_assert_ptr_nonnull(strstr(failure_record(1).reply,
	    "unrecognized name"));
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, inv_04_a_tlsa_mismatch_that_is_waived_leaves_tls);
	tcase_add_loop_test(t, inv_04_what_is_not_waived_is_not_lowered, 0, 5);
	tcase_add_test(t,
	    inv_07_clear_text_by_a_waiver_where_starttls_is_not_offered);
	tcase_add_loop_test(t,
	    inv_04_no_starttls_waives_no_other_failure_of_tls, 0, 4);
	tcase_add_test(t,
	    inv_04_starttls_that_is_offered_after_all_is_used_in_full);
	tcase_add_loop_test(t, inv_04_plain_waives_any_failure_of_tls, 0, 3);
	tcase_add_test(t, inv_04_plain_stops_at_the_first_level_that_is_met);
	tcase_add_test(t, inv_04_a_certificate_that_is_waived_leaves_tls);
	tcase_add_test(t,
	    inv_09_a_host_outside_of_the_policy_is_not_called_verified);
	tcase_add_test(t,
	    inv_04_hosts_of_equal_preference_that_need_no_waiver_come_first);
	tcase_add_test(t,
	    inv_04_a_host_that_is_lowered_by_the_plan_comes_behind);
	tcase_add_test(t,
	    inv_04_tls_02_old_tls_that_is_waived_has_its_own_connection);
	tcase_add_loop_test(t,
	    inv_04_sts_42_old_tls_that_is_waived_proves_the_name_as_well, 0, 2);
	tcase_add_test(t, inv_04_old_tls_is_waived_for_one_message_at_a_time);
	tcase_add_test(t, tls_02_not_where_dane_alone_will_do);
	tcase_add_test(t,
	    tls_02_old_tls_that_is_waived_comes_before_clear_text);
	tcase_add_test(t, inv_04_plain_gives_an_old_host_old_tls);
	tcase_add_test(t,
	    inv_07_clear_text_for_any_failure_of_tls_is_told_as_such);
	tcase_add_test(t,
	    inv_04_what_is_remembered_of_a_host_is_no_want_of_starttls);
	tcase_add_loop_test(t,
	    clear_text_that_is_waived_is_not_bound_by_its_limits, 0, 2);
	tcase_add_test(t,
	    tls_16_a_host_lowered_by_the_plan_is_asked_for_tls_first);
	tcase_add_test(t, inv_04_mail_waits_until_its_use_is_counted);
	tcase_add_test(t, inv_04_each_message_asks_once);
	tcase_add_test(t, inv_04_an_exception_that_lowers_nothing_is_not_used);
	tcase_add_loop_test(t, inv_04_mail_that_may_not_use_it_is_held, 0, 2);
	tcase_add_test(t,
	    a_host_that_does_without_takes_mail_that_may_not_use_it);
	tcase_add_test(t,
	    inv_04_without_a_keeper_nothing_is_counted_and_nothing_sent);
	tcase_add_test(t,
	    inv_14_leave_that_comes_when_the_job_is_over_begins_nothing);
	tcase_add_test(t, dane_42_a_host_that_does_without_is_told_its_name);
	tcase_add_test(t, an_answer_that_nobody_waits_for_is_passed_over);
}

int
main(void)
{
	return fixture_main("courier_waive", add);
}
