/*
 * sealer.h
 *		The background worker that writes a database's trail.
 */
#ifndef CSEC_SEALER_SEALER_H
#define CSEC_SEALER_SEALER_H

#include "postgres.h"

#include "storage/lock.h"

/* Its entry point; the argument is the database's OID. */
extern PGDLLEXPORT void csec_sealer_main(Datum arg);

/*
 * The lock that makes sealers wait for a transaction that creates the trail,
 * until it commits or not.
 */
extern void csec_trail_creation_tag(LOCKTAG *tag);

#endif							/* CSEC_SEALER_SEALER_H */
