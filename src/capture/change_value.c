/*
 * change_value.c
 *		How the trail shows an old or new value of a column.
 *
 * A column that is not classified: as its type prints it.  A classified one
 * never in clear: a keyed digest, by which two records can be seen to speak
 * of the same value, then the mask, then the value's envelope, which
 * csec.open_change() opens for the few who may.  The digest needs the server's
 * key, so that who reads the trail cannot find a phone number by trying them
 * all; the envelope has no search tag, for the same reason.
 *
 * Where customers have keys of their own (subject_keys) that is done otherwise:
 * a digest under the server's key and a mask would outlive the customer's key.
 * There every column, classified or not, is told by its envelope alone, under
 * that key; in the place of the digest stand zeros, and no mask.
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
	uint8		head[CSEC_VARINT_MAX];

	appendBinaryStringInfo(out, (char *) head, (int) csec_put_varint(head, len));
	appendBinaryStringInfo(out, data, (int) len);
}

/*
 * The envelope of a value, or NULL where none is kept: it would not fit into a
 * record, or its category says that it must not be stored at all.
 */
static struct varlena *
envelope_of(const CsecCategory *category, uint32 id, const char *text, size_t len)
{
	if (len > CSEC_CHANGE_VALUE_MAX ||
		(category != NULL && category->storage == CSEC_STORAGE_REFUSED))
		return NULL;
	return csec_encrypted_make_for_trail(NULL, id, text, len);
}

/* Digest, mask and envelope of a value; of an unknown category no mask. */
static void
append_classified(StringInfo out, uint32 id, const char *text, size_t len)
{
	const CsecCategory *category = csec_category_lookup(id);
	uint8		bytes[CSEC_DIGEST_SIZE + CSEC_VARINT_MAX + CSEC_MASK_MAX];
	uint8		head[CSEC_VARINT_MAX];
	size_t		n = CSEC_DIGEST_SIZE;
	CsecShown	shown = {.len = 0};
	struct varlena *envelope;
	size_t		size;

	csec_keyring_digest(text, len, bytes);
	if (category != NULL)
		csec_mask_text(category, text, len, &shown);
	shown.len = Min(shown.len, CSEC_MASK_MAX);
	n += csec_put_varint(bytes + n, shown.len);
	if (shown.len > 0)
		memcpy(bytes + n, shown.text, shown.len);
	n += shown.len;
	envelope = envelope_of(category, id, text, len);
	size = envelope ? VARSIZE_ANY_EXHDR(envelope) : 0;
	appendBinaryStringInfo(out, (char *) head, (int) csec_put_varint(head, n + size));
	appendBinaryStringInfo(out, (char *) bytes, (int) n);
	if (envelope == NULL)
		return;
	appendBinaryStringInfo(out, VARDATA_ANY(envelope), (int) size);
	pfree(envelope);
}

/*
 * A value that nothing opens any more, as it is damaged or its key was
 * destroyed: a digest of its bytes, and the mask that shows nothing.  It must
 * not keep its row from being mended or deleted.
 */
static void
append_unreadable(StringInfo out, const struct varlena *value)
{
	uint8		bytes[CSEC_DIGEST_SIZE + CSEC_VARINT_MAX + CSEC_MASK_REDACTED_LEN];
	size_t		n = CSEC_DIGEST_SIZE;

	csec_keyring_digest(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), bytes);
	n += csec_put_varint(bytes + n, CSEC_MASK_REDACTED_LEN);
	memcpy(bytes + n, CSEC_MASK_REDACTED, CSEC_MASK_REDACTED_LEN);
	append_bytes(out, bytes, n + CSEC_MASK_REDACTED_LEN);
}

/* SHA-256 and length of a value that is too long for a record. */
static void
append_long(StringInfo out, const char *text, size_t len)
{
	uint8		bytes[CSEC_SHA256_SIZE + 8];

	if (!csec_sha256(text, len, bytes))
		csec_crypto_failed("compute SHA-256");
	csec_put_u64(bytes + CSEC_SHA256_SIZE, len);
	append_bytes(out, bytes, sizeof(bytes));
}

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

		if (!csec_value_well_formed(whole))
			append_unreadable(out, whole);
		else
		{
			csec_value_read(whole, &masked);
			if (csec_value_try_text(&masked))
				append_classified(out, masked.category, masked.text, masked.len);
			else
				append_unreadable(out, whole);
			csec_value_release(&masked);
		}
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

static void
append_sealed(StringInfo out, const CsecCustomer *customer, uint32 id, const char *text, size_t len)
{
	const CsecCategory *category = id != CSEC_CATEGORY_NONE ? csec_category_lookup(id) : NULL;
	uint8		bytes[CSEC_CHANGE_DIGEST_SIZE + 1] = {0};	/* no digest, no mask */
	uint8		head[CSEC_VARINT_MAX];
	struct varlena *envelope = NULL;
	size_t		size = 0;

	if (text != NULL && len <= CSEC_CHANGE_VALUE_MAX &&
		(category == NULL || category->storage != CSEC_STORAGE_REFUSED))
	{
		envelope = csec_encrypted_make_for_trail(customer, id, text, len);
		size = VARSIZE_ANY_EXHDR(envelope);
	}
	appendBinaryStringInfo(out, (char *) head, (int) csec_put_varint(head, sizeof(bytes) + size));
	appendBinaryStringInfo(out, (char *) bytes, sizeof(bytes));
	if (envelope == NULL)
		return;
	appendBinaryStringInfo(out, VARDATA_ANY(envelope), (int) size);
	pfree(envelope);
}

/* The text of a field, sealed; of one that nothing opens, nothing. */
static void
append_sealed_field(StringInfo out, const CsecCustomer *customer, Datum value)
{
	struct varlena *whole = PG_DETOAST_DATUM_PACKED(value);
	CsecMasked	masked;

	if (csec_value_well_formed(whole))
	{
		csec_value_read(whole, &masked);
		if (csec_value_try_text(&masked))
			append_sealed(out, customer, masked.category, masked.text, masked.len);
		else
			append_sealed(out, customer, masked.category, NULL, 0);
		csec_value_release(&masked);
	}
	else
		append_sealed(out, customer, CSEC_CATEGORY_NONE, NULL, 0);
	if ((Pointer) whole != DatumGetPointer(value))
		pfree(whole);
}

void
csec_change_value_sealed(StringInfo out, CsecChangeColumn *column, Datum value,
						 const CsecCustomer *customer, bool gone)
{
	uint32		given = csec_mask_was_given;	/* an array's go to the trail */
	char	   *text;

	if (gone)
		append_sealed(out, customer, CSEC_CATEGORY_NONE, NULL, 0);
	else if (column->is_masked)
		append_sealed_field(out, customer, value);
	else
	{
		text = OutputFunctionCall(&column->output, value);
		csec_mask_was_given = given;
		append_sealed(out, customer, column->category, text, strlen(text));
		pfree(text);
	}
}
