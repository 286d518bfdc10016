/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/replay/sim_internal.h"

struct page {
	int status;
	const char *media;
	const char *body;
	unsigned asked;
};

struct endpoint {
	int status;
	struct sim_posts got;
};

struct fetch {
	struct sim *sim;
	const char *host;
	bool any_certificate; /* of a POST */
	struct net_later *later;
	void (*done)(void *arg, const struct fetch_result *r);
	void *arg;
};

/* ---- HTTPS ---- */

static struct page *
page_of(struct sim *sim, const char *host)
{
	struct page *p = strmap_get(sim->pages, host);

	if (p == NULL) {
		p = need(talloc_zero(sim, struct page));
		strmap_put(sim->pages, host, p);
	}
	return p;
}

void
sim_https_set(struct sim *sim, const char *host, int status, const char *media,
    const char *body)
{
	struct page *p = page_of(sim, host);

	p->status = status;
	p->media = need(talloc_strdup(p, media));
	p->body = need(talloc_strdup(p, body));
}

unsigned
sim_https_asked(const struct sim *sim, const char *host)
{
	const struct page *p = strmap_get(sim->pages, host);

	return p == NULL ? 0 : p->asked;
}

static void
fetch_now(void *arg)
{
	struct fetch *f = arg;
	struct page *p = page_of(f->sim, f->host);
	struct fetch_result r = { .media = "", .why = "" };

	p->asked++;
	f->later = NULL;
	if (p->status > 0) {
		r.ok = true;
		r.status = p->status;
		r.media = p->media;
		r.body = span_str(p->body);
	} else {
		r.tls_failed = p->status < 0;
		r.why = p->status < 0 ? "certificate is for another name" :
					"connection refused";
	}
	f->done(f->arg, &r);
}

struct fetch *
sim_fetch(TALLOC_CTX *mem, struct net *net, const char *host, const char *path,
    const struct netaddr *addrs, size_t addr_count, int64_t deadline_ms,
    void (*done)(void *arg, const struct fetch_result *r), void *arg)
{
	struct fetch *f = need(talloc_zero(mem, struct fetch));

	(void)path;
	(void)addrs;
	(void)addr_count;
	(void)deadline_ms;
	f->sim = sim_of(net);
	f->host = need(talloc_strdup(f, host));
	f->done = done;
	f->arg = arg;
	f->later = net_later(f, net, fetch_now, f);
	return f;
}

static struct endpoint *
endpoint_of(struct sim *sim, const char *host)
{
	struct endpoint *e = strmap_get(sim->endpoints, host);

	if (e == NULL) {
		e = need(talloc_zero(sim, struct endpoint));
		e->got.path = e->got.media = "";
		strmap_put(sim->endpoints, host, e);
	}
	return e;
}

void
sim_endpoint_set(struct sim *sim, const char *host, int status)
{
	endpoint_of(sim, host)->status = status;
}

struct sim_posts
sim_posts(const struct sim *sim, const char *host)
{
	const struct endpoint *e = strmap_get(sim->endpoints, host);

	return e == NULL ? (struct sim_posts){ .path = "", .media = "" } :
			   e->got;
}

static void
post_now(void *arg)
{
	struct fetch *f = arg;
	const struct endpoint *e = endpoint_of(f->sim, f->host);
	struct fetch_result r = { .media = "", .why = "" };

	f->later = NULL;
	r.ok = e->status > 0 || (e->status < 0 && f->any_certificate);
	r.status = e->status > 0 ? e->status : 200;
	r.tls_failed = e->status < 0 && !r.ok;
	if (!r.ok)
		r.why = r.tls_failed ? "certificate is for another name" :
				       "connection refused";
	f->done(f->arg, &r);
}

struct fetch *
sim_post(TALLOC_CTX *mem, struct net *net, const struct net_post *post,
    const struct netaddr *addrs, size_t addr_count,
    void (*done)(void *arg, const struct fetch_result *r), void *arg)
{
	struct fetch *f = need(talloc_zero(mem, struct fetch));
	struct sim *sim = sim_of(net);
	struct endpoint *e = endpoint_of(sim, post->host);

	invariant(addr_count > 0);
	e->got = (struct sim_posts){
		.count = e->got.count + 1,
		.path = need(talloc_strdup(sim, post->path)),
		.media = need(talloc_strdup(sim, post->media)),
		.body = span_copy(sim, post->body),
		.addr = addrs[0],
	};
	f->sim = sim;
	f->host = need(talloc_strdup(f, post->host));
	f->any_certificate = post->any_certificate;
	f->done = done;
	f->arg = arg;
	f->later = net_later(f, net, post_now, f);
	return f;
}

/* ---- programs ---- */

struct program {
	struct net_later *later;
	struct net_timer *deadline;
	const char *why;
	void (*done)(void *arg, const char *why);
	void *arg;
};

static void
program_now(void *arg)
{
	struct program *p = arg;

	p->later = NULL;
	p->done(p->arg, p->why);
}

struct program *
sim_program(TALLOC_CTX *mem, struct net *net, const struct net_program *what,
    void (*done)(void *arg, const char *why), void *arg)
{
	struct sim *sim = sim_of(net);
	struct program *p = need(talloc_zero(mem, struct program));

	for (size_t i = 0; what->argv[i] != NULL; i++)
		sim->programs = need(talloc_asprintf_append(sim->programs,
		    "%s ", what->argv[i]));
	for (size_t i = 0; what->envp[i] != NULL; i++)
		sim->programs = need(talloc_asprintf_append(sim->programs,
		    "%s;", what->envp[i]));
	sim->programs = need(talloc_asprintf_append(sim->programs, "\n"));
	p->done = done;
	p->arg = arg;
	p->why = sim->program_ends;
	if (p->why != NULL) {
		p->later = net_later(p, net, program_now, p);
		return p;
	}
	p->why = "it took too long and was killed";
	p->deadline = net_timer_new(p, net, program_now, p);
	net_timer_set(p->deadline, mono_after(net_now(net), what->deadline_ms));
	return p;
}

const char *
sim_programs(const struct sim *sim)
{
	return sim->programs;
}

void
sim_program_ends(struct sim *sim, const char *why)
{
	sim->program_ends = why;
}
