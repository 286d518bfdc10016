/* SPDX-License-Identifier: BSD-2-Clause */
/* Mistakes of a configuration, each with its line; and what is read. */
#include "policy/conf.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* On line 1 of every text, so that what a test adds begins on line 2. */
#define BASE                                                                   \
	"hostname = \"gw.example.org\"; listen = ( { address = "               \
	"\"127.0.0.1:2525\"; allow = [\"127.0.0.0/8\"]; } );\n"
#define EXCEPTION(more)                                                        \
	"exceptions = ( { name = \"e\"; domains = [\"a.example\"];\n"          \
	"allow = \"plain\"; reason = \"r\"; approver = \"p\";\n" more " } );"
#define RULE(more) "rules = ( { name = \"r\";\n" more " } );"

static TALLOC_CTX *mem;
static struct conf_mistakes mistakes;
static struct wall now;

static void
setup(void)
{
	mem = talloc_new(NULL);
	mistakes = (struct conf_mistakes){ .mem = mem };
	ck_assert_int_eq(wall_parse(SPAN_LIT("2026-11-24"), &now), ST_OK);
}

static void
teardown(void)
{
	talloc_free(mem);
}

static struct conf *
read_as(const char *text, bool expired_is_mistake)
{
	return conf_read_text(mem, "t", text, now, expired_is_mistake,
	    &mistakes);
}

/* Must be without mistakes. */
static struct conf *
read_good(const char *text)
{
	struct conf *conf = read_as(text, true);

	ck_assert_msg(conf != NULL, "%s",
	    mistakes.count > 0 ? mistakes.text[0] : "no mistake, no result");
	ck_assert_uint_eq(mistakes.count, 0);
	return conf;
}

static const char *
with_base(const char *more)
{
	return talloc_asprintf(mem, "%s%s", BASE, more);
}

/* ---- mistakes ---- */

static const struct bad {
	const char *text; /* after BASE */
	const char *want; /* the one mistake: how it begins */
	const char *says; /* and what else is in it */
} bads[] = {
	/* names */
	{ "worker = 1;", "t:2: worker: there is no such setting", "workers" },
	{ "smtp = { prot = 1; };", "t:2: smtp.prot:", "is smtp.port meant" },
	{ "queue = {\n\nquery-limit = 10; };",
	    "t:4: queue.query-limit:", "is resolver.query-limit meant" },
	{ "zzz = { a = 1; };", "t:2: zzz: there is no such setting", "" },
	{ "listn = ();", "t:2: listn:", "is listen meant" },
	{ RULE("domains = [\"*\"]; requires = \"verify\"; require = "
	       "\"verify\";"),
	    "t:3: rules.requires:", "is rules.require meant" },
	/* kinds */
	{ "user = 5;", "t:2: user: a text in quotes", "" },
	{ "workers = \"4\";", "t:2: workers: a whole number", "" },
	{ "workers = 1.5;", "t:2: workers: a whole number", "" },
	{ "smtp = { allow-private = \"yes\"; };",
	    "t:2: smtp.allow-private:", "true or false" },
	{ "smtp = { allow-private = 1; };",
	    "t:2: smtp.allow-private:", "true or false" },
	{ "drain-timeout = 30;", "t:2: drain-timeout: a duration in quotes",
	    "\"30s\"" },
	{ "queue = { reserve = 1000; };",
	    "t:2: queue.reserve: a number of "
	    "bytes in quotes",
	    "\"64M\"" },
	{ "log-level = true;", "t:2: log-level:", "error|warn|info|debug" },
	{ "smtp = 25;", "t:2: smtp: a group is expected", "smtp = { ... }" },
	{ "workers = { a = 1; };", "t:2: workers: a whole number", "" },
	{ "rules = { name = \"x\"; };", "t:2: rules: a list of groups",
	    "rules = ( { ... } )" },
	{ "rules = ( \"x\" );", "t:2: rules: each is a group", "" },
	/* units and words */
	{ "drain-timeout = \"30\";",
	    "t:2: drain-timeout: \"30\":", "d, h, m, s or ms" },
	{ "drain-timeout = \"5 m\";", "t:2: drain-timeout: \"5 m\":", "" },
	{ "drain-timeout = \"5min\";", "t:2: drain-timeout: \"5min\":", "" },
	{ "drain-timeout = \"\";", "t:2: drain-timeout: \"\":", "" },
	{ "queue = { reserve = \"64MB\"; };",
	    "t:2: queue.reserve: \"64MB\":", "K, M, G" },
	{ "queue = { reserve = \"64k\"; };",
	    "t:2: queue.reserve: \"64k\":", "" },
	{ "queue = { reserve = \"M\"; };", "t:2: queue.reserve: \"M\":", "" },
	{ "queue = { reserve = \"-5M\"; };",
	    "t:2: queue.reserve: \"-5M\":", "" },
	{ "queue = { reserve = \"\"; };", "t:2: queue.reserve: \"\":", "" },
	{ "log-level = \"loud\";",
	    "t:2: log-level: \"loud\":", "error|warn|info|debug" },
	{ "log-level = \"inf\";", "t:2: log-level: \"inf\":", "" },
	{ "log-level = \"\";", "t:2: log-level: \"\":", "" },
	/* bounds */
	{ "smtp = { port = 0; };",
	    "t:2: smtp.port: 0 is too small: at least "
	    "1",
	    "" },
	{ "smtp = { port = -1; };", "t:2: smtp.port: -1 is too small", "" },
	{ "smtp = { port = 65536; };",
	    "t:2: smtp.port: 65536 is too large: "
	    "at most 65535",
	    "" },
	{ "drain-timeout = \"999ms\";",
	    "t:2: drain-timeout: \"999ms\" is too "
	    "small: at least \"1s\"",
	    "" },
	{ "drain-timeout = \"1h1ms\";",
	    "t:2: drain-timeout: \"1h1ms\" is too "
	    "large: at most \"1h\"",
	    "" },
	{ "drain-timeout = \"99999999999d\";",
	    "t:2: drain-timeout:", "too large" },
	{ "queue = { reserve = \"1048575\"; };",
	    "t:2: queue.reserve:", "too small: at least \"1M\"" },
	{ "queue = { reserve = \"101G\"; };",
	    "t:2: queue.reserve:", "too large: at most \"100G\"" },
	{ "queue = { reserve = \"17179869185G\"; };",
	    "t:2: queue.reserve:", "" },
	{ "spool = \"sqlite\";", "t:2: spool: \"sqlite\" is too short", "" },
	{ "user = \"\";", "t:2: user: may not be empty", "" },
	{ "user = \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\";",
	    "t:2: user: the text is too long: at most 32", "" },
	/* numbers that libconfig would wrap */
	{ "workers = 4294967297;", "t:2: workers: this number is too large",
	    "at most 64" },
	{ "workers = 99999999999;", "t:2: workers: this number", "" },
	{ "workers = 18446744073709551617L;", "t:2: workers: this number", "" },
	{ "workers =\n\n 0x100000001;", "t:2: workers: this number", "" },
	{ "workers = -4294967295;", "t:2: workers: -", "too small" },
	/* texts */
	{ "user = \"a\\nb\";", "t:2: user: the text has a control", "" },
	{ "user = \"a\\x7f\";", "t:2: user: the text has a control", "" },
	{ "user = \"a\\xe9\";", "t:2: user: the text has a control", "UTF-8" },
	{ "user = \"a\\xc2\\x9b\";", "t:2: user: the text has a control", "" },
	{ "user = \"a\\xed\\xa0\\x80\";", "t:2: user:", "UTF-8" },
	{ "user = \"a\\xf5\\x80\\x80\\x80\";", "t:2: user:", "UTF-8" },
	{ "user = \"a\\xc0\\xaf\";", "t:2: user:", "UTF-8" },
	/* options that contradict each other */
	{ "tls = {\ncertificate = \"c\"; };",
	    "t:3: tls.certificate is set "
	    "without tls.key",
	    "" },
	{ "tls = { key = \"c\"; };",
	    "t:2: tls.key is set without "
	    "tls.certificate",
	    "" },
	{ "state-dir = \"var/x\";", "t:2: state-dir: \"var/x\" is relative",
	    "" },
	{ "spool = \"postgresql://x\";", "t:2: spool:", "\"sqlite:\"" },
	{ "spool = \"sqlite:../\";", "t:2: spool: a file below", "" },
	{ "queue = { first-retry = \"5h\"; };",
	    "t:2: queue.first-retry "
	    "(\"5h\") is longer than "
	    "queue.max-retry (\"4h\")",
	    "" },
	{ "queue = {\nmax-retry = \"1m\"; };",
	    "t:3: queue.first-retry "
	    "(\"5m\")",
	    "" },
	{ "queue = { lifetime = \"1m\"; };",
	    "t:2: queue.first-retry (\"5m\") "
	    "is longer than queue.lifetime",
	    "" },
	/* resolver.option */
	{ "resolver = { option = \"a: b\"; };",
	    "t:2: resolver.option: texts "
	    "in brackets",
	    "" },
	{ "resolver = { option = [\"a b\"]; };",
	    "t:2: resolver.option: \"a "
	    "b\":",
	    "\"name: value\"" },
	{ "resolver = { option = [\"a: b\",\n\"c:\"]; };",
	    "t:3: resolver.option: \"c:\":", "" },
	{ "resolver = { option = [\"a b: c\"]; };",
	    "t:2: resolver.option:", "" },
	{ "resolver = { option = [1]; };",
	    "t:2: resolver.option: a text in "
	    "quotes",
	    "" },
	{ "resolver = { option = [\"Val-Permissive-Mode: yes\"]; };",
	    "t:2: resolver.option:", "weaken DNSSEC validation" },
	/* smtp.bind */
	{ "smtp = { bind = \"192.0.2.1\"; };",
	    "t:2: smtp.bind: texts in brackets", "" },
	{ "smtp = { bind = [\"192.0.2.1:25\"]; };",
	    "t:2: smtp.bind: \"192.0.2.1:25\":", "without a port" },
	{ "smtp = { bind = [\"0.0.0.0\"]; };",
	    "t:2: smtp.bind: \"0.0.0.0\":", "no connection" },
	{ "smtp = { bind = [\"192.0.2.1\",\n\"192.0.2.2\"]; };",
	    "t:3: smtp.bind: \"192.0.2.2\":", "of that family" },
	/* own-domains.names */
	{ "own-domains = { names = \"d.example\"; };",
	    "t:2: own-domains.names: texts in brackets", "" },
	{ "own-domains = { names = [\"[192.0.2.1]\"]; };",
	    "t:2: own-domains.names: \"[192.0.2.1]\":", "a domain is" },
	{ "own-domains = { names = [\"*.d.example\"]; };",
	    "t:2: own-domains.names: \"*.d.example\":", "a domain is" },
	{ "own-domains = { names = [\"d.example\",\n\"D.example.\"]; };",
	    "t:3: own-domains.names: \"D.example.\"", "twice" },
	{ "own-domains = { names = [1]; };", "t:2: own-domains.names", "" },
	{ "own-domains = { name = [\"d.example\"]; };",
	    "t:2: own-domains.name:", "own-domains.names" },
	/* tlsrpt.receive */
	{ "tlsrpt = { receive = \"a@b.example\"; };",
	    "t:2: tlsrpt.receive: texts in brackets", "" },
	{ "tlsrpt = { receive = [\"b.example\"]; };",
	    "t:2: tlsrpt.receive: \"b.example\":", "a mail address" },
	{ "tlsrpt = { receive = [\"a@b.example\",\n\"A@B.example\"]; };",
	    "t:3: tlsrpt.receive: \"A@B.example\":", "twice" },
	{ "tlsrpt = { receive = [\"a@b.example\"];\n"
	  "unreadable = \"A@b.example\"; };",
	    "t:3: tlsrpt.unreadable: \"A@b.example\"", "come back" },
	{ "tlsrpt = { unreadable = \"nobody\"; };",
	    "t:2: tlsrpt.unreadable: \"nobody\":", "a mail address" },
	/* rules */
	{ "rules = ( {\ndomains = [\"*\"]; require = \"verify\"; } );",
	    "t:2: rule number 1: name is missing", "" },
	{ RULE("require = \"verify\";"), "t:2: rule \"r\": domains is missing",
	    "" },
	{ RULE("domains = [\"*\"];"), "t:2: rule \"r\": require is missing",
	    "" },
	{ RULE("domains = []; require = \"verify\";"),
	    "t:3: rule \"r\": domains: may not be empty", "" },
	{ RULE("domains = \"*\"; require = \"verify\";"),
	    "t:3: rule \"r\": domains: texts in brackets", "[\"...\"]" },
	{ RULE("domains = [1]; require = \"verify\";"),
	    "t:3: rule \"r\": domains: a text in quotes", "" },
	{ RULE("domains = [\" \"]; require = \"verify\";"),
	    "t:3: rule \"r\": domains: may not be empty", "" },
	{ RULE("domains = [\"*\"]; require = \"plain\";"),
	    "t:3: rule \"r\": require: \"may\", \"encrypt\", \"verify\", "
	    "\"dane-only\" or \"never-plaintext\"",
	    "" },
	{ RULE("domains = [\"a.example\", \"*\"]; require = \"may\";"),
	    "t:3: rule \"r\": domains: \"may\" takes the place of", "" },
	{ RULE("domains = [\"*\"]; require = \"dane-only\"; names = "
	       "[\"a.example\"];"),
	    "t:3: rule \"r\": names: of use with", "" },
	{ RULE("domains = [\"*\"]; require = \"none\";"),
	    "t:3: rule \"r\": require:", "" },
	{ RULE("domains = [\"*\"]; require = 1;"),
	    "t:3: rule \"r\": require: a text in quotes", "" },
	{ RULE("domains = [\"*\"]; require = \"encrypt\";\nnames = "
	       "[\"a.example\"];"),
	    "t:4: rule \"r\": names: of use with", "" },
	{ RULE("domains = [\"*\"]; require = \"verify\"; names = [\"a\", "
	       "\"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\"];"),
	    "t:3: rule \"r\": names: too many: at most 7", "" },
	{ RULE("domains = [\"*\"]; require = \"verify\"; names = "
	       "[\"*.a.example\"];"),
	    "t:3: rule \"r\": names: not a domain name", "" },
	{ RULE("domains = [\"ok.example\",\n\"a..b\"]; require = \"verify\";"),
	    "t:4: rule \"r\": domains: not a domain name", "a..b" },
	{ RULE("domains = [\"*.a.example\"]; require = \"verify\";"),
	    "t:3: rule \"r\": domains: *.a.example: write it without the star",
	    "" },
	{ RULE("domains = [\"192.0.2.1\"]; require = \"verify\";"),
	    "t:3: rule \"r\": domains: an address is no domain", "brackets" },
	{ RULE("domains = [\"[192.0.2.1\"]; require = \"verify\";"),
	    "t:3: rule \"r\": domains: not an address literal", "" },
	{ RULE("domains = [\"[\"]; require = \"verify\";"),
	    "t:3: rule \"r\": domains: not an address literal", "" },
	{ RULE("domains = [\".\"]; require = \"verify\";"),
	    "t:3: rule \"r\": domains: not a domain name", "" },
	{ RULE("domains = [\"a@b.example\"]; require = \"verify\";"),
	    "t:3: rule \"r\": domains: not a domain name", "" },
	{ "rules = ( { name = \"a b\"; domains = [\"*\"]; require = "
	  "\"verify\"; } );",
	    "t:2: rule \"a b\": name: up to 64 letters", "" },
	{ "rules = ( { name = \"a\"; domains = [\"*\"]; require = \"verify\"; "
	  "},\n{ name = \"a\"; domains = [\"a.example\"]; require = "
	  "\"encrypt\"; } );",
	    "t:3: rule \"a\": there is another of that name: t:2", "" },
	/* exceptions */
	{ EXCEPTION(""), "t:2: exception \"e\": expires is missing", "" },
	{ "exceptions = ( { name = \"e\"; domains = [\"a.example\"]; expires "
	  "= \"2027-01-01\"; allow = \"plain\"; approver = \"p\"; } );",
	    "t:2: exception \"e\": reason is missing", "" },
	{ "exceptions = ( { name = \"e\"; domains = [\"a.example\"]; expires "
	  "= \"2027-01-01\"; allow = \"plain\"; reason = \"p\"; } );",
	    "t:2: exception \"e\": approver is missing", "" },
	{ "exceptions = ( { name = \"e\"; domains = [\"a.example\"]; expires "
	  "= \"2027-01-01\"; reason = \"r\"; approver = \"p\"; } );",
	    "t:2: exception \"e\": allow is missing", "" },
	{ "exceptions = ( { name = \"e\"; domains = [\"a.example\"]; expires "
	  "= \"2027-01-01\"; allow = \"plain\";\nreason = \"  \"; approver = "
	  "\"p\"; } );",
	    "t:3: exception \"e\": reason: may not be empty", "" },
	{ "exceptions = ( { name = \"e\"; domains = [\"a.example\"]; expires "
	  "= \"2027-01-01\"; allow = \"verify\"; reason = \"r\"; approver = "
	  "\"p\"; } );",
	    "t:2: exception \"e\": allow: \"plain\", \"may\" or", "" },
	{ "exceptions = ( { name = \"e\"; domains = [\"*\"]; expires "
	  "= \"2027-01-01\"; allow = \"plain\"; reason = \"r\"; approver = "
	  "\"p\"; } );",
	    "t:2: exception \"e\": domains: an exception is for certain "
	    "domains",
	    "" },
	{ EXCEPTION("expires = \"2026-11-24\";"),
	    "t:4: exception \"e\": it has expired", "remove it" },
	{ EXCEPTION("expires = \"2026-11-23T23:59:59Z\";"),
	    "t:4: exception \"e\": it has expired", "" },
	{ EXCEPTION("expires = \"2027-11-25T00:00:01Z\";"),
	    "t:4: exception \"e\": it would last longer than 366 days", "" },
	{ EXCEPTION("expires = \"2027-02-29\";"),
	    "t:4: exception \"e\": expires: a day in quotes", "" },
	{ EXCEPTION("expires = \"never\";"),
	    "t:4: exception \"e\": expires: a day in quotes", "" },
	{ EXCEPTION("expires = 20270101;"),
	    "t:4: exception \"e\": expires: a text in quotes", "" },
	{ EXCEPTION("expires = \"2027-01-01\"; mx = [\"192.0.2.1\"];"),
	    "t:4: exception \"e\": mx: MX hosts have names", "" },
	{ EXCEPTION("expires = \"2027-01-01\"; mx = [\"a.*.example\"];"),
	    "t:4: exception \"e\": mx: not a domain name", "" },
	{ EXCEPTION("expires = \"2027-01-01\"; mx = [\"*\"];"),
	    "t:4: exception \"e\": mx: *: write", "" },
	{ EXCEPTION("expires = \"2027-01-01\"; mx = [\".a.example\"];"),
	    "t:4: exception \"e\": mx: .a.example: write \"*.", "" },
	/* syntax */
	{ "workers = 1\nuser = \"a\"\nsmtp = {", "t:5: syntax error", "" },
	{ "workers = 1;\nworkers = 2;", "t:3: this is set a second time", "" },
	{ "resolver = { option = [\"a: b\", 1]; };",
	    "t:2: values of different kinds", "" },
	{ "queue = { reserve = 64M; };",
	    "t:2: 64M: a value with a unit is "
	    "written in quotes",
	    "" },
};

START_TEST(conf_tells_a_mistake_with_its_line)
{
	const struct bad *b = &bads[_i];

	ck_assert_ptr_null(read_as(with_base(b->text), true));
	ck_assert_msg(mistakes.count == 1, "%zu mistakes: %s, %s",
	    mistakes.count, mistakes.text[0],
	    mistakes.count > 1 ? mistakes.text[1] : "");
	ck_assert_msg(span_starts(span_str(mistakes.text[0]), b->want),
	    "'%s' does not begin '%s'", mistakes.text[0], b->want);
	ck_assert_msg(strstr(mistakes.text[0], b->says) != NULL,
	    "'%s' does not say '%s'", mistakes.text[0], b->says);
}
END_TEST

static const struct bad listens[] = {
	{ "", "t: listen is missing", "127.0.0.1:2525" },
	{ "listen = ();", "t:2: listen: may not be empty", "" },
	{ "listen = [\"x\"];", "t:2: listen: a list of groups", "" },
	{ "listen = ( { allow = [\"10.0.0.0/8\"]; } );",
	    "t:2: listener number 1: address is missing", "" },
	{ "listen = ( {\naddress = \"127.0.0.1:25\"; } );",
	    "t:2: listener \"127.0.0.1:25\": allow is missing", "" },
	{ "listen = ( { address = \"127.0.0.1\"; allow = [\"10.0.0.0/8\"]; } "
	  ");",
	    "t:2: listener \"127.0.0.1\": an address and port is expected",
	    "" },
	{ "listen = ( { address = \"127.0.0.1:0\"; allow = [\"10.0.0.0/8\"]; "
	  "} );",
	    "t:2: listener \"127.0.0.1:0\": no client finds port 0", "" },
	{ "listen = ( { address = \"[::1]:25\"; allow = []; } );",
	    "t:2: listener \"[::1]:25\": allow: may not be empty", "" },
	{ "listen = ( { address = \"[::1]:25\"; allow = [\"10.0.0.1/8\"]; } "
	  ");",
	    "t:2: listener \"[::1]:25\": allow: not a network", "10.0.0.1/8" },
	{ "listen = ( { address = \"[::1]:25\"; allow = [\"0.0.0.0/0\"]; } );",
	    "t:2: listener \"[::1]:25\": allow: all the world could relay",
	    "" },
	{ "listen = ( { address = \"[::1]:25\"; allow = [\"::1\"]; role = "
	  "\"submit\"; } );",
	    "t:2: listener \"[::1]:25\": role: \"relay\" or \"submission\" is",
	    "" },
	{ "listen = ( { address = \"[::1]:25\"; allow = [\"::1\"]; tls = "
	  "\"on\"; } );",
	    "t:2: listener \"[::1]:25\": tls: \"off\", \"offer\", ",
	    "\"require\" or \"implicit\" is expected" },
	{ "listen = ( { address = \"[::1]:25\"; allow = [\"::1\"];\ntls = "
	  "\"offer\"; } );",
	    "t:3: listener \"[::1]:25\": tls = \"offer\" needs "
	    "tls.certificate",
	    "" },
	{ "listen = ( { address = \"[::1]:25\"; allow = [\"::1\"];\ntls = "
	  "\"require\"; } );",
	    "t:3: listener \"[::1]:25\": tls = \"require\" needs", "" },
	{ "listen = ( { address = \"[::1]:25\"; allow = [\"::1\"]; },\n{ "
	  "address = \"[0::1]:25\"; allow = [\"::1\"]; } );",
	    "t:3: listener \"[0::1]:25\": another listener has this address",
	    "" },
};

START_TEST(conf_tells_what_is_wrong_with_a_listener)
{
	const struct bad *b = &listens[_i];

	ck_assert_ptr_null(read_as(talloc_asprintf(mem,
				       "hostname = \"gw.example.org\";\n%s",
				       b->text),
	    true));
	ck_assert_uint_eq(mistakes.count, 1);
	ck_assert_msg(span_starts(span_str(mistakes.text[0]), b->want),
	    "'%s' does not begin '%s'", mistakes.text[0], b->want);
	ck_assert_ptr_nonnull(strstr(mistakes.text[0], b->says));
}
END_TEST

static const struct bad hostnames[] = {
	{ "", "t: hostname is missing", "gw.example.org" },
	{ "hostname = \"\";", "t:2: hostname: may not be empty", "" },
	{ "hostname = 1;", "t:2: hostname: a text in quotes", "" },
	{ "hostname = \"gw\";", "t:2: hostname: \"gw\" is not a full name",
	    "" },
	{ "hostname = \"192.0.2.1\";",
	    "t:2: hostname: \"192.0.2.1\" is not "
	    "the name of a host",
	    "" },
	{ "hostname = \"g_w.example\";",
	    "t:2: hostname: \"g_w.example\" is "
	    "not",
	    "" },
	{ "hostname = \"a b.example\";", "t:2: hostname:", "" },
};

START_TEST(conf_wants_the_full_name_of_the_host)
{
	const struct bad *b = &hostnames[_i];

	ck_assert_ptr_null(read_as(talloc_asprintf(mem,
				       "listen = ( { address = \"[::1]:25\"; "
				       "allow = [\"::1\"]; } );\n%s",
				       b->text),
	    true));
	ck_assert_uint_eq(mistakes.count, 1);
	ck_assert_msg(span_starts(span_str(mistakes.text[0]), b->want),
	    "'%s' does not begin '%s'", mistakes.text[0], b->want);
	ck_assert_ptr_nonnull(strstr(mistakes.text[0], b->says));
}
END_TEST

START_TEST(conf_tells_all_mistakes_in_the_order_of_the_file)
{
	static const char *const want[] = { "t: listen is missing",
		"t:1: exception \"e\": it has expired",
		"t:2: workers:", "t:3: smtp.port:", "t:3: smtp.x:",
		"t:4: rule \"r\":", "t:5: hostname:" };

	ck_assert_ptr_null(read_as(
	    "exceptions = ( { name = \"e\"; domains = [\"a.example\"]; allow = "
	    "\"plain\"; reason = \"r\"; approver = \"p\"; expires = "
	    "\"2020-01-01\"; } );\n"
	    "workers = 65;\nsmtp = { port = 0; x = 1; };\n"
	    "rules = ( { name = \"r\"; domains = [\"*\"]; } );\n"
	    "hostname = \"gw\";\n",
	    true));
	ck_assert_uint_eq(mistakes.count, COUNT_OF(want));
	for (size_t i = 0; i < COUNT_OF(want); i++)
		ck_assert_msg(span_starts(span_str(mistakes.text[i]), want[i]),
		    "%zu: '%s' is not '%s'", i, mistakes.text[i], want[i]);
}
END_TEST

START_TEST(conf_counts_mistakes_over_the_limit_without_telling_them)
{
	char *text = talloc_strdup(mem, BASE);

	for (unsigned i = 0; i < CONF_MAX_MISTAKES + 5; i++)
		text = talloc_asprintf_append(text, "x%u = 1;\n", i);
	ck_assert_ptr_null(read_as(text, true));
	ck_assert_uint_eq(mistakes.count, CONF_MAX_MISTAKES + 5);
	ck_assert_str_eq(mistakes.text[CONF_MAX_MISTAKES - 1],
	    "t:1001: x999: there is no such setting");
}
END_TEST

START_TEST(conf_limits_the_entries_of_a_list)
{
	char *text = talloc_asprintf(mem, "%srules = (", BASE);

	for (unsigned i = 0; i <= CONF_MAX_RULES; i++)
		text = talloc_asprintf_append_buffer(text, "%s{}",
		    i == 0 ? "" : ",");
	text = talloc_strdup_append(text, ");");
	ck_assert_ptr_null(read_as(text, true));
	ck_assert_uint_eq(mistakes.count, 1);
	ck_assert_str_eq(mistakes.text[0], "t:2: rules: too many: at most "
					   "10000");
}
END_TEST

START_TEST(conf_limits_the_domains_of_an_entry)
{
	char *text = talloc_asprintf(mem,
	    "%srules = ( { name = \"r\"; require "
	    "= \"verify\"; domains = [",
	    BASE);

	for (unsigned i = 0; i <= CONF_MAX_SCOPE; i++)
		text = talloc_asprintf_append_buffer(text, "%s\"a\"",
		    i == 0 ? "" : ",");
	text = talloc_strdup_append(text, "]; } );");
	ck_assert_ptr_null(read_as(text, true));
	ck_assert_uint_eq(mistakes.count, 1);
	ck_assert_str_eq(mistakes.text[0], "t:2: rule \"r\": domains: too "
					   "many: at most 10000");
}
END_TEST

/* ---- what is read ---- */

START_TEST(conf_has_the_defaults_of_the_table)
{
	const struct conf *c = read_good(BASE);

	ck_assert_str_eq(c->hostname, "gw.example.org");
	ck_assert_str_eq(c->state_dir, LOCALSTATEDIR "/lib/tierpost");
	ck_assert_str_eq(c->spool, "sqlite:spool.db");
	ck_assert_uint_eq(c->workers, 0);
	ck_assert_int_eq(c->drain_timeout_ms, 30000);
	ck_assert_int_eq(c->log_level, LOG_LEVEL_INFO);
	ck_assert_uint_eq(c->intake_message_bytes, 50u << 20);
	ck_assert_uint_eq(c->intake_text_line_bytes, 1000);
	ck_assert_uint_eq(c->smtp_port, 25);
	ck_assert(!c->smtp_allow_loopback);
	ck_assert(c->smtp_allow_private);
	ck_assert_int_eq(c->queue_lifetime_ms, 5 * INT64_C(86400000));
	ck_assert_int_eq(c->resolver_unvalidated, UNVALIDATED_DEFER);
	ck_assert_int_eq(c->sts_unknown, STS_UNKNOWN_DEFER);
	ck_assert_int_eq(c->dane_and_sts, DANE_FIRST);
	ck_assert_int_eq(c->smtp_floor, LEVEL_PLAIN);
	ck_assert(c->requiretls_enable && !c->requiretls_accept_testing);
	ck_assert(!c->tls_required_beats_floor);
	ck_assert_str_eq(c->tls_certificate, "");
	ck_assert_uint_eq(c->listen_count, 1);
	ck_assert_int_eq(c->listen[0].tls, LISTEN_TLS_OFF);
	ck_assert_uint_eq(c->rule_count + c->exception_count, 0);
	ck_assert_ptr_null(mistakes.text);
}
END_TEST

#define FULL                                                                   \
	"hostname = \"G\xc3\xbc.Example.ORG.\"; state-dir = \"/s\";\n"         \
	"spool = \"sqlite:q/a.db\"; user = \"mail\"; workers = 64L;\n"         \
	"log-level = \"debug\"; drain-timeout = \"1h\";\n"                     \
	"tls = { certificate = \"c.pem\"; key = \"/k.pem\" }\n"                \
	"smtp : { port = 0x19; allow-loopback = TRUE; allow-private = False; " \
	"idle-connection = \"0s\"; reply-limit = \"65537\"; "                  \
	"bind = [\"2001:DB8::5\", \"192.0.2.5\"]; }\n"                         \
	"own-domains : { names = [\"D.Example.\", \"g\303\274.example\"]; } "  \
	"queue = { first-retry = \"1m30s\"; reserve = \"100G\"; }\n"           \
	"tlsrpt = { receive = [\"Tlsrpt@OWN.example\", \"b@own.example\"]; } " \
	"resolver = { option = ( \" use-caps-for-id :  yes \", \"x: a:b\" ); " \
	"unvalidated = \"opportunistic\"; trust-anchor = \"ta\\\"\\\\x\" };\n" \
	"sts = { unknown = \"ignore\"; }; dane = { and-sts = \"both\"; };\n"   \
	"requiretls = { enable = false; accept-testing = true; };\n"           \
	"tls-required = { beats-floor = true; };\n"                            \
	"listen = ( { address = \"[2001:db8::1]:25\"; role = \"relay\"; "      \
	"allow "                                                               \
	"= ( \"192.0.2.0/24\", \"2001:db8::/32\", \"10.0.0.1\" ); },\n"        \
	"{ address = \"192.0.2.1:25\"; tls = \"require\"; allow = "            \
	"[\"127.0.0.0/8\"] } );\n"                                             \
	"rules = ( { name = \"r.1\"; domains = [\"M\xc3\xbcller.example\", "   \
	"\".Gov.UK\", \"*\", \"[IPv6:2001:DB8:0::1]\"]; require = "            \
	"\"verify\"; "                                                         \
	"names = [\"relay.example\"]; }, { name = \"r_2\"; domains = "         \
	"[\"x.example\"]; require = \"never-plaintext\"; },\n"                 \
	"{ name = \"r_3\"; domains = [\".d.example\"]; require = "             \
	"\"dane-only\"; }, "                                                   \
	"{ name = \"r_4\"; domains = [\"m.example\"]; require = \"may\"; } "   \
	");\n"                                                                 \
	"exceptions = ( { name = \"e-1\"; domains = [\"sohu.com\", "           \
	"\".sohu.com\"];\nmx = [\"*.SOHU.com\", \"mx.example\"]; allow = "     \
	"\"plain\"; reason = \"no \\\"STARTTLS\\\" \\\\ \xe7\x99\xbb\"; "      \
	"approver = \"sec@example.org\"; ticket = \"SEC-1\"; expires = "       \
	"\"2027-03-31\"; }, { name = \"e2\"; domains = [\"y.example\"]; "      \
	"allow "                                                               \
	"= \"encrypt\"; reason = \"r\"; approver = \"p\"; ticket = \"\"; "     \
	"expires = \"2027-11-25\"; } );\n"

START_TEST(conf_reads_every_kind_of_value)
{
	const struct conf *c = read_good(FULL);
	const struct conf_rule *r = c->rule;
	const struct conf_exception *e = c->exception;
	char text[NETADDR_TEXT_BYTES];

	ck_assert_str_eq(c->hostname, "xn--g-eha.example.org");
	ck_assert_uint_eq(c->workers, 64);
	ck_assert_int_eq(c->log_level, LOG_LEVEL_DEBUG);
	ck_assert_str_eq(c->tls_certificate, "/s/c.pem");
	ck_assert_str_eq(c->tls_key, "/k.pem");
	ck_assert_str_eq(c->sts_ca_file, "");
	ck_assert_uint_eq(c->smtp_port, 25);
	ck_assert(c->smtp_allow_loopback && !c->smtp_allow_private);
	ck_assert_int_eq(c->smtp_idle_ms, 0);
	ck_assert_uint_eq(c->smtp_reply_bytes, 65537);
	ck_assert_uint_eq(c->smtp_bind_count, 2);
	ck_assert_str_eq(netaddr_text(&c->smtp_bind[0], text), "2001:db8::5");
	ck_assert_str_eq(netaddr_text(&c->smtp_bind[1], text), "192.0.2.5");
	ck_assert_uint_eq(c->own_domain_count, 2);
	ck_assert_str_eq(c->own_domain[0], "d.example");
	ck_assert_str_eq(c->own_domain[1], "xn--g-eha.example");
	ck_assert_uint_eq(c->tlsrpt_receive_count, 2);
	ck_assert_str_eq(c->tlsrpt_receive[0], "Tlsrpt@own.example");
	ck_assert(conf_receives(c, "TLSRPT@own.example"));
	ck_assert(!conf_receives(c, "TLSRPT@own.example.org"));
	ck_assert_int_eq(c->queue_first_retry_ms, 90000);
	ck_assert_uint_eq(c->queue_reserve_bytes, UINT64_C(100) << 30);
	ck_assert_str_eq(c->resolver_trust_anchor, "/s/ta\"\\x");
	ck_assert_uint_eq(c->resolver_option_count, 2);
	ck_assert_str_eq(c->resolver_option[0], "use-caps-for-id: yes");
	ck_assert_str_eq(c->resolver_option[1], "x: a:b");
	ck_assert_int_eq(c->resolver_unvalidated, UNVALIDATED_OPPORTUNISTIC);
	ck_assert_int_eq(c->sts_unknown, STS_UNKNOWN_IGNORE);
	ck_assert_int_eq(c->dane_and_sts, DANE_AND_STS);
	ck_assert_uint_eq(c->listen_count, 2);
	ck_assert_str_eq(netaddr_text_port(&c->listen[0].addr, text),
	    "[2001:db8::1]:25");
	ck_assert_int_eq(c->listen[0].tls, LISTEN_TLS_OFFER);
	ck_assert_uint_eq(c->listen[0].allow_count, 3);
	ck_assert_uint_eq(c->listen[0].allow[2].bits, 32);
	ck_assert_int_eq(c->listen[1].tls, LISTEN_TLS_REQUIRE);
	ck_assert_uint_eq(c->rule_count, 4);
	ck_assert_str_eq(r->name, "r.1");
	ck_assert_uint_eq(r->domain_count, 4);
	ck_assert_str_eq(r->domains[0], "xn--mller-kva.example");
	ck_assert_str_eq(r->domains[1], ".gov.uk");
	ck_assert_str_eq(r->domains[2], "*");
	ck_assert_str_eq(r->domains[3], "[IPv6:2001:db8::1]");
	ck_assert_int_eq(r->require, OVERRIDE_REQUIRE_VERIFIED);
	ck_assert_str_eq(r->names[0], "relay.example");
	ck_assert_str_eq(r->where, "t:13");
	ck_assert_int_eq(r[1].require, OVERRIDE_NEVER_PLAINTEXT);
	ck_assert_int_eq(r[2].require, OVERRIDE_DANE_ONLY);
	ck_assert_int_eq(r[3].require, OVERRIDE_MAY);
	ck_assert_uint_eq(c->exception_count, 2);
	ck_assert_str_eq(e->mx[0], "*.sohu.com");
	ck_assert_int_eq(e->allow, LEVEL_PLAIN);
	ck_assert_int_eq(e[1].allow, LEVEL_ENCRYPT);
	ck_assert(!c->requiretls_enable && c->requiretls_accept_testing);
	ck_assert(c->tls_required_beats_floor);
	ck_assert_str_eq(e->reason, "no \"STARTTLS\" \\ \xe7\x99\xbb");
	ck_assert_str_eq(e->ticket, "SEC-1");
	ck_assert_str_eq(e->where, "t:15");
	ck_assert_str_eq(e[1].ticket, "");
	ck_assert_uint_eq(e[1].mx_count, 0);
}
END_TEST

START_TEST(a_day_as_expiry_means_its_beginning_in_utc)
{
	const struct conf
	    *c = read_good(with_base(EXCEPTION("expires = "
					       "\"2027-03-31\";")));
	char text[CLOCK_TEXT_BYTES];

	ck_assert_str_eq(wall_rfc3339(c->exception[0].expires, text),
	    "2027-03-31T00:00:00Z");
}
END_TEST

START_TEST(inv_04_an_expired_exception_is_a_mistake_at_start_only)
{
	const char *text = with_base(EXCEPTION("expires = \"2026-01-01\";"));

	ck_assert_ptr_null(read_as(text, true));
	ck_assert_ptr_nonnull(read_as(text, false));
	ck_assert_uint_eq(mistakes.count, 0);
}
END_TEST

START_TEST(a_role_reads_what_the_master_wrote_also_when_its_clock_is_wrong)
{
	const struct conf
	    *c = read_good(with_base(EXCEPTION("expires = "
					       "\"2027-11-24\";")));
	const char *text = conf_print(mem, c);

	now = (struct wall){ 0 };
	ck_assert_ptr_nonnull(read_as(text, false));
	ck_assert_ptr_null(read_as(text, true));
}
END_TEST

/* ---- printing ---- */

static const char *const printed[] = { BASE, FULL,
	BASE "rules = (); exceptions = (); resolver = { option = []; };",
	BASE "drain-timeout = \"1s1ms\"; intake = { message-size-limit = "
	     "\"65537K\"; text-line-limit = \"1025\"; };" };

START_TEST(conf_print_reads_back_to_the_same_values_and_digest)
{
	const struct conf *a = read_good(printed[_i]), *b;
	const char *text = conf_print(mem, a);
	uint8_t digest[32];

	b = read_good(text);
	ck_assert_str_eq(conf_print(mem, b), text);
	ck_assert_mem_eq(a->digest, b->digest, sizeof(a->digest));
	memset(digest, 0, sizeof(digest));
	ck_assert_mem_ne(a->digest, digest, sizeof(digest));
}
END_TEST

START_TEST(the_digest_tells_configurations_apart)
{
	const struct conf *a = read_good(BASE);
	const struct conf *b = read_good(BASE "workers = 1;");
	const struct conf *c = read_good(BASE "workers = 0; # as by default");

	ck_assert_mem_ne(a->digest, b->digest, sizeof(a->digest));
	ck_assert_mem_eq(a->digest, c->digest, sizeof(a->digest));
}
END_TEST

START_TEST(conf_print_says_every_option_and_list)
{
	const char *text = conf_print(mem, read_good(BASE));
	static const char *const want[] = { "\nstate-dir = \"",
		"\nworkers = 0;\n", "\ndrain-timeout = \"30s\";\n",
		"\nintake = {\n\tmessage-size-limit = \"50M\";\n",
		"\ttext-line-limit = \"1000\";\n", "\nsmtp = {\n\tport = 25;\n",
		"\tallow-private = true;\n", "\tunvalidated = \"defer\";\n",
		"\toption = ( );\n};\n", "\nrules = ( );\n",
		"\nexceptions = ( );\n", "tls = \"off\"" };

	for (size_t i = 0; i < COUNT_OF(want); i++)
		ck_assert_msg(strstr(text, want[i]) != NULL, "no %s in\n%s",
		    want[i], text);
}
END_TEST

/* ---- reload ---- */

START_TEST(reload_notes_name_what_waits_for_the_next_start)
{
	const struct conf *a = read_good(BASE);
	const struct conf *b = read_good(BASE
	    "workers = 2; log-level = \"debug\"; user = \"x\";\n"
	    "resolver = { option = [\"a: b\"]; };"
	    "tlsrpt = { receive = [\"a@b.example\"]; };");
	struct conf_mistakes notes = { .mem = mem };

	conf_reload_notes(a, b, &notes);
	ck_assert_uint_eq(notes.count, 4);
	ck_assert(span_starts(span_str(notes.text[0]), "user: "));
	ck_assert(span_starts(span_str(notes.text[1]), "workers: "));
	ck_assert(span_starts(span_str(notes.text[2]), "resolver.option: "));
	ck_assert(span_starts(span_str(notes.text[3]), "tlsrpt.receive: "));
	conf_reload_notes(b, b, &notes);
	ck_assert_uint_eq(notes.count, 0);
}
END_TEST

/* ---- the table ---- */

static char *
options_text(bool man)
{
	char *p = NULL, *copy;
	size_t n = 0;
	FILE *out = open_memstream(&p, &n);

	ck_assert_ptr_nonnull(out);
	conf_print_options(out, man);
	ck_assert_int_eq(fclose(out), 0);
	copy = talloc_strdup(mem, p);
	free(p);
	return copy;
}

START_TEST(the_table_of_options_names_every_option_and_key)
{
	static const char *const names[] = {
#define OPT_STRING(path, field, def, min, max, reload, doc)   path,
#define OPT_PATH(path, field, def, min, max, reload, doc)     path,
#define OPT_FLAG(path, field, def, reload, doc)               path,
#define OPT_COUNT(path, field, def, min, max, reload, doc)    path,
#define OPT_SIZE(path, field, def, min, max, reload, doc)     path,
#define OPT_TIME(path, field, def, min, max, reload, doc)     path,
#define OPT_CHOICE(path, field, def, words, tag, reload, doc) path,
#include "policy/options.def"
		"resolver.option", "smtp.bind", "own-domains.names",
		"tlsrpt.receive", "listen", "rules", "exceptions"
	};
	const char *plain = options_text(false), *man = options_text(true);

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		ck_assert_ptr_nonnull(strstr(plain,
		    talloc_asprintf(mem, "%s\n    ", names[i])));
		ck_assert_ptr_nonnull(strstr(man,
		    talloc_asprintf(mem, ".It Cm %s\n", names[i])));
	}
	ck_assert_ptr_nonnull(strstr(plain, "    approver, must be set\n"));
	ck_assert_ptr_nonnull(strstr(man, ".It Cm approver No (must be set)"));
	ck_assert_ptr_nonnull(strstr(plain, "error, warn, info or debug; "
					    "default info; applied by "
					    "SIGHUP\n"));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("conf");
	TCase *t = tcase_create("conf");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, conf_tells_a_mistake_with_its_line, 0,
	    (int)COUNT_OF(bads));
	tcase_add_loop_test(t, conf_tells_what_is_wrong_with_a_listener, 0,
	    (int)COUNT_OF(listens));
	tcase_add_loop_test(t, conf_wants_the_full_name_of_the_host, 0,
	    (int)COUNT_OF(hostnames));
	tcase_add_test(t, conf_tells_all_mistakes_in_the_order_of_the_file);
	tcase_add_test(t,
	    conf_counts_mistakes_over_the_limit_without_telling_them);
	tcase_add_test(t, conf_limits_the_entries_of_a_list);
	tcase_add_test(t, conf_limits_the_domains_of_an_entry);
	tcase_add_test(t, conf_has_the_defaults_of_the_table);
	tcase_add_test(t, conf_reads_every_kind_of_value);
	tcase_add_test(t, a_day_as_expiry_means_its_beginning_in_utc);
	tcase_add_test(t,
	    inv_04_an_expired_exception_is_a_mistake_at_start_only);
	tcase_add_test(t,
	    a_role_reads_what_the_master_wrote_also_when_its_clock_is_wrong);
	tcase_add_loop_test(t,
	    conf_print_reads_back_to_the_same_values_and_digest, 0,
	    (int)COUNT_OF(printed));
	tcase_add_test(t, the_digest_tells_configurations_apart);
	tcase_add_test(t, conf_print_says_every_option_and_list);
	tcase_add_test(t, reload_notes_name_what_waits_for_the_next_start);
	tcase_add_test(t, the_table_of_options_names_every_option_and_key);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	SRunner *r = srunner_create(suite());
	int failed;

	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
