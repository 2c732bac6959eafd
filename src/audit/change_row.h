/*
 * change_row.h
 *		The changed rows of a change record.                            [FE]
 *
 * The field CSEC_TAG_CHANGES is
 *
 *	varint number of columns of the table; for each its name (varint length,
 *		bytes; empty: dropped) and u8: 1 where it is classified, 2 where it is
 *		not but its values are told as if it were, else 0
 *	rows, to the end of the field; for each
 *		u8 operation: I, U, D or T
 *		subject: varint length, bytes; empty where the key is null
 *		u16 number of columns told; for each, ascending
 *			varint number of the column, from 0
 *			u8 flags (CSEC_CHANGE_*)
 *			old value (varint length, bytes) where the flags say so
 *			new value, likewise
 *
 * The value of a classified column is a keyed digest, its mask (varint length,
 * bytes), and to the end its envelope (types/envelope.h); no envelope where the
 * value was too long or must not be kept.  Of a long value of another column
 * the SHA-256 and the length (u64) stand in its place.
 *
 * Of tables whose customers have keys of their own all columns are told by
 * their envelopes alone: 16 zero bytes in the place of the digest, an empty
 * mask, and the envelope, without which there is nothing.
 */
#ifndef CSEC_AUDIT_CHANGE_ROW_H
#define CSEC_AUDIT_CHANGE_ROW_H

#include "audit/record.h"

#define CSEC_CHANGE_OLD			0x01	/* an old value follows */
#define CSEC_CHANGE_NEW			0x02	/* a new value follows */
#define CSEC_CHANGE_OLD_NULL	0x04	/* the old value was null */
#define CSEC_CHANGE_NEW_NULL	0x08
#define CSEC_CHANGE_OLD_DIGEST	0x10	/* not the value: its digest and length */
#define CSEC_CHANGE_NEW_DIGEST	0x20

/* How the values of a column are told. */
#define CSEC_CHANGE_PLAIN		0
#define CSEC_CHANGE_CLASSIFIED	1
#define CSEC_CHANGE_SEALED		2	/* not classified, but told as if it were */

/* The keyed digest before the mask of a classified value. */
#define CSEC_CHANGE_DIGEST_SIZE 16

typedef struct CsecChangeName
{
	CsecField	name;
	uint8_t		form;			/* CSEC_CHANGE_PLAIN and so on */
} CsecChangeName;

/* Walks over the rows of one field. */
typedef struct CsecChangeReader
{
	uint64_t	ncolumns;
	const uint8_t *columns;		/* where their names begin */
	const uint8_t *p;			/* the next row */
	const uint8_t *end;
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
	CsecField	value;			/* the value, or the mask; data NULL: unknown */
	CsecField	digest;			/* data NULL: none */
	bool		sealed;			/* neither digest nor mask: the envelope alone */
	CsecField	envelope;		/* of a classified value; data NULL: none */
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

/* Writes ncolumns names. */
extern void csec_changes_names(const CsecChangeReader *reader, CsecChangeName *names);

/* True and the next row; *malformed tells an end from an error. */
extern bool csec_changes_next_row(CsecChangeReader *reader, CsecChangeRow *row, bool *malformed);

/* The next column of that row: call it row->told times. */
extern bool csec_changes_next_value(CsecChangeReader *reader, const CsecChangeName *names,
									CsecChangeRow *row, CsecChangeValue *value);

#endif							/* CSEC_AUDIT_CHANGE_ROW_H */
