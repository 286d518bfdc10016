/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "report/evidence.h"
#include "report/evidence_text.h"
#include "util/sha256.h"

static TALLOC_CTX *mem;
static const char *rcpts[] = { "u@example.org", "v@example.org" };

static struct evidence
sample(void)
{
	return (struct evidence){ .time = { 1764000000000 },
		.queue_id = "000000201",
		.sender = "a@client.example",
		.rcpt = rcpts,
		.rcpt_count = 2,
		.domain = "example.org",
		.host = "mx.example.org",
		.addr = netaddr_ip4((const uint8_t[]){ 192, 0, 2, 1 }, 25),
		.in = { .dane = DANE_D1_USABLE,
		    .sts = STS_ST_ENFORCE,
		    .sts_mx_match = true,
		    .mx_secure = true,
		    .override = OVERRIDE_REQUIRE_VERIFIED },
		.tlsa_base = "mx.example.org",
		.sts_id = "1",
		.sts_result = STS_RESULT_WEBPKI,
		.rule = "r",
		.exception = "",
		.exc_reason = "",
		.exc_approver = "",
		.dns = "MX example.org=secure",
		.required = LEVEL_VERIFY,
		.method = METHOD_DANE,
		.row = "D1/enforce",
		.why = "because",
		.outcome = EVIDENCE_DELIVERED,
		.reached = REACHED_VERIFIED,
		.protocol = "TLSv1.3",
		.cipher = "c",
		.group = "g",
		.sni = "mx.example.org",
		.matched = "TLSA",
		.grade = "verified",
		.issuer = "i",
		.reply_code = 250,
		.reply = "ok",
		.result_type = "",
		.chunked = true,
		.dsn_passed = true,
		.failure = FAILURE_RULE,
		.marks = "secret",
		.rung = RUNG_LEGACY,
		.recalled = true,
		.method_rule = "",
		.identity = "",
		.route = "" };
}

static void
set_up(void)
{
	mem = talloc_new(NULL);
}

static void
tear_down(void)
{
	talloc_free(mem);
}

static void
pack(const struct evidence *e, struct span *personal, struct span *body)
{
	struct sbuf *a = talloc_zero(mem, struct sbuf);
	struct sbuf *b = talloc_zero(mem, struct sbuf);

	sbuf_init(a, mem, EVIDENCE_MAX_BYTES);
	sbuf_init(b, mem, EVIDENCE_MAX_BYTES);
	evidence_pack(e, a, b);
	*personal = sbuf_view(a);
	*body = sbuf_view(b);
}

START_TEST(evidence_comes_back_as_it_was)
{
	struct evidence e = sample(), f;
	struct span personal, body, again_personal, again_body;
	struct diag why = { 0 };

	e.in.mclass = CLASS_REQUIRETLS;
	e.in.floor = LEVEL_ENCRYPT;
	e.in.never_plaintext = e.in.requiretls_testing = true;
	pack(&e, &personal, &body);
	ck_assert_int_eq(evidence_unpack(mem, personal, body, &f, &why), ST_OK);
	ck_assert_str_eq(f.rcpt[1], "v@example.org");
	ck_assert_str_eq(f.row, "D1/enforce");
	ck_assert_int_eq(f.reply_code, 250);
	ck_assert_int_eq(f.in.mclass, CLASS_REQUIRETLS);
	ck_assert_int_eq(f.in.floor, LEVEL_ENCRYPT);
	ck_assert(f.in.never_plaintext && f.in.requiretls_testing);
	ck_assert(!f.in.tls_no_beats_floor);
	ck_assert_str_eq(f.marks, "secret");
	ck_assert_int_eq(f.rung, RUNG_LEGACY);
	ck_assert(f.recalled);
	pack(&f, &again_personal, &again_body);
	ck_assert(span_eq_span(personal, again_personal));
	ck_assert(span_eq_span(body, again_body));
}
END_TEST

/* Length of what version 3 has behind the rest. */
static size_t
version_3_bytes(const struct evidence *e)
{
	return 4 + strlen(e->marks) + 3 /* rung, recalled, sts_result */
	       + 6                      /* what rules demand: numbers, ... */
	       + 4 + strlen(e->method_rule) + 4 + strlen(e->identity) + 4 +
	       strlen(e->route) + 3; /* waives, failed, local */
}

START_TEST(inv_15_a_record_of_version_2_replays_too)
{
	struct evidence e = sample(), f;
	struct span personal, body;
	struct diag why = { 0 };
	struct sbuf old;

	e.in.floor = LEVEL_ENCRYPT;
	pack(&e, &personal, &body);
	sbuf_init(&old, mem, EVIDENCE_MAX_BYTES);
	pack_u8(&old, 2);
	sbuf_add(&old, body.p + 1, body.n - 1 - version_3_bytes(&e));
	ck_assert_int_eq(evidence_unpack(mem, personal, sbuf_view(&old), &f,
			     &why),
	    ST_OK);
	ck_assert_str_eq(f.marks, "");
	ck_assert_int_eq(f.rung, RUNG_NONE);
	ck_assert_int_eq(f.sts_result, STS_RESULT_NONE);
	ck_assert_uint_eq(f.in.waives | f.in.failed, 0);
	ck_assert_int_eq(f.in.local, LEVEL_PLAIN);
	ck_assert_int_eq(f.failure, FAILURE_RULE);
	ck_assert_int_eq(f.in.verify_by, VERIFY_BY_ANY);
	ck_assert_int_eq(f.in.floor, LEVEL_ENCRYPT);
	ck_assert_str_eq(f.route, "");
	ck_assert_int_eq(decide(&f.in).required, f.required);
}
END_TEST

START_TEST(inv_15_a_record_holds_what_a_rule_demanded_beyond_its_level)
{
	struct evidence e = sample(), f;
	struct decide_out again;
	struct span personal, body;
	struct diag why = { 0 };

	e.in.verify_by = VERIFY_BY_PIN;
	e.in.override = OVERRIDE_REQUIRE_VERIFIED;
	again = decide(&e.in);
	e.required = again.required;
	e.method = again.method;
	e.also_local = again.also_local;
	e.method_rule = "partner";
	e.min_tls = MIN_TLS_1_3;
	e.identity = "bank";
	e.route = "portal";
	e.alternate = true;
	e.unmet = UNMET_ROUTE;
	pack(&e, &personal, &body);
	ck_assert_int_eq(evidence_unpack(mem, personal, body, &f, &why), ST_OK);
	again = decide(&f.in);
	ck_assert_int_eq(again.also_local, METHOD_PIN);
	ck_assert_int_eq(again.also_local, f.also_local);
	ck_assert_int_eq(again.method, f.method);
	ck_assert_str_eq(f.method_rule, "partner");
	ck_assert_int_eq(f.min_tls, MIN_TLS_1_3);
	ck_assert_str_eq(f.identity, "bank");
	ck_assert_str_eq(f.route, "portal");
	ck_assert(f.alternate);
	ck_assert_int_eq(f.unmet, UNMET_ROUTE);
}
END_TEST

START_TEST(inv_15_what_was_waived_is_in_the_record)
{
	struct evidence e = sample(), f;
	struct span personal, body;
	struct diag why = { 0 };

	e.in.override = OVERRIDE_WAIVES;
	e.in.waiver = true;
	e.in.waives = 1u << WAIVE_NO_STARTTLS | 1u << WAIVE_CERTIFICATE;
	e.in.failed = 1u << WAIVE_NO_STARTTLS;
	e.in.local = LEVEL_ENCRYPT;
	pack(&e, &personal, &body);
	ck_assert_int_eq(evidence_unpack(mem, personal, body, &f, &why), ST_OK);
	ck_assert_uint_eq(f.in.waives, e.in.waives);
	ck_assert_uint_eq(f.in.failed, e.in.failed);
	ck_assert_int_eq(f.in.local, LEVEL_ENCRYPT);
	ck_assert_int_eq(decide(&f.in).required, LEVEL_PLAIN);
}
END_TEST

/* Of version 1 there are records with the operator: they verify for ever. */
START_TEST(inv_15_a_record_of_version_1_replays_too)
{
	struct evidence e = sample(), f;
	struct span personal, body, last;
	struct diag why = { 0 };
	struct sbuf old;
	/* Up to the class: version, digest, time, two names, address, 10. */
	size_t at = 1 + 32 + 8 + 4 + strlen(e.domain) + 4 + strlen(e.host) + 1 +
		    4 + 2 + 10;

	pack(&e, &personal, &body);
	last = span_sub(body, at + 4, body.n - 3 - version_3_bytes(&e));
	sbuf_init(&old, mem, EVIDENCE_MAX_BYTES);
	pack_u8(&old, 1);
	sbuf_add(&old, body.p + 1, at - 1);
	sbuf_add(&old, last.p, last.n);
	ck_assert_int_eq(evidence_unpack(mem, personal, sbuf_view(&old), &f,
			     &why),
	    ST_OK);
	ck_assert_str_eq(f.result_type, "");
	ck_assert_int_eq(f.in.floor, LEVEL_PLAIN);
	ck_assert_int_eq(f.rung, RUNG_NONE);
	ck_assert_int_eq(f.sts_result, STS_RESULT_NONE);
	ck_assert_int_eq(decide(&f.in).required, f.required);
	/* And what may come is not guessed at. */
	sbuf_init(&old, mem, EVIDENCE_MAX_BYTES);
	pack_u8(&old, EVIDENCE_VERSION + 1);
	sbuf_add(&old, body.p + 1, body.n - 1);
	ck_assert_int_eq(evidence_unpack(mem, personal, sbuf_view(&old), &f,
			     &why),
	    ST_SYNTAX);
}
END_TEST

/* ---- all that an auditor asks for, by name ---- */

static struct evidence
full(void)
{
	struct evidence e = sample();

	e.in.override = OVERRIDE_WAIVES;
	e.in.waiver = true;
	e.in.waives = 1u << WAIVE_NO_STARTTLS | 1u << WAIVE_CERTIFICATE;
	e.in.failed = 1u << WAIVE_CERTIFICATE;
	e.in.mclass = CLASS_REQUIRETLS;
	e.in.floor = LEVEL_ENCRYPT;
	e.half_dane = e.sts_stale = e.alternate = true;
	e.sts_fetched.ms = e.time.ms - 86400000;
	e.exception = "old";
	e.exc_reason = "no STARTTLS yet";
	e.exc_approver = "sec@gw.example.org";
	e.exc_expires.ms = e.time.ms + 86400000;
	e.route = "hub";
	e.unmet = UNMET_HOLD;
	e.method_rule = "pinned";
	e.min_tls = MIN_TLS_1_3;
	e.identity = "us";
	e.resumed = e.reused = e.clear_retry = true;
	e.not_after.ms = e.time.ms + 1000;
	e.dns = "MX example.org=secure ttl 300; A mx.example.org=insecure "
		"ttl 60";
	e.result_type = "certificate-host-mismatch";
	for (unsigned i = 0; i < 32; i++) {
		e.conf_digest[i] = (uint8_t)i;
		e.spki_sha256[i] = (uint8_t)(0xff - i);
	}
	return e;
}

static const struct {
	const char *name, *value;
} named[] = {
	{ "time", "2025-11-24T16:00:00Z" },
	{ "queue-id", "000000201" },
	{ "sender", "a@client.example" },
	{ "domain", "example.org" },
	{ "host", "mx.example.org" },
	{ "address", "192.0.2.1:25" },
	/* DNS: security and TTL of each lookup */
	{ "dns", "MX example.org=secure ttl 300; "
		 "A mx.example.org=insecure ttl 60" },
	{ "dane", "D1" },
	{ "tlsa-base", "mx.example.org" },
	/* MTA-STS: mode, id, age */
	{ "sts", "enforce" },
	{ "sts-id", "1" },
	{ "sts-fetched", "2025-11-23T16:00:00Z" },
	{ "sts-age-s", "86400" },
	{ "sts-result-type", "sts-webpki-invalid" },
	/* what the operator says */
	{ "class", "requiretls" },
	{ "marks", "secret" },
	{ "override", "waives" },
	{ "waives", "no-starttls certificate" },
	{ "floor", "encrypt" },
	{ "rule", "r" },
	{ "exception", "old" },
	{ "exception-reason", "no STARTTLS yet" },
	{ "exception-approver", "sec@gw.example.org" },
	{ "exception-expires", "2025-11-25T16:00:00Z" },
	{ "route", "hub" },
	{ "unmet", "hold" },
	{ "configuration", "000102030405060708090a0b0c0d0e0f"
			   "101112131415161718191a1b1c1d1e1f" },
	/* what was required, and which row won */
	{ "required", "verify" },
	{ "method", "dane" },
	{ "method-rule", "pinned" },
	{ "min-tls", "1.3" },
	{ "row", "D1/enforce" },
	{ "why", "because" },
	/* what was had */
	{ "reached", "verified" },
	{ "protocol", "TLSv1.3" },
	{ "cipher", "c" },
	{ "group", "g" },
	{ "sni", "mx.example.org" },
	{ "matched", "TLSA" },
	{ "grade", "verified" },
	{ "spki-sha256", "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0"
			 "efeeedecebeae9e8e7e6e5e4e3e2e1e0" },
	{ "issuer", "i" },
	{ "not-after", "2025-11-24T16:00:01Z" },
	{ "identity", "us" },
	{ "rung", "legacy" },
	{ "resumed", "true" },
	{ "reused", "true" },
	{ "recalled", "true" },
	{ "clear-retry", "true" },
	{ "chunked", "true" },
	/* what came of it */
	{ "outcome", "delivered" },
	{ "reply-code", "250" },
	{ "reply", "ok" },
	{ "failure", "rule" },
	{ "result-type", "certificate-host-mismatch" },
};

static const char *
text_of(const json_t *value)
{
	if (json_is_integer(value))
		return talloc_asprintf(mem, "%" JSON_INTEGER_FORMAT,
		    json_integer_value(value));
	if (json_is_boolean(value))
		return json_is_true(value) ? "true" : "false";
	return json_is_string(value) ? json_string_value(value) : "(none)";
}

/* After a way through its bytes: what is not encoded is not proven. */
START_TEST(inv_15_a_record_names_each_fact_of_the_decision_and_the_connection)
{
	struct evidence e = full(), back;
	const uint8_t hash[EVIDENCE_HASH_BYTES] = { 0 };
	struct span personal, body;
	struct diag why = { 0 };
	json_t *all;

	pack(&e, &personal, &body);
	ck_assert_int_eq(evidence_unpack(mem, personal, body, &back, &why),
	    ST_OK);
	all = evidence_json(7, hash, &back);
	ck_assert_int_eq(json_integer_value(json_object_get(all, "number")), 7);
	for (size_t i = 0; i < COUNT_OF(named); i++)
		ck_assert_msg(strcmp(text_of(json_object_get(all,
					 named[i].name)),
				  named[i].value) == 0,
		    "%s: %s", named[i].name,
		    text_of(json_object_get(all, named[i].name)));
	ck_assert_uint_eq(json_array_size(json_object_get(all, "recipients")),
	    2);
	json_decref(all);
}
END_TEST

START_TEST(evidence_is_readable_without_its_personal_part)
{
	struct evidence e = sample(), f;
	struct span personal, body;
	struct diag why = { 0 };

	pack(&e, &personal, &body);
	ck_assert_int_eq(evidence_unpack(mem, SPAN_NONE, body, &f, &why),
	    ST_OK);
	ck_assert_str_eq(f.sender, "");
	ck_assert_uint_eq(f.rcpt_count, 0);
	ck_assert_str_eq(f.domain, "example.org");
}
END_TEST

START_TEST(evidence_body_holds_no_address)
{
	struct evidence e = sample();
	struct span personal, body;

	pack(&e, &personal, &body);
	ck_assert_ptr_null(memmem(body.p, body.n, "u@example.org", 13));
	ck_assert_ptr_null(memmem(body.p, body.n, "a@client", 8));
	ck_assert_ptr_null(memmem(body.p, body.n, "000000201", 9));
}
END_TEST

START_TEST(evidence_of_another_personal_part_is_refused)
{
	struct evidence e = sample(), f;
	struct span personal, body, other, other_body;
	struct diag why = { 0 };

	pack(&e, &personal, &body);
	e.sender = "b@client.example";
	pack(&e, &other, &other_body);
	ck_assert_int_eq(evidence_unpack(mem, other, body, &f, &why),
	    ST_SYNTAX);
}
END_TEST

START_TEST(evidence_cut_anywhere_is_refused)
{
	struct evidence e = sample(), f;
	struct span personal, body;
	struct diag why = { 0 };

	pack(&e, &personal, &body);
	for (size_t n = 0; n < body.n; n++)
		ck_assert_int_eq(evidence_unpack(mem, SPAN_NONE,
				     span_sub(body, 0, n), &f, &why),
		    ST_SYNTAX);
	for (size_t n = 1; n < personal.n; n++)
		ck_assert_int_eq(evidence_unpack(mem, span_sub(personal, 0, n),
				     body, &f, &why),
		    ST_SYNTAX);
}
END_TEST

/* The link is exactly what doc/evidence.md says. */
START_TEST(evidence_link_is_the_documented_hash)
{
	static const uint8_t zeros[EVIDENCE_HASH_BYTES];
	uint8_t a[EVIDENCE_HASH_BYTES], b[EVIDENCE_HASH_BYTES];
	struct sbuf whole;

	sbuf_init(&whole, mem, 1024);
	sbuf_str(&whole, "tierpost evidence 1\n");
	sbuf_add(&whole, zeros, sizeof(zeros));
	pack_u64(&whole, 7);
	sbuf_str(&whole, "body");
	sha256(sbuf_view(&whole), a);
	evidence_link(zeros, 7, SPAN_LIT("body"), b);
	ck_assert_mem_eq(a, b, sizeof(a));
}
END_TEST

START_TEST(evidence_link_depends_on_all_it_is_made_of)
{
	static const uint8_t zeros[EVIDENCE_HASH_BYTES];
	uint8_t a[EVIDENCE_HASH_BYTES], b[EVIDENCE_HASH_BYTES];

	evidence_link(zeros, 1, SPAN_LIT("body"), a);
	evidence_link(zeros, 2, SPAN_LIT("body"), b);
	ck_assert_mem_ne(a, b, sizeof(a));
	evidence_link(zeros, 1, SPAN_LIT("bodY"), b);
	ck_assert_mem_ne(a, b, sizeof(a));
	evidence_link(a, 1, SPAN_LIT("body"), b);
	ck_assert_mem_ne(a, b, sizeof(a));
}
END_TEST

/* INV-15: "replaying it gives the same level" */
START_TEST(inv_15_a_record_replays_to_its_level)
{
	struct evidence e = sample(), f;
	struct span personal, body;
	struct diag why = { 0 };
	struct decide_out out;

	pack(&e, &personal, &body);
	ck_assert_int_eq(evidence_unpack(mem, personal, body, &f, &why), ST_OK);
	out = decide(&f.in);
	ck_assert(!out.skip);
	ck_assert_int_eq(out.required, f.required);
	ck_assert_int_eq(out.method, f.method);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("evidence");
	TCase *c = tcase_create("evidence");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, evidence_comes_back_as_it_was);
	tcase_add_test(c, inv_15_a_record_of_version_1_replays_too);
	tcase_add_test(c, inv_15_a_record_of_version_2_replays_too);
	tcase_add_test(c,
	    inv_15_a_record_holds_what_a_rule_demanded_beyond_its_level);
	tcase_add_test(c, inv_15_what_was_waived_is_in_the_record);
	tcase_add_test(c,
	    inv_15_a_record_names_each_fact_of_the_decision_and_the_connection);
	tcase_add_test(c, evidence_is_readable_without_its_personal_part);
	tcase_add_test(c, evidence_body_holds_no_address);
	tcase_add_test(c, evidence_of_another_personal_part_is_refused);
	tcase_add_test(c, evidence_cut_anywhere_is_refused);
	tcase_add_test(c, evidence_link_is_the_documented_hash);
	tcase_add_test(c, evidence_link_depends_on_all_it_is_made_of);
	tcase_add_test(c, inv_15_a_record_replays_to_its_level);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
