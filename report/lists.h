/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lists - the lists of figures as tables: one description of each, which the
 * commands and the compliance report share.  Pure.
 */
#ifndef REPORT_LISTS_H
#define REPORT_LISTS_H

#include "policy/conf.h"
#include "report/figures.h"
#include "report/table.h"

enum list_id {
	LIST_PLAINTEXT,
	LIST_UNAUTHENTICATED,
	LIST_EXCEPTIONS,
	LIST_BLOCKED,
	LIST_RETURNED,
	LIST_DOMAINS,
	LIST_CERTIFICATES,
	LIST_TIMELINE,
	LIST_CONFIGURATIONS,
	LIST_EVENTS,
};
#define LIST_COUNT 10u

struct list {
	const char *name;  /* of the command, and in JSON */
	const char *title; /* for people */
	const char *none;  /* what an empty one means, a sentence */
	const struct table_column *column;
	size_t columns;
	size_t offset; /* of its struct figures_list in struct figures */
	void (*row)(struct table *t, const void *item);
};

extern const struct list lists[LIST_COUNT];

const struct figures_list *list_of(enum list_id id, const struct figures *f);
/* At most max rows; returns how many were left out, here or in figures. */
uint64_t list_write(enum list_id id, const struct figures *f,
    enum table_form form, uint64_t max, struct sbuf *out);

/* One number of the summary. */
struct summary_line {
	const char *name; /* "delivered-plaintext" */
	const char *text; /* for people */
	uint64_t count;
};
#define SUMMARY_LINES 16u

void summary_of(const struct figures *f,
    struct summary_line out[SUMMARY_LINES]);

/* "a.example, .b.example" */
char *list_scope(void *mem, const char *const *domains, size_t count);
/*
 * The exceptions of the configuration, those that were used and are no longer
 * in it too, go into f's list as its register.  After the last record, before
 * figures_end().
 */
void list_register(struct figures *f, const struct conf *conf);

#endif
