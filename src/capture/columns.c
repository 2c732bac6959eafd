/*
 * columns.c
 *		Which columns a query reads of a protected table, as a record's field.
 *
 * For each column: one byte, 0 where it is not classified, else 1 + the
 * decision for this reader at this moment (redacted, masked, revealed); then
 * the length of its name and the name.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "capture/columns.h"
#include "policy/decision.h"
#include "util/bytes.h"

static const CsecTableField *
field_of(const CsecTable *table, AttrNumber attno)
{
	for (int i = 0; i < table->nfields; i++)
		if (table->fields[i].attno == attno)
			return &table->fields[i];
	return NULL;
}

static void
add_column(StringInfo out, const CsecTable *table, AttrNumber attno)
{
	const CsecTableField *field = field_of(table, attno);
	char	   *name = get_attname(table->relid, attno, true);
	uint8		head[1 + CSEC_VARINT_MAX];
	size_t		headlen;

	if (name == NULL)
		return;					/* dropped under a whole-row reference */
	head[0] = field == NULL ? 0 : (uint8) (1 + csec_decide(field->category));
	headlen = 1 + csec_put_varint(head + 1, strlen(name));
	appendBinaryStringInfo(out, (char *) head, (int) headlen);
	appendStringInfoString(out, name);
}

static bool
is_whole_row(Bitmapset *selected)
{
	return bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, selected);
}

/*
 * Append the columns in "selected" (numbered as in a range table entry) to
 * out; a whole-row reference is every column.
 */
void
csec_columns_encode(StringInfo out, const CsecTable *table, Bitmapset *selected)
{
	if (is_whole_row(selected))
	{
		/* the query holds a lock on it */
		Relation	rel = table_open(table->relid, NoLock);

		for (AttrNumber attno = 1; attno <= RelationGetNumberOfAttributes(rel); attno++)
			add_column(out, table, attno);
		table_close(rel, NoLock);
		return;
	}
	for (int bit = -1; (bit = bms_next_member(selected, bit)) >= 0;)
	{
		AttrNumber	attno = bit + FirstLowInvalidHeapAttributeNumber;

		if (attno > 0)
			add_column(out, table, attno);
	}
}

static bool
is_selected(Bitmapset *selected, AttrNumber attno)
{
	return is_whole_row(selected) ||
		bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, selected);
}

/* Is a classified column among them? */
bool
csec_columns_touch_fields(const CsecTable *table, Bitmapset *selected)
{
	for (int i = 0; i < table->nfields; i++)
		if (is_selected(selected, table->fields[i].attno))
			return true;
	return false;
}

/* Must a read of them be durable before its first row leaves? */
bool
csec_columns_strict(const CsecTable *table, Bitmapset *selected)
{
	if (table->strict)
		return true;
	for (int i = 0; i < table->nfields; i++)
		if (table->fields[i].strict && is_selected(selected, table->fields[i].attno))
			return true;
	return false;
}
