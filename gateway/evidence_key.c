/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/evidence_key.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- writing ---- */

static enum status
write_whole(int fd, const char *text, const char *path, struct diag *why)
{
	size_t n = strlen(text);

	if (write(fd, text, n) != (ssize_t)n || fsync(fd) != 0)
		return diag_errno(why, "%s", path);
	return ST_OK;
}

/* A name in it is on disk after this: signatures outlast a power cut. */
static enum status
sync_folder_of(TALLOC_CTX *tmp, const char *path, struct diag *why)
{
	const char *slash = strrchr(path, '/');
	const char *dir = slash == NULL ? "." :
					  need(talloc_strndup(tmp, path,
					      (size_t)(slash - path) + 1));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum status st = fd >= 0 && fsync(fd) == 0 ? ST_OK :
						     diag_errno(why, "%s", dir);

	if (fd >= 0)
		close(fd);
	return st;
}

/*
 * A file that is whole or absent: linked in under its name when it is on
 * disk.  One that is there already is left alone.
 */
static enum status
write_new(TALLOC_CTX *tmp, const char *path, const char *text, mode_t mode,
    struct diag *why)
{
	char *part = need(talloc_asprintf(tmp, "%s.new", path));
	int fd = open(part,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	enum status st;

	if (fd < 0)
		return diag_errno(why, "%s", part);
	st = write_whole(fd, text, part, why);
	close(fd);
	if (st == ST_OK && link(part, path) != 0 && errno != EEXIST)
		st = diag_errno(why, "%s", path);
	(void)unlink(part);
	return st == ST_OK ? sync_folder_of(tmp, path, why) : st;
}

/* The public key first: a private one without it was never used. */
static enum status
make_files(TALLOC_CTX *tmp, const char *path, const char *public_path,
    struct diag *why)
{
	char private_pem[CHECKPOINT_PEM_BYTES];
	char public_pem[CHECKPOINT_PEM_BYTES];
	enum status st;

	checkpoint_key_make(private_pem, public_pem);
	(void)unlink(public_path);
	st = write_new(tmp, public_path, public_pem, 0644, why);
	if (st == ST_OK)
		st = write_new(tmp, path, private_pem, 0600, why);
	explicit_bzero(private_pem, sizeof(private_pem));
	return st;
}

/* ---- reading ---- */

static enum status
read_pem(const char *path, char out[CHECKPOINT_PEM_BYTES + 1], bool secret,
    struct diag *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat file;
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return diag_set(why, ST_NOTFOUND, "%s is not there", path);
	if (fd < 0)
		return diag_errno(why, "%s", path);
	if (fstat(fd, &file) != 0) {
		close(fd);
		return diag_errno(why, "%s", path);
	}
	if (secret && (file.st_mode & (S_IRWXO | S_IRWXG)) != 0) {
		close(fd);
		return diag_set(why, ST_POLICY,
		    "%s: others on the system have a right to it: "
		    "chmod 600 it",
		    path);
	}
	n = read(fd, out, CHECKPOINT_PEM_BYTES);
	close(fd);
	if (n < 0)
		return diag_errno(why, "%s", path);
	out[n] = '\0';
	return ST_OK;
}

static char *
public_path_of(TALLOC_CTX *tmp, const struct conf *conf)
{
	return need(talloc_asprintf(tmp, "%s.pub", conf->evidence_key));
}

/* Which file, before what is wrong with it. */
static enum status
name_file(enum status st, const char *path, const char *advice,
    struct diag *why)
{
	struct diag what = *why;

	if (st == ST_SYNTAX)
		return diag_set(why, st, "%s: %s: %s", path, what.text, advice);
	return st;
}

enum status
evidence_key_open(TALLOC_CTX *mem, const struct conf *conf,
    struct checkpoint_key **out, struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(mem));
	const char *path = conf->evidence_key;
	char pem[CHECKPOINT_PEM_BYTES + 1];
	enum status st = read_pem(path, pem, true, why);

	if (st == ST_NOTFOUND) {
		st = make_files(tmp, path, public_path_of(tmp, conf), why);
		if (st == ST_OK)
			st = read_pem(path, pem, true, why);
	}
	if (st == ST_OK)
		st = name_file(checkpoint_key_read(mem, span_str(pem), out,
				   why),
		    path,
		    "restore it, or move it away and a new one is made at "
		    "the next start",
		    why);
	explicit_bzero(pem, sizeof(pem));
	talloc_free(tmp);
	return st;
}

enum status
evidence_key_public(TALLOC_CTX *mem, const struct conf *conf, const char *path,
    uint8_t out[CHECKPOINT_PUBLIC_BYTES], struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(mem));
	char pem[CHECKPOINT_PEM_BYTES + 1];
	enum status st;

	if (path == NULL)
		path = public_path_of(tmp, conf);
	st = read_pem(path, pem, false, why);
	if (st == ST_OK)
		st = name_file(checkpoint_public_read(span_str(pem), out, why),
		    path, "give the gateway's public key with --key", why);
	talloc_free(tmp);
	return st;
}
