/*
 * crypto_failed.h
 *		The error where OpenSSL refuses what csec cannot do without.
 */
#ifndef CSEC_UTIL_CRYPTO_FAILED_H
#define CSEC_UTIL_CRYPTO_FAILED_H

#include "postgres.h"

#include "util/pgcompat.h"

/* external_routine_exception: could not (what). */
pg_noreturn extern void csec_crypto_failed(const char *what);

#endif							/* CSEC_UTIL_CRYPTO_FAILED_H */
