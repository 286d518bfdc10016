/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/client_internal.h"

#include <stdio.h>
#include <string.h>

bool
client_in_envelope(const struct client *c)
{
	return c->state >= CLIENT_S_MAIL && c->state <= CLIENT_S_DATA;
}

/* ---- writing the envelope ---- */

static size_t
place_of_data(const struct client_tx *tx)
{
	return tx->m.rcpt_count + 1;
}

static size_t
last_place(const struct client_tx *tx)
{
	return tx->bdat ? tx->m.rcpt_count : place_of_data(tx);
}

/* The next place at or after at that is used: UNFIT ones are passed over. */
static size_t
used_place(const struct client_tx *tx, size_t at)
{
	while (at > 0 && at <= tx->m.rcpt_count &&
	       tx->rcpt[at - 1].state == CLIENT_RCPT_UNFIT)
		at++;
	return at;
}

static enum client_state
state_of_place(const struct client_tx *tx, size_t place)
{
	if (place == 0)
		return CLIENT_S_MAIL;
	return place == place_of_data(tx) ? CLIENT_S_DATA : CLIENT_S_RCPT;
}

static void
write_place(struct client *c, size_t place)
{
	if (place == 0)
		client_write_mail(c);
	else if (place < place_of_data(&c->tx))
		client_write_rcpt(c, &c->tx.m.rcpt[place - 1]);
	else
		sbuf_str(client_command(c, CLIENT_S_DATA), "\r\n");
}

/* May the command at ask_at be written now? */
static bool
may_write(const struct client *c)
{
	const struct client_tx *tx = &c->tx;
	bool waiting = tx->reply_at != tx->ask_at;

	if (tx->mail_refused || tx->ask_at > last_place(tx))
		return false;
	if (waiting && !(c->ehlo.ext & EHLO_PIPELINING))
		return false;
	/* All recipients were refused: no DATA (SMTP-38). */
	return tx->ask_at != place_of_data(tx) || waiting || tx->accepted > 0;
}

void
client_tx_write(struct client *c)
{
	struct client_tx *tx = &c->tx;

	while (may_write(c) &&
	       c->out.n + CLIENT_COMMAND_BYTES <= CLIENT_OUTPUT_BYTES) {
		write_place(c, tx->ask_at);
		tx->ask_at = used_place(tx, tx->ask_at + 1);
	}
	invariant(!sbuf_failed(&c->out));
}

/* ---- replies to it ---- */

void
client_tx_settle(struct client *c, enum client_state at, const struct reply *r)
{
	c->tx.result.at = at;
	c->tx.result.reply = client_keep_reply(r, c->tx.text);
}

void
client_tx_end(struct client *c, struct mono now, bool reset)
{
	c->mail_done = true;
	if (!reset) {
		client_set_state(c, CLIENT_S_READY, now);
		return;
	}
	sbuf_str(client_command(c, CLIENT_S_RSET), "\r\n");
	client_set_state(c, CLIENT_S_RSET, now);
}

bool
client_tx_has_takers(const struct client_tx *tx)
{
	return !tx->mail_refused && tx->accepted > 0;
}

/*
 * The reply of one place has been taken; 354 was not it.  What is next: a
 * reply that is due, a command, content by BDAT, or the end.  Chunks could
 * leave in one group with the envelope (RFC 3030 4.2), but then content
 * would reach a server that takes it for nobody.
 */
static void
go_on(struct client *c, struct mono now)
{
	struct client_tx *tx = &c->tx;

	tx->reply_at = used_place(tx, tx->reply_at + 1);
	if (tx->reply_at == tx->ask_at && !may_write(c)) {
		if (tx->bdat && client_tx_has_takers(tx))
			client_content_begin(c, now);
		else
			client_tx_end(c, now, !tx->mail_refused);
		return;
	}
	client_set_state(c, state_of_place(tx, tx->reply_at), now);
}

static void
take_rcpt_reply(struct client *c, const struct reply *r)
{
	struct client_tx *tx = &c->tx;
	struct client_rcpt *rcpt = &tx->rcpt[tx->reply_at - 1];

	if (tx->mail_refused) /* "503 need MAIL": says nothing of its own */
		return;
	rcpt->after_accepted = tx->accepted > 0;
	if (r->code < 300) {
		rcpt->state = CLIENT_RCPT_ACCEPTED;
		tx->accepted++;
		return;
	}
	rcpt->state = CLIENT_RCPT_REFUSED;
	rcpt->reply = client_keep_reply(r,
	    need(talloc_array(c->tx_mem, char, REPLY_TEXT_BYTES)));
	if (tx->accepted == 0)
		tx->result.at = CLIENT_S_RCPT;
}

void
client_tx_protocol(struct client *c, const struct reply *r)
{
	char why[CLIENT_WHY_BYTES];

	snprintf(why, sizeof(why), "unexpected reply %u to %s", r->code,
	    *client_verb(c->state) != '\0' ? client_verb(c->state) :
					     client_state_name(c->state));
	client_fail(c, CLIENT_FAULT_PROTOCOL, why, r);
}

static void
take_data_reply(struct client *c, struct mono now, const struct reply *r)
{
	if (r->code / 100 == 3) {
		client_content_begin(c, now);
		return;
	}
	if (r->code < 300) { /* SMTP-37: it is not known what this means */
		client_tx_protocol(c, r);
		return;
	}
	if (client_tx_has_takers(&c->tx))
		client_tx_settle(c, CLIENT_S_DATA, r);
	go_on(c, now);
}

/* Before the dot has left no reply is due: at best the server gives up. */
static void
take_body_reply(struct client *c, const struct reply *r)
{
	if (r->code < 400)
		client_tx_protocol(c, r);
	else
		client_fail(c, CLIENT_FAULT_REPLY,
		    "refused while the content was sent", r);
}

static void
take_dot_reply(struct client *c, struct mono now, const struct reply *r)
{
	if (r->code / 100 == 3) {
		client_tx_protocol(c, r);
		return;
	}
	if (client_tx_has_takers(&c->tx))
		client_tx_settle(c, CLIENT_S_DOT, r);
	/* RFC 3030 2: after a BDAT that failed RSET must follow. */
	client_tx_end(c, now, c->tx.bdat && r->code >= 400 && r->code != 421);
	if (r->code == 421) { /* told, but nothing more can be said */
		c->mail_done = true;
		client_fail(c, CLIENT_FAULT_REPLY, "421 to the content", r);
	}
}

void
client_tx_reply(struct client *c, struct mono now, const struct reply *r)
{
	if (r->code == 421 && client_in_envelope(c)) {
		client_fail(c, CLIENT_FAULT_REPLY, "the server closes", r);
		return;
	}
	if (r->code / 100 == 3 && client_in_envelope(c) &&
	    c->state != CLIENT_S_DATA) {
		client_tx_protocol(c, r);
		return;
	}
	if (c->state == CLIENT_S_MAIL) {
		if (r->code >= 400) {
			client_tx_settle(c, CLIENT_S_MAIL, r);
			c->tx.mail_refused = true;
		}
		go_on(c, now);
	} else if (c->state == CLIENT_S_RCPT) {
		take_rcpt_reply(c, r);
		go_on(c, now);
	} else if (c->state == CLIENT_S_DATA) {
		take_data_reply(c, now, r);
	} else if (c->state == CLIENT_S_BODY) {
		take_body_reply(c, r);
	} else if (c->state != CLIENT_S_DOT || c->tx.chunks > 1) {
		client_chunk_reply(c, now, r);
	} else {
		take_dot_reply(c, now, r);
	}
}

/* ---- what the server takes ---- */

enum client_fit
client_fits(const struct client *c, const struct client_mail *m)
{
	/* RFC 6531 3.1: who has SMTPUTF8 has 8BITMIME too. */
	const unsigned utf8 = EHLO_SMTPUTF8 | EHLO_8BITMIME;

	/* RFC 8689 4.2.1: only what was said inside TLS counts. */
	if (m->requiretls && !(c->tls && (c->ehlo.ext & EHLO_REQUIRETLS)))
		return CLIENT_NEEDS_REQUIRETLS;
	if (c->ehlo.size_limit != 0 && m->size_bytes > c->ehlo.size_limit)
		return CLIENT_TOO_BIG;
	if (m->smtputf8 && (c->ehlo.ext & utf8) != utf8)
		return m->header_utf8 ? CLIENT_NEEDS_UTF8_HEADER :
					CLIENT_NEEDS_UTF8;
	if (m->has_8bit && !(c->ehlo.ext & EHLO_8BITMIME))
		return CLIENT_NEEDS_8BIT;
	return CLIENT_FITS;
}

static struct span
domain_of(const struct client_mail_rcpt *rcpt)
{
	struct span a = span_str(rcpt->address);
	size_t at = a.n;

	while (at > 0 && a.p[at - 1] != '@')
		at--;
	return span_sub(a, at, a.n);
}

static bool
knows_domain(const struct client *c, struct span domain)
{
	for (size_t i = 0; i < c->domain_count; i++)
		if (span_ieq(domain, c->domain[i]))
			return true;
	return false;
}

/* How many may go before one has a domain too many for the session. */
static size_t
room_of_domains(const struct client *c, const struct client_mail_rcpt *rcpt,
    size_t count)
{
	struct span fresh[CLIENT_DOMAINS];
	size_t max = c->ehlo.rcpt_domain_max, n = 0;

	max = max < CLIENT_DOMAINS ? max : CLIENT_DOMAINS;
	for (size_t i = 0; i < count; i++) {
		struct span domain = domain_of(&rcpt[i]);
		size_t seen = 0;

		while (seen < n && !span_ieq_span(domain, fresh[seen]))
			seen++;
		if (seen < n || knows_domain(c, domain))
			continue;
		if (c->domain_count + n >= max)
			return i;
		fresh[n++] = domain;
	}
	return count;
}

size_t
client_room(const struct client *c, const struct client_mail_rcpt *rcpt,
    size_t count)
{
	if (c->ehlo.mail_max != 0 && c->mails >= c->ehlo.mail_max)
		return 0;
	if (c->ehlo.rcpt_max != 0 && count > c->ehlo.rcpt_max)
		count = c->ehlo.rcpt_max;
	if (c->ehlo.rcpt_domain_max != 0)
		count = room_of_domains(c, rcpt, count);
	return count;
}

/* What counts towards the limits of the session. */
static void
count_mail(struct client *c, const struct client_mail *m)
{
	c->mails++;
	if (c->ehlo.rcpt_domain_max == 0)
		return;
	if (c->domain == NULL)
		c->domain = need(talloc_array(c, char *, CLIENT_DOMAINS));
	for (size_t i = 0; i < m->rcpt_count; i++) {
		struct span domain = domain_of(&m->rcpt[i]);

		if (c->tx.rcpt[i].state != CLIENT_RCPT_UNFIT &&
		    c->domain_count < CLIENT_DOMAINS &&
		    !knows_domain(c, domain))
			c->domain[c->domain_count++] = span_dup(c->domain,
			    domain);
	}
}

/* ---- the transaction ---- */

/* Recipients that may go on the wire; the others are marked. */
static size_t
sort_out(struct client_tx *tx)
{
	size_t fit = 0;

	for (size_t i = 0; i < tx->m.rcpt_count; i++) {
		if (client_rcpt_ok(&tx->m.rcpt[i], tx->m.smtputf8))
			fit++;
		else
			tx->rcpt[i].state = CLIENT_RCPT_UNFIT;
	}
	return fit;
}

/* RFC 2045 6.7: of an octet become three. */
static int64_t
ms_for(const struct client_mail *m)
{
	int64_t ms = (int64_t)(m->size_bytes / CLIENT_TX_BYTES_PER_MS);

	return m->grows ? 3 * ms : ms;
}

enum status
client_mail(struct client *c, struct mono now, const struct client_mail *m,
    struct diag *why)
{
	struct client_tx *tx = &c->tx;

	invariant(c->state == CLIENT_S_READY && m->rcpt_count > 0);
	invariant(client_fits(c, m) == CLIENT_FITS);
	talloc_free(c->tx_mem);
	c->tx_mem = need(talloc_new(c));
	*tx = (struct client_tx){
		.m = *m,
		.bdat = c->conf->bdat && (c->ehlo.ext & EHLO_CHUNKING) != 0,
		.result = { .at = CLIENT_S_MAIL,
		    .dsn = (c->ehlo.ext & EHLO_DSN) != 0 },
	};
	tx->end = mono_after(now, c->conf->transaction_ms + ms_for(m));
	tx->rcpt = need(talloc_zero_array(c->tx_mem, struct client_rcpt,
	    (unsigned)m->rcpt_count));
	if (sort_out(tx) == 0)
		return diag_set(why, ST_SYNTAX,
		    "no recipient that may go on the wire");
	if (!client_path_ok(m->sender, m->smtputf8) ||
	    !client_envid_ok(m->envid))
		return diag_set(why, ST_SYNTAX,
		    "the sender, or ENVID, must not go on the wire");
	count_mail(c, m);
	client_set_state(c, CLIENT_S_MAIL, now);
	client_tx_write(c);
	return ST_OK;
}

struct client_result
client_result(const struct client *c)
{
	return c->tx.result;
}

const struct client_rcpt *
client_rcpt(const struct client *c, size_t i)
{
	invariant(i < c->tx.m.rcpt_count);
	return &c->tx.rcpt[i];
}
