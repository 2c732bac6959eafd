/*
 * portable_text.c
 *		Texts as they are kept where databases of other encodings may meet them.
 *
 * An envelope goes from one database into another as it is, by a dump or by
 * replication, and nobody opens it on the way: were its text in the encoding
 * of the first, the second would take it for another text, or show bytes that
 * are none of its own.  So it is kept in UTF-8.  What UTF-8 has not (and in
 * SQL_ASCII what is no UTF-8) is kept as it is, behind a byte with PostgreSQL's
 * number of its encoding, and is a text only where that is the encoding.
 *
 * PostgreSQL's own way to convert would do, but for its errors: they show the
 * bytes that do not convert, and those are of the value.
 */
#include "util/portable_text.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "util/secure_memory.h"
#include "util/utf8.h"

/* NULL where a character has no equivalent. */
static char *
convert(const char *text, size_t len, int from, int to, size_t *converted_len)
{
	Oid			function = FindDefaultConversionProc(from, to);
	size_t		room = len * MAX_CONVERSION_GROWTH + 1;
	char	   *converted;

	if (!OidIsValid(function))
		return NULL;
	if (room > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the text is too long to be converted to another encoding")));
	converted = palloc(room);
	if (pg_do_encoding_conversion_buf(function, from, to,
									  (unsigned char *) unconstify(char *, text), (int) len,
									  (unsigned char *) converted, (int) room, true) == (int) len)
	{
		*converted_len = strlen(converted);
		return converted;
	}
	csec_secure_wipe(converted, room);
	pfree(converted);
	return NULL;
}

void
csec_portable_take(const char *text, size_t len, CsecPortable *out)
{
	int			encoding = GetDatabaseEncoding();

	out->text = text;
	out->len = len;
	out->bytes = false;
	out->own = NULL;
	if (likely(encoding == PG_UTF8) || csec_is_ascii(text, len))
		return;
	if (encoding != PG_SQL_ASCII)
		out->own = convert(text, len, encoding, PG_UTF8, &out->len);
	else if (pg_verify_mbstr(PG_UTF8, text, (int) len, true))
		return;
	if (out->own == NULL)
	{
		out->bytes = true;
		out->len = len + 1;
		out->own = palloc(out->len);
		out->own[0] = (char) encoding;
		memcpy(out->own + 1, text, len);
	}
	out->text = out->own;
}

void
csec_portable_release(CsecPortable *portable)
{
	if (portable->own == NULL)
		return;
	csec_secure_wipe(portable->own, portable->len);
	pfree(portable->own);
	portable->own = NULL;
}

char *
csec_portable_back(CsecPortable *portable, size_t *len)
{
	int			encoding = GetDatabaseEncoding();
	char	   *text = portable->own;

	*len = portable->len;
	if (portable->bytes)
	{
		if (*len > 0 && (encoding == PG_SQL_ASCII || (uint8) text[0] == encoding))
		{
			*len -= 1;
			memmove(text, text + 1, *len);
		}
		else
			text = NULL;
	}
	else if (encoding != PG_UTF8 && encoding != PG_SQL_ASCII && !csec_is_ascii(text, *len))
		text = convert(text, *len, PG_UTF8, encoding, len);
	if (text == portable->own)
		text[*len] = '\0';
	else
		csec_portable_release(portable);
	return text;
}

void
csec_refuse_encoding(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
			 errmsg("%s has characters that the encoding of this database, %s, does not have",
					what, GetDatabaseEncodingName()),
			 errhint("It is unchanged; a database with the encoding that it comes from can show it.")));
}
