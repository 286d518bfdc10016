/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * master_internal - shared by gateway/master*.c only.
 *
 *	master.c        start, readiness, death of a role, end
 *	master_child.c  the role processes and what they are told
 *	master_conf.c   the configuration: reloads, warnings, expiry
 */
#ifndef GATEWAY_MASTER_INTERNAL_H
#define GATEWAY_MASTER_INTERNAL_H

#include "gateway/control.h"
#include "gateway/master_files.h"

#define MASTER_MAX_WORKERS    64u
#define MASTER_MAX_CHILDREN   (6u + 2u * MASTER_MAX_WORKERS)
#define MASTER_RESTART_MAX_MS 5000 /* the longest back-off of a role */

enum master_phase {
	MASTER_STARTING,
	MASTER_RUNNING,
	MASTER_DRAINING,
	MASTER_STOPPING
};

struct master_child {
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
	int metrics[CONF_MAX_METRICS];
	int command_line; /* socket on which the keeper is asked */
	enum master_phase phase;
	uint32_t workers;
	struct master_child child[MASTER_MAX_CHILDREN];
	size_t child_count;
	struct net_timer *deadline;
	struct net_timer *expiry_check;
	struct net_timer *key_check;
	int status;
};

/* ---- master_child.c ---- */

bool master_child_alive(const struct master_child *c);
struct master_child *master_child_of(struct master *m, enum role role,
    uint32_t index);
uint32_t master_count_alive(const struct master *m, enum role role);
/* false: it does not hear.  One that has died is told nothing, and will be
 * told all when it is started again. */
bool master_tell(struct master_child *c, enum control_type type,
    uint32_t number, int fd);
/* The same of content, which may be long. */
bool master_tell_blob(struct master_child *c, enum control_type type,
    struct span content);
/* One that does not hear of what is required now must not go on with what was
 * required before: it is started afresh. */
void master_tell_settings(struct master_child *c);
/* Do roles a and b have a channel between them? */
bool master_talk(enum role a, enum role b);
/* Gives a and b the two ends of a new channel, if both are there. */
bool master_join(struct master_child *a, struct master_child *b);
void master_give_listeners(struct master_child *c);
/* Starts it, now or after a while. */
void master_bring_up(struct master_child *c);
void master_schedule_restart(struct master_child *c);
/* The timer of master_schedule_restart(); arg: its struct master_child. */
void master_restart_now(void *arg);

/* ---- master_conf.c ---- */

/* smtp.bind: of this host, or no mail would ever leave. */
enum status master_check_bind(const struct conf *conf, struct diag *why);
void master_log_mistakes(struct master *m, enum log_level level,
    const char *event, const struct conf_mistakes *list);
void master_log_warnings(struct master *m);
void master_on_reload(void *arg);
/* The alarms about a certificate, as it is now. */
void master_tell_expiry_alarm(struct master *m, const struct master_expiry *e);
void master_check_expiry(void *arg);
void master_check_key(void *arg);

/* ---- master.c ---- */

/* The control socket of arg, a struct master_child, has something. */
void master_child_readable(void *arg);

#endif
