/*
 * root_mark.h
 *		Which root key the trails of this cluster were sealed under.
 */
#ifndef CSEC_KEYS_ROOT_MARK_H
#define CSEC_KEYS_ROOT_MARK_H

#include <stddef.h>
#include <stdint.h>

/* The end of the server's start where the mark is another key's. */
extern void csec_root_mark_check(const uint8_t *fingerprint, size_t size);

/* Leave it, where there is none. */
extern void csec_root_mark_leave(const uint8_t *fingerprint, size_t size);

#endif							/* CSEC_KEYS_ROOT_MARK_H */
