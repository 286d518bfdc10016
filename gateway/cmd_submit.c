/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tierpost submit - hands a message to a running gateway, over SMTP like
 * any other client.  One message, one connection, then the process ends:
 * so it is written with blocking calls and time-outs of the kernel.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "gateway/cmd.h"
#include "gateway/cmd_util.h"
#include "smtp/address.h"

#define SUBMIT_WAIT_S      600 /* RFC 5321 4.5.3.2.6, the longest of all */
#define SUBMIT_BLOCK_BYTES 32768u
#define SUBMIT_REPLY_BYTES 65536u /* ours: one reply, all its lines */

struct submit {
	TALLOC_CTX *mem;
	const struct conf *conf;
	struct address sender;
	struct address *rcpt;
	size_t rcpt_count;
	int fd;
	struct sbuf in;     /* received, not yet read */
	struct span line;   /* last line of the last reply, in in */
	const char *failed; /* what was being done */
	struct diag why;
};

/* ---- the connection ---- */

static bool
takes_clear_mail(const struct conf_listen *l)
{
	return (l->tls == LISTEN_TLS_OFF || l->tls == LISTEN_TLS_OFFER) &&
	       l->auth != LISTEN_AUTH_REQUIRE && l->allow_count > 0;
}

static enum status
reach(struct submit *s)
{
	const struct timeval wait = { .tv_sec = SUBMIT_WAIT_S };
	const struct conf_listen *listen = NULL;
	struct sockaddr_storage to;
	char text[NETADDR_TEXT_BYTES];
	socklen_t n;

	for (size_t i = 0; listen == NULL && i < s->conf->listen_count; i++)
		if (takes_clear_mail(&s->conf->listen[i]))
			listen = &s->conf->listen[i];
	if (listen == NULL)
		return diag_set(&s->why, ST_UNSUPP,
		    "no listener takes mail without TLS and AUTH");
	n = netaddr_to_sockaddr(&listen->addr, &to);
	s->fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 ||
	    setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) !=
		0 ||
	    setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) !=
		0 ||
	    connect(s->fd, (const struct sockaddr *)&to, n) != 0)
		return diag_errno(&s->why, "%s",
		    netaddr_text_port(&listen->addr, text));
	return ST_OK;
}

static enum status
send_all(struct submit *s, struct span a)
{
	while (a.n > 0) {
		ssize_t n = send(s->fd, a.p, a.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return diag_errno(&s->why, "cannot send");
		a = span_sub(a, (size_t)n, a.n);
	}
	return ST_OK;
}

static enum status
receive(struct submit *s)
{
	uint8_t *room = sbuf_reserve(&s->in, 4096);
	ssize_t n;

	if (room == NULL)
		return diag_set(&s->why, ST_LIMIT, "endless reply");
	do {
		n = recv(s->fd, room, 4096, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return diag_errno(&s->why, "no reply");
	if (n == 0)
		return diag_set(&s->why, ST_CLOSED, "connection was closed");
	sbuf_commit(&s->in, (size_t)n);
	return ST_OK;
}

/* ---- replies ---- */

/* The last line of the reply at the start of what was received. */
static bool
last_line(const struct sbuf *in, struct span *line)
{
	struct span rest = sbuf_view(in);

	while (span_cut(rest, '\n', line, &rest))
		if (line->n < 4 || line->p[3] != '-')
			return true;
	return false;
}

/*
 * Read one reply; it must begin with digit.  ST_TEMP: it says to try
 * later; ST_POLICY: it says no.
 */
static enum status
expect(struct submit *s, uint8_t digit)
{
	sbuf_reset(&s->in);
	while (!last_line(&s->in, &s->line)) {
		enum status st = receive(s);

		if (st != ST_OK)
			return st;
	}
	if (s->line.n > 0 && s->line.p[s->line.n - 1] == '\r')
		s->line.n--;
	if (s->line.n >= 3 && s->line.p[0] == digit)
		return ST_OK;
	return diag_fail(&s->why,
	    s->line.n > 0 && s->line.p[0] == '5' ? ST_POLICY : ST_TEMP,
	    s->failed, s->line);
}

static enum status
command(struct submit *s, uint8_t digit, const char *text)
{
	char *line = need(talloc_asprintf(s->mem, "%s\r\n", text));
	enum status st;

	s->failed = text;
	st = send_all(s, span_str(line));
	talloc_free(line);
	return st == ST_OK ? expect(s, digit) : st;
}

/* ---- content ---- */

/* Carries what the end of one block means for the next. */
struct lines {
	bool at_start; /* of a line */
	bool after_cr;
};

/* LF becomes CRLF; a dot at the start of a line is doubled. */
static void
to_wire(struct lines *l, struct span block, struct sbuf *out)
{
	for (size_t i = 0; i < block.n; i++) {
		uint8_t c = block.p[i];

		if (c == '\n' && !l->after_cr)
			sbuf_u8(out, '\r');
		if (c == '.' && l->at_start)
			sbuf_u8(out, '.');
		sbuf_u8(out, c);
		l->at_start = c == '\n';
		l->after_cr = c == '\r';
	}
}

static enum status
send_content(struct submit *s)
{
	struct lines l = { .at_start = true };
	uint8_t *block = need(talloc_array(s->mem, uint8_t,
	    SUBMIT_BLOCK_BYTES));
	struct sbuf out;
	enum status st = ST_OK;
	size_t n;

	s->failed = "content";
	sbuf_init(&out, s->mem, 2 * SUBMIT_BLOCK_BYTES + 16);
	while (st == ST_OK &&
	       (n = fread(block, 1, SUBMIT_BLOCK_BYTES, stdin)) > 0) {
		sbuf_reset(&out);
		to_wire(&l, span_of(block, n), &out);
		st = send_all(s, sbuf_view(&out));
	}
	if (st == ST_OK && ferror(stdin))
		return diag_set(&s->why, ST_IO, "cannot read the message");
	if (st != ST_OK)
		return st;
	sbuf_reset(&out);
	sbuf_str(&out, l.at_start ? ".\r\n" : "\r\n.\r\n");
	return send_all(s, sbuf_view(&out));
}

/* ---- the dialogue ---- */

static enum status
dialogue(struct submit *s)
{
	enum status st;

	s->failed = "greeting";
	st = expect(s, '2');
	if (st == ST_OK)
		st = command(s, '2',
		    need(talloc_asprintf(s->mem, "EHLO %s",
			s->conf->hostname)));
	if (st == ST_OK)
		st = command(s, '2',
		    need(talloc_asprintf(s->mem, "MAIL FROM:<%s>",
			s->sender.text)));
	for (size_t i = 0; st == ST_OK && i < s->rcpt_count; i++)
		st = command(s, '2',
		    need(talloc_asprintf(s->mem, "RCPT TO:<%s>",
			s->rcpt[i].text)));
	if (st == ST_OK)
		st = command(s, '3', "DATA");
	if (st == ST_OK)
		st = send_content(s);
	if (st == ST_OK)
		st = expect(s, '2');
	return st;
}

/* "250 2.0.0 queued as ID": the id is what scripts want. */
static void
print_id(const struct submit *s)
{
	struct span id = s->line;
	size_t blank;

	while ((blank = span_find(id, ' ', 0)) < id.n)
		id = span_sub(id, blank + 1, id.n);
	printf("%s\n", span_print(s->mem, id, 64));
}

static int
hand_in(struct submit *s)
{
	enum status st = reach(s);

	if (st == ST_OK)
		st = dialogue(s);
	if (st == ST_OK) {
		print_id(s);
		(void)send_all(s, SPAN_LIT("QUIT\r\n"));
		return EXIT_DONE;
	}
	fprintf(stderr, "tierpost: %s\n", s->why.text);
	return st == ST_POLICY || st == ST_UNSUPP ? EXIT_NO : EXIT_TRY_LATER;
}

/* ---- the command line ---- */

static int
usage(void)
{
	fprintf(stderr, "usage: tierpost submit [-c FILE] [-f SENDER] RCPT... "
			"< MESSAGE\n");
	return EXIT_USAGE;
}

static bool
parse(struct submit *s, const char *text, bool null_ok, struct address *a)
{
	if (null_ok && (text[0] == '\0' || strcmp(text, "<>") == 0)) {
		*a = (struct address){ .text = "", .domain = "" };
		return true;
	}
	if (address_parse_mailbox(s->mem, span_str(text), a, &s->why) !=
	    ST_OK) {
		fprintf(stderr, "tierpost: %s\n", s->why.text);
		return false;
	}
	if (a->utf8)
		fprintf(stderr, "tierpost: address is not ASCII: %s\n", text);
	return !a->utf8;
}

static const char *
own_address(const struct submit *s)
{
	const struct passwd *pw = getpwuid(getuid());

	return need(talloc_asprintf(s->mem, "%s@%s",
	    pw == NULL ? "postmaster" : pw->pw_name, s->conf->hostname));
}

static int
submit(struct submit *s, const char *conf_path, const char *sender, char **rcpt)
{
	int result;

	s->conf = cmd_read_conf(s->mem, conf_path, false);
	if (s->conf == NULL)
		return EXIT_CONFIG;
	s->rcpt = need(talloc_array(s->mem, struct address,
	    (unsigned)s->rcpt_count));
	if (!parse(s, sender == NULL ? own_address(s) : sender, true,
		&s->sender))
		return EXIT_USAGE;
	for (size_t i = 0; i < s->rcpt_count; i++)
		if (!parse(s, rcpt[i], false, &s->rcpt[i]))
			return EXIT_USAGE;
	result = hand_in(s);
	if (s->fd >= 0)
		close(s->fd);
	return result;
}

int
cmd_submit(int argc, char **argv)
{
	const char *conf_path = CMD_DEFAULT_CONF, *sender = NULL;
	struct submit s = { .fd = -1 };
	int c, result;

	while ((c = getopt(argc, argv, "c:f:")) != -1) {
		if (c == 'c')
			conf_path = optarg;
		else if (c == 'f')
			sender = optarg;
		else
			return usage();
	}
	if (optind >= argc)
		return usage();
	s.mem = need(talloc_new(NULL));
	s.rcpt_count = (size_t)(argc - optind);
	sbuf_init(&s.in, s.mem, SUBMIT_REPLY_BYTES);
	result = submit(&s, conf_path, sender, argv + optind);
	talloc_free(s.mem);
	return result;
}
