/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be judged only when all of a configuration is read. */
#include <string.h>

#include "policy/conf_internal.h"
#include "util/domain.h"

static void
check_hostname(struct conf_reader *r)
{
	struct conf *conf = r->conf;
	unsigned line = conf_option_line(r, "hostname");
	const char *name;
	struct diag why = { 0 };

	if (line == 0 || *conf->hostname == '\0') {
		conf_mistake(r, line,
		    "hostname is missing: the full name of this gateway");
		return;
	}
	if (domain_canonical(conf, span_str(conf->hostname), &name, &why) !=
	    ST_OK)
		conf_mistake(r, line, "hostname: %s", why.text);
	else if (!span_has(span_str(name), '.'))
		conf_mistake(r, line,
		    "hostname: \"%s\" is not a full name: it has no domain",
		    name);
	else
		conf->hostname = name;
}

/* Relative paths are below state-dir; empty ones stay empty. */
static void
settle_path(struct conf_reader *r, const char **path)
{
	if (**path != '\0' && **path != '/')
		*path = need(talloc_asprintf(r->conf, "%s/%s",
		    r->conf->state_dir, *path));
}

static void
check_paths(struct conf_reader *r)
{
	struct conf *conf = r->conf;

	if (*conf->state_dir != '/') {
		conf_mistake(r, conf_option_line(r, "state-dir"),
		    "state-dir: a path from the root is expected: \"/...\"");
		return;
	}
	settle_path(r, &conf->tls_certificate);
	settle_path(r, &conf->tls_key);
	settle_path(r, &conf->smtp_ca_file);
	settle_path(r, &conf->sts_ca_file);
	settle_path(r, &conf->resolver_trust_anchor);
	settle_path(r, &conf->resolver_root_hints);
}

static void
check_spool(struct conf_reader *r)
{
	struct span spool = span_str(r->conf->spool);

	if (!span_starts(spool, "sqlite:") || spool.n == strlen("sqlite:"))
		conf_mistake(r, conf_option_line(r, "spool"),
		    "spool: \"sqlite:\" and a file name are expected");
}

static void
check_tls(struct conf_reader *r)
{
	bool cert = *r->conf->tls_certificate != '\0';
	bool key = *r->conf->tls_key != '\0';

	if (cert && !key)
		conf_mistake(r, conf_option_line(r, "tls.certificate"),
		    "tls.certificate needs tls.key beside it");
	if (key && !cert)
		conf_mistake(r, conf_option_line(r, "tls.key"),
		    "tls.key needs tls.certificate beside it");
}

static void
check_times(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	if (c->queue_first_retry_ms > c->queue_max_retry_ms)
		conf_mistake(r, conf_option_line(r, "queue.first-retry"),
		    "queue.first-retry is longer than queue.max-retry");
	if (c->queue_first_retry_ms > c->queue_lifetime_ms)
		conf_mistake(r, conf_option_line(r, "queue.lifetime"),
		    "queue.lifetime is shorter than queue.first-retry");
}

/* Is there a domain that both scopes cover? */
static bool
scopes_overlap(const char *a, const char *b)
{
	if (domain_in_scope(a, b) || domain_in_scope(b, a))
		return true;
	if (*a != '.' || *b != '.')
		return strcmp(a, "*") == 0 || strcmp(b, "*") == 0;
	return span_ends(span_str(a), b) || span_ends(span_str(b), a);
}

static const char *
common_scope(const struct conf_rule *rule, const struct conf_exception *e)
{
	for (size_t i = 0; i < rule->domain_count; i++)
		for (size_t k = 0; k < e->domain_count; k++)
			if (scopes_overlap(rule->domains[i], e->domains[k]))
				return e->domains[k];
	return NULL;
}

/*
 * never-plaintext means never: an exception in its scope is a contradiction,
 * not something to be weighed at run time.
 */
static void
check_contradictions(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	for (size_t i = 0; i < c->rule_count; i++) {
		const struct conf_rule *rule = &c->rule[i];

		if (rule->require != OVERRIDE_NEVER_PLAINTEXT)
			continue;
		for (size_t k = 0; k < c->exception_count; k++) {
			const struct conf_exception *e = &c->exception[k];
			const char *scope = common_scope(rule, e);

			if (scope != NULL)
				conf_mistake(r, 0,
				    "exception \"%s\" (%s) allows clear text "
				    "for %s, which rule \"%s\" (%s) forbids: "
				    "remove one of them", e->name, e->where,
				    scope, rule->name, rule->where);
		}
	}
}

void
conf_check(struct conf_reader *r)
{
	check_hostname(r);
	check_paths(r);
	check_spool(r);
	check_tls(r);
	check_times(r);
	if (r->conf->listen_count == 0)
		conf_mistake(r, 0,
		    "listen is missing: say where mail is taken in, such as "
		    "listen = ( { address = \"127.0.0.1:2525\"; allow = "
		    "[\"127.0.0.0/8\"]; } );");
	check_contradictions(r);
}
