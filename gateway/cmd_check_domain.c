/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_check_domain - `tierpost check-domain DOMAIN…`: what is wrong with the
 * records, the policy and the mail hosts of domains, as a sender sees them.
 * The exit status is for cron: 0 nothing, 1 problems, 2 could not look.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_plan.h"
#include "gateway/domain_ask.h"
#include "gateway/domain_visit.h"
#include "report/domain_text.h"
#include "util/domain.h"

#define COULD_NOT_LOOK 2 /* as EXIT_USAGE: nothing was found out */
#define DAY_MS         INT64_C(86400000)
#define OUTPUT_BYTES   (1u << 20) /* DOMAIN_MAX_FINDINGS and their texts */
#define EXPIRY_DAYS    365u       /* at most; most certificates live shorter */

struct check {
	struct cmd_plan *plan;
	struct tls_client *tls;
	const char **domain;
	size_t domain_count;
	size_t at;
	int64_t expiry_ms; /* -1: that of the configuration */
	bool no_connect;
	bool warnings; /* they count as problems */
	bool json;
	json_t *list;
	struct domain_findings findings; /* of the domain at hand */
	struct domain_ask *ask;
	struct domain_visit *visit;
	bool problems, unknown;
};

static int
usage(void)
{
	fprintf(stderr,
	    "usage: tierpost check-domain [-c FILE] [--json] [--no-connect] "
	    "[--warnings]\n"
	    "                             [--expiry DAYS] [DOMAIN...]\n"
	    "       without DOMAIN: those of own-domains.names\n");
	return EXIT_USAGE;
}

static void
print(const struct check *c)
{
	struct sbuf b;

	sbuf_init(&b, c->plan, OUTPUT_BYTES);
	domain_text(&b, c->domain[c->at], &c->findings);
	printf("%s%s", c->at > 0 ? "\n" : "", sbuf_cstr(&b));
	sbuf_free(&b);
}

/* ---- the run ---- */

static void begin(void *arg);

static void
finish_domain(struct check *c)
{
	const uint32_t *n = c->findings.counts;

	domain_findings_sort(&c->findings);
	if (c->json)
		json_array_append_new(c->list,
		    domain_json(c->domain[c->at], !c->no_connect,
			&c->findings));
	else
		print(c);
	c->problems |= n[DOMAIN_ERROR] > 0 ||
		       (c->warnings && n[DOMAIN_WARNING] > 0);
	c->unknown |= n[DOMAIN_UNKNOWN] > 0;
	TALLOC_FREE(c->ask);
	TALLOC_FREE(c->visit);
	c->at++;
	if (c->at < c->domain_count)
		begin(c);
	else
		cmd_plan_stop(c->plan);
}

static void
visited(void *arg, const struct domain_findings *findings)
{
	struct check *c = arg;

	domain_findings_add(&c->findings, findings);
	finish_domain(c);
}

static void
asked(void *arg, const struct domain_findings *findings,
    const struct plan *plan)
{
	struct check *c = arg;
	const struct domain_visit_from from = { c->tls, c->expiry_ms };

	domain_findings_add(&c->findings, findings);
	if (c->no_connect || plan == NULL)
		finish_domain(c);
	else
		c->visit = domain_visit(c->plan, &c->plan->env, &from, plan,
		    visited, c);
}

static void
begin(void *arg)
{
	struct check *c = arg;
	const struct domain_ask_from from = {
		.discover = c->plan->discover,
		.validating = c->plan->validating,
		.health = c->plan->health,
	};

	domain_findings_init(&c->findings, c->plan);
	c->ask = domain_ask(c->plan, &c->plan->env, &from, c->domain[c->at],
	    asked, c);
}

static int
run(struct check *c, TALLOC_CTX *mem, const struct conf *conf)
{
	struct diag why = { 0 };

	/* Before the process becomes another user to read the store. */
	if (tls_client_new(mem, conf->smtp_ca_file, &c->tls, &why) != ST_OK) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		return EXIT_CONFIG;
	}
	c->plan = cmd_plan_new(mem, conf);
	if (c->plan == NULL)
		return EXIT_CONFIG;
	c->list = need(json_array());
	cmd_plan_run(c->plan, begin, c);
	if (c->json) {
		json_dumpf(c->list, stdout,
		    JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		putchar('\n');
	}
	json_decref(c->list);
	return c->problems ? EXIT_NO : c->unknown ? COULD_NOT_LOOK : EXIT_DONE;
}

/* ---- the command line ---- */

static bool
take_expiry(struct check *c, const char *text)
{
	uint64_t days;

	if (span_u64(span_str(text), EXPIRY_DAYS, &days) != ST_OK)
		return false;
	c->expiry_ms = (int64_t)days * DAY_MS;
	return true;
}

static bool
parse(struct check *c, int argc, char **argv, const char **path)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--json") == 0)
			c->json = true;
		else if (strcmp(argv[i], "--no-connect") == 0)
			c->no_connect = true;
		else if (strcmp(argv[i], "--warnings") == 0)
			c->warnings = true;
		else if (strcmp(argv[i], "--expiry") == 0 && i + 1 < argc &&
			 take_expiry(c, argv[i + 1]))
			i++;
		else if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
			*path = argv[++i];
		else if (argv[i][0] != '-')
			c->domain[c->domain_count++] = argv[i];
		else
			return false;
	return true;
}

static bool
canonical(struct check *c, TALLOC_CTX *mem)
{
	for (size_t i = 0; i < c->domain_count; i++) {
		c->domain[i] = cmd_domain(mem, c->domain[i]);
		if (c->domain[i] == NULL)
			return false;
		if (!domain_is_address(span_str(c->domain[i])))
			continue;
		fprintf(stderr, "tierpost: %s is an address: name a domain\n",
		    c->domain[i]);
		return false;
	}
	return true;
}

/* Those of the configuration, where none is named. */
static bool
take_own(struct check *c, const struct conf *conf)
{
	if (c->expiry_ms < 0)
		c->expiry_ms = conf->own_domains_expiry_ms;
	if (c->domain_count > 0)
		return true;
	c->domain = conf->own_domain;
	c->domain_count = conf->own_domain_count;
	if (c->domain_count > 0)
		return true;
	fprintf(stderr, "tierpost: no domain is named, and own-domains.names "
			"has none\n");
	return false;
}

int
cmd_check_domain(int argc, char **argv)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	const char *path = CMD_DEFAULT_CONF;
	struct check c = { .expiry_ms = -1 };
	const struct conf *conf;
	int status;

	c.domain = need(talloc_array(mem, const char *, (unsigned)argc + 1));
	if (!parse(&c, argc, argv, &path))
		status = usage();
	else if (!canonical(&c, mem))
		status = EXIT_USAGE;
	else if ((conf = cmd_read_conf(mem, path, false)) == NULL)
		status = EXIT_CONFIG;
	else if (!take_own(&c, conf))
		status = usage();
	else
		status = run(&c, mem, conf);
	talloc_free(mem);
	return status;
}
