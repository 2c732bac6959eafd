/*
 * copy_row.c
 *		A row as COPY … TO STDOUT (FORMAT binary) sends it.             [FE]
 */
#include "verify/copy_row.h"

#include <string.h>

#include "util/bytes.h"

#define SIGNATURE_SIZE	11
#define NULL_LENGTH		UINT32_MAX
#define TRAILER			UINT16_MAX

static const char signature[SIGNATURE_SIZE] = "PGCOPY\n\377\r\n";

/* Signature, flags, and a header extension, which may be skipped. */
static bool
skip_header(const uint8_t **p, const uint8_t *end)
{
	uint32_t	extension;

	if (end - *p < SIGNATURE_SIZE + 8 || memcmp(*p, signature, SIGNATURE_SIZE) != 0 ||
		csec_get_u32(*p + SIGNATURE_SIZE) != 0)
		return false;
	extension = csec_get_u32(*p + SIGNATURE_SIZE + 4);
	*p += SIGNATURE_SIZE + 8;
	if (extension > (size_t) (end - *p))
		return false;
	*p += extension;
	return true;
}

CsecCopyRow
csec_copy_row(const uint8_t *message, size_t len, bool first, CsecDatum *field,
			  int count)
{
	const uint8_t *p = message;
	const uint8_t *end = message + len;

	if (first && !skip_header(&p, end))
		return CSEC_COPY_BROKEN;
	if (first && p == end)
		return CSEC_COPY_END;
	if (end - p < 2)
		return CSEC_COPY_BROKEN;
	if (csec_get_u16(p) == TRAILER)
		return end - p == 2 ? CSEC_COPY_END : CSEC_COPY_BROKEN;
	if (csec_get_u16(p) != count)
		return CSEC_COPY_BROKEN;
	p += 2;
	for (int i = 0; i < count; i++)
	{
		uint32_t	size;

		if (end - p < 4)
			return CSEC_COPY_BROKEN;
		size = csec_get_u32(p);
		p += 4;
		field[i].data = NULL;
		field[i].len = 0;
		if (size == NULL_LENGTH)
			continue;
		if (size > (size_t) (end - p))
			return CSEC_COPY_BROKEN;
		field[i].data = p;
		field[i].len = size;
		p += size;
	}
	return p == end ? CSEC_COPY_ROW : CSEC_COPY_BROKEN;
}
