/* SPDX-License-Identifier: BSD-2-Clause */
/* `tierpost submit` against a server that only plays back replies. */
#include "gateway/cmd.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/span.h"

#define TEXT_BYTES 65536u

static char dir[] = "/tmp/check_submit.XXXXXX";
static char conf_path[64], out_path[64], heard_path[64], in_path[64];
static int listener;
static uint16_t port;

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static const char *
read_file(const char *path)
{
	static char text[TEXT_BYTES];
	FILE *f = fopen(path, "r");
	size_t n;

	ck_assert_ptr_nonnull(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

static void
write_conf(const char *tls)
{
	char text[1024];

	snprintf(text, sizeof(text),
	    "hostname = \"gw.example.org\"\n"
	    "state-dir = \"%s\"\n"
	    "listen = ( { address = \"127.0.0.1:%u\"; "
	    "allow = [ \"127.0.0.0/8\" ]; tls = \"%s\" } )\n",
	    dir, (unsigned)port, tls);
	write_file(conf_path, text);
}

static void
set_up(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(a);

	status_init();
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(conf_path, sizeof(conf_path), "%s/conf", dir);
	snprintf(out_path, sizeof(out_path), "%s/out", dir);
	snprintf(heard_path, sizeof(heard_path), "%s/heard", dir);
	snprintf(in_path, sizeof(in_path), "%s/in", dir);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&a, n), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&a, &n), 0);
	port = ntohs(a.sin_port);
	write_conf("off");
	write_file(in_path, "");
	write_file(heard_path, "");
}

static void
tear_down(void)
{
	unlink(conf_path);
	unlink(out_path);
	unlink(heard_path);
	unlink(in_path);
	rmdir(dir);
}

/*
 * One reply for the greeting, then one for each line, but after 354 one for
 * the line ".".  What was heard goes to a file.
 */
static void
serve(const char *const *replies)
{
	int fd = accept(listener, NULL, NULL);
	FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
	FILE *heard = fopen(heard_path, "w");
	bool content = false;
	char line[4096];

	fputs(*replies, out);
	fflush(out);
	while (fgets(line, sizeof(line), in) != NULL) {
		fputs(line, heard);
		if (content && strcmp(line, ".\r\n") != 0)
			continue;
		if (*++replies == NULL)
			break;
		fputs(*replies, out);
		fflush(out);
		content = strncmp(*replies, "354", 3) == 0;
	}
	fclose(heard);
	fclose(in);
	fclose(out);
}

/* Exit status of `submit` with these arguments; stdout goes to out_path. */
static int
submit(const char *const *replies, int argc, const char *const *args)
{
	static char words[16][256] = { "submit", "-c" };
	char *argv[16] = { words[0], words[1], conf_path };
	int status, saved = dup(STDOUT_FILENO), result;
	pid_t server = replies == NULL ? -1 : fork();

	if (server == 0) {
		serve(replies);
		_exit(0);
	}
	for (int i = 0; i < argc; i++) {
		snprintf(words[3 + i], sizeof(words[0]), "%s", args[i]);
		argv[3 + i] = words[3 + i];
	}
	optind = 0; /* glibc: begin afresh */
	ck_assert_ptr_nonnull(freopen(in_path, "r", stdin));
	fflush(stdout);
	ck_assert_ptr_nonnull(freopen(out_path, "w", stdout));
	result = cmd_submit(argc + 3, argv);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	if (server > 0)
		ck_assert_int_eq(waitpid(server, &status, 0), server);
	return result;
}

#define GOOD                                                                   \
	"220 gw\r\n", "250-gw\r\n250 SIZE\r\n", "250 2.1.0 ok\r\n",            \
	    "250 2.1.5 ok\r\n", "354 go\r\n",                                  \
	    "250 2.0.0 queued as 00000004Z\r\n", "221 bye\r\n", NULL

START_TEST(submit_turns_lines_to_the_wire_and_prints_the_queue_id)
{
	static const char *const replies[] = { GOOD };
	static const char *const args[] = { "-f", "a@example.org",
		"b@example.net" };

	write_file(in_path, "Subject: x\n\n.dot\r\nlast");
	ck_assert_int_eq(submit(replies, 3, args), EXIT_DONE);
	ck_assert_str_eq(read_file(out_path), "00000004Z\n");
	ck_assert_str_eq(read_file(heard_path),
	    "EHLO gw.example.org\r\n"
	    "MAIL FROM:<a@example.org>\r\n"
	    "RCPT TO:<b@example.net>\r\n"
	    "DATA\r\n"
	    "Subject: x\r\n\r\n..dot\r\nlast\r\n.\r\n"
	    "QUIT\r\n");
}
END_TEST

START_TEST(submit_sends_an_empty_message_and_a_null_sender)
{
	static const char *const replies[] = { GOOD };
	static const char *const args[] = { "-f", "", "b@example.net" };

	ck_assert_int_eq(submit(replies, 3, args), EXIT_DONE);
	ck_assert_str_eq(read_file(heard_path),
	    "EHLO gw.example.org\r\nMAIL FROM:<>\r\n"
	    "RCPT TO:<b@example.net>\r\nDATA\r\n.\r\nQUIT\r\n");
}
END_TEST

START_TEST(submit_makes_a_sender_of_the_user_and_the_gateway)
{
	static const char *const replies[] = { GOOD };
	static const char *const args[] = { "b@example.net" };

	ck_assert_int_eq(submit(replies, 1, args), EXIT_DONE);
	ck_assert_ptr_nonnull(strstr(read_file(heard_path),
	    "@gw.example.org>\r\nRCPT"));
}
END_TEST

START_TEST(submit_ends_with_the_status_that_fits_the_refusal)
{
	static const struct {
		const char *const replies[8];
		int status;
	} cases[] = {
		{ { "421 no\r\n" }, EXIT_TRY_LATER },
		{ { "554 no\r\n" }, EXIT_NO },
		{ { "220 gw\r\n", "250 gw\r\n", "452 4.3.1 no room\r\n" },
		    EXIT_TRY_LATER },
		{ { "220 gw\r\n", "250 gw\r\n", "250 ok\r\n",
		      "550 5.7.1 no\r\n" },
		    EXIT_NO },
		{ { "220 gw\r\n", "250 gw\r\n", "250 ok\r\n", "250 ok\r\n",
		      "354 go\r\n", "451 4.3.0 later\r\n" },
		    EXIT_TRY_LATER },
		{ { "220 gw\r\n", "250 gw\r\n", "250 ok\r\n", "250 ok\r\n",
		      "354 go\r\n", "550 5.6.0 bare CR\r\n" },
		    EXIT_NO },
		{ { "220 gw\r\n", "250 gw\r\n", "250 ok\r\n", "250 ok\r\n",
		      "354 go\r\n" },
		    EXIT_TRY_LATER }, /* closed without a word */
		{ { "gibberish\r\n" }, EXIT_TRY_LATER },
	};
	static const char *const args[] = { "b@example.net" };

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		ck_assert_int_eq(submit(cases[i].replies, 1, args),
		    cases[i].status);
		ck_assert_str_eq(read_file(out_path), "");
	}
}
END_TEST

START_TEST(submit_refuses_bad_arguments)
{
	static const char *const bad[] = { "not an address" };
	static const char *const sender[] = { "-f", "x", "b@example.net" };

	ck_assert_int_eq(submit(NULL, 0, NULL), EXIT_USAGE);
	ck_assert_int_eq(submit(NULL, 1, bad), EXIT_USAGE);
	ck_assert_int_eq(submit(NULL, 3, sender), EXIT_USAGE);
	write_file(conf_path, "nonsense");
	ck_assert_int_eq(submit(NULL, 1, sender + 2), EXIT_CONFIG);
}
END_TEST

START_TEST(submit_tries_later_when_nobody_listens)
{
	static const char *const args[] = { "b@example.net" };

	close(listener);
	ck_assert_int_eq(submit(NULL, 1, args), EXIT_TRY_LATER);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("submit");
	TCase *tc = tcase_create("submit");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc,
	    submit_turns_lines_to_the_wire_and_prints_the_queue_id);
	tcase_add_test(tc, submit_sends_an_empty_message_and_a_null_sender);
	tcase_add_test(tc, submit_makes_a_sender_of_the_user_and_the_gateway);
	tcase_add_test(tc, submit_ends_with_the_status_that_fits_the_refusal);
	tcase_add_test(tc, submit_refuses_bad_arguments);
	tcase_add_test(tc, submit_tries_later_when_nobody_listens);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
