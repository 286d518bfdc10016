/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_policy - `tierpost policy …`. */
#include "gateway/cmd_policy.h"

#include <stdio.h>
#include <string.h>

#include "util/domain.h"

enum verb { VERB_LIST, VERB_SHOW, VERB_REFRESH, VERB_FORGET };
#define VERB_COUNT 4u

static const char *const verbs[VERB_COUNT] = {
	[VERB_LIST] = "list",
	[VERB_SHOW] = "show",
	[VERB_REFRESH] = "refresh",
	[VERB_FORGET] = "forget",
};

#define REASON_BYTES 255u /* as the keeper takes */

static int
usage(void)
{
	fputs("usage: tierpost policy list [--failing] [--json]\n"
	      "       tierpost policy show [--json] DOMAIN...\n"
	      "       tierpost policy refresh [--json] DOMAIN...\n"
	      "       tierpost policy forget --reason TEXT [--yes] [--json] "
	      "DOMAIN...\n"
	      "\n"
	      "Each takes -c FILE.\n",
	    stderr);
	return EXIT_USAGE;
}

static bool
bad(const char *what, const char *value)
{
	fprintf(stderr, "tierpost policy: %s: %s\n", what, value);
	return false;
}

static bool
take_domain(TALLOC_CTX *mem, struct policy_args *a, const char *text)
{
	struct diag why = { 0 };

	if (a->domain_count == POLICY_MAX_DOMAINS)
		return bad("too many domains at once", text);
	if (domain_canonical(mem, span_str(text), &a->domain[a->domain_count],
		&why) != ST_OK)
		return bad(why.text, text);
	a->domain_count++;
	return true;
}

static bool
take_reason(const char **out, const char *text)
{
	struct span a = span_str(text);

	if (a.n == 0 || a.n > REASON_BYTES)
		return bad("--reason: empty or too long", text);
	for (size_t i = 0; i < a.n; i++)
		if (a.p[i] < ' ' || a.p[i] > '~')
			return bad("--reason: not printable ASCII", text);
	*out = text;
	return true;
}

static bool
take_flag(struct policy_args *a, const char *name)
{
	if (strcmp(name, "--json") == 0)
		return a->json = true;
	if (strcmp(name, "--failing") == 0)
		return a->failing = true;
	if (strcmp(name, "--yes") == 0)
		return a->yes = true;
	return false;
}

static bool
read_args(TALLOC_CTX *mem, int argc, char **argv, struct policy_args *a)
{
	*a = (struct policy_args){
		.conf_path = CMD_DEFAULT_CONF, .reason = "", .by = cmd_who()
	}; /* before the store makes us its owner */
	for (int i = 2; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		bool good;

		if (take_flag(a, argv[i]))
			continue;
		if (strcmp(argv[i], "-c") == 0 && *value != '\0') {
			a->conf_path = value;
			i++;
			continue;
		}
		if (strcmp(argv[i], "--reason") == 0) {
			good = take_reason(&a->reason, value);
			i++;
		} else if (argv[i][0] == '-') {
			good = bad("no such option", argv[i]);
		} else {
			good = take_domain(mem, a, argv[i]);
		}
		if (!good)
			return false;
	}
	return true;
}

static bool
suits(enum verb verb, const struct policy_args *a)
{
	if (verb == VERB_LIST && a->domain_count > 0)
		return bad("list takes no domain, show does", a->domain[0]);
	if (verb != VERB_LIST && a->domain_count == 0)
		return bad(verbs[verb], "of which domain?");
	if (a->failing && verb != VERB_LIST)
		return bad("--failing", "goes with list");
	if ((a->yes || *a->reason != '\0') && verb != VERB_FORGET)
		return bad("--yes and --reason", "go with forget");
	if (verb == VERB_FORGET && *a->reason == '\0')
		return bad("forget",
		    "say why with --reason TEXT: it goes into the evidence");
	return true;
}

/* What is known to be required may not be lowered in passing (INV-02). */
static int
forget(TALLOC_CTX *mem, const struct conf *conf, const struct policy_args *a)
{
	size_t enforced = policy_warn_enforced(mem, conf, a);

	if (enforced > 0 && !a->yes) {
		fprintf(stderr,
		    "tierpost: nothing was forgotten; if that is what you "
		    "want, say --yes\n");
		return EXIT_NO;
	}
	return policy_change(mem, conf, a, POLICY_FORGET);
}

static int
run(TALLOC_CTX *mem, const struct conf *conf, enum verb verb,
    const struct policy_args *a)
{
	switch (verb) {
	case VERB_LIST:
		return policy_list(mem, conf, a);
	case VERB_SHOW:
		return policy_show(mem, conf, a);
	case VERB_REFRESH:
		return policy_change(mem, conf, a, POLICY_REFRESH);
	case VERB_FORGET:
		return forget(mem, conf, a);
	}
	return EXIT_USAGE; /* not reached: the switch names every verb */
}

int
cmd_policy(int argc, char **argv)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	int verb = argc < 2 ? -1 :
			      span_index(span_str(argv[1]), verbs, VERB_COUNT);
	struct policy_args a;
	struct conf *conf;
	int status;

	if (verb < 0 || !read_args(mem, argc, argv, &a) ||
	    !suits((enum verb)verb, &a))
		status = usage();
	else if ((conf = cmd_read_conf(mem, a.conf_path, false)) == NULL)
		status = EXIT_CONFIG;
	else
		status = run(mem, conf, (enum verb)verb, &a);
	talloc_free(mem);
	return status;
}
