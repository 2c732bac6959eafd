/*
 * permit_quota.h
 *		How many rows each permit has shown.
 */
#ifndef CSEC_POLICY_PERMIT_QUOTA_H
#define CSEC_POLICY_PERMIT_QUOTA_H

#include "policy/permit.h"

extern void csec_permit_quota_init(void);

/*
 * Take one row of a permit's quota; false: it is used up.  Durable before it
 * answers, whatever becomes of the transaction.
 */
extern bool csec_permit_take(const CsecPermit *permit);

/* Has it rows left, as far as is known without looking into the table? */
extern bool csec_permit_has_rows(const CsecPermit *permit);

#endif							/* CSEC_POLICY_PERMIT_QUOTA_H */
