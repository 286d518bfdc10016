/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table - rows of named columns, written out as they come: as text, as CSV
 * (RFC 4180), as a JSON array of objects or as a table of a page.  Pure.
 *
 * Texts are UTF-8.
 */
#ifndef REPORT_TABLE_H
#define REPORT_TABLE_H

#include "util/clock.h"
#include "util/sbuf.h"

/* Ours: what is written as a whole, in memory. */
#define TABLE_MAX_BYTES (1u << 30)

enum table_form { TABLE_TEXT, TABLE_CSV, TABLE_JSON, TABLE_HTML };
#define TABLE_FORMS 4u

struct table_column {
	const char *name;    /* in CSV and JSON: "first-seen" */
	const char *heading; /* for people */
	int width;           /* as text; 0: as long as it is */
	bool number;
	bool data_only; /* not on a page, where room is short; not the first */
};

struct table {
	struct sbuf *out;
	enum table_form form;
	const struct table_column *column;
	size_t columns;
	size_t at; /* column of the next cell */
	uint64_t rows;
};

/* columns > 0; the array is borrowed until the end. */
void table_begin(struct table *t, struct sbuf *out, enum table_form form,
    const struct table_column *column, size_t columns);
/* The next cell; the last of a row ends the row. */
void table_text(struct table *t, const char *text);
void table_count(struct table *t, uint64_t n);
void table_time(struct table *t, struct wall when); /* 0: empty */
void table_end(struct table *t);                    /* after a whole row */

/*
 * One field of CSV: quoted where it needs to be.  A text that a spreadsheet
 * would take for a formula gets a ' before it: peers choose what stands here.
 */
void table_csv_field(struct sbuf *out, const char *text);
/* A JSON string with its quotes. */
void table_json_string(struct sbuf *out, const char *text);

#endif
