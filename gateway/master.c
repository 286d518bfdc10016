/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * master - starts the role processes, joins them by channels, starts again
 * those that die, reloads, drains.  It never reads a byte that comes from
 * the network.
 *
 *	STARTING --all ready--> RUNNING --TERM--> DRAINING --last courier
 *	and intake gone--> STOPPING --last role gone--> (end)
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/cmd_util.h"
#include "gateway/master_internal.h"
#include "gateway/master_point.h"
#include "gateway/master_user.h"
#include "net/tls.h"

#define KILL_AFTER_MS 5000 /* beyond drain-timeout, then SIGKILL */
#define JOIN_REST_MS  5000 /* ours: a role asks for channels */

/* ---- start ---- */

static void
log_points(struct master *m, struct conf_points points)
{
	for (size_t i = 0; i < points.count; i++) {
		char *text = conf_point_text(m, &points.point[i]);

		log_text(m->log, LOG_LEVEL_INFO, "listening", "%s (%s)", text,
		    points.list);
		talloc_free(text);
	}
}

static void
all_ready(struct master *m)
{
	m->phase = MASTER_RUNNING;
	for (size_t i = 0; i < m->child_count; i++)
		master_give_listeners(&m->child[i]);
	for (size_t i = 0; i < m->conf->listen_count; i++) {
		char text[NETADDR_TEXT_BYTES];

		log_text(m->log, LOG_LEVEL_INFO, "listening", "%s",
		    netaddr_text_port(&m->conf->listen[i].addr, text));
	}
	log_points(m, master_points_socketmap(m->conf));
	log_points(m, master_points_metrics(m->conf));
	log_text(m->log, LOG_LEVEL_INFO, "ready", "tierpost %s, %u workers",
	    TIERPOST_VERSION, m->workers);
}

static void
child_ready(struct master_child *c)
{
	struct master *m = c->m;

	c->ready = true;
	if (m->phase != MASTER_STARTING)
		return;
	for (size_t i = 0; i < m->child_count; i++)
		if (!m->child[i].ready)
			return;
	all_ready(m);
}

/*
 * A channel broke though both its ends live.  Who asks is believed as far as
 * it goes: a channel of those that it has anyway, now and then.  The keeper
 * and the advisor towards couriers are asked for, and ask not.
 */
static void
join_again(struct master_child *c, enum role other)
{
	struct master *m = c->m;
	struct mono now = net_now(m->net);

	if (m->phase > MASTER_RUNNING || c->role == ROLE_KEEPER ||
	    (other != ROLE_KEEPER && other != ROLE_ADVISOR) ||
	    !master_talk(c->role, other) ||
	    !mono_reached(now, mono_after(c->joined[other], JOIN_REST_MS)))
		return;
	c->joined[other] = now;
	if (master_join(c, master_child_of(m, other, 0)))
		log_text(m->log, LOG_LEVEL_INFO, "joined-again", "%s/%u and %s",
		    role_name(c->role), c->index, role_name(other));
}

void
master_child_readable(void *arg)
{
	struct master_child *c = arg;
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
		if (master_child_alive(&m->child[i]))
			kill(m->child[i].pid, SIGKILL);
}

static void
stop_rest(struct master *m)
{
	m->phase = MASTER_STOPPING;
	for (size_t i = 0; i < m->child_count; i++)
		master_tell(&m->child[i], CONTROL_STOP, 0, -1);
}

/* Go on with the end when the ones we wait for have gone. */
static void
maybe_ended(struct master *m)
{
	size_t left = 0;

	if (m->phase == MASTER_DRAINING &&
	    master_count_alive(m, ROLE_COURIER) == 0 &&
	    master_count_alive(m, ROLE_INTAKE) == 0)
		stop_rest(m);
	for (size_t i = 0; i < m->child_count; i++)
		left += master_child_alive(&m->child[i]);
	if (m->phase == MASTER_STOPPING && left == 0)
		net_real_stop(m->net);
}

static void
begin_end(struct master *m, int status)
{
	m->status = status;
	net_timer_set(m->deadline,
	    mono_after(net_now(m->net),
		m->conf->drain_timeout_ms + KILL_AFTER_MS));
	if (m->phase == MASTER_STARTING || status != EXIT_DONE) {
		stop_rest(m);
	} else {
		m->phase = MASTER_DRAINING;
		for (size_t i = 0; i < m->child_count; i++)
			master_tell(&m->child[i], CONTROL_DRAIN, 0, -1);
	}
	maybe_ended(m);
}

static void
on_terminate(void *arg)
{
	struct master *m = arg;

	if (m->phase >= MASTER_DRAINING) { /* asked twice: at once */
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
log_death(const struct master_child *c, int status)
{
	struct logline l = logline_begin(c->m->log,
	    c->m->phase >= MASTER_DRAINING ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR,
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
child_died(struct master_child *c, int status)
{
	struct master *m = c->m;
	bool refused = m->phase == MASTER_STARTING && WIFEXITED(status) &&
		       WEXITSTATUS(status) == EXIT_CONFIG;

	if (!refused && (m->phase < MASTER_DRAINING || WIFSIGNALED(status)))
		log_death(c, status);
	c->pid = 0;
	c->ready = false;
	TALLOC_FREE(c->watch);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	if (refused) /* it said why; trying again would not help */
		begin_end(m, EXIT_CONFIG);
	else if (m->phase < MASTER_DRAINING)
		master_schedule_restart(c);
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

/* ---- before the first role ---- */

static enum status
bind_all(struct master *m, struct diag *why)
{
	struct conf_points maps, metrics;
	enum status st;

	for (size_t i = 0; i < m->conf->listen_count; i++) {
		m->listener[i] = net_real_bind(&m->conf->listen[i].addr, why);
		if (m->listener[i] < 0)
			return why->st;
	}
	maps = master_points_socketmap(m->conf);
	metrics = master_points_metrics(m->conf);
	st = master_points_bind(&maps, m->socketmap, why);
	return st == ST_OK ? master_points_bind(&metrics, m->metrics, why) : st;
}

static enum status
prepare(struct master *m, struct diag *why)
{
	enum status st;

	umask(077);
	m->exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (m->exe < 0)
		return diag_errno(why, "/proc/self/exe");
	st = master_check_bind(m->conf, why);
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
	struct master_child *c = &m->child[m->child_count++];

	*c = (struct master_child){
		.m = m, .role = role, .index = index, .fd = -1
	};
	c->restart = net_timer_new(m, m->net, master_restart_now, c);
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
	if (m->conf->alarms_command_count > 0)
		add_child(m, ROLE_NOTIFIER, 0);
	if (m->conf->metrics_count > 0)
		add_child(m, ROLE_CONSOLE, 0);
	if (m->conf->tlsrpt_receive_count > 0)
		add_child(m, ROLE_COLLECTOR, 0);
	for (uint32_t i = 0; i < m->workers; i++)
		add_child(m, ROLE_INTAKE, i);
	for (size_t i = 0; i < m->child_count; i++)
		master_bring_up(&m->child[i]);
}

static int
run(struct master *m)
{
	struct conf_mistakes bad = { .mem = m };
	struct diag why = { 0 };

	m->files = master_files_read(m, m->conf, &bad);
	master_log_mistakes(m, LOG_LEVEL_ERROR, "cannot-start", &bad);
	if (m->files == NULL)
		return EXIT_CONFIG;
	if (prepare(m, &why) != ST_OK) {
		log_text(m->log, LOG_LEVEL_ERROR, "cannot-start", "%s",
		    why.text);
		return EXIT_CONFIG;
	}
	m->net = net_real_new(m, m->log);
	m->deadline = net_timer_new(m, m->net, kill_all, m);
	m->expiry_check = net_timer_new(m, m->net, master_check_expiry, m);
	m->key_check = net_timer_new(m, m->net, master_check_key, m);
	net_real_signal(m->net, SIGCHLD, on_child, m);
	net_real_signal(m->net, SIGTERM, on_terminate, m);
	net_real_signal(m->net, SIGINT, on_terminate, m);
	net_real_signal(m->net, SIGHUP, master_on_reload, m);
	master_log_warnings(m);
	start_all(m);
	master_check_expiry(m);
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
