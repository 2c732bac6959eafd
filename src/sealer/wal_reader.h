/*
 * wal_reader.h
 *		Reads the WAL of this server record by record, as far as it is on
 *		disk.
 */
#ifndef CSEC_SEALER_WAL_READER_H
#define CSEC_SEALER_WAL_READER_H

#include "postgres.h"

#include "access/xlogreader.h"
#include "access/xlogutils.h"

typedef enum CsecWalResult
{
	CSEC_WAL_RECORD,			/* xlog holds the next record */
	CSEC_WAL_END,				/* no more on disk yet */
	CSEC_WAL_BROKEN				/* unreadable between lost_from and position */
} CsecWalResult;

typedef struct CsecWalReader
{
	XLogReaderState *xlog;
	ReadLocalXLogPageNoWaitPrivate wait;
	bool		positioned;		/* xlog stands at position */
	XLogRecPtr	position;		/* where the next record is looked for */
	XLogRecPtr	lost_from;
	TimeLineID	timeline;		/* of the server */
	TimeLineID	record_timeline;	/* of records before record_timeline_end */
	XLogRecPtr	record_timeline_end;
	List	   *history;		/* of timelines */
} CsecWalReader;

extern CsecWalReader *csec_wal_open(XLogRecPtr position);
extern CsecWalResult csec_wal_next(CsecWalReader *reader);

/* The next record is the one that was read last. */
extern void csec_wal_again(CsecWalReader *reader);

/*
 * Is this a checkpoint with which a backup may begin that would lack the WAL
 * from the position on?
 */
extern bool csec_wal_backup_lacks(XLogReaderState *xlog, XLogRecPtr position);

/* The timeline on which the WAL at a position was written. */
extern TimeLineID csec_wal_timeline(CsecWalReader *reader, XLogRecPtr lsn);

/* Is the segment with this position still there? */
extern bool csec_wal_exists(XLogRecPtr position);

/* The begin of the oldest segment behind position that is there. */
extern XLogRecPtr csec_wal_first_after(XLogRecPtr position);

/* Does a position of a timeline lie in this server's own past? */
extern bool csec_wal_in_history(TimeLineID timeline, XLogRecPtr position);

/* Where the next WAL record will end the one before; fit for XLogFlush(). */
extern XLogRecPtr csec_wal_insert_end(void);

/*
 * Is this the first thing that the WAL has of a new run of the server?  What
 * was under way before is over.
 */
extern bool csec_wal_server_began(XLogReaderState *xlog);

#endif							/* CSEC_SEALER_WAL_READER_H */
