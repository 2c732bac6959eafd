/*
 * reading.c
 *		Reads that are told in part, until the rest has come.
 *
 * A strict read says before its first row leaves that it begins, and a long
 * one tells what it has read as it goes.  Such a record says that more
 * follows, and the last one that it was the last.  Where the server went down
 * in between, nobody knows what else was seen: then the sealer adds a record
 * that says so, "all of the table, possibly", and csec.who_saw() finds it for
 * every customer.  A session that ends in any other way tells the rest itself.
 *
 * What is open when a batch is stored stands in csec_trail.sealer_reading, so
 * that the next sealer knows of it, also that of a promoted standby: as the
 * fields of the record that would have to be written.
 */
#include "sealer/reading.h"

#include "access/table.h"
#include "common/hashfn.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "sealer/note.h"
#include "sealer/rowset.h"
#include "util/pgcompat.h"

/*
 * Reads of one statement are told apart by a digest of who reads what.  Those
 * that differ in nothing of it are counted: a statement may read the same in
 * several ways.
 */
typedef struct ReadKey
{
	int64		started;		/* the session */
	int64		pid;
	uint64		statement;
	uint64		what;
} ReadKey;

typedef struct OpenRead
{
	ReadKey		key;
	int64		count;			/* how many are open */
	TimestampTz at;				/* of the last record of it */
	const uint8 *first;			/* its first record's body in the batch, until
								 * that is stored */
	size_t		first_len;
	bytea	   *fields;			/* of the record to write, from then on */
	bool		dirty;
	bool		gone;			/* its session was not there at the last asking */
	ItemPointerData tid;
} OpenRead;

enum
{
	READING_STARTED,
	READING_PID,
	READING_STATEMENT,
	READING_WHAT,
	READING_COUNT,
	READING_AT,
	READING_FIELDS,
	READING_COLUMNS
};

static HTAB *open_reads = NULL;

/* Rows of reads that have ended, to be removed with the batch. */
static ItemPointerData *ended = NULL;
static int	ended_count = 0;
static int	ended_capacity = 0;

static void
read_row(Datum *values, ItemPointer tid, void *arg)
{
	ReadKey		key = {
		DatumGetTimestampTz(values[READING_STARTED]),
		DatumGetInt64(values[READING_PID]),
		(uint64) DatumGetInt64(values[READING_STATEMENT]),
		(uint64) DatumGetInt64(values[READING_WHAT])
	};
	OpenRead   *read = hash_search(open_reads, &key, HASH_ENTER, NULL);
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	read->count = DatumGetInt64(values[READING_COUNT]);
	read->at = DatumGetTimestampTz(values[READING_AT]);
	read->first = NULL;
	read->fields = DatumGetByteaPCopy(values[READING_FIELDS]);
	read->dirty = false;
	read->gone = false;
	read->tid = *tid;
	MemoryContextSwitchTo(old);
}

void
csec_reads_load(void)
{
	Relation	rel = csec_trail_table("sealer_reading");
	HASHCTL		info = {
		.keysize = sizeof(ReadKey),
		.entrysize = sizeof(OpenRead),
		.hcxt = TopMemoryContext
	};

	open_reads = hash_create("csec open reads", 256, &info,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	csec_rows_scan(rel, read_row, NULL);
	table_close(rel, NoLock);
}

static ReadKey
key_of(const CsecBody *body)
{
	static const CsecTag tags[] = {
		CSEC_TAG_READER, CSEC_TAG_CURRENT_USER, CSEC_TAG_RELID,
		CSEC_TAG_STATEMENT, CSEC_TAG_COLUMNS
	};
	ReadKey		key = {
		.started = body->session_start,
		.pid = body->session_pid,
		.statement = csec_field_varint(body->field[CSEC_TAG_STATEMENT_NO], 0)
	};

	for (int i = 0; i < lengthof(tags); i++)
	{
		CsecField	field = body->field[tags[i]];

		key.what = hash_combine64(key.what, field.data == NULL ? 0 :
								  hash_bytes_extended(field.data, (int) field.len, tags[i]));
	}
	return key;
}

static void
forget(OpenRead *read)
{
	if (ItemPointerIsValid(&read->tid))
	{
		if (ended_count == ended_capacity)
		{
			ended_capacity = Max(64, 2 * ended_capacity);
			ended = ended == NULL ?
				MemoryContextAlloc(TopMemoryContext, ended_capacity * sizeof(*ended)) :
				repalloc(ended, ended_capacity * sizeof(*ended));
		}
		ended[ended_count++] = read->tid;
	}
	if (read->fields != NULL)
		pfree(read->fields);
	hash_search(open_reads, &read->key, HASH_REMOVE, NULL);
}

static void
goes_on(CsecBatch *batch, int item, const CsecBody *body, bool begins)
{
	ReadKey		key = key_of(body);
	bool		found;
	OpenRead   *read = hash_search(open_reads, &key, HASH_ENTER, &found);

	if (!found)
	{
		const bytea *record = batch->item[item].record;

		read->count = 0;
		read->first = (const uint8 *) VARDATA(record) + CSEC_HEADER_SIZE;
		read->first_len = VARSIZE(record) - VARHDRSZ - CSEC_HEADER_SIZE;
		read->fields = NULL;
		ItemPointerSetInvalid(&read->tid);
	}
	if (begins || !found)
		read->count++;
	read->at = body->at;
	read->gone = false;
	read->dirty = true;
}

static void
ends(const CsecBody *body)
{
	ReadKey		key = key_of(body);
	OpenRead   *read = hash_search(open_reads, &key, HASH_FIND, NULL);

	if (read == NULL)
		return;
	read->dirty = true;
	if (--read->count <= 0)
		forget(read);
}

void
csec_read_observe(CsecBatch *batch, int item, const CsecBody *body)
{
	if (body->flags & CSEC_BODY_PARTIAL)
		goes_on(batch, item, body, (body->flags & CSEC_BODY_CONTINUED) == 0);
	else if (body->flags & CSEC_BODY_CONTINUED)
		ends(body);
}

/* While the first record is in the batch, the fields can be made from it. */
static void
make_fields(OpenRead *read)
{
	CsecBody	body;
	MemoryContext old;

	if (read->first == NULL)
		return;
	if (!csec_body_get(read->first, read->first_len, &body))
		elog(ERROR, "record in the batch is malformed");
	old = MemoryContextSwitchTo(TopMemoryContext);
	read->fields = csec_note_cut_fields(&body);
	MemoryContextSwitchTo(old);
	read->first = NULL;
}

static void
cut(CsecBatch *batch, XLogRecPtr lsn, OpenRead *read)
{
	make_fields(read);
	csec_note_cut(batch, lsn, read->at, read->fields);
	forget(read);
}

void
csec_reads_cut(CsecBatch *batch, XLogRecPtr lsn)
{
	HASH_SEQ_STATUS status;
	OpenRead   *read;

	hash_seq_init(&status, open_reads);
	while ((read = hash_seq_search(&status)) != NULL)
		cut(batch, lsn, read);
}

void
csec_reads_ask(CsecBatch *batch, XLogRecPtr lsn)
{
	HASH_SEQ_STATUS status;
	OpenRead   *read;

	hash_seq_init(&status, open_reads);
	while ((read = hash_seq_search(&status)) != NULL)
	{
		if (BackendPidGetProc((int) read->key.pid) != NULL)
			read->gone = false;
		else if (!read->gone)
			read->gone = true;
		else
			cut(batch, lsn, read);
	}
}

static void
store_row(Relation rel, OpenRead *read)
{
	Datum		values[READING_COLUMNS];

	make_fields(read);
	values[READING_STARTED] = TimestampTzGetDatum(read->key.started);
	values[READING_PID] = Int64GetDatum(read->key.pid);
	values[READING_STATEMENT] = Int64GetDatum((int64) read->key.statement);
	values[READING_WHAT] = Int64GetDatum((int64) read->key.what);
	values[READING_COUNT] = Int64GetDatum(read->count);
	values[READING_AT] = TimestampTzGetDatum(read->at);
	values[READING_FIELDS] = PointerGetDatum(read->fields);
	csec_row_put(rel, &read->tid, values);
	read->dirty = false;
}

void
csec_reads_store(void)
{
	Relation	rel;
	HASH_SEQ_STATUS status;
	OpenRead   *read;

	if (ended_count == 0 && hash_get_num_entries(open_reads) == 0)
		return;
	rel = csec_trail_table("sealer_reading");
	while (ended_count > 0)
		csec_row_delete(rel, &ended[--ended_count]);
	hash_seq_init(&status, open_reads);
	while ((read = hash_seq_search(&status)) != NULL)
		if (read->dirty)
			store_row(rel, read);
	table_close(rel, NoLock);
}
