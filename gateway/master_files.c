/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/master_files.h"

#include <stdio.h>
#include <sys/stat.h>

#include "gateway/control.h"
#include "gateway/tlsrpt_keys.h"
#include "net/file.h"
#include "net/tls.h"
#include "policy/accounts.h"
#include "smtp/client.h"
#include "util/pack.h"

static void
add_mistake(struct conf_mistakes *m, const char *text)
{
	if (m->text == NULL)
		m->text = need(talloc_array(m->mem, const char *,
		    CONF_MAX_MISTAKES));
	if (m->count < CONF_MAX_MISTAKES)
		m->text[m->count] = need(talloc_strdup(m->mem, text));
	m->count++;
}

/* Who must have no right to a file. */
enum secrecy {
	SECRECY_NONE,
	SECRECY_OTHERS, /* an account's hash is its password, with patience */
	SECRECY_KEY,    /* and who can write a key can choose one */
};

static enum status
check_secret(FILE *f, const char *path, enum secrecy secrecy, struct diag *why)
{
	struct stat st;

	if (secrecy == SECRECY_NONE)
		return ST_OK;
	if (fstat(fileno(f), &st) != 0)
		return diag_errno(why, "%s", path);
	if ((st.st_mode & S_IRWXO) != 0)
		return diag_set(why, ST_POLICY,
		    "%s: others on the system have a right to it: chmod o= it",
		    path);
	if (secrecy == SECRECY_KEY && (st.st_mode & S_IWGRP) != 0)
		return diag_set(why, ST_POLICY,
		    "%s: its group may write to it: chmod g-w it", path);
	return ST_OK;
}

static enum status
read_file(TALLOC_CTX *mem, const char *path, enum secrecy secrecy,
    struct span *out, struct diag *why)
{
	FILE *f = fopen(path, "re");
	enum status st;

	if (f == NULL)
		return diag_errno(why, "%s", path);
	st = check_secret(f, path, secrecy, why);
	if (st == ST_OK)
		st = file_read_rest(mem, f, path, CONTROL_BLOB_MAX_BYTES, out,
		    why);
	fclose(f);
	if (st == ST_OK && out->n == 0)
		return diag_set(why, ST_LIMIT, "%s: empty", path);
	return st;
}

static void
note_expiry(struct master_files *m, const char *path, struct wall not_after)
{
	m->expiry = need(talloc_realloc(m, m->expiry, struct master_expiry,
	    (unsigned)m->expiry_count + 1));
	m->expiry[m->expiry_count++] = (struct master_expiry){
		.path = need(talloc_strdup(m, path)),
		.not_after = not_after,
	};
}

/* Tried out together, and for how long they hold. */
static enum status
try_tls(struct master_files *m, const struct conf *conf, struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(m));
	struct diag detail = { 0 };
	struct tls_server *tls;
	enum status st = tls_server_new(tmp, m->cert, m->key, &tls, &detail);

	if (st != ST_OK)
		(void)diag_set(why, st, "%s with key %s: %s",
		    conf->tls_certificate, conf->tls_key, detail.text);
	else
		note_expiry(m, conf->tls_certificate,
		    tls_server_not_after(tls));
	if (st == ST_OK && m->client_ca.n > 0 &&
	    tls_server_trust(tls, m->client_ca, &detail) != ST_OK)
		st = diag_set(why, ST_IO,
		    "%s: no certificates could be read from it",
		    conf->intake_client_ca);
	talloc_free(tmp);
	return st;
}

static enum status
read_tls(struct master_files *m, const struct conf *conf, struct diag *why)
{
	enum status st = read_file(m, conf->tls_certificate, SECRECY_NONE,
	    &m->cert, why);

	if (st == ST_OK)
		st = read_file(m, conf->tls_key, SECRECY_KEY, &m->key, why);
	if (st == ST_OK && *conf->intake_client_ca != '\0')
		st = read_file(m, conf->intake_client_ca, SECRECY_NONE,
		    &m->client_ca, why);
	return st == ST_OK ? try_tls(m, conf, why) : st;
}

/* The first line of a route's password-file. */
static enum status
read_password(TALLOC_CTX *tmp, const char *path, struct span *out,
    struct diag *why)
{
	struct span all;
	enum status st = read_file(tmp, path, SECRECY_OTHERS, &all, why);

	if (st != ST_OK)
		return st;
	if (!span_line(&all, out) || out->n == 0 || span_has(*out, '\0') ||
	    out->n > CLIENT_LOGIN_BYTES)
		return diag_set(why, ST_SYNTAX,
		    "%s: a password of at most %u bytes is expected on its "
		    "first line",
		    path, CLIENT_LOGIN_BYTES);
	return ST_OK;
}

static void
read_secrets(struct master_files *m, const struct conf *conf,
    struct conf_mistakes *mistakes)
{
	TALLOC_CTX *tmp = need(talloc_new(m));
	struct diag why = { 0 };
	struct span password;
	struct sbuf b;

	sbuf_init(&b, m, CONTROL_BLOB_MAX_BYTES);
	for (size_t i = 0; i < conf->route_count; i++) {
		const struct conf_route *r = &conf->route[i];

		if (*r->password_file == '\0')
			continue;
		if (read_password(tmp, r->password_file, &password, &why) !=
		    ST_OK) {
			add_mistake(mistakes, why.text);
			continue;
		}
		pack_str(&b, r->name);
		pack_str(&b, r->user);
		pack_bytes(&b, password);
	}
	m->secrets = sbuf_view(&b);
	talloc_free(tmp);
}

static void
read_trust(struct master_files *m, const char *option, const char *file,
    struct span *out, struct conf_mistakes *mistakes)
{
	struct diag why = { 0 };

	if (tls_trust_file(m, file, out, &why) != ST_OK)
		add_mistake(mistakes,
		    talloc_asprintf(mistakes->mem, "%s: %s", option, why.text));
}

/* What is wrong with a file of a rule: which of its keys names it. */
static void
add_rule_mistake(struct conf_mistakes *mistakes, const struct conf_rule *r,
    const char *key, const char *text)
{
	char *whole = need(talloc_asprintf(mistakes->mem,
	    "%s: rule \"%s\": %s: %s", r->where, r->name, key, text));

	add_mistake(mistakes, whole);
	talloc_free(whole);
}

static void
read_rule_trust(TALLOC_CTX *tmp, const struct conf_rule *r, struct span *ca,
    struct conf_mistakes *mistakes)
{
	struct tls_trust *trust = NULL;
	struct diag why = { 0 };
	char *text;

	if (r->verify_by != VERIFY_BY_CA)
		return;
	if (read_file(tmp, r->ca_file, SECRECY_NONE, ca, &why) != ST_OK) {
		add_rule_mistake(mistakes, r, "ca-file", why.text);
	} else if (tls_trust_new(tmp, *ca, &trust, &why) != ST_OK) {
		text = need(talloc_asprintf(tmp, "%s: %s", r->ca_file,
		    why.text));
		add_rule_mistake(mistakes, r, "ca-file", text);
	}
}

struct identity {
	struct span cert, key;
};

static void
read_identity(struct master_files *m, TALLOC_CTX *tmp,
    const struct conf_rule *r, struct identity *out,
    struct conf_mistakes *mistakes)
{
	struct tls_identity *id = NULL;
	struct diag why = { 0 };
	char *text;

	if (!r->has_identity)
		return;
	if (read_file(tmp, r->client_certificate, SECRECY_NONE, &out->cert,
		&why) != ST_OK) {
		add_rule_mistake(mistakes, r, "client-certificate", why.text);
	} else if (read_file(tmp, r->client_key, SECRECY_KEY, &out->key,
		       &why) != ST_OK) {
		add_rule_mistake(mistakes, r, "client-key", why.text);
	} else if (tls_identity_new(tmp, out->cert, out->key, &id, &why) !=
		   ST_OK) {
		text = need(talloc_asprintf(tmp, "%s with %s: %s",
		    r->client_certificate, r->client_key, why.text));
		add_rule_mistake(mistakes, r, "client-certificate", text);
	} else {
		note_expiry(m, r->client_certificate,
		    tls_identity_not_after(id));
	}
}

static void
read_material(struct master_files *m, const struct conf *conf,
    struct conf_mistakes *mistakes)
{
	TALLOC_CTX *tmp = need(talloc_new(m));
	struct sbuf b;

	sbuf_init(&b, m, CONTROL_BLOB_MAX_BYTES);
	for (size_t i = 0; i < conf->rule_count; i++) {
		const struct conf_rule *r = &conf->rule[i];
		struct identity own = { SPAN_NONE, SPAN_NONE };
		struct span ca = SPAN_NONE;

		if (r->verify_by != VERIFY_BY_CA && !r->has_identity)
			continue;
		read_rule_trust(tmp, r, &ca, mistakes);
		read_identity(m, tmp, r, &own, mistakes);
		pack_str(&b, r->name);
		pack_bytes(&b, ca);
		pack_bytes(&b, own.cert);
		pack_bytes(&b, own.key);
	}
	if (sbuf_failed(&b))
		add_mistake(mistakes,
		    "rules: their ca-file and client-certificate files are "
		    "too large together");
	else
		m->material = sbuf_view(&b);
	talloc_free(tmp);
}

/* Tried out, each by itself. */
struct span
master_report_keys(TALLOC_CTX *mem, const struct conf *conf,
    struct conf_mistakes *mistakes)
{
	struct tlsrpt_key_file file[TLSRPT_KEYS];
	TALLOC_CTX *tmp = need(talloc_new(mem));
	struct dkim_key *key;
	struct sbuf b;

	sbuf_init(&b, mem, CONTROL_BLOB_MAX_BYTES);
	tlsrpt_key_files(conf, file);
	for (size_t i = 0; conf->tlsrpt_enable && i < TLSRPT_KEYS; i++) {
		struct diag why = { 0 };
		struct span pem;

		if (*file[i].path == '\0')
			continue;
		if (read_file(tmp, file[i].path, SECRECY_KEY, &pem, &why) !=
			ST_OK ||
		    dkim_key_new(tmp, pem, conf->tlsrpt_dkim_domain,
			file[i].selector, &key, &why) != ST_OK)
			add_mistake(mistakes, talloc_asprintf(tmp, "%s: %s",
						  file[i].option, why.text));
		else
			tlsrpt_key_pack(&b, conf->tlsrpt_dkim_domain,
			    file[i].selector, pem);
	}
	talloc_free(tmp);
	return sbuf_view(&b);
}

struct master_files *
master_files_read(TALLOC_CTX *mem, const struct conf *conf,
    struct conf_mistakes *mistakes)
{
	struct master_files *m = need(talloc_zero(mem, struct master_files));
	struct diag why = { 0 };

	if (*conf->tls_certificate != '\0' && read_tls(m, conf, &why) != ST_OK)
		add_mistake(mistakes, why.text);
	if (*conf->intake_accounts != '\0') {
		if (read_file(m, conf->intake_accounts, SECRECY_OTHERS,
			&m->accounts, &why) != ST_OK)
			add_mistake(mistakes, why.text);
		else
			(void)accounts_parse(m, conf->intake_accounts,
			    m->accounts, mistakes);
	}
	read_secrets(m, conf, mistakes);
	read_trust(m, "smtp.ca-file", conf->smtp_ca_file, &m->smtp_ca,
	    mistakes);
	read_trust(m, "sts.ca-file", conf->sts_ca_file, &m->sts_ca, mistakes);
	read_material(m, conf, mistakes);
	m->report_keys = master_report_keys(m, conf, mistakes);
	if (mistakes->count == 0)
		return m;
	talloc_free(m);
	return NULL;
}
