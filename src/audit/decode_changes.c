/*
 * decode_changes.c
 *		The changed rows of an audit record, for SQL.
 */
#include "audit/decode.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "types/encrypted_value.h"
#include "types/envelope_key.h"
#include "types/masked_text.h"
#include "util/bytea.h"
#include "util/secure_memory.h"

enum
{
	ROW_NO,
	OP,
	SUBJECT,
	COLUMN_NAME,
	CLASSIFIED,
	OLD_VALUE,
	NEW_VALUE,
	OLD_DIGEST,
	NEW_DIGEST,
	OLD_LENGTH,
	NEW_LENGTH,
	REVEALED,					/* of csec.open_change() only */
	NATTS
};

typedef struct Output
{
	ReturnSetInfo *result;
	CsecChangeOpener *opener;	/* or NULL */
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
put(Output *output)
{
	tuplestore_putvalues(output->result->setResult, output->result->setDesc,
						 output->value, output->isnull);
}

/*
 * A value that is kept under a customer's key alone: while that lives it is
 * shown as any other is, masked where it is classified.  True: whole.
 */
static bool
show_sealed(const CsecChangeSide *side, Datum *text)
{
	uint8		header[CSEC_TRAIL_HEADER_MAX];
	CsecEnvelope envelope;
	CsecShown	shown;
	char	   *opened;

	if (side->envelope.header != NULL)
		csec_trail_envelope_whole(&side->envelope, header, &envelope);
	if (side->envelope.header == NULL || !csec_envelope_key_is_known(&envelope))
	{
		*text = CStringGetTextDatum(CSEC_MASK_REDACTED);
		return false;
	}
	opened = csec_encrypted_open(&envelope, &shown.len);
	shown.text = opened;
	if (envelope.category != CSEC_CATEGORY_NONE)
		csec_mask_text(csec_category_lookup(envelope.category), opened, envelope.len, &shown);
	*text = csec_decode_text((CsecField) {.data = (const uint8 *) shown.text,.len = (uint32) shown.len});
	csec_secure_wipe(opened, envelope.len);
	pfree(opened);
	return envelope.category == CSEC_CATEGORY_NONE;
}

static void
set_side(Output *output, uint64 column, const CsecChangeSide *side,
		 int value, int digest, int length)
{
	Datum		opened;

	if (output->opener != NULL && output->opener->open(output->opener, column, side, &opened))
		set(output, value, opened);
	else if (side->sealed)
	{
		if (!show_sealed(side, &opened))
			set(output, REVEALED, BoolGetDatum(false));
		set(output, value, opened);
	}
	else if (side->value.data != NULL)
	{
		set(output, value, csec_decode_text(side->value));
		if (side->masked)
			set(output, REVEALED, BoolGetDatum(false));
	}
	if (side->digest.data != NULL)
		set(output, digest, PointerGetDatum(csec_bytea(side->digest.data, side->digest.len)));
	if (side->too_long)
		set(output, length, Int64GetDatum((int64) side->length));
}

/* The columns of one row; false where they are malformed. */
static bool
put_row(Output *output, CsecChangeReader *reader, const CsecChangeName *names,
		CsecChangeRow *row, int64 row_no)
{
	bool		told = row->told > 0;

	memset(output->isnull, true, sizeof(output->isnull));
	set(output, ROW_NO, Int64GetDatum(row_no));
	set(output, OP, csec_decode_text((CsecField) {.data = (uint8_t *) &row->op,.len = 1}));
	if (row->subject.len > 0)
		set(output, SUBJECT, csec_decode_text(row->subject));
	if (!told)
		put(output);			/* a change all the same */
	while (row->told > 0)
	{
		CsecChangeValue value;

		if (!csec_changes_next_value(reader, names, row, &value))
			return false;
		memset(output->isnull + COLUMN_NAME, true, NATTS - COLUMN_NAME);
		set(output, COLUMN_NAME, csec_decode_text(names[value.column].name));
		set(output, CLASSIFIED, BoolGetDatum((names[value.column].form & CSEC_CHANGE_CLASSIFIED) != 0));
		set(output, REVEALED, BoolGetDatum(true));
		set_side(output, value.column, &value.before, OLD_VALUE, OLD_DIGEST, OLD_LENGTH);
		set_side(output, value.column, &value.after, NEW_VALUE, NEW_DIGEST, NEW_LENGTH);
		put(output);
	}
	return true;
}

/*
 * The result of a function: one row for each changed column of each changed
 * row of a record, and one without a column for a row of which none is told.
 * A record that changes nothing has no rows; malformed bytes are an error that
 * names the record.
 */
void
csec_decode_changes(FunctionCallInfo fcinfo, bytea *record, CsecBody *body,
					CsecChangeOpener *opener)
{
	Output		output = {.opener = opener};
	CsecHeader	header;
	CsecChangeReader reader;
	CsecChangeRow row;
	CsecChangeName *names;
	bool		malformed;
	int64		row_no = 0;

	InitMaterializedSRF(fcinfo, 0);
	output.result = (ReturnSetInfo *) fcinfo->resultinfo;
	csec_decode_record(record, &header, body);
	if (body->field[CSEC_TAG_CHANGES].data == NULL)
		return;
	if (!csec_changes_open(body->field[CSEC_TAG_CHANGES], &reader))
		csec_malformed_record(record);
	names = palloc((reader.ncolumns + 1) * sizeof(CsecChangeName));
	csec_changes_names(&reader, names);
	while (csec_changes_next_row(&reader, &row, &malformed))
	{
		CHECK_FOR_INTERRUPTS();
		if (!put_row(&output, &reader, names, &row, ++row_no))
			csec_malformed_record(record);
	}
	if (malformed)
		csec_malformed_record(record);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_record_changes);

/* csec.record_changes(record bytea): its changed rows, classified values masked. */
Datum
csec_record_changes(PG_FUNCTION_ARGS)
{
	CsecBody	body;

	csec_decode_changes(fcinfo, CSEC_GETARG_RECORD(0), &body, NULL);
	return (Datum) 0;
}
