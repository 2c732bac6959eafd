/*
 * match_value.h
 *		Is a stored value what somebody claims it to be?
 */
#ifndef CSEC_TYPES_MATCH_VALUE_H
#define CSEC_TYPES_MATCH_VALUE_H

#include "postgres.h"

/*
 * Whose rights csec.match_value() works under at this moment: those of
 * csec.match_customer(), while it runs; InvalidOid: of nobody's.
 */
extern Oid	csec_matching;

#endif							/* CSEC_TYPES_MATCH_VALUE_H */
