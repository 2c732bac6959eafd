/*
 * target.c
 *		What a statement is about to change, if csec has a say in it.
 *
 * Changes are recorded by a trigger.  A protected table without it, or with
 * one that does not fire, must not be changed: the guards refuse to drop or
 * disable it, this refuses to work where it went all the same (an edit of the
 * catalogs, an event trigger switched off).  The trail has no trigger: whoever
 * changes it by hand is on record for that.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "capture/control.h"
#include "capture/target.h"
#include "policy/reader.h"
#include "policy/table.h"

#define ROW_CHANGES \
	(TRIGGER_TYPE_ROW | TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE)

static bool
is_our_function(Oid function)
{
	char	   *name;

	if (get_func_namespace(function) != get_namespace_oid("csec", true))
		return false;
	name = get_func_name(function);
	return name != NULL && strcmp(name, "record_change") == 0;
}

/* AFTER each row, whatever the column or session_replication_role. */
static bool
records_changes(const Trigger *trigger)
{
	return (trigger->tgtype & ROW_CHANGES) == ROW_CHANGES &&
		TRIGGER_FOR_AFTER(trigger->tgtype) &&
		trigger->tgenabled == TRIGGER_FIRES_ALWAYS &&
		trigger->tgnattr == 0 && trigger->tgqual == NULL &&
		is_our_function(trigger->tgfoid);
}

static bool
has_our_trigger(const TriggerDesc *triggers)
{
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (is_our_function(triggers->triggers[i].tgfoid))
			return true;
	return false;
}

/*
 * A dump that is being restored brings rows before triggers, and the policy
 * among the rows.  It says row_security = off, and its rows may be loaded by
 * who may load; that they are is on record.
 */
static bool
is_restore(const TriggerDesc *triggers)
{
	return !row_security && !has_our_trigger(triggers) &&
		csec_reader_has_role(CSEC_ROLE_LOADER);
}

static void
require_trigger(Relation rel, const TriggerDesc *triggers, bool is_insert)
{
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (records_changes(&triggers->triggers[i]))
			return;
	if (is_insert && is_restore(triggers))
	{
		csec_control_emit("RESTORE",
						  quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
													 RelationGetRelationName(rel)), NULL);
		return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("protected table \"%s\" cannot be changed: the change could not be recorded",
					RelationGetRelationName(rel)),
			 errdetail("Its trigger csec_zz_record is missing or does not always fire."),
			 errhint("Call csec.unprotect() and csec.protect() for the table.")));
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

/* Look at the tables that a query, which ExecutorStart has set up, changes. */
void
csec_targets_check(QueryDesc *queryDesc)
{
	ResultRelInfo **targets = queryDesc->estate->es_result_relations;
	Oid			told = InvalidOid;
	ListCell   *lc;

	foreach(lc, queryDesc->plannedstmt->resultRelations)
	{
		ResultRelInfo *target = targets == NULL ? NULL : targets[lfirst_int(lc) - 1];
		const CsecTable *table;

		if (target == NULL ||
			(table = csec_table_lookup(RelationGetRelid(target->ri_RelationDesc))) == NULL)
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

/* The same for COPY FROM, which changes a table without a query. */
void
csec_target_check(Oid relid)
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
