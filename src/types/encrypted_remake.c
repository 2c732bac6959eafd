/*
 * encrypted_remake.c
 *		What lower() and the like make of a value.
 *
 * They are immutable and serve indexes, so an encrypted value must give the
 * same bytes each time: amcheck makes what is indexed anew and looks for it in
 * the index.  Random nonces would not, nor would keys, suites or tags as new
 * values have them, which change between two times.  So all is as in the value
 * that was given, and the nonce is made of that and of the text: it comes twice
 * only where everything is the same.
 */
#include "postgres.h"

#include "utils/memdebug.h"

#include "keys/data_key.h"
#include "policy/category.h"
#include "types/encrypted_value.h"
#include "types/envelope_key.h"
#include "types/masked_text.h"
#include "util/crypto_failed.h"

#define KEPT_FLAGS	(CSEC_ENVELOPE_SEARCH | CSEC_ENVELOPE_NEXT | CSEC_ENVELOPE_SUBJECT)

/* What tells the given value from all others: its nonce and its tag. */
#define FROM_SIZE	(CSEC_AEAD_NONCE + CSEC_AEAD_TAG)

/*
 * Tags under the search keys that the given value has tags of.  Where one of
 * these is no longer there, under those of new values.
 */
static void
put_same_tags(CsecEnvelope *what, const CsecPortable *text, uint8 (*tags)[CSEC_SEARCH_TAG])
{
	if (!(what->flags & CSEC_ENVELOPE_SEARCH))
		return;
	if (unlikely(!csec_search_key_is_known(what->search_mark) ||
				 ((what->flags & CSEC_ENVELOPE_NEXT) && !csec_search_key_is_known(what->next_mark))))
	{
		what->search_mark = csec_search_key_active(&what->next_mark);
		what->flags &= ~CSEC_ENVELOPE_NEXT;
		what->flags |= what->next_mark != 0 ? CSEC_ENVELOPE_NEXT : 0;
	}
	csec_portable_tag_under(what->search_mark, text, tags[0]);
	if (what->flags & CSEC_ENVELOPE_NEXT)
		csec_portable_tag_under(what->next_mark, text, tags[1]);
	what->search_tag = tags[0];
	what->next_tag = tags[1];
}

/*
 * A key that is retired is not counted: it may have encrypted all that it may,
 * and indexes must still be built.  What is made of its values does not grow
 * with how often it is made.
 */
static void
count_use(const CsecEnvelope *like, const CsecCategory *category)
{
	const CsecDataKey *active = (like->flags & CSEC_ENVELOPE_SUBJECT) ? NULL :
		csec_data_key_find_active(category ? NameStr(category->data_key) : CSEC_DATA_KEY_DEFAULT);

	if (active != NULL && csec_data_key_id(active) == like->key_id &&
		csec_data_key_version(active) == like->key_version)
		csec_data_key_count(active);
}

static struct varlena *
seal_same(CsecAead *aead, const CsecEnvelope *like, CsecEnvelope *what, const CsecPortable *text)
{
	uint8		header[CSEC_ENVELOPE_HEADER_MAX];
	uint8		from[FROM_SIZE];
	uint8		nonce[CSEC_AEAD_NONCE] = {0};
	Size		size = add_size(text->len, VARHDRSZ + csec_envelope_header_size(what->flags) + CSEC_AEAD_TAG);
	struct varlena *value = palloc(size);

	memcpy(from, like->nonce, CSEC_AEAD_NONCE);
	memcpy(from + CSEC_AEAD_NONCE, like->tag, CSEC_AEAD_TAG);
	what->nonce = nonce;
	SET_VARSIZE(value, size);
	if (!csec_aead_nonce(aead, from, sizeof(from), header, csec_envelope_put_header(what, header),
						 (const uint8 *) text->text, text->len, nonce) ||
		!csec_envelope_seal(aead, what, (const uint8 *) text->text, text->len, (uint8 *) VARDATA(value)))
		csec_crypto_failed("encrypt a value");
	VALGRIND_CHECK_MEM_IS_DEFINED(value, size);
	return value;
}

struct varlena *
csec_value_remake(const CsecMasked *given, const char *text, size_t len)
{
	CsecEnvelope like;
	CsecEnvelope what;
	CsecPortable portable;
	uint8		tags[2][CSEC_SEARCH_TAG];
	CsecAead   *aead;
	struct varlena *value;

	if (given->envelope == NULL)
		return csec_masked_make(given->category, given->flags & CSEC_MASKED_PLAIN, text, len);
	/* without a category its nonce is made of the text in any case */
	if (given->category == CSEC_CATEGORY_NONE ||
		!csec_envelope_parse(given->envelope, given->envelope_size, &like))
		return csec_encrypted_make(given->category, text, len);
	what = like;
	what.flags = like.flags & KEPT_FLAGS;
	if (csec_input_suspect(given->category, text, len))
		what.flags |= CSEC_ENVELOPE_SUSPECT;
	csec_portable_take(text, len, &portable);
	if (portable.bytes)
		what.flags |= CSEC_ENVELOPE_BYTES;
	put_same_tags(&what, &portable, tags);
	count_use(&like, csec_category_to_keep(given->category));
	/* the given value was opened with it, so it is there */
	aead = csec_envelope_key_aead(&like);
	if (aead == NULL)
		csec_crypto_failed("encrypt a value");
	value = seal_same(aead, &like, &what, &portable);
	csec_portable_release(&portable);
	return value;
}
