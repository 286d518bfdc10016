/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/pdf.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "weasyprint"
#define PACKAGE "weasyprint" /* of Debian */

/* Of the child, as a shell would have it. */
#define NOT_FOUND 127
#define NOT_RUN   126

/* The page as an open file at its start; -1 with *why. */
static int
file_of(struct span html, struct diag *why)
{
	int fd = memfd_create("report.html", MFD_CLOEXEC);
	size_t done = 0;

	while (fd >= 0 && done < html.n) {
		ssize_t n = write(fd, html.p + done, html.n - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			(void)diag_errno(why, "the page for " PROGRAM);
			close(fd);
			return -1;
		}
		done += (size_t)n;
	}
	if (fd < 0 || lseek(fd, 0, SEEK_SET) != 0)
		(void)diag_errno(why, "the page for " PROGRAM);
	return fd;
}

/* In the child; nothing but what is safe between fork and exec. */
static _Noreturn void
become(int in, int out)
{
	/* -e: the encoding of what it reads; -q: only what went wrong */
	char program[] = PROGRAM, quiet[] = "-q", encoding[] = "-e",
	     utf8[] = "utf-8", standard[] = "-";
	char *const argv[] = { program, quiet, encoding, utf8, standard,
		standard, NULL };

	if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0) {
		(void)execvp(PROGRAM, argv);
		if (errno == ENOENT)
			_exit(NOT_FOUND);
	}
	_exit(NOT_RUN);
}

static enum status
await(pid_t child, struct diag *why)
{
	int state;

	while (waitpid(child, &state, 0) < 0)
		if (errno != EINTR)
			return diag_errno(why, "waiting for " PROGRAM);
	if (WIFEXITED(state) && WEXITSTATUS(state) == 0)
		return ST_OK;
	if (WIFEXITED(state) && WEXITSTATUS(state) == NOT_FOUND)
		return diag_set(why, ST_NOTFOUND,
		    "PDF is made by the program " PROGRAM ", which is not "
		    "installed: apt install " PACKAGE ", or use --format "
		    "html");
	if (WIFEXITED(state))
		return diag_set(why, ST_IO,
		    PROGRAM " ended with exit status %d", WEXITSTATUS(state));
	return diag_set(why, ST_IO, PROGRAM " was ended by signal %d",
	    WTERMSIG(state));
}

enum status
pdf_write(struct span html, int out, struct diag *why)
{
	int in = file_of(html, why);
	pid_t child;

	if (in < 0)
		return ST_IO;
	child = fork();
	if (child == 0)
		become(in, out);
	close(in);
	if (child < 0)
		return diag_errno(why, "fork");
	return await(child, why);
}
