/* SPDX-License-Identifier: BSD-2-Clause */
/* The disk below the spool, and the room kept back on it. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "spool/store_sqlite.h"

#define FILL_BYTES 65536u
#define PLENTY     4u /* times what is kept back must be free */

uint64_t
store_free_bytes(struct store *s)
{
	struct statvfs v;

	/* Unknown is not full: writing will tell. */
	if (statvfs(s->path, &v) != 0)
		return UINT64_MAX;
	return (uint64_t)v.f_bavail * v.f_frsize;
}

/* Written out, not reserved by fallocate: works on every file system. */
static bool
fill(int fd)
{
	static const uint8_t zeros[FILL_BYTES];

	for (off_t at = 0; at < (off_t)STORE_ROOM_BYTES; at += FILL_BYTES)
		if (pwrite(fd, zeros, sizeof(zeros), at) !=
		    (ssize_t)sizeof(zeros))
			return false;
	return fdatasync(fd) == 0;
}

void
store_keep_room(struct store *s)
{
	char *room = need(talloc_asprintf(s, "%s-room", s->path));
	struct stat st;
	int fd;

	if (stat(room, &st) == 0 && st.st_size == (off_t)STORE_ROOM_BYTES)
		goto out;
	if (store_free_bytes(s) < (uint64_t)PLENTY * STORE_ROOM_BYTES)
		goto out;
	fd = open(room, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		goto out;
	if (!fill(fd))
		(void)unlink(room);
	(void)close(fd);
out:
	talloc_free(room);
}
