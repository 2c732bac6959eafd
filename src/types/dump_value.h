/*
 * dump_value.h
 *		How a masked field stands in a dump: encrypted, with its key in a wrap.
 *
 *		magic       1 byte, 0xC2
 *		flags       1 byte: those of the value that say how it sorts
 *		category    4 bytes, big endian
 *		key         keys/dump_key.h
 *		nonce       12 bytes
 *		ciphertext  as long as the text in UTF-8
 *		tag         16 bytes
 *
 * All before the nonce is its associated data.  As text: a prefix, then base64.
 */
#ifndef CSEC_TYPES_DUMP_VALUE_H
#define CSEC_TYPES_DUMP_VALUE_H

#include "types/masked_value.h"

#define CSEC_DUMP_PREFIX	"csec:d1:"

/* What stands in the dump for a csec.masked value. */
extern char *csec_dump_text(const CsecMasked *value, size_t *len);

/* Is it such a text? */
extern bool csec_is_dump_text(const char *text, size_t len);

/*
 * csec_dump_take
 *		Open such a text: out->text is palloc'd, for csec_dump_release().
 *
 * category: of the field that it is for, or none.  Errors:
 * invalid_text_representation where it was altered or belongs to another
 * category, insufficient_privilege for readers who do not restore dumps and
 * may not see the value, those of csec_dump_key_open().
 */
extern void csec_dump_take(uint32 category, const char *text, size_t len, CsecMasked *out);
extern void csec_dump_release(CsecMasked *value);

#endif							/* CSEC_TYPES_DUMP_VALUE_H */
