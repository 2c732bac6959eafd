/*
 * open_change.c
 *		Opens the old and new values that a change record keeps encrypted.
 *
 * For readers who may do both: see the category in clear, as everywhere, and
 * open the trail (csec_trail_reader), which nobody who merely has a clearance
 * may, as the trail also has what was erased since.  Others get the mask.
 *
 * It is a read of the table's customers and on record as one, so that
 * csec.who_saw() finds it; the record is on disk before the values leave.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "audit/decode.h"
#include "audit/emit.h"
#include "capture/collector.h"
#include "keys/data_key.h"
#include "policy/decision.h"
#include "policy/denied.h"
#include "policy/reader.h"
#include "types/encrypted_value.h"
#include "types/envelope_key.h"
#include "util/bytes.h"
#include "util/secure_memory.h"

/* The statement that the record of a read tells. */
#define STATEMENT "OPEN CHANGE"

/* What was shown of each column: as in the record of a read, 0 not classified. */
typedef struct Opening
{
	CsecChangeOpener opener;
	uint8	   *shown;			/* by column; in current memory */
	uint64		ncolumns;
} Opening;

static bool
open_value(CsecChangeOpener *opener, uint64 column, const CsecChangeSide *side, Datum *text)
{
	Opening    *opening = (Opening *) opener;
	uint8		header[CSEC_TRAIL_HEADER_MAX];
	CsecEnvelope envelope;
	CsecDecision decision;
	char	   *opened;
	size_t		len;

	if (side->envelope.header == NULL)
		return false;
	csec_trail_envelope_whole(&side->envelope, header, &envelope);
	/* what is not classified is shown to all who may see the trail */
	if (envelope.category == CSEC_CATEGORY_NONE)
		return false;
	decision = csec_decide(envelope.category);
	/* What no key opens any more is told as csec.history() tells it. */
	if (decision == CSEC_REVEAL && !csec_envelope_key_is_known(&envelope))
		decision = CSEC_MASK;
	opening->shown[column] = Max(opening->shown[column], 1 + (uint8) decision);
	if (decision != CSEC_REVEAL)
		return false;
	opened = csec_encrypted_open(&envelope, &len);
	*text = csec_decode_text((CsecField) {.data = (uint8 *) opened,.len = (uint32) len});
	csec_secure_wipe(opened, len);
	pfree(opened);
	return true;
}

static void
check_trail_reader(void)
{
	if (csec_reader_has_role(CSEC_ROLE_TRAIL_READER))
		return;
	csec_denied("open change", CSEC_CATEGORY_NONE);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to open the changes in the trail"),
			 errdetail("Only members of csec_trail_reader may; being a superuser does not make one."),
			 errhint("csec.history() shows masks.")));
}

/* As many columns as the changes name; 0 where there are none. */
static uint64
count_columns(bytea *record)
{
	CsecHeader	header;
	CsecBody	body;
	CsecChangeReader reader;

	csec_decode_record(record, &header, &body);
	if (!csec_changes_open(body.field[CSEC_TAG_CHANGES], &reader))
		return 0;
	return reader.ncolumns;
}

/* The columns of the record of a read: those that were shown or masked. */
static size_t
put_columns(const Opening *opening, CsecField changes, uint8 **out)
{
	CsecChangeReader reader;
	CsecChangeName *names = palloc((opening->ncolumns + 1) * sizeof(CsecChangeName));
	uint8	   *p;

	*out = p = palloc(changes.len + opening->ncolumns + 1);
	if (!csec_changes_open(changes, &reader))
		return 0;
	csec_changes_names(&reader, names);
	for (uint64 i = 0; i < opening->ncolumns; i++)
	{
		if (opening->shown[i] == 0)
			continue;
		*p++ = opening->shown[i];
		p += csec_put_varint(p, names[i].name.len);
		memcpy(p, names[i].name.data, names[i].name.len);
		p += names[i].name.len;
	}
	return (size_t) (p - *out);
}

/* Put the read into the WAL, and wait until it is on disk. */
static void
record_read(const Opening *opening, const CsecBody *change)
{
	CsecIdentity *identity;
	CsecField	relation = change->field[CSEC_TAG_RELATION];
	CsecField	subjects = change->field[CSEC_TAG_SUBJECTS];
	uint8	   *columns;
	size_t		len = put_columns(opening, change->field[CSEC_TAG_CHANGES], &columns);
	XLogRecPtr	lsn;

	csec_emit_prepare();
	csec_record_reserve(CSEC_RECORD_OVERHEAD + len + subjects.len);
	identity = csec_identity_acquire();
	csec_record_begin(CSEC_KIND_READ, CSEC_BODY_STRICT, identity);
	csec_record_u32(CSEC_TAG_RELID, (uint32) csec_field_u64(change->field[CSEC_TAG_RELID], 0));
	csec_record_bytes(CSEC_TAG_RELATION, relation.data, relation.len);
	csec_record_text(CSEC_TAG_STATEMENT, STATEMENT);
	csec_record_varint(CSEC_TAG_STATEMENT_NO, csec_statement_number());
	csec_record_u8(CSEC_TAG_STATUS, CSEC_STATUS_OK);
	csec_record_u8(CSEC_TAG_EXACTNESS, CSEC_EXACT_DELIVERED);
	csec_record_varint(CSEC_TAG_ROWS, csec_field_varint(change->field[CSEC_TAG_ROWS], 0));
	csec_record_bytes(CSEC_TAG_COLUMNS, columns, len);
	csec_record_bytes(CSEC_TAG_SUBJECTS, subjects.data, subjects.len);
	lsn = csec_record_emit();
	csec_identity_release(identity);
	csec_emit_flush(lsn);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_open_record_changes);

/*
 * csec.open_record_changes(record bytea): as csec.record_changes(), with the
 * values in clear that this reader may see.
 */
Datum
csec_open_record_changes(PG_FUNCTION_ARGS)
{
	bytea	   *record = CSEC_GETARG_RECORD(0);
	Opening		opening = {.opener.open = open_value};
	CsecBody	body;

	check_trail_reader();
	opening.ncolumns = count_columns(record);
	opening.shown = palloc0(opening.ncolumns + 1);
	csec_decode_changes(fcinfo, record, &body, &opening.opener);
	record_read(&opening, &body);
	return (Datum) 0;
}
