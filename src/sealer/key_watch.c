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
 * all; each sealer then looks again.  Where the provider does not give them,
 * each trail is told, and when it does again.
 */
#include "sealer/key_watch.h"

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

void
csec_keys_watch(CsecBatch *batch, XLogRecPtr lsn)
{
	int			n;
	CsecKeyTrouble *troubles;

	watched = csec_kek_generation();
	troubles = csec_key_troubles(&n);
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
	pfree(troubles);
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

/* What was last told of the provider; 0: nothing since the sealer's start. */
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

static void
wake_sealers(void)
{
	for (int i = 0; i < CSEC_MAX_DATABASES; i++)
		csec_stream_poke_sealer(&csec_streams->stream[i]);
}

/* Where everybody can look: as the log has it, in one line. */
static void
keep_failure(const ErrorData *error)
{
	StringInfoData all;

	initStringInfo(&all);
	appendStringInfoString(&all, error->message);
	if (error->detail)
		appendStringInfo(&all, ". %s", error->detail);
	if (error->hint)
		appendStringInfo(&all, "%s%s", error->detail ? " " : ". ", error->hint);
	if (csec_provider_told(all.data))
		wake_sealers();
	pfree(all.data);
}

static void
tell_failure(void)
{
	ErrorData  *error = CopyErrorData();

	FlushErrorState();
	if (ShutdownRequestPending)
		return;
	keep_failure(error);
	ereport(WARNING,
			(errmsg("could not read the keys of csec.kek anew: %s", error->message),
			 errdetail("%s%sThose that were in force stay so: %s.",
					   error->detail ? error->detail : "", error->detail ? " " : "",
					   csec_kek_names()),
			 error->hint ? errhint("%s", error->hint) : 0));
}

void
csec_keks_read(bool anyway)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "csec KEKs",
												  ALLOCSET_SMALL_SIZES);

	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		bool		asked = anyway || csec_kek_outdated();
		bool		changed = asked && csec_kek_reload();

		if (asked)
			ereport(LOG,
					(changed ? errmsg("csec wraps keys under those of csec.kek as they are now: %s", csec_kek_names()) :
					 errmsg("the provider has the keys of csec.kek that are in force: %s", csec_kek_names())));
		if ((asked && csec_provider_told(NULL)) || changed)
			wake_sealers();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		tell_failure();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
