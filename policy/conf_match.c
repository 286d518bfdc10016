/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conditions of a rule: how they are read, and whether a decision meets
 * them.  Those about the message are judged in conf_marks.c.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/accounts.h"
#include "policy/conf_internal.h"
#include "util/domain.h"

_Static_assert(CONF_MAX_TEXT_BYTES > HEADER_NAME_BYTES + HEADER_VALUE_BYTES,
    "a wanted field is one text");

/* Bits of conf_narrowness(), from the lowest; the kinds are up to 4. */
#define CLASS_BIT     0
#define MESSAGE_SHIFT 1
#define MX_BIT        4
#define SCOPE_SHIFT   5

/* ---- what a rule is ---- */

unsigned
conf_match_message(const struct conf_rule *rule)
{
	return (rule->sender_count > 0 ? 1u : 0u) +
	       (rule->account_count > 0 ? 1u : 0u) +
	       (rule->client_count > 0 ? 1u : 0u) +
	       (rule->header_count > 0 ? 1u : 0u);
}

bool
conf_match_by_domain(const struct conf_rule *rule)
{
	return rule->mx_count == 0 && rule->classes == 0 &&
	       conf_match_message(rule) == 0;
}

/* ---- reading ---- */

enum status
conf_take_pattern(TALLOC_CTX *mem, const char *text, void *out, size_t i,
    struct diag *why)
{
	if (domain_is_address(span_str(text)))
		return diag_fail(why, ST_SYNTAX, "MX hosts have names",
		    span_str(text));
	if (*text == '.' || strcmp(text, "*") == 0)
		return diag_set(why, ST_SYNTAX,
		    "%s: write \"*.example.org\", or leave mx out for all "
		    "hosts",
		    text);
	return domain_pattern(mem, span_str(text), (const char **)out + i, why);
}

static enum status
take_sender(TALLOC_CTX *mem, const char *text, void *out, size_t i,
    struct diag *why)
{
	return sender_parse(mem, span_str(text),
	    (struct sender_pattern *)out + i, why);
}

static enum status
take_account(TALLOC_CTX *mem, const char *text, void *out, size_t i,
    struct diag *why)
{
	if (strcmp(text, "*") != 0 && !account_name_ok(span_str(text)))
		return diag_fail(why, ST_SYNTAX,
		    "no name of an account; \"*\" is any of them",
		    span_str(text));
	((const char **)out)[i] = need(talloc_strdup(mem, text));
	return ST_OK;
}

static enum status
take_client(TALLOC_CTX *mem, const char *text, void *out, size_t i,
    struct diag *why)
{
	(void)mem;
	if (netprefix_parse(span_str(text), (struct netprefix *)out + i) ==
	    ST_OK)
		return ST_OK;
	return diag_fail(why, ST_SYNTAX,
	    "not a network, such as 10.0.0.0/8 (with zeros after the prefix)",
	    span_str(text));
}

static enum status
take_class(TALLOC_CTX *mem, const char *text, void *out, size_t i,
    struct diag *why)
{
	(void)mem;
	if (class_parse(span_str(text), (enum msg_class *)out + i) == ST_OK)
		return ST_OK;
	return diag_fail(why, ST_SYNTAX,
	    "\"normal\", \"requiretls\", \"tls-optional\" or \"report\" is "
	    "expected",
	    span_str(text));
}

static bool
is_field_name(struct span a)
{
	for (size_t i = 0; i < a.n; i++)
		if (a.p[i] < 33 || a.p[i] > 126)
			return false;
	return a.n > 0 && a.n < HEADER_NAME_BYTES;
}

/* Blanks as header_scan_want() has them. */
static char *
one_blank(TALLOC_CTX *mem, struct span a)
{
	struct sbuf b;

	sbuf_init(&b, mem, a.n + 1);
	for (size_t i = 0; i < a.n; i++)
		if (a.p[i] != ' ' || a.p[i - 1] != ' ') /* none at the start */
			sbuf_u8(&b, a.p[i]);
	return need(talloc_strdup(mem, sbuf_cstr(&b)));
}

static enum status
take_want(TALLOC_CTX *mem, const char *text, void *out, size_t i,
    struct diag *why)
{
	struct header_want *w = (struct header_want *)out + i;
	struct span a = span_str(text), name, value;

	if (!span_cut(a, ':', &name, &value) ||
	    !is_field_name(span_trim(name)) || span_trim(value).n == 0)
		return diag_fail(why, ST_SYNTAX,
		    "a field with its value, \"Sensitivity: "
		    "company-confidential\", or with any, \"X-Secret: *\", is "
		    "expected",
		    a);
	value = span_trim(value);
	if (value.n > HEADER_VALUE_BYTES)
		return diag_set(why, ST_LIMIT,
		    "the value is too long: at most %u bytes",
		    HEADER_VALUE_BYTES);
	w->field = span_dup(mem, span_trim(name));
	w->value = span_eq(value, "*") ? "" : one_blank(mem, value);
	w->seen = false;
	return ST_OK;
}

char *
conf_want_text(TALLOC_CTX *mem, const struct header_want *w)
{
	return need(talloc_asprintf(mem, "%s: %s", w->field,
	    *w->value == '\0' ? "*" : w->value));
}

static bool
same_want(const struct header_want *a, const struct header_want *b)
{
	return span_ieq(span_str(a->field), b->field) &&
	       span_ieq(span_str(a->value), b->value);
}

const struct header_want *
conf_find_want(const struct header_want *list, size_t count,
    const struct header_want *w)
{
	for (size_t i = 0; i < count; i++)
		if (same_want(&list[i], w))
			return &list[i];
	return NULL;
}

/* The scan of a header looks for all of them at once. */
static void
want_all(const struct conf_entry *e, const struct conf_rule *rule)
{
	struct conf *conf = e->r->conf;

	if (conf->wanted == NULL)
		conf->wanted = need(talloc_array(conf, struct header_want,
		    CONF_MAX_WANTED));
	for (size_t i = 0; i < rule->header_count; i++) {
		if (conf_find_want(conf->wanted, conf->wanted_count,
			&rule->header[i]) != NULL)
			continue;
		if (conf->wanted_count == CONF_MAX_WANTED) {
			conf_entry_mistake(e, "header",
			    "header: with those of the rules before it there "
			    "are over %u fields",
			    CONF_MAX_WANTED);
			return;
		}
		conf->wanted[conf->wanted_count++] = rule->header[i];
	}
}

static void
read_classes(const struct conf_entry *e, struct conf_rule *out)
{
	size_t n;
	const enum msg_class *list = conf_entry_list(e, "classes", take_class,
	    sizeof(enum msg_class), &n);

	for (size_t i = 0; i < n; i++)
		out->classes |= 1u << list[i];
}

/* An empty list would say the opposite of what it looks like. */
static void
check_conditions(const struct conf_entry *e)
{
	static const char *const keys[] = { "domains", "mx", "senders",
		"accounts", "clients", "header", "classes" };
	size_t given = 0;

	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		int n = conf_entry_length(e, keys[i]);

		if (n == 0)
			conf_entry_mistake(e, keys[i],
			    "%s: may not be empty: leave it out for any",
			    keys[i]);
		given += conf_entry_has(e, keys[i]);
	}
	if (given == 0)
		conf_entry_mistake(e, NULL,
		    "domains is missing, and every other condition: say which "
		    "mail it is for; domains = [\"*\"] is a rule for all");
}

void
conf_match_read(const struct conf_entry *e, struct conf_rule *out)
{
	check_conditions(e);
	out->domains = conf_entry_list(e, "domains", conf_take_scope,
	    sizeof(*out->domains), &out->domain_count);
	out->mx = conf_entry_list(e, "mx", conf_take_pattern, sizeof(*out->mx),
	    &out->mx_count);
	out->senders = conf_entry_list(e, "senders", take_sender,
	    sizeof(*out->senders), &out->sender_count);
	out->accounts = conf_entry_list(e, "accounts", take_account,
	    sizeof(*out->accounts), &out->account_count);
	out->clients = conf_entry_list(e, "clients", take_client,
	    sizeof(*out->clients), &out->client_count);
	out->header = conf_entry_list(e, "header", take_want,
	    sizeof(*out->header), &out->header_count);
	read_classes(e, out);
	want_all(e, out);
}

static int
by_name(const void *a, const void *b)
{
	const struct conf_rule *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

void
conf_match_finish(struct conf *conf)
{
	conf->marking = need(talloc_array(conf, const struct conf_rule *,
	    (unsigned)conf->rule_count + 1));
	for (size_t i = 0; i < conf->rule_count; i++)
		if (conf_match_message(&conf->rule[i]) > 0)
			conf->marking[conf->marking_count++] = &conf->rule[i];
	if (conf->marking_count > 0)
		qsort(conf->marking, conf->marking_count,
		    sizeof(struct conf_rule *), by_name);
}

/* ---- a decision ---- */

int
conf_narrowness(int scope, bool by_mx, unsigned by_message, bool by_class)
{
	return scope == CONF_NO_MATCH ?
		   CONF_NO_MATCH :
		   scope << SCOPE_SHIFT | by_mx << MX_BIT |
		       (int)by_message << MESSAGE_SHIFT | by_class << CLASS_BIT;
}

bool
conf_has_host(const char *const *mx, size_t count, const char *host)
{
	if (count == 0)
		return true;
	for (size_t i = 0; host != NULL && i < count; i++)
		if (domain_matches(mx[i], host))
			return true;
	return false;
}

/* MARKS_ALL: of every rule that demands something. */
static bool
has_marks(const struct conf_rule *rule, const char *marks)
{
	if (conf_match_message(rule) == 0)
		return true;
	if (strcmp(marks, MARKS_ALL) == 0)
		return rule->require != OVERRIDE_MAY;
	return marks_have(marks, rule->name);
}

int
conf_match(const struct conf_rule *rule, const struct conf_subject *s)
{
	int scope = rule->domain_count == 0 ?
			0 :
			conf_specificity(rule->domains, rule->domain_count,
			    s->domain);

	if ((rule->classes != 0 && (rule->classes & 1u << s->mclass) == 0) ||
	    !conf_has_host(rule->mx, rule->mx_count, s->host) ||
	    !has_marks(rule, s->marks))
		return CONF_NO_MATCH;
	return conf_narrowness(scope, rule->mx_count > 0,
	    conf_match_message(rule), rule->classes != 0);
}
