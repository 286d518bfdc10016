/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `tierpost report tlsrpt ingest`: reports that others have sent and that were
 * saved.  Each file stands by itself: one that is refused keeps none of the
 * others from being counted.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_tlsrpt.h"

struct job {
	struct ingest in;
	uint64_t added, known, refused;
	bool stopped; /* it cannot be written */
};

static int
usage(void)
{
	fprintf(stderr,
	    "usage: tierpost report tlsrpt ingest [-c FILE] "
	    "FILE|DIRECTORY|-...\n"
	    "Each is a mail, a mailbox (mbox, Maildir), JSON or gzip of it, "
	    "or a directory of these.\n");
	return EXIT_USAGE;
}

static void
taken(void *arg, const struct ingest_report *r)
{
	struct job *j = arg;

	if (!r->known) {
		j->added++;
		return;
	}
	j->known++;
	printf("%s: counted before: report %s of %s about %s\n", j->in.source,
	    r->id, *r->organization == '\0' ? "nobody" : r->organization,
	    *r->domain == '\0' ? "no domain" : r->domain);
}

static void
refused(void *arg, const char *name, const char *why)
{
	struct job *j = arg;

	j->refused++;
	fprintf(stderr, "%s: refused: %s\n", name, why);
}

/* That the file of received reports cannot be written is no fault of these. */
static bool
one(void *arg, const struct ingest_file *f)
{
	struct job *j = arg;
	struct diag why = { 0 };
	enum status st;

	j->in.source = f->name;
	st = f->is_mail ? ingest_mail(&j->in, f->bytes, &why) :
			  ingest_document(&j->in, f->bytes, &why);
	if (st == ST_OK)
		return true;
	if (st == ST_TEMP || st == ST_IO) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		j->stopped = true;
		return false;
	}
	refused(j, f->name, why.text);
	return true;
}

static int
run(struct job *j, int argc, char **argv)
{
	struct ingest_files files = {
		.one = one, .refused = refused, .arg = j
	};
	uint64_t forgotten = 0;
	struct diag why = { 0 };

	for (int i = 0; i < argc && !j->stopped; i++)
		ingest_path_each(&files, argv[i]);
	if (!j->stopped && ingest_forget(&j->in, &forgotten, &why) != ST_OK) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		j->stopped = true;
	}
	if (j->refused > 0)
		fprintf(stderr,
		    "Nothing of what was refused is counted, and it is left "
		    "as it is. A damaged report can be asked for again at its "
		    "reporter; what is none can be taken away.\n");
	printf("%" PRIu64 " reports added, %" PRIu64 " counted before, %" PRIu64
	       " refused\n",
	    j->added, j->known, j->refused);
	return j->stopped     ? EXIT_TRY_LATER :
	       j->refused > 0 ? EXIT_NO :
				EXIT_DONE;
}

int
cmd_tlsrpt_ingest(int argc, char **argv)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	const char *path = CMD_DEFAULT_CONF;
	struct job j = { .in = { .taken = taken, .now = cmd_wall_now() } };
	struct diag why = { 0 };
	const struct conf *conf;
	int status, at = 1;

	j.in.arg = &j;
	if (argc > 2 && strcmp(argv[1], "-c") == 0) {
		path = argv[2];
		at = 3;
	}
	if (at >= argc || (argv[at][0] == '-' && argv[at][1] != '\0')) {
		status = usage();
	} else if ((conf = cmd_read_conf(mem, path, false)) == NULL) {
		status = EXIT_CONFIG;
	} else if (!cmd_become_owner(conf)) {
		status = EXIT_TRY_LATER;
	} else if (received_open(mem, ingest_path(mem, conf), true, &j.in.db,
		       &why) != ST_OK) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		status = EXIT_TRY_LATER;
	} else {
		j.in.keep_ms = conf->tlsrpt_received_ms;
		status = run(&j, argc - at, argv + at);
	}
	talloc_free(mem);
	return status;
}
