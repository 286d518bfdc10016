/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hop - where mail goes next, as transport tables write it: "example.org"
 * is a domain, whose MX hosts are meant; "[mx.example.org]" is that host,
 * "[192.0.2.1]" or "[IPv6:2001:db8::1]" an address.  Each may have ":587"
 * behind it, or one of the services of SMTP by name.  Pure.
 */
#ifndef POLICY_HOP_H
#define POLICY_HOP_H

#include "policy/conf.h"

/*
 * Names live in mem; without a port it is that of port.  ST_SYNTAX: none of
 * these forms.
 */
MUST_CHECK enum status hop_parse(TALLOC_CTX *mem, struct span a, uint16_t port,
    struct conf_hop *out, struct diag *why);
/* The one way to write it, with its port; in mem.  hop_parse() takes it. */
char *hop_text(TALLOC_CTX *mem, const struct conf_hop *hop);
bool hop_eq(const struct conf_hop *a, const struct conf_hop *b);

#endif
