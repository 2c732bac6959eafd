/*
 * since.h
 *		A look at the later part of a trail: where it may begin.        [FE]
 *
 * What stands before is taken for granted only as far as a checkpoint covers
 * it.  So the look begins behind the last checkpoint before the point asked for.
 */
#ifndef CSEC_VERIFY_SINCE_H
#define CSEC_VERIFY_SINCE_H

#include "verify/connection.h"
#include "verify/trail.h"

/*
 * The last checkpoint over at most so many records, with the tree that it was
 * signed over.  False where there is none, where the server's tree is not the
 * one that was signed, or does not follow from the checkpoints before it.
 */
extern bool csec_start_find(PGconn *conn, const CsecCheckpoints *checkpoints,
							int64_t at_most, CsecStart *start);

#endif							/* CSEC_VERIFY_SINCE_H */
