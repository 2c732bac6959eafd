/*
 * own_table.h
 *		csec's tables, for floors that are below policy/catalog.c.
 */
#ifndef CSEC_UTIL_OWN_TABLE_H
#define CSEC_UTIL_OWN_TABLE_H

#include "postgres.h"

/* The table of that name in schema csec; InvalidOid where there is none. */
extern Oid	csec_own_table(const char *name);

#endif							/* CSEC_UTIL_OWN_TABLE_H */
