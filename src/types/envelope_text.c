/*
 * envelope_text.c
 *		Envelopes as text: how dumps have them, and how they come back.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "replication/logicalworker.h"

#include "policy/category.h"
#include "policy/reader.h"
#include "types/encrypted_value.h"
#include "types/envelope_key.h"
#include "types/envelope_text.h"
#include "util/armor.h"
#include "util/secure_memory.h"

char *
csec_encrypted_as_text(const uint8 *envelope, size_t size, size_t *len)
{
	return csec_armor(CSEC_ENVELOPE_PREFIX, envelope, size, len);
}

bool
csec_is_envelope_text(const char *text, size_t len)
{
	return csec_has_armor(CSEC_ENVELOPE_PREFIX, text, len);
}

static void
refuse_envelope_text(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid envelope for a value of type csec.encrypted"),
			 errdetail("%s", detail)));
}

/*
 * An envelope whose key cannot be used here is not known to be authentic: a
 * dump may bring its key later, and a DBA the KEK.  So who restores dumps may
 * store it; anybody else could put values into a table that nobody can read.
 */
static void
refuse_unopened(const CsecEnvelope *envelope)
{
	if (superuser() || IsLogicalWorker() || csec_reader_has_role(CSEC_ROLE_LOADER))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 (envelope->flags & CSEC_ENVELOPE_SUBJECT) ?
			 errmsg("an envelope under the key of a customer (" UINT64_FORMAT ") cannot be checked here",
					envelope->subject) :
			 errmsg("an envelope under key %u version %u cannot be checked here",
					envelope->key_id, envelope->key_version),
			 errdetail("The key is not in this database, or cannot be used; only superusers and members of csec_loader may store what was encrypted under it.")));
}

struct varlena *
csec_envelope_from_text(uint32 category, const char *text, size_t len)
{
	size_t		room = csec_unarmor_room(CSEC_ENVELOPE_PREFIX, len);
	struct varlena *value = palloc(VARHDRSZ + room);
	int			n = csec_unarmor(CSEC_ENVELOPE_PREFIX, text, len, (uint8 *) VARDATA(value), room);
	CsecEnvelope envelope;

	if (n < 0 || !csec_envelope_parse((uint8 *) VARDATA(value), n, &envelope))
		refuse_envelope_text("It is not complete, or was altered.");
	if (envelope.flags & CSEC_ENVELOPE_TRAIL)
		refuse_envelope_text("It belongs to a record of the trail; csec.open_change() opens it.");
	SET_VARSIZE(value, VARHDRSZ + n);
	if (category != CSEC_CATEGORY_NONE && envelope.category != category)
		refuse_envelope_text("It holds a value of another category than the field's.");
	(void) csec_category_to_keep(envelope.category);
	if (csec_envelope_key_opens(&envelope))
	{
		CsecPortable opened;

		csec_encrypted_open_portable(&envelope, &opened);
		csec_portable_release(&opened);
	}
	else
		refuse_unopened(&envelope);
	return value;
}
