/*
 * chain.h
 *		What ties one audit record to the next, and the head to a key.  [FE]
 */
#ifndef CSEC_AUDIT_CHAIN_H
#define CSEC_AUDIT_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/record.h"
#include "crypto/mac.h"

#define CSEC_HEAD_MAC_SIZE CSEC_HMAC_SIZE

/* The hash that stands before record 1: 32 zero bytes. */
extern const uint8_t csec_chain_start[CSEC_HASH_SIZE];

/* hash = SHA-256(prev ‖ record).  False where OpenSSL fails. */
extern bool csec_chain_hash(const uint8_t *prev, const uint8_t *record,
							size_t len, uint8_t *hash);

/*
 * The MAC of the trail's head: HMAC-SHA256("csec head" ‖ seq u64 ‖ hash).
 * Who can write the tables but does not have the key cannot make one.
 */
extern bool csec_chain_head_mac(CsecMac *mac, uint64_t seq,
								const uint8_t *hash, uint8_t *out);

/* The MAC of a cut's anchor: HMAC-SHA256("csec cut" ‖ anchor). */
extern bool csec_chain_cut_mac(CsecMac *mac, const uint8_t *anchor, size_t len,
							   uint8_t *out);

#endif							/* CSEC_AUDIT_CHAIN_H */
