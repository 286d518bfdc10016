/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/dotstuff.h"

#include <string.h>

struct dotstuff
dotstuff_start(void)
{
	return (struct dotstuff){ DOTSTUFF_AT_LINE };
}

/*
 * Length of the run at the start of a that can go out as it is: whole lines
 * up to one that begins with a dot (dots: any may), and the beginning of the
 * last.  A CR that ends the input is left out of it.
 */
static enum status
clean_run(struct dotstuff *d, struct span a, bool dots, size_t *run)
{
	size_t at = 0;

	while (at < a.n) {
		const uint8_t *line = a.p + at;
		size_t left = a.n - at;
		const uint8_t *cr;

		if (d->at == DOTSTUFF_AT_LINE && line[0] == '.' && at > 0 &&
		    !dots)
			break;
		d->at = DOTSTUFF_AT_TEXT;
		cr = memchr(line, '\r', left);
		if (cr != NULL)
			left = (size_t)(cr - line);
		if (memchr(line, '\n', left) != NULL)
			return ST_SYNTAX;
		at += left;
		if (cr == NULL)
			break;
		if (at + 1 == a.n) {
			d->at = DOTSTUFF_AT_CR;
			break;
		}
		if (cr[1] != '\n')
			return ST_SYNTAX;
		at += 2;
		d->at = DOTSTUFF_AT_LINE;
	}
	*run = at;
	return ST_OK;
}

enum status
dotstuff_step(struct dotstuff *d, struct span *in, struct span *out,
    size_t room, size_t *count)
{
	size_t run;

	*count = 0;
	while (in->n > 0 && *count + DOTSTUFF_ROOM <= room) {
		if (d->at == DOTSTUFF_AT_CR) {
			if (in->p[0] != '\n')
				return ST_SYNTAX;
			out[(*count)++] = SPAN_LIT("\r\n");
			*in = span_sub(*in, 1, in->n);
			d->at = DOTSTUFF_AT_LINE;
			continue;
		}
		if (d->at == DOTSTUFF_AT_LINE && in->p[0] == '.')
			out[(*count)++] = SPAN_LIT(".");
		if (clean_run(d, *in, false, &run) != ST_OK)
			return ST_SYNTAX;
		if (run > 0)
			out[(*count)++] = span_sub(*in, 0, run);
		*in = span_sub(*in, d->at == DOTSTUFF_AT_CR ? run + 1 : run,
		    in->n);
	}
	return ST_OK;
}

enum status
dotstuff_end(const struct dotstuff *d, struct span *out)
{
	switch (d->at) {
	case DOTSTUFF_AT_LINE:
		*out = SPAN_LIT(".\r\n");
		return ST_OK;
	case DOTSTUFF_AT_TEXT:
		*out = SPAN_LIT("\r\n.\r\n");
		return ST_OK;
	case DOTSTUFF_AT_CR:
		return ST_SYNTAX;
	}
	return ST_SYNTAX; /* not reached: the switch names every place */
}

enum status
dotstuff_chunk(struct dotstuff *d, struct span in, bool last, struct span *out,
    size_t *count)
{
	size_t run = 0;

	*count = 0;
	if (d->at == DOTSTUFF_AT_CR && in.n > 0) {
		if (in.p[0] != '\n')
			return ST_SYNTAX;
		out[(*count)++] = SPAN_LIT("\r\n");
		in = span_sub(in, 1, in.n);
		d->at = DOTSTUFF_AT_LINE;
	}
	if (clean_run(d, in, true, &run) != ST_OK)
		return ST_SYNTAX;
	if (run > 0)
		out[(*count)++] = span_sub(in, 0, run);
	if (!last)
		return ST_OK;
	if (d->at == DOTSTUFF_AT_CR)
		return ST_SYNTAX;
	if (d->at == DOTSTUFF_AT_TEXT)
		out[(*count)++] = SPAN_LIT("\r\n");
	return ST_OK;
}
