/*
 * subjects.c
 *		The subjects of a record as values of PostgreSQL's types.
 */
#include "audit/subjects.h"
#include "util/pgcompat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/multirangetypes.h"
#include "utils/rangetypes.h"
#include "utils/typcache.h"

#include "util/crypto_failed.h"

typedef struct RangeList
{
	TypeCacheEntry *type;		/* int8range */
	RangeType **range;
	int			count;
	int			capacity;
} RangeList;

/* Both ends included; the largest number as upper end means no upper end. */
static void
add_range(RangeList *list, int64 low, int64 high)
{
	RangeBound	lower = {.val = Int64GetDatum(low), .inclusive = true, .lower = true};
	RangeBound	upper = {.lower = false};

	if (high == PG_INT64_MAX)
		upper.infinite = true;
	else
		upper.val = Int64GetDatum(high + 1);
	if (list->count == list->capacity)
	{
		list->capacity *= 2;
		list->range = repalloc(list->range, list->capacity * sizeof(RangeType *));
	}
	list->range[list->count++] = csec_make_range(list->type, &lower, &upper);
}

static void
add_everything(RangeList *list)
{
	RangeBound	lower = {.infinite = true, .lower = true};
	RangeBound	upper = {.infinite = true, .lower = false};

	list->range[list->count++] = csec_make_range(list->type, &lower, &upper);
}

/* make_multirange sorts, and joins what touches. */
static void
add_keys(RangeList *list, CsecSubjectsReader *reader)
{
	const uint8_t *text;
	uint32_t	len;
	int64		key;

	while (csec_subjects_next_text(reader, &text, &len))
	{
		CHECK_FOR_INTERRUPTS();
		if (!csec_subject_key(text, len, &key))
			csec_crypto_failed("compute the key of a subject");
		add_range(list, key, key);
	}
}

Datum
csec_subjects_multirange(const CsecColumns *columns)
{
	TypeCacheEntry *type = lookup_type_cache(INT8MULTIRANGEOID,
											 TYPECACHE_MULTIRANGE_INFO);
	RangeList	list = {.type = type->rngtype, .capacity = 256};
	CsecSubjectsReader reader;
	int64		low;
	int64		high;

	list.range = palloc(list.capacity * sizeof(RangeType *));
	if (!csec_subjects_open(columns->subjects, &reader))
		elog(ERROR, "record has no subjects");
	if (reader.form == CSEC_SUBJECTS_ALL)
		add_everything(&list);
	else if (reader.form == CSEC_SUBJECTS_TEXTS)
		add_keys(&list, &reader);
	else
		while (csec_subjects_next_range(&reader, &low, &high))
			add_range(&list, low, high);
	return MultirangeTypePGetDatum(make_multirange(INT8MULTIRANGEOID, list.type,
												   list.count, list.range));
}
