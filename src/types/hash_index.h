/*
 * hash_index.h
 *		The hash indexes over fields that a query looks values up in.
 */
#ifndef CSEC_TYPES_HASH_INDEX_H
#define CSEC_TYPES_HASH_INDEX_H

#include "postgres.h"

#include "executor/execdesc.h"
#include "fmgr.h"

/*
 * Calls "found" for each, with the category of its values, where its column
 * has none with CSEC_CATEGORY_TYPED_IN, and the function by which it hashes a
 * field that is looked up.
 */
extern void csec_hash_indexes(QueryDesc *query,
							  void (*found) (uint32 category, const FmgrInfo *hash));

#endif							/* CSEC_TYPES_HASH_INDEX_H */
