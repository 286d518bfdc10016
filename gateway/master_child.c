/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * master_child - the role processes: told, joined, started, started again.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/cmd_util.h"
#include "gateway/master_internal.h"

#define RESTART_FIRST_MS   50   /* back-off of a role that dies at once */
#define RESTART_FORGIVE_MS 5000 /* alive for so long: back-off starts anew */

bool
master_child_alive(const struct master_child *c)
{
	return c->pid > 0;
}

struct master_child *
master_child_of(struct master *m, enum role role, uint32_t index)
{
	for (size_t i = 0; i < m->child_count; i++)
		if (m->child[i].role == role && m->child[i].index == index)
			return &m->child[i];
	panic("no such role");
}

uint32_t
master_count_alive(const struct master *m, enum role role)
{
	uint32_t n = 0;

	for (size_t i = 0; i < m->child_count; i++)
		n += m->child[i].role == role &&
		     master_child_alive(&m->child[i]);
	return n;
}

bool
master_tell(struct master_child *c, enum control_type type, uint32_t number,
    int fd)
{
	const struct control msg = {
		.type = type, .role = c->role, .number = number, .fd = fd
	};
	struct diag why = { 0 };

	if (!master_child_alive(c) || control_send(c->fd, &msg, &why) == ST_OK)
		return true;
	log_text(c->m->log, LOG_LEVEL_WARN, "role-deaf", "%s/%u: %s",
	    role_name(c->role), c->index, why.text);
	return false;
}

bool
master_tell_blob(struct master_child *c, enum control_type type,
    struct span content)
{
	struct diag why = { 0 };
	int fd = net_real_memfd("tierpost", content, &why);
	bool told;

	if (fd < 0) {
		log_text(c->m->log, LOG_LEVEL_ERROR, "no-memfd", "%s",
		    why.text);
		return false;
	}
	told = master_tell(c, type, 0, fd);
	close(fd);
	return told;
}

static bool
tell_conf(struct master_child *c)
{
	char *text = conf_print(c->m, c->m->conf);
	bool told = master_tell_blob(c, CONTROL_CONF, span_str(text));

	talloc_free(text);
	return told;
}

static bool
tell_files(struct master_child *c)
{
	const struct master_files *f = c->m->files;

	switch (c->role) {
	case ROLE_MAPPER:
	case ROLE_NOTIFIER:
	case ROLE_CONSOLE:
	case ROLE_COLLECTOR:
		return true;
	case ROLE_KEEPER:
		return master_tell_blob(c, CONTROL_REPORT_KEYS, f->report_keys);
	case ROLE_ADVISOR:
		return master_tell_blob(c, CONTROL_TRUST, f->sts_ca);
	case ROLE_COURIER:
		return master_tell_blob(c, CONTROL_TRUST, f->smtp_ca) &&
		       master_tell_blob(c, CONTROL_SECRETS, f->secrets) &&
		       master_tell_blob(c, CONTROL_MATERIAL, f->material);
	case ROLE_INTAKE:
		return master_tell_blob(c, CONTROL_CLIENT_CA, f->client_ca) &&
		       master_tell_blob(c, CONTROL_CERT, f->cert) &&
		       master_tell_blob(c, CONTROL_KEY, f->key) &&
		       master_tell_blob(c, CONTROL_ACCOUNTS, f->accounts);
	}
	return true; /* not reached: the switch names every role */
}

void
master_tell_settings(struct master_child *c)
{
	if (!tell_conf(c) || !tell_files(c))
		kill(c->pid, SIGKILL);
}

bool
master_join(struct master_child *a, struct master_child *b)
{
	struct control to_a = {
		.type = CONTROL_CHANNEL, .role = b->role, .number = b->index
	};
	struct control to_b = {
		.type = CONTROL_CHANNEL, .role = a->role, .number = a->index
	};
	struct diag why = { 0 };
	bool joined;
	int fd[2];

	if (!master_child_alive(a) || !master_child_alive(b))
		return false;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0) {
		(void)diag_errno(&why, "socketpair");
		log_text(a->m->log, LOG_LEVEL_ERROR, "no-channel", "%s",
		    why.text);
		return false;
	}
	to_a.fd = fd[0];
	to_b.fd = fd[1];
	joined = control_send(a->fd, &to_a, &why) == ST_OK &&
		 control_send(b->fd, &to_b, &why) == ST_OK;
	if (!joined)
		log_text(a->m->log, LOG_LEVEL_WARN, "no-channel", "%s",
		    why.text);
	close(fd[0]);
	close(fd[1]);
	return joined;
}

bool
master_talk(enum role a, enum role b)
{
	if (a == b || (a == ROLE_KEEPER && b == ROLE_MAPPER) ||
	    (a == ROLE_MAPPER && b == ROLE_KEEPER))
		return false;
	if (a == ROLE_COLLECTOR || b == ROLE_COLLECTOR)
		return a == ROLE_KEEPER || b == ROLE_KEEPER;
	if (a == ROLE_KEEPER || b == ROLE_KEEPER)
		return true;
	if (b == ROLE_ADVISOR)
		return master_talk(b, a);
	return a == ROLE_ADVISOR && (b == ROLE_COURIER || b == ROLE_MAPPER);
}

/* With those that are there already: each pair is joined by its second. */
static void
join_all(struct master_child *c)
{
	struct master *m = c->m;

	for (size_t i = 0; i < m->child_count; i++)
		if (master_talk(c->role, m->child[i].role))
			(void)master_join(c, &m->child[i]);
}

/* In the child: descriptor 3 is the control socket, nothing else is left. */
static noreturn void
become_role(const struct master *m, const struct master_child *c, int control)
{
	char index[16];
	char *argv[] = { (char[]){ "tierpost" }, (char[]){ "role" },
		need(talloc_strdup(NULL, role_name(c->role))), index, NULL };
	int exe;
	sigset_t none;

	snprintf(index, sizeof(index), "%u", c->index);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Either may stand on 3 or 4: move both out of the way first. */
	exe = fcntl(m->exe, F_DUPFD_CLOEXEC, CONTROL_FD + 2);
	control = fcntl(control, F_DUPFD_CLOEXEC, CONTROL_FD + 2);
	if (exe >= 0 && control >= 0 && dup2(control, CONTROL_FD) >= 0 &&
	    dup3(exe, CONTROL_FD + 1, O_CLOEXEC) >= 0 &&
	    close_range(CONTROL_FD + 2, ~0u, 0) == 0)
		fexecve(CONTROL_FD + 1, argv, environ);
	_exit(EXIT_TRY_LATER);
}

static enum status
spawn(struct master_child *c, struct diag *why)
{
	struct master *m = c->m;
	int fd[2];

	c->born = net_now(m->net); /* or not: the back-off counts from here */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) < 0)
		return diag_errno(why, "socketpair");
	c->pid = fork();
	if (c->pid == 0)
		become_role(m, c, fd[1]);
	close(fd[1]);
	if (c->pid < 0) {
		close(fd[0]);
		c->pid = 0;
		return diag_errno(why, "fork");
	}
	c->fd = fd[0];
	c->ready = false;
	c->watch = net_real_watch(m, m->net, c->fd, master_child_readable, c);
	return ST_OK;
}

void
master_give_listeners(struct master_child *c)
{
	const struct master *m = c->m;

	if (c->role == ROLE_INTAKE)
		for (size_t i = 0; i < m->conf->listen_count; i++)
			master_tell(c, CONTROL_LISTENER, (uint32_t)i,
			    m->listener[i]);
	if (c->role == ROLE_MAPPER)
		for (size_t i = 0; i < m->conf->socketmap_count; i++)
			master_tell(c, CONTROL_LISTENER, (uint32_t)i,
			    m->socketmap[i]);
	if (c->role == ROLE_CONSOLE)
		for (size_t i = 0; i < m->conf->metrics_count; i++)
			master_tell(c, CONTROL_LISTENER, (uint32_t)i,
			    m->metrics[i]);
}

/* One that was started afresh knows of nothing; at the first start it makes
 * its key before that is looked for. */
static void
keeper_returns(struct master_child *c)
{
	struct master *m = c->m;

	master_tell(c, CONTROL_LISTENER, 0, m->command_line);
	for (size_t i = 0; i < m->files->expiry_count; i++)
		master_tell_expiry_alarm(m, &m->files->expiry[i]);
	net_timer_set(m->key_check,
	    mono_after(net_now(m->net), MASTER_RESTART_MAX_MS));
}

void
master_bring_up(struct master_child *c)
{
	struct master *m = c->m;
	struct diag why = { 0 };

	if (spawn(c, &why) != ST_OK) {
		log_text(m->log, LOG_LEVEL_ERROR, "cannot-start", "%s/%u: %s",
		    role_name(c->role), c->index, why.text);
		master_schedule_restart(c);
		return;
	}
	master_tell_settings(c);
	master_tell(c, CONTROL_START, master_count_alive(m, ROLE_COURIER), -1);
	join_all(c);
	if (c->role == ROLE_KEEPER)
		keeper_returns(c);
	if (m->phase == MASTER_RUNNING)
		master_give_listeners(c);
}

void
master_restart_now(void *arg)
{
	struct master_child *c = arg;

	if (c->m->phase <= MASTER_RUNNING && !master_child_alive(c))
		master_bring_up(c);
}

void
master_schedule_restart(struct master_child *c)
{
	struct mono now = net_now(c->m->net);

	if (mono_reached(now, mono_after(c->born, RESTART_FORGIVE_MS)) ||
	    c->delay_ms == 0)
		c->delay_ms = RESTART_FIRST_MS;
	else if (c->delay_ms < MASTER_RESTART_MAX_MS)
		c->delay_ms *= 2;
	net_timer_set(c->restart, mono_after(now, c->delay_ms));
}
