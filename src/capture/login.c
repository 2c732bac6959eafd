/*
 * login.c
 *		Notes who connects: failed logins, replication, and by setting all.
 *
 * PostgreSQL calls when the client has proved who it is, or has not; what
 * pg_hba.conf refuses before that is in the server's log only.  Who has proved it
 * can still be refused: the role or the database is not there, or not for him.
 * Such a session ends before it has begun to work.  Reads and
 * changes name the login themselves, so logins alone are not told unless
 * csec.record_connections says so.
 */
#include "postgres.h"

#include "libpq/auth.h"
#include "libpq/libpq-be.h"
#include "miscadmin.h"
#include "replication/walsender.h"
#include "storage/ipc.h"
#include "utils/timestamp.h"

#include "audit/connections.h"
#include "capture/login.h"
#include "util/guc.h"

static ClientAuthentication_hook_type prev_ClientAuthentication = NULL;

static bool
is_wanted(CsecConnectionKind kind)
{
	switch (csec_record_connections)
	{
		case CSEC_CONNECTIONS_ALL:
			return true;
		case CSEC_CONNECTIONS_FAILED:
			return kind != CSEC_CONNECTION_LOGIN;
		default:
			return false;
	}
}

static void
copy_text(char *to, const char *from, size_t size)
{
	strlcpy(to, from == NULL ? "" : from, size);
}

static void
note(const Port *port, CsecConnectionKind kind)
{
	CsecConnection connection = {.kind = kind,.at = GetCurrentTimestamp()};

	copy_text(connection.database, port->database_name, sizeof(connection.database));
	copy_text(connection.role, port->user_name, sizeof(connection.role));
	if (port->raddr.addr.ss_family == AF_UNIX)
		copy_text(connection.client, "[local]", sizeof(connection.client));
	else
		copy_text(connection.client, port->remote_host, sizeof(connection.client));
	csec_connections_add(&connection);
}

static void
note_refused(int code, Datum arg)
{
	if (!IsNormalProcessingMode() && is_wanted(CSEC_CONNECTION_FAILED))
		note(MyProcPort, CSEC_CONNECTION_FAILED);
}

static void
client_authentication(Port *port, int status)
{
	CsecConnectionKind kind = status != STATUS_OK ? CSEC_CONNECTION_FAILED :
		am_walsender ? CSEC_CONNECTION_REPLICATION : CSEC_CONNECTION_LOGIN;

	if (prev_ClientAuthentication)
		prev_ClientAuthentication(port, status);

	/* a client that goes away to ask for the password has not failed */
	if (status != STATUS_EOF && is_wanted(kind))
		note(port, kind);
	if (status == STATUS_OK)
		before_shmem_exit(note_refused, (Datum) 0);
}

void
csec_login_init(void)
{
	prev_ClientAuthentication = ClientAuthentication_hook;
	ClientAuthentication_hook = client_authentication;
}
