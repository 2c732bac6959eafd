/*
 * alerter.h
 *		Looks at what was sealed, and raises alerts.
 */
#ifndef CSEC_SEALER_ALERTER_H
#define CSEC_SEALER_ALERTER_H

#include "postgres.h"

/* The worker's entry point: the argument is the database. */
extern PGDLLEXPORT void csec_alerter_main(Datum arg);

#endif							/* CSEC_SEALER_ALERTER_H */
