/*
 * clearance.c
 *		What a role may see in clear.
 *
 * Two steps.  csec.clearance and csec.default_reason are read whole when they
 * changed; what follows from them for one role, through the roles it
 * inherits from, is worked out when that role first asks and kept until
 * policy, roles or memberships change.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "policy/catalog.h"
#include "policy/clearance.h"
#include "policy/kept.h"
#include "policy/reader.h"
#include "policy/row_mac.h"

/* A clearance: for all levels up to a rank, or for one category. */
typedef struct Clearance
{
	Oid			role;
	uint32		category;		/* CSEC_CATEGORY_NONE: by level */
	int			rank;
	TimestampTz until;
} Clearance;

typedef struct DefaultReason
{
	Oid			role;
	char	   *reason;
} DefaultReason;

/* What a role has, from itself and from whom it inherits. */
typedef struct RoleClearances
{
	Oid			role;			/* key */
	int			n;
	Clearance  *clearances;
	const char *reason;
} RoleClearances;

typedef struct Cache
{
	MemoryContext context;
	int			nclearances;
	Clearance  *clearances;
	int			nreasons;
	DefaultReason *reasons;
	HTAB	   *roles;
} Cache;

static void *read_all(MemoryContext context);

static CsecKept kept = {.name = "clearances",.read = read_all};
static Cache *cache = NULL;		/* what is kept */

/* Levels count because clearances keep their ranks. */
#define DEPENDS_ON \
	(CSEC_POLICY_BIT(CSEC_POLICY_LEVEL) | \
	 CSEC_POLICY_BIT(CSEC_POLICY_CLEARANCE) | \
	 CSEC_POLICY_BIT(CSEC_POLICY_DEFAULT_REASON))

static void
policy_changed(uint32 tables, Oid relid)
{
	if (tables & DEPENDS_ON)
		kept.fresh = false;
}

static void
roles_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	kept.fresh = false;
}

void
csec_clearance_init(void)
{
	csec_catalog_watch(policy_changed);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, roles_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, roles_changed, (Datum) 0);
}

/* One row; false where it grants nothing that is known. */
static bool
read_clearance(CsecPolicyScan *scan, HeapTuple row, Clearance *out)
{
	char	   *level = csec_policy_text(scan, row, "level");
	char	   *category = csec_policy_text(scan, row, "category");
	Datum		value;
	bool		isnull;

	memset(out, 0, sizeof(Clearance));
	out->role = DatumGetObjectId(csec_policy_value(scan, row, "role", &isnull));
	value = csec_policy_value(scan, row, "until", &isnull);
	out->until = isnull ? DT_NOEND : DatumGetTimestampTz(value);
	if (!csec_row_counts(row, RelationGetDescr(scan->rel), "clearance"))
		return false;
	/* A role that was dropped left its rows behind. */
	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(out->role)))
		return false;
	if (category != NULL)
		out->category = csec_category_id(category);
	else if (level == NULL || !csec_level_rank(level, &out->rank))
		return false;
	return true;
}

static void
load_clearances(Cache *into)
{
	CsecPolicyScan scan;
	HeapTuple	row;
	int			room = 16;

	into->clearances = palloc(room * sizeof(Clearance));
	csec_policy_scan_begin(&scan, CSEC_POLICY_CLEARANCE);
	while ((row = csec_policy_scan_next(&scan)) != NULL)
	{
		if (into->nclearances == room)
		{
			room *= 2;
			into->clearances = repalloc(into->clearances,
										room * sizeof(Clearance));
		}
		if (read_clearance(&scan, row, &into->clearances[into->nclearances]))
			into->nclearances++;
	}
	csec_policy_scan_end(&scan);
}

static void
load_reasons(Cache *into)
{
	CsecPolicyScan scan;
	HeapTuple	row;
	int			room = 16;

	into->reasons = palloc(room * sizeof(DefaultReason));
	csec_policy_scan_begin(&scan, CSEC_POLICY_DEFAULT_REASON);
	while ((row = csec_policy_scan_next(&scan)) != NULL)
	{
		DefaultReason *reason;
		bool		isnull;

		if (!csec_row_counts(row, RelationGetDescr(scan.rel), "default reason"))
			continue;
		if (into->nreasons == room)
		{
			room *= 2;
			into->reasons = repalloc(into->reasons,
									 room * sizeof(DefaultReason));
		}
		reason = &into->reasons[into->nreasons++];
		reason->role =
			DatumGetObjectId(csec_policy_value(&scan, row, "role", &isnull));
		reason->reason = csec_policy_text(&scan, row, "reason");
	}
	csec_policy_scan_end(&scan);
}

static HTAB *
make_roles(MemoryContext context)
{
	HASHCTL		ctl = {0};

	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(RoleClearances);
	ctl.hcxt = context;
	return hash_create("csec clearances by role", 16, &ctl,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static void *
read_all(MemoryContext context)
{
	Cache	   *made = palloc0(sizeof(Cache));

	made->context = context;
	load_clearances(made);
	load_reasons(made);
	made->roles = make_roles(context);
	return made;
}

bool
csec_clearance_load(void)
{
	if (!kept.fresh && csec_catalog_readable() &&
		OidIsValid(csec_policy_relid(CSEC_POLICY_CLEARANCE)))
		cache = csec_kept_read(&kept);
	return kept.fresh && cache != NULL;
}

/* Gather what the roles in the list have. */
static void
gather(RoleClearances *into, List *roles)
{
	into->clearances = MemoryContextAlloc(cache->context,
										  (cache->nclearances + 1) *
										  sizeof(Clearance));
	for (int i = 0; i < cache->nclearances; i++)
		if (list_member_oid(roles, cache->clearances[i].role))
			into->clearances[into->n++] = cache->clearances[i];
	/* The nearest role's reason counts: the list is in that order. */
	for (int r = 0; r < list_length(roles) && into->reason == NULL; r++)
		for (int i = 0; i < cache->nreasons; i++)
			if (cache->reasons[i].role == list_nth_oid(roles, r))
				into->reason = cache->reasons[i].reason;
}

/* What this role has, or NULL where that cannot be known now. */
static const RoleClearances *
clearances_of(Oid role)
{
	RoleClearances made = {0};
	RoleClearances *entry;
	List	   *roles;

	if (!csec_clearance_load())
		return NULL;
	entry = hash_search(cache->roles, &role, HASH_FIND, NULL);
	if (entry != NULL)
		return entry;
	if (!csec_catalog_readable())
		return NULL;
	roles = csec_roles_inherited(role);
	gather(&made, roles);
	list_free(roles);
	made.role = role;
	entry = hash_search(cache->roles, &role, HASH_ENTER, NULL);
	*entry = made;
	return entry;
}

bool
csec_clearance_covers(Oid role, const CsecCategory *category, TimestampTz at)
{
	const RoleClearances *has = clearances_of(role);

	if (has == NULL)
		return false;
	for (int i = 0; i < has->n; i++)
	{
		const Clearance *c = &has->clearances[i];

		if (c->until <= at)
			continue;
		if (c->category == CSEC_CATEGORY_NONE ? category->rank <= c->rank :
			category->id == c->category)
			return true;
	}
	return false;
}

const char *
csec_default_reason(Oid role)
{
	const RoleClearances *has = OidIsValid(role) ? clearances_of(role) : NULL;

	return has ? has->reason : NULL;
}
