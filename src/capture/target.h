/*
 * target.h
 *		What a statement is about to change, if csec has a say in it.
 */
#ifndef CSEC_CAPTURE_TARGET_H
#define CSEC_CAPTURE_TARGET_H

#include "executor/execdesc.h"

extern void csec_targets_check(QueryDesc *queryDesc);
extern void csec_targets_check_routed(QueryDesc *queryDesc);
extern void csec_target_check(Oid relid);
extern void csec_target_check_truncate(Oid relid);
extern void csec_targets_check_applied(void);

#endif							/* CSEC_CAPTURE_TARGET_H */
