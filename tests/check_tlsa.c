/* SPDX-License-Identifier: BSD-2-Clause */
#include "dane/tlsa.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static TALLOC_CTX *mem;
static const struct tlsa_digests both = { { 2, 1 }, 2 };

static void
setup(void)
{
	mem = talloc_new(NULL);
}

static void
teardown(void)
{
	talloc_free(mem);
}

/* A record with n bytes of data, all of them fill; Full data is DER. */
static struct tlsa
record(unsigned usage, unsigned selector, unsigned matching, size_t n,
    uint8_t fill)
{
	uint8_t *p = need(talloc_size(mem, n + 3));

	p[0] = (uint8_t)usage;
	p[1] = (uint8_t)selector;
	p[2] = (uint8_t)matching;
	memset(p + 3, fill, n);
	if (matching == 0 && n >= 4) {
		p[3] = 0x30; /* SEQUENCE, its length in two bytes */
		p[4] = 0x82;
		p[5] = (uint8_t)((n - 4) >> 8);
		p[6] = (uint8_t)(n - 4);
	}
	return tlsa_from_rdata(span_of(p, n + 3));
}

static struct tlsa
good(unsigned usage, unsigned selector, unsigned matching, uint8_t fill)
{
	static const size_t bytes[] = { 200, 32, 64 };

	return record(usage, selector, matching, bytes[matching], fill);
}

/* ---- usable or not ---- */

START_TEST(dane_25_both_selectors_and_all_three_matching_types_are_usable)
{
	for (unsigned usage = 2; usage <= 3; usage++)
		for (unsigned selector = 0; selector <= 1; selector++)
			for (unsigned matching = 0; matching <= 2; matching++)
				ck_assert_int_eq(good(usage, selector, matching,
						     1)
						     .fitness,
				    TLSA_USABLE);
}
END_TEST

/* RFC 7672 3.1.3: "SMTP clients that ... do not support" 0 and 1. */
START_TEST(dane_24_usages_0_and_1_are_unusable_not_absent)
{
	ck_assert_int_eq(good(0, 1, 1, 1).fitness, TLSA_UNUSABLE_USAGE);
	ck_assert_int_eq(good(1, 1, 1, 1).fitness, TLSA_UNUSABLE_USAGE);
}
END_TEST

START_TEST(dane_26_unknown_and_private_parameters_are_unusable)
{
	ck_assert_int_eq(record(4, 1, 1, 32, 1).fitness, TLSA_UNUSABLE_USAGE);
	ck_assert_int_eq(record(255, 1, 1, 32, 1).fitness, TLSA_UNUSABLE_USAGE);
	ck_assert_int_eq(record(3, 2, 1, 32, 1).fitness,
	    TLSA_UNUSABLE_SELECTOR);
	ck_assert_int_eq(record(3, 255, 1, 32, 1).fitness,
	    TLSA_UNUSABLE_SELECTOR);
	ck_assert_int_eq(record(3, 1, 3, 32, 1).fitness,
	    TLSA_UNUSABLE_MATCHING);
	ck_assert_int_eq(record(3, 1, 255, 32, 1).fitness,
	    TLSA_UNUSABLE_MATCHING);
}
END_TEST

START_TEST(dane_26_a_digest_of_the_wrong_length_is_malformed)
{
	static const size_t wrong[] = { 1, 20, 31, 33, 48, 63, 65, 128 };

	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		ck_assert_int_eq(record(3, 1, 1, wrong[i], 1).fitness,
		    TLSA_MALFORMED);
		ck_assert_int_eq(record(3, 1, 2, wrong[i], 1).fitness,
		    TLSA_MALFORMED);
	}
	ck_assert_int_eq(record(3, 1, 1, 64, 1).fitness, TLSA_MALFORMED);
	ck_assert_int_eq(record(3, 1, 2, 32, 1).fitness, TLSA_MALFORMED);
}
END_TEST

START_TEST(dane_26_rdata_of_every_short_length_is_malformed)
{
	static const uint8_t bytes[] = { 3, 1, 0 };

	ck_assert_int_eq(tlsa_from_rdata(SPAN_NONE).fitness, TLSA_MALFORMED);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		struct tlsa t = tlsa_from_rdata(span_of(bytes, n));

		ck_assert_int_eq(t.fitness, TLSA_MALFORMED);
		ck_assert_uint_eq(t.data.n, 0);
	}
}
END_TEST

/* Or a host whose only record is garbage would be waited for, for ever. */
START_TEST(dane_26_full_data_that_is_no_der_is_malformed)
{
	static const struct {
		const char *data;
		size_t n;
		bool good;
	} cases[] = {
		{ "\x30\x00", 2, true },
		{ "\x30\x02xy", 4, true },
		{ "\x30\x81\x02xy", 5, true },
		{ "\x30\x84\x00\x00\x00\x02xy", 8, true },
		{ "\x30", 1, false },
		{ "\x30\x02x", 3, false },   /* cut off */
		{ "\x30\x02xyz", 5, false }, /* and more */
		{ "\x31\x02xy", 4, false },  /* a SET */
		{ "\x30\x80xy", 4, false },  /* as BER */
		{ "\x30\x82\x02", 3, false },
		{ "\x30\x85\x00\x00\x00\x00\x02xy", 9, false },
		{ "\x30\x84\xff\xff\xff\xff", 6, false },
		{ "\x30\xff", 2, false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t rdata[16] = { 3, 0, 0 };

		memcpy(rdata + 3, cases[i].data, cases[i].n);
		ck_assert_msg((tlsa_from_rdata(span_of(rdata, 3 + cases[i].n))
				      .fitness == TLSA_USABLE) == cases[i].good,
		    "%zu", i);
	}
}
END_TEST

START_TEST(tlsa_full_data_has_a_cap)
{
	ck_assert_int_eq(record(3, 0, 0, TLSA_DATA_MAX_BYTES, 1).fitness,
	    TLSA_USABLE);
	ck_assert_int_eq(record(3, 0, 0, TLSA_DATA_MAX_BYTES + 1, 1).fitness,
	    TLSA_MALFORMED);
}
END_TEST

START_TEST(tlsa_fields_are_those_of_the_rdata)
{
	static const uint8_t bytes[] = { 3, 1, 0, 0xaa, 0xbb };
	struct tlsa t = tlsa_from_rdata(span_of(bytes, sizeof(bytes)));

	ck_assert_uint_eq(t.usage, 3);
	ck_assert_uint_eq(t.selector, 1);
	ck_assert_uint_eq(t.matching, 0);
	ck_assert_ptr_eq(t.data.p, bytes + 3);
	ck_assert_uint_eq(t.data.n, 2);
}
END_TEST

/* ---- choosing ---- */

/* Does the set have a record with these parameters and fill? */
static bool
has(const struct tlsa *set, size_t n, const struct tlsa *t)
{
	for (size_t i = 0; i < n; i++)
		if (set[i].usage == t->usage &&
		    set[i].selector == t->selector &&
		    set[i].matching == t->matching &&
		    span_eq_span(set[i].data, t->data))
			return true;
	return false;
}

START_TEST(dane_26_one_bad_record_does_not_harm_its_neighbours)
{
	struct tlsa set[] = { record(3, 1, 1, 31, 1), good(3, 1, 1, 2),
		good(1, 1, 1, 3) };
	struct tlsa kept = set[1];

	ck_assert_uint_eq(tlsa_select(set, COUNT_OF(set), &both), 1);
	ck_assert(has(set, 1, &kept));
}
END_TEST

START_TEST(dane_28_only_unusable_records_leave_nothing_to_match)
{
	struct tlsa set[] = { record(3, 9, 1, 32, 1), good(0, 0, 1, 2),
		record(3, 1, 1, 0, 3) };

	ck_assert_uint_eq(tlsa_select(set, COUNT_OF(set), &both), 0);
	ck_assert_uint_eq(tlsa_select(set, 0, &both), 0);
}
END_TEST

/* RFC 7671 9: 3 1 2 beside 3 1 1 leaves 3 1 2 alone. */
START_TEST(dane_29_the_stronger_digest_replaces_the_weaker)
{
	struct tlsa set[] = { good(3, 1, 1, 1), good(3, 1, 2, 2),
		good(3, 1, 1, 3) };
	struct tlsa strong = set[1];

	ck_assert_uint_eq(tlsa_select(set, COUNT_OF(set), &both), 1);
	ck_assert(has(set, 1, &strong));
}
END_TEST

START_TEST(dane_29_another_selector_or_usage_is_another_choice)
{
	struct tlsa set[] = { good(3, 1, 2, 1), good(3, 0, 1, 2),
		good(2, 1, 1, 3) };

	ck_assert_uint_eq(tlsa_select(set, COUNT_OF(set), &both), 3);
}
END_TEST

START_TEST(dane_29_full_data_stays_beside_any_digest)
{
	struct tlsa set[] = { good(3, 1, 0, 1), good(3, 1, 1, 2),
		good(3, 1, 2, 3) };
	struct tlsa full = set[0], strong = set[2];

	ck_assert_uint_eq(tlsa_select(set, COUNT_OF(set), &both), 2);
	ck_assert(has(set, 2, &full));
	ck_assert(has(set, 2, &strong));
}
END_TEST

START_TEST(dane_29_an_unusable_stronger_digest_replaces_nothing)
{
	struct tlsa set[] = { record(3, 1, 2, 63, 1), good(3, 1, 1, 2) };
	struct tlsa kept = set[1];

	ck_assert_uint_eq(tlsa_select(set, COUNT_OF(set), &both), 1);
	ck_assert(has(set, 1, &kept));
}
END_TEST

START_TEST(dane_29_sha2_512_is_preferred_to_sha2_256_in_any_order)
{
	struct tlsa a[] = { good(2, 0, 2, 1), good(2, 0, 1, 2) };
	struct tlsa b[] = { good(2, 0, 1, 2), good(2, 0, 2, 1) };

	ck_assert_uint_eq(tlsa_select(a, 2, &both), 1);
	ck_assert_uint_eq(tlsa_select(b, 2, &both), 1);
	ck_assert_uint_eq(a[0].matching, 2);
	ck_assert_uint_eq(b[0].matching, 2);
}
END_TEST

START_TEST(dns_32_a_full_set_of_records_is_chosen_from)
{
	struct tlsa set[TLSA_MAX_RECORDS];

	for (size_t i = 0; i < COUNT_OF(set); i++)
		set[i] = good(3, 1, 1, (uint8_t)i);
	ck_assert_uint_eq(tlsa_select(set, COUNT_OF(set), &both),
	    COUNT_OF(set));
}
END_TEST

START_TEST(tlsa_has_usage_looks_at_each_record)
{
	struct tlsa set[] = { good(3, 1, 1, 1), good(2, 0, 1, 2) };

	ck_assert(tlsa_has_usage(set, 2, TLSA_DANE_TA));
	ck_assert(tlsa_has_usage(set, 2, TLSA_DANE_EE));
	ck_assert(!tlsa_has_usage(set, 1, TLSA_DANE_TA));
	ck_assert(!tlsa_has_usage(set, 0, TLSA_DANE_EE));
}
END_TEST

/* ---- text, bytes, digest ---- */

START_TEST(tlsa_text_is_cut_at_16_digits)
{
	static const uint8_t small[] = { 3, 1, 0, 0x01, 0x23, 0xab, 0xcd };
	struct tlsa t = tlsa_from_rdata(span_of(small, sizeof(small)));

	ck_assert_str_eq(tlsa_text(mem, &t), "3 1 0 0123abcd");
	t = good(3, 1, 1, 0x5a);
	ck_assert_str_eq(tlsa_text(mem, &t), "3 1 1 5a5a5a5a5a5a5a5a...");
	t = record(3, 1, 1, 8, 0x5a);
	ck_assert_str_eq(tlsa_text(mem, &t), "3 1 1 5a5a5a5a5a5a5a5a");
	t = tlsa_from_rdata(SPAN_NONE);
	ck_assert_str_eq(tlsa_text(mem, &t), "0 0 0 ");
}
END_TEST

static struct span
packed(const struct tlsa *t)
{
	struct sbuf b;

	sbuf_init(&b, mem, (size_t)1 << 16);
	pack_tlsa(&b, t);
	ck_assert(!sbuf_failed(&b));
	return sbuf_view(&b);
}

START_TEST(tlsa_pack_is_read_back)
{
	struct tlsa in = good(2, 0, 0, 7), out;
	struct unpack u = unpack_from(packed(&in));

	unpack_tlsa(&u, &out);
	ck_assert_int_eq(unpack_done(&u), ST_OK);
	ck_assert(has(&out, 1, &in));
	ck_assert_int_eq(out.fitness, TLSA_USABLE);
}
END_TEST

/* The reader judges a record itself: bytes cannot say that it is usable. */
START_TEST(tlsa_unpack_judges_again)
{
	struct tlsa in = record(3, 1, 1, 31, 1), out;
	struct unpack u;

	in.fitness = TLSA_USABLE;
	u = unpack_from(packed(&in));
	unpack_tlsa(&u, &out);
	ck_assert_int_eq(unpack_done(&u), ST_OK);
	ck_assert_int_eq(out.fitness, TLSA_MALFORMED);
}
END_TEST

START_TEST(tlsa_unpack_fails_at_every_truncation)
{
	struct tlsa in = good(3, 1, 1, 7), out;
	struct span whole = packed(&in);

	for (size_t n = 0; n < whole.n; n++) {
		struct unpack u = unpack_from(span_sub(whole, 0, n));

		unpack_tlsa(&u, &out);
		ck_assert_int_ne(unpack_done(&u), ST_OK);
	}
}
END_TEST

static bool
digests_equal(const struct tlsa *a, size_t an, const struct tlsa *b, size_t bn)
{
	uint8_t x[32], y[32];

	tlsa_set_digest(a, an, x);
	tlsa_set_digest(b, bn, y);
	return memcmp(x, y, sizeof(x)) == 0;
}

START_TEST(inv_10_the_digest_of_a_set_is_that_of_its_usable_records)
{
	struct tlsa a[] = { good(3, 1, 1, 1), good(2, 0, 1, 2),
		good(3, 0, 0, 3) };
	struct tlsa turned[] = { a[2], a[0], a[1] };
	struct tlsa with_bad[] = { record(3, 1, 1, 31, 9), a[0], a[1], a[2] };

	ck_assert(digests_equal(a, 3, turned, 3));
	ck_assert(digests_equal(a, 3, with_bad, 4));
}
END_TEST

START_TEST(dns_32_a_full_set_of_records_has_a_digest)
{
	struct tlsa set[TLSA_MAX_RECORDS];

	for (size_t i = 0; i < COUNT_OF(set); i++)
		set[i] = good(3, 1, 1, (uint8_t)i);
	ck_assert(!digests_equal(set, COUNT_OF(set), set, COUNT_OF(set) - 1));
}
END_TEST

START_TEST(inv_10_any_change_of_a_set_changes_its_digest)
{
	struct tlsa a[] = { good(3, 1, 1, 1), good(3, 1, 1, 2) };
	struct tlsa other_data[] = { a[0], good(3, 1, 1, 3) };
	struct tlsa other_usage[] = { a[0], good(2, 1, 1, 2) };
	struct tlsa other_selector[] = { a[0], good(3, 0, 1, 2) };

	ck_assert(!digests_equal(a, 2, a, 1));
	ck_assert(!digests_equal(a, 2, a, 0));
	ck_assert(!digests_equal(a, 2, other_data, 2));
	ck_assert(!digests_equal(a, 2, other_usage, 2));
	ck_assert(!digests_equal(a, 2, other_selector, 2));
}
END_TEST

START_TEST(dane_31_names_are_read_beside_numbers_in_any_case)
{
	static const struct {
		const char *text;
		unsigned usage, selector, matching;
	} row[] = {
		{ "dane-ee spki sha2-256", 3, 1, 1 },
		{ "DANE-TA Cert SHA2-512", 2, 0, 2 },
		{ "PKIX-TA CERT full", 0, 0, 0 },
		{ " 1  SPKI   0 ", 1, 1, 0 },
		{ "3 1 1", 3, 1, 1 },
		{ "255 17 9", 255, 17, 9 },
	};
	struct diag why = { 0 };
	struct tlsa t;

	for (size_t i = 0; i < COUNT_OF(row); i++) {
		ck_assert_int_eq(tlsa_params_parse(span_str(row[i].text), &t,
				     &why),
		    ST_OK);
		ck_assert_uint_eq(t.usage, row[i].usage);
		ck_assert_uint_eq(t.selector, row[i].selector);
		ck_assert_uint_eq(t.matching, row[i].matching);
	}
}
END_TEST

START_TEST(dane_31_what_is_no_name_is_told)
{
	static const char *const bad[] = { "", "3 1", "dane-ee spki", "3 1 1 1",
		"256 1 1", "dane spki sha2-256", "3 1 sha256", "-1 1 1",
		"3,1,1" };
	struct diag why = { 0 };
	struct tlsa t;

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		why.text[0] = '\0';
		ck_assert_int_eq(tlsa_params_parse(span_str(bad[i]), &t, &why),
		    ST_SYNTAX);
		ck_assert_str_ne(why.text, "");
	}
}
END_TEST

START_TEST(dane_31_records_are_told_by_their_names)
{
	struct tlsa t = { .usage = 3, .selector = 1, .matching = 1 };

	ck_assert_str_eq(tlsa_names(mem, &t), "DANE-EE SPKI SHA2-256");
	t = (struct tlsa){ .usage = 2, .selector = 0, .matching = 0 };
	ck_assert_str_eq(tlsa_names(mem, &t), "DANE-TA Cert Full");
	t = (struct tlsa){ .usage = 4, .selector = 2, .matching = 3 };
	ck_assert_str_eq(tlsa_names(mem, &t), "4 2 3");
}
END_TEST

START_TEST(dane_27_dane_30_digests_are_listed_by_name_the_strongest_first)
{
	struct tlsa_digests d;
	struct diag why = { 0 };

	ck_assert_int_eq(tlsa_digests_parse(SPAN_LIT("sha2-256 SHA2-512"), &d,
			     &why),
	    ST_OK);
	ck_assert_uint_eq(d.count, 2);
	ck_assert_uint_eq(d.matching[0], 1);
	ck_assert_uint_eq(d.matching[1], 2);
	ck_assert_int_eq(tlsa_digests_parse(SPAN_LIT("2"), &d, &why), ST_OK);
	ck_assert_uint_eq(d.count, 1);
	ck_assert_int_eq(tlsa_digests_parse(SPAN_LIT(""), &d, &why), ST_SYNTAX);
	ck_assert_int_eq(tlsa_digests_parse(SPAN_LIT("full"), &d, &why),
	    ST_SYNTAX);
	ck_assert_int_eq(tlsa_digests_parse(SPAN_LIT("sha2-256 1"), &d, &why),
	    ST_SYNTAX);
	ck_assert_int_eq(tlsa_digests_parse(SPAN_LIT("sha1"), &d, &why),
	    ST_SYNTAX);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		dane_24_usages_0_and_1_are_unusable_not_absent,
		dane_25_both_selectors_and_all_three_matching_types_are_usable,
		dane_26_unknown_and_private_parameters_are_unusable,
		dane_26_a_digest_of_the_wrong_length_is_malformed,
		dane_26_rdata_of_every_short_length_is_malformed,
		dane_26_full_data_that_is_no_der_is_malformed,
		tlsa_full_data_has_a_cap,
		tlsa_fields_are_those_of_the_rdata,
		dane_26_one_bad_record_does_not_harm_its_neighbours,
		dane_28_only_unusable_records_leave_nothing_to_match,
		dane_29_the_stronger_digest_replaces_the_weaker,
		dane_29_another_selector_or_usage_is_another_choice,
		dane_29_full_data_stays_beside_any_digest,
		dane_29_an_unusable_stronger_digest_replaces_nothing,
		dane_29_sha2_512_is_preferred_to_sha2_256_in_any_order,
		dns_32_a_full_set_of_records_is_chosen_from,
		tlsa_has_usage_looks_at_each_record,
		tlsa_text_is_cut_at_16_digits,
		tlsa_pack_is_read_back,
		tlsa_unpack_judges_again,
		tlsa_unpack_fails_at_every_truncation,
		inv_10_the_digest_of_a_set_is_that_of_its_usable_records,
		dns_32_a_full_set_of_records_has_a_digest,
		inv_10_any_change_of_a_set_changes_its_digest,
	};
	Suite *s = suite_create("tlsa");
	TCase *tc = tcase_create("tlsa");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	for (size_t i = 0; i < COUNT_OF(tests); i++)
		tcase_add_test(tc, tests[i]);
	tcase_add_test(tc, dane_31_names_are_read_beside_numbers_in_any_case);
	tcase_add_test(tc, dane_31_what_is_no_name_is_told);
	tcase_add_test(tc, dane_31_records_are_told_by_their_names);
	tcase_add_test(tc,
	    dane_27_dane_30_digests_are_listed_by_name_the_strongest_first);
	suite_add_tcase(s, tc);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
