/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs that are run for the operator.  The end of one is learnt from a
 * descriptor of its process, so that no signal handler is needed, and its
 * number is nobody else's until it was waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/net_real_internal.h"

#define WHY_BYTES DIAG_TEXT_BYTES

struct program {
	struct net_real *real;
	pid_t pid; /* 0: none, or waited for */
	int fd;    /* of the process; -1 */
	struct net_watch *watch;
	struct net_timer *deadline;
	struct net_later *later; /* where it could not be started */
	bool killed;
	char why[WHY_BYTES];
	void (*done)(void *arg, const char *why);
	void *arg;
};

/* It and all that it has started. */
static void
kill_group(const struct program *p)
{
	(void)kill(-p->pid, SIGKILL);
	(void)kill(p->pid, SIGKILL); /* before it has made its group */
}

static int
program_destroy(struct program *p)
{
	if (p->pid > 0) {
		kill_group(p);
		(void)waitpid(p->pid, NULL, 0);
	}
	TALLOC_FREE(p->watch);
	if (p->fd >= 0)
		close(p->fd);
	return 0;
}

static void
tell(void *arg)
{
	struct program *p = arg;

	p->later = NULL;
	p->done(p->arg, p->why);
}

static void
ended(void *arg)
{
	struct program *p = arg;
	int status;

	if (waitpid(p->pid, &status, WNOHANG) != p->pid)
		return;
	p->pid = 0;
	TALLOC_FREE(p->watch);
	net_timer_clear(p->deadline);
	if (p->killed)
		snprintf(p->why, sizeof(p->why),
		    "it took too long and was killed");
	else if (WIFSIGNALED(status))
		snprintf(p->why, sizeof(p->why), "it was ended by signal %d",
		    WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		snprintf(p->why, sizeof(p->why), "it ended with status %d",
		    WEXITSTATUS(status));
	tell(p);
}

static void
too_long(void *arg)
{
	struct program *p = arg;

	p->killed = true;
	kill_group(p);
}

/* ---- start ---- */

/* Standard error stays; a process of ours ignores signals, it does not. */
static int
spawn(const struct net_program *what, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	error = posix_spawn_file_actions_addopen(&files, STDIN_FILENO,
	    "/dev/null", O_RDONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_addopen(&files, STDOUT_FILENO,
		    "/dev/null", O_WRONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(&files,
		    STDERR_FILENO + 1);
	if (error == 0)
		error = posix_spawn_file_actions_addchdir_np(&files, "/");
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP |
					    POSIX_SPAWN_SETSIGMASK |
					    POSIX_SPAWN_SETSIGDEF);
	if (error == 0)
		error = posix_spawn(pid, what->argv[0], &files, &attr,
		    (char *const *)(uintptr_t)what->argv,
		    (char *const *)(uintptr_t)what->envp);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return error;
}

struct program *
net_real_program(TALLOC_CTX *mem, struct net *net,
    const struct net_program *what, void (*done)(void *arg, const char *why),
    void *arg)
{
	struct program *p = need(talloc_zero(mem, struct program));
	struct diag why = { 0 };

	p->real = net_real_of(net);
	p->fd = -1;
	p->done = done;
	p->arg = arg;
	p->deadline = net_timer_new(p, net, too_long, p);
	talloc_set_destructor(p, program_destroy);
	errno = spawn(what, &p->pid);
	if (errno != 0) {
		p->pid = 0;
		(void)diag_errno(&why, "%s", what->argv[0]);
	} else {
		p->fd = pidfd_open(p->pid, 0);
		if (p->fd < 0) {
			(void)diag_errno(&why, "pidfd_open");
			kill_group(p);
			(void)waitpid(p->pid, NULL, 0);
			p->pid = 0;
		}
	}
	if (p->fd < 0) {
		snprintf(p->why, sizeof(p->why), "%s", why.text);
		p->later = net_later(p, net, tell, p);
		return p;
	}
	p->watch = net_real_watch(p, net, p->fd, ended, p);
	net_timer_set(p->deadline, mono_after(p->real->now, what->deadline_ms));
	return p;
}
