/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay - runs scenario scripts (*.rpl), each in a world of its own.
 *
 * A script is lines of words; "quotes" keep spaces, a line ending in <<
 * takes the lines up to >> as its last word.  tests/replay/README.md lists
 * the commands.
 *	replay SCRIPT...
 *	replay --keep FOLDER SCRIPT	leaves store and log in FOLDER
 */
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/tlsrpt_keys.h"
#include "report/evidence_text.h"
#include "report/tlsrpt_read.h"
#include "tests/replay/world.h"
#include "util/sha256.h"

#define SCRIPT_MAX_BYTES (1u << 20)
#define MAX_WORDS        64u

struct script {
	const char *path;
	struct world *w;
	bool started;
	unsigned line;
	bool failed;
	size_t argc;
	char *argv[MAX_WORDS];
};

static void complain(struct script *s, const char *fmt, ...) PRINTF(2, 3);

static void
complain(struct script *s, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%u: ", s->path, s->line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	s->failed = true;
}

static const char *
word(struct script *s, size_t i)
{
	return i < s->argc ? s->argv[i] : "";
}

/* "key=value" among the words from i on; NULL when absent. */
static const char *
value_of(struct script *s, size_t from, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = from; i < s->argc; i++)
		if (strncmp(s->argv[i], key, n) == 0 && s->argv[i][n] == '=')
			return s->argv[i] + n + 1;
	return NULL;
}

static const char *
value_or(struct script *s, size_t from, const char *key, const char *other)
{
	const char *v = value_of(s, from, key);

	return v == NULL ? other : v;
}

static bool
has_word(struct script *s, size_t from, const char *wanted)
{
	for (size_t i = from; i < s->argc; i++)
		if (strcmp(s->argv[i], wanted) == 0)
			return true;
	return false;
}

static uint64_t
number(struct script *s, const char *text)
{
	uint64_t v = 0;

	if (span_u64(span_str(text), UINT32_MAX, &v) != ST_OK)
		complain(s, "not a number: %s", text);
	return v;
}

static struct netaddr
address(struct script *s, const char *text, uint16_t port)
{
	struct netaddr a = { 0 };

	if (netaddr_parse(span_str(text), &a) != ST_OK)
		complain(s, "not an address: %s", text);
	a.port = port;
	return a;
}

static struct peer *
peer_of(struct script *s, const char *name)
{
	struct peer *p = strmap_get(s->w->peers, name);

	if (p == NULL)
		complain(s, "no server called %s", name);
	return p;
}

/* ---- setting the scene ---- */

static void
do_set(struct script *s)
{
	strmap_put(s->w->options, word(s, 1),
	    need(talloc_strdup(s->w, word(s, 2))));
}

static void
do_lists(struct script *s)
{
	s->w->lists = need(talloc_strdup(s->w, word(s, 1)));
}

static struct cert *
cert_of(struct script *s, const char *name)
{
	struct cert *c = strmap_get(s->w->certs, name);

	if (c == NULL)
		complain(s, "no certificate called %s", name);
	return c;
}

/* cert NAME names=a,b [self] [expired] */
static void
do_cert(struct script *s)
{
	enum cert_flaw flaw = has_word(s, 2, "self")    ? CERT_SELF_SIGNED :
			      has_word(s, 2, "expired") ? CERT_EXPIRED :
							  CERT_GOOD;

	strmap_put(s->w->certs, word(s, 1),
	    cert_new(s->w, s->w->authority, value_or(s, 2, "names", word(s, 1)),
		flaw));
}

static const char *const dns_hows[] = { "secure", "insecure", "bogus",
	"servfail", "silent" };

static enum sim_dns
how_of(struct script *s, const char *text)
{
	int i = span_index(span_str(text), dns_hows, COUNT_OF(dns_hows));

	if (i < 0)
		complain(s, "not a way to answer: %s", text);
	return i < 0 ? SIM_SERVFAIL : (enum sim_dns)i;
}

static const struct {
	const char *name;
	enum dns_type type;
} dns_types[] = { { "A", DNS_A }, { "AAAA", DNS_AAAA }, { "MX", DNS_MX },
	{ "TXT", DNS_TXT }, { "TLSA", DNS_TLSA }, { "CNAME", DNS_CNAME } };

static enum dns_type
type_of(struct script *s, const char *text)
{
	for (size_t i = 0; i < COUNT_OF(dns_types); i++)
		if (strcmp(text, dns_types[i].name) == 0)
			return dns_types[i].type;
	complain(s, "not a record type: %s", text);
	return DNS_A;
}

/* "3 1 1 @mx" becomes the digest of that certificate's key or whole. */
static const char *
expand(struct script *s, const char *rdata)
{
	const char *at = strchr(rdata, '@');
	char hex[65];
	struct cert *c;

	if (at == NULL || (c = cert_of(s, at + 1)) == NULL)
		return rdata;
	hex_encode(span_of(rdata[2] == '1' ? c->spki_sha256 : c->cert_sha256,
		       32),
	    hex);
	return need(talloc_asprintf(s->w, "%.*s%s", (int)(at - rdata), rdata,
	    hex));
}

/* dns NAME TYPE HOW [ttl=N] [RDATA]... ; dns-default HOW */
static void
do_dns(struct script *s)
{
	const char *rdata[MAX_WORDS];
	uint32_t ttl = (uint32_t)number(s, value_or(s, 4, "ttl", "3600"));
	enum dns_type type = type_of(s, word(s, 2));
	size_t n = 0;

	for (size_t i = 4; i < s->argc; i++)
		if (strncmp(s->argv[i], "ttl=", 4) != 0)
			rdata[n++] = type == DNS_TLSA ? expand(s, s->argv[i]) :
							s->argv[i];
	sim_dns_set(s->w->sim, word(s, 1), type, how_of(s, word(s, 3)), ttl,
	    rdata, n);
}

static void
do_dns_default(struct script *s)
{
	sim_dns_default(s->w->sim, how_of(s, word(s, 1)));
}

static void
do_resolver(struct script *s)
{
	sim_dns_validating(s->w->sim, has_word(s, 1, "validating"));
}

/* https HOST STATUS MEDIA BODY; https HOST refused|wrong-name */
static void
do_https(struct script *s)
{
	const char *what = word(s, 2);
	int status = strcmp(what, "refused") == 0    ? 0 :
		     strcmp(what, "wrong-name") == 0 ? -1 :
						       (int)number(s, what);

	sim_https_set(s->w->sim, word(s, 1), status, word(s, 3), word(s, 4));
}

static const char *const starttls_words[] = { "good", "absent", "454", "inject",
	"drop", "silent", "502", "250", "garbage" };

static int64_t duration(struct script *s, const char *text);

static const char *const stages[] = { "none", "greeting", "ehlo", "starttls",
	"mail", "rcpt", "data", "body", "dot", "quit" };
static const char *const cut_hows[] = { "fin", "rst", "silent" };

/* cut=STAGE[:BYTES] cut-how=HOW cut-times=N */
static void
script_cut(struct script *s, struct peer_script *q, size_t from)
{
	struct span at = span_str(value_or(s, from, "cut", "")), after;
	int i;

	if (at.n > 0) {
		q->cut_after = span_cut(at, ':', &at, &after) ?
				   number(s, span_dup(s->w, after)) :
				   0;
		i = span_index(at, stages, COUNT_OF(stages));
		if (i < 0)
			complain(s, "nowhere to cut: %s", span_dup(s->w, at));
		else
			q->cut_at = (enum peer_stage)i;
	}
	i = span_index(span_str(value_or(s, from, "cut-how", "fin")), cut_hows,
	    COUNT_OF(cut_hows));
	if (i < 0)
		complain(s, "not a way to cut");
	else if (value_of(s, from, "cut-how") != NULL)
		q->cut_how = (enum peer_cut)i;
	if (value_of(s, from, "cut-times") != NULL)
		q->cut_times = (unsigned)number(s,
		    value_of(s, from, "cut-times"));
}

/* Behaviour of a server: KEY=VALUE, which stays until said otherwise, and
 * flags; drop-... are for this one time. */
static void
script_peer(struct script *s, struct peer *p, size_t from)
{
	struct peer_script *q = &p->script;
	const char *tls = value_of(s, from, "starttls");
	const char *cert = value_of(s, from, "cert");
	struct diag why = { 0 };
	struct cert *c;
	int i;

	const struct {
		const char *key;
		const char **field;
	} texts[] = { { "greeting", &q->greeting }, { "ehlo", &q->ehlo },
		{ "mail", &q->mail }, { "rcpt", &q->rcpt },
		{ "rcpt-for", &q->rcpt_for }, { "data", &q->data },
		{ "dot", &q->dot }, { "size", &q->size } };
	for (size_t k = 0; k < COUNT_OF(texts); k++)
		if (value_of(s, from, texts[k].key) != NULL)
			*texts[k].field = need(talloc_strdup(p,
			    value_of(s, from, texts[k].key)));
	q->no_pipelining |= has_word(s, from, "no-pipelining");
	q->no_8bitmime |= has_word(s, from, "no-8bitmime");
	q->chunking |= has_word(s, from, "chunking");
	q->requiretls |= has_word(s, from, "requiretls");
	q->rcpt_by_name |= has_word(s, from, "rcpt-by-name");
	if (value_of(s, from, "drip") != NULL)
		q->drip_ms = duration(s, value_of(s, from, "drip"));
	if (value_of(s, from, "greylist") != NULL)
		q->greylist_ms = duration(s, value_of(s, from, "greylist"));
	if (value_of(s, from, "split") != NULL)
		q->split = number(s, value_of(s, from, "split"));
	script_cut(s, q, from);
	q->drop_after_dot = has_word(s, from, "drop-after-dot");
	q->drop_in_data = has_word(s, from, "drop-in-data");
	if (tls != NULL) {
		i = span_index(span_str(tls), starttls_words,
		    COUNT_OF(starttls_words));
		if (i < 0)
			complain(s, "not a way of STARTTLS: %s", tls);
		else
			q->starttls = (enum peer_starttls)i;
	}
	if (cert == NULL || (c = cert_of(s, cert)) == NULL)
		return;
	TALLOC_FREE(p->tls);
	if (tls_server_new(p, c->chain_pem, c->key_pem, &p->tls, &why) != ST_OK)
		complain(s, "certificate %s: %s", cert, why.text);
}

/* server NAME ADDRESS [behaviour]; behave NAME [behaviour]; down NAME */
static void
do_server(struct script *s)
{
	struct netaddr at = address(s, word(s, 2), 25);
	struct peer *p = peer_new(s->w, s->w->sim, word(s, 1), &at);

	p->script.starttls = value_of(s, 3, "cert") == NULL ? STARTTLS_ABSENT :
							      STARTTLS_GOOD;
	script_peer(s, p, 3);
	strmap_put(s->w->peers, word(s, 1), p);
}

static void
do_behave(struct script *s)
{
	struct peer *p = peer_of(s, word(s, 1));

	if (p != NULL)
		script_peer(s, p, 2);
}

static void
do_down(struct script *s)
{
	struct peer *p = peer_of(s, word(s, 1));

	if (p != NULL)
		listener_stop(p->listener);
}

static void
do_blackhole(struct script *s)
{
	struct netaddr at = address(s, word(s, 1), 25);

	sim_blackhole(s->w->sim, &at, !has_word(s, 2, "off"));
}

/* own ADDRESS: of an interface; listen ADDRESS:PORT, before start */
static void
do_own(struct script *s)
{
	struct netaddr at = address(s, word(s, 1), 0);

	sim_own(s->w->sim, &at);
}

static void
do_listen(struct script *s)
{
	s->w->listen = need(talloc_strdup(s->w, word(s, 1)));
}

/* listen-cert NAME: the listener offers STARTTLS; before start */
static void
do_listen_cert(struct script *s)
{
	s->w->listen_cert = cert_of(s, word(s, 1));
	strmap_put(s->w->options, "tls.certificate",
	    need(talloc_strdup(s->w, "\"cert.pem\"")));
	strmap_put(s->w->options, "tls.key",
	    need(talloc_strdup(s->w, "\"key.pem\"")));
}

/* ---- letting it happen ---- */

static void
do_start(struct script *s)
{
	world_start(s->w);
	s->started = true;
	sim_run(s->w->sim, 1000, NULL, NULL);
}

static int64_t
duration(struct script *s, const char *text)
{
	int64_t ms = 0;

	if (duration_parse(span_str(text), &ms) != ST_OK)
		complain(s, "not a duration: %s", text);
	return ms;
}

static void
do_run(struct script *s)
{
	sim_run(s->w->sim, duration(s, word(s, 1)), NULL, NULL);
}

/* clock forwards|back TIME */
static void
do_clock(struct script *s)
{
	int64_t ms = duration(s, word(s, 2));

	if (strcmp(word(s, 1), "back") == 0)
		ms = -ms;
	else if (strcmp(word(s, 1), "forwards") != 0)
		complain(s, "clock: forwards or back");
	sim_set_clock(s->w->sim, ms);
}

/* endpoint HOST STATUS|refused|wrong-name */
static void
do_endpoint(struct script *s)
{
	const char *how = word(s, 2);
	int status = strcmp(how, "refused") == 0    ? 0 :
		     strcmp(how, "wrong-name") == 0 ? -1 :
						      (int)number(s, how);

	sim_endpoint_set(s->w->sim, word(s, 1), status);
}

/* report-key SELECTOR: an Ed25519 key signs reports */
static void
do_report_key(struct script *s)
{
	EVP_PKEY *pkey = need(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
	BIO *bio = need(BIO_new(BIO_s_mem()));
	struct sbuf b;
	char *pem;
	long n;

	if (PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) != 1)
		panic("no key");
	n = BIO_get_mem_data(bio, &pem);
	sbuf_init(&b, s->w, 4096);
	tlsrpt_key_pack(&b, "gw.example", word(s, 1), span_of(pem, (size_t)n));
	s->w->report_keys = sbuf_view(&b);
	BIO_free(bio);
	EVP_PKEY_free(pkey);
}

static void
do_kill(struct script *s)
{
	world_kill(s->w, word(s, 1));
}

static void
do_reload(struct script *s)
{
	(void)word(s, 0);
	world_reload(s->w);
}

static struct tls_client *
submitter(struct script *s)
{
	struct tls_client *tls = NULL;
	struct diag why = { 0 };

	if (tls_client_new(s->w, s->w->conf->smtp_ca_file, &tls, &why) != ST_OK)
		complain(s, "submit: %s", why.text);
	return tls;
}

/* submit from=A to=B,C [body=…] [params=…] [tls] [code=250] */
static void
do_submit(struct script *s)
{
	const char *rcpt[MAX_WORDS], *text,
	    *want = value_or(s, 1, "code", "250");
	struct span rest = span_str(value_or(s, 1, "to", "")), one;
	struct peer_letter letter = {
		.at = world_intake_addr(),
		.from = value_or(s, 1, "from", "sender@client.example"),
		.rcpt = rcpt,
		.params = value_or(s, 1, "params", ""),
		.tls = has_word(s, 1, "tls") ? submitter(s) : NULL,
		.body = value_or(s, 1, "body",
		    "Subject: replay\r\n\r\nhello\r\n"),
	};
	size_t n = 0;
	unsigned code;

	while (n < MAX_WORDS - 1 && span_cut(rest, ',', &one, &rest))
		rcpt[n++] = span_dup(s->w, one);
	rcpt[n++] = span_dup(s->w, rest);
	letter.rcpt_count = n;
	code = peer_submit(s->w, s->w->sim, &letter, &text);
	if (code != number(s, want))
		complain(s, "submit: reply %u (%s), expected %s", code, text,
		    want);
}

/* ---- looking ---- */

/* mail NAME N [tls|clear] [to=…] [from=…] [params=…] [has=TEXT] */
static void
expect_mail(struct script *s)
{
	struct peer *p = peer_of(s, word(s, 2));
	const struct peer_mail *m;
	const char *to = value_of(s, 4, "to"), *from = value_of(s, 4, "from");
	const char *has = value_of(s, 4, "has");
	const char *params = value_of(s, 4, "params");

	if (p == NULL)
		return;
	if (p->mail_count != number(s, word(s, 3))) {
		complain(s, "%s got %zu messages, expected %s", p->name,
		    p->mail_count, word(s, 3));
		return;
	}
	if (p->mail_count == 0)
		return;
	m = &p->mail[p->mail_count - 1];
	if (has_word(s, 4, "tls") && !m->tls)
		complain(s, "the message to %s came in clear", p->name);
	if (has_word(s, 4, "clear") && m->tls)
		complain(s, "the message to %s came over TLS", p->name);
	if (to != NULL && strcmp(to, m->rcpts) != 0)
		complain(s, "recipients were \"%s\"", m->rcpts);
	if (from != NULL && strcmp(from, m->from) != 0)
		complain(s, "sender was \"%s\"", m->from);
	if (params != NULL && strcmp(params, m->params) != 0)
		complain(s, "MAIL had \"%s\"", m->params);
	if (has != NULL &&
	    memmem(m->body.p, m->body.n, has, strlen(has)) == NULL)
		complain(s, "the body has no \"%s\":\n%.*s", has,
		    (int)m->body.n, (const char *)m->body.p);
}

static void
expect_count(struct script *s, const char *what, uint64_t got,
    const char *wanted)
{
	if (got != number(s, wanted))
		complain(s, "%s: %" PRIu64 ", expected %s", what, got, wanted);
}

static void
expect_connections(struct script *s)
{
	struct peer *p = peer_of(s, word(s, 2));

	if (p != NULL)
		expect_count(s, "connections", p->connections, word(s, 3));
}

static void
expect_no_clear(struct script *s)
{
	struct peer *p = peer_of(s, word(s, 2));

	if (p != NULL)
		expect_count(s, "MAIL, RCPT or DATA in clear",
		    p->clear_mail_commands, "0");
}

static void
expect_quits(struct script *s)
{
	struct peer *p = peer_of(s, word(s, 2));

	if (p != NULL)
		expect_count(s, "QUIT", p->quits, word(s, 3));
}

struct queue_call {
	struct script *s;
	uint64_t count;
	const char *has;
	bool found;
};

static bool
count_row(void *arg, const struct store_queue_row *q)
{
	struct queue_call *c = arg;

	c->count++;
	if (c->has != NULL && (strstr(q->dest.last, c->has) != NULL ||
				  strstr(q->rcpt.last, c->has) != NULL))
		c->found = true;
	return true;
}

/* queue N [has=TEXT]: TEXT is in a reason */
static void
expect_queue(struct script *s)
{
	struct queue_call c = { .s = s, .has = value_of(s, 3, "has") };
	struct store *store = world_store(s->w, s->w);
	struct diag why = { 0 };

	if (store_queue_each(store, count_row, &c, &why) != ST_OK)
		complain(s, "queue: %s", why.text);
	talloc_free(store);
	expect_count(s, "recipients in the queue", c.count, word(s, 2));
	if (c.has != NULL && !c.found)
		complain(s, "no reason in the queue has \"%s\"", c.has);
}

struct evidence_call {
	struct script *s;
	json_t *last;
	uint64_t count;
	uint64_t expect;
	uint8_t hash[32];
	bool broken;
};

static bool
take_record(void *arg, const struct store_evidence *rec)
{
	struct evidence_call *c = arg;
	TALLOC_CTX *tmp = talloc_new(NULL);
	struct diag why = { 0 };
	uint8_t hash[32];
	struct evidence e;

	if (evidence_unpack(tmp, rec->personal, rec->body, &e, &why) != ST_OK)
		complain(c->s, "record %" PRIu64 ": %s", rec->seq, why.text);
	json_decref(c->last);
	c->last = evidence_json(rec->seq, rec->hash, &e);
	evidence_link(c->hash, rec->seq, rec->body, hash);
	if (rec->seq != ++c->expect || memcmp(hash, rec->hash, 32) != 0)
		c->broken = true;
	memcpy(c->hash, rec->hash, 32);
	c->count++;
	/* INV-15: the record's inputs give the record's decision. */
	struct decide_out again = decide(&e.in);
	if (*e.host != '\0' &&
	    (again.skip != e.skip || (!e.skip && again.required != e.required)))
		complain(c->s, "record %" PRIu64 " does not replay", rec->seq);
	talloc_free(tmp);
	return true;
}

static struct evidence_call
read_evidence(struct script *s, const char *domain)
{
	struct evidence_call c = { .s = s };
	const struct store_evidence_query q = { .domain = domain };
	struct store *store = world_store(s->w, s->w);
	struct diag why = { 0 };

	if (store_evidence_each(store, &q, take_record, &c, &why) != ST_OK)
		complain(s, "evidence: %s", why.text);
	talloc_free(store);
	return c;
}

static const char *
text_of(json_t *value, char out[32])
{
	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_integer(value))
		snprintf(out, 32, "%lld", (long long)json_integer_value(value));
	else
		snprintf(out, 32, "%s", json_is_true(value) ? "yes" : "no");
	return out;
}

/* evidence DOMAIN KEY=VALUE...: the domain's last record */
static void
expect_evidence(struct script *s)
{
	struct evidence_call c = read_evidence(s, word(s, 2));

	if (c.last == NULL)
		complain(s, "no record for %s", word(s, 2));
	for (size_t i = 3; i < s->argc && c.last != NULL; i++) {
		char *eq = strchr(s->argv[i], '='), out[32];
		json_t *value;

		if (eq == NULL) {
			complain(s, "not key=value: %s", s->argv[i]);
			break;
		}
		*eq = '\0';
		value = json_object_get(c.last, s->argv[i]);
		if (value == NULL)
			complain(s, "no field %s", s->argv[i]);
		else if (strcmp(text_of(value, out), eq + 1) != 0)
			complain(s, "%s is \"%s\", expected \"%s\"", s->argv[i],
			    text_of(value, out), eq + 1);
	}
	json_decref(c.last);
}

/* records N [domain=D]; chain */
static void
expect_records(struct script *s)
{
	struct evidence_call c = read_evidence(s, value_of(s, 3, "domain"));

	json_decref(c.last);
	expect_count(s, "records", c.count, word(s, 2));
}

static void
expect_chain(struct script *s)
{
	struct evidence_call c = read_evidence(s, NULL);

	json_decref(c.last);
	if (c.broken)
		complain(s, "the chain is broken");
}

static void
expect_asked(struct script *s)
{
	expect_count(s, "DNS questions",
	    sim_dns_asked(s->w->sim, word(s, 2), type_of(s, word(s, 3))),
	    word(s, 4));
}

static void
expect_fetched(struct script *s)
{
	expect_count(s, "policy fetches",
	    sim_https_asked(s->w->sim, word(s, 2)), word(s, 3));
}

/* posted HOST N [has=TEXT]... */
static void
expect_posted(struct script *s)
{
	const struct sim_posts p = sim_posts(s->w->sim, word(s, 2));
	struct diag why = { 0 };
	struct sbuf json;

	expect_count(s, "posts", p.count, word(s, 3));
	sbuf_init(&json, s->w, SCRIPT_MAX_BYTES);
	if (p.count > 0 && tlsrpt_gunzip(p.body, &json, &why) != ST_OK)
		complain(s, "posted: %s", why.text);
	for (size_t i = 4; i < s->argc; i++)
		if (strncmp(s->argv[i], "has=", 4) != 0 ||
		    memmem(json.p, json.n, s->argv[i] + 4,
			strlen(s->argv[i] + 4)) == NULL)
			complain(s, "no %s in %.*s", s->argv[i], (int)json.n,
			    (const char *)json.p);
	sbuf_free(&json);
}

static void
expect_log(struct script *s)
{
	if (memmem(s->w->lines.p, s->w->lines.n, word(s, 2),
		strlen(word(s, 2))) == NULL)
		complain(s, "not logged: %s", word(s, 2));
}

static const struct verb {
	const char *name;
	void (*run)(struct script *s);
} expects[] = {
	{ "mail", expect_mail },
	{ "connections", expect_connections },
	{ "no-clear", expect_no_clear },
	{ "quits", expect_quits },
	{ "queue", expect_queue },
	{ "evidence", expect_evidence },
	{ "records", expect_records },
	{ "chain", expect_chain },
	{ "asked", expect_asked },
	{ "fetched", expect_fetched },
	{ "posted", expect_posted },
	{ "log", expect_log },
};

static void
do_expect(struct script *s)
{
	for (size_t i = 0; i < COUNT_OF(expects); i++)
		if (strcmp(word(s, 1), expects[i].name) == 0) {
			expects[i].run(s);
			return;
		}
	complain(s, "nothing to expect called %s", word(s, 1));
}

static const struct verb verbs[] = {
	{ "set", do_set },
	{ "lists", do_lists },
	{ "cert", do_cert },
	{ "dns", do_dns },
	{ "dns-default", do_dns_default },
	{ "resolver", do_resolver },
	{ "https", do_https },
	{ "endpoint", do_endpoint },
	{ "report-key", do_report_key },
	{ "server", do_server },
	{ "behave", do_behave },
	{ "down", do_down },
	{ "blackhole", do_blackhole },
	{ "own", do_own },
	{ "listen", do_listen },
	{ "listen-cert", do_listen_cert },
	{ "start", do_start },
	{ "run", do_run },
	{ "clock", do_clock },
	{ "kill", do_kill },
	{ "reload", do_reload },
	{ "submit", do_submit },
	{ "expect", do_expect },
};

/* ---- reading ---- */

/* \r and \n stand for those bytes. */
static void
unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++)
		if (from[0] == '\\' && (from[1] == 'n' || from[1] == 'r')) {
			*to++ = from[1] == 'n' ? '\n' : '\r';
			from++;
		} else {
			*to++ = *from;
		}
	*to = '\0';
}

/* Words of a line; a word may hold quoted parts: to="a b", '"x"'. */
static void
split(struct script *s, char *line)
{
	s->argc = 0;
	while (*line != '\0') {
		char *to, quote = '\0';

		while (*line == ' ' || *line == '\t')
			line++;
		if (*line == '\0' || *line == '#')
			return;
		if (s->argc == MAX_WORDS) {
			complain(s, "more than %u words", MAX_WORDS);
			return;
		}
		s->argv[s->argc++] = to = line;
		for (; *line != '\0' &&
		       (quote || (*line != ' ' && *line != '\t'));
		     line++)
			if (*line == quote)
				quote = '\0';
			else if (!quote && (*line == '"' || *line == '\''))
				quote = *line;
			else
				*to++ = *line;
		if (*line != '\0')
			line++;
		*to = '\0';
		unescape(s->argv[s->argc - 1]);
	}
}

/* The lines up to >> become the last word. */
static char *
take_block(struct script *s, FILE *f)
{
	char *block = need(talloc_strdup(s->w, "")), *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, f) > 0) {
		s->line++;
		if (strncmp(line, ">>", 2) == 0) {
			free(line);
			return block;
		}
		block = need(talloc_strdup_append(block, line));
	}
	free(line);
	complain(s, "a block without >>");
	return block;
}

static void
run_line(struct script *s, char *line, FILE *f)
{
	line[strcspn(line, "\n")] = '\0';
	split(s, line);
	if (s->argc == 0)
		return;
	if (strcmp(s->argv[s->argc - 1], "<<") == 0)
		s->argv[s->argc - 1] = take_block(s, f);
	for (size_t i = 0; i < COUNT_OF(verbs); i++)
		if (strcmp(s->argv[0], verbs[i].name) == 0) {
			verbs[i].run(s);
			return;
		}
	complain(s, "no command called %s", s->argv[0]);
}

static bool
run_script(const char *path, const char *keep)
{
	struct script s = { .path = path };
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;

	if (f == NULL) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return false;
	}
	s.w = world_new(NULL);
	s.w->keep = keep;
	while (!s.failed && getline(&line, &room, f) > 0) {
		s.line++;
		run_line(&s, line, f);
	}
	if (!s.started)
		complain(&s, "the script starts nothing");
	if (s.started && !s.failed)
		expect_chain(&s);
	free(line);
	fclose(f);
	if (s.failed && getenv("REPLAY_LOG") == NULL)
		fprintf(stderr, "%.*s", (int)s.w->lines.n,
		    (const char *)s.w->lines.p);
	talloc_free(s.w);
	return !s.failed;
}

int
main(int argc, char **argv)
{
	unsigned passed = 0, failed = 0;
	const char *keep = NULL;
	int first = 1;

	status_init();
	if (argc == 4 && strcmp(argv[1], "--keep") == 0) {
		keep = argv[2];
		first = 3;
	}
	for (int i = first; i < argc; i++) {
		bool ok = run_script(argv[i], keep);

		printf("%-6s %s\n", ok ? "ok" : "FAILED", argv[i]);
		fflush(stdout);
		passed += ok;
		failed += !ok;
	}
	printf("%u passed, %u failed, 0 skipped\n", passed, failed);
	return failed == 0 && passed > 0 ? 0 : 1;
}
