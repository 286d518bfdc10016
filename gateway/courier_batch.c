/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which recipients share the next transaction, as what the message goes to
 * the host at hand, and whether the host can take it at all.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/courier_internal.h"
#include "util/domain.h"

/* ---- addresses ---- */

static bool
is_ascii(struct span a)
{
	for (size_t i = 0; i < a.n; i++)
		if (a.p[i] >= 0x80)
			return false;
	return true;
}

/*
 * SMTP-49: a domain goes out in A-labels where the local part is ASCII, so
 * that the host need not know SMTPUTF8.
 */
static const char *
sendable(TALLOC_CTX *mem, const char *address)
{
	struct span all = span_str(address), local = all;
	struct diag why = { 0 };
	const char *domain;

	if (is_ascii(all))
		return address;
	while (local.n > 0 && local.p[local.n - 1] != '@')
		local.n--;
	if (local.n == 0 || !is_ascii(local) ||
	    domain_canonical(mem, span_sub(all, local.n, all.n), &domain,
		&why) != ST_OK)
		return address;
	return need(talloc_asprintf(mem, "%.*s%s", (int)local.n,
	    (const char *)local.p, domain));
}

void
mail_prepare(struct job *j)
{
	/* RFC 6531 3.6: who did not ask for SMTPUTF8 sent 8-bit text. */
	j->utf8_header = (j->w.flags & MESSAGE_SMTPUTF8) != 0 &&
			 (j->w.flags & MESSAGE_UTF8_HEADER) != 0;
	j->sender = sendable(j, j->w.sender);
	j->utf8_sender = !is_ascii(span_str(j->sender));
	for (uint32_t i = 0; i < j->w.rcpt_count; i++) {
		struct crcpt *r = &j->rcpt[i];

		r->w = &j->w.rcpt[i];
		r->address = sendable(j, r->w->address);
		r->utf8 = !is_ascii(span_str(r->address));
	}
}

/* ---- the batch ---- */

static void
make_room(struct slot *s, uint32_t max)
{
	if (talloc_array_length(s->batch) >= max)
		return;
	s->batch = need(talloc_realloc(s, s->batch, struct crcpt *, max));
	s->batch_rcpt = need(talloc_realloc(s, s->batch_rcpt,
	    struct client_mail_rcpt, max));
}

/*
 * Recipients with an address in UTF-8 go apart where the host does not take
 * such, so that only they suffer from it.
 */
static void
choose(struct slot *s)
{
	struct job *j = slot_job(s);
	uint32_t max = s->c->env.conf->smtp_recipients;
	const unsigned both = EHLO_SMTPUTF8 | EHLO_8BITMIME;
	bool mixed = (client_ehlo(s->conn->client).ext & both) == both;

	make_room(s, max);
	s->batch_count = 0;
	for (uint32_t i = 0; i < j->w.rcpt_count && s->batch_count < max; i++) {
		struct crcpt *r = &j->rcpt[i];

		if (r->place != RCPT_HERE || (!mixed && s->batch_count > 0 &&
						 r->utf8 != s->batch[0]->utf8))
			continue;
		s->batch[s->batch_count] = r;
		s->batch_rcpt[s->batch_count++] = (struct client_mail_rcpt){
			.address = r->address,
			.orcpt = r->w->orcpt,
			.notify = r->w->notify,
		};
	}
}

static bool
has_utf8_rcpt(const struct slot *s)
{
	for (size_t i = 0; i < s->batch_count; i++)
		if (s->batch[i]->utf8)
			return true;
	return false;
}

static bool
takes_8bit(const struct slot *s)
{
	return (client_ehlo(s->conn->client).ext & EHLO_8BITMIME) != 0;
}

/* A report rather has less in it than that it is lost. */
bool
mail_converts(const struct slot *s)
{
	uint32_t flags = slot_job(s)->w.flags;

	if ((flags & MESSAGE_8BIT) == 0 || takes_8bit(s))
		return false;
	switch (s->c->env.conf->smtp_eight_bit) {
	case EIGHT_BIT_BOUNCE:
		return (flags & MESSAGE_REPORT) != 0;
	case EIGHT_BIT_CONVERT:
		return true;
	case EIGHT_BIT_SEND:
		break;
	}
	return false;
}

/* As far as the host is told of it. */
static bool
has_8bit(const struct slot *s)
{
	bool told = takes_8bit(s) ||
		    s->c->env.conf->smtp_eight_bit != EIGHT_BIT_SEND;

	return (slot_job(s)->w.flags & MESSAGE_8BIT) != 0 && told &&
	       !mail_converts(s);
}

static struct client_mail
as_mail(const struct slot *s)
{
	const struct job *j = slot_job(s);
	bool address = j->utf8_sender || has_utf8_rcpt(s);

	return (struct client_mail){
		.sender = j->sender,
		.envid = j->w.envid,
		.ret = j->w.ret,
		.size_bytes = j->w.size_bytes,
		.grows = mail_converts(s),
		.has_8bit = has_8bit(s),
		.smtputf8 = address || j->utf8_header,
		.header_utf8 = !address && j->utf8_header,
		.requiretls = slot_plan_host(s)->requiretls,
		.auth_null = true,
		.rcpt = s->batch_rcpt,
		.rcpt_count = s->batch_count,
	};
}

/* ---- what cannot go ---- */

static const char *
why_unfit(enum client_fit fit)
{
	switch (fit) {
	case CLIENT_TOO_BIG:
		return "the message is larger than the host takes";
	case CLIENT_NEEDS_8BIT:
		return "the message has 8-bit content and the host does not "
		       "take it";
	case CLIENT_NEEDS_UTF8:
		return "an address needs SMTPUTF8 and the host does not "
		       "offer it";
	case CLIENT_NEEDS_UTF8_HEADER:
		return "a header field needs SMTPUTF8 and the host does not "
		       "offer it";
	case CLIENT_NEEDS_REQUIRETLS:
		return "the message needs REQUIRETLS and the host does not "
		       "offer it";
	case CLIENT_FITS:
		break;
	}
	return NULL;
}

/* Not for this host: others may take it (SMTP-46, SMTP-47, SMTP-49). */
static void
unfit(struct slot *s, enum client_fit fit)
{
	struct job *j = slot_job(s);
	bool alike = fit == CLIENT_NEEDS_UTF8 && !j->utf8_sender;
	bool utf8 = s->batch[0]->utf8;
	const struct saying say = {
		.v = verdict_of_fit(fit),
		.failure = fit == CLIENT_NEEDS_REQUIRETLS ?
			       FAILURE_REQUIRETLS :
			       FAILURE_REPLY, /* to EHLO: it offers no more */
		.why = why_unfit(fit),
	};

	for (uint32_t i = 0; i < j->w.rcpt_count; i++) {
		struct crcpt *r = &j->rcpt[i];

		if (r->place != RCPT_HERE || (alike && r->utf8 != utf8))
			continue;
		say_note(s, r, &say);
	}
}

/* What is in the store that no command may carry (SMTP-53). */
void
mail_refuse(struct slot *s, struct crcpt *r, bool is_sender)
{
	struct saying say = { .v.step = STEP_BOUNCE };

	snprintf(say.v.status, sizeof(say.v.status), "%s",
	    is_sender ? STATUS_BAD_SENDER : STATUS_BAD_RCPT);
	say.why = is_sender ? "the sender's address or its envelope id cannot "
			      "be used in SMTP" :
			      "the address cannot be used in SMTP";
	say_note(s, r, &say);
}

static void
refuse_all(struct slot *s)
{
	for (size_t i = 0; i < s->batch_count; i++)
		mail_refuse(s, s->batch[i],
		    client_rcpt(s->conn->client, i)->state !=
			CLIENT_RCPT_UNFIT);
}

enum batch
mail_begin(struct slot *s)
{
	struct client *client = s->conn->client;
	struct diag why = { 0 };
	struct client_mail m;
	enum client_fit fit;

	choose(s);
	s->batch_count = client_room(client, s->batch_rcpt, s->batch_count);
	if (s->batch_count == 0)
		return BATCH_NO_ROOM;
	m = as_mail(s);
	fit = client_fits(client, &m);
	/* INV-06: by what the stream is, not by what was meant to be. */
	invariant(conn_suffices(s->conn, slot_plan_host(s)));
	if (fit != CLIENT_FITS)
		unfit(s, fit);
	else if (client_mail(client, net_now(s->c->env.net), &m, &why) != ST_OK)
		refuse_all(s);
	if (client_state(client) == CLIENT_S_READY)
		return BATCH_SETTLED;
	s->conn->mails++;
	return BATCH_BEGUN;
}
