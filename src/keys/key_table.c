/*
 * key_table.c
 *		The rows of csec.key, as a session has them.
 *
 * The table is read whole: it has tens of rows.  When one changes, every
 * session reads it anew at its next look-up and keeps the contexts of the rows
 * that stayed the same.
 *
 * With it goes the one row of csec.index_key, which says by which search key
 * fields are indexed: csec's triggers let no other one become active, but a
 * restore can have them disabled.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "keys/key_table.h"
#include "util/own_table.h"
#include "util/pgcompat.h"

/* The columns of csec.key, in its order. */
enum
{
	COLUMN_ID = 1,
	COLUMN_VERSION,
	COLUMN_PURPOSE,
	COLUMN_NAME,
	COLUMN_STATE,
	COLUMN_COMMITMENT,
	COLUMN_KEK,
	COLUMN_WRAPPED
};

CsecKeyTable csec_key_table;
uint32_t	csec_search_mark_now = 0;	/* never where the table is not fresh */

/* What csec.index_key says. */
static struct
{
	Oid			relid;
	bool		any;			/* all indexes are made anew in this transaction */
	size_t		size;			/* 0: nothing */
	uint8		commitment[CSEC_KEY_COMMITMENT];
}			indexed;

static void
relation_changed(Datum arg, Oid relid)
{
	if (!OidIsValid(relid) || relid == csec_key_table.relid || relid == indexed.relid ||
		!OidIsValid(csec_key_table.relid))
	{
		csec_key_table.fresh = false;
		csec_search_mark_now = 0;
	}
}

void
csec_key_table_init(void)
{
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
}

static CsecKeyState
state_from_name(const char *name)
{
	if (strcmp(name, "active") == 0)
		return CSEC_KEY_ACTIVE;
	if (strcmp(name, "next") == 0)
		return CSEC_KEY_NEXT;
	if (strcmp(name, "decrypt_only") == 0)
		return CSEC_KEY_DECRYPT_ONLY;
	return CSEC_KEY_DESTROYED;
}

static void
copy_bytes(Datum datum, bool isnull, uint8 *out, size_t room, size_t *size)
{
	bytea	   *bytes = isnull ? NULL : DatumGetByteaPP(datum);
	size_t		len = bytes ? VARSIZE_ANY_EXHDR(bytes) : 0;

	*size = len <= room ? len : 0;
	if (*size > 0)
		memcpy(out, VARDATA_ANY(bytes), *size);
}

static void
read_row(HeapTuple row, TupleDesc desc, CsecDataKey *key)
{
	bool		isnull;
	Datum		value;
	size_t		size;

	memset(key, 0, sizeof(*key));
	key->id = DatumGetUInt32(heap_getattr(row, COLUMN_ID, desc, &isnull));
	key->version = (uint16) DatumGetInt32(heap_getattr(row, COLUMN_VERSION, desc, &isnull));
	key->search = strcmp(TextDatumGetCString(heap_getattr(row, COLUMN_PURPOSE, desc, &isnull)),
						 "search") == 0;
	namestrcpy(&key->name, TextDatumGetCString(heap_getattr(row, COLUMN_NAME, desc, &isnull)));
	key->state = state_from_name(TextDatumGetCString(heap_getattr(row, COLUMN_STATE, desc, &isnull)));
	value = heap_getattr(row, COLUMN_COMMITMENT, desc, &isnull);
	copy_bytes(value, isnull, key->commitment, sizeof(key->commitment), &size);
	value = heap_getattr(row, COLUMN_KEK, desc, &isnull);
	if (!isnull)
		namestrcpy(&key->kek, TextDatumGetCString(value));
	value = heap_getattr(row, COLUMN_WRAPPED, desc, &isnull);
	copy_bytes(value, isnull, key->wrapped, sizeof(key->wrapped), &key->wrapped_size);
}

static void
free_contexts(CsecDataKey *key)
{
	for (int suite = 1; suite <= CSEC_SUITES; suite++)
	{
		csec_aead_free(key->aead[suite]);
		key->aead[suite] = NULL;
	}
	csec_mac_free(key->mac);
	key->mac = NULL;
}

/* Contexts that were made from the same wrapped key go over to the new row. */
static void
take_contexts(CsecDataKey *to, CsecDataKey *from)
{
	if (to->id != from->id || to->version != from->version || to->search != from->search ||
		to->state == CSEC_KEY_DESTROYED || to->wrapped_size != from->wrapped_size ||
		memcmp(to->wrapped, from->wrapped, to->wrapped_size) != 0)
		return;
	memcpy(to->aead, from->aead, sizeof(to->aead));
	memset(from->aead, 0, sizeof(from->aead));
	to->mac = from->mac;
	from->mac = NULL;
	to->use = from->use;
	to->leave = from->leave;
	to->block = from->block;
}

static bool
is_indexed_by(const CsecDataKey *key)
{
	return indexed.any || (indexed.size == sizeof(key->commitment) &&
						   memcmp(indexed.commitment, key->commitment, sizeof(key->commitment)) == 0);
}

static void
note_search_keys(void)
{
	csec_key_table.search_active = csec_key_table.search_next = 0;
	csec_key_table.search_misplaced = false;
	for (int i = 0; i < csec_key_table.n; i++)
	{
		const CsecDataKey *key = &csec_key_table.keys[i];

		if (key->search && key->state == CSEC_KEY_ACTIVE && !is_indexed_by(key))
			csec_key_table.search_misplaced = true;
		else if (key->search && key->state == CSEC_KEY_ACTIVE)
			csec_key_table.search_active = csec_search_mark(key);
		else if (key->search && key->state == CSEC_KEY_NEXT)
			csec_key_table.search_next = csec_search_mark(key);
	}
	csec_search_mark_now = csec_key_table.fresh && !csec_key_table.search_misplaced ?
		csec_key_table.search_active : 0;
}

static void
replace(CsecDataKey *keys, int n, Oid relid)
{
	for (int i = 0; i < csec_key_table.n; i++)
	{
		for (int j = 0; j < n; j++)
			take_contexts(&keys[j], &csec_key_table.keys[i]);
		free_contexts(&csec_key_table.keys[i]);
	}
	if (csec_key_table.keys != NULL)
		pfree(csec_key_table.keys);
	csec_key_table.keys = keys;
	csec_key_table.n = n;
	csec_key_table.relid = relid;
	note_search_keys();
}

static void
load_indexed(void)
{
	Oid			relid = csec_own_table("index_key");
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	row;

	memset(&indexed, 0, sizeof(indexed));
	if (!OidIsValid(relid))
		return;
	indexed.relid = relid;
	rel = table_open(relid, AccessShareLock);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		Datum		value = heap_getattr(row, 1, RelationGetDescr(rel), &indexed.any);

		copy_bytes(value, indexed.any, indexed.commitment, sizeof(indexed.commitment), &indexed.size);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/*
 * Read csec.key with the newest snapshot, as all policy is read
 * (policy/catalog.c says why).  A change that arrives meanwhile leaves the
 * cache stale again.
 */
static void
load(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	SysScanDesc scan;
	HeapTuple	row;
	int			n = 0;
	int			room = 8;
	CsecDataKey *volatile keys = MemoryContextAlloc(TopMemoryContext,
													 room * sizeof(CsecDataKey));

	csec_key_table.fresh = true;
	PG_TRY();
	{
		scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
		while (HeapTupleIsValid(row = systable_getnext(scan)))
		{
			if (n == room)
			{
				room *= 2;
				keys = repalloc(keys, room * sizeof(CsecDataKey));
			}
			read_row(row, RelationGetDescr(rel), &keys[n++]);
		}
		systable_endscan(scan);
		load_indexed();
	}
	PG_CATCH();
	{
		csec_key_table.fresh = false;
		pfree(keys);
		PG_RE_THROW();
	}
	PG_END_TRY();
	table_close(rel, AccessShareLock);
	replace(keys, n, relid);
}

void
csec_key_table_refresh(void)
{
	Oid			relid;

	if (likely(csec_key_table.fresh) || !IsTransactionState() || !OidIsValid(MyDatabaseId) ||
		HistoricSnapshotActive())
		return;
	relid = csec_own_table("key");
	if (OidIsValid(relid))
		load(relid);
	else
		replace(NULL, 0, InvalidOid);
}
