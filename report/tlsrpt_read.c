/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/tlsrpt_read.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <zlib.h>

#include "report/tlsrpt_bound.h"
#include "util/utf8.h"

#define INFLATE_STEP_BYTES (64u << 10)

/* ---- bytes to JSON ---- */

/* Small ones may be as repetitive as they like. */
static bool
grows_too_much(const z_stream *z, const struct sbuf *out)
{
	return out->n > TLSRPT_READ_RATIO_FROM_BYTES &&
	       out->n / TLSRPT_READ_RATIO > (size_t)z->total_in;
}

static enum status
inflate_all(z_stream *z, struct sbuf *out, struct diag *why)
{
	for (;;) {
		uint8_t *to = sbuf_reserve(out, INFLATE_STEP_BYTES);
		int st;

		if (to == NULL)
			return diag_set(why, ST_LIMIT,
			    "the report is over %u bytes when unpacked",
			    TLSRPT_READ_JSON_BYTES);
		z->next_out = to;
		z->avail_out = INFLATE_STEP_BYTES;
		st = inflate(z, Z_NO_FLUSH);
		sbuf_commit(out, INFLATE_STEP_BYTES - z->avail_out);
		if (grows_too_much(z, out))
			return diag_set(why, ST_LIMIT,
			    "the report grows to over %u times its size when "
			    "unpacked",
			    TLSRPT_READ_RATIO);
		if (st == Z_STREAM_END)
			return ST_OK;
		if (st == Z_MEM_ERROR)
			out_of_memory("TLS report");
		if (st != Z_OK)
			return diag_set(why, ST_SYNTAX,
			    "the report's gzip is damaged or cut off");
	}
}

enum status
tlsrpt_gunzip(struct span gz, struct sbuf *out, struct diag *why)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)gz.p,
		.avail_in = (uInt)gz.n };
	enum status st;

	if (inflateInit2(&z, MAX_WBITS + 16) != Z_OK)
		out_of_memory("TLS report");
	st = inflate_all(&z, out, why);
	inflateEnd(&z);
	return st;
}

/* ---- fields ---- */

/* May it stand in a line for people, on a terminal? */
static bool
is_shown(struct span one, uint32_t code)
{
	return one.n > 0 && utf8_is_line(one) && !utf8_is_bidi(code);
}

/* One line of UTF-8, cut; other bytes than that have come as "?". */
static const char *
clean(TALLOC_CTX *mem, const char *s, size_t n)
{
	struct span rest = span_of(s, n);
	char text[TLSRPT_READ_TEXT_BYTES];
	size_t out = 0;

	while (rest.n > 0) {
		uint32_t code = 0;
		size_t bytes = utf8_read(rest, &code);
		struct span one = span_sub(rest, 0, bytes);

		if (!is_shown(one, code))
			one = SPAN_LIT("?");
		if (out + one.n + 1 > sizeof(text))
			break;
		memcpy(text + out, one.p, one.n);
		out += one.n;
		rest = span_sub(rest, bytes > 0 ? bytes : 1, rest.n);
	}
	return out == 0 ? "" : need(talloc_strndup(mem, text, out));
}

static const char *
text_of(TALLOC_CTX *mem, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_string(v) ?
		   clean(mem, json_string_value(v), json_string_length(v)) :
		   "";
}

/* What is less than 0 is none; *why is set where one is not believed. */
static uint64_t
count_of(const json_t *o, const char *key, struct diag *why)
{
	const json_t *v = json_object_get(o, key);
	uint64_t n = 0;

	if (json_is_integer(v) && json_integer_value(v) > 0)
		n = (uint64_t)json_integer_value(v);
	else if (json_is_string(v) && span_u64(span_str(json_string_value(v)),
					  INT64_MAX, &n) != ST_OK)
		n = 0;
	if (n <= TLSRPT_READ_COUNT)
		return n;
	(void)diag_set(why, ST_LIMIT, "the report's %s is over %" PRIu64, key,
	    TLSRPT_READ_COUNT);
	return 0;
}

/* A fraction or an offset of zero after the seconds is passed over, and so is
 * the lack of a zone: reporters write UTC (RFC 8460 4.4). */
static enum status
time_of(const json_t *range, const char *key, struct wall *out,
    struct diag *why)
{
	const json_t *v = json_object_get(range, key);
	struct span s = json_is_string(v) ? span_str(json_string_value(v)) :
					    SPAN_NONE;
	char text[sizeof("2026-11-24T08:21:53Z")];

	if (s.n >= sizeof(text) - 2 && (s.p[10] == 'T' || s.p[10] == ' ')) {
		memcpy(text, s.p, 19);
		memcpy(text + 19, "Z", 2);
		text[10] = 'T';
		s = span_str(text);
	}
	if (wall_parse(s, out) != ST_OK)
		return diag_fail(why, ST_SYNTAX,
		    "not a time in date-range (RFC 8460 4.4)", s);
	return ST_OK;
}

/* ---- the document ---- */

static void
read_detail(TALLOC_CTX *mem, const json_t *o, struct tlsrpt_doc_detail *d,
    struct diag *why)
{
	d->result = text_of(mem, o, "result-type");
	d->sending_ip = text_of(mem, o, "sending-mta-ip");
	d->mx = text_of(mem, o, "receiving-mx-hostname");
	d->receiving_ip = text_of(mem, o, "receiving-ip");
	d->reason = text_of(mem, o, "failure-reason-code");
	d->count = count_of(o, "failed-session-count", why);
}

/* The i-th of an array; what is no array is its own and only item. */
static const json_t *
item(const json_t *list, size_t i)
{
	return json_is_array(list) ? json_array_get(list, i) : list;
}

static size_t
items(const json_t *list)
{
	if (list == NULL || json_is_null(list))
		return 0;
	return json_is_array(list) ? json_array_size(list) : 1;
}

static enum status
read_policy(TALLOC_CTX *mem, const json_t *o, size_t *details,
    struct tlsrpt_doc_policy *p, struct diag *why)
{
	const json_t *policy = json_object_get(o, "policy");
	const json_t *sum = json_object_get(o, "summary");
	const json_t *list = json_object_get(o, "failure-details");
	struct diag bad = { .st = ST_OK };
	size_t n = items(list);

	if (!json_is_object(policy))
		return diag_set(why, ST_SYNTAX,
		    "an entry of policies has no policy (RFC 8460 4.4)");
	*details += n;
	if (*details > TLSRPT_READ_DETAILS)
		return diag_set(why, ST_LIMIT,
		    "the report has more than %u failure-details",
		    TLSRPT_READ_DETAILS);
	p->type = text_of(mem, policy, "policy-type");
	p->domain = text_of(mem, policy, "policy-domain");
	p->success = count_of(sum, "total-successful-session-count", &bad);
	p->failure = count_of(sum, "total-failure-session-count", &bad);
	p->detail = need(talloc_zero_array(mem, struct tlsrpt_doc_detail,
	    (unsigned)n));
	p->detail_count = n;
	for (size_t i = 0; i < n; i++)
		read_detail(mem, item(list, i), &p->detail[i], &bad);
	if (bad.st != ST_OK)
		*why = bad;
	return bad.st;
}

static enum status
read_policies(TALLOC_CTX *mem, const json_t *list, struct tlsrpt_doc *out,
    struct diag *why)
{
	size_t n = items(list), details = 0;
	enum status st = ST_OK;

	if (n == 0)
		return diag_set(why, ST_SYNTAX,
		    "the report has no policies (RFC 8460 4.4)");
	if (n > TLSRPT_READ_POLICIES)
		return diag_set(why, ST_LIMIT,
		    "the report has more than %u policies",
		    TLSRPT_READ_POLICIES);
	out->policy = need(talloc_zero_array(mem, struct tlsrpt_doc_policy,
	    (unsigned)n));
	out->policy_count = n;
	for (size_t i = 0; i < n && st == ST_OK; i++)
		st = read_policy(mem, item(list, i), &details, &out->policy[i],
		    why);
	return st;
}

static enum status
read_document(TALLOC_CTX *mem, const json_t *o, struct tlsrpt_doc *out,
    struct diag *why)
{
	const json_t *range = json_object_get(o, "date-range");
	enum status st;

	out->organization = text_of(mem, o, "organization-name");
	out->contact = text_of(mem, o, "contact-info");
	out->id = text_of(mem, o, "report-id");
	if (*out->id == '\0')
		return diag_set(why, ST_SYNTAX,
		    "the report has no report-id (RFC 8460 4.4)");
	st = time_of(range, "start-datetime", &out->begin, why);
	if (st == ST_OK)
		st = time_of(range, "end-datetime", &out->end, why);
	if (st == ST_OK && out->end.ms < out->begin.ms)
		st = diag_set(why, ST_SYNTAX,
		    "the report's date-range ends before it begins");
	if (st == ST_OK)
		st = read_policies(mem, json_object_get(o, "policies"), out,
		    why);
	return st;
}

static enum status
parse(struct span json, json_t **out, struct diag *why)
{
	json_error_t error;

	/* a mark that UTF-8 does not need, and some write */
	if (span_starts(json, "\xef\xbb\xbf"))
		json = span_sub(json, 3, json.n);
	if (tlsrpt_bound(json, why) != ST_OK)
		return why->st;
	*out = json_loadb((const char *)json.p, json.n, JSON_ALLOW_NUL, &error);
	if (*out == NULL)
		return diag_set(why, ST_SYNTAX, "not JSON: line %d, column %d",
		    error.line, error.column);
	return ST_OK;
}

static enum status
read_object(TALLOC_CTX *mem, json_t *o, struct tlsrpt_doc *out,
    struct diag *why)
{
	enum status st;

	if (json_is_object(o))
		st = read_document(mem, o, out, why);
	else
		st = diag_set(why, ST_SYNTAX,
		    "the report is not a JSON object (RFC 8460 4.4)");
	json_decref(o);
	return st;
}

/* The text is let go of before what was made of it is made into more. */
enum status
tlsrpt_read(TALLOC_CTX *mem, struct span bytes, struct tlsrpt_doc *out,
    struct diag *why)
{
	json_t *o = NULL;
	struct sbuf json;
	enum status st;

	*out = (struct tlsrpt_doc){ .id = "" };
	if (bytes.n > TLSRPT_READ_PACKED_BYTES)
		return diag_set(why, ST_LIMIT, "the report is over %u bytes",
		    TLSRPT_READ_PACKED_BYTES);
	if (span_starts(bytes, "\x1f\x8b")) {
		sbuf_init(&json, mem, TLSRPT_READ_JSON_BYTES);
		st = tlsrpt_gunzip(bytes, &json, why);
		if (st == ST_OK)
			st = parse(sbuf_view(&json), &o, why);
		sbuf_free(&json);
	} else {
		st = parse(bytes, &o, why);
	}
	return st == ST_OK ? read_object(mem, o, out, why) : st;
}
