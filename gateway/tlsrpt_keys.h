/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tlsrpt_keys - what signs reports by mail (RFC 8460 3): at most an RSA and an
 * Ed25519 key.  The master reads the files; the keeper gets them as bytes.
 */
#ifndef GATEWAY_TLSRPT_KEYS_H
#define GATEWAY_TLSRPT_KEYS_H

#include "policy/conf.h"
#include "report/dkim.h"

#define TLSRPT_KEYS 2u

struct tlsrpt_keys {
	size_t count;
	struct tlsrpt_key {
		const char *domain, *selector;
		struct dkim_key *key;
	} list[TLSRPT_KEYS];
};

/* Where one is, by the configuration. */
struct tlsrpt_key_file {
	const char *option;
	const char *selector;
	const char *path; /* "": there is none */
};
/* Those of conf, all TLSRPT_KEYS of them. */
void tlsrpt_key_files(const struct conf *conf,
    struct tlsrpt_key_file out[TLSRPT_KEYS]);

/* One as bytes: they are put one behind the other. */
void tlsrpt_key_pack(struct sbuf *b, const char *domain, const char *selector,
    struct span pem);
/* What was packed, in mem. */
MUST_CHECK enum status tlsrpt_keys_unpack(TALLOC_CTX *mem, struct span a,
    struct tlsrpt_keys **out, struct diag *why);

/* The message (CRLF lines, complete) with the signatures in front. */
void tlsrpt_keys_sign(const struct tlsrpt_keys *keys, struct span message,
    struct wall now, struct sbuf *out);

/*
 * What is wrong with a key as it is published, for people; NULL: nothing.
 * RFC 8460 3 wants its s= to list tlsrpt; a key for that alone is ignored by
 * those who verify mail, which reports are (RFC 6376 3.6.1).
 */
const char *tlsrpt_key_fault(const struct dkim_key *key, struct span txt);

#endif
