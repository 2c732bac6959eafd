/*
 * stored.c
 *		The short form of a record, and the record from it.             [FE]
 */
#include "audit/stored.h"

#include "util/bytes.h"

/* What a part has before its fields. */
static const size_t part_head[CSEC_PARTS] = {
	[CSEC_PART_SESSION] = 16,	/* timeline, session */
	[CSEC_PART_STATEMENT] = 3,	/* kind, flags */
};

#define TAG(tag) (UINT64_C(1) << (tag))

static const uint64_t part_tags[CSEC_PARTS] = {
	[CSEC_PART_SESSION] = TAG(CSEC_TAG_PERSON) | TAG(CSEC_TAG_LOGIN) |
		TAG(CSEC_TAG_SESSION_USER) | TAG(CSEC_TAG_READER) | TAG(CSEC_TAG_CURRENT_USER) |
		TAG(CSEC_TAG_APPLICATION) | TAG(CSEC_TAG_CLIENT),
	[CSEC_PART_STATEMENT] = TAG(CSEC_TAG_RELID) | TAG(CSEC_TAG_RELATION) |
		TAG(CSEC_TAG_STATEMENT) | TAG(CSEC_TAG_STATUS) | TAG(CSEC_TAG_EXACTNESS) |
		TAG(CSEC_TAG_COLUMNS) | TAG(CSEC_TAG_PROBED) | TAG(CSEC_TAG_WITHIN),
};

/*
 * Pieces of reads are looked for by bytes of their records (the index
 * audit_log_pieces), as cuts are; all other kinds are few.  Stored in short
 * form, they would not be found: so that is none.
 */
static bool
is_kind_of_short(uint8_t kind, uint16_t flags)
{
	return (flags & CSEC_BODY_PIECE) == 0 &&
		(kind == CSEC_KIND_READ || kind == CSEC_KIND_CHANGE);
}

bool
csec_may_be_short(const CsecHeader *header, const CsecBody *body)
{
	return header->kind == body->kind && is_kind_of_short(body->kind, body->flags);
}

/* ---- into the short form ---- */

static size_t
field_size(CsecField field)
{
	return 1 + csec_varint_size(field.len) + field.len;
}

static uint8_t *
put_field(uint8_t *p, int tag, CsecField field)
{
	*p++ = (uint8_t) tag;
	p += csec_put_varint(p, field.len);
	memcpy(p, field.data, field.len);
	return p + field.len;
}

static uint8_t *
put_fields(uint8_t *p, const CsecBody *body, uint64_t tags)
{
	for (int tag = 0; tag <= CSEC_TAG_LAST; tag++)
		if ((tags & TAG(tag)) != 0 && body->field[tag].data != NULL)
			p = put_field(p, tag, body->field[tag]);
	return p;
}

size_t
csec_part_put(const CsecHeader *header, const CsecBody *body, CsecPartKind kind,
			  uint8_t *out)
{
	size_t		size = part_head[kind];

	for (int tag = 0; tag <= CSEC_TAG_LAST; tag++)
		if ((part_tags[kind] & TAG(tag)) != 0 && body->field[tag].data != NULL)
			size += field_size(body->field[tag]);
	if (size > CSEC_PART_MAX)
		return 0;
	if (kind == CSEC_PART_SESSION)
	{
		csec_put_u32(out, header->timeline);
		csec_put_u64(out + 4, (uint64_t) body->session_start);
		csec_put_u32(out + 12, body->session_pid);
	}
	else
	{
		out[0] = body->kind;
		csec_put_u16(out + 1, body->flags);
	}
	(void) put_fields(out + part_head[kind], body, part_tags[kind]);
	return size;
}

static uint8_t *
put_part(uint8_t *p, const CsecPart *part, uint64_t seq)
{
	if (part->base != 0)
		return p + csec_put_varint(p, seq - part->base);
	p += csec_put_varint(p, part->len);
	memcpy(p, part->data, part->len);
	return p + part->len;
}

size_t
csec_short_put(const CsecHeader *header, const CsecBody *body, const CsecPart *part,
			   uint8_t *out)
{
	uint8_t    *p = out;

	*p++ = CSEC_SHORT_FORM | header->outcome |
		(part[CSEC_PART_SESSION].base != 0 ? CSEC_SHORT_SESSION : 0) |
		(part[CSEC_PART_STATEMENT].base != 0 ? CSEC_SHORT_STATEMENT : 0);
	p += csec_put_varint(p, header->seq);
	csec_put_u64(p, (uint64_t) header->sealed_at);
	p += 8;
	p += csec_put_varint(p, header->lsn);
	p += csec_put_varint(p, body->number);
	/* wraps around, as the clocks of two processes may be set to anything */
	p += csec_put_varint(p, csec_zigzag((int64_t) ((uint64_t) header->sealed_at - (uint64_t) body->at)));
	for (int kind = 0; kind < CSEC_PARTS; kind++)
		p = put_part(p, &part[kind], header->seq);
	p = put_fields(p, body, ~(part_tags[CSEC_PART_SESSION] | part_tags[CSEC_PART_STATEMENT]));
	return (size_t) (p - out);
}

/* ---- and back ---- */

static bool
get_part(const uint8_t **p, const uint8_t *end, uint64_t seq, bool is_other, CsecPart *part)
{
	uint64_t	n;

	memset(part, 0, sizeof(*part));
	if (!csec_get_varint(p, end, &n))
		return false;
	if (is_other)
	{
		part->base = seq - n;
		return n > 0 && n < seq && n <= CSEC_PART_REACH;
	}
	if (n > CSEC_PART_MAX || n > (uint64_t) (end - *p))
		return false;
	part->data = *p;
	part->len = (uint32_t) n;
	*p += n;
	return true;
}

bool
csec_short_get(const uint8_t *in, size_t len, CsecStored *stored)
{
	const uint8_t *p = in;
	const uint8_t *end = in + len;
	uint8_t		form;
	uint64_t	ago;

	if (!csec_is_short(in, len) || len > CSEC_BODY_MAX + CSEC_SHORT_OVERHEAD)
		return false;
	form = *p++;
	if ((form & ~(CSEC_SHORT_OUTCOME | CSEC_SHORT_SESSION | CSEC_SHORT_STATEMENT)) != CSEC_SHORT_FORM)
		return false;
	stored->outcome = form & CSEC_SHORT_OUTCOME;
	if (!csec_get_varint(&p, end, &stored->seq) || end - p < 8)
		return false;
	stored->sealed_at = (int64_t) csec_get_u64(p);
	p += 8;
	if (!csec_get_varint(&p, end, &stored->lsn) ||
		!csec_get_varint(&p, end, &stored->number) ||
		!csec_get_varint(&p, end, &ago) ||
		!get_part(&p, end, stored->seq, (form & CSEC_SHORT_SESSION) != 0,
				  &stored->part[CSEC_PART_SESSION]) ||
		!get_part(&p, end, stored->seq, (form & CSEC_SHORT_STATEMENT) != 0,
				  &stored->part[CSEC_PART_STATEMENT]))
		return false;
	stored->at = (int64_t) ((uint64_t) stored->sealed_at - (uint64_t) csec_unzigzag(ago));
	stored->own.data = p;
	stored->own.len = (uint32_t) (end - p);
	return true;
}

int64_t
csec_stored_seq(const uint8_t *in, size_t len, int64_t otherwise)
{
	CsecStored	stored;

	if (csec_is_short(in, len))
		return csec_short_get(in, len, &stored) ? (int64_t) stored.seq : otherwise;
	return in != NULL && len >= CSEC_HEADER_SIZE ? (int64_t) csec_get_u64(in + 4) : otherwise;
}

size_t
csec_whole_size(const CsecStored *stored)
{
	size_t		size = CSEC_HEADER_SIZE + CSEC_BODY_FIXED_SIZE + stored->own.len;

	for (int kind = 0; kind < CSEC_PARTS; kind++)
		if (stored->part[kind].len > part_head[kind])
			size += stored->part[kind].len - part_head[kind];
	return size;
}

/* Fields of a part, or the others: not all of them copied yet. */
typedef struct FieldList
{
	const uint8_t *p;
	const uint8_t *end;
} FieldList;

/* Copies the first field of the list; NULL where that is none. */
static uint8_t *
move_field(FieldList *list, uint8_t *out)
{
	const uint8_t *p = list->p + 1;
	uint64_t	len;
	size_t		size;

	if (!csec_get_varint(&p, list->end, &len) || len > (uint64_t) (list->end - p))
		return NULL;
	size = (size_t) (p - list->p) + (size_t) len;
	memcpy(out, list->p, size);
	list->p += size;
	return out + size;
}

/* The list whose first field has the lowest tag, or NULL: all are at their end. */
static FieldList *
lowest(FieldList *lists, int count)
{
	FieldList  *found = NULL;

	for (int i = 0; i < count; i++)
		if (lists[i].p < lists[i].end && (found == NULL || *lists[i].p < *found->p))
			found = &lists[i];
	return found;
}

static uint8_t *
merge_fields(const CsecStored *stored, uint8_t *out)
{
	FieldList	lists[CSEC_PARTS + 1];
	FieldList  *list;

	for (int kind = 0; kind < CSEC_PARTS; kind++)
	{
		lists[kind].p = stored->part[kind].data + part_head[kind];
		lists[kind].end = stored->part[kind].data + stored->part[kind].len;
	}
	lists[CSEC_PARTS].p = stored->own.data;
	lists[CSEC_PARTS].end = stored->own.data + stored->own.len;
	while (out != NULL && (list = lowest(lists, CSEC_PARTS + 1)) != NULL)
		out = move_field(list, out);
	return out;
}

size_t
csec_whole_put(const CsecStored *stored, uint8_t *out)
{
	const uint8_t *session = stored->part[CSEC_PART_SESSION].data;
	const uint8_t *statement = stored->part[CSEC_PART_STATEMENT].data;
	uint8_t    *body = out + CSEC_HEADER_SIZE;
	uint8_t    *end;
	CsecHeader	header;

	for (int kind = 0; kind < CSEC_PARTS; kind++)
		if (stored->part[kind].data == NULL || stored->part[kind].len < part_head[kind])
			return 0;
	if (!is_kind_of_short(statement[0], csec_get_u16(statement + 1)))
		return 0;
	body[0] = CSEC_FORMAT_VERSION;
	memcpy(body + 1, statement, 3);
	memcpy(body + 4, session + 4, 12);
	csec_put_u64(body + 16, stored->number);
	csec_put_u64(body + 24, (uint64_t) stored->at);
	end = merge_fields(stored, body + CSEC_BODY_FIXED_SIZE);
	if (end == NULL)
		return 0;
	header.kind = statement[0];
	header.outcome = stored->outcome;
	header.seq = stored->seq;
	header.sealed_at = stored->sealed_at;
	header.lsn = stored->lsn;
	header.timeline = csec_get_u32(session);
	header.body_len = (uint32_t) (end - body);
	csec_header_put(out, &header);
	return (size_t) (end - out);
}
