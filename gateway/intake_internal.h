/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * intake_internal - shared by gateway/intake*.c only.
 *
 *	intake.c          the role: listeners, limits, reload, drain
 *	intake_client.c   client networks: what they have open, rates
 *	intake_keeper.c   the channel to the keeper, ids, verdicts
 *	intake_session.c  one connection: time, input, output
 *	intake_proxy.c    before it, where a load balancer names the client
 *	intake_start.c    its start: admission, TLS, greeting
 *	intake_answer.c   what the server machine asks
 *	intake_auth.c     passwords and certificates
 *	intake_message.c  one message on its way to the keeper
 */
#ifndef GATEWAY_INTAKE_INTERNAL_H
#define GATEWAY_INTAKE_INTERNAL_H

#include <sys/queue.h>

#include "gateway/counts.h"
#include "gateway/rejoin.h"
#include "gateway/wire.h"
#include "net/chan.h"
#include "smtp/server.h"

/* One read; also what a session may hold unread of a pipelining client. */
#define INTAKE_READ_BYTES 65536u
/* Ours: queued towards the keeper by all sessions; then they wait. */
#define INTAKE_QUEUE_BYTES (16u << 20)
/* Ours: an envelope must fit one frame. */
#define INTAKE_ENVELOPE_BYTES (CHAN_FRAME_MAX_BYTES - 8192u)
/* Of a recipient in it beside its strings: three lengths and a byte. */
#define INTAKE_RCPT_BYTES 13u
/* Date and Message-ID, with a host name in it. */
#define INTAKE_ADDED_BYTES 512u
/* Ours: how long the keeper may take over a message; clients give it 10
 * minutes (RFC 5321 4.5.3.2.6), it should not come to that. */
#define INTAKE_VERDICT_MS 300000
/* Ours: and how long it may be away in the middle of it. */
#define INTAKE_KEEPER_AWAY_MS 60000
#define INTAKE_HANDSHAKE_MS   60000 /* ours: TLS-42 */
#define INTAKE_CLOSE_MS       10000 /* ours: for the last reply to leave */
/* To who is not any more who it proved to be. */
#define INTAKE_VOID_REPLY "421 4.7.0 the account was changed, authenticate anew"
/* Ours: with nine tenths of the connections in use, clients must be quick. */
#define INTAKE_STRESS_PERCENT 90u
#define INTAKE_CALM_PERCENT   80u /* and not again before it fell to this */
#define INTAKE_STRESS_IDLE_MS 30000
#define INTAKE_STRESS_ERRORS                                                   \
	3u /* and make few mistakes; ours: Postfix has 1                       \
	    */
#define INTAKE_STRESS_JUNK 5u
#define INTAKE_PROXY_MS    10000 /* ours: for a PROXY header */
/* Ours: passwords that wait, at all and of one client network; the longest
 * wait; the rest after each, about as long as one takes (accounts.h). */
#define INTAKE_AUTH_QUEUE   256u
#define INTAKE_AUTH_CLIENT  8u
#define INTAKE_AUTH_WAIT_MS 60000
#define INTAKE_AUTH_REST_MS 50
#define INTAKE_AUTH_KNOWN   4096u /* ours: passwords remembered as right */
#define INTAKE_RATE_MS      60000 /* what the rates are counted in */
#define INTAKE_FORGIVE_MS   60000 /* ours: one failed AUTH is forgotten in */
#define INTAKE_MAX_FAILURES 1000u
/* Ours: client networks remembered that have nothing open, and how long. */
#define INTAKE_MEMORY    10000u
#define INTAKE_MEMORY_MS 600000

/* Counts within the minute that began with the first of them. */
struct intake_rate {
	struct mono since;
	uint32_t used;
};

/* One IPv4 address, or the /64 of an IPv6 one. */
struct intake_client {
	TAILQ_ENTRY(intake_client) link; /* among the absent */
	char name[NETADDR_TEXT_BYTES];
	uint32_t open;      /* connections; 0: absent */
	uint32_t logins;    /* sessions in the queue of AUTH */
	uint32_t failures;  /* of AUTH; intake_client_failures() knows */
	struct mono failed; /* since when the oldest of them is forgiven */
	struct mono left;   /* when it became absent */
	struct intake_rate connections;
	struct intake_rate messages;
	struct intake_rate recipients;
};

/* One listener. */
struct intake_point {
	struct intake *in;
	size_t index; /* of conf->listen */
	struct listener *listener;
};

/* What a session waits for, beside its client. */
enum session_wait {
	WAIT_NOTHING,
	WAIT_IDS,     /* DATA was said and no message id is at hand */
	WAIT_CREDIT,  /* the window is full */
	WAIT_VERDICT, /* END was sent */
	WAIT_TLS,     /* the handshake */
	WAIT_PROXY,   /* the header of a load balancer */
	WAIT_AUTH,    /* a password is to be computed */
	WAIT_TARPIT,  /* a reply is held back */
};

/*
 *	NEW --OPEN--> OPEN --END--> ENDED --DONE--> (reply)
 *	  \            |
 *	   +-----------+--keeper gone, or DONE with a refusal--> LOST
 */
enum message_state {
	MESSAGE_NEW,   /* all of it is in chunk */
	MESSAGE_OPEN,  /* the keeper has part of it */
	MESSAGE_ENDED, /* it has all of it: only it knows the outcome */
	MESSAGE_LOST,  /* refuse it when the client has sent it all */
};

struct message {
	enum message_state state;
	int64_t id;
	uint32_t number; /* names it on the channel */
	uint32_t chunk_count;
	uint64_t size_bytes; /* sent and in chunk, our Received included */
	size_t unacked_bytes;
	bool at_end; /* the client has sent it all */
	bool has_8bit;
	const char *refusal; /* reply, when LOST */
	struct sbuf chunk;
};

struct session {
	TAILQ_ENTRY(session) link;
	struct intake *in;
	TAILQ_ENTRY(session) auth_link; /* while WAIT_AUTH */
	const struct intake_point *point;
	struct server_conf conf;
	struct intake_client *peer; /* NULL before a PROXY header came */
	struct stream *stream;
	struct server *server;
	struct net_timer *timer;
	struct mono deadline;
	struct netaddr client;
	uint64_t serial; /* for the log */
	uint32_t slot;
	enum session_wait wait;
	bool closing;           /* the last reply is on its way out */
	bool ended;             /* waits to be freed */
	bool listed;            /* by the listener's allow */
	bool tls_due;           /* 220 to STARTTLS is on its way out */
	bool greeted;           /* 220 was said */
	bool void_account;      /* what it proved holds no more */
	uint32_t errors;        /* commands rejected for good */
	int64_t reply_delay_ms; /* of the next reply */
	char *account;          /* that has authenticated; or NULL */
	char *account_hash;     /* by a password of this hash; or NULL */
	size_t block_bytes;     /* of content since the deadline was set */
	size_t envelope_bytes;
	struct sbuf pending;     /* input not yet taken */
	struct message *message; /* or NULL */
};
TAILQ_HEAD(sessions, session);

/* Finds the message a frame is about; a number is not used twice in a row. */
struct intake_slot {
	struct session *session;
	uint32_t generation;
	uint32_t next_free;
};

struct intake {
	struct role_env env;
	struct tls_server *tls;          /* or NULL */
	const struct accounts *accounts; /* or NULL */
	struct intake_auth *auth;
	struct intake_point *point[CONF_MAX_LISTEN];
	struct strmap *clients;             /* struct intake_client by name */
	TAILQ_HEAD(, intake_client) absent; /* the longest first */
	uint32_t absent_count;
	uint32_t most_connections; /* that the process can hold */
	struct sessions sessions;
	struct sessions ended;
	uint32_t session_count;
	uint64_t serial;
	struct net_later *reaper; /* or NULL: nothing to reap */
	bool stressed;
	uint8_t
	    *read_buf; /* INTAKE_READ_BYTES, used by one session at a time */
	/* messages under way */
	struct intake_slot *slot;
	uint32_t slot_count;
	uint32_t free_slot; /* index, or slot_count */
	/* the keeper */
	struct chan *keeper; /* or NULL */
	TALLOC_CTX *keeper_mem;
	struct rejoin *rejoin;
	struct counts *counts;
	bool has_room;
	bool ids_wanted;
	int64_t next_id, end_id;     /* block in use */
	int64_t spare_id, spare_end; /* the next */
	/* draining */
	bool draining;
	struct net_timer *drain_timer;
	struct net_later *drain_later;
	void (*drained)(void *arg);
	void *drained_arg;
};

/* ---- intake.c ---- */
/* NULL: a reload took it away. */
const struct conf_listen *intake_listen_of(const struct intake_point *p);
/* Tell the server machine what holds for s now. */
void intake_configure_session(struct session *s);
int64_t intake_idle_ms(const struct intake *in);
int64_t intake_handshake_ms(const struct intake *in);
/* The client of s is known: count it.  NULL, or the reply that it gets. */
const char *intake_admit(struct session *s);
/* s has ended: free it when nobody up the stack uses it. */
void intake_reap(struct intake *in, struct session *s);

/* ---- intake_client.c ---- */
void intake_clients_init(struct intake *in);
/* One more connection of a's network; it is there until it leaves. */
struct intake_client *intake_client_take(struct intake *in,
    const struct netaddr *a);
void intake_client_leave(struct intake *in, struct intake_client *c);
/* Count one, if that is within limit (0: none) in this minute. */
bool intake_rate_take(struct intake *in, struct intake_rate *r, uint32_t limit);
/* Failed AUTHs that are not forgiven yet. */
uint32_t intake_client_failures(const struct intake *in,
    struct intake_client *c);
void intake_client_failed(const struct intake *in, struct intake_client *c);
/* How long a reply is held back after so many faults. */
int64_t intake_delay_ms(const struct intake *in, uint32_t faults);

/* ---- intake_keeper.c ---- */
/* 0 when there is none: they were asked for. */
int64_t intake_take_id(struct intake *in);
uint32_t intake_slot_take(struct intake *in, struct session *s);
void intake_slot_free(struct intake *in, uint32_t slot);

/* ---- intake_session.c ---- */
void intake_session_new(struct intake_point *p, struct sock *sock);
/* Go as far as in, which is in the shared buffer, allows. */
void intake_session_go(struct session *s, struct span in);
/* Wait for input. */
void intake_session_listen(struct session *s);
struct logline intake_session_line(const struct session *s,
    enum log_level level, const char *event);
/* The wait is over: go on. */
void intake_session_resume(struct session *s);
void intake_session_set_deadline(struct session *s, int64_t ms);
/* Say reply and close, in whatever state; content under way is dropped. */
void intake_session_bye(struct session *s, const char *reply);
/* Close without another word. */
void intake_session_end(struct session *s);

/* ---- intake_start.c ---- */
/* The client is known: admit and greet it. */
void intake_start(struct session *s);
/* The handshake, and what follows it. */
void intake_start_tls(struct session *s);

/* ---- intake_proxy.c ---- */
/* Read the header, then intake_start(). */
void intake_proxy_begin(struct session *s);

/* ---- intake_answer.c ---- */
/* Answers to the questions of the server machine. */
void intake_answer_mail(struct session *s);
void intake_answer_rcpt(struct session *s);
void intake_answer_data(struct session *s);

/* ---- intake_auth.c ---- */
void intake_auth_init(struct intake *in);
/* Answer SERVER_AUTH, now or later. */
void intake_auth_ask(struct session *s);
/* s does not wait for an answer any more. */
void intake_auth_abort(struct session *s);
/* The account that the client's certificate stands for; or NULL. */
const char *intake_certificate_account(const struct session *s);
/*
 * Is s still who it proved to be?  Not if its account went, or the password,
 * or what made its certificate stand for the account.  True without one.
 */
bool intake_auth_holds(const struct session *s);
/* After a handshake: where the certificate alone suffices. */
void intake_auth_by_certificate(struct session *s);

/* ---- intake_message.c ---- */
/* After DATA; with id 0 the session waits for one. */
void intake_message_begin(struct session *s);
void intake_message_add(struct session *s, struct span body);
/* All of the header was added: add what a submission lacks. */
void intake_message_header(struct session *s);
/* All content came: ask the keeper for its verdict. */
void intake_message_end(struct session *s);
/* Drop what there is; the keeper is told. */
void intake_message_abort(struct session *s);
/* What intake_message_add() should take at most now: a full chunk. */
size_t intake_message_room(const struct session *s);
void intake_message_credit(struct session *s, size_t bytes);
void intake_message_verdict(struct session *s, const struct wire_done *d);
void intake_message_keeper_gone(struct session *s);
void intake_message_keeper_back(struct session *s);

#endif
