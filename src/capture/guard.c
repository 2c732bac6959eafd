/*
 * guard.c
 *		Refuses statements that would destroy or disarm what csec protects.
 *
 * DROP EXTENSION, TYPE, DOMAIN or SCHEMA … CASCADE and DROP OWNED take
 * protected columns along without naming them; ALTER COLUMN … TYPE stores
 * masks for good; a disabled trigger leaves changes unrecorded.  None of it is
 * needed: csec.unprotect() gives plain columns back.  csec's own functions do
 * such things rightly, and say so first with csec.own_ddl().
 *
 * These are guards against accidents and shortcuts.  A superuser can reach
 * around them (a C function, an edit of the catalogs): that is evident in the
 * trail or at verification, not impossible.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parse_func.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "capture/bounds.h"
#include "capture/control.h"
#include "capture/guard.h"
#include "capture/row_types.h"
#include "capture/target.h"
#include "policy/catalog.h"
#include "policy/reader.h"
#include "policy/table.h"
#include "types/masked_value.h"

bool		csec_indirect_drop = false;

/* The statement drops csec itself. */
static bool csec_leaves = false;

static object_access_hook_type prev_object_access = NULL;

/*
 * csec's own functions do DDL: since which subtransaction, and as whom.  What
 * somebody else's code does in the midst of it (a function in an index, say)
 * is none of it.
 */
static bool own_ddl = false;
static SubTransactionId own_ddl_sub = InvalidSubTransactionId;
static Oid	own_ddl_user = InvalidOid;

#define TRIGGER_PREFIX "csec_"

bool
csec_own_ddl(void)
{
	return own_ddl && GetUserId() == own_ddl_user;
}

/* At the end of the outermost statement, and of the transaction. */
void
csec_own_ddl_end(void)
{
	own_ddl = false;
	own_ddl_sub = InvalidSubTransactionId;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_own_ddl_sql);

/*
 * csec.own_ddl(on boolean) returns void: csec's own functions switch the
 * guards off and on again; nobody else may execute it.
 */
Datum
csec_own_ddl_sql(PG_FUNCTION_ARGS)
{
	own_ddl = PG_GETARG_BOOL(0);
	own_ddl_sub = GetCurrentSubTransactionId();
	own_ddl_user = GetUserId();
	PG_RETURN_VOID();
}

static void
end_of_subtransaction(SubXactEvent event, SubTransactionId mySubid,
					  SubTransactionId parentSubid, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && own_ddl && own_ddl_sub == mySubid)
		csec_own_ddl_end();
}

static bool
is_masked_column(Oid relid, AttrNumber attno)
{
	Oid			type = get_atttype(relid, attno);

	if (!OidIsValid(type))
		return false;
	type = getBaseType(type);
	if (OidIsValid(get_element_type(type)))
		type = getBaseType(get_element_type(type));
	return csec_is_field_type(type);
}

/* Stored rows are at stake; of a view's columns nothing is lost. */
static bool
stores_rows(Oid relid)
{
	char		kind = get_rel_relkind(relid);

	return kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE ||
		kind == RELKIND_MATVIEW;
}

/* Refused is what was tried: on record before the error. */
static void
tell_refusal(const char *what, const char *object)
{
	if (!RecoveryInProgress() && !IsBinaryUpgrade)
		csec_denial_emit(what, object, NULL);
}

/*
 * Migrations of applications come by here: one that makes a varchar longer, or
 * sets the types back that a framework remembers.
 */
static void
refuse_field_type(const char *field, const char *table)
{
	static const char *what = "another type for a field";

	tell_refusal(what, table);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s of protected table \"%s\" is refused", what, table),
			 errdetail("Column \"%s\" is a field of csec's, which limits no length.", field),
			 errhint("Leave the column's type out of the migration, or let it count as done. csec.unprotect() gives the old types back.")));
}

/* A copy, say: csec.unprotect() does not know of it, and another type would store masks. */
#define KEEP_AS_TEXT "Let somebody who may see its values add a column of type text, fill it (SET new = old::text), and drop the old one: ALTER TABLE ... DROP COLUMN ... CASCADE."

static void
refuse_copied_type(const char *field, const char *table)
{
	tell_refusal("another type for a field", table);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("another type for column \"%s\" of table \"%s\" is refused", field, table),
			 errdetail("The column is a field of csec's, and the table is not protected."),
			 errhint(KEEP_AS_TEXT)));
}

static void
refuse_protected(const char *what, const char *table)
{
	tell_refusal(what, table);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s of protected table \"%s\" is refused", what, table),
			 errhint("Use csec.unprotect(), or csec.protect() with other fields.")));
}

/*
 * The sealer takes no table that is not as csec made it, so a column more, or
 * another name, would stop it for good.
 */
static void
refuse_trail(const char *table)
{
	tell_refusal("altering the trail", table);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the audit trail cannot be altered: table \"%s\"", table),
			 errhint("What is to be kept beside it goes into a table of its own.")));
}

/* What csec itself is made of: its functions call one another by the names of their schemas. */
static void
refuse_csec(const char *what, const char *name)
{
	tell_refusal(what, name);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s \"%s\" is refused", what, name),
			 errhint("csec does not work without it; DROP EXTENSION csec is the way out.")));
}

static void
guard_drop(Oid relid, int column)
{
	const CsecTable *table;

	/* its policy tables are being dropped: only columns can still be at stake */
	if (csec_leaves && column == 0)
		return;
	table = column == 0 ? csec_table_lookup(relid) : NULL;
	if (table != NULL && table->is_trail)
	{
		tell_refusal("drop of the trail", get_rel_name(relid));
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("the audit trail cannot be dropped: table \"%s\"", get_rel_name(relid)),
				 errhint("The trail outlives csec; partitions leave it through retention.")));
	}
	if (!csec_indirect_drop || !stores_rows(relid))
		return;
	if (column != 0 && csec_leaves && is_masked_column(relid, column))
	{
		/* of protected tables there are none any more: guard_leaving() */
		tell_refusal("drop by way of something else", get_rel_name(relid));
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("this would drop column \"%s\" of table \"%s\" with its values", get_attname(relid, column, false), get_rel_name(relid)),
				 get_rel_relkind(relid) == RELKIND_MATVIEW ? errhint("Drop the materialized view first.") : errhint(KEEP_AS_TEXT)));
	}
	if (column == 0 ? table != NULL : is_masked_column(relid, column))
	{
		tell_refusal("drop by way of something else", get_rel_name(relid));
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("this would drop %s \"%s\"%s, which csec protects",
						column == 0 ? "table" : "a column of table", get_rel_name(relid),
						column == 0 ? "" : " with its values"),
				 errhint("Use csec.unprotect() or csec.unprotect_all() first, which keep the data.")));
	}
}

static void
object_access(ObjectAccessType access, Oid classId, Oid objectId, int subId, void *arg)
{
	if (prev_object_access)
		prev_object_access(access, classId, objectId, subId, arg);
	/* what PostgreSQL drops for itself is the old file of a VACUUM FULL */
	if (access == OAT_DROP && classId == RelationRelationId && !csec_own_ddl() &&
		(((ObjectAccessDrop *) arg)->dropflags & PERFORM_DELETION_INTERNAL) == 0 &&
		!csec_known_absent && IsTransactionState())
	{
		guard_drop(objectId, subId);
		if (subId > 0 && csec_database_has_csec())
			csec_row_type_loses(objectId, subId);
	}
	if (access == OAT_POST_ALTER && classId == InheritsRelationId)
		csec_bounds_child(objectId);
	if (access == OAT_TRUNCATE && !csec_known_absent && IsTransactionState())
		csec_target_check_truncate(objectId);
	if (access == OAT_POST_ALTER && classId == RelationRelationId && subId > 0 &&
		csec_database_has_csec() && !csec_own_ddl() && !IsBinaryUpgrade)
		csec_row_type_altered(objectId, subId);
}

static bool
names_our_trigger(const AlterTableCmd *cmd)
{
	return cmd->name == NULL || strncmp(cmd->name, TRIGGER_PREFIX, strlen(TRIGGER_PREFIX)) == 0;
}

static bool
is_trail(Oid relid)
{
	const CsecTable *table = OidIsValid(relid) ? csec_table_lookup(relid) : NULL;

	return table != NULL && table->is_trail;
}

static void
guard_alter_command(const AlterTableCmd *cmd, Oid relid)
{
	const char *name = get_rel_name(relid);

	/* asked only where it matters: pg_upgrade alters tables before policy is there */
	switch (cmd->subtype)
	{
		case AT_AddColumn:
		case AT_DropColumn:
		case AT_DropNotNull:
		case AT_AddInherit:
		case AT_DropInherit:
		case AT_DetachPartition:
			if (is_trail(relid))
				refuse_trail(name);
			break;
		case AT_AlterColumnType:
			if (is_trail(relid))
				refuse_trail(name);
			if (is_masked_column(relid, get_attnum(relid, cmd->name)))
			{
				if (csec_table_lookup(relid) == NULL)
					refuse_copied_type(cmd->name, name);
				refuse_field_type(cmd->name, name);
			}
			break;
		case AT_DisableTrig:
		case AT_DisableTrigAll:
		case AT_DisableTrigUser:
		case AT_EnableTrig:
		case AT_EnableReplicaTrig:
		case AT_EnableTrigAll:
		case AT_EnableTrigUser:
			if (names_our_trigger(cmd) && csec_table_lookup(relid) != NULL)
				refuse_protected("switching the triggers", name);
			break;
		default:
			break;
	}
}

static void
guard_alter_table(AlterTableStmt *stmt)
{
	Oid			relid = RangeVarGetRelid(stmt->relation, NoLock, true);
	ListCell   *lc;

	if (!OidIsValid(relid))
		return;
	foreach(lc, stmt->cmds)
		guard_alter_command(lfirst_node(AlterTableCmd, lc), relid);
}

/* DROP TRIGGER and ALTER TRIGGER … RENAME name the trigger last. */
static void
guard_trigger(List *object)
{
	const char *trigger = strVal(llast(object));
	Oid			relid = RangeVarGetRelid(makeRangeVarFromNameList(list_truncate(list_copy(object), list_length(object) - 1)),
										 NoLock, true);

	if (OidIsValid(relid) && strncmp(trigger, TRIGGER_PREFIX, strlen(TRIGGER_PREFIX)) == 0 &&
		csec_table_lookup(relid) != NULL)
		refuse_protected("dropping a trigger of csec", get_rel_name(relid));
}

/*
 * Everybody may execute csec's trigger functions, for the sake of partitions.
 * A trigger of somebody's own with csec.record_change() would record what no
 * policy is about, or a change twice; a dump that is restored has csec's, by a
 * superuser.
 */
static void
guard_create_trigger(CreateTrigStmt *stmt)
{
	Oid			function;

	if (superuser() || strcmp(strVal(llast(stmt->funcname)), "record_change") != 0)
		return;
	function = LookupFuncName(stmt->funcname, 0, NULL, true);
	if (!OidIsValid(function) || !csec_object_is_own(ProcedureRelationId, function))
		return;
	tell_refusal("making a trigger of csec", stmt->trigname);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to make a trigger of function %s()", NameListToString(stmt->funcname)),
			 errhint("csec.protect() makes csec's triggers.")));
}

static void
guard_rename(RenameStmt *stmt)
{
	Oid			relid = stmt->relation == NULL ? InvalidOid :
		RangeVarGetRelid(stmt->relation, NoLock, true);

	if (stmt->renameType == OBJECT_SCHEMA &&
		csec_schema_is_own(get_namespace_oid(stmt->subname, true)))
		refuse_csec("renaming schema", stmt->subname);
	if (!OidIsValid(relid))
		return;
	if (is_trail(relid))
		refuse_trail(get_rel_name(relid));
	if (stmt->renameType == OBJECT_TRIGGER &&
		strncmp(stmt->subname, TRIGGER_PREFIX, strlen(TRIGGER_PREFIX)) == 0 &&
		csec_table_lookup(relid) != NULL)
		refuse_protected("renaming a trigger of csec", get_rel_name(relid));
}

/* What a session is refused, nobody shall have from the server's settings. */
static void
guard_alter_system(const AlterSystemStmt *stmt)
{
	const char *name = stmt->setstmt->name;

	if (name == NULL || stmt->setstmt->kind != VAR_SET_VALUE ||
		pg_strcasecmp(name, "session_replication_role") != 0 ||
		csec_reader_has_role(CSEC_ROLE_ADMIN))
		return;
	tell_refusal("ALTER SYSTEM", name);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("%s can be set by members of csec_admin only, where csec is", name)));
}

/* There it would pass for one of csec's own tables. */
static bool
is_csec_schema(const char *name)
{
	Oid			nsp = get_namespace_oid(name, true);

	return csec_schema_is_own(nsp) ||
		(OidIsValid(nsp) && csec_object_is_own(NamespaceRelationId, nsp));
}

static void
guard_set_schema(AlterObjectSchemaStmt *stmt)
{
	Oid			relid = stmt->relation == NULL ? InvalidOid :
		RangeVarGetRelid(stmt->relation, NoLock, true);

	if (is_trail(relid))
		refuse_trail(get_rel_name(relid));
	if (OidIsValid(relid) && csec_table_lookup(relid) != NULL &&
		is_csec_schema(stmt->newschema))
		refuse_protected("moving into a schema of csec", get_rel_name(relid));
}

static bool
drops_indirectly(Node *stmt)
{
	if (IsA(stmt, DropOwnedStmt))
		return true;
	if (!IsA(stmt, DropStmt))
		return false;
	switch (castNode(DropStmt, stmt)->removeType)
	{
		case OBJECT_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_INDEX:
		case OBJECT_TRIGGER:
			return false;
		default:
			return true;
	}
}

static bool
names_one_of(List *objects, const char *a, const char *b)
{
	ListCell   *lc;

	foreach(lc, objects)
	{
		Node	   *object = lfirst(lc);

		if (IsA(object, String) &&
			(strcmp(strVal(object), a) == 0 || strcmp(strVal(object), b) == 0))
			return true;
	}
	return false;
}

/* Does the statement drop csec, or by CASCADE what it stands on? */
static bool
drops_csec(Node *stmt)
{
	DropStmt   *drop = (DropStmt *) stmt;

	if (!IsA(stmt, DropStmt))
		return false;
	if (drop->removeType == OBJECT_EXTENSION)
		return names_one_of(drop->objects, "csec",
							drop->behavior == DROP_CASCADE ? "pgcrypto" : "csec");
	return drop->removeType == OBJECT_SCHEMA && drop->behavior == DROP_CASCADE &&
		names_one_of(drop->objects, "csec", "csec");
}

/* csec may go when nothing is protected any more. */
static void
guard_leaving(void)
{
	CsecPolicyScan scan;
	bool		any;

	csec_policy_scan_begin(&scan, CSEC_POLICY_PROTECTED_TABLE);
	any = csec_policy_scan_next(&scan) != NULL;
	csec_policy_scan_end(&scan);
	if (!any)
		return;
	tell_refusal("drop of csec", "csec");
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("csec cannot be dropped while it protects tables"),
			 errhint("Use csec.unprotect_all() first, which gives them plain columns back with their values.")));
}

/* Look at a utility statement before it runs; raises what must not run. */
void
csec_guard_statement(Node *stmt)
{
	csec_indirect_drop = drops_indirectly(stmt);
	csec_leaves = drops_csec(stmt);
	if (csec_own_ddl())
		return;
	if (csec_leaves)
		guard_leaving();
	if (IsA(stmt, AlterTableStmt))
		guard_alter_table(castNode(AlterTableStmt, stmt));
	else if (IsA(stmt, RenameStmt))
		guard_rename(castNode(RenameStmt, stmt));
	else if (IsA(stmt, CreateTrigStmt))
		guard_create_trigger(castNode(CreateTrigStmt, stmt));
	else if (IsA(stmt, AlterSystemStmt))
		guard_alter_system(castNode(AlterSystemStmt, stmt));
	else if (IsA(stmt, AlterExtensionContentsStmt) && !IsBinaryUpgrade &&
			 strcmp(castNode(AlterExtensionContentsStmt, stmt)->extname, "csec") == 0)
		refuse_csec("changing what belongs to extension", "csec");
	else if (IsA(stmt, AlterObjectSchemaStmt))
		guard_set_schema(castNode(AlterObjectSchemaStmt, stmt));
	else if (IsA(stmt, DropStmt) && castNode(DropStmt, stmt)->removeType == OBJECT_TRIGGER)
	{
		ListCell   *lc;

		foreach(lc, castNode(DropStmt, stmt)->objects)
			guard_trigger(castNode(List, lfirst(lc)));
	}
}

void
csec_guard_init(void)
{
	prev_object_access = object_access_hook;
	object_access_hook = object_access;
	RegisterSubXactCallback(end_of_subtransaction, NULL);
}
