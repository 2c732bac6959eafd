/*
 * crypto_failed.h
 *		The error where OpenSSL refuses what csec cannot do without.
 */
#ifndef CSEC_UTIL_CRYPTO_FAILED_H
#define CSEC_UTIL_CRYPTO_FAILED_H

#include "postgres.h"

/* external_routine_exception: could not (what). */
extern void csec_crypto_failed(const char *what) pg_attribute_noreturn();

#endif							/* CSEC_UTIL_CRYPTO_FAILED_H */
