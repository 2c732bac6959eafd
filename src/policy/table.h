/*
 * table.h
 *		Which relations are protected, and how.
 */
#ifndef CSEC_POLICY_TABLE_H
#define CSEC_POLICY_TABLE_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "policy/catalog.h"

#define CSEC_MAX_SUBJECT_COLUMNS 8

/* A classified column. */
typedef struct CsecTableField
{
	AttrNumber	attno;			/* in the relation that was asked for */
	NameData	name;
	Oid			type;			/* below its domains */
	uint32		category;
	bool		strict;			/* its level asks for strict recording */
	bool		general;		/* its level is not above general */
} CsecTableField;

/*
 * What a relation is under.  Read only; stays where it is until the end of
 * the transaction in which it was looked up, even if the policy changes.
 */
typedef struct CsecTable
{
	Oid			relid;			/* as asked: may be a partition or a child */
	Oid			root;			/* its row in csec.protected_table */
	bool		enforce;		/* false: observed only */
	bool		strict;			/* every read is recorded before a row leaves */
	bool		subject_keys;	/* fields and changes are under the key of each customer */
	bool		is_trail;		/* in csec_trail: recorded without subjects */
	int			repeats_within; /* ms in which equal reads are told as a number; 0: none */
	TimestampTz observe_until;	/* 0 where no end is set */
	Oid			subject_table;	/* whose subjects: root, or what it refers to */
	int			nsubject;		/* 0 for the trail only */
	AttrNumber	subject_attno[CSEC_MAX_SUBJECT_COLUMNS];	/* in relid */
	Oid			subject_type[CSEC_MAX_SUBJECT_COLUMNS]; /* base types */
	bool		subject_is_integer; /* one column of int2, int4 or int8 */
	char	   *qualified_name; /* of the root, quoted as needed */
	int			nfields;
	CsecTableField *fields;		/* by attno */
} CsecTable;

extern void csec_table_init(void);
extern const CsecTable *csec_table_lookup_slow(Oid relid);

/*
 * All protected relations with their descendants; *n of them.  Worked out when
 * something changed since the last call, and good until the next.
 */
extern const Oid *csec_table_all(int *n);

/* Drop what no running statement can still hold; never fails. */
extern void csec_table_sweep(void);

/*
 * csec_table_lookup
 *		How a relation is protected; NULL: it is not.
 *
 * For the relation itself and for partitions and inheritance children of a
 * protected one; where several ancestors are protected the nearest counts.
 * Raises an error where it cannot be known (object_not_in_prerequisite_state).
 */
static inline const CsecTable *
csec_table_lookup(Oid relid)
{
	if (likely(csec_known_absent))
		return NULL;
	return csec_table_lookup_slow(relid);
}

#endif							/* CSEC_POLICY_TABLE_H */
