/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of groups: the keys of an entry, checked against their table. */
#include <stdarg.h>
#include <string.h>

#include "policy/conf_internal.h"
#include "util/strmap.h"

const struct conf_list conf_lists[CONF_LIST_COUNT] = {
	[CONF_LISTEN] = { "listen", "listener", CONF_MAX_LISTEN,
	    conf_listen_field, CONF_LISTEN_FIELDS,
	    "Where mail is taken in. At least one is needed." },
	[CONF_RULES] = { "rules", "rule", CONF_MAX_RULES, conf_rule_field,
	    CONF_RULE_FIELDS,
	    "What must hold for certain mail. A rule is for mail that meets "
	    "each of its conditions, domains to classes; of the texts of one "
	    "condition any will do. It never lowers what a domain publishes; "
	    "of several that apply the strongest counts. A rule for \"*\" "
	    "alone is a default, which \"may\" rules and exceptions replace; "
	    "any other is a floor, below which no exception goes." },
	[CONF_EXCEPTIONS] = { "exceptions", "exception", CONF_MAX_EXCEPTIONS,
	    conf_exception_field, CONF_EXCEPTION_FIELDS,
	    "Domains that for a time may be sent mail with less than they "
	    "publish, or than a rule for \"*\" requires: in clear text, or "
	    "with TLS alone. An exception stops by itself when it expires, "
	    "and each delivery that uses it is recorded." },
	[CONF_DESTINATIONS] = { "destinations", "destination",
	    CONF_MAX_DESTINATIONS, conf_destination_field,
	    CONF_DESTINATION_FIELDS,
	    "How much certain domains are given at a time, in place of what "
	    "the options say for all. Of several entries for a domain the one "
	    "with the narrowest scope counts, then the earlier; it counts "
	    "alone. A reload applies them." },
	[CONF_ROUTES] = { "routes", "route", CONF_MAX_ROUTES, conf_route_field,
	    CONF_ROUTE_FIELDS,
	    "Domains whose mail goes to a smart host instead of their MX "
	    "hosts, or to a fallback relay when none of these can be reached. "
	    "Such a host is judged as a destination of its own: what it "
	    "publishes counts, not what the recipient domain does." },
	[CONF_SOCKETMAP] = { "socketmap", "socketmap", CONF_MAX_SOCKETMAP,
	    conf_socketmap_field, CONF_POINT_FIELDS,
	    "Where Postfix asks, in smtp_tls_policy_maps, what a next hop "
	    "requires: socketmap:unix:PATH:policy or "
	    "socketmap:inet:HOST:PORT:policy. Read doc/socketmap.md first." },
	[CONF_METRICS] = { "metrics", "metrics", CONF_MAX_METRICS,
	    conf_metrics_field, CONF_POINT_FIELDS,
	    "Where Prometheus, or whoever speaks its text format, may read "
	    "numbers about the gateway: GET /metrics by HTTP. They name no "
	    "domain and no address; doc/metrics.md lists them." },
};

/* ---- one entry ---- */

static bool
is_texts(const config_setting_t *s)
{
	return config_setting_is_array(s) || config_setting_is_list(s);
}

/* A text that was, or would have been, found good. */
static bool
is_good(const config_setting_t *s)
{
	const char *text = config_setting_get_string(s);

	return text != NULL && span_trim(span_str(text)).n > 0 &&
	       strlen(text) <= CONF_MAX_TEXT_BYTES && conf_text_ok(text);
}

static config_setting_t *
member(const struct conf_entry *e, const char *key)
{
	return config_setting_get_member(e->group, key);
}

void
conf_entry_mistake(const struct conf_entry *e, const char *key, const char *fmt,
    ...)
{
	config_setting_t *s = key == NULL ? NULL : member(e, key);
	char *text;
	va_list ap;

	va_start(ap, fmt);
	text = need(talloc_vasprintf(e->r->mem, fmt, ap));
	va_end(ap);
	conf_mistake(e->r, conf_line(s == NULL ? e->group : s), "%s: %s",
	    e->label, text);
	talloc_free(text);
}

const char *
conf_entry_where(const struct conf_entry *e)
{
	return conf_source_where(e->r->source, conf_line(e->group));
}

bool
conf_entry_has(const struct conf_entry *e, const char *key)
{
	return member(e, key) != NULL;
}

int
conf_entry_length(const struct conf_entry *e, const char *key)
{
	config_setting_t *s = member(e, key);

	return s == NULL || !is_texts(s) ? -1 : config_setting_length(s);
}

const char *
conf_entry_text(const struct conf_entry *e, const char *key)
{
	config_setting_t *s = member(e, key);

	return s != NULL && is_good(s) ? config_setting_get_string(s) : NULL;
}

int
conf_entry_word(const struct conf_entry *e, const char *key,
    const char *const *words, size_t count)
{
	const char *text = conf_entry_text(e, key);
	int i = text == NULL ? -1 : span_index(span_str(text), words, count);
	struct sbuf b;

	if (text == NULL || i >= 0)
		return i;
	sbuf_init(&b, e->r->mem, CONF_MAX_TEXT_BYTES);
	for (size_t k = 0; k < count; k++)
		sbuf_printf(&b, "%s\"%s\"",
		    k == 0         ? "" :
		    k + 1 == count ? " or " :
				     ", ",
		    words[k]);
	conf_entry_mistake(e, key, "%s: %s is expected", key, sbuf_cstr(&b));
	return -1;
}

void *
conf_entry_list(const struct conf_entry *e, const char *key, conf_take_fn *take,
    size_t item_bytes, size_t *count)
{
	config_setting_t *list = member(e, key);
	struct conf *conf = e->r->conf;
	size_t n = list == NULL || !is_texts(list) ?
		       0 :
		       (size_t)config_setting_length(list);
	void *out;

	if (n > CONF_MAX_SCOPE) /* a mistake already */
		n = 0;
	out = need(talloc_zero_size(conf, n * item_bytes + 1));
	*count = 0;
	for (size_t i = 0; i < n; i++) {
		config_setting_t *s = config_setting_get_elem(list,
		    (unsigned)i);
		struct diag why = { 0 };

		if (!is_good(s))
			continue;
		if (take(conf, config_setting_get_string(s), out, *count,
			&why) == ST_OK)
			++*count;
		else
			conf_mistake(e->r, conf_line(s), "%s: %s: %s", e->label,
			    key, why.text);
	}
	return out;
}

/* ---- its keys ---- */

static const struct conf_field *
find_field(const struct conf_list *list, const char *key)
{
	for (size_t i = 0; i < list->field_count; i++)
		if (strcmp(list->field[i].name, key) == 0)
			return &list->field[i];
	return NULL;
}

static void
unknown_key(const struct conf_entry *e, const config_setting_t *s)
{
	const struct conf_list *list = e->list;
	const char **known = need(talloc_array(e->r->mem, const char *,
	    (unsigned)list->field_count));

	for (size_t i = 0; i < list->field_count; i++)
		known[i] = need(talloc_asprintf(known, "%s.%s", list->path,
		    list->field[i].name));
	conf_unknown(e->r, conf_line(s),
	    need(talloc_asprintf(known, "%s.%s", list->path,
		config_setting_name(s))),
	    known, list->field_count);
	talloc_free(known);
}

static void
check_text(const struct conf_entry *e, const char *key, bool needed,
    config_setting_t *s)
{
	const char *path = need(talloc_asprintf(e->r->mem, "%s: %s", e->label,
	    key));
	const char *text = NULL;

	if (!conf_take_text(e->r, path, s, &text))
		return;
	if (needed && span_trim(span_str(text)).n == 0)
		conf_mistake(e->r, conf_line(s), "%s: may not be empty", path);
	else if (strlen(text) > CONF_MAX_TEXT_BYTES)
		conf_mistake(e->r, conf_line(s),
		    "%s: the text is too long: at most %u bytes", path,
		    CONF_MAX_TEXT_BYTES);
}

static void
check_texts(const struct conf_entry *e, const struct conf_field *f,
    config_setting_t *s)
{
	int n = is_texts(s) ? config_setting_length(s) : 0;

	if (!is_texts(s))
		conf_entry_mistake(e, f->name,
		    "%s: texts in brackets are expected: %s = [\"...\"]",
		    f->name, f->name);
	else if (n == 0 && f->needed)
		conf_entry_mistake(e, f->name, "%s: may not be empty", f->name);
	else if (n > (int)CONF_MAX_SCOPE)
		conf_entry_mistake(e, f->name, "%s: too many: at most %u",
		    f->name, CONF_MAX_SCOPE);
	else
		for (int i = 0; i < n; i++)
			check_text(e, f->name, true,
			    config_setting_get_elem(s, (unsigned)i));
}

static void
check_keys(const struct conf_entry *e)
{
	for (int i = 0; i < config_setting_length(e->group); i++) {
		config_setting_t *s = config_setting_get_elem(e->group,
		    (unsigned)i);
		const struct conf_field *f = find_field(e->list,
		    config_setting_name(s));

		if (f == NULL)
			unknown_key(e, s);
		else if (f->is_list)
			check_texts(e, f, s);
		else
			check_text(e, f->name, f->needed, s);
	}
	for (size_t i = 0; i < e->list->field_count; i++) {
		const struct conf_field *f = &e->list->field[i];

		if (f->needed && member(e, f->name) == NULL)
			conf_entry_mistake(e, NULL, "%s is missing: %s",
			    f->name, f->doc);
	}
}

/* Its first key names an entry. */
static const char *
label_of(const struct conf_entry *e, size_t number)
{
	const char *name = conf_entry_text(e, e->list->field[0].name);

	if (name == NULL)
		return need(talloc_asprintf(e->r->mem, "%s number %zu",
		    e->list->one, number + 1));
	return need(talloc_asprintf(e->r->mem, "%s %s", e->list->one,
	    conf_quote(e->r, name)));
}

/* ---- a list ---- */

static void
read_entry(const struct conf_entry *e)
{
	struct conf *conf = e->r->conf;

	switch (e->list - conf_lists) {
	case CONF_LISTEN:
		conf_listen_read(e, &conf->listen[conf->listen_count++]);
		return;
	case CONF_RULES:
		conf_rule_read(e, &conf->rule[conf->rule_count++]);
		return;
	case CONF_EXCEPTIONS:
		conf_exception_read(e,
		    &conf->exception[conf->exception_count++]);
		return;
	case CONF_DESTINATIONS:
		conf_destination_read(e,
		    &conf->destination[conf->destination_count++]);
		return;
	case CONF_ROUTES:
		conf_route_read(e, &conf->route[conf->route_count++]);
		return;
	case CONF_SOCKETMAP:
		conf_point_read(e, &conf->socketmap[conf->socketmap_count++]);
		return;
	case CONF_METRICS:
		conf_point_read(e, &conf->metrics[conf->metrics_count++]);
		return;
	}
}

static void
make_room(struct conf *conf, const struct conf_list *list, size_t n)
{
	switch (list - conf_lists) {
	case CONF_LISTEN:
		conf->listen = need(talloc_zero_array(conf, struct conf_listen,
		    (unsigned)n));
		return;
	case CONF_RULES:
		conf->rule = need(talloc_zero_array(conf, struct conf_rule,
		    (unsigned)n));
		return;
	case CONF_EXCEPTIONS:
		conf->exception = need(talloc_zero_array(conf,
		    struct conf_exception, (unsigned)n));
		return;
	case CONF_DESTINATIONS:
		conf->destination = need(talloc_zero_array(conf,
		    struct conf_destination, (unsigned)n));
		return;
	case CONF_ROUTES:
		conf->route = need(talloc_zero_array(conf, struct conf_route,
		    (unsigned)n));
		return;
	case CONF_SOCKETMAP:
		conf->socketmap = need(talloc_zero_array(conf,
		    struct conf_point, (unsigned)n));
		return;
	case CONF_METRICS:
		conf->metrics = need(talloc_zero_array(conf, struct conf_point,
		    (unsigned)n));
		return;
	}
}

/* No two entries of a list have one name. */
static void
check_name(const struct conf_entry *e, struct strmap *names)
{
	const char *key = e->list->field[0].name;
	const char *name = conf_entry_text(e, key), *other;

	if (name == NULL)
		return;
	other = strmap_get(names, name);
	if (other != NULL)
		conf_entry_mistake(e, key, "there is another of that %s: %s",
		    key, other);
	else
		strmap_put(names, name,
		    need(talloc_strdup(names, conf_entry_where(e))));
}

static struct conf_entry
entry_at(struct conf_reader *r, const struct conf_list *list,
    config_setting_t *setting, unsigned i)
{
	struct conf_entry e = { .r = r,
		.list = list,
		.group = config_setting_get_elem(setting, i) };

	if (config_setting_is_group(e.group))
		e.label = label_of(&e, i);
	return e;
}

/* All of them are read: hold each against the others. */
static void
compare_entries(struct conf_reader *r, const struct conf_list *list,
    config_setting_t *setting, unsigned n)
{
	const struct conf *c = r->conf;
	size_t rule = 0, exception = 0;

	if (list == &conf_lists[CONF_RULES]) {
		conf_match_finish(r->conf);
		conf_scope_collect(r);
	}
	for (unsigned i = 0; i < n; i++) {
		struct conf_entry e = entry_at(r, list, setting, i);

		if (!config_setting_is_group(e.group))
			continue;
		if (list == &conf_lists[CONF_RULES])
			conf_scope_check_rule(&e, &c->rule[rule++]);
		if (list == &conf_lists[CONF_EXCEPTIONS])
			conf_scope_check_exception(&e,
			    &c->exception[exception++]);
	}
}

static void
read_entries(struct conf_reader *r, const struct conf_list *list,
    config_setting_t *setting, unsigned n)
{
	struct strmap *names = list == &conf_lists[CONF_EXCEPTIONS] ?
				   r->exceptions :
				   strmap_new(r->mem);

	make_room(r->conf, list, n);
	for (unsigned i = 0; i < n; i++) {
		struct conf_entry e = entry_at(r, list, setting, i);

		if (!config_setting_is_group(e.group)) {
			conf_mistake(r, conf_line(e.group),
			    "%s: each is a group: { ... }", list->path);
			continue;
		}
		check_keys(&e);
		check_name(&e, names);
		read_entry(&e);
	}
	if (names != r->exceptions)
		talloc_free(names);
	compare_entries(r, list, setting, n);
}

/* Entry i, which is no group where it was found mistaken; no list, no
 * entries. */
static struct conf_entry
entry_of(struct conf_reader *r, config_setting_t *root, unsigned list,
    unsigned i)
{
	return entry_at(r, &conf_lists[list],
	    config_setting_get_member(root, conf_lists[list].path), i);
}

void
conf_list_check_unmet(struct conf_reader *r, config_setting_t *root)
{
	const struct conf *c = r->conf;

	for (unsigned i = 0, n = 0; n < c->rule_count; i++) {
		struct conf_entry e = entry_of(r, root, CONF_RULES, i);

		if (config_setting_is_group(e.group))
			conf_action_check_route(&e, &c->rule[n++]);
	}
	for (unsigned i = 0, n = 0; n < c->route_count; i++) {
		struct conf_entry e = entry_of(r, root, CONF_ROUTES, i);

		if (config_setting_is_group(e.group))
			conf_action_check_use(&e, &c->route[n++]);
	}
}

/*
 * One that has come to its end is there for the register: rules made since
 * do not contradict it.
 */
static void
check_folder_entry(const struct conf_entry *e)
{
	const struct conf *c = e->r->conf;
	const struct conf_exception *x = &c->exception[c->exception_count - 1];

	if (!wall_reached(e->r->now, x->expires))
		conf_scope_check_exception(e, x);
}

void
conf_list_read_one(struct conf_reader *r, unsigned which,
    config_setting_t *group)
{
	struct conf_entry e = {
		.r = r, .list = &conf_lists[which], .group = group
	};
	struct conf *conf = r->conf;

	invariant(which == CONF_EXCEPTIONS);
	e.label = label_of(&e, conf->exception_count);
	if (conf->exception_count == CONF_MAX_EXCEPTIONS) {
		conf_entry_mistake(&e, NULL, "exceptions: too many: at most %u",
		    CONF_MAX_EXCEPTIONS);
		return;
	}
	conf->exception = need(talloc_realloc(conf, conf->exception,
	    struct conf_exception, (unsigned)conf->exception_count + 1));
	conf->exception[conf->exception_count] = (struct conf_exception){ 0 };
	check_keys(&e);
	check_name(&e, r->exceptions);
	read_entry(&e);
	check_folder_entry(&e);
}

static const struct conf_list *
find_list(const char *name)
{
	for (size_t i = 0; i < CONF_LIST_COUNT; i++)
		if (strcmp(conf_lists[i].path, name) == 0)
			return &conf_lists[i];
	return NULL;
}

bool
conf_is_list(const char *name)
{
	return find_list(name) != NULL;
}

void
conf_list_read(struct conf_reader *r, config_setting_t *setting)
{
	const struct conf_list *list = find_list(config_setting_name(setting));
	int n = config_setting_is_list(setting) ?
		    config_setting_length(setting) :
		    0;

	if (!config_setting_is_list(setting))
		conf_mistake(r, conf_line(setting),
		    "%s: a list of groups is expected: %s = ( { ... } );",
		    list->path, list->path);
	else if (n > (int)list->max)
		conf_mistake(r, conf_line(setting), "%s: too many: at most %zu",
		    list->path, list->max);
	else if (n == 0 && list == &conf_lists[CONF_LISTEN])
		conf_mistake(r, conf_line(setting),
		    "%s: may not be empty: say where mail is taken in",
		    list->path);
	else
		read_entries(r, list, setting, (unsigned)n);
}
