/*
 * change_value.c
 *		How the trail shows an old or new value of a column.
 *
 * A column that is not classified: as its type prints it.  A classified one
 * never in clear: the mask, then the value's envelope, which csec.open_change()
 * opens for the few who may.  The envelope has no search tag, so that who reads
 * the trail cannot find a phone number by trying them all.  Where no envelope
 * can be kept, a digest under the server's key tells at least whether two
 * records speak of the same value.
 *
 * Where customers have keys of their own (subject_keys) that is done otherwise:
 * a mask, or a digest under the server's key, would outlive the customer's key.
 * There every column, classified or not, is told by its envelope alone, under
 * that key.
 *
 * A value that cannot be encrypted, for want of a key, is an error, and so is
 * the change: one on record as a mask alone could never be undone by it.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "capture/change_value.h"
#include "crypto/hash.h"
#include "keys/keyring.h"
#include "policy/category.h"
#include "types/encrypted_value.h"
#include "types/masked_text.h"
#include "util/bytes.h"
#include "util/crypto_failed.h"

static void
append_bytes(StringInfo out, const void *data, size_t len)
{
	enlargeStringInfo(out, (int) (CSEC_VARINT_MAX + len));
	out->len += (int) csec_put_varint((uint8 *) out->data + out->len, len);
	memcpy(out->data + out->len, data, len);
	out->len += (int) len;
	out->data[out->len] = '\0';
}

/*
 * Is the value kept encrypted?  Not where it would not fit into a record, or
 * its category says that it must not be stored at all.
 */
static bool
is_kept(const CsecCategory *category, size_t len)
{
	return len <= CSEC_CHANGE_VALUE_MAX &&
		(category == NULL || category->storage != CSEC_STORAGE_REFUSED);
}

/* The head of a classified value: its length, and the mask; size bytes will follow. */
static void
append_mask(StringInfo out, const char *mask, size_t len, size_t size)
{
	uint8		bytes[2 * CSEC_VARINT_MAX + CSEC_MASK_MAX];
	uint8		mask_len[CSEC_VARINT_MAX];
	size_t		n = csec_put_varint(mask_len, len);
	size_t		at = csec_put_varint(bytes, n + len + size);

	memcpy(bytes + at, mask_len, n);
	memcpy(bytes + at + n, mask, len);
	appendBinaryStringInfo(out, (char *) bytes, (int) (at + n + len));
}

StaticAssertDecl(CSEC_CHANGE_DIGEST_SIZE == CSEC_DIGEST_SIZE, "one size of digests");

/* A mask, and the keyed digest of what no envelope is kept of. */
static void
append_digest(StringInfo out, const char *mask, size_t masklen, const void *data, size_t len)
{
	uint8		digest[CSEC_CHANGE_DIGEST_SIZE];

	csec_keyring_digest(data, len, digest);
	append_mask(out, mask, masklen, sizeof(digest));
	appendBinaryStringInfo(out, (char *) digest, sizeof(digest));
}

/*
 * Mask and envelope of a value; of an unknown category no mask.  True where a
 * digest stands for the envelope.
 */
static bool
append_classified(StringInfo out, CsecTrailSealer *sealer, uint32 id, const char *text, size_t len)
{
	const CsecCategory *category = csec_category_lookup(id);
	CsecShown	shown = {.text = "",.len = 0};
	CsecTrailSealing sealing;

	if (category != NULL)
		csec_mask_text(category, text, len, &shown);
	shown.len = Min(shown.len, CSEC_MASK_MAX);
	if (!is_kept(category, len))
	{
		append_digest(out, shown.text, shown.len, text, len);
		return true;
	}
	csec_trail_seal_begin(sealer, NULL, id, category, len, &sealing);
	append_mask(out, shown.text, shown.len, sealing.size);
	csec_trail_seal(out, sealer, &sealing, text, len);
	return false;
}

/*
 * A value that nothing opens any more, as it is damaged or its key was
 * destroyed: the mask that shows nothing, and a digest of its bytes.  It must
 * not keep its row from being mended or deleted.
 */
static bool
append_unreadable(StringInfo out, const struct varlena *value)
{
	append_digest(out, CSEC_MASK_REDACTED, CSEC_MASK_REDACTED_LEN,
				  VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	return true;
}

/* A value of a csec type. */
static bool
append_field(StringInfo out, CsecTrailSealer *sealer, Datum value)
{
	struct varlena *whole = PG_DETOAST_DATUM_PACKED(value);
	CsecMasked	masked;
	bool		digest;

	if (!csec_value_well_formed(whole))
		digest = append_unreadable(out, whole);
	else
	{
		csec_value_read(whole, &masked);
		digest = csec_value_try_text(&masked) ?
			append_classified(out, sealer, masked.category, masked.text, masked.len) :
			append_unreadable(out, whole);
		csec_value_release(&masked);
	}
	if ((Pointer) whole != DatumGetPointer(value))
		pfree(whole);
	return digest;
}

/* SHA-256 and length of a value that is too long for a record. */
static bool
append_long(StringInfo out, const char *text, size_t len)
{
	uint8		bytes[CSEC_SHA256_SIZE + 8];

	if (!csec_sha256(text, len, bytes))
		csec_crypto_failed("compute SHA-256");
	csec_put_u64(bytes + CSEC_SHA256_SIZE, len);
	append_bytes(out, bytes, sizeof(bytes));
	return true;
}

bool
csec_change_value(StringInfo out, CsecTrailSealer *sealer, CsecChangeColumn *column, Datum value)
{
	char	   *text;
	size_t		len;
	bool		digest = false;
	uint32		given = csec_mask_was_given;	/* an array's go to the trail */

	if (column->is_masked)
		return append_field(out, sealer, value);
	text = OutputFunctionCall(&column->output, value);
	csec_mask_was_given = given;
	len = strlen(text);
	if (column->category != 0)
		digest = append_classified(out, sealer, column->category, text, len);
	else if (len > CSEC_CHANGE_VALUE_MAX)
		digest = append_long(out, text, len);
	else
		append_bytes(out, text, len);
	pfree(text);
	return digest;
}

static void
append_sealed(StringInfo out, CsecTrailSealer *sealer, const CsecCustomer *customer,
			  uint32 id, const char *text, size_t len)
{
	const CsecCategory *category = id != CSEC_CATEGORY_NONE ? csec_category_lookup(id) : NULL;
	CsecTrailSealing sealing;
	uint8		head[CSEC_VARINT_MAX];

	if (text == NULL || !is_kept(category, len))
	{
		append_bytes(out, "", 0);
		return;
	}
	csec_trail_seal_begin(sealer, customer, id, category, len, &sealing);
	appendBinaryStringInfo(out, (char *) head, (int) csec_put_varint(head, sealing.size));
	csec_trail_seal(out, sealer, &sealing, text, len);
}

/* The text of a field, sealed; of one that nothing opens, nothing. */
static void
append_sealed_field(StringInfo out, CsecTrailSealer *sealer, const CsecCustomer *customer, Datum value)
{
	struct varlena *whole = PG_DETOAST_DATUM_PACKED(value);
	CsecMasked	masked;

	if (csec_value_well_formed(whole))
	{
		csec_value_read(whole, &masked);
		if (csec_value_try_text(&masked))
			append_sealed(out, sealer, customer, masked.category, masked.text, masked.len);
		else
			append_sealed(out, sealer, customer, masked.category, NULL, 0);
		csec_value_release(&masked);
	}
	else
		append_sealed(out, sealer, customer, CSEC_CATEGORY_NONE, NULL, 0);
	if ((Pointer) whole != DatumGetPointer(value))
		pfree(whole);
}

void
csec_change_value_sealed(StringInfo out, CsecTrailSealer *sealer, CsecChangeColumn *column, Datum value,
						 const CsecCustomer *customer, bool gone)
{
	uint32		given = csec_mask_was_given;	/* an array's go to the trail */
	char	   *text;

	if (gone)
		append_sealed(out, sealer, customer, CSEC_CATEGORY_NONE, NULL, 0);
	else if (column->is_masked)
		append_sealed_field(out, sealer, customer, value);
	else
	{
		text = OutputFunctionCall(&column->output, value);
		csec_mask_was_given = given;
		append_sealed(out, sealer, customer, column->category, text, strlen(text));
		pfree(text);
	}
}
