/*
 * store_form.h
 *		In which form the sealer stores a record.
 */
#ifndef CSEC_AUDIT_STORE_FORM_H
#define CSEC_AUDIT_STORE_FORM_H

#include "postgres.h"

#include "audit/record.h"

/*
 * What goes into this partition for a record: itself, or its short form,
 * palloc'd.  Whoever gets it stores it, in the transaction of today; if that
 * fails the process must end, as later records refer to this one.
 */
extern bytea *csec_store_form(Oid leaf, bytea *record, const CsecBody *body);

#endif							/* CSEC_AUDIT_STORE_FORM_H */
