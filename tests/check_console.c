/* SPDX-License-Identifier: BSD-2-Clause */
/* The console on the simulated network, with clients good and hostile; the
 * test plays the keeper. */
#include "gateway/roles.h"
#include "gateway/wire.h"
#include "net/chan.h"
#include "report/metrics.h"
#include "tests/exposition.h"
#include "tests/replay/sim.h"

#define GET "GET /metrics HTTP/1.1\r\nHost: gw\r\nAccept: */*\r\n\r\n"

static TALLOC_CTX *mem;
static struct sim *sim;
static struct conf conf;
static struct conf_point place;
static struct netprefix near; /* where clients are */
static struct netaddr at;
static struct console *c;
static struct chan *keeper;
static bool keeper_closed, keeper_answers;
static unsigned asked;
static char log_text_buf[16384];

static void
keep_line(void *arg, enum log_level level, struct span line)
{
	size_t n = strlen(log_text_buf);

	(void)arg;
	(void)level;
	if (n + line.n + 2 > sizeof(log_text_buf))
		return;
	memcpy(log_text_buf + n, line.p, line.n);
	memcpy(log_text_buf + n + line.n, "\n", 2);
}

static struct log logger = {
	.level = LOG_LEVEL_INFO, .role = "console", .write = keep_line
};

static void
go_on(int64_t ms)
{
	sim_run(sim, ms, NULL, NULL);
}

/* ---- the keeper ---- */

static void
send_numbers(void)
{
	struct sbuf b;

	sbuf_init(&b, mem, CHAN_FRAME_MAX_BYTES);
	for (unsigned i = 0; i < METRIC_VALUES; i++)
		pack_u64(&b, i == METRIC_ACCEPTED ? 42 : UINT64_MAX / 100);
	chan_send_span(keeper, WIRE_METRICS, sbuf_view(&b));
	sbuf_free(&b);
}

static enum status
take_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	(void)arg;
	(void)why;
	ck_assert_uint_eq(type, WIRE_METRICS_WANT);
	ck_assert_uint_eq(payload.n, 0);
	asked++;
	if (keeper_answers)
		send_numbers();
	return ST_OK;
}

static void
keeper_gone(void *arg, const char *why)
{
	(void)arg;
	(void)why;
	keeper_closed = true;
}

static const struct chan_ops keeper_side = { .frame = take_frame,
	.closed = keeper_gone };

static void
keeper_start(void)
{
	struct sock *ours, *theirs;

	sim_pair(mem, sim, &ours, &theirs);
	keeper = chan_new(mem, sim_net(sim), ours, &keeper_side, NULL);
	console_attach_keeper(c, theirs);
	keeper_closed = false;
}

/* ---- clients ---- */

static struct sock *
dial(void)
{
	struct diag why = { 0 };
	struct sock *s = net_connect(mem, sim_net(sim), &at, &why);

	ck_assert_msg(s != NULL, "%s", why.text);
	go_on(1);
	return s;
}

static void
put(struct sock *s, const char *text)
{
	const struct iovec iov = { (void *)(uintptr_t)text, strlen(text) };
	size_t sent;

	ck_assert_int_eq(sock_send(s, &iov, 1, &sent), IO_OK);
	ck_assert_uint_eq(sent, strlen(text));
	go_on(1);
}

/* All that comes up to the end; *ended: it came. */
static struct span
rest_of(struct sock *s, bool *ended)
{
	struct sbuf b;
	size_t got;
	enum io io;

	sbuf_init(&b, mem, 1u << 20);
	while ((io = sock_recv(s, sbuf_reserve(&b, 4096), 4096, &got)) ==
	       IO_OK) {
		sbuf_commit(&b, got);
		go_on(1);
	}
	*ended = io != IO_AGAIN;
	return sbuf_view(&b);
}

static struct span
answer_of(struct sock *s)
{
	bool ended;
	struct span a = rest_of(s, &ended);

	ck_assert(ended);
	return a;
}

static struct span
body_of(struct span a)
{
	static const char end[] = "\r\n\r\n";
	const uint8_t *p = memmem(a.p, a.n, end, 4);

	ck_assert_ptr_nonnull(p);
	return span_sub(a, (size_t)(p - a.p) + 4, a.n);
}

static void
setup(void)
{
	struct role_env env;

	mem = talloc_new(NULL);
	sim = sim_new(mem, (struct wall){ INT64_C(1795508513000) }, 7);
	ck_assert_int_eq(netaddr_parse_port(SPAN_LIT("127.0.0.1:9325"), &at),
	    ST_OK);
	ck_assert_int_eq(netprefix_parse(SPAN_LIT("192.0.2.0/24"), &near),
	    ST_OK);
	place = (struct conf_point){ .path = "",
		.group = "",
		.addr = at,
		.allow = &near,
		.allow_count = 1 };
	conf = (struct conf){ .metrics = &place, .metrics_count = 1 };
	env = (struct role_env){ sim_net(sim), &logger, &conf };
	log_text_buf[0] = '\0';
	asked = 0;
	keeper_answers = true;
	c = console_new(mem, &env);
	console_add_listener(c, 0, sim_listen(mem, sim, &at));
	keeper_start();
}

static void
teardown(void)
{
	talloc_free(mem);
}

START_TEST(a_scrape_has_the_numbers_of_the_keeper_in_the_text_format)
{
	struct sock *s = dial();
	struct exposition x;
	struct span a;

	put(s, GET);
	a = answer_of(s);
	ck_assert(span_starts(a,
	    "HTTP/1.0 200 OK\r\n"
	    "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	x = exposition_read(mem, body_of(a));
	ck_assert_str_eq(exposition_get(&x, "tierpost_messages_accepted_total"),
	    "42");
}
END_TEST

static const struct {
	const char *request, *reply;
} requests[] = {
	{ "GET /metrics HTTP/1.0\r\n\r\n", "HTTP/1.0 200 " },
	{ "GET /metrics HTTP/1.0\n\n", "HTTP/1.0 200 " },
	{ "GET /metrics?x=1 HTTP/1.1\r\nA: b\r\n\r\n", "HTTP/1.0 200 " },
	{ "HEAD /metrics HTTP/1.1\r\n\r\n", "HTTP/1.0 200 " },
	{ "GET / HTTP/1.1\r\n\r\n", "HTTP/1.0 404 " },
	{ "GET /metrics/../etc/passwd HTTP/1.1\r\n\r\n", "HTTP/1.0 404 " },
	{ "GET /%6detrics HTTP/1.1\r\n\r\n", "HTTP/1.0 404 " },
	{ "POST /metrics HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
	    "HTTP/1.0 405 " },
	{ "get /metrics HTTP/1.1\r\n\r\n", "HTTP/1.0 405 " },
	{ "GET /metrics\r\n\r\n", "HTTP/1.0 400 " },
	{ "GET /metrics HTTP/2.0\r\n\r\n", "HTTP/1.0 400 " },
	{ "\x16\x03\x01\x02\n\n", "HTTP/1.0 400 " },
	{ "\n\n", "HTTP/1.0 400 " },
};

START_TEST(b3_14_only_one_resource_is_there_and_it_is_only_read)
{
	struct sock *s = dial();

	put(s, requests[_i].request);
	ck_assert(span_starts(answer_of(s), requests[_i].reply));
}
END_TEST

START_TEST(a_head_request_has_the_length_and_no_body)
{
	struct sock *s = dial();

	put(s, "HEAD /metrics HTTP/1.1\r\n\r\n");
	ck_assert_uint_eq(body_of(answer_of(s)).n, 0);
}
END_TEST

START_TEST(b3_14_a_request_over_8_KiB_is_refused)
{
	struct sock *s = dial();
	char *field = talloc_zero_size(mem, 1025);

	memset(field, 'a', 1024);
	put(s, "GET /metrics HTTP/1.1\r\nX: ");
	for (unsigned i = 0; i < 8; i++)
		put(s, field);
	ck_assert(span_starts(answer_of(s), "HTTP/1.0 431 "));
	ck_assert_uint_eq(asked, 0);
}
END_TEST

START_TEST(b3_14_a_client_that_dribbles_is_cut_off_after_ten_seconds)
{
	struct sock *s = dial();
	bool ended = false;

	for (unsigned i = 0; i < 9; i++) {
		put(s, "G");
		go_on(1000);
	}
	(void)rest_of(s, &ended);
	ck_assert(!ended);
	go_on(2000);
	(void)rest_of(s, &ended);
	ck_assert(ended);
}
END_TEST

START_TEST(b3_14_more_than_32_clients_at_a_time_are_turned_away)
{
	struct sock *s[33];
	bool ended;

	for (unsigned i = 0; i < 33; i++)
		s[i] = dial();
	(void)rest_of(s[31], &ended);
	ck_assert(!ended);
	(void)rest_of(s[32], &ended);
	ck_assert(ended);
	ck_assert_ptr_nonnull(strstr(log_text_buf, "too many connections"));
	talloc_free(s[0]);
	go_on(1);
	s[32] = dial();
	put(s[32], GET);
	ck_assert(span_starts(answer_of(s[32]), "HTTP/1.0 200 "));
}
END_TEST

START_TEST(who_is_not_allowed_gets_no_answer)
{
	struct sock *s;

	place.allow_count = 0; /* this machine alone */
	s = dial();
	ck_assert_uint_eq(answer_of(s).n, 0);
	ck_assert_ptr_nonnull(strstr(log_text_buf, "not from a network"));
}
END_TEST

START_TEST(the_keeper_is_asked_once_for_all_who_wait)
{
	struct sock *a = dial(), *b = dial();

	keeper_answers = false;
	put(a, GET);
	put(b, GET);
	ck_assert_uint_eq(asked, 1);
	send_numbers();
	go_on(1);
	ck_assert(span_starts(answer_of(a), "HTTP/1.0 200 "));
	ck_assert(span_starts(answer_of(b), "HTTP/1.0 200 "));
}
END_TEST

START_TEST(without_a_keeper_the_service_is_unavailable)
{
	struct sock *a = dial(), *b = dial();

	keeper_answers = false;
	put(a, GET);
	TALLOC_FREE(keeper);
	go_on(1);
	ck_assert(span_starts(answer_of(a), "HTTP/1.0 503 "));
	put(b, GET);
	ck_assert(span_starts(answer_of(b), "HTTP/1.0 503 "));
	keeper_answers = true;
	keeper_start();
	a = dial();
	put(a, GET);
	ck_assert(span_starts(answer_of(a), "HTTP/1.0 200 "));
}
END_TEST

START_TEST(a_keeper_that_breaks_the_rules_is_left)
{
	struct sock *s = dial();

	send_numbers(); /* unasked */
	go_on(1);
	ck_assert(keeper_closed);
	keeper_start();
	keeper_answers = false;
	put(s, GET);
	chan_send_span(keeper, WIRE_METRICS, SPAN_LIT("few"));
	go_on(1);
	ck_assert(keeper_closed);
	ck_assert(span_starts(answer_of(s), "HTTP/1.0 503 "));
}
END_TEST

START_TEST(a_client_that_leaves_while_it_waits_is_forgotten)
{
	struct sock *s = dial();

	keeper_answers = false;
	put(s, GET);
	talloc_free(s);
	go_on(20000);
	send_numbers();
	go_on(1);
	ck_assert(!keeper_closed);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("console");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t,
	    a_scrape_has_the_numbers_of_the_keeper_in_the_text_format);
	tcase_add_loop_test(t,
	    b3_14_only_one_resource_is_there_and_it_is_only_read, 0,
	    (int)COUNT_OF(requests));
	tcase_add_test(t, a_head_request_has_the_length_and_no_body);
	tcase_add_test(t, b3_14_a_request_over_8_KiB_is_refused);
	tcase_add_test(t,
	    b3_14_a_client_that_dribbles_is_cut_off_after_ten_seconds);
	tcase_add_test(t, b3_14_more_than_32_clients_at_a_time_are_turned_away);
	tcase_add_test(t, who_is_not_allowed_gets_no_answer);
	tcase_add_test(t, the_keeper_is_asked_once_for_all_who_wait);
	tcase_add_test(t, without_a_keeper_the_service_is_unavailable);
	tcase_add_test(t, a_keeper_that_breaks_the_rules_is_left);
	tcase_add_test(t, a_client_that_leaves_while_it_waits_is_forgotten);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
