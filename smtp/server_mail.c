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

#define SIZE_MAX_DIGITS 20u /* RFC 1870 4 */

struct parameter {
	const char *keyword;
	/* NULL, or the reply that refuses the value. */
	const char *(*take)(struct transaction *tx, struct span value);
};

static const char *
take_size(struct transaction *tx, struct span value)
{
	if (value.n == 0 || value.n > SIZE_MAX_DIGITS)
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

static const char *
take_body(struct transaction *tx, struct span value)
{
	tx->body_8bit = span_ieq(value, "8BITMIME");
	if (!tx->body_8bit && !span_ieq(value, "7BIT"))
		return "501 5.5.4 bad value of BODY";
	return NULL;
}

static const struct parameter mail_parameters[] = {
	{ "SIZE", take_size },
	{ "BODY", take_body },
	{ NULL, NULL },
};

static const struct parameter rcpt_parameters[] = {
	{ NULL, NULL },
};

static bool
is_parameter(struct span keyword, struct span value, bool has_value)
{
	if (keyword.n == 0 || !ascii_isalnum(keyword.p[0]))
		return false;
	for (size_t i = 0; i < keyword.n; i++)
		if (!ascii_isalnum(keyword.p[i]) && keyword.p[i] != '-')
			return false;
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] <= ' ' || value.p[i] > '~' || value.p[i] == '=')
			return false;
	return !has_value || value.n > 0;
}

/* One parameter of a table of known ones; NULL or the refusing reply. */
static const char *
take_parameter(struct transaction *tx, struct span word,
    const struct parameter *known, unsigned *seen)
{
	struct span keyword = word, value = SPAN_NONE;
	bool has_value = span_cut(word, '=', &keyword, &value);

	if (!is_parameter(keyword, value, has_value))
		return "501 5.5.4 bad parameter";
	for (unsigned i = 0; known[i].keyword != NULL; i++) {
		if (!span_ieq(keyword, known[i].keyword))
			continue;
		if (*seen & 1u << i)
			return "501 5.5.4 parameter given twice";
		*seen |= 1u << i;
		return known[i].take(tx, value);
	}
	return "555 5.5.4 parameter not supported";
}

/* What follows the path: nothing, or SP and parameters. */
static const char *
take_parameters(struct transaction *tx, struct span rest,
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
		reply = take_parameter(tx, span_sub(rest, 0, end), known,
		    &seen);
		if (reply != NULL)
			return reply;
		rest = span_trim(span_sub(rest, end, rest.n));
	}
	return NULL;
}

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

static void
say_bad_address(struct server *s, const char *code, const struct diag *why)
{
	if (why->st == ST_UNSUPP)
		server_say(s, "553 5.6.7 %s", why->text);
	else
		server_say(s, "501 %s %s", code, why->text);
}

void
server_mail(struct server *s, struct span arg)
{
	struct diag why;
	const char *reply;

	if (!take_keyword(&arg, "FROM:")) {
		server_say(s, "501 5.5.4 syntax: MAIL FROM:<address>");
		return;
	}
	server_begin_transaction(s);
	if (address_parse_path(s->tx, &arg, true, NULL, &s->tx->sender, &why) !=
	    ST_OK) {
		server_drop_transaction(s);
		say_bad_address(s, "5.1.7", &why);
		return;
	}
	reply = take_parameters(s->tx, arg, mail_parameters);
	if (reply != NULL) {
		server_drop_transaction(s);
		server_say(s, "%s", reply);
		return;
	}
	server_ask(s, SERVER_S_MAIL_ASK, SERVER_MAIL);
}

/* Room for one recipient more than were accepted. */
static void
grow_rcpts(struct transaction *tx)
{
	if (tx->rcpt_count < tx->rcpt_room)
		return;
	tx->rcpt_room = tx->rcpt_room == 0 ? 4 : 2 * tx->rcpt_room;
	tx->rcpt = need(talloc_realloc(tx, tx->rcpt, struct address,
	    tx->rcpt_room));
}

void
server_rcpt_to(struct server *s, struct span arg)
{
	struct transaction *tx = s->tx;
	const char *reply;
	struct diag why;

	if (!take_keyword(&arg, "TO:")) {
		server_say(s, "501 5.5.4 syntax: RCPT TO:<address>");
		return;
	}
	grow_rcpts(tx);
	tx->asked_mem = need(talloc_new(tx));
	if (address_parse_path(tx->asked_mem, &arg, false, s->conf->hostname,
		&tx->rcpt[tx->rcpt_count], &why) != ST_OK) {
		TALLOC_FREE(tx->asked_mem);
		say_bad_address(s, "5.1.3", &why);
		return;
	}
	reply = take_parameters(tx, arg, rcpt_parameters);
	if (reply == NULL && tx->rcpt_count >= tx->recipients)
		reply = "452 4.5.3 too many recipients";
	if (reply != NULL) {
		TALLOC_FREE(tx->asked_mem);
		server_say(s, "%s", reply);
		return;
	}
	server_ask(s, SERVER_S_RCPT_ASK, SERVER_RCPT);
}
