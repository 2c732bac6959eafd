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
	bool		is_root;		/* nothing stands between it and the reader */
	AttrNumber	attno[CSEC_MAX_SUBJECT_COLUMNS];	/* in its result, if above */
} CsecReadPoint;

extern void csec_read_point(const CsecPlanPath *path, const CsecTable *table,
							CsecReadPoint *point);
extern bool csec_qual_may_leak(List *qual);

#endif							/* CSEC_CAPTURE_READ_POINT_H */
