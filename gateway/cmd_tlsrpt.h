/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_tlsrpt - what the files of `tierpost report tlsrpt` share. */
#ifndef GATEWAY_CMD_TLSRPT_H
#define GATEWAY_CMD_TLSRPT_H

#include "gateway/cmd_report.h"
#include "gateway/ingest.h"

/* argv from the name of the subcommand on; returns the exit status. */
int cmd_tlsrpt(int argc, char **argv);
int cmd_tlsrpt_ingest(int argc, char **argv);
int cmd_tlsrpt_received(int argc, char **argv);
int cmd_tlsrpt_list(int argc, char **argv);
int cmd_tlsrpt_preview(int argc, char **argv);
int cmd_tlsrpt_show(int argc, char **argv);
int cmd_tlsrpt_send(int argc, char **argv);
int cmd_tlsrpt_key(int argc, char **argv);

/* ---- files to be read: cmd_tlsrpt_files.c ---- */

#define INGEST_FILE_BYTES (64u << 20) /* ours: one file, in memory */
#define INGEST_FILES      100000u     /* ours: of one command */
#define INGEST_DEPTH      8u          /* of folders in folders */

/* What stands in a file, or on standard input. */
struct ingest_file {
	const char *name;  /* for people; with the number of the mail in it */
	struct span bytes; /* of one report */
	bool is_mail;
};

struct ingest_files {
	TALLOC_CTX *mem; /* for the time of one file */
	size_t files;    /* looked at */
	/* Of one mail or document.  false: stop. */
	bool (*one)(void *arg, const struct ingest_file *f);
	/* What could not be read, and what to do. */
	void (*refused)(void *arg, const char *name, const char *why);
	void *arg;
};
/*
 * A mail, a mailbox (mbox), JSON or gzip of it; a folder, also a Maildir, with
 * all in it but names that begin with a dot; "-": standard input.
 */
void ingest_path_each(struct ingest_files *f, const char *path);

/* ---- reports that are sent: cmd_tlsrpt_args.c ---- */

/* Which arguments a command takes besides -c. */
enum {
	TLSRPT_TAKES_ONE = 1,    /* DOMAIN DAY */
	TLSRPT_TAKES_PERIOD = 2, /* --since, --until, --domain */
	TLSRPT_TAKES_JSON = 4,   /* --json */
	TLSRPT_MAY_OMIT_DAY = 8, /* of ONE: today */
};

struct tlsrpt_args {
	TALLOC_CTX *mem;
	const struct conf *conf;
	const char *domain; /* canonical; "" any */
	struct wall day;
	struct wall since, until; /* WALL_NEVER: no end */
	bool json;
};
/*
 * EXIT_DONE, or after having said what is wrong the exit status; usage is
 * what stands behind the name of the command.
 */
int tlsrpt_args_read(TALLOC_CTX *mem, int argc, char **argv, unsigned takes,
    const char *usage, struct tlsrpt_args *out);

#endif
