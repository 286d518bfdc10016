/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * evidence_seeds - records of all kinds, as they are packed today: what the
 * fuzz targets that read them begin from.
 *
 *	evidence_seeds DIRECTORY  makes DIRECTORY/evidence and
 *	                          DIRECTORY/evidence_export
 */
#include "report/checkpoint.h"
#include "tests/fuzz/evidence_input.h"
#include "tests/fuzz/seeds.h"
#include "tests/report_records.h"

static const char *root;
static TALLOC_CTX *mem;

static void
seed_both(const char *name, struct span bytes)
{
	seed_write(root, "evidence", name, bytes);
	seed_write(root, "evidence_export", name, bytes);
}

static void
seed_record(const char *name, const struct evidence *e, bool addresses)
{
	struct sbuf personal, body, all;

	sbuf_init(&personal, mem, EVIDENCE_MAX_BYTES);
	sbuf_init(&body, mem, EVIDENCE_MAX_BYTES);
	sbuf_init(&all, mem, SEED_BYTES);
	evidence_pack(e, &personal, &body);
	if (!addresses)
		sbuf_reset(&personal);
	sbuf_u8(&all, (uint8_t)(personal.n >> 8));
	sbuf_u8(&all, (uint8_t)personal.n);
	sbuf_add(&all, personal.p, personal.n);
	sbuf_add(&all, body.p, body.n);
	seed_both(name, sbuf_view(&all));
}

static void
seed_attempts(void)
{
	struct evidence e = record("example.org", NOON);

	e.reply_code = 250;
	e.reply = "2.0.0 taken \x1b[2J\r\n\xc2\x85\xff";
	e.exception = "legacy";
	e.exc_reason = "no STARTTLS";
	e.exc_approver = "security@client.example";
	e.dns = "MX example.org=secure; A mx.example.org=secure";
	seed_record("verified", &e, true);
	seed_record("without-addresses", &e, false);
	e = in_clear("example.net", NOON);
	seed_record("clear", &e, true);
	e = kept_back("example.com", NOON);
	e.addr = netaddr_ip6((const uint8_t[16]){ 0x20, 1, 13, 184 }, 25);
	seed_record("kept-back", &e, true);
}

static void
seed_event(void)
{
	struct chain_event ev = { .time = { NOON },
		.kind = EVENT_EXCEPTION_ADDED,
		.subject = "legacy" };
	struct sbuf all;

	chain_event_add(&ev, "approver", "security@client.example");
	chain_event_add(&ev, "reason", "no STARTTLS\n\x1b");
	sbuf_init(&all, mem, SEED_BYTES);
	sbuf_u8(&all, 0);
	sbuf_u8(&all, 0);
	chain_event_pack(&ev, &all);
	seed_both("event", sbuf_view(&all));
}

static void
seed_checkpoint(void)
{
	char private_pem[CHECKPOINT_PEM_BYTES],
	    public_pem[CHECKPOINT_PEM_BYTES];
	char line[CHECKPOINT_LINE_BYTES];
	struct checkpoint c = { .seq = 1, .time = { NOON } };
	struct checkpoint_key *key;
	struct diag why;

	checkpoint_key_make(private_pem, public_pem);
	invariant(checkpoint_key_read(mem, span_str(private_pem), &key, &why) ==
		  ST_OK);
	checkpoint_sign(key, &c);
	seed_write(root, "evidence_export", "checkpoint",
	    span_str(checkpoint_line(&c, line)));
}

int
main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: evidence_seeds DIRECTORY\n");
		return EXIT_FAILURE;
	}
	root = argv[1];
	mem = talloc_new(NULL);
	seed_folder(root, "");
	seed_folder(root, "evidence");
	seed_folder(root, "evidence_export");
	seed_attempts();
	seed_event();
	seed_checkpoint();
	talloc_free(mem);
	return EXIT_SUCCESS;
}
