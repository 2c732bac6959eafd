/*
 * presence.c
 *		Says that the sealer is there, since when, and with what.
 *
 * A trail without records looks the same whether nothing happened or nobody
 * looked.  So each start says with which library, settings and policy recording is
 * on, and since when it was not; and when nothing else was sealed for
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
#include "sealer/worker.h"
#include "util/guc.h"

/* A sealer may be this late, on a busy machine. */
#define LATE_US		(10 * USECS_PER_SEC)

/*
 * The settings that decide what is recorded and how durable it is, as sessions
 * that begin now have them; which of them are others than in $1, where that is given.  Of commands,
 * which may carry passwords, it is told only that they are others.
 */
static const char settings_query[] =
"SELECT s.now::pg_catalog.text,"
" (SELECT pg_catalog.jsonb_object_agg(n.key, n.value ORDER BY n.key)::pg_catalog.text"
" FROM pg_catalog.jsonb_each(s.now) n WHERE n.key !~ '_command$'),"
" (SELECT pg_catalog.jsonb_object_agg(n.key, CASE WHEN n.key !~ '_command$' THEN n.value END ORDER BY n.key)::pg_catalog.text"
" FROM pg_catalog.jsonb_each(s.now) n WHERE n.value IS DISTINCT FROM ($1::pg_catalog.jsonb -> n.key))"
" FROM (SELECT pg_catalog.jsonb_object_agg(name, reset_val) AS now FROM pg_catalog.pg_settings"
" WHERE (name ~ '^csec\\.' AND name <> ALL ('{csec.actor,csec.reason,csec.ticket}'))"
" OR name = ANY ('{shared_preload_libraries,wal_level,fsync,full_page_writes,synchronous_commit,"
"session_replication_role,allow_system_table_mods,"
"data_checksums,max_slot_wal_keep_size,server_version}')) s";

/* As they were told last, and after how many reloads. */
static char *told = NULL;
static uint32 reloads_seen = 0;

static char *
column_of_row(int column, MemoryContext context)
{
	char	   *value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);

	return value == NULL ? NULL : MemoryContextStrdup(context, value);
}

/*
 * Called in the sealer's transaction; all of them, or those that are others than
 * they were told, or NULL where none is.  The result is in the caller's memory.
 */
static char *
settings(bool all)
{
	MemoryContext caller = CurrentMemoryContext;
	Oid			type = TEXTOID;
	Datum		before = all || told == NULL ? (Datum) 0 : CStringGetTextDatum(told);
	char	   *json = NULL;
	char	   *now = NULL;

	reloads_seen = csec_worker_reloads;
	SPI_connect();
	if (SPI_execute_with_args(settings_query, 1, &type, &before, before == 0 ? "n" : " ",
							  true, 1) == SPI_OK_SELECT && SPI_processed == 1)
	{
		json = column_of_row(all ? 2 : 3, caller);
		now = column_of_row(1, TopMemoryContext);
	}
	SPI_finish();
	if (now != NULL)
	{
		if (told != NULL)
			pfree(told);
		told = now;
	}
	return json;
}

void
csec_presence_reloaded(CsecBatch *batch, XLogRecPtr lsn)
{
	char	   *changed;

	if (likely(reloads_seen == csec_worker_reloads))
		return;
	csec_worker_start_transaction();
	changed = settings(false);
	if (changed != NULL)
		csec_note_server(batch, lsn, "settings", psprintf("{\"changed\": %s}", changed));
	csec_worker_commit();
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

/* As csec.policy_version() has it; NULL where the extension was dropped. */
static char *
policy_version(void)
{
	MemoryContext caller = CurrentMemoryContext;
	char	   *version = NULL;

	SPI_connect();
	if (SPI_execute("SELECT coalesce(pg_catalog.pg_sequence_last_value(c.oid), 1) FROM pg_catalog.pg_class c"
					" WHERE c.oid = pg_catalog.to_regclass('csec.policy_changes') AND c.relkind = 'S'",
					true, 1) == SPI_OK_SELECT && SPI_processed == 1)
		version = column_of_row(1, caller);
	SPI_finish();
	return version;
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
	part = policy_version();
	if (part != NULL)
		appendStringInfo(&detail, ", \"policy\": %s", part);
	part = settings(true);
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
