/*
 * park.h
 *		Keep the sealer out of a database for a while.
 */
#ifndef CSEC_SEALER_PARK_H
#define CSEC_SEALER_PARK_H

#include "postgres.h"

/*
 * CREATE DATABASE … TEMPLATE, DROP DATABASE and some of ALTER DATABASE fail
 * where another process is connected.  Between these two calls no sealer is.
 * Releasing one that was not parked does nothing, and what a session that
 * ends has parked is released.
 */
extern void csec_sealer_park(Oid database);
extern void csec_sealer_release(Oid database);

#endif							/* CSEC_SEALER_PARK_H */
