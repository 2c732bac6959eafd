/*
 * kek.c
 *		Key-encryption keys: what the keys in csec.key are wrapped under.
 *
 * They lie in pages of their own (util/secure_memory.c), which all processes
 * of the server share.  The postmaster fills them at start; the launcher reads
 * the KEKs anew when the server's configuration is reloaded, and now and then to
 * see whether it could, because it can wait for the provider, and nobody else should.
 *
 * There are two sets, of which the number of the generation says which is in
 * force.  The launcher fills the other one and then counts up.  A reader takes
 * a copy of the one KEK that it needs and looks whether the number is still
 * the same: so there is no lock that a process could die with.
 *
 * A wrap or unwrap makes its OpenSSL context and frees it: there is one for
 * each data key and session, not for each value.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "crypto/mac.h"
#include "keys/kek.h"
#include "keys/keyring.h"
#include "keys/provider_state.h"
#include "util/clock.h"
#include "util/crypto_failed.h"
#include "util/guc.h"
#include "util/secure_memory.h"

typedef struct Kek
{
	char		name[CSEC_KEY_NAME_MAX + 1];
	uint8		key[CSEC_AEAD_KEY];
	uint8		commitment[CSEC_KEY_COMMITMENT];
} Kek;

typedef struct Set
{
	int			n;
	Kek			kek[CSEC_MAX_KEKS];
} Set;

typedef struct Shared
{
	pg_atomic_uint32 generation;
	Set			set[2];
	uint8		root[CSEC_AEAD_KEY];	/* the KEK "root", named or not */
} Shared;

static Shared *shared = NULL;

uint32_t
csec_kek_generation(void)
{
	return pg_atomic_read_u32(&shared->generation);
}

static Kek *
find(Set *set, const char *name)
{
	for (int i = 0; i < set->n && i < CSEC_MAX_KEKS; i++)
		if (strncmp(set->kek[i].name, name, sizeof(set->kek[i].name)) == 0)
			return &set->kek[i];
	return NULL;
}

/* Copy the KEK of that name, or the first; the caller wipes it. */
static bool
take(const char *name, Kek *out)
{
	for (;;)
	{
		uint32		generation = csec_kek_generation();
		Set		   *set = &shared->set[generation % 2];
		Kek		   *kek = name ? find(set, name) : &set->kek[0];

		if (kek != NULL)
			*out = *kek;
		pg_read_barrier();
		if (generation == csec_kek_generation())
			return kek != NULL;
	}
}

/* ---- reading them ---- */

static List *
names_in_setting(char *copy)
{
	const char *wrong;
	const char *hint;
	List	   *names = csec_kek_list(copy, &wrong, &hint);

	if (names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("%s", wrong),
				 errhint("%s", hint)));
	return names;
}

/*
 * How the KEKs are read.  A key that is in force and that the provider does not
 * give stays in force, and the others count all the same: who has lost a key at
 * the provider can wrap what is under it under another one while the server still
 * has it.
 */
typedef struct Reading
{
	Set		   *old;			/* NULL: the server starts */
	Set		   *new;
	bool		exchange;		/* another key of the same name counts */
	bool		goes_on;		/* past a key that is in force and not to be had */
	int64		began;
	MemoryContext context;
	ErrorData  *error;			/* the first that it went past */
} Reading;

/* After an error. */
static void
go_on(Reading *reading)
{
	ErrorData  *error;

	MemoryContextSwitchTo(reading->context);
	error = CopyErrorData();
	if (!reading->goes_on || error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
		PG_RE_THROW();
	FlushErrorState();
	if (reading->error == NULL)
		reading->error = error;
}

/* A provider that does not answer is not waited for again, for what is there. */
static bool
is_late(const Reading *reading)
{
	return reading->error != NULL &&
		csec_clock_ms() - reading->began >= csec_key_command_timeout * INT64CONST(1000);
}

/* A name should stand for one key for ever. */
static bool
is_other(const Kek *before, const Kek *kek)
{
	return before != NULL && memcmp(before->key, kek->key, CSEC_AEAD_KEY) != 0;
}

static void
read_kek(Reading *reading, const char *name, Kek *kek)
{
	Kek		   *before = reading->old != NULL ? find(reading->old, name) : NULL;

	PG_TRY();
	{
		if (before != NULL && is_late(reading))
			memcpy(kek->key, before->key, sizeof(kek->key));
		else
			csec_provider_read_key(name, kek->key);
		if (!reading->exchange && is_other(before, kek))
			ereport(ERROR,
					(errcode(ERRCODE_CONFIG_FILE_ERROR),
					 errmsg("key \"%s\" that the provider gives is another one than the one in force", name),
					 errhint("Bring back the right one before the server is restarted, which takes it as it is then. A reload takes another one where a key of a database does not open.")));
	}
	PG_CATCH();
	{
		if (before == NULL)
			PG_RE_THROW();
		go_on(reading);
		memcpy(kek->key, before->key, sizeof(kek->key));
	}
	PG_END_TRY();
}

static void
add(Reading *reading, const char *name)
{
	Kek		   *kek = &reading->new->kek[reading->new->n++];

	strlcpy(kek->name, name, sizeof(kek->name));
	if (strcmp(name, CSEC_ROOT_KEY) == 0)
		memcpy(kek->key, shared->root, sizeof(kek->key));
	else
		read_kek(reading, name, kek);
	if (!csec_key_commitment(kek->key, kek->commitment))
		csec_crypto_failed("commit to a key");
}

static void
fill(Reading *reading)
{
	char	   *copy = pstrdup(csec_kek);
	List	   *names = names_in_setting(copy);
	ListCell   *cell;

	memset(reading->new, 0, sizeof(Set));
	foreach(cell, names)
		add(reading, lfirst(cell));
	list_free(names);
	pfree(copy);
}

void
csec_kek_init(const uint8_t *root)
{
	Reading		reading = {.exchange = true};

	shared = csec_secure_alloc(sizeof(Shared), true);
	pg_atomic_init_u32(&shared->generation, 2);
	csec_keyring_derive(root, "kek", shared->root, sizeof(shared->root));
	csec_provider_state_init();
	reading.new = &shared->set[0];
	fill(&reading);
}

/*
 * The provider must give the root key that all else derives from, or the next
 * start fails.  Where it gives another one it may be that of another server, of
 * which no key is taken.  The room is wiped by the caller.
 */
static void
check_root(Reading *reading)
{
	uint8	   *root = reading->new->kek[0].key;
	uint8	   *kek = reading->new->kek[1].key;

	StaticAssertStmt(CSEC_ROOT_KEY_SIZE <= CSEC_AEAD_KEY, "room for the root key");
	PG_TRY();
	{
		csec_provider_read_key(CSEC_ROOT_KEY, root);
		csec_keyring_derive(root, "kek", kek, CSEC_AEAD_KEY);
	}
	PG_CATCH();
	{
		go_on(reading);
		memcpy(kek, shared->root, CSEC_AEAD_KEY);
	}
	PG_END_TRY();
	if (memcmp(kek, shared->root, CSEC_AEAD_KEY) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("the root key that the provider gives is not the one that csec was started with"),
				 errhint("Bring back the right one before the server is restarted.")));
}

static void
tell_exchanged(Set *old, Set *new)
{
	for (int i = 0; i < new->n; i++)
		if (is_other(find(old, new->kek[i].name), &new->kek[i]))
			ereport(LOG,
					(errmsg("key \"%s\" is another one than before", new->kek[i].name),
					 errdetail("What is wrapped under the one before does not open any more, csec.key_status says whether anything is.")));
}

/* False: nothing can be put in force. */
static bool
read_all(Reading *reading)
{
	bool		volatile done = true;

	PG_TRY();
	{
		check_root(reading);
		fill(reading);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(reading->context);
		if (reading->error == NULL || geterrcode() == ERRCODE_ADMIN_SHUTDOWN)
			reading->error = CopyErrorData();
		FlushErrorState();
		done = false;
	}
	PG_END_TRY();
	return done;
}

bool
csec_kek_reload(bool reload, bool exchange, ErrorData **error)
{
	uint32		generation = csec_kek_generation();
	Set		   *old = &shared->set[generation % 2];
	Set		   *new = &shared->set[(generation + 1) % 2];
	Reading		reading = {
		.old = old,
		.new = new,
		.exchange = reload && exchange,
		/* who only looks has seen enough with the first that is not to be had */
		.goes_on = reload || csec_kek_outdated(),
		.began = csec_clock_ms(),
		.context = CurrentMemoryContext
	};
	bool		changed = read_all(&reading) && memcmp(old, new, sizeof(*old)) != 0;

	if (changed)
	{
		tell_exchanged(old, new);
		/* (0 is no generation) */
		pg_write_barrier();
		pg_atomic_write_u32(&shared->generation, generation + 1 == 0 ? 2 : generation + 1);
		/* who still copies of the old set must see that it is out before it is wiped */
		pg_memory_barrier();
	}
	csec_secure_wipe(changed ? old : new, sizeof(*new));
	*error = reading.error;
	return changed;
}

char *
csec_kek_names(void)
{
	StringInfoData names;
	uint32		generation;

	initStringInfo(&names);
	do
	{
		Set		   *set;

		generation = csec_kek_generation();
		set = &shared->set[generation % 2];
		resetStringInfo(&names);
		for (int i = 0; i < set->n && i < CSEC_MAX_KEKS; i++)
			appendStringInfo(&names, "%s%.*s", i > 0 ? ", " : "", CSEC_KEY_NAME_MAX, set->kek[i].name);
		pg_read_barrier();
	} while (generation != csec_kek_generation());
	return names.data;
}

bool
csec_kek_outdated(void)
{
	char	   *copy = pstrdup(csec_kek);
	List	   *names = names_in_setting(copy);
	StringInfoData wanted;
	ListCell   *cell;

	initStringInfo(&wanted);
	foreach(cell, names)
		appendStringInfo(&wanted, "%s%s", wanted.len > 0 ? ", " : "", (char *) lfirst(cell));
	return strcmp(wanted.data, csec_kek_names()) != 0;
}

/* ---- using them ---- */

void
csec_kek_current(char *name)
{
	Kek			kek;

	(void) take(NULL, &kek);
	memcpy(name, kek.name, sizeof(kek.name));
	csec_secure_wipe(&kek, sizeof(kek));
}

bool
csec_kek_mark(const char *name, uint8_t *mark)
{
	Kek			kek;
	bool		known = take(name, &kek);

	if (known)
		memcpy(mark, kek.commitment, CSEC_KEK_MARK);
	csec_secure_wipe(&kek, sizeof(kek));
	return known;
}

bool
csec_kek_of_mark(const uint8_t *mark, char *name)
{
	uint32		generation;
	bool		known;

	do
	{
		Set		   *set;

		generation = csec_kek_generation();
		set = &shared->set[generation % 2];
		known = false;
		for (int i = 0; i < set->n && i < CSEC_MAX_KEKS && !known; i++)
		{
			known = memcmp(set->kek[i].commitment, mark, CSEC_KEK_MARK) == 0;
			memcpy(name, set->kek[i].name, sizeof(set->kek[i].name));
		}
		pg_read_barrier();
	} while (generation != csec_kek_generation());
	return known;
}

/* A context under the KEK of that name, for the caller to free. */
static CsecAead *
context_of(const char *name, int suite, bool *known)
{
	Kek			kek;
	CsecAead   *aead;

	*known = take(name, &kek);
	aead = *known ? csec_aead_create(suite, kek.key) : NULL;
	csec_secure_wipe(&kek, sizeof(kek));
	return aead;
}

bool
csec_kek_wrap(const char *name, const char *about, const uint8_t *key, uint8_t *wrapped)
{
	bool		known;
	CsecAead   *aead = context_of(name, CSEC_SUITE_AES_256_GCM, &known);
	uint8	   *nonce = wrapped + 1;
	bool		ok;

	wrapped[0] = CSEC_SUITE_AES_256_GCM;
	ok = aead != NULL && pg_strong_random(nonce, CSEC_AEAD_NONCE) &&
		csec_aead_seal(aead, nonce, (const uint8 *) about, strlen(about),
					   key, CSEC_AEAD_KEY, nonce + CSEC_AEAD_NONCE,
					   nonce + CSEC_AEAD_NONCE + CSEC_AEAD_KEY);
	csec_aead_free(aead);
	return ok;
}

CsecUnwrap
csec_kek_unwrap(const char *name, const char *about,
				const uint8_t *wrapped, size_t size, uint8_t *key)
{
	bool		known;
	CsecAead   *aead = context_of(name, size > 0 ? wrapped[0] : 0, &known);
	bool		ok;

	if (!known)
		return CSEC_UNWRAP_NO_KEK;
	ok = aead != NULL && size == CSEC_WRAPPED_SIZE &&
		csec_aead_open(aead, wrapped + 1, (const uint8 *) about, strlen(about),
					   wrapped + 1 + CSEC_AEAD_NONCE, CSEC_AEAD_KEY,
					   wrapped + 1 + CSEC_AEAD_NONCE + CSEC_AEAD_KEY, key);
	csec_aead_free(aead);
	return ok ? CSEC_UNWRAPPED : CSEC_UNWRAP_FAILED;
}
