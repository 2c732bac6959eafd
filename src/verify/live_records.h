/*
 * live_records.h
 *		Whole records from what a server has stored of them.            [FE]
 *
 * No function of the server's is asked to put them together: the trail is
 * there without the extension too, and what the server says is to be doubted.
 */
#ifndef CSEC_VERIFY_LIVE_RECORDS_H
#define CSEC_VERIFY_LIVE_RECORDS_H

#include "audit/part_cache.h"
#include "verify/connection.h"
#include "verify/finding.h"
#include "verify/row.h"

typedef struct CsecLiveRecords
{
	PGconn	   *(*connect) (void *arg);	/* to the same snapshot, for single records */
	void	   *arg;
	PGconn	   *conn;			/* NULL until it is needed */
	CsecPartCache *cache;
	uint8_t    *whole;			/* the last one */
	size_t		size;
	char		problem[CSEC_PARTS_PROBLEM];
} CsecLiveRecords;

extern void csec_live_records_begin(CsecLiveRecords *records, PGconn *(*connect) (void *arg), void *arg);
extern void csec_live_records_end(CsecLiveRecords *records);

/*
 * In place of what is stored the whole record, good until the next call; no
 * data, and why in records->problem, where it cannot be put together.
 */
extern void csec_live_record(CsecLiveRecords *records, CsecDatum *record);

/* What was stored so was found to be what was sealed: others may refer to it. */
extern void csec_live_record_keep(CsecLiveRecords *records, CsecDatum stored);

#endif							/* CSEC_VERIFY_LIVE_RECORDS_H */
