/* SPDX-License-Identifier: BSD-2-Clause */
/* The entries of socketmap and metrics: where other programs ask. */
#include <string.h>

#include "policy/conf_internal.h"

#define UNIX_PREFIX "unix:"

const struct conf_field conf_socketmap_field[CONF_POINT_FIELDS] = {
	{ "address", false, true,
	    "\"unix:/var/spool/postfix/tierpost/policy\", a socket in an "
	    "existing folder, or address and port: \"127.0.0.1:8461\"." },
	{ "group", false, false,
	    "Of a socket in the file system: the group that may ask, such as "
	    "\"postfix\". Everybody on this machine may when it is left out." },
	{ "allow", true, false,
	    "Of an address: networks that may ask. When it is left out this "
	    "machine alone may." },
};

const struct conf_field conf_metrics_field[CONF_POINT_FIELDS] = {
	{ "address", false, true,
	    "\"unix:/run/tierpost/metrics\", a socket in an existing folder, "
	    "or "
	    "address and port: \"127.0.0.1:9325\"." },
	{ "group", false, false,
	    "Of a socket in the file system: the group that may ask. Everybody "
	    "on this machine may when it is left out." },
	{ "allow", true, false,
	    "Of an address: networks that may ask. When it is left out this "
	    "machine alone may." },
};

char *
conf_point_text(TALLOC_CTX *mem, const struct conf_point *s)
{
	char text[NETADDR_TEXT_BYTES];

	if (*s->path != '\0')
		return need(talloc_asprintf(mem, UNIX_PREFIX "%s", s->path));
	return need(talloc_strdup(mem, netaddr_text_port(&s->addr, text)));
}

bool
conf_point_allows(const struct conf_point *p, const struct netaddr *client)
{
	if (*p->path != '\0')
		return true;
	if (p->allow_count == 0)
		return netaddr_scope_of(client) == NETADDR_LOOPBACK;
	for (size_t i = 0; i < p->allow_count; i++)
		if (netprefix_has(&p->allow[i], client))
			return true;
	return false;
}

static enum status
take_allowed(TALLOC_CTX *mem, const char *text, void *out, size_t i,
    struct diag *why)
{
	(void)mem;
	return conf_take_network(text, (struct netprefix *)out + i,
	    "all the world could ask: name your own networks", why);
}

static bool
same_place(const struct conf_point *a, const struct conf_point *b)
{
	return strcmp(a->path, b->path) == 0 &&
	       (*a->path != '\0' || netaddr_eq(&a->addr, &b->addr));
}

static bool
is_among(const struct conf_point *list, size_t count,
    const struct conf_point *point)
{
	for (size_t i = 0; i < count; i++)
		if (&list[i] != point && same_place(&list[i], point))
			return true;
	return false;
}

/* Of another of either list, or of a listener. */
static bool
is_taken(const struct conf_entry *e, const struct conf_point *point)
{
	const struct conf *conf = e->r->conf;

	for (size_t i = 0; i < conf->listen_count; i++)
		if (*point->path == '\0' &&
		    netaddr_eq(&conf->listen[i].addr, &point->addr))
			return true;
	return is_among(conf->socketmap, conf->socketmap_count, point) ||
	       is_among(conf->metrics, conf->metrics_count, point);
}

static void
read_address(const struct conf_entry *e, struct conf_point *out)
{
	const char *text = conf_entry_text(e, "address");
	struct span a = span_str(text);

	if (text == NULL)
		return;
	if (span_starts(a, UNIX_PREFIX)) {
		a = span_sub(a, strlen(UNIX_PREFIX), a.n);
		out->path = span_dup(e->r->conf, a);
		if (a.n < 2 || a.p[0] != '/' || a.n > CONF_SOCKET_PATH_BYTES)
			conf_entry_mistake(e, "address",
			    "a whole path of at most %u bytes is expected "
			    "after \"" UNIX_PREFIX "\", such as \"" UNIX_PREFIX
			    "/run/tierpost/policy\"",
			    CONF_SOCKET_PATH_BYTES);
	} else if (netaddr_parse_port(a, &out->addr) != ST_OK ||
		   out->addr.port == 0) {
		conf_entry_mistake(e, "address",
		    "\"" UNIX_PREFIX "\" and a path, or an address and port is "
		    "expected, such as \"127.0.0.1:8461\" or \"[::1]:8461\"");
		return;
	}
	if (is_taken(e, out))
		conf_entry_mistake(e, "address",
		    "another listener has this address");
}

static void
check_access(const struct conf_entry *e, const struct conf_point *s)
{
	if (*s->path != '\0' && s->allow_count > 0)
		conf_entry_mistake(e, "allow",
		    "allow: a socket in the file system has no networks: "
		    "name a group");
	if (*s->path == '\0' && *s->group != '\0')
		conf_entry_mistake(e, "group",
		    "group: of a socket in the file system alone: name "
		    "networks in allow");
	if (conf_entry_length(e, "allow") == 0)
		conf_entry_mistake(e, "allow", "allow: may not be empty");
}

void
conf_point_read(const struct conf_entry *e, struct conf_point *out)
{
	out->path = "";
	read_address(e, out);
	out->group = conf_entry_copy(e, "group");
	out->allow = conf_entry_list(e, "allow", take_allowed,
	    sizeof(*out->allow), &out->allow_count);
	check_access(e, out);
}
