/*
 * secure_memory.h
 *		A few pages for keys: locked, left out of core dumps, wiped.
 */
#ifndef CSEC_UTIL_SECURE_MEMORY_H
#define CSEC_UTIL_SECURE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

extern void *csec_secure_alloc(size_t size, bool shared);
extern void csec_secure_wipe(void *p, size_t size);

/*
 * Wipe what lives as long as the process, and no longer holds a secret when this
 * transaction has ended.  waits: false to begin with, kept by this.
 */
extern void csec_secure_wipe_at_end(void *p, size_t size, bool *waits);

#endif							/* CSEC_UTIL_SECURE_MEMORY_H */
