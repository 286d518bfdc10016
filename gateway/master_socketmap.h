/* SPDX-License-Identifier: BSD-2-Clause */
/* master_socketmap - the sockets at which Postfix asks. */
#ifndef GATEWAY_MASTER_SOCKETMAP_H
#define GATEWAY_MASTER_SOCKETMAP_H

#include "policy/conf.h"

/* Open those of conf, into fd; what was opened before a failure stays. */
MUST_CHECK enum status master_socketmap_bind(const struct conf *conf,
    int fd[CONF_MAX_SOCKETMAP], struct diag *why);
/* Are they the same, in what belongs to the sockets, which stay open? */
bool master_socketmap_same(const struct conf *a, const struct conf *b);

#endif
