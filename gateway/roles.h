/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * roles - the working roles as objects on a struct net.
 *
 * A process holds one of them (gateway/process.c); the replay harness holds
 * those that carry mail in one process.  Each is a talloc object; freeing it
 * closes its channels.  attach functions may be called again at any time with a
 * new channel: the other side was started afresh, and the role resumes with
 * it.  conf is borrowed until the next reload returns.
 */
#ifndef GATEWAY_ROLES_H
#define GATEWAY_ROLES_H

#include "net/stream.h"
#include "policy/accounts.h"

enum role {
	ROLE_KEEPER,
	ROLE_ADVISOR,
	ROLE_COURIER,
	ROLE_INTAKE,
	ROLE_MAPPER,
	ROLE_COLLECTOR,
};
#define ROLE_COUNT 6u

/*
 * What a role wants of the master when a channel broke while both its ends
 * live (gateway/rejoin.h): ask for a new one; give_up: be ended, once it has
 * finished or given back what it can.
 */
struct role_links {
	void (*ask)(void *arg, enum role other);
	void (*give_up)(void *arg);
};

struct role_env {
	struct net *net;
	struct log *log;
	const struct conf *conf;
};

/*
 * intake: SMTP server sessions.  Until a keeper is attached it answers 421
 * to connections and 451 to messages.
 */
struct intake;
struct intake *intake_new(TALLOC_CTX *mem, const struct role_env *env);
void intake_attach_keeper(struct intake *in, struct sock *s);
void intake_links(struct intake *in, const struct role_links *links, void *arg);
/* listen: index into conf->listen; the same index after a reload. */
void intake_add_listener(struct intake *in, size_t listen, struct listener *l);
/* NULL: no TLS.  Borrowed until the next; sessions keep what they have. */
void intake_set_tls(struct intake *in, struct tls_server *tls);
/* NULL: no accounts.  Borrowed until the next. */
void intake_set_accounts(struct intake *in, const struct accounts *accounts);
/* What the process can hold, where intake.connection-limit is more. */
void intake_limit_connections(struct intake *in, uint32_t most);
void intake_reload(struct intake *in, const struct conf *conf);
/* Take no new connections, end idle sessions with 421, then done(arg). */
void intake_drain(struct intake *in, void (*done)(void *arg), void *arg);

/*
 * keeper: the store, the schedule, the evidence chain.  spec as in
 * store_open().  Nothing is scheduled before courier_count couriers have
 * attached and said which work they still hold.
 */
struct keeper;
struct checkpoint_key;
MUST_CHECK enum status keeper_new(TALLOC_CTX *mem, const struct role_env *env,
    const char *store_spec, unsigned courier_count, struct keeper **out,
    struct diag *why);
void keeper_attach_intake(struct keeper *k, unsigned index, struct sock *s);
void keeper_attach_courier(struct keeper *k, unsigned index, struct sock *s);
void keeper_attach_advisor(struct keeper *k, struct sock *s);
void keeper_attach_collector(struct keeper *k, struct sock *s);
/* The command line asks over it (wire.h: WIRE_ADMIN). */
void keeper_attach_admin(struct keeper *k, struct sock *s);
/* Each connection to l is such a channel.  Takes l over. */
void keeper_add_listener(struct keeper *k, struct listener *l);
/* The user this process is, by whose name it is in the log; copied. */
void keeper_own_user(struct keeper *k, uint32_t uid, const char *name);
/*
 * The key that signs the evidence chain from here on, which takes it over.
 * Without one there are no checkpoints, no records of events, and nothing is
 * dropped for its age.
 */
void keeper_set_key(struct keeper *k, struct checkpoint_key *key);
/*
 * What signs TLS reports by mail (tlsrpt_key_pack(), one after the other);
 * copied, in place of earlier ones.  Without any none are sent by mail.
 */
MUST_CHECK enum status keeper_set_report_keys(struct keeper *k,
    struct span keys, struct diag *why);
void keeper_reload(struct keeper *k, const struct conf *conf);
/* Lease nothing more, wait for what is out, then done(arg). */
void keeper_drain(struct keeper *k, void (*done)(void *arg), void *arg);

/* advisor: DNS, MTA-STS, plans.  No plan before the cache was loaded. */
struct advisor;
struct advisor *advisor_new(TALLOC_CTX *mem, const struct role_env *env);
void advisor_attach_keeper(struct advisor *a, struct sock *s);
void advisor_attach_courier(struct advisor *a, unsigned index, struct sock *s);
void advisor_attach_mapper(struct advisor *a, struct sock *s);
void advisor_links(struct advisor *a, const struct role_links *links,
    void *arg);
void advisor_reload(struct advisor *a, const struct conf *conf);

/*
 * mapper: answers Postfix's questions what a next hop requires, from plans of
 * the advisor; kept until they expire.  Until there is an advisor, and when
 * it does not answer, what is not kept is answered TEMP.
 */
struct mapper;
struct mapper *mapper_new(TALLOC_CTX *mem, const struct role_env *env);
void mapper_attach_advisor(struct mapper *m, struct sock *s);
void mapper_links(struct mapper *m, const struct role_links *links, void *arg);
/* which: index into conf->socketmap; the same index after a reload. */
void mapper_add_listener(struct mapper *m, size_t which, struct listener *l);
void mapper_reload(struct mapper *m, const struct conf *conf);

/*
 * collector: reads mail that the keeper has for tlsrpt.receive, and writes
 * what it reports to a file of its own.
 */
struct collector;
struct collector *collector_new(TALLOC_CTX *mem, const struct role_env *env);
void collector_attach_keeper(struct collector *c, struct sock *s);
void collector_links(struct collector *c, const struct role_links *links,
    void *arg);
void collector_reload(struct collector *c, const struct conf *conf);

/* courier: SMTP client sessions.  Takes tls over. */
struct courier;
struct courier *courier_new(TALLOC_CTX *mem, const struct role_env *env,
    struct tls_client *tls);
/*
 * Who it is to smart hosts: of each route with a user its name, the user and
 * the password, packed (str, str, bytes).  Copied; in place of earlier ones.
 */
MUST_CHECK enum status courier_set_secrets(struct courier *c,
    struct span secrets, struct diag *why);
/*
 * Other anchors (PEM) for certificates of MX hosts: no connection, and no
 * TLS session, that was made under the old ones serves further mail.
 */
MUST_CHECK enum status courier_set_trust(struct courier *c, struct span ca_pem,
    struct diag *why);
/*
 * What rules bring out of files: of each rule that has some its name, its
 * authorities, its client certificate and the key of that, PEM or empty,
 * packed (str, bytes, bytes, bytes).  Copied; in place of earlier ones.
 */
MUST_CHECK enum status courier_set_material(struct courier *c,
    struct span files, struct diag *why);
void courier_attach_keeper(struct courier *c, struct sock *s);
void courier_attach_advisor(struct courier *c, struct sock *s);
void courier_links(struct courier *c, const struct role_links *links,
    void *arg);
void courier_reload(struct courier *c, const struct conf *conf);
/* Finish running transactions, QUIT, then done(arg). */
void courier_drain(struct courier *c, void (*done)(void *arg), void *arg);

#endif
