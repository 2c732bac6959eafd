/*
 * acts.c
 *		Which statements are acts of the control plane: on what is protected,
 *		on who may do what, on how csec works, on what runs in the server.
 *
 * The statement's text is left out of the record, as it may hold values.
 * Functions and event triggers of csec's own are seen where they are stored
 * (doors.c), as they can be named in many ways.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_language.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "capture/acts.h"
#include "capture/guard.h"
#include "capture/settings.h"
#include "policy/catalog.h"
#include "policy/table.h"

/* ---- tables ---- */

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
	/*
	 * What is to be temporary is none of them, and looking for it in a schema
	 * would be an error other than PostgreSQL's own.
	 */
	if (name == NULL || name->relpersistence == RELPERSISTENCE_TEMP)
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

static RangeVar *
range_of(Node *name)
{
	return IsA(name, RangeVar) ? (RangeVar *) name :
		IsA(name, List) ? makeRangeVarFromNameList((List *) name) : NULL;
}

/* One more name of a list; NULL is none. */
static void
add_name(StringInfo list, const char *name)
{
	if (name == NULL)
		return;
	if (list->len > 0 && list->data[list->len - 1] != ' ')
		appendStringInfoString(list, ", ");
	appendStringInfoString(list, name);
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
		if (is_protected(range_of(lfirst(lc)), &relid) &&
			(!trail_only || is_of_trail(relid)))
			add_name(&found, qualified(relid));
	return found.len > 0 ? found.data : NULL;
}

/* Names of triggers, rules, policies: each behind that of its table. */
static char *
tables_of_parts(List *names)
{
	List	   *tables = NIL;
	ListCell   *lc;

	foreach(lc, names)
	{
		List	   *name = lfirst_node(List, lc);

		if (list_length(name) > 1)
			tables = lappend(tables, list_truncate(list_copy(name), list_length(name) - 1));
	}
	return protected_in_list(tables, false);
}

/* Indexes: their tables. */
static char *
tables_of_indexes(List *names)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		Oid			index = RangeVarGetRelid(range_of(lfirst(lc)), NoLock, true);
		Oid			relid = OidIsValid(index) ? IndexGetRelation(index, true) : InvalidOid;

		if (OidIsValid(relid) && (csec_table_lookup(relid) != NULL || is_own(relid)))
			return qualified(relid);
	}
	return NULL;
}

static char *
extensions(List *names)
{
	StringInfoData found;
	ListCell   *lc;

	initStringInfo(&found);
	foreach(lc, names)
		add_name(&found, strVal(lfirst(lc)));
	return found.data;
}

static char *
dropped(DropStmt *drop)
{
	switch (drop->removeType)
	{
		case OBJECT_TABLE:
		case OBJECT_VIEW:
			return protected_in_list(drop->objects, false);
		case OBJECT_INDEX:
			return tables_of_indexes(drop->objects);
		case OBJECT_TRIGGER:
		case OBJECT_RULE:
		case OBJECT_POLICY:
			return tables_of_parts(drop->objects);
		case OBJECT_EXTENSION:
			return extensions(drop->objects);
		default:
			return NULL;
	}
}

/* One of those that a privilege is granted on, if it matters; or NULL. */
static const char *
granted_one(ObjectType type, Node *object)
{
	Oid			function;

	switch (type)
	{
		case OBJECT_SCHEMA:
			return csec_schema_is_own(get_namespace_oid(strVal(object), true)) ?
				strVal(object) : NULL;
		case OBJECT_FUNCTION:
		case OBJECT_PROCEDURE:
		case OBJECT_ROUTINE:
			function = LookupFuncWithArgs(type, castNode(ObjectWithArgs, object), true);
			return OidIsValid(function) && csec_schema_is_own(get_func_namespace(function)) ?
				get_func_name(function) : NULL;
		case OBJECT_PARAMETER_ACL:
			return strVal(object);
		default:
			return NULL;
	}
}

/*
 * Privileges: on what is protected, on csec's schemas and their functions, on
 * settings, or on whatever there is or will be in a schema.
 */
static char *
granted(GrantStmt *grant)
{
	StringInfoData found;
	ListCell   *lc;

	if (grant->targtype == ACL_TARGET_DEFAULTS)
		return pstrdup("default privileges");
	if (grant->targtype == ACL_TARGET_OBJECT && grant->objtype == OBJECT_TABLE)
		return protected_in_list(grant->objects, false);
	initStringInfo(&found);
	if (grant->targtype == ACL_TARGET_ALL_IN_SCHEMA)
		appendStringInfoString(&found, "all in schema ");
	foreach(lc, grant->objects)
		add_name(&found, grant->targtype == ACL_TARGET_ALL_IN_SCHEMA ?
				 strVal(lfirst(lc)) : granted_one(grant->objtype, lfirst(lc)));
	return found.len > 0 ? found.data : NULL;
}

/* What is protected, and what csec made, that a statement alters; NULL: nothing. */
static char *
altered(Node *stmt)
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
		case T_AlterPolicyStmt:
			name = castNode(AlterPolicyStmt, stmt)->table;
			break;
		case T_ViewStmt:
			name = castNode(ViewStmt, stmt)->view;
			break;
		case T_CreateStatsStmt:
			return protected_in_list(castNode(CreateStatsStmt, stmt)->relations, false);
		case T_TruncateStmt:
			/* of other tables it is a change, and recorded as one */
			return protected_in_list(castNode(TruncateStmt, stmt)->relations, true);
		case T_DropStmt:
			return dropped(castNode(DropStmt, stmt));
		case T_GrantStmt:
			return granted(castNode(GrantStmt, stmt));
		case T_AlterDefaultPrivilegesStmt:
			return pstrdup("default privileges");
		default:
			return NULL;
	}
	return is_protected(name, &relid) ? qualified(relid) : NULL;
}

/* ---- roles, settings, code ---- */

static const char *
role_of(const RoleSpec *role)
{
	return role == NULL ? "all" :
		role->roletype == ROLESPEC_PUBLIC ? "public" :
		/* who need not be there: DROP ROLE IF EXISTS */
		role->roletype == ROLESPEC_CSTRING ? role->rolename : get_rolespec_name(role);
}

static const char *
roles_of(List *roles)
{
	StringInfoData found;
	ListCell   *lc;

	initStringInfo(&found);
	foreach(lc, roles)
		add_name(&found, role_of(lfirst_node(RoleSpec, lc)));
	return found.data;
}

static const char *
granted_roles(List *roles)
{
	StringInfoData found;
	ListCell   *lc;

	initStringInfo(&found);
	foreach(lc, roles)
		add_name(&found, lfirst_node(AccessPriv, lc)->priv_name);
	return found.data;
}

/* The roles that a statement is about; NULL: it is about none. */
static const char *
changed_role(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_GrantRoleStmt:
			return granted_roles(castNode(GrantRoleStmt, stmt)->granted_roles);
		case T_CreateRoleStmt:
			return castNode(CreateRoleStmt, stmt)->role;
		case T_AlterRoleStmt:
			return role_of(castNode(AlterRoleStmt, stmt)->role);
		case T_AlterRoleSetStmt:
			return role_of(castNode(AlterRoleSetStmt, stmt)->role);
		case T_DropRoleStmt:
			return roles_of(castNode(DropRoleStmt, stmt)->roles);
		case T_RenameStmt:
			return castNode(RenameStmt, stmt)->renameType == OBJECT_ROLE ?
				castNode(RenameStmt, stmt)->subname : NULL;
		case T_DropOwnedStmt:
			return roles_of(castNode(DropOwnedStmt, stmt)->roles);
		case T_ReassignOwnedStmt:
			return roles_of(castNode(ReassignOwnedStmt, stmt)->roles);
		default:
			return NULL;
	}
}

/* For the whole server, a database, or, where it matters, this session; or NULL. */
static const char *
changed_setting(Node *stmt)
{
	const VariableSetStmt *set = NULL;

	if (IsA(stmt, AlterSystemStmt))
		set = castNode(AlterSystemStmt, stmt)->setstmt;
	else if (IsA(stmt, AlterDatabaseSetStmt))
		set = castNode(AlterDatabaseSetStmt, stmt)->setstmt;
	else if (IsA(stmt, VariableSetStmt))
	{
		set = castNode(VariableSetStmt, stmt);
		return set->name != NULL && csec_setting_matters(set->name) ? set->name : NULL;
	}
	if (set == NULL)
		return NULL;
	return set->name != NULL ? set->name : "all";
}

/* Code in a language that can do anything, where it is given or run. */
static const char *
untrusted_code(List *options, const char *name)
{
	const char *language = NULL;
	ListCell   *lc;
	HeapTuple	row;
	bool		trusted = true;

	foreach(lc, options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, "language") == 0)
			language = strVal(option->arg);
	}
	/* an extension is told as a whole */
	if (language == NULL || creating_extension)
		return NULL;
	row = SearchSysCache1(LANGNAME, PointerGetDatum(language));
	if (HeapTupleIsValid(row))
	{
		trusted = ((Form_pg_language) GETSTRUCT(row))->lanpltrusted;
		ReleaseSysCache(row);
	}
	return trusted ? NULL : name != NULL ? name : language;
}

/* A new function is none of csec's, but may stand beside them, to be called instead. */
static const char *
created_function(CreateFunctionStmt *create)
{
	const char *name = strVal(llast(create->funcname));

	if (!creating_extension && list_length(create->funcname) > 1 &&
		csec_schema_is_own(get_namespace_oid(strVal(linitial(create->funcname)), true)))
		return name;
	return untrusted_code(create->options, name);
}

/* What comes into the database, or leaves it, by other means than a query. */
static const char *
changed_surroundings(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_LoadStmt:
			return castNode(LoadStmt, stmt)->filename;
		case T_CreateFunctionStmt:
			return created_function(castNode(CreateFunctionStmt, stmt));
		case T_DoStmt:
			return untrusted_code(castNode(DoStmt, stmt)->args, NULL);
		case T_CreateExtensionStmt:
			return castNode(CreateExtensionStmt, stmt)->extname;
		case T_AlterExtensionStmt:
			return castNode(AlterExtensionStmt, stmt)->extname;
		case T_AlterExtensionContentsStmt:
			return castNode(AlterExtensionContentsStmt, stmt)->extname;
		case T_CreateFdwStmt:
			return castNode(CreateFdwStmt, stmt)->fdwname;
		case T_AlterFdwStmt:
			return castNode(AlterFdwStmt, stmt)->fdwname;
		case T_CreateForeignServerStmt:
			return castNode(CreateForeignServerStmt, stmt)->servername;
		case T_AlterForeignServerStmt:
			return castNode(AlterForeignServerStmt, stmt)->servername;
		case T_CreateForeignTableStmt:
			return castNode(CreateForeignTableStmt, stmt)->base.relation->relname;
		case T_AlterTableStmt:
			return castNode(AlterTableStmt, stmt)->objtype == OBJECT_FOREIGN_TABLE ?
				castNode(AlterTableStmt, stmt)->relation->relname : NULL;
		case T_CreateEventTrigStmt:
			return castNode(CreateEventTrigStmt, stmt)->trigname;
		case T_CreatePublicationStmt:
			return castNode(CreatePublicationStmt, stmt)->pubname;
		case T_AlterPublicationStmt:
			return castNode(AlterPublicationStmt, stmt)->pubname;
		case T_CreateSubscriptionStmt:
			return castNode(CreateSubscriptionStmt, stmt)->subname;
		case T_AlterSubscriptionStmt:
			return castNode(AlterSubscriptionStmt, stmt)->subname;
		default:
			return NULL;
	}
}

/*
 * A command may hold a password: only which program, unless what stands first
 * sets a variable, or is quoted.
 */
static char *
copied_file(const CopyStmt *copy)
{
	const char *name = copy->filename;
	size_t		len;

	if (name == NULL)
		return NULL;
	if (!copy->is_program)
		return pstrdup(name);
	name += strspn(name, " \t\n");
	len = strcspn(name, " \t\n;|&<>()`=\"'$\\");
	return len > 0 && (name[len] == '\0' || strchr(" \t\n;|&<>", name[len]) != NULL) ?
		pnstrdup(name, len) : pstrdup("program");
}

/* ---- all of it ---- */

char *
csec_act_object(Node *stmt)
{
	char	   *own = altered(stmt);
	const char *object = own;

	if (object == NULL)
		object = changed_role(stmt);
	if (object == NULL)
		object = changed_setting(stmt);
	if (object == NULL)
		object = changed_surroundings(stmt);
	if (object == NULL && IsA(stmt, CopyStmt))
		object = copied_file(castNode(CopyStmt, stmt));
	return object == NULL ? NULL : pstrdup(object);
}

static char *
named_detail(const char *name, const char *value)
{
	StringInfoData detail;

	initStringInfo(&detail);
	appendStringInfo(&detail, "{\"%s\": ", name);
	escape_json(&detail, value);
	appendStringInfoChar(&detail, '}');
	return detail.data;
}

char *
csec_act_detail(Node *stmt)
{
	if (csec_own_ddl())
		return pstrdup("{\"by\": \"csec\"}");
	if (IsA(stmt, CopyStmt) && castNode(CopyStmt, stmt)->filename != NULL)
		return psprintf("{\"%s\": \"%s\"}", castNode(CopyStmt, stmt)->is_from ? "from" : "to",
						castNode(CopyStmt, stmt)->is_program ? "program" : "file");
	if (IsA(stmt, RenameStmt) && castNode(RenameStmt, stmt)->renameType == OBJECT_ROLE)
		return named_detail("to", castNode(RenameStmt, stmt)->newname);
	if (IsA(stmt, GrantRoleStmt))
		return named_detail(castNode(GrantRoleStmt, stmt)->is_grant ? "to" : "from",
							roles_of(castNode(GrantRoleStmt, stmt)->grantee_roles));
	if (IsA(stmt, GrantStmt))
		return named_detail(castNode(GrantStmt, stmt)->is_grant ? "to" : "from",
							roles_of(castNode(GrantStmt, stmt)->grantees));
	return NULL;
}

bool
csec_act_is_at_once(Node *stmt)
{
	return IsA(stmt, CopyStmt) || IsA(stmt, DoStmt) || IsA(stmt, LoadStmt);
}
