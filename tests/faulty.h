/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faulty - a disk that fails when told to: an SQLite VFS over the real one.
 * install_faulty_vfs() makes it the default.
 */
#ifndef TESTS_FAULTY_H
#define TESTS_FAULTY_H

#include <check.h>
#include <sqlite3.h>
#include <string.h>

enum disk_fault { FAIL_NONE, FAIL_SYNC, FAIL_WRITE, FAIL_FULL };
static enum disk_fault failing;

struct faulty {
	sqlite3_file base;
	sqlite3_file *real;
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs faulty_vfs;

#define REAL(f)    (((struct faulty *)(f))->real)
#define CALL(f, m) (REAL(f)->pMethods->m)

static inline int
f_close(sqlite3_file *f)
{
	int rc = CALL(f, xClose)(REAL(f));

	sqlite3_free(REAL(f));
	return rc;
}

static inline int
f_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return CALL(f, xRead)(REAL(f), p, n, at);
}

static inline int
f_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	if (failing == FAIL_FULL)
		return SQLITE_FULL;
	if (failing == FAIL_WRITE)
		return SQLITE_IOERR_WRITE;
	return CALL(f, xWrite)(REAL(f), p, n, at);
}

static inline int
f_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	return CALL(f, xTruncate)(REAL(f), n);
}

static inline int
f_sync(sqlite3_file *f, int flags)
{
	if (failing == FAIL_SYNC)
		return SQLITE_IOERR_FSYNC;
	return CALL(f, xSync)(REAL(f), flags);
}

static inline int
f_size(sqlite3_file *f, sqlite3_int64 *n)
{
	return CALL(f, xFileSize)(REAL(f), n);
}

static inline int
f_lock(sqlite3_file *f, int l)
{
	return CALL(f, xLock)(REAL(f), l);
}

static inline int
f_unlock(sqlite3_file *f, int l)
{
	return CALL(f, xUnlock)(REAL(f), l);
}

static inline int
f_check(sqlite3_file *f, int *yes)
{
	return CALL(f, xCheckReservedLock)(REAL(f), yes);
}

static inline int
f_control(sqlite3_file *f, int op, void *arg)
{
	return CALL(f, xFileControl)(REAL(f), op, arg);
}

static inline int
f_sector(sqlite3_file *f)
{
	return CALL(f, xSectorSize)(REAL(f));
}

static inline int
f_device(sqlite3_file *f)
{
	return CALL(f, xDeviceCharacteristics)(REAL(f));
}

static inline int
f_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **at)
{
	return CALL(f, xShmMap)(REAL(f), page, size, extend, at);
}

static inline int
f_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return CALL(f, xShmLock)(REAL(f), at, n, flags);
}

static inline void
f_shm_barrier(sqlite3_file *f)
{
	CALL(f, xShmBarrier)(REAL(f));
}

static inline int
f_shm_unmap(sqlite3_file *f, int del)
{
	return CALL(f, xShmUnmap)(REAL(f), del);
}

static const sqlite3_io_methods faulty_methods = {
	.iVersion = 2,
	.xClose = f_close,
	.xRead = f_read,
	.xWrite = f_write,
	.xTruncate = f_truncate,
	.xSync = f_sync,
	.xFileSize = f_size,
	.xLock = f_lock,
	.xUnlock = f_unlock,
	.xCheckReservedLock = f_check,
	.xFileControl = f_control,
	.xSectorSize = f_sector,
	.xDeviceCharacteristics = f_device,
	.xShmMap = f_shm_map,
	.xShmLock = f_shm_lock,
	.xShmBarrier = f_shm_barrier,
	.xShmUnmap = f_shm_unmap,
};

static inline int
faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
    int *got)
{
	struct faulty *mine = (struct faulty *)f;
	int rc;

	(void)vfs;
	mine->real = sqlite3_malloc(real_vfs->szOsFile);
	memset(mine->real, 0, (size_t)real_vfs->szOsFile);
	rc = real_vfs->xOpen(real_vfs, name, mine->real, flags, got);
	mine->base.pMethods = rc == SQLITE_OK ? &faulty_methods : NULL;
	if (rc != SQLITE_OK)
		sqlite3_free(mine->real);
	return rc;
}

static inline void
install_faulty_vfs(void)
{
	sqlite3_initialize();
	real_vfs = sqlite3_vfs_find(NULL);
	faulty_vfs = *real_vfs;
	faulty_vfs.szOsFile = (int)sizeof(struct faulty);
	faulty_vfs.zName = "faulty";
	faulty_vfs.xOpen = faulty_open;
	ck_assert_int_eq(sqlite3_vfs_register(&faulty_vfs, 1), SQLITE_OK);
}

#endif
