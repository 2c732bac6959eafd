/*
 * decode_keys.c
 *		Which keys the values are under that a record of changes keeps.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "audit/decode.h"
#include "types/envelope.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_record_values_under);

static int64
is_under(const CsecChangeSide *side, uint32 id, uint16 version)
{
	CsecEnvelope envelope;

	return side->envelope.header != NULL &&
		csec_envelope_parse_header(side->envelope.header, side->envelope.headerlen, &envelope) &&
		envelope.key_id == id && envelope.key_version == version;
}

/*
 * csec.record_values_under(record bytea, id int4, version int4) returns int8:
 * how many of its old and new values are under that key.
 */
Datum
csec_record_values_under(PG_FUNCTION_ARGS)
{
	bytea	   *record = CSEC_GETARG_RECORD(0);
	uint32		id = PG_GETARG_UINT32(1);
	uint16		version = (uint16) PG_GETARG_INT32(2);
	CsecHeader	header;
	CsecBody	body;
	CsecChangeReader reader;
	CsecChangeName *names;
	CsecChangeRow row;
	bool		malformed = false;
	int64		n = 0;

	csec_decode_record(record, &header, &body);
	if (body.field[CSEC_TAG_CHANGES].data == NULL)
		PG_RETURN_INT64(0);
	if (!csec_changes_open(body.field[CSEC_TAG_CHANGES], &reader))
		csec_malformed_record(record);
	names = palloc((reader.ncolumns + 1) * sizeof(CsecChangeName));
	csec_changes_names(&reader, names);
	while (csec_changes_next_row(&reader, &row, &malformed))
	{
		CHECK_FOR_INTERRUPTS();
		while (row.told > 0)
		{
			CsecChangeValue value;

			if (!csec_changes_next_value(&reader, names, &row, &value))
				csec_malformed_record(record);
			n += is_under(&value.before, id, version) + is_under(&value.after, id, version);
		}
	}
	if (malformed)
		csec_malformed_record(record);
	pfree(names);
	PG_RETURN_INT64(n);
}
