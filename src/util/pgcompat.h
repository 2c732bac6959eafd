/*
 * pgcompat.h
 *		The differences between PostgreSQL's versions, all of them.
 */
#ifndef CSEC_UTIL_PGCOMPAT_H
#define CSEC_UTIL_PGCOMPAT_H

#include "postgres.h"

#include "replication/message.h"
#include "storage/proc.h"
#include "utils/guc_tables.h"

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
#define CSEC_RUN_WITHOUT_WORKERS(queryDesc) ((queryDesc)->already_executed = true)
#else
#define CSEC_RUN_HOOK_ARGS \
	QueryDesc *queryDesc, ScanDirection direction, uint64 count, \
	bool execute_once
#define CSEC_RUN_HOOK_PASS queryDesc, direction, count, execute_once
/* A query that was run before, or may be again (older minor releases), gets no workers. */
#define CSEC_RUN_WITHOUT_WORKERS(queryDesc) \
	((queryDesc)->already_executed = true, execute_once = false)
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

/* 16 keeps for each grant whether it is inherited; before, the member says. */
#if PG_VERSION_NUM >= 160000
#define csec_membership_inherits(m, member_inherits) \
	((void) (member_inherits), (m)->inherit_option)
#else
#define csec_membership_inherits(m, member_inherits) \
	((void) (m), (member_inherits))
#endif

/* 17 moved the transaction's number in its backend. */
#if PG_VERSION_NUM >= 170000
#define csec_my_lxid() (MyProc->vxid.lxid)
#else
#define csec_my_lxid() (MyProc->lxid)
#endif

/* 16 exports the look-up of a setting; before, the array must be walked. */
static inline struct config_generic *
csec_find_setting(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return find_option(name, false, true, 0);
#else
	struct config_generic **all = get_guc_variables();
	int			n = GetNumConfigOptions();

	for (int i = 0; i < n; i++)
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	return NULL;
#endif
}

/* 16 calls files by another name. */
#if PG_VERSION_NUM >= 160000
#define csec_set_new_files(rel) \
	RelationSetNewRelfilenumber((rel), (rel)->rd_rel->relpersistence)
#else
#define csec_set_new_files(rel) \
	RelationSetNewRelfilenode((rel), (rel)->rd_rel->relpersistence)
#endif

/* 17 wants to know for whom. */
#if PG_VERSION_NUM >= 170000
#define csec_rebuild_indexes(relid, flags) \
	reindex_relation(NULL, (relid), (flags), &(ReindexParams) {0})
#else
#define csec_rebuild_indexes(relid, flags) \
	reindex_relation((relid), (flags), &(ReindexParams) {0})
#endif

#endif							/* CSEC_UTIL_PGCOMPAT_H */
