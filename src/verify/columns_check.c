/*
 * columns_check.c
 *		Do a row's columns say what its record says?                    [FE]
 *
 * The columns prove nothing, but searches go by them: a record whose columns
 * were edited is not found any more by who asks for its customer.
 */
#include "postgres_fe.h"

#include "mb/pg_wchar.h"

#include "util/bytes.h"
#include "verify/columns_check.h"
#include "verify/finding.h"

/* How a range is sent: one byte of flags, then its bounds (rangetypes.h). */
#define RANGE_LB_INC	0x02
#define RANGE_LB_INF	0x08
#define RANGE_UB_INF	0x10

static bool
is_u64(CsecDatum datum, uint64_t expected)
{
	return datum.data != NULL && datum.len == 8 && csec_get_u64(datum.data) == expected;
}

static bool
login_is(const CsecRow *row, const CsecColumns *columns, int encoding)
{
	CsecField	login = columns->login;

	if (login.data == NULL ||
		pg_encoding_verifymbstr(encoding, (const char *) login.data,
								(int) login.len) != (int) login.len)
		return row->login.data == NULL;
	return row->login.data != NULL && row->login.len == login.len &&
		memcmp(row->login.data, login.data, login.len) == 0;
}

/* Walks over an int8multirange as its send function writes it. */
typedef struct Ranges
{
	const uint8_t *p;
	const uint8_t *end;
	uint32_t	left;
} Ranges;

static bool
next_u64(Ranges *ranges, uint64_t *v)
{
	if (ranges->end - ranges->p < 12 || csec_get_u32(ranges->p) != 8)
		return false;
	*v = csec_get_u64(ranges->p + 4);
	ranges->p += 12;
	return true;
}

/* Is the next range low .. high, both included? */
static bool
next_is(Ranges *ranges, int64_t low, int64_t high)
{
	uint8_t		flags;
	uint32_t	len;
	const uint8_t *start;
	uint64_t	bound;

	if (ranges->left == 0 || ranges->end - ranges->p < 5)
		return false;
	ranges->left--;
	len = csec_get_u32(ranges->p);
	start = ranges->p += 4;
	flags = *ranges->p++;
	if (flags != (high == INT64_MAX ? RANGE_LB_INC | RANGE_UB_INF : RANGE_LB_INC))
		return false;
	if (!next_u64(ranges, &bound) || bound != (uint64_t) low)
		return false;
	if (high != INT64_MAX && (!next_u64(ranges, &bound) || bound != (uint64_t) high + 1))
		return false;
	return (size_t) (ranges->p - start) == len;
}

static bool
is_everything(Ranges *ranges)
{
	return ranges->left == 1 && ranges->end - ranges->p == 5 &&
		csec_get_u32(ranges->p) == 1 && ranges->p[4] == (RANGE_LB_INF | RANGE_UB_INF);
}

static bool
at_end(const Ranges *ranges)
{
	return ranges->left == 0 && ranges->p == ranges->end;
}

static int
compare_keys(const void *a, const void *b)
{
	int64_t		left = *(const int64_t *) a;
	int64_t		right = *(const int64_t *) b;

	return (left > right) - (left < right);
}

/* The ranges of keys that stand for texts: sorted, and those that touch one. */
static bool
texts_are(Ranges *ranges, CsecSubjectsReader *reader)
{
	size_t		count = 0;
	/* a text takes at least its length's byte, so there are no more than that */
	int64_t    *key = csec_alloc((size_t) (reader->end - reader->p) * sizeof(int64_t));
	const uint8_t *text;
	uint32_t	len;
	bool		same = true;

	while (csec_subjects_next_text(reader, &text, &len))
		if (!csec_subject_key(text, len, &key[count++]))
			csec_fail("could not compute a hash");
	qsort(key, count, sizeof(int64_t), compare_keys);
	for (size_t i = 0, next; same && i < count; i = next)
	{
		for (next = i + 1; next < count && key[next - 1] != INT64_MAX &&
			 key[next] <= key[next - 1] + 1; next++)
			;
		/* what is the largest number twice is one range as well */
		while (next < count && key[next] == key[next - 1])
			next++;
		same = next_is(ranges, key[i], key[next - 1]);
	}
	free(key);
	return same && at_end(ranges);
}

static bool
subjects_are(const CsecRow *row, const CsecColumns *columns)
{
	Ranges		ranges;
	CsecSubjectsReader reader;
	int64_t		low;
	int64_t		high;

	if (columns->shape != CSEC_SHAPE_MANY && columns->shape != CSEC_SHAPE_ALL)
		return row->subjects.data == NULL;
	if (row->subjects.data == NULL || row->subjects.len < 4 ||
		!csec_subjects_open(columns->subjects, &reader))
		return false;
	ranges.left = csec_get_u32(row->subjects.data);
	ranges.p = row->subjects.data + 4;
	ranges.end = row->subjects.data + row->subjects.len;
	if (reader.form == CSEC_SUBJECTS_ALL)
		return is_everything(&ranges);
	if (reader.form == CSEC_SUBJECTS_TEXTS)
		return texts_are(&ranges, &reader);
	while (csec_subjects_next_range(&reader, &low, &high))
		if (!next_is(&ranges, low, high))
			return false;
	return at_end(&ranges);
}

const char *
csec_differing_column(const CsecRow *row, const CsecHeader *header,
					  const CsecColumns *columns, int encoding)
{
	if (!is_u64(row->at, (uint64_t) header->sealed_at))
		return "at";
	if (row->kind.data == NULL || row->kind.len != 2 ||
		csec_get_u16(row->kind.data) != columns->kind)
		return "kind";
	if (columns->has_relid ?
		row->relid.data == NULL || row->relid.len != 4 ||
		csec_get_u32(row->relid.data) != columns->relid :
		row->relid.data != NULL)
		return "relid";
	if (!login_is(row, columns, encoding))
		return "login";
	if (columns->shape == CSEC_SHAPE_ONE ?
		!is_u64(row->subject, (uint64_t) columns->key[0]) : row->subject.data != NULL)
		return "subject";
	if (!subjects_are(row, columns))
		return "subjects";
	return NULL;
}
