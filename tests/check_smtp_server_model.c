/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * B1.4: the server machine beside a second one, written from the RFCs alone
 * (5321 4.1.4 and 4.3.2; 3030 2; 3207 4; 4954 4; 8689 2) as a table: what a
 * command gets in each state, and the state it leads to.  Sequences of up to
 * twelve commands are drawn, given to both, and every reply compared.
 *
 * TIERPOST_MODEL_ROUNDS sets the number of sequences.
 */
#include "tests/server_session.h"

#define DEFAULT_ROUNDS UINT64_C(300000) /* some six seconds, sanitized */
#define COMMANDS       12u
#define MESSAGE_BYTES  64u

/* Where a session can stand between two commands. */
enum place {
	GREETED, /* no EHLO yet, or none since TLS began */
	IDLE,
	SENDER,     /* MAIL was accepted */
	RECIPIENTS, /* RCPT was */
	CHUNKS,     /* a BDAT was, and was not the last */
	SAME,       /* of a row: no change */
};
#define PLACES 5u

struct model {
	enum place at;
	bool tls, esmtp, authenticated, over;
	bool smtputf8;          /* of the transaction */
	unsigned commands;      /* numbers the addresses */
	unsigned auth_failures; /* RFC 4954 6 allows three */
	char *sender, *rcpts;   /* as accepted; joined by "," */
	struct sbuf text;       /* octets of the chunks so far */
};

/* In a cell: the owner is asked, and its word is the reply. */
#define ASK 1

struct row {
	const char *line; /* "#": a number, for addresses */
	int code[PLACES]; /* by place */
	enum place next;  /* after success */
	/* Codes that come before the cell, and in place of an ASK or a success;
	 * 0: none. */
	int (*before)(const struct model *m);
	int (*instead)(const struct model *m);
	void (*run)(struct model *m, const struct row *r); /* NULL: the usual */
};

static uint64_t seed;

static unsigned
pick(unsigned count)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % count);
}

/* ---- what was said ---- */

static void
expect(int code, const char *what)
{
	struct span t = sbuf_view(&transcript), last = SPAN_NONE, line;
	int got;

	while (span_line(&t, &line))
		last = line;
	must(last.n >= 4);
	got = (last.p[0] - '0') * 100 + (last.p[1] - '0') * 10 + last.p[2] -
	      '0';
	if (got != code)
		ck_abort_msg("%s: %d expected, got %.*s", what, code,
		    (int)last.n, (const char *)last.p);
	sbuf_reset(&transcript);
}

static void
send(const char *p, size_t n)
{
	if (pick(8) == 0)
		feed_by_byte(p, n);
	else
		feed(p, n);
}

/* ---- conditions ---- */

/* RFC 3207 4: 530 to all but EHLO, NOOP, STARTTLS and QUIT. */
static int
clear(const struct model *m)
{
	return conf.tls_required && !m->tls ? 530 : 0;
}

/* RFC 4954 6 */
static int
unauthenticated(const struct model *m)
{
	return conf.auth_required && !m->authenticated ? 530 : 0;
}

static int
no_smtputf8(const struct model *m)
{
	int code = unauthenticated(m);

	return code != 0 ? code : conf.smtputf8 ? 0 : 555;
}

static int
no_dsn(const struct model *m)
{
	int code = unauthenticated(m);

	return code != 0 ? code : conf.dsn ? 0 : 555;
}

static int
no_dsn_rcpt(const struct model *m)
{
	(void)m;
	return conf.dsn ? 0 : 555;
}

/* RFC 8689 2: "only if TLS is in use" */
static int
no_requiretls(const struct model *m)
{
	int code = unauthenticated(m);

	if (code != 0)
		return code;
	return !conf.requiretls ? 555 : m->tls ? 0 : 523;
}

/* RFC 6409 4.2 */
static int
unqualified(const struct model *m)
{
	int code = unauthenticated(m);

	return code != 0 ? code : conf.submission ? 501 : 0;
}

static int
unqualified_rcpt(const struct model *m)
{
	(void)m;
	return conf.submission ? 501 : 0;
}

/* RFC 6531 3.5 */
static int
not_ascii_rcpt(const struct model *m)
{
	return m->smtputf8 ? 0 : 553;
}

static int
bad_mail(const struct model *m)
{
	int code = unauthenticated(m);

	return code != 0 ? code : 501;
}

static int
unknown_parameter(const struct model *m)
{
	int code = unauthenticated(m);

	return code != 0 ? code : 555;
}

static int
too_big(const struct model *m)
{
	int code = unauthenticated(m);

	return code != 0 ? code : 552;
}

/* RFC 4954 4: not offered; in clear; before EHLO; a second time. */
static int
no_auth(const struct model *m)
{
	if (clear(m) != 0)
		return 530;
	if (!conf.auth_plain)
		return 502;
	if (!m->tls)
		return 538;
	return !m->esmtp || m->authenticated ? 503 : 0;
}

static int
within_tls(const struct model *m)
{
	return m->tls ? 503 : 0;
}

/* ---- commands that are more than a line and a reply ---- */

enum verdict { YES, NO_4YZ, NO_5YZ };

static const char *
draw_answer(enum verdict *v)
{
	unsigned n = pick(8);

	*v = n == 0 ? NO_4YZ : n == 1 ? NO_5YZ : YES;
	return n == 0 ? "451 4.3.0 later" : n == 1 ? "550 5.0.0 no" : NULL;
}

static int
code_of(enum verdict v, int yes)
{
	return v == YES ? yes : v == NO_4YZ ? 451 : 550;
}

/* What a row says now; ASK: the owner decides. */
static int
look_up(const struct model *m, const struct row *r)
{
	int code = r->before == NULL ? 0 : r->before(m);

	if (code == 0)
		code = r->code[m->at];
	if ((code == ASK || code < 300) && r->instead != NULL &&
	    r->instead(m) != 0)
		code = r->instead(m);
	return code;
}

static void
go_on(struct model *m, const struct row *r, int code)
{
	if (code < 300 && r->next != SAME)
		m->at = r->next;
}

static void
run_plain(struct model *m, const struct row *r)
{
	int code = look_up(m, r);

	send(r->line, strlen(r->line));
	expect(code, r->line);
	go_on(m, r, code);
}

/* A new EHLO is what RSET is; HELO forgoes extensions. */
static void
run_hello(struct model *m, const struct row *r)
{
	int code = look_up(m, r);

	run_plain(m, r);
	if (code == 250)
		m->esmtp = r->line[0] == 'E';
}

/* RSET before EHLO is no EHLO. */
static void
run_rset(struct model *m, const struct row *r)
{
	enum place before = m->at;

	run_plain(m, r);
	if (before == GREETED)
		m->at = GREETED;
}

/* The line with its number in it. */
static char *
numbered(struct model *m, const struct row *r)
{
	struct span before, after;

	m->commands++;
	if (!span_cut(span_str(r->line), '#', &before, &after))
		ck_abort_msg("%s", r->line);
	return talloc_asprintf(mem, "%.*s%u%.*s", (int)before.n,
	    (const char *)before.p, m->commands, (int)after.n,
	    (const char *)after.p);
}

/* What is between its angle brackets. */
static char *
path_of(const char *line)
{
	struct span before, rest = span_str(line), path = SPAN_NONE;

	must(span_cut(rest, '<', &before, &rest));
	must(span_cut(rest, '>', &path, &rest));
	return span_dup(mem, path);
}

static void
run_mail(struct model *m, const struct row *r)
{
	char *line = numbered(m, r);
	int code = look_up(m, r);
	enum verdict v;

	answer_mail = draw_answer(&v);
	if (code == ASK)
		code = code_of(v, 250);
	send(line, strlen(line));
	expect(code, line);
	if (code != 250)
		return;
	m->at = SENDER;
	m->sender = path_of(line);
	m->rcpts = talloc_strdup(mem, "");
	m->smtputf8 = strstr(line, " SMTPUTF8") != NULL;
}

static void
run_rcpt(struct model *m, const struct row *r)
{
	char *line = numbered(m, r);
	int code = look_up(m, r);
	enum verdict v;

	answer_rcpt = draw_answer(&v);
	if (code == ASK)
		code = code_of(v, 250);
	send(line, strlen(line));
	expect(code, line);
	if (code != 250)
		return;
	m->at = RECIPIENTS;
	m->rcpts = talloc_asprintf_append(m->rcpts, "%s%s",
	    m->rcpts[0] == '\0' ? "" : ",", path_of(line));
}

/* The one message of the transaction is what was sent. */
static void
check_message(const struct model *m, struct span text)
{
	must(message_count == 1);
	must(strcmp(message[0].sender, m->sender) == 0);
	must(strcmp(message[0].rcpts, m->rcpts) == 0);
	must(span_eq_span(message[0].content, text));
}

static void
run_data(struct model *m, const struct row *r)
{
	static const struct {
		const char *wire, *content; /* NULL: to be refused */
	} texts[] = {
		{ "ok\r\n.\r\n", "ok\r\n" },
		{ ".\r\n", "" },
		{ "A: b\r\n\r\n..\r\n.\r\n", "A: b\r\n\r\n.\r\n" },
		{ "bare\nlf\r\n.\r\n", NULL },
		{ "bare\rcr\r\n.\r\n", NULL },
	};
	unsigned i = pick(COUNT_OF(texts));
	int code = look_up(m, r);
	enum verdict data, end;

	answer_data = draw_answer(&data);
	answer_end = draw_answer(&end);
	message_count = 0;
	send(r->line, strlen(r->line));
	if (code == ASK)
		code = code_of(data, 354);
	expect(code, r->line);
	if (code == 451 || code == 550)
		m->at = IDLE;
	if (code != 354)
		return;
	send(texts[i].wire, strlen(texts[i].wire));
	if (texts[i].content == NULL)
		end = NO_5YZ;
	expect(code_of(end, 250), "content");
	m->at = IDLE;
	if (end == YES)
		check_message(m, span_str(texts[i].content));
	else
		must(message_count == 0);
}

/* A CR without LF or an LF without CR; a last CR may still find its LF. */
static bool
has_stray(struct span a, bool last)
{
	for (size_t i = 0; i < a.n; i++) {
		if (a.p[i] == '\n' && (i == 0 || a.p[i - 1] != '\r'))
			return true;
		if (a.p[i] == '\r' && (i + 1 < a.n ? a.p[i + 1] != '\n' : last))
			return true;
	}
	return false;
}

/* What a chunk gets that is in its place, when the owner says yes. */
static int
judge_chunk(struct model *m, const char *octets, bool last)
{
	if (m->text.n + strlen(octets) > MESSAGE_BYTES)
		return 552;
	sbuf_str(&m->text, octets);
	if (has_stray(sbuf_view(&m->text), last))
		return 550;
	if (last && m->text.n > 0 && m->text.p[m->text.n - 1] != '\n') {
		sbuf_str(&m->text, "\r\n"); /* SMTP-05 */
		if (m->text.n > MESSAGE_BYTES)
			return 552;
	}
	return 250;
}

/* RFC 3030 2: octets follow whatever the reply, which comes behind them. */
static void
run_bdat(struct model *m, const struct row *r)
{
	static const char *const chunks[] = { "", "ok\r\n", "A: b\r\n\r\n",
		"a\r", "\nb\r\n", "c", ".\r\n", "bare\nlf",
		"QUIT\r\nRSET\r\nDATA\r\n",
		"0123456789\r\n0123456789\r\n"
		"0123456789\r\n",
		"0123456789\r\n0123456789\r\n0123456789\r\n0123456789\r\n"
		"0123456789\r\n0123456789\r\n" };
	const char *octets = chunks[pick(COUNT_OF(chunks))];
	bool last = pick(2) == 0, first = m->at == RECIPIENTS;
	char *wire = talloc_asprintf(mem, "BDAT %zu%s\r\n%s", strlen(octets),
	    last ? " LAST" : "", octets);
	int code = look_up(m, r);
	enum verdict data, end;

	answer_data = draw_answer(&data);
	answer_end = draw_answer(&end);
	message_count = 0;
	if (code == ASK) {
		if (first)
			sbuf_reset(&m->text);
		code = judge_chunk(m, octets, last);
		if (first && data != YES && strlen(octets) <= MESSAGE_BYTES)
			code = code_of(data, 250);
		else if (code == 250 && last)
			code = code_of(end, 250);
		m->at = code == 250 && !last ? CHUNKS : IDLE;
	}
	send(wire, strlen(wire));
	m->over = strlen(octets) > MESSAGE_BYTES; /* too much to swallow */
	expect(code, wire);
	if (code == 250 && last)
		check_message(m, sbuf_view(&m->text));
	else
		must(message_count == 0);
}

static void
run_starttls(struct model *m, const struct row *r)
{
	int code = look_up(m, r);

	send(r->line, strlen(r->line));
	expect(code, r->line);
	must(starting_tls == (code == 220));
	if (code != 220)
		return;
	starting_tls = false;
	server_tls_started(srv);
	m->tls = true;
	m->esmtp = false;
	m->at = GREETED;
}

/* line: one command, or one and the response to its 334. */
static void
run_auth(struct model *m, const struct row *r)
{
	const char *response = strchr(r->line, '\n') + 1;
	int code = look_up(m, r);
	enum verdict v;

	answer_auth = draw_answer(&v);
	if (code == ASK)
		code = code_of(v, 235);
	if (code == 550 && ++m->auth_failures == SERVER_AUTH_TRIES) {
		code = 421;
		m->over = true;
	}
	if (response[0] != '\0') {
		bool asked = no_auth(m) == 0 && m->at == IDLE;

		send(r->line, (size_t)(response - r->line));
		expect(asked ? 334 : code, r->line);
		if (!asked)
			return;
		send(response, strlen(response));
	} else {
		send(r->line, strlen(r->line));
	}
	expect(code, r->line);
	if (code == 235)
		m->authenticated = true;
}

static void
run_quit(struct model *m, const struct row *r)
{
	send(r->line, strlen(r->line));
	expect(221, r->line);
	m->over = true;
}

/* ---- the table ---- */

#define ALL(code)                                                              \
	{                                                                      \
		code, code, code, code, code                                   \
	}
/* Where MAIL, RCPT or AUTH is in its place, and 503 elsewhere. */
#define AT_IDLE(code)                                                          \
	{                                                                      \
		503, code, 503, 503, 503                                       \
	}
#define AT_RCPT(code)                                                          \
	{                                                                      \
		503, 503, code, code, 503                                      \
	}

#define MAIL(rest) "MAIL FROM:<s#@a.example>" rest "\r\n"
#define RCPT(rest) "RCPT TO:<r#@d.example>" rest "\r\n"

/* Up to MAKING_ROWS, what leads to a message: drawn more often. */
#define MAKING_ROWS 18u

static const struct row rows[] = {
	{ "EHLO c\r\n", ALL(250), IDLE, NULL, NULL, run_hello },
	{ "HELO c\r\n", ALL(250), IDLE, clear, NULL, run_hello },
	{ MAIL(""), AT_IDLE(ASK), SENDER, clear, unauthenticated, run_mail },
	{ MAIL(" SIZE=10 BODY=8BITMIME"), AT_IDLE(ASK), SENDER, clear,
	    unauthenticated, run_mail },
	{ MAIL(" SMTPUTF8"), AT_IDLE(ASK), SENDER, clear, no_smtputf8,
	    run_mail },
	{ MAIL(" RET=FULL ENVID=x"), AT_IDLE(ASK), SENDER, clear, no_dsn,
	    run_mail },
	{ MAIL(" REQUIRETLS"), AT_IDLE(ASK), SENDER, clear, no_requiretls,
	    run_mail },
	{ "MAIL FROM:<s#@a>\r\n", AT_IDLE(ASK), SENDER, clear, unqualified,
	    run_mail },
	{ RCPT(""), AT_RCPT(ASK), RECIPIENTS, clear, NULL, run_rcpt },
	{ RCPT(""), AT_RCPT(ASK), RECIPIENTS, clear, NULL, run_rcpt },
	{ RCPT(""), AT_RCPT(ASK), RECIPIENTS, clear, NULL, run_rcpt },
	{ RCPT(" NOTIFY=NEVER ORCPT=rfc822;x"), AT_RCPT(ASK), RECIPIENTS, clear,
	    no_dsn_rcpt, run_rcpt },
	{ "RCPT TO:<r\xc3\xbc#@d.example>\r\n", AT_RCPT(ASK), RECIPIENTS, clear,
	    not_ascii_rcpt, run_rcpt },
	{ "RCPT TO:<r#@d>\r\n", AT_RCPT(ASK), RECIPIENTS, clear,
	    unqualified_rcpt, run_rcpt },
	{ "DATA\r\n", { 503, 503, 503, ASK, 503 }, IDLE, clear, NULL,
	    run_data },
	{ "BDAT", { 503, 503, 503, ASK, ASK }, SAME, clear, NULL, run_bdat },
	{ "BDAT", { 503, 503, 503, ASK, ASK }, SAME, clear, NULL, run_bdat },
	{ "BDAT", { 503, 503, 503, ASK, ASK }, SAME, clear, NULL, run_bdat },
	{ "RSET\r\n", ALL(250), IDLE, clear, NULL, run_rset },
	{ "STARTTLS\r\n", ALL(220), GREETED, within_tls, NULL, run_starttls },
	{ "AUTH PLAIN AGEAYg==\r\n", AT_IDLE(ASK), SAME, no_auth, NULL,
	    run_auth },
	{ "AUTH PLAIN\r\nAGEAYg==\r\n", AT_IDLE(ASK), SAME, no_auth, NULL,
	    run_auth },
	{ "AUTH PLAIN\r\n*\r\n", AT_IDLE(501), SAME, no_auth, NULL, run_auth },
	{ "AUTH PLAIN x\r\n", AT_IDLE(501), SAME, no_auth, NULL, run_auth },
	{ "AUTH LOGIN\r\n", AT_IDLE(504), SAME, no_auth, NULL, run_auth },
	{ "QUIT\r\n", ALL(221), SAME, NULL, NULL, run_quit },
	/* change nothing, wherever */
	{ "NOOP x\r\n", ALL(250), SAME, NULL, NULL, NULL },
	{ "VRFY x\r\n", ALL(252), SAME, clear, NULL, NULL },
	{ "VRFY\r\n", ALL(501), SAME, clear, NULL, NULL },
	{ "HELP\r\n", ALL(214), SAME, clear, NULL, NULL },
	{ "EXPN x\r\n", ALL(502), SAME, clear, NULL, NULL },
	{ "FOO\r\n", ALL(500), SAME, NULL, NULL, NULL },
	{ "\r\n", ALL(500), SAME, NULL, NULL, NULL },
	{ "NOOP\rRSET\r\n", ALL(500), SAME, NULL, NULL, NULL },
	{ "DATA x\r\n", ALL(501), SAME, clear, NULL, NULL },
	{ "RSET x\r\n", ALL(501), SAME, clear, NULL, NULL },
	{ "QUIT x\r\n", ALL(501), SAME, NULL, NULL, NULL },
	{ "STARTTLS x\r\n", ALL(501), SAME, NULL, NULL, NULL },
	{ "EHLO\r\n", ALL(501), SAME, NULL, NULL, NULL },
	{ "HELO a b\r\n", ALL(501), SAME, clear, NULL, NULL },
	/* wrong where the command itself is in its place */
	{ "MAIL\r\n", AT_IDLE(ASK), SAME, clear, bad_mail, NULL },
	{ "MAIL FROM:<a\r\n", AT_IDLE(ASK), SAME, clear, bad_mail, NULL },
	{ "MAIL FROM:<a@b.c>d\r\n", AT_IDLE(ASK), SAME, clear, bad_mail, NULL },
	{ "MAIL FROM:<a@b.c> SIZE=1 SIZE=1\r\n", AT_IDLE(ASK), SAME, clear,
	    bad_mail, NULL },
	{ "MAIL FROM:<a@b.c> X=1\r\n", AT_IDLE(ASK), SAME, clear,
	    unknown_parameter, NULL },
	{ "MAIL FROM:<a@b.c> SIZE=65\r\n", AT_IDLE(ASK), SAME, clear, too_big,
	    NULL },
	{ "RCPT\r\n", AT_RCPT(501), SAME, clear, NULL, NULL },
	{ "RCPT TO:<>\r\n", AT_RCPT(501), SAME, clear, NULL, NULL },
	{ "RCPT TO:<a@b.c>d\r\n", AT_RCPT(501), SAME, clear, NULL, NULL },
	{ "RCPT TO:<a@b.c> X=1\r\n", AT_RCPT(555), SAME, clear, NULL, NULL },
};

/* ---- rounds ---- */

static void
draw_conf(void)
{
	conf.tls_required = pick(6) == 0;
	conf.auth_plain = pick(2) == 0;
	conf.auth_required = pick(6) == 0;
	conf.smtputf8 = pick(2) == 0;
	conf.dsn = pick(2) == 0;
	conf.requiretls = pick(2) == 0;
	conf.submission = pick(4) == 0;
}

static void
one_round(void)
{
	struct model m = { .at = GREETED };
	unsigned commands = 1 + pick(COMMANDS);

	draw_conf();
	fresh_session();
	sbuf_init(&m.text, mem, 1024);
	if (pick(4) == 0) {
		server_tls_implicit(srv);
		m.tls = true;
	}
	greet();
	sbuf_reset(&transcript);
	for (unsigned i = 0; i < commands && !m.over; i++) {
		const struct row *
		    r = &rows[pick(pick(3) > 0 ? MAKING_ROWS : COUNT_OF(rows))];

		if (r->run == NULL)
			run_plain(&m, r);
		else
			r->run(&m, r);
		must(closed == m.over);
		must(m.over || server_in_transaction(srv) == (m.at >= SENDER));
	}
}

START_TEST(b1_4_random_sequences_agree_with_a_second_machine)
{
	const char *rounds = getenv("TIERPOST_MODEL_ROUNDS");
	uint64_t count = DEFAULT_ROUNDS;
	TALLOC_CTX *outer = mem;

	if (rounds != NULL)
		ck_assert_int_eq(span_u64(span_str(rounds), UINT32_MAX, &count),
		    ST_OK);
	conf.errors = 1000;
	conf.message_bytes = MESSAGE_BYTES;
	seed = UINT64_C(0x9e3779b97f4a7c15);
	for (uint64_t i = 0; i < count; i++) {
		mem = talloc_new(outer);
		srv = NULL;
		one_round();
		talloc_free(mem);
	}
	mem = outer;
	srv = NULL;
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		b1_4_random_sequences_agree_with_a_second_machine,
	};

	return run_session_tests("smtp_server_model", tests, COUNT_OF(tests));
}
