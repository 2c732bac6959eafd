/*
 * key_use.h
 *		How often each version of a data key has encrypted.
 *
 * With random nonces of 96 bits a key must not encrypt without end: at 2^32
 * values two nonces are the same with a probability of 2^-33 (NIST SP
 * 800-38D, 8.3, sets that as the limit).  csec stays well below.
 *
 * The count lives in shared memory and is stored in csec.key_use by the
 * sealer, which also rotates a key that has reached csec.key_max_uses.  The
 * count errs upwards only: sessions take their leave to encrypt in blocks and
 * may not use all of the last one, and each start of the server adds a margin
 * for what was encrypted after the count was last stored.  The sealer is woken
 * to store it when a quarter of the margin is at stake.
 */
#ifndef CSEC_KEYS_KEY_USE_H
#define CSEC_KEYS_KEY_USE_H

#include "postgres.h"

#include "port/atomics.h"

/* One version of a key; never removed, never moved, while the server runs. */
typedef struct CsecKeyUse
{
	Oid			database;
	uint32		id;
	uint16		version;
	pg_atomic_uint64 uses;		/* taken by sessions, and so the most there were */
	pg_atomic_uint64 stored;	/* what csec.key_use has */
} CsecKeyUse;

/* Wakes who stores the counts and rotates keys; set by the floor above. */
extern void (*csec_key_use_due_hook) (void);

extern void csec_key_use_init(void);

/* The count of a key version of this database, read from csec.key_use at first. */
extern CsecKeyUse *csec_key_use_of(uint32 id, uint16 version);

/*
 * Take leave to encrypt so many times.  Error program_limit_exceeded where the
 * key must not encrypt any more.
 */
extern void csec_key_use_take(CsecKeyUse *use, const char *name, uint32 n);

/* The counts of this database, in an array that is palloc'd; *n: how many. */
extern CsecKeyUse **csec_key_use_all(int *n);

/* Is there something to store, or a key to rotate?  Asking says that it is seen to. */
extern bool csec_key_use_is_due(void);

/* Must the key be rotated? */
extern bool csec_key_use_spent(uint64 uses);

#endif							/* CSEC_KEYS_KEY_USE_H */
