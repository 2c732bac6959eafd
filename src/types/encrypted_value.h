/*
 * encrypted_value.h
 *		How values of csec.encrypted come to be, and are opened.
 *
 * A value is always an envelope (types/envelope.h), one that has no category
 * yet too: no path leads a plain text into a page.
 *
 * The exits take values of both types: csec_value_read() takes one apart
 * without opening it, csec_value_text() opens it when its text is needed, and
 * csec_value_release() wipes what was opened.
 */
#ifndef CSEC_TYPES_ENCRYPTED_VALUE_H
#define CSEC_TYPES_ENCRYPTED_VALUE_H

#include "keys/subject_key.h"
#include "types/envelope.h"
#include "types/masked_value.h"
#include "util/portable_text.h"

/* An error where the bytes have not the form of an envelope. */
extern void csec_encrypted_read(const struct varlena *value, CsecEnvelope *out);

#define CSEC_GETARG_ENCRYPTED(n, out) \
	csec_encrypted_read((struct varlena *) PG_GETARG_VARLENA_PP(n), (out))

/*
 * csec_encrypted_make
 *		A new envelope of this text and category, in the current context.
 *
 * Under the active key of the category and in its suite, with search tags
 * where the category is searched.  Without a category: with search tags, and
 * always the same for the same text (see there).
 */
extern struct varlena *csec_encrypted_make(uint32 category, const char *text, size_t len);

/*
 * csec_encrypted_current
 *		Is it as csec_encrypted_make() would make it now: key, suite, tags?
 *
 * True as well for what cannot be made anew: of a category that is not known,
 * or that must not be stored, and under a key that was destroyed.  What is under
 * a customer's key stays under it.
 */
extern bool csec_encrypted_current(const CsecEnvelope *envelope);

/* The same text in a new envelope.  Errors: those of csec_encrypted_open(). */
extern struct varlena *csec_encrypted_renew(const CsecEnvelope *envelope);

/*
 * csec_encrypted_make_for, csec_encrypted_rekey
 *		As csec_encrypted_make() and csec_encrypted_renew(), under the key of a
 *		customer, or with NULL that of the category.
 *
 * Error object_not_in_prerequisite_state where the customer's was destroyed.
 */
extern struct varlena *csec_encrypted_make_for(const CsecCustomer *customer, uint32 category,
											   const char *text, size_t len);
extern struct varlena *csec_encrypted_rekey(const CsecEnvelope *envelope,
											const CsecCustomer *customer);

/*
 * csec_customer_key
 *		The key of a customer, for what is to be encrypted; NULL of nobody.
 *		Errors: those of csec_encrypted_make_for().
 *
 * csec_envelope_put_key
 *		Say in "what" under which key it will be, and in which suite: the
 *		customer's, or with NULL the category's, which counts it.
 *
 * csec_random_nonce
 *		CSEC_AEAD_NONCE bytes.
 */
extern const CsecSubjectKey *csec_customer_key(const CsecCustomer *customer);
extern CsecAead *csec_envelope_put_key(CsecEnvelope *what, const CsecCategory *category,
									   const CsecSubjectKey *key);
extern void csec_random_nonce(uint8 *nonce);

/*
 * csec_encrypted_input
 *		A new value of a text that came from outside: plain, or the text of an
 *		envelope, which is taken as it is.
 *
 * The rest as csec_masked_input().  Errors besides: an envelope of another
 * category, or one that is not authentic though its key is here.
 */
extern struct varlena *csec_encrypted_input(int32 typmod, const char *text, size_t len);

/* The text form of an envelope, palloc'd; *len is its length. */
extern char *csec_encrypted_as_text(const uint8 *envelope, size_t size, size_t *len);

/*
 * csec_encrypted_open
 *		The text of an envelope, palloc'd with a zero behind it.  Errors: those
 *		of csec_data_key_find(), data_corrupted where it is not authentic, and
 *		untranslatable_character where the database has not its characters.
 *
 * csec_encrypted_open_portable
 *		The same for what needs no text of this database, to be released.
 */
extern char *csec_encrypted_open(const CsecEnvelope *envelope, size_t *len);
extern void csec_encrypted_open_portable(const CsecEnvelope *envelope, CsecPortable *out);

/*
 * The same; NULL and false where no key will ever open it, as it is not authentic
 * or its key was destroyed, NULL also where it is no text here.
 */
extern char *csec_encrypted_try_open(const CsecEnvelope *envelope, size_t *len);
extern bool csec_encrypted_try_portable(const CsecEnvelope *envelope, CsecPortable *out);

/* Take a value of either type apart; an envelope stays closed (text NULL). */
extern void csec_value_read(const struct varlena *value, CsecMasked *out);

/* Would csec_value_read() raise no error? */
extern bool csec_value_well_formed(const struct varlena *value);

#define CSEC_GETARG_VALUE(n, out) \
	csec_value_read((struct varlena *) PG_GETARG_VARLENA_PP(n), (out))

/* The same for what must be an envelope: a column of that type says so. */
extern void csec_encrypted_take(const struct varlena *value, CsecMasked *out);

/* Make sure that its text is there. */
extern void csec_value_text(CsecMasked *value);

/*
 * The same; false where csec_encrypted_try_open() says NULL.  For what must go
 * on over such a value.  Other errors are those of csec_encrypted_open().
 */
extern bool csec_value_try_text(CsecMasked *value);

/*
 * Was the key of its customer destroyed?  Then it shows nothing, to anybody, and
 * that is no error: a report on all customers goes on without this one.
 */
extern bool csec_value_is_gone(const CsecMasked *value);

/* The text is not needed any more: wipe what csec_value_text() opened. */
extern void csec_value_release(CsecMasked *value);

/*
 * csec_value_remake
 *		A value like this one, of the same type and category, of another text:
 *		of the same value and text always the same bytes.
 */
extern struct varlena *csec_value_remake(const CsecMasked *like, const char *text, size_t len);

/* The search tag of a text under the search key of that mark. */
extern void csec_encrypted_tag_under(uint32 mark, const char *text, size_t len, uint8 *tag);
extern void csec_portable_tag_under(uint32 mark, const CsecPortable *text, uint8 *tag);

/*
 * The last text whose tag was asked for: an index is descended with the same
 * one at each step, and a tag costs a digest.  The text is a secret, so it is
 * where keys are, in a page that is locked and in no core dump, and no longer
 * than its transaction.
 */
typedef struct CsecSought
{
	uint32		mark;			/* the search key of the tag; 0: nothing yet */
	uint8		tag[CSEC_SEARCH_TAG];
	size_t		len;
	char		text[256];
} CsecSought;

extern CsecSought *csec_sought;

extern const uint8 *csec_encrypted_new_text_tag(uint32 mark, const char *text, size_t len, uint8 *buffer);

/* Its tag, until another text is asked for; NULL: it is another one. */
static inline const uint8 *
csec_encrypted_known_tag(uint32 mark, const char *text, size_t len)
{
	const CsecSought *last = csec_sought;

	if (likely(last != NULL && last->mark == mark && last->len == len &&
			   memcmp(last->text, text, len) == 0))
		return last->tag;
	return NULL;
}

/* The same of any text: there, or else computed into the buffer. */
static inline const uint8 *
csec_encrypted_text_tag(uint32 mark, const char *text, size_t len, uint8 *buffer)
{
	const uint8 *tag = csec_encrypted_known_tag(mark, text, len);

	return likely(tag != NULL) ? tag : csec_encrypted_new_text_tag(mark, text, len, buffer);
}

/*
 * The search tag that a value has, or would have, under the active search
 * key: in the envelope, or computed into the buffer.  Error
 * feature_not_supported where its category is not searched.
 */
extern const uint8 *csec_encrypted_tag(const CsecEnvelope *envelope, uint8 *buffer);

#endif							/* CSEC_TYPES_ENCRYPTED_VALUE_H */
