/*
 * leader.c
 *		Ties the records of parallel workers to their leader's statement.
 *
 * A parallel worker is a process, so in the trail it is a session of its own.
 * Its records name the leader's session, statement and client, found in shared
 * memory by the leader's number as a process, so that views show one read.  Every
 * session publishes them as a statement begins, as only the workers may read
 * what is protected.  A leader waits for its workers: what it published stays
 * true while they run.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/proc.h"

#include "audit/emit.h"
#include "audit/identity.h"
#include "audit/leader.h"
#include "util/bytes.h"
#include "util/pgcompat.h"
#include "util/shared_memory.h"

/* Whole cache lines: every backend writes its own at each statement. */
typedef struct Leader
{
	int64		session_start;
	uint64		statement;
	uint32		pid;
	char		client[PG_CACHE_LINE_SIZE - 20];
} Leader;

static Leader *leaders = NULL;	/* MaxBackends of them */
static bool published = false;	/* what does not change in a session */

static const CsecSharedPart part = {
	.name = "csec leaders",
	.size = sizeof(Leader),
	.per_backend = true,
	.memory = (void **) &leaders,
};

void
csec_leader_init(void)
{
	csec_shared_memory(&part);
}

/* Say which statement this backend is at, for workers it may start. */
void
csec_leader_publish(uint64 statement)
{
	Leader	   *mine;

	if (MyProcNumber == INVALID_PROC_NUMBER || IsParallelWorker())
		return;
	mine = &leaders[MyProcNumber];
	mine->statement = statement;
	if (published)
		return;
	mine->session_start = csec_emit_session_start();
	mine->pid = (uint32) MyProcPid;
	csec_identity_client(mine->client, sizeof(mine->client));
	published = true;
}

/* The client that a worker works for. */
const char *
csec_leader_client(void)
{
	return leaders[ParallelLeaderProcNumber].client;
}

/* The number of the statement that is being run: the leader's, in a worker. */
uint64
csec_leader_statement(uint64 own)
{
	if (!IsParallelWorker())
		return own;
	return leaders[ParallelLeaderProcNumber].statement;
}

/* In a worker, add the leader's session to the record being built. */
void
csec_leader_append(void)
{
	const Leader *leader;
	uint8		bytes[12];

	if (!IsParallelWorker())
		return;
	leader = &leaders[ParallelLeaderProcNumber];
	csec_put_u64(bytes, (uint64) leader->session_start);
	csec_put_u32(bytes + 8, leader->pid);
	csec_record_bytes(CSEC_TAG_LEADER, bytes, sizeof(bytes));
}
