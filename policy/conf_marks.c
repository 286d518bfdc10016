/* SPDX-License-Identifier: BSD-2-Clause */
/* Which rules a message is subject to by what it is: its marks. */
#include <string.h>

#include "policy/conf_internal.h"

/* ---- one rule and what is known of a message ---- */

static enum conf_met
least(enum conf_met a, enum conf_met b)
{
	return a < b ? a : b;
}

static enum conf_met
met_sender(const struct conf_rule *rule, const struct conf_message *m)
{
	if (rule->sender_count > 0 && m->sender == NULL)
		return CONF_MET_UNKNOWN;
	for (size_t i = 0; i < rule->sender_count; i++)
		if (sender_matches(&rule->senders[i], m->sender))
			return CONF_MET_YES;
	return rule->sender_count == 0 ? CONF_MET_YES : CONF_MET_NO;
}

static enum conf_met
met_account(const struct conf_rule *rule, const struct conf_message *m)
{
	if (rule->account_count == 0)
		return CONF_MET_YES;
	if (m->account == NULL)
		return CONF_MET_UNKNOWN;
	for (size_t i = 0; *m->account != '\0' && i < rule->account_count; i++)
		if (strcmp(rule->accounts[i], "*") == 0 ||
		    strcmp(rule->accounts[i], m->account) == 0)
			return CONF_MET_YES;
	return CONF_MET_NO;
}

static enum conf_met
met_client(const struct conf_rule *rule, const struct conf_message *m)
{
	if (rule->client_count > 0 && m->client.family == NETADDR_NONE)
		return CONF_MET_UNKNOWN;
	for (size_t i = 0; i < rule->client_count; i++)
		if (netprefix_has(&rule->clients[i], &m->client))
			return CONF_MET_YES;
	return rule->client_count == 0 ? CONF_MET_YES : CONF_MET_NO;
}

/* A field that was not looked for, because the rule is newer, may be there. */
static enum conf_met
met_header(const struct conf_rule *rule, const struct conf_message *m)
{
	enum conf_met met = rule->header_count == 0 ? CONF_MET_YES :
			    m->header_cut           ? CONF_MET_UNKNOWN :
						      CONF_MET_NO;

	for (size_t i = 0; i < rule->header_count; i++) {
		const struct header_want *w = conf_find_want(m->header,
		    m->header_count, &rule->header[i]);

		if (w != NULL && w->seen)
			return CONF_MET_YES;
		if (w == NULL)
			met = CONF_MET_UNKNOWN;
	}
	return met;
}

static enum conf_met
met_all(const struct conf_rule *rule, const struct conf_message *m)
{
	return least(least(met_sender(rule, m), met_account(rule, m)),
	    least(met_client(rule, m), met_header(rule, m)));
}

/* ---- a message that is accepted ---- */

static void
add_name(struct sbuf *b, const char *name)
{
	sbuf_printf(b, "%s%s", b->n > 0 ? "," : "", name);
}

struct conf_marks
conf_marks(TALLOC_CTX *mem, const struct conf *conf,
    const struct conf_message *m)
{
	struct sbuf text, assumed;

	if (conf->marking_count == 0)
		return (struct conf_marks){ "", "" };
	sbuf_init(&text, mem, MARKS_MAX_BYTES);
	sbuf_init(&assumed, mem, MARKS_MAX_BYTES);
	for (size_t i = 0; i < conf->marking_count; i++) {
		const struct conf_rule *rule = conf->marking[i];
		enum conf_met met = met_all(rule, m);

		if (met == CONF_MET_NO ||
		    (met == CONF_MET_UNKNOWN && rule->require == OVERRIDE_MAY))
			continue;
		add_name(&text, rule->name);
		if (met == CONF_MET_UNKNOWN)
			add_name(&assumed, rule->name);
	}
	return (struct conf_marks){ sbuf_failed(&text) ? MARKS_ALL :
							 sbuf_cstr(&text),
		sbuf_failed(&assumed) ? MARKS_ALL : sbuf_cstr(&assumed) };
}

/* ---- a message of the past ---- */

static bool
same_texts(const char *const *a, const char *const *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

static bool
same_senders(const struct conf_rule *a, const struct conf_rule *b)
{
	for (size_t i = 0; i < a->sender_count; i++)
		if (strcmp(a->senders[i].local, b->senders[i].local) != 0 ||
		    strcmp(a->senders[i].domain, b->senders[i].domain) != 0)
			return false;
	return true;
}

static bool
same_clients(const struct conf_rule *a, const struct conf_rule *b)
{
	for (size_t i = 0; i < a->client_count; i++)
		if (a->clients[i].bits != b->clients[i].bits ||
		    !netaddr_eq(&a->clients[i].addr, &b->clients[i].addr))
			return false;
	return true;
}

static bool
same_header(const struct conf_rule *a, const struct conf_rule *b)
{
	for (size_t i = 0; i < a->header_count; i++)
		if (conf_find_want(&b->header[i], 1, &a->header[i]) == NULL)
			return false;
	return true;
}

/*
 * Would both have marked the same messages?  What is not known marks by rules
 * that demand, and by no "may" rule.
 */
static bool
mark_alike(const struct conf_rule *a, const struct conf_rule *b)
{
	return (a->require == OVERRIDE_MAY) == (b->require == OVERRIDE_MAY) &&
	       a->sender_count == b->sender_count &&
	       a->account_count == b->account_count &&
	       a->client_count == b->client_count &&
	       a->header_count == b->header_count && same_senders(a, b) &&
	       same_texts(a->accounts, b->accounts, a->account_count) &&
	       same_clients(a, b) && same_header(a, b) && same_header(b, a);
}

/* The rule as it was then; NULL: there was none, or it was another. */
static const struct conf_rule *
as_it_was(const struct conf *then, const struct conf_rule *rule)
{
	for (size_t i = 0; i < then->marking_count; i++)
		if (strcmp(then->marking[i]->name, rule->name) == 0)
			return mark_alike(then->marking[i], rule) ?
				   then->marking[i] :
				   NULL;
	return NULL;
}

enum conf_met
conf_met_then(const struct conf_rule *rule, const struct conf_past *past)
{
	const struct conf_rule *was = as_it_was(past->conf, rule);
	const struct conf_message m = { .sender = past->sender };
	enum conf_met met = met_all(rule, &m);

	if (was != NULL && strcmp(past->marks, MARKS_ALL) == 0)
		return rule->require == OVERRIDE_MAY ? CONF_MET_NO :
						       CONF_MET_YES;
	if (met != CONF_MET_UNKNOWN || was == NULL)
		return met;
	return marks_have(past->marks, rule->name) ? CONF_MET_YES : CONF_MET_NO;
}
