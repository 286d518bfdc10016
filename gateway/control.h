/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control - what the master tells a role process over descriptor 3, and
 * what that answers: fdpass messages of a type, a few numbers and at most
 * one descriptor.
 *
 *	master -> role: CONF CHANNEL... START
 *	to the keeper:  CONF REPORT_KEYS CHANNEL... START
 *	to a courier:   CONF TRUST SECRETS CHANNEL... START
 *	to an advisor:  CONF TRUST CHANNEL... START
 *	to an intake:   CONF CLIENT_CA CERT KEY ACCOUNTS CHANNEL... START
 *	                LISTENER...
 *	role -> master: READY LOST...
 *
 * A drained role exits.
 */
#ifndef GATEWAY_CONTROL_H
#define GATEWAY_CONTROL_H

#include <sys/types.h>

#include "gateway/roles.h"
#include "net/net_real.h"

#define CONTROL_FD             3
#define CONTROL_BLOB_MAX_BYTES (16u << 20) /* a configuration, a PEM file */

enum control_type {
	/* master -> role */
	CONTROL_CONF = 1,  /* memfd: conf_print()'s text; again: reload */
	CONTROL_CLIENT_CA, /* memfd: PEM; to intake, here to ACCOUNTS */
	CONTROL_CERT,      /* memfd: PEM chain; empty: none, here and above */
	CONTROL_KEY,       /* memfd: PEM key; completes the two above */
	CONTROL_TRUST, /* memfd: PEM anchors, of MX hosts to courier, of policy
			  hosts to advisor */
	CONTROL_SECRETS,     /* memfd: passwords of routes; to courier */
	CONTROL_MATERIAL,    /* memfd: files of rules; to courier */
	CONTROL_REPORT_KEYS, /* memfd: what signs TLS reports; to keeper */
	CONTROL_ACCOUNTS,    /* memfd: policy/accounts.h; empty: none */
	CONTROL_CHANNEL,     /* role, index of the other side; socket */
	CONTROL_START,       /* number of couriers */
	/* index into conf->listen; socket; to intake.  To keeper: the socket
	 * of the command line.  To mapper: index into conf->socketmap; to
	 * console: into conf->metrics. */
	CONTROL_LISTENER,
	CONTROL_ALARM, /* memfd: alarm_pack(); to keeper */
	CONTROL_DRAIN, /* finish what runs */
	CONTROL_STOP,  /* all others have gone: end */
	/* role -> master */
	CONTROL_READY,
	CONTROL_LOST, /* role: its channel broke, though both live */
};

struct control {
	enum control_type type;
	enum role role;  /* CHANNEL, LOST */
	uint32_t number; /* CHANNEL, LISTENER: index; START: count */
	int fd;          /* -1: none; the receiver owns it */
};

const char *role_name(enum role role);
MUST_CHECK enum status role_parse(struct span a, enum role *out);

MUST_CHECK enum status control_send(int sock, const struct control *c,
    struct diag *why);
/* ST_TEMP: nothing there; ST_CLOSED: the other side has gone. */
MUST_CHECK enum status control_recv(int sock, struct control *c,
    struct diag *why);

/*
 * The socket in state-dir over which the command line asks the keeper
 * (wire.h: WIRE_ADMIN).  A descriptor, or -1 with *why: ST_NOTFOUND, no
 * gateway runs there.
 */
int control_socket_bind(const char *state_dir, struct diag *why);
int control_socket_connect(const char *state_dir, struct diag *why);
/* The master's process id, of a connected one; 0: it cannot be told. */
pid_t control_socket_master(int fd);

/* Log lines on standard error, with the time unless the journal adds it. */
struct log *log_stderr(TALLOC_CTX *mem, enum log_level level, const char *role);

#endif
