/*
 * checkpoint_read.h
 *		Reads csec_trail.checkpoint in the order of epochs.
 */
#ifndef CSEC_AUDIT_CHECKPOINT_READ_H
#define CSEC_AUDIT_CHECKPOINT_READ_H

#include "postgres.h"

#include "access/sdir.h"
#include "utils/snapshot.h"

#include "audit/checkpoint.h"

/* Columns of csec_trail.checkpoint. */
enum
{
	CSEC_CHECKPOINT_EPOCH = 1,
	CSEC_CHECKPOINT_AT,
	CSEC_CHECKPOINT_SIZE,
	CSEC_CHECKPOINT_ROOT,
	CSEC_CHECKPOINT_BYTES,
	CSEC_CHECKPOINT_COLUMNS = CSEC_CHECKPOINT_BYTES
};

/* A row, and what is in its note. */
typedef struct CsecCheckpointRow
{
	int64		epoch;
	int64		at;				/* timestamptz */
	int64		size;
	uint8		root[CSEC_TREE_HASH];
	uint8		note_hash[CSEC_TREE_HASH];	/* SHA-256 of the note */
	bool		signed_well;	/* well formed, signed by the key it names */
	CsecCheckpoint note;
} CsecCheckpointRow;

typedef struct CsecCheckpointScan CsecCheckpointScan;

extern CsecCheckpointScan *csec_checkpoint_scan_begin(Snapshot snapshot);
extern bool csec_checkpoint_scan_next(CsecCheckpointScan *scan, ScanDirection direction,
									  CsecCheckpointRow *row);
extern void csec_checkpoint_scan_end(CsecCheckpointScan *scan);

/* The last one; false: there is none. */
extern bool csec_checkpoint_last(Snapshot snapshot, CsecCheckpointRow *row);

/* A moment of the server's as a checkpoint has it: microseconds since 1970. */
extern int64 csec_checkpoint_time(int64 timestamp);

#endif							/* CSEC_AUDIT_CHECKPOINT_READ_H */
