/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What rules bring to a handshake out of files: authorities of their own, and
 * certificates of ours.  The master reads them; here they come as bytes.
 */
#include <string.h>

#include "gateway/courier_internal.h"
#include "util/sha256.h"

static enum status
take_one(struct strmap *all, struct unpack *u, struct diag *why)
{
	struct material *m = need(talloc_zero(all, struct material));
	const char *rule = unpack_str(u, m);
	struct span ca = unpack_bytes(u), cert = unpack_bytes(u);
	struct span key = unpack_bytes(u);
	enum status st = ST_OK;

	if (u->failed)
		return diag_set(why, ST_SYNTAX, "files of rules");
	sha256(ca, m->ca_digest);
	sha256(cert, m->identity_digest);
	if (ca.n > 0)
		st = tls_trust_new(m, ca, &m->trust, why);
	if (st == ST_OK && cert.n > 0)
		st = tls_identity_new(m, cert, key, &m->identity, why);
	strmap_put(all, rule, m);
	return st;
}

/* Connections and sessions that rest on earlier ones serve nobody more. */
enum status
courier_set_material(struct courier *c, struct span files, struct diag *why)
{
	struct strmap *all = strmap_new(c);
	struct unpack u = unpack_from(files);
	enum status st = ST_OK;
	struct slot *s;

	while (st == ST_OK && u.rest.n > 0)
		st = take_one(all, &u, why);
	if (st != ST_OK) {
		talloc_free(all);
		return st;
	}
	talloc_free(c->material);
	c->material = all;
	pool_empty(c);
	tls_client_forget(c->tls);
	TAILQ_FOREACH(s, &c->slots, link)
		slot_outdate(s);
	return ST_OK;
}

static const struct material *
of_rule(const struct courier *c, const char *rule)
{
	return c->material == NULL || *rule == '\0' ?
		   NULL :
		   strmap_get(c->material, rule);
}

const struct tls_trust *
material_trust(const struct courier *c, const struct plan_host *h)
{
	const struct material *m = of_rule(c, h->method_rule);

	return m == NULL ? NULL : m->trust;
}

const struct tls_identity *
material_identity(const struct courier *c, const struct plan_host *h)
{
	const struct material *m = of_rule(c, h->identity);

	return m == NULL ? NULL : m->identity;
}

const char *
material_missing(const struct courier *c, const struct plan_host *h)
{
	if ((h->method == METHOD_CA || h->also_local == METHOD_CA) &&
	    material_trust(c, h) == NULL)
		return "the authorities of the rule are not at hand";
	if (*h->identity != '\0' && material_identity(c, h) == NULL)
		return "the client certificate of the rule is not at hand";
	return NULL;
}

/* INV-10: whose authorities, and as whom. */
void
material_key(const struct courier *c, const struct plan_host *h, struct sbuf *b)
{
	const struct material *ca = of_rule(c, h->method_rule);
	const struct material *own = of_rule(c, h->identity);
	static const uint8_t none[32];

	sbuf_add(b, ca == NULL ? none : ca->ca_digest, sizeof(none));
	sbuf_add(b, own == NULL ? none : own->identity_digest, sizeof(none));
}
