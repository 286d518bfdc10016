/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/postfix.h"

#include "policy/waive.h"
#include "util/domain.h"
#include "util/sha256.h"

#define WHY_BYTES    200u         /* Postfix logs no more of it */
#define MAX_WORDS    50000u       /* bytes of names or keys: half of a reply */
#define EE_SHA256    1u           /* TLSA matching type of SHA2-256 */
#define DIGEST_BYTES SHA256_BYTES /* smtp_tls_fingerprint_digest = sha256 */

static const char *const level_names[POSTFIX_LEVEL_COUNT] = {
	[POSTFIX_NONE] = "none",
	[POSTFIX_MAY] = "may",
	[POSTFIX_ENCRYPT] = "encrypt",
	[POSTFIX_DANE] = "dane",
	[POSTFIX_DANE_ONLY] = "dane-only",
	[POSTFIX_SECURE] = "secure",
	[POSTFIX_FINGERPRINT] = "fingerprint",
	[POSTFIX_WAIT] = "wait",
};

const char *
postfix_level_name(enum postfix_level level)
{
	return level_names[level];
}

/* ---- what a level asks of a host ---- */

/* dane-only uses these hosts and no other. */
static bool
is_dane_host(const struct plan_host *h)
{
	return h->dane == DANE_D1_USABLE && h->in.mx_secure;
}

/*
 * Postfix checks a peer in one way, and has no level for a later version of
 * TLS, or for a certificate of ours that this host is shown and no other.
 */
static bool
is_all_said(const struct plan_host *h)
{
	return !h->also_pkix_sts && h->also_local == METHOD_NONE &&
	       h->min_tls == MIN_TLS_1_2 && *h->identity == '\0';
}

static bool
by_dane(const struct plan_host *h)
{
	return !h->skip && h->method == METHOD_DANE && is_all_said(h);
}

static bool
by_pkix(const struct plan_host *h)
{
	return !h->skip && is_all_said(h) &&
	       (h->method == METHOD_PKIX_STS || h->method == METHOD_PKIX_LOCAL);
}

/* Where TLS is not required, may content leave in clear here and now? */
static bool
may_be_clear(const struct plan_host *h)
{
	const struct conf_plaintext *p = &h->plaintext;

	return h->required == LEVEL_PLAIN ||
	       (!p->forbidden && p->after_ms == 0 && p->limit == 0);
}

/* Postfix cannot wait before, or count, what goes in clear. */
static bool
at_most(const struct plan_host *h, enum level level)
{
	return !h->skip && h->required <= level && is_all_said(h) &&
	       (level > LEVEL_MAY || may_be_clear(h));
}

/* Not used because the policy in force does not name it, and only so. */
static bool
is_outside_policy(const struct plan_host *h)
{
	return h->skip && h->in.sts == STS_ST_ENFORCE && !h->sts_mx_match &&
	       h->won == DECIDE_PUBLISHED &&
	       (h->dane == DANE_D2_UNUSABLE || h->dane == DANE_D3_NONE ||
		   h->dane == DANE_D4_INSECURE);
}

/*
 * Postfix has the same answers of DNS: a failed TLSA lookup keeps it away,
 * records that cannot be used leave TLS, none leave TLS where it is offered.
 */
static bool
dane_suffices(const struct plan_host *h)
{
	switch (h->dane) {
	case DANE_D1_USABLE:
		return by_dane(h) || at_most(h, LEVEL_ENCRYPT);
	case DANE_D2_UNUSABLE:
		return at_most(h, LEVEL_ENCRYPT);
	case DANE_D3_NONE:
	case DANE_D4_INSECURE:
		return at_most(h, LEVEL_MAY);
	case DANE_D5_ERROR:
		return true;
	}
	return false; /* not reached: the switch names every state */
}

/* Could any digest of its records be said as a fingerprint? */
static bool
has_only_keys(const struct plan_host *h)
{
	for (size_t i = 0; i < h->tlsa_count; i++)
		if (h->tlsa[i].usage != TLSA_DANE_EE ||
		    h->tlsa[i].matching != EE_SHA256 ||
		    h->tlsa[i].data.n != DIGEST_BYTES)
			return false;
	return h->tlsa_count > 0;
}

/* Does Postfix at this level ask of the host what the plan does, or more? */
static bool
suffices(enum postfix_level level, const struct plan_host *h)
{
	switch (level) {
	case POSTFIX_NONE:
		return at_most(h, LEVEL_PLAIN);
	case POSTFIX_MAY:
		return at_most(h, LEVEL_MAY);
	case POSTFIX_ENCRYPT:
		return at_most(h, LEVEL_ENCRYPT);
	case POSTFIX_DANE:
		return dane_suffices(h);
	case POSTFIX_DANE_ONLY:
		return !is_dane_host(h) || by_dane(h) ||
		       at_most(h, LEVEL_ENCRYPT);
	case POSTFIX_SECURE:
		return by_pkix(h) || at_most(h, LEVEL_ENCRYPT) ||
		       is_outside_policy(h);
	case POSTFIX_FINGERPRINT: /* who has none of the keys is not used */
		return !by_dane(h) || has_only_keys(h);
	case POSTFIX_WAIT:
		return true;
	}
	return false; /* not reached: the switch names every level */
}

/* Can the host be used at this level, as far as the plan knows? */
static bool
leaves(enum postfix_level level, const struct plan_host *h)
{
	if (h->skip)
		return false;
	switch (level) {
	case POSTFIX_NONE:
	case POSTFIX_MAY:
	case POSTFIX_ENCRYPT:
		return true;
	case POSTFIX_DANE:
		return h->dane != DANE_D5_ERROR;
	case POSTFIX_DANE_ONLY:
		return is_dane_host(h);
	case POSTFIX_SECURE:
		return by_pkix(h);
	case POSTFIX_FINGERPRINT:
		return by_dane(h);
	case POSTFIX_WAIT:
		return false;
	}
	return false; /* not reached: the switch names every level */
}

/* ---- the hosts ---- */

struct hosts {
	const struct plan *plan;
	bool any_other; /* MX not signed: there may be others on the way */
	struct plan_host other;
};

/*
 * A host that MX records not signed may name the next time: without signed
 * addresses, in no policy, and under what holds for the domain as a whole.
 */
static void
add_other(struct hosts *t, const struct conf *conf, const struct conf_hop *hop)
{
	const struct plan *plan = t->plan;
	const struct conf_subject s = { hop->name, NULL, CLASS_NORMAL, "" };
	const struct conf_override o = conf_override_for(conf, &s, plan->made);
	struct plan_host *h = &t->other;
	struct decide_out out;

	t->any_other = !plan->mx_secure && !hop->is_host;
	if (!t->any_other)
		return;
	*h = plan->host[0];
	for (size_t i = 0; i < plan->host_count; i++) {
		const struct decide_in *in = &plan->host[i].in;

		if (in->floor > h->in.floor)
			h->in.floor = in->floor;
		h->in.never_plaintext |= in->never_plaintext;
	}
	if (o.floor > h->in.floor)
		h->in.floor = o.floor;
	h->in.never_plaintext |= o.never_plaintext;
	if (o.method != NULL)
		h->in.verify_by = o.method->verify_by;
	h->in.override = o.kind;
	h->in.waiver = o.waiver;
	h->in.waives = o.waives;
	h->in.local = o.local;
	if (o.kind == OVERRIDE_WAIVES)
		h->in = waive_none(&h->in);
	h->in.dane = h->dane = DANE_D4_INSECURE;
	h->in.error_is_tlsa_only = false;
	h->in.sts_mx_match = h->sts_mx_match = false;
	out = decide(&h->in);
	h->skip = out.skip;
	h->required = out.required;
	h->method = out.method;
	h->also_pkix_sts = out.also_pkix_sts;
	h->also_local = out.also_local;
	h->won = out.rule;
	h->min_tls = conf_min_tls(&o, &out);
	h->identity = out.required < LEVEL_ENCRYPT || o.identity == NULL ?
			  "" :
			  o.identity->name;
}

static bool
suffices_all(enum postfix_level level, const struct hosts *t)
{
	bool left = false;

	for (size_t i = 0; i < t->plan->host_count; i++) {
		if (!suffices(level, &t->plan->host[i]))
			return false;
		left |= leaves(level, &t->plan->host[i]);
	}
	return left && (!t->any_other || suffices(level, &t->other));
}

/* Is it what each host that may be used asks for, no more and no less? */
static bool
is_exact(enum postfix_level level, const struct hosts *t)
{
	for (size_t i = 0; i < t->plan->host_count; i++) {
		const struct plan_host *h = &t->plan->host[i];

		if (h->skip)
			continue;
		if (level == POSTFIX_ENCRYPT && h->required != LEVEL_ENCRYPT)
			return false;
		if (level == POSTFIX_DANE_ONLY &&
		    !(by_dane(h) && is_dane_host(h)))
			return false;
	}
	return true;
}

/*
 * From the weakest on.  Where encrypt or dane-only is just what is asked for,
 * it goes before dane, which asks for nothing if Postfix does no DNSSEC.
 */
static enum postfix_level
choose(const struct hosts *t)
{
	static const struct {
		enum postfix_level level;
		bool exact;
	} order[] = {
		{ POSTFIX_NONE, false },
		{ POSTFIX_MAY, false },
		{ POSTFIX_ENCRYPT, true },
		{ POSTFIX_DANE_ONLY, true },
		{ POSTFIX_DANE, false },
		{ POSTFIX_ENCRYPT, false },
		{ POSTFIX_DANE_ONLY, false },
		{ POSTFIX_SECURE, false },
		{ POSTFIX_FINGERPRINT, false },
	};

	for (size_t i = 0; i < COUNT_OF(order); i++)
		if (suffices_all(order[i].level, t) &&
		    (!order[i].exact || is_exact(order[i].level, t)))
			return order[i].level;
	return POSTFIX_WAIT;
}

/* ---- in words ---- */

/* Words that each stand once, with a sign between them. */
struct words {
	struct sbuf b;
	char sign;
	struct span *word; /* in order of coming */
	size_t count, room;
};

static void
words_init(struct words *w, TALLOC_CTX *mem, char sign)
{
	*w = (struct words){ .sign = sign };
	w->room = PLAN_MAX_HOSTS * TLSA_MAX_RECORDS;
	w->word = need(talloc_array(mem, struct span, (unsigned)w->room));
	sbuf_init(&w->b, mem, MAX_WORDS);
}

static void
words_add(struct words *w, struct span word)
{
	for (size_t i = 0; i < w->count; i++)
		if (span_eq_span(w->word[i], word))
			return;
	if (sbuf_failed(&w->b))
		return;
	invariant(w->count < w->room);
	if (w->count > 0)
		sbuf_u8(&w->b, (uint8_t)w->sign);
	sbuf_span(&w->b, word);
	w->word[w->count++] = word;
}

/* Is it a name, or a pattern for names, and no more words than one? */
static bool
is_name(const char *name)
{
	struct span a = span_str(name);

	for (size_t i = 0; i < a.n; i++)
		if (!ascii_isalnum(a.p[i]) &&
		    !span_has(SPAN_LIT("-._*"), a.p[i]))
			return false;
	return a.n > 0;
}

/* A certificate is for a name, and an address has none. */
static void
add_name(struct words *w, const char *name)
{
	if (is_name(name) && !domain_is_address(span_str(name)))
		words_add(w, span_str(name));
}

static bool
any_by_sts(const struct plan *plan)
{
	for (size_t i = 0; i < plan->host_count; i++)
		if (by_pkix(&plan->host[i]) &&
		    plan->host[i].method == METHOD_PKIX_STS)
			return true;
	return false;
}

/*
 * Names that the plan takes of a host.  Where a policy is in force they are
 * those of the hosts that it names, one by one: of its patterns Postfix would
 * take more, for to it ".example.org" has no end of labels.
 */
static void
add_names(struct words *w, const struct plan *plan)
{
	bool sts = any_by_sts(plan);

	for (size_t i = 0; i < plan->host_count; i++) {
		const struct plan_host *h = &plan->host[i];

		if (!by_pkix(h) || (sts && h->method != METHOD_PKIX_STS))
			continue;
		for (size_t k = 0; k < h->ref_count; k++)
			add_name(w, h->ref[k]);
	}
}

static struct span
fingerprint(TALLOC_CTX *mem, struct span digest)
{
	static const char digits[] = "0123456789ABCDEF";
	struct sbuf b;

	sbuf_init(&b, mem, 3 * DIGEST_BYTES);
	for (size_t i = 0; i < digest.n; i++) {
		if (i > 0)
			sbuf_u8(&b, ':');
		sbuf_u8(&b, (uint8_t)digits[digest.p[i] >> 4]);
		sbuf_u8(&b, (uint8_t)digits[digest.p[i] & 15]);
	}
	return sbuf_view(&b);
}

static void
add_keys(struct words *w, TALLOC_CTX *mem, const struct plan *plan)
{
	for (size_t i = 0; i < plan->host_count; i++) {
		const struct plan_host *h = &plan->host[i];

		for (size_t k = 0; by_dane(h) && k < h->tlsa_count; k++)
			words_add(w, fingerprint(mem, h->tlsa[k].data));
	}
}

/* NULL: it cannot be said. */
static const char *
text_of(TALLOC_CTX *mem, enum postfix_level level, const struct plan *plan)
{
	TALLOC_CTX *tmp = need(talloc_new(mem));
	const char *text = NULL;
	struct words w;

	words_init(&w, tmp, level == POSTFIX_SECURE ? ':' : '|');
	if (level == POSTFIX_SECURE)
		add_names(&w, plan);
	else
		add_keys(&w, tmp, plan);
	if (w.count > 0 && !sbuf_failed(&w.b))
		text = need(talloc_asprintf(mem,
		    "%s match=%s servername=hostname", level_names[level],
		    sbuf_cstr(&w.b)));
	talloc_free(tmp);
	return text;
}

/* Postfix 3.10: what it reports of a policy, which it does not know. */
static const char *
report_of(TALLOC_CTX *mem, const struct conf_hop *hop, const struct plan *plan)
{
	const struct sts_policy *pol = &plan->sts.policy;
	char *s;

	for (size_t i = 0; i < pol->mx_count; i++)
		if (!is_name(pol->mx[i]))
			return "";
	s = need(talloc_asprintf(mem, "policy_type=sts policy_domain=%s",
	    hop->name));

	for (size_t i = 0; i < pol->mx_count; i++)
		s = need(talloc_asprintf_append(s, " mx_host_pattern=%s",
		    pol->mx[i]));
	s = need(talloc_asprintf_append(s,
	    " { policy_string = version: STSv1 }"
	    " { policy_string = mode: %s }",
	    sts_mode_name(pol->mode)));
	for (size_t i = 0; i < pol->mx_count; i++)
		s = need(talloc_asprintf_append(s,
		    " { policy_string = mx: %s }", pol->mx[i]));
	return need(talloc_asprintf_append(s,
	    " { policy_string = max_age: %u }", pol->max_age_s));
}

/* ---- the answer ---- */

static bool
waives_some(const struct plan *plan)
{
	for (size_t i = 0; i < plan->host_count; i++)
		if (plan->host[i].in.override == OVERRIDE_WAIVES)
			return true;
	return false;
}

/*
 * Postfix cannot be told to require less after a failure: what an exception
 * waives by failures is required of it.  What is made for it lives in mem.
 */
static const struct plan *
without_waivers(TALLOC_CTX *mem, const struct plan *plan)
{
	struct plan *as;

	if (!waives_some(plan))
		return plan;
	as = need(talloc(mem, struct plan));
	*as = *plan;
	as->host = need(talloc_array(as, struct plan_host,
	    (unsigned)plan->host_count + 1));
	for (size_t i = 0; i < plan->host_count; i++) {
		const struct plan_host *h = &plan->host[i];
		struct decide_in none = waive_none(&h->in);

		as->host[i] = h->in.override == OVERRIDE_WAIVES ?
				  *plan_host_as(as, plan, h, &none) :
				  *h;
	}
	return as;
}

static void
wait_for(TALLOC_CTX *mem, const char *why, struct postfix_answer *out)
{
	out->level = POSTFIX_WAIT;
	out->text = span_print(mem, span_str(why), WHY_BYTES);
	out->report = "";
}

/* Why no host, or not each, can be said. */
static const char *
why_wait(const struct plan *plan)
{
	for (size_t i = 0; i < plan->host_count; i++)
		if (!plan->host[i].skip)
			return "what its mail hosts require has no level of "
			       "Postfix that covers it";
	return plan->host[0].why;
}

void
postfix_answer(TALLOC_CTX *mem, const struct conf *conf,
    const struct conf_hop *hop, const struct plan *made,
    struct postfix_answer *out)
{
	TALLOC_CTX *tmp = need(talloc_new(mem));
	const struct plan *plan = without_waivers(tmp, made);
	struct hosts t = { .plan = plan };

	*out = (struct postfix_answer){ .report = "",
		.valid_until = plan->valid_until };
	if (plan->verdict != PLAN_DELIVER) {
		wait_for(mem, plan->why, out);
		talloc_free(tmp);
		return;
	}
	add_other(&t, conf, hop);
	out->level = choose(&t);
	out->text = level_names[out->level];
	if (out->level == POSTFIX_SECURE || out->level == POSTFIX_FINGERPRINT)
		out->text = text_of(mem, out->level, plan);
	if (out->level == POSTFIX_WAIT || out->text == NULL)
		wait_for(mem, why_wait(plan), out);
	else if (out->level == POSTFIX_SECURE && any_by_sts(plan))
		out->report = report_of(mem, hop, plan);
	talloc_free(tmp);
}
