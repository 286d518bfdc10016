/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * master - starts the role processes, joins them by channels, starts again
 * those that die, reloads, drains.  It never reads a byte that comes from
 * the network.
 *
 *	STARTING --all ready--> RUNNING --TERM--> DRAINING --last courier
 *	and intake gone--> STOPPING --last role gone--> (end)
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/cmd_util.h"
#include "gateway/control.h"
#include "gateway/master_files.h"
#include "gateway/master_socketmap.h"
#include "gateway/master_user.h"
#include "net/tls.h"

#define MASTER_MAX_WORKERS  64u
#define MASTER_MAX_CHILDREN (4u + 2u * MASTER_MAX_WORKERS)
#define RESTART_FIRST_MS    50 /* back-off of a role that dies at once */
#define RESTART_MAX_MS      5000
#define RESTART_FORGIVE_MS  5000 /* alive for so long: back-off starts anew */
#define KILL_AFTER_MS       5000 /* beyond drain-timeout, then SIGKILL */
#define JOIN_REST_MS        5000 /* ours: a role asks for channels */
#define EXPIRY_CHECK_MS     86400000 /* of the certificate: daily */

enum phase { PHASE_STARTING, PHASE_RUNNING, PHASE_DRAINING, PHASE_STOPPING };

struct child {
	struct master *m;
	enum role role;
	uint32_t index;
	pid_t pid; /* 0: not running */
	int fd;    /* our end of its control socket; -1 */
	bool ready;
	struct net_watch *watch;
	struct mono born;
	struct mono
	    joined[ROLE_COUNT]; /* last on asking, by the other's role */
	int64_t delay_ms;
	struct net_timer *restart;
};

struct master {
	struct net *net;
	struct log *log;
	const char *conf_path;
	struct conf *conf;
	struct master_files *files;
	int exe; /* this program, open before the privileges went */
	int listener[CONF_MAX_LISTEN];
	int socketmap[CONF_MAX_SOCKETMAP];
	int command_line; /* socket on which the keeper is asked */
	enum phase phase;
	uint32_t workers;
	struct child child[MASTER_MAX_CHILDREN];
	size_t child_count;
	struct net_timer *deadline;
	struct net_timer *expiry_check;
	int status;
};

/* ---- children ---- */

static bool
alive(const struct child *c)
{
	return c->pid > 0;
}

static struct child *
child_of(struct master *m, enum role role, uint32_t index)
{
	for (size_t i = 0; i < m->child_count; i++)
		if (m->child[i].role == role && m->child[i].index == index)
			return &m->child[i];
	panic("no such role");
}

static uint32_t
count_alive(const struct master *m, enum role role)
{
	uint32_t n = 0;

	for (size_t i = 0; i < m->child_count; i++)
		n += m->child[i].role == role && alive(&m->child[i]);
	return n;
}

/* false: it does not hear.  One that has died is told nothing, and will be
 * told all when it is started again. */
static bool
tell(struct child *c, enum control_type type, uint32_t number, int fd)
{
	const struct control msg = {
		.type = type, .role = c->role, .number = number, .fd = fd
	};
	struct diag why = { 0 };

	if (!alive(c) || control_send(c->fd, &msg, &why) == ST_OK)
		return true;
	log_text(c->m->log, LOG_LEVEL_WARN, "role-deaf", "%s/%u: %s",
	    role_name(c->role), c->index, why.text);
	return false;
}

static bool
tell_blob(struct child *c, enum control_type type, struct span content)
{
	struct diag why = { 0 };
	int fd = net_real_memfd("tierpost", content, &why);
	bool told;

	if (fd < 0) {
		log_text(c->m->log, LOG_LEVEL_ERROR, "no-memfd", "%s",
		    why.text);
		return false;
	}
	told = tell(c, type, 0, fd);
	close(fd);
	return told;
}

static bool
tell_conf(struct child *c)
{
	char *text = conf_print(c->m, c->m->conf);
	bool told = tell_blob(c, CONTROL_CONF, span_str(text));

	talloc_free(text);
	return told;
}

static bool
tell_files(struct child *c)
{
	const struct master_files *f = c->m->files;

	switch (c->role) {
	case ROLE_MAPPER:
	case ROLE_COLLECTOR:
		return true;
	case ROLE_KEEPER:
		return tell_blob(c, CONTROL_REPORT_KEYS, f->report_keys);
	case ROLE_ADVISOR:
		return tell_blob(c, CONTROL_TRUST, f->sts_ca);
	case ROLE_COURIER:
		return tell_blob(c, CONTROL_TRUST, f->smtp_ca) &&
		       tell_blob(c, CONTROL_SECRETS, f->secrets) &&
		       tell_blob(c, CONTROL_MATERIAL, f->material);
	case ROLE_INTAKE:
		return tell_blob(c, CONTROL_CLIENT_CA, f->client_ca) &&
		       tell_blob(c, CONTROL_CERT, f->cert) &&
		       tell_blob(c, CONTROL_KEY, f->key) &&
		       tell_blob(c, CONTROL_ACCOUNTS, f->accounts);
	}
	return true; /* not reached: the switch names every role */
}

/* One that does not hear of what is required now must not go on with what was
 * required before: it is started afresh. */
static void
tell_settings(struct child *c)
{
	if (!tell_conf(c) || !tell_files(c))
		kill(c->pid, SIGKILL);
}

/* Give a and b the two ends of a new channel, if both are there. */
static bool
join(struct child *a, struct child *b)
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

	if (!alive(a) || !alive(b))
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

static bool
talk(enum role a, enum role b)
{
	if (a == b || (a == ROLE_KEEPER && b == ROLE_MAPPER) ||
	    (a == ROLE_MAPPER && b == ROLE_KEEPER))
		return false;
	if (a == ROLE_COLLECTOR || b == ROLE_COLLECTOR)
		return a == ROLE_KEEPER || b == ROLE_KEEPER;
	if (a == ROLE_KEEPER || b == ROLE_KEEPER)
		return true;
	if (b == ROLE_ADVISOR)
		return talk(b, a);
	return a == ROLE_ADVISOR && (b == ROLE_COURIER || b == ROLE_MAPPER);
}

/* With those that are there already: each pair is joined by its second. */
static void
join_all(struct child *c)
{
	struct master *m = c->m;

	for (size_t i = 0; i < m->child_count; i++)
		if (talk(c->role, m->child[i].role))
			(void)join(c, &m->child[i]);
}

/* In the child: descriptor 3 is the control socket, nothing else is left. */
static noreturn void
become_role(const struct master *m, const struct child *c, int control)
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

static void child_readable(void *arg);

static enum status
spawn(struct child *c, struct diag *why)
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
	c->watch = net_real_watch(m, m->net, c->fd, child_readable, c);
	return ST_OK;
}

static void
give_listeners(struct child *c)
{
	const struct master *m = c->m;

	if (c->role == ROLE_INTAKE)
		for (size_t i = 0; i < m->conf->listen_count; i++)
			tell(c, CONTROL_LISTENER, (uint32_t)i, m->listener[i]);
	if (c->role == ROLE_MAPPER)
		for (size_t i = 0; i < m->conf->socketmap_count; i++)
			tell(c, CONTROL_LISTENER, (uint32_t)i, m->socketmap[i]);
}

/* Clients come in once there is somebody to keep and to decide. */
static bool
open_for_mail(struct master *m)
{
	return child_of(m, ROLE_KEEPER, 0)->ready &&
	       child_of(m, ROLE_ADVISOR, 0)->ready;
}

static void schedule_restart(struct child *c);

static void
bring_up(struct child *c)
{
	struct master *m = c->m;
	struct diag why = { 0 };

	if (spawn(c, &why) != ST_OK) {
		log_text(m->log, LOG_LEVEL_ERROR, "cannot-start", "%s/%u: %s",
		    role_name(c->role), c->index, why.text);
		schedule_restart(c);
		return;
	}
	tell_settings(c);
	tell(c, CONTROL_START, count_alive(m, ROLE_COURIER), -1);
	join_all(c);
	if (c->role == ROLE_KEEPER)
		tell(c, CONTROL_LISTENER, 0, m->command_line);
	if (m->phase == PHASE_RUNNING)
		give_listeners(c);
}

static void
restart_now(void *arg)
{
	struct child *c = arg;

	if (c->m->phase <= PHASE_RUNNING && !alive(c))
		bring_up(c);
}

static void
schedule_restart(struct child *c)
{
	struct mono now = net_now(c->m->net);

	if (mono_reached(now, mono_after(c->born, RESTART_FORGIVE_MS)) ||
	    c->delay_ms == 0)
		c->delay_ms = RESTART_FIRST_MS;
	else if (c->delay_ms < RESTART_MAX_MS)
		c->delay_ms *= 2;
	net_timer_set(c->restart, mono_after(now, c->delay_ms));
}

/* ---- start ---- */

static void
all_ready(struct master *m)
{
	m->phase = PHASE_RUNNING;
	for (size_t i = 0; i < m->child_count; i++)
		give_listeners(&m->child[i]);
	for (size_t i = 0; i < m->conf->listen_count; i++) {
		char text[NETADDR_TEXT_BYTES];

		log_text(m->log, LOG_LEVEL_INFO, "listening", "%s",
		    netaddr_text_port(&m->conf->listen[i].addr, text));
	}
	for (size_t i = 0; i < m->conf->socketmap_count; i++) {
		char *text = conf_socketmap_text(m, &m->conf->socketmap[i]);

		log_text(m->log, LOG_LEVEL_INFO, "listening", "%s (socketmap)",
		    text);
		talloc_free(text);
	}
	log_text(m->log, LOG_LEVEL_INFO, "ready", "tierpost %s, %u workers",
	    TIERPOST_VERSION, m->workers);
}

static void
child_ready(struct child *c)
{
	struct master *m = c->m;

	c->ready = true;
	if (m->phase != PHASE_STARTING)
		return;
	for (size_t i = 0; i < m->child_count; i++)
		if (!m->child[i].ready)
			return;
	invariant(open_for_mail(m));
	all_ready(m);
}

/*
 * A channel broke though both its ends live.  Who asks is believed as far as
 * it goes: a channel of those that it has anyway, now and then.  The keeper
 * and the advisor towards couriers are asked for, and ask not.
 */
static void
join_again(struct child *c, enum role other)
{
	struct master *m = c->m;
	struct mono now = net_now(m->net);

	if (m->phase > PHASE_RUNNING || c->role == ROLE_KEEPER ||
	    (other != ROLE_KEEPER && other != ROLE_ADVISOR) ||
	    !talk(c->role, other) ||
	    !mono_reached(now, mono_after(c->joined[other], JOIN_REST_MS)))
		return;
	c->joined[other] = now;
	if (join(c, child_of(m, other, 0)))
		log_text(m->log, LOG_LEVEL_INFO, "joined-again", "%s/%u and %s",
		    role_name(c->role), c->index, role_name(other));
}

static void
child_readable(void *arg)
{
	struct child *c = arg;
	struct diag why = { 0 };
	struct control msg;

	while (control_recv(c->fd, &msg, &why) == ST_OK) {
		if (msg.fd >= 0)
			close(msg.fd);
		if (msg.type == CONTROL_READY)
			child_ready(c);
		else if (msg.type == CONTROL_LOST)
			join_again(c, msg.role);
	}
	if (why.st != ST_TEMP)
		TALLOC_FREE(c->watch); /* SIGCHLD tells the rest */
}

/* ---- end ---- */

static void
kill_all(void *arg)
{
	struct master *m = arg;

	for (size_t i = 0; i < m->child_count; i++)
		if (alive(&m->child[i]))
			kill(m->child[i].pid, SIGKILL);
}

static void
stop_rest(struct master *m)
{
	m->phase = PHASE_STOPPING;
	for (size_t i = 0; i < m->child_count; i++)
		tell(&m->child[i], CONTROL_STOP, 0, -1);
}

/* Go on with the end when the ones we wait for have gone. */
static void
maybe_ended(struct master *m)
{
	size_t left = 0;

	if (m->phase == PHASE_DRAINING && count_alive(m, ROLE_COURIER) == 0 &&
	    count_alive(m, ROLE_INTAKE) == 0)
		stop_rest(m);
	for (size_t i = 0; i < m->child_count; i++)
		left += alive(&m->child[i]);
	if (m->phase == PHASE_STOPPING && left == 0)
		net_real_stop(m->net);
}

static void
begin_end(struct master *m, int status)
{
	m->status = status;
	net_timer_set(m->deadline,
	    mono_after(net_now(m->net),
		m->conf->drain_timeout_ms + KILL_AFTER_MS));
	if (m->phase == PHASE_STARTING || status != EXIT_DONE) {
		stop_rest(m);
	} else {
		m->phase = PHASE_DRAINING;
		for (size_t i = 0; i < m->child_count; i++)
			tell(&m->child[i], CONTROL_DRAIN, 0, -1);
	}
	maybe_ended(m);
}

static void
on_terminate(void *arg)
{
	struct master *m = arg;

	if (m->phase >= PHASE_DRAINING) { /* asked twice: at once */
		kill_all(m);
		return;
	}
	log_text(m->log, LOG_LEVEL_INFO, "stopping",
	    "finishing what runs, at most %lld s",
	    (long long)(m->conf->drain_timeout_ms / 1000));
	begin_end(m, EXIT_DONE);
}

/* ---- death of a role ---- */

static void
log_death(const struct child *c, int status)
{
	struct logline l = logline_begin(c->m->log,
	    c->m->phase >= PHASE_DRAINING ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR,
	    "role-ended");

	logline_str(&l, "role", role_name(c->role));
	logline_i64(&l, "index", c->index);
	logline_i64(&l, "pid", c->pid);
	if (WIFSIGNALED(status))
		logline_i64(&l, "signal", WTERMSIG(status));
	else
		logline_i64(&l, "exit", WEXITSTATUS(status));
	logline_end(&l);
}

static void
child_died(struct child *c, int status)
{
	struct master *m = c->m;
	bool refused = m->phase == PHASE_STARTING && WIFEXITED(status) &&
		       WEXITSTATUS(status) == EXIT_CONFIG;

	if (!refused && (m->phase < PHASE_DRAINING || WIFSIGNALED(status)))
		log_death(c, status);
	c->pid = 0;
	c->ready = false;
	TALLOC_FREE(c->watch);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	if (refused) /* it said why; trying again would not help */
		begin_end(m, EXIT_CONFIG);
	else if (m->phase < PHASE_DRAINING)
		schedule_restart(c);
	maybe_ended(m);
}

static void
on_child(void *arg)
{
	struct master *m = arg;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < m->child_count; i++)
			if (m->child[i].pid == pid) {
				child_died(&m->child[i], status);
				break;
			}
}

/* ---- configuration ---- */

/* smtp.bind: of this host, or no mail would ever leave. */
static enum status
check_bind(const struct conf *conf, struct diag *why)
{
	for (size_t i = 0; i < conf->smtp_bind_count; i++) {
		struct diag detail = { 0 };

		if (net_real_can_bind(&conf->smtp_bind[i], &detail) != ST_OK)
			return diag_set(why, ST_NOTFOUND, "smtp.bind: %s",
			    detail.text);
	}
	return ST_OK;
}

static bool
same_listeners(const struct conf *a, const struct conf *b)
{
	if (a->listen_count != b->listen_count)
		return false;
	for (size_t i = 0; i < a->listen_count; i++)
		if (!netaddr_eq(&a->listen[i].addr, &b->listen[i].addr))
			return false;
	return true;
}

static void
log_mistakes(struct master *m, enum log_level level, const char *event,
    const struct conf_mistakes *list)
{
	for (size_t i = 0; i < list->count && i < CONF_MAX_MISTAKES; i++)
		log_text(m->log, level, event, "%s", list->text[i]);
}

static void
tell_expiry(const struct master *m, const struct master_expiry *e)
{
	struct wall now = net_wall(m->net), end = e->not_after;
	char text[CLOCK_TEXT_BYTES];
	struct logline l;

	if (!wall_reached(wall_after(now, m->conf->tls_expiry_warning_ms), end))
		return;
	l = wall_reached(now, end) ? logline_begin(m->log, LOG_LEVEL_ERROR,
					 "tls-certificate-expired") :
				     logline_begin(m->log, LOG_LEVEL_WARN,
					 "tls-certificate-expires");
	logline_str(&l, "at", wall_rfc3339(end, text));
	logline_str(&l, "text", e->path);
	logline_end(&l);
}

/* An expired certificate stops mail of every client that looks at it, and to
 * every host. */
static void
check_expiry(void *arg)
{
	struct master *m = arg;

	net_timer_set(m->expiry_check,
	    mono_after(net_now(m->net), EXPIRY_CHECK_MS));
	for (size_t i = 0; i < m->files->expiry_count; i++)
		tell_expiry(m, &m->files->expiry[i]);
}

static void
log_warnings(struct master *m)
{
	for (size_t i = 0; i < m->conf->warning_count && i < CONF_MAX_MISTAKES;
	     i++)
		log_text(m->log, LOG_LEVEL_WARN, "configuration-warning", "%s",
		    m->conf->warning[i]);
}

static void
not_reloaded(struct master *m, const char *why)
{
	log_text(m->log, LOG_LEVEL_ERROR, "not-reloaded",
	    "the old configuration stays in force%s%s",
	    *why == '\0' ? "" : ": ", why);
}

static void
use_settings(struct master *m, struct conf *conf, struct master_files *files)
{
	struct conf_mistakes notes = { .mem = m };

	conf_reload_notes(m->conf, conf, &notes);
	log_mistakes(m, LOG_LEVEL_WARN, "needs-restart", &notes);
	talloc_free(m->conf);
	talloc_free(m->files);
	m->conf = conf;
	m->files = files;
	m->log->level = conf->log_level;
	for (size_t i = 0; i < m->child_count; i++)
		tell_settings(&m->child[i]);
	log_text(m->log, LOG_LEVEL_INFO, "reloaded", "%s", m->conf_path);
	log_warnings(m);
	check_expiry(m);
}

static void
on_reload(void *arg)
{
	struct master *m = arg;
	struct conf_mistakes bad = { .mem = need(talloc_new(m)) };
	struct conf *conf = conf_read_file(m, m->conf_path, net_wall(m->net),
	    false, &bad);
	struct master_files *files = NULL;
	struct diag no_bind = { 0 };
	const char *why = "";

	if (conf != NULL && !same_listeners(m->conf, conf))
		why = "listen: other addresses need a restart";
	else if (conf != NULL && !master_socketmap_same(m->conf, conf))
		why = "socketmap: other addresses or groups need a restart";
	else if (conf != NULL && check_bind(conf, &no_bind) != ST_OK)
		why = no_bind.text;
	else if (conf != NULL)
		files = master_files_read(m, conf, &bad);
	log_mistakes(m, LOG_LEVEL_ERROR, "configuration-mistake", &bad);
	if (files != NULL) {
		use_settings(m, conf, files);
	} else {
		not_reloaded(m, why);
		talloc_free(conf);
	}
	talloc_free(bad.mem);
}

/* ---- before the first role ---- */

static enum status
bind_all(struct master *m, struct diag *why)
{
	for (size_t i = 0; i < m->conf->listen_count; i++) {
		m->listener[i] = net_real_bind(&m->conf->listen[i].addr, why);
		if (m->listener[i] < 0)
			return why->st;
	}
	return master_socketmap_bind(m->conf, m->socketmap, why);
}

static enum status
prepare(struct master *m, struct diag *why)
{
	enum status st;

	umask(077);
	m->exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (m->exe < 0)
		return diag_errno(why, "/proc/self/exe");
	st = check_bind(m->conf, why);
	if (st == ST_OK)
		st = bind_all(m, why);
	if (st == ST_OK)
		st = master_settle_user(m->conf, why);
	if (st == ST_OK) {
		m->command_line = control_socket_bind(m->conf->state_dir, why);
		st = m->command_line < 0 ? why->st : ST_OK;
	}
	if (st != ST_OK)
		return st;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	return ST_OK;
}

static void
add_child(struct master *m, enum role role, uint32_t index)
{
	struct child *c = &m->child[m->child_count++];

	*c = (struct child){ .m = m, .role = role, .index = index, .fd = -1 };
	c->restart = net_timer_new(m, m->net, restart_now, c);
}

static void
start_all(struct master *m)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	m->workers = m->conf->workers;
	if (m->workers == 0)
		m->workers = cores < 1 ? 1 :
			     cores > (long)MASTER_MAX_WORKERS ?
					 MASTER_MAX_WORKERS :
					 (uint32_t)cores;
	for (uint32_t i = 0; i < m->workers; i++)
		add_child(m, ROLE_COURIER, i);
	add_child(m, ROLE_KEEPER, 0);
	add_child(m, ROLE_ADVISOR, 0);
	if (m->conf->socketmap_count > 0)
		add_child(m, ROLE_MAPPER, 0);
	if (m->conf->tlsrpt_receive_count > 0)
		add_child(m, ROLE_COLLECTOR, 0);
	for (uint32_t i = 0; i < m->workers; i++)
		add_child(m, ROLE_INTAKE, i);
	for (size_t i = 0; i < m->child_count; i++)
		bring_up(&m->child[i]);
}

static int
run(struct master *m)
{
	struct conf_mistakes bad = { .mem = m };
	struct diag why = { 0 };

	m->files = master_files_read(m, m->conf, &bad);
	log_mistakes(m, LOG_LEVEL_ERROR, "cannot-start", &bad);
	if (m->files == NULL)
		return EXIT_CONFIG;
	if (prepare(m, &why) != ST_OK) {
		log_text(m->log, LOG_LEVEL_ERROR, "cannot-start", "%s",
		    why.text);
		return EXIT_CONFIG;
	}
	m->net = net_real_new(m, m->log);
	m->deadline = net_timer_new(m, m->net, kill_all, m);
	m->expiry_check = net_timer_new(m, m->net, check_expiry, m);
	net_real_signal(m->net, SIGCHLD, on_child, m);
	net_real_signal(m->net, SIGTERM, on_terminate, m);
	net_real_signal(m->net, SIGINT, on_terminate, m);
	net_real_signal(m->net, SIGHUP, on_reload, m);
	log_warnings(m);
	start_all(m);
	check_expiry(m);
	net_real_run(m->net);
	log_text(m->log, LOG_LEVEL_INFO, "stopped", "exit %d", m->status);
	return m->status;
}

int
cmd_run(int argc, char **argv)
{
	struct master *m = need(talloc_zero(NULL, struct master));
	struct diag why = { 0 };
	int opt, status;

	m->conf_path = CMD_DEFAULT_CONF;
	while ((opt = getopt(argc, argv, "c:")) != -1)
		if (opt == 'c')
			m->conf_path = optarg;
		else
			argc = -1;
	if (argc < 0 || optind != argc) {
		fprintf(stderr, "usage: tierpost run [-c FILE]\n");
		return EXIT_USAGE;
	}
	m->log = log_stderr(m, LOG_LEVEL_INFO, "master");
	if (tls_library_check(&why) != ST_OK) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		return EXIT_CONFIG;
	}
	m->conf = cmd_read_conf(m, m->conf_path, false);
	if (m->conf == NULL)
		return EXIT_CONFIG;
	m->log->level = m->conf->log_level;
	status = run(m);
	talloc_free(m);
	return status;
}
