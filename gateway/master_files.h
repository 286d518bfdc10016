/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * master_files - files that the configuration names and only the master
 * opens: certificates, their keys, trust anchors, accounts.  They are read and
 * tried out as a whole before any of them is used.
 */
#ifndef GATEWAY_MASTER_FILES_H
#define GATEWAY_MASTER_FILES_H

#include "policy/conf.h"

/* A certificate that is shown to others, and when it expires. */
struct master_expiry {
	const char *path;
	struct wall not_after;
};

struct master_files {
	struct span cert, key;   /* PEM; n 0: none, here and below */
	struct span client_ca;   /* PEM */
	struct span accounts;    /* as policy/accounts.h has it */
	struct span secrets;     /* of routes: courier_set_secrets() */
	struct span smtp_ca;     /* PEM: smtp.ca-file, or the system's bundle */
	struct span sts_ca;      /* PEM: sts.ca-file, likewise */
	struct span material;    /* of rules: courier_set_material() */
	struct span report_keys; /* keeper_set_report_keys() */
	struct master_expiry *expiry;
	size_t expiry_count;
};

/* In mem; NULL with what is wrong, each with the file and what to do. */
struct master_files *master_files_read(TALLOC_CTX *mem, const struct conf *conf,
    struct conf_mistakes *mistakes);

/* What signs reports (tlsrpt_key_pack()), in mem; without any n is 0. */
struct span master_report_keys(TALLOC_CTX *mem, const struct conf *conf,
    struct conf_mistakes *mistakes);

#endif
