/*
 * change_row.c
 *		The changed rows of a change record.                            [FE]
 *
 * Strict, as record.c is: a row has one encoding.
 */
#include "audit/change_row.h"

#include "crypto/hash.h"
#include "types/envelope.h"
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
get_name(const uint8_t **p, const uint8_t *end, CsecChangeName *name)
{
	if (!get_bytes(p, end, &name->name) || *p == end || **p > CSEC_CHANGE_SEALED)
		return false;
	name->form = *(*p)++;
	return name->name.len > 0 || name->form == CSEC_CHANGE_PLAIN;
}

bool
csec_changes_open(CsecField field, CsecChangeReader *reader)
{
	CsecChangeName name;

	if (field.data == NULL)
		return false;
	reader->p = field.data;
	reader->end = field.data + field.len;
	if (!csec_get_varint(&reader->p, reader->end, &reader->ncolumns) ||
		reader->ncolumns > COLUMNS_MAX)
		return false;
	reader->columns = reader->p;
	for (uint64_t i = 0; i < reader->ncolumns; i++)
		if (!get_name(&reader->p, reader->end, &name))
			return false;
	return true;
}

void
csec_changes_names(const CsecChangeReader *reader, CsecChangeName *names)
{
	const uint8_t *p = reader->columns;

	/* csec_changes_open() has seen that they are sound */
	for (uint64_t i = 0; i < reader->ncolumns; i++)
		(void) get_name(&p, reader->end, &names[i]);
}

bool
csec_changes_next_row(CsecChangeReader *reader, CsecChangeRow *row, bool *malformed)
{
	*malformed = false;
	if (reader->p == reader->end)
		return false;
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
	if ((uint64_t) row->told > reader->ncolumns || (row->op == 'T' && row->told > 0))
		return false;
	*malformed = false;
	return true;
}

/* Do the flags tell what a row of this kind has, and no more? */
static bool
flags_are_sound(char op, uint8_t flags, bool classified)
{
	bool		before = (flags & (CSEC_CHANGE_OLD | CSEC_CHANGE_OLD_NULL)) != 0;
	bool		after = (flags & (CSEC_CHANGE_NEW | CSEC_CHANGE_NEW_NULL)) != 0;

	if (flags > 0x3f ||
		((flags & CSEC_CHANGE_OLD) && (flags & CSEC_CHANGE_OLD_NULL)) ||
		((flags & CSEC_CHANGE_NEW) && (flags & CSEC_CHANGE_NEW_NULL)) ||
		((flags & CSEC_CHANGE_OLD_DIGEST) && !(flags & CSEC_CHANGE_OLD)) ||
		((flags & CSEC_CHANGE_NEW_DIGEST) && !(flags & CSEC_CHANGE_NEW)) ||
		(classified && (flags & (CSEC_CHANGE_OLD_DIGEST | CSEC_CHANGE_NEW_DIGEST))))
		return false;
	return before == (op != 'I') && after == (op != 'D');
}

static const uint8_t no_digest[CSEC_CHANGE_DIGEST_SIZE];

/* A classified value taken apart; false where it has not that form. */
static bool
get_classified(CsecField bytes, CsecChangeSide *side)
{
	const uint8_t *p = bytes.data + CSEC_CHANGE_DIGEST_SIZE;
	const uint8_t *end = bytes.data + bytes.len;
	CsecEnvelope envelope;

	if (bytes.len < CSEC_CHANGE_DIGEST_SIZE)
		return false;
	side->digest.data = bytes.data;
	side->digest.len = CSEC_CHANGE_DIGEST_SIZE;
	if (!get_bytes(&p, end, &side->value))
		return false;
	side->sealed = side->value.len == 0 &&
		memcmp(side->digest.data, no_digest, CSEC_CHANGE_DIGEST_SIZE) == 0;
	if (side->sealed)
	{
		side->digest.data = side->value.data = NULL;
		side->digest.len = 0;
	}
	if (p == end)
		return true;
	side->envelope.data = p;
	side->envelope.len = (uint32_t) (end - p);
	return csec_envelope_parse(p, (size_t) (end - p), &envelope) &&
		(envelope.flags & CSEC_ENVELOPE_TRAIL);
}

static bool
get_side(CsecChangeReader *reader, bool has_value, bool is_null, bool too_long,
		 bool classified, CsecChangeSide *side)
{
	memset(side, 0, sizeof(*side));
	side->present = has_value || is_null;
	side->is_null = is_null;
	if (!has_value)
		return true;
	if (!get_bytes(&reader->p, reader->end, &side->value))
		return false;
	if (classified)
		return get_classified(side->value, side);
	if (!too_long)
		return true;

	if (side->value.len != CSEC_SHA256_SIZE + 8)
		return false;
	side->too_long = true;
	side->digest = side->value;
	side->digest.len = CSEC_SHA256_SIZE;
	side->length = csec_get_u64(side->value.data + CSEC_SHA256_SIZE);
	side->value.data = NULL;
	side->value.len = 0;
	return side->length <= INT64_MAX;
}

bool
csec_changes_next_value(CsecChangeReader *reader, const CsecChangeName *names,
						CsecChangeRow *row, CsecChangeValue *value)
{
	uint8_t		flags;
	bool		classified;

	if (!csec_get_varint(&reader->p, reader->end, &value->column) ||
		value->column >= reader->ncolumns ||
		(int64_t) value->column <= row->last_column ||
		names[value->column].name.len == 0 || reader->p == reader->end)
		return false;
	row->last_column = (int64_t) value->column;
	classified = names[value->column].form != CSEC_CHANGE_PLAIN;
	flags = *reader->p++;
	if (!flags_are_sound(row->op, flags, classified) ||
		!get_side(reader, flags & CSEC_CHANGE_OLD, flags & CSEC_CHANGE_OLD_NULL,
				  flags & CSEC_CHANGE_OLD_DIGEST, classified, &value->before) ||
		!get_side(reader, flags & CSEC_CHANGE_NEW, flags & CSEC_CHANGE_NEW_NULL,
				  flags & CSEC_CHANGE_NEW_DIGEST, classified, &value->after))
		return false;
	row->told--;
	return true;
}
