/*
 * kek.h
 *		Key-encryption keys: what the keys in csec.key are wrapped under.
 *
 * csec.kek lists their names, the one for new keys first; the others stay
 * good for unwrapping, so that two are valid while keys are wrapped anew.
 * "root" is derived from the root key, any other name is a key of its own at
 * the provider.
 */
#ifndef CSEC_KEYS_KEK_H
#define CSEC_KEYS_KEK_H

#include "postgres.h"

#include "crypto/aead.h"
#include "keys/provider.h"

/* suite, nonce, wrapped key, tag */
#define CSEC_WRAPPED_SIZE (1 + CSEC_AEAD_NONCE + CSEC_AEAD_KEY + CSEC_AEAD_TAG)

typedef enum CsecUnwrap
{
	CSEC_UNWRAPPED = 0,
	CSEC_UNWRAP_NO_KEK,			/* the server has no KEK of that name */
	CSEC_UNWRAP_FAILED			/* not wrapped under it, or altered */
} CsecUnwrap;

/* Read the KEKs; the postmaster, at start, with the root key at hand. */
extern void csec_kek_init(const uint8_t *root);

/*
 * Read them anew, for all processes; the launcher.  Gives whether anything has
 * changed.  reload: not only to see whether it could; exchange: also where the
 * provider gives another one of the same name.
 *
 * error is NULL where the provider gave all, else why not: with the code
 * ERRCODE_ADMIN_SHUTDOWN because it was cut short.  A key that is in force stays
 * so then; one that is not, and cannot be had, leaves all as it was.
 */
extern bool csec_kek_reload(bool reload, bool exchange, ErrorData **error);

/* Does csec.kek name others than are in force? */
extern bool csec_kek_outdated(void);

/* Grows with each change; never 0. */
extern uint32_t csec_kek_generation(void);

/* The names of those in force, the one for new keys first, as csec.kek has them. */
extern char *csec_kek_names(void);

/* The name of the KEK that new keys are wrapped under, into room for CSEC_KEY_NAME_MAX + 1. */
extern void csec_kek_current(char *name);

/* What tells a KEK from others of its name, and nothing about it. */
#define CSEC_KEK_MARK	8

/* The mark of the KEK of that name; the name of the one with that mark; false: there is none. */
extern bool csec_kek_mark(const char *name, uint8_t *mark);
extern bool csec_kek_of_mark(const uint8_t *mark, char *name);

/* "about" is authenticated with the key: what the key is for, and its number. */
extern bool csec_kek_wrap(const char *kek, const char *about,
						  const uint8_t *key, uint8_t *wrapped);
extern CsecUnwrap csec_kek_unwrap(const char *kek, const char *about,
								  const uint8_t *wrapped, size_t size, uint8_t *key);

#endif							/* CSEC_KEYS_KEK_H */
