/* SPDX-License-Identifier: BSD-2-Clause */
/* tlsrpt.*: who reports, and what signs its mail. */
#include <string.h>

#include "policy/conf_internal.h"
#include "smtp/address.h"
#include "util/domain.h"

/*
 * An addr-spec as it is written in a document and in header fields, its
 * domain as an A-label.  "": there is none, or it is mistaken.
 */
static const char *
take_mailbox(struct conf_reader *r, const char *path, const char *text)
{
	struct diag why = { 0 };
	struct address a;

	if (*text == '\0')
		return "";
	if (address_parse_mailbox(r->conf, span_str(text), &a, &why) == ST_OK &&
	    !a.utf8 && !domain_is_address(span_str(a.domain)) &&
	    span_has(span_str(a.domain), '.') && *a.text != '"')
		return a.text;
	conf_mistake(r, conf_option_line(r, path),
	    "%s: %s: a mail address in ASCII is expected, with a full domain, "
	    "such as \"tls-reports@example.org\"",
	    path, conf_quote(r, text));
	return "";
}

static const char *
domain_of(const char *mailbox)
{
	const char *at = strrchr(mailbox, '@');

	return at == NULL ? "" : at + 1;
}

/* RFC 7489 3.1.1: so that what signs is that which is in From. */
static bool
is_aligned(const char *signer, const char *domain)
{
	size_t n = strlen(signer), m = strlen(domain);

	return m == n ? strcmp(signer, domain) == 0 :
			m > n && domain[m - n - 1] == '.' &&
			    strcmp(domain + m - n, signer) == 0;
}

static void
check_signer(struct conf_reader *r)
{
	struct conf *conf = r->conf;
	unsigned line = conf_option_line(r, "tlsrpt.dkim-domain");
	const char *domain = domain_of(conf->tlsrpt_contact), *name;
	struct diag why = { 0 };

	if (*conf->tlsrpt_dkim_domain == '\0') {
		conf->tlsrpt_dkim_domain = domain;
		return;
	}
	if (domain_canonical(conf, span_str(conf->tlsrpt_dkim_domain), &name,
		&why) != ST_OK)
		conf_mistake(r, line, "tlsrpt.dkim-domain: %s is not a domain",
		    conf_quote(r, conf->tlsrpt_dkim_domain));
	else if (*domain != '\0' && !is_aligned(name, domain))
		conf_mistake(r, line,
		    "tlsrpt.dkim-domain: reports are from %s: that domain is "
		    "expected, or one above it, not %s",
		    domain, name);
	else
		conf->tlsrpt_dkim_domain = name;
}

/* RFC 6376 3.1: labels of a name below _domainkey. */
static bool
is_selector(struct span a)
{
	bool label = false;

	for (size_t i = 0; i < a.n; i++) {
		bool dot = a.p[i] == '.';

		if ((dot && !label) || (!dot && !ascii_isalnum(a.p[i]) &&
					   a.p[i] != '-' && a.p[i] != '_'))
			return false;
		label = !dot;
	}
	return label;
}

struct signing {
	const char *selector_path, *selector;
	const char *key_path, *key;
};

static void
check_key(struct conf_reader *r, const struct signing *s)
{
	unsigned key = conf_option_line(r, s->key_path);
	unsigned selector = conf_option_line(r, s->selector_path);

	if (*s->key != '\0' && *s->selector == '\0')
		conf_mistake(r, key,
		    "%s is set without %s: set the name under which the key "
		    "is published",
		    s->key_path, s->selector_path);
	if (*s->selector != '\0' && *s->key == '\0')
		conf_mistake(r, selector, "%s is set without %s: set both",
		    s->selector_path, s->key_path);
	if (*s->selector != '\0' && !is_selector(span_str(s->selector)))
		conf_mistake(r, selector,
		    "%s: %s: letters, digits and \"-\" are expected",
		    s->selector_path, conf_quote(r, s->selector));
}

static void
check_keys(struct conf_reader *r)
{
	const struct conf *c = r->conf;
	const struct signing rsa = { "tlsrpt.dkim-rsa-selector",
		c->tlsrpt_rsa_selector, "tlsrpt.dkim-rsa-key",
		c->tlsrpt_rsa_key };
	const struct signing ed25519 = { "tlsrpt.dkim-ed25519-selector",
		c->tlsrpt_ed25519_selector, "tlsrpt.dkim-ed25519-key",
		c->tlsrpt_ed25519_key };

	check_key(r, &rsa);
	check_key(r, &ed25519);
	if (*rsa.selector != '\0' &&
	    span_ieq(span_str(rsa.selector), ed25519.selector))
		conf_mistake(r, conf_option_line(r, ed25519.selector_path),
		    "%s: another than %s is expected: one name has one key",
		    ed25519.selector_path, rsa.selector_path);
}

/* What is not given follows from the rest; but only where it is used, so that
 * nothing is printed of what is off. */
void
conf_check_tlsrpt(struct conf_reader *r)
{
	struct conf *c = r->conf;

	c->tlsrpt_contact = take_mailbox(r, "tlsrpt.contact",
	    c->tlsrpt_contact);
	c->tlsrpt_sender = take_mailbox(r, "tlsrpt.sender", c->tlsrpt_sender);
	check_keys(r);
	if (!c->tlsrpt_enable || *c->hostname == '\0')
		return;
	if (*c->tlsrpt_contact == '\0')
		c->tlsrpt_contact = need(talloc_asprintf(c, "postmaster@%s",
		    c->hostname));
	if (*c->tlsrpt_sender == '\0')
		c->tlsrpt_sender = c->tlsrpt_contact;
	if (*c->tlsrpt_organization == '\0')
		c->tlsrpt_organization = c->hostname;
	check_signer(r);
}
