/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/trust_list.h"

#include <inttypes.h>
#include <string.h>

#include "net/dns_anchor.h"
#include "net/file.h"
#include "net/tls.h"
#include "util/sha256.h"

#define ANCHOR_FILE_BYTES (1u << 20) /* ours */
#define FILE_COUNT        4u

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
	t.content = dnssec ? dns_anchor_texts(mem, file) :
			     certificates_of(mem, file);
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
