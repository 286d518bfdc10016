/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_password - `tierpost password`: a line for the file of accounts.  From
 * a terminal the password is asked for twice and not shown; else it is the
 * first line of standard input.
 */
#include <crypt.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "gateway/cmd_util.h"
#include "policy/accounts.h"
#include "smtp/server.h"

#define METHOD "$y$" /* yescrypt, at the cost that libcrypt has for usual */

struct password {
	char text[SERVER_AUTH_PART_BYTES + 2]; /* with LF */
	size_t n;
};

static int
usage(void)
{
	fprintf(stderr, "usage: tierpost password [NAME]\n");
	return EXIT_USAGE;
}

/* One line without its end; false after having said why. */
static bool
read_line(struct password *p)
{
	char *end;

	if (fgets(p->text, (int)sizeof(p->text), stdin) == NULL) {
		fprintf(stderr, "tierpost: no password was given\n");
		return false;
	}
	end = memchr(p->text, '\n', sizeof(p->text) - 1);
	p->n = end == NULL ? strlen(p->text) : (size_t)(end - p->text);
	p->text[p->n] = '\0';
	if (p->n == 0 || p->n > SERVER_AUTH_PART_BYTES) {
		fprintf(stderr, "tierpost: a password has 1 to %u bytes\n",
		    SERVER_AUTH_PART_BYTES);
		return false;
	}
	if (strlen(p->text) == p->n)
		return true;
	fprintf(stderr, "tierpost: a NUL byte in the password\n");
	return false;
}

static bool
ask(const char *prompt, struct password *p)
{
	bool ok;

	fputs(prompt, stderr);
	ok = read_line(p);
	fputc('\n', stderr);
	return ok;
}

static bool
ask_twice(struct password *p)
{
	struct password again = { .n = 0 };
	struct termios old, quiet;
	sigset_t stop, before;
	bool ok;

	if (tcgetattr(STDIN_FILENO, &old) != 0)
		return read_line(p);
	/* A signal waits until the terminal is as it was. */
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGTSTP);
	sigprocmask(SIG_BLOCK, &stop, &before);
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	ok = ask("Password: ", p) && ask("Again: ", &again);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (ok && strcmp(p->text, again.text) != 0) {
		fprintf(stderr, "tierpost: the two are not the same\n");
		ok = false;
	}
	OPENSSL_cleanse(&again, sizeof(again));
	return ok;
}

static int
print_line(const char *name, const struct password *p)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	struct crypt_data *d = need(talloc_zero(NULL, struct crypt_data));
	const char *hash = NULL;

	if (crypt_gensalt_rn(METHOD, 0, NULL, 0, setting,
		(int)sizeof(setting)) != NULL)
		hash = crypt_rn(p->text, setting, d, (int)sizeof(*d));
	if (hash == NULL || account_hash_fault(span_str(hash)) != NULL) {
		fprintf(stderr, "tierpost: libcrypt has no yescrypt\n");
		hash = NULL;
	} else if (name != NULL) {
		printf("%s:%s\n", name, hash);
	} else {
		printf("%s\n", hash);
	}
	OPENSSL_cleanse(d, sizeof(*d));
	talloc_free(d);
	return hash == NULL ? EXIT_CONFIG : EXIT_DONE;
}

int
cmd_password(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	struct password p = { .n = 0 };
	int status = EXIT_NO;

	if (argc > 2 || (name != NULL && name[0] == '-'))
		return usage();
	if (name != NULL && !account_name_ok(span_str(name))) {
		fprintf(stderr,
		    "tierpost: the name of an account has letters, digits and "
		    "._-@+ only\n");
		return EXIT_USAGE;
	}
	if (ask_twice(&p))
		status = print_line(name, &p);
	OPENSSL_cleanse(&p, sizeof(p));
	return status;
}
