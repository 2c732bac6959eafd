/*
 * kept.c
 *		What a session keeps of policy tables until they change.
 */
#include "policy/kept.h"

#include "utils/memutils.h"

void *
csec_kept_read(CsecKept *kept)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "csec policy",
												  ALLOCSET_SMALL_SIZES);
	void	   *rows;

	MemoryContextSetIdentifier(context, kept->name);
	MemoryContextSwitchTo(context);
	kept->fresh = true;			/* a change that arrives meanwhile clears it */
	PG_TRY();
	{
		rows = kept->read(context);
	}
	PG_CATCH();
	{
		kept->fresh = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(context, TopMemoryContext);
	csec_kept_forget(kept);
	kept->context = context;
	return rows;
}

void
csec_kept_forget(CsecKept *kept)
{
	if (kept->context != NULL)
		MemoryContextDelete(kept->context);
	kept->context = NULL;
}
