/* SPDX-License-Identifier: BSD-2-Clause */
#include "dane/tlsa.h"

#include <stdlib.h>
#include <string.h>

#include "util/sha256.h"

#define HEADER_BYTES    3u /* usage, selector, matching type */
#define TEXT_DATA_BYTES 8u

/* X.690 8.1: the tag, and the length in more than one byte. */
#define DER_SEQUENCE     0x30u
#define DER_LONG         0x80u
#define DER_LENGTH_BYTES 4u

enum matching { FULL = 0, SHA2_256 = 1, SHA2_512 = 2 };

/*
 * Certificates and keys are SEQUENCEs (RFC 5280 4.1).  What is none, or is cut
 * off, can match nobody, and must not count as if it could (DANE-26).
 */
static bool
is_der_sequence(struct span a)
{
	size_t bytes, length = 0;

	if (a.n < 2 || a.p[0] != DER_SEQUENCE)
		return false;
	if (a.p[1] < DER_LONG)
		return a.n - 2 == a.p[1];
	bytes = a.p[1] - DER_LONG;
	if (bytes > DER_LENGTH_BYTES || a.n - 2 < bytes)
		return false;
	for (size_t i = 0; i < bytes; i++)
		length = length << 8 | a.p[2 + i];
	return a.n - 2 - bytes == length;
}

static enum tlsa_fitness
fitness_of(const struct tlsa *t)
{
	if (t->usage != TLSA_DANE_TA && t->usage != TLSA_DANE_EE)
		return TLSA_UNUSABLE_USAGE; /* RFC 7672 3.1.3 */
	if (t->selector > 1)
		return TLSA_UNUSABLE_SELECTOR;
	if (t->matching > SHA2_512)
		return TLSA_UNUSABLE_MATCHING;
	if (t->data.n == 0 || t->data.n > TLSA_DATA_MAX_BYTES ||
	    (t->matching == FULL && !is_der_sequence(t->data)) ||
	    (t->matching == SHA2_256 && t->data.n != 32) ||
	    (t->matching == SHA2_512 && t->data.n != 64))
		return TLSA_MALFORMED;
	return TLSA_USABLE;
}

struct tlsa
tlsa_from_rdata(struct span rdata)
{
	struct tlsa t = { .fitness = TLSA_MALFORMED };

	if (rdata.n < HEADER_BYTES)
		return t;
	t.usage = rdata.p[0];
	t.selector = rdata.p[1];
	t.matching = rdata.p[2];
	t.data = span_sub(rdata, HEADER_BYTES, rdata.n);
	t.fitness = fitness_of(&t);
	return t;
}

/* 0 is the strongest; count: it is off. */
static size_t
rank(const struct tlsa_digests *digests, uint8_t matching)
{
	size_t i = 0;

	while (i < digests->count && digests->matching[i] != matching)
		i++;
	return i;
}

/* Is there a stronger digest for the same usage and selector? */
static bool
outdone(const struct tlsa *records, size_t count, const struct tlsa *t,
    const struct tlsa_digests *digests)
{
	if (t->matching == FULL)
		return false;
	for (size_t i = 0; i < count; i++)
		if (records[i].usage == t->usage &&
		    records[i].selector == t->selector &&
		    records[i].matching != FULL &&
		    rank(digests, records[i].matching) <
			rank(digests, t->matching))
			return true;
	return false;
}

static bool
is_off(const struct tlsa *t, const struct tlsa_digests *digests)
{
	return t->fitness == TLSA_USABLE && t->matching != FULL &&
	       rank(digests, t->matching) == digests->count;
}

size_t
tlsa_select(struct tlsa *records, size_t count,
    const struct tlsa_digests *digests)
{
	size_t usable = 0, kept = 0;
	bool drop[TLSA_MAX_RECORDS];

	invariant(count <= TLSA_MAX_RECORDS);
	for (size_t i = 0; i < count; i++) {
		if (is_off(&records[i], digests))
			records[i].fitness = TLSA_UNUSABLE_MATCHING;
		if (records[i].fitness == TLSA_USABLE)
			records[usable++] = records[i];
	}
	for (size_t i = 0; i < usable; i++)
		drop[i] = outdone(records, usable, &records[i], digests);
	for (size_t i = 0; i < usable; i++)
		if (!drop[i])
			records[kept++] = records[i];
	return kept;
}

bool
tlsa_has_usage(const struct tlsa *records, size_t count, uint8_t usage)
{
	for (size_t i = 0; i < count; i++)
		if (records[i].usage == usage)
			return true;
	return false;
}

char *
tlsa_text(TALLOC_CTX *mem, const struct tlsa *t)
{
	char hex[2 * TEXT_DATA_BYTES + 1];

	hex_encode(span_sub(t->data, 0, TEXT_DATA_BYTES), hex);
	return need(talloc_asprintf(mem, "%u %u %u %s%s", t->usage, t->selector,
	    t->matching, hex, t->data.n > TEXT_DATA_BYTES ? "..." : ""));
}

char *
tlsa_whole(TALLOC_CTX *mem, const struct tlsa *t)
{
	char *hex = need(talloc_array(mem, char,
	    (unsigned)(2 * t->data.n) + 1));
	char *all;

	hex_encode(t->data, hex);
	all = need(talloc_asprintf(mem, "%u %u %u %s", t->usage, t->selector,
	    t->matching, hex));
	talloc_free(hex);
	return all;
}

const char *
tlsa_fitness_name(enum tlsa_fitness fitness)
{
	switch (fitness) {
	case TLSA_USABLE:
		return "";
	case TLSA_UNUSABLE_USAGE:
		return "usage";
	case TLSA_UNUSABLE_SELECTOR:
		return "selector";
	case TLSA_UNUSABLE_MATCHING:
		return "matching-type";
	case TLSA_MALFORMED:
		return "data";
	}
	return "?"; /* not reached: the switch names every value */
}

void
pack_tlsa(struct sbuf *b, const struct tlsa *t)
{
	pack_u8(b, t->usage);
	pack_u8(b, t->selector);
	pack_u8(b, t->matching);
	pack_bytes(b, t->data);
}

void
unpack_tlsa(struct unpack *u, struct tlsa *t)
{
	*t = (struct tlsa){ 0 };
	t->usage = unpack_u8(u);
	t->selector = unpack_u8(u);
	t->matching = unpack_u8(u);
	t->data = unpack_bytes(u);
	t->fitness = fitness_of(t);
}

static int
by_digest(const void *a, const void *b)
{
	return memcmp(a, b, SHA256_BYTES);
}

void
tlsa_set_digest(const struct tlsa *records, size_t count, uint8_t out[32])
{
	uint8_t each[TLSA_MAX_RECORDS][SHA256_BYTES];
	uint8_t head[HEADER_BYTES];
	size_t n = 0;

	invariant(count <= TLSA_MAX_RECORDS);
	for (size_t i = 0; i < count; i++) {
		struct sha256 h;

		if (records[i].fitness != TLSA_USABLE)
			continue;
		head[0] = records[i].usage;
		head[1] = records[i].selector;
		head[2] = records[i].matching;
		sha256_init(&h);
		sha256_add(&h, span_of(head, sizeof(head)));
		sha256_add(&h, records[i].data);
		sha256_final(&h, each[n++]);
	}
	qsort(each, n, SHA256_BYTES, by_digest);
	sha256(span_of(each, n * SHA256_BYTES), out);
}
