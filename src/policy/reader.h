/*
 * reader.h
 *		Whose clearance decides.
 *
 * The reader is the session's outer role (the login, or what SET ROLE chose),
 * provided that the authenticated login holds it by membership: what a
 * superuser turns into by his attribute is nobody.  SECURITY DEFINER neither
 * raises nor lowers it.
 */
#ifndef CSEC_POLICY_READER_H
#define CSEC_POLICY_READER_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* Roles that csec itself gives a meaning to; made when it is installed. */
typedef enum CsecTrustedRole
{
	CSEC_ROLE_BACKUP = 0,		/* gets complete dumps */
	CSEC_ROLE_LOADER,			/* may try values without limit */
	CSEC_ROLE_TRAIL_READER,		/* may open what the trail keeps, within its clearance */
	CSEC_ROLE_ADMIN				/* administers csec */
} CsecTrustedRole;

extern void csec_reader_init(void);

/* The role that was authenticated, or InvalidOid in a process without one. */
extern Oid	csec_login_id(void);

/* The reader, or InvalidOid for nobody.  Cached; changes with the outer role. */
extern Oid	csec_reader(void);

/*
 * Is the reader a member of this role, by membership that he inherits and not
 * by the superuser attribute?  False for nobody.
 */
extern bool csec_reader_has_role(CsecTrustedRole role);

/*
 * The role and all roles whose privileges it inherits, as a list of OIDs made
 * in the current memory context.  The superuser attribute adds none.
 */
extern List *csec_roles_inherited(Oid role);

#endif							/* CSEC_POLICY_READER_H */
