/*
 * person.h
 *		Whose a login is.
 */
#ifndef CSEC_POLICY_PERSON_H
#define CSEC_POLICY_PERSON_H

#include "postgres.h"

/*
 * The person whose login it is, palloc'd; NULL: nobody's.  False: the row that
 * says so is not as csec made it.
 */
extern bool csec_person_of(Oid login, char **person);

/* May several people share this login? */
extern bool csec_is_pool_role(Oid role);

#endif							/* CSEC_POLICY_PERSON_H */
