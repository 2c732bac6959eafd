/*
 * used_token.h
 *		Login tokens that have been used.
 */
#ifndef CSEC_POLICY_USED_TOKEN_H
#define CSEC_POLICY_USED_TOKEN_H

#include "postgres.h"

#include "datatype/timestamp.h"

/*
 * Use a token, which a digest stands for; false: it was used before.  That it
 * is used stays so whatever becomes of the transaction, and is durable when
 * the WAL is flushed as far as it has been written by then.
 */
extern bool csec_used_token_take(bytea *digest, TimestampTz expires);

/* Forget those that expired long ago.  Through SPI, in a transaction. */
extern void csec_used_tokens_forget(void);

#endif							/* CSEC_POLICY_USED_TOKEN_H */
