/*
 * armor.h
 *		Bytes as text that says what they are: a prefix, then base64.
 */
#ifndef CSEC_UTIL_ARMOR_H
#define CSEC_UTIL_ARMOR_H

#include "postgres.h"

/* Asked of each text that comes in: inline, as the prefix is a constant. */
static inline bool
csec_has_armor(const char *prefix, const char *text, size_t len)
{
	size_t		prefix_len = strlen(prefix);

	return len >= prefix_len && memcmp(text, prefix, prefix_len) == 0;
}

extern char *csec_armor(const char *prefix, const uint8 *bytes, size_t size, size_t *len);

/* Room for what csec_unarmor() gives of a text with that prefix. */
extern size_t csec_unarmor_room(const char *prefix, size_t len);

/* The number of bytes, or -1 where what follows the prefix is no base64. */
extern int	csec_unarmor(const char *prefix, const char *text, size_t len,
						 uint8 *bytes, size_t room);

#endif							/* CSEC_UTIL_ARMOR_H */
