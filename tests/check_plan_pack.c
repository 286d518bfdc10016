/* SPDX-License-Identifier: BSD-2-Clause */
/* A plan as bytes: what is written is read back, and nothing else is. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "policy/plan.h"

static TALLOC_CTX *mem;
static struct diag why;

/* ---- a plan with everything in it ---- */

static uint8_t digest[64];
static struct tlsa tlsa[2];
static const char *tlsa_all[] = { "0 0 1 00ff", "3 1 1 abab" };
static struct netaddr addr[2];
static struct plan_host hosts[3];
static struct plan_trail trail[2];
static struct plan plan;

/* Fill in what the host's facts lead to. */
static void
settle(struct plan_host *h)
{
	struct decide_out out;

	h->in.dane = h->dane;
	h->in.sts = plan.sts.state;
	h->in.sts_mx_match = h->sts_mx_match;
	h->in.mx_secure = plan.mx_secure;
	h->in.sts_unknown_defers = true;
	h->in.mclass = plan.mclass;
	out = decide(&h->in);
	h->skip = out.skip;
	h->required = out.required;
	h->method = out.method;
	h->also_pkix_sts = out.also_pkix_sts;
	h->requiretls = out.requiretls;
	h->conclusive = out.conclusive && !plan.sts.stale;
	h->won = out.rule;
	h->row = out.row;
}

static void
make_hosts(void)
{
	hosts[0] = (struct plan_host){ .name = "mx1.example",
		.preference = 10,
		.addr = addr,
		.addr_count = 2,
		.dane = DANE_D1_USABLE,
		.tlsa_base = "x.example",
		.ref = { "x.example", "example" },
		.ref_count = 2,
		.tlsa = tlsa,
		.tlsa_count = 2,
		.tlsa_text = tlsa_all,
		.tlsa_text_count = COUNT_OF(tlsa_all),
		.dane_why = "usage",
		.sts_mx_match = true,
		.rule = "r",
		.exception = "",
		.why = "the first",
		.in = { .dane_and_sts_both = true } };
	hosts[1] = (struct plan_host){ .name = "mx2.example",
		.preference = 65535,
		.addr = addr + 1,
		.addr_count = 1,
		.dane = DANE_D3_NONE,
		.tlsa_base = "",
		.ref = { "mx2.example" },
		.ref_count = 1,
		.sts_mx_match = true,
		.rule = "",
		.exception = "e",
		.approver = "sec@example.net",
		.reason = "no STARTTLS",
		.exception_expires = { 1000000050000 },
		.if_local = { .name = { "mx2.example", "example" },
		    .count = 2 },
		.why = "the second",
		.in = { .override = OVERRIDE_WAIVES,
		    .waiver = true,
		    .waives = 1u << WAIVE_NO_STARTTLS,
		    .local = LEVEL_ENCRYPT } };
	hosts[2] = (struct plan_host){ .name = "mx3.example",
		.preference = 65535,
		.dane = DANE_D5_ERROR,
		.tlsa_base = "",
		.rule = "",
		.exception = "legacy",
		.approver = "sec@example.net",
		.reason = "no STARTTLS",
		.exception_expires = { 1000000050000 },
		.if_local = { .name = { "example" }, .count = 1 },
		.why = "the third",
		.in = { .error_is_tlsa_only = false,
		    .override = OVERRIDE_PLAINTEXT_ALLOWED,
		    .waiver = true } };
}

static void
setup(void)
{
	static const uint8_t ip4[4] = { 192, 0, 2, 1 };
	static const uint8_t ip6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };

	mem = talloc_new(NULL);
	why = (struct diag){ 0 };
	addr[0] = netaddr_ip4(ip4, 25);
	addr[1] = netaddr_ip6(ip6, 2525);
	memset(digest, 0xab, sizeof(digest));
	tlsa[0] = (struct tlsa){ 3, 1, 1, span_of(digest, 32), TLSA_USABLE };
	tlsa[1] = (struct tlsa){ 2, 0, 2, span_of(digest, 64), TLSA_USABLE };
	trail[0] = (struct plan_trail){ "MX example", DNS_SECURE, DNS_DATA,
		3600, "10 mx1.example" };
	trail[1] = (struct plan_trail){ "A mx3.example", DNS_BOGUS, DNS_FAILED,
		0, "signature expired" };
	plan = (struct plan){
		.domain = "example",
		.mclass = CLASS_NORMAL,
		.next_hop = "hop.example",
		.verdict = PLAN_DELIVER,
		.status = "",
		.why = "",
		.made = { 1000000000000 },
		.valid_until = { 1000000060000 },
		.mx_secure = true,
		.sts = { .state = STS_ST_ENFORCE,
		    .stale = true,
		    .id = "abc",
		    .fetched = { 999999000000 },
		    .expires = { 1000000100000 },
		    .policy = { .mode = STS_ENFORCE,
			.max_age_s = 1100,
			.mx_count = 2,
			.mx = { "*.example", "mx.example" },
			.text = "version: STSv1\nmx: *.example\n" },
		    .ttl_s = 77,
		    .why = "no TXT record" },
		.host = hosts,
		.host_count = COUNT_OF(hosts),
		.trail = trail,
		.trail_count = COUNT_OF(trail),
		.approver = "sec@example.net",
		.reason = "no STARTTLS",
		.conf_digest = { 7, 8, 9 },
		.exception_expires = { 1000000050000 },
	};
	make_hosts();
	for (size_t i = 0; i < COUNT_OF(hosts); i++)
		settle(&hosts[i]);
}

static void
teardown(void)
{
	talloc_free(mem);
}

static struct span
packed(const struct plan *p)
{
	struct sbuf b;

	sbuf_init(&b, mem, PLAN_MAX_BYTES);
	pack_plan(&b, p);
	ck_assert(!sbuf_failed(&b));
	return sbuf_view(&b);
}

static struct plan *
unpacked(struct span bytes)
{
	struct unpack u = unpack_from(bytes);
	struct plan *p;

	why.text[0] = '\0';
	p = unpack_plan(mem, &u, &why);
	if (p == NULL) {
		ck_assert(u.failed);
		ck_assert(why.text[0] != '\0');
		ck_assert_int_eq(why.st, ST_SYNTAX);
	}
	return p;
}

static void
check_sts(const struct sts_fact *a, const struct sts_fact *b)
{
	ck_assert_int_eq(a->state, b->state);
	ck_assert(a->stale == b->stale);
	ck_assert_str_eq(a->id, b->id);
	ck_assert_int_eq(a->fetched.ms, b->fetched.ms);
	ck_assert_int_eq(a->expires.ms, b->expires.ms);
	ck_assert_int_eq(a->policy.mode, b->policy.mode);
	ck_assert_uint_eq(a->policy.max_age_s, b->policy.max_age_s);
	ck_assert_uint_eq(a->policy.mx_count, b->policy.mx_count);
	for (size_t i = 0; i < a->policy.mx_count; i++)
		ck_assert_str_eq(a->policy.mx[i], b->policy.mx[i]);
	ck_assert_str_eq(a->policy.text, b->policy.text);
	ck_assert_uint_eq(a->ttl_s, b->ttl_s);
	ck_assert_str_eq(a->why, b->why);
}

static void
check_in(const struct decide_in *a, const struct decide_in *b)
{
	ck_assert_int_eq(a->dane, b->dane);
	ck_assert(a->error_is_tlsa_only == b->error_is_tlsa_only);
	ck_assert_int_eq(a->sts, b->sts);
	ck_assert(a->sts_mx_match == b->sts_mx_match);
	ck_assert(a->mx_secure == b->mx_secure);
	ck_assert(a->dane_and_sts_both == b->dane_and_sts_both);
	ck_assert(a->sts_unknown_defers == b->sts_unknown_defers);
	ck_assert_int_eq(a->override, b->override);
	ck_assert(a->waiver == b->waiver);
	ck_assert_int_eq(a->mclass, b->mclass);
	ck_assert_int_eq(a->floor, b->floor);
	ck_assert(a->never_plaintext == b->never_plaintext);
	ck_assert(a->requiretls_testing == b->requiretls_testing);
	ck_assert(a->tls_no_beats_floor == b->tls_no_beats_floor);
}

static void
check_lists(const struct plan_host *a, const struct plan_host *b)
{
	ck_assert_uint_eq(a->addr_count, b->addr_count);
	for (size_t i = 0; i < a->addr_count; i++)
		ck_assert(netaddr_eq(&a->addr[i], &b->addr[i]));
	ck_assert_uint_eq(a->ref_count, b->ref_count);
	for (size_t i = 0; i < a->ref_count; i++)
		ck_assert_str_eq(a->ref[i], b->ref[i]);
	ck_assert_uint_eq(a->tlsa_count, b->tlsa_count);
	for (size_t i = 0; i < a->tlsa_count; i++) {
		ck_assert_uint_eq(a->tlsa[i].usage, b->tlsa[i].usage);
		ck_assert_uint_eq(a->tlsa[i].selector, b->tlsa[i].selector);
		ck_assert_uint_eq(a->tlsa[i].matching, b->tlsa[i].matching);
		ck_assert(span_eq_span(a->tlsa[i].data, b->tlsa[i].data));
		ck_assert_int_eq(b->tlsa[i].fitness, TLSA_USABLE);
	}
	ck_assert_uint_eq(a->tlsa_text_count, b->tlsa_text_count);
	for (size_t i = 0; i < a->tlsa_text_count; i++)
		ck_assert_str_eq(a->tlsa_text[i], b->tlsa_text[i]);
	ck_assert_str_eq(a->dane_why == NULL ? "" : a->dane_why, b->dane_why);
}

static void
check_host(const struct plan_host *a, const struct plan_host *b)
{
	ck_assert_str_eq(a->name, b->name);
	ck_assert_uint_eq(a->preference, b->preference);
	ck_assert_int_eq(a->dane, b->dane);
	ck_assert(a->half_dane == b->half_dane);
	check_in(&a->in, &b->in);
	ck_assert(a->skip == b->skip);
	ck_assert_int_eq(a->required, b->required);
	ck_assert_int_eq(a->method, b->method);
	ck_assert(a->also_pkix_sts == b->also_pkix_sts);
	ck_assert(a->requiretls == b->requiretls);
	ck_assert(a->conclusive == b->conclusive);
	ck_assert_int_eq(a->won, b->won);
	ck_assert_str_eq(a->tlsa_base, b->tlsa_base);
	check_lists(a, b);
	ck_assert(a->sts_mx_match == b->sts_mx_match);
	ck_assert_str_eq(a->row, b->row);
	ck_assert_str_eq(a->rule, b->rule);
	ck_assert_str_eq(a->exception, b->exception);
	ck_assert_str_eq(a->approver == NULL ? "" : a->approver, b->approver);
	ck_assert_str_eq(a->reason == NULL ? "" : a->reason, b->reason);
	ck_assert_int_eq(a->exception_expires.ms, b->exception_expires.ms);
	ck_assert_str_eq(a->why, b->why);
}

static void
check_plan(const struct plan *a, const struct plan *b)
{
	ck_assert_str_eq(a->domain, b->domain);
	ck_assert_str_eq(a->next_hop, b->next_hop);
	ck_assert_int_eq(a->mclass, b->mclass);
	ck_assert_int_eq(a->verdict, b->verdict);
	ck_assert_str_eq(a->status, b->status);
	ck_assert_str_eq(a->why, b->why);
	ck_assert_int_eq(a->made.ms, b->made.ms);
	ck_assert_int_eq(a->valid_until.ms, b->valid_until.ms);
	ck_assert(a->mx_secure == b->mx_secure);
	ck_assert(a->implicit_mx == b->implicit_mx);
	check_sts(&a->sts, &b->sts);
	ck_assert_uint_eq(a->host_count, b->host_count);
	for (size_t i = 0; i < a->host_count; i++)
		check_host(&a->host[i], &b->host[i]);
	ck_assert_uint_eq(a->trail_count, b->trail_count);
	for (size_t i = 0; i < a->trail_count; i++) {
		ck_assert_str_eq(a->trail[i].what, b->trail[i].what);
		ck_assert_int_eq(a->trail[i].security, b->trail[i].security);
		ck_assert_int_eq(a->trail[i].outcome, b->trail[i].outcome);
		ck_assert_uint_eq(a->trail[i].ttl_s, b->trail[i].ttl_s);
		ck_assert_str_eq(a->trail[i].text, b->trail[i].text);
	}
	ck_assert_str_eq(a->approver, b->approver);
	ck_assert_str_eq(a->reason, b->reason);
	ck_assert_mem_eq(a->conf_digest, b->conf_digest, 32);
	ck_assert_int_eq(a->exception_expires.ms, b->exception_expires.ms);
}

/* ---- round trip ---- */

START_TEST(plan_pack_is_read_back_whole)
{
	struct span bytes = packed(&plan);
	struct plan *p = unpacked(bytes);

	ck_assert_msg(p != NULL, "%s", why.text);
	ck_assert(hosts[0].also_pkix_sts && hosts[2].skip);
	check_plan(&plan, p);
	/* And written again it is the same. */
	ck_assert(span_eq_span(packed(p), bytes));
}
END_TEST

START_TEST(plan_unpack_borrows_nothing_from_the_bytes)
{
	struct span bytes = packed(&plan);
	uint8_t *copy = need(talloc_memdup(mem, bytes.p, bytes.n));
	struct plan *p = unpacked(span_of(copy, bytes.n));

	memset(copy, 0xff, bytes.n);
	talloc_free(copy);
	check_plan(&plan, p);
}
END_TEST

START_TEST(plan_unpack_leaves_what_follows)
{
	struct unpack u;
	struct sbuf b;

	sbuf_init(&b, mem, PLAN_MAX_BYTES);
	pack_plan(&b, &plan);
	pack_u32(&b, 0xdeadbeef);
	u = unpack_from(sbuf_view(&b));
	ck_assert_ptr_nonnull(unpack_plan(mem, &u, &why));
	ck_assert_uint_eq(unpack_u32(&u), 0xdeadbeef);
	ck_assert_int_eq(unpack_done(&u), ST_OK);
}
END_TEST

START_TEST(plan_copy_is_deep_and_in_one_context)
{
	struct plan *p = plan_copy(mem, &plan);
	TALLOC_CTX *other = talloc_new(NULL);

	talloc_steal(other, p);
	check_plan(&plan, p);
	ck_assert_ptr_ne(p->host[0].tlsa[0].data.p, digest);
	ck_assert_ptr_ne(p->host, hosts);
	talloc_free(other);
}
END_TEST

static void
make_end(enum plan_verdict verdict, const char *status)
{
	plan.verdict = verdict;
	plan.status = status;
	plan.why = "for some reason";
	plan.host_count = 0;
	plan.host = NULL;
}

START_TEST(plan_pack_takes_a_plan_without_hosts)
{
	struct plan *p;

	make_end(PLAN_DEFER, "4.4.3");
	p = unpacked(packed(&plan));
	ck_assert_ptr_nonnull(p);
	check_plan(&plan, p);
	make_end(PLAN_BOUNCE, "5.1.10");
	p = unpacked(packed(&plan));
	ck_assert_ptr_nonnull(p);
	check_plan(&plan, p);
}
END_TEST

START_TEST(plan_pack_over_its_cap_fails_as_a_whole)
{
	struct sbuf b;

	sbuf_init(&b, mem, packed(&plan).n - 1);
	pack_plan(&b, &plan);
	ck_assert(sbuf_failed(&b));
}
END_TEST

/* ---- hostile bytes ---- */

START_TEST(plan_unpack_fails_at_every_truncation)
{
	struct span bytes = packed(&plan);

	for (size_t n = 0; n < bytes.n; n++) {
		uint8_t *exact = need(talloc_memdup(mem, bytes.p, n + 1));

		ck_assert_ptr_null(unpacked(span_of(exact, n)));
		talloc_free(exact);
	}
}
END_TEST

/* Whatever one byte says, what comes out follows from its own facts. */
START_TEST(plan_unpack_bears_any_byte_anywhere)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
	struct span bytes = packed(&plan);
	uint8_t *copy = need(talloc_memdup(mem, bytes.p, bytes.n));

	for (size_t i = 0; i < bytes.n; i++) {
		for (size_t v = 0; v < COUNT_OF(values); v++) {
			struct plan *p;

			copy[i] = values[v];
			p = unpacked(span_of(copy, bytes.n));
			for (size_t h = 0; p != NULL && h < p->host_count;
			     h++) {
				struct decide_out out = decide(&p->host[h].in);

				ck_assert(out.skip == p->host[h].skip);
				ck_assert(out.required == p->host[h].required);
			}
			talloc_free(p);
		}
		copy[i] = bytes.p[i];
	}
}
END_TEST

/* 4 bytes of length "example", then class and verdict. */
#define AT_CLASS 11u

START_TEST(plan_unpack_refuses_values_no_enum_has)
{
	struct span bytes = packed(&plan);
	uint8_t *copy = need(talloc_memdup(mem, bytes.p, bytes.n));

	ck_assert_uint_eq(copy[AT_CLASS], CLASS_NORMAL);
	copy[AT_CLASS] = CLASS_COUNT;
	ck_assert_ptr_null(unpacked(span_of(copy, bytes.n)));
	copy[AT_CLASS] = CLASS_NORMAL;
	copy[AT_CLASS + 1] = PLAN_BOUNCE + 1;
	ck_assert_ptr_null(unpacked(span_of(copy, bytes.n)));
}
END_TEST

START_TEST(plan_unpack_refuses_more_than_its_limits)
{
	static struct plan_host many[PLAN_MAX_HOSTS + 1];
	static struct plan_trail steps[PLAN_MAX_TRAIL + 1];

	for (size_t i = 0; i < COUNT_OF(many); i++)
		many[i] = hosts[2];
	plan.host = many;
	plan.host_count = PLAN_MAX_HOSTS;
	ck_assert_ptr_nonnull(unpacked(packed(&plan)));
	plan.host_count++;
	ck_assert_ptr_null(unpacked(packed(&plan)));
	plan.host_count = 1;
	for (size_t i = 0; i < COUNT_OF(steps); i++)
		steps[i] = trail[0];
	plan.trail = steps;
	plan.trail_count = PLAN_MAX_TRAIL;
	ck_assert_ptr_nonnull(unpacked(packed(&plan)));
	plan.trail_count++;
	ck_assert_ptr_null(unpacked(packed(&plan)));
}
END_TEST

START_TEST(plan_unpack_refuses_long_lists_of_a_host)
{
	static struct netaddr addrs[PLAN_MAX_ADDRESSES + 1];
	static struct tlsa records[TLSA_MAX_RECORDS + 1];

	for (size_t i = 0; i < COUNT_OF(addrs); i++)
		addrs[i] = addr[0];
	hosts[0].addr = addrs;
	hosts[0].addr_count = PLAN_MAX_ADDRESSES;
	ck_assert_ptr_nonnull(unpacked(packed(&plan)));
	hosts[0].addr_count++;
	ck_assert_ptr_null(unpacked(packed(&plan)));
	hosts[0].addr_count = 1;
	for (size_t i = 0; i < COUNT_OF(records); i++)
		records[i] = tlsa[0];
	hosts[0].tlsa = records;
	hosts[0].tlsa_count = TLSA_MAX_RECORDS;
	ck_assert_ptr_nonnull(unpacked(packed(&plan)));
	hosts[0].tlsa_count++;
	ck_assert_ptr_null(unpacked(packed(&plan)));
}
END_TEST

/* ---- plans that contradict themselves ---- */

START_TEST(inv_15_a_level_that_its_facts_do_not_give_is_refused)
{
	hosts[0].required = LEVEL_MAY;
	ck_assert_ptr_null(unpacked(packed(&plan)));
	hosts[0].required = LEVEL_VERIFY;
	hosts[0].method = METHOD_NONE;
	ck_assert_ptr_null(unpacked(packed(&plan)));
	hosts[0].method = METHOD_DANE;
	hosts[0].also_pkix_sts = false;
	ck_assert_ptr_null(unpacked(packed(&plan)));
	hosts[0].also_pkix_sts = true;
	hosts[0].row = "D3/absent";
	ck_assert_ptr_null(unpacked(packed(&plan)));
	hosts[0].row = "D1/enforce";
	hosts[2].skip = false;
	ck_assert_ptr_null(unpacked(packed(&plan)));
	hosts[2].skip = true;
	ck_assert_ptr_nonnull(unpacked(packed(&plan)));
}
END_TEST

/* Whoever says that something is waived says by what, and by whom. */
START_TEST(inv_04_a_waiver_without_its_exception_is_refused)
{
	struct plan_host *h = &hosts[1];
	const struct plan_host good = *h;

	ck_assert_ptr_nonnull(unpacked(packed(&plan)));
	h->exception = "";
	ck_assert_ptr_null(unpacked(packed(&plan)));
	*h = good;
	h->approver = "";
	ck_assert_ptr_null(unpacked(packed(&plan)));
	*h = good;
	h->reason = "";
	ck_assert_ptr_null(unpacked(packed(&plan)));
	*h = good;
	h->exception_expires.ms = 0;
	ck_assert_ptr_null(unpacked(packed(&plan)));
	*h = good;
	h->if_local.count = 0;
	ck_assert_ptr_null(unpacked(packed(&plan)));
	*h = good;
	h->in.waives = 0;
	ck_assert_ptr_null(unpacked(packed(&plan)));
	*h = good;
	h->in.waiver = false;
	ck_assert_ptr_null(unpacked(packed(&plan)));
	*h = good;
	h->in.override = OVERRIDE_NONE;
	settle(h);
	ck_assert_ptr_null(unpacked(packed(&plan)));
	*h = good;
	ck_assert_ptr_nonnull(unpacked(packed(&plan)));
}
END_TEST

/* What has failed is found out where the connections are made. */
START_TEST(inv_04_a_plan_tells_of_no_failures)
{
	const struct plan *p;

	hosts[1].in.failed = 1u << WAIVE_NO_STARTTLS;
	p = unpacked(packed(&plan));
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(p->host[1].in.failed, 0);
	ck_assert_uint_eq(p->host[1].in.waives, 1u << WAIVE_NO_STARTTLS);
	ck_assert_int_eq(p->host[1].required, LEVEL_VERIFY);
	ck_assert_str_eq(p->host[1].if_local.name[1], "example");
}
END_TEST

START_TEST(inv_15_facts_of_a_host_are_those_of_its_plan)
{
	plan.mx_secure = false;
	ck_assert_ptr_null(unpacked(packed(&plan)));
	plan.mx_secure = true;
	plan.sts.state = STS_ST_ABSENT;
	ck_assert_ptr_null(unpacked(packed(&plan)));
	plan.sts.state = STS_ST_ENFORCE;
	ck_assert_ptr_nonnull(unpacked(packed(&plan)));
}
END_TEST

/*
 * That a host must offer REQUIRETLS follows from the class, whoever packed
 * the plan; and a policy that is stale is no last word.
 */
START_TEST(rtls_21_what_the_class_asks_for_is_there_after_unpacking)
{
	const struct plan *p;

	plan.mclass = CLASS_REQUIRETLS;
	plan.sts.stale = false;
	hosts[1].sts_mx_match = false;
	for (size_t i = 0; i < plan.host_count; i++)
		settle(&hosts[i]);
	p = unpacked(packed(&plan));
	ck_assert_ptr_nonnull(p);
	ck_assert(p->host[0].requiretls && !p->host[0].skip);
	ck_assert(p->host[1].skip && p->host[1].conclusive);
	ck_assert(p->host[2].skip && !p->host[2].conclusive);
	ck_assert_int_eq(p->host[1].won, DECIDE_PUBLISHED);
	plan.sts.stale = true;
	p = unpacked(packed(&plan));
	ck_assert_ptr_nonnull(p);
	ck_assert(!p->host[1].conclusive);
}
END_TEST

/* Without a record to match, DANE would be no check at all. */
START_TEST(inv_06_a_method_without_its_means_is_refused)
{
	hosts[0].tlsa_count = 0;
	ck_assert_ptr_null(unpacked(packed(&plan)));
	hosts[0].tlsa_count = 2;
	hosts[0].ref_count = 0;
	ck_assert_ptr_null(unpacked(packed(&plan)));
	hosts[0].ref_count = 2;
	hosts[0].addr_count = 0;
	ck_assert_ptr_null(unpacked(packed(&plan)));
	hosts[0].addr_count = 2;
	addr[0].family = NETADDR_NONE;
	ck_assert_ptr_null(unpacked(packed(&plan)));
	addr[0].family = NETADDR_IP4;
	hosts[0].name = "";
	ck_assert_ptr_null(unpacked(packed(&plan)));
}
END_TEST

START_TEST(inv_03_an_unusable_record_is_refused)
{
	tlsa[1].data.n = 63;
	ck_assert_ptr_null(unpacked(packed(&plan)));
	tlsa[1] = (struct tlsa){ 1, 1, 1, span_of(digest, 32), TLSA_USABLE };
	ck_assert_ptr_null(unpacked(packed(&plan)));
}
END_TEST

START_TEST(inv_08_a_verdict_and_its_status_agree)
{
	plan.host_count = 0;
	ck_assert_ptr_null(unpacked(packed(&plan)));
	make_end(PLAN_BOUNCE, "4.4.3");
	ck_assert_ptr_null(unpacked(packed(&plan)));
	make_end(PLAN_DEFER, "5.1.2");
	ck_assert_ptr_null(unpacked(packed(&plan)));
	make_end(PLAN_DEFER, "");
	ck_assert_ptr_null(unpacked(packed(&plan)));
	plan.status = "4.4.3";
	plan.host = hosts;
	plan.host_count = 1;
	ck_assert_ptr_null(unpacked(packed(&plan)));
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		plan_pack_is_read_back_whole,
		plan_unpack_borrows_nothing_from_the_bytes,
		plan_unpack_leaves_what_follows,
		plan_copy_is_deep_and_in_one_context,
		plan_pack_takes_a_plan_without_hosts,
		plan_pack_over_its_cap_fails_as_a_whole,
		plan_unpack_fails_at_every_truncation,
		plan_unpack_bears_any_byte_anywhere,
		plan_unpack_refuses_values_no_enum_has,
		plan_unpack_refuses_more_than_its_limits,
		plan_unpack_refuses_long_lists_of_a_host,
		inv_15_a_level_that_its_facts_do_not_give_is_refused,
		inv_04_a_waiver_without_its_exception_is_refused,
		inv_04_a_plan_tells_of_no_failures,
		inv_15_facts_of_a_host_are_those_of_its_plan,
		rtls_21_what_the_class_asks_for_is_there_after_unpacking,
		inv_06_a_method_without_its_means_is_refused,
		inv_03_an_unusable_record_is_refused,
		inv_08_a_verdict_and_its_status_agree,
	};
	Suite *s = suite_create("plan_pack");
	TCase *tc = tcase_create("plan_pack");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	for (size_t i = 0; i < COUNT_OF(tests); i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(s, tc);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
