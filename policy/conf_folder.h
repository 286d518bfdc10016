/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conf_folder - exceptions-dir: one exception a file, NAME.conf, with the
 * keys of an entry of the list `exceptions`.  For policy/conf*.c alone.
 *
 * Each is a libconfig file of its own, so that none can say anything of
 * what stands around it; none can include.  Names that begin with a dot and
 * README are passed over; anything else that is not NAME.conf is a mistake,
 * for nobody should believe in an exception that is not read.
 */
#ifndef POLICY_CONF_FOLDER_H
#define POLICY_CONF_FOLDER_H

struct conf_reader;

/*
 * Settle exceptions-dir: the whole path, or "" when there is no such folder
 * and none was asked for.  Only for a configuration that is a file.
 */
void conf_folder_settle(struct conf_reader *r, const char *conf_path);
/* After all lists: what the files of the folder say. */
void conf_folder_read(struct conf_reader *r);

#endif
