/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/marks.h"

#include <string.h>

static bool
is_name(struct span a)
{
	for (size_t i = 0; i < a.n; i++)
		if (!ascii_isalnum(a.p[i]) && a.p[i] != '.' && a.p[i] != '_' &&
		    a.p[i] != '-')
			return false;
	return a.n > 0 && a.n <= MARKS_NAME_BYTES;
}

/* By bytes, as strcmp() has it. */
static bool
precedes(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = memcmp(a.p, b.p, n);

	return c != 0 ? c < 0 : a.n < b.n;
}

/* The next name off *rest; the last is followed by nothing. */
static bool
next_name(struct span *rest, struct span *name)
{
	if (rest->n == 0)
		return false;
	if (!span_cut(*rest, ',', name, rest)) {
		*name = *rest;
		*rest = SPAN_NONE;
	}
	return true;
}

bool
marks_ok(struct span a)
{
	struct span name, last = SPAN_NONE;

	if (a.n > MARKS_MAX_BYTES || span_ends(a, ","))
		return false;
	if (span_eq(a, MARKS_ALL))
		return true;
	while (next_name(&a, &name)) {
		if (!is_name(name) || (last.n > 0 && !precedes(last, name)))
			return false;
		last = name;
	}
	return true;
}

bool
marks_have(const char *marks, const char *name)
{
	struct span rest = span_str(marks), one;

	while (next_name(&rest, &one))
		if (span_eq(one, name))
			return true;
	return false;
}

const char *
unpack_marks(struct unpack *u, TALLOC_CTX *mem)
{
	const char *marks = unpack_str(u, mem);

	if (!marks_ok(span_str(marks)))
		u->failed = true;
	return marks;
}

void
pack_dest_key(struct sbuf *b, const struct dest_key *k)
{
	pack_str(b, k->domain);
	pack_u8(b, (uint8_t)k->mclass);
	pack_str(b, k->marks);
}

struct dest_key
unpack_dest_key(struct unpack *u, TALLOC_CTX *mem)
{
	struct dest_key k;

	k.domain = unpack_str(u, mem);
	k.mclass = (enum msg_class)unpack_enum(u, CLASS_COUNT);
	k.marks = unpack_marks(u, mem);
	return k;
}

bool
dest_key_eq(const struct dest_key *a, const struct dest_key *b)
{
	return a->mclass == b->mclass && strcmp(a->domain, b->domain) == 0 &&
	       strcmp(a->marks, b->marks) == 0;
}

/* Neither a class nor marks have a blank. */
char *
dest_key_text(TALLOC_CTX *mem, const struct dest_key *k)
{
	return need(talloc_asprintf(mem, "%u %s %s", (unsigned)k->mclass,
	    k->marks, k->domain));
}
