/*
 * date_value.c
 *		Fields that hold dates: their text, and what of it is a date again.
 *
 * A date that becomes a field is text, as its mask is no date.  What an
 * application does with a column of dates goes on: by the implicit cast to
 * date, which gives null for what its reader sees masked, and by operators
 * that look a date up as a text.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "policy/category.h"
#include "types/date_value.h"
#include "types/encrypted_value.h"
#include "types/masked_exit.h"
#include "types/masked_text.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_value_to_date);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_text_of_date);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_from_timestamp);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_from_timestamptz);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_from_timestamp);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_from_timestamptz);

#define DATE_LENGTH	10			/* of yyyy-mm-dd */

/*
 * Always yyyy-mm-dd: by way of its output a date would be stored as DateStyle
 * happens to be.
 */
void
csec_date_text(DateADT date, char *text)
{
	struct pg_tm tm = {0};

	if (DATE_NOT_FINITE(date))
		EncodeSpecialDate(date, text);
	else
	{
		j2date(date + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
		EncodeDateOnly(&tm, USE_ISO_DATES, text);
	}
}

static inline bool
digits(const char *p, const char *end, int n)
{
	if (end - p < n)
		return false;
	for (int i = 0; i < n; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return true;
}

/* Step over :nn, if it is there. */
static bool
skip_part(const char **p, const char *end)
{
	if (*p == end || **p != ':' || !digits(*p + 1, end, 2))
		return false;
	*p += 3;
	return true;
}

/* hh:mm, hh:mm:ss or hh:mm:ss.f; NULL: it is none. */
static const char *
skip_time(const char *p, const char *end)
{
	if (!digits(p, end, 2))
		return NULL;
	p += 2;
	if (!skip_part(&p, end))
		return NULL;
	if (skip_part(&p, end) && p < end && *p == '.')
		for (p++; digits(p, end, 1); p++)
			;
	return p;
}

/* Z, or an offset of hours, minutes and seconds, or nothing. */
static const char *
skip_zone(const char *p, const char *end)
{
	while (p < end && *p == ' ')
		p++;
	if (p == end)
		return p;
	if (*p == 'Z')
		return p + 1;
	if ((*p != '+' && *p != '-') || !digits(p + 1, end, 2))
		return NULL;
	p += 3;
	if (skip_part(&p, end))
		skip_part(&p, end);
	else if (digits(p, end, 2))
		p += 2;
	return p;
}

static inline bool
starts_with_date(const char *p, const char *end)
{
	return digits(p, end, 4) && end - p >= DATE_LENGTH && p[4] == '-' &&
		digits(p + 5, end, 2) && p[7] == '-' && digits(p + 8, end, 2);
}

size_t
csec_date_length(const CsecCategory *category, const char *text, size_t len)
{
	const char *end = text + len;
	const char *p = text + DATE_LENGTH;

	if (likely(category == NULL || category->mask != CSEC_MASK_BIRTH_DATE ||
			   len <= DATE_LENGTH))
		return len;
	if (!starts_with_date(text, end))
		return len;
	if (end - p > 2 && (*p == 'T' || *p == ' ') && digits(p + 1, end, 1))
		p = skip_time(p + 1, end);
	if (p != NULL)
		p = skip_zone(p, end);
	return p == end ? DATE_LENGTH : len;
}

/* Is it yyyy-mm-dd, and such a day? */
static bool
read_date(const char *text, size_t len, DateADT *date)
{
	int			year,
				month,
				day,
				y,
				m,
				d,
				julian;

	if (len != DATE_LENGTH || !starts_with_date(text, text + len))
		return false;
	year = pg_strtoint32(pnstrdup(text, 4));
	month = pg_strtoint32(pnstrdup(text + 5, 2));
	day = pg_strtoint32(pnstrdup(text + 8, 2));
	if (year == 0)
		return false;
	julian = date2j(year, month, day);
	j2date(julian, &y, &m, &d);
	*date = julian - POSTGRES_EPOCH_JDATE;
	return y == year && m == month && d == day;
}

/*
 * csec.to_date(csec.masked), and of csec.encrypted: the date, if the reader
 * sees it.  Null for a mask, of which there is no date: with an error the same
 * statement would serve one reader and fail another.
 */
Datum
csec_value_to_date(PG_FUNCTION_ARGS)
{
	CsecMasked	value;
	CsecShown	shown;
	DateADT		date = 0;
	bool		masked;
	bool		is_date;

	CSEC_GETARG_VALUE(0, &value);
	csec_masked_show(&value, true, &shown);
	/* every mask has a star, and no date has */
	masked = memchr(shown.text, '*', shown.len) != NULL;
	is_date = !masked && read_date(shown.text, shown.len, &date);
	csec_value_release(&value);
	if (masked)
		PG_RETURN_NULL();
	if (!is_date)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_DATETIME_FORMAT),
				 errmsg("the value of a field is no date"),
				 errhint("A field of dates holds them as yyyy-mm-dd. Use its text, field::text, or correct the value.")));
	PG_RETURN_DATEADT(date);
}

/* csec.date_text(date): as fields hold it. */
Datum
csec_text_of_date(PG_FUNCTION_ARGS)
{
	char		text[MAXDATELEN + 1];

	csec_date_text(PG_GETARG_DATEADT(0), text);
	PG_RETURN_TEXT_P(cstring_to_text(text));
}

/*
 * The text of a timestamp that is assigned to a field: in a field of dates the
 * day, as a column of dates would have it, in any other what text would have.
 */
static char *
assigned_text(Datum value, int32 typmod, PGFunction to_date, PGFunction out)
{
	const CsecCategory *category = typmod < 0 ? NULL :
		csec_category_lookup((uint32) typmod & ~CSEC_TYPMOD_PLAIN);
	char	   *text;

	if (category == NULL || category->mask != CSEC_MASK_BIRTH_DATE)
		return DatumGetCString(DirectFunctionCall1(out, value));
	text = palloc(MAXDATELEN + 1);
	csec_date_text(DatumGetDateADT(DirectFunctionCall1(to_date, value)), text);
	return text;
}

/* csec.masked(timestamp, int4, bool) */
Datum
csec_masked_from_timestamp(PG_FUNCTION_ARGS)
{
	char	   *text = assigned_text(PG_GETARG_DATUM(0), PG_GETARG_INT32(1), timestamp_date, timestamp_out);

	PG_RETURN_POINTER(csec_masked_input(PG_GETARG_INT32(1), text, strlen(text)));
}

/* csec.masked(timestamptz, int4, bool) */
Datum
csec_masked_from_timestamptz(PG_FUNCTION_ARGS)
{
	char	   *text = assigned_text(PG_GETARG_DATUM(0), PG_GETARG_INT32(1), timestamptz_date, timestamptz_out);

	PG_RETURN_POINTER(csec_masked_input(PG_GETARG_INT32(1), text, strlen(text)));
}

/* csec.encrypted(timestamp, int4, bool) */
Datum
csec_encrypted_from_timestamp(PG_FUNCTION_ARGS)
{
	char	   *text = assigned_text(PG_GETARG_DATUM(0), PG_GETARG_INT32(1), timestamp_date, timestamp_out);

	PG_RETURN_POINTER(csec_encrypted_input(PG_GETARG_INT32(1), text, strlen(text)));
}

/* csec.encrypted(timestamptz, int4, bool) */
Datum
csec_encrypted_from_timestamptz(PG_FUNCTION_ARGS)
{
	char	   *text = assigned_text(PG_GETARG_DATUM(0), PG_GETARG_INT32(1), timestamptz_date, timestamptz_out);

	PG_RETURN_POINTER(csec_encrypted_input(PG_GETARG_INT32(1), text, strlen(text)));
}
