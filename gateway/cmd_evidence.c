/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_evidence - `tierpost evidence`: list and show, and who does the rest. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/cmd_evidence.h"

/* What a walk over the records carries along. */
struct walk {
	TALLOC_CTX *mem;
	const struct evidence_options *opt;
	uint64_t count;
	bool whole; /* all fields, of one record */
	bool broken;
};

static int
usage(void)
{
	fprintf(stderr,
	    "usage: tierpost evidence list [-c FILE] [--json] "
	    "[--domain D] [--message ID] [--since T] [--until T]\n"
	    "       tierpost evidence show [-c FILE] [--json] NUMBER\n"
	    "       tierpost evidence verify [-c FILE] [--json] [--key "
	    "FILE]... "
	    "[--checkpoints FILE]\n"
	    "       tierpost evidence replay [-c FILE] [--domain D] "
	    "[--since T] [--until T]\n"
	    "       tierpost evidence export [-c FILE] --since T "
	    "[--until T]\n"
	    "T is 2026-11-24 or 2026-11-24T08:00:00Z\n");
	return EXIT_USAGE;
}

json_t *
evidence_any_json(TALLOC_CTX *tmp, const struct store_evidence *rec,
    struct diag *why)
{
	struct evidence e;
	struct chain_event ev;

	if (chain_event_is(rec->body))
		return chain_event_unpack(tmp, rec->body, &ev, why) == ST_OK ?
			   chain_event_json(rec->seq, rec->hash, &ev) :
			   NULL;
	return evidence_unpack(tmp, rec->personal, rec->body, &e, why) ==
		       ST_OK ?
		   evidence_json(rec->seq, rec->hash, &e) :
		   NULL;
}

static bool
print_json(TALLOC_CTX *tmp, const struct store_evidence *rec, struct diag *why)
{
	json_t *j = evidence_any_json(tmp, rec, why);

	if (j == NULL)
		return false;
	cmd_print_json(j, JSON_COMPACT);
	return true;
}

static bool
print_text(const struct walk *w, TALLOC_CTX *tmp,
    const struct store_evidence *rec, struct diag *why)
{
	struct evidence e;
	struct chain_event ev;

	if (chain_event_is(rec->body)) {
		if (chain_event_unpack(tmp, rec->body, &ev, why) != ST_OK)
			return false;
		if (w->whole)
			chain_event_print_whole(stdout, rec->seq, rec->hash,
			    &ev);
		else
			chain_event_print_line(stdout, rec->seq, &ev);
		return true;
	}
	if (evidence_unpack(tmp, rec->personal, rec->body, &e, why) != ST_OK)
		return false;
	if (w->whole)
		evidence_print_whole(stdout, rec->seq, rec->hash, &e);
	else
		evidence_print_line(stdout, rec->seq, &e);
	return true;
}

/* One record printed; a record that cannot be read is said to be so. */
static bool
print_record(void *arg, const struct store_evidence *rec)
{
	struct walk *w = arg;
	TALLOC_CTX *tmp = need(talloc_new(w->mem));
	struct diag why = { 0 };

	w->count++;
	if (!(w->opt->json ? print_json(tmp, rec, &why) :
			     print_text(w, tmp, rec, &why))) {
		fprintf(stderr, "record %" PRIu64 ": %s\n", rec->seq, why.text);
		w->broken = true;
	}
	talloc_free(tmp);
	return !w->whole;
}

static int
list(struct store *store, struct walk *w)
{
	struct store_evidence_query q = { .since = w->opt->since,
		.until = w->opt->until,
		.domain = w->opt->domain,
		/* of a domain or a message there are none */
		.events = w->opt->domain == NULL && w->opt->message == NULL };
	struct diag why = { 0 };

	if (w->opt->message != NULL &&
	    queue_id_parse(span_str(w->opt->message), &q.message) != ST_OK) {
		fprintf(stderr, "tierpost: %s is not a queue id\n",
		    w->opt->message);
		return EXIT_USAGE;
	}
	if (!w->opt->json)
		evidence_print_heading(stdout);
	if (store_evidence_each(store, &q, print_record, w, &why) != ST_OK) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		return EXIT_TRY_LATER;
	}
	return w->broken ? EXIT_NO : EXIT_DONE;
}

static int
show(struct store *store, struct walk *w, const char *number)
{
	struct store_evidence_query q = { .events = true };
	struct diag why = { 0 };

	w->whole = true;
	if (span_u64(span_str(number), INT64_MAX, &q.from_seq) != ST_OK ||
	    q.from_seq == 0)
		return usage();
	if (store_evidence_each(store, &q, print_record, w, &why) != ST_OK) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		return EXIT_TRY_LATER;
	}
	if (w->count == 0) {
		fprintf(stderr, "tierpost: there is no record %s\n", number);
		return EXIT_NO;
	}
	return w->broken ? EXIT_NO : EXIT_DONE;
}

/* Options in any order; others stay in *rest.  false: usage. */
static bool
parse(int argc, char **argv, struct evidence_options *o, const char **rest)
{
	*o = (struct evidence_options){ .conf = CMD_DEFAULT_CONF };
	for (int i = 1; i < argc; i++) {
		bool more = i + 1 < argc;

		if (strcmp(argv[i], "--json") == 0)
			o->json = true;
		else if (strcmp(argv[i], "-c") == 0 && more)
			o->conf = argv[++i];
		else if (strcmp(argv[i], "--domain") == 0 && more)
			o->domain = argv[++i];
		else if (strcmp(argv[i], "--message") == 0 && more)
			o->message = argv[++i];
		else if (strcmp(argv[i], "--key") == 0 && more &&
			 o->key_count < EVIDENCE_KEYS_MAX)
			o->key[o->key_count++] = argv[++i];
		else if (strcmp(argv[i], "--checkpoints") == 0 && more)
			o->checkpoints = argv[++i];
		else if (strcmp(argv[i], "--since") == 0 && more) {
			if (wall_parse(span_str(argv[++i]), &o->since) != ST_OK)
				return false;
		} else if (strcmp(argv[i], "--until") == 0 && more) {
			if (wall_parse(span_str(argv[++i]), &o->until) != ST_OK)
				return false;
		} else if (argv[i][0] != '-' && *rest == NULL)
			*rest = argv[i];
		else
			return false;
	}
	return true;
}

int
cmd_evidence(int argc, char **argv)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	const char *rest = NULL, *verb = argc > 1 ? argv[1] : "";
	struct evidence_options opt;
	struct walk w = { .mem = mem, .opt = &opt };
	struct store *store;
	struct conf *conf;
	int status = EXIT_CONFIG;

	if (argc < 2 || !parse(argc - 1, argv + 1, &opt, &rest) ||
	    (rest != NULL) != (strcmp(verb, "show") == 0))
		status = usage();
	else if ((conf = cmd_read_conf(mem, opt.conf, false)) == NULL)
		status = EXIT_CONFIG;
	else if ((store = cmd_open_store(mem, conf)) == NULL)
		status = EXIT_TRY_LATER;
	else if (strcmp(verb, "verify") == 0)
		status = evidence_cmd_verify(mem, conf, store, &opt);
	else if (strcmp(verb, "replay") == 0)
		status = evidence_cmd_replay(mem, store, &opt);
	else if (strcmp(verb, "export") == 0 && opt.since.ms > 0)
		status = evidence_cmd_export(mem, conf, store, &opt);
	else if (strcmp(verb, "list") == 0)
		status = list(store, &w);
	else if (strcmp(verb, "show") == 0)
		status = show(store, &w, rest);
	else
		status = usage();
	talloc_free(mem);
	return status;
}
