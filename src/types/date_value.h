/*
 * date_value.h
 *		Fields that hold dates, as text in the form yyyy-mm-dd.
 */
#ifndef CSEC_TYPES_DATE_VALUE_H
#define CSEC_TYPES_DATE_VALUE_H

#include "utils/date.h"

#include "policy/category.h"

/* A date as yyyy-mm-dd; text has MAXDATELEN + 1 bytes. */
extern void csec_date_text(DateADT date, char *text);

/*
 * csec_date_length
 *		How much of a text is the date, where it is to be a value of this category.
 *
 * For a column of type date PostgreSQL takes a time and a time zone behind the
 * date and forgets them; drivers send them.  A field of dates must forget them
 * too: stored, they would make of one day many values.
 */
extern size_t csec_date_length(const CsecCategory *category, const char *text, size_t len);

#endif							/* CSEC_TYPES_DATE_VALUE_H */
