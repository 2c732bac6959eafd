/*
 * scan_progress.c
 *		How far sessions are that look at all encrypted values of a table.
 *
 * In shared memory, a place for each backend: such a look runs in one
 * transaction, whose rows nobody else can see.  A reader may meet the numbers
 * of two looks mixed; they are for people to watch.
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "capture/scan_progress.h"
#include "util/pgcompat.h"
#include "util/shared_memory.h"

typedef struct Place
{
	int			pid;
	Oid			database;
	TimestampTz began;
	pg_atomic_uint32 relid;		/* InvalidOid: nothing is under way */
	pg_atomic_uint64 total;
	pg_atomic_uint64 done;
} Place;

static Place *places = NULL;

static void
fill(LWLock *lock)
{
	for (int i = 0; i <= MaxBackends; i++)
	{
		pg_atomic_init_u32(&places[i].relid, InvalidOid);
		pg_atomic_init_u64(&places[i].total, 0);
		pg_atomic_init_u64(&places[i].done, 0);
	}
}

static const CsecSharedPart part = {
	.name = "csec scan progress",
	.size = sizeof(Place),
	.per_backend = true,
	.memory = (void **) &places,
	.fill = fill,
};

void
csec_scan_progress_init(void)
{
	csec_shared_memory(&part);
}

void
csec_scan_progress_begin(Oid relid, uint64 blocks)
{
	Place	   *place = &places[MyProcNumber];

	place->pid = MyProcPid;
	place->database = MyDatabaseId;
	place->began = GetCurrentTimestamp();
	pg_atomic_write_u64(&place->total, blocks);
	pg_atomic_write_u64(&place->done, 0);
	pg_atomic_write_u32(&place->relid, relid);
}

void
csec_scan_progress(uint64 done)
{
	pg_atomic_write_u64(&places[MyProcNumber].done, done);
}

void
csec_scan_progress_end(void)
{
	pg_atomic_write_u32(&places[MyProcNumber].relid, InvalidOid);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_scans);

/* csec.scans(): the looks that are under way in this database. */
Datum
csec_scans(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i <= MaxBackends; i++)
	{
		Place	   *place = &places[i];
		Oid			relid = pg_atomic_read_u32(&place->relid);
		Datum		values[5];
		bool		nulls[5] = {false};

		if (!OidIsValid(relid) || place->database != MyDatabaseId)
			continue;
		values[0] = Int32GetDatum(place->pid);
		values[1] = ObjectIdGetDatum(relid);
		values[2] = TimestampTzGetDatum(place->began);
		values[3] = Int64GetDatum((int64) pg_atomic_read_u64(&place->done));
		values[4] = Int64GetDatum((int64) pg_atomic_read_u64(&place->total));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
