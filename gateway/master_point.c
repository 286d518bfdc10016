/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/master_point.h"

#include <grp.h>
#include <string.h>

#include "net/net_real.h"

#define MODE_ALL   0666u /* a client must be able to write */
#define MODE_GROUP 0660u

struct conf_points
master_points_socketmap(const struct conf *conf)
{
	return (struct conf_points){ "socketmap", conf->socketmap,
		conf->socketmap_count };
}

struct conf_points
master_points_metrics(const struct conf *conf)
{
	return (struct conf_points){ "metrics", conf->metrics,
		conf->metrics_count };
}

static int
bind_one(const char *list, const struct conf_point *s, struct diag *why)
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
	(void)diag_set(why, ST_NOTFOUND, "%s: group \"%s\" does not exist",
	    list, s->group);
	return -1;
}

enum status
master_points_bind(const struct conf_points *points, int *fd, struct diag *why)
{
	for (size_t i = 0; i < points->count; i++) {
		fd[i] = bind_one(points->list, &points->point[i], why);
		if (fd[i] < 0)
			return why->st;
	}
	return ST_OK;
}

bool
master_points_same(const struct conf_points *a, const struct conf_points *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->point[i].path, b->point[i].path) != 0 ||
		    strcmp(a->point[i].group, b->point[i].group) != 0 ||
		    !netaddr_eq(&a->point[i].addr, &b->point[i].addr))
			return false;
	return true;
}
