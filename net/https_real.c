/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * https_real - policy fetches, and reports sent, by libcurl's multi interface
 * on our loop.
 *
 * Each transfer is told the addresses to use, so that libcurl resolves
 * nothing itself (it would start a thread), and a trust store loaded at
 * start, so that it opens no file.
 */
#include <curl/curl.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include "net/net_real_internal.h"
#include "net/tls_internal.h"

#define PORT          443   /* RFC 8461 3.3 */
#define DNS_CACHE_S   3600L /* addresses set outlive any transfer */
#define MAX_TRANSFERS 64L   /* ours: at a time; others wait in the multi */

struct https_real {
	struct net_real *real;
	CURLM *multi;
	X509_STORE *store;
	struct event *timer;
};

struct fetch {
	struct https_real *https;
	CURL *easy;
	const char *host;
	uint16_t port;
	bool any_certificate;
	struct curl_slist *fields; /* of a POST */
	struct netaddr *addrs;
	size_t addr_count;
	struct curl_slist *resolve;
	struct sbuf body;
	bool too_large;
	struct net_later *later;
	struct fetch_result result;
	char error[CURL_ERROR_SIZE];
	void (*done)(void *arg, const struct fetch_result *r);
	void *arg;
};

/* ---- libcurl's wishes to our loop ---- */

static void collect(struct https_real *h);

static void
socket_event(evutil_socket_t fd, short what, void *arg)
{
	struct https_real *h = arg;
	int running, mask = (what & EV_READ ? CURL_CSELECT_IN : 0) |
			    (what & EV_WRITE ? CURL_CSELECT_OUT : 0);

	net_real_tick(h->real);
	curl_multi_socket_action(h->multi, fd, mask, &running);
	collect(h);
}

static int
want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *mine)
{
	struct https_real *h = arg;
	struct event *e = mine;
	short events = EV_PERSIST;

	(void)easy;
	if (e != NULL)
		event_free(e);
	if (what == CURL_POLL_REMOVE) {
		curl_multi_assign(h->multi, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= EV_READ;
	if (what & CURL_POLL_OUT)
		events |= EV_WRITE;
	e = need(event_new(h->real->base, fd, events, socket_event, h));
	event_add(e, NULL);
	curl_multi_assign(h->multi, fd, e);
	return 0;
}

static void
timer_event(evutil_socket_t fd, short what, void *arg)
{
	struct https_real *h = arg;
	int running;

	(void)fd;
	(void)what;
	net_real_tick(h->real);
	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(h);
}

static int
want_timer(CURLM *multi, long ms, void *arg)
{
	struct https_real *h = arg;
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	(void)multi;
	if (ms < 0)
		evtimer_del(h->timer);
	else
		evtimer_add(h->timer, &tv);
	return 0;
}

/* ---- one transfer ---- */

static size_t
take_body(char *data, size_t size, size_t n, void *arg)
{
	struct fetch *f = arg;

	sbuf_add(&f->body, data, size * n);
	f->too_large = sbuf_failed(&f->body);
	return f->too_large ? 0 : size * n;
}

/*
 * Names only from the DNS-IDs, wildcards only as a whole label (STS-12):
 * libcurl's own check, which runs too, would take the common name.  No
 * session is resumed, for that verifies nothing.
 */
static CURLcode
set_trust(CURL *easy, void *ssl_ctx, void *arg)
{
	struct fetch *f = arg;
	SSL_CTX *ctx = ssl_ctx;
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);

	(void)easy;
	SSL_CTX_set1_cert_store(ctx, f->https->store);
	SSL_CTX_set_security_level(ctx, TLS_LEVEL_STRICT);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx,
	    SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
		X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (f->any_certificate)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	if (SSL_CTX_set_cipher_list(ctx, TLS_CIPHERS) != 1 ||
	    X509_VERIFY_PARAM_set1_host(param, f->host, 0) != 1)
		return CURLE_SSL_CONNECT_ERROR;
	return CURLE_OK;
}

/* Whatever libcurl would connect to, only the addresses that were checked
 * are reached (B3.4). */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	const struct fetch *f = arg;
	struct netaddr addr;

	(void)purpose;
	if (netaddr_from_sockaddr(&to->addr, &addr) != ST_OK)
		return CURL_SOCKET_BAD;
	for (size_t i = 0; i < f->addr_count; i++)
		if (netaddr_eq(&addr, &f->addrs[i]))
			return socket(to->family, to->socktype | SOCK_CLOEXEC,
			    to->protocol);
	return CURL_SOCKET_BAD;
}

static void
tell(void *arg)
{
	struct fetch *f = arg;

	f->later = NULL;
	f->done(f->arg, &f->result);
}

/* "text/plain; charset=utf-8" -> "text/plain" */
static const char *
media_of(struct fetch *f)
{
	char *type = NULL, *out;
	struct span a, params;

	curl_easy_getinfo(f->easy, CURLINFO_CONTENT_TYPE, &type);
	a = span_str(type);
	(void)span_cut(a, ';', &a, &params);
	a = span_trim(a);
	if (span_has(a, 0))
		return "";
	out = span_dup(f, a);
	for (char *c = out; *c != '\0'; c++)
		*c = (char)ascii_lower((uint8_t)*c);
	return out;
}

static bool
is_tls_error(CURLcode code)
{
	return code == CURLE_PEER_FAILED_VERIFICATION ||
	       code == CURLE_SSL_CONNECT_ERROR ||
	       code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CIPHER;
}

static void
finished(struct fetch *f, CURLcode code)
{
	long status = 0;

	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	f->result = (struct fetch_result){ .ok = code == CURLE_OK,
		.status = (int)status,
		.media = media_of(f),
		.body = sbuf_view(&f->body),
		.why = "" };
	if (code != CURLE_OK) {
		f->result.tls_failed = is_tls_error(code);
		f->result.too_large = f->too_large ||
				      code == CURLE_FILESIZE_EXCEEDED;
		f->result.why = f->result.too_large ?
				    "the answer is too large" :
				*f->error != '\0' ? f->error :
						    curl_easy_strerror(code);
	}
	f->later = net_later(f, &f->https->real->net, tell, f);
}

/* Transfers that have ended. */
static void
collect(struct https_real *h)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(h->multi, &left)) != NULL) {
		struct fetch *f = NULL;
		CURLcode code = msg->data.result;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &f);
		curl_multi_remove_handle(h->multi, f->easy);
		finished(f, code);
	}
}

static int
fetch_destroy(struct fetch *f)
{
	curl_multi_remove_handle(f->https->multi, f->easy);
	curl_easy_cleanup(f->easy);
	curl_slist_free_all(f->resolve);
	curl_slist_free_all(f->fields);
	return 0;
}

/*
 * "+host:port:addr,addr" replaces what an earlier transfer said, and is
 * dropped when it has aged: without the "+" libcurl would keep every host
 * for ever.
 */
static void
set_addresses(struct fetch *f, const struct netaddr *addrs, size_t count)
{
	char *text = need(talloc_asprintf(f, "+%s:%u:", f->host, f->port));
	char addr[NETADDR_TEXT_BYTES];

	f->addrs = need(talloc_array(f, struct netaddr, (unsigned)count));
	f->addr_count = count;
	for (size_t i = 0; i < count; i++) {
		bool ip6 = addrs[i].family == NETADDR_IP6;

		f->addrs[i] = addrs[i];
		f->addrs[i].port = f->port;
		text = need(talloc_asprintf_append(text, "%s%s%s%s",
		    i == 0 ? "" : ",", ip6 ? "[" : "",
		    netaddr_text(&addrs[i], addr), ip6 ? "]" : ""));
	}
	f->resolve = need(curl_slist_append(NULL, text));
	curl_easy_setopt(f->easy, CURLOPT_RESOLVE, f->resolve);
	curl_easy_setopt(f->easy, CURLOPT_DNS_CACHE_TIMEOUT, DNS_CACHE_S);
	curl_easy_setopt(f->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(f->easy, CURLOPT_OPENSOCKETDATA, f);
}

static void
set_options(struct fetch *f, const char *path, int64_t deadline_ms)
{
	CURL *e = f->easy;

	curl_easy_setopt(e, CURLOPT_URL,
	    need(talloc_asprintf(f, "https://%s:%u%s", f->host, f->port,
		path)));
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER,
	    f->any_certificate ? 0L : 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST,
	    f->any_certificate ? 0L : 2L);
	curl_easy_setopt(e, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(e, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	/* Or the store of the first fetch would serve for a day (7.87). */
	curl_easy_setopt(e, CURLOPT_CA_CACHE_TIMEOUT, 0L);
	curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, set_trust);
	curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, f);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)deadline_ms);
	curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE,
	    (curl_off_t)STS_BODY_MAX_BYTES);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, f->error);
	curl_easy_setopt(e, CURLOPT_PRIVATE, f);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "tierpost");
}

static struct fetch *
new_fetch(TALLOC_CTX *mem, struct net *net, const char *host,
    void (*done)(void *arg, const struct fetch_result *r), void *arg)
{
	struct https_real *h = net_real_of(net)->https;
	struct fetch *f = need(talloc_zero(mem, struct fetch));

	invariant(h != NULL);
	f->https = h;
	f->done = done;
	f->arg = arg;
	f->easy = need(curl_easy_init());
	f->host = need(talloc_strdup(f, host));
	f->port = PORT;
	sbuf_init(&f->body, f, STS_BODY_MAX_BYTES);
	return f;
}

static void
start(struct fetch *f)
{
	talloc_set_destructor(f, fetch_destroy);
	if (curl_multi_add_handle(f->https->multi, f->easy) != CURLM_OK)
		panic("curl_multi_add_handle");
}

struct fetch *
net_real_fetch(TALLOC_CTX *mem, struct net *net, const char *host,
    const char *path, const struct netaddr *addrs, size_t addr_count,
    int64_t deadline_ms, void (*done)(void *arg, const struct fetch_result *r),
    void *arg)
{
	struct fetch *f = new_fetch(mem, net, host, done, arg);

	invariant(addr_count > 0);
	set_options(f, path, deadline_ms);
	set_addresses(f, addrs, addr_count);
	start(f);
	return f;
}

struct fetch *
net_real_post(TALLOC_CTX *mem, struct net *net, const struct net_post *post,
    const struct netaddr *addrs, size_t addr_count,
    void (*done)(void *arg, const struct fetch_result *r), void *arg)
{
	struct fetch *f = new_fetch(mem, net, post->host, done, arg);

	invariant(addr_count > 0);
	f->port = post->port;
	f->any_certificate = post->any_certificate;
	set_options(f, post->path, post->deadline_ms);
	set_addresses(f, addrs, addr_count);
	f->fields = need(curl_slist_append(NULL,
	    need(talloc_asprintf(f, "Content-Type: %s", post->media))));
	/* No waiting for a 100: many servers never say it. */
	f->fields = need(curl_slist_append(f->fields, "Expect:"));
	curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->fields);
	curl_easy_setopt(f->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(f->easy, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)post->body.n);
	curl_easy_setopt(f->easy, CURLOPT_POSTFIELDS, post->body.p);
	start(f);
	return f;
}

/* ---- set-up ---- */

static int
https_destroy(struct https_real *h)
{
	curl_multi_cleanup(h->multi);
	event_free(h->timer);
	X509_STORE_free(h->store);
	return 0;
}

enum status
net_real_https(struct net *net, const char *ca_file, struct diag *why)
{
	TALLOC_CTX *tmp = need(talloc_new(net));
	struct span pem;
	enum status st = tls_trust_file(tmp, ca_file, &pem, why);

	if (st == ST_OK)
		st = net_real_https_of(net, pem, why);
	talloc_free(tmp);
	return st;
}

/* A connection under way holds the store it began with by itself. */
enum status
net_real_https_trust(struct net *net, struct span ca_pem, struct diag *why)
{
	struct https_real *h = net_real_of(net)->https;
	X509_STORE *store = tls_store_new(ca_pem, why);

	if (store == NULL)
		return why->st;
	X509_STORE_free(h->store);
	h->store = store;
	return ST_OK;
}

enum status
net_real_https_of(struct net *net, struct span ca_pem, struct diag *why)
{
	struct net_real *r = net_real_of(net);
	X509_STORE *store = tls_store_new(ca_pem, why);
	struct https_real *h;

	if (store == NULL)
		return why->st;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		X509_STORE_free(store);
		return diag_set(why, ST_IO, "libcurl does not start");
	}
	h = need(talloc_zero(r, struct https_real));
	h->real = r;
	h->multi = need(curl_multi_init());
	h->store = store;
	h->timer = need(evtimer_new(r->base, timer_event, h));
	talloc_set_destructor(h, https_destroy);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
	    MAX_TRANSFERS);
	r->https = h;
	return ST_OK;
}
