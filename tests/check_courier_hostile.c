/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole gateway among servers that stall, vanish, refuse and lie:
 * nothing is lost, told twice, or kept from others.
 */
#include "tests/gateway_world.h"

/* ---- C21: a server that takes mail and drops ---- */

/* Sets of the ways to cut. */
enum { FIN = 1, RST = 2, SILENT = 4, ANY = 7 };

struct cut {
	const char *name;
	enum peer_stage at;
	size_t after;
	unsigned left;  /* how cut, all content had left: its fate is unknown */
	unsigned taken; /* and the server has it: comes again */
};

static const struct cut cuts[] = {
	{ "greeting", STAGE_GREETING, 0, 0, 0 },
	{ "greeting-half", STAGE_GREETING, 2, 0, 0 },
	{ "ehlo", STAGE_EHLO, 0, 0, 0 },
	{ "ehlo-half", STAGE_EHLO, 12, 0, 0 },
	{ "mail", STAGE_MAIL, 0, 0, 0 },
	{ "mail-half", STAGE_MAIL, 2, 0, 0 },
	{ "rcpt", STAGE_RCPT, 0, 0, 0 },
	{ "rcpt-half", STAGE_RCPT, 2, 0, 0 },
	{ "data", STAGE_DATA, 0, 0, 0 },
	{ "data-half", STAGE_DATA, 2, 0, 0 },
	{ "data-whole", STAGE_DATA, 8, SILENT, 0 },
	{ "body", STAGE_BODY, 1, ANY, 0 },
	{ "dot", STAGE_DOT, 0, ANY, ANY },
	{ "dot-half", STAGE_DOT, 2, ANY, ANY },
	{ "dot-code", STAGE_DOT, 3, ANY, ANY },
	{ "dot-no-lf", STAGE_DOT, 16, ANY, ANY },
	{ "quit", STAGE_QUIT, 0, 0, 0 },
};

static const char *const hows[] = { "fin", "rst", "silent" };

/* Content comes by DATA, or by BDAT, where there are no replies to DATA. */
static bool bdat;

static const char *
cut_domain(size_t at, size_t how)
{
	return text("%s-%s.example", cuts[at].name, hows[how]);
}

static bool
is_left_out(size_t at)
{
	return bdat && cuts[at].at == STAGE_DATA;
}

static struct peer *
cut_server(size_t at, size_t how, unsigned times)
{
	struct peer *p = add_domain(cut_domain(at, how));

	p->script.cut_at = cuts[at].at;
	p->script.cut_after = cuts[at].after;
	p->script.cut_how = (enum peer_cut)how;
	p->script.cut_times = times;
	p->script.chunking = bdat;
	return p;
}

static void
cut_everywhere_once(void)
{
	struct peer *p[COUNT_OF(cuts)][COUNT_OF(hows)];

	for (size_t i = 0; i < COUNT_OF(cuts); i++)
		for (size_t k = 0; k < COUNT_OF(hows); k++)
			p[i][k] = cut_server(i, k, 1);
	start();
	for (size_t i = 0; i < COUNT_OF(cuts); i++)
		for (size_t k = 0; k < COUNT_OF(hows); k++)
			submit_to(text("u@%s", cut_domain(i, k)));
	pass(HOUR);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(sender->mail_count, 0);
	for (size_t i = 0; i < COUNT_OF(cuts); i++)
		for (size_t k = 0; k < COUNT_OF(hows); k++) {
			const char *d = cut_domain(i, k);
			unsigned twice = cuts[i].taken >> k & 1;
			unsigned unknown = cuts[i].left >> k & 1;

			if (is_left_out(i))
				continue;

			ck_assert_msg(p[i][k]->mail_count == 1 + twice,
			    "%s: %zu copies", d, p[i][k]->mail_count);
			ck_assert_msg(p[i][k]->cuts == 1, "%s: no cut", d);
			ck_assert_msg((p[i][k]->chunks > 0) == bdat, "%s", d);
			ck_assert_msg(records(d, EVIDENCE_UNKNOWN) == unknown,
			    "%s", d);
			ck_assert_msg(records(d, EVIDENCE_DELIVERED) == 1, "%s",
			    d);
		}
}

START_TEST(c21_a_session_cut_at_any_point_is_tried_again_and_told_true)
{
	bdat = false;
	cut_everywhere_once();
}
END_TEST

START_TEST(c21_a_session_cut_at_any_point_of_bdat_is_told_true_too)
{
	bdat = true;
	cut_everywhere_once();
}
END_TEST

/* One that never answers the dot gets a bounded number of copies. */
START_TEST(c21_a_server_that_always_drops_ends_in_one_report)
{
	struct peer *p[COUNT_OF(cuts)][COUNT_OF(hows)];

	set("queue.lifetime", "\"1d\"");
	for (size_t i = 0; i + 1 < COUNT_OF(cuts); i++)
		for (size_t k = 0; k < COUNT_OF(hows); k++)
			p[i][k] = cut_server(i, k, 0);
	start();
	for (size_t i = 0; i + 1 < COUNT_OF(cuts); i++)
		for (size_t k = 0; k < COUNT_OF(hows); k++)
			submit_to(text("u@%s", cut_domain(i, k)));
	pass(30 * HOUR);
	ck_assert_uint_eq(queued(), 0);
	for (size_t i = 0; i + 1 < COUNT_OF(cuts); i++)
		for (size_t k = 0; k < COUNT_OF(hows); k++) {
			const char *d = cut_domain(i, k);
			const char *to = text("u@%s", d);

			/* And one before it, of the delay. */
			ck_assert_msg(reports_saying(to, "Action: failed") ==
					      1 &&
					  reports_saying(to,
					      "Action: delayed") == 1 &&
					  reports_about(to) == 2,
			    "%s: %u reports", d, reports_about(to));
			ck_assert_msg(records(d, EVIDENCE_DELIVERED) == 0, "%s",
			    d);
			/* 5m, 10m .. 4h, 4h: within a day no more. */
			ck_assert_msg(p[i][k]->mail_count <= 14, "%s: %zu", d,
			    p[i][k]->mail_count);
			ck_assert_msg(p[i][k]->connections <= 28, "%s: %u", d,
			    p[i][k]->connections);
		}
}
END_TEST

/* The lifetime ends while the server makes up its mind: one of the two. */
START_TEST(c21_a_message_whose_time_ends_at_the_dot_is_delivered_or_returned)
{
	struct peer *slow = add_domain("slow.example");
	struct peer *never = add_domain("never.example");

	set("queue.lifetime", "\"10m\"");
	slow->script.greeting = never->script.greeting = "421 wait";
	start();
	submit_to("u@slow.example");
	submit_to("u@never.example");
	pass(MINUTE);
	slow->script.greeting = never->script.greeting = "";
	/* Each reply takes minutes from the second attempt on. */
	slow->script.drip_ms = 3000;
	never->script.cut_at = STAGE_DOT;
	never->script.cut_how = CUT_SILENT;
	pass(HOUR);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(slow->mail_count, 1);
	ck_assert_uint_eq(reports_about("u@slow.example"), 0);
	ck_assert_uint_eq(records("slow.example", EVIDENCE_DELIVERED), 1);
	ck_assert_uint_eq(never->mail_count, 1);
	ck_assert_uint_eq(reports_about("u@never.example"), 1);
	ck_assert_uint_eq(records("never.example", EVIDENCE_DELIVERED), 0);
	ck_assert_uint_eq(records("never.example", EVIDENCE_UNKNOWN), 1);
}
END_TEST

/* ---- C20: tarpits ---- */

#define TARPITS 1000u

/* Messages of the good domain come one a second; all must leave at once. */
static void
send_goods(struct peer *good, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		submit_to("u@good.example");
		pass(1000);
		ck_assert_msg(good->mail_count == i + 1,
		    "message %u waits behind tarpits", i);
	}
}

START_TEST(c20_a_thousand_tarpits_keep_no_other_mail_waiting)
{
	static const char *rcpt[TARPITS];
	struct peer *tar = add_host("tar.example"), *good;

	tar->script.drip_ms = 30000;
	good = add_domain("good.example");
	for (unsigned i = 0; i < TARPITS; i++) {
		say_dns(text("t%u.example", i), DNS_MX, SIM_INSECURE,
		    "10 tar.example.");
		rcpt[i] = text("u@t%u.example", i);
	}
	start();
	/* As many as to open all first connections of each. */
	for (unsigned i = 0; i < 8; i++)
		ck_assert_uint_eq(submit_list(rcpt, TARPITS,
				      "Subject: x\r\n\r\nx\r\n"),
		    250);
	pass(30000);
	ck_assert_uint_ge(tar->connections, TARPITS);
	send_goods(good, 30);
	pass(6 * MINUTE);
	ck_assert_uint_eq(tar->mail_count, 0);
	ck_assert_uint_eq(queued(), 8 * TARPITS);
}
END_TEST

START_TEST(c20_a_transaction_has_a_deadline_as_a_whole)
{
	struct peer *tar = add_domain("tar.example");
	static const char *rcpt[100];

	set("smtp.transaction-timeout", "\"10m\"");
	tar->script.no_pipelining = true;
	/* Each reply comes in time, a hundred of them do not. */
	tar->script.drip_ms = 2000;
	for (unsigned i = 0; i < COUNT_OF(rcpt); i++)
		rcpt[i] = text("u%u@tar.example", i);
	start();
	ck_assert_uint_eq(submit_list(rcpt, COUNT_OF(rcpt),
			      "Subject: x\r\n\r\nx\r\n"),
	    250);
	pass(20 * MINUTE);
	ck_assert_uint_eq(tar->mail_count, 0);
	ck_assert_uint_ge(records("tar.example", EVIDENCE_UNREACHABLE), 1);
	ck_assert_uint_eq(queued(), 100);
	ck_assert(was_logged("time is up"));
}
END_TEST

/* ---- C22: what servers say ---- */

enum { BY_GREETING, BY_EHLO, BY_MAIL, BY_RCPT, BY_DATA, BY_DOT, BY_COUNT };
static const char *const by_names[BY_COUNT] = { "greeting", "ehlo", "mail",
	"rcpt", "data", "dot" };

static void
refuse_by(struct peer *p, unsigned by, const char *reply)
{
	const char **const fields[BY_COUNT] = { &p->script.greeting,
		&p->script.ehlo, &p->script.mail, &p->script.rcpt,
		&p->script.data, &p->script.dot };

	*fields[by] = reply;
}

/* first says reply, second takes mail. */
static struct peer *
add_pair(const char *domain, unsigned by, const char *reply,
    struct peer **second)
{
	const char *const list[] = { text("10 one.%s.", domain),
		text("20 two.%s.", domain) };
	struct peer *one = add_host(text("one.%s", domain));

	*second = add_host(text("two.%s", domain));
	sim_dns_set(w->sim, domain, DNS_MX, SIM_INSECURE, 3600, list, 2);
	refuse_by(one, by, reply);
	return one;
}

START_TEST(c22_421_anywhere_goes_to_the_next_host_and_later_comes_back)
{
	struct peer *one[BY_COUNT], *two[BY_COUNT], *only[BY_COUNT];

	for (unsigned i = 0; i < BY_COUNT; i++) {
		one[i] = add_pair(text("%s.example", by_names[i]), i,
		    "421 4.3.2 closing", &two[i]);
		only[i] = add_domain(text("only-%s.example", by_names[i]));
		refuse_by(only[i], i, "421 4.3.2 closing");
	}
	start();
	for (unsigned i = 0; i < BY_COUNT; i++) {
		submit_to(text("u@%s.example", by_names[i]));
		submit_to(text("u@only-%s.example", by_names[i]));
	}
	pass(MINUTE);
	ck_assert_uint_eq(queued(), BY_COUNT);
	for (unsigned i = 0; i < BY_COUNT; i++) {
		ck_assert_msg(one[i]->connections == 1, "%s", by_names[i]);
		ck_assert_msg(one[i]->mail_count == 0, "%s", by_names[i]);
		ck_assert_msg(two[i]->mail_count == 1, "%s", by_names[i]);
		ck_assert_msg(only[i]->connections == 1, "%s", by_names[i]);
		refuse_by(only[i], i, "");
	}
	pass(6 * MINUTE);
	ck_assert_uint_eq(queued(), 0);
	for (unsigned i = 0; i < BY_COUNT; i++)
		ck_assert_msg(only[i]->mail_count == 1, "%s", by_names[i]);
	ck_assert_uint_eq(sender->mail_count, 0);
}
END_TEST

/* RFC 5321 4.2.1: of a session any host may speak, of mail the first. */
START_TEST(c22_5yz_at_each_stage_ends_the_mail_or_only_the_host)
{
	struct peer *one[BY_COUNT], *two[BY_COUNT];

	for (unsigned i = 0; i < BY_COUNT; i++)
		one[i] = add_pair(text("%s.example", by_names[i]), i,
		    "550 5.7.1 never", &two[i]);
	/* Without EHLO there is HELO (SMTP-35). */
	start();
	for (unsigned i = 0; i < BY_COUNT; i++)
		submit_to(text("u@%s.example", by_names[i]));
	pass(MINUTE);
	ck_assert_uint_eq(queued(), 0);
	for (unsigned i = 0; i < BY_COUNT; i++) {
		bool bounced = i >= BY_MAIL;
		const char *d = text("u@%s.example", by_names[i]);

		ck_assert_msg(reports_about(d) == bounced, "%s", d);
		ck_assert_msg(two[i]->mail_count == (i == BY_GREETING), "%s",
		    d);
		ck_assert_msg(one[i]->mail_count == (i == BY_EHLO), "%s", d);
		ck_assert_msg(two[i]->connections == two[i]->mail_count, "%s",
		    d);
	}
}
END_TEST

START_TEST(c22_greylisted_mail_is_delivered_by_the_first_retry_after_it)
{
	struct peer *grey = add_domain("grey.example");

	grey->script.greylist_ms = 5 * MINUTE;
	start();
	submit_to("u@grey.example");
	pass(4 * MINUTE);
	ck_assert_uint_eq(grey->connections, 1);
	pass(2 * MINUTE);
	ck_assert_uint_eq(grey->mail_count, 1);
	ck_assert_uint_eq(grey->connections, 2);
	ck_assert_uint_eq(queued(), 0);
}
END_TEST

#define MIXED 90u

START_TEST(c22_each_of_many_recipients_has_its_own_end)
{
	static const char *const codes[] = { "250", "450", "550", "251", "452",
		"553" };
	struct peer *mix = add_domain("mix.example");
	static const char *rcpt[MIXED];

	mix->script.rcpt_by_name = true;
	for (unsigned i = 0; i < MIXED; i++)
		rcpt[i] = text("%s-%02u@mix.example",
		    codes[i % COUNT_OF(codes)], i);
	start();
	ck_assert_uint_eq(submit_list(rcpt, MIXED, "Subject: x\r\n\r\nx\r\n"),
	    250);
	pass(MINUTE);
	ck_assert_uint_eq(queued(), MIXED / 3);
	ck_assert_uint_ge(mix->mail_count, 1);
	ck_assert_uint_eq(sender->mail_count, 1);
	for (unsigned i = 0; i < MIXED; i++) {
		unsigned copies = 0, kind = i % 3;

		for (size_t k = 0; k < mix->mail_count; k++)
			copies += strstr(mix->mail[k].rcpts, rcpt[i]) != NULL;
		ck_assert_msg(copies == (kind == 0), "%s: %u", rcpt[i], copies);
		ck_assert_msg(reports_about(rcpt[i]) == (kind == 2), "%s",
		    rcpt[i]);
	}
}
END_TEST

START_TEST(c22_connections_to_a_busy_host_become_fewer)
{
	struct peer *busy = add_domain("busy.example");
	unsigned before;

	busy->script.greeting = "421 4.3.2 too busy";
	start();
	for (unsigned i = 0; i < 200; i++)
		submit_to("u@busy.example");
	pass(MINUTE);
	ck_assert_uint_le(busy->connections, 4);
	before = busy->connections;
	pass(5 * MINUTE); /* the second attempt: one asks for all */
	ck_assert_uint_eq(busy->connections, before + 1);
	busy->script.greeting = "";
	pass(15 * MINUTE);
	ck_assert_uint_eq(busy->mail_count, 200);
	ck_assert_uint_eq(queued(), 0);
}
END_TEST

/* ---- C23: twenty hosts ---- */

#define HOSTS 20u

enum bad { BAD_REFUSED, BAD_HOLE, BAD_RST, BAD_V6, BAD_FIN, BAD_COUNT };

static struct peer *listed[HOSTS];

static void
add_bad(const char *name, enum bad bad, unsigned i)
{
	struct netaddr at;

	listed[i] = NULL;
	switch (bad) {
	case BAD_REFUSED:
		(void)add_name(name, SIM_INSECURE);
		return;
	case BAD_HOLE:
		at = address(add_name(name, SIM_INSECURE));
		sim_blackhole(w->sim, &at, true);
		return;
	case BAD_V6: /* IPv6 only, and nothing answers there */
		say_dns(name, DNS_A, SIM_INSECURE, NULL);
		say_dns(name, DNS_AAAA, SIM_INSECURE,
		    text("2001:db8::%x", i + 1));
		at = address(text("2001:db8::%x", i + 1));
		sim_blackhole(w->sim, &at, true);
		return;
	case BAD_RST:
	case BAD_FIN:
		listed[i] = add_host(name);
		listed[i]->script.cut_at = STAGE_GREETING;
		listed[i]->script.cut_how = bad == BAD_RST ? CUT_RST : CUT_FIN;
		return;
	case BAD_COUNT:
		break;
	}
}

static const char *
host_name(unsigned i)
{
	return text("mx%02u.many.example", i);
}

struct order {
	char hosts[HOSTS * 24];
};

static bool
add_to_order(void *arg, const struct store_evidence *rec)
{
	struct order *o = arg;
	TALLOC_CTX *tmp = talloc_new(w);
	struct diag why = { 0 };
	struct evidence e;

	ck_assert_int_eq(evidence_unpack(tmp, rec->personal, rec->body, &e,
			     &why),
	    ST_OK);
	strncat(o->hosts, e.host, 24);
	strcat(o->hosts, " ");
	talloc_free(tmp);
	return true;
}

static const char *
hosts_in_order(const char *domain)
{
	const struct store_evidence_query q = { .domain = domain };
	static struct order o;
	struct store *store = world_store(w, w);
	struct diag why = { 0 };

	o.hosts[0] = '\0';
	ck_assert_int_eq(store_evidence_each(store, &q, add_to_order, &o, &why),
	    ST_OK);
	talloc_free(store);
	return o.hosts;
}

START_TEST(c23_twenty_bad_hosts_are_tried_in_order_each_in_bounded_time)
{
	static const char *list[HOSTS];
	char *order = text("%s", "");

	for (unsigned i = 0; i < HOSTS; i++) {
		list[i] = text("%u %s.", i, host_name(i));
		order = talloc_asprintf_append(order, "%s ", host_name(i));
		if (i + 1 < HOSTS)
			add_bad(host_name(i), (enum bad)(i % BAD_COUNT), i);
	}
	listed[HOSTS - 1] = add_host(host_name(HOSTS - 1));
	sim_dns_set(w->sim, "many.example", DNS_MX, SIM_INSECURE, 3600, list,
	    HOSTS);
	start();
	submit_to("u@many.example");
	/* Eight of them never answer: 30 seconds each. */
	pass(8 * 30000 - 2000);
	ck_assert_uint_eq(listed[HOSTS - 1]->mail_count, 0);
	pass(4000);
	ck_assert_uint_eq(listed[HOSTS - 1]->mail_count, 1);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_str_eq(hosts_in_order("many.example"), order);
	for (unsigned i = 0; i + 1 < HOSTS; i++)
		ck_assert(listed[i] == NULL || listed[i]->connections == 1);
}
END_TEST

START_TEST(c23_inv_14_an_attempt_ends_before_its_lease)
{
	static const char *list[HOSTS];

	for (unsigned i = 0; i < HOSTS; i++) {
		list[i] = text("%u %s.", i, host_name(i));
		listed[i] = add_host(host_name(i));
		/* "220 " in time, and then 4.5 minutes for each reply. */
		listed[i]->script.drip_ms = i + 1 < HOSTS ? 17000 : 0;
	}
	sim_dns_set(w->sim, "many.example", DNS_MX, SIM_INSECURE, 3600, list,
	    HOSTS);
	start();
	submit_to("u@many.example");
	pass(12 * HOUR);
	ck_assert(!was_logged("lease-ended"));
	ck_assert_uint_le(listed[HOSTS - 1]->mail_count, 1);
}
END_TEST

/* Behind a slow server jobs wait; none is given to two connections. */
START_TEST(c20_inv_14_mail_behind_a_slow_server_is_sent_once)
{
	struct peer *slow = add_domain("slow.example");

	/* Four and a half minutes for each reply to a message. */
	slow->script.drip_ms = 3000;
	slow->script.no_pipelining = true;
	slow->script.mail = slow->script.rcpt = slow->script.dot =
	    "250 2.0.0 all that can be said of this is said here, and it "
	    "takes its time until it is said";
	start();
	for (unsigned i = 0; i < 64; i++)
		submit_to(text("u%u@slow.example", i));
	pass(48 * HOUR);
	ck_assert(!was_logged("lease-ended"));
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(slow->mail_count, 64);
}
END_TEST

int
main(void)
{
	const TTest *const t[] = {
		c21_a_session_cut_at_any_point_is_tried_again_and_told_true,
		c21_a_session_cut_at_any_point_of_bdat_is_told_true_too,
		c21_a_server_that_always_drops_ends_in_one_report,
		c21_a_message_whose_time_ends_at_the_dot_is_delivered_or_returned,
		c20_a_thousand_tarpits_keep_no_other_mail_waiting,
		c20_a_transaction_has_a_deadline_as_a_whole,
		c22_421_anywhere_goes_to_the_next_host_and_later_comes_back,
		c22_5yz_at_each_stage_ends_the_mail_or_only_the_host,
		c22_greylisted_mail_is_delivered_by_the_first_retry_after_it,
		c22_each_of_many_recipients_has_its_own_end,
		c22_connections_to_a_busy_host_become_fewer,
		c23_twenty_bad_hosts_are_tried_in_order_each_in_bounded_time,
		c23_inv_14_an_attempt_ends_before_its_lease,
		c20_inv_14_mail_behind_a_slow_server_is_sent_once,
	};

	status_init();
	return run_all("courier_hostile", world_setup, t, COUNT_OF(t));
}
