/* SPDX-License-Identifier: BSD-2-Clause */
/* What a submission adds to a message, and that nothing else does. */
#include "tests/intake_tls.h"

/* Submission from listed networks, as within an office. */
static void
set_up_submission(void)
{
	set_up();
	listens[0].role = LISTEN_SUBMISSION;
	listens[0].auth = LISTEN_AUTH_OFF;
	intake_reload(in, &conf);
}

/* What the keeper has of a message, behind the Received field. */
static const char *
stored(const char *content)
{
	struct client *c = greeted();
	const char *body;

	envelope(c);
	say(c, content);
	ask(c, ".\r\n", "250 2.0.0 queued");
	client_close(c);
	body = strstr(sbuf_cstr(&keeper.sub[keeper.sub_count - 1].body),
	    " +0000\r\n");
	ck_assert_ptr_nonnull(body);
	return body + strlen(" +0000\r\n");
}

#define DATE "Date: Tue, 24 Nov 2026 08:21:54 +0000\r\n"

/* An identifier of ours at the start of text; what follows it. */
static const char *
after_message_id(const char *text)
{
	const char *end = strstr(text, "\r\n");
	char id[QUEUE_ID_BYTES];

	queue_id_text(FIRST_ID + (int64_t)keeper.sub_count - 1, id);
	ck_assert(span_starts(span_str(text),
	    talloc_asprintf(mem, "Message-ID: <%s.", id)));
	ck_assert_ptr_nonnull(end);
	ck_assert(span_ends(span_of(text, (size_t)(end - text)),
	    "@gw.example.org>"));
	return end + 2;
}

START_TEST(smtp_18_a_submission_gets_what_it_lacks)
{
	static const char with_date[] = "Date: x\r\nFrom: a@b\r\n";
	static const char with_id[] = "message-id: <x@y>\r\nFrom: a@b\r\n";
	static const char
	    with_both[] = "Date: x\r\nMessage-Id: <x@y>\r\n\r\nb\r\n";
	const char *got;

	got = stored("From: a@b\r\n\r\nbody\r\n");
	ck_assert(span_starts(span_str(got), "From: a@b\r\n" DATE));
	got = after_message_id(got + strlen("From: a@b\r\n" DATE));
	ck_assert_str_eq(got, "\r\nbody\r\n");

	got = stored(talloc_asprintf(mem, "%s\r\nb\r\n", with_date));
	ck_assert(span_starts(span_str(got), with_date));
	got = after_message_id(got + strlen(with_date));
	ck_assert_str_eq(got, "\r\nb\r\n");

	got = stored(talloc_asprintf(mem, "%s\r\nb\r\n", with_id));
	ck_assert_str_eq(got,
	    talloc_asprintf(mem, "%s" DATE "\r\nb\r\n", with_id));
	ck_assert_str_eq(stored(with_both), with_both);
}
END_TEST

START_TEST(smtp_18_a_message_without_an_empty_line_gets_one)
{
	const char *got = stored("From: a@b\r\n");

	got = after_message_id(got + strlen("From: a@b\r\n" DATE));
	ck_assert_str_eq(got, "\r\n");
	got = stored("no header at all\r\n");
	ck_assert(span_starts(span_str(got), DATE));
	got = after_message_id(got + strlen(DATE));
	ck_assert_str_eq(got, "\r\nno header at all\r\n");
}
END_TEST

START_TEST(smtp_18_a_header_of_more_than_a_chunk_gets_them_too)
{
	struct sbuf b;
	const char *got;

	for (unsigned over = 0; over < 300; over += 37) {
		sbuf_init(&b, mem, 1u << 20);
		while (b.n < WIRE_CHUNK_BYTES - 250)
			sbuf_printf(&b, "X-%06zu: %0100d\r\n", b.n, 1);
		sbuf_printf(&b, "Y: %0*d\r\n", (int)over + 1, 1);
		got = stored(talloc_asprintf(mem, "%s\r\nbody\r\n",
		    sbuf_cstr(&b)));
		ck_assert(span_starts(span_str(got), sbuf_cstr(&b)));
		got = after_message_id(got + b.n + strlen(DATE));
		ck_assert_str_eq(got, "\r\nbody\r\n");
		sbuf_free(&b);
	}
}
END_TEST

/* What is added fills the chunk, and much of the body is at hand already. */
START_TEST(smtp_05_a_full_chunk_loses_nothing_of_a_long_body)
{
	char *body = lines_of(50000);
	struct client *c = greeted();
	struct sbuf b;

	for (unsigned under = 140; under < 290; under += 10) {
		sbuf_init(&b, mem, 1u << 20);
		while (b.n < WIRE_CHUNK_BYTES - 900)
			sbuf_printf(&b, "X-%06zu: %0100d\r\n", b.n, 1);
		envelope(c);
		say(c, sbuf_cstr(&b));
		settle();
		say(c, talloc_asprintf(mem, "Y: %0*d\r\n\r\n%s.\r\n",
			   (int)(WIRE_CHUNK_BYTES - b.n - under), 1, body));
		ask(c, "", "250 2.0.0 queued");
		ck_assert(span_ends(sbuf_view(&keeper.sub[keeper.sub_count - 1]
						   .body),
		    talloc_asprintf(mem, ">\r\n\r\n%s", body)));
		sbuf_free(&b);
	}
}
END_TEST

START_TEST(smtp_18_a_relay_changes_nothing)
{
	listens[0].role = LISTEN_RELAY;
	intake_reload(in, &conf);
	ck_assert_str_eq(stored("Subject: x\r\n\r\nbody\r\n"),
	    "Subject: x\r\n\r\nbody\r\n");
	ck_assert_str_eq(stored("no header at all\r\n"),
	    "no header at all\r\n");
}
END_TEST

START_TEST(smtp_24_a_submission_names_full_domains)
{
	struct client *c = greeted();

	ask(c, "MAIL FROM:<a@host>\r\n", "5");
	ask(c, "MAIL FROM:<a@b.example>\r\n", "250");
	ask(c, "RCPT TO:<c@host>\r\n", "5");
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("submission");

	tcase_add_test(tc, smtp_18_a_submission_gets_what_it_lacks);
	tcase_add_test(tc, smtp_18_a_message_without_an_empty_line_gets_one);
	tcase_add_test(tc, smtp_18_a_header_of_more_than_a_chunk_gets_them_too);
	tcase_add_test(tc, smtp_05_a_full_chunk_loses_nothing_of_a_long_body);
	tcase_add_test(tc, smtp_18_a_relay_changes_nothing);
	tcase_add_test(tc, smtp_24_a_submission_names_full_domains);
	return intake_suite("intake_submission", set_up_submission, &tc, 1);
}
