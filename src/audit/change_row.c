/*
 * change_row.c
 *		The changed rows of a change record.                            [FE]
 *
 * Strict, as record.c is: a row has one encoding.
 */
#include "audit/change_row.h"

#include "crypto/hash.h"
#include "util/bytes.h"

/* A table has at most this many columns. */
#define COLUMNS_MAX 1664

static bool
get_bytes(const uint8_t **p, const uint8_t *end, CsecField *field)
{
	uint64_t	len;

	if (!csec_get_varint(p, end, &len) || len > (uint64_t) (end - *p))
		return false;
	field->data = *p;
	field->len = (uint32_t) len;
	*p += len;
	return true;
}

static bool
get_name(const uint8_t **p, const uint8_t *end, uint64_t *number, CsecChangeName *name)
{
	if (!csec_get_varint(p, end, number) || *number >= COLUMNS_MAX ||
		!get_bytes(p, end, &name->name) || name->name.len == 0 ||
		*p == end || **p > CSEC_CHANGE_FORMS)
		return false;
	name->form = *(*p)++;
	return true;
}

bool
csec_changes_open(CsecField field, CsecChangeReader *reader)
{
	bool		named[COLUMNS_MAX] = {false};
	CsecChangeName name;
	uint64_t	number;

	memset(reader, 0, sizeof(*reader));
	if (field.data == NULL)
		return false;
	reader->p = field.data;
	reader->end = field.data + field.len;
	if (!csec_get_varint(&reader->p, reader->end, &reader->nnames) ||
		reader->nnames > COLUMNS_MAX)
		return false;
	reader->columns = reader->p;
	for (uint64_t i = 0; i < reader->nnames; i++)
	{
		if (!get_name(&reader->p, reader->end, &number, &name) || named[number])
			return false;
		named[number] = true;
		if (number >= reader->ncolumns)
			reader->ncolumns = number + 1;
	}
	return true;
}

void
csec_changes_names(const CsecChangeReader *reader, CsecChangeName *names)
{
	const uint8_t *p = reader->columns;
	CsecChangeName name;
	uint64_t	number;

	memset(names, 0, reader->ncolumns * sizeof(CsecChangeName));
	/* csec_changes_open() has seen that they are sound */
	for (uint64_t i = 0; i < reader->nnames && get_name(&p, reader->end, &number, &name); i++)
	{
		name.order = i;
		names[number] = name;
	}
}

bool
csec_changes_next_row(CsecChangeReader *reader, CsecChangeRow *row, bool *malformed)
{
	if (reader->p == reader->end)
	{
		*malformed = reader->seen < reader->nnames;
		return false;
	}
	*malformed = true;
	row->op = (char) *reader->p++;
	if (row->op != 'I' && row->op != 'U' && row->op != 'D' && row->op != 'T')
		return false;
	if (!get_bytes(&reader->p, reader->end, &row->subject) ||
		reader->end - reader->p < 2)
		return false;
	row->told = csec_get_u16(reader->p);
	reader->p += 2;
	row->last_column = -1;
	if ((uint64_t) row->told > reader->nnames || (row->op == 'T' && row->told > 0))
		return false;
	*malformed = false;
	return true;
}

/* Do the flags tell what a row of this kind has, and no more? */
static bool
flags_are_sound(char op, uint8_t flags, uint8_t form)
{
	bool		before = (flags & (CSEC_CHANGE_OLD | CSEC_CHANGE_OLD_NULL)) != 0;
	bool		after = (flags & (CSEC_CHANGE_NEW | CSEC_CHANGE_NEW_NULL)) != 0;

	if (flags > 0x3f ||
		((flags & CSEC_CHANGE_OLD) && (flags & CSEC_CHANGE_OLD_NULL)) ||
		((flags & CSEC_CHANGE_NEW) && (flags & CSEC_CHANGE_NEW_NULL)) ||
		((flags & CSEC_CHANGE_OLD_DIGEST) && !(flags & CSEC_CHANGE_OLD)) ||
		((flags & CSEC_CHANGE_NEW_DIGEST) && !(flags & CSEC_CHANGE_NEW)) ||
		((form & CSEC_CHANGE_SEALED) && (flags & (CSEC_CHANGE_OLD_DIGEST | CSEC_CHANGE_NEW_DIGEST))))
		return false;
	return before == (op != 'I') && after == (op != 'D');
}

static bool
get_sealed(CsecTrailHeaders *headers, CsecField bytes, CsecChangeSide *side)
{
	side->sealed = true;
	return bytes.len == 0 ||
		csec_trail_envelope_get(headers, bytes.data, bytes.len, &side->envelope);
}

static bool
get_classified(CsecTrailHeaders *headers, CsecField bytes, bool digest, CsecChangeSide *side)
{
	const uint8_t *p = bytes.data;
	const uint8_t *end = bytes.data + bytes.len;

	side->masked = true;
	if (!get_bytes(&p, end, &side->value))
		return false;
	if (!digest)
		return csec_trail_envelope_get(headers, p, (size_t) (end - p), &side->envelope);
	side->digest.data = p;
	side->digest.len = CSEC_CHANGE_DIGEST_SIZE;
	return end - p == CSEC_CHANGE_DIGEST_SIZE;
}

static bool
get_too_long(CsecField bytes, CsecChangeSide *side)
{
	if (bytes.len != CSEC_SHA256_SIZE + 8)
		return false;
	side->too_long = true;
	side->digest.data = bytes.data;
	side->digest.len = CSEC_SHA256_SIZE;
	side->length = csec_get_u64(bytes.data + CSEC_SHA256_SIZE);
	return side->length <= INT64_MAX;
}

static bool
get_side(CsecChangeReader *reader, bool has_value, bool is_null, bool digest,
		 uint8_t form, CsecChangeSide *side)
{
	CsecField	bytes;

	memset(side, 0, sizeof(*side));
	side->present = has_value || is_null;
	side->is_null = is_null;
	if (!has_value)
		return true;
	if (!get_bytes(&reader->p, reader->end, &bytes))
		return false;
	if (form & CSEC_CHANGE_SEALED)
		return get_sealed(&reader->headers, bytes, side);
	if (form & CSEC_CHANGE_CLASSIFIED)
		return get_classified(&reader->headers, bytes, digest, side);
	if (digest)
		return get_too_long(bytes, side);
	side->value = bytes;
	return true;
}

bool
csec_changes_next_value(CsecChangeReader *reader, const CsecChangeName *names,
						CsecChangeRow *row, CsecChangeValue *value)
{
	uint8_t		flags;
	uint8_t		form;

	if (!csec_get_varint(&reader->p, reader->end, &value->column) ||
		value->column >= reader->ncolumns ||
		(int64_t) value->column <= row->last_column ||
		names[value->column].name.len == 0 ||
		names[value->column].order > reader->seen || reader->p == reader->end)
		return false;
	row->last_column = (int64_t) value->column;
	if (names[value->column].order == reader->seen)
		reader->seen++;
	form = names[value->column].form;
	flags = *reader->p++;
	if (!flags_are_sound(row->op, flags, form) ||
		!get_side(reader, flags & CSEC_CHANGE_OLD, flags & CSEC_CHANGE_OLD_NULL,
				  flags & CSEC_CHANGE_OLD_DIGEST, form, &value->before) ||
		!get_side(reader, flags & CSEC_CHANGE_NEW, flags & CSEC_CHANGE_NEW_NULL,
				  flags & CSEC_CHANGE_NEW_DIGEST, form, &value->after))
		return false;
	row->told--;
	return true;
}
