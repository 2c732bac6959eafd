/*
 * fork.h
 *		Two copies of one trail: does one go on where the other ends?   [FE]
 */
#ifndef CSEC_VERIFY_FORK_H
#define CSEC_VERIFY_FORK_H

#include "verify/source.h"

/*
 * Both were verified.  A finding where they agree up to some record and then
 * each has others, or where they have nothing in common.
 */
extern void csec_compare_trails(CsecSource *one, const CsecTrail *trail_one,
								CsecSource *other, const CsecTrail *trail_other,
								CsecFinding *finding);

#endif							/* CSEC_VERIFY_FORK_H */
