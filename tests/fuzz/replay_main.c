/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay_main - run a fuzz target over stored inputs, without libFuzzer.
 *
 *	fuzz_x FILE|DIRECTORY...
 *
 * A target that finds a fault aborts; so a last line is a pass.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define INPUT_MAX_BYTES (1u << 20) /* ours: no stored input is larger */
#define PATH_BYTES      4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned runs;

static int
run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *buf, *exact;
	size_t n;

	if (f == NULL) {
		perror(path);
		return -1;
	}
	buf = malloc(INPUT_MAX_BYTES);
	n = buf == NULL ? 0 : fread(buf, 1, INPUT_MAX_BYTES, f);
	fclose(f);
	/* Of the exact size, so that a read past the end is seen. */
	exact = realloc(buf, n > 0 ? n : 1);
	if (exact == NULL) {
		free(buf);
		return -1;
	}
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	runs++;
	return 0;
}

static int
run_directory(const char *path)
{
	struct dirent **names;
	char file[PATH_BYTES];
	int n = scandir(path, &names, NULL, alphasort), bad = 0;

	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.') {
			snprintf(file, sizeof(file), "%s/%s", path,
			    names[i]->d_name);
			bad |= run_file(file);
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return n < 0 ? -1 : bad;
}

int
main(int argc, char **argv)
{
	static const uint8_t nothing[1];
	struct stat st;
	int bad = 0;

	LLVMFuzzerTestOneInput(nothing, 0);
	runs++;
	for (int i = 1; i < argc; i++) {
		if (stat(argv[i], &st) != 0)
			continue; /* no corpus yet */
		bad |= S_ISDIR(st.st_mode) ? run_directory(argv[i]) :
					     run_file(argv[i]);
	}
	printf("%u passed, %d failed, 0 skipped\n", runs, bad != 0);
	return bad != 0;
}
