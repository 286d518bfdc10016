/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_report - `tierpost report plaintext`: which content left unencrypted,
 * why, and who allowed it; or that none did, with the range that shows it.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_util.h"
#include "report/evidence_text.h"
#include "util/sha256.h"

struct plaintext {
	TALLOC_CTX *mem;
	bool json;
	json_t *list;
	uint64_t found;
	uint64_t looked_at; /* records of the period */
	uint64_t first, last;
	bool broken;
};

static int
usage(void)
{
	fprintf(stderr, "usage: tierpost report plaintext --since T "
			"[--until T] [-c FILE] [--json]\n"
			"T is 2026-11-24 or 2026-11-24T08:00:00Z\n");
	return EXIT_USAGE;
}

static void
print_one(struct plaintext *p, const struct store_evidence *rec,
    const struct evidence *e)
{
	char when[CLOCK_TEXT_BYTES], expires[CLOCK_TEXT_BYTES];
	bool allowed = *e->exception != '\0';

	printf("record %" PRIu64 "  %s  %s via %s\n", rec->seq,
	    wall_rfc3339(e->time, when), e->domain, e->host);
	printf("    outcome   %s\n", evidence_outcome_name(e->outcome));
	printf("    required  %s (%s)\n", level_name(e->required), e->why);
	if (allowed)
		printf("    allowed   exception \"%s\": %s; approved by %s, "
		       "until %s\n",
		    e->exception, e->exc_reason, e->exc_approver,
		    wall_rfc3339(e->exc_expires, expires));
	else
		printf("    allowed   no published policy asked for more and "
		       "no exception was used\n");
	if (e->clear_retry)
		printf("    note      TLS had failed on this host %s\n",
		    e->recalled ? "a while before" : "just before");
	p->found++;
}

/*
 * Every record of the period is read, not only those an index calls clear:
 * the "none" must rest on the records themselves.
 */
static bool
look_at(void *arg, const struct store_evidence *rec)
{
	struct plaintext *p = arg;
	TALLOC_CTX *tmp = need(talloc_new(p->mem));
	struct diag why = { 0 };
	struct evidence e;

	if (p->looked_at++ == 0)
		p->first = rec->seq;
	p->last = rec->seq;
	if (evidence_unpack(tmp, rec->personal, rec->body, &e, &why) != ST_OK) {
		fprintf(stderr, "record %" PRIu64 ": %s\n", rec->seq, why.text);
		p->broken = true;
	} else if (evidence_is_plaintext(&e) && p->json) {
		json_array_append_new(p->list,
		    evidence_json(rec->seq, rec->hash, &e));
		p->found++;
	} else if (evidence_is_plaintext(&e)) {
		print_one(p, rec, &e);
	}
	talloc_free(tmp);
	return true;
}

static void
print_json(struct plaintext *p)
{
	json_t *out = need(json_object());

	json_object_set_new(out, "records",
	    json_integer((json_int_t)p->looked_at));
	json_object_set_new(out, "first", json_integer((json_int_t)p->first));
	json_object_set_new(out, "last", json_integer((json_int_t)p->last));
	json_object_set_new(out, "plaintext", p->list);
	json_dumpf(out, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(out);
}

static int
plaintext(struct store *store, const struct store_evidence_query *q,
    struct plaintext *p)
{
	struct diag why = { 0 };

	p->list = need(json_array());
	if (store_evidence_each(store, q, look_at, p, &why) != ST_OK) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		json_decref(p->list);
		return EXIT_TRY_LATER;
	}
	if (p->json) {
		print_json(p);
		return p->broken ? EXIT_NO : EXIT_DONE;
	}
	json_decref(p->list);
	if (p->looked_at == 0)
		printf("no attempts in this period\n");
	else if (p->found == 0)
		printf("none: of %" PRIu64 " attempts, records %" PRIu64
		       " to %" PRIu64 ", none sent content in clear\n",
		    p->looked_at, p->first, p->last);
	else
		printf("%" PRIu64 " of %" PRIu64 " attempts, records %" PRIu64
		       " to %" PRIu64 ", sent content in clear\n",
		    p->found, p->looked_at, p->first, p->last);
	return p->broken ? EXIT_NO : EXIT_DONE;
}

static bool
parse(int argc, char **argv, const char **conf, struct plaintext *p,
    struct store_evidence_query *q)
{
	for (int i = 2; i < argc; i++) {
		bool more = i + 1 < argc;

		if (strcmp(argv[i], "--json") == 0)
			p->json = true;
		else if (strcmp(argv[i], "-c") == 0 && more)
			*conf = argv[++i];
		else if (strcmp(argv[i], "--since") == 0 && more) {
			if (wall_parse(span_str(argv[++i]), &q->since) != ST_OK)
				return false;
		} else if (strcmp(argv[i], "--until") == 0 && more) {
			if (wall_parse(span_str(argv[++i]), &q->until) != ST_OK)
				return false;
		} else
			return false;
	}
	return q->since.ms != 0;
}

int
cmd_report(int argc, char **argv)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	struct plaintext p = { .mem = mem };
	struct store_evidence_query q = { 0 };
	const char *path = CMD_DEFAULT_CONF;
	struct store *store;
	struct conf *conf;
	int status;

	if (argc < 2 || strcmp(argv[1], "plaintext") != 0 ||
	    !parse(argc, argv, &path, &p, &q))
		status = usage();
	else if ((conf = cmd_read_conf(mem, path, false)) == NULL)
		status = EXIT_CONFIG;
	else if ((store = cmd_open_store(mem, conf)) == NULL)
		status = EXIT_TRY_LATER;
	else
		status = plaintext(store, &q, &p);
	talloc_free(mem);
	return status;
}
