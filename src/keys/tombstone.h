/*
 * tombstone.h
 *		Which customers' keys were destroyed, noted where no backup of the
 *		database brings them back.
 *
 * A restored backup has the wrapped key again; the tombstone, outside the data
 * directory with the other keys, says that it must not be used.  There is one
 * empty file for each destroyed key, named after its pseudonym, in
 * csec.tombstone_directory.  So a look costs one system call and no memory,
 * and the tombstones of two hosts become one set by copying the files.
 */
#ifndef CSEC_KEYS_TOMBSTONE_H
#define CSEC_KEYS_TOMBSTONE_H

#include "postgres.h"

#define CSEC_PSEUDONYM	16

extern void csec_tombstone_init(void);

/*
 * Was the key destroyed?  An error where it cannot be known: the directory is
 * not there, or cannot be read.
 */
extern bool csec_tombstone_is_there(const uint8 *pseudonym);

#endif							/* CSEC_KEYS_TOMBSTONE_H */
