/*
 * columns.c
 *		Which columns a query reads of a protected table, as a record's field.
 *
 * For each column: one byte, 0 where it is not classified, else 1 + the
 * decision for this reader at this moment (redacted, masked, revealed); then
 * the length of its name and the name.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "capture/columns.h"
#include "policy/category.h"
#include "policy/ceiling.h"
#include "policy/decision.h"
#include "policy/reader.h"
#include "types/match_value.h"
#include "util/bytes.h"

/*
 * What was encoded last: most sessions ask the same again and again, and then
 * only the decisions can differ.
 */
static struct
{
	bool		valid;
	Oid			relid;
	int			nfields;
	Bitmapset  *selected;
	StringInfoData bytes;
	int			nmarks;
	struct
	{
		int			at;			/* offset of the decision's byte */
		AttrNumber	attno;
		uint32		category;
	}			mark[MaxHeapAttributeNumber];
}			last;

static const CsecTableField *
field_of(const CsecTable *table, AttrNumber attno)
{
	for (int i = 0; i < table->nfields; i++)
		if (table->fields[i].attno == attno)
			return &table->fields[i];
	return NULL;
}

/* The name of a column; NULL: there is none, or none any more. */
static char *
column_name(Oid relid, AttrNumber attno)
{
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(attno));
	Form_pg_attribute att;
	char	   *name;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	att = (Form_pg_attribute) GETSTRUCT(tuple);
	name = att->attisdropped ? NULL : pstrdup(NameStr(att->attname));
	ReleaseSysCache(tuple);
	return name;
}

static void
add_column(const CsecTable *table, AttrNumber attno)
{
	const CsecTableField *field = field_of(table, attno);
	char	   *name = column_name(table->relid, attno);
	uint8		head[1 + CSEC_VARINT_MAX];
	size_t		headlen;

	if (name == NULL)
		return;					/* dropped under a whole-row reference */
	if (field != NULL)
	{
		last.mark[last.nmarks].at = last.bytes.len;
		last.mark[last.nmarks].attno = attno;
		last.mark[last.nmarks++].category = field->category;
	}
	head[0] = 0;
	headlen = 1 + csec_put_varint(head + 1, strlen(name));
	appendBinaryStringInfo(&last.bytes, (char *) head, (int) headlen);
	appendStringInfoString(&last.bytes, name);
}

static bool
is_whole_row(Bitmapset *selected)
{
	return bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, selected);
}

static bool
is_member(Bitmapset *selected, AttrNumber attno)
{
	return bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, selected);
}

static int
number_of_columns(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	int			n;

	if (!HeapTupleIsValid(tuple))
		return 0;
	n = ((Form_pg_class) GETSTRUCT(tuple))->relnatts;
	ReleaseSysCache(tuple);
	return n;
}

/* Encode all columns anew into "last". */
static void
encode(const CsecTable *table, Bitmapset *selected)
{
	bool		whole = is_whole_row(selected);
	int			natts = number_of_columns(table->relid);
	int			natts_of_root = table->relid == table->root ? 0 : number_of_columns(table->root);
	Bitmapset  *told = NULL;

	/* those of a child in the order of its root: one read, one record */
	for (AttrNumber i = 1; i <= natts_of_root; i++)
	{
		char	   *name = column_name(table->root, i);
		AttrNumber	attno = name == NULL ? InvalidAttrNumber : get_attnum(table->relid, name);

		if (attno == InvalidAttrNumber || !(whole || is_member(selected, attno)))
			continue;
		add_column(table, attno);
		told = bms_add_member(told, attno);
	}
	for (AttrNumber attno = 1; attno <= natts; attno++)
		if ((whole || is_member(selected, attno)) && !bms_is_member(attno, told))
			add_column(table, attno);
	bms_free(told);
}

/* The names may have changed. */
static void
forget(Datum arg, Oid relid)
{
	if (!OidIsValid(relid) || relid == last.relid)
		last.valid = false;
}

static void
start_anew(const CsecTable *table, Bitmapset *selected)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	if (last.bytes.data == NULL)
	{
		initStringInfo(&last.bytes);
		CacheRegisterRelcacheCallback(forget, (Datum) 0);
	}
	last.valid = false;
	bms_free(last.selected);
	last.selected = bms_copy(selected);
	last.relid = table->relid;
	resetStringInfo(&last.bytes);
	last.nmarks = 0;
	MemoryContextSwitchTo(old);
}

static bool
is_encrypted(uint32 category)
{
	const CsecCategory *known = csec_category_lookup(category);

	return known != NULL && known->storage == CSEC_STORAGE_ENCRYPTED;
}

/*
 * What the reader meets there; what is told as a mask stays one.  A dump by a
 * member of csec_backup has envelopes; where he may have in clear what is masked,
 * it counts as revealed.  Who matches a customer is told yes or no and sees
 * nothing.  What is read in a restricted operation does not leave it but as a copy.
 */
static CsecDecision
met(uint32 category)
{
	CsecDecision decision;

	if (unlikely(OidIsValid(csec_matching)))
		return CSEC_REDACT;
	decision = csec_decide(category);
	if (unlikely(decision != CSEC_REVEAL && csec_complete_or_refused()) &&
		csec_backup_reveals() && !is_encrypted(category))
		return CSEC_REVEAL;
	if (decision != CSEC_REVEAL && !InSecurityRestrictedOperation())
		csec_ceiling_lower(category);
	return decision;
}

/*
 * The columns in "selected" (numbered as in a range table entry; a whole-row
 * reference is every column), with the decisions of this moment, for rows that
 * a permit shows (0: none does).  Valid until the next call.
 */
const uint8 *
csec_columns_encode(const CsecTable *table, Bitmapset *selected,
					const CsecPermitted *permitted, int64 permit, size_t *len)
{
	if (!last.valid || last.relid != table->relid || last.nfields != table->nfields ||
		!bms_equal(last.selected, selected))
	{
		start_anew(table, selected);
		encode(table, selected);
		last.nfields = table->nfields;
		last.valid = true;
	}
	for (int i = 0; i < last.nmarks; i++)
		last.bytes.data[last.mark[i].at] =
			(char) (1 + (permit != 0 && csec_permitted_column(permitted, permit, last.mark[i].attno) ?
						 CSEC_REVEAL : met(last.mark[i].category)));
	*len = last.bytes.len;
	return (const uint8 *) last.bytes.data;
}

static bool
is_selected(Bitmapset *selected, AttrNumber attno)
{
	return is_whole_row(selected) || is_member(selected, attno);
}

/*
 * The classified columns that conditions look at: the names, each behind its
 * length.  Gives how many bytes that is; what does not fit is left out.
 */
size_t
csec_columns_probed(const CsecTable *table, Bitmapset *conditions, uint8 *out, size_t room)
{
	size_t		used = 0;

	for (int i = 0; i < table->nfields; i++)
	{
		const CsecTableField *field = &table->fields[i];
		size_t		len = strlen(NameStr(field->name));

		if (!is_selected(conditions, field->attno) || used + len + 1 > room)
			continue;
		out[used++] = (uint8) len;	/* a name's length is one byte as a varint */
		memcpy(out + used, NameStr(field->name), len);
		used += len;
	}
	return used;
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

/* Is a column above general among them? */
bool
csec_columns_above_general(const CsecTable *table, Bitmapset *selected)
{
	for (int i = 0; i < table->nfields; i++)
		if (!table->fields[i].general && is_selected(selected, table->fields[i].attno))
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
