/* SPDX-License-Identifier: BSD-2-Clause */
/* `tierpost evidence verify` and `tierpost evidence replay`. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/cmd_evidence.h"
#include "gateway/evidence_key.h"
#include "gateway/evidence_verify.h"
#include "util/jtree.h"
#include "util/sha256.h"

#define KEPT_MAX 10000000u /* ours: checkpoints kept; one an hour for ages */

void
evidence_progress(void *what, uint64_t done)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s: %" PRIu64 " records", (char *)what,
		    done);
}

void
evidence_progress_end(void)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%-40s\r", "");
}

/* ---- verify ---- */

/* The value of "name=" in a line of the log; "" when absent. */
static struct span
log_value(struct span line, const char *name)
{
	struct span word;
	bool last = false;

	while (!last) {
		last = !span_cut(line, ' ', &word, &line);
		if (last)
			word = line;
		if (span_starts(word, name))
			return span_sub(word, strlen(name), word.n);
	}
	return SPAN_NONE;
}

/* Of a line "checkpoint 1 …", or of one of the log that tells of one. */
static bool
kept_in(struct span line, struct checkpoint *c)
{
	static const char *const field[] = {
		"number=", "time-ms=", "hash=", "key=", "signature="
	};
	char text[CHECKPOINT_LINE_BYTES] = "checkpoint 1";
	size_t n = strlen(text);

	line = span_trim(line);
	if (checkpoint_parse(line, c) == ST_OK)
		return true;
	for (size_t i = 0; i < COUNT_OF(field); i++) {
		struct span v = log_value(line, field[i]);

		if (v.n == 0 || v.n + 2 > sizeof(text) - n)
			return false;
		text[n++] = ' ';
		memcpy(text + n, v.p, v.n);
		n += v.n;
	}
	return checkpoint_parse(span_of(text, n), c) == ST_OK;
}

struct kept {
	struct checkpoint *c;
	size_t count;
	size_t room;
};

static void
keep(TALLOC_CTX *mem, struct kept *k, const struct checkpoint *c)
{
	if (k->count == k->room) {
		k->room = k->room == 0 ? 64 : 2 * k->room;
		k->c = need(talloc_realloc(mem, k->c, struct checkpoint,
		    (unsigned)k->room));
	}
	k->c[k->count++] = *c;
}

/* Checkpoints that were kept elsewhere, among whatever lines. */
static bool
read_kept(TALLOC_CTX *mem, const char *path, struct kept *kept)
{
	struct checkpoint c;
	struct diag why = { 0 };
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	bool good;

	if (f == NULL) {
		(void)diag_errno(&why, "%s", path);
		fprintf(stderr, "tierpost: %s\n", why.text);
		return false;
	}
	while (kept->count <= KEPT_MAX && (n = getline(&line, &room, f)) >= 0) {
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			n--;
		if (kept_in(span_of(line, (size_t)n), &c))
			keep(mem, kept, &c);
	}
	good = !ferror(f) && kept->count > 0 && kept->count <= KEPT_MAX;
	if (ferror(f))
		fprintf(stderr, "tierpost: %s: it cannot be read whole\n",
		    path);
	else if (kept->count == 0)
		fprintf(stderr,
		    "tierpost: no checkpoint in %s: lines of the gateway's log "
		    "are expected\n",
		    path);
	else if (!good)
		fprintf(stderr,
		    "tierpost: %s: more than %u checkpoints: give the newest "
		    "alone\n",
		    path, KEPT_MAX);
	free(line);
	fclose(f);
	return good;
}

static void
print_base(const struct evidence_verification *v)
{
	char hex[2 * EVIDENCE_HASH_BYTES + 1];

	if (v->base.seq == 0)
		return;
	hex_encode(span_of(v->base.hash, sizeof(v->base.hash)), hex);
	printf("records 1 to %" PRIu64 " were dropped for their age; their "
	       "digest: %s\n",
	    v->base.seq, hex);
}

static void
print_signed(const struct evidence_verification *v, bool have_key)
{
	char when[CLOCK_TEXT_BYTES];

	if (v->checkpoints == 0) {
		printf("no checkpoint yet: until the first is signed, within "
		       "the hour, nothing shows that records were not cut off, "
		       "or all made anew\n");
		return;
	}
	if (!have_key) {
		printf("checkpoints: %" PRIu64 " agree; their signatures were "
		       "not looked at, for want of the public key (--key)\n",
		    v->checkpoints);
		return;
	}
	printf("checkpoints: %" PRIu64 " agree", v->checkpoints);
	if (v->signed_to > 0)
		printf(", signed up to record %" PRIu64 " at %s", v->signed_to,
		    wall_rfc3339(v->signed_at, when));
	putchar('\n');
	if (v->foreign > 0)
		printf("%" PRIu64 " of them %s of another key, not looked at "
		       "(--key)\n",
		    v->foreign, plural(v->foreign, "is", "are"));
	if (v->signed_to < v->last_seq)
		printf("%" PRIu64 " %s not signed yet\n",
		    v->last_seq - v->signed_to,
		    plural(v->last_seq - v->signed_to, "record after it is",
			"records after it are"));
}

static void
print_verified(const struct evidence_verification *v, bool have_key)
{
	char hex[2 * EVIDENCE_HASH_BYTES + 1];

	hex_encode(span_of(v->last_hash, sizeof(v->last_hash)), hex);
	printf("verified: %" PRIu64 " %s, unbroken from record %" PRIu64 "\n"
	       "last hash: %s\n",
	    v->records, plural(v->records, "record", "records"),
	    v->base.seq + 1, hex);
	print_base(v);
	print_signed(v, have_key);
	if (v->without_addresses > 0)
		printf("%" PRIu64 " %s had the addresses removed\n",
		    v->without_addresses,
		    plural(v->without_addresses, "record has", "records have"));
}

static void
print_json(const struct evidence_verification *v, bool have_key)
{
	char hex[2 * EVIDENCE_HASH_BYTES + 1];
	json_t *o = need(json_object());

	hex_encode(span_of(v->last_hash, sizeof(v->last_hash)), hex);
	jtree_put(o, "good", json_boolean(v->good));
	if (!v->good) {
		jtree_put_count(o, "broken-at", v->wrong_at);
		jtree_put(o, "why", json_string(v->why));
	}
	jtree_put_count(o, "records", v->records);
	jtree_put_count(o, "events", v->events);
	jtree_put_count(o, "first", v->first_seq);
	jtree_put_count(o, "last", v->last_seq);
	jtree_put(o, "last-hash", json_string(hex));
	jtree_put_count(o, "dropped-to", v->base.seq);
	jtree_put_count(o, "without-addresses", v->without_addresses);
	jtree_put_count(o, "checkpoints", v->checkpoints);
	jtree_put_count(o, "of-other-keys", v->foreign);
	jtree_put(o, "signatures-verified", json_boolean(have_key));
	jtree_put_count(o, "signed-to", v->signed_to);
	cmd_print_json(o, JSON_INDENT(2));
}

/* The keys that are named, or else the one beside evidence.key if it is there.
 */
static bool
read_keys(TALLOC_CTX *mem, const struct conf *conf,
    const struct evidence_options *o,
    uint8_t key[EVIDENCE_KEYS_MAX][CHECKPOINT_PUBLIC_BYTES], size_t *count)
{
	struct diag why = { 0 };
	enum status st;

	for (*count = 0; *count == 0 || *count < o->key_count; ++*count) {
		st = evidence_key_public(mem, conf, o->key[*count], key[*count],
		    &why);
		if (st == ST_NOTFOUND && o->key_count == 0)
			return true;
		if (st != ST_OK) {
			fprintf(stderr, "tierpost: %s\n", why.text);
			return false;
		}
	}
	return true;
}

int
evidence_cmd_verify(TALLOC_CTX *mem, const struct conf *conf,
    struct store *store, const struct evidence_options *o)
{
	uint8_t key[EVIDENCE_KEYS_MAX][CHECKPOINT_PUBLIC_BYTES];
	struct evidence_verify_opts opts = { .progress = evidence_progress,
		.arg = (void *)(uintptr_t) "verifying",
		.key = (const uint8_t(*)[CHECKPOINT_PUBLIC_BYTES])key };
	struct evidence_verification v;
	struct diag why = { 0 };
	struct kept kept = { 0 };
	enum status st;

	if (!read_keys(mem, conf, o, key, &opts.key_count) ||
	    (o->checkpoints != NULL && !read_kept(mem, o->checkpoints, &kept)))
		return EXIT_CONFIG;
	opts.kept = kept.c;
	opts.kept_count = kept.count;
	st = evidence_verify(store, &opts, &v, &why);
	evidence_progress_end();
	if (st != ST_OK) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		return EXIT_TRY_LATER;
	}
	if (o->json)
		print_json(&v, opts.key_count > 0);
	else if (v.good)
		print_verified(&v, opts.key_count > 0);
	if (!v.good)
		fprintf(stderr, "broken at record %" PRIu64 ": %s\n",
		    v.wrong_at, v.why);
	return v.good ? EXIT_DONE : EXIT_NO;
}

/* ---- replay ---- */

struct replay {
	TALLOC_CTX *mem;
	uint64_t count, different, unread;
};

static bool
replay_one(void *arg, const struct store_evidence *rec)
{
	struct replay *r = arg;
	TALLOC_CTX *tmp = need(talloc_new(r->mem));
	struct diag why = { 0 };
	struct evidence e;

	if (evidence_unpack(tmp, rec->personal, rec->body, &e, &why) != ST_OK) {
		fprintf(stderr, "record %" PRIu64 ": %s\n", rec->seq, why.text);
		r->unread++;
	} else if (!evidence_replays(&e)) {
		printf("record %" PRIu64 ": %s via %s: it says %s, its inputs "
		       "give another answer\n",
		    rec->seq, e.domain, e.host,
		    e.skip ? "skip" : level_name(e.required));
		r->different++;
	}
	if (++r->count % 16384 == 0)
		evidence_progress((void *)(uintptr_t) "replaying", r->count);
	talloc_free(tmp);
	return true;
}

int
evidence_cmd_replay(TALLOC_CTX *mem, struct store *store,
    const struct evidence_options *o)
{
	const struct store_evidence_query q = {
		.since = o->since, .until = o->until, .domain = o->domain
	};
	struct replay r = { .mem = mem };
	struct diag why = { 0 };
	enum status st = store_evidence_each(store, &q, replay_one, &r, &why);

	evidence_progress_end();
	if (st != ST_OK) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		return EXIT_TRY_LATER;
	}
	printf("%" PRIu64 " %s decided again: %" PRIu64
	       " with another answer\n",
	    r.count, plural(r.count, "record", "records"), r.different);
	return r.different + r.unread == 0 ? EXIT_DONE : EXIT_NO;
}
