/*
 * permit_write.c
 *		What somebody who has a permit for a table may not write into it.
 *
 * A permit goes by the customer whose row a value stands in.  Whoever may also
 * write could put another customer's value there, by copying the field, which
 * nobody has to see in clear for that, or by giving the row the permitted key,
 * and read it.  So while a login has a permit for a table, what it stores in the
 * table's fields must have been typed in, and rows keep their customers.
 * What was changed by the transaction itself is not shown by a permit either
 * (permitted.c), so nothing of that kind can be rolled back unseen.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_class.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "capture/permit_write.h"
#include "capture/subject_key.h"
#include "policy/denied.h"
#include "policy/own_function.h"
#include "policy/permit.h"
#include "types/masked_value.h"

/* Where an expression is stored, and what may be in it. */
typedef struct Target
{
	Index		rti;
	AttrNumber	attno;
	bool		typed;			/* constants and parameters are the client's */
	bool		excluded;		/* INNER_VAR is what was to be inserted */
} Target;

static void
refuse(const CsecTable *table, const char *what)
{
	csec_denied("write by who has a permit", 0);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("%s in \"%s\" by who has a permit for it", what, table->qualified_name),
			 errdetail("What a permit shows goes by the customer whose row it is in."),
			 errhint("Type the value in, let somebody else do it, or give the permit back: csec.revoke_permit().")));
}

/* A field, or an array of them. */
static bool
holds_field(Oid type)
{
	Oid			base = getBaseType(type);
	Oid			element = get_element_type(base);

	return csec_is_field_type(OidIsValid(element) ? getBaseType(element) : base);
}

static bool
is_known_function(Oid function)
{
	return function < FirstNormalObjectId || csec_function_is_own(function);
}

/* Could the value of this expression come out of a field? */
static bool
copies_field(Node *node, void *context)
{
	const Target *target = context;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
			{
				Var		   *var = (Var *) node;

				if (!holds_field(var->vartype))
					return false;
				if (target->excluded && var->varno == INNER_VAR)
					return false;
				return var->varno != target->rti || var->varattno != target->attno;
			}
		case T_Const:
			/* in a function's statement the planner makes variables constants */
			return !target->typed && !((Const *) node)->constisnull && holds_field(exprType(node));
		case T_Param:
			return holds_field(exprType(node)) &&
				!(((Param *) node)->paramkind == PARAM_EXTERN && target->typed);
		case T_FuncExpr:
			if (holds_field(exprType(node)) && !is_known_function(((FuncExpr *) node)->funcid))
				return true;
			break;
		case T_FieldSelect:
		case T_SubscriptingRef:
		case T_SubPlan:
		case T_AlternativeSubPlan:
		case T_Aggref:
		case T_WindowFunc:
			if (holds_field(exprType(node)))
				return true;
			break;
		default:
			break;
	}
	return expression_tree_walker(node, copies_field, context);
}

static bool
is_field(const CsecTable *table, AttrNumber attno)
{
	for (int i = 0; i < table->nfields; i++)
		if (table->fields[i].attno == attno)
			return true;
	return false;
}

static bool
is_subject(const CsecTable *table, AttrNumber attno)
{
	for (int i = 0; i < table->nsubject; i++)
		if (table->subject_attno[i] == attno)
			return true;
	return false;
}

/* The expressions of a target list, each for the column that colnos names, or its own number. */
static void
check_list(const CsecTable *table, List *targetlist, List *colnos, Target target)
{
	ListCell   *lc;
	int			i = 0;

	foreach(lc, targetlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (tle->resjunk)
			continue;
		target.attno = colnos == NIL ? tle->resno : list_nth_int(colnos, i);
		i++;
		if (is_field(table, target.attno) && copies_field((Node *) tle->expr, &target))
			refuse(table, "a field cannot be copied to another row");
	}
}

/*
 * An update that moves a row to another partition is a DELETE and an INSERT to
 * triggers, so there a new key is refused beforehand.
 */
static void
check_keys(const CsecTable *table, List *colnos)
{
	ListCell   *lc;

	foreach(lc, colnos)
		if (is_subject(table, lfirst_int(lc)))
			refuse(table, "rows cannot be given to another customer");
}

static void
check_table(ModifyTable *plan, int n, Index rti, RangeTblEntry *rte, bool typed)
{
	const CsecTable *table = csec_table_lookup(rte->relid);
	Target		target = {.rti = rti, .typed = typed};
	List	   *colnos = NIL;

	if (table == NULL || table->is_trail || csec_permits_of(table->root) == NIL)
		return;
	if (plan->operation == CMD_MERGE)
		refuse(table, "MERGE is not possible");
	if (plan->operation == CMD_UPDATE)
	{
		colnos = list_nth(plan->updateColnosLists, n);
		if (get_rel_relispartition(rte->relid) || rte->relkind == RELKIND_PARTITIONED_TABLE)
			check_keys(table, colnos);
	}
	if (plan->operation == CMD_INSERT || plan->operation == CMD_UPDATE)
		check_list(table, outerPlan(plan)->targetlist, colnos, target);
	target.excluded = true;
	check_list(table, plan->onConflictSet, plan->onConflictCols, target);
}

static void
check_plan(Plan *plan, PlannedStmt *stmt, bool typed)
{
	ListCell   *lc;
	int			n = 0;

	if (plan == NULL || !IsA(plan, ModifyTable))
		return;
	foreach(lc, ((ModifyTable *) plan)->resultRelations)
	{
		Index		rti = lfirst_int(lc);

		check_table((ModifyTable *) plan, n++, rti, rt_fetch(rti, stmt->rtable), typed);
	}
}

void
csec_permit_check_writes(PlannedStmt *stmt, bool outermost)
{
	ListCell   *lc;

	if (likely(stmt->resultRelations == NIL) || !csec_permit_any())
		return;
	check_plan(stmt->planTree, stmt, outermost);
	/* those in WITH are plans of their own */
	foreach(lc, stmt->subplans)
		check_plan(lfirst(lc), stmt, outermost);
}

/* The customer of a row, as text. */
static void
subject_of(const CsecTable *table, TupleTableSlot *slot, StringInfo out)
{
	initStringInfo(out);
	if (!csec_subject_text(table, slot, table->subject_attno, out))
		appendStringInfoChar(out, '\1');	/* none: no text has this */
}

void
csec_permit_check_key(const CsecTable *table, TupleTableSlot *old, TupleTableSlot *new)
{
	StringInfoData was;
	StringInfoData is;

	if (likely(!csec_permit_any()) || table == NULL || table->nsubject == 0 ||
		csec_permits_of(table->root) == NIL)
		return;
	subject_of(table, old, &was);
	subject_of(table, new, &is);
	if (strcmp(was.data, is.data) != 0)
		refuse(table, "rows cannot be given to another customer");
	pfree(was.data);
	pfree(is.data);
}
