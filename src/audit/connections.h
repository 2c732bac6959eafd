/*
 * connections.h
 *		Who connected, or tried to, until the sealers have noted it.
 */
#ifndef CSEC_AUDIT_CONNECTIONS_H
#define CSEC_AUDIT_CONNECTIONS_H

#include "datatype/timestamp.h"

#define CSEC_CONNECTION_HOST	64	/* bytes of a client's address */

typedef enum CsecConnectionKind
{
	CSEC_CONNECTION_LOGIN,
	CSEC_CONNECTION_FAILED,		/* authentication failed */
	CSEC_CONNECTION_REPLICATION
} CsecConnectionKind;

typedef struct CsecConnection
{
	CsecConnectionKind kind;
	TimestampTz at;
	char		database[NAMEDATALEN];	/* as asked for; empty: none */
	char		role[NAMEDATALEN];	/* as asked for */
	char		client[CSEC_CONNECTION_HOST];
} CsecConnection;

extern void csec_connections_init(void);

/* How many there have been since the server's start. */
extern uint64 csec_connections_added(void);

/* Leave one for the sealers. */
extern void csec_connections_add(const CsecConnection *connection);

/*
 * The next one after *cursor, which moves on; false: there is none.  *lost
 * grows by how many were overwritten before this caller came.
 */
extern bool csec_connections_next(uint64 *cursor, CsecConnection *connection, uint64 *lost);

#endif							/* CSEC_AUDIT_CONNECTIONS_H */
