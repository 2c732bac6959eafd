/*
 * convert.c
 *		Values on their way into csec's types and back, as csec.protect() and
 *		csec.unprotect() rewrite a table.
 *
 * Into a field: the text is taken as it is, after the category's check, and
 * does not count as tried: it was there before.
 *
 * Out of it the stored text comes whole, whatever the reader may see: a mask
 * would be stored in its place for good.  So that this is no way round a
 * clearance, the one function that gives the text, csec.stored_text(), works
 * only inside the rewrite below, whose statement is made here from the policy
 * tables, for who may unprotect the table, and after it is on record.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "audit/emit.h"
#include "capture/control.h"
#include "capture/guard.h"
#include "policy/category.h"
#include "policy/check.h"
#include "policy/mask.h"
#include "types/encrypted_exit.h"
#include "types/encrypted_value.h"
#include "types/masked_text.h"
#include "util/pgcompat.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_adopt);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_adopt_encrypted);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_adopt_for);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_holds);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_value_problem);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_stored_text);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_rewrite_plain);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_in_own_ddl);

/* Who runs the rewrite that gives plain columns back; InvalidOid: nobody. */
static Oid	rewriting = InvalidOid;

static const CsecCategory *
category_named(const text *name)
{
	char	   *wanted = text_to_cstring(name);
	const CsecCategory *category = csec_category_lookup(csec_category_id(wanted));

	if (category == NULL || strcmp(NameStr(category->name), wanted) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("category \"%s\" does not exist", wanted),
				 errhint("See csec.category for those that do.")));
	return category;
}

/* What keeps a text from being a value of the category; NULL: nothing. */
static const char *
problem_of(const CsecCategory *category, const char *value, size_t len)
{
	CsecCheckResult result;

	if (category->storage == CSEC_STORAGE_REFUSED)
		return "must not be stored";
	if (memchr(value, '*', len) != NULL &&
		csec_mask_shaped_as(category->mask, value, len))
		return "mask";
	result = csec_judge_input(category, value, len);
	return result == CSEC_CHECK_OK ? NULL : csec_check_reason(result);
}

/*
 * csec.value_problem(value text, category text): "must not be stored" where the
 * category's storage is refused; "mask" for what has the form of the category's
 * mask; else what a strict category's check has against the value; null:
 * nothing.
 */
Datum
csec_value_problem(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	const char *problem = problem_of(category_named(PG_GETARG_TEXT_PP(1)),
									 VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));

	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}

/* An error, without the value, where it cannot be one of the category. */
static void
refuse_problem(const CsecCategory *category, const text *value)
{
	const char *problem = problem_of(category, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));

	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("a stored value is not one of category \"%s\": %s",
						NameStr(category->name), problem),
				 errhint("csec.plan_protect() counts such values.")));
}

/*
 * csec.adopt(value text, category text): the value as one of the category.
 * Error invalid_text_representation where it cannot be.
 */
Datum
csec_adopt(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	const CsecCategory *category = category_named(PG_GETARG_TEXT_PP(1));

	refuse_problem(category, value);
	PG_RETURN_POINTER(csec_masked_make(category->id, category->sort_plain,
									   VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)));
}

/* csec.adopt_encrypted(value text, category text): the same, encrypted. */
Datum
csec_adopt_encrypted(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	const CsecCategory *category = category_named(PG_GETARG_TEXT_PP(1));

	refuse_problem(category, value);
	PG_RETURN_POINTER(csec_encrypted_make(category->id, VARDATA_ANY(value),
										  VARSIZE_ANY_EXHDR(value)));
}

/*
 * csec.adopt_for(customers regclass, subject text, value text, category text):
 * the same, under the key of a customer.
 */
Datum
csec_adopt_for(PG_FUNCTION_ARGS)
{
	CsecCustomer customer;
	const CsecCategory *category;
	text	   *subject = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);
	text	   *value;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		PG_RETURN_NULL();
	value = PG_GETARG_TEXT_PP(2);
	category = category_named(PG_GETARG_TEXT_PP(3));
	refuse_problem(category, value);
	if (subject != NULL)
		csec_customer_of(PG_GETARG_OID(0), VARDATA_ANY(subject), VARSIZE_ANY_EXHDR(subject), &customer);
	PG_RETURN_POINTER(csec_encrypted_make_for(subject ? &customer : NULL, category->id,
											  VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)));
}

/*
 * csec.stored_text(csec.masked), and of csec.encrypted: the whole text, inside csec.unprotect() only.
 * A function of somebody else's that runs in the midst of the rewrite (for an
 * index, say) runs as somebody else, and is refused too.
 */
Datum
csec_stored_text(PG_FUNCTION_ARGS)
{
	CsecMasked	value;
	text	   *result;

	if (!OidIsValid(rewriting) || rewriting != GetUserId() ||
		InSecurityRestrictedOperation())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("stored values are given back by csec.unprotect() only")));
	CSEC_GETARG_VALUE(0, &value);
	csec_value_text(&value);
	result = cstring_to_text_with_len(value.text, value.len);
	csec_value_release(&value);
	PG_RETURN_TEXT_P(result);
}

CSEC_ENCRYPTED_EXIT(csec_encrypted_stored_text, csec_stored_text)

/*
 * csec.holds(value, text): is the text the one that the value holds?  For
 * csec.protect_online(), which reads back what it has made.
 */
Datum
csec_holds(PG_FUNCTION_ARGS)
{
	CsecMasked	value;
	text	   *expected = PG_GETARG_TEXT_PP(1);
	bool		result;

	if (!csec_own_ddl())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("values are read back by csec.protect_online() only")));
	CSEC_GETARG_VALUE(0, &value);
	csec_value_text(&value);
	result = value.len == VARSIZE_ANY_EXHDR(expected) &&
		memcmp(value.text, VARDATA_ANY(expected), value.len) == 0;
	csec_value_release(&value);
	PG_RETURN_BOOL(result);
}

/* The role that the session acts as, whatever function it is in. */
static void
check_may_unprotect(Oid relid)
{
	Oid			role = GetOuterUserId();
	Oid			admin = get_role_oid("csec_admin", true);

	if (superuser_arg(role))
		return;
	if (!OidIsValid(admin) || !has_privs_of_role(role, admin) ||
		!csec_owns_relation(relid, role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to unprotect table \"%s\"", get_rel_name(relid)),
				 errhint("A superuser may, and a member of csec_admin who owns the table.")));
}

/* One field of the table, as ALTER TABLE takes it. */
static void
append_column(StringInfo command, HeapTuple row, TupleDesc desc, bool widen)
{
	const char *column = quote_identifier(SPI_getvalue(row, desc, 1));
	char	   *type = SPI_getvalue(row, desc, 2);
	bool		is_date = strcmp(type, "date") == 0;

	appendStringInfo(command, "%s ALTER COLUMN %s TYPE %s USING csec.stored_text(%s)%s",
					 command->len == 0 ? "" : ",", column,
					 widen && !is_date ? "pg_catalog.text" : type, column,
					 is_date ? "::pg_catalog.date" : "");
}

/* The clauses of the ALTER TABLE that gives plain columns back; or NULL. */
static char *
plain_columns(Oid relid, bool widen)
{
	StringInfoData clauses;
	Oid			type = OIDOID;
	Datum		arg = ObjectIdGetDatum(relid);

	if (SPI_execute_with_args("SELECT f.attname, f.original_type FROM csec.protected_field f "
							  "JOIN pg_catalog.pg_attribute a ON a.attrelid = f.relid "
							  "     AND a.attname = f.attname AND NOT a.attisdropped "
							  "WHERE f.relid = $1 AND f.original_type IS NOT NULL ORDER BY a.attnum",
							  1, &type, &arg, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read csec.protected_field");
	if (SPI_processed == 0)
		return NULL;
	initStringInfo(&clauses);
	for (uint64 i = 0; i < SPI_processed; i++)
		append_column(&clauses, SPI_tuptable->vals[i], SPI_tuptable->tupdesc, widen);
	return clauses.data;
}

/*
 * csec.rewrite_plain(tab regclass, widen boolean): the columns of a protected
 * table in their original types again, or with widen as text.  Puts itself on
 * record, durably, before it begins.  Error string_data_right_truncation where
 * a value has outgrown its original type.
 */
Datum
csec_rewrite_plain(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	char	   *clauses;
	char	   *name;

	check_may_unprotect(relid);
	name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
	SPI_connect();
	clauses = plain_columns(relid, PG_GETARG_BOOL(1));
	if (clauses != NULL)
	{
		csec_emit_flush(csec_control_emit("rewrite in clear", name, NULL));
		rewriting = GetUserId();
		PG_TRY();
		{
			SPI_execute(psprintf("ALTER TABLE %s%s", name, clauses), false, 0);
		}
		PG_FINALLY();
		{
			rewriting = InvalidOid;
		}
		PG_END_TRY();
	}
	SPI_finish();
	PG_RETURN_VOID();
}

/* csec.in_own_ddl(): is a function of csec's changing tables just now? */
Datum
csec_in_own_ddl(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(csec_own_ddl());
}
