/*
 * witness_sql.c
 *		SQL functions that check what others say of a checkpoint.
 *
 * Which keys and certificates are to be believed is csec.witness's matter.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audit/checkpoint_read.h"
#include "crypto/timestamp.h"
#include "util/pgcompat.h"
#include "util/row.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_signature_by);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_timestamp_by);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_certificates_problem);

/* Seconds since 1970 as a moment of the server's; false: it has none such. */
static bool
moment(int64 seconds, TimestampTz *at)
{
	if (seconds < 0 || seconds > INT64CONST(253402300799))
		return false;
	*at = seconds * USECS_PER_SEC - csec_checkpoint_time(0);
	return true;
}

/* Signature lines, alone or behind the text of a note, which must be ours. */
static bool
find_lines(const bytea *given, const CsecSignedNote *note,
		   const uint8 **lines, const uint8 **end)
{
	const uint8 *bytes = (const uint8 *) VARDATA_ANY(given);
	size_t		len = VARSIZE_ANY_EXHDR(given);
	CsecSignedNote whole;

	*lines = bytes;
	*end = bytes + len;
	if (!csec_note_split(bytes, len, &whole))
		return true;
	*lines = whole.signatures;
	return whole.text_len == note->text_len &&
		memcmp(whole.text, note->text, note->text_len) == 0;
}

/*
 * csec.signature_by(note bytea, lines bytea, key text, OUT line bytea,
 *		OUT at timestamptz): the line of that key that signs the note's text.
 */
Datum
csec_signature_by(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	bytea	   *given = PG_GETARG_BYTEA_PP(1);
	text	   *written = PG_GETARG_TEXT_PP(2);
	CsecSignedNote note;
	CsecVerifierKey key;
	const uint8 *p;
	const uint8 *end;
	Datum		values[2] = {0};
	bool		nulls[2] = {true, true};

	if (csec_note_split((uint8 *) VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), &note) &&
		csec_vkey_get(VARDATA_ANY(written), VARSIZE_ANY_EXHDR(written), &key) &&
		find_lines(given, &note, &p, &end))
		while (p < end && nulls[0])
		{
			const uint8 *start = p;
			CsecSignatureLine line;
			uint64_t	time;
			TimestampTz at;

			if (!csec_note_line(&p, end, &line))
				break;
			if (!csec_note_verify(note.text, note.text_len, &line, &key, &time))
				continue;
			nulls[0] = false;
			values[0] = PointerGetDatum(cstring_to_text_with_len((const char *) start, (int) (p - start)));
			nulls[1] = key.type != CSEC_SIGNED_COSIGNATURE || !moment((int64) time, &at);
			if (!nulls[1])
				values[1] = TimestampTzGetDatum(at);
		}
	return csec_row(fcinfo, values, nulls);
}

/*
 * csec.timestamp_by(note bytea, token bytea, certificates text)
 *		returns timestamptz: when an authority stamped the note; null: it did not.
 */
Datum
csec_timestamp_by(PG_FUNCTION_ARGS)
{
	bytea	   *note = PG_GETARG_BYTEA_PP(0);
	bytea	   *token = PG_GETARG_BYTEA_PP(1);
	text	   *certificates = PG_GETARG_TEXT_PP(2);
	int64		seconds;
	TimestampTz at;

	if (csec_timestamp_judge((uint8 *) VARDATA_ANY(token), VARSIZE_ANY_EXHDR(token),
							 VARDATA_ANY(note), VARSIZE_ANY_EXHDR(note),
							 VARDATA_ANY(certificates), VARSIZE_ANY_EXHDR(certificates),
							 &seconds) != CSEC_STAMP_GOOD ||
		!moment(seconds, &at))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(at);
}

/* csec.certificates_problem(certificates text) returns text; null: none. */
Datum
csec_certificates_problem(PG_FUNCTION_ARGS)
{
	text	   *certificates = PG_GETARG_TEXT_PP(0);

	if (csec_certificates_valid(VARDATA_ANY(certificates), VARSIZE_ANY_EXHDR(certificates)))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text("an authority for time stamps is given by its certificate, or its issuer's, in PEM"));
}
