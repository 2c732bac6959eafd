/*
 * masked_io.c
 *		Input and output of csec.masked, text and binary, and its typmod.
 *
 * The binary form is the text, as for text itself: drivers that know neither
 * the type nor its header read and write it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "types/encrypted_value.h"
#include "types/masked_exit.h"
#include "types/masked_text.h"
#include "util/secure_memory.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_in);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_out);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_recv);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_send);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_typmod_in);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_in);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_recv);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_typmod_in);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_typmod_out);

/*
 * Is this output function called by an expression, rather than to send or
 * print a row?  phone::int goes through it, and what it gives may be stored.
 */
static inline bool
called_by_expression(FunctionCallInfo fcinfo)
{
	return fcinfo->flinfo != NULL && fcinfo->flinfo->fn_expr != NULL;
}

/* csec.masked_in(cstring, oid, int4): see csec_masked_input(). */
Datum
csec_masked_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);

	if (unlikely(!csec_input_passes(fcinfo->context, PG_GETARG_INT32(2), text)))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(csec_masked_input(PG_GETARG_INT32(2), text, strlen(text)));
}

/* Not inline: the compiler would copy short texts its own way, which is slower. */
static pg_noinline Datum
as_cstring(const char *text, size_t len)
{
	char	   *result = palloc(len + 1);

	memcpy(result, text, len);
	result[len] = '\0';
	return CStringGetDatum(result);
}

static pg_noinline Datum
as_message(const char *text, size_t len)
{
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendtext(&buf, text, len);
	return PointerGetDatum(pq_endtypsend(&buf));
}

/* What the reader may see of a value, in one of these forms. */
static pg_noinline Datum
shown_as(FunctionCallInfo fcinfo, Datum (*form) (const char *text, size_t len))
{
	CsecMasked	value;
	CsecShown	shown;
	Datum		result;

	CSEC_GETARG_VALUE(0, &value);
	csec_masked_show(&value, called_by_expression(fcinfo), &shown);
	result = form(shown.text, shown.len);
	csec_value_release(&value);
	return result;
}

/* csec.masked_out(csec.masked), and of csec.encrypted: what the reader may see. */
Datum
csec_masked_out(PG_FUNCTION_ARGS)
{
	const char *text;
	size_t		len;

	if (likely(csec_masked_as_is(PG_GETARG_RAW_VARLENA_P(0), &text, &len)))
		return as_cstring(text, len);
	return shown_as(fcinfo, as_cstring);
}

/* csec.encrypted_in(cstring, oid, int4): see csec_encrypted_input(). */
Datum
csec_encrypted_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);

	if (unlikely(!csec_input_passes(fcinfo->context, PG_GETARG_INT32(2), text)))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(csec_encrypted_input(PG_GETARG_INT32(2), text, strlen(text)));
}

/* csec.masked_recv(internal, oid, int4) */
Datum
csec_masked_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			len;
	char	   *text = pq_getmsgtext(buf, buf->len - buf->cursor, &len);
	struct varlena *value = csec_masked_input(PG_GETARG_INT32(2), text, len);

	pfree(text);
	PG_RETURN_POINTER(value);
}

/* csec.encrypted_recv(internal, oid, int4) */
Datum
csec_encrypted_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			len;
	char	   *text = pq_getmsgtext(buf, buf->len - buf->cursor, &len);
	struct varlena *value = csec_encrypted_input(PG_GETARG_INT32(2), text, len);

	csec_secure_wipe(text, len);
	pfree(text);
	PG_RETURN_POINTER(value);
}

/* csec.masked_send(csec.masked), and of csec.encrypted: what the reader may see. */
Datum
csec_masked_send(PG_FUNCTION_ARGS)
{
	const char *text;
	size_t		len;

	if (likely(csec_masked_as_is(PG_GETARG_RAW_VARLENA_P(0), &text, &len)))
		return as_message(text, len);
	return shown_as(fcinfo, as_message);
}

/* A category by its number, as typmod_out prints one that has no name. */
static uint32
category_from_number(const char *text)
{
	unsigned long number;

	errno = 0;
	number = strtoul(text, NULL, 10);
	if (errno != 0 || number == 0 || number > PG_INT32_MAX ||
		(number & CSEC_TYPMOD_PLAIN))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not the number of a category", text),
				 errhint("Write the category's name.")));
	return (uint32) number;
}

static uint32
category_from_name(const char *name)
{
	if (name[0] != '\0' && strspn(name, "0123456789") == strlen(name))
		return category_from_number(name);
	if (name[0] == '\0' || strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("the name of a category has 1 to %d bytes", NAMEDATALEN - 1)));
	return csec_category_id(name);
}

/*
 * csec.masked_typmod_in(cstring[]): csec.masked(category [, plain]).
 *
 * The number comes from the name alone: a restored dump makes its tables
 * before the category has a row.  A category that never gets one redacts.
 */
Datum
csec_masked_typmod_in(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	Datum	   *items;
	int			n;
	uint32		typmod;

	deconstruct_array(array, CSTRINGOID, -2, false, TYPALIGN_CHAR, &items, NULL, &n);
	if (n < 1 || n > 2 ||
		(n == 2 && pg_strcasecmp(DatumGetCString(items[1]), "plain") != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid type modifier for csec.masked"),
				 errhint("Write csec.masked(category), or csec.masked(category, plain) for a field that sorts by its text.")));
	typmod = category_from_name(DatumGetCString(items[0]));
	PG_RETURN_INT32((int32) (n == 2 ? typmod | CSEC_TYPMOD_PLAIN : typmod));
}

/* csec.encrypted_typmod_in(cstring[]): csec.encrypted(category), likewise. */
Datum
csec_encrypted_typmod_in(PG_FUNCTION_ARGS)
{
	Datum	   *items;
	int			n;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), CSTRINGOID, -2, false, TYPALIGN_CHAR,
					  &items, NULL, &n);
	if (n != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid type modifier for csec.encrypted"),
				 errhint("Write csec.encrypted(category).")));
	PG_RETURN_INT32((int32) category_from_name(DatumGetCString(items[0])));
}

/* csec.masked_typmod_out(int4): the name where it is known, else the number. */
Datum
csec_masked_typmod_out(PG_FUNCTION_ARGS)
{
	int32		typmod = PG_GETARG_INT32(0);
	const CsecCategory *category;
	const char *plain = (typmod & CSEC_TYPMOD_PLAIN) ? ", plain" : "";

	if (typmod < 0)
		PG_RETURN_CSTRING(pstrdup(""));
	category = csec_category_lookup(typmod & ~CSEC_TYPMOD_PLAIN);
	if (category == NULL)
		PG_RETURN_CSTRING(psprintf("(%d%s)", typmod & ~CSEC_TYPMOD_PLAIN, plain));
	PG_RETURN_CSTRING(psprintf("(%s%s)", quote_identifier(NameStr(category->name)), plain));
}
