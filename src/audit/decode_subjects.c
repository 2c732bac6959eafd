/*
 * decode_subjects.c
 *		The subjects of an audit record, for SQL.
 */
#include "audit/decode.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "audit/columns.h"
#include "audit/subjects.h"
#include "util/crypto_failed.h"
#include "util/pgcompat.h"

/* The subject that somebody asks for: a text, and an integer if it is one. */
typedef struct Wanted
{
	const uint8 *text;
	uint32		len;
	bool		is_integer;
	int64		key;
} Wanted;

static void
want(text *subject, Wanted *wanted)
{
	char	   *string = text_to_cstring(subject);
	char	   *digits = string[0] == '-' ? string + 1 : string;
	char	   *end = digits;

	wanted->text = (const uint8 *) VARDATA_ANY(subject);
	wanted->len = (uint32) VARSIZE_ANY_EXHDR(subject);
	while (*end >= '0' && *end <= '9')
		end++;
	wanted->is_integer = false;
	if (end == digits || *end != '\0')
		return;
	errno = 0;
	wanted->key = strtoi64(string, NULL, 10);
	wanted->is_integer = errno == 0;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_subject_keys);

/*
 * csec.subject_keys(subject text): the keys by which the trail may have filed
 * a subject: its number, if it is one, and that of its text.
 */
Datum
csec_subject_keys(PG_FUNCTION_ARGS)
{
	Wanted		wanted;
	Datum		keys[2];
	int			count = 0;
	int64		key;

	want(PG_GETARG_TEXT_PP(0), &wanted);
	if (wanted.is_integer)
		keys[count++] = Int64GetDatum(wanted.key);
	if (!csec_subject_key(wanted.text, wanted.len, &key))
		csec_crypto_failed("compute the key of a subject");
	keys[count++] = Int64GetDatum(key);
	PG_RETURN_ARRAYTYPE_P(construct_array(keys, count, INT8OID, sizeof(int64),
										  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static bool
has_subject(CsecField field, const Wanted *wanted)
{
	CsecSubjectsReader reader;
	int64		low;
	int64		high;
	const uint8_t *text;
	uint32_t	len;

	if (!csec_subjects_open(field, &reader))
		return false;
	if (reader.form == CSEC_SUBJECTS_ALL)
		return true;
	if (reader.form == CSEC_SUBJECTS_RANGES)
	{
		while (wanted->is_integer && csec_subjects_next_range(&reader, &low, &high))
			if (wanted->key <= high)
				return wanted->key >= low;	/* ranges ascend */
		return false;
	}
	while (csec_subjects_next_text(&reader, &text, &len))
		if (len == wanted->len && memcmp(text, wanted->text, len) == 0)
			return true;
	return false;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_record_has_subject);

/*
 * csec.record_has_subject(record bytea, subject text): is the record about
 * that subject, or about all of them?
 */
Datum
csec_record_has_subject(PG_FUNCTION_ARGS)
{
	CsecHeader	header;
	CsecBody	body;
	Wanted		wanted;

	csec_decode_record(CSEC_GETARG_RECORD(0), &header, &body);
	want(PG_GETARG_TEXT_PP(1), &wanted);
	PG_RETURN_BOOL(has_subject(body.field[CSEC_TAG_SUBJECTS], &wanted));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_record_subject_keys);

/*
 * csec.record_subject_keys(record bytea): the keys of the record's subjects as
 * a multirange; without bounds where it is about all; null where it has none.
 */
Datum
csec_record_subject_keys(PG_FUNCTION_ARGS)
{
	CsecHeader	header;
	CsecBody	body;
	CsecColumns columns;
	CsecSubjectsReader reader;

	csec_decode_record(CSEC_GETARG_RECORD(0), &header, &body);
	if (!csec_subjects_open(body.field[CSEC_TAG_SUBJECTS], &reader))
		PG_RETURN_NULL();
	memset(&columns, 0, sizeof(columns));
	columns.subjects = body.field[CSEC_TAG_SUBJECTS];
	PG_RETURN_DATUM(csec_subjects_multirange(&columns));
}

/* Where csec.record_subjects() has come to. */
typedef struct SubjectsState
{
	CsecSubjectsReader reader;
	bool		in_range;
	int64		next;
	int64		high;
} SubjectsState;

static SubjectsState *
open_subjects(bytea *record)
{
	SubjectsState *state = palloc0(sizeof(SubjectsState));
	CsecHeader	header;
	CsecBody	body;
	bytea	   *copy = palloc(VARSIZE_ANY(record));

	memcpy(copy, record, VARSIZE_ANY(record));
	csec_decode_record(copy, &header, &body);
	if (!csec_subjects_open(body.field[CSEC_TAG_SUBJECTS], &state->reader))
		state->reader.left = 0;
	return state;
}

/* The next of the integers, as text; false at the end. */
static bool
next_integer(SubjectsState *state, Datum *subject)
{
	char		digits[MAXINT8LEN + 1];

	if (!state->in_range &&
		!csec_subjects_next_range(&state->reader, &state->next, &state->high))
		return false;
	pg_lltoa(state->next, digits);
	*subject = CStringGetTextDatum(digits);
	state->in_range = state->next < state->high;
	if (state->in_range)
		state->next++;
	return true;
}

static bool
next_subject(SubjectsState *state, Datum *subject)
{
	CsecField	field;

	if (state->reader.form == CSEC_SUBJECTS_RANGES)
		return next_integer(state, subject);
	if (state->reader.form != CSEC_SUBJECTS_TEXTS ||
		!csec_subjects_next_text(&state->reader, &field.data, &field.len))
		return false;
	*subject = csec_decode_text(field);
	return true;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_record_subjects);

/*
 * csec.record_subjects(record bytea): the subjects of the record, one by one;
 * one null where it is about all of them.
 */
Datum
csec_record_subjects(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;
	SubjectsState *state;
	Datum		subject;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext old;

		call = SRF_FIRSTCALL_INIT();
		old = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		call->user_fctx = open_subjects(CSEC_GETARG_RECORD(0));
		MemoryContextSwitchTo(old);
	}
	call = SRF_PERCALL_SETUP();
	state = call->user_fctx;
	if (state->reader.form == CSEC_SUBJECTS_ALL && call->call_cntr == 0)
		SRF_RETURN_NEXT_NULL(call);
	if (next_subject(state, &subject))
		SRF_RETURN_NEXT(call, subject);
	SRF_RETURN_DONE(call);
}
