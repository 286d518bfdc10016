/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client_internal - shared by smtp/client*.c only.
 *
 *	client.c       the session: states, greeting to READY, QUIT, failure
 *	client_mail.c  one transaction: envelope, content
 */
#ifndef SMTP_CLIENT_INTERNAL_H
#define SMTP_CLIENT_INTERNAL_H

#include "smtp/client.h"
#include "smtp/dotstuff.h"

#define CLIENT_WHY_BYTES 256u /* ours: one reason for a log line */
/* Ours: at this speed content is worth waiting for. */
#define CLIENT_TX_BYTES_PER_MS 4u

/*
 * Commands of a transaction have places: 0 is MAIL, 1..n are the RCPTs,
 * n + 1 is DATA.  Those from reply_at up to ask_at were written and not yet
 * answered; without PIPELINING that is never more than one.
 */
struct client_tx {
	struct client_mail m;
	struct client_rcpt *rcpt; /* one each, in order */
	size_t ask_at;
	size_t reply_at;
	size_t accepted;
	bool mail_refused;
	struct client_result result;
	char text[REPLY_TEXT_BYTES]; /* of result */
	/* content */
	struct dotstuff stuff;
	struct span part; /* what is not yet cut into pieces */
	struct mono end;  /* no later up to the final dot */
	bool last;
	bool ended; /* the final dot is among the pieces */
	struct span piece[CLIENT_PIECES];
	size_t piece_at;
	size_t piece_count;
};

struct client {
	const struct client_conf *conf;
	enum client_tls want;
	enum client_state state;
	bool tls;       /* client_tls_started() */
	bool mail_done; /* to be told */
	bool can_quit;  /* in FAILED */
	struct ehlo ehlo;
	struct reply_reader reader;
	struct sbuf out;
	struct mono deadline;
	struct client_failure failure;
	char why[CLIENT_WHY_BYTES];
	char text[REPLY_TEXT_BYTES]; /* of the failure's reply */
	TALLOC_CTX *tx_mem;          /* of the running or last transaction */
	struct client_tx tx;
};

/* The one setter: the edge must be in the table; sets the deadline. */
void client_set_state(struct client *c, enum client_state state,
    struct mono now);
/* The next reply of the same state: its time begins. */
void client_rearm(struct client *c, struct mono now);
/* Begin to write the command of a state; the one place that may. */
struct sbuf *client_command(struct client *c, enum client_state what);
void client_fail(struct client *c, enum client_fault fault, const char *why,
    const struct reply *reply);
/* Copy of a reply whose text goes to buf, REPLY_TEXT_BYTES of it at most. */
struct client_reply client_keep_reply(const struct reply *r,
    char buf[REPLY_TEXT_BYTES]);

bool client_in_envelope(const struct client *c);
/* A reply in MAIL, RCPT, DATA, BODY or DOT. */
void client_tx_reply(struct client *c, struct mono now, const struct reply *r);
/* Write what may be written of the envelope. */
void client_tx_write(struct client *c);
bool client_tx_wants_body(const struct client *c);

#endif
