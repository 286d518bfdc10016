/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway/selftest_json.h"

#include <openssl/crypto.h>
#include <unbound.h>

#include "util/sha256.h"

bool
selftest_all_passed(const struct selftest *t)
{
	return t->passed == t->count && t->chain;
}

static void
put(json_t *o, const char *key, json_t *value)
{
	if (json_object_set_new(o, key, need(value)) != 0)
		out_of_memory("selftest");
}

static json_t *
result_json(const struct selftest_result *r)
{
	json_t *o = need(json_object());

	put(o, "name", json_string(r->name));
	put(o, "about", json_string(r->about));
	put(o, "section", json_string(r->section));
	put(o, "must-be", json_string(selftest_expect_text(r->expect)));
	put(o, "passed", json_boolean(r->passed));
	put(o, "queued", json_boolean(r->queued));
	put(o, "connections", json_integer(r->seen.connections));
	put(o, "commands-in-clear", json_integer(r->seen.clear));
	put(o, "commands-in-tls", json_integer(r->seen.inside));
	put(o, "messages", json_integer(r->seen.messages));
	if (!r->recorded)
		return o;
	put(o, "skip", json_boolean(r->record.skip));
	put(o, "required", json_string(level_name(r->record.required)));
	put(o, "method", json_string(method_name(r->record.method)));
	put(o, "row", json_string(r->record.row));
	put(o, "reached",
	    json_string(evidence_reached_name(r->record.reached)));
	put(o, "outcome",
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
	put(o, "time", json_string(wall_rfc3339(now, when)));
	put(o, "hostname", json_string(conf->hostname));
	put(o, "version", json_string(TIERPOST_VERSION));
	put(o, "openssl", json_string(OpenSSL_version(OPENSSL_VERSION)));
	put(o, "libunbound", json_string(ub_version()));
	put(o, "configuration", json_string(hex));
	for (size_t i = 0; i < t->count; i++)
		if (json_array_append_new(list, result_json(&t->result[i])) !=
		    0)
			out_of_memory("selftest");
	put(o, "tests", list);
	put(o, "chain", json_boolean(t->chain));
	put(o, "passed", json_boolean(selftest_all_passed(t)));
	return o;
}
