/* SPDX-License-Identifier: BSD-2-Clause */
/* The entries of listen. */
#include <string.h>

#include "policy/accounts.h"
#include "policy/conf_internal.h"
#include "util/sha256.h"

const struct conf_field conf_listen_field[CONF_LISTEN_FIELDS] = {
	{ "address", false, true,
	    "Address and port: \"127.0.0.1:2525\" or \"[::1]:2525\"." },
	{ "role", false, false,
	    "\"relay\", which is also meant when it is left out, takes mail "
	    "from other mail servers and changes nothing of it. "
	    "\"submission\" takes it from people and programs, who must "
	    "authenticate unless auth says otherwise, and adds a missing Date "
	    "or Message-ID (RFC 6409)." },
	{ "allow", true, false,
	    "Networks whose clients may hand in mail without authentication: "
	    "\"10.0.0.0/8\" or one address. With auth = \"require\" a client "
	    "must be in one of them, if there are any, and authenticate too. "
	    "May be left out where clients can authenticate." },
	{ "tls", false, false,
	    "\"off\"; \"offer\" for STARTTLS; \"require\" to take no mail "
	    "without it; \"implicit\" for TLS from the first byte (RFC 8314). "
	    "When left out: offer with tls.certificate, off without; require "
	    "for a submission." },
	{ "auth", false, false,
	    "\"off\"; \"offer\": who authenticates may hand in mail from "
	    "everywhere; \"require\": nobody else may. AUTH is there under "
	    "TLS only. When left out: require for a submission, else off." },
	{ "certificates", true, false,
	    "Client certificates that stand for an account: "
	    "\"SHA256:FINGERPRINT=ACCOUNT\" for one certificate, "
	    "\"CA:NAME=ACCOUNT\" for any that intake.client-ca vouches for "
	    "and that carries NAME, a host name or mail address, or \"*\"." },
	{ "certificate-login", false, false,
	    "\"external\", which is also meant when it is left out: a client "
	    "with such a certificate says AUTH EXTERNAL to use it. "
	    "\"implicit\": it has authenticated with the handshake." },
	{ "proxy", true, false,
	    "Networks of load balancers whose connections begin with a PROXY "
	    "protocol header, version 2, which names the client. From there a "
	    "connection without one is closed; from elsewhere no header is "
	    "taken." },
};

static const char *const role_words[] = {
	[LISTEN_RELAY] = "relay",
	[LISTEN_SUBMISSION] = "submission",
};
static const char *const tls_words[] = {
	[LISTEN_TLS_OFF] = "off",
	[LISTEN_TLS_OFFER] = "offer",
	[LISTEN_TLS_REQUIRE] = "require",
	[LISTEN_TLS_IMPLICIT] = "implicit",
};
static const char *const auth_words[] = {
	[LISTEN_AUTH_OFF] = "off",
	[LISTEN_AUTH_OFFER] = "offer",
	[LISTEN_AUTH_REQUIRE] = "require",
};
static const char *const login_words[] = {
	[LISTEN_LOGIN_EXTERNAL] = "external",
	[LISTEN_LOGIN_IMPLICIT] = "implicit",
};

const char *
conf_listen_role_word(enum listen_role role)
{
	return role_words[role];
}

const char *
conf_listen_tls_word(enum listen_tls tls)
{
	return tls_words[tls];
}

const char *
conf_listen_auth_word(enum listen_auth auth)
{
	return auth_words[auth];
}

const char *
conf_listen_login_word(enum listen_login login)
{
	return login_words[login];
}

char *
conf_listen_certificate_text(TALLOC_CTX *mem, const struct conf_certificate *c)
{
	char hex[2 * SHA256_BYTES + 1];

	if (*c->name != '\0')
		return need(talloc_asprintf(mem, "CA:%s=%s", c->name,
		    c->account));
	hex_encode(span_of(c->sha256, SHA256_BYTES), hex);
	return need(talloc_asprintf(mem, "SHA256:%s=%s", hex, c->account));
}

/* ---- texts of its lists ---- */

enum status
conf_take_network(const char *text, struct netprefix *prefix, const char *all,
    struct diag *why)
{
	if (netprefix_parse(span_str(text), prefix) != ST_OK)
		return diag_fail(why, ST_SYNTAX,
		    "not a network, such as 10.0.0.0/8 (with zeros after the "
		    "prefix)",
		    span_str(text));
	if (prefix->bits == 0)
		return diag_fail(why, ST_POLICY, all, span_str(text));
	return ST_OK;
}

static enum status
take_allowed(TALLOC_CTX *mem, const char *text, void *out, size_t i,
    struct diag *why)
{
	(void)mem;
	return conf_take_network(text, (struct netprefix *)out + i,
	    "all the world could relay: name your own networks", why);
}

static enum status
take_proxy(TALLOC_CTX *mem, const char *text, void *out, size_t i,
    struct diag *why)
{
	(void)mem;
	return conf_take_network(text, (struct netprefix *)out + i,
	    "all the world could pretend to be another: name your load "
	    "balancers",
	    why);
}

/* "AB:CD:…" as openssl x509 -fingerprint prints it, or without colons. */
static enum status
parse_fingerprint(struct span a, uint8_t out[SHA256_BYTES])
{
	char hex[2 * SHA256_BYTES];
	size_t n = 0;

	for (size_t i = 0; i < a.n; i++) {
		if (a.p[i] == ':')
			continue;
		if (n == sizeof(hex))
			return ST_SYNTAX;
		hex[n++] = (char)a.p[i];
	}
	return n == sizeof(hex) ?
		   hex_decode(span_of(hex, n), out, SHA256_BYTES) :
		   ST_SYNTAX;
}

/* A host name, a mail address, or "*". */
static bool
is_certificate_name(struct span a)
{
	for (size_t i = 0; i < a.n; i++)
		if (!ascii_isalnum(a.p[i]) &&
		    !span_has(SPAN_LIT(".-_@+"), a.p[i]))
			return span_eq(a, "*");
	return a.n > 0 && a.n <= CONF_CERTIFICATE_NAME_BYTES;
}

/* At the last "=": the name of an account has none. */
static bool
cut_account(struct span text, struct span *what, struct span *account)
{
	size_t at = text.n;

	while (at > 0 && text.p[at - 1] != '=')
		at--;
	if (at == 0)
		return false;
	*what = span_trim(span_sub(text, 0, at - 1));
	*account = span_trim(span_sub(text, at, text.n));
	return true;
}

static enum status
take_certificate(TALLOC_CTX *mem, const char *text, void *out, size_t i,
    struct diag *why)
{
	struct conf_certificate *c = (struct conf_certificate *)out + i;
	struct span what, account;

	*c = (struct conf_certificate){ .name = "" };
	if (!cut_account(span_str(text), &what, &account) ||
	    !account_name_ok(account))
		return diag_fail(why, ST_SYNTAX,
		    "\"=\" and the name of an account are expected at its end",
		    span_str(text));
	c->account = span_dup(mem, account);
	if (span_istarts(what, "SHA256:")) {
		if (parse_fingerprint(span_sub(what, 7, what.n), c->sha256) ==
		    ST_OK)
			return ST_OK;
		return diag_fail(why, ST_SYNTAX,
		    "64 hexadecimal digits are expected after SHA256:", what);
	}
	if (span_istarts(what, "CA:") &&
	    is_certificate_name(span_sub(what, 3, what.n))) {
		c->name = span_dup(mem, span_sub(what, 3, what.n));
		return ST_OK;
	}
	return diag_fail(why, ST_SYNTAX,
	    "\"SHA256:FINGERPRINT=ACCOUNT\" or \"CA:NAME=ACCOUNT\" is expected",
	    what);
}

/* ---- its keys ---- */

/* One address written in two ways is still one. */
static bool
is_taken(const struct conf_entry *e, const struct conf_listen *listen)
{
	const struct conf_listen *l = e->r->conf->listen;

	for (; l < listen; l++)
		if (netaddr_eq(&l->addr, &listen->addr))
			return true;
	return false;
}

static void
read_address(const struct conf_entry *e, struct conf_listen *out)
{
	const char *text = conf_entry_text(e, "address");

	if (text == NULL)
		return;
	if (netaddr_parse_port(span_str(text), &out->addr) != ST_OK)
		conf_entry_mistake(e, "address",
		    "an address and port is expected, such as "
		    "\"127.0.0.1:2525\" or \"[::1]:2525\"");
	else if (out->addr.port == 0)
		conf_entry_mistake(e, "address", "no client finds port 0");
	else if (is_taken(e, out))
		conf_entry_mistake(e, "address",
		    "another listener has this address and port");
}

/* The index of a key's word; fallback when it is absent or not one. */
static unsigned
read_word(const struct conf_entry *e, const char *key, const char *const *words,
    size_t count, unsigned fallback)
{
	const char *text = conf_entry_text(e, key);
	char *list;
	int i;

	if (text == NULL)
		return fallback;
	i = span_index(span_str(text), words, count);
	if (i >= 0)
		return (unsigned)i;
	list = need(talloc_asprintf(e->r->mem, "\"%s\"", words[0]));
	for (size_t k = 1; k < count; k++)
		list = need(talloc_asprintf_append(list, "%s\"%s\"",
		    k + 1 < count ? ", " : " or ", words[k]));
	conf_entry_mistake(e, key, "%s: %s is expected", key, list);
	return fallback;
}

static void
read_tls(const struct conf_entry *e, struct conf_listen *out)
{
	bool can = *e->r->conf->tls_certificate != '\0';
	enum listen_tls usual = out->role == LISTEN_SUBMISSION ?
				    LISTEN_TLS_REQUIRE :
				    LISTEN_TLS_OFFER;

	out->tls = (enum listen_tls)read_word(e, "tls", tls_words,
	    COUNT_OF(tls_words), can ? usual : LISTEN_TLS_OFF);
	if (out->tls != LISTEN_TLS_OFF && !can)
		conf_entry_mistake(e, "tls",
		    "tls = \"%s\" needs tls.certificate and tls.key",
		    tls_words[out->tls]);
}

static void
read_certificates(const struct conf_entry *e, struct conf_listen *out)
{
	out->certificate = conf_entry_list(e, "certificates", take_certificate,
	    sizeof(*out->certificate), &out->certificate_count);
	out->login = (enum listen_login)read_word(e, "certificate-login",
	    login_words, COUNT_OF(login_words), LISTEN_LOGIN_EXTERNAL);
}

/* ---- what must fit together ---- */

static void
check_certificates(const struct conf_entry *e, const struct conf_listen *l)
{
	bool by_ca = false;

	for (size_t i = 0; i < l->certificate_count; i++)
		by_ca |= *l->certificate[i].name != '\0';
	if (l->certificate_count == 0 && l->login == LISTEN_LOGIN_IMPLICIT)
		conf_entry_mistake(e, "certificate-login",
		    "certificate-login = \"implicit\" needs certificates");
	if (l->certificate_count > 0 && l->tls == LISTEN_TLS_OFF)
		conf_entry_mistake(e, "certificates",
		    "certificates need TLS: set tls.certificate and tls.key, "
		    "and not tls = \"off\"");
	if (l->certificate_count > 0 && l->auth == LISTEN_AUTH_OFF)
		conf_entry_mistake(e, "certificates",
		    "certificates are of no use with auth = \"off\": set "
		    "\"offer\" or \"require\"");
	if (by_ca && *e->r->conf->intake_client_ca == '\0')
		conf_entry_mistake(e, "certificates",
		    "\"CA:\" needs intake.client-ca");
}

static void
check_auth(const struct conf_entry *e, const struct conf_listen *l)
{
	const char *key = conf_entry_text(e, "auth") != NULL ? "auth" : "role";

	if (l->auth == LISTEN_AUTH_OFF)
		return;
	if (l->tls == LISTEN_TLS_OFF)
		conf_entry_mistake(e, key,
		    "auth = \"%s\" needs TLS, for no password may cross in "
		    "clear: set tls.certificate and tls.key, and not tls = "
		    "\"off\"",
		    auth_words[l->auth]);
	if (l->certificate_count == 0 && *e->r->conf->intake_accounts == '\0')
		conf_entry_mistake(e, key,
		    "auth = \"%s\" needs intake.accounts, or certificates "
		    "here: nobody could authenticate",
		    auth_words[l->auth]);
}

void
conf_listen_read(const struct conf_entry *e, struct conf_listen *out)
{
	read_address(e, out);
	out->role = (enum listen_role)read_word(e, "role", role_words,
	    COUNT_OF(role_words), LISTEN_RELAY);
	read_tls(e, out);
	out->auth = (enum listen_auth)read_word(e, "auth", auth_words,
	    COUNT_OF(auth_words),
	    out->role == LISTEN_SUBMISSION ? LISTEN_AUTH_REQUIRE :
					     LISTEN_AUTH_OFF);
	read_certificates(e, out);
	out->allow = conf_entry_list(e, "allow", take_allowed,
	    sizeof(*out->allow), &out->allow_count);
	out->proxy = conf_entry_list(e, "proxy", take_proxy,
	    sizeof(*out->proxy), &out->proxy_count);
	check_auth(e, out);
	check_certificates(e, out);
	if (conf_entry_length(e, "allow") == 0)
		conf_entry_mistake(e, "allow", "allow: may not be empty");
	else if (out->auth == LISTEN_AUTH_OFF &&
		 conf_entry_length(e, "allow") < 0)
		conf_entry_mistake(e, NULL,
		    "allow is missing: name the networks whose clients may "
		    "hand in mail");
}
