/*
 * encrypted_value.c
 *		How values of csec.encrypted come to be, and are opened.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "replication/logicalworker.h"
#include "utils/memdebug.h"

#include "keys/data_key.h"
#include "keys/keyring.h"
#include "policy/category.h"
#include "policy/probe.h"
#include "policy/reader.h"
#include "types/date_value.h"
#include "types/dump_value.h"
#include "types/encrypted_value.h"
#include "types/envelope_key.h"
#include "types/envelope_text.h"
#include "types/masked_text.h"
#include "types/masked_tried.h"
#include "util/crypto_failed.h"
#include "util/guc.h"
#include "util/secure_memory.h"

/* What a constant's nonce is made of besides its text. */
#define CONSTANT_HEAD	13

static void
malformed(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("malformed value of type csec.encrypted"),
			 errhint("The value is damaged, or a newer version of csec made it.")));
}

void
csec_encrypted_read(const struct varlena *value, CsecEnvelope *out)
{
	if (unlikely(!csec_envelope_parse((const uint8 *) VARDATA_ANY(value),
									  VARSIZE_ANY_EXHDR(value), out) ||
				 (out->flags & CSEC_ENVELOPE_TRAIL)))
		malformed();
}

/* ---- making ---- */

/* A tag that was computed already, and the search key that it is under. */
typedef struct Tag
{
	uint32		mark;			/* 0: none was */
	uint8		tag[CSEC_SEARCH_TAG];
} Tag;

/*
 * Random bytes for nonces, drawn in bulk: OpenSSL's generator costs more for
 * each call than for each byte.  A child of this process must not draw the
 * same ones.
 */
void
csec_random_nonce(uint8 *nonce)
{
	static uint8 pool[128 * CSEC_AEAD_NONCE];
	static size_t used = sizeof(pool);
	static int	owner = 0;

	if (used >= sizeof(pool) || owner != MyProcPid)
	{
		if (!pg_strong_random(pool, sizeof(pool)))
			csec_crypto_failed("generate random bytes to encrypt with");
		used = 0;
		owner = MyProcPid;
	}
	memcpy(nonce, pool + used, CSEC_AEAD_NONCE);
	used += CSEC_AEAD_NONCE;
}

/*
 * The nonce of a value that has no category yet: of all that it is made of,
 * under the search key.  The parser and the planner compare constants by their
 * bytes (GROUP BY expressions, predicates of partial indexes), so the same
 * text must give the same envelope.  What else is in the header has a part in
 * it, as a nonce must not come twice with different headers either: from two
 * such AES-GCM's authentication key can be worked out.
 */
static void
constant_nonce(const CsecEnvelope *what, const char *text, size_t len, uint8 *nonce)
{
	size_t		size = CONSTANT_HEAD + len;
	uint8	   *message = palloc(size);
	uint8		tag[CSEC_SEARCH_TAG_SIZE];

	/* The zero in front keeps it apart from all search forms. */
	message[0] = 0;
	message[1] = (uint8) what->suite;
	message[2] = what->flags;
	csec_put_u32(message + 3, what->key_id);
	csec_put_u16(message + 7, what->key_version);
	csec_put_u32(message + 9, what->next_mark);
	memcpy(message + CONSTANT_HEAD, text, len);
	if (what->flags & CSEC_ENVELOPE_SEARCH)
		csec_search_tag(what->search_mark, message, size, tag);
	else
		csec_keyring_digest(message, size, tag);
	memcpy(nonce, tag, CSEC_AEAD_NONCE);
	csec_secure_wipe(message, size);
	pfree(message);
}

static int
suite_of(const CsecCategory *category)
{
	return category != NULL && category->suite != 0 ? category->suite : csec_suite;
}

static const char *
key_name_of(const CsecCategory *category)
{
	return category ? NameStr(category->data_key) : CSEC_DATA_KEY_DEFAULT;
}

/* Suite and key of a category's new values. */
static const CsecDataKey *
key_of(const CsecCategory *category, int *suite)
{
	if (unlikely(IsBinaryUpgrade))
	{
		*suite = csec_suite;
		return csec_data_key_of_constants();
	}
	*suite = suite_of(category);
	return csec_data_key_active(key_name_of(category));
}

/* Encrypt: "what" has all but the nonce. */
static struct varlena *
seal_with(CsecAead *aead, CsecEnvelope *what, const char *text, size_t len)
{
	uint8		nonce[CSEC_AEAD_NONCE];
	Size		size;
	struct varlena *value;

	if (what->category == CSEC_CATEGORY_NONE &&
		!(what->flags & (CSEC_ENVELOPE_TRAIL | CSEC_ENVELOPE_SUBJECT)))
		constant_nonce(what, text, len, nonce);
	else
		csec_random_nonce(nonce);
	what->nonce = nonce;
	size = add_size(len, VARHDRSZ + csec_envelope_header_size(what->flags) + CSEC_AEAD_TAG);
	value = palloc(size);
	SET_VARSIZE(value, size);
	if (!csec_envelope_seal(aead, what, (const uint8 *) text, len, (uint8 *) VARDATA(value)))
		csec_crypto_failed("encrypt a value");
	VALGRIND_CHECK_MEM_IS_DEFINED(value, size);
	return value;
}

/* A customer's key is named by its number alone. */
CsecAead *
csec_envelope_put_key(CsecEnvelope *what, const CsecCategory *category, const CsecSubjectKey *key)
{
	const CsecDataKey *data_key;

	if (key != NULL)
	{
		what->suite = suite_of(category);
		what->flags |= CSEC_ENVELOPE_SUBJECT;
		what->subject = csec_subject_key_number(key);
		what->commitment = csec_subject_key_commitment(key);
		return csec_subject_key_aead(key, what->suite);
	}
	/* Its address holds until the next look-up of a key. */
	data_key = key_of(category, &what->suite);
	csec_data_key_count(data_key);
	what->key_id = csec_data_key_id(data_key);
	what->key_version = csec_data_key_version(data_key);
	what->commitment = csec_data_key_commitment(data_key);
	return csec_data_key_aead(data_key, what->suite);
}

const CsecSubjectKey *
csec_customer_key(const CsecCustomer *customer)
{
	const CsecSubjectKey *key;

	if (customer == NULL)
		return NULL;
	key = csec_subject_key_for(customer);
	if (key == NULL)
		csec_refuse_destroyed(csec_subject_number(customer->pseudonym));
	return key;
}

/*
 * Do values carry search tags?  Those without a category do, but for constants
 * that pg_upgrade makes: there is no search key yet.
 */
static bool
is_searched(uint32 id, const CsecCategory *category)
{
	if (unlikely(IsBinaryUpgrade))
		return false;
	return id == CSEC_CATEGORY_NONE || (category != NULL && category->searchable);
}

/* Search tags as new values of the category have them; tags: room for two. */
static void
put_tags(CsecEnvelope *what, const CsecCategory *category, const CsecPortable *text,
		 const Tag *tag, uint8 (*tags)[CSEC_SEARCH_TAG])
{
	if (!is_searched(what->category, category))
		return;
	what->flags |= CSEC_ENVELOPE_SEARCH;
	what->search_mark = csec_search_key_active(&what->next_mark);
	if (tag != NULL && tag->mark == what->search_mark)
		memcpy(tags[0], tag->tag, CSEC_SEARCH_TAG);
	else
		csec_portable_tag_under(what->search_mark, text, tags[0]);
	if (what->next_mark != 0)
	{
		what->flags |= CSEC_ENVELOPE_NEXT;
		csec_portable_tag_under(what->next_mark, text, tags[1]);
	}
	what->search_tag = tags[0];
	what->next_tag = tags[1];
}

/* category: that of id, where there is one; key: of a customer; NULL: the category's. */
static struct varlena *
make_of(uint32 id, const CsecCategory *category, uint8 flags, const CsecPortable *text,
		const Tag *tag, const CsecSubjectKey *key)
{
	CsecEnvelope what = {.category = id,.flags = flags};
	uint8		tags[2][CSEC_SEARCH_TAG];
	CsecAead   *aead;

	if (text->bytes)
		what.flags |= CSEC_ENVELOPE_BYTES;
	put_tags(&what, category, text, tag, tags);
	aead = csec_envelope_put_key(&what, category, key);
	return seal_with(aead, &what, text->text, text->len);
}

static struct varlena *
make(uint32 id, const CsecCategory *category, uint8 flags, const char *text, size_t len,
	 const Tag *tag, const CsecSubjectKey *key)
{
	CsecPortable portable;
	struct varlena *value;

	csec_portable_take(text, len, &portable);
	value = make_of(id, category, flags, &portable, tag, key);
	csec_portable_release(&portable);
	return value;
}

static uint8
suspect_flag(uint32 id, const char *text, size_t len)
{
	return csec_input_suspect(id, text, len) ? CSEC_ENVELOPE_SUSPECT : 0;
}

struct varlena *
csec_encrypted_make(uint32 id, const char *text, size_t len)
{
	return make(id, csec_category_to_keep(id), suspect_flag(id, text, len), text, len, NULL, NULL);
}

struct varlena *
csec_encrypted_make_for(const CsecCustomer *customer, uint32 id, const char *text, size_t len)
{
	const CsecCategory *category = csec_category_to_keep(id);

	return make(id, category, suspect_flag(id, text, len), text, len, NULL,
				csec_customer_key(customer));
}

/* ---- renewing ---- */

/* Has it the search tags that a new value would have, and no others? */
static bool
tags_current(const CsecEnvelope *envelope, const CsecCategory *category)
{
	uint32_t	next;
	uint32_t	active;

	if (!is_searched(envelope->category, category))
		return !(envelope->flags & CSEC_ENVELOPE_SEARCH);
	if (unlikely(!csec_search_key_is_there()))
		return false;
	active = csec_search_key_active(&next);
	return (envelope->flags & CSEC_ENVELOPE_SEARCH) && envelope->search_mark == active &&
		((envelope->flags & CSEC_ENVELOPE_NEXT) ? envelope->next_mark : 0) == next;
}

static bool
key_current(const CsecEnvelope *envelope, const CsecCategory *category)
{
	const CsecDataKey *key;

	if (envelope->suite != suite_of(category))
		return false;
	if (envelope->flags & CSEC_ENVELOPE_SUBJECT)
		return true;
	key = csec_data_key_find_active(key_name_of(category));
	return key != NULL && envelope->key_id == csec_data_key_id(key) &&
		envelope->key_version == csec_data_key_version(key);
}

bool
csec_encrypted_current(const CsecEnvelope *envelope)
{
	const CsecCategory *category = NULL;

	if (envelope->category != CSEC_CATEGORY_NONE)
	{
		category = csec_category_lookup(envelope->category);
		if (category == NULL || category->storage == CSEC_STORAGE_REFUSED)
			return true;
	}
	if (likely(tags_current(envelope, category) && key_current(envelope, category)))
		return true;
	return csec_envelope_key_is_destroyed(envelope);
}

/* The same text; key is asked for when it has been opened, which looks up keys. */
static struct varlena *
make_again(const CsecEnvelope *envelope, const CsecCustomer *customer, bool same_key)
{
	CsecPortable text;
	const CsecSubjectKey *key = NULL;
	Tag			tag = {0};
	struct varlena *value;

	csec_encrypted_open_portable(envelope, &text);
	if (!same_key)
		key = csec_customer_key(customer);
	else if (envelope->flags & CSEC_ENVELOPE_SUBJECT)
		(void) csec_subject_key_find(envelope->subject, envelope->commitment, &key);
	/* its tag was authentic together with the text */
	if (!same_key && (envelope->flags & CSEC_ENVELOPE_SEARCH))
	{
		tag.mark = envelope->search_mark;
		memcpy(tag.tag, envelope->search_tag, CSEC_SEARCH_TAG);
	}
	value = make_of(envelope->category,
					envelope->category != CSEC_CATEGORY_NONE ? csec_category_lookup(envelope->category) : NULL,
					envelope->flags & CSEC_ENVELOPE_SUSPECT, &text, &tag, key);
	csec_portable_release(&text);
	return value;
}

struct varlena *
csec_encrypted_renew(const CsecEnvelope *envelope)
{
	return make_again(envelope, NULL, true);
}

struct varlena *
csec_encrypted_rekey(const CsecEnvelope *envelope, const CsecCustomer *customer)
{
	return make_again(envelope, customer, false);
}

/* ---- input ---- */

/*
 * A reader without clearance may try so many values: by its tag where it has
 * one, as comparisons count it, else by its text.  The tag is for the value,
 * too.
 */
static void
probe_input(const CsecCategory *known, uint32 category, const char *text, size_t len, Tag *tag)
{
	uint32_t	next;

	if (known == NULL || !known->searchable)
	{
		csec_probe_input(category, text, len);
		return;
	}
	tag->mark = csec_search_key_active(&next);
	csec_encrypted_tag_under(tag->mark, text, len, tag->tag);
	csec_probe_input(category, (char *) tag->tag, CSEC_SEARCH_TAG);
}

/* A field that was masked when it was dumped. */
static struct varlena *
from_dump(uint32 category, const char *text, size_t len)
{
	CsecMasked	dumped;
	struct varlena *value;

	csec_dump_take(category, text, len, &dumped);
	value = csec_encrypted_make(dumped.category, dumped.text, dumped.len);
	csec_dump_release(&dumped);
	return value;
}

struct varlena *
csec_encrypted_input(int32 typmod, const char *text, size_t len)
{
	uint32		category = typmod < 0 ? CSEC_CATEGORY_NONE : (uint32) typmod;
	const CsecCategory *known;
	Tag			tag = {0};

	csec_hide_input();
	known = csec_category_to_keep(category);
	if (unlikely(csec_is_envelope_text(text, len)))
		return csec_envelope_from_text(category, text, len);
	if (unlikely(csec_is_dump_text(text, len)))
		return from_dump(category, text, len);
	if (unlikely(csec_tried_stored) && category == CSEC_CATEGORY_NONE)
		csec_tried_constant(text, len);
	/* What replication applies was checked, and typed in, where it comes from. */
	if (category != CSEC_CATEGORY_NONE && !IsLogicalWorker())
	{
		len = csec_date_length(known, text, len);
		if (known)
			csec_check_input(known, text, len);
		probe_input(known, category, text, len, &tag);
	}
	return make(category, known, suspect_flag(category, text, len), text, len, &tag, NULL);
}

/* ---- values of either type ---- */

void
csec_value_read(const struct varlena *value, CsecMasked *out)
{
	if (VARSIZE_ANY_EXHDR(value) > 0 &&
		*(const uint8 *) VARDATA_ANY(value) == CSEC_ENVELOPE_MAGIC)
		csec_encrypted_take(value, out);
	else
		csec_masked_read(value, out);
}

bool
csec_value_well_formed(const struct varlena *value)
{
	const uint8 *data = (const uint8 *) VARDATA_ANY(value);
	size_t		size = VARSIZE_ANY_EXHDR(value);
	CsecEnvelope envelope;

	if (size > 0 && data[0] == CSEC_ENVELOPE_MAGIC)
		return csec_envelope_parse(data, size, &envelope) &&
			!(envelope.flags & CSEC_ENVELOPE_TRAIL);
	return size >= CSEC_MASKED_HEADER && (data[0] & ~CSEC_MASKED_FLAGS) == 0;
}

void
csec_encrypted_take(const struct varlena *value, CsecMasked *out)
{
	CsecEnvelope envelope;

	csec_encrypted_read(value, &envelope);
	out->flags = (envelope.flags & CSEC_ENVELOPE_SUSPECT) ? CSEC_MASKED_SUSPECT : 0;
	out->category = envelope.category;
	/* Different where the values are, and says nothing else. */
	out->tag = csec_get_u32((envelope.flags & CSEC_ENVELOPE_SEARCH) ?
							envelope.search_tag : envelope.nonce);
	out->text = NULL;
	out->len = envelope.len;
	out->envelope = (const uint8 *) VARDATA_ANY(value);
	out->envelope_size = VARSIZE_ANY_EXHDR(value);
}

void
csec_value_text(CsecMasked *value)
{
	CsecEnvelope envelope;

	if (value->text != NULL)
		return;
	if (!csec_envelope_parse(value->envelope, value->envelope_size, &envelope))
		malformed();
	value->text = csec_encrypted_open(&envelope, &value->len);
}

bool
csec_value_try_text(CsecMasked *value)
{
	CsecEnvelope envelope;
	char	   *text;
	size_t		len;

	if (value->text != NULL)
		return true;
	if (!csec_envelope_parse(value->envelope, value->envelope_size, &envelope))
		return false;
	text = csec_encrypted_try_open(&envelope, &len);
	if (text == NULL)
		return false;
	value->text = text;
	value->len = len;
	return true;
}

bool
csec_value_is_gone(const CsecMasked *value)
{
	CsecEnvelope envelope;

	return value->envelope != NULL && value->text == NULL &&
		csec_envelope_of_subject(value->envelope) &&
		csec_envelope_parse(value->envelope, value->envelope_size, &envelope) &&
		csec_envelope_key_is_destroyed(&envelope);
}

void
csec_value_release(CsecMasked *value)
{
	if (value->envelope == NULL || value->text == NULL)
		return;
	csec_secure_wipe((char *) value->text, value->len);
	pfree((char *) value->text);
	value->text = NULL;
}
