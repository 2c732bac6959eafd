/*
 * stored.h
 *		How a record stands in its table: whole or short.               [FE]
 *
 * Records of reads and changes say the same of their session and of their
 * kind of statement again and again.  In the table such a part stands once,
 * in the first record that has it, and later ones of the same month name that
 * record instead.  What is hashed, proved, exported and shown is always the
 * whole record; how it is stored proves nothing, and a record that is put
 * together wrongly has not its hash.
 *
 * The short form (docs/record-format.md):
 *
 *	u8 form: 0x80, the outcome in bits 0 to 3, CSEC_SHORT_SESSION and
 *		CSEC_SHORT_STATEMENT where that part is another record's
 *	varint seq, i64 time of sealing, varint LSN, varint number in the session,
 *		zigzag varint: from the time in the backend to that of sealing
 *	each part: varint, how many numbers before this one the record is that has
 *		it; or varint length and bytes
 *	the other fields, as in the body
 *
 * A part is u32 timeline, i64 session start, u32 process id, or u8 kind, u16
 * flags; and then its fields, as in the body.
 *
 * A whole record begins with its version, which is below 0x80.
 */
#ifndef CSEC_AUDIT_STORED_H
#define CSEC_AUDIT_STORED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/record.h"

typedef enum CsecPartKind
{
	CSEC_PART_SESSION,
	CSEC_PART_STATEMENT,
	CSEC_PARTS
} CsecPartKind;

/* A record with a longer part stands whole. */
#define CSEC_PART_MAX			1024

/*
 * So many numbers at most lie between a record and one that has a part of it:
 * whoever damages one row damages no more, and what is written after it is
 * whole again.
 */
#define CSEC_PART_REACH			65536

#define CSEC_SHORT_FORM			0x80
#define CSEC_SHORT_OUTCOME		0x0f
#define CSEC_SHORT_SESSION		0x10
#define CSEC_SHORT_STATEMENT	0x20

/* What the short form may have above the record's own length. */
#define CSEC_SHORT_OVERHEAD		64

typedef struct CsecPart
{
	uint64_t	base;			/* the record that has it; 0: this one */
	const uint8_t *data;		/* NULL until somebody finds it there */
	uint32_t	len;
} CsecPart;

typedef struct CsecStored
{
	uint8_t		outcome;
	uint64_t	seq;
	int64_t		sealed_at;
	uint64_t	lsn;
	uint64_t	number;
	int64_t		at;
	CsecPart	part[CSEC_PARTS];
	CsecField	own;			/* fields that are in no part */
} CsecStored;

static inline bool
csec_is_short(const uint8_t *in, size_t len)
{
	return len > 0 && in[0] >= CSEC_SHORT_FORM;
}

/* The number that what is stored claims; otherwise, where it claims none. */
extern int64_t csec_stored_seq(const uint8_t *in, size_t len, int64_t otherwise);

/* May a record stand there in short form? */
extern bool csec_may_be_short(const CsecHeader *header, const CsecBody *body);

/* Writes a part of a record, at most CSEC_PART_MAX bytes; 0 where it is longer. */
extern size_t csec_part_put(const CsecHeader *header, const CsecBody *body,
							CsecPartKind kind, uint8_t *out);

/*
 * Writes the short form of a record, given its parts, and gives its length.
 * The output has room for the record and CSEC_SHORT_OVERHEAD.
 */
extern size_t csec_short_put(const CsecHeader *header, const CsecBody *body,
							 const CsecPart *part, uint8_t *out);

/* Takes a short form apart; the result points into it. */
extern bool csec_short_get(const uint8_t *in, size_t len, CsecStored *stored);

/* The record's length, once its parts are there. */
extern size_t csec_whole_size(const CsecStored *stored);

/*
 * Puts the record together: its length, which is csec_whole_size(); 0 where
 * parts or fields are not in their form, or it is one that must stand whole.
 */
extern size_t csec_whole_put(const CsecStored *stored, uint8_t *out);

#endif							/* CSEC_AUDIT_STORED_H */
