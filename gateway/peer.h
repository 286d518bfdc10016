/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer - what a host of a plan asks of a connection to it, and what a
 * connection comes to: for couriers that send mail, and for probes that do
 * not (probe.h).  Pure.
 */
#ifndef GATEWAY_PEER_H
#define GATEWAY_PEER_H

#include "net/net.h"
#include "net/tls.h"
#include "policy/plan.h"
#include "report/evidence.h"
#include "smtp/client.h"

struct conf;

/* The server name of SNI; "": none (TLS-27). */
const char *peer_sni(const struct plan_host *h);
/* What may be tried there when TLS fails. */
struct ladder peer_ladder(const struct conf *conf, const struct tls_client *tls,
    const struct plan_host *h);
/*
 * What a handshake on a rung must prove; borrowed from h.  The authorities of
 * a rule (METHOD_CA) are not in a plan: the caller adds them, without them no
 * handshake is begun.
 */
struct tls_want peer_tls_want(const struct plan_host *h, const char *sni,
    const struct ladder *l, enum rung rung);
/* smtp.bind: the address of the peer's family; family NONE: any. */
struct netaddr peer_local(const struct conf *conf, const struct netaddr *peer);
/* Limits of a session; hostname is borrowed from conf. */
struct client_conf peer_client_conf(const struct conf *conf);
/* Is what there is enough for the host's requirement?  info: NULL in clear. */
bool peer_suffices(const struct tls_info *info, const struct plan_host *h);
enum evidence_reached peer_reached(const struct tls_info *info,
    const struct plan_host *h);

#endif
