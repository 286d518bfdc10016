/* SPDX-License-Identifier: BSD-2-Clause */
/* What was found out, for people. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_explain.h"
#include "util/domain.h"

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

/* What couriers remember of it, which counts where nothing is required. */
static void
print_memory(const struct explain *x, const struct plan_host *h)
{
	char addr[NETADDR_TEXT_BYTES], left[CLOCK_TEXT_BYTES];

	for (uint32_t i = 0; i < x->memory.count; i++) {
		const struct wire_memory_entry *e = &x->memory.entry[i];

		if (!domain_eq(e->host, h->name))
			continue;
		printf("      remembered TLS has failed at %s (%s): %s\n",
		    netaddr_text_port(&e->addr, addr), failure_name(e->failure),
		    e->why);
		printf("                 so for %s mail begins there with %s\n",
		    duration_text(e->left_ms - e->left_ms % 1000, left),
		    e->rung == RUNG_CLEAR ? "clear text" : rung_name(e->rung));
	}
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
	section = explain_section(h);
	printf("      decided    by rule %d%s%s\n", (int)h->won,
	    *section == '\0' ? "" : ", ", section);
	printf("      row        %s (%s%s)\n", h->row, dane_state_text(h->dane),
	    h->half_dane ? ", insecure MX" : "");
	if (*h->rule != '\0')
		printf("      rule       %s (%s)\n", h->rule,
		    explain_rule_line(x, h->rule));
	if (*h->exception != '\0')
		printf("      exception  %s (%s)\n", h->exception,
		    explain_exception_line(x, h->exception));
	print_plaintext(h);
	print_memory(x, h);
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

/* ---- what hosts come to ---- */

static void
print_certificate(const struct explain_look *l)
{
	char text[CLOCK_TEXT_BYTES], pin[PIN_TEXT_BYTES];
	struct pin key = { .kind = PIN_SPKI };

	if (!l->tls.has_certificate)
		return;
	memcpy(key.sha256, l->tls.spki_sha256, sizeof(key.sha256));
	printf("        certificate  %s\n",
	    *l->tls.names == '\0' ? "(without a DNS name)" : l->tls.names);
	printf("        issued by    %s\n", l->tls.issuer);
	printf("        expires      %s\n",
	    wall_rfc3339(l->tls.not_after, text));
	printf("        key          %s\n", pin_text(&key, pin));
}

static void
print_records(const struct explain_look *l)
{
	for (size_t i = 0; i < l->h->tlsa_count; i++) {
		char *text = tlsa_text(NULL, &l->h->tlsa[i]);

		printf("        TLSA         %s: %s\n", text,
		    explain_tlsa_matched(l, &l->h->tlsa[i]) ? "matched" :
		    l->h->method != METHOD_DANE ? "not what counts here" :
						  "not matched");
		talloc_free(text);
	}
}

static void
print_tls(const struct explain_look *l)
{
	if (l->r.tls == NULL)
		return;
	if (*l->tls.protocol != '\0')
		printf("        TLS          %s, %s%s%s\n", l->tls.protocol,
		    l->tls.cipher, *l->tls.group == '\0' ? "" : ", ",
		    l->tls.group);
	print_certificate(l);
	print_records(l);
	if (*l->tls.matched != '\0')
		printf("        matched      %s\n", l->tls.matched);
	if (*l->tls.error != '\0')
		printf("        check        %s%s\n", l->tls.error,
		    l->h->required < LEVEL_VERIFY ? " (not demanded)" : "");
}

static void
print_outcome(const struct explain_look *l)
{
	switch (l->r.end) {
	case PROBE_MET:
		printf("        reached      %s\n        outcome      what is "
		       "required is met%s%s\n",
		    evidence_reached_name(l->r.reached),
		    *l->r.why == '\0' ? "" : ", without TLS: ", l->r.why);
		return;
	case PROBE_SHORT:
		printf("        outcome      it falls short (%s): %s\n",
		    failure_name(l->r.failure), l->r.why);
		return;
	case PROBE_UNKNOWN:
		printf("        outcome      not known (%s): %s\n",
		    failure_name(l->r.failure), l->r.why);
		return;
	}
}

static void
print_look(const struct explain_look *l)
{
	char addr[NETADDR_TEXT_BYTES];

	if (l->skipped) {
		printf("        outcome      not connected to: %s\n",
		    l->h->why);
		return;
	}
	printf("        required     %s%s%s\n", level_name(l->h->required),
	    l->h->method == METHOD_NONE ? "" : " by ",
	    l->h->method == METHOD_NONE ? "" : method_name(l->h->method));
	for (unsigned w = 0; w < WAIVER_COUNT; w++)
		if ((l->waived & 1u << w) != 0)
			printf("        waived       %s, by the exception %s\n",
			    waiver_name((enum waiver)w), l->h->exception);
	if (l->r.addr.family != NETADDR_NONE)
		printf("        address      %s\n",
		    netaddr_text_port(&l->r.addr, addr));
	print_tls(l);
	if (l->h->requiretls && l->r.end == PROBE_MET)
		printf("        REQUIRETLS   %s\n",
		    l->r.requiretls ? "offered" : "not offered");
	print_outcome(l);
}

static void
print_looks(const struct explain *x, size_t host)
{
	const struct explain_looks *l;

	if (x->look == NULL || x->look[host].now.h == NULL)
		return;
	l = &x->look[host];
	printf("      probed\n");
	print_look(&l->now);
	if (l->without.h == NULL)
		return;
	printf("      probed as if the exception %s were not\n",
	    l->now.h->exception);
	print_look(&l->without);
}

/* Whose plan it is. */
static void
print_source(const struct explain *x)
{
	char made[CLOCK_TEXT_BYTES];

	if (x->alone != NULL) {
		printf("Asked afresh by this command, %s.\n\n", x->alone);
		return;
	}
	printf("What the running gateway would do now, by its plan of %s.\n",
	    wall_rfc3339(x->plan->made, made));
	if (explain_conf_differs(x))
		printf("Its configuration is another than %s now: lines that "
		       "are named below are of that file.\n",
		    x->conf_path);
	if (x->interference)
		printf("It has seen TLS fail at many hosts at once: somebody "
		       "may interfere (interference.action).\n");
	putchar('\n');
}

static const char *
unmet_text(const struct plan *plan)
{
	if (plan->mclass == CLASS_REQUIRETLS)
		return "mail is returned where each is known not to, else it "
		       "waits.";
	switch (plan->unmet) {
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

void
explain_print(const struct explain *x)
{
	const struct plan *plan = x->plan;
	char until[CLOCK_TEXT_BYTES];

	printf("%s\n\n", plan->domain);
	print_source(x);
	if (plan->mclass != CLASS_NORMAL)
		printf("For mail of the class %s.\n\n",
		    class_name(plan->mclass));
	if (x->message.given)
		print_marks(x);
	else if (x->conf->marking_count > 0)
		printf("Rules that ask something of the message are left out: "
		       "describe one by --from,\n--account, --client or "
		       "--header.\n\n");
	if (!x->validating)
		printf("The resolver does not validate DNSSEC (%s).\n\n",
		    x->health);
	print_trail(plan);
	print_sts(plan);
	switch (plan->verdict) {
	case PLAN_DELIVER:
		for (size_t i = 0; i < plan->host_count; i++)
			if (explain_is_wanted(x, &plan->host[i])) {
				print_host(x, &plan->host[i]);
				print_looks(x, i);
			}
		printf("\nWhen no host meets what is required: %s\n",
		    unmet_text(plan));
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
