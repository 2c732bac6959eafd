/*
 * row.h
 *		A record of the trail as it reached csec_verify.                [FE]
 *
 * From a bundle come the bytes and their hash alone; from a server the other
 * columns of csec_trail.audit_log too, which must say what the record says.
 */
#ifndef CSEC_VERIFY_ROW_H
#define CSEC_VERIFY_ROW_H

#include <stdbool.h>
#include <stdint.h>

/* A column that is null has data = NULL. */
typedef struct CsecDatum
{
	const uint8_t *data;
	uint32_t	len;
} CsecDatum;

typedef struct CsecRow
{
	int64_t		seq;
	CsecDatum	record;
	const char *problem;		/* why there is none, where more is known than that, */
	int64_t		sealed_as;		/* ... and the number that it claims all the same */
	CsecDatum	hash;
	bool		has_columns;
	CsecDatum	at;
	CsecDatum	kind;
	CsecDatum	relid;
	CsecDatum	login;
	CsecDatum	subject;
	CsecDatum	subjects;
} CsecRow;

#endif							/* CSEC_VERIFY_ROW_H */
