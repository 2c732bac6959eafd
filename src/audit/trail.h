/*
 * trail.h
 *		The tables of the trail: their columns, and their partitions.
 */
#ifndef CSEC_AUDIT_TRAIL_H
#define CSEC_AUDIT_TRAIL_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "storage/lockdefs.h"
#include "utils/rel.h"

/* Columns of csec_trail.audit_log, from 1. */
enum
{
	CSEC_LOG_SEQ = 1,
	CSEC_LOG_AT,
	CSEC_LOG_SUBJECT,
	CSEC_LOG_RELID,
	CSEC_LOG_KIND,
	CSEC_LOG_LOGIN,
	CSEC_LOG_SUBJECTS,
	CSEC_LOG_RECORD,
	CSEC_LOG_HASH,
	CSEC_LOG_COLUMNS = CSEC_LOG_HASH
};

/* Columns of csec_trail.audit_subject. */
enum
{
	CSEC_SUBJECT_SUBJECT = 1,
	CSEC_SUBJECT_SEQ,
	CSEC_SUBJECT_AT,
	CSEC_SUBJECT_RELID,
	CSEC_SUBJECT_COLUMNS = CSEC_SUBJECT_RELID
};

/* One of csec_trail's tables by name, or InvalidOid. */
extern Oid	csec_trail_relid(const char *name);

/* The partition of a table for the month of a moment; NULL: there is none. */
extern Relation csec_trail_partition(const char *parent, TimestampTz at,
									 LOCKMODE lockmode);

/* The same to read what is there: what only has the name of it is passed over. */
extern Relation csec_trail_month(const char *parent, TimestampTz at, LOCKMODE lockmode);

/*
 * Has it the columns, with their types, that csec gave the table of that name,
 * of which it may be a partition?  An error if not: what reads its rows goes by
 * the places of columns, and would take a number for the address of a text.
 */
extern void csec_trail_check_columns(Relation rel, const char *table);

/* All partitions of a table, locked; OIDs ascending. */
extern List *csec_trail_partitions(const char *parent, LOCKMODE lockmode);

#endif							/* CSEC_AUDIT_TRAIL_H */
