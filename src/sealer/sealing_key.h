/*
 * sealing_key.h
 *		The private keys of the trail's epochs, in a file of their own.
 */
#ifndef CSEC_SEALER_SEALING_KEY_H
#define CSEC_SEALER_SEALING_KEY_H

#include "postgres.h"

#include "crypto/sign.h"

/*
 * The key of the epoch that is open and, while its checkpoint is being stored,
 * the one after it.
 */
typedef struct CsecSealingKeys
{
	int			count;			/* 0: there is no file */
	uint8		seed[2][CSEC_ED25519_SEED];
	uint8		public_key[2][CSEC_ED25519_PUBLIC];
} CsecSealingKeys;

/* A key more. */
extern void csec_sealing_keys_add(CsecSealingKeys *keys);

/*
 * Reads the keys of this database; why says, where there is none that can be
 * used, for what reason.  An error where the file cannot be read.
 */
extern void csec_sealing_keys_read(CsecSealingKeys *keys, const char **why);

/* Durable when it returns, and the file before is overwritten. */
extern void csec_sealing_keys_write(const CsecSealingKeys *keys);

extern void csec_sealing_keys_wipe(CsecSealingKeys *keys);

#endif							/* CSEC_SEALER_SEALING_KEY_H */
