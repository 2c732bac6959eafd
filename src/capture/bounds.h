/*
 * bounds.h
 *		Bounds of partitions that are computed hold no values of fields.
 */
#ifndef CSEC_CAPTURE_BOUNDS_H
#define CSEC_CAPTURE_BOUNDS_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/* The partitions that a statement makes with bounds that are computed: RangeVars. */
extern List *csec_bounds_computed(Node *stmt);

/* They are made: raises where such a bound is of a field's type. */
extern void csec_bounds_check(List *partitions);

#endif							/* CSEC_CAPTURE_BOUNDS_H */
