/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of exceptions-dir: judged with the whole configuration before they
 * are written, and put in place whole, so that no reader meets half of one.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/cmd_exception.h"
#include "gateway/cmd_reload.h"
#include "net/file.h"

#define DAY_MS    INT64_C(86400000)
#define FILE_MODE 0640

/* ---- the text ---- */

static void
put_text(struct sbuf *b, TALLOC_CTX *mem, const char *key, const char *text)
{
	if (*text != '\0')
		sbuf_printf(b, "%s = %s;\n", key, conf_escape(mem, text));
}

static void
put_texts(struct sbuf *b, TALLOC_CTX *mem, const char *key,
    const struct exception_texts *list)
{
	if (list->count == 0)
		return;
	sbuf_printf(b, "%s = (", key);
	for (size_t i = 0; i < list->count; i++)
		sbuf_printf(b, "%s%s", i == 0 ? " " : ", ",
		    conf_escape(mem, list->text[i]));
	sbuf_str(b, " );\n");
}

static const char *
add_text(TALLOC_CTX *mem, const struct exception_args *a, struct wall now)
{
	char made[CLOCK_TEXT_BYTES], end[CLOCK_TEXT_BYTES];
	struct sbuf b;

	sbuf_init(&b, mem, CONF_MAX_BYTES);
	sbuf_printf(&b, "# tierpost exception add, %s\n",
	    wall_rfc3339(now, made));
	put_texts(&b, mem, "domains", &a->domain);
	put_texts(&b, mem, "mx", &a->mx);
	put_texts(&b, mem, "waives", &a->waives);
	put_text(&b, mem, "allow", a->allow);
	put_text(&b, mem, "budget", a->budget);
	put_text(&b, mem, "reason", a->reason);
	put_text(&b, mem, "approver", a->approver);
	put_text(&b, mem, "ticket", a->ticket);
	put_text(&b, mem, "expires",
	    a->days == 0 ?
		a->expires :
		wall_rfc3339(wall_after(now, a->days * DAY_MS), end));
	return sbuf_cstr(&b);
}

/* Behind what the file says, so that its words and comments stay. */
static const char *
revoke_text(TALLOC_CTX *mem, const char *was, const struct exception_args *a,
    struct wall now)
{
	char when[CLOCK_TEXT_BYTES];
	struct sbuf b;

	sbuf_init(&b, mem, CONF_MAX_BYTES);
	sbuf_printf(&b, "%s\n", was);
	put_text(&b, mem, "revoked", wall_rfc3339(now, when));
	put_text(&b, mem, "revoked-by", cmd_who());
	put_text(&b, mem, "revoked-reason", a->reason);
	return sbuf_cstr(&b);
}

/* ---- files ---- */

/* A gateway that reloads is not root any more, and must read the file. */
static bool
give(int fd, const struct conf *conf)
{
	const struct passwd *pw = getpwnam(conf->user);
	struct stat st;

	if (geteuid() != 0)
		return true;
	if (stat(conf->exceptions_dir, &st) != 0)
		return false;
	return fchown(fd, st.st_uid, pw == NULL ? st.st_gid : pw->pw_gid) == 0;
}

static bool
fill(int fd, const struct conf *conf, const char *text)
{
	size_t n = strlen(text);

	return fchmod(fd, FILE_MODE) == 0 && give(fd, conf) &&
	       write(fd, text, n) == (ssize_t)n && fsync(fd) == 0;
}

static bool
sync_folder(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return good;
}

/* New, it may not take the place of another's. */
static bool
put_in_place(const char *temp, const char *path, bool new)
{
	return renameat2(AT_FDCWD, temp, AT_FDCWD, path,
		   new ? RENAME_NOREPLACE : 0) == 0;
}

static bool
write_file(TALLOC_CTX *mem, const struct conf *conf, const char *name,
    const char *text, bool new)
{
	const char *dir = conf->exceptions_dir;
	char *temp = need(talloc_asprintf(mem, "%s/.%s.XXXXXX", dir, name));
	char *path = need(talloc_asprintf(mem, "%s/%s.conf", dir, name));
	mode_t mask = umask(077);
	int fd = mkostemp(temp, O_CLOEXEC);
	struct diag why = { 0 };
	bool good;

	umask(mask);
	good = fd >= 0 && fill(fd, conf, text) &&
	       put_in_place(temp, path, new) && sync_folder(dir);
	if (!good) {
		(void)diag_errno(&why, "%s", path);
		fprintf(stderr, "tierpost: %s\n", why.text);
		if (fd >= 0)
			(void)unlink(temp);
	}
	if (fd >= 0)
		close(fd);
	return good;
}

static const char *
read_whole(TALLOC_CTX *mem, const char *path)
{
	struct diag why = { 0 };
	struct span text;

	if (file_read(mem, path, CONF_MAX_BYTES, &text, &why) != ST_OK) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		return NULL;
	}
	return text.n == 0 ?
		   "" :
		   need(talloc_strndup(mem, (const char *)text.p, text.n));
}

/* ---- the whole of it ---- */

/* With the file as it is to be: no, after all that is wrong with it. */
static bool
is_good(TALLOC_CTX *mem, const struct exception_args *a, const char *text,
    struct wall now)
{
	const struct conf_draft draft = { a->name, text };
	struct conf_mistakes m = { .mem = mem };

	if (conf_read_with(mem, a->conf_path, now, &draft, &m) != NULL)
		return true;
	for (size_t i = 0; i < m.count && i < CONF_MAX_MISTAKES; i++)
		fprintf(stderr, "%s\n", m.text[i]);
	fprintf(stderr, "tierpost: nothing was written\n");
	return false;
}

/* The file is in place; is it in force too? */
static int
reload(TALLOC_CTX *mem, const char *conf_path)
{
	const struct conf *conf = cmd_read_conf(mem, conf_path, false);
	struct diag why = { 0 };

	if (conf == NULL)
		return EXIT_CONFIG;
	switch (cmd_reload(mem, conf, &why)) {
	case RELOAD_DONE:
		printf("the gateway has reloaded: it is in force\n");
		return EXIT_DONE;
	case RELOAD_NOBODY:
		printf("no gateway runs (%s): it is in force from the next "
		       "start\n",
		    why.text);
		return EXIT_DONE;
	case RELOAD_REFUSED:
		break;
	}
	fprintf(stderr,
	    "tierpost: the file is in place, but the gateway has not taken "
	    "it: %s\n",
	    why.text);
	return EXIT_TRY_LATER;
}

static bool
has_folder(const struct conf *conf, const char *conf_path)
{
	if (*conf->exceptions_dir != '\0')
		return true;
	fprintf(stderr,
	    "tierpost: there is no folder for exceptions: make exceptions.d "
	    "beside %s (install -d -m 0750 -g %s), or set exceptions-dir\n",
	    conf_path, conf->user);
	return false;
}

static bool
is_new(const struct conf *conf, const char *name)
{
	const struct conf_exception *x = conf_exception_named(conf, name);

	if (x == NULL)
		return true;
	fprintf(stderr,
	    "tierpost: there is an exception of that name (%s): it stays in "
	    "the register, choose another\n",
	    x->where);
	return false;
}

/* A bad name would be told of as a bad file. */
static bool
is_name(const char *name)
{
	if (conf_is_name(name) && *name != '.')
		return true;
	fprintf(stderr,
	    "tierpost: %s: a name is of up to 64 letters, digits, \".\", "
	    "\"_\" and \"-\"\n",
	    name);
	return false;
}

int
exception_add(TALLOC_CTX *mem, const struct exception_args *a)
{
	const struct conf *conf;
	struct wall now = cmd_wall_now();
	const char *text;

	if (!is_name(a->name))
		return EXIT_USAGE;
	conf = cmd_read_conf(mem, a->conf_path, false);
	if (conf == NULL)
		return EXIT_CONFIG;
	text = add_text(mem, a, now);
	if (!has_folder(conf, a->conf_path) || !is_new(conf, a->name) ||
	    !is_good(mem, a, text, now))
		return EXIT_NO;
	if (!write_file(mem, conf, a->name, text, true))
		return EXIT_TRY_LATER;
	printf("%s/%s.conf written\n", conf->exceptions_dir, a->name);
	return reload(mem, a->conf_path);
}

static bool
can_end(const struct conf_exception *x, const char *name, struct wall now)
{
	if (x == NULL)
		fprintf(stderr, "tierpost: there is no exception %s\n", name);
	else if (*x->file == '\0')
		fprintf(stderr,
		    "tierpost: %s is at %s, in the configuration itself: "
		    "remove it there, and reload\n",
		    name, x->where);
	else if (wall_reached(now, x->expires))
		fprintf(stderr, "tierpost: %s has ended already\n", name);
	else
		return true;
	return false;
}

int
exception_revoke(TALLOC_CTX *mem, const struct exception_args *a)
{
	const struct conf *conf = cmd_read_conf(mem, a->conf_path, false);
	const struct conf_exception *x;
	struct wall now = cmd_wall_now();
	const char *was, *text;

	if (conf == NULL)
		return EXIT_CONFIG;
	x = conf_exception_named(conf, a->name);
	if (!can_end(x, a->name, now))
		return EXIT_NO;
	was = read_whole(mem, x->file);
	if (was == NULL)
		return EXIT_TRY_LATER;
	text = revoke_text(mem, was, a, now);
	if (!is_good(mem, a, text, now))
		return EXIT_NO;
	if (!write_file(mem, conf, a->name, text, false))
		return EXIT_TRY_LATER;
	printf("%s revoked, by %s; %s keeps it for the register\n", a->name,
	    cmd_who(), x->file);
	return reload(mem, a->conf_path);
}
