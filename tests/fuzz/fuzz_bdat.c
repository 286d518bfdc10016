/* SPDX-License-Identifier: BSD-2-Clause */
/* A session from its first BDAT on; the first byte as in fuzz_smtp_server. */
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
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char start[] = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT ";
	TALLOC_CTX *mem = talloc_new(NULL);
	struct run r = run_start(mem, &conf, false);

	run_feed(&r, SPAN_LIT("EHLO c\r\n"));
	run_feed(&r, span_str(start));
	r.choice = size > 0 ? data[0] : 0;
	run_feed_all(&r, span_sub(span_of(data, size), 1, size));
	talloc_free(mem);
	return 0;
}
