/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/dkim.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "util/base64.h"
#include "util/sha256.h"

#define ED25519_KEY_BYTES 32u
#define SIGNATURE_BYTES   2048u /* RSA of 16384 bits */
#define BASE64_LINE_BYTES 72u

struct dkim_key {
	EVP_PKEY *pkey;
	bool ed25519;
	const char *domain;
	const char *selector;
};

static int
key_free(struct dkim_key *k)
{
	EVP_PKEY_free(k->pkey);
	return 0;
}

enum status
dkim_key_new(TALLOC_CTX *mem, struct span pem, const char *domain,
    const char *selector, struct dkim_key **out, struct diag *why)
{
	BIO *bio = need(BIO_new_mem_buf(pem.p, (int)pem.n));
	char none[] = ""; /* the pass phrase: nobody is asked for one */
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, none);
	struct dkim_key *k;
	int type;

	BIO_free(bio);
	if (pkey == NULL)
		return diag_set(why, ST_SYNTAX,
		    "no private key in PEM form, or one with a pass phrase");
	type = EVP_PKEY_get_base_id(pkey);
	if (type != EVP_PKEY_ED25519 &&
	    (type != EVP_PKEY_RSA ||
		EVP_PKEY_get_bits(pkey) < (int)DKIM_RSA_MIN_BITS)) {
		EVP_PKEY_free(pkey);
		return diag_set(why, ST_UNSUPP,
		    "a DKIM key is Ed25519, or RSA of at least %u bits "
		    "(RFC 8301 3, RFC 8463 3)",
		    DKIM_RSA_MIN_BITS);
	}
	k = need(talloc(mem, struct dkim_key));
	*k = (struct dkim_key){ .pkey = pkey,
		.ed25519 = type == EVP_PKEY_ED25519,
		.domain = domain,
		.selector = selector };
	talloc_set_destructor(k, key_free);
	*out = k;
	return ST_OK;
}

/* ---- canonical forms, RFC 6376 3.4 ---- */

static bool
is_wsp(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/*
 * "relaxed": runs of WSP are one SP and those at the end go.  Of a header
 * field (3.4.2) that spans lines, CRLF goes as well.
 */
static void
add_relaxed(struct sha256 *h, struct span line)
{
	bool gap = false;

	for (size_t i = 0; i < line.n; i++) {
		uint8_t c = line.p[i];

		if (c == '\r' || c == '\n')
			continue;
		if (is_wsp(c)) {
			gap = true;
			continue;
		}
		if (gap)
			sha256_add(h, SPAN_LIT(" "));
		gap = false;
		sha256_add(h, span_of(&c, 1));
	}
}

static void
add_field(struct sha256 *h, struct span field)
{
	struct span name, value;
	bool split = span_cut(field, ':', &name, &value);

	invariant(split);
	name = span_trim(name);
	for (size_t i = 0; i < name.n; i++) {
		uint8_t c = ascii_lower(name.p[i]);

		sha256_add(h, span_of(&c, 1));
	}
	sha256_add(h, SPAN_LIT(":"));
	while (value.n > 0 &&
	       (is_wsp(value.p[0]) || value.p[0] == '\r' || value.p[0] == '\n'))
		value = span_sub(value, 1, value.n);
	add_relaxed(h, value);
}

static void
body_hash(struct span body, uint8_t out[SHA256_BYTES])
{
	struct sha256 h;
	struct span line;
	size_t empty = 0;

	sha256_init(&h);
	while (span_line(&body, &line)) {
		while (line.n > 0 && is_wsp(line.p[line.n - 1]))
			line.n--;
		if (line.n == 0) {
			empty++;
			continue;
		}
		for (; empty > 0; empty--)
			sha256_add(&h, SPAN_LIT("\r\n"));
		/* a line's leading blanks are one, so add_relaxed keeps it */
		add_relaxed(&h, line);
		sha256_add(&h, SPAN_LIT("\r\n"));
	}
	sha256_final(&h, out);
}

/* ---- the message's parts ---- */

/* The field that *rest begins with, with its folded lines; not the empty
 * line. */
static bool
next_field(struct span *rest, struct span *field)
{
	struct span line, from = *rest;

	if (!span_line(rest, &line) || line.n == 0)
		return false;
	while (rest->n > 0 && is_wsp(rest->p[0]))
		if (!span_line(rest, &line))
			break;
	*field = span_sub(from, 0, from.n - rest->n);
	return true;
}

static struct span
last_field(struct span header, const char *name)
{
	struct span field, before, after, found = SPAN_NONE;

	while (next_field(&header, &field))
		if (span_cut(field, ':', &before, &after) &&
		    span_ieq(span_trim(before), name))
			found = field;
	return found;
}

static struct span
body_of(struct span message)
{
	struct span field;

	while (next_field(&message, &field))
		;
	return message;
}

/* ---- signing ---- */

static void
put_base64_folded(struct sbuf *out, struct span data)
{
	const size_t step = BASE64_LINE_BYTES / 4 * 3;

	for (size_t at = 0; at < data.n; at += step) {
		if (at > 0)
			sbuf_str(out, "\r\n\t ");
		base64_put(out, span_sub(data, at, at + step));
	}
}

/* All of the field but the value of b= and the line end. */
static void
put_unsigned(const struct dkim_key *key, struct span message,
    const char *const *fields, size_t count, struct wall now, struct sbuf *out)
{
	uint8_t digest[SHA256_BYTES];

	sbuf_printf(out,
	    "DKIM-Signature: v=1; a=%s-sha256; c=relaxed/relaxed;\r\n"
	    "\td=%s;\r\n\ts=%s;\r\n\tt=%" PRId64 ";\r\n\th=",
	    key->ed25519 ? "ed25519" : "rsa", key->domain, key->selector,
	    now.ms / 1000);
	for (size_t i = 0; i < count; i++)
		sbuf_printf(out, "%s%s", i > 0 ? ":\r\n\t " : "", fields[i]);
	body_hash(body_of(message), digest);
	sbuf_str(out, ";\r\n\tbh=");
	base64_put(out, span_of(digest, sizeof(digest)));
	sbuf_str(out, ";\r\n\tb=");
}

/* The hash that RSA signs is named with it; Ed25519 signs the hash as it is
 * (RFC 8463 3). */
static size_t
sign(const struct dkim_key *key, const uint8_t digest[SHA256_BYTES],
    uint8_t out[SIGNATURE_BYTES])
{
	size_t n = SIGNATURE_BYTES;
	bool done;

	if (key->ed25519) {
		EVP_MD_CTX *c = need(EVP_MD_CTX_new());

		done = EVP_DigestSignInit(c, NULL, NULL, NULL, key->pkey) ==
			   1 &&
		       EVP_DigestSign(c, out, &n, digest, SHA256_BYTES) == 1;
		EVP_MD_CTX_free(c);
	} else {
		EVP_PKEY_CTX *c = need(EVP_PKEY_CTX_new(key->pkey, NULL));

		done = EVP_PKEY_sign_init(c) == 1 &&
		       EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) ==
			   1 &&
		       EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) == 1 &&
		       EVP_PKEY_sign(c, out, &n, digest, SHA256_BYTES) == 1;
		EVP_PKEY_CTX_free(c);
	}
	if (!done)
		out_of_memory("DKIM signature");
	return n;
}

void
dkim_sign(const struct dkim_key *key, struct span message,
    const char *const *fields, size_t field_count, struct wall now,
    struct sbuf *out)
{
	uint8_t digest[SHA256_BYTES], signature[SIGNATURE_BYTES];
	size_t from = out->n;
	struct sha256 h;

	sha256_init(&h);
	for (size_t i = 0; i < field_count; i++) {
		struct span field = last_field(message, fields[i]);

		invariant(field.n > 0);
		add_field(&h, field);
		sha256_add(&h, SPAN_LIT("\r\n"));
	}
	put_unsigned(key, message, fields, field_count, now, out);
	if (sbuf_failed(out))
		panic("a DKIM signature does not fit");
	add_field(&h, span_sub(sbuf_view(out), from, out->n));
	sha256_final(&h, digest);
	put_base64_folded(out,
	    span_of(signature, sign(key, digest, signature)));
	sbuf_str(out, "\r\n");
}

/* ---- the public key's record ---- */

/* The p= value's bytes in mem (RFC 6376 3.6.1, RFC 8463 4.2). */
static struct span
public_bytes(TALLOC_CTX *mem, const struct dkim_key *key)
{
	uint8_t raw[ED25519_KEY_BYTES], *der = NULL;
	size_t n = sizeof(raw);
	struct span out;
	int der_bytes;

	if (key->ed25519) {
		if (EVP_PKEY_get_raw_public_key(key->pkey, raw, &n) != 1)
			out_of_memory("DKIM key");
		return span_copy(mem, span_of(raw, n));
	}
	der_bytes = i2d_PUBKEY(key->pkey, &der);
	if (der_bytes <= 0)
		out_of_memory("DKIM key");
	out = span_copy(mem, span_of(der, (size_t)der_bytes));
	OPENSSL_free(der);
	return out;
}

const char *
dkim_key_record(TALLOC_CTX *mem, const struct dkim_key *key,
    const char *services)
{
	struct sbuf b;

	sbuf_init(&b, mem, DKIM_MAX_BYTES);
	sbuf_printf(&b, "v=DKIM1; k=%s; ", key->ed25519 ? "ed25519" : "rsa");
	if (*services != '\0')
		sbuf_printf(&b, "s=%s; ", services);
	sbuf_str(&b, "p=");
	base64_put(&b, public_bytes(b.mem, key));
	return sbuf_cstr(&b);
}

/* The value of a tag in a tag-list (RFC 6376 3.2); false when absent. */
static bool
tag_value(struct span list, const char *tag, struct span *value)
{
	struct span item, name;

	while (list.n > 0) {
		if (!span_cut(list, ';', &item, &list)) {
			item = list;
			list = SPAN_NONE;
		}
		if (span_cut(item, '=', &name, value) &&
		    span_eq(span_trim(name), tag)) {
			*value = span_trim(*value);
			return true;
		}
	}
	return false;
}

bool
dkim_record_matches(const struct dkim_key *key, struct span txt)
{
	TALLOC_CTX *tmp = need(talloc_new(NULL));
	struct span theirs, ours;
	struct sbuf a, b;
	bool same = false;

	sbuf_init(&a, tmp, DKIM_MAX_BYTES);
	sbuf_init(&b, tmp, DKIM_MAX_BYTES);
	if (tag_value(txt, "p", &theirs)) {
		/* FWS is allowed inside (RFC 6376 3.6.1) */
		for (size_t i = 0; i < theirs.n; i++)
			if (!is_wsp(theirs.p[i]))
				sbuf_u8(&a, theirs.p[i]);
		ours = public_bytes(tmp, key);
		base64_put(&b, ours);
		same = span_eq_span(sbuf_view(&a), sbuf_view(&b));
	}
	talloc_free(tmp);
	return same;
}

struct dkim_services
dkim_record_services(struct span txt)
{
	struct dkim_services out = { false, false };
	struct span list, one;

	if (!tag_value(txt, "s", &list))
		return (struct dkim_services){ true, true };
	while (list.n > 0) {
		if (!span_cut(list, ':', &one, &list)) {
			one = list;
			list = SPAN_NONE;
		}
		one = span_trim(one);
		if (span_eq(one, "*"))
			return (struct dkim_services){ true, true };
		out.tlsrpt |= span_eq(one, "tlsrpt");
		out.email |= span_eq(one, "email");
	}
	return out;
}
