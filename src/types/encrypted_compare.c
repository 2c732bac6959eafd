/*
 * encrypted_compare.c
 *		Equality and order of csec.encrypted, also with text and with
 *		csec.masked.
 *
 * All by search tags (keyed digests of the texts' search forms): nothing is
 * decrypted, and the order says nothing about the texts.  Values are equal
 * when their tags are, whatever their categories.
 *
 * Equality is LEAKPROOF for the reasons that masked_compare.c gives: whether
 * it raises an error depends on what the reader typed in and on the category
 * of the field, never on the hidden text.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/sortsupport.h"

#include "keys/data_key.h"
#include "policy/category.h"
#include "policy/probe.h"
#include "types/encrypted_value.h"
#include "types/masked_tried.h"
#include "types/support_call.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_eq);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_ne);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_eq_text);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_ne_text);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_text_eq_encrypted);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_text_ne_encrypted);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_eq_masked);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_ne_masked);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_eq_encrypted);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_ne_encrypted);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_lt);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_le);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_gt);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_ge);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_cmp);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_cmp_text);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_cmp_masked);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_text_cmp_encrypted);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_text_tag_cmp_text);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_sortsupport);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_text_tag_eq_text);

/* What is compared: a tag, and the category that its value has. */
typedef struct Operand
{
	uint32		category;
	uint8		buffer[CSEC_SEARCH_TAG];
	const uint8 *tag;
} Operand;

static void
read_unusual(const struct varlena *value, Operand *out)
{
	CsecEnvelope envelope;

	csec_encrypted_read(value, &envelope);
	out->category = envelope.category;
	out->tag = csec_encrypted_tag(&envelope, out->buffer);
}

/* The mark of the search key that is active. */
static inline uint32
active_mark(void)
{
	uint32_t	next;

	return likely(csec_search_mark_now != 0) ? csec_search_mark_now : csec_search_key_active(&next);
}

/* PG_DETOAST_DATUM_PACKED(), without a call for what is neither compressed nor elsewhere. */
static inline struct varlena *
packed(Datum datum)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(datum);

	return unlikely(VARATT_IS_4B_C(value) || VARATT_IS_1B_E(value)) ?
		pg_detoast_datum_packed(value) : value;
}

static inline void
read_under(uint32 mark, const struct varlena *value, Operand *out)
{
	const uint8 *data = (const uint8 *) VARDATA_ANY(value);

	out->tag = csec_envelope_plain_tag(data, VARSIZE_ANY_EXHDR(value), mark);
	if (likely(out->tag != NULL))
		out->category = csec_envelope_category(data);
	else
		read_unusual(value, out);
}

static inline void
read_operand(const struct varlena *value, Operand *out)
{
	read_under(active_mark(), value, out);
}

#define GET_OPERAND(n, out) \
	read_operand((struct varlena *) PG_GETARG_VARLENA_PP(n), (out))

/* A text as an operand without category, until another one is read. */
static inline void
read_text_under(uint32 mark, const text *in, Operand *out)
{
	out->tag = csec_encrypted_text_tag(mark, VARDATA_ANY(in), VARSIZE_ANY_EXHDR(in), out->buffer);
	out->category = CSEC_CATEGORY_NONE;
}

/* The tag goes into the operand's own buffer, where another text leaves it alone. */
static inline void
keep_tag(Operand *out)
{
	if (out->tag != out->buffer)
		memcpy(out->buffer, out->tag, CSEC_SEARCH_TAG);
	out->tag = out->buffer;
}

static inline void
read_text(const text *in, Operand *out)
{
	read_text_under(active_mark(), in, out);
	keep_tag(out);
}

static void
read_masked(const struct varlena *value, Operand *out)
{
	CsecMasked	masked;

	csec_masked_read(value, &masked);
	out->tag = csec_encrypted_text_tag(active_mark(), masked.text, masked.len, out->buffer);
	keep_tag(out);
	out->category = masked.category;
}

/* An operand as what is tried: its tag stands for its text, which is closed. */
static inline CsecMasked
as_tried(const Operand *operand)
{
	return (CsecMasked) {
		.category = operand->category,
		.tag = csec_get_u32(operand->tag),
		.text = (const char *) operand->tag,
		.len = CSEC_SEARCH_TAG
	};
}

static inline int
compare_tags(const uint8 *a, const uint8 *b)
{
	uint64		x = csec_get_u64(a);
	uint64		y = csec_get_u64(b);

	/* as memcmp() would; no call, as the heads nearly always differ */
	if (likely(x != y))
		return x < y ? -1 : 1;
	return memcmp(a + sizeof(x), b + sizeof(y), CSEC_SEARCH_TAG - sizeof(x));
}

static inline int
compare(const Operand *a, const Operand *b)
{
	return compare_tags(a->tag, b->tag);
}

static void
tried(const Operand *a, const Operand *b)
{
	CsecMasked	x = as_tried(a);
	CsecMasked	y = as_tried(b);

	csec_tried_compare_slow(&x, &y);
}

static inline void
place(const Operand *operand)
{
	CsecMasked	placed = as_tried(operand);

	csec_tried_place(&placed);
}

/* A text, which the reader knows, is tried against a value; its tag is a digest already. */
static inline void
tried_text(const Operand *value, const Operand *text)
{
	csec_tried_text(value->category, (const char *) text->tag, CSEC_SEARCH_TAG,
					csec_get_u64(text->tag));
}

/* ---- equality ---- */

static inline bool
same(const Operand *a, const Operand *b)
{
	if (a->category != b->category)
		tried(a, b);
	else if (a->category != CSEC_CATEGORY_NONE)
		csec_tried_same(a->category);
	return compare(a, b) == 0;
}

static bool
equal_values(FunctionCallInfo fcinfo)
{
	Operand		a;
	Operand		b;

	GET_OPERAND(0, &a);
	GET_OPERAND(1, &b);
	return same(&a, &b);
}

/* A value, which is argument "at", and a text, which is the other. */
static bool
equal_text(FunctionCallInfo fcinfo, int at)
{
	Operand		a;
	Operand		b;

	GET_OPERAND(at, &a);
	read_text(PG_GETARG_TEXT_PP(1 - at), &b);
	tried_text(&a, &b);
	return compare(&a, &b) == 0;
}

static bool
equal_masked(FunctionCallInfo fcinfo, int at)
{
	Operand		a;
	Operand		b;

	GET_OPERAND(at, &a);
	read_masked(PG_GETARG_VARLENA_PP(1 - at), &b);
	return same(&a, &b);
}

/* Operator = (csec.encrypted, csec.encrypted); likewise those below. */
Datum
csec_encrypted_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(equal_values(fcinfo));
}

Datum
csec_encrypted_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!equal_values(fcinfo));
}

Datum
csec_encrypted_eq_text(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(equal_text(fcinfo, 0));
}

Datum
csec_encrypted_ne_text(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!equal_text(fcinfo, 0));
}

Datum
csec_text_eq_encrypted(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(equal_text(fcinfo, 1));
}

Datum
csec_text_ne_encrypted(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!equal_text(fcinfo, 1));
}

Datum
csec_encrypted_eq_masked(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(equal_masked(fcinfo, 0));
}

Datum
csec_encrypted_ne_masked(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!equal_masked(fcinfo, 0));
}

Datum
csec_masked_eq_encrypted(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(equal_masked(fcinfo, 1));
}

Datum
csec_masked_ne_encrypted(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!equal_masked(fcinfo, 1));
}

/* Operator csec.=== (text, text): the same search form. */
Datum
csec_text_tag_eq_text(PG_FUNCTION_ARGS)
{
	Operand		a;
	Operand		b;

	read_text(PG_GETARG_TEXT_PP(0), &a);
	read_text(PG_GETARG_TEXT_PP(1), &b);
	PG_RETURN_BOOL(compare(&a, &b) == 0);
}

/* ---- order ---- */

static int
ordered(FunctionCallInfo fcinfo)
{
	Operand		a;
	Operand		b;

	GET_OPERAND(0, &a);
	GET_OPERAND(1, &b);
	if (a.category != b.category)
		tried(&a, &b);
	else if (unlikely(a.category == CSEC_CATEGORY_NONE))
	{
		place(&a);
		place(&b);
	}
	return compare(&a, &b);
}

/* Operator csec.< (csec.encrypted, csec.encrypted): of the operator class only. */
Datum
csec_encrypted_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ordered(fcinfo) < 0);
}

Datum
csec_encrypted_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ordered(fcinfo) <= 0);
}

Datum
csec_encrypted_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ordered(fcinfo) > 0);
}

Datum
csec_encrypted_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ordered(fcinfo) >= 0);
}

/* What an index holds, and what is sought in it. */
static void
tried_lookup(const Operand *indexed, const Operand *sought)
{
	CsecMasked	x = as_tried(indexed);
	CsecMasked	y = as_tried(sought);

	if (indexed->category != sought->category)
		csec_tried_lookup(&x, &y);
}

/* Btree support 1.  An index passes what it holds first, what it seeks second. */
Datum
csec_encrypted_cmp(PG_FUNCTION_ARGS)
{
	struct varlena *x = PG_GETARG_VARLENA_PP(0);
	struct varlena *y = PG_GETARG_VARLENA_PP(1);
	Operand		indexed;
	Operand		sought;
	int			result;

	csec_refuse_direct_call(fcinfo);
	read_operand(x, &indexed);
	read_operand(y, &sought);
	tried_lookup(&indexed, &sought);
	if (unlikely(indexed.category == CSEC_CATEGORY_NONE && sought.category == CSEC_CATEGORY_NONE) &&
		!csec_sorts_array())
	{
		place(&sought);
		if (!csec_called_for_index(fcinfo))
			place(&indexed);
	}
	result = compare(&indexed, &sought);
	/* An index is descended in a context that lives long. */
	PG_FREE_IF_COPY(x, 0);
	PG_FREE_IF_COPY(y, 1);
	PG_RETURN_INT32(result);
}

static pg_noinline int
compare_text(struct varlena *x, text *y)
{
	uint32		mark = active_mark();
	Operand		indexed;
	Operand		sought;
	int			result;

	read_under(mark, x, &indexed);
	read_text_under(mark, y, &sought);
	result = compare(&indexed, &sought);
	tried_text(&indexed, &sought);
	return result;
}

/*
 * At each step down an index it is the text of the step before, and a value
 * as nearly all are: both tags are there.  This is that and no more, without
 * a call where none is needed.
 */
Datum
csec_encrypted_cmp_text(PG_FUNCTION_ARGS)
{
	struct varlena *x = packed(PG_GETARG_DATUM(0));
	text	   *y = packed(PG_GETARG_DATUM(1));
	uint32		mark = csec_search_mark_now;
	const uint8 *data = (const uint8 *) VARDATA_ANY(x);
	const uint8 *sought = NULL;
	const uint8 *indexed = NULL;
	int			result;

	csec_refuse_direct_call(fcinfo);
	if (likely(mark != 0))
		indexed = csec_envelope_plain_tag(data, VARSIZE_ANY_EXHDR(x), mark);
	if (likely(indexed != NULL))
		sought = csec_encrypted_known_tag(mark, VARDATA_ANY(y), VARSIZE_ANY_EXHDR(y));
	if (likely(sought != NULL))
	{
		result = compare_tags(indexed, sought);
		csec_tried_text(csec_envelope_category(data), (const char *) sought, CSEC_SEARCH_TAG,
						csec_get_u64(sought));
	}
	else
		result = compare_text(x, y);
	PG_FREE_IF_COPY(x, 0);
	PG_FREE_IF_COPY(y, 1);
	PG_RETURN_INT32(result);
}

/* A masked value is sought; its category has a say as that of any other. */
Datum
csec_encrypted_cmp_masked(PG_FUNCTION_ARGS)
{
	struct varlena *x = PG_GETARG_VARLENA_PP(0);
	struct varlena *y = PG_GETARG_VARLENA_PP(1);
	Operand		indexed;
	Operand		sought;
	int			result;

	csec_refuse_direct_call(fcinfo);
	read_operand(x, &indexed);
	read_masked(y, &sought);
	tried_lookup(&indexed, &sought);
	result = compare(&indexed, &sought);
	PG_FREE_IF_COPY(x, 0);
	PG_FREE_IF_COPY(y, 1);
	PG_RETURN_INT32(result);
}

Datum
csec_text_cmp_encrypted(PG_FUNCTION_ARGS)
{
	Operand		indexed;
	Operand		sought;

	csec_refuse_direct_call(fcinfo);
	read_text(PG_GETARG_TEXT_PP(0), &indexed);
	GET_OPERAND(1, &sought);
	tried_lookup(&indexed, &sought);
	PG_RETURN_INT32(compare(&indexed, &sought));
}

/* Sorts the array of id_no = ANY (text[]) for an index scan. */
Datum
csec_text_tag_cmp_text(PG_FUNCTION_ARGS)
{
	Operand		a;
	Operand		b;

	csec_refuse_direct_call(fcinfo);
	read_text(PG_GETARG_TEXT_PP(0), &a);
	read_text(PG_GETARG_TEXT_PP(1), &b);
	PG_RETURN_INT32(compare(&a, &b));
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
	struct varlena *v = PG_DETOAST_DATUM_PACKED(x);
	struct varlena *w = PG_DETOAST_DATUM_PACKED(y);
	Operand		a;
	Operand		b;
	int			result;

	read_operand(v, &a);
	read_operand(w, &b);
	if (unlikely(a.category != b.category))
		tried(&a, &b);
	if (unlikely(a.category == CSEC_CATEGORY_NONE))
		place(&a);
	if (unlikely(b.category == CSEC_CATEGORY_NONE))
		place(&b);
	result = compare(&a, &b);
	free_if_copy(v, x);
	free_if_copy(w, y);
	return result;
}

/* The head of the tag is the key. */
static Datum
abbreviate(Datum datum, SortSupport ssup)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(datum);
	Operand		operand;
	CsecMasked	sorted;
	uint64		head;

	read_operand(value, &operand);
	sorted = as_tried(&operand);
	csec_tried_sort(&sorted);
	csec_tried_place(&sorted);
	head = csec_get_u64(operand.tag);
	free_if_copy(value, datum);
	return (Datum) (head >> (8 * (sizeof(head) - sizeof(Datum))));
}

static bool
never_abort(int memtupcount, SortSupport ssup)
{
	return false;
}

/* Btree support 2. */
Datum
csec_encrypted_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport ssup = (SortSupport) PG_GETARG_POINTER(0);

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
