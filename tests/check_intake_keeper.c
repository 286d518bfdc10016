/* SPDX-License-Identifier: BSD-2-Clause */
/* A keeper that goes away, or goes mad. */
#include "tests/intake.h"

/* ---- the keeper goes away ---- */

START_TEST(a_keeper_that_dies_in_mid_stream_means_451_at_the_end)
{
	char *block = lines_of(200000);
	struct client *c = greeted(), *d = greeted();

	envelope(c);
	envelope(d);
	say(c, block);
	wait_for_subs(1);
	settle();
	keeper_die();
	expect_silence(c);
	say(c, block);
	ask(c, ".\r\n", "451 4.3.0");
	ask(d, "x\r\n.\r\n", "451 4.3.0");
	ask(c, "MAIL FROM:<a@b>\r\n", "451 4.3.0");
	keeper_start();
	envelope(c);
	ask(c, "x\r\n.\r\n", "250");
	ck_assert(!keeper.sub[0].ended);
}
END_TEST

START_TEST(a_keeper_that_dies_without_credit_frees_its_clients)
{
	char *block = lines_of(300000);
	struct client *c = greeted();

	keeper.gives_credit = false;
	envelope(c);
	say(c, block);
	settle();
	ck_assert_uint_eq(keeper.sub[0].uncredited, WIRE_WINDOW_BYTES);
	keeper_die();
	ask(c, ".\r\n", "451 4.3.0");
}
END_TEST

START_TEST(an_unanswered_message_is_asked_about_again)
{
	struct client *c = greeted(), *d = greeted();

	keeper.gives_verdict = false;
	envelope(c);
	envelope(d);
	say(c, "x\r\n.\r\n");
	wait_for_subs(1);
	say(d, "y\r\n.\r\n");
	wait_for_subs(2);
	settle();
	keeper_die();
	expect_silence(c);
	advance(INTAKE_KEEPER_AWAY_MS - 1);
	keeper_start();
	ck_assert(keeper.sub[0].queried && keeper.sub[1].queried);
	keeper_die();
	keeper.sub[0].queried = false;
	keeper_start();
	ck_assert(keeper.sub[0].queried);
	send_done(&keeper.sub[0], VERDICT_QUEUED);
	send_done(&keeper.sub[1], VERDICT_TRY_LATER);
	expect(c, "250 2.0.0 queued");
	expect(d, "451 4.3.0");
}
END_TEST

/* Neither 250 nor 451 would be known to be true. */
START_TEST(an_outcome_never_known_closes_without_a_reply)
{
	struct client *c = greeted(), *d = greeted();

	keeper.gives_verdict = false;
	envelope(c);
	envelope(d);
	say(c, "x\r\n.\r\n");
	wait_for_subs(1);
	settle();
	keeper_die();
	expect_silence(c);
	advance(INTAKE_KEEPER_AWAY_MS);
	expect_end(c);
	keeper_start();
	ask(d, "y\r\n.\r\n", "451");
	envelope(d);
	say(d, "x\r\n.\r\n");
	wait_for_subs(2);
	settle();
	advance(INTAKE_VERDICT_MS);
	expect_end(d);
	/* too late, and for no one: harmless */
	send_done(&keeper.sub[1], VERDICT_QUEUED);
	settle();
	ck_assert(!keeper.closed);
}
END_TEST

START_TEST(without_a_keeper_connections_get_421)
{
	struct client *c;

	keeper_die();
	c = client_at(0);
	expect(c, "421 4.3.2");
	expect_end(c);
	keeper_start();
	greeted();
}
END_TEST

START_TEST(c7_no_room_means_452_to_mail)
{
	struct client *c = greeted();

	send_room(false);
	settle();
	ask(c, "MAIL FROM:<a@b>\r\n", "452 4.3.1");
	send_room(true);
	settle();
	envelope(c);
	ask(c, "x\r\n.\r\n", "250");
}
END_TEST

START_TEST(ids_are_asked_for_when_half_a_block_is_used)
{
	struct client *c = greeted();
	char id[QUEUE_ID_BYTES];

	ck_assert_uint_eq(keeper.ids_wanted, 1);
	for (unsigned i = 0; i < WIRE_ID_BLOCK + 10; i++) {
		keeper.sub_count = 0;
		say(c, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
		expect(c, "250");
		expect(c, "250");
		expect(c, "354");
		ask(c, ".\r\n",
		    talloc_asprintf(mem, "250 2.0.0 queued as %s",
			queue_id_text(FIRST_ID + i, id)));
		if (i < WIRE_ID_BLOCK / 2)
			ck_assert_uint_eq(keeper.ids_wanted, 1);
	}
	ck_assert_uint_eq(keeper.ids_wanted, 2);
}
END_TEST

START_TEST(data_waits_while_there_are_no_ids)
{
	struct client *c, *d;

	keeper_die();
	keeper.gives_ids = false;
	keeper_start();
	c = greeted();
	d = greeted();
	say(c, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	say(d, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	expect(c, "250");
	expect(c, "250");
	expect(d, "250");
	expect(d, "250");
	expect_silence(c);
	send_ids();
	expect(c, "354");
	expect(d, "354");
	ask(c, ".\r\n", "250");
}
END_TEST

START_TEST(data_without_ids_fails_when_the_keeper_dies)
{
	struct client *c;

	keeper_die();
	keeper.gives_ids = false;
	keeper_start();
	c = greeted();
	say(c, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	expect(c, "250");
	expect(c, "250");
	expect_silence(c);
	keeper_die();
	expect(c, "451 4.3.0");
	ask(c, "NOOP\r\n", "250");
}
END_TEST

/* B3.12: whatever a keeper gone mad says, the channel closes and no more. */
START_TEST(b3_12_frames_that_make_no_sense_close_the_channel)
{
	static const struct {
		uint8_t type;
		const char *payload;
		size_t n;
	} bad[] = {
		{ WIRE_IDS, "", 0 },
		{ WIRE_IDS, "\0\0\0\0\0\0\0\1\0\0\0\1", 12 }, /* not asked */
		{ WIRE_SUBMIT_CREDIT, "\0\0\0\1", 4 },
		{ WIRE_SUBMIT_DONE, "\0\0\0\1", 4 },
		{ WIRE_ROOM, "\2", 1 },
		{ WIRE_SUBMIT_OPEN, "", 0 },
		{ 200, "", 0 },
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct client *c = greeted();

		chan_send_span(keeper.chan, bad[i].type,
		    span_of(bad[i].payload, bad[i].n));
		settle();
		ck_assert(keeper.closed);
		ask(c, "MAIL FROM:<a@b>\r\n", "451 4.3.0");
		keeper_die();
		keeper_start();
		envelope(c);
		ask(c, ".\r\n", "250");
	}
}
END_TEST

START_TEST(b3_12_credit_never_given_out_closes_the_channel)
{
	struct client *c = greeted();
	struct submission wrong;

	keeper.gives_verdict = false;
	envelope(c);
	say(c, "x\r\n.\r\n");
	wait_for_subs(1);
	settle();
	wrong = keeper.sub[0];
	wrong.uncredited = 1u << 20;
	send_credit(&wrong);
	settle();
	ck_assert(keeper.closed);
}
END_TEST

/* ---- main ---- */

static TCase *
keeper_case(void)
{
	TCase *tc = tcase_create("keeper");

	tcase_add_test(tc,
	    a_keeper_that_dies_in_mid_stream_means_451_at_the_end);
	tcase_add_test(tc, a_keeper_that_dies_without_credit_frees_its_clients);
	tcase_add_test(tc, an_unanswered_message_is_asked_about_again);
	tcase_add_test(tc, an_outcome_never_known_closes_without_a_reply);
	tcase_add_test(tc, without_a_keeper_connections_get_421);
	tcase_add_test(tc, c7_no_room_means_452_to_mail);
	tcase_add_test(tc, ids_are_asked_for_when_half_a_block_is_used);
	tcase_add_test(tc, data_waits_while_there_are_no_ids);
	tcase_add_test(tc, data_without_ids_fails_when_the_keeper_dies);
	tcase_add_test(tc, b3_12_frames_that_make_no_sense_close_the_channel);
	tcase_add_test(tc, b3_12_credit_never_given_out_closes_the_channel);
	return tc;
}

int
main(void)
{
	TCase *cases[] = { keeper_case() };

	return intake_suite("intake_keeper", set_up, cases, COUNT_OF(cases));
}
