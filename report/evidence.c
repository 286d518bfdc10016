/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/evidence.h"

#include <string.h>

#include "util/sha256.h"

static const char *const outcome_names[EVIDENCE_OUTCOME_COUNT] = {
	[EVIDENCE_DELIVERED] = "delivered",
	[EVIDENCE_DEFERRED] = "deferred",
	[EVIDENCE_REJECTED] = "rejected",
	[EVIDENCE_UNREACHABLE] = "unreachable",
	[EVIDENCE_TLS_FAILED] = "tls-failed",
	[EVIDENCE_POLICY_SKIP] = "policy-skip",
	[EVIDENCE_NO_ROUTE] = "no-route",
	[EVIDENCE_UNKNOWN] = "unknown",
	[EVIDENCE_EXPIRED] = "expired",
	[EVIDENCE_DELETED] = "deleted",
	[EVIDENCE_REDIRECTED] = "redirected",
	[EVIDENCE_POLICY_FORGOTTEN] = "policy-forgotten",
	[EVIDENCE_RECEIVED] = "received",
};

static const char *const reached_names[REACHED_COUNT] = {
	[REACHED_NOTHING] = "nothing",
	[REACHED_PLAIN] = "plaintext",
	[REACHED_TLS] = "encrypted",
	[REACHED_AUTHENTICATED] = "authenticated",
	[REACHED_VERIFIED] = "verified",
};

const char *
evidence_outcome_name(enum evidence_outcome o)
{
	return (unsigned)o < EVIDENCE_OUTCOME_COUNT ? outcome_names[o] : "?";
}

const char *
evidence_reached_name(enum evidence_reached r)
{
	return (unsigned)r < REACHED_COUNT ? reached_names[r] : "?";
}

bool
evidence_is_plaintext(const struct evidence *e)
{
	return e->reached == REACHED_PLAIN;
}

bool
evidence_is_legacy(const struct evidence *e)
{
	return e->rung == RUNG_LEGACY && e->reached >= REACHED_TLS;
}

static void
pack_personal(struct sbuf *b, const struct evidence *e)
{
	pack_u8(b, EVIDENCE_PERSONAL);
	pack_str(b, e->queue_id);
	pack_str(b, e->sender);
	pack_u32(b, (uint32_t)e->rcpt_count);
	for (size_t i = 0; i < e->rcpt_count; i++)
		pack_str(b, e->rcpt[i]);
}

static void
pack_decide_in(struct sbuf *b, const struct decide_in *in)
{
	pack_u8(b, (uint8_t)in->dane);
	pack_bool(b, in->error_is_tlsa_only);
	pack_u8(b, (uint8_t)in->sts);
	pack_bool(b, in->sts_mx_match);
	pack_bool(b, in->mx_secure);
	pack_bool(b, in->dane_and_sts_both);
	pack_bool(b, in->sts_unknown_defers);
	pack_u8(b, (uint8_t)in->override);
	pack_bool(b, in->waiver);
	pack_u8(b, (uint8_t)in->mclass);
	pack_u8(b, (uint8_t)in->floor);
	pack_bool(b, in->never_plaintext);
	pack_bool(b, in->requiretls_testing);
	pack_bool(b, in->tls_no_beats_floor);
}

static void
pack_inputs(struct sbuf *b, const struct evidence *e)
{
	pack_decide_in(b, &e->in);
	pack_bool(b, e->half_dane);
	pack_str(b, e->tlsa_base);
	pack_bool(b, e->sts_stale);
	pack_str(b, e->sts_id);
	pack_i64(b, e->sts_fetched.ms);
	pack_str(b, e->rule);
	pack_str(b, e->exception);
	pack_str(b, e->exc_reason);
	pack_str(b, e->exc_approver);
	pack_i64(b, e->exc_expires.ms);
	sbuf_add(b, e->conf_digest, sizeof(e->conf_digest));
	pack_str(b, e->dns);
}

static void
pack_events(struct sbuf *b, const struct evidence *e)
{
	pack_bool(b, e->skip);
	pack_u8(b, (uint8_t)e->required);
	pack_u8(b, (uint8_t)e->method);
	pack_str(b, e->row);
	pack_str(b, e->why);
	pack_u8(b, (uint8_t)e->outcome);
	pack_u8(b, (uint8_t)e->reached);
	pack_str(b, e->protocol);
	pack_str(b, e->cipher);
	pack_str(b, e->group);
	pack_str(b, e->sni);
	pack_str(b, e->matched);
	pack_str(b, e->grade);
	sbuf_add(b, e->spki_sha256, sizeof(e->spki_sha256));
	pack_str(b, e->issuer);
	pack_i64(b, e->not_after.ms);
	pack_bool(b, e->resumed);
	pack_bool(b, e->reused);
	pack_bool(b, e->clear_retry);
	pack_u16(b, e->reply_code);
	pack_str(b, e->reply);
	pack_str(b, e->result_type);
	pack_bool(b, e->chunked);
	pack_bool(b, e->dsn_passed);
	pack_u8(b, (uint8_t)e->failure);
	pack_str(b, e->marks);
	pack_u8(b, (uint8_t)e->rung);
	pack_bool(b, e->recalled);
	pack_u8(b, (uint8_t)e->sts_result);
}

/* Since version 3: what rules demand beyond a level, and what then. */
static void
pack_actions(struct sbuf *b, const struct evidence *e)
{
	pack_u8(b, (uint8_t)e->in.verify_by);
	pack_bool(b, e->also_pkix_sts);
	pack_u8(b, (uint8_t)e->also_local);
	pack_str(b, e->method_rule);
	pack_u8(b, (uint8_t)e->min_tls);
	pack_str(b, e->identity);
	pack_str(b, e->route);
	pack_bool(b, e->alternate);
	pack_u8(b, (uint8_t)e->unmet);
}

/* Likewise: what an exception waives by failures. */
static void
pack_waivers(struct sbuf *b, const struct decide_in *in)
{
	pack_u8(b, in->waives);
	pack_u8(b, in->failed);
	pack_u8(b, (uint8_t)in->local);
}

void
evidence_pack(const struct evidence *e, struct sbuf *personal,
    struct sbuf *body)
{
	uint8_t digest[32];

	pack_personal(personal, e);
	sha256(sbuf_view(personal), digest);
	pack_u8(body, EVIDENCE_VERSION);
	sbuf_add(body, digest, sizeof(digest));
	pack_i64(body, e->time.ms);
	pack_str(body, e->domain);
	pack_str(body, e->host);
	pack_netaddr(body, &e->addr);
	pack_inputs(body, e);
	pack_events(body, e);
	pack_actions(body, e);
	pack_waivers(body, &e->in);
}

static void
unpack_fixed(struct unpack *u, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = unpack_u8(u);
}

static enum status
unpack_personal(TALLOC_CTX *mem, struct span a, struct evidence *e,
    struct diag *why)
{
	struct unpack u = unpack_from(a);

	e->queue_id = e->sender = "";
	if (a.n == 0)
		return ST_OK;
	if (unpack_u8(&u) != EVIDENCE_PERSONAL)
		return diag_set(why, ST_SYNTAX, "personal part: version");
	e->queue_id = unpack_str(&u, mem);
	e->sender = unpack_str(&u, mem);
	e->rcpt_count = unpack_count(&u, EVIDENCE_MAX_RCPTS, 4);
	e->rcpt = need(talloc_zero_array(mem, const char *,
	    (unsigned)e->rcpt_count + 1));
	for (size_t i = 0; i < e->rcpt_count; i++)
		e->rcpt[i] = unpack_str(&u, mem);
	if (unpack_done(&u) != ST_OK)
		return diag_set(why, ST_SYNTAX, "personal part: not canonical");
	return ST_OK;
}

/* In version 1 there were no floors beside the override, nor classes; up to
 * version 2 no marks, and nothing was waived by failures. */
static struct decide_in
unpack_decide_in(struct unpack *u, unsigned version)
{
	struct decide_in in = { 0 };

	in.dane = (enum dane_state)unpack_enum(u, DANE_STATE_COUNT);
	in.error_is_tlsa_only = unpack_bool(u);
	in.sts = (enum sts_state)unpack_enum(u, STS_STATE_COUNT);
	in.sts_mx_match = unpack_bool(u);
	in.mx_secure = unpack_bool(u);
	in.dane_and_sts_both = unpack_bool(u);
	in.sts_unknown_defers = unpack_bool(u);
	in.override = (enum override_kind)unpack_enum(u, OVERRIDE_COUNT);
	in.waiver = unpack_bool(u);
	in.mclass = (enum msg_class)unpack_enum(u, CLASS_COUNT);
	if (version == 1)
		return in;
	in.floor = (enum level)unpack_enum(u, LEVEL_COUNT);
	in.never_plaintext = unpack_bool(u);
	in.requiretls_testing = unpack_bool(u);
	in.tls_no_beats_floor = unpack_bool(u);
	return in;
}

static void
unpack_inputs(struct unpack *u, TALLOC_CTX *mem, unsigned version,
    struct evidence *e)
{
	e->in = unpack_decide_in(u, version);
	e->half_dane = unpack_bool(u);
	e->tlsa_base = unpack_str(u, mem);
	e->sts_stale = unpack_bool(u);
	e->sts_id = unpack_str(u, mem);
	e->sts_fetched.ms = unpack_i64(u);
	e->rule = unpack_str(u, mem);
	e->exception = unpack_str(u, mem);
	e->exc_reason = unpack_str(u, mem);
	e->exc_approver = unpack_str(u, mem);
	e->exc_expires.ms = unpack_i64(u);
	unpack_fixed(u, e->conf_digest, sizeof(e->conf_digest));
	e->dns = unpack_str(u, mem);
}

static void
unpack_events(struct unpack *u, TALLOC_CTX *mem, unsigned version,
    struct evidence *e)
{
	e->skip = unpack_bool(u);
	e->required = (enum level)unpack_enum(u, LEVEL_COUNT);
	e->method = (enum method)unpack_enum(u, METHOD_COUNT);
	e->row = unpack_str(u, mem);
	e->why = unpack_str(u, mem);
	e->outcome = (enum evidence_outcome)unpack_enum(u,
	    EVIDENCE_OUTCOME_COUNT);
	e->reached = (enum evidence_reached)unpack_enum(u, REACHED_COUNT);
	e->protocol = unpack_str(u, mem);
	e->cipher = unpack_str(u, mem);
	e->group = unpack_str(u, mem);
	e->sni = unpack_str(u, mem);
	e->matched = unpack_str(u, mem);
	e->grade = unpack_str(u, mem);
	unpack_fixed(u, e->spki_sha256, sizeof(e->spki_sha256));
	e->issuer = unpack_str(u, mem);
	e->not_after.ms = unpack_i64(u);
	e->resumed = unpack_bool(u);
	e->reused = unpack_bool(u);
	e->clear_retry = unpack_bool(u);
	e->reply_code = unpack_u16(u);
	e->reply = unpack_str(u, mem);
	e->result_type = unpack_str(u, mem);
	e->marks = "";
	e->rung = RUNG_NONE;
	if (version == 1)
		return;
	e->chunked = unpack_bool(u);
	e->dsn_passed = unpack_bool(u);
	e->failure = (enum failure)unpack_enum(u, FAILURE_COUNT);
	if (version == 2)
		return;
	e->marks = unpack_marks(u, mem);
	e->rung = (enum rung)unpack_enum(u, RUNG_COUNT);
	e->recalled = unpack_bool(u);
	e->sts_result = (enum sts_result)unpack_enum(u, STS_RESULT_COUNT);
}

static void
unpack_actions(struct unpack *u, TALLOC_CTX *mem, unsigned version,
    struct evidence *e)
{
	e->method_rule = e->identity = e->route = "";
	if (version < 3)
		return;
	e->in.verify_by = (enum verify_by)unpack_enum(u, VERIFY_BY_COUNT);
	e->also_pkix_sts = unpack_bool(u);
	e->also_local = (enum method)unpack_enum(u, METHOD_COUNT);
	e->method_rule = unpack_str(u, mem);
	e->min_tls = (enum min_tls)unpack_enum(u, MIN_TLS_COUNT);
	e->identity = unpack_str(u, mem);
	e->route = unpack_str(u, mem);
	e->alternate = unpack_bool(u);
	e->unmet = (enum unmet)unpack_enum(u, UNMET_COUNT);
}

static void
unpack_waivers(struct unpack *u, unsigned version, struct decide_in *in)
{
	if (version < 3)
		return;
	in->waives = unpack_enum(u, 1u << WAIVER_COUNT);
	in->failed = unpack_enum(u, 1u << WAIVER_COUNT);
	in->local = (enum level)unpack_enum(u, LEVEL_COUNT);
}

enum status
evidence_unpack(TALLOC_CTX *mem, struct span personal, struct span body,
    struct evidence *e, struct diag *why)
{
	struct unpack u = unpack_from(body);
	uint8_t told[32], found[32];
	unsigned version = unpack_u8(&u);
	enum status st;

	*e = (struct evidence){ 0 };
	if (version < 1 || version > EVIDENCE_VERSION)
		return diag_set(why, ST_SYNTAX, "evidence body: version");
	unpack_fixed(&u, told, sizeof(told));
	e->time.ms = unpack_i64(&u);
	e->domain = unpack_str(&u, mem);
	e->host = unpack_str(&u, mem);
	unpack_netaddr(&u, &e->addr);
	unpack_inputs(&u, mem, version, e);
	unpack_events(&u, mem, version, e);
	unpack_actions(&u, mem, version, e);
	unpack_waivers(&u, version, &e->in);
	if (unpack_done(&u) != ST_OK)
		return diag_set(why, ST_SYNTAX, "evidence body: not canonical");
	st = unpack_personal(mem, personal, e, why);
	if (st != ST_OK || personal.n == 0)
		return st;
	sha256(personal, found);
	if (memcmp(told, found, sizeof(told)) != 0)
		return diag_set(why, ST_SYNTAX,
		    "the personal part is not the one the body was made for");
	return ST_OK;
}

void
evidence_link(const uint8_t prev[EVIDENCE_HASH_BYTES], uint64_t seq,
    struct span body, uint8_t out[EVIDENCE_HASH_BYTES])
{
	struct sha256 h;
	uint8_t number[8];

	for (unsigned i = 0; i < 8; i++)
		number[i] = (uint8_t)(seq >> (56 - 8 * i));
	sha256_init(&h);
	sha256_add(&h, SPAN_LIT("tierpost evidence 1\n"));
	sha256_add(&h, span_of(prev, EVIDENCE_HASH_BYTES));
	sha256_add(&h, span_of(number, sizeof(number)));
	sha256_add(&h, body);
	sha256_final(&h, out);
}
