/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 8-bit messages to 7-bit MIME.  tests/golden/convert-NAME.in becomes
 * convert-NAME.out; with UPDATE_GOLDEN set in the environment the latter are
 * written anew.  What they say to another MIME parser is compared by
 * check_convert_mime.sh.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/convert.h"

#define MAX_BYTES (1u << 20)
#define HEADER    "Subject: x\r\nMIME-Version: 1.0\r\n"
#define PLAIN     "Content-Type: text/plain\r\n"
#define EIGHT     "Content-Transfer-Encoding: 8bit\r\n"
#define MIXED(b)  "Content-Type: multipart/mixed; boundary=" b "\r\n"

static TALLOC_CTX *mem;
static struct diag why;

static void
setup(void)
{
	mem = talloc_new(NULL);
	why = (struct diag){ 0 };
}

static void
teardown(void)
{
	talloc_free(mem);
}

/* In pieces of so many bytes, but the first, which has first. */
static enum status
convert_pieces(struct span in, size_t first, size_t piece,
    enum convert_mode mode, struct sbuf *out)
{
	struct convert *c = convert_new(mem, mode);
	enum status st = ST_OK;

	sbuf_init(out, mem, SIZE_MAX);
	while (in.n > 0 && st == ST_OK) {
		st = convert_feed(c, span_sub(in, 0, first), out, &why);
		in = span_sub(in, first, in.n);
		first = piece;
	}
	if (st == ST_OK)
		st = convert_end(c, out, &why);
	talloc_free(c);
	return st;
}

static enum status
convert_text(const char *in, enum convert_mode mode, struct sbuf *out)
{
	return convert_pieces(span_str(in), MAX_BYTES, MAX_BYTES, mode, out);
}

static const char *
converted(const char *in)
{
	struct sbuf out;

	ck_assert_msg(convert_text(in, CONVERT_WHOLE, &out) == ST_OK, "%s",
	    why.text);
	ck_assert(span_is_ascii(sbuf_view(&out)));
	return sbuf_cstr(&out);
}

static struct span
read_file(const char *name, const char *ending)
{
	char *path = talloc_asprintf(mem, "%s/tests/golden/convert-%s.%s",
	    SRCDIR, name, ending);
	uint8_t *p = talloc_size(mem, MAX_BYTES);
	FILE *f = fopen(path, "rb");
	size_t n;

	ck_assert_msg(f != NULL, "%s", path);
	n = fread(p, 1, MAX_BYTES, f);
	fclose(f);
	return span_of(p, n);
}

static void
write_file(const char *name, struct span a)
{
	char *path = talloc_asprintf(mem, "%s/tests/golden/convert-%s.out",
	    SRCDIR, name);
	FILE *f = fopen(path, "wb");

	ck_assert_msg(f != NULL, "%s", path);
	ck_assert_uint_eq(fwrite(a.p, 1, a.n, f), a.n);
	ck_assert_int_eq(fclose(f), 0);
}

static const char *const golden[] = { "plain", "text", "ascii", "octets",
	"mixed", "message", "digest", "signed-beside", "empty-parts" };

START_TEST(smtp_47_every_cut_of_a_message_converts_to_the_same_bytes)
{
	const char *name = golden[_i];
	struct span in = read_file(name, "in"), want;
	struct sbuf out;

	ck_assert_int_eq(convert_pieces(in, MAX_BYTES, MAX_BYTES, CONVERT_WHOLE,
			     &out),
	    ST_OK);
	if (getenv("UPDATE_GOLDEN") != NULL)
		write_file(name, sbuf_view(&out));
	want = read_file(name, "out");
	ck_assert(span_is_ascii(want));
	ck_assert_str_eq(sbuf_cstr(&out), span_dup(mem, want));
	for (size_t at = 1; at <= in.n; at++) {
		ck_assert_int_eq(convert_pieces(in, at, MAX_BYTES,
				     CONVERT_WHOLE, &out),
		    ST_OK);
		ck_assert_msg(span_eq_span(sbuf_view(&out), want),
		    "%s, cut at %zu", name, at);
		sbuf_free(&out);
	}
	for (size_t piece = 1; piece < 20; piece++) {
		ck_assert_int_eq(convert_pieces(in, piece, piece, CONVERT_WHOLE,
				     &out),
		    ST_OK);
		ck_assert(span_eq_span(sbuf_view(&out), want));
	}
}
END_TEST

/* What has been converted needs no more, and is what a 7-bit message is. */
START_TEST(smtp_47_what_is_in_7_bits_stays_as_it_is)
{
	struct span in = read_file(golden[_i], "out");
	struct sbuf out;

	for (enum convert_mode m = CONVERT_WHOLE; m <= CONVERT_LOSSY; m++) {
		ck_assert_int_eq(convert_pieces(in, MAX_BYTES, MAX_BYTES, m,
				     &out),
		    ST_OK);
		ck_assert(span_eq_span(sbuf_view(&out), in));
	}
}
END_TEST

/* RFC 2045 6.7 (5), 6.8: at most 76 characters a line. */
START_TEST(smtp_47_no_encoded_line_is_too_long)
{
	struct span in = read_file(golden[_i], "out"), line;

	while (span_line(&in, &line))
		ck_assert_uint_le(line.n, 76);
}
END_TEST

/* RFC 1428 2: "unknown-8bit" where it is not known. */
START_TEST(smtp_47_without_mime_fields_it_is_text_of_an_unknown_charset)
{
	ck_assert_str_eq(converted("Subject: x\r\n\r\n\xfc=\t\r\n"),
	    "Subject: x\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=unknown-8bit\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	    "=FC=3D=09\r\n");
}
END_TEST

START_TEST(smtp_47_a_message_without_mime_version_gets_one)
{
	ck_assert_str_eq(converted("Content-Type: multipart/mixed; "
				   "boundary=b\r\n\r\n--b\r\n" EIGHT
				   "\r\n\xfc\r\n--b--\r\n"),
	    "Content-Type: multipart/mixed; boundary=b\r\n"
	    "MIME-Version: 1.0\r\n\r\n--b\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n"
	    "Content-Type: text/plain; charset=unknown-8bit\r\n\r\n"
	    "=FC\r\n--b--\r\n");
}
END_TEST

/* Not "=" at the end of the content, which would join it to what follows. */
START_TEST(smtp_47_blanks_at_the_very_end_are_kept)
{
	ck_assert_str_eq(converted(HEADER PLAIN "\r\n\xfc "), HEADER PLAIN
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n=FC=20");
}
END_TEST

static const struct {
	const char *in;
	const char *says; /* in the reason */
} refused[] = {
	{ "Subject: \xfc\r\n\r\nx\r\n", "header field" },
	{ HEADER MIXED("b") "\r\n--b\r\nContent-Description: \xfc\r\n\r\n",
	    "header field" },
	{ HEADER "Content-Type: message/rfc822\r\n\r\nSubject: \xfc\r\n\r\n",
	    "header field" },
	{ HEADER "Content-Type: multipart/signed; boundary=b\r\n\r\n"
		 "--b\r\n" PLAIN EIGHT "\r\n\xfc\r\n--b--\r\n",
	    "signed" },
	{ HEADER "Content-Type: multipart/encrypted; boundary=b\r\n\r\n"
		 "--b\r\n\r\n\xfc\r\n--b--\r\n",
	    "signed" },
	{ HEADER "Content-Type: message/delivery-status\r\n\r\n\xfc\r\n",
	    "must not be encoded" },
	{ HEADER "Content-Type: message/partial; id=1\r\n\r\n\xfc\r\n",
	    "must not be encoded" },
	{ HEADER PLAIN "Content-Transfer-Encoding: base64\r\n\r\n\xfc\r\n",
	    "must not be encoded" },
	{ HEADER PLAIN "Content-Transfer-Encoding: x-own\r\n\r\n\xfc\r\n",
	    "must not be encoded" },
	{ HEADER "Content-Type: multipart/mixed\r\n\r\n\xfc\r\n",
	    "must not be encoded" },
	{ HEADER "Content-Type: multipart/mixed; boundary=\"a b \"\r\n\r\n"
		 "\xfc\r\n",
	    "must not be encoded" },
	{ HEADER "Content-Type: multipart/mixed; boundary*0=a\r\n\r\n\xfc\r\n",
	    "must not be encoded" },
	{ HEADER "Content-Type: multipart/mixed; boundary=a; boundary=b\r\n\r\n"
		 "\xfc\r\n",
	    "must not be encoded" },
	{ HEADER "Content-Type: text\r\n\r\n\xfc\r\n", "must not be encoded" },
	{ HEADER PLAIN "Content-Type: text/html\r\n\r\n\xfc\r\n", "not clear" },
	{ HEADER EIGHT EIGHT "\r\n\xfc\r\n", "not clear" },
	{ HEADER "Content-Type : text/plain\r\n\r\n\xfc\r\n", "not clear" },
	{ HEADER "no field\r\n\r\n\xfc\r\n", "not clear" },
	{ HEADER MIXED("b") "\r\n--b\r\n\r\n\xfc\r\n--bc\r\n--b--\r\n",
	    "delimiter" },
	{ HEADER MIXED("b") "\r\n--b\r\n\r\n\xfc\r\n--b-\r\n--b--\r\n",
	    "delimiter" },
};

/* RFC 6152 3: what cannot be converted is returned. */
START_TEST(smtp_47_what_cannot_be_converted_is_refused_and_says_why)
{
	struct span in = span_str(refused[_i].in);
	struct sbuf out;

	for (size_t piece = 1; piece <= in.n; piece++) {
		ck_assert_int_eq(convert_pieces(in, piece, piece, CONVERT_WHOLE,
				     &out),
		    ST_POLICY);
		ck_assert_msg(strstr(why.text, refused[_i].says) != NULL, "%s",
		    why.text);
	}
	ck_assert_int_eq(convert_text(refused[_i].in, CONVERT_LOSSY, &out),
	    ST_OK);
	ck_assert(span_is_ascii(sbuf_view(&out)));
}
END_TEST

START_TEST(smtp_47_a_lossy_copy_has_all_that_can_be_read)
{
	struct sbuf out;

	ck_assert_int_eq(convert_text("Subject: \xc3\xbc\r\nMIME-Version: 1.0"
				      "\r\nContent-Type: multipart/signed; "
				      "boundary=b\r\n\r\n--b\r\n" PLAIN EIGHT
				      "\r\n\xfc\r\n--b--\r\n",
			     CONVERT_LOSSY, &out),
	    ST_OK);
	ck_assert_str_eq(sbuf_cstr(&out),
	    "Subject: ??\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n" PLAIN
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	    "=FC\r\n--b--\r\n");
}
END_TEST

static const char *const unclean[] = { "a: b\r\n\r\nx\ny\r\n", "a: b\n",
	"a: b\r\n\r\n\xfc\rx\r\n", "a: b\r\n\r\n\xfc\r" };

/* Never hidden in an encoding (SMTP-03, B1.2). */
START_TEST(smtp_03_b1_2_a_bare_cr_or_lf_is_not_encoded_away)
{
	struct sbuf out;

	ck_assert_int_eq(convert_text(unclean[_i / 2],
			     _i % 2 == 0 ? CONVERT_WHOLE : CONVERT_LOSSY, &out),
	    ST_SYNTAX);
}
END_TEST

/* Which differs from what it looks like only in its length. */
START_TEST(smtp_47_of_a_long_part_only_the_start_is_looked_at)
{
	size_t lines = CONVERT_AHEAD_BYTES / 16 + (_i == 1);
	struct sbuf in, out;

	sbuf_init(&in, mem, MAX_BYTES);
	sbuf_str(&in, HEADER PLAIN "\r\n");
	for (size_t i = 0; i < lines; i++)
		sbuf_str(&in, "=23456 890123\t\r\n");
	ck_assert_int_eq(convert_pieces(sbuf_view(&in), 1000, 999,
			     CONVERT_WHOLE, &out),
	    ST_OK);
	ck_assert_int_eq(span_eq_span(sbuf_view(&out), sbuf_view(&in)),
	    _i == 0);
	if (_i == 1)
		ck_assert_uint_eq(out.n,
		    sizeof(HEADER PLAIN "Content-Transfer-Encoding: "
					"quoted-printable\r\n\r\n") -
			1 + lines * sizeof("=3D23456 890123=09\r\n") - lines);
}
END_TEST

/* A line end at the limit is not cut in two. */
START_TEST(smtp_47_the_limit_of_what_is_looked_at_may_be_anywhere_in_a_line)
{
	struct sbuf in, out;

	sbuf_init(&in, mem, MAX_BYTES);
	sbuf_str(&in, HEADER PLAIN "\r\n");
	for (size_t i = 0; i < CONVERT_AHEAD_BYTES - 4 + (size_t)_i; i++)
		sbuf_u8(&in, 'x');
	sbuf_str(&in, "\r\ny\r\n");
	ck_assert_int_eq(convert_pieces(sbuf_view(&in), MAX_BYTES, MAX_BYTES,
			     CONVERT_WHOLE, &out),
	    ST_OK);
	ck_assert(span_ends(sbuf_view(&out), "x\r\ny\r\n"));
	ck_assert(!span_ends(sbuf_view(&out), "\r\n\r\ny\r\n"));
}
END_TEST

/* Multiparts within each other; innermost an 8-bit octet. */
static const char *
nested(size_t depth)
{
	struct sbuf b;

	sbuf_init(&b, mem, MAX_BYTES);
	sbuf_str(&b, HEADER);
	for (size_t i = 0; i < depth; i++)
		sbuf_printf(&b,
		    "Content-Type: multipart/mixed; boundary=b%zu.\r\n\r\n"
		    "--b%zu.\r\n",
		    i, i);
	sbuf_str(&b, "\r\n\xfc\r\n");
	return sbuf_cstr(&b);
}

START_TEST(smtp_47_multiparts_are_followed_to_a_depth)
{
	struct sbuf out;

	ck_assert(strstr(converted(nested(CONVERT_DEPTH)), "=FC") != NULL);
	ck_assert_int_eq(convert_text(nested(CONVERT_DEPTH + 1), CONVERT_WHOLE,
			     &out),
	    ST_POLICY);
	ck_assert_int_eq(convert_text(nested(CONVERT_DEPTH + 1), CONVERT_LOSSY,
			     &out),
	    ST_OK);
	ck_assert(span_is_ascii(sbuf_view(&out)));
}
END_TEST

/* A field that is too long, and too many behind that of the encoding. */
START_TEST(smtp_47_headers_are_held_to_a_limit)
{
	bool type = _i == 0;
	size_t n = type ? CONVERT_TYPE_BYTES : CONVERT_HEADER_BYTES;
	struct sbuf in, out;

	sbuf_init(&in, mem, MAX_BYTES);
	sbuf_str(&in, HEADER);
	sbuf_str(&in,
	    type ? "Content-Type: text/plain; x=\"" : EIGHT "X-Long: ");
	for (size_t i = 0; i < n; i += 50)
		sbuf_str(&in, "01234567890123456789012345678901234567890123\r\n"
			      "    ");
	sbuf_str(&in, type ? "\"\r\n\r\n\xfc\r\n" : "\r\n\r\n\xfc\r\n");
	ck_assert_int_eq(convert_pieces(sbuf_view(&in), MAX_BYTES, MAX_BYTES,
			     CONVERT_WHOLE, &out),
	    ST_POLICY);
	ck_assert_msg(strstr(why.text, "not clear") != NULL, "%s", why.text);
	in.n -= 3;
	sbuf_str(&in, "x\r\n");
	ck_assert_int_eq(convert_pieces(sbuf_view(&in), 7, 7, CONVERT_WHOLE,
			     &out),
	    ST_OK);
	ck_assert(span_eq_span(sbuf_view(&in), sbuf_view(&out)));
}
END_TEST

static const char *const types[] = {
	"multipart/mixed; boundary=b",
	"Multipart/Mixed;\r\n\tBoundary=\"b\";",
	"multipart/x-own ; (a \\) (comment)) charset=x; boundary=\"\\b\"",
	"multipart / mixed; name=\"; boundary=c\"; boundary=b",
	"multipart/related; type=\"text/html\"; start=<1@x>; boundary=b",
};

START_TEST(smtp_47_a_boundary_is_found_however_it_is_written)
{
	char *in = talloc_asprintf(mem,
	    HEADER "Content-Type: %s\r\n\r\n--b\r\n" PLAIN "\r\n\xfc\r\n"
		   "--b--\r\n",
	    types[_i]);

	if (strstr(in, "<1@x>") != NULL) { /* which is no token */
		struct sbuf out;

		ck_assert_int_eq(convert_text(in, CONVERT_WHOLE, &out),
		    ST_POLICY);
		return;
	}
	ck_assert(strstr(converted(in), "=FC\r\n--b--\r\n") != NULL);
}
END_TEST

/* A delimiter, no field, an octet: nothing grows by more. */
START_TEST(smtp_47_parts_without_number_fit_in_the_room_that_is_told)
{
	struct convert *c = convert_new(mem, CONVERT_WHOLE);
	struct sbuf in, out;

	sbuf_init(&in, mem, MAX_BYTES);
	sbuf_str(&in, HEADER MIXED("b") "\r\n");
	while (in.n < MAX_BYTES - 10)
		sbuf_str(&in, "--b\r\n\r\n\xfc\r\n");
	sbuf_init(&out, mem, CONVERT_OUT_BYTES(in.n));
	ck_assert_int_eq(convert_feed(c, sbuf_view(&in), &out, &why), ST_OK);
	ck_assert(!sbuf_failed(&out));
	ck_assert_uint_gt(out.n, 10 * in.n);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("convert");
	TCase *t = tcase_create("convert");
	const int count = (int)COUNT_OF(golden);

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t,
	    smtp_47_every_cut_of_a_message_converts_to_the_same_bytes, 0,
	    count);
	tcase_add_loop_test(t, smtp_47_what_is_in_7_bits_stays_as_it_is, 0,
	    count);
	tcase_add_loop_test(t, smtp_47_no_encoded_line_is_too_long, 0, count);
	tcase_add_test(t,
	    smtp_47_without_mime_fields_it_is_text_of_an_unknown_charset);
	tcase_add_test(t, smtp_47_a_message_without_mime_version_gets_one);
	tcase_add_test(t, smtp_47_blanks_at_the_very_end_are_kept);
	tcase_add_loop_test(t,
	    smtp_47_what_cannot_be_converted_is_refused_and_says_why, 0,
	    (int)COUNT_OF(refused));
	tcase_add_test(t, smtp_47_a_lossy_copy_has_all_that_can_be_read);
	tcase_add_loop_test(t, smtp_03_b1_2_a_bare_cr_or_lf_is_not_encoded_away,
	    0, 2 * (int)COUNT_OF(unclean));
	tcase_add_loop_test(t,
	    smtp_47_of_a_long_part_only_the_start_is_looked_at, 0, 2);
	tcase_add_loop_test(t,
	    smtp_47_the_limit_of_what_is_looked_at_may_be_anywhere_in_a_line, 0,
	    8);
	tcase_add_test(t, smtp_47_multiparts_are_followed_to_a_depth);
	tcase_add_loop_test(t, smtp_47_headers_are_held_to_a_limit, 0, 2);
	tcase_add_loop_test(t,
	    smtp_47_a_boundary_is_found_however_it_is_written, 0,
	    (int)COUNT_OF(types));
	tcase_add_test(t,
	    smtp_47_parts_without_number_fit_in_the_room_that_is_told);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	SRunner *r = srunner_create(suite());
	int failed;

	status_init();
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
