/* SPDX-License-Identifier: BSD-2-Clause */
/* `tierpost evidence verify` and `tierpost evidence replay`. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/cmd_evidence.h"
#include "gateway/evidence_key.h"
#include "gateway/evidence_verify.h"
#include "util/jtree.h"
#include "util/sha256.h"

#define KEPT_MAX 100000u /* ours: lines of a file of checkpoints */

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

/* Checkpoints that were kept elsewhere, among whatever lines. */
static bool
read_kept(TALLOC_CTX *mem, const char *path, struct evidence_verify_opts *opts)
{
	struct checkpoint *kept = NULL;
	char line[2048];
	FILE *f = fopen(path, "re");
	size_t n = 0;

	if (f == NULL) {
		fprintf(stderr, "tierpost: %s cannot be read\n", path);
		return false;
	}
	while (n < KEPT_MAX && fgets(line, sizeof(line), f) != NULL) {
		kept = need(talloc_realloc(mem, kept, struct checkpoint,
		    (unsigned)n + 1));
		n += kept_in(span_sub(span_str(line), 0, strcspn(line, "\r\n")),
		    &kept[n]);
	}
	fclose(f);
	if (n == 0)
		fprintf(stderr,
		    "tierpost: no checkpoint in %s: lines of the gateway's log "
		    "are expected\n",
		    path);
	opts->kept = kept;
	opts->kept_count = n;
	return n > 0;
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
	jtree_put(o, "signatures-verified", json_boolean(have_key));
	jtree_put_count(o, "signed-to", v->signed_to);
	cmd_print_json(o, JSON_INDENT(2));
}

int
evidence_cmd_verify(TALLOC_CTX *mem, const struct conf *conf,
    struct store *store, const struct evidence_options *o)
{
	struct evidence_verify_opts opts = { .progress = evidence_progress,
		.arg = (void *)(uintptr_t) "verifying" };
	uint8_t public_key[CHECKPOINT_PUBLIC_BYTES];
	struct evidence_verification v;
	struct diag why = { 0 };
	enum status st = evidence_key_public(mem, conf, o->key, public_key,
	    &why);

	if (st == ST_OK)
		opts.public_key = public_key;
	else if (o->key != NULL || st != ST_NOTFOUND) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		return EXIT_CONFIG;
	}
	if (o->checkpoints != NULL && !read_kept(mem, o->checkpoints, &opts))
		return EXIT_CONFIG;
	st = evidence_verify(store, &opts, &v, &why);
	evidence_progress_end();
	if (st != ST_OK) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		return EXIT_TRY_LATER;
	}
	if (o->json)
		print_json(&v, opts.public_key != NULL);
	else if (v.good)
		print_verified(&v, opts.public_key != NULL);
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
