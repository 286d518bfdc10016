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
	const char *size;    /* of SIZE, or "" */
	bool drop_after_dot; /* close instead of answering the dot */
	bool drop_in_data;   /* close as soon as data comes */
};

struct peer_mail {
	const char *from;
	const char *rcpts; /* joined by spaces, in order */
	struct span body;  /* unstuffed, with CRLF */
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
	struct peer_mail *mail;
	size_t mail_count;
};

struct peer *peer_new(TALLOC_CTX *mem, struct sim *sim, const char *name,
    const struct netaddr *addr);

/*
 * Hand a message in at addr and wait for the end; returns the last reply's
 * code, its text in *text (in mem).  body has CRLF lines, no dot-stuffing.
 */
unsigned peer_submit(TALLOC_CTX *mem, struct sim *sim,
    const struct netaddr *addr, const char *from, const char *const *rcpt,
    size_t rcpt_count, const char *body, const char **text);

#endif
