/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/simulate.h"

#include <string.h>

#include "policy/waive.h"
#include "util/domain.h"

/* Above every level: nothing meets it. */
#define NOT_USED LEVEL_COUNT

/* Does the route name this host itself? */
static bool
names_host(const struct conf_route *r, const char *host)
{
	for (size_t i = 0; i < r->hop_count; i++)
		if (r->hop[i].is_host && domain_eq(r->hop[i].name, host))
			return true;
	return false;
}

/*
 * The facts are those of the host that was dialled.  They tell nothing of
 * another, to which the mail would go by a route, nor of the domain's own
 * when it went by one, be it for want of them.
 */
static bool
is_elsewhere(const struct conf *old, const struct conf *conf,
    const struct simulate_in *in)
{
	const struct conf_route *was = conf_route_for(old, in->domain, false),
				*now = conf_route_for(conf, in->domain, false);

	if (*in->route != '\0' &&
	    (was == NULL || strcmp(was->name, in->route) != 0))
		return true;
	if (was == NULL && now == NULL)
		return false;
	return was == NULL || now == NULL || !names_host(was, in->host) ||
	       !names_host(now, in->host);
}

/*
 * What had failed, and was the end of it, would it be waived?  Where it was
 * waived then, a further attempt has its own record.
 */
static struct decide_in
after_failure(const struct decide_in *anew, const struct simulate_in *in)
{
	struct decide_in next;

	if (!in->delivered && !waive_next(&in->in, in->failure, &next) &&
	    waive_next(anew, in->failure, &next))
		return next;
	return *anew;
}

static struct conf_host
host_of(const struct conf *conf, const struct simulate_in *in)
{
	const struct conf_route *route = conf_route_for(conf, in->domain,
	    false);

	return (struct conf_host){
		.domain = in->domain,
		.destination = route == NULL ? in->domain : in->host,
		.host = in->host,
		.mclass = in->in.mclass,
		.route = route,
	};
}

/* What is demanded under a configuration. */
struct anew {
	struct decide_out out;
	enum min_tls min_tls;
	const struct conf_rule *method; /* whose pins and authorities count */
};

static struct anew
decide_anew(const struct conf *conf, const struct simulate_in *in,
    const char *marks, struct wall now)
{
	struct conf_host host = host_of(conf, in);
	struct conf_override o;
	struct decide_in anew;
	struct decide_out out;

	host.marks = marks;
	o = conf_override_of_host(conf, &host, now);
	anew = conf_decide_in(conf, &in->in, &o);
	anew.mclass = conf_class_for(anew.mclass, host.route);
	anew = after_failure(&anew, in);
	out = decide(&anew);
	return (struct anew){ out, conf_min_tls(&o, &out), o.method };
}

/* ---- by what a peer is verified ---- */

static bool
is_by(const struct decide_out *d, enum method method)
{
	return d->method == method || d->also_local == method;
}

static bool
has_pin(const struct conf_rule *rule, const struct pin *pin)
{
	for (size_t i = 0; i < rule->pin_count; i++)
		if (rule->pin[i].kind == pin->kind &&
		    memcmp(rule->pin[i].sha256, pin->sha256,
			sizeof(pin->sha256)) == 0)
			return true;
	return false;
}

static bool
has_pins(const struct conf_rule *rule, const struct conf_rule *of)
{
	for (size_t i = 0; i < of->pin_count; i++)
		if (!has_pin(rule, &of->pin[i]))
			return false;
	return true;
}

/* Do the rules that say by what to verify mean the same peers? */
static bool
same_peers(const struct conf_rule *was, const struct conf_rule *now,
    const struct decide_out *d)
{
	if (is_by(d, METHOD_PIN) &&
	    (was == NULL || !has_pins(was, now) || !has_pins(now, was)))
		return false;
	return !is_by(d, METHOD_CA) ||
	       (was != NULL && strcmp(was->ca_file, now->ca_file) == 0);
}

/* ---- marks ---- */

/* The rules of conf that ask something of the message. */
struct asked {
	TALLOC_CTX *mem;
	const struct conf *conf;
	enum conf_met *met; /* of conf->marking */
};

/* Of rules about other hosts it does not matter. */
static struct asked
ask_rules(TALLOC_CTX *mem, const struct conf *old, const struct conf *conf,
    const struct simulate_in *in)
{
	const struct conf_host host = host_of(conf, in);
	const struct conf_past past = { old, in->marks, in->sender };
	struct asked a = { mem, conf,
		need(talloc_array(mem, enum conf_met,
		    (unsigned)conf->marking_count + 1)) };

	for (size_t i = 0; i < conf->marking_count; i++) {
		const struct conf_rule *r = conf->marking[i];

		a.met[i] = conf_rule_concerns(r, &host) ?
			       conf_met_then(r, &past) :
			       CONF_MET_NO;
	}
	return a;
}

/*
 * Marks where of what is not known all demanding rules are met, if any, and
 * this one by itself, if any.
 */
static const char *
marks_if(const struct asked *a, bool demanding, const struct conf_rule *one)
{
	struct sbuf b;

	sbuf_init(&b, a->mem, MARKS_MAX_BYTES);
	for (size_t i = 0; i < a->conf->marking_count; i++) {
		const struct conf_rule *r = a->conf->marking[i];
		bool assumed = (one != NULL && r == one) ||
			       (demanding && r->require != OVERRIDE_MAY);

		if (a->met[i] == CONF_MET_YES ||
		    (a->met[i] == CONF_MET_UNKNOWN && assumed))
			sbuf_printf(&b, "%s%s", b.n > 0 ? "," : "", r->name);
	}
	return sbuf_failed(&b) ? MARKS_ALL : sbuf_cstr(&b);
}

static bool
same_anew(const struct anew *a, const struct anew *b)
{
	const struct decide_out *x = &a->out, *y = &b->out;

	return x->skip == y->skip && x->required == y->required &&
	       x->method == y->method && x->also_pkix_sts == y->also_pkix_sts &&
	       x->also_local == y->also_local && a->min_tls == b->min_tls &&
	       same_peers(a->method, b->method, y);
}

/* Does it count by being the narrowest, so that fewer rules may mean more? */
static bool
counts_alone(const struct conf_rule *rule)
{
	return rule->require == OVERRIDE_MAY ||
	       rule->verify_by != VERIFY_BY_ANY;
}

/*
 * Is the decision the same, whatever is not known?  More demanding rules
 * never lower it, so that none and all of them bound it; of "may" rules, and
 * of those that say by what to verify, the narrowest counts, so each is tried
 * by itself.
 */
static bool
is_settled(const struct asked *a, const struct simulate_in *in, struct wall now,
    struct anew *out)
{
	const struct conf_rule *one = NULL;
	size_t next = 0;

	*out = decide_anew(a->conf, in, marks_if(a, false, NULL), now);
	for (;;) {
		for (unsigned demanding = 0; demanding < 2; demanding++) {
			struct anew other = decide_anew(a->conf, in,
			    marks_if(a, demanding == 1, one), now);

			if (!same_anew(out, &other))
				return false;
		}
		while (next < a->conf->marking_count &&
		       (a->met[next] != CONF_MET_UNKNOWN ||
			   !counts_alone(a->conf->marking[next])))
			next++;
		if (next == a->conf->marking_count)
			return true;
		one = a->conf->marking[next++];
	}
}

static const char *
open_rules(const struct asked *a)
{
	char *text = need(talloc_strdup(a->mem, ""));

	for (size_t i = 0; i < a->conf->marking_count; i++)
		if (a->met[i] == CONF_MET_UNKNOWN)
			text = need(talloc_asprintf_append(text, "%s%s",
			    *text == '\0' ? "" : ", ",
			    a->conf->marking[i]->name));
	return text;
}

/* ---- what changes ---- */

static bool
forbids_clear(const struct conf *conf, const struct simulate_in *in)
{
	const struct conf_host host = host_of(conf, in);

	return conf_plaintext_of_host(conf, &host).forbidden;
}

static unsigned
height(const struct decide_out *d)
{
	return d->skip ? NOT_USED : (unsigned)d->required;
}

/* More is positive. */
static int
compare_extras(const struct simulate_in *in, const struct simulate_out *out)
{
	const struct decide_out *was = &in->was, *now = &out->now;
	int local = (now->also_local != METHOD_NONE) -
		    (was->also_local != METHOD_NONE);
	int sts = now->also_pkix_sts - was->also_pkix_sts;
	int tls = (out->min_tls > in->min_tls) - (out->min_tls < in->min_tls);
	bool more = local > 0 || sts > 0 || tls > 0;
	bool less = local < 0 || sts < 0 || tls < 0;

	return more - less;
}

static enum simulate_change
compare(const struct simulate_in *in, const struct simulate_out *out,
    bool same_rule)
{
	const struct decide_out *was = &in->was, *now = &out->now;
	int extras = compare_extras(in, out);

	if (height(now) != height(was))
		return height(now) > height(was) ? SIMULATE_RAISED :
						   SIMULATE_LOWERED;
	if (now->skip)
		return SIMULATE_SAME;
	if (extras != 0)
		return extras > 0 ? SIMULATE_RAISED : SIMULATE_LOWERED;
	return now->method == was->method &&
		       now->also_local == was->also_local &&
		       now->also_pkix_sts == was->also_pkix_sts &&
		       out->min_tls == in->min_tls && same_rule ?
		   SIMULATE_SAME :
		   SIMULATE_OTHER;
}

/* ---- what would become of the mail ---- */

/* The record has the digest of the key and none of the certificate. */
static enum simulate_effect
judge_pin(const struct simulate_in *in, const struct conf_rule *rule)
{
	bool other_kind = false;

	if (rule == NULL || in->spki_sha256 == NULL)
		return EFFECT_UNPROVEN;
	for (size_t i = 0; i < rule->pin_count; i++) {
		if (rule->pin[i].kind != PIN_SPKI)
			other_kind = true;
		else if (memcmp(rule->pin[i].sha256, in->spki_sha256,
			     sizeof(rule->pin[i].sha256)) == 0)
			return EFFECT_NONE;
	}
	return other_kind ? EFFECT_UNPROVEN : EFFECT_HELD;
}

static enum simulate_effect
judge_method(const struct simulate_in *in, enum method method,
    const struct conf_rule *rule, bool same_rule)
{
	bool by_rule = method == METHOD_PIN || method == METHOD_CA;

	if (method == METHOD_NONE ||
	    (in->authenticated && is_by(&in->was, method) &&
		(same_rule || !by_rule)))
		return EFFECT_NONE;
	return method == METHOD_PIN ? judge_pin(in, rule) : EFFECT_UNPROVEN;
}

static enum simulate_effect
judge_peer(const struct simulate_in *in, const struct decide_out *now,
    const struct conf_rule *rule, bool same_rule)
{
	enum simulate_effect e = judge_method(in, now->method, rule, same_rule);
	enum simulate_effect also = judge_method(in, now->also_local, rule,
	    same_rule);

	if (e == EFFECT_HELD || also == EFFECT_HELD)
		return EFFECT_HELD;
	if (now->method == METHOD_NONE) /* whatever proves it */
		return in->authenticated ? EFFECT_NONE : EFFECT_UNPROVEN;
	if (now->also_pkix_sts && !(in->authenticated && in->was.also_pkix_sts))
		return EFFECT_UNPROVEN;
	return e == EFFECT_NONE ? also : e;
}

/* Would the connection, as it was, have met what is required now? */
static enum simulate_effect
judge(const struct simulate_in *in, const struct anew *anew, bool same_rule)
{
	const struct decide_out *now = &anew->out;

	if (now->skip)
		return EFFECT_HELD;
	if (now->required < LEVEL_ENCRYPT)
		return EFFECT_NONE;
	/* 1.3 is offered always: a peer that has it takes it. */
	if (!in->encrypted || (anew->min_tls == MIN_TLS_1_3 && !in->is_tls_1_3))
		return EFFECT_HELD;
	if (now->required < LEVEL_VERIFY)
		return EFFECT_NONE;
	if (now->required == LEVEL_DANE_ONLY && !in->name_proven)
		return EFFECT_HELD;
	return judge_peer(in, now, anew->method, same_rule);
}

/* ---- what becomes of mail for which it is not met ---- */

static struct conf_unmet
unmet_under(const struct conf *conf, const struct simulate_in *in,
    const char *marks, struct wall now)
{
	const struct dest_key to = { in->domain, in->in.mclass, marks };

	return conf_unmet_for(conf, &to, now);
}

static bool
same_unmet(const struct conf_unmet *a, const struct conf_unmet *b)
{
	return a->unmet == b->unmet && strcmp(a->route, b->route) == 0;
}

/*
 * Of old the word is on record; which route it was, as far as old says.
 */
static struct conf_unmet
unmet_before(const struct conf *old, const struct simulate_in *in,
    struct wall now)
{
	struct conf_unmet u = unmet_under(old, in, in->marks, now);

	if (u.unmet != in->unmet)
		u = (struct conf_unmet){ in->unmet, "" };
	return u;
}

/* The strongest rule counts: each that may be it is tried by itself, none of
 * them, and all. */
static bool
unmet_is_settled(const struct asked *a, const struct simulate_in *in,
    struct wall now)
{
	struct conf_unmet first = unmet_under(a->conf, in,
	    marks_if(a, false, NULL), now);
	struct conf_unmet other = unmet_under(a->conf, in,
	    marks_if(a, true, NULL), now);

	for (size_t i = 0; i < a->conf->marking_count; i++) {
		if (!same_unmet(&first, &other))
			return false;
		if (a->met[i] == CONF_MET_UNKNOWN)
			other = unmet_under(a->conf, in,
			    marks_if(a, false, a->conf->marking[i]), now);
	}
	return same_unmet(&first, &other);
}

bool
simulate_unmet_differs(const struct simulate_out *out)
{
	return !same_unmet(&out->unmet_was, &out->unmet);
}

static const struct conf_rule *
rule_named(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->rule_count; i++)
		if (strcmp(conf->rule[i].name, name) == 0)
			return &conf->rule[i];
	return NULL;
}

static enum simulate_effect
effect_of(const struct conf *conf, const struct simulate_in *in,
    const struct anew *anew, const struct simulate_out *out, bool same_rule)
{
	if (out->change == SIMULATE_SAME && out->now.required != LEVEL_MAY)
		return EFFECT_NONE;
	if (in->delivered && out->now.required == LEVEL_MAY && !in->encrypted &&
	    forbids_clear(conf, in))
		return EFFECT_HELD;
	if (in->delivered)
		return judge(in, anew, same_rule);
	return out->change == SIMULATE_LOWERED ? EFFECT_FREED : EFFECT_NONE;
}

struct simulate_out
simulate(TALLOC_CTX *mem, const struct conf *old, const struct conf *conf,
    const struct simulate_in *in, struct wall now)
{
	const struct conf_unmet none = { UNMET_DEFER, "" };
	struct simulate_out out = { .now = in->was,
		.min_tls = in->min_tls,
		.open = "",
		.unmet_was = none,
		.unmet = none };
	const char *marks = in->marks_now;
	struct asked asked;
	struct anew anew;
	bool same_rule;

	if (is_elsewhere(old, conf, in)) {
		out.change = SIMULATE_ROUTED;
		return out;
	}
	if (marks != NULL) {
		anew = decide_anew(conf, in, marks, now);
	} else {
		asked = ask_rules(mem, old, conf, in);
		marks = marks_if(&asked, false, NULL);
		if (!is_settled(&asked, in, now, &anew) ||
		    !unmet_is_settled(&asked, in, now)) {
			out.change = SIMULATE_UNJUDGED;
			out.open = open_rules(&asked);
			return out;
		}
	}
	out.now = anew.out;
	out.min_tls = anew.min_tls;
	out.unmet_was = unmet_before(old, in, now);
	out.unmet = unmet_under(conf, in, marks, now);
	same_rule = same_peers(rule_named(old, in->method_rule), anew.method,
	    &out.now);
	out.change = compare(in, &out, same_rule);
	out.effect = effect_of(conf, in, &anew, &out, same_rule);
	if (out.change == SIMULATE_SAME && simulate_unmet_differs(&out))
		out.change = SIMULATE_UNMET;
	return out;
}

enum simulate_effect
simulate_requirement(const struct simulate_in *in, enum level require)
{
	/* What its rules demanded beside a level it has met. */
	const struct anew anew = {
		.out = { .required = require,
		    .method = require == LEVEL_DANE_ONLY ? METHOD_DANE :
							   in->was.method,
		    .also_pkix_sts = in->was.also_pkix_sts,
		    .also_local = in->was.also_local },
	};

	if (!in->delivered)
		return EFFECT_NONE;
	if (require == LEVEL_DANE_ONLY && in->in.dane != DANE_D1_USABLE)
		return EFFECT_HELD; /* without records there is no proof */
	return judge(in, &anew, true);
}

const char *
simulate_change_name(enum simulate_change c)
{
	static const char *const names[SIMULATE_CHANGE_COUNT] = {
		[SIMULATE_SAME] = "same",
		[SIMULATE_RAISED] = "raised",
		[SIMULATE_LOWERED] = "lowered",
		[SIMULATE_OTHER] = "other",
		[SIMULATE_ROUTED] = "routed",
		[SIMULATE_UNJUDGED] = "unjudged",
		[SIMULATE_UNMET] = "unmet",
	};

	return names[c];
}

const char *
simulate_effect_name(enum simulate_effect e)
{
	static const char *const names[SIMULATE_EFFECT_COUNT] = {
		[EFFECT_NONE] = "none",
		[EFFECT_HELD] = "held",
		[EFFECT_UNPROVEN] = "unproven",
		[EFFECT_FREED] = "freed",
	};

	return names[e];
}

char *
simulate_unmet_text(TALLOC_CTX *mem, const struct conf_unmet *u)
{
	return need(talloc_asprintf(mem, "%s%s%s", unmet_name(u->unmet),
	    *u->route == '\0' ? "" : " ", u->route));
}

char *
simulate_level_text(TALLOC_CTX *mem, const struct decide_out *d,
    enum min_tls min_tls)
{
	bool newer = min_tls != MIN_TLS_1_2;

	if (d->skip)
		return need(talloc_strdup(mem, "not used"));
	return need(talloc_asprintf(mem, "%s%s%s%s%s%s%s%s",
	    level_name(d->required), d->method == METHOD_NONE ? "" : " by ",
	    d->method == METHOD_NONE ? "" : method_name(d->method),
	    d->also_pkix_sts ? " and pkix-sts" : "",
	    d->also_local == METHOD_NONE ? "" : " and ",
	    d->also_local == METHOD_NONE ? "" : method_name(d->also_local),
	    newer ? " with TLS " : "", newer ? min_tls_name(min_tls) : ""));
}
