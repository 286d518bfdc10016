/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/received.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static TALLOC_CTX *mem;

static void
set_up(void)
{
	mem = talloc_new(NULL);
}

static void
tear_down(void)
{
	talloc_free(mem);
}

static const char *
received_text(const struct received *r)
{
	struct sbuf b;

	sbuf_init(&b, mem, RECEIVED_MAX_BYTES);
	received_write(&b, r);
	ck_assert(!sbuf_failed(&b));
	return sbuf_cstr(&b);
}

START_TEST(smtp_17_received_has_all_clauses)
{
	struct received r = {
		.helo = "client.example",
		.client = netaddr_ip4((const uint8_t[]){ 192, 0, 2, 7 }, 1234),
		.by = "gw.example.org",
		.with = "ESMTP",
		.tls_protocol = "",
		.tls_cipher = "",
		.tls_group = "",
		.id = "ABC123",
		.only_rcpt = "u@d.example",
		.now = { INT64_C(1795508513000) },
	};

	ck_assert_str_eq(received_text(&r),
	    "Received: from client.example ([192.0.2.7])\r\n"
	    "\tby gw.example.org with ESMTP\r\n"
	    "\tid ABC123 for <u@d.example>;\r\n"
	    "\tTue, 24 Nov 2026 08:21:53 +0000\r\n");
	r.only_rcpt = "";
	ck_assert_ptr_null(strstr(received_text(&r), "for"));
}
END_TEST

START_TEST(tls_40_received_names_protocol_and_suite)
{
	struct received r = {
		.helo = "[IPv6:2001:db8::7]",
		.client = netaddr_ip6((const uint8_t[16]){ 0x20, 0x01, 0x0d,
					  0xb8, [15] = 7 },
		    1234),
		.by = "gw.example.org",
		.with = "ESMTPS",
		.tls_protocol = "TLSv1.3",
		.tls_cipher = "TLS_AES_256_GCM_SHA384",
		.tls_group = "x25519",
		.id = "ABC123",
		.only_rcpt = "",
		.now = { INT64_C(1795508513000) },
	};

	ck_assert_str_eq(received_text(&r),
	    "Received: from [IPv6:2001:db8::7] ([IPv6:2001:db8::7])\r\n"
	    "\tby gw.example.org with ESMTPS (TLSv1.3)\r\n"
	    "\tid ABC123\r\n"
	    "\ttls TLS_AES_256_GCM_SHA384 group x25519;\r\n"
	    "\tTue, 24 Nov 2026 08:21:53 +0000\r\n");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("received");
	TCase *tc = tcase_create("received");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, smtp_17_received_has_all_clauses);
	tcase_add_test(tc, tls_40_received_names_protocol_and_suite);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
