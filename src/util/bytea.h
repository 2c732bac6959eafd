/*
 * bytea.h
 *		Bytes as a value of SQL.
 */
#ifndef CSEC_UTIL_BYTEA_H
#define CSEC_UTIL_BYTEA_H

#include "postgres.h"

#include "util/pgcompat.h"

/* In the current memory context. */
static inline bytea *
csec_bytea(const void *data, size_t len)
{
	bytea	   *value = palloc(VARHDRSZ + len);

	SET_VARSIZE(value, VARHDRSZ + len);
	memcpy(VARDATA(value), data, len);
	return value;
}

#endif							/* CSEC_UTIL_BYTEA_H */
