/*-------------------------------------------------------------------------
 * check.h
 *		Is a text a well-formed value of its field?                     [FE]
 *
 * Pure C on libc headers: no allocation, no locale, no server state, no
 * errors raised.  Input is UTF-8.  Full-width digits and letters, and blanks
 * around a value, are accepted nowhere: a field that needs them normalised is
 * normalised before it is checked.
 *-------------------------------------------------------------------------
 */
#ifndef CSEC_POLICY_CHECK_H
#define CSEC_POLICY_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The checks.  Policy tables keep the names, never the numbers. */
typedef enum CsecCheckKind
{
	CSEC_CHECK_NONE = 0,		/* "none": everything is well */
	CSEC_CHECK_ID_CARD,			/* "id_card": resident identity number, GB
								 * 11643: 18 characters with mod 11-2 and a
								 * real date (final x or X), or the old 15
								 * digits */
	CSEC_CHECK_BANK_CARD,		/* "bank_card": 12..19 digits with Luhn's
								 * digit; single blanks or dashes between
								 * digits */
	CSEC_CHECK_PHONE,			/* "phone": a Chinese mobile or land line
								 * number, or + or 00 with an E.164 number;
								 * blanks, dashes, dots and brackets between */
	CSEC_CHECK_EMAIL,			/* "email": local@domain, unquoted, no star,
								 * ASCII domain with a dot */
	CSEC_CHECK_BIRTH_DATE,		/* "birth_date": yyyy-mm-dd or yyyymmdd, 1800
								 * or later, not after "today" */
	CSEC_CHECK_PERSON_NAME,		/* "person_name": some letter, no digit, no
								 * control character, at most 100 characters */
	CSEC_CHECK_CREDIT_CODE,		/* "credit_code": unified social credit
								 * identifier, GB 32100, mod 31, upper case */
	CSEC_CHECK_IBAN,			/* "iban": ISO 13616, mod 97, length by
								 * country, upper case; blanks between groups */
	CSEC_CHECK_VIN				/* "vin": ISO 3779, upper case; check digit
								 * where the law demands one (North America,
								 * China) */
} CsecCheckKind;

#define CSEC_CHECK_KINDS	10	/* kinds are 0 .. CSEC_CHECK_KINDS - 1 */

/* What is wrong, told without the value. */
typedef enum CsecCheckResult
{
	CSEC_CHECK_OK = 0,
	CSEC_CHECK_EMPTY,			/* no characters, or blanks only */
	CSEC_CHECK_LENGTH,			/* too short or too long */
	CSEC_CHECK_CHARACTER,		/* a character that cannot stand there */
	CSEC_CHECK_FORM,			/* the parts are not where they belong */
	CSEC_CHECK_REGION,			/* no such region or country */
	CSEC_CHECK_DATE,			/* no such day in the calendar */
	CSEC_CHECK_FUTURE,			/* a day after "today" */
	CSEC_CHECK_DIGIT,			/* the check digit does not agree */
	CSEC_CHECK_ENCODING,		/* not valid UTF-8 */
	CSEC_CHECK_UNKNOWN_KIND		/* no such check: nothing passes it */
} CsecCheckResult;

#define CSEC_CHECK_RESULTS	11

/*
 * csec_check
 *		Check the len bytes at "in".  Dates may lie in the future.
 */
extern CsecCheckResult csec_check(CsecCheckKind kind, const char *in,
								  size_t len);

/*
 * csec_check_on
 *		The same, with the day it is, as the number yyyymmdd (20261122), for
 *		the dates in birth_date and id_card.  0 stands for "not known".
 */
extern CsecCheckResult csec_check_on(CsecCheckKind kind, const char *in,
									 size_t len, int32_t today);

/*
 * csec_check_reason
 *		What is wrong, as a phrase to follow a colon: "check digit does not
 *		agree".  Never repeats the value.  Not NULL for any number.
 */
extern const char *csec_check_reason(CsecCheckResult result);

/* The check of that name, or false. */
extern bool csec_check_kind_from_name(const char *name, CsecCheckKind *kind);

/* The check's name, or NULL for a number that is no check. */
extern const char *csec_check_kind_name(CsecCheckKind kind);

#endif							/* CSEC_POLICY_CHECK_H */
