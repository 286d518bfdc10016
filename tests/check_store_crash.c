/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands of the store after a SIGKILL at any instant, on a full disk, and
 * of its log.
 */
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "tests/store_evidence.h"

#define KILLS 40u

static void
count_rcpt(void *arg, const struct store_rcpt *r)
{
	ck_assert_int_eq(r->id >> 16, r->message);
	++*(unsigned *)arg;
}

/* ---- crashes ---- */

/*
 * A child writes transaction after transaction: message i, its evidence,
 * its courier number, all or none; after each commit it says i.  It is
 * killed somewhere, and what it said must be there, and no half of more.
 */
static void
write_for_ever(int out, int64_t from)
{
	struct diag no = { 0 };
	struct store *w = NULL;

	if (store_open(NULL, spec, STORE_WRITER, &w, &no) != ST_OK)
		_exit(1);
	s = w;
	for (int64_t i = from;; i++) {
		if (store_begin(w, &no) != ST_OK)
			_exit(1);
		queue(i, "r.example", 2, 1000);
		prove((uint64_t)i, i, 1, "r.example", i);
		if (store_courier_seq_put(w, 1, (uint64_t)i, (struct wall){ i },
			&no) != ST_OK ||
		    store_commit(w, &no) != ST_OK)
			_exit(1);
		if (write(out, &i, sizeof(i)) != (ssize_t)sizeof(i))
			_exit(1);
		store_copy_back(w);
	}
}

/* Killed some microseconds after it told of its first commits. */
static int64_t
run_and_kill(int64_t from, unsigned commits, unsigned after_us)
{
	int64_t told = 0, i;
	int fds[2], status;
	pid_t child;

	ck_assert_int_eq(pipe(fds), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		close(fds[0]);
		write_for_ever(fds[1], from);
	}
	close(fds[1]);
	while (commits-- > 0)
		ck_assert_int_eq(read(fds[0], &told, sizeof(told)),
		    sizeof(told));
	usleep(after_us);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));
	while (read(fds[0], &i, sizeof(i)) == (ssize_t)sizeof(i))
		told = i;
	close(fds[0]);
	return told;
}

/* All rows of messages 1..last are there, and of no later one. */
static void
assert_whole(int64_t last)
{
	struct store_dest d = dest("r.example");
	struct store_place from = { 0 };
	unsigned rcpts = 0, proofs = query((struct store_evidence_query){
					       .from_seq = (uint64_t)last })
					 .count;
	uint64_t seq, courier;
	uint8_t hash[32];
	struct wall then;

	ok(store_rcpt_due(s, d.id, &from, WALL_NEVER, 1000000, count_rcpt,
	    &rcpts, &then, &why));
	ok(store_evidence_head(s, &seq, hash, &why));
	ok(store_courier_seq(s, 1, &courier, &why));
	ck_assert_uint_eq(rcpts, 2 * (unsigned)last);
	ck_assert_uint_eq(d.queued, rcpts);
	ck_assert_uint_eq(seq, (uint64_t)last);
	ck_assert_uint_eq(courier, (uint64_t)last);
	ck_assert_uint_eq(proofs, last > 0 ? 1u : 0u);
	for (int64_t i = last; i > 0 && i > last - 5; i--) {
		struct span chunk;

		ck_assert(is_queued(i));
		ok(store_chunk_get(s, mem, i, 0, &chunk, &why));
		ck_assert(span_eq(chunk, "body\n"));
	}
	ck_assert(!is_queued(last + 1));
}

/* INV-14, C14: what was said to be committed is there after any kill. */
START_TEST(inv_14_c14_no_kill_loses_or_halves_a_transaction)
{
	int64_t last = 0;
	uint8_t hash[32];
	uint64_t seq;

	TALLOC_FREE(s);
	for (unsigned i = 0; i < KILLS; i++) {
		int64_t told = run_and_kill(last + 1, 1 + i % 3, 97 * i);

		open_store();
		ok(store_evidence_head(s, &seq, hash, &why));
		/* One may have been committed and not yet told. */
		ck_assert_int_ge((int64_t)seq, told);
		ck_assert_int_le((int64_t)seq, told + 1);
		last = (int64_t)seq;
		assert_whole(last);
		TALLOC_FREE(s);
	}
	ck_assert_int_ge(last, KILLS);
}
END_TEST

/* ---- a full disk ---- */

/* Until the disk is full; how many messages were taken. */
static int64_t
fill(int64_t from, struct span body)
{
	for (int64_t id = from;; id++) {
		struct store_message m = message(id);
		struct store_rcpt r = { .id = id << 16,
			.message = id,
			.dest = 1,
			.address = "b@r.example" };
		enum status st = store_begin(s, &why);

		if (st == ST_OK)
			st = store_message_put(s, &m, 1, &why);
		if (st == ST_OK)
			st = store_rcpt_add(s, &r, &why);
		if (st == ST_OK)
			st = store_chunk_add(s, id, 0, body, &why);
		if (st == ST_OK)
			st = store_commit(s, &why);
		if (st != ST_OK) {
			store_rollback(s);
			ck_assert_int_eq(st, ST_LIMIT);
			return id - 1;
		}
		store_copy_back(s);
	}
}

static enum status
drain_one(int64_t id)
{
	bool last;
	enum status st = store_begin(s, &why);

	if (st == ST_OK)
		st = store_rcpt_done(s, id << 16, &last, &why);
	if (st == ST_OK)
		st = store_commit(s, &why);
	if (st != ST_OK)
		store_rollback(s);
	return st;
}

/* C7: 0 acknowledged lost, and a full queue can always drain. */
START_TEST(c7_a_full_disk_refuses_whole_messages_and_drains_again)
{
	static uint8_t zeros[200000];
	char mount_dir[64];
	unsigned stuck = 0;
	int64_t taken;

	TALLOC_FREE(s);
	memcpy(mount_dir, dir, sizeof(mount_dir));
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL),
	    0);
	ck_assert_int_eq(mount("tmpfs", mount_dir, "tmpfs", 0, "size=160m"), 0);
	open_store();
	store_keep_room(s);
	taken = fill(1, span_of(zeros, sizeof(zeros)));
	taken = fill(taken + 1, SPAN_LIT("x")); /* to the last page */
	ck_assert_int_gt(taken, 50);
	ck_assert_uint_lt(store_free_bytes(s), 1u << 20);
	for (int64_t id = 1; id <= taken; id++) {
		ck_assert(is_queued(id));
		if (drain_one(id) == ST_OK)
			continue;
		/* Not even a deletion goes through, until the room that was
		 * kept back is given up. */
		stuck++;
		ck_assert(store_make_room(s));
		ck_assert_int_eq(drain_one(id), ST_OK);
	}
	ck_assert(!is_queued(taken + 1));
	ck_assert_uint_eq(stuck, 1);
	TALLOC_FREE(s);
	ck_assert_int_eq(umount2(mount_dir, MNT_DETACH), 0);
}
END_TEST

/* ---- the log ---- */

START_TEST(the_log_is_copied_back_when_it_is_long)
{
	static uint8_t zeros[200000];
	uint64_t most = 0;

	for (int64_t id = 1; id <= 300; id++) {
		struct store_message m = message(id);

		begin();
		ok(store_message_put(s, &m, 1, &why));
		ok(store_chunk_add(s, id, 0, span_of(zeros, sizeof(zeros)),
		    &why));
		commit();
		store_copy_back(s);
		if (store_log_bytes(s) > most)
			most = store_log_bytes(s);
	}
	ck_assert_uint_gt(most, 8u << 20);
	ck_assert_uint_lt(most, 32u << 20); /* of 60 MB written */
}
END_TEST

static Suite *
suite(void)
{
	Suite *all = suite_create("store_crash");
	TCase *t = tcase_create("crashes");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, inv_14_c14_no_kill_loses_or_halves_a_transaction);
	suite_add_tcase(all, t);

	t = tcase_create("a full disk");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	if (geteuid() == 0) /* mounts a small file system of its own */
		tcase_add_test(t,
		    c7_a_full_disk_refuses_whole_messages_and_drains_again);
	suite_add_tcase(all, t);

	t = tcase_create("the log");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, the_log_is_copied_back_when_it_is_long);
	suite_add_tcase(all, t);
	return all;
}

int
main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	status_init();
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
