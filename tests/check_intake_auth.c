/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may hand in mail by an account: passwords and certificates. */
#include <crypt.h>

#include "tests/intake_tls.h"
#include "util/base64.h"
#include "util/sha256.h"

#define SALT "$6$rounds=1000$"

/* An account's line; password NULL: none. */
static char *
line(const char *name, const char *password, const char *senders)
{
	struct crypt_data d = { .initialized = 0 };

	return talloc_asprintf(mem, "%s:%s%s%s\n", name,
	    password == NULL ?
		"!" :
		crypt_rn(password, SALT "salt$", &d, (int)sizeof(d)),
	    *senders == '\0' ? "" : ":", senders);
}

static void
use_accounts(const char *text)
{
	struct conf_mistakes bad = { .mem = mem };
	struct accounts *a = accounts_parse(mem, "f", span_str(text), &bad);

	ck_assert_msg(a != NULL, "%s", a == NULL ? bad.text[0] : "");
	intake_set_accounts(in, a);
}

/* A listener for those who authenticate, and for no others. */
static void
set_up_auth(void)
{
	set_up();
	listens[0] = (struct conf_listen){ .tls = LISTEN_TLS_OFFER,
		.auth = LISTEN_AUTH_OFFER };
	conf.intake_auth_failures = 100;
	conf.intake_auth_cache_ms = 300000;
	intake_reload(in, &conf);
	offer_tls();
	use_accounts(talloc_asprintf(mem, "%s%s%s", line("alice", "secret", ""),
	    line("bob", "word", "bob@b.example,@d.example"),
	    line("cert", NULL, "")));
}

static const char *
plain(const char *authzid, const char *name, const char *password)
{
	struct sbuf b, out;

	sbuf_init(&b, mem, 1024);
	sbuf_init(&out, mem, 2048);
	sbuf_add(&b, authzid, strlen(authzid) + 1);
	sbuf_add(&b, name, strlen(name) + 1);
	sbuf_str(&b, password);
	sbuf_str(&out, "AUTH PLAIN ");
	base64_put(&out, sbuf_view(&b));
	sbuf_str(&out, "\r\n");
	return sbuf_cstr(&out);
}

static void
send_mail(struct client *c, struct tls_side *t, const char *from,
    const char *want)
{
	tls_ask(c, t, talloc_asprintf(mem, "MAIL FROM:<%s>\r\n", from), want);
}

/* The time in which the next password may be computed. */
static void
rest(void)
{
	advance(INTAKE_AUTH_REST_MS);
}

/* ---- PLAIN ---- */

START_TEST(smtp_23_who_authenticates_may_relay)
{
	struct tls_side t;
	struct client *c = greeted();
	const char *body;

	ask(c, plain("", "alice", "secret"), "5");
	client_close(c);
	c = secured(&t);
	send_mail(c, &t, "a@b.example", "250");
	tls_ask(c, &t, "RCPT TO:<c@d.example>\r\n", "550 5.7.1");
	tls_ask(c, &t, "RSET\r\n", "250");
	tls_ask(c, &t, plain("", "alice", "secret"), "235 2.7.0");
	tls_ask(c, &t, plain("", "alice", "secret"), "503");
	send_mail(c, &t, "a@b.example", "250");
	tls_ask(c, &t, "RCPT TO:<c@d.example>\r\n", "250");
	tls_ask(c, &t, "DATA\r\n", "354");
	tls_ask(c, &t, "x\r\n.\r\n", "250 2.0.0 queued");
	body = sbuf_cstr(&keeper.sub[0].body);
	ck_assert_ptr_nonnull(strstr(body, "with ESMTPSA (TLSv1.3)\r\n"));
	ck_assert_ptr_null(strstr(body, "alice"));
	ck_assert_str_eq(keeper.sub[0].open.account, "alice");
}
END_TEST

START_TEST(rules_for_accounts_are_about_who_has_authenticated)
{
	static const char *alice = "alice", *bob = "bob";
	struct conf_rule rules[] = {
		{ .name = "of-alice",
		    .accounts = &alice,
		    .account_count = 1,
		    .require = OVERRIDE_REQUIRE_VERIFIED },
		{ .name = "of-bob",
		    .accounts = &bob,
		    .account_count = 1,
		    .require = OVERRIDE_REQUIRE_VERIFIED },
	};
	const struct conf_rule *marking[] = { &rules[0], &rules[1] };
	struct tls_side t;
	struct client *c = secured(&t);

	conf.marking = marking;
	conf.marking_count = COUNT_OF(marking);
	tls_ask(c, &t, plain("", "bob", "word"), "235 2.7.0");
	send_mail(c, &t, "bob@b.example", "250");
	tls_ask(c, &t, "RCPT TO:<c@d.example>\r\n", "250");
	tls_ask(c, &t, "DATA\r\n", "354");
	tls_ask(c, &t, "x\r\n.\r\n", "250 2.0.0 queued");
	ck_assert_str_eq(keeper.sub[0].end.marks, "of-bob");
}
END_TEST

START_TEST(smtp_23_auth_is_announced_under_tls_only)
{
	struct tls_side t;
	struct client *c = client_at(0);

	expect(c, "220");
	say(c, "EHLO c.example\r\n");
	ck_assert_ptr_null(strstr(reply(c), "AUTH"));
	ask(c, "STARTTLS\r\n", "220");
	t = handshake(c);
	tls_ask(c, &t, "EHLO c.example\r\n", "250-gw");
	tls_ask(c, &t, "AUTH EXTERNAL =\r\n", "5");
	tls_ask(c, &t, "AUTH PLAIN\r\n", "334");
	tls_ask(c, &t, "*\r\n", "501");
}
END_TEST

START_TEST(smtp_23_what_is_wrong_is_not_told)
{
	static const char *const tries[][3] = {
		{ "", "alice", "wrong" },
		{ "", "nobody", "secret" },
		{ "", "cert",
		    ""
		    "x" },
		{ "", "a b", "secret" },
		{ "bob", "alice", "secret" },
	};
	struct tls_side t;

	for (size_t i = 0; i < COUNT_OF(tries); i++) {
		struct client *c = secured(&t);

		tls_ask(c, &t, plain(tries[i][0], tries[i][1], tries[i][2]),
		    "535 5.7.8 authentication failed\r\n");
		send_mail(c, &t, "a@b", "250");
		tls_ask(c, &t, "RCPT TO:<c@d.example>\r\n", "550 5.7.1");
		client_close(c);
		rest();
	}
}
END_TEST

/* After one that was computed the next must wait. */
static void
expect_rest(void)
{
	struct tls_side t;
	struct client *c = secured(&t);

	tls_say(&t, plain("", "bob", "none"));
	tls_expect_silence(c, &t);
	rest();
	tls_ask(c, &t, "", "535");
	client_close(c);
	rest();
}

static void
login(const char *name, const char *password, const char *want)
{
	struct tls_side t;
	struct client *c = secured(&t);

	tls_ask(c, &t, plain("", name, password), want);
	client_close(c);
}

START_TEST(an_unknown_name_costs_what_a_known_one_does)
{
	login("alice", "none", "535");
	expect_rest();
	login("nobody", "none", "535");
	expect_rest();
	login("cert", "none", "535");
	expect_rest();
}
END_TEST

START_TEST(a_password_once_right_is_not_computed_again)
{
	login("alice", "secret", "235");
	expect_rest();
	for (int i = 0; i < 3; i++)
		login("alice", "secret", "235");
	login("alice", "Secret", "535");
	expect_rest();
	advance(300000);
	login("alice", "secret", "235");
	expect_rest();
}
END_TEST

START_TEST(a_new_password_is_a_new_question)
{
	login("alice", "secret", "235");
	rest();
	use_accounts(line("alice", "other", ""));
	login("alice", "secret", "535");
	rest();
	login("alice", "other", "235");
}
END_TEST

START_TEST(one_password_is_computed_at_a_time)
{
	struct tls_side t[4];
	struct client *c[4];

	for (int i = 0; i < 4; i++)
		c[i] = secured(&t[i]);
	for (int i = 0; i < 3; i++)
		tls_say(&t[i], plain("", "alice", i == 1 ? "x" : "secret"));
	tls_ask(c[0], &t[0], "", "235");
	tls_expect_silence(c[1], &t[1]);
	tls_ask(c[3], &t[3], "NOOP\r\n", "250"); /* the others go on */
	rest();
	tls_ask(c[1], &t[1], "", "535");
	tls_expect_silence(c[2], &t[2]);
	client_close(c[3]);
	rest();
	tls_ask(c[2], &t[2], "", "235");
}
END_TEST

START_TEST(who_leaves_the_queue_does_not_hold_it_up)
{
	struct tls_side t[3];
	struct client *c[3];

	for (int i = 0; i < 3; i++) {
		c[i] = secured(&t[i]);
		tls_say(&t[i], plain("", "alice", "x"));
	}
	tls_ask(c[0], &t[0], "", "535");
	client_close(c[1]);
	rest();
	rest();
	tls_ask(c[2], &t[2], "", "535");
}
END_TEST

START_TEST(one_client_has_a_short_queue)
{
	struct tls_side t[INTAKE_AUTH_CLIENT + 2];
	struct client *c[INTAKE_AUTH_CLIENT + 2];

	for (unsigned i = 0; i < COUNT_OF(c); i++) {
		c[i] = secured(&t[i]);
		tls_say(&t[i], plain("", "alice", "x"));
	}
	tls_ask(c[0], &t[0], "", "535");
	tls_ask(c[COUNT_OF(c) - 1], &t[COUNT_OF(c) - 1], "", "454 4.7.0");
	advance(INTAKE_AUTH_WAIT_MS - INTAKE_AUTH_REST_MS);
	advance(INTAKE_AUTH_REST_MS);
	settle();
	ck_assert_uint_le(in->session_count, COUNT_OF(c));
}
END_TEST

START_TEST(b1_11_too_many_failures_are_answered_unseen)
{
	struct tls_side t;
	struct client *c;

	conf.intake_auth_failures = 3;
	intake_reload(in, &conf);
	for (int i = 0; i < 3; i++) {
		c = secured(&t);
		tls_ask(c, &t, plain("", "alice", "x"), "535");
		client_close(c);
		rest();
	}
	c = secured(&t);
	tls_ask(c, &t, plain("", "alice", "secret"), "454 4.7.0");
	client_close(c);
	advance(INTAKE_FORGIVE_MS);
	c = secured(&t);
	tls_ask(c, &t, plain("", "alice", "secret"), "235");
}
END_TEST

START_TEST(each_failure_is_told_later_than_the_one_before)
{
	static const int64_t delays[] = { 1000, 2000, 4000, 5000, 5000 };
	struct tls_side t;
	struct client *c;

	conf.intake_tarpit_delay_ms = 1000;
	conf.intake_tarpit_limit_ms = 5000;
	conf.intake_tarpit_after = 100;
	for (size_t i = 0; i < COUNT_OF(delays); i++) {
		c = secured(&t);
		tls_say(&t, plain("", "alice", "x"));
		advance(delays[i] - 1);
		tls_expect_silence(c, &t);
		advance(1);
		tls_ask(c, &t, "", "535");
		tls_ask(c, &t, "NOOP\r\n", "250");
		client_close(c);
	}
}
END_TEST

static void
assert_not_in_buffer(const char *text)
{
	for (size_t i = 0; i + 10 < INTAKE_READ_BYTES; i++)
		ck_assert(memcmp(in->read_buf + i, text, 10) != 0);
}

/* More than a response may have. */
static char *
long_response(void)
{
	char *text = need(talloc_strdup(mem, ""));

	for (unsigned i = 0; i < SERVER_AUTH_LINE_BYTES / 10 + 2; i++)
		text = talloc_strdup_append_buffer(text, "c2VjcmV0d2");
	return text;
}

START_TEST(no_password_stays_in_the_buffer_that_is_shared)
{
	struct tls_side t;
	struct client *c = secured(&t);
	const char *text = plain("", "alice", "secret");

	tls_ask(c, &t, text, "235");
	assert_not_in_buffer(text + 11);
}
END_TEST

/* What is no AUTH, or a bad one, may hold a password all the same. */
START_TEST(no_password_of_a_bad_command_stays_there_either)
{
	static const char *const lines[] = {
		"AUTH PLAIN c2VjcmV0d29yZA== x\r\n",
		"AUTH PLAIN c2VjcmV0d29yZA\r\n",
		"AUTH LOGIN c2VjcmV0d29yZA==\r\n",
		"AUHT PLAIN c2VjcmV0d29yZA==\r\n",
		"NOOP\r\nAUTH PLAIN c2VjcmV0d29yZA==\r\n",
	};
	struct tls_side t;
	struct client *c;

	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		c = secured(&t);
		tls_say(&t, lines[i]);
		settle();
		assert_not_in_buffer("c2VjcmV0d2");
		client_close(c);
	}
	c = secured(&t); /* half a line, and then no more */
	tls_say(&t, "AUTH PLAIN c2VjcmV0d29yZA");
	settle();
	assert_not_in_buffer("c2VjcmV0d2");
	tls_ask(c, &t, "==\r\n", "501");
	assert_not_in_buffer("c2VjcmV0d2");
	tls_ask(c, &t, "AUTH PLAIN\r\n", "334");
	tls_say(&t, long_response());
	tls_ask(c, &t, "\r\n", "500");
	assert_not_in_buffer("c2VjcmV0d2");
}
END_TEST

/* ---- senders ---- */

START_TEST(b1_11_an_account_sends_as_itself_only)
{
	struct tls_side t;
	struct client *c = secured(&t);

	tls_ask(c, &t, plain("", "bob", "word"), "235");
	send_mail(c, &t, "alice@b.example", "553 5.7.1");
	send_mail(c, &t, "", "553 5.7.1");
	send_mail(c, &t, "BOB@B.example", "250");
	tls_ask(c, &t, "RSET\r\n", "250");
	send_mail(c, &t, "x@d.example", "250");
}
END_TEST

/* What a reload may leave of alice's account. */
static const char *
left_of_alice(int how)
{
	switch (how) {
	case 0: /* she is gone */
		return line("bob", "word", "");
	case 1:
		return line("alice", "another", "");
	case 2:
		return line("alice", NULL, "");
	}
	return NULL; /* there are no accounts at all */
}

static void
change_accounts(int how)
{
	if (left_of_alice(how) == NULL)
		intake_set_accounts(in, NULL);
	else
		use_accounts(left_of_alice(how));
}

#define CHANGES 4

/* Whether between two commands, with an envelope, or in the content. */
START_TEST(an_account_that_is_no_more_sends_no_more)
{
	struct tls_side t;
	struct client *c = secured(&t);

	tls_ask(c, &t, plain("", "alice", "secret"), "235");
	if (_i / CHANGES > 0) {
		send_mail(c, &t, "a@b.example", "250");
		tls_ask(c, &t, "RCPT TO:<c@d.example>\r\n", "250");
	}
	if (_i / CHANGES > 1) {
		tls_ask(c, &t, "DATA\r\n", "354");
		tls_say(&t, "Subject: x\r\n\r\n");
		settle();
	}
	change_accounts(_i % CHANGES);
	tls_ask(c, &t, "", "421 4.7.0");
	tls_expect_end(c, &t);
	settle();
	for (size_t i = 0; i < keeper.sub_count; i++)
		ck_assert(!keeper.sub[i].ended);
}
END_TEST

START_TEST(an_account_that_stays_as_it_was_may_go_on)
{
	struct tls_side t;
	struct client *c = secured(&t);

	tls_ask(c, &t, plain("", "alice", "secret"), "235");
	use_accounts(line("alice", "secret", "a@b.example"));
	intake_reload(in, &conf);
	send_mail(c, &t, "c@b.example", "553");
	send_mail(c, &t, "a@b.example", "250");
}
END_TEST

START_TEST(what_the_keeper_has_whole_is_answered_before_the_account_ends)
{
	struct tls_side t;
	struct client *c = secured(&t);

	keeper.gives_verdict = false;
	tls_ask(c, &t, plain("", "alice", "secret"), "235");
	send_mail(c, &t, "a@b.example", "250");
	tls_ask(c, &t, "RCPT TO:<c@d.example>\r\n", "250");
	tls_ask(c, &t, "DATA\r\n", "354");
	tls_say(&t, "x\r\n.\r\n");
	settle();
	change_accounts(0);
	tls_expect_silence(c, &t);
	send_done(&keeper.sub[0], VERDICT_QUEUED);
	tls_ask(c, &t, "", "250 2.0.0");
	tls_ask(c, &t, "", "421 4.7.0");
	tls_expect_end(c, &t);
}
END_TEST

/* ---- listeners that require it ---- */

START_TEST(smtp_24_mail_before_authentication_is_refused)
{
	struct tls_side t;
	struct client *c;

	listens[0].role = LISTEN_SUBMISSION;
	listens[0].auth = LISTEN_AUTH_REQUIRE;
	listens[0].tls = LISTEN_TLS_REQUIRE;
	intake_reload(in, &conf);
	c = greeted();
	ask(c, "MAIL FROM:<a@b.example>\r\n", "530 5.7.0");
	client_close(c);
	c = secured(&t);
	send_mail(c, &t, "a@b.example", "530 5.7.0");
	tls_ask(c, &t, plain("", "alice", "secret"), "235");
	send_mail(c, &t, "a@b.example", "250");
}
END_TEST

START_TEST(b1_11_a_network_that_is_not_listed_may_not_even_try)
{
	struct netprefix far;
	struct client *c;

	ck_assert_int_eq(netprefix_parse(SPAN_LIT("10.0.0.0/8"), &far), ST_OK);
	listens[0].auth = LISTEN_AUTH_REQUIRE;
	listens[0].allow = &far;
	listens[0].allow_count = 1;
	intake_reload(in, &conf);
	c = client_at(0);
	expect(c, "554 5.7.1");
	expect_end(c);
}
END_TEST

/* RFC 8314 3.3 */
START_TEST(smtp_24_tls_from_the_first_byte)
{
	struct tls_side t;
	struct client *c;

	listens[0].tls = LISTEN_TLS_IMPLICIT;
	intake_reload(in, &conf);
	c = client_at(0);
	t = handshake(c);
	tls_ask(c, &t, "", "220 gw.example.org");
	tls_ask(c, &t, "EHLO c.example\r\n", "250-gw");
	tls_ask(c, &t, "STARTTLS\r\n", "503");
	tls_ask(c, &t, plain("", "alice", "secret"), "235");
	send_mail(c, &t, "a@b.example", "250");
	c = client_at(0); /* clear text instead */
	say(c, "EHLO c.example\r\n");
	for (unsigned i = 0; in->session_count > 1; i++)
		pump_for(i);
}
END_TEST

START_TEST(c2_a_silent_client_of_implicit_tls_is_ended)
{
	struct client *c;

	listens[0].tls = LISTEN_TLS_IMPLICIT;
	intake_reload(in, &conf);
	c = client_at(0);
	advance(INTAKE_HANDSHAKE_MS - 1);
	expect_silence(c);
	advance(1);
	expect_end(c);
}
END_TEST

/* ---- certificates ---- */

static struct conf_certificate known[2];

static void
know(size_t count)
{
	listens[0].certificate = known;
	listens[0].certificate_count = count;
	intake_reload(in, &conf);
}

static void
know_fingerprint(const struct cert *cert)
{
	known[0] = (struct conf_certificate){ .name = "", .account = "cert" };
	sha256(cert_der(mem, cert, 0), known[0].sha256);
	know(1);
}

START_TEST(smtp_23_a_certificate_stands_for_an_account)
{
	const struct cert *own = cert_leaf(mem, "DNS:app.example", NULL);
	const struct cert *other = cert_leaf(mem, "DNS:app.example", NULL);
	struct tls_side t;
	struct client *c;

	know_fingerprint(own);
	c = secured_as(&t, own);
	tls_ask(c, &t, "AUTH EXTERNAL =\r\n", "235");
	send_mail(c, &t, "a@b.example", "250");
	tls_ask(c, &t, "RCPT TO:<c@d.example>\r\n", "250");
	c = secured_as(&t, own);
	tls_ask(c, &t, "AUTH EXTERNAL Y2VydA==\r\n", "235"); /* cert */
	c = secured_as(&t, own);
	tls_ask(c, &t, "AUTH EXTERNAL YWxpY2U=\r\n", "535"); /* alice */
	c = secured_as(&t, other);
	tls_ask(c, &t, "AUTH EXTERNAL =\r\n", "5");
	c = secured(&t);
	tls_ask(c, &t, "AUTH EXTERNAL =\r\n", "5");
}
END_TEST

START_TEST(smtp_23_a_certificate_of_an_account_that_is_no_more)
{
	const struct cert *own = cert_leaf(mem, "DNS:app.example", NULL);
	struct tls_side t;
	struct client *c;

	know_fingerprint(own);
	use_accounts(line("alice", "secret", ""));
	c = secured_as(&t, own);
	tls_ask(c, &t, "AUTH EXTERNAL =\r\n", "5");
	intake_set_accounts(in, NULL); /* none at all: the listener's word */
	c = secured_as(&t, own);
	tls_ask(c, &t, "AUTH EXTERNAL =\r\n", "235");
}
END_TEST

static bool
stands_for_an_account(const struct cert *cert)
{
	struct tls_side t;
	struct client *c = secured_as(&t, cert);
	const char *got;

	tls_say(&t, "AUTH EXTERNAL =\r\n");
	while (whole_reply(c) == 0) {
		int n = SSL_read(t.ssl, c->in + c->n, 4096);

		if (n > 0)
			c->n += (size_t)n;
		else
			pump();
	}
	got = reply(c);
	client_close(c);
	return strncmp(got, "235", 3) == 0;
}

START_TEST(smtp_23_an_authority_vouches_for_a_name)
{
	const struct cert *ca = cert_ca(mem, "Private", NULL);
	const struct cert *fake = cert_ca(mem, "Private", NULL);
	const struct cert_spec late = { .san = "DNS:app.example",
		.from_s = -2 * CERTS_DAY_S,
		.to_s = -CERTS_DAY_S };
	const struct cert_spec server = { .san = "DNS:app.example",
		.eku = "serverAuth" };

	offer_tls_trusting(ca);
	known[0] = (struct conf_certificate){ .name = "app.example",
		.account = "cert" };
	known[1] = (struct conf_certificate){ .name = "m@x.example",
		.account = "alice" };
	know(2);
	ck_assert(stands_for_an_account(cert_leaf(mem, "DNS:app.example", ca)));
	ck_assert(stands_for_an_account(cert_leaf(mem, "email:m@x.example",
	    ca)));
	ck_assert(!stands_for_an_account(cert_leaf(mem, "DNS:app.example",
	    fake)));
	ck_assert(!stands_for_an_account(cert_leaf(mem, "DNS:app.example",
	    NULL)));
	ck_assert(!stands_for_an_account(cert_leaf(mem, "DNS:b.example", ca)));
	ck_assert(!stands_for_an_account(cert_leaf(mem, "DNS:*.example", ca)));
	ck_assert(!stands_for_an_account(cert_make(mem, &late, ca)));
	ck_assert(!stands_for_an_account(cert_make(mem, &server, ca)));
}
END_TEST

START_TEST(a_listener_may_take_the_certificate_alone)
{
	const struct cert *own = cert_leaf(mem, "DNS:app.example", NULL);
	struct tls_side t;
	struct client *c;

	listens[0].login = LISTEN_LOGIN_IMPLICIT;
	listens[0].auth = LISTEN_AUTH_REQUIRE;
	know_fingerprint(own);
	use_accounts(line("cert", NULL, "@b.example"));
	c = secured_as(&t, own);
	send_mail(c, &t, "a@x.example", "553 5.7.1");
	send_mail(c, &t, "a@b.example", "250");
	tls_ask(c, &t, "RCPT TO:<c@d.example>\r\n", "250");
	tls_ask(c, &t, "DATA\r\n", "354");
	tls_ask(c, &t, "x\r\n.\r\n", "250 2.0.0 queued");
	ck_assert_ptr_nonnull(strstr(sbuf_cstr(&keeper.sub[0].body),
	    "with ESMTPS ")); /* there was no AUTH */
	c = secured(&t);
	send_mail(c, &t, "a@b.example", "530 5.7.0");
}
END_TEST

/* ---- main ---- */

int
main(void)
{
	TCase *plain_case = tcase_create("plain");
	TCase *listener_case = tcase_create("listeners");
	TCase *certificate_case = tcase_create("certificates");
	TCase *cases[] = { plain_case, listener_case, certificate_case };

	tcase_add_test(plain_case, smtp_23_who_authenticates_may_relay);
	tcase_add_test(plain_case,
	    rules_for_accounts_are_about_who_has_authenticated);
	tcase_add_test(plain_case, smtp_23_auth_is_announced_under_tls_only);
	tcase_add_test(plain_case, smtp_23_what_is_wrong_is_not_told);
	tcase_add_test(plain_case, an_unknown_name_costs_what_a_known_one_does);
	tcase_add_test(plain_case, a_password_once_right_is_not_computed_again);
	tcase_add_test(plain_case, a_new_password_is_a_new_question);
	tcase_add_test(plain_case, one_password_is_computed_at_a_time);
	tcase_add_test(plain_case, who_leaves_the_queue_does_not_hold_it_up);
	tcase_add_test(plain_case, one_client_has_a_short_queue);
	tcase_add_test(plain_case, b1_11_too_many_failures_are_answered_unseen);
	tcase_add_test(plain_case,
	    each_failure_is_told_later_than_the_one_before);
	tcase_add_test(plain_case,
	    no_password_stays_in_the_buffer_that_is_shared);
	tcase_add_test(plain_case, b1_11_an_account_sends_as_itself_only);
	tcase_add_test(plain_case,
	    no_password_of_a_bad_command_stays_there_either);
	tcase_add_loop_test(plain_case,
	    an_account_that_is_no_more_sends_no_more, 0, 3 * CHANGES);
	tcase_add_test(plain_case, an_account_that_stays_as_it_was_may_go_on);
	tcase_add_test(plain_case,
	    what_the_keeper_has_whole_is_answered_before_the_account_ends);
	tcase_add_test(listener_case,
	    smtp_24_mail_before_authentication_is_refused);
	tcase_add_test(listener_case,
	    b1_11_a_network_that_is_not_listed_may_not_even_try);
	tcase_add_test(listener_case, smtp_24_tls_from_the_first_byte);
	tcase_add_test(listener_case,
	    c2_a_silent_client_of_implicit_tls_is_ended);
	tcase_add_test(certificate_case,
	    smtp_23_a_certificate_stands_for_an_account);
	tcase_add_test(certificate_case,
	    smtp_23_a_certificate_of_an_account_that_is_no_more);
	tcase_add_test(certificate_case,
	    smtp_23_an_authority_vouches_for_a_name);
	tcase_add_test(certificate_case,
	    a_listener_may_take_the_certificate_alone);
	return intake_suite("intake_auth", set_up_auth, cases, COUNT_OF(cases));
}
