/* SPDX-License-Identifier: BSD-2-Clause */
/* Listeners for authenticated clients, implicit TLS and load balancers. */
#include "policy/conf.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define FINGERPRINT                                                            \
	"00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define TLS   "tls = { certificate = \"c\"; key = \"c\" };"
#define ALL   TLS " intake = { accounts = \"a\"; client-ca = \"ca\" };"
#define AT    "address = \"[::1]:25\"; "
#define ALLOW "allow = [\"::1\"]; "

static TALLOC_CTX *mem;
static struct conf_mistakes mistakes;

static void
setup(void)
{
	mem = talloc_new(NULL);
	mistakes = (struct conf_mistakes){ .mem = mem };
}

static void
teardown(void)
{
	talloc_free(mem);
}

/* Options on the second line, the keys of the one listener on the third. */
static struct conf *
read_listener(const char *options, const char *keys)
{
	return conf_read_text(mem, "t",
	    talloc_asprintf(mem,
		"hostname = \"gw.example.org\";\n%s\nlisten = ( { %s } );",
		options, keys),
	    (struct wall){ 0 }, true, &mistakes);
}

static const struct conf_listen *
good(const char *options, const char *keys)
{
	const struct conf *c = read_listener(options, keys);

	ck_assert_msg(c != NULL, "%s",
	    mistakes.count > 0 ? mistakes.text[0] : "no mistake, no result");
	return &c->listen[0];
}

static const struct {
	const char *options, *keys, *want;
} bad[] = {
	{ "", AT "role = \"submission\"", "auth = \"require\" needs TLS" },
	{ TLS, AT "role = \"submission\"",
	    "auth = \"require\" needs intake.accounts, or certificates" },
	{ "intake = { accounts = \"a\" };", AT "auth = \"offer\"",
	    "auth = \"offer\" needs TLS" },
	{ ALL, AT "auth = \"offer\"; tls = \"off\"",
	    "auth = \"offer\" needs TLS" },
	{ TLS, AT "auth = \"require\"", "needs intake.accounts" },
	{ ALL, AT "role = \"submission\"; auth = \"off\"", "allow is missing" },
	{ ALL, AT "auth = \"on\"",
	    "auth: \"off\", \"offer\" or \"require\" is expected" },
	{ "", AT ALLOW "tls = \"implicit\"",
	    "tls = \"implicit\" needs tls.certificate" },
	{ ALL, AT ALLOW "certificates = [\"CA:*=a\"]",
	    "of no use with auth = \"off\"" },
	{ TLS " intake = { accounts = \"a\" };",
	    AT "auth = \"offer\"; certificates = [\"CA:*=a\"]",
	    "\"CA:\" needs intake.client-ca" },
	{ ALL, AT "auth = \"offer\"; certificate-login = \"implicit\"",
	    "\"implicit\" needs certificates" },
	{ ALL, AT "auth = \"offer\"; certificates = [\"SHA256:00=a\"]",
	    "64 hexadecimal digits" },
	{ ALL, AT "auth = \"offer\"; certificates = [\"CA:a b=a\"]",
	    "\"CA:NAME=ACCOUNT\" is expected" },
	{ ALL, AT "auth = \"offer\"; certificates = [\"CA:a\"]",
	    "the name of an account" },
	{ ALL, AT "auth = \"offer\"; certificates = [\"CA:a=b c\"]",
	    "the name of an account" },
	{ ALL, AT ALLOW "proxy = [\"::/0\"]",
	    "proxy: all the world could pretend" },
	{ ALL, AT ALLOW "proxy = [\"lb\"]", "proxy: not a network" },
};

START_TEST(a_listener_that_cannot_work_is_a_mistake_of_its_line)
{
	ck_assert_ptr_null(read_listener(bad[_i].options, bad[_i].keys));
	ck_assert_uint_ge(mistakes.count, 1);
	for (size_t i = 0; i < mistakes.count; i++)
		ck_assert(span_starts(span_str(mistakes.text[i]),
		    "t:3: listener \"[::1]:25\": "));
	for (size_t i = 0; i < mistakes.count; i++)
		if (strstr(mistakes.text[i], bad[_i].want) != NULL)
			return;
	ck_abort_msg("'%s' does not say '%s'", mistakes.text[0], bad[_i].want);
}
END_TEST

START_TEST(smtp_24_a_submission_requires_authentication_under_tls)
{
	const struct conf_listen *l = good(ALL, AT "role = \"submission\"");

	ck_assert_int_eq(l->role, LISTEN_SUBMISSION);
	ck_assert_int_eq(l->auth, LISTEN_AUTH_REQUIRE);
	ck_assert_int_eq(l->tls, LISTEN_TLS_REQUIRE);
	ck_assert_uint_eq(l->allow_count, 0);
}
END_TEST

START_TEST(a_relay_offers_tls_and_no_authentication)
{
	const struct conf_listen *l = good(ALL, AT ALLOW);

	ck_assert_int_eq(l->role, LISTEN_RELAY);
	ck_assert_int_eq(l->auth, LISTEN_AUTH_OFF);
	ck_assert_int_eq(l->tls, LISTEN_TLS_OFFER);
}
END_TEST

START_TEST(accounts_and_authorities_are_below_the_state_folder)
{
	const struct conf *c = read_listener("state-dir = \"/s\";" ALL,
	    AT "auth = \"offer\"");

	ck_assert_str_eq(c->intake_accounts, "/s/a");
	ck_assert_str_eq(c->intake_client_ca, "/s/ca");
}
END_TEST

START_TEST(a_fingerprint_may_have_colons)
{
	const struct conf_listen *l = good(ALL, AT
	    "auth = \"offer\"; certificates = [\"sha256:00:11:22:33:44:55:66:"
	    "77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:"
	    "CC:DD:EE:FF = app\", \"CA:h.example=x@y\"]");

	ck_assert_uint_eq(l->certificate_count, 2);
	ck_assert_uint_eq(l->certificate[0].sha256[1], 0x11);
	ck_assert_str_eq(l->certificate[0].name, "");
	ck_assert_str_eq(l->certificate[0].account, "app");
	ck_assert_str_eq(l->certificate[1].name, "h.example");
	ck_assert_str_eq(l->certificate[1].account, "x@y");
}
END_TEST

START_TEST(what_is_printed_of_a_listener_reads_back_the_same)
{
	const struct conf *a = read_listener(ALL,
	    AT "role = \"submission\"; tls = \"implicit\"; auth = \"require\"; "
	       "allow = [\"10.0.0.0/8\"]; proxy = [\"192.0.2.1\", "
	       "\"2001:db8::/32\"]; certificate-login = \"implicit\"; "
	       "certificates = [\"SHA256:" FINGERPRINT "=a\", \"CA:*=b\"] }, { "
	       "address = \"[::1]:26\"; role = \"submission\" ");
	const char *text;
	const struct conf *b;

	ck_assert_ptr_nonnull(a);
	text = conf_print(mem, a);
	b = conf_read_text(mem, "t", text, (struct wall){ 0 }, true, &mistakes);
	ck_assert_msg(b != NULL, "%s", b == NULL ? mistakes.text[0] : "");
	ck_assert_str_eq(conf_print(mem, b), text);
	ck_assert_mem_eq(a->digest, b->digest, sizeof(a->digest));
	ck_assert_int_eq(b->listen[0].tls, LISTEN_TLS_IMPLICIT);
	ck_assert_int_eq(b->listen[0].login, LISTEN_LOGIN_IMPLICIT);
	ck_assert_uint_eq(b->listen[0].proxy_count, 2);
	ck_assert_uint_eq(b->listen[0].certificate[0].sha256[31], 0xff);
	ck_assert_str_eq(b->listen[0].certificate[1].name, "*");
	ck_assert_uint_eq(b->listen[1].allow_count, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("conf_listen");
	TCase *t = tcase_create("listeners");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t,
	    a_listener_that_cannot_work_is_a_mistake_of_its_line, 0,
	    (int)COUNT_OF(bad));
	tcase_add_test(t,
	    smtp_24_a_submission_requires_authentication_under_tls);
	tcase_add_test(t, a_relay_offers_tls_and_no_authentication);
	tcase_add_test(t, accounts_and_authorities_are_below_the_state_folder);
	tcase_add_test(t, a_fingerprint_may_have_colons);
	tcase_add_test(t, what_is_printed_of_a_listener_reads_back_the_same);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
