/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_alarms - `tierpost alarms`: what the running gateway has alarms of. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_util.h"
#include "gateway/control.h"
#include "gateway/wire.h"
#include "net/chan.h"

struct listing {
	TALLOC_CTX *mem;
	struct net *net;
	struct chan *chan;
	json_t *rows; /* NULL: as text */
	size_t count;
	bool done;
	bool lost;
};

static void
print_text(const struct alarm *one)
{
	char since[CLOCK_TEXT_BYTES];

	printf("%s %s%s%s since %s", alarm_severity(one->kind),
	    alarm_name(one->kind), *one->object == '\0' ? "" : " ", one->object,
	    wall_rfc3339(one->since, since));
	if (one->count > 1)
		printf(", %" PRIu64 " times", one->count);
	printf("\n    %s\n    %s\n", one->text, alarm_advice(one->kind));
}

static void
print_json(struct listing *l, const struct alarm *one)
{
	char since[CLOCK_TEXT_BYTES], last[CLOCK_TEXT_BYTES];

	json_array_append_new(l->rows,
	    need(json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s}", "alarm",
		alarm_name(one->kind), "severity", alarm_severity(one->kind),
		"object", one->object, "since", wall_rfc3339(one->since, since),
		"last", wall_rfc3339(one->last, last), "count",
		(json_int_t)one->count, "text", one->text, "advice",
		alarm_advice(one->kind))));
}

static enum status
frame_came(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct listing *l = arg;
	struct alarm one;
	enum status st;

	if (type == WIRE_ALARMS_END && payload.n == 0) {
		l->done = true;
		net_real_stop(l->net);
		return ST_OK;
	}
	if (type != WIRE_ALARM_ACTIVE)
		return diag_set(why, ST_SYNTAX, "frame of type %u",
		    (unsigned)type);
	st = wire_unpack_alarm(l->mem, payload, &one, why);
	if (st != ST_OK)
		return st;
	l->count++;
	if (l->rows != NULL)
		print_json(l, &one);
	else
		print_text(&one);
	return ST_OK;
}

static void
gone(void *arg, const char *why)
{
	struct listing *l = arg;

	(void)why;
	l->chan = NULL;
	l->lost = !l->done;
	net_real_stop(l->net);
}

static const struct chan_ops ops = { .frame = frame_came, .closed = gone };

static int
list(TALLOC_CTX *mem, const struct conf *conf, bool json)
{
	struct listing l = { .mem = mem };
	int fd = cmd_connect(conf);

	if (fd < 0)
		return EXIT_TRY_LATER;
	l.rows = json ? need(json_array()) : NULL;
	l.net = net_real_new(mem, log_stderr(mem, LOG_LEVEL_ERROR, "alarms"));
	l.chan = chan_new(mem, l.net, net_real_sock(mem, l.net, fd), &ops, &l);
	chan_send_span(l.chan, WIRE_ALARMS_WANT, SPAN_NONE);
	net_real_run(l.net);
	if (json) {
		json_dumpf(l.rows, stdout,
		    JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		putchar('\n');
		json_decref(l.rows);
	}
	if (l.lost) {
		fprintf(stderr, "tierpost: the gateway stopped before it had "
				"told all\n");
		return EXIT_TRY_LATER;
	}
	if (!json && l.count == 0)
		puts("no alarms");
	return l.count == 0 ? EXIT_DONE : EXIT_NO;
}

int
cmd_alarms(int argc, char **argv)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	const char *path = CMD_DEFAULT_CONF;
	struct conf *conf;
	bool json = false, good = true;
	int status;

	for (int i = 1; i < argc && good; i++)
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
			path = argv[++i];
		else
			good = false;
	if (!good) {
		fprintf(stderr, "usage: tierpost alarms [--json] [-c FILE]\n");
		status = EXIT_USAGE;
	} else if ((conf = cmd_read_conf(mem, path, false)) == NULL) {
		status = EXIT_CONFIG;
	} else {
		status = list(mem, conf, json);
	}
	talloc_free(mem);
	return status;
}
