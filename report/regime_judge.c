/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/regime_judge.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "report/compliance.h"

static struct verdict say(TALLOC_CTX *mem, enum verdict_kind kind,
    const char *fmt, ...) PRINTF(3, 4);

static struct verdict
say(TALLOC_CTX *mem, enum verdict_kind kind, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = need(talloc_vasprintf(mem, fmt, ap));
	va_end(ap);
	return (struct verdict){ kind, text };
}

static struct verdict
no_records(TALLOC_CTX *mem)
{
	return say(mem, VERDICT_NOT_SHOWN,
	    "No attempt is on record in this period.");
}

/* The noun after a count that every second sentence has. */
static const char *
attempts(uint64_t n)
{
	return plural(n, "attempt", "attempts");
}

static const char *
deliveries(uint64_t n)
{
	return plural(n, "delivery", "deliveries");
}

static bool
selftest_passed(const struct compliance *c)
{
	return c->selftest.run && c->selftest.passed;
}

static uint64_t
by_tls(const struct figures *f)
{
	return figures_delivered(&f->total) - f->total.delivered[REACHED_PLAIN];
}

/* ---- levels ---- */

JUDGE(plaintext)
{
	const struct figures *f = c->f;

	if (f->records == 0)
		return no_records(mem);
	if (f->plaintext == 0)
		return say(mem, VERDICT_SHOWN,
		    "None of %" PRIu64 " %s (records %" PRIu64 " to %" PRIu64
		    ") sent content in clear; %" PRIu64 " %s, all by TLS.",
		    f->records, attempts(f->records), f->first_seq, f->last_seq,
		    figures_delivered(&f->total),
		    deliveries(figures_delivered(&f->total)));
	if (f->plaintext == f->plaintext_owned)
		return say(mem, VERDICT_PARTLY,
		    "%" PRIu64 " of %" PRIu64
		    " %s sent content in clear, each by an exception "
		    "with reason, approver and end.",
		    f->plaintext, f->records, attempts(f->records));
	return say(mem, VERDICT_NOT_SHOWN,
	    "%" PRIu64 " of %" PRIu64 " %s sent content in clear, "
	    "%" PRIu64 " of them by an exception; otherwise nothing "
	    "asked for TLS.",
	    f->plaintext, f->records, attempts(f->records), f->plaintext_owned);
}

JUDGE(authenticated)
{
	const struct figures_count *t = &c->f->total;
	uint64_t all = figures_delivered(t);
	uint64_t proven = t->delivered[REACHED_AUTHENTICATED] +
			  t->delivered[REACHED_VERIFIED];

	if (all == 0)
		return no_records(mem);
	return say(mem,
	    proven == all ? VERDICT_SHOWN :
	    proven == 0   ? VERDICT_NOT_SHOWN :
			    VERDICT_PARTLY,
	    "Of %" PRIu64 " %s %" PRIu64
	    " went to a host that had proved who it is: %" PRIu64
	    " by DANE, %" PRIu64 " by MTA-STS, %" PRIu64 " by a rule. %" PRIu64
	    " went by TLS to a host that proved "
	    "nothing, %" PRIu64 " in clear.",
	    all, deliveries(all), proven, c->f->proven[METHOD_DANE],
	    c->f->proven[METHOD_PKIX_STS],
	    c->f->proven[METHOD_PKIX_LOCAL] + c->f->proven[METHOD_PIN] +
		c->f->proven[METHOD_CA],
	    t->delivered[REACHED_TLS], t->delivered[REACHED_PLAIN]);
}

/* Of a mechanism: attempts where it bound, and deliveries past it. */
static struct verdict
mechanism(TALLOC_CTX *mem, const struct compliance *c, const char *what,
    uint64_t bound, uint64_t below)
{
	const char *at_hosts = plural(bound, "attempt was at a host",
	    "attempts were at hosts");

	if (bound > 0 && below == 0)
		return say(mem, VERDICT_SHOWN,
		    "%" PRIu64 " %s with %s; nothing was "
		    "delivered to one that did not match.",
		    bound, at_hosts, what);
	if (bound > 0)
		return say(mem, VERDICT_PARTLY,
		    "%" PRIu64 " %s with %s; %" PRIu64
		    " %s went past it, by exceptions or as their "
		    "sender asked.",
		    bound, at_hosts, what, below, deliveries(below));
	if (selftest_passed(c))
		return say(mem, VERDICT_PARTLY,
		    "No attempt of the period was at a host with %s; the "
		    "self-test shows that it is enforced.",
		    what);
	return say(mem, VERDICT_NOT_SHOWN,
	    "No attempt of the period was at a host with %s, and no self-test "
	    "is part of this report.",
	    what);
}

JUDGE(dane)
{
	return mechanism(mem, c, "usable TLSA records",
	    c->f->dane[DANE_D1_USABLE], c->f->dane_below);
}

JUDGE(sts)
{
	return mechanism(mem, c, "an enforced MTA-STS policy",
	    c->f->sts[STS_ST_ENFORCE], c->f->sts_below);
}

static const struct compliance_trust *
anchors(const struct compliance *c)
{
	for (size_t i = 0; i < c->trust_count; i++)
		if (strcmp(c->trust[i].what, TRUST_DNSSEC) == 0 &&
		    *c->trust[i].error == '\0')
			return &c->trust[i];
	return NULL;
}

JUDGE(dnssec)
{
	const struct compliance_trust *a = anchors(c);

	if (a == NULL)
		return say(mem, VERDICT_NOT_SHOWN,
		    "The DNSSEC trust anchor could not be read.");
	if (c->conf->resolver_unvalidated != UNVALIDATED_DEFER)
		return say(mem, VERDICT_PARTLY,
		    "Answers are validated with %s, but while the resolver "
		    "does not validate mail is sent as if no domain were "
		    "signed (resolver.unvalidated).",
		    a->content);
	return say(mem, VERDICT_SHOWN,
	    "Answers are validated in this gateway with %s, and mail waits "
	    "while it cannot; %" PRIu64 " %s waited because an answer "
	    "was false or missing.",
	    a->content, c->f->dane[DANE_D5_ERROR],
	    attempts(c->f->dane[DANE_D5_ERROR]));
}

/* ---- TLS ---- */

/* Names of a map with their counts, and the sum of those that are bad. */
struct names {
	char *text;
	bool (*bad)(const char *name);
	uint64_t bad_count;
};

static int
add_name(void *arg, const char *key, void *value)
{
	struct names *n = arg;

	n->text = need(talloc_asprintf_append(n->text, "%s%s %" PRIu64,
	    *n->text == '\0' ? "" : ", ", key, figures_value(value)));
	if (n->bad(key))
		n->bad_count += figures_value(value);
	return 0;
}

static bool
is_old(const char *protocol)
{
	return strcmp(protocol, "TLSv1.2") != 0 &&
	       strcmp(protocol, "TLSv1.3") != 0;
}

static bool
is_broken(const char *cipher)
{
	static const char *const parts[] = { "NULL", "EXP", "RC4", "DES", "MD5",
		"ADH", "AECDH", "SEED", "IDEA" };

	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (strstr(cipher, parts[i]) != NULL)
			return true;
	return false;
}

JUDGE(tls_version)
{
	struct names n = { .text = need(talloc_strdup(mem, "")),
		.bad = is_old };

	strmap_each(c->f->protocols, add_name, &n);
	if (by_tls(c->f) == 0)
		return say(mem, VERDICT_NOT_SHOWN,
		    "Nothing was delivered by TLS.");
	if (n.bad_count > 0)
		return say(mem, VERDICT_NOT_SHOWN,
		    "%" PRIu64 " %s used an older protocol: %s.", n.bad_count,
		    deliveries(n.bad_count), n.text);
	return say(mem, VERDICT_SHOWN,
	    "All deliveries by TLS, %" PRIu64 ", used TLS 1.2 or later: "
	    "%s.",
	    by_tls(c->f), n.text);
}

JUDGE(ciphers)
{
	struct names n = { .text = need(talloc_strdup(mem, "")),
		.bad = is_broken };

	strmap_each(c->f->ciphers, add_name, &n);
	if (by_tls(c->f) == 0)
		return say(mem, VERDICT_NOT_SHOWN,
		    "Nothing was delivered by TLS.");
	if (n.bad_count > 0)
		return say(mem, VERDICT_NOT_SHOWN,
		    "%" PRIu64 " %s used a broken cipher: %s.", n.bad_count,
		    deliveries(n.bad_count), n.text);
	return say(mem,
	    c->f->no_key_exchange == 0 ? VERDICT_SHOWN : VERDICT_PARTLY,
	    "No delivery used a broken cipher; of %" PRIu64
	    " %s by TLS %" PRIu64
	    " %s no ephemeral key exchange on record. Used: %s.",
	    by_tls(c->f), deliveries(by_tls(c->f)), c->f->no_key_exchange,
	    plural(c->f->no_key_exchange, "has", "have"), n.text);
}

/* ---- what is refused ---- */

static const char *
attempts_were(uint64_t n)
{
	return plural(n, "attempt was", "attempts were");
}

JUDGE(refuse)
{
	if (c->f->total.blocked > 0)
		return say(mem, VERDICT_SHOWN,
		    "%" PRIu64 " %s kept back because a "
		    "requirement was not met; the list of them is below.",
		    c->f->total.blocked, attempts_were(c->f->total.blocked));
	if (selftest_passed(c))
		return say(mem, VERDICT_SHOWN,
		    "Nothing had to be kept back in the period; the self-test "
		    "shows in %zu %s what is.",
		    c->selftest.count,
		    plural(c->selftest.count, "case", "cases"));
	return say(mem, VERDICT_NOT_SHOWN,
	    "Nothing had to be kept back in the period, and no self-test is "
	    "part of this report.");
}

JUDGE(blocked)
{
	if (c->f->records == 0)
		return no_records(mem);
	return say(mem, VERDICT_SHOWN,
	    "%" PRIu64 " %s kept back; each domain is listed with "
	    "what was not met, the host, the first and the last time.",
	    c->f->total.blocked, attempts_were(c->f->total.blocked));
}

JUDGE(told)
{
	const struct figures_list *l = &c->f->returned;
	char notice[CLOCK_TEXT_BYTES];

	if (c->f->records == 0)
		return no_records(mem);
	if (c->f->total.blocked == 0)
		return say(mem, VERDICT_SHOWN,
		    "Nothing was kept back in the period.");
	return say(mem, VERDICT_PARTLY,
	    "%" PRIu64 " %s, each with its "
	    "time. Delay notices (queue.policy-delay-notice is %s) are not on "
	    "record.",
	    l->count + l->left_out,
	    plural(l->count + l->left_out, "mail was returned to its sender",
		"mails were returned to their senders"),
	    duration_text(c->conf->queue_policy_notice_ms, notice));
}

static bool
forces_tls(const struct conf_rule *r)
{
	switch (r->require) {
	case OVERRIDE_REQUIRE_ENCRYPTED:
	case OVERRIDE_REQUIRE_VERIFIED:
	case OVERRIDE_DANE_ONLY:
	case OVERRIDE_NEVER_PLAINTEXT:
		return true;
	case OVERRIDE_NONE:
	case OVERRIDE_PLAINTEXT_ALLOWED:
	case OVERRIDE_MAY:
	case OVERRIDE_WAIVES: /* of exceptions */
		break;
	}
	return false;
}

JUDGE(rules)
{
	size_t count = 0;

	for (size_t i = 0; i < c->conf->rule_count; i++)
		count += forces_tls(&c->conf->rule[i]);
	if (count == 0)
		return say(mem, VERDICT_NOT_SHOWN,
		    "No rule of the configuration asks for TLS beyond what "
		    "domains publish.");
	return say(mem, VERDICT_SHOWN,
	    "%zu of %zu %s %s for TLS, whatever is published; %" PRIu64
	    " %s under a rule.",
	    count, c->conf->rule_count,
	    plural(c->conf->rule_count, "rule", "rules"),
	    plural(count, "asks", "ask"), c->f->by_rule,
	    plural(c->f->by_rule, "delivery was", "deliveries were"));
}

JUDGE(alternate)
{
	if (c->conf->route_count == 0)
		return say(mem, VERDICT_NOT_SHOWN,
		    "No route is configured: mail without a secure way is "
		    "returned to its sender.");
	return say(mem, VERDICT_PARTLY,
	    "%zu %s configured. Whether one leads to another way for "
	    "such mail is to be seen from its name.",
	    c->conf->route_count,
	    plural(c->conf->route_count, "route is", "routes are"));
}

JUDGE(exceptions)
{
	const struct figures_list *l = &c->f->exceptions;
	uint64_t gone = 0, no_start = 0;

	for (size_t i = 0; i < l->count; i++) {
		const struct figures_exception *x = l->item[i];

		gone += !x->configured;
		no_start += x->start.ms == 0;
	}
	if (l->count == 0)
		return say(mem, VERDICT_SHOWN,
		    "No exception is configured, and none was used.");
	return say(mem, gone + no_start == 0 ? VERDICT_SHOWN : VERDICT_PARTLY,
	    "%zu %s on the register, with reason, approver, end "
	    "and uses. Of %" PRIu64 " the scope is not known any more, of "
	    "%" PRIu64 " the start is not on record in the period.",
	    l->count, plural(l->count, "exception is", "exceptions are"), gone,
	    no_start);
}

/* ---- the evidence itself ---- */

static const char *
records(uint64_t n)
{
	return plural(n, "record", "records");
}

JUDGE(policy)
{
	const struct figures_list *l = &c->f->confs;

	if (l->count == 0)
		return no_records(mem);
	return say(mem, VERDICT_PARTLY,
	    "Each record names the configuration that decided by its SHA-256: "
	    "%" PRIu64 " in the period. Author and approval are of the "
	    "organisation's change control.",
	    l->count + l->left_out);
}

JUDGE(records)
{
	if (c->f->records == 0)
		return no_records(mem);
	return say(mem, VERDICT_SHOWN,
	    "%" PRIu64 " %s of the period, numbers %" PRIu64 " to %" PRIu64
	    ", with requirement, grounds, proof, TLS "
	    "parameters and time of each attempt.",
	    c->f->records, records(c->f->records), c->f->first_seq,
	    c->f->last_seq);
}

JUDGE(integrity)
{
	const struct compliance_chain *h = &c->chain;
	char when[CLOCK_TEXT_BYTES];

	if (!h->verified)
		return say(mem, VERDICT_NOT_SHOWN,
		    "The chain of records is broken: %s.", h->broken);
	if (h->records == 0)
		return say(mem, VERDICT_NOT_SHOWN, "There are no records.");
	if (h->checkpoints == 0)
		return say(mem, VERDICT_PARTLY,
		    "The chain of %" PRIu64 " %s was verified and is "
		    "unbroken. No signed checkpoint covers it: compare its "
		    "last hash with one kept elsewhere.",
		    h->records, records(h->records));
	return say(mem, VERDICT_SHOWN,
	    "The chain of %" PRIu64 " %s was verified and is unbroken; "
	    "%" PRIu64 " signed %s with it, the last of %s for "
	    "record %" PRIu64 ".",
	    h->records, records(h->records), h->checkpoints,
	    plural(h->checkpoints, "checkpoint agrees", "checkpoints agree"),
	    wall_rfc3339(h->checkpoint_time, when), h->checkpoint_seq);
}

JUDGE(retention)
{
	const struct compliance_chain *h = &c->chain;
	char when[CLOCK_TEXT_BYTES];

	if (h->records == 0)
		return say(mem, VERDICT_NOT_SHOWN, "There are no records.");
	return say(mem,
	    h->addresses_removed > 0 ? VERDICT_SHOWN : VERDICT_PARTLY,
	    "Addresses are kept apart from the rest of a record and can be "
	    "removed before it: %" PRIu64 " of %" PRIu64
	    " %s %s none any more; the oldest address is of %s.",
	    h->addresses_removed, h->records, records(h->records),
	    plural(h->addresses_removed, "has", "have"),
	    h->oldest_address.ms == 0 ? "no record" :
					wall_rfc3339(h->oldest_address, when));
}

JUDGE(selftest)
{
	const struct compliance_selftest *t = &c->selftest;

	if (!t->run)
		return say(mem, VERDICT_NOT_SHOWN,
		    "Not run for this report (tierpost selftest --json, and "
		    "--selftest-result).");
	return say(mem, t->passed ? VERDICT_SHOWN : VERDICT_NOT_SHOWN,
	    "%zu of %zu %s of mail that must not be delivered ended as "
	    "required, on %s.",
	    t->passed_count, t->count, plural(t->count, "case", "cases"),
	    t->time);
}

JUDGE(inventory)
{
	uint64_t certificates = c->f->certificates.count +
				c->f->certificates.left_out;
	size_t bad = 0;

	for (size_t i = 0; i < c->trust_count; i++)
		bad += *c->trust[i].error != '\0';
	return say(mem, bad == 0 ? VERDICT_SHOWN : VERDICT_PARTLY,
	    "%zu %s listed with digests, %zu could not be read; in the "
	    "period %" PRIu64 " %s seen. In %" PRIu64 " %s DNSSEC failed.",
	    c->trust_count,
	    plural(c->trust_count, "file of trust anchors is",
		"files of trust anchors are"),
	    bad, certificates,
	    plural(certificates, "certificate of a mail server was",
		"certificates of mail servers were"),
	    c->f->dane[DANE_D5_ERROR], attempts(c->f->dane[DANE_D5_ERROR]));
}

JUDGE(tls_reports)
{
	(void)c;
	return say(mem, VERDICT_NOT_SHOWN,
	    "The records tell of attempts, not of TLS reports.");
}
