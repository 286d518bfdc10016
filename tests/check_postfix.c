/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Postfix is told: in words for the shapes that plans have, and for all
 * there are that it would never send where the gateway would not.
 */
#include "tests/plan.h"

#include "policy/socketmap.h"
#include "util/netstring.h"

/* ---- in words ---- */

static struct postfix_answer
answer_to(const char *text)
{
	struct conf_hop hop = hop_of(text);
	struct postfix_answer a;

	postfix_answer(mem, &conf, &hop, plan_for_hop(text), &a);
	return a;
}

static void
says(const char *text, const char *want)
{
	struct postfix_answer a = answer_to(text);

	ck_assert_msg(strcmp(a.text, want) == 0 && a.level != POSTFIX_WAIT,
	    "%s: \"%s\" expected, got \"%s\"", text, want, a.text);
}

static void
waits(const char *text, const char *why)
{
	struct postfix_answer a = answer_to(text);

	ck_assert_msg(a.level == POSTFIX_WAIT, "%s: %s", text, a.text);
	ck_assert_msg(strstr(a.text, why) != NULL, "%s: %s", text, a.text);
	ck_assert_str_eq(a.report, "");
}

START_TEST(postfix_is_told_dane_only_where_every_host_has_tlsa_records)
{
	signed_hosts();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	say(DNS_TLSA, TLSA2, SECURE, "2 0 1 bb");
	says(N, "dane-only");
	/* One whose lookup fails is not used by Postfix either. */
	say(DNS_TLSA, TLSA2, ERROR, "fail");
	says(N, "dane-only");
}
END_TEST

START_TEST(postfix_is_told_dane_where_only_some_hosts_have_tlsa_records)
{
	signed_hosts();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	says(N, "dane");
	/* What is not known of a host may not be left to chance. */
	signed_hosts();
	say(DNS_TLSA, TLSA1, SECURE, "nodata");
	say(DNS_TLSA, TLSA2, BOGUS, "fail");
	says(N, "dane");
	/* TLS alone at the one, nothing at the other. */
	say(DNS_TLSA, TLSA2, SECURE, "3 9 1 aa");
	says(N, "dane");
}
END_TEST

START_TEST(postfix_is_told_encrypt_where_no_tlsa_record_can_be_used)
{
	signed_host();
	say(DNS_TLSA, TLSA1, SECURE, "3 9 1 aa");
	says(N, "encrypt");
}
END_TEST

START_TEST(postfix_is_told_may_where_nothing_is_published)
{
	signed_hosts();
	says(N, "may");
	unsigned_host();
	says(N, "may");
	says("[" MX1 "]:25", "may");
	says("[192.0.2.1]:10025", "may");
	says("[127.0.0.1]:10025", "may");
}
END_TEST

START_TEST(postfix_is_told_the_names_of_hosts_that_the_policy_names)
{
	unsigned_host();
	say(DNS_MX, N, INSECURE, "10 " MX1 ", 20 " MX2);
	say(DNS_A, MX2, INSECURE, "192.0.2.2");
	enforce("*.example.org");
	says(N, "secure match=" MX1 ":" MX2 " servername=hostname");
	/* CERT-Bund 2023: of a host that it does not name none. */
	enforce(MX2);
	says(N, "secure match=" MX2 " servername=hostname");
	enforce("mx9.example.org");
	waits(N, "does not name this MX host");
}
END_TEST

START_TEST(postfix_is_told_what_to_report_of_a_policy)
{
	struct postfix_answer a;

	unsigned_host();
	enforce("*.example.org");
	sts.policy.mx[1] = "mx.example.net";
	sts.policy.mx_count = 2;
	a = answer_to(N);
	ck_assert_str_eq(a.report,
	    "policy_type=sts policy_domain=" N
	    " mx_host_pattern=*.example.org mx_host_pattern=mx.example.net"
	    " { policy_string = version: STSv1 }"
	    " { policy_string = mode: enforce }"
	    " { policy_string = mx: *.example.org }"
	    " { policy_string = mx: mx.example.net }"
	    " { policy_string = max_age: 86400 }");
	/* Of what it knows by itself nothing, which would be a mistake. */
	sts.state = STS_ST_ABSENT;
	ck_assert_str_eq(answer_to(N).report, "");
}
END_TEST

/* Signed hosts of an unsigned domain: its MX records are anybody's. */
START_TEST(postfix_is_told_keys_where_half_dane_meets_a_policy_in_force)
{
	say(DNS_MX, N, INSECURE, "10 " MX1);
	say(DNS_A, MX1, SECURE, "192.0.2.1");
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 ab, 3 0 1 01");
	says(N, "dane");
	enforce(MX1);
	says(N, "fingerprint match="
		"AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:"
		"AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB|"
		"01:01:01:01:01:01:01:01:01:01:01:01:01:01:01:01:"
		"01:01:01:01:01:01:01:01:01:01:01:01:01:01:01:01"
		" servername=hostname");
	say(DNS_TLSA, TLSA1, SECURE, "2 1 1 ab");
	waits(N, "no level of Postfix");
	say(DNS_TLSA, TLSA1, SECURE, "3 1 2 ab");
	waits(N, "no level of Postfix");
}
END_TEST

START_TEST(postfix_is_told_dane_only_where_a_policy_covers_the_other_hosts)
{
	signed_hosts();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	enforce("*.example.org");
	says(N, "dane-only");
	/* Both of one host: Postfix checks one of them. */
	conf.dane_and_sts = DANE_AND_STS;
	waits(N, "no level of Postfix");
}
END_TEST

START_TEST(postfix_is_told_what_a_rule_requires)
{
	signed_hosts();
	with_rule(OVERRIDE_REQUIRE_ENCRYPTED, 0);
	says(N, "encrypt");
	with_rule(OVERRIDE_NEVER_PLAINTEXT, 0);
	says(N, "encrypt");
	with_rule(OVERRIDE_REQUIRE_VERIFIED, 1);
	says(N, "secure match=" MX1 ":relay.example.org:" MX2
		" servername=hostname");
	with_rule(OVERRIDE_DANE_ONLY, 0);
	waits(N, "dane-required");
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	says(N, "dane-only");
	with_rule(OVERRIDE_REQUIRE_ENCRYPTED, 0);
	says(N, "dane-only");
}
END_TEST

START_TEST(postfix_waits_for_what_it_has_no_words_for)
{
	static const enum verify_by by[] = { VERIFY_BY_PIN, VERIFY_BY_CA };

	signed_hosts();
	for (size_t i = 0; i < COUNT_OF(by); i++) {
		with_rule(OVERRIDE_REQUIRE_VERIFIED, 0);
		rule.verify_by = by[i];
		waits(N, "no level of Postfix");
		/* Beside TLSA records too: one of the two would be left out. */
		say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
		say(DNS_TLSA, TLSA2, SECURE, "3 1 1 bb");
		waits(N, "no level of Postfix");
		say(DNS_TLSA, TLSA1, SECURE, "nodata");
		say(DNS_TLSA, TLSA2, SECURE, "nodata");
	}
	rule.verify_by = VERIFY_BY_PKIX;
	says(N, "secure match=" MX1 ":" MX2 " servername=hostname");
	rule.verify_by = VERIFY_BY_DANE;
	waits(N, "no usable TLSA records");
	rule.verify_by = VERIFY_BY_ANY;
	with_rule(OVERRIDE_REQUIRE_ENCRYPTED, 0);
	says(N, "encrypt");
	rule.min_tls = MIN_TLS_1_3;
	waits(N, "no level of Postfix");
	rule.min_tls = MIN_TLS_1_2;
	rule.has_identity = true;
	waits(N, "no level of Postfix");
	rule.has_identity = false;
	/* Where it may go in clear older TLS is taken all the same. */
	conf.rule_count = 0;
	conf.smtp_min_tls = MIN_TLS_1_3;
	says(N, "may");
}
END_TEST

/* The exception is for one host, and anybody may name another. */
START_TEST(postfix_waits_for_what_a_host_not_known_yet_would_have_to_meet)
{
	static const char *everyone[] = { "*" };

	unsigned_host();
	say(DNS_MX, N, INSECURE, "10 " MX2);
	say(DNS_A, MX2, INSECURE, "192.0.2.2");
	with_exception(true);
	exception.allow = LEVEL_MAY;
	with_rule(OVERRIDE_REQUIRE_ENCRYPTED, 0);
	rule.domains = everyone;
	says(N, "encrypt");
	rule.min_tls = MIN_TLS_1_3;
	waits(N, "no level of Postfix");
	rule.min_tls = MIN_TLS_1_2;
	rule.has_identity = true;
	waits(N, "no level of Postfix");
	rule.has_identity = false;
	rule.require = OVERRIDE_REQUIRE_VERIFIED;
	rule.verify_by = VERIFY_BY_PIN;
	waits(N, "no level of Postfix");
	rule.verify_by = VERIFY_BY_ANY;
	rule.domains = domains;
}
END_TEST

/* Nobody asks it what becomes of the mail: Postfix has it. */
START_TEST(hop_is_without_what_becomes_of_unmet_mail)
{
	signed_host();
	conf.smtp_unmet = UNMET_BOUNCE;
	ck_assert_int_eq(plan_for_hop(N)->unmet, UNMET_DEFER);
	ck_assert_int_eq(plan_n()->unmet, UNMET_BOUNCE);
}
END_TEST

/* RFC 9325 7.1: no name that only an unsigned MX record gave. */
START_TEST(postfix_is_told_the_domain_where_its_mx_is_not_signed)
{
	unsigned_host();
	with_rule(OVERRIDE_REQUIRE_VERIFIED, 0);
	says(N, "secure match=" N " servername=hostname");
	conf.rule_count = 0;
	conf.smtp_floor = LEVEL_VERIFY;
	says(N, "secure match=" N " servername=hostname");
	waits("[192.0.2.1]", "no level of Postfix");
	says("[" MX1 "]", "secure match=" MX1 " servername=hostname");
}
END_TEST

START_TEST(postfix_is_told_none_by_an_exception_for_all_hosts_alone)
{
	signed_hosts();
	with_exception(false);
	says(N, "none");
	with_exception(true);
	says(N, "may");
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	says(N, "dane");
	enforce("*.example.org");
	unsigned_host();
	with_exception(false);
	says(N, "none");
	/* For one host, and anybody may say that it is the domain's. */
	say(DNS_MX, N, INSECURE, "10 " MX2);
	say(DNS_A, MX2, INSECURE, "192.0.2.2");
	with_exception(true);
	waits(N, "no level of Postfix");
}
END_TEST

/* It knows no "unless that fails": what the exception lowers is required. */
START_TEST(inv_04_postfix_is_told_what_counts_before_anything_is_waived)
{
	static const char *everybody[] = { "*" };

	signed_hosts();
	say(DNS_TLSA, TLSA1, SECURE, "3 1 1 aa");
	say(DNS_TLSA, TLSA2, SECURE, "2 0 1 bb");
	with_exception(false);
	exception.waives = 1u << WAIVE_PLAIN;
	says(N, "dane-only");
	/* Nor for what is waived by the plan. */
	say(DNS_TLSA, TLSA1, SECURE, "nodata");
	say(DNS_TLSA, TLSA2, SECURE, "nodata");
	unsigned_host();
	say(DNS_MX, N, INSECURE, "10 " MX1 ", 20 " MX2);
	say(DNS_A, MX2, INSECURE, "192.0.2.2");
	enforce(MX2);
	says(N, "secure match=" MX2 " servername=hostname");
	enforce("mx9.example.org");
	waits(N, "does not name this MX host");
	signed_host();
	sts.state = STS_ST_ABSENT;
	say(DNS_TLSA, TLSA1, BOGUS, "fail");
	waits(N, "lookup of TLSA records failed");
	/* Nor is the local default, also of hosts that are not yet known. */
	say(DNS_TLSA, TLSA1, SECURE, "nodata");
	unsigned_host();
	with_rule(OVERRIDE_REQUIRE_ENCRYPTED, 0);
	rule.domains = everybody;
	says(N, "encrypt");
	exception.mx_count = 1;
	says(N, "encrypt");
	rule.domains = domains;
}
END_TEST

START_TEST(postfix_waits_for_what_is_not_known)
{
	say(DNS_MX, N, ERROR, "fail");
	waits(N, "lookup of its MX records failed");
	signed_host();
	say(DNS_TLSA, TLSA1, BOGUS, "fail");
	waits(N, "lookup of TLSA records failed");
	say(DNS_MX, N, SECURE, "0 .");
	waits(N, "null MX");
	unsigned_host();
	sts = (struct sts_fact){
		.state = STS_ST_UNKNOWN, .id = "", .why = "SERVFAIL"
	};
	waits(N, "MTA-STS");
}
END_TEST

/* ---- next hops ---- */

START_TEST(hop_of_a_host_asks_at_its_port_and_for_no_policy)
{
	const struct plan *plan;

	say(DNS_A, MX1, SECURE, "192.0.2.1");
	say(DNS_TLSA, "_587._tcp." MX1, SECURE, "3 1 1 aa");
	plan = plan_for_hop("[" MX1 "]:submission");
	ck_assert_str_eq(plan->domain, "[" MX1 "]:587");
	ck_assert(plan->hop);
	check_host(&plan->host[0], MX1, DANE_D1_USABLE);
	ck_assert_uint_eq(asked_sts, 0);
	says("[" MX1 "]:587", "dane-only");
}
END_TEST

START_TEST(hop_goes_by_no_route_of_its_recipients_and_past_no_loop)
{
	static struct conf_hop to = {
		.name = "relay.example.net", .port = 25, .is_host = true
	};
	static struct conf_route route = { .name = "r",
		.domains = domains,
		.domain_count = 1,
		.hop = &to,
		.hop_count = 1,
		.require = LEVEL_VERIFY,
		.user = "" };
	const struct plan *plan;

	conf.route = &route;
	conf.route_count = 1;
	conf.hostname = MX1;
	signed_host();
	say(DNS_A, MX1, SECURE, "127.0.0.1");
	plan = plan_for_hop(N);
	ck_assert_uint_eq(plan->host_count, 1);
	ck_assert_str_eq(plan->host[0].name, MX1);
	says(N, "may");
	/* But at the host that it leads to what it requires holds. */
	say(DNS_A, "relay.example.net", INSECURE, "10.0.0.1");
	says("[relay.example.net]",
	    "secure match=relay.example.net servername=hostname");
	says("[relay.example.net]:587", "may");
}
END_TEST

START_TEST(hop_of_a_domain_with_a_port_has_its_records_there)
{
	say(DNS_MX, N, SECURE, "10 " MX1);
	say(DNS_A, MX1, SECURE, "192.0.2.1");
	say(DNS_TLSA, "_2525._tcp." MX1, SECURE, "3 1 1 aa");
	says(N ":2525", "dane-only");
	says(N, "may");
}
END_TEST

START_TEST(hop_is_written_in_one_way)
{
	static const struct {
		const char *text, *want;
	} t[] = {
		{ "Example.ORG", "example.org:25" },
		{ "example.org.:587", "example.org:587" },
		{ "m\xc3\xbcller.example", "xn--mller-kva.example:25" },
		{ "[MX.example.org]", "[mx.example.org]:25" },
		{ "[mx.example.org]:smtps", "[mx.example.org]:465" },
		{ "[192.0.2.1]:26", "[192.0.2.1]:26" },
		{ "[2001:DB8::1]", "[IPv6:2001:db8::1]:25" },
		{ "[IPv6:2001:db8::1]:26", "[IPv6:2001:db8::1]:26" },
	};

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		struct conf_hop hop = hop_of(t[i].text), again;
		const char *text = hop_text(mem, &hop);

		ck_assert_str_eq(text, t[i].want);
		again = hop_of(text);
		ck_assert(hop_eq(&hop, &again));
	}
}
END_TEST

/* ---- requests ---- */

static enum status
request(struct span a, struct socketmap_request *r)
{
	struct diag why = { 0 };
	enum status st = socketmap_request(mem, a, 25, r, &why);

	ck_assert((st != ST_OK) == (*why.text != '\0'));
	return st;
}

START_TEST(socketmap_takes_map_and_key_and_nothing_else)
{
	static const char *const bad[] = { "", " ", "policy", "policy ",
		"Policy example.org", "other example.org",
		"policy  example.org", "policy a..b", "policy .", "policy [",
		"policy []", "policy [mx]x",
		"policy example.org:", "policy example.org:0",
		"policy example.org:65536", "policy example.org:http",
		"policy 192.0.2.1", "policy u@example.org",
		"policy /var/run/lmtp", "policy example.org:25:25",
		"policy example.org ", "policy example.org\n" };
	struct socketmap_request r;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_msg(request(span_str(bad[i]), &r) != ST_OK, "%s",
		    bad[i]);
	ck_assert_int_ne(request(SPAN_LIT("policy exam\0ple.org"), &r), ST_OK);
	ck_assert_int_eq(request(SPAN_LIT("policy example.org"), &r), ST_OK);
	ck_assert(!r.parent && r.map == SOCKETMAP_POLICY);
	ck_assert_str_eq(r.hop.name, "example.org");
	ck_assert_int_eq(request(SPAN_LIT("tlsrpt [a.example]:587"), &r),
	    ST_OK);
	ck_assert(r.map == SOCKETMAP_TLSRPT && r.hop.is_host);
	ck_assert_int_eq(request(SPAN_LIT("policy .example.org"), &r), ST_OK);
	ck_assert(r.parent);
}
END_TEST

static const char *
said(struct sbuf *b)
{
	struct span in = sbuf_view(b), out;

	ck_assert(!sbuf_failed(b));
	ck_assert_int_eq(netstring_take(&in, SOCKETMAP_REPLY_BYTES, &out),
	    ST_OK);
	ck_assert_uint_eq(in.n, 0);
	return span_dup(mem, out);
}

START_TEST(socketmap_replies_as_postfix_reads_them)
{
	static const struct postfix_answer known = {
		.level = POSTFIX_SECURE,
		.text = "secure match=a servername=hostname",
		.report = "policy_type=sts policy_domain=a",
		.valid_until = { MADE + 90999 },
	};
	static const struct postfix_answer wait = {
		.level = POSTFIX_WAIT, .text = "SERVFAIL", .report = ""
	};
	const struct wall made = { MADE };
	struct sbuf b;

	sbuf_init(&b, mem, SOCKETMAP_REPLY_BYTES + NETSTRING_FRAME_BYTES);
	socketmap_reply(&b, SOCKETMAP_POLICY, &known, made);
	ck_assert_str_eq(said(&b), "OK secure match=a servername=hostname");
	sbuf_reset(&b);
	socketmap_reply(&b, SOCKETMAP_TLSRPT, &known, made);
	ck_assert_str_eq(said(&b),
	    "OK secure match=a servername=hostname policy_ttl=90 "
	    "policy_type=sts policy_domain=a");
	sbuf_reset(&b);
	socketmap_reply(&b, SOCKETMAP_TLSRPT, &known, known.valid_until);
	ck_assert_ptr_nonnull(strstr(said(&b), " policy_ttl=1 "));
	sbuf_reset(&b);
	socketmap_reply(&b, SOCKETMAP_TLSRPT, &known,
	    (struct wall){ INT64_MIN });
	ck_assert_ptr_nonnull(strstr(said(&b), " policy_ttl=1"));
	sbuf_reset(&b);
	socketmap_reply(&b, SOCKETMAP_TLSRPT, &wait, made);
	ck_assert_str_eq(said(&b), "TEMP SERVFAIL");
	sbuf_reset(&b);
	socketmap_reply_notfound(&b);
	ck_assert_str_eq(said(&b), "NOTFOUND ");
	sbuf_reset(&b);
	socketmap_reply_perm(&b, "no");
	ck_assert_str_eq(said(&b), "PERM no");
}
END_TEST

/* The longest there can be fits what Postfix reads. */
START_TEST(socketmap_reply_about_the_largest_plan_fits)
{
	struct postfix_answer a;
	struct sbuf b;
	char *list = talloc_strdup(mem, "");

	for (unsigned i = 0; i < DNS_MAX_MX; i++) {
		char *name = need(talloc_asprintf(mem, "%u", 100 + i));

		while (strlen(name) < 240)
			name = need(talloc_asprintf_append(name, ".%055u", 1));
		list = need(talloc_asprintf_append(list, "%s10 %s",
		    i == 0 ? "" : ", ", name));
		say(DNS_A, name, INSECURE, "192.0.2.1");
		if (i < STS_MAX_MX)
			sts.policy.mx[i] = name;
	}
	say(DNS_MX, N, INSECURE, list);
	sts.state = STS_ST_ENFORCE;
	sts.policy.mode = STS_ENFORCE;
	sts.policy.mx_count = STS_MAX_MX;
	a = answer_to(N);
	ck_assert_int_eq(a.level, POSTFIX_SECURE);
	sbuf_init(&b, mem, SOCKETMAP_REPLY_BYTES + NETSTRING_FRAME_BYTES);
	socketmap_reply(&b, SOCKETMAP_TLSRPT, &a, (struct wall){ MADE });
	ck_assert_uint_gt(strlen(said(&b)), 45000);
}
END_TEST

/* ---- never weaker ---- */

/* What a host may be found to be on the wire. */
struct met {
	bool tls;
	const char *pkix; /* name that its trusted certificate has, or "" */
	bool tlsa;        /* its key is in its own TLSA records */
	bool other_key;   /* its key is in those of another host */
};

/* What no level of Postfix says is never met: it must not send there. */
static bool
passes_rule(const struct plan_host *h, const struct met *m)
{
	bool named = false;

	for (size_t i = 0; i < h->local_ref_count; i++)
		named |= strcmp(h->local_ref[i], m->pkix) == 0;
	return h->min_tls == MIN_TLS_1_2 && h->method != METHOD_PIN &&
	       h->method != METHOD_CA && h->also_local != METHOD_PIN &&
	       h->also_local != METHOD_CA &&
	       (h->also_local != METHOD_PKIX_LOCAL || named);
}

/* By the plan: as courier_conn and net/tls have it. */
static bool
gateway_sends(const struct plan_host *h, const struct met *m)
{
	bool named = false;

	if (h->skip || !passes_rule(h, m))
		return false;
	for (size_t i = 0; i < h->ref_count; i++)
		named |= *m->pkix != '\0' && strcmp(h->ref[i], m->pkix) == 0;
	switch (h->required) {
	case LEVEL_PLAIN:
	case LEVEL_MAY:
		return true;
	case LEVEL_ENCRYPT:
		return m->tls;
	case LEVEL_VERIFY:
	case LEVEL_DANE_ONLY:
		break;
	}
	if (!m->tls)
		return false;
	if (h->method != METHOD_DANE)
		return named;
	return m->tlsa &&
	       (!h->also_pkix_sts || strcmp(m->pkix, h->name) == 0) &&
	       (h->required != LEVEL_DANE_ONLY || h->in.mx_secure);
}

static bool
is_listed(const char *text, const char *name)
{
	struct span list, rest = span_str(text), one;

	if (*name == '\0' || !span_cut(rest, '=', &one, &rest))
		return false;
	ck_assert(span_cut(rest, ' ', &list, &rest));
	while (span_cut(list, ':', &one, &list))
		if (span_eq(one, name))
			return true;
	return span_eq(list, name);
}

/* Of the host with that number, all bytes of the key are that number. */
static bool
has_key(const char *text, const struct plan_host *h)
{
	return strstr(text, strcmp(h->name, MX1) == 0 ? "01:01" : "02:02") !=
	       NULL;
}

/*
 * TLS_README of Postfix, with smtp_dns_support_level = dnssec and
 * smtp_tls_dane_insecure_mx_policy = dane; h tells the state of DNS alone.
 */
static bool
postfix_sends(const struct postfix_answer *a, const struct plan_host *h,
    const struct met *m)
{
	switch (a->level) {
	case POSTFIX_NONE:
	case POSTFIX_MAY:
		return true;
	case POSTFIX_ENCRYPT:
		return m->tls;
	case POSTFIX_DANE:
		switch (h->dane) {
		case DANE_D1_USABLE:
			return m->tls && m->tlsa;
		case DANE_D2_UNUSABLE:
			return m->tls;
		case DANE_D3_NONE:
		case DANE_D4_INSECURE:
			return true;
		case DANE_D5_ERROR:
			return false;
		}
		ck_abort();
	case POSTFIX_DANE_ONLY:
		return m->tls && m->tlsa && h->dane == DANE_D1_USABLE &&
		       h->in.mx_secure;
	case POSTFIX_SECURE:
		return m->tls && is_listed(a->text, m->pkix);
	case POSTFIX_FINGERPRINT:
		return m->tls &&
		       ((m->tlsa && has_key(a->text, h)) || m->other_key);
	case POSTFIX_WAIT:
		return false;
	}
	ck_abort();
}

/* The limit that doc/socketmap.md tells of: one host in another's place. */
static bool
is_known_limit(const struct postfix_answer *a, const struct plan_host *h,
    const struct met *m)
{
	if (a->level == POSTFIX_SECURE)
		return strcmp(m->pkix, h->name) != 0 &&
		       h->method != METHOD_DANE &&
		       !(h->skip && h->dane == DANE_D5_ERROR);
	return a->level == POSTFIX_FINGERPRINT && m->other_key;
}

/* Is there a way to be met on which both send? */
static bool
never_weaker(const struct postfix_answer *a, const struct plan_host *h,
    const char *who)
{
	static const char *const names[] = { "", MX1, MX2, "mx3.example.org",
		N };
	bool any = false;

	for (unsigned bits = 0; bits < 8; bits++)
		for (size_t i = 0; i < COUNT_OF(names); i++) {
			const struct met m = { .tls = bits & 1,
				.pkix = names[i],
				.tlsa = (bits & 2) && h->dane == DANE_D1_USABLE,
				.other_key = bits & 4 };
			bool ours = gateway_sends(h, &m);
			bool theirs = postfix_sends(a, h, &m);

			any |= ours && theirs;
			if (theirs && !ours && !is_known_limit(a, h, &m))
				ck_abort_msg("%s (%s, %s): \"%s\" lets pass "
					     "tls=%d pkix=%s tlsa=%d other=%d",
				    who, h->row, level_name(h->required),
				    a->text, m.tls, m.pkix, m.tlsa,
				    m.other_key);
		}
	return any;
}

static const struct {
	enum dane_state dane;
	bool tlsa_only;
} states[] = {
	{ DANE_D1_USABLE, false },
	{ DANE_D2_UNUSABLE, false },
	{ DANE_D3_NONE, false },
	{ DANE_D4_INSECURE, false },
	{ DANE_D5_ERROR, false },
	{ DANE_D5_ERROR, true },
};
static const enum override_kind waivers[] = { OVERRIDE_NONE,
	OVERRIDE_PLAINTEXT_ALLOWED, OVERRIDE_MAY, OVERRIDE_REQUIRE_ENCRYPTED };
#define HOST_KINDS (COUNT_OF(states) * COUNT_OF(waivers) * 2u)

static uint8_t digest[2][32];
static struct tlsa keys[2];

/* One of the kinds of hosts, under what all have in common. */
static void
make_host(struct plan_host *h, const struct decide_in *common, size_t index,
    unsigned kind)
{
	static const char *const name[] = { MX1, MX2 };
	enum override_kind waiver = waivers[kind / 2 % COUNT_OF(waivers)];
	struct decide_out out;

	*h = (struct plan_host){ .name = name[index],
		.tlsa_base = "",
		.route = "",
		.identity = "",
		.in = *common };
	h->in.sts_mx_match = h->sts_mx_match = kind & 1;
	h->in.dane = h->dane = states[kind / 2 / COUNT_OF(waivers)].dane;
	h->in.error_is_tlsa_only = states[kind / 2 / COUNT_OF(waivers)]
				       .tlsa_only;
	if (waiver != OVERRIDE_NONE) {
		h->in.override = waiver;
		h->in.waiver = true;
	}
	out = decide(&h->in);
	h->skip = out.skip;
	h->required = out.required;
	h->method = out.method;
	h->also_pkix_sts = out.also_pkix_sts;
	h->also_local = out.also_local;
	h->min_tls = out.required < LEVEL_ENCRYPT ? MIN_TLS_1_2 :
						    conf.smtp_min_tls;
	h->won = out.rule;
	h->row = out.row;
	h->why = out.why;
	if (h->dane == DANE_D1_USABLE) {
		h->tlsa = &keys[index];
		h->tlsa_count = 1;
	}
	/* doc/policy.md: names a certificate may carry */
	if (h->method != METHOD_NONE)
		h->ref[h->ref_count++] = h->method != METHOD_PKIX_LOCAL ||
						 common->mx_secure ||
						 h->sts_mx_match ?
					     h->name :
					     N;
	if (h->also_local == METHOD_PKIX_LOCAL)
		h->local_ref[h->local_ref_count++] = h->name;
}

/* Another host, which unsigned MX records may name the next time. */
static void
make_stranger(struct plan_host *h, const struct decide_in *common)
{
	make_host(h, common, 0, 0);
	*h = (struct plan_host){
		.name = "mx3.example.org", .identity = "", .in = *common
	};
	h->in.dane = h->dane = DANE_D4_INSECURE;
	const struct decide_out out = decide(&h->in);

	h->skip = out.skip;
	h->required = out.required;
	h->method = out.method;
	h->also_local = out.also_local;
	h->min_tls = out.required < LEVEL_ENCRYPT ? MIN_TLS_1_2 :
						    conf.smtp_min_tls;
	h->row = out.row;
	h->won = out.rule;
	if (h->method == METHOD_PKIX_LOCAL)
		h->ref[h->ref_count++] = N;
}

static size_t told[POSTFIX_LEVEL_COUNT];

static void
try_plan(const struct decide_in *common, unsigned a_kind, unsigned b_kind)
{
	const struct conf_hop hop = { .name = N, .port = 25 };
	struct plan_host host[2], stranger;
	struct plan plan = { .domain = N ":25",
		.verdict = PLAN_DELIVER,
		.mx_secure = common->mx_secure,
		.sts = { .state = common->sts },
		.host = host,
		.host_count = 2 };
	struct postfix_answer a;
	bool any = false;

	plan.sts.policy = sts.policy;
	make_host(&host[0], common, 0, a_kind);
	make_host(&host[1], common, 1, b_kind);
	postfix_answer(mem, &conf, &hop, &plan, &a);
	for (size_t i = 0; i < 2; i++)
		any |= never_weaker(&a, &host[i], host[i].name);
	if (!common->mx_secure) {
		make_stranger(&stranger, common);
		(void)never_weaker(&a, &stranger, "a stranger");
	}
	told[a.level]++;
	ck_assert_msg(a.level == POSTFIX_WAIT || any,
	    "\"%s\" leaves no way: %s, %s", a.text, host[0].row, host[1].row);
}

static void
try_pairs(const struct decide_in *common)
{
	TALLOC_CTX *outer = mem;

	for (unsigned a = 0; a < HOST_KINDS; a++)
		for (unsigned b = a; b < HOST_KINDS; b++) {
			mem = talloc_new(outer);
			try_plan(common, a, b);
			talloc_free(mem);
			mem = outer;
		}
}

/* What rules and options require of all hosts. */
struct common {
	enum level floor;
	bool never;
	enum verify_by by;
	enum min_tls min_tls;
};

/*
 * Every pair of hosts under every policy and knob that all have in common:
 * whatever is met on the wire, where Postfix sends the gateway would.
 */
static void
try_all(const struct common *c)
{
	struct decide_in in;

	for (size_t i = 0; i < 2; i++) {
		memset(digest[i], (int)i + 1, 32);
		keys[i] = (struct tlsa){ TLSA_DANE_EE, 1, 1,
			span_of(digest[i], 32), TLSA_USABLE };
	}
	enforce("*.example.org");
	conf.smtp_min_tls = c->min_tls;
	for (unsigned bits = 0; bits < 4; bits++)
		for (unsigned state = 0; state < STS_STATE_COUNT; state++) {
			in = (struct decide_in){
				.sts = (enum sts_state)state,
				.mx_secure = bits & 1,
				.dane_and_sts_both = bits & 2,
				.never_plaintext = c->never,
				.sts_unknown_defers = true,
				.floor = c->floor,
				.verify_by = c->by,
			};
			try_pairs(&in);
		}
}

START_TEST(postfix_never_sends_where_the_gateway_would_not)
{
	static const struct common all[] = {
		{ LEVEL_PLAIN, false, VERIFY_BY_ANY, MIN_TLS_1_2 },
		{ LEVEL_PLAIN, true, VERIFY_BY_ANY, MIN_TLS_1_2 },
		{ LEVEL_ENCRYPT, false, VERIFY_BY_ANY, MIN_TLS_1_2 },
		{ LEVEL_VERIFY, false, VERIFY_BY_ANY, MIN_TLS_1_2 },
		{ LEVEL_DANE_ONLY, false, VERIFY_BY_ANY, MIN_TLS_1_2 },
	};

	for (size_t i = 0; i < COUNT_OF(all); i++)
		try_all(&all[i]);
	for (unsigned level = 0; level < POSTFIX_LEVEL_COUNT; level++)
		ck_assert_msg(told[level] > 0, "never told: %s",
		    postfix_level_name((enum postfix_level)level));
}
END_TEST

START_TEST(postfix_never_sends_for_less_than_a_rule_demands_beside_a_level)
{
	static const struct common all[] = {
		{ LEVEL_ENCRYPT, false, VERIFY_BY_ANY, MIN_TLS_1_3 },
		{ LEVEL_PLAIN, false, VERIFY_BY_DANE, MIN_TLS_1_2 },
		{ LEVEL_PLAIN, false, VERIFY_BY_PKIX, MIN_TLS_1_2 },
		{ LEVEL_PLAIN, false, VERIFY_BY_PIN, MIN_TLS_1_2 },
		{ LEVEL_PLAIN, false, VERIFY_BY_CA, MIN_TLS_1_2 },
	};

	for (size_t i = 0; i < COUNT_OF(all); i++)
		try_all(&all[i]);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		postfix_is_told_dane_only_where_every_host_has_tlsa_records,
		postfix_is_told_dane_where_only_some_hosts_have_tlsa_records,
		postfix_is_told_encrypt_where_no_tlsa_record_can_be_used,
		postfix_is_told_may_where_nothing_is_published,
		postfix_is_told_the_names_of_hosts_that_the_policy_names,
		postfix_is_told_what_to_report_of_a_policy,
		postfix_is_told_keys_where_half_dane_meets_a_policy_in_force,
		postfix_is_told_dane_only_where_a_policy_covers_the_other_hosts,
		postfix_is_told_what_a_rule_requires,
		postfix_waits_for_what_it_has_no_words_for,
		postfix_waits_for_what_a_host_not_known_yet_would_have_to_meet,
		postfix_is_told_the_domain_where_its_mx_is_not_signed,
		postfix_is_told_none_by_an_exception_for_all_hosts_alone,
		inv_04_postfix_is_told_what_counts_before_anything_is_waived,
		postfix_waits_for_what_is_not_known,
		hop_of_a_host_asks_at_its_port_and_for_no_policy,
		hop_is_without_what_becomes_of_unmet_mail,
		hop_goes_by_no_route_of_its_recipients_and_past_no_loop,
		hop_of_a_domain_with_a_port_has_its_records_there,
		hop_is_written_in_one_way,
		socketmap_takes_map_and_key_and_nothing_else,
		socketmap_replies_as_postfix_reads_them,
		socketmap_reply_about_the_largest_plan_fits,
		postfix_never_sends_where_the_gateway_would_not,
		postfix_never_sends_for_less_than_a_rule_demands_beside_a_level,
	};

	return run_tests("postfix", tests, COUNT_OF(tests));
}
