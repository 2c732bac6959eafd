/*
 * probe.h
 *		The limit on the values that a reader without clearance may try.
 *
 * A mask plus equality is a reveal: one join of 10,000 candidates against
 * 138****0042 gives the number.  So distinct typed-in values that meet
 * protected ones are counted, per statement and per hour.
 */
#ifndef CSEC_POLICY_PROBE_H
#define CSEC_POLICY_PROBE_H

#include "postgres.h"

extern void csec_probe_init(void);

/*
 * What is kept of a value that was tried, and no value: a hash under this
 * session's random seed.
 */
extern uint64 csec_probe_digest(const char *value, size_t len);

/*
 * csec_probe
 *		A value of this digest that did not come out of a protected field is about to meet
 *		one of this category, or to become one.
 *
 * Does nothing for a cleared reader and for members of csec_loader.  Raises
 * insufficient_privilege where the category allows no search, and
 * configuration_limit_exceeded beyond csec.probe_limit distinct values in a
 * statement or csec.probe_quota in an hour.
 */
extern void csec_probe(uint32 category, uint64 digest);

/*
 * The same for a value that is stored rather than compared: search = 'none'
 * does not refuse it, the limits hold.
 */
extern void csec_probe_input(uint32 category, const char *value, size_t len);

/* A new statement begins; called by csec_decision_new_statement(). */
extern void csec_probe_new_statement(void);

#endif							/* CSEC_POLICY_PROBE_H */
