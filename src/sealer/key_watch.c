/*
 * key_watch.c
 *		Do the keys of this database open?
 *
 * A session learns it when it needs the key, which may be weeks after the KEK
 * was lost.  So the sealer unwraps them all when it starts: the log says at
 * the server's start what will not be readable, and the trail keeps it.  It is
 * no reason not to start: who needs no such value is not troubled.
 */
#include "sealer/key_watch.h"

#include "commands/dbcommands.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/json.h"

#include "keys/data_key.h"
#include "sealer/note.h"

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
	CsecKeyTrouble *troubles = csec_key_troubles(&n);

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
