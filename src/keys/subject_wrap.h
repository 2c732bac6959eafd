/*
 * subject_wrap.h
 *		How the keys of customers are wrapped.
 */
#ifndef CSEC_KEYS_SUBJECT_WRAP_H
#define CSEC_KEYS_SUBJECT_WRAP_H

#include "postgres.h"

#include "crypto/aead.h"
#include "keys/subject_store.h"
#include "util/pgcompat.h"

/* What is authenticated with a wrapped key: what it is, and of whom. */
typedef struct CsecSubjectAbout
{
	size_t		len;
	uint8		bytes[32 + CSEC_PSEUDONYM];
} CsecSubjectAbout;

/* A customer's key; the key that makes pseudonyms of a table's customers. */
extern CsecSubjectAbout csec_about_subject(const uint8 *pseudonym);
extern CsecSubjectAbout csec_about_space(int32 id);

/* Under the active data key; wrapped: room for CSEC_SUBJECT_WRAPPED. */
extern void csec_subject_wrap(const CsecSubjectAbout *about, const uint8 *bare, uint8 *wrapped);

/*
 * The bare key, of CSEC_AEAD_KEY bytes, which the caller wipes.  Error
 * data_corrupted where it is not the one that was wrapped.
 */
extern void csec_subject_unwrap(const CsecSubjectAbout *about, const uint8 *wrapped, uint8 *bare);

/* The same; false where it does not open. */
extern bool csec_subject_try_unwrap(const CsecSubjectAbout *about, const uint8 *wrapped, uint8 *bare);

/* Was the data key destroyed that wraps it? */
extern bool csec_subject_wrap_is_lost(const uint8 *wrapped);

/* The error that says that OpenSSL, or the source of random bytes, failed. */
pg_noreturn extern void csec_no_subject_key(void);

#endif							/* CSEC_KEYS_SUBJECT_WRAP_H */
