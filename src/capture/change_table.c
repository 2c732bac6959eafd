/*
 * change_table.c
 *		What is known of a table whose changes are recorded.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "capture/change_table.h"
#include "types/masked_value.h"
#include "types/masked_writeback.h"

static HTAB *change_tables = NULL;

/* A table may have changed shape: look at it again. */
static void
forget_table(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS seq;
	CsecChangeTable *table;

	if (change_tables == NULL)
		return;
	if (OidIsValid(relid))
	{
		table = hash_search(change_tables, &relid, HASH_FIND, NULL);
		if (table != NULL)
			table->valid = false;
		return;
	}
	hash_seq_init(&seq, change_tables);
	while ((table = hash_seq_search(&seq)) != NULL)
		table->valid = false;
}

static void
init(void)
{
	HASHCTL		ctl = {.keysize = sizeof(Oid),.entrysize = sizeof(CsecChangeTable),.hcxt = TopMemoryContext};

	if (change_tables != NULL)
		return;
	change_tables = hash_create("csec changed tables", 32, &ctl,
								HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(forget_table, (Datum) 0);
}

static uint32
category_of(const CsecTable *policy, AttrNumber attno)
{
	for (int i = 0; policy != NULL && i < policy->nfields; i++)
		if (policy->fields[i].attno == attno)
			return policy->fields[i].category;
	return 0;
}

static void
describe_column(CsecChangeColumn *column, Form_pg_attribute att, const CsecTable *policy)
{
	Oid			output;
	bool		varlena;

	memset(column, 0, sizeof(*column));
	column->name = att->attname;
	column->dropped = att->attisdropped;
	column->by_value = att->attbyval;
	column->typlen = att->attlen;
	if (att->attisdropped)
		return;
	column->is_masked = csec_is_field_type(getBaseType(att->atttypid));
	column->category = category_of(policy, att->attnum);
	getTypeOutputInfo(att->atttypid, &output, &varlena);
	fmgr_info_cxt(output, &column->output, TopMemoryContext);
}

static void
free_description(CsecChangeTable *table)
{
	if (table->columns != NULL)
		pfree(table->columns);
	if (table->masked != NULL)
		pfree(table->masked);
	if (table->encrypted != NULL)
		pfree(table->encrypted);
	table->columns = NULL;
	table->masked = NULL;
	table->encrypted = NULL;
}

static void
describe(CsecChangeTable *table, Relation rel, const CsecTable *policy)
{
	TupleDesc	desc = RelationGetDescr(rel);
	AttrNumber *masked = csec_masked_columns(desc, &table->nmasked);
	CsecEnvelopeColumn *encrypted = csec_envelope_columns(desc, &table->nencrypted);

	table->valid = false;
	table->columns = NULL;
	table->encrypted = MemoryContextAlloc(TopMemoryContext,
										  (table->nencrypted + 1) * sizeof(CsecEnvelopeColumn));
	memcpy(table->encrypted, encrypted, table->nencrypted * sizeof(CsecEnvelopeColumn));
	pfree(encrypted);
	table->sealed = policy != NULL && policy->subject_keys;
	table->masked = MemoryContextAlloc(TopMemoryContext,
									   (table->nmasked + 1) * sizeof(AttrNumber));
	memcpy(table->masked, masked, table->nmasked * sizeof(AttrNumber));
	pfree(masked);
	table->natts = desc->natts;
	table->columns = MemoryContextAlloc(TopMemoryContext,
										table->natts * sizeof(CsecChangeColumn));
	for (int i = 0; i < table->natts; i++)
		describe_column(&table->columns[i], TupleDescAttr(desc, i), policy);
	table->valid = true;
}

CsecChangeTable *
csec_change_table(Relation rel, const CsecTable *policy)
{
	Oid			relid = RelationGetRelid(rel);
	bool		found;
	CsecChangeTable *table;

	init();
	table = hash_search(change_tables, &relid, HASH_ENTER, &found);
	if (found && table->valid)
		return table;
	if (found)
		free_description(table);
	else
	{
		table->columns = NULL;
		table->masked = NULL;
		table->encrypted = NULL;
	}
	describe(table, rel, policy);
	return table;
}
