/*
 * subject_key.c
 *		A key for each customer, which can be destroyed alone.
 *
 * What is kept of a key is OpenSSL's context, which wipes its key when it is
 * freed; the bare key is wiped as soon as the context is made.  The contexts
 * that were used longest ago are freed to make room.
 *
 * A key that this transaction made is forgotten when it, or a part of it, rolls
 * back: its row is gone then, and what would be encrypted under it lost.  A
 * destroyed key reaches the other sessions as an invalidation of its table;
 * they free all that they have at their next look-up, not before, as somebody
 * may hold a key just then.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "crypto/mac.h"
#include "keys/key_table.h"
#include "keys/subject_key.h"
#include "keys/subject_store.h"
#include "keys/subject_wrap.h"
#include "util/bytes.h"
#include "util/guc.h"
#include "util/pgcompat.h"
#include "util/portable_text.h"
#include "util/secure_memory.h"

/* So many pseudonyms may begin with the same number. */
#define SAME_NUMBER_MAX 4

struct CsecSubjectKey
{
	uint64		number;			/* hash key */
	dlist_node	recent;			/* the one used last comes first */
	uint8		pseudonym[CSEC_PSEUDONYM];
	bool		destroyed;
	bool		own;			/* made by this transaction */
	bool		alone;			/* known to be the only one of its number */
	uint8		wrapped[CSEC_SUBJECT_WRAPPED];
	uint8		commitment[CSEC_KEY_COMMITMENT];
	CsecAead   *aead[CSEC_SUITES + 1];	/* by suite, made when needed */
};

/* The customers of a table: what makes pseudonyms of them. */
typedef struct Space
{
	Oid			relid;
	int32		id;
	CsecMac    *mac;
	struct Space *next;
} Space;

static HTAB *keys = NULL;
static dlist_head recent = DLIST_STATIC_INIT(recent);
static int	nkeys = 0;
static int	nown = 0;
static Space *spaces = NULL;

/*
 * The customer who was asked for last: a statement asks for the same one when it
 * reads a row, changes it and puts the change on record.
 */
static struct
{
	const Space *space;			/* NULL: none */
	size_t		len;
	char		subject[64];
	uint8		pseudonym[CSEC_PSEUDONYM];
}			last;

static bool stale = false;

static void
forget(CsecSubjectKey *key)
{
	for (int suite = 1; suite <= CSEC_SUITES; suite++)
		csec_aead_free(key->aead[suite]);
	if (key->own)
		nown--;
	dlist_delete(&key->recent);
	nkeys--;
	hash_search(keys, &key->number, HASH_REMOVE, NULL);
}

static void
forget_all(void)
{
	while (!dlist_is_empty(&recent))
		forget(dlist_container(CsecSubjectKey, recent, dlist_head_node(&recent)));
	last.space = NULL;
	while (spaces != NULL)
	{
		Space	   *next = spaces->next;

		csec_mac_free(spaces->mac);
		pfree(spaces);
		spaces = next;
	}
	stale = false;
}

/* Neither allocates nor fails: it runs in aborts. */
static void
end_own(bool committed)
{
	dlist_mutable_iter iter;

	if (nown == 0)
		return;
	dlist_foreach_modify(iter, &recent)
	{
		CsecSubjectKey *key = dlist_container(CsecSubjectKey, recent, iter.cur);

		if (!key->own)
			continue;
		if (!committed)
			forget(key);
		else
			key->own = false;
	}
	nown = 0;
}

static void
end_of_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT)
		end_own(true);
	else if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		end_own(false);
}

/* Those of the parts that stay are found in the table again. */
static void
end_of_subtransaction(SubXactEvent event, SubTransactionId mySubid,
					  SubTransactionId parentSubid, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		end_own(false);
}

static void
relation_changed(Datum arg, Oid relid)
{
	if (nkeys == 0 && spaces == NULL)
		return;
	/* a data key that is destroyed takes with it what it wraps */
	if (!OidIsValid(relid) || csec_subject_store_relation(relid) || relid == csec_key_table.relid)
		stale = true;
}

void
csec_subject_key_init(void)
{
	RegisterXactCallback(end_of_transaction, NULL);
	RegisterSubXactCallback(end_of_subtransaction, NULL);
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
}

/* Before any look-up: nobody holds a key then. */
static void
begin_lookup(void)
{
	if (unlikely(stale))
		forget_all();
	if (unlikely(keys == NULL))
	{
		HASHCTL		ctl = {.keysize = sizeof(uint64),.entrysize = sizeof(CsecSubjectKey),.hcxt = TopMemoryContext};

		keys = hash_create("csec keys of customers", 128, &ctl,
						   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
}

/* ---- pseudonyms ---- */

static Space *
load_space(Oid relid)
{
	CsecSpaceRow row;
	CsecSubjectAbout about;
	uint8		bare[CSEC_AEAD_KEY];
	CsecMac    *mac;
	Space	   *space;

	if (!csec_subject_store_readable() || !csec_space_row_find(relid, &row))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the keys of the customers of table \"%s\" cannot be had", get_rel_name(relid)),
				 errhint("Restore its row of csec.subject_space from a dump; if it is lost, CALL csec.replace_subject_space(...).")));
	about = csec_about_space(row.id);
	csec_subject_unwrap(&about, row.wrapped, bare);
	mac = csec_hmac_create(bare, sizeof(bare));
	csec_secure_wipe(bare, sizeof(bare));
	if (mac == NULL)
		csec_no_subject_key();
	space = MemoryContextAlloc(TopMemoryContext, sizeof(Space));
	space->relid = relid;
	space->id = row.id;
	space->mac = mac;
	space->next = spaces;
	spaces = space;
	return space;
}

static Space *
cached_space(Oid relid)
{
	begin_lookup();
	for (Space *space = spaces; space != NULL; space = space->next)
		if (space->relid == relid)
			return space;
	return NULL;
}

static Space *
space_of(Oid relid)
{
	Space	   *space = cached_space(relid);

	return space != NULL ? space : load_space(relid);
}

bool
csec_customers_known(Oid table)
{
	CsecSpaceRow row;
	CsecSubjectAbout about;
	uint8		bare[CSEC_AEAD_KEY];
	bool		opens;

	if (cached_space(table) != NULL)
		return true;
	if (!csec_subject_store_readable() || !csec_space_row_find(table, &row))
		return false;
	about = csec_about_space(row.id);
	opens = csec_subject_try_unwrap(&about, row.wrapped, bare);
	csec_secure_wipe(bare, sizeof(bare));
	return opens;
}

void
csec_customer_of(Oid table, const char *subject, size_t len, CsecCustomer *out)
{
	Space	   *space = space_of(table);
	CsecPortable portable;

	out->table = table;
	if (last.space == space && last.len == len && memcmp(last.subject, subject, len) == 0)
	{
		memcpy(out->pseudonym, last.pseudonym, CSEC_PSEUDONYM);
		return;
	}
	/* the same in every encoding: customers move with their keys */
	csec_portable_take(subject, len, &portable);
	if (!csec_mac_begin(space->mac) || !csec_mac_add(space->mac, portable.text, portable.len) ||
		!csec_mac_end(space->mac, out->pseudonym, CSEC_PSEUDONYM))
		csec_no_subject_key();
	csec_portable_release(&portable);
	if (len > sizeof(last.subject))
		return;
	last.space = space;
	last.len = len;
	memcpy(last.subject, subject, len);
	memcpy(last.pseudonym, out->pseudonym, CSEC_PSEUDONYM);
}

uint64
csec_subject_number(const uint8 *pseudonym)
{
	return csec_get_u64(pseudonym);
}

/* ---- the cache ---- */

static void
use(CsecSubjectKey *key)
{
	dlist_move_head(&recent, &key->recent);
}

/* Room for one more; an entry of the same number makes way. */
static CsecSubjectKey *
enter(uint64 number)
{
	CsecSubjectKey *key = hash_search(keys, &number, HASH_FIND, NULL);
	bool		found;

	if (key != NULL)
		forget(key);
	while (nkeys > 0 && nkeys >= csec_subject_key_cache)
		forget(dlist_container(CsecSubjectKey, recent, dlist_tail_node(&recent)));
	key = hash_search(keys, &number, HASH_ENTER, &found);
	memset((char *) key + sizeof(number), 0, sizeof(*key) - sizeof(number));
	dlist_push_head(&recent, &key->recent);
	nkeys++;
	return key;
}

/* Of a bare key: what commits to it, and the context for a suite. */
static bool
make_context(const uint8 *bare, int suite, uint8 *commitment, CsecAead **aead)
{
	*aead = csec_aead_create(suite, bare);
	if (*aead != NULL && csec_key_commitment(bare, commitment))
		return true;
	csec_aead_free(*aead);
	return false;
}

/* false: it does not open, where must_open does not make that an error. */
static bool
open_key(const CsecSubjectRow *row, int suite, bool must_open, uint8 *commitment, CsecAead **aead)
{
	CsecSubjectAbout about = csec_about_subject(row->pseudonym);
	uint8		bare[CSEC_AEAD_KEY];
	bool		made;

	if (must_open)
		csec_subject_unwrap(&about, row->wrapped, bare);
	else if (!csec_subject_try_unwrap(&about, row->wrapped, bare))
	{
		csec_secure_wipe(bare, sizeof(bare));
		return false;
	}
	made = make_context(bare, suite, commitment, aead);
	csec_secure_wipe(bare, sizeof(bare));
	if (!made)
		csec_no_subject_key();
	return true;
}

static bool
is_destroyed(const CsecSubjectRow *row)
{
	return row->destroyed || csec_tombstone_is_there(row->pseudonym) ||
		csec_subject_wrap_is_lost(row->wrapped);
}

/*
 * A row of the table into the cache, opened unless it was destroyed; NULL: it
 * does not open, where must_open does not make that an error.
 */
static CsecSubjectKey *
load(const CsecSubjectRow *row, int suite, bool must_open)
{
	CsecSubjectKey *key;
	bool		destroyed = is_destroyed(row);
	uint8		commitment[CSEC_KEY_COMMITMENT] = {0};
	CsecAead   *aead = NULL;

	if (!destroyed && !open_key(row, suite, must_open, commitment, &aead))
		return NULL;
	key = enter(csec_subject_number(row->pseudonym));
	memcpy(key->pseudonym, row->pseudonym, CSEC_PSEUDONYM);
	memcpy(key->commitment, commitment, CSEC_KEY_COMMITMENT);
	key->destroyed = destroyed;
	key->own = row->own;
	nown += row->own;
	if (!destroyed)
		memcpy(key->wrapped, row->wrapped, CSEC_SUBJECT_WRAPPED);
	key->aead[suite] = aead;
	return key;
}

static void
need_store(void)
{
	if (!csec_subject_store_readable())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the keys of customers cannot be read now"),
				 errhint("They are readable within a transaction and outside logical decoding only.")));
}

/* A new key for a customer; false: somebody else has made one meanwhile. */
static bool
create(const CsecCustomer *customer)
{
	const uint8 *pseudonym = customer->pseudonym;
	CsecSubjectRow row = {.space = space_of(customer->table)->id};
	CsecSubjectAbout about = csec_about_subject(pseudonym);
	uint8		bare[CSEC_AEAD_KEY];
	uint8		commitment[CSEC_KEY_COMMITMENT];
	CsecAead   *aead = NULL;
	CsecSubjectKey *key;
	volatile bool made = false;

	memcpy(row.pseudonym, pseudonym, CSEC_PSEUDONYM);
	if (!pg_strong_random(bare, sizeof(bare)))
		csec_no_subject_key();
	PG_TRY();
	{
		csec_subject_wrap(&about, bare, row.wrapped);
		made = csec_subject_row_add(&row);
		if (made && !make_context(bare, csec_suite, commitment, &aead))
			csec_no_subject_key();
	}
	PG_FINALLY();
	{
		csec_secure_wipe(bare, sizeof(bare));
	}
	PG_END_TRY();
	if (!made)
		return false;
	key = enter(csec_subject_number(pseudonym));
	memcpy(key->pseudonym, pseudonym, CSEC_PSEUDONYM);
	memcpy(key->wrapped, row.wrapped, CSEC_SUBJECT_WRAPPED);
	memcpy(key->commitment, commitment, CSEC_KEY_COMMITMENT);
	key->aead[csec_suite] = aead;
	key->own = true;
	nown++;
	return true;
}

bool
csec_subject_key_is_destroyed(const CsecCustomer *customer)
{
	CsecSubjectRow row;

	need_store();
	if (csec_subject_row_find(customer->pseudonym, &row))
		return is_destroyed(&row);
	return csec_tombstone_is_there(customer->pseudonym);
}

const CsecSubjectKey *
csec_subject_key_for(const CsecCustomer *customer)
{
	const uint8 *pseudonym = customer->pseudonym;
	uint64		number = csec_subject_number(pseudonym);

	begin_lookup();
	for (;;)
	{
		CsecSubjectKey *key = hash_search(keys, &number, HASH_FIND, NULL);
		CsecSubjectRow row;

		if (key != NULL && memcmp(key->pseudonym, pseudonym, CSEC_PSEUDONYM) == 0)
		{
			use(key);
			return key->destroyed ? NULL : key;
		}
		CHECK_FOR_INTERRUPTS();
		need_store();
		if (csec_subject_row_find(pseudonym, &row))
			(void) load(&row, csec_suite, true);
		/* a backup may be older than the row */
		else if (csec_tombstone_is_there(pseudonym))
			return NULL;
		else
			(void) create(customer);
	}
}

CsecSubjectKeyState
csec_subject_key_find(uint64 number, const uint8 *commitment, const CsecSubjectKey **found)
{
	CsecSubjectKey *key;
	CsecSubjectRow rows[SAME_NUMBER_MAX];
	int			n;
	bool		destroyed = false;
	bool		shut = false;

	begin_lookup();
	key = hash_search(keys, &number, HASH_FIND, NULL);
	if (likely(key != NULL && !key->destroyed &&
			   memcmp(key->commitment, commitment, CSEC_KEY_COMMITMENT) == 0))
	{
		use(key);
		*found = key;
		return CSEC_SUBJECT_KEY_USABLE;
	}
	/* of a destroyed one nobody can tell any more what it committed to */
	if (key != NULL && key->destroyed && key->alone)
		return CSEC_SUBJECT_KEY_DESTROYED;
	need_store();
	n = csec_subject_rows_numbered(number, rows, SAME_NUMBER_MAX);
	for (int i = 0; i < n; i++)
	{
		key = load(&rows[i], csec_suite, false);
		if (key == NULL)
		{
			shut = true;
			continue;
		}
		key->alone = n == 1;
		destroyed |= key->destroyed;
		if (!key->destroyed && memcmp(key->commitment, commitment, CSEC_KEY_COMMITMENT) == 0)
		{
			*found = key;
			return CSEC_SUBJECT_KEY_USABLE;
		}
	}
	if (shut)
		return CSEC_SUBJECT_KEY_SHUT;
	if (destroyed)
		return CSEC_SUBJECT_KEY_DESTROYED;
	return n > 0 ? CSEC_SUBJECT_KEY_OTHER : CSEC_SUBJECT_KEY_UNKNOWN;
}

void
csec_refuse_destroyed(uint64 number)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the key of this customer (" UINT64_FORMAT ") was destroyed", number),
			 errdetail("What was encrypted under it cannot be read any more, and nothing new can be stored."),
			 errhint("The customer's rows can be deleted, and their fields set to null.")));
	pg_unreachable();
}

void
csec_refuse_shut(uint64 number)
{
	CsecSubjectRow rows[SAME_NUMBER_MAX];
	int			n;

	need_store();
	n = csec_subject_rows_numbered(number, rows, SAME_NUMBER_MAX);
	for (int i = 0; i < n; i++)
		(void) load(&rows[i], csec_suite, true);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the key of a customer (" UINT64_FORMAT ") did not open", number),
			 errhint("Its data key has come back meanwhile: try again.")));
	pg_unreachable();
}

uint64
csec_subject_key_number(const CsecSubjectKey *key)
{
	return key->number;
}

const uint8 *
csec_subject_key_commitment(const CsecSubjectKey *key)
{
	return key->commitment;
}

CsecAead *
csec_subject_key_aead(const CsecSubjectKey *key, int suite)
{
	CsecSubjectKey *cached = (CsecSubjectKey *) key;
	CsecSubjectRow row = {0};
	uint8		commitment[CSEC_KEY_COMMITMENT];
	CsecAead   *aead;

	if (likely(cached->aead[suite] != NULL))
		return cached->aead[suite];
	memcpy(row.pseudonym, cached->pseudonym, CSEC_PSEUDONYM);
	memcpy(row.wrapped, cached->wrapped, CSEC_SUBJECT_WRAPPED);
	(void) open_key(&row, suite, true, commitment, &aead);
	cached->aead[suite] = aead;
	return aead;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_customers_known_sql);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_subject_pseudonym_sql);

/* csec.customers_known(tab regclass) */
Datum
csec_customers_known_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(csec_customers_known(PG_GETARG_OID(0)));
}

/* csec.subject_pseudonym(tab regclass, subject text) returns uuid */
Datum
csec_subject_pseudonym_sql(PG_FUNCTION_ARGS)
{
	text	   *subject = PG_GETARG_TEXT_PP(1);
	pg_uuid_t  *result = palloc(sizeof(pg_uuid_t));
	CsecCustomer customer;

	csec_customer_of(PG_GETARG_OID(0), VARDATA_ANY(subject), VARSIZE_ANY_EXHDR(subject), &customer);
	memcpy(result->data, customer.pseudonym, CSEC_PSEUDONYM);
	PG_RETURN_UUID_P(result);
}
