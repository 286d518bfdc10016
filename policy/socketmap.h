/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * socketmap - requests and replies of Postfix's socketmap_table(5), each one
 * netstring: "MAP KEY", answered by "OK DATA", "NOTFOUND ", "TEMP REASON" or
 * "PERM REASON".  Pure.
 */
#ifndef POLICY_SOCKETMAP_H
#define POLICY_SOCKETMAP_H

#include "policy/postfix.h"

#define SOCKETMAP_REQUEST_BYTES 10000u  /* ours: no key comes near it */
#define SOCKETMAP_REPLY_BYTES   100000u /* what Postfix takes */

/* Which map; their names are what Postfix says in front of a key. */
enum socketmap_map {
	SOCKETMAP_POLICY, /* "policy": for every Postfix */
	SOCKETMAP_TLSRPT, /* "tlsrpt": and what it reports, from 3.10 on */
};
#define SOCKETMAP_MAP_COUNT 2u

struct socketmap_request {
	enum socketmap_map map;
	bool parent; /* ".example.org": of a domain that was not found */
	struct conf_hop hop; /* unless parent */
};

/*
 * Read the content of a netstring; strings live in mem.  port: of a key that
 * has none.  ST_SYNTAX: no such map, or no next hop, and why says it.
 */
MUST_CHECK enum status socketmap_request(TALLOC_CTX *mem, struct span a,
    uint16_t port, struct socketmap_request *out, struct diag *why);

/* Replies, as netstrings.  now: for the life of what is reported. */
void socketmap_reply(struct sbuf *b, enum socketmap_map map,
    const struct postfix_answer *answer, struct wall now);
void socketmap_reply_notfound(struct sbuf *b);
/* why: printable. */
void socketmap_reply_temp(struct sbuf *b, const char *why);
void socketmap_reply_perm(struct sbuf *b, const char *why);

#endif
