/*
 * session.c
 *		Which number each session has come to: what shows a repeat.
 *
 * A genuine message can be read out of the WAL and emitted again, MAC and
 * all.  Its session and number tell: within a session numbers only grow.
 *
 * A session is forgotten when its process is gone and it has been silent for
 * a whole round of the sealer's housekeeping.  From then on its records would
 * look like a new session's.  So the sealer keeps the newest position at
 * which a forgotten session was heard (forgotten_lsn): a session's first
 * record names the insert position at its writing, and one from before that
 * position is a repeat.  A number above one from a session nobody knows can
 * be genuine only where the session is older than the trail or than a gap in
 * it (sessions_since).
 */
#include "sealer/session.h"

#include "access/table.h"
#include "storage/procarray.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"

#include "sealer/rowset.h"

typedef struct SessionKey
{
	int64		started;
	int64		pid;			/* as wide as its neighbour: no padding to hash */
} SessionKey;

typedef struct Session
{
	SessionKey	key;
	uint64		number;
	XLogRecPtr	lsn;			/* of its last record */
	XLogRecPtr	silent_since;	/* lsn at the last housekeeping, if it was
								 * gone by then */
	bool		dirty;
	struct Session *next_dirty;
	ItemPointerData tid;
} Session;

enum
{
	SESSION_STARTED,
	SESSION_PID,
	SESSION_NUMBER,
	SESSION_LSN,
	SESSION_COLUMNS
};

static HTAB *sessions = NULL;
static Session *last_used = NULL;
static Session *dirty = NULL;

static void
make_table(void)
{
	HASHCTL		info = {
		.keysize = sizeof(SessionKey),
		.entrysize = sizeof(Session),
		.hcxt = TopMemoryContext
	};

	sessions = hash_create("csec sessions", 256, &info,
						   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static void
read_row(Datum *values, ItemPointer tid, void *arg)
{
	SessionKey	key = {
		DatumGetTimestampTz(values[SESSION_STARTED]),
		DatumGetInt64(values[SESSION_PID])
	};
	Session    *session = hash_search(sessions, &key, HASH_ENTER, NULL);

	session->number = (uint64) DatumGetInt64(values[SESSION_NUMBER]);
	session->lsn = DatumGetLSN(values[SESSION_LSN]);
	session->silent_since = InvalidXLogRecPtr;
	session->dirty = false;
	session->tid = *tid;
}

static void
delete_row(Datum *values, ItemPointer tid, void *arg)
{
	csec_row_delete((Relation) arg, tid);
}

/*
 * Read the sessions; where the trail was copied from another database (ours
 * is false) they are not this one's, and are removed.
 */
void
csec_sessions_load(bool ours)
{
	Relation	rel = csec_trail_table("sealer_session");

	make_table();
	csec_rows_scan(rel, ours ? read_row : delete_row, rel);
	table_close(rel, NoLock);
}

static void
make_dirty(Session *session)
{
	if (session->dirty)
		return;
	session->dirty = true;
	session->next_dirty = dirty;
	dirty = session;
}

static bool
may_be_new(const CsecBody *body, XLogRecPtr lsn, const CsecState *state,
		   const char **why)
{
	if (body->number == 1)
	{
		uint64		start = csec_field_u64(body->field[CSEC_TAG_START_LSN], 0);

		*why = "repeated";
		return start >= state->forgotten_lsn && start <= lsn;
	}
	*why = "unknown session";
	return body->session_start < state->sessions_since;
}

bool
csec_session_admit(const CsecBody *body, XLogRecPtr lsn,
				   const CsecState *state, const char **why)
{
	SessionKey	key = {body->session_start, body->session_pid};
	Session    *session = last_used;

	if (session == NULL || session->key.started != key.started ||
		session->key.pid != key.pid)
	{
		bool		found;

		session = hash_search(sessions, &key, HASH_FIND, NULL);
		if (session == NULL)
		{
			if (!may_be_new(body, lsn, state, why))
				return false;
			session = hash_search(sessions, &key, HASH_ENTER, &found);
			session->number = 0;
			session->dirty = false;
			ItemPointerSetInvalid(&session->tid);
		}
		last_used = session;
	}
	if (body->number <= session->number)
	{
		*why = "repeated";
		return false;
	}
	session->number = body->number;
	session->lsn = lsn;
	session->silent_since = InvalidXLogRecPtr;
	make_dirty(session);
	return true;
}

void
csec_sessions_store(void)
{
	Relation	rel;

	if (dirty == NULL)
		return;
	rel = csec_trail_table("sealer_session");
	for (; dirty != NULL; dirty = dirty->next_dirty)
	{
		Datum		values[SESSION_COLUMNS];

		values[SESSION_STARTED] = TimestampTzGetDatum(dirty->key.started);
		values[SESSION_PID] = Int64GetDatum(dirty->key.pid);
		values[SESSION_NUMBER] = Int64GetDatum((int64) dirty->number);
		values[SESSION_LSN] = LSNGetDatum(dirty->lsn);
		csec_row_put(rel, &dirty->tid, values);
		dirty->dirty = false;
	}
	table_close(rel, NoLock);
}

void
csec_sessions_forget(CsecState *state)
{
	Relation	rel = csec_trail_table("sealer_session");
	HASH_SEQ_STATUS status;
	Session    *session;

	csec_rows_scan(rel, NULL, NULL);	/* prunes: see rowset.c */
	hash_seq_init(&status, sessions);
	while ((session = hash_seq_search(&status)) != NULL)
	{
		if (session->dirty || BackendPidGetProc((int) session->key.pid) != NULL)
			continue;
		if (session->silent_since != session->lsn)
		{
			session->silent_since = session->lsn;
			continue;
		}
		if (session->lsn > state->forgotten_lsn)
			state->forgotten_lsn = session->lsn;
		csec_row_delete(rel, &session->tid);
		if (session == last_used)
			last_used = NULL;
		hash_search(sessions, &session->key, HASH_REMOVE, NULL);
	}
	table_close(rel, NoLock);
}
