/*
 * decision.c
 *		May this reader see a value of this category?
 *
 * A decision is worked out once per statement, reader and category, and kept
 * in a small table.  What it was worked out from is compared at each call, so
 * that a role switched inside a function, or a reason set there, counts at
 * once; revocations and expiries count from the next statement, and within a
 * long one from the next CSEC_RECHECK_CALLS values on.
 *
 * Rows that were put into a store (RETURNING, EXECUTE) come out of it without
 * the executor, perhaps in parts, at a client's later messages: in a transaction
 * that has such rows each value looks whether the message is still the same.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "replication/walsender.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "policy/category.h"
#include "policy/ceiling.h"
#include "policy/clearance.h"
#include "policy/context.h"
#include "policy/decision.h"
#include "policy/denied.h"
#include "policy/permit.h"
#include "policy/probe.h"
#include "policy/reader.h"
#include "policy/suspended.h"
#include "policy/table.h"
#include "util/guc.h"
#include "util/pgcompat.h"

#define CSEC_RECHECK_CALLS	4096
#define SLOTS				64	/* a power of two */
#define PROBES				8	/* places where a category's slot may be */

/* The first of them; the last bit of a category is never set. */
#define HOME(category)		(((category) >> 1) % SLOTS)

/* Why a value is revealed, or not. */
typedef enum Why
{
	WHY_REVEALED = 0,
	WHY_SUSPENDED,				/* the person behind the login is */
	WHY_NO_CLEARANCE,
	WHY_PERMIT,					/* shown for some customers only */
	WHY_NO_REASON,
	WHY_NOT_A_MEMBER,			/* outer role got by attribute only */
	WHY_RESTRICTED,				/* security-restricted operation */
	WHY_STANDBY,
	WHY_UNKNOWN_CATEGORY,
	WHY_NOT_SOUND,				/* the category's row does not count */
	WHY_NO_POLICY				/* the policy could not be read */
} Why;

/* What csec.why_masked() says of them. */
static const struct
{
	const char *name;
	const char *detail;
}			whys[] = {
	[WHY_REVEALED] = {"revealed", NULL},
	[WHY_SUSPENDED] = {"suspended", "The person whose login this is, is suspended or has left: see csec.person."},
	[WHY_NO_CLEARANCE] = {"no clearance", "The reader has no clearance that covers the category, or it has ended."},
	[WHY_PERMIT] = {"permit", "A permit shows it where a query reads a row of the permitted customers, and nowhere else: see csec.access_requests."},
	[WHY_NO_REASON] = {"no reason", "The reader is cleared, but the transaction has stated no reason: call csec.set_context(actor, reason, ticket)."},
	[WHY_NOT_A_MEMBER] = {"not a member", "The login is not a member of the role it acts as: what a superuser becomes by attribute has no clearance."},
	[WHY_RESTRICTED] = {"restricted operation", "Nothing is revealed within a security-restricted operation."},
	[WHY_STANDBY] = {"standby", "Nothing is revealed on a standby, where reads cannot be recorded."},
	[WHY_UNKNOWN_CATEGORY] = {"unknown category", "The category is not in csec.category."},
	[WHY_NOT_SOUND] = {"not sound", "The category was edited behind csec's back, or the server has another root key than this database was made with: an administrator sees which in csec.unsound_rows and the security measures."},
	[WHY_NO_POLICY] = {"policy not readable", "The policy tables cannot be read now."}
};

typedef struct Slot
{
	uint32		category;
	CsecDecisionStamp stamp;	/* of epoch 0: the slot is empty */
	CsecDecision decision;
} Slot;

static Slot slots[SLOTS];
CsecDecisionNow csec_decision_now = {.epoch = 1,.calls_left = CSEC_RECHECK_CALLS};
static TimestampTz message = 0; /* since which they are counted */
static LocalTransactionId storing = InvalidLocalTransactionId;	/* that has stored rows */
static int	stored_left = 0;	/* calls_left there, where it is always 1 */
static bool noticed = false;
static bool shown = false;
static LocalTransactionId showing = InvalidLocalTransactionId;	/* that has shown something */

void		(*csec_plain_dump_hook) (void) = NULL;

static void
policy_changed(uint32 tables, Oid relid)
{
	if (tables != 0 || !OidIsValid(relid))
		csec_decision_now.epoch++;
}

void
csec_decision_init(void)
{
	csec_catalog_watch(policy_changed);
}

void
csec_decision_forget(void)
{
	csec_decision_now.epoch++;
}

/*
 * Other sessions' changes reach this one when it takes locks; FETCH and the
 * rows of a long COPY take none.
 */
static void
take_in_changes(void)
{
	csec_decision_now.calls_left = CSEC_RECHECK_CALLS;
	if (unlikely(storing != InvalidLocalTransactionId))
	{
		if (storing == csec_my_lxid())
			csec_decision_now.calls_left = 1;
		else
			storing = InvalidLocalTransactionId;
		stored_left = CSEC_RECHECK_CALLS;
		message = GetCurrentStatementStartTimestamp();
	}
	csec_decision_now.epoch++;
	if (IsTransactionState())
		AcceptInvalidationMessages();
}

/* The calls are used up. */
static pg_noinline void
look_again(void)
{
	if (unlikely(storing != InvalidLocalTransactionId) && storing == csec_my_lxid() &&
		message == GetCurrentStatementStartTimestamp() && --stored_left > 0)
		csec_decision_now.calls_left = 1;
	else
		take_in_changes();
}

void
csec_decision_rows_stored(void)
{
	storing = csec_my_lxid();
	message = GetCurrentStatementStartTimestamp();
	stored_left = CSEC_RECHECK_CALLS;
	csec_decision_now.calls_left = 1;
}

void
csec_decision_new_statement(void)
{
	if (csec_known_absent)
		return;
	/* not at the end of the transaction: a procedure goes on with what was decided before */
	if (shown && showing != csec_my_lxid())
		shown = false;
	take_in_changes();
	csec_context_observe();
	csec_probe_new_statement();
	csec_table_sweep();

	/*
	 * A walsender decodes under historic snapshots, where policy cannot be
	 * read: read it while it can be.  libpqwalreceiver runs a statement
	 * before it starts to stream.
	 */
	if (am_walsender && csec_catalog_readable() && csec_database_has_csec())
	{
		csec_category_fresh();
		(void) csec_default_reason(csec_reader());
		(void) csec_is_suspended();
	}
}

/* Work the answer out.  Whatever is missing on the way ends it. */
static Why
work_out(uint32 id, CsecDecision *decision)
{
	const CsecCategory *category;
	Oid			reader;
	CsecClaimSource source;

	*decision = CSEC_REDACT;
	if (!csec_category_fresh())
		return WHY_NO_POLICY;
	category = csec_category_lookup(id);
	if (category == NULL)
		return WHY_UNKNOWN_CATEGORY;

	*decision = CSEC_MASK;
	if (InSecurityRestrictedOperation())
		return WHY_RESTRICTED;
	/* Nothing can be recorded there, so nobody sees anything in clear. */
	if (RecoveryInProgress())
		return WHY_STANDBY;
	reader = csec_reader();
	if (!OidIsValid(reader))
		return WHY_NOT_A_MEMBER;
	if (!csec_clearance_load())
	{
		*decision = CSEC_REDACT;
		return WHY_NO_POLICY;
	}
	if (csec_is_suspended())
		return WHY_SUSPENDED;
	if (!csec_clearance_covers(reader, category, GetCurrentTimestamp()))
		return WHY_NO_CLEARANCE;
	if (category->needs_reason)
	{
		(void) csec_reason_in_force(&source);
		if (source != CSEC_CLAIM_TRANSACTION)
			return WHY_NO_REASON;
	}
	*decision = CSEC_REVEAL;
	return WHY_REVEALED;
}

/* Say once in a session that a reason is all that is missing. */
static void
notice_no_reason(void)
{
	if (noticed || csec_complete_or_refused())
		return;
	noticed = true;
	ereport(NOTICE,
			(errmsg("values are masked because no reason is in force"),
			 errdetail("A reason that the transaction itself states is needed; defaults and session settings do not serve here."),
			 errhint("Call csec.set_context(actor, reason, ticket) in the transaction. csec.why_masked says more.")));
}

bool
csec_shown_in_clear(void)
{
	return shown;
}

void
csec_decision_note_shown(void)
{
	shown = true;
	showing = csec_my_lxid();
}

static inline CsecDecisionStamp
stamp_of(uint64 moment)
{
	return (CsecDecisionStamp) {
		.epoch = moment,
		.outer = GetOuterUserId(),
		.reason = csec_reason,
		.restricted = InSecurityRestrictedOperation()
	};
}

static CsecDecision
decide(uint32 category, Slot *slot)
{
	CsecDecision decision;
	Why			why;
	uint64		began;

	csec_context_observe();
	began = csec_decision_now.epoch;
	why = work_out(category, &decision);
	if (why == WHY_NO_REASON)
		notice_no_reason();
	if (decision == CSEC_REVEAL)
		csec_decision_note_shown();
	slot->category = category;
	/* A change that arrived on the way leaves the slot out of date. */
	slot->stamp = stamp_of(began);
	slot->decision = decision;
	return decision;
}

/* Where a category is, or will be: that of another one makes way only if out of date, or if all are taken. */
static Slot *
slot_of(uint32 category)
{
	uint32		home = HOME(category);
	Slot	   *room = NULL;

	for (uint32 i = 0; i < PROBES; i++)
	{
		Slot	   *slot = &slots[(home + i) % SLOTS];

		if (slot->category == category)
			return slot;
		if (room == NULL && slot->stamp.epoch != csec_decision_now.epoch)
			room = slot;
	}
	return room != NULL ? room : &slots[home];
}

/* The category is not where it is looked for first, or its decision is out of date. */
static pg_noinline CsecDecision
decide_anew(uint32 category)
{
	Slot	   *slot = slot_of(category);

	if (slot->category == category && csec_decision_is_now(&slot->stamp))
		return slot->decision;
	return decide(category, slot);
}

/* For each value of a result: nothing but compares, and no search. */
static inline CsecDecision
decide_fast(uint32 category)
{
	Slot	   *slot = &slots[HOME(category)];

	if (unlikely(--csec_decision_now.calls_left <= 0))
		look_again();
	if (likely(slot->category == category && csec_decision_is_now(&slot->stamp)))
		return slot->decision;
	return decide_anew(category);
}

CsecDecision
csec_decide(uint32 category)
{
	CsecDecision decision = decide_fast(category);

	if (unlikely(csec_ceiling_any) && decision == CSEC_REVEAL && csec_ceiling_is_low(category))
		return CSEC_MASK;
	return decision;
}

static bool
would_reveal(uint32 category)
{
	return decide_fast(category) == CSEC_REVEAL;
}

bool
csec_decision_is_kept_low(void)
{
	return csec_ceiling_any && csec_ceiling_find(would_reveal);
}

bool
csec_known_revealed(uint32 category)
{
	const Slot *slot = &slots[HOME(category)];

	return slot->category == category && slot->decision == CSEC_REVEAL &&
		!csec_ceiling_any && --csec_decision_now.calls_left > 0 && csec_decision_is_now(&slot->stamp);
}

bool
csec_decision_stands_slow(CsecDecisionStamp *stamp)
{
	if (unlikely(--csec_decision_now.calls_left <= 0))
		look_again();
	if (likely(csec_decision_is_now(stamp)))
		return true;
	*stamp = stamp_of(csec_decision_now.epoch);
	return false;
}

/* Values move between servers, by replication or an upgrade. */
static inline bool
moves_whole(void)
{
	return am_walsender || IsBinaryUpgrade || HistoricSnapshotActive();
}

bool
csec_complete_or_refused(void)
{
	return !row_security || moves_whole();
}

static bool
dump_mode(void)
{
	return !row_security && !moves_whole();
}

/* Where nothing may be revealed or recorded nothing goes into dumps either. */
static bool
is_backup(void)
{
	return !InSecurityRestrictedOperation() && !RecoveryInProgress() &&
		csec_reader_has_role(CSEC_ROLE_BACKUP);
}

bool
csec_is_dumped(void)
{
	return unlikely(!row_security) && dump_mode() && !csec_dump_plain && is_backup();
}

static void
note_plain_dump(void)
{
	static LocalTransactionId noted = InvalidLocalTransactionId;

	if (noted == csec_my_lxid() || csec_plain_dump_hook == NULL)
		return;
	noted = csec_my_lxid();
	csec_plain_dump_hook();
}

bool
csec_backup_reveals(void)
{
	if (!is_backup())
		return false;
	if (!dump_mode())
		return true;
	if (csec_dump_plain)
		note_plain_dump();
	return csec_dump_plain || csec_reader_has_role(CSEC_ROLE_LOADER);
}

bool
csec_may_have_envelope(uint32 category)
{
	/* Nobody who sees WAL, or is a superuser, needs to ask for it here. */
	if (moves_whole())
		return true;
	if (csec_decide(category) == CSEC_REVEAL)
		return true;
	return !InSecurityRestrictedOperation() &&
		(csec_reader_has_role(CSEC_ROLE_BACKUP) || superuser_arg(GetOuterUserId()));
}

void
csec_refuse_incomplete(uint32 category)
{
	const CsecCategory *known = csec_category_lookup(category);

	csec_denied("complete read", category);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 known ?
			 errmsg("values of category \"%s\" would be masked",
					NameStr(known->name)) :
			 errmsg("values of an unknown category would be masked"),
			 errdetail("With row_security = off and in replication a value comes out whole or not at all."),
			 errhint("Members of csec_backup get complete dumps; pg_dump --enable-row-security makes a masked one.")));
}

/* Not shown in clear: is a mask an answer? */
static pg_noinline CsecDecision
mask_or_refuse(uint32 category, CsecDecision decision, bool backup_serves)
{
	if (likely(!csec_complete_or_refused()))
		return decision;
	if (backup_serves && csec_backup_reveals())
	{
		csec_decision_note_shown();
		return CSEC_REVEAL;
	}
	csec_refuse_incomplete(category);
	return CSEC_REDACT;			/* keep compiler quiet */
}

CsecDecision
csec_decide_or_refuse(uint32 category, bool backup_serves)
{
	CsecDecision decision;

	/* pg_upgrade moves values between servers of its own, before any login. */
	if (unlikely(IsBinaryUpgrade))
		return CSEC_REVEAL;
	decision = csec_decide(category);
	/* Who is cleared gets the value in either case: the cheap test first. */
	if (decision == CSEC_REVEAL)
		return decision;
	return mask_or_refuse(category, decision, backup_serves);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_why_masked);

static void
put_why(ReturnSetInfo *result, const CsecCategory *category, CsecDecision decision, Why why)
{
	static const char *const shown_as[] = {"redact", "mask", "reveal"};
	const char *detail = whys[why].detail;
	Datum		values[5];
	bool		nulls[5] = {0};

	values[0] = CStringGetTextDatum(NameStr(category->name));
	values[1] = CStringGetTextDatum(NameStr(category->level));
	values[2] = CStringGetTextDatum(shown_as[decision]);
	values[3] = CStringGetTextDatum(whys[why].name);
	nulls[4] = detail == NULL;
	values[4] = detail ? CStringGetTextDatum(detail) : (Datum) 0;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* csec.why_masked(): for each category what this reader sees, and why. */
Datum
csec_why_masked(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *cell;

	csec_context_observe();
	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, csec_category_all())
	{
		CsecCategory *category = lfirst(cell);
		CsecDecision decision;
		Why			why = work_out(category->id, &decision);

		if ((why == WHY_NO_CLEARANCE || why == WHY_NO_REASON) &&
			csec_permit_shows(category->id))
			why = WHY_PERMIT;
		put_why(result, category, decision, why);
	}
	foreach(cell, csec_category_uncounted())
		put_why(result, lfirst(cell), CSEC_REDACT, WHY_NOT_SOUND);
	return (Datum) 0;
}
