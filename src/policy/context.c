/*
 * context.c
 *		Who the application says is reading, why, and under which ticket.
 *
 * csec.set_context() and SET LOCAL come to the same: transaction-local values
 * of the settings csec.actor, csec.reason and csec.ticket.  What stands is
 * kept here apart from the settings, because
 *	- the first value that a transaction states must outlive a second one:
 *	  a statement smuggled into an application's transaction can set a
 *	  setting, but no longer choose what is recorded;
 *	- it is needed in abort callbacks, where settings have been reset;
 *	- only a value that the transaction itself stated serves levels that need
 *	  a reason.  One that a pooled connection was left with, or that
 *	  ALTER ROLE gave, says nothing about this read.  Which of the two a
 *	  setting holds stands in its stack of saved values.
 *
 * A rolled-back subtransaction takes back the setting, not what stands.
 *
 * It stands in shared memory, each backend's at its place, where parallel
 * workers find their leader's: they get the settings without their history.
 * A leader that has workers states nothing (PostgreSQL refuses SET then) and
 * waits for them before its transaction ends.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "storage/proc.h"
#include "utils/guc.h"

#include "policy/clearance.h"
#include "policy/context.h"
#include "policy/decision.h"
#include "policy/reader.h"
#include "util/guc.h"
#include "util/pgcompat.h"
#include "util/row.h"
#include "util/shared_memory.h"
#include "util/utf8.h"

CsecContextChanged csec_context_changed_hook = NULL;

/* A setting, and the claim that it makes. */
typedef struct Claimed
{
	const char *what;
	const char *name;
	char	  **variable;
	size_t		claim;			/* where it is in the context */
	struct config_generic *setting;
	char		reported[CSEC_CLAIM_MAX + 1]; /* change reported last */
} Claimed;

static CsecContext *contexts = NULL;	/* one for each place of a backend */
static CsecContext own;			/* of a process without such a place */
static CsecContext *standing = &own;
static LocalTransactionId standing_lxid = InvalidLocalTransactionId;
static uint64 person_number = 1;

static Claimed claimed[] = {
	{"actor", "csec.actor", &csec_actor, offsetof(CsecContext, actor), NULL, ""},
	{"reason", "csec.reason", &csec_reason, offsetof(CsecContext, reason), NULL, ""},
	{"ticket", "csec.ticket", &csec_ticket, offsetof(CsecContext, ticket), NULL, ""}
};

static const CsecSharedPart part = {
	.name = "csec contexts",
	.size = sizeof(CsecContext),
	.per_backend = true,
	.memory = (void **) &contexts,
};

/* Whoever was at this place before has left its context there. */
static void
take_place(void)
{
	if (contexts == NULL || MyProcNumber == INVALID_PROC_NUMBER)
		return;
	if (IsParallelWorker())
		standing = &contexts[ParallelLeaderProcNumber];
	else
	{
		standing = &contexts[MyProcNumber];
		*standing = own;
	}
}

static inline CsecClaim *
claim_of(const Claimed *c)
{
	return (CsecClaim *) ((char *) standing + c->claim);
}

/*
 * Begin anew in a new transaction.  At its end MyProc has no transaction
 * number any more while records are still written: what stood, stands.
 */
static void
notice_transaction(void)
{
	LocalTransactionId now = csec_my_lxid();

	if (unlikely(standing == &own))
		take_place();
	if (now == standing_lxid || !LocalTransactionIdIsValid(now) || IsParallelWorker())
		return;
	standing_lxid = now;
	/* what its predecessor stated is no reason in this one */
	csec_decision_forget();
	if (standing->person[0] != '\0')
		person_number++;
	memset(standing, 0, sizeof(*standing));
	for (int i = 0; i < lengthof(claimed); i++)
		claimed[i].reported[0] = '\0';
}

/* Was the value the setting has now set for this transaction only? */
static bool
is_local(Claimed *c)
{
	GucStack   *top;

	if (c->setting == NULL)
		c->setting = csec_find_setting(c->name);
	top = c->setting ? c->setting->stack : NULL;
	return top && (top->state == GUC_LOCAL || top->state == GUC_SET_LOCAL);
}

static void
observe_value(Claimed *c)
{
	const char *value = *c->variable;
	CsecClaim  *claim = claim_of(c);
	CsecClaimSource source;

	if (claim->source == CSEC_CLAIM_TRANSACTION && strcmp(claim->text, value) == 0)
		return;
	source = is_local(c) ? CSEC_CLAIM_TRANSACTION : CSEC_CLAIM_SESSION;
	if (claim->source < source)
	{
		claim->source = source;
		strlcpy(claim->text, value, sizeof(claim->text));
	}
	else if (claim->source == source &&
			 strcmp(claim->text, value) != 0 &&
			 strcmp(c->reported, value) != 0)
	{
		strlcpy(c->reported, value, sizeof(c->reported));
		if (csec_context_changed_hook)
			csec_context_changed_hook(c->what, claim->text, value);
	}
}

/* Blanks alone, of any width, state nothing: what is wanted is a reason. */
static bool
states_nothing(const char *value, size_t len)
{
	const unsigned char *p = (const unsigned char *) value;

	return csec_all_blank(p, p + len);
}

/* At each statement: most of the time a look at what nobody has set. */
static inline void
observe(Claimed *c)
{
	if (*c->variable != NULL && !states_nothing(*c->variable, strlen(*c->variable)))
		observe_value(c);
}

void
csec_context_observe(void)
{
	notice_transaction();
	if (IsParallelWorker())
		return;
	for (int i = 0; i < lengthof(claimed); i++)
		observe(&claimed[i]);
}

const CsecContext *
csec_context(void)
{
	notice_transaction();
	return standing;
}

uint64
csec_context_person_number(void)
{
	notice_transaction();
	return person_number;
}

void
csec_context_enter_person(const char *person)
{
	notice_transaction();
	strlcpy(standing->person, person, sizeof(standing->person));
	person_number++;
	csec_decision_forget();
}

const char *
csec_reason_in_force(CsecClaimSource *source)
{
	const CsecContext *context = csec_context();
	const char *reason;

	if (!context->withdrawn && context->reason.source != CSEC_CLAIM_NONE)
	{
		*source = context->reason.source;
		return context->reason.text;
	}
	reason = csec_default_reason(csec_reader());
	*source = reason ? CSEC_CLAIM_DEFAULT : CSEC_CLAIM_NONE;
	return reason;
}

void
csec_context_init(void)
{
	csec_shared_memory(&part);
}

/*
 * State one claim for the transaction; gives whether it stands.  A text that
 * will not do is refused by the setting's own check.
 */
static bool
state(Claimed *c, const char *value)
{
	(void) set_config_option(c->name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	observe(c);
	return states_nothing(value, strlen(value)) || strcmp(claim_of(c)->text, value) == 0;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_set_context);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_clear_context);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_current_context);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_states);

/*
 * csec.set_context(actor, reason, ticket)
 *		State for this transaction who reads, why, and under which ticket.
 *		A null leaves what stands.
 */
Datum
csec_set_context(PG_FUNCTION_ARGS)
{
	bool		stands = true;

	csec_context_observe();
	for (int i = 0; i < lengthof(claimed); i++)
		if (!PG_ARGISNULL(i))
			stands &= state(&claimed[i],
							text_to_cstring(PG_GETARG_TEXT_PP(i)));
	if (!stands || standing->withdrawn)
		ereport(WARNING,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("the context of this transaction stands as it was first stated"),
				 errhint("State the new one in a new transaction.")));
	csec_decision_forget();
	PG_RETURN_VOID();
}

/*
 * csec.clear_context()
 *		Forget what the session was told, and withdraw the reason for the rest
 *		of the transaction.  The actor of what was done so far stays recorded.
 */
Datum
csec_clear_context(PG_FUNCTION_ARGS)
{
	csec_context_observe();
	for (int i = 0; i < lengthof(claimed); i++)
		(void) set_config_option(claimed[i].name, NULL, PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SET, true, 0, false);
	standing->withdrawn = true;
	csec_decision_forget();
	PG_RETURN_VOID();
}

static const char *
source_name(CsecClaimSource source)
{
	switch (source)
	{
		case CSEC_CLAIM_NONE:
			break;
		case CSEC_CLAIM_DEFAULT:
			return "default";
		case CSEC_CLAIM_SESSION:
			return "session";
		case CSEC_CLAIM_TRANSACTION:
			return "transaction";
	}
	return NULL;
}

static void
put_text(Datum *values, bool *nulls, int i, const char *text)
{
	nulls[i] = text == NULL || text[0] == '\0';
	values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(text);
}

/*
 * csec.current_context()
 *		What is in force: login, reader, actor, reason, where the reason comes
 *		from, ticket.
 */
Datum
csec_current_context(PG_FUNCTION_ARGS)
{
	Datum		values[6] = {0};
	bool		nulls[6] = {0};
	CsecClaimSource source;
	const char *reason;

	csec_context_observe();
	reason = csec_reason_in_force(&source);
	values[0] = ObjectIdGetDatum(GetAuthenticatedUserId());
	nulls[0] = !OidIsValid(GetAuthenticatedUserId());
	values[1] = ObjectIdGetDatum(csec_reader());
	nulls[1] = !OidIsValid(csec_reader());
	put_text(values, nulls, 2, standing->actor.text);
	put_text(values, nulls, 3, reason);
	put_text(values, nulls, 4, source_name(source));
	put_text(values, nulls, 5, standing->ticket.text);
	return csec_row(fcinfo, values, nulls);
}

/*
 * csec.states(value text, longest int)
 *		Does a text say something, in at most so many characters?  What is asked
 *		of reasons wherever one is given; a null says nothing.
 */
Datum
csec_states(PG_FUNCTION_ARGS)
{
	text	   *value;

	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	value = PG_GETARG_TEXT_PP(0);
	PG_RETURN_BOOL(!states_nothing(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)) &&
				   pg_mbstrlen_with_len(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)) <= PG_GETARG_INT32(1));
}
