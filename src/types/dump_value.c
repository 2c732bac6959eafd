/*
 * dump_value.c
 *		How a masked field stands in a dump: encrypted, with its key in a wrap.
 *
 * A dump lies in places that no clearance reaches.  An envelope of
 * csec.encrypted would not serve here: its key is in csec.key, and pg_dump
 * says nothing about which table's rows come first, while a masked field must
 * be opened when it comes back.  So each value brings its key along, wrapped.
 *
 * What was dumped was checked when it was first stored, and does not count as
 * tried.  So only those may bring it back who may try without limit, or see
 * the value anyway: to others it would tell, with a field of their own to
 * write into, whether a value that they know is the one in a stolen dump.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "keys/dump_key.h"
#include "policy/decision.h"
#include "policy/reader.h"
#include "types/dump_value.h"
#include "types/masked_value.h"
#include "util/armor.h"
#include "util/crypto_failed.h"
#include "util/portable_text.h"
#include "util/secure_memory.h"

#define MAGIC		0xC2
#define AT_FLAGS	1
#define AT_CATEGORY	2
#define AT_KEY		6

#define NOT_UTF8	0x02	/* beside CSEC_MASKED_PLAIN: see util/portable_text.h */

char *
csec_dump_text(const CsecMasked *value, size_t *len)
{
	CsecPortable portable;
	uint8		nonce[CSEC_AEAD_NONCE];
	const uint8 *key;
	size_t		key_size;
	CsecAead   *aead = csec_dump_key(&key, &key_size, nonce);
	size_t		head = AT_KEY + key_size;
	size_t		size;
	uint8	   *bytes;
	uint8	   *cipher;
	char	   *text;
	bool		ok;

	csec_portable_take(value->text, value->len, &portable);
	size = add_size(portable.len, head + CSEC_AEAD_NONCE + CSEC_AEAD_TAG);
	bytes = palloc(size);
	cipher = bytes + head + CSEC_AEAD_NONCE;
	bytes[0] = MAGIC;
	bytes[AT_FLAGS] = (value->flags & CSEC_MASKED_PLAIN) | (portable.bytes ? NOT_UTF8 : 0);
	csec_put_u32(bytes + AT_CATEGORY, value->category);
	memcpy(bytes + AT_KEY, key, key_size);
	memcpy(bytes + head, nonce, CSEC_AEAD_NONCE);
	ok = csec_aead_seal(aead, nonce, bytes, head, (const uint8 *) portable.text, portable.len,
						cipher, cipher + portable.len);
	csec_portable_release(&portable);
	if (!ok)
		csec_crypto_failed("encrypt a value");
	text = csec_armor(CSEC_DUMP_PREFIX, bytes, size, len);
	pfree(bytes);
	return text;
}

bool
csec_is_dump_text(const char *text, size_t len)
{
	return csec_has_armor(CSEC_DUMP_PREFIX, text, len);
}

static void
refuse(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid value from a dump"),
			 errdetail("%s", detail)));
}

static void
check_right(uint32 category)
{
	if (superuser() || csec_reader_has_role(CSEC_ROLE_LOADER) ||
		csec_decide(category) == CSEC_REVEAL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("values from a dump may not be stored by this reader"),
			 errhint("Members of csec_loader restore dumps.")));
}

void
csec_dump_take(uint32 category, const char *text, size_t len, CsecMasked *out)
{
	size_t		room = csec_unarmor_room(CSEC_DUMP_PREFIX, len);
	uint8	   *bytes = palloc(room + 1);
	int			size = csec_unarmor(CSEC_DUMP_PREFIX, text, len, bytes, room);
	size_t		key_size = 0;
	size_t		head;
	CsecAead   *aead = NULL;
	CsecPortable opened;

	memset(out, 0, sizeof(*out));
	if (size < AT_KEY || bytes[0] != MAGIC || (bytes[AT_FLAGS] & ~(CSEC_MASKED_PLAIN | NOT_UTF8)) != 0)
		refuse("It is not complete, or was altered.");
	out->flags = bytes[AT_FLAGS] & CSEC_MASKED_PLAIN;
	out->category = csec_get_u32(bytes + AT_CATEGORY);
	if (category != CSEC_CATEGORY_NONE && out->category != category)
		refuse("It is of another category than the field's.");
	(void) csec_category_to_keep(out->category);
	check_right(out->category);
	aead = csec_dump_key_open(bytes + AT_KEY, size - AT_KEY, &key_size);
	head = AT_KEY + key_size;
	if (aead == NULL || size < head + CSEC_AEAD_NONCE + CSEC_AEAD_TAG)
		refuse("It is not complete, or was altered.");
	opened.len = size - head - CSEC_AEAD_NONCE - CSEC_AEAD_TAG;
	opened.own = palloc(opened.len + 1);
	opened.bytes = (bytes[AT_FLAGS] & NOT_UTF8) != 0;
	if (!csec_aead_open(aead, bytes + head, bytes, head, bytes + head + CSEC_AEAD_NONCE, opened.len,
						bytes + size - CSEC_AEAD_TAG, (uint8 *) opened.own))
	{
		csec_portable_release(&opened);
		refuse("It is not authentic: it was altered after it was dumped.");
	}
	pfree(bytes);
	out->text = csec_portable_back(&opened, &out->len);
	if (out->text == NULL)
		csec_refuse_encoding("a value from a dump");
}

void
csec_dump_release(CsecMasked *value)
{
	csec_secure_wipe((char *) value->text, value->len);
	pfree((char *) value->text);
	value->text = NULL;
}
