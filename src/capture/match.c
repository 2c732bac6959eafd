/*
 * match.c
 *		csec.match_customer(): is the caller who he says he is?
 *
 * A call centre asks for the name, the last four of the identity card and the
 * last amount, and needs to know whether all of it is so, and nothing else.
 * One query fetches one truth value for each claim, whatever the claims; they
 * are put together without a look at one alone.  A customer that is not there
 * takes the same way.
 *
 * The question is on record with its columns and its answer, never with what
 * was claimed, and counts as failed until it has succeeded
 * (policy/match_lock.c).
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "capture/control.h"
#include "policy/denied.h"
#include "policy/match_lock.h"
#include "policy/table.h"
#include "types/masked_value.h"
#include "types/match_value.h"
#include "util/guc.h"
#include "util/pgcompat.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_match_customer);

#define MAX_CLAIMS	16
#define MIN_LAST	4			/* characters; fewer are soon guessed */

/* The query that is made, with what its parameters are. */
typedef struct Question
{
	StringInfoData query;
	StringInfoData fields;		/* JSON array of the columns' names */
	int			nargs;
	Oid			types[CSEC_MAX_SUBJECT_COLUMNS + MAX_CLAIMS];
	Datum		values[CSEC_MAX_SUBJECT_COLUMNS + MAX_CLAIMS];
	int			nclaims;
	ObjectAddress about[MAX_CLAIMS];	/* the column of each claim */
} Question;

static int
add_argument(Question *q, Datum value)
{
	q->types[q->nargs] = TEXTOID;
	q->values[q->nargs] = value;
	return ++q->nargs;
}

static const char *
table_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

/* The condition that finds the subject's rows; his key are the first arguments. */
static void
append_subject(StringInfo out, Oid relid, const char *alias)
{
	const CsecTable *table = csec_table_lookup(relid);

	for (int i = 0; i < table->nsubject; i++)
		appendStringInfo(out, "%s %s.%s OPERATOR(pg_catalog.=) $%d::%s",
						 i == 0 ? "" : " AND", alias,
						 quote_identifier(get_attname(relid, table->subject_attno[i], false)),
						 i + 1, format_type_be_qualified(table->subject_type[i]));
}

static bool
is_number(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID || type == NUMERICOID ||
		type == FLOAT4OID || type == FLOAT8OID || type == CASHOID;
}

/*
 * A column as it is compared.  Of a type that is not PostgreSQL's own what its
 * output function says: a cast may be a function of the table's owner, and would
 * run with the rights of csec.match_customer()'s.
 */
static char *
comparable(Oid type, const char *alias, const char *column)
{
	const char *name = quote_identifier(column);

	if (csec_is_field_type(type))
		return psprintf("%s.%s", alias, name);
	if (is_number(type))
		return psprintf("%s.%s::pg_catalog.numeric", alias, name);
	if (type < FirstGenbkiObjectId)
		return psprintf("%s.%s::pg_catalog.text", alias, name);
	return psprintf("nullif(pg_catalog.concat(%s.%s), '')", alias, name);
}

/* Who the customer is was said, and what was claimed once is so or not. */
static void
refuse_empty_claim(Question *q, Oid relid, AttrNumber attno)
{
	const CsecTable *table = csec_table_lookup(relid);

	for (int i = 0; i < table->nsubject; i++)
		if (table->subject_attno[i] == attno)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" says who the customer is, and is no claim",
							get_attname(relid, attno, false))));
	for (int i = 0; i < q->nclaims; i++)
		if (q->about[i].objectId == relid && q->about[i].objectSubId == attno)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" of table \"%s\" is claimed twice",
							get_attname(relid, attno, false), get_rel_name(relid))));
	ObjectAddressSubSet(q->about[q->nclaims], RelationRelationId, relid, attno);
}

/* The expression that says whether a column is as argument n claims. */
static char *
match_of(Question *q, Oid relid, const char *alias, const char *column, int n, bool last)
{
	AttrNumber	attno = get_attnum(relid, column);

	if (attno <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table \"%s\" does not exist", column, get_rel_name(relid)),
				 errhint("Claims name columns of the customer's table, or \"table.column\" of one that refers to him.")));
	refuse_empty_claim(q, relid, attno);
	return psprintf("csec.match_value(%s, $%d, %s)",
					comparable(getBaseType(get_atttype(relid, attno)), alias, column),
					n, last ? "true" : "false");
}

/* A member of a claim's object; NULL where it is not there. */
static char *
member(JsonbContainer *object, const char *key)
{
	JsonbValue	buffer;
	JsonbValue *value = getKeyJsonValueFromContainer(object, key, strlen(key), &buffer);

	if (value == NULL)
		return NULL;
	if (value->type == jbvString)
		return pnstrdup(value->val.string.val, value->val.string.len);
	if (value->type == jbvNumeric)
		return DatumGetCString(DirectFunctionCall1(numeric_out,
												   NumericGetDatum(value->val.numeric)));
	return NULL;
}

static void
refuse_claim(const char *field)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the claim for \"%s\" is not understood", field),
			 errhint("A claim is a text or a number, {\"last\": \"...\"} with at least %d characters, or {\"is\": ..., \"newest_by\": \"column\"}; blanks do not count.",
					 MIN_LAST)));
}

typedef struct Claim
{
	char	   *said;
	bool		last;
	char	   *newest_by;
} Claim;

static Claim
read_claim(const char *field, JsonbValue *value)
{
	Claim		claim = {NULL, false, NULL};

	if (value->type == jbvString)
		claim.said = pnstrdup(value->val.string.val, value->val.string.len);
	else if (value->type == jbvNumeric)
		claim.said = DatumGetCString(DirectFunctionCall1(numeric_out,
														 NumericGetDatum(value->val.numeric)));
	else if (value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data))
	{
		claim.said = member(value->val.binary.data, "is");
		claim.newest_by = member(value->val.binary.data, "newest_by");
		if (claim.said == NULL)
		{
			claim.said = member(value->val.binary.data, "last");
			claim.last = true;
		}
	}
	/* what nothing is compared of would be so of everybody */
	if (claim.said == NULL ||
		csec_match_characters(claim.said) < (claim.last ? MIN_LAST : 1))
		refuse_claim(field);
	return claim;
}

/*
 * The protected table that a claim's prefix names, which refers to the
 * customer's.  Without a schema it is looked for beside that one: what the
 * caller's search_path says is of no account in here.
 */
static Oid
referring_table(Oid relid, const char *prefix)
{
	List	   *names = NIL;
	Oid			other = InvalidOid;
	const CsecTable *table = NULL;

	if (SplitIdentifierString(pstrdup(prefix), '.', &names) &&
		(list_length(names) == 1 || list_length(names) == 2))
	{
		const char *schema = list_length(names) == 2 ? linitial(names) :
			get_namespace_name(get_rel_namespace(relid));

		other = RangeVarGetRelid(makeRangeVar(pstrdup(schema), llast(names), -1),
								 AccessShareLock, true);
	}
	if (OidIsValid(other))
		table = csec_table_lookup(other);
	if (table == NULL || table->subject_table != relid || other == relid)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("\"%s\" is not a protected table that refers to the customers of \"%s\"",
						prefix, get_rel_name(relid)),
				 errhint("Protect it with subject_of first. A claim names \"column\", \"table.column\" or \"schema.table.column\"; a name with capitals or dots stands in double quotes there.")));
	return other;
}

/*
 * The dot before a claim's column, NULL where the whole is one: the last that
 * stands in no double quotes.
 */
static const char *
last_dot(const char *field)
{
	const char *dot = NULL;
	bool		quoted = false;

	for (const char *p = field; *p; p++)
	{
		if (*p == '"')
			quoted = !quoted;
		else if (*p == '.' && !quoted)
			dot = p;
	}
	return quoted ? strrchr(field, '.') : dot;
}

/* A column behind its table: in double quotes, or as it is. */
static const char *
column_name(const char *said)
{
	List	   *names;

	if (said[0] == '"' && SplitIdentifierString(pstrdup(said), '.', &names) &&
		list_length(names) == 1)
		return linitial(names);
	return said;
}

/*
 * A claim about a column of another table: of the customer's newest row there.
 */
static void
append_referring(Question *q, Oid relid, const char *prefix, const char *column,
				 const Claim *claim, int n)
{
	Oid			other = referring_table(relid, prefix);

	if (claim->newest_by == NULL || get_attnum(other, claim->newest_by) <= 0)
		refuse_claim(psprintf("%s.%s", prefix, column));
	appendStringInfo(&q->query, "(SELECT %s FROM %s o WHERE",
					 match_of(q, other, "o", column, n, claim->last), table_name(other));
	append_subject(&q->query, other, "o");
	appendStringInfo(&q->query, " ORDER BY o.%s DESC NULLS LAST LIMIT 1)",
					 quote_identifier(claim->newest_by));
}

static void
append_claim(Question *q, Oid relid, const char *field, JsonbValue *value)
{
	Claim		claim = read_claim(field, value);
	int			n = add_argument(q, CStringGetTextDatum(claim.said));
	const char *dot = get_attnum(relid, field) > 0 ? NULL : last_dot(field);

	if (q->nclaims > 0)
	{
		appendStringInfoString(&q->query, ", ");
		appendStringInfoString(&q->fields, ", ");
	}
	escape_json(&q->fields, field);
	if (dot != NULL)
		append_referring(q, relid, pnstrdup(field, dot - field), column_name(dot + 1),
						 &claim, n);
	else
		appendStringInfoString(&q->query, match_of(q, relid, "c", field, n, claim.last));
	q->nclaims++;
}

static void
append_claims(Question *q, Oid relid, Jsonb *claims)
{
	JsonbIterator *it = JsonbIteratorInit(&claims->root);
	JsonbValue	value;
	JsonbIteratorToken token = JsonbIteratorNext(&it, &value, true);
	char	   *field = NULL;

	if (token != WJB_BEGIN_OBJECT || JB_ROOT_COUNT(claims) < csec_match_min_claims ||
		JB_ROOT_COUNT(claims) > MAX_CLAIMS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("claims are a JSON object with %d to %d members, column to value",
						csec_match_min_claims, MAX_CLAIMS)));
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			field = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE)
			append_claim(q, relid, field, &value);
	}
}

static const CsecTable *
customers(Oid relid, ArrayType *subject, Question *q)
{
	const CsecTable *table = csec_table_lookup(relid);
	Datum	   *parts;
	bool	   *nulls;
	int			n;

	if (table == NULL || table->is_trail || table->root != relid || table->subject_table != relid)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("\"%s\" is not a protected table with customers of its own", get_rel_name(relid)),
				 errhint("Name the table that was protected without subject_of.")));
	deconstruct_array(subject, TEXTOID, -1, false, TYPALIGN_INT, &parts, &nulls, &n);
	if (n != table->nsubject)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a customer of \"%s\" is named by %d values", get_rel_name(relid),
						table->nsubject)));
	for (int i = 0; i < n; i++)
		(void) add_argument(q, nulls[i] ? CStringGetTextDatum("") : parts[i]);
	return table;
}

/* All of the claims, without a look at one alone; what is null is not so. */
static bool
ask(Question *q)
{
	volatile bool all = true;
	volatile int answers = 0;

	csec_matching = GetUserId();
	PG_TRY();
	{
		if (SPI_execute_with_args(q->query.data, q->nargs, q->types, q->values, NULL,
								  true, 2) != SPI_OK_SELECT || SPI_processed != 1)
			elog(ERROR, "could not ask for a customer");
		for (int i = 1; i <= q->nclaims; i++)
		{
			bool		isnull;
			Datum		answer = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
											   i, &isnull);

			all = all & (int) !isnull & (int) DatumGetBool(answer);
			answers++;
		}
	}
	PG_FINALLY();
	{
		csec_matching = InvalidOid;
	}
	PG_END_TRY();
	return all && answers > 0;
}

static void
refuse_locked(Oid relid, TimestampTz until)
{
	csec_denied("match locked", 0);
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("too many claims about customers of \"%s\" were not so", get_rel_name(relid)),
			 errdetail("You are locked out until %s; the customers are not.", timestamptz_to_str(until)),
			 errhint("csec.match_failures, csec.match_window and csec.match_lock_time set the limits; where several people share a login csec.set_pool_role() lets each be counted.")));
}

static void
record(const CsecTable *table, ArrayType *subject, const char *fields, bool matched)
{
	StringInfoData detail;
	Datum	   *parts;
	int			n;

	initStringInfo(&detail);
	appendStringInfo(&detail, "{\"fields\": [%s], \"matched\": %s, \"subject\": [", fields,
					 matched ? "true" : "false");
	deconstruct_array(subject, TEXTOID, -1, false, TYPALIGN_INT, &parts, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(&detail, i == 0 ? "" : ", ");
		escape_json(&detail, TextDatumGetCString(parts[i]));
	}
	appendStringInfoString(&detail, "]}");
	csec_control_emit("match", table->qualified_name, detail.data);
}

/* The customer is who he says: for a while the reader may see him, where policy says so. */
static void
open_permit(Oid relid, ArrayType *subject)
{
	Oid			types[] = {REGCLASSOID, TEXTARRAYOID};
	Datum		values[] = {ObjectIdGetDatum(relid), PointerGetDatum(subject)};

	if (XactReadOnly)
		return;
	SPI_connect();
	SPI_execute_with_args("SELECT csec.open_match_permit($1, $2)", 2, types, values, NULL, false, 0);
	SPI_finish();
}

/*
 * csec.match_customer(tab regclass, subject text[], claims jsonb) returns bool
 *		Is all that is claimed of this customer so?
 *
 * Errors: configuration_limit_exceeded while the reader is locked out;
 * invalid_parameter_value, undefined_column, undefined_table for claims that
 * are not understood, none of which counts.
 */
Datum
csec_match_customer(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	ArrayType  *subject = PG_GETARG_ARRAYTYPE_P(1);
	Question	q = {.nargs = 0};
	const CsecTable *table;
	TimestampTz until;
	bool		matched;

	initStringInfo(&q.query);
	initStringInfo(&q.fields);
	table = customers(relid, subject, &q);
	appendStringInfoString(&q.query, "SELECT ");
	append_claims(&q, relid, PG_GETARG_JSONB_P(2));
	appendStringInfo(&q.query, " FROM (SELECT) one LEFT JOIN %s c ON", table_name(relid));
	append_subject(&q.query, relid, "c");
	if (!csec_match_enter(&until))
		refuse_locked(relid, until);
	SPI_connect();
	matched = ask(&q);
	SPI_finish();
	record(table, subject, q.fields.data, matched);
	if (matched)
	{
		csec_match_take_back();
		open_permit(relid, subject);
	}
	PG_RETURN_BOOL(matched);
}
