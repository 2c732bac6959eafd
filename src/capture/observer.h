/*
 * observer.h
 *		Notes one row's subject for the record of a read.
 */
#ifndef CSEC_CAPTURE_OBSERVER_H
#define CSEC_CAPTURE_OBSERVER_H

#include "executor/tuptable.h"
#include "nodes/execnodes.h"

#include "capture/collector.h"
#include "policy/table.h"

/* One protected table whose subjects pass a node. */
typedef struct CsecObserver
{
	struct CsecObserver *next;
	const CsecTable *table;
	const char *statement;
	Bitmapset  *selected;
	Bitmapset  *conditions;		/* columns that the scan's conditions look at */
	CsecExactness exactness;
	bool		strict;
	bool		told;			/* by the changes of the query, if it comes to them */
	bool		counted;		/* and those are as many */
	bool		one_row;		/* the first row is the last and leaves as it is */
	bool		last;			/* the statement ends with its end */
	PlanState  *scan;			/* over the table */
	bool		in_result;		/* the key is in the node's result */
	bool		again;			/* of rows that another observer has counted */
	bool		in_expression;	/* rows are noted by an expression of the node */
	bool		in_sequence;	/* the scan reads its pages row by row */
	AttrNumber	attno[CSEC_MAX_SUBJECT_COLUMNS];	/* there, or in the scan's tuple */
	TupleTableSlot *fetched;	/* row of an index-only scan without the key */
	CsecCollector *collector;
	uint64		generation;		/* of collectors, for which that is valid */
	struct CsecPermitted *permitted;	/* permits that show some of the rows */
	int64		permit;			/* the one that showed a row last */
	CsecCollector *shown;		/* and what collects its rows */
	uint64		shown_generation;
} CsecObserver;

extern bool csec_reads_discarded;

extern void csec_observer_attach(CsecObserver *observer);
extern void csec_observer_note(CsecObserver *observer, TupleTableSlot *result);
extern void csec_observer_end(CsecObserver *observer);
extern void csec_observer_failed(CsecObserver *observer);
extern void csec_observer_use_index(CsecObserver *observer);

/* Make sure that there is a collector of the current statement. */
static inline void
csec_observer_ready(CsecObserver *observer)
{
	if (unlikely(observer->generation != csec_collectors_generation))
		csec_observer_attach(observer);
}

#endif							/* CSEC_CAPTURE_OBSERVER_H */
