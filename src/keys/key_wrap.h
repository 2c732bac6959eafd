/*
 * key_wrap.h
 *		Keys of csec.key, in and out of their wraps.
 */
#ifndef CSEC_KEYS_KEY_WRAP_H
#define CSEC_KEYS_KEY_WRAP_H

#include "keys/key_table.h"

/* The bare key, which the caller wipes; the second raises an error that names the key. */
extern CsecUnwrap csec_key_try_unwrap(const CsecDataKey *key, uint8 *bare);
extern void csec_key_unwrap(const CsecDataKey *key, uint8 *bare);

#endif							/* CSEC_KEYS_KEY_WRAP_H */
