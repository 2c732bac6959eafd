/*
 * row_types.h
 *		Row types that hold fields keep the types of their columns.
 */
#ifndef CSEC_CAPTURE_ROW_TYPES_H
#define CSEC_CAPTURE_ROW_TYPES_H

#include "postgres.h"

#include "access/attnum.h"

/* Is it a field's type, or has it one in it, at whatever depth? */
extern bool csec_type_holds_field(Oid type);

/* A column is about to be dropped: what it held is remembered. */
extern void csec_row_type_loses(Oid relid, AttrNumber attno);

/* A column was altered, in this command; raises what must not be. */
extern void csec_row_type_altered(Oid relid, AttrNumber attno);

#endif							/* CSEC_CAPTURE_ROW_TYPES_H */
