/*-------------------------------------------------------------------------
 * change_row_test.c
 *		The changed rows of a record are taken apart strictly.
 *
 *	sources: audit/change_row.c audit/record.c types/envelope.c types/trail_envelope.c crypto/aead.c crypto/hash.c crypto/mac.c util/secure_block.c
 *	libs: -lcrypto
 *
 * Without this, bytes that somebody edited could lead the parser out of its
 * buffer, or one value could be told in two ways.
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "audit/change_row.h"
#include "crypto/hash.h"
#include "types/envelope.h"
#include "util/bytes.h"

#define MAX 4096
#define FORM_AT 8			/* of the column "phone" */
#define FLAGS_AT 15			/* of the value that insert_classified() tells */
#define MASK "\2" "1*"
#define MASK_SIZE 3
#define HEADER_AT (FLAGS_AT + 2 + MASK_SIZE)
#define ENVELOPE_SIZE (1 + CSEC_ENVELOPE_FIXED + 3 + CSEC_AEAD_TAG)

static uint8_t field[MAX];
static size_t len;

static void
add(const void *data, size_t n)
{
	memcpy(field + len, data, n);
	len += n;
}

static void
add_counted(const void *data, size_t n)
{
	len += csec_put_varint(field + len, n);
	add(data, n);
}

/* An envelope of three bytes of text, with a new header of these flags in the first place. */
static void
put_envelope(uint8_t *out, uint8_t flags)
{
	memset(out, 0x55, ENVELOPE_SIZE);
	out[0] = CSEC_TRAIL_NEW;
	out[1] = CSEC_ENVELOPE_MAGIC;
	out[2] = 1;
	out[3] = flags;
}

/* One row that sets phone to this classified value. */
static void
insert_classified(const void *value, size_t n)
{
	len = 0;
	add("\1\1\5phone\1", 9);
	add("I\0017\0\1\1\2", 7);
	add_counted(value, n);
}

/* The number of values told, or -1; from a copy that ends where the bytes end. */
static int
values(CsecChangeSide *last)
{
	uint8_t    *copy = malloc(len > 0 ? len : 1);
	CsecChangeReader reader;
	CsecChangeName names[2];
	CsecChangeRow row;
	CsecChangeValue value;
	bool		malformed = false;
	int			n = 0;

	memcpy(copy, field, len);
	if (!csec_changes_open((CsecField) {copy, (uint32_t) len}, &reader) || reader.ncolumns > 2)
		n = -1;
	else
		csec_changes_names(&reader, names);
	while (n >= 0 && csec_changes_next_row(&reader, &row, &malformed))
		while (n >= 0 && row.told > 0)
			n = csec_changes_next_value(&reader, names, &row, &value) ? n + 1 : -1;
	if (n > 0 && last != NULL)
	{
		*last = value.after;
		/* lengths only: what they point to goes away */
		last->value.data = last->digest.data = last->envelope.header = last->envelope.cipher = NULL;
	}
	free(copy);
	return malformed ? -1 : n;
}

static void
classified(void)
{
	uint8_t		value[256] = {0};
	CsecChangeSide side;
	size_t		size = MASK_SIZE + CSEC_CHANGE_DIGEST_SIZE;

	memcpy(value, MASK, MASK_SIZE);
	memset(value + MASK_SIZE, 0xaa, CSEC_CHANGE_DIGEST_SIZE);
	insert_classified(value, size);
	ok(values(NULL) == -1, "a digest needs its flag");
	field[FLAGS_AT] |= CSEC_CHANGE_NEW_DIGEST;
	ok(values(&side) == 1 && side.masked && side.value.len == 2 && side.digest.len == 16 &&
	   side.envelope.headerlen == 0 && !side.is_null, "mask and digest");
	for (size_t n = 0; n <= sizeof(value) - 128; n++)
	{
		insert_classified(value, n);
		field[FLAGS_AT] |= CSEC_CHANGE_NEW_DIGEST;
		if (n != size && values(NULL) != -1)
			ok(false, "with a digest a value of %zu bytes", n);
	}
	ok(true, "a digest has its size");
	size = MASK_SIZE + ENVELOPE_SIZE;
	put_envelope(value + MASK_SIZE, CSEC_ENVELOPE_TRAIL);
	insert_classified(value, size);
	ok(values(&side) == 1 && side.masked && side.value.len == 2 && side.digest.len == 0 &&
	   side.envelope.headerlen == CSEC_ENVELOPE_FIXED && side.envelope.len == 3, "mask and envelope");
	field[FLAGS_AT] |= CSEC_CHANGE_NEW_DIGEST;
	ok(values(NULL) == -1, "no envelope where a digest is promised");
	put_envelope(value + MASK_SIZE, CSEC_ENVELOPE_TRAIL | CSEC_ENVELOPE_SUBJECT);
	insert_classified(value, size);
	ok(values(NULL) == -1, "a subject's envelope needs its room");
	for (int flags = 0; flags < 256; flags++)
	{
		put_envelope(value + MASK_SIZE, (uint8_t) flags);
		insert_classified(value, size);
		if (flags != CSEC_ENVELOPE_TRAIL && values(NULL) != -1)
			ok(false, "an envelope with flags %02x", flags);
	}
	ok(true, "no other envelope");
	put_envelope(value + MASK_SIZE, CSEC_ENVELOPE_TRAIL);
	for (size_t n = 0; n < size - 3; n++)
	{
		insert_classified(value, n);
		if (values(NULL) != -1)
			ok(false, "a value of %zu bytes", n);
	}
	ok(true, "a value that ends early");
	for (size_t mask = 3; mask < 128; mask++)
	{
		value[0] = (uint8_t) mask;
		insert_classified(value, size);
		if (values(NULL) != -1)
			ok(false, "a mask of %zu bytes", mask);
	}
	ok(true, "a mask that leaves no envelope");
}

/* Under a customer's key: the envelope or nothing. */
static void
sealed(void)
{
	uint8_t		value[ENVELOPE_SIZE + CSEC_ENVELOPE_SUBJECT_SIZE] = {0};
	CsecChangeSide side;

	put_envelope(value, CSEC_ENVELOPE_TRAIL | CSEC_ENVELOPE_SUBJECT);
	for (int form = 0; form < 256; form++)
	{
		bool		is_sealed = form == CSEC_CHANGE_SEALED || form == (CSEC_CHANGE_SEALED | CSEC_CHANGE_CLASSIFIED);

		insert_classified(value, 0);
		field[FORM_AT] = (uint8_t) form;
		if ((values(&side) == 1) != (is_sealed || form == 0) || (is_sealed && !side.sealed))
			ok(false, "nothing told in form %d", form);
		insert_classified(value, sizeof(value));
		field[FORM_AT] = (uint8_t) form;
		if ((values(&side) == 1) != (is_sealed || form == 0) ||
			(is_sealed && (!side.sealed || side.masked || side.digest.len != 0 || side.envelope.len != 3)))
			ok(false, "an envelope told in form %d", form);
		field[FLAGS_AT] |= CSEC_CHANGE_NEW_DIGEST;
		if (is_sealed && values(NULL) != -1)
			ok(false, "a digest told in form %d", form);
	}
	ok(true, "the envelope alone, or nothing");
}

/* A further envelope under the header in a place. */
static size_t
put_again(uint8_t *out, uint8_t place)
{
	memcpy(out, MASK, MASK_SIZE);
	out[MASK_SIZE] = place;
	memset(out + MASK_SIZE + 1, 0x66, CSEC_AEAD_TAG);
	return MASK_SIZE + 1 + CSEC_AEAD_TAG;
}

/* Envelopes that share headers. */
static void
shared(void)
{
	uint8_t		value[MASK_SIZE + ENVELOPE_SIZE];
	uint8_t		again[64];
	uint8_t		header[CSEC_TRAIL_HEADER_MAX];
	size_t		size;
	CsecTrailEnvelope in = {0};
	CsecEnvelope whole;
	CsecChangeSide side;

	memcpy(value, MASK, MASK_SIZE);
	put_envelope(value + MASK_SIZE, CSEC_ENVELOPE_TRAIL);
	insert_classified(value, sizeof(value));
	size = put_again(again, 0);
	for (int i = 0; i < 3; i++)
	{
		add("I\0017\0\1\1\2", 7);
		add_counted(again, size);
	}
	ok(values(&side) == 4 && side.envelope.number == 3 && side.envelope.headerlen == CSEC_ENVELOPE_FIXED,
	   "three more under one header");
	for (unsigned place = 1; place < 256; place++)
	{
		field[len - CSEC_AEAD_TAG - 1] = (uint8_t) place;
		if (values(NULL) != -1)
			ok(false, "a header at %u that was not told", place);
	}
	ok(true, "no header that was not told");
	for (unsigned place = 1; place <= CSEC_TRAIL_HEADERS; place++)
	{
		insert_classified(value, sizeof(value));
		for (unsigned i = 1; i <= CSEC_TRAIL_HEADERS; i++)
		{
			add("I\0017\0\1\1\2", 7);
			put_envelope(value + MASK_SIZE, CSEC_ENVELOPE_TRAIL);
			value[MASK_SIZE] |= (uint8_t) ((i < place ? i : i + 1) % CSEC_TRAIL_HEADERS);
			add_counted(value, sizeof(value));
		}
		put_envelope(value + MASK_SIZE, CSEC_ENVELOPE_TRAIL);
		if ((values(NULL) == 1 + CSEC_TRAIL_HEADERS) != (place > CSEC_TRAIL_HEADERS))
			ok(place > CSEC_TRAIL_HEADERS, "a place left out before %u", place);
	}
	ok(true, "headers take the places in turn");
	in.header = value + MASK_SIZE + 1;
	in.headerlen = CSEC_ENVELOPE_FIXED;
	in.number = 0xab;
	in.cipher = again;
	in.len = 7;
	memset(value + MASK_SIZE + 1 + CSEC_ENVELOPE_NONCE_AT, 0xff, CSEC_AEAD_NONCE);
	csec_trail_envelope_whole(&in, header, &whole);
	ok(memcmp(whole.nonce, "\xff\xff\xff\xff\0\0\0\0\0\0\0\xaa", CSEC_AEAD_NONCE) == 0 &&
	   whole.cipher == again && whole.len == 7 && whole.tag == again + 7 && whole.header == header &&
	   memcmp(whole.commitment, "UUUUUUUUUUUUUUUU", CSEC_KEY_COMMITMENT) == 0, "the whole envelope, with its nonce");
}

/* Sound rows, bent at random: none is read beyond its end. */
static void
random_bytes(void)
{
	uint8_t		value[256];
	uint8_t		sound[MAX];
	size_t		n;
	int			accepted = 0;

	unit_seed();
	memcpy(value, MASK, MASK_SIZE);
	put_envelope(value + MASK_SIZE, CSEC_ENVELOPE_TRAIL);
	insert_classified(value, MASK_SIZE + ENVELOPE_SIZE);
	add("U\0018\0\1\1\3", 7);
	n = put_again(value, 0);
	add_counted(value, n);
	add_counted(value, n);
	n = len;
	memcpy(sound, field, n);
	ok(values(NULL) == 2, "two rows");
	for (int i = 0; i < 200000; i++)
	{
		len = unit_below(8) == 0 ? unit_below((unsigned) n + 1) : n;
		memcpy(field, sound, n);
		for (unsigned k = 1 + unit_below(3); k > 0; k--)
			field[unit_below((unsigned) n)] = (uint8_t) unit_random();
		accepted += values(NULL) >= 0;
	}
	ok(accepted > 0 && accepted < 200000, "bent at random: %d of 200000 accepted, none read beyond its end", accepted);
}

int
main(void)
{
	classified();
	sealed();
	shared();
	random_bytes();
	return unit_done();
}
