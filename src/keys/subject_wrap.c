/*
 * subject_wrap.c
 *		How the keys of customers are wrapped.
 *
 * Under a data key, not the KEK: there are millions of them, and each is
 * unwrapped when its customer is read.  docs/envelope-format.md says the same
 * byte by byte.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/uuid.h"

#include "keys/data_key.h"
#include "keys/subject_wrap.h"
#include "util/bytea.h"
#include "util/bytes.h"
#include "util/crypto_failed.h"
#include "util/secure_memory.h"

#define AT_NONCE	7
#define AT_KEY		(AT_NONCE + CSEC_AEAD_NONCE)
#define AT_TAG		(AT_KEY + CSEC_AEAD_KEY)

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_generate_space);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_rewrap_subject);

void
csec_no_subject_key(void)
{
	csec_crypto_failed("make a key of a customer");
}

static CsecSubjectAbout
about(const char *what, const void *of, size_t len)
{
	CsecSubjectAbout result = {.len = strlen(what)};

	memcpy(result.bytes, what, result.len);
	memcpy(result.bytes + result.len, of, len);
	result.len += len;
	return result;
}

CsecSubjectAbout
csec_about_subject(const uint8 *pseudonym)
{
	return about("csec subject key", pseudonym, CSEC_PSEUDONYM);
}

CsecSubjectAbout
csec_about_space(int32 id)
{
	uint8		bytes[4];

	csec_put_u32(bytes, (uint32) id);
	return about("csec subject space", bytes, sizeof(bytes));
}

void
csec_subject_wrap(const CsecSubjectAbout *about, const uint8 *bare, uint8 *wrapped)
{
	const CsecDataKey *key = csec_data_key_active(CSEC_DATA_KEY_DEFAULT);

	csec_data_key_count(key);
	wrapped[0] = CSEC_SUITE_AES_256_GCM;
	csec_put_u32(wrapped + 1, csec_data_key_id(key));
	csec_put_u16(wrapped + 5, csec_data_key_version(key));
	if (!pg_strong_random(wrapped + AT_NONCE, CSEC_AEAD_NONCE) ||
		!csec_aead_seal(csec_data_key_aead(key, wrapped[0]), wrapped + AT_NONCE,
						about->bytes, about->len, bare, CSEC_AEAD_KEY, wrapped + AT_KEY, wrapped + AT_TAG))
		csec_no_subject_key();
}

bool
csec_subject_wrap_is_lost(const uint8 *wrapped)
{
	return csec_data_key_is_destroyed(csec_get_u32(wrapped + 1), csec_get_u16(wrapped + 5));
}

static bool
unwrap(const CsecDataKey *key, const CsecSubjectAbout *about, const uint8 *wrapped, uint8 *bare)
{
	return wrapped[0] == CSEC_SUITE_AES_256_GCM &&
		csec_aead_open(csec_data_key_aead(key, wrapped[0]), wrapped + AT_NONCE,
					   about->bytes, about->len, wrapped + AT_KEY, CSEC_AEAD_KEY, wrapped + AT_TAG, bare);
}

bool
csec_subject_try_unwrap(const CsecSubjectAbout *about, const uint8 *wrapped, uint8 *bare)
{
	uint32		id = csec_get_u32(wrapped + 1);
	uint16		version = csec_get_u16(wrapped + 5);

	return csec_data_key_opens(id, version) &&
		unwrap(csec_data_key_find(id, version), about, wrapped, bare);
}

void
csec_subject_unwrap(const CsecSubjectAbout *about, const uint8 *wrapped, uint8 *bare)
{
	const CsecDataKey *key = csec_data_key_find(csec_get_u32(wrapped + 1), csec_get_u16(wrapped + 5));

	if (!unwrap(key, about, wrapped, bare))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a key of a customer does not open under key %u version %u",
						csec_data_key_id(key), csec_data_key_version(key)),
				 errhint("Restore the rows of csec.subject_key and csec.subject_space that belong to the data.")));
}

/* csec.generate_space(id int4) returns bytea: what makes pseudonyms, wrapped. */
Datum
csec_generate_space(PG_FUNCTION_ARGS)
{
	CsecSubjectAbout about = csec_about_space(PG_GETARG_INT32(0));
	uint8		bare[CSEC_AEAD_KEY];
	uint8		wrapped[CSEC_SUBJECT_WRAPPED];

	if (!pg_strong_random(bare, sizeof(bare)))
		csec_no_subject_key();
	csec_subject_wrap(&about, bare, wrapped);
	csec_secure_wipe(bare, sizeof(bare));
	PG_RETURN_BYTEA_P(csec_bytea(wrapped, CSEC_SUBJECT_WRAPPED));
}

/*
 * csec.rewrap_subject(wrapped bytea, space int4, pseudonym uuid): the same key,
 * or with a null pseudonym that of the space, under the active data key.
 */
Datum
csec_rewrap_subject(PG_FUNCTION_ARGS)
{
	CsecSubjectAbout about;
	bytea	   *given;
	uint8		bare[CSEC_AEAD_KEY];
	uint8		wrapped[CSEC_SUBJECT_WRAPPED];

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	given = PG_GETARG_BYTEA_PP(0);
	if (VARSIZE_ANY_EXHDR(given) != CSEC_SUBJECT_WRAPPED)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a key of a customer has %zu bytes, not %d",
						(size_t) VARSIZE_ANY_EXHDR(given), CSEC_SUBJECT_WRAPPED)));
	if (PG_ARGISNULL(2))
		about = csec_about_space(PG_GETARG_INT32(1));
	else
		about = csec_about_subject(PG_GETARG_UUID_P(2)->data);
	csec_subject_unwrap(&about, (uint8 *) VARDATA_ANY(given), bare);
	csec_subject_wrap(&about, bare, wrapped);
	csec_secure_wipe(bare, sizeof(bare));
	PG_RETURN_BYTEA_P(csec_bytea(wrapped, CSEC_SUBJECT_WRAPPED));
}
