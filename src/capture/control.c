/*
 * control.c
 *		Records of the control plane, and of denials.
 *
 * A control record of a transaction that later rolls back tells an act that
 * did not happen.  So it carries the transaction's id where there is one, and
 * the sealer states the outcome as it does for changes.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "audit/emit.h"
#include "capture/control.h"
#include "capture/suspension.h"
#include "policy/catalog.h"
#include "policy/category.h"
#include "policy/context.h"
#include "policy/decision.h"
#include "policy/denied.h"
#include "util/pgcompat.h"

/* The transaction whose fate an act shares. */
static TransactionId
acting_transaction(void)
{
	TransactionId xid = GetCurrentTransactionIdIfAny();

	/* a subtransaction that has not written yet shares its parent's fate */
	return TransactionIdIsValid(xid) ? xid : GetTopTransactionIdIfAny();
}

static XLogRecPtr
emit(CsecRecordKind kind, TransactionId xid, const char *action, const char *object,
	 const char *detail)
{
	CsecIdentity *identity;
	XLogRecPtr	lsn;

	csec_emit_prepare();
	identity = csec_identity_acquire();
	csec_record_begin(kind, 0, identity);
	if (TransactionIdIsValid(xid))
		csec_record_u32(CSEC_TAG_XID, xid);
	csec_record_text(CSEC_TAG_OBJECT, object);
	csec_record_text(CSEC_TAG_ACTION, action);
	csec_record_text(CSEC_TAG_DETAIL, detail);
	lsn = csec_record_emit();
	csec_identity_release(identity);
	return lsn;
}

/*
 * Record an act on csec itself or on what it protects: what was done, to
 * what, and a JSON object with the rest (never a field's value).  In a
 * transaction only.
 */
XLogRecPtr
csec_control_emit(const char *action, const char *object, const char *detail)
{
	return emit(CSEC_KIND_CONTROL, acting_transaction(), action, object, detail);
}

/* The same of an act that no rollback takes back. */
XLogRecPtr
csec_control_emit_at_once(const char *action, const char *object, const char *detail)
{
	return emit(CSEC_KIND_CONTROL, InvalidTransactionId, action, object, detail);
}

/* Something was refused, whatever becomes of the transaction. */
XLogRecPtr
csec_denial_emit(const char *action, const char *object, const char *detail)
{
	return emit(CSEC_KIND_DENIAL, InvalidTransactionId, action, object, detail);
}

/* The policy floor has refused something to a reader. */
static void
record_denial(const char *what, uint32 category)
{
	const CsecCategory *known = csec_category_lookup(category);

	if (!csec_database_has_csec())
		return;
	csec_denial_emit(what, known == NULL ? NULL : NameStr(known->name), NULL);
}

/* A transaction claims to be somebody else than it claimed first. */
static void
record_changed_claim(const char *what, const char *standing, const char *claimed)
{
	if (!csec_database_has_csec())
		return;
	csec_denial_emit("another claim in one transaction", what, NULL);
}

static void
record_plain_dump(void)
{
	if (csec_database_has_csec())
		csec_control_emit("plain dump", "csec.dump_plain", NULL);
}

void
csec_control_init(void)
{
	csec_plain_dump_hook = record_plain_dump;
	csec_denied_hook = record_denial;
	csec_context_changed_hook = record_changed_claim;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_control);

/*
 * csec.control(action text, object text, detail jsonb) returns void: for
 * csec's own functions; nobody else may execute it.
 */
Datum
csec_control(PG_FUNCTION_ARGS)
{
	char	   *action = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *object = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	char	   *detail = NULL;

	if (!PG_ARGISNULL(2))
	{
		Jsonb	   *json = PG_GETARG_JSONB_P(2);

		detail = JsonbToCString(NULL, &json->root, VARSIZE(json));
	}
	csec_control_emit(action, object, detail);
	PG_RETURN_VOID();
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_denial);

/*
 * csec.denial(action text, object text, detail jsonb) returns void: the same
 * for what one of csec's functions is about to refuse.  It belongs to no
 * transaction, so the error that follows does not take it back.
 */
Datum
csec_denial(PG_FUNCTION_ARGS)
{
	Jsonb	   *json = PG_GETARG_JSONB_P(2);

	csec_denial_emit(text_to_cstring(PG_GETARG_TEXT_PP(0)),
					 text_to_cstring(PG_GETARG_TEXT_PP(1)),
					 JsonbToCString(NULL, &json->root, VARSIZE(json)));
	PG_RETURN_VOID();
}
