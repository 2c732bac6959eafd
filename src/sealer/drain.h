/*
 * drain.h
 *		When the server stops, who may still write records?
 */
#ifndef CSEC_SEALER_DRAIN_H
#define CSEC_SEALER_DRAIN_H

#include "postgres.h"

/* The server is stopping, and sessions of this database have not ended yet. */
extern bool csec_sessions_are_ending(void);

#endif							/* CSEC_SEALER_DRAIN_H */
