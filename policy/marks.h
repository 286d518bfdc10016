/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * marks - which rules a message is subject to by what it is: who sent it,
 * from where, and what its header says.  That is judged once, when it is
 * accepted (conf_marks()); from then on the message is known by the names of
 * these rules.
 *
 *	marks = [ name *( "," name ) ] / "*"
 *
 * Names in ascending order of their bytes, each once.  "*" stands for all
 * rules that demand something: more of them match than can be told.  A name
 * that no rule has any more means nothing.
 */
#ifndef POLICY_MARKS_H
#define POLICY_MARKS_H

#include "policy/level.h"
#include "util/pack.h"

/* Ours: it is part of keys and of each record. */
#define MARKS_MAX_BYTES 1024u
/* Of a rule: it is in each log line and record. */
#define MARKS_NAME_BYTES 64u
#define MARKS_ALL        "*"

/* Are these bytes such a text? */
bool marks_ok(struct span a);
bool marks_have(const char *marks, const char *name);
/* NUL-terminated, in mem; fails on what is no such text. */
const char *unpack_marks(struct unpack *u, TALLOC_CTX *mem);

/*
 * What all mail of a destination has in common: it shares plans and
 * transactions, and no other mail does.
 */
struct dest_key {
	const char *domain; /* canonical, or a literal "[192.0.2.1]" */
	enum msg_class mclass;
	const char *marks;
};

void pack_dest_key(struct sbuf *b, const struct dest_key *k);
struct dest_key unpack_dest_key(struct unpack *u, TALLOC_CTX *mem);
bool dest_key_eq(const struct dest_key *a, const struct dest_key *b);
/* As one text, different for different keys; in mem. */
char *dest_key_text(TALLOC_CTX *mem, const struct dest_key *k);

#endif
