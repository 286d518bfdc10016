/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames about alarms. */
#include "gateway/wire.h"

enum status
wire_unpack_alarm(TALLOC_CTX *mem, struct span a, struct alarm *out,
    struct diag *why)
{
	struct unpack u = unpack_from(a);
	enum status st = alarm_unpack(mem, &u, out, why);

	if (st == ST_OK && unpack_done(&u) != ST_OK)
		st = diag_set(why, ST_SYNTAX, "alarm: more than one");
	return st;
}
