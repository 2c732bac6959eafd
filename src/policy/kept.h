/*
 * kept.h
 *		What a session keeps of policy tables until they change.
 *
 * Read whole, into a memory context of its own.  Should reading fail, what
 * was kept before stays where it is, marked as not fresh.
 */
#ifndef CSEC_POLICY_KEPT_H
#define CSEC_POLICY_KEPT_H

#include "postgres.h"

typedef struct CsecKept
{
	const char *name;			/* of its memory context, for who looks at memory */
	void	   *(*read) (MemoryContext context);	/* context is the current one */
	bool		fresh;			/* nothing has changed since, as far as we were told */
	MemoryContext context;		/* of what is kept, or NULL */
} CsecKept;

/* Read it anew, in place of what was kept; gives what read() gave. */
extern void *csec_kept_read(CsecKept *kept);

/* The tables are gone: keep nothing. */
extern void csec_kept_forget(CsecKept *kept);

#endif							/* CSEC_POLICY_KEPT_H */
