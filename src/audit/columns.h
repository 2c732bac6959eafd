/*
 * columns.h
 *		The columns of csec_trail.audit_log that repeat what its record
 *		says, so that the trail can be searched.                        [FE]
 *
 * They prove nothing by themselves: verification derives them again.
 *
 * A subject is found by an int8 key.  An integer key is itself; any other
 * key is the first eight bytes, big endian, of the SHA-256 of its text.
 *
 *	no subjects			subject and subjects are null
 *	one					column subject
 *	2 .. 64				one row each in csec_trail.audit_subject
 *	more				column subjects
 *	all of the table	column subjects, without bounds
 *
 * An outcome record has relid = 0 and subject = the transaction id it is
 * about: the same index then finds how a transaction ended.
 */
#ifndef CSEC_AUDIT_COLUMNS_H
#define CSEC_AUDIT_COLUMNS_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/record.h"

#define CSEC_SUBJECT_ROWS_MAX 64

typedef enum CsecSubjectsShape
{
	CSEC_SHAPE_NONE,
	CSEC_SHAPE_ONE,				/* column subject */
	CSEC_SHAPE_FEW,				/* rows of audit_subject */
	CSEC_SHAPE_MANY,			/* column subjects */
	CSEC_SHAPE_ALL
} CsecSubjectsShape;

typedef struct CsecColumns
{
	uint8_t		kind;
	bool		has_relid;
	uint32_t	relid;
	CsecField	login;			/* points into the body; data NULL: none */
	CsecField	subjects;		/* likewise */
	CsecSubjectsShape shape;
	int			count;			/* of key: 1 .. 64 for ONE and FEW */
	int64_t		key[CSEC_SUBJECT_ROWS_MAX]; /* ascending, none twice */
} CsecColumns;

/* False where OpenSSL fails. */
extern bool csec_columns_derive(const CsecBody *body, CsecColumns *columns);

/* The key by which a subject that is not an integer is found. */
extern bool csec_subject_key(const uint8_t *text, uint32_t len, int64_t *key);

#endif							/* CSEC_AUDIT_COLUMNS_H */
