/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client - the client side of one SMTP session, RFC 5321, with PIPELINING
 * (2920), SIZE (1870), 8BITMIME (6152), STARTTLS (3207), CHUNKING (3030),
 * SMTPUTF8 (6531), DSN (3461), REQUIRETLS (8689), LIMITS (9422) and AUTH
 * (4954).  Bytes and the time in, one action out; no socket, no clock.
 *
 * The owner sends what client_output() shows, tells by client_sent(), and
 * calls client_step() with what the server sent, or with nothing when
 * something was sent or client_deadline() has passed.  Each step yields one
 * action.
 *
 * With CLIENT_TLS_REQUIRED no command but EHLO, STARTTLS and QUIT can leave
 * before client_tls_started() (INV-06), and AUTH never does: the one writer
 * of commands checks.
 */
#ifndef SMTP_CLIENT_H
#define SMTP_CLIENT_H

#include <sys/uio.h>

#include "smtp/envelope.h"
#include "smtp/reply.h"
#include "util/clock.h"

#define CLIENT_OUTPUT_BYTES  (64u << 10) /* ours: commands written ahead */
#define CLIENT_COMMAND_BYTES 1024u       /* ours: over any we write */
#define CLIENT_ADDRESS_BYTES 320u        /* 64 + 1 + 255 (RFC 5321 4.5.3.1) */
#define CLIENT_PIECES        64u         /* ours: of content, one writev */
#define CLIENT_CHUNKS        4u   /* ours: BDAT not answered, RFC 2920 3.1 */
#define CLIENT_DOMAINS       128u /* ours: remembered for RCPTDOMAINMAX */
#define CLIENT_LOGIN_BYTES   255u /* of user or password, RFC 4616 2 */
/* Ours: at this speed content is worth waiting for. */
#define CLIENT_TX_BYTES_PER_MS 4u

/* Limits and names; borrowed for the life. */
struct client_conf {
	const char *hostname;   /* of EHLO */
	int64_t greeting_ms;    /* RFC 5321 4.5.3.2.1 */
	int64_t command_ms;     /* 4.5.3.2.2, .3; EHLO, AUTH, RSET too */
	int64_t data_ms;        /* 4.5.3.2.4 */
	int64_t block_ms;       /* 4.5.3.2.5; a reply to BDAT too */
	int64_t dot_ms;         /* 4.5.3.2.6 */
	int64_t transaction_ms; /* ours: from MAIL to the dot */
	int64_t quit_ms;
	size_t reply_bytes; /* of one reply, all lines */
	bool bdat;          /* content goes by BDAT where CHUNKING is offered */
};

enum client_tls {
	CLIENT_TLS_NEVER,    /* go on in clear, even where it is offered */
	CLIENT_TLS_WANTED,   /* use it when offered; ask when it is not */
	CLIENT_TLS_REQUIRED, /* TLS or nothing */
};

enum client_state {
	CLIENT_S_GREETING,  /* connected; 220 is awaited */
	CLIENT_S_EHLO,      /* EHLO written */
	CLIENT_S_HELO,      /* EHLO was refused, HELO written */
	CLIENT_S_STARTTLS,  /* STARTTLS written */
	CLIENT_S_HANDSHAKE, /* 220 came: the owner negotiates */
	CLIENT_S_NO_TLS,    /* wanted and not to be had: the owner decides */
	CLIENT_S_AUTH,      /* AUTH written */
	CLIENT_S_AUTH_USER, /* LOGIN: the user's name written */
	CLIENT_S_AUTH_PASSWORD, /* LOGIN: the password written */
	CLIENT_S_AUTH_CANCEL,   /* asked for more than we say: "*" written */
	CLIENT_S_READY,         /* no transaction */
	CLIENT_S_MAIL,          /* a reply to MAIL is next */
	CLIENT_S_RCPT,          /* a reply to a RCPT is next */
	CLIENT_S_DATA,          /* a reply to DATA is next */
	CLIENT_S_BODY,          /* 354 came: content and dot go out */
	CLIENT_S_CHUNK,         /* BDAT: chunks go out, replies to them come */
	CLIENT_S_DRAIN,         /* a chunk was refused; one begun is ended */
	CLIENT_S_DOT,           /* all of it has left; its reply is next */
	CLIENT_S_RSET,   /* RSET written after a transaction that failed */
	CLIENT_S_QUIT,   /* QUIT written */
	CLIENT_S_FAILED, /* of no more use; QUIT may still be possible */
	CLIENT_S_CLOSED, /* over */
};
#define CLIENT_STATE_COUNT 22u

enum client_action {
	CLIENT_WAIT,      /* send the output; step when something came */
	CLIENT_START_TLS, /* begin the handshake; the output is empty */
	CLIENT_NO_TLS,    /* client_go_clear() or client_quit()? */
	CLIENT_READY,     /* client_auth(), client_mail() or client_quit()? */
	CLIENT_BODY,      /* all that was given has left: client_body() */
	CLIENT_MAIL_DONE, /* told once: client_result(), client_rcpt() */
	CLIENT_FAILED,    /* told again and again: client_failure() */
	CLIENT_DONE,      /* close the connection */
};

enum client_fault {
	CLIENT_FAULT_NONE,
	CLIENT_FAULT_REPLY,     /* a 4yz or 5yz that ends the session */
	CLIENT_FAULT_NO_TLS,    /* required, and not offered or refused */
	CLIENT_FAULT_INJECTION, /* bytes behind the 220 to STARTTLS (TLS-12) */
	CLIENT_FAULT_PROTOCOL,  /* not a reply, or one out of turn */
	CLIENT_FAULT_TIMEOUT,
	CLIENT_FAULT_LOST,    /* client_lost() */
	CLIENT_FAULT_CONTENT, /* not to be sent: bare CR or LF in it */
	CLIENT_FAULT_AUTH,    /* not authenticated: refused, or no way to be */
};

/* What is kept of a reply; code 0: there was none. */
struct client_reply {
	uint16_t code;
	char enhanced[12]; /* or "" */
	struct span text;  /* at most REPLY_TEXT_BYTES; lines joined by LF */
};

struct client_failure {
	enum client_fault fault;
	enum client_state at;      /* state in which it happened */
	struct client_reply reply; /* where one came; lives in the client */
	const char *why;           /* for people; lives in the client */
};

/*
 * One message to one or more recipients; all borrowed until MAIL_DONE.  DSN
 * parameters are passed on as they are where the server has DSN, and none is
 * added (RFC 3461 5.2.1).
 */
struct client_mail_rcpt {
	const char *address; /* "local@domain" */
	const char *orcpt;   /* "addr-type;xtext", NULL or "": none */
	unsigned notify;     /* set of enum dsn_notify */
};
struct client_mail {
	const char *sender; /* "" null */
	const char *envid;  /* xtext, NULL or "": none */
	enum dsn_ret ret;
	uint64_t size_bytes; /* with CRLF, without dot-stuffing */
	/* It grows by conversion, nobody knows to what: no SIZE is said. */
	bool grows;
	bool has_8bit;
	bool smtputf8;    /* an address or a header field is not ASCII */
	bool header_utf8; /* and no address is */
	bool requiretls;
	bool auth_null; /* AUTH=<> where we authenticated (RFC 4954 5) */
	const struct client_mail_rcpt *rcpt;
	size_t rcpt_count; /* > 0 */
};

enum client_rcpt_state {
	CLIENT_RCPT_OPEN, /* no reply of its own */
	CLIENT_RCPT_ACCEPTED,
	CLIENT_RCPT_REFUSED,
	CLIENT_RCPT_UNFIT, /* must not go on the wire, and did not */
};

struct client_rcpt {
	enum client_rcpt_state state;
	bool after_accepted;       /* one before it was accepted (SMTP-39) */
	struct client_reply reply; /* of REFUSED */
};

/* The reply that settled all that no RCPT reply settled. */
struct client_result {
	enum client_state at; /* MAIL, RCPT (all refused), DATA, CHUNK, DOT */
	struct client_reply reply;
	bool dsn; /* the server has DSN: what there was was passed on */
};

enum client_fit {
	CLIENT_FITS,
	CLIENT_TOO_BIG,           /* for the server's SIZE (RFC 1870 6) */
	CLIENT_NEEDS_8BIT,        /* server has no 8BITMIME (RFC 6152 3) */
	CLIENT_NEEDS_UTF8,        /* no SMTPUTF8, for an address (RFC 6531) */
	CLIENT_NEEDS_UTF8_HEADER, /* no SMTPUTF8, for a header field alone */
	CLIENT_NEEDS_REQUIRETLS,  /* not offered inside TLS (RFC 8689 4.2.1) */
};

/* Who we are to a server; borrowed until READY or FAILED. */
struct client_login {
	unsigned mechanisms; /* set of enum ehlo_auth that may be used */
	const char *user;    /* EXTERNAL: NULL or "": whom TLS says */
	const char *password;
};

/* Lives in mem; connected at now. */
struct client;
struct client *client_new(TALLOC_CTX *mem, const struct client_conf *conf,
    enum client_tls tls, struct mono now);
/* Take replies off *in; what is left must be given again, with more. */
enum client_action client_step(struct client *c, struct mono now,
    struct span *in);
/* The stream ended or broke; then client_step() tells what that means. */
void client_lost(struct client *c, const char *why);
/* When to step without input; MONO_NEVER while it is the owner's turn. */
struct mono client_deadline(const struct client *c);

/* What to send: pieces in iov (room of max), 0 when there is none. */
int client_output(const struct client *c, struct iovec *iov, int max);
/* n bytes of it were sent. */
void client_sent(struct client *c, struct mono now, size_t n);

/*
 * TLS comes before anything is said (RFC 8314 3.3): CLIENT_START_TLS is the
 * first action, and the greeting is awaited inside.  Before the first step.
 */
void client_tls_first(struct client *c);
/* The handshake is done; all that was learnt before is forgotten. */
void client_tls_started(struct client *c, struct mono now);
/* Answer to CLIENT_NO_TLS: this session goes on in clear. */
void client_go_clear(struct client *c);

/*
 * In READY, once: authenticate by the first of EXTERNAL, PLAIN and LOGIN
 * that is allowed and was offered inside TLS.  READY again, or FAILED with
 * CLIENT_FAULT_AUTH.
 */
void client_auth(struct client *c, struct mono now,
    const struct client_login *login);
bool client_authenticated(const struct client *c);

enum client_fit client_fits(const struct client *c,
    const struct client_mail *m);
/*
 * How many of these recipients, from the first on, the next transaction may
 * have by the server's LIMITS (RFC 9422); 0: the session takes no more.
 */
size_t client_room(const struct client *c, const struct client_mail_rcpt *rcpt,
    size_t count);
/*
 * In READY: begin a transaction.  ST_SYNTAX: the sender, or the envelope id,
 * must not go on the wire; nothing was written.  Recipients that must not are
 * CLIENT_RCPT_UNFIT; when all are, ST_SYNTAX too.
 */
MUST_CHECK enum status client_mail(struct client *c, struct mono now,
    const struct client_mail *m, struct diag *why);
/*
 * Answer to CLIENT_BODY: the next part of the content, borrowed until the
 * next CLIENT_BODY or the end of the transaction; last: no more comes.
 */
void client_body(struct client *c, struct mono now, struct span part,
    bool last);
/*
 * Or this answer: there is no more, and what has left is not to be taken for
 * all of it.  FAILED with CLIENT_FAULT_CONTENT.
 */
void client_body_failed(struct client *c, const char *why);
/* Valid from MAIL_DONE (or a failure within a transaction) until the next. */
struct client_result client_result(const struct client *c);
const struct client_rcpt *client_rcpt(const struct client *c, size_t i);

/*
 * Write QUIT and wait for its reply: in NO_TLS, READY, HANDSHAKE (TLS is up,
 * but not what is required: DANE-46), and FAILED where the server still
 * listens, otherwise it is over at once.
 */
void client_quit(struct client *c, struct mono now);

enum client_state client_state(const struct client *c);
const char *client_state_name(enum client_state s); /* "greeting" */
const char *client_verb(enum client_state s);       /* "EHLO"; "" for none */
struct client_failure client_failure(const struct client *c);
struct ehlo client_ehlo(const struct client *c);

/*
 * The writer of addresses (SMTP-53, B1.9): append a path "<…>", or refuse one
 * with a control character, a bracket or blank outside of quotes, or a byte
 * over 127; utf8 (SMTPUTF8 is in force): that byte is fine within valid
 * UTF-8, but for C1 controls and what else ends a line of Unicode text.
 * Nothing is appended on ST_SYNTAX.
 */
MUST_CHECK enum status client_put_path(struct sbuf *b, const char *address,
    bool utf8);

#endif
