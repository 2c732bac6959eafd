/*
 * encrypted_open.c
 *		Opening envelopes.
 */
#include "postgres.h"

#include "policy/category.h"
#include "types/encrypted_value.h"
#include "types/envelope_key.h"

static void
refuse_forged(const CsecEnvelope *envelope, bool other_key)
{
	const CsecCategory *category = csec_category_lookup(envelope->category);
	char	   *key = (envelope->flags & CSEC_ENVELOPE_SUBJECT) ?
		psprintf("the key of a customer (" UINT64_FORMAT ")", envelope->subject) :
		psprintf("key %u version %u", envelope->key_id, envelope->key_version);

	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("an encrypted value of category \"%s\" is not authentic",
					category ? NameStr(category->name) : "(unknown)"),
			 other_key ?
			 errdetail("It says that %s encrypted it, but that was another key of this number.", key) :
			 errdetail("It was altered after %s encrypted it.", key),
			 errhint("Restore the value from a backup, or write it anew.")));
}

/* False: not authentic. */
static bool
open_portable(const CsecEnvelope *envelope, CsecPortable *out, bool *other_key)
{
	CsecAead   *aead;

	out->own = palloc(envelope->len + 1);
	out->text = out->own;
	out->len = envelope->len;
	out->bytes = (envelope->flags & CSEC_ENVELOPE_BYTES) != 0;
	aead = csec_envelope_key_aead(envelope);
	*other_key = aead == NULL;
	if (likely(aead != NULL && csec_envelope_open(aead, envelope, (uint8 *) out->own)))
		return true;
	csec_portable_release(out);
	return false;
}

void
csec_encrypted_open_portable(const CsecEnvelope *envelope, CsecPortable *out)
{
	bool		other_key;

	if (unlikely(!open_portable(envelope, out, &other_key)))
		refuse_forged(envelope, other_key);
}

/* Takes the text over; NULL: it is none here. */
static char *
text_of(const CsecEnvelope *envelope, CsecPortable *portable, size_t *len)
{
	char	   *text = portable->own;

	/* records of the trail have it as they have all texts */
	if (likely(!(envelope->flags & CSEC_ENVELOPE_TRAIL)))
		return csec_portable_back(portable, len);
	*len = portable->len;
	text[*len] = '\0';
	return text;
}

char *
csec_encrypted_open(const CsecEnvelope *envelope, size_t *len)
{
	CsecPortable portable;
	char	   *text;

	csec_encrypted_open_portable(envelope, &portable);
	text = text_of(envelope, &portable, len);
	if (unlikely(text == NULL))
	{
		const CsecCategory *category = csec_category_lookup(envelope->category);

		csec_refuse_encoding(psprintf("an encrypted value of category \"%s\"",
									  category ? NameStr(category->name) : "(unknown)"));
	}
	return text;
}

bool
csec_encrypted_try_portable(const CsecEnvelope *envelope, CsecPortable *out)
{
	bool		other_key;

	return !csec_envelope_key_is_destroyed(envelope) &&
		open_portable(envelope, out, &other_key);
}

char *
csec_encrypted_try_open(const CsecEnvelope *envelope, size_t *len)
{
	CsecPortable portable;

	if (!csec_encrypted_try_portable(envelope, &portable))
		return NULL;
	return text_of(envelope, &portable, len);
}
