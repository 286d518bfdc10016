/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/sha256.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* FIPS 180-4 example values. */
static const struct {
	const char *text, *digest;
} known[] = {
	{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85"
	      "5" },
	{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f2001"
		 "5ad" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c"
	    "1" },
};

START_TEST(sha256_gives_the_published_digests)
{
	uint8_t out[SHA256_BYTES];
	char text[2 * SHA256_BYTES + 1];

	for (size_t i = 0; i < COUNT_OF(known); i++) {
		sha256(span_str(known[i].text), out);
		hex_encode(span_of(out, sizeof(out)), text);
		ck_assert_str_eq(text, known[i].digest);
	}
}
END_TEST

START_TEST(sha256_by_pieces_equals_the_whole)
{
	struct span all = span_str(known[2].text);
	uint8_t whole[SHA256_BYTES], out[SHA256_BYTES];

	sha256(all, whole);
	for (size_t cut = 0; cut <= all.n; cut++) {
		struct sha256 h;

		sha256_init(&h);
		sha256_add(&h, span_sub(all, 0, cut));
		sha256_add(&h, SPAN_NONE);
		sha256_add(&h, span_sub(all, cut, all.n));
		sha256_final(&h, out);
		ck_assert_mem_eq(out, whole, sizeof(out));
		ck_assert_ptr_null(h.ctx);
	}
}
END_TEST

START_TEST(hex_survives_the_round_trip)
{
	uint8_t bytes[256], back[256];
	char text[2 * sizeof(bytes) + 1];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	hex_encode(span_of(bytes, sizeof(bytes)), text);
	ck_assert_uint_eq(strlen(text), 512);
	ck_assert(span_starts(span_str(text), "000102"));
	ck_assert(span_ends(span_str(text), "fdfeff"));
	ck_assert_int_eq(hex_decode(span_str(text), back, sizeof(back)), ST_OK);
	ck_assert_mem_eq(bytes, back, sizeof(back));
	hex_encode(SPAN_NONE, text);
	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(hex_decode_takes_both_cases_and_exact_lengths)
{
	static const char *const bad[] = { "", "0", "abc", "abcde", "abcdef",
		"ab g", "0x12", "abc/", "ab:d", "ab@d", "ab`d", "abGd" };
	uint8_t out[2] = { 1, 2 };

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_msg(hex_decode(span_str(bad[i]), out, 2) == ST_SYNTAX,
		    "took %s", bad[i]);
	ck_assert_int_eq(hex_decode(span_str("aBfF"), out, 2), ST_OK);
	ck_assert_uint_eq(out[0], 0xab);
	ck_assert_uint_eq(out[1], 0xff);
	ck_assert_int_eq(hex_decode(SPAN_NONE, out, 0), ST_OK);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sha256");
	TCase *tc = tcase_create("sha256");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, sha256_gives_the_published_digests);
	tcase_add_test(tc, sha256_by_pieces_equals_the_whole);
	tcase_add_test(tc, hex_survives_the_round_trip);
	tcase_add_test(tc, hex_decode_takes_both_cases_and_exact_lengths);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
