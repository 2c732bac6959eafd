/*
 * change_row.h
 *		The changed rows of a change record.                            [FE]
 *
 * The field CSEC_TAG_CHANGES is
 *
 *	varint number of columns told, as many as the rows tell and in the order in
 *		which they first do; for each the varint number of the column, from 0,
 *		its name (varint length, bytes), and u8: its form (CSEC_CHANGE_*)
 *	rows, to the end of the field; for each
 *		u8 operation: I, U, D or T
 *		subject: varint length, bytes; empty where the key is null
 *		u16 number of columns told; for each, ascending
 *			varint number of the column
 *			u8 flags (CSEC_CHANGE_*)
 *			old value (varint length, bytes) where the flags say so
 *			new value, likewise
 *
 * The value of a classified column is its mask (varint length, bytes) and, to
 * the end, its envelope (types/trail_envelope.h).  Where none is kept, as the value
 * was too long, must not be stored or cannot be read, a keyed digest stands in
 * its place.  Of a long value of another column it is the SHA-256 and the
 * length (u64).
 *
 * Of tables whose customers have keys of their own all columns are told by
 * their envelopes alone, without which there is nothing.
 */
#ifndef CSEC_AUDIT_CHANGE_ROW_H
#define CSEC_AUDIT_CHANGE_ROW_H

#include "audit/record.h"
#include "types/trail_envelope.h"

#define CSEC_CHANGE_OLD			0x01	/* an old value follows */
#define CSEC_CHANGE_NEW			0x02	/* a new value follows */
#define CSEC_CHANGE_OLD_NULL	0x04	/* the old value was null */
#define CSEC_CHANGE_NEW_NULL	0x08
#define CSEC_CHANGE_OLD_DIGEST	0x10	/* a digest for the value, or its envelope */
#define CSEC_CHANGE_NEW_DIGEST	0x20

/* How the values of a column are told: neither, either or both of these. */
#define CSEC_CHANGE_CLASSIFIED	0x01
#define CSEC_CHANGE_SEALED		0x02	/* by their envelopes alone */
#define CSEC_CHANGE_FORMS		0x03

/* The keyed digest of a classified value that has no envelope. */
#define CSEC_CHANGE_DIGEST_SIZE 16

typedef struct CsecChangeName
{
	CsecField	name;			/* empty: not told of any row */
	uint8_t		form;			/* CSEC_CHANGE_CLASSIFIED and so on */
	uint64_t	order;			/* of the column among those told, from 0 */
} CsecChangeName;

/* Walks over the rows of one field. */
typedef struct CsecChangeReader
{
	uint64_t	ncolumns;		/* one more than the highest number */
	uint64_t	nnames;
	uint64_t	seen;			/* how many of them rows have told */
	const uint8_t *columns;		/* where their names begin */
	const uint8_t *p;			/* the next row */
	const uint8_t *end;
	CsecTrailHeaders headers;
} CsecChangeReader;

typedef struct CsecChangeRow
{
	char		op;
	CsecField	subject;
	int			told;			/* columns not yet given */
	int64_t		last_column;
} CsecChangeRow;

typedef struct CsecChangeSide
{
	bool		present;		/* there was such a row: value or null is known */
	bool		is_null;
	bool		too_long;		/* digest and length only */
	bool		masked;			/* the value is classified: this is its mask */
	bool		sealed;			/* the envelope alone */
	CsecField	value;			/* data NULL: not told */
	CsecField	digest;			/* data NULL: none */
	CsecTrailEnvelope envelope; /* header NULL: none */
	uint64_t	length;			/* of a value that is too long */
} CsecChangeSide;

typedef struct CsecChangeValue
{
	uint64_t	column;
	CsecChangeSide before;
	CsecChangeSide after;
} CsecChangeValue;

/* False where the field is malformed. */
extern bool csec_changes_open(CsecField field, CsecChangeReader *reader);

/* Writes ncolumns names, by number. */
extern void csec_changes_names(const CsecChangeReader *reader, CsecChangeName *names);

/* True and the next row; *malformed tells an end from an error. */
extern bool csec_changes_next_row(CsecChangeReader *reader, CsecChangeRow *row, bool *malformed);

/* The next column of that row: call it row->told times. */
extern bool csec_changes_next_value(CsecChangeReader *reader, const CsecChangeName *names,
									CsecChangeRow *row, CsecChangeValue *value);

#endif							/* CSEC_AUDIT_CHANGE_ROW_H */
