/* SPDX-License-Identifier: BSD-2-Clause */
/* The arguments of commands about reports that are sent. */
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_plan.h"
#include "gateway/cmd_tlsrpt.h"
#include "report/tlsrpt_tally.h"

struct reading {
	const char *conf;
	const char *domain;
	const char *day;
	unsigned takes;
};

static int
usage(const char *command, const char *text)
{
	fprintf(stderr, "usage: tierpost report tlsrpt %s %s\n", command, text);
	return EXIT_USAGE;
}

/* Options with a value: where it goes. */
static const char **
place_of(struct reading *r, const char *name, const char **since,
    const char **until)
{
	bool period = (r->takes & TLSRPT_TAKES_PERIOD) != 0;

	if (strcmp(name, "-c") == 0)
		return &r->conf;
	if (period && strcmp(name, "--since") == 0)
		return since;
	if (period && strcmp(name, "--until") == 0)
		return until;
	if (period && strcmp(name, "--domain") == 0)
		return &r->domain;
	return NULL;
}

/* false: not so. */
static bool
take_word(struct reading *r, const char *word)
{
	if ((r->takes & TLSRPT_TAKES_ONE) == 0 || *word == '-')
		return false;
	if (r->domain == NULL)
		r->domain = word;
	else if (r->day == NULL)
		r->day = word;
	else
		return false;
	return true;
}

static bool
take_day(const struct reading *r, struct tlsrpt_args *out)
{
	struct wall t;

	if (r->day == NULL) {
		out->day = tlsrpt_day(cmd_wall_now());
		return true;
	}
	if (wall_parse(span_str(r->day), &t) == ST_OK &&
	    tlsrpt_day(t).ms == t.ms) {
		out->day = t;
		return true;
	}
	fprintf(stderr, "tierpost: %s is not a day: 2026-11-24\n", r->day);
	return false;
}

static bool
settle(const struct reading *r, const char *since, const char *until,
    struct tlsrpt_args *out)
{
	out->until = WALL_NEVER;
	out->domain = "";
	if ((since != NULL && !report_time(since, &out->since)) ||
	    (until != NULL && !report_time(until, &out->until)) ||
	    !take_day(r, out))
		return false;
	if (r->domain != NULL)
		out->domain = cmd_domain(out->mem, r->domain);
	return out->domain != NULL;
}

int
tlsrpt_args_read(TALLOC_CTX *mem, int argc, char **argv, unsigned takes,
    const char *text, struct tlsrpt_args *out)
{
	struct reading r = { .conf = CMD_DEFAULT_CONF, .takes = takes };
	const char *since = NULL, *until = NULL;

	*out = (struct tlsrpt_args){ .mem = mem };
	for (int i = 1; i < argc; i++) {
		const char **place = place_of(&r, argv[i], &since, &until);

		if (place != NULL && i + 1 < argc)
			*place = argv[++i];
		else if ((takes & TLSRPT_TAKES_JSON) != 0 &&
			 strcmp(argv[i], "--json") == 0)
			out->json = true;
		else if (place != NULL || !take_word(&r, argv[i]))
			return usage(argv[0], text);
	}
	if ((takes & TLSRPT_TAKES_ONE) != 0 &&
	    (r.domain == NULL ||
		(r.day == NULL && (takes & TLSRPT_MAY_OMIT_DAY) == 0)))
		return usage(argv[0], text);
	if (!settle(&r, since, until, out))
		return EXIT_USAGE;
	out->conf = cmd_read_conf(mem, r.conf, false);
	return out->conf == NULL ? EXIT_CONFIG : EXIT_DONE;
}
