/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/master_socketmap.h"

#include <grp.h>
#include <string.h>

#include "net/net_real.h"

#define MODE_ALL   0666u /* a client must be able to write */
#define MODE_GROUP 0660u

static int
bind_one(const struct conf_socketmap *s, struct diag *why)
{
	const struct group *g;

	if (*s->path == '\0')
		return net_real_bind(&s->addr, why);
	if (*s->group == '\0')
		return net_real_bind_unix(s->path, MODE_ALL, -1, why);
	g = getgrnam(s->group);
	if (g != NULL)
		return net_real_bind_unix(s->path, MODE_GROUP,
		    (int64_t)g->gr_gid, why);
	(void)diag_set(why, ST_NOTFOUND,
	    "socketmap: group \"%s\" does not exist", s->group);
	return -1;
}

enum status
master_socketmap_bind(const struct conf *conf, int fd[CONF_MAX_SOCKETMAP],
    struct diag *why)
{
	for (size_t i = 0; i < conf->socketmap_count; i++) {
		fd[i] = bind_one(&conf->socketmap[i], why);
		if (fd[i] < 0)
			return why->st;
	}
	return ST_OK;
}

bool
master_socketmap_same(const struct conf *a, const struct conf *b)
{
	if (a->socketmap_count != b->socketmap_count)
		return false;
	for (size_t i = 0; i < a->socketmap_count; i++)
		if (strcmp(a->socketmap[i].path, b->socketmap[i].path) != 0 ||
		    strcmp(a->socketmap[i].group, b->socketmap[i].group) != 0 ||
		    !netaddr_eq(&a->socketmap[i].addr, &b->socketmap[i].addr))
			return false;
	return true;
}
