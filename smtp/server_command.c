/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/server_internal.h"

#include <stdio.h>

#include "util/netaddr.h"

enum command_flag {
	COMMAND_IN_CLEAR = 1, /* allowed before TLS where TLS is required */
	COMMAND_NO_ARG = 2,
	COMMAND_ENDS_GROUP = 4, /* the client must await the reply */
	COMMAND_BDAT = 8,       /* octets follow, whatever the reply */
	COMMAND_JUNK = 16,      /* mail could do without it */
};

struct command {
	const char *verb;
	void (*run)(struct server *s, struct span arg);
	unsigned flags;
};

/*
 * The name goes into Received fields, so it is held to the characters of
 * Domain and address-literal, but not to their grammar: what is no valid
 * name is still no reason to refuse mail (RFC 5321 4.1.4).
 */
static bool
is_helo_name(struct span a)
{
	bool literal = a.n > 2 && a.p[0] == '[' && a.p[a.n - 1] == ']';
	const char *others = literal ? "[]:.-" : ".-_";

	if (a.n == 0 || a.n > SERVER_HELO_BYTES)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (!ascii_isalnum(a.p[i]) &&
		    (a.p[i] == 0 || !span_has(span_str(others), a.p[i])))
			return false;
	return true;
}

/* EHLO and HELO end a transaction (RFC 5321 4.1.4). */
static bool
take_helo(struct server *s, struct span arg)
{
	if (!is_helo_name(arg)) {
		/* no enhanced code: RFC 2034 4 exempts these replies */
		server_say(s, "501 not a domain or an address literal");
		return false;
	}
	server_drop_transaction(s);
	talloc_free(s->helo);
	s->helo = span_dup(s, arg);
	server_set_state(s, SERVER_S_READY);
	return true;
}

bool
server_offers_auth(const struct server *s)
{
	return s->tls && (s->conf->auth_plain || s->conf->auth_external);
}

static void
say_limits(struct server *s)
{
	char mails[32] = "";

	if (s->conf->mails > 0)
		snprintf(mails, sizeof(mails), " MAILMAX=%u", s->conf->mails);
	server_say(s, "250-LIMITS RCPTMAX=%u%s", s->conf->recipients, mails);
}

static void
say_extensions(struct server *s)
{
	const struct server_conf *conf = s->conf;

	server_say(s, "250-PIPELINING");
	server_say(s, "250-SIZE %llu", (unsigned long long)conf->message_bytes);
	server_say(s, "250-8BITMIME");
	server_say(s, "250-CHUNKING");
	say_limits(s);
	if (conf->smtputf8)
		server_say(s, "250-SMTPUTF8");
	if (conf->dsn)
		server_say(s, "250-DSN");
	if (conf->starttls && !s->tls)
		server_say(s, "250-STARTTLS");
	if (conf->requiretls && s->tls)
		server_say(s, "250-REQUIRETLS");
	if (server_offers_auth(s))
		server_say(s, "250-AUTH%s%s", conf->auth_plain ? " PLAIN" : "",
		    conf->auth_external ? " EXTERNAL" : "");
	server_say(s, "250 ENHANCEDSTATUSCODES");
}

static void
run_ehlo(struct server *s, struct span arg)
{
	if (!take_helo(s, arg))
		return;
	s->esmtp = true;
	server_say(s, "250-%s", s->conf->hostname);
	say_extensions(s);
}

static void
run_helo(struct server *s, struct span arg)
{
	if (!take_helo(s, arg))
		return;
	s->esmtp = false;
	server_say(s, "250 %s", s->conf->hostname);
}

static void
run_mail(struct server *s, struct span arg)
{
	if (s->state == SERVER_S_HELLO)
		server_say(s, "503 5.5.1 send EHLO first");
	else if (s->state != SERVER_S_READY)
		server_say(s, "503 5.5.1 a transaction is open");
	else if (s->conf->auth_required && s->identity == NULL)
		server_say(s, "530 5.7.0 authentication required");
	else if (s->conf->mails > 0 && s->mail_count >= s->conf->mails)
		server_cut(s, "421 4.7.0 too many transactions");
	else
		server_mail(s, arg);
}

static void
run_rcpt(struct server *s, struct span arg)
{
	if (s->state == SERVER_S_CHUNK_GAP)
		server_say(s, "503 5.5.1 content is under way");
	else if (s->state != SERVER_S_MAIL && s->state != SERVER_S_RCPT)
		server_say(s, "503 5.5.1 send MAIL first");
	else
		server_rcpt_to(s, arg);
}

static void
run_data(struct server *s, struct span arg)
{
	(void)arg;
	if (s->state == SERVER_S_RCPT)
		server_ask(s, SERVER_S_DATA_ASK, SERVER_DATA);
	else if (s->state == SERVER_S_MAIL)
		server_say(s, "503 5.5.1 no valid recipients");
	else if (s->state == SERVER_S_CHUNK_GAP) /* RFC 3030 2 */
		server_say(s, "503 5.5.1 content comes by BDAT");
	else
		server_say(s, "503 5.5.1 send MAIL first");
}

static void
run_bdat(struct server *s, struct span arg)
{
	server_bdat(s, arg, NULL);
}

static void
run_rset(struct server *s, struct span arg)
{
	(void)arg;
	server_drop_transaction(s);
	if (s->state != SERVER_S_HELLO)
		server_set_state(s, SERVER_S_READY);
	server_say(s, "250 2.0.0 ok");
}

static void
run_noop(struct server *s, struct span arg)
{
	(void)arg;
	server_say(s, "250 2.0.0 ok");
}

static void
run_quit(struct server *s, struct span arg)
{
	(void)arg;
	server_cut(s, "221 2.0.0 bye");
}

/*
 * RFC 5321 3.5.3: 252 where an address cannot be verified; what it is, and
 * whether SMTPUTF8 follows (RFC 6531 3.7.4.1), makes no difference.
 */
static void
run_vrfy(struct server *s, struct span arg)
{
	if (arg.n == 0)
		server_say(s, "501 5.5.4 nothing to verify");
	else
		server_say(s, "252 2.0.0 send mail to find out");
}

static void
run_help(struct server *s, struct span arg)
{
	(void)arg;
	server_say(s, "214 2.0.0 this server follows RFC 5321");
}

static void
run_starttls(struct server *s, struct span arg)
{
	(void)arg;
	if (s->tls) {
		server_say(s, "503 5.5.1 TLS is on already");
		return;
	}
	if (!s->conf->starttls) {
		server_say(s, "454 4.7.0 TLS is not available");
		return;
	}
	server_drop_transaction(s);
	server_say(s, "220 2.0.0 go ahead");
	server_ask(s, SERVER_S_TLS, SERVER_START_TLS);
}

/* RFC 4954 4: once a session, not within a transaction, not in clear. */
static void
run_auth(struct server *s, struct span arg)
{
	if (!s->conf->auth_plain && !s->conf->auth_external)
		server_say(s, "502 5.5.1 command not implemented");
	else if (!s->tls)
		server_say(s, "538 5.7.11 encryption required");
	else if (!s->esmtp)
		server_say(s, "503 5.5.1 send EHLO first");
	else if (s->identity != NULL)
		server_say(s, "503 5.5.1 authenticated already");
	else if (s->state != SERVER_S_READY)
		server_say(s, "503 5.5.1 a transaction is open");
	else
		server_auth_begin(s, arg);
}

static void
run_unsupported(struct server *s, struct span arg)
{
	(void)arg;
	server_say(s, "502 5.5.1 command not implemented");
}

/* A browser was led here (B1.10): nothing it says may be taken for mail. */
static void
run_http(struct server *s, struct span arg)
{
	(void)arg;
	server_cut(s, "554 5.5.1 this is an SMTP server");
}

static const struct command commands[] = {
	{ "EHLO", run_ehlo,
	    COMMAND_IN_CLEAR | COMMAND_ENDS_GROUP | COMMAND_JUNK },
	{ "HELO", run_helo, COMMAND_ENDS_GROUP | COMMAND_JUNK },
	{ "MAIL", run_mail, 0 },
	{ "RCPT", run_rcpt, 0 },
	{ "DATA", run_data, COMMAND_NO_ARG | COMMAND_ENDS_GROUP },
	{ "BDAT", run_bdat, COMMAND_BDAT },
	{ "AUTH", run_auth, COMMAND_ENDS_GROUP },
	{ "RSET", run_rset, COMMAND_NO_ARG | COMMAND_JUNK },
	{ "NOOP", run_noop, COMMAND_IN_CLEAR | COMMAND_JUNK },
	{ "QUIT", run_quit, COMMAND_IN_CLEAR | COMMAND_NO_ARG },
	{ "VRFY", run_vrfy, COMMAND_JUNK },
	{ "HELP", run_help, COMMAND_JUNK },
	{ "STARTTLS", run_starttls,
	    COMMAND_IN_CLEAR | COMMAND_NO_ARG | COMMAND_ENDS_GROUP },
	{ "EXPN", run_unsupported, 0 },
	{ "ETRN", run_unsupported, 0 },
	{ "TURN", run_unsupported, 0 },
	{ "GET", run_http, COMMAND_IN_CLEAR },
	{ "POST", run_http, COMMAND_IN_CLEAR },
	{ "PUT", run_http, COMMAND_IN_CLEAR },
	{ "HEAD", run_http, COMMAND_IN_CLEAR },
	{ "PATCH", run_http, COMMAND_IN_CLEAR },
	{ "DELETE", run_http, COMMAND_IN_CLEAR },
	{ "OPTIONS", run_http, COMMAND_IN_CLEAR },
	{ "CONNECT", run_http, COMMAND_IN_CLEAR },
	{ "TRACE", run_http, COMMAND_IN_CLEAR },
};

static const struct command *
find_command(struct span verb)
{
	for (size_t i = 0; i < COUNT_OF(commands); i++)
		if (span_ieq(verb, commands[i].verb))
			return &commands[i];
	return NULL;
}

static void
refuse_in_clear(struct server *s, const struct command *c, struct span arg)
{
	static const char reply[] = "530 5.7.0 send STARTTLS first";

	if (c->flags & COMMAND_BDAT)
		server_bdat(s, arg, reply);
	else
		server_say(s, "%s", reply);
}

/*
 * A client may do without these, so only so many are answered for each
 * message; the first EHLO, and the one after STARTTLS, are no such.
 */
static bool
is_too_much(struct server *s, const struct command *c)
{
	bool needed = s->state == SERVER_S_HELLO &&
		      (c->run == run_ehlo || c->run == run_helo);

	return (c->flags & COMMAND_JUNK) && !needed && s->conf->junk > 0 &&
	       ++s->junk_count > s->conf->junk;
}

void
server_command(struct server *s, struct span line, bool more)
{
	struct span text = span_trim(line);
	size_t end = span_find(text, ' ', 0);
	struct span arg = span_trim(span_sub(text, end, text.n));
	const struct command *c = find_command(span_sub(text, 0, end));

	if (c == NULL)
		server_say(s, "500 5.5.2 command not recognised");
	else if (more && (c->flags & COMMAND_ENDS_GROUP))
		server_cut(s, "554 5.5.0 talking before the reply");
	else if (s->conf->tls_required && !s->tls &&
		 !(c->flags & COMMAND_IN_CLEAR))
		refuse_in_clear(s, c, arg);
	else if (is_too_much(s, c))
		server_cut(s, "421 4.7.0 too many commands and no mail");
	else if (arg.n > 0 && (c->flags & COMMAND_NO_ARG))
		server_say(s, "501 5.5.4 %s takes no argument", c->verb);
	else
		c->run(s, arg);
}
