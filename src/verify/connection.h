/*
 * connection.h
 *		Connections to a server, told as psql is told.                  [FE]
 */
#ifndef CSEC_VERIFY_CONNECTION_H
#define CSEC_VERIFY_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "libpq-fe.h"

#include "verify/row.h"

typedef struct CsecServer
{
	const char *dbname;			/* a name, or a connection string */
	const char *host;
	const char *port;
	const char *user;
	int			prompt;			/* -1 never, 0 where needed, 1 at once */
	char	   *password;
	const char *program;
} CsecServer;

/* A connection on which names and values mean what they say. */
extern PGconn *csec_connect(CsecServer *server);

/* Run a command; a failure ends the program. */
extern void csec_run(PGconn *conn, const char *sql);

/* A query's result, of at least so many rows; params are texts or NULL. */
extern PGresult *csec_query(PGconn *conn, const char *sql, int rows,
							int nparams, const char *const *params);

extern int64_t csec_result_int64(const PGresult *result, int row, int column);

/* Rows by COPY … TO STDOUT (FORMAT binary): begin, then one after the other. */
typedef struct CsecCopy
{
	PGconn	   *conn;
	char	   *message;
	bool		begun;
} CsecCopy;

extern void csec_copy_begin(CsecCopy *copy, PGconn *conn, const char *sql);
extern bool csec_copy_next(CsecCopy *copy, CsecDatum *field, int count);

/* Of a fixed-size field, its number; anything else ends the program. */
extern uint64_t csec_copy_u64(CsecDatum field);
extern uint32_t csec_copy_u32(CsecDatum field);

#endif							/* CSEC_VERIFY_CONNECTION_H */
