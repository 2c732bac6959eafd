/*
 * live_tables.h
 *		The tables of a trail in a server: are they what csec made?     [FE]
 */
#ifndef CSEC_VERIFY_LIVE_TABLES_H
#define CSEC_VERIFY_LIVE_TABLES_H

#include "verify/connection.h"
#include "verify/source.h"

/* Views, rules, other types and the like in the place of the tables. */
extern void csec_check_tables(PGconn *conn, CsecFinding *finding);

/* Rows that the index on seq does not show. */
extern void csec_count_rows(PGconn *conn, int64_t expected, int64_t head,
							CsecFinding *finding);

/* sealer_state, and the encoding of the database. */
extern void csec_read_head(PGconn *conn, CsecSource *source, int *encoding);

/*
 * The checkpoints that the server keeps, one after the other; none where it
 * keeps none.  A note that is null comes as one of no bytes.
 */
typedef struct CsecCheckpointRows
{
	bool		any;
	CsecCopy	copy;
	int64_t		epoch;			/* the columns beside the note */
	int64_t		size;
	CsecDatum	root;
} CsecCheckpointRows;

extern void csec_checkpoint_rows_begin(CsecCheckpointRows *rows, PGconn *conn);
extern bool csec_checkpoint_rows_next(CsecCheckpointRows *rows, CsecNote *note);

/* Asks the server to put all that is sealed under a checkpoint. */
extern void csec_make_checkpoint(PGconn *conn);

extern void csec_read_checkpoints(PGconn *conn, CsecCheckpoints *checkpoints);

/* A transaction to read in; nothing leaves the trail while it lasts. */
extern void csec_begin_reading(PGconn *conn);

/* The anchor of the last cut; false: there is none. */
extern bool csec_read_anchor(PGconn *conn, CsecAnchor *anchor);

/* The tiles that stay of what left: see left.h. */
extern void csec_check_left(PGconn *conn, const CsecAnchor *anchor,
							const CsecCheckpoints *checkpoints, CsecFinding *finding);

#endif							/* CSEC_VERIFY_LIVE_TABLES_H */
