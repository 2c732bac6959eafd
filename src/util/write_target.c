/*
 * write_target.c
 *		What the executor sets up for one table that is written below it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "utils/rel.h"

#include "util/pgcompat.h"
#include "util/write_target.h"

ResultRelInfo *
csec_write_target(EState *estate, Relation rel, LOCKMODE lock, Bitmapset *updated,
				  bool speculative)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	ResultRelInfo *target = makeNode(ResultRelInfo);

	rte->rtekind = RTE_RELATION;
	rte->relid = RelationGetRelid(rel);
	rte->relkind = rel->rd_rel->relkind;
	rte->rellockmode = lock;
	csec_init_range_table(estate, rte, updated);
	estate->es_output_cid = GetCurrentCommandId(true);
	InitResultRelInfo(target, rel, 1, NULL, 0);
	ExecOpenIndices(target, speculative);
	return target;
}
