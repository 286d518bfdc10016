/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A message is sent to the keeper in full chunks, so that the store gets
 * few and large rows; a small one goes as OPEN, CHUNK and END in one turn.
 * What a session holds of it is one chunk and one read, whatever its size.
 */
#include "gateway/intake_internal.h"

#include <string.h>

#include "policy/classify.h"
#include "smtp/received.h"

#define REPLY_TRY_LATER "451 4.3.0 queue not available, try later"
#define REPLY_NO_SPACE  "452 4.3.1 no room for the message, try later"

/* u32 session, u32 seq, u32 length of what follows */
#define CHUNK_HEADER_BYTES 12u

static void
send_number(struct session *s, uint8_t type)
{
	struct sbuf b;

	sbuf_init(&b, s->message, 64);
	pack_u32(&b, s->message->number);
	if (type == WIRE_SUBMIT_QUERY)
		pack_i64(&b, s->message->id);
	chan_send_span(s->in->keeper, type, sbuf_view(&b));
	sbuf_free(&b);
}

/* What the sender said of TLS, in the envelope and in the header. */
static enum msg_class
class_of(const struct session *s)
{
	const struct server_envelope e = server_envelope(s->server);
	const struct header_facts *h = server_header(s->server);
	const struct classify_in in = {
		.requiretls = e.requiretls,
		.field_count = h->tls_required_count,
		.says_no = h->tls_required_no,
		.null_sender = e.sender.text[0] == '\0',
	};
	struct classified c = classify(&in);

	if (*c.ignored != '\0') {
		struct logline l = intake_session_line(s, LOG_LEVEL_INFO,
		    "tls-required-ignored");
		char id[QUEUE_ID_BYTES];

		logline_str(&l, "id", queue_id_text(s->message->id, id));
		logline_str(&l, "why", c.ignored);
		logline_end(&l);
	}
	return c.mclass;
}

/* The rules that it is subject to by what it is. */
static const char *
marks_of(const struct session *s)
{
	const struct server_envelope e = server_envelope(s->server);
	struct conf_message m = {
		.sender = &e.sender,
		.account = s->account == NULL ? "" : s->account,
		.client = s->client,
		.header_cut = server_header(s->server)->cut_short,
	};
	struct conf_marks marks;

	m.header = server_wanted(s->server, &m.header_count);
	marks = conf_marks(s->message, s->in->env.conf, &m);
	if (*marks.assumed != '\0') {
		struct logline l = intake_session_line(s, LOG_LEVEL_WARN,
		    "rules-assumed");
		char id[QUEUE_ID_BYTES];

		logline_str(&l, "id", queue_id_text(s->message->id, id));
		logline_str(&l, "rules", marks.assumed);
		logline_str(&l, "why",
		    m.header_cut ? "not all of its header was read" :
				   "client or header are not known");
		logline_end(&l);
	}
	return marks.text;
}

static void
send_end(struct session *s)
{
	const struct wire_end e = {
		.session = s->message->number,
		.size_bytes = s->message->size_bytes,
		.flags = (s->message->has_8bit ? MESSAGE_8BIT : 0u) |
			 (server_header(s->server)->has_8bit ?
				 MESSAGE_UTF8_HEADER :
				 0u),
		.mclass = class_of(s),
		.marks = marks_of(s),
	};
	struct sbuf b;

	sbuf_init(&b, s->message, 64 + MARKS_MAX_BYTES);
	wire_pack_end(&b, &e);
	chan_send_span(s->in->keeper, WIRE_SUBMIT_END, sbuf_view(&b));
	sbuf_free(&b);
}

static void
send_open(struct session *s)
{
	struct server_envelope e = server_envelope(s->server);
	TALLOC_CTX *tmp = need(talloc_new(s));
	char client[NETADDR_TEXT_BYTES] = "";
	struct wire_open o = {
		.session = s->message->number,
		.message = s->message->id,
		.sender = e.sender.text,
		.client = client,
		.account = s->account == NULL ? "" : s->account,
		.envid = e.envid,
		.ret = e.ret,
		.size_bytes = e.size_bytes,
		.flags = (e.body_8bit ? MESSAGE_8BIT : 0u) |
			 (e.smtputf8 ? MESSAGE_SMTPUTF8 : 0u),
		.rcpt_count = (uint32_t)e.rcpt_count,
	};
	struct sbuf b;

	if (s->client.family != NETADDR_NONE)
		netaddr_text(&s->client, client);
	o.rcpt = need(talloc_array(tmp, struct wire_open_rcpt, o.rcpt_count));
	for (uint32_t i = 0; i < o.rcpt_count; i++)
		o.rcpt[i] = (struct wire_open_rcpt){
			.address = e.rcpt[i].addr.text,
			.domain = e.rcpt[i].addr.domain,
			.notify = e.rcpt[i].notify,
			.orcpt = e.rcpt[i].orcpt,
		};
	sbuf_init(&b, tmp, CHAN_FRAME_MAX_BYTES);
	wire_pack_open(&b, &o);
	invariant(!sbuf_failed(&b)); /* INTAKE_ENVELOPE_BYTES sees to it */
	chan_send_span(s->in->keeper, WIRE_SUBMIT_OPEN, sbuf_view(&b));
	talloc_free(tmp);
	s->message->state = MESSAGE_OPEN;
}

static void
send_chunk(struct session *s)
{
	struct message *m = s->message;
	size_t n = m->chunk.n < WIRE_CHUNK_BYTES ? m->chunk.n :
						   WIRE_CHUNK_BYTES;
	uint8_t header[CHUNK_HEADER_BYTES];
	struct sbuf h;
	struct iovec iov[2];

	if (m->state == MESSAGE_NEW)
		send_open(s);
	sbuf_init(&h, m, sizeof(header));
	pack_u32(&h, m->number);
	pack_u32(&h, m->chunk_count++);
	pack_u32(&h, (uint32_t)n);
	memcpy(header, h.p, sizeof(header));
	sbuf_free(&h);
	iov[0] = (struct iovec){ header, sizeof(header) };
	iov[1] = (struct iovec){ m->chunk.p, n };
	chan_send(s->in->keeper, WIRE_SUBMIT_CHUNK, iov, 2);
	m->unacked_bytes += n;
	sbuf_consume(&m->chunk, n);
}

/* For the next chunk. */
static bool
window_is_open(const struct session *s)
{
	const struct message *m = s->message;
	size_t n = m->chunk.n < WIRE_CHUNK_BYTES ? m->chunk.n :
						   WIRE_CHUNK_BYTES;

	return m->unacked_bytes + n <= WIRE_WINDOW_BYTES &&
	       chan_queued(s->in->keeper) < INTAKE_QUEUE_BYTES;
}

/* While there are least bytes; false when the window is full before. */
static bool
send_chunks(struct session *s, size_t least)
{
	while (s->message->chunk.n >= least) {
		if (!window_is_open(s))
			return false;
		send_chunk(s);
	}
	return true;
}

static void
wait_for(struct session *s, enum session_wait wait)
{
	s->wait = wait;
	intake_session_set_deadline(s, INTAKE_VERDICT_MS);
}

/* ---- begin ---- */

/*
 * RFC 3848 and RFC 6531 4.3.  Who has authenticated is nobody's business on
 * the way: the log has it.
 */
static const char *
with_keyword(const struct server_envelope *e, bool tls)
{
	static const char *const words[2][2][2] = {
		{ { "ESMTP", "ESMTPA" }, { "ESMTPS", "ESMTPSA" } },
		{ { "UTF8SMTP", "UTF8SMTPA" }, { "UTF8SMTPS", "UTF8SMTPSA" } },
	};

	if (!e->esmtp && !tls)
		return "SMTP";
	return words[e->smtputf8][tls][*e->auth != '\0'];
}

static void
add_received(struct session *s)
{
	struct server_envelope e = server_envelope(s->server);
	const struct tls_info *tls = stream_tls_info(s->stream);
	char id[QUEUE_ID_BYTES];
	struct received r = {
		.helo = e.helo,
		.client = s->client,
		.by = s->in->env.conf->hostname,
		.with = with_keyword(&e, tls != NULL),
		.tls_protocol = tls != NULL ? tls->protocol : "",
		.tls_cipher = tls != NULL ? tls->cipher : "",
		.tls_group = tls != NULL ? tls->group : "",
		.id = queue_id_text(s->message->id, id),
		.only_rcpt = e.rcpt_count == 1 ? e.rcpt[0].addr.text : "",
		.now = net_wall(s->in->env.net),
	};

	received_write(&s->message->chunk, &r);
	s->message->size_bytes = s->message->chunk.n;
}

void
intake_message_begin(struct session *s)
{
	int64_t id = 0;

	s->wait = WAIT_NOTHING;
	if (s->in->keeper == NULL) {
		server_refuse(s->server, REPLY_TRY_LATER);
		return;
	}
	id = intake_take_id(s->in);
	if (id == 0) {
		wait_for(s, WAIT_IDS);
		return;
	}
	s->message = need(talloc_zero(s, struct message));
	s->message->id = id;
	s->message->number = intake_slot_take(s->in, s);
	sbuf_init(&s->message->chunk, s->message,
	    WIRE_CHUNK_BYTES + INTAKE_READ_BYTES + SERVER_HELD_BYTES +
		INTAKE_ADDED_BYTES);
	s->block_bytes = 0;
	server_accept(s->server, NULL);
	add_received(s);
}

static void
forget(struct session *s)
{
	intake_slot_free(s->in, s->message->number);
	TALLOC_FREE(s->message);
}

static void
lose(struct session *s, const char *refusal)
{
	s->message->state = MESSAGE_LOST;
	s->message->refusal = refusal;
	sbuf_free(&s->message->chunk);
}

/* ---- content ---- */

/* Full chunks must go before more is taken. */
static void
send_full(struct session *s)
{
	if (!send_chunks(s, WIRE_CHUNK_BYTES))
		wait_for(s, WAIT_CREDIT);
}

size_t
intake_message_room(const struct session *s)
{
	return s->message == NULL || s->message->state == MESSAGE_LOST ?
		   INTAKE_READ_BYTES :
		   WIRE_CHUNK_BYTES - s->message->chunk.n;
}

/*
 * Of a chunk that stands behind its BDAT in the input, body can be more than
 * the room: all of it that was read.
 */
void
intake_message_add(struct session *s, struct span body)
{
	struct message *m = s->message;

	if (m->state == MESSAGE_LOST)
		return;
	sbuf_span(&m->chunk, body);
	invariant(!sbuf_failed(&m->chunk));
	m->size_bytes += body.n;
	send_full(s);
}

/* What a submission may lack (RFC 6409 8.2, 8.3); nothing is changed. */
void
intake_message_header(struct session *s)
{
	const struct header_facts *h = server_header(s->server);
	struct message *m = s->message;
	char date[CLOCK_TEXT_BYTES], id[QUEUE_ID_BYTES];
	size_t before = m->chunk.n;

	if (!s->conf.submission || m->state == MESSAGE_LOST)
		return;
	if (!h->has_date)
		sbuf_printf(&m->chunk, "Date: %s\r\n",
		    wall_rfc5322(net_wall(s->in->env.net), date));
	if (!h->has_message_id)
		sbuf_printf(&m->chunk, "Message-ID: <%s.%016llx@%s>\r\n",
		    queue_id_text(m->id, id),
		    (unsigned long long)net_random_u64(s->in->env.net),
		    s->in->env.conf->hostname);
	if (m->chunk.n > before && !h->separated)
		sbuf_str(&m->chunk, "\r\n");
	invariant(!sbuf_failed(&m->chunk));
	m->size_bytes += m->chunk.n - before;
	send_full(s);
}

void
intake_message_abort(struct session *s)
{
	if (s->message == NULL)
		return;
	if (s->message->state == MESSAGE_OPEN)
		send_number(s, WIRE_SUBMIT_ABORT);
	forget(s);
}

/* ---- end ---- */

static void
refuse_end(struct session *s, const char *reply)
{
	s->wait = WAIT_NOTHING;
	forget(s);
	server_refuse(s->server, reply);
}

static void
finish(struct session *s)
{
	struct message *m = s->message;

	send_end(s);
	m->state = MESSAGE_ENDED;
	sbuf_free(&m->chunk);
	wait_for(s, WAIT_VERDICT);
}

void
intake_message_end(struct session *s)
{
	struct message *m = s->message;

	m->at_end = true;
	m->has_8bit = server_content_8bit(s->server);
	if (m->state == MESSAGE_LOST)
		refuse_end(s, m->refusal);
	else if (send_chunks(s, 1))
		finish(s);
	else
		wait_for(s, WAIT_CREDIT);
}

/* ---- what the keeper says ---- */

void
intake_message_credit(struct session *s, size_t bytes)
{
	struct message *m = s->message;

	m->unacked_bytes -= bytes;
	if (s->wait != WAIT_CREDIT ||
	    !send_chunks(s, m->at_end ? 1 : WIRE_CHUNK_BYTES))
		return;
	if (m->at_end) {
		finish(s);
		return;
	}
	s->wait = WAIT_NOTHING;
	intake_session_set_deadline(s, intake_idle_ms(s->in));
	intake_session_resume(s);
}

static const char *
refusal_of(enum wire_verdict verdict)
{
	return verdict == VERDICT_NO_SPACE ? REPLY_NO_SPACE : REPLY_TRY_LATER;
}

/* Whose message it is stands in no field of it. */
static void
log_submitted(const struct session *s, const char *id)
{
	struct logline l;

	if (s->account == NULL)
		return;
	l = intake_session_line(s, LOG_LEVEL_INFO, "submitted");
	logline_str(&l, "id", id);
	logline_str(&l, "account", s->account);
	logline_end(&l);
}

void
intake_message_verdict(struct session *s, const struct wire_done *d)
{
	char id[QUEUE_ID_BYTES];

	if (s->message->state == MESSAGE_ENDED) {
		if (d->verdict == VERDICT_QUEUED) {
			queue_id_text(d->message, id);
			log_submitted(s, id);
			s->wait = WAIT_NOTHING;
			forget(s);
			server_accept(s->server, id);
		} else {
			refuse_end(s, refusal_of(d->verdict));
		}
		intake_session_resume(s);
		return;
	}
	/* Refused in mid-stream: the client hears it when it has ended. */
	lose(s, refusal_of(d->verdict));
	if (s->wait != WAIT_CREDIT)
		return;
	s->wait = WAIT_NOTHING;
	intake_session_set_deadline(s, intake_idle_ms(s->in));
	if (s->message->at_end)
		refuse_end(s, refusal_of(d->verdict));
	intake_session_resume(s);
}

void
intake_message_keeper_gone(struct session *s)
{
	struct message *m = s->message;
	bool waited = s->wait == WAIT_IDS || s->wait == WAIT_CREDIT;

	if (m != NULL && m->state == MESSAGE_ENDED) {
		intake_session_set_deadline(s, INTAKE_KEEPER_AWAY_MS);
		return;
	}
	if (m != NULL)
		lose(s, REPLY_TRY_LATER);
	if (!waited)
		return;
	if (s->wait == WAIT_IDS)
		intake_message_begin(s);
	else if (m != NULL && m->at_end)
		refuse_end(s, REPLY_TRY_LATER);
	s->wait = WAIT_NOTHING;
	intake_session_set_deadline(s, intake_idle_ms(s->in));
	intake_session_resume(s);
}

void
intake_message_keeper_back(struct session *s)
{
	if (s->message == NULL || s->message->state != MESSAGE_ENDED)
		return;
	send_number(s, WIRE_SUBMIT_QUERY);
	wait_for(s, WAIT_VERDICT);
}
