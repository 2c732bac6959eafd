/*
 * reads.h
 *		Notes the subjects of the rows that scans over protected tables give.
 */
#ifndef CSEC_CAPTURE_READS_H
#define CSEC_CAPTURE_READS_H

#include "executor/execdesc.h"

extern void csec_reads_instrument(QueryDesc *queryDesc, bool outermost);
extern bool csec_query_exports(QueryDesc *queryDesc);
extern const char *csec_reads_command;	/* overrides the executor's, or NULL */

#endif							/* CSEC_CAPTURE_READS_H */
