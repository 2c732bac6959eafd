/*
 * record.c
 *		Takes audit records apart and writes their headers.             [FE]
 *
 * Parsing is strict: every body that is accepted has exactly one encoding.
 * A reader that shrugged at a stray byte, a field out of order or a number
 * written longer than it need be would let two different byte strings mean
 * the same record, and a verifier elsewhere might see a third meaning.
 */
#include "audit/record.h"

#include "util/bytes.h"

/* What the bytes of a field must look like. */
typedef enum FieldForm
{
	FORM_BYTES,					/* anything: texts, payloads */
	FORM_U8,
	FORM_U32,
	FORM_U64,
	FORM_VARINT,
	FORM_COLUMNS,
	FORM_NAMES,
	FORM_SUBJECTS,
	FORM_SESSION				/* i64 start, u32 process id */
} FieldForm;

static const uint8_t field_form[CSEC_TAG_LAST + 1] = {
	[CSEC_TAG_START_LSN] = FORM_U64,
	[CSEC_TAG_XID] = FORM_U32,
	[CSEC_TAG_RELID] = FORM_U32,
	[CSEC_TAG_STATEMENT_NO] = FORM_VARINT,
	[CSEC_TAG_STATUS] = FORM_U8,
	[CSEC_TAG_EXACTNESS] = FORM_U8,
	[CSEC_TAG_ROWS] = FORM_VARINT,
	[CSEC_TAG_COLUMNS] = FORM_COLUMNS,
	[CSEC_TAG_SUBJECTS] = FORM_SUBJECTS,
	[CSEC_TAG_PROBED] = FORM_NAMES,
	[CSEC_TAG_FROM_LSN] = FORM_U64,
	[CSEC_TAG_TO_LSN] = FORM_U64,
	[CSEC_TAG_OUTCOME] = FORM_U8,
	[CSEC_TAG_POLICY_VERSION] = FORM_VARINT,
	[CSEC_TAG_LEADER] = FORM_SESSION,
	[CSEC_TAG_PERMIT] = FORM_VARINT,
};

/* Writes CSEC_HEADER_SIZE bytes to out. */
void
csec_header_put(uint8_t *out, const CsecHeader *header)
{
	out[0] = CSEC_FORMAT_VERSION;
	out[1] = CSEC_HASH_SHA256;
	out[2] = header->kind;
	out[3] = header->outcome;
	csec_put_u64(out + 4, header->seq);
	csec_put_u64(out + 12, (uint64_t) header->sealed_at);
	csec_put_u64(out + 20, header->lsn);
	csec_put_u32(out + 28, header->timeline);
	csec_put_u32(out + 32, header->body_len);
}

/*
 * Reads the header of a whole record of len bytes.  False where the version,
 * hash, kind or outcome is unknown, or the body is not as long as it says.
 */
bool
csec_header_get(const uint8_t *in, size_t len, CsecHeader *header)
{
	if (len < CSEC_HEADER_SIZE + CSEC_BODY_FIXED_SIZE ||
		in[0] != CSEC_FORMAT_VERSION || in[1] != CSEC_HASH_SHA256)
		return false;
	header->kind = in[2];
	header->outcome = in[3];
	header->seq = csec_get_u64(in + 4);
	header->sealed_at = (int64_t) csec_get_u64(in + 12);
	header->lsn = csec_get_u64(in + 20);
	header->timeline = csec_get_u32(in + 28);
	header->body_len = csec_get_u32(in + 32);
	return header->kind >= CSEC_KIND_GENESIS &&
		header->kind <= CSEC_KIND_LAST &&
		header->outcome <= CSEC_OUTCOME_PREPARED &&
		header->body_len == len - CSEC_HEADER_SIZE;
}

static bool
names_are_sound(CsecField field, bool with_decision)
{
	uint8_t		decision;
	const uint8_t *name;
	uint32_t	len;

	while (csec_field_next_name(&field, with_decision ? &decision : NULL,
								&name, &len))
		;
	return field.len == 0;
}

static bool
subjects_are_sound(CsecField field)
{
	CsecSubjectsReader reader;
	int64_t		low;
	int64_t		high;
	const uint8_t *text;
	uint32_t	len;

	if (!csec_subjects_open(field, &reader))
		return false;
	if (reader.form == CSEC_SUBJECTS_RANGES)
		while (csec_subjects_next_range(&reader, &low, &high))
			;
	else if (reader.form == CSEC_SUBJECTS_TEXTS)
		while (csec_subjects_next_text(&reader, &text, &len))
			;
	return reader.left == 0 && reader.p == reader.end;
}

static bool
field_is_sound(int tag, CsecField field)
{
	const uint8_t *p = field.data;
	const uint8_t *end = field.data + field.len;
	uint64_t	v;

	switch ((FieldForm) field_form[tag])
	{
		case FORM_BYTES:
			return true;
		case FORM_U8:
			return field.len == 1;
		case FORM_U32:
			return field.len == 4;
		case FORM_U64:
			return field.len == 8;
		case FORM_VARINT:
			return csec_get_varint(&p, end, &v) && p == end;
		case FORM_COLUMNS:
			return names_are_sound(field, true);
		case FORM_NAMES:
			return names_are_sound(field, false);
		case FORM_SUBJECTS:
			return subjects_are_sound(field);
		case FORM_SESSION:
			return field.len == 12;
	}
	return false;
}

/*
 * Takes a body apart.  False where it is not exactly in the one form that a
 * body has; *body is then not to be used.
 */
bool
csec_body_get(const uint8_t *in, size_t len, CsecBody *body)
{
	const uint8_t *p = in + CSEC_BODY_FIXED_SIZE;
	const uint8_t *end = in + len;
	int			last_tag = -1;

	if (len < CSEC_BODY_FIXED_SIZE || len > CSEC_BODY_MAX ||
		in[0] != CSEC_FORMAT_VERSION)
		return false;

	memset(body, 0, sizeof(*body));
	body->kind = in[1];
	body->flags = csec_get_u16(in + 2);
	body->session_start = (int64_t) csec_get_u64(in + 4);
	body->session_pid = csec_get_u32(in + 12);
	body->number = csec_get_u64(in + 16);
	body->at = (int64_t) csec_get_u64(in + 24);
	if (body->kind < CSEC_KIND_GENESIS || body->kind > CSEC_KIND_LAST ||
		body->number == 0)
		return false;

	while (p < end)
	{
		int			tag = *p++;
		uint64_t	field_len;

		if (tag <= last_tag || tag > CSEC_TAG_LAST ||
			!csec_get_varint(&p, end, &field_len) ||
			field_len > (uint64_t) (end - p))
			return false;
		last_tag = tag;
		body->field[tag].data = p;
		body->field[tag].len = (uint32_t) field_len;
		if (!field_is_sound(tag, body->field[tag]))
			return false;
		p += field_len;
	}
	return true;
}

bool
csec_field_is(CsecField field, const char *text)
{
	return field.data != NULL && field.len == strlen(text) &&
		memcmp(field.data, text, field.len) == 0;
}

bool
csec_body_says(const CsecBody *body, int kind, const char *action)
{
	return body->kind == kind && csec_field_is(body->field[CSEC_TAG_ACTION], action);
}

uint64_t
csec_field_u64(CsecField field, uint64_t otherwise)
{
	if (field.data == NULL)
		return otherwise;
	switch (field.len)
	{
		case 1:
			return field.data[0];
		case 2:
			return csec_get_u16(field.data);
		case 4:
			return csec_get_u32(field.data);
		case 8:
			return csec_get_u64(field.data);
		default:
			return otherwise;
	}
}

uint64_t
csec_field_varint(CsecField field, uint64_t otherwise)
{
	const uint8_t *p = field.data;
	uint64_t	v;

	if (p == NULL || !csec_get_varint(&p, p + field.len, &v))
		return otherwise;
	return v;
}

bool
csec_field_next_name(CsecField *field, uint8_t *decision,
					 const uint8_t **name, uint32_t *len)
{
	const uint8_t *p = field->data;
	const uint8_t *end = p + field->len;
	uint64_t	name_len;

	if (field->len == 0)
		return false;
	if (decision != NULL)
		*decision = *p++;
	if (!csec_get_varint(&p, end, &name_len) || name_len > (uint64_t) (end - p))
		return false;
	*name = p;
	*len = (uint32_t) name_len;
	field->data = p + name_len;
	field->len = (uint32_t) (end - field->data);
	return true;
}

/* False where the field is missing or begins with no known form. */
bool
csec_subjects_open(CsecField field, CsecSubjectsReader *reader)
{
	if (field.data == NULL || field.len == 0)
		return false;
	memset(reader, 0, sizeof(*reader));
	reader->form = (CsecSubjectsForm) field.data[0];
	reader->first = true;
	reader->p = field.data + 1;
	reader->end = field.data + field.len;
	switch (reader->form)
	{
		case CSEC_SUBJECTS_ALL:
			return true;
		case CSEC_SUBJECTS_RANGES:
		case CSEC_SUBJECTS_TEXTS:
			return csec_get_varint(&reader->p, reader->end, &reader->left);
	}
	return false;
}

/*
 * Gives the next range, ends included.  At the end of a sound set it returns
 * false with left = 0 and p = end, and anything else means that the set is
 * malformed.  Distances wrap around as 64-bit numbers do, so that the whole
 * of bigint can be said; a range that does not lie above the one before it
 * with at least one number between them is malformed.
 */
bool
csec_subjects_next_range(CsecSubjectsReader *reader, int64_t *low, int64_t *high)
{
	uint64_t	distance;
	uint64_t	extent;
	int64_t		from;

	if (reader->left == 0 ||
		!csec_get_varint(&reader->p, reader->end, &distance) ||
		!csec_get_varint(&reader->p, reader->end, &extent))
		return false;

	from = (int64_t) ((uint64_t) reader->high +
					  (uint64_t) csec_unzigzag(distance));
	if (!reader->first &&
		(reader->high >= INT64_MAX - 1 || from <= reader->high + 1))
		return false;
	if (extent > (uint64_t) INT64_MAX - (uint64_t) from)
		return false;

	*low = from;
	*high = (int64_t) ((uint64_t) from + extent);
	reader->high = *high;
	reader->first = false;
	reader->left--;
	return true;
}

/* Likewise for keys that are not integers. */
bool
csec_subjects_next_text(CsecSubjectsReader *reader,
						const uint8_t **text, uint32_t *len)
{
	uint64_t	text_len;

	if (reader->left == 0 ||
		!csec_get_varint(&reader->p, reader->end, &text_len) ||
		text_len > (uint64_t) (reader->end - reader->p))
		return false;
	*text = reader->p;
	*len = (uint32_t) text_len;
	reader->p += text_len;
	reader->left--;
	return true;
}

static const char *
name_of(const char *const *names, int count, int which)
{
	return which >= 0 && which < count && names[which] ? names[which] : "unknown";
}

const char *
csec_kind_name(int kind)
{
	static const char *const names[] = {
		[CSEC_KIND_GENESIS] = "genesis",
		[CSEC_KIND_READ] = "read",
		[CSEC_KIND_CHANGE] = "change",
		[CSEC_KIND_OUTCOME] = "outcome",
		[CSEC_KIND_CONTROL] = "control",
		[CSEC_KIND_DENIAL] = "denial",
		[CSEC_KIND_GAP] = "gap",
		[CSEC_KIND_SERVER] = "server",
		[CSEC_KIND_REJECTED] = "rejected",
		[CSEC_KIND_CONNECTION] = "connection",
		[CSEC_KIND_CUT] = "cut",
	};

	return name_of(names, CSEC_KIND_LAST + 1, kind);
}

const char *
csec_outcome_name(int outcome)
{
	static const char *const names[] = {
		[CSEC_OUTCOME_NONE] = "none",
		[CSEC_OUTCOME_COMMITTED] = "committed",
		[CSEC_OUTCOME_ABORTED] = "aborted",
		[CSEC_OUTCOME_OPEN] = "open",
		[CSEC_OUTCOME_PREPARED] = "prepared",
	};

	return name_of(names, CSEC_OUTCOME_PREPARED + 1, outcome);
}

const char *
csec_exactness_name(int exactness)
{
	static const char *const names[] = {
		[CSEC_EXACT_DELIVERED] = "delivered",
		[CSEC_EXACT_SCANNED] = "scanned",
		[CSEC_EXACT_ALL] = "all",
		[CSEC_EXACT_INTENT] = "intent",
	};

	return name_of(names, CSEC_EXACT_INTENT + 1, exactness);
}
