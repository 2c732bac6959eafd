/*
 * read_point.h
 *		Where in a plan the subjects of a scan are best seen.
 */
#ifndef CSEC_CAPTURE_READ_POINT_H
#define CSEC_CAPTURE_READ_POINT_H

#include "executor/execdesc.h"

#include "policy/table.h"

/* The nodes from a plan's root down to a scan. */
typedef struct CsecPlanPath
{
	bool		main;			/* the root is that of the query itself */
	int			depth;
	int			size;
	PlanState **nodes;
} CsecPlanPath;

typedef struct CsecReadPoint
{
	PlanState  *node;			/* the scan itself, or one above it */
	int			input;			/* not 0: to be noted before its projection, from
								 * the input that has this variable number */
	bool		delivered;		/* all of its rows go to the reader */
	bool		one_row;		/* delivered, at most one, and nothing runs between */
	bool		left_to_leader; /* in a worker: the leader notes its rows */
	AttrNumber	attno[CSEC_MAX_SUBJECT_COLUMNS];	/* of the key, if above the scan */
} CsecReadPoint;

extern void csec_read_point(const CsecPlanPath *path, const CsecTable *table,
							CsecReadPoint *point);
extern bool csec_may_leak(List *expressions);

#endif							/* CSEC_CAPTURE_READ_POINT_H */
