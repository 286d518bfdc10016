/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server - the server side of one SMTP session, RFC 5321, with PIPELINING
 * (2920), SIZE (1870), 8BITMIME (6152), CHUNKING (3030), SMTPUTF8 (6531), DSN
 * (3461), LIMITS (9422), ENHANCEDSTATUSCODES (2034), STARTTLS (3207),
 * REQUIRETLS (8689) and AUTH (4954); as a submission server too (6409).
 * Bytes in; replies and one action at a time out; no socket, no clock.
 *
 * The owner calls server_step() with what the client sent.  Where the
 * action is a question (SERVER_AUTH, _MAIL, _RCPT, _DATA, _END) it answers,
 * now or later, with server_accept() or server_refuse(); until then a step
 * is SERVER_WAIT and takes no input.  Replies gather in server_output().
 */
#ifndef SMTP_SERVER_H
#define SMTP_SERVER_H

#include "smtp/envelope.h"
#include "smtp/header.h"
#include "util/sbuf.h"

#define SERVER_REPLY_BYTES  512u  /* RFC 5321 4.5.3.1.5, of one line */
#define SERVER_OUTPUT_BYTES 4096u /* ours: then the client must read first */
#define SERVER_SKIP_BYTES   (1u << 20) /* ours: of one over-long command */
#define SERVER_PARAMETERS   20u        /* ours: of one MAIL or RCPT */
#define SERVER_HELO_BYTES   255u       /* a domain or an address literal */
/* Ours: chunks of less than this are counted, and so many a message may
 * have; a client that sends octet by octet costs us a reply each. */
#define SERVER_SMALL_CHUNK_BYTES 512u
#define SERVER_SMALL_CHUNKS      1000u
#define SERVER_AUTH_LINE_BYTES   12288u /* RFC 4954 4, with CRLF */
#define SERVER_AUTH_PART_BYTES   255u   /* RFC 4616 2: name or password */
#define SERVER_AUTH_TRIES        3u     /* RFC 4954 6: at the least */
/* The most of a *body that is not part of the input. */
#define SERVER_HELD_BYTES HEADER_NAME_BYTES

/*
 * Limits and names; the owner may change them at any time.  A transaction
 * keeps the message, line and recipient limits it began with, and content
 * the fields that were wanted when it began.
 */
struct server_conf {
	const char *hostname;
	uint64_t message_bytes; /* > 0 */
	/* with CRLF, >= 512; server_line_bytes() tells what extensions add */
	size_t command_bytes;
	size_t text_line_bytes; /* with CRLF, >= 1000 */
	uint32_t recipients;
	uint32_t mails;  /* transactions of one session; 0: no limit */
	uint32_t errors; /* 5yz replies before the session ends */
	/* commands that bring no mail on, between two messages; 0: no limit */
	uint32_t junk;
	uint32_t received; /* Received fields a message may have */
	/* AUTHs refused before the session ends; counts from
	 * SERVER_AUTH_TRIES */
	uint32_t auth_failures;
	/* header fields to look for: server_wanted() */
	const struct header_want *want;
	size_t want_count;
	bool starttls;      /* TLS can be begun */
	bool tls_required;  /* 530 to mail in clear (RFC 3207 4) */
	bool smtputf8;      /* offered */
	bool dsn;           /* offered */
	bool requiretls;    /* offered, within TLS (RTLS-01) */
	bool auth_plain;    /* offered, within TLS */
	bool auth_external; /* offered, within TLS */
	bool auth_required; /* 530 to MAIL before AUTH (SMTP-24) */
	bool submission;    /* domains must be fully qualified */
};

enum server_action {
	SERVER_INPUT,     /* more bytes are needed; the rest of in was kept */
	SERVER_WAIT,      /* an answer, or server_tls_started(), is awaited */
	SERVER_FLUSH,     /* much output has gathered: send it first */
	SERVER_REJECTED,  /* a command or message was: server_rejection() */
	SERVER_AUTH,      /* asks: what is in server_auth(), is it right? */
	SERVER_MAIL,      /* asks: sender in server_envelope() */
	SERVER_RCPT,      /* asks: recipient in server_rcpt() */
	SERVER_DATA,      /* asks: go on to the content? */
	SERVER_BODY,      /* *body holds content, without dot-stuffing */
	SERVER_HEADER,    /* the header section was given: server_header() */
	SERVER_FORGET,    /* the content is void: drop what came */
	SERVER_END,       /* asks: all content came; is it accepted? */
	SERVER_START_TLS, /* flush, then begin TLS */
	SERVER_CLOSE,     /* flush, then close; the rest of in is void */
};

struct server_envelope {
	const char *helo; /* "" before EHLO */
	bool esmtp;       /* EHLO, not HELO */
	const char *auth; /* identity, as the owner named it; "" none */
	struct address sender;
	uint64_t size_bytes; /* declared by SIZE=; 0: not */
	bool body_8bit;      /* BODY=8BITMIME */
	bool smtputf8;
	bool requiretls;
	enum dsn_ret ret;
	const char *envid;                /* xtext as it came; "" not given */
	const struct envelope_rcpt *rcpt; /* accepted ones */
	size_t rcpt_count;
};

enum server_mechanism { SERVER_PLAIN, SERVER_EXTERNAL };

/* What a client says of itself; text but for the password. */
struct server_auth {
	enum server_mechanism mechanism;
	struct span authzid;  /* who it wants to act as; empty: itself */
	struct span authcid;  /* whose password it is; empty with EXTERNAL */
	struct span password; /* any bytes but NUL; empty with EXTERNAL */
};

/* Lives in mem.  conf is borrowed for the life. */
struct server;
struct server *server_new(TALLOC_CTX *mem, const struct server_conf *conf);
/* The most of one command line that the owner must be able to hold. */
size_t server_line_bytes(const struct server_conf *conf);
/* TLS is on already: before server_greet() only (RFC 8314 3). */
void server_tls_implicit(struct server *s);
/* Say 220.  Input stepped before it is a breach (SMTP-26): 554, close. */
void server_greet(struct server *s);

/*
 * Take commands or content off *in.  *body is set with SERVER_BODY and holds
 * until the next step; it is part of the input, or at most SERVER_HELD_BYTES
 * that were held back of earlier input or added.  What is left in *in
 * must be given again, with more behind it.  A whole command line must fit
 * what the owner can hold: server_line_bytes().
 *
 * SERVER_HEADER comes once for each message whose end is reached, with the
 * whole header section given before and all of the body after it: what the
 * owner adds there is read as part of the header.
 */
enum server_action server_step(struct server *s, struct span *in,
    struct span *body);

/*
 * Answer a question.  name: of SERVER_END, what the message is queued as; of
 * SERVER_AUTH, the identity that was proven; else not used.
 */
void server_accept(struct server *s, const char *name);
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
const struct envelope_rcpt *server_rcpt(const struct server *s);
/*
 * Borrowed until SERVER_AUTH is answered: then it is wiped.  The line it came
 * on was taken off *in by that step; to wipe that is the owner's.
 */
struct server_auth server_auth(const struct server *s);

/* Content counted so far, and whether it has bytes over 127. */
uint64_t server_content_bytes(const struct server *s);
bool server_content_8bit(const struct server *s);
/* Of the message under way, from SERVER_HEADER to the end of SERVER_END. */
const struct header_facts *server_header(const struct server *s);
/* The fields that were wanted of it, with what was seen; likewise. */
const struct header_want *server_wanted(const struct server *s, size_t *count);
/* Does the content come by BDAT?  Then the client may well talk on. */
bool server_is_chunked(const struct server *s);

/* Is content being read, swallowed or judged? */
bool server_in_content(const struct server *s);
/* Is a mail transaction open? */
bool server_in_transaction(const struct server *s);
/* Text of the reply behind SERVER_REJECTED, until the next step. */
const char *server_rejection(const struct server *s);
const char *server_state_name(const struct server *s);

#endif
