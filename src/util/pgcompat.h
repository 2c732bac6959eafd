/*
 * pgcompat.h
 *		The differences between PostgreSQL's versions, all of them.
 */
#ifndef CSEC_UTIL_PGCOMPAT_H
#define CSEC_UTIL_PGCOMPAT_H

#include "postgres.h"

#include "replication/message.h"

#if PG_VERSION_NUM < 150000
#error "csec needs PostgreSQL 15 or later"
#endif

/* 17 lets the caller flush; csec decides that for itself. */
static inline XLogRecPtr
csec_log_message(const char *prefix, const char *message, size_t size)
{
#if PG_VERSION_NUM >= 170000
	return LogLogicalMessage(prefix, message, size, false, false);
#else
	return LogLogicalMessage(prefix, message, size, false);
#endif
}

/* 18 dropped execute_once from the executor's run hook. */
#if PG_VERSION_NUM >= 180000
#define CSEC_RUN_HOOK_ARGS \
	QueryDesc *queryDesc, ScanDirection direction, uint64 count
#define CSEC_RUN_HOOK_PASS queryDesc, direction, count
#else
#define CSEC_RUN_HOOK_ARGS \
	QueryDesc *queryDesc, ScanDirection direction, uint64 count, \
	bool execute_once
#define CSEC_RUN_HOOK_PASS queryDesc, direction, count, execute_once
#endif

/* 16 moved the columns that a query reads out of the range table entry. */
#if PG_VERSION_NUM >= 160000
#include "parser/parse_relation.h"
static inline Bitmapset *
csec_selected_columns(PlannedStmt *stmt, RangeTblEntry *rte)
{
	if (rte->perminfoindex == 0)
		return NULL;
	return getRTEPermissionInfo(stmt->permInfos, rte)->selectedCols;
}
#else
#define csec_selected_columns(stmt, rte) ((rte)->selectedCols)
#endif

#endif							/* CSEC_UTIL_PGCOMPAT_H */
