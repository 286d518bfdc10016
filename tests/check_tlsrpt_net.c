/* SPDX-License-Identifier: BSD-2-Clause */
/* What the advisor does for TLS reports: lookups, and posts to strangers. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/tlsrpt_net.h"
#include "tests/replay/sim.h"
#include "util/pack.h"

#define DOMAIN "d.example"
#define HOST   "r.example"
#define URI    "https://r.example/in?x=1"

static TALLOC_CTX *mem;
static struct sim *sim;
static struct log quiet;
static struct conf conf;
static struct tlsrpt_net *t;
static struct diag why;

/* What it said last. */
static unsigned said;
static enum wire_type said_type;
static struct span said_payload;

static void
hear(void *arg, enum wire_type type, struct span payload)
{
	(void)arg;
	said++;
	said_type = type;
	said_payload = span_copy(mem, payload);
}

static void
no_log(void *arg, enum log_level level, struct span line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static void
publish(const char *name, enum dns_type type, enum sim_dns how,
    const char *rdata)
{
	sim_dns_set(sim, name, type, how, 300, &rdata, rdata == NULL ? 0 : 1);
}

static void
set_up(void)
{
	struct role_env env;

	mem = talloc_new(NULL);
	quiet = (struct log){
		.level = LOG_LEVEL_ERROR, .role = "test", .write = no_log
	};
	conf = (struct conf){ .sts_fetch_ms = 60000 };
	sim = sim_new(mem, (struct wall){ INT64_C(1795508513000) }, 7);
	env = (struct role_env){ sim_net(sim), &quiet, &conf };
	t = tlsrpt_net_new(mem, &env, hear, NULL);
	publish(HOST, DNS_A, SIM_INSECURE, "203.0.113.9");
	publish(HOST, DNS_AAAA, SIM_INSECURE, NULL);
	sim_endpoint_set(sim, HOST, 200);
	said = 0;
	why = (struct diag){ 0 };
}

static void
tear_down(void)
{
	talloc_free(mem);
}

/* ---- who wants them ---- */

static struct wire_tlsrpt_record
want(void)
{
	struct wire_tlsrpt_record r = { 0 };
	struct sbuf b;

	sbuf_init(&b, mem, 1024);
	pack_u32(&b, 17);
	pack_str(&b, DOMAIN);
	ck_assert_int_eq(tlsrpt_net_want(t, sbuf_view(&b), &why), ST_OK);
	ck_assert_uint_eq(said, 0); /* later, from the loop */
	sim_run(sim, 60000, NULL, NULL);
	ck_assert_uint_eq(said, 1);
	ck_assert_int_eq(said_type, WIRE_TLSRPT_RECORD);
	ck_assert_int_eq(wire_unpack_tlsrpt_record(mem, said_payload, &r, &why),
	    ST_OK);
	ck_assert_uint_eq(r.token, 17);
	said = 0;
	return r;
}

START_TEST(rpt_01_where_a_domain_wants_reports_is_looked_up)
{
	struct wire_tlsrpt_record r;

	publish("_smtp._tls." DOMAIN, DNS_TXT, SIM_INSECURE,
	    "\"v=TLSRPTv1; rua=mailto:a@x.example,\" \"" URI "\"");
	r = want();
	ck_assert_int_eq(r.found, TLSRPT_NAMED);
	ck_assert_uint_eq(r.ttl_s, 300);
	ck_assert_uint_eq(r.to.rua_count, 2);
	ck_assert_int_eq(r.to.rua[0].scheme, TLSRPT_MAILTO);
	ck_assert_str_eq(r.to.rua[0].target, "a@x.example");
	ck_assert_str_eq(r.to.rua[1].target, URI);
}
END_TEST

START_TEST(rpt_01_a_domain_without_one_good_record_wants_none)
{
	ck_assert_int_eq(want().found, TLSRPT_NOBODY); /* NXDOMAIN */
	publish("_smtp._tls." DOMAIN, DNS_TXT, SIM_SECURE, NULL);
	ck_assert_int_eq(want().found, TLSRPT_NOBODY);
	publish("_smtp._tls." DOMAIN, DNS_TXT, SIM_SECURE, "\"v=TLSRPTv2; x\"");
	ck_assert_int_eq(want().found, TLSRPT_NOBODY);
}
END_TEST

START_TEST(rpt_06_a_lookup_that_fails_is_no_answer)
{
	static const enum sim_dns hows[] = { SIM_SERVFAIL, SIM_BOGUS,
		SIM_SILENT };

	publish("_smtp._tls." DOMAIN, DNS_TXT, hows[_i],
	    "\"v=TLSRPTv1; rua=mailto:a@x.example\"");
	ck_assert_int_eq(want().found, TLSRPT_UNKNOWN);
}
END_TEST

/* ---- posts ---- */

static const char *posted_why;

static bool
post_to(const char *uri)
{
	struct sbuf b;
	struct unpack u;
	bool taken;

	sbuf_init(&b, mem, 4096);
	pack_u32(&b, 18);
	pack_str(&b, uri);
	pack_bytes(&b, SPAN_LIT("\x1f\x8b document"));
	said = 0;
	ck_assert_int_eq(tlsrpt_net_post(t, sbuf_view(&b), &why), ST_OK);
	ck_assert_uint_eq(said, 0);
	sim_run(sim, 60000, NULL, NULL);
	ck_assert_uint_eq(said, 1);
	ck_assert_int_eq(said_type, WIRE_TLSRPT_POSTED);
	u = unpack_from(said_payload);
	ck_assert_uint_eq(unpack_u32(&u), 18);
	taken = unpack_bool(&u);
	posted_why = unpack_str(&u, mem);
	ck_assert_int_eq(unpack_done(&u), ST_OK);
	return taken;
}

START_TEST(rpt_41_the_document_is_posted_as_it_is_with_its_media_type)
{
	struct sim_posts p;

	ck_assert(post_to(URI));
	p = sim_posts(sim, HOST);
	ck_assert_uint_eq(p.count, 1);
	ck_assert_str_eq(p.path, "/in?x=1");
	ck_assert_str_eq(p.media, "application/tlsrpt+gzip");
	ck_assert(span_eq(p.body, "\x1f\x8b document"));
	ck_assert_uint_eq(p.addr.port, 443);
}
END_TEST

START_TEST(rpt_43_only_success_is_success)
{
	static const struct {
		int status;
		bool taken;
	} all[] = { { 200, true }, { 201, true }, { 202, true }, { 204, true },
		{ 299, true }, { 100, false }, { 301, false }, { 302, false },
		{ 308, false }, { 400, false }, { 404, false }, { 429, false },
		{ 500, false }, { 503, false }, { 0, false } };

	for (size_t i = 0; i < COUNT_OF(all); i++) {
		sim_endpoint_set(sim, HOST, all[i].status);
		ck_assert_msg(post_to(URI) == all[i].taken, "%d",
		    all[i].status);
	}
	ck_assert_str_eq(posted_why, "connection refused");
	/* RPT-42: each was one request; none was sent on to another place. */
	ck_assert_uint_eq(sim_posts(sim, HOST).count, COUNT_OF(all));
}
END_TEST

START_TEST(rpt_42_a_bad_certificate_is_taken_unless_it_may_not_be)
{
	sim_endpoint_set(sim, HOST, -1);
	ck_assert(post_to(URI));
	conf.tlsrpt_https_verify = true;
	tlsrpt_net_reload(t, &conf);
	ck_assert(!post_to(URI));
	ck_assert_ptr_nonnull(strstr(posted_why, "certificate"));
}
END_TEST

START_TEST(rpt_43_b3_9_no_report_is_posted_to_an_address_of_our_own_network)
{
	static const char *const own[] = { "127.0.0.1", "10.1.2.3",
		"192.168.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1" };

	for (size_t i = 0; i < COUNT_OF(own); i++) {
		publish(HOST, DNS_A, SIM_SECURE, own[i]);
		ck_assert_msg(!post_to(URI), "%s", own[i]);
		ck_assert_ptr_nonnull(strstr(posted_why, "no address"));
	}
	publish(HOST, DNS_AAAA, SIM_SECURE, "::1");
	ck_assert(!post_to(URI));
	ck_assert_uint_eq(sim_posts(sim, HOST).count, 0);
	/* Only what may be used is. */
	publish(HOST, DNS_AAAA, SIM_SECURE, "2001:db8:1::9");
	conf.sts_allow_private = true;
	publish(HOST, DNS_A, SIM_SECURE, "10.1.2.3");
	ck_assert(post_to(URI));
}
END_TEST

START_TEST(rpt_43_a_host_whose_addresses_are_not_known_is_tried_later)
{
	publish(HOST, DNS_A, SIM_SERVFAIL, NULL);
	ck_assert(!post_to(URI));
	ck_assert_ptr_nonnull(strstr(posted_why, "addresses of " HOST));
}
END_TEST

START_TEST(rpt_43_a_uri_that_leads_elsewhere_is_refused)
{
	static const char *const bad[] = { "https://r.example:25/",
		"https://r.example:8443/x", "https://user@r.example/",
		"https://127.0.0.1/", "https://[::1]/", "https://",
		"https:///x", "https://r..example/", "http://r.example/",
		"https://r.example:/", "https://r.example:443x/" };

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_msg(!post_to(bad[i]), "%s", bad[i]);
	ck_assert_uint_eq(sim_posts(sim, HOST).count, 0);
}
END_TEST

START_TEST(an_https_uri_is_a_host_and_a_path)
{
	static const struct {
		const char *uri, *host, *path;
	} all[] = {
		{ "https://r.example", HOST, "/" },
		{ "https://r.example/", HOST, "/" },
		{ "HTTPS://R.Example:443/a/b?c=d", HOST, "/a/b?c=d" },
		{ "https://r.example?q", HOST, "/?q" },
		{ "https://r.example/a#part", HOST, "/a" },
		{ "https://r.example/a@b:c", HOST, "/a@b:c" },
	};

	for (size_t i = 0; i < COUNT_OF(all); i++) {
		struct tlsrpt_endpoint e;

		ck_assert_msg(tlsrpt_endpoint_parse(mem, span_str(all[i].uri),
				  &e, &why) == ST_OK,
		    "%s: %s", all[i].uri, why.text);
		ck_assert_str_eq(e.host, all[i].host);
		ck_assert_str_eq(e.path, all[i].path);
	}
}
END_TEST

START_TEST(what_the_keeper_may_not_say_is_refused)
{
	struct sbuf b;

	sbuf_init(&b, mem, 1024);
	ck_assert_int_eq(tlsrpt_net_want(t, SPAN_LIT("x"), &why), ST_SYNTAX);
	ck_assert_int_eq(tlsrpt_net_post(t, SPAN_LIT("x"), &why), ST_SYNTAX);
	pack_u32(&b, 1);
	pack_str(&b, DOMAIN);
	for (unsigned i = 0; i < TLSRPT_NET_WANTS; i++)
		ck_assert_int_eq(tlsrpt_net_want(t, sbuf_view(&b), &why),
		    ST_OK);
	ck_assert_int_eq(tlsrpt_net_want(t, sbuf_view(&b), &why), ST_SYNTAX);
	tlsrpt_net_forget(t);
	ck_assert_int_eq(tlsrpt_net_want(t, sbuf_view(&b), &why), ST_OK);
	sim_run(sim, 60000, NULL, NULL);
	ck_assert_uint_eq(said, 1); /* the forgotten are not answered */
}
END_TEST

/* ---- the frame ---- */

static enum status
unpack_of(const struct wire_tlsrpt_record *r)
{
	struct wire_tlsrpt_record out;
	struct sbuf b;

	sbuf_init(&b, mem, 1u << 16);
	wire_pack_tlsrpt_record(&b, r);
	return wire_unpack_tlsrpt_record(mem, sbuf_view(&b), &out, &why);
}

START_TEST(b3_12_a_record_that_is_none_is_refused)
{
	struct wire_tlsrpt_record r = { .found = TLSRPT_NAMED,
		.to = { { { TLSRPT_MAILTO, "a@b" } }, 1 },
		.why = "" };

	ck_assert_int_eq(unpack_of(&r), ST_OK);
	r.to.rua_count = 0;
	ck_assert_int_eq(unpack_of(&r), ST_SYNTAX); /* named, and nobody */
	r.found = TLSRPT_NOBODY;
	ck_assert_int_eq(unpack_of(&r), ST_OK);
	r.to.rua_count = 1;
	ck_assert_int_eq(unpack_of(&r), ST_SYNTAX);
	r.found = TLSRPT_NAMED;
	r.to.rua[0].target = "a@b\r\nRCPT TO:<x>";
	ck_assert_int_eq(unpack_of(&r), ST_SYNTAX);
	r.to.rua[0].target = "";
	ck_assert_int_eq(unpack_of(&r), ST_SYNTAX);
	r.to.rua[0].target = "a@b";
	r.to.rua[0].scheme = (enum tlsrpt_scheme)TLSRPT_SCHEMES;
	ck_assert_int_eq(unpack_of(&r), ST_SYNTAX);
}
END_TEST

START_TEST(b3_12_an_order_for_half_a_day_is_refused)
{
	struct wire_tlsrpt_send w = { { 86400000 }, DOMAIN, "root" }, out;
	struct sbuf b;

	sbuf_init(&b, mem, 1024);
	wire_pack_tlsrpt_send(&b, &w);
	ck_assert_int_eq(wire_unpack_tlsrpt_send(mem, sbuf_view(&b), &out,
			     &why),
	    ST_OK);
	w.day.ms++;
	sbuf_reset(&b);
	wire_pack_tlsrpt_send(&b, &w);
	ck_assert_int_eq(wire_unpack_tlsrpt_send(mem, sbuf_view(&b), &out,
			     &why),
	    ST_SYNTAX);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tlsrpt_net");
	TCase *tc = tcase_create("tlsrpt_net");
	SRunner *sr;
	int failed;

	status_init();
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, rpt_01_where_a_domain_wants_reports_is_looked_up);
	tcase_add_test(tc, rpt_01_a_domain_without_one_good_record_wants_none);
	tcase_add_loop_test(tc, rpt_06_a_lookup_that_fails_is_no_answer, 0, 3);
	tcase_add_test(tc,
	    rpt_41_the_document_is_posted_as_it_is_with_its_media_type);
	tcase_add_test(tc, rpt_43_only_success_is_success);
	tcase_add_test(tc,
	    rpt_42_a_bad_certificate_is_taken_unless_it_may_not_be);
	tcase_add_test(tc,
	    rpt_43_b3_9_no_report_is_posted_to_an_address_of_our_own_network);
	tcase_add_test(tc,
	    rpt_43_a_host_whose_addresses_are_not_known_is_tried_later);
	tcase_add_test(tc, rpt_43_a_uri_that_leads_elsewhere_is_refused);
	tcase_add_test(tc, an_https_uri_is_a_host_and_a_path);
	tcase_add_test(tc, what_the_keeper_may_not_say_is_refused);
	tcase_add_test(tc, b3_12_a_record_that_is_none_is_refused);
	tcase_add_test(tc, b3_12_an_order_for_half_a_day_is_refused);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
