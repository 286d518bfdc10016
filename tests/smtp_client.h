/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * smtp_client - scripted dialogues with smtp/client: what a server says, and
 * what must then be sent.
 */
#ifndef TESTS_SMTP_CLIENT_H
#define TESTS_SMTP_CLIENT_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/client.h"

#define EHLO_TLS   "250-mx.example\r\n250-PIPELINING\r\n250 STARTTLS\r\n"
#define EHLO_PIPE  "250-mx.example\r\n250 PIPELINING\r\n"
#define EHLO_PLAIN "250 mx.example\r\n"

static const struct client_conf conf = {
	.hostname = "gw.example.org",
	.greeting_ms = 300000,
	.command_ms = 310000,
	.data_ms = 120000,
	.block_ms = 180000,
	.dot_ms = 600000,
	.transaction_ms = 3600000,
	.quit_ms = 10000,
	.reply_bytes = 65536,
	.bdat = true,
};

static TALLOC_CTX *mem;
static struct client *client;
static struct mono now;
static struct sbuf in;    /* what the server said and nobody has read */
static struct sbuf wire;  /* what the client sent */
static size_t send_bytes; /* at once */

static inline void
setup(void)
{
	mem = talloc_new(NULL);
	now = (struct mono){ 1000 };
	sbuf_init(&in, mem, 16u << 20);
	sbuf_init(&wire, mem, 16u << 20);
	send_bytes = SIZE_MAX;
}

static inline void
teardown(void)
{
	talloc_free(mem);
}

/* Send some output; false when there was none. */
static inline bool
transmit(void)
{
	struct iovec iov[8];
	int n = client_output(client, iov, 8);
	size_t left = send_bytes, sent = 0;

	for (int i = 0; i < n && left > 0; i++) {
		size_t part = iov[i].iov_len < left ? iov[i].iov_len : left;

		sbuf_add(&wire, iov[i].iov_base, part);
		sent += part;
		left -= part;
	}
	if (sent > 0)
		client_sent(client, now, sent);
	return sent > 0;
}

static inline enum client_action
run(void)
{
	enum client_action action;

	do {
		struct span rest = sbuf_view(&in);

		action = client_step(client, now, &rest);
		sbuf_consume(&in, in.n - rest.n);
	} while (action == CLIENT_WAIT && transmit());
	return action;
}

static inline enum client_action
hear(const char *text)
{
	sbuf_str(&in, text);
	return run();
}

#define expect_sent(text)                                                      \
	do {                                                                   \
		ck_assert_str_eq(sbuf_cstr(&wire), text);                      \
		sbuf_reset(&wire);                                             \
	} while (0)

static inline void
begin(enum client_tls tls)
{
	sbuf_reset(&in);
	sbuf_reset(&wire);
	client = client_new(mem, &conf, tls, now);
	ck_assert_int_eq(run(), CLIENT_WAIT);
	expect_sent("");
}

/* To READY, in clear. */
static inline void
ready(const char *ehlo)
{
	begin(CLIENT_TLS_NEVER);
	ck_assert_int_eq(hear("220 mx.example\r\n"), CLIENT_WAIT);
	ck_assert_int_eq(hear(ehlo), CLIENT_READY);
	sbuf_reset(&wire);
}

static const struct client_mail_rcpt three[] = { { .address = "a@d.example" },
	{ .address = "b@d.example" }, { .address = "c@d.example" } };

/* To READY, in TLS: what was said before it is of no use. */
static inline void
ready_tls(const char *ehlo)
{
	begin(CLIENT_TLS_REQUIRED);
	hear("220 mx.example\r\n");
	hear(EHLO_TLS);
	ck_assert_int_eq(hear("220 go\r\n"), CLIENT_START_TLS);
	client_tls_started(client, now);
	run();
	ck_assert_int_eq(hear(ehlo), CLIENT_READY);
	sbuf_reset(&wire);
}

static inline void
mail_of(const struct client_mail *m)
{
	struct diag why = { 0 };

	ck_assert_int_eq(client_mail(client, now, m, &why), ST_OK);
}

static inline void
mail_to(size_t rcpt_count)
{
	const struct client_mail m = { .sender = "s@x.example",
		.size_bytes = 100,
		.rcpt = three,
		.rcpt_count = rcpt_count };

	mail_of(&m);
}

static inline void
expect_failure(enum client_fault fault, enum client_state at)
{
	struct client_failure f = client_failure(client);

	ck_assert_int_eq(client_state(client), CLIENT_S_FAILED);
	ck_assert_msg(f.fault == fault && f.at == at, "%d in %s: %s",
	    (int)f.fault, client_state_name(f.at), f.why);
	ck_assert_int_ne(f.why[0], '\0');
}

/* Content in one part, after 354 was heard. */
static inline enum client_action
send_content(const char *text)
{
	ck_assert_int_eq(client_state(client), CLIENT_S_BODY);
	client_body(client, now, span_str(text), true);
	return run();
}

static inline void
expect_timeout(int64_t ms, enum client_state at)
{
	ck_assert_int_eq(client_state(client), at);
	ck_assert_int_eq(client_deadline(client).ms, now.ms + ms);
	now.ms += ms - 1;
	ck_assert_int_ne(run(), CLIENT_FAILED);
	now.ms += 1;
	ck_assert_int_eq(run(), CLIENT_FAILED);
	expect_failure(CLIENT_FAULT_TIMEOUT, at);
}

static inline void
to_body(void)
{
	ready(EHLO_PIPE);
	mail_to(1);
	run();
	ck_assert_int_eq(hear("250 ok\r\n250 ok\r\n354 go\r\n"), CLIENT_BODY);
	sbuf_reset(&wire);
}

static inline struct client_mail
one(uint64_t size, bool has_8bit)
{
	return (struct client_mail){ .sender = "s@x.example",
		.size_bytes = size,
		.has_8bit = has_8bit,
		.rcpt = three,
		.rcpt_count = 1 };
}

/* To the handshake. */
static inline void
to_handshake(enum client_tls tls)
{
	begin(tls);
	hear("220 mx\r\n");
	hear(EHLO_TLS);
	sbuf_reset(&wire);
	ck_assert_int_eq(hear("220 go\r\n"), CLIENT_START_TLS);
}

/* Run the tests that add() names, each with a fixture of its own. */
static inline int
client_suite(const char *name, void (*add)(TCase *t))
{
	Suite *s = suite_create(name);
	TCase *t = tcase_create(name);
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	add(t);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
