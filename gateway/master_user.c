/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/master_user.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

/* fd is the folder itself, whatever its name leads to by now. */
static enum status
own_state_dir(int fd, const char *dir, uid_t uid, gid_t gid, struct diag *why)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return diag_errno(why, "state-dir %s", dir);
	if (st.st_uid != uid && (geteuid() != 0 || st.st_uid != 0))
		return diag_set(why, ST_POLICY,
		    "state-dir %s belongs to user %u, not to the gateway's "
		    "user %u: chown it",
		    dir, (unsigned)st.st_uid, (unsigned)uid);
	if ((st.st_uid != uid && fchown(fd, uid, gid) < 0) ||
	    fchmod(fd, 0700) < 0)
		return diag_errno(why, "state-dir %s", dir);
	return ST_OK;
}

/* The folder is the spool's alone: owner only, and nobody else's. */
static enum status
make_state_dir(const char *dir, uid_t uid, gid_t gid, struct diag *why)
{
	enum status st;
	int fd;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return diag_errno(why, "state-dir %s", dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return diag_errno(why, "state-dir %s", dir);
	st = own_state_dir(fd, dir, uid, gid, why);
	close(fd);
	return st;
}

/* For good: nothing of the gateway runs as root after this. */
static enum status
drop_root(const struct passwd *pw, struct diag *why)
{
	if (setgroups(0, NULL) < 0 || setgid(pw->pw_gid) < 0 ||
	    setuid(pw->pw_uid) < 0)
		return diag_errno(why, "becoming %s", pw->pw_name);
	if (setuid(0) == 0)
		return diag_set(why, ST_POLICY, "root could be regained");
	return ST_OK;
}

enum status
master_settle_user(const struct conf *conf, struct diag *why)
{
	const struct passwd *pw;
	enum status st;

	if (geteuid() != 0)
		return make_state_dir(conf->state_dir, geteuid(), getegid(),
		    why);
	pw = getpwnam(conf->user);
	if (pw == NULL)
		return diag_set(why, ST_NOTFOUND,
		    "user \"%s\" does not exist: add it (adduser --system "
		    "--group %s) or set another as user",
		    conf->user, conf->user);
	if (pw->pw_uid == 0)
		return diag_set(why, ST_POLICY,
		    "user \"%s\" is root: choose an unprivileged one",
		    conf->user);
	st = make_state_dir(conf->state_dir, pw->pw_uid, pw->pw_gid, why);
	return st == ST_OK ? drop_root(pw, why) : st;
}
