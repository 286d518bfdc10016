dnl SPDX-License-Identifier: BSD-2-Clause
dnl Probes of compiler and linker flags.

dnl TP_TRY_FLAGS(FLAGS, IF-TAKEN, IF-NOT)
dnl Compile and link with FLAGS; a warning about them counts as a refusal.
AC_DEFUN([TP_TRY_FLAGS],
[AC_MSG_CHECKING([whether $CC takes $1])
tp_saved_cflags=$CFLAGS
CFLAGS="$CFLAGS $tp_strict $1"
AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <string.h>]],
    [[char c[9] = "text"; return (int)strlen(c) - 4;]])],
    [tp_taken=yes], [tp_taken=no])
CFLAGS=$tp_saved_cflags
AC_MSG_RESULT([$tp_taken])
AS_IF([test "$tp_taken" = yes], [$2], [$3])])

dnl TP_ADD_FLAGS(VARIABLE, FLAGS): append to VARIABLE those of FLAGS, a list
dnl of words, that are taken.
AC_DEFUN([TP_ADD_FLAGS],
[for tp_flag in $2
do
	TP_TRY_FLAGS([$tp_flag], [$1="$$1 $tp_flag"])
done])

dnl TP_MODULE(PREFIX, MODULE): a library we cannot do without.
AC_DEFUN([TP_MODULE],
[PKG_CHECK_MODULES([$1], [$2])
DEPS_CFLAGS="$DEPS_CFLAGS $$1[]_CFLAGS"
DEPS_LIBS="$DEPS_LIBS $$1[]_LIBS"])
