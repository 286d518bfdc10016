/* SPDX-License-Identifier: BSD-2-Clause */
/* The entries of exceptions, in the list or in a file of their own. */
#include <string.h>

#include "policy/conf_internal.h"
#include "util/domain.h"

#define DAY_MS INT64_C(86400000)

const struct conf_field conf_exception_field[CONF_EXCEPTION_FIELDS] = {
	{ "name", false, true,
	    "What the exception is called in logs and in the evidence, as in "
	    "a rule." },
	{ "domains", true, true,
	    "Recipient domains, as in a rule; but \"*\" is refused." },
	{ "mx", true, false,
	    "MX hosts it is limited to: \"mx1.example.org\", or "
	    "\"*.example.org\" where the star stands for one label. When "
	    "left out: all hosts of the domains." },
	{ "allow", false, false,
	    "\"plain\": clear text is enough; \"may\": TLS when it is "
	    "offered; \"encrypt\": TLS, the certificate is not checked. This "
	    "or waives must be set." },
	{ "waives", true, false,
	    "Failures that it waives, each only where it has just occurred at "
	    "a host. \"tlsa-mismatch\": what else is published counts, TLS at "
	    "least; \"tlsa-lookup\": TLSA records whose lookup failed count "
	    "as absent; \"sts-mx\": a host that the MTA-STS policy does not "
	    "name is used, if its certificate is valid for it; "
	    "\"certificate\": TLS is enough; \"legacy-tls\": TLS 1.0 and 1.1 "
	    "will do; \"no-starttls\": clear text where STARTTLS is not "
	    "offered; \"plain\": all of these, and clear text whatever fails "
	    "of TLS." },
	{ "budget", false, false,
	    "How many messages may use it, as a number in quotes: \"500\". "
	    "When left out: any number." },
	{ "reason", false, true, "Why it is needed, for the auditor." },
	{ "approver", false, true, "Who answers for it." },
	{ "ticket", false, false, "Where it is tracked." },
	{ "expires", false, true,
	    "When it ends: \"2027-03-31\" for the beginning of that day in "
	    "UTC, or \"2027-03-31T18:00:00Z\"; 366 days from now at most, in "
	    "a file of exceptions-dir exception.max-days." },
	{ "revoked", false, false,
	    "When it was taken back, as tierpost exception revoke writes it; "
	    "it ends with that." },
	{ "revoked-by", false, false, "Who took it back." },
	{ "revoked-reason", false, false, "Why." },
};

_Static_assert(CONF_EXCEPTION_MAX_DAYS == 366, "the text of expires");

/* ---- domains and hosts ---- */

/* One that does not lower all the world. */
static enum status
take_narrow_scope(TALLOC_CTX *mem, const char *text, void *out, size_t i,
    struct diag *why)
{
	if (strcmp(text, "*") == 0)
		return diag_set(why, ST_POLICY,
		    "an exception is for certain domains: name them");
	return conf_take_scope(mem, text, out, i, why);
}

/* ---- times ---- */

/* ended: a file that stays for the register may have come to its end. */
static void
check_life(const struct conf_entry *e, const struct conf_exception *x,
    bool ended)
{
	struct conf_reader *r = e->r;
	unsigned days = r->of_folder ? r->conf->exception_max_days :
				       CONF_EXCEPTION_MAX_DAYS;

	if (r->expired_is_mistake && !r->of_folder && ended)
		conf_entry_mistake(e, "expires",
		    "it has expired: remove it, or have it approved again "
		    "with a new date");
	else if (r->life_is_limited && !ended &&
		 x->expires.ms > wall_after(r->now, days * DAY_MS).ms)
		conf_entry_mistake(e, "expires",
		    "it would last longer than %u days from now%s: choose an "
		    "earlier date",
		    days, r->of_folder ? " (exception.max-days)" : "");
}

static bool
read_time(const struct conf_entry *e, const char *key, struct wall *out)
{
	const char *text = conf_entry_text(e, key);

	if (text == NULL)
		return false;
	if (wall_parse(span_str(text), out) == ST_OK)
		return true;
	conf_entry_mistake(e, key,
	    "%s: a day in quotes is expected, such as \"2027-03-31\", or "
	    "\"2027-03-31T18:00:00Z\"",
	    key);
	return false;
}

static void
read_times(const struct conf_entry *e, struct conf_exception *out)
{
	bool revoked = read_time(e, "revoked", &out->revoked);

	out->revoked_by = conf_entry_copy(e, "revoked-by");
	out->revoked_reason = conf_entry_copy(e, "revoked-reason");
	if (!read_time(e, "expires", &out->until))
		return;
	out->expires = out->until;
	if (revoked && out->revoked.ms < out->expires.ms)
		out->expires = out->revoked;
	check_life(e, out, wall_reached(e->r->now, out->expires));
}

/* ---- the rest ---- */

static void
read_allow(const struct conf_entry *e, struct conf_exception *out)
{
	const char *allow = conf_entry_text(e, "allow");
	bool waives = conf_entry_length(e, "waives") > 0;

	out->allow = LEVEL_ENCRYPT;
	if (allow == NULL && !waives)
		conf_entry_mistake(e, NULL,
		    "allow is missing: say what it allows, or in waives which "
		    "failures it waives");
	if (allow != NULL && waives)
		conf_entry_mistake(e, "waives",
		    "waives: it has allow as well: leave one of them out");
	if (allow != NULL &&
	    (level_parse(span_str(allow), &out->allow) != ST_OK ||
		out->allow > LEVEL_ENCRYPT)) {
		out->allow = LEVEL_ENCRYPT;
		conf_entry_mistake(e, "allow",
		    "allow: \"plain\", \"may\" or \"encrypt\" is expected");
	}
}

static enum status
take_waiver(TALLOC_CTX *mem, const char *text, void *out, size_t i,
    struct diag *why)
{
	enum waiver *w = (enum waiver *)out + i;

	(void)mem;
	if (waiver_parse(span_str(text), w) == ST_OK)
		return ST_OK;
	return diag_set(why, ST_SYNTAX,
	    "%.40s: \"tlsa-mismatch\", \"tlsa-lookup\", \"sts-mx\", "
	    "\"certificate\", \"legacy-tls\", \"no-starttls\" or \"plain\" "
	    "is expected",
	    text);
}

static void
read_waives(const struct conf_entry *e, struct conf_exception *out)
{
	size_t n = 0;
	enum waiver *list = conf_entry_list(e, "waives", take_waiver,
	    sizeof(*list), &n);

	for (size_t i = 0; i < n; i++)
		out->waives |= (uint8_t)(1u << list[i]);
	talloc_free(list);
}

static void
read_budget(const struct conf_entry *e, struct conf_exception *out)
{
	const char *text = conf_entry_text(e, "budget");
	uint64_t n = 0;

	if (text == NULL)
		return;
	if (span_u64(span_str(text), CONF_EXCEPTION_MAX_BUDGET, &n) != ST_OK ||
	    n == 0)
		conf_entry_mistake(e, "budget",
		    "budget: a number of messages in quotes from 1 to %u is "
		    "expected",
		    CONF_EXCEPTION_MAX_BUDGET);
	out->budget = (uint32_t)n;
}

void
conf_exception_read(const struct conf_entry *e, struct conf_exception *out)
{
	conf_check_name(e);
	out->name = conf_entry_copy(e, "name");
	out->reason = conf_entry_copy(e, "reason");
	out->approver = conf_entry_copy(e, "approver");
	out->ticket = conf_entry_copy(e, "ticket");
	out->where = need(talloc_strdup(e->r->conf, conf_entry_where(e)));
	out->file = e->r->of_folder ? need(talloc_strdup(e->r->conf,
					  conf_source_where(e->r->source, 0))) :
				      "";
	out->domains = conf_entry_list(e, "domains", take_narrow_scope,
	    sizeof(*out->domains), &out->domain_count);
	out->mx = conf_entry_list(e, "mx", conf_take_pattern, sizeof(*out->mx),
	    &out->mx_count);
	/* It would say the opposite of what it looks like. */
	if (conf_entry_length(e, "mx") == 0)
		conf_entry_mistake(e, "mx",
		    "mx: may not be empty: leave it out for all hosts of the "
		    "domains");
	read_allow(e, out);
	read_waives(e, out);
	read_budget(e, out);
	read_times(e, out);
}

enum level
conf_exception_lowest(const struct conf_exception *e)
{
	if (e->waives == 0)
		return e->allow;
	if ((e->waives & (1u << WAIVE_PLAIN | 1u << WAIVE_NO_STARTTLS)) != 0)
		return LEVEL_PLAIN;
	if ((e->waives & 1u << WAIVE_CERTIFICATE) != 0)
		return LEVEL_ENCRYPT;
	return LEVEL_VERIFY;
}

/* TLSA records that are set aside leave TLS; those taken as absent, nothing. */
enum level
conf_exception_leaves(const struct conf_exception *e)
{
	enum level lowest = conf_exception_lowest(e);

	if (lowest > LEVEL_MAY && (e->waives & 1u << WAIVE_TLSA_LOOKUP) != 0)
		return LEVEL_MAY;
	if (lowest > LEVEL_ENCRYPT &&
	    (e->waives & 1u << WAIVE_TLSA_MISMATCH) != 0)
		return LEVEL_ENCRYPT;
	return lowest;
}

char *
conf_exception_waives(TALLOC_CTX *mem, const struct conf_exception *e)
{
	char *text = need(talloc_strdup(mem, ""));

	for (unsigned w = 0; w < WAIVER_COUNT; w++)
		if ((e->waives & 1u << w) != 0)
			text = need(talloc_asprintf_append(text, "%s%s",
			    *text == '\0' ? "" : " ",
			    waiver_name((enum waiver)w)));
	return text;
}

enum exception_state
conf_exception_state(const struct conf_exception *e, struct wall now,
    int64_t soon_ms)
{
	if (e->revoked.ms != 0 && wall_reached(now, e->revoked) &&
	    e->revoked.ms < e->until.ms)
		return EXCEPTION_REVOKED;
	if (wall_reached(now, e->expires))
		return EXCEPTION_EXPIRED;
	return wall_reached(wall_after(now, soon_ms), e->expires) ?
		   EXCEPTION_EXPIRING :
		   EXCEPTION_ACTIVE;
}

const struct conf_exception *
conf_exception_named(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->exception_count; i++)
		if (strcmp(conf->exception[i].name, name) == 0)
			return &conf->exception[i];
	return NULL;
}
