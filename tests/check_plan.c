/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The planner, driven to its end over a scripted map of DNS: each rule of
 * routing and of finding TLSA records by itself.
 */
#include "policy/plan.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- a scripted DNS ---- */

#define MAX_SCRIPT 256u
#define MAX_ASKED  600u

static struct dns_answer script[MAX_SCRIPT];
static size_t script_count;
static const char *asked[MAX_ASKED];
static size_t asked_count, asked_sts;

static void
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
		.dane_and_sts = DANE_FIRST,
	};
	sts = (struct sts_fact){ .state = STS_ST_ABSENT,
		.id = "",
		.ttl_s = 3600,
		.why = "no TXT record" };
	script_count = asked_count = asked_sts = 0;
	seed = 1;
	backwards = false;
}

static void
teardown(void)
{
	talloc_free(mem);
}

static const char *
copy(struct span a)
{
	return span_dup(mem, span_trim(a));
}

static void
add_address(struct dns_answer *a, struct span text)
{
	struct netaddr addr;

	ck_assert_int_eq(netaddr_parse(text, &addr), ST_OK);
	a->addr = need(talloc_realloc(mem, a->addr, struct netaddr,
	    (unsigned)a->count + 1));
	a->addr[a->count++] = addr;
}

static void
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
static void
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

static void
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
static struct dns_answer *
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
static const struct dns_answer *
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

static void
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
		ck_assert_str_eq(want->name, N);
		planner_supply_sts(p, want->id, &sts);
		return;
	}
}

static const struct plan *
plan_for(const char *domain)
{
	struct planner *p = planner_new(mem, &conf, domain, CLASS_NORMAL,
	    (struct wall){ MADE }, seed);
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

static const struct plan *
plan_n(void)
{
	return plan_for(N);
}

static bool
was_asked(const char *what)
{
	for (size_t i = 0; i < asked_count; i++)
		if (strcmp(asked[i], what) == 0)
			return true;
	return false;
}

/* Was any question of that type asked? */
static bool
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
static void
signed_host(void)
{
	say(DNS_MX, N, SECURE, "10 " MX1);
	say(DNS_A, MX1, SECURE, "192.0.2.1");
	say(DNS_AAAA, MX1, SECURE, "2001:db8::1");
}

/* And a second one, worse. */
static void
signed_hosts(void)
{
	signed_host();
	say(DNS_MX, N, SECURE, "10 " MX1 ", 20 " MX2);
	say(DNS_A, MX2, SECURE, "192.0.2.2");
	say(DNS_AAAA, MX2, SECURE, "nodata");
}

static void
unsigned_host(void)
{
	say(DNS_MX, N, INSECURE, "10 " MX1);
	say(DNS_A, MX1, INSECURE, "192.0.2.1");
}

static void
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

static void
check_host(const struct plan_host *h, const char *name, enum dane_state dane)
{
	ck_assert_str_eq(h->name, name);
	ck_assert_msg(h->dane == dane, "%s: %s", name,
	    dane_state_name(h->dane));
	ck_assert(h->in.dane == dane);
	ck_assert(h->why != NULL && *h->why != '\0');
}

static void
check_level(const struct plan_host *h, enum level level, enum method method)
{
	ck_assert_msg(!h->skip, "skipped: %s", h->why);
	ck_assert_msg(h->required == level, "%s: %s", level_name(h->required),
	    h->why);
	ck_assert_msg(h->method == method, "%s", method_name(h->method));
}

static void
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

static void
check_end(const struct plan *plan, enum plan_verdict verdict,
    const char *status)
{
	ck_assert_int_eq(plan->verdict, verdict);
	ck_assert_str_eq(plan->status, status);
	ck_assert(*plan->why != '\0');
	ck_assert_uint_eq(plan->host_count, 0);
}

/* ---- routing: DNS-16 to DNS-24, SMTP-27 to SMTP-32 ---- */

START_TEST(dns_16_mx_data_gives_its_hosts)
{
	const struct plan *plan;

	signed_hosts();
	plan = plan_n();
	ck_assert_int_eq(plan->verdict, PLAN_DELIVER);
	ck_assert(plan->mx_secure && !plan->implicit_mx);
	ck_assert_uint_eq(plan->host_count, 2);
	check_host(&plan->host[0], MX1, DANE_D3_NONE);
	check_host(&plan->host[1], MX2, DANE_D3_NONE);
	ck_assert_uint_eq(plan->host[0].preference, 10);
	ck_assert_uint_eq(plan->host[1].preference, 20);
	ck_assert_uint_eq(plan->host[0].addr[0].port, 25);
	check_level(&plan->host[0], LEVEL_MAY, METHOD_NONE);
	ck_assert_str_eq(plan->host[0].row, "D3/absent");
	ck_assert_int_eq(plan->made.ms, MADE);
	ck_assert_uint_eq(asked_sts, 1);
}
END_TEST

START_TEST(dns_16_no_mx_makes_the_domain_its_own_host)
{
	const struct plan *plan;

	say(DNS_MX, N, INSECURE, "nodata");
	say(DNS_A, N, INSECURE, "192.0.2.1");
	plan = plan_n();
	ck_assert(plan->implicit_mx && !plan->mx_secure);
	ck_assert_uint_eq(plan->host_count, 1);
	check_host(&plan->host[0], N, DANE_D4_INSECURE);
}
END_TEST

START_TEST(dns_16_nxdomain_bounces_secure_or_not)
{
	say(DNS_MX, N, SECURE, "nxdomain");
	check_end(plan_n(), PLAN_BOUNCE, "5.1.2");
	say(DNS_MX, N, INSECURE, "nxdomain");
	check_end(plan_n(), PLAN_BOUNCE, "5.1.2");
	ck_assert(!was_type_asked("A "));
}
END_TEST

/* RFC 7672 2.1.2; the data of a failure are not looked at either. */
START_TEST(dane_03_dns_16_a_failed_mx_lookup_defers_and_asks_nothing_more)
{
	static const enum dns_security fault[] = { BOGUS, ERROR };

	say(DNS_A, N, SECURE, "192.0.2.1");
	for (size_t i = 0; i < COUNT_OF(fault); i++) {
		say(DNS_MX, N, fault[i], "fail");
		check_end(plan_n(), PLAN_DEFER, "4.4.3");
		say(DNS_MX, N, fault[i], "10 " MX1);
		check_end(plan_n(), PLAN_DEFER, "4.4.3");
		say(DNS_MX, N, fault[i], "nxdomain");
		check_end(plan_n(), PLAN_DEFER, "4.4.3");
		say(DNS_MX, N, fault[i], "nodata");
		check_end(plan_n(), PLAN_DEFER, "4.4.3");
	}
	ck_assert(!was_type_asked("A ") && !was_type_asked("AAAA "));
}
END_TEST

START_TEST(dane_03_a_failed_alias_before_the_mx_defers)
{
	say(DNS_MX, N, ERROR, "=m.example.net fail");
	check_end(plan_n(), PLAN_DEFER, "4.4.3");
}
END_TEST

START_TEST(dns_16_no_host_with_an_address_bounces)
{
	say(DNS_MX, N, INSECURE, "10 " MX1 ", 20 " MX2);
	say(DNS_A, MX1, INSECURE, "nxdomain");
	say(DNS_AAAA, MX1, INSECURE, "nxdomain");
	check_end(plan_n(), PLAN_BOUNCE, "5.4.4");
}
END_TEST

START_TEST(dns_16_a_host_without_address_leaves_the_next)
{
	const struct plan *plan;

	signed_hosts();
	say(DNS_A, MX1, SECURE, "nodata");
	say(DNS_AAAA, MX1, SECURE, "nodata");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	check_host(&plan->host[0], MX2, DANE_D3_NONE);
}
END_TEST

START_TEST(dns_16_an_implicit_mx_without_address_bounces)
{
	say(DNS_MX, N, INSECURE, "nodata");
	check_end(plan_n(), PLAN_BOUNCE, "5.4.4");
	say(DNS_A, N, INSECURE, "nxdomain");
	say(DNS_AAAA, N, INSECURE, "nxdomain");
	check_end(plan_n(), PLAN_BOUNCE, "5.1.2");
}
END_TEST

START_TEST(dns_16_an_implicit_mx_with_failing_addresses_waits)
{
	const struct plan *plan;

	say(DNS_MX, N, INSECURE, "nodata");
	say(DNS_A, N, ERROR, "fail");
	say(DNS_AAAA, N, INSECURE, "nxdomain");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	ck_assert(plan->host[0].skip);
	check_host(&plan->host[0], N, DANE_D5_ERROR);
}
END_TEST

START_TEST(dns_17_unusable_mx_records_never_lead_to_the_domains_address)
{
	say(DNS_MX, N, SECURE, "10 " MX1);
	say(DNS_A, N, SECURE, "192.0.2.99");
	check_end(plan_n(), PLAN_BOUNCE, "5.4.4");
	say(DNS_MX, N, SECURE, "10 192.0.2.99");
	check_end(plan_n(), PLAN_BOUNCE, "5.4.4");
	ck_assert(!was_asked("A " N));
}
END_TEST

START_TEST(dns_20_an_alias_at_the_domain_is_followed)
{
	const struct plan *plan;

	say(DNS_MX, N, SECURE, "=m.example.net 10 mx.example.net");
	say(DNS_A, "mx.example.net", SECURE, "192.0.2.1");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	check_host(&plan->host[0], "mx.example.net", DANE_D3_NONE);
	ck_assert_str_eq(plan->domain, N);
}
END_TEST

/* The policy domain is the recipient's, before any alias (STS-02). */
START_TEST(sts_02_the_policy_is_asked_for_the_domain_before_its_alias)
{
	say(DNS_MX, N, SECURE, "=m.example.net 10 mx.example.net");
	say(DNS_A, "mx.example.net", SECURE, "192.0.2.1");
	plan_n(); /* supply() looks at the name */
	ck_assert_uint_eq(asked_sts, 1);
}
END_TEST

START_TEST(dns_22_smtp_32_null_mx_bounces_at_once)
{
	say(DNS_MX, N, INSECURE, "0 .");
	say(DNS_A, N, INSECURE, "192.0.2.1");
	check_end(plan_n(), PLAN_BOUNCE, "5.1.10");
	ck_assert(!was_type_asked("A "));
}
END_TEST

START_TEST(dns_22_null_mx_beside_others_is_ignored)
{
	const struct plan *plan;

	signed_host();
	say(DNS_MX, N, SECURE, "0 ., 10 " MX1);
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	check_host(&plan->host[0], MX1, DANE_D3_NONE);
}
END_TEST

START_TEST(dns_23_dane_12_mx_targets_that_are_no_names_are_left_out)
{
	const struct plan *plan;

	signed_host();
	say(DNS_MX, N, SECURE,
	    "1 192.0.2.7, 2 localhost, 3 a.localhost, "
	    "10 " MX1);
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	check_host(&plan->host[0], MX1, DANE_D3_NONE);
	ck_assert(!was_asked("A 192.0.2.7") && !was_asked("A localhost"));
	ck_assert(!was_asked("TLSA _25._tcp.192.0.2.7"));
}
END_TEST

START_TEST(dns_23_loopback_alone_is_a_loop)
{
	say(DNS_MX, N, INSECURE, "10 " MX1);
	say(DNS_A, MX1, INSECURE, "127.0.0.1");
	say(DNS_AAAA, MX1, INSECURE, "::1, ::ffff:127.0.0.9");
	check_end(plan_n(), PLAN_BOUNCE, "5.4.6");
	say(DNS_MX, N, INSECURE, "10 localhost");
	check_end(plan_n(), PLAN_BOUNCE, "5.4.6");
}
END_TEST

START_TEST(dns_23_loopback_is_used_when_the_operator_says_so)
{
	const struct plan *plan;

	conf.smtp_allow_loopback = true;
	say(DNS_MX, N, INSECURE, "10 " MX1);
	say(DNS_A, MX1, INSECURE, "127.0.0.1");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	ck_assert_uint_eq(plan->host[0].addr_count, 1);
}
END_TEST

START_TEST(dns_23_private_addresses_follow_the_knob)
{
	say(DNS_MX, N, INSECURE, "10 " MX1);
	say(DNS_A, MX1, INSECURE, "10.0.0.1");
	ck_assert_uint_eq(plan_n()->host_count, 1);
	conf.smtp_allow_private = false;
	check_end(plan_n(), PLAN_BOUNCE, "5.4.4");
	ck_assert_ptr_nonnull(strstr(plan_n()->why, "smtp.allow-private"));
}
END_TEST

START_TEST(dns_23_unusable_addresses_are_never_dialled)
{
	const struct plan *plan;

	conf.smtp_allow_loopback = true;
	say(DNS_MX, N, INSECURE, "10 " MX1);
	say(DNS_A, MX1, INSECURE, "0.0.0.0, 224.0.0.1, 255.255.255.255");
	say(DNS_AAAA, MX1, INSECURE, "::, ff02::1");
	check_end(plan_n(), PLAN_BOUNCE, "5.4.4");
	ck_assert_ptr_nonnull(strstr(plan_n()->why, "may be used"));
	say(DNS_A, MX1, INSECURE, "0.0.0.0, 192.0.2.1");
	plan = plan_n();
	ck_assert_uint_eq(plan->host[0].addr_count, 1);
}
END_TEST

START_TEST(dns_23_a_host_at_loopback_leaves_the_next)
{
	const struct plan *plan;

	signed_hosts();
	say(DNS_A, MX1, SECURE, "127.0.0.1");
	say(DNS_AAAA, MX1, SECURE, "nodata");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	check_host(&plan->host[0], MX2, DANE_D3_NONE);
}
END_TEST

/* Nothing usable from one family and an error from the other: not known. */
START_TEST(dns_23_dane_07_filtered_addresses_and_an_error_are_an_error)
{
	const struct plan *plan;

	say(DNS_MX, N, INSECURE, "10 " MX1);
	say(DNS_A, MX1, INSECURE, "127.0.0.1");
	say(DNS_AAAA, MX1, ERROR, "fail");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	ck_assert(plan->host[0].skip);
	check_host(&plan->host[0], MX1, DANE_D5_ERROR);
}
END_TEST

START_TEST(smtp_28_hosts_are_sorted_and_a_repeated_one_counts_once)
{
	const struct plan *plan;

	signed_hosts();
	say(DNS_A, "a.example", SECURE, "192.0.2.3");
	say(DNS_MX, N, SECURE,
	    "30 a.example, 20 " MX2 ", 10 " MX1 ", 5 a.example, 65535 " MX1);
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 3);
	ck_assert_str_eq(plan->host[0].name, "a.example");
	ck_assert_uint_eq(plan->host[0].preference, 5);
	ck_assert_str_eq(plan->host[1].name, MX1);
	ck_assert_str_eq(plan->host[2].name, MX2);
}
END_TEST

/* Each of three equal hosts leads about as often; the worse one never. */
START_TEST(smtp_28_equal_hosts_are_shuffled_by_the_seed)
{
	static const char *const names[] = { "a.example", "b.example",
		"c.example" };
	unsigned led[3] = { 0 };

	say(DNS_MX, N, INSECURE,
	    "10 a.example, 10 b.example, 10 c.example, "
	    "20 d.example");
	for (size_t i = 0; i < COUNT_OF(names); i++)
		say(DNS_A, names[i], INSECURE, "192.0.2.1");
	say(DNS_A, "d.example", INSECURE, "192.0.2.1");
	for (seed = 0; seed < 900; seed++) {
		const struct plan *plan = plan_n();

		asked_count = 0;
		ck_assert_str_eq(plan->host[3].name, "d.example");
		for (size_t i = 0; i < COUNT_OF(names); i++)
			led[i] += strcmp(plan->host[0].name, names[i]) == 0;
		talloc_free(talloc_parent(plan));
	}
	for (size_t i = 0; i < COUNT_OF(led); i++) {
		ck_assert_uint_gt(led[i], 255);
		ck_assert_uint_lt(led[i], 345);
	}
}
END_TEST

START_TEST(smtp_29_the_list_is_cut_at_this_gateway)
{
	const struct plan *plan;

	signed_host();
	say(DNS_MX, N, SECURE,
	    "10 " MX1 ", 20 " MX2 ", 20 GW.example.net, "
	    "30 a.example");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	check_host(&plan->host[0], MX1, DANE_D3_NONE);
	ck_assert(!was_asked("A " MX2) && !was_asked("A a.example"));
}
END_TEST

START_TEST(smtp_29_this_gateway_as_best_host_bounces)
{
	say(DNS_MX, N, SECURE, "10 gw.example.net, 20 " MX2);
	check_end(plan_n(), PLAN_BOUNCE, "5.4.6");
	conf.hostname = N;
	say(DNS_MX, N, SECURE, "nodata");
	check_end(plan_n(), PLAN_BOUNCE, "5.4.6");
	ck_assert(!was_type_asked("A "));
}
END_TEST

/* The cut comes before the policy is looked at (RFC 8461 8.4). */
START_TEST(sts_36_a_host_outside_the_policy_still_counts_for_the_cut)
{
	const struct plan *plan;

	signed_host();
	enforce("a.example");
	say(DNS_MX, N, SECURE,
	    "10 " MX1 ", 20 gw.example.net, "
	    "30 a.example");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	ck_assert(plan->host[0].skip);
	ck_assert_str_eq(plan->host[0].row, "D3/enforce-other-mx");
	ck_assert(!was_asked("A a.example"));
}
END_TEST

/* ---- addresses ---- */

START_TEST(smtp_31_both_families_are_within_the_cap)
{
	say(DNS_MX, N, INSECURE, "10 " MX1);
	say(DNS_A, MX1, INSECURE, "192.0.2.1");
	say(DNS_AAAA, MX1, INSECURE,
	    "2001:db8::1, 2001:db8::2, 2001:db8::3, "
	    "2001:db8::4, 2001:db8::5, 2001:db8::6");
	for (conf.smtp_addresses = 2; conf.smtp_addresses < 10;
	     conf.smtp_addresses++)
		for (seed = 0; seed < 20; seed++) {
			const struct plan_host *h = &plan_n()->host[0];
			size_t four = 0;

			for (size_t i = 0; i < h->addr_count; i++)
				four += h->addr[i].family == NETADDR_IP4;
			ck_assert_uint_eq(four, 1);
			ck_assert(h->addr[0].family == NETADDR_IP4 ||
				  h->addr[1].family == NETADDR_IP4);
			ck_assert_uint_eq(h->addr_count,
			    conf.smtp_addresses < 7 ? conf.smtp_addresses : 7);
			asked_count = 0;
		}
}
END_TEST

START_TEST(smtp_31_families_take_turns_in_random_order)
{
	bool six_first[2] = { false, false };

	signed_host();
	say(DNS_A, MX1, SECURE, "192.0.2.1, 192.0.2.2");
	say(DNS_AAAA, MX1, SECURE, "2001:db8::1, 2001:db8::2");
	for (seed = 0; seed < 40; seed++) {
		const struct plan_host *h = &plan_n()->host[0];

		ck_assert_uint_eq(h->addr_count, 4);
		for (size_t i = 1; i < 4; i++)
			ck_assert(h->addr[i].family != h->addr[i - 1].family);
		six_first[h->addr[0].family == NETADDR_IP6] = true;
		asked_count = 0;
	}
	ck_assert(six_first[0] && six_first[1]);
}
END_TEST

START_TEST(smtp_30_each_address_is_there_once_in_any_order)
{
	unsigned first[4] = { 0 };

	say(DNS_MX, N, INSECURE, "10 " MX1);
	say(DNS_A, MX1, INSECURE, "192.0.2.0, 192.0.2.1, 192.0.2.2, 192.0.2.3");
	for (seed = 0; seed < 400; seed++) {
		const struct plan_host *h = &plan_n()->host[0];
		unsigned seen = 0;

		for (size_t i = 0; i < h->addr_count; i++)
			seen |= 1u << h->addr[i].ip[3];
		ck_assert_uint_eq(h->addr_count, 4);
		ck_assert_uint_eq(seen, 0xf);
		first[h->addr[0].ip[3]]++;
		asked_count = 0;
	}
	for (size_t i = 0; i < COUNT_OF(first); i++)
		ck_assert_uint_gt(first[i], 50);
}
END_TEST

START_TEST(smtp_30_an_address_given_twice_is_tried_once)
{
	const struct plan *plan;

	signed_host();
	say(DNS_A, MX1, SECURE, "192.0.2.1, 192.0.2.1");
	say(DNS_AAAA, MX1, SECURE, "::ffff:192.0.2.1");
	plan = plan_n();
	ck_assert_uint_eq(plan->host[0].addr_count, 1);
}
END_TEST

START_TEST(dane_04_a_failed_address_lookup_removes_that_host_only)
{
	static const enum dns_security fault[] = { BOGUS, ERROR };

	for (size_t i = 0; i < COUNT_OF(fault); i++) {
		const struct plan *plan;

		signed_hosts();
		say(DNS_A, MX1, fault[i], "fail");
		say(DNS_AAAA, MX1, fault[i], "fail");
		plan = plan_n();
		ck_assert_uint_eq(plan->host_count, 2);
		check_host(&plan->host[0], MX1, DANE_D5_ERROR);
		ck_assert(plan->host[0].skip);
		ck_assert(!plan->host[0].in.error_is_tlsa_only);
		ck_assert_uint_eq(plan->host[0].addr_count, 0);
		check_host(&plan->host[1], MX2, DANE_D3_NONE);
		check_level(&plan->host[1], LEVEL_MAY, METHOD_NONE);
	}
}
END_TEST

START_TEST(dane_07_a_secure_family_goes_on_when_the_other_fails)
{
	const struct plan *plan;

	signed_host();
	say(DNS_AAAA, MX1, ERROR, "fail");
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	plan = plan_n();
	check_host(&plan->host[0], MX1, DANE_D1_USABLE);
	check_level(&plan->host[0], LEVEL_VERIFY, METHOD_DANE);
	ck_assert_uint_eq(plan->host[0].addr_count, 1);
	ck_assert_int_eq(plan->host[0].addr[0].family, NETADDR_IP4);
}
END_TEST

START_TEST(dane_07_an_insecure_family_goes_on_without_tlsa)
{
	const struct plan *plan;

	unsigned_host();
	say(DNS_AAAA, MX1, BOGUS, "fail");
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	plan = plan_n();
	check_host(&plan->host[0], MX1, DANE_D4_INSECURE);
	check_level(&plan->host[0], LEVEL_MAY, METHOD_NONE);
	ck_assert(!was_type_asked("TLSA "));
}
END_TEST

START_TEST(dane_07_no_address_and_an_error_is_a_failure_not_absence)
{
	const struct plan *plan;

	signed_host();
	say(DNS_A, MX1, SECURE, "nodata");
	say(DNS_AAAA, MX1, ERROR, "fail");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 1);
	check_host(&plan->host[0], MX1, DANE_D5_ERROR);
	ck_assert(plan->host[0].skip);
}
END_TEST

/* A negative answer that is not signed says nothing of the other family. */
START_TEST(dane_07_the_family_with_addresses_governs)
{
	const struct plan *plan;

	signed_host();
	say(DNS_AAAA, MX1, INSECURE, "nodata");
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	plan = plan_n();
	check_host(&plan->host[0], MX1, DANE_D1_USABLE);
	signed_host();
	say(DNS_AAAA, MX1, INSECURE, "2001:db8::1");
	plan = plan_n();
	check_host(&plan->host[0], MX1, DANE_D1_USABLE);
	signed_host();
	say(DNS_A, MX1, INSECURE, "192.0.2.1");
	plan = plan_n();
	check_host(&plan->host[0], MX1, DANE_D1_USABLE);
}
END_TEST

/* Data that come with a failed validation are not used. */
START_TEST(dns_01_data_of_a_bogus_answer_are_not_looked_at)
{
	const struct plan *plan;

	signed_host();
	say(DNS_A, MX1, BOGUS, "192.0.2.66");
	say(DNS_AAAA, MX1, ERROR, "2001:db8::66");
	plan = plan_n();
	check_host(&plan->host[0], MX1, DANE_D5_ERROR);
	ck_assert_uint_eq(plan->host[0].addr_count, 0);
	signed_host();
	say(DNS_TLSA, TLSA1, BOGUS, "3 1 1 66");
	plan = plan_n();
	check_host(&plan->host[0], MX1, DANE_D5_ERROR);
	ck_assert_uint_eq(plan->host[0].tlsa_count, 0);
}
END_TEST

/* ---- finding TLSA ---- */

START_TEST(dane_05_inv_03_an_insecure_address_has_no_use_for_tlsa)
{
	const struct plan *plan;

	say(DNS_MX, N, SECURE, "10 " MX1);
	say(DNS_A, MX1, INSECURE, "192.0.2.1");
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	plan = plan_n();
	check_host(&plan->host[0], MX1, DANE_D4_INSECURE);
	ck_assert(!was_type_asked("TLSA ") && !was_type_asked("CNAME "));
	ck_assert_str_eq(plan->host[0].tlsa_base, "");
}
END_TEST

START_TEST(dane_05_addresses_are_asked_before_tlsa)
{
	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	plan_n();
	ck_assert_str_eq(asked[0], "MX " N);
	ck_assert_str_eq(asked[asked_count - 1], "TLSA " TLSA1);
	ck_assert_uint_eq(asked_count, 4);
}
END_TEST

START_TEST(dane_06_dane_21_a_failed_tlsa_lookup_skips_the_host)
{
	static const enum dns_security fault[] = { BOGUS, ERROR };

	for (size_t i = 0; i < COUNT_OF(fault); i++) {
		const struct plan_host *h;

		signed_host();
		say(DNS_TLSA, TLSA1, fault[i], "fail");
		h = &plan_n()->host[0];
		check_host(h, MX1, DANE_D5_ERROR);
		ck_assert(h->skip && h->in.error_is_tlsa_only);
		ck_assert_str_eq(h->row, "D5/absent");
		ck_assert_ptr_nonnull(strstr(h->why, "TLSA " TLSA1));
	}
}
END_TEST

START_TEST(dane_06_the_next_host_is_used)
{
	const struct plan *plan;

	signed_hosts();
	say(DNS_TLSA, TLSA1, ERROR, "fail");
	say(DNS_TLSA, TLSA2, SECURE, "3 1 1 aa");
	plan = plan_n();
	ck_assert(plan->host[0].skip);
	check_host(&plan->host[1], MX2, DANE_D1_USABLE);
}
END_TEST

START_TEST(dane_02_proven_absence_is_an_answer)
{
	static const struct {
		enum dns_security security;
		const char *text;
	} t[] = { { SECURE, "nodata" }, { SECURE, "nxdomain" },
		{ INSECURE, "nodata" }, { INSECURE, "nxdomain" } };

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		const struct plan_host *h;

		signed_host();
		say(DNS_TLSA, TLSA1, t[i].security, t[i].text);
		h = &plan_n()->host[0];
		check_host(h, MX1, DANE_D3_NONE);
		check_level(h, LEVEL_MAY, METHOD_NONE);
	}
}
END_TEST

START_TEST(dane_10_security_never_reorders_hosts)
{
	const struct plan *plan;

	signed_hosts();
	say(DNS_TLSA, TLSA2, SECURE, "3 1 1 aa");
	plan = plan_n();
	check_host(&plan->host[0], MX1, DANE_D3_NONE);
	check_host(&plan->host[1], MX2, DANE_D1_USABLE);
}
END_TEST

START_TEST(dane_11_each_host_has_its_own_records)
{
	const struct plan *plan;

	signed_hosts();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	plan = plan_n();
	check_host(&plan->host[0], MX1, DANE_D1_USABLE);
	check_host(&plan->host[1], MX2, DANE_D3_NONE);
	check_level(&plan->host[1], LEVEL_MAY, METHOD_NONE);
	ck_assert_uint_eq(plan->host[1].tlsa_count, 0);
	ck_assert_uint_eq(plan->host[1].ref_count, 0);
}
END_TEST

START_TEST(dane_14_the_owner_has_the_port_that_is_dialled)
{
	const struct plan *plan;

	conf.smtp_port = 2525;
	say(DNS_MX, N, SECURE, "10 xn--bcher-kva.example");
	say(DNS_A, "xn--bcher-kva.example", SECURE, "192.0.2.1");
	say(DNS_TLSA, "_2525._tcp.xn--bcher-kva.example", SECURE, "3 1 1 aa");
	plan = plan_n();
	check_host(&plan->host[0], "xn--bcher-kva.example", DANE_D1_USABLE);
	ck_assert_uint_eq(plan->host[0].addr[0].port, 2525);
}
END_TEST

#define L60 "a23456789b123456789c123456789d123456789e123456789f123456789g"

/* The owner name would be over 253 bytes: no such name can exist. */
START_TEST(dane_14_a_name_too_long_for_an_owner_has_no_tlsa)
{
	static const char host[] = L60 "." L60 "." L60 "." L60 ".example";
	char line[300];
	const struct plan *plan;

	snprintf(line, sizeof(line), "10 %s", host);
	say(DNS_MX, N, SECURE, line);
	say(DNS_A, host, SECURE, "192.0.2.1");
	plan = plan_n();
	check_host(&plan->host[0], host, DANE_D3_NONE);
	ck_assert(!was_type_asked("TLSA "));
	/* One that just fits is asked for: 10 bytes and 243. */
	ck_assert_uint_eq(strlen(host + 8), 243);
	snprintf(line, sizeof(line), "10 %s", host + 8);
	say(DNS_MX, N, SECURE, line);
	say(DNS_A, host + 8, SECURE, "192.0.2.1");
	plan_n();
	ck_assert(was_type_asked("TLSA "));
}
END_TEST

#define X     "x.example.net"
#define TLSAX "_25._tcp." X

/* H is an alias of X, all of it secure. */
static void
alias_host(void)
{
	say(DNS_MX, N, SECURE, "10 " MX1);
	say(DNS_A, MX1, SECURE, "=" X " 192.0.2.1");
	say(DNS_AAAA, MX1, SECURE, "=" X " nodata");
}

START_TEST(dane_15_dns_21_the_expanded_name_is_tried_first)
{
	const struct plan_host *h;

	alias_host();
	say(DNS_TLSA, TLSAX, SECURE, "3 1 1 aa");
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 bb");
	h = &plan_n()->host[0];
	check_host(h, MX1, DANE_D1_USABLE);
	ck_assert_str_eq(h->tlsa_base, X);
	ck_assert_uint_eq(h->tlsa[0].data.p[0], 0xaa);
	ck_assert(!was_asked("TLSA " TLSA1));
	check_refs(h, X, N, NULL);
}
END_TEST

START_TEST(dane_15_dane_18_then_the_hosts_own_name)
{
	static const struct {
		enum dns_security security;
		const char *text;
	} none[] = { { SECURE, "nodata" }, { SECURE, "nxdomain" },
		{ INSECURE, "3 1 1 aa" } };

	for (size_t i = 0; i < COUNT_OF(none); i++) {
		const struct plan_host *h;

		alias_host();
		say(DNS_TLSA, TLSAX, none[i].security, none[i].text);
		say(DNS_TLSA, TLSA1, SECURE, "3 1 1 bb");
		h = &plan_n()->host[0];
		check_host(h, MX1, DANE_D1_USABLE);
		ck_assert_str_eq(h->tlsa_base, MX1);
		ck_assert_uint_eq(h->tlsa[0].data.p[0], 0xbb);
		check_refs(h, MX1, N, NULL);
	}
}
END_TEST

START_TEST(dane_15_at_neither_there_is_none)
{
	alias_host();
	check_host(&plan_n()->host[0], MX1, DANE_D3_NONE);
	ck_assert(was_asked("TLSA " TLSAX) && was_asked("TLSA " TLSA1));
}
END_TEST

/* H -> Y -> X: the answer names X alone, and Y is never asked about. */
START_TEST(dane_16_names_in_the_middle_are_no_base)
{
	alias_host();
	say(DNS_TLSA, "_25._tcp.y.example.net", SECURE, "3 1 1 aa");
	check_host(&plan_n()->host[0], MX1, DANE_D3_NONE);
	ck_assert(!was_asked("TLSA _25._tcp.y.example.net"));
}
END_TEST

/* H is a signed alias into an unsigned zone. */
static void
alias_out(enum dns_security cname, const char *text)
{
	say(DNS_MX, N, SECURE, "10 " MX1);
	say(DNS_A, MX1, INSECURE, "=" X " 192.0.2.1");
	say(DNS_CNAME, MX1, cname, text);
	say(DNS_TLSA, TLSAX, SECURE, "3 1 1 aa");
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 bb");
}

START_TEST(dane_17_a_secure_alias_out_of_dnssec_has_its_own_name_as_base)
{
	const struct plan_host *h;

	alias_out(SECURE, "=" X " x");
	h = &plan_n()->host[0];
	check_host(h, MX1, DANE_D1_USABLE);
	check_level(h, LEVEL_VERIFY, METHOD_DANE);
	ck_assert_str_eq(h->tlsa_base, MX1);
	ck_assert(!h->half_dane);
	ck_assert(was_asked("CNAME " MX1) && !was_asked("TLSA " TLSAX));
}
END_TEST

START_TEST(dane_17_an_insecure_alias_has_no_dane)
{
	const struct plan_host *h;

	alias_out(INSECURE, "=" X " x");
	h = &plan_n()->host[0];
	check_host(h, MX1, DANE_D4_INSECURE);
	check_level(h, LEVEL_MAY, METHOD_NONE);
	ck_assert(!was_type_asked("TLSA "));
}
END_TEST

START_TEST(dane_17_a_failed_alias_lookup_skips_the_host)
{
	const struct plan_host *h;

	alias_out(BOGUS, "fail");
	h = &plan_n()->host[0];
	check_host(h, MX1, DANE_D5_ERROR);
	ck_assert(h->skip && h->in.error_is_tlsa_only);
	ck_assert(!was_type_asked("TLSA "));
}
END_TEST

START_TEST(dane_17_no_record_at_the_alias_is_no_dane)
{
	alias_out(SECURE, "=" X " x");
	say(DNS_TLSA, TLSA1, SECURE, "nodata");
	check_host(&plan_n()->host[0], MX1, DANE_D4_INSECURE);
}
END_TEST

START_TEST(dane_18_an_insecure_tlsa_record_counts_as_none)
{
	const struct plan_host *h;

	signed_host();
	say(DNS_TLSA, TLSA1, INSECURE, "=t.example.com 3 1 1 aa");
	h = &plan_n()->host[0];
	check_host(h, MX1, DANE_D3_NONE);
	ck_assert_uint_eq(h->tlsa_count, 0);
	ck_assert_str_eq(h->tlsa_base, "");
}
END_TEST

START_TEST(dane_19_an_error_at_the_first_base_ends_the_search)
{
	static const enum dns_security fault[] = { BOGUS, ERROR };

	for (size_t i = 0; i < COUNT_OF(fault); i++) {
		const struct plan_host *h;

		alias_host();
		say(DNS_TLSA, TLSAX, fault[i], "fail");
		say(DNS_TLSA, TLSA1, SECURE, "3 1 1 bb");
		h = &plan_n()->host[0];
		check_host(h, MX1, DANE_D5_ERROR);
		ck_assert(h->skip);
		ck_assert(!was_asked("TLSA " TLSA1));
	}
}
END_TEST

START_TEST(dane_20_an_alias_at_the_owner_changes_no_name)
{
	const struct plan_host *h;

	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "=tlsa._dane.example.com 2 0 1 aa");
	h = &plan_n()->host[0];
	check_host(h, MX1, DANE_D1_USABLE);
	ck_assert_str_eq(h->tlsa_base, MX1);
	check_refs(h, MX1, N, NULL);
}
END_TEST

START_TEST(dane_22_a_domain_without_mx_is_a_dane_host)
{
	const struct plan *plan;

	say(DNS_MX, N, SECURE, "nodata");
	say(DNS_A, N, SECURE, "192.0.2.1");
	say(DNS_TLSA, "_25._tcp." N, SECURE, "3 1 1 aa");
	plan = plan_n();
	ck_assert(plan->implicit_mx && plan->mx_secure);
	check_host(&plan->host[0], N, DANE_D1_USABLE);
	ck_assert_str_eq(plan->host[0].tlsa_base, N);
	check_refs(&plan->host[0], N, NULL, NULL);
}
END_TEST

START_TEST(dane_22_dane_40_an_alias_without_mx_expands_first)
{
	const struct plan_host *h;

	say(DNS_MX, N, SECURE, "=" X " nodata");
	say(DNS_A, N, SECURE, "=" X " 192.0.2.1");
	say(DNS_TLSA, TLSAX, SECURE, "2 0 1 aa");
	h = &plan_n()->host[0];
	check_host(h, N, DANE_D1_USABLE);
	ck_assert_str_eq(h->tlsa_base, X);
	check_refs(h, X, N, NULL);
	/* With the domain itself as base, the expanded name is no name. */
	say(DNS_TLSA, TLSAX, SECURE, "nodata");
	say(DNS_TLSA, "_25._tcp." N, SECURE, "2 0 1 aa");
	check_refs(&plan_n()->host[0], N, NULL, NULL);
}
END_TEST

START_TEST(dane_24_dane_28_only_unusable_records_require_tls)
{
	static const char *const t[] = { "1 1 1 aa", "0 0 1 aa", "3 9 1 aa",
		"3 1 9 aa", "1 1 1 aa, 3 7 1 bb" };

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		const struct plan_host *h;

		signed_host();
		say(DNS_TLSA, TLSA1, SECURE, t[i]);
		h = &plan_n()->host[0];
		check_host(h, MX1, DANE_D2_UNUSABLE);
		check_level(h, LEVEL_ENCRYPT, METHOD_NONE);
		ck_assert_uint_eq(h->tlsa_count, 0);
		ck_assert_str_eq(h->tlsa_base, MX1);
		ck_assert_uint_eq(h->ref_count, 0);
		ck_assert_ptr_nonnull(strstr(h->why, "found at " TLSA1));
	}
}
END_TEST

START_TEST(dane_26_dane_29_only_what_counts_is_in_the_plan)
{
	const struct plan_host *h;

	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "1 1 1 11, 3 1 1 22, 3 1 2 33, 3 0 1 44");
	h = &plan_n()->host[0];
	check_host(h, MX1, DANE_D1_USABLE);
	ck_assert_uint_eq(h->tlsa_count, 2);
	for (size_t i = 0; i < h->tlsa_count; i++) {
		ck_assert_int_eq(h->tlsa[i].fitness, TLSA_USABLE);
		ck_assert(h->tlsa[i].data.p[0] == 0x33 ||
			  h->tlsa[i].data.p[0] == 0x44);
	}
}
END_TEST

START_TEST(dns_32_too_many_tlsa_records_are_an_error)
{
	struct dns_answer *a;

	signed_host();
	a = say(DNS_TLSA, TLSA1, SECURE, "3 1 1 00");
	for (unsigned i = 1; i < TLSA_MAX_RECORDS; i++)
		add_tlsa(a, SPAN_LIT("3 1 1 aa"));
	check_host(&plan_n()->host[0], MX1, DANE_D1_USABLE);
	add_tlsa(a, SPAN_LIT("3 1 1 aa"));
	check_host(&plan_n()->host[0], MX1, DANE_D5_ERROR);
}
END_TEST

/* ---- half DANE, reference names ---- */

START_TEST(dane_08_dane_09_an_insecure_mx_is_half_dane)
{
	const struct plan *plan;
	const struct plan_host *h;

	signed_host();
	say(DNS_MX, N, INSECURE, "10 " MX1);
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	plan = plan_n();
	h = &plan->host[0];
	ck_assert(!plan->mx_secure && !h->in.mx_secure);
	check_host(h, MX1, DANE_D1_USABLE);
	ck_assert(h->half_dane);
	check_level(h, LEVEL_VERIFY, METHOD_DANE);
	check_refs(h, MX1, NULL, NULL);
	ck_assert_ptr_nonnull(strstr(h->why, "not signed"));
}
END_TEST

START_TEST(dane_08_without_tlsa_an_insecure_mx_is_d4)
{
	signed_host();
	say(DNS_MX, N, INSECURE, "10 " MX1);
	check_host(&plan_n()->host[0], MX1, DANE_D4_INSECURE);
	say(DNS_TLSA, TLSA1, SECURE, "1 1 1 aa");
	check_host(&plan_n()->host[0], MX1, DANE_D2_UNUSABLE);
	ck_assert(plan_n()->host[0].half_dane);
}
END_TEST

/* The name in the MX record is kept, and with it what is matched. */
START_TEST(dane_09_dane_40_half_dane_at_an_alias_keeps_the_mx_name)
{
	const struct plan_host *h;

	alias_host();
	say(DNS_MX, N, INSECURE, "10 " MX1);
	say(DNS_TLSA, TLSAX, SECURE, "2 0 1 aa");
	h = &plan_n()->host[0];
	check_host(h, MX1, DANE_D1_USABLE);
	ck_assert(h->half_dane);
	ck_assert_str_eq(h->tlsa_base, X);
	check_refs(h, MX1, NULL, NULL);
}
END_TEST

START_TEST(dane_40_a_secure_mx_adds_the_domain_and_its_expansion)
{
	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "2 0 1 aa");
	check_refs(&plan_n()->host[0], MX1, N, NULL);
	say(DNS_MX, N, SECURE, "=m.example.net 10 " MX1);
	check_refs(&plan_n()->host[0], MX1, N, "m.example.net");
}
END_TEST

START_TEST(sts_33_the_mx_host_is_the_only_name_under_mta_sts)
{
	const struct plan_host *h;

	signed_host();
	enforce("*.example.org");
	h = &plan_n()->host[0];
	check_level(h, LEVEL_VERIFY, METHOD_PKIX_STS);
	ck_assert_str_eq(h->row, "D3/enforce");
	ck_assert(h->sts_mx_match);
	check_refs(h, MX1, NULL, NULL);
	ck_assert_ptr_nonnull(strstr(h->why, "20261124"));
}
END_TEST

static const char *domains[] = { N };
static const char *names[] = { "relay.example.org", "other.example.org" };
static struct conf_rule rule = { .name = "r",
	.domains = domains,
	.domain_count = 1,
	.require = OVERRIDE_REQUIRE_VERIFIED };

static void
with_rule(enum override_kind require, size_t name_count)
{
	rule.require = require;
	rule.names = names;
	rule.name_count = name_count;
	conf.rule = &rule;
	conf.rule_count = 1;
}

START_TEST(tls_22_a_rule_to_verify_takes_no_name_from_an_insecure_mx)
{
	const struct plan_host *h;

	with_rule(OVERRIDE_REQUIRE_VERIFIED, 0);
	unsigned_host();
	h = &plan_n()->host[0];
	check_level(h, LEVEL_VERIFY, METHOD_PKIX_LOCAL);
	ck_assert_str_eq(h->row, "D4/absent+require-verified");
	ck_assert_str_eq(h->rule, "r");
	check_refs(h, N, NULL, NULL);
	with_rule(OVERRIDE_REQUIRE_VERIFIED, 2);
	check_refs(&plan_n()->host[0], names[0], names[1], NULL);
}
END_TEST

START_TEST(tls_22_a_secure_mx_or_a_policy_makes_the_host_a_name)
{
	with_rule(OVERRIDE_REQUIRE_VERIFIED, 0);
	signed_host();
	check_refs(&plan_n()->host[0], MX1, NULL, NULL);
	with_rule(OVERRIDE_REQUIRE_VERIFIED, 1);
	check_refs(&plan_n()->host[0], MX1, names[0], NULL);
	unsigned_host();
	enforce(MX1);
	sts.state = STS_ST_TESTING;
	sts.policy.mode = STS_TESTING;
	check_refs(&plan_n()->host[0], MX1, names[0], NULL);
	sts.policy.mx[0] = MX2;
	check_refs(&plan_n()->host[0], names[0], NULL, NULL);
}
END_TEST

START_TEST(tls_22_the_names_of_a_rule_are_bounded)
{
	static const char *many[] = { "a.example", "b.example", "c.example",
		"d.example", "e.example", "f.example", "g.example", "h.example",
		"i.example", "a.example" };
	const struct plan_host *h;

	with_rule(OVERRIDE_REQUIRE_VERIFIED, 0);
	rule.names = many;
	rule.name_count = COUNT_OF(many);
	unsigned_host();
	h = &plan_n()->host[0];
	ck_assert_uint_eq(h->ref_count, PLAN_MAX_REFS);
	ck_assert_str_eq(h->ref[PLAN_MAX_REFS - 1], many[PLAN_MAX_REFS - 1]);
}
END_TEST

START_TEST(a_rule_raises_and_is_named)
{
	const struct plan_host *h;

	with_rule(OVERRIDE_NEVER_PLAINTEXT, 0);
	unsigned_host();
	h = &plan_n()->host[0];
	check_level(h, LEVEL_ENCRYPT, METHOD_NONE);
	ck_assert_str_eq(h->row, "D4/absent+never-plaintext");
	ck_assert_str_eq(h->rule, "r");
	ck_assert_str_eq(h->exception, "");
	ck_assert_str_eq(plan_n()->approver, "");
}
END_TEST

/* ---- MTA-STS ---- */

START_TEST(sts_32_the_name_in_the_mx_record_must_match_not_its_alias)
{
	alias_host();
	enforce(X);
	ck_assert(plan_n()->host[0].skip);
	enforce(MX1);
	check_level(&plan_n()->host[0], LEVEL_VERIFY, METHOD_PKIX_STS);
	/* Without MX records, the domain itself. */
	say(DNS_MX, N, INSECURE, "nodata");
	say(DNS_A, N, INSECURE, "192.0.2.1");
	enforce(N);
	check_level(&plan_n()->host[0], LEVEL_VERIFY, METHOD_PKIX_STS);
	enforce("*." N);
	ck_assert(plan_n()->host[0].skip);
}
END_TEST

START_TEST(sts_35_sts_37_a_host_outside_the_policy_is_skipped_alone)
{
	const struct plan *plan;

	signed_hosts();
	enforce(MX2);
	plan = plan_n();
	ck_assert(plan->host[0].skip && !plan->host[0].sts_mx_match);
	ck_assert_str_eq(plan->host[0].row, "D3/enforce-other-mx");
	check_level(&plan->host[1], LEVEL_VERIFY, METHOD_PKIX_STS);
}
END_TEST

START_TEST(sts_09_a_failed_record_lookup_holds_all_but_dane_hosts)
{
	const struct plan *plan;

	signed_hosts();
	say(DNS_TLSA, TLSA2, SECURE, "3 1 1 aa");
	sts.state = STS_ST_UNKNOWN;
	sts.ttl_s = 0;
	sts.why = "TXT _mta-sts.example.org: SERVFAIL";
	plan = plan_n();
	ck_assert(plan->host[0].skip);
	ck_assert_str_eq(plan->host[0].row, "D3/unknown");
	ck_assert_ptr_nonnull(strstr(plan->host[0].why, "SERVFAIL"));
	check_level(&plan->host[1], LEVEL_VERIFY, METHOD_DANE);
	conf.sts_unknown = STS_UNKNOWN_IGNORE;
	plan = plan_n();
	check_level(&plan->host[0], LEVEL_MAY, METHOD_NONE);
	ck_assert_str_eq(plan->host[0].row, "D3/unknown-ignored");
}
END_TEST

START_TEST(sts_08_a_stale_policy_is_the_policy)
{
	const struct plan *plan;

	signed_host();
	enforce(MX1);
	sts.stale = true;
	sts.why = "no TXT record";
	plan = plan_n();
	check_level(&plan->host[0], LEVEL_VERIFY, METHOD_PKIX_STS);
	ck_assert(plan->sts.stale);
	ck_assert_str_eq(plan->sts.id, "20261124");
}
END_TEST

START_TEST(sts_39_testing_is_evaluated_and_changes_no_level)
{
	const struct plan *plan;

	signed_hosts();
	enforce(MX2);
	sts.state = STS_ST_TESTING;
	sts.policy.mode = STS_TESTING;
	plan = plan_n();
	check_level(&plan->host[0], LEVEL_MAY, METHOD_NONE);
	check_level(&plan->host[1], LEVEL_MAY, METHOD_NONE);
	ck_assert(!plan->host[0].sts_mx_match);
	ck_assert(plan->host[1].sts_mx_match);
}
END_TEST

START_TEST(dane_50_both_knob_demands_dane_and_sts)
{
	const struct plan_host *h;

	signed_host();
	enforce(MX1);
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	h = &plan_n()->host[0];
	check_level(h, LEVEL_VERIFY, METHOD_DANE);
	ck_assert(!h->also_pkix_sts && h->sts_mx_match);
	conf.dane_and_sts = DANE_AND_STS;
	h = &plan_n()->host[0];
	check_level(h, LEVEL_VERIFY, METHOD_DANE);
	ck_assert(h->also_pkix_sts);
	enforce(MX2);
	ck_assert(plan_n()->host[0].skip);
	conf.dane_and_sts = DANE_FIRST;
	check_level(&plan_n()->host[0], LEVEL_VERIFY, METHOD_DANE);
}
END_TEST

START_TEST(sts_41_inv_01_an_enforced_policy_rescues_no_failed_tlsa_lookup)
{
	signed_host();
	enforce(MX1);
	say(DNS_TLSA, TLSA1, ERROR, "fail");
	ck_assert(plan_n()->host[0].skip);
	ck_assert_str_eq(plan_n()->host[0].row, "D5/enforce");
}
END_TEST

/* ---- exceptions ---- */

static const char *patterns[] = { "mx2.example.org" };
static struct conf_exception exception;

static void
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

START_TEST(inv_04_dane_48_an_exception_lowers_and_is_written_down)
{
	const struct plan *plan;

	with_exception(false);
	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	plan = plan_n();
	check_level(&plan->host[0], LEVEL_PLAIN, METHOD_NONE);
	ck_assert_str_eq(plan->host[0].row, "D1/absent+waiver");
	ck_assert_str_eq(plan->host[0].exception, "legacy");
	ck_assert(plan->host[0].in.waiver);
	ck_assert_str_eq(plan->approver, "sec@example.net");
	ck_assert_str_eq(plan->reason, "no STARTTLS");
	ck_assert_int_eq(plan->exception_expires.ms, MADE + 60000);
	ck_assert_uint_eq(plan->host[0].ref_count, 0);
	ck_assert_ptr_nonnull(strstr(plan->host[0].why, "exception legacy"));
	ck_assert_ptr_null(strstr(plan->host[0].why, "found at"));
}
END_TEST

START_TEST(inv_04_a_plan_ends_with_the_exception)
{
	with_exception(false);
	signed_host();
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 60000);
	exception.expires.ms = MADE;
	ck_assert_str_eq(plan_n()->host[0].exception, "");
	check_level(&plan_n()->host[0], LEVEL_MAY, METHOD_NONE);
}
END_TEST

START_TEST(inv_04_an_exception_for_other_hosts_lowers_nothing)
{
	const struct plan *plan;

	with_exception(true);
	signed_hosts();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	say(DNS_TLSA, TLSA2, SECURE, "3 1 1 aa");
	plan = plan_n();
	check_level(&plan->host[0], LEVEL_VERIFY, METHOD_DANE);
	ck_assert_str_eq(plan->host[0].exception, "");
	check_level(&plan->host[1], LEVEL_PLAIN, METHOD_NONE);
	ck_assert_str_eq(plan->approver, "sec@example.net");
}
END_TEST

START_TEST(inv_04_each_host_tells_of_its_own_exception)
{
	static const char *first[] = { MX1 };
	struct conf_exception both[2];
	const struct plan *plan;

	with_exception(true);
	both[0] = both[1] = exception;
	both[1].name = "other";
	both[1].mx = first;
	both[1].reason = "old appliance";
	both[1].approver = "ciso@example.net";
	both[1].expires.ms = MADE + 90000;
	conf.exception = both;
	conf.exception_count = 2;
	signed_hosts();
	plan = plan_n();
	ck_assert_str_eq(plan->host[0].exception, "other");
	ck_assert_str_eq(plan->host[0].approver, "ciso@example.net");
	ck_assert_str_eq(plan->host[0].reason, "old appliance");
	ck_assert_int_eq(plan->host[0].exception_expires.ms, MADE + 90000);
	ck_assert_str_eq(plan->host[1].exception, "legacy");
	ck_assert_str_eq(plan->host[1].approver, "sec@example.net");
	ck_assert_int_eq(plan->host[1].exception_expires.ms, MADE + 60000);
}
END_TEST

START_TEST(inv_04_an_exception_covers_a_tlsa_error_and_no_other)
{
	with_exception(false);
	signed_host();
	say(DNS_TLSA, TLSA1, ERROR, "fail");
	check_level(&plan_n()->host[0], LEVEL_PLAIN, METHOD_NONE);
	say(DNS_A, MX1, ERROR, "fail");
	say(DNS_AAAA, MX1, ERROR, "fail");
	ck_assert(plan_n()->host[0].skip);
	say(DNS_MX, N, ERROR, "fail");
	check_end(plan_n(), PLAN_DEFER, "4.4.3");
}
END_TEST

/* ---- address literals ---- */

START_TEST(dane_12_sts_02_an_address_literal_needs_nothing)
{
	static const char *const t[] = { "[192.0.2.1]", "192.0.2.1",
		"[IPv6:2001:db8::1]", "[ipv6:2001:db8::1]" };

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		const struct plan *plan = plan_for(t[i]);

		ck_assert_uint_eq(plan->host_count, 1);
		check_host(&plan->host[0], t[i], DANE_D4_INSECURE);
		check_level(&plan->host[0], LEVEL_MAY, METHOD_NONE);
		ck_assert_uint_eq(plan->host[0].addr_count, 1);
		ck_assert_uint_eq(plan->host[0].addr[0].port, 25);
		ck_assert(!plan->mx_secure);
		ck_assert_int_eq(plan->sts.state, STS_ST_ABSENT);
		ck_assert_uint_eq(plan->trail_count, 0);
		ck_assert_int_eq(plan->valid_until.ms, MADE + 3600000);
	}
	ck_assert_uint_eq(asked_count, 0);
	ck_assert_uint_eq(asked_sts, 0);
	check_end(plan_for("[127.0.0.1]"), PLAN_BOUNCE, "5.4.6");
	check_end(plan_for("[0.0.0.0]"), PLAN_BOUNCE, "5.4.4");
}
END_TEST

/* ---- limits ---- */

static char *
many_hosts(unsigned count)
{
	char *text = need(talloc_strdup(mem, "1 h0.example"));

	for (unsigned i = 1; i < count; i++)
		text = need(talloc_asprintf_append(text, ", %u h%u.example",
		    i + 1, i));
	return text;
}

static void
address_of(unsigned i)
{
	say(DNS_A, need(talloc_asprintf(mem, "h%u.example", i)), INSECURE,
	    "192.0.2.1");
}

START_TEST(dns_32_hosts_are_bounded_by_preference)
{
	const struct plan *plan;

	conf.smtp_hosts = 3;
	say(DNS_MX, N, INSECURE, many_hosts(100));
	for (unsigned i = 0; i < 100; i++)
		address_of(i);
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 3);
	ck_assert_str_eq(plan->host[2].name, "h2.example");
	ck_assert_uint_eq(asked_count, 1 + 2 * 3);
}
END_TEST

/* Hosts that do not exist do not use up the bound, or mail would bounce. */
START_TEST(dns_32_a_host_without_address_makes_room_for_the_next)
{
	const struct plan *plan;

	conf.smtp_hosts = 2;
	say(DNS_MX, N, INSECURE, many_hosts(100));
	address_of(1);
	address_of(98);
	address_of(99);
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, 2);
	ck_assert_str_eq(plan->host[0].name, "h1.example");
	ck_assert_str_eq(plan->host[1].name, "h98.example");
	ck_assert(!was_asked("A h99.example"));
}
END_TEST

START_TEST(dns_32_the_longest_walk_is_within_the_trail)
{
	const struct plan *plan;

	conf.smtp_hosts = PLAN_MAX_HOSTS;
	say(DNS_MX, N, SECURE, many_hosts(PLAN_MAX_HOSTS));
	for (unsigned i = 0; i < PLAN_MAX_HOSTS; i++)
		say(DNS_A, need(talloc_asprintf(mem, "h%u.example", i)), SECURE,
		    "=" X " 192.0.2.1");
	plan = plan_n();
	ck_assert_uint_eq(plan->host_count, PLAN_MAX_HOSTS);
	ck_assert_uint_eq(plan->trail_count, 2 + 4 * PLAN_MAX_HOSTS);
	ck_assert_uint_le(plan->trail_count, PLAN_MAX_TRAIL);
}
END_TEST

START_TEST(dns_32_addresses_are_bounded)
{
	struct dns_answer *a;
	char text[32];

	conf.smtp_addresses = PLAN_MAX_ADDRESSES;
	say(DNS_MX, N, INSECURE, "10 " MX1);
	a = say(DNS_A, MX1, INSECURE, "192.0.2.1");
	for (unsigned i = 2; i < 100; i++) {
		snprintf(text, sizeof(text), "192.0.2.%u", i);
		add_address(a, span_str(text));
	}
	ck_assert_uint_eq(plan_n()->host[0].addr_count, DNS_MAX_ADDRESSES);
}
END_TEST

/* ---- trail and life ---- */

static const struct plan_trail *
trail_of(const struct plan *plan, const char *what)
{
	for (size_t i = 0; i < plan->trail_count; i++)
		if (strcmp(plan->trail[i].what, what) == 0)
			return &plan->trail[i];
	ck_abort_msg("no trail of %s", what);
	return NULL;
}

START_TEST(dns_35_inv_15_the_trail_has_every_lookup)
{
	const struct plan *plan;
	const struct plan_trail *t;

	alias_host();
	say(DNS_TLSA, TLSAX, SECURE, "nodata")->ttl_s = 77;
	say(DNS_TLSA, TLSA1, BOGUS, "fail");
	enforce(MX1);
	plan = plan_n();
	ck_assert_uint_eq(plan->trail_count, 6);
	t = trail_of(plan, "MX " N);
	ck_assert_str_eq(t->text, "10 " MX1);
	ck_assert_int_eq(t->security, SECURE);
	ck_assert_int_eq(t->outcome, DNS_DATA);
	ck_assert_uint_eq(t->ttl_s, 3600);
	t = trail_of(plan, "A " MX1);
	ck_assert_str_eq(t->text, "alias of " X ", 192.0.2.1");
	t = trail_of(plan, "TLSA " TLSAX);
	ck_assert_int_eq(t->outcome, DNS_NODATA);
	ck_assert_uint_eq(t->ttl_s, 77);
	ck_assert_str_eq(t->text, "");
	t = trail_of(plan, "TLSA " TLSA1);
	ck_assert_int_eq(t->security, BOGUS);
	ck_assert_int_eq(t->outcome, DNS_FAILED);
	ck_assert_str_eq(t->text, "signature expired");
	t = trail_of(plan, "POLICY " N);
	ck_assert_str_eq(t->text, "enforce, id 20261124");
	ck_assert_int_eq(t->outcome, DNS_DATA);
	ck_assert_int_eq(t->security, INSECURE);
	sts.state = STS_ST_UNKNOWN;
	t = trail_of(plan_n(), "POLICY " N);
	ck_assert_int_eq(t->outcome, DNS_FAILED);
	ck_assert_int_eq(t->security, ERROR);
}
END_TEST

START_TEST(dns_35_the_trail_shows_records_and_cuts_long_ones)
{
	const struct plan *plan;
	const struct plan_trail *t;

	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa, 1 1 1 bb");
	plan = plan_n();
	ck_assert_str_eq(trail_of(plan, "TLSA " TLSA1)->text,
	    "3 1 1 aaaaaaaaaaaaaaaa..., 1 1 1 bbbbbbbbbbbbbbbb... "
	    "(unusable)");
	say(DNS_MX, N, INSECURE, many_hosts(100));
	address_of(0);
	plan = plan_n();
	t = trail_of(plan, "MX " N);
	ck_assert_uint_lt(strlen(t->text), 300);
	ck_assert_ptr_nonnull(strstr(t->text, "..."));
}
END_TEST

START_TEST(dns_26_a_plan_ends_with_its_shortest_ttl)
{
	signed_host();
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 3600000);
	say(DNS_AAAA, MX1, SECURE, "nodata")->ttl_s = 7;
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 7000);
}
END_TEST

START_TEST(dns_26_no_plan_lives_longer_than_a_day)
{
	sts.ttl_s = UINT32_MAX;
	say(DNS_MX, N, SECURE, "nxdomain")->ttl_s = UINT32_MAX;
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 86400000);
}
END_TEST

START_TEST(dns_30_ttl_0_serves_one_decision)
{
	signed_host();
	say(DNS_AAAA, MX1, SECURE, "2001:db8::1")->ttl_s = 0;
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 1000);
}
END_TEST

START_TEST(dns_28_what_failed_is_asked_again_soon)
{
	signed_host();
	say(DNS_TLSA, TLSA1, ERROR, "fail");
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 60000);
	say(DNS_MX, N, ERROR, "fail");
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 60000);
	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "nodata");
	sts.state = STS_ST_UNKNOWN;
	sts.ttl_s = 0;
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 60000);
}
END_TEST

START_TEST(sts_16_an_unavailable_policy_is_tried_again_after_the_delay)
{
	signed_host();
	sts.state = STS_ST_UNAVAILABLE;
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 300000);
	enforce(MX1);
	sts.stale = true;
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 300000);
	sts.ttl_s = 0;
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 60000);
}
END_TEST

START_TEST(inv_12_a_plan_ends_with_the_policy)
{
	signed_host();
	enforce(MX1);
	sts.expires.ms = MADE + 5000;
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 5000);
	/* max_age 0: this attempt, and hardly more (STS-25). */
	sts.expires.ms = MADE;
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 1000);
	sts.ttl_s = 0;
	check_level(&plan_n()->host[0], LEVEL_VERIFY, METHOD_PKIX_STS);
	ck_assert_int_eq(plan_n()->valid_until.ms, MADE + 1000);
}
END_TEST

/* ---- the planner as such ---- */

/* Of one seed, answers in any order give the same plan. */
START_TEST(inv_15_the_order_of_answers_does_not_matter)
{
	signed_hosts();
	alias_host();
	say(DNS_MX, N, SECURE, "10 " MX1 ", 10 " MX2 ", 20 a.example");
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	say(DNS_A, "a.example", ERROR, "fail");
	enforce(MX1);
	for (seed = 0; seed < 50; seed++) {
		const struct plan *one, *two;

		asked_count = 0;
		backwards = false;
		one = plan_n();
		backwards = true;
		two = plan_n();
		ck_assert_uint_eq(one->host_count, two->host_count);
		for (size_t i = 0; i < one->host_count; i++) {
			const struct plan_host *x = &one->host[i];
			const struct plan_host *y = &two->host[i];

			ck_assert_str_eq(x->name, y->name);
			ck_assert_str_eq(x->row, y->row);
			ck_assert_str_eq(x->why, y->why);
			ck_assert_str_eq(x->tlsa_base, y->tlsa_base);
			ck_assert_uint_eq(x->addr_count, y->addr_count);
			for (size_t k = 0; k < x->addr_count; k++)
				ck_assert(netaddr_eq(&x->addr[k], &y->addr[k]));
		}
	}
}
END_TEST

START_TEST(planner_asks_for_mx_and_policy_at_once)
{
	struct planner *p = planner_new(mem, &conf, N, CLASS_NORMAL,
	    (struct wall){ MADE }, 1);
	struct plan_need a, b;

	ck_assert_uint_eq(planner_need_count(p), 2);
	a = planner_need(p, 0);
	b = planner_need(p, 1);
	ck_assert_int_eq(a.kind, NEED_DNS);
	ck_assert_int_eq(a.type, DNS_MX);
	ck_assert_str_eq(a.name, N);
	ck_assert_int_eq(b.kind, NEED_STS);
	ck_assert_str_eq(b.name, N);
	ck_assert(a.id != b.id);
	ck_assert_ptr_null(planner_plan(p));
}
END_TEST

START_TEST(planner_asks_for_all_hosts_in_parallel)
{
	struct planner *p = planner_new(mem, &conf, N, CLASS_NORMAL,
	    (struct wall){ MADE }, 1);
	struct plan_need want = planner_need(p, 0);

	signed_hosts();
	supply(p, &want);
	ck_assert_uint_eq(planner_need_count(p), 1 + 4);
	ck_assert_ptr_null(planner_plan(p));
}
END_TEST

/* The answers may be gone by the time the plan is used. */
START_TEST(planner_copies_what_it_keeps)
{
	struct planner *p = planner_new(NULL, &conf, N, CLASS_NORMAL,
	    (struct wall){ MADE }, 1);
	const struct plan *plan;

	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	enforce(need(talloc_strdup(mem, MX1)));
	while ((plan = planner_plan(p)) == NULL) {
		struct plan_need want = planner_need(p, 0);

		supply(p, &want);
	}
	talloc_free(mem);
	mem = talloc_new(NULL);
	ck_assert_uint_eq(plan->host[0].tlsa[0].data.p[31], 0xaa);
	ck_assert_str_eq(plan->sts.policy.mx[0], MX1);
	check_host(&plan->host[0], MX1, DANE_D1_USABLE);
	talloc_free(p);
}
END_TEST

/* ---- the list of tests ---- */

static void
add_all(Suite *s, const char *name, const TTest *const *tests, size_t count)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(s, tc);
}

static void
add_routing(Suite *s)
{
	const TTest *const t[] = {
		dns_16_mx_data_gives_its_hosts,
		dns_16_no_mx_makes_the_domain_its_own_host,
		dns_16_nxdomain_bounces_secure_or_not,
		dane_03_dns_16_a_failed_mx_lookup_defers_and_asks_nothing_more,
		dane_03_a_failed_alias_before_the_mx_defers,
		dns_16_no_host_with_an_address_bounces,
		dns_16_a_host_without_address_leaves_the_next,
		dns_16_an_implicit_mx_without_address_bounces,
		dns_16_an_implicit_mx_with_failing_addresses_waits,
		dns_17_unusable_mx_records_never_lead_to_the_domains_address,
		dns_20_an_alias_at_the_domain_is_followed,
		sts_02_the_policy_is_asked_for_the_domain_before_its_alias,
		dns_22_smtp_32_null_mx_bounces_at_once,
		dns_22_null_mx_beside_others_is_ignored,
		dns_23_dane_12_mx_targets_that_are_no_names_are_left_out,
		dns_23_loopback_alone_is_a_loop,
		dns_23_loopback_is_used_when_the_operator_says_so,
		dns_23_private_addresses_follow_the_knob,
		dns_23_unusable_addresses_are_never_dialled,
		dns_23_a_host_at_loopback_leaves_the_next,
		dns_23_dane_07_filtered_addresses_and_an_error_are_an_error,
		smtp_28_hosts_are_sorted_and_a_repeated_one_counts_once,
		smtp_28_equal_hosts_are_shuffled_by_the_seed,
		smtp_29_the_list_is_cut_at_this_gateway,
		smtp_29_this_gateway_as_best_host_bounces,
		sts_36_a_host_outside_the_policy_still_counts_for_the_cut,
		smtp_31_both_families_are_within_the_cap,
		smtp_31_families_take_turns_in_random_order,
		smtp_30_each_address_is_there_once_in_any_order,
		smtp_30_an_address_given_twice_is_tried_once,
		dane_04_a_failed_address_lookup_removes_that_host_only,
		dane_07_a_secure_family_goes_on_when_the_other_fails,
		dane_07_an_insecure_family_goes_on_without_tlsa,
		dane_07_no_address_and_an_error_is_a_failure_not_absence,
		dane_07_the_family_with_addresses_governs,
		dns_01_data_of_a_bogus_answer_are_not_looked_at,
	};

	add_all(s, "routing", t, COUNT_OF(t));
}

static void
add_dane(Suite *s)
{
	const TTest *const t[] = {
		dane_05_inv_03_an_insecure_address_has_no_use_for_tlsa,
		dane_05_addresses_are_asked_before_tlsa,
		dane_06_dane_21_a_failed_tlsa_lookup_skips_the_host,
		dane_06_the_next_host_is_used,
		dane_02_proven_absence_is_an_answer,
		dane_10_security_never_reorders_hosts,
		dane_11_each_host_has_its_own_records,
		dane_14_the_owner_has_the_port_that_is_dialled,
		dane_14_a_name_too_long_for_an_owner_has_no_tlsa,
		dane_15_dns_21_the_expanded_name_is_tried_first,
		dane_15_dane_18_then_the_hosts_own_name,
		dane_15_at_neither_there_is_none,
		dane_16_names_in_the_middle_are_no_base,
		dane_17_a_secure_alias_out_of_dnssec_has_its_own_name_as_base,
		dane_17_an_insecure_alias_has_no_dane,
		dane_17_a_failed_alias_lookup_skips_the_host,
		dane_17_no_record_at_the_alias_is_no_dane,
		dane_18_an_insecure_tlsa_record_counts_as_none,
		dane_19_an_error_at_the_first_base_ends_the_search,
		dane_20_an_alias_at_the_owner_changes_no_name,
		dane_22_a_domain_without_mx_is_a_dane_host,
		dane_22_dane_40_an_alias_without_mx_expands_first,
		dane_24_dane_28_only_unusable_records_require_tls,
		dane_26_dane_29_only_what_counts_is_in_the_plan,
		dns_32_too_many_tlsa_records_are_an_error,
		dane_08_dane_09_an_insecure_mx_is_half_dane,
		dane_08_without_tlsa_an_insecure_mx_is_d4,
		dane_09_dane_40_half_dane_at_an_alias_keeps_the_mx_name,
		dane_40_a_secure_mx_adds_the_domain_and_its_expansion,
		dane_12_sts_02_an_address_literal_needs_nothing,
	};

	add_all(s, "dane", t, COUNT_OF(t));
}

static void
add_rules(Suite *s)
{
	const TTest *const t[] = {
		sts_33_the_mx_host_is_the_only_name_under_mta_sts,
		tls_22_a_rule_to_verify_takes_no_name_from_an_insecure_mx,
		tls_22_a_secure_mx_or_a_policy_makes_the_host_a_name,
		tls_22_the_names_of_a_rule_are_bounded,
		a_rule_raises_and_is_named,
		sts_32_the_name_in_the_mx_record_must_match_not_its_alias,
		sts_35_sts_37_a_host_outside_the_policy_is_skipped_alone,
		sts_09_a_failed_record_lookup_holds_all_but_dane_hosts,
		sts_08_a_stale_policy_is_the_policy,
		sts_39_testing_is_evaluated_and_changes_no_level,
		dane_50_both_knob_demands_dane_and_sts,
		sts_41_inv_01_an_enforced_policy_rescues_no_failed_tlsa_lookup,
		inv_04_dane_48_an_exception_lowers_and_is_written_down,
		inv_04_a_plan_ends_with_the_exception,
		inv_04_an_exception_for_other_hosts_lowers_nothing,
		inv_04_each_host_tells_of_its_own_exception,
		inv_04_an_exception_covers_a_tlsa_error_and_no_other,
	};

	add_all(s, "rules", t, COUNT_OF(t));
}

static void
add_planner(Suite *s)
{
	const TTest *const t[] = {
		dns_32_hosts_are_bounded_by_preference,
		dns_32_a_host_without_address_makes_room_for_the_next,
		dns_32_the_longest_walk_is_within_the_trail,
		dns_32_addresses_are_bounded,
		dns_35_inv_15_the_trail_has_every_lookup,
		dns_35_the_trail_shows_records_and_cuts_long_ones,
		dns_26_a_plan_ends_with_its_shortest_ttl,
		dns_26_no_plan_lives_longer_than_a_day,
		dns_30_ttl_0_serves_one_decision,
		dns_28_what_failed_is_asked_again_soon,
		sts_16_an_unavailable_policy_is_tried_again_after_the_delay,
		inv_12_a_plan_ends_with_the_policy,
		inv_15_the_order_of_answers_does_not_matter,
		planner_asks_for_mx_and_policy_at_once,
		planner_asks_for_all_hosts_in_parallel,
		planner_copies_what_it_keeps,
	};

	add_all(s, "planner", t, COUNT_OF(t));
}

int
main(void)
{
	Suite *s = suite_create("plan");
	SRunner *r;
	int failed;

	add_routing(s);
	add_dane(s);
	add_rules(s);
	add_planner(s);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
