/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/pin.h"

#include <check.h>
#include <stdlib.h>

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define PAIRS                                                                  \
	"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:"   \
	"66:77:88:99:AA:BB:CC:DD:EE:FF"
#define BASE64 "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8="

static const struct form {
	const char *text;
	enum pin_kind kind;
} forms[] = {
	{ "spki-sha256:" HEX, PIN_SPKI },
	{ "cert-sha256:" HEX, PIN_CERT },
	{ "spki-sha256:" BASE64, PIN_SPKI },
	{ "CERT-SHA256:" PAIRS, PIN_CERT },
};

START_TEST(a_pin_can_be_written_as_the_tools_print_it)
{
	char text[PIN_TEXT_BYTES];
	struct diag why = { 0 };
	struct pin pin;

	ck_assert_msg(pin_parse(span_str(forms[_i].text), &pin, &why) == ST_OK,
	    "%s: %s", forms[_i].text, why.text);
	ck_assert_int_eq(pin.kind, forms[_i].kind);
	ck_assert_str_eq(pin_text(&pin, text),
	    pin.kind == PIN_SPKI ? "spki-sha256:" HEX : "cert-sha256:" HEX);
}
END_TEST

static const char *const bad[] = { "", HEX, "sha256:" HEX,
	"spki-sha256:", "spki-sha256:" HEX "0", "spki-sha256:" BASE64 "=",
	"spki-sha256:ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v9=",
	"cert-sha256:00:11", "spki-sha512:" HEX,
	"spki-sha256:0g112233445566778899aabbccddeeff"
	"00112233445566778899aabbccddeeff",
	"cert-sha256:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:"
	"33:44:55:66:77:88:99:AA:BB:CC:DD:EE-FF" };

START_TEST(what_is_no_digest_is_no_pin)
{
	struct diag why = { 0 };
	struct pin pin;

	ck_assert_int_eq(pin_parse(span_str(bad[_i]), &pin, &why), ST_SYNTAX);
	ck_assert_str_ne(why.text, "");
}
END_TEST

START_TEST(a_pin_travels_as_bytes)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct pin pin, again;
	struct diag why = { 0 };
	struct unpack u;
	struct sbuf b;

	ck_assert_int_eq(pin_parse(span_str(forms[1].text), &pin, &why), ST_OK);
	sbuf_init(&b, mem, 100);
	pack_pin(&b, &pin);
	u = unpack_from(sbuf_view(&b));
	unpack_pin(&u, &again);
	ck_assert_int_eq(unpack_done(&u), ST_OK);
	ck_assert_int_eq(again.kind, PIN_CERT);
	ck_assert_mem_eq(again.sha256, pin.sha256, sizeof(pin.sha256));
	talloc_free(mem);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("pin");
	TCase *t = tcase_create("pin");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, a_pin_can_be_written_as_the_tools_print_it, 0,
	    (int)COUNT_OF(forms));
	tcase_add_loop_test(t, what_is_no_digest_is_no_pin, 0,
	    (int)COUNT_OF(bad));
	tcase_add_test(t, a_pin_travels_as_bytes);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
