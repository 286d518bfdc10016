/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/tlsrpt_keys.h"

#include "report/tlsrpt.h"
#include "util/pack.h"

void
tlsrpt_key_files(const struct conf *conf,
    struct tlsrpt_key_file out[TLSRPT_KEYS])
{
	out[0] = (struct tlsrpt_key_file){ "tlsrpt.dkim-rsa-key",
		conf->tlsrpt_rsa_selector, conf->tlsrpt_rsa_key };
	out[1] = (struct tlsrpt_key_file){ "tlsrpt.dkim-ed25519-key",
		conf->tlsrpt_ed25519_selector, conf->tlsrpt_ed25519_key };
}

void
tlsrpt_key_pack(struct sbuf *b, const char *domain, const char *selector,
    struct span pem)
{
	pack_str(b, domain);
	pack_str(b, selector);
	pack_bytes(b, pem);
}

static enum status
take_one(struct tlsrpt_keys *keys, struct unpack *u, struct diag *why)
{
	struct tlsrpt_key *k = &keys->list[keys->count];
	struct span pem;

	if (keys->count == TLSRPT_KEYS)
		return diag_set(why, ST_LIMIT, "more keys than sign reports");
	k->domain = unpack_str(u, keys);
	k->selector = unpack_str(u, keys);
	pem = unpack_bytes(u);
	if (u->failed)
		return diag_set(why, ST_SYNTAX, "keys that sign reports");
	keys->count++;
	return dkim_key_new(keys, pem, k->domain, k->selector, &k->key, why);
}

enum status
tlsrpt_keys_unpack(TALLOC_CTX *mem, struct span a, struct tlsrpt_keys **out,
    struct diag *why)
{
	struct tlsrpt_keys *keys = need(talloc_zero(mem, struct tlsrpt_keys));
	struct unpack u = unpack_from(a);
	enum status st = ST_OK;

	while (st == ST_OK && u.rest.n > 0)
		st = take_one(keys, &u, why);
	if (st != ST_OK) {
		talloc_free(keys);
		return st;
	}
	*out = keys;
	return ST_OK;
}

void
tlsrpt_keys_sign(const struct tlsrpt_keys *keys, struct span message,
    struct wall now, struct sbuf *out)
{
	for (size_t i = 0; i < keys->count; i++)
		dkim_sign(keys->list[i].key, message, tlsrpt_signed_field,
		    TLSRPT_SIGNED_FIELDS, now, out);
	sbuf_span(out, message);
}

const char *
tlsrpt_key_fault(const struct dkim_key *key, struct span txt)
{
	struct dkim_services s = dkim_record_services(txt);

	if (!dkim_record_matches(key, txt))
		return "another key is published: publish the record above";
	if (!s.tlsrpt)
		return "its s= does not let it sign TLS reports: publish "
		       "s=email:tlsrpt (RFC 8460 3)";
	if (!s.email)
		return "its s= is for TLS reports alone, so those who verify "
		       "mail ignore it (RFC 6376 3.6.1): publish "
		       "s=email:tlsrpt";
	return NULL;
}
