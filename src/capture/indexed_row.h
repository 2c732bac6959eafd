/*
 * indexed_row.h
 *		The table's row of an index-only scan's entry.
 */
#ifndef CSEC_CAPTURE_INDEXED_ROW_H
#define CSEC_CAPTURE_INDEXED_ROW_H

#include "nodes/execnodes.h"

extern TupleTableSlot *csec_indexed_row(PlanState *scan, TupleTableSlot *room);

#endif							/* CSEC_CAPTURE_INDEXED_ROW_H */
