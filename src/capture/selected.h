/*
 * selected.h
 *		Which columns a query selects of a relation in its range table.
 */
#ifndef CSEC_CAPTURE_SELECTED_H
#define CSEC_CAPTURE_SELECTED_H

#include "nodes/plannodes.h"

extern Bitmapset *csec_selected_columns(PlannedStmt *stmt, Index rti);
extern Bitmapset *csec_selected_elsewhere(PlannedStmt *stmt, Index rti, const Bitmapset *scanned);

#endif							/* CSEC_CAPTURE_SELECTED_H */
