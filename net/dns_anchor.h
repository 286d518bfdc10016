/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dns_anchor - the DNSSEC trust anchors of libunbound, and what RFC 5011
 * makes of the root's.
 *
 * The operator's file is where trust begins.  With a folder for state,
 * libunbound follows the root's keys from there on (RFC 5011): a new key
 * counts after its hold-down, a revoked one no more at once.  What it knows
 * is in FOLDER/root.key, which it alone writes, whole and renamed into place;
 * FOLDER/root.seed holds the digest of the operator's anchors that the state
 * grew from.  Where the operator changes those, the state begins anew.
 * Anchors of other zones stay as the file has them.
 */
#ifndef NET_DNS_ANCHOR_H
#define NET_DNS_ANCHOR_H

#include <unbound.h>

#include "net/net_real.h"

#define DNS_ANCHOR_MAX_BYTES 65536u /* ours: of the file, and of the state */

struct dns_anchor;

/*
 * Give ub its anchors; lives in mem.  ST_IO with *why: the file cannot be read
 * or has no anchor in it (DNS-13: that is no silent downgrade), or the state
 * cannot be written.
 */
MUST_CHECK enum status dns_anchor_load(TALLOC_CTX *mem, struct ub_ctx *ub,
    const struct net_real_dns *how, struct dns_anchor **out, struct diag *why);

/*
 * Has the root revoked all its keys (DNS-15)?  Then libunbound takes all
 * below it for unsigned, which is not to be believed.  Cheap: the state is
 * read when it has changed.  Once true it stays so.
 */
bool dns_anchor_is_revoked(struct dns_anchor *a);

/*
 * DS and DNSKEY records, one a line, in words: "key 20326 (algorithm 8,
 * digest 2) e06d...; ...".  Other lines are passed over.  In mem.
 */
char *dns_anchor_texts(TALLOC_CTX *mem, struct span records);
/* The same of those that count now, by RFC 5011 where it is followed. */
char *dns_anchor_in_use(TALLOC_CTX *mem, const struct dns_anchor *a);

#endif
