/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policy fetches from a scripted HTTPS server on the same loop.  The port is
 * 443, so the server has loopback addresses of its own; where they cannot be
 * had the program says so and passes.
 */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mtasts/sts_policy.h"
#include "net/net_real.h"
#include "tests/certs.h"
#include "tests/loop.h"

#define HOST "mta-sts.example.org"
#define PATH "/.well-known/mta-sts.txt"
#define POLICY                                                                 \
	"version: STSv1\r\nmode: enforce\r\nmx: mx.example.org\r\n"            \
	"max_age: 86400\r\n"
#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"

static struct cert *root;
static struct netaddr here, elsewhere; /* listening; nobody there */

/* ---- the server ---- */

static SSL_CTX *server_ctx;
static struct span response;
static bool server_hangs; /* after the response */
static size_t awaited;    /* bytes of a request's body */
static unsigned connections, requests;
static char request[4096];
static char seen_sni[256];

struct visit {
	SSL *ssl;
	int fd;
	size_t n;
	size_t sent;
	char text[4096];
	struct net_watch *watch;
	struct net_timer *again;
};

static void visit_go(void *arg);

static int
visit_destroy(struct visit *v)
{
	talloc_free(v->watch);
	SSL_free(v->ssl);
	close(v->fd);
	return 0;
}

static void
visit_end(struct visit *v)
{
	SSL_shutdown(v->ssl);
	talloc_free(v);
}

/* As far as the socket takes it; then again in a while. */
static void
visit_answer(struct visit *v)
{
	while (v->sent < response.n) {
		size_t part = response.n - v->sent;
		int n = SSL_write(v->ssl, response.p + v->sent,
		    (int)(part < 16384 ? part : 16384));

		if (n <= 0) {
			if (SSL_get_error(v->ssl, n) != SSL_ERROR_WANT_WRITE) {
				visit_end(v);
				return;
			}
			net_timer_set(v->again, mono_after(net_now(net), 5));
			return;
		}
		v->sent += (size_t)n;
	}
	if (!server_hangs)
		visit_end(v);
}

static void
visit_go(void *arg)
{
	struct visit *v = arg;
	const char *sni, *end;
	int n;

	if (v->sent > 0) {
		visit_answer(v);
		return;
	}
	n = SSL_read(v->ssl, v->text + v->n, (int)(sizeof(v->text) - 1 - v->n));
	if (n <= 0) {
		if (SSL_get_error(v->ssl, n) != SSL_ERROR_WANT_READ)
			visit_end(v);
		ERR_clear_error();
		return;
	}
	v->n += (size_t)n;
	v->text[v->n] = '\0';
	end = strstr(v->text, "\r\n\r\n");
	if (end == NULL || v->n < (size_t)(end + 4 - v->text) + awaited)
		return;
	requests++;
	memcpy(request, v->text, v->n + 1);
	sni = SSL_get_servername(v->ssl, TLSEXT_NAMETYPE_host_name);
	snprintf(seen_sni, sizeof(seen_sni), "%s", sni == NULL ? "-" : sni);
	visit_answer(v);
}

static void
visitor(void *arg)
{
	struct visit *v = talloc_zero(mem, struct visit);

	v->fd = accept4(*(int *)arg, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ck_assert_int_ge(v->fd, 0);
	connections++;
	v->ssl = SSL_new(server_ctx);
	SSL_set_fd(v->ssl, v->fd);
	SSL_set_accept_state(v->ssl);
	SSL_set_mode(v->ssl, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	talloc_set_destructor(v, visit_destroy);
	v->watch = net_real_watch(v, net, v->fd, visit_go, v);
	v->again = net_timer_new(v, net, visit_go, v);
}

static void
serve(const struct cert *leaf)
{
	SSL_CTX_free(server_ctx);
	server_ctx = cert_server(leaf, NULL, 0);
}

static void
respond(const char *text)
{
	response = span_str(text);
}

/* ---- the client ---- */

static struct fetch_result got;
static unsigned ended;
static char got_media[128], got_why[256];
static struct span got_body;

static void
done(void *arg, const struct fetch_result *r)
{
	struct fetch **f = arg;

	ended++;
	got = *r;
	ck_assert_ptr_nonnull(r->media);
	ck_assert_ptr_nonnull(r->why);
	snprintf(got_media, sizeof(got_media), "%s", r->media);
	snprintf(got_why, sizeof(got_why), "%s", r->why);
	got_body = span_copy(mem, r->body);
	TALLOC_FREE(*f); /* in its own callback */
	net_real_stop(net);
}

static void
fetch_from(const struct netaddr *addrs, size_t count, int64_t deadline_ms)
{
	struct fetch *f;

	ended = 0;
	f = net_fetch(mem, net, HOST, PATH, addrs, count, deadline_ms, done,
	    &f);
	ck_assert_uint_eq(ended, 0);
	run();
	ck_assert_uint_eq(ended, 1);
}

static void
fetch(void)
{
	fetch_from(&here, 1, 30000);
}

static void
assert_policy(void)
{
	ck_assert_msg(got.ok, "%s", got_why);
	ck_assert_int_eq(got.status, 200);
	ck_assert(span_eq(got_body, POLICY));
	ck_assert(!got.tls_failed);
}

static void
assert_failed(bool by_tls)
{
	ck_assert(!got.ok);
	ck_assert_int_eq(got.tls_failed, by_tls);
	ck_assert_str_ne(got_why, "");
}

/* ---- world ---- */

static int listen_fd;

static const uint8_t here_ip[4] = { 127, 0, 0, 53 };
static const uint8_t elsewhere_ip[4] = { 127, 0, 0, 54 };

static void
set_up(void)
{
	char path[] = "/tmp/check_https.XXXXXX";
	struct netaddr at = netaddr_ip4(here_ip, 443);
	struct span pem;
	struct diag why;
	int fd;

	signal(SIGPIPE, SIG_IGN); /* the server is plain OpenSSL */
	mem = talloc_new(NULL);
	loop_new(log_none());
	root = cert_ca(mem, "Root", NULL);
	pem = cert_pem(mem, (const struct cert *const *)&root, 1);
	fd = mkstemp(path);
	ck_assert_int_eq(write(fd, pem.p, pem.n), (ssize_t)pem.n);
	close(fd);
	ck_assert_int_eq(net_real_https(net, path, &why), ST_OK);
	unlink(path); /* opened now, never later */
	listen_fd = net_real_bind(&at, &why);
	ck_assert_msg(listen_fd >= 0, "%s", why.text);
	net_real_watch(mem, net, listen_fd, visitor, &listen_fd);
	here = netaddr_ip4(here_ip, 0);
	elsewhere = netaddr_ip4(elsewhere_ip, 0);
	connections = requests = 0;
	server_hangs = false;
	awaited = 0;
	server_ctx = NULL;
	serve(cert_leaf(mem, "DNS:" HOST, root));
	respond(OK_HEAD "\r\n" POLICY);
}

static void
tear_down(void)
{
	talloc_free(mem);
	SSL_CTX_free(server_ctx);
	close(listen_fd);
}

/* ---- what is asked ---- */

START_TEST(sts_11_the_request_is_a_get_of_the_well_known_path)
{
	fetch();
	assert_policy();
	ck_assert_str_eq(got_media, "text/plain");
	ck_assert_int_eq(strncmp(request, "GET " PATH " HTTP/1.1\r\n",
			     strlen("GET " PATH " HTTP/1.1\r\n")),
	    0);
	ck_assert_ptr_nonnull(strstr(request, "\r\nHost: " HOST "\r\n"));
	ck_assert_ptr_null(strcasestr(request, "\r\nCookie"));
	ck_assert_ptr_null(strcasestr(request, "\r\nAccept-Encoding"));
	ck_assert_ptr_null(strcasestr(request, "\r\nAuthorization"));
	ck_assert_str_eq(seen_sni, HOST);
	ck_assert_uint_eq(requests, 1);
}
END_TEST

START_TEST(sts_13_nothing_is_kept_between_two_fetches)
{
	respond(OK_HEAD
	    "Cache-Control: max-age=9999\r\n"
	    "Set-Cookie: a=b\r\n"
	    "Strict-Transport-Security: max-age=9999\r\n\r\n" POLICY);
	fetch();
	assert_policy();
	fetch();
	assert_policy();
	ck_assert_uint_eq(requests, 2);
	ck_assert_uint_eq(connections, 2);
	ck_assert_ptr_null(strcasestr(request, "\r\nCookie"));
}
END_TEST

/* Told as it came: only the caller knows what a status means. */
START_TEST(sts_13_a_redirect_is_not_followed)
{
	static const char *const lines[] = { "301 Moved", "302 Found",
		"307 Temporary", "308 Permanent", "404 Not Found", "500 Oops",
		"204 No Content" };
	char *text = talloc_asprintf(mem,
	    "HTTP/1.1 %s\r\nLocation: https://" HOST "/other\r\n"
	    "Content-Length: 0\r\n\r\n",
	    lines[_i]);

	respond(text);
	fetch();
	ck_assert(got.ok);
	ck_assert_int_eq(got.status, (lines[_i][0] - '0') * 100 +
					 (lines[_i][1] - '0') * 10 +
					 lines[_i][2] - '0');
	ck_assert_uint_eq(requests, 1);
}
END_TEST

START_TEST(sts_14_the_media_type_comes_without_parameters)
{
	static const struct {
		const char *header, *want;
	} rows[] = {
		{ "Content-Type: text/plain; charset=utf-8; x=y\r\n",
		    "text/plain" },
		{ "Content-Type: TEXT/Plain ;x\r\n", "text/plain" },
		{ "Content-Type: text/html\r\n", "text/html" },
		{ "", "" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		respond(talloc_asprintf(mem, "HTTP/1.1 200 OK\r\n%s\r\n%s",
		    rows[i].header, POLICY));
		fetch();
		assert_policy();
		ck_assert_str_eq(got_media, rows[i].want);
	}
}
END_TEST

/* ---- who answers ---- */

START_TEST(sts_12_the_certificate_must_be_for_the_policy_host)
{
	const struct cert_spec cn_only = { .cn = HOST };
	const struct cert_spec cn_mail = { .cn = HOST,
		.san = "email:x@example.org" };
	const struct cert_spec old = { .cn = "x",
		.san = "DNS:" HOST,
		.from_s = -2 * CERTS_DAY_S,
		.to_s = -CERTS_DAY_S };
	const struct cert_spec foreign = {
		.cn = "x", .san = "DNS:" HOST, .eku = "clientAuth"
	};
	const struct cert_spec weak = {
		.cn = "x", .san = "DNS:" HOST, .sha1 = true
	};
	struct cert *bad[] = {
		cert_leaf(mem, "DNS:example.org", root),
		cert_leaf(mem, "DNS:mta-sts.example.net", root),
		cert_leaf(mem, "DNS:mta*.example.org", root),
		cert_leaf(mem, "DNS:*.org", root),
		cert_make(mem, &cn_only, root),
		cert_make(mem, &cn_mail, root),
		cert_make(mem, &old, root),
		cert_make(mem, &foreign, root),
		cert_make(mem, &weak, root),
		cert_leaf(mem, "DNS:" HOST, NULL), /* self-signed */
		cert_leaf(mem, "DNS:" HOST, cert_ca(mem, "Other", NULL)),
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		serve(bad[i]);
		fetch();
		ck_assert_msg(!got.ok, "certificate %zu", i);
		assert_failed(true);
		ck_assert_uint_eq(requests, 0);
	}
	serve(cert_leaf(mem, "DNS:*.example.org", root));
	fetch();
	assert_policy();
}
END_TEST

/* A session of a good certificate is worth nothing for the next one. */
START_TEST(sts_12_no_session_is_resumed)
{
	fetch();
	assert_policy();
	serve(cert_leaf(mem, "DNS:other.example", root));
	fetch();
	assert_failed(true);
}
END_TEST

START_TEST(sts_19_tls_is_1_2_or_newer)
{
	SSL_CTX_set_max_proto_version(server_ctx, TLS1_1_VERSION);
	fetch();
	assert_failed(true);
	serve(cert_leaf(mem, "DNS:" HOST, root));
	SSL_CTX_set_max_proto_version(server_ctx, TLS1_2_VERSION);
	fetch();
	assert_policy();
}
END_TEST

START_TEST(sts_17_a_refused_connection_is_no_tls_failure)
{
	fetch_from(&elsewhere, 1, 30000);
	assert_failed(false);
}
END_TEST

/* Addresses said for one fetch are not used by another. */
START_TEST(b3_4_only_the_addresses_given_are_reached)
{
	fetch();
	assert_policy();
	fetch_from(&elsewhere, 1, 30000);
	assert_failed(false);
	ck_assert_uint_eq(connections, 1);
}
END_TEST

START_TEST(sts_11_the_next_address_is_tried)
{
	const struct netaddr both[] = { elsewhere, here };

	fetch_from(both, 2, 30000);
	assert_policy();
}
END_TEST

/* ---- limits ---- */

static void
respond_with_body(size_t n, bool says_length, bool chunked)
{
	struct sbuf b;

	sbuf_init(&b, mem, n + 4096);
	sbuf_str(&b, OK_HEAD);
	if (says_length)
		sbuf_printf(&b, "Content-Length: %zu\r\n", n);
	if (chunked)
		sbuf_printf(&b, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", n);
	else
		sbuf_str(&b, "\r\n");
	memset(sbuf_reserve(&b, n), 'x', n);
	sbuf_commit(&b, n);
	if (chunked)
		sbuf_str(&b, "\r\n0\r\n\r\n");
	response = sbuf_view(&b);
}

START_TEST(sts_15_a_body_over_64_kib_is_a_failure)
{
	for (int how = 0; how < 3; how++) {
		respond_with_body(STS_BODY_MAX_BYTES, how == 1, how == 2);
		fetch();
		ck_assert_msg(got.ok, "%s", got_why);
		ck_assert_uint_eq(got_body.n, STS_BODY_MAX_BYTES);
		respond_with_body(STS_BODY_MAX_BYTES + 1, how == 1, how == 2);
		fetch();
		assert_failed(false);
		respond_with_body(8u << 20, how == 1, how == 2);
		fetch();
		assert_failed(false);
	}
}
END_TEST

START_TEST(sts_15_a_slow_server_is_left_at_the_deadline)
{
	respond(OK_HEAD "Content-Length: 100\r\n\r\nversion: STSv1\r\n");
	server_hangs = true;
	fetch_from(&here, 1, 300);
	assert_failed(false);
	ck_assert_uint_eq(requests, 1);
}
END_TEST

START_TEST(b3_5_a_body_cut_short_is_a_failure)
{
	respond(OK_HEAD "Content-Length: 1000\r\n\r\nversion: STSv1\r\n");
	fetch();
	assert_failed(false);
	respond(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n100\r\nversion");
	fetch();
	assert_failed(false);
}
END_TEST

START_TEST(b3_5_endless_headers_are_a_failure)
{
	struct sbuf b;

	sbuf_init(&b, mem, 8u << 20);
	sbuf_str(&b, "HTTP/1.1 200 OK\r\n");
	for (unsigned i = 0; i < 40000; i++)
		sbuf_printf(&b, "X-%u: some header of no use\r\n", i);
	response = sbuf_view(&b);
	fetch();
	assert_failed(false);
}
END_TEST

START_TEST(b3_5_what_is_not_http_is_a_failure)
{
	respond("220 mail.example.org ESMTP\r\n" POLICY);
	fetch();
	assert_failed(false);
	respond("");
	fetch();
	assert_failed(false);
}
END_TEST

/* Nobody asked for compression: what comes is not unpacked. */
START_TEST(b3_5_compressed_bytes_stay_as_they_are)
{
	respond(OK_HEAD "Content-Encoding: gzip\r\n\r\n\x1f\x8b-not-really");
	fetch();
	ck_assert(got.ok);
	ck_assert(span_eq(got_body, "\x1f\x8b-not-really"));
}
END_TEST

static void
stop(void *arg)
{
	(void)arg;
	net_real_stop(net);
}

START_TEST(fetch_freed_is_cancelled)
{
	struct fetch *f;
	struct net_timer *t = net_timer_new(mem, net, stop, NULL);

	server_hangs = true;
	respond(OK_HEAD "Content-Length: 100\r\n\r\nversion");
	ended = 0;
	f = net_fetch(mem, net, HOST, PATH, &here, 1, 30000, done, &f);
	talloc_free(f);
	f = net_fetch(mem, net, HOST, PATH, &here, 1, 30000, done, &f);
	net_timer_set(t, mono_after(net_now(net), 100));
	run();
	ck_assert_uint_eq(ended, 0); /* the server hangs */
	talloc_free(f);
	net_timer_set(t, mono_after(net_now(net), 20));
	run();
	ck_assert_uint_eq(ended, 0);
}
END_TEST

START_TEST(fetch_may_run_many_times_at_once)
{
	struct fetch *f[100];

	for (unsigned i = 0; i < 100; i++)
		f[i] = net_fetch(mem, net, HOST, PATH, &here, 1, 60000, done,
		    &f[i]);
	ended = 0;
	while (ended < 100) {
		run();
		assert_policy();
	}
	ck_assert_uint_eq(requests, 100);
}
END_TEST

/* Also for a fetch to a host that was known before. */
START_TEST(sts_33_other_anchors_count_for_the_next_fetch)
{
	const struct cert *stranger = cert_ca(mem, "Stranger", NULL);
	const struct cert *one[] = { root }, *other[] = { stranger };
	struct diag why = { 0 };

	fetch();
	assert_policy();
	ck_assert_int_eq(net_real_https_trust(net, SPAN_LIT("junk"), &why),
	    ST_IO);
	fetch();
	assert_policy();
	ck_assert_int_eq(net_real_https_trust(net, cert_pem(mem, other, 1),
			     &why),
	    ST_OK);
	fetch();
	assert_failed(true);
	ck_assert_int_eq(net_real_https_trust(net, cert_pem(mem, one, 1), &why),
	    ST_OK);
	fetch();
	assert_policy();
}
END_TEST

START_TEST(net_real_https_needs_readable_anchors)
{
	struct net *other = net_real_new(mem, log_none());
	struct diag why = { 0 };

	ck_assert_int_eq(net_real_https(other, "/nonexistent/ca.pem", &why),
	    ST_IO);
	ck_assert_ptr_nonnull(strstr(why.text, "/nonexistent/ca.pem"));
	ck_assert_int_eq(net_real_https(other, "/dev/null", &why), ST_IO);
	talloc_free(other);
}
END_TEST

/* ---- reports ---- */

#define REPORT "\x1f\x8b report"

static void
post(bool any_certificate)
{
	const struct net_post p = {
		.host = HOST,
		.port = 443,
		.path = "/v1/tlsrpt?a=b",
		.media = "application/tlsrpt+gzip",
		.body = SPAN_LIT(REPORT),
		.any_certificate = any_certificate,
		.deadline_ms = 30000,
	};
	struct fetch *f;

	ended = 0;
	awaited = p.body.n;
	request[0] = '\0';
	f = net_post(mem, net, &p, &here, 1, done, &f);
	run();
	ck_assert_uint_eq(ended, 1);
}

START_TEST(rpt_41_a_report_is_posted_alone_under_its_media_type)
{
	const char *body;

	respond("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
	post(false);
	ck_assert(got.ok);
	ck_assert_int_eq(got.status, 201);
	ck_assert(span_starts(span_str(request),
	    "POST /v1/tlsrpt?a=b HTTP/1.1\r\n"));
	ck_assert_ptr_nonnull(strstr(request,
	    "\r\nContent-Type: application/tlsrpt+gzip\r\n"));
	ck_assert_ptr_nonnull(strstr(request, "\r\nContent-Length: 9\r\n"));
	ck_assert_ptr_null(strstr(request, "Content-Encoding"));
	ck_assert_ptr_null(strstr(request, "Expect"));
	body = strstr(request, "\r\n\r\n");
	ck_assert_str_eq(body + 4, REPORT);
}
END_TEST

START_TEST(a_bad_certificate_is_borne_only_where_it_is_let)
{
	const struct cert_spec self = { .cn = "x",
		.san = "DNS:other.example",
		.from_s = -2 * CERTS_DAY_S,
		.to_s = -CERTS_DAY_S };

	serve(cert_make(mem, &self, NULL));
	respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	post(true);
	ck_assert_msg(got.ok, "%s", got_why);
	ck_assert_int_eq(got.status, 200);
	post(false);
	assert_failed(true);
	ck_assert_str_eq(request, "");
	serve(cert_make(mem, &self, NULL));
	fetch(); /* a policy's is never borne */
	assert_failed(true);
}
END_TEST

START_TEST(a_post_follows_no_redirect)
{
	respond("HTTP/1.1 307 Temporary Redirect\r\n"
		"Location: http://" HOST "/\r\nContent-Length: 0\r\n\r\n");
	post(true);
	ck_assert(got.ok);
	ck_assert_int_eq(got.status, 307);
	ck_assert_uint_eq(connections, 1);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("https");
	TCase *t = tcase_create("fetch");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, sts_11_the_request_is_a_get_of_the_well_known_path);
	tcase_add_test(t, sts_13_nothing_is_kept_between_two_fetches);
	tcase_add_loop_test(t, sts_13_a_redirect_is_not_followed, 0, 7);
	tcase_add_test(t, sts_14_the_media_type_comes_without_parameters);
	tcase_add_test(t, sts_12_the_certificate_must_be_for_the_policy_host);
	tcase_add_test(t, sts_12_no_session_is_resumed);
	tcase_add_test(t, sts_19_tls_is_1_2_or_newer);
	tcase_add_test(t, sts_17_a_refused_connection_is_no_tls_failure);
	tcase_add_test(t, b3_4_only_the_addresses_given_are_reached);
	tcase_add_test(t, sts_11_the_next_address_is_tried);
	tcase_add_test(t, sts_15_a_body_over_64_kib_is_a_failure);
	tcase_add_test(t, sts_15_a_slow_server_is_left_at_the_deadline);
	tcase_add_test(t, b3_5_a_body_cut_short_is_a_failure);
	tcase_add_test(t, b3_5_endless_headers_are_a_failure);
	tcase_add_test(t, b3_5_what_is_not_http_is_a_failure);
	tcase_add_test(t, b3_5_compressed_bytes_stay_as_they_are);
	tcase_add_test(t, rpt_41_a_report_is_posted_alone_under_its_media_type);
	tcase_add_test(t, a_bad_certificate_is_borne_only_where_it_is_let);
	tcase_add_test(t, a_post_follows_no_redirect);
	tcase_add_test(t, fetch_freed_is_cancelled);
	tcase_add_test(t, fetch_may_run_many_times_at_once);
	tcase_add_test(t, sts_33_other_anchors_count_for_the_next_fetch);
	tcase_add_test(t, net_real_https_needs_readable_anchors);
	suite_add_tcase(s, t);
	return s;
}

/* The port of HTTPS may be somebody else's, or not for us. */
static bool
can_listen(void)
{
	struct netaddr at = netaddr_ip4(here_ip, 443);
	struct diag why;
	int fd = net_real_bind(&at, &why);

	if (fd < 0) {
		printf("skipped: %s\n0 passed, 0 failed, 1 skipped\n",
		    why.text);
		return false;
	}
	close(fd);
	return true;
}

int
main(void)
{
	SRunner *runner;
	int failed;

	if (!can_listen())
		return EXIT_SUCCESS;
	runner = srunner_create(suite());
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
