/* SPDX-License-Identifier: BSD-2-Clause */
/* Replies read whole or octet by octet are the same, and bounded (B2.3). */
#include <string.h>

#include "smtp/reply.h"

#define CAP_BYTES 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	unsigned replies;
	uint64_t sum; /* of codes, texts and lines */
	enum status end;
};

static void
see(struct seen *seen, const struct reply *r)
{
	invariant(r->code >= 200 && r->code <= 599);
	invariant(r->line_count > 0 && r->line_count <= REPLY_MAX_LINES);
	invariant(r->text.n <= CAP_BYTES);
	invariant(strlen(r->enhanced) < sizeof(r->enhanced));
	invariant(r->enhanced[0] == '\0' ||
		  r->enhanced[0] == '0' + r->code / 100);
	seen->replies++;
	seen->sum = seen->sum * 31 + r->code + r->line_count;
	for (size_t i = 0; i < r->text.n; i++)
		seen->sum = seen->sum * 31 + r->text.p[i];
}

/* Read on until more is needed or it fails. */
static void
read_all(struct reply_reader *r, struct span *in, struct seen *seen)
{
	struct reply reply;
	struct diag why;

	while ((seen->end = reply_read(r, in, &reply, &why)) == ST_OK)
		see(seen, &reply);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct span whole = span_of(data, size), part;
	struct seen once = { 0 }, slowly = { 0 };
	struct reply_reader r;
	size_t taken = 0;

	reply_reader_init(&r, mem, CAP_BYTES);
	read_all(&r, &whole, &once);
	reply_reader_init(&r, mem, CAP_BYTES);
	for (size_t i = 1; i <= size; i++) {
		part = span_of(data + taken, i - taken);
		read_all(&r, &part, &slowly);
		taken = i - part.n;
		if (slowly.end != ST_TEMP)
			break;
	}
	invariant(once.replies == slowly.replies && once.sum == slowly.sum);
	invariant(size == 0 || once.end == slowly.end);
	talloc_free(mem);
	return 0;
}
