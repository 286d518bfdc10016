/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keeper_tlsrpt - a keeper that sends TLS reports; the test plays the advisor,
 * which answers at once, and the courier.
 */
#ifndef TESTS_KEEPER_TLSRPT_H
#define TESTS_KEEPER_TLSRPT_H

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

static inline void
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

static inline void
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

static inline void
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

static inline void
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
static inline bool
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
static inline void
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

static inline void
attach_advisor(void)
{
	struct sock *theirs;

	advisor = peer_new(&theirs);
	keeper_attach_advisor(k, theirs);
}

static inline void
begin(void)
{
	start(1);
	attach_advisor();
	courier = new_courier(0, 1);
}

/* The keeper dies, and another takes its place. */
static inline void
restart(void)
{
	TALLOC_FREE(k);
	start(1);
	attach_advisor();
	courier = new_courier(0, 2);
	seq = 0;
}

static inline struct span
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

static inline void
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

static inline int64_t
to_midnight(void)
{
	struct wall now = net_wall(net);

	return tlsrpt_day(now).ms + TLSRPT_DAY_MS - now.ms;
}

static inline void
sum(void *arg, const struct store_tally *t)
{
	*(uint64_t *)arg += t->count;
}

static inline uint64_t
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
static inline enum status
find(struct store_report *r)
{
	struct store *s = reader();
	enum status st = store_report_find(s, mem, day, DOMAIN, r, &why);

	talloc_free(s);
	return st;
}

static inline struct store_report
report(void)
{
	struct store_report r = { 0 };

	ck_assert_msg(find(&r) == ST_OK, "%s", why.text);
	return r;
}

static inline void
take_to(void *arg, const struct store_report_to *t)
{
	struct store_report_to *list = arg;

	list[t->seq] = *t;
	list[t->seq].why = talloc_strdup(mem, t->why);
}

static inline const struct store_report_to *
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

static inline void
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
static inline void
one_day(void)
{
	begin();
	count_one(TLSRPT_SUCCESS, DOMAIN);
	lookups = 0;
}

#endif
