/*
 * key_wrap.c
 *		Keys of csec.key, in and out of their wraps.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "keys/key_wrap.h"
#include "util/bytea.h"
#include "util/crypto_failed.h"
#include "util/row.h"
#include "util/secure_memory.h"

/* What is authenticated with a wrapped key. */
static char *
about_key(bool search, uint32 id, uint16 version)
{
	return psprintf("csec key: %s %u %u", search ? "search" : "data", id, version);
}

/* What is wrong with a key that does not open, and what helps. */
static void
describe(const CsecDataKey *key, CsecUnwrap result, CsecKeyTrouble *out)
{
	out->id = key->id;
	out->version = key->version;
	out->kek = NameStr(key->kek);
	out->detail = NULL;
	out->hint = NULL;
	if (key->state == CSEC_KEY_DESTROYED)
	{
		out->message = psprintf(_("key %u version %u was destroyed"), key->id, key->version);
		out->detail = _("What was encrypted under it cannot be read any more.");
	}
	else if (result == CSEC_UNWRAP_NO_KEK)
	{
		out->message = psprintf(_("key %u version %u is wrapped under key \"%s\", which this server does not have"),
								key->id, key->version, NameStr(key->kek));
		out->hint = _("Add it to csec.kek, where the provider has it, and reload the configuration (pg_reload_conf).");
	}
	else
	{
		out->message = psprintf(_("key %u version %u does not open under key \"%s\""),
								key->id, key->version, NameStr(key->kek));
		out->detail = _("The server's key of that name is another one than it was wrapped under, or its row in csec.key was altered.");
		out->hint = _("Give the server the key that the database was made with; docs/keys.md says how to find it.");
	}
}

static void
refuse_unwrap(const CsecDataKey *key, CsecUnwrap result)
{
	CsecKeyTrouble trouble;

	describe(key, result, &trouble);
	ereport(ERROR,
			(errcode(result == CSEC_UNWRAP_NO_KEK || key->state == CSEC_KEY_DESTROYED ?
					 ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE : ERRCODE_DATA_CORRUPTED),
			 errmsg_internal("%s", trouble.message),
			 trouble.detail ? errdetail_internal("%s", trouble.detail) : 0,
			 trouble.hint ? errhint("%s", trouble.hint) : 0));
}

CsecUnwrap
csec_key_try_unwrap(const CsecDataKey *key, uint8 *bare)
{
	char	   *about;
	uint8		commitment[CSEC_KEY_COMMITMENT];
	CsecUnwrap	result;

	if (key->state == CSEC_KEY_DESTROYED || key->wrapped_size == 0)
		return CSEC_UNWRAP_FAILED;
	about = about_key(key->search, key->id, key->version);
	result = csec_kek_unwrap(NameStr(key->kek), about, key->wrapped, key->wrapped_size, bare);
	if (result == CSEC_UNWRAPPED &&
		(!csec_key_commitment(bare, commitment) ||
		 memcmp(commitment, key->commitment, sizeof(commitment)) != 0))
		result = CSEC_UNWRAP_FAILED;
	if (result != CSEC_UNWRAPPED)
		csec_secure_wipe(bare, CSEC_AEAD_KEY);
	pfree(about);
	return result;
}

void
csec_key_unwrap(const CsecDataKey *key, uint8 *bare)
{
	CsecUnwrap	result = csec_key_try_unwrap(key, bare);

	if (result != CSEC_UNWRAPPED)
		refuse_unwrap(key, result);
}

CsecKeyTrouble *
csec_key_troubles(int *n)
{
	CsecKeyTrouble *troubles;

	csec_key_table_refresh();
	troubles = palloc(Max(csec_key_table.n, 1) * sizeof(CsecKeyTrouble));
	*n = 0;
	for (int i = 0; i < csec_key_table.n; i++)
	{
		const CsecDataKey *key = &csec_key_table.keys[i];
		uint8		bare[CSEC_AEAD_KEY];
		CsecUnwrap	result;

		if (key->state == CSEC_KEY_DESTROYED)
			continue;
		result = csec_key_try_unwrap(key, bare);
		csec_secure_wipe(bare, sizeof(bare));
		if (result == CSEC_UNWRAPPED)
			continue;
		describe(key, result, &troubles[*n]);
		troubles[*n].kek = pstrdup(troubles[*n].kek);
		(*n)++;
	}
	return troubles;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_key_troubles_shown);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_generate_key);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_rewrap_key);

static Datum
key_row(FunctionCallInfo fcinfo, const char *kek, const uint8 *wrapped, const uint8 *commitment)
{
	Datum		values[3];
	bool		nulls[3] = {false};

	values[0] = CStringGetTextDatum(kek);
	values[1] = PointerGetDatum(csec_bytea(wrapped, CSEC_WRAPPED_SIZE));
	values[2] = PointerGetDatum(csec_bytea(commitment, CSEC_KEY_COMMITMENT));
	return csec_row(fcinfo, values, nulls);
}

/*
 * csec.generate_key(purpose, id, version, OUT kek, OUT wrapped, OUT commitment)
 *		A new random key, wrapped under the first KEK of csec.kek.
 */
Datum
csec_generate_key(PG_FUNCTION_ARGS)
{
	bool		search = strcmp(text_to_cstring(PG_GETARG_TEXT_PP(0)), "search") == 0;
	char	   *about = about_key(search, PG_GETARG_UINT32(1), (uint16) PG_GETARG_INT32(2));
	uint8		bare[CSEC_AEAD_KEY];
	uint8		wrapped[CSEC_WRAPPED_SIZE];
	uint8		commitment[CSEC_KEY_COMMITMENT];
	char		kek[CSEC_KEY_NAME_MAX + 1];
	bool		ok;

	csec_kek_current(kek);
	ok = pg_strong_random(bare, sizeof(bare)) && csec_key_commitment(bare, commitment) &&
		csec_kek_wrap(kek, about, bare, wrapped);
	csec_secure_wipe(bare, sizeof(bare));
	if (!ok)
		csec_crypto_failed("make a key");
	return key_row(fcinfo, kek, wrapped, commitment);
}

/*
 * csec.rewrap_key(id, version, OUT kek, OUT wrapped, OUT commitment)
 *		The same key, wrapped under the first KEK of csec.kek.  Errors: those
 *		of csec_data_key_find() and of unwrapping.
 */
Datum
csec_rewrap_key(PG_FUNCTION_ARGS)
{
	uint32		id = PG_GETARG_UINT32(0);
	int32		version = PG_GETARG_INT32(1);
	CsecDataKey *key = NULL;
	uint8		bare[CSEC_AEAD_KEY];
	uint8		wrapped[CSEC_WRAPPED_SIZE];
	char		kek[CSEC_KEY_NAME_MAX + 1];
	bool		ok;

	csec_key_table_refresh();
	for (int i = 0; i < csec_key_table.n && key == NULL; i++)
		if (csec_key_table.keys[i].id == id && csec_key_table.keys[i].version == version)
			key = &csec_key_table.keys[i];
	if (key == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("key %u version %d is not in this database", id, version)));
	csec_key_unwrap(key, bare);
	csec_kek_current(kek);
	ok = csec_kek_wrap(kek, about_key(key->search, id, key->version),
					   bare, wrapped);
	csec_secure_wipe(bare, sizeof(bare));
	if (!ok)
		csec_crypto_failed("wrap a key");
	return key_row(fcinfo, kek, wrapped, key->commitment);
}

/*
 * csec.key_troubles(OUT id, OUT version, OUT trouble)
 *		The keys of csec.key that were not destroyed and do not open here.
 */
Datum
csec_key_troubles_shown(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			n;
	CsecKeyTrouble *troubles = csec_key_troubles(&n);

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < n; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false};

		values[0] = UInt32GetDatum(troubles[i].id);
		values[1] = Int32GetDatum(troubles[i].version);
		values[2] = CStringGetTextDatum(psprintf("%s. %s", troubles[i].message, troubles[i].hint));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
