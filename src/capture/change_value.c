/*
 * change_value.c
 *		How the trail shows an old or new value of a column.
 *
 * A column that is not classified: as its type prints it.  A classified one
 * never in clear: a keyed digest, by which two records can be seen to speak
 * of the same value, then the mask.  The digest needs the server's key, so
 * that who reads the trail cannot find a phone number by trying them all.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "capture/change_value.h"
#include "crypto/hash.h"
#include "keys/keyring.h"
#include "policy/category.h"
#include "types/masked_text.h"
#include "util/bytes.h"

static void
append_bytes(StringInfo out, const void *data, size_t len)
{
	uint8		head[CSEC_VARINT_MAX];

	appendBinaryStringInfo(out, (char *) head, (int) csec_put_varint(head, len));
	appendBinaryStringInfo(out, data, (int) len);
}

/* The digest of a value and its mask; of an unknown category the digest alone. */
static void
append_classified(StringInfo out, uint32 category, const char *text, size_t len)
{
	const CsecCategory *known = csec_category_lookup(category);
	uint8		bytes[CSEC_DIGEST_SIZE + CSEC_MASK_MAX];
	CsecShown	shown = {.len = 0};

	csec_keyring_digest(text, len, bytes);
	if (known != NULL)
	{
		csec_mask_text(known, text, len, &shown);
		memcpy(bytes + CSEC_DIGEST_SIZE, shown.text, Min(shown.len, CSEC_MASK_MAX));
	}
	append_bytes(out, bytes, CSEC_DIGEST_SIZE + Min(shown.len, CSEC_MASK_MAX));
}

/* SHA-256 and length of a value that is too long for a record. */
static void
append_long(StringInfo out, const char *text, size_t len)
{
	uint8		bytes[CSEC_SHA256_SIZE + 8];

	if (!csec_sha256(text, len, bytes))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute SHA-256")));
	csec_put_u64(bytes + CSEC_SHA256_SIZE, len);
	append_bytes(out, bytes, sizeof(bytes));
}

/*
 * Append the value as the trail shows it; true where that is a digest in
 * place of a long value.
 */
bool
csec_change_value(StringInfo out, CsecChangeColumn *column, Datum value)
{
	char	   *text;
	size_t		len;
	bool		is_long;
	uint32		given = csec_mask_was_given;	/* an array's go to the trail */

	if (column->is_masked)
	{
		struct varlena *whole = PG_DETOAST_DATUM_PACKED(value);
		CsecMasked	masked;

		csec_masked_read(whole, &masked);
		append_classified(out, masked.category, masked.text, masked.len);
		if ((Pointer) whole != DatumGetPointer(value))
			pfree(whole);
		return false;
	}
	text = OutputFunctionCall(&column->output, value);
	csec_mask_was_given = given;
	len = strlen(text);
	is_long = column->category == 0 && len > CSEC_CHANGE_VALUE_MAX;
	if (column->category != 0)
		append_classified(out, column->category, text, len);
	else if (is_long)
		append_long(out, text, len);
	else
		append_bytes(out, text, len);
	pfree(text);
	return is_long;
}
