/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_queue - `tierpost queue …`. */
#include "gateway/cmd_queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/domain.h"

enum queue_verb {
	VERB_LIST,
	VERB_SHOW,
	VERB_SUMMARY,
	VERB_HOLD,
	VERB_RELEASE,
	VERB_RETRY,
	VERB_DELETE,
	VERB_REDIRECT,
};
#define VERB_COUNT 8u

static const char *const verbs[VERB_COUNT] = {
	[VERB_LIST] = "list",
	[VERB_SHOW] = "show",
	[VERB_SUMMARY] = "summary",
	[VERB_HOLD] = "hold",
	[VERB_RELEASE] = "release",
	[VERB_RETRY] = "retry",
	[VERB_DELETE] = "delete",
	[VERB_REDIRECT] = "redirect",
};

static const char *const bys[QUEUE_BY_COUNT] = {
	[BY_DOMAIN] = "domain",
	[BY_SENDER] = "sender",
	[BY_REASON] = "reason",
	[BY_STATE] = "state",
};

static int
usage(void)
{
	fputs(
	    "usage: tierpost queue list [WHICH] [--json]\n"
	    "       tierpost queue show [--content] [--json] ID...\n"
	    "       tierpost queue summary [WHICH] [--by domain|sender|reason|"
	    "state] [--json]\n"
	    "       tierpost queue hold|release|retry WHICH [--note TEXT]\n"
	    "       tierpost queue delete WHICH [--notify] [--note TEXT]\n"
	    "       tierpost queue redirect WHICH --to ADDRESS [--note TEXT]\n"
	    "\n"
	    "WHICH: ID...  --sender PATTERN  --recipient PATTERN  "
	    "--domain DOMAIN\n"
	    "       --older TIME  --newer TIME  --reason TEXT\n"
	    "       --state new|due|deferred|held  --all\n"
	    "Each takes -c FILE.  All of WHICH that is given must hold.\n",
	    stderr);
	return EXIT_USAGE;
}

/* ---- one argument ---- */

static bool
bad(const char *what, const char *value)
{
	fprintf(stderr, "tierpost queue: %s: %s\n", what, value);
	return false;
}

static bool
take_id(struct queue_args *a, int64_t *ids, const char *text)
{
	if (a->filter.id_count == QUEUE_FILTER_IDS)
		return bad("too many ids at once", text);
	if (queue_id_parse(span_str(text), &ids[a->filter.id_count]) != ST_OK)
		return bad("not a queue id", text);
	a->filter.id_count++;
	return true;
}

static bool
take_age(int64_t *ms, const char *text)
{
	if (duration_parse(span_str(text), ms) == ST_OK && *ms > 0)
		return true;
	return bad("not a time such as 90m, 4h or 2d", text);
}

static bool
take_domain(TALLOC_CTX *mem, const char **out, const char *text)
{
	bool below = *text == '.';
	struct diag why = { 0 };
	const char *name;

	if (strcmp(text, "*") == 0 || domain_is_address(span_str(text))) {
		*out = text;
		return true;
	}
	if (domain_canonical(mem, span_str(text + below), &name, &why) != ST_OK)
		return bad(why.text, text);
	*out = below ? need(talloc_asprintf(mem, ".%s", name)) : name;
	return true;
}

static bool
take_text(const char **out, const char *text)
{
	if (*text == '\0' || strlen(text) >= QUEUE_FILTER_TEXT_BYTES)
		return bad("empty or too long", text);
	*out = text;
	return true;
}

static bool
take_state(struct queue_filter *f, const char *text)
{
	for (unsigned i = 0; i < QUEUE_STATE_COUNT; i++)
		if (strcmp(text, queue_state_name((enum queue_state)i)) == 0) {
			f->has_state = true;
			f->state = (enum queue_state)i;
			return true;
		}
	return bad("not a state", text);
}

static bool
take_by(enum queue_by *by, const char *text)
{
	int i = span_index(span_str(text), bys, QUEUE_BY_COUNT);

	if (i < 0)
		return bad("--by domain, sender, reason or state", text);
	*by = (enum queue_by)i;
	return true;
}

/* An option with its value; NULL: it has none.  *known: there is such. */
static bool
take_option(TALLOC_CTX *mem, struct queue_args *a, const char *name,
    const char *value, bool *known)
{
	struct queue_filter *f = &a->filter;

	*known = true;
	if (strcmp(name, "-c") == 0)
		return take_text(&a->conf_path, value);
	if (strcmp(name, "--sender") == 0)
		return take_text(&f->sender, value);
	if (strcmp(name, "--recipient") == 0)
		return take_text(&f->recipient, value);
	if (strcmp(name, "--reason") == 0)
		return take_text(&f->reason, value);
	if (strcmp(name, "--domain") == 0)
		return take_domain(mem, &f->domain, value);
	if (strcmp(name, "--older") == 0)
		return take_age(&f->older_ms, value);
	if (strcmp(name, "--newer") == 0)
		return take_age(&f->newer_ms, value);
	if (strcmp(name, "--state") == 0)
		return take_state(f, value);
	if (strcmp(name, "--by") == 0)
		return take_by(&a->by, value);
	if (strcmp(name, "--to") == 0)
		return take_text(&a->to, value);
	if (strcmp(name, "--note") == 0)
		return take_text(&a->reason, value);
	*known = false;
	return true;
}

static bool
take_flag(struct queue_args *a, const char *name)
{
	if (strcmp(name, "--json") == 0)
		a->json = true;
	else if (strcmp(name, "--all") == 0)
		a->all = true;
	else if (strcmp(name, "--notify") == 0)
		a->notify = true;
	else if (strcmp(name, "--content") == 0)
		a->content = true;
	else
		return false;
	return true;
}

static int
by_number(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Ascending, each once. */
static void
sort_ids(struct queue_filter *f, int64_t *ids)
{
	size_t n = 0;

	qsort(ids, f->id_count, sizeof(*ids), by_number);
	for (size_t i = 0; i < f->id_count; i++)
		if (n == 0 || ids[n - 1] != ids[i])
			ids[n++] = ids[i];
	f->id = ids;
	f->id_count = n;
}

static bool
read_args(TALLOC_CTX *mem, int argc, char **argv, struct queue_args *a)
{
	int64_t *ids = need(talloc_array(mem, int64_t, QUEUE_FILTER_IDS));

	*a = (struct queue_args){
		.conf_path = CMD_DEFAULT_CONF, .to = "", .reason = ""
	};
	a->filter.sender = a->filter.recipient = "";
	a->filter.domain = a->filter.reason = "";
	for (int i = 2; i < argc; i++) {
		bool known = true;

		if (argv[i][0] != '-') {
			if (!take_id(a, ids, argv[i]))
				return false;
			continue;
		}
		if (take_flag(a, argv[i]))
			continue;
		if (!take_option(mem, a, argv[i],
			i + 1 < argc ? argv[i + 1] : "", &known))
			return false;
		if (!known)
			return bad("no such option", argv[i]);
		i++;
	}
	sort_ids(&a->filter, ids);
	return true;
}

/* ---- verbs ---- */

/* "All of the queue" must be said, where something changes. */
static bool
suits(enum queue_verb verb, const struct queue_args *a)
{
	bool empty = queue_filter_is_empty(&a->filter);

	if (verb == VERB_SHOW && a->filter.id_count == 0)
		return bad("show", "which id?");
	if (verb >= VERB_HOLD && empty && !a->all)
		return bad(verbs[verb],
		    "say which, or --all for the whole queue");
	if (a->all && !empty)
		return bad("--all", "and a choice contradict each other");
	if ((verb == VERB_REDIRECT) != (*a->to != '\0'))
		return bad("--to ADDRESS", "goes with redirect");
	if (a->notify && verb != VERB_DELETE)
		return bad("--notify", "goes with delete");
	return true;
}

static int
run(TALLOC_CTX *mem, const struct conf *conf, enum queue_verb verb,
    const struct queue_args *a)
{
	switch (verb) {
	case VERB_LIST:
		return queue_list(mem, conf, a);
	case VERB_SHOW:
		return queue_show(mem, conf, a);
	case VERB_SUMMARY:
		return queue_summary(mem, conf, a);
	case VERB_HOLD:
		return queue_change(mem, conf, a, ADMIN_HOLD);
	case VERB_RELEASE:
		return queue_change(mem, conf, a, ADMIN_RELEASE);
	case VERB_RETRY:
		return queue_change(mem, conf, a, ADMIN_RETRY);
	case VERB_DELETE:
		return queue_change(mem, conf, a, ADMIN_DELETE);
	case VERB_REDIRECT:
		return queue_change(mem, conf, a, ADMIN_REDIRECT);
	}
	return EXIT_USAGE; /* not reached: the switch names every verb */
}

int
cmd_queue(int argc, char **argv)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	int verb = argc < 2 ? -1 :
			      span_index(span_str(argv[1]), verbs, VERB_COUNT);
	struct queue_args a;
	struct conf *conf;
	int status;

	if (verb < 0 || !read_args(mem, argc, argv, &a) ||
	    !suits((enum queue_verb)verb, &a))
		status = usage();
	else if ((conf = cmd_read_conf(mem, a.conf_path, false)) == NULL)
		status = EXIT_CONFIG;
	else
		status = run(mem, conf, (enum queue_verb)verb, &a);
	talloc_free(mem);
	return status;
}
