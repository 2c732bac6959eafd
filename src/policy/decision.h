/*
 * decision.h
 *		May this reader see a value of this category?
 *
 * The one question that every exit of a value asks.  There is no state in
 * which the answer is REVEAL by default: an unknown category, a cold cache, a
 * missing table or a reader who is nobody gives REDACT or MASK.
 */
#ifndef CSEC_POLICY_DECISION_H
#define CSEC_POLICY_DECISION_H

#include "miscadmin.h"

#include "policy/mask.h"
#include "util/guc.h"

typedef enum CsecDecision
{
	CSEC_REDACT = 0,			/* show nothing */
	CSEC_MASK = 1,				/* show partly */
	CSEC_REVEAL = 2				/* show in clear */
} CsecDecision;

extern void csec_decision_init(void);

/*
 * The decision for the reader of this moment.  Cheap: kept until the next
 * statement, a change of role, or 4096 calls.  May raise an error where the
 * policy cannot be read; must not be called with buffers locked.
 */
extern CsecDecision csec_decide(uint32 category);

/*
 * csec_shown_in_clear
 *		May something have been shown in clear in this transaction?
 *
 * By a clearance, or by a permit, of which csec_decision_note_shown() is told.
 */
extern bool csec_shown_in_clear(void);
extern void csec_decision_note_shown(void);

/* Would some category be shown, had its values not been read as masks before (ceiling.h)? */
extern bool csec_decision_is_kept_low(void);

/*
 * Is it kept, and still true, that csec_decide() gives REVEAL?  False where it
 * would have to think, or gives something else: then ask it.
 */
extern bool csec_known_revealed(uint32 category);

/* What decisions depend on, as it was at some moment. */
typedef struct CsecDecisionStamp
{
	uint64		epoch;			/* 0: at none yet */
	Oid			outer;
	const char *reason;			/* csec.reason, by its address */
	bool		restricted;
} CsecDecisionStamp;

/* For the functions below alone, which are asked at each value or step in an index. */
typedef struct CsecDecisionNow
{
	uint64		epoch;
	int			calls_left;		/* until other sessions' changes are taken in */
} CsecDecisionNow;

extern CsecDecisionNow csec_decision_now;

static inline bool
csec_decision_is_now(const CsecDecisionStamp *stamp)
{
	return stamp->epoch == csec_decision_now.epoch && stamp->reason == csec_reason &&
		stamp->outer == GetOuterUserId() &&
		stamp->restricted == InSecurityRestrictedOperation();
}

/*
 * csec_decision_stands
 *		Would each decision be what it was when this stamp was made?
 *
 * If not, the stamp is made anew, for decisions that the caller asks for from
 * now on.  It counts as a call of csec_decide().
 */
extern bool csec_decision_stands_slow(CsecDecisionStamp *stamp);

static inline bool
csec_decision_stands(CsecDecisionStamp *stamp)
{
	if (likely(csec_decision_now.calls_left > 1 && csec_decision_is_now(stamp)))
	{
		csec_decision_now.calls_left--;
		return true;
	}
	return csec_decision_stands_slow(stamp);
}

/*
 * Is a mask no answer here?  With row_security = off (pg_dump), under a
 * historic snapshot, in a walsender and in a binary upgrade a value comes out
 * whole or not at all.
 */
extern bool csec_complete_or_refused(void);

/*
 * Do values go into a dump now?  With row_security = off, to a member of
 * csec_backup, cleared or not: so that what is protected leaves encrypted,
 * unless csec.dump_plain says otherwise.
 */
extern bool csec_is_dumped(void);

/*
 * May the reader have in clear what is masked for him, in a statement that is
 * complete or refused?  Members of csec_backup may, in replication and with
 * csec.dump_plain; also where they restore dumps as members of csec_loader, as
 * CHECK constraints and indexes must see values then.
 */
extern bool csec_backup_reveals(void);

/* Told once in a transaction that dumps in clear; set by the floor above. */
extern void (*csec_plain_dump_hook) (void);

/*
 * csec_may_have_envelope
 *		May this reader have a value of the category as its envelope, where he
 *		is to have it complete or not at all?
 *
 * One who sees masks may not.  The envelope has the value's search tag, and he
 * could make the tags of as many texts as he likes, under a category that he
 * is cleared for, and compare them where nothing counts: csec.probe_limit
 * would limit nothing.
 */
extern bool csec_may_have_envelope(uint32 category);

/* An error: the value would be masked where it must be complete. */
extern void csec_refuse_incomplete(uint32 category);

/*
 * What every exit of a value asks: the decision, but where a mask is no answer
 * REVEAL (for the cleared and, if backup_serves, where csec_backup_reveals()) or
 * an error (insufficient_privilege).
 */
extern CsecDecision csec_decide_or_refuse(uint32 category, bool backup_serves);

/*
 * To be called at each top-level statement and each run of a portal: takes in
 * what other sessions changed, and forgets what was decided.
 */
extern void csec_decision_new_statement(void);

/*
 * Rows of this transaction lie in a store, from which a client may get them at
 * several messages: each is a new statement to them.
 */
extern void csec_decision_rows_stored(void);

/* Forget what was decided, within a statement. */
extern void csec_decision_forget(void);

#endif							/* CSEC_POLICY_DECISION_H */
