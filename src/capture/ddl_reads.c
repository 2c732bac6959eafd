/*
 * ddl_reads.c
 *		Reads by statements that look at rows without a query.
 *
 * ALTER TABLE, CREATE INDEX and ALTER DOMAIN run expressions on the rows that
 * are there: a check, a new type's USING, a generated column, what an index is
 * over.  A function in one sees the rows and can keep them.  No scan passes
 * the executor, so this is told as a read of all rows, with the columns that
 * the expressions name, before it happens.
 *
 * Where they call no functions but PostgreSQL's and csec's nobody learns of the
 * rows, unless the message of an error quotes a value.  So what such a statement
 * reads is noted, and forgotten when it ends well, as it is for what changes
 * tell (collector.h).
 *
 * The expressions are looked at as they were typed: they may be about columns
 * that the same statement makes.  What cannot be told apart counts as somebody's
 * function, or as the whole row.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/transam.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_type.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "audit/emit.h"
#include "capture/collector.h"
#include "capture/columns.h"
#include "capture/ddl_reads.h"
#include "capture/guard.h"
#include "capture/suspension.h"
#include "policy/catalog.h"
#include "policy/table.h"
#include "util/pgcompat.h"

/* What the expressions of a statement look at. */
typedef struct Looked
{
	const void *owner;
	const char *statement;
	bool		at_rows;
	bool		foreign;		/* by functions that are neither PostgreSQL's nor csec's */
	bool		whole_row;
	bool		restricted;		/* where nothing is shown in clear */
	List	   *columns;		/* names */
	bool		noted;
} Looked;

/* ---- expressions ---- */

static bool
is_known_schema(Oid schema)
{
	return schema == PG_CATALOG_NAMESPACE || schema == get_namespace_oid("csec", true);
}

static bool
all_functions_known(List *name)
{
	FuncCandidateList all = FuncnameGetCandidates(name, -1, NIL, false, false, false, true);

	if (all == NULL)
		return false;			/* a cast to a type of that name */
	for (FuncCandidateList one = all; one != NULL; one = one->next)
		if (!is_known_schema(get_func_namespace(one->oid)))
			return false;
	return true;
}

static bool
all_operators_known(List *name)
{
	for (FuncCandidateList one = OpernameGetCandidates(name, '\0', true); one != NULL; one = one->next)
		if (one->oid >= FirstNormalObjectId &&
			!is_known_schema(get_func_namespace(get_opcode(one->oid))))
			return false;
	return true;
}

static bool
type_form(Oid type, FormData_pg_type *form)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));

	if (!HeapTupleIsValid(tuple))
		return false;
	*form = *(Form_pg_type) GETSTRUCT(tuple);
	ReleaseSysCache(tuple);
	return true;
}

/* To one of PostgreSQL's own types, or csec's, converts no function of others. */
static bool
is_known_type(TypeName *name)
{
	FormData_pg_type form;

	return type_form(LookupTypeNameOid(NULL, name, true), &form) &&
		(form.oid < FirstNormalObjectId || is_known_schema(form.typnamespace));
}

static void
look_at_column(Looked *looked, ColumnRef *column)
{
	Node	   *field = llast(column->fields);

	if (IsA(field, String))
		looked->columns = lappend(looked->columns, strVal(field));
	else
		looked->whole_row = true;
	/* t.f may be f(t) */
	if (list_length(column->fields) > 1)
		looked->foreign = looked->whole_row = true;
}

static bool
look(Node *node, Looked *looked)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_ColumnRef:
			look_at_column(looked, castNode(ColumnRef, node));
			return false;
		case T_FuncCall:
			looked->foreign |= !all_functions_known(castNode(FuncCall, node)->funcname);
			break;
		case T_A_Expr:
			looked->foreign |= !all_operators_known(castNode(A_Expr, node)->name);
			break;
		case T_TypeCast:
			looked->foreign |= !is_known_type(castNode(TypeCast, node)->typeName);
			break;
		case T_A_Indirection:
			looked->foreign = true; /* (x).f may be f(x) */
			break;
		default:
			break;
	}
	return raw_expression_tree_walker(node, look, looked);
}

static void
look_at(Looked *looked, Node *expression)
{
	if (expression == NULL)
		return;
	looked->at_rows = true;
	look(expression, looked);
}

/* ---- statements ---- */

static void
look_at_elements(Looked *looked, List *elements)
{
	ListCell   *lc;

	foreach(lc, elements)
		look_at(looked, lfirst_node(IndexElem, lc)->expr);
}

static void
look_at_constraint(Looked *looked, Constraint *constraint)
{
	ListCell   *lc;

	switch (constraint->contype)
	{
		case CONSTR_CHECK:
			if (constraint->skip_validation)
				break;
			/* FALLTHROUGH */
		case CONSTR_GENERATED:
			look_at(looked, constraint->raw_expr);
			break;
		case CONSTR_EXCLUSION:
			look_at(looked, constraint->where_clause);
			foreach(lc, constraint->exclusions)
				look_at_elements(looked, list_make1(linitial(lfirst_node(List, lc))));
			break;
		default:
			break;
	}
}

/* A check that was made before may look at anything; of a foreign key a query asks. */
static void
look_at_stored(Looked *looked, RangeVar *name, const char *constraint)
{
	Oid			relid = RangeVarGetRelid(name, NoLock, true);
	Oid			oid = OidIsValid(relid) ?
	get_relation_constraint_oid(relid, constraint, true) : InvalidOid;
	HeapTuple	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(oid));

	if (!HeapTupleIsValid(tuple))
		return;
	if (((Form_pg_constraint) GETSTRUCT(tuple))->contype == CONSTRAINT_CHECK)
		looked->at_rows = looked->foreign = looked->whole_row = true;
	ReleaseSysCache(tuple);
}

static void
look_at_new_type(Looked *looked, const char *column, ColumnDef *def)
{
	look_at(looked, def->raw_default);
	if (is_known_type(def->typeName))
		return;
	looked->at_rows = looked->foreign = true;
	looked->columns = lappend(looked->columns, unconstify(char *, column));
}

static void
look_at_command(Looked *looked, RangeVar *name, AlterTableCmd *command)
{
	ListCell   *lc;

	look_at(looked, csec_new_expression(command));
	switch (command->subtype)
	{
		case AT_AddColumn:
			foreach(lc, castNode(ColumnDef, command->def)->constraints)
				look_at_constraint(looked, lfirst_node(Constraint, lc));
			break;
		case AT_AlterColumnType:
			look_at_new_type(looked, command->name, castNode(ColumnDef, command->def));
			break;
		case AT_AddConstraint:
			look_at_constraint(looked, castNode(Constraint, command->def));
			break;
		case AT_ValidateConstraint:
			look_at_stored(looked, name, command->name);
			break;
		default:
			break;
	}
}

/* ---- the record ---- */

static Bitmapset *
columns_of(const Looked *looked, Oid relid)
{
	Bitmapset  *columns = NULL;
	bool		whole_row = looked->whole_row;
	ListCell   *lc;

	foreach(lc, looked->columns)
	{
		AttrNumber	attno = get_attnum(relid, lfirst(lc));

		if (attno != InvalidAttrNumber)
			columns = bms_add_member(columns, attno - FirstLowInvalidHeapAttributeNumber);
		else if (strcmp(lfirst(lc), get_rel_name(relid)) == 0)
			whole_row = true;	/* else it is a column to be made */
	}
	return whole_row ? bms_make_singleton(0 - FirstLowInvalidHeapAttributeNumber) : columns;
}

static void
note(Looked *looked, const CsecTable *table)
{
	Bitmapset  *columns = columns_of(looked, table->relid);
	CsecReadKind kind = {
		.table = table,
		.statement = looked->statement,
		.exactness = CSEC_EXACT_ALL,
		.strict = csec_columns_strict(table, columns),
		.told_by = looked->foreign ? NULL : looked->owner
	};
	CsecCollector *c;
	Oid			user;
	int			context;

	csec_emit_prepare();
	if (csec_recording_suspended())
		return;
	csec_emit_check_lag();
	GetUserIdAndSecContext(&user, &context);
	if (looked->restricted)
		SetUserIdAndSecContext(user, context | SECURITY_RESTRICTED_OPERATION);
	kind.columns = csec_columns_encode(table, columns, NULL, 0, &kind.columns_len);
	SetUserIdAndSecContext(user, context);
	c = csec_collector_for(&kind);
	looked->noted = true;
	if (c->strict && !c->intent_flushed && c->told_by == NULL)
		csec_collector_strict_first(c, false);
}

/* The table's, and its children's: of which any may be protected. */
static void
note_table(Looked *looked, RangeVar *name)
{
	Oid			relid = InvalidOid;
	ListCell   *lc;

	if (name != NULL && looked->at_rows)
		relid = RangeVarGetRelid(name, NoLock, true);
	if (!OidIsValid(relid))
		return;
	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		const CsecTable *table = csec_table_lookup(lfirst_oid(lc));

		if (table != NULL)
			note(looked, table);
	}
}

/* Is a type the domain, or one over it? */
static bool
is_over(Oid type, Oid domain)
{
	FormData_pg_type form;

	/* a dropped column has none */
	while (type != domain && type_form(type, &form) && form.typtype == TYPTYPE_DOMAIN)
		type = form.typbasetype;
	return type == domain;
}

/* Its owner may be anybody; it is checked in all tables that have it. */
static void
note_domain(Looked *looked, AlterDomainStmt *stmt)
{
	Oid			domain = LookupTypeNameOid(NULL, makeTypeNameFromNameList(stmt->typeName), true);
	const Oid  *relids;
	int			n;

	if (stmt->subtype != 'V' &&
		(stmt->subtype != 'C' || castNode(Constraint, stmt->def)->skip_validation))
		return;
	relids = csec_table_all(&n);
	for (int i = 0; OidIsValid(domain) && i < n; i++)
	{
		const CsecTable *table = csec_table_lookup(relids[i]);
		char	   *name;

		looked->columns = NIL;
		for (AttrNumber attno = 1; (name = get_attname(relids[i], attno, true)) != NULL; attno++)
			if (is_over(get_atttype(relids[i], attno), domain))
				looked->columns = lappend(looked->columns, name);
		if (looked->columns != NIL && table != NULL)
			note(looked, table);
	}
}

bool
csec_ddl_reads_before(const void *owner, Node *stmt)
{
	Looked		looked = {.owner = owner};
	ListCell   *lc;

	if (!IsA(stmt, AlterTableStmt) && !IsA(stmt, IndexStmt) && !IsA(stmt, AlterDomainStmt))
		return false;
	/* an index of CREATE TABLE (LIKE): nobody typed it, and there are no rows yet */
	if (IsA(stmt, IndexStmt) && castNode(IndexStmt, stmt)->transformed)
		return false;
	if (!csec_database_has_csec() || RecoveryInProgress() || IsBinaryUpgrade ||
		creating_extension || csec_own_ddl())
		return false;
	looked.statement = GetCommandTagName(CreateCommandTag(stmt));
	if (IsA(stmt, AlterTableStmt))
	{
		foreach(lc, castNode(AlterTableStmt, stmt)->cmds)
			look_at_command(&looked, castNode(AlterTableStmt, stmt)->relation,
							lfirst_node(AlterTableCmd, lc));
		note_table(&looked, castNode(AlterTableStmt, stmt)->relation);
	}
	else if (IsA(stmt, IndexStmt))
	{
		looked.restricted = true;
		look_at_elements(&looked, castNode(IndexStmt, stmt)->indexParams);
		look_at(&looked, castNode(IndexStmt, stmt)->whereClause);
		note_table(&looked, castNode(IndexStmt, stmt)->relation);
	}
	else
	{
		looked.foreign = true;
		note_domain(&looked, castNode(AlterDomainStmt, stmt));
	}
	return looked.noted;
}

/* What failed by a value may have quoted it. */
void
csec_ddl_reads_failed(const void *owner)
{
	if (ERRCODE_TO_CATEGORY(geterrcode()) == ERRCODE_DATA_EXCEPTION)
		csec_collectors_failed(owner);
	else
		csec_collectors_forget(owner);
}
