/* SPDX-License-Identifier: BSD-2-Clause */
/* Mail for tlsrpt.receive: a keeper with the collector, or with a hostile
 * one in its place. */
#include "tests/keeper.h"

#include "gateway/ingest.h"
#include "spool/received.h"

#define ADDRESS "tlsrpt@own.example"

static struct collector *collector;

/* ---- the other end ---- */

static void
join(void)
{
	struct sock *mine, *theirs;

	sim_pair(mem, sim, &mine, &theirs);
	keeper_attach_collector(k, theirs);
	collector_attach_keeper(collector, mine);
}

static void
start_collector(void)
{
	const struct role_env env = { net, &logger, &conf };

	collector = collector_new(mem, &env);
	join();
}

/* A test that plays the collector. */
static struct peer *
new_collector(void)
{
	struct sock *theirs;
	struct peer *p = peer_new(&theirs);

	keeper_attach_collector(k, theirs);
	return p;
}

static void
begin(void)
{
	conf.state_dir = dir;
	conf.tlsrpt_receive[0] = ADDRESS;
	conf.tlsrpt_receive_count = 1;
	conf.tlsrpt_unreadable = "";
	conf.tlsrpt_received_ms = 400 * 24 * HOUR;
	start(0);
}

static void
end(void)
{
	static const char *const suffix[] = { "", "-wal", "-shm" };

	TALLOC_FREE(collector);
	for (size_t i = 0; i < COUNT_OF(suffix); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/tlsrpt.db%s", dir, suffix[i]);
		(void)unlink(path);
	}
}

static const char *
report_mail(const char *id, unsigned failures)
{
	return talloc_asprintf(mem,
	    "From: r@reporter.example\r\n"
	    "Content-Type: application/tlsrpt+json\r\n\r\n"
	    "{\"organization-name\":\"Reporter\",\"date-range\":{"
	    "\"start-datetime\":\"2026-11-23T00:00:00Z\",\"end-datetime\":"
	    "\"2026-11-23T23:59:59Z\"},\"contact-info\":\"a@b.example\","
	    "\"report-id\":\"%s\",\"policies\":[{\"policy\":{\"policy-type\":"
	    "\"sts\",\"policy-domain\":\"own.example\"},\"summary\":{"
	    "\"total-successful-session-count\":5,"
	    "\"total-failure-session-count\":%u}}]}\r\n",
	    id, failures);
}

static void
hand_in(struct peer *in, int64_t id, const char *sender, const char *rcpt,
    struct span body)
{
	const char *domain = "own.example";

	send_open(in, (uint32_t)id, id, sender, &rcpt, &domain, 1);
	for (uint32_t seq = 0; body.n > 0; seq++) {
		send_chunk(in, (uint32_t)id, seq,
		    span_sub(body, 0, WIRE_CHUNK_BYTES));
		run(1);
		body = span_sub(body, WIRE_CHUNK_BYTES, body.n);
	}
}

static void
submit_mail(struct peer *in, int64_t id, const char *sender, const char *rcpt,
    struct span body)
{
	hand_in(in, id, sender, rcpt, body);
	send_end(in, (uint32_t)id, body.n);
	run(1);
	ck_assert_int_eq(next_done(in).verdict, VERDICT_QUEUED);
}

/* ---- what is seen ---- */

struct counted {
	uint64_t reports, failure;
};

static bool
count_report(void *arg, const struct received_listed *l)
{
	struct counted *c = arg;

	c->reports++;
	c->failure += l->failure;
	return true;
}

static struct counted
counted(void)
{
	const struct received_query q = { .domain = NULL };
	struct received *r = NULL;
	struct counted c = { 0 };

	if (received_open(mem, ingest_path(mem, &conf), false, &r, &why) !=
	    ST_OK)
		return c;
	ck_assert_int_eq(received_reports(r, &q, count_report, &c, &why),
	    ST_OK);
	talloc_free(r);
	return c;
}

static struct store_queue_row seen;

static bool
see(void *arg, const struct store_queue_row *q)
{
	(void)arg;
	seen = *q;
	seen.rcpt.address = talloc_strdup(mem, q->rcpt.address);
	seen.rcpt.last = talloc_strdup(mem, q->rcpt.last);
	seen.rcpt.status = talloc_strdup(mem, q->rcpt.status);
	seen.dest.domain = talloc_strdup(mem, q->dest.domain);
	return true;
}

static const struct store_queue_row *
only_one_queued(void)
{
	struct store *s = reader();

	ck_assert_uint_eq(queued(), 1);
	ck_assert_int_eq(store_queue_each(s, see, NULL, &why), ST_OK);
	talloc_free(s);
	return &seen;
}

static bool
is_outcome(void *arg, const struct store_evidence *e)
{
	unsigned *count = arg;

	count[e->outcome]++;
	return true;
}

static unsigned
records(enum evidence_outcome outcome)
{
	const struct store_evidence_query q = { .events = false };
	unsigned count[256] = { 0 };
	struct store *s = reader();

	ck_assert_int_eq(store_evidence_each(s, &q, is_outcome, count, &why),
	    ST_OK);
	talloc_free(s);
	return count[outcome];
}

/* ---- tests ---- */

START_TEST(a_report_is_committed_and_then_read_and_goes_to_no_courier)
{
	struct peer *in, *courier;
	int64_t id;

	begin();
	in = new_intake(0);
	courier = new_courier(0, 1);
	id = take_ids(in);
	submit_mail(in, id, "r@reporter.example", "TLSrpt@own.example",
	    span_str(report_mail("one", 2)));
	/* there is nobody yet who reads */
	run(HOUR);
	ck_assert_str_eq(only_one_queued()->dest.domain, "(tls-reports)");
	ck_assert_uint_eq(counted().reports, 0);
	start_collector();
	run(10);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(counted().reports, 1);
	ck_assert_uint_eq(counted().failure, 2);
	ck_assert_uint_eq(records(EVIDENCE_RECEIVED), 1);
	ck_assert(logged("tls-report id="));
	ck_assert_uint_eq(count_frames(courier, WIRE_SLOT), 0);
	/* the same again is said, and not counted */
	submit_mail(in, id + 1, "r@reporter.example", ADDRESS,
	    span_str(report_mail("one", 2)));
	run(10);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(counted().failure, 2);
	ck_assert(logged("tls-report-known id="));
	ck_assert_uint_eq(count_frames(courier, WIRE_SLOT), 0);
	end();
}
END_TEST

START_TEST(other_mail_goes_its_way)
{
	struct peer *in, *courier;

	begin();
	start_collector();
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit_mail(in, take_ids(in), "a@b.example", "tlsrpt2@own.example",
	    span_str(report_mail("x", 0)));
	run(10);
	ck_assert_str_eq(must_job(courier).rcpt[0].address,
	    "tlsrpt2@own.example");
	ck_assert_uint_eq(counted().reports, 0);
	end();
}
END_TEST

START_TEST(a_report_in_pieces_is_read_whole)
{
	struct sbuf body;
	struct peer *in;

	begin();
	start_collector();
	in = new_intake(0);
	sbuf_init(&body, mem, 1u << 20);
	sbuf_str(&body, "X-Long: ");
	for (unsigned i = 0; i < 40000; i++)
		sbuf_str(&body, "0123456\r\n ");
	sbuf_str(&body, "\r\n");
	sbuf_str(&body, report_mail("large", 3));
	submit_mail(in, take_ids(in), "", ADDRESS, sbuf_view(&body));
	run(50);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(counted().failure, 3);
	end();
}
END_TEST

/* Never a report about a report, whatever its sender asked for. */
START_TEST(what_is_no_report_is_held_and_nobody_is_told)
{
	static const unsigned all[] = { DSN_SUCCESS | DSN_FAILURE | DSN_DELAY };
	const struct store_queue_row *row;
	struct worker w = { 0 };
	struct peer *in;

	begin();
	start_collector();
	in = new_intake(0);
	w.courier = new_courier(0, 1);
	asked = (struct asked){ .notify = all, .orcpt = "rfc822;x@y" };
	submit_mail(in, take_ids(in), "spam@s.example", ADDRESS, small);
	run(10);
	row = only_one_queued();
	ck_assert_int_eq(row->rcpt.next.ms, STORE_HELD.ms);
	ck_assert_str_eq(row->rcpt.status, "5.6.0");
	ck_assert_ptr_nonnull(strstr(row->rcpt.last, "application/tlsrpt"));
	ck_assert(logged("warn keeper tls-report-unreadable id="));
	/* for as long as what the operator holds, and no longer */
	work(&w, 29 * 24 * HOUR);
	ck_assert_uint_eq(queued(), 1);
	work(&w, 2 * 24 * HOUR);
	ck_assert_uint_eq(queued(), 0);
	ck_assert(logged("expired id="));
	ck_assert_uint_eq(records(EVIDENCE_EXPIRED), 1);
	ck_assert_uint_eq(w.got.failed + w.got.delayed + w.got.relayed, 0);
	end();
}
END_TEST

/* It is held alone: the others of the same mail keep their lifetime. */
START_TEST(another_recipient_of_the_same_mail_is_served_as_ever)
{
	const char *rcpt[] = { ADDRESS, "b@r.example" };
	const char *domain[] = { "own.example", "r.example" };
	struct worker w = { .fate = FATE_PUT_OFF };
	struct peer *in;
	int64_t id;

	begin();
	start_collector();
	in = new_intake(0);
	w.courier = new_courier(0, 1);
	id = take_ids(in);
	send_open(in, 1, id, "s@s.example", rcpt, domain, 2);
	send_chunk(in, 1, 0, small);
	send_end(in, 1, small.n);
	run(10);
	ck_assert_uint_eq(queued(), 2);
	work(&w, 6 * 24 * HOUR);
	ck_assert_uint_eq(w.got.failed, 1);
	ck_assert(has_text(w.got.last_failed, "b@r.example"));
	ck_assert(!has_text(w.got.last_failed, ADDRESS));
	ck_assert_str_eq(only_one_queued()->rcpt.address, ADDRESS);
	end();
}
END_TEST

START_TEST(what_is_no_report_goes_to_a_person_where_one_is_named)
{
	struct peer *in, *courier;
	struct wire_job j;

	begin();
	conf.tlsrpt_unreadable = "postmaster@own.example";
	start_collector();
	in = new_intake(0);
	courier = new_courier(0, 1);
	asked = (struct asked){ .mclass = CLASS_REQUIRETLS, .marks = "a" };
	submit_mail(in, take_ids(in), "s@s.example", ADDRESS, small);
	run(10);
	j = must_job(courier);
	ck_assert_str_eq(j.rcpt[0].address, "postmaster@own.example");
	ck_assert_uint_eq(j.rcpt[0].notify, DSN_NEVER);
	ck_assert_int_eq(slot_key_of(courier, j.slot).mclass, CLASS_REQUIRETLS);
	ck_assert_str_eq(slot_key_of(courier, j.slot).marks, "a");
	ck_assert_uint_eq(records(EVIDENCE_REDIRECTED), 1);
	ck_assert(logged("redirected=postmaster@own.example"));
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(1);
	ck_assert_uint_eq(queued(), 0);
	end();
}
END_TEST

START_TEST(a_report_that_cannot_be_written_is_read_later)
{
	struct peer *in;

	begin();
	conf.state_dir = "/nonexistent";
	start_collector();
	in = new_intake(0);
	submit_mail(in, take_ids(in), "", ADDRESS,
	    span_str(report_mail("late", 7)));
	run(10);
	ck_assert_uint_eq(only_one_queued()->rcpt.attempts, 1);
	ck_assert(logged("tls-report-later id="));
	conf.state_dir = dir;
	run(7 * MINUTE);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(counted().failure, 7);
	end();
}
END_TEST

START_TEST(a_collector_that_dies_of_a_report_gets_it_twice)
{
	struct peer *in, *p;
	unsigned given = 0;

	begin();
	in = new_intake(0);
	submit_mail(in, take_ids(in), "", ADDRESS,
	    span_str(report_mail("poison", 1)));
	for (unsigned i = 0; i < 4; i++) {
		p = new_collector();
		say(p, WIRE_COLLECT_READY);
		run(1000);
		given += count_frames(p, WIRE_COLLECT);
		talloc_free(p);
		run(1000);
	}
	ck_assert_uint_eq(given, 2);
	ck_assert_int_eq(only_one_queued()->rcpt.next.ms, STORE_HELD.ms);
	ck_assert_ptr_nonnull(strstr(seen.rcpt.last, "more than once"));
	/* and others are read */
	start_collector();
	submit_mail(in, take_ids(in), "", ADDRESS,
	    span_str(report_mail("good", 1)));
	run(10);
	ck_assert_uint_eq(counted().reports, 1);
	end();
}
END_TEST

/* What it read before the keeper died, or its channel, is not counted twice
 * and not lost. */
START_TEST(inv_14_deaths_around_the_reading_lose_nothing_and_count_once)
{
	struct peer *in;
	int64_t id;

	begin();
	start_collector();
	in = new_intake(0);
	id = take_ids(in);
	for (int64_t i = 0; i < 8; i++) {
		hand_in(in, id + i, "", ADDRESS,
		    span_str(report_mail(talloc_asprintf(mem, "r%d", (int)i),
			1)));
		send_end(in, (uint32_t)(id + i), strlen(report_mail("rX", 1)));
	}
	for (unsigned i = 0; i < 8; i++) {
		run(1);
		if (i % 2 == 0) {
			join(); /* the channel breaks */
		} else {
			TALLOC_FREE(k);
			start(0);
			join();
		}
	}
	run(2000);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(counted().reports, 8);
	ck_assert_uint_eq(records(EVIDENCE_RECEIVED), 8);
	end();
}
END_TEST

START_TEST(a_store_that_fails_once_counts_it_once)
{
	struct peer *in;

	begin();
	start_collector();
	in = new_intake(0);
	submit_mail(in, take_ids(in), "", ADDRESS, small);
	run(0);
	failing = FAIL_SYNC;
	run(10);
	failing = FAIL_NONE;
	run(5000);
	ck_assert_int_eq(only_one_queued()->rcpt.next.ms, STORE_HELD.ms);
	end();
}
END_TEST

/* Held by the operator it waits, released it is read, deleted it is gone. */
START_TEST(the_operator_may_hold_and_release_and_delete_reports)
{
	struct peer *in, *admin;
	struct sock *theirs;
	struct queue_filter f = {
		.sender = "", .recipient = "", .domain = "", .reason = ""
	};
	struct wire_admin w = {
		.verb = ADMIN_HOLD, .by = "t", .reason = "", .to = ""
	};

	begin();
	in = new_intake(0);
	submit_mail(in, take_ids(in), "s@s.example", ADDRESS,
	    span_str(report_mail("held", 4)));
	for (unsigned i = 0; i < 2; i++) {
		admin = peer_new(&theirs);
		keeper_attach_admin(k, theirs);
		w.filter = f;
		w.verb = i == 0 ? ADMIN_HOLD : ADMIN_RELEASE;
		wire_pack_admin(&out, &w);
		say(admin, WIRE_ADMIN);
		run(5);
		if (i == 0) {
			start_collector();
			run(10);
			ck_assert_uint_eq(counted().reports, 0);
		}
	}
	run(10);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(counted().failure, 4);
	end();
}
END_TEST

/* What a hostile collector says is refused or about nothing. */
static void
breach(struct peer *p, int how, uint64_t lease)
{
	struct wire_collected c = { lease, COLLECT_READ, "" };

	switch (how) {
	case 0: /* ready again, with one at hand */
		say(p, WIRE_COLLECT_READY);
		break;
	case 1:
		pack_u32(&out, 1);
		say(p, WIRE_COLLECT_WANT);
		break;
	case 2: /* control characters for the log */
		c.why = "a\nb";
		wire_pack_collected(&out, &c);
		say(p, WIRE_COLLECTED);
		break;
	case 3:
		wire_pack_collected(&out, &c);
		pack_u8(&out, 0);
		say(p, WIRE_COLLECTED);
		break;
	case 4: /* no such verdict */
		pack_u64(&out, lease);
		pack_u8(&out, WIRE_COLLECT_COUNT);
		pack_str(&out, "");
		say(p, WIRE_COLLECTED);
		break;
	case 5: /* frames of others */
		say(p, WIRE_IDS_WANT);
		break;
	}
}

START_TEST(b3_12_a_hostile_collector_loses_its_channel)
{
	struct peer *in, *p;
	struct wire_collect c;

	begin();
	in = new_intake(0);
	submit_mail(in, take_ids(in), "", ADDRESS, small);
	p = new_collector();
	say(p, WIRE_COLLECT_READY);
	run(1);
	ck_assert_int_eq(wire_unpack_collect(mem, must_frame(p, WIRE_COLLECT),
			     &c, &why),
	    ST_OK);
	breach(p, _i, c.lease);
	run(1);
	ck_assert(p->closed);
	ck_assert_uint_eq(queued(), 1);
	end();
}
END_TEST

START_TEST(b3_12_what_a_collector_says_of_another_lease_is_about_nothing)
{
	struct peer *in, *p, *courier;
	struct wire_collected says = { 0, COLLECT_READ, "" };
	struct wire_collect c;
	struct wire_job j;

	begin();
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	p = new_collector();
	says.lease = j.lease;
	wire_pack_collected(&out, &says);
	say(p, WIRE_COLLECTED);
	say(p, WIRE_COLLECT_READY);
	run(1);
	ck_assert(!p->closed);
	ck_assert_uint_eq(queued(), 1);
	/* a courier that was sent it before it was one: it is done */
	submit_mail(in, take_ids(in), "", ADDRESS, small);
	run(1);
	ck_assert_int_eq(wire_unpack_collect(mem, must_frame(p, WIRE_COLLECT),
			     &c, &why),
	    ST_OK);
	j.lease = c.lease;
	j.message = c.message;
	j.rcpt[0].id = c.message << 16;
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(1);
	ck_assert_uint_eq(queued(), 1);
	says.lease = c.lease;
	wire_pack_collected(&out, &says);
	say(p, WIRE_COLLECTED);
	say(p, WIRE_COLLECT_READY);
	run(1);
	ck_assert(!p->closed);
	ck_assert_uint_eq(queued(), 1);
	ck_assert_uint_eq(records(EVIDENCE_RECEIVED), 0);
	end();
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc,
	    a_report_is_committed_and_then_read_and_goes_to_no_courier);
	tcase_add_test(tc, other_mail_goes_its_way);
	tcase_add_test(tc, a_report_in_pieces_is_read_whole);
	tcase_add_test(tc, what_is_no_report_is_held_and_nobody_is_told);
	tcase_add_test(tc,
	    another_recipient_of_the_same_mail_is_served_as_ever);
	tcase_add_test(tc,
	    what_is_no_report_goes_to_a_person_where_one_is_named);
	tcase_add_test(tc, a_report_that_cannot_be_written_is_read_later);
	tcase_add_test(tc, a_collector_that_dies_of_a_report_gets_it_twice);
	tcase_add_test(tc,
	    inv_14_deaths_around_the_reading_lose_nothing_and_count_once);
	tcase_add_test(tc, a_store_that_fails_once_counts_it_once);
	tcase_add_test(tc,
	    the_operator_may_hold_and_release_and_delete_reports);
	tcase_add_loop_test(tc, b3_12_a_hostile_collector_loses_its_channel, 0,
	    6);
	tcase_add_test(tc,
	    b3_12_what_a_collector_says_of_another_lease_is_about_nothing);
}

int
main(void)
{
	return keeper_run("keeper_collect", add_tests);
}
