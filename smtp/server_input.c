/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines off the input: commands, and the responses to AUTH's challenges.
 * What an extension adds to the length of a command (RFC 5321 4.1.1.11) is
 * allowed to the command that it is added to.
 */
#include "smtp/server_internal.h"

/* What parameters with their SP add to MAIL. */
#define SIZE_BYTES       26u  /* RFC 1870 3 */
#define BODY_BYTES       17u  /* RFC 6152 3 */
#define SMTPUTF8_BYTES   10u  /* RFC 6531 3.1; to VRFY and EXPN too */
#define REQUIRETLS_BYTES 11u  /* RFC 8689 2 */
#define AUTH_BYTES       500u /* RFC 4954 3 */
#define RET_BYTES        9u   /* " RET=FULL" */
#define ENVID_BYTES      (7u + ENVELOPE_ENVID_BYTES) /* RFC 3461 4.4, 5.4 */
/* And to RCPT: " NOTIFY=SUCCESS,FAILURE,DELAY", " ORCPT=". */
#define NOTIFY_BYTES 29u
#define ORCPT_BYTES  (7u + ENVELOPE_ORCPT_BYTES) /* RFC 3461 4.2, 5.4 */

static bool
knows_auth(const struct server_conf *conf)
{
	return conf->auth_plain || conf->auth_external;
}

static size_t
mail_bytes(const struct server_conf *conf)
{
	size_t n = conf->command_bytes + SIZE_BYTES + BODY_BYTES;

	if (conf->smtputf8)
		n += SMTPUTF8_BYTES;
	if (conf->requiretls)
		n += REQUIRETLS_BYTES;
	if (conf->dsn)
		n += RET_BYTES + ENVID_BYTES;
	if (knows_auth(conf))
		n += AUTH_BYTES;
	return n;
}

static size_t
rcpt_bytes(const struct server_conf *conf)
{
	return conf->command_bytes +
	       (conf->dsn ? NOTIFY_BYTES + ORCPT_BYTES : 0);
}

static size_t
vrfy_bytes(const struct server_conf *conf)
{
	return conf->command_bytes + (conf->smtputf8 ? SMTPUTF8_BYTES : 0);
}

static size_t
auth_bytes(const struct server_conf *conf)
{
	return knows_auth(conf) &&
		       conf->command_bytes < SERVER_AUTH_LINE_BYTES ?
		   SERVER_AUTH_LINE_BYTES :
		   conf->command_bytes;
}

static const struct {
	const char *verb;
	size_t (*bytes)(const struct server_conf *conf);
} longer[] = {
	{ "MAIL", mail_bytes },
	{ "RCPT", rcpt_bytes },
	{ "VRFY", vrfy_bytes },
	{ "EXPN", vrfy_bytes },
	{ "AUTH", auth_bytes },
};

size_t
server_line_bytes(const struct server_conf *conf)
{
	size_t most = conf->command_bytes;

	for (size_t i = 0; i < COUNT_OF(longer); i++)
		if (longer[i].bytes(conf) > most)
			most = longer[i].bytes(conf);
	return most;
}

/* What follows in the input begins a command with this verb. */
static bool
is_verb(struct span in, const char *verb)
{
	size_t from = 0, to;

	while (from < in.n && (in.p[from] == ' ' || in.p[from] == '\t'))
		from++;
	to = from;
	while (to < in.n && ascii_isalpha(in.p[to]))
		to++;
	return span_ieq(span_sub(in, from, to), verb);
}

/* The most that the line at the start of in may have, CRLF included. */
static size_t
line_limit(const struct server *s, struct span in)
{
	if (s->state == SERVER_S_AUTH_LINE)
		return SERVER_AUTH_LINE_BYTES;
	for (size_t i = 0; i < COUNT_OF(longer); i++)
		if (is_verb(in, longer[i].verb))
			return longer[i].bytes(s->conf);
	return s->conf->command_bytes;
}

/* ---- lines that are too long ---- */

/* Go over an over-long line to its CRLF; true when it was found. */
static bool
skip_line(struct server *s, struct span *in)
{
	size_t from = 0, lf;

	while ((lf = span_find(*in, '\n', from)) < in->n) {
		bool cr = lf > 0 ? in->p[lf - 1] == '\r' : s->skip_cr;

		from = lf + 1;
		if (cr) {
			*in = span_sub(*in, from, in->n);
			s->skipping = false;
			return true;
		}
	}
	if (in->n > 0)
		s->skip_cr = in->p[in->n - 1] == '\r';
	s->skipped_bytes += in->n;
	*in = span_sub(*in, in->n, in->n);
	if (s->skipped_bytes > SERVER_SKIP_BYTES)
		server_cut(s, "500 5.5.2 line too long");
	return false;
}

static void
begin_skipping(struct server *s)
{
	s->skipping = true;
	s->skip_cr = false;
	s->skipped_bytes = 0;
	if (s->state == SERVER_S_AUTH_LINE) {
		server_set_state(s, SERVER_S_READY);
		server_say(s, "500 5.5.6 response too long");
	} else {
		server_say(s, "500 5.5.2 line too long");
	}
}

/* ---- one line ---- */

/* A TLS or RDP hello, or the like: no SMTP command starts so. */
static bool
is_foreign(uint8_t c)
{
	return c != '\r' && c != '\n' && !ascii_isprint(c) && c != '\t';
}

/*
 * A command that cannot be read.  How much content follows a BDAT is then
 * not known, and none of it may be taken for commands: the session ends.
 */
static bool
is_fatal(struct span line)
{
	return is_verb(line, "BDAT");
}

static void
take_line(struct server *s, struct span line, bool more)
{
	if (s->state == SERVER_S_AUTH_LINE && more)
		server_cut(s, "554 5.5.0 talking before the reply");
	else if (s->state == SERVER_S_AUTH_LINE)
		server_auth_response(s, line);
	else if (!span_has(line, '\r') && !span_has(line, '\0'))
		server_command(s, line, more);
	else if (is_fatal(line))
		server_cut(s, "500 5.5.2 bare CR or NUL in command");
	else
		server_say(s, "500 5.5.2 bare CR or NUL in command");
}

/* True when what is in the input, whole or not, is over its limit. */
static bool
is_too_long(const struct server *s, struct span in, size_t lf)
{
	size_t n = lf < in.n ? lf + 1 : in.n + 1;

	return n > s->conf->command_bytes && n > line_limit(s, in);
}

/*
 * An LF without CR is no line end for us but may be one for whoever relayed
 * it here: the session ends before the two can disagree.
 */
bool
server_take_line(struct server *s, struct span *in)
{
	size_t lf = span_find(*in, '\n', 0);
	struct span line;

	if (s->skipping)
		return skip_line(s, in);
	if (in->n > 0 && s->state != SERVER_S_AUTH_LINE &&
	    is_foreign(in->p[0])) {
		server_cut(s, "554 5.5.1 this is an SMTP server");
		return true;
	}
	if (lf < in->n && (lf == 0 || in->p[lf - 1] != '\r')) {
		server_cut(s, "500 5.5.2 bare LF in command");
		return true;
	}
	if (is_too_long(s, *in, lf)) {
		if (is_fatal(*in))
			server_cut(s, "500 5.5.2 line too long");
		else
			begin_skipping(s);
		return true;
	}
	if (lf == in->n)
		return false;
	line = span_sub(*in, 0, lf - 1);
	*in = span_sub(*in, lf + 1, in->n);
	take_line(s, line, in->n > 0);
	return true;
}
