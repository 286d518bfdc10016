/* SPDX-License-Identifier: BSD-2-Clause */
/* Signed checkpoints of the evidence chain, and records of events. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "report/chain_event.h"
#include "report/checkpoint.h"
#include "report/evidence_text.h"
#include "tests/report_records.h"

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

/* One detail, packed by hand: the code would not write most of these. */
static enum status
event_with(const char *name, const char *again)
{
	struct chain_event e = { .kind = EVENT_STARTED, .subject = "" }, back;
	struct sbuf b;

	sbuf_init(&b, mem, EVIDENCE_MAX_BYTES);
	chain_event_pack(&e, &b);
	b.n -= 4; /* the number of details */
	pack_u32(&b, again == NULL ? 1 : 2);
	pack_bytes(&b, span_str(name));
	pack_bytes(&b, span_str("text"));
	if (again != NULL) {
		pack_bytes(&b, span_str(again));
		pack_bytes(&b, span_str("text"));
	}
	return chain_event_unpack(mem, sbuf_view(&b), &back, &why);
}

START_TEST(details_have_names_of_their_own)
{
	char *line = talloc_array(mem, char, EVENT_TEXT_BYTES + 2);

	memset(line, 'a', EVENT_TEXT_BYTES + 1);
	line[EVENT_TEXT_BYTES + 1] = '\0';
	ck_assert_int_eq(event_with("up-to", NULL), ST_OK);
	ck_assert_int_eq(event_with("up-to", "hash-a"), ST_OK);
	ck_assert_int_eq(event_with("up-to", "up-to"), ST_SYNTAX);
	ck_assert_int_eq(event_with("", NULL), ST_SYNTAX);
	ck_assert_int_eq(event_with("a\nb", NULL), ST_SYNTAX);
	ck_assert_int_eq(event_with("\x1b[2J", NULL), ST_SYNTAX);
	ck_assert_int_eq(event_with(line, NULL), ST_SYNTAX);
}
END_TEST

START_TEST(a_detail_cannot_stand_for_a_field)
{
	const uint8_t hash[EVIDENCE_HASH_BYTES] = { 1 };
	struct chain_event e = { .kind = EVENT_PRUNED, .subject = "" };
	json_t *o;

	chain_event_add(&e, "hash", "ff");
	chain_event_add(&e, "number", "7");
	o = chain_event_json(1, hash, &e);
	ck_assert_int_eq(json_integer_value(json_object_get(o, "number")), 1);
	ck_assert_uint_eq(json_string_length(json_object_get(o, "hash")), 64);
	ck_assert_str_eq(json_string_value(json_object_get(o, "detail-hash")),
	    "ff");
	json_decref(o);
}
END_TEST

START_TEST(lines_of_records_have_no_control_character)
{
	const struct chain_event ev = { .kind = EVENT_STARTED,
		.subject = "a\x1b[2J\n" };
	struct evidence e = record("b\x1b[2J", NOON);
	char *text = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&text, &n);

	e.host = "c\n\xc2\x9b";
	chain_event_print_line(to, 1, &ev);
	evidence_print_line(to, 2, &e);
	ck_assert_int_eq(fclose(to), 0);
	ck_assert_ptr_null(memchr(text, 0x1b, n));
	ck_assert_ptr_null(memchr(text, 0x9b, n));
	ck_assert_ptr_nonnull(strstr(text, "a\\x1b[2J"));
	ck_assert_uint_eq(strcspn(strchr(text, '\n') + 1, "\n"),
	    strlen(strchr(text, '\n')) - 2);
	free(text);
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
		details_have_names_of_their_own,
		a_detail_cannot_stand_for_a_field,
		lines_of_records_have_no_control_character,
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
