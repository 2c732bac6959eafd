/*
 * secure_block.h
 *		Pages of a process's own for what is made of keys.               [FE]
 *
 * Locked where the kernel lets us, left out of core dumps, wiped when given
 * back.  A whole page or more for each, so for few and long-lived things.
 */
#ifndef CSEC_UTIL_SECURE_BLOCK_H
#define CSEC_UTIL_SECURE_BLOCK_H

#include <stddef.h>

/* Zeroed; NULL where there is no memory. */
extern void *csec_secure_block(size_t size);
extern void csec_secure_block_free(void *block, size_t size);

#endif							/* CSEC_UTIL_SECURE_BLOCK_H */
