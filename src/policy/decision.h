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

#include "policy/mask.h"

typedef enum CsecDecision
{
	CSEC_REDACT = 0,			/* show nothing */
	CSEC_MASK = 1,				/* show partly */
	CSEC_REVEAL = 2				/* show in clear */
} CsecDecision;

/* Why a value was not revealed, for views and notices. */
typedef enum CsecWhy
{
	CSEC_WHY_REVEALED = 0,
	CSEC_WHY_NO_CLEARANCE,
	CSEC_WHY_NO_REASON,
	CSEC_WHY_NOT_A_MEMBER,		/* outer role got by attribute only */
	CSEC_WHY_RESTRICTED,		/* security-restricted operation */
	CSEC_WHY_UNKNOWN_CATEGORY,
	CSEC_WHY_NO_POLICY			/* the policy could not be read */
} CsecWhy;

extern void csec_decision_init(void);
extern CsecDecision csec_decide(uint32 category);
extern CsecWhy csec_decide_why(uint32 category);
extern bool csec_complete_or_refused(void);
extern void csec_decision_new_statement(void);

#endif							/* CSEC_POLICY_DECISION_H */
