/*
 * shared_memory.c
 *		Parts of shared memory: asked for at the server's start, filled once.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"

#include "util/shared_memory.h"

#define MAX_PARTS	16

static const CsecSharedPart *parts[MAX_PARTS];
static int	nparts = 0;
static shmem_request_hook_type prev_shmem_request = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

/* MaxBackends is known only when the hooks are called. */
static Size
size_of(const CsecSharedPart *part)
{
	return part->per_backend ? mul_size(MaxBackends + 1, part->size) : part->size;
}

static void
request(void)
{
	if (prev_shmem_request)
		prev_shmem_request();
	for (int i = 0; i < nparts; i++)
	{
		RequestAddinShmemSpace(MAXALIGN(size_of(parts[i])));
		if (parts[i]->locked)
			RequestNamedLWLockTranche(parts[i]->name, 1);
	}
}

static void
startup(void)
{
	if (prev_shmem_startup)
		prev_shmem_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	for (int i = 0; i < nparts; i++)
	{
		const CsecSharedPart *part = parts[i];
		bool		found;

		*part->memory = ShmemInitStruct(part->name, size_of(part), &found);
		if (found)
			continue;
		memset(*part->memory, 0, size_of(part));
		if (part->fill != NULL)
			part->fill(part->locked ? &GetNamedLWLockTranche(part->name)->lock : NULL);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
csec_shared_memory(const CsecSharedPart *part)
{
	if (nparts == MAX_PARTS)
		elog(ERROR, "too many parts of shared memory");
	if (nparts == 0)
	{
		prev_shmem_request = shmem_request_hook;
		shmem_request_hook = request;
		prev_shmem_startup = shmem_startup_hook;
		shmem_startup_hook = startup;
	}
	parts[nparts++] = part;
}
