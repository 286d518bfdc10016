/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The newest part of the evidence chain is verified: at the start, and each
 * time before it is signed, up to there from what was signed last.  So that it
 * was changed is known within the hour, not when somebody asks.  tierpost
 * evidence verify looks at all of it, and at more than the links.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/keeper_internal.h"

struct verifying {
	struct keeper *k;
	uint64_t expect;
	uint8_t hash[EVIDENCE_HASH_BYTES];
	bool linked; /* hash is that of the record before */
};

static bool
wrong(struct keeper *k, uint64_t seq, const char *what)
{
	snprintf(k->chain_wrong, sizeof(k->chain_wrong),
	    "record %" PRIu64 ": %s", seq, what);
	return false;
}

static bool
signed_differently(const struct keeper *k, const struct store_evidence *row)
{
	return row->seq == k->signer.seq &&
	       memcmp(row->hash, k->signer.hash, sizeof(row->hash)) != 0;
}

static bool
look_at(void *arg, const struct store_evidence *row)
{
	struct verifying *v = arg;

	if (row->seq != v->expect)
		return wrong(v->k, v->expect, "it is missing");
	v->expect++;
	if (v->linked) {
		evidence_link(v->hash, row->seq, row->body, v->hash);
		if (memcmp(v->hash, row->hash, sizeof(v->hash)) != 0)
			return wrong(v->k, row->seq,
			    "its hash is not that of its content and "
			    "predecessor");
	}
	if (signed_differently(v->k, row))
		return wrong(v->k, row->seq,
		    "its hash is not the one that was signed");
	memcpy(v->hash, row->hash, sizeof(v->hash));
	v->linked = true;
	return true;
}

static enum status
verify_from(struct keeper *k, struct store *s, uint64_t from, struct diag *why)
{
	const struct store_evidence_query q = { .from_seq = from,
		.events = true };
	struct verifying v = { .k = k, .expect = from };
	enum status st;

	k->chain_wrong[0] = '\0';
	if (k->chain.seq == 0)
		return ST_OK;
	st = store_evidence_each(s, &q, look_at, &v, why);
	if (st != ST_OK || k->chain_wrong[0] != '\0')
		return st;
	if (v.expect != k->chain.seq + 1)
		(void)wrong(k, v.expect, "it is missing");
	else if (memcmp(v.hash, k->chain.hash, sizeof(v.hash)) != 0)
		(void)wrong(k, k->chain.seq, "it is not the one written last");
	return ST_OK;
}

/* The first that is there and not older than number. */
static enum status
first_from(struct store *s, uint64_t number, uint64_t *out, struct diag *why)
{
	struct store_base base;
	enum status st = store_evidence_base(s, &base, why);

	if (st == ST_OK)
		*out = number > base.seq ? number : base.seq + 1;
	return st;
}

enum status
verify_at_start(struct keeper *k, struct store *s, struct diag *why)
{
	uint64_t from = k->chain.seq > KEEPER_RECALL_RECORDS ?
			    k->chain.seq - KEEPER_RECALL_RECORDS :
			    1;
	enum status st = first_from(s, from, &from, why);

	if (st == ST_OK)
		st = verify_from(k, s, from, why);
	if (st == ST_OK && k->chain.seq < k->signer.seq)
		(void)wrong(k, k->chain.seq + 1,
		    "it is missing, and was signed");
	return st;
}

enum status
verify_unsigned(struct keeper *k, struct diag *why)
{
	uint64_t from;
	enum status st = first_from(k->store, k->signer.seq, &from, why);

	return st == ST_OK ? verify_from(k, k->store, from, why) : st;
}

void
verify_tell(struct keeper *k)
{
	if (k->chain_wrong[0] != '\0')
		keeper_alarm_while(k, true, ALARM_CHAIN, "", k->chain_wrong);
}
