/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_queue - `tierpost queue list`. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_util.h"
#include "report/evidence.h"

struct list {
	bool json;
	json_t *rows;
	uint64_t count;
	struct wall now;
};

static int
usage(void)
{
	fprintf(stderr, "usage: tierpost queue list [-c FILE] [--json]\n");
	return EXIT_USAGE;
}

/* A recipient waits for the later of its own time and its destination's. */
static struct wall
next_attempt(const struct store_queue_row *q)
{
	return q->rcpt.next.ms > q->dest.due.ms ? q->rcpt.next : q->dest.due;
}

/* The reason that was told last: the destination's, when it is backing off. */
static const char *
last_reason(const struct store_queue_row *q)
{
	return q->dest.failures > 0 ? q->dest.last : q->rcpt.last;
}

static enum level
required(const struct store_queue_row *q)
{
	return q->dest.failures > 0 ? q->dest.required : q->rcpt.required;
}

static const char *
state(const struct list *l, const struct store_queue_row *q)
{
	bool tried = q->rcpt.attempts > 0 || q->dest.failures > 0;

	if (!tried)
		return "new";
	return next_attempt(q).ms > l->now.ms ? "deferred" : "due";
}

static const char *
reached_of(const struct store_queue_row *q)
{
	return q->rcpt.reached < REACHED_COUNT ?
		   evidence_reached_name((enum evidence_reached)
					     q->rcpt.reached) :
		   "?";
}

static json_t *
row_json(const struct list *l, const struct store_queue_row *q)
{
	char id[QUEUE_ID_BYTES], when[CLOCK_TEXT_BYTES];
	char got[CLOCK_TEXT_BYTES], until[CLOCK_TEXT_BYTES], why[1024];

	span_print_to(span_str(last_reason(q)), why, sizeof(why));
	return need(json_pack(
	    "{s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:I, s:I, s:s, s:s, "
	    "s:s, s:s}",
	    "id", queue_id_text(q->rcpt.message, id), "sender",
	    q->message.sender, "recipient", q->rcpt.address, "domain",
	    q->dest.domain, "size", (json_int_t)q->message.size_bytes, "state",
	    state(l, q), "received", wall_rfc3339(q->message.received, got),
	    "expires", wall_rfc3339(q->message.expires, until), "attempts",
	    (json_int_t)q->rcpt.attempts, "destination-failures",
	    (json_int_t)q->dest.failures, "next",
	    next_attempt(q).ms <= l->now.ms ?
		"now" :
		wall_rfc3339(next_attempt(q), when),
	    "reason", why, "required", level_name(required(q)), "reached",
	    reached_of(q)));
}

static bool
add_row(void *arg, const struct store_queue_row *q)
{
	struct list *l = arg;
	char id[QUEUE_ID_BYTES], when[CLOCK_TEXT_BYTES], why[512];

	l->count++;
	if (l->json) {
		json_array_append_new(l->rows, row_json(l, q));
		return true;
	}
	span_print_to(span_str(last_reason(q)), why, sizeof(why));
	printf("%-10s  %-9s  %4u  %-20s  <%s> to <%s>\n",
	    queue_id_text(q->rcpt.message, id), state(l, q),
	    q->rcpt.attempts + q->dest.failures,
	    next_attempt(q).ms <= l->now.ms ?
		"now" :
		wall_rfc3339(next_attempt(q), when),
	    q->message.sender, q->rcpt.address);
	if (*why != '\0')
		printf("            required %s, reached %s: %s\n",
		    level_name(required(q)), reached_of(q), why);
	return true;
}

static int
list(struct store *store, struct list *l)
{
	struct diag why = { 0 };
	enum status st;

	l->now = cmd_wall_now();
	l->rows = need(json_array());
	if (!l->json)
		printf("%-10s  %-9s  %4s  %-20s  %s\n", "id", "state", "tries",
		    "next attempt", "message");
	st = store_queue_each(store, add_row, l, &why);
	if (st != ST_OK)
		fprintf(stderr, "tierpost: %s\n", why.text);
	else if (l->json) {
		json_dumpf(l->rows, stdout,
		    JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		putchar('\n');
	} else
		printf("%" PRIu64 " recipients in the queue\n", l->count);
	json_decref(l->rows);
	return st == ST_OK ? EXIT_DONE : EXIT_TRY_LATER;
}

int
cmd_queue(int argc, char **argv)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	const char *path = CMD_DEFAULT_CONF;
	struct list l = { 0 };
	struct store *store;
	struct conf *conf;
	int status = EXIT_DONE;

	if (argc < 2 || strcmp(argv[1], "list") != 0)
		status = usage();
	for (int i = 2; i < argc && status == EXIT_DONE; i++)
		if (strcmp(argv[i], "--json") == 0)
			l.json = true;
		else if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
			path = argv[++i];
		else
			status = usage();
	if (status != EXIT_DONE)
		goto out;
	if ((conf = cmd_read_conf(mem, path, false)) == NULL)
		status = EXIT_CONFIG;
	else if ((store = cmd_open_store(mem, conf)) == NULL)
		status = EXIT_TRY_LATER;
	else
		status = list(store, &l);
out:
	talloc_free(mem);
	return status;
}
