/*
 * launcher.h
 *		Starts a sealer for each database that has a trail.
 */
#ifndef CSEC_SEALER_LAUNCHER_H
#define CSEC_SEALER_LAUNCHER_H

#include "postgres.h"

/* Registers the launcher; for _PG_init. */
extern void csec_launcher_init(void);

/* Its entry point. */
extern PGDLLEXPORT void csec_launcher_main(Datum arg);

#endif							/* CSEC_SEALER_LAUNCHER_H */
