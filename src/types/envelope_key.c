/*
 * envelope_key.c
 *		The key that an envelope names: a data key, or that of one customer.
 */
#include "types/envelope_key.h"

#include "keys/data_key.h"
#include "keys/subject_key.h"

static CsecSubjectKeyState
subject_state(const CsecEnvelope *envelope)
{
	const CsecSubjectKey *key;

	return csec_subject_key_find(envelope->subject, envelope->commitment, &key);
}

static inline bool
of_subject(const CsecEnvelope *envelope)
{
	return (envelope->flags & CSEC_ENVELOPE_SUBJECT) != 0;
}

static inline const CsecDataKey *
data_key_of(const CsecEnvelope *envelope)
{
	return csec_data_key_find(envelope->key_id, envelope->key_version);
}

/*
 * Another one may have the number: a restored database's, or where a version was
 * made in a transaction that rolled back, the one that was made next.  The trail
 * has what was encrypted in that transaction all the same.
 */
static inline bool
is_its_key(const CsecDataKey *key, const CsecEnvelope *envelope)
{
	return memcmp(csec_data_key_commitment(key), envelope->commitment, CSEC_KEY_COMMITMENT) == 0;
}

bool
csec_envelope_key_is_destroyed(const CsecEnvelope *envelope)
{
	if (of_subject(envelope))
		return subject_state(envelope) == CSEC_SUBJECT_KEY_DESTROYED;
	return csec_data_key_is_destroyed(envelope->key_id, envelope->key_version);
}

bool
csec_envelope_key_is_known(const CsecEnvelope *envelope)
{
	if (of_subject(envelope))
	{
		CsecSubjectKeyState state = subject_state(envelope);

		return state == CSEC_SUBJECT_KEY_USABLE || state == CSEC_SUBJECT_KEY_SHUT;
	}
	return csec_data_key_is_known(envelope->key_id, envelope->key_version) &&
		is_its_key(data_key_of(envelope), envelope);
}

bool
csec_envelope_key_opens(const CsecEnvelope *envelope)
{
	if (of_subject(envelope))
		return subject_state(envelope) == CSEC_SUBJECT_KEY_USABLE;
	return csec_data_key_opens(envelope->key_id, envelope->key_version);
}

static void
refuse_subject_key(const CsecEnvelope *envelope, CsecSubjectKeyState state)
{
	if (state == CSEC_SUBJECT_KEY_DESTROYED)
		csec_refuse_destroyed(envelope->subject);
	if (state == CSEC_SUBJECT_KEY_SHUT)
		csec_refuse_shut(envelope->subject);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("the key of a customer (" UINT64_FORMAT ") is not in this database", envelope->subject),
			 errdetail("A value was encrypted under it elsewhere, or its row in csec.subject_key is missing."),
			 errhint("Restore the rows of csec.subject_key that belong to the data; or, if they are lost, write all fields of the row anew.")));
}

void
csec_envelope_key_must_be_there(const CsecEnvelope *envelope)
{
	if (of_subject(envelope) && subject_state(envelope) == CSEC_SUBJECT_KEY_UNKNOWN)
		refuse_subject_key(envelope, CSEC_SUBJECT_KEY_UNKNOWN);
}

CsecAead *
csec_envelope_key_aead(const CsecEnvelope *envelope)
{
	const CsecDataKey *data_key;

	if (of_subject(envelope))
	{
		const CsecSubjectKey *key;
		CsecSubjectKeyState state = csec_subject_key_find(envelope->subject, envelope->commitment, &key);

		if (state == CSEC_SUBJECT_KEY_OTHER)
			return NULL;
		if (unlikely(state != CSEC_SUBJECT_KEY_USABLE))
			refuse_subject_key(envelope, state);
		return csec_subject_key_aead(key, envelope->suite);
	}
	data_key = data_key_of(envelope);
	if (unlikely(!is_its_key(data_key, envelope)))
		return NULL;
	return csec_data_key_aead(data_key, envelope->suite);
}

static const char *
subject_key_problem(CsecSubjectKeyState state)
{
	switch (state)
	{
		case CSEC_SUBJECT_KEY_USABLE:
			return NULL;
		case CSEC_SUBJECT_KEY_UNKNOWN:
			return "unknown_key";
		case CSEC_SUBJECT_KEY_OTHER:
			return "other_key";
		case CSEC_SUBJECT_KEY_SHUT:
			return "key_does_not_open";
		case CSEC_SUBJECT_KEY_DESTROYED:
			break;
	}
	return "destroyed_key";
}

const char *
csec_envelope_key_problem(const CsecEnvelope *envelope)
{
	uint32		id = envelope->key_id;
	uint16		version = envelope->key_version;

	if (of_subject(envelope))
		return subject_key_problem(subject_state(envelope));
	if (csec_data_key_is_destroyed(id, version))
		return "destroyed_key";
	if (!csec_data_key_is_known(id, version))
		return "unknown_key";
	if (!is_its_key(data_key_of(envelope), envelope))
		return "other_key";
	if (!csec_data_key_opens(id, version))
		return "key_does_not_open";
	return NULL;
}
