/*
 * connection.c
 *		Connections to a server, told as psql is told.                  [FE]
 */
#include "postgres_fe.h"

#include "common/string.h"

#include "util/bytes.h"
#include "verify/connection.h"
#include "verify/copy_row.h"
#include "verify/finding.h"

/*
 * search_path: nobody's operators stand for PostgreSQL's.  row_security: what
 * a policy would hide is an error.  The encoding: bytes as they are stored.
 * enable_sort: rows are asked for in the order of their index, and the planner
 * would sort them on disk; where there is no index it still does.
 */
static const char *const settings[] = {
	"SET search_path = pg_catalog",
	"SET row_security = off",
	"SET client_encoding = 'SQL_ASCII'",
	"SET statement_timeout = 0",
	"SET idle_in_transaction_session_timeout = 0",
	"SET datestyle = 'ISO'",
	"SET timezone = 'UTC'",
	"SET jit = off",
	"SET enable_sort = off"
};

static const char *
message_of(PGconn *conn)
{
	char	   *message = csec_strdup(PQerrorMessage(conn));
	size_t		len = strlen(message);

	while (len > 0 && message[len - 1] == '\n')
		message[--len] = '\0';
	return message;
}

static PGconn *
try_connect(const CsecServer *server)
{
	const char *keywords[] = {"host", "port", "user", "password", "dbname",
	"fallback_application_name", NULL};
	const char *values[] = {server->host, server->port, server->user,
		server->password, server->dbname, server->program, NULL};
	PGconn	   *conn = PQconnectdbParams(keywords, values, true);

	if (conn == NULL)
		csec_fail("out of memory");
	return conn;
}

PGconn *
csec_connect(CsecServer *server)
{
	PGconn	   *conn;

	if (server->prompt > 0 && server->password == NULL)
		server->password = simple_prompt("Password: ", false);
	conn = try_connect(server);
	if (PQstatus(conn) == CONNECTION_BAD && PQconnectionNeedsPassword(conn) &&
		server->prompt >= 0 && server->password == NULL)
	{
		PQfinish(conn);
		server->password = simple_prompt("Password: ", false);
		conn = try_connect(server);
	}
	if (PQstatus(conn) == CONNECTION_BAD)
		csec_fail("%s", message_of(conn));
	for (size_t i = 0; i < lengthof(settings); i++)
		csec_run(conn, settings[i]);
	return conn;
}

void
csec_run(PGconn *conn, const char *sql)
{
	PGresult   *result = PQexec(conn, sql);
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		csec_fail("%s", message_of(conn));
	PQclear(result);
}

PGresult *
csec_query(PGconn *conn, const char *sql, int rows, int nparams,
		   const char *const *params)
{
	PGresult   *result = PQexecParams(conn, sql, nparams, NULL, params, NULL, NULL, 0);

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		csec_fail("%s", message_of(conn));
	if (PQntuples(result) < rows)
		csec_fail("the server gave no answer to: %s", sql);
	return result;
}

int64_t
csec_result_int64(const PGresult *result, int row, int column)
{
	const char *text = PQgetvalue(result, row, column);
	char	   *end;
	int64_t		v;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0')
		csec_fail("the server gave no number where one was asked for");
	return v;
}

void
csec_copy_begin(CsecCopy *copy, PGconn *conn, const char *sql)
{
	PGresult   *result = PQexec(conn, sql);

	if (PQresultStatus(result) != PGRES_COPY_OUT)
		csec_fail("%s", message_of(conn));
	PQclear(result);
	copy->conn = conn;
	copy->message = NULL;
	copy->begun = false;
}

static void
end_copy(CsecCopy *copy)
{
	PGresult   *result;

	while ((result = PQgetResult(copy->conn)) != NULL)
	{
		if (PQresultStatus(result) != PGRES_COMMAND_OK)
			csec_fail("%s", message_of(copy->conn));
		PQclear(result);
	}
}

bool
csec_copy_next(CsecCopy *copy, CsecDatum *field, int count)
{
	for (;;)
	{
		bool		first = !copy->begun;
		int			len;

		if (copy->message != NULL)
			PQfreemem(copy->message);
		copy->message = NULL;
		len = PQgetCopyData(copy->conn, &copy->message, 0);
		if (len == -1)
		{
			end_copy(copy);
			return false;
		}
		if (len < 0)
			csec_fail("%s", message_of(copy->conn));
		copy->begun = true;
		switch (csec_copy_row((const uint8_t *) copy->message, (size_t) len, first,
							  field, count))
		{
			case CSEC_COPY_ROW:
				return true;
			case CSEC_COPY_END:
				break;
			case CSEC_COPY_BROKEN:
				csec_fail("the server sent a row that is none");
		}
	}
}

uint64_t
csec_copy_u64(CsecDatum field)
{
	if (field.data == NULL || field.len != 8)
		csec_fail("the server sent a column of another type");
	return csec_get_u64(field.data);
}

uint32_t
csec_copy_u32(CsecDatum field)
{
	if (field.data == NULL || field.len != 4)
		csec_fail("the server sent a column of another type");
	return csec_get_u32(field.data);
}
