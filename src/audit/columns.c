/*
 * columns.c
 *		The columns of csec_trail.audit_log that repeat what its record
 *		says.                                                           [FE]
 */
#include "audit/columns.h"

#include <stdlib.h>

#include "crypto/hash.h"
#include "util/bytes.h"

bool
csec_subject_key(const uint8_t *text, uint32_t len, int64_t *key)
{
	uint8_t		digest[CSEC_SHA256_SIZE];

	if (!csec_sha256(text, len, digest))
		return false;
	*key = (int64_t) csec_get_u64(digest);
	return true;
}

static int
compare_keys(const void *a, const void *b)
{
	int64_t		left = *(const int64_t *) a;
	int64_t		right = *(const int64_t *) b;

	return (left > right) - (left < right);
}

/* Sort the keys and drop repeats: two texts may be one, or fall on one key. */
static void
settle_keys(CsecColumns *columns)
{
	int			kept = 0;

	qsort(columns->key, columns->count, sizeof(int64_t), compare_keys);
	for (int i = 0; i < columns->count; i++)
		if (kept == 0 || columns->key[i] != columns->key[kept - 1])
			columns->key[kept++] = columns->key[i];
	columns->count = kept;
}

/* Expands ranges into keys; false, and no keys, where there are too many. */
static bool
expand_ranges(CsecSubjectsReader *reader, CsecColumns *columns)
{
	int64_t		low;
	int64_t		high;

	while (csec_subjects_next_range(reader, &low, &high))
	{
		if ((uint64_t) high - (uint64_t) low >=
			(uint64_t) (CSEC_SUBJECT_ROWS_MAX - columns->count))
			return false;
		/* counts by distance: high may be the largest number there is */
		for (uint64_t i = 0; i <= (uint64_t) high - (uint64_t) low; i++)
			columns->key[columns->count++] = (int64_t) ((uint64_t) low + i);
	}
	return true;
}

static bool
derive_subjects(CsecColumns *columns)
{
	CsecSubjectsReader reader;
	const uint8_t *text;
	uint32_t	len;

	columns->count = 0;
	if (!csec_subjects_open(columns->subjects, &reader))
	{
		columns->shape = CSEC_SHAPE_NONE;
		return true;
	}
	switch (reader.form)
	{
		case CSEC_SUBJECTS_ALL:
			columns->shape = CSEC_SHAPE_ALL;
			return true;
		case CSEC_SUBJECTS_RANGES:
			if (!expand_ranges(&reader, columns))
			{
				columns->shape = CSEC_SHAPE_MANY;
				return true;
			}
			break;
		case CSEC_SUBJECTS_TEXTS:
			if (reader.left > CSEC_SUBJECT_ROWS_MAX)
			{
				columns->shape = CSEC_SHAPE_MANY;
				return true;
			}
			while (csec_subjects_next_text(&reader, &text, &len))
				if (!csec_subject_key(text, len,
									  &columns->key[columns->count++]))
					return false;
			settle_keys(columns);
			break;
	}
	columns->shape = columns->count == 0 ? CSEC_SHAPE_NONE :
		columns->count == 1 ? CSEC_SHAPE_ONE : CSEC_SHAPE_FEW;
	return true;
}

bool
csec_columns_derive(const CsecBody *body, CsecColumns *columns)
{
	columns->kind = body->kind;
	columns->has_relid = body->field[CSEC_TAG_RELID].data != NULL;
	columns->relid = (uint32_t) csec_field_u64(body->field[CSEC_TAG_RELID], 0);
	columns->login = body->field[CSEC_TAG_LOGIN];
	columns->subjects = body->field[CSEC_TAG_SUBJECTS];

	if (body->kind == CSEC_KIND_OUTCOME)
	{
		columns->has_relid = true;
		columns->relid = 0;
		columns->shape = CSEC_SHAPE_ONE;
		columns->count = 1;
		columns->key[0] = (int64_t) csec_field_u64(body->field[CSEC_TAG_XID], 0);
		return true;
	}
	return derive_subjects(columns);
}
