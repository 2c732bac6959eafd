/*
 * masked_writeback.c
 *		Masks that come back as values.
 *
 * An application that reads a row, changes a field and writes the whole row
 * back would replace what its reader saw masked by the masks.  Input flags a
 * text that has the form of its category's mask; here such a text is taken
 * for the mask of the value that it would replace, which then stays, or it is
 * refused.  Ordinary text with stars in it has not that form.
 *
 * In an UPDATE this must be a BEFORE trigger, as it changes the row.  An
 * INSERT is looked at by an AFTER trigger: a BEFORE one would switch COPY's
 * multi-insert off and see the row of an upsert before its conflict.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "types/encrypted_value.h"
#include "types/masked_text.h"
#include "types/masked_writeback.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_keep_masked);

/* What is known of the trigger's table, for the length of a statement. */
typedef struct Target
{
	Oid			relid;
	int			ncolumns;
	AttrNumber *columns;
} Target;

AttrNumber *
csec_masked_columns(TupleDesc desc, int *n)
{
	AttrNumber *columns = palloc(Max(desc->natts, 1) * sizeof(AttrNumber));

	*n = 0;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && csec_is_field_type(getBaseType(att->atttypid)))
			columns[(*n)++] = att->attnum;
	}
	return columns;
}

static void
refuse_mask(Oid relid, const char *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("a mask cannot be stored as the value of column \"%s\" of table \"%s\"",
					column, get_rel_name(relid)),
			 errhint("Leave the column out, or write the value itself. In an UPDATE the mask that the row shows keeps the value that is there.")));
}

/*
 * Is this the text that the reader is shown in place of the old value?  Both
 * are open.
 */
static bool
is_mask_of(const CsecMasked *shown, const CsecMasked *old)
{
	const CsecCategory *category = NULL;
	CsecShown	mask;

	if (csec_decide(old->category) != CSEC_REDACT)
		category = csec_category_lookup(old->category);
	csec_mask_text(category, old->text, old->len, &mask);
	return mask.len == shown->len && memcmp(mask.text, shown->text, mask.len) == 0;
}

/*
 * The value of a column, if it has the form of a mask.  Those are short and
 * were just made; what the row already had may be out of line, and is left
 * where it is if the row keeps it.
 */
static bool
read_suspect(Datum datum, CsecMasked *out)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(datum);

	if (VARATT_IS_EXTERNAL_ONDISK(value))
		return false;
	value = PG_DETOAST_DATUM_PACKED(datum);
	if (!csec_value_well_formed(value))
		return false;
	csec_value_read(value, out);
	return (out->flags & CSEC_MASKED_SUSPECT) != 0;
}

/*
 * Is this envelope another one of the very value that was there?  Whole rows
 * are written back by ORMs; a new nonce for the same text would be a change to
 * the indexes and in the trail.  Only where the tags are equal is it opened.
 */
static bool
is_same_value(Datum datum, TupleTableSlot *oldslot, AttrNumber column, Datum *old)
{
	bool		isnull;
	struct varlena *value;
	CsecMasked	was;
	CsecMasked	is;
	bool		same;

	if (VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(datum)))
		return false;
	value = PG_DETOAST_DATUM_PACKED(datum);
	if (!csec_value_well_formed(value))
		return false;
	csec_value_read(value, &is);
	if (is.envelope == NULL)
		return false;
	*old = slot_getattr(oldslot, column, &isnull);
	if (isnull)
		return false;
	value = PG_DETOAST_DATUM_PACKED(*old);
	if (!csec_value_well_formed(value))
		return false;
	csec_value_read(value, &was);
	if (was.envelope == NULL || was.category != is.category || was.tag != is.tag ||
		was.len != is.len)
		return false;
	if (was.envelope_size == is.envelope_size &&
		memcmp(was.envelope, is.envelope, is.envelope_size) == 0)
		return false;			/* nothing was written */
	/* What is damaged is not what was written: the new value mends it. */
	if (!csec_value_try_text(&was))
		return false;
	csec_value_text(&is);
	same = csec_masked_same_text(&was, &is);
	csec_value_release(&was);
	csec_value_release(&is);
	return same;
}

static Target *
target_of(FunctionCallInfo fcinfo, Relation rel)
{
	Target	   *target = fcinfo->flinfo->fn_extra;
	MemoryContext old;

	if (target != NULL && target->relid == RelationGetRelid(rel))
		return target;
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	target = palloc(sizeof(Target));
	target->relid = RelationGetRelid(rel);
	target->columns = csec_masked_columns(RelationGetDescr(rel), &target->ncolumns);
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = target;
	return target;
}

/*
 * The value that a suspect column of the new row is to have: what the row
 * had, or an error.  *change says whether it differs from the new one.
 */
static Datum
resolve(Relation rel, AttrNumber column, CsecMasked *suspect,
		TupleTableSlot *oldslot, bool *change)
{
	bool		isnull;
	bool		kept;
	Datum		datum = slot_getattr(oldslot, column, &isnull);
	CsecMasked	old;

	*change = false;
	if (isnull)
		refuse_mask(RelationGetRelid(rel),
					NameStr(TupleDescAttr(RelationGetDescr(rel), column - 1)->attname));
	csec_value_read(PG_DETOAST_DATUM_PACKED(datum), &old);
	csec_value_text(suspect);
	if (unlikely(csec_value_is_gone(&old)))
	{
		/* what everybody is shown of it, written back */
		*change = suspect->len == CSEC_MASK_REDACTED_LEN &&
			memcmp(suspect->text, CSEC_MASK_REDACTED, CSEC_MASK_REDACTED_LEN) == 0;
		csec_value_release(suspect);
		if (!*change)
			refuse_mask(RelationGetRelid(rel),
						NameStr(TupleDescAttr(RelationGetDescr(rel), column - 1)->attname));
		return datum;
	}
	csec_value_text(&old);
	*change = !csec_masked_same_text(&old, suspect);
	kept = !*change || is_mask_of(suspect, &old);
	csec_value_release(&old);
	csec_value_release(suspect);
	if (!kept)
		refuse_mask(RelationGetRelid(rel),
					NameStr(TupleDescAttr(RelationGetDescr(rel), column - 1)->attname));
	return datum;
}

/*
 * csec.keep_masked(): BEFORE UPDATE FOR EACH ROW trigger.  A column whose new
 * text is the mask of its old value keeps the old value; any other mask is an
 * error (invalid_text_representation).
 */
Datum
csec_keep_masked(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Relation	rel;
	Target	   *target;
	HeapTuple	result;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("csec.keep_masked() must be called as a BEFORE UPDATE row trigger")));
	rel = trigger->tg_relation;
	target = target_of(fcinfo, rel);
	result = trigger->tg_newtuple;
	for (int i = 0; i < target->ncolumns; i++)
	{
		AttrNumber	column = target->columns[i];
		int			attno = column;
		bool		isnull;
		bool		change;
		Datum		datum = slot_getattr(trigger->tg_newslot, column, &isnull);
		CsecMasked	suspect;

		if (isnull)
			continue;
		if (unlikely(read_suspect(datum, &suspect)))
			datum = resolve(rel, column, &suspect, trigger->tg_trigslot, &change);
		else
			change = is_same_value(datum, trigger->tg_trigslot, column, &datum);
		isnull = false;
		if (change)
			result = heap_modify_tuple_by_cols(result, RelationGetDescr(rel), 1,
											   &attno, &datum, &isnull);
	}
	return PointerGetDatum(result);
}

void
csec_refuse_masks(Oid relid, TupleTableSlot *slot, const AttrNumber *attnos, int nattnos)
{
	for (int i = 0; i < nattnos; i++)
	{
		bool		isnull;
		Datum		datum = slot_getattr(slot, attnos[i], &isnull);
		CsecMasked	suspect;

		if (!isnull && unlikely(read_suspect(datum, &suspect)))
			refuse_mask(relid, NameStr(TupleDescAttr(slot->tts_tupleDescriptor, attnos[i] - 1)->attname));
	}
}
