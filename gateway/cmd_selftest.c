/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_selftest - `tierpost selftest`: the dated report of what this gateway
 * does where it must not deliver.
 */
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unbound.h>

#include "gateway/cmd_util.h"
#include "gateway/selftest.h"
#include "util/sha256.h"

static int
usage(void)
{
	fprintf(stderr, "usage: tierpost selftest [-c FILE] [--json]\n");
	return EXIT_USAGE;
}

static bool
all_passed(const struct selftest *t)
{
	return t->passed == t->count && t->chain;
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

/* ---- for programs ---- */

static void
put(json_t *o, const char *key, json_t *value)
{
	if (json_object_set_new(o, key, need(value)) != 0)
		out_of_memory("selftest");
}

static json_t *
result_json(const struct selftest_result *r)
{
	json_t *o = need(json_object());

	put(o, "name", json_string(r->name));
	put(o, "about", json_string(r->about));
	put(o, "section", json_string(r->section));
	put(o, "must-be", json_string(selftest_expect_text(r->expect)));
	put(o, "passed", json_boolean(r->passed));
	put(o, "queued", json_boolean(r->queued));
	put(o, "connections", json_integer(r->seen.connections));
	put(o, "commands-in-clear", json_integer(r->seen.clear));
	put(o, "commands-in-tls", json_integer(r->seen.inside));
	put(o, "messages", json_integer(r->seen.messages));
	if (!r->recorded)
		return o;
	put(o, "skip", json_boolean(r->record.skip));
	put(o, "required", json_string(level_name(r->record.required)));
	put(o, "method", json_string(method_name(r->record.method)));
	put(o, "row", json_string(r->record.row));
	put(o, "reached",
	    json_string(evidence_reached_name(r->record.reached)));
	put(o, "outcome",
	    json_string(evidence_outcome_name(r->record.outcome)));
	return o;
}

static void
print_json(const struct conf *conf, const struct selftest *t)
{
	char hex[2 * SHA256_BYTES + 1], when[CLOCK_TEXT_BYTES];
	json_t *o = need(json_object()), *list = need(json_array());

	hex_encode(span_of(conf->digest, SHA256_BYTES), hex);
	put(o, "time", json_string(wall_rfc3339(cmd_wall_now(), when)));
	put(o, "hostname", json_string(conf->hostname));
	put(o, "version", json_string(TIERPOST_VERSION));
	put(o, "openssl", json_string(OpenSSL_version(OPENSSL_VERSION)));
	put(o, "libunbound", json_string(ub_version()));
	put(o, "configuration", json_string(hex));
	for (size_t i = 0; i < t->count; i++)
		if (json_array_append_new(list, result_json(&t->result[i])) !=
		    0)
			out_of_memory("selftest");
	put(o, "tests", list);
	put(o, "chain", json_boolean(t->chain));
	put(o, "passed", json_boolean(all_passed(t)));
	json_dumpf(o, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(o);
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
	return all_passed(&t) ? EXIT_DONE : EXIT_NO;
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
