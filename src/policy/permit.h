/*
 * permit.h
 *		The permits of this login: csec.access_permit.
 *
 * A permit shows some fields of some customers of one table, for a time and a
 * number of rows, to the login that asked for it, and where several share that
 * login to the person who logged in by a token.  Unlike a clearance it says
 * nothing about a category at large, so whether a value is one of a permitted
 * row is known only where the row is read: see reveal.h.
 */
#ifndef CSEC_POLICY_PERMIT_H
#define CSEC_POLICY_PERMIT_H

#include "postgres.h"

#include "access/attnum.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

typedef struct CsecPermitSubjects
{
	int			n;
	bool		integers;		/* all of them are, in "keys", ascending */
	int64	   *keys;
	char	  **texts;			/* ascending by bytes */
} CsecPermitSubjects;

typedef struct CsecPermit
{
	int64		id;
	char	   *person;			/* of those who share the login; NULL: it is one's own */
	Oid			relid;			/* the protected table itself */
	int			nfields;
	AttrNumber *attnos;			/* in relid */
	bool		any;			/* whatever customer */
	CsecPermitSubjects subjects;
	CsecPermitSubjects never;	/* but these */
	int64		max_rows;
	bool		exports;		/* serves COPY and changes of data, too */
	TimestampTz from;
	TimestampTz until;
} CsecPermit;

extern void csec_permit_init(void);

/* Has this login any?  Cheap where it has none. */
extern bool csec_permit_any(void);

/*
 * Those for a table, in force or about to be: a list made in the current
 * context, of permits that are good until the policy is next looked at.
 */
extern List *csec_permits_of(Oid relid);

/* The permit of that number, whether in force or not; or NULL. */
extern const CsecPermit *csec_permit_find(int64 id);

/* The same, if it is in force at this moment. */
extern const CsecPermit *csec_permit_in_force(int64 id);

/* Does a permit that is in force show fields of this category? */
extern bool csec_permit_shows(uint32 category);

/* Does a permit show a customer?  His key as the table has it. */
extern bool csec_permit_covers_integer(const CsecPermit *permit, int64 key);
extern bool csec_permit_covers_text(const CsecPermit *permit, const char *key, size_t len);

#endif							/* CSEC_POLICY_PERMIT_H */
