/*
 * masked_compare.c
 *		Equality, order and hash of csec.masked, also with text.
 *
 * Values are equal when their texts are, whatever their categories.  The
 * order is that of keyed tags, which says nothing about the texts; a category
 * declared "plain" orders by its text, byte by byte.
 *
 * Equality is marked LEAKPROOF although it can raise errors: that too many
 * values were tried, that a category allows no search.  Whether it does
 * depends on what the reader typed in and on the category of the field, which
 * everybody may know, never on the hidden text; and no message repeats either
 * value.  Without the mark, row security would keep look-ups off the indexes.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/sortsupport.h"

#include "policy/category.h"
#include "policy/probe.h"
#include "types/date_value.h"
#include "types/masked_tried.h"
#include "types/masked_value.h"
#include "types/support_call.h"
#include "util/secure_memory.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_eq);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_ne);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_eq_text);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_ne_text);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_text_eq_masked);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_text_ne_masked);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_text_eq_text);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_lt);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_le);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_gt);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_ge);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_cmp);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_cmp_text);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_text_cmp_masked);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_text_cmp_text);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_sortsupport);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_hash);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_hash_extended);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_text_hash);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_text_hash_extended);

/* ---- equality ---- */

/*
 * What a text is, compared with a field of that category: of a date with a
 * time, which would be stored in the field without it, only the date.
 */
static inline size_t
sought_length(uint32 field, const char *text, size_t len)
{
	if (likely(len <= 10) || field == CSEC_CATEGORY_NONE || text[4] != '-')
		return len;
	return csec_date_length(csec_category_lookup(field), text, len);
}

static inline bool
masked_equal(const CsecMasked *a, const CsecMasked *b)
{
	size_t		a_len = a->len;
	size_t		b_len = b->len;

	if (a->category != b->category)
	{
		csec_tried_compare_slow(a, b);
		if (b->category == CSEC_CATEGORY_NONE)
			b_len = sought_length(a->category, b->text, b_len);
		else if (a->category == CSEC_CATEGORY_NONE)
			a_len = sought_length(b->category, a->text, a_len);
	}
	else if (a->category != CSEC_CATEGORY_NONE)
		csec_tried_same(a->category);
	return a_len == b_len && memcmp(a->text, b->text, a_len) == 0;
}

static inline bool
masked_equal_text(const CsecMasked *a, const text *b)
{
	size_t		len = VARSIZE_ANY_EXHDR(b);

	csec_tried_text(a->category, VARDATA_ANY(b), len,
					csec_probe_digest(VARDATA_ANY(b), len));
	len = sought_length(a->category, VARDATA_ANY(b), len);
	return a->len == len && memcmp(a->text, VARDATA_ANY(b), len) == 0;
}

#define GET_BOTH(a, b) \
	CsecMasked	a; \
	CsecMasked	b; \
	CSEC_GETARG_MASKED(0, &a); \
	CSEC_GETARG_MASKED(1, &b)

#define GET_ONE(n, a) \
	CsecMasked	a; \
	CSEC_GETARG_MASKED(n, &a)

/* Operator = (csec.masked, csec.masked) */
Datum
csec_masked_eq(PG_FUNCTION_ARGS)
{
	GET_BOTH(a, b);
	PG_RETURN_BOOL(masked_equal(&a, &b));
}

/* Operator <> (csec.masked, csec.masked) */
Datum
csec_masked_ne(PG_FUNCTION_ARGS)
{
	GET_BOTH(a, b);
	PG_RETURN_BOOL(!masked_equal(&a, &b));
}

/* Operator = (csec.masked, text) */
Datum
csec_masked_eq_text(PG_FUNCTION_ARGS)
{
	GET_ONE(0, a);
	PG_RETURN_BOOL(masked_equal_text(&a, PG_GETARG_TEXT_PP(1)));
}

/* Operator <> (csec.masked, text) */
Datum
csec_masked_ne_text(PG_FUNCTION_ARGS)
{
	GET_ONE(0, a);
	PG_RETURN_BOOL(!masked_equal_text(&a, PG_GETARG_TEXT_PP(1)));
}

/* Operator = (text, csec.masked) */
Datum
csec_text_eq_masked(PG_FUNCTION_ARGS)
{
	GET_ONE(1, a);
	PG_RETURN_BOOL(masked_equal_text(&a, PG_GETARG_TEXT_PP(0)));
}

/* Operator <> (text, csec.masked) */
Datum
csec_text_ne_masked(PG_FUNCTION_ARGS)
{
	GET_ONE(1, a);
	PG_RETURN_BOOL(!masked_equal_text(&a, PG_GETARG_TEXT_PP(0)));
}

/* Operator csec.== (text, text): the same bytes. */
Datum
csec_text_eq_text(PG_FUNCTION_ARGS)
{
	text	   *a = PG_GETARG_TEXT_PP(0);
	text	   *b = PG_GETARG_TEXT_PP(1);
	size_t		len = VARSIZE_ANY_EXHDR(a);

	PG_RETURN_BOOL(len == VARSIZE_ANY_EXHDR(b) &&
				   memcmp(VARDATA_ANY(a), VARDATA_ANY(b), len) == 0);
}

/* ---- order ---- */

static int
compare_text(const CsecMasked *a, const CsecMasked *b)
{
	int			c = memcmp(a->text, b->text, Min(a->len, b->len));

	if (c != 0)
		return c < 0 ? -1 : 1;
	return (a->len > b->len) - (a->len < b->len);
}

static void
refuse_mixed_order(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("values of categories that sort differently cannot be sorted together"),
			 errhint("Convert them to text, or to one category, first.")));
}

/*
 * Three-way comparison.  A value that has no category follows the other one,
 * as it is a constant that is looked up in a field.
 */
static inline int
compare(const CsecMasked *a, const CsecMasked *b)
{
	if (unlikely((a->flags | b->flags) & CSEC_MASKED_PLAIN))
	{
		if (((a->flags ^ b->flags) & CSEC_MASKED_PLAIN) &&
			a->category != CSEC_CATEGORY_NONE && b->category != CSEC_CATEGORY_NONE)
			refuse_mixed_order();
		return compare_text(a, b);
	}
	if (a->tag != b->tag)
		return a->tag < b->tag ? -1 : 1;
	return compare_text(a, b);
}

/*
 * The tag of a text.  It costs a digest, and an index is descended with the
 * same text at each step: the last one is kept while the transaction lasts.
 */
static void
set_tag(CsecMasked *out)
{
	static struct
	{
		bool		used;
		uint32		tag;
		size_t		len;
		char		text[64];
	}			last;
	static bool waits = false;

	if (last.used && last.len == out->len &&
		memcmp(last.text, out->text, out->len) == 0)
	{
		out->tag = last.tag;
		return;
	}
	out->tag = csec_masked_tag(out->text, out->len);
	if (out->len > sizeof(last.text))
		return;
	csec_secure_wipe_at_end(&last, sizeof(last), &waits);
	memcpy(last.text, out->text, out->len);
	last.len = out->len;
	last.tag = out->tag;
	last.used = true;
}

/* A text as a value without category. */
static void
read_text(const text *in, CsecMasked *out)
{
	out->flags = 0;
	out->category = CSEC_CATEGORY_NONE;
	out->text = VARDATA_ANY(in);
	out->len = VARSIZE_ANY_EXHDR(in);
	set_tag(out);
}

/* What is sought in an index over a field, as the field would hold it. */
static inline void
seek(const CsecMasked *indexed, CsecMasked *sought)
{
	size_t		len = sought_length(indexed->category, sought->text, sought->len);

	if (likely(len == sought->len))
		return;
	sought->len = len;
	set_tag(sought);
}

/*
 * A value as it is ordered and hashed.  One without category does not hold its
 * tag, so a constant of a view or a check needs nothing under another order key
 * (csec.adopt_order_key()).
 */
static inline void
read_ordered(const struct varlena *value, CsecMasked *out)
{
	csec_masked_read(value, out);
	if (out->category == CSEC_CATEGORY_NONE)
		set_tag(out);
}

#define GETARG_ORDERED(n, out) \
	read_ordered((struct varlena *) PG_GETARG_VARLENA_PP(n), (out))

static inline int
ordered(FunctionCallInfo fcinfo)
{
	CsecMasked	a;
	CsecMasked	b;

	GETARG_ORDERED(0, &a);
	GETARG_ORDERED(1, &b);
	csec_tried_compare(&a, &b);
	if (a.category == b.category)
	{
		csec_tried_place(&a);
		csec_tried_place(&b);
	}
	return compare(&a, &b);
}

/* Operator csec.< (csec.masked, csec.masked): of the operator class only. */
Datum
csec_masked_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ordered(fcinfo) < 0);
}

Datum
csec_masked_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ordered(fcinfo) <= 0);
}

Datum
csec_masked_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ordered(fcinfo) > 0);
}

Datum
csec_masked_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ordered(fcinfo) >= 0);
}

/* Btree support 1.  An index passes what it holds first, what it seeks second. */
Datum
csec_masked_cmp(PG_FUNCTION_ARGS)
{
	struct varlena *x = PG_GETARG_VARLENA_PP(0);
	struct varlena *y = PG_GETARG_VARLENA_PP(1);
	CsecMasked	indexed;
	CsecMasked	sought;
	int			result;

	csec_refuse_direct_call(fcinfo);
	read_ordered(x, &indexed);
	read_ordered(y, &sought);
	if (indexed.category != sought.category)
	{
		csec_tried_lookup(&indexed, &sought);
		if (sought.category == CSEC_CATEGORY_NONE)
			seek(&indexed, &sought);
	}
	else if (unlikely(sought.category == CSEC_CATEGORY_NONE) && !csec_sorts_array())
	{
		csec_tried_place(&sought);
		if (!csec_called_for_index(fcinfo))
			csec_tried_place(&indexed);
	}
	result = compare(&indexed, &sought);
	/* An index is descended in a context that lives long. */
	PG_FREE_IF_COPY(x, 0);
	PG_FREE_IF_COPY(y, 1);
	PG_RETURN_INT32(result);
}

Datum
csec_masked_cmp_text(PG_FUNCTION_ARGS)
{
	struct varlena *x = PG_GETARG_VARLENA_PP(0);
	text	   *y = PG_GETARG_TEXT_PP(1);
	CsecMasked	a;
	CsecMasked	b;
	int			result;

	csec_refuse_direct_call(fcinfo);
	read_ordered(x, &a);
	read_text(y, &b);
	csec_tried_compare(&a, &b);
	seek(&a, &b);
	result = compare(&a, &b);
	PG_FREE_IF_COPY(x, 0);
	PG_FREE_IF_COPY(y, 1);
	PG_RETURN_INT32(result);
}

Datum
csec_text_cmp_masked(PG_FUNCTION_ARGS)
{
	CsecMasked	a;
	CsecMasked	b;

	csec_refuse_direct_call(fcinfo);
	GETARG_ORDERED(1, &b);
	read_text(PG_GETARG_TEXT_PP(0), &a);
	csec_tried_lookup(&a, &b);
	PG_RETURN_INT32(compare(&a, &b));
}

/* Sorts the array of phone = ANY (text[]) for an index scan. */
Datum
csec_text_cmp_text(PG_FUNCTION_ARGS)
{
	CsecMasked	a;
	CsecMasked	b;

	csec_refuse_direct_call(fcinfo);
	read_text(PG_GETARG_TEXT_PP(1), &b);
	a = b;
	read_text(PG_GETARG_TEXT_PP(0), &a);
	PG_RETURN_INT32(compare(&a, &b));
}

/* What a sort has met: values of both orders have none in common. */
typedef struct MaskedSort
{
	bool		any;
	bool		plain;
} MaskedSort;

static inline struct varlena *
read_for_sort(Datum datum, MaskedSort *state, CsecMasked *out)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(datum);
	bool		plain;

	read_ordered(value, out);
	plain = (out->flags & CSEC_MASKED_PLAIN) != 0;
	if (unlikely(state->any && state->plain != plain))
		refuse_mixed_order();
	state->any = true;
	state->plain = plain;
	return value;
}

static inline void
free_if_copy(struct varlena *value, Datum datum)
{
	if ((Pointer) value != DatumGetPointer(datum))
		pfree(value);
}

static int
compare_for_sort(Datum x, Datum y, SortSupport ssup)
{
	CsecMasked	a;
	CsecMasked	b;
	struct varlena *v = read_for_sort(x, ssup->ssup_extra, &a);
	struct varlena *w = read_for_sort(y, ssup->ssup_extra, &b);
	int			result;

	csec_tried_compare(&a, &b);
	csec_tried_place(&a);
	csec_tried_place(&b);
	result = compare(&a, &b);
	free_if_copy(v, x);
	free_if_copy(w, y);
	return result;
}

/*
 * The tag is the key; texts are looked at where tags are equal, that is where
 * the texts nearly always are.  A plain value gives its first eight bytes.
 */
static Datum
abbreviate(Datum datum, SortSupport ssup)
{
	CsecMasked	value;
	uint8		head[8] = {0};
	struct varlena *copy = read_for_sort(datum, ssup->ssup_extra, &value);

	csec_tried_sort(&value);
	csec_tried_place(&value);
	if (value.flags & CSEC_MASKED_PLAIN)
		memcpy(head, value.text, Min(value.len, sizeof(head)));
	free_if_copy(copy, datum);
	if (!(value.flags & CSEC_MASKED_PLAIN))
		return (Datum) value.tag;
	return (Datum) (csec_get_u64(head) >> (8 * (sizeof(head) - sizeof(Datum))));
}

static bool
never_abort(int memtupcount, SortSupport ssup)
{
	return false;
}

/* Btree support 2. */
Datum
csec_masked_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport ssup = (SortSupport) PG_GETARG_POINTER(0);

	ssup->ssup_extra = MemoryContextAllocZero(ssup->ssup_cxt, sizeof(MaskedSort));
	ssup->comparator = compare_for_sort;
	if (ssup->abbreviate)
	{
		ssup->abbrev_full_comparator = ssup->comparator;
		ssup->comparator = ssup_datum_unsigned_cmp;
		ssup->abbrev_converter = abbreviate;
		ssup->abbrev_abort = never_abort;
	}
	PG_RETURN_VOID();
}

/* ---- hash ---- */

/* Of what may be a date with a time, which equals the date in a field of dates, that of the date. */
static inline uint32
hashed(const CsecMasked *value)
{
	return likely(value->len <= 10 || value->text[4] != '-') ? value->tag :
		csec_masked_tag(value->text, 10);
}

/* Hash support 1. */
Datum
csec_masked_hash(PG_FUNCTION_ARGS)
{
	csec_refuse_direct_call(fcinfo);
	if (csec_called_for_container(fcinfo))
		PG_RETURN_INT32(CSEC_HASH_IN_CONTAINER);
	{
		CsecMasked	value;

		GETARG_ORDERED(0, &value);
		csec_tried_hash(&value, fcinfo->flinfo);
		if (unlikely(value.category == CSEC_CATEGORY_NONE) && !csec_hashes_list(fcinfo))
			csec_tried_place(&value);
		PG_RETURN_INT32((int32) hashed(&value));
	}
}

/*
 * Hash support 2, for partitions.  satisfies_hash_partition() lets anybody
 * see some of its result, so that a typed-in value counts here at once.
 */
Datum
csec_masked_hash_extended(PG_FUNCTION_ARGS)
{
	csec_refuse_direct_call(fcinfo);
	if (csec_called_for_container(fcinfo))
		PG_RETURN_UINT64(CSEC_HASH_IN_CONTAINER);
	{
		CsecMasked	value;

		GETARG_ORDERED(0, &value);
		if (value.category == CSEC_CATEGORY_NONE)
			csec_probe_input(CSEC_CATEGORY_TYPED_IN, value.text, value.len);
		PG_RETURN_DATUM(hash_uint32_extended(hashed(&value), PG_GETARG_INT64(1)));
	}
}

Datum
csec_text_hash(PG_FUNCTION_ARGS)
{
	CsecMasked	value;

	csec_refuse_direct_call(fcinfo);
	read_text(PG_GETARG_TEXT_PP(0), &value);
	csec_tried_hash_text(value.tag, value.text, value.len);
	PG_RETURN_INT32((int32) hashed(&value));
}

Datum
csec_text_hash_extended(PG_FUNCTION_ARGS)
{
	CsecMasked	value;

	csec_refuse_direct_call(fcinfo);
	read_text(PG_GETARG_TEXT_PP(0), &value);
	csec_probe_input(CSEC_CATEGORY_TYPED_IN, value.text, value.len);
	PG_RETURN_DATUM(hash_uint32_extended(hashed(&value), PG_GETARG_INT64(1)));
}
