/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool/store.h"

#define DIGITS_MIN 9u /* 45 bits: all ids of the first 35 million million */
#define DIGITS_MAX 10u

/* Base 32 without I, L, O, U: nothing to misread over the telephone. */
static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const char *
queue_id_text(int64_t message, char out[QUEUE_ID_BYTES])
{
	unsigned n = message >> (5 * DIGITS_MIN) > 0 ? DIGITS_MAX : DIGITS_MIN;

	invariant(message >= 0 && message <= STORE_MAX_MESSAGE_ID);
	out[n] = '\0';
	for (unsigned i = n; i-- > 0; message >>= 5)
		out[i] = digits[message & 31];
	return out;
}

static int
value_of(uint8_t c)
{
	for (int i = 0; i < 32; i++)
		if (ascii_lower((uint8_t)digits[i]) == ascii_lower(c))
			return i;
	return -1;
}

enum status
queue_id_parse(struct span a, int64_t *message)
{
	int64_t id = 0;

	if (a.n < DIGITS_MIN || a.n > DIGITS_MAX)
		return ST_SYNTAX;
	for (size_t i = 0; i < a.n; i++) {
		int v = value_of(a.p[i]);

		if (v < 0)
			return ST_SYNTAX;
		id = id << 5 | v;
	}
	/* One text for each id: no needless leading zero. */
	if (id == 0 || id > STORE_MAX_MESSAGE_ID ||
	    (a.n > DIGITS_MIN && id >> (5 * DIGITS_MIN) == 0))
		return ST_SYNTAX;
	*message = id;
	return ST_OK;
}
