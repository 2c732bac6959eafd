/*
 * standby.h
 *		See whether a standby has the keys, before it takes over.
 */
#ifndef CSEC_SEALER_STANDBY_H
#define CSEC_SEALER_STANDBY_H

#include "postgres.h"

/* Registers the worker that does it; for _PG_init. */
extern void csec_standby_init(void);

/* Has it gone?  Else it is told to, as the server is no standby any more. */
extern bool csec_standby_is_over(void);

/* Its entry point, and that of those that try the keys of a database each. */
extern PGDLLEXPORT void csec_standby_main(Datum arg);
extern PGDLLEXPORT void csec_standby_keys_main(Datum arg);

#endif							/* CSEC_SEALER_STANDBY_H */
