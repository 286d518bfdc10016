/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration as text, and what differs between two of them. */
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "policy/conf_internal.h"
#include "policy/hop.h"

static void
print_resolver_option(struct sbuf *b, TALLOC_CTX *tmp, const struct conf *conf)
{
	sbuf_str(b, "\toption = (");
	for (size_t i = 0; i < conf->resolver_option_count; i++)
		sbuf_printf(b, "%s%s", i == 0 ? " " : ", ",
		    conf_escape(tmp, conf->resolver_option[i]));
	sbuf_str(b, " );\n");
}

static void
print_smtp_bind(struct sbuf *b, const struct conf *conf)
{
	char text[NETADDR_TEXT_BYTES];

	sbuf_str(b, "\tbind = (");
	for (size_t i = 0; i < conf->smtp_bind_count; i++)
		sbuf_printf(b, "%s\"%s\"", i == 0 ? " " : ", ",
		    netaddr_text(&conf->smtp_bind[i], text));
	sbuf_str(b, " );\n");
}

static void
print_own_domains(struct sbuf *b, TALLOC_CTX *tmp, const struct conf *conf)
{
	sbuf_str(b, "\tnames = (");
	for (size_t i = 0; i < conf->own_domain_count; i++)
		sbuf_printf(b, "%s%s", i == 0 ? " " : ", ",
		    conf_escape(tmp, conf->own_domain[i]));
	sbuf_str(b, " );\n");
}

static void
print_tlsrpt_receive(struct sbuf *b, TALLOC_CTX *tmp, const struct conf *conf)
{
	sbuf_str(b, "\treceive = (");
	for (size_t i = 0; i < conf->tlsrpt_receive_count; i++)
		sbuf_printf(b, "%s%s", i == 0 ? " " : ", ",
		    conf_escape(tmp, conf->tlsrpt_receive[i]));
	sbuf_str(b, " );\n");
}

/* The lists of texts go into their groups, when those end. */
static void
close_group(struct sbuf *b, TALLOC_CTX *tmp, const struct conf *conf,
    const char *group)
{
	if (strcmp(group, "resolver") == 0)
		print_resolver_option(b, tmp, conf);
	if (strcmp(group, "smtp") == 0)
		print_smtp_bind(b, conf);
	if (strcmp(group, "own-domains") == 0)
		print_own_domains(b, tmp, conf);
	if (strcmp(group, "tlsrpt") == 0)
		print_tlsrpt_receive(b, tmp, conf);
	if (*group != '\0')
		sbuf_str(b, "};\n");
}

/* The name of a file must not end its comment. */
static void
print_origin(struct sbuf *b, const char *origin)
{
	char text[PATH_MAX];

	span_print_to(span_str(origin), text, sizeof(text));
	sbuf_printf(b, " # %s", text);
}

/* Options of one group stand together in the table. */
static void
print_options(struct sbuf *b, TALLOC_CTX *tmp, const struct conf *conf,
    bool effective)
{
	const char *group = "";

	for (size_t i = 0; i < conf_option_count(); i++) {
		const struct conf_option *o = conf_option_at(i);
		struct span of = SPAN_NONE, name = span_str(o->path);

		(void)span_cut(span_str(o->path), '.', &of, &name);
		if (!span_eq(of, group)) {
			close_group(b, tmp, conf, group);
			group = span_dup(tmp, of);
			if (of.n > 0)
				sbuf_printf(b, "%s = {\n", group);
		}
		sbuf_printf(b, "%s%.*s = %s;", of.n > 0 ? "\t" : "",
		    (int)name.n, (const char *)name.p,
		    conf_option_text(tmp, conf, o));
		if (effective)
			print_origin(b, conf->origin[i]);
		sbuf_str(b, "\n");
	}
	close_group(b, tmp, conf, group);
}

static void
print_texts(struct sbuf *b, TALLOC_CTX *tmp, const char *key,
    const char *const *text, size_t count)
{
	if (count == 0)
		return;
	sbuf_printf(b, " %s = (", key);
	for (size_t i = 0; i < count; i++)
		sbuf_printf(b, "%s%s", i == 0 ? "" : ", ",
		    conf_escape(tmp, text[i]));
	sbuf_str(b, ");");
}

static void
print_text(struct sbuf *b, TALLOC_CTX *tmp, const char *key, const char *text)
{
	if (*text != '\0')
		sbuf_printf(b, " %s = %s;", key, conf_escape(tmp, text));
}

static void
print_networks(struct sbuf *b, const char *key, const struct netprefix *list,
    size_t count)
{
	char text[NETADDR_TEXT_BYTES];

	if (count == 0)
		return;
	sbuf_printf(b, " %s = (", key);
	for (size_t i = 0; i < count; i++)
		sbuf_printf(b, "%s\"%s/%u\"", i == 0 ? "" : ", ",
		    netaddr_text(&list[i].addr, text), list[i].bits);
	sbuf_str(b, ");");
}

static void
print_certificates(struct sbuf *b, TALLOC_CTX *tmp, const struct conf_listen *l)
{
	const char **text = need(talloc_array(tmp, const char *,
	    (unsigned)l->certificate_count + 1));

	for (size_t i = 0; i < l->certificate_count; i++)
		text[i] = conf_listen_certificate_text(tmp, &l->certificate[i]);
	print_texts(b, tmp, "certificates", text, l->certificate_count);
	if (l->certificate_count > 0)
		print_text(b, tmp, "certificate-login",
		    conf_listen_login_word(l->login));
}

static void
print_listen(struct sbuf *b, TALLOC_CTX *tmp, const struct conf *conf)
{
	char text[NETADDR_TEXT_BYTES];

	sbuf_str(b, "listen = (");
	for (size_t i = 0; i < conf->listen_count; i++) {
		const struct conf_listen *l = &conf->listen[i];

		sbuf_printf(b, "%s\n\t{", i == 0 ? "" : ",");
		print_text(b, tmp, "address",
		    netaddr_text_port(&l->addr, text));
		print_text(b, tmp, "role", conf_listen_role_word(l->role));
		print_text(b, tmp, "tls", conf_listen_tls_word(l->tls));
		print_text(b, tmp, "auth", conf_listen_auth_word(l->auth));
		print_networks(b, "allow", l->allow, l->allow_count);
		print_networks(b, "proxy", l->proxy, l->proxy_count);
		print_certificates(b, tmp, l);
		sbuf_str(b, " }");
	}
	sbuf_str(b, " );\n");
}

static void
print_classes(struct sbuf *b, TALLOC_CTX *tmp, unsigned classes)
{
	const char *text[CLASS_COUNT];
	size_t n = 0;

	for (unsigned i = 0; i < CLASS_COUNT; i++)
		if (classes & 1u << i)
			text[n++] = class_name((enum msg_class)i);
	print_texts(b, tmp, "classes", text, n);
}

static void
print_conditions(struct sbuf *b, TALLOC_CTX *tmp, const struct conf_rule *r)
{
	const char **senders = need(talloc_array(tmp, const char *,
	    (unsigned)r->sender_count + 1));
	const char **header = need(talloc_array(tmp, const char *,
	    (unsigned)r->header_count + 1));

	for (size_t i = 0; i < r->sender_count; i++)
		senders[i] = sender_text(senders, &r->senders[i]);
	for (size_t i = 0; i < r->header_count; i++)
		header[i] = conf_want_text(header, &r->header[i]);
	print_texts(b, tmp, "domains", r->domains, r->domain_count);
	print_texts(b, tmp, "mx", r->mx, r->mx_count);
	print_texts(b, tmp, "senders", senders, r->sender_count);
	print_texts(b, tmp, "accounts", r->accounts, r->account_count);
	print_networks(b, "clients", r->clients, r->client_count);
	print_texts(b, tmp, "header", header, r->header_count);
	print_classes(b, tmp, r->classes);
}

static void
print_pins(struct sbuf *b, TALLOC_CTX *tmp, const struct conf_rule *r)
{
	const char **text = need(talloc_array(tmp, const char *,
	    (unsigned)r->pin_count + 1));

	for (size_t i = 0; i < r->pin_count; i++)
		text[i] = pin_text(&r->pin[i],
		    need(talloc_array(text, char, PIN_TEXT_BYTES)));
	print_texts(b, tmp, "pins", text, r->pin_count);
}

static void
print_actions(struct sbuf *b, TALLOC_CTX *tmp, const struct conf_rule *r)
{
	if (r->verify_by != VERIFY_BY_ANY)
		print_text(b, tmp, "method", verify_by_name(r->verify_by));
	print_pins(b, tmp, r);
	print_text(b, tmp, "ca-file", r->ca_file);
	print_text(b, tmp, "client-certificate", r->client_certificate);
	print_text(b, tmp, "client-key", r->client_key);
	if (r->min_tls != MIN_TLS_1_2)
		print_text(b, tmp, "min-tls", min_tls_name(r->min_tls));
	if (r->has_unmet)
		print_text(b, tmp, "unmet", unmet_name(r->unmet));
	print_text(b, tmp, "unmet-route", r->unmet_route);
}

static void
print_rules(struct sbuf *b, TALLOC_CTX *tmp, const struct conf *conf)
{
	char after[CLOCK_TEXT_BYTES];

	sbuf_str(b, "rules = (");
	for (size_t i = 0; i < conf->rule_count; i++) {
		const struct conf_rule *r = &conf->rule[i];

		sbuf_printf(b, "%s\n\t{", i == 0 ? "" : ",");
		print_text(b, tmp, "name", r->name);
		print_conditions(b, tmp, r);
		print_text(b, tmp, "require", conf_require_word(r->require));
		print_texts(b, tmp, "names", r->names, r->name_count);
		if (r->forbids_plaintext)
			print_text(b, tmp, "plaintext", "forbid");
		if (r->plaintext_after_ms > 0)
			print_text(b, tmp, "plaintext-after",
			    duration_text(r->plaintext_after_ms, after));
		if (r->plaintext_limit > 0)
			print_text(b, tmp, "plaintext-limit",
			    need(talloc_asprintf(tmp, "%u",
				r->plaintext_limit)));
		print_actions(b, tmp, r);
		sbuf_str(b, " }");
	}
	sbuf_str(b, " );\n");
}

static void
print_allowed(struct sbuf *b, TALLOC_CTX *tmp, const struct conf_exception *e)
{
	const char *text[WAIVER_COUNT];
	size_t n = 0;

	for (unsigned w = 0; w < WAIVER_COUNT; w++)
		if ((e->waives & 1u << w) != 0)
			text[n++] = waiver_name((enum waiver)w);
	print_texts(b, tmp, "waives", text, n);
	if (n == 0)
		print_text(b, tmp, "allow", level_name(e->allow));
}

static void
print_budget(struct sbuf *b, const struct conf_exception *e)
{
	if (e->budget > 0)
		sbuf_printf(b, " budget = \"%" PRIu32 "\";", e->budget);
}

static void
print_revoked(struct sbuf *b, TALLOC_CTX *tmp, const struct conf_exception *e)
{
	char text[CLOCK_TEXT_BYTES];

	if (e->revoked.ms != 0)
		print_text(b, tmp, "revoked", wall_rfc3339(e->revoked, text));
	print_text(b, tmp, "revoked-by", e->revoked_by);
	print_text(b, tmp, "revoked-reason", e->revoked_reason);
}

static void
print_exceptions(struct sbuf *b, TALLOC_CTX *tmp, const struct conf *conf)
{
	char text[CLOCK_TEXT_BYTES];

	sbuf_str(b, "exceptions = (");
	for (size_t i = 0; i < conf->exception_count; i++) {
		const struct conf_exception *e = &conf->exception[i];

		sbuf_printf(b, "%s\n\t{", i == 0 ? "" : ",");
		print_text(b, tmp, "name", e->name);
		print_texts(b, tmp, "domains", e->domains, e->domain_count);
		print_texts(b, tmp, "mx", e->mx, e->mx_count);
		print_allowed(b, tmp, e);
		print_text(b, tmp, "reason", e->reason);
		print_text(b, tmp, "approver", e->approver);
		print_text(b, tmp, "ticket", e->ticket);
		print_budget(b, e);
		print_text(b, tmp, "expires", wall_rfc3339(e->until, text));
		print_revoked(b, tmp, e);
		sbuf_str(b, " }");
	}
	sbuf_str(b, " );\n");
}

static void
print_destinations(struct sbuf *b, TALLOC_CTX *tmp, const struct conf *conf)
{
	sbuf_str(b, "destinations = (");
	for (size_t i = 0; i < conf->destination_count; i++) {
		const struct conf_destination *d = &conf->destination[i];

		sbuf_printf(b, "%s\n\t{", i == 0 ? "" : ",");
		print_text(b, tmp, "name", d->name);
		print_texts(b, tmp, "domains", d->domains, d->domain_count);
		if (d->concurrency > 0)
			sbuf_printf(b, " concurrency = \"%" PRIu32 "\";",
			    d->concurrency);
		if (d->recipients > 0)
			sbuf_printf(b, " recipients = \"%" PRIu32 "\";",
			    d->recipients);
		if (d->has_rate)
			sbuf_printf(b, " rate = \"%" PRIu32 "\";", d->rate);
		sbuf_str(b, " }");
	}
	sbuf_str(b, " );\n");
}

static void
print_hops(struct sbuf *b, TALLOC_CTX *tmp, const struct conf_route *r)
{
	const char **via = need(talloc_array(tmp, const char *,
	    (unsigned)r->hop_count + 1));

	for (size_t i = 0; i < r->hop_count; i++)
		via[i] = hop_text(via, &r->hop[i]);
	print_texts(b, tmp, "via", via, r->hop_count);
}

static void
print_routes(struct sbuf *b, TALLOC_CTX *tmp, const struct conf *conf)
{
	sbuf_str(b, "routes = (");
	for (size_t i = 0; i < conf->route_count; i++) {
		const struct conf_route *r = &conf->route[i];

		sbuf_printf(b, "%s\n\t{", i == 0 ? "" : ",");
		print_text(b, tmp, "name", r->name);
		print_texts(b, tmp, "domains", r->domains, r->domain_count);
		print_hops(b, tmp, r);
		print_text(b, tmp, "use", conf_route_use_word(r));
		print_text(b, tmp, "require", level_name(r->require));
		print_text(b, tmp, "tls", conf_route_tls_word(r->implicit_tls));
		print_texts(b, tmp, "names", r->names, r->name_count);
		print_text(b, tmp, "user", r->user);
		print_text(b, tmp, "password-file", r->password_file);
		sbuf_str(b, " }");
	}
	sbuf_str(b, " );\n");
}

static void
print_socketmap(struct sbuf *b, TALLOC_CTX *tmp, const struct conf *conf)
{
	sbuf_str(b, "socketmap = (");
	for (size_t i = 0; i < conf->socketmap_count; i++) {
		const struct conf_socketmap *s = &conf->socketmap[i];

		sbuf_printf(b, "%s\n\t{", i == 0 ? "" : ",");
		print_text(b, tmp, "address", conf_socketmap_text(tmp, s));
		print_text(b, tmp, "group", s->group);
		print_networks(b, "allow", s->allow, s->allow_count);
		sbuf_str(b, " }");
	}
	sbuf_str(b, " );\n");
}

static char *
print_all(TALLOC_CTX *mem, const struct conf *conf, size_t max, bool effective)
{
	TALLOC_CTX *tmp = need(talloc_new(mem));
	char *text = NULL;
	struct sbuf b;

	sbuf_init(&b, tmp, max);
	print_options(&b, tmp, conf, effective);
	print_listen(&b, tmp, conf);
	print_rules(&b, tmp, conf);
	print_exceptions(&b, tmp, conf);
	print_destinations(&b, tmp, conf);
	print_routes(&b, tmp, conf);
	print_socketmap(&b, tmp, conf);
	if (!sbuf_failed(&b))
		text = need(talloc_strdup(mem, sbuf_cstr(&b)));
	talloc_free(tmp);
	return text;
}

char *
conf_print_within(TALLOC_CTX *mem, const struct conf *conf, size_t max)
{
	return print_all(mem, conf, max, false);
}

char *
conf_print_effective(TALLOC_CTX *mem, const struct conf *conf)
{
	return need(print_all(mem, conf, SIZE_MAX, true));
}

/* The reader has seen to it that the text is within the limit. */
char *
conf_print(TALLOC_CTX *mem, const struct conf *conf)
{
	char *text = conf_print_within(mem, conf, CONF_MAX_BYTES);

	invariant(text != NULL);
	return text;
}

/* ---- reload ---- */

static bool
same_resolver_option(const struct conf *a, const struct conf *b)
{
	if (a->resolver_option_count != b->resolver_option_count)
		return false;
	for (size_t i = 0; i < a->resolver_option_count; i++)
		if (strcmp(a->resolver_option[i], b->resolver_option[i]) != 0)
			return false;
	return true;
}

static void
note(struct conf_mistakes *notes, const char *path)
{
	notes->text[notes->count++] = need(talloc_asprintf(notes->mem,
	    "%s: another value, which the next start applies", path));
}

void
conf_reload_notes(const struct conf *old, const struct conf *conf,
    struct conf_mistakes *notes)
{
	TALLOC_CTX *tmp = need(talloc_new(notes->mem));

	notes->count = 0;
	notes->text = need(talloc_array(notes->mem, const char *,
	    (unsigned)conf_option_count() + 2));
	for (size_t i = 0; i < conf_option_count(); i++) {
		const struct conf_option *o = conf_option_at(i);

		if (!o->now && strcmp(conf_option_text(tmp, old, o),
				   conf_option_text(tmp, conf, o)) != 0)
			note(notes, o->path);
	}
	if (!same_resolver_option(old, conf))
		note(notes, conf_resolver_option.name);
	/* who reads them is started with the gateway */
	if (old->tlsrpt_receive_count == 0 && conf->tlsrpt_receive_count > 0)
		note(notes, conf_tlsrpt_receive.name);
	talloc_free(tmp);
}
