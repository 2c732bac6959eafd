/*
 * utility.h
 *		What csec does before and after a utility statement.
 */
#ifndef CSEC_CAPTURE_UTILITY_H
#define CSEC_CAPTURE_UTILITY_H

#include "nodes/plannodes.h"

#include "capture/bounds.h"
#include "capture/kin.h"

typedef struct CsecUtility
{
	Oid			parked;			/* database whose sealer was stopped */
	Oid			dropped;		/* database that is being dropped */
	const char *reads_command;	/* as it was before */
	bool		indirect_drop;	/* as it was before */
	bool		trail_own_ddl;	/* as it was before */
	CsecKin		kin;			/* as it was before */
	CsecBounds	bounds;			/* as it was before */
	bool		jit_off;		/* was switched off for this statement */
	char	   *action;			/* to be recorded afterwards, or NULL */
	char	   *object;
	char	   *detail;
	bool		sets;			/* a setting, of which the value is told */
	bool		stored;			/* expressions were being stored, before */
} CsecUtility;

extern void csec_utility_park(CsecUtility *utility, Node *stmt);
extern void csec_utility_release(CsecUtility *utility);
extern void csec_utility_dropped(CsecUtility *utility);

extern void csec_utility_before(CsecUtility *utility, PlannedStmt **pstmt);
extern void csec_utility_always(CsecUtility *utility);
extern void csec_utility_after(CsecUtility *utility);

#endif							/* CSEC_CAPTURE_UTILITY_H */
