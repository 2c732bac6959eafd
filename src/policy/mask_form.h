/*-------------------------------------------------------------------------
 * mask_form.h
 *		Forms that values and their masks have in common, and the pieces
 *		of the masks.                                                   [FE]
 *
 * Private to the files mask*.c.  mask.c asks the forms of values, and
 * mask_form.c of texts that may be masks: the two must agree, or a mask would
 * not be known again.
 *-------------------------------------------------------------------------
 */
#ifndef CSEC_POLICY_MASK_FORM_H
#define CSEC_POLICY_MASK_FORM_H

#include <string.h>

#include "policy/domain_name.h"
#include "util/utf8.h"

/* Longest e-mail domain, in bytes, and last address part, in characters. */
#define CSEC_MASK_MAX_DOMAIN	63
#define CSEC_MASK_MAX_PLACE		32

/* May a mask show this character?  Letters and digits, nothing else. */
static inline bool
csec_mask_shows(uint32_t cp)
{
	return csec_is_digit(cp) || csec_is_letter(cp);
}

/* A domain that a mask may show: see csec_domain_name(), and not too long. */
static inline bool
csec_mask_domain(const unsigned char *p, const unsigned char *end)
{
	return end - p <= CSEC_MASK_MAX_DOMAIN && csec_domain_name(p, end);
}

/* A country or city in Latin letters: its characters, or 0. */
extern int	csec_place_form(const unsigned char *p, const unsigned char *end);

/*
 * A date that begins with its year, 1800 .. 2199: yyyymmdd, or year, month
 * and day between equal "-", "/" or ".", or 1985年3月7日.  Whether the month
 * has that day is not asked.
 */
extern bool csec_date_form(const unsigned char *p, const unsigned char *end);

/*
 * The masks of names and addresses: write to "out", which has CSEC_MASK_MAX
 * bytes, and give the length, or give 0 for "redact".  p < end.
 */
extern size_t csec_mask_person_name(const unsigned char *p,
									const unsigned char *end, char *out);
extern size_t csec_mask_address(const unsigned char *p,
								const unsigned char *end, char *out);

/*
 * Tables of names of two Chinese characters of the basic plane, in order, at
 * least one.  The search goes on to its end without a branch to guess, for
 * every name is looked up.
 */
#define CSEC_PAIR(a, b)		((uint32_t) (a) << 16 | (uint32_t) (b))

static inline bool
csec_pair_listed(const uint32_t *table, int n, uint32_t a, uint32_t b)
{
	uint32_t	key = CSEC_PAIR(a, b);

	if (a > 0xFFFF || b > 0xFFFF)
		return false;
	while (n > 1)
	{
		int			half = n / 2;

		table += table[half] <= key ? half : 0;
		n -= half;
	}
	return *table == key;
}

#define CSEC_PAIR_LISTED(table, a, b) \
	csec_pair_listed(table, (int) (sizeof(table) / sizeof(table[0])), a, b)

/*
 * Append n bytes; gives the new end.  A letter and a Chinese character go
 * without a call of memcpy.
 */
static inline char *
csec_mask_put(char *o, const void *s, size_t n)
{
	if (n == 1)
		*o = *(const char *) s;
	else if (n == 3)
		memcpy(o, s, 3);
	else
		memcpy(o, s, n);
	return o + n;
}

#endif							/* CSEC_POLICY_MASK_FORM_H */
