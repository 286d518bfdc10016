/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/tls_internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "util/sha256.h"

#define CHAIN_DEPTH 20 /* ours: bounds what a hostile chain costs us */

struct tls_client {
	SSL_CTX *ctx;
	SSL_CTX *legacy;    /* of RUNG_LEGACY */
	const char *hybrid; /* groups of RUNG_HYBRID; NULL: there are none */
	struct tls_sessions *sessions;
	uint8_t trust_id[TLS_TRUST_ID_BYTES]; /* SHA-256 of the PEM */
};

void
tls_last_error(char *out, size_t size)
{
	unsigned long e = ERR_peek_last_error();
	const char *reason = e == 0 ? NULL : ERR_reason_error_string(e);

	ERR_clear_error();
	span_print_to(span_str(reason), out, size);
}

enum status
tls_failed(struct diag *why, const char *what)
{
	char text[200];

	tls_last_error(text, sizeof(text));
	return diag_set(why, ST_IO, "%s: %s", what, text);
}

SSL_CTX *
tls_context_new(const SSL_METHOD *method)
{
	SSL_CTX *ctx = need(SSL_CTX_new(method));

	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, TLS_CIPHERS) != 1)
		panic("TLS defaults are not available");
	SSL_CTX_set_options(ctx,
	    SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS |
				  SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_verify_depth(ctx, CHAIN_DEPTH);
	return ctx;
}

/* ---- sessions of the client ---- */

/* Where an SSL of the client keeps its struct tls_check. */
static int
check_index(void)
{
	static int index = -1; /* a constant, asked for once */

	if (index < 0)
		index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	return index;
}

static void
keep_session(struct tls_check *check, SSL_SESSION *session)
{
	tls_sessions_put(check->sessions, check->session_key, session,
	    check->session_born, check->session_until);
}

/* OpenSSL has a session: with TLS 1.2 before it was judged.  1: taken. */
static int
session_came(SSL *ssl, SSL_SESSION *session)
{
	struct tls_check *check = SSL_get_ex_data(ssl, check_index());

	if (check == NULL || check->sessions == NULL)
		return 0;
	if (check->proved) {
		keep_session(check, session);
		return 1;
	}
	SSL_SESSION_free(check->pending);
	check->pending = session;
	return 1;
}

void
tls_check_proved(struct tls_check *check)
{
	check->proved = true;
	if (check->pending != NULL)
		keep_session(check, check->pending);
	check->pending = NULL;
}

void
tls_check_release(struct tls_check *check)
{
	SSL_SESSION_free(check->pending);
	check->pending = NULL;
}

/* Keep what comes, and offer one that is there. */
static void
use_sessions(SSL *ssl, struct tls_client *tls, const struct tls_want *want,
    struct wall now, struct tls_check *check)
{
	SSL_SESSION *session = NULL;

	SSL_clear_options(ssl, SSL_OP_NO_TICKET);
	check->sessions = tls->sessions;
	memcpy(check->session_key, want->session_key,
	    sizeof(check->session_key));
	check->session_born = now;
	check->session_until = want->session_until;
	if (want->fresh)
		tls_sessions_drop(tls->sessions, want->session_key);
	else
		session = tls_sessions_take(tls->sessions, want->session_key,
		    now, &check->session_born);
	if (session == NULL)
		return;
	check->session_offered = SSL_set_session(ssl, session) == 1;
	SSL_SESSION_free(session);
}

void
tls_client_forget(struct tls_client *tls)
{
	tls_sessions_clear(tls->sessions);
}

/* ---- client ---- */

static int
client_destroy(struct tls_client *tls)
{
	SSL_CTX_free(tls->ctx);
	SSL_CTX_free(tls->legacy);
	return 0;
}

/* An SSL keeps the store it was made with. */
enum status
tls_client_trust(struct tls_client *tls, struct span ca_pem, bool *changed,
    struct diag *why)
{
	X509_STORE *store = tls_store_new(ca_pem, why);
	uint8_t id[TLS_TRUST_ID_BYTES];

	if (store == NULL)
		return why->st;
	if (SSL_CTX_set1_verify_cert_store(tls->legacy, store) != 1 ||
	    SSL_CTX_set0_verify_cert_store(tls->ctx, store) != 1)
		panic("no room for trust anchors");
	sha256(ca_pem, id);
	*changed = memcmp(id, tls->trust_id, sizeof(id)) != 0;
	memcpy(tls->trust_id, id, sizeof(id));
	if (*changed)
		tls_sessions_clear(tls->sessions);
	return ST_OK;
}

const uint8_t *
tls_client_trust_id(const struct tls_client *tls)
{
	return tls->trust_id;
}

enum status
tls_client_new(TALLOC_CTX *mem, const char *ca_file, struct tls_client **out,
    struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(mem));
	struct span pem;
	enum status st = tls_trust_file(tmp, ca_file, &pem, why);

	if (st == ST_OK)
		st = tls_client_of(mem, pem, out, why);
	talloc_free(tmp);
	return st;
}

enum status
tls_client_of(TALLOC_CTX *mem, struct span ca_pem, struct tls_client **out,
    struct diag *why)
{
	struct tls_client *tls = need(talloc_zero(mem, struct tls_client));
	bool changed;
	enum status st;

	tls->ctx = tls_context_new(TLS_client_method());
	tls->legacy = tls_legacy_context();
	talloc_set_destructor(tls, client_destroy);
	tls->sessions = tls_sessions_new(tls);
	SSL_CTX_set_session_cache_mode(tls->ctx,
	    SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(tls->ctx, session_came);
	st = tls_client_trust(tls, ca_pem, &changed, why);
	if (st != ST_OK) {
		talloc_free(tls);
		return st;
	}
	if (SSL_CTX_dane_enable(tls->ctx) != 1)
		panic("OpenSSL without DANE");
	tls->hybrid = tls_hybrid_groups(tls->ctx);
	*out = tls;
	return ST_OK;
}

bool
tls_client_is_hybrid(const struct tls_client *tls)
{
	return tls->hybrid != NULL;
}

void
tls_client_set_hybrid(struct tls_client *tls, const char *groups)
{
	if (SSL_CTX_set1_groups_list(tls->ctx, (char *)(uintptr_t)groups) != 1)
		panic("no such groups");
	tls->hybrid = groups;
}

/* TLSA records into the SSL; how many OpenSSL can use. */
static size_t
add_tlsa(SSL *ssl, const struct tls_want *want)
{
	size_t used = 0;

	for (size_t i = 0; i < want->tlsa_count; i++) {
		const struct tlsa *t = &want->tlsa[i];

		/* RFC 7672 3.1.3: the PKIX usages do not count (DANE-24). */
		if (t->usage != TLSA_DANE_TA && t->usage != TLSA_DANE_EE)
			continue;
		if (SSL_dane_tlsa_add(ssl, t->usage, t->selector, t->matching,
			t->data.p, t->data.n) == 1)
			used++;
	}
	ERR_clear_error();
	return used;
}

/* Names that the certificate may carry; any one suffices. */
static bool
set_names(SSL *ssl, const struct tls_want *want)
{
	unsigned flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;

	/* A common name counts for DANE-TA only (RFC 7672 3.2.3, TLS-25). */
	if (want->method != METHOD_DANE)
		flags |= X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
	SSL_set_hostflags(ssl, flags);
	if (want->ref_count > 0 && SSL_set1_host(ssl, NULL) != 1)
		return false;
	for (size_t i = 0; i < want->ref_count; i++)
		if (SSL_add1_host(ssl, want->ref[i]) != 1)
			return false;
	return true;
}

static enum status
demand_dane(SSL *ssl, const struct tls_want *want, struct tls_check *check,
    struct diag *why)
{
	if (SSL_dane_enable(ssl, want->sni) != 1)
		return tls_failed(why, "DANE");
	/* RFC 7672 3.1.1: no name check for DANE-EE (DANE-33). */
	SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	check->no_usable_tlsa = add_tlsa(ssl, want) == 0;
	return ST_OK;
}

/*
 * What certificates are held to.  Of DANE the key is the one published,
 * however weak (TLS-06); a chain up to a DANE-TA is held to the strict level
 * in tls_judge().
 */
static int
certificate_level(const struct tls_want *want)
{
	return want->level < LEVEL_VERIFY || want->method == METHOD_DANE ?
		   TLS_LEVEL_LENIENT :
		   TLS_LEVEL_STRICT;
}

static bool
is_by_authorities(enum method method)
{
	return method == METHOD_PKIX_STS || method == METHOD_PKIX_LOCAL ||
	       method == METHOD_CA;
}

/* No look at revocation for DANE (RFC 7672 4, DANE-44), nor for a pin. */
static bool
asks_authorities(const struct tls_want *want)
{
	return is_by_authorities(want->method) || want->also_pkix ||
	       is_by_authorities(want->also_local);
}

/*
 * Verification runs in every handshake, so that its result can be logged,
 * but it never ends one: tls_judge() does, with a precise reason.
 */
static enum status
demand(SSL *ssl, const struct tls_want *want, struct tls_check *check,
    struct diag *why)
{
	enum status st = ST_OK;

	if (*want->sni != '\0' &&
	    SSL_set_tlsext_host_name(ssl, (char *)(uintptr_t)want->sni) != 1)
		return tls_failed(why, "SNI");
	SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	/* OpenSSL's level is of suites and of certificates alike. */
	SSL_set_security_level(ssl, want->rung == RUNG_LEGACY ?
					TLS_LEVEL_LEGACY :
					certificate_level(want));
	X509_VERIFY_PARAM_set_auth_level(SSL_get0_param(ssl),
	    certificate_level(want));
	if (want->level >= LEVEL_VERIFY && asks_authorities(want) &&
	    SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp) != 1)
		return tls_failed(why, "OCSP");
	if (want->level >= LEVEL_VERIFY && want->method == METHOD_DANE)
		st = demand_dane(ssl, want, check, why);
	if (st == ST_OK && !set_names(ssl, want))
		st = tls_failed(why, "reference names");
	return st;
}

/* The oldest version, as the rung and the rules have it: the later counts. */
static int
oldest_version(const struct tls_want *want)
{
	switch (want->min_tls) {
	case MIN_TLS_1_2:
		return want->rung == RUNG_LEGACY ?
			   tls_oldest_version(want->oldest) :
			   TLS1_2_VERSION;
	case MIN_TLS_1_3:
		break;
	}
	return TLS1_3_VERSION;
}

/* The hello of the rung. */
static SSL *
rung_ssl(struct tls_client *tls, const struct tls_want *want)
{
	bool legacy = want->rung == RUNG_LEGACY;
	SSL *ssl = need(SSL_new(legacy ? tls->legacy : tls->ctx));

	invariant(want->rung < RUNG_CLEAR);
	invariant(!legacy || want->level <= LEVEL_VERIFY);
	if (SSL_set_min_proto_version(ssl, oldest_version(want)) != 1)
		panic("SSL_set_min_proto_version");
	if (tls->hybrid != NULL && want->rung == RUNG_MODERN &&
	    SSL_set1_groups_list(ssl,
		(char *)(uintptr_t)TLS_CLASSICAL_GROUPS) != 1)
		panic("classical groups are not available");
	return ssl;
}

/* ---- what we show ---- */

/*
 * The server asks for a certificate.  One that fell short gets none, and the
 * handshake ends as it would have: tls_judge() has the last word.
 */
static int
show_identity(SSL *ssl, void *arg)
{
	const struct tls_check *check = arg;
	const struct tls_identity *id = check->identity;

	if (!tls_is_proved(ssl, check))
		return 1;
	return SSL_use_cert_and_key(ssl, id->leaf, id->key, id->chain, 1);
}

static struct tls_names
copy_names(TALLOC_CTX *mem, const char *const *name, size_t count)
{
	struct tls_names out = { .name = need(talloc_array(mem, const char *,
				     (unsigned)count + 1)) };

	for (; out.count < count; out.count++)
		out.name[out.count] = need(talloc_strdup(mem, name[out.count]));
	return out;
}

/* What rules demand and allow beside the method. */
static void
take_local(TALLOC_CTX *mem, SSL *ssl, const struct tls_want *want,
    struct tls_check *check)
{
	check->ref = copy_names(mem, want->ref, want->ref_count);
	check->also_local = want->also_local;
	check->local_ref = copy_names(mem, want->local_ref,
	    want->local_ref_count);
	check->pin = need(talloc_zero_array(mem, struct pin,
	    (unsigned)want->pin_count + 1));
	for (; check->pin_count < want->pin_count; check->pin_count++)
		check->pin[check->pin_count] = want->pin[check->pin_count];
	if (want->trust != NULL)
		check->trust = tls_trust_share(mem, want->trust);
	if (want->identity == NULL)
		return;
	check->identity = tls_identity_share(mem, want->identity);
	SSL_set_cert_cb(ssl, show_identity, check);
}

SSL *
tls_client_ssl(TALLOC_CTX *mem, struct tls_client *tls,
    const struct tls_want *want, struct wall now, struct tls_check *check,
    struct diag *why)
{
	SSL *ssl = rung_ssl(tls, want);

	*check = (struct tls_check){
		.client = true,
		.level = want->level,
		.method = want->method,
		.also_pkix = want->also_pkix,
		.weigh_pkix = want->weigh_pkix,
		.pkix_name = need(talloc_strdup(mem,
		    want->pkix_name == NULL ? "" : want->pkix_name)),
	};
	if (SSL_get0_verify_cert_store(ssl, &check->store) != 1)
		panic("an SSL without trust anchors");
	SSL_set_connect_state(ssl);
	take_local(mem, ssl, want, check);
	if (SSL_set_ex_data(ssl, check_index(), check) != 1)
		panic("no room in an SSL");
	/* What a legacy session was agreed on is nobody else's. */
	if (want->session_key != NULL && want->rung != RUNG_LEGACY)
		use_sessions(ssl, tls, want, now, check);
	if (demand(ssl, want, check, why) == ST_OK)
		return ssl;
	SSL_free(ssl);
	return NULL;
}
