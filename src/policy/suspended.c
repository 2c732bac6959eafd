/*
 * suspended.c
 *		Whether the person behind the session's login may see anything in clear.
 *
 * A person who is suspended keeps clearances and roles, as he may be back
 * tomorrow; none of them shows anything meanwhile, under any of his logins and
 * whatever role he takes on, or behind a login that several share.  Two look-ups
 * by key when it is first asked, and again when persons or logins change, or
 * somebody else logs in by a token.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "policy/catalog.h"
#include "policy/context.h"
#include "policy/person.h"
#include "policy/reader.h"
#include "policy/row_mac.h"
#include "policy/suspended.h"

static bool fresh = false;
static bool suspended = true;
static char behind[CSEC_PERSON_SIZE];	/* who had logged in by a token then */

static void
policy_changed(uint32 tables, Oid relid)
{
	if (tables & (CSEC_POLICY_BIT(CSEC_POLICY_PERSON) | CSEC_POLICY_BIT(CSEC_POLICY_PERSON_LOGIN)))
		fresh = false;
}

void
csec_suspended_init(void)
{
	csec_catalog_watch(policy_changed);
}

static bool
is_active(const char *person)
{
	CsecPolicyScan scan;
	HeapTuple	row;
	bool		active = false;

	csec_policy_scan_one(&scan, CSEC_POLICY_PERSON, CStringGetTextDatum(person));
	if ((row = csec_policy_scan_next(&scan)) != NULL)
		active = csec_row_counts(row, RelationGetDescr(scan.rel), "person") &&
			strcmp(csec_policy_text(&scan, row, "state"), "active") == 0;
	csec_policy_scan_end(&scan);
	return active;
}

static bool
find_out(void)
{
	char	   *person = behind;

	if (behind[0] == '\0' && !csec_person_of(csec_login_id(), &person))
		return true;
	return person != NULL && !is_active(person);
}

static void
look_up(void)
{
	suspended = true;			/* should an error end this */
	fresh = true;				/* a change that arrives meanwhile clears it */
	PG_TRY();
	{
		suspended = find_out();
	}
	PG_CATCH();
	{
		fresh = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
}

bool
csec_is_suspended(void)
{
	const char *person = csec_context()->person;

	if (strcmp(behind, person) != 0)
	{
		strlcpy(behind, person, sizeof(behind));
		fresh = false;
		suspended = true;		/* until it is known */
	}
	if (!fresh && csec_catalog_readable() && OidIsValid(csec_policy_relid(CSEC_POLICY_PERSON)))
		look_up();
	return suspended;
}
