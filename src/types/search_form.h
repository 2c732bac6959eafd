/*
 * search_form.h
 *		The form of a text that its search tag is computed over.        [FE]
 */
#ifndef CSEC_TYPES_SEARCH_FORM_H
#define CSEC_TYPES_SEARCH_FORM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * csec_search_form
 *		Write the search form of a text into out, which has room for len bytes;
 *		gives its length.
 *
 * Blanks are left out, full-width letters, digits and signs become ASCII, and
 * ASCII letters capitals; so ３３０１０５１９８７０３０４３４７ｘ and 330105 19870304 347X
 * are found by each other.  All else stays, byte for byte: no locale, and no
 * Unicode table that changes with its version, decides what is equal.  utf8:
 * the text is UTF-8; else only ASCII is looked at.
 */
extern size_t csec_search_form(const char *text, size_t len, bool utf8, char *out);

#endif							/* CSEC_TYPES_SEARCH_FORM_H */
