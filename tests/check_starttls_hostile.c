/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Servers, or who is between, that cheat about STARTTLS and send replies
 * that are none, at every tier.
 */
#include "tests/gateway_world.h"
#include "util/sha256.h"

/* ---- tiers ---- */

enum tier {
	TIER_MAY,
	TIER_ENCRYPT, /* by a rule */
	TIER_NEVER,   /* by a rule: never in clear */
	TIER_VERIFY,  /* by a rule */
	TIER_DANE,
	TIER_HALF, /* DANE, with an MX that is not signed */
	TIER_UNUSABLE,
	TIER_STS,
	TIER_COUNT,
};

static const char *const tiers[TIER_COUNT] = { "may", "encrypt", "never",
	"verify", "dane", "half", "unusable", "sts" };

static struct cert *cert;

static void
setup(void)
{
	world_setup();
	cert = cert_new(w, w->authority, "mx.other.example", CERT_GOOD);
	w->lists = text("rules = ("
			"{ name = \"e\"; domains = [\".encrypt.example\"]; "
			"require = \"encrypt\"; },"
			"{ name = \"n\"; domains = [\".never.example\"]; "
			"require = \"never-plaintext\"; },"
			"{ name = \"v\"; domains = [\".verify.example\"]; "
			"require = \"verify\"; } );\n");
}

static const char *
tlsa(const char *prefix)
{
	char hex[65];

	hex_encode(span_of(cert->spki_sha256, 32), hex);
	return text("%s %s", prefix, hex);
}

static void
publish_sts(const char *domain)
{
	const char *host = text("mta-sts.%s", domain);

	say_dns(text("_mta-sts.%s", domain), DNS_TXT, SIM_INSECURE,
	    "\"v=STSv1; id=1;\"");
	say_dns(host, DNS_A, SIM_INSECURE, "203.0.113.9");
	sim_https_set(w->sim, host, 200, "text/plain",
	    text("version: STSv1\nmode: enforce\nmx: mx.%s\n"
		 "max_age: 86400\n",
		domain));
}

static const char *
domain_of(const char *word, enum tier tier)
{
	return text("%s.%s.example", word, tiers[tier]);
}

/* A domain at the tier; its host offers STARTTLS. */
static struct peer *
add_at(const char *word, enum tier tier)
{
	const char *domain = domain_of(word, tier);
	const char *host = text("mx.%s", domain);
	enum sim_dns mx = tier == TIER_DANE || tier == TIER_UNUSABLE ?
			      SIM_SECURE :
			      SIM_INSECURE;
	enum sim_dns how = tier == TIER_HALF ? SIM_SECURE : mx;
	struct netaddr at = address(add_name(host, how));
	struct peer *p = peer_new(w, w->sim, host, &at);
	struct diag why = { 0 };

	ck_assert_int_eq(tls_server_new(p, cert->chain_pem, cert->key_pem,
			     &p->tls, &why),
	    ST_OK);
	say_dns(domain, DNS_MX, mx, text("10 %s.", host));
	if (how == SIM_SECURE)
		say_dns(text("_25._tcp.%s", host), DNS_TLSA, SIM_SECURE,
		    tlsa(tier == TIER_UNUSABLE ? "3 9 1" : "3 1 1"));
	if (tier == TIER_STS)
		publish_sts(domain);
	return p;
}

/* ---- B2.2 ---- */

static const struct {
	const char *name;
	enum peer_starttls how;
	const char *ehlo;
	bool again; /* at MAY, in clear over a second connection */
} cheats[] = {
	{ "stripped", STARTTLS_ABSENT, "", false },
	{ "altered", STARTTLS_GOOD, "250-mx\r\n250 XXXXXXXA", false },
	{ "behind", STARTTLS_GOOD, "250 mx STARTTLS", false },
	{ "no-ehlo", STARTTLS_GOOD, "502 5.5.1 what", false },
	{ "r454", STARTTLS_454, "", false },
	{ "r502", STARTTLS_502, "", false },
	{ "r250", STARTTLS_250, "", true },
	{ "inject", STARTTLS_INJECT, "", true },
	{ "drop", STARTTLS_DROP, "", true },
	{ "silent", STARTTLS_SILENT, "", true },
	{ "garbage", STARTTLS_GARBAGE, "", true },
};

START_TEST(b2_2_inv_06_whatever_starttls_does_no_tier_falls)
{
	struct peer *p[COUNT_OF(cheats)][TIER_COUNT];

	for (size_t i = 0; i < COUNT_OF(cheats); i++)
		for (int t = 0; t < TIER_COUNT; t++) {
			p[i][t] = add_at(cheats[i].name, (enum tier)t);
			p[i][t]->script.starttls = cheats[i].how;
			p[i][t]->script.ehlo = cheats[i].ehlo;
		}
	start();
	for (size_t i = 0; i < COUNT_OF(cheats); i++)
		for (int t = 0; t < TIER_COUNT; t++)
			submit_to(text("u@%s",
			    domain_of(cheats[i].name, (enum tier)t)));
	pass(HOUR);
	ck_assert_uint_eq(queued(), COUNT_OF(cheats) * (TIER_COUNT - 1));
	for (size_t i = 0; i < COUNT_OF(cheats); i++)
		for (int t = 0; t < TIER_COUNT; t++) {
			const char *d = domain_of(cheats[i].name, (enum tier)t);

			ck_assert_msg(p[i][t]->connections > 0, "%s", d);
			ck_assert_msg(p[i][t]->mail_count == (t == TIER_MAY),
			    "%s: %zu", d, p[i][t]->mail_count);
			ck_assert_msg(t == TIER_MAY ||
					  p[i][t]->clear_mail_commands == 0,
			    "%s", d);
			ck_assert_msg(t != TIER_MAY || p[i][t]->connections ==
							   1u + cheats[i].again,
			    "%s: %u connections", d, p[i][t]->connections);
		}
}
END_TEST

/* ---- B2.1 ---- */

#define INJECTED "220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n"
#define SPLITS   (sizeof(INJECTED) - 1)

struct told {
	unsigned count;
	unsigned tls; /* as a failure of TLS, with a type for TLSRPT */
};

static bool
look_at(void *arg, const struct store_evidence *rec)
{
	struct told *told = arg;
	TALLOC_CTX *tmp = talloc_new(w);
	struct diag why = { 0 };
	struct evidence e;

	ck_assert_int_eq(evidence_unpack(tmp, rec->personal, rec->body, &e,
			     &why),
	    ST_OK);
	told->count++;
	told->tls += e.outcome == EVIDENCE_TLS_FAILED &&
		     (strcmp(e.result_type, "starttls-not-supported") == 0 ||
			 strcmp(e.result_type, "validation-failure") == 0);
	talloc_free(tmp);
	return true;
}

static struct told
told_of(const char *domain)
{
	const struct store_evidence_query q = { .domain = domain };
	struct told told = { 0 };
	struct store *store = world_store(w, w);
	struct diag why = { 0 };

	ck_assert_int_eq(store_evidence_each(store, &q, look_at, &told, &why),
	    ST_OK);
	talloc_free(store);
	return told;
}

START_TEST(b2_1_a_reply_injected_at_any_cut_ends_the_session)
{
	struct peer *dane[SPLITS + 1], *may[SPLITS + 1];

	for (size_t i = 0; i <= SPLITS - 1; i++) {
		dane[i] = add_at(text("i%zu", i), TIER_DANE);
		may[i] = add_at(text("i%zu", i), TIER_MAY);
		dane[i]->script.starttls = may[i]
					       ->script
					       .starttls = STARTTLS_INJECT;
		dane[i]->script.split = may[i]->script.split = i;
	}
	start();
	for (size_t i = 0; i <= SPLITS - 1; i++) {
		submit_to(text("u@i%zu.dane.example", i));
		submit_to(text("u@i%zu.may.example", i));
	}
	pass(2 * MINUTE);
	ck_assert_uint_eq(queued(), SPLITS);
	for (size_t i = 0; i <= SPLITS - 1; i++) {
		struct told told = told_of(text("i%zu.dane.example", i));

		ck_assert_msg(told.count == 1 && told.tls == 1, "cut at %zu",
		    i);
		ck_assert_uint_eq(dane[i]->mail_count, 0);
		ck_assert_uint_eq(dane[i]->clear_mail_commands, 0);
		ck_assert_uint_eq(dane[i]->handshakes, 0);
		/* Never in that session: in clear, over another. */
		ck_assert_uint_eq(may[i]->mail_count, 1);
		ck_assert_uint_eq(may[i]->connections, 2);
		ck_assert_uint_eq(may[i]->handshakes, 0);
		told = told_of(text("i%zu.may.example", i));
		ck_assert_msg(told.tls == 1, "cut at %zu", i);
	}
}
END_TEST

/* ---- B2.3 ---- */

#define LONG_LINE_BYTES (10u << 20)
#define LINES           1000000u
#define GROWTH_BYTES    (640u << 10) /* with the pipe, which is the kernel's */

static char *
long_line(void)
{
	char *s = need(talloc_size(w, LONG_LINE_BYTES + 1));

	memset(s, 'x', LONG_LINE_BYTES);
	memcpy(s, "250 ", 4);
	s[LONG_LINE_BYTES] = '\0';
	return s;
}

static char *
many_lines(void)
{
	char *s = need(talloc_size(w, 7 * LINES + 1));

	for (size_t i = 0; i < LINES; i++)
		memcpy(s + 7 * i, "250-x\r\n", 7);
	memcpy(s + 7 * LINES - 7, "250 x", 6);
	return s;
}

static struct {
	size_t before, most;
} memory;

static bool
watch_memory(void *arg)
{
	size_t now = talloc_total_size(w->courier);

	(void)arg;
	if (now > memory.most)
		memory.most = now;
	return false;
}

static void
try_reply(unsigned i, unsigned stage, const char *reply)
{
	const char *domain = text("r%u-%u.example", i, stage);
	struct peer *p = add_domain(domain);
	const char **const at[] = { &p->script.greeting, &p->script.ehlo,
		&p->script.mail, &p->script.rcpt, &p->script.data,
		&p->script.dot };

	*at[stage] = reply;
	memory.before = memory.most = talloc_total_size(w->courier);
	submit_to(text("u@%s", domain));
	sim_run(w->sim, MINUTE, watch_memory, NULL);
	ck_assert_msg(memory.most - memory.before < GROWTH_BYTES,
	    "reply %u at stage %u: %zu bytes", i, stage,
	    memory.most - memory.before);
	ck_assert_msg(queued() == 1, "reply %u at stage %u", i, stage);
	ck_assert_uint_eq(records(domain, EVIDENCE_DELIVERED), 0);
	*at[stage] = "";
	pass(6 * MINUTE);
	ck_assert_msg(queued() == 0, "reply %u at stage %u", i, stage);
	ck_assert_uint_eq(records(domain, EVIDENCE_DELIVERED), 1);
}

START_TEST(b2_3_replies_that_are_none_cost_little_and_lose_nothing)
{
	const char *const replies[] = { "2", "25", "abc", "600 no class",
		"150 no class", "250x", "250-a\r\n550 b", "250-a\r\nb",
		"\033[2J\r\n250 ok", " 250 ok", "RCPT TO:<evil@x.example>",
		long_line(), many_lines() };
	struct span rest;
	struct span line;

	start();
	for (unsigned i = 0; i < COUNT_OF(replies); i++)
		for (unsigned stage = 0; stage < 6; stage++)
			try_reply(i, stage, replies[i]);
	ck_assert_uint_eq(sender->mail_count, 0);
	rest = sbuf_view(&w->lines);
	while (span_line(&rest, &line)) {
		ck_assert_uint_lt(line.n, LOGLINE_BYTES);
		ck_assert(!span_has(line, '\033'));
	}
}
END_TEST

int
main(void)
{
	const TTest *const t[] = {
		b2_1_a_reply_injected_at_any_cut_ends_the_session,
		b2_2_inv_06_whatever_starttls_does_no_tier_falls,
		b2_3_replies_that_are_none_cost_little_and_lose_nothing,
	};

	status_init();
	return run_all("starttls_hostile", setup, t, COUNT_OF(t));
}
