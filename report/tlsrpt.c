/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/tlsrpt.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "util/jtree.h"

struct tlsrpt *
tlsrpt_new(TALLOC_CTX *mem, const struct tlsrpt_from *from, const char *domain,
    struct wall t, struct span salt)
{
	struct tlsrpt *r = need(talloc_zero(mem, struct tlsrpt));
	uint8_t digest[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1], when[CLOCK_TEXT_BYTES];
	struct sha256 h;

	r->from = *from;
	r->domain = domain;
	r->day = tlsrpt_day(t);
	r->detail_limit = TLSRPT_MAX_DETAILS;
	wall_rfc3339(r->day, when);
	sha256_init(&h);
	sha256_add(&h, salt);
	sha256_add(&h, span_of(when, strlen(when) + 1));
	sha256_add(&h, span_str(domain));
	sha256_final(&h, digest);
	hex_encode(span_of(digest, 10), hex);
	snprintf(r->id, sizeof(r->id), "%.10s-%s@%s", when, hex,
	    from->submitter);
	return r;
}

/* ---- adding up ---- */

static struct tlsrpt_sum *
sum_of(struct tlsrpt *r, const struct tlsrpt_policy *p)
{
	for (size_t i = 0; i < r->sum_count; i++)
		if (tlsrpt_policy_eq(&r->sum[i].policy, p))
			return &r->sum[i];
	if (r->sum_count == TLSRPT_MAX_POLICIES)
		return NULL;
	r->sum = need(talloc_realloc(r, r->sum, struct tlsrpt_sum,
	    (unsigned)r->sum_count + 1));
	r->sum[r->sum_count] = (struct tlsrpt_sum){ .policy = *p };
	return &r->sum[r->sum_count++];
}

static bool
add_detail(struct tlsrpt *r, struct tlsrpt_sum *s,
    const struct tlsrpt_detail *d, uint64_t count)
{
	for (size_t i = 0; i < s->detail_count; i++)
		if (tlsrpt_detail_eq(&s->detail[i].detail, d)) {
			s->detail[i].count += count;
			return true;
		}
	if (r->detail_count >= r->detail_limit)
		return false;
	s->detail = need(talloc_realloc(r, s->detail, struct tlsrpt_failure,
	    (unsigned)s->detail_count + 1));
	s->detail[s->detail_count++] = (struct tlsrpt_failure){ .detail = *d,
		.count = count };
	r->detail_count++;
	return true;
}

void
tlsrpt_add(struct tlsrpt *r, const struct tlsrpt_tally *t, uint64_t count)
{
	struct tlsrpt_sum *s = sum_of(r, &t->policy);

	if (s == NULL) {
		r->cut = true;
		return;
	}
	switch (t->count) {
	case TLSRPT_SUCCESS:
		s->success += count;
		break;
	case TLSRPT_FAILURE:
		s->failure += count;
		break;
	case TLSRPT_DETAIL:
		if (!add_detail(r, s, &t->detail, count))
			r->cut = true;
		break;
	}
}

/* ---- the document ---- */

static void
put_text(json_t *o, const char *key, const char *value)
{
	if (value != NULL && *value != '\0')
		jtree_put(o, key, json_string(value));
}

static void
put_address(json_t *o, const char *key, const struct netaddr *a)
{
	char text[NETADDR_TEXT_BYTES];

	if (a->family != NETADDR_NONE)
		jtree_put(o, key, json_string(netaddr_text(a, text)));
}

static void
put_strings(json_t *o, const char *key, const char *const *s, size_t count)
{
	json_t *list = need(json_array());

	for (size_t i = 0; i < count; i++)
		jtree_append(list, json_string(s[i]));
	jtree_put(o, key, list);
}

static json_t *
detail_json(const struct tlsrpt_failure *f)
{
	const struct tlsrpt_detail *d = &f->detail;
	json_t *o = need(json_object());

	put_text(o, "result-type", tlsrpt_result_name(d->result));
	put_address(o, "sending-mta-ip", &d->sending);
	put_text(o, "receiving-mx-hostname", d->mx);
	put_text(o, "receiving-mx-helo", d->helo);
	put_address(o, "receiving-ip", &d->receiving);
	jtree_put_count(o, "failed-session-count", f->count);
	put_text(o, "failure-reason-code", d->reason);
	return o;
}

/* Without policy-string and mx-host where there is no policy (RPT-20). */
static json_t *
policy_json(const struct tlsrpt_policy *p)
{
	json_t *o = need(json_object());

	put_text(o, "policy-type", tlsrpt_policy_name(p->type));
	if (p->type != TLSRPT_NO_POLICY)
		put_strings(o, "policy-string", p->string, p->string_count);
	put_text(o, "policy-domain", p->domain);
	if (p->type == TLSRPT_STS)
		put_strings(o, "mx-host", p->mx, p->mx_count);
	return o;
}

static json_t *
sum_json(const struct tlsrpt_sum *s)
{
	json_t *o = need(json_object()), *summary = need(json_object());
	json_t *details = need(json_array());

	jtree_put(o, "policy", policy_json(&s->policy));
	jtree_put_count(summary, "total-successful-session-count", s->success);
	jtree_put_count(summary, "total-failure-session-count", s->failure);
	jtree_put(o, "summary", summary);
	for (size_t i = 0; i < s->detail_count; i++)
		jtree_append(details, detail_json(&s->detail[i]));
	jtree_put(o, "failure-details", details);
	return o;
}

/* The last second of the day, as in appendix B. */
static struct wall
day_end(const struct tlsrpt *r)
{
	return (struct wall){ r->day.ms + TLSRPT_DAY_MS - 1000 };
}

static json_t *
report_json(const struct tlsrpt *r)
{
	json_t *o = need(json_object()), *range = need(json_object());
	json_t *policies = need(json_array());
	char when[CLOCK_TEXT_BYTES];

	put_text(o, "organization-name", r->from.organization);
	put_text(range, "start-datetime", wall_rfc3339(r->day, when));
	put_text(range, "end-datetime", wall_rfc3339(day_end(r), when));
	jtree_put(o, "date-range", range);
	put_text(o, "contact-info", r->from.contact);
	put_text(o, "report-id", r->id);
	for (size_t i = 0; i < r->sum_count; i++)
		jtree_append(policies, sum_json(&r->sum[i]));
	jtree_put(o, "policies", policies);
	return o;
}

static int
to_sbuf(const char *p, size_t n, void *out)
{
	sbuf_add(out, p, n);
	return sbuf_failed(out) ? -1 : 0;
}

bool
tlsrpt_json(const struct tlsrpt *r, struct sbuf *out)
{
	json_t *o = report_json(r);
	int failed = json_dump_callback(o, to_sbuf, out, JSON_COMPACT);

	json_decref(o);
	return failed == 0;
}

bool
tlsrpt_gzip(struct span json, struct sbuf *out)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)json.p,
		.avail_in = (uInt)json.n };
	size_t room;
	uint8_t *to;
	int end;

	if (json.n > TLSRPT_MAX_BYTES)
		return false;
	/* 16: a gzip header, which by itself bears neither name nor time */
	if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16,
		MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		out_of_memory("TLS report");
	room = deflateBound(&z, (uLong)json.n);
	to = sbuf_reserve(out, room);
	if (to == NULL) {
		deflateEnd(&z);
		return false;
	}
	z.next_out = to;
	z.avail_out = (uInt)room;
	end = deflate(&z, Z_FINISH);
	invariant(end == Z_STREAM_END);
	sbuf_commit(out, room - z.avail_out);
	deflateEnd(&z);
	return true;
}

const char *
tlsrpt_filename(const struct tlsrpt *r, char out[TLSRPT_NAME_BYTES])
{
	snprintf(out, TLSRPT_NAME_BYTES,
	    "%s!%s!%" PRId64 "!%" PRId64 "!%.*s.json.gz", r->from.submitter,
	    r->domain, r->day.ms / 1000, day_end(r).ms / 1000,
	    (int)(strchr(r->id, '@') - r->id), r->id);
	return out;
}
