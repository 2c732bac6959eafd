/*
 * dump_key.h
 *		The keys that dumps of masked fields are encrypted under.
 *
 * A session makes one of its own at random when it first needs it, and wraps
 * it under the KEK for new keys.  The wrap goes into each value, so a dump
 * needs no row of csec.key, which may come after the values when it is
 * restored: whoever has the KEK can restore it, in any database.
 */
#ifndef CSEC_KEYS_DUMP_KEY_H
#define CSEC_KEYS_DUMP_KEY_H

#include "crypto/aead.h"
#include "keys/kek.h"

/* mark of the KEK, length of its name, name, wrapped key */
#define CSEC_DUMP_KEY_FIXED	(CSEC_KEK_MARK + 1 + CSEC_WRAPPED_SIZE)
#define CSEC_DUMP_KEY_MAX	(CSEC_DUMP_KEY_FIXED + CSEC_KEY_NAME_MAX)

/*
 * The session's key, what stands in a value for it (*size bytes at *head), and
 * a nonce that it has not had.  Valid until the next call.
 */
extern CsecAead *csec_dump_key(const uint8_t **head, size_t *size, uint8_t *nonce);

/*
 * The key that a value begins with; *used: how many bytes say so.  NULL where
 * they have not the form of it.  Errors, which name the KEK: object_not_in_
 * prerequisite_state where it is not here, data_corrupted where the key was
 * altered.  Valid until the next call.
 */
extern CsecAead *csec_dump_key_open(const uint8_t *head, size_t size, size_t *used);

#endif							/* CSEC_KEYS_DUMP_KEY_H */
