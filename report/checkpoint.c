/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/checkpoint.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "util/sha256.h"

#define STATEMENT_BYTES 128u

struct checkpoint_key {
	EVP_PKEY *pkey;
};

static int
key_free(struct checkpoint_key *k)
{
	EVP_PKEY_free(k->pkey);
	return 0;
}

/* ---- keys ---- */

static void
to_text(BIO *bio, char out[CHECKPOINT_PEM_BYTES])
{
	int n = BIO_read(bio, out, CHECKPOINT_PEM_BYTES - 1);

	invariant(n > 0 && n < (int)CHECKPOINT_PEM_BYTES - 1);
	out[n] = '\0';
	BIO_free(bio);
}

void
checkpoint_key_make(char private_pem[CHECKPOINT_PEM_BYTES],
    char public_pem[CHECKPOINT_PEM_BYTES])
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	BIO *secret = BIO_new(BIO_s_secmem()), *open = BIO_new(BIO_s_mem());

	if (need(pkey) == NULL || need(secret) == NULL || need(open) == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(secret, pkey, NULL, NULL, 0, NULL,
		NULL) != 1 ||
	    PEM_write_bio_PUBKEY(open, pkey) != 1)
		out_of_memory("checkpoint key");
	to_text(secret, private_pem);
	to_text(open, public_pem);
	EVP_PKEY_free(pkey);
}

static bool
is_ed25519(const EVP_PKEY *pkey)
{
	return pkey != NULL && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519;
}

enum status
checkpoint_key_read(TALLOC_CTX *mem, struct span pem,
    struct checkpoint_key **out, struct diag *why)
{
	BIO *bio = need(BIO_new_mem_buf(pem.p, (int)pem.n));
	char none[] = ""; /* the pass phrase: nobody is asked for one */
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, none);

	BIO_free(bio);
	if (!is_ed25519(pkey)) {
		EVP_PKEY_free(pkey);
		return diag_set(why, ST_SYNTAX,
		    "no Ed25519 private key in PEM form");
	}
	*out = need(talloc(mem, struct checkpoint_key));
	(*out)->pkey = pkey;
	talloc_set_destructor(*out, key_free);
	return ST_OK;
}

static void
raw_public(const EVP_PKEY *pkey, uint8_t out[CHECKPOINT_PUBLIC_BYTES])
{
	size_t n = CHECKPOINT_PUBLIC_BYTES;

	if (EVP_PKEY_get_raw_public_key(pkey, out, &n) != 1)
		out_of_memory("checkpoint key");
}

void
checkpoint_key_public(const struct checkpoint_key *key,
    uint8_t out[CHECKPOINT_PUBLIC_BYTES])
{
	raw_public(key->pkey, out);
}

enum status
checkpoint_public_read(struct span pem, uint8_t out[CHECKPOINT_PUBLIC_BYTES],
    struct diag *why)
{
	BIO *bio = need(BIO_new_mem_buf(pem.p, (int)pem.n));
	EVP_PKEY *pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	bool good = is_ed25519(pkey);

	if (good)
		raw_public(pkey, out);
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	return good ? ST_OK :
		      diag_set(why, ST_SYNTAX,
			  "no Ed25519 public key in PEM form");
}

void
checkpoint_key_id(const uint8_t public_key[CHECKPOINT_PUBLIC_BYTES],
    uint8_t out[CHECKPOINT_KEY_ID_BYTES])
{
	uint8_t digest[SHA256_BYTES];

	sha256(span_of(public_key, CHECKPOINT_PUBLIC_BYTES), digest);
	memcpy(out, digest, CHECKPOINT_KEY_ID_BYTES);
}

/* ---- the statement ---- */

static struct span
statement(const struct checkpoint *c, struct sbuf *b)
{
	sbuf_str(b, "tierpost checkpoint 1\n");
	pack_u64(b, c->seq);
	pack_i64(b, c->time.ms);
	sbuf_add(b, c->hash, sizeof(c->hash));
	return sbuf_view(b);
}

void
checkpoint_sign(const struct checkpoint_key *key, struct checkpoint *c)
{
	EVP_MD_CTX *ctx = need(EVP_MD_CTX_new());
	uint8_t public_key[CHECKPOINT_PUBLIC_BYTES];
	size_t n = sizeof(c->signature);
	struct span s;
	struct sbuf b;

	checkpoint_key_public(key, public_key);
	checkpoint_key_id(public_key, c->key_id);
	sbuf_init(&b, NULL, STATEMENT_BYTES);
	s = statement(c, &b);
	if (EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pkey) != 1 ||
	    EVP_DigestSign(ctx, c->signature, &n, s.p, s.n) != 1)
		out_of_memory("checkpoint");
	sbuf_free(&b);
	EVP_MD_CTX_free(ctx);
}

bool
checkpoint_verify(const uint8_t public_key[CHECKPOINT_PUBLIC_BYTES],
    const struct checkpoint *c)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
	    public_key, CHECKPOINT_PUBLIC_BYTES);
	EVP_MD_CTX *ctx = need(EVP_MD_CTX_new());
	struct sbuf b;
	struct span s;
	bool good;

	sbuf_init(&b, NULL, STATEMENT_BYTES);
	s = statement(c, &b);
	good = pkey != NULL &&
	       EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
	       EVP_DigestVerify(ctx, c->signature, sizeof(c->signature), s.p,
		   s.n) == 1;
	sbuf_free(&b);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return good;
}

/* ---- the line ---- */

const char *
checkpoint_line(const struct checkpoint *c, char out[CHECKPOINT_LINE_BYTES])
{
	char hash[2 * sizeof(c->hash) + 1], id[2 * sizeof(c->key_id) + 1];
	char signature[2 * sizeof(c->signature) + 1];

	hex_encode(span_of(c->hash, sizeof(c->hash)), hash);
	hex_encode(span_of(c->key_id, sizeof(c->key_id)), id);
	hex_encode(span_of(c->signature, sizeof(c->signature)), signature);
	snprintf(out, CHECKPOINT_LINE_BYTES,
	    "checkpoint 1 %" PRIu64 " %" PRId64 " %s %s %s", c->seq, c->time.ms,
	    hash, id, signature);
	return out;
}

enum status
checkpoint_parse(struct span line, struct checkpoint *c)
{
	struct span word[7], rest = span_trim(line);
	size_t n = 0;
	uint64_t ms;

	while (n < COUNT_OF(word) - 1 && span_cut(rest, ' ', &word[n], &rest))
		n++;
	word[n++] = rest;
	if (n != COUNT_OF(word) || !span_eq(word[0], "checkpoint") ||
	    !span_eq(word[1], "1") ||
	    span_u64(word[2], INT64_MAX, &c->seq) != ST_OK || c->seq == 0 ||
	    span_u64(word[3], INT64_MAX, &ms) != ST_OK ||
	    hex_decode(word[4], c->hash, sizeof(c->hash)) != ST_OK ||
	    hex_decode(word[5], c->key_id, sizeof(c->key_id)) != ST_OK ||
	    hex_decode(word[6], c->signature, sizeof(c->signature)) != ST_OK)
		return ST_SYNTAX;
	c->time.ms = (int64_t)ms;
	return ST_OK;
}
