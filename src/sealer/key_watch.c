/*
 * key_watch.c
 *		Do the keys of this database open?
 *
 * A session learns it when it needs the key, which may be weeks after the KEK
 * was lost.  So the sealer unwraps them all when it starts: the log says at
 * the server's start what will not be readable, and the trail keeps it.  It is
 * no reason not to start: who needs no such value is not troubled.
 *
 * KEKs are read anew when the configuration is reloaded: by the launcher, for
 * all; each sealer then looks again.  Every csec.key_check_interval it asks the
 * provider for them, too, to know in time that a restart would fail: what is in
 * force stays so, whatever it gives.  Where it does not give them, each trail is
 * told, and when it does again.
 */
#include "sealer/key_watch.h"

#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "audit/stream.h"
#include "keys/data_key.h"
#include "keys/kek.h"
#include "keys/provider_state.h"
#include "sealer/note.h"
#include "util/guc.h"

/* The generation of KEKs that the keys were tried with. */
static uint32 watched = 0;

static void
note(CsecBatch *batch, XLogRecPtr lsn, const CsecKeyTrouble *trouble)
{
	StringInfoData detail;

	initStringInfo(&detail);
	appendStringInfo(&detail, "{\"id\": %u, \"version\": %u, \"kek\": ",
					 trouble->id, trouble->version);
	escape_json(&detail, trouble->kek);
	appendStringInfoString(&detail, ", \"why\": ");
	escape_json(&detail, trouble->message);
	appendStringInfoChar(&detail, '}');
	csec_note_server(batch, lsn, "key does not open", detail.data);
	pfree(detail.data);
}

const CsecKeyTrouble *
csec_keys_watch(CsecBatch *batch, XLogRecPtr lsn)
{
	int			n;
	CsecKeyTrouble *troubles;
	CsecStream *stream = csec_stream_of(MyDatabaseId, false);

	watched = csec_kek_generation();
	troubles = csec_key_troubles(&n);
	if (stream != NULL)
		pg_atomic_write_u32(&stream->keys_shut, n);
	for (int i = 0; i < n; i++)
	{
		ereport(WARNING,
				(errmsg("database \"%s\": %s",
						get_database_name(MyDatabaseId), troubles[i].message),
				 troubles[i].detail ? errdetail_internal("%s", troubles[i].detail) : 0,
				 troubles[i].hint ? errhint("%s", troubles[i].hint) : 0));
		if (batch != NULL)
			note(batch, lsn, &troubles[i]);
	}
	return n > 0 ? troubles : NULL;
}

bool
csec_keys_watch_due(void)
{
	return watched != csec_kek_generation();
}

void
csec_note_keks(CsecBatch *batch, XLogRecPtr lsn)
{
	StringInfoData detail;

	initStringInfo(&detail);
	appendStringInfoString(&detail, "{\"keks\": ");
	escape_json(&detail, csec_kek_names());
	appendStringInfoChar(&detail, '}');
	csec_note_server(batch, lsn, "keks read", detail.data);
	pfree(detail.data);
}

/*
 * What this sealer last told of the provider.  What was sealed of it stands in the
 * stream, as the next sealer has nothing to tell again.
 */
static uint32 episode_told = 0;

bool
csec_provider_watch_due(void)
{
	CsecProviderState state;

	csec_provider_state(&state);
	return state.episode != episode_told;
}

void
csec_provider_watch(CsecBatch *batch, XLogRecPtr lsn)
{
	CsecProviderState state;
	StringInfoData detail;

	csec_provider_state(&state);
	if (state.episode == episode_told)
		return;
	episode_told = state.episode;
	initStringInfo(&detail);
	appendStringInfoString(&detail, "{\"in_force\": ");
	escape_json(&detail, csec_kek_names());
	if (state.since != 0)
	{
		appendStringInfoString(&detail, ", \"why\": ");
		escape_json(&detail, state.trouble);
	}
	appendStringInfoChar(&detail, '}');
	csec_note_server(batch, lsn, state.since != 0 ? "key provider fails" : "key provider is well again", detail.data);
	pfree(detail.data);
}

void
csec_provider_watch_begin(const CsecStream *stream, CsecBatch *batch, XLogRecPtr lsn)
{
	CsecProviderState state;

	csec_provider_state(&state);
	/* of what was over before anybody could tell there is nothing to tell */
	episode_told = stream->provider_told == 0 && state.since == 0 ? state.episode : stream->provider_told;
	csec_provider_watch(batch, lsn);
}

void
csec_provider_watch_sealed(CsecStream *stream)
{
	stream->provider_told = episode_told;
}

static void
wake_sealers(void)
{
	for (int i = 0; i < CSEC_MAX_DATABASES; i++)
		csec_stream_poke_sealer(&csec_streams->stream[i]);
}

/* Where everybody can look: as the log has it, in one line. */
static char *
in_one_line(const ErrorData *error)
{
	StringInfoData all;

	initStringInfo(&all);
	appendStringInfoString(&all, error->message);
	if (error->detail)
		appendStringInfo(&all, ". %s", error->detail);
	if (error->hint)
		appendStringInfo(&all, "%s%s", error->detail ? " " : ". ", error->hint);
	return all.data;
}

static void
tell_failure(const ErrorData *error)
{
	ereport(WARNING,
			(errmsg("could not read the keys of csec.kek anew: %s", error->message),
			 errdetail("%s%sThose that were in force stay so: %s.",
					   error->detail ? error->detail : "", error->detail ? " " : "",
					   csec_kek_names()),
			 error->hint ? errhint("%s", error->hint) : 0));
}

static void
tell_success(bool changed)
{
	ereport(LOG,
			(changed ? errmsg("csec wraps keys under those of csec.kek as they are now: %s", csec_kek_names()) :
			 errmsg("the provider has the keys of csec.kek that are in force: %s", csec_kek_names())));
}

/*
 * Another key in the place of one of the same name is taken by a reload where it
 * may mend something.  Where all keys open, it would only shut them.
 */
static bool
may_mend(void)
{
	if (RecoveryInProgress())
		return true;
	for (int i = 0; i < CSEC_MAX_DATABASES; i++)
		if (csec_streams->stream[i].database != InvalidOid &&
			pg_atomic_read_u32(&csec_streams->stream[i].keys_shut) > 0)
			return true;
	return false;
}

/* What a DBA sees is there before the log speaks of it. */
static void
ask_and_tell(CsecKeksWhy why, CsecKeysTry also)
{
	ErrorData  *error;
	bool		changed = csec_kek_reload(why == CSEC_KEKS_RELOADED, may_mend(), &error);
	char	   *trouble = error != NULL ? in_one_line(error) : NULL;
	bool		news;

	/* cut short, it has told nothing of the provider */
	if (ShutdownRequestPending || (error != NULL && error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN))
		return;
	if (error == NULL && also != NULL && !also(&trouble))
		return;
	news = csec_provider_told(trouble);
	if (error != NULL)
		tell_failure(error);
	if (changed || (error == NULL && (why != CSEC_KEKS_CHECK || (news && trouble == NULL))))
		tell_success(changed);
	if (news || changed)
		wake_sealers();
}

void
csec_keks_read(CsecKeksWhy why, CsecKeysTry also)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "csec KEKs",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	if (why != CSEC_KEKS_OUTDATED || csec_kek_outdated())
		ask_and_tell(why, also);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

int64
csec_keks_due_in(void)
{
	if (csec_key_check_interval == 0)
		return PG_INT64_MAX;
	return csec_key_check_interval * INT64CONST(1000) - csec_provider_asked_ago();
}
