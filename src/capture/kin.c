/*
 * kin.c
 *		Tables that an ALTER TABLE takes out of a protected one, or puts into it.
 *
 * A partition that is detached has the same rows as before, so it stays under
 * csec; and one that was, and is attached again, must not have triggers of its
 * own where PostgreSQL puts those of its parent.  Event triggers see to both
 * (csec.follow_tables(), csec.join_tables()), but are not told what a statement
 * does nor, once it is done, whose partition or child a table was.  What is
 * noted here is by name, and names may change before the statement has its
 * locks: so which tables have left they find out themselves.
 */
#include "capture/kin.h"

#include "catalog/namespace.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"

#include "policy/table.h"
#include "util/row.h"

CsecKin		csec_kin_at_work = {0};

static Oid
protected_root(RangeVar *name)
{
	Oid			relid = RangeVarGetRelid(name, NoLock, true);
	const CsecTable *table = OidIsValid(relid) ? csec_table_lookup(relid) : NULL;

	return table != NULL && !table->is_trail ? table->root : InvalidOid;
}

static void
note_joining(CsecKin *kin, RangeVar *child, RangeVar *parent)
{
	Oid			root = protected_root(child);

	if (!OidIsValid(root) || root != RangeVarGetRelid(child, NoLock, true))
		return;
	kin->root = protected_root(parent);
	kin->joins = OidIsValid(kin->root) ? root : InvalidOid;
}

static void
note_command(CsecKin *kin, const AlterTableCmd *cmd, RangeVar *altered)
{
	switch (cmd->subtype)
	{
		case AT_DetachPartition:
		case AT_DetachPartitionFinalize:
			kin->leaves = true;
			kin->root = protected_root(altered);
			break;
		case AT_DropInherit:
			kin->leaves = true;
			if (!OidIsValid(kin->root))
				kin->root = protected_root(castNode(RangeVar, cmd->def));
			break;
		case AT_AttachPartition:
			note_joining(kin, castNode(PartitionCmd, cmd->def)->name, altered);
			break;
		case AT_AddInherit:
			note_joining(kin, altered, castNode(RangeVar, cmd->def));
			break;
		default:
			break;
	}
}

void
csec_kin_note(Node *stmt)
{
	ListCell   *lc;

	csec_kin_at_work = (CsecKin) {0};
	/* pg_upgrade attaches partitions before policy is there */
	if (!IsA(stmt, AlterTableStmt) || IsBinaryUpgrade)
		return;
	foreach(lc, castNode(AlterTableStmt, stmt)->cmds)
		note_command(&csec_kin_at_work, lfirst_node(AlterTableCmd, lc),
					 castNode(AlterTableStmt, stmt)->relation);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_kin);

/* csec.kin(OUT leaves bool, OUT root regclass, OUT joins regclass): of the ALTER TABLE at work. */
Datum
csec_kin(PG_FUNCTION_ARGS)
{
	const CsecKin *kin = &csec_kin_at_work;
	Datum		values[] = {BoolGetDatum(kin->leaves), ObjectIdGetDatum(kin->root), ObjectIdGetDatum(kin->joins)};
	bool		nulls[] = {false, !OidIsValid(kin->root), !OidIsValid(kin->joins)};

	return csec_row(fcinfo, values, nulls);
}
