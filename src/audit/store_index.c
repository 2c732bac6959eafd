/*
 * store_index.c
 *		Puts the rows of a batch into the indexes of a partition.
 *
 * Most of what the sealer does is this, so it does as little as it can for
 * each row.  Indexes are filled one after the other, each in the order of its
 * keys, and btrees page by page (see btree_batch.c).  Keys that are plain
 * columns come from the batch and not from the stored row, which would have to
 * be taken apart again.  The partial indexes that csec.create_trail() makes
 * are asked about special rows only, and a block range index about one row of
 * a page where all have the same key.
 *
 * Indexes of somebody else's are filled as well, row by row, as PostgreSQL
 * would.
 */
#include "audit/store_index.h"

#include "access/genam.h"
#include "catalog/index.h"
#include "catalog/partition.h"
#include "catalog/pg_am_d.h"
#include "executor/executor.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "audit/btree_batch.h"
#include "audit/trail.h"

/* Where an index's column comes from. */
typedef enum KeySource
{
	KEY_OTHER,
	KEY_SEQ,
	KEY_AT,
	KEY_SUBJECT,
	KEY_RELID,
	KEY_LOGIN
} KeySource;

/* In which order an index's entries come. */
typedef enum KeyOrder
{
	ORDER_SEQ,					/* as the rows do: first, so that nothing is sorted for it */
	ORDER_SUBJECT,
	ORDER_LOGIN,
	ORDERS
} KeyOrder;

typedef struct RowIndex
{
	Relation	rel;
	IndexInfo  *info;
	bool		plain;			/* all columns come from the batch, all rows go in */
	bool		special_only;	/* one of csec's partial ones */
	int			columns;
	KeySource	source[INDEX_MAX_KEYS];
} RowIndex;

struct CsecRowIndexes
{
	ResultRelInfo *info;
	int			count;
	RowIndex	index[FLEXIBLE_ARRAY_MEMBER];
};

static KeySource
source_of(AttrNumber attno, bool is_log)
{
	if (attno == (is_log ? CSEC_LOG_SEQ : CSEC_SUBJECT_SEQ))
		return KEY_SEQ;
	if (attno == (is_log ? CSEC_LOG_AT : CSEC_SUBJECT_AT))
		return KEY_AT;
	if (attno == (is_log ? CSEC_LOG_SUBJECT : CSEC_SUBJECT_SUBJECT))
		return KEY_SUBJECT;
	if (attno == (is_log ? CSEC_LOG_RELID : CSEC_SUBJECT_RELID))
		return KEY_RELID;
	if (is_log && attno == CSEC_LOG_LOGIN)
		return KEY_LOGIN;
	return KEY_OTHER;
}

/* A partition's part of an index that csec.create_trail() made, by its name. */
static bool
takes_special_only(Relation index, bool is_log)
{
	static const char *const names[] = {
		"audit_log_subjects", "audit_log_all", "audit_log_rare", "audit_log_pieces"
	};
	char	   *name;

	if (!is_log || !index->rd_rel->relispartition)
		return false;
	name = get_rel_name(get_partition_parent(RelationGetRelid(index), false));
	for (int i = 0; name != NULL && i < lengthof(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static void
look_at(RowIndex *index, bool is_log)
{
	index->plain = index->info->ii_Predicate == NIL;
	index->special_only = !index->plain && takes_special_only(index->rel, is_log);
	index->columns = index->info->ii_NumIndexAttrs;
	for (int i = 0; i < index->columns; i++)
	{
		index->source[i] = source_of(index->info->ii_IndexAttrNumbers[i], is_log);
		if (index->source[i] == KEY_OTHER)
			index->plain = false;
	}
}

CsecRowIndexes *
csec_row_indexes_open(Relation leaf, bool is_log)
{
	ResultRelInfo *info = makeNode(ResultRelInfo);
	CsecRowIndexes *indexes;

	InitResultRelInfo(info, leaf, 1, NULL, 0);
	ExecOpenIndices(info, false);
	indexes = palloc0(offsetof(CsecRowIndexes, index) +
					  info->ri_NumIndices * sizeof(RowIndex));
	indexes->info = info;
	for (int i = 0; i < info->ri_NumIndices; i++)
	{
		RowIndex   *index = &indexes->index[indexes->count];

		index->rel = info->ri_IndexRelationDescs[i];
		index->info = info->ri_IndexRelationInfo[i];
		if (!index->info->ii_ReadyForInserts)
			continue;
		look_at(index, is_log);
		indexes->count++;
	}
	return indexes;
}

void
csec_row_indexes_close(CsecRowIndexes *indexes)
{
	ExecCloseIndices(indexes->info);
	pfree(indexes);
}

/* Nulls come last, as in an index. */
static inline int
by_subject(const CsecRowKey *left, const CsecRowKey *right)
{
	if (left->has_relid != right->has_relid)
		return left->has_relid ? -1 : 1;
	if (left->relid != right->relid)
		return left->relid < right->relid ? -1 : 1;
	if (left->has_subject != right->has_subject)
		return left->has_subject ? -1 : 1;
	if (left->subject != right->subject)
		return left->subject < right->subject ? -1 : 1;
	return left->slot - right->slot;
}

static inline int
compare_logins(const text *left, const text *right)
{
	int			order;

	if (left == right)			/* store.c shares them */
		return 0;
	if (left == NULL || right == NULL)
		return (left == NULL) - (right == NULL);
	order = memcmp(VARDATA_ANY(left), VARDATA_ANY(right),
				   Min(VARSIZE_ANY_EXHDR(left), VARSIZE_ANY_EXHDR(right)));
	return order != 0 ? order :
		(int) VARSIZE_ANY_EXHDR(left) - (int) VARSIZE_ANY_EXHDR(right);
}

static inline int
by_login(const CsecRowKey *left, const CsecRowKey *right)
{
	int			order = compare_logins(left->login, right->login);

	return order != 0 ? order : left->slot - right->slot;
}

#define ST_SORT sort_by_subject
#define ST_ELEMENT_TYPE CsecRowKey
#define ST_COMPARE(a, b) by_subject(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_by_login
#define ST_ELEMENT_TYPE CsecRowKey
#define ST_COMPARE(a, b) by_login(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

static void
insert(CsecRowIndexes *indexes, RowIndex *index, Datum *values, bool *nulls, CsecRowKey *key)
{
	(void) index_insert(index->rel, values, nulls, &key->tid,
						indexes->info->ri_RelationDesc,
						index->rel->rd_index->indisunique ?
						UNIQUE_CHECK_YES : UNIQUE_CHECK_NO,
						false, index->info);
}

static Datum
key_value(KeySource source, const CsecRowKey *key, TimestampTz at, bool *isnull)
{
	*isnull = false;
	switch (source)
	{
		case KEY_SEQ:
			return Int64GetDatum(key->seq);
		case KEY_AT:
			return TimestampTzGetDatum(at);
		case KEY_SUBJECT:
			*isnull = !key->has_subject;
			return Int64GetDatum(key->subject);
		case KEY_RELID:
			*isnull = !key->has_relid;
			return ObjectIdGetDatum(key->relid);
		case KEY_LOGIN:
			*isnull = key->login == NULL;
			return PointerGetDatum(key->login);
		default:
			elog(ERROR, "column of an index is not in the batch");
			return (Datum) 0;
	}
}

/* The rows of a batch on their way into an index. */
typedef struct Filling
{
	CsecRowIndexes *indexes;
	RowIndex   *index;
	CsecRowKey *keys;			/* in the index's order */
	int			count;
	TimestampTz at;
} Filling;

static void
key_values(const Filling *filling, int i, Datum *values, bool *nulls)
{
	for (int k = 0; k < filling->index->columns; k++)
		values[k] = key_value(filling->index->source[k], &filling->keys[i],
							  filling->at, &nulls[k]);
}

/*
 * A block range index keeps for each range of pages what lies in it, and all
 * rows of a page have the batch's time.
 */
static bool
tells_nothing_new(RowIndex *index, const CsecRowKey *key, BlockNumber *told)
{
	BlockNumber block = ItemPointerGetBlockNumber(&key->tid);

	if (index->rel->rd_rel->relam != BRIN_AM_OID || index->columns != 1 || index->source[0] != KEY_AT)
		return false;
	if (block == *told)
		return true;
	*told = block;
	return false;
}

static void
insert_plain(const Filling *filling, int i)
{
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];

	key_values(filling, i, values, nulls);
	insert(filling->indexes, filling->index, values, nulls, &filling->keys[i]);
}

static bool
has_same_values(const Filling *filling, int i)
{
	const CsecRowKey *key = &filling->keys[i];
	const CsecRowKey *before = key - 1;

	for (int k = 0; k < filling->index->columns; k++)
		switch (filling->index->source[k])
		{
			case KEY_AT:		/* the batch's */
				break;
			case KEY_SUBJECT:
				if (key->has_subject != before->has_subject || key->subject != before->subject)
					return false;
				break;
			case KEY_RELID:
				if (key->has_relid != before->has_relid || key->relid != before->relid)
					return false;
				break;
			case KEY_LOGIN:
				if (compare_logins(key->login, before->login) != 0)
					return false;
				break;
			default:
				return false;
		}
	return true;
}

/* A CsecBtreeSource. */
static void
give_entry(void *arg, int i, CsecBtreeEntry *entry)
{
	const Filling *filling = arg;

	key_values(filling, i, entry->value, entry->null);
	entry->tid = filling->keys[i].tid;
	entry->same = i > 0 && has_same_values(filling, i);
}

static void
fill_plain(Filling *filling)
{
	RowIndex   *index = filling->index;
	CsecBtreeBatch *batch = csec_btree_batch_begin(filling->indexes->info->ri_RelationDesc,
												   index->rel, filling->count,
												   give_entry, filling);
	BlockNumber told = InvalidBlockNumber;
	int			i = 0;

	while (i < filling->count)
	{
		int			put = batch != NULL ? csec_btree_batch_put(batch, i) : 0;

		if (put == 0)
		{
			if (!tells_nothing_new(index, &filling->keys[i], &told))
				insert_plain(filling, i);
			put = 1;
		}
		i += put;
	}
	if (batch != NULL)
		csec_btree_batch_end(batch);
}

/* Is a row one that a partial index takes? */
static bool
index_takes(IndexInfo *index, TupleTableSlot *slot, EState *estate)
{
	ExprContext *context = GetPerTupleExprContext(estate);

	context->ecxt_scantuple = slot;
	if (index->ii_Predicate == NIL)
		return true;
	if (index->ii_PredicateState == NULL)
		index->ii_PredicateState = ExecPrepareQual(index->ii_Predicate, estate);
	return ExecQual(index->ii_PredicateState, context);
}

static void
fill_other(CsecRowIndexes *indexes, RowIndex *index, TupleTableSlot **slots,
		   CsecRowKey *keys, int count, EState *estate)
{
	for (int i = 0; i < count; i++)
	{
		TupleTableSlot *slot = slots[keys[i].slot];
		Datum		values[INDEX_MAX_KEYS];
		bool		nulls[INDEX_MAX_KEYS];

		if ((index->special_only && !keys[i].is_special) ||
			!index_takes(index->info, slot, estate))
			continue;
		FormIndexDatum(index->info, slot, estate, values, nulls);
		insert(indexes, index, values, nulls, &keys[i]);
	}
	ResetPerTupleExprContext(estate);
}

static KeyOrder
order_of(const RowIndex *index)
{
	if (index->plain && index->columns > 1 &&
		index->source[0] == KEY_RELID && index->source[1] == KEY_SUBJECT)
		return ORDER_SUBJECT;
	if (index->plain && index->source[0] == KEY_LOGIN)
		return ORDER_LOGIN;
	return ORDER_SEQ;
}

void
csec_row_indexes_fill(CsecRowIndexes *indexes, TupleTableSlot **slots,
					  CsecRowKey *keys, int count, TimestampTz at, EState *estate)
{
	KeyOrder	sorted = ORDER_SEQ;

	for (int i = 0; i < count; i++)
		keys[i].tid = slots[i]->tts_tid;
	for (KeyOrder order = ORDER_SEQ; order < ORDERS; order++)
		for (int i = 0; i < indexes->count; i++)
		{
			RowIndex   *index = &indexes->index[i];
			Filling		filling = {indexes, index, keys, count, at};

			if (order_of(index) != order)
				continue;
			if (order != sorted && order == ORDER_SUBJECT)
				sort_by_subject(keys, count);
			else if (order != sorted)
				sort_by_login(keys, count);
			sorted = order;
			if (index->plain)
				fill_plain(&filling);
			else
				fill_other(indexes, index, slots, keys, count, estate);
		}
}
