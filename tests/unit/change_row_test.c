/*-------------------------------------------------------------------------
 * change_row_test.c
 *		The changed rows of a record are taken apart strictly.
 *
 *	sources: audit/change_row.c audit/record.c types/envelope.c crypto/aead.c crypto/hash.c crypto/mac.c util/secure_block.c
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
#define FORM_AT 11			/* of the column "phone" */
#define ENVELOPE_SIZE (CSEC_ENVELOPE_FIXED + 3 + CSEC_AEAD_TAG)

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

/* An envelope of three bytes of text, with these flags. */
static void
put_envelope(uint8_t *out, uint8_t flags)
{
	memset(out, 0x55, ENVELOPE_SIZE);
	out[0] = CSEC_ENVELOPE_MAGIC;
	out[1] = 1;
	out[2] = flags;
}

/* Columns "id", not classified, and "phone", classified. */
static void
begin(void)
{
	len = 0;
	add("\2\2id\0\5phone\1", 12);
}

/* One row that sets phone to this classified value. */
static void
insert_classified(const void *value, size_t n)
{
	begin();
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
		last->value.data = last->digest.data = NULL;
	}
	free(copy);
	return malformed ? -1 : n;
}

static void
classified(void)
{
	uint8_t		value[256] = {0};
	CsecChangeSide side;
	size_t		mask = 16;
	size_t		size;

	memset(value, 0xaa, 16);
	value[16] = 2;
	memcpy(value + 17, "1*", 2);
	insert_classified(value, 19);
	ok(values(&side) == 1 && side.value.len == 2 && side.digest.len == 16 &&
	   side.envelope.data == NULL && !side.is_null, "digest and mask");
	put_envelope(value + 19, CSEC_ENVELOPE_TRAIL);
	size = 19 + ENVELOPE_SIZE;
	insert_classified(value, size);
	ok(values(&side) == 1 && side.value.len == 2 && side.envelope.len == ENVELOPE_SIZE,
	   "digest, mask and envelope");
	put_envelope(value + 19, CSEC_ENVELOPE_TRAIL | CSEC_ENVELOPE_SUBJECT);
	insert_classified(value, size);
	ok(values(NULL) == -1, "a subject's envelope needs its room");
	for (int flags = 0; flags < 256; flags++)
	{
		put_envelope(value + 19, (uint8_t) flags);
		insert_classified(value, size);
		if (flags != CSEC_ENVELOPE_TRAIL && values(NULL) != -1)
			ok(false, "an envelope with flags %02x", flags);
	}
	ok(true, "no other envelope");
	put_envelope(value + 19, CSEC_ENVELOPE_TRAIL);
	for (size_t n = 0; n < size; n++)
	{
		insert_classified(value, n);
		if (values(NULL) == 1 && n != 19 && n < size - 3)
			ok(false, "a value of %zu bytes", n);
	}
	ok(true, "a value that ends early");
	value[mask] = (uint8_t) (size - 17);
	insert_classified(value, size);
	ok(values(NULL) == 1, "a mask to the end");
	value[mask] = (uint8_t) (size - 16);
	insert_classified(value, size);
	ok(values(NULL) == -1, "a mask beyond the end");
}

/* Under a customer's key: neither digest nor mask. */
static void
sealed(void)
{
	uint8_t		value[17 + ENVELOPE_SIZE + CSEC_ENVELOPE_SUBJECT_SIZE] = {0};
	CsecChangeSide side;

	insert_classified(value, 17);
	ok(values(&side) == 1 && side.sealed && side.digest.len == 0 && side.envelope.data == NULL, "neither digest, mask nor envelope");
	put_envelope(value + 17, CSEC_ENVELOPE_TRAIL | CSEC_ENVELOPE_SUBJECT);
	insert_classified(value, sizeof(value));
	ok(values(&side) == 1 && side.sealed && side.digest.len == 0 &&
	   side.envelope.len == ENVELOPE_SIZE + CSEC_ENVELOPE_SUBJECT_SIZE, "the envelope alone");
	value[0] = 1;
	insert_classified(value, sizeof(value));
	ok(values(&side) == 1 && !side.sealed && side.digest.len == 16, "a digest and an empty mask are something else");
	for (int form = 0; form < 256; form++)
	{
		bool		sound = form <= CSEC_CHANGE_SEALED;

		insert_classified(value, sizeof(value));
		field[FORM_AT] = (uint8_t) form;
		if ((values(NULL) >= 0) != sound)
			ok(false, "a column told in form %d", form);
	}
	ok(true, "columns are told in three forms");
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
	memset(value, 0xaa, 16);
	memcpy(value + 16, "\2" "1*", 3);
	put_envelope(value + 19, CSEC_ENVELOPE_TRAIL);
	insert_classified(value, 19 + ENVELOPE_SIZE);
	add("U\0018\0\1\0\3\1a\1b", 11);
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
	random_bytes();
	return unit_done();
}
