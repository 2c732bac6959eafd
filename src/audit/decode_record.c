/*
 * decode_record.c
 *		The fields of an audit record, for SQL.
 */
#include "audit/decode.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"

#include "crypto/hash.h"
#include "policy/decision.h"
#include "util/bytea.h"
#include "util/bytes.h"
#include "util/crypto_failed.h"

/* As many bytes as a session has: its start and its process id. */
#define SESSION_SIZE 12

/* Of the digest that two pieces of one read have in common. */
#define READ_KEY_SIZE 16

/* The flags of reads that are told in several records. */
#define PIECE_FLAGS (CSEC_BODY_PARTIAL | CSEC_BODY_PARALLEL | \
					 CSEC_BODY_CONTINUED | CSEC_BODY_LEADER)

/* The columns of csec.record_fields(), in their order. */
enum
{
	SEQ, SEALED_AT, LSN, TIMELINE, KIND, OUTCOME,
	AT, SESSION, SESSION_STARTED, SESSION_PID, NUMBER,
	PERSON, LOGIN, SESSION_USER, READER, CURRENT_USER, APPLICATION, CLIENT, ACTOR, REASON, TICKET,
	XID, RELID, RELATION, STATEMENT, STATEMENT_NO, STATUS, EXACTNESS, ROWS,
	REVEALED, MASKED, REDACTED, OTHER, PROBED, SUBJECTS,
	OBJECT, ACTION, DETAIL, FROM_LSN, TO_LSN, TOLD, PAYLOAD,
	STRICT, PARTIAL, PARALLEL, READ_KEY, PERMIT,
	REPEATS, REPEATED_SINCE, REPEATED_UNTIL, REPEATS_WITHIN,
	NATTS
};

typedef struct Output
{
	Datum		value[NATTS];
	bool		isnull[NATTS];
} Output;

static void
set(Output *output, int column, Datum value)
{
	output->value[column] = value;
	output->isnull[column] = false;
}

static void
set_name(Output *output, int column, const char *name)
{
	set(output, column, CStringGetTextDatum(name));
}

/* A text field, or where the record has none what stands for it. */
static void
set_text(Output *output, int column, const CsecBody *body, CsecTag tag, int otherwise)
{
	if (body->field[tag].data != NULL)
		set(output, column, csec_decode_text(body->field[tag]));
	else if (otherwise >= 0 && !output->isnull[otherwise])
		set(output, column, output->value[otherwise]);
}

static void
set_lsn(Output *output, int column, CsecField field)
{
	if (field.data != NULL)
		set(output, column, LSNGetDatum(csec_field_u64(field, 0)));
}

/* Numbers above what bigint holds do not occur in what csec writes. */
static void
set_varint(Output *output, int column, CsecField field)
{
	if (field.data != NULL)
		set(output, column,
			Int64GetDatum((int64) Min(csec_field_varint(field, 0), (uint64) PG_INT64_MAX)));
}

/* The session that a record belongs to: of a parallel worker the leader's. */
static const uint8 *
session_of(bytea *record, const CsecBody *body)
{
	CsecField	leader = body->field[CSEC_TAG_LEADER];

	if ((leader.data != NULL) != ((body->flags & CSEC_BODY_PARALLEL) != 0) ||
		(leader.data != NULL && leader.len != SESSION_SIZE))
		csec_malformed_record(record);
	if (leader.data != NULL)
		return leader.data;
	/* start and process id stand behind each other from byte 4 of the body */
	return (uint8 *) VARDATA_ANY(record) + CSEC_HEADER_SIZE + 4;
}

static void
set_who(Output *output, const CsecBody *body)
{
	set_text(output, PERSON, body, CSEC_TAG_PERSON, -1);
	set_text(output, LOGIN, body, CSEC_TAG_LOGIN, -1);
	set_text(output, SESSION_USER, body, CSEC_TAG_SESSION_USER, LOGIN);
	set_text(output, READER, body, CSEC_TAG_READER, LOGIN);
	set_text(output, CURRENT_USER, body, CSEC_TAG_CURRENT_USER, READER);
	set_text(output, APPLICATION, body, CSEC_TAG_APPLICATION, -1);
	set_text(output, CLIENT, body, CSEC_TAG_CLIENT, -1);
	set_text(output, ACTOR, body, CSEC_TAG_ACTOR, -1);
	set_text(output, REASON, body, CSEC_TAG_REASON, -1);
	set_text(output, TICKET, body, CSEC_TAG_TICKET, -1);
}

/* The names of a field that carry this decision (0: none is told). */
static Datum
names_with(CsecField field, bool with_decision, uint8 decision)
{
	ArrayBuildState *names = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	CsecField	name;
	uint8		found = 0;

	while (csec_field_next_name(&field, with_decision ? &found : NULL, &name.data, &name.len))
		if (found == decision)
			names = accumArrayResult(names, csec_decode_text(name), false, TEXTOID,
									 CurrentMemoryContext);
	return makeArrayResult(names, CurrentMemoryContext);
}

static void
set_columns(Output *output, CsecField columns, CsecField probed)
{
	if (columns.data != NULL)
	{
		set(output, REVEALED, names_with(columns, true, 1 + CSEC_REVEAL));
		set(output, MASKED, names_with(columns, true, 1 + CSEC_MASK));
		set(output, REDACTED, names_with(columns, true, 1 + CSEC_REDACT));
		set(output, OTHER, names_with(columns, true, 0));
	}
	if (probed.data != NULL)
		set(output, PROBED, names_with(probed, false, 0));
}

/* How many subjects; null where they are all or the record has no such field. */
static void
set_subjects(Output *output, CsecField field)
{
	CsecSubjectsReader reader;
	int64		low;
	int64		high;
	uint64		count = 0;

	if (!csec_subjects_open(field, &reader) || reader.form == CSEC_SUBJECTS_ALL)
		return;
	if (reader.form == CSEC_SUBJECTS_TEXTS)
		count = reader.left;
	else
		while (csec_subjects_next_range(&reader, &low, &high))
		{
			uint64		extent = (uint64) high - (uint64) low;

			if (extent >= (uint64) PG_INT64_MAX - count)
				count = (uint64) PG_INT64_MAX - 1;
			else
				count += extent + 1;
		}
	set(output, SUBJECTS, Int64GetDatum((int64) Min(count, (uint64) PG_INT64_MAX)));
}

static void
add_to_digest(const void *data, uint32 len)
{
	uint8		head[4];

	csec_put_u32(head, len);
	if (!csec_sha256_add(head, sizeof(head)) || !csec_sha256_add(data, len))
		csec_crypto_failed("compute SHA-256");
}

/*
 * What the pieces of one read have in common: leader's session, statement,
 * table, command, columns, permit, and in whose name.
 */
static void
set_read_key(Output *output, bytea *record, const CsecBody *body)
{
	static const CsecTag tags[] = {
		CSEC_TAG_PERSON, CSEC_TAG_READER, CSEC_TAG_CURRENT_USER, CSEC_TAG_RELID,
		CSEC_TAG_STATEMENT, CSEC_TAG_STATEMENT_NO, CSEC_TAG_COLUMNS, CSEC_TAG_PERMIT
	};
	uint8		digest[CSEC_SHA256_SIZE];

	if (body->kind != CSEC_KIND_READ || (body->flags & PIECE_FLAGS) == 0)
		return;
	if (!csec_sha256_begin())
		csec_crypto_failed("compute SHA-256");
	add_to_digest(session_of(record, body), SESSION_SIZE);
	for (int i = 0; i < lengthof(tags); i++)
		add_to_digest(body->field[tags[i]].data, body->field[tags[i]].len);
	if (!csec_sha256_end(digest))
		csec_crypto_failed("compute SHA-256");
	set(output, READ_KEY, PointerGetDatum(csec_bytea(digest, READ_KEY_SIZE)));
}

/* A backend that knows that it rolled back says so whatever the WAL shows. */
static const char *
outcome_of(const CsecHeader *header, const CsecBody *body)
{
	if (body->flags & CSEC_BODY_ABORTED)
		return csec_outcome_name(CSEC_OUTCOME_ABORTED);
	return csec_outcome_name(header->outcome);
}

static void
set_header(Output *output, bytea *record, const CsecHeader *header, const CsecBody *body)
{
	set(output, SEQ, Int64GetDatum((int64) header->seq));
	set(output, SEALED_AT, TimestampTzGetDatum(header->sealed_at));
	set(output, LSN, LSNGetDatum(header->lsn));
	set(output, TIMELINE, Int64GetDatum((int64) header->timeline));
	set_name(output, KIND, csec_kind_name(header->kind));
	set_name(output, OUTCOME, outcome_of(header, body));
	set(output, AT, TimestampTzGetDatum(body->at));
	set(output, SESSION, PointerGetDatum(csec_bytea(session_of(record, body), SESSION_SIZE)));
	set(output, SESSION_STARTED, TimestampTzGetDatum(body->session_start));
	set(output, SESSION_PID, Int64GetDatum((int64) body->session_pid));
	set(output, NUMBER, Int64GetDatum((int64) body->number));
	set(output, STRICT, BoolGetDatum((body->flags & CSEC_BODY_STRICT) != 0));
	set(output, PARTIAL, BoolGetDatum((body->flags & CSEC_BODY_PARTIAL) != 0));
	set(output, PARALLEL, BoolGetDatum((body->flags & CSEC_BODY_PARALLEL) != 0));
}

static void
set_what(Output *output, const CsecBody *body)
{
	const CsecField *field = body->field;

	if (field[CSEC_TAG_XID].data != NULL)
		set(output, XID, Int64GetDatum((int64) csec_field_u64(field[CSEC_TAG_XID], 0)));
	if (field[CSEC_TAG_RELID].data != NULL)
		set(output, RELID, ObjectIdGetDatum((Oid) csec_field_u64(field[CSEC_TAG_RELID], 0)));
	set_text(output, RELATION, body, CSEC_TAG_RELATION, -1);
	set_text(output, STATEMENT, body, CSEC_TAG_STATEMENT, -1);
	set_varint(output, STATEMENT_NO, field[CSEC_TAG_STATEMENT_NO]);
	if (field[CSEC_TAG_STATUS].data != NULL)
		set_name(output, STATUS,
				 csec_field_u64(field[CSEC_TAG_STATUS], 0) == CSEC_STATUS_OK ? "ok" : "error");
	if (field[CSEC_TAG_EXACTNESS].data != NULL)
		set_name(output, EXACTNESS,
				 csec_exactness_name((int) csec_field_u64(field[CSEC_TAG_EXACTNESS], 0)));
	set_varint(output, ROWS, field[CSEC_TAG_ROWS]);
	set_varint(output, PERMIT, field[CSEC_TAG_PERMIT]);
	set_columns(output, field[CSEC_TAG_COLUMNS], field[CSEC_TAG_PROBED]);
	set_subjects(output, field[CSEC_TAG_SUBJECTS]);
}

/* Of how many reads the record tells, and for how long it may stand for others. */
static void
set_repeats(Output *output, bytea *record, const CsecBody *body)
{
	CsecField	repeats = body->field[CSEC_TAG_REPEATS];
	CsecField	within = body->field[CSEC_TAG_WITHIN];

	if (within.data != NULL && repeats.data == NULL)
	{
		Interval   *interval = palloc0(sizeof(Interval));

		interval->time = (int64) Min(csec_field_varint(within, 0), (uint64) PG_INT32_MAX) * 1000;
		set(output, REPEATS_WITHIN, IntervalPGetDatum(interval));
	}
	if (repeats.data == NULL)
		return;
	if (repeats.len <= 16)
		csec_malformed_record(record);
	repeats.len -= 16;
	set_varint(output, REPEATS, repeats);
	set(output, REPEATED_SINCE, TimestampTzGetDatum((int64) csec_get_u64(repeats.data + repeats.len)));
	set(output, REPEATED_UNTIL, TimestampTzGetDatum((int64) csec_get_u64(repeats.data + repeats.len + 8)));
}

static void
set_control(Output *output, const CsecBody *body)
{
	const CsecField *field = body->field;

	set_text(output, OBJECT, body, CSEC_TAG_OBJECT, -1);
	set_text(output, ACTION, body, CSEC_TAG_ACTION, -1);
	set_text(output, DETAIL, body, CSEC_TAG_DETAIL, -1);
	set_lsn(output, FROM_LSN, field[CSEC_TAG_FROM_LSN]);
	set_lsn(output, TO_LSN, field[CSEC_TAG_TO_LSN]);
	if (field[CSEC_TAG_OUTCOME].data != NULL)
		set_name(output, TOLD,
				 csec_outcome_name((int) csec_field_u64(field[CSEC_TAG_OUTCOME], 0)));
	if (field[CSEC_TAG_PAYLOAD].data != NULL)
		set(output, PAYLOAD, PointerGetDatum(csec_bytea(field[CSEC_TAG_PAYLOAD].data,
										 field[CSEC_TAG_PAYLOAD].len)));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_record_fields);

/*
 * csec.record_fields(record bytea): everything a record says but its subjects
 * and changed rows, as one row.  Malformed bytes are an error that names the
 * record.
 */
Datum
csec_record_fields(PG_FUNCTION_ARGS)
{
	bytea	   *record = CSEC_GETARG_RECORD(0);
	TupleDesc	tupdesc = fcinfo->flinfo->fn_extra;
	Output		output;
	CsecHeader	header;
	CsecBody	body;

	if (tupdesc == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE ||
			tupdesc->natts != NATTS)
			elog(ERROR, "csec.record_fields() is not declared as its library expects");
		tupdesc = BlessTupleDesc(CreateTupleDescCopy(tupdesc));
		fcinfo->flinfo->fn_extra = tupdesc;
		MemoryContextSwitchTo(old);
	}
	csec_decode_record(record, &header, &body);
	memset(output.isnull, true, sizeof(output.isnull));
	set_header(&output, record, &header, &body);
	set_who(&output, &body);
	set_what(&output, &body);
	set_repeats(&output, record, &body);
	set_control(&output, &body);
	set_read_key(&output, record, &body);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(tupdesc, output.value, output.isnull)));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_record_names);

/*
 * csec.record_names(record bytea, who text): does a record name somebody
 * other than as its login?  A sieve: cheaper than all its fields.
 */
Datum
csec_record_names(PG_FUNCTION_ARGS)
{
	static const CsecTag tags[] = {
		CSEC_TAG_PERSON, CSEC_TAG_SESSION_USER, CSEC_TAG_READER, CSEC_TAG_CURRENT_USER,
		CSEC_TAG_ACTOR
	};
	text	   *who = PG_GETARG_TEXT_PP(1);
	CsecHeader	header;
	CsecBody	body;

	csec_decode_record(CSEC_GETARG_RECORD(0), &header, &body);
	for (int i = 0; i < lengthof(tags); i++)
	{
		CsecField	field = body.field[tags[i]];

		if (field.data != NULL && field.len == VARSIZE_ANY_EXHDR(who) &&
			memcmp(field.data, VARDATA_ANY(who), field.len) == 0)
			PG_RETURN_BOOL(true);
	}
	PG_RETURN_BOOL(false);
}
