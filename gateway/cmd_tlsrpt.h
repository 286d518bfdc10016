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

#endif
