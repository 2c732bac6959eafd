/*
 * utility.c
 *		What csec does before and after a utility statement.
 *
 * COPY table TO reads the table outside the executor, so it becomes COPY
 * (SELECT …) TO, as PostgreSQL itself does for row security.  Statements that
 * change what is protected, or who may do what, are recorded.  The sealer of
 * a database that is copied, dropped or renamed is stopped meanwhile: its
 * connection would make those fail.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "jit/jit.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "audit/store.h"
#include "capture/acts.h"
#include "capture/control.h"
#include "capture/guard.h"
#include "capture/reads.h"
#include "capture/settings.h"
#include "capture/target.h"
#include "capture/token_login.h"
#include "capture/utility.h"
#include "policy/catalog.h"
#include "policy/table.h"
#include "sealer/park.h"
#include "sealer/slot.h"
#include "types/masked_tried.h"

/* ---- the sealer's connection ---- */

static const char *
template_of(CreatedbStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, "template") == 0 && option->arg != NULL)
			return defGetString(option);
	}
	return "template1";
}

/* The database that a statement needs to be alone in; NULL: none. */
static const char *
exclusive_database(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_CreatedbStmt:
			return template_of(castNode(CreatedbStmt, stmt));
		case T_DropdbStmt:
			return castNode(DropdbStmt, stmt)->dbname;
		case T_AlterDatabaseStmt:
			return castNode(AlterDatabaseStmt, stmt)->dbname;
		case T_RenameStmt:
			if (castNode(RenameStmt, stmt)->renameType == OBJECT_DATABASE)
				return castNode(RenameStmt, stmt)->subname;
			return NULL;
		default:
			return NULL;
	}
}

/*
 * The copy of a database with a trail has a sealer of its own, which needs a
 * slot: without one what is recorded there could not be kept.
 */
static void
refuse_copy_without_slot(Oid template, const char *name)
{
	if (!csec_slot_is_there(template) || csec_slot_is_free())
		return;
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("database \"%s\" has an audit trail, and no replication slot is free for that of a copy", name),
			 errhint("Raise max_replication_slots and restart the server, or drop a slot that nobody uses.")));
}

/* Stop the sealer of a database that the statement needs for itself. */
void
csec_utility_park(CsecUtility *utility, Node *stmt)
{
	const char *name = exclusive_database(stmt);

	utility->parked = utility->dropped = InvalidOid;
	if (name == NULL || RecoveryInProgress() || IsBinaryUpgrade)
		return;
	utility->parked = get_database_oid(name, true);
	if (!OidIsValid(utility->parked))
		return;
	if (IsA(stmt, CreatedbStmt))
		refuse_copy_without_slot(utility->parked, name);
	csec_sealer_park(utility->parked);
	if (IsA(stmt, DropdbStmt))
		utility->dropped = utility->parked;
}

void
csec_utility_release(CsecUtility *utility)
{
	if (OidIsValid(utility->parked))
		csec_sealer_release(utility->parked);
}

/* A database is gone: its slot holds WAL for nobody. */
void
csec_utility_dropped(CsecUtility *utility)
{
	if (OidIsValid(utility->dropped))
		csec_slot_drop(utility->dropped);
}

/* ---- COPY table TO ---- */

static ColumnRef *
column_reference(const char *name)
{
	ColumnRef  *column = makeNode(ColumnRef);

	column->fields = list_make1(makeString(pstrdup(name)));
	column->location = -1;
	return column;
}

/* All columns that COPY would write: not dropped, not generated. */
static List *
all_columns(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	List	   *names = NIL;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && !att->attgenerated)
			names = lappend(names, makeString(pstrdup(NameStr(att->attname))));
	}
	table_close(rel, NoLock);
	return names;
}

static SelectStmt *
select_of(const CopyStmt *copy, Oid relid)
{
	SelectStmt *select = makeNode(SelectStmt);
	List	   *names = copy->attlist != NIL ? copy->attlist : all_columns(relid);
	RangeVar   *from;
	ListCell   *lc;

	foreach(lc, names)
	{
		ResTarget  *target = makeNode(ResTarget);

		target->val = (Node *) column_reference(strVal(lfirst(lc)));
		target->location = -1;
		select->targetList = lappend(select->targetList, target);
	}
	from = makeRangeVar(get_namespace_name(get_rel_namespace(relid)),
						get_rel_name(relid), -1);
	from->inh = false;
	select->fromClause = list_make1(from);
	return select;
}

/*
 * Turn COPY table TO of a protected table into COPY (SELECT …) TO; look at
 * what COPY FROM would change.
 */
static void
prepare_copy(CsecUtility *utility, PlannedStmt **pstmt)
{
	CopyStmt   *copy = castNode(CopyStmt, (*pstmt)->utilityStmt);
	Oid			relid;

	if (copy->relation == NULL)
		return;
	relid = RangeVarGetRelid(copy->relation, NoLock, true);
	if (copy->is_from && OidIsValid(relid))
		csec_target_check(relid);
	if (copy->is_from || !OidIsValid(relid) || get_rel_relkind(relid) != RELKIND_RELATION ||
		csec_table_lookup(relid) == NULL)
		return;
	*pstmt = copyObject(*pstmt);
	copy = castNode(CopyStmt, (*pstmt)->utilityStmt);
	copy->query = (Node *) select_of(copy, relid);
	copy->relation = NULL;
	copy->attlist = NIL;

	/* COPY of a table compiles nothing */
	utility->jit_off = jit_enabled;
	jit_enabled = false;
}

/* ---- what is recorded ---- */

/*
 * Note now what there is to record afterwards: a dropped table has no name
 * any more.  What runs a program, or reads a file, is told before.
 */
static void
note_control(CsecUtility *utility, Node *stmt)
{
	utility->object = csec_act_object(stmt);
	if (utility->object == NULL)
		return;
	utility->action = pstrdup(GetCommandTagName(CreateCommandTag(stmt)));
	utility->detail = csec_act_detail(stmt);
	utility->sets = IsA(stmt, VariableSetStmt);
	if (!csec_act_is_at_once(stmt))
		return;
	if (!RecoveryInProgress())
		csec_control_emit_at_once(utility->action, utility->object, utility->detail);
	utility->action = NULL;
}

/* Does the statement store expressions, in which constants may be, in the catalogs? */
static bool
stores_expressions(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_AlterDomainStmt:
		case T_AlterPolicyStmt:
		case T_AlterPublicationStmt:
		case T_AlterTableStmt:
		case T_CreateDomainStmt:
		case T_CreateForeignTableStmt:
		case T_CreateFunctionStmt:
		case T_CreatePolicyStmt:
		case T_CreatePublicationStmt:
		case T_CreateStatsStmt:
		case T_CreateStmt:
		case T_CreateTrigStmt:
		case T_IndexStmt:
		case T_RuleStmt:
		case T_ViewStmt:
			return true;
		case T_CreateTableAsStmt:
			return castNode(CreateTableAsStmt, stmt)->objtype == OBJECT_MATVIEW;
		default:
			return false;
	}
}

/* ---- the three moments ---- */

/* Before the statement; may replace it. */
void
csec_utility_before(CsecUtility *utility, PlannedStmt **pstmt)
{
	utility->reads_command = csec_reads_command;
	utility->jit_off = false;
	utility->indirect_drop = csec_indirect_drop;
	utility->trail_own_ddl = csec_trail_own_ddl;
	csec_trail_own_ddl = false;
	utility->action = utility->object = utility->detail = NULL;
	utility->sets = false;
	utility->bounds = csec_bounds_now;
	csec_bounds_now = (CsecBounds) {0};
	utility->stored = csec_tried_stored;
	utility->kin = csec_kin_at_work;
	if (!csec_database_has_csec())
		return;
	csec_guard_statement((*pstmt)->utilityStmt);
	csec_kin_note((*pstmt)->utilityStmt);
	csec_tried_stored = stores_expressions((*pstmt)->utilityStmt) && !csec_own_ddl();
	if (!IsBinaryUpgrade)
		csec_bounds_begin((*pstmt)->utilityStmt);
	csec_token_login_check_statement((*pstmt)->utilityStmt);
	if (!utility->trail_own_ddl && !IsBinaryUpgrade)
		note_control(utility, (*pstmt)->utilityStmt);
	if (IsA((*pstmt)->utilityStmt, CopyStmt))
	{
		/* nothing is set for the statement before what may refuse it */
		prepare_copy(utility, pstmt);
		csec_reads_command = "COPY";
	}
}

/* After the statement, whether it failed or not: raises nothing. */
void
csec_utility_always(CsecUtility *utility)
{
	csec_reads_command = utility->reads_command;
	if (utility->jit_off)
		jit_enabled = true;
	csec_indirect_drop = utility->indirect_drop;
	csec_trail_own_ddl = utility->trail_own_ddl;
	csec_kin_at_work = utility->kin;
	csec_bounds_now = utility->bounds;
	csec_tried_stored = utility->stored;
}

/* After the statement, where it succeeded. */
void
csec_utility_after(CsecUtility *utility)
{
	if (utility->action == NULL || !csec_database_has_csec() || RecoveryInProgress())
		return;
	if (utility->sets)
	{
		utility->detail = csec_setting_detail(utility->object);
		csec_settings_told();
	}
	csec_control_emit(utility->action, utility->object, utility->detail);
}
