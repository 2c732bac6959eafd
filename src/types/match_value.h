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

/*
 * csec_match_characters
 *		How many characters of what is claimed are compared: blanks are not.
 */
extern int	csec_match_characters(const char *claimed);

#endif							/* CSEC_TYPES_MATCH_VALUE_H */
