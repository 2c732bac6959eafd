/*
 * part_cache.h
 *		Parts of records that other records refer to.                   [FE]
 *
 * As many as it has room for; one that is wanted again is found again.  The
 * room is taken once, and touched where something is kept only.
 */
#ifndef CSEC_AUDIT_PART_CACHE_H
#define CSEC_AUDIT_PART_CACHE_H

#include "audit/stored.h"

#define CSEC_PART_SLOTS 2048		/* of each kind */

typedef struct CsecPartSlot
{
	uint64_t	seq;			/* the record that has it; 0: nothing is kept */
	uint32_t	len;
} CsecPartSlot;

typedef struct CsecPartCache
{
	CsecPartSlot slot[CSEC_PARTS][CSEC_PART_SLOTS];
	uint8_t		data[CSEC_PARTS][CSEC_PART_SLOTS][CSEC_PART_MAX];
} CsecPartCache;

/*
 * Fetches a record by its number and (about) its time of sealing, and gives
 * what is stored to csec_part_take().
 */
typedef bool (*CsecPartFetch) (void *arg, CsecPartKind kind, uint64_t seq, int64_t sealed_at);

extern void csec_part_cache_clear(CsecPartCache *cache);

extern void csec_part_keep(CsecPartCache *cache, CsecPartKind kind, unsigned slot,
						   uint64_t seq, const uint8_t *data, uint32_t len);

/* Keeps the part that this record has; false where it is not it, or has none of its own. */
extern bool csec_part_take(CsecPartCache *cache, CsecPartKind kind, uint64_t seq,
						   const uint8_t *in, size_t len);

/* Keeps what a record that was found to be what was sealed has itself. */
extern void csec_parts_keep_own(CsecPartCache *cache, const uint8_t *in, size_t len);

/* Why a record cannot be put together: part of a sentence. */
#define CSEC_PARTS_PROBLEM 128

/*
 * Takes a short form apart and finds the parts that other records have.  They
 * are in the cache, and stand there until the next call.  False, and why, where
 * it is none, or a part is not to be had.
 */
extern bool csec_parts_open(CsecPartCache *cache, const uint8_t *in, size_t len,
							CsecStored *stored, CsecPartFetch fetch, void *arg, char *problem);

/* Puts the record together, into room for csec_whole_size(); 0, and why. */
extern size_t csec_parts_whole(const CsecStored *stored, uint8_t *out, char *problem);

#endif							/* CSEC_AUDIT_PART_CACHE_H */
