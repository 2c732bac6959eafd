/*
 * pgcompat.h
 *		The differences between PostgreSQL's versions that csec's calls meet.
 *
 * docs/architecture.md says what was tried with later ones, and what a port must look at.
 */
#ifndef CSEC_UTIL_PGCOMPAT_H
#define CSEC_UTIL_PGCOMPAT_H

#include "postgres.h"

#include "nodes/execnodes.h"
#include "nodes/plannodes.h"
#include "replication/message.h"
#include "replication/syncrep.h"
#include "replication/walsender_private.h"
#include "storage/proc.h"
#include "utils/guc_tables.h"

#if PG_VERSION_NUM < 150000
#error "csec needs PostgreSQL 15 or later"
#endif

/* 16 took VARDATA and its like out of postgres.h. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 18 says of a function that it does not return before its type, not after its arguments. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
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

/* 16 declares what a setting calls elsewhere. */
#if PG_VERSION_NUM >= 160000
#include "utils/guc_hooks.h"
#endif

/* Later minor releases tell whether standbys are set up by bits; under SyncRepLock. */
#ifdef SYNC_STANDBY_DEFINED
#define csec_sync_standbys_defined() ((WalSndCtl->sync_standbys_status & SYNC_STANDBY_DEFINED) != 0)
#else
#define csec_sync_standbys_defined() (WalSndCtl->sync_standbys_defined)
#endif

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

/*
 * 16 moved the columns that a query reads out of the range table entry.  False: it
 * is not said, as of children.
 */
#if PG_VERSION_NUM >= 160000
#include "executor/executor.h"
#include "parser/parse_relation.h"
static inline bool
csec_permission_columns(PlannedStmt *stmt, RangeTblEntry *rte, Bitmapset **columns)
{
	if (rte->perminfoindex == 0)
		return false;
	*columns = getRTEPermissionInfo(stmt->permInfos, rte)->selectedCols;
	return true;
}
#else
#define csec_permission_columns(stmt, rte, columns) \
	((void) (stmt), *(columns) = (rte)->selectedCols, true)
#endif

/* ... as it moved the role by whose rights it goes, and those that it needs. */
#if PG_VERSION_NUM >= 160000
static inline AclMode
csec_permission_needed(PlannedStmt *stmt, RangeTblEntry *rte, Oid *as)
{
	RTEPermissionInfo *info;

	*as = InvalidOid;
	if (rte->perminfoindex == 0)
		return ACL_NO_RIGHTS;
	info = getRTEPermissionInfo(stmt->permInfos, rte);
	*as = info->checkAsUser;
	return info->requiredPerms;
}
#else
#define csec_permission_needed(stmt, rte, as) \
	((void) (stmt), *(as) = (rte)->checkAsUser, (rte)->requiredPerms)
#endif

/* 16 keeps for each grant whether it is inherited; before, the member says. */
#if PG_VERSION_NUM >= 160000
#define csec_membership_inherits(m, member_inherits) \
	((void) (member_inherits), (m)->inherit_option)
#else
#define csec_membership_inherits(m, member_inherits) \
	((void) (m), (member_inherits))
#endif

/* ... and whether the member may SET ROLE; before, every member may. */
#if PG_VERSION_NUM >= 160000
#define csec_membership_sets(m) ((m)->set_option)
#else
#define csec_membership_sets(m) true
#endif

/* 17 moved the transaction's number in its backend. */
#if PG_VERSION_NUM >= 170000
#define csec_my_lxid() (MyProc->vxid.lxid)
#else
#define csec_my_lxid() (MyProc->lxid)
#endif

/* All settings that there are now; 16 keeps them in a hash table. */
static inline struct config_generic **
csec_all_settings(int *n)
{
#if PG_VERSION_NUM >= 160000
	return get_guc_variables(n);
#else
	*n = GetNumConfigOptions();
	return get_guc_variables();
#endif
}

/* 16 exports the look-up of a setting; before, the array must be walked. */
static inline struct config_generic *
csec_find_setting(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return find_option(name, false, true, 0);
#else
	int			n;
	struct config_generic **all = csec_all_settings(&n);

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

/* 16 asks for the owner of any object by one function. */
#if PG_VERSION_NUM >= 160000
#define csec_owns_relation(relid, role) \
	object_ownercheck(RelationRelationId, (relid), (role))
#else
#define csec_owns_relation(relid, role) \
	pg_class_ownercheck((relid), (role))
#endif

/* 16 says of an update which indexes want a new entry, not only whether. */
#if PG_VERSION_NUM >= 160000
#define csec_update_row(rel, tid, tuple) \
	simple_heap_update((rel), (tid), (tuple), &(TU_UpdateIndexes) {TU_None})
#define csec_insert_index_tuples(target, slot, estate, update, no_error, conflict, summarizing) \
	ExecInsertIndexTuples((target), (slot), (estate), (update), (no_error), (conflict), NIL, (summarizing))
#else
#define TU_UpdateIndexes bool
#define TU_None false
#define csec_update_row(rel, tid, tuple) \
	simple_heap_update((rel), (tid), (tuple))
#define csec_insert_index_tuples(target, slot, estate, update, no_error, conflict, summarizing) \
	ExecInsertIndexTuples((target), (slot), (estate), (update), (no_error), (conflict), NIL)
#endif

/*
 * One table to write to.  16 moved the columns out of the range table entry, 18
 * wants to know which entries are not pruned.
 */
#if PG_VERSION_NUM >= 160000
static inline void
csec_init_range_table(EState *estate, RangeTblEntry *rte, Bitmapset *updated)
{
	List	   *permissions = NIL;

	addRTEPermissionInfo(&permissions, rte)->updatedCols = updated;
#if PG_VERSION_NUM >= 180000
	ExecInitRangeTable(estate, list_make1(rte), permissions, bms_make_singleton(1));
#else
	ExecInitRangeTable(estate, list_make1(rte), permissions);
#endif
}
#else
#define csec_init_range_table(estate, rte, updated) \
	((rte)->updatedCols = (updated), ExecInitRangeTable((estate), list_make1(rte)))
#endif

/* 16 counts sessions and places of sessions apart. */
#if PG_VERSION_NUM >= 160000
#define csec_backend_status(i) (&pgstat_get_local_beentry_by_index(i)->backendStatus)
#else
#define csec_backend_status(i) pgstat_fetch_stat_beentry(i)
#endif

/* 17 has new names, and counts processes from 0. */
#if PG_VERSION_NUM >= 170000
#define csec_proc_of(vxid) ProcNumberGetProc((vxid).procNumber)
#else
#define MyProcNumber MyBackendId
#define ParallelLeaderProcNumber ParallelLeaderBackendId
#define INVALID_PROC_NUMBER InvalidBackendId
#define TransamVariables ShmemVariableCache
#define csec_proc_of(vxid) BackendIdGetProc((vxid).backendId)
#endif

/* 17 can also ask for a lock that is at least so strong. */
#if PG_VERSION_NUM >= 170000
#define csec_holds_lock(tag, mode) LockHeldByMe((tag), (mode), false)
#else
#define csec_holds_lock(tag, mode) LockHeldByMe((tag), (mode))
#endif

/* 17 keeps what ANALYZE is to gather apart from the column. */
#if PG_VERSION_NUM >= 170000
#define csec_stats_target(stats) ((stats)->attstattarget)
#else
#define csec_stats_target(stats) ((stats)->attr->attstattarget)
#endif

/* 17 may hand a slot over to standbys; 18 can refuse one that is invalid, which csec looks at itself. */
#if PG_VERSION_NUM >= 170000
#define csec_create_slot(name) \
	ReplicationSlotCreate((name), false, RS_PERSISTENT, false, false, false)
#else
#define csec_create_slot(name) \
	ReplicationSlotCreate((name), false, RS_PERSISTENT, false)
#endif
#if PG_VERSION_NUM >= 180000
#define csec_acquire_slot(name) ReplicationSlotAcquire((name), true, false)
#else
#define csec_acquire_slot(name) ReplicationSlotAcquire((name), true)
#endif

/*
 * Does a slot keep WAL no longer?  Before 16 it has no position then; 18 leaves it
 * where it is when it takes the slot for idle.
 */
#if PG_VERSION_NUM >= 160000
#define csec_slot_invalid(slot) ((slot)->data.invalidated != RS_INVAL_NONE)
#else
#define csec_slot_invalid(slot) false
#endif

/* 18 counts what an index scan does. */
#if PG_VERSION_NUM >= 180000
#define csec_index_beginscan(rel, index, snapshot, nkeys) \
	index_beginscan((rel), (index), (snapshot), NULL, (nkeys), 0)
#else
#define csec_index_beginscan(rel, index, snapshot, nkeys) \
	index_beginscan((rel), (index), (snapshot), (nkeys), 0)
#endif

/* 18 can leave out a row of the table's own from what is in conflict. */
#if PG_VERSION_NUM >= 180000
#define csec_check_index_constraints(target, slot, estate, conflict) \
	ExecCheckIndexConstraints((target), (slot), (estate), (conflict), &(ItemPointerData) {0}, NIL)
#else
#define csec_check_index_constraints(target, slot, estate, conflict) \
	ExecCheckIndexConstraints((target), (slot), (estate), (conflict), NIL)
#endif

/* 18 has foreign keys to what held during a period. */
#define csec_keys_have_periods (PG_VERSION_NUM >= 180000)

/* 18 scans a table once that a query joins to itself by a unique key. */
#define csec_joins_to_itself_go (PG_VERSION_NUM >= 180000)

/* 18 asks whether a key that can be deferred will do. */
#if PG_VERSION_NUM >= 180000
#define csec_primary_key_index(rel) RelationGetPrimaryKeyIndex((rel), false)
#else
#define csec_primary_key_index(rel) RelationGetPrimaryKeyIndex(rel)
#endif

/* 18 tells ANALYZE from VACUUM. */
#if PG_VERSION_NUM >= 180000
#define csec_analyze_delay_point() vacuum_delay_point(true)
#else
#define csec_analyze_delay_point() vacuum_delay_point()
#endif

/* 18 has base64 of bytes, before it was of characters. */
#if PG_VERSION_NUM >= 180000
typedef uint8 CsecBase64Byte;
#else
typedef char CsecBase64Byte;
#endif

/* Descends to the leaf of a btree where a key belongs, and locks it; 16 wants the table as well. */
#if PG_VERSION_NUM >= 160000
#define csec_bt_search(index, heap, key, buffer) \
	_bt_search((index), (heap), (key), (buffer), BT_WRITE)
#else
#define csec_bt_search(index, heap, key, buffer) \
	((void) (heap), _bt_search((index), (key), (buffer), BT_WRITE, NULL))
#endif

/* 17 goes through a list that is looked up side by side with the btree, in its order. */
#define csec_btree_walks_lists (PG_VERSION_NUM >= 170000)

/* 17 can give a generated column another expression, which is run on the rows that are there. */
#if PG_VERSION_NUM >= 170000
#define csec_new_expression(command) \
	((command)->subtype == AT_SetExpression ? (command)->def : NULL)
#else
#define csec_new_expression(command) ((Node *) NULL)
#endif

/* 17 has JSON_VALUE and its like, which make values of any type. */
#if PG_VERSION_NUM >= 170000
#define csec_is_json_query(node) IsA((node), JsonExpr)
#else
#define csec_is_json_query(node) false
#endif

/* The longest entry of a btree; 18 knows it without a page. */
#if PG_VERSION_NUM >= 180000
#define csec_bt_max_item(page) BTMaxItemSize
#else
#define csec_bt_max_item(page) BTMaxItemSize(page)
#endif

/* 16 can have an input function report softly what is none of its type. */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#define csec_is_soft(context) ((context) != NULL && IsA((context), ErrorSaveContext))
#else
#define csec_is_soft(context) false
#define errsave(context, ...) do { (void) (context); ereport(ERROR, __VA_ARGS__); } while (0)
#endif

/* 16 can report softly that a range is none. */
#if PG_VERSION_NUM >= 160000
#define csec_make_range(type, lower, upper) \
	make_range((type), (lower), (upper), false, NULL)
#else
#define csec_make_range(type, lower, upper) \
	make_range((type), (lower), (upper), false)
#endif

/* Functions that read files: 16 added a form of two, 17 dropped adminpack's. */
#if PG_VERSION_NUM >= 170000
#define CSEC_FILE_READERS_OF_VERSION \
	case F_PG_READ_FILE_TEXT_BOOL: case F_PG_READ_BINARY_FILE_TEXT_BOOL
#elif PG_VERSION_NUM >= 160000
#define CSEC_FILE_READERS_OF_VERSION \
	case F_PG_READ_FILE_OLD: \
	case F_PG_READ_FILE_TEXT_BOOL: case F_PG_READ_BINARY_FILE_TEXT_BOOL
#else
#define CSEC_FILE_READERS_OF_VERSION case F_PG_READ_FILE_OLD
#endif

#endif							/* CSEC_UTIL_PGCOMPAT_H */
