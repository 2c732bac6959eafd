/*
 * reader.c
 *		Whose clearance decides.
 */
#include "postgres.h"

#include "catalog/pg_auth_members.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/catcache.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "policy/catalog.h"
#include "policy/reader.h"
#include "util/pgcompat.h"

static const char *const trusted_names[] = {
	"csec_backup", "csec_loader", "csec_trail_reader", "csec_admin"
};

/* What was found for one outer role; until roles or memberships change. */
static struct
{
	bool		valid;
	Oid			outer;
	Oid			reader;
	bool		trusted[lengthof(trusted_names)];
} found;

static void
roles_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	found.valid = false;
}

void
csec_reader_init(void)
{
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, roles_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, roles_changed, (Datum) 0);
}

/* Does this role inherit the privileges of roles it is a member of? */
static bool
role_inherits(Oid role)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	bool		inherits = false;

	if (HeapTupleIsValid(tuple))
	{
		inherits = ((Form_pg_authid) GETSTRUCT(tuple))->rolinherit;
		ReleaseSysCache(tuple);
	}
	return inherits;
}

/*
 * Walks pg_auth_members as PostgreSQL does, but for the superuser attribute, which
 * it takes for membership in every role.
 */
static List *
walk_memberships(List *roles, bool by_set_role)
{
	ListCell   *cell;

	/* The list grows under the loop. */
	foreach(cell, roles)
	{
		Oid			member = lfirst_oid(cell);
		bool		inherits = role_inherits(member);
		CatCList   *memberships;

		memberships = SearchSysCacheList1(AUTHMEMMEMROLE,
										  ObjectIdGetDatum(member));
		for (int i = 0; i < memberships->n_members; i++)
		{
			Form_pg_auth_members m = (Form_pg_auth_members)
				GETSTRUCT(&memberships->members[i]->tuple);

			if (by_set_role ? csec_membership_sets(m) : csec_membership_inherits(m, inherits))
				roles = list_append_unique_oid(roles, m->roleid);
		}
		ReleaseSysCacheList(memberships);
	}
	return roles;
}

/* It, and the roles whose privileges it has without SET ROLE. */
List *
csec_roles_inherited(Oid role)
{
	return walk_memberships(list_make1_oid(role), false);
}

/*
 * Can a role become another one by SET ROLE, for being its member?  Since
 * PostgreSQL 16 a grant may be without that: whoever may create roles has such a
 * one, of those he created.
 */
static bool
may_set_role(Oid login, Oid role)
{
	List	   *roles = walk_memberships(list_make1_oid(login), true);
	bool		may = list_member_oid(roles, role);

	list_free(roles);
	return may;
}

/* Background workers that nobody logged into have none. */
Oid
csec_login_id(void)
{
	return GetAuthenticatedUserId();
}

static void
find_reader(Oid outer)
{
	Oid			login = csec_login_id();

	found.valid = true;			/* a change that arrives meanwhile clears it */
	found.outer = InvalidOid;	/* what an error leaves counts for no role */
	found.reader = InvalidOid;
	memset(found.trusted, 0, sizeof(found.trusted));
	if (!OidIsValid(login) || !OidIsValid(outer) ||
		!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(outer)))
		return;
	if (may_set_role(login, outer))
	{
		List	   *roles = csec_roles_inherited(outer);

		for (int i = 0; i < lengthof(trusted_names); i++)
		{
			Oid			role = get_role_oid(trusted_names[i], true);

			found.trusted[i] = OidIsValid(role) && list_member_oid(roles, role);
		}
		list_free(roles);
		found.reader = outer;
	}
}

Oid
csec_reader(void)
{
	Oid			outer = GetOuterUserId();

	if (likely(found.valid && found.outer == outer))
		return found.reader;

	/*
	 * Where roles cannot be looked up, or only as they were (under a historic
	 * snapshot), there is nobody.
	 */
	if (!csec_catalog_readable())
		return InvalidOid;
	find_reader(outer);
	found.outer = outer;
	return found.reader;
}

bool
csec_reader_has_role(CsecTrustedRole role)
{
	return OidIsValid(csec_reader()) && found.trusted[role];
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_reader_sql);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_login);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_roles_inherited_sql);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_is_member);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_may_become);

/* csec.reader(): the role whose clearance decides; null: nobody. */
Datum
csec_reader_sql(PG_FUNCTION_ARGS)
{
	Oid			reader = csec_reader();

	if (!OidIsValid(reader))
		PG_RETURN_NULL();
	PG_RETURN_OID(reader);
}

/* csec.login(): the role that was authenticated, whatever was set since. */
Datum
csec_login(PG_FUNCTION_ARGS)
{
	Oid			login = csec_login_id();

	if (!OidIsValid(login))
		PG_RETURN_NULL();
	PG_RETURN_OID(login);
}

/* csec.roles_inherited(role): it and the roles it has privileges of. */
Datum
csec_roles_inherited_sql(PG_FUNCTION_ARGS)
{
	List	   *roles = csec_roles_inherited(PG_GETARG_OID(0));
	Datum	   *oids = palloc(list_length(roles) * sizeof(Datum));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, roles)
		oids[n++] = ObjectIdGetDatum(lfirst_oid(cell));
	PG_RETURN_ARRAYTYPE_P(construct_array(oids, n, REGROLEOID, sizeof(Oid),
										  true, TYPALIGN_INT));
}

/*
 * csec.is_member(member, role): does he have its privileges, at once or after SET
 * ROLE, by membership, not by attribute?  Who owns the database has those of
 * pg_database_owner without being granted it.
 */
Datum
csec_is_member(PG_FUNCTION_ARGS)
{
	Oid			member = PG_GETARG_OID(0);
	Oid			role = PG_GETARG_OID(1);
	List	   *roles;

	if (role == ROLE_PG_DATABASE_OWNER)
		PG_RETURN_BOOL(is_member_of_role_nosuper(member, role));
	roles = walk_memberships(list_make1_oid(member), true);
	roles = walk_memberships(roles, false);
	PG_RETURN_BOOL(list_member_oid(roles, role));
}

/* csec.may_become(member, role): a member in any way, who could grant himself the rest. */
Datum
csec_may_become(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(is_member_of_role_nosuper(PG_GETARG_OID(0),
											 PG_GETARG_OID(1)));
}
