/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client_internal - shared by smtp/client*.c only.
 *
 *	client.c          the session: states, steps, the owner's answers
 *	client_hello.c    replies outside of a transaction, up to READY
 *	client_auth.c     AUTH
 *	client_mail.c     one transaction: envelope and replies
 *	client_content.c  its content, by DATA or by BDAT
 *	client_write.c    arguments of MAIL and RCPT
 */
#ifndef SMTP_CLIENT_INTERNAL_H
#define SMTP_CLIENT_INTERNAL_H

#include "smtp/client.h"
#include "smtp/dotstuff.h"

#define CLIENT_WHY_BYTES 256u /* ours: one reason for a log line */

/*
 * Commands of a transaction have places: 0 is MAIL, 1..n are the RCPTs,
 * n + 1 is DATA, which BDAT does without.  Those from reply_at up to ask_at
 * were written and not yet answered; without PIPELINING that is never more
 * than one.
 */
struct client_tx {
	struct client_mail m;
	struct client_rcpt *rcpt; /* one each, in order */
	size_t ask_at;
	size_t reply_at;
	size_t accepted;
	bool mail_refused;
	bool bdat;
	struct client_result result;
	char text[REPLY_TEXT_BYTES]; /* of result */
	/* content */
	struct dotstuff stuff;
	struct span part; /* what is not yet cut into pieces */
	struct mono end;  /* no later up to the end of the content */
	bool last;
	bool ended; /* the end of it is among the pieces */
	struct span piece[CLIENT_PIECES];
	size_t piece_at;
	size_t piece_count;
	unsigned chunks; /* written, at least in part, and not answered */
};

struct client {
	const struct client_conf *conf;
	enum client_tls want;
	enum client_state state;
	bool tls;       /* client_tls_started() */
	bool tls_first; /* client_tls_first() */
	bool mail_done; /* to be told */
	bool can_quit;  /* in FAILED */
	bool authenticated;
	bool secret; /* out holds, or held, a password */
	struct ehlo ehlo;
	struct reply_reader reader;
	struct sbuf out;
	struct mono deadline;
	struct client_failure failure;
	char why[CLIENT_WHY_BYTES];
	char text[REPLY_TEXT_BYTES];      /* of the failure's reply */
	const struct client_login *login; /* in AUTH */
	enum ehlo_auth mechanism;
	uint32_t mails; /* begun in this session */
	char **domain;  /* of their recipients, where there is a limit */
	size_t domain_count;
	TALLOC_CTX *tx_mem; /* of the running or last transaction */
	struct client_tx tx;
};

/* ---- client.c ---- */

/* The one setter: the edge must be in the table; sets the deadline. */
void client_set_state(struct client *c, enum client_state state,
    struct mono now);
/* The next reply of the same state: its time begins. */
void client_rearm(struct client *c, struct mono now);
/* Begin to write the command of a state; the one place that may. */
struct sbuf *client_command(struct client *c, enum client_state what);
/* A command that waits for its reply before anything else is written. */
void client_say(struct client *c, enum client_state what, struct mono now);
void client_fail(struct client *c, enum client_fault fault, const char *why,
    const struct reply *reply);
/* The same for a reply that says why itself. */
void client_fail_reply(struct client *c, enum client_fault fault,
    const struct reply *r);
/* Copy of a reply whose text goes to buf, REPLY_TEXT_BYTES of it at most. */
struct client_reply client_keep_reply(const struct reply *r,
    char buf[REPLY_TEXT_BYTES]);
/* A password has left: no copy of it stays. */
void client_wipe(struct client *c);

/* ---- client_hello.c, client_auth.c ---- */

void client_session_reply(struct client *c, struct mono now,
    const struct reply *r);
bool client_in_auth(enum client_state s);
void client_auth_reply(struct client *c, struct mono now,
    const struct reply *r);

/* ---- client_mail.c ---- */

bool client_in_envelope(const struct client *c);
/* A reply in MAIL up to DOT. */
void client_tx_reply(struct client *c, struct mono now, const struct reply *r);
/* Write what may be written of the envelope. */
void client_tx_write(struct client *c);
/* A reply that cannot be one to what was said. */
void client_tx_protocol(struct client *c, const struct reply *r);
/* Is there somebody to have the content? */
bool client_tx_has_takers(const struct client_tx *tx);
/* Keep a reply as that of the transaction. */
void client_tx_settle(struct client *c, enum client_state at,
    const struct reply *r);
/* The owner is told; reset: RSET before the next. */
void client_tx_end(struct client *c, struct mono now, bool reset);

/* ---- client_content.c ---- */

/* Is content going out, or being answered before all of it has left? */
bool client_in_content(const struct client *c);
/* 354, or by BDAT the envelope has its replies. */
void client_content_begin(struct client *c, struct mono now);
/* All that was given, and the commands before it, has left. */
bool client_content_left(const struct client *c);
bool client_content_wanted(const struct client *c);
void client_chunk_reply(struct client *c, struct mono now,
    const struct reply *r);

/* ---- client_write.c ---- */

/* May it go on the wire as an address? */
bool client_path_ok(const char *address, bool utf8);
bool client_rcpt_ok(const struct client_mail_rcpt *rcpt, bool utf8);
bool client_envid_ok(const char *envid);
/* Whole commands; what they hold was looked at before. */
void client_write_mail(struct client *c);
void client_write_rcpt(struct client *c, const struct client_mail_rcpt *rcpt);

#endif
