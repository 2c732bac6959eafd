/*
 * change_value.h
 *		How the trail shows an old or new value of a column.
 */
#ifndef CSEC_CAPTURE_CHANGE_VALUE_H
#define CSEC_CAPTURE_CHANGE_VALUE_H

#include "fmgr.h"
#include "lib/stringinfo.h"

/* A column of a table whose changes are recorded. */
typedef struct CsecChangeColumn
{
	NameData	name;
	bool		dropped;
	bool		by_value;
	int16		typlen;
	bool		is_masked;		/* of a csec type */
	uint32		category;		/* of a classified column of another type; or 0 */
	FmgrInfo	output;
} CsecChangeColumn;

/* One byte before each column's values. */
#define CSEC_CHANGE_OLD			0x01	/* an old value follows */
#define CSEC_CHANGE_NEW			0x02	/* a new value follows */
#define CSEC_CHANGE_OLD_NULL	0x04	/* the old value was null */
#define CSEC_CHANGE_NEW_NULL	0x08
#define CSEC_CHANGE_OLD_DIGEST	0x10	/* not the value: its digest and length */
#define CSEC_CHANGE_NEW_DIGEST	0x20

/* Longer values are told by SHA-256 and length. */
#define CSEC_CHANGE_VALUE_MAX	(64 * 1024)

extern bool csec_change_value(StringInfo out, CsecChangeColumn *column, Datum value);

#endif							/* CSEC_CAPTURE_CHANGE_VALUE_H */
