/*
 * envelope_check.h
 *		What is wrong with an encrypted value, if anything.
 */
#ifndef CSEC_TYPES_ENVELOPE_CHECK_H
#define CSEC_TYPES_ENVELOPE_CHECK_H

#include "postgres.h"

/*
 * csec_envelope_problem
 *		The name of the problem that a value has, NULL if none.
 *
 * The value is authenticated and its search tags are computed anew.  category:
 * that of its field, or CSEC_CATEGORY_NONE where any will do.  Nothing of the
 * text leaves this function, and no problem is an error.
 */
extern const char *csec_envelope_problem(const struct varlena *value, uint32 category);

#endif							/* CSEC_TYPES_ENVELOPE_CHECK_H */
