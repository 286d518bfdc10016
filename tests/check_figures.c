/* SPDX-License-Identifier: BSD-2-Clause */
/* What records come to: counts and lists. */
#include "report/figures.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/report_records.h"

static TALLOC_CTX *mem;
static struct figures *f;

static void
setup(void)
{
	mem = talloc_new(NULL);
	f = figures_new(mem, (struct wall){ 0 }, (struct wall){ 0 });
}

static void
teardown(void)
{
	talloc_free(mem);
}

START_TEST(without_records_all_is_nothing)
{
	figures_end(f);
	ck_assert_uint_eq(f->records, 0);
	ck_assert_uint_eq(f->days.count, 0);
	ck_assert_uint_eq(figures_delivered(&f->total), 0);
}
END_TEST

START_TEST(deliveries_count_by_what_was_reached)
{
	struct evidence e = record("a.example", NOON);

	figures_add(f, 7, &e);
	e = in_clear("b.example", NOON + 1);
	figures_add(f, 8, &e);
	e.reached = REACHED_TLS;
	e.protocol = "TLSv1.2";
	e.group = "P-256";
	figures_add(f, 9, &e);
	figures_end(f);
	ck_assert_uint_eq(f->records, 3);
	ck_assert_uint_eq(f->first_seq, 7);
	ck_assert_uint_eq(f->last_seq, 9);
	ck_assert_uint_eq(figures_delivered(&f->total), 3);
	ck_assert_uint_eq(f->total.delivered[REACHED_VERIFIED], 1);
	ck_assert_uint_eq(f->plaintext, 1);
	ck_assert_uint_eq(f->unauthenticated, 1);
	ck_assert_uint_eq(f->proven[METHOD_DANE], 1);
	ck_assert_uint_eq(f->deliveries[LEVEL_VERIFY][REACHED_VERIFIED], 1);
	ck_assert_uint_eq(figures_value(strmap_get(f->protocols, "TLSv1.2")),
	    1);
	ck_assert_uint_eq(((const struct figures_weak *)f->plain_list.item[0])
			      ->seq,
	    8);
	ck_assert_uint_eq(((const struct figures_weak *)f->weak_list.item[0])
			      ->seq,
	    9);
}
END_TEST

/* Content may be in clear and refused at its end: it left all the same. */
START_TEST(content_in_clear_counts_though_it_was_refused)
{
	struct evidence e = in_clear("a.example", NOON);

	e.outcome = EVIDENCE_REJECTED;
	e.failure = FAILURE_REPLY;
	figures_add(f, 1, &e);
	ck_assert_uint_eq(f->plaintext, 1);
	ck_assert_uint_eq(figures_delivered(&f->total), 0);
	ck_assert_uint_eq(f->total.failed, 1);
	ck_assert_uint_eq(f->total.blocked, 0);
}
END_TEST

START_TEST(what_a_requirement_kept_back_is_told_from_other_failures)
{
	struct evidence e = kept_back("a.example", NOON);

	figures_add(f, 1, &e);
	e.time.ms += DAY;
	figures_add(f, 2, &e);
	e.outcome = EVIDENCE_EXPIRED;
	figures_add(f, 3, &e);
	e.failure = FAILURE_UNREACHABLE;
	figures_add(f, 4, &e);
	e.failure = FAILURE_TLSA_MISMATCH;
	e.outcome = EVIDENCE_DELETED; /* by the operator */
	figures_add(f, 5, &e);
	figures_end(f);
	ck_assert_uint_eq(f->total.blocked, 3);
	ck_assert_uint_eq(f->total.failed, 1);
	ck_assert_uint_eq(f->blocked_by[FAILURE_TLSA_MISMATCH], 3);
	ck_assert_uint_eq(f->blocked.count, 1);
	const struct figures_blocked *b = f->blocked.item[0];
	ck_assert_uint_eq(b->attempts, 3);
	ck_assert_uint_eq(b->given_up, 1);
	ck_assert_int_eq(b->first.ms, NOON);
	ck_assert_int_eq(b->last.ms, NOON + DAY);
	ck_assert_uint_eq(f->returned.count, 1);
	ck_assert_uint_eq(((const struct figures_returned *)f->returned.item[0])
			      ->seq,
	    3);
}
END_TEST

START_TEST(days_are_of_utc_and_in_order)
{
	struct evidence e = record("a.example", NOON + DAY);

	figures_add(f, 1, &e);
	e.time.ms = NOON; /* a clock that was set back */
	figures_add(f, 2, &e);
	e.time.ms = NOON + DAY / 2 - 1;
	figures_add(f, 3, &e);
	figures_end(f);
	ck_assert_uint_eq(f->days.count, 2);
	const struct figures_day *d = f->days.item[0];
	ck_assert_int_eq(d->day.ms, NOON - DAY / 2);
	ck_assert_uint_eq(figures_delivered(&d->count), 2);
}
END_TEST

START_TEST(an_exception_counts_its_uses_and_clear_text)
{
	struct evidence e = in_clear("a.example", NOON);
	const struct chain_event start = { .time = { NOON - DAY },
		.kind = EVENT_EXCEPTION_ADDED,
		.subject = "x" };

	e.exception = "x";
	e.exc_reason = "r";
	e.exc_approver = "p";
	e.exc_expires.ms = NOON + DAY;
	figures_add_event(f, 1, &start);
	figures_add(f, 2, &e);
	e.outcome = EVIDENCE_DEFERRED;
	e.reached = REACHED_NOTHING;
	figures_add(f, 3, &e);
	figures_end(f);
	ck_assert_uint_eq(f->exceptions.count, 1);
	const struct figures_exception *x = f->exceptions.item[0];
	ck_assert_int_eq(x->start.ms, NOON - DAY);
	ck_assert_int_eq(x->first.ms, NOON);
	ck_assert_str_eq(x->reason, "r");
	ck_assert_uint_eq(x->uses, 2);
	ck_assert_uint_eq(x->delivered, 1);
	ck_assert_uint_eq(x->plaintext, 1);
	ck_assert_uint_eq(f->plaintext_owned, 1);
	ck_assert_uint_eq(f->events.count, 1);
}
END_TEST

START_TEST(configurations_are_told_apart_by_digest)
{
	struct evidence e = record("a.example", NOON);

	figures_add(f, 1, &e);
	e.conf_digest[31] = 1;
	e.time.ms += 5;
	figures_add(f, 2, &e);
	figures_add(f, 3, &e);
	ck_assert_uint_eq(f->confs.count, 2);
	const struct figures_conf *c = f->confs.item[1];
	ck_assert_uint_eq(c->records, 2);
	ck_assert_int_eq(c->first.ms, NOON + 5);
}
END_TEST

START_TEST(a_delivery_past_tlsa_records_is_counted_as_such)
{
	struct evidence e = in_clear("a.example", NOON);

	figures_add(f, 1, &e);
	e.in.dane = DANE_D1_USABLE;
	figures_add(f, 2, &e);
	e.in.dane = DANE_D4_INSECURE;
	e.in.sts = STS_ST_ENFORCE;
	figures_add(f, 3, &e);
	ck_assert_uint_eq(f->dane_below, 1);
	ck_assert_uint_eq(f->sts_below, 1);
	ck_assert_uint_eq(f->dane[DANE_D1_USABLE], 1);
}
END_TEST

START_TEST(texts_of_peers_become_lines_of_utf8)
{
	struct evidence e = kept_back("a.example", NOON);
	const struct figures_blocked *b;

	e.why = "\x1b[2J\xff";
	figures_add(f, 1, &e);
	b = f->blocked.item[0];
	ck_assert_str_eq(b->why, "\\x1b[2J\\xff");
	e.why = "gr\xc3\xbc\xc3\x9f";
	figures_add(f, 2, &e);
	ck_assert_str_eq(b->why, "gr\xc3\xbc\xc3\x9f");
}
END_TEST

START_TEST(certificates_are_told_apart_by_host_key_and_end)
{
	struct evidence e = record("a.example", NOON);

	figures_add(f, 1, &e); /* without a key: none */
	e.spki_sha256[0] = 1;
	e.not_after.ms = NOON + 2 * DAY;
	figures_add(f, 2, &e);
	figures_add(f, 3, &e);
	e.not_after.ms = NOON + DAY;
	figures_add(f, 4, &e);
	figures_end(f);
	ck_assert_uint_eq(f->certificates.count, 2);
	const struct figures_certificate *c = f->certificates.item[0];
	ck_assert_int_eq(c->not_after.ms, NOON + DAY); /* ends first */
	c = f->certificates.item[1];
	ck_assert_uint_eq(c->uses, 2);
}
END_TEST

START_TEST(a_list_that_is_full_says_how_many_it_left_out)
{
	struct evidence e = in_clear("a.example", NOON);

	for (uint64_t i = 1; i <= FIGURES_MAX_LIST + 3; i++)
		figures_add(f, i, &e);
	ck_assert_uint_eq(f->plain_list.count, FIGURES_MAX_LIST);
	ck_assert_uint_eq(f->plain_list.left_out, 3);
	ck_assert_uint_eq(f->plaintext, FIGURES_MAX_LIST + 3);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("figures");
	TCase *t = tcase_create("figures");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, without_records_all_is_nothing);
	tcase_add_test(t, deliveries_count_by_what_was_reached);
	tcase_add_test(t, content_in_clear_counts_though_it_was_refused);
	tcase_add_test(t,
	    what_a_requirement_kept_back_is_told_from_other_failures);
	tcase_add_test(t, days_are_of_utc_and_in_order);
	tcase_add_test(t, an_exception_counts_its_uses_and_clear_text);
	tcase_add_test(t, configurations_are_told_apart_by_digest);
	tcase_add_test(t, a_delivery_past_tlsa_records_is_counted_as_such);
	tcase_add_test(t, texts_of_peers_become_lines_of_utf8);
	tcase_add_test(t, certificates_are_told_apart_by_host_key_and_end);
	tcase_add_test(t, a_list_that_is_full_says_how_many_it_left_out);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
