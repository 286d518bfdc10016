/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dsn - a delivery report to write and look into; every one that is written
 * keeps to the rules of dsn_rules.h.
 */
#ifndef TESTS_DSN_H
#define TESTS_DSN_H

#include "smtp/dsn.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/dsn_rules.h"

static TALLOC_CTX *mem;
static struct sbuf out;
static struct dsn_form form;
static struct span third; /* part, of the report last written */

static inline void
set_up(void)
{
	mem = talloc_new(NULL);
	sbuf_init(&out, mem, DSN_MAX_BYTES);
}

static inline void
tear_down(void)
{
	talloc_free(mem);
}

static const char original[] = "From: Alice <alice@example.org>\r\n"
			       "To: bob@example.net\r\n"
			       "Subject: figures\r\n"
			       "Message-ID: <1@example.org>\r\n"
			       "\r\n"
			       "The figures.\r\n"
			       ".\r\n";

static const struct dsn_rcpt policy_rcpt = {
	.address = "bob@example.net",
	.status = "4.7.5",
	.why = "mx1.example.net: STARTTLS is not offered",
	.req = {
		.level = "verify",
		.method = "pkix-sts",
		.reached = "nothing",
		.host = "mx1.example.net",
		.name = "20261101",
		.source = DSN_SOURCE_STS,
		.advice = DSN_ADVICE_STARTTLS,
	},
};

static const struct dsn_rcpt unknown_rcpt = {
	.address = "\"odd  name\"@example.com",
	.status = "5.1.1",
	.remote_mta = "mx.example.com",
	.diagnostic = "550 5.1.1 <\"odd  name\"@example.com>: no such user\n"
		      "here, see http://example.com/why",
};

static inline struct dsn
dsn_of(const struct dsn_rcpt *rcpt, size_t count)
{
	struct dsn d = {
		.kind = DSN_KIND_FAILED,
		.reporting_mta = "gw.example.org",
		.queue_id = "1a2b3c4d5e",
		.to = "alice@example.org",
		.now = { INT64_C(1795940513000) },
		.arrival = { INT64_C(1795508513000) },
		.rcpt = rcpt,
		.rcpt_count = count,
		.original = span_str(original),
		.complete = true,
	};

	for (size_t i = 0; i < sizeof(d.random); i++)
		d.random[i] = (uint8_t)(0xa0 + i);
	return d;
}

static const char *
written(const struct dsn *d)
{
	const char *broken;

	ck_assert_int_eq(dsn_write(d, &out, &form), ST_OK);
	broken = rules_broken(sbuf_view(&out), d, &form, &third);
	ck_assert_msg(broken == NULL, "%s\n%s", broken, sbuf_cstr(&out));
	return sbuf_cstr(&out);
}

static inline bool
has(const char *text)
{
	return rules_count(sbuf_view(&out), text) > 0;
}

/* As has(), line breaks and indents apart. */
static inline bool
has_words(const char *text)
{
	const char *p = sbuf_cstr(&out);
	char *flat = talloc_zero_array(mem, char, (unsigned)out.n + 1);
	size_t n = 0;

	for (; *p != '\0'; p++) {
		bool blank = *p == '\r' || *p == '\n' || *p == ' ' ||
			     *p == '\t';

		if (!blank)
			flat[n++] = *p;
		else if (n > 0 && flat[n - 1] != ' ')
			flat[n++] = ' ';
	}
	return strstr(flat, text) != NULL;
}

/* The third part, without its MIME header. */
static inline struct span
returned(void)
{
	struct span rest = third, line;

	while (span_line(&rest, &line) && line.n > 0)
		continue;
	return rest;
}

static inline char *
filled(size_t n, char c)
{
	char *text = talloc_zero_array(mem, char, (unsigned)n + 1);

	memset(text, c, n);
	return text;
}

#endif
