/*
 * cut_measure.c
 *		Makes the anchor of a cut, while what is to leave is still there.
 *
 * Everything in it follows from the records but three texts: who asked, who
 * approved, why.  It is made in the session of the person who approves, not by
 * the sealer: the records of months are read for it.  A MAC lets the sealer
 * know that nobody changed it afterwards.
 *
 * Sessions: of those with records on both sides of the cut the number of the
 * last one that leaves is kept, so that one left out behind the cut would
 * still show.  Which they are is seen by reading on behind the cut, until a
 * session speaks that began after a later start of the server: then no earlier
 * one is left.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "audit/chain.h"
#include "audit/checkpoint_read.h"
#include "audit/cut_read.h"
#include "audit/log_scan.h"
#include "audit/trail.h"
#include "audit/tree_read.h"
#include "audit/whole_record.h"
#include "crypto/hash.h"
#include "keys/keyring.h"
#include "util/bytes.h"
#include "util/crypto_failed.h"
#include "util/pgcompat.h"
#include "util/row.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_measure_cut);

typedef struct SessionKey
{
	int64		started;
	int64		pid;			/* as wide as its neighbour: no padding to hash */
} SessionKey;

typedef struct Session
{
	SessionKey	key;
	uint64		number;			/* of its last record that leaves */
	uint64		seq;			/* ... and that record's; 0: a gap came after it */
	bool		goes_on;
} Session;

typedef struct Measure
{
	CsecCut		cut;
	Snapshot	snapshot;
	MemoryContext context;
	MemoryContext row;
	CsecBases  *bases;
	HTAB	   *sessions;
	long		going_on;
	uint64		gap_seq;		/* of the last gap record that leaves */
	uint8		hash[CSEC_HASH_SIZE];
	uint8		before[CSEC_HASH_SIZE];
	uint8	   *keys;
	CsecBody	body;			/* of the record looked at */
	CsecHeader	header;
} Measure;

/* ---- what leaves ---- */

static void
add_key(Measure *m, const uint8 *key)
{
	MemoryContext old = MemoryContextSwitchTo(m->context);
	size_t		size = (size_t) (m->cut.keys + 1) * CSEC_ED25519_PUBLIC;

	m->keys = m->keys == NULL ? palloc(size) : repalloc(m->keys, size);
	memcpy(m->keys + size - CSEC_ED25519_PUBLIC, key, CSEC_ED25519_PUBLIC);
	m->cut.keys++;
	MemoryContextSwitchTo(old);
}

static Session *
session_of(Measure *m, int64 started, uint32 pid, HASHACTION action)
{
	SessionKey	key = {started, pid};
	bool		found;
	Session    *session = hash_search(m->sessions, &key, action, &found);

	if (action == HASH_ENTER && !found)
		session->goes_on = false;
	return session;
}

static void
damaged(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("an audit record is damaged"),
			 errhint("csec.verify_trail() names what is wrong.")));
}

/* Takes the record of a row apart, in memory that ends with it. */
static void
open_row(Measure *m, TupleTableSlot *slot)
{
	MemoryContext old;
	bool		isnull;
	Datum		value;
	bytea	   *record;
	const uint8 *data;

	MemoryContextReset(m->row);
	old = MemoryContextSwitchTo(m->row);
	value = slot_getattr(slot, CSEC_LOG_RECORD, &isnull);
	if (isnull)
		damaged();
	record = csec_bases_whole(m->bases, DatumGetByteaPP(value));
	if (record == NULL)
		damaged();
	data = (const uint8 *) VARDATA_ANY(record);
	if (!csec_header_get(data, VARSIZE_ANY_EXHDR(record), &m->header) ||
		!csec_body_get(data + CSEC_HEADER_SIZE, m->header.body_len, &m->body))
		damaged();
	MemoryContextSwitchTo(old);
}

static void
take_leaving(Measure *m, TupleTableSlot *slot)
{
	uint8		key[CSEC_ED25519_PUBLIC];
	Session    *session;

	open_row(m, slot);
	if (m->header.seq == m->cut.first)
		m->cut.first_at = m->header.sealed_at;
	session = session_of(m, m->body.session_start, m->body.session_pid, HASH_ENTER);
	session->number = m->body.number;
	session->seq = m->header.seq;
	if (m->body.kind == CSEC_KIND_GAP)
		m->gap_seq = m->header.seq;
	if (m->body.kind == CSEC_KIND_GAP || m->body.kind == CSEC_KIND_GENESIS)
		m->cut.gaps_until = Max(m->cut.gaps_until, m->header.sealed_at);
	if (csec_body_names_key(&m->body, key))
		add_key(m, key);
	if (m->header.seq == m->cut.last)
	{
		m->cut.last_at = m->header.sealed_at;
		if (!csec_log_scan_hash((int64) m->cut.last, m->snapshot, m->hash))
			damaged();
	}
}

static void
read_leaving(Measure *m)
{
	CsecLogScan *scan = csec_log_scan_begin((int64) m->cut.first, (int64) m->cut.last, m->snapshot);
	TupleTableSlot *slot;
	uint64		expected = m->cut.first;

	while ((slot = csec_log_scan_next(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		take_leaving(m, slot);
		if (m->header.seq != expected++)
			break;
	}
	csec_log_scan_end(scan);
	if (expected != m->cut.last + 1 || m->header.seq != m->cut.last)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the records that are to leave are not all there"),
				 errhint("csec.verify_trail() names what is wrong.")));
}

/* What the cut before kept, as if its records were still there. */
static void
take_cut_before(Measure *m)
{
	CsecCut		before;
	CsecField	bytes;
	int64		seq;

	m->cut.first = 1;
	m->cut.gaps_until = PG_INT64_MIN;
	if (!csec_cut_read_last(m->snapshot, &before, &bytes, &seq))
		return;
	m->cut.first = before.last + 1;
	m->cut.gaps_until = before.gaps_until;
	for (uint32 i = 0; i < before.sessions; i++)
	{
		int64		started;
		uint32		pid;
		uint64		number;
		bool		before_gap;
		Session    *session;

		csec_cut_session(&before, i, &started, &pid, &number, &before_gap);
		session = session_of(m, started, pid, HASH_ENTER);
		session->number = number;
		session->seq = before_gap ? 0 : before.last;
	}
	for (int i = 0; i < before.keys; i++)
		add_key(m, before.key + i * CSEC_ED25519_PUBLIC);
	if (!csec_sha256(bytes.data, bytes.len, m->before))
		csec_crypto_failed("compute a hash");
}

/* ---- what remains ---- */

static void
mark(Measure *m, int64 started, uint32 pid)
{
	Session    *session = session_of(m, started, pid, HASH_FIND);

	if (session == NULL || session->goes_on)
		return;
	session->goes_on = true;
	m->going_on++;
}

/* Only a backend's own record says that its session began after a restart. */
static bool
is_backends(const CsecBody *body)
{
	return body->kind == CSEC_KIND_READ || body->kind == CSEC_KIND_CHANGE ||
		body->kind == CSEC_KIND_CONTROL || body->kind == CSEC_KIND_DENIAL;
}

static void
read_remaining(Measure *m, int64 restarted)
{
	CsecLogScan *scan = csec_log_scan_begin((int64) m->cut.last + 1, PG_INT64_MAX, m->snapshot);
	TupleTableSlot *slot;

	while ((slot = csec_log_scan_next(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		open_row(m, slot);
		mark(m, m->body.session_start, m->body.session_pid);
		if (is_backends(&m->body) && m->body.session_start >= restarted)
			break;
	}
	csec_log_scan_end(scan);
}

/* Sessions that have been silent since, and are still there. */
static void
read_known_to_sealer(Measure *m)
{
	Oid			relid = csec_trail_relid("sealer_session");
	Relation	rel = table_open(relid, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan(rel, m->snapshot, 0, NULL);

	csec_trail_check_columns(rel, "sealer_session");
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		isnull;

		mark(m, DatumGetInt64(slot_getattr(slot, 1, &isnull)),
			 (uint32) DatumGetInt64(slot_getattr(slot, 2, &isnull)));
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, AccessShareLock);
}

/* ---- the anchor ---- */

static int
compare_sessions(const void *a, const void *b)
{
	return memcmp(a, b, 12);
}

static void
list_sessions(Measure *m)
{
	uint8	   *list;
	uint8	   *p;
	HASH_SEQ_STATUS status;
	Session    *session;

	if (m->cut.keys > PG_UINT16_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%d chains of keys begin before the cut", m->cut.keys),
				 errhint("Cut at an earlier month first.")));
	if (m->going_on > CSEC_CUT_MAX / 2 / CSEC_CUT_SESSION_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%ld sessions have records on both sides of the cut", m->going_on),
				 errhint("Cut at another month.")));
	p = list = palloc(m->going_on * CSEC_CUT_SESSION_SIZE + 1);
	hash_seq_init(&status, m->sessions);
	while ((session = hash_seq_search(&status)) != NULL)
	{
		if (!session->goes_on)
			continue;
		csec_put_u64(p, (uint64) session->key.started);
		csec_put_u32(p + 8, (uint32) session->key.pid);
		csec_put_u64(p + 12, session->number |
					 (session->seq < m->gap_seq || session->seq == 0 ? CSEC_CUT_BEFORE_GAP : 0));
		p += CSEC_CUT_SESSION_SIZE;
	}
	qsort(list, m->going_on, CSEC_CUT_SESSION_SIZE, compare_sessions);
	m->cut.session = list;
	m->cut.sessions = (uint32) m->going_on;
}

static void
list_edge(Measure *m)
{
	CsecTree   *tree = csec_tree_open(m->snapshot, AccessShareLock);
	CsecTreePeaks peaks;
	uint8	   *edge = palloc(CSEC_TREE_HEIGHT * CSEC_TREE_HASH);

	if (!csec_tree_peaks(m->cut.last, csec_tree_source, tree, &peaks))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the tree over the trail's records is damaged"),
				 errhint("csec.verify_trail() names what is wrong.")));
	csec_tree_close(tree);
	m->cut.edge = edge;
	for (int h = CSEC_TREE_HEIGHT - 1; h >= 0; h--)
		if (m->cut.last >> h & 1)
		{
			memcpy(edge, peaks.peak[h], CSEC_TREE_HASH);
			edge += CSEC_TREE_HASH;
		}
}

static void
find_checkpoint(Measure *m)
{
	CsecCheckpointScan *scan = csec_checkpoint_scan_begin(m->snapshot);
	CsecCheckpointRow row;
	bool		found = false;

	while (!found && csec_checkpoint_scan_next(scan, ForwardScanDirection, &row))
		found = row.signed_well && row.size >= (int64) m->cut.last;
	csec_checkpoint_scan_end(scan);
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no checkpoint is over all records that are to leave"),
				 errhint("csec.make_checkpoint() makes one.")));
	m->cut.epoch = (uint64) row.epoch;
	m->cut.size = (uint64) row.size;
}

static CsecField
text_field(text *value)
{
	CsecField	field = {(uint8 *) VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)};

	if (field.len > CSEC_CUT_TEXT_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("a text for the anchor of a cut is too long")));
	return field;
}

static void
begin(Measure *m)
{
	HASHCTL		info = {
		.keysize = sizeof(SessionKey),
		.entrysize = sizeof(Session),
		.hcxt = CurrentMemoryContext
	};

	m->snapshot = GetActiveSnapshot();
	m->context = CurrentMemoryContext;
	m->row = AllocSetContextCreate(CurrentMemoryContext, "csec row", ALLOCSET_DEFAULT_SIZES);
	m->bases = csec_bases_create(m->snapshot);
	m->sessions = hash_create("csec sessions of a cut", 1024, &info,
							  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	m->cut.hash = m->hash;
	m->cut.before = m->before;
}

static bytea *
bytes_of(size_t size)
{
	bytea	   *value = palloc(VARHDRSZ + size);

	SET_VARSIZE(value, VARHDRSZ + size);
	return value;
}

/*
 * csec.measure_cut(order_no bigint, last bigint, bound timestamptz,
 *		subject_rows bigint, restarted timestamptz, requested_by text,
 *		approved_by text, reason text, OUT anchor bytea, OUT mac bytea)
 *
 * restarted: of a later start of the server than the last record that leaves
 * ('infinity': there was none).
 */
Datum
csec_measure_cut(PG_FUNCTION_ARGS)
{
	Measure		m = {0};
	bytea	   *anchor;
	bytea	   *mac = bytes_of(CSEC_HEAD_MAC_SIZE);
	Datum		values[2];
	bool		nulls[2] = {false};

	begin(&m);
	m.cut.order = (uint64) PG_GETARG_INT64(0);
	m.cut.last = (uint64) PG_GETARG_INT64(1);
	m.cut.bound = PG_GETARG_TIMESTAMPTZ(2);
	m.cut.subject_rows = (uint64) PG_GETARG_INT64(3);
	m.cut.requested_by = text_field(PG_GETARG_TEXT_PP(5));
	m.cut.approved_by = text_field(PG_GETARG_TEXT_PP(6));
	m.cut.reason = text_field(PG_GETARG_TEXT_PP(7));
	take_cut_before(&m);
	read_leaving(&m);
	read_remaining(&m, PG_GETARG_TIMESTAMPTZ(4));
	read_known_to_sealer(&m);
	list_sessions(&m);
	list_edge(&m);
	find_checkpoint(&m);
	m.cut.key = m.keys;

	anchor = bytes_of(csec_cut_size(&m.cut));
	csec_cut_put((uint8 *) VARDATA(anchor), &m.cut);
	if (VARSIZE(anchor) - VARHDRSZ > CSEC_CUT_MAX ||
		!csec_chain_cut_mac(csec_keyring_trail_mac(), (uint8 *) VARDATA(anchor),
							VARSIZE(anchor) - VARHDRSZ, (uint8 *) VARDATA(mac)))
		elog(ERROR, "could not make the anchor of a cut");
	values[0] = PointerGetDatum(anchor);
	values[1] = PointerGetDatum(mac);
	return csec_row(fcinfo, values, nulls);
}
