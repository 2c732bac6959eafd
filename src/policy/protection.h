/*
 * protection.h
 *		The rows of csec.protected_table and csec.protected_field.
 */
#ifndef CSEC_POLICY_PROTECTION_H
#define CSEC_POLICY_PROTECTION_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "policy/table.h"

typedef enum CsecAudit
{
	CSEC_AUDIT_BY_LEVEL,		/* as the levels of its fields say */
	CSEC_AUDIT_BATCH,
	CSEC_AUDIT_STRICT
} CsecAudit;

typedef struct CsecProtectedField
{
	NameData	name;
	uint32		category;
} CsecProtectedField;

typedef struct CsecProtection
{
	Oid			relid;
	bool		sound;			/* its row and those of its fields are as csec left them */
	Oid			subject_of;		/* InvalidOid: of its own */
	int			nsubject;
	NameData	subject[CSEC_MAX_SUBJECT_COLUMNS];
	bool		enforce;
	bool		subject_keys;
	int			repeats_within; /* ms; 0: every read has a record of its own */
	CsecAudit	audit;
	TimestampTz observe_until;	/* 0 where no end is set */
	List	   *fields;			/* of CsecProtectedField */
} CsecProtection;

/* The rows must be read anew.  Never fails. */
extern void csec_protection_stale(void);

/* Read them where that must be; an error where it cannot be done. */
extern void csec_protection_load(void);

/* The row of just this relation, or NULL; good until the next load. */
extern const CsecProtection *csec_protection_of(Oid relid);

/* The relations that have a row; a list of the caller's. */
extern List *csec_protection_relids(void);

#endif							/* CSEC_POLICY_PROTECTION_H */
