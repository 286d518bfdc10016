/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/lease.h"

#include "smtp/client.h"

/* EHLO before and after STARTTLS, that or HELO, four of AUTH, and RSET. */
#define SET_UP_COMMANDS 8

/* From the first SYN to one host up to its reply to the dot, at most. */
static int64_t
one_host_ms(const struct conf *c)
{
	return (int64_t)c->smtp_addresses * c->smtp_connect_ms +
	       c->smtp_greeting_ms + SET_UP_COMMANDS * c->smtp_command_ms +
	       c->smtp_handshake_ms + c->smtp_transaction_ms +
	       (int64_t)(c->intake_message_bytes / CLIENT_TX_BYTES_PER_MS) +
	       c->smtp_dot_ms;
}

int64_t
lease_begin_ms(const struct conf *conf)
{
	return conf->queue_lease_ms;
}

int64_t
lease_ms(const struct conf *conf)
{
	return lease_begin_ms(conf) + one_host_ms(conf);
}
