/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper: TLS reports, from the end of a day to the last answer. */
#include "gateway/tlsrpt_keys.h"
#include "report/tlsrpt_read.h"
#include "report/tlsrpt_tally.h"
#include "tests/keeper.h"

#define DOMAIN "d.example"
#define SECOND INT64_C(1000)
#define URI    "https://r.example/in"
#define BOX    "tls@r.example"

static struct peer *advisor, *courier;
static struct wall day; /* the first one */
static uint64_t seq;

/* What the advisor finds of a domain, and what becomes of a post. */
static enum wire_tlsrpt_found found;
static const char *rua[4];
static bool takes;
static unsigned lookups, posts, documents_differ;
static struct span document;

static int64_t post_ms[256]; /* when */
static bool defers;          /* every mail, as often as it comes */
static unsigned jobs_read;

static void
report_set_up(void)
{
	conf.tlsrpt_enable = true;
	conf.tlsrpt_organization = "Gateway";
	conf.tlsrpt_contact = "tls@gw.example.org";
	conf.tlsrpt_sender = "tls-bounces@gw.example.org";
	conf.tlsrpt_dkim_domain = "gw.example.org";
	conf.tlsrpt_delay_ms = 15 * MINUTE;
	conf.tlsrpt_spread_ms = 4 * HOUR;
	conf.tlsrpt_retry_ms = 10 * MINUTE;
	conf.tlsrpt_success_only = true;
	conf.tlsrpt_archive = true;
	conf.tlsrpt_keep_ms = 30 * 24 * HOUR;
	found = TLSRPT_NAMED;
	memset(rua, 0, sizeof(rua));
	rua[0] = URI;
	takes = true;
	lookups = posts = documents_differ = 0;
	document = SPAN_NONE;
	seq = 0;
	defers = false;
	jobs_read = 0;
	day = tlsrpt_day(net_wall(net));
}

/* ---- the two ends ---- */

static void
answer_want(struct span payload)
{
	struct unpack u = unpack_from(payload);
	struct wire_tlsrpt_record r = { .token = unpack_u32(&u),
		.found = found,
		.ttl_s = 300,
		.why = found == TLSRPT_NAMED ? "" : "no answer" };

	lookups++;
	for (size_t i = 0; found == TLSRPT_NAMED && rua[i] != NULL; i++)
		r.to.rua[r.to.rua_count++] = (struct tlsrpt_rua){
			span_starts(span_str(rua[i]), "https:") ? TLSRPT_HTTPS :
								  TLSRPT_MAILTO,
			rua[i]
		};
	wire_pack_tlsrpt_record(&out, &r);
	say(advisor, WIRE_TLSRPT_RECORD);
}

static void
answer_post(struct span payload)
{
	struct unpack u = unpack_from(payload);
	uint32_t token = unpack_u32(&u);
	struct span body;

	ck_assert_str_eq(unpack_str(&u, mem), URI);
	body = unpack_bytes(&u);
	ck_assert_int_eq(unpack_done(&u), ST_OK);
	documents_differ += document.n > 0 && !span_eq_span(document, body);
	document = span_copy(mem, body);
	if (posts < COUNT_OF(post_ms))
		post_ms[posts] = net_now(net).ms;
	posts++;
	pack_u32(&out, token);
	pack_bool(&out, takes);
	pack_str(&out, takes ? "" : "HTTP status 500");
	say(advisor, WIRE_TLSRPT_POSTED);
}

static void
defer_all(void)
{
	while (defers && jobs_read < courier->count) {
		const struct frame *f = &courier->frame[jobs_read++];
		struct wire_job j;

		if (f->type != WIRE_JOB)
			continue;
		ck_assert_int_eq(wire_unpack_job(mem, f->payload, &j, &why),
		    ST_OK);
		tell(courier, ++seq, &j, RESULT_DEFERRED);
	}
}

/* What it was asked and has not answered; true: there was any. */
static bool
serve(void)
{
	bool any = false;

	defer_all();
	while (advisor != NULL && advisor->read < advisor->count) {
		const struct frame *f = &advisor->frame[advisor->read++];

		if (f->type == WIRE_TLSRPT_WANT)
			answer_want(f->payload);
		else if (f->type == WIRE_TLSRPT_POST)
			answer_post(f->payload);
		any = true;
	}
	return any;
}

/* In steps of a second at most, with an advisor that answers at once. */
static void
go_on(int64_t ms)
{
	while (ms > 0) {
		int64_t step = ms > MINUTE ? MINUTE : ms;

		run(step);
		while (serve())
			run(1);
		ms -= step;
	}
}

static void
attach_advisor(void)
{
	struct sock *theirs;

	advisor = peer_new(&theirs);
	keeper_attach_advisor(k, theirs);
}

static void
begin(void)
{
	start(1);
	attach_advisor();
	courier = new_courier(0, 1);
}

/* The keeper dies, and another takes its place. */
static void
restart(void)
{
	TALLOC_FREE(k);
	start(1);
	attach_advisor();
	courier = new_courier(0, 2);
	seq = 0;
}

static struct span
key_of(enum tlsrpt_count count, const char *domain)
{
	const struct tlsrpt_tally t = { .count = count,
		.policy = { .type = TLSRPT_NO_POLICY, .domain = domain },
		.detail = { .result = TLSRPT_STARTTLS_NOT_SUPPORTED,
		    .mx = "mx",
		    .helo = "",
		    .reason = "" } };
	struct sbuf b;

	sbuf_init(&b, mem, TLSRPT_TALLY_MAX_BYTES);
	tlsrpt_tally_pack(&t, &b);
	return sbuf_view(&b);
}

static void
count_one(enum tlsrpt_count what, const char *domain)
{
	struct wire_tally t = { tlsrpt_day(net_wall(net)), domain,
		key_of(what, domain), 1 };
	const struct wire_slot_failed f = { .seq = ++seq,
		.slot = 4711,
		.host = "",
		.status = "4.4.1",
		.why = "x",
		.tally = &t,
		.tally_count = 1 };

	wire_pack_slot_failed(&out, &f);
	say(courier, WIRE_SLOT_FAILED);
	run(1);
	while (serve())
		run(1);
}

/* ---- looking ---- */

static int64_t
to_midnight(void)
{
	struct wall now = net_wall(net);

	return tlsrpt_day(now).ms + TLSRPT_DAY_MS - now.ms;
}

static void
sum(void *arg, const struct store_tally *t)
{
	*(uint64_t *)arg += t->count;
}

static uint64_t
results_of(const char *domain)
{
	struct store *s = reader();
	uint64_t n = 0;

	ck_assert_int_eq(store_tally_each(s, day, domain, sum, &n, &why),
	    ST_OK);
	talloc_free(s);
	return n;
}

/* ST_NOTFOUND: there is none. */
static enum status
find(struct store_report *r)
{
	struct store *s = reader();
	enum status st = store_report_find(s, mem, day, DOMAIN, r, &why);

	talloc_free(s);
	return st;
}

static struct store_report
report(void)
{
	struct store_report r = { 0 };

	ck_assert_msg(find(&r) == ST_OK, "%s", why.text);
	return r;
}

static void
take_to(void *arg, const struct store_report_to *t)
{
	struct store_report_to *list = arg;

	list[t->seq] = *t;
	list[t->seq].why = talloc_strdup(mem, t->why);
}

static const struct store_report_to *
tos(void)
{
	static struct store_report_to list[TLSRPT_MAX_RUA];
	struct store *s = reader();

	memset(list, 0, sizeof(list));
	ck_assert_int_eq(store_report_to_each(s, report().id, take_to, list,
			     &why),
	    ST_OK);
	talloc_free(s);
	return list;
}

static void
set_keys(void)
{
	static const char pem[] =
	    "-----BEGIN PRIVATE KEY-----\n"
	    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
	    "-----END PRIVATE KEY-----\n"; /* RFC 8032 7.1, test 1 */
	struct sbuf b;

	sbuf_init(&b, mem, 4096);
	tlsrpt_key_pack(&b, "gw.example.org", "s1", span_str(pem));
	ck_assert_msg(keeper_set_report_keys(k, sbuf_view(&b), &why) == ST_OK,
	    "%s", why.text);
}

/* A day with one good session, and then until its report is due. */
static void
one_day(void)
{
	begin();
	count_one(TLSRPT_SUCCESS, DOMAIN);
	lookups = 0;
}

/* ---- when ---- */

START_TEST(rpt_27_nothing_is_sent_before_the_day_is_over)
{
	one_day();
	go_on(to_midnight() - SECOND);
	ck_assert_uint_eq(lookups, 0);
	go_on(14 * MINUTE);
	ck_assert_uint_eq(posts, 0);
	go_on(4 * HOUR + 2 * MINUTE);
	ck_assert_uint_eq(lookups, 1); /* RPT-06: again, when it is sent */
	ck_assert_uint_eq(posts, 1);
	ck_assert_int_eq(report().state, REPORT_SENT);
	go_on(24 * HOUR);
	ck_assert_uint_eq(posts, 1); /* a day without sessions has none */
	ck_assert_uint_eq(results_of(DOMAIN), 0);
}
END_TEST

START_TEST(rpt_27_domains_have_their_own_time)
{
	unsigned in_hour[5] = { 0 };

	begin();
	for (unsigned i = 0; i < 50; i++)
		count_one(TLSRPT_SUCCESS,
		    talloc_asprintf(mem, "d%u.example", i));
	document = SPAN_NONE;
	go_on(to_midnight() + 5 * HOUR);
	ck_assert_uint_eq(posts, 50);
	for (unsigned i = 0; i < 50; i++) {
		int64_t after = post_ms[i] - post_ms[0];

		ck_assert_int_lt(after, 4 * HOUR + MINUTE);
		in_hour[after / HOUR]++;
	}
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_gt(in_hour[i], 3);
}
END_TEST

START_TEST(rpt_27_a_gateway_that_was_down_sends_what_it_has_not)
{
	one_day();
	TALLOC_FREE(k);
	advisor = NULL;
	sim_skip(sim, 30 * HOUR);
	restart();
	go_on(5 * MINUTE);
	ck_assert_uint_eq(posts, 1);
}
END_TEST

START_TEST(rpt_27_a_clock_that_is_put_forward_is_followed)
{
	one_day();
	wall_off = 2 * 24 * HOUR;
	go_on(2 * HOUR);
	ck_assert_uint_eq(posts, 1);
}
END_TEST

/* ---- who wants it ---- */

START_TEST(rpt_06_a_record_that_is_gone_when_it_is_sent_means_no_report)
{
	struct store_report r;

	one_day();
	found = TLSRPT_NOBODY;
	go_on(to_midnight() + 5 * HOUR);
	ck_assert_uint_eq(posts, 0);
	ck_assert_int_eq(find(&r), ST_NOTFOUND);
	ck_assert_uint_eq(results_of(DOMAIN), 0);
	ck_assert(!logged("tls-report"));
	found = TLSRPT_NAMED;
	go_on(24 * HOUR);
	ck_assert_uint_eq(posts, 0);
}
END_TEST

START_TEST(rpt_06_a_lookup_that_fails_is_tried_again)
{
	one_day();
	found = TLSRPT_UNKNOWN;
	go_on(to_midnight() + 8 * HOUR);
	ck_assert_uint_gt(lookups, 3);
	ck_assert_uint_lt(lookups, 12);
	ck_assert_int_eq(report().state, REPORT_PLANNED);
	ck_assert_str_eq(report().why, "no answer");
	found = TLSRPT_NAMED;
	go_on(4 * HOUR);
	ck_assert_int_eq(report().state, REPORT_SENT);
	ck_assert_uint_eq(posts, 1);
}
END_TEST

START_TEST(rpt_06_a_lookup_that_fails_for_a_day_is_given_up)
{
	one_day();
	found = TLSRPT_UNKNOWN;
	go_on(to_midnight() + 29 * HOUR);
	ck_assert_int_eq(report().state, REPORT_FAILED);
	ck_assert(logged("tls-report-failed"));
	found = TLSRPT_NAMED;
	go_on(12 * HOUR);
	ck_assert_uint_eq(posts, 0);
}
END_TEST

START_TEST(rpt_06_of_a_domain_that_wants_none_nothing_is_kept)
{
	begin();
	found = TLSRPT_NOBODY;
	count_one(TLSRPT_SUCCESS, DOMAIN);
	ck_assert_uint_eq(lookups, 1);
	ck_assert_uint_eq(results_of(DOMAIN), 0); /* what came before is gone */
	count_one(TLSRPT_SUCCESS, DOMAIN);
	ck_assert_uint_eq(results_of(DOMAIN), 0);
	ck_assert_uint_eq(lookups, 1); /* it is known */
	found = TLSRPT_NAMED;
	go_on(6 * MINUTE);
	count_one(TLSRPT_SUCCESS, DOMAIN); /* by its TTL it is asked again */
	ck_assert_uint_eq(lookups, 2);
	count_one(TLSRPT_SUCCESS, DOMAIN);
	ck_assert_uint_eq(results_of(DOMAIN), 1);
}
END_TEST

/* Unknown is not unwanted: nothing is lost for a failed lookup. */
START_TEST(rpt_06_while_a_wish_is_not_known_results_are_kept)
{
	begin();
	found = TLSRPT_UNKNOWN;
	count_one(TLSRPT_SUCCESS, DOMAIN);
	count_one(TLSRPT_SUCCESS, DOMAIN);
	ck_assert_uint_eq(results_of(DOMAIN), 2);
	found = TLSRPT_NAMED;
	go_on(6 * MINUTE);
	count_one(TLSRPT_SUCCESS, DOMAIN);
	found = TLSRPT_NOBODY; /* for now */
	go_on(6 * MINUTE);
	count_one(TLSRPT_SUCCESS, DOMAIN);
	ck_assert_uint_eq(results_of(DOMAIN), 4);
	count_one(TLSRPT_SUCCESS, DOMAIN);
	ck_assert_uint_eq(results_of(DOMAIN), 4);
}
END_TEST

START_TEST(rpt_29_a_day_without_failure_is_reported_unless_it_is_not_wanted)
{
	struct store_report r;

	conf.tlsrpt_success_only = false;
	one_day();
	count_one(TLSRPT_FAILURE, "e.example");
	go_on(to_midnight() + 5 * HOUR);
	ck_assert_uint_eq(posts, 1); /* that of e.example */
	ck_assert_int_eq(find(&r), ST_NOTFOUND);
	ck_assert_uint_eq(results_of(DOMAIN), 0);
}
END_TEST

/* ---- posts ---- */

START_TEST(rpt_43_a_post_that_is_not_taken_is_made_again_with_the_same_document)
{
	one_day();
	takes = false;
	go_on(to_midnight() + 4 * HOUR + 16 * MINUTE);
	ck_assert_uint_ge(posts, 1);
	ck_assert_int_eq(report().state, REPORT_SENDING);
	ck_assert_str_eq(tos()[0].why, "HTTP status 500");
	takes = true;
	go_on(4 * HOUR);
	ck_assert_uint_ge(posts, 2);
	ck_assert_uint_eq(documents_differ, 0);
	ck_assert_int_eq(report().state, REPORT_SENT);
}
END_TEST

START_TEST(rpt_45_posts_thin_out_and_end_after_a_day)
{
	int64_t wait = 0;

	one_day();
	takes = false;
	go_on(to_midnight() + 30 * HOUR);
	ck_assert_uint_gt(posts, 5);
	ck_assert_uint_lt(posts, 15);
	for (unsigned i = 1; i < posts; i++) {
		ck_assert_int_ge(post_ms[i] - post_ms[i - 1] + MINUTE, wait);
		wait = post_ms[i] - post_ms[i - 1];
	}
	ck_assert_int_ge(post_ms[posts - 1] - post_ms[0], 19 * HOUR);
	ck_assert_int_le(post_ms[posts - 1] - post_ms[0], 24 * HOUR);
	ck_assert_int_eq(report().state, REPORT_FAILED);
	ck_assert_uint_eq(queued(), 0);
	ck_assert(logged("tls-report-failed"));
}
END_TEST

START_TEST(rpt_43_a_keeper_that_dies_amid_a_post_makes_it_again)
{
	unsigned before;

	one_day();
	go_on(to_midnight());
	advisor->read = advisor->count;
	for (int64_t ms = 0;
	     count_frames(advisor, WIRE_TLSRPT_POST) == 0 && ms < 5 * HOUR;
	     ms += MINUTE) {
		run(MINUTE);
		for (unsigned i = advisor->read; i < advisor->count; i++)
			if (advisor->frame[i].type == WIRE_TLSRPT_WANT)
				answer_want(advisor->frame[i].payload);
		advisor->read = advisor->count;
	}
	ck_assert_uint_eq(count_frames(advisor, WIRE_TLSRPT_POST), 1);
	before = posts;
	restart();
	go_on(5 * MINUTE);
	ck_assert_uint_eq(posts, before + 1);
	ck_assert_int_eq(report().state, REPORT_SENT);
}
END_TEST

START_TEST(rpt_43_an_advisor_that_dies_is_asked_again_when_it_is_back)
{
	one_day();
	go_on(to_midnight());
	talloc_free(advisor);
	advisor = NULL;
	go_on(5 * HOUR);
	ck_assert_int_eq(report().state, REPORT_PLANNED);
	attach_advisor();
	go_on(5 * MINUTE);
	ck_assert_int_eq(report().state, REPORT_SENT);
}
END_TEST

/* ---- mail ---- */

/* Served by now, or fails. */
static struct wire_job
mail_job(void)
{
	struct wire_job j = { 0 };
	const struct frame *f, *last = NULL;

	courier->read = 0;
	while ((f = next_frame(courier, WIRE_JOB)) != NULL)
		last = f;
	ck_assert_ptr_nonnull(last);
	ck_assert_int_eq(wire_unpack_job(mem, last->payload, &j, &why), ST_OK);
	return j;
}

static void
check_mail(const struct wire_job *j)
{
	struct span document_of;
	struct tlsrpt_doc doc;

	ck_assert_int_eq(slot_key_of(courier, j->slot).mclass,
	    CLASS_TLS_REPORT);
	ck_assert_str_eq(j->sender, "tls-bounces@gw.example.org");
	ck_assert_uint_eq(j->rcpt_count, 1);
	ck_assert_str_eq(j->rcpt[0].address, BOX);
	ck_assert_uint_eq(j->rcpt[0].notify, DSN_NEVER);
	ck_assert(span_starts(j->body, "DKIM-Signature: "));
	ck_assert(has_text(j->body, "\r\nTLS-Report-Domain: " DOMAIN "\r\n"));
	ck_assert_int_eq(tlsrpt_read_mail(mem, j->body, &document_of, &why),
	    ST_OK);
	ck_assert_int_eq(tlsrpt_read(mem, document_of, &doc, &why), ST_OK);
	ck_assert_str_eq(doc.id, report().report_id);
	ck_assert_uint_eq(doc.policy[0].success, 1);
}

START_TEST(rpt_40_a_report_by_mail_that_bounces_is_told_to_nobody)
{
	struct wire_job j;
	unsigned jobs;

	rua[0] = BOX;
	one_day();
	set_keys();
	go_on(to_midnight() + 5 * HOUR);
	ck_assert_uint_eq(queued(), 1);
	j = mail_job();
	check_mail(&j);
	jobs = count_frames(courier, WIRE_JOB);
	tell(courier, ++seq, &j, RESULT_BOUNCED);
	go_on(26 * HOUR);
	ck_assert_uint_eq(queued(), 0); /* no report about it */
	ck_assert_uint_eq(count_frames(courier, WIRE_JOB), jobs);
	ck_assert_int_eq(report().state, REPORT_FAILED);
	ck_assert_str_eq(tos()[0].why, "450 try again");
}
END_TEST

START_TEST(inv_13_a_report_is_queued_once_though_the_keeper_dies_after_it)
{
	struct wire_job j;

	rua[0] = BOX;
	one_day();
	set_keys();
	go_on(to_midnight() + 5 * HOUR);
	ck_assert_uint_eq(queued(), 1);
	restart();
	set_keys();
	go_on(5 * HOUR);
	ck_assert_uint_eq(queued(), 1);
	j = mail_job();
	check_mail(&j);
	tell(courier, ++seq, &j, RESULT_DELIVERED);
	go_on(MINUTE);
	ck_assert_int_eq(report().state, REPORT_SENT);
	ck_assert_uint_eq(results_of(DOMAIN), 0);
	ck_assert(logged("tls-report-sent"));
}
END_TEST

START_TEST(inv_13_a_disk_that_fails_amid_it_leaves_one_report)
{
	static const enum disk_fault faults[] = { FAIL_SYNC, FAIL_WRITE,
		FAIL_FULL };

	rua[0] = BOX;
	rua[1] = URI;
	conf.tlsrpt_spread_ms = 0;
	one_day();
	set_keys();
	go_on(to_midnight() + 14 * MINUTE);
	failing = faults[_i];
	go_on(4 * MINUTE);
	failing = FAIL_NONE;
	go_on(10 * MINUTE);
	ck_assert_uint_eq(queued(), 1);
	ck_assert_int_eq(report().state, REPORT_SENDING);
	ck_assert_int_eq(tos()[1].end, REPORT_TAKEN);
	ck_assert_uint_eq(documents_differ, 0);
}
END_TEST

START_TEST(rpt_32_without_a_key_no_report_is_mailed_and_that_is_logged)
{
	rua[0] = BOX;
	one_day();
	go_on(to_midnight() + 5 * HOUR);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_int_eq(report().state, REPORT_FAILED);
	ck_assert(logged("warn keeper tls-report-withheld"));
	ck_assert(logged("tlsrpt.dkim-rsa-key"));
}
END_TEST

START_TEST(rpt_31_a_report_that_cannot_be_delivered_is_given_up_after_a_day)
{
	rua[0] = BOX;
	one_day();
	set_keys();
	defers = true;
	go_on(to_midnight() + 5 * HOUR);
	ck_assert_uint_eq(queued(), 1);
	go_on(25 * HOUR);
	ck_assert_uint_eq(queued(), 0); /* nor is there anything about it */
	ck_assert_int_eq(report().state, REPORT_FAILED);
}
END_TEST

/* ---- several ---- */

START_TEST(rpt_44_one_that_takes_it_is_enough)
{
	struct wire_job j;

	rua[0] = BOX;
	rua[1] = URI;
	one_day();
	set_keys();
	go_on(to_midnight() + 5 * HOUR);
	j = mail_job();
	ck_assert_uint_eq(posts, 1);
	ck_assert_int_eq(report().state, REPORT_SENDING); /* the mail waits */
	tell(courier, ++seq, &j, RESULT_BOUNCED);
	go_on(MINUTE);
	ck_assert_int_eq(report().state, REPORT_SENT);
	ck_assert_int_eq(tos()[0].end, REPORT_REFUSED);
	ck_assert_int_eq(tos()[1].end, REPORT_TAKEN);
}
END_TEST

START_TEST(rpt_44_where_both_fail_what_can_be_tried_again_is)
{
	struct wire_job j;

	rua[0] = BOX;
	rua[1] = URI;
	takes = false;
	one_day();
	set_keys();
	go_on(to_midnight() + 5 * HOUR);
	j = mail_job();
	tell(courier, ++seq, &j, RESULT_BOUNCED);
	go_on(MINUTE);
	ck_assert_int_eq(report().state, REPORT_SENDING);
	takes = true;
	go_on(4 * HOUR);
	ck_assert_int_eq(report().state, REPORT_SENT);
	ck_assert_uint_eq(documents_differ, 0);
}
END_TEST

/* ---- those that never take one ---- */

START_TEST(what_has_refused_two_reports_running_rests)
{
	takes = false;
	begin();
	for (unsigned i = 0; i < 5; i++) {
		count_one(TLSRPT_SUCCESS, DOMAIN);
		go_on(i < 2 ? 24 * HOUR : 23 * HOUR);
	}
	/* The third is due while it rests: refused, and not tried. */
	ck_assert(logged("for 2 reports running could not be delivered"));
	takes = true;
	go_on(2 * 24 * HOUR);
	count_one(TLSRPT_SUCCESS, DOMAIN);
	posts = 0;
	document = SPAN_NONE;
	go_on(32 * HOUR);
	ck_assert_uint_eq(posts, 1); /* it has another chance, and takes it */
}
END_TEST

/* ---- the operator ---- */

static const char *
order(const char *domain, struct wall of)
{
	struct sock *theirs;
	struct peer *p = peer_new(&theirs);
	const struct wire_tlsrpt_send w = { of, domain, "root" };
	struct unpack u;
	bool done;
	const char *text;

	keeper_attach_admin(k, theirs);
	wire_pack_tlsrpt_send(&out, &w);
	say(p, WIRE_TLSRPT_SEND);
	run(1);
	u = unpack_from(must_frame(p, WIRE_TLSRPT_NOTED));
	done = unpack_bool(&u);
	text = unpack_str(&u, mem);
	ck_assert_int_eq(unpack_done(&u), ST_OK);
	ck_assert_int_eq(done, *text == '\0');
	while (serve())
		run(1);
	return text;
}

START_TEST(a_report_is_sent_at_the_operators_word)
{
	one_day();
	ck_assert_str_eq(order(DOMAIN, day), "that day (UTC) is not over");
	go_on(to_midnight() + MINUTE);
	ck_assert_uint_eq(posts, 0);
	ck_assert_str_eq(order("other.example", day),
	    "there are no results of that day");
	ck_assert_str_eq(order(DOMAIN, day), "");
	ck_assert_uint_eq(posts, 1);
	ck_assert_int_eq(report().state, REPORT_SENT);
	ck_assert_ptr_nonnull(strstr(order(DOMAIN, day), "it was sent at 20"));
	go_on(6 * HOUR);
	ck_assert_uint_eq(posts, 1);
	ck_assert(logged("tls-report-ordered"));
}
END_TEST

START_TEST(a_report_that_failed_is_sent_again_at_the_operators_word)
{
	one_day();
	takes = false;
	go_on(to_midnight() + 30 * HOUR);
	ck_assert_int_eq(report().state, REPORT_FAILED);
	takes = true;
	ck_assert_str_eq(order(DOMAIN, day), "");
	ck_assert_int_eq(report().state, REPORT_SENT);
	ck_assert_uint_eq(documents_differ, 0); /* RPT-19: the same id */
}
END_TEST

START_TEST(a_post_that_waits_is_made_at_the_operators_word)
{
	one_day();
	takes = false;
	go_on(to_midnight() + 5 * HOUR);
	posts = 0;
	takes = true;
	ck_assert_str_eq(order(DOMAIN, day), "");
	ck_assert_uint_eq(posts, 1);
	ck_assert_int_eq(report().state, REPORT_SENT);
}
END_TEST

/* ---- what is kept ---- */

START_TEST(what_was_sent_is_known_for_its_time)
{
	struct store *s;
	struct store_report r;
	struct span kept;

	one_day();
	go_on(to_midnight() + 5 * HOUR);
	s = reader();
	ck_assert_int_eq(store_report_document(s, mem, report().id, &kept,
			     &why),
	    ST_OK);
	ck_assert(span_eq_span(kept, document));
	talloc_free(s);
	sim_skip(sim, 25 * 24 * HOUR);
	go_on(5 * MINUTE);
	ck_assert_int_eq(find(&r), ST_OK);
	sim_skip(sim, 6 * 24 * HOUR);
	go_on(5 * MINUTE);
	ck_assert_int_eq(find(&r), ST_NOTFOUND);
}
END_TEST

START_TEST(without_an_archive_no_document_is_kept)
{
	struct store *s;
	struct span kept;

	conf.tlsrpt_archive = false;
	one_day();
	go_on(to_midnight() + 5 * HOUR);
	ck_assert_int_eq(report().state, REPORT_SENT);
	s = reader();
	ck_assert_int_eq(store_report_document(s, mem, report().id, &kept,
			     &why),
	    ST_OK);
	ck_assert_uint_eq(kept.n, 0);
	talloc_free(s);
}
END_TEST

START_TEST(what_the_advisor_may_not_say_costs_it_its_channel)
{
	const struct {
		uint8_t type;
		struct span payload;
	} bad[] = {
		{ WIRE_TLSRPT_RECORD, SPAN_LIT("x") },
		{ WIRE_TLSRPT_POSTED, SPAN_LIT("\0\0\0\1\2") },
	};

	begin();
	sbuf_span(&out, bad[_i].payload);
	say(advisor, bad[_i].type);
	run(1);
	ck_assert(advisor->closed);
}
END_TEST

/* An answer to nobody is no fault: it may come when all is done. */
START_TEST(an_answer_that_nobody_waits_for_is_passed_over)
{
	begin();
	pack_u32(&out, 4711);
	pack_bool(&out, true);
	pack_str(&out, "");
	say(advisor, WIRE_TLSRPT_POSTED);
	run(1);
	ck_assert(!advisor->closed);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_checked_fixture(tc, report_set_up, NULL);
	tcase_add_test(tc, rpt_27_nothing_is_sent_before_the_day_is_over);
	tcase_add_test(tc, rpt_27_domains_have_their_own_time);
	tcase_add_test(tc,
	    rpt_27_a_gateway_that_was_down_sends_what_it_has_not);
	tcase_add_test(tc, rpt_27_a_clock_that_is_put_forward_is_followed);
	tcase_add_test(tc,
	    rpt_06_a_record_that_is_gone_when_it_is_sent_means_no_report);
	tcase_add_test(tc, rpt_06_a_lookup_that_fails_is_tried_again);
	tcase_add_test(tc, rpt_06_a_lookup_that_fails_for_a_day_is_given_up);
	tcase_add_test(tc, rpt_06_of_a_domain_that_wants_none_nothing_is_kept);
	tcase_add_test(tc, rpt_06_while_a_wish_is_not_known_results_are_kept);
	tcase_add_test(tc,
	    rpt_29_a_day_without_failure_is_reported_unless_it_is_not_wanted);
	tcase_add_test(tc,
	    rpt_43_a_post_that_is_not_taken_is_made_again_with_the_same_document);
	tcase_add_test(tc, rpt_45_posts_thin_out_and_end_after_a_day);
	tcase_add_test(tc,
	    rpt_43_a_keeper_that_dies_amid_a_post_makes_it_again);
	tcase_add_test(tc,
	    rpt_43_an_advisor_that_dies_is_asked_again_when_it_is_back);
	tcase_add_test(tc,
	    rpt_40_a_report_by_mail_that_bounces_is_told_to_nobody);
	tcase_add_test(tc,
	    inv_13_a_report_is_queued_once_though_the_keeper_dies_after_it);
	tcase_add_loop_test(tc,
	    inv_13_a_disk_that_fails_amid_it_leaves_one_report, 0, 3);
	tcase_add_test(tc,
	    rpt_32_without_a_key_no_report_is_mailed_and_that_is_logged);
	tcase_add_test(tc,
	    rpt_31_a_report_that_cannot_be_delivered_is_given_up_after_a_day);
	tcase_add_test(tc, rpt_44_one_that_takes_it_is_enough);
	tcase_add_test(tc, rpt_44_where_both_fail_what_can_be_tried_again_is);
	tcase_add_test(tc, what_has_refused_two_reports_running_rests);
	tcase_add_test(tc, a_report_is_sent_at_the_operators_word);
	tcase_add_test(tc,
	    a_report_that_failed_is_sent_again_at_the_operators_word);
	tcase_add_test(tc, a_post_that_waits_is_made_at_the_operators_word);
	tcase_add_test(tc, what_was_sent_is_known_for_its_time);
	tcase_add_test(tc, without_an_archive_no_document_is_kept);
	tcase_add_loop_test(tc,
	    what_the_advisor_may_not_say_costs_it_its_channel, 0, 2);
	tcase_add_test(tc, an_answer_that_nobody_waits_for_is_passed_over);
}

int
main(void)
{
	return keeper_run("keeper_tlsrpt", add_tests);
}
