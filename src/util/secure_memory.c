/*
 * secure_memory.c
 *		A few pages for keys: locked, left out of core dumps, wiped.
 *
 * Memory from here is never given back: it belongs to the postmaster and is
 * inherited by its children, which need it until they end.
 */
#include "postgres.h"

#include <sys/mman.h>
#include <unistd.h>

#include "utils/memutils.h"

#include "util/secure_memory.h"

/*
 * Zeroed pages of their own for size bytes; shared: what a process writes into
 * them, all see.  Where the kernel refuses to lock
 * them (RLIMIT_MEMLOCK) the keys can reach swap: said once, at start, in the
 * log, and no reason to keep a database from starting.
 */
void *
csec_secure_alloc(size_t size, bool shared)
{
	long		page = sysconf(_SC_PAGESIZE);
	size_t		length = TYPEALIGN(page, size);
	void	   *p = mmap(NULL, length, PROT_READ | PROT_WRITE,
						 (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		ereport(FATAL,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not map memory for csec's keys: %m")));
	if (mlock(p, length) != 0)
		ereport(LOG,
				(errmsg("could not lock the memory of csec's keys: %m"),
				 errhint("Raise the server's limit of locked memory (ulimit -l), or encrypt the swap space.")));
#ifdef MADV_DONTDUMP
	(void) madvise(p, length, MADV_DONTDUMP);
#endif
	return p;
}

/* Overwrite what the compiler might think nobody looks at again. */
void
csec_secure_wipe(void *p, size_t size)
{
	explicit_bzero(p, size);
}

typedef struct WipeAtEnd
{
	MemoryContextCallback callback;
	void	   *p;
	size_t		size;
	bool	   *waits;
} WipeAtEnd;

static void
wipe_at_end(void *arg)
{
	WipeAtEnd  *wipe = arg;

	csec_secure_wipe(wipe->p, wipe->size);
	*wipe->waits = false;
}

void
csec_secure_wipe_at_end(void *p, size_t size, bool *waits)
{
	WipeAtEnd  *wipe;

	if (likely(*waits))
		return;
	wipe = MemoryContextAllocZero(TopTransactionContext, sizeof(WipeAtEnd));
	wipe->callback.func = wipe_at_end;
	wipe->callback.arg = wipe;
	wipe->p = p;
	wipe->size = size;
	wipe->waits = waits;
	MemoryContextRegisterResetCallback(TopTransactionContext, &wipe->callback);
	*waits = true;
}
