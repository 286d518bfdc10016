/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whatever senders, servers and messages say, a report is a report (B3.10).
 * Input: two bytes of flags, strings ended by \1, the rest is the original.
 */
#include <string.h>

#include "smtp/dsn.h"
#include "tests/dsn_rules.h"

#define MANY 150u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next string behind a prefix; what follows a NUL is lost. */
static const char *
take(TALLOC_CTX *mem, const char *prefix, struct span *in)
{
	size_t end = span_find(*in, 1, 0);
	struct span a = span_sub(*in, 0, end);

	*in = span_sub(*in, end + 1, in->n);
	a = span_sub(a, 0, span_find(a, 0, 0));
	return need(talloc_asprintf(mem, "%s%.*s", prefix, (int)a.n,
	    (const char *)a.p));
}

static struct dsn_rcpt
take_rcpt(TALLOC_CTX *mem, unsigned flags, struct span *in)
{
	struct dsn_rcpt r = {
		.address = take(mem, "a", in),
		.orcpt = take(mem, "", in),
		.status = take(mem, "", in),
		.remote_mta = take(mem, "", in),
		.diagnostic = take(mem, "", in),
		.why = take(mem, "", in),
		.last_attempt = { flags & 1 ? 1000 : 0 },
		.will_retry_until = { flags & 2 ? 2000 : 0 },
	};

	r.req = (struct dsn_requirement){
		.level = take(mem, "", in),
		.method = take(mem, "", in),
		.reached = take(mem, "", in),
		.host = take(mem, "", in),
		.failed = take(mem, "", in),
		.name = take(mem, "", in),
		.source = (enum dsn_source)(flags / 4 % DSN_SOURCE_COUNT),
		.advice = (enum dsn_advice)(flags % DSN_ADVICE_COUNT),
	};
	return r;
}

/* RET=FULL: to the byte, where nothing may be encoded. */
static void
check_whole(const struct dsn *d, struct span part)
{
	if (!span_starts(part, "Content-Type: message/rfc822\r\n"))
		return;
	invariant(d->ret == DSN_RET_FULL && !d->requiretls && d->complete);
	invariant(d->kind == DSN_KIND_FAILED && part.n >= d->original.n);
	invariant(span_eq_span(span_sub(part, part.n - d->original.n, part.n),
	    d->original));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct span in = span_of(data, size), third;
	struct dsn_rcpt rcpt[MANY];
	struct dsn_form form;
	struct sbuf out;
	unsigned flags, more;
	const char *broken;

	if (size < 2) {
		talloc_free(mem);
		return 0;
	}
	flags = data[0];
	more = data[1];
	in = span_sub(in, 2, in.n);
	struct dsn d = {
		.kind = (enum dsn_kind)(more % DSN_KIND_COUNT),
		.reporting_mta = "gw.example.org",
		.from = take(mem, flags & 1 ? "f" : "", &in),
		.to = take(mem, "t", &in),
		.queue_id = take(mem, "q", &in),
		.envid = take(mem, "", &in),
		.ret = flags & 2 ? DSN_RET_FULL : DSN_RET_NONE,
		.requiretls = (flags & 4) != 0,
		.tls_required_no = (flags & 8) != 0,
		.smtputf8 = (flags & 16) != 0,
		.complete = (flags & 32) == 0,
		.rcpt = rcpt,
		.rcpt_count = more >= 0xf0 ? MANY : 1 + flags / 128,
	};
	rcpt[0] = take_rcpt(mem, more, &in);
	for (size_t i = 1; i < MANY; i++)
		rcpt[i] = rcpt[0];
	d.original = in;
	sbuf_init(&out, mem, DSN_MAX_BYTES);
	invariant(dsn_write(&d, &out, &form) == ST_OK);
	broken = rules_broken(sbuf_view(&out), &d, &form, &third);
	if (broken != NULL)
		panic("%s", broken);
	check_whole(&d, third);
	invariant(!form.smtputf8 || form.is_8bit);
	talloc_free(mem);
	return 0;
}
