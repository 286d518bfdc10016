/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * accounts - who may authenticate, and as which senders.  Pure: no I/O.
 *
 *	file    = *( [ account / "#" *any ] LF )
 *	account = name ":" ( hash / "!" ) [ ":" sender *( "," sender ) ]
 *	hash    = as crypt(5) has it: yescrypt "$y$", bcrypt "$2b$" or
 *	          sha512crypt "$6$"
 *	sender  = "<>"            the null sender
 *	        / local@domain    this address, in any case
 *	        / "@" domain      every address of the domain
 *	        / "@." domain     every address below it
 *
 * "!" instead of a hash: no password is right, a certificate may stand for
 * the account.  Without senders: every address, and the null sender.
 */
#ifndef POLICY_ACCOUNTS_H
#define POLICY_ACCOUNTS_H

#include "policy/conf.h"
#include "policy/sender.h"

#define ACCOUNT_NAME_BYTES  254u    /* a mail address */
#define ACCOUNT_HASH_BYTES  200u    /* ours: those three have up to 140 */
#define ACCOUNT_MAX_SENDERS 1000u   /* ours: of one account */
#define ACCOUNTS_MAX        100000u /* ours */
/* Ours: what one password may cost, about a fifth of a second. */
#define ACCOUNT_BCRYPT_MAX_COST   12u
#define ACCOUNT_SHA512_MAX_ROUNDS 200000u
#define ACCOUNT_YESCRYPT_COSTS    "789AB" /* up to 64 MiB */

struct account {
	const char *name;
	const char *hash; /* "" none */
	struct sender_pattern *sender;
	size_t sender_count; /* 0: every address */
};

/* Lives in mem. */
struct accounts;

/*
 * Read the text of a file; its name is for mistakes, of which all are told
 * as in conf_read_file().  NULL when there are any.
 */
struct accounts *accounts_parse(TALLOC_CTX *mem, const char *file,
    struct span text, struct conf_mistakes *mistakes);

size_t accounts_count(const struct accounts *a);
/* NULL when there is no such account. */
const struct account *accounts_find(const struct accounts *a, const char *name);
/* The first with a password, for what an unknown name shall cost; NULL. */
const struct account *accounts_sample(const struct accounts *a);

/* May it use this sender ("": null)? */
bool account_may_send(const struct account *a, const struct address *sender);

/* Letters, digits and "._-@+". */
bool account_name_ok(struct span name);
/* NULL, or why the hash is not taken. */
const char *account_hash_fault(struct span hash);

#endif
