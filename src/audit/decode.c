/*
 * decode.c
 *		What the functions that take records apart for SQL share.
 */
#include "audit/decode.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "util/bytes.h"
#include "util/pgcompat.h"

/* Where the header keeps the record's number. */
#define SEQ_OFFSET 4

/* Say which record is malformed, as far as its bytes tell. */
void
csec_malformed_record(bytea *record)
{
	uint64		seq = 0;

	if (VARSIZE_ANY_EXHDR(record) >= SEQ_OFFSET + 8)
		seq = csec_get_u64((uint8 *) VARDATA_ANY(record) + SEQ_OFFSET);
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("audit record " UINT64_FORMAT " is malformed", seq),
			 errhint("Run csec.verify_trail() to learn what else is wrong with the trail.")));
}

bool
csec_is_record(bytea *record, CsecHeader *header, CsecBody *body)
{
	const uint8 *bytes = (const uint8 *) VARDATA_ANY(record);
	size_t		len = VARSIZE_ANY_EXHDR(record);

	return csec_header_get(bytes, len, header) &&
		csec_body_get(bytes + CSEC_HEADER_SIZE, header->body_len, body) &&
		header->kind == body->kind && header->seq <= PG_INT64_MAX &&
		body->number <= PG_INT64_MAX &&
		IS_VALID_TIMESTAMP(header->sealed_at) &&
		IS_VALID_TIMESTAMP(body->at) &&
		IS_VALID_TIMESTAMP(body->session_start);
}

/*
 * Take a whole record apart; an error where it is not exactly in its one
 * form.  The fields of *body point into record, which must not be packed away
 * while they are in use.
 */
void
csec_decode_record(bytea *record, CsecHeader *header, CsecBody *body)
{
	if (!csec_is_record(record, header, body))
		csec_malformed_record(record);
}

/*
 * A text field as text.  The name of a role may be in another database's
 * encoding, and what does not fit this one's must not keep an auditor from
 * his record: such a field comes with its bytes escaped.
 */
Datum
csec_decode_text(CsecField field)
{
	const char *text = (const char *) field.data;
	char	   *escaped;
	char	   *p;

	if (pg_verifymbstr(text, (int) field.len, true))
		return PointerGetDatum(cstring_to_text_with_len(text, (int) field.len));

	p = escaped = palloc(4 * (Size) field.len + 1);
	for (uint32 i = 0; i < field.len; i++)
	{
		if (field.data[i] >= ' ' && field.data[i] < 0x7f)
			*p++ = (char) field.data[i];
		else
			p += pg_snprintf(p, 5, "\\x%02x", field.data[i]);
	}
	return PointerGetDatum(cstring_to_text_with_len(escaped, (int) (p - escaped)));
}
