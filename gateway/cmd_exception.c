/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/cmd_exception.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

enum exception_verb {
	VERB_ADD,
	VERB_LIST,
	VERB_SHOW,
	VERB_REVOKE,
	VERB_CHECK,
};
#define VERB_COUNT 5u

static const char *const verbs[VERB_COUNT] = {
	[VERB_ADD] = "add",
	[VERB_LIST] = "list",
	[VERB_SHOW] = "show",
	[VERB_REVOKE] = "revoke",
	[VERB_CHECK] = "check",
};

static int
usage(void)
{
	fputs("usage: tierpost exception add NAME --domain DOMAIN... "
	      "[--mx HOST...]\n"
	      "           --waives FAILURE... | --allow plain|may|encrypt\n"
	      "           --reason TEXT --approver WHO [--ticket TEXT]\n"
	      "           --expires DATE | --days N  [--budget MESSAGES]\n"
	      "       tierpost exception list [--json]\n"
	      "       tierpost exception show NAME [--json]\n"
	      "       tierpost exception revoke NAME --reason TEXT\n"
	      "       tierpost exception check [--within DAYS] [--json]\n"
	      "\n"
	      "Each takes -c FILE.  --domain, --mx and --waives may be given "
	      "several times.\n"
	      "FAILURE is tlsa-mismatch, tlsa-lookup, sts-mx, certificate, "
	      "legacy-tls,\n"
	      "no-starttls or plain.\n",
	    stderr);
	return EXIT_USAGE;
}

static bool
bad(const char *what, const char *text)
{
	fprintf(stderr, "tierpost: %s: %s\n", what, text);
	return false;
}

/* ---- arguments ---- */

static bool
take_text(const char **out, const char *name, const char *value)
{
	if (**out != '\0')
		return bad(name, "given twice");
	if (span_trim(span_str(value)).n == 0)
		return bad(name, "a text is expected behind it");
	*out = value;
	return true;
}

static bool
take_one_more(TALLOC_CTX *mem, struct exception_texts *list, const char *name,
    const char *value)
{
	if (*value == '\0')
		return bad(name, "a name is expected behind it");
	list->text = need(talloc_realloc(mem, list->text, const char *,
	    (unsigned)list->count + 1));
	list->text[list->count++] = value;
	return true;
}

static bool
take_days(uint64_t *out, const char *name, const char *value)
{
	if (span_u64(span_str(value), CONF_EXCEPTION_MAX_DAYS, out) != ST_OK ||
	    *out == 0)
		return bad(name, "a number of days from 1 to 366 is expected");
	return true;
}

_Static_assert(CONF_EXCEPTION_MAX_DAYS == 366, "the text of take_days()");

/* *known: there is such an option. */
static bool
take_option(TALLOC_CTX *mem, struct exception_args *a, const char *name,
    const char *value, bool *known)
{
	uint64_t days = 0;

	if (strcmp(name, "-c") == 0) {
		a->conf_path = value;
		return *value != '\0' || bad(name, "which file?");
	}
	if (strcmp(name, "--domain") == 0)
		return take_one_more(mem, &a->domain, name, value);
	if (strcmp(name, "--mx") == 0)
		return take_one_more(mem, &a->mx, name, value);
	if (strcmp(name, "--waives") == 0)
		return take_one_more(mem, &a->waives, name, value);
	if (strcmp(name, "--allow") == 0)
		return take_text(&a->allow, name, value);
	if (strcmp(name, "--reason") == 0)
		return take_text(&a->reason, name, value);
	if (strcmp(name, "--approver") == 0)
		return take_text(&a->approver, name, value);
	if (strcmp(name, "--ticket") == 0)
		return take_text(&a->ticket, name, value);
	if (strcmp(name, "--budget") == 0)
		return take_text(&a->budget, name, value);
	if (strcmp(name, "--expires") == 0)
		return take_text(&a->expires, name, value);
	if (strcmp(name, "--days") == 0) {
		bool good = take_days(&days, name, value);

		a->days = (uint32_t)days;
		return good;
	}
	if (strcmp(name, "--within") == 0) {
		bool good = take_days(&days, name, value);

		a->within_ms = (int64_t)days * DAY_MS;
		return good;
	}
	*known = false;
	return true;
}

static bool
read_args(TALLOC_CTX *mem, int argc, char **argv, struct exception_args *a)
{
	*a = (struct exception_args){
		.conf_path = CMD_DEFAULT_CONF,
		.name = "",
		.allow = "",
		.reason = "",
		.approver = "",
		.ticket = "",
		.budget = "",
		.expires = "",
		.within_ms = -1,
	};
	for (int i = 2; i < argc; i++) {
		bool known = true;

		if (argv[i][0] != '-') {
			if (*a->name != '\0')
				return bad(argv[i], "one name is expected");
			a->name = argv[i];
		} else if (strcmp(argv[i], "--json") == 0) {
			a->json = true;
		} else {
			if (!take_option(mem, a, argv[i],
				i + 1 < argc ? argv[i + 1] : "", &known))
				return false;
			if (!known)
				return bad(argv[i], "there is no such option");
			i++;
		}
	}
	return true;
}

/* ---- verbs ---- */

/* What an exception must say (INV-04). */
static bool
is_complete(const struct exception_args *a)
{
	if (a->domain.count == 0)
		return bad("add", "--domain: which domains is it for?");
	if ((*a->allow == '\0') == (a->waives.count == 0))
		return bad("add", "--waives or --allow, one of them: which "
				  "failures does it waive, or what does it "
				  "allow?");
	if (*a->reason == '\0')
		return bad("add", "--reason: why is it needed?");
	if (*a->approver == '\0')
		return bad("add", "--approver: who answers for it?");
	if ((*a->expires == '\0') == (a->days == 0))
		return bad("add", "when does it end: --expires or --days, one "
				  "of them?");
	return true;
}

static bool
is_bare(const struct exception_args *a)
{
	if (a->domain.count > 0 || a->mx.count > 0 || a->waives.count > 0 ||
	    *a->allow != '\0' || *a->approver != '\0' || *a->ticket != '\0' ||
	    *a->budget != '\0' || *a->expires != '\0' || a->days > 0)
		return bad("exception", "such options go with add");
	return true;
}

static bool
suits(enum exception_verb verb, const struct exception_args *a)
{
	bool named = verb == VERB_ADD || verb == VERB_SHOW ||
		     verb == VERB_REVOKE;

	if (named != (*a->name != '\0'))
		return bad(verbs[verb],
		    named ? "which exception?" : "it takes no name");
	if (a->within_ms >= 0 && verb != VERB_CHECK)
		return bad("--within", "goes with check");
	if (a->json && (verb == VERB_ADD || verb == VERB_REVOKE))
		return bad("--json", "goes with list, show and check");
	if (verb == VERB_ADD)
		return is_complete(a);
	if (*a->reason != '\0' && verb != VERB_REVOKE)
		return bad("--reason", "goes with add and revoke");
	if (*a->reason == '\0' && verb == VERB_REVOKE)
		return bad("revoke", "--reason: why?");
	return is_bare(a);
}

static int
look(TALLOC_CTX *mem, enum exception_verb verb, const struct exception_args *a)
{
	const struct conf *conf = cmd_read_conf(mem, a->conf_path, false);

	if (conf == NULL)
		return EXIT_CONFIG;
	if (verb == VERB_LIST)
		return exception_list(mem, conf, a);
	return verb == VERB_SHOW ? exception_show(mem, conf, a) :
				   exception_check(mem, conf, a);
}

static int
run(TALLOC_CTX *mem, enum exception_verb verb, const struct exception_args *a)
{
	switch (verb) {
	case VERB_ADD:
		return exception_add(mem, a);
	case VERB_REVOKE:
		return exception_revoke(mem, a);
	case VERB_LIST:
	case VERB_SHOW:
	case VERB_CHECK:
		return look(mem, verb, a);
	}
	return EXIT_USAGE; /* not reached: the switch names every verb */
}

int
cmd_exception(int argc, char **argv)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	int verb = argc < 2 ? -1 :
			      span_index(span_str(argv[1]), verbs, VERB_COUNT);
	struct exception_args a;
	int status;

	if (verb < 0 || !read_args(mem, argc, argv, &a) ||
	    !suits((enum exception_verb)verb, &a))
		status = usage();
	else
		status = run(mem, (enum exception_verb)verb, &a);
	talloc_free(mem);
	return status;
}
