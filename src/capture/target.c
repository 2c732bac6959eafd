/*
 * target.c
 *		What a statement is about to change, if csec has a say in it.
 *
 * Changes are recorded by a trigger.  A protected table without it, or with
 * one that does not fire, must not be changed: the guards refuse to drop or
 * disable it, this refuses to work where it went all the same (an edit of the
 * catalogs, an event trigger switched off).  The trail has no trigger: whoever
 * changes it by hand is on record for that.
 *
 * Logical replication applies changes without the executor's start.  What it
 * has changed is looked at when it commits: the locks that it holds tell.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "capture/control.h"
#include "capture/target.h"
#include "policy/catalog.h"
#include "policy/own_function.h"
#include "policy/reader.h"
#include "policy/table.h"
#include "util/pgcompat.h"

#define ROW_CHANGES \
	(TRIGGER_TYPE_ROW | TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE)

/* AFTER each row, whatever the column or session_replication_role. */
static bool
records_changes(const Trigger *trigger)
{
	return (trigger->tgtype & ROW_CHANGES) == ROW_CHANGES &&
		TRIGGER_FOR_AFTER(trigger->tgtype) &&
		trigger->tgenabled == TRIGGER_FIRES_ALWAYS &&
		trigger->tgnattr == 0 && trigger->tgqual == NULL &&
		csec_function_records(trigger->tgfoid);
}

static bool
has_our_trigger(const TriggerDesc *triggers)
{
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (csec_function_records(triggers->triggers[i].tgfoid))
			return true;
	return false;
}

/*
 * A dump that is being restored brings rows before triggers, and the policy
 * among the rows; pg_restore --jobs empties each table first.  It says
 * row_security = off, and its rows may be loaded by who may load; that they are
 * is on record.
 */
static bool
tell_restore(Oid relid)
{
	if (row_security || !csec_reader_has_role(CSEC_ROLE_LOADER))
		return false;
	csec_control_emit("RESTORE",
					  quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
												 get_rel_name(relid)), NULL);
	return true;
}

static void
refuse(const char *table, const char *trigger)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("protected table \"%s\" cannot be changed: the change could not be recorded", table),
			 errdetail("Its trigger %s is missing or does not always fire.", trigger),
			 row_security ? errhint("Call csec.unprotect() and csec.protect() for the table.") :
			 errhint("If this is a dump, have it restored by a superuser who is a member of csec_loader; else call csec.unprotect() and csec.protect() for the table.")));
}

static void
require_trigger(Relation rel, const TriggerDesc *triggers, bool is_insert)
{
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (records_changes(&triggers->triggers[i]))
			return;
	if (is_insert && !has_our_trigger(triggers) && tell_restore(RelationGetRelid(rel)))
		return;
	refuse(RelationGetRelationName(rel), "csec_zz_record");
}

static const char *
command_name(CmdType operation)
{
	switch (operation)
	{
		case CMD_INSERT:
			return "INSERT";
		case CMD_UPDATE:
			return "UPDATE";
		case CMD_DELETE:
			return "DELETE";
		case CMD_SELECT:
			return "WITH";
		default:
			return "MERGE";
	}
}

/*
 * The transaction gets its id now, so that its outcome will be told.  Tables
 * that it has made itself, as csec.create_trail() does, hold nothing yet.
 */
static void
tell_change_of_trail(Relation rel, const CsecTable *table, const char *action)
{
	if (rel->rd_createSubid != InvalidSubTransactionId)
		return;
	(void) GetCurrentTransactionId();
	csec_control_emit(action, table->qualified_name, NULL);
}

/*
 * Somebody edits a catalog as if it were a table: roles, memberships, triggers,
 * whatever.  PostgreSQL's own way does not come through here.
 */
static void
tell_change_of_catalog(Oid relid, const char *action)
{
	if (IsBinaryUpgrade)
		return;
	(void) GetCurrentTransactionId();
	csec_control_emit(action,
					  quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
												 get_rel_name(relid)), NULL);
}

/*
 * Members of pg_write_all_data may write every table.  Of csec's own only who was
 * given the right may: a clearance, or a key, is more than data, and whoever loads
 * these would be csec's administrator without being made one.
 */
static void
refuse_general_writer(Oid relid, Oid user, AclMode mode)
{
	HeapTuple	class;
	Oid			owner;
	Datum		value;
	bool		isnull;
	Acl		   *acl;

	mode &= ACL_INSERT | ACL_UPDATE | ACL_DELETE;
	if (mode == ACL_NO_RIGHTS || superuser_arg(user) ||
		!(csec_relation_is_own(relid) || get_rel_namespace(relid) == csec_trail_namespace()) ||
		!has_privs_of_role(user, ROLE_PG_WRITE_ALL_DATA))
		return;
	class = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(class))
		return;
	owner = ((Form_pg_class) GETSTRUCT(class))->relowner;
	value = SysCacheGetAttr(RELOID, class, Anum_pg_class_relacl, &isnull);
	acl = isnull ? acldefault(OBJECT_TABLE, owner) : DatumGetAclPCopy(value);
	ReleaseSysCache(class);
	if (aclmask(acl, user, owner, mode, ACLMASK_ALL) == mode)
		return;
	csec_denial_emit("writing all data", get_rel_name(relid), NULL);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for table \"%s\" of csec", get_rel_name(relid)),
			 errdetail("pg_write_all_data is not enough."),
			 errhint("Members of csec_admin, and of csec's other roles, have functions for it.")));
}

/* Of partitions the table's own entry says what is needed. */
static void
check_writer(PlannedStmt *stmt)
{
	ListCell   *lc;

	if (stmt->resultRelations == NIL)
		return;
	foreach(lc, stmt->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		AclMode		needed;
		Oid			as;

		if (rte->rtekind != RTE_RELATION)
			continue;
		needed = csec_permission_needed(stmt, rte, &as);
		refuse_general_writer(rte->relid, OidIsValid(as) ? as : GetUserId(), needed);
	}
}

/* Look at the tables that a query, which ExecutorStart has set up, changes. */
void
csec_targets_check(QueryDesc *queryDesc)
{
	ResultRelInfo **targets = queryDesc->estate->es_result_relations;
	Oid			told = InvalidOid;
	ListCell   *lc;

	check_writer(queryDesc->plannedstmt);
	foreach(lc, queryDesc->plannedstmt->resultRelations)
	{
		ResultRelInfo *target = targets == NULL ? NULL : targets[lfirst_int(lc) - 1];
		const CsecTable *table;

		if (target == NULL)
			continue;
		if (RelationGetRelid(target->ri_RelationDesc) < FirstNormalObjectId)
			tell_change_of_catalog(RelationGetRelid(target->ri_RelationDesc),
								   command_name(queryDesc->operation));
		table = csec_table_lookup(RelationGetRelid(target->ri_RelationDesc));
		if (table == NULL)
			continue;
		if (!table->is_trail)
			require_trigger(target->ri_RelationDesc, target->ri_TrigDesc,
							queryDesc->operation == CMD_INSERT);
		else if (table->root != told)
		{
			tell_change_of_trail(target->ri_RelationDesc, table,
								 command_name(queryDesc->operation));
			told = table->root;
		}
	}
}

/* Those that rows were routed to, which are known when it has run. */
void
csec_targets_check_routed(QueryDesc *queryDesc)
{
	ListCell   *lc;

	foreach(lc, queryDesc->estate->es_tuple_routing_result_relations)
	{
		ResultRelInfo *target = lfirst(lc);
		const CsecTable *table = csec_table_lookup(RelationGetRelid(target->ri_RelationDesc));

		if (table != NULL && !table->is_trail)
			require_trigger(target->ri_RelationDesc, target->ri_TrigDesc, true);
	}
}

static void
check_relation(Oid relid)
{
	const CsecTable *table = csec_table_lookup(relid);
	Relation	rel;

	if (table == NULL)
		return;
	rel = table_open(relid, AccessShareLock);
	if (table->is_trail)
		tell_change_of_trail(rel, table, "COPY");
	else
		require_trigger(rel, rel->trigdesc, true);
	table_close(rel, NoLock);
}

/* The same for COPY FROM, which changes tables without a query. */
void
csec_target_check(Oid relid)
{
	const CsecTable *table = csec_table_lookup(relid);
	ListCell   *lc;

	refuse_general_writer(relid, GetUserId(), ACL_INSERT);
	if (relid < FirstNormalObjectId)
		tell_change_of_catalog(relid, "COPY");
	if (table == NULL)
		return;
	if (table->is_trail || get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		check_relation(relid);
	else
		foreach(lc, find_all_inheritors(relid, AccessShareLock, NULL))
			check_relation(lfirst_oid(lc));
}

/* Does PostgreSQL look for triggers at all?  True where the table is gone. */
static bool
may_have_triggers(Oid relid)
{
	HeapTuple	class = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool		may;

	if (!HeapTupleIsValid(class))
		return true;
	may = ((Form_pg_class) GETSTRUCT(class))->relhastriggers;
	ReleaseSysCache(class);
	return may;
}

/*
 * Is there a trigger that records TRUNCATE and fires, and is there any of ours?
 * By the catalogs and without a lock: TRUNCATE asks before it has one, and to
 * take a weaker one first would be a deadlock with the next who does so.
 */
static bool
records_truncate(Oid relid, bool *ours)
{
	Relation	rel = table_open(TriggerRelationId, AccessShareLock);
	bool		records = false;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;

	*ours = false;
	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, TriggerRelidNameIndexId, true, NULL, 1, &key);
	while ((row = systable_getnext(scan)) != NULL)
	{
		Form_pg_trigger trigger = (Form_pg_trigger) GETSTRUCT(row);

		if (!csec_function_records(trigger->tgfoid))
			continue;
		*ours = true;
		if (TRIGGER_FOR_TRUNCATE(trigger->tgtype) && TRIGGER_FOR_AFTER(trigger->tgtype) &&
			trigger->tgenabled == TRIGGER_FIRES_ALWAYS)
			records = true;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return records && may_have_triggers(relid);
}

/* A table is to be truncated, by name or because another one is. */
void
csec_target_check_truncate(Oid relid)
{
	const CsecTable *table = csec_table_lookup(relid);
	bool		ours;

	if (table == NULL || table->is_trail || records_truncate(relid, &ours))
		return;
	if (get_rel_name(relid) == NULL)
		return;					/* it is gone: there is nothing to truncate */
	if (ours || !tell_restore(relid))
		refuse(get_rel_name(relid), "csec_zz_truncate");
}

static bool
is_locked_by_me(Oid relid, LOCKMODE mode)
{
	LOCKTAG		tag;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, relid);
	return csec_holds_lock(&tag, mode);
}

/* A transaction of logical replication is about to commit. */
void
csec_targets_check_applied(void)
{
	int			n;
	const Oid  *relids = csec_table_all(&n);

	for (int i = 0; i < n; i++)
	{
		if (is_locked_by_me(relids[i], RowExclusiveLock) &&
			get_rel_relkind(relids[i]) == RELKIND_RELATION)
			check_relation(relids[i]);
		if (is_locked_by_me(relids[i], AccessExclusiveLock))
			csec_target_check_truncate(relids[i]);
	}
}
