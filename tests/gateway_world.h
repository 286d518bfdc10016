/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gateway_world - for test programs that drive the whole gateway among
 * scripted servers, on the replay harness's clock: tables where a scenario
 * script would be one of hundreds.
 */
#ifndef TESTS_GATEWAY_WORLD_H
#define TESTS_GATEWAY_WORLD_H

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "report/evidence.h"
#include "tests/replay/world.h"

#define MINUTE (60 * 1000)
#define HOUR   (60 * MINUTE)
#define SENDER "s@client.example"

static struct world *w;
static struct peer *sender; /* takes the reports */
static unsigned hosts;      /* addresses given out */

static inline char *text(const char *fmt, ...) PRINTF(1, 2);

static inline char *
text(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = need(talloc_vasprintf(w, fmt, ap));
	va_end(ap);
	return s;
}

static inline void
set(const char *option, const char *value)
{
	strmap_put(w->options, option, need(talloc_strdup(w, value)));
}

static inline void
say_dns(const char *name, enum dns_type type, enum sim_dns how,
    const char *rdata)
{
	sim_dns_set(w->sim, name, type, how, 3600, &rdata,
	    rdata == NULL ? 0 : 1);
}

/* The next address, as text; nothing listens there yet. */
static inline const char *
new_address(void)
{
	hosts++;
	return text("198.%u.%u.%u", 20 + hosts / 62500, hosts / 250 % 250,
	    hosts % 250 + 1);
}

static inline struct netaddr
address(const char *ip)
{
	struct netaddr a;

	ck_assert_int_eq(netaddr_parse(span_str(ip), &a), ST_OK);
	a.port = 25;
	return a;
}

/* A name with an address where no server is. */
static inline const char *
add_name(const char *name, enum sim_dns how)
{
	const char *ip = new_address();

	say_dns(name, DNS_A, how, ip);
	say_dns(name, DNS_AAAA, how, NULL);
	return ip;
}

/* A host without STARTTLS. */
static inline struct peer *
add_host(const char *name)
{
	struct netaddr at = address(add_name(name, SIM_INSECURE));
	struct peer *p = peer_new(w, w->sim, name, &at);

	p->script.starttls = STARTTLS_ABSENT;
	return p;
}

/* A domain with one such host, mx.<domain>. */
static inline struct peer *
add_domain(const char *domain)
{
	const char *host = text("mx.%s", domain);

	say_dns(domain, DNS_MX, SIM_INSECURE, text("10 %s.", host));
	return add_host(host);
}

/* Up to start(), options may be set. */
static inline void
world_setup(void)
{
	hosts = 0;
	w = world_new(NULL);
	sim_dns_default(w->sim, SIM_INSECURE);
	sender = add_domain("client.example");
	set("queue.jitter", "0");
}

static inline void
world_teardown(void)
{
	talloc_free(w);
}

static inline void
pass(int64_t ms)
{
	sim_run(w->sim, ms, NULL, NULL);
}

static inline void
start(void)
{
	world_start(w);
	pass(1000);
}

static inline unsigned
submit_list(const char *const *rcpt, size_t count, const char *body)
{
	const struct peer_letter letter = {
		.at = world_intake_addr(),
		.from = SENDER,
		.rcpt = rcpt,
		.rcpt_count = count,
		.params = "",
		.body = body,
	};
	const char *reply;

	return peer_submit(w, w->sim, &letter, &reply);
}

static inline void
submit_to(const char *rcpt)
{
	ck_assert_uint_eq(submit_list(&rcpt, 1, "Subject: x\r\n\r\nhello\r\n"),
	    250);
}

/* ---- looking ---- */

static inline bool
count_one(void *arg, const struct store_queue_row *q)
{
	(void)q;
	++*(unsigned *)arg;
	return true;
}

static inline unsigned
queued(void)
{
	struct store *store = world_store(w, w);
	struct diag why = { 0 };
	unsigned count = 0;

	ck_assert_int_eq(store_queue_each(store, count_one, &count, &why),
	    ST_OK);
	talloc_free(store);
	return count;
}

struct record_count {
	enum evidence_outcome outcome;
	unsigned count;
};

static inline bool
count_record(void *arg, const struct store_evidence *e)
{
	struct record_count *c = arg;

	c->count += e->outcome == c->outcome;
	return true;
}

/* Records of the domain with this outcome. */
static inline unsigned
records(const char *domain, enum evidence_outcome outcome)
{
	const struct store_evidence_query q = { .domain = domain };
	struct record_count c = { .outcome = outcome };
	struct store *store = world_store(w, w);
	struct diag why = { 0 };

	ck_assert_int_eq(store_evidence_each(store, &q, count_record, &c, &why),
	    ST_OK);
	talloc_free(store);
	return c.count;
}

static inline bool
was_logged(const char *what)
{
	return memmem(w->lines.p, w->lines.n, what, strlen(what)) != NULL;
}

static inline bool
has_text(struct span a, const char *what)
{
	return memmem(a.p, a.n, what, strlen(what)) != NULL;
}

/* Reports to the sender that speak of the address and have what. */
static inline unsigned
reports_saying(const char *rcpt, const char *what)
{
	unsigned n = 0;

	for (size_t i = 0; i < sender->mail_count; i++)
		n += has_text(sender->mail[i].body, rcpt) &&
		     has_text(sender->mail[i].body, what);
	return n;
}

static inline unsigned
reports_about(const char *rcpt)
{
	return reports_saying(rcpt, "");
}

/* Run all cases, each in a world of its own. */
static inline int
run_all(const char *name, void (*setup)(void), const TTest *const *t,
    size_t count)
{
	Suite *s = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(tc, setup, world_teardown);
	tcase_set_timeout(tc, 60);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tc, t[i]);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}

#endif
