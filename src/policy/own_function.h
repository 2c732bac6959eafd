/*
 * own_function.h
 *		Is a function csec's own?
 */
#ifndef CSEC_POLICY_OWN_FUNCTION_H
#define CSEC_POLICY_OWN_FUNCTION_H

/* In csec's schema, where only csec puts functions. */
extern bool csec_function_is_own(Oid function);

/* csec.record_change(), which tells what a row's change was. */
extern bool csec_function_records(Oid function);

#endif							/* CSEC_POLICY_OWN_FUNCTION_H */
