/*
 * category.c
 *		The kinds of fields, cached from csec.category and csec.level.
 *
 * Both tables are read whole: they have tens of rows.  What cannot be made
 * sense of is taken for the strictest there is.  A row that was put or changed
 * behind csec's back (row_mac.c) is as if it were not there: a level that is
 * not known is above all others, a value of a category that is not known is
 * shown to nobody.
 */
#include "postgres.h"

#include <limits.h>

#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "policy/catalog.h"
#include "policy/category.h"
#include "policy/kept.h"
#include "policy/row_mac.h"
#include "util/bytes.h"
#include "util/crypto_failed.h"
#include "util/pgcompat.h"

#define SH_PREFIX			category
#define SH_ELEMENT_TYPE		CategoryEntry
#define SH_KEY_TYPE			uint32
#define SH_KEY				id
#define SH_HASH_KEY(tb, key)	murmurhash32(key)
#define SH_EQUAL(tb, a, b)	((a) == (b))
#define SH_SCOPE			static inline
#define SH_DECLARE
#define SH_DEFINE

typedef struct CategoryEntry
{
	uint32		id;
	char		status;
	CsecCategory category;
} CategoryEntry;

#include "lib/simplehash.h"

typedef struct Level
{
	NameData	name;
	int			rank;
	bool		needs_reason;
	bool		strict;
} Level;

typedef struct Cache
{
	Level	   *levels;
	int			nlevels;
	category_hash *categories;
} Cache;

static void *read_all(MemoryContext context);

static CsecKept kept = {.name = "categories",.read = read_all};
static Cache *cache = NULL;		/* what is kept */

#define DEPENDS_ON \
	(CSEC_POLICY_BIT(CSEC_POLICY_LEVEL) | CSEC_POLICY_BIT(CSEC_POLICY_CATEGORY))

static void
policy_changed(uint32 tables, Oid relid)
{
	if (tables & DEPENDS_ON)
		kept.fresh = false;
}

void
csec_category_init(void)
{
	csec_catalog_watch(policy_changed);
}

uint32
csec_category_id(const char *name)
{
	uint8_t		digest[CSEC_SHA256_SIZE];
	uint32		id;

	if (!csec_sha256(name, strlen(name), digest))
		csec_crypto_failed("compute SHA-256");
	id = csec_get_u32(digest) & 0x7ffffffe;
	return id == CSEC_CATEGORY_NONE ? 2 : id;
}

/* Copy a text that the table's CHECK keeps within a name's length. */
static void
copy_name(NameData *out, const char *text)
{
	namestrcpy(out, text ? text : "");
}

static void
load_levels(Cache *into)
{
	CsecPolicyScan scan;
	HeapTuple	row;
	int			room = 8;

	into->levels = palloc(room * sizeof(Level));
	csec_policy_scan_begin(&scan, CSEC_POLICY_LEVEL);
	while ((row = csec_policy_scan_next(&scan)) != NULL)
	{
		bool		isnull;
		Level	   *level;
		char	   *audit = csec_policy_text(&scan, row, "audit");

		if (!csec_row_counts(row, RelationGetDescr(scan.rel), "level"))
			continue;
		if (into->nlevels == room)
		{
			room *= 2;
			into->levels = repalloc(into->levels, room * sizeof(Level));
		}
		level = &into->levels[into->nlevels++];
		copy_name(&level->name, csec_policy_text(&scan, row, "name"));
		level->rank = DatumGetInt32(csec_policy_value(&scan, row, "rank",
													  &isnull));
		level->needs_reason =
			DatumGetBool(csec_policy_value(&scan, row, "needs_reason", &isnull));
		level->strict = audit == NULL || strcmp(audit, "batch") != 0;
	}
	csec_policy_scan_end(&scan);
}

static const Level *
find_level(const Cache *in, const char *name)
{
	for (int i = 0; i < in->nlevels; i++)
		if (strcmp(NameStr(in->levels[i].name), name) == 0)
			return &in->levels[i];
	return NULL;
}

static void
fill_level(const Cache *in, CsecCategory *category)
{
	const Level *level = find_level(in, NameStr(category->level));

	category->rank = level ? level->rank : INT_MAX;
	category->needs_reason = level ? level->needs_reason : true;
	category->strict = level ? level->strict : true;
}

static void
fill_mask(CsecPolicyScan *scan, HeapTuple row, CsecCategory *category)
{
	char	   *mask = csec_policy_text(scan, row, "mask");
	CsecMaskParams params = CSEC_MASK_DEFAULT_PARAMS;
	bool		isnull;

	if (mask == NULL || !csec_mask_kind_from_name(mask, &category->mask))
		category->mask = CSEC_MASK_ALL;
	params.keep_left =
		DatumGetInt32(csec_policy_value(scan, row, "keep_left", &isnull));
	params.keep_right =
		DatumGetInt32(csec_policy_value(scan, row, "keep_right", &isnull));
	category->mask_params = params;
	if (!csec_mask_params_valid(&params))
		category->mask = CSEC_MASK_ALL;
}

/* A text column that says one thing, or else the other. */
static bool
says(CsecPolicyScan *scan, HeapTuple row, const char *column, const char *word)
{
	char	   *text = csec_policy_text(scan, row, column);

	return text != NULL && strcmp(text, word) == 0;
}

/* How values are stored; what cannot be made sense of must not be kept. */
static void
fill_storage(CsecPolicyScan *scan, HeapTuple row, CsecCategory *category)
{
	char	   *suite = csec_policy_text(scan, row, "suite");

	category->storage = says(scan, row, "storage", "masked") ? CSEC_STORAGE_MASKED :
		says(scan, row, "storage", "encrypted") ? CSEC_STORAGE_ENCRYPTED : CSEC_STORAGE_REFUSED;
	for (int i = 1; suite != NULL && i <= CSEC_SUITES; i++)
		if (strcmp(suite, csec_suite_name(i)) == 0)
			category->suite = i;
	copy_name(&category->data_key, csec_policy_text(scan, row, "data_key"));
}

static void
load_categories(Cache *into)
{
	CsecPolicyScan scan;
	HeapTuple	row;

	csec_policy_scan_begin(&scan, CSEC_POLICY_CATEGORY);
	while ((row = csec_policy_scan_next(&scan)) != NULL)
	{
		char	   *name = csec_policy_text(&scan, row, "name");
		char	   *check = csec_policy_text(&scan, row, "check_kind");
		CategoryEntry *entry;
		CsecCategory *category;
		bool		found;

		if (!csec_row_counts(row, RelationGetDescr(scan.rel), "category"))
			continue;
		entry = category_insert(into->categories, csec_category_id(name),
								&found);
		category = &entry->category;
		memset(category, 0, sizeof(CsecCategory));
		category->id = entry->id;
		copy_name(&category->name, name);
		copy_name(&category->level, csec_policy_text(&scan, row, "level"));
		fill_level(into, category);
		fill_mask(&scan, row, category);
		/* A check that this library does not know is one nothing passes. */
		if (check == NULL || !csec_check_kind_from_name(check, &category->check))
			category->check = (CsecCheckKind) CSEC_CHECK_KINDS;
		category->check_strict = !says(&scan, row, "check_mode", "lax");
		category->searchable = says(&scan, row, "search", "equality");
		category->sort_plain = says(&scan, row, "sort", "plain");
		fill_storage(&scan, row, category);
	}
	csec_policy_scan_end(&scan);
}

static void *
read_all(MemoryContext context)
{
	Cache	   *made = palloc0(sizeof(Cache));

	load_levels(made);
	made->categories = category_create(context, 32, NULL);
	load_categories(made);
	return made;
}

bool
csec_category_fresh(void)
{
	if (!kept.fresh && csec_catalog_readable())
	{
		if (OidIsValid(csec_policy_relid(CSEC_POLICY_CATEGORY)))
			cache = csec_kept_read(&kept);
		else if (cache != NULL)
		{
			/* csec was dropped: nothing is known any more */
			csec_kept_forget(&kept);
			cache = NULL;
		}
	}
	return kept.fresh;
}

const CsecCategory *
csec_category_lookup(uint32 id)
{
	CategoryEntry *entry;

	if (unlikely(!kept.fresh))
		csec_category_fresh();
	if (cache == NULL)
		return NULL;
	entry = category_lookup(cache->categories, id);
	return entry ? &entry->category : NULL;
}

bool
csec_level_rank(const char *name, int *rank)
{
	const Level *level;

	if (!kept.fresh)
		csec_category_fresh();
	level = cache ? find_level(cache, name) : NULL;
	if (level == NULL)
		return false;
	*rank = level->rank;
	return true;
}

List *
csec_category_all(void)
{
	List	   *all = NIL;
	category_iterator i;
	CategoryEntry *entry;

	if (!kept.fresh)
		csec_category_fresh();
	if (cache == NULL)
		return NIL;
	category_start_iterate(cache->categories, &i);
	while ((entry = category_iterate(cache->categories, &i)) != NULL)
	{
		CsecCategory *copy = palloc(sizeof(CsecCategory));

		*copy = entry->category;
		all = lappend(all, copy);
	}
	return all;
}

List *
csec_category_uncounted(void)
{
	List	   *all = NIL;
	CsecPolicyScan scan;
	HeapTuple	row;

	if (!csec_category_fresh() || !OidIsValid(csec_policy_relid(CSEC_POLICY_CATEGORY)))
		return NIL;
	csec_policy_scan_begin(&scan, CSEC_POLICY_CATEGORY);
	while ((row = csec_policy_scan_next(&scan)) != NULL)
	{
		char	   *name = csec_policy_text(&scan, row, "name");
		CsecCategory *category;

		if (csec_category_lookup(csec_category_id(name)) != NULL)
			continue;
		category = palloc0(sizeof(CsecCategory));
		copy_name(&category->name, name);
		copy_name(&category->level, csec_policy_text(&scan, row, "level"));
		all = lappend(all, category);
	}
	csec_policy_scan_end(&scan);
	return all;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_category_id_sql);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_mask_kind_known);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_check_kind_known);

/* csec.category_id(name): the number that stands for a category. */
Datum
csec_category_id_sql(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));

	PG_RETURN_INT32((int32) csec_category_id(name));
}

/* csec.mask_kind_known(name): is there a mask of that name? */
Datum
csec_mask_kind_known(PG_FUNCTION_ARGS)
{
	CsecMaskKind kind;

	PG_RETURN_BOOL(csec_mask_kind_from_name(text_to_cstring(PG_GETARG_TEXT_PP(0)),
											&kind));
}

/* csec.check_kind_known(name): is there a field check of that name? */
Datum
csec_check_kind_known(PG_FUNCTION_ARGS)
{
	CsecCheckKind kind;

	PG_RETURN_BOOL(csec_check_kind_from_name(text_to_cstring(PG_GETARG_TEXT_PP(0)),
											 &kind));
}
