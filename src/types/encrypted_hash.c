/*
 * encrypted_hash.c
 *		Hashes of csec.encrypted, and of texts that are looked up in it: of their
 *		search tags, as encrypted_compare.c compares them.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/builtins.h"

#include "keys/data_key.h"
#include "policy/category.h"
#include "policy/probe.h"
#include "types/encrypted_value.h"
#include "types/masked_tried.h"
#include "types/support_call.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_hash);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_encrypted_hash_extended);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_text_tag_hash);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_text_tag_hash_extended);

static inline uint32
active_mark(void)
{
	uint32_t	next;

	return likely(csec_search_mark_now != 0) ? csec_search_mark_now : csec_search_key_active(&next);
}

/* What is tried: the tag stands for the text, which is closed. */
static inline CsecMasked
hashed(uint32 category, const uint8 *tag)
{
	return (CsecMasked) {
		.category = category,
		.tag = csec_get_u32(tag),
		.text = (const char *) tag,
		.len = CSEC_SEARCH_TAG
	};
}

/* buffer: room for a tag that does not stand in the value. */
static inline CsecMasked
read_value(const struct varlena *value, uint8 *buffer)
{
	const uint8 *data = (const uint8 *) VARDATA_ANY(value);
	const uint8 *tag = csec_envelope_plain_tag(data, VARSIZE_ANY_EXHDR(value), active_mark());
	CsecEnvelope envelope;

	if (likely(tag != NULL))
		return hashed(csec_envelope_category(data), tag);
	csec_encrypted_read(value, &envelope);
	return hashed(envelope.category, csec_encrypted_tag(&envelope, buffer));
}

static inline CsecMasked
read_text(const text *in, uint8 *buffer)
{
	return hashed(CSEC_CATEGORY_NONE,
				  csec_encrypted_text_tag(active_mark(), VARDATA_ANY(in), VARSIZE_ANY_EXHDR(in), buffer));
}

/* Hash support 1. */
Datum
csec_encrypted_hash(PG_FUNCTION_ARGS)
{
	uint8		buffer[CSEC_SEARCH_TAG];
	CsecMasked	value;

	csec_refuse_direct_call(fcinfo);
	if (csec_called_for_container(fcinfo))
		PG_RETURN_INT32(CSEC_HASH_IN_CONTAINER);
	value = read_value(PG_GETARG_VARLENA_PP(0), buffer);
	csec_tried_hash(&value, fcinfo->flinfo);
	if (unlikely(value.category == CSEC_CATEGORY_NONE) && !csec_hashes_list(fcinfo))
		csec_tried_place(&value);
	PG_RETURN_INT32((int32) value.tag);
}

/* Hash support 2, for partitions: see csec_masked_hash_extended(). */
Datum
csec_encrypted_hash_extended(PG_FUNCTION_ARGS)
{
	uint8		buffer[CSEC_SEARCH_TAG];
	CsecMasked	value;

	csec_refuse_direct_call(fcinfo);
	if (csec_called_for_container(fcinfo))
		PG_RETURN_UINT64(CSEC_HASH_IN_CONTAINER);
	value = read_value(PG_GETARG_VARLENA_PP(0), buffer);
	if (value.category == CSEC_CATEGORY_NONE)
		csec_probe_input(CSEC_CATEGORY_TYPED_IN, value.text, value.len);
	PG_RETURN_DATUM(hash_uint32_extended(value.tag, PG_GETARG_INT64(1)));
}

Datum
csec_text_tag_hash(PG_FUNCTION_ARGS)
{
	uint8		buffer[CSEC_SEARCH_TAG];
	CsecMasked	value;

	csec_refuse_direct_call(fcinfo);
	value = read_text(PG_GETARG_TEXT_PP(0), buffer);
	csec_tried_hash_text(value.tag, value.text, value.len);
	PG_RETURN_INT32((int32) value.tag);
}

Datum
csec_text_tag_hash_extended(PG_FUNCTION_ARGS)
{
	uint8		buffer[CSEC_SEARCH_TAG];
	CsecMasked	value;

	csec_refuse_direct_call(fcinfo);
	value = read_text(PG_GETARG_TEXT_PP(0), buffer);
	csec_probe_input(CSEC_CATEGORY_TYPED_IN, value.text, value.len);
	PG_RETURN_DATUM(hash_uint32_extended(value.tag, PG_GETARG_INT64(1)));
}
