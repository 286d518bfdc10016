/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_selftest - `tierpost selftest`: the dated report of what this gateway
 * does where it must not deliver.
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unbound.h>

#include "gateway/cmd_util.h"
#include "gateway/selftest_json.h"
#include "util/sha256.h"

static int
usage(void)
{
	fprintf(stderr, "usage: tierpost selftest [-c FILE] [--json]\n");
	return EXIT_USAGE;
}

/* ---- for people ---- */

static void
print_seen(const struct selftest_result *r)
{
	printf("          at its host: connections %u, commands of a mail in "
	       "clear %u, in TLS %u, messages %u\n",
	    r->seen.connections, r->seen.clear, r->seen.inside,
	    r->seen.messages);
	if (!r->recorded) {
		printf("          no record was written\n");
		return;
	}
	printf("          recorded: %s%s%s%s, reached %s, %s\n",
	    *r->record.host == '\0' || r->record.skip ? "" : "required ",
	    *r->record.host == '\0' ? "no host is known" :
	    r->record.skip          ? "not to be used" :
				      level_name(r->record.required),
	    r->record.method == METHOD_NONE ? "" : " by ",
	    r->record.method == METHOD_NONE ? "" :
					      method_name(r->record.method),
	    evidence_reached_name(r->record.reached),
	    evidence_outcome_name(r->record.outcome));
}

static void
print_report(const struct conf *conf, const struct selftest *t)
{
	char hex[2 * SHA256_BYTES + 1], when[CLOCK_TEXT_BYTES];

	hex_encode(span_of(conf->digest, SHA256_BYTES), hex);
	printf("Self-test of %s, %s\n", conf->hostname,
	    wall_rfc3339(cmd_wall_now(), when));
	printf("tierpost %s, %s, libunbound %s\nconfiguration %s\n",
	    TIERPOST_VERSION, OpenSSL_version(OPENSSL_VERSION), ub_version(),
	    hex);
	printf("\nMail for domains made on the spot, with DNSSEC, MTA-STS and "
	       "mail servers of their\nown, went through this program's "
	       "keeper, advisor and courier.\n\n");
	for (size_t i = 0; i < t->count; i++) {
		const struct selftest_result *r = &t->result[i];

		printf("  %s  %s\n", r->passed ? "pass" : "FAIL", r->name);
		printf("          wrong with it: %s\n", r->about);
		printf("          must be: %s (%s)\n",
		    selftest_expect_text(r->expect), r->section);
		print_seen(r);
	}
	printf("\n%s  the records of it are an unbroken chain\n",
	    t->chain ? "pass" : "FAIL");
	printf("\n%zu of %zu as they must be\n", t->passed, t->count);
}

/* ---- the run ---- */

static void
print_json(const struct conf *conf, const struct selftest *t)
{
	json_t *o = selftest_json(conf, t, cmd_wall_now());

	cmd_print_json(o, JSON_INDENT(2));
}

static int
run(TALLOC_CTX *mem, const struct conf *conf, bool json)
{
	struct selftest t;
	struct diag why = { 0 };

	if (selftest_run(mem, conf, &t, &why) != ST_OK) {
		fprintf(stderr,
		    "tierpost: the self-test could not be made: "
		    "%s\n",
		    why.text);
		return EXIT_TRY_LATER;
	}
	if (json)
		print_json(conf, &t);
	else
		print_report(conf, &t);
	return selftest_all_passed(&t) ? EXIT_DONE : EXIT_NO;
}

int
cmd_selftest(int argc, char **argv)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	const char *path = CMD_DEFAULT_CONF;
	const struct conf *conf;
	bool json = false, good = true;
	int status;

	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
			path = argv[++i];
		else
			good = false;
	if (!good)
		status = usage();
	else if ((conf = cmd_read_conf(mem, path, false)) == NULL)
		status = EXIT_CONFIG;
	else
		status = run(mem, conf, json);
	talloc_free(mem);
	return status;
}
