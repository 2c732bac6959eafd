/*
 * keyring.c
 *		The keys that csec works with, each for one purpose.
 *
 * The postmaster derives them before it forks, into pages that are locked and
 * left out of core dumps; a child makes its OpenSSL contexts from them at
 * first use.
 *
 * The order key defines how indexes over csec's types are sorted and hash
 * partitions are filled.  Under another key each look-up would go astray
 * without a word, so the database keeps the key's fingerprint (csec.order_key)
 * and a backend compares it before the first use.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "keys/kek.h"
#include "keys/keyring.h"
#include "keys/provider.h"
#include "keys/root_mark.h"
#include "util/bytea.h"
#include "util/bytes.h"
#include "util/crypto_failed.h"
#include "util/own_table.h"
#include "util/secure_memory.h"

#define SALT "csec 1"
#define FINGERPRINT_SIZE 16

typedef struct Keys
{
	uint8		trail[CSEC_HMAC_SIZE];
	uint8		digest[CSEC_HMAC_SIZE];
	uint8		order[CSEC_SIPHASH_KEY];
	uint8		fingerprint[FINGERPRINT_SIZE];	/* of order; not a secret */
	uint8		constant[CSEC_AEAD_KEY];
	uint8		sealing[CSEC_AEAD_KEY];
} Keys;

static Keys *keys = NULL;

static CsecMac *trail_mac = NULL;
static CsecMac *digest_mac = NULL;
static CsecMac *order_mac = NULL;
static bool order_checked = false;
static Oid	order_table = InvalidOid;	/* where it was checked */

void
csec_keyring_derive(const uint8 *root, const char *purpose, uint8 *out, size_t len)
{
	if (!csec_hkdf(root, CSEC_ROOT_KEY_SIZE, SALT, purpose, out, len))
		csec_crypto_failed("derive csec's keys");
}

/* Also where a transaction that has accepted another key is rolled back. */
static void
order_key_changed(Datum arg, Oid relid)
{
	if (relid == order_table)
		order_checked = false;
}

/* Read the root key and derive the others.  Postmaster, at start. */
void
csec_keyring_init(void)
{
	uint8	   *root = csec_secure_alloc(CSEC_ROOT_KEY_SIZE, false);

	keys = csec_secure_alloc(sizeof(Keys), false);
	csec_provider_read_key(CSEC_ROOT_KEY, root);
	csec_keyring_derive(root, "trail mac", keys->trail, sizeof(keys->trail));
	csec_keyring_derive(root, "trail digest", keys->digest, sizeof(keys->digest));
	csec_keyring_derive(root, "order", keys->order, sizeof(keys->order));
	csec_keyring_derive(keys->order, "fingerprint", keys->fingerprint, FINGERPRINT_SIZE);
	csec_root_mark_check(keys->fingerprint, sizeof(keys->fingerprint));
	csec_keyring_derive(root, "constants", keys->constant, sizeof(keys->constant));
	csec_keyring_derive(root, "sealing", keys->sealing, sizeof(keys->sealing));
	csec_kek_init(root);
	csec_secure_wipe(root, CSEC_ROOT_KEY_SIZE);
	CacheRegisterRelcacheCallback(order_key_changed, (Datum) 0);
}

const uint8 *
csec_keyring_constant_key(void)
{
	return keys->constant;
}

const uint8 *
csec_keyring_sealing_key(void)
{
	return keys->sealing;
}

static CsecMac *
usable(CsecMac *mac)
{
	if (mac == NULL)
		csec_crypto_failed("set up a keyed digest for csec");
	return mac;
}

CsecMac *
csec_keyring_trail_mac(void)
{
	if (trail_mac == NULL)
		trail_mac = usable(csec_hmac_create(keys->trail, sizeof(keys->trail)));
	return trail_mac;
}

void
csec_keyring_digest(const void *data, size_t len, uint8 *out)
{
	if (digest_mac == NULL)
		digest_mac = usable(csec_hmac_create(keys->digest, sizeof(keys->digest)));
	if (!csec_mac_begin(digest_mac) || !csec_mac_add(digest_mac, data, len) ||
		!csec_mac_end(digest_mac, out, CSEC_DIGEST_SIZE))
		csec_crypto_failed("compute a keyed digest for csec");
}

/* The fingerprint of the order key that this database was built with. */
static bool
stored_fingerprint(uint8 *out)
{
	Oid			relid = csec_own_table("order_key");
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	if (!OidIsValid(relid))
		return false;
	order_table = relid;
	rel = table_open(relid, AccessShareLock);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, 1, RelationGetDescr(rel), &isnull);
		bytea	   *fingerprint;

		if (isnull)
			continue;
		fingerprint = DatumGetByteaPP(value);
		if (VARSIZE_ANY_EXHDR(fingerprint) == FINGERPRINT_SIZE)
		{
			memcpy(out, VARDATA_ANY(fingerprint), FINGERPRINT_SIZE);
			found = true;
		}
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/* Of a key that the database has not accepted none is left, whoever sealed under it. */
void
csec_keyring_leave_mark(void)
{
	uint8		stored[FINGERPRINT_SIZE];

	if (stored_fingerprint(stored) && memcmp(stored, keys->fingerprint, FINGERPRINT_SIZE) == 0)
		csec_root_mark_leave(keys->fingerprint, FINGERPRINT_SIZE);
}

void
csec_keyring_check(void)
{
	uint8		stored[FINGERPRINT_SIZE];

	if (likely(order_checked))
		return;

	/*
	 * While pg_upgrade restores the schema, constants in views and defaults
	 * are made, and csec.order_key has not got its row yet.
	 */
	if (IsBinaryUpgrade)
		memcpy(stored, keys->fingerprint, FINGERPRINT_SIZE);
	else if (!stored_fingerprint(stored))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the fingerprint of csec's order key is missing in this database"),
				 errhint("Is the server's root key the one that this database was made with? Then csec.adopt_order_key() writes the row again.")));
	if (memcmp(stored, keys->fingerprint, FINGERPRINT_SIZE) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this database's indexes were built under another csec root key"),
				 errhint("Bring back the root key that this database was made with, and restart the server. Only if it is lost for good is the new one accepted, by csec.adopt_order_key(): docs/keys.md has the steps.")));
	if (order_mac == NULL)
		order_mac = usable(csec_siphash_create(keys->order));
	order_checked = true;
}

uint64
csec_keyring_order_tag(const void *data, size_t len)
{
	uint8		tag[sizeof(uint64)];

	csec_keyring_check();
	if (!csec_mac_begin(order_mac) || !csec_mac_add(order_mac, data, len) ||
		!csec_mac_end(order_mac, tag, sizeof(tag)))
		csec_crypto_failed("compute an order tag for csec");
	return csec_get_u64(tag);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_order_key_fingerprint);

/*
 * csec.order_key_fingerprint() returns bytea: the fingerprint of the key that
 * this server orders by.  Says nothing about the key.
 */
Datum
csec_order_key_fingerprint(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(csec_bytea(keys->fingerprint, FINGERPRINT_SIZE));
}
