/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whatever a record says, it is exported as one line of JSON that reads back
 * as the same, and shown to people without a control character.
 */
#include "gateway/cmd_evidence.h"
#include "report/checkpoint.h"
#include "report/evidence_text.h"
#include "tests/fuzz/evidence_input.h"
#include "util/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
exported(TALLOC_CTX *mem, const struct store_evidence *rec)
{
	struct diag why = { 0 };
	json_t *o = evidence_any_json(mem, rec, &why), *again;
	char *text;

	if (o == NULL) {
		invariant(why.text[0] != '\0');
		return;
	}
	text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
	invariant(text != NULL && strchr(text, '\n') == NULL);
	again = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	invariant(again != NULL && json_equal(o, again));
	json_decref(again);
	json_decref(o);
	free(text);
}

static void
print(TALLOC_CTX *mem, const struct store_evidence *rec, FILE *to)
{
	struct evidence e;
	struct chain_event ev;
	struct diag why = { 0 };

	if (chain_event_is(rec->body)) {
		if (chain_event_unpack(mem, rec->body, &ev, &why) != ST_OK)
			return;
		chain_event_print_line(to, rec->seq, &ev);
		chain_event_print_whole(to, rec->seq, rec->hash, &ev);
	} else if (evidence_unpack(mem, rec->personal, rec->body, &e, &why) ==
		   ST_OK) {
		evidence_print_line(to, rec->seq, &e);
		evidence_print_whole(to, rec->seq, rec->hash, &e);
	}
}

static void
shown(TALLOC_CTX *mem, const struct store_evidence *rec)
{
	char *text = NULL;
	size_t n = 0, end;
	FILE *to = open_memstream(&text, &n);

	invariant(to != NULL);
	print(mem, rec, to);
	invariant(fclose(to) == 0);
	for (size_t at = 0; at < n; at = end + 1) {
		const char *lf = memchr(text + at, '\n', n - at);

		invariant(lf != NULL);
		end = (size_t)(lf - text);
		invariant(utf8_is_line(span_of(text + at, end - at)));
	}
	free(text);
}

static void
checkpoint(struct span line)
{
	char text[CHECKPOINT_LINE_BYTES], again[CHECKPOINT_LINE_BYTES];
	struct checkpoint c, d;

	if (checkpoint_parse(line, &c) != ST_OK)
		return;
	invariant(checkpoint_parse(span_str(checkpoint_line(&c, text)), &d) ==
		  ST_OK);
	invariant(strcmp(text, checkpoint_line(&d, again)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct evidence_input in;

	if (evidence_input(mem, data, size, &in)) {
		const struct store_evidence rec = {
			.seq = 1, .personal = in.personal, .body = in.body
		};

		exported(mem, &rec);
		shown(mem, &rec);
	}
	checkpoint(span_of(data, size));
	talloc_free(mem);
	return 0;
}
