/* SPDX-License-Identifier: BSD-2-Clause */
/* `tierpost queue` against a keeper that says what a test wants it to. */
#include <check.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/cmd_queue.h"
#include "gateway/control.h"
#include "net/chan.h"

static TALLOC_CTX *mem;
static struct conf conf;
static char *dir;

static void
set_up(void)
{
	mem = talloc_new(NULL);
	dir = need(talloc_strdup(mem, "/tmp/check_queue_change.XXXXXX"));
	ck_assert(mkdtemp(dir) != NULL);
	conf = (struct conf){ .state_dir = dir };
}

static void
tear_down(void)
{
	unlink(talloc_asprintf(mem, "%s/control", dir));
	rmdir(dir);
	talloc_free(mem);
}

/* One frame for the first that asks, and then its end. */
static noreturn void
answer(int listener, const struct wire_admin_state *state)
{
	int fd = accept(listener, NULL, NULL);
	struct sbuf payload, frame;
	uint8_t question[4096];

	sbuf_init(&payload, mem, 4096);
	wire_pack_admin_state(&payload, state);
	sbuf_init(&frame, mem, 4096);
	pack_u32(&frame, (uint32_t)payload.n + 2);
	pack_u8(&frame, CHAN_VERSION);
	pack_u8(&frame, WIRE_ADMIN_STATE);
	sbuf_span(&frame, sbuf_view(&payload));
	if (recv(fd, question, sizeof(question), 0) <= 0 ||
	    send(fd, frame.p, frame.n, MSG_NOSIGNAL) != (ssize_t)frame.n)
		_exit(1);
	_exit(0);
}

static int
change_with(const struct wire_admin_state *state)
{
	const struct queue_args args = {
		.to = "",
		.reason = "",
		.all = true,
		.filter = { .sender = "",
		    .recipient = "",
		    .domain = "",
		    .reason = "" },
	};
	struct diag why = { 0 };
	int listener = control_socket_bind(dir, &why), result, status;
	pid_t pid;

	ck_assert_msg(listener >= 0, "%s", why.text);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		answer(listener, state);
	close(listener);
	result = queue_change(mem, &conf, &args, ADMIN_HOLD);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	return result;
}

/* Also when it goes away with its last word. */
START_TEST(a_keeper_that_said_all_is_done_need_not_stay)
{
	const struct wire_admin_state done = {
		.done = true, .seen = 1, .changed = 1, .why = ""
	};

	for (int i = 0; i < 50; i++)
		ck_assert_int_eq(change_with(&done), EXIT_DONE);
}
END_TEST

START_TEST(a_keeper_that_goes_before_all_is_done_is_told_of)
{
	const struct wire_admin_state some = {
		.seen = 1, .changed = 1, .why = ""
	};

	ck_assert_int_eq(change_with(&some), EXIT_TRY_LATER);
}
END_TEST

START_TEST(what_could_not_be_done_is_no_success)
{
	const struct wire_admin_state none = { .done = true, .why = "" },
				      busy = { .done = true,
					      .seen = 1,
					      .busy = 1,
					      .why = "" },
				      bad = { .done = true,
					      .seen = 1,
					      .why = "the disk is full" };

	ck_assert_int_eq(change_with(&none), EXIT_NO);
	ck_assert_int_eq(change_with(&busy), EXIT_TRY_LATER);
	ck_assert_int_eq(change_with(&bad), EXIT_TRY_LATER);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("queue_change");
	TCase *t = tcase_create("queue_change");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_keeper_that_said_all_is_done_need_not_stay);
	tcase_add_test(t, a_keeper_that_goes_before_all_is_done_is_told_of);
	tcase_add_test(t, what_could_not_be_done_is_no_success);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
