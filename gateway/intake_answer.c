/* SPDX-License-Identifier: BSD-2-Clause */
/* May this client hand in this mail? */
#include "gateway/intake_internal.h"

#include <string.h>

#include "util/domain.h"

/* ---- MAIL ---- */

/* Under an account's name only that account's addresses (RFC 6409 6.1). */
static const char *
sender_fault(const struct session *s)
{
	struct server_envelope e = server_envelope(s->server);
	const struct account *account;

	if (s->account == NULL || s->in->accounts == NULL)
		return NULL;
	account = accounts_find(s->in->accounts, s->account);
	if (account == NULL)
		return "454 4.7.0 the account exists no more";
	if (!account_may_send(account, &e.sender))
		return "553 5.7.1 not a sender of this account";
	return NULL;
}

void
intake_answer_mail(struct session *s)
{
	struct intake *in = s->in;
	const char *reply = NULL;

	s->envelope_bytes = 0;
	if (in->keeper == NULL)
		reply = "451 4.3.0 queue not available, try later";
	else if (!in->has_room)
		reply = "452 4.3.1 no room, try later";
	else
		reply = sender_fault(s);
	if (reply == NULL && !intake_rate_take(in, &s->peer->messages,
				 in->env.conf->intake_message_rate))
		reply = "450 4.7.1 too many messages from you in a minute";
	if (reply != NULL)
		server_refuse(s->server, reply);
	else
		server_accept(s->server, NULL);
}

/* ---- RCPT ---- */

static bool
may_relay(const struct session *s)
{
	const struct conf_listen *l = intake_listen_of(s->point);

	if (l == NULL)
		return false;
	switch (l->auth) {
	case LISTEN_AUTH_OFF:
		return s->listed;
	case LISTEN_AUTH_OFFER:
		return s->listed || s->account != NULL;
	case LISTEN_AUTH_REQUIRE:
		return s->account != NULL && (l->allow_count == 0 || s->listed);
	}
	return false; /* not reached: the switch names every value */
}

/* Whoever may talk to this gateway may write to who runs it (SMTP-15). */
static bool
is_own_postmaster(const struct session *s, const struct address *a)
{
	struct span local, domain;

	return intake_listen_of(s->point) != NULL &&
	       span_cut(span_str(a->text), '@', &local, &domain) &&
	       span_ieq(local, "postmaster") &&
	       domain_eq(a->domain, s->in->env.conf->hostname);
}

void
intake_answer_rcpt(struct session *s)
{
	const struct envelope_rcpt *r = server_rcpt(s->server);
	const struct address *a = &r->addr;
	size_t bytes = strlen(a->text) + strlen(a->domain) + strlen(r->orcpt) +
		       INTAKE_RCPT_BYTES;

	if (!may_relay(s) && !is_own_postmaster(s, a)) {
		char *reply = need(talloc_asprintf(s,
		    "550 5.7.1 relaying denied: <%s>", a->text));

		server_refuse(s->server, reply);
		talloc_free(reply);
	} else if (s->envelope_bytes + bytes > INTAKE_ENVELOPE_BYTES) {
		server_refuse(s->server, "452 4.5.3 too many recipients");
	} else if (!intake_rate_take(s->in, &s->peer->recipients,
		       s->in->env.conf->intake_recipient_rate)) {
		server_refuse(s->server,
		    "450 4.7.1 too many recipients from you in a minute");
	} else {
		s->envelope_bytes += bytes;
		server_accept(s->server, NULL);
	}
}

/* ---- DATA ---- */

void
intake_answer_data(struct session *s)
{
	if (!server_is_chunked(s->server) && stream_has_unread(s->stream))
		server_bye(s->server, "554 5.5.0 talking before the reply");
	else
		intake_message_begin(s);
}
