/*
 * shared_memory.h
 *		Parts of shared memory: asked for at the server's start, filled once.
 */
#ifndef CSEC_SHARED_MEMORY_H
#define CSEC_SHARED_MEMORY_H

#include "storage/lwlock.h"

typedef struct CsecSharedPart
{
	const char *name;			/* of the part and of its lock */
	Size		size;
	bool		per_backend;	/* size is for each place of a backend: MaxBackends + 1 */
	bool		locked;			/* it needs a lock */
	void	  **memory;			/* where each process finds it */

	/*
	 * Fills memory that was just made and zeroed, at the server's start and
	 * again after a crash; lock: of a part that needs one.  May be NULL.
	 */
	void		(*fill) (LWLock *lock);
} CsecSharedPart;

/* From _PG_init.  part: lives as long as the server. */
extern void csec_shared_memory(const CsecSharedPart *part);

#endif
