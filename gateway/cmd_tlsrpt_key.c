/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `tierpost report tlsrpt key`: for each key that signs reports the record to
 * publish, and whether it is published so that receivers will go by it.
 */
#include <stdio.h>

#include "gateway/cmd_plan.h"
#include "gateway/cmd_tlsrpt.h"
#include "gateway/master_files.h"
#include "gateway/tlsrpt_keys.h"

#define TXT_STRING_BYTES 255u /* RFC 1035 3.3.14 */

struct checking {
	TALLOC_CTX *mem;
	struct cmd_plan *plan;
	const struct tlsrpt_keys *keys;
	size_t at;
	int status;
};

static void ask(struct checking *c);

/* As it stands in a zone. */
static void
print_record(const struct checking *c, const struct tlsrpt_key *k)
{
	struct span txt = span_str(dkim_key_record(c->mem, k->key,
	    "email:tlsrpt"));

	printf("%s._domainkey.%s. IN TXT (", k->selector, k->domain);
	for (size_t at = 0; at < txt.n; at += TXT_STRING_BYTES) {
		struct span one = span_sub(txt, at, at + TXT_STRING_BYTES);

		printf(" \"%.*s\"", (int)one.n, (const char *)one.p);
	}
	printf(" )\n");
}

static const char *
fault_of(struct checking *c, const struct tlsrpt_key *k,
    const struct dns_answer *a)
{
	switch (a->outcome) {
	case DNS_FAILED:
		return need(talloc_asprintf(c->mem,
		    "it cannot be looked up: "
		    "%s",
		    a->why));
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		return "it is not published: no receiver takes a report "
		       "without";
	case DNS_DATA:
		if (a->count != 1)
			return "there are several TXT records, which is as if "
			       "there were none: leave the one above";
		return tlsrpt_key_fault(k->key, a->data[0]);
	}
	return NULL; /* not reached: the switch names all */
}

static void
have_txt(void *arg, const struct dns_answer *a)
{
	struct checking *c = arg;
	const struct tlsrpt_key *k = &c->keys->list[c->at++];
	const char *fault = fault_of(c, k, a);

	print_record(c, k);
	printf("; %s\n", fault == NULL ? "published" : fault);
	if (fault != NULL)
		c->status = EXIT_NO;
	ask(c);
}

static void
ask(struct checking *c)
{
	const struct tlsrpt_key *k;

	if (c->at == c->keys->count) {
		cmd_plan_stop(c->plan);
		return;
	}
	k = &c->keys->list[c->at];
	(void)net_dns(c->mem, c->plan->env.net,
	    need(talloc_asprintf(c->mem, "%s._domainkey.%s", k->selector,
		k->domain)),
	    DNS_TXT, have_txt, c);
}

static void
ready(void *arg)
{
	ask(arg);
}

/* NULL after having said why. */
static struct tlsrpt_keys *
read_keys(const struct tlsrpt_args *args, int *status)
{
	struct conf_mistakes bad = { .mem = args->mem };
	struct span packed = master_report_keys(args->mem, args->conf, &bad);
	struct tlsrpt_keys *keys = NULL;
	struct diag why = { 0 };

	*status = EXIT_CONFIG;
	for (size_t i = 0; i < bad.count && i < CONF_MAX_MISTAKES; i++)
		fprintf(stderr, "tierpost: %s\n", bad.text[i]);
	if (bad.count > 0)
		return NULL;
	*status = EXIT_NO;
	if (packed.n == 0)
		fprintf(stderr, "tierpost: no key signs reports, so none are "
				"sent by mail: set tlsrpt.enable and "
				"tlsrpt.dkim-rsa-key\n");
	else if (tlsrpt_keys_unpack(args->mem, packed, &keys, &why) != ST_OK)
		fprintf(stderr, "tierpost: %s\n", why.text);
	return keys;
}

int
cmd_tlsrpt_key(int argc, char **argv)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	struct checking c = { .mem = mem, .status = EXIT_DONE };
	struct tlsrpt_args args;
	int status = tlsrpt_args_read(mem, argc, argv, 0, "[-c FILE]", &args);

	if (status == EXIT_DONE)
		c.keys = read_keys(&args, &status);
	if (c.keys != NULL) {
		c.plan = cmd_plan_new(mem, args.conf);
		if (c.plan == NULL) {
			status = EXIT_TRY_LATER;
		} else {
			cmd_plan_run(c.plan, ready, &c);
			status = c.status;
		}
	}
	talloc_free(mem);
	return status;
}
