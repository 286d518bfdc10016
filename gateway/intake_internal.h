/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * intake_internal - shared by gateway/intake*.c only.
 *
 *	intake.c          the role: listeners, limits, reload, drain
 *	intake_keeper.c   the channel to the keeper, ids, verdicts
 *	intake_session.c  one connection
 *	intake_message.c  one message on its way to the keeper
 */
#ifndef GATEWAY_INTAKE_INTERNAL_H
#define GATEWAY_INTAKE_INTERNAL_H

#include <sys/queue.h>

#include "gateway/roles.h"
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
/* Ours: how long the keeper may take over a message; clients give it 10
 * minutes (RFC 5321 4.5.3.2.6), it should not come to that. */
#define INTAKE_VERDICT_MS 300000
/* Ours: and how long it may be away in the middle of it. */
#define INTAKE_KEEPER_AWAY_MS 60000
#define INTAKE_HANDSHAKE_MS   60000 /* ours: TLS-42 */
#define INTAKE_CLOSE_MS       10000 /* ours: for the last reply to leave */
/* Ours: with nine tenths of the connections in use, clients must be quick. */
#define INTAKE_STRESS_PERCENT 90u
#define INTAKE_CALM_PERCENT   80u /* and not again before it fell to this */
#define INTAKE_STRESS_IDLE_MS 30000

/* Connections from one address. */
struct intake_peer {
	char name[NETADDR_TEXT_BYTES];
	uint32_t count;
};

/* One listener, and what sessions on it may do. */
struct intake_point {
	struct intake *in;
	size_t index; /* of conf->listen */
	struct listener *listener;
	struct server_conf conf;
};

/* What a session waits for, beside its client. */
enum session_wait {
	WAIT_NOTHING,
	WAIT_IDS,     /* DATA was said and no message id is at hand */
	WAIT_CREDIT,  /* the window is full */
	WAIT_VERDICT, /* END was sent */
	WAIT_TLS,     /* the handshake */
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
	const struct intake_point *point;
	struct intake_peer *peer;
	struct stream *stream;
	struct server *server;
	struct net_timer *timer;
	struct mono deadline;
	struct netaddr client;
	uint64_t serial; /* for the log */
	uint32_t slot;
	enum session_wait wait;
	bool closing; /* the last reply is on its way out */
	bool ended;   /* waits to be freed */
	bool may_relay;
	bool tls_due;       /* 220 to STARTTLS is on its way out */
	size_t block_bytes; /* of content since the deadline was set */
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
	struct tls_server *tls; /* or NULL */
	struct intake_point *point[CONF_MAX_LISTEN];
	struct strmap *peers; /* struct intake_peer by address */
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
bool intake_may_relay(const struct intake_point *p, const struct netaddr *a);
int64_t intake_idle_ms(const struct intake *in);
/* s has ended: free it when nobody up the stack uses it. */
void intake_reap(struct intake *in, struct session *s);

/* ---- intake_keeper.c ---- */
/* 0 when there is none: they were asked for. */
int64_t intake_take_id(struct intake *in);
uint32_t intake_slot_take(struct intake *in, struct session *s);
void intake_slot_free(struct intake *in, uint32_t slot);

/* ---- intake_session.c ---- */
void intake_session_new(struct intake_point *p, struct intake_peer *peer,
    struct sock *sock);
/* The wait is over: go on. */
void intake_session_resume(struct session *s);
void intake_session_set_deadline(struct session *s, int64_t ms);
/* Say reply and close, in whatever state; content under way is dropped. */
void intake_session_bye(struct session *s, const char *reply);
/* Close without another word. */
void intake_session_end(struct session *s);

/* ---- intake_message.c ---- */
/* After DATA; with id 0 the session waits for one. */
void intake_message_begin(struct session *s);
void intake_message_add(struct session *s, struct span body);
/* All content came: ask the keeper for its verdict. */
void intake_message_end(struct session *s);
/* Drop what there is; the keeper is told. */
void intake_message_abort(struct session *s);
/* The most that intake_message_add() takes now. */
size_t intake_message_room(const struct session *s);
void intake_message_credit(struct session *s, size_t bytes);
void intake_message_verdict(struct session *s, const struct wire_done *d);
void intake_message_keeper_gone(struct session *s);
void intake_message_keeper_back(struct session *s);

#endif
