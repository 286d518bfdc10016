/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_evidence - `tierpost evidence list|show|verify`. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_util.h"
#include "gateway/evidence_verify.h"
#include "report/evidence_text.h"
#include "util/sha256.h"

struct options {
	const char *conf;
	bool json;
	const char *domain;
	const char *message;
	struct wall since;
	struct wall until;
};

/* What a walk over the records carries along. */
struct walk {
	TALLOC_CTX *mem;
	const struct options *opt;
	uint64_t count;
	bool broken;
};

static int
usage(void)
{
	fprintf(stderr,
	    "usage: tierpost evidence list [-c FILE] [--json] "
	    "[--domain D] [--message ID] [--since T] [--until T]\n"
	    "       tierpost evidence show [-c FILE] [--json] NUMBER\n"
	    "       tierpost evidence verify [-c FILE]\n"
	    "T is 2026-11-24 or 2026-11-24T08:00:00Z\n");
	return EXIT_USAGE;
}

/* One record printed; a record that cannot be read is said to be so. */
static bool
print_record(void *arg, const struct store_evidence *rec)
{
	struct walk *w = arg;
	TALLOC_CTX *tmp = need(talloc_new(w->mem));
	struct diag why = { 0 };
	struct evidence e;

	w->count++;
	if (evidence_unpack(tmp, rec->personal, rec->body, &e, &why) != ST_OK) {
		fprintf(stderr, "record %" PRIu64 ": %s\n", rec->seq, why.text);
		w->broken = true;
	} else if (w->opt->json) {
		json_t *j = evidence_json(rec->seq, rec->hash, &e);

		json_dumpf(j, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
		putchar('\n');
		json_decref(j);
	} else {
		evidence_print_line(stdout, rec->seq, &e);
	}
	talloc_free(tmp);
	return true;
}

static bool
print_whole(void *arg, const struct store_evidence *rec)
{
	struct walk *w = arg;
	TALLOC_CTX *tmp = need(talloc_new(w->mem));
	struct diag why = { 0 };
	struct evidence e;

	w->count++;
	if (w->opt->json) {
		talloc_free(tmp);
		w->count--;
		(void)print_record(w, rec);
		return false;
	}
	if (evidence_unpack(tmp, rec->personal, rec->body, &e, &why) != ST_OK) {
		fprintf(stderr, "record %" PRIu64 ": %s\n", rec->seq, why.text);
		w->broken = true;
	} else {
		evidence_print_whole(stdout, rec->seq, rec->hash, &e);
	}
	talloc_free(tmp);
	return false;
}

static int
verify(struct store *store)
{
	struct evidence_verification v;
	char hex[2 * EVIDENCE_HASH_BYTES + 1];
	struct diag why = { 0 };

	if (evidence_verify(store, &v, &why) != ST_OK) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		return EXIT_TRY_LATER;
	}
	if (!v.good) {
		fprintf(stderr, "broken at record %" PRIu64 ": %s\n",
		    v.wrong_at, v.why);
		return EXIT_NO;
	}
	hex_encode(span_of(v.last_hash, sizeof(v.last_hash)), hex);
	printf("verified: %" PRIu64 " records, unbroken from record 1\n"
	       "last hash: %s\n",
	    v.records, hex);
	if (v.without_addresses > 0)
		printf("%" PRIu64 " records have had their addresses "
		       "removed\n",
		    v.without_addresses);
	return EXIT_DONE;
}

static int
list(struct store *store, struct walk *w)
{
	struct store_evidence_query q = { .since = w->opt->since,
		.until = w->opt->until,
		.domain = w->opt->domain };
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
	struct store_evidence_query q = { 0 };
	struct diag why = { 0 };

	if (span_u64(span_str(number), INT64_MAX, &q.from_seq) != ST_OK ||
	    q.from_seq == 0)
		return usage();
	if (store_evidence_each(store, &q, print_whole, w, &why) != ST_OK) {
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
parse(int argc, char **argv, struct options *o, const char **rest)
{
	*o = (struct options){ .conf = CMD_DEFAULT_CONF };
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
	struct options opt;
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
		status = verify(store);
	else if (strcmp(verb, "list") == 0)
		status = list(store, &w);
	else if (strcmp(verb, "show") == 0)
		status = show(store, &w, rest);
	else
		status = usage();
	talloc_free(mem);
	return status;
}
