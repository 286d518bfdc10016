/* SPDX-License-Identifier: BSD-2-Clause */
/* evidence_text - records for people and for programs. */
#ifndef REPORT_EVIDENCE_TEXT_H
#define REPORT_EVIDENCE_TEXT_H

#include <jansson.h>
#include <stdio.h>

#include "report/chain_event.h"
#include "report/evidence.h"

/* A table: the heading, then one line a record. */
void evidence_print_heading(FILE *to);
void evidence_print_line(FILE *to, uint64_t seq, const struct evidence *e);
/* All fields, one a line. */
void evidence_print_whole(FILE *to, uint64_t seq,
    const uint8_t hash[EVIDENCE_HASH_BYTES], const struct evidence *e);
/* All fields as one object; the caller gives the reference back. */
json_t *evidence_json(uint64_t seq, const uint8_t hash[EVIDENCE_HASH_BYTES],
    const struct evidence *e);

/* The same of records that are of no attempt. */
void chain_event_print_line(FILE *to, uint64_t seq,
    const struct chain_event *e);
void chain_event_print_whole(FILE *to, uint64_t seq,
    const uint8_t hash[EVIDENCE_HASH_BYTES], const struct chain_event *e);
json_t *chain_event_json(uint64_t seq, const uint8_t hash[EVIDENCE_HASH_BYTES],
    const struct chain_event *e);

#endif
