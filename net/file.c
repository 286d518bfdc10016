/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/file.h"

#include "util/sbuf.h"

enum status
file_read_rest(TALLOC_CTX *mem, FILE *f, const char *path, size_t max,
    struct span *out, struct diag *why)
{
	uint8_t part[4096];
	struct sbuf b;
	size_t n;

	sbuf_init(&b, mem, max);
	while (!sbuf_failed(&b) && (n = fread(part, 1, sizeof(part), f)) > 0)
		sbuf_add(&b, part, n);
	if (ferror(f)) /* what came before is not all of it */
		return diag_set(why, ST_IO, "%s: cannot be read", path);
	if (sbuf_failed(&b))
		return diag_set(why, ST_LIMIT, "%s: over %zu bytes", path, max);
	*out = sbuf_view(&b);
	return ST_OK;
}

enum status
file_read(TALLOC_CTX *mem, const char *path, size_t max, struct span *out,
    struct diag *why)
{
	FILE *f = fopen(path, "re");
	enum status st;

	if (f == NULL)
		return diag_errno(why, "%s", path);
	st = file_read_rest(mem, f, path, max, out, why);
	fclose(f);
	return st;
}
