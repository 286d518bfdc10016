/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/selftest_json.h"

#include <openssl/crypto.h>
#include <unbound.h>

#include "util/jtree.h"
#include "util/sha256.h"

bool
selftest_all_passed(const struct selftest *t)
{
	return t->passed == t->count && t->chain;
}

static json_t *
result_json(const struct selftest_result *r)
{
	json_t *o = need(json_object());

	jtree_put(o, "name", json_string(r->name));
	jtree_put(o, "about", json_string(r->about));
	jtree_put(o, "section", json_string(r->section));
	jtree_put(o, "must-be", json_string(selftest_expect_text(r->expect)));
	jtree_put(o, "passed", json_boolean(r->passed));
	jtree_put(o, "queued", json_boolean(r->queued));
	jtree_put(o, "connections", json_integer(r->seen.connections));
	jtree_put(o, "commands-in-clear", json_integer(r->seen.clear));
	jtree_put(o, "commands-in-tls", json_integer(r->seen.inside));
	jtree_put(o, "messages", json_integer(r->seen.messages));
	if (!r->recorded)
		return o;
	jtree_put(o, "skip", json_boolean(r->record.skip));
	jtree_put(o, "required", json_string(level_name(r->record.required)));
	jtree_put(o, "method", json_string(method_name(r->record.method)));
	jtree_put(o, "row", json_string(r->record.row));
	jtree_put(o, "reached",
	    json_string(evidence_reached_name(r->record.reached)));
	jtree_put(o, "outcome",
	    json_string(evidence_outcome_name(r->record.outcome)));
	return o;
}

json_t *
selftest_json(const struct conf *conf, const struct selftest *t,
    struct wall now)
{
	char hex[2 * SHA256_BYTES + 1], when[CLOCK_TEXT_BYTES];
	json_t *o = need(json_object()), *list = need(json_array());

	hex_encode(span_of(conf->digest, SHA256_BYTES), hex);
	jtree_put(o, "time", json_string(wall_rfc3339(now, when)));
	jtree_put(o, "hostname", json_string(conf->hostname));
	jtree_put(o, "version", json_string(TIERPOST_VERSION));
	jtree_put(o, "openssl", json_string(OpenSSL_version(OPENSSL_VERSION)));
	jtree_put(o, "libunbound", json_string(ub_version()));
	jtree_put(o, "configuration", json_string(hex));
	for (size_t i = 0; i < t->count; i++)
		jtree_append(list, result_json(&t->result[i]));
	jtree_put(o, "tests", list);
	jtree_put(o, "chain", json_boolean(t->chain));
	jtree_put(o, "passed", json_boolean(selftest_all_passed(t)));
	return o;
}
