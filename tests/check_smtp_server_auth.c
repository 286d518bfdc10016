/* SPDX-License-Identifier: BSD-2-Clause */
/* The server machine: AUTH, RFC 4954, with PLAIN (4616) and EXTERNAL (4422). */
#include "tests/server_session.h"
#include "util/base64.h"

/* base64 of "zid" NUL "cid" NUL "word", or the like. */
static const char *
plain(const char *authzid, const char *authcid, const char *password)
{
	struct sbuf raw, text;

	sbuf_init(&raw, mem, 4096);
	sbuf_init(&text, mem, 8192);
	sbuf_str(&raw, authzid);
	sbuf_u8(&raw, 0);
	sbuf_str(&raw, authcid);
	sbuf_u8(&raw, 0);
	sbuf_str(&raw, password);
	base64_put(&text, sbuf_view(&raw));
	return sbuf_cstr(&text);
}

static const char *
base64(const char *raw)
{
	struct sbuf text;

	sbuf_init(&text, mem, 32768);
	base64_put(&text, span_str(raw));
	return sbuf_cstr(&text);
}

static void
open_tls(void)
{
	conf.auth_plain = conf.auth_external = true;
	conf.errors = 1000;
	hello_tls();
}

static char *
auth_line(const char *mechanism, const char *response)
{
	return talloc_asprintf(mem, "AUTH %s %s\r\n", mechanism, response);
}

START_TEST(smtp_23_tls_38_auth_is_offered_within_tls_only)
{
	conf.auth_plain = true;
	hello();
	ck_assert_ptr_null(strstr(said(), "AUTH"));
	check_said("AUTH PLAIN\r\n", "538 5.7.11");
	check_said("MAIL FROM:<a@b> AUTH=<>\r\n", "555 5.5.4");
	feed_str("STARTTLS\r\n");
	starting_tls = false;
	server_tls_started(srv);
	check_said("AUTH PLAIN\r\n", "503 5.5.1");
	said();
	feed_str("EHLO c.example\r\n");
	ck_assert_ptr_nonnull(strstr(said(), "250-AUTH PLAIN\r\n"));
	conf.auth_external = true;
	feed_str("EHLO c.example\r\n");
	ck_assert_ptr_nonnull(strstr(said(), "250-AUTH PLAIN EXTERNAL\r\n"));
	conf.auth_plain = false;
	feed_str("EHLO c.example\r\n");
	ck_assert_ptr_nonnull(strstr(said(), "250-AUTH EXTERNAL\r\n"));
	conf.auth_external = false;
	feed_str("EHLO c.example\r\n");
	ck_assert_ptr_null(strstr(said(), "AUTH"));
	check_said("AUTH PLAIN\r\n", "502 5.5.1");
	feed_str("HELO c.example\r\n");
	conf.auth_plain = true;
	check_said("AUTH PLAIN\r\n", "503 5.5.1");
}
END_TEST

START_TEST(smtp_23_plain_with_and_without_initial_response)
{
	open_tls();
	ck_assert_str_eq(server_envelope(srv).auth, "");
	check_said(auth_line("plain", plain("", "cid", "pass word")),
	    "235 2.7.0");
	ck_assert_str_eq(credentials, "PLAIN /cid/pass word");
	ck_assert_str_eq(server_envelope(srv).auth, "somebody");
	fresh_session();
	open_tls();
	said();
	feed_str("AUTH PLAIN\r\n");
	ck_assert_str_eq(said(), "334 \r\n");
	check_said(talloc_asprintf(mem, "%s\r\n",
		       plain("zid", "c\xc3\xbc", "\xe4\x01")),
	    "235 2.7.0");
	ck_assert_str_eq(credentials, "PLAIN zid/c\xc3\xbc/\xe4\x01");
}
END_TEST

START_TEST(smtp_23_external_with_and_without_a_name)
{
	open_tls();
	check_said("AUTH EXTERNAL =\r\n", "235 2.7.0");
	ck_assert_str_eq(credentials, "EXTERNAL //");
	fresh_session();
	open_tls();
	check_said(auth_line("EXTERNAL", base64("me")), "235 2.7.0");
	ck_assert_str_eq(credentials, "EXTERNAL me//");
	fresh_session();
	open_tls();
	check_said("AUTH EXTERNAL\r\n", "334 ");
	check_said("\r\n", "235 2.7.0");
	ck_assert_str_eq(credentials, "EXTERNAL //");
}
END_TEST

START_TEST(smtp_23_a_response_must_be_base64)
{
	static const char *const bad[] = { "====", "AGEAY", "AGEAYg", "AGEAYg=",
		"AGEAYh==", "AG=AYg==", "AGEA Yg==", "AGE*Yg==", "AGEAYg==AGEA",
		"AGEA\tYg", "\xc3\xbc\xc3\xbc", "*x", "-_-_", "=" };

	open_tls();
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		check_said("AUTH PLAIN\r\n", "334 ");
		check_said(talloc_asprintf(mem, "%s\r\n", bad[i]), "501 5.5.2");
		check_said("NOOP\r\n", "250 2.0.0");
	}
	check_said("AUTH PLAIN AGEAYg=\r\n", "501 5.5.2");
	check_said("AUTH PLAIN *\r\n", "501 5.5.2");
	check_said("AUTH PLAIN\r\n", "334 ");
	feed("AGE\0", 4);
	check_said("Yg==\r\n", "501 5.5.2");
	ck_assert_ptr_null(credentials);
}
END_TEST

START_TEST(smtp_23_a_response_must_be_of_its_mechanism)
{
	char *name = talloc_zero_array(mem, char, 300);

	open_tls();
	memset(name, 'n', 256);
	check_said("AUTH PLAIN =\r\n", "501 5.5.2");
	check_said(auth_line("PLAIN", base64("no nul")), "501 5.5.2");
	check_said(auth_line("PLAIN", plain("", "", "p")), "501 5.5.2");
	check_said(auth_line("PLAIN", plain("", "c", "")), "501 5.5.2");
	check_said(auth_line("PLAIN", plain("", "c\r\n", "p")), "501 5.5.2");
	check_said(auth_line("PLAIN", plain("", "c\xff", "p")), "501 5.5.2");
	check_said(auth_line("PLAIN", plain("z\x7f", "c", "p")), "501 5.5.2");
	check_said(auth_line("PLAIN", plain("", name, "p")), "501 5.5.2");
	check_said(auth_line("PLAIN", plain("", "c", name)), "501 5.5.2");
	check_said(auth_line("PLAIN", "AGMAcABx"), "501 5.5.2"); /* 3 NUL */
	check_said(auth_line("EXTERNAL", base64("a\nb")), "501 5.5.2");
	check_said(auth_line("EXTERNAL", base64(name)), "501 5.5.2");
	ck_assert_ptr_null(credentials);
	check_said(auth_line("PLAIN", plain("", name + 1, name + 1)),
	    "235 2.7.0");
}
END_TEST

START_TEST(smtp_23_a_client_may_give_up)
{
	open_tls();
	check_said("AUTH PLAIN\r\n", "334 ");
	check_said("*\r\n", "501 5.7.0");
	check_said("AUTH PLAIN\r\n", "334 ");
	check_said("EHLO c.example\r\n", "501 5.5.2"); /* is a response */
	check_said("MAIL FROM:<a@b>\r\n", "250 2.1.0");
}
END_TEST

START_TEST(smtp_23_auth_is_once_a_session_and_not_in_a_transaction)
{
	open_tls();
	check_said("AUTH\r\n", "501 5.5.4");
	check_said("AUTH PLAIN a b\r\n", "501 5.5.4");
	check_said("AUTH LOGIN\r\n", "504 5.5.4");
	check_said("AUTH GSSAPI YQ==\r\n", "504 5.5.4");
	conf.auth_external = false;
	check_said("AUTH EXTERNAL\r\n", "504 5.5.4");
	feed_str("MAIL FROM:<a@b>\r\n");
	check_said("AUTH PLAIN\r\n", "503 5.5.1");
	feed_str("RCPT TO:<c@d>\r\n");
	check_said("AUTH PLAIN\r\n", "503 5.5.1");
	feed_str("BDAT 3\r\nx\r\n");
	check_said("AUTH PLAIN\r\n", "503 5.5.1");
	feed_str("RSET\r\n");
	check_said(auth_line("PLAIN", plain("", "c", "p")), "235 2.7.0");
	check_said(auth_line("PLAIN", plain("", "c", "p")), "503 5.5.1");
	/* RFC 4954 4: no security layer, so nothing is reset */
	check_said("EHLO c.example\r\n", "250-");
	check_said("AUTH PLAIN\r\n", "503 5.5.1");
	ck_assert_str_eq(server_envelope(srv).auth, "somebody");
}
END_TEST

START_TEST(smtp_23_refusals_are_counted_and_end_the_session)
{
	char *wrong;

	conf.auth_failures = 1; /* RFC 4954 6: three at the least */
	open_tls();
	wrong = auth_line("PLAIN", plain("", "c", "p"));
	answer_auth = "454 4.7.0 try later";
	for (int i = 0; i < 10; i++)
		check_said(wrong, "454 4.7.0");
	answer_auth = "535 5.7.8 wrong";
	check_said(wrong, "535 5.7.8");
	check_said(wrong, "535 5.7.8");
	ck_assert_str_eq(server_envelope(srv).auth, "");
	said();
	feed_str(wrong);
	ck_assert_str_eq(said(), "535 5.7.8 wrong\r\n"
				 "421 4.7.0 too many failed authentications"
				 "\r\n");
	ck_assert(closed);
	fresh_session();
	conf.auth_failures = 5;
	open_tls();
	answer_auth = "535 5.7.8 wrong";
	for (int i = 0; i < 4; i++)
		check_said(wrong, "535 5.7.8");
	answer_auth = NULL;
	check_said(wrong, "235 2.7.0");
}
END_TEST

START_TEST(smtp_23_lines_up_to_12288_octets)
{
	char *text = talloc_zero_array(mem, char, 20000);

	open_tls();
	memset(text, 'A', 12288);
	check_said("AUTH PLAIN\r\n", "334 ");
	check_said(talloc_asprintf(mem, "%.12284s\r\n", text), "501 5.5.2");
	check_said("AUTH PLAIN\r\n", "334 ");
	check_said(talloc_asprintf(mem, "%.12287s\r\n", text), "500 5.5.6");
	check_said("NOOP\r\n", "250 2.0.0");
	check_said(talloc_asprintf(mem, "AUTH PLAIN %.12272s\r\n", text),
	    "501 5.5.2");
	check_said(talloc_asprintf(mem, "AUTH PLAIN %.12276s\r\n", text),
	    "500 5.5.2");
	check_said("AUTH PLAIN\r\n", "334 ");
	said();
	feed_by_byte(text, 12287);
	ck_assert_str_eq(codes(), ""); /* may be all but its LF */
	feed_by_byte(text, 1);
	ck_assert_str_eq(codes(), "500");
	ck_assert_uint_eq(input.n, 0);
	feed_str("x\r\nNOOP\r\n");
	ck_assert_str_eq(codes(), "250");
}
END_TEST

START_TEST(smtp_26_talking_behind_auth_ends_the_session)
{
	open_tls();
	check_cut("AUTH PLAIN\r\nAGMAcA==\r\n", "554 5.5.0");
	fresh_session();
	open_tls();
	feed_str("AUTH PLAIN\r\n");
	check_cut("AGMAcA==\r\nMAIL FROM:<a@b>\r\n", "554 5.5.0");
	ck_assert_ptr_null(credentials);
	fresh_session();
	open_tls();
	feed_str("AUTH PLAIN\r\n");
	check_cut("AGMA\ncA==\r\n", "500 5.5.2");
}
END_TEST

START_TEST(smtp_24_mail_needs_auth_where_it_is_required)
{
	conf.auth_required = true;
	open_tls();
	check_said("MAIL FROM:<a@b>\r\n", "530 5.7.0");
	check_said("RCPT TO:<a@b>\r\n", "503 5.5.1");
	check_said("DATA\r\n", "503 5.5.1");
	check_said("BDAT 3 LAST\r\nx\r\n", "503 5.5.1");
	answer_auth = "535 5.7.8 wrong";
	check_said(auth_line("PLAIN", plain("", "c", "p")), "535 5.7.8");
	check_said("MAIL FROM:<a@b>\r\n", "530 5.7.0");
	answer_auth = NULL;
	check_said(auth_line("PLAIN", plain("", "c", "p")), "235 2.7.0");
	check_said("MAIL FROM:<a@b>\r\n", "250 2.1.0");
	fresh_session();
	hello(); /* in clear there is no way */
	check_said("MAIL FROM:<a@b>\r\n", "530 5.7.0");
}
END_TEST

/* RFC 4954 5: read, never believed. */
START_TEST(smtp_23_the_auth_parameter_of_mail_is_parsed)
{
	static const struct {
		const char *value, *reply;
	} cases[] = {
		{ "AUTH=<>", "250 2.1.0" },
		{ "AUTH=a@b", "250 2.1.0" },
		{ "auth=e+3Dmc2@example.com", "250 2.1.0" },
		{ "AUTH=", "501 5.5.4" },
		{ "AUTH", "501 5.5.4" },
		{ "AUTH=a+b", "501 5.5.4" },
		{ "AUTH=a+3d", "501 5.5.4" },
		{ "AUTH=<> AUTH=<>", "501 5.5.4" },
	};

	open_tls();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		check_said(talloc_asprintf(mem, "MAIL FROM:<a@b> %s\r\n",
			       cases[i].value),
		    cases[i].reply);
		ck_assert_str_eq(server_envelope(srv).auth, "");
		feed_str("RSET\r\n");
	}
}
END_TEST

#define POOL_BYTES (1u << 20)

/* A session in a pool, where freed memory stays readable, is asked. */
static TALLOC_CTX *
ask_in_pool(const char *line)
{
	TALLOC_CTX *pool = talloc_pool(NULL, POOL_BYTES);
	struct span in, body;

	conf.auth_plain = true;
	srv = server_new(pool, &conf);
	hello_tls();
	in = span_str(line);
	while (server_step(srv, &in, &body) != SERVER_AUTH)
		continue;
	return pool;
}

static bool
is_in(const void *pool, const char *text)
{
	return memmem(pool, POOL_BYTES, text, strlen(text)) != NULL;
}

START_TEST(smtp_23_a_password_is_wiped_with_the_answer)
{
	static const char secret[] = "correct horse battery staple";
	const char *text = plain("", "cid", secret);
	char *line = auth_line("PLAIN", text);

	for (int i = 0; i < 3; i++) {
		TALLOC_CTX *pool = ask_in_pool(line);

		ck_assert(is_in(pool, secret));
		if (i == 0)
			server_accept(srv, "cid");
		else if (i == 1)
			server_refuse(srv, "535 5.7.8 wrong");
		else
			talloc_free(srv);
		ck_assert(!is_in(pool, secret));
		ck_assert(!is_in(pool, text));
		talloc_free(pool);
	}
	srv = NULL;
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		smtp_23_tls_38_auth_is_offered_within_tls_only,
		smtp_23_plain_with_and_without_initial_response,
		smtp_23_external_with_and_without_a_name,
		smtp_23_a_response_must_be_base64,
		smtp_23_a_response_must_be_of_its_mechanism,
		smtp_23_a_client_may_give_up,
		smtp_23_auth_is_once_a_session_and_not_in_a_transaction,
		smtp_23_refusals_are_counted_and_end_the_session,
		smtp_23_lines_up_to_12288_octets,
		smtp_26_talking_behind_auth_ends_the_session,
		smtp_24_mail_needs_auth_where_it_is_required,
		smtp_23_the_auth_parameter_of_mail_is_parsed,
		smtp_23_a_password_is_wiped_with_the_answer,
	};

	return run_session_tests("smtp_server_auth", tests, COUNT_OF(tests));
}
