/*
 * masked_value.h
 *		The bytes of a csec.masked value, and how to make and read them.
 *
 *		flags     1 byte
 *		category  4 bytes, big endian; 0: it never got one
 *		tag       4 bytes, big endian: the head of the text's keyed order tag;
 *				  0 in a value that has no category
 *		text      the rest, in the server's encoding
 *
 * The tag comes before the text, so that whatever compares images of values
 * (the record operators *< and *=, for one) meets a keyed order and not the
 * text's.  It is also what makes comparing and hashing cheap: the digest is
 * computed once, when the value is made.  A value without a category is one that
 * somebody has typed in: its image, in rows that are compared so and in the
 * catalogs, must not tell him where it lies in that order.
 *
 * A value keeps the category that it was born with; its exits go by that.
 */
#ifndef CSEC_TYPES_MASKED_VALUE_H
#define CSEC_TYPES_MASKED_VALUE_H

#include "postgres.h"

#include "fmgr.h"

#include "policy/category.h"
#include "policy/check.h"
#include "util/bytes.h"
#include "util/pgcompat.h"

#define CSEC_MASKED_HEADER	9
#define CSEC_MASKED_TAG	5		/* where the tag stands */

/* Orders by its text: its category was declared with "plain". */
#define CSEC_MASKED_PLAIN	0x01
/* The text has the form of a mask: see masked_writeback.c. */
#define CSEC_MASKED_SUSPECT	0x02
#define CSEC_MASKED_FLAGS	(CSEC_MASKED_PLAIN | CSEC_MASKED_SUSPECT)

/*
 * A typmod is the category's number, which is even, plus this bit.  Whether a
 * field sorts by its text is said by its type and not looked up, as a value
 * must be ordered alike whatever the policy says on the day it is read.
 */
#define CSEC_TYPMOD_PLAIN	1

typedef struct CsecMasked
{
	uint8		flags;
	uint32		category;
	uint32		tag;
	const char *text;			/* not terminated; NULL: still encrypted */
	size_t		len;
	const uint8 *envelope;		/* of a csec.encrypted value, else NULL */
	size_t		envelope_size;
} CsecMasked;

pg_noreturn extern void csec_masked_malformed(void);

/* Take a value apart; it must have been detoasted (packed is well). */
static inline void
csec_masked_read(const struct varlena *value, CsecMasked *out)
{
	const uint8 *data = (const uint8 *) VARDATA_ANY(value);
	size_t		size = VARSIZE_ANY_EXHDR(value);

	if (unlikely(size < CSEC_MASKED_HEADER ||
				 (data[0] & ~CSEC_MASKED_FLAGS) != 0))
		csec_masked_malformed();
	out->flags = data[0];
	out->category = csec_get_u32(data + 1);
	out->tag = csec_get_u32(data + CSEC_MASKED_TAG);
	out->text = (const char *) data + CSEC_MASKED_HEADER;
	out->len = size - CSEC_MASKED_HEADER;
	out->envelope = NULL;
	out->envelope_size = 0;
}

static inline bool
csec_masked_same_text(const CsecMasked *a, const CsecMasked *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

#define CSEC_GETARG_MASKED(n, out) \
	csec_masked_read((struct varlena *) PG_GETARG_VARLENA_PP(n), (out))

/*
 * csec_masked_make
 *		A new value of this text and category, in the current context.
 *
 * plain: it sorts by its text.  Neither checked nor counted: that is
 * csec_masked_input()'s work.
 */
extern struct varlena *csec_masked_make(uint32 category, bool plain,
										const char *text, size_t len);

/*
 * csec_masked_input
 *		A new value of a text that came from outside.
 *
 * With a typmod (not negative) it gets the category: the category's check is
 * made (invalid_text_representation, without the value), and the value counts
 * as tried by a reader without clearance.  With -1 it has no category yet.
 */
extern struct varlena *csec_masked_input(int32 typmod, const char *text,
										 size_t len);

/* The tag of a text, and what stands for it in a value of a category. */
extern uint32 csec_masked_tag(const char *text, size_t len);
extern uint32 csec_masked_stored_tag(uint32 category, const char *text, size_t len);

/* Keep what is read of COPY's input out of COPY's errors, until the next line. */
extern void csec_hide_input(void);

/*
 * The category of a value that is to be stored; NULL where it has none, or one
 * that is not known here.  An error where such values are not to be stored.
 */
extern const CsecCategory *csec_category_to_keep(uint32 id);

/* What the check of a strict category says of a text; OK where there is none. */
extern CsecCheckResult csec_judge_input(const CsecCategory *category, const char *text,
										size_t len);

/*
 * What input of either type asks of a text that becomes a value of a category:
 * that it passes the category's check (invalid_text_representation, without
 * the value).
 */
extern void csec_check_input(const CsecCategory *category, const char *text, size_t len);

/*
 * csec_input_passes
 *		For an input function whose context is "soft": false where that has taken
 *		the error of a strict category's check.
 */
extern bool csec_input_passes(Node *soft, int32 typmod, const char *text);

/* Has the text the form of its category's mask, or of any where that is not known? */
extern bool csec_input_suspect(uint32 category, const char *text, size_t len);

/* The base type csec.encrypted, or InvalidOid where csec is not here. */
extern Oid	csec_encrypted_type(void);

/* Is it one of the two?  Domains are not: ask for getBaseType(). */
extern bool csec_is_field_type(Oid type);

#endif							/* CSEC_TYPES_MASKED_VALUE_H */
