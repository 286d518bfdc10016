/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keeper: records of what changes the decisions without being of an
 * attempt (the resolver, trust anchors, settings, the key), and that a chain
 * which was changed is seen by the keeper itself.
 */
#include "gateway/evidence_verify.h"
#include "report/chain_event.h"
#include "tests/keeper.h"

#define DAY (24 * HOUR)

static char private_pem[CHECKPOINT_PEM_BYTES], public_pem[CHECKPOINT_PEM_BYTES];
static struct peer *in, *courier, *advisor;
static uint32_t told;
static uint64_t instance;

static void
start_signed(void)
{
	struct checkpoint_key *key;
	struct sock *theirs;

	if (*private_pem == '\0')
		checkpoint_key_make(private_pem, public_pem);
	ck_assert_int_eq(checkpoint_key_read(mem, span_str(private_pem), &key,
			     &why),
	    ST_OK);
	conf.evidence_addresses_ms = 30 * DAY;
	conf.evidence_lifetime_ms = 90 * DAY;
	conf.resolver_trust_anchor = "/usr/share/dns/root.key";
	start(1);
	keeper_set_key(k, key);
	in = new_intake(0);
	courier = new_courier(0, ++instance);
	advisor = peer_new(&theirs);
	keeper_attach_advisor(k, theirs);
	told = 0;
	run(1);
}

static void
deliver(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct wire_job j;

		submit(in, take_ids(in), "r.example");
		run(1);
		j = must_job(courier);
		tell(courier, ++told, &j, RESULT_DELIVERED);
		run(1);
	}
}

static void
say_resolver(bool validating, const char *text, const char *anchors)
{
	pack_bool(&out, validating);
	pack_str(&out, text);
	pack_str(&out, anchors);
	say(advisor, WIRE_RESOLVER);
	run(1);
}

/* ---- what the chain's events say ---- */

static bool
add_event(void *arg, const struct store_evidence *rec)
{
	char **text = arg;
	struct chain_event e;

	if (!chain_event_is(rec->body))
		return true;
	ck_assert_int_eq(chain_event_unpack(mem, rec->body, &e, &why), ST_OK);
	*text = talloc_asprintf_append(*text, "%s\n",
	    chain_event_kind_name(e.kind));
	for (size_t i = 0; i < e.detail_count; i++)
		*text = talloc_asprintf_append(*text, "  %s=%s\n",
		    e.detail[i].name, e.detail[i].value);
	return true;
}

/* Those from a kind on, each with its details. */
static const char *
events_from(const char *kind)
{
	const struct store_evidence_query all = { .events = true };
	struct store *s = reader();
	char *text = talloc_strdup(mem, "");
	const char *from;

	ck_assert_int_eq(store_evidence_each(s, &all, add_event, &text, &why),
	    ST_OK);
	talloc_free(s);
	from = strstr(text, kind);
	ck_assert_msg(from != NULL, "no %s in:\n%s", kind, text);
	return from;
}

static unsigned
times(const char *text, const char *word)
{
	unsigned n = 0;

	for (const char *p = text; (p = strstr(p, word)) != NULL; p++)
		n++;
	return n;
}

/* ---- the resolver ---- */

START_TEST(trust_anchors_and_health_of_the_resolver_are_records_from_the_start)
{
	start_signed();
	say_resolver(true, "the root zone is secure", "key 1 a; key 2 b");
	ck_assert_str_eq(events_from("trust-anchor"),
	    "trust-anchor\n"
	    "  file=/usr/share/dns/root.key\n"
	    "  anchor-1=key 1 a\n"
	    "  anchor-2=key 2 b\n"
	    "resolver-works\n"
	    "  why=the root zone is secure\n");
}
END_TEST

START_TEST(what_changes_of_the_resolver_is_a_record_and_what_does_not_is_none)
{
	const char *all;

	start_signed();
	say_resolver(true, "well", "key 1 a");
	say_resolver(true, "well", "key 1 a");
	say_resolver(false, "the root zone fails validation", "key 1 a");
	say_resolver(false, "still", "key 1 a");
	say_resolver(true, "well", "key 1 a; key 2 b");
	all = events_from("started");
	ck_assert_uint_eq(times(all, "trust-anchor\n"), 2);
	ck_assert_uint_eq(times(all, "resolver-works\n"), 2);
	ck_assert_uint_eq(times(all, "resolver-failed\n"), 1);
	ck_assert_uint_eq(times(all, "why=the root zone fails validation"), 1);
}
END_TEST

START_TEST(more_anchors_than_a_record_holds_are_cut_and_no_lie_is_taken)
{
	char *many = talloc_strdup(mem, "key 0");

	start_signed();
	for (unsigned i = 1; i < 40; i++)
		many = talloc_asprintf_append(many, "; key %u", i);
	say_resolver(true, "well", many);
	ck_assert_ptr_nonnull(strstr(events_from("trust-anchor"),
	    "anchor-15=key 14\nresolver-works"));
	say_resolver(true, "well\nkey 9", "");
	ck_assert(advisor->closed);
}
END_TEST

/* ---- settings ---- */

static struct conf *
conf_of(const char *text)
{
	struct conf_mistakes m = { .mem = mem };
	struct conf *c = conf_read_text(mem, "t", text, net_wall(net), false,
	    &m);

	ck_assert_msg(c != NULL, "%s", m.count > 0 ? m.text[0] : "");
	return c;
}

/* With what start_signed() sets. */
#define BASE                                                                   \
	"hostname = \"gw.example.org\";\n"                                     \
	"evidence = { address-lifetime = \"30d\"; lifetime = \"90d\"; };\n"    \
	"listen = ( { address = \"127.0.0.1:25\";"                             \
	" allow = [\"127.0.0.0/8\"]; } );\n"

START_TEST(a_reload_says_which_settings_changed)
{
	struct conf *old = conf_of(BASE
	    "smtp = { port = 2525; };\n"
	    "rules = ( { name = \"gone\"; domains = [\"a.example\"];"
	    " require = \"encrypt\"; },\n"
	    "{ name = \"same\"; domains = [\"b.example\"];"
	    " require = \"encrypt\"; },\n"
	    "{ name = \"other\"; domains = [\"c.example\"];"
	    " senders = [\"ceo@s.example\"]; require = \"encrypt\"; } );");
	struct conf *now = conf_of(BASE
	    "queue = { lifetime = \"4d\"; };\n"
	    "alarms = { command = [\"/bin/true\"]; };\n"
	    "rules = ( { name = \"new\"; domains = [\"a.example\"];"
	    " require = \"encrypt\"; },\n"
	    "{ name = \"same\"; domains = [\"b.example\"];"
	    " require = \"encrypt\"; },\n"
	    "{ name = \"other\"; domains = [\"c.example\"];"
	    " senders = [\"ceo@s.example\"]; require = \"verify\"; } );");
	const char *all;

	conf = *old;
	start_signed();
	keeper_reload(k, now);
	run(1);
	all = events_from("reloaded");
	ck_assert_ptr_nonnull(strstr(all,
	    "  change-1=alarms.command: changed\n"
	    "  change-2=queue.lifetime: \"4d\", "
	    "was \"5d\"\n"
	    "  change-3=rules \"gone\": removed\n"
	    "  change-4=rules \"new\": added\n"
	    "  change-5=rules \"other\": changed\n"
	    "  change-6=smtp.port: 25, "
	    "was 2525\n"));
	ck_assert_ptr_null(strstr(all, "ceo@"));
	ck_assert_ptr_null(strstr(all, "same"));
}
END_TEST

START_TEST(more_changes_than_a_record_holds_are_counted)
{
	char *rules = talloc_strdup(mem, BASE "rules = (");
	const char *all;

	for (unsigned i = 0; i < 30; i++)
		rules = talloc_asprintf_append(rules,
		    "%s{ name = \"r%u\"; domains = [\"d%u.example\"];"
		    " require = \"encrypt\"; }",
		    i == 0 ? "" : ",\n", i, i);
	rules = talloc_asprintf_append(rules, ");");
	conf = *conf_of(BASE);
	start_signed();
	keeper_reload(k, conf_of(rules));
	run(1);
	all = events_from("reloaded");
	ck_assert_uint_eq(times(all, "  change-"), 14);
	ck_assert_msg(strstr(all, "  further-changes=16\n") != NULL, "%s", all);
}
END_TEST

/* ---- the key ---- */

START_TEST(another_key_is_a_record_and_an_alarm)
{
	start_signed();
	deliver(1);
	run(HOUR + 1); /* it signs */
	ck_assert(!logged("alarm=checkpoint-key"));
	TALLOC_FREE(k);
	start_signed();
	ck_assert(!logged("alarm=checkpoint-key"));
	TALLOC_FREE(k);
	*private_pem = '\0';
	start_signed();
	ck_assert(logged("alarm=checkpoint-key"));
	ck_assert_ptr_nonnull(strstr(events_from("key\n"), "  before="));
}
END_TEST

/* ---- a chain that was changed ---- */

static const struct {
	const char *sql, *says;
} harm[] = {
	{ "UPDATE evidence SET body = x'00' || substr(body, 2) WHERE seq = 3",
	    "record 3: its hash is not that of its content" },
	{ "DELETE FROM evidence WHERE seq = 3", "record 3: it is missing" },
	{ "UPDATE evidence SET hash = zeroblob(32) WHERE seq = 4",
	    "record 4: its hash" },
	{ "DELETE FROM evidence WHERE seq = 5", "record 5: it is missing" },
};

START_TEST(inv_15_a_chain_that_was_changed_is_an_alarm_when_it_is_signed_next)
{
	start_signed();
	deliver(4);
	by_hand(harm[_i].sql);
	run(2 * MINUTE);
	ck_assert(!logged("alarm=evidence-chain-broken"));
	run(HOUR);
	ck_assert_msg(logged("error keeper alarm alarm=evidence-chain-broken"),
	    "%s", log_text_buf);
	ck_assert(logged(harm[_i].says));
}
END_TEST

START_TEST(inv_15_a_chain_that_was_changed_is_an_alarm_at_the_start)
{
	start_signed();
	deliver(4);
	TALLOC_FREE(k);
	if (strstr(harm[_i].sql, "seq = 5") != NULL)
		return; /* the last of an unsigned chain: nothing tells */
	by_hand(harm[_i].sql);
	start_signed();
	ck_assert(logged(harm[_i].says));
}
END_TEST

START_TEST(inv_15_records_that_were_signed_and_cut_off_are_an_alarm)
{
	start_signed();
	deliver(4);
	run(HOUR + 1);
	TALLOC_FREE(k);
	by_hand("DELETE FROM evidence WHERE seq >= 4");
	start_signed();
	ck_assert(logged("record 4: it is missing, and was signed"));
}
END_TEST

START_TEST(a_whole_chain_is_no_alarm_also_when_its_oldest_part_went)
{
	start_signed();
	deliver(3);
	run(HOUR + 1);
	deliver(2);
	run(100 * DAY);
	deliver(1);
	run(HOUR + 1);
	TALLOC_FREE(k);
	start_signed();
	run(HOUR + 1);
	ck_assert_msg(!logged("alarm=evidence-chain-broken"), "%s",
	    log_text_buf);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc,
	    trust_anchors_and_health_of_the_resolver_are_records_from_the_start);
	tcase_add_test(tc,
	    what_changes_of_the_resolver_is_a_record_and_what_does_not_is_none);
	tcase_add_test(tc,
	    more_anchors_than_a_record_holds_are_cut_and_no_lie_is_taken);
	tcase_add_test(tc, a_reload_says_which_settings_changed);
	tcase_add_test(tc, more_changes_than_a_record_holds_are_counted);
	tcase_add_test(tc, another_key_is_a_record_and_an_alarm);
	tcase_add_loop_test(tc,
	    inv_15_a_chain_that_was_changed_is_an_alarm_when_it_is_signed_next,
	    0, COUNT_OF(harm));
	tcase_add_loop_test(tc,
	    inv_15_a_chain_that_was_changed_is_an_alarm_at_the_start, 0,
	    COUNT_OF(harm));
	tcase_add_test(tc,
	    inv_15_records_that_were_signed_and_cut_off_are_an_alarm);
	tcase_add_test(tc,
	    a_whole_chain_is_no_alarm_also_when_its_oldest_part_went);
}

int
main(void)
{
	return keeper_run("keeper_event", add_tests);
}
