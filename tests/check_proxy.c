/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/proxy.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define IP4       SIGNATURE "\x21\x11\0\x0c\xc0\0\2\7\x0a\0\0\1\x12\x34\0\x19"
#define IP6                                                                    \
	SIGNATURE "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7"       \
		  "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x12\x34\0\x19"
#define MAPPED                                                                 \
	SIGNATURE "\x21\x21\0\x24\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\7"       \
		  "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1\x12\x34\0\x19"
#define TLVS      SIGNATURE "\x21\x11\0\x10\xc0\0\2\7\x0a\0\0\1\x12\x34\0\x19\4\0\1x"
#define LOCAL     SIGNATURE "\x20\0\0\0"
#define LOCAL_TLV SIGNATURE "\x20\x11\0\4\4\0\1x"

#define BYTES(s) s, sizeof(s) - 1

static const struct {
	const char *bytes;
	size_t n;
	const char *client; /* "": local */
} good[] = {
	{ BYTES(IP4), "192.0.2.7:4660" },
	{ BYTES(IP6), "[2001:db8::7]:4660" },
	{ BYTES(MAPPED), "192.0.2.7:4660" },
	{ BYTES(TLVS), "192.0.2.7:4660" },
	{ BYTES(LOCAL), "" },
	{ BYTES(LOCAL_TLV), "" },
};

/* As it is read: never a byte more than *want says. */
START_TEST(a_proxy_header_is_read_to_its_end_and_no_further)
{
	struct span all = span_of(good[_i].bytes, good[_i].n);
	struct proxy_header h;
	char text[NETADDR_TEXT_BYTES];
	struct diag why = { 0 };
	size_t want, n = 0;
	enum status st;

	while ((st = proxy_header_parse(span_of(all.p, n), &h, &want, &why)) ==
	       ST_TEMP) {
		ck_assert_uint_gt(want, 0);
		ck_assert_uint_le(n + want, all.n);
		n += n % 2 == 0 ? want : 1;
	}
	ck_assert_msg(st == ST_OK, "%s", why.text);
	ck_assert_uint_eq(n, all.n);
	ck_assert(h.local == (*good[_i].client == '\0'));
	if (h.local)
		ck_assert_int_eq(h.client.family, NETADDR_NONE);
	else
		ck_assert_str_eq(netaddr_text_port(&h.client, text),
		    good[_i].client);
}
END_TEST

static const struct {
	const char *bytes;
	size_t n;
	enum status st;
} bad[] = {
	{ BYTES("E"), ST_SYNTAX },
	{ BYTES("EHLO c.example\r\n"), ST_SYNTAX },
	{ BYTES("PROXY TCP4 192.0.2.7 10.0.0.1 4660 25\r\n"), ST_SYNTAX },
	{ BYTES("\r\n\r\n\0\r\nQUIT\r"), ST_SYNTAX },
	{ BYTES("\x16\3\1\2\0\1\0\1\xfc\3\3\0\0\0\0\0"), ST_SYNTAX },
	{ BYTES(SIGNATURE "\x11\x11\0\x0c"), ST_SYNTAX },
	{ BYTES(SIGNATURE "\x22\x11\0\0"), ST_SYNTAX },
	{ BYTES(SIGNATURE "\x21\x11\x08\x01"), ST_LIMIT },
	{ BYTES(SIGNATURE "\x21\x11\xff\xff"), ST_LIMIT },
	{ BYTES(SIGNATURE "\x20\x11\xff\xff"), ST_LIMIT },
	{ BYTES(SIGNATURE "\x21\0\0\0"), ST_UNSUPP },
	{ BYTES(SIGNATURE "\x21\x12\0\0"), ST_UNSUPP },
	{ BYTES(SIGNATURE "\x21\x22\0\0"), ST_UNSUPP },
	{ BYTES(SIGNATURE "\x21\x31\0\0"), ST_UNSUPP },
	{ BYTES(SIGNATURE "\x21\x11\0\4\xc0\0\2\7"), ST_SYNTAX },
	{ BYTES(SIGNATURE "\x21\x21\0\x0c\xc0\0\2\7\x0a\0\0\1\x12\x34\0\x19"),
	    ST_SYNTAX },
	{ BYTES(SIGNATURE "\x21\x11\0\x0c\0\0\0\0\x0a\0\0\1\x12\x34\0\x19"),
	    ST_SYNTAX },
	{ BYTES(SIGNATURE "\x21\x11\0\x0c\xe0\0\0\1\x0a\0\0\1\x12\x34\0"
			  "\x19"),
	    ST_SYNTAX },
	{ BYTES(IP4 "E"), ST_SYNTAX },
};

START_TEST(what_is_no_proxy_header_is_refused)
{
	struct proxy_header h;
	struct diag why = { 0 };
	size_t want;

	ck_assert_int_eq(proxy_header_parse(span_of(bad[_i].bytes, bad[_i].n),
			     &h, &want, &why),
	    bad[_i].st);
	ck_assert_int_eq(why.st, bad[_i].st);
	ck_assert_str_ne(why.text, "");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proxy");
	TCase *t = tcase_create("proxy");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(t, a_proxy_header_is_read_to_its_end_and_no_further,
	    0, (int)COUNT_OF(good));
	tcase_add_loop_test(t, what_is_no_proxy_header_is_refused, 0,
	    (int)COUNT_OF(bad));
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
