/*
 * chain.c
 *		What ties one audit record to the next, and the head to a key.  [FE]
 */
#include "audit/chain.h"

#include "crypto/hash.h"
#include "util/bytes.h"

#define HEAD_LABEL "csec head"
#define CUT_LABEL "csec cut"

const uint8_t csec_chain_start[CSEC_HASH_SIZE] = {0};

bool
csec_chain_hash(const uint8_t *prev, const uint8_t *record, size_t len,
				uint8_t *hash)
{
	return csec_sha256_begin() &&
		csec_sha256_add(prev, CSEC_HASH_SIZE) &&
		csec_sha256_add(record, len) &&
		csec_sha256_end(hash);
}

bool
csec_chain_head_mac(CsecMac *mac, uint64_t seq, const uint8_t *hash,
					uint8_t *out)
{
	uint8_t		number[8];

	csec_put_u64(number, seq);
	return csec_mac_begin(mac) &&
		csec_mac_add(mac, HEAD_LABEL, sizeof(HEAD_LABEL) - 1) &&
		csec_mac_add(mac, number, sizeof(number)) &&
		csec_mac_add(mac, hash, CSEC_HASH_SIZE) &&
		csec_mac_end(mac, out, CSEC_HEAD_MAC_SIZE);
}

bool
csec_chain_cut_mac(CsecMac *mac, const uint8_t *anchor, size_t len, uint8_t *out)
{
	return csec_mac_begin(mac) &&
		csec_mac_add(mac, CUT_LABEL, sizeof(CUT_LABEL) - 1) &&
		csec_mac_add(mac, anchor, len) &&
		csec_mac_end(mac, out, CSEC_HEAD_MAC_SIZE);
}
