/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be judged only when all of a configuration is read. */
#include <string.h>

#include "policy/conf_internal.h"
#include "util/domain.h"

#define SPOOL_SQLITE "sqlite:"

/* A mistake about two options: where the later of them is set. */
static unsigned
later_line(const struct conf_reader *r, const char *a, const char *b)
{
	unsigned at = conf_option_line(r, a), bt = conf_option_line(r, b);

	return at > bt ? at : bt;
}

static void
check_hostname(struct conf_reader *r)
{
	struct conf *conf = r->conf;
	unsigned line = conf_option_line(r, "hostname");
	struct span given = span_str(conf->hostname);
	struct diag why = { 0 };
	const char *name;

	if (line == 0)
		conf_mistake(r, 0,
		    "hostname is missing: set it to the full name of this "
		    "gateway, such as \"gw.example.org\"");
	if (given.n == 0) /* missing, or found mistaken */
		return;
	if (domain_is_address(given) || span_has(given, '_') ||
	    domain_canonical(conf, given, &name, &why) != ST_OK)
		conf_mistake(r, line, "hostname: %s is not the name of a host",
		    conf_quote(r, conf->hostname));
	else if (!span_has(span_str(name), '.'))
		conf_mistake(r, line,
		    "hostname: \"%s\" is not a full name: add the domain, "
		    "such as \"%s.example.org\"",
		    name, name);
	else
		conf->hostname = name;
}

void
conf_settle_path(struct conf_reader *r, const char **path)
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
		    "state-dir: %s is relative: write the whole path, from /",
		    conf_quote(r, conf->state_dir));
		return;
	}
	conf_settle_path(r, &conf->tls_certificate);
	conf_settle_path(r, &conf->tls_key);
	conf_settle_path(r, &conf->intake_accounts);
	conf_settle_path(r, &conf->intake_client_ca);
	conf_settle_path(r, &conf->smtp_ca_file);
	conf_settle_path(r, &conf->sts_ca_file);
	conf_settle_path(r, &conf->resolver_trust_anchor);
	conf_settle_path(r, &conf->resolver_root_hints);
	conf_settle_path(r, &conf->evidence_key);
	conf_settle_path(r, &conf->tlsrpt_rsa_key);
	conf_settle_path(r, &conf->tlsrpt_ed25519_key);
}

static void
check_spool(struct conf_reader *r)
{
	unsigned line = conf_option_line(r, "spool");
	struct span file = span_str(r->conf->spool);

	if (!span_starts(file, SPOOL_SQLITE)) {
		conf_mistake(r, line,
		    "spool: %s: \"" SPOOL_SQLITE "\" and a file name are "
		    "expected, such as \"" SPOOL_SQLITE "spool.db\"",
		    conf_quote(r, r->conf->spool));
		return;
	}
	file = span_sub(file, strlen(SPOOL_SQLITE), file.n);
	if (file.n == 0 || span_starts(file, "../") || span_ends(file, "/"))
		conf_mistake(r, line,
		    "spool: a file below state-dir is expected after "
		    "\"" SPOOL_SQLITE "\"");
}

static void
check_tls(struct conf_reader *r)
{
	unsigned line = later_line(r, "tls.certificate", "tls.key");
	bool cert = *r->conf->tls_certificate != '\0';
	bool key = *r->conf->tls_key != '\0';

	if (cert && !key)
		conf_mistake(r, line,
		    "tls.certificate is set without tls.key: set both (one "
		    "file may hold both)");
	if (key && !cert)
		conf_mistake(r, line,
		    "tls.key is set without tls.certificate: set both");
}

/* a may not be longer than b; both have defaults, so both are shown. */
static void
check_order(struct conf_reader *r, const char *a, int64_t a_ms, const char *b,
    int64_t b_ms)
{
	char a_text[CLOCK_TEXT_BYTES], b_text[CLOCK_TEXT_BYTES];

	if (a_ms > b_ms)
		conf_mistake(r, later_line(r, a, b),
		    "%s (\"%s\") is longer than %s (\"%s\"): change one", a,
		    duration_text(a_ms, a_text), b,
		    duration_text(b_ms, b_text));
}

static void
check_times(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	check_order(r, "queue.first-retry", c->queue_first_retry_ms,
	    "queue.max-retry", c->queue_max_retry_ms);
	check_order(r, "queue.first-retry", c->queue_first_retry_ms,
	    "queue.lifetime", c->queue_lifetime_ms);
	check_order(r, "smtp.plaintext-after", c->smtp_plaintext_after_ms,
	    "queue.policy-lifetime", c->queue_policy_lifetime_ms);
	check_order(r, "intake.tarpit-delay", c->intake_tarpit_delay_ms,
	    "intake.tarpit-limit", c->intake_tarpit_limit_ms);
}

static void
check_digests(struct conf_reader *r)
{
	struct diag why = { 0 };

	if (tlsa_digests_parse(span_str(r->conf->dane_digests),
		&r->conf->dane_digest, &why) != ST_OK)
		conf_mistake(r, conf_option_line(r, "dane.digests"),
		    "dane.digests: %s: \"sha2-512\" and \"sha2-256\" are "
		    "expected, or one of them",
		    why.text);
}

void
conf_check(struct conf_reader *r)
{
	check_hostname(r);
	check_paths(r);
	check_spool(r);
	check_tls(r);
	check_times(r);
	check_digests(r);
	conf_check_tlsrpt(r);
	conf_tlsrpt_receive_check(r);
}
