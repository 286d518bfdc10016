/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper: events, checkpoints and ages of the evidence chain. */
#include "gateway/evidence_verify.h"
#include "report/chain_event.h"
#include "tests/keeper.h"

#define DAY (24 * HOUR)

/* Of the test's key, and of the one before it. */
static uint8_t public_keys[2][CHECKPOINT_PUBLIC_BYTES];
static struct conf_exception exception;
static struct peer *in, *courier;
static uint32_t told;
static uint64_t instance;
static char private_pem[CHECKPOINT_PEM_BYTES], public_pem[CHECKPOINT_PEM_BYTES];

/* A keeper with the test's key, an intake and a courier. */
static void
start_signed(void)
{
	struct checkpoint_key *key;

	if (*private_pem == '\0')
		checkpoint_key_make(private_pem, public_pem);
	ck_assert_int_eq(checkpoint_key_read(mem, span_str(private_pem), &key,
			     &why),
	    ST_OK);
	checkpoint_key_public(key, public_keys[0]);
	conf.evidence_addresses_ms = 3 * DAY;
	conf.evidence_lifetime_ms = 10 * DAY;
	start(1);
	keeper_set_key(k, key);
	in = new_intake(0);
	courier = new_courier(0, ++instance);
	told = 0;
	run(1);
}

/* So many records of attempts. */
static void
deliver(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct wire_job j;

		submit(in, take_ids(in), "r.example");
		run(1);
		j = must_job(courier);
		tell(courier, ++told, &j, RESULT_DELIVERED);
		run(1);
	}
}

static struct evidence_verification
verified_by(const struct evidence_verify_opts *opts)
{
	struct evidence_verification v;
	struct store *s = reader();

	ck_assert_int_eq(evidence_verify(s, opts, &v, &why), ST_OK);
	talloc_free(s);
	return v;
}

static struct evidence_verification
verified_with(const struct checkpoint *kept, size_t count)
{
	const struct evidence_verify_opts opts = {
		.key = (const uint8_t(*)[CHECKPOINT_PUBLIC_BYTES])public_keys,
		.key_count = 1,
		.kept = kept,
		.kept_count = count
	};

	return verified_by(&opts);
}

static struct evidence_verification
verified_with_keys(size_t first, size_t count)
{
	const struct evidence_verify_opts opts = {
		.key = (const uint8_t(*)[CHECKPOINT_PUBLIC_BYTES])public_keys +
		       first,
		.key_count = count
	};

	return verified_by(&opts);
}

static struct evidence_verification
verified(void)
{
	return verified_with(NULL, 0);
}

/* ---- what the chain's events say ---- */

static bool
add_event(void *arg, const struct store_evidence *rec)
{
	char **text = arg;
	struct chain_event e;

	if (!chain_event_is(rec->body))
		return true;
	ck_assert_int_eq(chain_event_unpack(mem, rec->body, &e, &why), ST_OK);
	*text = talloc_asprintf_append(*text, "%s%s%s%s",
	    **text == '\0' ? "" : " ", chain_event_kind_name(e.kind),
	    *e.subject == '\0' ? "" : ":", e.subject);
	return true;
}

static const char *
events(void)
{
	const struct store_evidence_query all = { .events = true };
	struct store *s = reader();
	char *text = talloc_strdup(mem, "");

	ck_assert_int_eq(store_evidence_each(s, &all, add_event, &text, &why),
	    ST_OK);
	talloc_free(s);
	return text;
}

static void
end(void *arg)
{
	*(bool *)arg = true;
}

static void
stop(void)
{
	bool done = false;

	keeper_drain(k, end, &done);
	run(1000);
	ck_assert(done);
	TALLOC_FREE(k);
}

START_TEST(start_and_end_are_records_and_the_end_is_signed)
{
	struct evidence_verification v;

	start_signed();
	ck_assert_str_eq(events(), "started");
	deliver(2);
	v = verified();
	ck_assert(v.good);
	ck_assert_uint_eq(v.records, 3);
	ck_assert_uint_eq(v.signed_to, 0);
	stop();
	ck_assert_str_eq(events(), "started stopped");
	v = verified();
	ck_assert_msg(v.good, "%s", v.why);
	ck_assert_uint_eq(v.signed_to, 4);
	ck_assert_uint_eq(v.last_seq, 4);
	ck_assert_uint_eq(v.events, 2);
}
END_TEST

START_TEST(without_a_key_nothing_is_signed_and_no_event_is_told)
{
	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	told = 0;
	deliver(1);
	run(2 * HOUR);
	ck_assert_str_eq(events(), "");
	ck_assert_uint_eq(verified().records, 1);
	ck_assert_uint_eq(verified().checkpoints, 0);
}
END_TEST

START_TEST(a_checkpoint_is_made_after_an_hour_and_told_in_the_log)
{
	start_signed();
	deliver(1);
	run(HOUR / 2);
	ck_assert_uint_eq(verified().signed_to, 0);
	run(HOUR);
	ck_assert_uint_eq(verified().signed_to, 2);
	ck_assert(logged("checkpoint number=2 "));
	/* nothing new: nothing to sign */
	run(5 * HOUR);
	ck_assert_uint_eq(verified().checkpoints, 1);
}
END_TEST

START_TEST(a_checkpoint_is_made_after_a_thousand_records)
{
	start_signed();
	deliver(1100);
	ck_assert_uint_ge(verified().signed_to, 1000);
	ck_assert(verified().good);
}
END_TEST

START_TEST(a_keeper_killed_signs_on_where_it_was)
{
	start_signed();
	deliver(3);
	run(2 * HOUR);
	deliver(1);
	TALLOC_FREE(k);
	start_signed();
	deliver(1);
	stop();
	ck_assert(verified().good);
	ck_assert_uint_eq(verified().checkpoints, 2);
	ck_assert_str_eq(events(), "started started stopped");
}
END_TEST

/* ---- tampering ---- */

static struct store_checkpoint kept_row;

static bool
keep_checkpoint(void *arg, const struct store_checkpoint *c)
{
	(void)arg;
	kept_row = *c;
	return true;
}

static struct checkpoint
kept_checkpoint(void)
{
	struct store *s = reader();
	struct checkpoint c;

	ck_assert_int_eq(store_checkpoint_each(s, 0, keep_checkpoint, NULL,
			     &why),
	    ST_OK);
	talloc_free(s);
	c = (struct checkpoint){ .seq = kept_row.seq, .time = kept_row.time };
	memcpy(c.hash, kept_row.hash, sizeof(c.hash));
	memcpy(c.key_id, kept_row.key_id, sizeof(c.key_id));
	memcpy(c.signature, kept_row.signature, sizeof(c.signature));
	return c;
}

static const struct {
	const char *sql;
	uint64_t at;
	const char *why;
} harm[] = {
	{ "UPDATE evidence SET body = x'00' || substr(body, 2)"
	  " WHERE seq = 3",
	    3, "hash" },
	{ "UPDATE evidence SET body = substr(body, 1, length(body) - 1)"
	  " WHERE seq = 1",
	    1, "hash" },
	{ "DELETE FROM evidence WHERE seq = 2", 3, "record 2 is" },
	{ "UPDATE evidence SET seq = 100 WHERE seq = 3;"
	  "UPDATE evidence SET seq = 3 WHERE seq = 4;"
	  "UPDATE evidence SET seq = 4 WHERE seq = 100",
	    3, "hash" },
	{ "UPDATE evidence SET time = time + 1 WHERE seq = 4", 4, "columns" },
	{ "UPDATE evidence SET personal = x'0100' WHERE seq = 4", 4, "" },
	{ "DELETE FROM evidence WHERE seq >= 5", 5, "at the end" },
	{ "UPDATE checkpoint SET signature = zeroblob(64)", 6, "not signed" },
	{ "UPDATE checkpoint SET hash = zeroblob(32)", 6, "anew" },
	{ "UPDATE checkpoint SET time = time + 1", 6, "not signed" },
	{ "UPDATE checkpoint SET key = x'0011223344556677'", 6, "another key" },
	{ "UPDATE base SET hash = x'01' || zeroblob(31)", 1, "hash" },
};

START_TEST(whatever_is_done_to_records_is_found_and_where)
{
	struct evidence_verification v;

	start_signed();
	deliver(4);
	stop();
	ck_assert(verified().good);
	by_hand(harm[_i].sql);
	v = verified();
	ck_assert_msg(!v.good, "%s", harm[_i].sql);
	ck_assert_msg(v.wrong_at == harm[_i].at, "%s: %lu", harm[_i].sql,
	    (unsigned long)v.wrong_at);
	ck_assert_msg(strstr(v.why, harm[_i].why) != NULL, "%s: %s",
	    harm[_i].sql, v.why);
}
END_TEST

/* Who can write the store can make all of it anew, but for what others keep. */
START_TEST(a_checkpoint_kept_elsewhere_shows_what_the_store_cannot)
{
	struct evidence_verification v;
	struct checkpoint c;

	start_signed();
	deliver(3);
	stop();
	c = kept_checkpoint();
	ck_assert(verified_with(&c, 1).good);
	by_hand("DELETE FROM evidence WHERE seq >= 3; DELETE FROM checkpoint");
	ck_assert(verified().good);
	v = verified_with(&c, 1);
	ck_assert(!v.good);
	ck_assert_uint_eq(v.wrong_at, 3);
	start_signed();
	deliver(3);
	stop();
	ck_assert(verified().good);
	v = verified_with(&c, 1);
	ck_assert(!v.good);
	ck_assert_ptr_nonnull(strstr(v.why, "anew"));
}
END_TEST

/* One that is newer than the key that is known may be of whoever made it. */
START_TEST(the_last_checkpoint_is_of_a_key_that_is_known)
{
	struct evidence_verification v;

	start_signed();
	deliver(1);
	stop();
	*private_pem = '\0';
	memcpy(public_keys[1], public_keys[0], sizeof(public_keys[1]));
	start_signed();
	deliver(1);
	stop();
	v = verified_with_keys(0, 1);
	ck_assert_msg(v.good, "%s", v.why);
	ck_assert_uint_eq(v.checkpoints, 2);
	ck_assert_uint_eq(v.foreign, 1);
	ck_assert_uint_eq(v.signed_to, v.last_seq);
	v = verified_with_keys(0, 2);
	ck_assert(v.good);
	ck_assert_uint_eq(v.foreign, 0);
	v = verified_with_keys(1, 1);
	ck_assert(!v.good);
	ck_assert_uint_eq(v.wrong_at, v.last_seq);
	ck_assert_ptr_nonnull(strstr(v.why, "--key"));
	v = verified_with_keys(0, 0);
	ck_assert(v.good);
	ck_assert_uint_eq(v.signed_to, 0);
}
END_TEST

START_TEST(checkpoints_that_were_kept_may_be_in_any_order)
{
	struct checkpoint kept[2];
	struct evidence_verification v;

	start_signed();
	deliver(1);
	stop();
	kept[1] = kept_checkpoint();
	start_signed();
	deliver(1);
	stop();
	kept[0] = kept_checkpoint();
	v = verified_with(kept, 2);
	ck_assert(v.good);
	ck_assert_uint_eq(v.checkpoints, 4);
	kept[1].hash[0] ^= 1;
	v = verified_with(kept, 2);
	ck_assert(!v.good);
	ck_assert_uint_eq(v.wrong_at, kept[1].seq);
}
END_TEST

/* ---- configurations ---- */

START_TEST(another_configuration_and_its_exceptions_are_records)
{
	struct conf next;

	start_signed();
	next = conf;
	next.digest[0] = 1;
	exception = (struct conf_exception){ .name = "sohu",
		.allow = LEVEL_PLAIN,
		.reason = "r",
		.approver = "a",
		.ticket = "",
		.revoked_by = "",
		.revoked_reason = "",
		.expires = wall_after(net_wall(net), 3 * HOUR),
		.where = "f:1",
		.file = "" };
	next.exception = &exception;
	next.exception_count = 1;
	keeper_reload(k, &next);
	run(1);
	ck_assert_str_eq(events(), "started reloaded exception-added:sohu");
	keeper_reload(k, &next);
	run(2 * HOUR);
	ck_assert_str_eq(events(), "started reloaded exception-added:sohu");
	run(2 * HOUR);
	ck_assert_str_eq(events(), "started reloaded exception-added:sohu "
				   "exception-expired:sohu");
	keeper_reload(k, &conf);
	run(1);
	ck_assert_str_eq(events(), "started reloaded exception-added:sohu "
				   "exception-expired:sohu reloaded "
				   "exception-gone:sohu");
	ck_assert(verified().good);
}
END_TEST

/* An exception for r.example that one message may use. */
static void
with_exception(void)
{
	static const char *domains[] = { "r.example" };

	exception = (struct conf_exception){ .name = "sohu",
		.domains = domains,
		.domain_count = 1,
		.allow = LEVEL_PLAIN,
		.budget = 1,
		.reason = "r",
		.approver = "a",
		.ticket = "",
		.revoked_by = "",
		.revoked_reason = "",
		.until = { INT64_C(1900000000000) },
		.expires = { INT64_C(1900000000000) },
		.where = "f:1",
		.file = "" };
	conf.exception = &exception;
	conf.exception_count = 1;
	conf.exception_probe_ms = DAY;
}

static void
use_it(int64_t message)
{
	const struct wire_use w = {
		.slot = 1,
		.token = 1,
		.message = message,
		.exception = "sohu",
		.expires = exception.expires,
	};

	wire_pack_use(&out, &w);
	say(courier, WIRE_USE_WANT);
	run(1);
}

static void
tell_not_needed(void)
{
	struct wire_probed answer = {
		.needed = NEEDED_NO, .host = "", .why = "all hosts comply"
	};
	struct wire_probe p;

	ck_assert_int_eq(wire_unpack_probe(mem, must_frame(courier, WIRE_PROBE),
			     &p, &why),
	    ST_OK);
	answer.token = p.token;
	wire_pack_probed(&out, &answer);
	say(courier, WIRE_PROBED);
	run(1);
}

/* In the transaction that counts the use, and once. */
START_TEST(what_comes_of_an_exception_is_a_record)
{
	const char *begun = "started exception-added:sohu";
	int64_t id;

	with_exception();
	start_signed();
	ck_assert_str_eq(events(), begun);
	id = take_ids(in);
	submit(in, id, "r.example");
	run(1);
	ck_assert_int_eq(must_job(courier).message, id);
	failing = _i == 0 ? FAIL_NONE : FAIL_WRITE;
	use_it(id);
	failing = FAIL_NONE;
	run(MINUTE);
	ck_assert_str_eq(events(),
	    talloc_asprintf(mem, "%s exception-used-up:sohu", begun));
	use_it(id);
	ck_assert_str_eq(events(),
	    talloc_asprintf(mem, "%s exception-used-up:sohu", begun));
	ck_assert(verified().good);
}
END_TEST

START_TEST(an_exception_that_has_ended_is_not_added_at_a_start)
{
	with_exception();
	exception.expires = wall_after(net_wall(net), -1);
	start_signed();
	run(MINUTE);
	ck_assert_str_eq(events(), "started");
}
END_TEST

START_TEST(that_an_exception_is_not_needed_is_a_record_once)
{
	with_exception();
	start_signed();
	run(2 * MINUTE);
	tell_not_needed();
	ck_assert_str_eq(events(),
	    "started exception-added:sohu exception-unneeded:sohu");
	run(2 * DAY); /* the log reminds of it, daily */
	ck_assert_str_eq(events(),
	    "started exception-added:sohu exception-unneeded:sohu");
	ck_assert(verified().good);
}
END_TEST

START_TEST(without_a_key_nothing_of_exceptions_is_a_record)
{
	with_exception();
	start(1);
	in = new_intake(0);
	courier = new_courier(0, 1);
	run(2 * MINUTE);
	tell_not_needed();
	ck_assert(logged("exception-not-needed"));
	ck_assert_str_eq(events(), "");
}
END_TEST

/* ---- ages ---- */

START_TEST(addresses_go_with_their_age_and_the_chain_verifies)
{
	start_signed();
	deliver(3);
	run(2 * DAY);
	deliver(2);
	ck_assert_uint_eq(verified().without_addresses, 0);
	run(2 * DAY);
	ck_assert(verified().good);
	ck_assert_uint_eq(verified().without_addresses, 3);
	ck_assert_str_eq(events(), "started addresses-removed");
	run(3 * DAY);
	ck_assert_uint_eq(verified().without_addresses, 5);
}
END_TEST

START_TEST(records_go_with_their_age_up_to_a_checkpoint)
{
	struct evidence_verification v;
	struct checkpoint c;

	start_signed();
	deliver(1500);
	run(2 * HOUR);
	c = kept_checkpoint();
	run(8 * DAY);
	deliver(2);
	v = verified();
	ck_assert(v.good);
	ck_assert_uint_eq(v.base.seq, 0);
	run(4 * DAY);
	v = verified();
	ck_assert_msg(v.good, "%s", v.why);
	ck_assert_uint_eq(v.base.seq, c.seq);
	ck_assert_mem_eq(v.base.hash, c.hash, sizeof(c.hash));
	ck_assert_uint_eq(v.first_seq, c.seq + 1);
	ck_assert_ptr_nonnull(strstr(events(), "pruned"));
	/* it goes on from there */
	deliver(1);
	stop();
	ck_assert(verified().good);
	start_signed();
	ck_assert(verified().good);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, start_and_end_are_records_and_the_end_is_signed);
	tcase_add_test(tc,
	    without_a_key_nothing_is_signed_and_no_event_is_told);
	tcase_add_test(tc,
	    a_checkpoint_is_made_after_an_hour_and_told_in_the_log);
	tcase_add_test(tc, a_checkpoint_is_made_after_a_thousand_records);
	tcase_add_test(tc, a_keeper_killed_signs_on_where_it_was);
	tcase_add_loop_test(tc, whatever_is_done_to_records_is_found_and_where,
	    0, COUNT_OF(harm));
	tcase_add_test(tc,
	    a_checkpoint_kept_elsewhere_shows_what_the_store_cannot);
	tcase_add_test(tc, the_last_checkpoint_is_of_a_key_that_is_known);
	tcase_add_test(tc, checkpoints_that_were_kept_may_be_in_any_order);
	tcase_add_test(tc,
	    another_configuration_and_its_exceptions_are_records);
	tcase_add_test(tc, an_exception_that_has_ended_is_not_added_at_a_start);
	tcase_add_loop_test(tc, what_comes_of_an_exception_is_a_record, 0, 2);
	tcase_add_test(tc, that_an_exception_is_not_needed_is_a_record_once);
	tcase_add_test(tc, without_a_key_nothing_of_exceptions_is_a_record);
	tcase_add_test(tc, addresses_go_with_their_age_and_the_chain_verifies);
	tcase_add_test(tc, records_go_with_their_age_up_to_a_checkpoint);
}

int
main(void)
{
	return keeper_run("keeper_chain", add_tests);
}
