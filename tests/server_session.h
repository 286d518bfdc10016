/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server_session - a session with the server machine, driven as its owner
 * drives it; for the programs check_smtp_server*.c.  Every reply goes through
 * lint_reply(), every message through the promise about its header section.
 */
#ifndef TESTS_SERVER_SESSION_H
#define TESTS_SERVER_SESSION_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/server.h"

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
	size_t header_bytes; /* of content, before SERVER_HEADER */
	struct header_facts header;
	bool has_8bit;
};

static TALLOC_CTX *mem;
static struct server_conf conf;
static struct server *srv;
static struct sbuf input;      /* what the owner holds */
static struct sbuf transcript; /* all replies */
static struct sbuf content;    /* of the message under way */
static bool keeps_content;     /* else it is only counted */
static uint64_t content_count;
static size_t header_bytes; /* SIZE_MAX: SERVER_HEADER not seen */
static struct message message[KEPT_MESSAGES];
static size_t message_count;
static size_t forgotten;  /* SERVER_FORGET seen */
static size_t rejections; /* SERVER_REJECTED seen */
static bool closed;
static bool starting_tls;
/* What the owner answers; NULL accepts. */
static const char *answer_auth, *answer_mail, *answer_rcpt, *answer_data,
    *answer_end;
/* Of the last SERVER_AUTH: "PLAIN authzid/authcid/password". */
static char *credentials;

static inline void
fresh_session(void)
{
	talloc_free(srv);
	srv = server_new(mem, &conf);
	sbuf_reset(&input);
	sbuf_reset(&transcript);
	sbuf_reset(&content);
	message_count = forgotten = rejections = 0;
	closed = starting_tls = false;
	keeps_content = true;
	answer_auth = answer_mail = answer_rcpt = NULL;
	answer_data = answer_end = NULL;
	credentials = NULL;
}

static inline void
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

static inline void
tear_down(void)
{
	talloc_free(mem);
}

/* ---- lint ---- */

/* RFC 2034 4: all 2yz, 4yz, 5yz but the greeting and replies to EHLO. */
static inline bool
is_exempt(struct span line)
{
	static const char *const starts[] = { "220 gw.", "250-", "250 gw.",
		"250 ENHANCEDSTATUSCODES", "501 not a domain", "334 ", "354 " };

	for (size_t i = 0; i < COUNT_OF(starts); i++)
		if (span_starts(line, starts[i]))
			return true;
	return false;
}

static inline void
lint_reply(struct span line)
{
	must(line.n >= 4);
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

static inline void
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

static inline void
answer(const char *refusal, const char *name)
{
	if (refusal != NULL)
		server_refuse(srv, refusal);
	else
		server_accept(srv, name);
}

static inline void
keep_message(void)
{
	struct server_envelope e = server_envelope(srv);
	struct message *m = &message[message_count % KEPT_MESSAGES];

	m->sender = talloc_strdup(mem, e.sender.text);
	m->rcpts = talloc_strdup(mem, "");
	for (size_t i = 0; i < e.rcpt_count; i++)
		m->rcpts = talloc_asprintf_append(m->rcpts, "%s%s",
		    i > 0 ? "," : "", e.rcpt[i].addr.text);
	m->content = span_copy(mem, sbuf_view(&content));
	m->header_bytes = header_bytes;
	m->header = *server_header(srv);
	m->has_8bit = server_content_8bit(srv);
	message_count++;
}

static inline void
keep_credentials(void)
{
	struct server_auth a = server_auth(srv);

	credentials = talloc_asprintf(mem, "%s %.*s/%.*s/%.*s",
	    a.mechanism == SERVER_PLAIN ? "PLAIN" : "EXTERNAL",
	    (int)a.authzid.n, (const char *)a.authzid.p, (int)a.authcid.n,
	    (const char *)a.authcid.p, (int)a.password.n,
	    (const char *)a.password.p);
}

static inline const char *
rcpt_answer(void)
{
	const struct envelope_rcpt *r = server_rcpt(srv);

	if (strcmp(r->addr.domain, "deny.example") == 0)
		return "550 5.7.1 relaying denied";
	return answer_rcpt;
}

static inline void
begin_message(void)
{
	sbuf_reset(&content);
	content_count = 0;
	header_bytes = SIZE_MAX;
	answer(answer_data, NULL);
}

static inline void
take_body(struct span body)
{
	must(body.n > 0);
	must(server_in_content(srv));
	content_count += body.n;
	if (keeps_content)
		sbuf_span(&content, body);
}

static inline void
end_header(void)
{
	must(header_bytes == SIZE_MAX);
	must(server_header(srv)->complete);
	header_bytes = (size_t)content_count;
}

static inline void
end_message(void)
{
	must(header_bytes != SIZE_MAX);
	must(server_content_bytes(srv) == content_count);
	if (answer_end == NULL)
		keep_message();
	answer(answer_end, "ID");
}

/* One action; false when the owner must wait for input. */
static inline bool
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
	case SERVER_AUTH:
		keep_credentials();
		answer(answer_auth, "somebody");
		return true;
	case SERVER_MAIL:
		answer(answer_mail, NULL);
		return true;
	case SERVER_RCPT:
		answer(rcpt_answer(), NULL);
		return true;
	case SERVER_DATA:
		begin_message();
		return true;
	case SERVER_BODY:
		take_body(body);
		return true;
	case SERVER_HEADER:
		end_header();
		return true;
	case SERVER_FORGET:
		forgotten++;
		return true;
	case SERVER_END:
		end_message();
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

static inline void
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

static inline void
feed_str(const char *s)
{
	feed(s, strlen(s));
}

static inline void
feed_by_byte(const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		feed((const uint8_t *)p + i, 1);
}

static inline void
greet(void)
{
	server_greet(srv);
	feed("", 0);
}

static inline void
hello(void)
{
	greet();
	feed_str("EHLO client.example\r\n");
}

/* The same on a session that is inside TLS from the start. */
static inline void
hello_tls(void)
{
	server_tls_implicit(srv);
	hello();
}

/* Up to the first recipient. */
static inline void
open_mail(void)
{
	hello();
	feed_str("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n");
}

/* Up to the 354. */
static inline void
open_data(void)
{
	open_mail();
	feed_str("DATA\r\n");
}

/* Replies since the last call. */
static inline const char *
said(void)
{
	char *s = talloc_strndup(mem, (const char *)transcript.p, transcript.n);

	sbuf_reset(&transcript);
	return s == NULL ? "" : s;
}

/* The codes of the replies since the last call: "250 250 354". */
static inline const char *
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

static inline const char *
codes_for(const char *in)
{
	said();
	feed_str(in);
	return codes();
}

/* The command is answered as told and the session goes on. */
static inline void
check_said(const char *in, const char *start)
{
	const char *reply;

	said();
	feed_str(in);
	reply = said();
	ck_assert_msg(span_starts(span_str(reply), start), "%s: %s", in, reply);
	ck_assert(!closed);
}

/* The same, and the session is over. */
static inline void
check_cut(const char *in, const char *start)
{
	const char *reply;

	said();
	feed_str(in);
	reply = said();
	ck_assert_msg(span_starts(span_str(reply), start), "%s: %s", in, reply);
	ck_assert(closed);
}

/* ---- the program ---- */

static inline int
run_session_tests(const char *name, const TTest *const *tests, size_t count)
{
	Suite *s = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 600);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
