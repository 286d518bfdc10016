/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/peer.h"

#include "policy/conf.h"
#include "util/domain.h"

const char *
peer_sni(const struct plan_host *h)
{
	const char *name = h->method == METHOD_DANE && *h->tlsa_base != '\0' ?
			       h->tlsa_base :
			       h->name;

	return domain_is_address(span_str(name)) ? "" : name; /* TLS-27 */
}

struct ladder
peer_ladder(const struct conf *conf, const struct tls_client *tls,
    const struct plan_host *h)
{
	return (struct ladder){
		.required = h->required,
		.hybrid = tls_client_is_hybrid(tls),
		.oldest = conf->smtp_oldest,
		.legacy_waived = h->legacy_tls,
		.min_tls = h->min_tls,
		.implicit = h->implicit_tls,
	};
}

struct tls_want
peer_tls_want(const struct plan_host *h, const char *sni,
    const struct ladder *l, enum rung rung)
{
	bool asks_own = h->method == METHOD_NONE &&
			!domain_is_address(span_str(h->name));

	return (struct tls_want){
		.rung = rung,
		.oldest = ladder_oldest(l),
		.level = h->required,
		.method = h->method,
		.sni = sni,
		/* Where no name is demanded the grade tells of the host's. */
		.ref = asks_own ? &h->name : h->ref,
		.ref_count = asks_own ? 1 : h->ref_count,
		.tlsa = h->tlsa,
		.tlsa_count = h->tlsa_count,
		.also_pkix = h->also_pkix_sts,
		.pkix_name = h->name,
		.also_local = h->also_local,
		.local_ref = h->local_ref,
		.local_ref_count = h->local_ref_count,
		.pin = h->pin,
		.pin_count = h->pin_count,
		.min_tls = h->min_tls,
	};
}

struct netaddr
peer_local(const struct conf *conf, const struct netaddr *peer)
{
	for (size_t i = 0; i < conf->smtp_bind_count; i++)
		if (conf->smtp_bind[i].family == peer->family)
			return conf->smtp_bind[i];
	return (struct netaddr){ .family = NETADDR_NONE };
}

struct client_conf
peer_client_conf(const struct conf *conf)
{
	return (struct client_conf){
		.hostname = conf->hostname,
		.greeting_ms = conf->smtp_greeting_ms,
		.command_ms = conf->smtp_command_ms,
		.data_ms = conf->smtp_data_ms,
		.block_ms = conf->smtp_block_ms,
		.dot_ms = conf->smtp_dot_ms,
		.transaction_ms = conf->smtp_transaction_ms,
		.quit_ms = conf->smtp_quit_ms,
		.reply_bytes = (size_t)conf->smtp_reply_bytes,
		.bdat = conf->smtp_chunking,
	};
}

enum evidence_reached
peer_reached(const struct tls_info *info, const struct plan_host *h)
{
	bool name_secure = h->in.mx_secure ||
			   (h->in.sts == STS_ST_ENFORCE && h->sts_mx_match);

	if (info == NULL)
		return REACHED_PLAIN;
	if (!info->authenticated)
		return REACHED_TLS;
	/* INV-09: half-DANE proves a host, not that it is the right one; nor
	 * does one that the policy does not name. */
	if ((h->method == METHOD_DANE || h->method == METHOD_PKIX_STS) &&
	    !name_secure)
		return REACHED_AUTHENTICATED;
	return REACHED_VERIFIED;
}

bool
peer_suffices(const struct tls_info *info, const struct plan_host *h)
{
	switch (h->required) {
	case LEVEL_PLAIN:
	case LEVEL_MAY:
		return true;
	case LEVEL_ENCRYPT:
		return info != NULL;
	case LEVEL_VERIFY:
		return info != NULL && info->authenticated;
	case LEVEL_DANE_ONLY:
		return info != NULL && info->authenticated &&
		       h->method == METHOD_DANE && h->in.mx_secure;
	}
	return false; /* not reached: the switch names every level */
}
