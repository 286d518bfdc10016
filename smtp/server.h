/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server - the server side of one SMTP session, RFC 5321, with PIPELINING
 * (2920), SIZE (1870), 8BITMIME (6152), ENHANCEDSTATUSCODES (2034) and
 * STARTTLS (3207).  Bytes in; replies and one action at a time out; no
 * socket, no clock.
 *
 * The owner calls server_step() with what the client sent.  Where the
 * action is a question (SERVER_MAIL, _RCPT, _DATA, _END) it answers, now or
 * later, with server_accept() or server_refuse(); until then a step is
 * SERVER_WAIT and takes no input.  Replies gather in server_output().
 */
#ifndef SMTP_SERVER_H
#define SMTP_SERVER_H

#include "smtp/address.h"
#include "util/sbuf.h"

#define SERVER_REPLY_BYTES  512u  /* RFC 5321 4.5.3.1.5, of one line */
#define SERVER_OUTPUT_BYTES 4096u /* ours: then the client must read first */
#define SERVER_SKIP_BYTES   (1u << 20) /* ours: of one over-long command */
#define SERVER_PARAMETERS   20u        /* ours: of one MAIL or RCPT */
#define SERVER_HELO_BYTES   255u       /* a domain or an address literal */

/*
 * Limits and names; the owner may change them at any time.  A transaction
 * keeps the message, line and recipient limits it began with.
 */
struct server_conf {
	const char *hostname;
	uint64_t message_bytes; /* > 0 */
	size_t command_bytes;   /* with CRLF, >= 512 */
	size_t text_line_bytes; /* with CRLF, >= 1000 */
	uint32_t recipients;
	uint32_t errors;   /* 5yz replies before the session ends */
	uint32_t received; /* Received fields a message may have */
	bool starttls;     /* TLS can be begun */
	bool tls_required; /* 530 to mail in clear (RFC 3207 4) */
};

enum server_action {
	SERVER_INPUT,     /* more bytes are needed; the rest of in was kept */
	SERVER_WAIT,      /* an answer, or server_tls_started(), is awaited */
	SERVER_FLUSH,     /* much output has gathered: send it first */
	SERVER_REJECTED,  /* a command or message was: server_rejection() */
	SERVER_MAIL,      /* asks: sender in server_envelope() */
	SERVER_RCPT,      /* asks: recipient in server_rcpt() */
	SERVER_DATA,      /* asks: go on to the content? */
	SERVER_BODY,      /* *body holds content, without dot-stuffing */
	SERVER_FORGET,    /* content will be refused: drop what came */
	SERVER_END,       /* asks: all content came; is it accepted? */
	SERVER_START_TLS, /* flush, then begin TLS */
	SERVER_CLOSE,     /* flush, then close; the rest of in is void */
};

struct server_envelope {
	const char *helo; /* "" before EHLO */
	bool esmtp;       /* EHLO, not HELO */
	struct address sender;
	uint64_t size_bytes;        /* declared by SIZE=; 0: not */
	bool body_8bit;             /* BODY=8BITMIME */
	const struct address *rcpt; /* accepted ones */
	size_t rcpt_count;
};

/* Lives in mem.  conf is borrowed for the life. */
struct server;
struct server *server_new(TALLOC_CTX *mem, const struct server_conf *conf);
/* Say 220.  Input stepped before it is a breach (SMTP-26): 554, close. */
void server_greet(struct server *s);

/*
 * Take commands or content off *in.  *body is set with SERVER_BODY and is
 * part of the input.  What is left in *in must be given again, with more
 * behind it.  A whole command line must fit what the owner can hold:
 * conf->command_bytes.
 */
enum server_action server_step(struct server *s, struct span *in,
    struct span *body);

/* Answer a question.  queued_as: of SERVER_END only, for the reply. */
void server_accept(struct server *s, const char *queued_as);
/*
 * reply: code, enhanced code and text, "452 4.3.1 no room".  Refusing DATA
 * or END ends the transaction.
 */
void server_refuse(struct server *s, const char *reply);

/* After the handshake: all that was said in clear is forgotten (TLS-14). */
void server_tls_started(struct server *s);
/* Say reply ("421 4.4.2 idle") and close, whatever is under way. */
void server_bye(struct server *s, const char *reply);

/* Replies not yet sent; the owner consumes and frees as it sends. */
struct sbuf *server_output(struct server *s);

/* Both are borrowed until the transaction ends. */
struct server_envelope server_envelope(const struct server *s);
const struct address *server_rcpt(const struct server *s);

/* Content counted so far, and whether it has bytes over 127. */
uint64_t server_content_bytes(const struct server *s);
bool server_content_8bit(const struct server *s);

/* Is content being read, swallowed or judged? */
bool server_in_content(const struct server *s);
/* Is a mail transaction open? */
bool server_in_transaction(const struct server *s);
/* Text of the reply behind SERVER_REJECTED, until the next step. */
const char *server_rejection(const struct server *s);
const char *server_state_name(const struct server *s);

#endif
