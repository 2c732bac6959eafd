/*
 * hash_index.h
 *		What a query looks values up in by their hashes, and this process may not
 *		have hashed itself.
 */
#ifndef CSEC_TYPES_HASH_INDEX_H
#define CSEC_TYPES_HASH_INDEX_H

#include "postgres.h"

#include "executor/execdesc.h"
#include "fmgr.h"

/*
 * Calls "found" for each hash index over a field, with the category of its values, where its column
 * has none with CSEC_CATEGORY_TYPED_IN, and the function by which it hashes a
 * field that is looked up; and with the category alone for each field that processes put into one hash
 * table, or look up in it, together.
 */
extern void csec_hash_indexes(QueryDesc *query,
							  void (*found) (uint32 category, const FmgrInfo *hash));

#endif							/* CSEC_TYPES_HASH_INDEX_H */
