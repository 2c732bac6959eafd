/*
 * permit_write.h
 *		What somebody who has a permit for a table may not write into it.
 */
#ifndef CSEC_CAPTURE_PERMIT_WRITE_H
#define CSEC_CAPTURE_PERMIT_WRITE_H

#include "executor/execdesc.h"
#include "executor/tuptable.h"

#include "policy/table.h"

/*
 * Refuse a query that copies fields.  Outermost: constants and parameters are
 * the client's own; in a function they may be anything.
 */
extern void csec_permit_check_writes(PlannedStmt *stmt, bool outermost);

/* Refuse an update that gave a row to another customer. */
extern void csec_permit_check_key(const CsecTable *table, TupleTableSlot *old,
								  TupleTableSlot *new);

#endif							/* CSEC_CAPTURE_PERMIT_WRITE_H */
