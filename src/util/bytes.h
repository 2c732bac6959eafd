/*
 * bytes.h
 *		Big-endian and variable-length integers, at any alignment.     [FE]
 *
 * Every byte that csec hashes or signs is written with these, so that the
 * server and a program outside it agree whatever machine they run on.
 */
#ifndef CSEC_UTIL_BYTES_H
#define CSEC_UTIL_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline void
csec_put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t) (v >> 8);
	p[1] = (uint8_t) v;
}

static inline void
csec_put_u32(uint8_t *p, uint32_t v)
{
	csec_put_u16(p, (uint16_t) (v >> 16));
	csec_put_u16(p + 2, (uint16_t) v);
}

static inline void
csec_put_u64(uint8_t *p, uint64_t v)
{
	csec_put_u32(p, (uint32_t) (v >> 32));
	csec_put_u32(p + 4, (uint32_t) v);
}

static inline uint16_t
csec_get_u16(const uint8_t *p)
{
	return (uint16_t) ((p[0] << 8) | p[1]);
}

static inline uint32_t
csec_get_u32(const uint8_t *p)
{
	return ((uint32_t) csec_get_u16(p) << 16) | csec_get_u16(p + 2);
}

static inline uint64_t
csec_get_u64(const uint8_t *p)
{
	return ((uint64_t) csec_get_u32(p) << 32) | csec_get_u32(p + 4);
}

/* The most bytes csec_put_varint writes. */
#define CSEC_VARINT_MAX 10

/* Write v in base 128, low group first; gives the number of bytes. */
static inline size_t
csec_put_varint(uint8_t *p, uint64_t v)
{
	size_t		n = 0;

	while (v >= 0x80)
	{
		p[n++] = (uint8_t) (v | 0x80);
		v >>= 7;
	}
	p[n++] = (uint8_t) v;
	return n;
}

/* How many bytes csec_put_varint would write. */
static inline size_t
csec_varint_size(uint64_t v)
{
	size_t		n = 1;

	for (; v >= 0x80; v >>= 7)
		n++;
	return n;
}

/*
 * Read what csec_put_varint wrote and move *p behind it; false where the
 * bytes end early, overflow 64 bits, or are longer than they need be (two
 * encodings of one number would be two hashes of one record).
 */
static inline bool
csec_get_varint(const uint8_t **p, const uint8_t *end, uint64_t *v)
{
	uint64_t	result = 0;

	for (int shift = 0; shift < 64 && *p < end; shift += 7)
	{
		uint8_t		b = *(*p)++;

		if (shift == 63 && b > 1)
			return false;
		result |= (uint64_t) (b & 0x7f) << shift;
		if (b < 0x80)
		{
			if (b == 0 && shift > 0)
				return false;
			*v = result;
			return true;
		}
	}
	return false;
}

/* Signed differences as small unsigned numbers. */
static inline uint64_t
csec_zigzag(int64_t v)
{
	return ((uint64_t) v << 1) ^ (uint64_t) (v >> 63);
}

static inline int64_t
csec_unzigzag(uint64_t v)
{
	return (int64_t) (v >> 1) ^ -(int64_t) (v & 1);
}

#endif							/* CSEC_UTIL_BYTES_H */
