/*
 * leader.h
 *		Ties the records of parallel workers to their leader's statement.
 */
#ifndef CSEC_AUDIT_LEADER_H
#define CSEC_AUDIT_LEADER_H

/* What csec_leader_append() adds to a record at most. */
#define CSEC_LEADER_ROOM 32

extern void csec_leader_init(void);
extern void csec_leader_publish(uint64 statement);
extern uint64 csec_leader_statement(uint64 own);
extern const char *csec_leader_client(void);
extern void csec_leader_append(void);

#endif							/* CSEC_AUDIT_LEADER_H */
