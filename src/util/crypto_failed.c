/*
 * crypto_failed.c
 *		The error where OpenSSL refuses what csec cannot do without.
 */
#include "postgres.h"

#include "util/crypto_failed.h"

void
csec_crypto_failed(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			 errmsg("could not %s", what),
			 errhint("OpenSSL refused: check its configuration and providers, and the server's memory.")));
	pg_unreachable();
}
