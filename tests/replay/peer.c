/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/replay/peer.h"

#include <string.h>

#define SESSION_BYTES   (32u << 20) /* more than any script sends */
#define SPLIT_MS        1000        /* between the parts of a split reply */
#define SUBMIT_LIMIT_MS 120000

struct session {
	struct peer *peer;
	struct stream *stream;
	struct sbuf in;
	struct sbuf out;
	bool tls;
	bool data;
	bool chunk; /* content of BDAT is next */
	bool chunk_last;
	uint64_t chunk_left;
	bool closing;
	bool refused; /* MAIL was */
	bool cut;     /* once the output has left */
	struct net_timer *drip;
	const char *from;
	const char *params;
	char *rcpts;
	struct sbuf body;
	const char *sni;
};

static void session_ready(void *arg, unsigned events);
static void progress(struct session *s);

static void
watch(struct session *s)
{
	unsigned events = SOCK_READABLE;

	if (s->out.n > 0)
		events |= SOCK_WRITABLE;
	stream_watch(s->stream, events, session_ready, s);
}

/* Send at most n bytes of the output. */
static void
flush(struct session *s, size_t n)
{
	size_t sent;

	while (s->out.n > 0 && n > 0) {
		const struct iovec iov = { s->out.p,
			s->out.n < n ? s->out.n : n };

		if (stream_send(s->stream, &iov, 1, &sent) != IO_OK)
			return;
		sbuf_consume(&s->out, sent);
		n -= sent;
	}
}

/* Where a session is cut, the rest of that reply is never sent. */
static void
cut_here(struct session *s, enum peer_stage stage, size_t from)
{
	struct peer *p = s->peer;
	const struct peer_script *q = &p->script;

	if (q->cut_at != stage || (q->cut_times > 0 && p->cuts == q->cut_times))
		return;
	p->cuts++;
	s->cut = true;
	if (from + q->cut_after < s->out.n)
		s->out.n = from + q->cut_after;
}

static void
say(struct session *s, enum peer_stage stage, const char *scripted,
    const char *usual)
{
	const char *text = *scripted != '\0' ? scripted : usual;
	size_t from = s->out.n;

	sbuf_str(&s->out, text);
	sbuf_str(&s->out, "\r\n");
	if (span_starts(span_str(text), "421"))
		s->closing = true;
	cut_here(s, stage, from);
}

static void
say_ehlo(struct session *s)
{
	const struct peer_script *p = &s->peer->script;
	size_t from = s->out.n;

	if (*p->ehlo != '\0') {
		say(s, STAGE_EHLO, p->ehlo, "");
		return;
	}
	sbuf_printf(&s->out, "250-%s\r\n", s->peer->name);
	if (!s->tls && p->starttls != STARTTLS_ABSENT)
		sbuf_str(&s->out, "250-STARTTLS\r\n");
	if (!p->no_pipelining)
		sbuf_str(&s->out, "250-PIPELINING\r\n");
	if (!p->no_8bitmime)
		sbuf_str(&s->out, "250-8BITMIME\r\n");
	if (p->chunking)
		sbuf_str(&s->out, "250-CHUNKING\r\n");
	if (p->requiretls && s->tls)
		sbuf_str(&s->out, "250-REQUIRETLS\r\n");
	if (*p->size != '\0')
		sbuf_printf(&s->out, "250-SIZE %s\r\n", p->size);
	sbuf_str(&s->out, "250 ENHANCEDSTATUSCODES\r\n");
	cut_here(s, STAGE_EHLO, from);
}

static void
tls_done(void *arg, bool ok, const struct tls_info *info,
    const struct diag *why)
{
	struct session *s = arg;

	(void)why;
	if (!ok) {
		talloc_free(s);
		return;
	}
	s->tls = true;
	s->peer->handshakes++;
	s->sni = need(talloc_strdup(s->peer, info->sni));
	sbuf_reset(&s->in);
	watch(s);
}

static void
negotiate(struct session *s)
{
	flush(s, SIZE_MAX);
	invariant(s->peer->tls != NULL);
	stream_tls_server(s->stream, s->peer->tls, tls_done, s);
}

static void
split_over(void *arg)
{
	negotiate(arg);
}

/* Returns false when the session is gone or turned to TLS. */
static bool
start_tls(struct session *s)
{
	size_t first = SIZE_MAX;

	switch (s->peer->script.starttls) {
	case STARTTLS_ABSENT:
		say(s, STAGE_STARTTLS, "502 5.5.1 no", "");
		return true;
	case STARTTLS_454:
		say(s, STAGE_STARTTLS, "454 4.7.0 not now", "");
		return true;
	case STARTTLS_502:
		say(s, STAGE_STARTTLS, "502 5.5.1 no", "");
		return true;
	case STARTTLS_250:
		say(s, STAGE_STARTTLS, "250 2.0.0 why not", "");
		return true;
	case STARTTLS_INJECT:
		say(s, STAGE_STARTTLS, "220 go\r\n250-evil\r\n250 AUTH PLAIN",
		    "");
		if (s->peer->script.split > 0)
			first = s->peer->script.split;
		break;
	case STARTTLS_GOOD:
	case STARTTLS_SILENT:
	case STARTTLS_DROP:
	case STARTTLS_GARBAGE:
		say(s, STAGE_STARTTLS, "220 go", "");
		break;
	}
	if (s->cut)
		return true;
	flush(s, first);
	if (s->peer->script.starttls == STARTTLS_DROP) {
		talloc_free(s);
	} else if (s->peer->script.starttls == STARTTLS_SILENT) {
		stream_watch(s->stream, 0, NULL, NULL);
	} else if (s->peer->script.starttls == STARTTLS_GARBAGE) {
		sbuf_reset(&s->in); /* whatever comes is not understood */
		return true;
	} else if (s->out.n > 0) {
		s->drip = net_timer_new(s, sim_net(s->peer->sim), split_over,
		    s);
		net_timer_set(s->drip,
		    mono_after(net_now(sim_net(s->peer->sim)), SPLIT_MS));
		stream_watch(s->stream, 0, NULL, NULL);
	} else {
		negotiate(s);
	}
	return false;
}

static struct span
path_of(struct span line)
{
	size_t from = span_find(line, '<', 0), to = span_find(line, '>', from);

	return span_sub(line, from + 1, to);
}

static const char *
params_of(struct session *s, struct span line)
{
	size_t end = span_find(line, '>', 0);

	return span_dup(s, span_sub(line, end + 2, line.n));
}

/* "550-bob@…" is to get 550. */
static const char *
reply_by_name(struct session *s, struct span path)
{
	uint32_t code;

	if (path.n < 4 || path.p[3] != '-' ||
	    span_u32(span_sub(path, 0, 3), 599, &code) != ST_OK)
		return "";
	return need(talloc_asprintf(s, "%u says its name", code));
}

static bool
is_greylisted(struct session *s)
{
	struct peer *p = s->peer;
	struct mono now = net_now(sim_net(p->sim));

	if (p->first_rcpt.ms == MONO_NEVER.ms)
		p->first_rcpt = now;
	return p->script.greylist_ms > 0 &&
	       !mono_reached(now,
		   mono_after(p->first_rcpt, p->script.greylist_ms));
}

static const char *
reply_to_rcpt(struct session *s, struct span path)
{
	const struct peer_script *p = &s->peer->script;

	if (is_greylisted(s))
		return "450 4.7.1 greylisted, come back";
	if (p->rcpt_by_name)
		return reply_by_name(s, path);
	return *p->rcpt_for == '\0' || span_eq(path, p->rcpt_for) ? p->rcpt :
								    "";
}

static void
take_rcpt(struct session *s, struct span line)
{
	struct span path = path_of(line);
	const char *scripted = s->refused ? "503 5.5.1 MAIL first" :
					    reply_to_rcpt(s, path);

	say(s, STAGE_RCPT, scripted, "250 2.1.5 ok");
	if (*scripted != '\0' && *scripted != '2')
		return;
	s->rcpts = need(talloc_asprintf_append(s->rcpts, "%s%.*s",
	    *s->rcpts == '\0' ? "" : " ", (int)path.n, (const char *)path.p));
}

static void
take_data(struct session *s)
{
	if (*s->rcpts == '\0') {
		say(s, STAGE_NONE, "503 5.5.1 no recipients", "");
		return;
	}
	say(s, STAGE_DATA, s->peer->script.data, "354 go");
	s->data = *s->peer->script.data == '\0';
}

/* BDAT SIZE [LAST]: its content follows, whatever is said of it. */
static void
begin_chunk(struct session *s, struct span line)
{
	struct span size = span_sub(line, 5, line.n), last = SPAN_NONE;

	s->chunk_last = span_cut(size, ' ', &size, &last);
	if (span_u64(size, SESSION_BYTES, &s->chunk_left) != ST_OK)
		panic("BDAT %.*s", (int)size.n, (const char *)size.p);
	s->chunk = true;
	s->peer->chunks++;
}

static void
count_clear(struct session *s, struct span line)
{
	if (!s->tls &&
	    (span_istarts(line, "MAIL") || span_istarts(line, "RCPT") ||
		span_istarts(line, "DATA")))
		s->peer->clear_mail_commands++;
}

static bool
command(struct session *s, struct span line)
{
	struct span path = path_of(line);

	count_clear(s, line);
	if (span_istarts(line, "EHLO"))
		say_ehlo(s);
	else if (span_istarts(line, "HELO"))
		say(s, STAGE_EHLO, "", "250 hello");
	else if (span_istarts(line, "STARTTLS"))
		return start_tls(s);
	else if (span_istarts(line, "MAIL")) {
		say(s, STAGE_MAIL, s->peer->script.mail, "250 2.1.0 ok");
		s->refused = *s->peer->script.mail != '\0' &&
			     *s->peer->script.mail != '2';
		s->from = span_dup(s, path);
		s->params = params_of(s, line);
		s->rcpts = need(talloc_strdup(s, ""));
	} else if (span_istarts(line, "RCPT"))
		take_rcpt(s, line);
	else if (span_istarts(line, "DATA"))
		take_data(s);
	else if (span_istarts(line, "BDAT"))
		begin_chunk(s, line);
	else if (span_istarts(line, "RSET") || span_istarts(line, "NOOP"))
		say(s, STAGE_NONE, "", "250 2.0.0 ok");
	else if (span_istarts(line, "QUIT")) {
		say(s, STAGE_QUIT, "", "221 2.0.0 bye");
		s->peer->quits++;
		s->closing = true;
	} else
		say(s, STAGE_NONE, "", "500 5.5.2 what");
	return true;
}

static void
keep_mail(struct session *s)
{
	struct peer *p = s->peer;

	p->mail = need(talloc_realloc(p, p->mail, struct peer_mail,
	    (unsigned)p->mail_count + 1));
	p->mail[p->mail_count++] = (struct peer_mail){
		.from = need(talloc_strdup(p, s->from)),
		.rcpts = need(talloc_strdup(p, s->rcpts)),
		.params = need(talloc_strdup(p, s->params)),
		.body = span_copy(p, sbuf_view(&s->body)),
		.tls = s->tls,
		.sni = s->sni == NULL ? "" : s->sni,
	};
}

static bool
end_of_data(struct session *s)
{
	const struct peer_script *p = &s->peer->script;

	s->data = false;
	if (*p->dot == '\0' || *p->dot == '2')
		keep_mail(s);
	sbuf_reset(&s->body);
	if (p->drop_after_dot) {
		talloc_free(s);
		return false;
	}
	say(s, STAGE_DOT, p->dot, "250 2.0.0 taken");
	return true;
}

/* One line of data or command; false when the session is gone or busy. */
static bool
take_line(struct session *s, struct span line)
{
	if (!s->data)
		return command(s, line);
	if (s->peer->script.drop_in_data) {
		talloc_free(s);
		return false;
	}
	if (span_eq(line, "."))
		return end_of_data(s);
	if (span_starts(line, "."))
		line = span_sub(line, 1, line.n);
	sbuf_span(&s->body, line);
	sbuf_str(&s->body, "\r\n");
	if (s->body.n >= s->peer->script.cut_after)
		cut_here(s, STAGE_BODY, s->out.n);
	return true;
}

/* false: the session is gone. */
static bool
take_chunk(struct session *s)
{
	size_t n = s->in.n < s->chunk_left ? s->in.n : (size_t)s->chunk_left;

	sbuf_add(&s->body, s->in.p, n);
	sbuf_consume(&s->in, n);
	s->chunk_left -= n;
	if (n > 0 && s->body.n >= s->peer->script.cut_after)
		cut_here(s, STAGE_BODY, s->out.n);
	if (s->chunk_left > 0 || s->cut)
		return true;
	s->chunk = false;
	if (*s->rcpts == '\0')
		say(s, STAGE_NONE, "503 5.5.1 no recipients", "");
	else if (s->chunk_last)
		return end_of_data(s);
	else
		say(s, STAGE_DATA, s->peer->script.data, "250 2.0.0 go on");
	return true;
}

static bool
take_lines(struct session *s)
{
	for (;;) {
		if (s->chunk && !s->cut && !s->closing) {
			if (!take_chunk(s))
				return false;
			if (s->chunk)
				return true;
			continue;
		}
		size_t end = span_find(sbuf_view(&s->in), '\n', 0);
		struct span line;
		size_t n = end + 1;

		if (end == s->in.n || s->cut || s->closing)
			return true;
		line = span_copy(s, span_sub(sbuf_view(&s->in), 0, end));
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		sbuf_consume(&s->in, n);
		if (!take_line(s, line))
			return false;
	}
}

static void
session_ready(void *arg, unsigned events)
{
	struct session *s = arg;
	enum io io = IO_AGAIN;
	size_t got;
	uint8_t *at;

	if (events & SOCK_READABLE) {
		at = sbuf_reserve(&s->in, 16384);
		io = stream_recv(s->stream, at, 16384, &got);
		sbuf_commit(&s->in, got);
		if (io == IO_OK && !take_lines(s))
			return;
	}
	if (io == IO_EOF || io == IO_FAILED)
		talloc_free(s);
	else
		progress(s);
}

static void
dripped(void *arg)
{
	struct session *s = arg;

	flush(s, 1);
	TALLOC_FREE(s->drip);
	progress(s);
}

/* The cut: nothing of the session is touched after it. */
static void
do_cut(struct session *s)
{
	switch (s->peer->script.cut_how) {
	case CUT_FIN:
		talloc_free(s);
		return;
	case CUT_RST:
		sim_reset(stream_sock(s->stream));
		talloc_free(s);
		return;
	case CUT_SILENT:
		stream_watch(s->stream, 0, NULL, NULL);
		return;
	}
}

/* Send what may be sent now; the session may be gone afterwards. */
static void
progress(struct session *s)
{
	struct net *net = sim_net(s->peer->sim);
	int64_t drip_ms = s->peer->script.drip_ms;

	if (drip_ms == 0)
		flush(s, SIZE_MAX);
	else if (s->out.n > 0 && s->drip == NULL) {
		s->drip = net_timer_new(s, net, dripped, s);
		net_timer_set(s->drip, mono_after(net_now(net), drip_ms));
	}
	if (s->out.n == 0 && s->cut)
		do_cut(s);
	else if (s->out.n == 0 && s->closing)
		talloc_free(s);
	else if (drip_ms > 0)
		stream_watch(s->stream, SOCK_READABLE, session_ready, s);
	else
		watch(s);
}

static void
accepted(void *arg, struct sock *sock)
{
	struct peer *p = arg;
	struct session *s = need(talloc_zero(p, struct session));

	p->connections++;
	s->peer = p;
	s->params = s->from = s->rcpts = need(talloc_strdup(s, ""));
	s->stream = stream_new(s, sim_net(p->sim), sock);
	sbuf_init(&s->in, s, SESSION_BYTES);
	sbuf_init(&s->out, s, SESSION_BYTES);
	sbuf_init(&s->body, s, SESSION_BYTES);
	say(s, STAGE_GREETING, p->script.greeting, "220 ready ESMTP");
	if (*p->script.greeting != '\0' && *p->script.greeting != '2')
		s->closing = true;
	progress(s);
}

struct peer *
peer_new(TALLOC_CTX *mem, struct sim *sim, const char *name,
    const struct netaddr *addr)
{
	struct peer *p = need(talloc_zero(mem, struct peer));

	p->sim = sim;
	p->name = need(talloc_strdup(p, name));
	p->first_rcpt = MONO_NEVER;
	p->script = (struct peer_script){ .greeting = "",
		.ehlo = "",
		.mail = "",
		.rcpt = "",
		.rcpt_for = "",
		.data = "",
		.dot = "",
		.size = "" };
	p->listener = sim_listen(p, sim, addr);
	listener_start(p->listener, p, accepted, p);
	return p;
}

/* ---- handing in ---- */

enum step {
	S_GREETING,
	S_EHLO,
	S_STARTTLS,
	S_MAIL,
	S_RCPT,
	S_DATA,
	S_BODY,
	S_END
};

struct submit {
	struct stream *stream;
	enum step step;
	struct peer_letter letter;
	size_t rcpt_next;
	size_t rcpt_taken;
	bool shaking; /* the stream is TLS's */
	struct sbuf in;
	struct sbuf out;
	unsigned code;
	struct sbuf text;
};

static void submit_ready(void *arg, unsigned events);

static void
submit_flush(struct submit *s)
{
	struct iovec iov = { .iov_base = s->out.p, .iov_len = s->out.n };
	size_t sent;

	while (s->out.n > 0 &&
	       stream_send(s->stream, &iov, 1, &sent) == IO_OK) {
		sbuf_consume(&s->out, sent);
		iov = (struct iovec){ s->out.p, s->out.n };
	}
	if (s->step != S_END)
		stream_watch(s->stream,
		    SOCK_READABLE | (s->out.n > 0 ? SOCK_WRITABLE : 0u),
		    submit_ready, s);
}

static void
put_body(struct submit *s)
{
	struct span rest = span_str(s->letter.body), line;

	while (span_line(&rest, &line)) {
		if (span_starts(line, "."))
			sbuf_str(&s->out, ".");
		sbuf_span(&s->out, line);
		sbuf_str(&s->out, "\r\n");
	}
	sbuf_str(&s->out, ".\r\n");
}

static void
submit_shaken(void *arg, bool ok, const struct tls_info *info,
    const struct diag *why)
{
	struct submit *s = arg;

	(void)info;
	if (!ok)
		panic("submit: %s", why->text);
	s->shaking = false;
	s->step = S_EHLO;
	sbuf_str(&s->out, "EHLO client.example\r\n");
	submit_flush(s);
}

static void
shake(struct submit *s)
{
	const struct tls_want want = { .level = LEVEL_ENCRYPT, .sni = "" };

	s->shaking = true;
	stream_tls_client(s->stream, s->letter.tls, &want, submit_shaken, s);
}

/* What follows a good reply. */
static enum step
step_after(const struct submit *s)
{
	if (s->step == S_EHLO &&
	    (s->letter.tls == NULL || stream_is_tls(s->stream)))
		return S_MAIL;
	return s->step + 1;
}

/* A whole reply has come: what next? */
static void
next_step(struct submit *s)
{
	bool ok = s->code / 100 == 2 || s->code / 100 == 3;

	if (s->step == S_RCPT) {
		s->rcpt_taken += ok;
		if (s->rcpt_next < s->letter.rcpt_count) {
			sbuf_printf(&s->out, "RCPT TO:<%s>\r\n",
			    s->letter.rcpt[s->rcpt_next++]);
			return;
		}
		ok = s->rcpt_taken > 0;
	}
	if (!ok || s->step == S_BODY) {
		s->step = S_END;
		return;
	}
	if (s->step == S_STARTTLS) {
		shake(s);
		return;
	}
	s->step = step_after(s);
	switch (s->step) {
	case S_EHLO:
		sbuf_str(&s->out, "EHLO client.example\r\n");
		break;
	case S_STARTTLS:
		sbuf_str(&s->out, "STARTTLS\r\n");
		break;
	case S_MAIL:
		sbuf_printf(&s->out, "MAIL FROM:<%s>%s%s\r\n", s->letter.from,
		    *s->letter.params == '\0' ? "" : " ", s->letter.params);
		break;
	case S_RCPT:
		sbuf_printf(&s->out, "RCPT TO:<%s>\r\n",
		    s->letter.rcpt[s->rcpt_next++]);
		break;
	case S_DATA:
		sbuf_str(&s->out, "DATA\r\n");
		break;
	case S_BODY:
		put_body(s);
		break;
	case S_GREETING:
	case S_END:
		break;
	}
}

/* One line of a reply; false when there is none. */
static bool
take_reply_line(struct submit *s)
{
	struct span view = sbuf_view(&s->in), line;
	size_t end = span_find(view, '\n', 0);
	uint32_t code;
	bool last;

	if (end == view.n)
		return false;
	line = span_sub(view, 0, end);
	if (span_u32(span_sub(line, 0, 3), 999, &code) != ST_OK)
		code = 0;
	last = line.n > 3 && line.p[3] == ' ';
	s->code = code;
	sbuf_reset(&s->text);
	sbuf_span(&s->text, span_sub(line, 0, line.n - 1));
	sbuf_consume(&s->in, end + 1);
	if (last)
		next_step(s);
	return true;
}

static void
submit_ready(void *arg, unsigned events)
{
	struct submit *s = arg;
	enum io io = IO_AGAIN;
	size_t got;

	if (events & SOCK_READABLE) {
		uint8_t *at = sbuf_reserve(&s->in, 4096);

		io = stream_recv(s->stream, at, 4096, &got);
		sbuf_commit(&s->in, got);
	}
	while (s->step != S_END && take_reply_line(s))
		;
	if (io == IO_EOF || io == IO_FAILED)
		s->step = S_END;
	if (!s->shaking)
		submit_flush(s);
}

static bool
submit_over(void *arg)
{
	const struct submit *s = arg;

	return s->step == S_END;
}

unsigned
peer_submit(TALLOC_CTX *mem, struct sim *sim, const struct peer_letter *letter,
    const char **text)
{
	struct submit *s = need(talloc_zero(mem, struct submit));
	struct diag why = { 0 };
	struct sock *sock = net_connect(s, sim_net(sim), &letter->at, &why);
	unsigned code;

	invariant(sock != NULL);
	s->stream = stream_new(s, sim_net(sim), sock);
	s->letter = *letter;
	sbuf_init(&s->in, s, SESSION_BYTES);
	sbuf_init(&s->out, s, SESSION_BYTES);
	sbuf_init(&s->text, s, 4096);
	submit_flush(s);
	sim_run(sim, SUBMIT_LIMIT_MS, submit_over, s);
	code = s->step == S_END ? s->code : 0;
	*text = need(talloc_strdup(mem, sbuf_cstr(&s->text)));
	talloc_free(s);
	return code;
}
