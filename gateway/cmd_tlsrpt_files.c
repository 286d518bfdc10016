/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of reports that were saved.  What one is is seen by its first
 * bytes, not by its name.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/cmd_tlsrpt.h"

#define READ_STEP_BYTES (64u << 10)
#define SHOWN_BYTES     1024u /* of a name: NAME_MAX of \xNN */

static void
refuse(struct ingest_files *f, const char *name, const char *why)
{
	f->refused(f->arg, name, why);
}

static void
refuse_errno(struct ingest_files *f, const char *name)
{
	struct diag why = { 0 };

	(void)diag_errno(&why,
	    errno == EACCES ?
		"this user (of root, the owner of state-dir) may not read it: "
		"give it on standard input, as -" :
		"cannot be read");
	refuse(f, name, why.text);
}

/* ---- what is in a file ---- */

/* mbox (RFC 4155): a line "From " before each mail, behind an empty one. */
static size_t
mail_bytes(struct span rest)
{
	struct span line, all = rest;
	bool empty = false;

	while (span_line(&rest, &line)) {
		if (empty && span_starts(line, "From "))
			return (size_t)(line.p - all.p);
		empty = line.n == 0;
	}
	return all.n;
}

static bool
take_mailbox(struct ingest_files *f, const char *name, struct span rest)
{
	bool go_on = true;

	for (unsigned number = 1; rest.n > 0 && go_on; number++) {
		size_t n;
		struct span from;
		struct ingest_file one = {
			.name = need(talloc_asprintf(f->mem, "%s, mail %u",
			    name, number)),
			.is_mail = true,
		};

		(void)span_line(&rest, &from);
		n = mail_bytes(rest);
		one.bytes = span_sub(rest, 0, n);
		rest = span_sub(rest, n, rest.n);
		go_on = f->one(f->arg, &one);
	}
	return go_on;
}

static bool
is_json(struct span a)
{
	if (span_starts(a, "\xef\xbb\xbf"))
		return true;
	while (a.n > 0 && (a.p[0] == ' ' || a.p[0] == '\t' || a.p[0] == '\r' ||
			      a.p[0] == '\n'))
		a = span_sub(a, 1, a.n);
	return a.n > 0 && (a.p[0] == '{' || a.p[0] == '[');
}

static bool
take_bytes(struct ingest_files *f, const char *name, struct span bytes)
{
	const struct ingest_file one = {
		.name = name,
		.bytes = bytes,
		.is_mail = !span_starts(bytes, "\x1f\x8b") && !is_json(bytes),
	};

	if (bytes.n == 0) {
		refuse(f, name, "it is empty");
		return true;
	}
	if (span_starts(bytes, "From "))
		return take_mailbox(f, name, bytes);
	return f->one(f->arg, &one);
}

/* ---- reading ---- */

static bool
read_all(struct ingest_files *f, const char *name, int fd, struct sbuf *out)
{
	for (;;) {
		uint8_t *to = sbuf_reserve(out, READ_STEP_BYTES);
		ssize_t n;

		if (to == NULL) {
			refuse(f, name,
			    "it is over 64 MiB: split it, a report has some "
			    "kilobytes");
			return false;
		}
		n = read(fd, to, READ_STEP_BYTES);
		if (n == 0)
			return true;
		if (n < 0 && errno != EINTR) {
			refuse_errno(f, name);
			return false;
		}
		sbuf_commit(out, n > 0 ? (size_t)n : 0);
	}
}

static bool
take_open(struct ingest_files *f, const char *name, int fd)
{
	struct sbuf bytes;
	bool go_on = true;

	if (++f->files > INGEST_FILES) {
		refuse(f, name,
		    "it is one of too many files for one command: "
		    "go on with these in another");
		return false;
	}
	f->mem = need(talloc_new(NULL));
	sbuf_init(&bytes, f->mem, INGEST_FILE_BYTES);
	if (read_all(f, name, fd, &bytes))
		go_on = take_bytes(f, name, sbuf_view(&bytes));
	talloc_free(f->mem);
	return go_on;
}

static bool take_folder(struct ingest_files *f, const char *name, int fd,
    unsigned depth);

/* A file or folder that is open: it is what it was when it was opened. */
static bool
take_fd(struct ingest_files *f, const char *name, int fd, unsigned depth)
{
	struct stat st;
	bool go_on = true;

	if (fstat(fd, &st) < 0)
		refuse_errno(f, name);
	else if (S_ISDIR(st.st_mode))
		return take_folder(f, name, fd, depth);
	else if (S_ISREG(st.st_mode))
		go_on = take_open(f, name, fd);
	else
		refuse(f, name, "it is neither a file nor a folder");
	close(fd);
	return go_on;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* What a Maildir has in tmp is not complete yet. */
static int
is_meant(const struct dirent *e)
{
	return e->d_name[0] != '.' && strcmp(e->d_name, "tmp") != 0;
}

static bool
take_entries(struct ingest_files *f, const char *name, int fd, unsigned depth,
    struct dirent **entry, int count)
{
	bool go_on = true;

	for (int i = 0; i < count && go_on; i++) {
		struct span own = span_str(entry[i]->d_name);
		char *shown = span_print(NULL, own, SHOWN_BYTES);
		char *path = need(talloc_asprintf(shown, "%s/%s", name, shown));
		int one = openat(fd, entry[i]->d_name,
		    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

		if (one >= 0)
			go_on = take_fd(f, path, one, depth + 1);
		else if (errno == ELOOP)
			refuse(f, path,
			    "it is a symbolic link: name what it "
			    "leads to");
		else
			refuse_errno(f, path);
		talloc_free(shown);
	}
	return go_on;
}

/* Takes fd over.  Depth is bounded, and no link is followed. */
static bool
take_folder(struct ingest_files *f, const char *name, int fd, unsigned depth)
{
	struct dirent **entry = NULL;
	bool go_on = true;
	int count = -1;

	if (depth < INGEST_DEPTH)
		count = scandirat(fd, ".", &entry, is_meant, by_name);
	if (depth >= INGEST_DEPTH)
		refuse(f, name, "it is too deep: name it by itself");
	else if (count < 0)
		refuse_errno(f, name);
	else
		go_on = take_entries(f, name, fd, depth, entry, count);
	for (int i = 0; i < count; i++)
		free(entry[i]);
	free(entry);
	close(fd);
	return go_on;
}

void
ingest_path_each(struct ingest_files *f, const char *path)
{
	char *shown;
	int fd;

	if (strcmp(path, "-") == 0) {
		(void)take_open(f, "standard input", STDIN_FILENO);
		return;
	}
	shown = span_print(NULL, span_str(path), SHOWN_BYTES);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		refuse_errno(f, shown);
	else
		(void)take_fd(f, shown, fd, 0);
	talloc_free(shown);
}
