/*
 * subject_key.c
 *		The subject of a row: an integer, or a text.
 *
 * One integer column is itself.  Any other key is the text of its column, as
 * the type prints it, numbers without zeros at the end of their decimals, so
 * that keys that are equal are one subject; of several columns the texts joined by commas, with a
 * backslash before each comma and backslash inside (csec.subject_key() in SQL
 * builds the same).  Where customers have keys of their own, records name such
 * a subject by its pseudonym, 32 hexadecimal digits; a number stays a number.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

#include "capture/subject_key.h"

static void
append_escaped(StringInfo out, const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
	{
		if (*p == ',' || *p == '\\')
			appendStringInfoChar(out, '\\');
		appendStringInfoChar(out, *p);
	}
}

/* The text of one column, palloc'd; csec.key_text() in SQL gives the same. */
static char *
column_text(Oid type, Datum value)
{
	Oid			output;
	bool		varlena;

	if (type == TEXTOID || type == VARCHAROID)
		return TextDatumGetCString(value);
	if (type == NUMERICOID)
		value = DirectFunctionCall1(numeric_trim_scale, value);
	getTypeOutputInfo(type, &output, &varlena);
	return OidOutputFunctionCall(output, value);
}

/* The subject of a row as it is; false, and nothing appended, where it is null. */
static bool
append_subject(const CsecTable *table, TupleTableSlot *slot,
			   const AttrNumber *attnos, StringInfo out)
{
	int			before = out->len;

	for (int i = 0; i < table->nsubject; i++)
	{
		bool		isnull;
		Datum		value = slot_getattr(slot, attnos[i], &isnull);
		char	   *text;

		if (isnull)
		{
			out->len = before;
			return false;
		}
		text = column_text(table->subject_type[i], value);
		if (table->nsubject == 1)
			appendStringInfoString(out, text);
		else
		{
			if (i > 0)
				appendStringInfoChar(out, ',');
			append_escaped(out, text);
		}
		pfree(text);
	}
	return true;
}

static bool
customer_of(const CsecTable *table, TupleTableSlot *slot, const AttrNumber *attnos,
			CsecCustomer *out)
{
	StringInfoData text;
	int64		key;
	bool		found;

	initStringInfo(&text);
	if (table->subject_is_integer)
	{
		found = csec_subject_integer(table, slot, attnos, &key);
		if (found)
			appendStringInfo(&text, INT64_FORMAT, key);
	}
	else
		found = append_subject(table, slot, attnos, &text);
	if (found)
		csec_customer_of(table->subject_table, text.data, text.len, out);
	pfree(text.data);
	return found;
}

bool
csec_row_customer(const CsecTable *table, TupleTableSlot *slot, CsecCustomer *out)
{
	return customer_of(table, slot, table->subject_attno, out);
}

/*
 * Append the subject of a row as text; false, and nothing appended, where a
 * column of the key is null.
 */
bool
csec_subject_text(const CsecTable *table, TupleTableSlot *slot,
				  const AttrNumber *attnos, StringInfo out)
{
	CsecCustomer customer;

	if (!table->subject_keys)
		return append_subject(table, slot, attnos, out);
	if (!customer_of(table, slot, attnos, &customer))
		return false;
	enlargeStringInfo(out, 2 * CSEC_PSEUDONYM);
	out->len += hex_encode((char *) customer.pseudonym, CSEC_PSEUDONYM, out->data + out->len);
	out->data[out->len] = '\0';
	return true;
}
