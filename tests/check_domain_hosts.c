/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What connections to the hosts of a domain show, and the facts that
 * certificates are read into (dane/chain): for each finding a host that
 * leads to it.
 */
#include <time.h>

#include "tests/domain_facts.h"
#include "util/sha256.h"

#define NOW_MS (now_s * INT64_C(1000))

static int64_t now_s;
static struct plan plan;
static struct plan_host h[2];
static struct domain_host host[2];
static struct domain_hosts all;
static struct tlsa record[2][2];
static struct cert *ca;

static void
present(struct domain_look *l, const struct cert *const *certs, size_t n)
{
	struct span der[3];
	struct diag why = { 0 };

	for (size_t i = 0; i < n; i++)
		der[i] = cert_der(mem, certs[i], 0);
	ck_assert_int_eq(chain_read(mem, der, n, &l->chain, &why), ST_OK);
}

static struct tlsa
record_of(const struct chain_cert *c, uint8_t usage, uint8_t selector)
{
	return (struct tlsa){ .usage = usage,
		.selector = selector,
		.matching = 1,
		.data = chain_data(mem, c, selector, 1),
		.fitness = TLSA_USABLE };
}

static struct domain_look *
add_look(size_t i, const char *ip, const struct cert *leaf)
{
	struct domain_look *l = &host[i].look[host[i].look_count++];
	const struct cert *certs[] = { leaf, ca };

	*l = (struct domain_look){ .addr = fact_addr(ip),
		.reach = DOMAIN_REACH_TLS,
		.trusted = true,
		.why = "as the test wants it",
		.trust_error = "" };
	present(l, certs, 2);
	return l;
}

static struct cert *
leaf_of(const char *name, long from_s, long to_s)
{
	const struct cert_spec spec = { .cn = "leaf",
		.san = talloc_asprintf(mem, "DNS:%s", name),
		.from_s = from_s,
		.to_s = to_s };

	return cert_make(mem, &spec, ca);
}

static void
add_host(size_t i, const char *name, const char *base, const char *ip)
{
	h[i] = (struct plan_host){ .name = name,
		.dane = DANE_D1_USABLE,
		.in = { .mx_secure = true },
		.required = LEVEL_VERIFY,
		.method = METHOD_DANE,
		.tlsa_base = base,
		.tlsa = record[i],
		.tlsa_count = 1 };
	host[i] = (struct domain_host){ .h = &h[i] };
	add_look(i, ip, leaf_of(name, 0, 0));
	record[i][0] = record_of(&host[i].look[0].chain.cert[0], 3, 1);
	all.host_count = i + 1;
}

static void
hosts_setup(void)
{
	facts_setup();
	now_s = time(NULL); /* certificates are made relative to it */
	ca = cert_ca(mem, "authority", NULL);
	plan = (struct plan){ .domain = "d.example" };
	all = (struct domain_hosts){ .plan = &plan,
		.now = { NOW_MS },
		.expiry_ms = 21 * DAY_MS,
		.port = 25,
		.host = host };
	add_host(0, MX1, MX1, "192.0.2.1");
}

static void
check(void)
{
	domain_findings_init(&found, mem);
	domain_check_hosts(&all, &found);
}

/* Found, about object, and alone but for one of kind also. */
static void
expect(enum domain_kind kind, const char *object, enum domain_kind also)
{
	const struct domain_finding *f;

	check();
	f = found_one(kind);
	ck_assert_msg(f != NULL, "%s: %s", domain_kind_text(kind)->name,
	    found_text());
	ck_assert_str_eq(f->object, object);
	for (uint32_t i = 0; i < found.count; i++)
		ck_assert_msg(found.at[i].kind == kind ||
				  found.at[i].kind == also,
		    "beside %s: %s", domain_kind_text(kind)->name,
		    found_text());
}

static void
expect_alone(enum domain_kind kind, const char *object)
{
	expect(kind, object, kind);
}

/* No TLSA records; a policy that is enforced, or none. */
static void
without_dane(enum sts_state state)
{
	h[0].dane = DANE_D3_NONE;
	h[0].tlsa_count = 0;
	h[0].method = METHOD_NONE;
	plan.sts.state = state;
}

/* The host's own certificate is another; DANE holds by its key. */
static struct domain_look *
with_leaf(const struct cert *leaf)
{
	struct domain_look *l;

	host[0].look_count = 0;
	l = add_look(0, "192.0.2.1", leaf);
	record[0][0] = record_of(&l->chain.cert[0], 3, 1);
	return l;
}

static struct domain_look *
by_authority(const struct cert *leaf)
{
	struct domain_look *l = with_leaf(leaf);

	record[0][0] = record_of(&l->chain.cert[1], 2, 0);
	return l;
}

START_TEST(a_host_without_fault_has_no_finding)
{
	check();
	ck_assert_msg(found.count == 0, "%s", found_text());
	without_dane(STS_ST_ENFORCE);
	check();
	ck_assert_msg(found.count == 0, "%s", found_text());
}
END_TEST

/* ---- reach ---- */

static const struct {
	enum domain_reach reach;
	enum domain_kind kind;
} reaches[] = {
	{ DOMAIN_REACH_PLAIN, DOMAIN_NO_STARTTLS },
	{ DOMAIN_REACH_LEGACY, DOMAIN_TLS_OLD },
	{ DOMAIN_REACH_NO_TLS, DOMAIN_TLS_FAILED },
	{ DOMAIN_REACH_REFUSED, DOMAIN_HOST_REFUSES },
	{ DOMAIN_REACH_NOTHING, DOMAIN_HOST_NOT_REACHED },
};

START_TEST(what_kept_tls_from_being_seen_is_said)
{
	host[0].look[0].reach = reaches[_i].reach;
	host[0].look[0].chain.count = 0;
	expect_alone(reaches[_i].kind, MX1);
	ck_assert_str_eq(found.at[0].detail, "192.0.2.1: as the test wants it");
}
END_TEST

/* Many machines have no IPv6: that is no want of the host. */
START_TEST(an_address_that_is_not_reached_beside_one_that_is_is_noted)
{
	const struct domain_finding old = { DOMAIN_TLSA_MISMATCH, TLSA1, "" };
	struct domain_look *l = add_look(0, "2001:db8::1", leaf_of(MX1, 0, 0));

	l->reach = DOMAIN_REACH_NOTHING;
	l->chain.count = 0;
	expect_alone(DOMAIN_ADDRESS_NOT_REACHED, MX1);
	ck_assert(domain_finding_may_stand(&old, &found));
}
END_TEST

/* ---- TLSA ---- */

static void
mismatch(size_t i)
{
	record[i][0].data = span_copy(mem, record[i][0].data);
	((uint8_t *)(uintptr_t)record[i][0].data.p)[0] ^= 1;
	host[i].look[0].failure = FAILURE_TLSA_MISMATCH;
}

START_TEST(a_mismatch_is_told_with_the_record_that_would_match)
{
	char hex[65];

	hex_encode(record[0][0].data, hex);
	mismatch(0);
	expect_alone(DOMAIN_TLSA_MISMATCH, TLSA1);
	ck_assert_ptr_nonnull(strstr(found.at[0].detail, hex));
}
END_TEST

START_TEST(hosts_of_which_some_match_are_told)
{
	add_host(1, MX2, MX2, "192.0.2.2");
	mismatch(1);
	expect(DOMAIN_TLSA_SOME_HOSTS, "d.example", DOMAIN_TLSA_MISMATCH);
	ck_assert_str_eq(found_one(DOMAIN_TLSA_MISMATCH)->object, TLSA2);
}
END_TEST

START_TEST(a_record_that_matches_nothing_beside_one_that_does_is_a_rollover)
{
	record[0][1] = record[0][0];
	record[0][1].data = span_str("01234567890123456789012345678901");
	h[0].tlsa_count = 2;
	expect_alone(DOMAIN_TLSA_ROLLOVER, TLSA1);
	/* Not where it may match at the address that was not seen. */
	host[0].look[1] = host[0].look[0];
	host[0].look[1].chain.count = 0;
	host[0].look_count = 2;
	check();
	ck_assert_ptr_null(found_one(DOMAIN_TLSA_ROLLOVER));
}
END_TEST

START_TEST(a_record_may_match_at_another_address_alone)
{
	struct domain_look *l = add_look(0, "192.0.2.9", leaf_of(MX1, 0, 0));

	record[0][1] = record_of(&l->chain.cert[0], 3, 1);
	h[0].tlsa_count = 2;
	expect_alone(DOMAIN_CERT_DIFFERS, MX1);
	ck_assert_str_eq(found.at[0].detail, "192.0.2.1 and 192.0.2.9");
}
END_TEST

START_TEST(an_authority_of_a_record_that_expires_soon_is_told)
{
	const struct cert_spec spec = { .cn = "old authority",
		.constraints = "critical,CA:TRUE",
		.from_s = -CERTS_DAY_S,
		.to_s = 5 * CERTS_DAY_S };

	ca = cert_make(mem, &spec, NULL);
	by_authority(leaf_of(MX1, 0, 0));
	expect_alone(DOMAIN_TLSA_TA_EXPIRING, TLSA1);
}
END_TEST

/* ---- certificates ---- */

/* Who looks at dates and names: MTA-STS, and DANE by an authority. */
static struct domain_look *
heeded(int by, const struct cert *leaf)
{
	struct domain_look *l = by_authority(leaf);

	if (by == 0)
		without_dane(STS_ST_ENFORCE);
	return l;
}

START_TEST(dates_of_a_certificate_are_told_where_senders_look_at_them)
{
	heeded(_i, leaf_of(MX1, -9 * CERTS_DAY_S, -CERTS_DAY_S));
	expect_alone(DOMAIN_CERT_EXPIRED, MX1);
	heeded(_i, leaf_of(MX1, CERTS_DAY_S, 9 * CERTS_DAY_S));
	expect_alone(DOMAIN_CERT_FUTURE, MX1);
	heeded(_i, leaf_of(MX1, -CERTS_DAY_S, 20 * CERTS_DAY_S));
	expect_alone(DOMAIN_CERT_EXPIRING, MX1);
	all.expiry_ms = 19 * DAY_MS;
	check();
	ck_assert_msg(found.count == 0, "%s", found_text());
}
END_TEST

START_TEST(by_its_own_key_neither_dates_nor_names_count)
{
	with_leaf(leaf_of("other.example", -9 * CERTS_DAY_S, -CERTS_DAY_S));
	expect_alone(DOMAIN_CERT_DATES_UNHEEDED, MX1);
	with_leaf(leaf_of("other.example", CERTS_DAY_S, 9 * CERTS_DAY_S));
	expect_alone(DOMAIN_CERT_DATES_UNHEEDED, MX1);
	with_leaf(leaf_of("other.example", 0, 0))->trusted = false;
	check();
	ck_assert_msg(found.count == 0, "%s", found_text());
}
END_TEST

START_TEST(another_name_is_told_where_senders_look_at_it)
{
	heeded(_i, leaf_of("other.example", 0, 0));
	expect_alone(DOMAIN_CERT_NAME, MX1);
}
END_TEST

START_TEST(by_an_authority_of_dane_the_name_of_the_domain_will_do)
{
	by_authority(leaf_of("d.example", 0, 0));
	h[0].ref[0] = MX1;
	h[0].ref[1] = "d.example";
	h[0].ref_count = 2;
	check();
	ck_assert_msg(found.count == 0, "%s", found_text());
	plan.sts.state = STS_ST_ENFORCE;
	expect_alone(DOMAIN_CERT_NAME, MX1);
}
END_TEST

START_TEST(who_vouches_is_told_where_there_is_a_policy)
{
	struct domain_look *l = &host[0].look[0];

	without_dane(_i == 0 ? STS_ST_ENFORCE : STS_ST_TESTING);
	l->trusted = false;
	expect_alone(DOMAIN_CERT_UNTRUSTED, MX1);
	/* It ends in one that is self-issued: not incomplete. */
	l->lacks_issuer = true;
	expect_alone(DOMAIN_CERT_UNTRUSTED, MX1);
	l->chain.count = 1;
	expect_alone(DOMAIN_CERT_INCOMPLETE, MX1);
}
END_TEST

START_TEST(without_a_policy_it_is_but_noted_what_would_not_do_for_one)
{
	without_dane(STS_ST_ABSENT);
	host[0].look[0].trusted = false;
	expect_alone(DOMAIN_CERT_NOT_PUBLIC, MX1);
	with_leaf(leaf_of("other.example", 0, 0));
	without_dane(STS_ST_ABSENT);
	expect_alone(DOMAIN_CERT_NOT_PUBLIC, MX1);
}
END_TEST

START_TEST(weak_keys_and_signatures_are_told)
{
	const struct cert_spec weak = { .cn = "leaf",
		.san = "DNS:" MX1,
		.rsa_bits = _i == 0 ? 1024 : 2048,
		.sha1 = _i == 1 };

	with_leaf(cert_make(mem, &weak, ca));
	expect_alone(_i == 0 ? DOMAIN_CERT_WEAK_KEY :
			       DOMAIN_CERT_WEAK_SIGNATURE,
	    MX1);
}
END_TEST

/* A root that comes along is trusted, or not, whatever it says of itself. */
START_TEST(a_root_that_is_sent_along_is_not_judged)
{
	const struct cert_spec root = { .cn = "root",
		.constraints = "critical,CA:TRUE",
		.from_s = -9 * CERTS_DAY_S,
		.to_s = -CERTS_DAY_S,
		.rsa_bits = 2048,
		.sha1 = true };

	ca = cert_make(mem, &root, NULL);
	with_leaf(leaf_of(MX1, 0, 0));
	without_dane(STS_ST_ENFORCE);
	check();
	ck_assert_msg(found.count == 0, "%s", found_text());
}
END_TEST

/* ---- dane/chain ---- */

START_TEST(chain_read_refuses_what_is_no_certificate)
{
	struct span der[CHAIN_MAX_CERTS + 1];
	uint8_t *longer;
	struct chain_certs out;
	struct diag why = { 0 };

	der[0] = cert_der(mem, ca, 0);
	ck_assert_int_eq(chain_read(mem, der, 0, &out, &why), ST_OK);
	der[1] = span_sub(der[0], 0, der[0].n - 1);
	ck_assert_int_eq(chain_read(mem, der, 2, &out, &why), ST_SYNTAX);
	longer = talloc_zero_size(mem, der[0].n + 1);
	memcpy(longer, der[0].p, der[0].n);
	der[1] = span_of(longer, der[0].n + 1);
	ck_assert_int_eq(chain_read(mem, der, 2, &out, &why), ST_SYNTAX);
	der[1] = span_of(longer, CHAIN_CERT_MAX_BYTES + 1);
	ck_assert_int_eq(chain_read(mem, der, 2, &out, &why), ST_LIMIT);
	for (size_t i = 1; i < COUNT_OF(der); i++)
		der[i] = der[0];
	ck_assert_int_eq(chain_read(mem, der, COUNT_OF(der), &out, &why),
	    ST_LIMIT);
	ck_assert_int_eq(chain_read(mem, der, CHAIN_MAX_CERTS, &out, &why),
	    ST_OK);
}
END_TEST

/* RFC 7672 3.1.1: EE is the host's own certificate; 3.1.2: TA is not. */
START_TEST(chain_match_is_by_usage_and_place)
{
	const struct chain_certs *chain = &host[0].look[0].chain;

	for (uint8_t selector = 0; selector < 2; selector++) {
		struct tlsa own = record_of(&chain->cert[0], 3, selector);
		struct tlsa by = record_of(&chain->cert[1], 2, selector);

		ck_assert_uint_eq(chain_match(chain, &own), 0);
		ck_assert_uint_eq(chain_match(chain, &by), 1);
		own.usage = 2;
		by.usage = 3;
		ck_assert_uint_eq(chain_match(chain, &own), CHAIN_NO_MATCH);
		ck_assert_uint_eq(chain_match(chain, &by), CHAIN_NO_MATCH);
		by.usage = 2;
		by.fitness = TLSA_MALFORMED;
		ck_assert_uint_eq(chain_match(chain, &by), CHAIN_NO_MATCH);
	}
}
END_TEST

START_TEST(chain_data_is_whole_or_a_digest)
{
	const struct chain_cert *c = &host[0].look[0].chain.cert[0];

	ck_assert(span_eq_span(chain_data(mem, c, 0, 0), c->der));
	ck_assert(span_eq_span(chain_data(mem, c, 1, 0), c->spki));
	ck_assert_uint_eq(chain_data(mem, c, 1, 1).n, 32);
	ck_assert_uint_eq(chain_data(mem, c, 1, 2).n, 64);
}
END_TEST

START_TEST(chain_has_name_by_dns_names_alone)
{
	const struct cert_spec named = { .cn = MX1, .san = "DNS:*.d.example" };
	const struct cert_spec unnamed = { .cn = MX1 };
	const struct chain_cert *c;

	c = &with_leaf(cert_make(mem, &named, ca))->chain.cert[0];
	ck_assert(chain_has_name(c, MX1));
	ck_assert(!chain_has_name(c, "a.mx1.d.example"));
	ck_assert(!chain_has_name(c, "d.example"));
	c = &with_leaf(cert_make(mem, &unnamed, ca))->chain.cert[0];
	ck_assert(!chain_has_name(c, MX1));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("domain_hosts");
	TCase *t = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, hosts_setup, facts_teardown);
	tcase_add_test(t, a_host_without_fault_has_no_finding);
	tcase_add_loop_test(t, what_kept_tls_from_being_seen_is_said, 0,
	    (int)COUNT_OF(reaches));
	tcase_add_test(t,
	    an_address_that_is_not_reached_beside_one_that_is_is_noted);
	tcase_add_test(t, a_mismatch_is_told_with_the_record_that_would_match);
	tcase_add_test(t, hosts_of_which_some_match_are_told);
	tcase_add_test(t,
	    a_record_that_matches_nothing_beside_one_that_does_is_a_rollover);
	tcase_add_test(t, a_record_may_match_at_another_address_alone);
	tcase_add_test(t, an_authority_of_a_record_that_expires_soon_is_told);
	tcase_add_loop_test(t,
	    dates_of_a_certificate_are_told_where_senders_look_at_them, 0, 2);
	tcase_add_test(t, by_its_own_key_neither_dates_nor_names_count);
	tcase_add_loop_test(t, another_name_is_told_where_senders_look_at_it, 0,
	    2);
	tcase_add_test(t,
	    by_an_authority_of_dane_the_name_of_the_domain_will_do);
	tcase_add_loop_test(t, who_vouches_is_told_where_there_is_a_policy, 0,
	    2);
	tcase_add_test(t,
	    without_a_policy_it_is_but_noted_what_would_not_do_for_one);
	tcase_add_loop_test(t, weak_keys_and_signatures_are_told, 0, 2);
	tcase_add_test(t, a_root_that_is_sent_along_is_not_judged);
	tcase_add_test(t, chain_read_refuses_what_is_no_certificate);
	tcase_add_test(t, chain_match_is_by_usage_and_place);
	tcase_add_test(t, chain_data_is_whole_or_a_digest);
	tcase_add_test(t, chain_has_name_by_dns_names_alone);
	suite_add_tcase(s, t);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
