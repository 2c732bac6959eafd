/*
 * kin.h
 *		Tables that an ALTER TABLE takes out of a protected one, or puts into it.
 */
#ifndef CSEC_CAPTURE_KIN_H
#define CSEC_CAPTURE_KIN_H

#include "postgres.h"

#include "nodes/nodes.h"

typedef struct CsecKin
{
	bool		leaves;			/* something leaves a parent */
	Oid			root;			/* the protected table it is about, or 0 */
	Oid			joins;			/* protected on its own so far, or 0 */
} CsecKin;

/* What the statement at work does; who sets it puts back what was there. */
extern CsecKin csec_kin_at_work;

extern void csec_kin_note(Node *stmt);

#endif							/* CSEC_CAPTURE_KIN_H */
