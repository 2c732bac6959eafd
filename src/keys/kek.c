/*
 * kek.c
 *		Key-encryption keys: what the keys in csec.key are wrapped under.
 *
 * They lie in pages of their own (util/secure_memory.c) from the server's
 * start on.  A wrap or unwrap makes its OpenSSL context and frees it: there is
 * one for each data key and session, not for each value.
 */
#include "postgres.h"

#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "crypto/mac.h"
#include "keys/kek.h"
#include "keys/keyring.h"
#include "keys/provider.h"
#include "util/guc.h"
#include "util/secure_memory.h"

#define MAX_KEKS	8

typedef struct Kek
{
	char		name[CSEC_KEY_NAME_MAX + 1];
	uint8		key[CSEC_AEAD_KEY];
} Kek;

static Kek *keks = NULL;
static int	nkeks = 0;

static Kek *
find(const char *name)
{
	for (int i = 0; i < nkeks; i++)
		if (strcmp(keks[i].name, name) == 0)
			return &keks[i];
	return NULL;
}

static void
add(const char *name, const uint8 *root)
{
	Kek		   *kek;

	if (!csec_key_name_valid(name))
		ereport(FATAL,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("\"%s\" in csec.kek is not the name of a key", name),
				 errhint("Names have 1 to %d letters, digits, \"-\" and \"_\".", CSEC_KEY_NAME_MAX)));
	if (find(name) != NULL || nkeks == MAX_KEKS)
		ereport(FATAL,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("csec.kek names a key twice, or more than %d keys", MAX_KEKS)));
	kek = &keks[nkeks++];
	strlcpy(kek->name, name, sizeof(kek->name));
	if (strcmp(name, CSEC_ROOT_KEY) == 0)
		csec_keyring_derive(root, "kek", kek->key, sizeof(kek->key));
	else
		csec_provider_read_key(name, kek->key);
}

void
csec_kek_init(const uint8_t *root)
{
	List	   *names;
	ListCell   *cell;
	char	   *list = pstrdup(csec_kek);

	keks = csec_secure_alloc(MAX_KEKS * sizeof(Kek));
	if (!SplitIdentifierString(list, ',', &names) || names == NIL)
		ereport(FATAL,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("csec.kek is not a list of names"),
				 errhint("Name the key for new wraps first, then those that are still needed to unwrap: csec.kek = 'k2, root'.")));
	foreach(cell, names)
		add(lfirst(cell), root);
	list_free(names);
	pfree(list);
}

const char *
csec_kek_current(void)
{
	return keks[0].name;
}

bool
csec_kek_wrap(const char *name, const char *about, const uint8_t *key, uint8_t *wrapped)
{
	Kek		   *kek = find(name);
	CsecAead   *aead = kek ? csec_aead_create(CSEC_SUITE_AES_256_GCM, kek->key) : NULL;
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
	Kek		   *kek = find(name);
	CsecAead   *aead;
	bool		ok;

	if (kek == NULL)
		return CSEC_UNWRAP_NO_KEK;
	if (size != CSEC_WRAPPED_SIZE)
		return CSEC_UNWRAP_FAILED;
	aead = csec_aead_create(wrapped[0], kek->key);
	ok = aead != NULL &&
		csec_aead_open(aead, wrapped + 1, (const uint8 *) about, strlen(about),
					   wrapped + 1 + CSEC_AEAD_NONCE, CSEC_AEAD_KEY,
					   wrapped + 1 + CSEC_AEAD_NONCE + CSEC_AEAD_KEY, key);
	csec_aead_free(aead);
	return ok ? CSEC_UNWRAPPED : CSEC_UNWRAP_FAILED;
}
