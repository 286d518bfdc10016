/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inputs for fuzz targets to begin from, made by the code of today: stored
 * ones would be refused from the day on that a field is added, and nobody
 * would see it.
 */
#ifndef TESTS_FUZZ_SEEDS_H
#define TESTS_FUZZ_SEEDS_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "util/span.h"

#define SEED_BYTES (1u << 20) /* what replay_main reads */
#define PATH_BYTES 4096u

static inline void
seed_fail(const char *path)
{
	perror(path);
	exit(EXIT_FAILURE);
}

/* A folder below root, "" for root itself. */
static inline void
seed_folder(const char *root, const char *target)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s/%s", root, target);
	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		seed_fail(path);
}

static inline void
seed_write(const char *root, const char *target, const char *name,
    struct span bytes)
{
	char path[PATH_BYTES];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/%s", root, target, name);
	f = fopen(path, "wb");
	if (f == NULL || fwrite(bytes.p, 1, bytes.n, f) != bytes.n ||
	    fclose(f) != 0)
		seed_fail(path);
}

#endif
