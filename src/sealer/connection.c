/*
 * connection.c
 *		Puts connections into the trail.
 *
 * Failed logins and replication concern each database: a password is the
 * cluster's, and so is a base backup.  Logins go to the database's own trail.
 * What repeats itself at once, as guessing does, is one record with a count.
 */
#include "sealer/connection.h"

#include "commands/dbcommands.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/json.h"

#include "audit/connections.h"
#include "sealer/note.h"

static char here[NAMEDATALEN];	/* the database's name */

static bool
is_same(const CsecConnection *a, const CsecConnection *b)
{
	return a->kind == b->kind && strcmp(a->database, b->database) == 0 &&
		strcmp(a->role, b->role) == 0 && strcmp(a->client, b->client) == 0;
}

/* Names are the client's bytes; what is no text here would break its reader. */
static void
append_name(StringInfo json, const char *key, char *name)
{
	if (!pg_verify_mbstr(GetDatabaseEncoding(), name, strlen(name), true))
		for (char *p = name; *p != '\0'; p++)
			if (IS_HIGHBIT_SET(*p))
				*p = '?';
	appendStringInfo(json, "\"%s\": ", key);
	escape_json(json, name);
	appendStringInfoString(json, ", ");
}

static void
tell(CsecBatch *batch, XLogRecPtr lsn, CsecConnection *connection, uint64 count)
{
	static const char *const actions[] = {
		[CSEC_CONNECTION_LOGIN] = "login",
		[CSEC_CONNECTION_FAILED] = "login failed",
		[CSEC_CONNECTION_REPLICATION] = "replication"
	};
	StringInfoData detail;

	if (count == 0)
		return;
	initStringInfo(&detail);
	appendStringInfoChar(&detail, '{');
	if (connection->database[0] != '\0')
		append_name(&detail, "database", connection->database);
	append_name(&detail, "client", connection->client);
	appendStringInfo(&detail, "\"count\": " UINT64_FORMAT ", ", count);
	append_name(&detail, "role", connection->role);
	detail.data[detail.len - 2] = '}';
	detail.data[detail.len - 1] = '\0';
	csec_note_connection(batch, lsn, connection->at, actions[connection->kind],
						 connection->role, detail.data);
	pfree(detail.data);
}

void
csec_connections_start(void)
{
	/* to rename the database its sealer is parked, and starts again */
	strlcpy(here, get_database_name(MyDatabaseId), sizeof(here));
}

void
csec_connections_note(CsecBatch *batch, XLogRecPtr lsn, uint64 *seen)
{
	CsecConnection connection;
	CsecConnection last = {0};
	uint64		count = 0;
	uint64		lost = 0;

	while (csec_connections_next(seen, &connection, &lost))
	{
		if (connection.kind == CSEC_CONNECTION_LOGIN && strcmp(connection.database, here) != 0)
			continue;
		if (count > 0 && is_same(&connection, &last))
		{
			count++;
			continue;
		}
		tell(batch, lsn, &last, count);
		last = connection;
		count = 1;
	}
	tell(batch, lsn, &last, count);
	if (lost > 0)
	{
		char		detail[64];

		snprintf(detail, sizeof(detail), "{\"count\": " UINT64_FORMAT "}", lost);
		csec_note_server(batch, lsn, "connections not told", detail);
	}
}
