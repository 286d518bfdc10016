/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/wire.h"

static TALLOC_CTX *mem;
static struct sbuf buf;

static void
set_up(void)
{
	mem = talloc_new(NULL);
	sbuf_init(&buf, mem, 1u << 20);
}

static void
tear_down(void)
{
	talloc_free(mem);
}

/* Every kind of frame: packed, and read by its own reader. */
static void
pack_open(void)
{
	static struct wire_open_rcpt rcpt[] = {
		{ "u@d.example", "d.example", DSN_NEVER, "" },
		{ "v@e.example", "e.example", DSN_SUCCESS | DSN_DELAY,
		    "rfc822;V+2Bv@e.example" },
	};
	const struct wire_open o = { .session = 7,
		.message = 42,
		.sender = "",
		.client = "192.0.2.1",
		.account = "alice",
		.envid = "QQ314159",
		.ret = DSN_RET_HDRS,
		.size_bytes = 99,
		.flags = MESSAGE_8BIT,
		.rcpt_count = 2,
		.rcpt = rcpt };

	wire_pack_open(&buf, &o);
}

static enum status
read_open(struct span a, struct diag *why)
{
	struct wire_open o;

	return wire_unpack_open(mem, a, &o, why);
}

static void
pack_done(void)
{
	const struct wire_done d = { .session = 7,
		.message = 42,
		.verdict = VERDICT_TRY_LATER,
		.why = "disk" };

	wire_pack_done(&buf, &d);
}

static enum status
read_done(struct span a, struct diag *why)
{
	struct wire_done d;

	return wire_unpack_done(mem, a, &d, why);
}

static void
pack_end(void)
{
	const struct wire_end e = { .session = 7,
		.size_bytes = 99,
		.flags = MESSAGE_8BIT | MESSAGE_UTF8_HEADER,
		.mclass = CLASS_NORMAL,
		.marks = "secret,vip" };

	wire_pack_end(&buf, &e);
}

static enum status
read_end(struct span a, struct diag *why)
{
	struct wire_end e;

	return wire_unpack_end(mem, a, &e, why);
}

static void
pack_job(void)
{
	struct wire_job_rcpt rcpt[] = { { 1, "u@d.example", DSN_FAILURE,
	    "rfc822;u@d.example", 3 } };
	const struct wire_job j = { .slot = 1,
		.lease = 5,
		.message = 42,
		.sender = "s@x.example",
		.envid = "QQ314159",
		.ret = DSN_RET_FULL,
		.size_bytes = 4,
		.rcpt_count = 1,
		.rcpt = rcpt,
		.has_body = true,
		.body = SPAN_LIT("body") };

	wire_pack_job(&buf, &j);
}

static enum status
read_job(struct span a, struct diag *why)
{
	struct wire_job j;

	return wire_unpack_job(mem, a, &j, why);
}

static void
pack_outcome(void)
{
	struct wire_rcpt_result r[] = { { 1, RESULT_DEFERRED, REACHED_TLS,
	    LEVEL_VERIFY, FAILURE_CERTIFICATE, true, "4.7.5", "mx", "450 no",
	    "why" } };
	struct wire_evidence e[] = { { SPAN_LIT("p"), SPAN_LIT("b") } };
	const struct wire_outcome o = { .seq = 9,
		.slot = 1,
		.lease = 5,
		.message = 42,
		.result_count = 1,
		.result = r,
		.evidence_count = 1,
		.evidence = e };

	wire_pack_outcome(&buf, &o);
}

static enum status
read_outcome(struct span a, struct diag *why)
{
	struct wire_outcome o;

	return wire_unpack_outcome(mem, a, &o, why);
}

static void
pack_failed(void)
{
	struct wire_evidence e[] = { { SPAN_LIT("p"), SPAN_LIT("b") } };
	const struct wire_slot_failed f = { .seq = 9,
		.failure = FAILURE_NO_STARTTLS,
		.host = "mx.d.example",
		.slot = 1,
		.required = LEVEL_VERIFY,
		.status = "4.4.1",
		.why = "gone",
		.evidence_count = 1,
		.evidence = e };

	wire_pack_slot_failed(&buf, &f);
}

static enum status
read_failed(struct span a, struct diag *why)
{
	struct wire_slot_failed f;

	return wire_unpack_slot_failed(mem, a, &f, why);
}

static void
pack_use(void)
{
	wire_pack_use(&buf, &(const struct wire_use){ .slot = 1,
				.token = 2,
				.message = 42,
				.exception = "old",
				.expires = { 1000 } });
}

static enum status
read_use(struct span a, struct diag *why)
{
	struct wire_use w;

	return wire_unpack_use(mem, a, &w, why);
}

static void
pack_probe(void)
{
	const char *domain[] = { "d.example", "e.example" };

	wire_pack_probe(&buf, &(const struct wire_probe){ .token = 2,
				  .exception = "old",
				  .expires = { 1000 },
				  .domain_count = 2,
				  .domain = domain });
}

static enum status
read_probe(struct span a, struct diag *why)
{
	struct wire_probe p;

	return wire_unpack_probe(mem, a, &p, why);
}

static void
pack_probed(void)
{
	wire_pack_probed(&buf, &(const struct wire_probed){ .token = 2,
				   .needed = NEEDED_YES,
				   .host = "mx.d.example",
				   .why = "no STARTTLS" });
}

static enum status
read_probed(struct span a, struct diag *why)
{
	struct wire_probed p;

	return wire_unpack_probed(mem, a, &p, why);
}

static void
pack_domain(void)
{
	wire_pack_domain(&buf, 7, "d.example");
}

static enum status
read_domain(struct span a, struct diag *why)
{
	const char *domain;
	uint32_t token;

	return wire_unpack_domain(mem, a, &token, &domain, why);
}

static struct domain_findings
some_findings(void)
{
	struct domain_findings f;

	domain_findings_init(&f, mem);
	domain_find(&f, DOMAIN_TLSA_MISMATCH, "_25._tcp.mx.d.example",
	    "at 192.0.2.1");
	domain_find(&f, DOMAIN_TLSA_ALONE, "_25._tcp.mx.d.example", "%s", "");
	return f;
}

static void
pack_domain_found(void)
{
	const struct domain_findings f = some_findings();

	wire_pack_domain_found(&buf, 7, &f);
}

static enum status
read_domain_found(struct span a, struct diag *why)
{
	struct wire_domain_found w;

	return wire_unpack_domain_found(mem, a, &w, why);
}

static void
pack_domain_known(void)
{
	const struct domain_findings f = some_findings();

	wire_pack_domain_known(&buf, 7, &f, NULL);
}

static enum status
read_domain_known(struct span a, struct diag *why)
{
	struct wire_domain_known w;

	return wire_unpack_domain_known(mem, a, &w, why);
}

static void
pack_hello(void)
{
	int64_t rcpt[] = { 1, 2 };
	struct wire_held held[] = { { 5, 42, 2, rcpt } };
	const struct wire_hello h = {
		.instance = 77, .last_seq = 3, .lease_count = 1, .held = held
	};

	wire_pack_hello(&buf, &h);
}

static enum status
read_hello(struct span a, struct diag *why)
{
	struct wire_hello h;

	return wire_unpack_hello(mem, a, &h, why);
}

static void
pack_sts(void)
{
	const struct sts_entry e = { .domain = "d.example",
		.has_policy = true,
		.id = "20261101",
		.fetched = { 1000 },
		.policy = { .mode = STS_ENFORCE,
		    .max_age_s = 86400,
		    .mx_count = 1,
		    .mx = { "*.d.example" } } };

	wire_pack_sts(&buf, &e);
}

static enum status
read_sts(struct span a, struct diag *why)
{
	struct sts_entry e;

	return wire_unpack_sts(mem, a, &e, why);
}

static void
pack_policy_ask(void)
{
	wire_pack_policy_ask(&buf, &(const struct wire_policy_ask){
				       .verb = POLICY_FORGET,
				       .domain = "d.example",
				       .by = "root",
				       .reason = "moved",
				   });
}

static enum status
read_policy_ask(struct span a, struct diag *why)
{
	struct wire_policy_ask w;

	return wire_unpack_policy_ask(mem, a, &w, why);
}

static void
pack_policy_answer(void)
{
	wire_pack_policy_answer(&buf, &(const struct wire_policy_answer){
					  .done = true,
					  .state = STS_ST_ENFORCE,
					  .id = "1",
					  .fetched = { 1000 },
					  .expires = { 2000 },
					  .why = "because",
				      });
}

static enum status
read_policy_answer(struct span a, struct diag *why)
{
	struct wire_policy_answer w;

	return wire_unpack_policy_answer(mem, a, &w, why);
}

static void
pack_sts_ask(void)
{
	wire_pack_sts_ask(&buf, 7, POLICY_REFRESH, "d.example");
}

static enum status
read_sts_ask(struct span a, struct diag *why)
{
	struct wire_policy_ask w;
	uint32_t token;

	return wire_unpack_sts_ask(mem, a, &token, &w, why);
}

static void
pack_sts_answer(void)
{
	pack_u32(&buf, 7);
	pack_policy_answer();
}

static enum status
read_sts_answer(struct span a, struct diag *why)
{
	struct wire_policy_answer w;
	uint32_t token;

	return wire_unpack_sts_answer(mem, a, &token, &w, why);
}

static void
pack_collect(void)
{
	wire_pack_collect(&buf, &(const struct wire_collect){
				    7, 8, "a@b.example", "192.0.2.1", 9 });
}

static enum status
read_collect(struct span a, struct diag *why)
{
	struct wire_collect c;

	return wire_unpack_collect(mem, a, &c, why);
}

static void
pack_collected(void)
{
	wire_pack_collected(&buf,
	    &(const struct wire_collected){ 7, COLLECT_UNREADABLE, "because" });
}

static enum status
read_collected(struct span a, struct diag *why)
{
	struct wire_collected c;

	return wire_unpack_collected(mem, a, &c, why);
}

static const struct {
	const char *name;
	void (*pack)(void);
	enum status (*read)(struct span a, struct diag *why);
} frames[] = {
	{ "open", pack_open, read_open },
	{ "end", pack_end, read_end },
	{ "done", pack_done, read_done },
	{ "job", pack_job, read_job },
	{ "outcome", pack_outcome, read_outcome },
	{ "slot failed", pack_failed, read_failed },
	{ "hello", pack_hello, read_hello },
	{ "use", pack_use, read_use },
	{ "probe", pack_probe, read_probe },
	{ "probed", pack_probed, read_probed },
	{ "domain", pack_domain, read_domain },
	{ "found of a domain", pack_domain_found, read_domain_found },
	{ "known of a domain", pack_domain_known, read_domain_known },
	{ "policy entry", pack_sts, read_sts },
	{ "policy ask", pack_policy_ask, read_policy_ask },
	{ "policy answer", pack_policy_answer, read_policy_answer },
	{ "policy ask of the keeper", pack_sts_ask, read_sts_ask },
	{ "policy answer of the advisor", pack_sts_answer, read_sts_answer },
	{ "collect", pack_collect, read_collect },
	{ "collected", pack_collected, read_collected },
};

START_TEST(wire_frames_are_read_by_their_readers)
{
	struct diag why = { 0 };

	frames[_i].pack();
	ck_assert_msg(frames[_i].read(sbuf_view(&buf), &why) == ST_OK, "%s: %s",
	    frames[_i].name, why.text);
}
END_TEST

START_TEST(wire_frames_cut_anywhere_are_refused)
{
	struct diag why = { 0 };

	frames[_i].pack();
	for (size_t n = 0; n < buf.n; n++)
		ck_assert_msg(frames[_i].read(span_sub(sbuf_view(&buf), 0, n),
				  &why) == ST_SYNTAX,
		    "%s cut at %zu", frames[_i].name, n);
}
END_TEST

START_TEST(wire_frames_with_a_byte_too_many_are_refused)
{
	struct diag why = { 0 };

	frames[_i].pack();
	sbuf_u8(&buf, 0);
	ck_assert_int_eq(frames[_i].read(sbuf_view(&buf), &why), ST_SYNTAX);
}
END_TEST

/* B3.12: whatever one byte is changed to, reading ends and stays inside. */
START_TEST(b3_12_wire_frames_with_any_byte_changed_are_read_safely)
{
	struct diag why = { 0 };

	frames[_i].pack();
	for (size_t n = 0; n < buf.n; n++) {
		uint8_t was = buf.p[n];

		for (unsigned v = 0; v < 256; v += 17) {
			enum status st;

			buf.p[n] = (uint8_t)v;
			st = frames[_i].read(sbuf_view(&buf), &why);
			ck_assert(st == ST_OK || st == ST_SYNTAX);
		}
		buf.p[n] = was;
	}
}
END_TEST

START_TEST(wire_open_without_recipients_is_refused)
{
	const struct wire_open o = {
		.session = 1,
		.message = 1,
		.sender = "",
		.client = "",
		.account = "",
		.envid = "",
	};
	struct diag why = { 0 };

	wire_pack_open(&buf, &o);
	ck_assert_int_eq(read_open(sbuf_view(&buf), &why), ST_SYNTAX);
}
END_TEST

/* Nothing is used, or looked at, that has no name. */
START_TEST(wire_exceptions_without_names_are_refused)
{
	const char *domain[WIRE_PROBE_NAMES + 1] = { "d.example" };
	struct wire_probe p = {
		.token = 1, .exception = "", .domain_count = 1, .domain = domain
	};
	struct diag why = { 0 };

	wire_pack_use(&buf, &(const struct wire_use){ .exception = "" });
	ck_assert_int_eq(read_use(sbuf_view(&buf), &why), ST_SYNTAX);
	sbuf_reset(&buf);
	wire_pack_probe(&buf, &p);
	ck_assert_int_eq(read_probe(sbuf_view(&buf), &why), ST_SYNTAX);
	p.exception = "old";
	for (uint32_t n = 0; n <= WIRE_PROBE_NAMES + 1; n++) {
		p.domain_count = n;
		domain[n > 0 ? n - 1 : 0] = "d.example";
		sbuf_reset(&buf);
		wire_pack_probe(&buf, &p);
		ck_assert_int_eq(read_probe(sbuf_view(&buf), &why),
		    n == 0 || n > WIRE_PROBE_NAMES ? ST_SYNTAX : ST_OK);
	}
}
END_TEST

START_TEST(wire_enforcing_policy_without_hosts_is_refused)
{
	const struct sts_entry e = { .domain = "d.example",
		.has_policy = true,
		.policy = { .mode = STS_ENFORCE, .max_age_s = 1 } };
	struct diag why = { 0 };

	wire_pack_sts(&buf, &e);
	ck_assert_int_eq(read_sts(sbuf_view(&buf), &why), ST_SYNTAX);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("wire");
	TCase *c = tcase_create("wire");
	SRunner *r;
	int failed, n = (int)COUNT_OF(frames);

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_loop_test(c, wire_frames_are_read_by_their_readers, 0, n);
	tcase_add_loop_test(c, wire_frames_cut_anywhere_are_refused, 0, n);
	tcase_add_loop_test(c, wire_frames_with_a_byte_too_many_are_refused, 0,
	    n);
	tcase_add_loop_test(c,
	    b3_12_wire_frames_with_any_byte_changed_are_read_safely, 0, n);
	tcase_add_test(c, wire_open_without_recipients_is_refused);
	tcase_add_test(c, wire_exceptions_without_names_are_refused);
	tcase_add_test(c, wire_enforcing_policy_without_hosts_is_refused);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
