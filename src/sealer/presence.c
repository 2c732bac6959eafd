/*
 * presence.c
 *		Says that the sealer is there, since when, and with what.
 *
 * A trail without records looks the same whether nothing happened or nobody
 * looked.  So each start says with which library and settings recording is on,
 * and since when it was not; and when nothing else was sealed for
 * csec.heartbeat_interval, a heartbeat is.  One that comes late, because the
 * machine slept or the sealer was stopped, says for how long nothing was sealed.
 */
#include "sealer/presence.h"

#include <sys/stat.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "crypto/hash.h"
#include "sealer/note.h"
#include "util/guc.h"

/* A sealer may be this late, on a busy machine. */
#define LATE_US		(10 * USECS_PER_SEC)

/*
 * The settings that decide what is recorded and how durable it is; commands
 * may carry passwords.
 */
static const char settings_query[] =
"SELECT pg_catalog.jsonb_object_agg(name, setting ORDER BY name)::pg_catalog.text"
" FROM pg_catalog.pg_settings"
" WHERE (name ~ '^csec\\.' AND name !~ '_command$' AND name <> ALL ('{csec.actor,csec.reason,csec.ticket}'))"
" OR name = ANY ('{shared_preload_libraries,wal_level,fsync,full_page_writes,synchronous_commit,"
"data_checksums,max_slot_wal_keep_size,server_version}')";

/* Called in the sealer's transaction; the result is in its memory. */
static char *
settings(void)
{
	MemoryContext caller = CurrentMemoryContext;
	char	   *json = NULL;

	SPI_connect();
	if (SPI_execute(settings_query, true, 1) == SPI_OK_SELECT && SPI_processed == 1)
		json = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (json != NULL)
		json = MemoryContextStrdup(caller, json);
	SPI_finish();
	return json;
}

/*
 * SHA-256 of the library's file, in hex; NULL where it cannot be read.  The
 * library in memory is what the file was when the server started.
 */
static char *
library_build(void)
{
	char		path[MAXPGPATH];
	uint8		buffer[8192];
	uint8		hash[CSEC_SHA256_SIZE];
	char	   *hex = NULL;
	int			file;
	ssize_t		got;

	snprintf(path, sizeof(path), "%s/csec%s", pkglib_path, DLSUFFIX);
	file = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	if (file < 0)
		return NULL;
	if (csec_sha256_begin())
	{
		bool		sound = true;

		while ((got = read(file, buffer, sizeof(buffer))) > 0 && sound)
			sound = csec_sha256_add(buffer, got);
		if (csec_sha256_end(hash) && sound && got == 0)
		{
			hex = palloc(2 * sizeof(hash) + 1);
			hex[hex_encode((char *) hash, sizeof(hash), hex)] = '\0';
		}
	}
	CloseTransientFile(file);
	return hex;
}

static void
append_time(StringInfo json, const char *name, TimestampTz at)
{
	char		text[MAXDATELEN + 1];

	JsonEncodeDateTime(text, TimestampTzGetDatum(at), TIMESTAMPTZOID, NULL);
	appendStringInfo(json, "\"%s\": \"%s\"", name, text);
}

void
csec_presence_start(CsecBatch *batch, const CsecState *state)
{
	StringInfoData detail;
	char	   *part;

	initStringInfo(&detail);
	appendStringInfoChar(&detail, '{');
	if (state->seq > 0)
	{
		append_time(&detail, "since", state->sealed_at);
		appendStringInfoString(&detail, ", ");
	}
	append_time(&detail, "server_started", PgStartTime);
	part = library_build();
	if (part != NULL)
		appendStringInfo(&detail, ", \"library\": \"%s\"", part);
	part = settings();
	if (part != NULL)
		appendStringInfo(&detail, ", \"settings\": %s", part);
	appendStringInfoChar(&detail, '}');
	csec_note_server(batch, state->resume_lsn, "start", detail.data);
	pfree(detail.data);
}

/* How long nothing was sealed, in microseconds; 0 where the clock was set back. */
static int64
silence(const CsecState *state)
{
	return Max(GetCurrentTimestamp() - state->sealed_at, 0);
}

void
csec_presence_beat(CsecBatch *batch, const CsecState *state, XLogRecPtr lsn)
{
	int64		interval = csec_heartbeat_interval * USECS_PER_SEC;
	int64		silent = silence(state);

	if (interval == 0 || batch->count > 0 || silent < interval)
		return;
	if (silent < interval + LATE_US)
		csec_note_server(batch, lsn, "heartbeat", NULL);
	else
	{
		StringInfoData detail;

		initStringInfo(&detail);
		appendStringInfoChar(&detail, '{');
		append_time(&detail, "since", state->sealed_at);
		appendStringInfoChar(&detail, '}');
		csec_note_server(batch, lsn, "late heartbeat", detail.data);
		pfree(detail.data);
	}
}
