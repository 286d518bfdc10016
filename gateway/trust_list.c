/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/trust_list.h"

#include <inttypes.h>
#include <ldns/ldns.h>
#include <string.h>

#include "net/file.h"
#include "net/tls.h"
#include "util/sha256.h"

#define ANCHOR_FILE_BYTES (1u << 20) /* ours */
#define FILE_COUNT        4u

/* ---- DNSSEC ---- */

/* "key 20326, SHA-256 e06d44b8..." of a DS record; NULL: of another digest. */
static char *
ds_text(TALLOC_CTX *mem, const ldns_rr *rr)
{
	char *digest = ldns_rdf2str(ldns_rr_rdf(rr, 3));
	char *text;

	if (digest == NULL)
		return NULL;
	text = need(talloc_asprintf(mem, "key %u (algorithm %u, digest %u) %s",
	    (unsigned)ldns_rdf2native_int16(ldns_rr_rdf(rr, 0)),
	    (unsigned)ldns_rdf2native_int8(ldns_rr_rdf(rr, 1)),
	    (unsigned)ldns_rdf2native_int8(ldns_rr_rdf(rr, 2)), digest));
	free(digest);
	return text;
}

static char *
anchor_text(TALLOC_CTX *mem, const ldns_rr *rr)
{
	ldns_rr *ds;
	char *text;

	if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_DS)
		return ds_text(mem, rr);
	if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_DNSKEY)
		return NULL;
	ds = ldns_key_rr2ds(rr, LDNS_SHA256);
	text = ds == NULL ? NULL : ds_text(mem, ds);
	ldns_rr_free(ds);
	return text;
}

static const char *
anchors_of(TALLOC_CTX *mem, struct span file)
{
	char *all = need(talloc_strdup(mem, ""));
	struct span line;

	while (span_line(&file, &line)) {
		ldns_rr *rr = NULL;
		char *text, *one;

		line = span_trim(span_sub(line, 0, span_find(line, ';', 0)));
		if (line.n == 0 || span_has(line, 0))
			continue;
		text = span_dup(mem, line);
		if (ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL) ==
			LDNS_STATUS_OK &&
		    (one = anchor_text(mem, rr)) != NULL)
			all = need(talloc_asprintf_append(all, "%s%s",
			    *all == '\0' ? "" : "; ", one));
		ldns_rr_free(rr);
		talloc_free(text);
	}
	return all;
}

/* ---- files ---- */

static const char *
certificates_of(TALLOC_CTX *mem, struct span pem)
{
	uint64_t count = 0;
	struct span line;

	while (span_line(&pem, &line))
		count += span_starts(line, "-----BEGIN CERTIFICATE-----") ||
			 span_starts(line,
			     "-----BEGIN TRUSTED CERTIFICATE-----");
	return need(talloc_asprintf(mem, "%" PRIu64 " %s", count,
	    plural(count, "certificate", "certificates")));
}

static struct compliance_trust
look_at(TALLOC_CTX *mem, const char *what, const char *path)
{
	bool dnssec = strcmp(what, TRUST_DNSSEC) == 0;
	struct compliance_trust t = { .what = what,
		.path = *path == '\0' ? "the system's authorities" : path,
		.sha256 = "",
		.content = "",
		.error = "" };
	uint8_t digest[SHA256_BYTES];
	struct diag why = { 0 };
	struct span file;
	char *hex;

	if ((dnssec ? file_read(mem, path, ANCHOR_FILE_BYTES, &file, &why) :
		      tls_trust_file(mem, path, &file, &why)) != ST_OK) {
		t.error = need(talloc_strdup(mem, why.text));
		return t;
	}
	hex = need(talloc_array(mem, char, 2 * SHA256_BYTES + 1));
	sha256(file, digest);
	hex_encode(span_of(digest, sizeof(digest)), hex);
	t.sha256 = hex;
	t.content = dnssec ? anchors_of(mem, file) : certificates_of(mem, file);
	if (*t.content == '\0')
		t.error = "no DS or DNSKEY record could be read from it";
	return t;
}

void
trust_list(TALLOC_CTX *mem, const struct conf *conf, struct compliance *c)
{
	const char *const file[FILE_COUNT][2] = {
		{ TRUST_DNSSEC, conf->resolver_trust_anchor },
		{ "mail servers", conf->smtp_ca_file },
		{ "MTA-STS policies", conf->sts_ca_file },
		{ "clients", conf->intake_client_ca },
	};

	c->trust = need(talloc_zero_array(mem, struct compliance_trust,
	    FILE_COUNT));
	for (size_t i = 0; i < FILE_COUNT; i++) {
		if (file[i][1] == conf->intake_client_ca &&
		    *conf->intake_client_ca == '\0')
			continue; /* none is trusted then */
		c->trust[c->trust_count++] = look_at(mem, file[i][0],
		    file[i][1]);
	}
}
