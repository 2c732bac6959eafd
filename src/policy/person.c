/*
 * person.c
 *		Whose a login is: one person's, or a pool's that several share.
 */
#include "postgres.h"

#include "policy/catalog.h"
#include "policy/person.h"
#include "policy/row_mac.h"

bool
csec_person_of(Oid login, char **person)
{
	CsecPolicyScan scan;
	HeapTuple	row;
	bool		sound = true;

	*person = NULL;
	csec_policy_scan_one(&scan, CSEC_POLICY_PERSON_LOGIN, ObjectIdGetDatum(login));
	if ((row = csec_policy_scan_next(&scan)) != NULL)
	{
		sound = csec_row_counts(row, RelationGetDescr(scan.rel), "login");
		*person = csec_policy_text(&scan, row, "person");
	}
	csec_policy_scan_end(&scan);
	return sound;
}

bool
csec_is_pool_role(Oid role)
{
	CsecPolicyScan scan;
	HeapTuple	row;
	bool		is_one = false;
	bool		isnull;

	csec_policy_scan_one(&scan, CSEC_POLICY_POOL_ROLE, ObjectIdGetDatum(role));
	row = csec_policy_scan_next(&scan);
	if (row != NULL && csec_row_is_sound(row, RelationGetDescr(scan.rel)))
	{
		(void) csec_policy_value(&scan, row, "until", &isnull);
		is_one = isnull;
	}
	csec_policy_scan_end(&scan);
	return is_one;
}
