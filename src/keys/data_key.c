/*
 * data_key.c
 *		The keys of a database, for those who encrypt, decrypt and search.
 *
 * A key is unwrapped when a value first needs it, into OpenSSL's context, and
 * the bare key is wiped; so a KEK that is missing troubles only who needs what
 * is wrapped under it.
 */
#include "postgres.h"

#include "keys/key_table.h"
#include "keys/key_wrap.h"
#include "keys/keyring.h"
#include "util/crypto_failed.h"
#include "util/guc.h"
#include "util/secure_memory.h"

const CsecDataKey *
csec_data_key_find_active(const char *name)
{
	csec_key_table_refresh();
	for (int i = 0; i < csec_key_table.n; i++)
		if (!csec_key_table.keys[i].search && csec_key_table.keys[i].state == CSEC_KEY_ACTIVE &&
			strcmp(NameStr(csec_key_table.keys[i].name), name) == 0)
			return &csec_key_table.keys[i];
	return NULL;
}

const CsecDataKey *
csec_data_key_active(const char *name)
{
	const CsecDataKey *key = csec_data_key_find_active(name);

	if (likely(key != NULL))
		return key;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("there is no active key \"%s\" to encrypt with", name),
			 errhint("Restore the rows of csec.key that belong to the data; or make a key with csec.create_key('%s'), or, if csec.keys shows versions of it, with CALL csec.rotate_key('%s', ...).", name, name)));
	return NULL;				/* keep compiler quiet */
}

static CsecDataKey *
constant_key(void)
{
	static CsecDataKey key = {.state = CSEC_KEY_DECRYPT_ONLY};
	static bool committed = false;

	if (!committed && !csec_key_commitment(csec_keyring_constant_key(), key.commitment))
		csec_crypto_failed("commit to a key");
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

bool
csec_data_key_opens(uint32_t id, uint16_t version)
{
	CsecDataKey *key = find_data_key(id, version);
	uint32		generation = csec_kek_generation();
	uint8		bare[CSEC_AEAD_KEY];
	bool		opens;

	if (key == NULL || key->refused_by == generation)
		return false;
	if (key->id == 0)
		return true;
	for (int suite = 1; suite <= CSEC_SUITES; suite++)
		if (key->aead[suite] != NULL)
			return true;
	opens = csec_key_try_unwrap(key, bare) == CSEC_UNWRAPPED;
	csec_secure_wipe(bare, sizeof(bare));
	key->refused_by = opens ? 0 : generation;
	return opens;
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
		csec_key_unwrap(cached, bare);
	cached->aead[suite] = csec_aead_create(suite, bare);
	csec_secure_wipe(bare, sizeof(bare));
	if (cached->aead[suite] == NULL)
		csec_crypto_failed(psprintf("set up %s", csec_suite_name(suite)));
	return cached->aead[suite];
}

bool
csec_search_key_is_there(void)
{
	csec_key_table_refresh();
	return csec_key_table.search_active != 0;
}

uint32_t
csec_search_key_active(uint32_t *next)
{
	csec_key_table_refresh();
	*next = csec_key_table.search_next;
	if (unlikely(csec_key_table.search_misplaced))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("fields are indexed under another search key than the active one"),
				 errhint("Restore the row of csec.key that belongs to the data; or, if it is lost, CALL csec.replace_search_key(...).")));
	if (unlikely(csec_key_table.search_active == 0))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("there is no active search key in this database"),
				 errhint("Restore the rows of csec.key that belong to the data; or, if they are lost, CALL csec.replace_search_key(...).")));
	return csec_key_table.search_active;
}

static CsecDataKey *
find_search_key(uint32 mark)
{
	for (int i = 0; i < csec_key_table.n; i++)
		if (csec_key_table.keys[i].search && csec_search_mark(&csec_key_table.keys[i]) == mark)
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
	csec_key_unwrap(key, bare);
	key->mac = csec_hmac_create(bare, sizeof(bare));
	csec_secure_wipe(bare, sizeof(bare));
	if (key->mac == NULL)
		csec_crypto_failed("set up a keyed digest");
	return key->mac;
}

void
csec_search_tag(uint32_t mark, const void *form, size_t len, uint8_t *tag)
{
	CsecMac    *mac = search_mac(mark);

	if (!csec_mac_begin(mac) || !csec_mac_add(mac, form, len) ||
		!csec_mac_end(mac, tag, CSEC_SEARCH_TAG_SIZE))
		csec_crypto_failed("compute a search tag");
}
