/*
 * keyring.h
 *		The keys that csec works with, each for one purpose.
 *
 * All derive (HKDF-SHA256) from one root key of the cluster, which the
 * postmaster reads once, at start, from csec.key_directory or, for demos and
 * tests, from the data directory.  Children inherit it.
 */
#ifndef CSEC_KEYS_KEYRING_H
#define CSEC_KEYS_KEYRING_H

#include "crypto/mac.h"

extern void csec_keyring_init(void);

/* A key for one purpose from the root key, or the end of the server's start. */
extern void csec_keyring_derive(const uint8 *root, const char *purpose, uint8 *out, size_t len);

/* Where a trail is known to be sealed under the root key; within a transaction.  See root_mark.c. */
extern void csec_keyring_leave_mark(void);

/* The MAC of messages in the WAL and of the head of the trail. */
extern CsecMac *csec_keyring_trail_mac(void);

/* An error where this database was made under another root key. */
extern void csec_keyring_check(void);

/*
 * The tag that orders and hashes a field's value.  Raises an error where this
 * database's indexes were built under another key.
 */
extern uint64 csec_keyring_order_tag(const void *data, size_t len);

/*
 * Encrypts constants that are made before a database has keys of its own:
 * while pg_upgrade restores the schema, csec.key is empty.  32 bytes.
 */
extern const uint8 *csec_keyring_constant_key(void);

/* Encrypts the private keys of the trail's epochs in their file.  32 bytes. */
extern const uint8 *csec_keyring_sealing_key(void);

#define CSEC_DIGEST_SIZE 16

/* What stands in the trail for a classified value. */
extern void csec_keyring_digest(const void *data, size_t len, uint8 *out);

#endif							/* CSEC_KEYS_KEYRING_H */
