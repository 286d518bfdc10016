/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole sessions; the first byte says how they are cut and answered. */
#include "tests/fuzz/server_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct server_conf conf = {
	.hostname = "gw.example.org",
	.message_bytes = 4096,
	.command_bytes = 512,
	.text_line_bytes = 1000,
	.recipients = 3,
	.errors = 50,
	.received = 10,
	.starttls = true,
	.smtputf8 = true,
	.dsn = true,
	.requiretls = true,
	.auth_plain = true,
	.auth_external = true,
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct run r = run_start(mem, &conf, false);

	r.choice = size > 0 ? data[0] : 0;
	run_feed_all(&r, span_sub(span_of(data, size), 1, size));
	talloc_free(mem);
	return 0;
}
