/* SPDX-License-Identifier: BSD-2-Clause */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/courier_fixture.h"

TALLOC_CTX *mem;
struct net *net;
struct conf conf;
struct authority *authority;
static struct sbuf logged;
static struct net_timer *patience;

/* ---- the loop ---- */

static bool (*reached_end)(void);

void
look(void)
{
	if (reached_end != NULL && reached_end())
		net_real_stop(net);
}

static void
out_of_patience(void *arg)
{
	(void)arg;
	fprintf(stderr, "%s\n", sbuf_cstr(&logged));
	ck_abort_msg("nothing happens any more");
}

void
run_until(bool (*end)(void))
{
	if (end())
		return;
	reached_end = end;
	net_timer_set(patience, mono_after(net_now(net), PATIENCE_MS));
	net_real_run(net);
	net_timer_clear(patience);
	reached_end = NULL;
}

static void
log_write(void *arg, enum log_level level, struct span line)
{
	(void)arg;
	(void)level;
	sbuf_span(&logged, line);
	sbuf_u8(&logged, '\n');
}

static struct log test_log = { LOG_LEVEL_INFO, "courier/0", log_write, NULL };

bool
was_logged(const char *text)
{
	return strstr(sbuf_cstr(&logged), text) != NULL;
}

/* ---- keeper ---- */

struct keeper_end keeper;
enum msg_class slot_class;
const char *slot_marks = "";

void
send_keeper(uint8_t type, struct sbuf *b)
{
	chan_send_span(keeper.chan, type, sbuf_view(b));
	sbuf_free(b);
}

void
ack(uint64_t seq)
{
	struct sbuf b;

	sbuf_init(&b, mem, 100);
	pack_u64(&b, seq);
	send_keeper(WIRE_ACK, &b);
}

static void
give_body(struct unpack u)
{
	uint32_t slot = unpack_u32(&u);
	int64_t message = unpack_i64(&u);
	uint32_t seq = unpack_u32(&u);
	size_t from = seq * keeper.piece_bytes;
	struct sbuf b;

	ck_assert_int_eq(unpack_done(&u), ST_OK);
	keeper.wants++;
	if (!keeper.gives_body)
		return;
	ck_assert_uint_lt(from, keeper.body.n);
	sbuf_init(&b, mem, 1u << 20);
	pack_u32(&b, slot);
	pack_i64(&b, message);
	pack_u32(&b, seq);
	pack_bool(&b, from + keeper.piece_bytes >= keeper.body.n);
	pack_bytes(&b, span_sub(keeper.body, from, from + keeper.piece_bytes));
	send_keeper(WIRE_BODY, &b);
}

static void
answer_use(struct span payload)
{
	struct diag why = { 0 };
	struct sbuf b;

	ck_assert_int_eq(wire_unpack_use(mem, payload, &keeper.use, &why),
	    ST_OK);
	keeper.uses++;
	if (keeper.says_nothing_of_uses)
		return;
	sbuf_init(&b, mem, 100);
	pack_u32(&b, keeper.use.slot);
	pack_u32(&b, keeper.use.token);
	pack_u8(&b, (uint8_t)keeper.allows);
	send_keeper(WIRE_USE, &b);
}

static enum status
keeper_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct span kept = span_copy(mem, payload);

	(void)arg;
	if (type == WIRE_HELLO) {
		keeper.hellos++;
		ck_assert_int_eq(wire_unpack_hello(mem, kept, &keeper.hello,
				     why),
		    ST_OK);
	} else if (type == WIRE_OUTCOME) {
		struct wire_outcome *o = &keeper.outcome[keeper.outcomes++];

		ck_assert_int_eq(wire_unpack_outcome(mem, kept, o, why), ST_OK);
		keeper.seq = o->seq;
	} else if (type == WIRE_SLOT_FAILED) {
		struct wire_slot_failed *f = &keeper.failed[keeper.failures++];

		ck_assert_int_eq(wire_unpack_slot_failed(mem, kept, f, why),
		    ST_OK);
		keeper.seq = f->seq;
	} else if (type == WIRE_SLOT_IDLE) {
		keeper.idles++;
	} else if (type == WIRE_USE_WANT) {
		answer_use(kept);
	} else if (type == WIRE_PROBED) {
		keeper.probed++;
		ck_assert_int_eq(wire_unpack_probed(mem, kept, &keeper.probe,
				     why),
		    ST_OK);
	} else if (type == WIRE_DOMAIN_FOUND) {
		keeper.found++;
		ck_assert_int_eq(wire_unpack_domain_found(mem, kept,
				     &keeper.domain, why),
		    ST_OK);
	} else {
		ck_assert_uint_eq(type, WIRE_BODY_WANT);
		give_body(unpack_from(payload));
	}
	if (keeper.acks && keeper.seq > 0)
		ack(keeper.seq);
	look();
	return ST_OK;
}

bool keeper_gone;

static void
keeper_closed(void *arg, const char *why)
{
	(void)arg;
	(void)why;
	keeper_gone = true;
	look();
}

static const struct chan_ops keeper_ops = { .frame = keeper_frame,
	.closed = keeper_closed };

/* ---- advisor ---- */

struct advisor_end advisor;

bool advisor_gone;

static const struct plan *
plan_of(const char *domain, enum msg_class mclass)
{
	for (unsigned i = 0; i < advisor.plans; i++)
		if (strcmp(advisor.plan[i]->domain, domain) == 0 &&
		    advisor.plan[i]->mclass == mclass)
			return advisor.plan[i];
	ck_abort_msg("no plan for %s", domain);
	return NULL;
}

/* Of an own domain lookups show one thing, and there is its plan. */
static enum status
answer_domain(struct span payload, struct diag *why)
{
	struct domain_findings f;
	const char *domain;
	uint32_t token;
	struct sbuf b;

	ck_assert_int_eq(wire_unpack_domain(mem, payload, &token, &domain, why),
	    ST_OK);
	advisor.asked++;
	look();
	if (advisor.silent)
		return ST_OK;
	domain_findings_init(&f, mem);
	domain_find(&f, DOMAIN_STS_MISSING, domain, "%s", "");
	sbuf_init(&b, mem, PLAN_MAX_BYTES);
	wire_pack_domain_known(&b, token, &f,
	    plan_of(advisor.lie == NULL ? domain : advisor.lie, CLASS_NORMAL));
	chan_send_span(advisor.chan, WIRE_DOMAIN_KNOWN, sbuf_view(&b));
	return ST_OK;
}

static enum status
advisor_frame(void *arg, uint8_t type, struct span payload, struct diag *why)
{
	struct unpack u = unpack_from(payload);
	uint32_t token = unpack_u32(&u);
	const struct dest_key to = unpack_dest_key(&u, mem);
	struct plan plan;
	struct sbuf b;

	(void)arg;
	if (type == WIRE_DOMAIN_WANT)
		return answer_domain(payload, why);
	(void)unpack_bool(&u); /* anew: the policy is what it is */
	ck_assert_uint_eq(type, WIRE_PLAN_WANT);
	ck_assert_int_eq(unpack_done(&u), ST_OK);
	advisor.asked++;
	look();
	if (advisor.silent)
		return ST_OK;
	if (advisor.before != NULL)
		advisor.before(advisor.asked);
	sbuf_init(&b, mem, PLAN_MAX_BYTES);
	pack_u32(&b, token);
	plan = *plan_of(advisor.lie == NULL ? to.domain : advisor.lie,
	    to.mclass);
	plan.marks = advisor.lie_marks == NULL ? to.marks : advisor.lie_marks;
	pack_plan(&b, &plan);
	chan_send_span(advisor.chan, WIRE_PLAN, sbuf_view(&b));
	return ST_OK;
}

static void
advisor_closed(void *arg, const char *why)
{
	(void)arg;
	(void)why;
	advisor_gone = true;
	look();
}

static const struct chan_ops advisor_ops = { .frame = advisor_frame,
	.closed = advisor_closed };

struct plan *
plan_new(const char *domain)
{
	struct plan *p = talloc_zero(mem, struct plan);

	p->domain = domain;
	p->mclass = slot_class;
	p->verdict = PLAN_DELIVER;
	p->status = p->why = p->approver = p->reason = "";
	memcpy(p->conf_digest, conf.digest, sizeof(p->conf_digest));
	p->made = net_wall(net);
	p->valid_until = wall_after(p->made, 3600000);
	p->mx_secure = true;
	p->sts = (struct sts_fact){
		.state = STS_ST_ABSENT, .id = "", .why = ""
	};
	advisor.plan[advisor.plans++] = p;
	return p;
}

void
decided(struct plan *p, struct plan_host *h)
{
	struct decide_out out;

	h->in.mclass = p->mclass;
	h->in.mx_secure = h->named || p->mx_secure;
	h->in.sts = h->named ? STS_ST_ABSENT : p->sts.state;
	h->dane = h->in.dane;
	h->sts_mx_match = h->in.sts_mx_match;
	out = decide(&h->in);
	h->skip = out.skip;
	h->required = out.required;
	h->method = out.method;
	h->also_pkix_sts = out.also_pkix_sts;
	h->also_local = out.also_local;
	h->legacy_tls = out.legacy_tls;
	h->requiretls = out.requiretls;
	h->conclusive = out.conclusive;
	h->won = out.rule;
	h->row = out.row;
}

void
except(struct plan *p, struct plan_host *h)
{
	h->in.waiver = true;
	h->exception = "old";
	h->approver = "sec@gw.example.org";
	h->reason = "no STARTTLS";
	h->exception_expires = wall_after(p->made, 86400000);
	h->if_local.name[0] = h->name;
	h->if_local.count = 1;
}

void
waive(struct plan *p, struct plan_host *h, unsigned waives)
{
	except(p, h);
	h->in.override = OVERRIDE_WAIVES;
	h->in.waives = (uint8_t)waives;
	if (h->tlsa_count > 0) {
		h->if_dane.name[0] = h->name;
		h->if_dane.count = 1;
	}
	decided(p, h);
}

struct plan_host *
plan_add(struct plan *p, const char *name, uint16_t preference,
    const struct server *s, enum level level)
{
	struct plan_host *h;

	p->host = talloc_realloc(mem, p->host, struct plan_host,
	    (unsigned)p->host_count + 1);
	h = &p->host[p->host_count++];
	*h = (struct plan_host){ .name = name,
		.preference = preference,
		.tlsa_base = "",
		.route = "",
		.rule = "",
		.method_rule = "",
		.identity = "",
		.if_identity = "",
		.exception = "",
		.approver = "",
		.reason = "",
		.why = "test" };
	h->in.dane = DANE_D3_NONE;
	h->in.override = level == LEVEL_PLAIN   ? OVERRIDE_PLAINTEXT_ALLOWED :
			 level == LEVEL_ENCRYPT ? OVERRIDE_REQUIRE_ENCRYPTED :
						  OVERRIDE_NONE;
	if (level == LEVEL_PLAIN)
		except(p, h);
	decided(p, h);
	ck_assert(p->sts.state == STS_ST_ENFORCE || h->required == level);
	h->addr = talloc_zero_array(mem, struct netaddr, 4);
	if (s != NULL)
		h->addr[h->addr_count++] = s->addr;
	return h;
}

void
require_dane(struct plan *p, struct plan_host *h, const struct cert *c)
{
	h->in.dane = DANE_D1_USABLE;
	decided(p, h);
	ck_assert_int_eq(h->method, METHOD_DANE);
	h->tlsa_base = h->name;
	h->ref[0] = h->name;
	h->ref_count = 1;
	h->tlsa = talloc_zero(mem, struct tlsa);
	*h->tlsa = (struct tlsa){ 3, 1, 1,
		span_of(c->spki_sha256, sizeof(c->spki_sha256)), TLSA_USABLE };
	h->tlsa_count = 1;
	if (h->in.waiver) {
		h->if_dane.name[0] = h->name;
		h->if_dane.count = 1;
	}
}

void
require_sts(struct plan *p, struct plan_host *h, bool match)
{
	p->sts.state = STS_ST_ENFORCE;
	p->sts.id = "1";
	p->sts.policy = (struct sts_policy){ .mode = STS_ENFORCE,
		.max_age_s = 3600,
		.mx_count = 1,
		.mx = { "mx.d.example" } };
	h->in.sts_mx_match = match;
	decided(p, h);
	ck_assert(match ? h->method == METHOD_PKIX_STS : h->skip);
	h->ref[0] = h->name;
	h->ref_count = 1;
}

/* ---- the courier ---- */

struct courier *courier;
struct tls_client *courier_tls;

static void
pair(struct sock **a, struct sock **b)
{
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	*a = net_real_sock(mem, net, fd[0]);
	*b = net_real_sock(mem, net, fd[1]);
}

void
attach_keeper(void)
{
	struct sock *ours, *its;

	pair(&ours, &its);
	keeper.chan = chan_new(mem, net, ours, &keeper_ops, NULL);
	courier_attach_keeper(courier, its);
}

void
attach_advisor(void)
{
	struct sock *ours, *its;

	pair(&ours, &its);
	advisor.chan = chan_new(mem, net, ours, &advisor_ops, NULL);
	courier_attach_advisor(courier, its);
}

struct tls_client *
trusting(struct authority *a)
{
	struct span pem = authority_pem(a);
	char name[] = "/tmp/check_courier.XXXXXX";
	int fd = mkstemp(name);
	struct tls_client *tls;
	struct diag why = { 0 };

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, pem.p, pem.n), (ssize_t)pem.n);
	ck_assert_int_eq(tls_client_new(mem, name, &tls, &why), ST_OK);
	close(fd);
	unlink(name);
	return tls;
}

static void
setup(void)
{
	struct role_env env;

	mem = talloc_new(NULL);
	sbuf_init(&logged, mem, 1u << 20);
	net = net_real_new(mem, &test_log);
	patience = net_timer_new(mem, net, out_of_patience, NULL);
	authority = authority_new(mem);
	conf = (struct conf){ .hostname = "gw.example.org",
		.smtp_connect_ms = 30000,
		.smtp_greeting_ms = 30000,
		.smtp_command_ms = 30000,
		.smtp_handshake_ms = 30000,
		.smtp_data_ms = 30000,
		.smtp_block_ms = 30000,
		.smtp_dot_ms = 30000,
		.smtp_transaction_ms = 3600000,
		.smtp_quit_ms = 1000,
		.smtp_reply_bytes = 65536,
		.smtp_hosts = 20,
		.smtp_addresses = 5,
		.smtp_recipients = 100,
		.smtp_connection_messages = 1000,
		.smtp_connection_age_ms = 600000,
		.smtp_session_cache = true,
		.smtp_chunking = true,
		.smtp_unreachable_ms = 60000,
		.smtp_tls_failure_ms = 3600000,
		.queue_first_retry_ms = 300000,
		.queue_lease_ms = 3600000,
		.smtp_idle_ms = 30000 };
	memset(&keeper, 0, sizeof(keeper));
	slot_class = CLASS_NORMAL;
	slot_marks = "";
	memset(&advisor, 0, sizeof(advisor));
	keeper.acks = keeper.gives_body = true;
	keeper_gone = advisor_gone = false;
	env = (struct role_env){ net, &test_log, &conf };
	courier_tls = trusting(authority);
	courier = courier_new(mem, &env, courier_tls);
	attach_keeper();
	attach_advisor();
}

static void
teardown(void)
{
	talloc_free(courier);
	talloc_free(mem);
}

/* ---- requests and what comes of them ---- */

void
send_slot(uint32_t slot, const char *domain)
{
	struct sbuf b;

	sbuf_init(&b, mem, 1000);
	pack_u32(&b, slot);
	pack_dest_key(&b,
	    &(const struct dest_key){ domain, slot_class, slot_marks });
	send_keeper(WIRE_SLOT, &b);
}

void
send_slot_end(uint32_t slot)
{
	struct sbuf b;

	sbuf_init(&b, mem, 100);
	pack_u32(&b, slot);
	send_keeper(WIRE_SLOT_END, &b);
}

struct wire_job
job_of(uint32_t slot, int64_t message, const char *const *rcpt, uint32_t n)
{
	struct wire_job j = { .slot = slot,
		.lease = (uint64_t)message,
		.message = message,
		.sender = "s@x.example",
		.envid = "",
		.clear_in_budget = true,
		.rcpt_count = n,
		.has_body = true,
		.body = SPAN_LIT(BODY) };

	j.size_bytes = j.body.n;
	j.rcpt = talloc_zero_array(mem, struct wire_job_rcpt, n);
	for (uint32_t i = 0; i < n; i++)
		j.rcpt[i] = (struct wire_job_rcpt){ message << 16 | i, rcpt[i],
			0, "", 0 };
	return j;
}

void
send_job(const struct wire_job *j)
{
	struct sbuf b;

	sbuf_init(&b, mem, CHAN_FRAME_MAX_BYTES);
	wire_pack_job(&b, j);
	send_keeper(WIRE_JOB, &b);
}

const char *const one[1] = { "a@d.example" };
const char *const three[3] = { "a@d.example", "b@d.example", "c@d.example" };

void
send_one(uint32_t slot, int64_t message)
{
	struct wire_job j = job_of(slot, message, one, 1);

	send_job(&j);
}

static unsigned wanted;

struct span
big_body(size_t bytes)
{
	struct sbuf b;

	sbuf_init(&b, mem, bytes + 100);
	while (b.n < bytes)
		sbuf_printf(&b, ".%zu of a long message\r\n", b.n);
	return sbuf_view(&b);
}

bool
has_reports(void)
{
	return keeper.outcomes + keeper.failures >= wanted;
}

bool
has_hellos(void)
{
	return keeper.hellos >= wanted;
}

bool
has_idles(void)
{
	return keeper.idles >= wanted;
}

bool
has_asked(void)
{
	return advisor.asked >= wanted;
}

void
wait_for(bool (*end)(void), unsigned count)
{
	wanted = count;
	run_until(end);
}

void
try_one(void)
{
	send_slot(1, "d.example");
	send_one(1, 1);
	wait_for(has_reports, 1);
}

struct evidence
evidence_of(const struct wire_evidence *w)
{
	struct evidence e;
	struct diag why = { 0 };

	ck_assert_msg(evidence_unpack(mem, w->personal, w->body, &e, &why) ==
			  ST_OK,
	    "%s", why.text);
	return e;
}

struct evidence
record(uint32_t i)
{
	ck_assert_uint_eq(keeper.outcomes, 1);
	ck_assert_uint_lt(i, keeper.outcome[0].evidence_count);
	return evidence_of(&keeper.outcome[0].evidence[i]);
}

struct evidence
failure_record(uint32_t i)
{
	ck_assert_uint_eq(keeper.failures, 1);
	ck_assert_uint_lt(i, keeper.failed[0].evidence_count);
	return evidence_of(&keeper.failed[0].evidence[i]);
}

const struct wire_rcpt_result *
result(uint32_t i)
{
	ck_assert_uint_ge(keeper.outcomes, 1);
	ck_assert_uint_lt(i, keeper.outcome[0].result_count);
	return &keeper.outcome[0].result[i];
}

void
expect_delivered(enum evidence_reached reached)
{
	ck_assert_msg(keeper.failures == 0, "%s", keeper.failed[0].why);
	ck_assert_int_eq(result(0)->result, RESULT_DELIVERED);
	ck_assert_int_eq(result(0)->reached, reached);
	ck_assert_str_eq(result(0)->status, "");
	ck_assert_str_eq(result(0)->diagnostic, "250 2.0.0 queued as X1");
}

void
expect_failed(const char *status)
{
	ck_assert_uint_eq(keeper.failures, 1);
	ck_assert_uint_eq(keeper.outcomes, 0);
	ck_assert_uint_eq(keeper.failed[0].slot, 1);
	ck_assert_str_eq(keeper.failed[0].status, status);
	ck_assert_str_ne(keeper.failed[0].why, "");
}

int
fixture_main(const char *name, void (*add)(TCase *t))
{
	Suite *s = suite_create(name);
	TCase *t = tcase_create(name);
	SRunner *r;
	int failed;

	status_init();
	tcase_set_timeout(t, 2 * PATIENCE_MS / 1000);
	tcase_add_checked_fixture(t, setup, teardown);
	suite_add_tcase(s, t);
	add(t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
