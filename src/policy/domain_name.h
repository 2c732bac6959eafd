/*-------------------------------------------------------------------------
 * domain_name.h
 *		Is this the domain of an e-mail address?                        [FE]
 *-------------------------------------------------------------------------
 */
#ifndef CSEC_POLICY_DOMAIN_NAME_H
#define CSEC_POLICY_DOMAIN_NAME_H

#include "util/utf8.h"

#define CSEC_DOMAIN_MAX_LABEL	63
#define CSEC_DOMAIN_MAX			253

/*
 * csec_domain_name
 *		A host name in ASCII: two labels or more of letters, digits and
 *		inner dashes, the last of which begins with a letter, so that an
 *		address of four numbers is none.  Any p and end with p <= end.
 */
static inline bool
csec_domain_name(const unsigned char *p, const unsigned char *end)
{
	const unsigned char *label = p; /* start of the current label */
	bool		dot = false;

	if (end - p > CSEC_DOMAIN_MAX)
		return false;
	for (; p < end; p++)
	{
		if (csec_is_ascii_letter(*p) || csec_is_digit(*p))
			continue;
		if (*p == '-' && p > label)
			continue;
		if (*p != '.' || p == label || p[-1] == '-' ||
			p - label > CSEC_DOMAIN_MAX_LABEL)
			return false;
		dot = true;
		label = p + 1;
	}
	return dot && p > label && p[-1] != '-' &&
		p - label <= CSEC_DOMAIN_MAX_LABEL && csec_is_ascii_letter(*label);
}

#endif							/* CSEC_POLICY_DOMAIN_NAME_H */
