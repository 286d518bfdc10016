/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server machine, driven as its owner drives it.  Every reply of every
 * test goes through lint_reply().
 */
#include "smtp/server.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/received.h"
#include "smtp/unstuff.h"

#define KEPT_MESSAGES 8u

/* As ck_assert(), which writes to a pipe each time, for the inner loops. */
#define must(cond)                                                             \
	do {                                                                   \
		if (!(cond))                                                   \
			ck_abort_msg("%s", #cond);                             \
	} while (0)

struct message {
	char *sender;
	char *rcpts; /* joined by "," */
	struct span content;
	bool has_8bit;
};

static TALLOC_CTX *mem;
static struct server_conf conf;
static struct server *srv;
static struct sbuf input;      /* what the owner holds */
static struct sbuf transcript; /* all replies */
static struct sbuf content;    /* of the message under way */
static struct message message[KEPT_MESSAGES];
static size_t message_count;
static size_t forgotten;  /* SERVER_FORGET seen */
static size_t rejections; /* SERVER_REJECTED seen */
static bool closed;
static bool starting_tls;
/* What the owner answers; NULL accepts. */
static const char *answer_mail, *answer_rcpt, *answer_data, *answer_end;

static void
fresh_session(void)
{
	talloc_free(srv);
	srv = server_new(mem, &conf);
	sbuf_reset(&input);
	sbuf_reset(&transcript);
	sbuf_reset(&content);
	message_count = forgotten = rejections = 0;
	closed = starting_tls = false;
	answer_mail = answer_rcpt = answer_data = answer_end = NULL;
}

static void
set_up(void)
{
	mem = talloc_new(NULL);
	conf = (struct server_conf){
		.hostname = "gw.example.org",
		.message_bytes = 1 << 20,
		.command_bytes = 2048,
		.text_line_bytes = 1000,
		.recipients = 100,
		.errors = 20,
		.received = 100,
		.starttls = true,
	};
	srv = NULL;
	sbuf_init(&input, mem, 64u << 20);
	sbuf_init(&transcript, mem, 64u << 20);
	sbuf_init(&content, mem, 64u << 20);
	fresh_session();
}

static void
tear_down(void)
{
	talloc_free(mem);
}

/* ---- lint ---- */

/* RFC 2034 4: all 2yz, 4yz, 5yz but the greeting and replies to EHLO. */
static bool
is_exempt(struct span line)
{
	static const char *const starts[] = { "220 gw.", "250-", "250 gw.",
		"250 ENHANCEDSTATUSCODES", "501 not a domain", "354 " };

	for (size_t i = 0; i < COUNT_OF(starts); i++)
		if (span_starts(line, starts[i]))
			return true;
	return false;
}

static void
lint_reply(struct span line)
{
	must(line.n >= 5);
	must(line.n + 2 <= SERVER_REPLY_BYTES);
	for (size_t i = 0; i < line.n; i++)
		must(ascii_isprint(line.p[i]));
	must(line.p[0] >= '2' && line.p[0] <= '5');
	must(ascii_isdigit(line.p[1]) && ascii_isdigit(line.p[2]));
	must(line.p[3] == ' ' || line.p[3] == '-');
	if (is_exempt(line))
		return;
	must(line.n > 9 && line.p[4] == line.p[0] && line.p[5] == '.' &&
	     ascii_isdigit(line.p[6]) && line.p[7] == '.' &&
	     ascii_isdigit(line.p[8]));
}

static void
collect_output(void)
{
	struct sbuf *out = server_output(srv);
	struct span rest = sbuf_view(out), line;

	while (span_cut(rest, '\n', &line, &rest)) {
		must(line.n > 0 && line.p[line.n - 1] == '\r');
		lint_reply(span_sub(line, 0, line.n - 1));
	}
	must(rest.n == 0);
	must(!sbuf_failed(out));
	sbuf_span(&transcript, sbuf_view(out));
	sbuf_free(out);
}

/* ---- the owner ---- */

static void
answer(const char *refusal, const char *queued_as)
{
	if (refusal != NULL)
		server_refuse(srv, refusal);
	else
		server_accept(srv, queued_as);
}

static void
keep_message(void)
{
	struct server_envelope e = server_envelope(srv);
	struct message *m = &message[message_count % KEPT_MESSAGES];

	must(server_content_bytes(srv) == content.n);
	m->sender = talloc_strdup(mem, e.sender.text);
	m->rcpts = talloc_strdup(mem, "");
	for (size_t i = 0; i < e.rcpt_count; i++)
		m->rcpts = talloc_asprintf_append(m->rcpts, "%s%s",
		    i > 0 ? "," : "", e.rcpt[i].text);
	m->content = span_copy(mem, sbuf_view(&content));
	m->has_8bit = server_content_8bit(srv);
	message_count++;
}

static const char *
rcpt_answer(void)
{
	const struct address *a = server_rcpt(srv);

	if (strcmp(a->domain, "deny.example") == 0)
		return "550 5.7.1 relaying denied";
	return answer_rcpt;
}

/* One action; false when the owner must wait for input. */
static bool
act(struct span *in)
{
	struct span body;

	switch (server_step(srv, in, &body)) {
	case SERVER_INPUT:
		return false;
	case SERVER_WAIT:
		must(starting_tls);
		return false;
	case SERVER_FLUSH:
		must(server_output(srv)->n >= SERVER_OUTPUT_BYTES);
		collect_output();
		return true;
	case SERVER_REJECTED:
		must(server_rejection(srv)[0] >= '4');
		rejections++;
		return true;
	case SERVER_MAIL:
		answer(answer_mail, NULL);
		return true;
	case SERVER_RCPT:
		answer(rcpt_answer(), NULL);
		return true;
	case SERVER_DATA:
		sbuf_reset(&content);
		answer(answer_data, NULL);
		return true;
	case SERVER_BODY:
		must(body.n > 0);
		sbuf_span(&content, body);
		return true;
	case SERVER_FORGET:
		forgotten++;
		return true;
	case SERVER_END:
		if (answer_end == NULL)
			keep_message();
		answer(answer_end, "ID");
		return true;
	case SERVER_START_TLS:
		starting_tls = true;
		return true;
	case SERVER_CLOSE:
		closed = true;
		return false;
	}
	ck_abort();
	return false;
}

static void
feed(const void *p, size_t n)
{
	struct span in;
	size_t before;

	if (closed)
		return;
	sbuf_add(&input, p, n);
	in = sbuf_view(&input);
	before = in.n;
	while (act(&in))
		continue;
	sbuf_consume(&input, closed ? before : before - in.n);
	collect_output();
}

static void
feed_str(const char *s)
{
	feed(s, strlen(s));
}

static void
feed_by_byte(const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		feed((const uint8_t *)p + i, 1);
}

static void
greet(void)
{
	server_greet(srv);
	feed("", 0);
}

static void
hello(void)
{
	greet();
	feed_str("EHLO client.example\r\n");
}

/* Up to the 354. */
static void
open_data(void)
{
	hello();
	feed_str("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
		 "DATA\r\n");
}

/* Replies since the last call. */
static const char *
said(void)
{
	char *s = talloc_strndup(mem, (const char *)transcript.p, transcript.n);

	sbuf_reset(&transcript);
	return s == NULL ? "" : s;
}

/* The codes of the replies since the last call: "250 250 354". */
static const char *
codes(void)
{
	struct span rest = span_str(said()), line;
	char *s = talloc_strdup(mem, "");

	while (span_line(&rest, &line))
		if (line.p[3] == ' ')
			s = talloc_asprintf_append(s, "%s%.3s",
			    s[0] == '\0' ? "" : " ", (const char *)line.p);
	return s;
}

static const char *
codes_for(const char *in)
{
	said();
	feed_str(in);
	return codes();
}

/* The command is refused as told and the session goes on. */
static void
check_said(const char *in, const char *start)
{
	const char *reply;

	said();
	feed_str(in);
	reply = said();
	ck_assert_msg(span_starts(span_str(reply), start), "%s: %s", in, reply);
	ck_assert(!closed);
}

/* ---- commands ---- */

START_TEST(smtp_11_every_required_command_is_there)
{
	greet();
	ck_assert_str_eq(said(), "220 gw.example.org ESMTP tierpost\r\n");
	ck_assert_str_eq(codes_for("HELO c.example\r\n"), "250");
	feed_str("EHLO c.example\r\n");
	ck_assert_str_eq(said(),
	    "250-gw.example.org\r\n250-PIPELINING\r\n"
	    "250-SIZE 1048576\r\n250-8BITMIME\r\n250-STARTTLS\r\n"
	    "250 ENHANCEDSTATUSCODES\r\n");
	ck_assert_str_eq(codes_for("MAIL FROM:<a@b>\r\n"), "250");
	ck_assert_str_eq(codes_for("RCPT TO:<c@d>\r\n"), "250");
	ck_assert_str_eq(codes_for("DATA\r\n"), "354");
	feed_str("x\r\n.\r\n");
	ck_assert_str_eq(said(), "250 2.0.0 queued as ID\r\n");
	ck_assert_str_eq(codes_for("RSET\r\n"), "250");
	ck_assert_str_eq(codes_for("NOOP\r\n"), "250");
	ck_assert_str_eq(codes_for("NOOP with text\r\n"), "250");
	ck_assert_str_eq(codes_for("VRFY postmaster\r\n"), "252");
	ck_assert_str_eq(codes_for("HELP\r\n"), "214");
	ck_assert_str_eq(codes_for("QUIT\r\n"), "221");
	ck_assert(closed);
	ck_assert_uint_eq(message_count, 1);
}
END_TEST

START_TEST(smtp_11_unknown_commands_do_not_end_the_session)
{
	hello();
	for (int i = 0; i < 3; i++)
		check_said("FOO\r\n", "500 5.5.2");
	check_said("\r\n", "500 5.5.2");
	check_said("   \r\n", "500 5.5.2");
	check_said("MAILFROM:<a@b>\r\n", "500 5.5.2");
	check_said("EXPN list\r\n", "502 5.5.1");
	check_said("AUTH PLAIN\r\n", "502 5.5.1");
	check_said("BDAT 3 LAST\r\n", "502 5.5.1");
	check_said("NOOP\r\n", "250 2.0.0");
}
END_TEST

START_TEST(errors_over_the_limit_end_the_session_with_421)
{
	hello();
	for (unsigned i = 1; i < conf.errors; i++)
		check_said("FOO\r\n", "500 5.5.2");
	said();
	feed_str("FOO\r\nNOOP\r\n");
	ck_assert_str_eq(said(), "500 5.5.2 command not recognised\r\n"
				 "421 4.7.0 too many errors\r\n");
	ck_assert(closed);
	ck_assert_uint_eq(rejections, conf.errors);
}
END_TEST

START_TEST(smtp_12_commands_out_of_order_get_503)
{
	greet();
	check_said("MAIL FROM:<a@b>\r\n", "503 5.5.1");
	check_said("RCPT TO:<a@b>\r\n", "503 5.5.1");
	check_said("DATA\r\n", "503 5.5.1");
	check_said("RSET\r\n", "250 2.0.0");
	check_said("MAIL FROM:<a@b>\r\n", "503 5.5.1");
	feed_str("EHLO c.example\r\n");
	check_said("RCPT TO:<a@b>\r\n", "503 5.5.1");
	check_said("DATA\r\n", "503 5.5.1");
	check_said("MAIL FROM:<a@b>\r\n", "250 2.1.0");
	check_said("DATA\r\n", "503 5.5.1");
	check_said("MAIL FROM:<c@d>\r\n", "503 5.5.1");
	check_said("RCPT TO:<e@f>\r\n", "250 2.1.5");
	check_said("MAIL FROM:<c@d>\r\n", "503 5.5.1");
	feed_str("DATA\r\n");
	feed_str(".\r\n");
	ck_assert_uint_eq(message_count, 1);
	ck_assert_str_eq(message[0].sender, "a@b");
	ck_assert_str_eq(message[0].rcpts, "e@f");
}
END_TEST

START_TEST(smtp_12_a_new_ehlo_ends_the_transaction)
{
	hello();
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nEHLO c.example\r\n");
	check_said("DATA\r\n", "503 5.5.1");
	check_said("RCPT TO:<c@d>\r\n", "503 5.5.1");
	check_said("MAIL FROM:<e@f>\r\n", "250 2.1.0");
}
END_TEST

START_TEST(smtp_12_a_refused_ehlo_changes_nothing)
{
	hello();
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	check_said("EHLO\r\n", "501 ");
	check_said("EHLO a b\r\n", "501 ");
	check_said("EHLO a(b)\r\n", "501 ");
	check_said("DATA\r\n", "354");
	feed_str(".\r\n");
	ck_assert_uint_eq(message_count, 1);
}
END_TEST

START_TEST(smtp_13_ehlo_syntax_is_checked)
{
	static const char *const good[] = { "c.example", "C", "[192.0.2.1]",
		"[IPv6:2001:db8::1]", "under_score.example", "a-b" };
	static const char *const bad[] = { "", "a b", "<x>", "a@b", "[",
		"\xc3\xbc.example", "a\x01", "a;b", "(a)", "a/b", "a\"b" };
	char *long_name;

	greet();
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		check_said(talloc_asprintf(mem, "EHLO %s\r\n", good[i]),
		    "250-gw");
		ck_assert_str_eq(server_envelope(srv).helo, good[i]);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		check_said(talloc_asprintf(mem, "EHLO %s\r\n", bad[i]), "501 ");
	long_name = talloc_zero_array(mem, char, 257);
	memset(long_name, 'a', 256);
	check_said(talloc_asprintf(mem, "HELO %s\r\n", long_name), "501 ");
	check_said(talloc_asprintf(mem, "HELO %s\r\n", long_name + 1),
	    "250 gw");
}
END_TEST

START_TEST(smtp_13_a_refused_recipient_is_no_recipient)
{
	hello();
	feed_str("MAIL FROM:<a@b>\r\n");
	check_said("RCPT TO:<x@deny.example>\r\n", "550 5.7.1");
	check_said("DATA\r\n", "503 5.5.1");
	check_said("RCPT TO:<c@d>\r\n", "250 2.1.5");
	check_said("RCPT TO:<y@deny.example>\r\n", "550 5.7.1");
	feed_str("DATA\r\n");
	feed_str("x\r\n.\r\n");
	ck_assert_str_eq(message[0].rcpts, "c@d");
}
END_TEST

START_TEST(smtp_14_parameters_unknown_555_bad_or_repeated_501)
{
	static const struct {
		const char *parameters;
		const char *reply;
	} cases[] = {
		{ "FOO=1", "555 5.5.4" },
		{ "FOO", "555 5.5.4" },
		{ "AUTH=<>", "555 5.5.4" },
		{ "SMTPUTF8", "555 5.5.4" },
		{ "RET=HDRS", "555 5.5.4" },
		{ "REQUIRETLS", "555 5.5.4" },
		{ "SIZE=x", "501 5.5.4" },
		{ "SIZE=", "501 5.5.4" },
		{ "SIZE", "501 5.5.4" },
		{ "SIZE=-1", "501 5.5.4" },
		{ "SIZE=123456789012345678901", "501 5.5.4" },
		{ "SIZE=1 SIZE=1", "501 5.5.4" },
		{ "BODY=8BITMIME BODY=7BIT", "501 5.5.4" },
		{ "BODY=BINARYMIME", "501 5.5.4" },
		{ "BODY", "501 5.5.4" },
		{ "=1", "501 5.5.4" },
		{ "-A=1", "501 5.5.4" },
		{ "A_B=1", "501 5.5.4" },
		{ "SIZE=1=2", "501 5.5.4" },
		{ "SIZE=1\x01", "501 5.5.4" },
		{ "SIZE=\xc3\xbc", "501 5.5.4" },
		{ "SIZE=1048577", "552 5.3.4" },
		{ "SIZE=99999999999999999999", "552 5.3.4" },
		{ "SIZE=1048576", "250 2.1.0" },
		{ "SIZE=0", "250 2.1.0" },
		{ "SIZE=00000000000000000001", "250 2.1.0" },
		{ "size=10 body=8bitmime", "250 2.1.0" },
		{ "BODY=7BIT", "250 2.1.0" },
		{ "  SIZE=1   BODY=7BIT  ", "250 2.1.0" },
	};

	conf.errors = 1000;
	hello();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		check_said(talloc_asprintf(mem, "MAIL FROM:<a@b> %s\r\n",
			       cases[i].parameters),
		    cases[i].reply);
		check_said("RSET\r\n", "250");
	}
	feed_str("MAIL FROM:<a@b> SIZE=77 BODY=8BITMIME\r\n");
	ck_assert_uint_eq(server_envelope(srv).size_bytes, 77);
	ck_assert(server_envelope(srv).body_8bit);
	check_said("RCPT TO:<c@d> NOTIFY=NEVER\r\n", "555 5.5.4");
	check_said("RCPT TO:<c@d> SIZE=1\r\n", "555 5.5.4");
	check_said("RCPT TO:<c@d> =\r\n", "501 5.5.4");
	check_said("DATA\r\n", "503 5.5.1");
}
END_TEST

START_TEST(smtp_14_parameters_of_a_refused_mail_do_not_stay)
{
	hello();
	check_said("MAIL FROM:<a@b> SIZE=77 BODY=8BITMIME FOO\r\n",
	    "555 5.5.4");
	check_said("MAIL FROM:<a@b>\r\n", "250 2.1.0");
	ck_assert_uint_eq(server_envelope(srv).size_bytes, 0);
	ck_assert(!server_envelope(srv).body_8bit);
}
END_TEST

START_TEST(smtp_09_verbs_and_keywords_are_case_insensitive)
{
	greet();
	check_said("ehlo C.Example\r\n", "250-");
	check_said("mail from:<A.b@X>\r\n", "250 2.1.0");
	check_said("rcpt to: <C.d@Y>\r\n", "250 2.1.5");
	check_said("dATA\r\n", "354");
	feed_str(".\r\n");
	ck_assert_str_eq(message[0].sender, "A.b@x");
	ck_assert_str_eq(message[0].rcpts, "C.d@y");
}
END_TEST

START_TEST(smtp_10_paths_are_read_as_the_grammar_says)
{
	static const struct {
		const char *arg;
		const char *reply;
	} cases[] = {
		{ "TO:<@a,@b:u@d>", "250 2.1.5" },
		{ "TO:<\"a b\"@d>", "250 2.1.5" },
		{ "TO:<u@[IPv6:2001:db8::1]>", "250 2.1.5" },
		{ "TO:<u@d>garbage", "501 5.5.4" },
		{ "TO:u@d", "501 5.1.3" },
		{ "TO:<>", "501 5.1.3" },
		{ "TO:", "501 5.1.3" },
		{ "TO", "501 5.5.4" },
		{ "FROM:<u@d>", "501 5.5.4" },
		{ "<u@d>", "501 5.5.4" },
		{ "TO:<u@d", "501 5.1.3" },
		{ "TO:<\xc3\xbc@d>", "553 5.6.7" },
	};

	hello();
	check_said("MAIL FROM:a@b\r\n", "501 5.1.7");
	check_said("MAIL FROM:<a@b>x\r\n", "501 5.5.4");
	check_said("MAIL FROM:<\xc3\xbc@d>\r\n", "553 5.6.7");
	check_said("MAIL FROM:<>\r\n", "250 2.1.0");
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		check_said(talloc_asprintf(mem, "RCPT %s\r\n", cases[i].arg),
		    cases[i].reply);
	feed_str("DATA\r\n");
	feed_str(".\r\n");
	ck_assert_str_eq(message[0].sender, "");
	ck_assert_str_eq(message[0].rcpts,
	    "u@d,\"a b\"@d,u@[IPv6:2001:db8::1]");
}
END_TEST

START_TEST(smtp_53_a_recipient_cannot_carry_a_command)
{
	hello();
	feed_str("MAIL FROM:<a@b>\r\n");
	said();
	feed_str("RCPT TO:<\"a\rRCPT TO:<x@y>\"@d>\r\n");
	ck_assert_str_eq(codes(), "500");
	feed_str("RCPT TO:<\"a\r\nRCPT TO:<x@y>\"@d>\r\n");
	ck_assert_str_eq(codes(), "501 501");
	ck_assert_uint_eq(server_envelope(srv).rcpt_count, 0);
}
END_TEST

START_TEST(smtp_15_postmaster_is_accepted_without_domain)
{
	hello();
	feed_str("MAIL FROM:<a@b>\r\n");
	check_said("RCPT TO:<PostMaster>\r\n", "250 2.1.5");
	check_said("RCPT TO:<nobody>\r\n", "501 5.1.3");
	feed_str("DATA\r\n");
	feed_str(".\r\n");
	ck_assert_str_eq(message[0].rcpts, "PostMaster@gw.example.org");
}
END_TEST

START_TEST(smtp_21_recipients_over_the_limit_get_452_and_the_rest_stands)
{
	unsigned ok = 0, over = 0;
	struct span rest, line;

	hello();
	feed_str("MAIL FROM:<a@b>\r\n");
	said();
	for (int i = 0; i < 150; i++)
		feed_str(talloc_asprintf(mem, "RCPT TO:<u%d@d>\r\n", i));
	rest = span_str(said());
	while (span_line(&rest, &line)) {
		ok += span_starts(line, "250 2.1.5");
		over += span_starts(line, "452 4.5.3");
	}
	ck_assert_uint_eq(ok, 100);
	ck_assert_uint_eq(over, 50);
	ck_assert(!closed);
	feed_str("DATA\r\n");
	feed_str(".\r\n");
	ck_assert_uint_eq(message_count, 1);
	ck_assert(span_ends(span_str(message[0].rcpts), ",u99@d"));
}
END_TEST

START_TEST(c5_recipients_refused_without_end_cost_no_memory)
{
	size_t before;

	conf.recipients = 1;
	hello();
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<c@d>\r\n");
	said();
	before = talloc_total_size(srv);
	for (int i = 0; i < 50000; i++) {
		feed_str("RCPT TO:<somebody@somewhere.example>\r\n");
		sbuf_reset(&transcript);
	}
	ck_assert_uint_eq(talloc_total_size(srv), before);
	ck_assert(!closed);
}
END_TEST

START_TEST(smtp_06_command_lines_up_to_the_limit_and_over)
{
	char *line = talloc_zero_array(mem, char, 4096);

	hello();
	memset(line, 'x', 4000);
	memcpy(line, "NOOP ", 5);
	memcpy(line + conf.command_bytes - 2, "\r\n\0", 3);
	check_said(line, "250 2.0.0");
	memset(line, 'x', 4000);
	memcpy(line, "NOOP ", 5);
	memcpy(line + conf.command_bytes - 1, "\r\n\0", 3);
	check_said(line, "500 5.5.2");
	check_said("NOOP\r\n", "250 2.0.0");
	said();
	feed_by_byte(line, strlen(line));
	feed_by_byte("NOOP\r\n", 6);
	ck_assert_str_eq(codes(), "500 250");
	ck_assert(!closed);
}
END_TEST

START_TEST(smtp_06_an_over_long_command_ends_at_crlf_only)
{
	char block[1024];

	hello();
	said();
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 4; i++)
		feed(block, sizeof(block));
	feed_str("\nRCPT TO:<a@b>\nx");
	feed_str("\r");
	feed_str("x\nMAIL FROM:<a@b>\r");
	feed_str("\nNOOP\r\n");
	ck_assert_str_eq(codes(), "500 250");
}
END_TEST

START_TEST(c4_an_endless_command_is_cut_and_never_held)
{
	char block[4096];
	size_t fed = 0;

	hello();
	memset(block, 'x', sizeof(block));
	while (!closed && fed < 16u << 20) {
		feed(block, sizeof(block));
		fed += sizeof(block);
		ck_assert_uint_le(input.n, conf.command_bytes);
	}
	ck_assert(closed);
	ck_assert_uint_le(fed, SERVER_SKIP_BYTES + 2 * sizeof(block));
}
END_TEST

START_TEST(smtp_02_bare_cr_or_lf_in_a_command_is_refused)
{
	hello();
	check_said("NOOP\rMAIL FROM:<a@b>\r\n", "500 5.5.2");
	check_said("NOOP\r\r\n", "500 5.5.2");
	said();
	feed("NOOP a\0b\r\n", 10);
	ck_assert_str_eq(codes(), "500");
	feed_str("NOOP\nMAIL FROM:<a@b>\r\nNOOP\r\n");
	ck_assert_str_eq(codes(), "500");
	ck_assert(closed);
	ck_assert(!server_in_transaction(srv));
}
END_TEST

START_TEST(smtp_22_every_reply_is_linted)
{
	/* lint_reply() runs on each; this shows that it can fail */
	ck_assert(!is_exempt(SPAN_LIT("250 ok")));
	ck_assert(!is_exempt(SPAN_LIT("220 2.0.0 go ahead")));
	ck_assert(is_exempt(SPAN_LIT("220 gw.example.org ESMTP")));
}
END_TEST

START_TEST(smtp_25_a_pipelined_group_is_answered_in_order)
{
	hello();
	said();
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@deny.example>\r\n"
		 "RCPT TO:<c@d>\r\nFOO\r\nRCPT TO:<e@f>\r\nDATA\r\n");
	ck_assert_str_eq(codes(), "250 550 250 500 250 354");
	feed_str("x\r\n.\r\nMAIL FROM:<g@h>\r\nRCPT TO:<i@j>\r\nDATA\r\n");
	ck_assert_str_eq(codes(), "250 250 250 354");
	feed_str("y\r\n.\r\nQUIT\r\n");
	ck_assert_str_eq(codes(), "250 221");
	ck_assert_uint_eq(message_count, 2);
	ck_assert_str_eq(message[0].rcpts, "c@d,e@f");
	ck_assert_str_eq(message[1].sender, "g@h");
}
END_TEST

START_TEST(smtp_25_a_dialogue_octet_by_octet)
{
	static const char dialogue[] =
	    "EHLO c.example\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
	    "Subject: x\r\n\r\n..\r\nz\r\n.\r\nQUIT\r\n";

	greet();
	said();
	feed_by_byte(dialogue, sizeof(dialogue) - 1);
	ck_assert_str_eq(codes(), "250 250 250 354 250 221");
	ck_assert_uint_eq(message_count, 1);
	ck_assert(span_eq(message[0].content, "Subject: x\r\n\r\n.\r\nz\r\n"));
}
END_TEST

START_TEST(smtp_25_much_pipelining_is_flushed_in_between)
{
	struct sbuf all;

	sbuf_init(&all, mem, 1u << 20);
	for (int i = 0; i < 10000; i++)
		sbuf_str(&all, "NOOP\r\n");
	hello();
	said();
	feed(all.p, all.n);
	ck_assert_uint_eq(strlen(said()), 10000 * strlen("250 2.0.0 ok\r\n"));
}
END_TEST

START_TEST(smtp_26_talking_before_the_greeting_is_cut)
{
	feed_str("EHLO c.example\r\n");
	ck_assert_str_eq(said(), "554 5.5.0 talking before the greeting\r\n");
	ck_assert(closed);
}
END_TEST

START_TEST(smtp_26_content_before_354_is_cut_and_not_executed)
{
	hello();
	said();
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
		 "Subject: x\r\n\r\nx\r\n.\r\nMAIL FROM:<e@f>\r\n");
	ck_assert_str_eq(codes(), "250 250 554");
	ck_assert(closed);
	ck_assert_uint_eq(message_count, 0);
}
END_TEST

START_TEST(smtp_26_content_after_a_refused_data_is_cut_too)
{
	hello();
	said();
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@deny.example>\r\nDATA\r\n"
		 "MAIL FROM:<e@f>\r\n.\r\n");
	ck_assert_str_eq(codes(), "250 550 554");
	ck_assert(closed);
}
END_TEST

START_TEST(smtp_26_commands_before_the_reply_to_ehlo_are_cut)
{
	greet();
	said();
	feed_str("EHLO c.example\r\nMAIL FROM:<a@b>\r\n");
	ck_assert_str_eq(codes(), "554");
	ck_assert(closed);
}
END_TEST

/* ---- content ---- */

START_TEST(smtp_04_stuffed_dots_are_removed_byte_for_byte)
{
	static const struct {
		const char *wire;
		const char *content;
	} cases[] = {
		{ ".\r\n", "" },
		{ "..\r\n.\r\n", ".\r\n" },
		{ "...\r\n.\r\n", "..\r\n" },
		{ ".a\r\n.\r\n", "a\r\n" },
		{ "a.\r\n.\r\n", "a.\r\n" },
		{ "a\r\n..\r\n..b\r\n\r\n.\r\n", "a\r\n.\r\n.b\r\n\r\n" },
		{ "\r\n.\r\n", "\r\n" },
		{ " .\r\n.\r\n", " .\r\n" },
		{ "a\r\n..\r\n.\r\n", "a\r\n.\r\n" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		for (size_t cut = 0; cut <= strlen(cases[i].wire); cut++) {
			fresh_session();
			open_data();
			feed(cases[i].wire, cut);
			feed_str(cases[i].wire + cut);
			ck_assert_uint_eq(message_count, 1);
			ck_assert(span_eq(message[0].content,
			    cases[i].content));
		}
}
END_TEST

START_TEST(smtp_05_no_crlf_is_added_or_lost)
{
	struct sbuf wire, body;

	sbuf_init(&wire, mem, 1u << 20);
	sbuf_init(&body, mem, 1u << 20);
	for (int i = 0; i < 3000; i++) {
		sbuf_printf(&wire, "%s%d %0*d\r\n", i % 7 == 0 ? ".." : "", i,
		    i % 100 + 1, i);
		sbuf_printf(&body, "%s%d %0*d\r\n", i % 7 == 0 ? "." : "", i,
		    i % 100 + 1, i);
	}
	sbuf_str(&wire, ".\r\n");
	open_data();
	feed(wire.p, wire.n);
	for (size_t step = 1; step < 200; step += 13) {
		feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
		for (size_t at = 0; at < wire.n; at += step)
			feed(wire.p + at,
			    wire.n - at < step ? wire.n - at : step);
		ck_assert_uint_gt(message_count, 1);
		ck_assert(span_eq_span(message[(message_count - 1) %
					       KEPT_MESSAGES]
					   .content,
		    sbuf_view(&body)));
	}
	ck_assert(span_eq_span(message[0].content, sbuf_view(&body)) ||
		  message_count > KEPT_MESSAGES);
}
END_TEST

START_TEST(smtp_02_bare_cr_or_lf_in_content_is_refused_after_its_end)
{
	static const char *const bodies[] = { "a\nb\r\n", "a\rb\r\n", "\n\r\n",
		"\ra\r\n", "a\r\r\n", "a\n\r\n", ".\n\r\n", "..\n\r\n",
		".\ra\r\n", "a\r\n\n\r\n", "a\r\n.\r\r\n" };

	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		fresh_session();
		open_data();
		said();
		feed_str(bodies[i]);
		ck_assert_str_eq(said(), "");
		ck_assert_uint_eq(forgotten, 1);
		feed_str("MAIL FROM:<evil@x>\r\n.\r\nNOOP\r\n");
		ck_assert_str_eq(said(),
		    "550 5.6.0 bare CR or LF in message\r\n250 2.0.0 ok\r\n");
		ck_assert_uint_eq(message_count, 0);
		ck_assert(!server_in_transaction(srv));
	}
}
END_TEST

START_TEST(smtp_01_only_crlf_dot_crlf_ends_a_message)
{
	static const char *const ends[] = { "\n.\n", "\n.\r\n", "\r\n.\n",
		"\r.\r", "\r\n.\r", "\r.\r\n", "\n\n.\n\n", "\r\n.\r\r\n",
		"\r\n\0.\r\n", "\r\n.\0\r\n" };
	static const char
	    smuggled[] = "MAIL FROM:<evil@x>\r\n"
			 "RCPT TO:<victim@y>\r\nDATA\r\nevil\r\n.\r\n";

	for (size_t i = 0; i < COUNT_OF(ends); i++)
		for (int by_byte = 0; by_byte < 2; by_byte++) {
			size_t n = strlen(ends[i]);

			if (n == 2 && i >= 8)
				n = 6;
			fresh_session();
			open_data();
			said();
			feed_str("first");
			if (by_byte) {
				feed_by_byte(ends[i], n);
				feed_by_byte(smuggled, sizeof(smuggled) - 1);
			} else {
				feed(ends[i], n);
				feed(smuggled, sizeof(smuggled) - 1);
			}
			ck_assert_uint_le(message_count, 1);
			ck_assert_str_eq(codes(),
			    message_count == 1 ? "250" : "550");
			ck_assert(!server_in_content(srv));
		}
}
END_TEST

/*
 * A slow reader of RFC 5321 4.1.1.4: where content ends (after the first
 * CRLF "." CRLF, the CRLF of DATA counting) and whether what precedes has a
 * stray CR or LF.  0: no end.
 */
static size_t
slow_end(const uint8_t *p, size_t n, bool *stray)
{
	for (size_t i = 0; i + 3 <= n; i++)
		if ((i == 0 ||
			(i >= 2 && p[i - 2] == '\r' && p[i - 1] == '\n')) &&
		    p[i] == '.' && p[i + 1] == '\r' && p[i + 2] == '\n') {
			*stray = false;
			for (size_t k = 0; k < i; k++)
				if ((p[k] == '\r' && p[k + 1] != '\n') ||
				    (p[k] == '\n' &&
					(k == 0 || p[k - 1] != '\r')))
					*stray = true;
			return i + 3;
		}
	return 0;
}

/* Through the reader alone, cut at one place. */
static void
check_unstuff(const uint8_t *p, size_t n, size_t cut, size_t end, bool stray)
{
	struct unstuff u = unstuff_start(1000);
	struct span part[2] = { span_of(p, cut), span_of(p + cut, n - cut) };
	struct span out;
	size_t left;

	for (int i = 0; i < 2; i++)
		while (unstuff_step(&u, &part[i], &out))
			continue;
	left = part[0].n + part[1].n;
	must((u.at == UNSTUFF_AT_END) == (end != 0));
	if (end == 0)
		return;
	must(n - left == end);
	must(((u.faults & UNSTUFF_BARE) != 0) == stray);
}

static void
check_mix(const uint8_t *p, size_t n)
{
	bool stray = false;
	size_t end = slow_end(p, n, &stray);

	must(end != 0);
	for (size_t cut = 0; cut <= n; cut++)
		check_unstuff(p, n, cut, end, stray);
	for (int by_byte = 0; by_byte < 2; by_byte++) {
		sbuf_reset(&transcript);
		message_count = 0;
		feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
		sbuf_reset(&transcript);
		if (by_byte)
			feed_by_byte(p, end);
		else
			feed(p, end);
		must(!server_in_transaction(srv));
		must(message_count == (stray ? 0 : 1));
		must(span_starts(sbuf_view(&transcript),
		    stray ? "550 5.6.0" : "250 2.0.0"));
		talloc_free(message_count > 0 ? message[0].sender : NULL);
		talloc_free(message_count > 0 ? message[0].rcpts : NULL);
	}
}

/*
 * B1.1: all mixes of {CR, LF, CRLF, NUL, "."} up to five long, a dot put in
 * at each place, smuggled commands behind; whole, by byte and at every cut.
 */
START_TEST(b1_1_all_mixes_of_cr_lf_nul_and_dot)
{
	static const struct span tokens[] = { { (const uint8_t *)"\r", 1 },
		{ (const uint8_t *)"\n", 1 }, { (const uint8_t *)"\r\n", 2 },
		{ (const uint8_t *)"\0", 1 }, { (const uint8_t *)".", 1 } };
	static const char tail[] = "MAIL FROM:<evil@x>\r\n.\r\n";
	size_t mixes = 0;
	struct sbuf b;

	conf.errors = UINT32_MAX;
	hello();
	sbuf_init(&b, mem, 256);
	for (unsigned n = 0, count = 1; n <= 5; n++, count *= 5)
		for (unsigned mix = 0; mix < count; mix++)
			for (unsigned dot = 0; dot <= n; dot++) {
				unsigned left = mix;

				sbuf_reset(&b);
				sbuf_str(&b, "ab");
				for (unsigned i = 0; i < n; i++) {
					if (i == dot)
						sbuf_u8(&b, '.');
					sbuf_span(&b, tokens[left % 5]);
					left /= 5;
				}
				if (dot == n)
					sbuf_u8(&b, '.');
				sbuf_str(&b, tail);
				check_mix(b.p, b.n);
				mixes++;
			}
	ck_assert_uint_eq(mixes,
	    1 + 5 * 2 + 25 * 3 + 125 * 4 + 625 * 5 + 3125 * 6);
}
END_TEST

START_TEST(smtp_07_lines_up_to_the_limit_and_over)
{
	char *line = talloc_zero_array(mem, char, 1100);

	memset(line, 'x', 1000);
	memcpy(line + 998, "\r\n\0", 3);
	open_data();
	feed_str(line);
	feed_str(talloc_asprintf(mem, "..%s", line + 1));
	said();
	feed_str(".\r\n");
	ck_assert_str_eq(codes(), "250");
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	said();
	memset(line, 'x', 1000);
	memcpy(line + 999, "\r\n\0", 3);
	feed_by_byte(line, strlen(line));
	ck_assert_uint_eq(forgotten, 1);
	feed_str(".\r\nNOOP\r\n");
	ck_assert_str_eq(said(), "552 5.6.0 line of message too long\r\n"
				 "250 2.0.0 ok\r\n");
}
END_TEST

START_TEST(c4_an_endless_line_of_content_is_never_held)
{
	char block[4096];
	size_t before, fed;

	conf.message_bytes = 1u << 20;
	open_data();
	memset(block, 'x', sizeof(block));
	feed(block, sizeof(block));
	before = talloc_total_size(srv);
	for (fed = sizeof(block); !closed && fed < 64u << 20;
	     fed += sizeof(block)) {
		feed(block, sizeof(block));
		ck_assert_uint_eq(input.n, 0);
		ck_assert_uint_le(talloc_total_size(srv), before + 1024);
	}
	ck_assert(closed);
	ck_assert_uint_le(fed, 3u << 20);
	ck_assert_uint_eq(forgotten, 1);
}
END_TEST

static void
feed_content(size_t bytes)
{
	for (size_t i = 0; i < bytes / 64; i++)
		feed_str("..x--------------------------------------"
			 "---------------------\r\n");
	feed_str(".\r\n");
}

START_TEST(c6_size_limit_is_exact_to_the_byte)
{
	/* feed_content(n) sends lines of 63 bytes after unstuffing */
	conf.message_bytes = 63 * 1100;
	open_data();
	said();
	feed_content(64 * 1100);
	ck_assert_str_eq(codes(), "250");
	ck_assert_uint_eq(message[0].content.n, conf.message_bytes);
	conf.message_bytes = 63 * 1100 - 1;
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	said();
	feed_content(64 * 1100);
	ck_assert_str_eq(said(), "552 5.3.4 message too big\r\n");
	ck_assert_uint_eq(message_count, 1);
	ck_assert_uint_eq(forgotten, 1);
}
END_TEST

START_TEST(c6_a_size_declared_too_small_does_not_matter)
{
	hello();
	feed_str("MAIL FROM:<a@b> SIZE=1\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	feed_content(64 * 100);
	ck_assert_uint_eq(message_count, 1);
}
END_TEST

START_TEST(a_transaction_keeps_the_limits_it_began_with)
{
	open_data();
	conf.message_bytes = 64;
	conf.text_line_bytes = 1;
	conf.received = 0;
	said();
	feed_str("Received: x\r\n");
	feed_content(6400);
	ck_assert_str_eq(codes(), "250");
	check_said("MAIL FROM:<a@b> SIZE=65\r\n", "552 5.3.4");
}
END_TEST

START_TEST(eight_bit_content_is_noticed)
{
	open_data();
	feed_str("plain\r\n.\r\n");
	ck_assert(!message[0].has_8bit);
	for (size_t at = 0; at < 20; at++) {
		char text[] = "0123456789abcdefghij\r\n.\r\n";

		text[at] = (char)0xe4;
		feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
		feed_str(text);
		ck_assert(message[(message_count - 1) % KEPT_MESSAGES]
			      .has_8bit);
	}
}
END_TEST

static void
send_with_received(unsigned count)
{
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	for (unsigned i = 0; i < count; i++)
		feed_str(i % 2 ? "Received: from x\r\n\tby y\r\n" :
				 "RECEIVED : z\r\n");
	feed_str("X-Received: no\r\nReceive: no\r\nSubject: Received: no\r\n"
		 " Received: no\r\n\r\nReceived: in body\r\n");
	said();
	feed_str(".\r\n");
}

START_TEST(smtp_19_the_hundred_and_first_received_is_a_loop)
{
	hello();
	send_with_received(100);
	ck_assert_str_eq(codes(), "250");
	send_with_received(101);
	ck_assert_str_eq(said(), "554 5.4.6 too many hops\r\n");
	ck_assert_uint_eq(message_count, 1);
}
END_TEST

START_TEST(smtp_19_received_fields_are_counted_at_every_cut)
{
	static const char
	    text[] = "Received: a\r\nreceived:b\r\n"
		     "Receivedx: c\r\nRECEIVED \t: d\r\n\r\nReceived: e\r\n";

	for (size_t cut = 0; cut < sizeof(text); cut++) {
		struct header_scan h = header_scan_start();

		header_scan_feed(&h, span_of(text, cut));
		header_scan_feed(&h,
		    span_of(text + cut, sizeof(text) - 1 - cut));
		ck_assert_uint_eq(h.received_count, 3);
	}
}
END_TEST

START_TEST(smtp_18_content_is_not_inspected)
{
	static const char text[] = "no header at all\r\n\r\n\r\n \t\r\n";

	open_data();
	feed_str(text);
	feed_str(".\r\n");
	ck_assert_uint_eq(message_count, 1);
	ck_assert(span_eq(message[0].content, text));
}
END_TEST

/* ---- owner's answers ---- */

START_TEST(smtp_16_a_refused_message_is_refused_to_the_client)
{
	open_data();
	said();
	answer_end = "452 4.3.1 no room";
	feed_str("x\r\n.\r\n");
	ck_assert_str_eq(said(), "452 4.3.1 no room\r\n");
	ck_assert(!server_in_transaction(srv));
	check_said("DATA\r\n", "503 5.5.1");
	answer_data = "451 4.3.0 try later";
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	check_said("DATA\r\n", "451 4.3.0");
	check_said("DATA\r\n", "503 5.5.1");
	answer_mail = "452 4.3.1 no room";
	check_said("MAIL FROM:<a@b>\r\n", "452 4.3.1");
	check_said("RCPT TO:<c@d>\r\n", "503 5.5.1");
}
END_TEST

START_TEST(smtp_20_bye_is_said_in_any_state)
{
	static const char *const before[] = { "", "EHLO c\r\n",
		"EHLO c\r\nMAIL FROM:<a@b>\r\n",
		"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n",
		"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx" };

	for (size_t i = 0; i < COUNT_OF(before); i++) {
		fresh_session();
		greet();
		feed_by_byte(before[i], strlen(before[i]));
		said();
		server_bye(srv, "421 4.3.2 going down");
		feed_str("NOOP\r\n");
		ck_assert_str_eq(said(), "421 4.3.2 going down\r\n");
		ck_assert(closed);
	}
}
END_TEST

/* ---- TLS ---- */

START_TEST(tls_21_starttls_501_454_and_220)
{
	hello();
	check_said("STARTTLS x\r\n", "501 5.5.4");
	conf.starttls = false;
	check_said("STARTTLS\r\n", "454 4.7.0");
	said();
	feed_str("EHLO c.example\r\n");
	ck_assert_ptr_null(strstr(said(), "STARTTLS"));
	conf.starttls = true;
	check_said("STARTTLS\r\n", "220 2.0.0");
	ck_assert(starting_tls);
}
END_TEST

START_TEST(tls_14_all_that_was_said_in_clear_is_forgotten)
{
	hello();
	feed_str("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nSTARTTLS\r\n");
	ck_assert(starting_tls);
	starting_tls = false;
	server_tls_started(srv);
	ck_assert_str_eq(server_envelope(srv).helo, "");
	check_said("DATA\r\n", "503 5.5.1");
	check_said("MAIL FROM:<a@b>\r\n", "503 5.5.1");
	check_said("EHLO c.example\r\n", "250-");
	check_said("DATA\r\n", "503 5.5.1");
}
END_TEST

START_TEST(tls_15_no_starttls_within_tls)
{
	hello();
	feed_str("STARTTLS\r\n");
	starting_tls = false;
	server_tls_started(srv);
	said();
	feed_str("EHLO c.example\r\n");
	ck_assert_ptr_null(strstr(said(), "STARTTLS"));
	check_said("STARTTLS\r\n", "503 5.5.1");
}
END_TEST

/* The same bytes, cut at every place: never a command run after TLS. */
START_TEST(b1_3_clear_text_behind_starttls_is_discarded_and_closes)
{
	static const char text[] = "STARTTLS\r\nMAIL FROM:<x@y>\r\n";

	for (size_t cut = 11; cut < sizeof(text); cut++) {
		fresh_session();
		hello();
		said();
		feed(text, cut);
		ck_assert_str_eq(codes(), "554");
		ck_assert(closed);
		ck_assert(!starting_tls);
		ck_assert(!server_in_transaction(srv));
	}
	for (size_t cut = 0; cut <= 10; cut++) {
		fresh_session();
		hello();
		feed(text, cut);
		feed(text + cut, 10 - cut);
		ck_assert(starting_tls);
		/* whatever the owner were to step now is not taken */
		said();
		feed_str(text + 10);
		ck_assert_str_eq(said(), "");
		ck_assert(!server_in_transaction(srv));
	}
}
END_TEST

START_TEST(tls_13_a_partial_line_behind_starttls_closes)
{
	hello();
	said();
	feed_str("STARTTLS\r\nM");
	ck_assert_str_eq(codes(), "554");
	ck_assert(closed);
}
END_TEST

START_TEST(tls_20_a_listener_may_require_tls)
{
	static const char *const refused[] = { "MAIL FROM:<a@b>\r\n",
		"RCPT TO:<a@b>\r\n", "DATA\r\n", "RSET\r\n", "HELO c\r\n",
		"VRFY a\r\n", "HELP\r\n" };

	conf.tls_required = true;
	hello();
	for (size_t i = 0; i < COUNT_OF(refused); i++)
		check_said(refused[i], "530 5.7.0");
	check_said("NOOP\r\n", "250 2.0.0");
	check_said("EHLO c\r\n", "250-");
	check_said("STARTTLS\r\n", "220 2.0.0");
	starting_tls = false;
	server_tls_started(srv);
	check_said("EHLO c\r\n", "250-");
	check_said("MAIL FROM:<a@b>\r\n", "250 2.1.0");
	ck_assert_str_eq(codes_for("QUIT\r\n"), "221");
}
END_TEST

START_TEST(tls_20_other_listeners_take_mail_in_clear)
{
	hello();
	check_said("MAIL FROM:<a@b>\r\n", "250 2.1.0");
}
END_TEST

/* ---- other protocols ---- */

START_TEST(b1_10_other_protocols_get_one_reply_and_are_closed)
{
	static const struct {
		const char *p;
		size_t n;
	} hellos[] = {
		{ "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27 },
		{ "POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\n"
		  "MAIL FROM:<a@b>\r\n",
		    56 },
		{ "CONNECT x:25 HTTP/1.1\r\n\r\n", 25 },
		{ "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", 11 },
		{ "\x03\x00\x00\x13\x0e\xe0", 6 },
		{ "\x80\x2e\x01\x00\x02", 5 },
	};

	for (size_t i = 0; i < COUNT_OF(hellos); i++) {
		struct span rest, line;

		fresh_session();
		greet();
		said();
		feed(hellos[i].p, hellos[i].n);
		ck_assert(closed);
		rest = span_str(said());
		ck_assert(span_line(&rest, &line));
		ck_assert(span_starts(line, "554 5.5.1"));
		ck_assert_uint_eq(rest.n, 0);
	}
}
END_TEST

/* ---- B1.4: a second machine, written from RFC 5321 alone ---- */

enum model_state { M_HELLO, M_READY, M_MAIL, M_RCPT };

struct model {
	enum model_state state;
	bool tls;
	unsigned mail; /* which sender */
	unsigned rcpts;
};

enum model_verdict { YES, NO_4YZ, NO_5YZ };

static uint64_t seed;

static unsigned
pick(unsigned count)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % count);
}

static const char *
pick_answer(enum model_verdict *verdict)
{
	unsigned n = pick(8);

	*verdict = n == 0 ? NO_4YZ : n == 1 ? NO_5YZ : YES;
	return n == 0 ? "451 4.3.0 later" : n == 1 ? "550 5.0.0 no" : NULL;
}

static void
expect_reply(int code, const char *what)
{
	struct span t = sbuf_view(&transcript), last = SPAN_NONE, line;

	while (span_line(&t, &line))
		last = line;
	if (last.n < 4 || (last.p[0] - '0') * 100 + (last.p[1] - '0') * 10 +
				  last.p[2] - '0' !=
			      code)
		ck_abort_msg("%s: %d expected, got %.*s", what, code,
		    (int)last.n, (const char *)last.p);
	sbuf_reset(&transcript);
}

static int
code_of(enum model_verdict v)
{
	return v == YES ? 250 : v == NO_4YZ ? 451 : 550;
}

static void
model_mail(struct model *m)
{
	enum model_verdict v;

	answer_mail = pick_answer(&v);
	m->mail++;
	feed_str(talloc_asprintf(mem, "MAIL FROM:<s%u@a>\r\n", m->mail));
	if (m->state != M_READY) {
		m->mail--;
		expect_reply(503, "MAIL");
		return;
	}
	expect_reply(code_of(v), "MAIL");
	if (v == YES) {
		m->state = M_MAIL;
		m->rcpts = 0;
	}
}

static void
model_rcpt(struct model *m)
{
	enum model_verdict v;

	answer_rcpt = pick_answer(&v);
	feed_str(talloc_asprintf(mem, "RCPT TO:<r%u@m%u>\r\n", m->rcpts,
	    m->mail));
	if (m->state != M_MAIL && m->state != M_RCPT) {
		expect_reply(503, "RCPT");
		return;
	}
	expect_reply(code_of(v), "RCPT");
	if (v == YES) {
		m->state = M_RCPT;
		m->rcpts++;
	}
}

static void
model_check_envelope(const struct model *m)
{
	const struct message *got = &message[0];
	char *rcpts = talloc_strdup(mem, "");

	for (unsigned i = 0; i < m->rcpts; i++)
		rcpts = talloc_asprintf_append(rcpts, "%sr%u@m%u",
		    i > 0 ? "," : "", i, m->mail);
	ck_assert_str_eq(got->sender, talloc_asprintf(mem, "s%u@a", m->mail));
	ck_assert_str_eq(got->rcpts, rcpts);
}

static void
model_data(struct model *m)
{
	static const char *const texts[] = { "ok\r\n.\r\n", ".\r\n",
		"bare\nlf\r\n.\r\n", "bare\rcr\r\n.\r\n" };
	unsigned text = pick(COUNT_OF(texts));
	enum model_verdict data, end;

	answer_data = pick_answer(&data);
	answer_end = pick_answer(&end);
	message_count = 0;
	feed_str("DATA\r\n");
	if (m->state != M_RCPT) {
		expect_reply(503, "DATA");
		return;
	}
	m->state = M_READY;
	expect_reply(data == YES ? 354 : code_of(data), "DATA");
	if (data != YES)
		return;
	feed_str(texts[text]);
	if (text >= 2)
		end = NO_5YZ;
	expect_reply(code_of(end), "content");
	ck_assert_uint_eq(message_count, end == YES ? 1 : 0);
	if (end == YES)
		model_check_envelope(m);
}

static void
model_starttls(struct model *m)
{
	feed_str("STARTTLS\r\n");
	if (m->tls) {
		expect_reply(503, "STARTTLS");
		return;
	}
	expect_reply(220, "STARTTLS");
	ck_assert(starting_tls);
	starting_tls = false;
	server_tls_started(srv);
	m->tls = true;
	m->state = M_HELLO;
}

/* Commands that change nothing, whatever the state. */
static const struct {
	const char *line;
	int code;
} neutral[] = {
	{ "NOOP\r\n", 250 },
	{ "VRFY x\r\n", 252 },
	{ "VRFY\r\n", 501 },
	{ "HELP\r\n", 214 },
	{ "FOO\r\n", 500 },
	{ "EXPN x\r\n", 502 },
	{ "BDAT 4 LAST\r\n", 502 },
	{ "DATA x\r\n", 501 },
	{ "RSET x\r\n", 501 },
	{ "STARTTLS x\r\n", 501 },
	{ "QUIT x\r\n", 501 },
	{ "EHLO\r\n", 501 },
	{ "HELO a b\r\n", 501 },
	{ "NOOP\rRSET\r\n", 500 },
	{ "\r\n", 500 },
};

/* Arguments that are wrong where the command itself is in order. */
static void
model_bad_mail(struct model *m)
{
	static const struct {
		const char *line;
		int code;
	} bad[] = {
		{ "MAIL\r\n", 501 },
		{ "MAIL FROM:\r\n", 501 },
		{ "MAIL FROM:<a\r\n", 501 },
		{ "MAIL FROM:<a@b>c\r\n", 501 },
		{ "MAIL FROM:<a@b> X=1\r\n", 555 },
		{ "MAIL FROM:<a@b> SIZE=1 SIZE=1\r\n", 501 },
		{ "MAIL FROM:<a@b> SIZE=9999999999\r\n", 552 },
	};
	unsigned i = pick(COUNT_OF(bad));

	feed_str(bad[i].line);
	expect_reply(m->state == M_READY ? bad[i].code : 503, bad[i].line);
}

static void
model_bad_rcpt(struct model *m)
{
	static const struct {
		const char *line;
		int code;
	} bad[] = {
		{ "RCPT\r\n", 501 },
		{ "RCPT TO:<>\r\n", 501 },
		{ "RCPT TO:<a@b>c\r\n", 501 },
		{ "RCPT TO:<a@b> X=1\r\n", 555 },
		{ "RCPT FROM:<a@b>\r\n", 501 },
	};
	unsigned i = pick(COUNT_OF(bad));
	bool open = m->state == M_MAIL || m->state == M_RCPT;

	feed_str(bad[i].line);
	expect_reply(open ? bad[i].code : 503, bad[i].line);
}

static void
model_command(struct model *m)
{
	unsigned i;

	switch (pick(10)) {
	case 0:
		feed_str(pick(2) ? "EHLO c\r\n" : "HELO c\r\n");
		expect_reply(250, "EHLO");
		m->state = M_READY;
		return;
	case 1:
		feed_str("RSET\r\n");
		expect_reply(250, "RSET");
		if (m->state != M_HELLO)
			m->state = M_READY;
		return;
	case 2:
		i = pick(COUNT_OF(neutral));
		feed_str(neutral[i].line);
		expect_reply(neutral[i].code, neutral[i].line);
		return;
	case 3:
		model_bad_mail(m);
		return;
	case 4:
		model_bad_rcpt(m);
		return;
	case 5:
		if (pick(4) == 0)
			model_starttls(m);
		return;
	case 6:
		model_data(m);
		return;
	case 7:
		model_mail(m);
		return;
	default:
		model_rcpt(m);
		return;
	}
}

START_TEST(b1_4_random_sequences_agree_with_a_second_machine)
{
	const char *rounds = getenv("TIERPOST_MODEL_ROUNDS");
	uint64_t count = 20000;
	TALLOC_CTX *outer = mem;

	if (rounds != NULL)
		ck_assert_int_eq(span_u64(span_str(rounds), UINT32_MAX, &count),
		    ST_OK);
	conf.errors = 1000;
	seed = UINT64_C(0x9e3779b97f4a7c15);
	for (uint64_t i = 0; i < count; i++) {
		struct model m = { .state = M_HELLO };

		mem = talloc_new(outer);
		srv = NULL;
		fresh_session();
		greet();
		sbuf_reset(&transcript);
		for (int k = 0; k < 12; k++)
			model_command(&m);
		ck_assert(!closed);
		talloc_free(mem);
	}
	mem = outer;
	srv = NULL;
}
END_TEST

/* ---- Received ---- */

static const char *
received_text(const struct received *r)
{
	struct sbuf b;

	sbuf_init(&b, mem, RECEIVED_MAX_BYTES);
	received_write(&b, r);
	ck_assert(!sbuf_failed(&b));
	return sbuf_cstr(&b);
}

START_TEST(smtp_17_received_has_all_clauses)
{
	struct received r = {
		.helo = "client.example",
		.client = netaddr_ip4((const uint8_t[]){ 192, 0, 2, 7 }, 1234),
		.by = "gw.example.org",
		.with = "ESMTP",
		.tls_protocol = "",
		.tls_cipher = "",
		.tls_group = "",
		.id = "ABC123",
		.only_rcpt = "u@d.example",
		.now = { INT64_C(1795508513000) },
	};

	ck_assert_str_eq(received_text(&r),
	    "Received: from client.example ([192.0.2.7])\r\n"
	    "\tby gw.example.org with ESMTP\r\n"
	    "\tid ABC123 for <u@d.example>;\r\n"
	    "\tTue, 24 Nov 2026 08:21:53 +0000\r\n");
	r.only_rcpt = "";
	ck_assert_ptr_null(strstr(received_text(&r), "for"));
}
END_TEST

START_TEST(tls_40_received_names_protocol_and_suite)
{
	struct received r = {
		.helo = "[IPv6:2001:db8::7]",
		.client = netaddr_ip6((const uint8_t[16]){ 0x20, 0x01, 0x0d,
					  0xb8, [15] = 7 },
		    1234),
		.by = "gw.example.org",
		.with = "ESMTPS",
		.tls_protocol = "TLSv1.3",
		.tls_cipher = "TLS_AES_256_GCM_SHA384",
		.tls_group = "x25519",
		.id = "ABC123",
		.only_rcpt = "",
		.now = { INT64_C(1795508513000) },
	};

	ck_assert_str_eq(received_text(&r),
	    "Received: from [IPv6:2001:db8::7] ([IPv6:2001:db8::7])\r\n"
	    "\tby gw.example.org with ESMTPS (TLSv1.3)\r\n"
	    "\tid ABC123\r\n"
	    "\ttls TLS_AES_256_GCM_SHA384 group x25519;\r\n"
	    "\tTue, 24 Nov 2026 08:21:53 +0000\r\n");
}
END_TEST

static TCase *
commands_case(void)
{
	TCase *tc = tcase_create("commands");

	tcase_add_test(tc, smtp_11_every_required_command_is_there);
	tcase_add_test(tc, smtp_11_unknown_commands_do_not_end_the_session);
	tcase_add_test(tc, errors_over_the_limit_end_the_session_with_421);
	tcase_add_test(tc, smtp_12_commands_out_of_order_get_503);
	tcase_add_test(tc, smtp_12_a_new_ehlo_ends_the_transaction);
	tcase_add_test(tc, smtp_12_a_refused_ehlo_changes_nothing);
	tcase_add_test(tc, smtp_13_ehlo_syntax_is_checked);
	tcase_add_test(tc, smtp_13_a_refused_recipient_is_no_recipient);
	tcase_add_test(tc, smtp_14_parameters_unknown_555_bad_or_repeated_501);
	tcase_add_test(tc, smtp_14_parameters_of_a_refused_mail_do_not_stay);
	tcase_add_test(tc, smtp_09_verbs_and_keywords_are_case_insensitive);
	tcase_add_test(tc, smtp_10_paths_are_read_as_the_grammar_says);
	tcase_add_test(tc, smtp_53_a_recipient_cannot_carry_a_command);
	tcase_add_test(tc, smtp_15_postmaster_is_accepted_without_domain);
	tcase_add_test(tc,
	    smtp_21_recipients_over_the_limit_get_452_and_the_rest_stands);
	tcase_add_test(tc, c5_recipients_refused_without_end_cost_no_memory);
	tcase_add_test(tc, smtp_06_command_lines_up_to_the_limit_and_over);
	tcase_add_test(tc, smtp_06_an_over_long_command_ends_at_crlf_only);
	tcase_add_test(tc, c4_an_endless_command_is_cut_and_never_held);
	tcase_add_test(tc, smtp_02_bare_cr_or_lf_in_a_command_is_refused);
	tcase_add_test(tc, smtp_22_every_reply_is_linted);
	tcase_add_test(tc, smtp_25_a_pipelined_group_is_answered_in_order);
	tcase_add_test(tc, smtp_25_a_dialogue_octet_by_octet);
	tcase_add_test(tc, smtp_25_much_pipelining_is_flushed_in_between);
	tcase_add_test(tc, smtp_26_talking_before_the_greeting_is_cut);
	tcase_add_test(tc, smtp_26_content_before_354_is_cut_and_not_executed);
	tcase_add_test(tc, smtp_26_content_after_a_refused_data_is_cut_too);
	tcase_add_test(tc, smtp_26_commands_before_the_reply_to_ehlo_are_cut);
	tcase_add_test(tc, b1_10_other_protocols_get_one_reply_and_are_closed);
	tcase_add_test(tc, b1_4_random_sequences_agree_with_a_second_machine);
	return tc;
}

static TCase *
content_case(void)
{
	TCase *tc = tcase_create("content");

	tcase_add_test(tc, smtp_04_stuffed_dots_are_removed_byte_for_byte);
	tcase_add_test(tc, smtp_05_no_crlf_is_added_or_lost);
	tcase_add_test(tc,
	    smtp_02_bare_cr_or_lf_in_content_is_refused_after_its_end);
	tcase_add_test(tc, smtp_01_only_crlf_dot_crlf_ends_a_message);
	tcase_add_test(tc, b1_1_all_mixes_of_cr_lf_nul_and_dot);
	tcase_add_test(tc, smtp_07_lines_up_to_the_limit_and_over);
	tcase_add_test(tc, c4_an_endless_line_of_content_is_never_held);
	tcase_add_test(tc, c6_size_limit_is_exact_to_the_byte);
	tcase_add_test(tc, c6_a_size_declared_too_small_does_not_matter);
	tcase_add_test(tc, a_transaction_keeps_the_limits_it_began_with);
	tcase_add_test(tc, eight_bit_content_is_noticed);
	tcase_add_test(tc, smtp_19_the_hundred_and_first_received_is_a_loop);
	tcase_add_test(tc, smtp_19_received_fields_are_counted_at_every_cut);
	tcase_add_test(tc, smtp_18_content_is_not_inspected);
	tcase_add_test(tc, smtp_16_a_refused_message_is_refused_to_the_client);
	tcase_add_test(tc, smtp_20_bye_is_said_in_any_state);
	tcase_add_test(tc, tls_21_starttls_501_454_and_220);
	tcase_add_test(tc, tls_14_all_that_was_said_in_clear_is_forgotten);
	tcase_add_test(tc, tls_15_no_starttls_within_tls);
	tcase_add_test(tc,
	    b1_3_clear_text_behind_starttls_is_discarded_and_closes);
	tcase_add_test(tc, tls_13_a_partial_line_behind_starttls_closes);
	tcase_add_test(tc, tls_20_a_listener_may_require_tls);
	tcase_add_test(tc, tls_20_other_listeners_take_mail_in_clear);
	tcase_add_test(tc, smtp_17_received_has_all_clauses);
	tcase_add_test(tc, tls_40_received_names_protocol_and_suite);
	return tc;
}

int
main(void)
{
	Suite *s = suite_create("smtp_server");
	TCase *cases[] = { commands_case(), content_case() };
	SRunner *sr;
	int failed;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		tcase_add_checked_fixture(cases[i], set_up, tear_down);
		tcase_set_timeout(cases[i], 600);
		suite_add_tcase(s, cases[i]);
	}
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
