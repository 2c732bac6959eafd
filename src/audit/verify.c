/*
 * verify.c
 *		csec.check_trail(): is the trail what was sealed?
 *
 * Walks the log by number and recomputes everything that can be: each hash
 * from the one before and the record's bytes, each column from the record,
 * each session's numbering, and at the end the head that sealer_state keeps
 * under a MAC.  It stops at the first thing that is wrong and names it:
 *
 *	altered			the record or its hash was edited
 *	missing			numbers are left out
 *	inserted		a record stands where none was sealed
 *	duplicated		a record stands there twice
 *	reordered		the record was sealed under another number
 *	column_differs	a column, or a row of audit_subject, is not the record's
 *	session_gap		a session's numbering has a hole or a repeat
 *	tail_cut		the last records are gone
 *	head_forged		the head does not carry this server's MAC, or not this hash
 *	malformed		sealed so, but not a record of this format
 *	cut_exceeded	more is gone than the last approved cut took
 *	cut_unapproved, cut_forged	see cut_check.c
 *
 * Where records left by a cut (sealer/cut.c) it begins behind them, from the
 * anchor of the cut.  And, with the tree and the checkpoints (verify_tree.c):
 *
 *	tree_differs, checkpoint_differs, checkpoint_forged, epoch_missing
 *
 * Who can write the tables and has the server's key can forge all of it: that
 * is what checkpoints outside the server are for.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "audit/chain.h"
#include "audit/columns.h"
#include "audit/cut_check.h"
#include "audit/cut_read.h"
#include "audit/log_scan.h"
#include "audit/stored.h"
#include "audit/subjects.h"
#include "audit/trail.h"
#include "audit/verify.h"
#include "audit/whole_record.h"
#include "keys/keyring.h"
#include "util/bytea.h"
#include "util/bytes.h"
#include "util/crypto_failed.h"
#include "util/row.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_check_trail);

/* Columns of sealer_state that matter here. */
enum
{
	STATE_SEQ = 5,
	STATE_HASH = 7,
	STATE_HEAD_MAC = 8
};

typedef struct Head
{
	int64		seq;
	uint8		hash[CSEC_HASH_SIZE];
	bool		sound;
} Head;

typedef struct Walk
{
	int64		from;
	int64		records;
	int64		first;			/* numbers seen */
	int64		last;
	uint8		hash[CSEC_HASH_SIZE];	/* of the record before */
	MemoryContext row;
	CsecBases  *bases;
	CsecSessionCheck *sessions;
	CsecSubjectCheck *subjects;
	CsecTreeCheck *tree;
	bool		anchored;		/* it begins where a cut ended */
	CsecCut		cut;
	CsecCutCheck cuts;
	CsecVerdict verdict;
} Walk;

/* The first finding stands. */
void
csec_verdict(CsecVerdict *verdict, const char *problem, int64 seq,
			 const char *format,...)
{
	char		detail[256];
	va_list		args;

	if (verdict->problem != NULL)
		return;
	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	verdict->problem = problem;
	verdict->seq = seq;
	verdict->detail = pstrdup(detail);
}

static bool
bytes_are(Datum value, const uint8 *expected, size_t len)
{
	struct varlena *v = (struct varlena *) DatumGetPointer(value);

	return VARSIZE_ANY_EXHDR(v) == len &&
		memcmp(VARDATA_ANY(v), expected, len) == 0;
}

/* ---- the columns of a row ---- */

static bool
login_is(Datum *values, bool *nulls, const CsecColumns *columns)
{
	bool		expected = columns->login.data != NULL &&
		pg_verifymbstr((const char *) columns->login.data,
					   (int) columns->login.len, true);

	if (!expected)
		return nulls[CSEC_LOG_LOGIN];
	return !nulls[CSEC_LOG_LOGIN] &&
		bytes_are(PointerGetDatum(PG_DETOAST_DATUM_PACKED(values[CSEC_LOG_LOGIN])),
				  columns->login.data, columns->login.len);
}

static bool
subject_is(Datum *values, bool *nulls, const CsecColumns *columns)
{
	if (columns->shape != CSEC_SHAPE_ONE)
		return nulls[CSEC_LOG_SUBJECT];
	return !nulls[CSEC_LOG_SUBJECT] &&
		DatumGetInt64(values[CSEC_LOG_SUBJECT]) == columns->key[0];
}

static bool
subjects_are(Datum *values, bool *nulls, const CsecColumns *columns)
{
	struct varlena *expected;

	if (columns->shape != CSEC_SHAPE_MANY && columns->shape != CSEC_SHAPE_ALL)
		return nulls[CSEC_LOG_SUBJECTS];
	if (nulls[CSEC_LOG_SUBJECTS])
		return false;
	expected = (struct varlena *) DatumGetPointer(csec_subjects_multirange(columns));
	return bytes_are(PointerGetDatum(PG_DETOAST_DATUM_PACKED(values[CSEC_LOG_SUBJECTS])),
					 (uint8 *) VARDATA_ANY(expected), VARSIZE_ANY_EXHDR(expected));
}

/* The name of a column that is not as the record has it, or NULL. */
static const char *
differing_column(Datum *values, bool *nulls, const CsecHeader *header,
				 const CsecColumns *columns)
{
	if (nulls[CSEC_LOG_AT] || DatumGetInt64(values[CSEC_LOG_AT]) != header->sealed_at)
		return "at";
	if (nulls[CSEC_LOG_KIND] || DatumGetInt16(values[CSEC_LOG_KIND]) != columns->kind)
		return "kind";
	if (nulls[CSEC_LOG_RELID] == columns->has_relid ||
		(columns->has_relid &&
		 DatumGetObjectId(values[CSEC_LOG_RELID]) != columns->relid))
		return "relid";
	if (!login_is(values, nulls, columns))
		return "login";
	if (!subject_is(values, nulls, columns))
		return "subject";
	if (!subjects_are(values, nulls, columns))
		return "subjects";
	return NULL;
}

/* ---- a row ---- */

/* Is the row where a row must be?  What else stands there? */
static void
check_place(Walk *walk, int64 seq, Datum *values, bool *nulls)
{
	int64		expected = walk->last + 1;

	if (seq == expected)
		return;
	if (seq > expected && walk->anchored && walk->records == 0)
	{
		csec_verdict(&walk->verdict, "cut_exceeded", expected,
					 "the approved cut took records up to " INT64_FORMAT ", but there are none up to " INT64_FORMAT,
					 expected - 1, seq - 1);
		return;
	}
	if (seq > expected)
	{
		csec_verdict(&walk->verdict, "missing", expected,
					 "there are no records " INT64_FORMAT " to " INT64_FORMAT,
					 expected, seq - 1);
		return;
	}
	if (walk->records > 0 && seq == walk->last && !nulls[CSEC_LOG_HASH] &&
		bytes_are(PointerGetDatum(PG_DETOAST_DATUM_PACKED(values[CSEC_LOG_HASH])),
				  walk->hash, CSEC_HASH_SIZE))
		csec_verdict(&walk->verdict, "duplicated", seq, "the record is there twice");
	else
		csec_verdict(&walk->verdict, "inserted", seq,
					 "more than one record claims this number");
}

/* Of what cannot be put together too: the records it refers to may have changed places. */
static bool
is_sealed_as(Walk *walk, int64 seq, bytea *stored)
{
	int64		sealed_as = csec_stored_seq((uint8 *) VARDATA_ANY(stored),
											VARSIZE_ANY_EXHDR(stored), seq);

	if (sealed_as != seq)
		csec_verdict(&walk->verdict, "reordered", seq,
					 "the record under this number was sealed as " INT64_FORMAT,
					 sealed_as);
	return sealed_as == seq;
}

static void
check_hash(Walk *walk, int64 seq, bytea *record, Datum stored)
{
	const uint8 *bytes = (uint8 *) VARDATA_ANY(record);
	size_t		len = VARSIZE_ANY_EXHDR(record);
	uint8		hash[CSEC_HASH_SIZE];

	if (!csec_chain_hash(walk->hash, bytes, len, hash))
		csec_crypto_failed("compute the hash of an audit record");
	if (!bytes_are(stored, hash, CSEC_HASH_SIZE))
		csec_verdict(&walk->verdict, "altered", seq,
					 "the hash is not that of this record behind record " INT64_FORMAT,
					 seq - 1);
	memcpy(walk->hash, hash, CSEC_HASH_SIZE);
}

static void
check_content(Walk *walk, int64 seq, bytea *record, Datum *values, bool *nulls)
{
	const uint8 *bytes = (uint8 *) VARDATA_ANY(record);
	CsecHeader	header;
	CsecBody	body;
	CsecColumns columns;
	const char *column;
	const char *problem;

	if (!csec_header_get(bytes, VARSIZE_ANY_EXHDR(record), &header) ||
		!csec_body_get(bytes + CSEC_HEADER_SIZE, header.body_len, &body) ||
		header.kind != body.kind)
	{
		csec_verdict(&walk->verdict, "malformed", seq,
					 "the record is not in the format of this version");
		return;
	}
	if (!csec_columns_derive(&body, &columns))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not derive the columns of an audit record")));
	column = differing_column(values, nulls, &header, &columns);
	if (column != NULL)
		csec_verdict(&walk->verdict, "column_differs", seq,
					 "column %s is not what the record says", column);
	if (csec_body_says(&body, CSEC_KIND_SERVER, CSEC_NOTE_HEAD))
		csec_verdict(&walk->verdict, "head_forged", seq,
					 "when the sealer started here, the head did not carry this server's MAC: records before may have been cut off or replaced, or the root key was another one");
	csec_tree_check_record(walk->tree, &body);
	problem = csec_cut_check_record(&walk->cuts, &header, &body);
	if (problem != NULL)
		csec_verdict(&walk->verdict, problem, seq, "%s", walk->cuts.detail);
	csec_session_check(walk->sessions, &header, &body, &walk->verdict);
	csec_subject_check_expect(walk->subjects, seq, header.sealed_at, &columns);
}

static void
check_row(Walk *walk, TupleTableSlot *slot)
{
	Datum	   *values = slot->tts_values - 1;
	bool	   *nulls = slot->tts_isnull - 1;
	int64		seq;
	bytea	   *stored;
	bytea	   *record;

	slot_getallattrs(slot);
	seq = DatumGetInt64(values[CSEC_LOG_SEQ]);
	check_place(walk, seq, values, nulls);
	if (walk->verdict.problem != NULL)
		return;
	if (walk->records++ == 0)
		walk->first = seq;
	walk->last = seq;
	if (nulls[CSEC_LOG_RECORD] || nulls[CSEC_LOG_HASH])
	{
		csec_verdict(&walk->verdict, "altered", seq, "the record or its hash is null");
		return;
	}
	stored = DatumGetByteaPP(values[CSEC_LOG_RECORD]);
	record = csec_bases_whole(walk->bases, stored);
	if (!is_sealed_as(walk, seq, record != NULL ? record : stored))
		return;
	if (record == NULL)
	{
		csec_verdict(&walk->verdict, "altered", seq, "the record cannot be put together: %s",
					 csec_bases_problem(walk->bases));
		return;
	}
	check_hash(walk, seq, record,
			   PointerGetDatum(PG_DETOAST_DATUM_PACKED(values[CSEC_LOG_HASH])));
	if (walk->verdict.problem == NULL)
		csec_bases_keep(walk->bases, stored);
	if (walk->verdict.problem == NULL)
		check_content(walk, seq, record, values, nulls);
	if (walk->verdict.problem == NULL)
		csec_tree_check_add(walk->tree, seq, walk->hash, &walk->verdict);
}

/* ---- where it begins ---- */

/*
 * Behind a cut, if the part that is asked for reaches back to it.  Its record
 * is looked at first: what is wrong with that is not to be told of others.
 */
static void
find_anchor(Walk *walk, Snapshot snapshot)
{
	CsecField	bytes = {0};
	int64		seq;

	if (csec_cut_read_last(snapshot, &walk->cut, &bytes, &seq) && walk->from <= (int64) walk->cut.last)
	{
		walk->anchored = true;
		walk->from = (int64) walk->cut.last + 1;
		csec_cut_check_whole(seq, snapshot, &walk->verdict);
	}
	(void) csec_cut_check_begin(&walk->cuts, bytes.data, walk->anchored ? bytes.len : 0);
}

/* The hash of the record before the first one, where that is not number 1. */
static void
start_from(Walk *walk, Snapshot snapshot)
{
	walk->last = walk->from - 1;
	if (walk->anchored)
		memcpy(walk->hash, walk->cut.hash, CSEC_HASH_SIZE);
	else if (walk->from == 1)
		memcpy(walk->hash, csec_chain_start, CSEC_HASH_SIZE);
	else if (!csec_log_scan_hash(walk->last, snapshot, walk->hash))
		csec_verdict(&walk->verdict, "missing", walk->last,
					 "the record before the first one asked for is not there");
}

/* ---- the whole ---- */

/* One with a null in it, or a hash that is none, is not sound. */
static void
take_head(Head *head, TupleTableSlot *slot)
{
	Datum	   *values = slot->tts_values - 1;
	bool	   *nulls = slot->tts_isnull - 1;
	bytea	   *hash;
	uint8		mac[CSEC_HEAD_MAC_SIZE];

	slot_getallattrs(slot);
	if (nulls[STATE_SEQ] || nulls[STATE_HASH] || nulls[STATE_HEAD_MAC])
		return;
	head->seq = DatumGetInt64(values[STATE_SEQ]);
	hash = DatumGetByteaPP(values[STATE_HASH]);
	if (VARSIZE_ANY_EXHDR(hash) != CSEC_HASH_SIZE)
		return;
	memcpy(head->hash, VARDATA_ANY(hash), CSEC_HASH_SIZE);
	if (!csec_chain_head_mac(csec_keyring_trail_mac(), (uint64) head->seq, head->hash, mac))
		csec_crypto_failed("compute the MAC of the trail's head");
	head->sound = head->seq == 0 ||
		bytes_are(PointerGetDatum(DatumGetByteaPP(values[STATE_HEAD_MAC])), mac, sizeof(mac));
}

static bool
read_head(Head *head, Snapshot snapshot)
{
	Oid			relid = csec_trail_relid("sealer_state");
	Relation	rel;
	TableScanDesc scan;
	TupleTableSlot *slot;
	int			rows = 0;

	if (!OidIsValid(relid))
		return false;
	rel = table_open(relid, AccessShareLock);
	csec_trail_check_columns(rel, "sealer_state");
	slot = table_slot_create(rel, NULL);
	scan = table_beginscan(rel, snapshot, 0, NULL);
	for (; table_scan_getnextslot(scan, ForwardScanDirection, slot); rows++)
		take_head(head, slot);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, AccessShareLock);
	return rows == 1;
}

/* The end of the log against the head. */
static void
check_head(Walk *walk, const Head *head, bool have_head, int64 to)
{
	if (!have_head || !head->sound)
		csec_verdict(&walk->verdict, "head_forged", walk->last,
					 "%s", have_head ?
					 "the head in csec_trail.sealer_state does not carry this server's MAC" :
					 "csec_trail.sealer_state does not have its one row");
	else if (walk->last < Min(to, head->seq))
		csec_verdict(&walk->verdict, "tail_cut", walk->last + 1,
					 "the trail was sealed up to record " INT64_FORMAT, head->seq);
	else if (walk->last > head->seq)
		csec_verdict(&walk->verdict, "inserted", head->seq + 1,
					 "the trail was sealed up to record " INT64_FORMAT " only", head->seq);
	else if (walk->last == head->seq &&
			 memcmp(walk->hash, head->hash, CSEC_HASH_SIZE) != 0)
		csec_verdict(&walk->verdict, "head_forged", walk->last,
					 "the last record has another hash than the head");
}

static int64
seq_of(TupleTableSlot *slot)
{
	bool		isnull;

	return DatumGetInt64(slot_getattr(slot, CSEC_LOG_SEQ, &isnull));
}

static void
walk_trail(Walk *walk, int64 to, Snapshot snapshot)
{
	Head		head = {0};
	bool		have_head = read_head(&head, snapshot);
	CsecLogScan *scan;
	TupleTableSlot *slot;
	MemoryContext caller = CurrentMemoryContext;
	bool		whole;

	walk->row = AllocSetContextCreate(caller, "csec row", ALLOCSET_DEFAULT_SIZES);
	walk->bases = csec_bases_create(snapshot);
	find_anchor(walk, snapshot);
	whole = walk->from == 1 || walk->anchored;
	walk->sessions = csec_session_check_begin(whole);
	walk->subjects = csec_subject_check_begin(walk->from, Min(to, head.seq));
	start_from(walk, snapshot);
	walk->tree = csec_tree_check_begin(whole ? 1 : walk->from, snapshot, &walk->verdict);
	if (walk->anchored)
	{
		csec_session_check_resume(walk->sessions, &walk->cut);
		csec_tree_check_resume(walk->tree, &walk->cut, &walk->verdict);
	}

	/* what has no right to be there is looked at too: hence from the lowest */
	scan = csec_log_scan_begin(whole ? PG_INT64_MIN : walk->from, to, snapshot);
	while (walk->verdict.problem == NULL &&
		   (slot = csec_log_scan_next(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (have_head && head.sound && walk->last >= head.seq &&
			seq_of(slot) > head.seq)
			break;				/* beyond the head: told below */
		MemoryContextSwitchTo(walk->row);
		check_row(walk, slot);
		if (walk->verdict.detail != NULL)
			walk->verdict.detail = MemoryContextStrdup(caller, walk->verdict.detail);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(walk->row);
	}
	if (walk->verdict.problem == NULL && slot != NULL)
		csec_verdict(&walk->verdict, "inserted", head.seq + 1,
					 "the trail was sealed up to record " INT64_FORMAT " only", head.seq);
	csec_log_scan_end(scan);
	if (walk->verdict.problem == NULL)
		check_head(walk, &head, have_head, to);
	if (walk->anchored && !walk->cuts.met && to >= head.seq)
		csec_verdict(&walk->verdict, "cut_forged", walk->from,
					 "the cut behind which the trail begins is not on record");
	csec_tree_check_end(walk->tree, to >= head.seq && walk->verdict.problem == NULL,
						&walk->verdict);
	if (walk->verdict.problem == NULL)
		csec_subject_check_end(walk->subjects, snapshot, &walk->verdict);
}

enum
{
	RESULT_VERIFIED,
	RESULT_RECORDS,
	RESULT_FIRST,
	RESULT_LAST,
	RESULT_HEAD,
	RESULT_BAD,
	RESULT_PROBLEM,
	RESULT_DETAIL,
	RESULT_COLUMNS
};

/*
 * csec.check_trail(from_seq bigint, to_seq bigint) returns record
 *
 * to_seq may be null: up to the head.  See the head of this file.
 */
Datum
csec_check_trail(PG_FUNCTION_ARGS)
{
	Walk		walk = {0};
	int64		to = PG_ARGISNULL(1) ? PG_INT64_MAX : PG_GETARG_INT64(1);
	Datum		values[RESULT_COLUMNS];
	bool		nulls[RESULT_COLUMNS] = {false};

	walk.from = PG_ARGISNULL(0) ? 1 : PG_GETARG_INT64(0);
	if (walk.from < 1 || to < walk.from)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("records are numbered from 1, and the last to verify is not before the first")));
	/* none may leave meanwhile, and what has left is not to be missed */
	if (OidIsValid(csec_trail_relid("audit_log")))
		LockRelationOid(csec_trail_relid("audit_log"), AccessShareLock);
	PushActiveSnapshot(GetLatestSnapshot());
	walk_trail(&walk, to, GetActiveSnapshot());
	PopActiveSnapshot();

	values[RESULT_VERIFIED] = BoolGetDatum(walk.verdict.problem == NULL);
	values[RESULT_RECORDS] = Int64GetDatum(walk.records);
	values[RESULT_FIRST] = Int64GetDatum(walk.first);
	values[RESULT_LAST] = Int64GetDatum(walk.last);
	values[RESULT_HEAD] = PointerGetDatum(csec_bytea(walk.hash, CSEC_HASH_SIZE));
	nulls[RESULT_FIRST] = nulls[RESULT_LAST] = nulls[RESULT_HEAD] = walk.records == 0;
	nulls[RESULT_BAD] = nulls[RESULT_PROBLEM] = nulls[RESULT_DETAIL] =
		walk.verdict.problem == NULL;
	if (walk.verdict.problem != NULL)
	{
		values[RESULT_BAD] = Int64GetDatum(walk.verdict.seq);
		values[RESULT_PROBLEM] = CStringGetTextDatum(walk.verdict.problem);
		values[RESULT_DETAIL] = CStringGetTextDatum(walk.verdict.detail);
	}
	return csec_row(fcinfo, values, nulls);
}
