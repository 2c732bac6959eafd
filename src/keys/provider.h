/*
 * provider.h
 *		Where the root key comes from.
 */
#ifndef CSEC_KEYS_PROVIDER_H
#define CSEC_KEYS_PROVIDER_H

#define CSEC_ROOT_KEY_SIZE 32

extern void csec_provider_read_root_key(uint8 *key);

#endif							/* CSEC_KEYS_PROVIDER_H */
