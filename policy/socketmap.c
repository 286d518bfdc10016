/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/socketmap.h"

#include <inttypes.h>

#include "policy/hop.h"
#include "util/netstring.h"

static const char *const map_names[SOCKETMAP_MAP_COUNT] = {
	[SOCKETMAP_POLICY] = "policy",
	[SOCKETMAP_TLSRPT] = "tlsrpt",
};

enum status
socketmap_request(TALLOC_CTX *mem, struct span a, uint16_t port,
    struct socketmap_request *out, struct diag *why)
{
	struct span name, key;
	int map;

	*out = (struct socketmap_request){ .parent = false };
	if (!span_cut(a, ' ', &name, &key))
		return diag_set(why, ST_SYNTAX,
		    "the name of a map, a blank and a key are expected");
	map = span_index(name, map_names, SOCKETMAP_MAP_COUNT);
	if (map < 0)
		return diag_fail(why, ST_SYNTAX,
		    "no such map, there are \"policy\" and \"tlsrpt\"", name);
	out->map = (enum socketmap_map)map;
	if (key.n > 1 && key.p[0] == '.') {
		out->parent = true;
		return ST_OK;
	}
	return hop_parse(mem, key, port, &out->hop, why);
}

static void
reply(struct sbuf *b, const char *word, const char *text)
{
	char *all = need(talloc_asprintf(b->mem, "%s %s", word, text));

	netstring_add(b, span_str(all));
	talloc_free(all);
}

/* It counts in seconds, and the last one counts.  A plan of another process
 * may say any time. */
static int64_t
seconds_left(struct wall until, struct wall now)
{
	int64_t from = now.ms < 0 ? 0 : now.ms;

	if (until.ms <= from)
		return 1;
	return until.ms - from < 1000 ? 1 : (until.ms - from) / 1000;
}

void
socketmap_reply(struct sbuf *b, enum socketmap_map map,
    const struct postfix_answer *answer, struct wall now)
{
	char *all;

	if (answer->level == POSTFIX_WAIT) {
		socketmap_reply_temp(b, answer->text);
		return;
	}
	if (map == SOCKETMAP_POLICY || *answer->report == '\0') {
		reply(b, "OK", answer->text);
		return;
	}
	all = need(talloc_asprintf(b->mem, "%s policy_ttl=%" PRId64 " %s",
	    answer->text, seconds_left(answer->valid_until, now),
	    answer->report));
	reply(b, "OK", all);
	talloc_free(all);
}

void
socketmap_reply_notfound(struct sbuf *b)
{
	reply(b, "NOTFOUND", "");
}

void
socketmap_reply_temp(struct sbuf *b, const char *why)
{
	reply(b, "TEMP", why);
}

void
socketmap_reply_perm(struct sbuf *b, const char *why)
{
	reply(b, "PERM", why);
}
