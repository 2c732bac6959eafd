/*
 * sealer.c
 *		The background worker that writes a database's trail.
 *
 * One per database that has csec and a trail, started by the launcher.  It
 * reads the WAL behind the last position it stored, keeps the records that
 * are this database's, and seals them in batches: each in one transaction
 * with the position to go on from.
 *
 * When it works: a backend that writes a record wakes it if it sleeps.  Then
 * it gathers for csec.seal_delay, so that a steady load comes in batches and
 * the cost of a transaction is shared, makes sure that what was written is
 * flushed, reads, and seals.  csec.flush_audit() makes it seal at once.
 *
 * Its own commits are asynchronous.  Nothing is lost by that: the slot moves
 * only when they are on disk, and until then the WAL would be read again.
 *
 * Errors: the process ends with status 1 and the launcher starts another,
 * which begins from what is stored.  No memory outlives an error, so there
 * is no half-changed state to mistrust.
 */
#include "sealer/sealer.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "replication/slot.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "audit/store.h"
#include "audit/stream.h"
#include "keys/key_use.h"
#include "keys/keyring.h"
#include "policy/used_token.h"
#include "sealer/anchor.h"
#include "sealer/batch.h"
#include "sealer/connection.h"
#include "sealer/cut.h"
#include "sealer/drain.h"
#include "sealer/epoch.h"
#include "sealer/intake.h"
#include "sealer/key_keeper.h"
#include "sealer/key_watch.h"
#include "sealer/note.h"
#include "sealer/outcome.h"
#include "sealer/presence.h"
#include "sealer/reading.h"
#include "sealer/resume.h"
#include "sealer/seal.h"
#include "sealer/session.h"
#include "sealer/slot.h"
#include "sealer/state.h"
#include "sealer/tree.h"
#include "sealer/wal_reader.h"
#include "sealer/worker.h"
#include "util/clock.h"
#include "util/guc.h"

/* How long the sealer sleeps when there is nothing to wait for. */
#define IDLE_MS			1000
/* ... when transactions are open whose end will wake nobody. */
#define OUTCOME_MS		250
/* ... when the server stops, until its sessions are gone. */
#define SESSIONS_MS		20
#define HOUSEKEEPING_MS	60000
/*
 * The position is stored, records or not, when so much WAL has passed, and
 * when a backup may begin that would not have what is older: its copy would
 * have to call a gap what was read here and found empty.
 */
#define POSITION_BYTES	(16 * 1024 * 1024)

static CsecStream *stream = NULL;
static CsecBatch *batch = NULL;
static CsecWalReader *reader = NULL;
static CsecState state;
static int64 batch_began = 0;	/* on csec_clock_ms(); 0: nothing is known to wait */
static int64 flushed_at = 0;	/* when the WAL was flushed last, since then */
static bool batch_flushed = false;	/* it was flushed to seal this batch */
static int64 cleaned_at = 0;
static bool position_due = false;	/* a copy of the database would miss WAL */
static bool extension_here = true;

/* The last stored position whose commit may not be on disk yet. */
static XLogRecPtr committed_lsn = InvalidXLogRecPtr;
static XLogRecPtr committed_position = InvalidXLogRecPtr;

void
csec_trail_creation_tag(LOCKTAG *tag)
{
	/* the last field keeps it apart from the locks that users take */
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, 0x63736563, 0, 3);
}

static bool
must_leave(void)
{
	bool		parked;

	if (ShutdownRequestPending)
		return true;
	LWLockAcquire(csec_streams->lock, LW_SHARED);
	parked = stream->parked > 0;
	LWLockRelease(csec_streams->lock);
	return parked;
}

static void
doze(long ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 ms, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	csec_worker_reload();
}

/* ---- sealing ---- */

/* Let the WAL go that would not be read again after a crash. */
static void
move_slot(void)
{
	if (XLogRecPtrIsInvalid(committed_lsn) ||
		GetFlushRecPtr(NULL) < committed_lsn)
		return;
	csec_slot_move(committed_position);
	committed_lsn = InvalidXLogRecPtr;
}

/* Everything that was read is sealed: tell those who wait. */
static void
publish(void)
{
	move_slot();
	if (pg_atomic_read_u64(&stream->sealed_lsn) >= reader->position)
		return;
	pg_atomic_write_u64(&stream->sealed_seq, state.seq);
	pg_atomic_write_u64(&stream->sealed_lsn, reader->position);
	ConditionVariableBroadcast(&stream->sealed);
}

static void
clear_error(void)
{
	if (stream->failed_at == 0)
		return;
	LWLockAcquire(csec_streams->lock, LW_EXCLUSIVE);
	stream->failed_at = 0;
	stream->last_error[0] = '\0';
	LWLockRelease(csec_streams->lock);
}

static void
seal_with(void (*also) (CsecBatch *batch, const CsecState *state, XLogRecPtr lsn))
{
	csec_worker_start_transaction();
	if (also != NULL)
		also(batch, &state, reader->position);
	csec_seal(batch, &state, reader, reader->position);
	position_due = false;
	extension_here = OidIsValid(get_extension_oid("csec", true));
	csec_worker_commit();
	csec_batch_reset(batch);
	batch_began = 0;
	batch_flushed = false;
	csec_provider_watch_sealed(stream);

	/* one commit is watched at a time: the next move comes with a later one */
	move_slot();
	if (XLogRecPtrIsInvalid(committed_lsn))
	{
		committed_lsn = XactLastCommitEnd;
		committed_position = state.resume_lsn;
	}
	publish();
	clear_error();
	pgstat_report_stat(false);
}

static void
seal(void)
{
	seal_with(NULL);
}

/* Months are to leave: in the transaction that seals the record of it. */
static void
cut_trail(void)
{
	if (extension_here && csec_cut_is_due())
		seal_with(csec_cut_carry_out);
}

/* Sessions have encrypted much, or it is time, or the sealer ends. */
static void
keep_keys(bool anyway)
{
	bool		due = csec_key_use_is_due();

	if (!extension_here || !(due || anyway))
		return;
	csec_worker_start_transaction();
	csec_keys_keep();
	csec_worker_commit();
	csec_keys_kept();
}

/* KEKs have changed, or could not be had: look again, and put it on record. */
static void
watch_keys(void)
{
	bool		keks = csec_keys_watch_due();

	if (!extension_here || !(keks || csec_provider_watch_due()))
		return;
	csec_worker_start_transaction();
	if (keks)
	{
		csec_note_keks(batch, reader->position);
		csec_keys_watch(batch, reader->position);
	}
	csec_provider_watch(batch, reader->position);
	csec_worker_commit();
}

/* It is time, or somebody asks, for a checkpoint over all that is sealed. */
static void
close_epoch(bool anyway)
{
	if (!extension_here || !(anyway || csec_epoch_is_over(stream)))
		return;
	if (csec_epoch_close(stream, &state, batch, reader->position))
		return;

	/* a new chain of keys begins: with a record */
	seal();
	(void) csec_epoch_close(stream, &state, batch, reader->position);
}

/* Now and then: forget sessions, ask about old transactions, see to next month. */
static void
keep_house(void)
{
	int64		now = csec_clock_ms();

	if (now - cleaned_at < HOUSEKEEPING_MS)
		return;
	cleaned_at = now;
	csec_worker_start_transaction();
	csec_outcomes_ask(batch, reader->position);
	csec_reads_ask(batch, reader->position);
	csec_sessions_forget(&state);
	csec_state_store(&state);
	extension_here = OidIsValid(get_extension_oid("csec", true));
	if (extension_here)
	{
		csec_store_look_ahead(GetCurrentTimestamp());
		csec_used_tokens_forget();
	}
	csec_worker_commit();
	keep_keys(true);
}

/* ---- life ---- */

/* False: another sealer is at work, whom a launcher that started anew forgot. */
static bool
take_place(void)
{
	bool		free;

	LWLockAcquire(csec_streams->lock, LW_EXCLUSIVE);
	free = stream->sealer_pid == 0;
	if (free)
	{
		stream->sealer_pid = MyProcPid;
		stream->sealer_latch = MyLatch;
	}
	LWLockRelease(csec_streams->lock);
	return free;
}

static void
leave_place(int code, Datum arg)
{
	pg_atomic_write_u32(&stream->sealer_idle, 0);
	LWLockAcquire(csec_streams->lock, LW_EXCLUSIVE);
	stream->sealer_pid = 0;
	stream->sealer_latch = NULL;
	LWLockRelease(csec_streams->lock);
	csec_stream_poke_launcher();
	ConditionVariableBroadcast(&stream->sealed);
}

/*
 * Is there a trail to seal, and so a sealer wanted?  It may be in the making by a transaction that has
 * not committed: then wait for it, but never so that nobody can end this
 * process or park it.  Where there is none, a slot that was made for it goes,
 * under the lock that whoever makes another one takes first.
 */
static bool
find_trail(void)
{
	LOCKTAG		tag;

	csec_trail_creation_tag(&tag);
	for (;;)
	{
		bool		settled;
		bool		found = false;

		csec_worker_start_transaction();
		settled = LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
		if (settled)
			found = OidIsValid(get_extension_oid("csec", true)) &&
				csec_state_load(&state);
		if (settled && !found)
			csec_slot_drop(MyDatabaseId);
		/* before the lock goes: who makes a trail then says that he wants a sealer */
		if (settled)
			stream->wanted = found;
		csec_worker_commit();
		if (settled)
			return found;
		if (must_leave())
			proc_exit(0);
		doze(100);
	}
}

static void
start(void)
{
	bool		slot_was_lost;
	bool		ours;

	/* who holds the slot is the only one to write the state */
	csec_slot_hold(&slot_was_lost);
	batch = csec_batch_create();
	csec_worker_start_transaction();
	if (!csec_state_load(&state))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the trail was dropped while its sealer started")));
	csec_reads_load();
	csec_connections_start();
	ours = csec_resume(&state, batch, slot_was_lost);
	csec_sessions_load(ours);
	csec_outcomes_load(ours);
	csec_keys_watch(batch, state.resume_lsn);
	csec_provider_watch_begin(stream, batch, state.resume_lsn);
	if (csec_tree_load(state.seq))
		csec_note_server(batch, state.resume_lsn, "tree mended", NULL);
	csec_used_tokens_forget();
	if (state.head_is_sound)
		csec_keyring_leave_mark();
	csec_worker_commit();
	csec_intake_begin();
	reader = csec_wal_open(state.resume_lsn);
	cleaned_at = csec_clock_ms();
	seal();
	close_epoch(false);
	/* who raises alerts may begin */
	csec_stream_poke_launcher();
}

/* Does csec.flush_audit() wait for what is at hand? */
static bool
is_awaited(void)
{
	return pg_atomic_read_u64(&stream->awaited_lsn) >
		pg_atomic_read_u64(&stream->sealed_lsn);
}

/* What is left, at now, of a delay in ms that began then; 0: it is over. */
static long
time_left(int64 began, int delay, int64 now)
{
	if (is_awaited())
		return 0;
	return Max(0, delay - (now - began));
}

static void
sleep_until_poked(void)
{
	/* the barrier pairs with csec_stream_emitted() */
	pg_atomic_write_u32(&stream->sealer_idle, 1);
	pg_memory_barrier();
	if (pg_atomic_read_u64(&stream->emitted_lsn) <= reader->position &&
		!must_leave())
		doze(!XLogRecPtrIsInvalid(committed_lsn) || csec_outcomes_pending() ?
			 OUTCOME_MS : IDLE_MS);
	pg_atomic_write_u32(&stream->sealer_idle, 0);
}

/* There is no more to read: wait for more, or seal what there is. */
static void
at_end_of_wal(void)
{
	XLogRecPtr	emitted = pg_atomic_read_u64(&stream->emitted_lsn);
	bool		waits = emitted > reader->position;

	if (waits || batch->count > 0)
	{
		int64		now = csec_clock_ms();
		long		to_flush;
		long		to_seal;

		if (batch_began == 0)
			batch_began = flushed_at = now;
		to_flush = waits ? time_left(flushed_at, csec_audit_flush_interval, now) : LONG_MAX;
		to_seal = time_left(batch_began, csec_seal_delay, now);

		/* before a seal, once: under load there is always more to flush */
		if (waits && (to_seal == 0 ? !batch_flushed : to_flush == 0))
		{
			XLogFlush(Min(emitted, csec_wal_insert_end()));
			flushed_at = now;
			batch_flushed = to_seal == 0;
			return;
		}
		if (to_seal > 0)
		{
			doze(Min(to_flush, to_seal));
			return;
		}
		if (batch->count > 0)
		{
			seal();
			return;
		}
	}
	batch_began = 0;
	batch_flushed = false;
	if (position_due || reader->position - state.resume_lsn >= POSITION_BYTES)
		seal();
	publish();
	sleep_until_poked();
}

/* Before it leaves: what was written until now, flushed or not. */
static void
read_the_rest(void)
{
	XLogRecPtr	emitted = pg_atomic_read_u64(&stream->emitted_lsn);

	if (emitted > reader->position)
		XLogFlush(Min(emitted, csec_wal_insert_end()));
	while (csec_intake(reader, batch, &state, &position_due))
		seal();
}

static void
work(void)
{
	while (extension_here)
	{
		bool		full = csec_intake(reader, batch, &state, &position_due);
		bool		leave = must_leave();

		if (full)
			seal();
		close_epoch(false);
		csec_anchor_tend(stream);
		if (leave)
		{
			if (!ShutdownRequestPending || !csec_sessions_are_ending())
				break;
			doze(SESSIONS_MS);
			continue;
		}
		if (full)
			continue;
		csec_connections_note(batch, reader->position, &stream->connections_seen);
		csec_presence_reloaded(batch, reader->position);
		csec_presence_beat(batch, &state, reader->position);
		watch_keys();
		cut_trail();
		at_end_of_wal();
		keep_keys(false);
		keep_house();
	}
	read_the_rest();
	keep_keys(true);
	csec_note_server(batch, reader->position,
					 extension_here ? "stop" : "extension gone", NULL);
	seal();
	if (ShutdownRequestPending)
		close_epoch(true);
	if (!extension_here)
	{
		/* nothing is recorded any more: do not hold the WAL */
		ReplicationSlotRelease();
		(void) find_trail();
	}
}

/* What stopped the sealer, for csec.trail_status. */
static void
note_error(void)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	ErrorData  *error = CopyErrorData();

	csec_stream_failed(stream, error->message);
	FreeErrorData(error);
	MemoryContextSwitchTo(old);
}

/* The place among the streams; none is taken for a database without csec. */
static bool
enter(void)
{
	bool		has_csec;

	csec_worker_start_transaction();
	has_csec = OidIsValid(get_extension_oid("csec", true));
	csec_worker_commit();
	stream = csec_stream_of(MyDatabaseId, has_csec);
	if (stream == NULL || !take_place())
		return false;
	before_shmem_exit(leave_place, 0);
	return !must_leave();
}

void
csec_sealer_main(Datum arg)
{
	csec_worker_begin();
	/* an auditor's LOCK TABLE stalls the sealer no longer than this */
	csec_worker_connect(DatumGetObjectId(arg), "2s");
	/* for itself alone: what sessions start with is put on record (presence.c) */
	SetConfigOption("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION);
	if (!enter())
		proc_exit(0);

	PG_TRY();
	{
		if (find_trail())
		{
			start();
			work();
		}
		else
		{
			csec_worker_start_transaction();
			csec_keys_watch(NULL, InvalidXLogRecPtr);
			csec_worker_commit();
		}
	}
	PG_CATCH();
	{
		note_error();
		PG_RE_THROW();
	}
	PG_END_TRY();
	proc_exit(0);
}
