/*
 * dump_key.c
 *		The keys that dumps of masked fields are encrypted under.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "keys/dump_key.h"
#include "keys/key_wrap.h"
#include "util/bytes.h"
#include "util/crypto_failed.h"
#include "util/secure_memory.h"

#define ABOUT	"csec dump key"

/* AES-GCM's limit for random nonces does not apply: they are counted. */
#define MAX_USES	(UINT64CONST(1) << 32)

#define AT_NAME		(CSEC_KEK_MARK + 1)

typedef struct DumpKey
{
	CsecAead   *aead;			/* NULL: there is none yet */
	uint8		head[CSEC_DUMP_KEY_MAX];
	size_t		size;
} DumpKey;

static DumpKey own;
static int	owner = 0;			/* the process that made it */
static uint32 generation = 0;	/* of the KEKs that it was wrapped with */
static uint64 uses = 0;

static DumpKey last_opened;

static void
forget(DumpKey *key)
{
	csec_aead_free(key->aead);
	key->aead = NULL;
}

static void
make(void)
{
	char		name[CSEC_KEY_NAME_MAX + 1];
	uint8		bare[CSEC_AEAD_KEY];
	size_t		len;
	bool		ok;

	forget(&own);
	generation = csec_kek_generation();
	csec_kek_current(name);
	len = strlen(name);
	own.head[CSEC_KEK_MARK] = (uint8) len;
	memcpy(own.head + AT_NAME, name, len);
	ok = csec_kek_mark(name, own.head) && pg_strong_random(bare, sizeof(bare)) &&
		csec_kek_wrap(name, ABOUT, bare, own.head + AT_NAME + len);
	if (ok)
		own.aead = csec_aead_create(CSEC_SUITE_AES_256_GCM, bare);
	csec_secure_wipe(bare, sizeof(bare));
	own.size = CSEC_DUMP_KEY_FIXED + len;
	owner = MyProcPid;
	uses = 0;
	if (own.aead == NULL)
		csec_crypto_failed("make a key for dumps");
}

CsecAead *
csec_dump_key(const uint8_t **head, size_t *size, uint8_t *nonce)
{
	if (unlikely(own.aead == NULL || owner != MyProcPid || uses == MAX_USES ||
				 generation != csec_kek_generation()))
		make();
	*head = own.head;
	*size = own.size;
	memset(nonce, 0, CSEC_AEAD_NONCE);
	csec_put_u64(nonce + CSEC_AEAD_NONCE - sizeof(uint64), uses++);
	return own.aead;
}

/* The KEK is told by its mark: its name may be another one here. */
static void
unwrap(const uint8 *head, const char *named, const uint8 *wrapped, uint8 *bare)
{
	char		name[CSEC_KEY_NAME_MAX + 1];

	if (!csec_kek_of_mark(head, name))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a dump is encrypted under key \"%s\" (%08x), which is not among those of csec.kek",
						named, csec_get_u32(head)),
				 errhint("Give it to the provider, add it to csec.kek and reload the configuration; \"root\" of another server under another name. docs/keys.md says how.")));
	if (csec_kek_unwrap(name, ABOUT, wrapped, CSEC_WRAPPED_SIZE, bare) != CSEC_UNWRAPPED)
	{
		csec_secure_wipe(bare, CSEC_AEAD_KEY);
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the key in a dumped value does not open under key \"%s\"", name),
				 errdetail("The value was altered after it was dumped.")));
	}
}

CsecAead *
csec_dump_key_open(const uint8_t *head, size_t size, size_t *used)
{
	DumpKey    *key = &last_opened;
	char		named[CSEC_KEY_NAME_MAX + 1];
	uint8		bare[CSEC_AEAD_KEY];
	size_t		len;

	if (size < CSEC_DUMP_KEY_FIXED)
		return NULL;
	len = head[CSEC_KEK_MARK];
	*used = CSEC_DUMP_KEY_FIXED + len;
	if (len > CSEC_KEY_NAME_MAX || size < *used)
		return NULL;
	if (likely(key->aead != NULL && key->size == *used && memcmp(key->head, head, *used) == 0))
		return key->aead;
	memcpy(named, head + AT_NAME, len);
	named[len] = '\0';
	if (!csec_key_name_valid(named))
		return NULL;
	unwrap(head, named, head + AT_NAME + len, bare);
	forget(key);
	memcpy(key->head, head, *used);
	key->size = *used;
	key->aead = csec_aead_create(CSEC_SUITE_AES_256_GCM, bare);
	csec_secure_wipe(bare, sizeof(bare));
	if (key->aead == NULL)
		csec_crypto_failed("set up a cipher for dumps");
	return key->aead;
}
