/*
 * denied.c
 *		Policy says no: tell the floor above, which puts it on record.
 */
#include "policy/denied.h"

CsecDenied	csec_denied_hook = NULL;

void
csec_denied(const char *what, uint32 category)
{
	if (csec_denied_hook)
		csec_denied_hook(what, category);
}
