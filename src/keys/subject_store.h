/*
 * subject_store.h
 *		The rows of csec.subject_key and csec.subject_space, read and added.
 *
 * csec.subject_key has a row for each customer who has a key.  A customer is
 * named by a pseudonym, a keyed digest of the subject: the table says neither
 * who is a customer nor, afterwards, who was one.  The first 8 bytes of it are
 * the number that envelopes carry.
 */
#ifndef CSEC_KEYS_SUBJECT_STORE_H
#define CSEC_KEYS_SUBJECT_STORE_H

#include "postgres.h"

#include "crypto/aead.h"
#include "keys/tombstone.h"

/* suite, id and version of the data key, nonce, wrapped key, tag */
#define CSEC_SUBJECT_WRAPPED (7 + CSEC_AEAD_NONCE + CSEC_AEAD_KEY + CSEC_AEAD_TAG)

typedef struct CsecSubjectRow
{
	uint8		pseudonym[CSEC_PSEUDONYM];
	int32		space;
	bool		destroyed;
	bool		own;			/* read only: this transaction has written it */
	uint8		wrapped[CSEC_SUBJECT_WRAPPED];
} CsecSubjectRow;

/* The row of a pseudonym; false: there is none. */
extern bool csec_subject_row_find(const uint8 *pseudonym, CsecSubjectRow *out);

/*
 * The rows of a number, as many as fit into out: more than one where two
 * pseudonyms begin alike, which the commitment tells apart.
 */
extern int	csec_subject_rows_numbered(uint64 number, CsecSubjectRow *out, int room);

/*
 * Add a row; false: there is one.  Waits for another session that is adding
 * it.  What is added goes with the transaction.
 */
extern bool csec_subject_row_add(const CsecSubjectRow *row);

/* The customers of one table. */
typedef struct CsecSpaceRow
{
	int32		id;
	Oid			relid;
	uint8		wrapped[CSEC_SUBJECT_WRAPPED];
} CsecSpaceRow;

/* The space of a table; false: there is none. */
extern bool csec_space_row_find(Oid relid, CsecSpaceRow *out);

/* Can they be read right now? */
extern bool csec_subject_store_readable(void);

/* Is this one of the two tables, as far as they were opened?  Looks nothing up. */
extern bool csec_subject_store_relation(Oid relid);

#endif							/* CSEC_KEYS_SUBJECT_STORE_H */
