/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tlsrpt_net - what the advisor does for TLS reports at the keeper's word:
 * look up who wants them (RFC 8460 3), and post one (RFC 8460 5.4).  It knows
 * nothing of what is in them, and tries once: the keeper tries again.
 */
#ifndef GATEWAY_TLSRPT_NET_H
#define GATEWAY_TLSRPT_NET_H

#include "gateway/roles.h"
#include "gateway/wire.h"

#define TLSRPT_NET_WANTS 256u /* ours: lookups under way */
#define TLSRPT_NET_POSTS 16u  /* ours: likewise, each with its document */

struct tlsrpt_net; /* a talloc object */

/* say(arg, type, payload) gives answers to the keeper. */
struct tlsrpt_net *tlsrpt_net_new(TALLOC_CTX *mem, const struct role_env *env,
    void (*say)(void *arg, enum wire_type type, struct span payload),
    void *arg);
void tlsrpt_net_reload(struct tlsrpt_net *t, const struct conf *conf);
/* A frame of the keeper.  ST_SYNTAX, ST_LIMIT: not as agreed. */
MUST_CHECK enum status tlsrpt_net_want(struct tlsrpt_net *t,
    struct span payload, struct diag *why);
MUST_CHECK enum status tlsrpt_net_post(struct tlsrpt_net *t,
    struct span payload, struct diag *why);
/* Nobody waits for the answers any more. */
void tlsrpt_net_forget(struct tlsrpt_net *t);

#endif
