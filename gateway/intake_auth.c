/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AUTH.  A password's hash is made to be slow to compute, and this process
 * has all its sessions in one loop: so those who ask stand in a queue, one
 * is computed at a time, and between two of them the loop rests for about
 * as long as one takes.  What was found right is remembered for a while as
 * a keyed digest, so that the many connections of one program cost one
 * computation.
 */
#include "gateway/intake_internal.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <string.h>

#include "util/sha256.h"
#include "util/strmap.h"

#define REPLY_WRONG "535 5.7.8 authentication failed"
#define REPLY_BUSY  "454 4.7.0 authentication is busy, try later"
#define REPLY_MANY  "454 4.7.0 too many failures from you, try later"

#define AUTH_KEY_BYTES 32u

/* A (name, hash, password) that was right. */
struct known {
	TAILQ_ENTRY(known) link;
	struct mono until;
	char digest[2 * SHA256_BYTES + 1];
};

struct intake_auth {
	TAILQ_HEAD(, session) queue;
	uint32_t queued;
	struct net_later *later; /* or NULL */
	struct net_timer *rest;
	bool resting;
	uint8_t key[AUTH_KEY_BYTES];
	struct strmap *known;       /* struct known by digest */
	TAILQ_HEAD(, known) by_age; /* the oldest first */
	struct crypt_data *crypt;
};

static void compute_next(void *arg);

static void
rested(void *arg)
{
	struct intake *in = arg;

	in->auth->resting = false;
	if (in->auth->queued > 0)
		compute_next(in);
}

static int
wipe(struct intake_auth *a)
{
	OPENSSL_cleanse(a->key, sizeof(a->key));
	return 0;
}

void
intake_auth_init(struct intake *in)
{
	struct intake_auth *a = need(talloc_zero(in, struct intake_auth));

	in->auth = a;
	TAILQ_INIT(&a->queue);
	TAILQ_INIT(&a->by_age);
	a->known = strmap_new(a);
	a->rest = net_timer_new(a, in->env.net, rested, in);
	net_random(in->env.net, a->key, sizeof(a->key));
	talloc_set_destructor(a, wipe);
}

/* ---- what was right before ---- */

static void
digest_of(const struct intake_auth *a, const struct account *account,
    struct span password, char out[2 * SHA256_BYTES + 1])
{
	uint8_t mac[SHA256_BYTES];
	unsigned n = sizeof(mac);
	struct sbuf b;

	/* of all three, so that a new password is a new question */
	sbuf_init(&b, NULL,
	    ACCOUNT_NAME_BYTES + ACCOUNT_HASH_BYTES + password.n + 2);
	(void)sbuf_reserve(&b, b.cap);
	sbuf_add(&b, account->name, strlen(account->name) + 1);
	sbuf_add(&b, account->hash, strlen(account->hash) + 1);
	sbuf_span(&b, password);
	if (HMAC(EVP_sha256(), a->key, (int)sizeof(a->key), b.p, b.n, mac,
		&n) == NULL)
		panic("HMAC");
	hex_encode(span_of(mac, sizeof(mac)), out);
	OPENSSL_cleanse(b.p, b.n);
	sbuf_free(&b);
}

static void
forget(struct intake_auth *a, struct known *k)
{
	TAILQ_REMOVE(&a->by_age, k, link);
	strmap_del(a->known, k->digest);
	talloc_free(k);
}

static bool
is_known(struct intake *in, const char *digest)
{
	struct mono now = net_now(in->env.net);
	struct known *k = strmap_get(in->auth->known, digest);

	return k != NULL && !mono_reached(now, k->until);
}

static void
remember(struct intake *in, const char *digest)
{
	struct intake_auth *a = in->auth;
	struct mono now = net_now(in->env.net);
	struct known *k = strmap_get(a->known, digest);

	if (k != NULL)
		forget(a, k);
	while ((k = TAILQ_FIRST(&a->by_age)) != NULL &&
	       (mono_reached(now, k->until) ||
		   strmap_count(a->known) >= INTAKE_AUTH_KNOWN))
		forget(a, k);
	k = need(talloc_zero(a->known, struct known));
	memcpy(k->digest, digest, sizeof(k->digest));
	k->until = mono_after(now, in->env.conf->intake_auth_cache_ms);
	TAILQ_INSERT_TAIL(&a->by_age, k, link);
	strmap_put(a->known, k->digest, k);
}

/* ---- one answer ---- */

static void
log_login(const struct session *s, bool ok, struct span name, const char *how)
{
	struct logline l = intake_session_line(s, LOG_LEVEL_INFO,
	    ok ? "authenticated" : "authentication-failed");

	logline_span(&l, "account", name);
	logline_str(&l, "mechanism", how);
	logline_end(&l);
}

static void
right(struct session *s, const char *name, const char *hash, const char *how)
{
	talloc_free(s->account);
	talloc_free(s->account_hash);
	s->account = need(talloc_strdup(s, name));
	s->account_hash = hash == NULL ? NULL : need(talloc_strdup(s, hash));
	log_login(s, true, span_str(name), how);
	server_accept(s->server, s->account);
}

static void
wrong(struct session *s, struct span name, const char *how)
{
	log_login(s, false, name, how);
	intake_client_failed(s->in, s->peer);
	s->reply_delay_ms = intake_delay_ms(s->in,
	    intake_client_failures(s->in, s->peer));
	server_refuse(s->server, REPLY_WRONG);
}

static const struct account *
find(const struct intake *in, struct span name)
{
	char text[ACCOUNT_NAME_BYTES + 1];

	if (in->accounts == NULL || !account_name_ok(name))
		return NULL;
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	return accounts_find(in->accounts, text);
}

/*
 * A name that does not exist costs what one does, so that the time tells
 * nothing.
 */
static bool
is_right(struct intake *in, const struct account *account, struct span password)
{
	struct intake_auth *a = in->auth;
	const struct account *by = account;
	TALLOC_CTX *tmp = need(talloc_new(a));
	char *text = span_dup(tmp, password);
	const char *got;
	bool same;

	if (by == NULL || *by->hash == '\0')
		by = in->accounts == NULL ? NULL :
					    accounts_sample(in->accounts);
	if (a->crypt == NULL)
		a->crypt = need(talloc_zero(a, struct crypt_data));
	got = by == NULL ?
		  NULL :
		  crypt_rn(text, by->hash, a->crypt, (int)sizeof(*a->crypt));
	same = got != NULL && strlen(got) == strlen(by->hash) &&
	       CRYPTO_memcmp(got, by->hash, strlen(got)) == 0;
	OPENSSL_cleanse(text, password.n);
	OPENSSL_cleanse(a->crypt, sizeof(*a->crypt));
	talloc_free(tmp);
	return same && by == account;
}

/* ---- the queue ---- */

static void
leave_queue(struct session *s)
{
	struct intake_auth *a = s->in->auth;

	TAILQ_REMOVE(&a->queue, s, auth_link);
	a->queued--;
	s->peer->logins--;
}

void
intake_auth_abort(struct session *s)
{
	if (s->wait == WAIT_AUTH)
		leave_queue(s);
}

static void
compute(struct session *s)
{
	struct intake *in = s->in;
	struct server_auth ask = server_auth(s->server);
	const struct account *account = find(in, ask.authcid);
	char digest[2 * SHA256_BYTES + 1];

	if (!is_right(in, account, ask.password)) {
		wrong(s, ask.authcid, "PLAIN");
		return;
	}
	digest_of(in->auth, account, ask.password, digest);
	remember(in, digest);
	right(s, account->name, account->hash, "PLAIN");
}

static void
compute_next(void *arg)
{
	struct intake *in = arg;
	struct intake_auth *a = in->auth;
	struct session *s = TAILQ_FIRST(&a->queue);

	a->later = NULL;
	if (s == NULL)
		return;
	leave_queue(s);
	s->wait = WAIT_NOTHING;
	compute(s);
	a->resting = true;
	net_timer_set(a->rest,
	    mono_after(net_now(in->env.net), INTAKE_AUTH_REST_MS));
	intake_session_set_deadline(s, intake_idle_ms(in));
	intake_session_resume(s);
}

static void
join_queue(struct session *s)
{
	struct intake_auth *a = s->in->auth;

	s->wait = WAIT_AUTH;
	intake_session_set_deadline(s, INTAKE_AUTH_WAIT_MS);
	TAILQ_INSERT_TAIL(&a->queue, s, auth_link);
	a->queued++;
	s->peer->logins++;
	if (!a->resting && a->later == NULL)
		a->later = net_later(a, s->in->env.net, compute_next, s->in);
}

/* ---- the mechanisms ---- */

static void
ask_plain(struct session *s)
{
	struct intake *in = s->in;
	struct server_auth ask = server_auth(s->server);
	const struct account *account = find(in, ask.authcid);
	char digest[2 * SHA256_BYTES + 1];

	if (account != NULL && *account->hash != '\0') {
		digest_of(in->auth, account, ask.password, digest);
		if (is_known(in, digest)) {
			right(s, account->name, account->hash, "PLAIN");
			return;
		}
	}
	if (in->auth->queued >= INTAKE_AUTH_QUEUE ||
	    s->peer->logins >= INTAKE_AUTH_CLIENT)
		server_refuse(s->server, REPLY_BUSY);
	else
		join_queue(s);
}

/* No account acts as another (RFC 4616 2, RFC 4422 A). */
static bool
acts_as_itself(struct server_auth ask, struct span name)
{
	return ask.authzid.n == 0 || span_eq_span(ask.authzid, name);
}

static void
ask_external(struct session *s)
{
	struct server_auth ask = server_auth(s->server);
	const char *account = intake_certificate_account(s);

	if (account != NULL && acts_as_itself(ask, span_str(account)))
		right(s, account, NULL, "EXTERNAL");
	else
		wrong(s, ask.authzid, "EXTERNAL");
}

void
intake_auth_ask(struct session *s)
{
	struct server_auth ask = server_auth(s->server);

	if (intake_client_failures(s->in, s->peer) >=
	    s->in->env.conf->intake_auth_failures) {
		s->reply_delay_ms = s->in->env.conf->intake_tarpit_limit_ms;
		server_refuse(s->server, REPLY_MANY);
		return;
	}
	switch (ask.mechanism) {
	case SERVER_EXTERNAL:
		ask_external(s);
		return;
	case SERVER_PLAIN:
		if (acts_as_itself(ask, ask.authcid))
			ask_plain(s);
		else
			wrong(s, ask.authcid, "PLAIN");
		return;
	}
}

/* ---- certificates ---- */

static bool
fits(const struct session *s, const struct conf_certificate *c)
{
	const struct tls_info *tls = stream_tls_info(s->stream);

	if (*c->name != '\0')
		return stream_certificate_names(s->stream, c->name);
	return tls->has_certificate &&
	       memcmp(tls->cert_sha256, c->sha256, sizeof(c->sha256)) == 0;
}

const char *
intake_certificate_account(const struct session *s)
{
	const struct conf_listen *l = intake_listen_of(s->point);
	const struct accounts *accounts = s->in->accounts;

	if (l == NULL || stream_tls_info(s->stream) == NULL)
		return NULL;
	for (size_t i = 0; i < l->certificate_count; i++) {
		const struct conf_certificate *c = &l->certificate[i];

		if (fits(s, c) && (accounts == NULL || accounts_find(accounts,
							   c->account) != NULL))
			return c->account;
	}
	return NULL;
}

bool
intake_auth_holds(const struct session *s)
{
	const struct accounts *accounts = s->in->accounts;
	const struct account *a;
	const char *name;

	if (s->account == NULL)
		return true;
	if (s->account_hash == NULL) {
		name = intake_certificate_account(s);
		return name != NULL && strcmp(name, s->account) == 0;
	}
	a = accounts == NULL ? NULL : accounts_find(accounts, s->account);
	return a != NULL && strcmp(a->hash, s->account_hash) == 0;
}

void
intake_auth_by_certificate(struct session *s)
{
	const struct conf_listen *l = intake_listen_of(s->point);
	const char *account = intake_certificate_account(s);

	if (account == NULL || l->login != LISTEN_LOGIN_IMPLICIT)
		return;
	s->account = need(talloc_strdup(s, account));
	log_login(s, true, span_str(account), "certificate");
}
