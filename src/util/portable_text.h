/*
 * portable_text.h
 *		Texts as they are kept where databases of other encodings may meet them.
 */
#ifndef CSEC_UTIL_PORTABLE_TEXT_H
#define CSEC_UTIL_PORTABLE_TEXT_H

#include "postgres.h"

#include "util/pgcompat.h"

typedef struct CsecPortable
{
	const char *text;			/* UTF-8; or, with bytes, their encoding and they */
	size_t		len;
	bool		bytes;			/* the text has no equivalent in UTF-8 */
	char	   *own;			/* palloc'd, to be wiped; NULL: the caller's text serves */
} CsecPortable;

/* Of a text of this database; it must stay while the result is used. */
extern void csec_portable_take(const char *text, size_t len, CsecPortable *out);

/* Wipe what is not the caller's. */
extern void csec_portable_release(CsecPortable *portable);

/*
 * csec_portable_back
 *		The text in the encoding of this database, palloc'd with a zero behind it;
 *		NULL where that encoding has not all of its characters.
 *
 * What is portable must be palloc'd, with room for a zero, and is taken over.
 */
extern char *csec_portable_back(CsecPortable *portable, size_t *len);

/* The error where csec_portable_back() says NULL of what is described so. */
pg_noreturn extern void csec_refuse_encoding(const char *what);

#endif							/* CSEC_UTIL_PORTABLE_TEXT_H */
