/*-------------------------------------------------------------------------
 * mask.h
 *		How a value is shown to a reader who may see a mask only.       [FE]
 *
 * Pure C on libc headers: no allocation, no locale, no server state, no
 * errors.  The same source is compiled into the module, into the command-line
 * programs and into the unit tests.
 *
 * Input is UTF-8 and is counted in characters, not bytes.  In a database of
 * another encoding the caller passes CSEC_MASK_ALL; a text that is not valid
 * UTF-8 is redacted here in any case.
 *
 * Masks FAIL CLOSED: a value that is empty, too short to hide enough of, too
 * long (more than CSEC_MASK_MAX_INPUT bytes), or not of the form that its
 * kind expects becomes CSEC_MASK_REDACTED.  No mask shows more than half of a
 * value's characters, but for these, which are what the field is known by:
 * the domain of an e-mail address, seven of the eleven digits of a Chinese
 * mobile number, the country code of any number, a compound surname, the initials of
 * two-letter words in a Latin name, and the year of a birth date.
 *
 * docs/masks.md shows every kind with examples; the unit test runs them.
 *-------------------------------------------------------------------------
 */
#ifndef CSEC_POLICY_MASK_H
#define CSEC_POLICY_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The kinds.  Zero, what forgotten memory holds, is the strictest.  The
 * numbers may be kept in caches but not on disk: policy tables keep the names.
 */
typedef enum CsecMaskKind
{
	CSEC_MASK_ALL = 0,			/* ***                                    */
	CSEC_MASK_FREE_TEXT,		/* ***                                    */
	CSEC_MASK_PERSON_NAME,		/* 张** / 欧阳* / J*** S***               */
	CSEC_MASK_PHONE,			/* 138****1234 / +44 ****0958             */
	CSEC_MASK_EMAIL,			/* a***@example.com                       */
	CSEC_MASK_ADDRESS,			/* 广东省深圳市*** / ***, United Kingdom  */
	CSEC_MASK_ID_CARD,			/* 110*************2X                     */
	CSEC_MASK_BANK_CARD,		/* ************1234                       */
	CSEC_MASK_BIRTH_DATE,		/* 1985-**-**                             */
	CSEC_MASK_FIRST_LAST,		/* as its parameters say: A***Z           */
	CSEC_MASK_LAST4				/* ****1234                               */
} CsecMaskKind;

#define CSEC_MASK_KINDS			11	/* kinds are 0 .. CSEC_MASK_KINDS - 1 */

/* What is shown where nothing may be. */
#define CSEC_MASK_REDACTED		"***"
#define CSEC_MASK_REDACTED_LEN	3

/* Longer texts are redacted unread, so that the time of a mask is bounded. */
#define CSEC_MASK_MAX_INPUT		1024

/*
 * The bytes that a mask may need: the same for every input, so a buffer on
 * the stack does.  CSEC_MASK_BOUND(inlen) is there for callers that think in
 * input lengths.
 */
#define CSEC_MASK_MAX			96
#define CSEC_MASK_BOUND(inlen)	((size_t) CSEC_MASK_MAX)

/*
 * Parameters of CSEC_MASK_FIRST_LAST: characters kept at the left and at the
 * right, and how many stars stand between them, whatever the value's length.
 * The other kinds take none.
 */
typedef struct CsecMaskParams
{
	uint8_t		keep_left;		/* 0 .. CSEC_MASK_MAX_KEEP */
	uint8_t		keep_right;		/* 0 .. CSEC_MASK_MAX_KEEP */
	uint8_t		stars;			/* CSEC_MASK_MIN_STARS .. CSEC_MASK_MAX_STARS */
} CsecMaskParams;

#define CSEC_MASK_MAX_KEEP		6
#define CSEC_MASK_MIN_STARS		3
#define CSEC_MASK_MAX_STARS		16

/* What FIRST_LAST does when no parameters are given: A***Z. */
#define CSEC_MASK_DEFAULT_PARAMS	{1, 1, 3}

/*
 * csec_mask_apply
 *		Write the mask of the inlen bytes at "in" to "out".
 *
 * Gives the length of the mask, at most CSEC_MASK_MAX and at least 1; no NUL
 * is added.  outsize must be CSEC_MASK_MAX or more, else nothing is written
 * and the result is 0.  "in" and "out" must not overlap.  An unknown kind
 * redacts.
 */
extern size_t csec_mask_apply(CsecMaskKind kind, const char *in, size_t inlen,
							  char *out, size_t outsize);

/*
 * csec_mask_apply_params
 *		The same, with the parameters of FIRST_LAST.  NULL stands for
 *		CSEC_MASK_DEFAULT_PARAMS; parameters out of range redact.
 */
extern size_t csec_mask_apply_params(CsecMaskKind kind,
									 const CsecMaskParams *params,
									 const char *in, size_t inlen,
									 char *out, size_t outsize);

/* Are these parameters in range?  To be asked when a category is declared. */
extern bool csec_mask_params_valid(const CsecMaskParams *params);

/*
 * csec_mask_shaped
 *		Could this text be a mask made by any kind, with any parameters?
 *
 * Asked of input, so that a mask written back does not replace a value.  True
 * for every text that csec_mask_apply_params() can give, also with blanks put
 * around it.  mask_form.c says exactly what the shapes are and which ordinary
 * texts share them.
 */
extern bool csec_mask_shaped(const char *in, size_t len);

/*
 * csec_mask_shaped_as
 *		The same for one kind: fewer ordinary texts are taken for masks.
 *		A free text is then suspect only if it is "***".
 */
extern bool csec_mask_shaped_as(CsecMaskKind kind, const char *in, size_t len);

/* The kind of that name ("phone"), or false.  Names are stable. */
extern bool csec_mask_kind_from_name(const char *name, CsecMaskKind *kind);

/* The kind's name, or NULL for a number that is no kind. */
extern const char *csec_mask_kind_name(CsecMaskKind kind);

/* Does the mask of every value look the same? */
static inline bool
csec_mask_shows_nothing(CsecMaskKind kind)
{
	return kind == CSEC_MASK_ALL || kind == CSEC_MASK_FREE_TEXT;
}

#endif							/* CSEC_POLICY_MASK_H */
