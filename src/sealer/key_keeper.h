/*
 * key_keeper.h
 *		Stores how often keys have encrypted, and rotates those that are spent.
 */
#ifndef CSEC_SEALER_KEY_KEEPER_H
#define CSEC_SEALER_KEY_KEEPER_H

#include "postgres.h"

extern void csec_key_keeper_init(void);

/* In a transaction of the sealer's; and when it has committed. */
extern void csec_keys_keep(void);
extern void csec_keys_kept(void);

#endif							/* CSEC_SEALER_KEY_KEEPER_H */
