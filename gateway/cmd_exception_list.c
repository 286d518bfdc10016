/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The register: what the configuration says of each exception, and what the
 * store knows of its use.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_exception.h"
#include "util/jtree.h"

/* An exception, and what has become of it. */
struct entry {
	const struct conf_exception *x;
	enum exception_state state;
	bool has_use; /* the store could be read */
	struct store_exception use;
	bool used_up;
};

struct list {
	TALLOC_CTX *mem;
	const struct conf *conf;
	struct store *store; /* NULL: cannot be read */
	struct wall now;
	int64_t soon_ms;
};

static struct list
begin(TALLOC_CTX *mem, const struct conf *conf, int64_t soon_ms)
{
	struct list l = { .mem = mem, .conf = conf, .now = cmd_wall_now() };

	l.soon_ms = soon_ms;
	l.store = cmd_open_store(mem, conf);
	if (l.store == NULL)
		fprintf(stderr, "tierpost: how often each was used is not "
				"known without it\n");
	return l;
}

static struct entry
entry_of(const struct list *l, const struct conf_exception *x)
{
	struct entry e = { .x = x };
	struct diag why = { 0 };
	enum status st = ST_IO;

	e.state = conf_exception_state(x, l->now, l->soon_ms);
	e.use = (struct store_exception){ .host = "", .why = "" };
	if (l->store != NULL)
		st = store_exception_get(l->store, l->mem, x->name, x->until,
		    &e.use, &why);
	if (l->store != NULL && st != ST_OK && st != ST_NOTFOUND)
		fprintf(stderr, "tierpost: %s\n", why.text);
	e.has_use = st == ST_OK || st == ST_NOTFOUND;
	e.used_up = x->budget > 0 && e.use.used >= x->budget;
	return e;
}

/* ---- words ---- */

static bool
is_in_force(const struct entry *e)
{
	return e->state <= EXCEPTION_EXPIRING && !e->used_up;
}

static const char *
state_text(const struct entry *e)
{
	switch (e->state) {
	case EXCEPTION_ACTIVE:
		return e->used_up ? "used-up" : "active";
	case EXCEPTION_EXPIRING:
		return e->used_up ? "used-up" : "expiring";
	case EXCEPTION_EXPIRED:
		return "expired";
	case EXCEPTION_REVOKED:
		return "revoked";
	}
	return "?"; /* not reached: the switch names every state */
}

static const char *
needed_text(enum store_needed needed)
{
	switch (needed) {
	case NEEDED_UNKNOWN:
		return "unknown";
	case NEEDED_YES:
		return "yes";
	case NEEDED_NO:
		return "no";
	}
	return "?"; /* not reached: the switch names every answer */
}

static const char *
time_text(struct wall t, char out[CLOCK_TEXT_BYTES])
{
	return t.ms == 0 ? "" : wall_rfc3339(t, out);
}

static const char *
joined(TALLOC_CTX *mem, const char *const *text, size_t count)
{
	char *out = need(talloc_strdup(mem, ""));

	for (size_t i = 0; i < count; i++)
		out = need(talloc_asprintf_append(out, "%s%s",
		    i == 0 ? "" : " ", text[i]));
	return out;
}

/* What it waives; of one that does not, nothing. */
static size_t
waivers(const struct conf_exception *x, const char *out[WAIVER_COUNT])
{
	size_t n = 0;

	for (unsigned w = 0; w < WAIVER_COUNT; w++)
		if ((x->waives & 1u << w) != 0)
			out[n++] = waiver_name((enum waiver)w);
	return n;
}

static const char *
allow_text(const struct conf_exception *x)
{
	return x->waives == 0 ? level_name(x->allow) : "";
}

static const char *
lowers_text(TALLOC_CTX *mem, const struct conf_exception *x)
{
	return x->waives == 0 ? need(talloc_asprintf(mem, "allows %s",
				    level_name(x->allow))) :
				need(talloc_asprintf(mem, "waives %s",
				    conf_exception_waives(mem, x)));
}

/* "12 of 500" */
static const char *
use_text(TALLOC_CTX *mem, const struct entry *e)
{
	if (!e->has_use)
		return "?";
	if (e->x->budget == 0)
		return need(talloc_asprintf(mem, "%" PRIu64, e->use.used));
	return need(talloc_asprintf(mem, "%" PRIu64 " of %" PRIu32, e->use.used,
	    e->x->budget));
}

/* ---- for programs ---- */

static json_t *
texts_json(const char *const *text, size_t count)
{
	json_t *list = need(json_array());

	for (size_t i = 0; i < count; i++)
		jtree_append(list, json_string(text[i]));
	return list;
}

static void
put_use(json_t *o, const struct entry *e)
{
	char text[CLOCK_TEXT_BYTES];

	jtree_put(o, "budget",
	    e->x->budget == 0 ? json_null() : json_integer(e->x->budget));
	jtree_put(o, "used",
	    e->has_use ? json_integer((json_int_t)e->use.used) : json_null());
	jtree_put(o, "last-used", json_string(time_text(e->use.last, text)));
	jtree_put(o, "needed", json_string(needed_text(e->use.needed)));
	jtree_put(o, "probed", json_string(time_text(e->use.probed, text)));
	jtree_put(o, "needed-host", json_string(e->use.host));
	jtree_put(o, "needed-why", json_string(e->use.why));
}

static json_t *
entry_json(const struct entry *e)
{
	const struct conf_exception *x = e->x;
	char text[CLOCK_TEXT_BYTES];
	const char *waives[WAIVER_COUNT];
	json_t *o = need(json_object());

	jtree_put(o, "name", json_string(x->name));
	jtree_put(o, "state", json_string(state_text(e)));
	jtree_put(o, "domains", texts_json(x->domains, x->domain_count));
	jtree_put(o, "mx", texts_json(x->mx, x->mx_count));
	jtree_put(o, "waives", texts_json(waives, waivers(x, waives)));
	jtree_put(o, "allow", json_string(allow_text(x)));
	jtree_put(o, "reason", json_string(x->reason));
	jtree_put(o, "approver", json_string(x->approver));
	jtree_put(o, "ticket", json_string(x->ticket));
	jtree_put(o, "expires", json_string(wall_rfc3339(x->until, text)));
	jtree_put(o, "revoked", json_string(time_text(x->revoked, text)));
	jtree_put(o, "revoked-by", json_string(x->revoked_by));
	jtree_put(o, "revoked-reason", json_string(x->revoked_reason));
	jtree_put(o, "where", json_string(x->where));
	put_use(o, e);
	return o;
}

/* ---- list ---- */

static void
print_row(const struct list *l, const struct entry *e)
{
	char text[CLOCK_TEXT_BYTES];
	const struct conf_exception *x = e->x;

	printf("%-16s  %-8s  %s  %s  used %s%s\n    %s; approved by %s\n",
	    x->name, state_text(e), wall_rfc3339(x->expires, text),
	    lowers_text(l->mem, x), use_text(l->mem, e),
	    e->use.needed == NEEDED_NO && is_in_force(e) ?
		", no longer needed" :
		"",
	    joined(l->mem, x->domains, x->domain_count), x->approver);
}

int
exception_list(TALLOC_CTX *mem, const struct conf *conf,
    const struct exception_args *a)
{
	const struct list l = begin(mem, conf, conf->exception_warn_ms);
	json_t *rows = need(json_array());

	for (size_t i = 0; i < conf->exception_count; i++) {
		const struct entry e = entry_of(&l, &conf->exception[i]);

		if (!a->json)
			print_row(&l, &e);
		else
			jtree_append(rows, entry_json(&e));
	}
	if (a->json)
		cmd_print_json(rows, JSON_INDENT(2));
	else
		json_decref(rows);
	if (!a->json && conf->exception_count == 0)
		printf("no exceptions\n");
	return EXIT_DONE;
}

/* ---- show ---- */

static void
line(const char *key, const char *text)
{
	if (*text != '\0')
		printf("%-12s %s\n", key, text);
}

static void
print_probe(const struct entry *e)
{
	char text[CLOCK_TEXT_BYTES];

	line("needed", needed_text(e->use.needed));
	line("probed", time_text(e->use.probed, text));
	if (*e->use.host != '\0')
		printf("%-12s %s: %s\n", "by", e->use.host, e->use.why);
}

static void
print_entry(const struct list *l, const struct entry *e)
{
	const struct conf_exception *x = e->x;
	char text[CLOCK_TEXT_BYTES];

	line("name", x->name);
	line("state", state_text(e));
	line("domains", joined(l->mem, x->domains, x->domain_count));
	line("mx", joined(l->mem, x->mx, x->mx_count));
	line("waives", conf_exception_waives(l->mem, x));
	line("allow", allow_text(x));
	line("reason", x->reason);
	line("approver", x->approver);
	line("ticket", x->ticket);
	line("expires", wall_rfc3339(x->until, text));
	line("revoked", time_text(x->revoked, text));
	line("revoked by", x->revoked_by);
	line("because", x->revoked_reason);
	line("used", use_text(l->mem, e));
	line("last used", time_text(e->use.last, text));
	print_probe(e);
	line("where", x->where);
}

int
exception_show(TALLOC_CTX *mem, const struct conf *conf,
    const struct exception_args *a)
{
	const struct conf_exception *x = conf_exception_named(conf, a->name);
	struct entry e;
	struct list l;

	if (x == NULL) {
		fprintf(stderr, "tierpost: there is no exception %s\n",
		    a->name);
		return EXIT_NO;
	}
	l = begin(mem, conf, conf->exception_warn_ms);
	e = entry_of(&l, x);
	if (a->json)
		cmd_print_json(entry_json(&e), JSON_INDENT(2));
	else
		print_entry(&l, &e);
	return EXIT_DONE;
}

/* ---- check ---- */

/* What a person should do about it; NULL: nothing. */
static const char *
concern(const struct entry *e)
{
	if (e->state > EXCEPTION_EXPIRING)
		return NULL;
	if (e->used_up)
		return "its budget is used up";
	if (e->use.needed == NEEDED_NO)
		return "it is no longer needed";
	return e->state == EXCEPTION_EXPIRING ? "it expires soon" : NULL;
}

int
exception_check(TALLOC_CTX *mem, const struct conf *conf,
    const struct exception_args *a)
{
	const struct list l = begin(mem, conf,
	    a->within_ms >= 0 ? a->within_ms : conf->exception_warn_ms);
	json_t *rows = need(json_array());
	char text[CLOCK_TEXT_BYTES];
	size_t found = 0;

	for (size_t i = 0; i < conf->exception_count; i++) {
		const struct entry e = entry_of(&l, &conf->exception[i]);
		const char *why = concern(&e);

		if (why == NULL)
			continue;
		found++;
		if (!a->json)
			printf("%s: %s (until %s)\n", e.x->name, why,
			    wall_rfc3339(e.x->expires, text));
		else
			jtree_append(rows, entry_json(&e));
	}
	if (a->json)
		cmd_print_json(rows, JSON_INDENT(2));
	else
		json_decref(rows);
	if (!a->json && found == 0)
		printf("%zu %s, nothing to do\n", conf->exception_count,
		    plural(conf->exception_count, "exception", "exceptions"));
	return found > 0 ? EXIT_NO : EXIT_DONE;
}
