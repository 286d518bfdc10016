/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/pack.h"

#include <check.h>
#include <stdlib.h>

static TALLOC_CTX *mem;
static struct sbuf b;

static void
setup(void)
{
	mem = talloc_new(NULL);
	sbuf_init(&b, mem, 4096);
}

static void
teardown(void)
{
	talloc_free(mem);
}

START_TEST(pack_is_big_endian_and_length_prefixed)
{
	static const uint8_t want[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06,
		0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0x01, 0x00, 0x00,
		0x00, 0x00, 0x02, 'a', 0x00, 0x00, 0x00, 0x00, 0x01, 'b', 0x00,
		0x00, 0x00, 0x00 };

	pack_u8(&b, 0x01);
	pack_u16(&b, 0x0203);
	pack_u32(&b, 0x04050607);
	pack_u64(&b, UINT64_C(0x08090a0b0c0d0e0f));
	pack_i64(&b, -2);
	pack_bool(&b, true);
	pack_bool(&b, false);
	pack_bytes(&b, SPAN_LIT("a\0"));
	pack_str(&b, "b");
	pack_str(&b, NULL);
	ck_assert_uint_eq(sbuf_view(&b).n, sizeof(want));
	ck_assert_mem_eq(sbuf_view(&b).p, want, sizeof(want));
}
END_TEST

START_TEST(unpack_returns_what_was_packed)
{
	struct unpack u;

	pack_u8(&b, UINT8_MAX);
	pack_u16(&b, UINT16_MAX);
	pack_u32(&b, UINT32_MAX);
	pack_u64(&b, UINT64_MAX);
	pack_i64(&b, INT64_MIN);
	pack_i64(&b, INT64_MAX);
	pack_bool(&b, true);
	pack_u8(&b, 4);
	pack_bytes(&b, SPAN_LIT("x\0y"));
	pack_str(&b, "text");
	pack_str(&b, "");
	u = unpack_from(sbuf_view(&b));
	ck_assert_uint_eq(unpack_u8(&u), UINT8_MAX);
	ck_assert_uint_eq(unpack_u16(&u), UINT16_MAX);
	ck_assert_uint_eq(unpack_u32(&u), UINT32_MAX);
	ck_assert_uint_eq(unpack_u64(&u), UINT64_MAX);
	ck_assert_int_eq(unpack_i64(&u), INT64_MIN);
	ck_assert_int_eq(unpack_i64(&u), INT64_MAX);
	ck_assert(unpack_bool(&u));
	ck_assert_uint_eq(unpack_enum(&u, 5), 4);
	ck_assert(span_eq_span(unpack_bytes(&u), SPAN_LIT("x\0y")));
	ck_assert_str_eq(unpack_str(&u, mem), "text");
	ck_assert_int_eq(unpack_done(&u), ST_SYNTAX); /* one is left */
	ck_assert_str_eq(unpack_str(&u, mem), "");
	ck_assert_int_eq(unpack_done(&u), ST_OK);
}
END_TEST

START_TEST(unpack_every_prefix_of_a_frame_fails_softly)
{
	struct span whole;

	pack_u8(&b, 1);
	pack_u16(&b, 2);
	pack_u32(&b, 3);
	pack_u64(&b, 4);
	pack_bool(&b, true);
	pack_str(&b, "text");
	whole = sbuf_view(&b);
	for (size_t n = 0; n <= whole.n; n++) {
		struct unpack u = unpack_from(span_copy(mem,
		    span_sub(whole, 0, n)));

		unpack_u8(&u);
		unpack_u16(&u);
		unpack_u32(&u);
		unpack_u64(&u);
		unpack_bool(&u);
		ck_assert_ptr_nonnull(unpack_str(&u, mem));
		ck_assert_int_eq(unpack_done(&u),
		    n == whole.n ? ST_OK : ST_SYNTAX);
	}
}
END_TEST

START_TEST(unpack_error_sticks)
{
	struct unpack u = unpack_from(SPAN_LIT("\x00\x00\x00\x09"
					       "abc"));

	ck_assert_uint_eq(unpack_bytes(&u).n, 0); /* says 9, has 3 */
	ck_assert(u.failed);
	ck_assert_uint_eq(unpack_u8(&u), 0);
	ck_assert_uint_eq(unpack_u64(&u), 0);
	ck_assert(!unpack_bool(&u));
	ck_assert_str_eq(unpack_str(&u, mem), "");
	ck_assert_uint_eq(unpack_count(&u, 10, 0), 0);
	ck_assert_int_eq(unpack_done(&u), ST_SYNTAX);
}
END_TEST

START_TEST(unpack_bool_and_enum_refuse_other_values)
{
	struct unpack u = unpack_from(SPAN_LIT("\x02"));

	ck_assert(!unpack_bool(&u));
	ck_assert(u.failed);
	u = unpack_from(SPAN_LIT("\x05"));
	ck_assert_uint_eq(unpack_enum(&u, 5), 0);
	ck_assert(u.failed);
	u = unpack_from(SPAN_LIT("\xff"));
	ck_assert_uint_eq(unpack_enum(&u, 255), 0);
	ck_assert(u.failed);
}
END_TEST

START_TEST(unpack_str_refuses_an_embedded_nul)
{
	struct unpack u;

	pack_bytes(&b, SPAN_LIT("a\0b"));
	u = unpack_from(sbuf_view(&b));
	ck_assert_str_eq(unpack_str(&u, mem), "");
	ck_assert_int_eq(unpack_done(&u), ST_SYNTAX);
}
END_TEST

START_TEST(unpack_count_is_bounded_by_max_and_by_what_is_there)
{
	static const struct {
		uint32_t count, max;
		size_t min_bytes, rest;
		uint32_t got;
		bool failed;
	} t[] = {
		{ 0, 0, 4, 0, 0, false },
		{ 3, 3, 4, 12, 3, false },
		{ 3, 2, 4, 12, 0, true },
		{ 3, 3, 4, 11, 0, true },
		{ UINT32_MAX, UINT32_MAX, 1, 20, 0, true },
		{ UINT32_MAX, UINT32_MAX, SIZE_MAX, 20, 0, true },
		{ 9, 10, 0, 0, 9, false },
	};
	static const uint8_t zeros[20];

	for (size_t i = 0; i < COUNT_OF(t); i++) {
		struct unpack u;

		sbuf_reset(&b);
		pack_u32(&b, t[i].count);
		sbuf_add(&b, zeros, t[i].rest);
		u = unpack_from(sbuf_view(&b));
		ck_assert_uint_eq(unpack_count(&u, t[i].max, t[i].min_bytes),
		    t[i].got);
		ck_assert_int_eq(u.failed, t[i].failed);
	}
}
END_TEST

START_TEST(pack_over_the_cap_is_the_buffers_error)
{
	struct sbuf small;

	sbuf_init(&small, mem, 6);
	pack_str(&small, "abc");
	ck_assert(sbuf_failed(&small));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("pack");
	TCase *tc = tcase_create("pack");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, pack_is_big_endian_and_length_prefixed);
	tcase_add_test(tc, unpack_returns_what_was_packed);
	tcase_add_test(tc, unpack_every_prefix_of_a_frame_fails_softly);
	tcase_add_test(tc, unpack_error_sticks);
	tcase_add_test(tc, unpack_bool_and_enum_refuse_other_values);
	tcase_add_test(tc, unpack_str_refuses_an_embedded_nul);
	tcase_add_test(tc, unpack_count_is_bounded_by_max_and_by_what_is_there);
	tcase_add_test(tc, pack_over_the_cap_is_the_buffers_error);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
