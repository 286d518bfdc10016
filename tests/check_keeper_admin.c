/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper: what the operator wants done with the queue. */
#include "net/net_impl.h"
#include "tests/keeper.h"

#define OWN_UID 4711u

/* As the kernel would say it of the other end; UINT32_MAX: not at all. */
static struct peer *
new_admin_of(uint32_t uid)
{
	struct sock *theirs;
	struct peer *p = peer_new(&theirs);

	theirs->peer_uid = uid;
	theirs->has_peer_uid = uid != UINT32_MAX;
	keeper_own_user(k, OWN_UID, "gateway");
	keeper_attach_admin(k, theirs);
	return p;
}

static struct peer *
new_admin(void)
{
	return new_admin_of(0);
}

/* Everything for a domain; "" for all. */
static void
ask(struct peer *p, enum admin_verb verb, const char *domain, const char *to,
    bool notify)
{
	const struct wire_admin w = {
		.verb = verb,
		.by = "carol",
		.reason = "as told",
		.to = to,
		.notify = notify,
		.filter = { .sender = "",
		    .recipient = "",
		    .domain = domain,
		    .reason = "" },
	};

	wire_pack_admin(&out, &w);
	say(p, WIRE_ADMIN);
}

/* What it came to in the end. */
static struct wire_admin_state
end_of(struct peer *p)
{
	struct wire_admin_state s = { 0 };
	const struct frame *f;

	run(1000);
	while ((f = next_frame(p, WIRE_ADMIN_STATE)) != NULL)
		ck_assert_int_eq(wire_unpack_admin_state(mem, f->payload, &s,
				     &why),
		    ST_OK);
	ck_assert(s.done);
	ck_assert_str_eq(s.why, "");
	return s;
}

static struct wire_admin_state
do_it(enum admin_verb verb, const char *domain)
{
	struct peer *p = new_admin();

	ask(p, verb, domain, "", false);
	return end_of(p);
}

START_TEST(a_held_recipient_is_not_handed_out_before_its_release)
{
	struct peer *in, *courier;
	struct wire_job j;

	start(0);
	in = new_intake(0);
	submit(in, take_ids(in), "r.example");
	run(1);
	ck_assert_uint_eq(do_it(ADMIN_HOLD, "r.example").changed, 1);
	ck_assert_uint_eq(do_it(ADMIN_HOLD, "r.example").changed, 0);
	talloc_free(in);
	TALLOC_FREE(k);
	start(1);
	courier = new_courier(0, 1);
	run(3600000);
	ck_assert(!next_job(courier, &j));
	ck_assert_int_eq(last_row().rcpt.next.ms, STORE_HELD.ms);
	ck_assert_uint_eq(do_it(ADMIN_RELEASE, "r.example").changed, 1);
	(void)must_job(courier);
}
END_TEST

/* What the courier tells of it counts; only then is it held. */
START_TEST(a_recipient_at_a_courier_is_held_when_it_comes_back)
{
	struct peer *in, *courier;
	struct wire_job j, again;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	ck_assert_uint_eq(do_it(ADMIN_HOLD, "").changed, 1);
	tell(courier, 1, &j, _i == 0 ? RESULT_DEFERRED : RESULT_UNTRIED);
	run(2 * conf.queue_first_retry_ms);
	ck_assert(!next_job(courier, &again));
	ck_assert_int_eq(last_row().rcpt.next.ms, STORE_HELD.ms);
	ck_assert_uint_eq(do_it(ADMIN_RELEASE, "").changed, 1);
	(void)must_job(courier);
}
END_TEST

START_TEST(a_held_message_outlives_its_lifetime)
{
	struct peer *in;

	start(0);
	in = new_intake(0);
	submit(in, take_ids(in), "r.example");
	run(1);
	(void)do_it(ADMIN_HOLD, "");
	run(2 * conf.queue_lifetime_ms);
	ck_assert_uint_eq(queued(), 1);
	/* Released, there is time for an attempt, and then it is over. */
	(void)do_it(ADMIN_RELEASE, "");
	run(1800000);
	ck_assert_uint_eq(queued(), 1);
	run(2 * 3600000);
	ck_assert(logged("expired"));
}
END_TEST

START_TEST(smtp_58_a_retry_ends_the_back_off_and_not_the_lifetime)
{
	struct peer *in, *courier;
	struct wire_job j;
	struct wall expires;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	tell_failed(courier, 1, j.slot);
	run(1000);
	ck_assert(!next_job(courier, &j));
	expires = last_row().message.expires;
	ck_assert_uint_eq(do_it(ADMIN_RETRY, "r.example").changed, 1);
	(void)must_job(courier);
	ck_assert_int_eq(last_row().message.expires.ms, expires.ms);
}
END_TEST

START_TEST(inv_14_a_deletion_is_proven_with_who_and_why)
{
	struct peer *in;

	start(0);
	in = new_intake(0);
	submit(in, take_ids(in), "r.example");
	submit(in, take_ids(in) + 1, "s.example");
	run(1);
	ck_assert_uint_eq(do_it(ADMIN_DELETE, "r.example").changed, 1);
	ck_assert_uint_eq(queued(), 1);
	ck_assert_uint_eq(chain(), 1);
	ck_assert(logged("operator"));
	ck_assert(logged("by=\"root (for carol)\""));
}
END_TEST

/* The name that a client gives of itself takes nothing off the kernel's. */
START_TEST(who_changes_the_queue_is_who_the_kernel_says)
{
	static const struct {
		uint32_t uid;
		const char *want;
	} users[] = {
		{ 0, "by=\"root (for carol)\"" },
		{ OWN_UID, "by=\"gateway (for carol)\"" },
		{ 1000, "by=\"user 1000 (for carol)\"" },
		{ UINT32_MAX, "by=\"unknown user (for carol)\"" },
	};
	struct peer *in, *p;

	start(0);
	in = new_intake(0);
	submit(in, take_ids(in), "r.example");
	run(1);
	p = new_admin_of(users[_i].uid);
	ask(p, ADMIN_DELETE, "r.example", "", false);
	ck_assert_uint_eq(end_of(p).changed, 1);
	ck_assert(logged(users[_i].want));
}
END_TEST

START_TEST(the_sender_of_what_is_deleted_can_be_told)
{
	struct peer *in, *p;

	start(0);
	in = new_intake(0);
	submit(in, take_ids(in), "r.example");
	run(1);
	p = new_admin();
	ask(p, ADMIN_DELETE, "r.example", "", true);
	ck_assert_uint_eq(end_of(p).changed, 1);
	ck_assert_uint_eq(queued(), 1); /* the report */
	ck_assert_str_eq(last_row().rcpt.address, "a@sender.example");
}
END_TEST

START_TEST(what_a_courier_has_is_neither_deleted_nor_redirected)
{
	struct peer *in, *courier, *p;
	struct wire_admin_state s;
	struct wire_job j;

	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	submit(in, take_ids(in), "r.example");
	run(1);
	j = must_job(courier);
	p = new_admin();
	ask(p, _i == 0 ? ADMIN_DELETE : ADMIN_REDIRECT, "",
	    _i == 0 ? "" : "x@y.example", false);
	s = end_of(p);
	ck_assert_uint_eq(s.seen, 1);
	ck_assert_uint_eq(s.busy, 1);
	ck_assert_uint_eq(s.changed, 0);
	tell(courier, 1, &j, RESULT_DELIVERED);
	run(1);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(chain(), 1);
}
END_TEST

START_TEST(a_redirected_recipient_keeps_its_original_for_reports)
{
	struct peer *in, *courier, *p;
	struct wire_job j;

	start(0);
	in = new_intake(0);
	submit(in, take_ids(in), "r.example");
	run(1);
	p = new_admin();
	ask(p, ADMIN_REDIRECT, "r.example", "new@other.example", false);
	ck_assert_uint_eq(end_of(p).changed, 1);
	talloc_free(in);
	TALLOC_FREE(k);
	start(1);
	courier = new_courier(0, 1);
	run(1);
	j = must_job(courier);
	ck_assert_str_eq(j.rcpt[0].address, "new@other.example");
	ck_assert_str_eq(j.rcpt[0].orcpt, "rfc822;b@r.example");
	ck_assert_uint_eq(chain(), 1);
}
END_TEST

/* RFC 8689 6 */
START_TEST(rtls_45_a_redirected_recipient_keeps_its_class)
{
	static const enum msg_class classes[] = { CLASS_NORMAL,
		CLASS_REQUIRETLS, CLASS_TLS_OPTIONAL };
	const struct frame *f;
	struct peer *in, *courier, *p;
	struct unpack u;

	start(0);
	in = new_intake(0);
	asked.mclass = classes[_i];
	submit(in, take_ids(in), "r.example");
	asked.mclass = CLASS_NORMAL;
	run(1);
	p = new_admin();
	ask(p, ADMIN_REDIRECT, "r.example", "new@other.example", false);
	ck_assert_uint_eq(end_of(p).changed, 1);
	talloc_free(in);
	TALLOC_FREE(k);
	start(1);
	courier = new_courier(0, 1);
	run(1);
	f = next_frame(courier, WIRE_SLOT);
	ck_assert_ptr_nonnull(f);
	u = unpack_from(f->payload);
	(void)unpack_u32(&u);
	ck_assert_str_eq(unpack_str(&u, mem), "other.example");
	ck_assert_uint_eq(unpack_enum(&u, CLASS_COUNT), classes[_i]);
}
END_TEST

/* Page by page, while other mail comes and goes. */
START_TEST(a_large_queue_is_gone_through_in_pages)
{
	struct peer *in, *p;
	struct wire_admin_state s;
	int64_t id;

	start(0);
	in = new_intake(0);
	id = take_ids(in);
	for (int64_t i = 0; i < 700; i++)
		submit(in, id + i, i % 2 == 0 ? "r.example" : "s.example");
	run(1);
	p = new_admin();
	ask(p, ADMIN_DELETE, "r.example", "", false);
	s = end_of(p);
	ck_assert_uint_eq(s.seen, 350);
	ck_assert_uint_eq(s.changed, 350);
	ck_assert_uint_eq(queued(), 350);
	ck_assert_uint_eq(chain(), 350);
}
END_TEST

START_TEST(c7_a_page_that_could_not_be_written_is_done_again)
{
	struct peer *in, *p;

	start(0);
	in = new_intake(0);
	submit(in, take_ids(in), "r.example");
	run(1);
	failing = FAIL_SYNC;
	p = new_admin();
	ask(p, ADMIN_DELETE, "r.example", "", false);
	run(500);
	failing = FAIL_NONE;
	ck_assert_uint_le(end_of(p).changed, 1);
	ck_assert_uint_eq(queued(), 0);
	ck_assert_uint_eq(chain(), 1);
}
END_TEST

/* The other side is a person's program: whatever it sends, it is all that
 * ends. */
START_TEST(b3_12_a_frame_that_is_no_request_ends_its_channel_alone)
{
	struct peer *in, *p;

	start(0);
	in = new_intake(0);
	submit(in, take_ids(in), "r.example");
	run(1);
	p = new_admin();
	pack_u8(&out, 77);
	say(p, WIRE_ADMIN);
	run(100);
	ck_assert_uint_eq(count_frames(p, WIRE_ADMIN_STATE), 0);
	ck_assert_uint_eq(do_it(ADMIN_DELETE, "r.example").changed, 1);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc,
	    a_held_recipient_is_not_handed_out_before_its_release);
	tcase_add_loop_test(tc,
	    a_recipient_at_a_courier_is_held_when_it_comes_back, 0, 2);
	tcase_add_test(tc, a_held_message_outlives_its_lifetime);
	tcase_add_test(tc,
	    smtp_58_a_retry_ends_the_back_off_and_not_the_lifetime);
	tcase_add_test(tc, inv_14_a_deletion_is_proven_with_who_and_why);
	tcase_add_loop_test(tc, who_changes_the_queue_is_who_the_kernel_says, 0,
	    4);
	tcase_add_test(tc, the_sender_of_what_is_deleted_can_be_told);
	tcase_add_loop_test(tc,
	    what_a_courier_has_is_neither_deleted_nor_redirected, 0, 2);
	tcase_add_test(tc,
	    a_redirected_recipient_keeps_its_original_for_reports);
	tcase_add_loop_test(tc, rtls_45_a_redirected_recipient_keeps_its_class,
	    0, 3);
	tcase_add_test(tc, a_large_queue_is_gone_through_in_pages);
	tcase_add_test(tc, c7_a_page_that_could_not_be_written_is_done_again);
	tcase_add_test(tc,
	    b3_12_a_frame_that_is_no_request_ends_its_channel_alone);
}

int
main(void)
{
	return keeper_run("keeper_admin", add_tests);
}
