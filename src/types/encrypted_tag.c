/*
 * encrypted_tag.c
 *		The search tags of encrypted values and of texts.
 */
#include "postgres.h"

#include "keys/data_key.h"
#include "keys/keyring.h"
#include "policy/category.h"
#include "types/encrypted_value.h"
#include "types/envelope_key.h"
#include "types/search_form.h"
#include "util/secure_block.h"
#include "util/secure_memory.h"

/* Bytes of another encoding are looked for as they are, without what names it. */
void
csec_portable_tag_under(uint32 mark, const CsecPortable *text, uint8 *tag)
{
	size_t		skip = text->bytes && text->len > 0 ? 1 : 0;
	size_t		len = text->len - skip;
	char		small[256];
	char	   *form = len <= sizeof(small) ? small : palloc(len);
	size_t		n = csec_search_form(text->text + skip, len, !text->bytes, form);

	csec_search_tag(mark, form, n, tag);
	csec_secure_wipe(form, n);
	if (form != small)
		pfree(form);
}

void
csec_encrypted_tag_under(uint32 mark, const char *text, size_t len, uint8 *tag)
{
	CsecPortable portable;

	csec_portable_take(text, len, &portable);
	csec_portable_tag_under(mark, &portable, tag);
	csec_portable_release(&portable);
}

CsecSought *csec_sought = NULL;

const uint8 *
csec_encrypted_new_text_tag(uint32 mark, const char *text, size_t len, uint8 *buffer)
{
	static bool waits = false;
	CsecSought *last;

	csec_encrypted_tag_under(mark, text, len, buffer);
	if (csec_sought == NULL)
		csec_sought = csec_secure_block(sizeof(CsecSought));
	last = csec_sought;
	if (last == NULL || len > sizeof(last->text))
		return buffer;
	csec_secure_wipe_at_end(last, sizeof(CsecSought), &waits);
	memcpy(last->text, text, len);
	memcpy(last->tag, buffer, CSEC_SEARCH_TAG);
	last->len = len;
	last->mark = mark;
	return last->tag;
}

static void
refuse_untagged(uint32 category)
{
	const CsecCategory *known = csec_category_lookup(category);

	/* Under another root key no category counts: then it is the key that is wrong. */
	if (known == NULL)
		csec_keyring_check();
	if (known == NULL || !known->searchable)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("values of category \"%s\" cannot be compared",
						known ? NameStr(known->name) : "(unknown)"),
				 errdetail("The category's search is \"none\", so its values carry no search tag."),
				 errhint("Convert the field to text to compare what the reader sees of it.")));
}

const uint8 *
csec_encrypted_tag(const CsecEnvelope *envelope, uint8 *buffer)
{
	uint32_t	next;
	uint32_t	active = csec_search_key_active(&next);
	CsecPortable text;

	if (likely((envelope->flags & CSEC_ENVELOPE_SEARCH) && envelope->search_mark == active))
		return envelope->search_tag;
	if ((envelope->flags & CSEC_ENVELOPE_NEXT) && envelope->next_mark == active)
		return envelope->next_tag;

	/*
	 * Made under another search key (a constant in a view, say), or before
	 * its category was searched.
	 */
	if (envelope->category != CSEC_CATEGORY_NONE)
		refuse_untagged(envelope->category);

	/*
	 * What nothing opens any more keeps the tag that it had, which is that of
	 * no value under the active key: it has its place in an index, and equals
	 * only what it equalled before.
	 */
	if ((envelope->flags & CSEC_ENVELOPE_SEARCH) && csec_envelope_key_is_destroyed(envelope))
		return envelope->search_tag;
	csec_encrypted_open_portable(envelope, &text);
	csec_portable_tag_under(active, &text, buffer);
	csec_portable_release(&text);
	return buffer;
}
