/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `tierpost evidence export`: records of a period with what proves them, as
 * JSON Lines.  doc/evidence.md says how such a file is verified without this
 * program; tests/evidence_verify.py does.
 *
 * A checkpoint signs the hash of one record, so the file goes from behind the
 * last checkpoint before the period to the first one after it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cmd_evidence.h"
#include "gateway/evidence_key.h"
#include "util/base64.h"
#include "util/jtree.h"
#include "util/sha256.h"

struct export
{
	TALLOC_CTX *mem;
	struct store *store;
	const struct evidence_options *o;
	uint64_t first, last; /* of the period; 0: nothing is in it */
	uint64_t from, to;    /* that are written */
	uint8_t before[EVIDENCE_HASH_BYTES]; /* hash of record from - 1 */
	uint8_t hash[EVIDENCE_HASH_BYTES];
	uint64_t count;
	bool broken;
};

static void
put_hex(json_t *o, const char *key, const uint8_t *p, size_t n)
{
	char hex[2 * CHECKPOINT_SIGNATURE_BYTES + 1];

	hex_encode(span_of(p, n), hex);
	jtree_put(o, key, json_string(hex));
}

static void
put_base64(struct export *x, json_t *o, const char *key, struct span a)
{
	struct sbuf b;

	sbuf_init(&b, x->mem, 2 * EVIDENCE_MAX_BYTES);
	base64_put(&b, a);
	jtree_put(o, key, json_string(sbuf_cstr(&b)));
	sbuf_free(&b);
}

static void
write_line(json_t *o)
{
	cmd_print_json(o, JSON_COMPACT);
}

/* ---- which records ---- */

/* The first, and as rows come the last, of the period. */
static bool
note_row(void *arg, const struct store_evidence *rec)
{
	struct export *x = arg;

	if (x->first == 0)
		x->first = rec->seq;
	x->last = rec->seq;
	return true;
}

static bool
note_checkpoint(void *arg, const struct store_checkpoint *c)
{
	struct export *x = arg;

	if (c->seq < x->first)
		x->from = c->seq + 1;
	if (c->seq < x->last)
		return true;
	x->to = c->seq;
	return false;
}

static bool
note_before(void *arg, const struct store_evidence *rec)
{
	memcpy(arg, rec->hash, EVIDENCE_HASH_BYTES);
	return false;
}

static enum status
find_range(struct export *x, struct diag *why)
{
	struct store_evidence_query q = {
		.since = x->o->since, .until = x->o->until, .events = true
	};
	struct store_base base;
	enum status st = store_evidence_base(x->store, &base, why);

	if (st == ST_OK)
		st = store_evidence_each(x->store, &q, note_row, x, why);
	if (st != ST_OK || x->first == 0)
		return st;
	x->from = base.seq + 1;
	x->to = x->last;
	memcpy(x->before, base.hash, sizeof(x->before));
	st = store_checkpoint_each(x->store, base.seq, note_checkpoint, x, why);
	if (st != ST_OK || x->from == base.seq + 1)
		return st;
	q = (struct store_evidence_query){ .from_seq = x->from - 1,
		.events = true };
	return store_evidence_each(x->store, &q, note_before, x->before, why);
}

/* ---- lines ---- */

static void
write_head(struct export *x, const struct conf *conf)
{
	uint8_t public_key[CHECKPOINT_PUBLIC_BYTES];
	char when[CLOCK_TEXT_BYTES];
	json_t *o = need(json_object());
	struct diag why = { 0 };

	jtree_put(o, "type", json_string("tierpost evidence export"));
	jtree_put_count(o, "version", 1);
	jtree_put(o, "gateway", json_string(conf->hostname));
	jtree_put(o, "since", json_string(wall_rfc3339(x->o->since, when)));
	if (x->o->until.ms > 0)
		jtree_put(o, "until",
		    json_string(wall_rfc3339(x->o->until, when)));
	jtree_put_count(o, "period-first", x->first);
	jtree_put_count(o, "period-last", x->last);
	jtree_put_count(o, "first", x->from);
	jtree_put_count(o, "last", x->to);
	put_hex(o, "hash-before", x->before, sizeof(x->before));
	if (evidence_key_public(x->mem, conf, x->o->key[0], public_key, &why) ==
	    ST_OK)
		put_hex(o, "public-key", public_key, sizeof(public_key));
	write_line(o);
}

static bool
write_record(void *arg, const struct store_evidence *rec)
{
	struct export *x = arg;
	TALLOC_CTX *tmp = need(talloc_new(x->mem));
	struct diag why = { 0 };
	json_t *o, *says;

	if (rec->seq > x->to) {
		talloc_free(tmp);
		return false;
	}
	o = need(json_object());
	jtree_put_count(o, "number", rec->seq);
	put_base64(x, o, "body", rec->body);
	if (rec->personal.n > 0)
		put_base64(x, o, "personal", rec->personal);
	put_hex(o, "hash", rec->hash, sizeof(rec->hash));
	says = evidence_any_json(tmp, rec, &why);
	if (says != NULL)
		jtree_put(o, "record", says);
	else {
		fprintf(stderr, "record %" PRIu64 ": %s\n", rec->seq, why.text);
		x->broken = true;
	}
	write_line(o);
	memcpy(x->hash, rec->hash, sizeof(x->hash));
	x->count++;
	talloc_free(tmp);
	return true;
}

static bool
write_checkpoint(void *arg, const struct store_checkpoint *c)
{
	const struct export *x = arg;
	json_t *o, *in;

	if (c->seq > x->to)
		return false;
	o = need(json_object());
	in = need(json_object());
	jtree_put_count(in, "number", c->seq);
	jtree_put(in, "time-ms", json_integer(c->time.ms));
	put_hex(in, "hash", c->hash, sizeof(c->hash));
	put_hex(in, "key", c->key_id, sizeof(c->key_id));
	put_hex(in, "signature", c->signature, sizeof(c->signature));
	jtree_put(o, "checkpoint", in);
	write_line(o);
	return true;
}

static void
write_end(const struct export *x)
{
	json_t *o = need(json_object());

	jtree_put(o, "end", json_true());
	jtree_put_count(o, "records", x->count);
	put_hex(o, "last-hash", x->hash, sizeof(x->hash));
	write_line(o);
}

int
evidence_cmd_export(TALLOC_CTX *mem, const struct conf *conf,
    struct store *store, const struct evidence_options *o)
{
	struct export x = { .mem = mem, .store = store, .o = o };
	struct diag why = { 0 };
	enum status st = find_range(&x, &why);

	if (st == ST_OK && x.first == 0) {
		fprintf(stderr, "tierpost: no records in this period\n");
		return EXIT_NO;
	}
	if (st == ST_OK) {
		const struct store_evidence_query q = { .from_seq = x.from,
			.events = true };

		write_head(&x, conf);
		st = store_evidence_each(store, &q, write_record, &x, &why);
	}
	if (st == ST_OK)
		st = store_checkpoint_each(store, x.from, write_checkpoint, &x,
		    &why);
	if (st != ST_OK) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		return EXIT_TRY_LATER;
	}
	write_end(&x);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "tierpost: the export could not be written "
				"as a whole\n");
		return EXIT_TRY_LATER;
	}
	return x.broken ? EXIT_NO : EXIT_DONE;
}
