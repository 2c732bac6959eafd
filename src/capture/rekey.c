/*
 * rekey.c
 *		Rows under the keys of the customers that they are about.
 *
 * A type's input function does not know the row, so it encrypts under a data
 * key.  Where a table is protected with subject_keys this BEFORE trigger
 * encrypts again, under the customer's key, before the row reaches a page or
 * the WAL.  What is under that key already stays as it is, whether or not the
 * key was destroyed: so rows of a destroyed customer can be updated in other
 * columns, their fields set to null, and a dump restored.
 *
 * It is the last of csec's BEFORE triggers, but somebody else's may come after
 * it.  The AFTER trigger (changes.c) therefore looks at what was stored.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/memutils.h"

#include "capture/rekey.h"
#include "capture/subject_key.h"
#include "types/encrypted_value.h"
#include "types/envelope_key.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_rekey_row);

/* What is known of the trigger's table, for the length of a statement. */
typedef struct Target
{
	Oid			relid;
	int			ncolumns;
	CsecEnvelopeColumn *columns;
} Target;

bool
csec_envelope_is_of(const CsecEnvelope *envelope, const CsecCustomer *customer)
{
	if (customer == NULL)
		return (envelope->flags & CSEC_ENVELOPE_SUBJECT) == 0;
	return (envelope->flags & CSEC_ENVELOPE_SUBJECT) != 0 &&
		envelope->subject == csec_subject_number(customer->pseudonym);
}

static bool
lacks_key(const CsecEnvelope *envelope, const CsecCustomer *customer)
{
	return customer != NULL && (envelope->flags & CSEC_ENVELOPE_SUBJECT) == 0;
}

bool
csec_envelope_is_current(const CsecEnvelope *envelope, const CsecCustomer *customer)
{
	if (unlikely(lacks_key(envelope, customer)))
		return csec_subject_key_is_destroyed(customer) || csec_envelope_key_is_destroyed(envelope);
	return csec_encrypted_current(envelope);
}

struct varlena *
csec_envelope_renew(const CsecEnvelope *envelope, const CsecCustomer *customer)
{
	return lacks_key(envelope, customer) ? csec_encrypted_rekey(envelope, customer) :
		csec_encrypted_renew(envelope);
}

static bool
visit(const CsecEnvelope *envelope, void *arg)
{
	return csec_envelope_is_of(envelope, arg);
}

/*
 * What stays under the customer's key needs that key to be there: where its row
 * is lost a new one would be made, and be in the way when the lost one is restored.
 */
static bool
visit_kept(const CsecEnvelope *envelope, void *arg)
{
	if (csec_envelope_is_of(envelope, arg))
		csec_envelope_key_must_be_there(envelope);
	return true;
}

static Datum
rekey(Datum value, const CsecEnvelope *envelope, void *arg)
{
	if (csec_envelope_is_of(envelope, arg))
		return value;
	return PointerGetDatum(csec_encrypted_rekey(envelope, arg));
}

static Target *
target_of(FunctionCallInfo fcinfo, Relation rel)
{
	Target	   *target = fcinfo->flinfo->fn_extra;
	MemoryContext caller;

	if (target != NULL && target->relid == RelationGetRelid(rel))
		return target;
	caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	target = palloc(sizeof(Target));
	target->relid = RelationGetRelid(rel);
	target->columns = csec_envelope_columns(RelationGetDescr(rel), &target->ncolumns);
	MemoryContextSwitchTo(caller);
	fcinfo->flinfo->fn_extra = target;
	return target;
}

static HeapTuple
rekeyed(HeapTuple row, Relation rel, TupleTableSlot *slot, const Target *target,
		CsecCustomer *customer)
{
	int		   *attnos = palloc((target->ncolumns + 1) * sizeof(int));
	Datum	   *values = palloc((target->ncolumns + 1) * sizeof(Datum));
	bool	   *nulls = palloc0((target->ncolumns + 1) * sizeof(bool));
	int			n = 0;

	for (int i = 0; i < target->ncolumns; i++)
	{
		const CsecEnvelopeColumn *column = &target->columns[i];
		bool		isnull;
		Datum		value = slot_getattr(slot, column->attno, &isnull);

		if (isnull || csec_envelope_visit(column, value, visit, customer))
			continue;
		attnos[n] = column->attno;
		values[n++] = csec_envelope_mapped(column, value, rekey, customer);
	}
	if (n > 0)
		row = heap_modify_tuple_by_cols(row, RelationGetDescr(rel), n, attnos, values, nulls);
	return row;
}

static void
check_kept(TupleTableSlot *slot, const Target *target, CsecCustomer *customer)
{
	for (int i = 0; i < target->ncolumns; i++)
	{
		bool		isnull;
		Datum		value = slot_getattr(slot, target->columns[i].attno, &isnull);

		if (!isnull)
			csec_envelope_visit(&target->columns[i], value, visit_kept, customer);
	}
}

/* csec.rekey_row(): BEFORE INSERT OR UPDATE FOR EACH ROW trigger. */
Datum
csec_rekey_row(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	const CsecTable *policy;
	CsecCustomer customer;
	bool		inserted;
	TupleTableSlot *slot;
	HeapTuple	row;
	bool		about_somebody;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("csec.rekey_row() must be called as a BEFORE INSERT OR UPDATE row trigger")));
	inserted = TRIGGER_FIRED_BY_INSERT(trigger->tg_event);
	slot = inserted ? trigger->tg_trigslot : trigger->tg_newslot;
	row = inserted ? trigger->tg_trigtuple : trigger->tg_newtuple;
	policy = csec_table_lookup(RelationGetRelid(trigger->tg_relation));
	if (policy == NULL || !policy->subject_keys)
		return PointerGetDatum(row);
	about_somebody = csec_row_customer(policy, slot, &customer);
	if (about_somebody)
		check_kept(slot, target_of(fcinfo, trigger->tg_relation), &customer);

	/* nothing new about who was destroyed, not even what is no field */
	if (inserted && about_somebody && csec_subject_key_for(&customer) == NULL)
		csec_refuse_destroyed(csec_subject_number(customer.pseudonym));
	return PointerGetDatum(rekeyed(row, trigger->tg_relation, slot,
								   target_of(fcinfo, trigger->tg_relation),
								   about_somebody ? &customer : NULL));
}

void
csec_check_rekeyed(Relation rel, TupleTableSlot *slot, const CsecCustomer *customer,
				   const CsecEnvelopeColumn *columns, int ncolumns)
{
	for (int i = 0; i < ncolumns; i++)
	{
		bool		isnull;
		Datum		value = slot_getattr(slot, columns[i].attno, &isnull);

		if (isnull || csec_envelope_visit(&columns[i], value, visit, (void *) customer))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("column \"%s\" of table \"%s\" would be stored outside the key of its customer",
						NameStr(TupleDescAttr(RelationGetDescr(rel), columns[i].attno - 1)->attname),
						RelationGetRelationName(rel)),
				 errhint("A trigger that sets a field must come before csec's: give it a name that sorts before \"csec_zy_rekey\".")));
	}
}
