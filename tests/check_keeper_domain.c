/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keeper and domains of the operator's own: when they are looked at, and
 * what is told of them.
 */
#include "tests/keeper.h"

#define DAY (24 * HOUR)

static const char *names[2] = { "d.example", "e.example" };
static struct domain_findings found;

static unsigned
times_logged(const char *text)
{
	unsigned n = 0;

	for (const char *p = log_text_buf; (p = strstr(p, text)) != NULL; p++)
		n++;
	return n;
}

static struct peer *
begin(size_t count)
{
	struct peer *c;

	conf.own_domain = names;
	conf.own_domain_count = count;
	conf.own_domains_check_ms = DAY;
	start(1);
	c = new_courier(0, 1);
	domain_findings_init(&found, mem);
	run(2 * MINUTE);
	return c;
}

static uint32_t
must_check(struct peer *c, const char *name)
{
	const char *domain;
	uint32_t token;

	ck_assert_int_eq(wire_unpack_domain(mem,
			     must_frame(c, WIRE_DOMAIN_CHECK), &token, &domain,
			     &why),
	    ST_OK);
	ck_assert_str_eq(domain, name);
	return token;
}

/* What found has, and then nothing is found. */
static void
answer(struct peer *c, uint32_t token)
{
	wire_pack_domain_found(&out, token, &found);
	say(c, WIRE_DOMAIN_FOUND);
	run(1);
	domain_findings_init(&found, mem);
}

static void
mismatch(const char *detail)
{
	domain_find(&found, DOMAIN_TLSA_MISMATCH, "_25._tcp.mx.d.example", "%s",
	    detail);
}

#define TOLD                                                                   \
	"own-domain domain=d.example finding=tlsa-mismatch "                   \
	"object=_25._tcp.mx.d.example state="

START_TEST(a_domain_is_looked_at_once_in_its_interval)
{
	struct peer *c = begin(1);

	answer(c, must_check(c, "d.example"));
	run(DAY - 10 * MINUTE);
	ck_assert_uint_eq(count_frames(c, WIRE_DOMAIN_CHECK), 1);
	run(20 * MINUTE);
	ck_assert_uint_eq(count_frames(c, WIRE_DOMAIN_CHECK), 2);
}
END_TEST

START_TEST(domains_are_looked_at_one_after_the_other)
{
	struct peer *c = begin(2);
	uint32_t token = must_check(c, "d.example");

	run(30 * MINUTE);
	ck_assert_uint_eq(count_frames(c, WIRE_DOMAIN_CHECK), 1);
	answer(c, token);
	answer(c, must_check(c, "e.example"));
	ck_assert_uint_eq(times_logged("own-domain-checked"), 2);
}
END_TEST

static void
later(struct peer *c, const char *detail)
{
	run(6 * HOUR + MINUTE);
	mismatch(detail);
	answer(c, must_check(c, "d.example"));
}

START_TEST(a_finding_is_told_when_it_comes_changes_stands_and_goes)
{
	struct peer *c = begin(1);

	conf.own_domains_check_ms = 6 * HOUR;
	mismatch("at 192.0.2.1");
	answer(c, must_check(c, "d.example"));
	ck_assert_uint_eq(times_logged(TOLD "new"), 1);
	later(c, "at 192.0.2.1"); /* not told again the same day */
	ck_assert_uint_eq(times_logged(TOLD), 1);
	later(c, "at 192.0.2.2");
	ck_assert_uint_eq(times_logged(TOLD "changed"), 1);
	later(c, "at 192.0.2.2");
	ck_assert_uint_eq(times_logged(TOLD), 2);
	later(c, "at 192.0.2.2");
	ck_assert_uint_eq(times_logged(TOLD "standing"), 1);
	run(6 * HOUR + MINUTE);
	answer(c, must_check(c, "d.example"));
	ck_assert_uint_eq(times_logged("own-domain-mended domain=d.example "
				       "finding=tlsa-mismatch"),
	    1);
}
END_TEST

START_TEST(notes_are_told_once)
{
	struct peer *c = begin(1);

	for (int i = 0; i < 3; i++) {
		domain_find(&found, DOMAIN_TLSA_ALONE, "_25._tcp.mx.d.example",
		    "%s", "");
		answer(c, must_check(c, "d.example"));
		run(DAY + MINUTE);
	}
	ck_assert_uint_eq(times_logged("finding=tlsa-no-rollover"), 1);
}
END_TEST

START_TEST(what_could_not_be_looked_at_is_not_told_as_mended)
{
	struct peer *c = begin(1);

	mismatch("at 192.0.2.1");
	answer(c, must_check(c, "d.example"));
	run(DAY + MINUTE);
	domain_find(&found, DOMAIN_HOST_NOT_REACHED, "mx.d.example", "%s", "");
	answer(c, must_check(c, "d.example"));
	ck_assert_uint_eq(times_logged("own-domain-mended"), 0);
	ck_assert_uint_eq(times_logged("errors=1 warnings=0 unknown=1"), 1);
	run(DAY + MINUTE);
	answer(c, must_check(c, "d.example"));
	ck_assert_uint_eq(times_logged("own-domain-mended"), 2);
}
END_TEST

START_TEST(a_question_that_ends_its_courier_is_not_asked_at_once_again)
{
	struct peer *c = begin(1);

	(void)must_check(c, "d.example");
	talloc_free(c->chan);
	run(1);
	c = new_courier(0, 1);
	run(30 * MINUTE);
	ck_assert_uint_eq(count_frames(c, WIRE_DOMAIN_CHECK), 0);
	run(HOUR);
	(void)must_check(c, "d.example");
}
END_TEST

START_TEST(a_question_that_is_never_answered_is_given_up)
{
	struct peer *c = begin(1);
	uint32_t token = must_check(c, "d.example");

	run(3 * HOUR);
	ck_assert_uint_eq(count_frames(c, WIRE_DOMAIN_CHECK), 2);
	mismatch("");
	answer(c, token); /* too late */
	ck_assert_uint_eq(times_logged(TOLD), 0);
}
END_TEST

START_TEST(answers_to_no_question_are_passed_over)
{
	struct peer *c = begin(1);
	uint32_t token = must_check(c, "d.example");

	mismatch("");
	answer(c, token + 1);
	ck_assert_uint_eq(times_logged(TOLD), 0);
	answer(c, token);
	mismatch("");
	answer(c, token);
	ck_assert_uint_eq(times_logged(TOLD), 0);
	ck_assert(!c->closed);
}
END_TEST

START_TEST(a_reload_keeps_what_is_known_of_domains_that_are_left)
{
	struct conf next;
	struct peer *c = begin(2);

	mismatch("at 192.0.2.1");
	answer(c, must_check(c, "d.example"));
	(void)must_check(c, "e.example");
	next = conf;
	next.own_domain_count = 1;
	keeper_reload(k, &next);
	run(DAY + 10 * MINUTE);
	mismatch("at 192.0.2.1");
	answer(c, must_check(c, "d.example"));
	ck_assert_uint_eq(times_logged(TOLD "new"), 1);
	ck_assert_uint_eq(times_logged(TOLD "standing"), 1);
	ck_assert_uint_eq(count_frames(c, WIRE_DOMAIN_CHECK), 3);
}
END_TEST

START_TEST(without_an_interval_nothing_is_looked_at)
{
	struct conf next;
	struct peer *c = begin(1);

	answer(c, must_check(c, "d.example"));
	next = conf;
	next.own_domains_check_ms = 0;
	keeper_reload(k, &next);
	run(3 * DAY);
	ck_assert_uint_eq(count_frames(c, WIRE_DOMAIN_CHECK), 1);
}
END_TEST

static void
add_tests(TCase *t)
{
	tcase_add_test(t, a_domain_is_looked_at_once_in_its_interval);
	tcase_add_test(t, domains_are_looked_at_one_after_the_other);
	tcase_add_test(t,
	    a_finding_is_told_when_it_comes_changes_stands_and_goes);
	tcase_add_test(t, notes_are_told_once);
	tcase_add_test(t, what_could_not_be_looked_at_is_not_told_as_mended);
	tcase_add_test(t,
	    a_question_that_ends_its_courier_is_not_asked_at_once_again);
	tcase_add_test(t, a_question_that_is_never_answered_is_given_up);
	tcase_add_test(t, answers_to_no_question_are_passed_over);
	tcase_add_test(t,
	    a_reload_keeps_what_is_known_of_domains_that_are_left);
	tcase_add_test(t, without_an_interval_nothing_is_looked_at);
}

int
main(void)
{
	return keeper_run("keeper_domain", add_tests);
}
