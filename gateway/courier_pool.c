/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Idle connections.  One may serve again only where the digest of the whole
 * requirement and the address are the same (INV-10, TLS-36, B2.4), and only
 * until the facts by which it was judged expire (DANE-13).
 */
#include <string.h>

#include "gateway/courier_internal.h"
#include "util/sha256.h"

void
pool_key(struct courier *c, const struct plan *plan, const struct plan_host *h,
    uint8_t out[32])
{
	const struct dest_key key = plan_key(plan);
	struct sbuf *b = &c->body;
	uint8_t tlsa[32];

	tlsa_set_digest(h->tlsa, h->tlsa_count, tlsa);
	sbuf_reset(b);
	sbuf_add(b, plan->conf_digest, sizeof(plan->conf_digest));
	sbuf_add(b, tls_client_trust_id(c->tls), TLS_TRUST_ID_BYTES);
	pack_dest_key(b, &key);
	pack_bool(b, plan->mx_secure);
	pack_str(b, plan->sts.id); /* and, below, what it asks of this host */
	pack_str(b, h->name);
	pack_u8(b, (uint8_t)h->required);
	pack_u8(b, (uint8_t)h->method);
	pack_bool(b, h->also_pkix_sts);
	pack_bool(b, h->requiretls);
	pack_bool(b, h->legacy_tls);
	pack_u8(b, h->in.failed);
	pack_str(b, h->route);
	pack_bool(b, h->named);
	pack_bool(b, h->login);
	pack_bool(b, h->implicit_tls);
	pack_bool(b, h->half_dane);
	pack_bool(b, h->sts_mx_match);
	pack_str(b, h->tlsa_base);
	pack_u32(b, (uint32_t)h->ref_count);
	for (size_t i = 0; i < h->ref_count; i++)
		pack_str(b, h->ref[i]);
	sbuf_add(b, tlsa, sizeof(tlsa));
	pack_u8(b, (uint8_t)h->also_local);
	pack_str(b, h->method_rule);
	pack_u32(b, (uint32_t)h->pin_count);
	for (size_t i = 0; i < h->pin_count; i++)
		pack_pin(b, &h->pin[i]);
	pack_u32(b, (uint32_t)h->local_ref_count);
	for (size_t i = 0; i < h->local_ref_count; i++)
		pack_str(b, h->local_ref[i]);
	pack_str(b, h->identity);
	pack_u8(b, (uint8_t)h->min_tls);
	material_key(c, h, b);
	pack_str(b, h->rule);
	pack_str(b, h->exception);
	invariant(!sbuf_failed(b));
	sha256(sbuf_view(b), out);
}

void
pool_key_untagged(struct courier *c, const struct plan *plan,
    const struct plan_host *h, uint8_t out[32])
{
	struct plan as = *plan;
	struct plan_host host = *h;

	as.mclass = CLASS_NORMAL;
	host.requiretls = false;
	pool_key(c, &as, &host, out);
}

/* TLS-31: all of pool_key(), and with whom it was agreed. */
void
pool_session_key(const struct conn *conn, const char *sni,
    uint8_t out[TLS_SESSION_KEY_BYTES])
{
	struct sbuf *b = &conn->c->body;

	sbuf_reset(b);
	sbuf_add(b, conn->key, sizeof(conn->key));
	pack_netaddr(b, &conn->addr);
	pack_str(b, sni);
	pack_str(b, conn->conf.hostname);
	sha256(sbuf_view(b), out);
}

static bool
is_too_old(const struct conn *conn)
{
	const struct courier *c = conn->c;

	return mono_reached(net_now(c->env.net),
	    mono_after(conn->born, c->env.conf->smtp_connection_age_ms));
}

/* RFC 9422: MAILMAX of the session is used up. */
static bool
is_used_up(const struct conn *conn)
{
	struct ehlo e = client_ehlo(conn->client);

	return e.mail_max != 0 && conn->mails >= e.mail_max;
}

bool
pool_may_serve(const struct conn *conn)
{
	const struct courier *c = conn->c;

	return client_state(conn->client) == CLIENT_S_READY &&
	       !is_used_up(conn) &&
	       conn->served < c->env.conf->smtp_connection_messages &&
	       !is_too_old(conn) &&
	       !wall_reached(net_wall(c->env.net), conn->valid_until);
}

static bool
has_address(const struct plan_host *h, const struct netaddr *a)
{
	for (size_t i = 0; i < h->addr_count; i++)
		if (netaddr_eq(&h->addr[i], a))
			return true;
	return false;
}

struct conn *
pool_take(struct slot *s, unsigned host)
{
	const struct plan_host *h = slot_host_at(s, host);
	struct slot_host *sh = &s->host[host];
	struct conn *conn, *next;

	for (conn = TAILQ_FIRST(&s->c->pool); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, link);
		if (!sh->has_key) {
			pool_key(s->c, s->plan, h, sh->key);
			sh->has_key = true;
		}
		if (memcmp(conn->key, sh->key, sizeof(sh->key)) != 0 ||
		    !has_address(h, &conn->addr))
			continue;
		if (!pool_may_serve(conn)) {
			conn_close(conn);
			continue;
		}
		conn_use(conn, s, host);
		return conn;
	}
	return NULL;
}

void
pool_put(struct conn *conn)
{
	struct courier *c = conn->c;

	if (c->pool_count == COURIER_POOL)
		conn_close(TAILQ_LAST(&c->pool, conns));
	sbuf_free(&conn->in);
	TAILQ_INSERT_HEAD(&c->pool, conn, link);
	c->pool_count++;
}

void
pool_remove(struct conn *conn)
{
	TAILQ_REMOVE(&conn->c->pool, conn, link);
	conn->c->pool_count--;
}

void
pool_empty(struct courier *c)
{
	struct conn *conn;

	while ((conn = TAILQ_FIRST(&c->pool)) != NULL)
		conn_close(conn);
}
