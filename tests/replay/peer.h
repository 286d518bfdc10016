/* SPDX-License-Identifier: BSD-2-Clause */
/* peer - scripted SMTP servers, and the client that hands mail in. */
#ifndef TESTS_REPLAY_PEER_H
#define TESTS_REPLAY_PEER_H

#include "net/stream.h"
#include "tests/replay/sim.h"

enum peer_starttls {
	STARTTLS_GOOD,
	STARTTLS_ABSENT,
	STARTTLS_454,    /* offered, answered 454 */
	STARTTLS_INJECT, /* a reply line follows the 220 at once */
	STARTTLS_DROP,   /* closed after the 220 */
	STARTTLS_SILENT, /* 220, then nothing */
	STARTTLS_502,
	STARTTLS_250,     /* neither 220 nor a refusal */
	STARTTLS_GARBAGE, /* 220, and then no TLS but SMTP */
};

/* Where a session may be cut: within the reply to it, or the content. */
enum peer_stage {
	STAGE_NONE,
	STAGE_GREETING,
	STAGE_EHLO,
	STAGE_STARTTLS,
	STAGE_MAIL,
	STAGE_RCPT,
	STAGE_DATA,
	STAGE_BODY,
	STAGE_DOT,
	STAGE_QUIT,
};

enum peer_cut {
	CUT_FIN,
	CUT_RST,
	CUT_SILENT, /* nothing more is read or said */
};

/* Behaviour; may be changed at any time.  Replies "" are the good ones. */
struct peer_script {
	enum peer_starttls starttls;
	const char *greeting; /* "554 no" */
	const char *ehlo;     /* "502 what" instead of the list */
	const char *mail;
	const char *rcpt;
	const char *rcpt_for; /* rcpt applies to this address only, or "" */
	const char *data;
	const char *dot;
	bool no_pipelining;
	bool no_8bitmime;
	bool chunking;       /* BDAT is offered */
	bool requiretls;     /* offered inside TLS */
	const char *size;    /* of SIZE, or "" */
	bool drop_after_dot; /* close instead of answering the dot */
	bool drop_in_data;   /* close as soon as data comes */
	enum peer_stage cut_at;
	enum peer_cut cut_how;
	size_t cut_after;    /* bytes of the reply; of BODY, of content */
	unsigned cut_times;  /* sessions cut so far count against it; 0: all */
	int64_t drip_ms;     /* time that each byte of a reply takes */
	int64_t greylist_ms; /* 450 to RCPT for so long after the first */
	size_t split;        /* of STARTTLS_INJECT: so many bytes first */
	/* A recipient whose local part begins with a code, as in
	 * "550-bob@…", gets that code. */
	bool rcpt_by_name;
};

struct peer_mail {
	const char *from;
	const char *rcpts;  /* joined by spaces, in order */
	const char *params; /* of MAIL */
	struct span body;   /* unstuffed, with CRLF */
	bool tls;
	const char *sni;
};

struct peer {
	struct sim *sim;
	const char *name;
	struct listener *listener;
	struct tls_server *tls; /* may be NULL */
	struct peer_script script;
	unsigned connections;
	unsigned handshakes;
	unsigned clear_mail_commands; /* MAIL, RCPT or DATA without TLS */
	unsigned quits;
	unsigned chunks; /* BDAT commands */
	unsigned cuts;
	struct mono first_rcpt; /* MONO_NEVER: none yet */
	struct peer_mail *mail;
	size_t mail_count;
};

struct peer *peer_new(TALLOC_CTX *mem, struct sim *sim, const char *name,
    const struct netaddr *addr);

/* A message to hand in; body has CRLF lines, no dot-stuffing. */
struct peer_letter {
	struct netaddr at;
	const char *from;
	const char *const *rcpt;
	size_t rcpt_count;
	const char *params;     /* of MAIL, or "" */
	struct tls_client *tls; /* NULL: in clear; else STARTTLS comes first */
	const char *body;
};

/*
 * Hand it in and wait for the end; returns the last reply's code, its text in
 * *text (in mem).
 */
unsigned peer_submit(TALLOC_CTX *mem, struct sim *sim,
    const struct peer_letter *letter, const char **text);

#endif
