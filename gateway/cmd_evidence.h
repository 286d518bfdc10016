/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_evidence - shared by gateway/cmd_evidence*.c only. */
#ifndef GATEWAY_CMD_EVIDENCE_H
#define GATEWAY_CMD_EVIDENCE_H

#include "gateway/cmd_util.h"
#include "report/evidence_text.h"

#define EVIDENCE_KEYS_MAX 16u /* ours: the present one and earlier ones */

struct evidence_options {
	const char *conf;
	bool json;
	const char *domain;
	const char *message;
	struct wall since;
	struct wall until;
	const char *key[EVIDENCE_KEYS_MAX]; /* files of public keys */
	size_t key_count;
	const char *checkpoints; /* file of checkpoints kept, or NULL */
};

/* Each returns an exit status; conf and store are open. */
int evidence_cmd_verify(TALLOC_CTX *mem, const struct conf *conf,
    struct store *store, const struct evidence_options *o);
int evidence_cmd_replay(TALLOC_CTX *mem, struct store *store,
    const struct evidence_options *o);
int evidence_cmd_export(TALLOC_CTX *mem, const struct conf *conf,
    struct store *store, const struct evidence_options *o);

/* A line on standard error that is written over, where that is a terminal. */
void evidence_progress(void *what, uint64_t done);
void evidence_progress_end(void);

/* A record of whatever kind as JSON; NULL with *why: it cannot be read. */
json_t *evidence_any_json(TALLOC_CTX *tmp, const struct store_evidence *rec,
    struct diag *why);

#endif
