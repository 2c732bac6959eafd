/*
 * data_key.c
 *		The keys of a database: found, unwrapped, made.
 *
 * A key is unwrapped when a value first needs it, into OpenSSL's context, and
 * the bare key is wiped; so a KEK that is missing troubles only who needs what
 * is wrapped under it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "keys/key_table.h"
#include "keys/keyring.h"
#include "util/bytes.h"
#include "util/guc.h"
#include "util/secure_memory.h"

const CsecDataKey *
csec_data_key_active(const char *name)
{
	csec_key_table_refresh();
	for (int i = 0; i < csec_key_table.n; i++)
		if (!csec_key_table.keys[i].search && csec_key_table.keys[i].state == CSEC_KEY_ACTIVE &&
			strcmp(NameStr(csec_key_table.keys[i].name), name) == 0)
			return &csec_key_table.keys[i];
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("there is no active key \"%s\" to encrypt with", name),
			 errhint("Make one with csec.create_key('%s'). csec.keys shows the keys of this database.", name)));
	return NULL;				/* keep compiler quiet */
}

static void
no_algorithm(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			 errmsg("algorithm %s is not to be had from OpenSSL", what),
			 errhint("Check its configuration and providers.")));
}

static CsecDataKey *
constant_key(void)
{
	static CsecDataKey key = {.state = CSEC_KEY_DECRYPT_ONLY};
	static bool committed = false;

	if (!committed && !csec_key_commitment(csec_keyring_constant_key(), key.commitment))
		no_algorithm("HKDF");
	committed = true;
	return &key;
}

const CsecDataKey *
csec_data_key_of_constants(void)
{
	return constant_key();
}

static CsecDataKey *
find_data_key(uint32 id, uint16 version)
{
	static int	last = 0;

	if (unlikely(id == 0 && version == 0))
		return constant_key();
	csec_key_table_refresh();
	if (last < csec_key_table.n && csec_key_table.keys[last].id == id && csec_key_table.keys[last].version == version &&
		!csec_key_table.keys[last].search)
		return &csec_key_table.keys[last];
	for (int i = 0; i < csec_key_table.n; i++)
		if (!csec_key_table.keys[i].search && csec_key_table.keys[i].id == id && csec_key_table.keys[i].version == version)
		{
			last = i;
			return &csec_key_table.keys[i];
		}
	return NULL;
}

bool
csec_data_key_is_known(uint32_t id, uint16_t version)
{
	const CsecDataKey *key = find_data_key(id, version);

	return key != NULL && key->state != CSEC_KEY_DESTROYED;
}

bool
csec_data_key_is_destroyed(uint32_t id, uint16_t version)
{
	const CsecDataKey *key = find_data_key(id, version);

	return key != NULL && key->state == CSEC_KEY_DESTROYED;
}

const CsecDataKey *
csec_data_key_find(uint32_t id, uint16_t version)
{
	const CsecDataKey *key = find_data_key(id, version);

	if (likely(key != NULL))
		return key;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("key %u version %u is not in this database", id, version),
			 errdetail("A value was encrypted under it elsewhere, or its row in csec.key is missing."),
			 errhint("Restore the rows of csec.key that belong to the data.")));
	return NULL;				/* keep compiler quiet */
}

uint32_t
csec_data_key_id(const CsecDataKey *key)
{
	return key->id;
}

uint16_t
csec_data_key_version(const CsecDataKey *key)
{
	return key->version;
}

const uint8_t *
csec_data_key_commitment(const CsecDataKey *key)
{
	return key->commitment;
}

/*
 * Leave to encrypt is taken in blocks, so that sessions seldom meet at the
 * count they share.  The blocks grow: a session that encrypts one value and
 * ends has not spent a thousand.
 */
static void
take_leave(CsecDataKey *key)
{
	uint32		most = Max(1, Min(1024, csec_key_max_uses / 64));
	uint32		block = Max(1, Min(most, 2 * key->block));

	if (key->use == NULL)
		key->use = csec_key_use_of(key->id, key->version);
	csec_key_use_take(key->use, NameStr(key->name), block);
	key->block = key->leave = block;
}

void
csec_data_key_count(const CsecDataKey *key)
{
	CsecDataKey *cached = (CsecDataKey *) key;

	if (unlikely(cached->id == 0))
		return;
	if (unlikely(cached->leave == 0))
		take_leave(cached);
	cached->leave--;
}

/* What is authenticated with a wrapped key. */
static char *
about_key(bool search, uint32 id, uint16 version)
{
	return psprintf("csec key: %s %u %u", search ? "search" : "data", id, version);
}

static void
refuse_unwrap(const CsecDataKey *key, CsecUnwrap result)
{
	if (key->state == CSEC_KEY_DESTROYED || key->wrapped_size == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("key %u version %u was destroyed", key->id, key->version),
				 errdetail("What was encrypted under it cannot be read any more.")));
	if (result == CSEC_UNWRAP_NO_KEK)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("key %u version %u is wrapped under key \"%s\", which this server does not have",
						key->id, key->version, NameStr(key->kek)),
				 errhint("Add it to csec.kek, where the provider has it, and restart the server.")));
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("key %u version %u does not open under key \"%s\"",
					key->id, key->version, NameStr(key->kek)),
			 errdetail("The server's key of that name is another one than it was wrapped under, or its row in csec.key was altered."),
			 errhint("Give the server the key that the database was made with; docs/keys.md says how to find it.")));
}

/* The bare key, which the caller wipes. */
static CsecUnwrap
try_unwrap(const CsecDataKey *key, uint8 *bare)
{
	char	   *about = about_key(key->search, key->id, key->version);
	uint8		commitment[CSEC_KEY_COMMITMENT];
	CsecUnwrap	result;

	if (key->state == CSEC_KEY_DESTROYED || key->wrapped_size == 0)
		return CSEC_UNWRAP_FAILED;
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

static void
unwrap(const CsecDataKey *key, uint8 *bare)
{
	CsecUnwrap	result = try_unwrap(key, bare);

	if (result != CSEC_UNWRAPPED)
		refuse_unwrap(key, result);
}

bool
csec_data_key_opens(uint32_t id, uint16_t version)
{
	CsecDataKey *key = find_data_key(id, version);
	uint8		bare[CSEC_AEAD_KEY];

	if (key == NULL || key->does_not_open)
		return false;
	if (key->id == 0)
		return true;
	for (int suite = 1; suite <= CSEC_SUITES; suite++)
		if (key->aead[suite] != NULL)
			return true;
	key->does_not_open = try_unwrap(key, bare) != CSEC_UNWRAPPED;
	csec_secure_wipe(bare, sizeof(bare));
	return !key->does_not_open;
}

CsecAead *
csec_data_key_aead(const CsecDataKey *key, int suite)
{
	CsecDataKey *cached = (CsecDataKey *) key;
	uint8		bare[CSEC_AEAD_KEY];

	if (likely(cached->aead[suite] != NULL))
		return cached->aead[suite];
	if (unlikely(cached->id == 0))
		memcpy(bare, csec_keyring_constant_key(), sizeof(bare));
	else
		unwrap(cached, bare);
	cached->aead[suite] = csec_aead_create(suite, bare);
	csec_secure_wipe(bare, sizeof(bare));
	if (cached->aead[suite] == NULL)
		no_algorithm(csec_suite_name(suite));
	return cached->aead[suite];
}

static uint32
mark_of(const CsecDataKey *key)
{
	return csec_get_u32(key->commitment);
}

uint32_t
csec_search_key_active(uint32_t *next)
{
	uint32		active = 0;

	csec_key_table_refresh();
	*next = 0;
	for (int i = 0; i < csec_key_table.n; i++)
	{
		if (!csec_key_table.keys[i].search)
			continue;
		if (csec_key_table.keys[i].state == CSEC_KEY_ACTIVE)
			active = mark_of(&csec_key_table.keys[i]);
		else if (csec_key_table.keys[i].state == CSEC_KEY_NEXT)
			*next = mark_of(&csec_key_table.keys[i]);
	}
	if (active == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("there is no active search key in this database"),
				 errhint("Restore the rows of csec.key that belong to the data.")));
	return active;
}

static CsecDataKey *
find_search_key(uint32 mark)
{
	for (int i = 0; i < csec_key_table.n; i++)
		if (csec_key_table.keys[i].search && mark_of(&csec_key_table.keys[i]) == mark)
			return &csec_key_table.keys[i];
	return NULL;
}

bool
csec_search_key_is_known(uint32_t mark)
{
	const CsecDataKey *key;

	csec_key_table_refresh();
	key = find_search_key(mark);
	return key != NULL && key->state != CSEC_KEY_DESTROYED;
}

static CsecMac *
search_mac(uint32 mark)
{
	CsecDataKey *key = find_search_key(mark);
	uint8		bare[CSEC_AEAD_KEY];

	if (key == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("search key %08x is not in this database", mark),
				 errhint("Restore the rows of csec.key that belong to the data.")));
	if (key->mac != NULL)
		return key->mac;
	unwrap(key, bare);
	key->mac = csec_hmac_create(bare, sizeof(bare));
	csec_secure_wipe(bare, sizeof(bare));
	if (key->mac == NULL)
		no_algorithm("HMAC-SHA256");
	return key->mac;
}

void
csec_search_tag(uint32_t mark, const void *form, size_t len, uint8_t *tag)
{
	CsecMac    *mac = search_mac(mark);

	if (!csec_mac_begin(mac) || !csec_mac_add(mac, form, len) ||
		!csec_mac_end(mac, tag, CSEC_SEARCH_TAG_SIZE))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute a search tag")));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_generate_key);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_rewrap_key);

static bytea *
make_bytea(const void *data, size_t len)
{
	bytea	   *result = palloc(VARHDRSZ + len);

	SET_VARSIZE(result, VARHDRSZ + len);
	memcpy(VARDATA(result), data, len);
	return result;
}

static Datum
key_row(FunctionCallInfo fcinfo, const char *kek, const uint8 *wrapped, const uint8 *commitment)
{
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = CStringGetTextDatum(kek);
	values[1] = PointerGetDatum(make_bytea(wrapped, CSEC_WRAPPED_SIZE));
	values[2] = PointerGetDatum(make_bytea(commitment, CSEC_KEY_COMMITMENT));
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
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
	bool		ok;

	ok = pg_strong_random(bare, sizeof(bare)) && csec_key_commitment(bare, commitment) &&
		csec_kek_wrap(csec_kek_current(), about, bare, wrapped);
	csec_secure_wipe(bare, sizeof(bare));
	if (!ok)
		no_algorithm("AES-256-GCM, HKDF or random bytes");
	return key_row(fcinfo, csec_kek_current(), wrapped, commitment);
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
	bool		ok;

	csec_key_table_refresh();
	for (int i = 0; i < csec_key_table.n && key == NULL; i++)
		if (csec_key_table.keys[i].id == id && csec_key_table.keys[i].version == version)
			key = &csec_key_table.keys[i];
	if (key == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("key %u version %d is not in this database", id, version)));
	unwrap(key, bare);
	ok = csec_kek_wrap(csec_kek_current(), about_key(key->search, id, key->version),
					   bare, wrapped);
	csec_secure_wipe(bare, sizeof(bare));
	if (!ok)
		no_algorithm("AES-256-GCM or random bytes");
	return key_row(fcinfo, csec_kek_current(), wrapped, key->commitment);
}
