/* SPDX-License-Identifier: BSD-2-Clause */
/* What a rule matches, and how those that match combine. */
#include "policy/conf.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define BASE                                                                   \
	"hostname = \"gw.example.org\"; listen = ( { address = "               \
	"\"127.0.0.1:2525\"; allow = [\"127.0.0.0/8\"]; } );\n"
#define RULES(more) BASE "rules = ( " more " );"
#define SECRET                                                                 \
	"{ name = \"secret\"; header = [\"Sensitivity: "                       \
	"company-confidential\"]; require = \"verify\"; }"

static TALLOC_CTX *mem;
static struct conf_mistakes mistakes;
static struct wall now;

static void
set_up(void)
{
	mem = talloc_new(NULL);
	mistakes = (struct conf_mistakes){ .mem = mem };
	ck_assert_int_eq(wall_parse(SPAN_LIT("2026-11-24"), &now), ST_OK);
}

static void
tear_down(void)
{
	talloc_free(mem);
}

static const struct conf *
conf_of(const char *text)
{
	const struct conf *c = conf_read_text(mem, "t", text, now, true,
	    &mistakes);

	ck_assert_msg(c != NULL, "%s",
	    mistakes.count > 0 ? mistakes.text[0] : "");
	return c;
}

/* One rule of these conditions. */
static const struct conf *
rule(const char *conditions)
{
	return conf_of(talloc_asprintf(mem,
	    RULES("{ name = \"r\"; %s require = \"verify\"; }"), conditions));
}

/* ---- marks ---- */

/* A message: sender, client, account; fields seen, and those looked for. */
struct mail {
	const char *sender, *client, *account;
	const char *seen; /* "Field: value", or NULL */
	bool cut;
};

static struct conf_marks
marked(const struct conf *c, const struct mail *m)
{
	struct conf_message msg = { .account = m->account == NULL ? "" :
								    m->account,
		.header_cut = m->cut };
	struct header_want *want = talloc_array(mem, struct header_want,
	    (unsigned)c->wanted_count + 1);
	struct span path = span_str(m->sender == NULL ? "<>" : m->sender);
	struct address sender;
	struct diag why = { 0 };

	ck_assert_int_eq(address_parse_path(mem, &path, true, NULL, &sender,
			     &why),
	    ST_OK);
	msg.sender = &sender;
	if (m->client != NULL)
		ck_assert_int_eq(netaddr_parse(span_str(m->client),
				     &msg.client),
		    ST_OK);
	for (size_t i = 0; i < c->wanted_count; i++) {
		want[i] = c->wanted[i];
		want[i].seen = m->seen != NULL &&
			       strcmp(m->seen, want[i].field) == 0;
	}
	msg.header = want;
	msg.header_count = c->wanted_count;
	return conf_marks(mem, c, &msg);
}

static const struct {
	const char *conditions;
	struct mail mail;
	const char *marks, *assumed;
} cases[] = {
	{ "senders = [\"a.example\"];", { .sender = "<u@a.example>" }, "r",
	    "" },
	{ "senders = [\"a.example\"];", { .sender = "<u@b.example>" }, "", "" },
	{ "senders = [\"a.example\", \"b.example\"];",
	    { .sender = "<u@b.example>" }, "r", "" },
	{ "senders = [\"<>\"];", { .sender = "<>" }, "r", "" },
	{ "senders = [\"u@a.example\"];", { .sender = "<U@A.example>" }, "r",
	    "" },
	{ "accounts = [\"alice\"];", { .account = "alice" }, "r", "" },
	{ "accounts = [\"alice\"];", { .account = "alice2" }, "", "" },
	{ "accounts = [\"alice\"];", { .account = "" }, "", "" },
	{ "accounts = [\"*\"];", { .account = "bob" }, "r", "" },
	{ "accounts = [\"*\"];", { .account = "" }, "", "" },
	{ "clients = [\"10.0.0.0/8\"];", { .client = "10.1.2.3" }, "r", "" },
	{ "clients = [\"10.0.0.0/8\"];", { .client = "192.0.2.1" }, "", "" },
	{ "clients = [\"2001:db8::/32\"];", { .client = "2001:db8::1" }, "r",
	    "" },
	{ "clients = [\"10.0.0.0/8\"];", { .client = NULL }, "r", "r" },
	{ "header = [\"A: 1\"];", { .seen = "A" }, "r", "" },
	{ "header = [\"A: 1\"];", { .seen = NULL }, "", "" },
	{ "header = [\"A: 1\", \"B: *\"];", { .seen = "B" }, "r", "" },
	{ "header = [\"A: 1\"];", { .seen = NULL, .cut = true }, "r", "r" },
	{ "header = [\"A: 1\"];", { .seen = "A", .cut = true }, "r", "" },
	/* each condition must be met */
	{ "header = [\"A: 1\"]; accounts = [\"alice\"];", { .seen = "A" }, "",
	    "" },
	{ "header = [\"A: 1\"]; accounts = [\"alice\"];",
	    { .seen = "A", .account = "alice" }, "r", "" },
	{ "header = [\"A: 1\"]; accounts = [\"alice\"];",
	    { .cut = true, .account = "bob" }, "", "" },
	{ "header = [\"A: 1\"]; accounts = [\"alice\"];",
	    { .cut = true, .account = "alice" }, "r", "r" },
	{ "senders = [\"a.example\"]; clients = [\"10.0.0.0/8\"]; "
	  "domains = [\"x.example\"];",
	    { .sender = "<u@a.example>", .client = "10.0.0.1" }, "r", "" },
	/* what is not about the message marks nothing */
	{ "domains = [\"x.example\"];", { .sender = "<u@a.example>" }, "", "" },
	{ "mx = [\"*.x.example\"]; classes = [\"normal\"];",
	    { .sender = "<u@a.example>" }, "", "" },
};

START_TEST(a_message_is_marked_by_each_condition_about_it)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct conf *c = rule(cases[i].conditions);
		struct conf_marks m = marked(c, &cases[i].mail);

		ck_assert_msg(strcmp(m.text, cases[i].marks) == 0 &&
				  strcmp(m.assumed, cases[i].assumed) == 0,
		    "%zu: %s: \"%s\" \"%s\"", i, cases[i].conditions, m.text,
		    m.assumed);
	}
}
END_TEST

START_TEST(marks_are_sorted_whatever_the_order_of_the_rules)
{
	const struct conf *c = conf_of(
	    RULES("{ name = \"vip\"; senders = [\"a.example\"]; require = "
		  "\"encrypt\"; }, { name = \"Zone\"; clients = "
		  "[\"10.0.0.0/8\"]; require = \"encrypt\"; }, " SECRET));

	ck_assert_str_eq(marked(c,
			     &(const struct mail){ .sender = "<u@a.example>",
				 .client = "10.0.0.1",
				 .seen = "Sensitivity" })
			     .text,
	    "Zone,secret,vip");
}
END_TEST

/* Unknown facts are never to the good of a lowering. */
START_TEST(what_is_not_known_meets_no_condition_of_a_may_rule)
{
	const struct conf *c = conf_of(
	    RULES("{ name = \"all\"; domains = [\"*\"]; require = \"verify\"; "
		  "}, { name = \"m\"; header = [\"X-Bulk: yes\"]; require = "
		  "\"may\"; }"));

	ck_assert_str_eq(marked(c, &(const struct mail){ .cut = true }).text,
	    "");
	ck_assert_str_eq(marked(c, &(const struct mail){ .seen = "X-Bulk" })
			     .text,
	    "m");
}
END_TEST

/* The scan began before a reload that brought a rule. */
START_TEST(a_field_that_was_not_looked_for_counts_as_there)
{
	const struct conf *c = conf_of(RULES(SECRET));
	const struct address sender = { .text = "", .domain = "" };
	const struct conf_message m = { .sender = &sender, .account = "" };
	struct conf_marks got = conf_marks(mem, c, &m);

	ck_assert_str_eq(got.text, "secret");
	ck_assert_str_eq(got.assumed, "secret");
}
END_TEST

START_TEST(more_marks_than_fit_stand_for_every_rule_that_demands)
{
	char *text = talloc_strdup(mem, BASE "rules = ( { name = \"all\"; "
					     "domains = [\"*\"]; require = "
					     "\"verify\"; }, { name = \"m\"; "
					     "senders = [\"a.example\"]; "
					     "require = \"may\"; }");
	const struct mail mail = { .sender = "<u@a.example>" };
	struct conf_subject to = { "x.example", "mx.x.example", CLASS_NORMAL,
		MARKS_ALL };
	const struct conf *c;

	for (unsigned i = 0; i < MARKS_MAX_BYTES / 8; i++)
		text = talloc_asprintf_append(text,
		    ", { name = \"rule-%04u\"; senders = [\"a.example\"]; "
		    "require = \"%s\"; }",
		    i, i == 0 ? "dane-only" : "encrypt");
	c = conf_of(talloc_strdup_append(text, " );"));
	ck_assert_str_eq(marked(c, &mail).text, MARKS_ALL);
	ck_assert_int_eq(conf_override_for(c, &to, now).kind,
	    OVERRIDE_DANE_ONLY);
	to.marks = "m";
	ck_assert_int_eq(conf_override_for(c, &to, now).kind, OVERRIDE_MAY);
	to.marks = "";
	ck_assert_int_eq(conf_override_for(c, &to, now).kind,
	    OVERRIDE_REQUIRE_VERIFIED);
}
END_TEST

/* ---- combining ---- */

static const struct conf *
house(void)
{
	return conf_of(BASE
	    "rules = (\n"
	    "{ name = \"all\"; domains = [\"*\"]; require = \"encrypt\"; },\n"
	    "{ name = \"gov\"; domains = [\".gov.example\"]; require = "
	    "\"verify\"; },\n"
	    "{ name = \"bulk\"; senders = [\"news.example\"]; require = "
	    "\"may\"; },\n"
	    "{ name = \"cloud\"; mx = [\"*.cloud.example\"]; require = "
	    "\"verify\"; },\n"
	    "{ name = \"strict\"; classes = [\"normal\"]; domains = "
	    "[\"bank.example\"]; require = \"dane-only\"; },\n"
	    "{ name = \"never\"; domains = [\"*\"]; accounts = [\"hr\"]; "
	    "require = \"never-plaintext\"; },\n" SECRET " );\n"
	    "exceptions = ( { name = \"old\"; domains = [\"old.example\"]; "
	    "allow = \"plain\"; reason = \"r\"; approver = \"p\"; expires = "
	    "\"2027-01-01\"; } );");
}

static const struct {
	struct conf_subject about;
	const char *want; /* "kind rule exception floor" */
} overrides[] = {
	{ { "a.example", "mx.a.example", CLASS_NORMAL, "" },
	    "require-encrypted all - encrypt" },
	{ { "a.example", "mx.a.example", CLASS_NORMAL, "secret" },
	    "require-verified secret - verify" },
	{ { "a.example", "mx.a.example", CLASS_NORMAL, "gone" },
	    "require-encrypted all - encrypt" },
	{ { "a.example", "mx.a.example", CLASS_NORMAL, "bulk" },
	    "may bulk - plain" },
	{ { "a.example", "mx.a.example", CLASS_NORMAL, "bulk,secret" },
	    "require-verified secret - verify" },
	{ { "a.example", "mx.cloud.example", CLASS_NORMAL, "" },
	    "require-verified cloud - verify" },
	{ { "a.example", "mx.a.cloud.example", CLASS_NORMAL, "" },
	    "require-encrypted all - encrypt" },
	{ { "a.example", NULL, CLASS_NORMAL, "" },
	    "require-encrypted all - encrypt" },
	{ { "a.gov.example", "mx.cloud.example", CLASS_NORMAL, "secret" },
	    "require-verified gov - verify" },
	{ { "bank.example", "mx", CLASS_NORMAL, "" },
	    "dane-only strict - dane-only" },
	{ { "bank.example", "mx", CLASS_TLS_OPTIONAL, "" },
	    "require-encrypted all - encrypt" },
	{ { "old.example", "mx", CLASS_NORMAL, "" },
	    "plaintext-allowed all old plain" },
	{ { "old.example", "mx", CLASS_NORMAL, "secret" },
	    "plaintext-allowed secret old verify" },
	/* never-plaintext is a floor, and no exception goes below it */
	{ { "old.example", "mx", CLASS_NORMAL, "never" },
	    "never-plaintext never - encrypt" },
	{ { "old.example", "mx", CLASS_NORMAL, MARKS_ALL },
	    "require-verified secret - verify" },
};

static const char *
said(const struct conf_override *o)
{
	return talloc_asprintf(mem, "%s %s %s %s", override_name(o->kind),
	    o->rule == NULL ? "-" : o->rule->name,
	    o->exception == NULL ? "-" : o->exception->name,
	    level_name(o->floor));
}

START_TEST(rule_9_floors_of_all_that_match_combine_by_maximum)
{
	const struct conf *c = house();

	for (size_t i = 0; i < COUNT_OF(overrides); i++) {
		const struct conf_override o = conf_override_for(c,
		    &overrides[i].about, now);

		ck_assert_msg(strcmp(said(&o), overrides[i].want) == 0,
		    "%zu: %s, not %s", i, said(&o), overrides[i].want);
	}
}
END_TEST

/* Of equal floors: scope, then mx, then conditions about the message, then
 * classes, then the order of the file. */
START_TEST(of_equal_rules_the_more_specific_counts)
{
	static const char *const order[] = {
		"name = \"r0\"; classes = [\"normal\"];",
		"name = \"r1\"; senders = [\"s.example\"];",
		"name = \"r2\"; senders = [\"s.example\"]; header = [\"A: "
		"*\"]; "
		"clients = [\"10.0.0.0/8\"]; accounts = [\"u\"]; "
		"classes = [\"normal\"];",
		"name = \"r3\"; mx = [\"mx.example\"];",
		"name = \"r4\"; domains = [\".example\"];",
		"name = \"r5\"; domains = [\".b.example\"]; ",
		"name = \"r6\"; domains = [\"a.b.example\"];",
		"name = \"r7\"; domains = [\"a.b.example\"]; "
		"classes = [\"normal\"];",
		"name = \"r8\"; domains = [\"a.b.example\"]; "
		"mx = [\"*.example\"];",
	};
	const struct conf_subject s = { "a.b.example", "mx.example",
		CLASS_NORMAL, "r1,r2" };

	for (size_t i = 0; i < COUNT_OF(order); i++)
		for (size_t k = 0; k < COUNT_OF(order); k++) {
			const struct conf *c;
			struct conf_override o;

			if (i == k)
				continue;
			c = conf_of(talloc_asprintf(mem,
			    RULES("{ %s require = \"dane-only\"; }, { %s "
				  "require = \"dane-only\"; }"),
			    order[i], order[k]));
			o = conf_override_for(c, &s, now);
			ck_assert_str_eq(o.rule->name,
			    talloc_asprintf(mem, "r%zu", i > k ? i : k));
		}
}
END_TEST

/* It is for some mail to all domains: no default that others replace. */
START_TEST(a_rule_without_domains_is_a_floor)
{
	static const char *const floors[] = { "mx = [\"mx.a.example\"];",
		"classes = [\"normal\"];", "senders = [\"s.example\"];",
		"domains = [\"*\"]; senders = [\"s.example\"];" };
	const struct conf_subject s = { "a.example", "mx.a.example",
		CLASS_NORMAL, "r" };

	for (size_t i = 0; i < COUNT_OF(floors); i++) {
		const struct conf *c = conf_of(talloc_asprintf(mem,
		    RULES("{ name = \"r\"; %s require = \"verify\"; }, "
			  "{ name = \"m\"; domains = [\"a.example\"]; require "
			  "= \"may\"; }"),
		    floors[i]));
		const struct conf_override o = conf_override_for(c, &s, now);

		ck_assert_str_eq(said(&o), "require-verified r - verify");
	}
}
END_TEST

/* ---- whatever the rules ---- */

static uint64_t state;

static unsigned
pick(unsigned n)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

static char *
random_rule(unsigned i)
{
	static const char *const conditions[] = { "domains = [\"*\"];",
		"domains = [\"a.example\"];", "domains = [\".example\"];",
		"mx = [\"*.a.example\"];", "classes = [\"normal\"];",
		"classes = [\"requiretls\", \"tls-optional\"];" };
	static const char *const about[] = { "", "senders = [\"s.example\"];",
		"accounts = [\"u\"];", "header = [\"A: b\"];" };
	static const char *const require[] = { "may", "encrypt", "verify",
		"dane-only", "never-plaintext" };
	const char *more = about[pick(COUNT_OF(about))];
	const char *word = require[pick(COUNT_OF(require))];
	const char *first = conditions[pick(COUNT_OF(conditions))];

	/* a default that allows all is no rule */
	if (strcmp(word, "may") == 0 && *more == '\0')
		more = about[1];
	return talloc_asprintf(mem,
	    "{ name = \"r%u\"; %s %s require = \"%s\"; }", i, first, more,
	    word);
}

/*
 * Marks raise: what is demanded of mail with marks is never below what is
 * demanded of mail with fewer, but where a "may" rule among them takes the
 * place of the local default.
 */
START_TEST(marks_lower_nothing_but_by_a_may_rule)
{
	static const char *const hosts[] = { "mx.a.example", "mx.b.example",
		NULL };
	unsigned compared = 0;

	for (state = 1; compared < 4000;) {
		char *text = talloc_strdup(mem, BASE "rules = ( ");
		const unsigned n = 1 + pick(6);
		const struct conf *c;
		const struct conf_rule *may = NULL;
		char *marks = talloc_strdup(mem, "");

		for (unsigned i = 0; i < n; i++)
			text = talloc_asprintf_append(text, "%s%s",
			    i > 0 ? ", " : "", random_rule(i));
		c = conf_read_text(mem, "t", talloc_strdup_append(text, " );"),
		    now, true, &mistakes);
		if (c == NULL) /* one of them could never apply */
			continue;
		for (size_t i = 0; i < c->marking_count; i++)
			if (pick(2) == 0) {
				marks = talloc_asprintf_append(marks, "%s%s",
				    *marks == '\0' ? "" : ",",
				    c->marking[i]->name);
				if (c->marking[i]->require == OVERRIDE_MAY)
					may = c->marking[i];
			}
		ck_assert(marks_ok(span_str(marks)));
		for (unsigned i = 0; i < CLASS_COUNT * COUNT_OF(hosts); i++) {
			struct conf_subject s = { "a.example",
				hosts[i % COUNT_OF(hosts)],
				(enum msg_class)(i / COUNT_OF(hosts)), "" };
			const struct conf_override
			    without = conf_override_for(c, &s, now);
			struct conf_override with, all;

			s.marks = marks;
			with = conf_override_for(c, &s, now);
			s.marks = MARKS_ALL;
			all = conf_override_for(c, &s, now);
			ck_assert(with.never_plaintext ||
				  !without.never_plaintext);
			ck_assert(all.never_plaintext || !with.never_plaintext);
			ck_assert_int_ge(all.floor, with.floor);
			ck_assert_int_ge(all.floor, without.floor);
			if (may == NULL)
				ck_assert_int_ge(with.floor, without.floor);
			compared++;
		}
	}
}
END_TEST

/* ---- reading ---- */

static const struct {
	const char *name, *rule, *want;
} bads[] = {
	{ "no condition", "require = \"verify\";",
	    "domains is missing, and every other condition" },
	{ "an empty list",
	    "senders = []; mx = [\"a.example\"]; require = "
	    "\"verify\";",
	    "senders: may not be empty" },
	{ "a field without value",
	    "header = [\"Sensitivity\"]; require = "
	    "\"verify\";",
	    "a field with its value" },
	{ "a field with no value",
	    "header = [\"Sensitivity: \"]; require = "
	    "\"verify\";",
	    "a field with its value" },
	{ "no name of a field",
	    "header = [\"a b: c\"]; require = "
	    "\"verify\";",
	    "a field with its value" },
	{ "an unknown class", "classes = [\"bulk\"]; require = \"verify\";",
	    "\"normal\", \"requiretls\"" },
	{ "no network", "clients = [\"10.0.0.1/8\"]; require = \"verify\";",
	    "not a network" },
	{ "no account", "accounts = [\"a b\"]; require = \"verify\";",
	    "no name of an account" },
	{ "no sender", "senders = [\"*\"]; require = \"verify\";",
	    "no sender" },
	{ "all hosts", "mx = [\"*\"]; require = \"verify\";", "leave mx out" },
	{ "may for all", "domains = [\"*\"]; require = \"may\";",
	    "takes the place of a rule for \"*\"" },
	{ "a key that is none",
	    "domain = [\"a.example\"]; require = "
	    "\"verify\";",
	    "domains" },
};

START_TEST(a_mistaken_condition_is_told_with_what_to_do)
{
	const char *text = talloc_asprintf(mem, RULES("{ name = \"r\"; %s }"),
	    bads[_i].rule);

	ck_assert_ptr_null(conf_read_text(mem, "t", text, now, true,
	    &mistakes));
	ck_assert_msg(strstr(mistakes.text[0], bads[_i].want) != NULL, "%s: %s",
	    bads[_i].name, mistakes.text[0]);
	ck_assert_msg(span_starts(span_str(mistakes.text[0]), "t:2: rule"),
	    "%s", mistakes.text[0]);
}
END_TEST

START_TEST(c4_the_fields_of_all_rules_have_a_bound)
{
	char *text = talloc_strdup(mem, BASE "rules = ( { name = \"r\"; "
					     "require = \"verify\"; header = "
					     "[");

	for (unsigned i = 0; i <= CONF_MAX_WANTED; i++)
		text = talloc_asprintf_append(text, "%s\"X-%u: 1\"",
		    i > 0 ? ", " : "", i);
	ck_assert_ptr_null(conf_read_text(mem, "t",
	    talloc_strdup_append(text, "]; } );"), now, true, &mistakes));
	ck_assert_ptr_nonnull(strstr(mistakes.text[0], "over 256 fields"));
}
END_TEST

START_TEST(a_field_that_two_rules_want_is_looked_for_once)
{
	const struct conf *c = conf_of(RULES(SECRET
	    ", { name = \"b\"; header = [\"sensitivity:  "
	    "Company-Confidential\", \"X: *\"]; domains = "
	    "[\"a.example\"]; require = \"dane-only\"; }"));

	ck_assert_uint_eq(c->wanted_count, 2);
	ck_assert_uint_eq(c->marking_count, 2);
	ck_assert_str_eq(marked(c,
			     &(const struct mail){ .seen = "Sensitivity" })
			     .text,
	    "b,secret");
}
END_TEST

START_TEST(every_condition_is_printed_and_read_back)
{
	const struct conf *c = rule(
	    "domains = [\"a.example\"]; mx = [\"*.b.example\"]; senders = "
	    "[\"<>\", \"X@c.example\", \".d.example\"]; accounts = [\"*\", "
	    "\"u\"]; clients = [\"10.0.0.0/8\", \"192.0.2.1\"]; header = "
	    "[\"A : b   c\", \"X: *\"]; classes = [\"report\", \"normal\"];");
	const char *text = conf_print(mem, c);
	const struct conf *again = conf_of(text);

	ck_assert_msg(strstr(text,
			  "domains = (\"a.example\"); mx = "
			  "(\"*.b.example\"); senders = (\"<>\", "
			  "\"X@c.example\", \".d.example\"); accounts = "
			  "(\"*\", \"u\"); clients = (\"10.0.0.0/8\", "
			  "\"192.0.2.1/32\"); header = (\"A: b c\", \"X: "
			  "*\"); classes = (\"normal\", \"report\"); require "
			  "= \"verify\";") != NULL,
	    "%s", text);
	ck_assert_mem_eq(c->digest, again->digest, sizeof(c->digest));
}
END_TEST

/* ---- warnings ---- */

static const struct {
	const char *text;
	const char *want; /* NULL: there is none */
} warnings[] = {
	{ SECRET, NULL },
	{ "{ name = \"r\"; accounts = [\"u\"]; require = \"verify\"; }",
	    "t:2: rule \"r\": it can never apply: no listener lets clients" },
	{ "{ name = \"r\"; classes = [\"report\"]; require = \"verify\"; }",
	    "t:2: rule \"r\": it can never apply: of reports about TLS" },
	{ "{ name = \"r\"; classes = [\"report\"]; require = "
	  "\"never-plaintext\"; }",
	    NULL },
	{ "{ name = \"r\"; classes = [\"report\"]; senders = [\"<>\"]; "
	  "require = \"never-plaintext\"; }",
	    "t:2: rule \"r\": it can never apply: reports about TLS are made" },
	{ "{ name = \"r\"; classes = [\"requiretls\"]; require = \"verify\"; }",
	    "t:2: rule \"r\": it can never apply: REQUIRETLS demands" },
	{ "{ name = \"r\"; classes = [\"requiretls\"]; require = "
	  "\"dane-only\"; }",
	    NULL },
	{ "{ name = \"g\"; domains = [\".a.example\"]; require = \"verify\"; "
	  "}, "
	  "{ name = \"r\"; domains = [\"b.a.example\"]; senders = "
	  "[\"c.example\"]; require = \"encrypt\"; }",
	    "t:2: rule \"r\": it can never apply: for each of its domains a "
	    "rule for all mail requires as much, such as \"g\" (t:2)" },
	{ "{ name = \"g\"; domains = [\".a.example\"]; require = \"encrypt\"; "
	  "}, "
	  "{ name = \"r\"; domains = [\"b.a.example\"]; senders = "
	  "[\"c.example\"]; require = \"verify\"; }",
	    NULL },
	/* What holds beside a stronger rule is never idle. */
	{ "{ name = \"g\"; domains = [\".a.example\"]; require = \"verify\"; "
	  "}, "
	  "{ name = \"r\"; domains = [\"b.a.example\"]; senders = "
	  "[\"c.example\"]; require = \"encrypt\"; min-tls = \"1.3\"; }",
	    NULL },
	{ "{ name = \"g\"; domains = [\".a.example\"]; require = \"verify\"; "
	  "}, "
	  "{ name = \"r\"; domains = [\"b.a.example\"]; senders = "
	  "[\"c.example\"]; require = \"verify\"; method = \"pkix\"; }",
	    NULL },
	{ "{ name = \"g\"; domains = [\".a.example\"]; require = \"verify\"; "
	  "}, "
	  "{ name = \"r\"; domains = [\"b.a.example\"]; senders = "
	  "[\"c.example\"]; require = \"verify\"; unmet = \"bounce\"; }",
	    NULL },
	/* It is not in force there, nor is what it says of unmet mail. */
	{ "{ name = \"g\"; domains = [\".a.example\"]; require = \"verify\"; "
	  "}, "
	  "{ name = \"r\"; domains = [\"b.a.example\"]; senders = "
	  "[\"c.example\"]; require = \"encrypt\"; unmet = \"bounce\"; }",
	    "t:2: rule \"r\": it can never apply: for each of its domains" },
	{ "{ name = \"r\"; classes = [\"requiretls\"]; require = \"verify\"; "
	  "method = \"dane\"; }",
	    NULL },
	{ "{ name = \"r\"; classes = [\"report\"]; require = \"encrypt\"; "
	  "plaintext = \"forbid\"; }",
	    NULL },
	{ "{ name = \"r\"; senders = [\"c.example\"]; require = \"may\"; }",
	    "t:2: rule \"r\": it can never apply: \"may\" takes the place" },
	{ "{ name = \"all\"; domains = [\"*\"]; require = \"verify\"; }, "
	  "{ name = \"r\"; senders = [\"c.example\"]; require = \"may\"; }",
	    NULL },
	{ "{ name = \"all\"; domains = [\"*\"]; require = \"encrypt\"; }, "
	  "{ name = \"f\"; domains = [\".a.example\"]; require = "
	  "\"verify\"; }, "
	  "{ name = \"r\"; domains = [\"b.a.example\"]; senders = "
	  "[\"c.example\"]; require = \"may\"; }",
	    "t:2: rule \"r\": it can never apply: for each of its domains a "
	    "rule requires as much as those for \"*\", such as \"f\" (t:2)" },
	{ "{ name = \"all\"; domains = [\"*\"]; require = \"verify\"; }, "
	  "{ name = \"f\"; domains = [\".a.example\"]; require = "
	  "\"encrypt\"; }, "
	  "{ name = \"r\"; domains = [\"b.a.example\"]; senders = "
	  "[\"c.example\"]; require = \"may\"; }",
	    NULL },
	{ "{ name = \"all\"; domains = [\"*\"]; require = \"verify\"; }, "
	  "{ name = \"n\"; domains = [\"a.example\"]; require = "
	  "\"never-plaintext\"; }, "
	  "{ name = \"r\"; senders = [\"c.example\"]; require = \"may\"; }",
	    "t:2: rule \"r\": where the never-plaintext rule \"n\" (t:2) is in "
	    "force" },
};

START_TEST(what_can_never_apply_is_warned_of_and_not_refused)
{
	const struct conf *c = conf_of(talloc_asprintf(mem, RULES("%s"),
	    warnings[_i].text));

	if (warnings[_i].want == NULL) {
		ck_assert_msg(c->warning_count == 0, "%s",
		    c->warning_count > 0 ? c->warning[0] : "");
		return;
	}
	ck_assert_uint_eq(c->warning_count, 1);
	ck_assert_msg(span_starts(span_str(c->warning[0]), warnings[_i].want),
	    "%s", c->warning[0]);
}
END_TEST

START_TEST(a_rule_that_asks_for_no_more_than_the_floor_is_warned_of)
{
	const struct conf *c = conf_of(BASE
	    "smtp = { floor = \"verify\"; }; rules = ( " SECRET " );");

	ck_assert_uint_eq(c->warning_count, 1);
	ck_assert_ptr_nonnull(strstr(c->warning[0], "smtp.floor requires"));
	c = conf_of(BASE "smtp = { floor = \"verify\"; }; rules = ( "
			 "{ name = \"r\"; senders = [\"c.example\"]; "
			 "require = \"verify\"; unmet = \"hold\"; } );");
	ck_assert_uint_eq(c->warning_count, 0);
}
END_TEST

/* INV-04: who lowers what is published is told of it. */
START_TEST(inv_04_an_exception_is_warned_of_with_its_end)
{
	const struct conf *c = house();

	ck_assert_uint_eq(c->warning_count, 4);
	ck_assert_ptr_nonnull(strstr(c->warning[2],
	    "exception \"old\": until 2027-01-01T00:00:00Z mail to old.example "
	    "may go below what is published there, down to \"plain\""));
	ck_assert_ptr_nonnull(strstr(c->warning[3],
	    "mail for which the rule \"cloud\""));
}
END_TEST

START_TEST(inv_04_an_exception_that_waives_is_warned_of_with_what_it_waives)
{
	static const struct {
		const char *waives, *want;
	} waived[] = {
		{ "\"tlsa-mismatch\", \"no-starttls\"",
		    "may go below what is published there after failures "
		    "(tlsa-mismatch, no-starttls), down to \"plain\"" },
		{ "\"certificate\"",
		    "after failures (certificate), down to \"encrypt\"" },
		{ "\"tlsa-mismatch\", \"sts-mx\"",
		    "after failures (tlsa-mismatch, sts-mx), down to "
		    "\"encrypt\"" },
		{ "\"tlsa-lookup\", \"certificate\"",
		    "after failures (tlsa-lookup, certificate), down to "
		    "\"may\"" },
		{ "\"legacy-tls\"",
		    "after failures (legacy-tls), down to \"verify\" and in "
		    "TLS 1.0" },
	};
	const char *text = talloc_asprintf(mem,
	    RULES(SECRET) "exceptions = ( { name = \"e\"; domains = "
			  "[\"a.example\"]; waives = [%s]; reason = \"r\"; "
			  "approver = \"p\"; expires = \"2027-01-01\"; } );",
	    waived[_i].waives);
	const struct conf *c = conf_of(text);
	bool rule_holds = _i < 4; /* verify is what it asks for */

	ck_assert_uint_eq(c->warning_count, 1 + rule_holds);
	ck_assert_msg(strstr(c->warning[0], waived[_i].want) != NULL, "%s",
	    c->warning[0]);
	if (rule_holds)
		ck_assert_ptr_nonnull(strstr(c->warning[1],
		    "mail for which the rule \"secret\""));
}
END_TEST

START_TEST(an_exception_that_has_ended_is_not_warned_of)
{
	const char *text = BASE
	    "exceptions = ( { name = \"e\"; domains = [\"a.example\"]; allow = "
	    "\"plain\"; reason = \"r\"; approver = \"p\"; expires = "
	    "\"2026-01-01\"; } );";
	const struct conf *c = conf_read_text(mem, "t", text, now, false,
	    &mistakes);

	ck_assert_ptr_nonnull(c);
	ck_assert_uint_eq(c->warning_count, 0);
}
END_TEST

static TCase *
matching(void)
{
	TCase *t = tcase_create("match");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_message_is_marked_by_each_condition_about_it);
	tcase_add_test(t, marks_are_sorted_whatever_the_order_of_the_rules);
	tcase_add_test(t, what_is_not_known_meets_no_condition_of_a_may_rule);
	tcase_add_test(t, a_field_that_was_not_looked_for_counts_as_there);
	tcase_add_test(t,
	    more_marks_than_fit_stand_for_every_rule_that_demands);
	tcase_add_test(t, rule_9_floors_of_all_that_match_combine_by_maximum);
	tcase_add_test(t, of_equal_rules_the_more_specific_counts);
	tcase_add_test(t, a_rule_without_domains_is_a_floor);
	tcase_add_test(t, marks_lower_nothing_but_by_a_may_rule);
	return t;
}

static TCase *
reading(void)
{
	TCase *t = tcase_create("read");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, a_mistaken_condition_is_told_with_what_to_do, 0,
	    (int)COUNT_OF(bads));
	tcase_add_test(t, c4_the_fields_of_all_rules_have_a_bound);
	tcase_add_test(t, a_field_that_two_rules_want_is_looked_for_once);
	tcase_add_test(t, every_condition_is_printed_and_read_back);
	tcase_add_loop_test(t,
	    what_can_never_apply_is_warned_of_and_not_refused, 0,
	    (int)COUNT_OF(warnings));
	tcase_add_test(t,
	    a_rule_that_asks_for_no_more_than_the_floor_is_warned_of);
	tcase_add_test(t, inv_04_an_exception_is_warned_of_with_its_end);
	tcase_add_loop_test(t,
	    inv_04_an_exception_that_waives_is_warned_of_with_what_it_waives, 0,
	    5);
	tcase_add_test(t, an_exception_that_has_ended_is_not_warned_of);
	return t;
}

int
main(void)
{
	Suite *s = suite_create("conf_match");
	SRunner *r;
	int failed;

	suite_add_tcase(s, matching());
	suite_add_tcase(s, reading());
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
