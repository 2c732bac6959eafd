/*
 * checkpoint.h
 *		What is signed at the end of an epoch: C2SP tlog-checkpoint.     [FE]
 *
 * Three lines say what any transparency log says: origin, number of records,
 * root.  Seven more tie the epochs to each other: see docs/record-format.md.
 */
#ifndef CSEC_AUDIT_CHECKPOINT_H
#define CSEC_AUDIT_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/merkle.h"
#include "audit/record.h"
#include "audit/signed_note.h"

/* The text of a checkpoint, and a checkpoint with its own signature. */
#define CSEC_CHECKPOINT_TEXT	640
#define CSEC_CHECKPOINT_NOTE	(CSEC_CHECKPOINT_TEXT + 1 + CSEC_SIGNATURE_LINE)

typedef struct CsecCheckpoint
{
	char		origin[CSEC_KEY_NAME_SIZE];
	uint64_t	size;			/* records in the tree */
	uint8_t		root[CSEC_TREE_HASH];
	uint64_t	epoch;			/* from 1, without gaps */
	uint64_t	chain;			/* of keys: a new one where the next key was lost */
	int64_t		time;			/* microseconds since 1970 */
	uint8_t		head[CSEC_TREE_HASH];	/* hash of the last record */
	uint8_t		before[CSEC_TREE_HASH]; /* SHA-256 of the note before */
	uint8_t		key[CSEC_ED25519_PUBLIC];	/* that signs this one */
	uint8_t		next[CSEC_ED25519_PUBLIC];	/* that signs the next one */
} CsecCheckpoint;

/* "csec/<system identifier>/<OID of the database>" */
extern void csec_origin_put(char *origin, uint64_t system_id, uint32_t database);

/* The text; gives its size. */
extern size_t csec_checkpoint_put(const CsecCheckpoint *checkpoint, char *text);

/* Strict: false for all that csec_checkpoint_put() would not have written. */
extern bool csec_checkpoint_get(const uint8_t *text, size_t len,
								CsecCheckpoint *checkpoint);

/* The whole note, signed; gives its size, 0 where OpenSSL fails. */
extern size_t csec_checkpoint_sign(const CsecCheckpoint *checkpoint,
								   const uint8_t *seed, uint8_t *note);

/*
 * Takes a note apart: it is well formed, and its first signature is that of
 * the key that it names.  Whether this is the right key is another question.
 */
extern bool csec_checkpoint_open(const uint8_t *note, size_t len,
								 CsecCheckpoint *checkpoint);

/* Does a record of the sealer's name the key of a new chain?  Which? */
extern bool csec_body_names_key(const CsecBody *body, uint8_t *key);

#endif							/* CSEC_AUDIT_CHECKPOINT_H */
