/*
 * live_records.c
 *		Whole records from what a server has stored of them.            [FE]
 *
 * Most records that others refer to have come before, in the same stretch of
 * the trail; the others are asked for one by one, on a connection of their
 * own, as the rows of the stretch keep the other one busy.
 */
#include "postgres_fe.h"

#include "verify/live_records.h"

void
csec_live_records_begin(CsecLiveRecords *records, PGconn *(*connect) (void *arg), void *arg)
{
	memset(records, 0, sizeof(*records));
	records->connect = connect;
	records->arg = arg;
	records->cache = csec_alloc(sizeof(CsecPartCache));
	csec_part_cache_clear(records->cache);
}

void
csec_live_records_end(CsecLiveRecords *records)
{
	if (records->conn != NULL)
		PQfinish(records->conn);
	free(records->cache);
	free(records->whole);
	memset(records, 0, sizeof(*records));
}

static bool
fetch(void *arg, CsecPartKind kind, uint64_t seq, int64_t sealed_at)
{
	CsecLiveRecords *records = arg;
	char		number[32];
	const char *params[1] = {number};
	PGresult   *result;
	bool		found = false;

	if (seq > INT64_MAX)
		return false;
	if (records->conn == NULL)
		records->conn = records->connect(records->arg);
	snprintf(number, sizeof(number), "%llu", (unsigned long long) seq);
	result = PQexecParams(records->conn,
						  "SELECT record FROM csec_trail.audit_log WHERE seq = $1::int8",
						  1, NULL, params, NULL, NULL, 1);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		csec_fail("%s", PQerrorMessage(records->conn));
	for (int i = 0; i < PQntuples(result) && !found; i++)
		found = csec_part_take(records->cache, kind, seq,
							   (const uint8_t *) PQgetvalue(result, i, 0),
							   (size_t) PQgetlength(result, i, 0));
	PQclear(result);
	return found;
}

static void
make_room(CsecLiveRecords *records, size_t size)
{
	if (records->size >= size)
		return;
	records->size = size * 2;
	records->whole = csec_realloc(records->whole, records->size);
}

void
csec_live_record(CsecLiveRecords *records, CsecDatum *record)
{
	CsecStored	stored;
	size_t		len = 0;

	if (record->data == NULL || !csec_is_short(record->data, record->len))
		return;
	if (csec_parts_open(records->cache, record->data, record->len, &stored, fetch, records,
						records->problem))
	{
		make_room(records, csec_whole_size(&stored));
		len = csec_parts_whole(&stored, records->whole, records->problem);
	}
	record->data = len > 0 ? records->whole : NULL;
	record->len = (uint32_t) len;
}

void
csec_live_record_keep(CsecLiveRecords *records, CsecDatum stored)
{
	if (stored.data != NULL)
		csec_parts_keep_own(records->cache, stored.data, stored.len);
}
