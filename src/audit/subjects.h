/*
 * subjects.h
 *		The subjects of a record as values of PostgreSQL's types.
 */
#ifndef CSEC_AUDIT_SUBJECTS_H
#define CSEC_AUDIT_SUBJECTS_H

#include "postgres.h"

#include "audit/columns.h"

/* Column subjects: an int8multirange, for the shapes MANY and ALL. */
extern Datum csec_subjects_multirange(const CsecColumns *columns);

#endif							/* CSEC_AUDIT_SUBJECTS_H */
