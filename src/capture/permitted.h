/*
 * permitted.h
 *		Notes the values of permitted rows as a scan reads them.
 */
#ifndef CSEC_CAPTURE_PERMITTED_H
#define CSEC_CAPTURE_PERMITTED_H

#include "capture/wrap.h"

/* The permits that a scan over a protected table reads under. */
typedef struct CsecPermitted CsecPermitted;

/*
 * Prepare a scan; NULL where this login has no permit for what the query
 * selects of the table, or needs none.  exporting: the query changes data or
 * copies it out.
 */
extern CsecPermitted *csec_permitted_scan(CsecWrappedQuery *query, PlanState *scan,
										  const CsecTable *table, Bitmapset *selected,
										  bool exporting);

/* The permit that shows a customer, by the key in a slot; 0: none does. */
extern int64 csec_permitted_by(CsecPermitted *permitted, TupleTableSlot *slot,
							   const AttrNumber *attno);

/* Has this permit the column?  For the record of what was met there. */
extern bool csec_permitted_column(const CsecPermitted *permitted, int64 permit, AttrNumber attno);

/* Does a statement read a table of which this login has permits? */
extern bool csec_reads_under_permit(PlannedStmt *stmt);

#endif							/* CSEC_CAPTURE_PERMITTED_H */
