/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/simulate.h"

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
 * when it went by one.
 */
static bool
is_elsewhere(const struct conf *old, const struct conf *conf,
    const struct simulate_in *in)
{
	const struct conf_route *was = conf_route_for(old, in->domain, false),
				*now = conf_route_for(conf, in->domain, false);

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

static struct decide_out
decide_anew(const struct conf *conf, const struct simulate_in *in,
    const char *marks, struct wall now)
{
	struct conf_host host = host_of(conf, in);
	struct conf_override o;
	struct decide_in anew;

	host.marks = marks;
	o = conf_override_of_host(conf, &host, now);
	anew = conf_decide_in(conf, &in->in, &o);
	anew.mclass = conf_class_for(anew.mclass, host.route);
	anew = after_failure(&anew, in);
	return decide(&anew);
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
 * this "may" rule, if any.
 */
static const char *
marks_if(const struct asked *a, bool demanding, const struct conf_rule *may)
{
	struct sbuf b;

	sbuf_init(&b, a->mem, MARKS_MAX_BYTES);
	for (size_t i = 0; i < a->conf->marking_count; i++) {
		const struct conf_rule *r = a->conf->marking[i];
		bool assumed = r->require == OVERRIDE_MAY ? r == may :
							    demanding;

		if (a->met[i] == CONF_MET_YES ||
		    (a->met[i] == CONF_MET_UNKNOWN && assumed))
			sbuf_printf(&b, "%s%s", b.n > 0 ? "," : "", r->name);
	}
	return sbuf_failed(&b) ? MARKS_ALL : sbuf_cstr(&b);
}

static bool
same_out(const struct decide_out *a, const struct decide_out *b)
{
	return a->skip == b->skip && a->required == b->required &&
	       a->method == b->method && a->also_pkix_sts == b->also_pkix_sts;
}

/*
 * Is the decision the same, whatever is not known?  More demanding rules
 * never lower it, so that none and all of them bound it; of "may" rules the
 * narrowest counts, so each is tried by itself.
 */
static bool
is_settled(const struct asked *a, const struct simulate_in *in, struct wall now,
    struct decide_out *out)
{
	const struct conf_rule *may = NULL;
	size_t next = 0;

	*out = decide_anew(a->conf, in, marks_if(a, false, NULL), now);
	for (;;) {
		for (unsigned demanding = 0; demanding < 2; demanding++) {
			struct decide_out other = decide_anew(a->conf, in,
			    marks_if(a, demanding == 1, may), now);

			if (!same_out(out, &other))
				return false;
		}
		while (next < a->conf->marking_count &&
		       (a->met[next] != CONF_MET_UNKNOWN ||
			   a->conf->marking[next]->require != OVERRIDE_MAY))
			next++;
		if (next == a->conf->marking_count)
			return true;
		may = a->conf->marking[next++];
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

/* ---- the comparison ---- */

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

static enum simulate_change
compare(const struct decide_out *was, const struct decide_out *now)
{
	if (height(now) != height(was))
		return height(now) > height(was) ? SIMULATE_RAISED :
						   SIMULATE_LOWERED;
	if (now->skip)
		return SIMULATE_SAME;
	if (now->also_pkix_sts != was->also_pkix_sts)
		return now->also_pkix_sts ? SIMULATE_RAISED : SIMULATE_LOWERED;
	return now->method == was->method ? SIMULATE_SAME : SIMULATE_OTHER;
}

/* Would the connection, as it was, have met what is required now? */
static enum simulate_effect
judge(const struct conf *conf, const struct simulate_in *in,
    const struct decide_out *now)
{
	if (now->skip)
		return EFFECT_HELD;
	switch (now->required) {
	case LEVEL_PLAIN:
		return EFFECT_NONE;
	case LEVEL_MAY:
		return !in->encrypted && forbids_clear(conf, in) ? EFFECT_HELD :
								   EFFECT_NONE;
	case LEVEL_ENCRYPT:
		return in->encrypted ? EFFECT_NONE : EFFECT_HELD;
	case LEVEL_VERIFY:
	case LEVEL_DANE_ONLY:
		break;
	}
	if (!in->encrypted)
		return EFFECT_HELD;
	if (now->required == LEVEL_DANE_ONLY && !in->name_proven)
		return EFFECT_HELD;
	return in->authenticated && now->method == in->was.method &&
		       (!now->also_pkix_sts || in->was.also_pkix_sts) ?
		   EFFECT_NONE :
		   EFFECT_UNPROVEN;
}

struct simulate_out
simulate(TALLOC_CTX *mem, const struct conf *old, const struct conf *conf,
    const struct simulate_in *in, struct wall now)
{
	struct simulate_out out = { .now = in->was, .open = "" };
	struct asked asked;

	if (is_elsewhere(old, conf, in)) {
		out.change = SIMULATE_ROUTED;
		return out;
	}
	if (in->marks_now != NULL) {
		out.now = decide_anew(conf, in, in->marks_now, now);
	} else {
		asked = ask_rules(mem, old, conf, in);
		if (!is_settled(&asked, in, now, &out.now)) {
			out.now = in->was;
			out.change = SIMULATE_UNJUDGED;
			out.open = open_rules(&asked);
			return out;
		}
	}
	out.change = compare(&in->was, &out.now);
	if (out.change == SIMULATE_SAME && out.now.required != LEVEL_MAY)
		return out;
	if (in->delivered)
		out.effect = judge(conf, in, &out.now);
	else if (out.change == SIMULATE_LOWERED)
		out.effect = EFFECT_FREED;
	return out;
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
simulate_level_text(TALLOC_CTX *mem, const struct decide_out *d)
{
	if (d->skip)
		return need(talloc_strdup(mem, "not used"));
	return need(talloc_asprintf(mem, "%s%s%s%s", level_name(d->required),
	    d->method == METHOD_NONE ? "" : " by ",
	    d->method == METHOD_NONE ? "" : method_name(d->method),
	    d->also_pkix_sts ? " and pkix-sts" : ""));
}
