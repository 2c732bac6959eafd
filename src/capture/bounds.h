/*
 * bounds.h
 *		Bounds of partitions that are computed hold no values of fields.
 */
#ifndef CSEC_CAPTURE_BOUNDS_H
#define CSEC_CAPTURE_BOUNDS_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/* Of the utility statement at work; who runs one within it keeps that of the outer one. */
typedef struct CsecBounds
{
	bool		computed;		/* it computes bounds of partitions */
	List	   *children;		/* what has become the child of a table by it */
} CsecBounds;

extern CsecBounds csec_bounds_now;

/* A statement begins, a table becomes a child by it, and it is done. */
extern void csec_bounds_begin(Node *stmt);
extern void csec_bounds_child(Oid relid);

/* Raises where a bound that was computed is of a field's type. */
extern void csec_bounds_check(void);

#endif							/* CSEC_CAPTURE_BOUNDS_H */
