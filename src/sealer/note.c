/*
 * note.c
 *		The records that the sealer itself writes.
 *
 * They never were in the WAL, so they carry no MAC; their place in the chain
 * is theirs alone.  The sealer numbers them as a session of its own.  One of
 * them, the end of a read that was cut off, also names the session that read.
 */
#include "sealer/note.h"

#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "access/xlog.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "audit/cut.h"
#include "util/bytes.h"
#include "util/pgcompat.h"

/* Of a rejected message so much is kept. */
#define REJECTED_PAYLOAD 256

static uint64 number = 0;
static StringInfoData note;

static void
begin_at(CsecRecordKind kind, TimestampTz at)
{
	uint8		fixed[CSEC_BODY_FIXED_SIZE];

	fixed[0] = CSEC_FORMAT_VERSION;
	fixed[1] = (uint8) kind;
	csec_put_u16(fixed + 2, 0);
	csec_put_u64(fixed + 4, (uint64) MyStartTimestamp);
	csec_put_u32(fixed + 12, (uint32) MyProcPid);
	csec_put_u64(fixed + 16, ++number);
	csec_put_u64(fixed + 24, (uint64) at);
	initStringInfo(&note);
	appendBinaryStringInfo(&note, (char *) fixed, sizeof(fixed));
}

static void
begin(CsecRecordKind kind)
{
	begin_at(kind, GetCurrentTimestamp());
}

/* Fields come in the order of their tags. */
static void
add(CsecTag tag, const void *data, size_t len)
{
	uint8		head[1 + CSEC_VARINT_MAX];
	size_t		head_len;

	head[0] = (uint8) tag;
	head_len = 1 + csec_put_varint(head + 1, len);
	appendBinaryStringInfo(&note, (char *) head, head_len);
	appendBinaryStringInfo(&note, data, len);
}

static void
add_text(CsecTag tag, const char *text)
{
	if (text != NULL)
		add(tag, text, strlen(text));
}

/* A field of another record, where it has it. */
static void
add_field(CsecTag tag, CsecField field)
{
	if (field.data != NULL)
		add(tag, field.data, field.len);
}

static void
add_lsn(CsecTag tag, XLogRecPtr lsn)
{
	uint8		bytes[8];

	csec_put_u64(bytes, lsn);
	add(tag, bytes, sizeof(bytes));
}

static void
end(CsecBatch *batch, XLogRecPtr lsn)
{
	csec_batch_add(batch, (uint8) note.data[1], (uint8 *) note.data, note.len, lsn);
	pfree(note.data);
}

void
csec_note_genesis(CsecBatch *batch, XLogRecPtr lsn)
{
	StringInfoData detail;

	initStringInfo(&detail);
	appendStringInfo(&detail, "{\"system_id\": \"" UINT64_FORMAT "\", \"database_id\": %u, \"database\": ",
					 GetSystemIdentifier(), MyDatabaseId);
	escape_json(&detail, get_database_name(MyDatabaseId));
	appendStringInfoChar(&detail, '}');

	begin(CSEC_KIND_GENESIS);
	add_text(CSEC_TAG_DETAIL, detail.data);
	end(batch, lsn);
	pfree(detail.data);
}

void
csec_note_server(CsecBatch *batch, XLogRecPtr lsn, const char *action,
				 const char *detail)
{
	begin(CSEC_KIND_SERVER);
	add_text(CSEC_TAG_OBJECT, "sealer");
	add_text(CSEC_TAG_ACTION, action);
	add_text(CSEC_TAG_DETAIL, detail);
	end(batch, lsn);
}

void
csec_note_gap(CsecBatch *batch, XLogRecPtr lsn, const char *why,
			  XLogRecPtr from, XLogRecPtr to)
{
	begin(CSEC_KIND_GAP);
	add_text(CSEC_TAG_ACTION, why);
	add_lsn(CSEC_TAG_FROM_LSN, from);
	add_lsn(CSEC_TAG_TO_LSN, to);
	end(batch, lsn);
}

void
csec_note_outcome(CsecBatch *batch, XLogRecPtr lsn, TransactionId xid,
				  CsecOutcome outcome)
{
	uint8		bytes[4];
	uint8		code = (uint8) outcome;

	begin(CSEC_KIND_OUTCOME);
	csec_put_u32(bytes, xid);
	add(CSEC_TAG_XID, bytes, sizeof(bytes));
	add(CSEC_TAG_OUTCOME, &code, 1);
	end(batch, lsn);
}

/* The role is what a client asked for: it is no login before it was proved. */
void
csec_note_connection(CsecBatch *batch, XLogRecPtr lsn, TimestampTz at,
					 const char *action, const char *role, const char *detail)
{
	begin_at(CSEC_KIND_CONNECTION, at);
	add_text(CSEC_TAG_OBJECT, role);
	add_text(CSEC_TAG_ACTION, action);
	add_text(CSEC_TAG_DETAIL, detail);
	end(batch, lsn);
}

void
csec_note_rejected(CsecBatch *batch, XLogRecPtr lsn, const char *why,
				   const uint8 *message, size_t len)
{
	char		detail[64];

	begin(CSEC_KIND_REJECTED);
	add_text(CSEC_TAG_ACTION, why);
	snprintf(detail, sizeof(detail), "{\"bytes\": %zu}", len);
	add_text(CSEC_TAG_DETAIL, detail);
	add(CSEC_TAG_PAYLOAD, message, Min(len, REJECTED_PAYLOAD));
	end(batch, lsn);
}

void
csec_note_trail_cut(CsecBatch *batch, XLogRecPtr lsn, const char *detail,
					const uint8 *anchor, size_t len)
{
	begin(CSEC_KIND_CUT);
	add_text(CSEC_TAG_OBJECT, CSEC_CUT_OBJECT);
	add_text(CSEC_TAG_ACTION, CSEC_CUT_DONE);
	add_text(CSEC_TAG_DETAIL, detail);
	add(CSEC_TAG_PAYLOAD, anchor, len);
	end(batch, lsn);
}

/*
 * It belongs to the session that read, as a parallel worker's does, and goes
 * on with what that told; what the rest was nobody knows.
 */
bytea *
csec_note_cut_fields(const CsecBody *first)
{
	uint8		session[12];
	uint8		code;
	bytea	   *fields;
	uint16		flags = CSEC_BODY_PARTIAL | CSEC_BODY_PARALLEL | CSEC_BODY_CONTINUED |
	(first->flags & CSEC_BODY_STRICT);

	initStringInfo(&note);
	appendStringInfoSpaces(&note, VARHDRSZ + 2);
	csec_put_u16((uint8 *) note.data + VARHDRSZ, flags);
	for (CsecTag tag = CSEC_TAG_PERSON; tag <= CSEC_TAG_STATEMENT_NO; tag++)
		if (tag != CSEC_TAG_START_LSN)
			add_field(tag, first->field[tag]);
	code = CSEC_STATUS_ERROR;
	add(CSEC_TAG_STATUS, &code, 1);
	code = CSEC_EXACT_INTENT;
	add(CSEC_TAG_EXACTNESS, &code, 1);
	code = 0;
	add(CSEC_TAG_ROWS, &code, 1);
	add_field(CSEC_TAG_COLUMNS, first->field[CSEC_TAG_COLUMNS]);
	code = CSEC_SUBJECTS_ALL;
	add(CSEC_TAG_SUBJECTS, &code, 1);
	add_field(CSEC_TAG_PROBED, first->field[CSEC_TAG_PROBED]);
	csec_put_u64(session, (uint64) first->session_start);
	csec_put_u32(session + 8, first->session_pid);
	if (first->field[CSEC_TAG_LEADER].data != NULL)
		add_field(CSEC_TAG_LEADER, first->field[CSEC_TAG_LEADER]);
	else
		add(CSEC_TAG_LEADER, session, sizeof(session));
	fields = (bytea *) note.data;
	SET_VARSIZE(fields, note.len);
	return fields;
}

void
csec_note_cut(CsecBatch *batch, XLogRecPtr lsn, TimestampTz at, const bytea *fields)
{
	const uint8 *data = (const uint8 *) VARDATA_ANY(fields);
	size_t		len = VARSIZE_ANY_EXHDR(fields);

	begin(CSEC_KIND_READ);
	if (len < 2)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a row of csec_trail.sealer_reading is damaged")));
	memcpy(note.data + 2, data, 2);
	csec_put_u64((uint8 *) note.data + 24, (uint64) at);
	appendBinaryStringInfo(&note, (const char *) data + 2, (int) (len - 2));
	end(batch, lsn);
}
