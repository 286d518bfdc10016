/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/selftest_internal.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net_real.h"
#include "util/sha256.h"

#define POLL_MS  INT64_C(100)
#define LIMIT_MS INT64_C(60000) /* ours: it takes two seconds */
#define DAY_MS   INT64_C(86400000)

static void
write_quiet(void *arg, enum log_level level, struct span line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static int
trial_destroy(struct trial *t)
{
	TALLOC_FREE(t->courier);
	TALLOC_FREE(t->advisor);
	TALLOC_FREE(t->keeper);
	if (t->made)
		nftw(t->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

static char *
file_in(struct trial *t, const char *name)
{
	return need(talloc_asprintf(t, "%s/%s", t->dir, name));
}

static enum status
write_file(const char *path, struct span content, struct diag *why)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok = fd >= 0 &&
		  write(fd, content.p, content.n) == (ssize_t)content.n;

	if (!ok)
		(void)diag_errno(why, "%s", path);
	if (fd >= 0)
		close(fd);
	return ok ? ST_OK : ST_IO;
}

/* ---- what the domains publish ---- */

static void
add_tlsa(struct trial *t, const struct test_case *c, const struct cert *cert)
{
	uint8_t key[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];

	if (c->tlsa == TLSA_NONE)
		return;
	memcpy(key, cert->spki_sha256, sizeof(key));
	if (c->tlsa == TLSA_WRONG)
		key[0] ^= 1;
	hex_encode(span_of(key, sizeof(key)), hex);
	zone_add(t->zone,
	    talloc_asprintf(t,
		"_%u._tcp.mx.%s." SELFTEST_TOP ". 60 IN TLSA 3 1 1 %s", t->port,
		c->name, hex));
}

static void
publish(struct trial *t, size_t i, const struct cert *cert)
{
	const struct test_case *c = &selftest_case[i];

	zone_add(t->zone,
	    talloc_asprintf(t,
		"%s." SELFTEST_TOP ". 60 IN MX 10 mx.%s." SELFTEST_TOP ".",
		c->name, c->name));
	zone_add(t->zone,
	    talloc_asprintf(t, "mx.%s." SELFTEST_TOP ". 60 IN A 127.25.%u.1",
		c->name, (unsigned)i));
	if (c->sts != STS_NO)
		zone_add(t->zone, talloc_asprintf(t,
				      "_mta-sts.%s." SELFTEST_TOP
				      ". 60 IN TXT \"v=STSv1; id=1\"",
				      c->name));
	add_tlsa(t, c, cert);
}

/* Whose records of this type they are. */
static const char *
owner_of(struct trial *t, const struct test_case *c, enum dns_type type)
{
	if (type == DNS_TLSA)
		return need(talloc_asprintf(t,
		    "_%u._tcp.mx.%s." SELFTEST_TOP ".", t->port, c->name));
	return need(talloc_asprintf(t, "%s%s." SELFTEST_TOP ".",
	    type == DNS_A ? "mx." : "", c->name));
}

static void
spoil(struct trial *t, const struct test_case *c)
{
	if (c->spoiled != 0)
		zone_spoil(t->zone, owner_of(t, c, c->spoiled), c->spoiled);
}

/* ---- mail servers ---- */

static struct cert *
certificate(struct trial *t, const struct test_case *c)
{
	const char *name = talloc_asprintf(t, "%s.%s." SELFTEST_TOP,
	    c->cert == CASE_CERT_OTHER_NAME ? "other" : "mx", c->name);

	return cert_new(t, t->authority, name,
	    c->cert == CASE_CERT_EXPIRED   ? CERT_EXPIRED :
	    c->cert == CASE_CERT_UNTRUSTED ? CERT_SELF_SIGNED :
					     CERT_GOOD);
}

/* All at one port, each at an address of its own; the first chooses it. */
static enum status
listen_at(struct trial *t, size_t i, struct listener **out, struct diag *why)
{
	const uint8_t ip[4] = { 127, 25, (uint8_t)i, 1 };
	struct netaddr at = netaddr_ip4(ip, t->port);
	int fd = net_real_bind(&at, why);

	if (fd < 0)
		return ST_IO;
	*out = net_real_listener(t, t->env.net, fd);
	t->port = listener_local(*out)->port;
	return ST_OK;
}

static enum status
raise_peer(struct trial *t, size_t i, struct diag *why)
{
	const struct test_case *c = &selftest_case[i];
	struct cert *cert = certificate(t, c);
	struct tls_server *tls = NULL;
	struct listener *l;
	enum status st = listen_at(t, i, &l, why);

	if (st == ST_OK && !c->no_starttls)
		st = tls_server_new(t, cert->chain_pem, cert->key_pem, &tls,
		    why);
	if (st != ST_OK)
		return st;
	t->peer[i] = peer_new(t, t->env.net, l, tls, !c->requiretls);
	publish(t, i, cert);
	return ST_OK;
}

static enum status
raise_world(struct trial *t, struct diag *why)
{
	enum status st = ST_OK;

	t->zone = zone_new(t);
	zone_add(t->zone, SELFTEST_TOP ". 60 IN TXT \"made on the spot\"");
	for (size_t i = 0; i < SELFTEST_CASES && st == ST_OK; i++)
		st = raise_peer(t, i, why);
	if (st != ST_OK)
		return st;
	zone_sign(t->zone);
	for (size_t i = 0; i < SELFTEST_CASES; i++)
		spoil(t, &selftest_case[i]);
	return zone_serve(t->zone, t->env.net, why);
}

/* ---- configuration ---- */

static enum status
configure(struct trial *t, struct diag *why)
{
	static const char *option[] = { "do-not-query-localhost: no" };
	struct conf *c = &t->conf;
	enum status st;

	*c = *t->given;
	c->state_dir = t->dir;
	c->smtp_port = t->port;
	c->smtp_allow_loopback = true;
	c->smtp_floor = LEVEL_PLAIN;
	c->smtp_ca_file = file_in(t, "ca.pem");
	c->smtp_bind_count = 0;
	c->resolver_trust_anchor = file_in(t, "anchor");
	c->resolver_root_hints = "";
	c->resolver_option = option;
	c->resolver_option_count = COUNT_OF(option);
	c->listen_count = c->rule_count = c->exception_count = 0;
	c->destination_count = c->route_count = 0;
	st = write_file(c->smtp_ca_file, authority_pem(t->authority), why);
	if (st == ST_OK)
		st = write_file(c->resolver_trust_anchor,
		    span_str(zone_anchor(t->zone)), why);
	return st;
}

static enum status
add_resolver(struct trial *t, struct diag *why)
{
	const struct net_real_dns dns = {
		.trust_anchor = t->conf.resolver_trust_anchor,
		.anchor_state = "",
		.root_hints = "",
		.option = t->conf.resolver_option,
		.option_count = t->conf.resolver_option_count,
		.timeout_ms = t->conf.resolver_timeout_ms,
		.query_limit = t->conf.resolver_queries,
		.forward = zone_address(t->zone),
	};
	enum status st = net_real_dns(t->env.net, &dns, why);

	if (st == ST_OK) /* nobody is asked: the policies are stored */
		st = net_real_https(t->env.net, t->conf.smtp_ca_file, why);
	return st;
}

/* ---- the queue, before the keeper has it ---- */

static enum status
store_policy(struct trial *t, struct store *s, const struct test_case *c,
    struct diag *why)
{
	struct wall now = net_wall(t->env.net);
	char *domain = need(talloc_asprintf(t, "%s." SELFTEST_TOP, c->name));
	char *mx = need(talloc_asprintf(t, "%s.%s." SELFTEST_TOP,
	    c->sts == STS_NAMED ? "mx" : "elsewhere", c->name));
	char *text = need(talloc_asprintf(t,
	    "version: STSv1\nmode: enforce\nmx: %s\nmax_age: 86400\n", mx));
	struct sts_entry e = {
		.domain = domain,
		.id = { '1' },
		.has_policy = true,
		.fetched = now,
	};
	enum status st;

	if (c->sts == STS_NO)
		return ST_OK;
	st = sts_policy_parse(t, span_str(text), &e.policy, why);
	return st != ST_OK ? st : store_sts_put(s, &e, why);
}

static enum status
store_mail(struct trial *t, struct store *s, const struct test_case *c,
    struct diag *why)
{
	struct wall now = net_wall(t->env.net);
	struct span text = SPAN_LIT("From: self-test\r\n\r\nself-test\r\n");
	struct store_message m = {
		.sender = "sender@sender." SELFTEST_TOP,
		.size_bytes = text.n,
		.mclass = c->requiretls ? CLASS_REQUIRETLS : CLASS_NORMAL,
		.received = now,
		.expires = wall_after(now, DAY_MS),
		.look = wall_after(now, DAY_MS),
		.client = "127.0.0.1",
		.account = "",
		.envid = "",
		.marks = "",
	};
	const struct dest_key to = {
		need(talloc_asprintf(t, "%s." SELFTEST_TOP, c->name)),
		m.mclass,
		m.marks,
	};
	struct store_rcpt r = {
		.address = need(talloc_asprintf(t, "user@%s." SELFTEST_TOP,
		    c->name)),
		.orcpt = "",
		.next = now,
		.last = "",
		.status = "",
		.host = "",
	};
	struct store_dest d;
	enum status st = store_take_ids(s, 1, &m.id, why);

	if (st == ST_OK)
		st = store_message_new(s, &m, why);
	if (st == ST_OK)
		st = store_chunk_add(s, m.id, 0, text, why);
	if (st == ST_OK)
		st = store_dest_get(s, t, &to, &d, why);
	if (st != ST_OK)
		return st;
	r.id = m.id << 16;
	r.message = m.id;
	r.dest = d.id;
	d.queued = 1;
	st = store_dest_put(s, &d, why);
	if (st == ST_OK)
		st = store_rcpt_add(s, &r, why);
	return st != ST_OK ? st : store_message_queue(s, &m, 1, why);
}

static enum status
fill_store(struct trial *t, struct diag *why)
{
	struct store *s;
	enum status st = store_open(t, t->spec, STORE_WRITER, &s, why);

	if (st == ST_OK)
		st = store_begin(s, why);
	for (size_t i = 0; i < SELFTEST_CASES && st == ST_OK; i++) {
		st = store_policy(t, s, &selftest_case[i], why);
		if (st == ST_OK)
			st = store_mail(t, s, &selftest_case[i], why);
	}
	if (st == ST_OK)
		st = store_commit(s, why);
	talloc_free(s);
	return st;
}

/* ---- the roles ---- */

static enum status
join(struct trial *t, struct sock **a, struct sock **b, struct diag *why)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) != 0)
		return diag_errno(why, "socketpair");
	*a = net_real_sock(t, t->env.net, fd[0]);
	*b = net_real_sock(t, t->env.net, fd[1]);
	return ST_OK;
}

static enum status
start_roles(struct trial *t, struct diag *why)
{
	struct sock *a[3], *b[3];
	struct tls_client *tls;
	enum status st = tls_client_new(t, t->conf.smtp_ca_file, &tls, why);

	if (st == ST_OK)
		st = keeper_new(t, &t->env, t->spec, 1, &t->keeper, why);
	for (size_t i = 0; i < COUNT_OF(a) && st == ST_OK; i++)
		st = join(t, &a[i], &b[i], why);
	if (st != ST_OK)
		return st;
	t->courier = courier_new(t, &t->env, tls);
	t->advisor = advisor_new(t, &t->env);
	keeper_attach_courier(t->keeper, 0, a[0]);
	courier_attach_keeper(t->courier, b[0]);
	keeper_attach_advisor(t->keeper, a[1]);
	advisor_attach_keeper(t->advisor, b[1]);
	advisor_attach_courier(t->advisor, 0, a[2]);
	courier_attach_advisor(t->courier, b[2]);
	return ST_OK;
}

/* ---- the run ---- */

static void
look(void *arg)
{
	struct trial *t = arg;

	if (selftest_look(t) || t->why.text[0] != '\0') {
		net_real_stop(t->env.net);
	} else if (mono_reached(net_now(t->env.net), t->limit)) {
		(void)diag_set(&t->why, ST_TEMP,
		    "not all of it was attempted within a minute");
		net_real_stop(t->env.net);
	} else {
		net_timer_set(t->poll,
		    mono_after(net_now(t->env.net), POLL_MS));
	}
}

static enum status
make_dir(struct trial *t, struct diag *why)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(t->dir, sizeof(t->dir), "%s/tierpost-selftest-XXXXXX",
	    tmp == NULL || strlen(tmp) > sizeof(t->dir) / 2 ? "/tmp" : tmp);
	t->made = mkdtemp(t->dir) != NULL;
	return t->made ? ST_OK : diag_errno(why, "%s", t->dir);
}

static enum status
raise(struct trial *t, struct diag *why)
{
	enum status st = make_dir(t, why);

	if (st == ST_OK)
		st = raise_world(t, why);
	if (st == ST_OK)
		st = configure(t, why);
	if (st == ST_OK)
		st = add_resolver(t, why);
	t->spec = need(talloc_asprintf(t, "sqlite:%s/spool.db", t->dir));
	if (st == ST_OK)
		st = fill_store(t, why);
	return st == ST_OK ? start_roles(t, why) : st;
}

static void
begin_result(struct trial *t)
{
	struct selftest *out = t->out;

	*out = (struct selftest){ .count = SELFTEST_CASES };
	out->result = need(talloc_zero_array(t->mem, struct selftest_result,
	    SELFTEST_CASES));
	for (size_t i = 0; i < SELFTEST_CASES; i++) {
		out->result[i].name = selftest_case[i].name;
		out->result[i].about = selftest_case[i].about;
		out->result[i].section = selftest_case[i].section;
		out->result[i].expect = selftest_case[i].expect;
	}
}

enum status
selftest_run(TALLOC_CTX *mem, const struct conf *conf, struct selftest *out,
    struct diag *why)
{
	struct trial *t = need(talloc_zero(mem, struct trial));
	enum status st;

	talloc_set_destructor(t, trial_destroy);
	t->mem = mem;
	t->given = conf;
	t->out = out;
	t->log = (struct log){ .level = LOG_LEVEL_ERROR,
		.role = "selftest",
		.write = write_quiet };
	t->env = (struct role_env){ net_real_new(t, &t->log), &t->log,
		&t->conf };
	t->authority = authority_new(t);
	begin_result(t);
	st = raise(t, why);
	if (st == ST_OK) {
		t->poll = net_timer_new(t, t->env.net, look, t);
		t->limit = mono_after(net_now(t->env.net), LIMIT_MS);
		net_timer_set(t->poll, net_now(t->env.net));
		net_real_run(t->env.net);
		if (t->why.text[0] != '\0')
			st = diag_set(why, ST_TEMP, "%s", t->why.text);
	}
	talloc_free(t);
	return st;
}
