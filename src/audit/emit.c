/*
 * emit.c
 *		Build one audit record and put it into the WAL.
 *
 * The WAL is the queue.  A record is a non-transactional logical message: it
 * works in a READ ONLY transaction, survives ROLLBACK, needs no xid and takes
 * no lock, and whatever commits after it cannot be durable without it.
 *
 * Records are also written from abort callbacks, where nothing may be
 * allocated and no error raised.  So the buffer, the MAC's context and the
 * place in shared memory are got beforehand, by csec_emit_prepare(), and a
 * record is built in the one static buffer; only a change with long values
 * makes it grow, and that never happens in an abort.
 *
 * The MAC binds the cluster, the database, the session and the number of the
 * record in it: who may call pg_logical_emit_message can neither make a
 * record up nor send a genuine one again.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "replication/slot.h"
#include "replication/syncrep.h"
#include "utils/guc.h"
#include "utils/memdebug.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "audit/emit.h"
#include "audit/stream.h"
#include "keys/keyring.h"
#include "policy/catalog.h"
#include "util/bytes.h"
#include "util/guc.h"
#include "util/pgcompat.h"

#define MAC_ROOM CSEC_RECORD_MAC_SIZE

static uint8 *buffer = NULL;
static size_t buffer_size = 0;	/* without the room for the MAC */
static size_t used = 0;
static size_t open_field = 0;	/* where its length will stand */

static CsecMac *mac = NULL;
static CsecStream *stream = NULL;
static XLogRecPtr unsealed_from = InvalidXLogRecPtr;
static TimestampTz session_start = 0;
static uint64 session_number = 0;
static bool warned_of_lag = false;

/*
 * The oldest LSN that the sealer may still need, for as long as no sealer has
 * told since the server's start: what its slot holds.
 */
static XLogRecPtr
slot_restart_lsn(void)
{
	char		name[NAMEDATALEN];
	ReplicationSlot *slot;

	snprintf(name, sizeof(name), "csec_%u", MyDatabaseId);
	slot = SearchNamedReplicationSlot(name, true);
	if (slot != NULL && !XLogRecPtrIsInvalid(slot->data.restart_lsn))
		return slot->data.restart_lsn;
	return GetXLogInsertRecPtr();
}

/*
 * Get everything that emitting needs, while errors may still be raised.
 * Cheap when it has been done.
 */
void
csec_emit_prepare(void)
{
	CsecStream *place;

	if (likely(stream != NULL))
		return;
	if (wal_level < WAL_LEVEL_REPLICA)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("csec cannot record: wal_level is \"minimal\""),
				 errhint("Set wal_level = replica (or logical) and restart the server.")));
	if (buffer == NULL)
	{
		buffer = MemoryContextAlloc(TopMemoryContext, CSEC_RECORD_ROOM + MAC_ROOM);
		buffer_size = CSEC_RECORD_ROOM;
	}
	mac = csec_keyring_trail_mac();
	(void) csec_emit_session_start();
	if (!RecoveryInProgress())
		unsealed_from = slot_restart_lsn();
	place = csec_stream_of(MyDatabaseId, true);
	csec_identity_init();
	stream = place;				/* what may fail is behind us: once in a session */
	/* where there is no trail, who makes one sees to its sealer */
	if (!stream->wanted && !(IsTransactionState() && !OidIsValid(csec_trail_namespace())))
	{
		stream->wanted = true;
		csec_stream_poke_launcher();
	}
}

/*
 * A trail is being made that begins there: what this session recorded before
 * waits for no sealer.
 */
void
csec_emit_trail_begins(XLogRecPtr lsn)
{
	csec_emit_prepare();
	unsealed_from = lsn;
}

/*
 * Refuse, or warn of, protected work while the sealer is too far behind, and
 * slow the sessions down that write records while it is half as far: the one
 * that floods waits first.
 */
void
csec_emit_check_lag(void)
{
	uint64		limit = (uint64) csec_max_unsealed * 1024 * 1024;
	XLogRecPtr	emitted = pg_atomic_read_u64(&stream->emitted_lsn);
	XLogRecPtr	sealed = pg_atomic_read_u64(&stream->sealed_lsn);

	if (sealed < unsealed_from)
		sealed = unsealed_from;
	if (likely(emitted <= sealed || emitted - sealed <= limit / 2))
	{
		warned_of_lag = false;
		return;
	}
	if (emitted - sealed <= limit)
	{
		pg_atomic_fetch_add_u64(&stream->slowed, 1);
		pgstat_report_wait_start(PG_WAIT_EXTENSION);
		pg_usleep(1000);
		pgstat_report_wait_end();
		return;
	}
	if (csec_unsealed_policy == CSEC_UNSEALED_WARN)
	{
		if (!warned_of_lag)
			ereport(WARNING,
					(errmsg("the audit trail is behind by more than csec.max_unsealed"),
					 errhint("See csec.trail_status.")));
		warned_of_lag = true;
		return;
	}
	csec_stream_poke_launcher();
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the audit trail is behind by more than csec.max_unsealed (%d MB)",
					csec_max_unsealed),
			 errhint("Protected tables are closed until the sealer has caught up: see csec.trail_status and the server's log.")));
}

/* The number that the record will have if it is emitted, and its time. */
static void
stamp(void)
{
	csec_put_u64(buffer + 16, session_number + 1);
	csec_put_u64(buffer + 24, (uint64) GetCurrentTimestamp());
}

/* Start a record; the one begun before, if it was not emitted, is forgotten. */
void
csec_record_begin(CsecRecordKind kind, uint16 flags, const CsecIdentity *identity)
{
	Assert(stream != NULL);
	buffer[0] = CSEC_FORMAT_VERSION;
	buffer[1] = (uint8) kind;
	csec_put_u16(buffer + 2, flags);
	csec_put_u64(buffer + 4, (uint64) session_start);
	csec_put_u32(buffer + 12, (uint32) MyProcPid);
	stamp();
	used = CSEC_BODY_FIXED_SIZE;
	memcpy(buffer + used, identity->fields, identity->len);
	used += identity->len;
	if (session_number == 0)
		csec_record_u64(CSEC_TAG_START_LSN, GetXLogInsertRecPtr());
}

/* Start a record with the fields of one that was built in this session before. */
void
csec_record_again(const uint8 *body, size_t len)
{
	memcpy(buffer, body, len);
	stamp();
	used = len;
}

/* The record as it stands: good until something is added, or another begun. */
const uint8 *
csec_record_built(size_t *len)
{
	*len = used;
	return buffer;
}

/* Flags that show only while the record is built. */
void
csec_record_add_flags(uint16 flags)
{
	csec_put_u16(buffer + 2, csec_get_u16(buffer + 2) | flags);
}

/*
 * Make sure that a record of this size can be built later, in an abort too.
 * May allocate, and refuses what no record can hold.
 */
void
csec_record_reserve(size_t size)
{
	if (size <= buffer_size)
		return;
	if (size > CSEC_BODY_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("an audit record would exceed %d bytes", CSEC_BODY_MAX),
				 errhint("Change fewer or shorter columns in one row.")));
	buffer = repalloc(buffer, size + MAC_ROOM);
	buffer_size = size;
}

/*
 * Fields are added in the order of their tags.  One that does not fit is cut:
 * callers reserve or chunk, so only a claimed text can meet that.
 */
void
csec_record_bytes(CsecTag tag, const void *data, size_t len)
{
	uint8		head[1 + CSEC_VARINT_MAX];
	size_t		headlen;

	if (used + sizeof(head) >= buffer_size)
		return;
	len = Min(len, buffer_size - used - sizeof(head));
	head[0] = (uint8) tag;
	headlen = 1 + csec_put_varint(head + 1, len);
	memcpy(buffer + used, head, headlen);
	memcpy(buffer + used + headlen, data, len);
	used += headlen + len;
}

/* A text, where there is one. */
void
csec_record_text(CsecTag tag, const char *text)
{
	if (text != NULL && text[0] != '\0')
		csec_record_bytes(tag, text, strlen(text));
}

void
csec_record_u8(CsecTag tag, uint8 value)
{
	csec_record_bytes(tag, &value, 1);
}

void
csec_record_u32(CsecTag tag, uint32 value)
{
	uint8		bytes[4];

	csec_put_u32(bytes, value);
	csec_record_bytes(tag, bytes, sizeof(bytes));
}

void
csec_record_u64(CsecTag tag, uint64 value)
{
	uint8		bytes[8];

	csec_put_u64(bytes, value);
	csec_record_bytes(tag, bytes, sizeof(bytes));
}

void
csec_record_varint(CsecTag tag, uint64 value)
{
	uint8		bytes[CSEC_VARINT_MAX];

	csec_record_bytes(tag, bytes, csec_put_varint(bytes, value));
}

/*
 * Start a field whose length is known only when it is full; gives where its
 * bytes go and how many may go there.
 */
uint8 *
csec_record_open_field(CsecTag tag, size_t *room)
{
	buffer[used++] = (uint8) tag;
	open_field = used;
	*room = buffer_size - used - CSEC_VARINT_MAX;
	return buffer + used + CSEC_VARINT_MAX;
}

/* End it: the length goes before the bytes, which close up to it. */
void
csec_record_close_field(size_t len)
{
	size_t		lenlen = csec_put_varint(buffer + open_field, len);

	memmove(buffer + open_field + lenlen,
			buffer + open_field + CSEC_VARINT_MAX, len);
	used = open_field + lenlen + len;
}

/* The MAC behind the body.  A zero MAC, where OpenSSL fails, is a rejected record, not a lost one. */
static void
append_mac(void)
{
	uint8		bound[12];
	uint8	   *out = buffer + used;

	csec_put_u64(bound, GetSystemIdentifier());
	csec_put_u32(bound + 8, MyDatabaseId);
	if (!csec_mac_begin(mac) ||
		!csec_mac_add(mac, bound, sizeof(bound)) ||
		!csec_mac_add(mac, buffer, used) ||
		!csec_mac_end(mac, out, CSEC_RECORD_MAC_SIZE))
		memset(out, 0, CSEC_RECORD_MAC_SIZE);
}

/*
 * Put the record into the WAL; gives its end.  During recovery
 * nothing can be written and InvalidXLogRecPtr comes back: reads on a standby
 * are refused or masked before they get here.  Raises no error of its own.
 */
XLogRecPtr
csec_record_emit(void)
{
	XLogRecPtr	transaction_end = XactLastRecEnd;
	XLogRecPtr	lsn;

	if (RecoveryInProgress())
		return InvalidXLogRecPtr;
	session_number++;
	append_mac();
	VALGRIND_CHECK_MEM_IS_DEFINED(buffer, used + CSEC_RECORD_MAC_SIZE);
	lsn = csec_log_message(CSEC_WAL_PREFIX, (char *) buffer, used + CSEC_RECORD_MAC_SIZE);
	csec_stream_emitted(stream, lsn);

	/*
	 * A transaction that wrote nothing else has nothing to flush at its end,
	 * and need not signal the walwriter; one that did writes a commit record
	 * behind this one.
	 */
	XactLastRecEnd = transaction_end;

	/*
	 * The sealer flushes what it waits for.  Where none runs, nobody else
	 * would make the walwriter look; telling it each time would cost a signal
	 * for every page of WAL.
	 */
	if (unlikely(stream->sealer_pid == 0))
		XLogSetAsyncXactLSN(lsn);
	return lsn;
}

static bool refused = false;

bool
csec_emit_refused(void)
{
	return refused;
}

void
csec_emit_refusal_over(void)
{
	refused = false;
}

/* Who cancels, or lets his time run out, is let go from the wait before. */
static bool
standby_lacks(XLogRecPtr lsn)
{
	bool		lacks;

	LWLockAcquire(SyncRepLock, LW_SHARED);
	lacks = csec_sync_standbys_defined() && WalSndCtl->lsn[SYNC_REP_WAIT_FLUSH] < lsn;
	LWLockRelease(SyncRepLock);
	return lacks;
}

/* The setting's value, and what the server takes from it when it is set. */
static void
set_synchronous_commit(int level)
{
	if (level == synchronous_commit)
		return;
	assign_synchronous_commit(level, NULL);
	synchronous_commit = level;
}

/*
 * Make a record durable, as far as the server's settings promise for a
 * commit.  A session cannot weaken that with SET synchronous_commit, nor by
 * not waiting: what is not on the standby is not done.
 */
void
csec_emit_flush(XLogRecPtr lsn)
{
	int			requested = synchronous_commit;

	if (XLogRecPtrIsInvalid(lsn))
		return;
	XLogFlush(lsn);
	if (SyncRepStandbyNames == NULL || SyncRepStandbyNames[0] == '\0')
		return;
	set_synchronous_commit(Max(requested, SYNCHRONOUS_COMMIT_REMOTE_FLUSH));
	HOLD_INTERRUPTS();
	SyncRepWaitForLSN(lsn, false);
	RESUME_INTERRUPTS();
	set_synchronous_commit(requested);
	refused = standby_lacks(lsn);
	if (refused)
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("canceling statement, as its record did not reach a synchronous standby"),
				 errhint("Try again when a standby of synchronous_standby_names is connected.")));
}

/* The start of the session as its records name it. */
int64
csec_emit_session_start(void)
{
	if (session_start == 0)
		session_start = GetCurrentTimestamp();
	return session_start;
}

/* This database's place in shared memory; after csec_emit_prepare(). */
CsecStream *
csec_emit_stream(void)
{
	return stream;
}
