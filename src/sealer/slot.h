/*
 * slot.h
 *		The replication slot that keeps the WAL until it is sealed.
 */
#ifndef CSEC_SEALER_SLOT_H
#define CSEC_SEALER_SLOT_H

#include "postgres.h"

#include "access/xlogdefs.h"

/* Make the slot of this database where there is none; says whether it did. */
extern bool csec_slot_make(void);

/*
 * Take the slot of this database for the life of this process, made anew
 * where it is missing or was invalidated (*was_lost is then true).
 */
extern void csec_slot_hold(bool *was_lost);

/* From which position the slot that this process holds keeps WAL. */
extern XLogRecPtr csec_slot_position(void);
extern void csec_slot_move(XLogRecPtr position);

/* Has a database a slot of csec's? */
extern bool csec_slot_is_there(Oid database);

/* Could another slot be made? */
extern bool csec_slot_is_free(void);

/* Drop the slot of a database.  Nothing happens where there is none. */
extern void csec_slot_drop(Oid database);

/* Drop the slots of databases that are gone.  Needs a transaction. */
extern void csec_slot_drop_orphans(void);

#endif							/* CSEC_SEALER_SLOT_H */
