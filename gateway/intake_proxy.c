/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The start of a connection that comes from a load balancer: a header that
 * names the client, read to its last byte and not a byte further, so that
 * what follows is seen by whoever greets the client.
 */
#include "gateway/intake_internal.h"

#include "smtp/proxy.h"

/* One that cannot say who its client is may be anybody: no reply. */
static void
refuse(struct session *s, const char *why)
{
	struct logline l = intake_session_line(s, LOG_LEVEL_WARN,
	    "proxy-refused");

	logline_str(&l, "why", why);
	logline_end(&l);
	intake_session_end(s);
}

static void
take_header(struct session *s, const struct proxy_header *h)
{
	s->wait = WAIT_NOTHING;
	sbuf_free(&s->pending);
	if (!h->local)
		s->client = h->client;
	intake_start(s);
}

static void
header_readable(void *arg, unsigned events)
{
	struct session *s = arg;
	struct proxy_header h;
	struct diag why = { 0 };
	size_t want, got;
	enum status st;

	(void)events;
	while ((st = proxy_header_parse(sbuf_view(&s->pending), &h, &want,
		    &why)) == ST_TEMP) {
		switch (stream_recv(s->stream, s->in->read_buf, want, &got)) {
		case IO_OK:
			sbuf_add(&s->pending, s->in->read_buf, got);
			continue;
		case IO_AGAIN:
			return;
		case IO_EOF:
		case IO_FAILED:
			if (s->pending.n > 0)
				refuse(s, "the PROXY header was cut off");
			else /* a balancer looks whether the port is open */
				intake_session_end(s);
			return;
		}
	}
	if (st == ST_OK)
		take_header(s, &h);
	else
		refuse(s, why.text);
}

void
intake_proxy_begin(struct session *s)
{
	s->wait = WAIT_PROXY;
	intake_session_set_deadline(s, INTAKE_PROXY_MS);
	stream_watch(s->stream, SOCK_READABLE, header_readable, s);
}
