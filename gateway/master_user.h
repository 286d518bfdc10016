/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * master_user - the user the gateway runs as, and the folder that is that
 * user's alone.
 */
#ifndef GATEWAY_MASTER_USER_H
#define GATEWAY_MASTER_USER_H

#include "policy/conf.h"

/*
 * Make state-dir, if it is not there, and give it to the user; root becomes
 * conf->user, for good.  ST_POLICY: the folder or the user is not fit.
 */
MUST_CHECK enum status master_settle_user(const struct conf *conf,
    struct diag *why);

#endif
