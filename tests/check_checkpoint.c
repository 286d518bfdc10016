/* SPDX-License-Identifier: BSD-2-Clause */
/* Signed checkpoints of the evidence chain, and records of events. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "report/chain_event.h"
#include "report/checkpoint.h"

static TALLOC_CTX *mem;
static struct diag why;
static char private_pem[CHECKPOINT_PEM_BYTES], public_pem[CHECKPOINT_PEM_BYTES];
static struct checkpoint_key *key;
static uint8_t public_key[CHECKPOINT_PUBLIC_BYTES];

static void
setup(void)
{
	mem = talloc_new(NULL);
	why = (struct diag){ 0 };
	checkpoint_key_make(private_pem, public_pem);
	ck_assert_int_eq(checkpoint_key_read(mem, span_str(private_pem), &key,
			     &why),
	    ST_OK);
	ck_assert_int_eq(checkpoint_public_read(span_str(public_pem),
			     public_key, &why),
	    ST_OK);
}

static void
teardown(void)
{
	talloc_free(mem);
}

static struct checkpoint
signed_one(void)
{
	struct checkpoint c = { .seq = 4711, .time = { 1795478400123 } };

	memset(c.hash, 0xa5, sizeof(c.hash));
	checkpoint_sign(key, &c);
	return c;
}

START_TEST(a_checkpoint_holds_for_its_key_and_no_other)
{
	struct checkpoint c = signed_one();
	uint8_t other[CHECKPOINT_PUBLIC_BYTES];

	ck_assert(checkpoint_verify(public_key, &c));
	checkpoint_key_make(private_pem, public_pem);
	ck_assert_int_eq(checkpoint_public_read(span_str(public_pem), other,
			     &why),
	    ST_OK);
	ck_assert(!checkpoint_verify(other, &c));
}
END_TEST

START_TEST(nothing_that_it_says_can_be_changed)
{
	struct checkpoint c = signed_one();

	c.seq++;
	ck_assert(!checkpoint_verify(public_key, &c));
	c = signed_one();
	c.time.ms++;
	ck_assert(!checkpoint_verify(public_key, &c));
	for (size_t i = 0; i < sizeof(c.hash); i++) {
		c = signed_one();
		c.hash[i] ^= 1;
		ck_assert(!checkpoint_verify(public_key, &c));
	}
	for (size_t i = 0; i < sizeof(c.signature); i++) {
		c = signed_one();
		c.signature[i] ^= 0x10;
		ck_assert(!checkpoint_verify(public_key, &c));
	}
}
END_TEST

START_TEST(the_public_key_is_that_of_the_private_one)
{
	uint8_t out[CHECKPOINT_PUBLIC_BYTES];

	checkpoint_key_public(key, out);
	ck_assert_mem_eq(out, public_key, sizeof(out));
}
END_TEST

START_TEST(a_line_says_all_of_it)
{
	struct checkpoint c = signed_one(), back;
	char line[CHECKPOINT_LINE_BYTES];
	struct span s = span_str(checkpoint_line(&c, line));

	ck_assert_int_eq(checkpoint_parse(s, &back), ST_OK);
	ck_assert(checkpoint_verify(public_key, &back));
	ck_assert_uint_eq(back.seq, 4711);
	for (size_t n = 0; n < s.n; n++)
		ck_assert_int_eq(checkpoint_parse(span_sub(s, 0, n), &back),
		    ST_SYNTAX);
	ck_assert_int_eq(checkpoint_parse(SPAN_LIT("checkpoint 2 1 1 00 00 00"),
			     &back),
	    ST_SYNTAX);
}
END_TEST

START_TEST(other_keys_are_refused)
{
	struct checkpoint_key *k;
	uint8_t out[CHECKPOINT_PUBLIC_BYTES];

	ck_assert_int_eq(checkpoint_key_read(mem, span_str(public_pem), &k,
			     &why),
	    ST_SYNTAX);
	ck_assert_int_eq(checkpoint_key_read(mem, SPAN_LIT(""), &k, &why),
	    ST_SYNTAX);
	ck_assert_int_eq(checkpoint_public_read(span_str(private_pem), out,
			     &why),
	    ST_SYNTAX);
}
END_TEST

/* ---- events ---- */

START_TEST(an_event_comes_back_as_it_was)
{
	struct chain_event e = { .time = { 1795478400000 },
		.kind = EVENT_EXCEPTION_USED_UP,
		.subject = "sohu" },
			   back;
	struct span body;
	struct sbuf b;

	chain_event_add(&e, "approver", "security@example.org");
	chain_event_add(&e, "ticket", "");
	chain_event_add(&e, "budget", "100");
	ck_assert_uint_eq(e.detail_count, 2);
	memset(e.conf_digest, 7, sizeof(e.conf_digest));
	sbuf_init(&b, mem, EVIDENCE_MAX_BYTES);
	chain_event_pack(&e, &b);
	body = sbuf_view(&b);
	ck_assert(chain_event_is(body));
	ck_assert_int_eq(chain_event_unpack(mem, body, &back, &why), ST_OK);
	ck_assert_int_eq(back.time.ms, e.time.ms);
	ck_assert_int_eq(back.kind, EVENT_EXCEPTION_USED_UP);
	ck_assert_str_eq(back.subject, "sohu");
	ck_assert_str_eq(back.detail[1].name, "budget");
	ck_assert_str_eq(back.detail[1].value, "100");
	for (size_t n = 0; n < body.n; n++)
		ck_assert_int_eq(chain_event_unpack(mem, span_sub(body, 0, n),
				     &back, &why),
		    ST_SYNTAX);
}
END_TEST

START_TEST(an_event_and_an_attempt_are_not_taken_for_each_other)
{
	struct evidence e = { .queue_id = "",
		.sender = "",
		.domain = "d",
		.host = "",
		.tlsa_base = "",
		.sts_id = "",
		.rule = "",
		.exception = "",
		.exc_reason = "",
		.exc_approver = "",
		.dns = "",
		.row = "",
		.why = "",
		.protocol = "",
		.cipher = "",
		.group = "",
		.sni = "",
		.matched = "",
		.grade = "",
		.issuer = "",
		.reply = "",
		.result_type = "" };
	struct chain_event ev = { .kind = EVENT_STARTED, .subject = "" };
	struct sbuf personal, body;
	struct evidence back;

	sbuf_init(&personal, mem, EVIDENCE_MAX_BYTES);
	sbuf_init(&body, mem, EVIDENCE_MAX_BYTES);
	evidence_pack(&e, &personal, &body);
	ck_assert(!chain_event_is(sbuf_view(&body)));
	ck_assert_int_eq(chain_event_unpack(mem, sbuf_view(&body), &ev, &why),
	    ST_SYNTAX);
	ev = (struct chain_event){ .kind = EVENT_STARTED, .subject = "" };
	sbuf_reset(&body);
	chain_event_pack(&ev, &body);
	ck_assert_int_eq(evidence_unpack(mem, SPAN_NONE, sbuf_view(&body),
			     &back, &why),
	    ST_SYNTAX);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		a_checkpoint_holds_for_its_key_and_no_other,
		nothing_that_it_says_can_be_changed,
		the_public_key_is_that_of_the_private_one,
		a_line_says_all_of_it,
		other_keys_are_refused,
		an_event_comes_back_as_it_was,
		an_event_and_an_attempt_are_not_taken_for_each_other,
	};
	Suite *s = suite_create("checkpoint");
	TCase *tc = tcase_create("checkpoint");
	SRunner *r;
	int failed;

	status_init();
	tcase_add_checked_fixture(tc, setup, teardown);
	for (size_t i = 0; i < COUNT_OF(tests); i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
