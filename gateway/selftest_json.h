/* SPDX-License-Identifier: BSD-2-Clause */
/* selftest_json - the result of a self-test for programs. */
#ifndef GATEWAY_SELFTEST_JSON_H
#define GATEWAY_SELFTEST_JSON_H

#include <jansson.h>

#include "gateway/selftest.h"

/* One object; the caller gives the reference back. */
json_t *selftest_json(const struct conf *conf, const struct selftest *t,
    struct wall now);
/* All cases went as they must, and so did the chain of their records. */
bool selftest_all_passed(const struct selftest *t);

#endif
