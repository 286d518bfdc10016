/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *	mail = "MAIL FROM:" Reverse-path [ SP Mail-parameters ] CRLF
 *	rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" /
 *	       Forward-path ) [ SP Rcpt-parameters ] CRLF
 *
 *	esmtp-param   = esmtp-keyword [ "=" esmtp-value ]
 *	esmtp-keyword = ( ALPHA / DIGIT ) *( ALPHA / DIGIT / "-" )
 *	esmtp-value   = 1*( %d33-60 / %d62-126 )
 *
 * Blanks after the colon are no part of the grammar but widely sent.
 */
#include "smtp/server_internal.h"

#include "util/utf8.h"

#define SIZE_MAX_DIGITS 20u /* RFC 1870 4 */

enum value_rule { VALUE_NEEDED, VALUE_FORBIDDEN };

struct parameter {
	const char *keyword;
	enum value_rule rule;
	/* Is it known here?  NULL: always. */
	bool (*offered)(const struct server *s);
	/* NULL, or the reply that refuses the value. */
	const char *(*take)(struct server *s, struct span value);
};

/* ---- parameters of MAIL ---- */

static const char *
take_size(struct server *s, struct span value)
{
	struct transaction *tx = s->tx;

	if (value.n > SIZE_MAX_DIGITS)
		return "501 5.5.4 bad value of SIZE";
	for (size_t i = 0; i < value.n; i++)
		if (!ascii_isdigit(value.p[i]))
			return "501 5.5.4 bad value of SIZE";
	while (value.n > 1 && value.p[0] == '0')
		value = span_sub(value, 1, value.n);
	if (span_u64(value, tx->message_bytes, &tx->size_bytes) != ST_OK)
		return "552 5.3.4 message too big";
	return NULL;
}

/* BINARYMIME (RFC 3030 3) is not offered, so it is no value of BODY. */
static const char *
take_body(struct server *s, struct span value)
{
	s->tx->body_8bit = span_ieq(value, "8BITMIME");
	if (!s->tx->body_8bit && !span_ieq(value, "7BIT"))
		return "501 5.5.4 bad value of BODY";
	return NULL;
}

static bool
offers_smtputf8(const struct server *s)
{
	return s->conf->smtputf8;
}

static const char *
take_smtputf8(struct server *s, struct span value)
{
	(void)value;
	s->tx->smtputf8 = true;
	return NULL;
}

static bool
offers_requiretls(const struct server *s)
{
	return s->conf->requiretls;
}

static const char *
take_requiretls(struct server *s, struct span value)
{
	(void)value;
	s->tx->requiretls = true;
	return s->tls ? NULL : "523 5.7.10 REQUIRETLS needs TLS";
}

static bool
offers_dsn(const struct server *s)
{
	return s->conf->dsn;
}

static const char *
take_ret(struct server *s, struct span value)
{
	if (dsn_ret_parse(value, &s->tx->ret) != ST_OK)
		return "501 5.5.4 bad value of RET";
	return NULL;
}

static const char *
take_envid(struct server *s, struct span value)
{
	if (!envid_ok(value))
		return "501 5.5.4 bad value of ENVID";
	s->tx->envid = span_dup(s->tx, value);
	return NULL;
}

/*
 * RFC 4954 5: who first submitted the message.  We trust nobody to tell us,
 * and then it stands for "<>": read, and forgotten.
 */
static const char *
take_auth(struct server *s, struct span value)
{
	(void)s;
	if (!span_eq(value, "<>") && !xtext_ok(value))
		return "501 5.5.4 bad value of AUTH";
	return NULL;
}

static const struct parameter mail_parameters[] = {
	{ "SIZE", VALUE_NEEDED, NULL, take_size },
	{ "BODY", VALUE_NEEDED, NULL, take_body },
	{ "SMTPUTF8", VALUE_FORBIDDEN, offers_smtputf8, take_smtputf8 },
	{ "REQUIRETLS", VALUE_FORBIDDEN, offers_requiretls, take_requiretls },
	{ "RET", VALUE_NEEDED, offers_dsn, take_ret },
	{ "ENVID", VALUE_NEEDED, offers_dsn, take_envid },
	{ "AUTH", VALUE_NEEDED, server_offers_auth, take_auth },
	{ .keyword = NULL },
};

/* ---- parameters of RCPT ---- */

static struct envelope_rcpt *
asked_rcpt(struct server *s)
{
	return &s->tx->rcpt[s->tx->rcpt_count];
}

static const char *
take_notify(struct server *s, struct span value)
{
	if (dsn_notify_parse(value, &asked_rcpt(s)->notify) != ST_OK)
		return "501 5.5.4 bad value of NOTIFY";
	return NULL;
}

static const char *
take_orcpt(struct server *s, struct span value)
{
	const char *orcpt = orcpt_take(s->tx->asked_mem, value,
	    s->tx->smtputf8);

	if (orcpt == NULL)
		return "501 5.5.4 bad value of ORCPT";
	asked_rcpt(s)->orcpt = orcpt;
	return NULL;
}

static const struct parameter rcpt_parameters[] = {
	{ "NOTIFY", VALUE_NEEDED, offers_dsn, take_notify },
	{ "ORCPT", VALUE_NEEDED, offers_dsn, take_orcpt },
	{ .keyword = NULL },
};

/* ---- parameters ---- */

static bool
is_keyword(struct span a)
{
	if (a.n == 0 || !ascii_isalnum(a.p[0]))
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (!ascii_isalnum(a.p[i]) && a.p[i] != '-')
			return false;
	return true;
}

/* Where SMTPUTF8 was given, with what RFC 6531 3.3 adds. */
static bool
is_value(struct span a, bool smtputf8)
{
	if (!span_is_ascii(a) && !(smtputf8 && utf8_is_line(a)))
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (a.p[i] <= ' ' || a.p[i] == 0x7f || a.p[i] == '=')
			return false;
	return a.n > 0;
}

static const struct parameter *
find_parameter(const struct server *s, const struct parameter *known,
    struct span keyword)
{
	for (; known->keyword != NULL; known++)
		if (span_ieq(keyword, known->keyword))
			return known->offered == NULL || known->offered(s) ?
				   known :
				   NULL;
	return NULL;
}

/* One parameter of a table of known ones; NULL or the refusing reply. */
static const char *
take_parameter(struct server *s, struct span word,
    const struct parameter *known, unsigned *seen)
{
	struct span keyword = word, value = SPAN_NONE;
	bool has_value = span_cut(word, '=', &keyword, &value);
	const struct parameter *p;
	unsigned bit;

	if (!is_keyword(keyword) ||
	    (has_value && !is_value(value, s->tx->smtputf8)))
		return "501 5.5.4 bad parameter";
	p = find_parameter(s, known, keyword);
	if (p == NULL)
		return "555 5.5.4 parameter not supported";
	bit = 1u << (p - known);
	if (*seen & bit)
		return "501 5.5.4 parameter given twice";
	*seen |= bit;
	if (has_value != (p->rule == VALUE_NEEDED))
		return has_value ? "501 5.5.4 parameter takes no value" :
				   "501 5.5.4 parameter needs a value";
	return p->take(s, value);
}

/* What follows the path: nothing, or SP and parameters. */
static const char *
take_parameters(struct server *s, struct span rest,
    const struct parameter *known)
{
	unsigned seen = 0;
	const char *reply;

	if (rest.n > 0 && rest.p[0] != ' ')
		return "501 5.5.4 text after the address";
	rest = span_trim(rest);
	for (unsigned i = 0; rest.n > 0; i++) {
		size_t end = span_find(rest, ' ', 0);

		if (i == SERVER_PARAMETERS)
			return "501 5.5.4 too many parameters";
		reply = take_parameter(s, span_sub(rest, 0, end), known, &seen);
		if (reply != NULL)
			return reply;
		rest = span_trim(span_sub(rest, end, rest.n));
	}
	return NULL;
}

/* ---- addresses ---- */

/* "FROM:" or "TO:" and blanks off the start of *arg. */
static bool
take_keyword(struct span *arg, const char *keyword)
{
	size_t n = span_str(keyword).n;

	if (!span_istarts(*arg, keyword))
		return false;
	*arg = span_trim(span_sub(*arg, n, arg->n));
	return true;
}

/* RFC 6409 4.2: a submission names no domain that only we can complete. */
static bool
is_qualified(const struct server *s, const struct address *a)
{
	struct span domain = span_str(a->domain);

	return !s->conf->submission || domain.n == 0 || domain.p[0] == '[' ||
	       span_has(domain, '.');
}

/* path: as it came.  Without SMTPUTF8 all of it must be ASCII. */
static bool
needs_smtputf8(const struct server *s, struct span path)
{
	return !s->tx->smtputf8 && !span_is_ascii(path);
}

#define NO_SMTPUTF8 "553 5.6.7 address needs SMTPUTF8"

/* The sender and what follows it; NULL, or the reply that refuses them. */
static const char *
take_sender(struct server *s, struct span arg)
{
	struct transaction *tx = s->tx;
	struct span rest = arg;
	const char *reply;
	struct diag why;

	if (address_parse_path(tx, &rest, true, NULL, &tx->sender, &why) !=
	    ST_OK)
		return need(talloc_asprintf(tx, "501 5.1.7 %s", why.text));
	reply = take_parameters(s, rest, mail_parameters);
	if (reply != NULL)
		return reply;
	if (needs_smtputf8(s, span_sub(arg, 0, arg.n - rest.n)))
		return NO_SMTPUTF8;
	if (!is_qualified(s, &tx->sender))
		return "501 5.1.8 sender's domain is not fully qualified";
	return NULL;
}

void
server_mail(struct server *s, struct span arg)
{
	const char *reply;

	if (!take_keyword(&arg, "FROM:")) {
		server_say(s, "501 5.5.4 syntax: MAIL FROM:<address>");
		return;
	}
	server_begin_transaction(s);
	reply = take_sender(s, arg);
	if (reply == NULL) {
		server_ask(s, SERVER_S_MAIL_ASK, SERVER_MAIL);
		return;
	}
	server_say(s, "%s", reply);
	server_drop_transaction(s);
}

/* Room for one recipient more than were accepted. */
static void
grow_rcpts(struct transaction *tx)
{
	if (tx->rcpt_count < tx->rcpt_room)
		return;
	tx->rcpt_room = tx->rcpt_room == 0 ? 4 : 2 * tx->rcpt_room;
	tx->rcpt = need(talloc_realloc(tx, tx->rcpt, struct envelope_rcpt,
	    tx->rcpt_room));
}

/* As take_sender, for the recipient that is asked about. */
static const char *
take_rcpt(struct server *s, struct span arg)
{
	struct transaction *tx = s->tx;
	struct envelope_rcpt *r = asked_rcpt(s);
	struct span rest = arg;
	const char *reply;
	struct diag why;

	*r = (struct envelope_rcpt){ .orcpt = "" };
	if (address_parse_path(tx->asked_mem, &rest, false, s->conf->hostname,
		&r->addr, &why) != ST_OK)
		return need(talloc_asprintf(tx->asked_mem, "501 5.1.3 %s",
		    why.text));
	reply = take_parameters(s, rest, rcpt_parameters);
	if (reply != NULL)
		return reply;
	if (needs_smtputf8(s, span_sub(arg, 0, arg.n - rest.n)))
		return NO_SMTPUTF8;
	if (!is_qualified(s, &r->addr))
		return "501 5.1.2 recipient's domain is not fully qualified";
	if (tx->rcpt_count >= tx->recipients)
		return "452 4.5.3 too many recipients";
	return NULL;
}

void
server_rcpt_to(struct server *s, struct span arg)
{
	const char *reply;

	if (!take_keyword(&arg, "TO:")) {
		server_say(s, "501 5.5.4 syntax: RCPT TO:<address>");
		return;
	}
	grow_rcpts(s->tx);
	s->tx->asked_mem = need(talloc_new(s->tx));
	reply = take_rcpt(s, arg);
	if (reply == NULL) {
		server_ask(s, SERVER_S_RCPT_ASK, SERVER_RCPT);
		return;
	}
	server_say(s, "%s", reply);
	if (s->state != SERVER_S_CLOSED)
		TALLOC_FREE(s->tx->asked_mem);
}
