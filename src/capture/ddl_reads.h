/*
 * ddl_reads.h
 *		Reads by statements that look at rows without a query.
 */
#ifndef CSEC_CAPTURE_DDL_READS_H
#define CSEC_CAPTURE_DDL_READS_H

#include "nodes/nodes.h"

/* Before the statement; owner names it until it is over.  Is there anything to tell? */
extern bool csec_ddl_reads_before(const void *owner, Node *stmt);

/* It is over: with csec_collectors_forget(), or, in PG_CATCH, with this. */
extern void csec_ddl_reads_failed(const void *owner);

#endif							/* CSEC_CAPTURE_DDL_READS_H */
