/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_explain - `tierpost explain DOMAIN`: makes the plan for a domain and a
 * message class by the same code as the advisor and prints each lookup, what
 * it proved, and the rule and the row of the decision tables that won.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_message.h"
#include "gateway/cmd_plan.h"
#include "util/domain.h"

struct explain {
	struct cmd_plan *plan;
	const char *domain; /* as on the command line, then canonical */
	enum msg_class mclass;
	struct cmd_message message;
	struct conf_marks marks;
	const char *mx; /* the host that is asked about; NULL: all */
	bool live;      /* the MTA-STS policy fetched anew */
	bool json;
	int status;
};

static int
usage(void)
{
	fprintf(stderr, "usage: tierpost explain [-c FILE] [--json] [--live] "
			"[--mx HOST] [--class CLASS]\n"
			"                        " CMD_MESSAGE_USAGE " DOMAIN\n"
			"       CLASS: normal, requiretls, tls-optional or "
			"report\n");
	return EXIT_USAGE;
}

/* Is the host one that was asked about? */
static bool
is_wanted(const struct explain *x, const struct plan_host *h)
{
	return x->mx == NULL || domain_eq(x->mx, h->name);
}

/* The line of the configuration; "" for none. */
static const char *
rule_line(const struct explain *x, const char *name)
{
	const struct conf *conf = x->plan->env.conf;

	for (size_t i = 0; i < conf->rule_count; i++)
		if (strcmp(conf->rule[i].name, name) == 0)
			return conf->rule[i].where;
	return "";
}

static const char *
exception_line(const struct explain *x, const char *name)
{
	const struct conf *conf = x->plan->env.conf;

	for (size_t i = 0; i < conf->exception_count; i++)
		if (strcmp(conf->exception[i].name, name) == 0)
			return conf->exception[i].where;
	return "";
}

/* ---- for people ---- */

static void
print_trail(const struct plan *plan)
{
	printf("Lookups\n");
	for (size_t i = 0; i < plan->trail_count; i++) {
		const struct plan_trail *t = &plan->trail[i];

		printf("  %-44s %-8s  %s%s%s\n", t->what,
		    dns_security_name(t->security),
		    dns_outcome_name(t->outcome), *t->text == '\0' ? "" : "  ",
		    t->text);
	}
}

static void
print_sts(const struct plan *plan)
{
	char fetched[CLOCK_TEXT_BYTES], expires[CLOCK_TEXT_BYTES];
	const struct sts_fact *s = &plan->sts;

	printf("\nMTA-STS    %s", sts_state_name(s->state));
	if (s->fetched.ms != 0)
		printf(", id %s, fetched %s, binds until %s%s", s->id,
		    wall_rfc3339(s->fetched, fetched),
		    wall_rfc3339(s->expires, expires),
		    s->stale ? ", from the cache" : "");
	if (*s->why != '\0')
		printf(" (%s)", s->why);
	printf("\nMX         %s%s\n", plan->mx_secure ? "secure" : "not secure",
	    plan->implicit_mx ? ", implicit: the domain itself" : "");
}

static const char *
section_of(const struct plan_host *h)
{
	return decide(&h->in).section;
}

/* When it goes in clear, where that is not at once or always. */
static void
print_plaintext(const struct plan_host *h)
{
	char after[CLOCK_TEXT_BYTES];

	if (h->skip || h->required != LEVEL_MAY)
		return;
	if (h->plaintext.forbidden)
		printf("      plaintext  never: mail waits for TLS\n");
	else if (h->plaintext.after_ms > 0)
		printf("      plaintext  when it has waited %s for TLS\n",
		    duration_text(h->plaintext.after_ms, after));
	if (!h->plaintext.forbidden && h->plaintext.limit > 0)
		printf("      plaintext  %u messages a day at most\n",
		    h->plaintext.limit);
}

static void
print_host(const struct explain *x, const struct plan_host *h)
{
	char addr[NETADDR_TEXT_BYTES], pin[PIN_TEXT_BYTES];
	const char *section;

	printf("\n%5u %s\n", h->preference, h->name);
	printf("      required   %s%s%s\n",
	    h->skip ? "not used in this attempt" : level_name(h->required),
	    h->skip || h->method == METHOD_NONE ? "" : " by ",
	    h->skip || h->method == METHOD_NONE ? "" : method_name(h->method));
	if (h->also_pkix_sts)
		printf("                 and by pkix-sts\n");
	if (h->also_local != METHOD_NONE)
		printf("                 and by %s\n",
		    method_name(h->also_local));
	if (h->min_tls != MIN_TLS_1_2)
		printf("                 and TLS %s or later\n",
		    min_tls_name(h->min_tls));
	if (h->alternate)
		printf("                 used when each host before it falls "
		       "short\n");
	if (h->requiretls)
		printf("                 and REQUIRETLS must be offered in "
		       "TLS\n");
	if (h->conclusive)
		printf("                 and nothing that may pass is to "
		       "blame\n");
	printf("      why        %s\n", h->why);
	section = section_of(h);
	printf("      decided    by rule %d%s%s\n", (int)h->won,
	    *section == '\0' ? "" : ", ", section);
	printf("      row        %s (%s%s)\n", h->row, dane_state_text(h->dane),
	    h->half_dane ? ", insecure MX" : "");
	if (*h->rule != '\0')
		printf("      rule       %s (%s)\n", h->rule,
		    rule_line(x, h->rule));
	if (*h->exception != '\0')
		printf("      exception  %s (%s)\n", h->exception,
		    exception_line(x, h->exception));
	print_plaintext(h);
	for (unsigned w = 0; w < WAIVER_COUNT; w++)
		if ((h->in.waives & 1u << w) != 0)
			printf("      waives     %s\n",
			    waiver_name((enum waiver)w));
	for (size_t i = 0; i < h->ref_count; i++)
		printf("      name       %s\n", h->ref[i]);
	for (size_t i = 0; i < h->local_ref_count; i++)
		printf("      name       %s (%s)\n", h->local_ref[i],
		    method_name(h->also_local));
	for (size_t i = 0; i < h->pin_count; i++)
		printf("      pin        %s\n", pin_text(&h->pin[i], pin));
	if (*plan_method_rule(h) != '\0')
		printf("      method     of the rule %s\n",
		    plan_method_rule(h));
	if (*h->identity != '\0')
		printf("      shows      the client certificate of the rule "
		       "%s, when asked\n",
		    h->identity);
	if (*h->route != '\0')
		printf("      route      %s\n", h->route);
	for (size_t i = 0; i < h->tlsa_count; i++) {
		char *text = tlsa_text(NULL, &h->tlsa[i]);

		printf("      TLSA       %s (%s)\n", text,
		    tlsa_names(text, &h->tlsa[i]));
		talloc_free(text);
	}
	for (size_t i = 0; i < h->addr_count; i++)
		printf("      address    %s\n",
		    netaddr_text_port(&h->addr[i], addr));
}

/* What the message is subject to by what it is. */
static void
print_marks(const struct explain *x)
{
	if (*x->marks.text == '\0')
		printf("No rule is about such a message.\n\n");
	else
		printf("By what it is, the message is subject to: %s.\n",
		    x->marks.text);
	if (*x->marks.assumed != '\0')
		printf("Not enough is known of it to tell, so these count: "
		       "%s.\n",
		    x->marks.assumed);
	if (*x->marks.text != '\0')
		putchar('\n');
}

static const char *
unmet_text(enum unmet unmet)
{
	switch (unmet) {
	case UNMET_DEFER:
		return "mail waits.";
	case UNMET_HOLD:
		return "mail is held until it is released.";
	case UNMET_BOUNCE:
		return "mail is returned at once.";
	case UNMET_ROUTE:
		return "mail goes by another route, else it waits.";
	}
	return "?"; /* not reached: the switch names every action */
}

static void
print_plan(const struct explain *x, const struct plan *plan)
{
	char until[CLOCK_TEXT_BYTES];

	printf("%s\n\n", plan->domain);
	if (plan->mclass != CLASS_NORMAL)
		printf("For mail of the class %s.\n\n",
		    class_name(plan->mclass));
	if (x->message.given)
		print_marks(x);
	else if (x->plan->env.conf->marking_count > 0)
		printf("Rules that ask something of the message are left out: "
		       "describe one by --from,\n--account, --client or "
		       "--header.\n\n");
	if (!x->plan->validating)
		printf("The resolver does not validate DNSSEC (%s).\n\n",
		    x->plan->health);
	print_trail(plan);
	print_sts(plan);
	switch (plan->verdict) {
	case PLAN_DELIVER:
		for (size_t i = 0; i < plan->host_count; i++)
			if (is_wanted(x, &plan->host[i]))
				print_host(x, &plan->host[i]);
		printf("\nWhen no host meets what is required: %s\n",
		    unmet_text(plan->unmet));
		break;
	case PLAN_DEFER:
		printf("\nMail waits (%s): %s\n", plan->status, plan->why);
		break;
	case PLAN_BOUNCE:
		printf("\nMail is returned (%s): %s\n", plan->status,
		    plan->why);
		break;
	}
	printf("\nThis holds until %s at most.\n",
	    wall_rfc3339(plan->valid_until, until));
}

/* ---- for programs ---- */

static void
put(json_t *o, const char *key, const char *value)
{
	json_object_set_new(o, key, json_string(value));
}

static json_t *
host_json(const struct explain *x, const struct plan_host *h)
{
	json_t *o = need(json_object()), *list;
	char addr[NETADDR_TEXT_BYTES], pin[PIN_TEXT_BYTES];

	put(o, "host", h->name);
	json_object_set_new(o, "preference", json_integer(h->preference));
	json_object_set_new(o, "skip", json_boolean(h->skip));
	put(o, "required", level_name(h->required));
	put(o, "method", method_name(h->method));
	json_object_set_new(o, "also-pkix-sts", json_boolean(h->also_pkix_sts));
	put(o, "also-local", method_name(h->also_local));
	put(o, "method-rule", plan_method_rule(h));
	put(o, "min-tls", min_tls_name(h->min_tls));
	put(o, "client-certificate-rule", h->identity);
	put(o, "route", h->route);
	json_object_set_new(o, "alternate", json_boolean(h->alternate));
	json_object_set_new(o, "pins", list = json_array());
	for (size_t i = 0; i < h->pin_count; i++)
		json_array_append_new(list,
		    json_string(pin_text(&h->pin[i], pin)));
	json_object_set_new(o, "requiretls", json_boolean(h->requiretls));
	json_object_set_new(o, "conclusive", json_boolean(h->conclusive));
	json_object_set_new(o, "decided-by", json_integer((int)h->won));
	put(o, "section", section_of(h));
	put(o, "row", h->row);
	put(o, "why", h->why);
	put(o, "dane", dane_state_name(h->dane));
	json_object_set_new(o, "half-dane", json_boolean(h->half_dane));
	put(o, "tlsa-base", h->tlsa_base);
	json_object_set_new(o, "sts-mx-match", json_boolean(h->sts_mx_match));
	put(o, "rule", h->rule);
	put(o, "rule-line", rule_line(x, h->rule));
	put(o, "exception", h->exception);
	put(o, "exception-line", exception_line(x, h->exception));
	json_object_set_new(o, "plaintext-forbidden",
	    json_boolean(h->plaintext.forbidden));
	json_object_set_new(o, "plaintext-after-ms",
	    json_integer(h->plaintext.after_ms));
	json_object_set_new(o, "plaintext-limit",
	    json_integer(h->plaintext.limit));
	json_object_set_new(o, "waives", list = json_array());
	for (unsigned w = 0; w < WAIVER_COUNT; w++)
		if ((h->in.waives & 1u << w) != 0)
			json_array_append_new(list,
			    json_string(waiver_name((enum waiver)w)));
	json_object_set_new(o, "names", list = json_array());
	for (size_t i = 0; i < h->ref_count; i++)
		json_array_append_new(list, json_string(h->ref[i]));
	json_object_set_new(o, "tlsa", list = json_array());
	for (size_t i = 0; i < h->tlsa_count; i++) {
		char *text = tlsa_text(NULL, &h->tlsa[i]);

		json_array_append_new(list, json_string(text));
		talloc_free(text);
	}
	json_object_set_new(o, "addresses", list = json_array());
	for (size_t i = 0; i < h->addr_count; i++)
		json_array_append_new(list,
		    json_string(netaddr_text_port(&h->addr[i], addr)));
	return o;
}

static json_t *
trail_json(const struct plan *plan)
{
	json_t *list = need(json_array());

	for (size_t i = 0; i < plan->trail_count; i++) {
		const struct plan_trail *t = &plan->trail[i];
		json_t *o = need(json_object());

		put(o, "what", t->what);
		put(o, "security", dns_security_name(t->security));
		put(o, "outcome", dns_outcome_name(t->outcome));
		json_object_set_new(o, "ttl", json_integer(t->ttl_s));
		put(o, "text", t->text);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
sts_json(const struct sts_fact *s)
{
	json_t *o = need(json_object());
	char text[CLOCK_TEXT_BYTES];

	put(o, "state", sts_state_name(s->state));
	json_object_set_new(o, "stale", json_boolean(s->stale));
	put(o, "id", s->id);
	put(o, "fetched",
	    s->fetched.ms == 0 ? "" : wall_rfc3339(s->fetched, text));
	put(o, "expires",
	    s->fetched.ms == 0 ? "" : wall_rfc3339(s->expires, text));
	put(o, "why", s->why);
	return o;
}

static void
dump_plan(const struct explain *x, const struct plan *plan)
{
	static const char *const verdicts[] = { "deliver", "defer", "bounce" };
	json_t *o = need(json_object()), *hosts = need(json_array());
	char text[CLOCK_TEXT_BYTES];

	put(o, "domain", plan->domain);
	put(o, "class", class_name(plan->mclass));
	put(o, "marks", plan->marks);
	put(o, "marks-assumed", x->marks.assumed);
	json_object_set_new(o, "resolver-validates",
	    json_boolean(x->plan->validating));
	put(o, "verdict", verdicts[plan->verdict]);
	if (plan->verdict != PLAN_DELIVER) {
		put(o, "status", plan->status);
		put(o, "why", plan->why);
	}
	json_object_set_new(o, "mx-secure", json_boolean(plan->mx_secure));
	json_object_set_new(o, "implicit-mx", json_boolean(plan->implicit_mx));
	put(o, "unmet", unmet_name(plan->unmet));
	json_object_set_new(o, "sts", sts_json(&plan->sts));
	for (size_t i = 0; i < plan->host_count; i++)
		if (is_wanted(x, &plan->host[i]))
			json_array_append_new(hosts,
			    host_json(x, &plan->host[i]));
	json_object_set_new(o, "hosts", hosts);
	json_object_set_new(o, "lookups", trail_json(plan));
	put(o, "valid-until", wall_rfc3339(plan->valid_until, text));
	json_dumpf(o, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(o);
}

/* ---- the run ---- */

static void
planned(void *arg, const struct plan *plan)
{
	struct explain *x = arg;

	bool found = x->mx == NULL;

	for (size_t i = 0; i < plan->host_count; i++)
		found |= is_wanted(x, &plan->host[i]);
	if (!found) {
		fprintf(stderr,
		    "tierpost: %s is no host of %s now: leave out --mx to see "
		    "all\n",
		    x->mx, plan->domain);
		x->status = EXIT_NO;
		cmd_plan_stop(x->plan);
		return;
	}
	if (x->json)
		dump_plan(x, plan);
	else
		print_plan(x, plan);
	x->status = plan->verdict == PLAN_DELIVER ? EXIT_DONE :
		    plan->verdict == PLAN_DEFER   ? EXIT_TRY_LATER :
						    EXIT_NO;
	cmd_plan_stop(x->plan);
}

static void
ask(void *arg)
{
	struct explain *x = arg;

	x->plan->anew = x->live;
	cmd_plan_ask(x->plan, &x->plan->env,
	    &(const struct dest_key){ x->domain, x->mclass, x->marks.text },
	    planned, x);
}

static int
explain(struct explain *x, TALLOC_CTX *mem, const struct conf *conf)
{
	x->plan = cmd_plan_new(mem, conf);
	if (x->plan == NULL)
		return EXIT_CONFIG;
	cmd_plan_run(x->plan, ask, x);
	return x->status;
}

static bool
parse(struct explain *x, int argc, char **argv, const char **path)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--json") == 0)
			x->json = true;
		else if (strcmp(argv[i], "--live") == 0)
			x->live = true;
		else if (strcmp(argv[i], "--mx") == 0 && i + 1 < argc)
			x->mx = argv[++i];
		else if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
			*path = argv[++i];
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
	const char *path = CMD_DEFAULT_CONF;
	struct explain x = { .marks = { "", "" } };
	const struct conf *conf;
	int status;

	if (!parse(&x, argc, argv, &path))
		status = usage();
	else if ((x.domain = cmd_domain(mem, x.domain)) == NULL ||
		 (x.mx != NULL && (x.mx = cmd_domain(mem, x.mx)) == NULL))
		status = EXIT_USAGE;
	else if ((conf = cmd_read_conf(mem, path, false)) == NULL)
		status = EXIT_CONFIG;
	else if (x.message.given &&
		 !cmd_message_marks(mem, conf, &x.message, &x.marks))
		status = EXIT_USAGE;
	else
		status = explain(&x, mem, conf);
	talloc_free(mem);
	return status;
}
