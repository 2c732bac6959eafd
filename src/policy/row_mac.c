/*
 * row_mac.c
 *		A keyed code over a row of policy.
 *
 * The trigger sign_row puts it into the column "mac" of each row that is
 * inserted or updated, whoever does it: a superuser may, and is on record.
 * Who gets around the trigger (disables it, writes into the files) cannot make
 * the code, and such a row is not honoured.
 *
 * What is signed: the table's name, then of each column but "mac" its name,
 * whether it is null, and its bytes.  Numbers of tables and roles are among
 * them, so a row is good in this database only; one that is restored from a
 * dump goes through the trigger again.  One that logical replication brings
 * is refused.
 *
 * The key is the trail's, whose other messages begin otherwise.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "replication/logicalworker.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "keys/keyring.h"
#include "policy/denied.h"
#include "policy/row_mac.h"
#include "util/bytes.h"
#include "util/crypto_failed.h"
#include "util/pgcompat.h"

#define PREFIX	"csec policy row"
#define COLUMN	"mac"
#define REPORTED 64			/* rows that a session remembers it has reported */

static void
add(CsecMac *mac, const void *data, size_t len)
{
	uint8		head[8];

	csec_put_u64(head, len);
	if (!csec_mac_add(mac, head, sizeof(head)) || !csec_mac_add(mac, data, len))
		csec_crypto_failed("compute a keyed digest");
}

/* The bytes of one value, whatever way it is stored. */
static void
add_value(CsecMac *mac, Form_pg_attribute att, Datum value)
{
	uint8		number[8];

	if (att->attbyval)
	{
		csec_put_u64(number, (uint64) value);
		add(mac, number, sizeof(number));
	}
	else if (att->attlen > 0)
		add(mac, DatumGetPointer(value), att->attlen);
	else if (att->attlen == -1)
	{
		struct varlena *whole = pg_detoast_datum_packed((struct varlena *) DatumGetPointer(value));

		add(mac, VARDATA_ANY(whole), VARSIZE_ANY_EXHDR(whole));
		if ((Pointer) whole != DatumGetPointer(value))
			pfree(whole);
	}
	else
		add(mac, DatumGetCString(value), strlen(DatumGetCString(value)));
}

/* The code of a row; gives where "mac" stands, or InvalidAttrNumber. */
static AttrNumber
compute(HeapTuple row, TupleDesc desc, const char *table, uint8 *out)
{
	CsecMac    *mac = csec_keyring_trail_mac();
	AttrNumber	at = InvalidAttrNumber;

	if (!csec_mac_begin(mac))
		csec_crypto_failed("compute a keyed digest");
	add(mac, PREFIX, strlen(PREFIX));
	add(mac, table, strlen(table));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Datum		value;
		bool		isnull;

		if (att->attisdropped)
			continue;
		if (strcmp(NameStr(att->attname), COLUMN) == 0)
		{
			at = i + 1;
			continue;
		}
		value = heap_getattr(row, i + 1, desc, &isnull);
		add(mac, NameStr(att->attname), strlen(NameStr(att->attname)));
		add(mac, &isnull, 1);
		if (!isnull)
			add_value(mac, att, value);
	}
	if (!csec_mac_end(mac, out, CSEC_HMAC_SIZE))
		csec_crypto_failed("compute a keyed digest");
	return at;
}

/* Does the code fit?  The one that was made is left in "made". */
static bool
fits(HeapTuple row, TupleDesc desc, uint8 *made)
{
	char	   *table = get_rel_name(get_typ_typrelid(desc->tdtypeid));
	AttrNumber	at;
	bytea	   *kept;
	Datum		value;
	bool		isnull;

	memset(made, 0, CSEC_HMAC_SIZE);
	if (table == NULL)
		return false;
	at = compute(row, desc, table, made);
	if (at == InvalidAttrNumber)
		return false;
	value = heap_getattr(row, at, desc, &isnull);
	if (isnull)
		return false;
	kept = DatumGetByteaPP(value);
	return VARSIZE_ANY_EXHDR(kept) == CSEC_HMAC_SIZE &&
		memcmp(VARDATA_ANY(kept), made, CSEC_HMAC_SIZE) == 0;
}

bool
csec_row_is_sound(HeapTuple row, TupleDesc desc)
{
	uint8		made[CSEC_HMAC_SIZE];

	return fits(row, desc, made);
}

/* Has this row been put on record by this session?  If not, it is about to be. */
static bool
is_reported(const uint8 *made)
{
	static uint64 reported[REPORTED];
	static int	next = 0;
	uint64		row = csec_get_u64(made);

	for (int i = 0; i < REPORTED; i++)
		if (reported[i] == row)
			return true;
	reported[next] = row;
	next = (next + 1) % REPORTED;
	return false;
}

bool
csec_row_counts(HeapTuple row, TupleDesc desc, const char *what)
{
	uint8		made[CSEC_HMAC_SIZE];

	if (fits(row, desc, made))
		return true;
	if (!is_reported(made))
		csec_denied(psprintf("%s that csec did not set", what), 0);
	return false;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_sign_row);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_row_sound);

/* csec.sign_row(): BEFORE ROW trigger of policy tables with a column "mac". */
Datum
csec_sign_row(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	desc;
	HeapTuple	row;
	uint8		made[CSEC_HMAC_SIZE];
	bytea	   *code = palloc(VARHDRSZ + sizeof(made));
	Datum		value = PointerGetDatum(code);
	bool		isnull = false;
	int			at;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("csec.sign_row() must be called as a trigger before a row is stored")));

	/* signed here, what another server lets its administrators do would count */
	if (IsLogicalWorker())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("rows of csec.%s are not taken from another server",
						RelationGetRelationName(trigger->tg_relation)),
				 errhint("Publish tables by name: FOR ALL TABLES publishes csec's own, too.")));
	/* a code of another root key would not count when the right one is back; the sealer tells of it */
	if (MyBackendType != B_BG_WORKER)
		csec_keyring_check();
	desc = RelationGetDescr(trigger->tg_relation);
	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	at = compute(row, desc, RelationGetRelationName(trigger->tg_relation), made);
	if (at == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("table \"%s\" has no column \"%s\"",
						RelationGetRelationName(trigger->tg_relation), COLUMN),
				 errhint("Run ALTER EXTENSION csec UPDATE.")));
	SET_VARSIZE(code, VARHDRSZ + sizeof(made));
	memcpy(VARDATA(code), made, sizeof(made));
	return PointerGetDatum(heap_modify_tuple_by_cols(row, desc, 1, &at, &value, &isnull));
}

/* csec.row_is_sound(row record): for views; a row of a table with such a column. */
Datum
csec_row_sound(PG_FUNCTION_ARGS)
{
	HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(0);
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header),
											  HeapTupleHeaderGetTypMod(header));
	HeapTupleData row = {0};
	bool		sound;

	row.t_len = HeapTupleHeaderGetDatumLength(header);
	row.t_data = header;
	ItemPointerSetInvalid(&row.t_self);
	sound = csec_row_is_sound(&row, desc);
	ReleaseTupleDesc(desc);
	PG_RETURN_BOOL(sound);
}
