/*
 * wal_reader.c
 *		Reads the WAL of this server record by record, as far as it is on
 *		disk.
 *
 * PostgreSQL's own reader, over its page callback that does not wait.  What is
 * read is flushed, so no crash can take it back: a record that was sealed
 * was really written.
 */
#include "sealer/wal_reader.h"

#include <sys/stat.h>

#include "access/rmgr.h"
#include "access/timeline.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "catalog/pg_control.h"
#include "miscadmin.h"
#include "utils/memutils.h"

CsecWalReader *
csec_wal_open(XLogRecPtr position)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	CsecWalReader *reader = palloc0(sizeof(CsecWalReader));

	reader->xlog = XLogReaderAllocate(wal_segment_size, NULL,
									  XL_ROUTINE(.page_read = &read_local_xlog_page_no_wait,
												 .segment_open = &wal_segment_open,
												 .segment_close = &wal_segment_close),
									  &reader->wait);
	if (reader->xlog == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("No WAL reader could be allocated.")));
	reader->position = position;
	reader->timeline = GetWALInsertionTimeLine();
	reader->history = readTimeLineHistory(reader->timeline);
	MemoryContextSwitchTo(old);
	return reader;
}

/* Look for the first record at or behind position. */
static bool
find_record(CsecWalReader *reader, XLogRecPtr position)
{
	XLogRecPtr	found;

	reader->wait.end_of_wal = false;
	found = XLogFindNextRecord(reader->xlog, position);
	if (XLogRecPtrIsInvalid(found))
		return false;
	reader->position = found;
	reader->positioned = true;
	return true;
}

/*
 * The record at position cannot be decoded although it is on disk.  Go on at
 * the next page where one can; the caller tells the trail what lies between.
 */
static CsecWalResult
skip_broken(CsecWalReader *reader)
{
	XLogRecPtr	from = reader->position;
	XLogRecPtr	page = from - from % XLOG_BLCKSZ;

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		page += XLOG_BLCKSZ;
		if (find_record(reader, page))
		{
			reader->lost_from = from;
			return CSEC_WAL_BROKEN;
		}
		if (reader->wait.end_of_wal)
			break;
	}
	reader->positioned = false;
	reader->position = from;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("WAL at %X/%X cannot be read", LSN_FORMAT_ARGS(from)),
			 errhint("The sealer tries again, and goes on behind it, with a gap record, as soon as there is WAL that can be read.")));
}

CsecWalResult
csec_wal_next(CsecWalReader *reader)
{
	char	   *message = NULL;

	if (!reader->positioned && !find_record(reader, reader->position))
		return reader->wait.end_of_wal ? CSEC_WAL_END : skip_broken(reader);

	reader->wait.end_of_wal = false;
	if (XLogReadRecord(reader->xlog, &message) != NULL)
	{
		reader->position = reader->xlog->EndRecPtr;
		return CSEC_WAL_RECORD;
	}
	reader->positioned = false;
	return reader->wait.end_of_wal ? CSEC_WAL_END : skip_broken(reader);
}

void
csec_wal_again(CsecWalReader *reader)
{
	reader->position = reader->xlog->ReadRecPtr;
	reader->positioned = false;
}

TimeLineID
csec_wal_timeline(CsecWalReader *reader, XLogRecPtr lsn)
{
	if (lsn >= reader->record_timeline_end)
	{
		reader->record_timeline = tliOfPointInHistory(lsn, reader->history);
		reader->record_timeline_end = reader->record_timeline == reader->timeline ?
			PG_UINT64_MAX :
			tliSwitchPoint(reader->record_timeline, reader->history, NULL);
	}
	return reader->record_timeline;
}

static bool
segment_exists(XLogSegNo segment, List *history)
{
	char		path[MAXPGPATH];
	struct stat st;
	XLogRecPtr	last;

	/* the same choice as PostgreSQL's reader: by the segment's last byte */
	XLogSegNoOffsetToRecPtr(segment, wal_segment_size - 1, wal_segment_size, last);
	XLogFilePath(path, tliOfPointInHistory(last, history), segment,
				 wal_segment_size);
	return stat(path, &st) == 0;
}

bool
csec_wal_exists(XLogRecPtr position)
{
	List	   *history = readTimeLineHistory(GetWALInsertionTimeLine());
	XLogSegNo	segment;

	if (position > GetXLogInsertRecPtr())
		return false;
	XLByteToSeg(position, segment, wal_segment_size);
	return segment_exists(segment, history);
}

XLogRecPtr
csec_wal_first_after(XLogRecPtr position)
{
	List	   *history = readTimeLineHistory(GetWALInsertionTimeLine());
	XLogSegNo	segment;
	XLogSegNo	last;
	XLogRecPtr	begin;

	XLByteToSeg(GetXLogInsertRecPtr(), last, wal_segment_size);
	XLByteToSeg(position, segment, wal_segment_size);
	segment = Max(segment, XLogGetLastRemovedSegno() + 1);
	while (segment < last && !segment_exists(segment, history))
		segment++;
	XLogSegNoOffsetToRecPtr(segment, 0, wal_segment_size, begin);
	return begin;
}

bool
csec_wal_in_history(TimeLineID timeline, XLogRecPtr position)
{
	TimeLineID	now = GetWALInsertionTimeLine();
	List	   *history = readTimeLineHistory(now);

	if (timeline == now)
		return position <= GetXLogInsertRecPtr();
	if (!tliInHistory(timeline, history))
		return false;
	return position <= tliSwitchPoint(timeline, history, NULL);
}

/*
 * The insert position stands behind the header of a page that nothing has
 * been written to yet; the last record ended before that header.
 */
XLogRecPtr
csec_wal_insert_end(void)
{
	XLogRecPtr	lsn = GetXLogInsertRecPtr();

	if (XLogSegmentOffset(lsn, wal_segment_size) == SizeOfXLogLongPHD)
		return lsn - SizeOfXLogLongPHD;
	if (lsn % XLOG_BLCKSZ == SizeOfXLogShortPHD)
		return lsn - SizeOfXLogShortPHD;
	return lsn;
}

/*
 * A backup has the WAL from the segment of its checkpoint's redo pointer on,
 * and pg_backup_start() begins a new one.
 */
bool
csec_wal_backup_lacks(XLogReaderState *xlog, XLogRecPtr position)
{
	CheckPoint	checkpoint;

	if (XLogRecGetRmid(xlog) != RM_XLOG_ID ||
		(XLogRecGetInfo(xlog) & ~XLR_INFO_MASK) != XLOG_CHECKPOINT_ONLINE)
		return false;
	memcpy(&checkpoint, XLogRecGetData(xlog), sizeof(checkpoint));
	return position < checkpoint.redo - XLogSegmentOffset(checkpoint.redo, wal_segment_size);
}

/*
 * Whatever ran before it, runs no more: a shutdown's checkpoint, which also
 * ends a recovery after a crash, or the end of one by promotion.
 */
bool
csec_wal_server_began(XLogReaderState *xlog)
{
	uint8		info = XLogRecGetInfo(xlog) & ~XLR_INFO_MASK;

	return XLogRecGetRmid(xlog) == RM_XLOG_ID &&
		(info == XLOG_CHECKPOINT_SHUTDOWN || info == XLOG_END_OF_RECOVERY);
}
