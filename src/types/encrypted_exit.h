/*
 * encrypted_exit.h
 *		Functions of csec.masked that take csec.encrypted, too.
 */
#ifndef CSEC_TYPES_ENCRYPTED_EXIT_H
#define CSEC_TYPES_ENCRYPTED_EXIT_H

#include "postgres.h"

#include "fmgr.h"

/*
 * Call a function of csec.masked for a value of csec.encrypted, its first
 * argument.  Error data_corrupted where that is no envelope: bytes in the form
 * of a masked value, put into a page, would otherwise pass for a text that was
 * encrypted, and nothing authenticates those.
 */
extern Datum csec_encrypted_exit(PG_FUNCTION_ARGS, PGFunction masked);

/* The function of csec.encrypted of that name does what the other one does. */
#define CSEC_ENCRYPTED_EXIT(name, masked) \
	PGDLLEXPORT PG_FUNCTION_INFO_V1(name); \
	Datum \
	name(PG_FUNCTION_ARGS) \
	{ \
		return csec_encrypted_exit(fcinfo, masked); \
	}

#endif							/* CSEC_TYPES_ENCRYPTED_EXIT_H */
