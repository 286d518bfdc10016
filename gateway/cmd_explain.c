/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_explain - `tierpost explain DOMAIN`: the plan for a domain and a
 * message class, as the running gateway has it or made by the same code, with
 * each lookup, what it proved, and the rule and the row of the decision tables
 * that won; and what the hosts come to when they are connected to.
 */
#include "gateway/cmd_explain.h"

#include <stdio.h>
#include <string.h>

#include "gateway/cmd_plan.h"
#include "util/domain.h"

static int
usage(void)
{
	fprintf(stderr,
	    "usage: tierpost explain [-c FILE] [--json] [--live] [--probe] "
	    "[--mx HOST]\n"
	    "                        [--class CLASS]\n"
	    "                        " CMD_MESSAGE_USAGE " DOMAIN\n"
	    "       CLASS: normal, requiretls, tls-optional or report\n");
	return EXIT_USAGE;
}

bool
explain_is_wanted(const struct explain *x, const struct plan_host *h)
{
	return x->mx == NULL || domain_eq(x->mx, h->name);
}

const char *
explain_rule_line(const struct explain *x, const char *name)
{
	const struct conf *conf = x->conf;

	for (size_t i = 0; i < conf->rule_count; i++)
		if (strcmp(conf->rule[i].name, name) == 0)
			return conf->rule[i].where;
	return "";
}

const char *
explain_exception_line(const struct explain *x, const char *name)
{
	const struct conf *conf = x->conf;

	for (size_t i = 0; i < conf->exception_count; i++)
		if (strcmp(conf->exception[i].name, name) == 0)
			return conf->exception[i].where;
	return "";
}

const char *
explain_section(const struct plan_host *h)
{
	return decide(&h->in).section;
}

/* A plan that only says to wait rests on no configuration. */
bool
explain_conf_differs(const struct explain *x)
{
	return x->alone == NULL && x->plan->verdict != PLAN_DEFER &&
	       memcmp(x->plan->conf_digest, x->conf->digest,
		   sizeof(x->conf->digest)) != 0;
}

/* ---- the run ---- */

static bool
has_wanted(const struct explain *x)
{
	bool found = x->mx == NULL;

	for (size_t i = 0; i < x->plan->host_count; i++)
		found |= explain_is_wanted(x, &x->plan->host[i]);
	if (!found)
		fprintf(stderr,
		    "tierpost: %s is no host of %s now: leave out --mx to see "
		    "all\n",
		    x->mx, x->plan->domain);
	return found;
}

static int
status_of(const struct explain *x)
{
	switch (x->plan->verdict) {
	case PLAN_DELIVER:
		return x->probe ? explain_probe_status(x) : EXIT_DONE;
	case PLAN_DEFER:
		return EXIT_TRY_LATER;
	case PLAN_BOUNCE:
		return EXIT_NO;
	}
	return EXIT_NO; /* not reached: the switch names every verdict */
}

static int
explain(struct explain *x, TALLOC_CTX *mem)
{
	const struct explain_material *material = NULL;

	if (x->probe && (material = explain_material(mem, x->conf)) == NULL)
		return EXIT_CONFIG;
	if (x->live)
		x->alone = "as --live asks for";
	else
		explain_ask_gateway(x, mem);
	if (x->plan == NULL && !explain_ask_alone(x, mem))
		return EXIT_CONFIG;
	if (!has_wanted(x))
		return EXIT_NO;
	if (x->probe && x->plan->verdict == PLAN_DELIVER) {
		/* What strangers say is not for root to read. */
		if (!cmd_become_owner(x->conf))
			return EXIT_CONFIG;
		explain_probe(x, mem, material);
	}
	if (x->json)
		explain_dump(x);
	else
		explain_print(x);
	return status_of(x);
}

static bool
take_flag(struct explain *x, const char *arg)
{
	if (strcmp(arg, "--json") == 0)
		return x->json = true;
	if (strcmp(arg, "--live") == 0)
		return x->live = true;
	if (strcmp(arg, "--probe") == 0)
		return x->probe = true;
	return false;
}

static bool
parse(struct explain *x, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (take_flag(x, argv[i]))
			continue;
		else if (strcmp(argv[i], "--mx") == 0 && i + 1 < argc)
			x->mx = argv[++i];
		else if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
			x->conf_path = argv[++i];
		else if (strcmp(argv[i], "--class") == 0 && i + 1 < argc &&
			 class_parse(span_str(argv[i + 1]), &x->mclass) ==
			     ST_OK)
			i++;
		else if (cmd_message_option(&x->message, argc, argv, &i))
			continue;
		else if (argv[i][0] != '-' && x->domain == NULL)
			x->domain = argv[i];
		else
			return false;
	return x->domain != NULL;
}

int
cmd_explain(int argc, char **argv)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	struct explain x = {
		.conf_path = CMD_DEFAULT_CONF, .marks = { "", "" }, .health = ""
	};
	int status;

	if (!parse(&x, argc, argv))
		status = usage();
	else if ((x.domain = cmd_domain(mem, x.domain)) == NULL ||
		 (x.mx != NULL && (x.mx = cmd_domain(mem, x.mx)) == NULL))
		status = EXIT_USAGE;
	else if ((x.conf = cmd_read_conf(mem, x.conf_path, false)) == NULL)
		status = EXIT_CONFIG;
	else if (x.message.given &&
		 !cmd_message_marks(mem, x.conf, &x.message, &x.marks))
		status = EXIT_USAGE;
	else
		status = explain(&x, mem);
	talloc_free(mem);
	return status;
}
