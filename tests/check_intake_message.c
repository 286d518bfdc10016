/* SPDX-License-Identifier: BSD-2-Clause */
/* A message from its client to the keeper, and what it costs. */
#include "smtp/received.h"
#include "tests/intake.h"

/* ---- one message ---- */

START_TEST(smtp_17_a_small_message_is_handed_over_in_one_turn)
{
	char id[QUEUE_ID_BYTES];
	struct client *c = greeted();
	struct submission *s = &keeper.sub[0];
	unsigned before;

	ask(c, "MAIL FROM:<a@b.example> SIZE=99 BODY=8BITMIME\r\n", "250");
	ask(c, "RCPT TO:<C.c@D.example>\r\n", "250");
	ask(c, "DATA\r\n", "354");
	settle();
	before = keeper.batches;
	ck_assert_uint_eq(keeper.sub_count, 0);
	say(c, "Subject: x\r\n\r\n..dot\r\n.\r\n");
	expect(c, talloc_asprintf(mem, "250 2.0.0 queued as %s\r\n",
		      queue_id_text(FIRST_ID, id)));
	ck_assert_uint_eq(keeper.batches, before + 1);
	ck_assert_uint_eq(keeper.sub_count, 1);
	ck_assert_uint_eq(s->chunks, 1);
	ck_assert_int_eq(s->open.message, FIRST_ID);
	ck_assert_str_eq(s->open.sender, "a@b.example");
	ck_assert_str_eq(s->open.client, "127.0.0.1");
	ck_assert_uint_eq(s->open.size_bytes, 99);
	ck_assert_uint_eq(s->open.flags, MESSAGE_8BIT);
	ck_assert_uint_eq(s->open.rcpt_count, 1);
	ck_assert_str_eq(s->open.rcpt[0].address, "C.c@d.example");
	ck_assert_str_eq(s->open.rcpt[0].domain, "d.example");
	ck_assert(!s->has_8bit);
	ck_assert_str_eq(sbuf_cstr(&s->body),
	    talloc_asprintf(mem,
		"Received: from client.example ([127.0.0.1])\r\n"
		"\tby gw.example.org with ESMTP\r\n"
		"\tid %s for <C.c@d.example>;\r\n"
		"\tTue, 24 Nov 2026 08:21:54 +0000\r\n"
		"Subject: x\r\n\r\n.dot\r\n",
		id));
}
END_TEST

START_TEST(smtp_17_two_recipients_leave_out_for)
{
	struct client *c = client_at(0);

	expect(c, "220");
	ask(c, "HELO c.example\r\n", "250");
	say(c, "MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	expect(c, "250 2.1.0");
	expect(c, "250 2.1.5");
	expect(c, "250 2.1.5");
	expect(c, "354");
	ask(c, "\xe4\r\n.\r\n", "250 2.0.0");
	ck_assert_uint_eq(keeper.sub[0].open.rcpt_count, 2);
	ck_assert_str_eq(keeper.sub[0].open.sender, "");
	ck_assert(keeper.sub[0].has_8bit);
	ck_assert_ptr_null(strstr(sbuf_cstr(&keeper.sub[0].body), " for "));
	ck_assert_ptr_nonnull(strstr(sbuf_cstr(&keeper.sub[0].body),
	    "with SMTP\r\n"));
}
END_TEST

START_TEST(smtp_59_what_is_asked_of_reports_reaches_the_keeper)
{
	struct client *c = greeted();
	const struct wire_open *o = &keeper.sub[0].open;

	ask(c, "MAIL FROM:<a@b.example> RET=HDRS ENVID=Q+2B1\r\n", "250");
	ask(c,
	    "RCPT TO:<c@d.example> NOTIFY=SUCCESS,DELAY "
	    "ORCPT=rfc822;x+2By@d.example\r\n",
	    "250");
	ask(c, "RCPT TO:<e@d.example>\r\n", "250");
	ask(c, "DATA\r\n", "354");
	ask(c, "x\r\n.\r\n", "250");
	ck_assert_str_eq(o->envid, "Q+2B1");
	ck_assert_int_eq(o->ret, DSN_RET_HDRS);
	ck_assert_uint_eq(o->rcpt[0].notify, DSN_SUCCESS | DSN_DELAY);
	ck_assert_str_eq(o->rcpt[0].orcpt, "rfc822;x+2By@d.example");
	ck_assert_uint_eq(o->rcpt[1].notify, 0);
	ck_assert_str_eq(o->rcpt[1].orcpt, "");
	ck_assert_str_eq(o->account, "");
}
END_TEST

START_TEST(an_address_in_utf_8_reaches_the_keeper)
{
	struct client *c = greeted();
	const struct wire_open *o = &keeper.sub[0].open;

	ask(c, "MAIL FROM:<\303\274@b.example>\r\n", "553 5.6.7");
	ask(c, "MAIL FROM:<\303\274@b.example> SMTPUTF8\r\n", "250");
	ask(c, "RCPT TO:<\303\266@d.example>\r\n", "250");
	ask(c, "DATA\r\n", "354");
	ask(c, "x\r\n.\r\n", "250");
	ck_assert_str_eq(o->sender, "\303\274@b.example");
	ck_assert(o->flags & MESSAGE_SMTPUTF8);
	ck_assert_ptr_nonnull(strstr(sbuf_cstr(&keeper.sub[0].body),
	    "with UTF8SMTP\r\n"));
}
END_TEST

/* RFC 8689 4.1: the field counts when there is one and it says No. */
START_TEST(rtls_31_a_header_that_wants_no_tls_is_a_class_of_its_own)
{
	static const struct {
		const char *text;
		enum msg_class mclass;
	} rows[] = {
		{ "TLS-Required: No\r\n\r\n", CLASS_TLS_OPTIONAL },
		{ "tls-required:\r\n no\r\n\r\n", CLASS_TLS_OPTIONAL },
		{ "TLS-Required: Yes\r\n\r\n", CLASS_NORMAL },
		{ "TLS-Required: No\r\nTLS-Required: No\r\n\r\n",
		    CLASS_NORMAL },
		{ "Subject: x\r\n\r\nTLS-Required: No\r\n", CLASS_NORMAL },
	};
	struct client *c = greeted();

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		envelope(c);
		say(c, rows[i].text);
		ask(c, ".\r\n", "250");
		ck_assert_int_eq(keeper.sub[i].end.mclass, rows[i].mclass);
	}
}
END_TEST

/* ---- marks ---- */

static char logged[4096];

static void
keep_log(void *arg, enum log_level level, struct span line)
{
	size_t n = strlen(logged);

	(void)arg;
	if (level <= LOG_LEVEL_WARN && line.n < sizeof(logged) - n)
		memcpy(logged + n, line.p, line.n);
}

/* The rules of a file, for this intake. */
static void
use_rules(const char *rules)
{
	struct conf_mistakes mistakes = { .mem = mem };
	const struct conf *c = conf_read_text(mem, "t",
	    talloc_asprintf(mem,
		"hostname = \"gw.example.org\"; listen = ( { address = "
		"\"127.0.0.1:2525\"; allow = [\"127.0.0.0/8\"]; } ); rules "
		"= ( %s );",
		rules),
	    net_wall(&stepped), true, &mistakes);

	ck_assert_msg(c != NULL, "%s",
	    mistakes.count > 0 ? mistakes.text[0] : "");
	conf.rule = c->rule;
	conf.rule_count = c->rule_count;
	conf.marking = c->marking;
	conf.marking_count = c->marking_count;
	conf.wanted = c->wanted;
	conf.wanted_count = c->wanted_count;
	intake_reload(in, &conf);
	quiet.write = keep_log;
	memset(logged, 0, sizeof(logged));
}

#define SECRET                                                                 \
	"{ name = \"secret\"; header = [\"Sensitivity: company "               \
	"confidential\"]; require = \"verify\"; }"
#define OFFICE                                                                 \
	"{ name = \"office\"; clients = [\"127.0.0.0/8\"]; senders = "         \
	"[\"b.example\"]; require = \"encrypt\"; }"
#define PEOPLE                                                                 \
	"{ name = \"people\"; accounts = [\"*\"]; require = \"encrypt\"; }"

START_TEST(the_keeper_is_told_which_rules_a_message_is_subject_to)
{
	static const struct {
		const char *sender, *text, *marks;
	} rows[] = {
		{ "a@c.example", "Subject: x\r\n\r\n", "" },
		{ "a@b.example", "Subject: x\r\n\r\n", "office" },
		{ "a@c.example",
		    "sensitivity:company\r\n\t Confidential\r\n\r\n",
		    "secret" },
		{ "a@b.example",
		    "Sensitivity: Company Confidential\r\n\r\nx\r\n",
		    "office,secret" },
		/* in the body it is none */
		{ "a@c.example",
		    "A: b\r\n\r\nSensitivity: company confidential\r\n", "" },
		{ "", "\r\nx\r\n", "" },
	};
	struct client *c;

	use_rules(SECRET ", " PEOPLE ", " OFFICE);
	c = greeted();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		ask(c,
		    talloc_asprintf(mem, "MAIL FROM:<%s>\r\n", rows[i].sender),
		    "250");
		ask(c, "RCPT TO:<c@d.example>\r\n", "250");
		ask(c, "DATA\r\n", "354");
		say(c, rows[i].text);
		ask(c, ".\r\n", "250");
		ck_assert_str_eq(keeper.sub[i].end.marks, rows[i].marks);
	}
	ck_assert_ptr_null(strstr(logged, "rules-assumed"));
}
END_TEST

/* Another reads the fields behind a line that is none: so must we. */
START_TEST(what_a_broken_header_hides_is_assumed_and_told)
{
	struct client *c;

	use_rules(SECRET);
	c = greeted();
	envelope(c);
	say(c, "A: b\r\nno field\r\nSensitivity: x\r\n\r\n");
	ask(c, ".\r\n", "250");
	ck_assert_str_eq(keeper.sub[0].end.marks, "secret");
	ck_assert_ptr_nonnull(strstr(logged, "rules-assumed"));
	ck_assert_ptr_nonnull(strstr(logged, "rules=secret"));
}
END_TEST

/* A rule that comes while a message does was not looked for. */
START_TEST(a_rule_that_comes_with_a_reload_is_assumed_of_mail_under_way)
{
	struct client *c = greeted();

	envelope(c);
	say(c, "Subject: x\r\n");
	settle();
	use_rules(SECRET);
	ask(c, "\r\n.\r\n", "250");
	ck_assert_str_eq(keeper.sub[0].end.marks, "secret");
	envelope(c);
	ask(c, "Subject: x\r\n\r\n.\r\n", "250");
	ck_assert_str_eq(keeper.sub[1].end.marks, "");
}
END_TEST

/* RFC 5321 3.6.3: the field is the sender's. */
START_TEST(rtls_36_the_field_is_neither_removed_nor_added)
{
	static const char *const texts[] = {
		"tls-REQUIRED:   nO \r\nSubject: x\r\n\r\nbody\r\n",
		"TLS-Required: No\r\nTLS-Required: No\r\n\r\nbody\r\n",
		"Subject: x\r\n\r\nbody\r\n",
	};
	struct client *c = greeted();

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		const char *body;

		envelope(c);
		say(c, texts[i]);
		ask(c, ".\r\n", "250");
		body = sbuf_cstr(&keeper.sub[i].body);
		ck_assert_uint_ge(strlen(body), strlen(texts[i]));
		ck_assert_str_eq(body + strlen(body) - strlen(texts[i]),
		    texts[i]);
		ck_assert_ptr_eq(strstr(body, "TLS-Required"),
		    i == 1 ? body + strlen(body) - strlen(texts[i]) : NULL);
	}
}
END_TEST

START_TEST(smtp_48_a_message_in_chunks_reaches_the_keeper)
{
	struct client *c = greeted();
	struct submission *s = &keeper.sub[0];

	ask(c, "MAIL FROM:<a@b.example>\r\n", "250");
	ask(c, "RCPT TO:<c@d.example>\r\n", "250");
	say(c, "BDAT 14\r\nSubject: x\r\n\r\nBDAT 5 LAST\r\n.\r\nabNOOP\r\n");
	expect(c, "250 2.0.0 14 octets received\r\n");
	wait_for_subs(1);
	settle();
	ck_assert(s->ended);
	ck_assert_ptr_nonnull(strstr(sbuf_cstr(&s->body),
	    "\r\nSubject: x\r\n\r\n.\r\nab\r\n"));
	ask(c, "", "250 2.0.0 queued");
	ask(c, "", "250 2.0.0 ok");
}
END_TEST

/* Command and octets of the second chunk come with one read. */
START_TEST(smtp_48_two_big_chunks_in_one_stream_are_whole_at_the_keeper)
{
	char *block = lines_of(60000);
	struct client *c = greeted();

	ask(c, "MAIL FROM:<a@b.example>\r\n", "250");
	ask(c, "RCPT TO:<c@d.example>\r\n", "250");
	ask(c,
	    talloc_asprintf(mem, "BDAT %zu\r\n\r\n%s", strlen(block) + 2,
		block),
	    "250");
	ask(c,
	    talloc_asprintf(mem, "BDAT %zu LAST\r\n%s", strlen(block), block),
	    "250 2.0.0 queued");
	ck_assert(span_ends(sbuf_view(&keeper.sub[0].body),
	    talloc_asprintf(mem, "\r\n%s%s", block, block)));
}
END_TEST

/* Names that a full chunk cuts come back whole, and the chunk holds them. */
START_TEST(smtp_05_a_long_header_section_is_whole_at_the_keeper)
{
	struct client *c = greeted();
	struct sbuf text;

	sbuf_init(&text, mem, 1u << 20);
	for (int i = 0; i < 2000; i++)
		sbuf_printf(&text, "X-%0*d: %d\r\n", 100 + i % 7, i, i);
	sbuf_str(&text, "\r\nbody\r\n");
	envelope(c);
	say(c, sbuf_cstr(&text));
	ask(c, ".\r\n", "250 2.0.0");
	ck_assert(span_ends(sbuf_view(&keeper.sub[0].body), sbuf_cstr(&text)));
}
END_TEST

START_TEST(b1_4_a_message_left_between_chunks_is_aborted)
{
	char *block = lines_of(200000);
	struct client *c = greeted();

	ask(c, "MAIL FROM:<a@b.example>\r\n", "250");
	ask(c, "RCPT TO:<c@d.example>\r\n", "250");
	say(c, talloc_asprintf(mem, "BDAT %zu\r\n", strlen(block)));
	say(c, block);
	expect(c, talloc_asprintf(mem, "250 2.0.0 %zu octets received\r\n",
		      strlen(block)));
	ck_assert_uint_eq(keeper.sub_count, 1);
	ask(c, "RSET\r\n", "250");
	settle();
	ck_assert(keeper.sub[0].aborted);
	ck_assert(!keeper.sub[0].ended);
}
END_TEST

START_TEST(smtp_16_250_comes_only_after_the_keeper_has_queued)
{
	struct client *c = greeted();

	keeper.gives_verdict = false;
	envelope(c);
	say(c, "x\r\n.\r\n");
	wait_for_subs(1);
	expect_silence(c);
	ck_assert(keeper.sub[0].ended);
	send_done(&keeper.sub[0], VERDICT_QUEUED);
	expect(c, "250 2.0.0 queued as");
}
END_TEST

START_TEST(smtp_16_refusals_of_the_keeper_are_told)
{
	struct client *c = greeted();

	keeper.gives_verdict = false;
	envelope(c);
	say(c, "x\r\n.\r\n");
	wait_for_subs(1);
	settle();
	send_done(&keeper.sub[0], VERDICT_TRY_LATER);
	expect(c, "451 4.3.0");
	envelope(c);
	say(c, "x\r\n.\r\n");
	wait_for_subs(2);
	settle();
	send_done(&keeper.sub[1], VERDICT_NO_SPACE);
	expect(c, "452 4.3.1");
	ask(c, "DATA\r\n", "503");
}
END_TEST

START_TEST(c7_a_refusal_in_mid_stream_is_told_at_the_end)
{
	char *block = lines_of(100000);
	struct client *c = greeted();

	envelope(c);
	say(c, block);
	wait_for_subs(1);
	send_done(&keeper.sub[0], VERDICT_NO_SPACE);
	expect_silence(c);
	say(c, block);
	ask(c, ".\r\n", "452 4.3.1");
	ck_assert(!keeper.sub[0].ended);
	envelope(c);
	ask(c, "x\r\n.\r\n", "250");
}
END_TEST

START_TEST(smtp_25_pipelining_octet_by_octet)
{
	static const char text[] =
	    "EHLO c.example\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
	    "Subject: x\r\n\r\n..\r\n.\r\nRSET\r\nQUIT\r\n";
	struct client *c = client_at(0);

	expect(c, "220");
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		say_bytes(c, text + i, 1);
		if (text[i] == '\n')
			settle();
	}
	expect(c, "250-");
	expect(c, "250 2.1.0");
	expect(c, "250 2.1.5");
	expect(c, "354");
	expect(c, "250 2.0.0 queued");
	expect(c, "250 2.0.0");
	expect(c, "221");
	expect_end(c);
}
END_TEST

START_TEST(smtp_25_commands_behind_the_content_wait_for_its_verdict)
{
	struct client *c = greeted();

	keeper.gives_verdict = false;
	envelope(c);
	say(c, "x\r\n.\r\nMAIL FROM:<e@f>\r\nNOOP\r\nFOO\r\n");
	wait_for_subs(1);
	expect_silence(c);
	send_done(&keeper.sub[0], VERDICT_QUEUED);
	expect(c, "250 2.0.0 queued");
	expect(c, "250 2.1.0");
	expect(c, "250 2.0.0");
	expect(c, "500");
}
END_TEST

START_TEST(smtp_26_talking_before_the_greeting_is_cut)
{
	struct client *c = client_at(0);

	say(c, "EHLO c.example\r\n");
	expect(c, "554 5.5.0");
	expect_end(c);
}
END_TEST

START_TEST(smtp_02_a_bare_lf_reaches_no_keeper)
{
	struct client *c = greeted();

	envelope(c);
	ask(c, "a\nb\r\n.\r\n", "550 5.6.0");
	ck_assert_uint_eq(keeper.sub_count, 0);
	envelope(c);
	ask(c, "x\r\n.\r\n", "250");
	ck_assert_uint_eq(keeper.sub_count, 1);
}
END_TEST

START_TEST(a_message_given_up_by_its_client_is_aborted)
{
	char *block = lines_of(200000);
	struct client *c = greeted();

	envelope(c);
	say(c, block);
	wait_for_subs(1);
	client_close(c);
	ck_assert(keeper.sub[0].aborted);
	ck_assert(!keeper.sub[0].ended);
}
END_TEST

START_TEST(c6_a_message_over_the_limit_is_aborted_and_refused)
{
	struct client *c;
	char line[51];

	memset(line, 'x', 48);
	memcpy(line + 48, "\r\n", 3);
	conf.intake_message_bytes = 100000;
	intake_reload(in, &conf);
	c = greeted();
	ask(c, "MAIL FROM:<a@b> SIZE=100001\r\n", "552 5.3.4");
	envelope(c);
	for (int i = 0; i < 2001; i++)
		say(c, line);
	ask(c, ".\r\n", "552 5.3.4");
	settle();
	ck_assert(keeper.sub[0].aborted);
	envelope(c);
	for (int i = 0; i < 2000; i++)
		say(c, line);
	ask(c, ".\r\n", "250 2.0.0");
}
END_TEST

/* ---- memory ---- */

#define STREAMS      20u
#define STREAM_BYTES (50u << 20)

static void
stream_some(struct client *c, size_t *left, const char *block, size_t n)
{
	size_t at = (STREAM_BYTES - *left) % n;
	size_t want = n - at < *left ? n - at : *left;

	*left -= client_send(c, block + at, want);
}

START_TEST(c6_twenty_messages_of_50_mib_cost_a_window_each)
{
	/* a window is also in the channel's queue, which grows by doubling */
	const size_t bound = STREAMS * (WIRE_CHUNK_BYTES + INTAKE_READ_BYTES +
					   2 * WIRE_WINDOW_BYTES);
	struct client *c[STREAMS];
	size_t left[STREAMS], before, most = 0, open = STREAMS;
	const size_t n = 64 * 1024;
	char *block = talloc_array(mem, char, (unsigned)n);

	for (size_t i = 0; i < n; i += 64) {
		memset(block + i, 'a' + (int)(i / 64 % 26), 62);
		memcpy(block + i + 62, "\r\n", 2);
	}
	keeper.keeps_bodies = false;
	for (unsigned i = 0; i < STREAMS; i++) {
		c[i] = greeted();
		envelope(c[i]);
		left[i] = STREAM_BYTES;
	}
	before = talloc_total_size(in);
	while (open > 0) {
		open = 0;
		for (unsigned i = 0; i < STREAMS; i++) {
			if (left[i] > 0)
				stream_some(c[i], &left[i], block, n);
			open += left[i] > 0;
		}
		pump();
		if (talloc_total_size(in) > most)
			most = talloc_total_size(in);
	}
	ck_assert_uint_le(most, before + bound);
	for (unsigned i = 0; i < STREAMS; i++)
		ask(c[i], ".\r\n", "250 2.0.0");
	for (unsigned i = 0; i < STREAMS; i++) {
		ck_assert_uint_gt(keeper.sub[i].end_bytes, STREAM_BYTES);
		ck_assert_uint_lt(keeper.sub[i].end_bytes,
		    STREAM_BYTES + RECEIVED_MAX_BYTES);
	}
}
END_TEST

START_TEST(without_credit_the_window_is_not_passed)
{
	char *block = lines_of(65550);
	struct client *c = greeted();
	size_t before = 0, at = 0;

	keeper.gives_credit = false;
	envelope(c);
	for (int i = 0; i < 2000; i++) {
		at = (at + client_send(c, block + at, 65550 - at)) % 65550;
		pump();
		if (i == 1000)
			before = talloc_total_size(in);
	}
	ck_assert_uint_eq(talloc_total_size(in), before);
	ck_assert_uint_eq(keeper.sub[0].uncredited, WIRE_WINDOW_BYTES);
	send_credit(&keeper.sub[0]);
	settle();
	ck_assert_uint_eq(keeper.sub[0].uncredited, WIRE_WINDOW_BYTES);
	ck_assert_uint_eq(keeper.sub[0].body_bytes, 2 * WIRE_WINDOW_BYTES);
}
END_TEST

START_TEST(c1_an_idle_session_costs_less_than_three_kib)
{
	size_t before, after;

	for (int i = 0; i < 50; i++) { /* grow what is shared */
		struct client *c = greeted();

		envelope(c);
		ask(c, "x\r\n.\r\n", "250");
		keeper.sub_count = 0;
		client_close(c);
	}
	before = talloc_total_size(in);
	for (int i = 0; i < 50; i++) {
		struct client *c = greeted();

		envelope(c);
		ask(c, "x\r\n.\r\n", "250");
		keeper.sub_count = 0;
	}
	settle();
	after = talloc_total_size(in);
	ck_assert_uint_lt(after - before, 50 * 3072);
}
END_TEST

/* ---- main ---- */

static TCase *
message_case(void)
{
	TCase *tc = tcase_create("messages");

	tcase_add_test(tc, smtp_17_a_small_message_is_handed_over_in_one_turn);
	tcase_add_test(tc, smtp_17_two_recipients_leave_out_for);
	tcase_add_test(tc, smtp_59_what_is_asked_of_reports_reaches_the_keeper);
	tcase_add_test(tc, an_address_in_utf_8_reaches_the_keeper);
	tcase_add_test(tc,
	    rtls_31_a_header_that_wants_no_tls_is_a_class_of_its_own);
	tcase_add_test(tc,
	    the_keeper_is_told_which_rules_a_message_is_subject_to);
	tcase_add_test(tc, what_a_broken_header_hides_is_assumed_and_told);
	tcase_add_test(tc,
	    a_rule_that_comes_with_a_reload_is_assumed_of_mail_under_way);
	tcase_add_test(tc, rtls_36_the_field_is_neither_removed_nor_added);
	tcase_add_test(tc, smtp_48_a_message_in_chunks_reaches_the_keeper);
	tcase_add_test(tc,
	    smtp_48_two_big_chunks_in_one_stream_are_whole_at_the_keeper);
	tcase_add_test(tc,
	    smtp_05_a_long_header_section_is_whole_at_the_keeper);
	tcase_add_test(tc, b1_4_a_message_left_between_chunks_is_aborted);
	tcase_add_test(tc, smtp_16_250_comes_only_after_the_keeper_has_queued);
	tcase_add_test(tc, smtp_16_refusals_of_the_keeper_are_told);
	tcase_add_test(tc, c7_a_refusal_in_mid_stream_is_told_at_the_end);
	tcase_add_test(tc, smtp_25_pipelining_octet_by_octet);
	tcase_add_test(tc,
	    smtp_25_commands_behind_the_content_wait_for_its_verdict);
	tcase_add_test(tc, smtp_26_talking_before_the_greeting_is_cut);
	tcase_add_test(tc, smtp_02_a_bare_lf_reaches_no_keeper);
	tcase_add_test(tc, a_message_given_up_by_its_client_is_aborted);
	tcase_add_test(tc, c6_a_message_over_the_limit_is_aborted_and_refused);
	tcase_add_test(tc, c6_twenty_messages_of_50_mib_cost_a_window_each);
	tcase_add_test(tc, without_credit_the_window_is_not_passed);
	tcase_add_test(tc, c1_an_idle_session_costs_less_than_three_kib);
	return tc;
}

int
main(void)
{
	TCase *cases[] = { message_case() };

	return intake_suite("intake_message", set_up, cases, COUNT_OF(cases));
}
