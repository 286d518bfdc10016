/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/tlsrpt_net.h"

#include <stdio.h>

#include "gateway/discover.h"
#include "net/chan.h"
#include "util/pack.h"

#define POST_ADDRESSES 8u /* ours: tried of one host */
#define HTTPS_PORT     443u

struct tlsrpt_net {
	struct role_env env;
	TALLOC_CTX *under_way; /* all questions */
	size_t wants, posts;
	void (*say)(void *arg, enum wire_type type, struct span payload);
	void *arg;
};

struct tlsrpt_net *
tlsrpt_net_new(TALLOC_CTX *mem, const struct role_env *env,
    void (*say)(void *arg, enum wire_type type, struct span payload), void *arg)
{
	struct tlsrpt_net *t = need(talloc_zero(mem, struct tlsrpt_net));

	t->env = *env;
	t->under_way = need(talloc_new(t));
	t->say = say;
	t->arg = arg;
	return t;
}

void
tlsrpt_net_reload(struct tlsrpt_net *t, const struct conf *conf)
{
	t->env.conf = conf;
}

void
tlsrpt_net_forget(struct tlsrpt_net *t)
{
	talloc_free(t->under_way);
	t->under_way = need(talloc_new(t));
	t->wants = t->posts = 0;
}

/* ---- who wants them ---- */

struct want {
	struct tlsrpt_net *t;
	uint32_t token;
	const char *name; /* whose TXT record is asked for */
};

static void
tell_record(struct want *w, struct wire_tlsrpt_record *r)
{
	struct sbuf b;

	r->token = w->token;
	sbuf_init(&b, w, CHAN_FRAME_MAX_BYTES / 2);
	wire_pack_tlsrpt_record(&b, r);
	invariant(!sbuf_failed(&b));
	w->t->wants--;
	w->t->say(w->t->arg, WIRE_TLSRPT_RECORD, sbuf_view(&b));
	talloc_free(w);
}

static void
have_txt(void *arg, const struct dns_answer *a)
{
	struct want *w = arg;
	struct diag why = { 0 };
	struct wire_tlsrpt_record r = { .found = TLSRPT_NOBODY,
		.ttl_s = a->ttl_s,
		.why = "no TXT record" };

	switch (a->outcome) {
	case DNS_FAILED:
		r.found = TLSRPT_UNKNOWN;
		r.why = need(talloc_asprintf(w, "TXT %s: %s", w->name, a->why));
		break;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		break;
	case DNS_DATA:
		if (tlsrpt_txt_pick(w, a->data, a->count, &r.to, &why) == ST_OK)
			r.found = TLSRPT_NAMED;
		else
			r.to.rua_count = 0;
		r.why = why.text;
		break;
	}
	tell_record(w, &r);
}

enum status
tlsrpt_net_want(struct tlsrpt_net *t, struct span payload, struct diag *why)
{
	struct want *w = need(talloc_zero(t->under_way, struct want));
	struct unpack u = unpack_from(payload);
	const char *domain;

	w->t = t;
	w->token = unpack_u32(&u);
	domain = unpack_str(&u, w);
	if (unpack_done(&u) != ST_OK || t->wants == TLSRPT_NET_WANTS) {
		talloc_free(w);
		return diag_set(why, ST_SYNTAX,
		    "not a question for a record, or one too many");
	}
	t->wants++;
	w->name = need(talloc_asprintf(w, "_smtp._tls.%s", domain));
	(void)net_dns(w, t->env.net, w->name, DNS_TXT, have_txt, w);
	return ST_OK;
}

/* ---- posting ---- */

struct post {
	struct tlsrpt_net *t;
	uint32_t token;
	struct tlsrpt_endpoint to;
	struct span document;
	struct netaddr addr[POST_ADDRESSES];
	size_t addr_count;
	unsigned queries_open;
	const char *cannot; /* why there is no address */
};

static void
tell_posted(struct post *p, bool taken, const char *text)
{
	struct sbuf b;

	sbuf_init(&b, p, CHAN_FRAME_MAX_BYTES / 2);
	pack_u32(&b, p->token);
	pack_bool(&b, taken);
	pack_str(&b, text);
	invariant(!sbuf_failed(&b));
	p->t->posts--;
	p->t->say(p->t->arg, WIRE_TLSRPT_POSTED, sbuf_view(&b));
	talloc_free(p);
}

/* RFC 8460 5.4: any success; what stands in the answer does not matter. */
static void
posted(void *arg, const struct fetch_result *r)
{
	struct post *p = arg;
	char text[64];

	if (!r->ok) {
		tell_posted(p, false, r->why);
		return;
	}
	snprintf(text, sizeof(text), "HTTP status %d", r->status);
	tell_posted(p, r->status >= 200 && r->status < 300, text);
}

static void
begin(struct post *p)
{
	const struct conf *conf = p->t->env.conf;
	const struct net_post post = {
		.host = p->to.host,
		.port = HTTPS_PORT,
		.path = p->to.path,
		.media = "application/tlsrpt+gzip",
		.body = p->document,
		.any_certificate = !conf->tlsrpt_https_verify,
		.deadline_ms = conf->sts_fetch_ms,
	};

	if (p->addr_count == 0)
		tell_posted(p, false,
		    p->cannot != NULL ?
			p->cannot :
			need(talloc_asprintf(p,
			    "%s has no address that may be used", p->to.host)));
	else
		(void)net_post(p, p->t->env.net, &post, p->addr, p->addr_count,
		    posted, p);
}

static void
have_address(void *arg, const struct dns_answer *a)
{
	struct post *p = arg;

	if (a->outcome == DNS_FAILED && p->cannot == NULL)
		p->cannot = need(talloc_asprintf(p, "addresses of %s: %s",
		    p->to.host, a->why));
	for (size_t i = 0; a->outcome == DNS_DATA && i < a->count; i++)
		if (p->addr_count < POST_ADDRESSES &&
		    discover_may_connect(p->t->env.conf, &a->addr[i])) {
			p->addr[p->addr_count] = a->addr[i];
			p->addr[p->addr_count++].port = HTTPS_PORT;
		}
	if (--p->queries_open == 0)
		begin(p);
}

/* From the loop: nothing is answered inside the call that asked. */
static void
refuse(void *arg)
{
	struct post *p = arg;

	tell_posted(p, false, p->cannot);
}

enum status
tlsrpt_net_post(struct tlsrpt_net *t, struct span payload, struct diag *why)
{
	struct post *p = need(talloc_zero(t->under_way, struct post));
	struct unpack u = unpack_from(payload);
	struct diag bad = { 0 };
	const char *uri;

	p->t = t;
	p->token = unpack_u32(&u);
	uri = unpack_str(&u, p);
	p->document = span_copy(p, unpack_bytes(&u));
	if (unpack_done(&u) != ST_OK || t->posts == TLSRPT_NET_POSTS) {
		talloc_free(p);
		return diag_set(why, ST_SYNTAX,
		    "not a report to post, or one too many");
	}
	t->posts++;
	if (tlsrpt_endpoint_parse(p, span_str(uri), &p->to, &bad) != ST_OK) {
		p->cannot = need(talloc_strdup(p, bad.text));
		(void)net_later(p, t->env.net, refuse, p);
		return ST_OK;
	}
	p->queries_open = 2;
	(void)net_dns(p, t->env.net, p->to.host, DNS_A, have_address, p);
	(void)net_dns(p, t->env.net, p->to.host, DNS_AAAA, have_address, p);
	return ST_OK;
}
