/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The planner, driven to its end over a scripted map of DNS; for the tests of
 * plans alone.
 */
#ifndef TESTS_PLAN_H
#define TESTS_PLAN_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/hop.h"
#include "policy/plan.h"
#include "util/sha256.h"

#define N    "example.org"
#define MX1  "mx1.example.org"
#define MX2  "mx2.example.org"
#define MADE 1000000000000 /* ms */

static TALLOC_CTX *mem;
static struct conf conf;
static struct sts_fact sts;
static uint64_t seed;
static bool backwards; /* answers come in the opposite order */
static enum msg_class mclass;
static const char *marks;
static const char *sts_name; /* whose policy is asked for */

/* ---- a scripted DNS ---- */

#define MAX_SCRIPT 256u
#define MAX_ASKED  600u

static struct dns_answer script[MAX_SCRIPT];
static size_t script_count;
static const char *asked[MAX_ASKED];
static size_t asked_count, asked_sts;

static inline void
setup(void)
{
	mem = talloc_new(NULL);
	conf = (struct conf){
		.hostname = "gw.example.net",
		.smtp_port = 25,
		.smtp_hosts = 20,
		.smtp_addresses = 5,
		.smtp_allow_private = true,
		.sts_retry_ms = 300000,
		.sts_unknown = STS_UNKNOWN_DEFER,
		.dane_digest = { { 2, 1 }, 2 },
		.dane_and_sts = DANE_FIRST,
	};
	sts = (struct sts_fact){ .state = STS_ST_ABSENT,
		.id = "",
		.ttl_s = 3600,
		.why = "no TXT record" };
	script_count = asked_count = asked_sts = 0;
	seed = 1;
	backwards = false;
	mclass = CLASS_NORMAL;
	marks = "";
	sts_name = N;
}

static inline void
teardown(void)
{
	talloc_free(mem);
}

static inline const char *
copy(struct span a)
{
	return span_dup(mem, span_trim(a));
}

static inline void
add_address(struct dns_answer *a, struct span text)
{
	struct netaddr addr;

	ck_assert_int_eq(netaddr_parse(text, &addr), ST_OK);
	a->addr = need(talloc_realloc(mem, a->addr, struct netaddr,
	    (unsigned)a->count + 1));
	a->addr[a->count++] = addr;
}

static inline void
add_mx(struct dns_answer *a, struct span text)
{
	struct span number, host;
	uint32_t preference;

	ck_assert(span_cut(text, ' ', &number, &host));
	ck_assert_int_eq(span_u32(number, UINT16_MAX, &preference), ST_OK);
	a->mx = need(talloc_realloc(mem, a->mx, struct dns_mx,
	    (unsigned)a->count + 1));
	a->mx[a->count++] = (struct dns_mx){ (uint16_t)preference,
		span_eq(host, ".") ? "" : copy(host) };
}

/* "3 1 1 aa": that byte, as often as the digest is long. */
static inline void
add_tlsa(struct dns_answer *a, struct span text)
{
	static const size_t bytes[] = { 40, 32, 64 };
	unsigned matching = (unsigned)(text.p[4] - '0');
	size_t n = matching < 3 ? bytes[matching] : 32;
	uint8_t *p = need(talloc_size(mem, 3 + n)), fill;

	ck_assert_int_eq(hex_decode(span_sub(text, 6, 8), &fill, 1), ST_OK);
	p[0] = (uint8_t)(text.p[0] - '0');
	p[1] = (uint8_t)(text.p[2] - '0');
	p[2] = (uint8_t)matching;
	memset(p + 3, fill, n);
	a->data = need(talloc_realloc(mem, a->data, struct span,
	    (unsigned)a->count + 1));
	a->data[a->count++] = span_of(p, 3 + n);
}

static inline void
add_record(struct dns_answer *a, struct span text)
{
	switch (a->type) {
	case DNS_MX:
		add_mx(a, text);
		return;
	case DNS_A:
	case DNS_AAAA:
		add_address(a, text);
		return;
	case DNS_TLSA:
		add_tlsa(a, text);
		return;
	case DNS_CNAME:
		a->count++;
		return;
	case DNS_TXT:
		break;
	}
	ck_abort();
}

/*
 * One answer: "nodata", "nxdomain", "fail", or records with commas between
 * them; before either "=alias.name " for where CNAMEs led.
 */
static inline struct dns_answer *
say(enum dns_type type, const char *name, enum dns_security security,
    const char *text)
{
	struct dns_answer *a = &script[script_count++];
	struct span rest = span_str(text), one = SPAN_NONE;

	ck_assert_uint_lt(script_count, MAX_SCRIPT);
	*a = (struct dns_answer){ .name = name,
		.type = type,
		.security = security,
		.outcome = DNS_DATA,
		.ttl_s = 3600,
		.final_name = name,
		.why = "" };
	if (span_starts(rest, "=")) {
		ck_assert(span_cut(rest, ' ', &one, &rest));
		a->final_name = copy(span_sub(one, 1, one.n));
		a->aliased = true;
	}
	if (span_eq(rest, "nodata")) {
		a->outcome = DNS_NODATA;
	} else if (span_eq(rest, "nxdomain")) {
		a->outcome = DNS_NXDOMAIN;
	} else if (span_eq(rest, "fail")) {
		a->outcome = DNS_FAILED;
		a->ttl_s = 0;
		a->why = security == DNS_BOGUS ? "signature expired" :
						 "SERVFAIL";
	} else {
		while (span_cut(rest, ',', &one, &rest))
			add_record(a, span_trim(one));
		add_record(a, span_trim(rest));
	}
	return a;
}

#define SECURE   DNS_SECURE
#define INSECURE DNS_INSECURE
#define BOGUS    DNS_BOGUS
#define ERROR    DNS_ERROR

/* What is not in the script does not exist, and that is not signed. */
static inline const struct dns_answer *
look_up(const struct plan_need *need_)
{
	static struct dns_answer none;

	for (size_t i = script_count; i-- > 0;)
		if (script[i].type == need_->type &&
		    strcmp(script[i].name, need_->name) == 0)
			return &script[i];
	none = (struct dns_answer){ .name = need_->name,
		.type = need_->type,
		.security = INSECURE,
		.outcome = DNS_NODATA,
		.ttl_s = 3600,
		.final_name = need_->name,
		.why = "" };
	return &none;
}

static inline void
supply(struct planner *p, const struct plan_need *want)
{
	switch (want->kind) {
	case NEED_DNS:
		ck_assert_uint_lt(asked_count, MAX_ASKED);
		asked[asked_count++] = need(talloc_asprintf(mem, "%s %s",
		    dns_type_name(want->type), want->name));
		planner_supply_dns(p, want->id, look_up(want));
		return;
	case NEED_STS:
		asked_sts++;
		ck_assert_str_eq(want->name, sts_name);
		planner_supply_sts(p, want->id, &sts);
		return;
	}
}

static inline const struct plan *
drive(struct planner *p)
{
	const struct plan *plan;

	while ((plan = planner_plan(p)) == NULL) {
		size_t count = planner_need_count(p);
		struct plan_need want;

		ck_assert_uint_gt(count, 0);
		want = planner_need(p, backwards ? count - 1 : 0);
		supply(p, &want);
	}
	ck_assert_uint_eq(planner_need_count(p), 0);
	ck_assert_ptr_eq(planner_plan(p), plan);
	ck_assert((plan->verdict == PLAN_DELIVER) == (plan->host_count > 0));
	ck_assert(plan->valid_until.ms > MADE);
	return plan;
}

static inline const struct plan *
plan_for(const char *domain)
{
	return drive(planner_new(mem, &conf,
	    &(const struct dest_key){ domain, mclass, marks },
	    (struct wall){ MADE }, seed));
}

static inline struct conf_hop
hop_of(const char *text)
{
	struct conf_hop hop;
	struct diag why = { 0 };

	ck_assert_msg(hop_parse(mem, span_str(text), 25, &hop, &why) == ST_OK,
	    "%s", why.text);
	return hop;
}

static inline const struct plan *
plan_for_hop(const char *text)
{
	struct conf_hop hop = hop_of(text);

	return drive(planner_new_hop(mem, &conf, &hop, (struct wall){ MADE },
	    seed));
}

static inline const struct plan *
plan_n(void)
{
	return plan_for(N);
}

static inline bool
was_asked(const char *what)
{
	for (size_t i = 0; i < asked_count; i++)
		if (strcmp(asked[i], what) == 0)
			return true;
	return false;
}

/* Was any question of that type asked? */
static inline bool
was_type_asked(const char *type)
{
	for (size_t i = 0; i < asked_count; i++)
		if (span_starts(span_str(asked[i]), type))
			return true;
	return false;
}

/* ---- scripts that many tests begin with ---- */

#define TLSA1 "_25._tcp." MX1
#define TLSA2 "_25._tcp." MX2

/* A signed domain with one MX host and its addresses. */
static inline void
signed_host(void)
{
	say(DNS_MX, N, SECURE, "10 " MX1);
	say(DNS_A, MX1, SECURE, "192.0.2.1");
	say(DNS_AAAA, MX1, SECURE, "2001:db8::1");
}

/* And a second one, worse. */
static inline void
signed_hosts(void)
{
	signed_host();
	say(DNS_MX, N, SECURE, "10 " MX1 ", 20 " MX2);
	say(DNS_A, MX2, SECURE, "192.0.2.2");
	say(DNS_AAAA, MX2, SECURE, "nodata");
}

/* MX1 is an alias of another's name. */
#define X     "x.example.net"
#define TLSAX "_25._tcp." X

/* H is an alias of X, all of it secure. */
static inline void
alias_host(void)
{
	say(DNS_MX, N, SECURE, "10 " MX1);
	say(DNS_A, MX1, SECURE, "=" X " 192.0.2.1");
	say(DNS_AAAA, MX1, SECURE, "=" X " nodata");
}

static inline void
unsigned_host(void)
{
	say(DNS_MX, N, INSECURE, "10 " MX1);
	say(DNS_A, MX1, INSECURE, "192.0.2.1");
}

static inline void
enforce(const char *mx)
{
	sts = (struct sts_fact){ .state = STS_ST_ENFORCE,
		.id = "20261124",
		.fetched = { MADE },
		.expires = { MADE + 86400000 },
		.ttl_s = 3600,
		.why = "",
		.policy = { .mode = STS_ENFORCE,
		    .max_age_s = 86400,
		    .mx_count = 1,
		    .mx = { mx } } };
}

static inline void
check_host(const struct plan_host *h, const char *name, enum dane_state dane)
{
	ck_assert_str_eq(h->name, name);
	ck_assert_msg(h->dane == dane, "%s: %s", name,
	    dane_state_name(h->dane));
	ck_assert(h->in.dane == dane);
	ck_assert(h->why != NULL && *h->why != '\0');
}

static inline void
check_level(const struct plan_host *h, enum level level, enum method method)
{
	ck_assert_msg(!h->skip, "skipped: %s", h->why);
	ck_assert_msg(h->required == level, "%s: %s", level_name(h->required),
	    h->why);
	ck_assert_msg(h->method == method, "%s", method_name(h->method));
}

static inline void
check_refs(const struct plan_host *h, const char *a, const char *b,
    const char *c)
{
	const char *const want[] = { a, b, c };
	size_t n = 0;

	while (n < COUNT_OF(want) && want[n] != NULL)
		n++;
	ck_assert_uint_eq(h->ref_count, n);
	for (size_t i = 0; i < n; i++)
		ck_assert_str_eq(h->ref[i], want[i]);
}

static inline void
check_end(const struct plan *plan, enum plan_verdict verdict,
    const char *status)
{
	ck_assert_int_eq(plan->verdict, verdict);
	ck_assert_str_eq(plan->status, status);
	ck_assert(*plan->why != '\0');
	ck_assert_uint_eq(plan->host_count, 0);
}

/* ---- a rule, an exception ---- */

static const char *domains[] = { N };
static const char *rule_names[] = { "relay.example.org", "other.example.org" };
static struct conf_rule rule = { .name = "r",
	.domains = domains,
	.domain_count = 1,
	.require = OVERRIDE_REQUIRE_VERIFIED };

static inline void
with_rule(enum override_kind require, size_t name_count)
{
	rule.require = require;
	rule.names = rule_names;
	rule.name_count = name_count;
	conf.rule = &rule;
	conf.rule_count = 1;
}

static const char *patterns[] = { "mx2.example.org" };
static struct conf_exception exception;

static inline void
with_exception(bool for_mx2_only)
{
	exception = (struct conf_exception){ .name = "legacy",
		.domains = domains,
		.domain_count = 1,
		.mx = patterns,
		.mx_count = for_mx2_only ? 1 : 0,
		.allow = LEVEL_PLAIN,
		.reason = "no STARTTLS",
		.approver = "sec@example.net",
		.ticket = "",
		.expires = { MADE + 60000 } };
	conf.exception = &exception;
	conf.exception_count = 1;
}

/* ---- the run ---- */

/* Run them all; the status for main(). */
static inline int
run_tests(const char *name, const TTest *const *tests, size_t count)
{
	Suite *s = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
