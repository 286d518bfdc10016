/* SPDX-License-Identifier: BSD-2-Clause */
/* server_internal - shared by smtp/server*.c only. */
#ifndef SMTP_SERVER_INTERNAL_H
#define SMTP_SERVER_INTERNAL_H

#include "smtp/received.h"
#include "smtp/server.h"
#include "smtp/unstuff.h"

enum server_state {
	SERVER_S_SILENT,   /* born; 220 not said */
	SERVER_S_HELLO,    /* 220 said, or TLS begun: EHLO is next */
	SERVER_S_READY,    /* EHLO accepted, no transaction */
	SERVER_S_MAIL_ASK, /* MAIL was well-formed, the owner is asked */
	SERVER_S_MAIL,     /* sender accepted, no recipient yet */
	SERVER_S_RCPT_ASK, /* as MAIL_ASK, for RCPT */
	SERVER_S_RCPT,     /* a recipient was accepted */
	SERVER_S_DATA_ASK, /* as MAIL_ASK, for DATA */
	SERVER_S_CONTENT,  /* 354 said */
	SERVER_S_SWALLOW,  /* content is refused: to its end, then say so */
	SERVER_S_END_ASK,  /* the end came, the owner is asked */
	SERVER_S_TLS,      /* 220 to STARTTLS said */
	SERVER_S_CLOSED,   /* the last reply was said */
};
#define SERVER_STATE_COUNT 13u

struct transaction {
	struct address sender;
	uint64_t size_bytes;
	bool body_8bit;
	struct address *rcpt; /* one more than rcpt_count while RCPT_ASK */
	size_t rcpt_count;
	unsigned rcpt_room;
	TALLOC_CTX *asked_mem; /* strings of a recipient not yet accepted */
	/* limits as they were at MAIL */
	uint64_t message_bytes;
	size_t text_line_bytes;
	uint32_t recipients;
	uint32_t received;
	/* content */
	struct unstuff unstuff;
	struct header_scan header;
	uint64_t swallowed_bytes;
	const char *fault; /* reply to come at the end */
};

struct server {
	const struct server_conf *conf;
	enum server_state state;
	enum server_action asked; /* action of a state that was just entered */
	bool has_asked;
	bool esmtp;
	bool tls;
	bool skipping; /* an over-long command, up to its CRLF */
	bool skip_cr;  /* its last byte was CR */
	uint32_t error_count;
	size_t skipped_bytes;
	char *helo;             /* or NULL */
	struct transaction *tx; /* or NULL */
	struct sbuf out;
	char *rejection; /* last one, or NULL */
	bool rejected;   /* and the owner does not know yet */
};

/* The one setter: the edge must be in the table. */
void server_set_state(struct server *s, enum server_state state);
/* Enter a state in which the owner must act. */
void server_ask(struct server *s, enum server_state state,
    enum server_action action);
/* One reply line, cut at SERVER_REPLY_BYTES; 4yz and 5yz are counted. */
void server_say(struct server *s, const char *fmt, ...) PRINTF(2, 3);
/* Say why the session ends, and end it. */
void server_cut(struct server *s, const char *reply);
void server_drop_transaction(struct server *s);

void server_begin_transaction(struct server *s);

/* One command line without its CRLF; more: bytes follow it in the input. */
void server_command(struct server *s, struct span line, bool more);

/* MAIL and RCPT in a state that allows them; arg is what follows the verb. */
void server_mail(struct server *s, struct span arg);
void server_rcpt_to(struct server *s, struct span arg);

#endif
