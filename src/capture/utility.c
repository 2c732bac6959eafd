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
#include "capture/control.h"
#include "capture/guard.h"
#include "capture/reads.h"
#include "capture/target.h"
#include "capture/token_login.h"
#include "capture/utility.h"
#include "policy/catalog.h"
#include "policy/table.h"
#include "sealer/park.h"
#include "sealer/slot.h"

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

static char *
qualified(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

static bool
is_own(Oid relid)
{
	/* while they are made they are not edited, nor is anything recorded yet */
	return !creating_extension && !IsBinaryUpgrade && csec_relation_is_own(relid);
}

/*
 * A protected table, one of the trail, or one of csec's own: who takes a trigger
 * off a policy table may be about to edit its rows.
 */
static bool
is_protected(RangeVar *name, Oid *relid)
{
	if (name == NULL)
		return false;
	*relid = RangeVarGetRelid(name, NoLock, true);
	return OidIsValid(*relid) &&
		(csec_table_lookup(*relid) != NULL || is_own(*relid));
}

static bool
is_of_trail(Oid relid)
{
	const CsecTable *table = csec_table_lookup(relid);

	return table != NULL && table->is_trail;
}

/* The protected tables, or those of the trail, in a list of names; NULL: none. */
static char *
protected_in_list(List *names, bool trail_only)
{
	StringInfoData found;
	ListCell   *lc;
	Oid			relid;

	initStringInfo(&found);
	foreach(lc, names)
	{
		Node	   *name = lfirst(lc);
		RangeVar   *rv = IsA(name, RangeVar) ? (RangeVar *) name :
			IsA(name, List) ? makeRangeVarFromNameList((List *) name) : NULL;

		if (is_protected(rv, &relid) &&
			(!trail_only || is_of_trail(relid)))
			appendStringInfo(&found, "%s%s", found.len > 0 ? ", " : "", qualified(relid));
	}
	return found.len > 0 ? found.data : NULL;
}

/* The protected tables, and csec's own, that a statement alters; NULL: none. */
static char *
altered_tables(Node *stmt)
{
	Oid			relid;
	RangeVar   *name = NULL;

	switch (nodeTag(stmt))
	{
		case T_AlterTableStmt:
			name = castNode(AlterTableStmt, stmt)->relation;
			break;
		case T_RenameStmt:
			name = castNode(RenameStmt, stmt)->relation;
			break;
		case T_AlterObjectSchemaStmt:
			name = castNode(AlterObjectSchemaStmt, stmt)->relation;
			break;
		case T_IndexStmt:
			name = castNode(IndexStmt, stmt)->relation;
			break;
		case T_CreateTrigStmt:
			name = castNode(CreateTrigStmt, stmt)->relation;
			break;
		case T_RuleStmt:
			name = castNode(RuleStmt, stmt)->relation;
			break;
		case T_CreatePolicyStmt:
			name = castNode(CreatePolicyStmt, stmt)->table;
			break;
		case T_CreateStatsStmt:
			return protected_in_list(castNode(CreateStatsStmt, stmt)->relations, false);
		case T_TruncateStmt:
			/* of other tables it is a change, and recorded as one */
			return protected_in_list(castNode(TruncateStmt, stmt)->relations, true);
		case T_DropStmt:
			if (castNode(DropStmt, stmt)->removeType == OBJECT_TABLE)
				return protected_in_list(castNode(DropStmt, stmt)->objects, false);
			return NULL;
		case T_GrantStmt:
			if (castNode(GrantStmt, stmt)->objtype == OBJECT_TABLE)
				return protected_in_list(castNode(GrantStmt, stmt)->objects, false);
			return NULL;
		default:
			return NULL;
	}
	return is_protected(name, &relid) ? qualified(relid) : NULL;
}

/* The role that a statement is about; NULL: it is about none. */
static const char *
changed_role(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_GrantRoleStmt:
			{
				List	   *roles = castNode(GrantRoleStmt, stmt)->granted_roles;

				return castNode(AccessPriv, linitial(roles))->priv_name;
			}
		case T_CreateRoleStmt:
			return castNode(CreateRoleStmt, stmt)->role;
		case T_AlterRoleStmt:
			return castNode(AlterRoleStmt, stmt)->role->rolename;
		case T_AlterRoleSetStmt:
			{
				RoleSpec   *role = castNode(AlterRoleSetStmt, stmt)->role;

				return role != NULL && role->rolename != NULL ? role->rolename : "all";
			}
		case T_DropRoleStmt:
			return castNode(RoleSpec, linitial(castNode(DropRoleStmt, stmt)->roles))->rolename;
		default:
			return NULL;
	}
}

/* A setting of csec's, or one that switches its triggers, being set; or NULL. */
static const char *
changed_setting(Node *stmt)
{
	const char *name = NULL;

	if (IsA(stmt, AlterSystemStmt))
		name = castNode(AlterSystemStmt, stmt)->setstmt->name;
	else if (IsA(stmt, AlterDatabaseSetStmt))
		name = castNode(AlterDatabaseSetStmt, stmt)->setstmt->name;
	else if (IsA(stmt, VariableSetStmt) && superuser())
		name = castNode(VariableSetStmt, stmt)->name;
	if (name == NULL)
		return NULL;
	if (pg_strncasecmp(name, "csec.", 5) == 0 ||
		pg_strcasecmp(name, "session_replication_role") == 0 ||
		pg_strcasecmp(name, "shared_preload_libraries") == 0)
		return name;
	return NULL;
}

/*
 * Note now what there is to record afterwards: a dropped table has no name
 * any more.  The statement's text is left out, as it may hold values.
 */
static void
note_control(CsecUtility *utility, Node *stmt)
{
	const char *object = altered_tables(stmt);

	if (object == NULL)
		object = changed_role(stmt);
	if (object == NULL)
		object = changed_setting(stmt);
	if (object == NULL && IsA(stmt, LoadStmt))
		object = castNode(LoadStmt, stmt)->filename;
	if (object == NULL)
		return;
	utility->object = pstrdup(object);
	utility->action = pstrdup(GetCommandTagName(CreateCommandTag(stmt)));
	utility->detail = csec_own_ddl() ? pstrdup("{\"by\": \"csec\"}") : NULL;
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
	if (!csec_database_has_csec())
		return;
	csec_guard_statement((*pstmt)->utilityStmt);
	csec_token_login_check_statement((*pstmt)->utilityStmt);
	if (!utility->trail_own_ddl)
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
}

/* After the statement, where it succeeded. */
void
csec_utility_after(CsecUtility *utility)
{
	if (utility->action != NULL && csec_database_has_csec() && !RecoveryInProgress())
		csec_control_emit(utility->action, utility->object, utility->detail);
}
