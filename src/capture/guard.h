/*
 * guard.h
 *		Refuses statements that would destroy or disarm what csec protects.
 */
#ifndef CSEC_CAPTURE_GUARD_H
#define CSEC_CAPTURE_GUARD_H

#include "nodes/parsenodes.h"

/* A statement drops things that it does not name. */
extern bool csec_indirect_drop;

extern void csec_guard_init(void);
extern void csec_guard_statement(Node *stmt);
extern bool csec_own_ddl(void);
extern void csec_own_ddl_end(void);

#endif							/* CSEC_CAPTURE_GUARD_H */
