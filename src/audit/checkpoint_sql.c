/*
 * checkpoint_sql.c
 *		SQL functions that look into checkpoints and keys.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audit/checkpoint_read.h"
#include "util/bytea.h"
#include "util/row.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_read_checkpoint);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_verifier_key_problem);

enum
{
	FIELD_ORIGIN,
	FIELD_SIZE,
	FIELD_ROOT,
	FIELD_EPOCH,
	FIELD_CHAIN,
	FIELD_AT,
	FIELD_HEAD,
	FIELD_BEFORE,
	FIELD_KEY,
	FIELD_NEXT,
	FIELD_COLUMNS
};

/* As keys are written outside: name, number, and key in base64. */
static Datum
key_value(const char *origin, const uint8 *public_key)
{
	CsecVerifierKey key;
	char		text[CSEC_VKEY_SIZE];

	if (!csec_verifier_key(&key, origin, CSEC_SIGNED_ED25519, public_key))
		elog(ERROR, "could not name the key of a checkpoint");
	csec_vkey_put(&key, text);
	return CStringGetTextDatum(text);
}

/*
 * csec.read_checkpoint(note bytea) returns record: what is in it, all null
 * where it is none, or not signed by the key that it names.
 */
Datum
csec_read_checkpoint(PG_FUNCTION_ARGS)
{
	bytea	   *note = PG_GETARG_BYTEA_PP(0);
	CsecCheckpoint c;
	Datum		values[FIELD_COLUMNS] = {0};
	bool		nulls[FIELD_COLUMNS];

	memset(nulls, true, sizeof(nulls));
	if (csec_checkpoint_open((uint8 *) VARDATA_ANY(note), VARSIZE_ANY_EXHDR(note), &c))
	{
		memset(nulls, false, sizeof(nulls));
		values[FIELD_ORIGIN] = CStringGetTextDatum(c.origin);
		values[FIELD_SIZE] = Int64GetDatum((int64) c.size);
		values[FIELD_ROOT] = PointerGetDatum(csec_bytea(c.root, CSEC_TREE_HASH));
		values[FIELD_EPOCH] = Int64GetDatum((int64) c.epoch);
		values[FIELD_CHAIN] = Int64GetDatum((int64) c.chain);
		values[FIELD_AT] = TimestampTzGetDatum(c.time - csec_checkpoint_time(0));
		values[FIELD_HEAD] = PointerGetDatum(csec_bytea(c.head, CSEC_TREE_HASH));
		values[FIELD_BEFORE] = PointerGetDatum(csec_bytea(c.before, CSEC_TREE_HASH));
		values[FIELD_KEY] = key_value(c.origin, c.key);
		values[FIELD_NEXT] = key_value(c.origin, c.next);
	}
	return csec_row(fcinfo, values, nulls);
}

/*
 * csec.verifier_key_problem(key text) returns text: what is wrong with a key as
 * it is written; null: nothing.
 */
Datum
csec_verifier_key_problem(PG_FUNCTION_ARGS)
{
	text	   *written = PG_GETARG_TEXT_PP(0);
	CsecVerifierKey key;

	if (csec_vkey_get(VARDATA_ANY(written), VARSIZE_ANY_EXHDR(written), &key))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text("a key is written as name+number+base64, and its number must be that of the name and the key"));
}
