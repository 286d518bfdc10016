/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server_internal - shared by smtp/server*.c only.
 *
 *	server.c          states, replies, the owner's answers, the step
 *	server_input.c    command lines off the input
 *	server_command.c  the table of commands, EHLO
 *	server_mail.c     MAIL and RCPT with their parameters
 *	server_content.c  content by DATA and BDAT, and refused chunks
 *	server_auth.c     AUTH
 */
#ifndef SMTP_SERVER_INTERNAL_H
#define SMTP_SERVER_INTERNAL_H

#include "smtp/server.h"
#include "smtp/unstuff.h"

enum server_state {
	SERVER_S_SILENT,    /* born; 220 not said */
	SERVER_S_HELLO,     /* 220 said, or TLS begun: EHLO is next */
	SERVER_S_READY,     /* EHLO accepted, no transaction */
	SERVER_S_AUTH_LINE, /* 334 said: a response line is next */
	SERVER_S_AUTH_ASK,  /* credentials were well-formed, owner is asked */
	SERVER_S_MAIL_ASK,  /* MAIL was well-formed, the owner is asked */
	SERVER_S_MAIL,      /* sender accepted, no recipient yet */
	SERVER_S_RCPT_ASK,  /* as MAIL_ASK, for RCPT */
	SERVER_S_RCPT,      /* a recipient was accepted */
	SERVER_S_DATA_ASK,  /* as MAIL_ASK, for DATA and the first BDAT */
	SERVER_S_CONTENT,   /* 354 said */
	SERVER_S_CHUNK,     /* octets of a BDAT are content */
	SERVER_S_CHUNK_GAP, /* a BDAT is done and was not the last */
	SERVER_S_SWALLOW,   /* content is refused: to its end, then say so */
	SERVER_S_END_ASK,   /* the end came, the owner is asked */
	SERVER_S_DISCARD,   /* octets of a refused BDAT, then say so */
	SERVER_S_TLS,       /* 220 to STARTTLS said */
	SERVER_S_CLOSED,    /* the last reply was said */
};

struct transaction {
	struct address sender;
	uint64_t size_bytes;
	bool body_8bit;
	bool smtputf8;
	bool requiretls;
	enum dsn_ret ret;
	const char *envid;
	struct envelope_rcpt *rcpt; /* one more than rcpt_count, RCPT_ASK */
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
	struct header_want *want;
	bool header_told;
	uint64_t swallowed_bytes;
	const char *fault; /* reply to come at the end */
	/* by BDAT */
	bool chunked;
	bool last_chunk;
	uint64_t chunk_bytes; /* of the chunk, for the reply */
	uint64_t chunk_left;
	uint32_t small_chunks;
};

/* An AUTH that is not answered yet; wiped when it is freed. */
struct server_exchange {
	struct server_auth auth;
	uint8_t *bytes; /* decoded */
	size_t room;
};

struct server {
	const struct server_conf *conf;
	enum server_state state;
	enum server_action asked; /* action of a state that was just entered */
	bool has_asked;
	bool forget; /* content under way was given up: tell the owner */
	bool esmtp;
	bool tls;
	bool skipping; /* an over-long line, up to its CRLF */
	bool skip_cr;  /* its last byte was CR */
	uint32_t error_count;
	uint32_t junk_count; /* since a message was accepted */
	uint32_t auth_failure_count;
	uint32_t mail_count;
	size_t skipped_bytes;
	char *helo;                       /* or NULL */
	char *identity;                   /* proven by AUTH, or NULL */
	struct transaction *tx;           /* or NULL */
	enum server_mechanism mechanism;  /* of AUTH_LINE */
	struct server_exchange *exchange; /* or NULL */
	/* of DISCARD */
	uint64_t discard_left;
	char *discard_reply;
	enum server_state discard_back;
	struct sbuf out;
	char *rejection; /* last one, or NULL */
	bool rejected;   /* and the owner does not know yet */
};

/* ---- server.c ---- */
/* The one setter: the edge must be in the table. */
void server_set_state(struct server *s, enum server_state state);
/* Enter a state in which the owner must act. */
void server_ask(struct server *s, enum server_state state,
    enum server_action action);
/* One reply line, cut at SERVER_REPLY_BYTES; 4yz and 5yz are counted. */
void server_say(struct server *s, const char *fmt, ...) PRINTF(2, 3);
/* Say why the session ends, and end it. */
void server_cut(struct server *s, const char *reply);
/* End it behind a reply that was said: the owner is told of that one. */
void server_hang_up(struct server *s, const char *reply);
void server_begin_transaction(struct server *s);
void server_drop_transaction(struct server *s);
/* Back to READY, with nothing of the transaction left (B1.4). */
void server_end_transaction(struct server *s);

/* ---- server_input.c ---- */
/* Take one command or response line; false: more bytes are needed. */
bool server_take_line(struct server *s, struct span *in);

/* ---- server_command.c ---- */
/* One command line without its CRLF; more: bytes follow it in the input. */
void server_command(struct server *s, struct span line, bool more);
/* Is there a mechanism for this session? */
bool server_offers_auth(const struct server *s);

/* ---- server_mail.c ---- */
/* MAIL and RCPT in a state that allows them; arg is what follows the verb. */
void server_mail(struct server *s, struct span arg);
void server_rcpt_to(struct server *s, struct span arg);

/* ---- server_content.c ---- */
void server_begin_content(struct server *s);
enum server_action server_take_content(struct server *s, struct span *in,
    struct span *body);
/* True when the end was found and the refusal said. */
bool server_swallow_content(struct server *s, struct span *in);
/* BDAT in any state; refusal: a reply that forbids it, or NULL. */
void server_bdat(struct server *s, struct span arg, const char *refusal);
/* The owner refused the content that a BDAT has begun. */
void server_refuse_chunk(struct server *s, const char *reply);
/* True when the chunk's end was reached and the refusal said. */
bool server_discard(struct server *s, struct span *in);

/* ---- server_auth.c ---- */
/* AUTH in a state that allows it. */
void server_auth_begin(struct server *s, struct span arg);
/* The line behind a 334. */
void server_auth_response(struct server *s, struct span line);
void server_auth_accept(struct server *s, const char *name);
void server_auth_refuse(struct server *s, const char *reply);

#endif
