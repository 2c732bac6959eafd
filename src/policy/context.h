/*
 * context.h
 *		Who the application says is reading, why, and under which ticket.
 *
 * Claims, never proofs, but for the person who logged in by a token.  The
 * first value that a transaction states for itself stands until its end; a
 * later, different one changes nothing but the trail.
 */
#ifndef CSEC_POLICY_CONTEXT_H
#define CSEC_POLICY_CONTEXT_H

#include "postgres.h"

#include "util/guc.h"

/* Where a claim comes from, weakest first. */
typedef enum CsecClaimSource
{
	CSEC_CLAIM_NONE = 0,
	CSEC_CLAIM_DEFAULT,			/* csec.default_reason of the reader */
	CSEC_CLAIM_SESSION,			/* SET, ALTER ROLE … SET, start packet */
	CSEC_CLAIM_TRANSACTION		/* csec.set_context or SET LOCAL */
} CsecClaimSource;

typedef struct CsecClaim
{
	CsecClaimSource source;
	char		text[CSEC_CLAIM_MAX + 1]; /* "" where there is none */
} CsecClaim;

/* A person's id, as csec.person has it, with its end. */
#define CSEC_PERSON_SIZE 64

typedef struct CsecContext
{
	char		person[CSEC_PERSON_SIZE];	/* proved by a token, or "" */
	CsecClaim	actor;
	CsecClaim	reason;			/* never CSEC_CLAIM_DEFAULT: see below */
	CsecClaim	ticket;
	bool		withdrawn;		/* the reason is, by csec.clear_context() */
} CsecContext;

extern void csec_context_init(void);

/*
 * What is in force in this transaction, in a parallel worker that of its
 * leader.  Allocates nothing, never fails.
 */
extern const CsecContext *csec_context(void);

/*
 * Another number whenever the person has become another one.  As cheap as it
 * can be.
 */
extern uint64 csec_context_person_number(void);

/*
 * The person has proved who he is: so for the rest of the transaction.  It
 * must be on record by then.
 */
extern void csec_context_enter_person(const char *person);

/*
 * The reason in force, and where it comes from: as csec_context() has it,
 * else the reader's default.  NULL where there is none.
 */
extern const char *csec_reason_in_force(CsecClaimSource *source);

/*
 * Take notice of settings that changed since: called at each statement,
 * by the decision when csec.reason is another string than before, before
 * workers start, and before who does something is recorded.
 */
extern void csec_context_observe(void);

/*
 * Set by the capture floor: a transaction stated another actor, reason or
 * ticket than the one that stands.
 */
typedef void (*CsecContextChanged) (const char *what, const char *standing,
									const char *claimed);
extern CsecContextChanged csec_context_changed_hook;

#endif							/* CSEC_POLICY_CONTEXT_H */
