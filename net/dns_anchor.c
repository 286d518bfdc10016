/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/dns_anchor.h"

#include <errno.h>
#include <fcntl.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/sbuf.h"
#include "util/sha256.h"

#define STATE_NAME "root.key"
#define SEED_NAME  "root.seed"
/* libunbound's words in the state. */
#define WORD_REVOKED ";;REVOKED"
#define WORD_VALID   ";;state=2 "

struct dns_anchor {
	const char *state; /* path; NULL: the keys are not followed */
	struct stat seen;  /* of the state when it was read last */
	bool revoked;
	const char *root; /* anchors as the operator gave them */
	const char *other;
};

/* What the operator's file has. */
struct anchors {
	struct sbuf root;  /* one record a line */
	struct sbuf other; /* likewise */
};

/* ---- files ---- */

/* ST_NOTFOUND: there is none. */
static enum status
read_file(TALLOC_CTX *mem, const char *path, struct span *out, struct diag *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	uint8_t *buf;
	size_t n = 0;
	ssize_t got = 0;

	if (fd < 0) {
		enum status st = errno == ENOENT ? ST_NOTFOUND : ST_IO;

		(void)diag_errno(why, "%s", path);
		return st;
	}
	buf = need(talloc_size(mem, DNS_ANCHOR_MAX_BYTES + 1));
	while (n <= DNS_ANCHOR_MAX_BYTES &&
	       (got = read(fd, buf + n, DNS_ANCHOR_MAX_BYTES + 1 - n)) > 0)
		n += (size_t)got;
	if (got < 0)
		(void)diag_errno(why, "%s", path);
	close(fd);
	if (got < 0)
		return ST_IO;
	if (n > DNS_ANCHOR_MAX_BYTES)
		return diag_set(why, ST_IO, "%s: over %u bytes", path,
		    DNS_ANCHOR_MAX_BYTES);
	*out = span_of(buf, n);
	return ST_OK;
}

static bool
write_all(int fd, struct span a)
{
	while (a.n > 0) {
		ssize_t n = write(fd, a.p, a.n);

		if (n <= 0)
			return false;
		a = span_sub(a, (size_t)n, a.n);
	}
	return fsync(fd) == 0;
}

/* Whole or not at all. */
static enum status
write_file(TALLOC_CTX *mem, const char *path, struct span a, struct diag *why)
{
	const char *tmp = need(talloc_asprintf(mem, "%s.new", path));
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = fd >= 0 && write_all(fd, a);

	if (!good)
		(void)diag_errno(why, "%s", tmp);
	if (fd >= 0)
		close(fd);
	if (!good)
		return ST_IO;
	return rename(tmp, path) == 0 ? ST_OK : diag_errno(why, "%s", path);
}

/* ---- the operator's anchors ---- */

static void
take_record(struct anchors *a, const ldns_rr *rr)
{
	ldns_rr_type type = ldns_rr_get_type(rr);
	char *text;

	if (type != LDNS_RR_TYPE_DS && type != LDNS_RR_TYPE_DNSKEY)
		return;
	text = need(ldns_rr2str(rr)); /* ends its line */
	sbuf_str(ldns_dname_label_count(ldns_rr_owner(rr)) == 0 ? &a->root :
								  &a->other,
	    text);
	free(text);
}

static enum status
read_anchors(TALLOC_CTX *mem, const char *path, struct anchors *a,
    struct diag *why)
{
	ldns_rdf *origin = NULL, *prev = NULL;
	uint32_t ttl = 3600;
	int line = 0;
	FILE *f = fopen(path, "re");
	enum status st = ST_OK;

	if (f == NULL)
		return diag_errno(why, "trust anchor %s", path);
	sbuf_init(&a->root, mem, DNS_ANCHOR_MAX_BYTES);
	sbuf_init(&a->other, mem, DNS_ANCHOR_MAX_BYTES);
	while (!feof(f) && st == ST_OK) {
		ldns_rr *rr = NULL;
		ldns_status got = ldns_rr_new_frm_fp_l(&rr, f, &ttl, &origin,
		    &prev, &line);

		if (got == LDNS_STATUS_OK)
			take_record(a, rr);
		else if (got != LDNS_STATUS_SYNTAX_EMPTY &&
			 got != LDNS_STATUS_SYNTAX_TTL &&
			 got != LDNS_STATUS_SYNTAX_ORIGIN)
			st = diag_set(why, ST_IO,
			    "trust anchor %s, before line %d: %s", path,
			    line + 1, ldns_get_errorstr_by_id(got));
		ldns_rr_free(rr);
	}
	ldns_rdf_deep_free(origin);
	ldns_rdf_deep_free(prev);
	fclose(f);
	if (st == ST_OK && (sbuf_failed(&a->root) || sbuf_failed(&a->other)))
		st = diag_set(why, ST_IO, "trust anchor %s: over %u bytes",
		    path, DNS_ANCHOR_MAX_BYTES);
	if (st == ST_OK && a->root.n + a->other.n == 0)
		st = diag_set(why, ST_IO,
		    "trust anchor %s: no DS or DNSKEY record in it", path);
	return st;
}

static enum status
add_each(TALLOC_CTX *mem, struct ub_ctx *ub, struct span records,
    struct diag *why)
{
	struct span line;
	int error;

	while (records.n > 0 && span_line(&records, &line)) {
		error = ub_ctx_add_ta(ub, span_dup(mem, line));
		if (error != 0)
			return diag_set(why, ST_IO, "trust anchor %.*s: %s",
			    (int)line.n, (const char *)line.p,
			    ub_strerror(error));
	}
	return ST_OK;
}

/* ---- state ---- */

static bool
says_revoked(struct span state)
{
	struct span line;

	while (state.n > 0 && span_line(&state, &line))
		if (span_starts(line, WORD_REVOKED))
			return true;
	return false;
}

/* Those that count now; none before libunbound has written it once. */
static void
take_valid(struct span state, struct sbuf *out)
{
	struct span line;

	while (state.n > 0 && span_line(&state, &line)) {
		size_t end = 0;

		if (span_starts(line, ";") ||
		    memmem(line.p, line.n, WORD_VALID,
			sizeof(WORD_VALID) - 1) == NULL)
			continue;
		while (end < line.n && line.p[end] != ';')
			end++;
		sbuf_span(out, span_sub(line, 0, end));
		sbuf_str(out, "\n");
	}
}

/* Did the state grow from these anchors? */
static bool
is_of_seed(TALLOC_CTX *mem, const char *path, const char *digest)
{
	struct diag ignored = { 0 };
	struct span seed;

	return read_file(mem, path, &seed, &ignored) == ST_OK &&
	       span_eq(span_trim(seed), digest);
}

/* The state first: a seed alone would stand for a state that is not there. */
static enum status
begin_state(TALLOC_CTX *mem, const struct dns_anchor *a, const char *seed,
    struct span root, const char *digest, struct diag *why)
{
	enum status st = write_file(mem, a->state, root, why);

	return st == ST_OK ? write_file(mem, seed, span_str(digest), why) : st;
}

struct place {
	const char *seed;
	char digest[2 * SHA256_BYTES + 1];
};

static void
find_place(TALLOC_CTX *mem, const char *folder, struct span root,
    struct dns_anchor *a, struct place *p)
{
	uint8_t digest[SHA256_BYTES];

	a->state = need(talloc_asprintf(a, "%s/" STATE_NAME, folder));
	p->seed = need(talloc_asprintf(mem, "%s/" SEED_NAME, folder));
	sha256(root, digest);
	hex_encode(span_of(digest, sizeof(digest)), p->digest);
}

static enum status
follow(TALLOC_CTX *mem, struct ub_ctx *ub, const char *folder, struct span root,
    struct dns_anchor *a, struct diag *why)
{
	struct span state = SPAN_NONE;
	enum status st;
	struct place p;
	int error;

	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return diag_errno(why, "%s", folder);
	find_place(mem, folder, root, a, &p);
	st = read_file(mem, a->state, &state, why);
	if (st == ST_NOTFOUND ||
	    (st == ST_OK && !is_of_seed(mem, p.seed, p.digest)))
		st = begin_state(mem, a, p.seed, root, p.digest, why);
	else if (st == ST_OK && state.n == 0)
		st = diag_set(why, ST_IO,
		    "%s is empty: remove it, and the trust anchor is read "
		    "again",
		    a->state);
	if (st != ST_OK)
		return st;
	error = ub_ctx_add_ta_autr(ub, a->state);
	if (error != 0)
		return diag_set(why, ST_IO, "%s: %s", a->state,
		    ub_strerror(error));
	return ST_OK;
}

/* For a command beside the gateway: what the state says, and no more. */
static enum status
look_on(TALLOC_CTX *mem, struct ub_ctx *ub, const char *folder,
    struct span root, struct dns_anchor *a, struct diag *why)
{
	struct diag ignored = { 0 };
	struct span state;
	struct sbuf valid;
	struct place p;

	find_place(mem, folder, root, a, &p);
	sbuf_init(&valid, mem, DNS_ANCHOR_MAX_BYTES);
	if (is_of_seed(mem, p.seed, p.digest) &&
	    read_file(mem, a->state, &state, &ignored) == ST_OK) {
		a->revoked = says_revoked(state);
		take_valid(state, &valid);
	}
	a->state = NULL;
	return add_each(mem, ub, valid.n > 0 ? sbuf_view(&valid) : root, why);
}

/* ---- in words ---- */

/* "key 20326, SHA-256 e06d44b8..." of a DS record; NULL: of another digest. */
static char *
ds_text(TALLOC_CTX *mem, const ldns_rr *rr)
{
	char *digest = ldns_rdf2str(ldns_rr_rdf(rr, 3));
	char *text;

	if (digest == NULL)
		return NULL;
	text = need(talloc_asprintf(mem, "key %u (algorithm %u, digest %u) %s",
	    (unsigned)ldns_rdf2native_int16(ldns_rr_rdf(rr, 0)),
	    (unsigned)ldns_rdf2native_int8(ldns_rr_rdf(rr, 1)),
	    (unsigned)ldns_rdf2native_int8(ldns_rr_rdf(rr, 2)), digest));
	free(digest);
	return text;
}

static char *
record_text(TALLOC_CTX *mem, const ldns_rr *rr)
{
	ldns_rr *ds;
	char *text;

	if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_DS)
		return ds_text(mem, rr);
	if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_DNSKEY)
		return NULL;
	ds = ldns_key_rr2ds(rr, LDNS_SHA256);
	text = ds == NULL ? NULL : ds_text(mem, ds);
	ldns_rr_free(ds);
	return text;
}

char *
dns_anchor_texts(TALLOC_CTX *mem, struct span file)
{
	char *all = need(talloc_strdup(mem, ""));
	struct span line;

	while (span_line(&file, &line)) {
		ldns_rr *rr = NULL;
		char *text, *one;

		line = span_trim(span_sub(line, 0, span_find(line, ';', 0)));
		if (line.n == 0 || span_has(line, 0))
			continue;
		text = span_dup(mem, line);
		if (ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL) ==
			LDNS_STATUS_OK &&
		    (one = record_text(mem, rr)) != NULL)
			all = need(talloc_asprintf_append(all, "%s%s",
			    *all == '\0' ? "" : "; ", one));
		ldns_rr_free(rr);
		talloc_free(text);
	}
	return all;
}

/* What the operator gave, where nothing else is known to hold. */
char *
dns_anchor_in_use(TALLOC_CTX *mem, const struct dns_anchor *a)
{
	TALLOC_CTX *tmp = need(talloc_new(mem));
	struct diag ignored = { 0 };
	struct span state;
	struct sbuf all;
	char *text;

	sbuf_init(&all, tmp, 2 * DNS_ANCHOR_MAX_BYTES);
	if (a->state != NULL &&
	    read_file(tmp, a->state, &state, &ignored) == ST_OK)
		take_valid(state, &all);
	if (all.n == 0)
		sbuf_str(&all, a->root);
	sbuf_str(&all, a->other);
	text = dns_anchor_texts(mem, sbuf_view(&all));
	talloc_free(tmp);
	return text;
}

/* ---- the interface ---- */

enum status
dns_anchor_load(TALLOC_CTX *mem, struct ub_ctx *ub,
    const struct net_real_dns *how, struct dns_anchor **out, struct diag *why)
{
	struct dns_anchor *a = need(talloc_zero(mem, struct dns_anchor));
	TALLOC_CTX *tmp = need(talloc_new(a));
	struct anchors found;
	struct span root;
	enum status st = read_anchors(tmp, how->trust_anchor, &found, why);

	*out = a;
	if (st == ST_OK)
		st = add_each(tmp, ub, sbuf_view(&found.other), why);
	root = st == ST_OK ? sbuf_view(&found.root) : SPAN_NONE;
	a->root = st == ST_OK ? span_dup(a, root) : "";
	a->other = st == ST_OK ? span_dup(a, sbuf_view(&found.other)) : "";
	if (st == ST_OK && root.n > 0) {
		if (*how->anchor_state == '\0')
			st = add_each(tmp, ub, root, why);
		else if (how->anchor_look_on)
			st = look_on(tmp, ub, how->anchor_state, root, a, why);
		else
			st = follow(tmp, ub, how->anchor_state, root, a, why);
	}
	talloc_free(tmp);
	return st;
}

static bool
has_changed(const struct stat *a, const struct stat *b)
{
	return a->st_ino != b->st_ino || a->st_size != b->st_size ||
	       a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
	       a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

bool
dns_anchor_is_revoked(struct dns_anchor *a)
{
	struct diag ignored = { 0 };
	struct span state;
	struct stat now;
	TALLOC_CTX *tmp;

	if (a->revoked || a->state == NULL || stat(a->state, &now) != 0 ||
	    !has_changed(&now, &a->seen))
		return a->revoked;
	tmp = need(talloc_new(a));
	if (read_file(tmp, a->state, &state, &ignored) == ST_OK) {
		a->revoked = says_revoked(state);
		a->seen = now;
	}
	talloc_free(tmp);
	return a->revoked;
}
